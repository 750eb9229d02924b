"""What several tests share: where Labeled Faces in the Wild lies, if it does, and what else nbval asks of notebooks."""

import os
from collections import defaultdict
from pathlib import Path

import matplotlib as mpl
import notebook_checks as checks
import pytest
from nbformat.v4 import new_code_cell
from nbval.plugin import IPyNbCell, IPyNbFile

mpl.use("agg")


@pytest.fixture(scope="session")
def lfw() -> Path:
    """The folder that FACELAB_LFW names: images/NAME/NAME_0001.jpg and pairs.txt."""
    folder = os.environ.get("FACELAB_LFW")
    if not folder:
        pytest.skip("FACELAB_LFW names no folder with Labeled Faces in the Wild")
    return Path(folder)


LONGEST = ("test_exercises.py", "05_fine_tune.ipynb", "test_voila.py", "test_lab.py", "01_detect_faces.ipynb", ".ipynb")


@pytest.hookimpl(tryfirst=True)  # before -k chooses
def pytest_collection_modifyitems(items):
    """Ask of each notebook that nbval runs whether its exercises are sound.

    And begin with what takes longest, so that no worker has to wait for it in the end (see `make test`).
    """
    last = {item.parent: item for item in items if isinstance(item, IPyNbCell)}  # cell of each notebook
    for notebook, cell in last.items():
        if checks.exercise_cells(notebook.nb):
            items.insert(items.index(cell) + 1, exercises_of(notebook))
    items.sort(
        key=lambda item: next((k for k, part in enumerate(LONGEST) if item.path.name.endswith(part)), len(LONGEST))
    )


def exercises_of(notebook: IPyNbFile) -> IPyNbCell:
    """Make one more cell for nbval to run after the last one, in the same kernel: it raises what is wrong."""
    given = checks.exercise_cells(notebook.nb), checks.solutions(notebook.nb)
    source = f"""\
import sys
sys.path.append({str(Path(__file__).parent)!r})
from solve_exercises import find_problems
problems = find_problems(get_ipython(), *{given!r})
assert not problems, chr(10).join(problems)
"""
    cell, options = new_code_cell(source), defaultdict(bool)
    return IPyNbCell.from_parent(
        notebook, name="Exercises", cell_num=len(notebook.nb.cells), cell=cell, options=options
    )
