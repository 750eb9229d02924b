"""The photo sets: the tables against their CSV files read by hand, the loaders against folders built for the test."""

import csv
import os
import shutil
from pathlib import Path
from urllib.error import URLError

import av
import numpy as np
import pandas as pd
import pytest
import sklearn.datasets
from one_sentence import sentence
from PIL import Image

from facelab import data
from facelab.data import (
    CAST,
    boxes,
    clip_frames,
    landmarks,
    load_cast,
    load_clip,
    load_door,
    load_folder,
    load_lfw,
    load_lfw_pairs,
    load_photos,
    load_scenes,
    scene_files,
)
from facelab.images import open_image

BOX = ["x0", "y0", "x1", "y1"]
POINTS = ["left_eye", "right_eye", "nose", "mouth_left", "mouth_right"]


@pytest.fixture(autouse=True)
def no_switches(monkeypatch):
    monkeypatch.delenv("FACELAB_PHOTOS", raising=False)
    monkeypatch.delenv("FACELAB_LFW", raising=False)


@pytest.fixture(scope="module")
def cast():
    return load_cast()


def refusal(error, call, *arguments):
    """Return the message with which `call` refuses, after checking that it is one sentence."""
    with pytest.raises(error) as caught:
        call(*arguments)
    return sentence(caught)


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def same(value, text):
    """Whether a table's cell holds what the CSV file says."""
    if text == "":
        return pd.isna(value)
    if isinstance(value, str | bool | np.bool_):
        return str(value) == text
    return float(value) == float(text)


# --- the cast as it lies in the repository -------------------------------------------------------------------------


def test_the_composition_that_the_datasheet_gives(cast):
    assert cast.groupby("person").size().tolist() == [12] * 24
    assert cast["name"].nunique() == 24
    assert (cast["subset"] == "portraits").all()
    strangers, sweeps = load_cast("strangers"), load_cast("sweeps")
    assert strangers.groupby("person").size().tolist() == [3] * 12
    assert not set(strangers["name"]) & set(cast["name"])
    assert len(sweeps) == 156
    assert sweeps["person"].nunique() == 3
    assert set(sweeps["person"]) <= set(cast["person"])
    assert cast.columns[:4].tolist() == ["path", "file", "person", "name"]
    assert all(isinstance(path, Path) for path in cast["path"])


@pytest.mark.parametrize("subset", ["portraits", "strangers", "sweeps"])
def test_every_photo_opens_and_no_other_lies_beside_them(subset):
    photos = load_cast(subset)
    for path in photos["path"]:
        assert open_image(path).size == (320, 320)
    assert sorted(photos["path"]) == sorted((CAST / subset).iterdir())


def test_the_set_is_small():
    assert sum(path.stat().st_size for path in CAST.rglob("*") if path.is_file()) < 25e6


@pytest.mark.parametrize(("factor", "steps"), [("yaw", 13), ("pitch", 7), ("light_azimuth", 7), ("distance", 8)])
def test_a_sweep_has_every_step_for_everybody(factor, steps):
    sweeps = load_cast("sweeps")
    series = sweeps[sweeps["factor"] == factor]
    assert series.groupby("person").size().tolist() == [steps] * 3
    if factor in ("yaw", "pitch"):
        np.testing.assert_allclose(series["value"].astype(float), series[factor], atol=7)  # as the camera sees it
    if factor == "distance":
        widths = boxes(series)[:, 2] - boxes(series)[:, 0]
        assert np.corrcoef(np.log(widths), np.log(series["value"].astype(float)))[0, 1] > 0.99


def test_tables_equal_their_files_read_by_hand():
    everything = load_cast(None)
    rows = rows_of(CAST / "photos.csv")
    people = {row["person"]: row for row in rows_of(CAST / "people.csv")}
    assert everything["file"].is_unique
    assert len(everything) == len(rows)
    for row, (_, got) in zip(rows, everything.iterrows(), strict=True):
        assert got["path"] == CAST / row["file"]
        person = people[row["person"]]
        expected = person | row | {"training_split": person["split"]}
        assert set(got.index) == {"path", *expected}
        assert [key for key, text in expected.items() if not same(got[key], text)] == []


def test_same_notices_a_difference():
    assert not same(1.5, "1.25")
    assert not same("a", "")
    assert not same(float("nan"), "0")
    assert not same(True, "False")


