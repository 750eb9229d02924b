"""The body under the clothes: rings from a collar that fits a person's neck down to the waist, and arms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from vectors import normalise, smoothstep

AROUND = 72  # points of a ring; angle 0 is to the viewer's right, a quarter turn further is the front
ANGLES = np.arange(AROUND) / AROUND * 2 * np.pi
#        y, half width, half depth, z of the middle, in cm
RINGS = [
    (-11.3, 6.2, 5.6, -2.0), (-11.9, 6.9, 6.3, -2.1), (-13.0, 9.0, 7.2, -2.4), (-14.2, 13.0, 8.2, -2.7),
    (-15.9, 16.6, 9.2, -2.8), (-18.3, 18.8, 10, -2.6), (-22, 19.9, 10.8, -2.0), (-28, 18.0, 11.2, -1.5),
    (-36, 16.2, 10.6, -1.2), (-52, 15.2, 10.6, -1), (-80, 16.5, 11, -1), (-110, 17, 11, -1), (-164, 14, 10, -1),
]  # fmt: skip
NECK_LIMIT = (6.9, 7.0)  # a ray that goes further than this ellipse has missed the neck and hit the shoulders


@dataclass(frozen=True)
class Torso:
    """`rings` (k, AROUND, 3) in cm from the collar down, `collar` (AROUND,) its height at each angle."""

    rings: np.ndarray
    collar: np.ndarray

    def collar_at(self, points: np.ndarray) -> np.ndarray:
        """Height of the collar at the angle of each of (n, 3) points."""
        angle = np.arctan2(points[:, 2] + 2.0, points[:, 0]) % (2 * np.pi)
        return np.interp(angle, np.append(ANGLES, 2 * np.pi), np.append(self.collar, self.collar[0]))

    def shows(self, points: np.ndarray) -> np.ndarray:
        """Which of (n, 3) points of the skin are above the collar; the model's shoulders outside it are not."""
        angle = np.arctan2(points[:, 2] + 2.0, points[:, 0]) % (2 * np.pi)
        reach = np.hypot(self.rings[0][:, 0], self.rings[0][:, 2] + 2.0)
        reach = np.interp(angle, np.append(ANGLES, 2 * np.pi), np.append(reach, reach[0]))
        outside = (points[:, 1] < -8.2) & (np.hypot(points[:, 0], points[:, 2] + 2.0) > reach + 0.1)
        return (points[:, 1] > self.collar_at(points) - 0.6) & ~(outside & (np.sin(angle) < 0.3))

    def tuck(self, points: np.ndarray) -> np.ndarray:
        """Offsets (n, 3) that draw the neck inwards under the collar, so that it never cuts through the cloth."""
        under = smoothstep(self.collar_at(points) - points[:, 1], -0.05, 0.35) * (points[:, 1] < -8)
        outwards = normalise(points * [1, 0, 1] - [0, 0, -2.0])
        return -(0.8 * outwards + [0, 0.7, 0]) * under[:, None]


def fit_torso(tree, build: float, drop: float = 0.0) -> Torso:
    """Fit a torso to a neck.

    Parameters
    ----------
    tree : mathutils.bvhtree.BVHTree
        The skin of the person's head and neck, in cm.
    build : float
        From -1, slight, to 1, heavy.
    drop : float
        How many cm lower than the usual crew neck the collar lies in front.
    """
    front = np.sin(ANGLES)
    limit = NECK_LIMIT[0] + 0.8 * build, NECK_LIMIT[1] + 0.8 * build
    collar = -10.5 - 2.7 * front - drop * np.maximum(front, 0)
    rings = []
    power = 2 / 2.3  # a superellipse: shoulders are squarer than an ellipse
    across = np.sign(np.cos(ANGLES)) * np.abs(np.cos(ANGLES)) ** power
    deep = np.sign(front) * np.abs(front) ** power
    for k, (y, width, depth, middle) in enumerate(RINGS):
        wide = 1 + 0.10 * build * smoothstep(k, 2, 6)
        thick = 1 + 0.14 * build * smoothstep(k, 3, 8)
        height = y + (collar + 11.3) * np.exp(-0.40 * k)
        ring = np.stack([width * wide * across, height, middle + depth * thick * deep], 1)
        rings.append(_clear_of_neck(ring, k, middle, tree, limit))
    return Torso(_smooth_rings(np.array(rings)), collar)


