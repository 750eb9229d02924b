"""Distance: how far apart are two faces? Euclidean distances between embeddings, sorted into pairs (notebook 03)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist


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
        If a or b is not a table of numbers or holds a NaN, or if they differ in width (two models' vectors).
    """
    a = _vectors(a, "first")
    b = a if b is None else _vectors(b, "second")
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            f"The first set has vectors of {a.shape[1]} numbers and the second of {b.shape[1]}: they come from "
            "different models, so embed both with the same one."
        )
    return cdist(a, b).astype(np.float32)


def split_pairs(distances: ArrayLike, people: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Sort the pairs of a distance matrix into genuine (same person) and impostor (two people) ones.

    Parameters
    ----------
    distances : (n, n) float
        Symmetric. Each pair is taken once, from above the diagonal, and no photo is paired with itself.
    people : (n,) of any labels
        Who is on each photo.

    Returns
    -------
    genuine, impostor : (g,) and (i,) float32
        With g + i = n (n - 1) / 2.

    Raises
    ------
    ValueError
        If the matrix is not square or the labels do not fit it.
    """
    distances, people = np.asarray(distances, np.float32), np.asarray(people)
    n = len(people)
    if distances.shape != (n, n):
        raise ValueError(f"{n} labels want a {n}×{n} matrix of distances, but its shape is {distances.shape}.")
    rows, columns = np.triu_indices(n, k=1)
    same = people[rows] == people[columns]
    pairs = distances[rows, columns]
    return pairs[same], pairs[~same]


def euclidean_to_cosine(distance: ArrayLike) -> np.ndarray:
    """Cosine similarity of unit vectors this far apart: from d² = 2 - 2 cos, cos = 1 - d²/2.

    Raises ValueError for a distance that no two unit vectors have, below 0 or above 2.
    """
    distance = np.asarray(distance)
    if ((distance < 0) | (distance > 2 + 1e-6)).any():
        raise ValueError(
            "Unit vectors lie between 0 and 2 apart: were these distances measured between normalised vectors?"
        )
    return np.maximum(1 - distance**2 / 2, -1)


def cosine_to_euclidean(cosine: ArrayLike) -> np.ndarray:
    """Euclidean distance of unit vectors with this cosine similarity: d = √(2 - 2 cos).

    Raises ValueError for a cosine below -1 or above 1.
    """
    cosine = np.asarray(cosine)
    if (np.abs(cosine) > 1 + 1e-6).any():
        raise ValueError("A cosine lies between -1 and 1: is this a dot product of vectors that were not normalised?")
    return np.sqrt(np.maximum(2 - 2 * cosine, 0))


def _vectors(values: ArrayLike, which: str) -> np.ndarray:
    try:
        vectors = np.asarray(values.detach() if hasattr(values, "detach") else values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"The {which} set is not a table of numbers: embeddings are (n, d), one row a face."
        ) from error
    if vectors.ndim != 2:
        raise ValueError(
            f"The {which} set has shape {vectors.shape}, but embeddings are a table: one row a face, (n, d)."
        )
    if not np.isfinite(vectors).all():
        raise ValueError(
            f"The {which} set holds NaN or infinite numbers, which have no distance: look for a failed crop."
        )
    return vectors
