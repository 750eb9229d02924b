"""Videos in and out: what is found in the cast's clip, what is written, and what happens when something breaks."""

import subprocess
import sys
import textwrap
import wave

import av
import numpy as np
import pandas as pd
import pytest
from one_sentence import sentence
from PIL import Image

from facelab import (
    FaceDetector,
    FaceEmbedder,
    annotate_frames,
    annotate_video,
    clip_frames,
    crop_faces,
    fill_gaps,
    find_in_video,
    follow_people,
    load_clip,
    read_frames,
    score_tracks,
    video_info,
    write_video,
)
from facelab.data import BOX, CAST
from facelab.timeline import NOBODY

CLIP = CAST / "clip" / "clip.mp4"
RED, GREEN = (Image.new("RGB", (96, 64), colour) for colour in ("red", "green"))


@pytest.fixture(scope="module")
def detector():
    return FaceDetector()


@pytest.fixture(scope="module")
def embedder():
    return FaceEmbedder()


@pytest.fixture(scope="module")
def found(detector, embedder):
    """Every tenth frame of the clip."""
    return find_in_video(CLIP, detector, embedder, every=10, progress=False)


@pytest.fixture
def film(tmp_path):
    return write_video(tmp_path / "film.mp4", [RED, GREEN] * 15, 12, progress=False)


# What is found


def test_what_is_found_is_what_the_parts_find(found, detector, embedder):
    faces, vectors = found
    assert faces.frame.unique().tolist() == list(range(0, 120, 10))
    assert vectors.dtype == np.float32
    for frame, rows in list(faces.groupby("frame"))[2:5]:
        image = clip_frames()[frame]
        there = detector.detect(image)
        np.testing.assert_allclose(rows[BOX], there.boxes, atol=1e-4)
        np.testing.assert_allclose(rows.prob, there.probs, atol=1e-6)
        alone = embedder.embed(crop_faces(image, there, embedder.image_size))
        np.testing.assert_allclose(vectors[rows.index], alone, atol=1e-5)


def test_frames_from_anywhere_are_as_good_as_a_file(found, detector, embedder):
    faces, vectors = find_in_video(iter(clip_frames()[:11]), detector, embedder, every=10)
    pd.testing.assert_frame_equal(faces, found[0][found[0].frame <= 10])
    np.testing.assert_allclose(vectors, found[1][: len(faces)], atol=1e-6)


def test_frames_are_taken_one_at_a_time(detector, embedder):
    """A camera never ends: whoever collected all frames first would never come to an answer."""

    def camera():
        for number in range(10):
            open_frames.append(number)
            yield RED
            open_frames.remove(number)
            assert len(open_frames) <= 1

    open_frames = []
    faces, vectors = find_in_video(camera(), detector, embedder)
    assert faces.empty
    assert vectors.shape == (0, embedder.dimension)


def test_a_clip_in_which_nobody_is_goes_all_the_way(detector, embedder, tmp_path):
    people = follow_people([RED] * 3, detector, embedder, np.eye(embedder.dimension)[:1], ["Ann"], 1.0)
    assert people.empty
    assert {"frame", "track", "name", "distance", *BOX} <= set(people.columns)
    assert fill_gaps(people).empty
    write_video(tmp_path / "a.mp4", annotate_frames([RED] * 3, fill_gaps(people)), 10)


def test_people_are_followed_and_named(found, detector, embedder):
    """With what the clip itself shows of two of the three as a gallery: the best that any weights could do."""
    faces, vectors = found
    truth = load_clip()
    truth = truth[truth.frame % 10 == 0]
    persons = score_tracks(truth, faces.assign(track=0)).persons
    known = [person for person in truth.person.unique() if (persons == person).sum() > 6]
    means = np.stack([vectors[persons == person].mean(axis=0) for person in known])
    gallery = means / np.linalg.norm(means, axis=1, keepdims=True)
    people = follow_people(CLIP, detector, embedder, gallery, known, 0.7, every=10, progress=False)
    right = [name == (person if person in known else NOBODY) for name, person in zip(people.name, persons, strict=True)]
    assert np.mean(right) > 0.9
    assert score_tracks(truth, people).switches <= 3
    assert people.groupby("track").name.nunique().max() == 1


def test_what_a_video_says_of_itself(film):
    info = video_info(film)
    assert (info.frames, info.rate, info.seconds) == (30, 12, 2.5)
    assert video_info(str(CLIP)).frames == len(clip_frames())


