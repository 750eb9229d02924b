"""What is fast is what is plain: rows of pixels and strips beside torch's layers, a core for each beside map."""

import copy
import threading

import numpy as np
import pytest
import torch
from facenet_pytorch import MTCNN, InceptionResnetV1, fixed_image_standardization
from torch import nn

from facelab import fast
from facelab.fast import Pointwise, RowMaxPool2d, RowPReLU, a_core_each, by_products, by_rows, slide


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
    assert plain.state_dict().keys() == by_row.state_dict().keys()
    with torch.inference_mode():
        for said, says in zip(plain(x), by_row(x), strict=True):
            np.testing.assert_allclose(says, said, atol=1e-5)


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("height", [12, 13, 14, 30, 31, 32, 33, 60])
def test_sliding_is_what_p_net_says(n, height, monkeypatch):
    network, images = MTCNN().eval().pnet, channels_last(n, 3, height, 41).abs() * 128
    with torch.inference_mode():
        regression, probs = network(fixed_image_standardization(images))
    ranked = probs[:, 1].flatten().sort().values
    gap = ranked.diff()[len(ranked) // 3 :].argmax() + len(ranked) // 3
    threshold = ranked[gap : gap + 2].mean()  # which no rounding reaches
    monkeypatch.setattr(fast, "STRIP", n * 41 * 10 * 20)
    strips = []
    network.conv3.register_forward_hook(lambda layer, given, result: strips.append(result.shape[2]))
    with torch.inference_mode():
        scores, places, moves = slide(network, images, threshold)
    assert sum(strips) == scores.shape[1] == (height - 9) // 2
    assert len(strips) == -(-height // 20)
    torch.testing.assert_close(scores, probs[:, 1], atol=1e-6, rtol=0)
    above = (probs[:, 1] >= threshold).nonzero()
    assert len(above) == len(ranked) - gap - 1
    assert sorted(zip(*(place.tolist() for place in places), strict=True)) == [*map(tuple, above.tolist())]
    torch.testing.assert_close(moves, regression.permute(0, 2, 3, 1)[places], atol=1e-5, rtol=0)


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
