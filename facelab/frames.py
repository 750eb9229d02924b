"""Frames: a video file as upright RGB photos, one after the other (used from notebook 01 on).

PyAV brings FFmpeg's decoders along, so that nothing has to be installed beside the package.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from facelab.checks import checked_file
from facelab.images import MAX_PIXELS

if TYPE_CHECKING:
    import av


def read_frames(path: str | os.PathLike) -> Iterator[Image.Image]:
    """Read the frames of a video one at a time, so that a long one needs no more memory than a short one.

    Parameters
    ----------
    path : path
        A file of any format that FFmpeg reads. A phone's note that the film lies on its side is followed.

    Returns
    -------
    iterator of PIL.Image.Image
        Mode RGB, in the order of showing.

    Raises
    ------
    FileNotFoundError
        If there is no file at the path, at once.
    ValueError
        If it is a folder, or nothing can be there, at once; or no video, damaged, or with frames larger than
        `facelab.images.MAX_PIXELS`, when they are asked for.
    """
    return _decode(checked_file(path, "a video"))


def _decode(path: Path) -> Iterator[Image.Image]:
    with opened_video(path) as container:
        for frame in container.decode(video=0):
            if frame.width * frame.height > MAX_PIXELS:  # said before it takes three bytes for each
                raise ValueError(
                    f"{path} has frames of {frame.width:,} × {frame.height:,} pixels, and {MAX_PIXELS:,} in all is "
                    "the most: scale it down first."
                )
            # FFmpeg's angle is anticlockwise, as Pillow's is
            yield frame.to_image().rotate(frame.rotation, expand=True)


@contextmanager
def opened_video(path: Path) -> Iterator[av.container.InputContainer]:
    """Lend an open video, with pictures in it; what PyAV says of a file that is none becomes one sentence."""
    import av  # here, because most who read photos read no video

    try:
        with av.open(path) as container:
            if not container.streams.video:
                rest = "only sound: give a video" if container.streams.audio else "it is cut short: get it anew"
                raise ValueError(f"{path} has no pictures in it, {rest}.")
            yield container
    except av.FFmpegError as error:
        raise ValueError(
            f"{path} is no video, or it is damaged or cut short ({error.strerror}): get it anew."
        ) from error
