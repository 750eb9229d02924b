"""How a head sits on a body: it nods, turns and leans on the neck, which follows softly down to the shoulders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from vectors import rotation, smoothstep

LEVEL = 6.0  # degrees: how far the head model must nod before it looks level instead of chin up
PIVOTS = {"x": (0.0, -6.0, -1.0), "z": (0.0, -9.0, -1.0), "y": (0.0, 0.0, -2.0)}


@dataclass(frozen=True)
class Posture:
    """Degrees: `body` turns all of somebody to the viewer's right, `turn` the head; `nod` is down, `tilt` left."""

    body: float = 0.0
    turn: float = 0.0
    nod: float = 0.0
    tilt: float = 0.0


def stiffness(points: np.ndarray) -> np.ndarray:
    """How far points follow the head, from 0 at the shoulders to 1 at the jaw; the throat gives way before the nape."""
    return smoothstep(points[:, 1] + 0.6 * (points[:, 2] + 2), -13, -4)


def bend(points: np.ndarray, posture: Posture) -> np.ndarray:
    """Bend (..., 3) points of head, hair or collar about the neck; each rotates by its own part of the angle."""
    flat = np.asarray(points, float).reshape(-1, 3)
    weight = stiffness(flat)
    for axis, angle in (("x", LEVEL + posture.nod), ("z", posture.tilt), ("y", posture.turn)):
        if angle:
            flat = _rotate_by(flat, axis, np.radians(angle) * weight, np.array(PIVOTS[axis]))
    return flat.reshape(np.shape(points))


def head_rotation(posture: Posture) -> np.ndarray:
    """(3, 3) rotation of the whole head, a level one facing +z being the identity."""
    on_body = rotation("y", posture.turn) @ rotation("z", posture.tilt) @ rotation("x", posture.nod)
    return rotation("y", posture.body) @ on_body


def _rotate_by(points: np.ndarray, axis: str, angles: np.ndarray, pivot: np.ndarray) -> np.ndarray:
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    out, arm = points.copy(), points - pivot
    c, s = np.cos(angles), np.sin(angles)
    out[:, i] = pivot[i] + c * arm[:, i] - s * arm[:, j]
    out[:, j] = pivot[j] + s * arm[:, i] + c * arm[:, j]
    return out
