"""ThresholdExplorer without a browser: what it counts, which pairs flip, what it shows and stores."""

import re

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from facelab import ThresholdExplorer, list_pairs, pairwise_distances
from facelab.style import GENUINE, IMPOSTOR
from facelab.verification import count_outcomes, equal_error_rate
from facelab.widgets import flipped_pairs, outcome_table, show_pairs

PEOPLE = np.repeat(["Ada", "Ben", "Cleo"], 4)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture
def pairs() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    vectors = np.repeat(rng.normal(size=(3, 8)), 4, axis=0) + rng.normal(size=(12, 8))
    return list_pairs(pairwise_distances(vectors / np.linalg.norm(vectors, axis=1, keepdims=True)), PEOPLE)


@pytest.fixture
def images() -> list[np.ndarray]:
    return [np.full((20, 20, 3), 20 * i, np.uint8) for i in range(12)]


@pytest.fixture
def explorer(pairs, images) -> ThresholdExplorer:
    return ThresholdExplorer(pairs, images, threshold=1.0)


def html_of(explorer) -> str:
    return "".join(child.value for child in explorer.children if isinstance(child, ipywidgets.HTML))


def split(pairs) -> tuple[np.ndarray, np.ndarray]:
    return pairs.distance[pairs.same].to_numpy(), pairs.distance[~pairs.same].to_numpy()


@pytest.mark.parametrize(("before", "after"), [(0.8, 1.2), (1.2, 0.8), (0, 2), (1, 1), (2, 0)])
def test_flipped_are_those_that_are_decided_differently(pairs, before, after):
    flips = flipped_pairs(pairs, before, after)
    decided = [(pairs.distance <= threshold).to_numpy() for threshold in (before, after)]
    assert sorted(flips.index) == np.flatnonzero(decided[0] != decided[1]).tolist()
    assert (flips.accepted == decided[1][flips.index]).all()
    assert (flips.right == (flips.same == flips.accepted)).all()


def test_pairs_flip_in_the_order_in_which_the_threshold_meets_them(pairs):
    assert flipped_pairs(pairs, 0.5, 1.5).distance.is_monotonic_increasing
    assert flipped_pairs(pairs, 1.5, 0.5).distance.is_monotonic_decreasing


def test_a_pair_at_the_threshold_is_accepted():
    pairs = pd.DataFrame({"row_a": [0], "row_b": [1], "same": [True], "distance": [1.0]})
    assert len(flipped_pairs(pairs, 0.9, 1.0)) == 1
    assert len(flipped_pairs(pairs, 1.0, 1.1)) == 0


def test_explorer_begins_at_the_equal_error_rate(pairs, images):
    explorer = ThresholdExplorer(pairs, images)
    _, threshold = equal_error_rate(*split(pairs))
    assert explorer.threshold == threshold
    assert explorer.outcomes == count_outcomes(*split(pairs), threshold)
    assert explorer.flips.empty
    assert "Move the threshold" in html_of(explorer)


def test_moving_counts_again_and_shows_what_flipped(explorer, pairs):
    explorer.threshold = 1.3
    assert explorer.outcomes == count_outcomes(*split(pairs), 1.3)
    flips = flipped_pairs(pairs, 1.0, 1.3)
    assert explorer.flips.distance.tolist() == flips.distance.tolist()
    shown = html_of(explorer)
    assert outcome_table(explorer.outcomes) in shown
    for same, kind, verdict in ((True, "genuine", "rightly"), (False, "impostor", "wrongly")):
        count = (flips.same == same).sum()
        assert count > 0
        assert f"{count} {kind} pair{'' if count == 1 else 's'} now {verdict} accepted" in shown
        expected = 2 * min(count, 5)
        assert len(re.findall(rf'alt="{kind} pair now {verdict} accepted, distance', shown)) == expected
    assert len(re.findall("<img ", shown)) == len(re.findall('<img src="data:image/jpeg;base64,[^"]+" alt="', shown))
    explorer.threshold = 1.0
    assert "now wrongly rejected" in html_of(explorer)
    assert "now rightly rejected" in html_of(explorer)


def test_of_many_flips_those_nearest_to_the_threshold_are_shown(pairs, images):
    explorer = ThresholdExplorer(pairs, images, threshold=0, most=2)
    explorer.threshold = 2
    captions = re.findall("<figcaption>(.*?)</figcaption>", html_of(explorer))
    expected = [f"{d:.3f}" for same in split(pairs) for d in np.sort(same)[::-1][:2]]
    assert captions == expected


def test_buttons_flip_one_pair_each(explorer, pairs):
    fewer, more = explorer.children[1].children
    before = (pairs.distance <= explorer.threshold).sum()
    for button, change in ((more, 1), (more, 2), (fewer, 1), (fewer, 0), (fewer, -1)):
        button.click()
        assert (pairs.distance <= explorer.threshold).sum() == before + change
        assert len(explorer.flips) == 1


