"""Plots draw what they are given, on the axes they are given. How they look is for eyes, what they say is for tests."""

import inspect
import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.offsetbox import AnnotationBbox
from PIL import Image
from scipy.stats import norm
from sklearn.metrics import det_curve
from torchvision.ops import nms

from facelab import curves, plots
from facelab.cascade import Faces
from facelab.data import load_cast
from facelab.detection import FaceDetector
from facelab.identification import open_set_identification

RNG = np.random.default_rng(0)
PHOTO = Image.fromarray(RNG.integers(0, 255, (60, 80, 3), np.uint8))
FACES = Faces(
    np.array([[10, 10, 40, 50], [50, 5, 70, 30]], np.float32), np.array([0.9, 0.8], np.float32), np.ones((2, 5, 2))
)
GENUINE, IMPOSTOR = RNG.normal(0.7, 0.2, 60), RNG.normal(1.2, 0.2, 200)
MATRIX = abs(np.subtract.outer(np.arange(6), np.arange(6))) / 6
OPEN_SET = open_set_identification(RNG.random((40, 5)), RNG.integers(0, 9, 40), np.arange(5))
GROUPS = pd.DataFrame(
    {"people": [1, 7], "genuine": [1, 900], "impostor": [3, 1234]}
    | {"fmr": [0.1, 0.02], "fmr_low": [0, 0.01], "fmr_high": [0.6, 0.05]}
    | {"fnmr": [0.0, 0.2], "fnmr_low": [0, 0.1], "fnmr_high": [0.9, 0.4]},
    index=["glasses", "none"],
)
CALLS = {
    "show_image": (PHOTO,),
    "show_faces": ([PHOTO] * 5, list("abcde")),
    "show_detections": (PHOTO, FACES),
    "show_windows": (PHOTO, FACES.boxes, FACES.probs),
    "plot_heat": (PHOTO, RNG.random((6, 8))),
    "plot_vector": (RNG.normal(size=128),),
    "plot_distance_matrix": (MATRIX, ["Ann", "Ann", "Bob", "Bob", "Cai", "Cai"]),
    "plot_distances": (GENUINE, IMPOSTOR),
    "plot_embedding_map": (RNG.normal(size=(4, 2)), [PHOTO] * 4, list("aabb")),
    "plot_sweep": ([0, 1, 2], [0, 0.2, 0.5]),
    "plot_roc": (GENUINE, IMPOSTOR),
    "plot_det": (GENUINE, IMPOSTOR),
    "plot_open_set": (OPEN_SET,),
    "plot_intervals": (GROUPS, "fnmr"),
    "plot_bands": (GENUINE, IMPOSTOR),
    "plot_training": (pd.DataFrame({"loss": [np.nan, 0.7], "training_eer": [0.3, 0.1], "validation_eer": [0.3, 0.2]}),),
    "plot_timeline": (pd.DataFrame({"name": ["Ann", "Bob"], "start": [0, 1.5], "end": [1, 3]}),),
}


@pytest.fixture(autouse=True)
def _tidy():
    with plt.rc_context():
        yield
    plt.close("all")


def plots_in(module):
    """What a module draws with: its own public functions that take Axes."""
    functions = inspect.getmembers(module, inspect.isfunction)
    own = {name: function for name, function in functions if function.__module__ == module.__name__}
    return {n for n, function in own.items() if n[0] != "_" and "ax" in inspect.signature(function).parameters}


def test_every_plot_is_tried_here():
    assert plots_in(plots) | plots_in(curves) == {*CALLS, "plot_cascade"}


def test_notebooks_find_every_plot_in_one_module():
    assert plots_in(curves) | plots_in(plots) <= set(plots.__all__)
    assert all(hasattr(plots, name) for name in plots.__all__)


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


def test_cascade_colours_each_window_by_its_own_score():
    photo = load_cast().path[8]
    trace = FaceDetector().trace(photo)
    p_net = trace.stages[0]
    best_first = nms(torch.from_numpy(p_net.boxes), torch.from_numpy(p_net.scores), 0.7).numpy()
    colours = plt.cm.plasma(2 * p_net.scores[best_first] - 1)
    colours[:, 3] = 0.9
    drawn = plots.plot_cascade(photo, trace)[1].patches
    assert len(drawn) == len(best_first)
    by_place = {patch.get_xy(): patch.get_edgecolor() for patch in drawn}
    for box, colour in zip(p_net.refined, colours, strict=True):
        np.testing.assert_allclose(by_place[tuple(box[:2])], colour, atol=1e-6)


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


def test_det_against_scikit_learn():
    line = plots.plot_det(GENUINE, IMPOSTOR).lines[0]
    same = np.repeat([1, 0], [len(GENUINE), len(IMPOSTOR)])
    fmr, fnmr, _ = det_curve(same, -np.r_[GENUINE, IMPOSTOR])
    drawn = {tuple(point) for point in norm.cdf(line.get_xydata()).round(6)}
    inside = (fmr > 0) & (fmr < 1) & (fnmr > 0) & (fnmr < 1)
    assert {tuple(point) for point in np.column_stack([fmr, fnmr])[inside].round(6)} <= drawn


