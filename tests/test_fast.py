"""What is fast is what is plain: shrinking by rows beside torch's own averaging, window by window."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from facelab.cascade import pyramid_scales
from facelab.fast import shrink


def image_of(height: int, width: int, channels: int = 3) -> torch.Tensor:
    pixels = np.random.default_rng([height, width]).integers(0, 256, (1, height, width, channels))
    return torch.from_numpy(pixels.astype(np.float32)).permute(0, 3, 1, 2)


def assert_averaged(image: torch.Tensor, size: tuple[int, int]) -> None:
    plain = functional.interpolate(image, size, mode="area")
    np.testing.assert_allclose(shrink(image, size), plain, atol=2e-3)  # of 255


@pytest.mark.parametrize(("height", "width"), [(320, 320), (250, 251), (361, 640), (1080, 1920)])
def test_every_level_of_the_pyramid(height, width):
    image = image_of(height, width)
    scales = pyramid_scales(height, width, 20, 0.709)
    assert len(scales) > 5
    for scale in scales:
        assert_averaged(image, (int(height * scale + 1), int(width * scale + 1)))


@pytest.mark.parametrize("size", [(1, 1), (20, 30), (19, 30), (20, 7), (21, 33), (40, 60), (41, 64)])
def test_any_size_larger_ones_too(size):
    assert_averaged(image_of(20, 30), size)
    assert_averaged(image_of(20, 30, channels=1), size)


def test_a_wrong_window_would_be_found():
    image = image_of(20, 30)
    image[0, :, 7, 7] += 1
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(shrink(image, (10, 15)), shrink(image_of(20, 30), (10, 15)), atol=2e-3)


def test_the_channels_lie_last_where_convolutions_look_for_them():
    assert shrink(image_of(40, 60), (24, 36)).is_contiguous(memory_format=torch.channels_last)
