"""Distance: how far apart are two faces? Distances between embeddings, neighbours, and pairs of photos (notebook 03).

On vectors of unit length the Euclidean distance d and the cosine say the same in two scales, d² = 2 - 2 cos; the
suite measures in d throughout, from 0 (the same) to 2 (opposite).
"""

from __future__ import annotations

from numbers import Integral

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist

from facelab.checks import brief, checked_labels, checked_numbers

# How far from 1 the length of a unit vector may be: float16 templates, the coarsest in use, stay well within.
LENGTH_TOLERANCE = 2e-3

MOST_DISTANCES = 500_000_000  # in one matrix


def pairwise_distances(a: ArrayLike, b: ArrayLike | None = None) -> np.ndarray:
    """Euclidean distance between every vector of a and every vector of b (`scipy.spatial.distance.cdist`).

    Parameters
    ----------
    a : (n, d) float
        Embeddings. Of unit length, their distances lie between 0 (the same) and 2 (opposite).
    b : (m, d) float, optional
        By default a itself: the matrix is then symmetric, with zeros on its diagonal.

    Returns
    -------
    (n, m) float32

    Raises
    ------
    ValueError
        If a or b is not a table of numbers or holds a NaN, if they differ in width (two models' vectors), or if there
        are more than `MOST_DISTANCES`.
    """
    a, b = _two_sets(a, b)
    _check_count(a, b)
    return cdist(a, b).astype(np.float32)


def pairwise_cosines(a: ArrayLike, b: ArrayLike | None = None) -> np.ndarray:
    """Cosine similarity, from 1 (the same) to -1 (opposite), between every unit vector of a and every one of b.

    It is the dot product, and that is a cosine for vectors of length one only: others are refused, where
    `sklearn.metrics.pairwise.cosine_similarity` would scale them first. Parameters and errors are those of
    `pairwise_distances`; (n, m) float32 is returned.
    """
    a, b = _two_sets(a, b)
    for vectors, which in ((a, "first"), (b, "second")):
        if wrong := first_not_unit(vectors):
            raise ValueError(
                f"Row {wrong[0]} of the {which} set has length {wrong[1]:.3g}, but a dot product is a cosine "
                "for vectors of length 1 only: divide each vector by its length first."
            )
    _check_count(a, b)
    return np.clip(a @ b.T, -1, 1).astype(np.float32)


def nearest_neighbours(a: ArrayLike, b: ArrayLike | None = None, k: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Find the k vectors of b that lie nearest to each vector of a.

    Parameters
    ----------
    a : (n, d) float
    b : (m, d) float, optional
        By default a itself, and then no vector is its own neighbour.
    k : int
        How many neighbours.

    Returns
    -------
    distances, rows : (n, k) float32 and (n, k) int
        Nearest first; rows count in b. The order of the two is that of scikit-learn's `NearestNeighbors.kneighbors`
        and of FAISS. Of equal distances, the earlier row comes first.

    Raises
    ------
    ValueError
        As `pairwise_distances`; if there are not k vectors to find.
    """
    distances = pairwise_distances(a, b)
    if b is None:
        np.fill_diagonal(distances, np.inf)
    candidates = distances.shape[1] - (b is None)
    if not isinstance(k, Integral) or not 1 <= k <= candidates:
        raise ValueError(
            f"k is {brief(k)}, but there are {max(candidates, 0)} vectors to choose from: take one to that many."
        )
    rows = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(distances, rows, axis=1), rows


def split_pairs(
    distances: ArrayLike, people: ArrayLike, others: ArrayLike | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Sort the pairs of a distance matrix into genuine (same person) and impostor (two people) ones.

    Parameters
    ----------
    distances : (n, n) or (n, m) float
        Within one set of photos, the matrix is symmetric: each pair is taken once, from above the diagonal, and no
        photo is paired with itself. Between two sets, every cell is a pair.
    people : (n,) of any labels
        Who is on each photo, that is, on each row.
    others : (m,) of any labels, optional
        Who is on each column, if the columns are another set of photos than the rows (a gallery, say).

    Returns
    -------
    genuine, impostor : (g,) and (i,) float32
        With g + i = n (n - 1) / 2 within one set, and n m between two. Either may be empty: one photo each makes no
        genuine pair, and one person alone no impostor pair.

    Raises
    ------
    ValueError
        If the labels do not fit the matrix, one is missing, a distance is no finite number, or a matrix within one set
        is not symmetric.
    """
    rows, columns, same = _places(distances, people, others)
    pairs = np.asarray(distances, np.float32)[rows, columns]
    return pairs[same], pairs[~same]


def list_pairs(distances: ArrayLike, people: ArrayLike, others: ArrayLike | None = None) -> pd.DataFrame:
    """List the pairs of a distance matrix with who and what they are: what `split_pairs` sorts, as a table.

    Parameters and errors are those of `split_pairs`.

    Returns
    -------
    pandas.DataFrame
        A row per pair: `row_a` and `row_b` (where its two photos stand in people, and in people or others), `person_a`,
        `person_b`, `same` (bool) and `distance` (float32). `load_lfw_pairs` names the same columns alike.
    """
    rows, columns, same = _places(distances, people, others)
    people = np.asarray(people)
    others = people if others is None else np.asarray(others)
    return pd.DataFrame(
        {
            "row_a": rows,
            "row_b": columns,
            "person_a": people[rows],
            "person_b": others[columns],
            "same": same,
            "distance": np.asarray(distances, np.float32)[rows, columns],
        }
    )


def euclidean_to_cosine(distance: ArrayLike) -> np.ndarray:
    """Cosine similarity of unit vectors this far apart: from d² = 2 - 2 cos, cos = 1 - d²/2.

    Raises ValueError for a distance that no two unit vectors have: below 0, above 2, or no number.
    """
    distance = checked_numbers(distance, "A distance is a number: give one, or an array of them.")
    if not ((distance >= 0) & (distance <= 2 + 1e-6)).all():
        raise ValueError("Unit vectors lie between 0 and 2 apart: measure these distances between vectors of length 1.")
    return np.maximum(1 - distance**2 / 2, -1)


def cosine_to_euclidean(cosine: ArrayLike) -> np.ndarray:
    """Euclidean distance of unit vectors with this cosine similarity: d = √(2 - 2 cos).

    Raises ValueError for a cosine below -1, above 1, or no number.
    """
    cosine = checked_numbers(cosine, "A cosine is a number: give one, or an array of them.")
    if not (np.abs(cosine) <= 1 + 1e-6).all():
        raise ValueError("A cosine lies between -1 and 1: a dot product is one for vectors of length 1 only.")
    return np.sqrt(np.maximum(2 - 2 * cosine, 0))


def _two_sets(a: ArrayLike, b: ArrayLike | None) -> tuple[np.ndarray, np.ndarray]:
    a = checked_vectors(a, "first")
    b = a if b is None else checked_vectors(b, "second")
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            f"The first set has vectors of {a.shape[1]} numbers and the second of {b.shape[1]}: they come from "
            "different models, so embed both with the same one."
        )
    return a, b


