"""What must hold of the pure functions for whatever numbers: against brute force, scikit-learn, SciPy and torch.

Hypothesis looks for the numbers: ties, a single pair, people with one photo, boxes that touch. It draws the same ones
every time, so that a failure here is one for everybody.
"""

from itertools import combinations, pairwise

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial.distance import cosine, euclidean
from sklearn.metrics import average_precision_score, roc_auc_score

import facelab
from facelab.averages import Averages, PlainAverages
from facelab.cascade import Faces
from facelab.checks import checked_flags, checked_labels, checked_number, checked_numbers, finite_columns
from facelab.identification import OpenSet
from facelab.tracking import assign

settings.register_profile("facelab", derandomize=True, deadline=None, database=None, max_examples=25)
settings.load_profile("facelab")

# Distances on a coarse grid, so that many are equal, or any that float32 has.
DISTANCES = st.one_of(st.integers(0, 8).map(lambda n: n / 4), st.floats(0, 2, width=32))
LABELS = st.sampled_from(["ann", "bob", "cai", "dee"])


def lists(of, least=1, most=12):
    return st.lists(of, min_size=least, max_size=most)


def tables(rows, columns, elements=st.floats(-9, 9, width=32)):  # noqa: B008
    return hnp.arrays(np.float32, st.tuples(rows, columns), elements=elements)


@st.composite
def unit_vectors(draw, most=6, width=4):
    vectors = draw(hnp.arrays(np.float64, (draw(st.integers(1, most)), width), elements=st.integers(-9, 9)))
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    assume((lengths > 0).all())
    return vectors / lengths


@st.composite
def labelled_matrices(draw, most=9):
    """A symmetric matrix of distances within one set of photos, and who is on them."""
    people = draw(lists(LABELS, 2, most))
    upper = np.triu(draw(hnp.arrays(np.float32, (len(people),) * 2, elements=DISTANCES)), 1)
    return upper + upper.T, people


@st.composite
def boxes(draw, most=5):
    corners = draw(hnp.arrays(np.float32, (draw(st.integers(0, most)), 4), elements=st.integers(0, 12)))
    return np.concatenate([corners[:, :2], corners[:, :2] + corners[:, 2:]], axis=1)


@st.composite
def detections(draw, most=5):
    found = draw(boxes(most))
    probs = draw(hnp.arrays(np.float32, len(found), elements=st.integers(0, 4).map(lambda n: n / 4)))
    return Faces(found, probs, np.zeros((len(found), 5, 2), np.float32))


# Distance -------------------------------------------------------------------------------------------------------------


@given(tables(st.integers(0, 5), st.just(3)), tables(st.integers(0, 5), st.just(3)))
def test_distances_are_those_of_scipy_one_by_one(a, b):
    expected = np.array([[euclidean(u, v) for v in b.astype(float)] for u in a.astype(float)]).reshape(len(a), len(b))
    np.testing.assert_allclose(facelab.pairwise_distances(a, b), expected, rtol=1e-6, atol=1e-7)
    np.testing.assert_array_equal(facelab.pairwise_distances(a, b), facelab.pairwise_distances(b, a).T)


@given(tables(st.integers(3, 6), st.integers(1, 4)))
def test_distances_obey_the_triangle(a):
    d = facelab.pairwise_distances(a).astype(float)
    for i, j, k in combinations(range(len(a)), 3):
        assert d[i, k] <= d[i, j] + d[j, k] + 1e-4


@given(unit_vectors(), unit_vectors())
def test_cosines_are_those_of_scipy_and_say_the_same_as_distances(a, b):
    expected = np.array([[1 - cosine(u, v) for v in b] for u in a])
    np.testing.assert_allclose(facelab.pairwise_cosines(a, b), expected, atol=1e-6)
    distances = facelab.pairwise_distances(a, b)
    np.testing.assert_allclose(facelab.euclidean_to_cosine(distances), expected, atol=1e-6)


@given(st.floats(0, 2))
def test_euclidean_and_cosine_undo_each_other(distance):
    assert facelab.cosine_to_euclidean(facelab.euclidean_to_cosine(distance)) == pytest.approx(distance, abs=2e-8)


