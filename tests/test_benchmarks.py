"""The benchmarks' own arithmetic, against plainer ways to the same numbers; what they measure is not asserted."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))

import verification

from facelab import FaceDetector, FaceEmbedder, crop_faces, list_pairs, load_cast, pairwise_distances
from facelab.checkpoints import MEASURED


def clouds(people=6, photos=5, noise=0.6, seed=0):
    """Vectors of so many people, and who is who."""
    rng = np.random.default_rng(seed)
    vectors = np.repeat(rng.normal(size=(people, 16)), photos, axis=0) + noise * rng.normal(size=(people * photos, 16))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return vectors, np.repeat([f"p{k}" for k in range(people)], photos)


def test_rates_are_those_of_counting():
    vectors, people = clouds(noise=1.2)
    genuine, impostor = verification.split(list_pairs(pairwise_distances(vectors), people))
    _, eer, fnmr, _ = verification.rates(genuine, impostor)
    cuts = np.sort(np.r_[genuine, impostor])
    fmrs = np.array([(impostor <= cut).mean() for cut in cuts])
    fnmrs = np.array([(genuine > cut).mean() for cut in cuts])
    assert fnmr == fnmrs[fmrs <= 0.01].min() > 0
    assert abs(eer - (fmrs + fnmrs)[np.abs(fmrs - fnmrs).argmin()] / 2) < 1e-9


def test_figures_with_folds():
    vectors, people = clouds()
    pairs = list_pairs(pairwise_distances(vectors), people)
    pairs = pairs.assign(fold=np.arange(len(pairs)) % 4)
    rows = verification.figures(pairs, resamples=20)
    cut = (pairs.distance[pairs.same].max() + pairs.distance[~pairs.same].min()) / 2
    assert ((pairs.distance < cut) == pairs.same).mean() > 0.9  # people lie apart, and the figure says so
    assert float(rows["accuracy by folds, %"].split()[0]) > 90
    assert set(rows) > {"AUC", "equal error rate, %", "FNMR at FMR 0.1 %, %", "threshold, FMR 1 %"}


def test_how_near_vectors_are_to_others():
    first = np.eye(3, dtype=np.float32)
    vectors = first.copy()
    vectors[2] = [0.6, 0, 0.8]

    def with_distances(some):
        return list_pairs(pairwise_distances(some), np.array(["a", "a", "b"]))

    said = verification.beside(vectors, first, with_distances)
    moved = 2**0.5 - (0.4**2 + 0.8**2) ** 0.5  # from a to the one that moved; from b it is as far as before
    assert said == (
        f"cosine {2.8 / 3:.4f} on average, 0.8000 at least; "
        f"distances move by {moved / 3:.4f} on average, {moved:.4f} at most"
    )


@pytest.mark.parametrize("way", verification.WAYS)
def test_every_way_to_embed(way):
    align, mirror = way
    photos, embedder = load_cast().iloc[:2], FaceEmbedder()
    found = verification.find_faces(photos.path)
    vectors, _ = verification.embed_ways(photos.path, found.faces, embedder, [way])
    image = Image.open(photos.path.iloc[0])
    crop = crop_faces(image, FaceDetector().detect(image)[:1], embedder.image_size, align=align)
    expected = embedder.embed(crop)[0]
    if mirror:
        expected = expected + embedder.embed(crop.flip(3))[0]
    vector = vectors[way][0]
    assert vector @ expected / np.linalg.norm(expected) > 0.9999
    assert abs(np.linalg.norm(vector) - 1) < 1e-5
    assert found.missed == 0


def test_a_photo_without_a_face_is_counted(tmp_path):
    Image.new("RGB", (120, 120), "grey").save(tmp_path / "wall.png")
    found = verification.find_faces([tmp_path / "wall.png"])
    assert found.missed == 1
    vectors, _ = verification.embed_ways([tmp_path / "wall.png"], found.faces, FaceEmbedder())
    assert all(of_one_way.shape == (1, 128) for of_one_way in vectors.values())


def test_a_group_that_everybody_is_taken_for_shows():
    photos = verification.cast()
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(len(photos), 128))
    alike = (photos.monk >= 7).to_numpy()
    vectors[alike] = vectors[alike][:1] + 0.1 * vectors[alike]  # nobody is told from anybody
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    flags = verification.groups_of_the_cast(vectors, photos)["FMR above 3 %"]
    assert flags["tones 7 to 10"] == "yes"
    assert (flags.drop("tones 7 to 10") != "yes").any()


def test_published_distances_that_do_not_agree_show(tmp_path):
    photos = load_cast().drop_duplicates("person").path.iloc[:5]
    for name, photo in zip(["angelina_jolie", *verification.EXPECTED], photos, strict=True):
        (tmp_path / name).mkdir()
        Image.open(photo).save(tmp_path / name / "1.jpg")
    table = verification.check_published(FaceEmbedder(), tmp_path)
    assert list(table.columns) == ["expected", "measured", "agrees"]
    assert not table.agrees.all()
    with pytest.raises(SystemExit, match="no photo in"):
        verification.check_published(FaceEmbedder(), tmp_path / "absent")


def test_what_was_recorded_is_of_the_bundled_weights():
    measured = pd.read_csv(MEASURED).set_index("name")
    assert measured.fingerprint["facelab128"] == FaceEmbedder().fingerprint, (
        "Other weights, other figures: run tests/benchmarks/verification.py --on lfw --record."
    )


def test_recording_replaces_a_row(tmp_path, monkeypatch):
    monkeypatch.setattr(verification, "MEASURED", tmp_path / "measured.csv")
    vectors, people = clouds(people=8, photos=6)
    pairs = list_pairs(pairwise_distances(vectors), people)
    pairs = pairs.assign(fold=np.arange(len(pairs)) % 4)
    embedder = FaceEmbedder()
    for name in ("lfw", "elsewhere", "lfw"):
        verification.record(embedder, name, pairs)
    table = pd.read_csv(tmp_path / "measured.csv")
    assert table.set.tolist() == ["elsewhere", "lfw"]
    cut = table.threshold[1]
    assert abs((pairs.distance[~pairs.same] <= cut).mean() - 0.01) < 0.002


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--weights", "nowhere.safetensors"], "nowhere.safetensors"), (["--on", "no_such_folder"], "no_such_folder")],
)
def test_what_verification_cannot_find_gets_a_sentence(arguments, said, capsys):
    with pytest.raises(SystemExit) as stop:
        verification.main(arguments)
    assert stop.value.code == 2
    assert said in capsys.readouterr().err.splitlines()[-1]