@pytest.mark.parametrize(("plot", "call"), [("plot_roc", CALLS["plot_roc"]), ("plot_det", CALLS["plot_det"])])
def test_a_threshold_is_marked_on_the_curve(plot, call):
    ax = getattr(plots, plot)(*call, threshold=0.95)
    (mark,) = [line for line in ax.lines if line.get_marker() == "o"]
    x, y = mark.get_xydata()[0]
    fmr, fnmr = np.mean(IMPOSTOR <= 0.95), np.mean(GENUINE > 0.95)
    assert (x, y) == pytest.approx((fmr, 1 - fnmr) if plot == "plot_roc" else tuple(norm.ppf([fmr, fnmr])))


@pytest.mark.parametrize("name", ["plot_roc", "plot_det", "plot_open_set"])
def test_chance_line_is_drawn_once_for_several_curves(name):
    ax = getattr(plots, name)(*CALLS[name])
    getattr(plots, name)(*CALLS[name], label="another", ax=ax)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert "another" in labels
    assert len(labels) == len(set(labels))
    assert [label in ("chance", "guessing", "equal error rates") for label in labels] == sorted(
        label in ("chance", "guessing", "equal error rates") for label in labels
    )  # last in the legend
    assert {"chance", "guessing"} & set(labels)


def test_roc_begins_where_one_pair_makes_a_difference():
    ax = plots.plot_roc(GENUINE, IMPOSTOR)
    assert ax.get_xlim() == (1 / len(IMPOSTOR), 1)
    assert plots.plot_roc(GENUINE, np.tile(IMPOSTOR, 10), ax=ax).get_xlim()[0] == 1 / (10 * len(IMPOSTOR))
    assert plots.plot_roc(GENUINE, IMPOSTOR, ax=ax).get_xlim()[0] == 1 / (10 * len(IMPOSTOR))


def test_open_set_shows_both_rates_and_naming_everybody():
    ax = plots.plot_open_set(OPEN_SET)
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), np.column_stack([OPEN_SET.fpir, OPEN_SET.dir]))
    assert ax.lines[1].get_xydata().tolist() == [[1, OPEN_SET.dir[-1]]]


@pytest.mark.parametrize("rate", ["fmr", "fnmr"])
def test_intervals_lie_where_they_are_and_say_what_they_rest_on(rate):
    ax = plots.plot_intervals(GROUPS, rate)
    bars, name = ax.containers[0], {"fmr": "false match rate, FMR, %", "fnmr": "false non-match rate, FNMR, %"}[rate]
    assert ax.get_xlabel() == name
    np.testing.assert_allclose(bars.lines[0].get_xdata(orig=False), 100 * GROUPS[rate])
    drawn = np.array([segment[:, 0] for segment in bars.lines[2][0].get_segments()])
    np.testing.assert_allclose(drawn, 100 * GROUPS[[f"{rate}_low", f"{rate}_high"]], atol=1e-10)
    pairs = {"fmr": ["3 pairs", "1,234 pairs"], "fnmr": ["1 pair", "900 pairs"]}[rate]
    said = [label.get_text() for label in ax.get_yticklabels()]
    assert said == [f"glasses\n1 person, {pairs[0]}", f"none\n7 people, {pairs[1]}"]


def test_groups_without_pairs_leave_a_gap():
    ax = plots.plot_intervals(GROUPS.assign(fmr=[np.nan, 0.02], fmr_low=[np.nan, 0], fmr_high=[np.nan, 0.1]))
    ax.figure.canvas.draw()
    assert len(ax.get_yticklabels()) == 2


def test_overlap_is_what_both_histograms_cover():
    ax = plots.plot_distances(GENUINE, IMPOSTOR, threshold=0.9)
    genuine, impostor, overlap = (patch.get_data() for patch in ax.patches)
    np.testing.assert_array_equal(overlap.values, np.minimum(genuine.values, impostor.values))
    for drawn, pairs in ((genuine, GENUINE), (impostor, IMPOSTOR)):
        np.testing.assert_allclose(drawn.values, np.histogram(pairs, drawn.edges, density=True)[0])
    assert list(ax.lines[0].get_xdata()) == [0.9, 0.9]
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert any("overlap" in label for label in labels)
    assert any("60 pairs" in label for label in labels)


def test_histograms_that_share_an_axis_are_all_shown_in_full():
    figure, axes = plt.subplots(1, 2, sharey=True)
    for ax, impostor in zip(axes, (IMPOSTOR, [1.2]), strict=True):  # on the right a single bar, much higher
        plots.plot_distances(GENUINE, impostor, ax=ax)
    figure.canvas.draw()
    highest = max(patch.get_data().values.max() for ax in axes for patch in ax.patches)
    assert all(ax.get_ylim()[0] == 0 and ax.get_ylim()[1] > highest for ax in axes)


