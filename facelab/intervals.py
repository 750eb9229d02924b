"""Intervals: how sure can one be of an error rate, for all people and for groups of them? (notebook 04).

Pairs of photos are not independent: ten people with six photos each make 1,770 pairs, but they are still only ten
people. So what is resampled, or left out, is people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from facelab.checks import (
    brief,
    checked_count,
    checked_flags,
    checked_labels,
    checked_list,
    checked_pair_table,
    checked_positive,
    checked_rows,
)
from facelab.verification import checked_pairs, checked_threshold

FEWEST_PEOPLE = 3  # with two, half of all resamples would hold one person only, and no impostor pairs


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval; `f"{interval:.3f}"` reads 0.120 (0.080 to 0.170).

    Of a statistic with several values it holds several intervals, each to be had by its place, or all by unpacking:
    `rate, threshold = bootstrap_interval(pairs, equal_error_rate)`.

    Attributes
    ----------
    estimate, low, high : float or array
        In the shape that the statistic has.
    confidence : float
        How often such an interval is meant to hold the true value, 0.95 say.
    samples : (resamples, ...) array
        The statistic of each resample. With one seed and the same people, two systems are resampled alike, so that
        the difference of their samples is that of a paired comparison.
    """

    estimate: float | np.ndarray
    low: float | np.ndarray
    high: float | np.ndarray
    confidence: float
    samples: np.ndarray = field(repr=False, compare=False)

    def __format__(self, spec: str) -> str:
        return f"{self.estimate:{spec}} ({self.low:{spec}} to {self.high:{spec}})"

    def __getitem__(self, place: int) -> Interval:
        values = (value[place] for value in (self.estimate, self.low, self.high))
        return Interval(*values, self.confidence, self.samples[:, place])


