"""People nobody has photographed: as many vectors as wanted, spread like the measured ones (notebook 08)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from facelab.distance import checked_matrix, pairwise_distances, split_pairs

AT_ONCE = 65_536  # people who are made in one go, which bounds the memory
FRESH = 0.3  # share of what a photo adds that is drawn anew
TRIED = np.linspace(0, 0.9, 10)


class Population:
    """A model of how people differ, and photos of one person, made from vectors that were measured.

    A person's place is drawn from a normal distribution around the mean of all, with the covariance of the measured
    people's means. What a photo adds to it is, for the most part, what a photo of one measured person, drawn for each
    made-up one, added to the mean of theirs: that is not normally distributed, for a profile is far from everything.
    The rest of its variance (0.3) is normal, with the covariance of what all photos add, so that no two photos add the
    same. If all of it were normal, this would be the model of probabilistic LDA (Ioffe 2006, doi:10.1007/11744085_41).

    A few dozen people differ along a few dozen directions, and in no others. So a share of the variance, `spread`, is
    spread over all directions alike, as shrinking a covariance does (Ledoit & Wolf 2004).

    Parameters
    ----------
    vectors : (n, d) float
        Of unit length.
    people : (n,) of any labels
        Two or more, with two photos or more each.
    spread : float in [0, 1], optional
        Unless given, the one of 0, 0.1, ... 0.9 at which made-up impostor pairs differ as much from one another (by the
        standard deviation of their distances) as the measured ones do.

    Raises
    ------
    ValueError
        If there are too few people or photos, labels do not fit the vectors, or spread is out of its range.
    """

    def __init__(self, vectors: ArrayLike, people: ArrayLike, spread: float | None = None):
        if spread is not None and not 0 <= spread <= 1:
            raise ValueError(f"spread is {spread}, but is a share of the variance: give 0 to 1.")
        distances = pairwise_distances(vectors)
        _, people, _ = checked_matrix(distances, people)
        self.vectors = np.asarray(vectors, np.float32)
        names, self._codes, counts = np.unique(people, return_inverse=True, return_counts=True)
        if len(names) < 2 or counts.min() < 2:
            raise ValueError("A population is made from two people or more, with two photos or more of each.")
        self._means = np.stack([self.vectors[self._codes == code].mean(axis=0) for code in range(len(names))])
        self._photos = [self.vectors[self._codes == code] - mean for code, mean in enumerate(self._means)]
        self._photo_root = _root(np.cov(np.concatenate(self._photos), rowvar=False))
        self._distances = distances
        self.spread = self._matching_spread() if spread is None else float(spread)

    def sample(self, people: int, photos: int = 1, seed: int = 0) -> np.ndarray:
        """Make people up.

        Parameters
        ----------
        people, photos : int
            How many, and how many photos of each.
        seed : int

        Returns
        -------
        (people, photos, d) float32
            Of unit length. The first people, and photos, are the same however many there are to be.

        Raises
        ------
        ValueError
            If either is below one.
        """
        if people < 1 or photos < 1:
            raise ValueError(f"People and photos are counted from one, but {people} and {photos} were asked for.")
        return self._sample(people, photos, seed, self._place_root(self.spread))

    def _sample(self, people: int, photos: int, seed: int, root: np.ndarray) -> np.ndarray:
        made = np.empty((people, photos, self.vectors.shape[1]), np.float32)
        for block, start in enumerate(range(0, people, AT_ONCE)):
            part = made[start : start + AT_ONCE]
            # a generator for each, so that the first numbers are the same however many are drawn
            place, like, first, *fresh = np.random.default_rng([seed, block]).spawn(3 + photos)
            drawn = place.standard_normal((len(part), len(root)), np.float32)
            part[:] = (self._means.mean(axis=0) + drawn @ root)[:, None]
            for photo, rng in enumerate(fresh):
                drawn = rng.standard_normal((len(part), len(root)), np.float32)
                part[:, photo] += np.sqrt(FRESH) * (drawn @ self._photo_root)
            like, first = like.integers(len(self._photos), size=len(part)), first.random(len(part))
            for code, differences in enumerate(self._photos):
                mine = np.flatnonzero(like == code)
                which = (first[mine, None] * len(differences)).astype(int) + np.arange(photos)
                part[mine] += np.sqrt(1 - FRESH) * differences[which % len(differences)]
            part /= np.linalg.norm(part, axis=2, keepdims=True)
        return made

    def _place_root(self, spread: float) -> np.ndarray:
        covariance = np.cov(self._means, rowvar=False)
        isotropic = np.trace(covariance) / len(covariance) * np.eye(len(covariance))
        return _root((1 - spread) * covariance + spread * isotropic)

    def _matching_spread(self) -> float:
        measured = split_pairs(self._distances, self._codes)[1].std()
        made = [self._sample(400, 1, 0, self._place_root(spread))[:, 0] for spread in TRIED]
        return float(TRIED[np.argmin([abs(_impostor_spread(vectors) - measured) for vectors in made])])


def _impostor_spread(vectors: np.ndarray) -> float:
    return split_pairs(pairwise_distances(vectors), np.arange(len(vectors)))[1].std()


def _root(covariance: np.ndarray) -> np.ndarray:
    """Give the symmetric root of a covariance (d, d), which gives it to independent normal numbers.

    The symmetric one, because the directions' signs, and so any other root, differ from machine to machine.
    """
    variances, directions = np.linalg.eigh(covariance)
    return (directions * np.sqrt(variances.clip(0)) @ directions.T).astype(np.float32)
