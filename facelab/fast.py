"""What makes detection fast on a CPU: whole rows of pixels at once, as they lie in memory, and a core for each image.

And what makes training fast: convolutions of single pixels as the matrix products that they are.

Each of these gives what a plain line of torch gives, which its docstring names and the tests compare it with.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from facenet_pytorch import fixed_image_standardization
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from facenet_pytorch import MTCNN

# Numbers, of an image of any channels: on fewer, torch's own layers spend next to no time.
MANY = 2**17

# Numbers that P-Net's first layer makes at a time. So many stay near the processor, and the next ones take the same
# memory again, where memory that is new costs more than what is done with it.
STRIP = 2**21


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


def slide(
    network: nn.Module, images: torch.Tensor, threshold: float
) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]:
    """Slide P-Net over images, to see where it sees a face.

    This is `regression, probs = network(fixed_image_standardization(images))`, to rounding. But large images are taken
    strip by strip, so that what lies between the layers does not go to memory and back, and the regression is computed
    only where somebody will ask for it.

    Parameters
    ----------
    network : facenet_pytorch.models.mtcnn.PNet
    images : (n, 3, height, width) float32, 0 to 255
    threshold : float

    Returns
    -------
    scores : (n, h, w) float32
        The probability of a face in each window of 12×12 pixels: they lie two pixels apart.
    places : three of (k,) int64
        Image, row and column of what scores the threshold or more.
    regression : (k, 4) float32
        P-Net's regression there.
    """
    *layers, classifier, _, regressor = network.children()
    see = nn.Sequential(*layers)
    # The second of two numbers' softmax is the logistic function of their difference.
    weight, bias = classifier.weight.flatten(1).diff(dim=0), classifier.bias.diff()
    n, _, height, width = images.shape
    rows = (height - 9) // 2
    strips = -(-n * height * width * layers[0].out_channels // STRIP)
    step = -(-rows // strips)
    scores, places, regression = [], [], []
    for start in range(0, rows, step):
        strip = images[:, :, 2 * start : 2 * (start + step) + 10]
        seen = see(fixed_image_standardization(strip)).permute(0, 2, 3, 1)
        score = functional.linear(seen, weight, bias)[..., 0].sigmoid()
        image, row, column = (score >= threshold).nonzero(as_tuple=True)
        scores.append(score)
        places.append((image, row + start, column))
        regression.append(functional.linear(seen[image, row, column], regressor.weight.flatten(1), regressor.bias))
    places = tuple(torch.cat(each) for each in zip(*places, strict=True))
    return torch.cat(scores, dim=1), places, torch.cat(regression)


def by_rows(mtcnn: MTCNN) -> MTCNN:
    """Let the first layers of MTCNN's networks, which see most pixels, take whole rows of them; give the same MTCNN.

    torch's own layers go from pixel to pixel, and take a pixel's channels at once: of which there are ten in P-Net.
    """
    for network in (mtcnn.pnet, mtcnn.rnet, mtcnn.onet):
        network.prelu1.__class__, network.pool1.__class__ = RowPReLU, RowMaxPool2d
    return mtcnn.to(memory_format=torch.channels_last)  # the weights, which each call would turn so


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
