"""Each judge of notebook 03 accepts a right answer and says what is wrong with the usual wrong ones."""

import numpy as np
from judged import judging_tests
from scipy.spatial.distance import cdist
from sklearn.decomposition import PCA
from sklearn.metrics.pairwise import cosine_distances

from facelab import check


def all_distances(a, b):
    return np.sqrt(((a[:, None] - b[None]) ** 2).sum(axis=2))


def no_root(a, b):
    return ((a[:, None] - b[None]) ** 2).sum(axis=2)


def wrong_way_round(a, b):
    return all_distances(b, a)


def row_by_row(a, b):
    return np.linalg.norm(a - b, axis=1)  # works for equal numbers, and pairs each with its namesake only


def shortened(gallery, probes, k):
    pca = PCA(k).fit(gallery)
    return pca.transform(gallery), pca.transform(probes)


def one_each(gallery, probes, k):
    return PCA(k).fit_transform(gallery), PCA(min(k, len(probes))).fit_transform(probes)


def from_both(gallery, probes, k):
    pca = PCA(k).fit(np.concatenate([gallery, probes]))
    return pca.transform(gallery), pca.transform(probes)


def own_mean(gallery, probes, k):
    pca = PCA(k).fit(gallery)
    return pca.transform(gallery), (probes - probes.mean(axis=0)) @ pca.components_.T


def by_the_axes_alone(gallery, probes, k):
    axes = PCA(k).fit(gallery).components_.T  # no mean is subtracted, from either: the distances are the same
    return gallery @ axes, probes @ axes


def cut_off(gallery, probes, k):
    return gallery[:, :k], probes[:, :k]


def share_right(distances, people):
    people = np.asarray(people)
    alone = np.array(distances, dtype=float)
    np.fill_diagonal(alone, np.inf)
    right = people[alone.argmin(axis=1)] == people
    return right[(people[:, None] == people).sum(axis=1) > 1].mean()


def everybody_counts(distances, people):
    alone = distances + np.diag(np.full(len(people), np.inf))
    return (people[alone.argmin(axis=1)] == people).mean()


def own_neighbour(distances, people):
    return (people[distances.argmin(axis=1)] == people).mean()


def spoils_the_matrix(distances, people):
    np.fill_diagonal(distances, np.inf)
    return share_right(distances, people)


RIGHT = [
    ("03.1", all_distances),
    ("03.1", lambda a, b: np.sqrt((a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T)),
    ("03.1", cdist),
    ("03.2", {"b", "d", "e"}),
    ("03.2", frozenset("bde")),
    ("03.3", shortened),
    ("03.3", by_the_axes_alone),
    ("03.4", share_right),
    ("03.4", lambda distances, people: np.float32(share_right(distances, people))),
    ("03.5", {"b", "d"}),
]
WRONG = [
    ("03.1", no_root, "your function says"),
    ("03.1", lambda a, b: cosine_distances(a, b), "your function says"),
    ("03.1", wrong_way_round, "but yours have shape"),
    ("03.1", row_by_row, "ValueError"),
    ("03.1", lambda a, b: None, "nothing back yet"),
    ("03.1", np.eye(3), "the function itself"),
    ("03.1", lambda a, b: a.nothing, "AttributeError"),
    ("03.2", "bde", "letters as a set"),
    ("03.2", set(), "letters as a set"),
    ("03.2", {"b", "z"}, "letters as a set"),
    ("03.2", {"a", "b", "d", "e"}, "leaves the Euclidean distances as they were"),
    ("03.2", {"c"}, "leaves the nearest neighbours by Euclidean distance"),
    ("03.2", {"b", "d"}, "one thing more"),
    ("03.2", {"e"}, "2 things more"),
    ("03.3", one_each, "beside it"),
    ("03.3", own_mean, "beside it"),
    ("03.3", from_both, "what are its axes made from"),
    ("03.3", cut_off, "what are its axes made from"),
    ("03.3", lambda gallery, probes, k: (gallery, probes), "should have shapes"),
    ("03.3", lambda gallery, probes, k: shortened(gallery, probes, k)[1], "two things"),
    ("03.3", lambda gallery, probes, k: None, "nothing back yet"),
    ("03.3", PCA(3).fit(np.eye(4)), "the function itself"),
    ("03.4", everybody_counts, "the share is"),
    ("03.4", own_neighbour, "the share is"),
    ("03.4", lambda distances, people: 1 - share_right(distances, people), "the share is"),
    ("03.4", spoils_the_matrix, "changed the matrix"),
    ("03.4", lambda distances, people: np.zeros(len(people)), "one number"),
    ("03.4", lambda *given: ..., "nothing back yet"),
    ("03.4", 0.8, "the function itself"),
    ("03.5", ["b", "d"], "letters as a set"),
    ("03.5", {"b", "d", "g"}, "letters as a set"),
    ("03.5", {"a", "b", "d"}, "ten times as wide"),
    ("03.5", {"b", "c", "d"}, "three groups in a row"),
    ("03.5", {"b", "d", "e"}, "pure noise"),
    ("03.5", {"f"}, "place a new point"),
    ("03.5", {"b"}, "something more"),
    ("03.5", {"d"}, "something more"),
]


test_right_answers_are_accepted, test_wrong_answers_are_told_what_is_wrong, test_no_answer_is_not_judged = (
    judging_tests(RIGHT, WRONG, ["03.1", "03.2", "03.3", "03.4", "03.5"])
)


def test_no_judge_gives_its_solution_away():
    sentences = [check(number, answer).sentence for number, answer, _ in WRONG]
    assert not any("transform(" in sentence or "argmin" in sentence or "sqrt" in sentence for sentence in sentences)
