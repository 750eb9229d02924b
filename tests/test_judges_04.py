"""Each judge of notebook 04 accepts a right answer and says what is wrong with the usual wrong ones."""

import numpy as np
from judged import judging_tests

from facelab import false_match_probability


def error_rates(distances, same, threshold):
    accepted = distances <= threshold
    return accepted[~same].mean(), (~accepted[same]).mean()


def strictly_below(distances, same, threshold):
    accepted = distances < threshold
    return accepted[~same].mean(), (~accepted[same]).mean()


def shares_of_all(distances, same, threshold):
    accepted = distances <= threshold
    return (accepted & ~same).mean(), (~accepted & same).mean()


def similarities(distances, same, threshold):
    return error_rates(-distances, same, -threshold)


def fnmr(distances, people, fmr, *, quantile=lambda fmr: fmr, diagonal=1):
    rows, columns = np.triu_indices(len(people), k=diagonal)
    pairs, same = distances[rows, columns], people[rows] == people[columns]
    threshold = np.quantile(pairs[~same], quantile(fmr))
    return (pairs[same] > threshold).mean()


def both_mistakes(distances, people, fmr):
    same = people[:, None] == people
    return (distances[same] > np.quantile(distances[~same], 1 - fmr)).mean()


def one_mistake_left(distances, people, fmr):
    same = people[:, None] == people
    return (distances[same] > np.quantile(distances[~same], fmr)).mean()


def other_mistake_left(distances, people, fmr):
    return fnmr(distances, people, fmr, quantile=lambda fmr: 1 - fmr)


def whole_matrix(distances, people, fmr):  # each pair twice is no mistake in a rate
    same = people[:, None] == people
    genuine = same & ~np.eye(len(people), dtype=bool)
    return (distances[genuine] > np.quantile(distances[~same], fmr)).mean()


def identify(distances, names, threshold):
    if len(distances) == 0 or distances.min() > threshold:
        return None
    return names[distances.argmin()]


def names_everyone(distances, names, threshold):
    return names[distances.argmin()]


def farthest(distances, names, threshold):
    return names[distances.argmax()] if distances.max() >= threshold else None


def first_below(distances, names, threshold):
    return next((name for name, d in zip(names, distances, strict=True) if d <= threshold), None)


def strangers_are_text(distances, names, threshold):
    return identify(distances, names, threshold) or "unknown"


def number_of_row(distances, names, threshold):
    return int(distances.argmin()) if len(distances) and distances.min() <= threshold else None


def without_empty_gallery(distances, names, threshold):
    return names[distances.argmin()] if distances.min() <= threshold else None


RIGHT = [
    ("04.1", error_rates),
    ("04.1", lambda *given: np.array(error_rates(*given))),
    ("04.2", 250),
    ("04.2", 50_000 * false_match_probability(1e-5, 500)),
    ("04.2", 249),
    ("04.3", fnmr),
    ("04.3", whole_matrix),
    ("04.4", identify),
    ("04.4", lambda *given: None if identify(*given) is None else str(identify(*given))),
    ("04.5", 3000),
    ("04.5", 2995),
    ("04.5", np.float64(2994.2)),
]
WRONG = [
    ("04.1", strictly_below, "should be"),
    ("04.1", shares_of_all, "should be"),
    ("04.1", similarities, "should be"),
    ("04.1", lambda *given: error_rates(*given)[::-1], "FMR should be"),
    ("04.1", lambda *given: 0.5, "two numbers"),
    ("04.1", lambda *given: ("a", "b"), "FMR should be"),
    ("04.1", lambda *given: None, "nothing back yet"),
    ("04.1", 0.1, "the function itself"),
    ("04.2", 0.5, "list of one person"),
    ("04.2", 0.005, "How many visitors"),
    ("04.2", 25_000_000, "How many of them go wrong"),
    ("04.2", 0.00499, "How many visitors"),
    ("04.2", 25, "too few"),
    ("04.2", 50_000, "too many"),
    ("04.2", float("nan"), "Give a number"),
    ("04.2", "few", "Give a number"),
    ("04.3", both_mistakes, "better than it really is"),
    ("04.3", other_mistake_left, "better than it really is"),
    ("04.3", one_mistake_left, "look at the genuine pairs"),
    ("04.3", lambda *given: 1 - fnmr(*given), "really is"),
    ("04.3", lambda *given: (fnmr(*given), 1.0), "one number"),
    ("04.3", lambda *given: ..., "nothing back yet"),
    ("04.3", None, "the function itself"),
    ("04.4", names_everyone, "the answer is None"),
    ("04.4", farthest, "the answer is Ben"),
    ("04.4", first_below, "the answer is"),
    ("04.4", strangers_are_text, "the answer is None"),
    ("04.4", number_of_row, "the answer is Ben"),
    ("04.4", lambda *given: None, "the answer is Ben"),
    ("04.4", without_empty_gallery, "ValueError"),
    ("04.4", lambda *given: ..., "nothing back yet"),
    ("04.4", "Ben", "the function itself"),
    ("04.5", 1000, "37%"),
    ("04.5", 0, "more comparisons"),
    ("04.5", 100, "not 5 %"),
    ("04.5", 30_000, "not 5 %"),
    ("04.5", float("nan"), "Give a number"),
    ("04.5", [3000], "Give a number"),
]


test_right_answers_are_accepted, test_wrong_answers_are_told_what_is_wrong, test_no_answer_is_not_judged = (
    judging_tests(RIGHT, WRONG, ["04.1", "04.2", "04.3", "04.4", "04.5"])
)
