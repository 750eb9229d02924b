"""The code that renders the cast, as far as it runs without Blender; the rest is skipped with a reason."""

import csv
import importlib.util
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from facelab import data

SOURCE = Path(__file__).resolve().parent.parent / "data" / "make_cast"
sys.path.insert(0, str(SOURCE))

import audition  # noqa: E402
import build_head_model  # noqa: E402
import camera as camera_module  # noqa: E402
import contact_sheet  # noqa: E402
import film as film_module  # noqa: E402
import ground_truth  # noqa: E402
import masks  # noqa: E402
import paint  # noqa: E402
import panorama  # noqa: E402
import plan as plan_module  # noqa: E402
import posture  # noqa: E402
import tables  # noqa: E402
import torso  # noqa: E402
import vectors  # noqa: E402
import video  # noqa: E402
from head import EXPRESSIONS, HeadModel  # noqa: E402
from people import hair_description, people  # noqa: E402
from shots import Film  # noqa: E402

HEAD_MODEL = os.environ.get("FACELAB_HEAD_MODEL", "")
needs_head_model = pytest.mark.skipif(not Path(HEAD_MODEL).is_file(), reason="FACELAB_HEAD_MODEL names no head model")
needs_blender = pytest.mark.skipif(
    importlib.util.find_spec("bpy") is None, reason="Blender's module bpy is not installed"
)


@pytest.fixture(scope="module")
def plan():
    return plan_module.make_plan()


@pytest.fixture(scope="module")
def model():
    return HeadModel.load(HEAD_MODEL)


# ---------------------------------------------------------------------------------------------- who and what is planned


def test_the_same_seed_gives_the_same_people_and_plan(plan):
    assert repr(people()) == repr(people())
    assert plan_module.make_plan() == plan
    assert plan_module.make_plan(seed=1) != plan


def test_people_span_tones_ages_and_styles():
    everyone = people()
    cast = [person for person in everyone.values() if person.id.startswith("person")]
    assert len(cast) == 24
    assert len(everyone) == 36
    assert len({person.name for person in everyone.values()}) == 36
    assert set(Counter(person.monk for person in cast)) == set(range(1, 11))
    assert min(Counter(person.monk for person in cast).values()) >= 2
    assert min(person.age for person in cast) < 20 < 75 < max(person.age for person in cast)
    assert len({person.style for person in cast}) >= 9
    assert {person.split for person in cast} == {"train", "validation", "test"}


def test_the_plan_has_what_the_datasheet_counts(plan):
    count = Counter(shot.subset for shot in plan)
    assert count["portraits"] == 24 * 12
    assert count["strangers"] == 12 * 3
    assert count["scenes"] == 16
    assert count["clip"] == 120
    assert count["door"] == 3
    assert count["sweeps"] == 3 * (sum(map(len, plan_module.FACTORS.values())))
    assert len({shot.file for shot in plan}) == len(plan)
    assert sorted({len(shot.places) for shot in plan if shot.subset == "scenes"})[0] == 0
    assert sum(not shot.places for shot in plan if shot.subset == "scenes") == 2
    assert {person.id for person in people().values() if person.id.startswith("person")} <= {
        placement.person for shot in plan if shot.subset == "scenes" for placement in shot.places
    }


def test_a_person_stands_once_in_a_shot_and_a_gallery_has_no_trouble(plan):
    for shot in plan:
        who = [placement.person for placement in shot.places]
        assert len(who) == len(set(who))
    for shot in (shot for shot in plan if shot.split == "gallery"):
        assert not shot.places[0].glasses
        assert not shot.places[0].hat
        assert shot.film.blur == 0
        assert shot.film.ev > -2
    per_person = Counter(shot.places[0].person for shot in plan if shot.split == "gallery")
    assert len(per_person) == 24
    assert min(per_person.values()) >= 4


