"""Intervals: the resampling against drawing by hand, their honesty by how often they hold the truth."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from facelab.distance import list_pairs, pairwise_distances
from facelab.intervals import Interval, bootstrap_interval, group_error_rates, rate_interval
from facelab.verification import count_outcomes, equal_error_rate, fnmr_at_fmr, roc


def crowd(rng, people=12, photos=4, dimension=8):
    """Photos of people of whom some vary more than others, as unit vectors, and who is on each."""
    centres = rng.normal(size=(people, 1, dimension))
    spread = rng.uniform(0.2, 1.2, size=(people, 1, 1))
    vectors = (centres + spread * rng.normal(size=(people, photos, dimension))).reshape(-1, dimension)
    names = np.repeat([f"p{i:02}" for i in range(people)], photos)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), names


def pairs_of(rng, **size):
    vectors, people = crowd(rng, **size)
    return list_pairs(pairwise_distances(vectors), people)


@pytest.fixture
def pairs():
    return pairs_of(np.random.default_rng(0))


def fmr_at_1(genuine, impostor):
    return np.mean(impostor <= 1)


def fnmr_at_1(genuine, impostor):
    return np.mean(genuine > 1)


def test_people_are_drawn_with_all_their_pairs(pairs):
    """Every resample holds what drawing people by hand, and pairing their photos, holds."""
    seen = []
    bootstrap_interval(pairs, lambda g, i: seen.append((np.sort(g), np.sort(i))) or 0, resamples=5, seed=3)
    rng, names = np.random.default_rng(3), pd.unique(pairs.person_a)
    for genuine, impostor in seen[:5]:
        drawn = np.repeat(names, rng.multinomial(len(names), np.full(len(names), 1 / len(names))))
        by_hand = {True: [], False: []}
        for person in drawn:
            by_hand[True] += pairs.distance[(pairs.person_a == person) & pairs.same].tolist()
        for i, one in enumerate(drawn):
            for other in drawn[i + 1 :]:
                if one != other:  # two copies of one person are no impostors to each other
                    both = pairs.person_a.isin([one, other]) & pairs.person_b.isin([one, other]) & ~pairs.same
                    by_hand[False] += pairs.distance[both].tolist()
        np.testing.assert_allclose(genuine, np.sort(by_hand[True]))
        np.testing.assert_allclose(impostor, np.sort(by_hand[False]))


def test_pairs_are_drawn_one_by_one(pairs):
    sizes = set()
    bootstrap_interval(pairs, lambda g, i: sizes.add((len(g), len(i))) or 0, over="pairs", resamples=5)
    assert sizes == {(pairs.same.sum(), (~pairs.same).sum())}


def test_the_estimate_is_that_of_all_pairs(pairs):
    genuine, impostor = pairs.distance[pairs.same], pairs.distance[~pairs.same]
    found = bootstrap_interval(pairs, equal_error_rate, resamples=50)
    np.testing.assert_allclose(found.estimate, equal_error_rate(genuine, impostor))
    assert found.samples.shape == (50, 2)
    assert (found.low <= found.estimate).all()
    assert (found.estimate <= found.high).all()


def test_pairs_alone_promise_too_much(pairs):
    people = bootstrap_interval(pairs, fmr_at_1, resamples=300)
    alone = bootstrap_interval(pairs, fmr_at_1, over="pairs", resamples=300)
    assert people.high - people.low > 1.5 * (alone.high - alone.low)


def test_over_pairs_against_scipy(pairs):
    genuine = pairs.distance[pairs.same].to_numpy()
    ours = bootstrap_interval(pairs, lambda g, i: g.mean(), over="pairs", resamples=2000)
    theirs = stats.bootstrap((genuine,), np.mean, method="percentile", n_resamples=2000, rng=0).confidence_interval
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.012)


def test_percentiles_are_widened_for_few_people(pairs):
    """Hesterberg's table: with ten, the 2.5 % percentile of the samples gives way to the 0.9 % one."""
    ten = pairs[(pairs.person_a < "p10") & (pairs.person_b < "p10")]
    found = bootstrap_interval(ten, fmr_at_1, resamples=500)
    tail = stats.norm.cdf(-np.sqrt(10 / 9) * stats.t.ppf(0.975, 9))
    assert tail == pytest.approx(0.0086, abs=0.0005)
    assert found.low == pytest.approx(np.quantile(found.samples, tail))
    assert found.high == pytest.approx(np.quantile(found.samples, 1 - tail))


