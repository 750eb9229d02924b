"""Shrink images by averaging, as MTCNN does: plainly, and three or four times as fast on a CPU.

Plainly, more than half of MTCNN's time on a large photo goes into this. It shrinks each photo to the dozen levels of
its pyramid, and windows of the photo, a hundred or so, to squares.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

# Pixels across, of what windows are cut out of: so less is summed that lies beside them.
TILE = 64

# Numbers that a strip of a shrunken image is made from. So many stay in the processor's cache, and the next strip takes
# the same memory again, where memory that is new costs more than what is done with it.
STRIP = 2**19

# Windows that are cut out at a time.
WINDOWS = 256

# The scale and the offset, in float32, that each row of torch's tables of bytes ends with.
AS_IT_IS = torch.tensor([1.0, 0.0]).view(torch.uint8)


class PlainAverages:
    """Images, to be shrunk whole or window by window: each pixel is the mean of those that it covers, if only in part.

    Parameters
    ----------
    images : (n, height, width, c) uint8
    """

    def __init__(self, images: torch.Tensor) -> None:
        self.n, self.height, self.width, self.channels = images.shape
        self.images = images.permute(0, 3, 1, 2).float()

    def shrink(self, size: tuple[int, int]) -> torch.Tensor:
        """Shrink all images to a height and a width: (n, c, *size) float32, 0 to 255."""
        return functional.interpolate(self.images, size, mode="area")

    def cut(self, which: np.ndarray, windows: np.ndarray, side: int) -> torch.Tensor:
        """Cut windows out and shrink each to a square.

        Parameters
        ----------
        which : (k,) int
            The image that each window lies in.
        windows : (k, 4) int
            The first row and the one after the last, the first column and the one after the last.
        side : int
            Of the squares, in pixels.

        Returns
        -------
        (k, c, side, side) float32, 0 to 255
        """
        squares = [self.images.new_empty(0, self.channels, side, side)]
        for image, (top, bottom, left, right) in zip(which, windows, strict=True):
            window = self.images[image, None, :, top:bottom, left:right]
            squares.append(functional.interpolate(window, (side, side), mode="area"))
        return torch.cat(squares)


class Averages(PlainAverages):
    """PlainAverages to rounding, on a CPU.

    torch goes from one pixel of the shrunken image to the next. But what a pixel covers can be summed down first and
    then averaged across, and `embedding_bag`, which was made to sum and to average rows of a table, does either to many
    pixels at once. Down, it takes them from a table of bytes, which is a quarter of what there would be to read of
    floats.

    What it gives has its channels last in memory, as the CPU's convolutions want them.
    """

    def __init__(self, images: torch.Tensor) -> None:
        self.n, self.height, self.width, self.channels = images.shape
        # The images lie one below the other: in whole rows of pixels, and in rows of tiles.
        self.rows = _bytes(images.reshape(self.n * self.height, -1))
        self.tiles_across = -(-self.width // TILE)
        padded = functional.pad(images, (0, 0, 0, self.tiles_across * TILE - self.width))
        self.tiles = _bytes(padded.view(-1, TILE * self.channels))

    def shrink(self, size: tuple[int, int]) -> torch.Tensor:
        rows, columns = size
        upper, lower = (edge + self.height * np.arange(self.n)[:, None] for edge in _windows(self.height, rows))
        upper, lower = upper.ravel(), lower.ravel()
        columns_covered = _ranges(*_windows(self.width, columns))
        shrunk = torch.empty(self.n * rows, columns * self.channels)
        step = max(1, STRIP // (self.width * self.channels))
        for start in range(0, len(shrunk), step):
            strip = slice(start, start + step)
            down = _sums(self.rows, *_ranges(upper[strip], lower[strip]))
            across = _means(down.t().reshape(self.width, -1), *columns_covered)
            shrunk[strip].copy_(across.view(-1, len(down)).t()).div_(_column(lower[strip] - upper[strip]))
        return shrunk.view(self.n, rows, columns, self.channels).permute(0, 3, 1, 2)

    def cut(self, which: np.ndarray, windows: np.ndarray, side: int) -> torch.Tensor:
        squares = torch.empty(len(windows), side, side, self.channels)
        for start in range(0, len(windows), WINDOWS):
            some = slice(start, start + WINDOWS)
            top, bottom, left, right = windows[some].T
            upper, lower = (edge + (top + self.height * which[some])[:, None] for edge in _windows(bottom - top, side))
            upper, lower = upper.ravel(), lower.ravel()
            before, after = (edge[:, None] for edge in _windows(right - left, side))
            # Down: each row of a square, in each of the tiles that its window touches.
            first, last = left // TILE, -(-right // TILE)
            tile, begins = _ranges(first.repeat(side), last.repeat(side))
            row = np.arange(len(upper)).repeat((last - first).repeat(side))
            picked, starts = _ranges(upper[row], lower[row])
            picked = self.tiles_across * picked + tile.repeat((lower - upper)[row])
            down = _sums(self.tiles, picked, starts).view(-1, self.channels)
            # Across: a row's tiles lie side by side now.
            begins = TILE * begins.reshape(-1, side, 1) + (left % TILE)[:, None, None]
            across = _means(down, *_ranges(begins + before, begins + after))
            torch.div(across.view(len(upper), -1), _column(lower - upper), out=squares[some].view(len(upper), -1))
        return squares.permute(0, 3, 1, 2)


def _bytes(rows: torch.Tensor) -> torch.Tensor:
    """Rows of bytes as torch's tables of bytes have them."""
    return torch.cat([rows, AS_IT_IS.expand(len(rows), -1)], dim=1)


def _sums(table: torch.Tensor, rows: np.ndarray, begins: np.ndarray) -> torch.Tensor:
    """Sums of rows of a table of bytes, of which each begins where the one before it ends: float32."""
    return torch.ops.quantized.embedding_bag_byte_rowwise_offsets(table, *map(torch.from_numpy, (rows, begins)))


def _means(table: torch.Tensor, rows: np.ndarray, begins: np.ndarray) -> torch.Tensor:
    """Means of rows of a table, of which each begins where the one before it ends."""
    return functional.embedding_bag(torch.from_numpy(rows), table, torch.from_numpy(begins), mode="mean")


def _ranges(first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All numbers from each first to before its last, range by range, and where each range begins among them."""
    first, last = np.ravel(first), np.ravel(last)
    ends = (last - first).cumsum()
    begins = ends - (last - first)
    return np.arange(ends[-1]) + (first - begins).repeat(last - first), begins


def _windows(length: int | np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Of each of the windows that cover a length, the first pixel and the one after the last: (..., count)."""
    length, window = np.expand_dims(length, -1), np.arange(count)
    return window * length // count, -(-(window + 1) * length // count)


def _column(numbers: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(numbers.astype(np.float32))[:, None]
