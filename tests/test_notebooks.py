"""The stored notebooks are what they should be, and whatever would say so fails when they are not.

nbval, which `make test` runs beside this, executes the notebooks and compares what comes out with what is stored.
"""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import notebook_checks as checks
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbval.plugin import get_sanitize_patterns

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SANITIZING = Path(__file__).with_name("notebooks.cfg")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook(path):
    assert checks.find_problems(path) == []


def test_allowances_are_for_notebooks_that_exist():
    assert checks.UNCOMPARED.keys() <= {path.stem for path in NOTEBOOKS}


# A notebook in which nothing is wrong, made in memory, and one change for each thing that can be.


def solution(name: str) -> str:
    return (
        f"<details>\n<summary>Solution</summary>\n\n```python\nanswer = 1\ncheck('{name}', answer)\n```\n\n</details>"
    )


LINKS = "[Glossary](glossary.md) · [References](references.md)"


def sound_notebook() -> nbformat.NotebookNode:
    """Make a short notebook without problems: title, figure, a cell of each kind, three exercises with solutions."""
    streams = [new_output("stream", name="stdout", text="2 faces\n")]
    cells = [
        new_markdown_cell(f"# Where is a face?\n\n{LINKS}\n\n![Two faces, each in a box](boxes.png)"),
        new_code_cell("print(2, 'faces')", execution_count=1, outputs=streams),
        new_markdown_cell("## Exercises\n\n### 00.1\n\n<img src='a.png' alt='A face'>\n\n```\n# no heading\n```"),
        *(new_code_cell(f'check("00.{k}", ...)', execution_count=k + 1) for k in (1, 2, 3)),
        new_markdown_cell("\n\n".join([*(solution(f"00.{k}") for k in (1, 2, 3)), LINKS])),
    ]
    notebook = new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return notebook


def of(cell: int, **values):
    """Make a change that sets fields of one cell."""
    return lambda notebook: notebook.cells[cell].update(values)


def output(cell: int, kind: str, **values):
    """Make a change that adds an output to one cell."""
    return lambda notebook: notebook.cells[cell].outputs.append(new_output(kind, **values))


def tagged(cell: int, *tags: str):
    """Make a change that tags one cell."""
    return lambda notebook: notebook.cells[cell].metadata.update(tags=list(tags))


HOME = "/home" + "/ada/faces"  # in two parts, because no file of this repository may hold such a path
WINDOWS_HOME = "C:" + "\\Users\\ada"
ERROR = {"ename": "ValueError", "evalue": "no face", "traceback": []}

