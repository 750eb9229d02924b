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
