"""Verification: are these two the same person? Decisions by a threshold, and how they are judged (notebook 04).

A pair is accepted, that is, taken for the same person, when its distance is at most the threshold. The terms are those
of ISO/IEC 19795-1: the false match rate (FMR) is the share of impostor pairs that are accepted, the false non-match
rate (FNMR) the share of genuine pairs that are not. Older texts call them FAR and FRR, and 1 - FNMR TAR or TPR.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from facelab.checks import brief, checked_flags, checked_labels, checked_number, checked_numbers, checked_positive


@dataclass(frozen=True)
class Outcomes:
    """What a threshold does to the pairs it was tried on: the four counts, and the rates they make."""

    threshold: float
    true_matches: int
    false_non_matches: int
    false_matches: int
    true_non_matches: int

    @property
    def fmr(self) -> float:
        """False match rate: of the impostor pairs, the share accepted."""
        return self.false_matches / (self.false_matches + self.true_non_matches)

    @property
    def fnmr(self) -> float:
        """False non-match rate: of the genuine pairs, the share rejected."""
        return self.false_non_matches / (self.false_non_matches + self.true_matches)

    @property
    def accuracy(self) -> float:
        """Share of all pairs decided rightly: it depends on how many of them happen to be genuine."""
        right = self.true_matches + self.true_non_matches
        return right / (right + self.false_matches + self.false_non_matches)


@dataclass(frozen=True)
class ErrorRates:
    """Both error rates at every threshold that makes a difference: the numbers of a ROC, and of a DET, curve.

    Attributes
    ----------
    thresholds : (t,) float64
        Rising, from -inf (accept nothing) over every distance that occurs.
    fmr, fnmr : (t,) float64
        FMR rises with the threshold from 0 to 1, FNMR falls from 1 to 0. A ROC curve draws 1 - FNMR over FMR, a DET
        curve FNMR over FMR.
    """

    thresholds: np.ndarray
    fmr: np.ndarray
    fnmr: np.ndarray

    def at(self, threshold: float) -> tuple[float, float]:
        """FMR and FNMR at any threshold; ValueError for one that is no number."""
        threshold = checked_threshold(threshold)
        place = int(np.searchsorted(self.thresholds, threshold, side="right")) - 1
        return float(self.fmr[place]), float(self.fnmr[place])

    @property
    def area(self) -> float:
        """Area under the ROC curve: how often a genuine pair is nearer than an impostor pair. Chance is 0.5."""
        return float(np.trapezoid(1 - self.fnmr, self.fmr))

    def middle(self, place: int) -> float:
        """The threshold half-way from this one to the next: it decides all these pairs alike, new ones more evenly."""
        here, after = self.thresholds[place], self.thresholds[min(place + 1, len(self.thresholds) - 1)]
        middle = (here + after) / 2
        return float(middle if np.float32(middle) < np.float32(after) else here)  # holds for float32 distances too


def count_outcomes(genuine: ArrayLike, impostor: ArrayLike, threshold: float) -> Outcomes:
    """Count the four outcomes of accepting every pair whose distance is at most the threshold.

    Parameters
    ----------
    genuine, impostor : (g,) and (i,) float
        Distances of pairs of one person and of two, as `split_pairs` gives them.
    threshold : float

    Raises
    ------
    ValueError
        If there are no genuine or no impostor pairs, a distance is not a finite number, or the threshold is none.
    """
    genuine, impostor = checked_pairs(genuine, impostor)
    threshold = checked_threshold(threshold)
    accepted, mistaken = int((genuine <= threshold).sum()), int((impostor <= threshold).sum())
    return Outcomes(threshold, accepted, len(genuine) - accepted, mistaken, len(impostor) - mistaken)


def roc(genuine: ArrayLike, impostor: ArrayLike) -> ErrorRates:
    """Error rates at every threshold (`sklearn.metrics.roc_curve`, with distances for scores).

    Parameters and errors are those of `count_outcomes`. `sklearn.metrics.det_curve` gives the same rates.
    """
    from sklearn.metrics import roc_curve  # here, because importing it takes a second, and most modules import this one

    genuine, impostor = checked_pairs(genuine, impostor)
    same = np.r_[np.ones(len(genuine)), np.zeros(len(impostor))]
    fmr, match_rate, scores = roc_curve(same, -np.r_[genuine, impostor], drop_intermediate=False)
    return ErrorRates(-scores.astype(float), fmr, 1 - match_rate)


def equal_error_rate(genuine: ArrayLike, impostor: ArrayLike) -> tuple[float, float]:
    """Rate and threshold at which false matches and false non-matches are equally frequent (or most nearly so).

    Where no threshold makes them quite equal, the rate is the mean of the two where they differ least. It sums up a
    curve in one number; it is hardly ever the threshold to use. Parameters and errors are those of `count_outcomes`.

    Returns
    -------
    rate, threshold : float
        The threshold stands in the middle of the gap between two pairs.
    """
    curve = roc(genuine, impostor)
    place = 1 + int(np.abs(curve.fmr - curve.fnmr)[1:].argmin())  # the first threshold is -inf
    return float(curve.fmr[place] + curve.fnmr[place]) / 2, curve.middle(place)


def threshold_at_fmr(impostor: ArrayLike, fmr: float) -> float:
    """Find the highest threshold whose false match rate on these impostor pairs is at most fmr.

    Parameters
    ----------
    impostor : (i,) float
        Distances of impostor pairs. The genuine ones have no say in it.
    fmr : float
        The rate that is allowed, such as 0.001. On other people it will be exceeded about as often as not.

    Raises
    ------
    ValueError
        If fmr does not lie between 0 and 1, or is below one in the number of pairs: so few cannot show it. (That many
        are the bare minimum. No false match among n independent pairs only says, with 95 % confidence, that the rate
        is below 3/n, and pairs that share people are not independent: see `bootstrap_interval`.)
    """
    return highest_threshold(impostor, fmr, "impostor pairs")


def fnmr_at_fmr(genuine: ArrayLike, impostor: ArrayLike, fmr: float) -> float:
    """Give the false non-match rate at the threshold that `threshold_at_fmr` finds; errors as there.

    Vendors state 1 - FNMR at an FMR of 0.001 or 0.0001 as "TAR at FAR".
    """
    genuine, impostor = checked_pairs(genuine, impostor)
    return float((genuine > threshold_at_fmr(impostor, fmr)).mean())


def kfold_accuracy(distances: ArrayLike, same: ArrayLike, folds: ArrayLike) -> pd.DataFrame:
    """Accuracy of "same person if nearer than a threshold" by the protocol of Labeled Faces in the Wild.

    For each fold, the threshold that is right most often on all other folds decides this fold's pairs (Huang et al.
    2007, section 4, image-restricted training). No pair is judged by a threshold that has seen it.

    Parameters
    ----------
    distances : (n,) float
    same : (n,) bool
        Whether the pair is genuine.
    folds : (n,) of any labels
        The fold each pair belongs to, as `load_lfw_pairs` gives it.

    Returns
    -------
    pandas.DataFrame
        One row per fold: threshold (the distance below which a pair counts as genuine) and accuracy (0 to 1). The
        figure that papers report is `accuracy.mean()`, with `accuracy.std() / sqrt(folds)` as its standard error.

    Raises
    ------
    ValueError
        If the lengths differ, a distance is no finite number, same is not boolean, a fold is missing, or there are
        fewer than two folds.
    """
    distances = checked_numbers(distances, "The distances are not a list of numbers: give one for each pair.")
    same = checked_flags(same, "same", "for a genuine pair and False for an impostor pair")
    folds = checked_labels(folds, "folds")
    if not distances.shape == same.shape == folds.shape:
        raise ValueError(
            f"distances, same and folds must be lists of one length, but have shapes {distances.shape}, {same.shape} "
            f"and {folds.shape}."
        )
    if not np.isfinite(distances).all():
        raise ValueError(
            f"{(~np.isfinite(distances)).sum()} of the distances are NaN or infinite: leave these pairs out of all "
            "three lists, and say how many they were."
        )
    names = np.unique(folds)
    if len(names) < 2:
        raise ValueError("There is only one fold: choosing a threshold on some pairs and judging on others needs two.")
    rows = []
    for name in names:
        held_out = folds == name
        threshold = _most_accurate_threshold(distances[~held_out], same[~held_out])
        accuracy = ((distances[held_out] < threshold) == same[held_out]).mean()
        rows.append((name, threshold, accuracy))
    return pd.DataFrame(rows, columns=["fold", "threshold", "accuracy"]).set_index("fold")


def _most_accurate_threshold(distances: np.ndarray, same: np.ndarray) -> float:
    """The threshold, half-way between two neighbouring distances, that sorts most pairs rightly."""
    order = np.argsort(distances)
    distances, same = distances[order], same[order]
    edges = np.concatenate([[distances[0] - 1], distances[1:] / 2 + distances[:-1] / 2, [distances[-1] + 1]])
    # below edge k lie the first k pairs: right are the genuine among them and the impostors among the rest
    right = np.concatenate([[0], same.cumsum()]) + (~same).sum() - np.concatenate([[0], (~same).cumsum()])
    splits = np.concatenate([[True], distances[1:] > distances[:-1], [True]])  # an edge cannot part equal distances
    return float(edges[np.where(splits, right, -1).argmax()])


def checked_threshold(threshold: float) -> float:
    """Give a threshold, which may be infinite, as a float; ValueError for NaN and for what is no number."""
    return checked_number(threshold, f"The threshold is NaN or no number: give a distance, not {brief(threshold)}.")


def checked_pairs(genuine: ArrayLike, impostor: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Give both as arrays of float64, or say in one sentence what is wrong with them."""
    return (
        checked_distances(genuine, "genuine pairs", "a person needs two photos or more to be in one"),
        checked_distances(impostor, "impostor pairs", "it takes two people"),
    )


