"""Run a notebook and then its folded solutions, and write down what `check` said to each answer.

A program of its own, so that each notebook gets a fresh process: `python run_exercises.py NOTEBOOK REPORT`. It runs the
cells without a Jupyter kernel and draws no figure, which saves time. The report is JSON: what was said in the notebook,
to each of NO_ANSWERS, and in the solutions, each a list of [number, verdict, sentence].
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import matplotlib as mpl
import nbformat
from IPython.core.interactiveshell import InteractiveShell
from notebook_checks import code_cells, solutions, tags

from facelab import exercises

NO_ANSWERS = (..., None, "", "no answer", float("nan"), -1, [], {}, object(), lambda *_: None)


def run(notebook: nbformat.NotebookNode) -> dict[str, list]:
    """Execute all code cells, then all solutions, in one namespace; return the report."""
    import matplotlib.pyplot as plt

    report: dict[str, list] = {"notebook": [], "no answers": [], "solutions": []}
    part = "notebook"
    check = exercises.check

    def recorded(number, *answer):
        verdict = check(number, *answer)
        report[part].append((number, bool(verdict), str(verdict)))
        return verdict

    exercises.check = recorded  # before the notebook imports it
    shell = InteractiveShell.instance()
    for _, cell in code_cells(notebook):
        result = shell.run_cell(cell.source)
        plt.close("all")
        if "raises-exception" not in tags(cell):
            result.raise_error()
    part = "no answers"
    for number in dict.fromkeys(number for number, *_ in report["notebook"]):
        for answer in NO_ANSWERS:
            recorded(number, answer)
    part = "solutions"
    for code in solutions(notebook):
        shell.run_cell(code).raise_error()
        plt.close("all")
    return report


if __name__ == "__main__":
    mpl.use("agg")
    notebook_path, report_path = (Path(argument).resolve() for argument in sys.argv[1:])
    contents = nbformat.read(notebook_path, as_version=4)
    os.chdir(notebook_path.parent)  # where Jupyter runs it
    report_path.write_text(json.dumps(run(contents)), encoding="utf-8")
