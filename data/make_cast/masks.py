"""Where on the neutral head things are: lips, cheeks, scalp, beard and brows, as (v,) weights from 0 to 1."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from head import EYEBALL, LASHES, SKIN, HeadModel
from vectors import bell, smoothstep


def closed_curve(points: np.ndarray, steps: int = 8) -> np.ndarray:
    """Catmull-Rom through (n, 2) points, closed: (n * steps, 2)."""
    p0, p1, p2, p3 = (np.roll(points, k, 0)[:, None] for k in (1, 0, -1, -2))
    t = (np.arange(steps) / steps)[None, :, None]
    curve = 2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3
    return (curve / 2).reshape(-1, points.shape[1])


def signed_distance(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Distance of (n, 2) points to a closed polygon (m, 2), negative inside: (n,)."""
    distance = np.full(len(points), np.inf)
    inside = np.zeros(len(points), bool)
    for a, c in zip(polygon, np.roll(polygon, -1, 0), strict=True):
        edge, to_point = c - a, points - a
        along = np.clip(to_point @ edge / max(edge @ edge, 1e-12), 0, 1)
        distance = np.minimum(distance, np.linalg.norm(to_point - along[:, None] * edge, axis=1))
        crosses = (a[1] > points[:, 1]) != (c[1] > points[:, 1])
        height = c[1] - a[1] if c[1] != a[1] else 1e-9
        inside ^= crosses & (points[:, 0] < edge[0] * (points[:, 1] - a[1]) / height + a[0])
    return np.where(inside, -distance, distance)


def along_polyline(points: np.ndarray, line: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance of (n, 3) points to an open polyline (m, 3), and how far along it the nearest place is, 0 to 1."""
    distance, where = np.full(len(points), np.inf), np.zeros(len(points))
    for i, (a, c) in enumerate(pairwise(line)):
        edge, to_point = c - a, points - a
        t = np.clip(to_point @ edge / (edge @ edge), 0, 1)
        d = np.linalg.norm(to_point - t[:, None] * edge, axis=1)
        nearer = d < distance
        distance[nearer], where[nearer] = d[nearer], (i + t[nearer]) / (len(line) - 1)
    return distance, where


def skin_masks(model: HeadModel) -> dict[str, np.ndarray]:
    """Weights for painting: lips, cheeks, nose, ears, chin, under the eyes, lids, forehead, neck, jaw, beard."""
    points, marks = model.neutral, model.points
    x, y, z = points.T
    skin = np.arange(len(points)) < SKIN
    lips = np.where(
        skin & (z > 8.8), smoothstep(-signed_distance(points[:, :2], closed_curve(marks[48:60, :2])), -0.10, 0.12), 0
    )
    nose = bell(points, marks[30] + [0, -0.3, -0.4], (1.3, 0.8, 1.2)) + 0.6 * bell(
        points, (1.7, -0.3, 10.6), (0.6, 0.8, 1), True
    )
    jaw_line = np.interp(np.abs(x), [0, 2.6, 4.5, 6.5, 7.4], [-1.3, -2.2, -3.2, -1.2, 1.5])
    beard = (
        smoothstep(jaw_line - y, 0, 0.9)
        * smoothstep(y, -10.0, -8.0)
        * smoothstep(z, 2.2, 3.6)
        * skin
        * (np.abs(x) < 7.9)
    )
    beard = beard * (1 - np.clip(lips * 3, 0, 1)) * np.where((np.abs(x) < 2.4) & (y > -5.4) & (y < -4.2), 0.75, 1)
    return {
        "lips": lips,
        "nose": nose,
        "beard": beard,
        "cheeks": bell(points, (4.3, -0.2, 8.6), (1.7, 1.5, 2.2), True),
        "ears": smoothstep(np.abs(x), 7.3, 8.0) * (y > -3) * (y < 7) * (z < 5) * skin,
        "chin": bell(points, (0, -6.6, 11), (1.5, 0.9, 1.2)),
        "under_eyes": bell(points, (2.9, 2.1, 9.2), (1.0, 0.42, 1.2), True),
        "lids": bell(points, (3.2, 4.3, 9.3), (1.3, 0.45, 1.2), True),
        "forehead": bell(points, (0, 9, 9), (3.5, 2, 3)),
        "neck": smoothstep(y, -7.0, -10.0) * skin,
        "temples": bell(points, (6.8, 5.5, 5.5), (1.0, 1.8, 2.0), True),
    }  # fmt: skip


def scalp(model: HeadModel, front: float = 0.0, temples: float = 0.0, crown: float = 0.0) -> np.ndarray:
    """Where hair grows: `front` and `temples` raise the hairline, in centimetres; `crown` from 0 to 1 thins the top."""
    x, y, z = model.neutral.T
    azimuth = np.degrees(np.arctan2(np.abs(x), z - 1.5))
    knots = [0, 18, 36, 52, 62, 70, 78, 84, 100, 118, 140, 180]
    line = np.array([10.6, 10.6, 10.5, 8.6, 5.6, 1.8, 2.0, 3.6, 4.2, 0.2, -3.2, -4.2])
    line = line + front * np.array([1, 1, 1] + [0] * 9) + temples * np.array([0, 0, 1, 0.8, 0.3] + [0] * 7)
    mask = smoothstep(y - np.interp(azimuth, knots, line), -0.1, 0.7) * (np.arange(len(y)) < SKIN)
    on_ear = (np.abs(x) > 7.75) & (y < 4.9) & (z > -1.5) & (z < 4.4)
    bare = crown * smoothstep(y, 7.5, 10.5)
    return mask * ~on_ear * (1 - bare)


def brow_lines(model: HeadModel, softness: float = 0.0) -> dict[int, np.ndarray]:
    """The two brows, (5, 3) from the inner to the outer end; the landmarks lie on their upper edge."""
    marks = model.points - [0, 0.42, 0]
    # Without a lift of the outer ends brows droop and the face looks sad.
    lifted = np.array([-0.06, -0.01, 0.05, 0.13, 0.25]) + softness * np.array([0.14, 0.20, 0.24, 0.20, 0.08])
    lifted = lifted[:, None] * [0, 1, 0]
    return {-1: marks[17:22][::-1] + lifted, 1: marks[22:27] + lifted}


def lash_opacity(model: HeadModel, makeup: float = 0.0) -> np.ndarray:
    """How opaque the lash strips are: fading to the tips, the lower ones hardly there, or they read as eyeliner."""
    opacity = np.zeros(len(model.neutral))
    for side, strip in LASHES.items():
        points, centre = model.neutral[strip], model.neutral[EYEBALL[side]].mean(0)
        towards_tip = np.clip((np.linalg.norm(points - centre, axis=1) - 1.52) / 0.5, 0, 1)
        opacity[strip] = (1 - towards_tip) ** 1.6 * np.where(
            points[:, 1] < 3.25, 0.12 + 0.15 * makeup, 0.7 + 0.3 * makeup
        )
    return opacity