@given(tables(st.integers(2, 7), st.just(2), st.integers(0, 3)), st.data())
def test_neighbours_are_those_of_a_stable_sort(a, data):
    k = data.draw(st.integers(1, len(a) - 1))
    distances, rows = facelab.nearest_neighbours(a, k=k)
    for i in range(len(a)):
        others = sorted((np.float32(euclidean(a[i], a[j])), j) for j in range(len(a)) if j != i)[:k]
        assert rows[i].tolist() == [j for _, j in others]
        np.testing.assert_allclose(distances[i], [d for d, _ in others], rtol=1e-6)


@given(labelled_matrices())
def test_pairs_are_those_counted_by_hand(drawn):
    matrix, people = drawn
    by_hand = [(matrix[i, j], people[i] == people[j]) for i, j in combinations(range(len(people)), 2)]
    genuine, impostor = facelab.split_pairs(matrix, people)
    assert genuine.tolist() == [d for d, same in by_hand if same]
    assert impostor.tolist() == [d for d, same in by_hand if not same]
    table = facelab.list_pairs(matrix, people)
    assert list(zip(table["distance"], table["same"], strict=True)) == by_hand


@given(labelled_matrices(), st.data())
def test_pairs_between_two_sets_are_all_cells(drawn, data):
    matrix, people = drawn
    others = data.draw(st.permutations(people))
    genuine, impostor = facelab.split_pairs(matrix, people, others)
    cells = [(matrix[i, j], people[i] == others[j]) for i in range(len(people)) for j in range(len(people))]
    assert sorted(genuine) == sorted(d for d, same in cells if same)
    assert sorted(impostor) == sorted(d for d, same in cells if not same)


# Detection ------------------------------------------------------------------------------------------------------------


def covered(box, grid=24):
    """Which cells of a grid of pixels a box with whole corners covers."""
    x0, y0, x1, y1 = box.astype(int)
    cells = np.zeros((grid, grid), bool)
    cells[y0:y1, x0:x1] = True
    return cells


@given(boxes(), boxes())
def test_overlap_is_that_of_pixels_counted(a, b):
    overlap = facelab.iou(a, b)
    for i, j in np.ndindex(overlap.shape):
        one, other = covered(a[i]), covered(b[j])
        expected = (one & other).sum() / max((one | other).sum(), 1)
        assert overlap[i, j] == pytest.approx(expected, abs=1e-6)
    np.testing.assert_array_equal(overlap, facelab.iou(b, a).T)


@given(boxes(), st.data(), st.sampled_from([0.25, 0.5, 0.75]))
def test_matching_is_that_of_a_greedy_search(truth, data, threshold):
    faces = data.draw(detections())
    if len(truth):  # found again and again, and beside where they are
        again = truth[data.draw(lists(st.integers(0, len(truth) - 1), 1, 4))] + data.draw(st.integers(0, 2))
        probs = np.r_[faces.probs, np.full(len(again), 0.5, np.float32)]
        found = np.concatenate([faces.boxes, again]).astype(np.float32)
        faces = Faces(found, probs, np.zeros((len(found), 5, 2), np.float32))
    expected, taken = {}, set()
    for i in sorted(range(len(faces)), key=lambda i: (-faces.probs[i], i)):
        overlaps = facelab.iou(faces.boxes[i : i + 1], truth)[0].tolist()
        best = overlaps.index(max(overlaps)) if overlaps else None
        hit = best is not None and overlaps[best] >= threshold and best not in taken
        expected[i] = best if hit else -1
        taken |= {best} if hit else set()
    assert facelab.match_boxes(truth, faces, threshold).tolist() == [expected[i] for i in range(len(faces))]


@given(lists(st.tuples(boxes(), detections()), 1, 4))
def test_average_precision_is_the_sum_over_recalls(images):
    truth, faces = zip(*images, strict=True)
    total = sum(map(len, truth))
    assume(total)
    hits = np.concatenate([facelab.match_boxes(t, f) >= 0 for t, f in images])
    scores = np.concatenate([f.probs for f in faces])
    area = 0.0
    for score in np.unique(scores):  # of equal scores, all are taken at once
        at_least, here = scores >= score, scores == score
        area += hits[at_least].mean() * hits[here].sum() / total
    assert facelab.average_precision(truth, faces) == pytest.approx(area, abs=1e-6)
    if hits.sum() == total:  # then it is scikit-learn's alone
        assert area == pytest.approx(average_precision_score(hits, scores), abs=1e-6)


