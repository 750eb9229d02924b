"""The glossary and the references: in order, complete, and true to where they say that things are."""

import re
from functools import cache
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
GLOSSARY, REFERENCES = NOTEBOOKS / "glossary.md", NOTEBOOKS / "references.md"
ENTRY = re.compile(r'^<a id="([\w-]+)"></a>\n\*\*(.+?)\.?\*\*\.? ?(.*?)(?=\n\n|\Z)', re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]+\]\(([^)#\s]*)(?:#([^)\s]+))?\)")
IDENTIFIER = re.compile(r"doi\.org/10\.\d{4,}/\S+|arxiv\.org/abs/\d{4}\.\d{4,5}|Technical Report|JMLR|ISO/IEC|ELI|ILCS")


@cache
def markdown(path: Path) -> str:
    """Return the text of a page, of a notebook without its code cells."""
    if path.suffix != ".ipynb":
        return path.read_text(encoding="utf-8")
    cells = nbformat.read(path, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


@cache
def anchors(path: Path) -> set[str]:
    """Return what can be linked to in a page: what has an id, and headings, named as JupyterLab names them."""
    text = re.sub(r"^```.*?^```", "", markdown(path), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#{1,6} (.+)$", text, re.MULTILINE)
    return {heading.replace(" ", "-") for heading in headings} | set(re.findall(r'<a id="([\w-]+)">', text))


def broken_anchors(page: Path, text: str) -> list[str]:
    """Return the links of a page to places that there are not."""
    found = [(name, anchor) for name, anchor in LINK.findall(text) if anchor and "://" not in name]
    return [f"{name}#{anchor}" for name, anchor in found if anchor not in anchors(page.parent / name if name else page)]


def unsorted(names: list[str]) -> list[str]:
    """Return the names that stand before one that they should follow."""
    return [a for a, b in pairwise(names) if a.casefold() > b.casefold()]


def entries(path: Path) -> list[tuple[str, str, str]]:
    """Return the id, the name and the text of each entry."""
    found = ENTRY.findall(path.read_text(encoding="utf-8"))
    assert len(found) == path.read_text(encoding="utf-8").count("<a id=") > 30
    return found


@pytest.mark.parametrize("page", [*sorted(NOTEBOOKS.glob("*.ipynb")), GLOSSARY, REFERENCES], ids=lambda path: path.stem)
def test_links_to_sections_lead_to_them(page):
    assert broken_anchors(page, markdown(page)) == []


def test_terms_are_in_order_and_there_once():
    names = [name for _, name, _ in entries(GLOSSARY)]
    assert unsorted(names) == []
    assert len(set(names)) == len(names)
    assert len({identity for identity, _, _ in entries(GLOSSARY)}) == len(names)


def test_terms_stand_below_their_letter():
    parts = re.split(r"^## (\w)$", GLOSSARY.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    for letter, part in zip(parts[::2], parts[1::2], strict=True):
        assert {name[0].upper() for _, name, _ in ENTRY.findall(part)} == {letter}


@pytest.mark.parametrize(("name", "text"), [entry[1:] for entry in entries(GLOSSARY)], ids=lambda text: text[:20])
def test_a_term_is_explained_in_a_few_sentences_and_shown_somewhere(name, text):
    explained, _, where = text.rpartition("\nSee ")
    assert 1 <= len(re.findall(r"[.?](?= |\n|$)", explained)) <= 4
    assert explained.endswith(".")
    assert all(target.endswith(".ipynb") and anchor for target, anchor in LINK.findall(where))
    assert LINK.findall(where)


def test_papers_are_in_order():
    papers = REFERENCES.read_text(encoding="utf-8").partition("## Standards")[0]
    assert unsorted([identity for identity, _, _ in ENTRY.findall(papers)]) == []


@pytest.mark.parametrize(("identity", "name", "text"), entries(REFERENCES), ids=lambda text: text[:20])
def test_a_reference_can_be_found_and_is_used_where_it_says(identity, name, text):
    assert IDENTIFIER.search(f"{name} {text}")
    used = {target for target, _ in LINK.findall(text) if "://" not in target}
    assert used
    cite = f"references.md#{identity}"
    assert {target for target in used if target.endswith(".ipynb")} == {
        path.name for path in NOTEBOOKS.glob("*.ipynb") if cite in markdown(path)
    }
    for target in used - {path.name for path in NOTEBOOKS.glob("*.ipynb")}:
        says = (NOTEBOOKS / target).read_text(encoding="utf-8")
        assert cite in says or re.split(r"[,.] ", name)[0] in says


def test_what_is_wrong_with_a_glossary_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text('# A page?\n\n<a id="there"></a>\n**There.** Text.\n\n```\n# no heading\n```\n')
    links = "[1](#A-page?) [2](page.md#there) [3](page.md#gone) [4](#no-heading) [5](https://example.org/#gone)"
    assert broken_anchors(page, links) == ["page.md#gone", "#no-heading"]
    assert unsorted(["Alignment", "box", "ANN index", "t-SNE"]) == ["box"]
