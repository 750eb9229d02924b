"""Video: the same flow as for a photo, frame by frame, from a file or a camera to who is where (notebook 07).

A clip is a path, or anything that gives images one after the other, such as a camera. Frames are read, used and let go
one at a time, so that an hour needs no more memory than a second.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from facelab.checks import checked_count, checked_file
from facelab.data import BOX
from facelab.detection import FaceDetector, crop_faces
from facelab.embedding import FaceEmbedder
from facelab.frames import opened_video, read_frames
from facelab.images import open_image
from facelab.progress import progress_bar
from facelab.timeline import name_faces, smooth_vectors
from facelab.tracking import track_faces

UNKNOWN_RATE = 25.0  # frames per second, of a camera, or of a file that does not say


@dataclass(frozen=True)
class VideoInfo:
    """How many frames a video has, and how many of them a second."""

    frames: int
    rate: float

    @property
    def seconds(self) -> float:
        """How long it takes to show."""
        return self.frames / self.rate


def video_info(path: str | os.PathLike) -> VideoInfo:
    """Count the frames of a video without decoding them, which also shows whether all of it is there.

    Returns
    -------
    VideoInfo
        The rate is the mean one: phones vary it.

    Raises
    ------
    FileNotFoundError, ValueError
        As `read_frames`; if the video has no frames, or fewer than it says itself.
    """
    path = checked_file(path, "a video")
    with opened_video(path) as container:
        stream = container.streams.video[0]
        said = stream.frames
        rate = float(stream.average_rate or stream.guessed_rate or UNKNOWN_RATE)
        frames = sum(packet.size > 0 for packet in container.demux(stream))
    if frames == 0:
        raise ValueError(f"{path} is a video without a single frame: get it anew.")
    if frames < said:
        raise ValueError(f"{path} is cut short ({frames:,} of its {said:,} frames are there): get it anew.")
    return VideoInfo(frames, rate)


def find_in_video(
    source: str | os.PathLike | Iterable,
    detector: FaceDetector,
    embedder: FaceEmbedder,
    *,
    every: int = 1,
    progress: bool = True,
) -> tuple[pd.DataFrame, np.ndarray]:
    """Find the faces of a clip and embed them.

    Parameters
    ----------
    source : path or iterable of images
        A video file; or frames, in any form that `facelab.open_image` takes, from a camera, say.
    detector : FaceDetector
    embedder : FaceEmbedder
    every : int
        Look at every so many frames, beginning with the first.
    progress : bool
        Show a progress bar when it takes more than a second.

    Returns
    -------
    faces : pandas.DataFrame
        A row per face: `frame` (int, counted in the clip from 0), `x0`, `y0`, `x1`, `y1` in pixels, `prob`.
    vectors : (n, d) float32
        The embedding of each row.

    Raises
    ------
    ValueError, FileNotFoundError
        As `video_info` and `open_image`; if every is not 1 or more.
    """
    return _find(source, _info(source), detector, embedder, every, progress)


def _info(source: str | os.PathLike | Iterable) -> VideoInfo | None:
    """What a file says of itself; None for frames that come from elsewhere."""
    if isinstance(source, (str, os.PathLike)):
        return video_info(source)
    if isinstance(source, (bytes, pd.DataFrame)) or not isinstance(source, Iterable):
        raise ValueError(
            f"A clip is a path, or gives one image after the other, but this is a {type(source).__name__}."
        )
    return None


def _find(
    source: str | os.PathLike | Iterable,
    info: VideoInfo | None,
    detector: FaceDetector,
    embedder: FaceEmbedder,
    every: int,
    progress: bool,
) -> tuple[pd.DataFrame, np.ndarray]:
    """Do what `find_in_video` does, with a clip of which it is known already how long it is."""
    checked_count(every, "every")
    total, source = (info.frames, read_frames(source)) if info else (None, source)
    tables, vectors = [], [np.zeros((0, embedder.dimension), np.float32)]
    for frame, image in enumerate(progress_bar(source, total=total, desc="watching", unit="frame", show=progress)):
        if frame % every:
            continue
        image = open_image(image)
        faces = detector.detect(image)
        table = pd.DataFrame(faces.boxes.astype(float), columns=BOX)
        table.insert(0, "frame", np.full(len(faces), frame))
        tables.append(table.assign(prob=faces.probs.astype(float)))
        vectors.append(embedder.embed(crop_faces(image, faces, embedder.image_size), progress=False))
    if not tables:
        raise ValueError("There is no frame in this clip: give one picture or more.")
    return pd.concat(tables, ignore_index=True), np.concatenate(vectors)


def follow_people(
    source: str | os.PathLike | Iterable,
    detector: FaceDetector,
    embedder: FaceEmbedder,
    gallery: ArrayLike,
    names: ArrayLike,
    threshold: float,
    *,
    every: int = 1,
    progress: bool = True,
) -> pd.DataFrame:
    """Find, track and name the people of a clip: `find_in_video`, `track_faces` and `name_faces` in one call.

    Parameters
    ----------
    source, detector, embedder, every, progress
        As for `find_in_video`.
    gallery, names : (m, d) float and m texts
        Vectors of the people one knows, made by the same embedder, and whose they are.
    threshold : float
        The largest distance at which two vectors count as one person's, in tracking and in naming. A tracker's memory
        lasts one second for places and two for looks.

    Returns
    -------
    pandas.DataFrame
        A row per face: what `find_in_video` gives, `track`, and `name`, `nearest` and `distance`, which are those of
        the mean vector of its track.

    Raises
    ------
    ValueError, FileNotFoundError
        As those three.
    """
    info = _info(source)
    faces, vectors = _find(source, info, detector, embedder, every, progress)
    rate = info.rate if info else UNKNOWN_RATE
    patience = max(round(rate), 2 * every)  # a second
    faces["track"] = track_faces(faces, vectors, max_distance=threshold, patience=patience, memory=2 * patience)
    return faces.join(name_faces(smooth_vectors(vectors, faces["track"]), gallery, names, threshold))
