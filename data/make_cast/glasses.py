"""Glasses that fit a face: rims, bridge, temples, and lenses that reflect."""

from __future__ import annotations

import bpy
import numpy as np
from head import HeadModel
from meshes import mesh, tube
from nodes import Shader, plain
from people import Person
from vectors import linear

FRAMES = [(18, 17, 18), (58, 36, 24), (120, 116, 110), (36, 44, 64), (96, 62, 34)]


def make_glasses(model: HeadModel, person: Person, head: np.ndarray) -> list[tuple[bpy.types.Object, np.ndarray]]:
    """Make a person's glasses: (object, its points in cm on the head at rest) for each piece."""
    rng, marks = person.random("glasses"), head[model.landmarks]
    half_height, squareness = rng.uniform(1.9, 2.5), rng.choice([2.0, 3.0, 4.0])
    thickness = rng.choice([0.09, 0.14, 0.19])
    frame = plain("frame", linear(*FRAMES[rng.integers(len(FRAMES))]), 0.25)
    middle = marks[36:48, 1].mean() - 0.15
    front = max(marks[27, 2], marks[37, 2] + 1.0) + 0.55
    angle = np.arange(40) / 40 * 2 * np.pi
    across = 2.75 * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** (2 / squareness)
    up = half_height * np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** (2 / squareness)

    def bowed(x, y):  # the frame follows the face round
        return np.stack([x, y, front - 0.018 * x**2], -1)

    pieces = []

    def rod(path: np.ndarray, radius: float, closed: bool = False) -> None:
        points, faces = tube(path, radius, closed)
        pieces.append((mesh("frame", points, faces, frame), points))

    lens = lens_material()
    for side in (-1, 1):
        rim = bowed(3.35 * side + across, middle + up)
        rod(rim, thickness, closed=True)
        disc = np.concatenate(
            [rim, rim * 0.5 + rim.mean(0) * 0.5 + np.array([0, 0, 0.06]), [rim.mean(0) + np.array([0, 0, 0.1])]]
        )
        outer = [(j, (j + 1) % 40, 40 + (j + 1) % 40, 40 + j) for j in range(40)]
        pieces.append((mesh("lens", disc, outer + [(40 + j, 40 + (j + 1) % 40, 80) for j in range(40)], lens), disc))
        hinge = bowed(np.array(side * 6.1), np.array(middle + 0.6))
        ear = [[side * 7.6, middle + 0.7, 5.5], [side * 7.9, middle + 0.8, 3.0], [side * 7.9, middle - 0.2, 1.0]]
        rod(np.array([hinge, *ear]), thickness * 0.9)
    x = np.linspace(-0.62, 0.62, 7)
    rod(bowed(x, middle + 0.35 + 0.25 * (1 - (x / 0.62) ** 2)), thickness * 0.9)
    return pieces


def lens_material() -> bpy.types.Material:
    """Make a lens that light passes unbent, as thin glass nearly does, and that mirrors the room at its edges."""
    shader = Shader("lens")
    shader.tree.nodes.remove(shader.surface)
    clear, mirror, mix = shader.node("BsdfTransparent"), shader.node("BsdfGlossy"), shader.node("MixShader")
    clear.inputs["Color"].default_value = (0.96, 0.97, 0.965, 1)
    mirror.inputs["Roughness"].default_value = 0.02
    # Not Blender's Fresnel node: seen from behind, it takes thin glass for the inside of a solid and goes dark.
    facing = shader.node("LayerWeight").outputs["Facing"]
    shader.put(mix.inputs[0], shader.remap(shader.math("POWER", facing, 3.0), 0.0, 1.0, 0.045, 0.6))
    shader.put(mix.inputs[1], clear.outputs[0])
    shader.put(mix.inputs[2], mirror.outputs[0])
    shader.put(shader.tree.nodes["Material Output"].inputs[0], mix.outputs[0])
    return shader.material
