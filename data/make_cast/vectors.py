"""The few vector functions that everything here shares.

The head model's axes are kept throughout: x to the viewer's right, y up, z towards the viewer, in centimetres, with the
origin inside the head between the ears. Only what is handed to Blender is converted, by `to_blender`.
"""

from __future__ import annotations

import numpy as np

UNIT = 0.1  # Blender units per centimetre: sizes near 1 keep its ray offsets and light falloff well behaved
TO_BLENDER = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])


def to_blender(points: np.ndarray) -> np.ndarray:
    """Turn (..., 3) points in centimetres, y up, into Blender's units, z up."""
    return np.asarray(points, float) @ TO_BLENDER.T * UNIT


def blender_matrix(rotation: np.ndarray, position: np.ndarray) -> np.ndarray:
    """Turn a (3, 3) rotation and a (3,) position in our axes into Blender's (4, 4) object matrix."""
    matrix = np.eye(4)
    matrix[:3, :3] = TO_BLENDER @ rotation @ TO_BLENDER.T
    matrix[:3, 3] = to_blender(position)
    return matrix


def smoothstep(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """Rise smoothly from 0 at `low` to 1 at `high`; with low > high, fall."""
    t = np.clip((np.asarray(x, float) - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def normalise(vectors: np.ndarray) -> np.ndarray:
    """Scale (..., n) vectors to length 1; zero stays zero."""
    vectors = np.asarray(vectors, float)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def rotation(axis: str, degrees: float) -> np.ndarray:
    """(3, 3) rotation: about "x" positive nods down, about "y" turns to the right, about "z" leans to the left."""
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.eye(3)
    matrix[i, i], matrix[i, j], matrix[j, i], matrix[j, j] = c, -s, s, c
    return matrix


def direction(azimuth: float, elevation: float) -> np.ndarray:
    """Unit vector in degrees from the front (+z): azimuth to the viewer's right, elevation up."""
    a, e = np.radians(azimuth), np.radians(elevation)
    return np.array([np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e)])


def linear(red: float, green: float, blue: float) -> np.ndarray:
    """Turn an sRGB colour, 0 to 255, into linear light, 0 to 1: (3,) float."""
    c = np.array([red, green, blue], float) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def bell(points: np.ndarray, centre: tuple, width: tuple, mirror: bool = False) -> np.ndarray:
    """A soft blob about `centre` with deviations `width`, in cm: (n,) from 0 to 1; on both sides if asked."""
    value = np.exp(-0.5 * (((points - np.asarray(centre)) / np.asarray(width)) ** 2).sum(-1))
    if mirror:
        value = value + bell(points, np.asarray(centre) * [-1, 1, 1], width)
    return value
