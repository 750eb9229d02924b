"""What is in the repository, and what must not be: by its files, as Git lists them."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
TOP_FOLDERS = {"notebooks", "facelab", "data", "tests", ".ci", ".github"}
LARGEST, TOTAL = 50e6, 120e6
BINARY = {".jpg", ".png", ".npz", ".npy", ".safetensors", ".mp4", ".pt", ".gif", ".ico"}

# Written so that this file does not contain what it looks for.
REGISTRIES = re.compile(
    "pypi[.]org|pythonhosted[.]org|registry[.]npmjs|deb[.]debian[.]org|[.]pytorch[.]org/whl|anaconda[.]org"
)
MACHINE_PATH = re.compile(r"(?<![\w.:~/-])/(?:home|Users|root|work)/\w|\b[A-Z]:\\+Users\\")


def repository_files() -> list[Path]:
    """Return the files that are, or could be, committed; without Git, as in a download, all but what set-up makes."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
        paths = [ROOT / name for name in listed if name]
    except (OSError, subprocess.CalledProcessError):
        made = {".venv", "__pycache__", ".ipynb_checkpoints", ".pytest_cache", ".ruff_cache", "facelab.egg-info"}
        paths = [path for path in ROOT.rglob("*") if not made & set(path.relative_to(ROOT).parts)]
    return [path for path in paths if path.is_file()]


FILES = repository_files()


def matches(pattern: re.Pattern, text: str) -> list[str]:
    """Return the lines in which a pattern is found."""
    return [line.strip()[:120] for line in text.splitlines() if pattern.search(line)]


def texts() -> dict[str, str]:
    """Return every text file's content by its path in the repository; notebooks without the images in them."""
    found = {}
    for path in FILES:
        if path.suffix not in BINARY:
            text = path.read_text(encoding="utf-8")
            found[path.relative_to(ROOT).as_posix()] = re.sub(r'"image/(?:png|jpeg)": "[^"]*"', "", text)
    return found


def test_patterns_find_what_they_are_for():
    dot, home, users = ".", "home", "Users"
    assert matches(REGISTRIES, f"see\nhttps://pypi{dot}org/simple\n") == [f"https://pypi{dot}org/simple"]
    assert matches(REGISTRIES, "pip finds it on PyPI") == []
    found = [f"cd /{home}/ada", f"'/{home}/ada'", f"(/{users}/x)", f"C:\\{users}\\ada", f'"C:\\\\{users}\\\\ada"']
    assert matches(MACHINE_PATH, "\n".join(found)) == found
    assert matches(MACHINE_PATH, f"https://example.org/{home}/a ../{home}/b  ~/{home}/c  a/{home}/b  / {home}") == []


def test_no_registry_is_named():
    assert {name: lines for name, text in texts().items() if (lines := matches(REGISTRIES, text))} == {}


def test_no_path_of_one_machine():
    assert {name: lines for name, text in texts().items() if (lines := matches(MACHINE_PATH, text))} == {}


def test_text_files_end_their_lines_as_unix_does():
    binary = {path for path in FILES if path.suffix in BINARY}
    assert [path.name for path in FILES if path not in binary and b"\r\n" in path.read_bytes()] == []


def test_files_are_small_enough_to_clone():
    sizes = {path.relative_to(ROOT).as_posix(): path.stat().st_size for path in FILES}
    assert {name: size for name, size in sizes.items() if size > LARGEST} == {}
    assert sum(sizes.values()) < TOTAL


def test_top_level_folders():
    parts = [path.relative_to(ROOT).parts for path in FILES]
    assert {part[0] for part in parts if len(part) > 1} <= TOP_FOLDERS


def test_lock_file_has_a_hash_for_everything_and_names_no_index():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = [index for index, line in enumerate(lines) if re.match(r"[a-z0-9]", line)]
    assert len(pins) > 50
    assert [lines[index] for index in pins if not re.match(r"[a-z0-9-]+==\S+ ", lines[index])] == []
    assert [lines[index] for index in pins if not re.match(r"\s+--hash=sha256:[0-9a-f]{64}", lines[index + 1])] == []
    assert [line for line in lines if re.search(r"^\s*-[^-]|--(?:index|extra|find|trusted)|://", line)] == []


def test_lock_file_has_every_requirement():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *(name for extra in project["optional-dependencies"].values() for name in extra)]
    names = {re.match(r"[A-Za-z0-9_.-]+", requirement).group().lower() for requirement in asked}
    locked = re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert names <= set(locked)


@pytest.mark.parametrize("name", ["environment.yml", ".pre-commit-config.yaml", ".github/workflows/ci.yml"])
def test_yaml_can_be_read(name):
    assert yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def test_workflow_tests_the_oldest_and_newest_python_and_may_only_read():
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (job,) = workflow["jobs"].values()
    oldest, after = re.match(r">=3\.(\d+),<3\.(\d+)$", project["requires-python"]).groups()
    assert job["strategy"]["matrix"]["python"] == [f"3.{oldest}", f"3.{int(after) - 1}"]
    assert workflow["permissions"] == {"contents": "read"}
