"""A folder of photos is embedded once, by threads or by a cluster, and nothing is lost on the way."""

import os
import shutil
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from one_sentence import is_one_sentence, sentence
from PIL import Image

from facelab import FaceDetector, FaceEmbedder, crop_faces, embed_folder, load_cast, open_image, read_embeddings
from facelab.checkpoints import save_compact

DETECTOR = {"min_face_size": 40}


def save(path: Path, number: int, side: int = 160) -> Path:
    """Save the cast's photo of this number, smaller."""
    path.parent.mkdir(parents=True, exist_ok=True)
    open_image(load_cast().path.iloc[number]).resize((side, side)).save(path)
    return path


@pytest.fixture
def photos(tmp_path) -> Path:
    """A folder of six photos in subfolders, one of them twice, one without a face, two that are none, and others."""
    folder = tmp_path / "photos"
    for number in range(6):
        save(folder / f"people {number % 2}" / f"{number}.png", number * 12)
    shutil.copy(folder / "people 0" / "0.png", folder / "again.PNG")
    Image.new("RGB", (100, 100), "teal").save(folder / "nobody.jpg")
    (folder / "text.jpg").write_text("not a photo")
    (folder / "half.png").write_bytes((folder / "people 0" / "2.png").read_bytes()[:5000])
    (folder / "notes.txt").write_text("no photo by its name")
    (folder / ".hidden").mkdir()
    save(folder / ".hidden" / "x.png", 3)
    return folder


def embed(folder: Path, **options):
    return embed_folder(folder, folder.parent / "out", detector=DETECTOR, progress=False, **options)


def test_equals_detecting_and_embedding_photo_by_photo(photos):
    report = embed(photos, photos_in_a_part=3)
    assert (report.photos, report.faces, report.embedded) == (10, 7, 9)  # two photos are the same
    assert sorted(report.refused) == ["half.png", "text.jpg"]
    assert all(map(is_one_sentence, report.refused.values()))
    table, vectors = read_embeddings(photos.parent / "out")
    assert table.file.tolist() == ["again.PNG", *(f"people {n % 2}/{n}.png" for n in (0, 2, 4, 1, 3, 5))]
    detector, embedder = FaceDetector(**DETECTOR), FaceEmbedder()
    for row, vector in zip(table.itertuples(), vectors, strict=True):
        image = open_image(photos / row.file)
        faces = detector.detect(image)
        np.testing.assert_allclose([row.x0, row.y0, row.x1, row.y1], faces.boxes[0], atol=1e-3)
        assert row.prob == pytest.approx(faces.probs[0], abs=1e-5)
        np.testing.assert_allclose(vector, embedder.embed(crop_faces(image, faces, embedder.image_size))[0], atol=1e-5)


def test_only_new_content_is_looked_at_and_what_is_gone_is_forgotten(photos):
    before, out = embed(photos), photos.parent / "out"
    assert embed(photos) == replace(before, embedded=0)
    (photos / "people 1" / "1.png").rename(photos / "renamed.png")
    assert embed(photos).embedded == 0
    gone = read_embeddings(out)[0].set_index("file").content["people 1/3.png"]
    (photos / "people 1" / "3.png").unlink()
    save(photos / "people 0" / "2.png", 40)  # another content under the same name
    report = embed(photos)
    assert (report.photos, report.faces, report.embedded) == (9, 6, 1)
    assert "renamed.png" in set(read_embeddings(out)[0].file)
    assert gone not in set(pd.concat(map(pd.read_parquet, out.glob("*/*.parquet"))).content)


def test_each_model_has_its_own_vectors_and_the_first_is_kept(photos, tmp_path):
    embed(photos)
    few = embed_folder(photos, tmp_path / "out", detector={"min_face_size": 150}, progress=False)
    assert few.embedded == 9
    assert few.faces < 7
    assert embed(photos).embedded == 0


def test_damaged_and_half_written_parts_are_done_again(photos):
    embed(photos, photos_in_a_part=3)
    out = photos.parent / "out"
    expected = read_embeddings(out)
    first, *_ = sorted(out.glob("*/*.parquet"))
    first.write_bytes(first.read_bytes()[:-100])
    leftover = first.with_suffix(".unfinished")
    leftover.touch()
    with pytest.raises(ValueError, match="run embed_folder again") as error:
        read_embeddings(out)
    sentence(error)
    assert embed(photos).embedded == 3
    assert not leftover.exists()
    table, vectors = read_embeddings(out)
    pd.testing.assert_frame_equal(table, expected[0])
    np.testing.assert_allclose(vectors, expected[1], atol=1e-5)


def test_tables_of_others_stay(photos):
    other = photos.parent / "out" / "sales" / "2024.parquet"
    other.parent.mkdir(parents=True)
    pd.DataFrame({"sold": [3]}).to_parquet(other)
    embed(photos)
    assert pd.read_parquet(other).sold.tolist() == [3]


def test_what_cannot_be_read_this_time_is_not_forgotten(photos, monkeypatch):
    before = embed(photos)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", lambda *_, **__: (_ for _ in ()).throw(OSError(5, "Input/output error")))
        away = embed(photos)
    assert len(away.refused) == away.photos
    assert embed(photos) == replace(before, embedded=0)


