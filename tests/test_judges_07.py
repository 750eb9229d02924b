"""Each judge of notebook 07 accepts a right answer and says what is wrong with the usual wrong ones."""

from itertools import pairwise

import numpy as np
from judged import judging_tests
from scipy.optimize import linear_sum_assignment


def count_switches(tracks):
    seen = [track for track in tracks if track is not None]
    return sum(a != b for a, b in pairwise(seen))


def pauses_count(tracks):
    return sum(a != b for a, b in pairwise(tracks))


def numbers_less_one(tracks):
    return len(set(tracks) - {None}) - 1


def pauses_forget(tracks):
    pairs = pairwise(tracks)
    return sum(a != b for a, b in pairs if a is not None and b is not None)


def name_of(vectors, templates, names, threshold):
    mean = vectors.mean(axis=0)
    mean = mean / np.linalg.norm(mean)
    distances = np.linalg.norm(templates - mean, axis=1)
    return names[distances.argmin()] if distances.min() <= threshold else None


def both_mistakes(vectors, templates, names, threshold):
    distances = np.linalg.norm(templates - vectors.mean(axis=0), axis=1)
    near = distances <= threshold
    return names[near.argmax()] if near.any() else None


def still_short(vectors, templates, names, threshold):
    distances = np.linalg.norm(templates - vectors.mean(axis=0), axis=1)
    return names[distances.argmin()] if distances.min() <= threshold else None


def still_the_first(vectors, templates, names, threshold):
    mean = vectors.mean(axis=0)
    near = np.linalg.norm(templates - mean / np.linalg.norm(mean), axis=1) <= threshold
    return names[near.argmax()] if near.any() else None


def one_frame(vectors, templates, names, threshold):
    return name_of(vectors[:1], templates, names, threshold)


def name_together(distances, names, threshold):
    answer = [None] * len(distances)
    cost = np.where(distances <= threshold, distances, 1000)
    for i, j in zip(*linear_sum_assignment(cost), strict=True):
        if distances[i, j] <= threshold:
            answer[i] = names[j]
    return answer


def each_for_itself(distances, names, threshold):
    return [names[row.argmin()] if row.min() <= threshold else None for row in distances]


def threshold_forgotten(distances, names, threshold):
    answer = [None] * len(distances)
    for i, j in zip(*linear_sum_assignment(distances), strict=True):
        answer[i] = names[j]
    return answer


def threshold_afterwards(distances, names, threshold):
    named = threshold_forgotten(distances, names, threshold)
    return [
        name if name is not None and row[names.index(name)] <= threshold else None
        for row, name in zip(distances, named, strict=True)
    ]


def greedy(distances, names, threshold):
    distances, answer = distances.copy(), [None] * len(distances)
    while distances.min() <= threshold:
        i, j = np.unravel_index(distances.argmin(), distances.shape)
        answer[i] = names[j]
        distances[i], distances[:, j] = 9, 9
    return answer


RIGHT = [
    ("07.1", 5),
    ("07.1", 5.0),
    ("07.1", np.int64(5)),
    ("07.2", count_switches),
    ("07.3", name_of),
    ("07.3", lambda *given: None if name_of(*given) is None else str(name_of(*given))),
    ("07.4", name_together),
    ("07.4", lambda *given: np.array(name_together(*given), object)),
]
WRONG = [
    ("07.1", 6, "0.27 only"),
    ("07.1", 4, "could skip more"),
    ("07.1", 7, "cover together"),
    ("07.1", 10, "only just touch"),
    ("07.1", 5.6, "whole number"),
    ("07.1", 0, "whole number"),
    ("07.1", 1000, "only"),
    ("07.1", "five", "whole number"),
    ("07.1", [5], "whole number"),
    ("07.2", pauses_count, "should be"),
    ("07.2", numbers_less_one, "should be"),
    ("07.2", pauses_forget, "should be 2"),
    ("07.2", lambda tracks: "0", "should be"),
    ("07.2", lambda tracks: ..., "nothing back yet"),
    ("07.2", 3, "the function itself"),
    ("07.3", both_mistakes, ""),
    ("07.3", still_short, "stranger"),
    ("07.3", still_the_first, "is nearer"),
    ("07.3", one_frame, ""),
    ("07.3", lambda *given: None, "nobody is named"),
    ("07.3", lambda *given: "Dan", "one of the names"),
    ("07.3", lambda *given: ..., "nothing back yet"),
    ("07.3", None, "the function itself"),
    ("07.4", each_for_itself, "one name twice"),
    ("07.4", threshold_forgotten, "beyond the threshold"),
    ("07.4", threshold_afterwards, "can be named"),
    ("07.4", greedy, "can be named"),
    ("07.4", lambda distances, *_: [None] * len(distances), "can be named"),
    ("07.4", lambda distances, names, _: [names[0]], "as many names"),
    ("07.4", lambda *given: ["Dan"] * len(given[0]), "not one of the names"),
    ("07.4", lambda *given: ..., "nothing back yet"),
    ("07.4", 4, "the function itself"),
]


test_right_answers_are_accepted, test_wrong_answers_are_told_what_is_wrong, test_no_answer_is_not_judged = (
    judging_tests(RIGHT, WRONG, ["07.1", "07.2", "07.3", "07.4"])
)
