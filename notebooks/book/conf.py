"""How Sphinx makes a website of the notebooks: `make book`. Nothing is executed, and nothing comes from the network.

The pages are the repository's own files, read where they lie, so that their links to one another hold. The README is
the front page; its table of notebooks is the table of contents.
"""

from __future__ import annotations

import json
import re
import shutil
from importlib.util import find_spec
from operator import methodcaller
from pathlib import Path

from sphinx.application import Sphinx

BESIDES = {
    "To look up": ["Glossary <notebooks/glossary>", "References <notebooks/references>"],
    "What it stands on": [
        "The synthetic people <data/cast/DATASHEET>",
        "How they are rendered <data/make_cast/README>",
        "The bundled model <facelab/weights/MODEL_CARD>",
        "How it was trained <data/make_facelab128/README>",
        "Working on facelab <CONTRIBUTING>",
    ],
}

project = "facelab"
html_title = "facelab"
root_doc = "README"
include_patterns = ["README.md", "CONTRIBUTING.md", "notebooks/[0-9][0-9]_*.ipynb", "notebooks/*.md"]
include_patterns += ["data/*/*.md", "facelab/weights/*.md"]
exclude_patterns = [".*", "build", "dist", "tests", "notebooks/book", "data/cast/*/**", "**/.ipynb_checkpoints"]

extensions = ["myst_nb"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
myst_heading_slug_func = methodcaller("replace", " ", "-")  # as JupyterLab does: links to sections hold in both
nb_execution_mode = "off"
nb_ipywidgets_js = {}  # a widget's state is not stored, so there is nothing that these scripts could show
nb_merge_streams = True

html_theme = "sphinx_book_theme"
html_theme_options = {
    "logo": {"text": "facelab"},
    "home_page_in_toc": False,
    "show_navbar_depth": 1,
    "show_toc_level": 2,
    "footer_content_items": [],
    "navigation_with_keys": False,
    "navbar_persistent": [],
    "pygments_light_style": "tango",
}
html_static_path = ["static"]
html_css_files = ["book.css"]
html_show_sphinx = False
html_use_index = False

# MathJax 2, as it comes with Jupyter, with its own fonts: whatever it would look for elsewhere is switched off.
myst_update_mathjax = False
mathjax_path = "mathjax/MathJax.js"
mathjax2_config = {
    "config": ["TeX-AMS-MML_HTMLorMML-full.js"],
    "jax": ["input/TeX", "output/HTML-CSS"],
    "tex2jax": {"inlineMath": [["\\(", "\\)"]], "displayMath": [["\\[", "\\]"]], "processClass": "math"},
    "HTML-CSS": {"availableFonts": [], "webFont": "STIX-Web", "imageFont": None, "linebreaks": {"automatic": True}},
    "showMathMenu": False,
    "messageStyle": "none",
}
MATHJAX = Path(find_spec("jupyter_server_mathjax").origin).with_name("static")  # to import it takes seconds
MATHJAX_WITHOUT = shutil.ignore_patterns("localization", "a11y", "SVG", "MathMenu.js")


def prepare(app: Sphinx, name: str, source: list[str]) -> None:
    """Change what a page would show if it were taken as it is: the README, anchors, figures and widgets."""
    if app.env.doc2path(name).suffix == ".ipynb":
        source[0] = prepare_notebook(source[0])
        return
    text = re.sub(r'^<a id="([\w-]+)"></a>$', r"(\1)=", source[0], flags=re.MULTILINE)
    text = re.sub(r"\[!\[([^\]]+)\]\(https:[^)]+\)\]", r"[\1]", text)  # a badge is a picture on another host
    source[0] = text + contents(text) if name == root_doc else text


def prepare_notebook(text: str) -> str:
    """Give every figure an alternative text, and take what cannot be shown from widgets."""
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/png" in data:
                cell["metadata"]["mystnb"] = {"image": {"alt": "Figure: the text around it says what to see in it."}}
            data.pop("application/vnd.jupyter.widget-view+json", None)  # leaves the line that a widget says of itself
    return json.dumps(notebook)


def contents(readme: str) -> str:
    """Make the table of contents: the README's table of notebooks, and what there is besides."""
    notebooks = re.findall(r"^\| \[(\d\d [^\]]+)\]\((notebooks/\w+)\.ipynb\)", readme, flags=re.MULTILINE)
    parts = {"The notebooks": [f"{title} <{page}>" for title, page in notebooks], **BESIDES}
    trees = [
        ["```{toctree}", ":hidden:", f":caption: {caption}", "", *pages, "```"] for caption, pages in parts.items()
    ]
    return "\n\n" + "\n\n".join("\n".join(lines) for lines in trees)


def name_front_page(app: Sphinx, name: str, template: str, context: dict, doctree: object) -> None:
    """Give the front page a title that does not say the same twice."""
    if name == root_doc:
        context["docstitle"] = "from pixels to identities"


def finish(app: Sphinx, error: Exception | None) -> None:
    """Put MathJax beside the pages, and the front page where a server looks for it."""
    if error is None and app.builder.name == "html":
        out = Path(app.outdir)
        shutil.copytree(MATHJAX, out / "_static/mathjax", ignore=MATHJAX_WITHOUT, dirs_exist_ok=True)
        shutil.copyfile(out / "README.html", out / "index.html")


def setup(app: Sphinx) -> None:
    """Connect the functions above to the events of a build."""
    app.connect("source-read", prepare)
    app.connect("html-page-context", name_front_page)
    app.connect("build-finished", finish)