@given(st.integers(1, 20), st.integers(1, 20), st.data())
def test_a_crop_shows_what_is_in_its_box(width, height, data):
    x0, y0 = data.draw(st.integers(0, 30 - width)), data.draw(st.integers(0, 30 - height))
    pixels = np.zeros((30, 30, 3), np.uint8)
    pixels[y0 : y0 + height, x0 : x0 + width] = colour = data.draw(st.tuples(*[st.integers(1, 255)] * 3))
    box = np.array([[x0, y0, x0 + width, y0 + height]], np.float32)
    faces = Faces(box, np.ones(1, np.float32), np.zeros((1, 5, 2), np.float32))
    crop = facelab.crop_faces(pixels, faces, size=8)
    assert crop.shape == (1, 3, 8, 8)
    np.testing.assert_array_equal(facelab.unstandardise(crop)[0], np.broadcast_to(np.uint8(colour), (8, 8, 3)))
    with_margin = facelab.unstandardise(facelab.crop_faces(pixels, faces, size=8, margin=4))[0]
    assert (with_margin.mean(axis=(0, 1)) <= colour).all()  # what is around it is black, or the picture ends there


@given(st.data(), *[st.integers(1, 80)] * 2, st.integers(1, 3), st.integers(1, 4), st.integers(0))
def test_averages_are_torchs(data, height, width, n, channels, seed):
    images = torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (n, height, width, channels), np.uint8))
    fast, plain = Averages(images), PlainAverages(images)
    size = data.draw(st.tuples(*[st.integers(1, 80)] * 2))
    np.testing.assert_allclose(fast.shrink(size), plain.shrink(size), atol=1e-3)
    ends = [data.draw(st.lists(st.integers(0, side), min_size=2, max_size=2, unique=True)) for side in (height, width)]
    windows, which = np.sort(ends, axis=1).reshape(1, 4), np.array([data.draw(st.integers(0, n - 1))])
    np.testing.assert_allclose(fast.cut(which, windows, size[0]), plain.cut(which, windows, size[0]), atol=1e-3)


@given(st.floats(-1, 1, width=32), st.integers(1, 4))
def test_standardising_is_undone(value, size):
    crops = np.full((1, 3, size, size), value, np.float32)
    assert abs((facelab.unstandardise(crops).astype(float) - 127.5) / 128 - value).max() <= 0.5 / 128 + 1e-6


# Verification ---------------------------------------------------------------------------------------------------------


@given(lists(DISTANCES), lists(DISTANCES), DISTANCES)
def test_outcomes_and_curve_are_counted_pair_by_pair(genuine, impostor, threshold):
    outcomes = facelab.count_outcomes(genuine, impostor, threshold)
    accepted, mistaken = sum(d <= threshold for d in genuine), sum(d <= threshold for d in impostor)
    assert (outcomes.true_matches, outcomes.false_matches) == (accepted, mistaken)
    assert (outcomes.false_non_matches, outcomes.true_non_matches) == (
        len(genuine) - accepted,
        len(impostor) - mistaken,
    )
    curve = facelab.roc(genuine, impostor)
    assert curve.at(threshold) == pytest.approx((mistaken / len(impostor), 1 - accepted / len(genuine)))
    for place, cut in enumerate(curve.thresholds):
        rates = np.mean(np.array(impostor) <= cut), np.mean(np.array(genuine) > cut)
        assert (curve.fmr[place], curve.fnmr[place]) == pytest.approx(rates)
    nearer = [(g < i) + (g == i) / 2 for g in genuine for i in impostor]
    assert curve.area == pytest.approx(np.mean(nearer))
    assert curve.area == pytest.approx(
        roc_auc_score([1] * len(genuine) + [0] * len(impostor), -np.array(genuine + impostor))
    )


