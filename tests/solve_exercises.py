"""Are the exercises of a notebook sound? `check` says no to them as they stand and to what is no answer, and yes to the
solutions.

Asked in the process in which the notebook has just run: nbval's kernel (conftest.py), or one that `run` gave to it
(test_exercises.py).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from IPython.core.interactiveshell import InteractiveShell

from facelab import exercises

CHECK_CALL = re.compile(r"\bcheck\(\s*[\"'](\d\d\.\d+)[\"']")
NO_ANSWERS = (..., None, "", "no answer", float("nan"), -1, [], {}, object(), lambda *_: None)


def find_problems(shell: InteractiveShell, asked: Sequence[str], solutions: Sequence[str]) -> list[str]:
    """Return what is wrong with the exercises of the notebook whose cells have run in this shell.

    Parameters
    ----------
    shell : InteractiveShell
    asked, solutions : sequences of str
        The code cells in which `check` is called, and the code of the folded solutions.
    """
    verdict_class, said, problems = exercises.Verdict, [], []
    numbers = [number for cell in asked for number in CHECK_CALL.findall(cell)]

    def recorded(*fields: object) -> exercises.Verdict:
        said.append(verdict_class(*fields))
        return said[-1]

    def judge(part: str, right: bool, acts: Iterable[Callable[[], object]]) -> None:
        said.clear()
        for act in acts:
            act()
        for verdict in said:
            if verdict.right is not right:
                problems.append(f"{verdict.number}, {part}: judged {'right' if verdict else 'wrong'} ({verdict})")
            if len(verdict.sentence) < 10:
                problems.append(f"{verdict.number}, {part}: the verdict is no sentence ({verdict.sentence!r})")
        if list(dict.fromkeys(verdict.number for verdict in said)) != numbers:
            problems.append(f"{part}: not every exercise was judged, {len(numbers)} are there")

    exercises.Verdict = recorded  # not `check`, which the notebook has imported under its own name
    try:
        judge("as it stands", False, (partial(execute, shell, cell) for cell in asked))
        judge("no answers", False, (partial(exercises.check, number, no) for number in numbers for no in NO_ANSWERS))
        judge("solutions", True, (partial(execute, shell, code) for code in solutions))
    finally:
        exercises.Verdict = verdict_class
    return problems


def execute(shell: InteractiveShell, code: str) -> None:
    """Run a cell; whatever it raises is raised."""
    shell.run_cell(code).raise_error()


def run(
    folder: Path,
    environment: Mapping[str, str],
    cells: Sequence[tuple[str, bool]],
    asked: Sequence[str],
    solutions: Sequence[str],
) -> list[str]:
    """Run the cells of a notebook in this process, without drawing its figures; return `find_problems`.

    Parameters
    ----------
    folder : Path
        Where Jupyter would run them.
    environment : {str: str}
        Variables to set before.
    cells : sequence of (str, bool)
        Code, and whether it may raise.
    asked, solutions : sequences of str
        As `find_problems` takes them.
    """
    import matplotlib.pyplot as plt

    os.environ.update(environment)
    os.chdir(folder)
    plt.switch_backend("agg")
    shell = InteractiveShell.instance()
    for code, may_raise in cells:
        result = shell.run_cell(code)
        plt.close("all")
        if not may_raise:
            result.raise_error()
    return find_problems(shell, asked, solutions)
