"""Tracking: which face in one frame is the same as which in the next? And how a tracker is judged (notebook 07).

All tables here have a row per face: `frame` (int) and the box, `x0 y0 x1 y1` in pixels. A tracker adds `track`, a
number that the faces of one person are meant to share. Faces are matched by the Hungarian method, first by where they
are, then by what they look like, as in SORT (Bewley et al. 2016, arXiv 1602.00763) and DeepSORT (Wojke et al. 2017,
arXiv 1703.07402), without their Kalman filter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment

from facelab.checks import brief, check_columns, checked_labels, checked_number, finite_columns
from facelab.data import BOX
from facelab.detection import iou
from facelab.distance import checked_vectors, pairwise_distances
from facelab.verification import checked_threshold


def assign(cost: ArrayLike, allowed: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Pair rows with columns: as many allowed pairs as can be, and among those the cheapest in all.

    Parameters
    ----------
    cost : (n, m) float
    allowed : (n, m) bool

    Returns
    -------
    rows, columns : (k,) int each
        The Hungarian method's pairs (`scipy.optimize.linear_sum_assignment`) without those that are not allowed.
    """
    cost, allowed = np.asarray(cost, float), np.asarray(allowed, bool)
    # One forbidden pair must cost more than all allowed ones together, or a pair would be given up to save a little.
    forbidden = 1 + 2 * np.abs(cost[allowed]).sum()
    rows, columns = linear_sum_assignment(np.where(allowed, cost, forbidden))
    kept = allowed[rows, columns]
    return rows[kept], columns[kept]


def track_faces(
    faces: pd.DataFrame,
    vectors: ArrayLike | None = None,
    *,
    min_iou: float = 0.3,
    patience: int = 12,
    max_distance: float | None = None,
    memory: int = 24,
) -> np.ndarray:
    """Number the faces of a clip so that one person keeps one number.

    In every frame, faces go first to the tracks whose last box they overlap. What is left over, a face that comes out
    from behind somebody or that the detector had lost, then goes to the track whose mean vector is nearest. What is
    still left over begins a track of its own.

    Parameters
    ----------
    faces : pandas.DataFrame
        A row per face: `frame`, `x0`, `y0`, `x1`, `y1`. Frames may be missing, as when only every third was looked at.
    vectors : (n, d) float, optional
        An embedding for each row. Without them, place alone decides.
    min_iou : float
        How much of a track's last box a face must overlap.
    patience : int
        For how many frames after a track was last seen its place still counts.
    max_distance : float
        How near to a track's mean vector a face must be to be taken for the same person: the threshold of the model.
    memory : int
        For how many frames after a track was last seen its looks still count.

    Returns
    -------
    (n,) int
        The track of each row, counted from 0 in the order in which they begin. Frames are taken in order of time, and
        none of them knows what comes later, so that it works on a camera too.

    Raises
    ------
    ValueError
        If a column is missing, a frame or box is no finite number, vectors do not fit the rows or come without a
        max_distance, or there is a max_distance but no vectors.
    """
    frames, boxes = checked_faces(faces)
    for name, value in (("min_iou", min_iou), ("patience", patience), ("memory", memory)):
        checked_number(value, f"{name} is {brief(value)}, but must be a number.")
    if max_distance is not None:
        max_distance = checked_threshold(max_distance)
    if (vectors is None) != (max_distance is None):
        raise ValueError("vectors and max_distance belong together: give both, or neither to go by place alone.")
    if vectors is not None:
        vectors = checked_vectors(vectors, "given")
        if len(vectors) != len(faces):
            raise ValueError(f"There are {len(vectors)} vectors for {len(faces)} faces: give one for each row.")
    numbers = np.full(len(faces), -1)
    last, seen, sums = [], [], []  # of each track: the row it was last seen in, the frame, the sum of its vectors

    def join(rows: np.ndarray, tracks: np.ndarray, cost: np.ndarray, allowed: np.ndarray) -> None:
        for i, j in zip(*assign(cost, allowed), strict=True):
            numbers[rows[j]] = tracks[i]

    for frame in np.unique(frames):
        here = np.flatnonzero(frames == frame)
        tracks = np.flatnonzero(frame - np.array(seen) <= patience)
        overlap = iou(boxes[np.array(last, int)[tracks]], boxes[here])
        join(here, tracks, -overlap, overlap >= min_iou)
        if vectors is not None:
            rows = here[numbers[here] < 0]
            tracks = np.flatnonzero(frame - np.array(seen) <= memory)
            tracks = tracks[~np.isin(tracks, numbers[here])]
            if len(rows) and len(tracks):
                means = np.stack([sums[track] / max(np.linalg.norm(sums[track]), 1e-9) for track in tracks])
                distances = pairwise_distances(means, vectors[rows])
                join(rows, tracks, distances, distances <= max_distance)
        for row in here:
            if numbers[row] < 0:
                numbers[row] = len(last)
                last.append(row)
                seen.append(frame)
                sums.append(0)
            track = numbers[row]
            last[track], seen[track] = row, frame
            sums[track] = sums[track] + (0 if vectors is None else vectors[row])
    return numbers