def bootstrap_interval(
    pairs: pd.DataFrame,
    statistic: Callable[[np.ndarray, np.ndarray], ArrayLike],
    *,
    over: str = "people",
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Confidence interval of any statistic of genuine and impostor distances, by the bootstrap.

    Over people (the subjects bootstrap, after Bolle, Ratha and Pankanti 2004, Computer Vision and Image Understanding
    93, 1), people are drawn with replacement, and all their pairs come along: a genuine pair as often as its person was
    drawn, an impostor pair as often as both its people together. In simulations such intervals held the true FNMR
    about as often as promised, and the true FMR somewhat more often.

    Over pairs, pairs are drawn as if they were independent, which they are not: the interval comes out too narrow, and
    held the truth in about two of three simulations (tests/test_intervals.py) instead of 95 in 100.

    Parameters
    ----------
    pairs : pandas.DataFrame
        With columns `person_a`, `person_b`, `same` and `distance`, as `list_pairs` gives it.
    statistic : function
        Of the genuine and the impostor distances, such as `equal_error_rate`; what it gives may be a number, a tuple
        or an array (a whole curve).
    over : "people" or "pairs"
    resamples : int
    confidence : float
        Between 0 and 1.
    seed : int

    Returns
    -------
    Interval
        Between percentiles of the samples, moved outwards where people are few, for which percentiles alone are too
        narrow (Hesterberg 2015, arXiv 1411.5279).

    Raises
    ------
    ValueError
        If the table lacks a column, has no genuine or no impostor pairs or fewer than three people, `over` is neither,
        or the statistic raises one (in a resample there may be fewer impostor pairs than a rate needs).
    """
    genuine, impostor, people = _split(pairs)
    if over not in ("people", "pairs"):
        raise ValueError(f"over is {over!r}, but what is resampled is 'people' or 'pairs'.")
    resamples, confidence = checked_count(resamples, "resamples"), _checked_confidence(confidence)
    if people < FEWEST_PEOPLE:
        raise ValueError(f"These pairs are of {people} people, but resampling needs {FEWEST_PEOPLE} at the very least.")
    rng = np.random.default_rng(seed)
    distances = [group["distance"].to_numpy() for group in (genuine, impostor)]
    samples = []
    while len(samples) < resamples:
        if over == "people":
            drawn = rng.multinomial(people, np.full(people, 1 / people))
            weights = [drawn[genuine["a"]], drawn[impostor["a"]] * drawn[impostor["b"]]]
            sample = [np.repeat(values, weight) for values, weight in zip(distances, weights, strict=True)]
        else:
            sample = [rng.choice(values, len(values)) for values in distances]
        if all(len(values) for values in sample):  # else nobody with two photos was drawn, or one person only
            samples.append(np.asarray(statistic(*sample), float))
    independent = people if over == "people" else min(map(len, distances))
    tail = stats.norm.sf(_t(confidence, independent) * np.sqrt(independent / (independent - 1)))
    low, high = np.quantile(samples, (tail, 1 - tail), axis=0)
    estimate = np.asarray(statistic(*distances), float)
    values = (value.item() if value.ndim == 0 else value for value in map(np.asarray, (estimate, low, high)))
    return Interval(*values, confidence, np.array(samples))


def group_error_rates(
    pairs: pd.DataFrame, groups: ArrayLike | Mapping, threshold: float | Mapping, *, confidence: float = 0.95
) -> pd.DataFrame:
    """Error rates of each group of people, or of photos, at one threshold for all or at one for each.

    A group's FMR is counted over impostor pairs of which *both* are of the group. That is the harder test (strangers
    of one's own age and sex look more alike), and the usual one; pairs of two groups are in no row.

    Parameters
    ----------
    pairs : pandas.DataFrame
        As `list_pairs` gives it for one set of photos.
    groups : (n,) labels of the photos, or {person: label}
        The first suits what changes from photo to photo, such as glasses. What has no label (NaN) is left out.
    threshold : float or {label: float}
    confidence : float

    Returns
    -------
    pandas.DataFrame
        A row per group, by label: `people`, `genuine` and `impostor` (pairs), `threshold`, and `fmr`, `fmr_low`,
        `fmr_high`, `fnmr`, `fnmr_low`, `fnmr_high`; NaN without such pairs. `rate_interval` makes the intervals.

    Raises
    ------
    ValueError
        If the table lacks a column, there are not as many labels as photos, no pair lies within a group, or a group has
        no threshold.
    """
    pairs, confidence = _checked_table(pairs), _checked_confidence(confidence)
    label_a, label_b = _labels(pairs, groups)
    rows = {}
    labels = pd.unique(label_a[(label_a == label_b) & label_a.notna()])
    for label in sorted(checked_labels(labels, "The groups' labels")):
        chosen = pairs[((label_a == label) & (label_b == label)).to_numpy()]
        if isinstance(threshold, Mapping) and label not in threshold:
            raise ValueError(f"There is no threshold for the group {label}: give one for each, or one number for all.")
        cut = checked_threshold(threshold[label] if isinstance(threshold, Mapping) else threshold)
        accepted, same = chosen["distance"] <= cut, chosen["same"]
        row = {"people": pd.concat([chosen["person_a"], chosen["person_b"]]).nunique()}
        row |= {"genuine": int(same.sum()), "impostor": int((~same).sum()), "threshold": cut}
        for rate, which, wrong in (("fmr", ~same, accepted), ("fnmr", same, ~accepted)):
            of = chosen[which]
            interval = rate_interval(wrong[which], of["person_a"], of["person_b"], confidence=confidence)
            row |= dict(zip((rate, f"{rate}_low", f"{rate}_high"), interval, strict=True))
        rows[label] = row
    if not rows:
        raise ValueError("No pair has both its photos in one group: there is nothing to count.")
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("group")


def rate_interval(
    wrong: ArrayLike, person_a: ArrayLike, person_b: ArrayLike, *, confidence: float = 0.95
) -> tuple[float, float, float]:
    """Rate of wrong decisions with an interval that stays honest for few people and for few, or no, errors.

    Leaving out one person at a time (the jackknife) tells how much the rate depends on who was there, and so how many
    *independent* pairs these pairs are worth. For that many the exact binomial interval is taken (Korn and Graubard
    1998, Survey Methodology 24, 193). Where no pair is wrong, or all are, people tell nothing about how they differ:
    then every person, or for impostor pairs every two people, count as one.

    Parameters
    ----------
    wrong : (n,) bool
        All of genuine pairs, or all of impostor pairs.
    person_a, person_b : (n,) of any labels
    confidence : float

    Returns
    -------
    rate, low, high : float
        NaN for no pairs.

    Raises
    ------
    ValueError
        If the lengths differ, wrong is not boolean, or a person is missing.
    """
    wrong = checked_flags(wrong, "wrong", "for a pair that was decided wrongly and False for another")
    a, b = checked_labels(person_a, "person_a"), checked_labels(person_b, "person_b")
    n = len(wrong)
    if not n == len(a) == len(b):
        raise ValueError(f"There are {n} decisions, but {len(a)} and {len(b)} people: give both people of each pair.")
    confidence = _checked_confidence(confidence)
    if n == 0:
        return (np.nan,) * 3
    codes, names = pd.factorize(np.r_[a.astype(object), b.astype(object)])
    a, b, people = codes[:n], codes[n:], len(names)
    rate = float(wrong.mean())
    worth = len(np.unique(np.minimum(a, b) * people + np.maximum(a, b)))  # people, or couples of people
    left = n - np.bincount(a, minlength=people) - np.bincount(b[a != b], minlength=people)
    if 0 < rate < 1 and (left > 0).all():
        errors = wrong.sum() - np.bincount(a, wrong, people) - np.bincount(b[a != b], wrong[a != b], people)
        rates = errors / left
        variance = (people - 1) / people * ((rates - rates.mean()) ** 2).sum()
        if variance > 0:
            # The factor is Korn and Graubard's for a variance that was itself estimated from few.
            worth = rate * (1 - rate) / variance * (stats.norm.isf((1 - confidence) / 2) / _t(confidence, people)) ** 2
            worth = min(worth, n)
    seen, tail = rate * worth, (1 - confidence) / 2
    low = 0.0 if rate == 0 else float(stats.beta.ppf(tail, seen, worth - seen + 1))
    high = 1.0 if rate == 1 else float(stats.beta.isf(tail, seen + 1, worth - seen))
    return rate, low, high


def _t(confidence: float, independent: int) -> float:
    """How many standard errors an interval reaches to either side, when the error itself comes from so few."""
    return float(stats.t.isf((1 - confidence) / 2, independent - 1))


def _split(pairs: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, int]:
    """Genuine and impostor pairs, their people numbered in columns a and b, and how many people there are."""
    pairs = _checked_table(pairs)
    # Sorted, so that one seed draws the same people whatever the order of the pairs.
    codes, names = pd.factorize(pd.concat([pairs["person_a"], pairs["person_b"]], ignore_index=True), sort=True)
    same = pairs["same"].to_numpy()
    numbered = pd.DataFrame({"distance": pairs["distance"].to_numpy(), "a": codes[: len(pairs)]})
    numbered["b"] = codes[len(pairs) :]
    checked_pairs(numbered["distance"][same], numbered["distance"][~same])
    return numbered[same], numbered[~same], len(names)


def _checked_table(pairs: pd.DataFrame) -> pd.DataFrame:
    """Give the table with booleans for `same`, or say in one sentence what is wrong with it."""
    pairs = checked_pair_table(pairs, ("person_a", "person_b", "same", "distance"))
    checked_labels(pd.concat([pairs[side].astype(object) for side in ("person_a", "person_b")]), "The people's labels")
    return pairs


def _checked_confidence(confidence: float) -> float:
    complaint = f"confidence is {brief(confidence)}, but must lie between 0 and 1, such as 0.95."
    return checked_positive(confidence, complaint, below=1)


def _labels(pairs: pd.DataFrame, groups: ArrayLike | Mapping) -> tuple[pd.Series, pd.Series]:
    """Each pair's two labels."""
    if isinstance(groups, Mapping):
        return pairs["person_a"].map(groups), pairs["person_b"].map(groups)
    labels = pd.Series(checked_list(groups, "groups"))
    if not {"row_a", "row_b"} <= set(pairs):
        raise ValueError("These pairs do not say which photos they are of: give groups as {person: label}.")
    rows = checked_rows(pairs, len(labels), "labels")
    return tuple(labels.iloc[side].reset_index(drop=True) for side in rows.T)