def test_a_sweep_varies_one_thing(plan):
    base = next(shot for shot in plan if shot.name == "05_yaw_+00")
    for shot in (shot for shot in plan if shot.name.startswith("05_") and shot.subset == "sweeps"):
        differs = {
            "camera": shot.camera != base.camera,
            "light": shot.light != base.light,
            "posture": shot.places[0].posture != base.places[0].posture,
            "rest": replace(shot.places[0], posture=base.places[0].posture) != base.places[0],
        }
        assert sum(differs.values()) <= 1, shot.name


def test_expressions_of_the_plan_exist(plan):
    for shot in plan:
        for placement in shot.places:
            first, _, rest = placement.expression.partition(">")
            assert first in EXPRESSIONS
            assert not rest or rest.partition(":")[0] in EXPRESSIONS


def test_modules_import_only_from_those_above_them_in_the_readme():
    rows = re.findall(r"^\| (`[^|]*) \|", (SOURCE / "README.md").read_text(), re.MULTILINE)
    order = {name: k for k, row in enumerate(rows) for name in re.findall(r"`(\w+)\.py`", row)}
    assert set(order) == {path.stem for path in SOURCE.glob("*.py")}
    for name, rank in order.items():
        own = set(re.findall(r"^\s*(?:from|import) (\w+)", (SOURCE / f"{name}.py").read_text(), re.MULTILINE)) & set(
            order
        )
        assert not [other for other in own if order[other] >= rank], name


FREE_OF_BLENDER = [
    *("vectors", "head", "posture", "masks", "people", "outfits", "paint", "panorama", "camera", "shots", "scenes"),
    *("clip", "plan", "torso", "ground_truth", "film", "tables", "video", "build_head_model", "audition"),
    "contact_sheet",
]


@pytest.mark.parametrize("name", FREE_OF_BLENDER)
def test_modules_that_render_nothing_do_without_blender(name):
    code = f"import sys; sys.path.insert(0, {str(SOURCE)!r}); sys.modules['bpy'] = None; import {name}"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


# ---------------------------------------------------------------------------------------------------------- projections


@pytest.fixture
def tilted():
    return camera_module.Camera((12.0, 20.0, 140.0), (1.0, -3.0, 2.0), 70, (480, 270), roll=7.0)


def test_projection_equals_homogeneous_coordinates(tilted):
    points = np.random.default_rng(0).normal(size=(50, 3)) * 20
    turn = np.eye(4)
    turn[:3, :3] = tilted.axes
    move = np.eye(4)
    move[:3, 3] = -np.array(tilted.position)
    focal = 70 / 36 * 480
    intrinsic = np.array([[focal, 0, -240, 0], [0, -focal, -135, 0], [0, 0, -1, 0]])
    expected = []
    for point in points:
        u, v, w = intrinsic @ turn @ move @ np.append(point, 1)
        expected.append([u / w, v / w])
    np.testing.assert_allclose(tilted.project(points), expected, atol=1e-6)


def test_roll_leans_the_picture_clockwise():
    straight = camera_module.Camera((0.0, 0.0, 100.0), (0.0, 0.0, 0.0), 50, (200, 200))
    rolled = replace(straight, roll=10.0)
    assert straight.project([0, 5, 0])[0] == pytest.approx(100)
    assert rolled.project([0, 5, 0])[0] > 100  # what was above moves to the right


def test_only_points_before_the_camera_are_in_front(tilted):
    assert tilted.in_front(np.array([0.0, 0, 0]))
    assert not tilted.in_front(np.array([12.0, 20, 200]))


