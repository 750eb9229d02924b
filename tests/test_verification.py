"""The LFW protocol against a search over every possible threshold."""

import numpy as np
import pytest

from facelab.verification import kfold_accuracy


@pytest.fixture
def pairs():
    rng = np.random.default_rng(0)
    same = rng.random(300) < 0.5
    distances = np.where(same, rng.normal(0.8, 0.2, 300), rng.normal(1.2, 0.2, 300)).round(2)  # rounded: with ties
    return distances, same, np.arange(300) % 5


def test_against_trying_every_threshold(pairs):
    distances, same, folds = pairs
    result = kfold_accuracy(*pairs)
    for fold in range(5):
        rest = folds != fold
        candidates = np.arange(-0.005, 2.5, 0.01)
        best = max(((distances[rest] < t) == same[rest]).mean() for t in candidates)
        chosen = result.threshold[fold]
        assert ((distances[rest] < chosen) == same[rest]).mean() == pytest.approx(best)
        assert result.accuracy[fold] == ((distances < chosen) == same)[~rest].mean()


def test_separable_pairs_are_all_right_and_coin_flips_are_not():
    same = np.tile([True, False], 50)
    folds = np.repeat(np.arange(5), 20)
    assert kfold_accuracy(np.where(same, 0.5, 1.5), same, folds).accuracy.eq(1).all()
    noise = np.random.default_rng(0).random(100)
    assert kfold_accuracy(noise, same, folds).accuracy.mean() < 0.7


def test_a_fold_is_never_judged_by_its_own_threshold():
    """Pairs that are wrong way round in one fold only cannot be rescued by the threshold of that fold."""
    same = np.tile([True, False], 20)
    folds = np.repeat([0, 1], 20)
    distances = np.where(same ^ (folds == 0), 0.5, 1.5)
    assert kfold_accuracy(distances, same, folds).accuracy.max() <= 0.5


def test_lists_of_two_lengths_and_a_single_fold():
    with pytest.raises(ValueError, match="one length"):
        kfold_accuracy([1, 2], [True], [0, 1])
    with pytest.raises(ValueError, match="needs two"):
        kfold_accuracy([1, 2], [True, False], [0, 0])


def test_labels_and_distances_that_would_count_wrongly():
    """-1 for an impostor pair, as some sets have it, would count as True."""
    with pytest.raises(ValueError, match="nothing else"):
        kfold_accuracy([0.1, 0.2, 1.0, 1.1], [1, 1, -1, -1], [0, 1, 0, 1])
    with pytest.raises(ValueError, match="nothing else"):
        kfold_accuracy([0.1, 1.0], ["yes", "no"], [0, 1])
    with pytest.raises(ValueError, match="1 of the distances"):
        kfold_accuracy([0.1, np.nan], [True, False], [0, 1])
    assert kfold_accuracy([0.1, 1.0, 0.1, 1.0], [1, 0, 1, 0], [0, 0, 1, 1]).accuracy.eq(1).all()
