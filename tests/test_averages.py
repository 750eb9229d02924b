"""Averages beside PlainAverages, which are torch's, and beside means that are taken by hand."""

import numpy as np
import pytest
import torch

from facelab import averages
from facelab.averages import Averages, PlainAverages
from facelab.cascade import pyramid_scales

CLOSE = {"atol": 1e-3, "rtol": 0}  # of 255


def images_of(n: int, height: int, width: int, channels: int = 3) -> torch.Tensor:
    return torch.from_numpy(
        np.random.default_rng([n, height, width]).integers(0, 256, (n, height, width, channels), np.uint8)
    )


def assert_shrunk(images: torch.Tensor, size: tuple[int, int]) -> None:
    torch.testing.assert_close(Averages(images).shrink(size), PlainAverages(images).shrink(size), **CLOSE)


def windows_in(n: int, height: int, width: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(count)
    rows, columns = (np.sort(rng.integers(0, side + 1, (count, 2)), axis=1) for side in (height, width))
    some = (rows[:, 0] < rows[:, 1]) & (columns[:, 0] < columns[:, 1])
    return rng.integers(0, n, count)[some], np.concatenate([rows, columns], axis=1)[some]


@pytest.mark.parametrize(("height", "width"), [(320, 320), (250, 251), (361, 640), (1080, 1920)])
def test_every_level_of_the_pyramid(height, width):
    images = images_of(1, height, width)
    scales = pyramid_scales(height, width, 20, 0.709)
    assert len(scales) > 5
    for scale in scales:
        assert_shrunk(images, (int(height * scale + 1), int(width * scale + 1)))


@pytest.mark.parametrize("size", [(1, 1), (20, 30), (19, 30), (20, 7), (21, 33), (40, 60), (41, 64)])
@pytest.mark.parametrize("n", [1, 3])
def test_any_size_larger_ones_too(n, size):
    assert_shrunk(images_of(n, 20, 30), size)
    assert_shrunk(images_of(n, 20, 30, channels=1), size)
    assert_shrunk(images_of(n, 20, 30, channels=4), size)


@pytest.mark.parametrize("strip", [1, 400, 2000])
def test_strips_are_the_images(strip, monkeypatch):
    monkeypatch.setattr(averages, "STRIP", strip)
    assert_shrunk(images_of(3, 50, 70), (31, 40))


@pytest.mark.parametrize("side", [1, 24, 48])
@pytest.mark.parametrize(("n", "height", "width"), [(1, 300, 400), (4, 90, 64), (2, 70, 65), (2, 63, 63)])
def test_windows(n, height, width, side):
    images = images_of(n, height, width)
    which, windows = windows_in(n, height, width, 40)
    whole, pixel = [0, height, 0, width], [height - 1, height, width - 1, width]
    which, windows = np.append(which, [n - 1, n - 1]), np.concatenate([windows, [whole, pixel]])
    cut = Averages(images).cut(which, windows, side)
    torch.testing.assert_close(cut, PlainAverages(images).cut(which, windows, side), **CLOSE)


def test_so_many_windows_that_they_are_cut_out_in_turns(monkeypatch):
    monkeypatch.setattr(averages, "WINDOWS", 7)
    images, (which, windows) = images_of(2, 40, 50), windows_in(2, 40, 50, 30)
    assert len(windows) > 14
    cut = Averages(images).cut(which, windows, 24)
    torch.testing.assert_close(cut, PlainAverages(images).cut(which, windows, 24), **CLOSE)


@pytest.mark.parametrize("kind", [PlainAverages, Averages])
def test_no_windows(kind):
    none = kind(images_of(1, 40, 50)).cut(np.zeros(0, int), np.zeros((0, 4), int), 24)
    assert none.shape == (0, 3, 24, 24)
    assert none.dtype == torch.float32


@pytest.mark.parametrize("kind", [PlainAverages, Averages])
def test_means_by_hand(kind):
    image = images_of(1, 5, 7)
    pixels = image[0].double().permute(2, 0, 1)
    shrunk = kind(image).shrink((2, 3))  # of 5 rows, each covers two and a half
    assert shrunk[0, :, 0, 1].tolist() == pytest.approx(pixels[:, 0:3, 2:5].mean(dim=(1, 2)).tolist())
    assert shrunk[0, :, 1, 2].tolist() == pytest.approx(pixels[:, 2:5, 4:7].mean(dim=(1, 2)).tolist())
    (square,) = kind(image).cut(np.array([0]), np.array([[1, 4, 2, 6]]), 2)
    assert square[:, 1, 0].tolist() == pytest.approx(pixels[:, 2:4, 2:4].mean(dim=(1, 2)).tolist())


def test_a_wrong_pixel_would_be_found():
    image = images_of(1, 20, 30)
    other = image.clone()
    other[0, 7, 7] ^= 1
    with pytest.raises(AssertionError):
        torch.testing.assert_close(Averages(other).shrink((10, 15)), PlainAverages(image).shrink((10, 15)), **CLOSE)


def test_the_channels_lie_last_where_convolutions_look_for_them():
    images = Averages(images_of(2, 40, 60))
    cut = images.cut(np.array([0, 1]), np.array([[0, 30, 0, 30], [10, 20, 10, 20]]), 24)
    for made in (images.shrink((24, 36)), cut):
        assert made.is_contiguous(memory_format=torch.channels_last)
