"""Annotation: names and boxes drawn on the frames of a clip, and frames written as a clip (notebook 07)."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from facelab.checks import checked_flags, checked_target
from facelab.frames import read_frames
from facelab.images import open_image
from facelab.progress import progress_bar
from facelab.timeline import checked_rate, people_colours
from facelab.tracking import checked_faces
from facelab.video import video_info

MOST_SIDE = 16_384  # pixels, of H.264


def annotate_frames(frames: Iterable, faces: pd.DataFrame, text: str = "name") -> Iterator[Image.Image]:
    """Draw the boxes and names of a table on the frames of a clip, one at a time.

    Parameters
    ----------
    frames : iterable of images
        All frames of the clip, in any form that `facelab.open_image` takes.
    faces : pandas.DataFrame
        A row per face: `frame`, the box, and a column to write above it. A row that is `filled` (see `fill_gaps`) gets
        a thin box and no text: somebody else may be what is seen there.
    text : str
        The column to write, in which each different text gets a colour of its own.

    Returns
    -------
    iterator of PIL.Image.Image
        Mode RGB, of the sizes given.

    Raises
    ------
    ValueError, FileNotFoundError
        If a column is missing, or a frame or box is no finite number; as `open_image`.
    """
    checked_faces(faces, text)
    colours = people_colours(map(str, faces[text]))
    # What is surest to be seen is drawn last: large faces over small ones, and all over those that were filled in.
    flags = faces["filled"] if "filled" in faces else np.zeros(len(faces), bool)
    seen = ~checked_flags(flags, "filled", "for a box that was filled in")
    faces = faces.reset_index(drop=True)  # whose levels may be called frame too
    size = (faces["x1"] - faces["x0"]) * (faces["y1"] - faces["y0"])
    rows = dict(list(faces.iloc[np.lexsort((size, seen))].groupby("frame")))
    for frame, image in enumerate(frames):
        image = open_image(image).copy()
        width = max(2, round(min(image.size) / 130))
        font = _font(max(11, round(min(image.size) / 18)))
        draw = ImageDraw.Draw(image)
        for row in rows[frame].itertuples() if frame in rows else ():
            label, filled = str(getattr(row, text)), getattr(row, "filled", False)
            box = row.x0, row.y0, max(row.x0, row.x1), max(row.y0, row.y1)
            draw.rectangle(box, outline=colours[label], width=1 if filled else width)
            if filled:
                continue
            # The label stands above the box, or at the picture's edge where there is no room.
            left, top, right, bottom = draw.textbbox((0, 0), label, font=font)
            wide, high = right - left + 2 * width, bottom - top + 2 * width
            x = max(0, min(row.x0, image.width - wide))
            y = max(0, min(row.y0, image.height) - high)
            draw.rectangle((x, y, x + wide, y + high), fill=colours[label])
            draw.text((x + width - left, y + width - top), label, font=font, fill="black")
        yield image


def write_video(path: str | os.PathLike, frames: Iterable, rate: float, *, progress: bool = True) -> Path:
    """Write frames as a video that browsers and phones play: H.264 in an MP4 file, without sound.

    It appears under its name only when it is complete: what stood there before is replaced in one step, and if anything
    goes wrong it stays. An odd row or column of pixels at the edge is left out, because H.264 stores colour for two by
    two pixels (yuv420p, the only kind that everything plays); the index stands at the beginning, so that a player can
    start before it has all ("faststart").

    Parameters
    ----------
    path : path
        Ends in .mp4.
    frames : iterable of images
        All of one size, in any form that `facelab.open_image` takes.
    rate : float
        Frames per second.
    progress : bool
        Show a progress bar when it takes more than a second.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    ValueError, FileNotFoundError
        If the path does not end in .mp4 or is in no folder, there are no frames, they differ in size or are smaller
        than 2×2 or larger than H.264 can be, or the rate is not above 0.
    OSError
        If it cannot be written, because the disk is full, say.
    """
    import av

    path = checked_target(path, ".mp4")
    checked_rate(rate)
    try:
        half = _reserve(path)
        try:
            _encode(half, frames, Fraction(rate).limit_denominator(60000), progress)
            os.replace(half, path)
        finally:
            half.unlink(missing_ok=True)
    except (av.FFmpegError, OSError) as error:
        if isinstance(error, FileNotFoundError):  # of a frame
            raise
        raise OSError(
            f"{path.name} could not be written ({error.strerror}): choose a place with room that you may write to."
        ) from error
    return path


def annotate_video(
    source: str | os.PathLike, target: str | os.PathLike, faces: pd.DataFrame, *, progress: bool = True
) -> Path:
    """Write a copy of a video with the boxes and names of a table on it: `annotate_frames` and `write_video`."""
    info = video_info(source)
    frames = progress_bar(read_frames(source), total=info.frames, desc="writing", unit="frame", show=progress)
    return write_video(target, annotate_frames(frames, faces), info.rate, progress=False)


def _reserve(path: Path) -> Path:
    """Make an empty file beside this one, to be renamed later: on one disk, that is a single step."""
    handle, name = tempfile.mkstemp(suffix=".mp4", prefix=f".{path.stem}-", dir=path.parent)
    os.close(handle)
    os.chmod(name, 0o644)  # a temporary file is its maker's alone
    return Path(name)


def _encode(path: Path, frames: Iterable, rate: Fraction, progress: bool) -> None:
    import av  # here, because most who read photos write no video

    size = None
    with av.open(path, "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.pix_fmt, stream.options = "yuv420p", {"crf": "23", "preset": "medium"}
        for number, image in enumerate(progress_bar(frames, desc="writing", unit="frame", show=progress)):
            image = open_image(image)
            if size is None:
                size = image.size
                stream.width, stream.height = (side - side % 2 for side in size)
            if image.size != size or min(size) < 2 or max(size) > MOST_SIDE:
                raise ValueError(
                    f"Frame {number} has {image.width}×{image.height} pixels and the first {size[0]}×{size[1]}: all "
                    f"must have one size, from 2×2 to {MOST_SIDE:,}×{MOST_SIDE:,}."
                )
            image = image.crop((0, 0, stream.width, stream.height))
            container.mux(stream.encode(av.VideoFrame.from_image(image)))
        if size is None:
            raise ValueError("There are no frames to write: give one picture or more.")
        container.mux(stream.encode())


def _font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib and knows more alphabets than Pillow's own."""
    import matplotlib as mpl

    return ImageFont.truetype(Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size)
