"""The check of the environment finds nothing in a healthy one, and names what is broken in each broken one."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from facelab import environment

ROOT = Path(__file__).resolve().parents[1]
LOCK = """\
sound-alpha==1.0 \\
    --hash=sha256:00
sound-beta==2.5.1 ; python_full_version >= '3' \\
    --hash=sha256:00
elsewhere==1.0 ; sys_platform == 'nowhere' \\
    --hash=sha256:00
"""


def install(site: Path, name: str, version: str, body: str = "") -> Path:
    """Put a package of one module and its metadata into a folder, as pip would; return the metadata's folder."""
    module = name.replace("-", "_")
    (site / f"{module}.py").write_text(body)
    info = site / f"{module}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n")
    (info / "INSTALLER").write_text("pip\n")
    (info / "RECORD").write_text(f"{module}.py,,\n{info.name}/METADATA,,\n../../../bin/{module},,\n")
    return info


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Make a healthy environment of two packages, that stands before the real one; return its site folder."""
    root, site = tmp_path / "facelab", tmp_path / "site"
    for folder in (root / "data" / "cast", root / "weights", site, tmp_path / "kernels" / "python3"):
        folder.mkdir(parents=True)
    (root / "requirements.txt").write_text(LOCK)
    for file in ("photos.csv", "people.csv", "00.jpg"):
        (root / "data" / "cast" / file).touch()
    (root / "weights" / "facelab128.safetensors").write_bytes(bytes(1_000_001))
    install(site, "sound-alpha", "1.0")
    install(site, "sound-beta", "2.5.1+cu130")  # a build of the version that is expected
    url = {"url": root.as_uri(), "dir_info": {"editable": True}}
    (install(site, "facelab", "0.1.0") / "direct_url.json").write_text(json.dumps(url))
    write_kernel(tmp_path, "python")
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    monkeypatch.setattr(environment, "ROOT", root)
    monkeypatch.setattr(environment, "WEIGHTS", root / "weights")
    monkeypatch.setattr(environment, "MAIN", ("sound-alpha",))
    monkeypatch.setattr(environment, "IMPORTS", {"sound-alpha": "sound_alpha", "sound-beta": "sound_beta"})
    yield site
    for module in ("sound_alpha", "sound_beta"):
        sys.modules.pop(module, None)


def write_kernel(folder: Path, starts: str) -> None:
    spec = {"argv": [starts, "-m", "ipykernel_launcher"], "display_name": "Python 3", "language": "python"}
    (folder / "kernels" / "python3" / "kernel.json").write_text(json.dumps(spec))


def only_problem() -> str:
    problems = environment.find_problems()
    assert len(problems) == 1, problems
    assert "\n" not in problems[0]
    assert problems[0].endswith(".")
    return problems[0]


def test_healthy_environment_has_no_problem(site, capsys):
    assert environment.find_problems() == []
    assert environment.main([]) == 0
    assert capsys.readouterr().out == "ok\n"


def test_table_names_every_component_once_and_finds_it_well(site):
    table = environment.check_environment()
    assert list(table.columns) == ["component", "found", "expected", "verdict"]
    expected = ["Python", "sound-alpha", "facelab", "Jupyter kernel", "facelab128's weights", "the cast's photos"]
    assert list(table["component"]) == [*expected, "other packages"]
    assert set(table["verdict"]) == {"ok"}


def test_table_sums_up_the_other_packages(site):
    (site / "sound_beta.py").unlink()
    row = environment.check_environment().set_index("component").loc["other packages"]
    assert row["found"] == "1 differ"
    assert "sound-beta 2.5.1 is damaged" in row["verdict"]


def test_missing_package_is_the_only_thing_said_about_it(site):
    shutil.rmtree(next(site.glob("sound_alpha-*")))
    (site / "sound_alpha.py").unlink()
    (site / "sound_beta.py").write_text("import sound_alpha")
    assert only_problem().startswith("sound-alpha is missing (1.0 is expected): run `make`")


def test_other_version(site):
    (site / "sound_alpha-1.0.dist-info").rename(site / "sound_alpha-0.9.dist-info")
    metadata = site / "sound_alpha-0.9.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text().replace("1.0", "0.9"))
    record = metadata.with_name("RECORD")
    record.write_text(record.read_text().replace("1.0", "0.9"))
    assert only_problem().startswith("sound-alpha 0.9 is installed, 1.0 is expected: run `make`")


def test_deleted_files_and_interrupted_installation(site):
    (site / "sound_alpha.py").unlink()
    assert "sound-alpha 1.0 is damaged, its sound_alpha.py is gone: run `make clean`" in only_problem()
    (site / "sound_alpha-1.0.dist-info" / "RECORD").unlink()
    assert "sound-alpha 1.0 is damaged, its installation was cut short" in only_problem()
    (site / "sound_alpha.py").touch()
    (site / "sound_alpha-1.0.dist-info" / "INSTALLER").write_text("conda\n")  # which keeps its records elsewhere
    assert environment.find_problems() == []


def test_failing_import_is_named_with_its_reason_and_those_after_it_are_not_tried(site):
    (site / "sound_alpha.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    (site / "sound_beta.py").write_text("import sound_alpha")
    sentence = only_problem()
    assert sentence.startswith(
        "sound-alpha 1.0 is installed but cannot be imported, RuntimeError: operator torchvision"
    )
    assert sentence.endswith("run `make clean`, then `make`.")
    assert environment.find_problems(imports=False) == []
    assert environment.main(["--quick"]) == 0


def test_without_a_lock_file_any_version_will_do(site):
    (environment.ROOT / "requirements.txt").unlink()
    table = environment.check_environment().set_index("component")
    assert table.loc["sound-alpha", "expected"] == "any version"
    assert "other packages" not in table.index


def test_lines_for_some_platforms_wait_for_packaging(site, monkeypatch):
    assert environment.locked_versions() == {"sound-alpha": "1.0", "sound-beta": "2.5.1"}
    monkeypatch.setitem(sys.modules, "packaging.markers", None)
    assert environment.locked_versions() == {"sound-alpha": "1.0"}


def test_every_line_of_the_real_lock_file_is_read():
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    pins = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert len(environment.LOCKED_LINE.findall(text)) == len(pins)
    assert environment.locked_versions(ROOT / "requirements.txt").keys() > set(environment.MAIN)


@pytest.mark.parametrize("version", [(3, 10, 14), (3, 15, 0)])
def test_unsupported_python(site, monkeypatch, version):
    monkeypatch.setattr(sys, "version_info", version)
    assert f"Python 3.{version[1]} is not supported, 3.11 to 3.14 are" in only_problem()


def test_facelab_not_installed_or_installed_from_another_folder(site, tmp_path):
    info = site / "facelab-0.1.0.dist-info"
    url = {"url": (tmp_path / "old place").as_uri(), "dir_info": {"editable": True}}
    (info / "direct_url.json").write_text(json.dumps(url))
    assert "facelab is installed from another folder" in only_problem()
    assert "old place" in only_problem()
    (info / "direct_url.json").unlink()  # as when it was installed from a wheel
    assert environment.find_problems() == []


def test_facelab_not_installed(site, monkeypatch):
    found = environment.importlib.metadata.distribution

    def distribution(name):
        if name == "facelab":
            raise environment.importlib.metadata.PackageNotFoundError(name)
        return found(name)

    monkeypatch.setattr(environment.importlib.metadata, "distribution", distribution)
    assert only_problem().startswith("facelab itself is not installed")


def test_kernel_that_starts_another_python_and_kernel_that_is_missing(site, tmp_path, monkeypatch):
    write_kernel(tmp_path, str(tmp_path / "bin" / "python"))
    assert only_problem().startswith("The Jupyter kernel python3 starts another Python")
    write_kernel(tmp_path, sys.executable)
    assert environment.find_problems() == []
    monkeypatch.setattr("jupyter_client.kernelspec.KernelSpecManager.get_kernel_spec", lambda *_: 1 / 0)
    assert only_problem().startswith("The Jupyter kernel python3 is missing")


def test_weights_that_are_missing_or_only_a_pointer(site):
    (environment.WEIGHTS / "facelab128.safetensors").write_text("version https://git-lfs.github.com/spec/v1\n")
    assert only_problem().startswith("The weights of facelab128 are not in facelab/weights: restore it")


def test_cast_without_tables_or_photos(site):
    cast = environment.ROOT / "data" / "cast"
    (cast / "00.jpg").unlink()
    assert "The cast lacks its photos in data/cast" in only_problem()
    (cast / "people.csv").unlink()
    assert "The cast lacks people.csv in data/cast" in only_problem()


def test_every_problem_is_printed_on_a_line_of_its_own(site, capsys):
    shutil.rmtree(environment.WEIGHTS)
    shutil.rmtree(next(site.glob("sound_alpha-*")))
    assert environment.main([]) == 1
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_table_without_pandas_says_where_else_to_look(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"python -m facelab\.environment"):
        environment.check_environment()


def test_works_where_no_package_is_installed_at_all():
    # -S leaves the site-packages out; the command must then still end in sentences, not in a traceback.
    command = [sys.executable, "-S", "-m", "facelab.environment"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": ""})
    assert done.returncode == 1
    first, *others = done.stdout.splitlines()
    assert "packages are missing, torch, torchvision, facenet-pytorch among them: run `make`" in first
    assert len(others) < 5
    assert done.stderr == ""


needs_make = pytest.mark.skipif(
    os.name == "nt" or not shutil.which("make"),
    reason="needs make and a POSIX system, for it puts scripts in place of Python",
)


@pytest.fixture
def clone(tmp_path):
    """Make a folder with the Makefile in which a set-up has just been finished."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for file in ("requirements.txt", "pyproject.toml"):
        (tmp_path / file).touch()
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "ready").touch()
    return tmp_path


