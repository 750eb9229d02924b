"""Identification: who is this, among many, or nobody known? How the search of a gallery is judged (notebook 04).

A search compares a probe with everyone enrolled. The terms are those of ISO/IEC 19795-1: the false positive
identification rate (FPIR) is the share of strangers for whom anyone is named, the false negative identification rate
(FNIR) the share of enrolled people who are not found. 1 - FNIR is better known as DIR, the detection and
identification rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from facelab.checks import brief, checked_count, checked_number, checked_numbers
from facelab.distance import checked_matrix
from facelab.verification import checked_distances

NOBODY = "nobody I know"  # the name of whoever is not in the gallery
SIZE = "The size of a gallery is a number of people: give one, or an array of them."


@dataclass(frozen=True)
class OpenSet:
    """How a gallery treats strangers and its own people, at every threshold that makes a difference.

    Attributes
    ----------
    thresholds : (t,) float64
        Rising, from -inf (name nobody) over every distance that matters.
    fpir, fnir : (t,) float64
        FPIR rises from 0 to 1. FNIR falls from 1 to what is left when everybody is named: people whom somebody else
        in the gallery is nearer to.
    rank : int
        An enrolled person counts as found among this many nearest people.
    people, enrolled, strangers : int
        People in the gallery, probes of such people, and probes of others.
    """

    thresholds: np.ndarray
    fpir: np.ndarray
    fnir: np.ndarray
    rank: int
    people: int
    enrolled: int
    strangers: int

    @property
    def dir(self) -> np.ndarray:
        """Detection and identification rate, 1 - FNIR."""
        return 1 - self.fnir

    def at_fpir(self, fpir: float) -> tuple[float, float]:
        """Give the threshold and the DIR where FPIR is at most this; ValueError if so few strangers cannot show it."""
        complaint = (
            f"An FPIR of {brief(fpir)} cannot be seen on {self.strangers} probes of strangers: choose one from "
            f"{1 / self.strangers:.2g} to 1, or measure more strangers."
        )
        if not 1 / self.strangers <= checked_number(fpir, complaint) <= 1:
            raise ValueError(complaint)
        place = int(np.searchsorted(self.fpir, fpir + 1e-12, side="right")) - 1
        return float(self.thresholds[place]), float(self.dir[place])


def open_set_identification(distances: ArrayLike, probes: ArrayLike, gallery: ArrayLike, *, rank: int = 1) -> OpenSet:
    """Judge the search of a gallery by people who are in it and by strangers.

    A person is as far from a probe as the nearest of their photos. A probe whose label is nowhere in the gallery is a
    stranger. An enrolled probe is found when their own distance is at most the threshold and fewer than `rank` other
    people are as near: a tie is lost, since nothing says who would come first.

    Parameters
    ----------
    distances : (n, m) float
        Between n probes and the m photos of the gallery.
    probes : (n,) of any labels
        Who each probe really is.
    gallery : (m,) of any labels
        Who is enrolled with each photo.
    rank : int

    Returns
    -------
    OpenSet

    Raises
    ------
    ValueError
        If labels do not fit the distances, there are no probes of either kind, or not as many people as the rank.
    """
    distances, probes, gallery = checked_matrix(distances, probes, gallery)
    people, column = np.unique(gallery, return_inverse=True)
    if not isinstance(rank, Integral) or not 1 <= rank <= len(people):
        raise ValueError(f"rank is {brief(rank)}, but must lie between 1 and the {len(people)} people in the gallery.")
    own = pd.Index(people).get_indexer(probes)  # -1 for who is not in the gallery
    is_known = own >= 0
    if is_known.all():
        raise ValueError("Every probe is of someone in the gallery: leave some people out of it, to be the strangers.")
    if not is_known.any():
        raise ValueError("No probe is of anyone in the gallery: name people alike in both.")
    to_people = np.column_stack([distances[:, column == i].min(axis=1) for i in range(len(people))])
    nearest = np.sort(to_people[~is_known].min(axis=1))
    known, own = to_people[is_known], own[is_known]
    to_own = np.take_along_axis(known, own[:, None], axis=1)
    ahead = (known <= to_own).sum(axis=1) - 1  # without the person, who is as near as they are
    found = np.sort(to_own[ahead < rank, 0])
    thresholds = np.r_[-np.inf, np.unique(np.r_[nearest, found])]
    fpir = np.searchsorted(nearest, thresholds, side="right") / len(nearest)
    fnir = 1 - np.searchsorted(found, thresholds, side="right") / len(known)
    return OpenSet(thresholds, fpir, fnir, rank, len(people), len(known), len(nearest))


def false_match_probability(fmr: ArrayLike, gallery_size: ArrayLike) -> np.ndarray:
    """Probability that a stranger matches at least one of N people, if comparisons were independent: 1 - (1 - FMR)^N.

    fmr and gallery_size are numbers or arrays that broadcast. Small rates keep their digits. ValueError for a rate
    outside 0 to 1, a negative size, or what is no number.
    """
    fmr = checked_numbers(fmr, "A false match rate is a number: give one, or an array of them.")
    gallery_size = checked_numbers(gallery_size, SIZE)
    if not ((fmr >= 0) & (fmr <= 1)).all():
        raise ValueError("A false match rate lies between 0 and 1: 0.1 % is 0.001.")
    if not ((gallery_size >= 0) & (gallery_size < np.inf)).all():
        raise ValueError("A gallery has 0 people or more, and finitely many.")
    try:
        fmr, gallery_size = np.broadcast_arrays(fmr, gallery_size)
    except ValueError as error:
        raise ValueError(
            f"Rates of the shape {fmr.shape} and sizes of {gallery_size.shape} do not go together: give one of "
            "either, or as many of both."
        ) from error
    with np.errstate(divide="ignore", invalid="ignore"):
        exponent = gallery_size * np.log1p(-fmr)
    return 0 - np.expm1(np.where(gallery_size == 0, 0.0, exponent))  # not -, which would make -0 of 0


def fmr_for_gallery(probability: float, gallery_size: ArrayLike) -> np.ndarray:
    """FMR at which a stranger matches someone of N people with just this probability: `false_match_probability` undone.

    ValueError for a probability that is not between 0 and 1 or a gallery of fewer than one.
    """
    complaint = "Give a probability from 0 to below 1, such as 0.01, and a gallery of one person or more."
    gallery_size, probability = checked_numbers(gallery_size, SIZE), checked_number(probability, complaint)
    if not 0 <= probability < 1 or not ((gallery_size >= 1) & (gallery_size < np.inf)).all():
        raise ValueError(complaint)
    return 0 - np.expm1(np.log1p(-probability) / gallery_size)


def simulate_searches(impostor: ArrayLike, sizes: Sequence[int], *, searches: int = 1000, seed: int = 0) -> np.ndarray:
    """Search made-up galleries with strangers, to see how near the nearest of N impostors comes.

    Every comparison is drawn from the measured impostor distances, with replacement and independently. The nearest of N
    draws is drawn at once, from its own distribution, so that a gallery of 100,000 costs no more than one of ten.
    It agrees with `false_match_probability`; what both leave out, that some strangers resemble many people and others
    nobody, `real_searches` has in it.

    Parameters
    ----------
    impostor : (i,) float
        Measured distances of impostor pairs.
    sizes : k ints
        People in the gallery.
    searches : int
        How many strangers to look up in a gallery of each size.
    seed : int

    Returns
    -------
    (k, searches) float
        Distance to the nearest, so that `(nearest <= threshold).mean(axis=1)` is the FPIR at each size; none is nearer
        than the nearest that was measured: below that, the simulation knows nothing.

    Raises
    ------
    ValueError
        If there are no impostor distances, or a gallery of fewer than one.
    """
    ordered = np.sort(checked_distances(impostor, "impostor pairs", "it takes two people"))
    sizes, searches = _sizes(sizes), checked_count(searches, "searches")
    uniform = np.random.default_rng(seed).random((len(sizes), searches))
    # The least of N uniform numbers has the distribution 1 - (1 - x)^N; this is its inverse.
    least = -np.expm1(np.log1p(-uniform) / sizes[:, None])
    return ordered[np.minimum((least * len(ordered)).astype(int), len(ordered) - 1)]


def real_searches(
    distances: ArrayLike, people: ArrayLike, sizes: Sequence[int], *, searches: int = 1000, seed: int = 0
) -> np.ndarray:
    """Search real galleries with strangers, as far as the people go: beside `simulate_searches`.

    For every search one person is drawn as the stranger and N others as the gallery, all with one photo of theirs.

    Parameters
    ----------
    distances : (n, n) float
        Between all photos.
    people : (n,) of any labels
    sizes : k ints
        Below the number of people.
    searches, seed : int

    Returns
    -------
    (k, searches) float
        As `simulate_searches`.

    Raises
    ------
    ValueError
        If labels do not fit the distances, or there are not so many others.
    """
    distances, people, _ = checked_matrix(distances, people)
    names, codes = np.unique(people, return_inverse=True)
    sizes, searches = _sizes(sizes), checked_count(searches, "searches")
    if sizes.max() >= len(names):
        raise ValueError(f"A gallery of {sizes.max()} wants as many others, but there are {len(names)} people in all.")
    rng = np.random.default_rng(seed)
    nearest = np.empty((len(sizes), searches))
    for search in range(searches):
        # The first photo of each person in a shuffled list is a random one of theirs.
        shuffled = rng.permutation(len(codes))
        _, first = np.unique(codes[shuffled], return_index=True)
        chosen = rng.permutation(shuffled[first])
        stranger, gallery = chosen[0], chosen[1:]
        nearest[:, search] = np.minimum.accumulate(distances[stranger, gallery])[sizes - 1]
    return nearest


def _sizes(sizes: Sequence[int]) -> np.ndarray:
    complaint = "The sizes of galleries are whole numbers of people, each 1 or more: give a list of them."
    listed = checked_numbers(sizes, complaint)
    sound = (listed >= 1) & (listed <= 1e15) & (listed == np.rint(listed))
    if listed.ndim != 1 or len(listed) == 0 or not sound.all():
        raise ValueError(complaint)
    return listed.astype(int)
