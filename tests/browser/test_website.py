"""The website that `make book` makes, on a phone: nothing scrolls sideways, nothing is fetched from elsewhere."""

import pytest
import website
from steps import WAIT

LOCAL = ("file:", "data:", "blob:", "about:")
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def site(chromium, tmp_path_factory):
    return website.build(tmp_path_factory.mktemp("website"))


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
