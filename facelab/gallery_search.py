"""The search of a gallery: who is nearest to a face, and near enough (behind `gallery.py`, notebook 06).

Everyone's vectors stand in one matrix, sorted by person, so that a search is one matrix product.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from PIL import Image

from facelab.checks import brief, checked_number
from facelab.distance import checked_vectors, first_not_unit

WAYS = ("nearest", "mean")


@dataclass(frozen=True)
class Model:
    """What must agree before two vectors can be compared: who made them.

    Attributes
    ----------
    name : str
    dimension : int
        Numbers in a vector.
    fingerprint : str
        Differs for different weights, as `FaceEmbedder.fingerprint` does.
    """

    name: str
    dimension: int
    fingerprint: str

    def __str__(self) -> str:
        return f"{self.name} ({self.dimension} numbers, fingerprint {self.fingerprint})"

    def same_as(self, other: Model) -> bool:
        """Whether vectors of both can be compared: what a copy of the weights is called does not matter."""
        return (self.dimension, self.fingerprint) == (other.dimension, other.fingerprint)


@dataclass(frozen=True, eq=False)
class Identification:
    """Who a face was found to be.

    Attributes
    ----------
    candidates : pandas.DataFrame
        The people nearest to it, nearest first: `name` and `distance` (float32, 0 to 2). Empty in an empty gallery.
    threshold : float
        Up to which distance a person counts as found.
    vector : (d,) float32
        The face's embedding, to enrol it under a name with `Gallery.enrol_vectors`.
    box : (4,) float32 or None
        x0, y0, x1, y1 in pixels of the photo; None where a vector was given, as is the next.
    thumbnail : PIL.Image.Image or None
    """

    candidates: pd.DataFrame
    threshold: float
    vector: np.ndarray
    box: np.ndarray | None = None
    thumbnail: Image.Image | None = None

    @property
    def name(self) -> str | None:
        """The nearest person, or None: nobody known."""
        return self.decide(self.threshold)

    @property
    def distance(self) -> float:
        """Distance to the nearest person, infinite where nobody is enrolled."""
        return float(self.candidates["distance"].iloc[0]) if len(self.candidates) else math.inf

    def decide(self, threshold: float) -> str | None:
        """Say who it is at another threshold, without another search."""
        return self.candidates["name"].iloc[0] if self.distance <= checked_threshold(threshold) else None


@dataclass(frozen=True, eq=False)
class Verification:
    """Whether a face is who it is said to be.

    Attributes
    ----------
    name : str
        As enrolled.
    distance : float
        From this face to that person, 0 to 2.
    threshold : float
    box : (4,) float32 or None
        x0, y0, x1, y1 in pixels of the photo; None where a vector was given.
    """

    name: str
    distance: float
    threshold: float
    box: np.ndarray | None = None

    @property
    def accepted(self) -> bool:
        """Whether the distance is at most the threshold."""
        return self.distance <= self.threshold


@dataclass(frozen=True, eq=False)
class Known:
    """All enrolled people at one moment, ready to be searched.

    Attributes
    ----------
    model : Model or None
        Whose vectors they are; None as long as there are none.
    people : (p,) int
        The people's numbers, rising, which is the order of their enrolment.
    names : list of p str
    starts : (p,) int
        The row at which each person's vectors begin.
    vectors : (m, d) float64
        In float32, the product below would be wrong by up to 0.0005 for faces that are the same.
    """

    model: Model | None
    people: np.ndarray
    names: list[str]
    starts: np.ndarray
    vectors: np.ndarray

    @property
    def counts(self) -> list[int]:
        """How many vectors each person has."""
        return np.diff([*self.starts, len(self.vectors)]).tolist()

    @cached_property
    def squares(self) -> np.ndarray:
        """Squared length of each vector, about 1."""
        return np.einsum("ij,ij->i", self.vectors, self.vectors)

    @cached_property
    def means(self) -> np.ndarray:
        """The direction of each person's mean vector: (p, d), of unit length, or 0 where their vectors cancel out."""
        if not len(self.names):
            return self.vectors
        sums = np.add.reduceat(self.vectors, self.starts)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        return np.divide(sums, lengths, out=np.zeros_like(sums), where=lengths > 1e-6)

    def row_distances(self, vectors: np.ndarray) -> np.ndarray:
        """Distance from each of n vectors to each of the m photos: (n, m) float64."""
        return _distances(vectors, self.vectors, self.squares)

    def distances(self, vectors: np.ndarray, by: str) -> np.ndarray:
        """Distance from each of n vectors to each of the p people: (n, p) float32."""
        if by not in WAYS:
            raise ValueError(f"by is {by!r}, but a person's distance is that of their nearest photo or of their mean.")
        if not self.names:
            return np.empty((len(vectors), 0), np.float32)
        if by == "mean":
            found = _distances(vectors, self.means, np.einsum("ij,ij->i", self.means, self.means))
        else:
            found = np.minimum.reduceat(self.row_distances(vectors), self.starts, axis=1)
        return found.astype(np.float32)

    def candidates(self, distances: np.ndarray, k: int) -> pd.DataFrame:
        """List the k nearest people, by the distances of one face; of equally near ones, whoever was enrolled first."""
        order = np.argsort(distances, kind="stable")[:k]
        names = pd.Series([self.names[place] for place in order], dtype=str)
        return pd.DataFrame({"name": names, "distance": distances[order]})


def _distances(a: np.ndarray, b: np.ndarray, b_squares: np.ndarray) -> np.ndarray:
    a = a.astype(np.float64)
    squares = np.einsum("ij,ij->i", a, a)[:, None] + b_squares - 2 * (a @ b.T)
    return np.sqrt(np.maximum(squares, 0))


def unit_vectors(vectors: ArrayLike, model: Model) -> np.ndarray:
    """Give one vector or many as (n, d) float32, or say in one sentence why they cannot be this model's."""
    if hasattr(vectors, "detach"):  # a torch tensor, perhaps on a GPU
        vectors = vectors.detach().cpu()
    if getattr(vectors, "ndim", 0) == 1 or (
        isinstance(vectors, (list, tuple)) and np.ndim(next(iter(vectors), [])) == 0
    ):
        vectors = [np.asarray(vectors)]
    vectors = checked_vectors(vectors, "given")
    if vectors.shape[1] != model.dimension:
        raise ValueError(
            f"The vectors have {vectors.shape[1]} numbers, but those of {model} have {model.dimension}: embed with "
            "that model, or use another gallery."
        )
    if wrong := first_not_unit(vectors):
        raise ValueError(
            f"Vector {wrong[0]} has length {wrong[1]:.3g}, but embeddings have length 1, on which thresholds "
            "rest: divide each by its length first."
        )
    return vectors.astype(np.float32)


def checked_threshold(threshold: float) -> float:
    """Give a threshold as a float from 0 to 2, or say in one sentence why it is none."""
    complaint = f"The threshold is {brief(threshold)}, but a distance between two faces is a number from 0 to 2."
    if not 0 <= (number := checked_number(threshold, complaint)) <= 2:
        raise ValueError(complaint)
    return number
