"""IdentifyPeople and ThresholdExplorer in a real browser, in JupyterLab, from a clean kernel."""

import re
import shutil
from contextlib import suppress
from pathlib import Path

import nbformat
import pytest
import torch
from servers import serving
from steps import (
    SAMPLE,
    THREE_PEOPLE,
    WAIT,
    button,
    enrol,
    expect_faces,
    faces,
    identify_sample,
    known_people,
    press_on_slider,
    says,
    upload,
)

from facelab import FaceDetector, FaceEmbedder, Gallery, crop_faces, list_pairs, load_cast, pairwise_distances

CELLS = {
    "identify": """from facelab import Gallery, IdentifyPeople

IdentifyPeople(Gallery("people.gallery"))""",
    "threshold": """import pandas as pd
from facelab import ThresholdExplorer

pairs, photos = (pd.read_csv(f"{name}.csv") for name in ("pairs", "photos"))
ThresholdExplorer(pairs, photos.path.tolist(), threshold=0.9)""",
}


@pytest.fixture(scope="module")
def lab(chromium, people_file, environment, tmp_path_factory):
    """JupyterLab's address, and its folder, which holds the notebooks and a gallery."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copy(people_file, folder)
    for name, code in CELLS.items():
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
        nbformat.write(notebook, folder / f"{name}.ipynb")
    command = ["jupyterlab", "--IdentityProvider.token=", f"--ServerApp.root_dir={folder}", "--allow-root"]
    command += ["--LabApp.expose_app_in_browser=True"]
    with serving(command, folder / "log.txt", environment, folder) as address:
        yield address, folder


@pytest.fixture
def page(chromium):
    context = chromium.new_context(viewport={"width": 1280, "height": 1100})
    yield context.new_page()
    context.close()


READY = """() => {
    const context = window.jupyterapp?.shell.currentWidget?.sessionContext;
    const kernel = context?.isReady ? context.session?.kernel : null;
    return kernel?.connectionStatus === "connected" && kernel.status === "idle";
}"""


def open_and_run(page, address: str, notebook: str, shows: str) -> None:
    """Open a notebook and run its cell, in whatever kernel is there, until it shows these words.

    Now and then, JupyterLab on a busy machine loses what it sent to a kernel that had only just started, and the cell
    stays busy for good. As a person would, the page is then loaded again.
    """
    from playwright.sync_api import TimeoutError

    for _ in range(4):
        page.goto(f"{address}lab/workspaces/{notebook}/tree/{notebook}.ipynb", timeout=WAIT)
        page.wait_for_function(READY, timeout=WAIT)
        page.wait_for_timeout(2000)
        page.locator(".jp-CodeCell .cm-content").first.click(timeout=WAIT)
        page.keyboard.press("Shift+Enter")
        with suppress(TimeoutError):
            page.locator(".jp-OutputArea").get_by_text(shows).first.wait_for(timeout=WAIT / 2)
            return
    pytest.fail(f"The cell did not show the widget: {page.locator('.jp-Cell').first.inner_text()}")


def test_identify_people(lab, page, shoot, tmp_path):
    address, folder = lab
    open_and_run(page, address, "identify", shows="Choose a sample")
    shoot(page, "start")

    identify_sample(page)
    says(page, f"{SAMPLE}: 3 faces")
    press_on_slider(page, "Home")
    assert expect_faces(page, known="none") == 3
    shoot(page, "threshold_0")
    press_on_slider(page, "End")
    expect_faces(page, known="all")
    shoot(page, "threshold_2")

    text = tmp_path / "notes.png"
    text.write_text("not a photo")
    upload(page, text)
    says(page, r"^notes\.png is not an image")
    upload(page, THREE_PEOPLE)
    says(page, rf"{THREE_PEOPLE.name}: 3 faces")
    for place, key in ((1, "Enter"), (0, "Space")):  # which JupyterLab must not take for itself
        faces(page).nth(place).focus()
        page.keyboard.press(key)
        says(page, f"^Face {place + 1} is ")
        assert page.evaluate("document.activeElement.className").startswith("facelab-face")
    button(page, "Identify").focus()
    page.keyboard.press("Enter")
    says(page, f"{SAMPLE}: 3 faces")

    button(page, "Use the camera").click()  # nobody is there to allow it
    says(page, "may not use the camera")
    shoot(page, "camera_denied")

    press_on_slider(page, "Home")
    enrol(page, "Zuleika")
    says(page, "Zuleika is enrolled")
    shoot(page, "enrolled")

    # Another program enrols somebody in the same file.
    with Gallery(folder / "people.gallery") as other:
        other.enrol("Newcomer", load_cast("strangers")["path"].iloc[0])
    button(page, "Refresh").click()
    page.get_by_label("known people").locator("option", has_text="Newcomer").wait_for(state="attached", timeout=WAIT)

    open_and_run(page, address, "identify", shows="Choose a sample")  # as a reload does, and the cell is run again
    assert known_people(page)[-2:] == ["Zuleika", "Newcomer"]
    page.get_by_label("known people").select_option("Zuleika")
    button(page, "Forget…").click()
    button(page, "Forget Zuleika for good").click()
    says(page, "Zuleika is forgotten")
    assert "Zuleika" not in known_people(page)
    shoot(page, "forgotten")
    assert b"Zuleika" not in (folder / "people.gallery").read_bytes()

    page.keyboard.press("Control+s")
    written = Path(folder / "log.txt").read_text(encoding="utf-8", errors="replace")
    assert not any(name in written for name in ("Zuleika", "Newcomer", "notes.png"))


def test_threshold_explorer(lab, page, shoot):
    from playwright.sync_api import expect

    address, folder = lab
    photos = load_cast().groupby("person").head(4).head(16)
    detector, embedder = FaceDetector(), FaceEmbedder(device="cpu")
    crops = [crop_faces(path, detector.detect(path)[:1], embedder.image_size) for path in photos.path]
    pairs = list_pairs(pairwise_distances(embedder.embed(torch.cat(crops))), photos.person)
    photos.to_csv(folder / "photos.csv", index=False)
    pairs.to_csv(folder / "pairs.csv", index=False)
    figures, heading = page.locator("figure"), page.locator(".jp-OutputArea th", has_text="threshold")

    def expect_counts() -> int:
        """Hold the table against a count by hand at the threshold that it names; give how many are accepted."""
        accepted = pairs.distance <= float(heading.inner_text().removeprefix("threshold "))
        cells = []
        for kind, rate in ((pairs.same, "FNMR"), (~pairs.same, "FMR")):
            cells += [str((kind & accepted).sum()), str((kind & ~accepted).sum()), re.compile(f"^{rate} ")]
        expect(page.locator(".jp-OutputArea table td")).to_have_text(cells, timeout=WAIT)
        return accepted.sum()

    open_and_run(page, address, "threshold", shows="Move the threshold")
    assert expect_counts() == (pairs.distance <= 0.9).sum()
    assert figures.count() == 0
    shoot(page, "explorer_start")

    press_on_slider(page, "End")
    flipped = pairs[pairs.distance > 0.9].groupby("same").size()
    expect(figures).to_have_count(int(flipped.clip(upper=5).sum()), timeout=WAIT)  # of each kind, at most five
    assert expect_counts() == len(pairs)
    shoot(page, "explorer_2")

    page.get_by_role("button", name="turn one pair away").click()  # its name has an arrow, too
    expect(figures).to_have_count(1, timeout=WAIT)
    assert expect_counts() == len(pairs) - 1
    farthest = pairs.loc[pairs.distance.idxmax()]
    kind, verdict = ("genuine", "wrongly") if farthest.same else ("impostor", "rightly")
    expect(figures.locator("img").first).to_have_attribute(
        "alt", f"{kind} pair now {verdict} rejected, distance {farthest.distance:.3f}"
    )
    shoot(page, "explorer_one_pair")

    press_on_slider(page, "Home")
    expect(heading).to_have_text("threshold 0.0000", timeout=WAIT)
    expect(figures).to_have_count(10, timeout=WAIT)  # the table comes before the faces
    assert expect_counts() == 0
    page.get_by_role("button", name="let one pair in").focus()
    page.keyboard.press("Enter")
    expect(heading).not_to_have_text("threshold 0.0000", timeout=WAIT)
    expect(figures).to_have_count(1, timeout=WAIT)
    assert expect_counts() == 1
