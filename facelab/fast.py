"""What makes detection fast on a CPU: whole rows of pixels at once, as they lie in memory, and a core for each image.

And what makes training fast: convolutions of single pixels as the matrix products that they are.

Each of these gives what a plain line of torch gives, which its docstring names and the tests compare it with.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from facenet_pytorch import MTCNN

# A window is cut out by matrix products up to this many pixels of its side times pixels of the square's. Beyond it,
# shrinking is faster.
SMALL_WINDOW = 5_000

# Numbers, of an image of any channels: on fewer, torch's own layers spend next to no time.
MANY = 2**17

# Numbers of an image that are worked on at a time: so many stay in the processor's cache, and the next ones take the
# same memory again, where memory that is new costs more than what is done with it.
STRIP = 2**19


@contextmanager
def a_thread_a_core() -> Iterator[Executor]:
    """Give as many threads as torch would use, in each of which it uses one; its own number is put back after."""
    threads = torch.get_num_threads()
    pool = ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)  # what a thread sets is what new ones begin with


def a_core_each(work: Callable, items: Iterable) -> Iterator:
    """Give `work(item)` of each item, in their order, done on as many items at a time as torch has threads.

    This is `map(work, items)`. There, all cores share each of the hundreds of small sums that an image takes, and wait
    for each other between them; here, each core has an image to itself.

    Parameters
    ----------
    work : callable
        Must bear to be called from several threads at once. What it raises is raised here, in its turn.
    items : iterable
        Is never more than two items a thread ahead of what has been given.
    """
    threads = torch.get_num_threads()
    if threads == 1:
        yield from map(work, items)
        return
    begun = deque()
    with a_thread_a_core() as pool:
        for item in items:
            begun.append(pool.submit(work, item))
            if len(begun) == 2 * threads:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()


def shrink(image: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Shrink an image by averaging: every pixel is the mean of the window that it covers, in whole or in part.

    This is `torch.nn.functional.interpolate(image, size, mode="area")`, to rounding. torch's own goes from window to
    window, and is the largest part of the time that MTCNN takes. But the mean of a window is the mean of the means of
    its rows, and `embedding_bag`, which was made to average rows of a table, averages whole rows of pixels at once:
    first down, and then, with the image turned over, across.

    Parameters
    ----------
    image : (1, c, height, width) float32
        With the channels last in memory.
    size : (int, int)
        Height and width to shrink to.

    Returns
    -------
    (1, c, *size) float32
        With the channels last in memory, as the CPU's convolutions want them.
    """
    _, channels, height, width = image.shape
    rows = image.permute(0, 2, 3, 1).reshape(height, -1)
    shrunk = image.new_empty(size[0], size[1] * channels)
    step = max(1, STRIP // (width * channels))
    for start in range(0, size[0], step):
        strip = shrunk[start : start + step]
        down = _average_rows(rows, size[0], start, start + step)
        across = _average_rows(down.t().reshape(width, -1), size[1])
        strip.copy_(across.view(-1, len(strip)).t())
    return shrunk.view(1, *size, channels).permute(0, 3, 1, 2)


def cut(image: torch.Tensor, windows: Sequence[Sequence[int]], side: int) -> torch.Tensor:
    """Cut windows out of an image and make each a square of one size: `shrink`, for many small windows.

    Of a small window the pixels are averaged by two matrix products, down and across, which take a fifth of the time
    for the smallest.

    Parameters
    ----------
    image : (1, c, height, width) float32
        With the channels last in memory.
    windows : n of (top, bottom, left, right)
        The first row and the one after the last, the first column and the one after the last.
    side : int
        Of the squares, in pixels.

    Returns
    -------
    (n, c, side, side) float32
        With the channels last in memory.
    """
    _, channels, height, _ = image.shape
    rows = image.permute(0, 2, 3, 1).reshape(height, -1)
    squares = image.new_empty(len(windows), side, side * channels)
    for square, (top, bottom, left, right) in zip(squares, windows, strict=True):
        if side * max(bottom - top, right - left) > SMALL_WINDOW:
            window = image[:, :, top:bottom, left:right]
            square.copy_(shrink(window, (side, side)).permute(0, 2, 3, 1).reshape(side, -1))
        else:
            down = (
                _shares(bottom - top, side, 1, image.device).t() @ rows[top:bottom, left * channels : right * channels]
            )
            torch.mm(down, _shares(right - left, side, channels, image.device), out=square)
    return squares.view(-1, side, side, channels).permute(0, 3, 1, 2)


def by_rows(mtcnn: MTCNN) -> MTCNN:
    """Let the first layers of MTCNN's networks, which see most pixels, take whole rows of them; give the same MTCNN.

    torch's own layers go from pixel to pixel, and take a pixel's channels at once: of which there are ten in P-Net. It
    also sees whole photos, and takes them strip by strip.
    """
    for network in (mtcnn.pnet, mtcnn.rnet, mtcnn.onet):
        network.prelu1.__class__, network.pool1.__class__ = RowPReLU, RowMaxPool2d
    first = mtcnn.pnet
    first.conv1, first.prelu1, first.pool1 = Strips(first.conv1, first.prelu1, first.pool1), *2 * [nn.Identity()]
    return mtcnn


class Strips(nn.Sequential):
    """P-Net's first layers, a convolution of 3×3, PReLU and a max-pooling of 2×2: a large image strip by strip.

    So what lies between them, ten channels of nearly the image's size, does not go to memory and back.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, _, height, width = x.shape
        rows = height - 2  # of the convolution
        count = -(-rows * width * self[0].out_channels // STRIP)
        step = 2 * -(-rows // (2 * count))  # in pairs, as the max-pooling takes them
        if n > 1 or rows <= step:
            return super().forward(x)
        strips = [x[:, :, start : start + step + 2] for start in range(0, rows, step)]
        return torch.cat([nn.Sequential.forward(self, strip) for strip in strips], dim=2)


class RowPReLU(nn.PReLU):
    """torch's PReLU, for images with the channels last in memory."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, channels, height, width = x.shape
        if x.numel() < MANY or channels % 16 == 0:  # sixteen channels fill a processor's registers
            return super().forward(x)
        rows = x.permute(0, 2, 3, 1).reshape(n * height, width * channels)
        return functional.prelu(rows, self.weight.repeat(width)).view(n, height, width, channels).permute(0, 3, 1, 2)


class RowMaxPool2d(nn.MaxPool2d):
    """torch's MaxPool2d with ceil_mode, for images with the channels last in memory: the largest down, then across."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, channels, height, width = x.shape
        if x.numel() < MANY:
            return super().forward(x)
        down = self._largest(x.permute(0, 2, 3, 1).reshape(n, height, -1))
        across = self._largest(down.view(-1, width, channels))
        return across.view(n, down.shape[1], -1, channels).permute(0, 3, 1, 2)

    def _largest(self, rows: torch.Tensor) -> torch.Tensor:
        """Of `kernel_size` rows each, `stride` apart: (n, length, …) → (n, fewer, …). The last may lack some."""
        count = -(-(rows.shape[1] - self.kernel_size) // self.stride) + 1
        first, second, *others = (rows[:, i :: self.stride][:, :count] for i in range(self.kernel_size))
        largest = rows.new_empty(first.shape)
        torch.maximum(first[:, : second.shape[1]], second, out=largest[:, : second.shape[1]])
        largest[:, second.shape[1] :] = first[:, second.shape[1] :]
        for other in others:
            part = largest[:, : other.shape[1]]
            torch.maximum(part, other, out=part)
        return largest


def by_products(network: nn.Module) -> nn.Module:
    """Let a network's 1×1 convolutions be matrix products; give the same network.

    Where images have become small, as in the last blocks of a FaceNet, oneDNN spends most of a training step on putting
    the new weights in the order that its convolutions like, and on their gradients. Without that, a step of the last
    block takes less than half of the time.
    """
    plain = {"kernel_size": (1, 1), "stride": (1, 1), "padding": (0, 0), "groups": 1}
    for layer in network.modules():
        if type(layer) is nn.Conv2d and all(getattr(layer, name) == value for name, value in plain.items()):
            layer.__class__ = Pointwise
    return network


class Pointwise(nn.Conv2d):
    """torch's Conv2d with a kernel of one pixel, which leaves none out and adds none at the edges."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        products = functional.linear(x.permute(0, 2, 3, 1), self.weight.flatten(1), self.bias)
        return products.permute(0, 3, 1, 2)


def _average_rows(table: torch.Tensor, count: int, start: int = 0, end: int | None = None) -> torch.Tensor:
    """Means of `count` windows that cover all rows of a table; of these, from start to before end."""
    rows, starts = _windows(len(table), count, start, min(end or count, count), table.device)
    return functional.embedding_bag(rows, table, starts, mode="mean")


@lru_cache(maxsize=1024)
def _shares(length: int, count: int, channels: int, device: torch.device) -> torch.Tensor:
    """How much of each of `length` pixels is in each of `count` means, (length · channels, count · channels)."""
    means = _average_rows(torch.eye(length, device=device), count)
    return torch.kron(means.t().contiguous(), torch.eye(channels, device=device))


@lru_cache(maxsize=1024)
def _windows(length: int, count: int, start: int, end: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Which of `length` rows some of `count` windows cover: all their numbers, and where each window's begin."""
    window = torch.arange(start, end)
    first, last = window * length // count, -(-(window + 1) * length // count)
    sizes = last - first
    starts = sizes.cumsum(0) - sizes
    rows = torch.arange(int(sizes.sum())) - torch.repeat_interleave(starts - first, sizes)
    return rows.to(device), starts.to(device)