BROKEN = [
    (checks.execution_counts, of(1, execution_count=None), "cell 2 has execution count None, 1 is expected"),
    (checks.execution_counts, of(3, execution_count=7), "cell 4 has execution count 7, 2 is expected"),
    (checks.execution_counts, of(1, source="  "), "cell 2 is an empty code cell"),
    (checks.stored_errors, output(1, "error", **ERROR), "cell 2 stores an error, ValueError: no face"),
    (
        checks.stored_errors,
        output(1, "stream", name="stderr", text="UserWarning: old"),
        "on stderr: 'UserWarning: old'",
    ),
    (checks.machine_paths, of(1, source=f"load('{HOME}')"), f"cell 2 holds a path of one machine, '{HOME}"),
    (checks.machine_paths, of(0, source=f"# Look in\n{WINDOWS_HOME}"), "cell 1 holds a path of one machine, 'C:"),
    (checks.machine_paths, output(1, "stream", text=f"saved to {HOME}\n"), "cell 2 holds a path of one machine"),
    (checks.machine_paths, output(1, "display_data", data={"text/html": f"<a href='{HOME}'>"}), "cell 2 holds a path"),
    (checks.machine_paths, output(1, "error", **ERROR | {"traceback": [f"File {HOME}/a.py"]}), "cell 2 holds a path"),
    (
        checks.memory_addresses,
        output(1, "execute_result", data={"text/plain": "<Line2D at 0x7f00aa>"}),
        "cell 2 shows an object's address, '<Line2D at 0x7f00aa'",
    ),
    (
        checks.progress_bars,
        output(1, "display_data", data={"text/plain": "  0%|          | 0/3 [00:00<?, ?it/s]"}),
        "cell 2 stores a progress bar",
    ),
    (checks.kernel, lambda notebook: notebook.metadata.kernelspec.update(name="my-env"), "the kernel is 'my-env'"),
    (checks.kernel, lambda notebook: notebook.metadata.clear(), "the kernel is None"),
    (checks.cell_ids, lambda notebook: notebook.cells[0].pop("id"), "cells lack ids"),
    (checks.cell_ids, lambda notebook: notebook.update(nbformat_minor=4), "cells lack ids"),
    (checks.cell_ids, lambda notebook: notebook.cells[0].update(id=notebook.cells[1].id), "is used 2 times"),
    (checks.headings, of(0, source="Where is a face?"), "the first cell is not a markdown title"),
    (checks.headings, lambda notebook: notebook.cells.pop(0), "the first cell is not a markdown title"),
    (checks.headings, of(2, source="### Exercises"), "cell 3 has a heading of level 3 below one of level 1"),
    (checks.headings, of(2, source="# Exercises"), "cell 3 has a second title"),
    (checks.bloat, lambda notebook: notebook.metadata.update(widgets={}), "the state of widgets is stored"),
    (checks.bloat, lambda notebook: notebook.cells[1].metadata.update(execution={}), "cell 2 stores time stamps"),
    (checks.bloat, output(1, "display_data", data={"image/png": "A" * 3_000_000}), "the notebook has 3.0 MB"),
    (checks.trailing_whitespace, of(0, source="# Title \n\ntext"), "cell 1 has a line that ends in spaces"),
    (checks.trailing_whitespace, of(1, source="x = 1\n"), "cell 2 ends in an empty line"),
    (checks.uncompared_cells, tagged(1, "nbval-ignore-output"), "cell 2 is not compared (nbval-ignore-output): assert"),
    (checks.uncompared_cells, tagged(1, "raises-exception"), "1 cells are not compared, UNCOMPARED"),
    (checks.uncompared_cells, of(1, source="# NBVAL_SKIP\nprint(1)"), "cell 2 is not compared (nbval-skip): assert"),
    (checks.uncompared_cells, tagged(5, "nbval-skip"), "cell 6 is not compared (nbval-skip): assert"),
    (checks.alternative_texts, of(0, source="# T\n\n![](boxes.png)"), "cell 1 has an image without alternative text"),
    (checks.alternative_texts, of(0, source='# T\n\n<img src="a.png">'), "cell 1 has an image without"),
    (checks.alternative_texts, of(0, source='# T\n\n<img src="a.png" alt="">'), "cell 1 has an image without"),
    (checks.exercises, lambda notebook: notebook.cells.pop(5), "2 exercises"),
    (checks.exercises, of(3, source='check("00.4", ...)'), "the exercises are numbered 00.4, 00.2, 00.3"),
    (checks.exercises, of(6, source=solution("00.1")), "the solutions 00.1: give each a <details> block"),
    (checks.exercises, lambda notebook: notebook.cells.append(new_code_cell("1 + 1")), "last code cell is not an exer"),
    (checks.navigation, of(0, source=f"# Where is a face?\n\nText.\n\n{LINKS}"), "cell 1 lacks this line below its"),
    (checks.navigation, of(6, source=f"{LINKS}\n\nText."), f"cell 7, the last one, should end in this line: {LINKS}"),
    (checks.navigation, lambda notebook: notebook.cells.append(new_markdown_cell("The end")), "cell 8, the last one"),
    (checks.folded_blocks, of(6, source="<details>\n<summary>x</summary>"), "cell 7 has a <details> that does not"),
    (checks.folded_blocks, of(6, source="<details open>\n</details>"), "cell 7 has a <details> that does not close"),
    (checks.folded_blocks, of(6, source="<details>\n\nx\n\n</details>"), "folds something away without a <summary>"),
    (checks.folded_blocks, of(6, source=solution("00.1").replace("\n\n```p", "\n```p")), "needs an empty line before"),
]