@pytest.mark.parametrize("yaw", [-60, -10, 0, 35, 90])
def test_head_angles_recover_the_posture(yaw):
    camera = plan_module.facing(38, 85)
    straight = replace(camera, position=(0.0, 0.0, 200.0), target=(0.0, 0.0, 0.0))
    found = ground_truth.head_angles(
        posture.head_rotation(posture.Posture(yaw * 0.5, yaw * 0.5)), np.zeros(3), straight
    )
    np.testing.assert_allclose(found, [yaw, 0, 0], atol=1e-6)
    nodding = ground_truth.head_angles(posture.head_rotation(posture.Posture(nod=20)), np.zeros(3), straight)
    np.testing.assert_allclose(nodding, [0, 20, 0], atol=1e-6)
    leaning = ground_truth.head_angles(posture.head_rotation(posture.Posture(tilt=8)), np.zeros(3), straight)
    np.testing.assert_allclose(leaning, [0, 0, -8], atol=1e-6)


def test_headroom_brings_the_crown_into_the_picture():
    camera, crown = plan_module.facing(30, 50), np.array([0.0, 21.0, 2.0])
    assert camera.project(crown)[1] < 0
    assert plan_module.give_headroom(camera, crown).project(crown)[1] >= 0.03 * camera.size[1]
    low = np.array([0.0, 8.0, 2.0])
    assert plan_module.give_headroom(camera, low) == camera


def test_box_fit_recovers_a_known_map():
    boxes = np.random.default_rng(0).uniform(0, 100, (20, 4))
    boxes[:, 2:] = boxes[:, :2] + np.random.default_rng(1).uniform(20, 90, (20, 2))
    fit = (0.05, -0.1, -0.02, 0.07)
    found = [ground_truth.mtcnn_box(tuple(box), fit) for box in boxes]
    np.testing.assert_allclose(ground_truth.fit_box(boxes, found), fit, atol=1e-9)
    found[3] = found[3] + 500  # one that MTCNN got quite wrong does not matter
    np.testing.assert_allclose(ground_truth.fit_box(boxes, found), fit, atol=0.02)


class Wall:
    """A stand-in for Blender's tree: an endless wall at z = 50."""

    def ray_cast(self, origin, towards, reach=np.inf):
        distance = (50 - origin[2]) / towards[2] if towards[2] else np.inf
        return (None, None, None, None) if not 0 < distance <= reach else (0, 0, 0, distance)


def test_what_lies_behind_a_wall_is_not_seen():
    eye = np.array([0.0, 0, 100])
    assert not ground_truth.seen([Wall()], eye, np.array([3.0, 0, 0]), 0.3)
    assert ground_truth.seen([Wall()], eye, np.array([3.0, 0, 60]), 0.3)
    assert ground_truth.seen([Wall()], eye, np.array([0.0, 0, 50.0]), 0.3)  # it lies on the wall itself


# ---------------------------------------------------------------------------------------------------------------- masks


def test_signed_distance_against_brute_force():
    square = np.array([[0.0, 0], [2, 0], [2, 2], [0, 2]])
    points = np.array([[1.0, 1], [3, 1], [1, -2], [0.5, 1], [3, 3]])
    np.testing.assert_allclose(masks.signed_distance(points, square), [-1, 1, 2, -0.5, np.sqrt(2)], atol=1e-9)


def test_closed_curve_passes_through_its_points():
    points = np.random.default_rng(0).normal(size=(7, 2))
    np.testing.assert_allclose(masks.closed_curve(points, 8)[::8], points)


def test_along_polyline():
    line = np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0]])
    distance, where = masks.along_polyline(np.array([[0.5, 3.0, 0], [2, 0, 0], [5, 0, 4]]), line)
    np.testing.assert_allclose(distance, [3, 0, 5])
    np.testing.assert_allclose(where, [0.25, 1, 1])


def test_bending_keeps_shoulders_and_turns_the_head_as_a_whole():
    shoulders = np.array([[15.0, -22, -2], [-15, -22, -2]])
    turned = posture.Posture(turn=40, nod=5, tilt=4)
    np.testing.assert_allclose(posture.bend(shoulders, turned), shoulders)
    head = np.random.default_rng(0).uniform([-7, 0, 0], [7, 10, 9], (30, 3))
    bent = posture.bend(head, turned)
    np.testing.assert_allclose(np.linalg.norm(bent[0] - bent, axis=1), np.linalg.norm(head[0] - head, axis=1))


