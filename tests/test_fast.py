"""What is fast is what is plain: rows of pixels beside torch's windows and layers, a core for each beside map."""

import copy
import threading

import numpy as np
import pytest
import torch
from facenet_pytorch import MTCNN, InceptionResnetV1
from torch import nn
from torch.nn import functional

from facelab import fast
from facelab.cascade import pyramid_scales
from facelab.fast import Pointwise, RowMaxPool2d, RowPReLU, a_core_each, by_products, by_rows, cut, shrink


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


@pytest.mark.parametrize("side", [24, 48])
def test_windows_are_cut_out_as_torch_averages_them(side):
    image = image_of(300, 400)
    tops, lefts = np.random.default_rng(side).integers(0, [[250], [350]], (2, 40))
    windows = [
        (t, t + h, left, left + w) for t, left, h, w in zip(tops, lefts, range(1, 41), range(40, 0, -1), strict=True)
    ]
    windows += [(0, 300, 0, 400), (290, 300, 0, 400), (100, 200, 150, 250), (17, 17 + side, 5, 5 + side)]
    squares = cut(image, windows, side)
    assert squares.is_contiguous(memory_format=torch.channels_last)
    for square, (top, bottom, left, right) in zip(squares, windows, strict=True):
        plain = functional.interpolate(image[:, :, top:bottom, left:right], (side, side), mode="area")
        np.testing.assert_allclose(square[None], plain, atol=2e-3)  # of 255
    assert cut(image, [], side).shape == (0, 3, side, side)


@pytest.fixture
def even_the_smallest(monkeypatch):
    monkeypatch.setattr(fast, "MANY", 0)


def channels_last(*shape: int) -> torch.Tensor:
    numbers = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    return numbers.contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("kernel", [2, 3])
@pytest.mark.parametrize("shape", [(2, 10, height, width) for height in (4, 5, 6, 7) for width in (3, 4, 9, 10)])
def test_the_largest_of_each_window_is_torchs(kernel, shape, even_the_smallest):
    x = channels_last(*shape)
    largest = RowMaxPool2d(kernel, 2, ceil_mode=True)(x)
    assert largest.equal(nn.MaxPool2d(kernel, 2, ceil_mode=True)(x))
    assert largest.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("shape", [(1, 10, 7, 5), (3, 28, 4, 4), (2, 32, 3, 3)])
def test_slopes_are_torchs(shape, even_the_smallest):
    x, plain = channels_last(*shape), nn.PReLU(shape[1])
    nn.init.uniform_(plain.weight, -1, 1)
    by_row = RowPReLU(shape[1])
    by_row.load_state_dict(plain.state_dict())
    assert by_row(x).equal(plain(x))
    assert by_row(x).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    ("name", "shape"), [("pnet", (1, 3, 240, 331)), ("rnet", (60, 3, 24, 24)), ("onet", (30, 3, 48, 48))]
)
def test_the_networks_say_what_they_said(name, shape):
    x, plain, by_row = channels_last(*shape), MTCNN().eval(), by_rows(MTCNN().eval())
    plain, by_row = getattr(plain, name), getattr(by_row, name)
    assert all(one.equal(other) for one, other in zip(plain.parameters(), by_row.parameters(), strict=True))
    if name != "pnet":  # whose first layers are one
        assert plain.state_dict().keys() == by_row.state_dict().keys()
    with torch.inference_mode():
        for said, says in zip(plain(x), by_row(x), strict=True):
            np.testing.assert_allclose(says, said, atol=1e-5)


@pytest.mark.parametrize("height", [13, 14, 30, 31, 32, 33, 60])
def test_strips_are_the_image(height, monkeypatch):
    x, plain, by_strip = channels_last(1, 3, height, 41), MTCNN().eval().pnet, by_rows(MTCNN().eval()).pnet
    monkeypatch.setattr(fast, "STRIP", 8 * 41 * 10)  # eight rows or fewer of ten channels
    strips = []
    by_strip.conv1[0].register_forward_hook(lambda layer, given, result: strips.append(result.shape[2]))
    with torch.inference_mode():
        for said, says in zip(plain(x), by_strip(x), strict=True):
            np.testing.assert_allclose(says, said, atol=1e-5)
    assert sum(strips) == height - 2
    assert max(strips) <= 8
    assert len(strips) > 1


@pytest.mark.parametrize("size", [1, 3, 8])
def test_a_block_by_products_is_the_block(size):
    block = InceptionResnetV1().block8.eval()
    by_product = by_products(copy.deepcopy(block))
    assert [name for name, layer in by_product.named_modules() if isinstance(layer, Pointwise)] == [
        name for name, layer in block.named_modules() if isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1)
    ]
    assert block.state_dict().keys() == by_product.state_dict().keys()
    x = torch.randn(4, 1792, size, size)
    for one in (block, by_product):
        one(x).square().mean().backward()
    torch.testing.assert_close(by_product(x), block(x), atol=1e-5, rtol=0)
    for name, weight in by_product.named_parameters():
        torch.testing.assert_close(weight.grad, block.get_parameter(name).grad, atol=1e-6, rtol=1e-3)


@pytest.mark.parametrize("other", [{"stride": 2}, {"groups": 2}, {"padding": 1}])
def test_what_is_no_plain_product_stays_a_convolution(other):
    layer = nn.Conv2d(4, 4, 1, **other)
    x = torch.randn(1, 4, 6, 6)
    expected = layer(x)
    torch.testing.assert_close(by_products(nn.Sequential(layer))(x), expected)


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