@pytest.mark.filterwarnings("error")
def test_histograms_without_overlap_or_without_pairs():
    for genuine, impostor in (([0.2, 0.3], [1.1, 1.2]), ([], [1.2]), ([0.3], [])):
        ax = plots.plot_distances(genuine, impostor)
        assert not any("overlap" in text.get_text() for text in ax.get_legend().get_texts())


@pytest.mark.parametrize("along", ["x", "y"])
def test_bands_cover_the_middle_half_of_the_pairs(along):
    ax = plots.plot_bands(GENUINE, IMPOSTOR, along=along)
    for band, pairs in zip(ax.patches, (GENUINE, IMPOSTOR), strict=True):
        corners = band.get_extents().transformed(ax.transData.inverted())
        low, high = corners.intervalx if along == "x" else corners.intervaly
        assert np.mean((pairs >= low) & (pairs <= high)) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("along", ["x", "y"])
def test_medians_of_bands_lie_above_the_grid_and_below_what_is_drawn_on_them(along):
    with plt.rc_context():
        plots.use_style()
        ax = plots.plot_bands(GENUINE, IMPOSTOR, along=along)
        (curve,) = ax.plot([0, 1], [0, 1])
    assert all(ax.xaxis.get_zorder() < median.get_zorder() < curve.get_zorder() for median in ax.lines[:2])


def test_matrix_shows_people_as_blocks_with_their_names():
    people = np.array(["Ann", "Bob", "Ann", "Bob", "Ann"])
    distances = MATRIX[:5, :5]
    ax = plots.plot_distance_matrix(distances, people)
    order = [0, 2, 4, 1, 3]
    np.testing.assert_allclose(ax.images[0].get_array(), distances[order][:, order])
    assert ax.get_xticks().tolist() == [1, 3.5]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["Ann", "Bob"]
    assert [line.get_ydata()[0] for line in ax.lines[::2]] == [2.5]
    with pytest.raises(ValueError, match="4 labels want a 4×4"):
        plots.plot_distance_matrix(distances, people[:4])


def test_map_has_a_face_at_every_point_and_a_frame_for_every_person():
    people = [f"person {i}" for i in range(len(plots.PALETTE) + 1)]
    points = RNG.random((len(people), 2))
    ax = plots.plot_embedding_map(points, [PHOTO] * len(people), people)
    faces = [artist for artist in ax.artists if isinstance(artist, AnnotationBbox)]
    np.testing.assert_allclose([face.xy for face in faces], points)
    frames = {(face.patch.get_edgecolor(), face.patch.get_linestyle()) for face in faces}
    assert len(frames) == len(people)
    ax.figure.canvas.draw()
    across, up = np.diff(ax.transData.transform([[0, 0], [1, 1]]), axis=0)[0]
    assert across == pytest.approx(up)
    with pytest.raises(ValueError, match=r"shape \(10, 3\)"):
        plots.plot_embedding_map(np.zeros((10, 3)), [PHOTO] * 10, people)


def test_style_is_set():
    plots.use_style()
    assert plt.rcParams["axes.spines.top"] is False


def test_learning_curves_are_in_per_cent_from_the_epoch_before_the_first():
    history = pd.DataFrame({"training_eer": [0.3, 0.1, 0.05], "others_eer": [0.4, 0.3, 0.35], "loss": 0.7})
    ax = plots.plot_training(history, best_epoch=1, label="softmax,")
    training, others, best = ax.lines
    np.testing.assert_allclose(others.get_xydata(), [[0, 40], [1, 30], [2, 35]])
    assert training.get_color() != others.get_color()
    assert [line.get_label() for line in (training, others)] == ["softmax, training", "softmax, others"]
    assert list(best.get_xdata()) == [1, 1]
    assert all(float(tick).is_integer() for tick in ax.get_xticks())


@pytest.mark.parametrize("watched", [["unseen", "photographs"], ["photographs", "unseen"], ["strangers"]])
def test_a_set_keeps_its_colour_whatever_stands_beside_it(watched):
    sets = ["training", *watched, "validation"]
    ax = plots.plot_training(pd.DataFrame({f"{name}_eer": [0.3, 0.1] for name in sets}))
    colours = {line.get_label(): line.get_color() for line in ax.lines}
    pink, _, black, grey, *_ = plots.PALETTE
    own = {"training": grey, "validation": black, "unseen": pink}
    assert {name: own.get(name, colours[name]) for name in sets} == colours
    assert len(set(colours.values()) | set(own.values())) == len({*sets, *own})


def test_learning_curves_need_error_rates():
    with pytest.raises(ValueError, match="no column NAME_eer"):
        plots.plot_training(pd.DataFrame({"loss": [1.0]}))
