"""IdentifyPeople without a browser: what it says and draws, what is stored, what becomes of bad photos."""

import json
import re
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import ipywidgets
import nbformat
import numpy as np
import pandas as pd
import pytest
from PIL import Image

import facelab.identify_people as module
from facelab import Faces, Gallery, IdentifyPeople
from facelab.gallery_search import Identification
from facelab.identify_text import (
    LARGEST_SIDE,
    Photo,
    as_html,
    candidate_bars,
    cast_samples,
    enrolled_sentence,
    face_sentence,
    faces_to_draw,
    failure_sentence,
    gallery_file,
    photo_sentence,
    privacy_sentence,
    question,
    read_photo,
    starting_threshold,
)
from facelab.photo_input import NamedBytes

NASTY = "<img src=x onerror=alert(1)>"


class Detector:
    """Finds the squares of one colour on a black photo, so that no network runs: a face is a grey level."""

    def detect(self, image):
        pixels = np.asarray(image)[..., 0]
        boxes = []
        for level in sorted(set(np.unique(pixels[pixels > 40] // 20 * 20).tolist())):
            y, x = np.nonzero(pixels // 20 * 20 == level)
            boxes.append((x.min(), y.min(), x.max() + 1, y.max() + 1))
        boxes.sort(key=lambda box: (box[0] - box[2]) * (box[3] - box[1]))
        n = len(boxes)
        points = np.zeros((n, 5, 2), np.float32)
        return Faces(np.array(boxes, np.float32).reshape(n, 4), np.ones(n, np.float32), points)


class Embedder:
    """Puts a face's grey level on the unit circle: the nearer two levels, the nearer the vectors."""

    name, dimension, fingerprint, image_size = "levels", 2, "0" * 12, 8

    def embed(self, crops, progress=True):
        angle = np.asarray(crops).reshape(len(crops), 64 * 3).mean(axis=1)[:, None]
        return np.concatenate([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


def picture(*faces: tuple[int, int, int], size=(200, 100)) -> Image.Image:
    """A photo with faces, each of a grey level, at x, with a side."""
    image = Image.new("L", size)
    for level, x, side in faces:
        image.paste(level, (x, 20, x + side, 20 + side))
    return image.convert("RGB")


ADA, BEN = 110, 170
TWO = picture((BEN, 10, 30), (ADA, 120, 50))


@pytest.fixture
def gallery(tmp_path):
    with Gallery(tmp_path / "people.gallery", embedder=Embedder(), detector=Detector()) as gallery:
        gallery.enrol("Ada", picture((ADA, 50, 50)))
        yield gallery


@pytest.fixture
def widget(gallery):
    return IdentifyPeople(gallery, samples={"two": TWO, "nobody": picture()}, threshold=0.1)


def page(widget: ipywidgets.Widget) -> str:
    """All that is on the page, as text without markup."""
    found = []
    for child in widget.children:
        hidden = child.layout.display == "none"
        if not hidden and hasattr(child, "children"):
            found.append(page(child))
        elif not hidden:
            found.append(re.sub("<[^>]+>", " ", str(getattr(child, "value", ""))))
    return " ".join(" ".join(found).split())


def find(widget, description: str):
    """A button or a field, by what is written on it."""
    for child in getattr(widget, "children", ()):
        if getattr(child, "description", None) == description:
            return child
        if (inside := find(child, description)) is not None:
            return inside
    return None


def identify(widget, sample="two"):
    find(widget, "sample").value = sample
    find(widget, "Identify").click()


def send(widget, content: bytes, name: str, place: int = 0, count: int = 1):
    """Upload a file, as the browser does."""
    message = {"kind": "photo", "name": name, "place": place, "count": count}
    widget._input._handle_custom_msg(message, [memoryview(content)])


def as_png(image: Image.Image) -> bytes:
    stream = BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def choose(widget, place: int):
    """Click on a face, as the browser does."""
    widget._view.chosen = place


def enrol(widget, name: str):
    """Write a name and press Enter, as the browser does."""
    widget._name._handle_custom_msg({"name": name}, [])


# The widget ----------------------------------------------------------------------------------------------------------


def test_faces_are_named_from_left_to_right_and_the_largest_is_chosen(widget):
    identify(widget)
    assert [face["name"] for face in widget._view.faces] == ["unknown", "Ada"]
    assert widget._view.chosen == 1
    assert "two: 2 faces: Ada and 1 unknown." in page(widget)
    assert "Face 2 is Ada: 0.00 away, within the threshold of 0.10." in page(widget)


def test_the_threshold_decides_without_detection_or_search(widget, monkeypatch):
    identify(widget)
    for name in ("identify", "identify_vectors"):
        monkeypatch.setattr(Gallery, name, lambda *_, **__: pytest.fail("a threshold needs no search"))
    widget.threshold = 2
    assert [face["known"] for face in widget._view.faces] == [True, True]
    assert "Ada (2 times)" in page(widget)
    widget.threshold = 0
    assert "1 unknown" in page(widget)
    assert find(widget, "threshold").value == 0


def test_a_click_on_a_face_shows_its_nearest_people(widget):
    identify(widget)
    choose(widget, 0)
    assert "Face 1 is unknown: the nearest, Ada, is" in page(widget)
    choose(widget, 7)  # a click that was meant for the photo before
    assert "Face 1 is unknown" in page(widget)


def test_an_unknown_face_is_enrolled_and_known_from_then_on(widget, gallery, monkeypatch):
    identify(widget)
    choose(widget, 0)
    sent = []
    monkeypatch.setattr(type(widget._name), "send", lambda _, content: sent.append(content))
    enrol(widget, " Ben ")
    assert gallery.names == ["Ada", "Ben"]
    assert max(gallery.thumbnails("Ben")[0].size) in (38, 39)  # the face of 30 pixels, and a little around it
    assert "Ben is enrolled." in page(widget)
    assert "Face 1 is Ben: 0.00 away" in page(widget)
    assert sent == [{"kind": "clear"}]
    assert find(widget, "known people").options == ("Ada", "Ben")


def test_the_spelling_that_is_known_is_kept(widget, gallery):
    identify(widget)
    choose(widget, 0)
    enrol(widget, "ADA")
    assert gallery.names == ["Ada"]
    assert "This face was added to Ada, who now has 2 photos." in page(widget)
    enrol(widget, "ada")
    assert "Ada is enrolled with this very face already" in page(widget)


@pytest.mark.parametrize(("name", "said"), [("", "The name is empty"), ("Ada", "is enrolled as"), ("x" * 300, "300")])
def test_a_name_that_cannot_be_enrolled_gets_its_sentence(widget, gallery, name, said):
    gallery.enrol("Cleo", TWO.crop((0, 0, 60, 100)))
    identify(widget)
    choose(widget, 0)
    enrol(widget, name)
    assert said in page(widget)
    assert gallery.names == ["Ada", "Cleo"]
    identify(widget)
    assert said not in page(widget)


def test_forgetting_asks_first(widget, gallery):
    find(widget, "Forget…").click()
    assert "Forget Ada? The name and 1 photo" in page(widget)
    find(widget, "Keep Ada").click()
    assert "Forget Ada?" not in page(widget)
    assert "Ada" in gallery
    identify(widget)
    find(widget, "Forget…").click()
    find(widget, "Forget Ada for good").click()
    assert "Ada is forgotten, and 1 photo is erased." in page(widget)
    assert len(gallery) == 0
    assert "nobody is enrolled yet" in page(widget)
    assert find(widget, "Forget…").disabled
    assert b"Ada" not in Path(gallery.path).read_bytes()


def test_a_person_is_forgotten_whom_another_program_has_forgotten_meanwhile(widget, gallery):
    find(widget, "Forget…").click()
    gallery.forget("Ada")
    find(widget, "Forget Ada for good").click()
    assert "Nobody called Ada is enrolled" in page(widget)
    assert find(widget, "known people").options == ()


def test_what_another_program_does_is_seen(widget, gallery):
    identify(widget)
    with Gallery(gallery.path, embedder=Embedder(), detector=Detector()) as other:
        other.enrol("Ben", TWO.crop((0, 0, 60, 100)))
        choose(widget, 0)
        assert "Face 1 is Ben" in page(widget)
        other.forget("Ben")
        widget.threshold = 0.2  # decides by what was found, and survives that Ben's thumbnail is gone
        find(widget, "Refresh").click()
    assert "Face 1 is unknown: the nearest, Ada" in page(widget)
    assert find(widget, "known people").options == ("Ada",)


def test_photos_are_uploaded_and_bad_ones_among_them_named(widget):
    files = [(b"no photo", "a.txt"), (as_png(TWO), "b.png"), (as_png(TWO)[:90], "c.png"), (as_png(picture()), "d.png")]
    for place, (content, name) in enumerate(files):
        send(widget, content, name, place, len(files))
    assert [photo.name for photo in widget.photos] == ["b.png", "d.png"]
    for said in ("a.txt is not an image", "c.png is damaged", "b.png: 2 faces", "photo 1 of 2"):
        assert said in page(widget)
    find(widget, "Next photo").click()
    assert "d.png: no face was found" in page(widget)
    assert not widget._view.faces
    assert "threshold" not in page(widget).split("d.png")[1]
    find(widget, "Next photo").click()
    assert "b.png: 2 faces" in page(widget)
    send(widget, as_png(TWO), "e.png")
    assert [photo.name for photo in widget.photos] == ["e.png"]
    assert "a.txt" not in page(widget)


def test_a_bad_photo_leaves_the_last_one_where_it_was(widget):
    identify(widget)
    send(widget, b"", "empty.jpg")
    assert "empty.jpg is not an image" in page(widget)
    assert "two: 2 faces" in page(widget)
    widget._input._handle_custom_msg({"kind": "too large", "name": "x", "megabytes": 31.2, "place": 0, "count": 1}, [])
    assert "x has 31 MB" in page(widget)
    huge = Image.new("1", (20_000, 20_000))
    send(widget, as_png(huge), "huge.png")
    assert "huge.png has more than 80,000,000 pixels" in page(widget)


def test_a_photo_from_the_browser_is_answered_whatever_becomes_of_it(widget, monkeypatch):
    sent = []
    monkeypatch.setattr(type(widget._input), "send", lambda _, content: sent.append(content))
    send(widget, b"", "empty.jpg")
    send(widget, as_png(TWO), "b.png")
    assert sent == [{"kind": "next"}] * 2


def test_nothing_is_stored_before_somebody_is_enrolled(widget, gallery):
    before = gallery.to_frame(), gallery.log()
    identify(widget)
    send(widget, as_png(TWO), "b.png")
    choose(widget, 0)
    widget.threshold = 1
    for old, new in zip(before, (gallery.to_frame(), gallery.log()), strict=True):
        pd.testing.assert_frame_equal(old, new)
    assert "nothing is written to disk unless you enrol a face" in page(widget)
    assert "in memory too" in privacy_sentence(Gallery())


def test_it_is_busy_while_it_looks(widget, gallery, monkeypatch):
    seen = []
    monkeypatch.setattr(Detector, "detect", lambda self, image: seen.append((page(widget), widget._view.busy)) or {}[0])
    identify(widget)
    assert "Looking for faces on two…" in seen[0][0]
    assert seen[0][1] is True
    assert widget._view.busy is False
    assert "not foreseen (KeyError)" in page(widget)


def test_errors_stay_out_of_the_log(widget, monkeypatch, capfd, caplog):
    identify(widget)
    choose(widget, 0)
    monkeypatch.setattr(Gallery, "enrol_vectors", lambda *_, **__: {}["Ben, secretly"])
    enrol(widget, "Ben")
    assert "not foreseen (KeyError): nothing was stored" in page(widget)
    assert "".join([*capfd.readouterr(), caplog.text]) == ""


def test_stored_output_is_one_line_of_text(widget):
    before = repr(widget)
    identify(widget)
    assert repr(widget) == before == "IdentifyPeople of 1 people at 0.100: run the cell to use it"
    assert widget._repr_mimebundle_()["text/plain"] == before


def test_names_are_shown_as_text(widget, gallery):
    gallery.rename("Ada", NASTY)
    send(widget, as_png(TWO), NASTY)
    find(widget, "known people").value = NASTY
    find(widget, "Forget…").click()
    send(widget, b"", NASTY)
    values = [child.value for child in every(widget) if isinstance(child, ipywidgets.HTML)]
    assert sum("&lt;img src=x" in value for value in values) >= 3
    assert not any("<img src=x" in value for value in values)


def every(widget):
    """All widgets in a widget."""
    yield widget
    for child in getattr(widget, "children", ()):
        yield from every(child)


WRONG = [
    (lambda gallery: IdentifyPeople("people.gallery"), "must be a Gallery"),
    (lambda gallery: IdentifyPeople(gallery, threshold=3), "from 0 to 2"),
    (lambda gallery: setattr(IdentifyPeople(gallery, samples={}), "threshold", float("nan")), "from 0 to 2"),
]


@pytest.mark.parametrize(("action", "said"), WRONG)
def test_wrong_input_gets_a_sentence(action, said, gallery):
    with pytest.raises(ValueError, match=said):
        action(gallery)


def test_without_samples_there_is_no_choice_of_them(gallery):
    assert "sample" not in page(IdentifyPeople(gallery, samples={})).replace("Choose a sample", "")


# The functions -------------------------------------------------------------------------------------------------------


def identification(distance: float | None, box=(10, 20, 30, 60)) -> Identification:
    names, distances = ([], []) if distance is None else (["Ada", NASTY], [distance, 1.5])
    candidates = pd.DataFrame({"name": names, "distance": np.array(distances, np.float32)})
    return Identification(candidates, 1.0, np.array([1, 0], np.float32), np.array(box, np.float32))


def test_boxes_are_drawn_in_percent_and_cut_at_the_edge():
    photo = Photo("p", (100, 200), b"", [identification(0.5), identification(None, (-5, 100, 50, 260))])
    first, second = faces_to_draw(photo, 1.0)
    assert [first[side] for side in ("left", "top", "width", "height")] == pytest.approx([10, 10, 20, 20])
    assert [second[side] for side in ("left", "top", "width", "height")] == pytest.approx([0, 50, 50, 50])
    assert (first["name"], first["known"], first["distance"]) == ("Ada", True, ", 0.50")
    assert (second["name"], second["known"], second["distance"]) == ("unknown", False, "")
    assert json.loads(json.dumps([first, second])) == [first, second]


def test_sentences_about_a_photo_and_a_face():
    photo = Photo("p", (100, 200), b"", [identification(0.5), identification(1.2), identification(None)])
    assert photo_sentence(photo, 0.1) == "p: 3 faces, nobody known."
    assert photo_sentence(photo, 1.0) == "p: 3 faces: Ada and 2 unknown."
    assert photo_sentence(replace(photo, faces=photo.faces[:2]), 2) == "p: 2 faces: Ada (2 times)."
    assert face_sentence(photo, 0, 0.5) == "Face 1 is Ada: 0.50 away, within the threshold of 0.50."
    assert "beyond the threshold of 1.00" in face_sentence(photo, 1, 1.0)
    assert "nobody is enrolled yet" in face_sentence(photo, 2, 1.0)
    assert replace(photo, faces=[]).largest == -1


def test_bars_are_as_long_as_the_distances_and_the_line_stands_at_the_threshold():
    html = candidate_bars(identification(0.5).candidates, 1.2, {"Ada": "data:x", NASTY: None})
    assert re.findall(r"width:(\d+\.\d+)%", html) == ["25.00", "75.00"]
    assert re.findall(r"left:(\d+\.\d+)%", html) == ["60.00", "60.00"]
    assert html.count("✓") == 1
    assert html.count("<img") == 1
    assert "&lt;img src=x" in html
    assert candidate_bars(identification(None).candidates, 1.2, {}) == ""


def test_large_photos_are_made_smaller_before_faces_are_looked_for(gallery):
    photo = read_photo(TWO.resize((6000, 3000), Image.Resampling.NEAREST), "large", gallery, 1.0)
    assert photo.size == (LARGEST_SIDE, LARGEST_SIDE // 2)
    assert max(Image.open(BytesIO(photo.jpeg)).size) < LARGEST_SIDE
    assert len(photo.faces) >= 2


def test_threshold_begins_where_the_gallery_or_the_weights_say(gallery, monkeypatch):
    table = pd.DataFrame({"name": ["levels", "other"], "threshold": [np.nan, 0.7]})
    monkeypatch.setattr("facelab.identify_text.available_weights", lambda: table)
    assert starting_threshold(gallery) == 1.0
    table["threshold"] = [0.8, 0.7]
    assert starting_threshold(gallery) == 0.8
    gallery.set_threshold(0.6, "identify")
    assert starting_threshold(gallery) == 0.6
    assert IdentifyPeople(gallery, samples={}).threshold == 0.6


def test_samples_are_all_group_photos_and_a_portrait_of_each():
    samples = cast_samples()
    assert sum("people" in name for name in samples) == 16
    assert sum(name.startswith("portrait, ") for name in samples) == 24
    assert sum(name.startswith("stranger, ") for name in samples) == 12
    assert all(path.is_file() for path in samples.values())


def test_samples_are_none_where_the_cast_is_not(monkeypatch, tmp_path):
    monkeypatch.setattr("facelab.data.CAST", tmp_path)
    assert cast_samples() == {}


def test_gallery_file_is_the_users_own_or_the_one_that_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("FACELAB_GALLERY", str(tmp_path / "mine"))
    assert gallery_file() == tmp_path / "mine"
    monkeypatch.delenv("FACELAB_GALLERY")
    monkeypatch.setattr("platformdirs.user_data_path", lambda name, **_: tmp_path / name)
    assert gallery_file() == tmp_path / "facelab" / "people.gallery"


def test_small_sentences():
    assert enrolled_sentence("Ada", 1, 1).startswith("Ada is enrolled.")
    assert "2 photos (" in question("Ada", 2)
    assert failure_sentence(ValueError("The file object a.jpg is bad.")) == "a.jpg is bad."
    assert "secret" not in failure_sentence(RuntimeError("secret"))
    assert as_html(["a < b"], role="alert").startswith('<div role="alert"')
    assert "a &lt; b" in as_html(["a < b"])
    assert NamedBytes(b"x", "n").name == "n"


# The app -------------------------------------------------------------------------------------------------------------


def test_app_opens_or_says_why_not(monkeypatch, tmp_path):
    with Gallery(tmp_path / "people.gallery", embedder=Embedder(), detector=Detector()) as gallery:
        gallery.enrol("Ada", TWO.crop((0, 0, 60, 100)))
    monkeypatch.setenv("FACELAB_GALLERY", str(tmp_path / "people.gallery"))
    app = module.open_app()
    assert isinstance(app, IdentifyPeople)
    assert find(app, "known people").options == ("Ada",)
    identify(app, next(iter(cast_samples())))
    assert "which cannot be compared: use that embedder" in page(app)  # these people are enrolled with another model
    (tmp_path / "other.gallery").write_bytes(b"something else" * 100)
    monkeypatch.setenv("FACELAB_GALLERY", str(tmp_path / "other.gallery"))
    assert 'role="alert"' in module.open_app().value


def test_app_notebook_runs(monkeypatch, tmp_path):
    monkeypatch.setenv("FACELAB_GALLERY", str(tmp_path / "people.gallery"))
    path = Path(module.__file__).parent / "app" / "identify_people.ipynb"
    (code,) = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert code.outputs == []
    names = {}
    exec(code.source.replace("open_app()", "found = open_app()"), names)
    assert names["found"].gallery.path == tmp_path / "people.gallery"
    settings = json.loads((path.parent / "voila.json").read_text())["Voila"]
    assert settings["auto_token"] is True
    assert "default-src 'self'" in settings["tornado_settings"]["headers"]["Content-Security-Policy"]
