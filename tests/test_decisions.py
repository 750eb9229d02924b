"""Costs by adding them up, calibration by how often what is called probable is so."""

import numpy as np
import pytest
from scipy import stats
from sklearn.calibration import CalibratedClassifierCV, calibration_curve
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from facelab.decisions import Costs, calibrate, cheapest_threshold
from facelab.verification import equal_error_rate

RNG = np.random.default_rng(0)
GENUINE, IMPOSTOR = RNG.normal(0.8, 0.2, 2000), RNG.normal(1.2, 0.2, 6000)
METHODS = ["logistic", "isotonic"]


def truth(distances, genuine_share):
    """Bayes' rule for the two bells that the distances were drawn from."""
    genuine = genuine_share * stats.norm.pdf(distances, 0.8, 0.2)
    return genuine / (genuine + (1 - genuine_share) * stats.norm.pdf(distances, 1.2, 0.2))


@pytest.mark.parametrize("seed", range(20))
def test_cheapest_threshold_by_adding_up_every_one(seed):
    rng = np.random.default_rng(seed)
    genuine, impostor = rng.normal(0.8, 0.2, 30).round(2), rng.normal(1.1, 0.2, 80).round(2)
    costs = Costs(*rng.uniform(0, 10, 2), genuine_share=rng.uniform(0.05, 0.95))

    def total(threshold):
        rejected, accepted = np.mean(genuine > threshold), np.mean(impostor <= threshold)
        return (
            costs.genuine_share * rejected * costs.false_non_match
            + (1 - costs.genuine_share) * accepted * costs.false_match
        )

    threshold, cost = cheapest_threshold(genuine, impostor, costs)
    assert cost == pytest.approx(min(map(total, [-np.inf, *genuine, *impostor])))
    assert total(threshold) == pytest.approx(cost)


def test_dear_false_matches_make_a_strict_threshold():
    door, even, album = Costs(1000, 1, 0.5), Costs(1, 1, 0.5), Costs(1, 20, 0.5)
    strict, middle, lax = (cheapest_threshold(GENUINE, IMPOSTOR, costs)[0] for costs in (door, even, album))
    assert strict < middle < lax
    assert middle == pytest.approx(equal_error_rate(GENUINE, IMPOSTOR)[1], abs=0.05)


def test_rejecting_everybody_can_be_cheapest():
    assert cheapest_threshold([0.5], [0.4], Costs(1e6, 1, 0.5))[0] == -np.inf
    threshold, cost = cheapest_threshold(GENUINE, IMPOSTOR, Costs(0, 1, 0.5))
    assert cost == 0
    assert threshold >= GENUINE.max()


@pytest.mark.parametrize("wrong", [(-1, 1, 0.5), (1, -1, 0.5), (np.nan, 1, 0.5), (1, np.inf, 0.5)])
def test_mistakes_that_cost_less_than_nothing(wrong):
    with pytest.raises(ValueError, match="costs 0 or more"):
        Costs(*wrong)


@pytest.mark.parametrize("share", [0, 1, 99, np.nan])
def test_shares_that_are_none(share):
    with pytest.raises(ValueError, match="genuine_share is"):
        Costs(1, 1, share)
    with pytest.raises(ValueError, match="genuine_share is"):
        calibrate(GENUINE, IMPOSTOR, genuine_share=share)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_probabilities_are_those_of_bayes(method, share):
    distances = np.linspace(0.6, 1.4, 9)
    found = calibrate(GENUINE, IMPOSTOR, method=method, genuine_share=share).probability(distances)
    np.testing.assert_allclose(found, truth(distances, share), atol=0.03 if method == "logistic" else 0.12)


@pytest.mark.parametrize("method", METHODS)
def test_what_is_called_probable_is_so_on_other_pairs(method):
    calibration = calibrate(GENUINE, IMPOSTOR, method=method, genuine_share=0.25)  # as among these
    rng = np.random.default_rng(1)
    distances = np.r_[rng.normal(0.8, 0.2, 3000), rng.normal(1.2, 0.2, 9000)]
    same = np.repeat([1, 0], [3000, 9000])
    often, said = calibration_curve(same, calibration.probability(distances), n_bins=5)
    np.testing.assert_allclose(often, said, atol=0.05)
    often, said = calibration_curve(same, calibrate(GENUINE, IMPOSTOR).probability(distances), n_bins=5)
    assert np.abs(often - said).max() > 0.15  # for another prior it does not hold


@pytest.mark.parametrize("method", METHODS)
def test_probability_falls_with_the_distance(method):
    probability = calibrate(GENUINE, IMPOSTOR, method=method).probability(np.linspace(0, 2, 200))
    assert (np.diff(probability) <= 0).all()
    assert ((probability >= 0) & (probability <= 1)).all()


def test_logistic_against_scikit_learns_own_calibration():
    """Where the prior is that of the pairs, it is Platt's scaling of the distance."""
    distances, same = np.r_[GENUINE, IMPOSTOR][:, None], np.repeat([1, 0], [2000, 6000])
    score = FrozenEstimator(LogisticRegression(C=1e3).fit(distances, same))
    platt = CalibratedClassifierCV(score, method="sigmoid", cv=2).fit(distances, same)
    ours = calibrate(GENUINE, IMPOSTOR, genuine_share=0.25).probability(np.linspace(0.5, 1.5, 11))
    np.testing.assert_allclose(ours, platt.predict_proba(np.linspace(0.5, 1.5, 11)[:, None])[:, 1], atol=0.02)


@pytest.mark.parametrize("method", METHODS)
def test_pairs_that_do_not_overlap_have_probabilities_all_the_same(method):
    probability = calibrate([0.2, 0.3], [1.2, 1.3, 1.4], method=method).probability([0.25, 1.35])
    assert probability[0] > 0.95
    assert probability[1] < 0.05


def test_shapes_are_kept_and_other_methods_refused():
    for method in METHODS:
        calibration = calibrate(GENUINE, IMPOSTOR, method=method)
        assert calibration.probability(np.full((2, 3), 0.9, np.float32)).shape == (2, 3)
        assert calibration.probability(0.9).shape == ()
        with pytest.raises(ValueError, match="no probability"):
            calibration.probability([0.9, np.nan])
    with pytest.raises(ValueError, match="'logistic' or 'isotonic'"):
        calibrate(GENUINE, IMPOSTOR, method="sigmoid")
    with pytest.raises(ValueError, match="no genuine pairs"):
        calibrate([], IMPOSTOR)
