"""The website that `make book` makes: its links hold, everything is in it, and on a phone nothing scrolls sideways."""

import re
from pathlib import Path

import pytest
import website
from steps import WAIT

LOCAL = ("file:", "data:", "blob:", "about:")
PHONE = {"width": 390, "height": 844}


NOTEBOOKS = sorted((website.ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return website.build(tmp_path_factory.mktemp("website"))


@pytest.fixture(scope="module")
def pages(site):
    return website.read(site)


def text(site: Path, name: str) -> str:
    return (site / name).read_text(encoding="utf-8")


def test_every_link_within_the_website_leads_somewhere(pages):
    assert website.broken_links(pages) == []


def test_nothing_is_loaded_from_elsewhere(pages, site):
    assert website.foreign_loads(pages, site) == []


def test_every_image_has_an_alternative_text(pages):
    assert [name for page in pages.values() for name in page.mute] == []


def test_every_notebook_is_a_page_that_can_be_reached(pages, site):
    first = pages[site / "index.html"]
    for notebook in NOTEBOOKS:
        name = f"notebooks/{notebook.stem}.html"
        assert site / name in pages
        assert name in first.links
        assert (site / "_sources" / "notebooks" / notebook.name).read_bytes() == notebook.read_bytes()


def test_the_front_page_is_the_readme(site):
    assert text(site, "index.html") == text(site, "README.html")
    assert "<title>facelab &#8212; from pixels to identities</title>" in text(site, "index.html")


def test_there_is_a_search_index_of_all_pages(site):
    index = text(site, "searchindex.js")
    assert all(
        f'"notebooks/{name}"' in index for name in [path.stem for path in NOTEBOOKS] + ["glossary", "references"]
    )
    assert (site / "search.html").is_file()


def test_solutions_are_folded_and_highlighted(site):
    page = text(site, "notebooks/01_detect_faces.html")
    solution = page[page.index("<details>") : page.index("</details>")]
    assert "<summary>Solution</summary>" in solution
    assert 'class="highlight-python' in solution


def test_a_widget_says_what_it_is(site):
    for page, widget in {"04_choose_a_threshold": "ThresholdExplorer", "06_identify_people": "IdentifyPeople"}.items():
        assert re.search(rf">\n?{widget} of [^<]+: run the cell to ", text(site, f"notebooks/{page}.html"))


def test_formulas_find_their_mathjax(site):
    assert (site / "_static/mathjax/MathJax.js").is_file()
    assert (site / "_static/mathjax/config/TeX-AMS-MML_HTMLorMML-full.js").is_file()
    assert "_static/mathjax/MathJax.js" in text(site, "notebooks/03_measure_distance.html")


def test_what_is_wrong_with_a_website_is_found(tmp_path):
    (tmp_path / "there.html").write_text('<h1 id="top">A page</h1>')
    (tmp_path / "page.html").write_text(
        '<a href="there.html#top">1</a> <a href="#below">2</a> <a id="below" href="https://example.org/gone">3</a>'
        '<a href="gone.html">4</a> <a href="there.html#gone">5</a> <a href="#gone">6</a> <img src="gone.png" alt="">'
        '<img src="data:image/png;base64,AA" alt="A dot"> <script src="https://example.org/a.js"></script>'
    )
    (tmp_path / "a.css").write_text("@import '//example.org/b.css'; p {background: url(data:AA)} a {src: url(c.woff)}")
    pages = website.read(tmp_path)
    found = ["page.html: gone.html", "page.html: there.html#gone", "page.html: #gone", "page.html: gone.png"]
    assert website.broken_links(pages) == found
    assert website.foreign_loads(pages, tmp_path) == [
        "page.html: https://example.org/a.js",
        "a.css: //example.org/b.css",
    ]
    assert [page.mute for page in pages.values()] == [["gone.png"], []]


@pytest.fixture
def page(chromium):
    context = chromium.new_context(viewport=PHONE)
    page = context.new_page()
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    yield page
    context.close()
    assert [url for url in requests if not url.startswith(LOCAL)] == []


def sideways(page) -> float:
    """By how many pixels the page can be scrolled to the right."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def test_no_page_scrolls_sideways(page, site, shoot):
    for path in website.read(site):
        page.goto(path.as_uri(), timeout=WAIT)
        assert sideways(page) == 0, path
        if path.stem in ("index", "04_choose_a_threshold", "glossary"):
            shoot(page, path.stem)


def test_a_page_that_scrolls_sideways_is_noticed(page):
    page.set_content(
        f"<!doctype html><div style='position: absolute; left: 0; width: {PHONE['width'] + 7}px'>wide</div>"
    )
    assert sideways(page) == 7


def test_formulas_are_set(page, site, shoot):
    page.goto((site / "notebooks/03_measure_distance.html").as_uri(), timeout=WAIT)
    page.wait_for_selector("div.math .MathJax", timeout=WAIT).scroll_into_view_if_needed()
    page.wait_for_function("document.fonts.check('16px STIXMathJax_Main')", timeout=WAIT)
    assert sideways(page) == 0
    shoot(page, "formula")


def test_a_folded_solution_opens(page, site, shoot):
    page.goto((site / "notebooks/01_detect_faces.html").as_uri(), timeout=WAIT)
    solution = page.locator("details").first
    assert not solution.locator("pre").is_visible()
    solution.locator("summary").click()
    assert solution.locator("pre").is_visible()
    shoot(page, "solution")


def test_search_finds_a_term(page, site, shoot):
    page.goto(f"{(site / 'search.html').as_uri()}?q=perplexity", timeout=WAIT)
    page.wait_for_selector("#search-results li a", timeout=WAIT)
    found = page.locator("#search-results li a").evaluate_all("links => links.map(link => link.href)")
    assert any("03_measure_distance.html" in link for link in found)
    assert any("glossary.html" in link for link in found)
    shoot(page, "search")