def fill_gaps(tracked: pd.DataFrame, max_gap: int = 12) -> pd.DataFrame:
    """Put boxes where a track has gaps: somebody seen before and after was there in between.

    Parameters
    ----------
    tracked : pandas.DataFrame
        A row per face, with `frame`, the box and `track`; at most one of a track in a frame.
    max_gap : int
        A gap of more frames than this is left open.

    Returns
    -------
    pandas.DataFrame
        In the order of frames, with a new column `filled` (bool). In a filled row the box lies on the straight line
        between its neighbours', `track` and whatever other texts and labels there are are those of the row before the
        gap, and the other numbers (a probability, a distance) are missing.

    Raises
    ------
    ValueError
        If a column is missing, a frame or box is no finite number, or a track is missing.
    """
    checked_faces(tracked, "track")
    checked_labels(tracked["track"], "Tracks")
    max_gap = checked_number(max_gap, f"max_gap is {brief(max_gap)}, but must be a number of frames.")
    tracked = tracked.reset_index(drop=True)  # whose levels may be called track too
    parts = [tracked.assign(filled=False)]
    lost = [name for name in tracked.select_dtypes("number") if name not in (*BOX, "frame", "track")]
    for _, rows in tracked.groupby("track", observed=True):
        rows = rows.sort_values("frame", kind="stable")
        gaps = np.diff(rows["frame"])
        for place in np.flatnonzero((gaps > 1) & (gaps - 1 <= max_gap)):
            before, after = rows.iloc[place], rows.iloc[place + 1]
            inside = np.arange(before["frame"] + 1, after["frame"])
            new = rows.iloc[[place] * len(inside)].assign(frame=inside, filled=True)
            share = (inside - before["frame"]) / gaps[place]
            for side in BOX:
                new[side] = before[side] + share * (after[side] - before[side])
            parts.append(new.assign(**dict.fromkeys(lost, np.nan)))
    return pd.concat(parts).sort_values(["frame", "track"], kind="stable").reset_index(drop=True)


@dataclass(frozen=True)
class TrackingScore:
    """How well a tracker did, by the CLEAR MOT metrics (Bernardin and Stiefelhagen 2008).

    Attributes
    ----------
    faces : int
        True faces, over all frames.
    found, false_alarms : int
        True faces that a box was matched to, and boxes that were matched to none.
    switches : int
        How often a person was matched to another track than the last time.
    persons : (n,) object array
        Whom each row of the tracker's table was matched to, None for a false alarm.
    """

    faces: int
    found: int
    false_alarms: int
    switches: int
    persons: np.ndarray

    @property
    def recall(self) -> float:
        """Share of the true faces that were found."""
        return self.found / self.faces

    @property
    def mota(self) -> float:
        """MOTA: 1 minus all mistakes (missed faces, false alarms, switches) per true face. It can be negative."""
        return 1 - (self.faces - self.found + self.false_alarms + self.switches) / self.faces


def score_tracks(truth: pd.DataFrame, tracked: pd.DataFrame, iou_threshold: float = 0.5) -> TrackingScore:
    """Compare a tracker's faces with the truth.

    Frame by frame, whoever still overlaps the track that they had the last time keeps it; the others are matched by
    the Hungarian method, as many as can be and with the largest overlap in all.

    Parameters
    ----------
    truth : pandas.DataFrame
        A row per true face: `frame`, `person` (or any label in a column of this name), the box. `load_clip` gives it.
    tracked : pandas.DataFrame
        A row per found face: `frame`, `track`, the box. Its frames should be those of the truth: drop the rows of
        frames that were not looked at from the truth first, or they count as missed.
    iou_threshold : float
        The overlap from which a box counts as the face's.

    Raises
    ------
    ValueError
        If a column is missing, a frame or box is no finite number, a person or track is missing, or there is no true
        face at all.
    """
    true_frames, true_boxes = checked_faces(truth, "person")
    frames, boxes = checked_faces(tracked, "track")
    if len(truth) == 0:
        raise ValueError("There is no true face in any of the frames, so there is nothing to find.")
    people = checked_labels(truth["person"], "The true people").astype(object)
    tracks = checked_labels(tracked["track"], "Tracks")
    iou_threshold = checked_number(iou_threshold, f"iou_threshold is {brief(iou_threshold)}, but is a share, as 0.5.")
    persons, known, switches = np.full(len(tracked), None, object), {}, 0
    for frame in np.unique(true_frames):
        true, here = np.flatnonzero(true_frames == frame), np.flatnonzero(frames == frame)
        overlap = iou(true_boxes[true], boxes[here])
        allowed = overlap >= iou_threshold
        last = np.array([[known.get(people[i]) == tracks[j] for j in here] for i in true], bool).reshape(overlap.shape)
        # A pair that was one before goes first: what is allowed to it is taken from all others.
        kept = assign(-overlap, allowed & last)
        allowed[kept[0]], allowed[:, kept[1]] = False, False
        for i, j in [*zip(*kept, strict=True), *zip(*assign(-overlap, allowed), strict=True)]:
            person, track = people[true[i]], tracks[here[j]]
            switches += person in known and known[person] != track
            known[person], persons[here[j]] = track, person
    found = sum(person is not None for person in persons)
    return TrackingScore(len(truth), found, len(tracked) - found, int(switches), persons)


def checked_faces(faces: pd.DataFrame, *more: str) -> tuple[np.ndarray, np.ndarray]:
    """Give the frames (n,) and boxes (n, 4) of a table, or say in one sentence why it is none."""
    check_columns(faces, ("frame", *BOX, *more), "faces", "it takes a row per face, with frame and box")
    numbers = finite_columns(faces, ["frame", *BOX])
    return numbers[:, 0], numbers[:, 1:]
