"""What student and teacher see of a batch: the same crops, changed and mixed in the same way.

All chance comes from one table of numbers between 0 and 1, `dice`, drawn on the CPU: a run sees the same views on every
device, and a run that goes on sees what it would have seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from crops import Crops
from geometry import (
    TEACHER_HEIGHT,
    TEACHER_WIDTH,
    box_maps,
    carry,
    coordinates,
    jittered_maps,
    sample,
    similarity,
    teacher_maps,
)
from mixing import share_of_partner
from settings import Settings

DICE = 19


@dataclass
class Views:
    """A batch as it is seen, standardised to (x - 127.5) / 128.

    Attributes
    ----------
    student : (n, 3, size, size) float32
    teacher : (m, 3, 112, 96) float32
        Of the batch's first m images, aligned; mirrored where the student's view is.
    """

    student: torch.Tensor
    teacher: torch.Tensor


def roll_dice(seed: int, step: int, batch: int) -> torch.Tensor:
    """Give the chance of one step, (batch, 19) float32: a function of the run's seed and the step's number alone."""
    return torch.from_numpy(np.random.default_rng([seed, 0, step]).random((batch, DICE), np.float32))


def make_views(crops: Crops, rows: torch.Tensor, dice: torch.Tensor, settings: Settings, size: int) -> Views:
    """Give the views of a batch: its first `settings.mixed_rows()` images are mixed, each with its neighbour's face.

    Parameters
    ----------
    rows : (n,) int64, on the crops' device
    dice : (n, 19) float32, on the crops' device
    size : int
        Side of the student's views in pixels.
    """
    jitter, light, mix = dice[:, :6], dice[:, 6:12], dice[:, 12:]
    spread = 2 * jitter - 1
    flip = jitter[:, 5] < 0.5
    maps = jittered_maps(
        crops.boxes[rows],
        size,
        (1 + settings.scale) ** spread[:, 0],
        (1 + settings.stretch) ** spread[:, 1],
        math.radians(settings.turn) * spread[:, 2],
        settings.shift * spread[:, 3:5],
        flip,
    )
    mixed, asked = settings.mixed_rows(), settings.teacher_rows()
    student = _see(crops, rows, coordinates(maps, size, size), mix, mixed, settings.cut)
    aligned = coordinates(teacher_maps(crops.points[rows[:asked]]), TEACHER_HEIGHT, TEACHER_WIDTH)
    aligned = torch.where(flip[:asked, None, None, None], aligned.flip(2), aligned)
    teacher = _see(crops, rows, aligned, mix, min(asked, mixed), settings.cut)
    brightness = crops.brightness[rows]
    return Views(
        _standardised(_relit(student, brightness, light, settings.light)),
        _standardised(_relit(teacher, brightness[:asked], light[:asked], settings.light)),
    )


def plain_views(crops: Crops, rows: torch.Tensor, size: int) -> torch.Tensor:
    """Give the student's views as they are outside of training: the box, cut out as `facelab.crop_faces` does."""
    return _standardised(sample(crops.pixels[rows], coordinates(box_maps(crops.boxes[rows], size), size, size)))


def aligned_views(crops: Crops, rows: torch.Tensor) -> torch.Tensor:
    """Give the teacher's views of clean crops: (n, 3, 112, 96)."""
    places = coordinates(teacher_maps(crops.points[rows]), TEACHER_HEIGHT, TEACHER_WIDTH)
    return _standardised(sample(crops.pixels[rows], places))


def _see(
    crops: Crops, rows: torch.Tensor, places: torch.Tensor, mix: torch.Tensor, mixed: int, cut: float
) -> torch.Tensor:
    """Read the crops at these places; into the first `mixed` mix the next crop's face, landmarks upon landmarks."""
    seen = sample(crops.pixels[rows[: len(places)]], places)
    if mixed:
        partners, own = rows.roll(-1)[:mixed], rows[:mixed]
        to_partner = similarity(crops.points[own], crops.points[partners])
        other = sample(crops.pixels[partners], carry(places[:mixed], to_partner))
        share = share_of_partner(places[:mixed], crops.boxes[own], mix[:mixed], cut)
        seen = torch.cat([seen[:mixed].lerp(other, share), seen[mixed:]])
    return seen


def _relit(pixels: torch.Tensor, brightness: torch.Tensor, light: torch.Tensor, strength: float) -> torch.Tensor:
    """Change contrast, brightness and colour, at strength 1 as the first run did; one in twenty loses its colour."""
    spread = strength * (2 * light - 1)[:, :, None, None]
    middle = brightness[:, None, None, None]
    grey = (light[:, 5] < 0.05 * strength)[:, None, None, None]
    pixels = torch.where(grey, pixels.mean(1, keepdim=True), pixels)
    tint = torch.where(grey, torch.ones_like(spread[:, 2:5]), 1 + 0.06 * spread[:, 2:5])
    return ((pixels - middle) * (1 + 0.3 * spread[:, :1]) * tint + middle + 25 * spread[:, 1:2]).clamp(0, 255)


def _standardised(pixels: torch.Tensor) -> torch.Tensor:
    return ((pixels - 127.5) / 128).contiguous(memory_format=torch.channels_last)
