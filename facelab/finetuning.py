"""Fine-tuning: teach the network's tail a new domain, and stop before it learns its people by heart (notebook 05)."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors import safe_open

from facelab.checkpoints import load_checkpoint, save_compact
from facelab.checks import checked_path
from facelab.distance import pairwise_distances, split_pairs
from facelab.embedding import FaceEmbedder
from facelab.losses import SoftmaxHead, pk_batches, triplet_loss
from facelab.progress import progress_bar
from facelab.splits import check_disjoint
from facelab.trunk import Features, Tail, check_alike
from facelab.verification import equal_error_rate

LOSSES = ("softmax", "triplets")

# Photos of a set by which an epoch is judged, lest millions of pairs take longer than the training.
MOST_JUDGED = 1500


@dataclass(frozen=True)
class Settings:
    """How to train; saved with the weights.

    Attributes
    ----------
    loss : "softmax" or "triplets"
    learning_rate, weight_decay : float
        Of AdamW.
    epochs : int
        At most so many.
    patience : int
        Stop after so many epochs without a lower equal error rate on the validation people.
    people_each, photos_each : int
        A batch holds people_each · photos_each photos: for triplets of so many people with so many photos, else any.
    margin : float or "soft"
        Of the triplet loss.
    dropout : float
        Share of the numbers before the last layer that a training step leaves out.
    adapt_statistics : bool
        Whether batch normalisation learns new statistics; `Tail` says why not.
    seed : int
    """

    loss: str = "softmax"
    learning_rate: float = 3e-4
    weight_decay: float = 1e-2
    epochs: int = 30
    patience: int = 10
    people_each: int = 7
    photos_each: int = 4
    margin: float | str = "soft"
    dropout: float = 0.0
    adapt_statistics: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise ValueError(f"The loss is {self.loss!r}, but must be one of {', '.join(LOSSES)}.")
        if not self.learning_rate > 0 or not self.weight_decay >= 0 or not 0 <= self.dropout < 1:
            raise ValueError(
                f"A learning rate of {self.learning_rate}, weight decay of {self.weight_decay} and dropout of "
                f"{self.dropout} cannot be: they start above 0, at 0 and at 0, and dropout ends below 1."
            )
        counts = (self.epochs, self.patience, self.people_each, self.photos_each)
        if not all(isinstance(count, int) and count >= 1 for count in counts):
            raise ValueError("epochs, patience, people_each and photos_each are whole numbers from 1.")


@dataclass(frozen=True, eq=False)  # tensors and tables have no single answer to "equal?"
class Training:
    """What came out of it.

    Attributes
    ----------
    tail : Tail
        With the weights of the best epoch, in eval mode.
    history : pandas.DataFrame
        A row per epoch, from 0, before the first: `loss` (NaN there), `training_eer` and `validation_eer`, and
        `NAME_eer` of each watched set. Of a set of more than `MOST_JUDGED` photos, some people are judged.
    best_epoch : int
        Where validation_eer is lowest for the first time; 0 if training never helped.
    settings : Settings
    """

    tail: Tail
    history: pd.DataFrame
    best_epoch: int
    settings: Settings


def fine_tune(
    tail: Tail,
    training: Features,
    validation: Features,
    settings: Settings | None = None,
    *,
    watched: Mapping[str, Features] | None = None,
    progress: bool = True,
) -> Training:
    """Train a copy of the tail, with AdamW and early stopping.

    On a CPU, with as many threads, the same settings give the same weights to the bit.

    Parameters
    ----------
    tail : Tail
        Where to start; it is not changed. It learns on the device on which it is.
    training, validation : Features
        Of people to learn on, and of others by whom to stop.
    settings : Settings, optional
    watched : {name: Features}, optional
        Other sets whose equal error rate the history should follow, such as one of the old domain (what is forgotten?).
        They have no influence.
    progress : bool

    Raises
    ------
    ValueError
        If a person is in training and validation, there is only one person or one photo each, features are of another
        cut than the tail, or the loss is no longer finite.
    """
    settings = settings or Settings()
    sets = {"training": training, "validation": validation}
    if taken := sets.keys() & dict(watched or {}).keys():
        raise ValueError(f"A watched set is called {min(taken)!r}, which the history needs for itself: rename it.")
    check_disjoint(training.people, validation.people)
    sets |= dict(watched or {})
    for name, features in sets.items():
        check_alike(training, features)
        sets[name] = _some(features)
    tail = copy.deepcopy(tail)
    tail.adapt_statistics, tail.dropout.p = settings.adapt_statistics, settings.dropout
    with _deterministic(settings.seed, tail.last_linear.weight.device):
        rng = np.random.default_rng(settings.seed)
        labels = torch.from_numpy(np.unique(training.people, return_inverse=True)[1])
        objective, parameters = _objective(tail, training, labels, settings)
        optimiser = torch.optim.AdamW(
            parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
        )
        rows, best = [_judge(tail, sets, np.nan)], copy.deepcopy(tail.state_dict())
        best_epoch = 0
        for epoch in progress_bar(range(1, settings.epochs + 1), unit="epoch", show=progress):
            loss = _epoch(tail, training, labels, objective, optimiser, _batches(training, settings, rng))
            if not np.isfinite(loss):
                raise ValueError(f"The loss is {loss} in epoch {epoch}: try a lower learning rate.")
            rows.append(_judge(tail, sets, loss))
            if rows[-1]["validation_eer"] < rows[best_epoch]["validation_eer"]:
                best_epoch, best = epoch, copy.deepcopy(tail.state_dict())
            if epoch - best_epoch >= settings.patience:
                break
    tail.load_state_dict(best)
    return Training(tail.eval(), pd.DataFrame(rows).rename_axis("epoch"), best_epoch, settings)


def _objective(
    tail: Tail, training: Features, labels: torch.Tensor, settings: Settings
) -> tuple[Callable[[torch.Tensor, torch.Tensor], torch.Tensor], list[torch.nn.Parameter]]:
    """The loss of a batch of vectors, and everything that learns."""
    if settings.loss == "triplets":
        return partial(triplet_loss, margin=settings.margin), list(tail.parameters())
    device = tail.last_linear.weight.device
    head = SoftmaxHead(torch.from_numpy(tail.embed(training)), labels).to(device)
    return head, [*tail.parameters(), *head.parameters()]


def _batches(training: Features, settings: Settings, rng: np.random.Generator) -> list[np.ndarray]:
    if settings.loss == "triplets":
        return pk_batches(training.people, settings.people_each, settings.photos_each, rng)
    # Of nearly equal size, since batch normalisation could make nothing of a last batch of one.
    size = settings.people_each * settings.photos_each
    return np.array_split(rng.permutation(len(training)), -(-len(training) // size))


def _epoch(
    tail: Tail,
    training: Features,
    labels: torch.Tensor,
    objective: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    optimiser: torch.optim.Optimizer,
    batches: list[np.ndarray],
) -> float:
    """Learn from each batch once; the mean of their losses."""
    device, losses = tail.last_linear.weight.device, []
    tail.train()
    for rows in map(torch.from_numpy, batches):
        loss = objective(tail(training.values[rows].to(device)), labels[rows].to(device))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    tail.eval()
    return float(np.mean(losses))


def _some(features: Features) -> Features:
    """A set, or if it is large, some of its people, always the same, with about `MOST_JUDGED` photos."""
    if len(features) <= MOST_JUDGED:
        return features
    names, photos = np.unique(features.people, return_counts=True)
    order = np.random.default_rng(0).permutation(len(names))
    enough = max(2, np.searchsorted(photos[order].cumsum(), MOST_JUDGED, side="right"))
    return features[np.isin(features.people, names[order[:enough]])]


def _judge(tail: Tail, sets: Mapping[str, Features], loss: float) -> dict[str, float]:
    """A row of the history."""
    row = {"loss": loss}
    for name, features in sets.items():
        vectors = tail.embed(features)
        if not np.isfinite(vectors).all():
            raise ValueError("The tail makes NaN or infinite vectors: try a lower learning rate.")
        row[f"{name}_eer"] = equal_error_rate(*split_pairs(pairwise_distances(vectors), features.people))[0]
    return row


@contextmanager
def _deterministic(seed: int, device: torch.device) -> Iterator[None]:
    """Make torch give the same bits each time, and leave its settings and its random numbers as they were."""
    before, warned = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    # A GPU has no such algorithm for the gradient of average pooling: there it warns, and the last bits may differ.
    torch.use_deterministic_algorithms(True, warn_only=device.type != "cpu")
    try:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warned)


# Saved, and loaded again ----------------------------------------------------------------------------------------------


def save_finetuned(
    training: Training, embedder: FaceEmbedder, path: str | os.PathLike, *, name: str, trained_on: str
) -> Path:
    """Save the whole network, trunk and trained tail, so that `FaceEmbedder(path)` loads it.

    Weights are rounded to int8, as in the bundled file (`save_compact`), which moves vectors by a little: measure what
    is to be used, the reloaded network.

    Parameters
    ----------
    training : Training
    embedder : FaceEmbedder
        That made the features and gave the tail.
    path : str or path
        Ends in `.safetensors`.
    name : str
        What `FaceEmbedder(path).name` will be.
    trained_on : str
        What the tail learned on.

    Raises
    ------
    ValueError
        As `save_compact`.
    """
    return save_compact(
        training.tail.joined_to(embedder.network),
        path,
        name=name,
        image_size=embedder.image_size,
        trained_on=trained_on,
        fine_tuned_from=f"{embedder.name} {embedder.fingerprint}",
        block=training.tail.block,
        best_epoch=str(training.best_epoch),
        settings=json.dumps(asdict(training.settings)),
    )


def read_settings(path: str | os.PathLike) -> Settings:
    """Read how a checkpoint of `save_finetuned` was trained; ValueError or FileNotFoundError if it is none."""
    load_checkpoint(path)  # which has a sentence for each way in which a file can be broken
    settings, file_path = None, checked_path(path)
    if file_path.suffix.lower() == ".safetensors":
        with safe_open(file_path, "pt") as file:
            settings = (file.metadata() or {}).get("settings")
    try:
        return Settings(**json.loads(settings))
    except (TypeError, ValueError) as error:  # no settings, others than these, or such as cannot be
        raise ValueError(f"{path} does not say how it was trained: this facelab's save_finetuned does.") from error
