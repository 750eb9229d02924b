"""Trunk and tail: the network cut in two, so that its frozen part is run once and only the rest learns (notebook 05).

The early layers of a face network know edges and textures, which serve any domain; what has to change for a new one is
near the end. If the trunk stays frozen, its output for a photo never changes: it is kept in memory, and an epoch of
training goes through the tail alone.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from facenet_pytorch import InceptionResnetV1
from numpy.typing import ArrayLike
from torch import nn

from facelab.checks import checked_labels
from facelab.embedding import FaceEmbedder, checked_crops, crop_batches
from facelab.fast import by_products

# Modules before which a cut would make no other tail than one before a neighbour of theirs, or would leave no weights.
NO_CUTS = {"maxpool_3a", "avgpool_1a", "dropout", "last_bn", "logits"}

EMBED_BATCH = 256  # features at a time, through the tail


def cut_points(network: InceptionResnetV1) -> list[str]:
    """List the blocks before which this network can be cut, in the order in which a photo passes them.

    Before the first, `conv2d_1a`, the trunk is empty and everything learns; before the last, `last_linear`, all that
    learns is one matrix.
    """
    return [name for name, _ in network.named_children() if name not in NO_CUTS]


@dataclass(frozen=True, eq=False)  # tensors have no single answer to "equal?"
class Features:
    """What the trunk makes of photos, and who is on them: all that the tail needs to learn.

    `features[rows]` takes some of them, `features + mirrored` puts two sets together.

    Attributes
    ----------
    values : (n, channels, height, width) float32 torch.Tensor
    people : (n,) array of any labels
    block : str
        The first block of the tail: the trunk ends before it.

    Raises
    ------
    ValueError
        If there are none, not one label each, a label is missing, or a number is not finite.
    """

    values: torch.Tensor
    people: np.ndarray
    block: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "people", checked_labels(self.people))
        if not isinstance(self.values, torch.Tensor) or self.values.layout is not torch.strided:
            raise ValueError(f"Features are a dense torch tensor, not a {type(self.values).__name__}: see run_trunk.")
        if self.values.ndim != 4 or not self.values.is_floating_point():
            raise ValueError(
                f"Features have the shape (n, channels, height, width), but these have {tuple(self.values.shape)}: see "
                "run_trunk."
            )
        if len(self.values) == 0:
            raise ValueError("There are no photos in this set: see how its rows were chosen.")
        if self.people.shape != (len(self.values),):
            raise ValueError(f"{len(self.values)} photos want as many labels, but the shape is {self.people.shape}.")
        if not torch.isfinite(self.values).all():
            raise ValueError("The features hold NaN or infinite numbers: look for a failed crop, or failed training.")

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: ArrayLike) -> Features:
        # As row numbers, so that a list, a mask and a slice mean to torch what they mean to NumPy.
        rows = np.atleast_1d(np.arange(len(self))[rows])
        return Features(self.values[torch.from_numpy(rows)], self.people[rows], self.block)

    def __add__(self, other: Features) -> Features:
        check_alike(self, other)
        values, people = torch.cat([self.values, other.values]), np.concatenate([self.people, other.people])
        return Features(values, people, self.block)


def check_alike(one: Features, other: Features) -> None:
    """Raise a ValueError if two sets of features are not of one cut and shape."""
    if (one.block, one.values.shape[1:]) != (other.block, other.values.shape[1:]):
        shapes = [f"{tuple(each.values.shape[1:])} before {each.block}" for each in (one, other)]
        raise ValueError(
            f"One set of features is {shapes[0]} and the other {shapes[1]}: run both through the same trunk, with "
            "crops of one size."
        )


def run_trunk(
    embedder: FaceEmbedder,
    crops: torch.Tensor | np.ndarray,
    people: ArrayLike,
    *,
    block: str = "block8",
    progress: bool = True,
) -> Features:
    """Run face crops through the network as far as a block, once, and keep what comes out.

    Parameters
    ----------
    embedder : FaceEmbedder
    crops : (n, 3, height, width) float
        As for `FaceEmbedder.embed`. For training also on mirrored faces, run `crops.flip(-1)` as well and add both.
    people : (n,) of any labels
    block : str
        The first block that the tail will have; `cut_points(embedder.network)` lists them.
    progress : bool

    Returns
    -------
    Features
        On the CPU, float32.

    Raises
    ------
    ValueError
        There is no such block; as `FaceEmbedder.embed` and `Features`.
    """
    crops = checked_crops(crops)
    trunk = _modules(embedder.network, block, tail=False)
    embedder.network.eval()
    values = []
    # Not in inference mode, as the embedder is: from tensors made there nothing can learn.
    with torch.no_grad():
        for x in crop_batches(crops, embedder.device, show=progress):
            for module in trunk.values():
                x = module(x)
            values.append(x.cpu().contiguous())
    return Features(torch.cat(values or [torch.zeros(0, 1, 1, 1)]), people, block)


class Tail(nn.Module):
    """A copy of what comes after the trunk: from a block to the vector of unit length.

    With batch normalisation, fine-tuning on few photos goes wrong unnoticed. In train mode it takes mean and variance
    from the batch, so that a photo's vector depends on who else is in it, and moves its running statistics, learned on
    very many photos, towards those of a few hundred: vectors move though no weight has changed. So here it stays in
    eval mode, whatever `train()` says, and only its scale and shift learn, where it has them. `adapt_statistics = True`
    lets it do what torch does by itself; measure that on people of the old domain too.

    Parameters
    ----------
    network : InceptionResnetV1
        Such as `FaceEmbedder().network`; it is not changed.
    block : str
        The first block that belongs to the tail.

    Attributes
    ----------
    block : str
    adapt_statistics : bool
    dimension : int
        Numbers in a vector.

    Raises
    ------
    ValueError
        There is no such block.
    """

    def __init__(self, network: InceptionResnetV1, block: str = "block8") -> None:
        super().__init__()
        for name, module in _modules(network, block, tail=True).items():
            self.add_module(name, copy.deepcopy(module))
        self.block = block
        self.adapt_statistics = False
        self.dimension = self.last_linear.out_features
        by_products(self).requires_grad_(True).eval()

    def train(self, mode: bool = True) -> Tail:
        """Set train or eval mode, but leave batch normalisation in eval mode unless its statistics are to adapt."""
        super().train(mode)
        if not self.adapt_statistics:
            for module in self.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        return self

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Make (n, dimension) vectors of unit length from (n, channels, height, width) features."""
        for name, module in self.named_children():
            features = module(features.flatten(1) if name == "last_linear" else features)
        return F.normalize(features, dim=1)

    def embed(self, features: Features) -> np.ndarray:
        """Embed features: (n, dimension) float32, of unit length, in eval mode; ValueError if cut at another block."""
        if features.block != self.block:
            raise ValueError(
                f"The features were cut before {features.block}, but this tail begins with {self.block}: run the trunk "
                f"again with block={self.block!r}."
            )
        was_training, device = self.training, self.last_linear.weight.device
        self.eval()
        with torch.no_grad():
            vectors = [self(batch.to(device)).cpu().numpy() for batch in features.values.split(EMBED_BATCH)]
        self.train(was_training)
        return np.concatenate(vectors)

    def joined_to(self, network: InceptionResnetV1) -> InceptionResnetV1:
        """Give a copy of the whole network with this tail's weights in place of its own, in eval mode."""
        whole = copy.deepcopy(network)
        whole.load_state_dict(network.state_dict() | self.state_dict())
        return whole.eval()


def _modules(network: InceptionResnetV1, block: str, *, tail: bool) -> dict[str, nn.Module]:
    """The network's modules before a block, or from it on, without the classifier that facenet-pytorch may add."""
    if block not in cut_points(network):
        names = ", ".join(cut_points(network))
        raise ValueError(f"The network cannot be cut before {block!r}: choose one of {names}.")
    names = [name for name, _ in network.named_children() if name != "logits"]
    place = names.index("dropout" if block == "last_linear" else block)  # dropout is for training, so the tail's
    return {name: getattr(network, name) for name in (names[place:] if tail else names[:place])}