def test_how_often_intervals_hold_the_truth():
    """Of intervals over people about 95 in 100 do; of those over pairs about two in three, although they claim it."""
    rng = np.random.default_rng(0)
    many = pairs_of(rng, people=200, photos=4)
    truth = fnmr_at_1(many.distance[many.same], None), fmr_at_1(None, many.distance[~many.same])
    held = {"people": [], "pairs": [], "rates": []}
    for _ in range(60):
        pairs = pairs_of(rng, people=20)
        for over in ("people", "pairs"):
            found = bootstrap_interval(pairs, lambda g, i: (fnmr_at_1(g, i), fmr_at_1(g, i)), over=over, resamples=150)
            held[over].append((found.low <= truth) & (truth <= found.high))
        found = []
        for wrong, which in ((pairs.distance > 1, pairs.same), (pairs.distance <= 1, ~pairs.same)):
            _, low, high = rate_interval(wrong[which], pairs.person_a[which], pairs.person_b[which])
            found.append(low <= truth[len(found)] <= high)
        held["rates"].append(found)
    fnmr, fmr = np.mean(held["people"], axis=0)
    assert fnmr >= 0.88
    assert fmr >= 0.88
    assert np.mean(held["rates"], axis=0).min() >= 0.9
    assert np.mean(held["pairs"], axis=0) == pytest.approx(2 / 3, abs=0.1)


def test_a_seed_gives_the_same_interval_and_pairs_two_systems(pairs):
    again = [bootstrap_interval(pairs, fnmr_at_1, resamples=40, seed=seed) for seed in (1, 1, 2)]
    assert again[0] == again[1]
    assert (again[0].samples == again[1].samples).all()
    assert (again[0].samples != again[2].samples).any()
    shifted = bootstrap_interval(pairs.assign(distance=pairs.distance + 0.3), lambda g, i: np.mean(g), resamples=40)
    plain = bootstrap_interval(pairs, lambda g, i: np.mean(g), resamples=40)
    np.testing.assert_allclose(shifted.samples - plain.samples, 0.3, atol=1e-6)


def test_an_interval_reads_as_a_phrase():
    assert f"{Interval(0.1234, 0.05, 0.2, 0.95, np.zeros(1)):.2f}" == "0.12 (0.05 to 0.20)"


def test_several_intervals_come_apart(pairs):
    both = bootstrap_interval(pairs, equal_error_rate, resamples=30)
    rate, threshold = both
    alone = bootstrap_interval(pairs, lambda g, i: equal_error_rate(g, i)[1], resamples=30)
    assert (threshold.estimate, threshold.low, threshold.high) == (alone.estimate, alone.low, alone.high)
    assert f"{rate:.2f}".startswith(f"{both.estimate[0]:.2f} (")
    assert rate.samples.shape == (30,)


def test_order_of_pairs_and_of_their_two_photos_does_not_matter(pairs):
    swapped = pairs.rename(columns={"person_a": "person_b", "person_b": "person_a"}).sample(frac=1, random_state=0)
    one, other = (bootstrap_interval(table, fmr_at_1, resamples=400) for table in (pairs, swapped))
    assert one.estimate == other.estimate
    assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=1e-6)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"pairs": lambda p: p.drop(columns="person_b")}, "lacks person_b"),
        ({"pairs": lambda p: p[p.same]}, "no impostor pairs"),
        ({"pairs": lambda p: p[~p.same]}, "no genuine pairs"),
        ({"pairs": lambda p: p.assign(distance=np.nan)}, "Among distance there is"),
        ({"pairs": lambda p: p[p.person_a.isin(["p00", "p01"]) & p.person_b.isin(["p00", "p01"])]}, "are of 2 people"),
        ({"over": "photos"}, "'people' or 'pairs'"),
        ({"confidence": 95}, "confidence is 95, but must lie between 0 and 1"),
        ({"resamples": 0}, "resamples is 0, but must be a whole number"),
        ({"statistic": lambda g, i: fnmr_at_fmr(g, i, 1e-5)}, "cannot be seen"),
    ],
)
def test_what_has_no_interval(pairs, change, said):
    given = {"pairs": lambda p: p, "statistic": fnmr_at_1, "resamples": 10} | change
    with pytest.raises(ValueError, match=said):
        bootstrap_interval(given.pop("pairs")(pairs), **given)


