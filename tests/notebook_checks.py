"""What a stored notebook must be, beyond what nbval compares: run by `make lint` and by tests/test_notebooks.py.

nbval passes a cell that was never executed, does not see a traceback that was stored and comes again, and believes a
tag that says to look away. Each function here takes a notebook as nbformat reads it and returns its problems, one
sentence each, for its author to read. Cells are counted from 1, as one counts them on the screen.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from solve_exercises import CHECK_CALL

# How many cells of each notebook nbval may not compare. Such a cell shows what cannot repeat, a measured time for
# example, or digits that depend on the kind of processor, and the next code cell asserts what the text says about it.
# Raise a number only together with that assert.
UNCOMPARED: dict[str, int] = {"05_fine_tune": 1, "07_video": 1}

MAX_BYTES = 3_000_000
EXERCISES = range(3, 6)

SKIPPING_TAGS = {
    "nbval-ignore-output",
    "nbval-skip",
    "nbval-raises-exception",
    "pytest-validate-ignore-output",
    "raises-exception",
}
# Where people's files, temporary files and hosted notebooks live; not preceded by what makes it part of a URL.
MACHINE_PATH = re.compile(
    r"(?<![\w.:/~-])/(?:home|Users|root|tmp|work|mnt|var|private|opt|content)/[^\s\"'<>()]*"
    r"|\b[A-Z]:\\[^\s\"'<>()]+"
)
EMBEDDED_DATA = re.compile(r"base64,[A-Za-z0-9+/=\s]+")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#{1,6}) ", re.MULTILINE)
IMAGE = re.compile(r"!\[([^\]]*)\]\(|<img\b([^>]*)>")
DETAILS = re.compile(r"<details>.*?</details>", re.DOTALL)
PYTHON_BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
ASSERT = re.compile(r"^\s*assert\b", re.MULTILINE)


def execution_counts(notebook: NotebookNode) -> list[str]:
    """Was every code cell executed once, from the top, in a fresh kernel?"""
    problems, expected = [], 1
    for number, cell in code_cells(notebook):
        if not cell.source.strip():
            problems.append(f"cell {number} is an empty code cell: delete it")
            continue
        if cell.execution_count != expected:
            problems.append(
                f"cell {number} has execution count {cell.execution_count}, {expected} is expected: run `make run`"
            )
        expected += 1
    return problems


def stored_errors(notebook: NotebookNode) -> list[str]:
    """Is a traceback stored where none is meant to be, or anything on stderr?"""
    problems = []
    for number, cell in code_cells(notebook):
        for output in cell.outputs:
            if output.output_type == "error" and not {"raises-exception", "nbval-raises-exception"} & tags(cell):
                problems.append(f"cell {number} stores an error, {output.ename}: {output.evalue}")
            if output.get("name") == "stderr":
                problems.append(f"cell {number} stores output on stderr: {output.text.strip()[:80]!r}")
    return problems


def machine_paths(notebook: NotebookNode) -> list[str]:
    """Does a path of the author's machine show in a source or an output?"""
    return [
        f"cell {number} holds a path of one machine, {match.group()!r}: print a relative path or a name"
        for number, text in texts(notebook)
        for match in MACHINE_PATH.finditer(EMBEDDED_DATA.sub("", text))
    ]


def memory_addresses(notebook: NotebookNode) -> list[str]:
    """Does an output show an object's address, which differs from run to run and tells a reader nothing?"""
    return [
        f"cell {number} shows an object's address, {match.group()!r}: end the cell in something to see, or in `_ = …`"
        for number, cell in code_cells(notebook)
        for text in output_texts(cell)
        for match in re.finditer(r"<[^<>\n]* at 0x[0-9a-fA-F]+", text)
    ]


def progress_bars(notebook: NotebookNode) -> list[str]:
    """Is a progress bar stored, which comes or stays away with the speed of the machine?"""
    return [
        f"cell {number} stores a progress bar: run `make run`, which hides those of facelab, or leave out this one"
        for number, cell in code_cells(notebook)
        if any(re.search(r"\d+%\|.*\| \d+/\d+ \[", text) for text in output_texts(cell))
    ]


def kernel(notebook: NotebookNode) -> list[str]:
    """Does the notebook ask for the kernel that everybody has?"""
    name = notebook.metadata.get("kernelspec", {}).get("name")
    return [] if name == "python3" else [f"the kernel is {name!r}, 'python3' is expected"]


def cell_ids(notebook: NotebookNode) -> list[str]:
    """Has every cell an id of its own, so that two versions of a notebook can be compared cell by cell?"""
    ids = Counter(cell.get("id") for cell in notebook.cells)
    problems = [f"cell id {name!r} is used {count} times" for name, count in ids.items() if name and count > 1]
    if None in ids or (notebook.nbformat, notebook.nbformat_minor) < (4, 5):
        problems.append("cells lack ids: save the notebook in format 4.5")
    return problems


