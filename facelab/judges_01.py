"""Judges of notebook 01's exercises: what detection costs, recall, and what a detector must be given."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from facelab.cascade import pyramid_scales
from facelab.data import load_cast
from facelab.detection import FaceDetector, iou
from facelab.exercises import exercise

DOTS = "Your function still returns the three dots: put what it should return in their place."
SIDEWAYS = 8  # EXIF's Orientation of a photo to be turned anticlockwise by a quarter


@exercise("01.1", "Right. Each side of each copy shrinks, so the number of pixels falls with the square.")
def judge_fewer_pixels(answer: float) -> str | None:
    """Accept 144 and what a measurement gives, which rounds the copies' sizes up."""
    answer = float(answer)
    if 130 <= answer <= 160:
        return None
    if 0 < answer < 1:
        return "The question is how many times fewer, so the answer is larger than 1."
    if 11 <= answer <= 13:
        return "That is how much narrower the copies become. They become lower as well."
    return f"Not {answer:g} times: compare the width and the height of the pyramid's first copy before and after."


@exercise("01.2", "Right. This number tells what detection will cost before any network runs.")
def judge_pyramid_pixels(answer) -> str | None:
    """Compare with the pyramid that the detector makes, to five percent."""
    for height, width, smallest, factor in [
        (640, 960, 20, 0.709),
        (960, 640, 20, 0.709),
        (480, 640, 57, 0.709),
        (256, 256, 20, 0.9),
        (40, 900, 20, 0.709),
        (15, 15, 20, 0.709),
    ]:
        scales = pyramid_scales(height, width, smallest, factor)
        expected = sum(int(height * scale + 1) * int(width * scale + 1) for scale in scales)
        given = answer(height, width, smallest, factor)
        if given is ...:
            return DOTS
        if abs(given - expected) > 0.05 * expected:
            case = f"an image of {height} rows and {width} columns, min_face_size={smallest} and factor={factor}"
            return f"For {case} your function gives {given:,.0f}; the detector's pyramid has {expected:,}."
    return None


@exercise("01.3", "Right. A face counts once, however often it is found, and not at all if it is missed.")
def judge_share_found(answer) -> str | None:
    """Compare with a count, box by box, on cases that each catch one mistake."""
    truth = np.array([[10, 10, 50, 60], [100, 20, 140, 70], [200, 30, 240, 80], [300, 0, 340, 50]], np.float32)
    near, apart = truth + 4, truth + 500
    loose = truth + np.array([12, 0, 12, 0], np.float32)
    for found, what in [
        (truth, "that are the true ones"),
        (near[:2], "that are close to two of four true ones"),
        (apart, "that all lie elsewhere"),
        (np.concatenate([near[:1], near[:1] + 1, near[:1] - 1]), "that are three times the same face"),
        (np.concatenate([near[:3], apart]), "of which some are false alarms"),
        (near[::-1].copy(), "in another order than the true ones"),
        (np.zeros((0, 4), np.float32), "of which there are none"),
    ]:
        wrong = _compare_share(answer, truth, found, 0.5, what)
        if wrong:
            return wrong
    return _compare_share(answer, truth, loose, 0.6, "that overlap the true ones a little over one half (limit=0.6)")


def _compare_share(answer, truth: np.ndarray, found: np.ndarray, limit: float, what: str) -> str | None:
    expected = sum(any(overlap >= limit for overlap in row) for row in iou(truth, found)) / len(truth)
    given = answer(truth, found, limit)
    if given is ...:
        return DOTS
    if not np.isclose(given, expected):
        return f"For found boxes {what} your function gives {float(given):.2f}; {expected:.2f} of the faces were found."
    return None


@exercise("01.4", "Right. Every one of the three is in somebody's program today.")
def judge_find_faces(answer) -> str | None:
    """Try it on portraits as they are and as a phone would store them, against FaceDetector."""
    detector = FaceDetector()
    paths = load_cast()["path"].iloc[[1, 20]]
    with tempfile.TemporaryDirectory() as folder:
        for path in paths:
            wrong = _compare_faces(answer, path, detector, "a portrait")
            if wrong:
                return wrong
        note = Image.Exif()
        note[0x0112] = SIDEWAYS
        sideways = Path(folder) / "from_a_phone.jpg"
        Image.open(paths.iloc[0]).rotate(-90, expand=True).save(sideways, quality=95, exif=note)
        return _compare_faces(answer, sideways, detector, "a photo that lies on its side and says so in its EXIF data")


def _compare_faces(answer, path: Path, detector: FaceDetector, what: str) -> str | None:
    found, expected = answer(path), detector.detect(path).boxes
    if found is None or len(found) == 0:
        return f"In {what}, with one face, your function finds none: print the least and the largest of `pixels`."
    found = np.asarray(found, np.float32)
    if found.shape != expected.shape:
        return f"In {what} your function finds {found.shape}; boxes of the shape {expected.shape} were expected."
    away = np.abs(found - expected).max()
    if away > 0.5:
        return f"In {what} your function finds a face, but its box is up to {away:.0f} pixels from where it should be."
    return None
