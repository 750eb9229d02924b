"""Names and appearances: against a loop over everybody, and against cases that one can count."""

import numpy as np
import pandas as pd
import pytest
from one_sentence import sentence

from facelab import list_appearances, name_faces, smooth_vectors
from facelab.timeline import NOBODY, people_colours

RNG = np.random.default_rng(0)


def units(n, d=16):
    vectors = RNG.normal(size=(n, d))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_names_are_those_of_a_loop():
    gallery, faces = units(6), units(40)
    names = ["Ann", "Ann", "Bob", "Bob", "Cai", "Cai"]
    found = name_faces(faces, gallery, names, 1.2)
    for face, row in zip(faces, found.itertuples(), strict=True):
        distances = [np.sqrt(((face - other) ** 2).sum()) for other in gallery]
        assert row.distance == pytest.approx(min(distances), abs=1e-6)
        assert row.nearest == names[int(np.argmin(distances))]
        assert row.name == (row.nearest if min(distances) <= 1.2 else NOBODY)
    assert 0 < (found.name == NOBODY).sum() < len(faces)


def test_the_threshold_itself_is_near_enough():
    found = name_faces(np.array([[0.0, 1.0]]), np.array([[0.6, 0.8]]), ["Ann"], np.sqrt(0.4) + 1e-7)
    assert found.name.tolist() == ["Ann"]


def test_nobody_is_known_without_a_gallery_and_nobody_asked_without_faces():
    empty = name_faces(units(2), np.zeros((0, 16)), [], 1.0)
    assert empty.name.tolist() == [NOBODY, NOBODY]
    assert np.isinf(empty.distance).all()
    assert name_faces(np.zeros((0, 16)), units(3), list("abc"), 1.0).empty


def test_galleries_that_make_no_sense():
    for given, said in (
        ((units(1), units(2), ["Ann"], 1), "2 vectors and 1 names"),
        ((units(1), units(1), [NOBODY], 1), "another name"),
        ((units(1, 8), units(1), ["Ann"], 1), "different models"),
    ):
        with pytest.raises(ValueError, match=said) as caught:
            name_faces(*given)
        sentence(caught)


@pytest.mark.parametrize("window", [1, 2, 5, None])
def test_means_are_those_of_a_loop(window):
    vectors, tracks = units(30), RNG.integers(0, 3, 30)
    found = smooth_vectors(vectors, tracks, window)
    assert found.dtype == np.float32
    for i in range(30):
        same = [k for k in range(30) if tracks[k] == tracks[i]]
        some = same if window is None else [k for k in same if k <= i][-window:]
        mean = sum(vectors[k] for k in some) / len(some)
        np.testing.assert_allclose(found[i], mean / np.linalg.norm(mean), atol=1e-6)


def test_a_window_of_one_changes_nothing():
    vectors = units(5)
    np.testing.assert_allclose(smooth_vectors(vectors, [0, 0, 0, 1, 1], 1), vectors, atol=1e-6)
    assert smooth_vectors(np.zeros((0, 8)), []).shape == (0, 8)


def test_means_that_make_no_sense():
    for given, said in (((units(2), [0]), "2 vectors and 1 tracks"), ((units(1), [0], 0), "window is 0")):
        with pytest.raises(ValueError, match=said) as caught:
            smooth_vectors(*given)
        sentence(caught)


def test_appearances_can_be_counted():
    frames = {"Ann": [0, 1, 2, 9, 10, 40], "Bob": [5]}
    faces = pd.DataFrame([(frame, name) for name, some in frames.items() for frame in some], columns=["frame", "name"])
    found = list_appearances(faces.sample(frac=1, random_state=0), rate=10, max_gap=1)
    assert found.values.tolist() == [["Ann", 0.0, 1.1, 5], ["Bob", 0.5, 0.6, 1], ["Ann", 4.0, 4.1, 1]]
    glimpses = list_appearances(faces, rate=10, max_gap=0)
    assert glimpses[glimpses.name == "Ann"].start.tolist() == [0.0, 0.9, 4.0]
    every = list_appearances(faces[faces.frame % 5 == 0], rate=10, max_gap=0, every=5)
    assert every[every.name == "Ann"].end.tolist() == [0.5, 1.5, 4.5]
    assert list_appearances(faces[:0], rate=10).empty


def test_appearances_that_make_no_sense():
    faces = pd.DataFrame({"frame": [0], "name": ["Ann"]})
    for given, said in (((faces, 0), "rate is 0"), ((faces[["frame"]], 10), "lacks name")):
        with pytest.raises(ValueError, match=said) as caught:
            list_appearances(*given)
        sentence(caught)


def test_everybody_has_a_colour_and_strangers_are_grey():
    colours = people_colours([NOBODY, "Ann", "Bob", "Ann"])
    assert len(set(colours.values())) == 3
    assert colours[NOBODY] == "#999999"
    assert people_colours(["Ann", "Bob"])["Bob"] == colours["Bob"]
    assert len(people_colours(map(str, range(30)))) == 31
