"""From linear light to the JPEG that a phone would have taken: exposure, tone curve, grain, sharpening."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter
from shots import Film
from vectors import smoothstep

MIDDLE = 0.18  # linear light that the automatic exposure aims at
TRUST = 0.82  # how far it goes there: dark skin stays darker than light skin, as photographs have it
HIGHEST = 0.26  # no face on average brighter than this: light skin turns to chalk
COLOUR = 1.06  # phones make colours a little stronger than they are
LUMA = np.array([0.2126, 0.7152, 0.0722])


def exposure(light: np.ndarray, boxes: list[tuple[float, float, float, float]]) -> np.ndarray:
    """Find the factor for each colour by which a phone would brighten a picture, metering mostly on faces.

    Parameters
    ----------
    light : (h, w, 3) float
        Linear light.
    boxes : list of x0, y0, x1, y1
        Faces, in pixels; none is allowed.

    Returns
    -------
    (3,) float
        Brightness, and half of the white balance that would make the picture neither warm nor cool on average.
        Green is left alone: faces before a meadow must not turn purple.
    """
    brightness = np.log(np.maximum(light @ LUMA, 1e-4))
    everything = float(np.clip(brightness, None, brightness.mean() + 2).mean())
    height, width = brightness.shape
    faces = []
    for x0, y0, x1, y1 in boxes:
        middle = brightness[max(0, int(y0)) : min(height, int(y1) + 1), max(0, int(x0)) : min(width, int(x1) + 1)]
        if middle.size:
            faces.append(float(middle.mean()))
    metered = 0.7 * float(np.mean(faces)) + 0.3 * everything if faces else everything
    stops = TRUST * (np.log(MIDDLE) - metered)
    if faces:
        stops = min(stops, np.log(HIGHEST) - max(faces))
    mean = np.minimum(light, np.percentile(light, 97)).reshape(-1, 3).mean(0)
    cooler = np.clip((mean[2] / max(mean[0], 1e-6)) ** 0.22, 0.8, 1.25)
    return np.exp(stops) * np.array([cooler, 1.0, 1 / cooler])


def tone(light: np.ndarray) -> np.ndarray:
    """Map linear light to display values, 0 to 1: a filmic curve (Narkowicz 2016), then sRGB's."""
    x = 0.82 * np.maximum(light, 0)
    x = np.clip(x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14), 0, 1)
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)


def develop(light: np.ndarray, gain: np.ndarray, film: Film, rng: np.random.Generator) -> Image.Image:
    """Develop a picture.

    Parameters
    ----------
    light : (h, w, 3) float
        Linear light, first row at the top.
    gain : (3,) float
        What `exposure` found.

    Returns
    -------
    PIL.Image.Image
        RGB.
    """
    height, width, _ = light.shape
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    stops = gain * 2.0**film.ev
    warm = np.array([1 + 0.06 * film.warmth, 1.0, 1 - 0.08 * film.warmth])
    picture = light.astype(np.float32) * stops * warm * (1 - 0.10 * (x * x + y * y))[..., None]
    grey = (picture @ LUMA)[..., None]
    picture = grey + COLOUR * (picture - grey)
    if film.blur:
        picture = _shaken(picture, film.blur, rng)
    signal = np.maximum(picture, 0)
    # Shot noise grows with the root of the light; an underexposed picture is pushed, so its noise is, too.
    pushed = 2.0 ** max(0.0, -film.ev) if film.ev < 0 else 1.0
    strength = 0.008 * film.grain * np.sqrt(pushed)
    grain = rng.normal(size=(height, width, 1)) + 0.55 * rng.normal(size=(height, width, 3))
    grain = 0.72 * grain + 0.14 * (np.roll(grain, 1, 0) + np.roll(grain, 1, 1))
    picture = picture + strength * grain * np.sqrt(signal + 0.004)
    image = Image.fromarray(np.uint8(np.clip(tone(picture) * 255 + 0.5, 0, 255)))
    return image.filter(ImageFilter.UnsharpMask(0.8, 45, 2)) if not film.blur else image


def _shaken(picture: np.ndarray, length: float, rng: np.random.Generator) -> np.ndarray:
    """Blur as a hand that shakes does: along a short path, in linear light."""
    angle = rng.uniform(0, np.pi)
    path = np.linspace(-length, length, 9)[:, None] * [np.cos(angle), np.sin(angle)]
    weight = smoothstep(1 - np.abs(np.linspace(-1, 1, 9)), 0, 0.6) + 0.15
    total = np.zeros_like(picture)
    for (dx, dy), w in zip(path, weight / weight.sum(), strict=True):
        total += w * _moved(picture, dx, dy)
    return total


def _moved(picture: np.ndarray, dx: float, dy: float) -> np.ndarray:
    """Shift by a fraction of a pixel, repeating the edge."""
    height, width, _ = picture.shape
    rows, columns = np.clip(np.arange(height) - dy, 0, height - 1), np.clip(np.arange(width) - dx, 0, width - 1)
    r, c = np.floor(rows).astype(int), np.floor(columns).astype(int)
    fr, fc = (rows - r)[:, None, None], (columns - c)[None, :, None]
    r1, c1 = np.minimum(r + 1, height - 1), np.minimum(c + 1, width - 1)
    upper = picture[r][:, c] * (1 - fc) + picture[r][:, c1] * fc
    lower = picture[r1][:, c] * (1 - fc) + picture[r1][:, c1] * fc
    return upper * (1 - fr) + lower * fr
