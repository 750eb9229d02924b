"""The average of the weights along the way, which is what is shipped: it is better than where training stands."""

from __future__ import annotations

from settings import Settings
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


def averaged(network: nn.Module, steps_in_a_pass: int, settings: Settings) -> AveragedModel:
    """Make torch's exponential moving average, of batch normalisation's statistics too (Polyak & Juditsky 1992).

    A step's weights lose half their share in `settings.half_life` passes, whatever the batch.
    """
    decay = 0.5 ** (1 / max(1.0, settings.half_life * steps_in_a_pass))
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)
    return average.eval().requires_grad_(False)
