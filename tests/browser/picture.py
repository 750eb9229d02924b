"""Write notebooks/identify_people.jpg, the picture of IdentifyPeople that notebook 06 shows.

`python tests/browser/picture.py` makes it anew, after a change of the panel or of the weights. It needs Chromium, as
the tests of this folder do, and takes half a minute.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from conftest import find_chromium, start_chromium
from PIL import Image, ImageChops, ImageOps
from playwright.sync_api import sync_playwright
from servers import ROOT, app_command, serving
from steps import WAIT, identify_sample, says

from facelab import (
    FaceDetector,
    FaceEmbedder,
    Gallery,
    crop_faces,
    load_cast,
    pairwise_distances,
    threshold_at_fmr,
    unstandardise,
)

PICTURE = ROOT / "notebooks" / "identify_people.jpg"
WIDTH, SCALE = 760, 1.25  # pixels of the page, and how many of the picture are one of them, for sharp letters
SAMPLE = "home, 5 people"


def make_gallery(path: Path) -> None:
    """Enrol the cast as notebook 06 does, with its threshold for a search: one in ten gets somebody else's name."""
    photos = load_cast()
    photos = photos[photos["split"] == "gallery"]
    detector, embedder = FaceDetector(), FaceEmbedder(device="cpu")
    with Gallery(path, embedder=embedder, detector=detector) as gallery:
        for name, own in photos.groupby("name"):
            crops = [crop_faces(photo, detector.detect(photo)[:1], embedder.image_size) for photo in own["path"]]
            crops = torch.cat(crops)
            gallery.enrol_vectors(name, embedder.embed(crops), thumbnails=list(unstandardise(crops)))
        vectors = [gallery.vectors(name) for name in gallery.names]
        names = np.repeat(gallery.names, [len(own) for own in vectors])
        distances = pairwise_distances(np.concatenate(vectors))
        nearest = np.where(names[:, None] == names, np.inf, distances).min(axis=1)
        gallery.set_threshold(threshold_at_fmr(nearest, 0.1), "identify")


def take(address: str) -> Image.Image:
    """Let the app identify a sample, and take a picture of it, without the empty space below."""
    with sync_playwright() as running:
        browser = start_chromium(running, find_chromium())
        page = browser.new_page(viewport={"width": WIDTH, "height": 1000}, device_scale_factor=SCALE)
        page.goto(address, timeout=WAIT)
        says(page, "Choose a sample")
        identify_sample(page, SAMPLE)
        says(page, f"{SAMPLE}: 5 faces")
        page.wait_for_timeout(500)
        panel = page.locator(".facelab-input").locator("xpath=ancestor::*[contains(@class, 'widget-vbox')][last()]")
        picture = Image.open(io.BytesIO(panel.screenshot())).convert("RGB")
        browser.close()
    white = Image.new("RGB", picture.size, "white")
    used = ImageChops.difference(picture, white).getbbox()
    return ImageOps.expand(picture.crop(used), 12, "white")


def main() -> None:
    """Make the picture."""
    with TemporaryDirectory() as folder:
        gallery = Path(folder, "people.gallery")
        make_gallery(gallery)
        environment = {**os.environ, "FACELAB_GALLERY": str(gallery), "OMP_NUM_THREADS": "1"}
        with serving(app_command(), Path(folder, "log.txt"), environment, ROOT) as address:
            picture = take(address)
    picture.save(PICTURE, quality=75, subsampling=0, optimize=True)
    print(f"{PICTURE.name}: {picture.width}×{picture.height} pixels, {PICTURE.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
