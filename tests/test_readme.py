"""What the README promises is there: its links, its commands, its picture."""

import os
import re
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "data"))

from make_overview import first_figure  # noqa: E402

PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "data/cast/DATASHEET.md",
    "data/make_cast/README.md",
    "facelab/weights/MODEL_CARD.md",
    "tests/benchmarks/README.md",
    "notebooks/glossary.md",
    "notebooks/references.md",
]


def broken_links(page: Path, text: str | None = None) -> list[str]:
    targets = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8") if text is None else text)
    return [t for t in targets if "://" not in t and not (page.parent / t.split("#")[0]).exists()]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    assert broken_links(ROOT / page) == []


@pytest.mark.parametrize("notebook", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_links_in_notebooks_lead_somewhere(notebook):
    cells = nbformat.read(notebook, as_version=4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    page = notebook.parent / "as-a-page.md"
    assert broken_links(page, text) == []


def test_binder_installs_what_conda_cannot():
    assert "requirements.txt" in (ROOT / "postBuild").read_text()
    assert os.access(ROOT / "postBuild", os.X_OK) or os.name == "nt"


def test_binder_and_conda_get_a_python_that_is_supported():
    (version,) = re.findall(r"- python =3\.(\d+) ", (ROOT / "environment.yml").read_text(encoding="utf-8"))
    oldest, after = re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', PROJECT).groups()
    assert int(oldest) <= int(version) < int(after)


def test_badges_open_a_notebook_that_exists():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    opened = re.findall(r"OWNER/REPOSITORY/(?:HEAD\?labpath=|blob/main/)([^)]+)\)", readme)
    assert len(opened) == 2
    assert all((ROOT / name).is_file() for name in opened)


def test_colab_installs_what_the_package_asks_for():
    installed = re.search(r"pip install --no-deps (facenet[^`]+)`", (ROOT / "README.md").read_text(encoding="utf-8"))[1]
    asked = re.search(r"^dependencies = \[(.+?)^book = ", PROJECT, re.MULTILINE | re.DOTALL)[1]  # and for notebook 08
    brought_along = {"psygnal"}  # by anywidget
    assert all(f'"{name}' in asked for name in set(installed.split()) - brought_along)


def test_a_broken_link_is_noticed(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("[here](page.md), [there](nowhere.md), [outside](https://example.org)")
    assert broken_links(page) == ["nowhere.md"]


def test_commands_exist():
    readme, makefile = (ROOT / name for name in ("README.md", "Makefile"))
    targets = set(re.findall(r"^(\w+):", makefile.read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make (\w+)", readme.read_text(encoding="utf-8"), re.MULTILINE))
    assert {"lab", "test"} <= named <= targets


def test_benchmarks_named_in_the_readme_exist():
    named = re.findall(r"tests/benchmarks/(\w+\.py)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert named
    assert all((ROOT / "tests" / "benchmarks" / name).exists() for name in named)


def test_the_picture_is_the_one_that_notebook_00_has_stored():
    notebooks = ROOT / "notebooks"
    assert (notebooks / "overview.png").read_bytes() == first_figure(notebooks / "00_start_here.ipynb")
