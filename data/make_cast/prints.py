"""A printed photo that somebody holds up before their face: the simplest attack on a camera at a door."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
from actor import Actor
from meshes import mesh, tube
from nodes import Shader, plain
from outfits import COLOURS
from props import Furniture
from vectors import linear, rotation

PAPER = (21.0, 29.7)  # cm: A4
PICTURE = (18.6, 25.6)  # cm: the print on it
SHOWN = PICTURE[0] / PICTURE[1]  # of a square picture's width
BEFORE = 21.0  # cm from the middle of the head to the paper
CURL = 0.010  # 1/cm: paper held at its sides bends a little
COLUMNS = 24


def hold_print(room: Furniture, picture: Path, holder: Actor) -> None:
    """Put a print of an image file before the holder's face, with the hands that hold it; it hides the face.

    Raises
    ------
    FileNotFoundError
        There is no such picture yet.
    """
    if not picture.is_file():
        raise FileNotFoundError(f"There is no {picture} to be printed: render that shot first.")
    turn = rotation("z", 4.0) @ rotation("x", -5.0)
    centre = holder.in_world(holder.head_centre) + np.array([0.0, -2.5, BEFORE])

    def place(points: np.ndarray) -> np.ndarray:
        return points @ turn.T + centre

    paper = _sheet(place, *PAPER, 0.0, plain("paper", (0.82, 0.82, 0.80), 0.6))
    room.solids.append(paper)
    _sheet(place, *PICTURE, 0.05, _ink(picture))
    skin = plain("hand", holder.person.tone, 0.5)
    cloth = plain("sleeve", linear(*COLOURS[holder.outfit.colour]), 0.9)
    for side in (-1, 1):
        _hand(place, side, skin, cloth)


def _sheet(place, width: float, height: float, before: float, material) -> tuple[np.ndarray, list]:
    """Make a sheet that is curled about its upright axis, for an image's middle; return its points and faces."""
    s, t = np.meshgrid(np.linspace(-0.5, 0.5, COLUMNS), [-0.5, 0.5])
    x, y = s * width, t * height
    points = place(np.stack([x, y, before - CURL * x**2], -1).reshape(-1, 3))
    faces = [(k, k + 1, k + 1 + COLUMNS, k + COLUMNS) for k in range(COLUMNS - 1)]
    thing = mesh("sheet", points, faces, material)
    corners = np.array([corner for face in faces for corner in face])
    uv = np.stack([s * SHOWN + 0.5, t + 0.5], -1).reshape(-1, 2)[corners]
    thing.data.uv_layers.new(name="UVMap").data.foreach_set("uv", uv.astype(np.float32).ravel())
    bpy.context.scene.collection.objects.link(thing)
    return points, faces


def _ink(picture: Path) -> bpy.types.Material:
    """What a printer makes of a picture: its colours a little flatter, and a slight gloss."""
    shader = Shader("ink")
    image = shader.node("TexImage", image=bpy.data.images.load(str(picture.resolve())), extension="CLIP")
    shader.put(image.inputs[0], shader.node("UVMap", uv_map="UVMap").outputs[0])
    flatter = shader.mix(0.06, image.outputs["Color"], (0.6, 0.6, 0.58))
    return shader.set(base_color=flatter, roughness=0.35).material


def _hand(place, side: int, skin, cloth) -> None:
    """A thumb before the paper, fingers behind it, and the sleeve below."""
    edge, low = side * PAPER[0] / 2, -PAPER[1] / 2 + 4.5
    across = -CURL * edge**2
    limbs = [
        ([(1.9, -2.8, -0.6), (0.7, -1.0, 0.7), (-0.6, 0.3, 1.0), (-1.7, 1.1, 0.9)], [1.35, 1.25, 1.1, 0.95], skin),
        *(
            ([(2.2, -1.5 + k, -2.0), (0.2, 0.6 + k, -1.7), (-2.6, 1.6 + k, -1.3)], [0.95, 0.9, 0.75], skin)
            for k in (0.0, 1.9, 3.7)
        ),
        ([(2.6, 1.8, -2.6), (2.9, -1.5, -2.4), (3.6, -5.0, -3.6), (4.4, -7.5, -5.0)], [2.1, 2.9, 2.5, 2.5], skin),
        ([(4.0, -6.5, -4.4), (5.6, -13.0, -8.0), (8.0, -32.0, -16.0)], [3.4, 4.4, 5.2], cloth),
    ]
    for path, radius, material in limbs:
        path = np.array(path, float) * [side, 1, 1] + [edge, low, across]
        _limb(place(_smooth(path)), _smooth(np.array(radius, float)[:, None])[:, 0], material)


def _smooth(points: np.ndarray, steps: int = 16) -> np.ndarray:
    """Resample a path of n points, (n, d), so that it bends softly; its ends stay."""
    at = np.linspace(0, len(points) - 1, steps)
    path = np.stack([np.interp(at, np.arange(len(points)), values) for values in points.T], 1)
    for _ in range(3):
        path[1:-1] = (path[:-2] + 2 * path[1:-1] + path[2:]) / 4
    return path


def _limb(path: np.ndarray, radius: np.ndarray, material) -> None:
    """Draw a tube with round ends."""
    cap = np.linspace(0, np.pi / 2, 6)[1:]
    ends = []
    for tip, inner, size in ((path[0], path[1], radius[0]), (path[-1], path[-2], radius[-1])):
        out = (tip - inner) / np.linalg.norm(tip - inner)
        ends.append((tip + np.sin(cap)[:, None] * size * out, np.cos(cap) * size + 1e-3))
    (first, first_radius), (last, last_radius) = ends
    points, faces = tube(
        np.concatenate([first[::-1], path, last]),
        np.concatenate([first_radius[::-1], radius, last_radius]),
        around=18,
    )
    bpy.context.scene.collection.objects.link(mesh("limb", points, faces, material, smooth=1))
