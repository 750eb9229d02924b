"""Whatever is given to a public function, it gives a result or one sentence: never another exception.

`CALLS` has a line for every public function that takes an image, a path, numbers or a table, and the test at the end
makes sure that none is forgotten. What each is given stands in `IMAGES`, `PATHS`, `NUMBERS` and `TABLES`. A result is
right too where it makes sense; that the sentence is the right one, and the result, each module's own tests say.
"""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import shutil
import struct
import sys
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from one_sentence import is_one_sentence
from PIL import Image

import facelab
from facelab import FaceDetector, FaceEmbedder, Gallery
from facelab.data import BOX, CAST

DIMENSION = 128
RNG = np.random.default_rng(7)
PHOTO = CAST / "portraits" / "00_00.jpg"


def unit(n: int) -> np.ndarray:
    vectors = RNG.normal(size=(n, DIMENSION))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


# --- what is given --------------------------------------------------------------------------------------------------


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that says that it is this large, and is valid as far as its header goes."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


def image_corpus() -> dict[str, object]:
    """Images of every kind, broken ones above all, by what is the matter with them."""
    photo = Image.open(PHOTO)
    jpeg = PHOTO.read_bytes()
    small = photo.resize((64, 64))
    corpus: dict[str, object] = {f"cut after {n} bytes": jpeg[:n] for n in range(0, len(jpeg), 1024)}
    for place in range(0, len(jpeg), 997):
        flipped = bytearray(jpeg)
        flipped[place] ^= 1 << place % 8
        corpus[f"bit {place % 8} of byte {place} flipped"] = bytes(flipped)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        corpus[f"orientation {orientation}"] = encoded(small, "JPEG", exif=exif)
    frames = [small, small.rotate(90)]
    palette = small.quantize(8)
    corpus |= {
        "CMYK": encoded(small.convert("CMYK"), "JPEG"),
        "16 bits": encoded(Image.fromarray(RNG.integers(0, 65536, (64, 64)).astype(np.uint16)), "PNG"),
        "palette with a transparent colour": encoded(palette, "PNG", transparency=0),
        "animated": encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "animated WebP": encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:]),
        "damaged colour profile": encoded(small, "JPEG", icc_profile=b"no profile"),
        "1×1": encoded(photo.resize((1, 1)), "PNG"),
        "1×500": encoded(photo.resize((1, 500)), "PNG"),
        "a decompression bomb": png_header(60_000, 60_000),
        "20,000×20,000": png_header(20_000, 20_000),
        "1 bit": encoded(Image.new("1", (20_000, 10), 1), "PNG"),
        "text": b"not a photo",
        "nothing": b"",
        "None": None,
        "a number": 3,
        "a list of numbers": [1, 2, 3],
        "an empty list": [],
        "a dictionary": {"a": 1},
        "a table": pd.DataFrame({"a": [1]}),
        "a path that is not there": "nowhere/photo.jpg",
        "a folder": str(CAST),
        "a text file": str(CAST / "DATASHEET.md"),
        "a path with a zero byte": "a\0b",
        "a very long path": "x" * 10_000,
        "NaN": np.full((64, 64, 3), np.nan),
        "infinite": np.full((64, 64, 3), np.inf),
        "five channels": np.zeros((64, 64, 5), np.uint8),
        "one axis": np.zeros(64, np.uint8),
        "four axes": np.zeros((2, 64, 64, 3), np.uint8),
        "no pixels": np.zeros((0, 64, 3), np.uint8),
        "complex numbers": np.zeros((64, 64, 3), complex),
        "texts": np.full((4, 4), "a"),
        "objects": np.full((4, 4), None),
        "a tensor of NaN": torch.full((3, 64, 64), float("nan")),
        "a closed file": closed_file(),
    }
    return corpus


def closed_file() -> io.BytesIO:
    stream = io.BytesIO(b"x")
    stream.close()
    return stream


