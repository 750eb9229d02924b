"""How far the student's vectors are from the teacher's: one by one, and in how they lie to each other.

The relations are those of Park et al. 2019, "Relational knowledge distillation" (arXiv 1904.05068), equations 5 to 9,
and the Gram matrix, which is what the first run used. All vectors are (n, 128) float32 of unit length.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from settings import Settings


@dataclass
class Loss:
    """A step's loss, and the two parts of it that the log shows."""

    total: torch.Tensor
    vector: torch.Tensor
    relation: torch.Tensor


def loss_of(student: torch.Tensor, teacher: torch.Tensor, settings: Settings) -> Loss:
    """Weigh the losses as the settings say; what has no weight is not computed."""
    vector = vector_loss(student, teacher)
    weighed = [(settings.gram, gram_loss), (settings.distance, distance_loss), (settings.angle, angle_loss)]
    relation = sum((weight * loss(student, teacher) for weight, loss in weighed if weight), torch.zeros_like(vector))
    return Loss(settings.vector * vector + relation, vector, relation)


def vector_loss(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """One minus the cosine, which is half the squared distance; the mean over the batch."""
    return (1 - (student * teacher).sum(1)).mean()


def gram_loss(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Squared difference between the cosines within the batch; the mean over all pairs."""
    return (student @ student.T - teacher @ teacher.T).square().mean()


def distance_loss(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Huber loss between distances, each in units of its network's mean distance (equations 5 to 7)."""
    return F.smooth_l1_loss(*(_relative_distances(vectors) for vectors in (student, teacher)))


def angle_loss(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Huber loss between the cosines of the angles that each two vectors make, seen from a third (equations 8, 9)."""
    return F.smooth_l1_loss(*(_angles(vectors) for vectors in (student, teacher)))


def _relative_distances(vectors: torch.Tensor) -> torch.Tensor:
    one, other = torch.triu_indices(len(vectors), len(vectors), 1, device=vectors.device)
    # of pairs of different vectors alone: the gradient of a distance of 0 is not a number
    distances = (vectors[one] - vectors[other]).square().sum(1).clamp(min=1e-12).sqrt()
    return distances / distances.mean()


def _angles(vectors: torch.Tensor) -> torch.Tensor:
    """(n, n, n): at [j, i, k] the cosine of the angle at j between the directions to i and k."""
    directions = F.normalize(vectors[None] - vectors[:, None], dim=2)
    return directions @ directions.mT
