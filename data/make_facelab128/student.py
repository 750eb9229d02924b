"""The student: facenet-pytorch's InceptionResnetV1 with a last layer of 128, and nothing else changed.

Its state dict is the original's, so that `facelab.load_checkpoint` reads what is trained here.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from facenet_pytorch import InceptionResnetV1
from torch import nn

from facelab.fast import by_products


class Student(InceptionResnetV1):
    """InceptionResnetV1 with 128 numbers; convolutions in `precision`, what follows the last of them in float32.

    Dropout is off: a student that is told each view's answer does not over-fit as a classifier does (Beyer et al. 2022
    train without), and views alone decide what a step computes.
    """

    def __init__(self, dimension: int = 128, precision: torch.dtype = torch.float32):
        super().__init__(dropout_prob=0.0)
        self.last_linear = nn.Linear(1792, dimension, bias=False)
        self.last_bn = nn.BatchNorm1d(dimension, eps=1e-3, momentum=0.1, affine=False)
        self.precision = precision

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Embed standardised crops: (n, 3, size, size) → (n, 128) float32 of unit length."""
        with torch.autocast(x.device.type, self.precision, enabled=self.precision != torch.float32):
            for layer in self.trunk():
                x = layer(x)
        x = self.last_linear(self.avgpool_1a(x.float()).flatten(1))
        return F.normalize(self.last_bn(x), dim=1)

    def trunk(self) -> list[nn.Module]:
        """Give the layers up to the last convolution, in the order of the original's forward."""
        first = [self.conv2d_1a, self.conv2d_2a, self.conv2d_2b, self.maxpool_3a, self.conv2d_3b, self.conv2d_4a]
        blocks = [self.repeat_1, self.mixed_6a, self.repeat_2, self.mixed_7a, self.repeat_3, self.block8]
        return [*first, self.conv2d_4b, *blocks]


def new_student(device: torch.device, precision: torch.dtype, start: Path | None = None) -> Student:
    """Make a student, of random weights or of those in a file that `facelab.load_checkpoint` reads.

    Raises
    ------
    FileNotFoundError, ValueError
        The file is missing, or holds another network.
    """
    student = Student(precision=precision)
    if start is not None:
        from facelab.checkpoints import load_checkpoint  # here, because only this needs all of facelab's requirements

        checkpoint = load_checkpoint(start)
        state = checkpoint.network.state_dict()
        if checkpoint.dimension != 128 or "last_bn.weight" in state:
            raise ValueError(
                f"{start} gives {checkpoint.dimension} numbers and not the student's 128, or scales them: start from "
                "weights of facelab128."
            )
        student.load_state_dict(state)
    if device.type == "cpu":
        by_products(student)
    return student.to(device, memory_format=torch.channels_last)


def precision_on(device: torch.device, name: str) -> torch.dtype:
    """Give a precision by its name; `auto` is bfloat16 where the processor computes in it."""
    if name != "auto":
        return getattr(torch, name)
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    if device.type == "cpu" and torch.cpu._is_avx512_bf16_supported():
        return torch.bfloat16
    return torch.float32