def test_a_group_is_judged_by_the_pairs_within_it(pairs):
    """Against the rates of its own photos alone, embedded and paired without the others."""
    vectors, people = crowd(np.random.default_rng(0))
    photo_label = np.where(np.random.default_rng(1).random(len(people)) < 0.5, "glasses", "none")
    person_label = {person: "first half" if person < "p06" else "second half" for person in people}
    for groups, labels in ((photo_label, photo_label), (person_label, np.array([person_label[p] for p in people]))):
        table = group_error_rates(pairs, groups, 1.0)
        assert list(table.index) == sorted(set(labels))
        for label, row in table.iterrows():
            own = list_pairs(pairwise_distances(vectors[labels == label]), people[labels == label])
            outcomes = count_outcomes(own.distance[own.same], own.distance[~own.same], 1.0)
            assert (row.fmr, row.fnmr) == pytest.approx((outcomes.fmr, outcomes.fnmr))
            assert (row.genuine, row.impostor) == (own.same.sum(), (~own.same).sum())
            assert row.people == len(set(people[labels == label]))
            assert row.fmr_low <= row.fmr <= row.fmr_high
            assert row.fnmr_low <= row.fnmr <= row.fnmr_high


def test_a_threshold_for_each_group(pairs):
    groups = {person: int(person >= "p06") for person in pairs.person_a}
    both = group_error_rates(pairs, groups, {0: 0.8, 1: 1.2})
    for label, threshold in ((0, 0.8), (1, 1.2)):
        alone = group_error_rates(pairs, groups, threshold)
        pd.testing.assert_series_equal(both.loc[label], alone.loc[label])
    with pytest.raises(ValueError, match="no threshold for the group 1"):
        group_error_rates(pairs, groups, {0: 0.8})


def test_photos_without_a_label_and_groups_of_one(pairs):
    groups = {"p00": "alone", "p01": "two", "p02": "two"}
    table = group_error_rates(pairs, groups, 1.0)
    assert table.people.to_dict() == {"alone": 1, "two": 2}
    assert table.impostor["alone"] == 0
    assert np.isnan(table.fmr["alone"])
    assert (table.fnmr_high - table.fnmr_low).min() > 0.3  # so few people say little


def test_groups_that_do_not_fit(pairs):
    with pytest.raises(ValueError, match="3 labels, but the pairs are of more photos"):
        group_error_rates(pairs, ["a", "b", "a"], 1.0)
    with pytest.raises(ValueError, match="nothing to count"):
        group_error_rates(pairs, {"somebody else": "a"}, 1.0)
    with pytest.raises(ValueError, match="which photos"):
        group_error_rates(pairs.drop(columns="row_a"), np.zeros(48), 1.0)


def test_rates_without_errors_are_bounded_by_how_many_people_there_were():
    """As if each person had been asked once: the exact binomial interval (Clopper and Pearson)."""
    people = np.repeat(np.arange(10), 6)
    rate, low, high = rate_interval(np.zeros(60, bool), people, people)
    exact = stats.binomtest(0, 10).proportion_ci(0.95, method="exact")
    assert (rate, low, high) == pytest.approx((0, exact.low, exact.high))
    rate, low, high = rate_interval(np.ones(60, bool), people, people)
    assert (rate, low, high) == pytest.approx((1, 1 - exact.high, 1))
    first, second = np.triu_indices(10, 1)
    _, _, high = rate_interval(np.zeros(450, bool), np.tile(first, 10), np.tile(second, 10))
    assert high == pytest.approx(stats.binomtest(0, 45).proportion_ci(0.95, method="exact").high)


def test_rates_of_independent_decisions_have_about_the_exact_interval():
    wrong = np.random.default_rng(0).random(400) < 0.2
    found = rate_interval(wrong, np.arange(400), np.arange(400))
    exact = stats.binomtest(int(wrong.sum()), 400).proportion_ci(0.95, method="exact")
    assert found == pytest.approx((wrong.mean(), exact.low, exact.high), abs=0.002)


def test_errors_of_one_person_make_a_wide_interval():
    """Twelve errors spread evenly are a property of the system, twelve of one person are a property of that person."""
    people = np.repeat(np.arange(12), 10)
    spread, one = np.arange(120) % 10 == 0, np.arange(120) < 12
    assert spread.sum() == one.sum()
    (_, low, high), (_, low_one, high_one) = (rate_interval(wrong, people, people) for wrong in (spread, one))
    assert high_one - low_one > 2 * (high - low)


def test_no_pairs_have_no_rate():
    assert np.isnan(rate_interval([], [], [])).all()


def test_a_curve_has_a_band(pairs):
    grid = np.linspace(0.5, 1.5, 7)
    band = bootstrap_interval(pairs, lambda g, i: [roc(g, i).at(t)[1] for t in grid], resamples=30)
    assert band.low.shape == band.high.shape == (7,)
    assert (band.low <= band.high).all()
