"""What happens when, by the steps or the seconds done: a schedule does not know how its stretches fall."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from settings import Settings


def steps_in_a_pass(crops: int, settings: Settings) -> int:
    """Give how many whole batches the crops that are trained on make."""
    if crops < settings.batch:
        raise ValueError(f"batch is {settings.batch}, but there are {crops} crops to train on: give a smaller batch.")
    return crops // settings.batch


def total_steps(crops: int, settings: Settings) -> int:
    return max(1, round(settings.passes * steps_in_a_pass(crops, settings)))


def done_at(step: int, seconds: float, crops: int, settings: Settings) -> float:
    """Give the share of the schedule that is done, 0 to 1: of its steps, or of its time where it goes by the clock."""
    done = seconds / 3600 / settings.clock if settings.clock else step / total_steps(crops, settings)
    return min(1.0, done)


def rate_at(step: int, done: float, crops: int, settings: Settings) -> float:
    """Give the learning rate of a step: a line up, then a cosine down (Loshchilov & Hutter 2017, arXiv 1608.03983)."""
    up = settings.warm_up * steps_in_a_pass(crops, settings)
    down = settings.last_rate + (1 - settings.last_rate) * 0.5 * (1 + math.cos(math.pi * done))
    return settings.rate * down * min(1.0, (step + 1) / max(1.0, up))


def size_at(done: float, settings: Settings) -> int:
    """Give the side of a step's views, in pixels."""
    return next((size for until, size in settings.resolutions() if done < until), settings.resolutions()[-1][1])


def rows_at(step: int, train: torch.Tensor, settings: Settings) -> torch.Tensor:
    """Give the crops of a step: each pass has an order of its own, drawn from the seed and the pass's number."""
    in_a_pass = steps_in_a_pass(len(train), settings)
    this_pass, position = divmod(step, in_a_pass)
    order = _order(settings.seed, this_pass, len(train))
    return train[order[position * settings.batch : (position + 1) * settings.batch]]


@lru_cache(maxsize=2)
def _order(seed: int, this_pass: int, count: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng([seed, 1, this_pass]).permutation(count))
