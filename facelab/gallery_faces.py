"""From a photo to what a gallery keeps of it: vectors and thumbnails, nothing else (behind `gallery.py`)."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass

import numpy as np
from PIL import Image

from facelab.gallery_search import Model
from facelab.images import open_image

THUMBNAIL_SIDE = 112  # pixels
AROUND = 1.3  # what a thumbnail shows, in sides of the face's box


@dataclass(frozen=True, eq=False)
class SeenFaces:
    """The faces of one photo, largest first.

    Attributes
    ----------
    boxes : (n, 4) float32
        x0, y0, x1, y1 in pixels.
    vectors : (n, d) float32
    thumbnails : list of n PIL.Image.Image
    """

    boxes: np.ndarray
    vectors: np.ndarray
    thumbnails: list[Image.Image]


class FaceReader:
    """A detector and an embedder, of which those that were not given are made when the first photo comes.

    So torch is not loaded to look at a gallery.

    Parameters
    ----------
    embedder : FaceEmbedder, str, path or None
        Weights, as `FaceEmbedder` takes them, become one.
    detector : FaceDetector or None
    """

    def __init__(self, embedder=None, detector=None):
        if isinstance(embedder, (str, os.PathLike)):
            from facelab.embedding import FaceEmbedder

            embedder = FaceEmbedder(embedder)
        for what, given, attributes in (
            ("embedder", embedder, ("name", "dimension", "fingerprint", "image_size", "embed")),
            ("detector", detector, ("detect",)),
        ):
            if given is not None and not all(hasattr(given, attribute) for attribute in attributes):
                raise ValueError(
                    f"{what} is a {type(given).__name__}, but must be a Face{what.title()}: leave it out for the usual."
                )
        self._embedder, self._detector = embedder, detector

    @property
    def embedder(self):
        """The embedder: `FaceEmbedder()` unless one was given."""
        if self._embedder is None:
            from facelab.embedding import FaceEmbedder

            self._embedder = FaceEmbedder()
        return self._embedder

    @property
    def detector(self):
        """The detector: `FaceDetector()` unless one was given."""
        if self._detector is None:
            from facelab.detection import FaceDetector

            self._detector = FaceDetector()
        return self._detector

    @property
    def model(self) -> Model:
        """The embedder's model."""
        return Model(self.embedder.name, self.embedder.dimension, self.embedder.fingerprint)

    def read(self, photo) -> SeenFaces:
        """Find and embed all faces in a photo, in any form that `open_image` takes, whose errors are passed on."""
        from facelab.detection import crop_faces

        image = open_image(photo)
        faces = self.detector.detect(image)
        vectors = self.embedder.embed(crop_faces(image, faces, self.embedder.image_size), progress=False)
        return SeenFaces(faces.boxes, vectors, [_thumbnail(image, box) for box in faces.boxes])

    def read_one(self, photo) -> SeenFaces:
        """Do the same for a photo that must show exactly one face; a ValueError says how many it shows instead."""
        seen = self.read(photo)
        if len(seen.boxes) == 0:
            raise ValueError(
                "No face was found in the photo, but it must show one: take another, larger, lighter, from the front."
            )
        if len(seen.boxes) > 1:
            raise ValueError(
                f"{len(seen.boxes)} faces were found in the photo, but it must show one, so that it is clear whose it "
                "is: cut the photo, or take another."
            )
        return seen


def _thumbnail(image: Image.Image, box: np.ndarray) -> Image.Image:
    """Cut out a face with a little around it, as far as the photo goes."""
    x0, y0, x1, y1 = box.astype(float)
    half = AROUND * max(x1 - x0, y1 - y0) / 2
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    left, top = max(round(x - half), 0), max(round(y - half), 0)
    right, bottom = min(round(x + half), image.width), min(round(y + half), image.height)
    face = image.crop((left, top, max(right, left + 1), max(bottom, top + 1)))
    face.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    return face


def encode_thumbnail(image) -> bytes:
    """Give an image, in any form that `open_image` takes, as a JPEG of at most 112 pixels a side.

    Pixels only: comments, places and cameras that the photo's file tells of stay behind.
    """
    pixels = Image.fromarray(np.asarray(open_image(image)))
    pixels.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    stream = io.BytesIO()
    pixels.save(stream, "JPEG", quality=85)
    return stream.getvalue()
