"""Judges of the exercises in notebook 04."""

from __future__ import annotations

import numpy as np

from facelab.distance import split_pairs
from facelab.exercises import NO_FUNCTION, NOTHING, called, exercise, number_in
from facelab.identification import false_match_probability
from facelab.verification import count_outcomes, fnmr_at_fmr


@exercise("04.1", "Right, at the very threshold too: a pair whose distance equals it is accepted.")
def error_rates(answer) -> str | None:
    # In the second case the kinds are far from equally frequent; in the third, pairs lie on the threshold.
    cases = (
        ([0.4, 0.8, 1.3, 1.2], [True, True, True, False], 1.0),
        ([0.5, 1.1, 0.7, 0.9, 1.2, 1.4, 1.3, 0.8], [True, True, False, False, False, False, False, False], 1.0),
        ([0.5, 1.0, 1.0, 1.5], [True, True, False, False], 1.0),
        ([0.9, 1.1], [False, True], 2.0),
    )
    for distances, same, threshold in cases:
        distances, same = np.array(distances), np.array(same)
        found = called(answer, distances.copy(), same.copy(), threshold)
        if np.shape(found) != (2,):
            return f"Give two numbers, FMR and FNMR, in this order; yours has shape {np.shape(found)}."
        outcomes = count_outcomes(distances[same], distances[~same], threshold)
        for rate, value, expected in zip(("FMR", "FNMR"), found, (outcomes.fmr, outcomes.fnmr), strict=True):
            if number_in(value) is None or not np.isclose(float(value), expected):
                return (
                    f"For distances {distances.tolist()}, same = {same.tolist()} and a threshold of {threshold}, the "
                    f"{rate} should be {expected:.3g}, but yours is {value}."
                )
    return None


VISITORS, WATCHED, RATE = 50_000, 500, 1e-5


@exercise(
    "04.2",
    "Right: some 250 innocent people a day, at an error rate that sounded like nothing. The exact number, by "
    "1 - (1 - FMR)^N, is a little below 250, because a few are mistaken for two people at once.",
)
def alarms(answer) -> str | None:
    value = number_in(answer)
    if value is None:
        return "Give a number: how many visitors cause an alarm on one day."
    expected = VISITORS * float(false_match_probability(RATE, WATCHED))
    if abs(value / expected - 1) < 0.01:
        return None
    slips = {
        VISITORS * RATE: "That would be right for a list of one person. Each visitor is compared with everybody on it.",
        WATCHED * RATE: "That is how many alarms one visitor causes. How many visitors are there?",
        VISITORS * WATCHED: "That is how many comparisons are made. How many of them go wrong?",
        expected / VISITORS: "That is the probability for one visitor. How many visitors are there?",
    }
    for wrong, hint in slips.items():
        if np.isclose(value, wrong, rtol=0.01):
            return hint
    return f"{value:g} is too {'few' if value < expected else 'many'}. How many comparisons are made on a day?"


@exercise("04.3", "Right: both mistakes are gone, and the error rate is no longer flattered.")
def mended_fnmr(answer) -> str | None:
    rng = np.random.default_rng(0)
    for photos, fmr in ((6, 0.05), (3, 0.1), (2, 0.25)):
        people = np.repeat(np.arange(8), photos)
        points = rng.normal(size=(8, 4))[people] + rng.normal(size=(len(people), 4))
        distances = np.linalg.norm(points[:, None] - points, axis=2)
        genuine, impostor = split_pairs(distances, people)
        expected, slack = fnmr_at_fmr(genuine, impostor, fmr), 1.5 / len(genuine)
        found = called(answer, distances.copy(), people.copy(), fmr)
        if number_in(found) is None:
            return f"The answer is one number, the FNMR, but yours is {type(found).__name__} {str(found)[:40]}."
        if abs(found - expected) <= slack:
            continue
        with_itself = np.r_[genuine, genuine, np.zeros(len(people))]  # the whole matrix
        cut = np.quantile(impostor, fmr)
        case = f"For 8 people with {photos} photos each, at an FMR of {fmr:.0%}, your function says {float(found):.3f}"
        if abs(found - (with_itself > cut).mean()) <= slack:
            return f"{case}, and {expected:.3f} is right. The threshold is good now; look at the genuine pairs."
        if found < expected:
            return f"{case}, which is better than it really is: {expected:.3f}."
        return f"{case}, which is worse than it really is: {expected:.3f}."
    return None


@exercise("04.4", "Right: the nearest if near enough, and nobody otherwise. That is a whole open-set identifier.")
def identifier(answer) -> str | None:
    if not callable(answer):
        return NO_FUNCTION
    cases = (
        ([0.9, 0.4, 1.2], ["Ada", "Ben", "Cleo"], 0.8, "Ben"),
        ([0.9, 1.4, 1.2], ["Ada", "Ben", "Cleo"], 1.0, "Ada"),
        ([0.9, 1.4, 1.2], ["Ada", "Ben", "Cleo"], 0.8, None),
        ([1.1, 0.7, 0.6, 0.9], ["Ada", "Ada", "Ben", "Ben"], 0.8, "Ben"),
        ([0.5, 0.7], ["Ada", "Ben"], 0.5, "Ada"),
        ([], [], 0.8, None),
    )
    for distances, names, threshold, expected in cases:
        found = answer(np.array(distances), np.array(names), threshold)
        if found is ...:
            return NOTHING
        if found is not None and np.ndim(found) == 0 and str(found) in names and expected is not None:
            if str(found) == expected:
                continue
        elif found is None and expected is None:
            continue
        shown = found if isinstance(found, str) else repr(found)[:60]
        return (
            f"With distances {distances} to {names or 'an empty gallery'} and a threshold of {threshold}, your "
            f"function says {shown}, but the answer is {expected}."
        )
    return None


@exercise("04.5", "Right: about 3,000, the rule of three. And pairs that share people are not independent: take more.")
def rule_of_three(answer) -> str | None:
    value = number_in(answer)
    if value is None:
        return "Give a number of comparisons."
    exact = np.log(0.05) / np.log1p(-0.001)  # 0.999^n = 0.05
    if 0.99 * exact <= value <= 1.01 * exact:
        return None
    if np.isclose(value, 1000, rtol=0.02):
        return (
            "Of 1,000 comparisons at an FMR of 0.1 %, one goes wrong on average, and quite often none does: the chance "
            f"of that is {0.999**1000:.0%}, not 5 %."
        )
    if value <= 0:
        return "It takes more comparisons than that."
    chance = 0.999**value
    return f"After {value:,.0f} comparisons, the chance of no false match at an FMR of 0.1 % is {chance:.3g}, not 5 %."
