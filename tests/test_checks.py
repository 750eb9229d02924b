"""What all modules refuse alike, and what they let through."""

import os

import numpy as np
import pandas as pd
import pytest
import torch
from one_sentence import sentence

from facelab import annotate_frames, average_precision, iou, rate_interval, smooth_vectors, track_faces
from facelab.cascade import Faces
from facelab.checks import (
    check_columns,
    checked_flags,
    checked_labels,
    checked_list,
    checked_numbers,
    checked_path,
    finite_columns,
)

FACES = pd.DataFrame({"frame": [0, 1], "x0": 0.0, "y0": 0.0, "x1": 9.0, "y1": 9.0, "name": "Ada"})


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("", "empty text"),
        ("a\0b", r"'a\\x00b' cannot be used as a path \(.*null"),
        ("x" * 10_000, r"This text of 10,000 characters cannot be used as a path \(.*: spell it so"),
        ("~no_such_user/a", r"\(Could not determine home directory\)"),
    ],
)
def test_paths_at_which_nothing_can_be(path, said):
    with pytest.raises(ValueError, match=said) as error:
        checked_path(path, "spell it so")
    sentence(error)


@pytest.mark.skipif(os.name != "posix", reason="links want rights elsewhere")
def test_a_path_that_leads_in_a_circle(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path in (tmp_path / "loop", tmp_path / "loop" / "photo.jpg"):
        with pytest.raises(ValueError, match="cannot be used as a path") as error:
            checked_path(path)
        sentence(error)


def test_paths_at_which_something_may_be(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "file").touch()
    for path in ("file", "nowhere/at all", "file/below"):
        assert checked_path(f"~/{path}") == tmp_path / path


@pytest.mark.parametrize("values", [["1"], [1j], np.array(["2024"], "datetime64[D]"), [[1], [1, 2]], [object()], "a"])
def test_what_is_no_number(values):
    with pytest.raises(ValueError, match=r"^Give numbers\.$"):
        checked_numbers(values, "Give numbers.")


@pytest.mark.parametrize("values", [3, [True], np.ones(2, np.uint8), torch.ones(2, requires_grad=True), [[]], [None]])
def test_what_are_numbers_in_any_shape(values):
    numbers = checked_numbers(values, "Give numbers.", np.float32)
    assert numbers.dtype == np.float32
    assert numbers.shape == np.shape(values)


def test_lists_and_labels_and_flags():
    for values in (3, [[1], [2]], [[1], [1, 2]], None):
        with pytest.raises(ValueError, match="Names must be one list") as error:
            checked_list(values, "Names")
        sentence(error)
    for values in ([1, np.nan], ["a", None], pd.Series(["a", pd.NA])):
        assert len(checked_list(values, "Names")) == 2
        with pytest.raises(ValueError, match="A label is missing") as error:
            checked_labels(values)
        sentence(error)
    for values in ([0.5], ["a"], [None], [np.nan]):
        with pytest.raises(ValueError, match="same must hold True for one, and nothing else") as error:
            checked_flags(values, "same", "for one")
        sentence(error)
    assert checked_flags([1, 0], "same", "for one").tolist() == [True, False]


def test_columns():
    for columns, said in (
        (["frame", "track", "prob"], "lacks track, prob: see here"),
        (["x0"], "more than one column x0"),
    ):
        with pytest.raises(ValueError, match=said) as error:
            check_columns(pd.concat([FACES, FACES[["x0"]]], axis=1), columns, "faces", "see here")
        sentence(error)
    check_columns(FACES, ["x0", "name"], "faces", "see here")
    np.testing.assert_array_equal(finite_columns(FACES, ["frame", "x1"]), [[0, 9], [1, 9]])
    for value in ("left", None, np.inf, 1j):
        with pytest.raises(ValueError, match="Among frame, x0 there is") as error:
            finite_columns(FACES.assign(x0=value), ["frame", "x0"])
        sentence(error)


def test_what_once_gave_a_wrong_answer_is_refused():
    for wrong in (
        lambda: iou(np.ones((4, 5)), np.ones((1, 4))),  # was taken for five boxes
        lambda: smooth_vectors(np.eye(3), [0, 0, np.nan]),  # gave whatever lay in memory
        lambda: track_faces(FACES.assign(frame=[0, np.nan])),  # gave a track of -1
        lambda: rate_interval([0.5, 2.0], ["a", "b"], ["a", "b"]),  # was taken for twice True
        lambda: iou(np.ones((1, 4), complex), np.ones((1, 4))),  # lost its imaginary part
    ):
        with pytest.raises(ValueError) as error:  # noqa: PT011
            wrong()
        sentence(error)


def test_a_single_true_box_is_one_face_and_not_four():
    box = np.array([0, 0, 9, 9], np.float32)
    found = Faces(box[None], np.ones(1, np.float32), np.zeros((1, 5, 2), np.float32))
    assert average_precision([box], [found]) == 1


def test_a_face_without_a_name_can_be_drawn():
    frames = [np.zeros((60, 60, 3), np.uint8)] * 2
    assert len(list(annotate_frames(frames, FACES.assign(name=[None, "Ada"])))) == 2
