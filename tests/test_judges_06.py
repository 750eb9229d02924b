"""Each judge of notebook 06 accepts a right answer and says what is wrong with the usual wrong ones."""

import sqlite3
from contextlib import closing

import numpy as np
from judged import judging_tests


def candidates(vector, vectors, names, k):
    distances = np.linalg.norm(vectors - vector, axis=1)
    nearest = {person: distances[names == person].min() for person in set(names)}
    return sorted(nearest.items(), key=lambda pair: pair[1])[:k]


def every_photo(vector, vectors, names, k):
    distances = np.linalg.norm(vectors - vector, axis=1)
    return [(names[i], distances[i]) for i in distances.argsort()[:k]]


def by_farthest_photo(vector, vectors, names, k):  # in an order that is right
    distances = np.linalg.norm(vectors - vector, axis=1)
    order = [name for name, _ in candidates(vector, vectors, names, k)]
    return (
        [(name, distances[names == name].max()) for name in order[:1]]
        if k == 1
        else candidates(vector, vectors, names, k)
    )


def opens(claim, vector, vectors, names, threshold):
    if claim not in names:
        return False
    return np.linalg.norm(vectors[names == claim] - vector, axis=1).min() <= threshold


def anybody_known(claim, vector, vectors, names, threshold):
    return claim in names and np.linalg.norm(vectors - vector, axis=1).min() <= threshold


def anybody_at_all(claim, vector, vectors, names, threshold):
    return np.linalg.norm(vectors - vector, axis=1).min() <= threshold


def nearest_is_claimed(claim, vector, vectors, names, threshold):
    distances = np.linalg.norm(vectors - vector, axis=1)
    return names[distances.argmin()] == claim and distances.min() <= threshold


def nearest_without_threshold(claim, vector, vectors, names, threshold):
    own, others = (np.linalg.norm(vectors[chosen] - vector, axis=1) for chosen in (names == claim, names != claim))
    return len(own) > 0 and (own.min() <= threshold or own.min() < others.min())


def change(path, *statements, secure=True, vacuum=False):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA secure_delete = {'ON' if secure else 'OFF'}")
        with connection:
            for statement in statements:
                connection.execute(statement)
        if vacuum:
            connection.execute("VACUUM")


PHOTOS = "DELETE FROM photo WHERE person IN (SELECT id FROM person WHERE name = 'Benedict')"
PERSON = "DELETE FROM person WHERE name = 'Benedict'"

RIGHT = {
    "06.1": [("rises", "rises"), ["Rises", "rises "], np.array(["rises", "rises"])],
    "06.2": [candidates, lambda *given: [(str(name), float(d)) for name, d in candidates(*given)]],
    "06.3": [opens, lambda *given: int(opens(*given))],
    "06.4": [
        lambda path, name: change(path, PHOTOS, PERSON, vacuum=True),
        lambda path, name: change(path, PHOTOS, PERSON, secure=False, vacuum=True),
    ],
}

WRONG = [
    ("06.1", "rises", "Give two words"),
    ("06.1", ("rises", "goes up"), "Give two words"),
    ("06.1", ("stays", "rises"), "DIR: the nearest of eight"),
    ("06.1", ("rises", "stays"), "FPIR: a stranger"),
    ("06.2", 3, "Give the function itself"),
    ("06.2", lambda *_: ..., "gives nothing back yet"),
    ("06.2", lambda *_: ["Ada"], "Give a list of pairs"),
    ("06.2", every_photo, "lists somebody twice"),
    ("06.2", lambda *given: candidates(*given[:3], 3), "should be listed for k = 1"),
    ("06.2", lambda *given: candidates(*given)[::-1], "nearest person should come first"),
    ("06.2", lambda *given: [("Ada", 0), ("Ben", 0), ("Cleo", 0)][: given[3]], "The nearest should be"),
    ("06.2", by_farthest_photo, "that of their nearest photo"),
    ("06.3", True, "Give the function itself"),
    ("06.3", lambda *_: None, "gives nothing back yet"),
    ("06.3", lambda *_: "yes", "give True or False"),
    ("06.3", anybody_known, "door opened"),
    ("06.3", anybody_at_all, "door opened"),
    ("06.3", lambda claim, *given: claim not in given[2] or opens(claim, *given), "Eve, who is not enrolled"),
    ("06.3", lambda *_: False, "is kept out"),
    ("06.3", nearest_is_claimed, "is kept out"),
    ("06.3", nearest_without_threshold, "A stranger said"),
    ("06.4", "DELETE", "Give the function itself"),
    ("06.4", lambda path, name: None, "still in the table of people"),
    ("06.4", lambda path, name: change(path, "DELETE FROM person"), "should have stayed"),
    ("06.4", lambda path, name: change(path, PERSON), "his photos are still there"),
    ("06.4", lambda path, name: change(path, "DELETE FROM photo", PERSON), "Photos of somebody else"),
    ("06.4", lambda path, name: change(path, PHOTOS, PERSON, secure=False), "his vectors can still be read"),
]


test_right_answers_are_accepted, test_wrong_answers_are_told_what_is_wrong, test_no_answer_is_not_judged = (
    judging_tests([(number, answer) for number, answers in RIGHT.items() for answer in answers], WRONG, list(RIGHT))
)