def _reach(towards: np.ndarray, limit: tuple[float, float]) -> float:
    deep = limit[1] if towards[2] > 0 else limit[1] + 2.5
    return float(1 / np.hypot(towards[0] / limit[0], towards[2] / deep))


def _clear_of_neck(ring: np.ndarray, k: int, middle: float, tree, limit: tuple[float, float]) -> np.ndarray:
    """Push a ring out of the neck; the first two lie on it."""
    for j in range(AROUND):
        if ring[j, 1] <= -19.5:
            continue
        centre = np.array([0, ring[j, 1], middle])
        outwards = normalise(ring[j] - centre) if k > 1 else np.array([np.cos(ANGLES[j]), 0, np.sin(ANGLES[j])])
        hit, _, _, distance = tree.ray_cast(centre.tolist(), outwards.tolist())
        if hit is None:
            continue
        if k < 2:
            neck = min(distance, _reach(outwards, limit) * (1 + 0.5 * max(0, outwards[2])))
            ring[j] = centre + outwards * (neck + 0.12 + 0.30 * k)
        elif distance + 0.3 > np.linalg.norm(ring[j] - centre):
            ring[j] = centre + outwards * (distance + 0.3)
    return ring


def _smooth_rings(rings: np.ndarray, times: int = 6) -> np.ndarray:
    """Even out what pushing rings out of the neck has dented: along the rings, and between them."""
    weight = np.zeros((len(rings), 1, 1))
    weight[3:7], weight[2], weight[0:2] = 1, 0.35, 0.25
    for _ in range(times):
        round_about = (np.roll(rings, 1, 1) + 2 * rings + np.roll(rings, -1, 1)) / 4
        down = round_about.copy()
        down[1:-1] = (round_about[:-2] + 2 * round_about[1:-1] + round_about[2:]) / 4
        down[:3] = round_about[:3]
        rings = rings * (1 - weight) + down * weight
    return rings


def arm(side: int, build: float, rows: int = 30, around: int = 24) -> np.ndarray:
    """Make an arm that hangs, rings (rows, around, 3) from the shoulder to the wrist."""
    spine = np.array([
        (9.0, -18.0, -2.5, 0.1), (13.5, -18.6, -2.5, 3.6), (17.0, -22.0, -2.5, 5.4), (18.8, -29, -2.4, 5.5),
        (20.2, -38, -2.2, 4.8),
        (21.2, -50, -1, 4.4), (20.6, -66, 4, 3.7), (19.6, -85, 8, 3.2),
    ])  # fmt: skip
    spine = spine * [side, 1, 1, 1] * [1 + 0.10 * build, 1, 1, 1 + 0.12 * build]
    t = np.linspace(0, len(spine) - 1, rows)
    path = np.stack([np.interp(t, np.arange(len(spine)), spine[:, k]) for k in range(4)], 1)
    path = np.stack([np.convolve(np.pad(path[:, k], 2, "edge"), np.ones(5) / 5, "valid") for k in range(4)], 1)
    angle = np.arange(around) / around * 2 * np.pi
    x, y, z, radius = (path[:, k, None] for k in range(4))
    return np.stack([x + radius * np.cos(angle), y + 0 * angle, z + 1.15 * radius * np.sin(angle)], -1)


def grid_faces(rows: int, around: int, closed: bool = True) -> list[tuple[int, int, int, int]]:
    """Quads between the rows of a grid of vertices, rows * around of them."""
    last = around if closed else around - 1
    return [
        (k * around + j, k * around + (j + 1) % around, (k + 1) * around + (j + 1) % around, (k + 1) * around + j)
        for k in range(rows - 1)
        for j in range(last)
    ]
