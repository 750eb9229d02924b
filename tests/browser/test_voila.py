"""The app in a real browser, served by Voilà as `make app` does it: by mouse, by keyboard at 400 pixels, by camera."""

import http.client
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from servers import ROOT, app_command, serving
from steps import (
    NOBODY,
    THREE_PEOPLE,
    WAIT,
    button,
    enrol,
    expect_faces,
    faces,
    identify_sample,
    known_people,
    overflows,
    press_on_slider,
    says,
    upload,
    write_camera_film,
    write_large_photo,
)

from facelab import Gallery, load_cast

TOKEN = "only-for-this-test"
LOCAL = ("http://127.0.0.1:", "data:", "blob:")


@pytest.fixture(scope="module")
def app(chromium, people_file, environment, tmp_path_factory):
    """The app's address, its gallery and its log."""
    folder = tmp_path_factory.mktemp("app")
    gallery = Path(shutil.copy(people_file, folder))
    log = folder / "log.txt"
    with serving(app_command(TOKEN), log, {**environment, "FACELAB_GALLERY": str(gallery)}, ROOT) as address:
        yield f"{address}?token={TOKEN}", gallery, log


@pytest.fixture
def page(chromium):
    context = chromium.new_context(viewport={"width": 1280, "height": 1000})
    yield context.new_page()
    context.close()


def start(page, address: str) -> None:
    page.goto(address, timeout=WAIT)
    says(page, "Choose a sample")


def test_only_who_has_the_token_is_let_in(app):
    server = http.client.HTTPConnection(urlsplit(app[0]).netloc, timeout=60)
    server.request("GET", "/")
    answer = server.getresponse()
    assert (answer.status, answer.headers["Location"]) == (302, "/login?next=%2F")
    server.close()


