"""Searches of a gallery: the curves by asking one probe after the other, the simulation by drawing every comparison."""

import numpy as np
import pytest

from facelab.distance import pairwise_distances
from facelab.identification import (
    false_match_probability,
    fmr_for_gallery,
    open_set_identification,
    real_searches,
    simulate_searches,
)
from facelab.verification import threshold_at_fmr


def search(distances, gallery, threshold, rank):
    """The people that a gallery names for one probe: at most `rank`, none beyond the threshold, ties in any order."""
    nearest = {}
    for distance, person in zip(distances, gallery, strict=True):
        nearest[person] = min(distance, nearest.get(person, np.inf))
    return sorted((distance, person) for person, distance in nearest.items() if distance <= threshold)[:rank]


def made_up(seed):
    """Probes of enrolled people and of strangers, and a gallery of one to four photos a person."""
    rng = np.random.default_rng(seed)
    enrolled = rng.integers(2, 8)
    gallery = np.repeat([f"p{i}" for i in range(enrolled)], rng.integers(1, 5, enrolled))
    probes = np.array([f"p{i}" for i in [0, enrolled + 1, *rng.integers(0, enrolled + 4, rng.integers(5, 40))]])
    own = probes[:, None] == gallery
    return np.where(own, rng.normal(0.8, 0.3, own.shape), rng.normal(1.1, 0.2, own.shape)), probes, gallery


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("rank", [1, 2])
def test_curve_by_asking_probe_after_probe(seed, rank):
    distances, probes, gallery = made_up(seed)
    distances = distances.astype(np.float32)  # at which it is judged
    known = np.isin(probes, gallery)
    curve = open_set_identification(distances, probes, gallery, rank=rank)
    assert (curve.people, curve.enrolled, curve.strangers) == (len(set(gallery)), known.sum(), (~known).sum())
    for threshold, fpir, fnir in zip(curve.thresholds, curve.fpir, curve.fnir, strict=True):
        named = [{name for _, name in search(row, gallery, threshold, rank)} for row in distances]
        assert fpir == pytest.approx(np.mean([len(names) > 0 for names in np.array(named)[~known]]))
        found = [person in names for person, names in zip(probes[known], np.array(named)[known], strict=True)]
        assert fnir == pytest.approx(1 - np.mean(found))


@pytest.mark.parametrize("seed", range(20))
def test_curve_goes_one_way_and_a_rank_more_finds_more(seed):
    first, second = (open_set_identification(*made_up(seed), rank=rank) for rank in (1, 2))
    for curve in (first, second):
        assert (np.diff(curve.fpir) >= 0).all()
        assert (np.diff(curve.dir) >= 0).all()
        assert (curve.fpir[0], curve.dir[0], curve.fpir[-1]) == (0, 0, 1)
    assert second.dir[-1] >= first.dir[-1]


def test_a_gallery_of_one_and_all_ranks_find_everyone():
    distances = np.array([[0.5], [0.9], [1.2]])
    curve = open_set_identification(distances, ["ann", "ann", "bob"], ["ann"])
    assert curve.dir[-1] == 1
    assert curve.at_fpir(1) == (pytest.approx(1.2), 1)


def test_order_of_the_gallery_does_not_matter():
    distances, probes, gallery = made_up(1)
    order = np.random.default_rng(0).permutation(len(gallery))
    one = open_set_identification(distances, probes, gallery)
    other = open_set_identification(distances[:, order], probes, gallery[order])
    np.testing.assert_array_equal(one.fpir, other.fpir)
    np.testing.assert_array_equal(one.fnir, other.fnir)


def test_a_tie_is_lost():
    """The same photo enrolled under two names: nothing tells whom it would be taken for."""
    curve = open_set_identification([[0.5, 0.5], [1.5, 1.5]], ["ann", "eve"], ["ann", "bob"])
    assert curve.dir[-1] == 0
    assert open_set_identification([[0.5, 0.5], [1.5, 1.5]], ["ann", "eve"], ["ann", "bob"], rank=2).dir[-1] == 1


def test_rate_at_an_fpir_by_hand():
    distances = [[0.4, 1.0], [1.1, 0.7], [0.9, 1.3], [0.6, 1.2], [1.0, 1.4], [1.5, 1.1], [1.3, 1.2]]
    curve = open_set_identification(distances, ["ann", "bob", "ann", *"wxyz"], ["ann", "bob"])
    # Strangers come as near as 0.6, 1.0, 1.1, 1.2; enrolled people are found at 0.4, 0.7, 0.9.
    assert curve.at_fpir(0.25) == (pytest.approx(0.9), 1)
    assert curve.at_fpir(0.49) == curve.at_fpir(0.25)
    assert curve.at_fpir(1)[1] == 1
    with pytest.raises(ValueError, match="cannot be seen on 4 probes of strangers"):
        curve.at_fpir(0.2)
    with pytest.raises(ValueError, match="cannot be seen"):
        curve.at_fpir(1.1)


def test_a_classifier_that_names_everyone_finds_and_accuses_everyone():
    """At the last threshold the gallery is the closed-set classifier of notebook 04: no stranger goes unnamed."""
    distances, probes, gallery = made_up(3)
    curve = open_set_identification(distances, probes, gallery)
    known = np.isin(probes, gallery)
    named = gallery[distances.argmin(axis=1)]
    assert curve.dir[-1] == pytest.approx(np.mean(named[known] == probes[known]))
    assert curve.fpir[-1] == 1