def test_what_is_no_video_gets_its_sentence(tmp_path, film, detector, embedder):
    (tmp_path / "text.mp4").write_text("hello")
    (tmp_path / "empty.mp4").touch()
    whole = film.read_bytes()
    (tmp_path / "half.mp4").write_bytes(whole[: len(whole) * 2 // 3])
    (tmp_path / "start.mp4").write_bytes(whole[:100])
    with wave.open(str(tmp_path / "sound.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(b"\0\0" * 800)
    for name, error, said in (
        ("text.mp4", ValueError, "is no video"),
        ("empty.mp4", ValueError, "is no video"),
        ("half.mp4", ValueError, "cut short"),
        ("start.mp4", ValueError, "cut short"),
        ("sound.wav", ValueError, "only sound"),
        ("gone.mp4", FileNotFoundError, "There is no file"),
        (".", ValueError, "is a folder"),
    ):
        for read in (video_info, lambda path: find_in_video(path, detector, embedder)):
            with pytest.raises(error, match=said) as caught:
                read(tmp_path / name)
            sentence(caught)


def test_what_cannot_be_looked_at_gets_its_sentence(detector, embedder):
    for source, options, said in (([], {}, "no frame"), ([RED], {"every": 0}, "every is 0")):
        with pytest.raises(ValueError, match=said) as caught:
            find_in_video(source, detector, embedder, **options)
        sentence(caught)


# What is drawn


def test_names_are_drawn_where_the_boxes_are():
    faces = pd.DataFrame([(0, 20, 30, 60, 58), (1, 20, 30, 60, 58)], columns=["frame", *BOX])
    faces = faces.assign(name="Ann", filled=[False, True])
    drawn, filled, bare = (np.asarray(image) for image in annotate_frames([RED, RED, RED], faces))
    changed = (drawn != np.asarray(RED)).any(axis=2)
    assert changed[30:59, 20].all()
    assert changed[30:59, 60].all()
    assert changed[:30, 20:40].any()  # the name, above the box
    assert not changed[35:55, 25:55].any()
    assert 0 < (filled != np.asarray(RED)).any(axis=2).sum() < changed.sum() / 2
    np.testing.assert_array_equal(bare, np.asarray(RED))


def test_boxes_beyond_the_picture_and_strange_names_are_drawn():
    faces = pd.DataFrame(
        [(0, -30, -20, 20, 20), (0, 80, 50, 140, 99), (0, 300, 300, 310, 310)], columns=["frame", *BOX]
    )
    (drawn,) = annotate_frames([np.asarray(RED)], faces.assign(track=[1, 2, 3], name=["Zoë", "Łukasz Ж", ""]))
    assert drawn.size == RED.size
    (by_number,) = annotate_frames([RED], faces.assign(track=[1, 2, 3]), text="track")
    assert by_number.size == RED.size


# What is written


def test_what_is_written_plays_everywhere(film):
    with av.open(film) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert stream.average_rate == 12
    data = film.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    for frame, picture in zip(read_frames(film), [RED, GREEN] * 15, strict=True):
        np.testing.assert_allclose(np.asarray(frame).mean((0, 1)), np.asarray(picture).mean((0, 1)), atol=12)


@pytest.mark.parametrize(("size", "written"), [((97, 65), (96, 64)), ((2, 2), (2, 2)), ((33, 20), (32, 20))])
def test_odd_sizes_lose_a_row_or_a_column(tmp_path, size, written):
    path = write_video(tmp_path / "odd.mp4", [Image.new("RGB", size)] * 3, 25)
    assert next(read_frames(path)).size == written


def test_the_rate_of_american_television(tmp_path):
    path = write_video(tmp_path / "ntsc.mp4", [RED] * 4, 30000 / 1001)
    assert video_info(path).rate == pytest.approx(30000 / 1001, abs=1e-4)


def test_a_clip_with_names_has_the_frames_of_the_clip(tmp_path, film):
    faces = pd.DataFrame([(3, 20, 30, 60, 58)], columns=["frame", *BOX]).assign(name="Ann")
    target = annotate_video(film, tmp_path / "named.mp4", faces, progress=False)
    assert video_info(target) == video_info(film)
    plain, named = list(read_frames(film)), list(read_frames(target))
    differences = [np.abs(np.subtract(*map(np.float32, pair))).mean() for pair in zip(plain, named, strict=True)]
    assert np.argmax(differences) == 3


def fails_in_the_middle():
    yield from [RED] * 20
    raise RuntimeError("the camera was unplugged")


def test_nothing_half_is_left_and_what_was_there_stays(tmp_path):
    target = tmp_path / "film.mp4"
    with pytest.raises(RuntimeError, match="unplugged"):
        write_video(target, fails_in_the_middle(), 12)
    assert list(tmp_path.iterdir()) == []
    before = write_video(target, [RED] * 3, 12).read_bytes()
    with pytest.raises(RuntimeError, match="unplugged"):
        write_video(target, fails_in_the_middle(), 12)
    assert target.read_bytes() == before
    assert list(tmp_path.iterdir()) == [target]
    write_video(target, [GREEN] * 5, 12)
    assert video_info(target).frames == 5


def test_what_cannot_be_written_gets_its_sentence(tmp_path):
    for name, frames, rate, error, said in (
        ("film.avi", [RED], 12, ValueError, "does not end in .mp4"),
        ("nowhere/film.mp4", [RED], 12, FileNotFoundError, "no folder"),
        ("film.mp4", [], 12, ValueError, "no frames"),
        ("film.mp4", [RED], 0, ValueError, "rate is 0"),
        ("film.mp4", [RED, RED.resize((64, 96))], 12, ValueError, "Frame 1 has 64×96"),
        ("film.mp4", [Image.new("RGB", (1, 9))], 12, ValueError, "2×2"),
        ("film.mp4", [tmp_path / "gone.png"], 12, FileNotFoundError, "no file"),
    ):
        with pytest.raises(error, match=said) as caught:
            write_video(tmp_path / name, frames, rate)
        sentence(caught)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of a file")
def test_a_disk_that_fills_up_leaves_nothing_half(tmp_path):
    """The system refuses to let a file grow, as it does when the disk is full."""
    target = tmp_path / "film.mp4"
    before = write_video(target, [RED] * 3, 12).read_bytes()
    code = f"""
        import resource
        import numpy as np
        from facelab import write_video

        frames = np.random.default_rng(0).integers(0, 255, (40, 240, 320, 3), np.uint8)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
        try:
            write_video({str(target)!r}, frames, 12, progress=False)
        except OSError as error:
            print(error)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True)
    assert "film.mp4 could not be written" in done.stdout, done.stderr[-2000:]
    assert target.read_bytes() == before
    assert list(tmp_path.iterdir()) == [target]