def test_boxes_and_landmarks_are_where_a_face_is(cast):
    frames, points = boxes(cast), landmarks(cast)
    assert (frames.shape, frames.dtype) == ((288, 4), np.float32)
    assert (points.shape, points.dtype) == ((288, 5, 2), np.float32)
    np.testing.assert_array_equal(frames[7], cast.loc[7, BOX].to_numpy(np.float32))
    np.testing.assert_array_equal(points[7, 3], cast.loc[7, ["mouth_left_x", "mouth_left_y"]].to_numpy(np.float32))
    assert ((frames >= 0) & (frames <= 320)).all()
    width, height = (frames[:, 2:] - frames[:, :2]).T
    assert (width > 60).all()
    frontal = (cast["yaw"].abs() < 60).to_numpy()
    assert ((height / width > 1) & (height / width < 1.8))[frontal].all()
    inside = (points >= frames[:, None, :2]) & (points <= frames[:, None, 2:])
    assert inside.all(2).mean() > 0.98
    left_eye, right_eye, nose, left_corner, right_corner = points[frontal].swapaxes(0, 1)
    assert (left_eye[:, 0] < right_eye[:, 0]).all()
    assert (left_corner[:, 0] < right_corner[:, 0]).all()
    assert (np.maximum(left_eye[:, 1], right_eye[:, 1]) < nose[:, 1]).all()
    assert (nose[:, 1] < (left_corner[:, 1] + right_corner[:, 1]) / 2).all()


def test_angles_have_the_signs_that_the_datasheet_gives_them(cast):
    """Positive yaw faces the viewer's right, positive roll is clockwise, positive pitch is seen from above."""
    left_eye, right_eye, nose, *mouth = landmarks(cast).transpose(1, 0, 2)
    eyes = (left_eye + right_eye) / 2
    height = np.linalg.norm(np.mean(mouth, 0) - eyes, axis=1)
    assert np.corrcoef(cast["yaw"], (nose - eyes)[:, 0] / height)[0, 1] > 0.9
    frontal = (cast["yaw"].abs() < 10).to_numpy()
    tilt = np.degrees(np.arctan2(*(right_eye - left_eye).T[::-1]))
    assert np.corrcoef(cast["roll"][frontal], tilt[frontal])[0, 1] > 0.9
    assert np.corrcoef(cast["pitch"][frontal], ((nose - eyes)[:, 1] / height)[frontal])[0, 1] > 0.5


def test_splits(cast):
    for _, photos in cast.groupby("person"):
        gallery = photos[photos["split"] == "gallery"]
        assert 4 <= len(gallery) <= 6
        assert set(photos["split"]) == {"gallery", "probe"}
        assert not gallery[["glasses", "hat"]].any(axis=None)
        assert gallery["yaw"].abs().min() < 10
        assert photos["training_split"].nunique() == 1
    people = cast.drop_duplicates("person")
    assert people["training_split"].value_counts().to_dict() == {"train": 14, "test": 6, "validation": 4}
    assert set(people["monk"]) == set(range(1, 11))
    assert people["age"].min() < 20 < 75 < people["age"].max()


def test_the_license_of_the_head_model_lies_beside_the_photos():
    assert "USC Institute for Creative Technologies" in (CAST / "ICT_FACEKIT_LICENSE").read_text()
    assert "CC BY 4.0" in (CAST / "DATASHEET.md").read_text("utf-8")


def test_scenes_of_the_repository():
    scenes = load_scenes()
    assert len(scene_files()) == 16
    assert set(scenes["path"]) <= set(scene_files())
    assert len(set(scene_files()) - set(scenes["path"])) == 2  # nobody there
    assert scenes.groupby("path").size().between(2, 9).all()
    for path in scene_files():
        assert open_image(path).size == (960, 640)
    assert sorted(scene_files()) == sorted((CAST / "scenes").iterdir())


def test_the_door_of_the_repository():
    door = load_door().set_index("scene")
    assert list(door["name"]) == ["Amara", "Tomas", "Tomas"]
    assert door["visible"].tolist() == [1, 1, 0]  # behind the paper
    assert load_cast("sweeps").set_index("file").loc[door.loc["stranger_with_print", "printed"], "name"] == "Amara"
    assert door["printed"].isna().tolist() == [True, True, False]
    assert sorted(door["path"]) == sorted((CAST / "door").iterdir())


def test_the_clip_of_the_repository():
    frames = clip_frames()
    assert [frame.size for frame in frames] == [(480, 270)] * 120
    assert load_clip()["frame"].between(0, 119).all()
    assert 2 <= load_clip()["person"].nunique() <= 3
    assert (CAST / "clip" / "clip.mp4").stat().st_size < 2_000_000