@pytest.mark.parametrize(
    ("probes", "gallery", "rank", "said"),
    [
        (["a", "b"], ["a", "b"], 1, "Every probe is of someone"),
        (["x", "y"], ["a", "b"], 1, "No probe is of anyone"),
        (["a", "x"], ["a", "b"], 3, "rank is 3"),
        (["a", "x"], ["a", "b"], 0, "rank is 0"),
        (["a", "x", "y"], ["a", "b"], 1, "3×2 matrix"),
        (["a", None], ["a", "b"], 1, "label is missing"),
    ],
)
def test_what_cannot_be_searched(probes, gallery, rank, said):
    with pytest.raises(ValueError, match=said):
        open_set_identification(np.ones((2, 2)), probes, gallery, rank=rank)


def test_probability_by_drawing():
    rng = np.random.default_rng(0)
    for fmr, size in ((0.1, 5), (0.01, 100)):
        drawn = (rng.random((20_000, size)) < fmr).any(axis=1).mean()
        assert false_match_probability(fmr, size) == pytest.approx(drawn, abs=0.01)


def test_probability_of_small_rates_keeps_its_digits():
    assert false_match_probability(1e-18, 1000) == pytest.approx(1e-15)  # 1 - (1 - 1e-18)**1000 is 0 in floats
    assert false_match_probability([0, 1, 0.5], [10, 10, 0]).tolist() == [0, 1, 0]
    assert false_match_probability(1, 0) == 0
    assert false_match_probability(np.array([[0.1], [0.2]]), [1, 2, 3]).shape == (2, 3)


def test_rate_for_a_gallery_is_the_probability_undone():
    sizes = np.array([1, 10, 100_000])
    np.testing.assert_allclose(false_match_probability(fmr_for_gallery(0.01, sizes), sizes), 0.01)


def test_impossible_rates_and_galleries():
    for wrong in ((-0.1, 10), (1.1, 10), (np.nan, 10)):
        with pytest.raises(ValueError, match="between 0 and 1"):
            false_match_probability(*wrong)
    with pytest.raises(ValueError, match="0 people or more"):
        false_match_probability(0.1, -1)
    for wrong in ((1, 10), (-0.1, 10), (0.1, 0)):
        with pytest.raises(ValueError, match="from 0 to below 1"):
            fmr_for_gallery(*wrong)


IMPOSTOR = np.random.default_rng(5).normal(1.3, 0.15, 3000).astype(np.float32)


def test_simulation_by_drawing_every_comparison():
    sizes = [1, 10, 300]
    nearest = simulate_searches(IMPOSTOR, sizes, searches=4000)
    rng = np.random.default_rng(1)
    for row, size in zip(nearest, sizes, strict=True):
        drawn = rng.choice(IMPOSTOR, (4000, size)).min(axis=1)
        np.testing.assert_allclose(np.quantile(row, [0.2, 0.5, 0.9]), np.quantile(drawn, [0.2, 0.5, 0.9]), atol=0.02)


def test_simulation_agrees_with_the_formula():
    threshold = threshold_at_fmr(IMPOSTOR, 0.001)
    sizes = [1, 10, 100, 1000, 10_000, 100_000]
    fpir = (simulate_searches(IMPOSTOR, sizes, searches=5000) <= threshold).mean(axis=1)
    np.testing.assert_allclose(fpir, false_match_probability(0.001, sizes), atol=0.02)


def test_simulation_knows_nothing_nearer_than_what_was_measured():
    nearest = simulate_searches(IMPOSTOR, [10**6], searches=100)
    assert nearest.min() == IMPOSTOR.min()


def test_simulation_repeats_itself():
    one, again, other = (simulate_searches(IMPOSTOR, [10], searches=50, seed=seed) for seed in (1, 1, 2))
    assert (one == again).all()
    assert (one != other).any()


@pytest.fixture
def photos():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(30, 16)).repeat(3, axis=0) + rng.normal(scale=0.5, size=(90, 16))
    return pairwise_distances(vectors / np.linalg.norm(vectors, axis=1, keepdims=True)), np.arange(30).repeat(3)


def test_real_searches_agree_with_all_of_them(photos):
    distances, people = photos
    nearest = real_searches(distances, people, [1, 29], searches=4000)
    impostor = distances[people[:, None] != people]
    np.testing.assert_allclose(np.quantile(nearest[0], [0.1, 0.5]), np.quantile(impostor, [0.1, 0.5]), atol=0.03)
    assert (nearest[1] <= nearest[0]).all()
    lowest = [distances[i, people != people[i]].min() for i in range(90)]
    assert nearest.min() >= min(lowest)
    # Nobody is their own false match: with everyone else enrolled, genuine distances would make all of these small.
    assert nearest[1].mean() > np.mean(lowest)


def test_real_searches_draw_every_person(photos):
    _, people = photos
    marked = np.where(people[:, None] == people, 0, 2 + people[:, None] + people).astype(np.float32)
    assert (set((real_searches(marked, people, [1], searches=3000)[0] - 2).astype(int))) == set(range(1, 58))


def test_searches_that_cannot_be_made(photos):
    with pytest.raises(ValueError, match="wants as many others, but there are 30 people"):
        real_searches(*photos, [10, 30])
    with pytest.raises(ValueError, match="not symmetric"):
        real_searches(np.triu(photos[0]), photos[1], [10])
    for sizes in ([0], [], [1.5], 3):
        with pytest.raises(ValueError, match="whole numbers of people"):
            simulate_searches(IMPOSTOR, sizes)
    with pytest.raises(ValueError, match="no impostor pairs"):
        simulate_searches([], [10])