def test_sound_notebook_has_no_problem(tmp_path):
    nbformat.write(sound_notebook(), tmp_path / "sound.ipynb")
    assert checks.find_problems(tmp_path / "sound.ipynb") == []


@pytest.mark.parametrize(("check", "change", "expected"), BROKEN, ids=lambda value: getattr(value, "__name__", ""))
def test_each_check_finds_what_it_is_for(check, change, expected):
    notebook = sound_notebook()
    assert check(notebook) == []
    change(notebook)
    assert expected in "\n".join(check(notebook))


def test_every_check_is_made_on_files_and_has_a_broken_example():
    assert {check for check, _, _ in BROKEN} == {*checks.CHECKS, checks.uncompared_cells, checks.navigation}


def test_a_notebook_that_is_added_must_be_led_to(tmp_path):
    names = ["00_first.ipynb", "01_second.ipynb"]
    lines = [f"[Notebook 01 →](01_second.ipynb) · {LINKS}", f"[← Notebook 00](00_first.ipynb) · {LINKS}"]
    for name, line in zip(names, lines, strict=True):
        notebook = sound_notebook()
        for cell in (notebook.cells[0], notebook.cells[-1]):
            cell.source = cell.source.replace(LINKS, line)
        nbformat.write(notebook, tmp_path / name)
    assert [checks.find_problems(tmp_path / name) for name in names] == [[], []]
    (tmp_path / "02_third.ipynb").touch()
    assert checks.find_problems(tmp_path / names[0]) == []
    missing = f"[← Notebook 00](00_first.ipynb) · [Notebook 02 →](02_third.ipynb) · {LINKS}"
    assert [problem.endswith(missing) for problem in checks.find_problems(tmp_path / names[1])] == [True, True]


def test_an_uncompared_cell_is_right_if_allowed_for_and_asserted():
    notebook = sound_notebook()
    tagged(1, "nbval-ignore-output")(notebook)
    of(3, source='assert faces == 2\ncheck("00.1", ...)')(notebook)
    assert checks.uncompared_cells(notebook, allowed=1) == []
    assert "1 cells are not compared, UNCOMPARED in tests/notebook_checks.py allows 2" in "".join(
        checks.uncompared_cells(notebook, allowed=2)
    )
    tagged(3, "nbval-skip")(notebook)  # an assert that is not run asserts nothing
    assert "cell 2 is not compared" in checks.uncompared_cells(notebook, allowed=2)[0]


def test_paths_in_addresses_of_the_web_and_in_images_are_no_machine_paths():
    notebook = sound_notebook()
    of(0, source=f"# T\n\nhttps://example.org{HOME} and ../data{HOME} and `a/b`")(notebook)
    output(1, "display_data", data={"image/png": f"xx {HOME}", "text/html": f"<img src='data:base64,AA+{HOME}'>"})(
        notebook
    )
    assert checks.machine_paths(notebook) == []


def test_a_stored_error_is_right_where_it_is_meant():
    notebook = sound_notebook()
    output(1, "error", **ERROR)(notebook)
    tagged(1, "raises-exception")(notebook)
    assert checks.stored_errors(notebook) == []


def test_files_that_are_no_notebooks(tmp_path):
    for name, text in {"a": "not json", "b": "{}", "c": '{"nbformat": 4, "nbformat_minor": 5}'}.items():
        (tmp_path / name).write_text(text)
        (problem,) = checks.find_problems(tmp_path / name)
        assert problem.startswith("this is not a valid notebook (")