def test_an_empty_disk_or_another_folder_deletes_nothing(photos):
    embed(photos)
    kept = sorted((photos.parent / "out").glob("*/*.parquet"))
    away = photos.rename(photos.parent / "away")
    photos.mkdir()
    with pytest.raises(ValueError, match="has no photos any more") as error:
        embed(photos)
    sentence(error)
    with pytest.raises(ValueError, match="holds what was made of") as error:
        embed(away)
    sentence(error)
    assert sorted((photos.parent / "out").glob("*/*.parquet")) == kept


def test_another_file_of_weights_under_the_same_name_is_another_model(photos, tmp_path):
    embedder, weights = FaceEmbedder(), tmp_path / "weights.safetensors"
    about = {"name": "own", "image_size": embedder.image_size, "trained_on": "nothing"}
    save_compact(embedder.network, weights, **about)
    assert embed(photos, weights=weights).embedded == 9
    with torch.no_grad():
        embedder.network.last_linear.weight.mul_(torch.linspace(0.5, 2, embedder.dimension)[:, None])
    save_compact(embedder.network, weights, **about)
    assert embed(photos, weights=weights).embedded == 9


def test_a_photo_in_which_detecting_fails_does_not_stop_the_others(photos, monkeypatch):
    detect = FaceDetector.detect

    def fail_sometimes(self, image):
        if image.size == (100, 100):
            raise MemoryError
        return detect(self, image)

    monkeypatch.setattr(FaceDetector, "detect", fail_sometimes)
    report = embed(photos)
    assert report.faces == 7
    assert report.refused["nobody.jpg"] == "Detecting in it failed (MemoryError)."


def test_no_photos_and_names_that_are_no_text(tmp_path):
    (tmp_path / "photos").mkdir()
    assert embed(tmp_path / "photos").photos == 0
    table, vectors = read_embeddings(tmp_path / "out")
    assert len(table) == len(vectors) == 0
    shutil.copy(save(tmp_path / "one.png", 0), os.fsencode(tmp_path / "photos") + b"/caf\xe9.png")
    assert embed(tmp_path / "photos").faces == 1
    assert read_embeddings(tmp_path / "out")[0].file.tolist() == ["caf\\xe9.png"]


def test_torch_keeps_its_threads(photos):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert embed(photos).faces == 7  # by two threads
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"photos_in_a_part": 0}, "photos_in_a_part is 0"),
        ({"photos_in_a_part": 2.5}, "photos_in_a_part is 2.5"),
        ({"weights": "no-such-weights"}, "no-such-weights"),
        ({"detector": {"size": 3}}, "detector is"),
        ({"detector": [20]}, "detector is"),
        ({"detector": {"min_face_size": "small"}}, "min_face_size"),
        ({"folder": "nowhere"}, "no folder"),
        ({"folder": "file.txt"}, "is a file"),
        ({"out": "file.txt"}, "cannot be written"),
    ],
)
def test_bad_input_gets_one_sentence(photos, tmp_path, options, said):
    (tmp_path / "file.txt").write_text("text")
    options = {name: tmp_path / value if name in ("folder", "out") else value for name, value in options.items()}
    with pytest.raises((ValueError, FileNotFoundError), match=said) as raised:
        embed_folder(**{"folder": photos, "out": tmp_path / "out", **options})
    assert is_one_sentence(str(raised.value))


def test_results_that_are_none_get_one_sentence(photos, tmp_path):
    with pytest.raises(FileNotFoundError, match="embed_folder has finished") as raised:
        read_embeddings(tmp_path)
    assert is_one_sentence(str(raised.value))
    embed(photos)
    (tmp_path / "out" / "photos.parquet").write_bytes(b"PAR1 or not")
    with pytest.raises(ValueError, match="is damaged") as raised:
        read_embeddings(tmp_path / "out")
    assert is_one_sentence(str(raised.value))


def test_cluster_gives_the_same_and_a_killed_worker_loses_nothing(tmp_path):
    from dask.distributed import Client, LocalCluster

    folder, out = tmp_path / "photos", tmp_path / "out"
    for number in range(48):
        save(folder / f"{number:02}.png", 6 * number, 112)
    report = embed_folder(folder, tmp_path / "alone", detector=DETECTOR, progress=False)
    expected = read_embeddings(tmp_path / "alone")

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        victim = next(iter(client.run(os.getpid).values()))
        seen_before = []

        def kill_half_way():
            while len(done := list(out.glob("*/*.parquet"))) < 4:
                time.sleep(0.01)
            seen_before.extend((path, path.stat().st_mtime_ns) for path in done)
            os.kill(victim, signal.SIGKILL)

        killer = threading.Thread(target=kill_half_way)
        killer.start()
        spread = embed_folder(folder, out, detector=DETECTOR, client=client, photos_in_a_part=4, progress=False)
        killer.join()
        assert victim not in client.run(os.getpid).values()
    assert 4 <= len(seen_before) < 12  # it was half-way
    assert sum(path.stat().st_mtime_ns != written for path, written in seen_before) == 0  # none was done twice
    assert spread == report
    table, vectors = read_embeddings(out)
    pd.testing.assert_frame_equal(table, expected[0])
    np.testing.assert_allclose(vectors, expected[1], atol=1e-5)
