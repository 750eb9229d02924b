"""Timeline: who is on screen, and from when to when? One decision for a track, rather than for a frame (notebook 07).

A face is named after the nearest vector of a gallery if that is near enough, and is nobody's that one knows otherwise.
One frame's vector is noisy. The mean over a track is less so, and it is one answer where frames give many.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from facelab.checks import (
    brief,
    check_columns,
    checked_count,
    checked_labels,
    checked_number,
    checked_numbers,
    checked_positive,
    finite_columns,
)
from facelab.distance import checked_vectors, nearest_neighbours
from facelab.identification import NOBODY
from facelab.style import FOUND, LANDMARK, PALETTE, TRUTH
from facelab.verification import checked_threshold

STRANGER_COLOUR = "#999999"


def name_faces(vectors: ArrayLike, gallery: ArrayLike, names: ArrayLike, threshold: float) -> pd.DataFrame:
    """Name each face after the nearest vector of a gallery, or nobody.

    Parameters
    ----------
    vectors : (n, d) float
        Of the faces in question.
    gallery : (m, d) float
        Of the people one knows, one or more for each.
    names : m texts
        Whose they are.
    threshold : float
        The largest distance at which a face is taken for that person.

    Returns
    -------
    pandas.DataFrame
        A row per face: `name`, which is NOBODY beyond the threshold, `nearest` and `distance` (float32).

    Raises
    ------
    ValueError
        If names do not fit the gallery, one of them is missing or NOBODY, or vectors are no numbers or come from
        different models. An empty gallery is none: nobody is known then.
    """
    wanted = "not a table of numbers: give one row a face, (n, d)"
    vectors = np.atleast_1d(checked_numbers(vectors, f"The faces' vectors are {wanted}."))
    gallery = np.atleast_1d(checked_numbers(gallery, f"The gallery's vectors are {wanted}."))
    names = checked_labels(names, "names").astype(object)
    if len(gallery) != len(names):
        raise ValueError(f"The gallery has {len(gallery)} vectors and {len(names)} names: give one for each.")
    if NOBODY in names:
        raise ValueError(f"Somebody in the gallery is called {NOBODY!r}: give them another name.")
    threshold = checked_threshold(threshold)
    n = len(vectors)
    if n == 0 or len(gallery) == 0:
        nearest, distances = np.full(n, NOBODY, object), np.full(n, np.inf, np.float32)
    else:
        distances, rows = nearest_neighbours(vectors, gallery)
        nearest, distances = names[rows[:, 0]], distances[:, 0]
    named = np.where(distances <= threshold, nearest, NOBODY)
    return pd.DataFrame({"name": named, "nearest": nearest, "distance": distances})


def smooth_vectors(vectors: ArrayLike, tracks: ArrayLike, window: int | None = None) -> np.ndarray:
    """Average the vectors of each track, and scale the means to unit length.

    Parameters
    ----------
    vectors : (n, d) float
        In order of time.
    tracks : (n,) int
        The track of each, as `track_faces` gives it.
    window : int, optional
        Average over this many of the track's vectors up to and with each row: all that is known while a camera runs. By
        default over all of the track, so that all its rows get the same vector: what can be known afterwards.

    Returns
    -------
    (n, d) float32, of unit length

    Raises
    ------
    ValueError
        If the lengths differ, a track is missing, or the window is not 1 or more.
    """
    tracks = checked_labels(tracks, "tracks")
    numbers = checked_numbers(vectors, "The vectors are not a table of numbers: give one row a face, (n, d).")
    if len(tracks) == 0 and numbers.size == 0:
        return np.zeros(numbers.shape if numbers.ndim == 2 else (0, 1), np.float32)
    vectors = checked_vectors(vectors, "given")
    if tracks.shape != (len(vectors),):
        raise ValueError(f"There are {len(vectors)} vectors and {len(tracks)} tracks: give one for each face.")
    if window is not None:
        window = checked_count(window, "window")
    means = np.empty_like(vectors)
    for track in np.unique(tracks):
        rows = np.flatnonzero(tracks == track)
        if window is None:
            means[rows] = vectors[rows].mean(axis=0)
            continue
        for place, row in enumerate(rows):
            means[row] = vectors[rows[max(0, place + 1 - window) : place + 1]].mean(axis=0)
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    return (means / np.maximum(lengths, 1e-9)).astype(np.float32)


def list_appearances(faces: pd.DataFrame, rate: float, *, max_gap: float = 1.0, every: int = 1) -> pd.DataFrame:
    """List who is on screen from when to when.

    Parameters
    ----------
    faces : pandas.DataFrame
        A row per face: `frame` and `name`.
    rate : float
        Frames per second.
    max_gap : float
        Seconds for which somebody may be out of sight without having left.
    every : int
        The faces come from every so many frames: how long one of them stands for.

    Returns
    -------
    pandas.DataFrame
        `name`, `start` and `end` (seconds), `faces` (how many were seen in between), in the order of `start`.

    Raises
    ------
    ValueError
        If a column is missing, a frame is no finite number, the rate is not above 0, or every not 1 or more.
    """
    check_columns(faces, ("frame", "name"), "faces", "name_faces and a tracker's table have them")
    finite_columns(faces, ["frame"])
    every, rate = checked_count(every, "every"), checked_rate(rate)
    max_gap = checked_number(max_gap, f"max_gap is {brief(max_gap)}, but must be a number of seconds.")
    rows = []
    for name, frames in faces.reset_index(drop=True).groupby("name", observed=True)["frame"]:
        frames = np.sort(frames.to_numpy())
        breaks = np.flatnonzero(np.diff(frames) - every > max_gap * rate) + 1
        rows += [(name, part[0] / rate, (part[-1] + every) / rate, len(part)) for part in np.split(frames, breaks)]
    columns = ["name", "start", "end", "faces"]
    return pd.DataFrame(rows, columns=columns).sort_values(["start", "name"], ignore_index=True)


def checked_rate(rate: float) -> float:
    """Give a rate of frames, or say in one sentence that it is none."""
    complaint = f"rate is {brief(rate)}, but must be a number of frames per second, such as 25."
    return checked_positive(rate, complaint)


def people_colours(names: Iterable[str]) -> dict[str, str]:
    """Give everybody a colour, in the order in which they first come; NOBODY is grey. Few colours, so they repeat."""
    colours = [PALETTE[0], PALETTE[1], FOUND, LANDMARK, TRUTH]
    people = [name for name in dict.fromkeys(names) if name != NOBODY]
    return {name: colours[place % len(colours)] for place, name in enumerate(people)} | {NOBODY: STRANGER_COLOUR}
