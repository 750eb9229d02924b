"""Lays portraits out side by side, for the README and for looking at them: `contact_sheet.py data/cast sheet.jpg`."""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

SHOWN = (0, 3, 10)  # of a person's twelve portraits: frontal, turned or with glasses, nearly in profile
COLUMNS, SIDE = 12, 112


def contact_sheet(cast: Path, shown: tuple[int, ...] = SHOWN, columns: int = COLUMNS, side: int = SIDE) -> Image.Image:
    """Make a picture of the portraits with these numbers of everybody, person by person."""
    people = sorted({path.name.split("_")[0] for path in (cast / "portraits").glob("*.jpg")})
    paths = [cast / "portraits" / f"{person}_{k:02d}.jpg" for person in people for k in shown]
    if not paths:
        raise FileNotFoundError(f"There are no portraits in {cast}: render them first.")
    sheet = Image.new("RGB", (columns * side, -(-len(paths) // columns) * side), "white")
    for k, path in enumerate(paths):
        with Image.open(path) as picture:
            tile = picture.convert("RGB").resize((side, side), Image.Resampling.LANCZOS)
        sheet.paste(tile, (k % columns * side, k // columns * side))
    return sheet


if __name__ == "__main__":
    cast, out = map(Path, sys.argv[1:])
    contact_sheet(cast).save(out, quality=90)
