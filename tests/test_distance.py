"""Distances against brute force and scikit-learn."""

from itertools import combinations
from math import sqrt

import numpy as np
import pytest
import torch
from sklearn.metrics import pairwise_distances as sklearn_distances
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.neighbors import NearestNeighbors

from facelab.distance import (
    cosine_to_euclidean,
    euclidean_to_cosine,
    list_pairs,
    nearest_neighbours,
    pairwise_cosines,
    pairwise_distances,
    split_pairs,
)


@pytest.fixture
def vectors():
    vectors = np.random.default_rng(0).normal(size=(12, 128))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_by_hand(vectors):
    a, b = vectors[:5], vectors[5:]
    by_hand = [[sqrt(sum((float(p) - float(q)) ** 2 for p, q in zip(u, v, strict=True))) for v in b] for u in a]
    np.testing.assert_allclose(pairwise_distances(a, b), by_hand, atol=1e-6)
    np.testing.assert_allclose(pairwise_distances(a, b), sklearn_distances(a, b), atol=1e-6)


def test_symmetric_zero_on_the_diagonal_and_indifferent_to_order(vectors):
    distances = pairwise_distances(vectors)
    assert distances.dtype == np.float32
    np.testing.assert_array_equal(distances, distances.T)
    np.testing.assert_array_equal(np.diag(distances), 0)
    order = np.random.default_rng(1).permutation(len(vectors))
    np.testing.assert_array_equal(pairwise_distances(vectors[order]), distances[order][:, order])


def test_close_vectors_keep_their_distance(vectors):
    """The shortcut through the dot product loses a small distance in float32; this does not."""
    near = vectors.copy()
    near[:, 0] += 1e-4
    np.testing.assert_allclose(np.diag(pairwise_distances(vectors, near)), 1e-4, rtol=1e-2)


def test_pairs_are_each_taken_once():
    distances = np.arange(25.0).reshape(5, 5)
    distances = distances + distances.T
    people = ["ann", "bob", "ann", "cai", "ann"]
    genuine, impostor = split_pairs(distances, people)
    pairs = list(combinations(range(5), 2))
    assert sorted(genuine) == sorted(distances[i, j] for i, j in pairs if people[i] == people[j])
    assert sorted(impostor) == sorted(distances[i, j] for i, j in pairs if people[i] != people[j])


def test_any_clustered_vectors_make_a_proper_matrix():
    """What must hold whatever the vectors: symmetry, a zero diagonal, the triangle, and indifference to the batch."""
    rng = np.random.default_rng(2)
    for _ in range(20):
        n, d = rng.integers(2, 30), rng.integers(1, 64)
        points = rng.normal(size=(n, d)) + rng.normal(scale=3, size=(4, d))[rng.integers(0, 4, n)]
        distances = pairwise_distances(points)
        np.testing.assert_array_equal(distances, distances.T)
        assert (np.diag(distances) == 0).all()
        assert (distances[:, :, None] <= distances[:, None, :] + distances.T[None] + 1e-4).all()
        part = rng.permutation(n)[: rng.integers(1, n + 1)]
        np.testing.assert_array_equal(pairwise_distances(points[part], points), distances[part])


def test_identical_photos_are_at_no_distance(vectors):
    assert (pairwise_distances(vectors[[3, 3, 3]]) == 0).all()
    np.testing.assert_allclose(pairwise_cosines(vectors[[3, 3]]), 1)


def test_tensors_are_vectors_too(vectors):
    tensor = torch.from_numpy(vectors).requires_grad_()
    np.testing.assert_array_equal(pairwise_distances(tensor), pairwise_distances(vectors))


def test_no_faces_have_an_empty_matrix(vectors):
    assert pairwise_distances(vectors[:0], vectors).shape == (0, len(vectors))


def test_cosines_against_scikit_learn(vectors):
    np.testing.assert_allclose(pairwise_cosines(vectors), cosine_similarity(vectors), atol=1e-6)
    np.testing.assert_allclose(
        pairwise_cosines(vectors[:2], vectors[5:]), cosine_similarity(vectors[:2], vectors[5:]), atol=1e-6
    )
    np.testing.assert_allclose(cosine_to_euclidean(pairwise_cosines(vectors)), pairwise_distances(vectors), atol=2e-3)
    assert pairwise_cosines(vectors.astype(np.float16)).max() <= 1


@pytest.mark.parametrize("scale", [2, 0.9, 0])
def test_cosines_want_unit_vectors(vectors, scale):
    long = vectors.copy()
    long[4] *= scale
    with pytest.raises(ValueError, match=f"Row 4 of the second set has length {scale}"):
        pairwise_cosines(vectors, long)


