"""Where a network's weights come from, and the compact file in which facelab keeps its own (notebook 02).

- **Bundled**: `facelab128`, a file of this package; needs no network.
- **Published**: `vggface2` and `casia-webface`, facenet-pytorch's own; `published.py` finds or downloads them.
- **Yours**: a path to a `.safetensors`, `.pt` or `.pth` file with the state dict of an `InceptionResnetV1`.

A pickle is read with `weights_only=True`, so that a checkpoint from a stranger cannot run code.
"""

import hashlib
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from facenet_pytorch import InceptionResnetV1
from safetensors import safe_open
from safetensors.torch import save
from torch import nn

from facelab.checks import check_uncompressed, checked_path, checked_target
from facelab.published import RELEASES, fetch_weights, where_weights_are

BUNDLED = Path(__file__).parent / "weights" / "facelab128.safetensors"
MEASURED = BUNDLED.with_name("measured.csv")  # written by tests/benchmarks/verification.py --record
FORMAT_VERSION = 1
MOST_NUMBERS = 100_000_000  # in a pickle; the network has 23 million, and a classifier of 10,000 people 5 million more


@dataclass(frozen=True)
class Checkpoint:
    """A network with its weights, and what is known of them.

    Attributes
    ----------
    network : facenet_pytorch.InceptionResnetV1
        float32, on the CPU, in eval mode (as facenet-pytorch builds it, dropout is on and vectors are random).
    name : str
        `facelab128`, `vggface2`, `casia-webface`, or what the file says, or the file's name.
    dimension : int
        Numbers in a vector.
    image_size : int
        Side in pixels of the square crops it was trained for.
    trained_on : str
    fingerprint : str
        The first 12 hexadecimal digits of the SHA-256 of the float32 weights that make the vectors: equal for the same
        weights in any kind of file, different for different weights.
    """

    network: InceptionResnetV1
    name: str
    dimension: int
    image_size: int
    trained_on: str
    fingerprint: str


def load_checkpoint(weights: str | os.PathLike) -> Checkpoint:
    """Load a network by name or from a file.

    Parameters
    ----------
    weights : str or path
        `facelab128`, `vggface2`, `casia-webface`, or a `.safetensors`, `.pt` or `.pth` file that holds the state dict
        of an `InceptionResnetV1` with an output of any dimension. Weights of a classifier (`logits`) are left aside.

    Raises
    ------
    FileNotFoundError
        There is no such file, or (`DownloadError`) published weights could not be fetched.
    ValueError
        There are no weights of that name, or the file does not hold such a network.
    """
    defaults = {}
    wanted = f"give {', '.join(['facelab128', *RELEASES])}, or a .safetensors, .pt or .pth file"
    path = checked_path(weights, wanted)
    if weights == "facelab128":
        path = BUNDLED
    elif weights in RELEASES:
        path, release = fetch_weights(weights, check=lambda path: _network(_read(path)[0], path)), RELEASES[weights]
        defaults = {"name": weights, "image_size": release.image_size, "trained_on": release.trained_on}
    elif path.suffix.lower() not in {".safetensors", ".pt", ".pth"}:
        raise ValueError(f"There are no weights {str(weights)!r}: {wanted}.")
    state, metadata = _read(path)
    metadata = defaults | metadata
    network = _network(state, path)
    return Checkpoint(
        network=network,
        name=metadata.get("name", path.stem),
        dimension=network.last_linear.out_features,
        image_size=metadata.get("image_size", 160),
        trained_on=metadata.get("trained_on", "unknown"),
        fingerprint=_fingerprint(network),
    )


def available_weights() -> pd.DataFrame:
    """List the weights that have a name: what they are, and where they are now.

    Returns
    -------
    pandas.DataFrame
        One row each, with columns name, dimension, image_size (pixels), megabytes, where (`bundled`,
        `FACELAB_WEIGHTS`, `facelab's cache`, `torch's cache` or `to download`), accuracy, threshold and trained_on.
        Files are found by name and size; their hashes are checked when they are loaded.

        accuracy is that on the pairs of Labeled Faces in the Wild (0 to 1, by the protocol of `kfold_accuracy`, on
        plain crops), and threshold the distance up to which one in a hundred of its impostor pairs is accepted: a
        place to start, for photographs, until it has been chosen on photos of the use (notebook 04). Both were
        measured by `tests/benchmarks/verification.py --record`, and are NaN for weights on which it never ran.
    """
    with safe_open(BUNDLED, "pt") as file:
        about = file.metadata()
    sizes = int(about["dimension"]), int(about["image_size"]), BUNDLED.stat().st_size / 1e6
    rows = [(about["name"], *sizes, "bundled", about["trained_on"])]
    for name, release in RELEASES.items():
        where = where_weights_are(name)
        rows.append((name, release.dimension, release.image_size, release.size / 1e6, where, release.trained_on))
    table = pd.DataFrame(rows, columns=["name", "dimension", "image_size", "megabytes", "where", "trained_on"])
    measured = pd.read_csv(MEASURED).query("set == 'lfw'").set_index("name")
    for place, column in enumerate(["accuracy", "threshold"], start=table.columns.get_loc("trained_on")):
        table.insert(place, column, table["name"].map(measured[column]))
    return table.round({"megabytes": 1})


# Files: the compact form, and pickles --------------------------------------------------------------------------------


