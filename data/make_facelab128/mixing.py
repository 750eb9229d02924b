"""How much of another face there is at each pixel of a mixed image.

Two ways, as in Beyer et al. 2022 (arXiv 2106.05237): blending (Zhang et al. 2017, arXiv 1710.09412) with a share drawn
evenly from 0 to 1, and setting in a rectangle (Yun et al. 2019, arXiv 1905.04899). The other face has been carried to
this one's landmarks, so that a blend has one pair of eyes: a face that nobody has.
"""

from __future__ import annotations

import torch

CUT, SHARE, LEFT, TOP, WIDTH, HEIGHT = range(6)


def share_of_partner(places: torch.Tensor, boxes: torch.Tensor, dice: torch.Tensor, cut: float) -> torch.Tensor:
    """Give the share of the other face at places in the own crop, 0 to 1: (n, 1, height, width).

    Parameters
    ----------
    places : (n, height, width, 2), in pixels of the own crop
    boxes : (n, 4)
        The own face's, in which the rectangle lies.
    dice : (n, 6 or more), 0 to 1
    cut : float
        Share of the images in which a rectangle is set in.
    """
    corner = boxes[:, None, None, :2]
    x, y = ((places - corner) / (boxes[:, None, None, 2:] - corner)).unbind(-1)
    die = dice[:, :, None, None].unbind(1)
    # sides from 0.3 to 0.9 of the box, anywhere in it
    width, height = 0.3 + 0.6 * die[WIDTH], 0.3 + 0.6 * die[HEIGHT]
    left, top = die[LEFT] * (1 - width), die[TOP] * (1 - height)
    inside = (left <= x) & (x < left + width) & (top <= y) & (y < top + height)
    return torch.where(die[CUT] < cut, inside.float(), die[SHARE].expand_as(x))[:, None]