NUMBERS: dict[str, object] = {
    "a number": 3,
    "NaN": float("nan"),
    "an empty list": [],
    "nothing in a list": [[]],
    "numbers and text": [1, "a"],
    "lists of different lengths": [[1, 2], [3]],
    "an empty array": np.zeros(0),
    "no rows": np.zeros((0, DIMENSION)),
    "no columns": np.zeros((3, 0)),
    "three axes": np.zeros((2, 3, 4)),
    "rows of NaN": np.full((3, DIMENSION), np.nan),
    "infinite rows": np.full((3, DIMENSION), np.inf),
    "rows of zeros": np.zeros((3, DIMENSION)),
    "rows of five": np.ones((3, 5)),
    "a list with NaN": [0.5, float("nan")],
    "negative numbers": [-1.0, 0.5],
    "large numbers": [1e300, 1e308],
    "objects": np.full(3, None),
    "texts": np.array(["a", "b", "c"]),
    "complex numbers": np.ones(3, complex),
    "dates": np.array(["2024-01-01"], "datetime64[D]"),
    "a tensor": torch.zeros(3, 5),
}

FACES = pd.DataFrame({"frame": [0, 1, 2], "x0": 0.0, "y0": 0.0, "x1": 9.0, "y1": 9.0, "track": 0, "name": "Ada"})
FACES["person"] = "Ada"


def spoiled(column: str, value: object) -> pd.DataFrame:
    return FACES.assign(**{column: value})


TABLES: dict[str, object] = {
    "an empty table": pd.DataFrame(),
    "a table of something else": pd.DataFrame({"a": [1.0, 2.0]}),
    "no rows of the right columns": FACES.iloc[:0],
    "no frame": FACES.drop(columns="frame"),
    "no box": FACES.drop(columns=BOX),
    "boxes of NaN": spoiled("x0", np.nan),
    "boxes of text": spoiled("x0", "left"),
    "boxes inside out": spoiled("x1", -5.0),
    "frames of NaN": spoiled("frame", np.nan),
    "frames of text": spoiled("frame", "first"),
    "negative frames": spoiled("frame", -1),
    "an index of text": FACES.set_axis(["a", "b", "c"]),
    "an index that repeats": FACES.set_axis([0, 0, 0]),
    "columns twice": pd.concat([FACES, FACES], axis=1),
    "no names": spoiled("name", None),
}


