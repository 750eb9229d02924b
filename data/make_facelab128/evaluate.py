"""How near the student is to the teacher on crops that were held out: it says how training goes, and chooses nothing.

Whether the student tells people apart is for `tests/benchmarks/verification.py` to say.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from crops import Crops
from torch import nn
from views import plain_views

BATCH = 64


@dataclass
class Agreement:
    """What `agreement` measures.

    Attributes
    ----------
    cosine : float
        Mean cosine between the student's vectors and the teacher's answers.
    correlation : float
        Pearson's, between the cosines of all pairs as the student and as the teacher have them.
    """

    cosine: float
    correlation: float


@torch.no_grad()
def agreement(network: nn.Module, crops: Crops, rows: torch.Tensor, answers: torch.Tensor, size: int) -> Agreement:
    """Compare a network in eval mode with the teacher's answers, on plain crops of this size."""
    vectors = torch.cat([network(plain_views(crops, part, size)) for part in rows.split(BATCH)])
    answers = answers[rows]
    one, other = torch.triu_indices(len(rows), len(rows), 1, device=rows.device)
    pairs = torch.stack([(vectors @ vectors.T)[one, other], (answers @ answers.T)[one, other]])
    return Agreement((vectors * answers).sum(1).mean().item(), torch.corrcoef(pairs)[0, 1].item())
