"""Every exercise can be solved: after the notebook ran, its solution is judged right, and what is no answer wrong.

With both switches at their defaults, nbval asks this (conftest.py). Here the notebooks run with both elsewhere, on a
folder of photos and with weights from a file.
"""

import multiprocessing
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import nbformat
import notebook_checks as checks
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from solve_exercises import run

from facelab import load_cast, open_image

TESTS = Path(__file__).resolve().parent
FEWEST_TO_TRAIN_ON = 12, 5  # people, photos of each: with fewer people, notebook 05 takes the cast
NOTEBOOKS = sorted((TESTS.parent / "notebooks").glob("*.ipynb"))
SHOW_PHOTOS = NOTEBOOKS[:2]  # these show some of the photos, but do not work with them

# Each notebook gets a fresh process, and on Linux a copy of one that has imported what all of them need (elsewhere
# libraries may not bear to be copied, or cannot be).
PROCESSES = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
IMPORTED = ["facelab.detection", "facelab.embedding", "facelab.plots", "IPython", "sklearn.metrics", "scipy.stats"]
PROCESSES.set_forkserver_preload(IMPORTED)


@pytest.fixture(scope="session")
def switched(tmp_path_factory) -> Callable[[int, int], dict[str, str]]:
    """Write a folder of photos, of so many people and photos of each, of other sizes and kinds, and a file of weights.

    What is called gives the environment variables that name them.
    """
    weights = shutil.copy(
        next((TESTS.parent / "facelab" / "weights").glob("*.safetensors")), tmp_path_factory.mktemp("weights")
    )

    def write(people: int, photos_each: int) -> dict[str, str]:
        folder = tmp_path_factory.mktemp("own")
        cast = load_cast().groupby("person").head(photos_each)
        for i, photo in enumerate(cast[cast.person < f"person_{people:02}"].itertuples()):
            own = folder / f"Neighbour {photo.person[-2:]}" / f"{i}.{('png', 'jpg', 'webp')[i % 3]}"
            own.parent.mkdir(exist_ok=True)
            open_image(photo.path).resize((200 + i, 200 + i)).save(own)
        return {"FACELAB_PHOTOS": str(folder), "FACELAB_MODEL": str(weights)}

    return write


def solve(notebook: nbformat.NotebookNode, folder: Path, switches: dict[str, str] | None = None) -> list[str]:
    """Run a notebook, and its solutions, in a process of its own; return `solve_exercises.find_problems`."""
    environment = {"FACELAB_LFW": ""} | (switches or {})  # with LFW, where it is, nbval runs them
    cells = [(cell.source, "raises-exception" in checks.tags(cell)) for _, cell in checks.code_cells(notebook)]
    exercises = checks.exercise_cells(notebook), checks.solutions(notebook)
    with ProcessPoolExecutor(1, PROCESSES) as process:
        return process.submit(run, folder, environment, cells, *exercises).result()


@pytest.mark.parametrize("path", [path for path in NOTEBOOKS if path not in SHOW_PHOTOS], ids=lambda path: path.stem)
def test_exercises(path, switched):
    notebook = nbformat.read(path, 4)
    for cell in notebook.cells:
        # a cluster takes long to begin with, and knows no photos: nbval and test_folders.py have one
        before, cluster, _ = cell.source.partition("two = LocalCluster")
        cell.source = before + "report = embed_folder(shelf, out, progress=False)" if cluster else before
    people = FEWEST_TO_TRAIN_ON if path.stem == "05_fine_tune" else (4, 10)
    assert solve(notebook, path.parent, switched(*people)) == []


@pytest.mark.parametrize("path", SHOW_PHOTOS, ids=lambda path: path.stem)
def test_own_photos_are_shown(path, switched):
    code = [cell for _, cell in checks.code_cells(nbformat.read(path, 4))]
    before = new_code_cell("from facelab import FaceDetector\n\ndetector = FaceDetector()")
    shows = [cell for cell in code if "load_photos" in cell.source]
    own = new_code_cell("assert set(load_photos().person) == {f'Neighbour {number:02}' for number in range(4)}")
    assert shows
    assert solve(new_notebook(cells=[*code[:2], before, *shows, own]), path.parent, switched(4, 3)) == []