# --- a cast of two, with all that the full set will have ------------------------------------------------------------

NUMBERS = [*BOX, *(f"{point}_{axis}" for point in POINTS for axis in "xy"), "yaw", "pitch", "roll"]
FACE = {column: str(number) for number, column in enumerate(NUMBERS)}
SHOT = {"expression": "smile", "light_azimuth": "10", "light_elevation": "20", "lens_mm": "50", "span_cm": "30"}
SHOT |= {"glasses": "False", "hat": "True", "split": "probe"}


def write_video(path, colours, size=(64, 48)):
    """Write one frame for each colour, with PyAV."""
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=12)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for colour in colours:
            container.mux(stream.encode(av.VideoFrame.from_image(Image.new("RGB", size, colour))))
        container.mux(stream.encode())


def write(path, rows):
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns)
        writer.writeheader()
        writer.writerows(rows)


def dominant(image):
    return ("red", "green", "blue")[np.asarray(image).mean((0, 1)).argmax()]


@pytest.fixture
def two(tmp_path):
    """The folder of a cast of two people."""

    def photo(file, person="01", **more):
        subset = file.split("/")[0]
        return {"file": file, "subset": subset, "person": person, "factor": "", "value": ""} | FACE | SHOT | more

    people = [
        {"person": "01", "name": "Zoë", "split": "train", "hair": "red, long", "beard": "False", "monk": "3"},
        {"person": "02", "name": "None", "split": "test", "hair": "bald", "beard": "True", "monk": "9"},
    ]
    photos = [
        photo("portraits/a.jpg", hidden_landmarks="2"),
        photo("strangers/b.jpg", "02"),
        photo("sweeps/c.jpg", factor="yaw", value="-90"),
        photo("sweeps/d.jpg", factor="yaw", value="7.5"),
        photo("sweeps/e.jpg", factor="expression", value="grin"),
    ]
    blank = dict.fromkeys(FACE, "")
    scenes = [
        {"file": "scenes/1.jpg", "scene": "park", "person": "02", "visible": "0.25"} | FACE,
        {"file": "scenes/1.jpg", "scene": "park", "person": "01", "visible": "1"} | FACE,
        {"file": "scenes/2.jpg", "scene": "empty street", "person": "", "visible": ""} | blank,
    ]
    clip = [
        {"file": "clip.mp4", "frame": "0", "person": "", "visible": ""} | blank,
        {"file": "clip.mp4", "frame": "1", "person": "01", "visible": "0.5"} | FACE,
    ]
    write_video(tmp_path / "clip.mp4", ["red", "blue"])
    for name, rows in {"people": people, "photos": photos, "scenes": scenes, "clip": clip}.items():
        write(tmp_path / f"{name}.csv", rows)
    return tmp_path


def test_subsets(two):
    assert [len(load_cast(subset, two)) for subset in ("portraits", "strangers", "sweeps", None)] == [1, 1, 3, 5]
    assert load_cast(folder=str(two))["path"].tolist() == [two / "portraits" / "a.jpg"]


def test_people_keep_their_ids_and_names_as_text(two):
    stranger = load_cast("strangers", two).iloc[0]
    assert (stranger["person"], stranger["name"]) == ("02", "None")
    assert (stranger["split"], stranger["training_split"]) == ("probe", "test")
    assert load_cast("portraits", two)["name"].tolist() == ["Zoë"]


def test_values_of_a_sweep_are_numbers_where_they_can_be(two):
    sweeps = load_cast("sweeps", two)
    assert sweeps["value"].tolist() == [-90.0, 7.5, "grin"]
    assert sweeps[sweeps["factor"] == "yaw"].sort_values("value")["value"].tolist() == [-90.0, 7.5]
    assert load_cast("portraits", two)[["factor", "value"]].isna().all(axis=None)


def test_other_columns_are_passed_on(two):
    assert load_cast("portraits", two)["hidden_landmarks"].tolist() == [2]


def test_scenes_have_a_row_per_face_and_scene_files_a_row_per_photo(two):
    scenes = load_scenes(two)
    assert scenes[["scene", "name", "visible"]].values.tolist() == [["park", "None", 0.25], ["park", "Zoë", 1.0]]
    assert boxes(scenes).tolist() == [[0, 1, 2, 3]] * 2
    assert scene_files(two) == [two / "scenes" / "1.jpg", two / "scenes" / "2.jpg"]


