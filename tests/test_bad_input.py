"""Whatever is given to a public function, it gives a result or one sentence: never another exception, nor a hang.

`CALLS` has a line for every image, path, table and list of numbers that a public function takes, and tests at the end
make sure that none is forgotten. What each is given stands in `image_corpus`, `paths`, `NUMBERS` and `TABLES`. A result
is right too where it makes sense; that the sentence is the right one, and the result, each module's own tests say, and
`test_properties.py`.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
import os
import pickle
import re
import shutil
import signal
import struct
import sys
import traceback
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import av
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from one_sentence import is_one_sentence
from PIL import Image

import facelab
from facelab import FaceDetector, FaceEmbedder, Gallery, checkpoints, curves, plots, splits, trunk, widgets
from facelab import data as sets
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


def png(width: int, height: int, *more: tuple[bytes, bytes], bits: int = 1, colour: int = 0) -> bytes:
    """A sound PNG of this size, all of one colour, which takes a thousandth of what it becomes."""
    rows = zlib.compress(bytes((1 + -(-width * bits // 8)) * height), 1)
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    chunks = [(b"IHDR", header), *more, (b"IDAT", rows), (b"IEND", b"")]
    coded = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(coded)


ENORMOUS = zlib.compress(bytes(80_000_000), 1)
SIDE = 20_000  # pixels


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
        "a decompression bomb": png(1, 1).replace(struct.pack(">II", 1, 1), struct.pack(">II", 60_000, 60_000)),
        "a text that is a bomb": png(9, 9, (b"zTXt", b"a\0\0" + ENORMOUS)),
        "a colour profile that is a bomb": png(9, 9, (b"iCCP", b"a\0\0" + ENORMOUS)),
        "20,000×20,000": png(SIDE, SIDE),
        "an array of 20,000×20,000": np.broadcast_to(np.uint8(7), (SIDE, SIDE, 3)),
        "floats of 20,000×20,000": np.broadcast_to(0.5, (SIDE, SIDE)),
        "a tensor of 20,000×20,000": torch.zeros(1, dtype=torch.float64).expand(3, SIDE, SIDE),
        "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n",
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
        "masked": np.ma.masked_equal(np.zeros((64, 64, 3), np.uint8), 0),
        "from 1 to 2": np.full((64, 64, 3), 1.5),
        "negative": np.full((64, 64, 3), -1),
        "a sparse tensor": torch.zeros(64, 64).to_sparse(),
        "a tensor without numbers": torch.zeros(3, 64, 64, device="meta"),
        "a class": np.ndarray,
        "bytes with holes": memoryview(jpeg)[::2],
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
    "objects that are texts": np.full((3, DIMENSION), "1", object),
    "None": None,
    "text": "abc",
    "a dictionary": {"a": 1},
    "True and False": np.eye(3, dtype=bool),
    "masked": np.ma.masked_equal(np.eye(3), 0),
    "a number beyond any float": [10**400],
    "squares beyond any float": [[1e200], [-1e200]],
    "text and a number, of one spelling": [1, "1", 1],
    "text and NaN": ["a", float("nan"), "b"],
    "missing among flags": pd.array([True, None, False], dtype="boolean"),
    "categories": pd.Categorical(["a", "b", "a"], categories=["a", "b", "nobody"]),
    "forty thousand rows": np.broadcast_to(np.float32(0), (40_000, DIMENSION)),
    "texts": np.array(["a", "b", "c"]),
    "complex numbers": np.ones(3, complex),
    "dates": np.array(["2024-01-01"], "datetime64[D]"),
    "a tensor": torch.zeros(3, 5),
    "a sparse tensor": torch.zeros(3, 5).to_sparse(),
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
    "huge boxes": spoiled("x1", 1e300),
    "numbers as text": FACES.assign(frame=["0", "1", "2"], x0="0"),
    "frames beyond any integer": spoiled("frame", 1e30),
    "tracks that are missing": spoiled("track", [0, np.nan, 0]),
    "people who are missing": spoiled("person", ["Ada", None, "Ben"]),
    "tracks in part text": spoiled("track", [0, "a", 0]),
    "categories": FACES.assign(track=pd.Categorical([0, 0, 1], categories=[0, 1, 2]), frame=pd.Categorical([0, 1, 2])),
    "levels called like columns": FACES.set_index([FACES["frame"], FACES["track"], FACES["name"]]),
    "two levels of columns": pd.concat({"a": FACES}, axis=1),
    "flags that are none": spoiled("filled", ["yes", "no", None]),
    "None": None,
    "a list": [1, 2],
    "a dictionary": dict(FACES),
    "a column": FACES["frame"],
}
# The same for tables of pairs, which have other columns.
PAIRS = pd.DataFrame({"row_a": [0, 0, 0, 1, 1, 2], "row_b": [1, 2, 3, 2, 3, 3], "person_a": list("aaaaab")})
PAIRS = PAIRS.assign(person_b=list("abcbcc"), distance=np.float32(0.5), value=0.5, start=0.0, end=1.0, name="Ada")
PAIRS["same"] = PAIRS["person_a"] == PAIRS["person_b"]
PAIR_TABLES = {
    name: TABLES[name] for name in ("an empty table", "a table of something else", "None", "a list", "a column")
}
PAIR_TABLES |= {
    "no rows": PAIRS.iloc[:0],
    "columns twice": pd.concat([PAIRS, PAIRS], axis=1),
    "an index that repeats": PAIRS.set_axis([0] * len(PAIRS)),
    "levels called like columns": PAIRS.set_index(["person_a", "person_b"], drop=False),
    **{
        f"{column} {what}": PAIRS.assign(**{column: value})
        for column in ("row_a", "person_a", "same", "distance", "name", "start")
        for what, value in {
            "of NaN": np.nan,
            "that is infinite": -np.inf,
            "in part missing": [None, *PAIRS[column][1:]],
            "in part text": ["1", *PAIRS[column].astype(object)[1:]],
            "as text": PAIRS[column].astype(str),
            "as categories": PAIRS[column].astype("category"),
        }.items()
    },
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
    found |= bombs(folder)
    for table in CAST.glob("*.csv"):
        broken = folder / f"cast_{table.stem}"
        broken.mkdir()
        for other in CAST.glob("*.csv"):
            shutil.copy(other, broken)
        data = table.read_bytes()
        (broken / table.name).write_bytes(data[: len(data) // 2 + 7] + b"\xff\xfe")
        found[f"a cast with half of {table.name}"] = broken
    return found | {
        "None": None,
        "a number": 3,
        "NaN": float("nan"),
        "no text": b"photos",
        "an empty list": [],
        "a list of paths": ["a", "b"],
        "a table": pd.DataFrame(),
        "nowhere": folder / "nowhere" / "at all",
        "empty text": "",
        "a zero byte": "a\0b",
        "very long": "x" * 10_000,
        "a very long .mp4": "x" * 10_000 + ".mp4",
        "a very long .pt": "x" * 10_000 + ".pt",
        "in a home that is nobody's": "~no_such_user/photos",
    }


def bombs(folder: Path) -> dict[str, Path]:
    """Files that are small, and become many times what a computer has."""
    found = {f"a bomb called .{kind}": folder / f"bomb.{kind}" for kind in ("mov", "pt", "npz")}
    with av.open(folder / "bomb.mov", "w") as video:
        stream = video.add_stream("png", rate=1)
        stream.width, stream.height, stream.pix_fmt = 10_000, 9_000, "monob"
        video.mux(stream.encode(av.VideoFrame(stream.width, stream.height, "monob")))
        video.mux(stream.encode())
    found["one number that stands for ten billion"] = folder / "expanded.pt"
    torch.save({"last_linear.weight": torch.zeros(1).expand(100_000, 100_000)}, folder / "expanded.pt")
    with zipfile.ZipFile(folder / "expanded.pt") as sound, zipfile.ZipFile(folder / "bomb.pt", "w", 8) as bomb:
        for name in sound.namelist():
            bomb.writestr(name, sound.read(name) if "data/" not in name else bytes(10_000_000))
    exported = folder / "exported"
    exported.mkdir()
    (exported / "photos.csv").write_text("name,added\nAda,2024-01-01\n")
    with zipfile.ZipFile(exported / "vectors.npz", "w", 8) as bomb:
        head = io.BytesIO()
        np.lib.format.write_array_header_1_0(head, {"descr": "|u1", "fortran_order": False, "shape": (10_000_000,)})
        bomb.writestr("format.npy", head.getvalue() + bytes(10_000_000))
    return {name: path for name, path in found.items() if path.exists()} | {"an export that is a bomb": exported}


# --- who is given it ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kit():
    """What the functions need beside the bad thing: networks, a gallery with two people, sound numbers."""

    class Kit:
        detector = FaceDetector(min_face_size=40)
        embedder = FaceEmbedder()
        models = (detector, embedder)
        faces = detector.detect(PHOTO)
        gallery = Gallery(embedder=embedder, detector=detector)
        vectors = unit(6)
        people = ("a", "a", "b", "b", "c", "c")
        far, near = np.linspace(0.8, 1.6, 30), np.linspace(0.2, 1.0, 20)
        distances = facelab.pairwise_distances(vectors)
        pairs = facelab.list_pairs(distances, people)
        ax = plt.figure().add_subplot()

        @staticmethod
        def classifier():
            return facelab.RejectingClassifier(facelab.frozen_classifiers()["k-NN"])

    Kit.gallery.enrol_vectors("Ada", unit(2))
    Kit.gallery.enrol_vectors("Ben", unit(1))
    return Kit


def all_of(iterator) -> list:
    return list(iterator)


def new(path, folder: Path):
    """The same path, or, since this one is written to, another one where something is there that others are given."""
    return folder / "new" if isinstance(path, Path) and path.exists() else path


def wiped(kit) -> plt.Axes:
    kit.ax.clear()
    return kit.ax


Call = Callable[[object, object, Path], object]


def near_and_far(plot: Callable) -> list[tuple[str, Call]]:
    """Draw genuine and impostor distances, once with the one and once with the other bad."""
    return [
        ("number", lambda x, kit, _: plot(x, kit.far, ax=wiped(kit))),
        ("number", lambda x, kit, _: plot(kit.near, x, ax=wiped(kit))),
    ]


CALLS: dict[str, list[tuple[str, Call]]] = {
    "open_image": [("image", lambda x, kit, _: facelab.open_image(x))],
    "FaceDetector": [
        ("image", lambda x, kit, _: kit.detector.detect(x)),
        ("image", lambda x, kit, _: kit.detector.detect([x])),
        ("image", lambda x, kit, _: kit.detector.trace(x)),
        ("number", lambda x, kit, _: FaceDetector(thresholds=x)),
    ],
    "crop_faces": [
        ("image", lambda x, kit, _: facelab.crop_faces(x, kit.faces)),
        ("number", lambda x, kit, _: facelab.crop_faces(PHOTO, x)),
    ],
    "FaceEmbedder": [
        ("path", lambda x, kit, _: FaceEmbedder(x)),
        ("number", lambda x, kit, _: kit.embedder.embed(x)),
        ("image", lambda x, kit, _: kit.embedder.embed(x)),
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
        ("path", lambda x, kit, folder: kit.gallery.export(new(x, folder))),
        (
            "image",
            lambda x, kit, _: Gallery(embedder=kit.embedder).enrol_vectors("Eve", unit(1), thumbnails=[x]),
        ),
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
    "load_lfw": [("path", lambda x, kit, _: x is None or facelab.load_lfw(x))],
    "load_lfw_pairs": [("path", lambda x, kit, _: x is None or facelab.load_lfw_pairs(x))],
    "read_frames": [("path", lambda x, kit, _: all_of(facelab.read_frames(x)))],
    "video_info": [("path", lambda x, kit, _: facelab.video_info(x))],
    "find_in_video": [("path", lambda x, kit, _: facelab.find_in_video(x, kit.detector, kit.embedder, every=60))],
    "write_video": [
        ("path", lambda x, kit, _: facelab.write_video(x, [], 12)),
        ("image", lambda x, kit, folder: facelab.write_video(folder / "new.mp4", [x], 12)),
    ],
    "pairwise_distances": [
        ("number", lambda x, kit, _: facelab.pairwise_distances(x)),
        ("number", lambda x, kit, _: facelab.pairwise_distances(kit.vectors, x)),
    ],
    "pairwise_cosines": [
        ("number", lambda x, kit, _: facelab.pairwise_cosines(x)),
        ("number", lambda x, kit, _: facelab.pairwise_cosines(kit.vectors, x)),
    ],
    "nearest_neighbours": [
        ("number", lambda x, kit, _: facelab.nearest_neighbours(x)),
        ("number", lambda x, kit, _: facelab.nearest_neighbours(kit.vectors, x)),
    ],
    "split_pairs": [
        ("number", lambda x, kit, _: facelab.split_pairs(x, kit.people)),
        ("number", lambda x, kit, _: facelab.split_pairs(kit.distances, x)),
        ("number", lambda x, kit, _: facelab.split_pairs(kit.distances, kit.people, x)),
    ],
    "list_pairs": [
        ("number", lambda x, kit, _: facelab.list_pairs(x, kit.people)),
        ("number", lambda x, kit, _: facelab.list_pairs(kit.distances, x)),
        ("number", lambda x, kit, _: facelab.list_pairs(kit.distances, kit.people, x)),
    ],
    "euclidean_to_cosine": [("number", lambda x, kit, _: facelab.euclidean_to_cosine(x))],
    "cosine_to_euclidean": [("number", lambda x, kit, _: facelab.cosine_to_euclidean(x))],
    "count_outcomes": [
        ("number", lambda x, kit, _: facelab.count_outcomes(x, kit.far, 1.0)),
        ("number", lambda x, kit, _: facelab.count_outcomes(kit.near, x, 1.0)),
        ("number", lambda x, kit, _: facelab.count_outcomes(kit.near, kit.far, x)),
    ],
    "roc": [
        ("number", lambda x, kit, _: facelab.roc(x, kit.far)),
        ("number", lambda x, kit, _: facelab.roc(kit.near, x)),
        ("number", lambda x, kit, _: facelab.roc(kit.near, kit.far).at(x)),
    ],
    "equal_error_rate": [
        ("number", lambda x, kit, _: facelab.equal_error_rate(x, kit.far)),
        ("number", lambda x, kit, _: facelab.equal_error_rate(kit.near, x)),
    ],
    "threshold_at_fmr": [
        ("number", lambda x, kit, _: facelab.threshold_at_fmr(x, 0.1)),
        ("number", lambda x, kit, _: facelab.threshold_at_fmr(kit.far, x)),
    ],
    "fnmr_at_fmr": [
        ("number", lambda x, kit, _: facelab.fnmr_at_fmr(x, kit.far, 0.1)),
        ("number", lambda x, kit, _: facelab.fnmr_at_fmr(kit.near, x, 0.1)),
    ],
    "kfold_accuracy": [
        ("number", lambda x, kit, _: facelab.kfold_accuracy(x, [True, False] * 5, [0, 1] * 5)),
        ("number", lambda x, kit, _: facelab.kfold_accuracy(np.linspace(0, 1, 10), x, [0, 1] * 5)),
        ("number", lambda x, kit, _: facelab.kfold_accuracy(np.linspace(0, 1, 10), [True, False] * 5, x)),
    ],
    "bootstrap_interval": [
        ("pairs", lambda x, kit, _: facelab.bootstrap_interval(x, facelab.equal_error_rate, resamples=5)),
    ],
    "group_error_rates": [
        ("pairs", lambda x, kit, _: facelab.group_error_rates(x, {"a": 1, "b": 1, "c": 2}, 1.0)),
        ("pairs", lambda x, kit, _: facelab.group_error_rates(x, [1, 1, 2, 2], 1.0)),
        ("number", lambda x, kit, _: facelab.group_error_rates(kit.pairs, x, 1.0)),
        ("number", lambda x, kit, _: facelab.group_error_rates(kit.pairs, list("gggggg"), x)),
    ],
    "rate_interval": [
        ("number", lambda x, kit, _: facelab.rate_interval(x, ["a", "b"], ["c", "d"])),
        ("number", lambda x, kit, _: facelab.rate_interval([True, False, True], x, ["a", "b", "c"])),
        ("number", lambda x, kit, _: facelab.rate_interval([True, False, True], ["a", "b", "c"], x)),
        ("number", lambda x, kit, _: facelab.rate_interval([True, False], ["a", "b"], ["b", "c"], confidence=x)),
    ],
    "open_set_identification": [
        ("number", lambda x, kit, _: facelab.open_set_identification(x, kit.people, kit.people)),
        ("number", lambda x, kit, _: facelab.open_set_identification(np.ones((2, 2)), x, ["a", "b"])),
        ("number", lambda x, kit, _: facelab.open_set_identification(np.ones((2, 3)), ["a", "b"], x)),
    ],
    "false_match_probability": [
        ("number", lambda x, kit, _: facelab.false_match_probability(x, 10)),
        ("number", lambda x, kit, _: facelab.false_match_probability([0.1, 0.2], x)),
    ],
    "Population": [
        ("number", lambda x, kit, _: facelab.Population(x, kit.people)),
        ("number", lambda x, kit, _: facelab.Population(kit.vectors, x)),
    ],
    "fmr_for_gallery": [
        ("number", lambda x, kit, _: facelab.fmr_for_gallery(0.1, x)),
        ("number", lambda x, kit, _: facelab.fmr_for_gallery(x, 10)),
    ],
    "simulate_searches": [
        ("number", lambda x, kit, _: facelab.simulate_searches(x, [10], searches=5)),
        ("number", lambda x, kit, _: facelab.simulate_searches(kit.far, x, searches=5)),
    ],
    "real_searches": [
        ("number", lambda x, kit, _: facelab.real_searches(x, kit.people, [2], searches=5)),
        ("number", lambda x, kit, _: facelab.real_searches(kit.distances, x, [2], searches=5)),
        ("number", lambda x, kit, _: facelab.real_searches(kit.distances, kit.people, x, searches=5)),
    ],
    "cheapest_threshold": [
        ("number", lambda x, kit, _: facelab.cheapest_threshold(x, kit.far, facelab.Costs(1, 1, 0.5))),
        ("number", lambda x, kit, _: facelab.cheapest_threshold(kit.near, x, facelab.Costs(1, 1, 0.5))),
        ("number", lambda x, kit, _: facelab.cheapest_threshold(kit.near, kit.far, x)),
    ],
    "calibrate": [
        ("number", lambda x, kit, _: facelab.calibrate(x, kit.far)),
        ("number", lambda x, kit, _: facelab.calibrate(kit.near, x)),
        ("number", lambda x, kit, _: facelab.calibrate(kit.near, kit.far).probability(x)),
    ],
    "split_people": [("table", lambda x, kit, _: facelab.split_people(x))],
    "people_folds": [
        ("number", lambda x, kit, _: facelab.people_folds(x, 2)),
    ],
    "find_leak": [
        ("table", lambda x, kit, _: facelab.find_leak(x, FACES)),
        ("table", lambda x, kit, _: facelab.find_leak(FACES, x)),
        (
            "path",
            lambda x, kit, _: facelab.find_leak(
                *[pd.DataFrame({"person": [who], "path": pd.Series([x], dtype=object)}) for who in "ab"]
            ),
        ),
    ],
    "triplet_loss": [
        ("number", lambda x, kit, _: facelab.triplet_loss(x, torch.tensor([0, 0, 1, 1]))),
        ("number", lambda x, kit, _: facelab.triplet_loss(torch.from_numpy(kit.vectors), x)),
    ],
    "pk_batches": [("number", lambda x, kit, _: facelab.pk_batches(x, 2, 2, np.random.default_rng(0)))],
    "run_trunk": [
        ("number", lambda x, kit, _: facelab.run_trunk(kit.embedder, x, ["a"])),
        ("number", lambda x, kit, _: facelab.run_trunk(kit.embedder, torch.zeros(1, 3, 75, 75), x)),
    ],
    "name_faces": [
        ("number", lambda x, kit, _: facelab.name_faces(x, kit.vectors, kit.people, 1.0)),
        ("number", lambda x, kit, _: facelab.name_faces(kit.vectors, x, kit.people[:3], 1.0)),
        ("number", lambda x, kit, _: facelab.name_faces(kit.vectors, kit.vectors, x, 1.0)),
        ("number", lambda x, kit, _: facelab.name_faces(kit.vectors, kit.vectors, kit.people, x)),
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
        ("number", lambda x, kit, _: facelab.list_appearances(FACES, x)),
    ],
    "annotate_frames": [
        ("table", lambda x, kit, _: all_of(facelab.annotate_frames([PHOTO], x))),
        ("image", lambda x, kit, _: all_of(facelab.annotate_frames([x], FACES))),
    ],
    "embed_folder": [
        ("path", lambda x, kit, folder: facelab.embed_folder(x, folder / "out")),
        ("path", lambda x, kit, folder: facelab.embed_folder(folder, x)),
        ("path", lambda x, kit, folder: facelab.embed_folder(folder, folder / "out", x)),
    ],
    "read_embeddings": [("path", lambda x, kit, _: facelab.read_embeddings(x))],
    "iou": [
        ("number", lambda x, kit, _: facelab.iou(x, kit.faces.boxes)),
        ("number", lambda x, kit, _: facelab.iou(kit.faces.boxes, x)),
    ],
    "match_boxes": [
        ("number", lambda x, kit, _: facelab.match_boxes(x, kit.faces)),
        ("number", lambda x, kit, _: facelab.match_boxes(kit.faces.boxes, x)),
    ],
    "average_precision": [
        ("number", lambda x, kit, _: facelab.average_precision([x], [kit.faces])),
        ("number", lambda x, kit, _: facelab.average_precision([kit.faces.boxes], [x])),
        ("number", lambda x, kit, _: facelab.average_precision(x, [kit.faces])),
        ("number", lambda x, kit, _: facelab.average_precision([kit.faces.boxes], x)),
    ],
    "Faces": [
        ("number", lambda x, kit, _: facelab.Faces(x, np.ones(3), np.ones((3, 5, 2)))),
        ("number", lambda x, kit, _: facelab.Faces(np.ones((3, 4)), x, np.ones((3, 5, 2)))),
        ("number", lambda x, kit, _: facelab.Faces(np.ones((3, 4)), np.ones(3), x)),
    ],
    "RejectingClassifier": [
        ("number", lambda x, kit, _: kit.classifier().fit(x, kit.people)),
        ("number", lambda x, kit, _: kit.classifier().fit(kit.vectors, x)),
        ("number", lambda x, kit, _: kit.classifier().fit(kit.vectors, kit.people).closest(x)),
        ("number", lambda x, kit, _: kit.classifier().fit(kit.vectors, kit.people).calibrate(x, list("zzzzzz"), 0.5)),
        ("number", lambda x, kit, _: kit.classifier().fit(kit.vectors, kit.people).calibrate(kit.vectors, x, 0.5)),
        ("number", lambda x, kit, _: kit.classifier().fit(kit.vectors, kit.people).predict(x)),
    ],
    "follow_people": [
        (
            "path",
            lambda x, kit, _: facelab.follow_people(x, *kit.models, kit.vectors, kit.people, 1.0, every=60),
        ),
    ],
    "annotate_video": [
        ("path", lambda x, kit, folder: facelab.annotate_video(x, folder / "new.mp4", FACES)),
        ("path", lambda x, kit, _: facelab.annotate_video(PHOTO, x, FACES)),
        ("table", lambda x, kit, folder: facelab.annotate_video(PHOTO, folder / "new.mp4", x)),
    ],
    "ThresholdExplorer": [
        ("pairs", lambda x, kit, _: facelab.ThresholdExplorer(x, [PHOTO] * 4)),
    ],
    "trunk.Features": [
        ("number", lambda x, kit, _: trunk.Features(x, kit.people, "block8")),
        ("number", lambda x, kit, _: trunk.Features(torch.zeros(3, 1, 1, 1), x, "block8")),
    ],
    "checkpoints.save_compact": [
        (
            "path",
            lambda x, kit, folder: checkpoints.save_compact(
                kit.embedder.network, new(x, folder), name="new", image_size=96, trained_on="nothing"
            ),
        ),
    ],
    "splits.check_disjoint": [
        ("number", lambda x, kit, _: splits.check_disjoint(x, kit.people)),
        ("number", lambda x, kit, _: splits.check_disjoint(kit.people, x)),
    ],
    "data.boxes": [("table", lambda x, kit, _: sets.boxes(x))],
    "data.landmarks": [("table", lambda x, kit, _: sets.landmarks(x))],
    "widgets.flipped_pairs": [("pairs", lambda x, kit, _: widgets.flipped_pairs(x, 0.1, 0.9))],
    "widgets.show_pairs": [
        ("pairs", lambda x, kit, _: widgets.show_pairs(x, [PHOTO] * 4, ax=wiped(kit))),
        ("number", lambda x, kit, _: widgets.show_pairs(PAIRS[:1], x, side=9, ax=wiped(kit))),
    ],
    "curves.plot_distances": near_and_far(curves.plot_distances),
    "curves.plot_bands": near_and_far(curves.plot_bands),
    "curves.plot_sweep": [
        ("number", lambda x, kit, _: curves.plot_sweep(x, [1, 2, 3], ax=wiped(kit))),
        ("number", lambda x, kit, _: curves.plot_sweep([1, 2, 3], x, ax=wiped(kit))),
    ],
    "curves.plot_roc": near_and_far(curves.plot_roc),
    "curves.plot_det": near_and_far(curves.plot_det),
    "curves.plot_intervals": [("pairs", lambda x, kit, _: curves.plot_intervals(x, ax=wiped(kit)))],
    "plots.show_image": [("image", lambda x, kit, _: plots.show_image(x, ax=wiped(kit)))],
    "plots.show_faces": [
        ("number", lambda x, kit, _: plots.show_faces(x, side=9, ax=wiped(kit))),
        ("number", lambda x, kit, _: plots.show_faces([PHOTO] * 3, x, side=9, ax=wiped(kit))),
    ],
    "plots.show_detections": [
        ("number", lambda x, kit, _: plots.show_detections(PHOTO, x, ax=wiped(kit))),
        ("number", lambda x, kit, _: plots.show_detections(PHOTO, truth=x, ax=wiped(kit))),
        ("number", lambda x, kit, _: plots.show_detections(PHOTO, kit.faces, labels=x, ax=wiped(kit))),
    ],
    "plots.show_windows": [
        ("number", lambda x, kit, _: plots.show_windows(PHOTO, x, ax=wiped(kit))),
        ("number", lambda x, kit, _: plots.show_windows(PHOTO, np.ones((3, 4)), x, ax=wiped(kit))),
    ],
    "plots.plot_heat": [("number", lambda x, kit, _: plots.plot_heat(PHOTO, x))],
    "plots.plot_vector": [("number", lambda x, kit, _: plots.plot_vector(x, ax=wiped(kit)))],
    "plots.plot_distance_matrix": [
        ("number", lambda x, kit, _: plots.plot_distance_matrix(x, kit.people)),
        ("number", lambda x, kit, _: plots.plot_distance_matrix(kit.distances, x)),
    ],
    "plots.plot_embedding_map": [
        ("number", lambda x, kit, _: plots.plot_embedding_map(x, [PHOTO] * 3, [1, 2, 3], ax=wiped(kit))),
        ("number", lambda x, kit, _: plots.plot_embedding_map(np.ones((3, 2)), x, [1, 2, 3], ax=wiped(kit))),
        ("number", lambda x, kit, _: plots.plot_embedding_map(np.ones((3, 2)), [PHOTO] * 3, x, ax=wiped(kit))),
    ],
    "curves.plot_training": [("pairs", lambda x, kit, _: curves.plot_training(x, ax=wiped(kit)))],
    "plots.plot_timeline": [
        ("pairs", lambda x, kit, _: plots.plot_timeline(x, ax=wiped(kit))),
        ("pairs", lambda x, kit, _: plots.plot_timeline(PAIRS, x, ax=wiped(kit))),
    ],
    "unstandardise": [("number", lambda x, kit, _: facelab.unstandardise(x))],
}

# Modules of which nobody is meant to call anything, and what stands before them.
BEHIND = {
    r"judges_\d\d": "answers to exercises: a test of each",
    "exercises": "an answer: solve_exercises.py",
    "environment": "its own report: test_environment.py",
    "published": "names of weights, behind load_checkpoint",
    "checks|devices|progress|style": "what the others are made of: test_checks.py",
    "gallery_.*": "behind Gallery, which is here",
    "parts": "behind embed_folder and read_embeddings, which are here",
    "photo_.*|name_form|identify_.*": "behind IdentifyPeople: test_identify_people.py, and tests/browser",
}
# Public names that are given less here than they take, and why, or where that is tested.
RESULT = "what another function gives"
IMAGE = "the image is shown by plots.show_image, which is here"
ELSEWHERE = {
    "Gallery": "photos that are one or many: test_gallery.py",
    "ThresholdExplorer": "its images are shown by widgets.show_pairs, which is here",
    "annotate_video": "its path goes to video_info, and its table to annotate_frames, which are here",
    "follow_people": "its vectors and names go to name_faces, which is here",
    "save_finetuned": "its path goes to checkpoints.save_compact, which is here",
    "losses.hardest_pairs": "behind triplet_loss, which is here",
    "losses.SoftmaxHead": "a network: test_losses.py",
    "Tail": "a network: test_trunk.py",
    "Costs": "rates, as roc gives them: test_decisions.py",
    "decisions.Calibration": "its distances are given by calibrate, here",
    "cascade.run_cascade": "behind FaceDetector, which is here",
    "averages.Averages": "behind FaceDetector: test_averages.py, test_properties.py",
    "averages.PlainAverages": "behind FaceDetector: test_averages.py",
    "embedding.crop_batches": "behind FaceEmbedder and run_trunk, which are here",
    "images.is_one_image": "behind FaceDetector and Gallery, which are here",
    "frames.opened_video": "behind read_frames and video_info, which are here",
    "fast.Pointwise": "a layer: test_fast.py",
    "fast.RowMaxPool2d": "a layer: test_fast.py",
    "fast.RowPReLU": "a layer: test_fast.py",
    "fast.a_core_each": "behind FaceDetector, which is here",
    "fast.by_rows": "behind FaceDetector, which is here",
    "fast.slide": "behind FaceDetector: test_fast.py",
    "tracking.assign": "behind track_faces: test_tracking.py, test_properties.py",
    "timeline.people_colours": "any texts",
    "checkpoints.pack": "the weights of a network: test_checkpoints.py",
    "checkpoints.unpack": "the weights of a network: test_checkpoints.py",
    "plots.show_detections": IMAGE,
    "plots.show_windows": IMAGE,
    "plots.plot_heat": IMAGE,
    "plots.plot_cascade": f"a trace; {IMAGE}",
    "plots.show_faces": "its frames are as its titles, which are here",
    "cascade.Level": RESULT,
    "cascade.Stage": RESULT,
    "cascade.Trace": RESULT,
    "finetuning.Training": RESULT,
    "identification.OpenSet": RESULT,
    "intervals.Interval": RESULT,
    "splits.Split": RESULT,
    "tracking.TrackingScore": RESULT,
    "verification.ErrorRates": RESULT,
}

ALL_CALLS = [
    pytest.param(kind, call, id=f"{name}-{k}-{kind}")
    for name, calls in CALLS.items()
    for k, (kind, call) in enumerate(calls)
]


@pytest.fixture(scope="module")
def corpus(paths) -> dict[str, dict[str, object]]:
    return {"image": image_corpus(), "path": paths, "number": NUMBERS, "table": TABLES, "pairs": PAIR_TABLES}


PACKAGE = str(Path(facelab.__file__).parent)
MOST_SECONDS, MOST_BYTES = 20, 1.5 * 2**30  # of one case, on one core, beyond what was there before


class TookTooLong(BaseException):
    """No Exception, so that nothing takes it for what a damaged file raises."""


@contextlib.contextmanager
def bounds(seconds: float = MOST_SECONDS, size: float = MOST_BYTES):
    """End what hangs, and let no memory be had beyond a bound, where the system can do either."""

    def stop(*_):
        raise TookTooLong

    if hasattr(signal, "setitimer"):
        before = signal.signal(signal.SIGPROF, stop)
        signal.setitimer(signal.ITIMER_PROF, seconds)
    if linux := sys.platform == "linux":
        import resource

        limits = resource.getrlimit(resource.RLIMIT_AS)
        held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (int(held + size), limits[1]))
    try:
        yield
    finally:
        if linux:
            resource.setrlimit(resource.RLIMIT_AS, limits)
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.signal(signal.SIGPROF, before)


def is_own(error: Exception) -> bool:
    """Whether the package itself says it, rather than a library that a user does not know of."""
    return traceback.extract_tb(error.__traceback__)[-1].filename.startswith((PACKAGE, __file__))


@contextlib.contextmanager
def one_sentence_at_most(problems: list[str], what: str):
    """Let a result pass, and an error that says in one sentence what is wrong; note anything else."""
    try:
        with warnings.catch_warnings(), bounds():
            warnings.simplefilter("ignore")
            yield
    except TookTooLong:
        problems.append(f"{what}: still at it after {MOST_SECONDS} seconds")
    except (ValueError, FileNotFoundError) as error:
        message = str(error)
        if not is_one_sentence(message):
            problems.append(f"{what}: this is not one sentence: {message[:200]!r}")
        elif not is_own(error):
            problems.append(f"{what}: this is not facelab's own: {message[:200]!r}")
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


# What a parameter is called, or what is said of its type, where it takes what `CALLS` should give it.
TAKEN = re.compile(r"ArrayLike|ndarray|Tensor|DataFrame|PathLike|\bPath\b|Iterable|Sequence|Faces\b|BinaryIO")
UNSAID = {"image", "images", "photo", "photos", "faces", "crops", "frames", "source"}


def public() -> dict[str, object]:
    """Every public function and class of the package, by its name, or by its module's and its own."""
    found = {}
    for path in Path(facelab.__file__).parent.glob("[a-z]*.py"):
        if any(re.fullmatch(pattern, path.stem) for pattern in BEHIND) or path.stem == "__init__":
            continue
        module = importlib.import_module(f"facelab.{path.stem}")
        for name, value in vars(module).items():
            refusal = re.match("checked_|check_columns|first_not_unit|highest_threshold|_", name)  # behind what is here
            if callable(value) and value.__module__ == module.__name__ and not refusal:
                found[name if name in facelab.__all__ else f"{path.stem}.{name}"] = value
    return found