def test_few_own_photos_are_too_few_to_train_on(switched):
    path = TESTS.parent / "notebooks" / "05_fine_tune.ipynb"
    code = [cell for _, cell in checks.code_cells(nbformat.read(path, 4))][:3]
    assert "split_people" in code[-1].source
    # all of them, without looking for their faces, which takes long
    code.insert(1, new_code_cell("def crop_photos(table):\n    return table.reset_index(drop=True), None"))
    chosen = "assert set(photos.person) == set(load_cast().person) and not set(strangers.person) & set(photos.person)"
    assert solve(new_notebook(cells=[*code, new_code_cell(chosen)]), path.parent, switched(4, 3)) == []


SETUP = """\
from facelab.exercises import check, exercise

n = 1


def judge(answer, right):
    return None if answer in right else "It is another number."


for number, right in {"99.1": [2], "99.2": [2], "99.3": [2], "99.4": [2, None]}.items():
    exercise(number, "Right: two it is.")(lambda answer, right=right: judge(answer, right))
"""
SOLUTION = """\
<details>
<summary>Solution</summary>

```python
answer = {answer}
check("{number}", answer)
```

</details>
"""


def make_notebook(stored: dict[str, str], solved: dict[str, str]) -> nbformat.NotebookNode:
    """Make a notebook with these answers stored, and these in its solutions."""
    asked = [new_code_cell(f'check("{number}", {answer})') for number, answer in stored.items()]
    folded = [new_markdown_cell(SOLUTION.format(number=number, answer=answer)) for number, answer in solved.items()]
    return new_notebook(cells=[new_code_cell(SETUP), *asked, *folded])


WRONG = {"99.1": "...", "99.2": "...", "99.3": "2", "99.4": "..."}, {"99.1": "n + 1", "99.2": "n + 2", "99.3": "2"}
PROBLEMS = [
    "99.3, as it stands: judged right (✓ 99.3  Right: two it is.)",
    "99.4, no answers: judged right (✓ 99.4  Right: two it is.)",
    "99.2, solutions: judged wrong (✗ 99.2  It is another number.)",
    "solutions: not every exercise was judged, 4 are there",
]


def test_wrong_exercises_are_found(tmp_path):
    assert solve(make_notebook(*WRONG), tmp_path) == PROBLEMS
    sound = {"99.1": "...", "99.2": "..."}, {"99.1": "2", "99.2": "2"}
    assert solve(make_notebook(*sound), tmp_path) == []
    short = make_notebook(*sound)
    short.cells[0].source = SETUP.replace("It is another number.", "no")
    assert solve(short, tmp_path)[0] == "99.1, no answers: the verdict is no sentence ('no')"


def test_solution_that_fails_is_named_with_its_error(tmp_path):
    with pytest.raises(NameError, match="name 'undefined' is not defined"):
        solve(make_notebook({"99.1": "..."}, {"99.1": "undefined + 1"}), tmp_path)


def test_nbval_finds_wrong_exercises_too(tmp_path):
    nbformat.write(make_notebook(*WRONG), tmp_path / "wrong.ipynb")
    options = ["--nbval", "--nbval-current-env", "-rA", "--color=no", "-p", "no:cacheprovider", "-p", "no:xdist"]
    command = [sys.executable, "-m", "pytest", "-p", "conftest", *options]
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(TESTS)}, capture_output=True, text=True
    )
    assert re.findall(r"^(PASSED|FAILED) wrong\.ipynb::(Cell \d|Exercises)", done.stdout, re.MULTILINE) == [
        *(("PASSED", f"Cell {number}") for number in range(5)),
        ("FAILED", "Exercises"),
    ]
    assert all(problem in done.stdout for problem in PROBLEMS)