def test_the_clip_has_a_row_per_face_and_frame(two):
    clip = load_clip(two)
    assert clip[["frame", "name", "visible"]].values.tolist() == [[1, "Zoë", 0.5]]
    assert clip["frame"].dtype == np.int64
    assert [dominant(frame) for frame in clip_frames(two)] == ["red", "blue"]


def test_a_clip_that_does_not_fit_its_table(two):
    write_video(two / "clip.mp4", ["red", "blue", "red"])
    assert "3 frames, clip.csv has 2" in refusal(ValueError, clip_frames, two)
    (two / "clip.mp4").write_bytes(b"no video")
    assert "no video" in refusal(ValueError, clip_frames, two)
    (two / "clip.mp4").unlink()
    assert "There is no file" in refusal(FileNotFoundError, clip_frames, two)


def test_unknown_and_empty_subsets(two):
    assert "choose one of portraits, strangers, sweeps" in refusal(ValueError, load_cast, "sketches")
    rows = rows_of(two / "photos.csv")
    write(two / "photos.csv", rows[:2])
    assert "has no sweeps yet: it has portraits, strangers" in refusal(ValueError, load_cast, "sweeps", two)
    (two / "photos.csv").write_text(",".join(rows[0]) + "\n")
    assert "has no photos yet: it has nothing" in refusal(ValueError, load_cast, None, two)


@pytest.mark.parametrize(
    ("name", "load"),
    [
        ("photos", lambda folder: load_cast(folder=folder)),
        ("people", lambda folder: load_cast(folder=folder)),
        ("scenes", load_scenes),
        ("scenes", scene_files),
        ("clip", load_clip),
        ("clip", clip_frames),
    ],
)
def test_missing_and_damaged_tables(two, name, load):
    path = two / f"{name}.csv"
    load(two)  # sound, so far
    rows = rows_of(path)

    write(path, [{key: text for key, text in row.items() if key != "person"} for row in rows])
    assert f"{name}.csv is damaged (it lacks person)" in refusal(ValueError, load, two)
    number = "monk" if name == "people" else "y1"
    write(path, [row | {number: "high"} for row in rows])
    assert f"{name}.csv is damaged (" in refusal(ValueError, load, two)
    for content in (b"", b"\xff\xfe\x00", b'file,person\n"never closed', b"<html>\n<p>404, not, found</p>\n</html>"):
        path.write_bytes(content)
        assert f"{name}.csv is damaged (" in refusal(ValueError, load, two)
    path.unlink()
    assert f"{name}.csv: use a checkout" in refusal(FileNotFoundError, load, two)


def test_a_flag_that_is_none(two):
    rows = rows_of(two / "photos.csv")
    for flag in ("perhaps", ""):
        write(two / "photos.csv", [row | {"glasses": flag} for row in rows])
        assert "photos.csv is damaged (" in refusal(ValueError, load_cast, None, two)


def test_people_who_are_listed_twice_or_not_at_all(two):
    rows = rows_of(two / "people.csv")
    write(two / "people.csv", [*rows, rows[0]])
    assert "lists a person twice" in refusal(ValueError, load_cast, None, two)
    write(two / "people.csv", rows[:1])
    assert "lacks the person '02'" in refusal(ValueError, load_cast, None, two)
    assert len(load_cast("portraits", two)) == 1


# --- folders of one's own ------------------------------------------------------------------------------------------


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_a_folder(tmp_path):
    photos = [tmp_path / "Ada_Lovelace" / "1.JPG", tmp_path / "Ada_Lovelace" / "2.webp", tmp_path / "Bo" / "x.png"]
    others = [".hidden/1.jpg", "Ada_Lovelace/.1.jpg", "Ada_Lovelace/notes.txt", "loose.jpg", "Bo/deeper/y.jpg"]
    for path in (*reversed(photos), *(tmp_path / other for other in others)):
        touch(path)
    (tmp_path / "Empty").mkdir()
    table = load_folder(tmp_path)
    assert table["path"].tolist() == photos
    assert table["file"].tolist() == ["Ada_Lovelace/1.JPG", "Ada_Lovelace/2.webp", "Bo/x.png"]
    assert table["person"].tolist() == ["Ada_Lovelace", "Ada_Lovelace", "Bo"]
    assert table["name"].tolist() == ["Ada Lovelace", "Ada Lovelace", "Bo"]
    pd.testing.assert_frame_equal(load_folder(str(tmp_path)), table)


