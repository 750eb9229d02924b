"""What a person does with IdentifyPeople, step by step, in whatever page it is shown."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from PIL import Image

from facelab import scene_files

WAIT = 120_000  # milliseconds, for the slowest thing that a page waits for: a kernel that imports torch
SAMPLE = "cafe, 3 people"
THREE_PEOPLE = scene_files()[0]
NOBODY = next(path for path in scene_files() if path.stem == "office_0")


def says(page, pattern: str):
    """Wait until what the page says in place (a status, an alert) matches a pattern."""
    found = page.locator("[role=status], [role=alert]").filter(has_text=re.compile(pattern)).first
    found.wait_for(timeout=WAIT)
    return found


def button(page, name: str):
    return page.get_by_role("button", name=name, exact=True)


def faces(page):
    """Find the buttons of the faces below the photo."""
    return page.locator("button.facelab-face")


def known_faces(page):
    return page.locator("button.facelab-face.facelab-known")


def expect_faces(page, known: str) -> int:
    """Wait until all the faces, or none of them, are known, and count the faces."""
    total = faces(page).count()
    wanted = {"all": total, "none": 0}[known]
    page.wait_for_function(
        "n => document.querySelectorAll('button.facelab-face.facelab-known').length === n", arg=wanted, timeout=WAIT
    )
    return total


def identify_sample(page, sample: str = SAMPLE) -> None:
    page.get_by_label("sample", exact=True).select_option(sample)
    button(page, "Identify").click()


def press_on_slider(page, key: str) -> None:
    """Move the threshold by keyboard: Home is 0, at which nobody is known, and End is 2, at which everybody is."""
    page.locator(".noUi-handle").focus()
    page.keyboard.press(key)


def upload(page, *files: Path) -> None:
    page.locator("input[type=file]").set_input_files(files)


def enrol(page, name: str) -> None:
    page.get_by_label("name", exact=True).fill(name)
    button(page, "Enrol this face").click()


def known_people(page) -> list[str]:
    names = page.get_by_label("known people", exact=True).locator("option").all_text_contents()
    return [name.replace("\xa0", " ") for name in names]  # which ipywidgets puts for blanks


def overflows(page) -> float:
    """By how many pixels something in the widget is wider than it, or the widget wider than the window."""
    return page.evaluate(
        """() => {
          const all = document.querySelector('.facelab-input').closest('.widget-vbox');
          const right = Math.max(...[...all.querySelectorAll('*')].map(one => one.getBoundingClientRect().right));
          const edge = all.getBoundingClientRect().right;
          return Math.max(right - edge, edge - window.innerWidth);
        }"""
    )


def write_large_photo(path: Path) -> Path:
    """Write a group photo of more megabytes than a message to a kernel may have."""
    photo = np.asarray(Image.open(THREE_PEOPLE).resize((3000, 2000)), np.int16)
    noise = np.random.default_rng(0).integers(-20, 20, photo.shape, dtype=np.int16)
    Image.fromarray((photo + noise).clip(0, 255).astype(np.uint8)).save(path, quality=100, subsampling=0)
    assert path.stat().st_size > 11e6
    return path


def write_camera_film(path: Path, photo: Path) -> Path:
    """Write what Chromium's pretended camera is to see: a photo, as uncompressed video (YUV4MPEG2)."""
    y, cb, cr = Image.open(photo).convert("RGB").resize((320, 320)).convert("YCbCr").split()
    planes = [np.asarray(y), np.asarray(cb.resize((160, 160))), np.asarray(cr.resize((160, 160)))]
    frame = b"FRAME\n" + b"".join(plane.tobytes() for plane in planes)
    path.write_bytes(b"YUV4MPEG2 W320 H320 F10:1 Ip A1:1 C420jpeg\n" + 3 * frame)
    return path
