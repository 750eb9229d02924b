"""Distances against brute force and scikit-learn."""

from itertools import combinations
from math import sqrt

import numpy as np
import pytest
from sklearn.metrics import pairwise_distances as sklearn_distances
from sklearn.metrics.pairwise import cosine_similarity

from facelab.distance import cosine_to_euclidean, euclidean_to_cosine, pairwise_distances, split_pairs


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
    ],
)
def test_what_has_no_distance(a, b, said):
    with pytest.raises(ValueError, match=said):
        pairwise_distances(a, b)


def test_labels_that_do_not_fit():
    with pytest.raises(ValueError, match="3×3"):
        split_pairs(np.zeros((2, 2)), ["a", "b", "c"])


def test_impossible_distances_and_cosines():
    with pytest.raises(ValueError, match="between 0 and 2"):
        euclidean_to_cosine([0.3, 2.1])
    with pytest.raises(ValueError, match="between 0 and 2"):
        euclidean_to_cosine(-0.1)
    with pytest.raises(ValueError, match="between -1 and 1"):
        cosine_to_euclidean(1.2)