def headings(notebook: NotebookNode) -> list[str]:
    """Does the notebook begin with its only title, and does no heading skip a level?"""
    levels = [
        (number, len(match.group(1)))
        for number, cell in markdown_cells(notebook)
        for match in HEADING.finditer(FENCED.sub("", cell.source))
    ]
    problems = []
    if not notebook.cells or notebook.cells[0].cell_type != "markdown" or not notebook.cells[0].source.startswith("# "):
        problems.append("the first cell is not a markdown title (`# …`)")
    before = 0
    for number, level in levels:
        if level > before + 1:
            problems.append(f"cell {number} has a heading of level {level} below one of level {before}")
        if level == 1 and before:
            problems.append(f"cell {number} has a second title (`# …`)")
        before = level
    return problems


def bloat(notebook: NotebookNode) -> list[str]:
    """Is anything stored that no reader sees: widget state, time stamps, more bytes than a browser likes?"""
    problems = []
    if "widgets" in notebook.metadata:
        problems.append("the state of widgets is stored: run `make run`, which leaves it out")
    problems += [
        f"cell {number} stores time stamps of its execution: run `make run`, which leaves them out"
        for number, cell in code_cells(notebook)
        if "execution" in cell.metadata
    ]
    size = len(nbformat.writes(notebook).encode())
    if size > MAX_BYTES:
        problems.append(
            f"the notebook has {size / 1e6:.1f} MB, at most {MAX_BYTES / 1e6:.0f} are allowed: draw smaller figures"
        )
    return problems


def trailing_whitespace(notebook: NotebookNode) -> list[str]:
    """Does a line end in spaces, or a cell in empty lines?"""
    problems = []
    for number, cell in enumerate(notebook.cells, 1):
        if re.search(r"[ \t]$", cell.source, re.MULTILINE):
            problems.append(f"cell {number} has a line that ends in spaces")
        if cell.source.endswith("\n"):
            problems.append(f"cell {number} ends in an empty line")
    return problems


def uncompared_cells(notebook: NotebookNode, allowed: int = 0) -> list[str]:
    """Is every cell that nbval does not compare allowed for, and followed by a cell that asserts what it shows?"""
    cells = [(number, cell) for number, cell in code_cells(notebook) if cell.source.strip()]
    problems, count = [], 0
    for (number, cell), (_, following) in zip(cells, [*cells[1:], (0, None)], strict=True):
        if not SKIPPING_TAGS & tags(cell):
            continue
        count += 1
        if following is None or not ASSERT.search(following.source) or "nbval-skip" in tags(following):
            problems.append(
                f"cell {number} is not compared ({', '.join(sorted(SKIPPING_TAGS & tags(cell)))}): "
                "assert in the next code cell what the text says about its output"
            )
    if count != allowed:
        problems.append(
            f"{count} cells are not compared, UNCOMPARED in tests/notebook_checks.py allows {allowed}: "
            "make the output repeatable, or change the number there"
        )
    return problems


def alternative_texts(notebook: NotebookNode) -> list[str]:
    """Has every image that no cell draws a text for those who cannot see it?"""
    problems = []
    for number, cell in markdown_cells(notebook):
        for match in IMAGE.finditer(FENCED.sub("", cell.source)):
            alternative, attributes = match.groups()
            if attributes is not None:
                found = re.search(r"\balt\s*=\s*([\"'])(.*?)\1", attributes)
                alternative = found.group(2) if found else ""
            if not alternative.strip():
                problems.append(f"cell {number} has an image without alternative text")
    return problems


def exercises(notebook: NotebookNode) -> list[str]:
    """Does the notebook end in three to five exercises, each with a solution folded away?"""
    asked = [name for cell in exercise_cells(notebook) for name in CHECK_CALL.findall(cell)]
    solved = [name for solution in solutions(notebook) for name in CHECK_CALL.findall(solution)]
    problems = []
    if len(asked) not in EXERCISES:
        problems.append(
            f'{len(asked)} exercises (calls of check("…", …)) where {EXERCISES[0]} to {EXERCISES[-1]} are expected'
        )
    if [name.split(".")[1] for name in asked] != [str(k) for k in range(1, len(asked) + 1)]:
        problems.append(f"the exercises are numbered {', '.join(asked)}: number them from 1 in the order they stand")
    if asked and not CHECK_CALL.search([cell for _, cell in code_cells(notebook)][-1].source):
        problems.append("the last code cell is not an exercise")
    if solved != asked:
        problems.append(
            f"the exercises are {', '.join(asked) or 'none'}, the solutions {', '.join(solved) or 'none'}: "
            "give each a <details> block whose python code ends in its check"
        )
    return problems


def folded_blocks(notebook: NotebookNode) -> list[str]:
    """Will every <details> block fold, and its code show as code?"""
    problems = []
    for number, cell in markdown_cells(notebook):
        if cell.source.count("<details") != len(DETAILS.findall(cell.source)):
            problems.append(f"cell {number} has a <details> that does not close, or that has attributes")
        for block in DETAILS.findall(cell.source):
            if "<summary>" not in block:
                problems.append(f"cell {number} folds something away without a <summary> to click on")
            if re.search(r"[^\n]\n```python", block):
                problems.append(f"cell {number} needs an empty line before ```python, or it shows as text")
    return problems


