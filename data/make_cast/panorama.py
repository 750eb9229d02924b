"""What is all around: low-resolution panoramas that light people, reflect in eyes and glasses, and fill the distance.

A panorama is (HEIGHT, WIDTH, 3) float32 linear light, the first row straight down. It is painted with its window, lamp
or sun where the main light of the shot comes from, so that what lights a face can also be seen. Being small, it looks
as a distant background does through a wide aperture.
"""

from __future__ import annotations

import numpy as np
from PIL import Image
from vectors import linear, smoothstep

HEIGHT, WIDTH = 320, 640
ELEVATION = np.broadcast_to(((np.arange(HEIGHT) + 0.5) / HEIGHT * 180 - 90)[:, None], (HEIGHT, WIDTH))
# Blender puts its +X in the middle of the picture and turns clockwise.
AZIMUTH = np.broadcast_to(((0.75 - (np.arange(WIDTH) + 0.5) / WIDTH) * 360 + 180) % 360 - 180, (HEIGHT, WIDTH))


def paint_panorama(place: str, light_azimuth: float, rng: np.random.Generator) -> np.ndarray:
    """Paint the surroundings of a place; the light comes from `light_azimuth` degrees (0 is in front of the people)."""
    if place not in PAINTERS:
        raise ValueError(f"There is no panorama of {place!r}: choose one of {', '.join(PAINTERS)}.")
    return np.maximum(PAINTERS[place](light_azimuth, rng), 0).astype(np.float32)


def _cloud(rng: np.random.Generator, columns: int, rows: int, octaves: int = 3) -> np.ndarray:
    """Smooth random texture (HEIGHT, WIDTH), mean 0, about 1 strong."""
    total = np.zeros((HEIGHT, WIDTH), np.float32)
    for octave in range(octaves):
        size = (rows * 2**octave, columns * 2**octave)
        coarse = Image.fromarray(rng.normal(size=size).astype(np.float32))
        total += np.asarray(coarse.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)) / 1.7**octave
    return total / total.std()


def _away(azimuth: float) -> np.ndarray:
    return (AZIMUTH - azimuth + 180) % 360 - 180


def _patch(azimuth: float, elevation: float, width: float, height: float, soft: float = 2.0) -> np.ndarray:
    """A soft-edged rectangle on the sphere, in degrees: (HEIGHT, WIDTH, 1) in 0 to 1."""
    across = smoothstep(width / 2 - np.abs(_away(azimuth)), -soft, soft)
    up = smoothstep(height / 2 - np.abs(ELEVATION - elevation), -soft, soft)
    return (across * up)[..., None]


def _disc(azimuth: float, elevation: float, radius: float) -> np.ndarray:
    squeezed = _away(azimuth) * np.cos(np.radians(elevation))
    return smoothstep(radius - np.hypot(squeezed, ELEVATION - elevation), -0.4, 0.4)[..., None]


def _gradient(*stops: tuple[float, tuple[float, float, float]]) -> np.ndarray:
    """Colours (sRGB) by elevation."""
    heights = [elevation for elevation, _ in stops]
    colours = np.array([linear(*colour) for _, colour in stops])
    return np.stack([np.interp(ELEVATION, heights, colours[:, k]) for k in range(3)], -1)


def _park(azimuth: float, rng: np.random.Generator) -> np.ndarray:
    view = _gradient(
        (-90, (84, 86, 60)), (-12, (122, 132, 84)), (0, (156, 162, 112)), (4, (226, 232, 230)), (90, (120, 168, 226))
    )
    view = view * np.where(ELEVATION < 2, 0.8 + 0.15 * _cloud(rng, 30, 40), 1.6)[..., None]
    leaves = _cloud(rng, 26, 16, 4)
    for far, (top, colour) in enumerate([(15, (118, 134, 98)), (24, (76, 94, 56))]):
        skyline = top + 5 * _cloud(rng, 18, 1, 2)[:1] - 14 * far * (np.sin(np.radians(AZIMUTH * 2.5 + 40)) > 0.2)
        wood = (
            smoothstep(skyline - ELEVATION, -2, 3)
            * smoothstep(ELEVATION, -3, 1)
            * smoothstep(leaves, -2.2 + far * 0.9, -0.8)
        )
        shade = linear(*colour) * (0.75 + 0.35 * np.clip(_cloud(rng, 50, 34), -1.6, 2.2))[..., None]
        view = view * (1 - wood[..., None]) + shade * wood[..., None]
    for _ in range(70):
        spot = _disc(rng.uniform(-180, 180), rng.uniform(2, 20), rng.uniform(0.5, 1.3))
        view = view + spot * linear(240, 244, 200) * rng.uniform(0.05, 0.4)
    return view + _disc(azimuth, 40, 12) * [9, 8.2, 6.8]