def test_the_stop_that_a_browser_shows_instead_moves_nothing(explorer, pairs):
    slider, (fewer, _) = explorer.children[0], explorer.children[1].children
    fewer.click()
    threshold = explorer.threshold
    assert len(explorer.flips) == 1
    shown = round(threshold / slider.step) * slider.step
    assert shown != threshold
    slider.value = shown  # as the browser says
    assert (explorer.threshold, len(explorer.flips)) == (threshold, 1)
    for stop in (shown - slider.step, shown, shown + slider.step):  # as a key does
        slider.value = stop
        assert explorer.threshold == stop
        assert explorer.outcomes == count_outcomes(*split(pairs), stop)


def test_buttons_stop_where_no_pair_is_left(pairs, images):
    explorer = ThresholdExplorer(pairs, images, threshold=0)
    fewer, more = explorer.children[1].children
    fewer.click()
    assert explorer.threshold == 0
    explorer.threshold = 2
    more.click()
    assert explorer.threshold == 2


def test_equal_distances_flip_together(images):
    pairs = pd.DataFrame({"row_a": [0, 1, 2], "row_b": [3, 4, 5], "same": [True, False, False], "distance": [1.0] * 3})
    explorer = ThresholdExplorer(pairs, images, threshold=0.5)
    fewer, more = explorer.children[1].children
    more.click()
    assert len(explorer.flips) == 3
    fewer.click()
    assert len(explorer.flips) == 3
    assert explorer.outcomes.true_matches == 0


def test_slider_can_be_reached_and_moved_by_keyboard(explorer):
    slider = explorer.children[0]
    assert isinstance(slider, ipywidgets.FloatSlider)  # noUiSlider: Tab, arrows, Page Up and Down
    assert not slider.disabled
    assert slider.continuous_update
    assert slider.description == "threshold"
    assert all(isinstance(button, ipywidgets.Button) for button in explorer.children[1].children)


def test_stored_output_is_small_and_holds_no_faces(explorer):
    explorer.threshold = 1.3
    stored = explorer._repr_mimebundle_()
    assert stored["text/plain"].startswith("ThresholdExplorer of 66 pairs at 1.300")
    assert len(str(stored)) < 400


def test_crops_can_be_shown(pairs):
    explorer = ThresholdExplorer(pairs, torch.zeros(12, 3, 16, 16), threshold=1.0)
    explorer.threshold = 1.1
    assert "<img" in html_of(explorer)


def test_outcome_table_says_the_threshold_and_all_six_numbers():
    text = re.sub("<[^>]+>", " ", outcome_table(count_outcomes([0.5, 0.6, 1.2], [0.7, 1.0, 1.1, 1.3], 0.8)))
    assert re.findall(r"\d[\d.]*%?", text) == ["0.8000", "2", "1", "33.33%", "1", "3", "25.00%"]


def test_pairs_are_drawn_as_columns_with_frames_and_distances(pairs, images):
    ax = show_pairs(pairs, images, columns=5, side=30)
    assert [text.get_text() for text in ax.texts] == [f"{d:.2f}" for d in pairs.distance[:5]]
    expected = [plt.matplotlib.colors.to_rgb(GENUINE if same else IMPOSTOR) for same in pairs.same[:5]]
    assert [patch.get_edgecolor()[:3] for patch in ax.patches] == expected
    sheet = np.asarray(ax.images[0].get_array())
    assert (sheet[15, 15::38] == 20 * pairs.row_a[:5].to_numpy()[:, None]).all()
    assert (sheet[45, 15::38] == 20 * pairs.row_b[:5].to_numpy()[:, None]).all()
    own = plt.subplots()[1]
    assert show_pairs(pairs, images, ax=own) is own


WRONG = [
    (lambda pairs, images: ThresholdExplorer(pairs.drop(columns="row_a"), images), "lacks row_a"),
    (lambda pairs, images: ThresholdExplorer(pairs, images[:5]), "5 images"),
    (lambda pairs, images: ThresholdExplorer(pairs[pairs.same], images), "no impostor pairs"),
    (lambda pairs, images: ThresholdExplorer(pairs, images, threshold=np.nan), "NaN"),
    (lambda pairs, images: setattr(ThresholdExplorer(pairs, images), "threshold", 5), "between 0 and 2"),
    (lambda pairs, images: flipped_pairs(pairs, 1, np.nan), "two distances"),
    (lambda pairs, images: flipped_pairs(pairs[["same"]], 1, 2), "lacks row_a, row_b, distance"),
    (lambda pairs, images: show_pairs(pairs[:0], images), "no pairs to show"),
    (lambda pairs, images: show_pairs(pairs, images[:2]), "2 images"),
]


@pytest.mark.parametrize(("action", "said"), WRONG)
def test_wrong_input_gets_a_sentence(action, said, pairs, images):
    with pytest.raises(ValueError, match=said):
        action(pairs, images)