def navigation(notebook: NotebookNode, before: Path | None = None, after: Path | None = None) -> list[str]:
    """Do the first cell and the last lead to the notebooks before and after, the glossary and the references?"""
    links = [f"[← Notebook {before.name[:2]}]({before.name})"] if before else []
    links += [f"[Notebook {after.name[:2]} →]({after.name})"] if after else []
    line = " · ".join([*links, "[Glossary](glossary.md)", "[References](references.md)"])
    problems = []
    if notebook.cells[0].source.split("\n\n")[1:2] != [line]:
        problems.append(f"cell 1 lacks this line below its title: {line}")
    if notebook.cells[-1].source.split("\n\n")[-1] != line:
        problems.append(f"cell {len(notebook.cells)}, the last one, should end in this line: {line}")
    return problems


CHECKS = (
    execution_counts,
    stored_errors,
    machine_paths,
    memory_addresses,
    progress_bars,
    kernel,
    cell_ids,
    headings,
    bloat,
    trailing_whitespace,
    alternative_texts,
    exercises,
    folded_blocks,
)


def find_problems(path: Path) -> list[str]:
    """Read a notebook file and make every check on it; return all problems."""
    try:
        notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
        nbformat.validate(notebook)
    except Exception as error:  # not JSON, not a notebook, not of the format that it claims to be
        return [f"this is not a valid notebook ({str(error).splitlines()[0]})"]
    if notebook.nbformat != 4:
        return [f"the notebook has format {notebook.nbformat}, 4 is expected"]
    problems = [problem for check in CHECKS for problem in check(notebook)]
    problems += uncompared_cells(notebook, UNCOMPARED.get(path.stem, 0))
    return problems + navigation(notebook, *neighbours(path))


def neighbours(path: Path) -> tuple[Path | None, Path | None]:
    """Return the notebooks before and after this one in its folder, in the order of their numbers."""
    row = [None, *sorted(path.parent.glob("[0-9][0-9]_*.ipynb")), None]
    place = row.index(path) if path in row else 0
    return (row[place - 1], row[place + 1]) if place else (None, None)


def solutions(notebook: NotebookNode) -> list[str]:
    """Return the python code of each folded solution: the <details> blocks in which `check` is called."""
    blocks = [block for _, cell in markdown_cells(notebook) for block in DETAILS.findall(cell.source)]
    code = ["\n".join(PYTHON_BLOCK.findall(block)) for block in blocks]
    return [solution for solution in code if CHECK_CALL.search(solution)]


def exercise_cells(notebook: NotebookNode) -> list[str]:
    """Return the code cells in which `check` is called."""
    return [cell.source for _, cell in code_cells(notebook) if CHECK_CALL.search(cell.source)]


def code_cells(notebook: NotebookNode) -> Iterator[tuple[int, NotebookNode]]:
    """Give each code cell with its number in the notebook."""
    return ((number, cell) for number, cell in enumerate(notebook.cells, 1) if cell.cell_type == "code")


def markdown_cells(notebook: NotebookNode) -> Iterator[tuple[int, NotebookNode]]:
    """Give each markdown cell with its number in the notebook."""
    return ((number, cell) for number, cell in enumerate(notebook.cells, 1) if cell.cell_type == "markdown")


def output_texts(cell: NotebookNode) -> Iterator[str]:
    """Give everything in a code cell's outputs that is text: streams, tracebacks, HTML, but no images."""
    for output in cell.outputs:
        yield output.get("text", "")
        yield "\n".join(output.get("traceback", []))
        for kind, data in output.get("data", {}).items():
            if not kind.startswith(("image/png", "image/jpeg", "video/")):
                yield str(data)


def texts(notebook: NotebookNode) -> Iterator[tuple[int, str]]:
    """Give all sources and the text of all outputs, each with the number of its cell."""
    for number, cell in enumerate(notebook.cells, 1):
        yield number, cell.source
        if cell.cell_type == "code":
            yield from ((number, text) for text in output_texts(cell))


def tags(cell: NotebookNode) -> set[str]:
    """Return the tags that nbval goes by; it takes a comment `# NBVAL_SKIP` for the tag `nbval-skip`."""
    comments = re.findall(r"^\s*#+\s*((?:NBVAL|PYTEST_VALIDATE)_\w+)\s*$", cell.source, re.MULTILINE)
    return set(cell.metadata.get("tags", [])) | {comment.lower().replace("_", "-") for comment in comments}


def main(paths: list[str]) -> int:
    """Print the problems of these notebooks, one a line; return the exit status."""
    lines = [f"{path}: {problem}" for path in paths for problem in find_problems(Path(path))]
    print("\n".join(lines) or f"{len(paths)} notebooks checked: nothing to mend")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