def test_grid_faces_cover_a_tube():
    faces = np.array(torso.grid_faces(4, 6))
    assert len(faces) == 18
    assert set(faces.ravel()) == set(range(24))
    assert len(torso.grid_faces(4, 6, closed=False)) == 15


def test_blender_axes_keep_handedness():
    corners = vectors.to_blender(np.eye(3)) / vectors.UNIT
    assert np.linalg.det(corners) == pytest.approx(1)
    matrix = vectors.blender_matrix(vectors.rotation("y", 30), np.array([1.0, 2, 3]))
    point = np.array([4.0, 5, 6])
    expected = vectors.to_blender(vectors.rotation("y", 30) @ point + [1, 2, 3])
    np.testing.assert_allclose((matrix @ np.append(vectors.to_blender(point), 1))[:3], expected)


# -------------------------------------------------------------------------------------------------- panoramas and film


@pytest.mark.parametrize("place", panorama.PAINTERS)
def test_panoramas_are_light_and_brightest_towards_the_light(place):
    rng = np.random.default_rng(0)
    view = panorama.paint_panorama(place, 30.0, rng)
    assert view.shape == (panorama.HEIGHT, panorama.WIDTH, 3)
    assert np.isfinite(view).all()
    assert view.min() >= 0
    level = np.abs(panorama.ELEVATION) < 50
    towards = np.abs(panorama._away(30.0)) < 25
    assert view[level & towards].mean() > view[level & ~towards].mean()


def test_an_unknown_place_is_refused():
    with pytest.raises(ValueError, match="no panorama of 'moon'"):
        panorama.paint_panorama("moon", 0, np.random.default_rng(0))


def test_exposure_evens_out_brightness_but_not_all_of_it():
    rng = np.random.default_rng(0)
    light = rng.uniform(0.2, 0.4, (40, 40, 3))
    box = [(5, 5, 30, 30)]
    bright, dark = (
        np.asarray(film_module.develop(light * k, film_module.exposure(light * k, box), Film(grain=0), rng)).mean()
        for k in (4, 0.25)
    )
    assert bright > dark > 0.5 * bright
    assert film_module.exposure(light, []).shape == (3,)


def test_development_is_repeatable_and_film_does_what_it_says():
    light = np.random.default_rng(0).uniform(0.05, 0.5, (48, 48, 3)) * np.linspace(0.2, 1, 48)[:, None]

    def print_(**film):
        image = film_module.develop(light, np.ones(3), Film(**film), np.random.default_rng(1))
        return np.asarray(image, float)

    np.testing.assert_array_equal(print_(), print_())
    assert print_(ev=-2).mean() < print_().mean() < print_(ev=1).mean()
    assert np.abs(np.diff(print_(blur=4.0, grain=0), axis=1)).mean() < np.abs(np.diff(print_(grain=0), axis=1)).mean()
    flat = np.full((64, 64, 3), 0.2)
    noise = [
        np.asarray(film_module.develop(flat, np.ones(3), Film(grain=g), np.random.default_rng(2)), float).std()
        for g in (0, 1, 9)
    ]
    assert noise[0] < noise[1] < noise[2]


def test_tone_is_monotonous_and_bounded():
    shades = film_module.tone(np.linspace(-0.1, 30, 500))
    assert (np.diff(shades) >= 0).all()
    assert shades[0] == 0
    assert shades[-1] <= 1


# --------------------------------------------------------------------------------------------------------------- tables


def _truth(person, x=100.0, **more):
    fields = {
        "person": person,
        "mesh_box": (x, 60.0, x + 80, 170.0),
        "landmarks": tuple((x + 10.0 * k, 90.0) for k in range(5)),
        "landmark_visible": (True, True, True, False, True),
        "yaw": -3.0,
        "pitch": 1.0,
        "roll": -0.01,
        "visible": 0.9,
        "expression": "smile",
        "glasses": False,
        "hat": False,
    }
    return ground_truth.FaceTruth(**(fields | more))


