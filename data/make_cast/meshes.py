"""Making Blender objects out of arrays in centimetres."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import bpy
import numpy as np
from head import HeadModel
from vectors import UNIT, to_blender


def mesh(
    name: str, points: np.ndarray, faces: Sequence, material: bpy.types.Material, smooth: int = 0
) -> bpy.types.Object:
    """Make a mesh object of (n, 3) points and faces of vertex numbers; `smooth` is its subdivision when rendered."""
    data = bpy.data.meshes.new(name)
    data.from_pydata(to_blender(np.reshape(points, (-1, 3))).tolist(), [], [list(face) for face in faces])
    data.polygons.foreach_set("use_smooth", np.ones(len(faces), bool))
    data.materials.append(material)
    thing = bpy.data.objects.new(name, data)
    if smooth:
        modifier = thing.modifiers.new("subdivide", "SUBSURF")
        modifier.levels, modifier.render_levels = 0, smooth
    return thing


def move(thing: bpy.types.Object, points: np.ndarray) -> None:
    """Move all vertices of a mesh object."""
    thing.data.vertices.foreach_set("co", to_blender(np.reshape(points, (-1, 3))).astype(np.float32).ravel())
    thing.data.update()


def thicken(thing: bpy.types.Object, thickness: float) -> bpy.types.Object:
    """Give a sheet a thickness in cm."""
    modifier = thing.modifiers.new("thicken", "SOLIDIFY")
    modifier.thickness, modifier.offset = thickness * UNIT, 0
    thing.modifiers.move(len(thing.modifiers) - 1, 0)
    return thing


def tube(
    path: np.ndarray, radius: float | np.ndarray, closed: bool = False, around: int = 8
) -> tuple[np.ndarray, list]:
    """Points (n * around, 3) and quads of a tube along a path (n, 3)."""
    path = np.asarray(path, float)
    along = np.roll(path, -1, 0) - np.roll(path, 1, 0) if closed else np.gradient(path, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    helper = np.where(np.abs(along[:, 1:2]) > 0.9, [[1.0, 0, 0]], [[0, 1.0, 0]])
    side = np.cross(along, helper)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    up = np.cross(side, along)
    angle = np.arange(around) / around * 2 * np.pi
    radius = np.broadcast_to(radius, len(path))[:, None, None]
    points = path[:, None] + radius * (side[:, None] * np.cos(angle)[:, None] + up[:, None] * np.sin(angle)[:, None])
    rows = len(path)
    pairs = [(k, (k + 1) % rows) for k in range(rows if closed else rows - 1)]
    faces = [(a * around + j, a * around + (j + 1) % around, c * around + (j + 1) % around, c * around + j)
             for a, c in pairs for j in range(around)]  # fmt: skip
    return points.reshape(-1, 3), faces


def head_part(
    name: str,
    model: HeadModel,
    head: np.ndarray,
    which: Iterable[int],
    material: bpy.types.Material,
    attributes: dict[str, np.ndarray],
    smooth: int = 0,
    keep: np.ndarray | None = None,
    uv: bool = False,
) -> tuple[bpy.types.Object, np.ndarray]:
    """Make an object of the head's faces of some materials.

    Parameters
    ----------
    attributes : dict of (v,) or (v, 3) arrays
        What the shader can read at each vertex: numbers, or colours, or for "rest" vectors.
    keep : (v,) bool, optional
        Faces none of whose vertices are kept are left out.

    Returns
    -------
    object, (n,) int
        And which vertices of the head it has.
    """
    chosen = np.isin(model.material, list(which))
    if keep is not None:
        chosen &= (keep[model.faces] & (model.faces >= 0)).any(1)
    faces, corner = model.faces[chosen], model.faces[chosen] >= 0
    used = np.unique(faces[corner])
    number = np.full(len(head), -1)
    number[used] = np.arange(len(used))
    thing = mesh(name, head[used], [number[face[ok]] for face, ok in zip(faces, corner, strict=True)], material, smooth)
    for key, values in attributes.items():
        _attribute(thing.data, key, values[used])
    if uv:
        thing.data.uv_layers.new(name="UVMap").data.foreach_set(
            "uv", model.uv[model.face_uv[chosen][corner]].astype(np.float32).ravel()
        )
    return thing, used


def _attribute(data: bpy.types.Mesh, name: str, values: np.ndarray) -> None:
    if values.ndim == 1:
        data.attributes.new(name, "FLOAT", "POINT").data.foreach_set("value", values.astype(np.float32))
    elif name == "rest":
        data.attributes.new(name, "FLOAT_VECTOR", "POINT").data.foreach_set("vector", values.astype(np.float32).ravel())
    else:
        rgba = np.concatenate([values, np.ones((len(values), 1))], 1).astype(np.float32)
        data.attributes.new(name, "FLOAT_COLOR", "POINT").data.foreach_set("color", rgba.ravel())
