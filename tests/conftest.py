"""What several tests share: where Labeled Faces in the Wild lies, where it does."""

import os
from pathlib import Path

import matplotlib as mpl
import pytest

mpl.use("agg")


@pytest.fixture(scope="session")
def lfw() -> Path:
    """The folder that FACELAB_LFW names: images/NAME/NAME_0001.jpg and pairs.txt."""
    folder = os.environ.get("FACELAB_LFW")
    if not folder:
        pytest.skip("FACELAB_LFW names no folder with Labeled Faces in the Wild")
    return Path(folder)


LONGEST = ("test_exercises.py", "05_fine_tune.ipynb", "test_voila.py", "test_lab.py", "01_detect_faces.ipynb", ".ipynb")


def pytest_collection_modifyitems(items):
    """Begin with what takes longest, so that no worker has to wait for it in the end (see `make test`)."""
    items.sort(
        key=lambda item: next((k for k, part in enumerate(LONGEST) if item.path.name.endswith(part)), len(LONGEST))
    )
