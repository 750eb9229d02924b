"""What is fast is what is plain: shrinking by rows beside torch's averaging by windows, a core for each beside map."""

import threading

import numpy as np
import pytest
import torch
from torch.nn import functional

from facelab.cascade import pyramid_scales
from facelab.fast import a_core_each, shrink


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


@pytest.fixture(params=[1, 2, 3])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    assert torch.get_num_threads() == request.param  # whatever happened
    torch.set_num_threads(before)


def test_a_core_each_is_map(threads):
    assert list(a_core_each(lambda n: n * n, range(20))) == [n * n for n in range(20)]
    assert list(a_core_each(str, [])) == []


def test_as_many_at_a_time_as_there_are_threads(threads):
    together = threading.Barrier(threads, timeout=60)  # which lets nobody through before all are there

    def meet(_):
        together.wait()
        return torch.get_num_threads()

    assert list(a_core_each(meet, range(2 * threads))) == [1] * (2 * threads)


def test_items_are_not_fetched_far_ahead(threads):
    fetched = []
    given = a_core_each(str, (fetched.append(n) or n for n in range(100)))
    assert next(given) == "0"
    assert len(fetched) <= 2 * threads
    given.close()
    assert len(fetched) <= 2 * threads


def test_what_is_raised_is_raised_in_its_turn(threads):
    given = a_core_each(lambda n: 1 // (3 - n), range(100))
    assert [next(given) for _ in range(3)] == [0, 0, 1]
    with pytest.raises(ZeroDivisionError):
        next(given)
