"""A hat: a knitted cap or a cap with a visor, formed over the head by rays from its middle, with the hair tucked in."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np
from clothing import cloth_material
from meshes import mesh, thicken
from outfits import COLOURS
from people import Person
from torso import grid_faces
from vectors import direction, linear, smoothstep

CENTRE = np.array([0.0, 5.5, -0.8])
AROUND, ROWS = 48, 14
AZIMUTHS = np.arange(AROUND) / AROUND * 360 - 180
BRIM = np.interp(np.abs(AZIMUTHS), [0, 60, 95, 140, 180], [23, 17, 4, -14, -20])  # elevation of the edge, degrees


@dataclass(frozen=True)
class Hat:
    """`radius` (ROWS, AROUND) of the inside, in cm from CENTRE; `pieces` as for clothes."""

    radius: np.ndarray
    pieces: list[tuple[bpy.types.Object, np.ndarray]]

    def tuck(self, points: np.ndarray) -> np.ndarray:
        """Press hair (..., 3) that would stand through the hat down under it."""
        arm = points - CENTRE
        length = np.linalg.norm(arm, axis=-1)
        azimuth = np.degrees(np.arctan2(arm[..., 0], arm[..., 2]))
        elevation = np.degrees(np.arcsin(np.clip(arm[..., 1] / np.maximum(length, 1e-6), -1, 1)))
        column = np.round((azimuth + 180) / 360 * AROUND).astype(int) % AROUND
        row = (elevation - BRIM[column]) / (90 - BRIM[column]) * (ROWS - 1)
        limit = self.radius[np.clip(np.round(row), 0, ROWS - 1).astype(int), column] - 0.25
        # Just below the edge hair must come out from under it gradually.
        limit = np.where(row > -1, limit, limit + 4 * smoothstep(-row, 1, 4))
        scale = np.where((length > limit) & (row > -4), limit / np.maximum(length, 1e-6), 1)
        return CENTRE + arm * scale[..., None]


def make_hat(person: Person, tree) -> Hat:
    """Make a person's hat over `tree`, the BVH tree of the skin of the head at rest."""
    rng = person.random("hat")
    colour = linear(*list(COLOURS.values())[rng.integers(len(COLOURS))])
    visor = rng.random() < 0.5
    t = np.linspace(0, 1, ROWS)[:, None]
    elevation = BRIM + (90 - BRIM) * t * 0.985
    radius = np.zeros((ROWS, AROUND))
    rays = np.array([[direction(a, e) for a, e in zip(AZIMUTHS, row, strict=True)] for row in elevation])
    for index in np.ndindex(ROWS, AROUND):
        hit = tree.ray_cast(CENTRE.tolist(), rays[index].tolist())
        radius[index] = 9.0 if hit[0] is None else hit[3]
    for _ in range(3):
        radius = (np.roll(radius, 1, 1) + 2 * radius + np.roll(radius, -1, 1)) / 4
    radius += 0.75 + (0.0 if visor else 0.35 * np.sin(np.pi * t))
    material = cloth_material(colour, not visor, "plain", colour)
    dome = CENTRE + rays * radius[..., None]
    pieces = [(thicken(mesh("hat", dome, grid_faces(ROWS, AROUND), material, smooth=2), 0.35), dome.reshape(-1, 3))]
    if visor:
        pieces.append(_visor(dome[0], material))
    else:
        lower = CENTRE + rays[:4] * (radius[:4] + np.array([[0.25], [0.55], [0.55], [0.2]]))[..., None]
        pieces.append(
            (thicken(mesh("brim", lower, grid_faces(4, AROUND), material, smooth=2), 0.4), lower.reshape(-1, 3))
        )
    return Hat(radius, pieces)


def _visor(edge: np.ndarray, material: bpy.types.Material) -> tuple[bpy.types.Object, np.ndarray]:
    front = edge[np.abs(AZIMUTHS) <= 62]
    reach = np.cos(np.linspace(-np.pi / 2, np.pi / 2, len(front)))[:, None] ** 0.6
    rows = [front + reach * np.array([0, -1.1 * s - 0.5 * s * s, 6.2 * s]) for s in np.linspace(0, 1, 5)]
    points = np.array(rows)
    thing = mesh("visor", points, grid_faces(5, len(front), closed=False), material, smooth=2)
    return thicken(thing, 0.3), points.reshape(-1, 3)