def stub(path: Path, script: str) -> str:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def make(folder: Path, *arguments: str) -> tuple[int, str]:
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "PYTHON"))}
    done = subprocess.run(["make", *arguments], cwd=folder, capture_output=True, text=True, env=variables)
    return done.returncode, done.stdout


@needs_make
def test_second_make_does_nothing(clone):
    assert "Nothing to be done" in make(clone, "setup")[1]


@needs_make
def test_environment_whose_python_is_gone(clone):
    (clone / ".venv" / "bin" / "python").symlink_to(clone / "upgraded-away")
    status, said = make(clone, "check")
    assert status != 0
    assert "The Python in .venv no longer runs" in said
    assert not (clone / ".venv" / "ready").exists()  # so that the next make sets up anew


@needs_make
def test_problem_stops_make_before_pytest_and_undoes_the_stamp(clone):
    stub(clone / ".venv" / "bin" / "python", 'case "$*" in *environment*) echo torch is missing; exit 1;; esac')
    status, said = make(clone, "test")
    assert status != 0
    assert said == "torch is missing\n"
    assert not (clone / ".venv" / "ready").exists()


@needs_make
def test_python_that_is_absent_or_too_old(clone):
    (clone / ".venv" / "ready").unlink()
    status, said = make(clone, "PYTHON=no-such-python")
    assert status != 0
    assert "There is no `no-such-python` here: install Python 3.11 to 3.14" in said
    old = stub(clone / "python3.9", 'if [ "$1" = --version ]; then echo Python 3.9.1; else exit 1; fi')
    status, said = make(clone, f"PYTHON={old}")
    assert status != 0
    assert "Python 3.9.1 is not supported: name a Python from 3.11 to 3.14" in said


@needs_make
def test_no_pip_that_could_install(clone):
    # pip before 22.3 knows no `--python`, and Debian's Python has no ensurepip unless python3-venv is there.
    (clone / ".venv" / "ready").unlink()
    stub(clone / ".venv" / "bin" / "python", '[ "$1" != -m ]')
    outer = stub(clone / "python3", '[ "$1" != -m ]')
    status, said = make(clone, f"PYTHON={outer}")
    assert status != 0
    assert "Set-up needs pip 22.3 or newer" in said
