"""Judges of the exercises in notebook 03."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier

from facelab.exercises import called, exercise

CENTRING = {
    "a": "the Euclidean distances",
    "b": "the cosines",
    "c": "the nearest neighbours by Euclidean distance",
    "d": "the nearest neighbours by cosine",
    "e": "the lengths of the vectors",
}


@exercise("03.1", "Right: the same distances as SciPy's, for two sets of different sizes, too.")
def all_distances(answer) -> str | None:
    rng = np.random.default_rng(0)
    for n, m, d in ((5, 2, 3), (4, 4, 3), (1, 3, 2)):
        a, b = rng.normal(size=(n, d)), rng.normal(size=(m, d))
        found, expected = called(answer, a.copy(), b.copy()), cdist(a, b)
        found = np.asarray(found)
        if found.shape != expected.shape:
            return f"{n} vectors and {m} vectors make {expected.shape} distances, but yours have shape {found.shape}."
        if not np.allclose(found, expected, atol=1e-5):
            i, j = np.unravel_index(np.argmax(np.abs(found - expected)), found.shape)
            return (
                f"From {np.round(a[i], 2).tolist()} to {np.round(b[j], 2).tolist()} it is {expected[i, j]:.3f}, but "
                f"your function says {found[i, j]:.3f}."
            )
    return None


@exercise("03.2", "Right. A shift moves the origin among the points, and angles are measured from the origin.")
def changed_by_centring(answer) -> str | None:
    if not isinstance(answer, (set, frozenset)) or not answer or not answer <= CENTRING.keys():
        return 'Give the letters as a set, such as {"a", "c"}.'
    changed = _changed_by_centring()
    missed, wrong = sorted(changed - answer), sorted(answer - changed)
    if wrong:
        return f"Measured on 50 vectors, centring leaves {CENTRING[wrong[0]]} as they were. What does a shift move?"
    if missed:
        one = "one thing more changes" if len(missed) == 1 else f"{len(missed)} things more change"
        return f"All you named do change, but {one}. From where are angles measured?"
    return None


def _changed_by_centring() -> set[str]:
    """Measure what centring changes on vectors that, like faces, lean to one side of the sphere."""
    before = np.random.default_rng(0).normal(size=(50, 8)) + 1
    before /= np.linalg.norm(before, axis=1, keepdims=True)
    after = before - before.mean(axis=0)
    changed = set()
    for metric, letter, neighbours in (("euclidean", "a", "c"), ("cosine", "b", "d")):
        one, two = cdist(before, before, metric), cdist(after, after, metric)
        if not np.allclose(one, two):
            changed.add(letter)
        for distances in (one, two):
            np.fill_diagonal(distances, np.inf)
        if (one.argmin(axis=1) != two.argmin(axis=1)).any():
            changed.add(neighbours)
    if not np.allclose(np.linalg.norm(before, axis=1), np.linalg.norm(after, axis=1)):
        changed.add("e")
    return changed


@exercise("03.3", "Right: one set of axes for both, and a probe no longer depends on who else asks.")
def shortened(answer) -> str | None:
    rng = np.random.default_rng(0)
    spread = np.linspace(3, 0.3, 12)  # so that no two axes are equally long, and PCA's order is beyond doubt
    gallery, probes = rng.normal(size=(40, 12)) * spread, rng.normal(size=(6, 12)) * spread + 0.5
    pca = PCA(3, svd_solver="full").fit(gallery)
    within, across = (cdist(pca.transform(x), pca.transform(gallery)) for x in (gallery, probes))
    for some in (slice(0, 6), slice(2, 5), slice(0, 1)):
        found = called(answer, gallery.copy(), probes[some].copy(), 3)
        if not isinstance(found, (tuple, list)) or len(found) != 2:
            return "Give back two things: the gallery and the probes, each shortened."
        short_gallery, short_probes = (np.asarray(part) for part in found)
        if short_gallery.shape != (40, 3) or short_probes.shape != (len(probes[some]), 3):
            return (
                f"40 gallery vectors and {len(probes[some])} probes shortened to 3 numbers should have shapes (40, 3) "
                f"and ({len(probes[some])}, 3), but yours have {short_gallery.shape} and {short_probes.shape}."
            )
        if not np.allclose(cdist(short_gallery, short_gallery), within, atol=1e-4):
            return (
                "The gallery's own distances are not those that PCA of the gallery leaves: what are its axes made from?"
            )
        if not np.allclose(cdist(short_probes, short_gallery), across[some], atol=1e-4):
            return (
                "The gallery is shortened rightly, but the probes are not where they should be beside it: whose axes, "
                "and whose mean, were they measured by?"
            )
    return None


@exercise("03.4", "Right: as scikit-learn counts it, asking everybody else's photo and leaving the matrix alone.")
def share_right(answer) -> str | None:
    rng = np.random.default_rng(0)
    for people in (list("aabb"), list("aaabbbcd"), [3, 1, 3, 2, 1, 2, 2, 5, 3]):
        centres = {person: 1.2 * rng.normal(size=4) for person in dict.fromkeys(people)}
        points = np.array([centres[person] for person in people]) + rng.normal(size=(len(people), 4))
        distances = cdist(points, points)
        given = distances.copy()
        found, expected = called(answer, given, np.array(people)), _share_right(distances, np.array(people))
        if not np.array_equal(given, distances):
            return "Your function changed the matrix it was given: whoever passed it may want to use it still."
        if np.ndim(found) != 0:
            return f"A share is one number, but yours has shape {np.shape(found)}."
        if not np.isclose(float(found), expected):
            return (
                f"For {len(people)} photos of {', '.join(map(str, people))}, the share is {expected:.3f}, but your "
                f"function says {float(found):.3f}."
            )
    return None


def _share_right(distances: np.ndarray, people: np.ndarray) -> float:
    """Ask scikit-learn's classifier about each photo, with that photo left out."""
    right = []
    for i in range(len(people)):
        rest = np.arange(len(people)) != i
        if people[i] in people[rest]:
            nearest = KNeighborsClassifier(1, metric="precomputed").fit(distances[rest][:, rest], people[rest])
            right.append(nearest.predict(distances[i, rest][None])[0] == people[i])
    return float(np.mean(right))


@exercise("03.5", "Right: who is near whom, and that a place is chance. Nothing else.")
def read_the_map(answer) -> str | None:
    if not isinstance(answer, (set, frozenset)) or not answer or not answer <= set("abcdef"):
        return 'Give the letters as a set, such as {"a", "f"}.'
    slips = {
        "a": "Look again at the two groups, one of them ten times as wide as the other.",
        "c": "Look again at the three groups in a row, and at how far apart t-SNE drew them.",
        "e": "Look again at the map of pure noise.",
        "f": "Try it: does `TSNE` have what is needed to place a new point?",
    }
    for letter, hint in slips.items():
        if letter in answer:
            return f"{letter} may not be said. {hint}"
    if answer != {"b", "d"}:
        return (
            "What you chose is right, but there is something more that may be said: look at what the seeds changed, "
            "and at what they did not."
        )
    return None
