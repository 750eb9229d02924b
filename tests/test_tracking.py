"""Tracking against brute force: every assignment tried, switches counted by hand, and scenes drawn for the purpose."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from one_sentence import sentence
from scipy.optimize import linear_sum_assignment

from facelab import fill_gaps, iou, score_tracks, track_faces
from facelab.data import BOX
from facelab.tracking import assign


def table(rows, **columns):
    """A table of faces from (frame, left edge) pairs: boxes of 40×50 pixels, all at one height."""
    frames, lefts = zip(*rows, strict=True) if rows else ((), ())
    boxes = [[x, 100, x + 40, 150] for x in lefts]
    faces = pd.DataFrame(np.reshape(boxes, (-1, 4)).astype(float), columns=BOX)
    faces.insert(0, "frame", np.array(frames, int))
    return faces.assign(**columns)


def unit(*numbers):
    return np.array(numbers) / np.linalg.norm(numbers)


def every_matching(n, m):
    """All ways to pair n rows with m columns, in part or in full, as lists of (row, column)."""
    columns = [*range(m), *[None] * n]
    for chosen in set(permutations(columns, n)):
        yield [(i, j) for i, j in enumerate(chosen) if j is not None]


# Assignment


def test_assignment_is_the_best_of_all():
    rng = np.random.default_rng(0)
    for _ in range(60):
        cost = rng.normal(size=rng.integers(0, 4, 2))
        allowed = rng.random(cost.shape) < 0.6
        ways = [way for way in every_matching(*cost.shape) if all(allowed[pair] for pair in way)]
        best = min(ways, key=lambda way: (-len(way), sum(cost[pair] for pair in way)))
        found = list(zip(*assign(cost, allowed), strict=True))
        assert len(found) == len(best)
        assert sum(cost[pair] for pair in found) == pytest.approx(sum(cost[pair] for pair in best))
        assert all(allowed[pair] for pair in found)


def test_assignment_without_limits_is_scipys():
    cost = np.random.default_rng(1).normal(size=(5, 7))
    for ours, theirs in zip(assign(cost, np.ones((5, 7), bool)), linear_sum_assignment(cost), strict=True):
        np.testing.assert_array_equal(ours, theirs)


# Tracking


def test_two_people_who_walk_keep_their_numbers_whatever_their_order():
    rng = np.random.default_rng(2)
    rows, people = [], []
    for frame in range(20):
        pair = [(frame, 10 + 5 * frame), (frame, 300 - 5 * frame)]
        order = rng.permutation(2)
        rows += [pair[i] for i in order]
        people += list(order)
    found = track_faces(table(rows))
    assert len(np.unique(found)) == 2
    assert all(len(np.unique(found[np.array(people) == i])) == 1 for i in (0, 1))


def test_rows_may_stand_in_any_order():
    rows = [(frame, 10 + 300 * person + 4 * frame) for frame in range(8) for person in (0, 1)]
    faces = table(rows)
    shuffled = faces.sample(frac=1, random_state=0)
    found, ordered = track_faces(shuffled), track_faces(faces)[shuffled.index]
    np.testing.assert_array_equal(found[:, None] == found, ordered[:, None] == ordered)  # whichever comes first


def test_patience_is_for_place():
    gap = table([(0, 10), (1, 10), (6, 12), (7, 12)])
    assert track_faces(gap, patience=5).tolist() == [0, 0, 0, 0]
    assert track_faces(gap, patience=4).tolist() == [0, 0, 1, 1]


def test_looks_bridge_what_place_cannot():
    ann, bob = unit(1, 0.1, 0), unit(0, 1, 0.1)
    faces = table([(0, 10), (0, 100), (1, 10), (1, 100), (5, 300), (5, 10)])
    vectors = np.stack([ann, bob, ann, bob, ann, bob])
    assert track_faces(faces, patience=1).tolist() == [0, 1, 0, 1, 2, 3]
    assert track_faces(faces, vectors, patience=1, max_distance=0.5).tolist() == [0, 1, 0, 1, 0, 1]
    assert track_faces(faces, vectors, patience=1, max_distance=0.5, memory=3).tolist() == [0, 1, 0, 1, 2, 3]


def test_a_stranger_in_the_place_of_nobody_begins_a_track():
    faces = table([(0, 10), (3, 300)])
    vectors = np.stack([unit(1, 0), unit(0, 1)])
    assert track_faces(faces, vectors, max_distance=1.0).tolist() == [0, 1]
    assert track_faces(faces, vectors, max_distance=1.5).tolist() == [0, 0]


def test_looks_go_by_the_mean_of_a_track():
    """Its last face alone would be too far away, and so would its first."""
    vectors = np.stack([unit(1, 0.6), unit(1, -0.6), unit(1, 0)])
    faces = table([(0, 10), (1, 10), (4, 300)])
    distance = np.linalg.norm(vectors[0] - vectors[2])
    assert track_faces(faces, vectors, patience=1, max_distance=distance - 0.1).tolist() == [0, 0, 0]


def test_no_faces_no_tracks():
    assert track_faces(table([])).tolist() == []
    assert track_faces(table([]), np.zeros((0, 8)), max_distance=1).tolist() == []


def test_what_cannot_be_tracked_gets_its_sentence():
    faces = table([(0, 10), (1, 10)])
    for given, said in (
        ((faces.drop(columns=["frame", "x1"]),), "lacks frame, x1"),
        ((faces.assign(x0=np.nan),), "NaN or an infinite"),
        ((faces, np.eye(2)), "belong together"),
    ):
        with pytest.raises(ValueError, match=said) as caught:
            track_faces(*given)
        sentence(caught)
    for options, said in (
        ({"max_distance": 1}, "belong together"),
        ({"vectors": np.eye(3), "max_distance": 1}, "3 vec"),
    ):
        with pytest.raises(ValueError, match=said) as caught:
            track_faces(faces, **options)
        sentence(caught)


# Gaps


def test_gaps_are_filled_along_a_straight_line():
    faces = table([(0, 10), (4, 50), (0, 200)], track=[0, 0, 1], name=["Ann", "Ann", "Bob"], prob=[0.9, 0.8, 0.7])
    filled = fill_gaps(faces)
    assert filled.frame.tolist() == [0, 0, 1, 2, 3, 4]
    assert filled.filled.tolist() == [False, False, True, True, True, False]
    np.testing.assert_allclose(filled[filled.track == 0].x0, [10, 20, 30, 40, 50])
    np.testing.assert_allclose(filled[filled.track == 0].x1, [50, 60, 70, 80, 90])
    assert filled[filled.filled].name.tolist() == ["Ann"] * 3
    assert filled[filled.filled].prob.isna().all()
    assert filled[~filled.filled].prob.tolist() == [0.9, 0.7, 0.8]


def test_gaps_that_are_too_wide_stay_open():
    faces = table([(0, 10), (4, 50)], track=[0, 0])
    assert len(fill_gaps(faces, max_gap=3)) == 5
    assert len(fill_gaps(faces, max_gap=2)) == 2
    assert fill_gaps(table([], track=[])).empty


# The score


def brute_force(truth, tracked, iou_threshold=0.5):
    """CLEAR MOT by trying every matching in every frame: found, false alarms, switches."""
    last, found, switches = {}, 0, 0
    for frame in sorted(truth.frame.unique()):
        true, here = truth[truth.frame == frame], tracked[tracked.frame == frame]
        overlap = iou(true[BOX], here[BOX])
        people, tracks = list(true.person), list(here.track)
        ways = [way for way in every_matching(*overlap.shape) if all(overlap[pair] >= iou_threshold for pair in way)]

        def merit(way, overlap=overlap, people=people, tracks=tracks):
            kept = [(i, j) for i, j in way if last.get(people[i]) == tracks[j]]
            return len(kept), sum(overlap[pair] for pair in kept), len(way), sum(overlap[pair] for pair in way)

        best = max(ways, key=merit)
        found += len(best)
        for i, j in best:
            switches += people[i] in last and last[people[i]] != tracks[j]
            last[people[i]] = tracks[j]
    return found, len(tracked) - found, switches


def test_the_score_agrees_with_brute_force():
    rng = np.random.default_rng(3)
    seen = 0
    for _ in range(25):
        rows, people = [], []
        for frame in range(6):
            for person in range(3):
                rows.append((frame, 20 * person + 6 * frame + rng.integers(-3, 4)))
                people.append(f"person_{person}")
        truth = table(rows, person=people)
        tracked = truth.drop(columns="person")[rng.random(len(truth)) < 0.8].reset_index(drop=True)
        shift = rng.uniform(-14, 14, len(tracked))  # no two overlaps are equal, so that one matching is the best
        tracked = tracked.assign(x0=tracked.x0 + shift, x1=tracked.x1 + shift)
        tracked["track"] = rng.integers(0, 3, len(tracked))
        tracked = tracked.drop_duplicates(["frame", "track"])
        score = score_tracks(truth, tracked)
        assert (score.found, score.false_alarms, score.switches) == brute_force(truth, tracked)
        seen += score.switches
    assert seen > 50


def test_switches_are_counted_as_one_does_by_hand():
    truth = table([(frame, 10) for frame in range(8)], person=["ann"] * 8)
    tracks = [4, 4, None, 4, 5, None, 5, 4]  # away and back as the same is none; to 5 and back are two
    seen = [frame for frame, track in enumerate(tracks) if track is not None]
    tracked = table([(frame, 11) for frame in seen], track=[tracks[frame] for frame in seen])
    score = score_tracks(truth, tracked)
    assert (score.faces, score.found, score.false_alarms, score.switches) == (8, 6, 0, 2)
    assert score.recall == 6 / 8
    assert score.mota == 1 - (2 + 0 + 2) / 8
    assert list(score.persons) == ["ann"] * 6


def test_who_had_a_track_keeps_it_although_another_overlaps_more():
    truth = table([(0, 10), (1, 10)], person=["ann", "ann"])
    tracked = table([(0, 10), (1, 16), (1, 10)], track=[0, 0, 1])
    score = score_tracks(truth, tracked)
    assert score.switches == 0
    assert list(score.persons) == ["ann", "ann", None]


def test_false_alarms_and_frames_without_anybody():
    truth = table([(3, 10)], person=["ann"])
    score = score_tracks(truth, table([(0, 10), (3, 200)], track=[0, 1]))
    assert (score.found, score.false_alarms, score.mota) == (0, 2, -2)
    assert score_tracks(truth, table([], track=[])).found == 0


def test_what_cannot_be_scored_gets_its_sentence():
    faces = table([(0, 10)])
    for given, said in (
        ((faces, faces), "lacks person"),
        ((faces.assign(person="ann"), faces), "lacks track"),
        ((table([], person=[]), faces.assign(track=0)), "no true face"),
    ):
        with pytest.raises(ValueError, match=said) as caught:
            score_tracks(*given)
        sentence(caught)
