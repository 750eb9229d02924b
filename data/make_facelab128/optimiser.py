"""What moves the weights: Muon for the convolutions' kernels, AdamW for the rest; or AdamW for all.

Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon; scaled as in Liu et al. 2025, arXiv 2502.16982)
takes the momentum of a matrix and makes it orthogonal, so that a step moves all directions alike and not only the few
that the gradient is full of. torch.optim.Muon takes matrices alone and one after the other; here a kernel is the matrix
of its output channels, and all of one shape are done at once.
"""

from __future__ import annotations

import torch
from settings import Settings
from torch import nn

# The iteration of torch.optim.Muon: x → a x + (b x xᵀ + c (x xᵀ)²) x brings singular values near 1 in five rounds.
A, B, C, ROUNDS = 3.4445, -4.775, 2.0315, 5
MOMENTUM = 0.95


class Muon(torch.optim.Optimizer):
    """Momentum steps of kernels (out, …), each made orthogonal; a step is about as large as one of AdamW's.

    Parameters
    ----------
    kernels : list of nn.Parameter
        Of two dimensions or more.
    decay : float
        Weight decay, apart from the gradient (as in AdamW).
    precision : torch.dtype
        In which directions are made orthogonal. bfloat16 is precise enough, as in torch.optim.Muon, but on a processor
        that does not compute in it, a step takes half a minute and not a second.
    """

    def __init__(self, kernels: list[nn.Parameter], decay: float, precision: torch.dtype = torch.bfloat16) -> None:
        super().__init__(kernels, {"lr": 0.0, "weight_decay": decay})
        self.precision = precision

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            alike: dict[torch.Size, list[nn.Parameter]] = {}
            for kernel in group["params"]:
                alike.setdefault(kernel.shape, []).append(kernel)
            for kernels in alike.values():
                self._move(kernels, group["lr"], group["weight_decay"])

    def _move(self, kernels: list[nn.Parameter], rate: float, decay: float) -> None:
        directions = []
        for kernel in kernels:
            momentum = self.state[kernel].setdefault("momentum", torch.zeros_like(kernel))
            momentum.lerp_(kernel.grad, 1 - MOMENTUM)
            directions.append(kernel.grad.lerp(momentum, MOMENTUM).flatten(1))  # Nesterov's look ahead
        directions = orthogonal(torch.stack(directions), self.precision)
        size = rate * 0.2 * max(directions.shape[1:]) ** 0.5
        for kernel, direction in zip(kernels, directions, strict=True):
            kernel.mul_(1 - rate * decay).sub_(direction.view_as(kernel), alpha=size)


def orthogonal(matrices: torch.Tensor, precision: torch.dtype = torch.bfloat16) -> torch.Tensor:
    """Bring the singular values of matrices (n, rows, columns) near 1, computing in this precision."""
    wide = matrices if matrices.shape[1] <= matrices.shape[2] else matrices.mT
    x = wide.to(precision)
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    for _ in range(ROUNDS):
        square = x @ x.mT
        x = A * x + (B * square + C * square @ square) @ x
    return (x if wide is matrices else x.mT).to(matrices.dtype)


class Optimisers:
    """All that moves a network's weights, as one optimiser.

    Parameters
    ----------
    network : nn.Module
    settings : Settings
    """

    def __init__(self, network: nn.Module, settings: Settings) -> None:
        values = list(network.parameters())
        kernels = [value for value in values if value.ndim == 4] if settings.optimiser == "muon" else []
        rest = [value for value in values if value.ndim < 4 or not kernels]
        groups = [  # biases and batch normalisation are spared the weight decay
            {"params": [value for value in rest if value.ndim > 1], "weight_decay": settings.decay},
            {"params": [value for value in rest if value.ndim <= 1], "weight_decay": 0.0},
        ]
        self.parts: list[torch.optim.Optimizer] = [torch.optim.AdamW(groups, lr=0.0, fused=True)]
        if kernels:
            precision = torch.float32 if settings.precision == "float32" else torch.bfloat16
            self.parts.append(Muon(kernels, settings.decay, precision))

    def step(self, rate: float, scaler: torch.amp.GradScaler) -> None:
        """Move the weights by the gradients that they have, at this learning rate."""
        for part in self.parts:
            for group in part.param_groups:
                group["lr"] = rate
            scaler.step(part)
        scaler.update()

    def zero_grad(self) -> None:
        for part in self.parts:
            part.zero_grad()

    def state_dict(self) -> list[dict]:
        return [part.state_dict() for part in self.parts]

    def load_state_dict(self, states: list[dict]) -> None:
        for part, state in zip(self.parts, states, strict=True):
            part.load_state_dict(state)
