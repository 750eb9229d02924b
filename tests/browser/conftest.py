"""What the browser tests share: Chromium, a gallery with people, a clean environment, screenshots.

Playwright drives the Chromium that is installed here (FACELAB_CHROMIUM names another one); it downloads none. Where
there is none, the tests are skipped and say so. Screenshots of what a person would see go to build/screenshots, or to
the folder that FACELAB_SCREENSHOTS names.
"""

from __future__ import annotations

import os
import shutil
from itertools import count
from pathlib import Path

import pytest
from servers import ROOT

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
APPLICATIONS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)
QUIET = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync"]
QUIET += ["--disable-component-update", "--use-fake-device-for-media-stream"]


def find_chromium() -> str | None:
    """Give the path of a browser that Playwright can drive, None where there is none."""
    named = os.environ.get("FACELAB_CHROMIUM")
    found = [shutil.which(name) for name in ([named] if named else NAMES)]
    return next((path for path in (*found, *([] if named else APPLICATIONS)) if path and Path(path).exists()), None)


def start_chromium(playwright, path: str, *arguments: str):
    """Start a browser, quietly."""
    sandbox = ["--no-sandbox"] if getattr(os, "geteuid", lambda: 1)() == 0 else []  # root cannot have one
    return playwright.chromium.launch(executable_path=path, args=[*QUIET, *sandbox, *arguments])


@pytest.fixture(scope="session")
def playwright():
    pytest.importorskip("playwright", reason="Playwright, which drives the browser, is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def launch(playwright):
    """Start Chromium with more arguments; what was started ends with the session."""
    path = find_chromium()
    if path is None:
        pytest.skip("no Chromium was found to drive: install it, or name a browser in FACELAB_CHROMIUM")
    started = []

    def start(*arguments: str):
        browser = start_chromium(playwright, path, *arguments)
        started.append(browser)
        return browser

    yield start
    for browser in started:
        browser.close()


@pytest.fixture(scope="session")
def chromium(launch):
    return launch()


@pytest.fixture(scope="session")
def screenshots() -> Path:
    folder = Path(os.environ.get("FACELAB_SCREENSHOTS") or ROOT / "build" / "screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def shoot(request, screenshots):
    """Save a picture of a page under a name, which begins with that of the test's module."""
    module = request.module.__name__.removeprefix("test_")
    for old in screenshots.glob(f"{module}_*.png"):
        old.unlink()
    numbers = count(1)

    def save(page, name: str) -> None:
        page.wait_for_timeout(250)  # until the browser has drawn what came last
        page.screenshot(path=screenshots / f"{module}_{next(numbers):02}_{name}.png")

    print(f"Screenshots are in {screenshots}")  # pytest shows it with -s, and where a test fails
    return save


@pytest.fixture(scope="session")
def people_file(tmp_path_factory) -> Path:
    """A gallery in which three people of the cast are enrolled. Copy it before writing to it."""
    from facelab import Gallery, load_cast

    path = tmp_path_factory.mktemp("gallery") / "people.gallery"
    cast = load_cast("portraits")
    with Gallery(path) as gallery:
        for name in cast["name"].unique()[:3]:
            photos = cast[(cast["name"] == name) & (cast["split"] == "gallery")]["path"]
            gallery.enrol(name, list(photos[:2]), progress=False)
        gallery.set_threshold(1.0)
    return path


@pytest.fixture(scope="session")
def environment(tmp_path_factory) -> dict[str, str]:
    """An environment without the user's own settings of Jupyter, and without the network."""
    home = tmp_path_factory.mktemp("home")
    own = {name: str(home / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")}
    own |= {name: str(home / name.lower()) for name in ("JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR")}
    settings = home / "jupyterlab_settings_dir" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')
    offline = {
        "http_proxy": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9",
        "no_proxy": "127.0.0.1,localhost",
    }
    own["TMPDIR"] = str(home / "tmp")
    (home / "tmp").mkdir()
    return {**os.environ, **own, **offline, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