def test_every_suffix_that_is_loaded_can_be_opened(tmp_path):
    for number, suffix in enumerate(data.IMAGE_SUFFIXES):
        path = touch(tmp_path / str(number) / f"photo{suffix}")
        Image.new("RGB", (4, 4), "white").save(path)
    for path in load_folder(tmp_path)["path"]:
        assert open_image(path).getpixel((1, 1)) == (255, 255, 255)


def test_folders_without_photos(tmp_path):
    assert "has no subfolder with photos" in refusal(ValueError, load_folder, tmp_path)
    loose = touch(tmp_path / "loose.jpg")
    touch(tmp_path / "Ada" / "notes.txt")
    assert "people/NAME/1.jpg" in refusal(ValueError, load_folder, tmp_path)
    assert "is a file" in refusal(ValueError, load_folder, loose)
    assert "There is no folder" in refusal(FileNotFoundError, load_folder, tmp_path / "nobody")


def test_tables_without_boxes(tmp_path):
    touch(tmp_path / "Ada" / "1.jpg")
    table = load_folder(tmp_path)
    assert "lacks x0, y0, x1, y1" in refusal(ValueError, boxes, table)
    assert "lacks left_eye_x" in refusal(ValueError, landmarks, table)


def test_the_switch(tmp_path, monkeypatch, cast):
    people, lfw = tmp_path / "people", tmp_path / "lfw"
    touch(people / "Ada" / "1.jpg")
    touch(lfw / "images" / "Bo" / "Bo_0001.jpg")
    monkeypatch.setenv("FACELAB_LFW", str(lfw))
    pd.testing.assert_frame_equal(load_photos(), cast)
    pd.testing.assert_frame_equal(load_photos("cast"), cast)
    assert load_photos("lfw")["person"].tolist() == ["Bo"]
    assert load_photos(people)["person"].tolist() == ["Ada"]
    for setting, person in {str(people): "Ada", "lfw": "Bo", "cast": "person_00", "": "person_00"}.items():
        monkeypatch.setenv("FACELAB_PHOTOS", setting)
        assert load_photos()["person"].iloc[0] == person
    assert load_photos(str(people))["person"].tolist() == ["Ada"]
    assert "'cast', 'lfw' or a folder" in refusal(FileNotFoundError, load_photos, "csat")


# --- Labeled Faces in the Wild -------------------------------------------------------------------------------------

PAIRS = "2\t1\nBo\t1\t2\nAda\t1\tBo\t12\nAda\t1\t3\nBo\t2\tAda\t3\n"


def fill(images):
    for name in ("Ada_0001", "Ada_0003", "Bo_0001", "Bo_0002", "Bo_0012"):
        touch(images / name[:-5] / f"{name}.jpg")


@pytest.fixture
def small_lfw(tmp_path):
    fill(tmp_path / "images")
    (tmp_path / "pairs.txt").write_text(PAIRS)
    return tmp_path


def test_small_lfw(small_lfw, monkeypatch):
    table = load_lfw(small_lfw)
    assert table["person"].tolist() == ["Ada", "Ada", "Bo", "Bo", "Bo"]
    assert table["file"].iloc[-1] == "Bo/Bo_0012.jpg"
    pairs = load_lfw_pairs(small_lfw)
    assert pairs.columns.tolist() == ["fold", "same", "path_a", "path_b", "person_a", "person_b"]
    assert pairs["fold"].tolist() == [1, 1, 2, 2]
    assert pairs["same"].tolist() == [True, False, True, False]
    assert [path.name for path in pairs["path_a"]] == ["Bo_0001.jpg", "Ada_0001.jpg", "Ada_0001.jpg", "Bo_0002.jpg"]
    assert [path.name for path in pairs["path_b"]] == ["Bo_0002.jpg", "Bo_0012.jpg", "Ada_0003.jpg", "Ada_0003.jpg"]
    assert pairs["person_b"].tolist() == ["Bo", "Bo", "Ada", "Ada"]
    monkeypatch.setenv("FACELAB_LFW", str(small_lfw))
    pd.testing.assert_frame_equal(load_lfw(), table)
    pd.testing.assert_frame_equal(load_lfw_pairs(), pairs)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "hello",
        "2\n" + PAIRS[4:],
        PAIRS.replace("2\t1", "2\t2", 1),
        PAIRS.replace("2\t1", "3\t1", 1),
        PAIRS[: PAIRS.index("Bo\t2\tAda")],
        PAIRS.replace("Bo\t1\t2", "Bo\t1"),
        PAIRS.replace("Bo\t1\t2", "Bo\t1\ttwo"),
        PAIRS.replace("Bo\t1\t2", "Bo\t1\tBo\t2\t3"),
        "2\t1\nAda\t1\tBo\t12\nBo\t1\t2\nAda\t1\t3\nBo\t2\tAda\t3\n",
        "\udcff",
    ],
)
def test_pairs_in_another_format(small_lfw, content):
    (small_lfw / "pairs.txt").write_bytes(content.encode("utf-8", "surrogateescape"))
    assert "not in the format of LFW's pairs.txt" in refusal(ValueError, load_lfw_pairs, small_lfw)


