"""What is painted on a person's skin: a colour for each vertex, and a texture of the lines and spots that age draws."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from head import EYE_SOCKETS, MOUTH_LINING, SKIN, HeadModel
from masks import along_polyline, brow_lines, skin_masks
from people import HAIR, Person
from PIL import Image, ImageDraw, ImageFilter
from vectors import linear, smoothstep

TEXTURE = 1024  # pixels a side, about 50 to the centimetre of face
WHITE_HAIR = linear(196, 192, 186)


def hair_colour(person: Person) -> np.ndarray:
    """Return the painted colour of hair, linear RGB, greyed as the person is."""
    return HAIR[person.hair][1] * (1 - person.grey) + WHITE_HAIR * 0.8 * person.grey


def vertex_colours(model: HeadModel, person: Person, scalp: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Paint a head.

    Parameters
    ----------
    scalp : (v,) float
        Where hair grows: skin is darkened there, so that no bright scalp shows between strands.

    Returns
    -------
    colours, masks : (v, 3) float
        Linear RGB; and for the shader oiliness, lips and stubble, 0 to 1.
    """
    mask, tone, dark = skin_masks(model), person.tone, person.darkness
    colours = np.tile(tone, (len(model.neutral), 1))

    def layer(where: np.ndarray, colour: np.ndarray, strength: float) -> None:
        amount = np.clip(where * strength, 0, 1)[:, None]
        colours[:] = colours * (1 - amount) + np.asarray(colour) * amount

    age = float(smoothstep(person.age, 30, 80))
    flushed = tone * ([1.06, 0.66, 0.60] if dark < 0.6 else [1.1, 0.8, 0.75])
    layer(mask["cheeks"], flushed, 0.60 - 0.3 * dark)
    layer(mask["nose"], flushed, 0.55)
    layer(mask["ears"], flushed, 0.55)
    layer(mask["chin"], flushed, 0.25)
    layer(mask["neck"], tone * [0.93, 0.86, 0.84], 0.7)
    layer(mask["temples"], tone * [0.92, 0.88, 0.88], 0.4)
    layer(mask["under_eyes"], tone * [0.76, 0.64, 0.66], 0.45 + 0.35 * age)
    layer(mask["lids"], tone * [0.80, 0.66, 0.62], 0.5 + 0.25 * person.makeup)
    lips = tone * ([0.82, 0.48, 0.45] if dark < 0.55 else [0.86, 0.58, 0.56])
    lips = lips * (1 - 0.5 * person.makeup) + linear(158, 62, 66) * 0.5 * person.makeup * (1 - 0.4 * dark)
    layer(mask["lips"], lips * (1 - 0.12 * age) + tone * 0.12 * age, 0.9)
    hair = hair_colour(person)
    under_hair = {"bald": 0.0, "receding": 0.75}.get(person.style, 0.9)
    layer(scalp, hair * 0.5 + tone * 0.12, under_hair)
    skin = np.arange(len(colours)) < SKIN
    for line in brow_lines(model, person.softness).values():
        distance, along = along_polyline(model.neutral, line)
        shade = np.exp(-((distance / (0.5 * (1 - 0.5 * along))) ** 2)) * skin
        layer(shade, hair * 0.6 + tone * 0.25, 0.38 * person.brows)
    colours[MOUTH_LINING] = linear(172, 84, 80)
    colours[EYE_SOCKETS] = tone * [0.9, 0.6, 0.55]
    oil = np.clip(mask["nose"] + 0.6 * mask["forehead"] + 1.3 * mask["lips"], 0, 1)
    stubble = mask["beard"] * min(1, person.beard * 1.3)
    return np.clip(colours, 0, 1), np.stack([oil, mask["lips"], stubble], 1)


def wrinkles() -> list[tuple[list[tuple[float, float]], float, float, float]]:
    """Lines of a face as seen from the front: (x, y) in cm on the viewer's right or across, youth, age, width in cm.

    Youth and age are how deep the line is at 20 and at 80; those with x > 0 throughout are mirrored.
    """
    lines = [
        ([(1.95, -0.3), (2.6, -1.2), (3.15, -2.4), (3.35, -3.5)], 0.22, 1.0, 0.10),  # nose to mouth
        ([(2.75, -4.0), (3.05, -5.0), (3.0, -6.1)], 0.0, 0.9, 0.09),
        ([(1.7, 2.55), (2.5, 1.95), (3.4, 1.75), (4.5, 2.2)], 0.22, 0.9, 0.07),  # under the eye
        ([(1.9, 1.7), (2.7, 1.1), (3.6, 0.9)], 0.0, 0.55, 0.09),
        ([(0.5, 5.0), (0.6, 5.9), (0.5, 6.8)], 0.04, 0.75, 0.07),
        ([(1.9, 4.35), (2.9, 4.75), (4.0, 4.6), (4.9, 4.0)], 0.3, 0.7, 0.06),  # fold of the lid
    ]
    for lift in (-1.3, -0.5, 0.4, 1.1):  # crow's feet
        lines.append(
            ([(5.05, 3.35 + 0.12 * lift), (5.7, 3.3 + 0.55 * lift), (6.3, 3.15 + 0.95 * lift)], 0.0, 0.8, 0.05)
        )
    for height in (7.1, 8.0, 8.9, 9.7):
        low, high = height - 0.3, height + 0.15
        lines.append(([(-4.2, low), (-2, high), (0, height - 0.1), (2, high), (4.2, low)], 0.0, 0.85, 0.07))
    for height in (-9.6, -11.0):
        lines.append(
            ([(-4.5, height + 0.8), (-2, height), (0, height - 0.2), (2, height), (4.5, height + 0.8)], 0.12, 0.8, 0.1)
        )
    return lines


