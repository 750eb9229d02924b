"""Clothes: T-shirt, jumper, roll neck, shirt, jacket, each a few pieces cut to the person's own torso."""

from __future__ import annotations

import bpy
import numpy as np
from meshes import mesh, thicken, tube
from nodes import Shader, plain
from outfits import COLOURS, Outfit
from torso import ANGLES, AROUND, Torso, arm, grid_faces
from vectors import UNIT, linear, normalise, smoothstep


def dress(outfit: Outfit, torso: Torso, tree, build: float) -> list[tuple[bpy.types.Object, np.ndarray]]:
    """Make an outfit: for each piece the object and its points (n, 3) in cm at rest, to be bent with the neck."""
    colour, second = (linear(*COLOURS[name]) for name in (outfit.colour, outfit.second))
    knit = outfit.garment in ("jumper", "rollneck")
    under = second if outfit.garment == "jacket" else colour
    cloth = cloth_material(under, knit, outfit.pattern if outfit.garment in ("tee", "shirt") else "plain", second)
    pieces = [_sheet("torso", torso.rings, cloth)]
    sleeves = cloth_material(colour, False, "plain", colour) if outfit.garment == "jacket" else cloth
    for side in (-1, 1):
        rows = arm(side, build)
        pieces.append(_sheet("arm", rows * ([1.015, 1, 1.03] if outfit.garment == "jacket" else [1, 1, 1]), sleeves))
    if outfit.garment == "tee":
        pieces.append(_rib(torso, 0.26, cloth_material(colour * 0.93, True, "plain", colour)))
    elif outfit.garment == "jumper":
        pieces.append(_rib(torso, 0.48, cloth_material(colour * 0.95, True, "plain", colour)))
    elif outfit.garment == "rollneck":
        pieces.append(_sheet("roll", _roll(torso, tree), cloth))
    elif outfit.garment == "shirt":
        pieces += _shirt_collar(torso, tree, cloth) + _placket(torso, cloth, colour)
    elif outfit.garment == "jacket":
        pieces += _shirt_collar(torso, tree, cloth) + _placket(torso, cloth, under) + _jacket(torso, sleeves)
    return pieces


def _sheet(name: str, rows: np.ndarray, material, closed: bool = True, thickness: float = 0.0):
    thing = mesh(name, rows, grid_faces(*rows.shape[:2], closed), material, smooth=2)
    return (thicken(thing, thickness) if thickness else thing), rows.reshape(-1, 3)


def _rib(torso: Torso, radius: float, material):
    """The knitted band of a neckline: it also covers the edge of the cloth."""
    centre = torso.rings[0].mean(0)
    path = torso.rings[0] + normalise((torso.rings[0] - centre) * [1, 0, 1]) * radius * 0.35
    points, faces = tube(path, radius, closed=True, around=10)
    return mesh("rib", points, faces, material, smooth=1), points


def _neck_ring(torso: Torso, tree, lift: np.ndarray | float, clearance: float) -> np.ndarray:
    """Points around the neck, `lift` cm above the collar and `clearance` cm off the skin: (AROUND, 3)."""
    ring = np.zeros((AROUND, 3))
    heights = torso.collar + lift
    for j, (angle, height) in enumerate(zip(ANGLES, heights, strict=True)):
        towards = np.array([np.cos(angle), 0, np.sin(angle)])
        own = torso.rings[0][j]
        _, _, _, distance = tree.ray_cast([0, height, -2.0], towards.tolist())
        at_collar = np.hypot(own[0], own[2] + 2.0)
        distance = at_collar if distance is None else min(distance, at_collar * 1.12)
        ring[j] = np.array([0, height, -2.0]) + towards * (distance + clearance)
    for _ in range(4):
        ring[:, [0, 2]] = ((np.roll(ring, 1, 0) + 2 * ring + np.roll(ring, -1, 0)) / 4)[:, [0, 2]]
    return ring


def _roll(torso: Torso, tree) -> np.ndarray:
    """A roll neck: up along the neck, over, and down outside."""
    steps = [(-0.6, 0.5), (1.0, 0.30), (2.6, 0.35), (3.3, 0.55), (3.2, 0.95), (2.0, 1.15), (0.6, 1.25), (0.2, 1.0)]
    return np.array([_neck_ring(torso, tree, lift, out) for lift, out in steps])


def _columns(ring: np.ndarray, opening: float, count: int = 64) -> np.ndarray:
    """Resample a ring (AROUND, 3) from one side of an opening in front round the back to the other: (count, 3)."""
    angle = np.linspace(np.pi / 2 + opening, np.pi / 2 + 2 * np.pi - opening, count) % (2 * np.pi)
    where = angle / (2 * np.pi) * AROUND
    low = np.floor(where).astype(int) % AROUND
    part = (where - np.floor(where))[:, None]
    return ring[low] * (1 - part) + ring[(low + 1) % AROUND] * part


def _shirt_collar(torso: Torso, tree, material) -> list:
    """A collar with a stand, a fold and two points in front."""
    front = np.sin(ANGLES)
    stand = 2.6 - 0.7 * smoothstep(front, 0.2, 1.0)
    base, top = _neck_ring(torso, tree, -0.3, 0.25), _neck_ring(torso, tree, stand, 0.35)
    fold = _neck_ring(torso, tree, stand - 0.1, 0.75)
    fall = _neck_ring(torso, tree, 0.2 - 0.4 * smoothstep(front, 0.3, 1.0), 1.35)
    rows = [_columns(ring, 0.10) for ring in (base, top, fold, fall)]
    s = np.linspace(-1, 1, len(rows[0]))
    tip = smoothstep(np.abs(s), 0.80, 1.0)[:, None]
    rows[3] = rows[3] + tip * np.stack([-2.4 * np.sign(s), np.full_like(s, -2.3), np.full_like(s, 0.9)], 1)
    return [_sheet("collar", np.array(rows), material, closed=False, thickness=0.18)]