def test_lfw_with_something_missing(small_lfw):
    (small_lfw / "images" / "Bo" / "Bo_0002.jpg").unlink()
    assert "Bo_0002.jpg is the first" in refusal(FileNotFoundError, load_lfw_pairs, small_lfw)
    (small_lfw / "pairs.txt").unlink()
    assert "pairs.txt" in refusal(FileNotFoundError, load_lfw_pairs, small_lfw)
    shutil.rmtree(small_lfw / "images")
    assert "FACELAB_LFW" in refusal(FileNotFoundError, load_lfw, small_lfw)
    (small_lfw / "images").mkdir()
    assert "has no subfolder with photos" in refusal(ValueError, load_lfw, small_lfw)


@pytest.fixture
def scikit_learn_home(tmp_path, monkeypatch):
    """What scikit-learn's own fetcher leaves behind, small: it reads all this itself and finds nothing to download."""
    home = tmp_path / "lfw_home"
    fill(home / "lfw_funneled")
    for name in ("pairs.txt", "pairsDevTrain.txt", "pairsDevTest.txt"):
        (home / name).write_text(PAIRS)
    often = home / "lfw_funneled" / "George_W_Bush"
    often.mkdir()
    Image.new("RGB", (250, 250)).save(often / "George_W_Bush_0001.jpg")
    for number in range(2, 501):
        os.link(often / "George_W_Bush_0001.jpg", often / f"George_W_Bush_{number:04d}.jpg")
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    return home


def test_lfw_through_scikit_learn(scikit_learn_home):
    table = load_lfw()
    assert table.groupby("person").size().to_dict() == {"Ada": 2, "Bo": 3, "George_W_Bush": 500}
    assert table["path"].iloc[0] == scikit_learn_home / "lfw_funneled" / "Ada" / "Ada_0001.jpg"
    assert len(load_lfw_pairs()) == 4


@pytest.mark.parametrize("early", [False, True])
def test_lfw_that_scikit_learn_unpacked_in_part(scikit_learn_home, early):
    touch(scikit_learn_home / "lfw-funneled.tgz")
    if early:
        shutil.rmtree(scikit_learn_home / "lfw_funneled" / "George_W_Bush")
    assert "only in part: delete that folder" in refusal(ValueError, load_lfw)


def test_lfw_without_a_network(tmp_path, monkeypatch):
    def fetch(**_):
        raise URLError("no network")

    monkeypatch.setattr(sklearn.datasets, "fetch_lfw_people", fetch)
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    for load in (load_lfw, load_lfw_pairs):
        assert "cannot be downloaded (<urlopen error no network>)" in refusal(FileNotFoundError, load)


def test_nothing_is_fetched_for_other_photos(monkeypatch):
    def fetch(**_):
        raise AssertionError("it was fetched")

    monkeypatch.setattr(sklearn.datasets, "fetch_lfw_people", fetch)
    load_photos()


def test_real_lfw(lfw, monkeypatch):
    table, pairs = load_lfw(lfw), load_lfw_pairs(lfw)
    assert len(table) == len(list((lfw / "images").glob("*/*.jpg")))
    lines = (lfw / "pairs.txt").read_text().splitlines()
    folds, size = map(int, lines[0].split())
    assert pairs.groupby("fold")["same"].agg(["size", "sum"]).values.tolist() == [[2 * size, size]] * folds
    assert ((pairs["person_a"] == pairs["person_b"]) == pairs["same"]).all()
    assert pairs["path_a"].isin(table["path"]).all()
    for row, line in zip(pairs.itertuples(), lines[1:], strict=True):
        fields = line.split("\t")
        assert row.path_a.name == f"{fields[0]}_{int(fields[1]):04d}.jpg"
        assert row.path_b.name == f"{fields[-2] if len(fields) == 4 else fields[0]}_{int(fields[-1]):04d}.jpg"
    assert open_image(table["path"].iloc[0]).size == (250, 250)
