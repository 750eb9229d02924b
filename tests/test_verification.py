"""Every curve and threshold against counting pair by pair, and against scikit-learn."""

from dataclasses import astuple

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, det_curve, roc_auc_score, roc_curve

from facelab.verification import (
    count_outcomes,
    equal_error_rate,
    fnmr_at_fmr,
    kfold_accuracy,
    roc,
    threshold_at_fmr,
)


def made_up(seed, *, decimals=2):
    """Genuine and impostor distances that overlap, rounded so that some are equal, as float32."""
    rng = np.random.default_rng(seed)
    genuine = rng.normal(0.8, rng.uniform(0.05, 0.4), rng.integers(1, 60))
    impostor = rng.normal(rng.uniform(0.7, 1.5), 0.2, rng.integers(1, 200))
    return genuine.round(decimals).astype(np.float32), impostor.round(decimals).astype(np.float32)


def rates(genuine, impostor, threshold):
    """FMR and FNMR at a threshold, counted one pair after the other."""
    return (
        sum(d <= threshold for d in impostor.tolist()) / len(impostor),
        sum(d > threshold for d in genuine.tolist()) / len(genuine),
    )


SEEDS = range(25)


@pytest.mark.parametrize("seed", SEEDS)
def test_outcomes_by_counting_and_scikit_learn(seed):
    genuine, impostor = made_up(seed)
    threshold = float(np.random.default_rng(seed).choice(np.r_[genuine, impostor]))  # on a pair: it is accepted
    outcomes = count_outcomes(genuine, impostor, threshold)
    assert (outcomes.fmr, outcomes.fnmr) == pytest.approx(rates(genuine, impostor, threshold))
    same = np.repeat([True, False], [len(genuine), len(impostor)])
    accepted = np.r_[genuine, impostor] <= threshold
    assert list(astuple(outcomes)[1:]) == confusion_matrix(same, accepted, labels=[True, False]).ravel().tolist()
    assert outcomes.accuracy == pytest.approx(accuracy_score(same, accepted))


@pytest.mark.parametrize("seed", SEEDS)
def test_curve_by_counting_and_scikit_learn(seed):
    genuine, impostor = made_up(seed)
    curve = roc(genuine, impostor)
    for threshold, fmr, fnmr in zip(curve.thresholds, curve.fmr, curve.fnmr, strict=True):
        assert (fmr, fnmr) == pytest.approx(rates(genuine, impostor, threshold))
    assert set(curve.thresholds[1:]) == set(np.r_[genuine, impostor].astype(float).tolist())
    same, scores = np.repeat([1, 0], [len(genuine), len(impostor)]), -np.r_[genuine, impostor]
    assert curve.area == pytest.approx(roc_auc_score(same, scores))
    fmr, match_rate, _ = roc_curve(same, scores, drop_intermediate=False)
    np.testing.assert_array_equal(curve.fmr, fmr)
    np.testing.assert_allclose(curve.fnmr, 1 - match_rate)
    ours = set(zip(curve.fmr.round(9), curve.fnmr.round(9), strict=True))
    assert ours >= {(a.round(9), b.round(9)) for a, b, _ in zip(*det_curve(same, scores), strict=True)}


@pytest.mark.parametrize("seed", SEEDS)
def test_fmr_rises_and_fnmr_falls_with_the_threshold(seed):
    curve = roc(*made_up(seed))
    assert (np.diff(curve.thresholds) > 0).all()
    assert (np.diff(curve.fmr) >= 0).all()
    assert (np.diff(curve.fnmr) <= 0).all()
    assert (curve.thresholds[0], curve.fmr[0], curve.fnmr[0]) == (-np.inf, 0, 1)
    assert (curve.fmr[-1], curve.fnmr[-1]) == (1, 0)


@pytest.mark.parametrize("seed", SEEDS)
def test_rates_between_the_pairs(seed):
    genuine, impostor = made_up(seed)
    curve = roc(genuine, impostor)
    for threshold in np.random.default_rng(seed).uniform(0, 2, 20):
        assert curve.at(threshold) == pytest.approx(rates(genuine, impostor, threshold))
    for place, threshold in enumerate(curve.thresholds):
        assert curve.at(curve.middle(place)) == curve.at(threshold)


