"""Losses: what should vectors of one person, and of two, be taught to do? (notebook 05).

Softmax sorts the training people into classes and throws the sorter away afterwards; batch-hard triplets pull photos of
one person together and push others away, directly (Hermans, Beyer and Leibe 2017, arXiv 1703.07737).
"""

from __future__ import annotations

from numbers import Integral

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike
from torch import nn

from facelab.checks import brief, checked_labels, checked_number

# Cosines lie between -1 and 1, for which softmax is nearly flat: scaled by this much, it can become sure of something.
SOFTMAX_SCALE = 16.0


class SoftmaxHead(nn.Module):
    """A classifier of the training people on top of the vectors, to learn with and then to be thrown away.

    The score of a person is the cosine between a photo's vector and a vector of theirs, times `SOFTMAX_SCALE` (after
    Wang et al. 2017, "NormFace", arXiv 1704.06369). At the start theirs is the mean of their photos' vectors, so that
    the first steps do not tear down what the network knows to suit a random classifier (Kumar et al. 2022, arXiv
    2202.10054, show that they do).

    Parameters
    ----------
    vectors : (n, d) float32 torch.Tensor
        The training photos' vectors before training.
    labels : (n,) int64 torch.Tensor
        Who is on each, counted from 0.

    Raises
    ------
    ValueError
        If there is only one person.
    """

    def __init__(self, vectors: torch.Tensor, labels: torch.Tensor) -> None:
        super().__init__()
        people = len(labels.unique())
        if people < 2:
            raise ValueError("There is only one person to train on: a classifier needs two at the very least.")
        means = torch.stack([vectors[labels == person].mean(dim=0) for person in range(people)])
        self.weight = nn.Parameter(F.normalize(means, dim=1))

    def forward(self, vectors: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Give the mean cross-entropy of a batch."""
        cosines = vectors @ F.normalize(self.weight, dim=1).T
        return F.cross_entropy(SOFTMAX_SCALE * cosines, labels)


def triplet_loss(vectors: torch.Tensor, labels: torch.Tensor, margin: float | str = 0.2) -> torch.Tensor:
    """Batch-hard triplet loss: each photo against its farthest photo of the same person and its nearest of another.

    Parameters
    ----------
    vectors : (n, d) float32 torch.Tensor
        Of unit length, as they will be compared, so that distances go up to 2.
    labels : (n,) torch.Tensor
    margin : float or "soft"
        By how much the other person must be farther away before a photo is content: max(0, margin + d⁺ - d⁻); or the
        soft margin, ln(1 + exp(d⁺ - d⁻)), which is never quite content (section 2 of the paper). Distances are not
        squared.

    Returns
    -------
    () float32 torch.Tensor
        The mean over the photos of the batch.

    Raises
    ------
    ValueError
        As `hardest_pairs`; if the margin is another text or negative.
    """
    complaint = f"The margin is {brief(margin)}, but must be a distance, such as 0.2, or 'soft'."
    if not (isinstance(margin, str) and margin == "soft") and not checked_number(margin, complaint) >= 0:
        raise ValueError(complaint)
    positive, negative = hardest_pairs(vectors, labels)
    gap = positive - negative
    return (F.softplus(gap) if margin == "soft" else F.relu(gap + margin)).mean()


def hardest_pairs(vectors: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Distances of each photo to its farthest photo of the same person and to its nearest of another: (n,) each.

    Raises ValueError if the two are no tensors or do not fit, the batch is of one person, or someone in it has one
    photo only.
    """
    if not (torch.is_tensor(vectors) and vectors.ndim == 2 and torch.is_tensor(labels) and labels.ndim == 1):
        raise ValueError("A batch is two torch tensors: vectors, (n, d), and labels, (n,), one for each.")
    if vectors.dtype not in (torch.float32, torch.float64) or vectors.layout is not torch.strided:
        raise ValueError(f"The vectors are {vectors.dtype} ({vectors.layout}), but distances want dense float32 ones.")
    if len(vectors) != len(labels):
        raise ValueError(f"There are {len(vectors)} vectors and {len(labels)} labels: give one for each.")
    same = labels[:, None] == labels[None]
    if bool(same.all()):
        raise ValueError("There is only one person in the batch: a triplet needs somebody else.")
    if int(same.sum(dim=1).min()) < 2:
        raise ValueError("Somebody in the batch has one photo only: a triplet needs two of one person.")
    # Not through the product of matrices, which is imprecise where vectors lie close; a distance of 0 has gradient 0.
    distances = torch.cdist(vectors, vectors, compute_mode="donot_use_mm_for_euclid_dist")
    # A photo's distance to itself, 0, is never the farthest, unless all its person's photos are one.
    positive = distances.masked_fill(~same, -torch.inf).amax(dim=1)
    negative = distances.masked_fill(same, torch.inf).amin(dim=1)
    return positive, negative


def pk_batches(people: ArrayLike, people_each: int, photos_each: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Draw an epoch's batches of P people with K photos each (the "PK" batches of Hermans et al., section 2).

    At random, a batch of 30 of 1,000 people would hold hardly two photos of one person. Here each batch draws P people
    and then K photos of each, with repetition only where someone has fewer. People with one photo are left out.

    Parameters
    ----------
    people : (n,) of any labels
    people_each, photos_each : int
        P and K.
    rng : numpy.random.Generator

    Returns
    -------
    list of (P · K,) int arrays
        Row numbers; as many batches as it takes to draw as many photos as there are.

    Raises
    ------
    ValueError
        If P or K is below 2, a label is missing, everybody has one photo only, or fewer than P people have two.
    """
    counts = (people_each, photos_each)
    if not all(isinstance(count, Integral) and count >= 2 for count in counts):
        raise ValueError(f"Batches of {people_each} people with {photos_each} photos hold no triplets: 2 of each do.")
    people = checked_labels(people)
    rows_of = [np.flatnonzero(people == person) for person in np.unique(people)]
    rows_of = [rows for rows in rows_of if len(rows) >= 2]
    if not rows_of:
        raise ValueError("Everybody has one photo only: a triplet needs two of one person, and a third of another.")
    if len(rows_of) < people_each:
        raise ValueError(
            f"Batches of {people_each} people are asked for, but only {len(rows_of)} have two photos or more."
        )
    batches = []
    for _ in range(-(-sum(map(len, rows_of)) // (people_each * photos_each))):
        drawn = [rows_of[i] for i in rng.choice(len(rows_of), people_each, replace=False)]
        chosen = [rng.choice(rows, photos_each, replace=len(rows) < photos_each) for rows in drawn]
        batches.append(np.concatenate(chosen))
    return batches
