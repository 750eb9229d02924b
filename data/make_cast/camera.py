"""A pinhole camera that projects exactly as Blender's does, and stands in Blender's scene."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from vectors import TO_BLENDER, UNIT, normalise, rotation, to_blender

SENSOR = 36.0  # mm along the longer side


@dataclass(frozen=True)
class Camera:
    """Where it stands and looks, in cm; `lens` in mm, `roll` in degrees (positive leans the picture clockwise)."""

    position: tuple[float, float, float]
    target: tuple[float, float, float]
    lens: float
    size: tuple[int, int]
    roll: float = 0.0
    fstop: float = 0.0  # 0: everything is sharp

    @cached_property
    def axes(self) -> np.ndarray:
        """(3, 3): rows are the picture's right and up, and back towards the viewer, unit vectors."""
        back = normalise(np.subtract(self.position, self.target))
        right = normalise(np.cross([0, 1, 0], back))
        level = np.stack([right, np.cross(back, right), back])
        return rotation("z", self.roll).T @ level

    @property
    def focal(self) -> float:
        """Focal length in pixels."""
        return self.lens / SENSOR * max(self.size)

    def project(self, points: np.ndarray) -> np.ndarray:
        """Where (..., 3) points in cm appear: (..., 2) pixels from the top left corner."""
        seen = (np.asarray(points, float) - self.position) @ self.axes.T
        scale = self.focal / -seen[..., 2:]
        return np.array(self.size) / 2 + seen[..., :2] * [1, -1] * scale

    def in_front(self, points: np.ndarray) -> np.ndarray:
        """Whether (..., 3) points are before the camera rather than behind it."""
        return (np.asarray(points, float) - self.position) @ self.axes[2] < 0

    def place(self, scene) -> None:
        """Put this camera into a Blender scene and make it the one that takes the picture."""
        import bpy
        from mathutils import Matrix

        data = bpy.data.cameras.new("camera")
        data.lens, data.sensor_width = self.lens, SENSOR
        data.clip_end = 1000
        distance = float(np.linalg.norm(np.subtract(self.position, self.target)))
        data.dof.use_dof = self.fstop > 0
        if self.fstop:
            data.dof.aperture_fstop, data.dof.focus_distance = self.fstop * UNIT, distance * UNIT  # a scaled world
        thing = bpy.data.objects.new("camera", data)
        matrix = np.eye(4)
        matrix[:3, :3] = TO_BLENDER @ self.axes.T
        matrix[:3, 3] = to_blender(self.position)
        thing.matrix_world = Matrix(matrix.tolist())
        scene.collection.objects.link(thing)
        scene.camera = thing
        scene.render.resolution_x, scene.render.resolution_y = self.size