def taken(value: object) -> list[str]:
    """Give the parameters of a function, or of a class and its public methods, that take data."""
    functions = [value]
    if inspect.isclass(value):
        own = [vars(base) for base in value.__mro__ if base.__module__.startswith("facelab")]
        methods = {name: method for space in reversed(own) for name, method in space.items() if name[0] != "_"}
        functions += [method for method in methods.values() if inspect.isfunction(method)]
    return [
        f"{function.__qualname__}: {name}"
        for function in functions
        for name, parameter in inspect.signature(function).parameters.items()
        if TAKEN.search(re.sub("^Callable.*|Axes", "", str(parameter.annotation)))
        or (parameter.annotation is parameter.empty and name in UNSAID)
    ]


def forgotten(functions: dict[str, object]) -> list[str]:
    """Give what takes more than it is given here, without a reason."""
    return [
        f"{name} takes {', '.join(parameters)}"
        for name, value in functions.items()
        if name not in ELSEWHERE and len(parameters := taken(value)) > len(CALLS.get(name, ()))
    ]


def test_no_public_function_is_forgotten():
    functions = public()
    assert forgotten(functions) == []
    assert {*CALLS, *ELSEWHERE} <= functions.keys()  # nothing is left over from what is gone


def test_a_function_that_is_forgotten_would_be_noticed():
    def new(image, table: pd.DataFrame, path: str | os.PathLike, k: int = 3): ...

    class New:
        def method(self, vectors: np.ndarray): ...

    New.__module__ = "facelab.new"
    assert len(taken(new)) == 3
    assert len(taken(New)) == 1
    assert len(forgotten({"new": new, "New": New, "iou": facelab.iou})) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, not every kind of bad path can be made")
def test_the_readme_says_how_often_something_bad_is_given(corpus):
    count = sum(len(corpus[kind]) for calls in CALLS.values() for kind, _ in calls)
    readme = (Path(facelab.__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    assert re.search(r"\*\*Bad input\*\*.*?([\d,]+) times", readme, re.DOTALL)[1] == f"{count:,}"


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
