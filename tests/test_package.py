"""The package keeps the shape that its readers count on: small modules, one way through them, a light import."""

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import facelab

PACKAGE = Path(facelab.__file__).parent
MODULES = sorted(path.stem for path in PACKAGE.glob("*.py") if path.stem != "__init__")
MOST_LINES = 350  # what can be read in one sitting

# The way of the data, from a photo to an answer; a module imports only from modules before it. A new module takes its
# place here.
ORDER = [
    "environment",
    "devices",
    "progress",
    "checks",
    "images",
    "frames",
    "data",
    "averages",
    "fast",
    "cascade",
    "detection",
    "published",
    "checkpoints",
    "runtimes",
    "embedding",
    "parts",
    "folders",
    "distance",
    "verification",
    "intervals",
    "identification",
    "population",
    "decisions",
    "splits",
    "classifiers",
    "losses",
    "trunk",
    "finetuning",
    "gallery_schema",
    "gallery_file",
    "gallery_search",
    "gallery_faces",
    "gallery_people",
    "gallery_export",
    "gallery_vectors",
    "gallery",
    "style",
    "tracking",
    "timeline",
    "video",
    "annotation",
    "curves",
    "plots",
    "widgets",
    "photo_input",
    "name_form",
    "photo_view",
    "identify_text",
    "identify_people",
    "exercises",
    "judges",  # judges_00, judges_01, ...: one for each notebook, and none knows another
]


def imported_modules(source: str) -> set[str]:
    """Return the modules of facelab that a module imports, anywhere in it; "" stands for the package itself."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            home = ".".join(filter(None, ["facelab" if node.level else "", node.module]))
            names = [f"{home}.{alias.name}" if home == "facelab" else home for alias in node.names]
        else:
            continue
        found |= {(name + ".").split(".")[1] for name in names if name.split(".")[0] == "facelab"}
    return found


def place(module: str) -> str:
    return "judges" if re.fullmatch(r"judges_\d\d", module) else module


def wrong_imports(module: str, source: str) -> set[str]:
    """Return what a module imports although it does not stand before it: a later module, or a name of the package."""
    return imported_modules(source) - set(ORDER[: ORDER.index(place(module))])


def test_import_analysis_sees_every_way_to_import():
    ways = {
        "import facelab.data": {"data"},
        "import numpy, facelab": {""},
        "from facelab.data import boxes": {"data"},
        "from facelab import plots, data": {"plots", "data"},
        "from . import gallery": {"gallery"},
        "from .gallery import Gallery": {"gallery"},
        "def f():\n    from facelab.video import read": {"video"},
        "from facelabel import x\nimport facelabel.y\nfrom os import path": set(),
    }
    assert {source: imported_modules(source) for source in ways} == ways
    assert wrong_imports("detection", "from facelab.embedding import FaceEmbedder") == {"embedding"}
    assert wrong_imports("detection", "from facelab import FaceEmbedder") == {"FaceEmbedder"}
    assert wrong_imports("judges_01", "from facelab.judges_00 import x\nfrom facelab.exercises import y") == {
        "judges_00"
    }
    assert wrong_imports("detection", "from facelab.images import open_image") == set()


@pytest.mark.parametrize("module", MODULES)
def test_modules_import_only_what_stands_before_them(module):
    assert place(module) in ORDER, f"{module} has no place in the order of the data yet: give it one above"
    assert wrong_imports(module, (PACKAGE / f"{module}.py").read_text(encoding="utf-8")) == set()


@pytest.mark.parametrize("module", [*MODULES, "__init__"])
def test_modules_can_be_read_in_one_sitting(module):
    assert len((PACKAGE / f"{module}.py").read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize(
    ("what", "absent"),
    [
        ("import facelab", ("torch", "matplotlib", "numpy", "pandas")),
        ("from facelab import FaceDetector, FaceEmbedder, Gallery, plots", ("sklearn", "scipy.stats", "dask")),
    ],
)
def test_import_is_light(what, absent):
    code = f"{what}; import sys; print([m for m in {absent} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def undocumented(names: dict[str, object]) -> list[str]:
    """Return the names of functions and classes, and of their public methods, that have no docstring of their own."""
    found = []
    for name, value in names.items():
        if not (inspect.isfunction(value) or inspect.isclass(value)):
            continue
        # A dataclass without a docstring is given its signature for one.
        if not value.__doc__ or value.__doc__.startswith(f"{value.__name__}("):
            found.append(name)
        if inspect.isclass(value):
            methods = {k: getattr(v, "fget", v) for k, v in vars(value).items() if not k.startswith("_")}
            found += [f"{name}.{method}" for method in undocumented(methods)]
    return found


def test_search_for_undocumented_names_finds_them():
    class Bare:
        def method(self): ...

        @property
        def value(self): ...

        def _private(self): ...

    class Documented:
        """Doc."""

    assert undocumented({"Bare": Bare, "Documented": Documented, "CONSTANT": 1}) == [
        "Bare",
        "Bare.method",
        "Bare.value",
    ]


def test_public_names_exist_and_say_what_they_are():
    assert undocumented({name: getattr(facelab, name) for name in facelab.__all__}) == []
    assert set(facelab.__all__) <= set(dir(facelab))


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = facelab.no_such_name


def test_no_name_is_public_twice():
    homes = {name: inspect.getmodule(getattr(facelab, name)).__name__ for name in facelab.__all__}
    assert all(home.startswith("facelab.") for home in homes.values()), homes
