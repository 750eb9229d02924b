"""Judges of the exercises in notebook 05."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import nn

from facelab.exercises import NO_FUNCTION, called, exercise
from facelab.losses import hardest_pairs, triplet_loss
from facelab.verification import equal_error_rate


@exercise("05.1", "Right. A loss that rests just at its margin is the mark of a collapse. It looks like convergence.")
def collapsed(answer) -> str | None:
    try:
        found = np.asarray(answer, float)
    except (TypeError, ValueError):
        found = np.empty(0)
    if found.shape != (3,) or not np.isfinite(found).all():
        return "Give three numbers: the loss with a margin of 0.2, the loss with the soft margin, and the EER."
    vectors, labels = torch.ones(8, 4) / 2, torch.arange(8) // 2
    hinge, soft = (float(triplet_loss(vectors, labels, margin)) for margin in (0.2, "soft"))
    expected = hinge, soft, equal_error_rate(np.zeros(4), np.zeros(24))[0]
    hints = (
        "the loss with a margin of 0.2. Both distances are 0 then: put them into the formula",
        "the loss with the soft margin. What is ln(1 + exp(0))",
        "the equal error rate. If all distances are equal, a threshold accepts all pairs or none",
    )
    for value, right, hint in zip(found, expected, hints, strict=True):
        if abs(value - right) > 0.006:
            return f"{value:g} is not {hint}{'?' if 'What' in hint else '.'}"
    return None


@exercise("05.2", "Right: the hardest of both kinds for each photo, as `facelab.losses.hardest_pairs` finds them.")
def hardest(answer) -> str | None:
    rng = np.random.default_rng(0)
    for labels in ("aabb", "abcabcabc", "aaabbbbcc"):
        people = np.array(list(labels))
        vectors = rng.normal(size=(len(people), 5))
        distances = np.linalg.norm(vectors[:, None] - vectors, axis=2)
        codes = torch.from_numpy(np.unique(people, return_inverse=True)[1])
        expected = [part.numpy() for part in hardest_pairs(torch.from_numpy(vectors), codes)]
        given = distances.copy()
        found = called(answer, given, people.copy())
        if not isinstance(found, (tuple, list, np.ndarray)) or len(found) != 2:
            return "Give back two things: the farthest own and the nearest other distance of every photo."
        if not np.array_equal(given, distances):
            return "Your function changed the matrix it was given: work on a copy, or use np.where."
        kinds = ("farthest photo of the same person", "nearest photo of another")
        for kind, values, right in zip(kinds, found, expected, strict=True):
            if np.shape(values) != right.shape:
                return f"Of the {kind}, {len(people)} distances are wanted; yours have shape {np.shape(values)}."
            wrong = np.flatnonzero(~np.isclose(np.asarray(values, float), right))
            if len(wrong):
                row = wrong[0]
                return (
                    f"With people {labels}, the {kind} is {right[row]:.3f} away from photo {row}, but your function "
                    f"says {float(values[row]):.3f}."
                )
    return None


@exercise("05.3", "Right: whoever is judged was never learned on, and nobody's photos are lost.")
def divided(answer) -> str | None:
    for names, photos, share in ((10, 6, 0.3), (8, 12, 0.25), (20, 2, 0.5)):
        people = np.array([f"person {k % names}" for k in range(names * photos)])
        sides = []
        for seed in (0, 0, 1, 2, 3):
            found = called(answer, people.copy(), share, seed)
            if not isinstance(found, (tuple, list)) or len(found) != 2:
                return "Give back two arrays of row numbers: those to learn on, and those to judge by."
            learned, judged = (np.asarray(side) for side in found)
            if any(side.ndim != 1 or side.dtype.kind not in "iu" for side in (learned, judged)):
                return "Both sides are lists of row numbers, such as np.flatnonzero gives for a mask."
            if not np.array_equal(np.sort(np.r_[learned, judged]), np.arange(len(people))):
                return f"All {len(people)} photos go to one side, once; yours have {len(learned)} and {len(judged)}."
            if both := np.intersect1d(people[learned], people[judged]).size:
                return f"Of {names} people with {photos} photos each, {both} are on both sides: that is the leak."
            if abs((count := len(np.unique(people[judged]))) - share * names) > 1:
                return f"Of {names} people a share of {share} should be judged, but with yours it is {count} people."
            sides.append(tuple(np.sort(judged)))
        if sides[0] != sides[1]:
            return "The same seed gave two different divisions: nobody could repeat your result."
        if len(set(sides)) == 1:
            return "Every seed gives the same division: who is judged should be drawn by lot."
    return None


class _Small(nn.Module):
    """A network with batch normalisation on two levels, and dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5))
        self.last_linear = nn.Linear(4, 6, bias=False)
        self.last_bn = nn.BatchNorm1d(6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last_bn(self.last_linear(self.block(x).mean(dim=(2, 3))))


@exercise("05.4", "Right: dropout is on, weights learn, and no statistics move.")
def train_mode(answer) -> str | None:
    if not callable(answer):
        return NO_FUNCTION
    network = _Small().eval()
    before = copy.deepcopy(network.state_dict())
    answer(network)
    if any(not torch.equal(value, before[key]) for key, value in network.state_dict().items()):
        return "Your function changed weights: it should only switch modes."
    norms = [network.block[1], network.last_bn]
    if not network.block[3].training:
        return "After your function, dropout is off: it is for training, and should be on."
    on = [norm for norm in norms if norm.training]
    if len(on) == 2:
        return "After your function, batch normalisation takes its statistics from the batch, as `train()` wants it."
    if on:
        return (
            f"One batch normalisation is still in train mode ({type(on[0]).__name__}): there are more kinds of it than "
            "one, and not all lie on the top level."
        )
    if not all(parameter.requires_grad for parameter in network.parameters()):
        return "After your function, some weights cannot learn any more: only the statistics were to be left alone."
    with torch.no_grad():
        network(torch.rand(8, 3, 2, 2))
    if any(not torch.equal(value, before[key]) for key, value in network.state_dict().items()):
        return "A batch went through, and the running statistics moved."
    return None


@exercise("05.5", "Right: what comes back is the best epoch's, and what is paid for is every epoch up to the stop.")
def stopped(answer) -> str | None:
    cases = (
        ([0.30, 0.20, 0.15, 0.16, 0.17, 0.10], 2),
        ([0.30, 0.20, 0.25, 0.15, 0.16, 0.14, 0.13], 2),
        ([0.30, 0.20, 0.20, 0.20, 0.20, 0.19], 3),
        ([0.20, 0.30, 0.31, 0.29], 2),
        ([0.30, 0.25, 0.20], 5),
    )
    for rates, patience in cases:
        found = called(answer, list(rates), patience)
        if np.shape(found) != (2,):
            return f"Give back two epochs, the best and the last; yours has shape {np.shape(found)}."
        expected = _stopped(rates, patience)
        if tuple(found) != expected:
            return (
                f"With the rates {rates} and a patience of {patience}, the best epoch is {expected[0]} and the last "
                f"{expected[1]}, but your function says {found[0]} and {found[1]}."
            )
    return None


def _stopped(rates: list[float], patience: int) -> tuple[int, int]:
    """Every epoch that could be the last: the first at which none of the last `patience` was a new record."""
    records = [k for k, rate in enumerate(rates) if k == 0 or rate < min(rates[:k])]
    for last in range(len(rates)):
        if not any(last - patience < record <= last for record in records):
            return max(record for record in records if record <= last), last
    return records[-1], len(rates) - 1
