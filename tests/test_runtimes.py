"""OpenVINO gives torch's vectors, or in fewer bits ones that tell people apart as well, and reports to nobody."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import openvino
import pytest
import torch
from one_sentence import sentence

from facelab import (
    FaceDetector,
    FaceEmbedder,
    Gallery,
    crop_faces,
    embed_folder,
    equal_error_rate,
    load_cast,
    pairwise_distances,
    read_embeddings,
    runtimes,
    split_pairs,
)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtimes, "cache", lambda: folder)
        yield folder


@pytest.fixture(scope="module")
def cast():
    return load_cast().query("-30 <= yaw <= 30").groupby("person").head(3)


@pytest.fixture(scope="module")
def crops(cast):
    detector = FaceDetector()
    return torch.cat([crop_faces(path, detector.detect(path)[:1], 96) for path in cast.path])


@pytest.fixture(scope="module")
def expected(crops):
    return FaceEmbedder().embed(crops)


def test_the_same_vectors(crops, expected):
    embedder = FaceEmbedder(runtime="openvino")
    vectors = embedder.embed(crops)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, expected, atol=1e-4)
    np.testing.assert_allclose(embedder.embed(crops[5]), expected[5:6], atol=1e-4)
    assert embedder.embed(crops[:0]).shape == (0, 128)
    assert embedder.fingerprint == FaceEmbedder().fingerprint
    larger = torch.nn.functional.interpolate(crops[:4], (160, 120))
    np.testing.assert_allclose(embedder.embed(larger), FaceEmbedder().embed(larger), atol=1e-4)


@pytest.mark.parametrize(("runtime", "cosine"), [("openvino-bfloat16", 0.999), ("openvino-int8", 0.98)])
def test_fewer_bits_tell_people_apart_as_well(crops, cast, expected, runtime, cosine):
    embedder = FaceEmbedder(runtime=runtime)
    vectors = embedder.embed(crops)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
    assert (vectors * expected).sum(axis=1).min() > cosine
    people = cast.person.to_numpy()
    rates = [equal_error_rate(*split_pairs(pairwise_distances(some), people))[0] for some in (vectors, expected)]
    assert rates[0] < rates[1] + 0.02
    assert embedder.fingerprint == f"{FaceEmbedder().fingerprint}-{runtime.split('-')[1]}"


def test_vectors_of_fewer_bits_are_not_mixed_with_others(cast, tmp_path):
    photo, file = cast.path.iloc[0], tmp_path / "people.gallery"
    with Gallery(file) as gallery:
        gallery.enrol("Ada", photo)
    with Gallery(file, embedder=FaceEmbedder(runtime="openvino")) as gallery:
        assert gallery.identify(photo, threshold=1.0)[0].name == "Ada"
    with Gallery(file, embedder=FaceEmbedder(runtime="openvino-int8")) as gallery:
        with pytest.raises(ValueError, match="-int8") as error:
            gallery.identify(photo, threshold=1.0)
        sentence(error)


def test_a_folder_by_openvino(cast, tmp_path):
    (tmp_path / "photos").mkdir()
    for path in cast.path[:3]:
        shutil.copy(path, tmp_path / "photos")
    embed_folder(tmp_path / "photos", tmp_path / "torch")
    embed_folder(tmp_path / "photos", tmp_path / "other", runtime="openvino")
    (faces, plain), (same_faces, fast) = (read_embeddings(tmp_path / name) for name in ("torch", "other"))
    assert faces.equals(same_faces)
    np.testing.assert_allclose(fast, plain, atol=1e-4)
    # What torch has made need not be made again by OpenVINO, but by another one that rounds.
    assert embed_folder(tmp_path / "photos", tmp_path / "torch", runtime="openvino").embedded == 0
    assert embed_folder(tmp_path / "photos", tmp_path / "torch", runtime="openvino-int8").embedded == 3
    with pytest.raises(ValueError, match="no runtime"):
        embed_folder(tmp_path / "photos", tmp_path / "other", runtime="onnx")


def test_threads_share_a_network(crops, expected):
    embedder = FaceEmbedder(runtime="openvino")
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(embedder.embed, crops[:12].split(1)))
    np.testing.assert_allclose(np.concatenate(found), expected[:12], atol=1e-4)


def test_what_was_made_once_is_kept_and_what_is_damaged_made_anew(cache, crops, expected, tmp_path, monkeypatch):
    FaceEmbedder(runtime="openvino")
    kept = next(cache.glob(f"{FaceEmbedder().fingerprint}-float32-*"))
    copy = shutil.copytree(kept, tmp_path / "copy") / "network.xml"
    made = []
    monkeypatch.setattr(runtimes, "_convert", lambda _: made.append(1) or openvino.Core().read_model(copy))
    FaceEmbedder(runtime="openvino")
    assert not made
    for name, bytes_kept in (("network.xml", 1000), ("network.bin", 5_000_000)):
        (kept / name).write_bytes((kept / name).read_bytes()[:bytes_kept])
        vectors = FaceEmbedder(runtime="openvino").embed(crops[:3])
        np.testing.assert_allclose(vectors, expected[:3], atol=1e-4)
    assert len(made) == 2
    assert [path.name for path in cache.iterdir() if "unfinished" in path.name] == []


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path, crops, expected, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setattr(runtimes, "cache", lambda: tmp_path / "file")
    np.testing.assert_allclose(FaceEmbedder(runtime="openvino").embed(crops[:2]), expected[:2], atol=1e-4)
    assert (tmp_path / "file").read_text() == "no folder"


@pytest.mark.parametrize("runtime", ["onnx", "", None, "openvino-int4", []])
def test_there_is_no_such_runtime(runtime):
    with pytest.raises(ValueError, match="There is no runtime") as error:
        FaceEmbedder(runtime=runtime)
    assert "openvino-int8" in sentence(error)


def test_openvino_is_for_the_cpu():
    with pytest.raises(ValueError, match="computes on the CPU, not on 'meta'") as error:
        runtimes.checked_runtime("openvino", torch.device("meta"))
    sentence(error)


def test_without_the_extra_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ValueError, match="`pip install openvino nncf`") as error:
        FaceEmbedder(runtime="openvino")
    sentence(error)


def test_nothing_is_reported(cache, tmp_path):
    """Where openvino-telemetry is installed, it reports that OpenVINO was imported; here it is not even imported."""
    (tmp_path / "openvino_telemetry.py").write_text("raise SystemExit('It would be reported.')")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}

    def run(code: str) -> subprocess.CompletedProcess:
        return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)

    assert "It would be reported." in run("import openvino").stderr
    made_before = f"from pathlib import Path; runtimes.cache = lambda: Path({str(cache)!r})"
    done = run(f"from facelab import FaceEmbedder, runtimes; {made_before}; FaceEmbedder(runtime='openvino')")
    assert done.returncode == 0, done.stderr
