"""Puts the clip's frames together as H.264."""

from __future__ import annotations

from pathlib import Path

import av
from PIL import Image

QUALITY = {"crf": "20", "preset": "veryslow", "x264-params": "keyint=24"}  # about 0.5 MB for ten seconds


def encode(frames: list[Path], out: Path, rate: int) -> None:
    """Write pictures of equal size, even in width and height, as an MP4 file.

    Parameters
    ----------
    frames : list of Path
        In order.
    out : Path
        The file to make.
    rate : int
        Frames a second.
    """
    if not frames:
        raise ValueError("There are no frames to put into a clip: render them first.")
    out.parent.mkdir(parents=True, exist_ok=True)
    with av.open(out, "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=rate, options=QUALITY)
        stream.pix_fmt = "yuv420p"
        with Image.open(frames[0]) as first:
            stream.width, stream.height = first.size
        for path in frames:
            with Image.open(path) as picture:
                container.mux(stream.encode(av.VideoFrame.from_image(picture.convert("RGB"))))
        container.mux(stream.encode())