@given(lists(DISTANCES), lists(DISTANCES))
def test_the_equal_error_rate_is_the_best_of_all_thresholds(genuine, impostor):
    rate, threshold = facelab.equal_error_rate(genuine, impostor)
    rates = [facelab.count_outcomes(genuine, impostor, cut) for cut in genuine + impostor]
    least = min(abs(one.fmr - one.fnmr) for one in rates)
    assert rate in [
        pytest.approx((one.fmr + one.fnmr) / 2) for one in rates if abs(one.fmr - one.fnmr) <= least + 1e-12
    ]
    chosen = facelab.count_outcomes(genuine, impostor, threshold)
    assert rate == pytest.approx((chosen.fmr + chosen.fnmr) / 2)


@given(lists(DISTANCES, 2, 30), st.floats(0.01, 0.99), st.sampled_from([np.float16, np.float32, np.float64]))
def test_the_threshold_at_a_rate_is_the_highest_that_keeps_to_it(impostor, fmr, kind):
    impostor = np.array(impostor, kind)
    if fmr * len(impostor) < 1 - 1e-6:
        with pytest.raises(ValueError, match="cannot be seen"):
            facelab.threshold_at_fmr(impostor, fmr)
        return
    threshold = facelab.threshold_at_fmr(impostor, fmr)
    assert (impostor <= threshold).mean() <= fmr + 1e-9  # compared as NumPy does, in the kind of the distances
    higher = impostor[impostor > threshold].min()
    assert (impostor <= higher).mean() > fmr - 1e-9 or higher == impostor.max()
    genuine = impostor[::-1] / 2
    assert facelab.fnmr_at_fmr(genuine, impostor, fmr) == pytest.approx((genuine > threshold).mean())


@given(lists(st.tuples(DISTANCES, st.booleans(), st.integers(0, 2)), 2, 15))
def test_folds_are_judged_by_the_best_threshold_of_the_others(pairs):
    distances, same, folds = (np.array(values) for values in zip(*pairs, strict=True))
    assume(len(set(folds)) >= 2)
    table = facelab.kfold_accuracy(distances, same, folds)
    assert list(table.index) == sorted(set(folds))
    for fold, row in table.iterrows():
        here = folds == fold
        assert row["accuracy"] == pytest.approx(np.mean((distances[here] < row["threshold"]) == same[here]))
        cuts = [*distances[~here], np.inf]
        best = max(np.mean((distances[~here] < cut) == same[~here]) for cut in cuts)
        assert np.mean((distances[~here] < row["threshold"]) == same[~here]) == pytest.approx(best)


@given(lists(DISTANCES), lists(DISTANCES), st.floats(0.1, 9), st.floats(0.1, 9), st.floats(0.1, 0.9))
def test_no_threshold_is_cheaper_than_the_cheapest(genuine, impostor, false_match, false_non_match, share):
    threshold, cost = facelab.cheapest_threshold(genuine, impostor, facelab.Costs(false_match, false_non_match, share))

    def price(cut):
        one = facelab.count_outcomes(genuine, impostor, cut)
        return share * one.fnmr * false_non_match + (1 - share) * one.fmr * false_match

    assert cost == pytest.approx(min(map(price, [-np.inf, *genuine, *impostor])))
    assert price(threshold) == pytest.approx(cost)


# Identification -------------------------------------------------------------------------------------------------------


@given(lists(LABELS, 2, 8), lists(LABELS, 1, 5), st.data())
def test_an_open_set_is_searched_probe_by_probe(probes, gallery, data):
    assume(0 < sum(probe in gallery for probe in probes) < len(probes))
    rank = data.draw(st.integers(1, len(set(gallery))))
    matrix = data.draw(hnp.arrays(np.float32, (len(probes), len(gallery)), elements=DISTANCES))
    result: OpenSet = facelab.open_set_identification(matrix, probes, gallery, rank=rank)
    nearest = [
        {who: min(d for d, name in zip(row, gallery, strict=True) if name == who) for who in gallery} for row in matrix
    ]
    for place, cut in enumerate(result.thresholds):
        named = [min(near.values()) <= cut for near, who in zip(nearest, probes, strict=True) if who not in gallery]
        found = [
            near[who] <= cut and sum(d <= near[who] for other, d in near.items() if other != who) < rank
            for near, who in zip(nearest, probes, strict=True)
            if who in gallery
        ]
        assert result.fpir[place] == pytest.approx(np.mean(named))
        assert result.dir[place] == pytest.approx(np.mean(found))