@pytest.fixture
def tiny_set(plan, tmp_path):
    """A few shots of each subset, noted and "rendered", and their tables."""
    wanted = ("00_00", "00_01", "s01_00", "05_yaw_+00", "05_glasses_on", "office_4", "office_0", "000")
    wanted += ("stranger_with_print",)
    few = [shot for shot in plan if shot.name in wanted]
    notes, out = tmp_path / "notes", tmp_path / "cast"
    for shot in few:
        truths = [_truth(placement.person, 40.0 + 90 * k) for k, placement in enumerate(shot.places)]
        tables.save_note(notes, shot, shot.camera, truths, 1.0)
        (out / shot.file).parent.mkdir(parents=True, exist_ok=True)
        (out / shot.file).touch()
    tables.write_tables(plan, notes, out)
    return out


def test_facelab_reads_the_tables(tiny_set):
    portraits = data.load_cast("portraits", folder=tiny_set)
    assert list(portraits["file"]) == ["portraits/00_00.jpg", "portraits/00_01.jpg"]
    assert list(portraits["name"]) == ["Freya", "Freya"]
    assert portraits["mouth_left_visible"].tolist() == [False, False]
    assert data.boxes(portraits).shape == (2, 4)
    np.testing.assert_allclose(data.landmarks(portraits)[0, :, 1], 90)
    assert list(data.load_cast("strangers", folder=tiny_set)["training_split"]) == ["stranger"]
    sweeps = data.load_cast("sweeps", folder=tiny_set).set_index("factor")
    assert sweeps.loc["yaw", "value"] == 0
    assert sweeps.loc["glasses", "value"] == "on"
    scenes = data.load_scenes(folder=tiny_set)
    assert set(scenes["scene"]) == {"office_4"}
    assert len(scenes) == 4
    assert [path.name for path in data.scene_files(folder=tiny_set)] == ["office_0.jpg", "office_4.jpg"]
    door = data.load_door(folder=tiny_set)
    assert door["printed"].tolist() == [shot.printed for shot in plan_module.make_plan() if shot.printed]
    assert door["name"].tolist() == ["Tomas"]
    assert data.load_clip(folder=tiny_set)["frame"].tolist() == [0] * len(data.load_clip(folder=tiny_set))


def test_sweeps_are_listed_step_by_step():
    shots = sorted(plan_module.make_plan(), key=tables._order)
    of_one = [shot.value for shot in shots if shot.subset == "sweeps" and shot.places[0].person == "person_07"]
    assert of_one == [str(step) for steps in plan_module.FACTORS.values() for step in steps]


def test_a_shot_without_its_picture_is_left_out(plan, tiny_set, tmp_path):
    (tiny_set / "portraits" / "00_01.jpg").unlink()
    tables.write_tables(plan, tmp_path / "notes", tiny_set)
    assert len(data.load_cast("portraits", folder=tiny_set)) == 1


def test_no_negative_zero_in_the_tables(tiny_set):
    with (tiny_set / "photos.csv").open() as file:
        assert all("-0.0" not in row.values() for row in csv.DictReader(file))


def test_hair_is_described_as_it_looks():
    everyone = people()
    assert hair_description(everyone["person_00"]) == "blond, long and straight"
    assert hair_description(everyone["person_13"]).startswith("white")
    assert hair_description(everyone["person_09"]) == "bald"


# ------------------------------------------------------------------------------------------- people who are too alike


def unit(*degrees):
    return [np.array([np.cos(a), np.sin(a)]) for a in np.radians(degrees)]


def test_a_draw_that_is_far_enough_is_kept_and_a_closer_one_is_not():
    settled, near, far, farther = unit(0, 10, 50, 80)
    assert audition.pick({"a": {0: settled}, "b": {0: far, 1: farther}}, bound=0.85) == {"a": 0, "b": 0}
    assert audition.pick({"a": {0: settled}, "b": {0: near, 1: far, 2: farther}}, bound=0.85) == {"a": 0, "b": 2}