def files_below(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def test_story(app, page, shoot, environment, tmp_path):
    address, gallery, log = app
    fetched, refused = [], []
    page.on("requestfinished", lambda request: fetched.append(request.url))
    page.on("requestfailed", lambda request: refused.append((request.url, request.failure)))
    start(page, address)
    shoot(page, "start")

    identify_sample(page)
    says(page, "Looking for faces")
    shoot(page, "busy")
    says(page, "cafe, 3 people: 3 faces")
    assert faces(page).count() == 3
    shoot(page, "identified")

    press_on_slider(page, "Home")
    assert expect_faces(page, known="none") == 3
    says(page, "nobody known")
    shoot(page, "threshold_0")
    press_on_slider(page, "End")
    expect_faces(page, known="all")
    shoot(page, "threshold_2")

    page.locator(".facelab-box").first.click()
    says(page, "^Face 1 is ")
    assert page.get_by_role("table").get_by_role("row").count() == 3
    shoot(page, "other_face")

    text = tmp_path / "holiday.jpg"
    text.write_text("not a photo")
    upload(page, text)
    says(page, r"^holiday\.jpg is not an image")
    assert faces(page).count() == 3  # what was there is there still
    shoot(page, "not_a_photo")

    upload(page, NOBODY)
    says(page, "office_0.jpg: no face was found")
    shoot(page, "no_face")

    before = files_below(Path(environment["TMPDIR"])), gallery.read_bytes()
    upload(page, text, write_large_photo(tmp_path / "large.jpg"), NOBODY, THREE_PEOPLE)
    page.get_by_text("photo 1 of 3").wait_for(timeout=WAIT)
    says(page, r"large\.jpg: 3 faces")
    says(page, "is not an image")
    button(page, "Previous photo").click()
    says(page, THREE_PEOPLE.name)
    shoot(page, "many_photos")
    assert (files_below(Path(environment["TMPDIR"])), gallery.read_bytes()) == before

    press_on_slider(page, "Home")
    press_on_slider(page, "ArrowRight")  # a step above 0: a face's distance to itself may be rounded up to 1e-8
    enrol(page, "Zuleika <b>Dobson</b>")
    says(page, "is enrolled")
    says(page, "is Zuleika <b>Dobson</b>: 0.00 away")
    shoot(page, "enrolled")

    page.reload(timeout=WAIT)
    says(page, "Choose a sample")
    assert known_people(page)[-1] == "Zuleika <b>Dobson</b>"
    page.get_by_label("known people").select_option("Zuleika <b>Dobson</b>")
    button(page, "Forget…").click()
    says(page, "^Forget Zuleika .*for good")
    shoot(page, "sure")
    button(page, "Keep Zuleika <b>Dobson</b>").click()
    assert len(known_people(page)) == 4
    button(page, "Forget…").click()
    button(page, "Forget Zuleika <b>Dobson</b> for good").click()
    says(page, "Zuleika <b>Dobson</b> is forgotten, and 1 photo is erased")
    assert len(known_people(page)) == 3
    shoot(page, "forgotten")
    with Gallery(gallery) as there:
        assert len(there) == 3
    assert b"Zuleika" not in gallery.read_bytes()

    assert {url for url in fetched if not url.startswith(LOCAL)} == set()  # nothing goes to another machine
    assert {failure for url, failure in refused if not url.startswith(LOCAL)} <= {"csp"}
    written = log.read_text(encoding="utf-8", errors="replace")
    assert "Traceback" not in written
    assert not any(name in written for name in ("Zuleika", "holiday", "large.jpg"))


def test_by_keyboard_alone_on_400_pixels(app, page, shoot):
    """Every step by Tab, arrows, Enter and letters; after each, nothing is wider than the window."""
    page.set_viewport_size({"width": 400, "height": 1500})
    start(page, app[0])
    assert overflows(page) <= 0
    shoot(page, "narrow_start")

    def tab_to(name: str) -> None:
        focused = "document.activeElement"
        what = f"[({focused}.labels?.[0] ?? {focused}).textContent.trim(), {focused}.className]"
        for _ in range(40):
            page.keyboard.press("Tab")
            text, classes = page.evaluate(what)
            if text == name or text.startswith(f"{name} ") or name in classes.split():
                return
        pytest.fail(f"Tab does not lead to {name}.")

    tab_to("sample")
    page.keyboard.type("cafe, 5")
    tab_to("Identify")
    page.keyboard.press("Enter")
    says(page, "cafe, 5 people: 5 faces")
    assert overflows(page) <= 0
    shoot(page, "narrow_identified")

    tab_to("2")
    page.keyboard.press("Enter")
    says(page, "^Face 2 is ")
    tab_to("noUi-handle")
    page.keyboard.press("Home")
    expect_faces(page, known="none")
    page.keyboard.press("End")
    expect_faces(page, known="all")
    page.keyboard.press("Home")
    expect_faces(page, known="none")
    tab_to("name")
    page.keyboard.type("Grace")
    page.keyboard.press("Enter")
    says(page, "Grace is enrolled")
    assert overflows(page) <= 0
    shoot(page, "narrow_enrolled")

    tab_to("known people")
    page.keyboard.type("Grace")
    tab_to("Forget…")
    page.keyboard.press("Enter")
    says(page, "^Forget Grace")
    page.wait_for_function("document.activeElement.textContent === 'Keep Grace'")
    assert overflows(page) <= 0
    shoot(page, "narrow_sure")
    tab_to("Forget Grace for good")
    page.keyboard.press("Enter")
    says(page, "Grace is forgotten")
    page.wait_for_function("document.activeElement.labels?.[0].textContent === 'known people'")


def test_camera(app, launch, shoot, tmp_path):
    portrait = load_cast("portraits")["path"].iloc[0]
    film = write_camera_film(tmp_path / "film.y4m", portrait)
    browser = launch("--use-fake-ui-for-media-stream", f"--use-file-for-fake-video-capture={film}")
    page = browser.new_page(viewport={"width": 1000, "height": 1400})
    start(page, app[0])
    button(page, "Use the camera").click()
    page.wait_for_function("document.querySelector('video')?.videoWidth === 320", timeout=WAIT)
    shoot(page, "camera_live")
    button(page, "Take the photo").click()
    says(page, "the camera's photo: 1 face")
    shoot(page, "camera_taken")
    button(page, "Stop the camera").click()
    page.wait_for_function("document.querySelector('video').srcObject === null")

    # What the browser answers where there is no camera, where another program has it, and on an insecure page.
    answer = "name => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', name); }; }"
    for name, sentence in (("NotFoundError", "No camera was found"), ("NotReadableError", "in use by another program")):
        page.evaluate(answer, name)
        button(page, "Use the camera").click()
        says(page, sentence)
    page.evaluate("Object.defineProperty(navigator, 'mediaDevices', { value: undefined })")
    button(page, "Use the camera").click()
    says(page, "only to pages from this computer or over https")
