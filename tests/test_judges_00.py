"""The judges of notebook 00 take right answers, and say something of use about wrong ones."""

import re

import numpy as np
import pytest

from facelab.data import load_cast
from facelab.exercises import check


def mended(distances, gallery_names):
    return [gallery_names[i] for i in np.argmin(distances, axis=1)]


def planted(distances, gallery_names):
    return [gallery_names[i] for i in np.argsort(distances, axis=1)[:, -1]]


def turned_furthest():
    return max(load_cast().itertuples(), key=lambda photo: abs(photo.yaw)).name


@pytest.mark.parametrize(
    ("number", "answer"),
    [
        ("00.1", {"b", "e", "f"}),
        ("00.1", ["F", "b", "e"]),
        ("00.2", 90_000_000),
        ("00.2", 9e7),
        ("00.3", turned_furthest()),
        ("00.4", mended),
    ],
)
def test_right(number, answer):
    verdict = check(number, answer)
    assert verdict
    assert repr(verdict).startswith(f"✓ {number}")


@pytest.mark.parametrize(
    ("number", "answer", "said"),
    [
        ("00.1", ..., "Not answered yet"),
        ("00.1", {"a", "b", "e", "f"}, "1 of yours"),
        ("00.1", {"b"}, "2 more"),
        ("00.1", {"recognition"}, "as a set"),
        ("00.1", 3, "cannot be done without|as a set"),
        ("00.2", 30_000_000, "more than once"),
        ("00.2", 3_000_000, "one face only"),
        ("00.2", 7, "How many gallery photos"),
        ("00.2", "many", "number"),
        ("00.3", "Nobody", "Not this one"),
        ("00.4", planted, "furthest"),
        ("00.4", lambda distances, names: ..., "TypeError|does not name"),
        ("00.4", lambda distances, names: None, "returns nothing"),
        ("00.4", lambda distances, names: names[:4], "does not name"),
        ("00.4", 4, "function itself"),
    ],
)
def test_wrong(number, answer, said):
    verdict = check(number, answer)
    assert not verdict
    assert repr(verdict).startswith(f"✗ {number}")
    assert re.search(said, verdict.sentence)


def test_a_solution_is_never_given_away():
    assert turned_furthest() not in check("00.3", "Nobody").sentence
    assert "90" not in check("00.2", 1).sentence


@pytest.mark.parametrize("number", ["1.2", 1.2, "a.b.c", "00", None])
def test_a_number_in_another_form(number):
    with pytest.raises(ValueError, match="as the notebook does"):
        check(number, 1)


def test_an_exercise_that_there_is_not():
    with pytest.raises(ValueError, match=r"no exercise '99\.1'"):
        check("99.1", 1)
