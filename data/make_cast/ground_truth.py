"""What only a renderer knows: where each face is, how it is turned, and what of it can be seen.

The box follows MTCNN's convention. MTCNN was trained on boxes drawn by people, so there is no formula for them: BOX_FIT
is a linear map from the extent of the face's mesh in the picture to MTCNN's box, fitted by `fit_box` against what MTCNN
finds in frontal portraits. For other poses it stays exact about where the face is, while MTCNN's own boxes drift.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from camera import Camera
from head import FACE

# Offsets of MTCNN's left, top, right and bottom from the mesh's, in widths and heights of the mesh's extent.
BOX_FIT = (-0.005, -0.066, -0.015, -0.014)
SAMPLE = slice(0, FACE, 13)  # of the face's vertices: what extent and visibility are measured on
TOLERANCE = 0.6  # cm: a landmark lies on the skin, so a ray may meet the skin that little before it


@dataclass(frozen=True)
class FaceTruth:
    """One face in one picture: pixels from the top left corner, degrees; `visible` is a fraction."""

    person: str
    mesh_box: tuple[float, float, float, float]
    landmarks: tuple[tuple[float, float], ...]
    landmark_visible: tuple[bool, ...]
    yaw: float
    pitch: float
    roll: float
    visible: float
    expression: str
    glasses: bool
    hat: bool


def extent(points: np.ndarray) -> tuple[float, float, float, float]:
    """Smallest box around (n, 2) points: x0, y0, x1, y1."""
    return tuple(float(v) for v in (*points.min(0), *points.max(0)))


def mtcnn_box(mesh_box: tuple[float, float, float, float], fit: tuple = BOX_FIT) -> np.ndarray:
    """Map the extent of a face's mesh to the box that MTCNN would draw: (4,) x0, y0, x1, y1."""
    x0, y0, x1, y1 = mesh_box
    width, height = x1 - x0, y1 - y0
    return np.array(mesh_box) + np.array(fit) * [width, height, width, height]


def fit_box(mesh_boxes: np.ndarray, found: np.ndarray) -> tuple[float, float, float, float]:
    """Fit BOX_FIT: the median offset of (n, 4) boxes found by MTCNN from (n, 4) mesh extents of the same faces."""
    mesh_boxes, found = np.asarray(mesh_boxes, float), np.asarray(found, float)
    size = mesh_boxes[:, 2:] - mesh_boxes[:, :2]
    return tuple(np.median((found - mesh_boxes) / np.concatenate([size, size], 1), axis=0))


def head_angles(rotation: np.ndarray, centre: np.ndarray, camera: Camera) -> tuple[float, float, float]:
    """Yaw, pitch and roll, in degrees, of a head (3, 3) at `centre` as the camera sees it.

    Yaw is positive when the face is turned to the viewer's right, pitch when it is seen from above, roll when the head
    leans clockwise in the picture.
    """
    towards = rotation.T @ (np.array(camera.position) - centre)
    towards = towards / np.linalg.norm(towards)
    up = camera.axes @ (rotation @ [0, 1, 0])
    yaw, pitch = np.degrees(np.arctan2(-towards[0], towards[2])), np.degrees(np.arcsin(np.clip(towards[1], -1, 1)))
    return float(yaw), float(pitch), float(np.degrees(np.arctan2(up[0], up[1])))


def seen(trees: list, origin: np.ndarray, point: np.ndarray, tolerance: float) -> bool:
    """Whether no tree's surface comes between `origin` and `point`, but for the last `tolerance` cm."""
    away = point - origin
    distance = float(np.linalg.norm(away))
    for tree in trees:
        _, _, _, hit = tree.ray_cast(origin.tolist(), (away / distance).tolist(), distance - tolerance)
        if hit is not None:
            return False
    return True


def face_truths(camera: Camera, actors: list, solids: list[tuple[np.ndarray, list]]) -> list[FaceTruth]:
    """Measure every face in a picture; faces whose middle lies outside the picture are left out.

    Parameters
    ----------
    actors : list of actor.Actor
        Posed and placed.
    solids : list of (points, faces)
        Furniture that can hide a face, in cm. Hair, hats and glasses hide nothing here.
    """
    from mathutils.bvhtree import BVHTree

    furniture = [
        BVHTree.FromPolygons(np.asarray(points).tolist(), [list(f) for f in faces]) for points, faces in solids
    ]
    skins = [actor.skin_tree_in_world() for actor in actors]
    bodies = [actor.body_tree_in_world() for actor in actors]
    origin, truths = np.array(camera.position, float), []
    for k, actor in enumerate(actors):
        face = actor.in_world(actor.head[SAMPLE])
        marks = actor.in_world(actor.model.five(actor.head))
        pixels = camera.project(face)
        box = extent(pixels)
        middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        if not camera.in_front(face).all() or not all(0 <= m < s for m, s in zip(middle, camera.size, strict=True)):
            continue
        others = furniture + [tree for j, body in enumerate(bodies) if j != k for tree in (body, skins[j])]
        facing = np.array([seen([skins[k]], origin, point, 0.3) for point in face])
        inside = ((pixels >= 0) & (pixels < camera.size)).all(1)
        open_view = [facing[i] and inside[i] and seen(others, origin, point, 0.3) for i, point in enumerate(face)]
        hidden_by = [skins[k], *others]
        shown = camera.project(marks)
        in_picture = ((shown >= 0) & (shown < camera.size)).all(1)
        mark_seen = [bool(in_picture[i]) and seen(hidden_by, origin, point, TOLERANCE) for i, point in enumerate(marks)]
        yaw, pitch, roll = head_angles(actor.head_rotation, actor.in_world(actor.head_centre), camera)
        truths.append(
            FaceTruth(
                person=actor.person.id,
                mesh_box=box,
                landmarks=tuple((float(x), float(y)) for x, y in shown),
                landmark_visible=tuple(mark_seen),
                yaw=yaw,
                pitch=pitch,
                roll=roll,
                visible=float(np.sum(open_view) / max(1, facing.sum())),
                expression=actor.expression,
                glasses=actor.wears_glasses,
                hat=actor.wears_hat,
            )
        )
    return truths