@pytest.mark.parametrize("seed", SEEDS)
def test_equal_error_rate_by_trying_every_threshold(seed):
    genuine, impostor = made_up(seed)
    rate, threshold = equal_error_rate(genuine, impostor)
    tried = [rates(genuine, impostor, d) for d in np.r_[genuine, impostor].tolist()]
    least = min(abs(fmr - fnmr) for fmr, fnmr in tried)
    assert rate in [pytest.approx((a + b) / 2) for a, b in tried if abs(a - b) == pytest.approx(least)]
    assert sum(rates(genuine, impostor, threshold)) / 2 == pytest.approx(rate)
    # The same when compared in float32, as a notebook would.
    assert (np.mean(genuine > threshold) + np.mean(impostor <= threshold)) / 2 == pytest.approx(rate)


def test_equal_error_rate_of_what_is_easy_and_of_what_is_hopeless():
    assert equal_error_rate([0.2, 0.4], [1.0, 1.2]) == (0, pytest.approx(0.7))
    assert equal_error_rate([1.0], [0.2])[0] == 1
    assert equal_error_rate([1.0, 1.0], [1.0, 1.0]) == (0.5, 1)
    same = np.random.default_rng(0).normal(size=(2, 4000))
    assert equal_error_rate(*same)[0] == pytest.approx(0.5, abs=0.02)


def test_equal_error_rate_of_two_normal_distributions():
    """Half the distance between two bells, in their widths, says by theory how many are on the wrong side."""
    rng = np.random.default_rng(0)
    rate, threshold = equal_error_rate(rng.normal(0.8, 0.2, 20_000), rng.normal(1.2, 0.2, 20_000))
    assert rate == pytest.approx(0.1587, abs=0.006)
    assert threshold == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("decimals", [1, 6])
def test_threshold_for_a_rate_is_the_highest_that_keeps_it(seed, decimals):
    genuine, impostor = made_up(seed, decimals=decimals)
    for kind in (np.float32, np.float64):
        for rate in np.random.default_rng(seed).uniform(1 / len(impostor), 1, 5):
            if rate == 1:
                continue
            threshold = threshold_at_fmr(impostor.astype(kind), rate)
            assert np.mean(impostor.astype(kind) <= threshold) <= rate
            assert rates(genuine, impostor, threshold)[0] <= rate
            higher = np.nextafter(kind(threshold), kind(np.inf))
            assert np.mean(impostor.astype(kind) <= higher) > rate
            by_hand = min(fnmr for fmr, fnmr in ([rates(genuine, impostor, d) for d in [-1, *genuine]]) if fmr <= rate)
            assert fnmr_at_fmr(genuine, impostor, rate) == pytest.approx(by_hand)


def test_rates_that_are_whole_numbers_of_pairs():
    """0.29 × 100 is 28.999… to a computer, and 29 pairs are allowed all the same."""
    impostor = np.arange(100) / 50
    for allowed in range(1, 100):
        assert np.sum(impostor <= threshold_at_fmr(impostor, allowed / 100)) == allowed


def test_rates_that_cannot_be_seen():
    impostor = np.linspace(0.9, 1.6, 999)
    with pytest.raises(
        ValueError, match=r"0.001 cannot be seen on 999 impostor pairs, of which a single one makes 0.001"
    ):
        threshold_at_fmr(impostor, 0.001)
    with pytest.raises(ValueError, match="cannot be seen"):
        fnmr_at_fmr([0.5], impostor, 1e-6)
    for wrong in (0, 1, -0.1, 5, np.nan):
        with pytest.raises(ValueError, match="lies between 0 and 1"):
            threshold_at_fmr(impostor, wrong)


@pytest.mark.parametrize("judge", [roc, equal_error_rate, lambda g, i: fnmr_at_fmr(g, i, 0.5)])
@pytest.mark.parametrize(
    ("genuine", "impostor", "said"),
    [
        ([], [1.0], "no genuine pairs: a person needs two photos"),
        ([0.5], [], "no impostor pairs: it takes two people"),
        ([np.nan, 0.5], [1.0], "genuine pairs hold NaN"),
        ([0.5], [1.0, np.inf], "impostor pairs hold NaN or inf"),
        (np.zeros((2, 2)), [1.0], r"shape \(2, 2\)"),
    ],
)
def test_what_cannot_be_judged(judge, genuine, impostor, said):
    with pytest.raises(ValueError, match=said):
        judge(genuine, impostor)
    with pytest.raises(ValueError, match=said):
        count_outcomes(genuine, impostor, 1.0)


def test_a_threshold_that_is_no_number():
    with pytest.raises(ValueError, match="threshold is NaN"):
        count_outcomes([0.5], [1.0], np.nan)


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
