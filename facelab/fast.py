"""What makes detection fast on a CPU: averaging pixels as they lie in memory, and a core for each image."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache

import torch
from torch.nn import functional


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
    down = _average_rows(image.permute(0, 2, 3, 1).reshape(height, -1), size[0])
    turned = down.view(size[0], width, channels).transpose(0, 1).reshape(width, -1)
    across = _average_rows(turned, size[1]).view(1, size[1], size[0], channels)
    return across.transpose(1, 2).contiguous().permute(0, 3, 1, 2)


def _average_rows(table: torch.Tensor, count: int) -> torch.Tensor:
    rows, starts = _windows(len(table), count, table.device)
    return functional.embedding_bag(rows, table, starts, mode="mean")


@lru_cache(maxsize=256)
def _windows(length: int, count: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Which of `length` rows each of `count` windows covers: all their numbers, and where each window's begin."""
    window = torch.arange(count)
    first, last = window * length // count, -(-(window + 1) * length // count)
    sizes = last - first
    starts = sizes.cumsum(0) - sizes
    rows = torch.arange(int(sizes.sum())) - torch.repeat_interleave(starts - first, sizes)
    return rows.to(device), starts.to(device)
