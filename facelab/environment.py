"""Is everything here that the notebooks need? `python -m facelab.environment` says what is broken and what to do.

At the top this module imports nothing but the standard library, because it is for environments in which other imports
fail. Notebook 00 shows the same findings, and `make test` asks before it starts pytest.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

if TYPE_CHECKING:
    import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
WEIGHTS = Path(__file__).resolve().parent / "weights"
OLDEST, NEWEST = (3, 11), (3, 14)

INSTALL = "run `make`, or without make `python -m pip install --no-deps -r requirements.txt`"
INSTALL_FACELAB = "run `make`, or without make `python -m pip install --no-deps --no-build-isolation -e .`"
REBUILD = "run `make clean`, then `make`"
RESTORE = "restore it with `git checkout -- {path}`, or clone the repository again"

# The rows of notebook 00's table; every other locked package is checked too, and summed up in one row.
MAIN = (
    "torch",
    "torchvision",
    "facenet-pytorch",
    "numpy",
    "pandas",
    "scikit-learn",
    "pillow",
    "matplotlib",
    "ipywidgets",
    "jupyterlab",
)
# Imports that fail in practice although the packages are there: they load compiled code that must fit together. A
# package that imports another stands after it, so that the first failure is the cause of those that would follow.
IMPORTS = {
    "numpy": "numpy",
    "pillow": "PIL.Image",
    "pandas": "pandas",
    "scikit-learn": "sklearn",
    "matplotlib": "matplotlib.pyplot",
    "torch": "torch",
    "torchvision": "torchvision",
    "facenet-pytorch": "facenet_pytorch",
}
LOCKED_LINE = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)\s*(?:;\s*(.+?))?\s*\\?$", re.MULTILINE)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `problem` says what is wrong and what to do, and is empty where all is well."""

    component: str
    found: str
    expected: str
    problem: str = ""


def locked_versions(requirements: Path | None = None) -> dict[str, str]:
    """Read which versions the lock file names for this Python and this platform.

    Parameters
    ----------
    requirements : Path, optional
        The lock file; the repository's `requirements.txt` unless another is given.

    Returns
    -------
    dict of str to str
        Package name to version. Empty where there is no lock file, as when facelab was installed from a wheel. Lines
        for some platforms only are left out when `packaging`, which can read their conditions, is missing.
    """
    requirements = requirements or ROOT / "requirements.txt"
    if not requirements.is_file():
        return {}
    try:
        from packaging.markers import Marker
    except ImportError:
        Marker = None
    locked = {}
    for name, version, marker in LOCKED_LINE.findall(requirements.read_text(encoding="utf-8")):
        if not marker or (Marker is not None and Marker(marker).evaluate()):
            locked[name] = version
    return locked


def find_problems(imports: bool = True) -> list[str]:
    """Look at everything and return a sentence for each thing that is wrong.

    Parameters
    ----------
    imports : bool, default True
        Also import the packages whose compiled code may not fit together, which takes some seconds.

    Returns
    -------
    list of str
        The problems, each with what to do about it; empty if all is well.
    """
    findings = [finding for finding in _findings(imports) if finding.problem]
    missing = [finding.component for finding in findings if finding.problem.endswith(f"expected): {INSTALL}.")]
    if len(missing) <= 3:
        return [finding.problem for finding in findings]
    # The wrong Python, or none of the set-up: one sentence instead of a hundred.
    summary = f"{len(missing)} packages are missing, {', '.join(missing[:3])} among them: {INSTALL}."
    return [summary, *(finding.problem for finding in findings if finding.component not in missing)]


def check_environment() -> pd.DataFrame:
    """Look at everything the notebooks need and say what is wrong (notebook 00).

    Returns
    -------
    pandas.DataFrame
        Columns `component`, `found`, `expected` and `verdict`, all text. The verdict is "ok" or a sentence that says
        what is wrong and what to do.

    Raises
    ------
    ImportError
        If pandas, which the table needs, cannot be imported; `python -m facelab.environment` works without it.
    """
    try:
        import pandas as pd
    except Exception as error:
        raise ImportError(
            "The table needs pandas, which cannot be imported: run `python -m facelab.environment` in a terminal."
        ) from error
    rows, others = [], []
    minor = locked_versions().keys() - set(MAIN)
    for finding in _findings():
        (others if finding.component in minor else rows).append(finding)
    wrong = [finding.problem for finding in others if finding.problem]
    if others:
        found = f"{len(wrong)} differ" if wrong else "as locked"
        rows.append(Finding("other packages", found, "as locked", " ".join(wrong)))
    columns = {
        "component": [row.component for row in rows],
        "found": [row.found for row in rows],
        "expected": [row.expected for row in rows],
        "verdict": [row.problem or "ok" for row in rows],
    }
    return pd.DataFrame(columns)


def main(arguments: list[str]) -> int:
    """Print one line for each problem, or "ok"; return the exit status. `--quick` leaves the imports out."""
    problems = find_problems(imports="--quick" not in arguments)
    print("\n".join(problems) or "ok")
    return 1 if problems else 0


def _findings(imports: bool = True) -> Iterator[Finding]:
    yield _python()
    locked = locked_versions()
    packages = {name: _package(name, locked.get(name)) for name in dict.fromkeys([*MAIN, *locked])}
    # Where a package is gone, the imports that want it fail too, and to report them would only repeat that.
    if imports and not any(finding.found in ("missing", "damaged") for finding in packages.values()):
        packages.update(_first_failing_import(packages))
    yield from packages.values()
    yield _facelab()
    yield _kernel()
    yield _weights()
    yield _cast()


