"""Judges of the exercises in notebook 07."""

from __future__ import annotations

from itertools import permutations

import numpy as np

from facelab.exercises import NO_FUNCTION, NOTHING, called, exercise, number_in

WIDTH, SPEED, RATE, MIN_IOU = 50, 120, 25, 0.3


@exercise("07.1", "Right: at 5 the boxes overlap by 0.35, at 6 by 0.27. A fast face, or a narrow one, allows less.")
def skipped(answer) -> str | None:
    every = number_in(answer)
    if every is None:
        return "Give a whole number of frames."
    if not every >= 1 or every != int(every):
        return "Give a whole number of frames, 1 or more: half a frame cannot be looked at."
    largest = max(k for k in range(1, 11) if (WIDTH - SPEED / RATE * k) / (WIDTH + SPEED / RATE * k) >= MIN_IOU)
    if every == largest:
        return None
    if every == int(WIDTH * (1 - MIN_IOU) / (SPEED / RATE)):
        return "That is when the boxes share 0.3 of one of them. The IoU divides by all that the two cover together."
    if every == int(WIDTH / (SPEED / RATE)):
        return "So far apart the boxes only just touch. How much overlap does the tracker want?"
    moved = min(WIDTH, SPEED / RATE * every)
    overlap = (WIDTH - moved) / (WIDTH + moved)
    if every > largest:
        return f"After {every:g} frames the face has moved so far that its boxes overlap by {overlap:.2f} only."
    return f"After {every:g} frames its boxes overlap by {overlap:.2f}, and one could skip more."


@exercise("07.2", "Right: a pause is no switch, and coming back as who one was before the switch is another one.")
def switches(answer) -> str | None:
    cases = (
        ([4, 4, 4, 4], 0),
        ([0, 0, 1, 1], 1),
        ([3, 3, None, None, 3], 0),
        ([3, None, 5, 5, None, 3], 2),
        ([None, None, 2, 2], 0),
        ([7, 8, 7, 8], 3),
        ([None], 0),
        ([], 0),
    )
    for tracks, expected in cases:
        found = called(answer, list(tracks))
        if np.ndim(found) != 0 or isinstance(found, str) or found != expected:
            return f"For the tracks {tracks} it should be {expected}, but your function says {str(found)[:40]}."
    return None


def _unit(rng: np.random.Generator, *shape: int) -> np.ndarray:
    vectors = rng.normal(size=shape)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


@exercise("07.3", "Right: a mean of unit length, and the nearest of all, not the first that will do.")
def mended_name(answer) -> str | None:
    if not callable(answer):
        return NO_FUNCTION
    rng = np.random.default_rng(7)
    names = np.array(["Ada", "Ben", "Cleo"])
    for case in range(60):
        templates = _unit(rng, 3, 16)
        if case % 3 == 0:  # the first two are alike, and both near enough
            templates[1] = templates[0] + 0.3 * templates[1]
            templates[1] /= np.linalg.norm(templates[1])
        # every third is a stranger, who differs from frame to frame as much as everybody does
        middle = _unit(rng, 16) if case % 3 == 2 else templates[1]
        vectors = middle + rng.normal(scale=0.35, size=(6, 16))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        mean = vectors.mean(axis=0)
        distances = np.linalg.norm(templates - mean / np.linalg.norm(mean), axis=1)
        short = np.linalg.norm(templates - mean, axis=1)
        # between what the right and the short mean say, where these differ; else as in the notebook
        threshold = (distances.min() + short.min()) / 2 if case % 3 == 2 else max(0.9, distances.min() + 0.05)
        expected = str(names[distances.argmin()]) if distances.min() <= threshold else None
        found = answer(vectors.copy(), templates.copy(), names.copy(), threshold)
        if found is ...:
            return NOTHING
        if found is not None and (np.ndim(found) != 0 or str(found) not in names):
            return f"The answer is one of the names, or None, but yours is {str(found)[:40]!r}."
        if (None if found is None else str(found)) == expected:
            continue
        if expected is None:
            return f"A stranger is taken for {found}. How long is the mean of vectors that differ?"
        if found is None:
            return (
                f"{expected} is {distances.min():.2f} away and the threshold is {threshold:.2f}, but nobody is named."
            )
        return f"{found} is named, but {expected} is nearer. Both are near enough."
    return None


@exercise("07.4", "Right: that is the Hungarian method once more, with people in the place of faces.")
def together(answer) -> str | None:
    rng = np.random.default_rng(4)
    cases = [
        ([[0.5, 0.9], [0.9, 0.5]], 0.8),
        ([[0.4, 0.5], [0.5, 0.9]], 0.8),
        ([[0.4, 1.0], [0.5, 1.0]], 0.8),
        ([[1.0, 1.1]], 0.8),
        ([[0.5], [0.4], [0.6]], 0.8),
        ([[0.1, 0.7], [0.2, 1.3]], 0.8),
        ([[0.7, 0.1], [0.85, 0.75]], 0.8),
        *((rng.uniform(0.2, 1.2, (rng.integers(1, 4), rng.integers(1, 4))).round(2).tolist(), 0.8) for _ in range(30)),
    ]
    for distances, threshold in cases:
        names = ["Ada", "Ben", "Cleo"][: len(distances[0])]
        found = called(answer, np.array(distances), list(names), threshold)
        if isinstance(found, str) or np.ndim(found) != 1 or len(found) != len(distances):
            return f"For {len(distances)} tracks, give a list of as many names (or None)."
        found = [None if name is None else str(name) for name in found]
        given = [name for name in found if name is not None]
        case = f"With distances {distances} from {', '.join(names)} and a threshold of {threshold}"
        if not set(given) <= set(names):
            return f"{case}, your function gives {found}, and that is not one of the names."
        if len(set(given)) < len(given):
            return f"{case}, your function gives one name twice: {found}."
        used = [distances[i][names.index(name)] for i, name in enumerate(found) if name is not None]
        if max(used, default=0) > threshold:
            return f"{case}, your function gives a name beyond the threshold: {found}."
        most, least = _best(np.array(distances), threshold)
        if len(used) < most:
            return f"{case}, {most} of the tracks can be named, but your function names {len(used)}: {found}."
        if sum(used) > least + 1e-9:
            return f"{case}, the distances of {found} add up to {sum(used):.2f}, and {least:.2f} is possible."
    return None


def _best(distances: np.ndarray, threshold: float) -> tuple[int, float]:
    """How many tracks can be named, and the least sum of distances at which as many are, by trying everything."""
    tracks, people = distances.shape
    wide = np.hstack([distances, np.full((tracks, tracks), np.nan)])  # a column of its own for each "nobody"
    best = (0, 0.0)
    for columns in permutations(range(people + tracks), tracks):
        used = [wide[i, j] for i, j in enumerate(columns) if j < people]
        if all(d <= threshold for d in used):
            best = min(best, (-len(used), float(sum(used))))
    return -best[0], best[1]