@pytest.mark.parametrize("k", [1, 3, 11])
def test_neighbours_against_scikit_learn(vectors, k):
    search = NearestNeighbors(algorithm="brute").fit(vectors)
    for ours, theirs in zip(nearest_neighbours(vectors, k=k), search.kneighbors(n_neighbors=k), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    probes = -vectors[:4] + 0.01
    for ours, theirs in zip(nearest_neighbours(probes, vectors, k=k), search.kneighbors(probes, k), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_a_twin_is_a_neighbour_but_nobody_is_their_own(vectors):
    twins = np.concatenate([vectors, vectors])
    distances, rows = nearest_neighbours(twins)
    assert (distances == 0).all()
    assert (rows[:, 0] == np.roll(np.arange(24), 12)).all()
    _, rows = nearest_neighbours(vectors[:1], twins, k=2)
    assert rows.tolist() == [[0, 12]]
    _, rows = nearest_neighbours(vectors[:1], vectors[[1, 0] * 100], k=150)
    assert rows[0].tolist() == [*range(1, 200, 2), *range(0, 100, 2)]  # of equal distances the earlier, however many


@pytest.mark.parametrize(("b", "k"), [(None, 12), (None, 0), (np.zeros((2, 128)), 3), (np.zeros((0, 128)), 1)])
def test_more_neighbours_than_there_are(vectors, b, k):
    with pytest.raises(ValueError, match=f"k is {k}, but there are"):
        nearest_neighbours(vectors, b, k)


def test_a_face_alone_has_no_neighbour(vectors):
    with pytest.raises(ValueError, match="there are 0 vectors"):
        nearest_neighbours(vectors[:1])


def test_pairs_of_two_sets_are_all_cells():
    distances = np.arange(6.0).reshape(2, 3)
    genuine, impostor = split_pairs(distances, ["ann", "bob"], ["bob", "ann", "ann"])
    assert genuine.tolist() == [1, 2, 3]
    assert impostor.tolist() == [0, 4, 5]


def test_list_of_pairs_is_what_was_split(vectors):
    people = np.repeat(["ann", "bob", "cai", "dan"], 3)
    distances = pairwise_distances(vectors)
    pairs = list_pairs(distances, people)
    genuine, impostor = split_pairs(distances, people)
    np.testing.assert_array_equal(pairs.distance[pairs.same], genuine)
    np.testing.assert_array_equal(pairs.distance[~pairs.same], impostor)
    np.testing.assert_array_equal(pairs.distance, distances[pairs.row_a, pairs.row_b])
    assert (people[pairs.row_a] == pairs.person_a).all()
    assert (people[pairs.row_b] == pairs.person_b).all()
    assert (pairs.row_a < pairs.row_b).all()
    between = list_pairs(distances[:2], people[:2], people)
    assert len(between) == 24
    assert between.person_b.tolist() == [*people, *people]


def test_one_photo_each_and_one_person_alone():
    assert [len(p) for p in split_pairs(np.zeros((3, 3)), [1, 2, 3])] == [0, 3]
    assert [len(p) for p in split_pairs(np.zeros((1, 1)), [1])] == [0, 0]


def test_euclidean_and_cosine_say_the_same(vectors):
    distances, cosines = pairwise_distances(vectors), cosine_similarity(vectors)
    np.testing.assert_allclose(euclidean_to_cosine(distances), cosines, atol=1e-6)
    np.testing.assert_allclose(cosine_to_euclidean(cosines), distances, atol=2e-3)
    pairs = np.triu_indices(len(vectors), 1)
    assert (np.argsort(distances[pairs]) == np.argsort(-cosines[pairs])).all()


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        (np.zeros(128), None, r"shape \(128,\)"),
        (np.full((2, 4), np.nan), None, "NaN"),
        (np.zeros((2, 128)), np.zeros((2, 512)), "128 numbers and the second of 512"),
        ([[1.0, 2.0], [3.0]], None, "not a table"),
        (np.array([["a", "b"]]), None, "not a table"),
        (np.full((2, 4), np.inf), None, "infinite"),
        ([], None, r"shape \(0,\)"),
        (np.zeros((3, 0)), None, r"shape \(3, 0\)"),
        (np.zeros((2, 4)), np.full((1, 4), np.nan), "second set holds NaN"),
    ],
)
def test_what_has_no_distance(a, b, said):
    with pytest.raises(ValueError, match=said):
        pairwise_distances(a, b)


def test_labels_that_do_not_fit():
    with pytest.raises(ValueError, match="3×3"):
        split_pairs(np.zeros((2, 2)), ["a", "b", "c"])
    with pytest.raises(ValueError, match="2 and 3 labels want a 2×3"):
        list_pairs(np.zeros((3, 2)), ["a", "b"], ["a", "b", "c"])


@pytest.mark.parametrize("split", [split_pairs, list_pairs])
def test_matrices_that_would_be_split_wrongly(split):
    with pytest.raises(ValueError, match="label is missing"):
        split(np.zeros((2, 2)), ["a", None])
    with pytest.raises(ValueError, match="label is missing"):
        split(np.zeros((2, 2)), [1.0, np.nan])
    with pytest.raises(ValueError, match="NaN or infinite distances"):
        split([[0, np.nan], [np.nan, 0]], ["a", "b"])
    with pytest.raises(ValueError, match="not symmetric"):
        split([[0.2, 1.1], [1.3, 0.3]], ["a", "b"])


def test_impossible_distances_and_cosines():
    with pytest.raises(ValueError, match="between 0 and 2"):
        euclidean_to_cosine([0.3, 2.1])
    with pytest.raises(ValueError, match="between 0 and 2"):
        euclidean_to_cosine(-0.1)
    with pytest.raises(ValueError, match="between -1 and 1"):
        cosine_to_euclidean(1.2)
    with pytest.raises(ValueError, match="between 0 and 2"):
        euclidean_to_cosine([0.3, np.nan])
    with pytest.raises(ValueError, match="between -1 and 1"):
        cosine_to_euclidean(np.nan)