def test_those_who_are_chosen_count_for_those_after_them():
    settled, b, c, d = unit(0, 60, 62, 120)
    assert audition.pick({"a": {0: settled}, "b": {0: b, 1: b}, "c": {0: c, 3: d}}, bound=0.9) == {
        "a": 0,
        "b": 0,
        "c": 3,
    }


def test_the_closest_pair_comes_first():
    names, angles = "abcd", (0, 40, 45, 170)
    pairs = audition.closest(dict(zip(names, unit(*angles), strict=True)))
    assert pairs[0][1:] == ("b", "c")
    expected = sorted(
        (np.cos(np.radians(abs(p - q))) for k, p in enumerate(angles) for q in angles[k + 1 :]), reverse=True
    )
    np.testing.assert_allclose([cosine for cosine, *_ in pairs], expected)


def test_an_audition_differs_in_the_head_only():
    one, other = audition.views("person_00"), audition.views("person_01")
    for a, b in zip(one, other, strict=True):
        assert replace(a, places=(replace(a.places[0], person="person_01"),)) == b


def test_a_redrawn_person_is_another_and_all_others_stay():
    before, after = people(redrawn={}), people(redrawn={"person_03": 1})
    assert {id for id in before if repr(before[id]) != repr(after[id])} == {"person_03"}
    assert before["person_03"].name == after["person_03"].name


# ------------------------------------------------------------------------------------------- pictures of the whole set


def test_a_contact_sheet_has_everybody_in_order(tmp_path):
    for person, colour in enumerate(["red", "lime", "blue"]):
        for k in (0, 3):
            path = tmp_path / "portraits" / f"{person:02d}_{k:02d}.jpg"
            path.parent.mkdir(exist_ok=True)
            Image.new("RGB", (40, 40), colour).save(path)
    sheet = contact_sheet.contact_sheet(tmp_path, shown=(0, 3), columns=4, side=20)
    assert sheet.size == (80, 40)
    assert [np.asarray(sheet)[10, x].argmax() for x in (10, 30, 50, 70)] == [0, 0, 1, 1]
    assert np.asarray(sheet)[30, 10].argmax() == 2
    with pytest.raises(FileNotFoundError, match="no portraits"):
        contact_sheet.contact_sheet(tmp_path / "portraits")


def test_a_clip_is_encoded_in_order(tmp_path):
    colours = ["red", "lime", "blue"] * 3
    for k, colour in enumerate(colours):
        Image.new("RGB", (64, 32), colour).save(tmp_path / f"{k:03d}.png")
    out = tmp_path / "set" / "clip.mp4"
    video.encode(sorted(tmp_path.glob("*.png")), out, 12)
    with av.open(out) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, int(stream.average_rate)) == ("h264", 12)
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert [int(frame.mean((0, 1)).argmax()) for frame in frames] == [0, 1, 2] * 3
    with pytest.raises(ValueError, match="no frames"):
        video.encode([], out, 12)


# ----------------------------------------------------------------------------------------------------------- head model


def test_an_obj_file_is_read(tmp_path):
    lines = [
        "v 0 0 0",
        "v 1 0 0",
        "v 1 1 0",
        "v 0 1 0",
        "vt 0 0",
        "vt 1 1",
        "usemtl A",
        "f 1/1 2/2 3/1 4/2",
        "usemtl B",
        "f 1/1 2/1 3/2",
    ]
    (tmp_path / "mesh.obj").write_text("\n".join(lines))
    assert build_head_model.read_vertices(tmp_path / "mesh.obj").shape == (4, 3)
    faces = build_head_model.read_faces(tmp_path / "mesh.obj")
    assert faces["faces"].tolist() == [[0, 1, 2, 3], [0, 1, 2, -1]]
    assert faces["fuv"].tolist() == [[0, 1, 0, 1], [0, 0, 1, -1]]
    assert faces["fmat"].tolist() == [0, 1]


