"""Pieces that rooms are furnished with: boxes, balls, trunks, books, pictures, cups."""

from __future__ import annotations

from dataclasses import dataclass, field

import bpy
import numpy as np
from mathutils import Matrix
from meshes import mesh, tube
from nodes import Shader
from vectors import UNIT, blender_matrix, linear, rotation

CORNERS = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
SIDES = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
BOOKS = [
    (140, 50, 44),
    (38, 62, 90),
    (196, 176, 140),
    (60, 86, 64),
    (210, 204, 190),
    (170, 120, 50),
    (52, 50, 56),
    (120, 90, 110),
]


def surface(colour, roughness=0.6, vary=0.0, stretch=(1, 1, 1), scale=0.5, glow=0.0, relief=0.0) -> bpy.types.Material:
    """Make a material of an sRGB colour that varies by `vary`, glows, or has a relief."""
    shader, own = Shader("prop"), linear(*colour)
    if vary or relief:
        grain = shader.noise(shader.vector("MULTIPLY", shader.node("TexCoord").outputs["Object"], stretch), scale, 5)
        stops = [(0.3, tuple(own * (1 - vary))), (0.7, tuple(np.clip(own * (1 + vary), 0, 1)))]
        shader.set(base_color=shader.ramp(grain, stops))
        if relief:
            shader.set(normal=shader.bump(grain, relief, 0.1))
    else:
        shader.set(base_color=tuple(own))
    if glow:
        shader.set(emission_color=tuple(own), emission_strength=glow)
    return shader.set(roughness=roughness).material


def wood(colour=(150, 108, 70)) -> bpy.types.Material:
    """Make wood, its grain along the longer side."""
    return surface(colour, 0.45, vary=0.25, stretch=(0.3, 4, 4), scale=1.2)


@dataclass
class Furniture:
    """Collects a room's things under one pivot, and those that can hide a face as (points, faces)."""

    pivot: bpy.types.Object
    shift: np.ndarray
    turn: float = 0.0
    solids: list[tuple[np.ndarray, list]] = field(default_factory=list)

    @classmethod
    def standing(cls, shift=(0.0, 0.0, 0.0), turn: float = 0.0) -> Furniture:
        """Begin a room that is moved by `shift` cm and turned by `turn` degrees behind the people."""
        pivot = bpy.data.objects.new("room", None)
        bpy.context.scene.collection.objects.link(pivot)
        pivot.matrix_world = Matrix(blender_matrix(rotation("y", turn), np.array(shift)).tolist())
        return cls(pivot, np.array(shift, float), turn)

    def add(self, thing: bpy.types.Object) -> bpy.types.Object:
        """Take in a thing that was made in the room's own coordinates."""
        bpy.context.scene.collection.objects.link(thing)
        thing.parent = self.pivot
        return thing

    def box(self, centre, size, material, bevel: float = 0.4, solid: bool = False) -> None:
        """Put in a box; `solid` ones count when it is asked what hides a face."""
        points = CORNERS * size + np.array(centre, float)
        thing = self.add(mesh("box", points, SIDES, material))
        thing.data.polygons.foreach_set("use_smooth", np.zeros(len(SIDES), bool))
        if bevel:
            modifier = thing.modifiers.new("bevel", "BEVEL")
            modifier.width, modifier.segments = bevel * UNIT, 2
        if solid:
            self.solids.append((points @ rotation("y", self.turn).T + self.shift, SIDES))

    def rod(self, path, radius, material, around: int = 20) -> None:
        """Put in a rod, trunk, cup or lamp post along a path."""
        points, faces = tube(np.array(path, float), radius, around=around)
        self.add(mesh("rod", points, [*faces, range(around), range(len(points) - around, len(points))], material))

    def ball(self, centre, radius: float, material, squash=(1, 1, 1)) -> None:
        """Put in a ball."""
        t = np.linspace(-np.pi / 2, np.pi / 2, 14)[:, None]
        a = np.arange(20) / 20 * 2 * np.pi
        points = np.stack([np.cos(t) * np.cos(a), np.sin(t) + 0 * a, np.cos(t) * np.sin(a)], -1) * radius * squash
        faces = [
            (k * 20 + j, k * 20 + (j + 1) % 20, (k + 1) * 20 + (j + 1) % 20, (k + 1) * 20 + j)
            for k in range(13)
            for j in range(20)
        ]
        self.add(mesh("ball", points + np.array(centre), faces, material))

    def picture(self, x, y, z, width, height, colour, scale=1.0) -> None:
        """Hang a framed picture."""
        self.box((x, y, z), (width + 5, height + 5, 2.5), surface((40, 36, 34), 0.4))
        self.box((x, y, z + 1), (width, height, 2), surface((236, 232, 224)), bevel=0)
        self.box(
            (x, y, z + 1.4),
            (width * 0.72, height * 0.72, 2),
            surface(colour, vary=0.8, scale=scale, stretch=(1, 1, 0.6)),
            bevel=0,
        )

    def books(self, start, end, y, z, rng: np.random.Generator) -> None:
        """Fill a shelf."""
        covers = [surface(colour, 0.7) for colour in BOOKS]
        x = start
        while x < end:
            width, height = rng.uniform(2, 5), rng.uniform(19, 26)
            if rng.random() > 0.12:
                self.box(
                    (x + width / 2, y + height / 2, z + rng.uniform(-1, 1)),
                    (width * 0.92, height, 16),
                    covers[rng.integers(len(covers))],
                    0.2,
                )
            x += width