def _check_count(a: np.ndarray, b: np.ndarray) -> None:
    if len(a) * len(b) > MOST_DISTANCES:
        raise ValueError(
            f"{len(a):,} × {len(b):,} pairs are more than {MOST_DISTANCES:,}, which take 6 GB: measure them in parts."
        )


def checked_vectors(values: ArrayLike, which: str) -> np.ndarray:
    """Give embeddings as an (n, d) float64 table, or say in one sentence why they are none."""
    vectors = checked_numbers(
        values, f"The {which} set is not a table of numbers: embeddings are (n, d), one row a face."
    )
    if vectors.ndim != 2 or vectors.shape[1] == 0:
        raise ValueError(
            f"The {which} set has shape {vectors.shape}, but embeddings are a table: one row a face, (n, d)."
        )
    if not (np.abs(vectors) < 1e18).all():  # NaN fails this too; beyond, squares leave float32
        raise ValueError(
            f"The {which} set holds NaN, infinite or huge numbers, which have no distance: look for a failed crop."
        )
    return vectors


def first_not_unit(vectors: np.ndarray) -> tuple[int, float] | None:
    """Give the row and the length of the first of (n, d) vectors that is not of unit length; None if all are."""
    lengths = np.linalg.norm(vectors, axis=1)
    wrong = np.flatnonzero(np.abs(lengths - 1) > LENGTH_TOLERANCE)
    return (int(wrong[0]), float(lengths[wrong[0]])) if len(wrong) else None


def checked_matrix(
    distances: ArrayLike, people: ArrayLike, others: ArrayLike | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give a distance matrix (float32) and the labels of its rows and columns, or say in a sentence what is wrong."""
    complaint = "The matrix of distances is not a table of numbers: pairwise_distances makes one."
    with np.errstate(over="ignore"):  # what float32 cannot hold is infinite, and refused below
        distances, people = checked_numbers(distances, complaint, np.float32), checked_labels(people)
    within = others is None
    others = people if within else checked_labels(others)
    if not within:  # text in both, or in neither: 1 and "1" would be two people
        checked_labels(np.concatenate([people.astype(object), others.astype(object)]))
    if distances.shape != (len(people), len(others)):
        wanted = f"{len(people)} labels" if within else f"{len(people)} and {len(others)} labels"
        raise ValueError(
            f"{wanted} want a {len(people)}×{len(others)} matrix of distances, but its shape is {distances.shape}."
        )
    if not np.isfinite(distances).all():
        raise ValueError("The matrix holds NaN or infinite distances: leave out the photos that have none.")
    if within and not np.allclose(distances, distances.T, atol=1e-5):
        raise ValueError(
            "The matrix is not symmetric: if its columns are other photos than its rows, give the labels of both."
        )
    return distances, people, others


def _places(
    distances: ArrayLike, people: ArrayLike, others: ArrayLike | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row and column of each pair in the matrix, and whether it is genuine."""
    within = others is None
    distances, people, others = checked_matrix(distances, people, others)
    rows, columns = np.triu_indices(len(people), k=1) if within else np.indices(distances.shape).reshape(2, -1)
    return rows, columns, people[rows] == others[columns]