@given(st.floats(0, 1), st.integers(0, 60))
def test_false_matches_add_up_as_when_multiplied_out(fmr, size):
    none = 1.0
    for _ in range(size):
        none *= 1 - fmr
    assert facelab.false_match_probability(fmr, size) == pytest.approx(1 - none, abs=1e-9)


@given(st.floats(0, 0.999), st.integers(1, 10**6))
def test_the_rate_for_a_gallery_undoes_it(probability, size):
    back = facelab.false_match_probability(facelab.fmr_for_gallery(probability, size), size)
    assert back == pytest.approx(probability, rel=1e-6, abs=1e-12)


@given(lists(DISTANCES, 1, 20), lists(st.integers(1, 10**6), 1, 4), st.integers(0, 99))
def test_simulated_searches_find_measured_distances_and_never_farther_ones_in_larger_galleries(impostor, sizes, seed):
    nearest = facelab.simulate_searches(impostor, sorted(sizes), searches=20, seed=seed)
    assert np.isin(nearest, impostor).all()
    if max(sizes) >= 10**5:
        assert nearest[-1].mean() == pytest.approx(min(impostor), abs=0.01)


@given(labelled_matrices(), st.integers(0, 99))
def test_real_searches_are_among_other_people(drawn, seed):
    matrix, people = drawn
    number = len(set(people))
    assume(number >= 2)
    nearest = facelab.real_searches(matrix, people, [1, number - 1], searches=10, seed=seed)
    impostor = facelab.split_pairs(matrix, people)[1]
    assert np.isin(nearest.astype(np.float32), impostor).all()
    assert (nearest[1] <= nearest[0]).all()
    assert nearest.min() >= impostor.min()


# Intervals ------------------------------------------------------------------------------------------------------------


@given(labelled_matrices(8), st.integers(0, 99))
@settings(max_examples=10)
def test_a_bootstrap_draws_people_with_all_their_pairs(drawn, seed):
    """Each sample is what one gets from drawing people, and writing out all pairs of those drawn."""
    matrix, people = drawn
    pairs = facelab.list_pairs(matrix, people)
    assume(pairs["same"].any() and not pairs["same"].all() and len(set(people)) >= 3)

    def sizes(genuine, impostor):
        return len(genuine), len(impostor), genuine.sum(), impostor.sum()

    interval = facelab.bootstrap_interval(pairs, sizes, resamples=5, seed=seed)
    assert interval.estimate.tolist() == pytest.approx(
        sizes(*[pairs["distance"][pairs["same"] == same].to_numpy() for same in (True, False)])
    )
    names = sorted({*pairs["person_a"], *pairs["person_b"]})
    rng, samples = np.random.default_rng(seed), []
    while len(samples) < 5:
        times = dict(zip(names, rng.multinomial(len(names), [1 / len(names)] * len(names)), strict=True))
        genuine, impostor = [], []
        for row in pairs.itertuples():
            if row.same:
                genuine += [row.distance] * times[row.person_a]
            else:
                impostor += [row.distance] * (times[row.person_a] * times[row.person_b])
        if genuine and impostor:
            samples.append(sizes(np.float32(genuine), np.float32(impostor)))
    np.testing.assert_allclose(interval.samples, samples, rtol=1e-5)
    assert (interval.low <= interval.high).all()
    reversed_pairs = facelab.bootstrap_interval(pairs[::-1], sizes, resamples=5, seed=seed)
    np.testing.assert_allclose(reversed_pairs.samples, interval.samples, rtol=1e-5)


@given(lists(st.tuples(st.booleans(), LABELS, LABELS), 1, 20), st.sampled_from([0.8, 0.95]))
def test_a_rate_lies_within_its_interval_and_a_surer_one_is_wider(pairs, confidence):
    wrong, a, b = zip(*pairs, strict=True)
    rate, low, high = facelab.rate_interval(wrong, a, b, confidence=confidence)
    assert rate == pytest.approx(np.mean(wrong))
    assert 0 <= low <= rate <= high <= 1
    surer = facelab.rate_interval(wrong, a, b, confidence=0.99)
    assert surer[1] <= low + 1e-9
    assert surer[2] >= high - 1e-9


