"""Write the README's picture, notebooks/overview.png: notebook 00's first stored figure. `make run` calls it."""

import base64
from pathlib import Path

import nbformat

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"


def first_figure(notebook: Path) -> bytes:
    """Return the PNG of the first output of a notebook that has one; StopIteration where none has."""
    outputs = (output for cell in nbformat.read(notebook, as_version=4).cells for output in cell.get("outputs", []))
    return base64.b64decode(next(o.data["image/png"] for o in outputs if "image/png" in o.get("data", {})))


if __name__ == "__main__":
    (NOTEBOOKS / "overview.png").write_bytes(first_figure(NOTEBOOKS / "00_start_here.ipynb"))