@pytest.fixture(scope="module")
def paths(tmp_path_factory) -> dict[str, object]:
    """Paths at which something is wrong, by what it is."""
    folder = tmp_path_factory.mktemp("paths")
    made = {name: folder / name for name in ("empty", "text.txt", "zeros", "folder", "loop", "locked", "people")}
    made["empty"].touch()
    made["text.txt"].write_text("not what was expected\n")
    made["zeros"].write_bytes(bytes(5000))
    made["folder"].mkdir()
    (made["people"] / "Ada").mkdir(parents=True)
    (made["people"] / "Ada" / "1.jpg").write_bytes(b"no photo")
    found: dict[str, object] = dict(made)
    if os.name == "posix":
        made["loop"].symlink_to(made["loop"])
        made["locked"].mkdir(mode=0)
        name = os.fsencode(folder) + b"/\xff\xfe.jpg"  # no UTF-8
        with contextlib.suppress(OSError):
            shutil.copy(PHOTO, name)
            found["a name that is no UTF-8"] = os.fsdecode(name)
        inside = made["people"] / "Zoe"
        inside.symlink_to(inside)
    for kind in ("jpg", "mp4", "safetensors", "pt", "gallery", "csv"):
        wrong = folder / f"wrong.{kind}"
        wrong.write_bytes(b"\x00\x01 something else entirely \xff" * 40)
        found[f"something else called .{kind}"] = wrong
    found["a photo called .mp4"] = shutil.copy(PHOTO, folder / "photo.mp4")
    found["a photo called .pt"] = shutil.copy(PHOTO, folder / "photo.pt")
    found["a photo called .safetensors"] = shutil.copy(PHOTO, folder / "photo.safetensors")
    clip = (CAST / "clip" / "clip.mp4").read_bytes()
    weights = next((Path(facelab.__file__).parent / "weights").glob("*.safetensors")).read_bytes()
    for share in (0.001, 0.2, 0.9, 0.999):
        for kind, data in (("mp4", clip), ("safetensors", weights)):
            cut = folder / f"cut_{share}.{kind}"
            cut.write_bytes(data[: int(share * len(data))])
            found[f"a .{kind} cut at {share}"] = cut
    for table in CAST.glob("*.csv"):
        broken = folder / f"cast_{table.stem}"
        broken.mkdir()
        for other in CAST.glob("*.csv"):
            shutil.copy(other, broken)
        data = table.read_bytes()
        (broken / table.name).write_bytes(data[: len(data) // 2 + 7] + b"\xff\xfe")
        found[f"a cast with half of {table.name}"] = broken
    return found | {
        "nowhere": folder / "nowhere" / "at all",
        "empty text": "",
        "a zero byte": "a\0b",
        "very long": "x" * 10_000,
        "a very long .mp4": "x" * 10_000 + ".mp4",
        "a very long .pt": "x" * 10_000 + ".pt",
        "in a home that is nobody's": "~no_such_user/photos",
    }


# --- who is given it ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kit():
    """What the functions need beside the bad thing: networks, a gallery with two people, sound numbers."""

    class Kit:
        detector = FaceDetector(min_face_size=40)
        embedder = FaceEmbedder()
        faces = detector.detect(PHOTO)
        gallery = Gallery(embedder=embedder, detector=detector)
        vectors = unit(6)
        people = ("a", "a", "b", "b", "c", "c")
        far, near = np.linspace(0.8, 1.6, 30), np.linspace(0.2, 1.0, 20)
        pairs = facelab.list_pairs(facelab.pairwise_distances(vectors), people)

    Kit.gallery.enrol_vectors("Ada", unit(2))
    Kit.gallery.enrol_vectors("Ben", unit(1))
    return Kit


def all_of(iterator) -> list:
    return list(iterator)


Call = Callable[[object, object, Path], object]
CALLS: dict[str, list[tuple[str, Call]]] = {
    "open_image": [("image", lambda x, kit, _: facelab.open_image(x))],
    "FaceDetector": [
        ("image", lambda x, kit, _: kit.detector.detect(x)),
        ("image", lambda x, kit, _: kit.detector.detect([x])),
    ],
    "crop_faces": [
        ("image", lambda x, kit, _: facelab.crop_faces(x, kit.faces)),
    ],
    "FaceEmbedder": [
        ("path", lambda x, kit, _: FaceEmbedder(x)),
        ("number", lambda x, kit, _: kit.embedder.embed(x)),
    ],
    "load_checkpoint": [("path", lambda x, kit, _: facelab.load_checkpoint(x))],
    "read_settings": [("path", lambda x, kit, _: facelab.read_settings(x))],
    "Gallery": [
        ("path", lambda x, kit, folder: Gallery(x, embedder=kit.embedder).close()),
        ("image", lambda x, kit, _: kit.gallery.identify(x, threshold=1.0)),
        ("image", lambda x, kit, _: kit.gallery.verify("Ada", x, threshold=1.0)),
        ("image", lambda x, kit, _: Gallery(embedder=kit.embedder, detector=kit.detector).enrol("Eve", x)),
        ("number", lambda x, kit, _: Gallery(embedder=kit.embedder).enrol_vectors("Eve", x)),
        ("number", lambda x, kit, _: kit.gallery.identify_vectors(x, threshold=1.0)),
        ("number", lambda x, kit, _: kit.gallery.distances(x)),
        ("number", lambda x, kit, _: kit.gallery.verify_vector("Ada", x, threshold=1.0)),
        ("path", lambda x, kit, _: Gallery(embedder=kit.embedder).import_(x)),
    ],
    "load_folder": [("path", lambda x, kit, _: facelab.load_folder(x))],
    "load_photos": [("path", lambda x, kit, _: facelab.load_photos(x))],
    "load_cast": [
        ("path", lambda x, kit, _: facelab.load_cast(folder=x)),
    ],
    "load_scenes": [("path", lambda x, kit, _: facelab.load_scenes(x))],
    "load_clip": [("path", lambda x, kit, _: facelab.load_clip(x))],
    "load_door": [("path", lambda x, kit, _: facelab.load_door(x))],
    "scene_files": [("path", lambda x, kit, _: facelab.scene_files(x))],
    "clip_frames": [("path", lambda x, kit, _: facelab.clip_frames(x))],
    "load_lfw": [("path", lambda x, kit, _: x and facelab.load_lfw(x))],
    "load_lfw_pairs": [("path", lambda x, kit, _: x and facelab.load_lfw_pairs(x))],
    "read_frames": [("path", lambda x, kit, _: all_of(facelab.read_frames(x)))],
    "video_info": [("path", lambda x, kit, _: facelab.video_info(x))],
    "find_in_video": [("path", lambda x, kit, _: facelab.find_in_video(x, kit.detector, kit.embedder, every=60))],
    "write_video": [
        ("path", lambda x, kit, _: facelab.write_video(x, [], 12)),
    ],
    "pairwise_distances": [
        ("number", lambda x, kit, _: facelab.pairwise_distances(x)),
        ("number", lambda x, kit, _: facelab.pairwise_distances(kit.vectors, x)),
    ],
    "pairwise_cosines": [("number", lambda x, kit, _: facelab.pairwise_cosines(x))],
    "nearest_neighbours": [
        ("number", lambda x, kit, _: facelab.nearest_neighbours(x)),
    ],
    "split_pairs": [
        ("number", lambda x, kit, _: facelab.split_pairs(x, kit.people)),
        ("number", lambda x, kit, _: facelab.split_pairs(facelab.pairwise_distances(kit.vectors), x)),
    ],
    "list_pairs": [
        ("number", lambda x, kit, _: facelab.list_pairs(x, kit.people)),
        ("number", lambda x, kit, _: facelab.list_pairs(facelab.pairwise_distances(kit.vectors), x)),
    ],
    "euclidean_to_cosine": [("number", lambda x, kit, _: facelab.euclidean_to_cosine(x))],
    "cosine_to_euclidean": [("number", lambda x, kit, _: facelab.cosine_to_euclidean(x))],
    "count_outcomes": [
        ("number", lambda x, kit, _: facelab.count_outcomes(x, kit.far, 1.0)),
    ],
    "roc": [("number", lambda x, kit, _: facelab.roc(kit.near, x))],
    "equal_error_rate": [("number", lambda x, kit, _: facelab.equal_error_rate(x, kit.far))],
    "threshold_at_fmr": [
        ("number", lambda x, kit, _: facelab.threshold_at_fmr(x, 0.1)),
    ],
    "fnmr_at_fmr": [("number", lambda x, kit, _: facelab.fnmr_at_fmr(kit.near, x, 0.1))],
    "kfold_accuracy": [
        ("number", lambda x, kit, _: facelab.kfold_accuracy(x, [True, False] * 5, [0, 1] * 5)),
        ("number", lambda x, kit, _: facelab.kfold_accuracy(np.linspace(0, 1, 10), x, [0, 1] * 5)),
        ("number", lambda x, kit, _: facelab.kfold_accuracy(np.linspace(0, 1, 10), [True, False] * 5, x)),
    ],
    "bootstrap_interval": [
        ("table", lambda x, kit, _: facelab.bootstrap_interval(x, facelab.equal_error_rate, resamples=20)),
    ],
    "group_error_rates": [
        ("table", lambda x, kit, _: facelab.group_error_rates(x, {"a": 1, "b": 1, "c": 2}, 1.0)),
        ("number", lambda x, kit, _: facelab.group_error_rates(kit.pairs, x, 1.0)),
    ],
    "rate_interval": [
        ("number", lambda x, kit, _: facelab.rate_interval(x, ["a", "b"], ["c", "d"])),
        ("number", lambda x, kit, _: facelab.rate_interval([True, False, True], x, ["a", "b", "c"])),
    ],
    "open_set_identification": [
        ("number", lambda x, kit, _: facelab.open_set_identification(x, kit.people, kit.people)),
        ("number", lambda x, kit, _: facelab.open_set_identification(np.ones((2, 2)), x, ["a", "b"])),
    ],
    "Population": [
        ("number", lambda x, kit, _: facelab.Population(x, kit.people)),
        ("number", lambda x, kit, _: facelab.Population(kit.vectors, x)),
    ],
    "false_match_probability": [("number", lambda x, kit, _: facelab.false_match_probability(x, 10))],
    "fmr_for_gallery": [
        ("number", lambda x, kit, _: facelab.fmr_for_gallery(0.1, x)),
    ],
    "simulate_searches": [
        ("number", lambda x, kit, _: facelab.simulate_searches(x, [10], searches=5)),
        ("number", lambda x, kit, _: facelab.simulate_searches(kit.far, x, searches=5)),
    ],
    "real_searches": [("number", lambda x, kit, _: facelab.real_searches(x, kit.people, [2], searches=5))],
    "cheapest_threshold": [
        ("number", lambda x, kit, _: facelab.cheapest_threshold(kit.near, x, facelab.Costs(1, 1, 0.5))),
    ],
    "calibrate": [
        ("number", lambda x, kit, _: facelab.calibrate(x, kit.far)),
        ("number", lambda x, kit, _: facelab.calibrate(kit.near, kit.far).probability(x)),
    ],
    "split_people": [("table", lambda x, kit, _: facelab.split_people(x))],
    "people_folds": [
        ("number", lambda x, kit, _: facelab.people_folds(x, 2)),
    ],
    "find_leak": [("table", lambda x, kit, _: facelab.find_leak(x, FACES))],
    "triplet_loss": [
        ("number", lambda x, kit, _: facelab.triplet_loss(x, torch.tensor([0, 0, 1, 1]))),
        ("number", lambda x, kit, _: facelab.triplet_loss(torch.from_numpy(kit.vectors), x)),
    ],
    "pk_batches": [("number", lambda x, kit, _: facelab.pk_batches(x, 2, 2, np.random.default_rng(0)))],
    "run_trunk": [("number", lambda x, kit, _: facelab.run_trunk(kit.embedder, x, ["a"]))],
    "name_faces": [
        ("number", lambda x, kit, _: facelab.name_faces(x, kit.vectors, kit.people, 1.0)),
        ("number", lambda x, kit, _: facelab.name_faces(kit.vectors, x, kit.people[:3], 1.0)),
        ("number", lambda x, kit, _: facelab.name_faces(kit.vectors, kit.vectors, x, 1.0)),
    ],
    "smooth_vectors": [
        ("number", lambda x, kit, _: facelab.smooth_vectors(x, [0, 0, 1])),
        ("number", lambda x, kit, _: facelab.smooth_vectors(kit.vectors, x)),
    ],
    "track_faces": [
        ("table", lambda x, kit, _: facelab.track_faces(x)),
        ("number", lambda x, kit, _: facelab.track_faces(FACES, x, max_distance=1.0)),
    ],
    "fill_gaps": [("table", lambda x, kit, _: facelab.fill_gaps(x))],
    "score_tracks": [
        ("table", lambda x, kit, _: facelab.score_tracks(x, FACES)),
        ("table", lambda x, kit, _: facelab.score_tracks(FACES, x)),
    ],
    "list_appearances": [
        ("table", lambda x, kit, _: facelab.list_appearances(x, 12)),
    ],
    "annotate_frames": [
        ("table", lambda x, kit, _: all_of(facelab.annotate_frames([PHOTO], x))),
        ("image", lambda x, kit, _: all_of(facelab.annotate_frames([x], FACES))),
    ],
    "embed_folder": [
        ("path", lambda x, kit, folder: facelab.embed_folder(x, folder / "out")),
        ("path", lambda x, kit, folder: facelab.embed_folder(folder, x)),
    ],
    "read_embeddings": [("path", lambda x, kit, _: facelab.read_embeddings(x))],
    "iou": [("number", lambda x, kit, _: facelab.iou(x, kit.faces.boxes))],
    "match_boxes": [("number", lambda x, kit, _: facelab.match_boxes(x, kit.faces))],
    "average_precision": [("number", lambda x, kit, _: facelab.average_precision([x], [kit.faces]))],
    "unstandardise": [("number", lambda x, kit, _: facelab.unstandardise(x))],
}

# Public names that take none of these alone, and where what they are given wrong is tested.
ELSEWHERE = {
    "Faces": "test_detection.py: arrays that do not fit each other",
    "available_weights": "takes nothing",
    "check": "an exercise's answer: test_exercises.py, and a test of each notebook's judges",
    "check_environment": "takes nothing",
    "frozen_classifiers": "takes nothing",
    "RejectingClassifier": "scikit-learn's own checks, in test_classifiers.py",
    "Costs": "three numbers: test_decisions.py",
    "Tail": "a network: test_trunk.py",
    "fine_tune": "test_finetuning.py: features that do not fit each other",
    "save_finetuned": "test_finetuning.py",
    "follow_people": "calls find_in_video, track_faces and name_faces, which are here",
    "annotate_video": "calls annotate_frames, read_frames and write_video; test_video.py",
    "ThresholdExplorer": "test_widgets.py",
    "IdentifyPeople": "test_identify_people.py, and tests/browser",
}

ALL_CALLS = [
    pytest.param(kind, call, id=f"{name}-{k}-{kind}")
    for name, calls in CALLS.items()
    for k, (kind, call) in enumerate(calls)
]


@pytest.fixture(scope="module")
def corpus(paths) -> dict[str, dict[str, object]]:
    return {"image": image_corpus(), "path": paths, "number": NUMBERS, "table": TABLES}


@contextlib.contextmanager
def one_sentence_at_most(problems: list[str], what: str):
    """Let a result pass, and an error that says in one sentence what is wrong; note anything else."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (ValueError, FileNotFoundError) as error:
        message = str(error)
        if not is_one_sentence(message):
            problems.append(f"{what}: this is not one sentence: {message[:200]!r}")
    except Exception as error:
        problems.append(f"{what}: {type(error).__name__}: {str(error)[:200]}")


@pytest.mark.parametrize(("kind", "call"), ALL_CALLS)
def test_whatever_is_given_gets_a_result_or_one_sentence(kind, call, corpus, kit, tmp_path):
    problems: list[str] = []
    for what, given in corpus[kind].items():
        with one_sentence_at_most(problems, what):
            call(given, kit, tmp_path)
    assert problems == []


def test_other_errors_and_other_texts_are_noticed():
    problems: list[str] = []
    for what, error in {
        "sound": ValueError("This is no photo: give another."),
        "type": TypeError("No."),
        "two": ValueError("No. Give another."),
        "lines": ValueError("No:\nother."),
        "stop": ValueError("no"),
    }.items():
        with one_sentence_at_most(problems, what):
            raise error
    assert [problem.split(":")[0] for problem in problems] == ["type", "two", "lines", "stop"]


def test_no_public_function_is_forgotten():
    assert CALLS.keys() | ELSEWHERE.keys() == set(facelab.__all__)
    assert not CALLS.keys() & ELSEWHERE.keys()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, not every kind of bad path can be made")
def test_the_readme_says_how_often_something_bad_is_given(corpus):
    count = sum(len(corpus[kind]) for calls in CALLS.values() for kind, _ in calls)
    readme = (Path(facelab.__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    assert f"{count:,} times" in readme


class Command:
    """What a malicious file would have run: a pickle of it makes a file when it is loaded."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("suffix", ["pt", "pth", "safetensors", "gallery", "npz", "npy", "mp4", "jpg"])
def test_loading_never_runs_what_it_loads(suffix, tmp_path, kit):
    trap, file = tmp_path / "sprung", tmp_path / f"malicious.{suffix}"
    if suffix in ("pt", "pth"):
        torch.save({"last_linear.weight": Command(trap)}, file)
    else:
        file.write_bytes(pickle.dumps(Command(trap)))
    export = tmp_path / "export"
    export.mkdir()
    np.savez(
        export / "vectors.npz", format=np.array([Command(trap)], object), vectors=np.array([Command(trap)], object)
    )
    (export / "photos.csv").write_text("name,added\nAda,2024-01-01\n")
    trap.unlink(missing_ok=True)  # NumPy and torch pickled it, and did not load it
    for load in (
        lambda: FaceEmbedder(file),
        lambda: facelab.read_settings(file),
        lambda: Gallery(file, embedder=kit.embedder),
        lambda: Gallery(embedder=kit.embedder).import_(export),
        lambda: facelab.open_image(file),
        lambda: all_of(facelab.read_frames(file)),
    ):
        with pytest.raises(ValueError):  # noqa: PT011
            load()
    assert not trap.exists()


def test_the_trap_would_spring(tmp_path):
    pickle.loads(pickle.dumps(Command(tmp_path / "sprung")))
    assert (tmp_path / "sprung").exists()