def _street(azimuth: float, rng: np.random.Generator) -> np.ndarray:
    view = _gradient(
        (-90, (38, 38, 44)),
        (-3, (70, 66, 72)),
        (0, (190, 130, 104)),
        (9, (216, 156, 124)),
        (28, (96, 110, 160)),
        (90, (34, 50, 98)),
    )
    for edge in np.arange(-180, 180, 14.0):
        height, tint = rng.uniform(8, 24), rng.uniform(0.6, 1.3)
        house = _patch(edge + 7, height / 2 - 4, 14, height + 8, 0.5)
        view = view * (1 - house) + house * linear(58, 54, 66) * tint
        for _ in range(9):
            window = _patch(edge + rng.uniform(2, 12), rng.uniform(0, max(1, height - 2)), 1.5, 1.9, 0.4)
            glow = linear(255, 190, 110) * rng.uniform(0.3, 1.6) if rng.random() < 0.5 else linear(50, 56, 80)
            view = view * (1 - window) + window * glow
    lamps = [(255, 190, 110), (255, 150, 80), (240, 235, 220), (255, 80, 60), (150, 190, 255)]
    for _ in range(90):
        spot = _disc(rng.uniform(-180, 180), rng.normal() * 3.5 + 1, rng.uniform(0.6, 1.5))
        view = view + spot * linear(*lamps[rng.integers(len(lamps))]) * rng.uniform(0.4, 2.2)
    shop = _patch(azimuth, 5, 46, 34)
    return view * (1 - shop) + shop * linear(255, 206, 150) * 4.5


def _indoors(wall, ceiling, floor, light: np.ndarray) -> np.ndarray:
    view = _gradient((-90, floor), (-28, floor), (-22, wall), (34, wall), (40, ceiling), (90, ceiling))
    return view * 0.55 + light


def _window(azimuth: float, colour, strength: float, width: float = 44) -> np.ndarray:
    bars = (np.abs(np.abs(_away(azimuth)) - width / 6) > 1.0) & (np.abs(ELEVATION - 20) > 0.8)
    return _patch(azimuth, 15, width, 42) * bars[..., None] * linear(*colour) * strength


def _office(azimuth: float, rng: np.random.Generator) -> np.ndarray:
    panels = sum(_patch(a, 62, 34, 7) for a in range(-180, 180, 60)) * linear(255, 244, 228) * 2.5
    return _indoors((206, 200, 190), (238, 236, 230), (120, 96, 74), _window(azimuth, (226, 238, 255), 6) + panels)


def _lecture(azimuth: float, rng: np.random.Generator) -> np.ndarray:
    panels = sum(_patch(a, 52, 22, 9) for a in range(-180, 180, 36)) * linear(255, 240, 214) * 3.5
    return _indoors((188, 160, 126), (226, 220, 208), (96, 74, 60), _window(azimuth, (240, 244, 255), 4.5, 60) + panels)


def _cafe(azimuth: float, rng: np.random.Generator) -> np.ndarray:
    lamps = sum(_disc(a + rng.uniform(-8, 8), rng.uniform(16, 30), 4.5) for a in range(-180, 180, 45))
    lamps = lamps * linear(255, 196, 122) * 9
    return _indoors((104, 104, 94), (90, 80, 70), (70, 50, 38), _window(azimuth, (204, 222, 255), 4.5, 56) + lamps)


def _home(azimuth: float, rng: np.random.Generator) -> np.ndarray:
    lamp = _disc(azimuth + 150, 8, 10) * linear(255, 190, 120) * 5
    return _indoors((214, 196, 176), (240, 234, 224), (136, 100, 70), _window(azimuth, (255, 246, 232), 6, 50) + lamp)


PAINTERS = {"park": _park, "street": _street, "office": _office, "lecture": _lecture, "cafe": _cafe, "home": _home}