def test_a_missing_head_model_or_checkout_is_explained(tmp_path):
    with pytest.raises(FileNotFoundError, match="build_head_model"):
        HeadModel.load(tmp_path / "no.npz")
    with pytest.raises(FileNotFoundError, match="FaceXModel"):
        build_head_model.build(tmp_path)
    (tmp_path / "five.obj").write_text("f 1/1 2/1 3/1 4/1 5/1")
    with pytest.raises(ValueError, match="face of 5 corners"):
        build_head_model.read_faces(tmp_path / "five.obj")


@needs_head_model
def test_masks_lie_where_they_should(model):
    mask = masks.skin_masks(model)
    for name, values in mask.items():
        assert values.shape == (len(model.neutral),), name
        assert values.min() >= 0, name
    lips = model.neutral[mask["lips"] > 0.9]
    corners = model.points[[48, 54]]
    assert lips[:, 0].min() > corners[0, 0] - 0.3
    assert lips[:, 0].max() < corners[1, 0] + 0.3
    assert (masks.scalp(model)[model.landmarks[17:]] == 0).all()  # nobody's face is under hair


@needs_head_model
def test_ageing_sags_and_youth_stays(model):
    rng = [np.random.default_rng(0) for _ in range(3)]
    young, twenty, old = (model.individual(r, age, 0.0) for r, age in zip(rng, (18, 30, 79), strict=True))
    np.testing.assert_allclose(young, twenty)
    jowl = np.argmin(np.linalg.norm(model.neutral - [4.6, -6.0, 7.6], axis=1))
    assert old[jowl, 1] < young[jowl, 1] - 0.2


@needs_head_model
def test_skin_shows_tone_and_age(model):
    everyone = people()
    light, dark = (
        paint.vertex_colours(model, everyone[id], masks.scalp(model))[0] for id in ("person_07", "person_10")
    )
    cheek = np.argmin(np.linalg.norm(model.neutral - [4.3, -0.2, 8.6], axis=1))
    assert light[cheek].mean() > 4 * dark[cheek].mean()
    young, old = (paint.skin_texture(model, everyone[id]) for id in ("person_07", "person_23"))
    assert young.shape == (paint.TEXTURE, paint.TEXTURE, 3)
    assert old.min() >= 0
    assert old.max() <= 1
    assert (0.5 - old[..., 0]).sum() > 2 * (0.5 - young[..., 0]).sum()  # more and deeper lines
    assert young[..., 1].sum() > 0  # freckles


@needs_head_model
def test_a_level_head_looks_straight_ahead(model):
    bent = posture.bend(model.neutral, posture.Posture())
    five = model.five(bent)
    np.testing.assert_allclose(five[0] * [-1, 1, 1], five[1], atol=0.05)  # symmetrical
    assert five[2, 1] < five[:2, 1].min()
    assert five[3:, 1].max() < five[2, 1]


@needs_head_model
def test_unknown_expressions_are_refused(model):
    with pytest.raises(ValueError, match="no expression 'wink'"):
        model.expression_weights({"wink": 1})


@needs_head_model
@needs_blender
def test_blender_projects_as_the_camera_does(model):
    import bpy
    from bpy_extras.object_utils import world_to_camera_view
    from mathutils import Vector

    camera = camera_module.Camera((12.0, 20.0, 140.0), (1.0, -3.0, 2.0), 70, (480, 270), roll=7.0)
    camera.place(bpy.context.scene)
    bpy.context.view_layer.update()
    for point in model.points[:5]:
        x, y, _ = world_to_camera_view(bpy.context.scene, bpy.context.scene.camera, Vector(vectors.to_blender(point)))
        np.testing.assert_allclose(camera.project(point), [x * 480, (1 - y) * 270], atol=1e-2)