def save_compact(
    model: nn.Module, path: str | os.PathLike, *, name: str, image_size: int, trained_on: str, **metadata: str
) -> Path:
    """Write a network's weights at a quarter of their size, in a form that `load_checkpoint` reads.

    Parameters
    ----------
    model : InceptionResnetV1
        With an output of any dimension; its classifier (`logits`), if it has one, is not saved.
    path : str or path
        Ends in `.safetensors`. An existing file is replaced in one step, so that a kill leaves the old or the new one.
    name, image_size, trained_on, **metadata
        What the file's header should say; see `Checkpoint`.

    Raises
    ------
    FileNotFoundError
        There is no such folder.
    ValueError
        The path has another ending, or the model is not such a network or holds numbers that are not finite.
    """
    path = checked_target(path, ".safetensors")
    network = _network({key: value.float().cpu() for key, value in model.state_dict().items()}, "This model")
    header = {"name": name, "image_size": image_size, "trained_on": trained_on, **metadata}
    header |= {"dimension": network.last_linear.out_features, "format_version": FORMAT_VERSION}
    header |= {"architecture": "facenet_pytorch.InceptionResnetV1"}
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_bytes(save(pack(network.state_dict()), {key: str(value) for key, value in header.items()}))
    os.replace(unfinished, path)
    return path


def pack(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Round the weights of convolutions and of the last layer to int8, with a float32 scale for each output channel.

    They are 99.7 % of the numbers. Biases and the statistics of batch normalisation stay float32: float16 would save
    0.2 MB of 23. Symmetric, per channel, weights only: Krishnamoorthi 2018, arXiv 1806.08342.
    """
    packed = {}
    for key, value in state.items():
        if value.ndim < 2:
            packed[key] = value.float().contiguous()
            continue
        scale = value.float().flatten(1).abs().amax(dim=1).clamp(min=1e-30) / 127
        packed[key] = (value / _per_channel(scale, value)).round().clamp(-127, 127).to(torch.int8).contiguous()
        packed[f"{key}.scale"] = scale
    return {key: value for key, value in packed.items() if not key.endswith("num_batches_tracked")}


def unpack(packed: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Turn packed (or float16) weights into float32: one multiplication, so the same bits on every machine."""
    state = {}
    for key, value in packed.items():
        if value.dtype == torch.int8:
            # In NumPy, on one thread: on a busy machine torch's threads wait for each other longer than they work.
            state[key] = torch.from_numpy(value.numpy() * _per_channel(packed[f"{key}.scale"], value).numpy())
        elif not key.endswith(".scale"):
            state[key] = value.float()
    return state


def _per_channel(scale: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return scale.view(-1, *[1] * (weight.ndim - 1))


def _read(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str | int]]:
    """Read a file's tensors as float32, and its header where it has one."""
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}: give the path to a .safetensors, .pt or .pth file.")
    try:
        if path.suffix.lower() == ".safetensors":
            with safe_open(path, "pt") as file:
                metadata = file.metadata() or {}
                metadata["image_size"] = int(metadata.get("image_size", 160))
                newer = int(metadata.get("format_version", 0)) > FORMAT_VERSION
                # Copies, because the tensors are windows into the file, which may be replaced while they are in use.
                state = {} if newer else unpack({key: file.get_tensor(key).clone() for key in file.keys()})  # noqa: SIM118
        else:
            newer, metadata = False, {}
            if zipfile.is_zipfile(path):
                check_uncompressed(path)
            state = torch.load(path, map_location="cpu", weights_only=True)
            if sum(value.numel() for value in state.values()) > MOST_NUMBERS:  # one number can stand for billions
                raise ValueError("too many numbers")
            state = unpack(state)
    except Exception as error:  # a damaged or foreign file fails in any of a dozen ways
        raise ValueError(
            f"{path} cannot be read as a checkpoint ({type(error).__name__}): give a safetensors file, or one written "
            "by torch.save(network.state_dict(), path)."
        ) from error
    if newer:
        raise ValueError(f"{path} was written by a newer facelab: upgrade facelab to read it.")
    return state, metadata


def _network(state: dict[str, torch.Tensor], source: Path | str) -> InceptionResnetV1:
    """Build the network around these tensors, without first filling it with random numbers."""
    dimension = state.get("last_linear.weight", torch.empty(512, 0)).shape[0]
    with torch.device("meta"):
        network = InceptionResnetV1()
        network.last_linear = nn.Linear(1792, dimension, bias=False)
        network.last_bn = nn.BatchNorm1d(dimension, eps=1e-3, momentum=0.1, affine="last_bn.weight" in state)
    # These counters matter only to a batch normalisation without momentum, which this network has not.
    counters = [key for key in network.state_dict() if key.endswith("num_batches_tracked")]
    state = {key: value for key, value in state.items() if not key.startswith("logits.")}
    state |= dict.fromkeys(counters, torch.tensor(0))
    expected = {key: value.shape for key, value in network.state_dict().items()}
    if wrong := sorted(key for key in expected | state if key not in state or expected.get(key) != state[key].shape):
        raise ValueError(
            f"{source} does not hold facenet-pytorch's InceptionResnetV1: {len(wrong)} of its tensors are missing, "
            f"unknown or of another shape, {wrong[0]} among them."
        )
    if broken := next((key for key, value in state.items() if not np.isfinite(value.numpy().sum())), None):
        raise ValueError(
            f"{source} is of no use: {broken} holds numbers that are not finite, as after failed training."
        )
    network.load_state_dict(state, assign=True)
    return network.eval()


def _fingerprint(network: nn.Module) -> str:
    digest = hashlib.sha256()
    for key, value in sorted(network.state_dict().items()):
        if not key.endswith("num_batches_tracked"):
            digest.update(key.encode())
            digest.update(value.contiguous().numpy())
    return digest.hexdigest()[:12]
