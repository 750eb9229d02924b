"""Every exercise can be solved: after the notebook ran, its solution is judged right, and what is no answer wrong.

The notebooks run here with both switches away from their defaults, on a folder of photos and with weights from a file;
with the defaults nbval runs them.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import notebook_checks as checks
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from facelab import load_cast, open_image

TESTS = Path(__file__).resolve().parent
FEWEST_TO_TRAIN_ON = 12, 5  # people, photos of each: with fewer people, notebook 05 takes the cast
NOTEBOOKS = sorted((TESTS.parent / "notebooks").glob("*.ipynb"))


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


def run_exercises(notebook: Path, folder: Path, switches: dict[str, str] | None = None) -> dict[str, list]:
    """Run a notebook and its solutions in a process of its own; return the report of run_exercises.py."""
    report = folder / "report.json"
    environment = os.environ | {"FACELAB_LFW": ""} | (switches or {})  # with LFW, where it is, nbval runs them
    command = [sys.executable, "-X", "utf8", TESTS / "run_exercises.py", notebook, report]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", env=environment)
    assert done.returncode == 0, (
        f"{notebook.name} or a solution in it fails:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    )
    return json.loads(report.read_text(encoding="utf-8"))


def find_problems(notebook: Path, report: dict[str, list]) -> list[str]:
    """Return what is wrong with the exercises of a notebook, by what `check` said."""
    contents = nbformat.read(notebook, as_version=4)
    asked = [number for _, cell in checks.code_cells(contents) for number in checks.CHECK_CALL.findall(cell.source)]
    problems = []
    for part, right in {"notebook": False, "no answers": False, "solutions": True}.items():
        for number, verdict, sentence in report[part]:
            if verdict is not right:
                problems.append(f"{number}, {part}: judged {'right' if verdict else 'wrong'} ({sentence})")
            if len(sentence) < 10:
                problems.append(f"{number}, {part}: the verdict is no sentence ({sentence!r})")
        if list(dict.fromkeys(number for number, *_ in report[part])) != asked:
            problems.append(f"{part}: not every exercise was judged, {len(asked)} are there")
    return problems


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_exercises(notebook, tmp_path, switched):
    people = FEWEST_TO_TRAIN_ON if notebook.stem == "05_fine_tune" else (4, 10)
    assert find_problems(notebook, run_exercises(notebook, tmp_path, switched(*people))) == []


def test_few_own_photos_are_too_few_to_train_on(tmp_path, switched):
    contents = nbformat.read(TESTS.parent / "notebooks" / "05_fine_tune.ipynb", as_version=4)
    code = [cell for cell in contents.cells if cell.cell_type == "code"][:3]
    assert "split_people" in code[-1].source
    chosen = "assert set(photos.person) == set(load_cast().person) and not set(strangers.person) & set(photos.person)"
    nbformat.write(new_notebook(cells=[*code, new_code_cell(chosen)]), tmp_path / "beginning.ipynb")
    run_exercises(tmp_path / "beginning.ipynb", tmp_path, switched(4, 3))


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


def write_notebook(path: Path, stored: dict[str, str], solved: dict[str, str]) -> Path:
    """Write a notebook with these answers stored, and these in its solutions."""
    asked = [new_code_cell(f'check("{number}", {answer})') for number, answer in stored.items()]
    folded = [new_markdown_cell(SOLUTION.format(number=number, answer=answer)) for number, answer in solved.items()]
    nbformat.write(new_notebook(cells=[new_code_cell(SETUP), *asked, *folded]), path)
    return path


def test_wrong_exercises_are_found(tmp_path):
    stored = {"99.1": "...", "99.2": "...", "99.3": "2", "99.4": "..."}
    solved = {"99.1": "n + 1", "99.2": "n + 2", "99.3": "2", "99.4": "2"}
    notebook = write_notebook(tmp_path / "notebook.ipynb", stored, solved)
    report = run_exercises(notebook, tmp_path)
    assert find_problems(notebook, report) == [
        "99.3, notebook: judged right (✓ 99.3  Right: two it is.)",
        "99.4, no answers: judged right (✓ 99.4  Right: two it is.)",
        "99.2, solutions: judged wrong (✗ 99.2  It is another number.)",
    ]
    del report["solutions"][-1]
    report["solutions"][0][2] = "no"
    problems = find_problems(notebook, report)
    assert "99.1, solutions: the verdict is no sentence ('no')" in problems
    assert problems[-1] == "solutions: not every exercise was judged, 4 are there"


def test_solution_that_fails_is_named_with_its_error(tmp_path):
    notebook = write_notebook(tmp_path / "notebook.ipynb", {"99.1": "..."}, {"99.1": "undefined + 1"})
    with pytest.raises(AssertionError, match="name 'undefined' is not defined"):
        run_exercises(notebook, tmp_path)