def _python() -> Finding:
    version = sys.version_info[:2]
    found, oldest, newest = (".".join(map(str, v)) for v in (version, OLDEST, NEWEST))
    problem = ""
    if not OLDEST <= version <= NEWEST:
        problem = (
            f"Python {found} is not supported, {oldest} to {newest} are: install one of them and name it, "
            f"for example `make clean`, then `make PYTHON=python{oldest}`."
        )
    return Finding("Python", found, f"{oldest} to {newest}", problem)


def _package(name: str, expected: str | None) -> Finding:
    wanted = expected or "any version"
    try:
        distribution = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, "missing", wanted, f"{name} is missing ({wanted} is expected): {INSTALL}.")
    # "2.14.1+cu130" is 2.14.1 built for one CUDA release: the part behind the plus is no difference in version.
    version = distribution.version.split("+")[0]
    lost = _lost_files(distribution)
    if lost:
        problem = f"{name} {version} is damaged, {lost}: {REBUILD}."
        return Finding(name, "damaged", wanted, problem)
    if expected and version != expected:
        return Finding(name, version, wanted, f"{name} {version} is installed, {expected} is expected: {INSTALL}.")
    return Finding(name, version, wanted)


def _lost_files(distribution: importlib.metadata.Distribution) -> str:
    """Say which top-level folder or file of an installed package is gone; "" if none is."""
    record = distribution.read_text("RECORD")
    if record is None:
        # conda and Debian's packages keep no RECORD but name their installer; pip writes RECORD last of all.
        installer = (distribution.read_text("INSTALLER") or "pip").strip()
        return "its installation was cut short" if installer == "pip" else ""
    tops = {line.strip('"').split(",")[0].split("/")[0] for line in record.splitlines()}
    for top in sorted(tops - {"", "..", "__pycache__"}):
        if not Path(str(distribution.locate_file(top))).exists():
            return f"its {top} is gone"
    return ""


def _first_failing_import(packages: dict[str, Finding]) -> dict[str, Finding]:
    for name, module in IMPORTS.items():
        try:
            importlib.import_module(module)
        except Exception as error:  # compiled code fails in many ways: ImportError, OSError, RuntimeError, …
            reason = f"{type(error).__name__}: {error}".strip().splitlines()[0].rstrip(".")
            also = " (torch and torchvision must come from the same build)" if name == "torchvision" else ""
            found, expected = packages[name].found, packages[name].expected
            # A wrong version, of this package or of one it imports, is cured by installing; else its files are wrong.
            cure = INSTALL if any(finding.problem for finding in packages.values()) else REBUILD
            problem = f"{name} {found} is installed but cannot be imported, {reason}{also}: {cure}."
            return {name: Finding(name, "cannot be imported", expected, problem)}
    return {}


def _facelab() -> Finding:
    """Is the facelab that a notebook would import this one? After a folder was moved or copied it may not be."""
    try:
        distribution = importlib.metadata.distribution("facelab")
    except importlib.metadata.PackageNotFoundError:
        problem = f"facelab itself is not installed, so the notebooks cannot import it: {INSTALL_FACELAB}."
        return Finding("facelab", "missing", "installed", problem)
    origin = json.loads(distribution.read_text("direct_url.json") or "{}")
    url = urlsplit(origin.get("url", ""))
    if origin.get("dir_info", {}).get("editable") and url.scheme == "file":
        folder = Path(url2pathname(url.path))
        if folder.resolve() != ROOT:
            problem = f"facelab is installed from another folder, {folder}, not from this one: {INSTALL_FACELAB}."
            return Finding("facelab", "another folder", "installed", problem)
    return Finding("facelab", "installed", "installed")


def _kernel() -> Finding:
    """Does JupyterLab's `python3` kernel start this Python? A kernel file in the user's home may say otherwise."""
    name, wanted = "Jupyter kernel", "this Python"
    mend = "run `python -m ipykernel install --sys-prefix` with this Python"
    try:
        from jupyter_client.kernelspec import KernelSpecManager

        # Where a start file says just "python", Jupyter puts the Python that it runs in.
        starts = Path(KernelSpecManager().get_kernel_spec("python3").argv[0])
    except Exception as error:
        return Finding(name, "missing", wanted, f"The Jupyter kernel python3 is missing ({error}): {mend}.")
    here = os.path.normcase(Path(sys.executable).parent)
    if starts.is_absolute() and os.path.normcase(starts.parent) != here:
        problem = f"The Jupyter kernel python3 starts another Python, {starts}: {mend}."
        return Finding(name, "another Python", wanted, problem)
    return Finding(name, wanted, wanted)


def _weights() -> Finding:
    # A clone without Git LFS, or a cut copy, leaves a small file in the place of the weights.
    if any(file.stat().st_size > 1_000_000 for file in WEIGHTS.glob("facelab128*")):
        return Finding("facelab128's weights", "there", "there")
    problem = f"The weights of facelab128 are not in facelab/weights: {RESTORE.format(path='facelab/weights')}."
    return Finding("facelab128's weights", "missing", "there", problem)


def _cast() -> Finding:
    folder, name = ROOT / "data" / "cast", "the cast's photos"
    missing = [file for file in ("photos.csv", "people.csv") if not (folder / file).is_file()]
    if not missing and not any(folder.rglob("*.jpg")):
        missing = ["its photos"]
    if not missing:
        return Finding(name, "there", "there")
    problem = f"The cast lacks {' and '.join(missing)} in data/cast: {RESTORE.format(path='data/cast')}."
    return Finding(name, "missing", "there", problem)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