@given(labelled_matrices(), DISTANCES, st.data())
def test_groups_are_counted_pair_by_pair(drawn, threshold, data):
    matrix, people = drawn
    groups = data.draw(st.lists(st.sampled_from(["x", "y", None]), min_size=len(people), max_size=len(people)))
    rows = {}
    for i, j in combinations(range(len(people)), 2):
        if groups[i] == groups[j] is not None:
            rows.setdefault(groups[i], []).append((people[i] == people[j], matrix[i, j] <= threshold))
    assume(rows)
    table = facelab.group_error_rates(facelab.list_pairs(matrix, people), groups, threshold)
    assert list(table.index) == sorted(rows)
    for group, decided in rows.items():
        genuine = [accepted for same, accepted in decided if same]
        impostor = [accepted for same, accepted in decided if not same]
        assert (table["genuine"][group], table["impostor"][group]) == (len(genuine), len(impostor))
        for rate, expected in (("fmr", impostor), ("fnmr", [not accepted for accepted in genuine])):
            assert table[rate][group] == pytest.approx(np.mean(expected) if expected else np.nan, nan_ok=True)


# Splits ---------------------------------------------------------------------------------------------------------------


@given(lists(st.integers(0, 14), 12, 40), st.integers(0, 99))
def test_splits_share_nobody_and_lose_nobody(people, seed):
    table = pd.DataFrame({"person": people})
    assume(len(set(people)) >= 10)
    split = facelab.split_people(table, validation=0.25, test=0.25, seed=seed)
    sides = [split.train, split.validation, split.test]
    assert sorted(np.concatenate(sides)) == list(range(len(people)))
    whole = [{people[row] for row in side} for side in sides]
    number = len(set(people))
    test = -(-number // 4)  # scikit-learn rounds the share that is drawn up
    assert [len(side) for side in whole[1:]] == [-(-(number - test) // 3), test]
    assert sum(map(len, whole)) == number
    assert not facelab.find_leak(table.iloc[split.train], table.iloc[split.test])


@given(lists(st.integers(0, 9), 8, 30), st.integers(2, 4))
def test_folds_judge_everybody_once(people, number):
    assume(len(set(people)) >= 2 * number)
    folds = facelab.people_folds(people, number)
    assert sorted(np.concatenate([judged for _, judged in folds])) == list(range(len(people)))
    for learned, judged in folds:
        assert sorted([*learned, *judged]) == list(range(len(people)))
        assert not {people[row] for row in learned} & {people[row] for row in judged}


@given(lists(LABELS), lists(LABELS))
def test_a_leak_is_found_where_two_sets_meet(learned, judged):
    leak = facelab.find_leak(pd.DataFrame({"person": learned}), pd.DataFrame({"person": judged}))
    shared = sorted({*learned} & {*judged})
    assert bool(leak) == bool(shared)
    assert not shared or leak.startswith(f"{len(shared)} ")


@given(lists(LABELS, 4, 20), st.integers(0, 99))
def test_batches_hold_as_many_photos_of_as_many_people_as_was_asked(people, seed):
    several = {who for who in people if people.count(who) >= 2}
    assume(len(several) >= 2)
    batches = facelab.pk_batches(people, 2, 3, np.random.default_rng(seed))
    assert len(batches) == -(-sum(people.count(who) for who in several) // 6)
    for batch in batches:
        drawn = [people[row] for row in batch]
        assert {drawn.count(who) for who in drawn} == {3}
        assert len(set(drawn)) == 2
        for who in set(drawn):
            rows = [row for row in batch if people[row] == who]
            assert len(set(rows)) == 3 or people.count(who) < 3


@given(unit_vectors(8), st.data(), st.sampled_from([0.0, 0.2, "soft"]))
def test_the_triplet_loss_is_that_of_a_search_through_all_triplets(vectors, data, margin):
    labels = data.draw(st.lists(st.integers(0, 1), min_size=len(vectors), max_size=len(vectors)))
    assume(labels.count(0) >= 2 and labels.count(1) >= 2)
    losses = []
    for i, who in enumerate(labels):
        apart = [euclidean(vectors[i], other) for other in vectors]
        farthest = max(d for j, d in enumerate(apart) if labels[j] == who and j != i)
        gap = farthest - min(d for j, d in enumerate(apart) if labels[j] != who)
        losses.append(np.log1p(np.exp(gap)) if margin == "soft" else max(0, gap + margin))
    found = facelab.triplet_loss(torch.from_numpy(vectors).float(), torch.tensor(labels), margin)
    assert float(found) == pytest.approx(np.mean(losses), abs=1e-5)


# Tracking -------------------------------------------------------------------------------------------------------------


@given(st.integers(0, 3), st.integers(0, 3), st.data())
def test_assignment_is_the_best_of_all(n, m, data):
    cost = data.draw(hnp.arrays(np.float64, (n, m), elements=st.integers(-3, 3)))
    allowed = data.draw(hnp.arrays(bool, (n, m)))

    def ways(row, taken):
        if row == n:
            yield []
            return
        yield from ways(row + 1, taken)
        for column in range(m):
            if allowed[row, column] and column not in taken:
                yield from ([(row, column), *rest] for rest in ways(row + 1, taken | {column}))

    best = min((-len(way), sum(cost[pair] for pair in way)) for way in ways(0, frozenset()))
    found = list(zip(*assign(cost, allowed), strict=True))
    assert all(allowed[pair] for pair in found)
    assert (-len(found), sum(cost[pair] for pair in found)) == best


def faces_of(boxes_by_frame):
    rows = [(frame, *box) for frame, found in enumerate(boxes_by_frame) for box in found]
    return pd.DataFrame(rows, columns=["frame", "x0", "y0", "x1", "y1"]).astype(float)


@given(lists(boxes(3), 1, 5))
def test_a_track_has_one_face_in_a_frame_and_its_boxes_overlap(frames):
    faces = faces_of(frames)
    assume(len(faces))
    tracks = facelab.track_faces(faces, min_iou=0.3, patience=1)
    assert (tracks >= 0).all()
    assert not pd.DataFrame({"frame": faces["frame"], "track": tracks}).duplicated().any()
    firsts = [int(np.flatnonzero(tracks == track)[0]) for track in range(tracks.max() + 1)]
    assert firsts == sorted(firsts)  # numbered as they begin, and none is left out
    for track in set(tracks):
        own = faces[tracks == track]
        for (_, before), (_, after) in pairwise(own.iterrows()):
            assert after["frame"] - before["frame"] == 1
            assert facelab.iou(before[1:].to_numpy(), after[1:].to_numpy())[0, 0] >= 0.3


@given(st.lists(st.integers(0, 20), min_size=1, max_size=8, unique=True), st.integers(0, 6), st.data())
def test_gaps_are_filled_on_a_straight_line(frames, max_gap, data):
    corners = data.draw(hnp.arrays(np.float64, (len(frames), 4), elements=st.integers(0, 50)))
    faces = pd.DataFrame(corners, columns=["x0", "y0", "x1", "y1"]).assign(frame=frames, track=7)
    filled = facelab.fill_gaps(faces, max_gap)
    ordered = faces.sort_values("frame")
    expected = set(frames)
    for before, after in pairwise(sorted(frames)):
        expected |= set(range(before, after)) if after - before - 1 <= max_gap else set()
    assert filled["frame"].tolist() == sorted(expected)
    assert filled["filled"].tolist() == [frame not in frames for frame in sorted(expected)]
    for side in ("x0", "y0", "x1", "y1"):
        np.testing.assert_allclose(filled[side], np.interp(filled["frame"], ordered["frame"], ordered[side]))


@given(lists(boxes(3), 1, 4))
def test_a_tracker_that_says_the_truth_has_no_fault(frames):
    faces = faces_of(frames)
    size = (faces["x1"] - faces["x0"]) * (faces["y1"] - faces["y0"])
    faces = faces[size > 0].drop_duplicates()
    assume(len(faces))
    number = faces.groupby("frame").cumcount()
    score = facelab.score_tracks(faces.assign(person=number), faces.assign(track=number))
    assert (score.found, score.false_alarms, score.recall) == (len(faces), 0, 1)


@given(lists(st.tuples(st.integers(0, 30), LABELS), 1, 15), st.integers(1, 5), st.sampled_from([0.0, 0.4, 1.0]))
def test_appearances_are_runs_of_frames(seen, rate, max_gap):
    faces = pd.DataFrame(sorted(set(seen)), columns=["frame", "name"])
    table = facelab.list_appearances(faces, rate, max_gap=max_gap)
    assert table["faces"].sum() == len(faces)
    assert table["start"].is_monotonic_increasing
    for name in set(faces["name"]):
        frames, own = sorted(faces["frame"][faces["name"] == name]), table[table["name"] == name]
        breaks = sum(after - before - 1 > max_gap * rate for before, after in pairwise(frames))
        assert len(own) == breaks + 1
        assert own["start"].min() == frames[0] / rate
        assert own["end"].max() == (frames[-1] + 1) / rate


@given(unit_vectors(6), st.data(), st.integers(1, 3))
def test_vectors_are_smoothed_over_what_came_before(vectors, data, window):
    tracks = data.draw(st.lists(st.integers(0, 2), min_size=len(vectors), max_size=len(vectors)))
    smooth = facelab.smooth_vectors(vectors, tracks, window)
    for row, track in enumerate(tracks):
        before = [vectors[i] for i in range(row + 1) if tracks[i] == track][-window:]
        mean = np.sum(before, axis=0)
        if np.linalg.norm(mean) > 1e-6:
            np.testing.assert_allclose(smooth[row], mean / np.linalg.norm(mean), atol=1e-5)


@given(unit_vectors(4), unit_vectors(4), DISTANCES, st.data())
def test_a_face_is_named_after_the_nearest_or_nobody(vectors, gallery, threshold, data):
    names = data.draw(st.lists(LABELS, min_size=len(gallery), max_size=len(gallery)))
    table = facelab.name_faces(vectors, gallery, names, threshold)
    for row, vector in zip(table.itertuples(), vectors, strict=True):
        distances = [np.float32(euclidean(vector, other)) for other in gallery]
        assert row.distance == pytest.approx(min(distances), abs=1e-6)
        near = {name for name, d in zip(names, distances, strict=True) if d <= min(distances) + 1e-6}
        assert row.nearest in near
        assert (row.name == row.nearest) == (row.distance <= np.float32(threshold))


# Checks ---------------------------------------------------------------------------------------------------------------

ANYTHING = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.binary(max_size=3),
        st.complex_numbers(), st.dates(), st.decimals(allow_nan=False), st.sampled_from([pd.NA, pd.NaT, np.float32(1)]),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=6,
)  # fmt: skip


@given(ANYTHING)
@settings(max_examples=60)
def test_checks_let_pass_or_refuse_but_never_break(value):
    for check in (
        lambda: checked_numbers(value, "No."),
        lambda: checked_number(value, "No."),
        lambda: checked_labels(value),
        lambda: checked_flags(value, "same", "for one"),
        lambda: finite_columns(pd.DataFrame({"a": pd.Series([value, value], dtype=object)}), ["a"]),
    ):
        try:
            found = check()
        except ValueError:
            continue
        assert not isinstance(found, str)


@given(lists(st.one_of(LABELS, st.integers(0, 3), st.just(float("nan")), st.none()), 0, 6))
def test_labels_are_as_many_and_as_different_as_before(values):
    missing = any(value is None or value != value for value in values)
    mixed = len({isinstance(value, str) for value in values}) > 1
    if missing or mixed:
        with pytest.raises(ValueError, match=r"missing|in part text"):
            checked_labels(values)
        return
    labels = checked_labels(values)
    for i, j in combinations(range(len(values)), 2):
        assert (labels[i] == labels[j]) == (values[i] == values[j])


@given(lists(st.one_of(st.booleans(), st.integers(-1, 2), st.none()), 0, 6))
def test_flags_are_true_and_false_and_nothing_else(values):
    if all(value in (False, True) for value in values):  # which 0 and 1 are equal to
        assert checked_flags(values, "same", "for one").tolist() == [bool(value) for value in values]
    else:
        with pytest.raises(ValueError, match="and nothing else"):
            checked_flags(values, "same", "for one")
