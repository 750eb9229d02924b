"""Decisions: what is a distance worth? A probability for it, and a threshold that costs least (notebook 04).

Neither follows from the distances alone: both need to know how often a claim is genuine where the system is used, the
prior, which is hardly ever the share of genuine pairs in a test set.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from facelab.checks import brief, checked_number, checked_numbers, checked_positive
from facelab.verification import checked_pairs, roc

# Nearly no regularisation, but enough for the curve to have a finite slope where no pairs overlap.
LOGISTIC_C = 1e3


@dataclass(frozen=True)
class Costs:
    """What mistakes cost, in any unit, and how often there is an occasion for each.

    Attributes
    ----------
    false_match, false_non_match : float
        What one costs: a stranger through the door; an owner who has to look for the key.
    genuine_share : float
        The prior: of all attempts, the share made by the right person, between 0 and 1.
    """

    false_match: float
    false_non_match: float
    genuine_share: float

    def __post_init__(self) -> None:
        complaint = f"A mistake costs 0 or more, not {brief(self.false_match)} or {brief(self.false_non_match)}."
        if not all(0 <= checked_number(cost, complaint) < np.inf for cost in (self.false_match, self.false_non_match)):
            raise ValueError(complaint)
        _check_share(self.genuine_share)

    def per_attempt(self, fmr: ArrayLike, fnmr: ArrayLike) -> np.ndarray:
        """Expected cost of an attempt at these error rates, numbers or arrays (NIST's detection cost function)."""
        genuine = self.genuine_share * np.asarray(fnmr) * self.false_non_match
        return genuine + (1 - self.genuine_share) * np.asarray(fmr) * self.false_match


def cheapest_threshold(genuine: ArrayLike, impostor: ArrayLike, costs: Costs) -> tuple[float, float]:
    """Threshold at which an attempt costs least, and that cost.

    Parameters
    ----------
    genuine, impostor : (g,) and (i,) float
        As `split_pairs` gives them. Judge the threshold on other people than it was chosen on.
    costs : Costs

    Returns
    -------
    threshold, cost : float
        The threshold stands in the middle of the gap between two pairs; -inf where to reject everybody is cheapest.

    Raises
    ------
    ValueError
        As `count_outcomes`.
    """
    if not isinstance(costs, Costs):
        raise ValueError(f"costs is a {type(costs).__name__}, but must be Costs, of mistakes and of how often.")
    curve = roc(genuine, impostor)
    cost = costs.per_attempt(curve.fmr, curve.fnmr)
    cheapest = int(cost.argmin())
    return curve.middle(cheapest), float(cost[cheapest])


@dataclass(frozen=True)
class Calibration:
    """A fitted curve from distance to the probability that a pair is genuine; `calibrate` makes it.

    Attributes
    ----------
    method : str
    genuine_share : float
        The prior for which it holds.
    """

    method: str
    genuine_share: float
    _model: LogisticRegression | IsotonicRegression = field(repr=False)

    def probability(self, distances: ArrayLike) -> np.ndarray:
        """Probability that pairs at these distances, an array of any shape, are genuine."""
        distances = checked_numbers(distances, "A distance is a number, and only that has a probability.")
        if not np.isfinite(distances).all():
            raise ValueError("The distances hold NaN or infinite numbers, which have no probability: leave these out.")
        if distances.size == 0:
            return np.zeros(distances.shape)
        flat = distances.reshape(-1, 1)
        if self.method == "isotonic":
            return self._model.predict(flat[:, 0]).reshape(distances.shape)
        return self._model.predict_proba(flat)[:, 1].reshape(distances.shape)


def calibrate(
    genuine: ArrayLike, impostor: ArrayLike, *, method: str = "logistic", genuine_share: float = 0.5
) -> Calibration:
    """Fit the probability that a pair is genuine, as a function of its distance.

    Parameters
    ----------
    genuine, impostor : (g,) and (i,) float
        As `split_pairs` gives them, of people on whom nothing is judged later.
    method : "logistic" or "isotonic"
        An S-shaped curve (`sklearn.linear_model.LogisticRegression`, Platt's scaling), which a few dozen pairs are
        enough for and which goes on beyond them; or any falling staircase (`sklearn.isotonic.IsotonicRegression`),
        which wants many, and says 0 and 1 at its ends.
    genuine_share : float
        Weigh the pairs as if this share were genuine. At 0.5, a probability of 0.5 is where both densities are equal.

    Raises
    ------
    ValueError
        As `count_outcomes`; if the method is neither, or the share does not lie between 0 and 1.
    """
    genuine, impostor = checked_pairs(genuine, impostor)
    _check_share(genuine_share)
    n = len(genuine) + len(impostor)
    distances, same = np.r_[genuine, impostor], np.r_[np.ones(len(genuine)), np.zeros(len(impostor))]
    weights = np.where(same, genuine_share * n / len(genuine), (1 - genuine_share) * n / len(impostor))
    if method == "logistic":
        model = LogisticRegression(C=LOGISTIC_C).fit(distances[:, None], same, weights)
    elif method == "isotonic":
        model = IsotonicRegression(y_min=0, y_max=1, increasing=False, out_of_bounds="clip")
        model.fit(distances, same, weights)
    else:
        raise ValueError(f"method is {method!r}, but must be 'logistic' or 'isotonic'.")
    return Calibration(method, genuine_share, model)


def _check_share(share: float) -> None:
    complaint = f"genuine_share is {brief(share)}, but must lie between 0 and 1: it is the share of genuine attempts."
    checked_positive(share, complaint, below=1)