def skin_texture(model: HeadModel, person: Person) -> np.ndarray:
    """Paint the texture of the face.

    Returns
    -------
    (TEXTURE, TEXTURE, 3) float32, 0 to 1, the first row at the bottom as UV has it
        Relief (0.5 is flat, less is a furrow), dark spots, redness.
    """
    rng = person.random("skin")
    to_uv = _front_to_uv(model)
    age = float(smoothstep(person.age, 28, 85))
    relief = np.zeros((TEXTURE, TEXTURE), np.float32)
    for points, youth, old, width in wrinkles():
        depth = youth + (old - youth) * age * rng.uniform(0.75, 1.2)
        for side in (1, -1) if min(x for x, _ in points) > 0 else (1,):
            wobble = rng.normal(size=(len(points), 2)) * 0.10
            path = _smooth(np.array(points) * [side, 1] + wobble)
            relief = np.maximum(relief, depth * _stroke(to_uv(path), width))
    spots = np.zeros_like(relief)
    freckles, marks = int(900 * person.freckles), int(5 + 70 * smoothstep(person.age, 45, 80))
    for count, size, strength in ((freckles, 0.07, 0.5), (marks, 0.13, 0.42), (4, 0.10, 0.9)):
        centre = rng.normal(size=(count, 2)) * [3.6, 3.6] + ([0, 1.0] if size == 0.07 else [0, 3.0])
        spots = np.maximum(spots, strength * _dots(to_uv(centre), size * rng.uniform(0.6, 1.5, count), rng))
    coarse = rng.normal(size=(40, 40)).astype(np.float32)
    red = Image.fromarray(coarse).resize((TEXTURE, TEXTURE), Image.Resampling.BICUBIC)
    return np.stack(
        [0.5 - 0.5 * np.clip(relief, 0, 1), np.clip(spots, 0, 1), np.clip(0.35 + 0.2 * np.asarray(red), 0, 1)], -1
    )


def _smooth(points: np.ndarray, steps: int = 24) -> np.ndarray:
    t = np.linspace(0, len(points) - 1, steps)
    line = np.stack([np.interp(t, np.arange(len(points)), points[:, k]) for k in (0, 1)], 1)
    padded = np.pad(line, ((2, 2), (0, 0)), "edge")
    return sum(padded[k : k + steps] for k in range(5)) / 5


def _front_to_uv(model: HeadModel):
    """Return a function from (n, 2) places on the face, seen from the front, to (n, 2) pixels of the texture."""
    used = model.material == 0
    uv = np.zeros((len(model.neutral), 2))
    corner = model.faces[used] >= 0
    uv[model.faces[used][corner]] = model.uv[model.face_uv[used][corner]]
    front = np.flatnonzero((np.arange(len(uv)) < SKIN) & (uv.sum(1) > 0) & (model.neutral[:, 2] > 1.5))
    flat = model.neutral[front, :2]

    def to_uv(places: np.ndarray) -> np.ndarray:
        squared = ((places[:, None] - flat[None]) ** 2).sum(-1)
        near = np.argpartition(squared, 4, 1)[:, :4]
        weight = 1 / (np.take_along_axis(squared, near, 1) + 1e-3)
        return (uv[front[near]] * weight[..., None]).sum(1) / weight.sum(1, keepdims=True) * TEXTURE

    return to_uv


def _stroke(path: np.ndarray, width: float) -> np.ndarray:
    """A line, deepest in its middle and fading at the ends: (TEXTURE, TEXTURE) in 0 to 1."""
    image = Image.new("F", (TEXTURE, TEXTURE))
    draw = ImageDraw.Draw(image)
    for i, (a, c) in enumerate(pairwise(path)):
        fade = float(np.sin(np.pi * (i + 1) / len(path))) ** 0.6
        draw.line([*a, *c], fill=fade, width=max(2, round(width * 50)))
    image = np.asarray(image)
    sharp = _blurred(image, width * 18)
    wide = _blurred(image, width * 70)
    return np.clip(0.75 * sharp / max(sharp.max(), 1e-6) + 0.35 * wide / max(wide.max(), 1e-6), 0, 1)


def _blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    eight_bit = Image.fromarray(np.uint8(np.clip(image, 0, 1) * 255))
    return np.asarray(eight_bit.filter(ImageFilter.GaussianBlur(sigma)), np.float32) / 255


def _dots(centres: np.ndarray, radii: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    image = Image.new("L", (TEXTURE, TEXTURE))
    draw = ImageDraw.Draw(image)
    for (x, y), radius in zip(centres, radii, strict=True):
        r = radius * 25
        squash = rng.uniform(0.7, 1.3)
        draw.ellipse([x - r * squash, y - r / squash, x + r * squash, y + r / squash], fill=int(rng.uniform(110, 255)))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(1.2)), np.float32) / 255
