"""The Blender side of a shot: a scene, a cast of actors that are kept while they are needed, and a negative."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import tempfile
import time
import zlib
from pathlib import Path

import bpy
import numpy as np
from actor import Actor
from ground_truth import FaceTruth, face_truths
from head import HeadModel
from people import Person
from plan import give_headroom
from prints import hold_print
from props import Furniture, surface, wood
from rooms import make_room
from shots import Shot


class Studio:
    """Renders shots one after another; actors stay built as long as the next shot has the same people."""

    def __init__(
        self,
        model: HeadModel,
        everyone: dict[str, Person],
        samples: int,
        threads: int,
        scale: float = 1.0,
        pictures: Path = Path(),
    ):
        self.model, self.everyone, self.pictures = model, everyone, pictures
        self.samples, self.threads, self.scale = samples, threads, scale
        self.actors: dict[str, Actor] = {}
        new_scene(samples, threads, scale)

    def take(self, shot: Shot) -> tuple[np.ndarray, object, list[FaceTruth], float]:
        """Render a shot: linear light (h, w, 3) float16, the camera used, the truth of each face, and the seconds."""
        start = time.time()
        self._assemble({placement.person for placement in shot.places})
        cast = [self.actors[placement.person] for placement in shot.places]
        for placement, actor in zip(shot.places, cast, strict=True):
            actor.perform(placement, np.random.default_rng([shot.seed, zlib.crc32(placement.person.encode())]))
        before = set(bpy.data.objects)
        furniture = make_room(shot.room, shot.light, np.random.default_rng(shot.seed), shot.shift, shot.turn)
        for prop in shot.props:
            put_prop(furniture, *prop)
        if shot.printed:
            hold_print(furniture, self.pictures / shot.printed, cast[0])
        camera = shot.camera
        if shot.headroom:
            actor = cast[0]
            top = actor.crown + (1.5 if actor.wears_hat else 0)
            crown = actor.in_world(actor.head_centre + np.array([0, top, -2]))
            camera = give_headroom(camera, crown)
        camera.place(bpy.context.scene)
        light = self._expose(shot.seed)
        truths = face_truths(camera, cast, furniture.solids)
        for thing in set(bpy.data.objects) - before:
            bpy.data.objects.remove(thing)
        bpy.data.orphans_purge(do_recursive=True)
        return light, camera, truths, time.time() - start

    def _assemble(self, ids: set[str]) -> None:
        """Build who is missing; if somebody must go, begin with an empty scene."""
        if not ids >= set(self.actors):
            self.actors = {}
            gc.collect()
            new_scene(self.samples, self.threads, self.scale)
        for id in sorted(ids - set(self.actors)):
            self.actors[id] = Actor(self.model, self.everyone[id])

    def _expose(self, seed: int) -> np.ndarray:
        scene = bpy.context.scene
        scene.cycles.seed = seed % 100_000
        with tempfile.TemporaryDirectory() as folder:
            scene.render.filepath = str(Path(folder) / "negative.exr")
            with quiet():
                bpy.ops.render.render(write_still=True)
            image = bpy.data.images.load(scene.render.filepath)
            width, height = image.size
            pixels = np.empty(width * height * 4, np.float32)
            image.pixels.foreach_get(pixels)
            bpy.data.images.remove(image)
        return pixels.reshape(height, width, 4)[::-1, :, :3].astype(np.float16)


@contextlib.contextmanager
def quiet():
    """Keep Blender, which writes past Python to the terminal, from drowning the progress bar."""
    sys.stdout.flush()
    terminal, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(terminal, 1)
        os.close(terminal)
        os.close(nowhere)


def new_scene(samples: int, threads: int, scale: float) -> None:
    """Begin with an empty scene, set up for Cycles on the CPU."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.threads_mode, scene.render.threads = "FIXED", threads
    scene.render.resolution_percentage = round(100 * scale)
    scene.render.image_settings.file_format = "OPEN_EXR"
    scene.render.image_settings.color_depth = "32"
    cycles = scene.cycles
    cycles.device, cycles.samples = "CPU", samples
    cycles.use_adaptive_sampling, cycles.adaptive_threshold = True, 0.05
    cycles.use_denoising, cycles.denoiser = True, "OPENIMAGEDENOISE"
    cycles.max_bounces, cycles.transparent_max_bounces = 5, 14
    cycles.caustics_reflective = cycles.caustics_refractive = False
    cycles.sample_clamp_indirect = 3
    scene.cycles_curves.shape = "RIBBONS"


def put_prop(room: Furniture, kind: str, x: float, y: float, z: float, width: float) -> None:
    """Put a table, a desk with its front, or a screen before the people; they can hide faces."""
    if kind == "table":
        room.box((x, y, z), (width, 4, 66), wood((124, 86, 58)), solid=True)
        white = surface((236, 232, 224), 0.3)
        for k in (-0.22, 0.05, 0.27):
            room.rod([(x + k * width, y + 2, z), (x + k * width, y + 10, z)], np.array([3.2, 3.8]), white, 24)
    elif kind == "desk":
        room.box((x, y, z), (width, 3, 44), wood((196, 160, 116)), solid=True)
        room.box((x, y - 41, z + 18), (width, 80, 3), wood((120, 92, 66)), solid=True)
    elif kind == "screen":
        dark = surface((26, 28, 32), 0.3)
        room.box((x, y, z), (width, 0.6 * width, 3), dark, solid=True)
        room.box((x, y - 0.4 * width, z), (6, 0.25 * width, 4), dark)
    else:
        raise ValueError(f"There is no prop {kind!r}: use a table, a desk or a screen.")