def _placket(torso: Torso, material, colour) -> list:
    """The strip that the buttons are on, and the buttons."""
    rings = torso.rings[:, AROUND // 4]
    heights = np.linspace(rings[0, 1] - 0.5, -60, 40)
    depth = np.interp(-heights, -rings[:, 1], rings[:, 2]) + 0.25
    strip = np.stack([np.stack([np.full(40, x), heights, depth - 0.02 * x * x], 1) for x in (-1.5, -0.5, 0.5, 1.5)], 1)
    pieces = [_sheet("placket", strip, material, closed=False, thickness=0.2)]
    button = plain("button", np.clip(colour * 0.5 + 0.25, 0, 1), 0.3)
    turn = np.arange(12) / 12 * 2 * np.pi
    for y in np.arange(heights[0] - 1.0, -60, -8.5):
        z = np.interp(-y, -heights, depth) + 0.22
        disc = np.stack([0.5 * np.cos(turn), y + 0.5 * np.sin(turn), np.full(12, z)], 1)
        pieces.append((thicken(mesh("button", disc, [range(12)], button), 0.2), disc))
    return pieces


def _jacket(torso: Torso, material) -> list:
    """An open jacket: shell, lapels, and a collar behind the neck."""
    rings = torso.rings.copy()
    centre = rings.mean(1, keepdims=True)
    rings += normalise((rings - centre) * [1, 0, 1]) * 0.9
    rings[1:5, :, 1] += 0.35
    opening = np.interp(-rings[:, AROUND // 4, 1], [12, 16, 20, 28, 37, 40], [0.85, 0.62, 0.42, 0.22, 0.03, 0.03])
    shell = np.array([_columns(ring, angle) for ring, angle in zip(rings[1:], opening[1:], strict=True)])
    pieces = [_sheet("shell", shell, material, closed=False, thickness=0.45)]
    fold = np.interp(-rings[:, AROUND // 4, 1], [12, 17, 24, 34, 37], [0.10, 0.34, 0.26, 0.06, 0.0])
    out = rings + normalise((rings - centre) * [1, 0, 1]) * 0.55
    use = slice(1, 9)
    for end in (0, -1):
        inner = [_columns(ring, a)[end] for ring, a in zip(out[use], opening[use], strict=True)]
        outer = [_columns(ring, a + f)[end] for ring, a, f in zip(out[use], opening[use], fold[use], strict=True)]
        middle = (np.array(inner) + np.array(outer)) / 2 + [0, 0, 0.25]
        rows = np.stack([np.array(inner), middle, np.array(outer)], 1)
        pieces.append(_sheet("lapel", rows, material, closed=False, thickness=0.35))
    nape = [_columns(ring, 0.62) for ring in (out[1] + [0, 1.6, 0], out[1] + [0, 0.8, 0], out[2] + [0, 0.2, 0])]
    pieces.append(_sheet("nape", np.array(nape), material, closed=False, thickness=0.4))
    return pieces


def cloth_material(colour, knit: bool, pattern: str, second) -> bpy.types.Material:
    """Make cloth: folds, weave or knit, a seam where the sleeve is set in, and perhaps stripes or a check."""
    shader = Shader("cloth")
    place = shader.node("TexCoord").outputs["Object"]
    split = shader.node("SeparateXYZ")
    shader.put(split.inputs[0], place)
    x, _, z = split.outputs

    def bands(value, period: float, share: float):
        wave = shader.math("FRACT", shader.math("DIVIDE", value, period * UNIT))
        return shader.math("LESS_THAN", wave, share)

    fabric = tuple(np.asarray(colour))
    if pattern == "stripes":
        fabric = shader.mix(bands(z, 3.2, 0.38), fabric, tuple(second))
    elif pattern == "check":
        crossing = shader.math("ADD", bands(z, 2.6, 0.42), bands(x, 2.6, 0.42))
        fabric = shader.mix(shader.math("MULTIPLY", crossing, 0.42), fabric, tuple(second))
    worn = shader.remap(shader.noise(place, 1.6, 4), 0.3, 0.7, 0.86, 1.06)
    fabric = shader.mix(1.0, fabric, worn, "MULTIPLY")
    folds = shader.bump(shader.noise(place, 0.75, 3), 0.55, 0.28)
    if knit:
        ribs = shader.math("SINE", shader.math("MULTIPLY", x, 2 * np.pi / (0.45 * UNIT)))
        texture = shader.bump(ribs, 0.35, 0.012, folds)
    else:
        texture = shader.bump(shader.noise(place, 70), 0.25, 0.008, folds)
    off_seam = shader.math("ABSOLUTE", shader.math("SUBTRACT", shader.math("ABSOLUTE", x), 15.0 * UNIT))
    seam = shader.remap(off_seam, 0.0, 0.22 * UNIT, 0.0, 1.0)
    shader.set(base_color=fabric, roughness=0.85, sheen_weight=0.25, normal=shader.bump(seam, 0.35, 0.01, texture))
    return shader.material
