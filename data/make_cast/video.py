"""Puts the clip's frames together as H.264, with the FFmpeg that Blender brings along."""

from __future__ import annotations

from pathlib import Path

import bpy
from PIL import Image


def encode(frames: list[Path], out: Path, rate: int) -> None:
    """Write pictures of equal size as an MP4 file.

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
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    with Image.open(frames[0]) as picture:
        scene.render.resolution_x, scene.render.resolution_y = picture.size
    scene.render.resolution_percentage = 100
    scene.render.fps = rate
    scene.view_settings.view_transform = "Standard"  # the frames are developed already
    scene.frame_start, scene.frame_end = 1, len(frames)
    editor = scene.sequence_editor_create()
    strip = editor.sequences.new_image("clip", str(frames[0].resolve()), channel=1, frame_start=1)
    for frame in frames[1:]:
        strip.elements.append(frame.name)
    strip.frame_final_duration = len(frames)
    settings = scene.render.image_settings
    settings.file_format = "FFMPEG"
    settings.color_mode = "RGB"
    movie = scene.render.ffmpeg
    movie.format, movie.codec = "MPEG4", "H264"
    movie.constant_rate_factor, movie.ffmpeg_preset, movie.gopsize = "MEDIUM", "GOOD", rate
    movie.audio_codec = "NONE"
    scene.render.use_sequencer = True
    scene.render.use_file_extension = False
    scene.render.filepath = str(out.resolve())
    bpy.ops.render.render(animation=True)