def checked_distances(values: ArrayLike, kind: str, hint: str = "") -> np.ndarray:
    """Give the distances of one kind of pairs as float64; ValueError if one is not finite or, with a hint, for none."""
    distances = checked_numbers(values, f"The distances of {kind} are not a list of numbers: split_pairs makes one.")
    if distances.ndim != 1:
        raise ValueError(
            f"The distances of {kind} have shape {distances.shape}, but must be one list: see split_pairs."
        )
    if hint and len(distances) == 0:
        raise ValueError(f"There are no {kind}: {hint}.")
    if not np.isfinite(distances).all():
        raise ValueError(f"The distances of {kind} hold NaN or infinite numbers: leave these out, and say how many.")
    return distances


def highest_threshold(distances: ArrayLike, share: float, kind: str) -> float:
    """Find the highest threshold that accepts at most this share of the distances; errors as `threshold_at_fmr`."""
    ordered = np.sort(checked_distances(distances, kind, "it takes two people"))
    # As coarse as they came: the number just below one of them must still be below it when they are compared.
    given = np.asarray(distances).dtype
    ordered = ordered.astype(given if given in (np.float16, np.float32) else float)
    n = len(ordered)
    complaint = f"A rate lies between 0 and 1, but {brief(share)} was given: 0.1 % is 0.001."
    share = checked_positive(share, complaint, below=1)
    allowed = min(int(share * n + 1e-9), n - 1)  # 0.29 × 100 is 28.999…
    if allowed == 0:
        raise ValueError(
            f"A rate of {share:g} cannot be seen on {n:,} {kind}, of which a single one makes {1 / n:.2g}: allow more, "
            "or measure more people."
        )
    return float(np.nextafter(ordered[allowed], ordered.dtype.type(-np.inf)))
