"""Frames of videos that the test writes: colours in order, a film that lies on its side, and what is no video."""

import wave

import av
import numpy as np
import pytest
from one_sentence import sentence
from PIL import Image

from facelab import read_frames

COLOURS = {"red": (255, 0, 0), "green": (0, 128, 0), "blue": (0, 0, 255)}


def write(path, pictures, codec="libx264"):
    with av.open(path, "w") as container:
        stream = container.add_stream(codec, rate=12)
        stream.width, stream.height = pictures[0].size
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode())


@pytest.fixture
def film(tmp_path):
    """Thirty frames, the colours in turn."""
    path = tmp_path / "film.mp4"
    write(path, [Image.new("RGB", (96, 64), list(COLOURS.values())[k % 3]) for k in range(30)])
    return path


def refusal(error, path):
    with pytest.raises(error) as caught:
        list(read_frames(path))
    return sentence(caught)


def test_every_frame_comes_in_order(film):
    frames = list(read_frames(str(film)))
    assert [frame.size for frame in frames] == [(96, 64)] * 30
    assert {frame.mode for frame in frames} == {"RGB"}
    for frame, colour in zip(frames, list(COLOURS.values()) * 10, strict=True):
        np.testing.assert_allclose(np.asarray(frame).mean((0, 1)), colour, atol=6)


def test_frames_are_read_one_at_a_time(film):
    frames = read_frames(film)
    assert next(frames).size == (96, 64)
    frames.close()
    film.unlink()  # nothing holds the file, not on Windows either


@pytest.mark.parametrize(("suffix", "codec"), [("avi", "mpeg4"), ("webm", "libvpx"), ("mkv", "libx264")])
def test_other_formats(tmp_path, suffix, codec):
    path = tmp_path / f"film.{suffix}"
    write(path, [Image.new("RGB", (96, 64), "red")] * 4, codec)
    assert len(list(read_frames(path))) == 4


def test_what_is_no_video(tmp_path, film):
    assert "is a folder" in refusal(ValueError, tmp_path)
    assert "There is no file" in refusal(FileNotFoundError, tmp_path / "gone.mp4")
    with pytest.raises(FileNotFoundError):
        read_frames(tmp_path / "gone.mp4")  # before any frame is asked for
    (tmp_path / "text.mp4").write_text("hello")
    assert "is no video" in refusal(ValueError, tmp_path / "text.mp4")
    (tmp_path / "empty.mp4").touch()
    assert "is no video" in refusal(ValueError, tmp_path / "empty.mp4")
    (tmp_path / "half.mp4").write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    assert "cut short" in refusal(ValueError, tmp_path / "half.mp4")
    with wave.open(str(tmp_path / "sound.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(b"\0\0" * 800)
    assert "only sound" in refusal(ValueError, tmp_path / "sound.wav")


def test_a_film_that_lies_on_its_side_is_turned(tmp_path, film):
    """The display matrix of an MP4's track header is rewritten by hand, as a phone that is held upright writes it."""
    turned = tmp_path / "turned.mp4"
    write(
        film,
        [
            Image.fromarray(
                np.where(np.arange(96)[None, :, None] < 48, [255, 0, 0], [0, 0, 255]).repeat(64, 0).astype(np.uint8)
            )
        ]
        * 4,
    )
    data = bytearray(film.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # version 0: 40 bytes before the matrix
    quarter = [0, 1, 0, -1, 0, 0, 0, 0, 0x4000]  # clockwise: (a b u, c d v, x y w) in fixed point
    values = [v * 0x10000 for v in quarter]
    data[at : at + 36] = b"".join(int(v).to_bytes(4, "big", signed=True) for v in values)
    turned.write_bytes(data)
    frame = next(read_frames(turned))
    assert frame.size == (64, 96)
    pixels = np.asarray(frame)
    assert pixels[5, 32, 0] > 200  # what was on the left is now above
    assert pixels[-5, 32, 2] > 200
