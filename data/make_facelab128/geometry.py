"""Where each pixel of a view comes from: affine maps from a view to a crop, and sampling along them.

A map is a (n, 2, 3) tensor: it carries coordinates in the view to coordinates in the crop, both in pixels and with the
first pixel's centre at 0.5, so that a box's edges are edges.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

# Where MobileFaceNet's aligned 96×112 image has the landmarks, with the first pixel's centre at 0 (as in OpenCV, whose
# convention the usual 112×112 template follows).
TEMPLATE = torch.tensor(
    [[30.2946, 51.6963], [65.5318, 51.5014], [48.0252, 71.7366], [33.5493, 92.3655], [62.7299, 92.2041]]
)
TEACHER_HEIGHT, TEACHER_WIDTH = 112, 96


def box_maps(boxes: torch.Tensor, size: int) -> torch.Tensor:
    """Give the maps of plain square views of boxes, as `facelab.crop_faces` cuts them: (n, 4) → (n, 2, 3)."""
    nothing = torch.zeros(len(boxes), device=boxes.device)
    return jittered_maps(boxes, size, nothing + 1, nothing + 1, nothing, nothing[:, None].expand(-1, 2), nothing > 0)


def jittered_maps(boxes, size, scale, stretch, turn, shift, flip) -> torch.Tensor:
    """Give the maps of square views of boxes that are changed first.

    Parameters
    ----------
    boxes : (n, 4)
    size : int
        Side of the views in pixels.
    scale, stretch : (n,)
        Factor of the box's size, and of its width against its height.
    turn : (n,)
        Angle in radians.
    shift : (n, 2)
        In widths and heights of the box.
    flip : (n,) bool
        Whether the view is mirrored.
    """
    middle, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    middle = middle + shift * sides
    sides = sides * scale[:, None] * torch.stack([stretch.sqrt(), 1 / stretch.sqrt()], 1) / size
    across = torch.where(flip, -sides[:, 0], sides[:, 0])
    cos, sin = turn.cos(), turn.sin()
    matrix = torch.stack([cos * across, -sin * sides[:, 1], sin * across, cos * sides[:, 1]], 1).reshape(-1, 2, 2)
    start = middle - matrix.sum(2) * (size / 2)
    return torch.cat([matrix, start[:, :, None]], 2)


def similarity(source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Give the similarity transforms that best carry points to points, (n, k, 2) each: least squares, closed form."""
    from_mean, to_mean = source.mean(1, keepdim=True), target.mean(1, keepdim=True)
    p, q = source - from_mean, target - to_mean
    size = (p**2).sum((1, 2))
    a = (p * q).sum((1, 2)) / size
    b = (p[..., 0] * q[..., 1] - p[..., 1] * q[..., 0]).sum(1) / size
    matrix = torch.stack([a, -b, b, a], 1).reshape(-1, 2, 2)
    return torch.cat([matrix, (to_mean - from_mean @ matrix.mT).mT], 2)


def teacher_maps(points: torch.Tensor) -> torch.Tensor:
    """Give the maps of the teacher's aligned views, by the crops' landmarks: (n, 5, 2) → (n, 2, 3)."""
    template = (TEMPLATE.to(points) + 0.5).expand(len(points), -1, -1)
    return similarity(template, points)


def carry(places: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
    """Apply maps to places in their views: (n, height, width, 2) → (n, height, width, 2)."""
    return places @ maps[:, None, :, :2].mT + maps[:, None, None, :, 2]


def coordinates(maps: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Give where the pixels of views of this size lie in their crops: (n, height, width, 2)."""
    x = torch.arange(width, device=maps.device) + 0.5
    y = torch.arange(height, device=maps.device) + 0.5
    across, down = (
        x[None, None, :, None] * maps[:, None, None, :, 0],
        y[None, :, None, None] * maps[:, None, None, :, 1],
    )
    return across + down + maps[:, None, None, :, 2]


def sample(pixels: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Read crops (n, 3, side, side) at places (n, height, width, 2), bilinearly; its edge goes on beyond it."""
    grid = places * (2 / pixels.shape[-1]) - 1
    return F.grid_sample(pixels.float(), grid, mode="bilinear", padding_mode="border", align_corners=False)
