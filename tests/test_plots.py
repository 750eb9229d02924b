"""Plots draw what they are given, on the axes they are given. How they look is for eyes, what they say is for tests."""

import inspect
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from PIL import Image

from facelab import plots
from facelab.cascade import Faces
from facelab.data import load_cast
from facelab.detection import FaceDetector

RNG = np.random.default_rng(0)
PHOTO = Image.fromarray(RNG.integers(0, 255, (60, 80, 3), np.uint8))
FACES = Faces(
    np.array([[10, 10, 40, 50], [50, 5, 70, 30]], np.float32), np.array([0.9, 0.8], np.float32), np.ones((2, 5, 2))
)
GENUINE, IMPOSTOR = RNG.normal(0.7, 0.2, 60), RNG.normal(1.2, 0.2, 200)
CALLS = {
    "show_image": (PHOTO,),
    "show_faces": ([PHOTO] * 5, list("abcde")),
    "show_detections": (PHOTO, FACES),
    "show_windows": (PHOTO, FACES.boxes, FACES.probs),
    "plot_heat": (PHOTO, RNG.random((6, 8))),
    "plot_vector": (RNG.normal(size=128),),
    "plot_distance_matrix": (RNG.random((6, 6)), ["Ann", "Ann", "Bob", "Bob", "Cai", "Cai"]),
    "plot_distances": (GENUINE, IMPOSTOR),
    "plot_embedding_map": (RNG.normal(size=(4, 2)), [PHOTO] * 4, list("aabb")),
    "plot_sweep": ([0, 1, 2], [0, 0.2, 0.5]),
    "plot_roc": (GENUINE, IMPOSTOR),
    "plot_bands": (GENUINE, IMPOSTOR),
}


@pytest.fixture(autouse=True)
def _tidy():
    with plt.rc_context():
        yield
    plt.close("all")


def test_every_plot_is_tried_here():
    public = {
        name
        for name, function in inspect.getmembers(plots, inspect.isfunction)
        if function.__module__ == plots.__name__ and "ax" in inspect.signature(function).parameters
    }
    assert {name for name in public if not name.startswith("_")} == {*CALLS, "plot_cascade"}


@pytest.mark.parametrize("name", CALLS)
def test_takes_and_returns_axes(name):
    plot = getattr(plots, name)
    alone = plot(*CALLS[name])
    assert isinstance(alone, Axes)
    _, ax = plt.subplots()
    assert plot(*CALLS[name], ax=ax) is ax
    ax.figure.canvas.draw()


def test_faces_stand_in_order_row_by_row():
    colours = ["red", "green", "blue", "white", "black"]
    ax = plots.show_faces([Image.new("RGB", (20, 30), c) for c in colours], columns=2, side=10)
    sheet = np.asarray(ax.images[0].get_array())
    centres = [tuple(sheet[14 * row + 5, 14 * column + 5]) for row in range(3) for column in range(2)]
    assert centres[:5] == [(255, 0, 0), (0, 128, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)]


def test_standardised_crops_show_their_colours():
    crops = torch.full((1, 3, 8, 8), (200 - 127.5) / 128)
    sheet = np.asarray(plots.show_faces(crops, side=8).images[0].get_array())
    assert (sheet == 200).all()


def test_no_faces_to_show():
    with pytest.raises(ValueError, match="no faces"):
        plots.show_faces([])


def test_boxes_are_drawn_where_they_are():
    ax = plots.show_detections(PHOTO, FACES, truth=FACES.boxes[:1] + 1, labels=["Ann", "Bob"])
    drawn = [(p.get_x(), p.get_y(), p.get_x() + p.get_width(), p.get_y() + p.get_height()) for p in ax.patches]
    np.testing.assert_allclose(drawn, [FACES.boxes[0] + 1, *FACES.boxes])
    assert [text.get_text() for text in ax.texts] == ["Ann", "Bob"]


def test_cascade_shows_the_counts_of_the_trace():
    photo = load_cast().path[8]
    trace = FaceDetector().trace(photo)
    axes = plots.plot_cascade(photo, trace)
    assert len(axes) == 5
    numbers = [int(re.search(r"\d+", ax.get_title())[0]) for ax in axes]
    counts = trace.counts()
    assert numbers == [
        counts.loc["P-Net", "over threshold"],
        counts.loc["P-Net", "kept"],
        counts.loc["R-Net", "over threshold"],
        counts.loc["R-Net", "kept"],
        counts.loc["O-Net", "kept"],
    ]


def test_cascade_of_an_image_without_levels():
    tiny = Image.new("RGB", (8, 8))
    assert len(plots.plot_cascade(tiny, FaceDetector().trace(tiny))) == 5


def test_roc_by_counting():
    ax = plots.plot_roc(GENUINE, IMPOSTOR)
    curve = ax.lines[0].get_xydata()
    for threshold in (0.7, 0.9, 1.1):
        counted = [np.count_nonzero(pairs <= threshold) / len(pairs) for pairs in (IMPOSTOR, GENUINE)]
        # scikit-learn leaves out points in the middle of straight stretches: the counted one lies on the line even so
        start, end = curve[:-1], curve[1:]
        along = np.linalg.norm(start - counted, axis=1) + np.linalg.norm(end - counted, axis=1)
        assert (along - np.linalg.norm(end - start, axis=1)).min() < 1e-9


def test_chance_line_is_drawn():
    assert "chance" in [line.get_label() for line in plots.plot_roc(GENUINE, IMPOSTOR).lines]


@pytest.mark.parametrize("along", ["x", "y"])
def test_bands_cover_the_middle_half_of_the_pairs(along):
    ax = plots.plot_bands(GENUINE, IMPOSTOR, along=along)
    for band, pairs in zip(ax.patches, (GENUINE, IMPOSTOR), strict=True):
        corners = band.get_extents().transformed(ax.transData.inverted())
        low, high = corners.intervalx if along == "x" else corners.intervaly
        assert np.mean((pairs >= low) & (pairs <= high)) == pytest.approx(0.5, abs=0.02)


def test_matrix_labels_people_in_the_middle_of_their_blocks():
    ax = plots.plot_distance_matrix(RNG.random((5, 5)), ["Ann", "Ann", "Ann", "Bob", "Bob"])
    assert ax.get_xticks().tolist() == [1, 3.5]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["Ann", "Bob"]


def test_style_is_set():
    plots.use_style()
    assert plt.rcParams["axes.spines.top"] is False
