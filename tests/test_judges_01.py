"""The judges of notebook 01 accept right answers and say what is wrong with the usual wrong ones."""

import numpy as np
import pytest
from facenet_pytorch import MTCNN
from PIL import Image
from torchvision.ops import box_iou

from facelab import FaceDetector, check, open_image


@pytest.mark.parametrize("answer", [144, 12**2, 143.6, "144"])
def test_prediction_accepted(answer):
    assert check("01.1", answer)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (12, "lower as well"),
        (1 / 144, "larger than 1"),
        (220, "Not 220 times"),
        (-144, "Not -144 times"),
        ("many", "ValueError"),
        (None, "TypeError"),
    ],
)
def test_prediction_refused(answer, hint):
    verdict = check("01.1", answer)
    assert not verdict
    assert hint in verdict.sentence


def pixels_of_the_copies(height, width, min_face_size, factor):
    """The sizes of the copies that facenet-pytorch's arithmetic makes, one after the other."""
    total, scale = 0, 12 / min_face_size
    shortest = min(height, width) * scale
    while shortest >= 12:
        total += int(height * scale + 1) * int(width * scale + 1)
        scale, shortest = scale * factor, shortest * factor
    return total


def pixels_of_a_trace(height, width, min_face_size, factor):
    detector = FaceDetector(min_face_size=min_face_size, factor=factor)
    levels = detector.trace(Image.new("RGB", (width, height))).levels
    return sum(rows * columns for rows, columns in (level.size for level in levels))


@pytest.mark.parametrize("answer", [pixels_of_the_copies, pixels_of_a_trace])
def test_pyramid_accepted(answer):
    assert check("01.2", answer)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda h, w, m, f: ..., "three dots"),
        (lambda h, w, m, f: h * w * (12 / m) ** 2, "your function gives"),
        (lambda h, w, m, f: h * w * (12 / m) ** 2 / (1 - f**2), "40 rows and 900 columns"),
        (lambda h, w, m, f: pixels_of_the_copies(h, w, m, f) or 100, "15 rows and 15 columns"),
        (lambda h, w, m, f: pixels_of_the_copies(h, h, m, f), "640 rows and 960 columns"),
        (lambda h, w, m, f: pixels_of_the_copies(h, w, 20, f), "min_face_size=57"),
        (lambda h, w, m, f: pixels_of_the_copies(h, w, m, 0.709), "factor=0.9"),
        (lambda h: h, "TypeError"),
    ],
)
def test_pyramid_refused(answer, hint):
    verdict = check("01.2", answer)
    assert not verdict
    assert hint in verdict.sentence


def shares(truth, found):
    import torch

    return box_iou(torch.as_tensor(truth, dtype=torch.float), torch.as_tensor(found, dtype=torch.float)).numpy()


def share_found(truth, found, limit=0.5):
    return (shares(truth, found).max(axis=1, initial=0) >= limit).mean()


def test_share_accepted():
    assert check("01.3", share_found)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda t, f, limit: ..., "three dots"),
        (lambda t, f, limit: (shares(t, f).max(axis=1) >= limit).mean(), "ValueError"),
        (lambda t, f, limit: (shares(t, f) >= limit).sum() / len(t), "three times the same face"),
        (lambda t, f, limit: (shares(t, f).max(axis=0, initial=0) >= limit).mean() if len(f) else 0, "two of four"),
        (lambda t, f, limit: np.mean(np.diag(shares(t, f)) >= limit), "two of four"),
        (lambda t, f, limit: share_found(t, f), "limit=0.6"),
        (lambda t, f, limit: 1.0, "gives 1.00"),
    ],
)
def test_share_refused(answer, hint):
    verdict = check("01.3", answer)
    assert not verdict
    assert hint in verdict.sentence


def raw(pixels):
    return MTCNN(keep_all=True).detect(pixels)[0]


@pytest.mark.parametrize("answer", [lambda path: raw(open_image(path)), lambda path: FaceDetector().detect(path).boxes])
def test_finding_faces_accepted(answer):
    assert check("01.4", answer)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda path: raw(np.asarray(Image.open(path))[:, :, ::-1] / 255), "finds none"),
        (lambda path: raw(np.asarray(open_image(path)) / 255), "finds none"),
        (lambda path: raw(np.asarray(open_image(path))[:, :, ::-1]), "up to"),
        (lambda path: raw(np.asarray(Image.open(path))), "EXIF"),
        (lambda path: raw(open_image(path))[0], "of the shape (1, 4)"),
        (lambda path: raw(path), "AttributeError"),
    ],
)
def test_finding_faces_refused(answer, hint):
    verdict = check("01.4", answer)
    assert not verdict
    assert hint in verdict.sentence