def test_command_prints_each_problem_and_fails(tmp_path, capsys):
    nbformat.write(sound_notebook(), tmp_path / "sound.ipynb")
    broken = sound_notebook()
    broken.cells.pop()
    nbformat.write(broken, tmp_path / "broken.ipynb")
    assert checks.main([str(tmp_path / "sound.ipynb")]) == 0
    assert capsys.readouterr().out == "1 notebooks checked: nothing to mend\n"
    assert checks.main([str(tmp_path / "sound.ipynb"), str(tmp_path / "broken.ipynb")]) == 1
    assert (
        f"{tmp_path / 'broken.ipynb'}: the exercises are 00.1, 00.2, 00.3, the solutions none"
        in capsys.readouterr().out
    )


def test_nbval_reads_every_sanitizing_rule():
    text = SANITIZING.read_text(encoding="utf-8")
    assert len(get_sanitize_patterns(text)) == len(re.findall("^regex:", text, re.MULTILINE)) > 0


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("P-Net  0.41 s", "P-Net 12.05 s", True),
        ("12.3 ms ± 34 µs per loop", "9.31 ms ± 112 ns per loop", True),
        ("took 9 ms, 25.1 images/s", "took 101 ms,  7 images/s", True),
        ('<td id="T_1a2b3_row0">0.912</td>', '<td id="T_fffff_row0">0.912</td>', True),
        ("3 faces", "4 faces", False),
        ("0.912", "0.913", False),
        ("25 images/s", "25 faces/s", False),
        ("12 small faces", "13 small faces", False),
    ],
)
def test_sanitizing_hides_times_and_nothing_else(first, second, same):
    def sanitize(text):
        for pattern, replacement in get_sanitize_patterns(SANITIZING.read_text(encoding="utf-8")):
            text = re.sub(pattern, replacement, text)
        return text

    assert (sanitize(first) == sanitize(second)) is same


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """Let nbval judge a notebook as it was executed, a copy with one output changed, and one with all outputs gone."""
    folder = tmp_path_factory.mktemp("notebooks")
    cells = ["distance = 0.75", "print(f'{distance:.3f}')", "distance > 1"]
    notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, kernel_name="python3", record_timing=False).execute()
    notebook.metadata = sound_notebook().metadata
    nbformat.write(notebook, folder / "intact.ipynb")
    notebook.cells[1].outputs[0].text = "0.751\n"
    nbformat.write(notebook, folder / "corrupted.ipynb")
    for cell in notebook.cells:
        cell.update(outputs=[], execution_count=None)
    nbformat.write(notebook, folder / "stripped.ipynb")
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", f"--nbval-sanitize-with={SANITIZING}"]
    options = ["-rA", "--color=no", "-p", "no:cacheprovider", "-p", "no:xdist"]
    done = subprocess.run([*command, *options], cwd=folder, capture_output=True, text=True)
    verdicts = re.findall(r"^(PASSED|FAILED) (\w+)\.ipynb::Cell (\d)", done.stdout, re.MULTILINE)
    assert len(verdicts) == 9, done.stdout + done.stderr
    return folder, {(name, int(cell)): verdict for verdict, name, cell in verdicts}


def test_nbval_passes_the_notebook_as_it_was_executed(judged):
    folder, verdicts = judged
    assert [verdicts["intact", cell] for cell in range(3)] == ["PASSED"] * 3
    assert checks.execution_counts(nbformat.read(folder / "intact.ipynb", 4)) == []


def test_nbval_fails_the_cell_whose_stored_output_was_changed(judged):
    _, verdicts = judged
    assert [verdicts["corrupted", cell] for cell in range(3)] == ["PASSED", "FAILED", "PASSED"]


def test_a_stripped_notebook_passes_nbval_but_not_the_checks_here(judged):
    folder, verdicts = judged
    assert [verdicts["stripped", cell] for cell in range(3)] == ["PASSED"] * 3
    problems = checks.execution_counts(nbformat.read(folder / "stripped.ipynb", 4))
    assert len(problems) == 3
    assert "execution count None" in problems[0]
