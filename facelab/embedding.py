"""From face crops to vectors: FaceNet, run the way it has to be run (notebook 02).

The network is facenet-pytorch's `InceptionResnetV1`. What `FaceEmbedder` adds is what goes wrong without it: weights
from anywhere, eval mode whatever happens (in train mode dropout makes every vector random), no gradients, batches
that fit into memory, and an error where a crop is not what the network learned on.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import torch

from facelab.checkpoints import load_checkpoint
from facelab.devices import checked_device
from facelab.progress import progress_bar
from facelab.runtimes import checked_runtime, openvino_network

# Each pixel takes about 210 bytes on its way through the network (measured, float32, on a CPU), so that a batch of this
# many takes 170 MB. Larger ones were not faster.
MAX_BATCH_PIXELS = 32 * 160 * 160

# Pixels: of anything smaller, the network's unpadded convolutions leave nothing.
MIN_SIZE = 75

# Pixels: of anything larger, one crop alone would take more than 200 MB, and a face has no more to tell.
MAX_SIZE = 1000

# Standardised pixels lie in [-1, 1], and somewhat beyond after an experiment with light; only 0 to 255 goes this far.
LARGEST_VALUE = 16.0


def usual_weights() -> str:
    """Give the weights that are meant where none are named: what `FACELAB_MODEL` says, or else `facelab128`."""
    return os.environ.get("FACELAB_MODEL") or "facelab128"


class FaceEmbedder:
    """A FaceNet that turns standardised face crops into vectors of unit length.

    Parameters
    ----------
    weights : str or path, optional
        `facelab128`, `vggface2`, `casia-webface` or the path of a checkpoint; see `facelab.checkpoints`. Left out, it
        is what the environment variable `FACELAB_MODEL` says, or else `facelab128`.
    device : str or torch.device, optional
        The CPU, which gives the same numbers everywhere, unless told otherwise.
    runtime : str
        What runs the network: `torch`, or by the extra `fast`, on the CPU, `openvino` (the same vectors to 1e-4, in
        two thirds of the time), `openvino-bfloat16` (a fraction of that, on processors that compute in bfloat16) or
        `openvino-int8` (faster yet). README.md has the speed of each and what it costs. What OpenVINO makes of the
        weights is kept in the user's cache, so that it takes long once only.

    Attributes
    ----------
    network : facenet_pytorch.InceptionResnetV1
    name : str
    dimension : int
        Numbers in a vector: 128 for `facelab128`, 512 for the published weights.
    image_size : int
        Side, in pixels, of the crops that the weights were trained for: what to give to `crop_faces`.
    fingerprint : str
        Twelve hexadecimal digits that differ for different weights, and a word for a runtime whose vectors differ from
        torch's. Vectors can be compared only where they agree.
    device : torch.device

    Raises
    ------
    FileNotFoundError
        There is no such file, or published weights could not be fetched.
    ValueError
        The weights are not such a network, torch has no such device here, or the runtime cannot be used.

    Examples
    --------
    >>> embedder = FaceEmbedder()
    >>> vectors = embedder.embed(crop_faces(image, faces, size=embedder.image_size))
    """

    def __init__(
        self, weights: str | os.PathLike | None = None, device: str | torch.device = "cpu", runtime: str = "torch"
    ) -> None:
        self.device = checked_device(device)
        self.runtime = checked_runtime(runtime, self.device)
        checkpoint = load_checkpoint(usual_weights() if weights is None else weights)
        self.name = checkpoint.name
        self.dimension = checkpoint.dimension
        self.image_size = checkpoint.image_size
        self.fingerprint = checkpoint.fingerprint
        # Pixel by pixel in memory instead of channel by channel: 10 to 20 % faster on a CPU, and the same numbers.
        self.network = checkpoint.network.to(self.device, memory_format=torch.channels_last)
        self._openvino = None
        if runtime != "torch":
            self._openvino = openvino_network(self.network, runtime, self.fingerprint, self.image_size)
            self.fingerprint += runtime.removeprefix("openvino")

    def __repr__(self) -> str:
        runtime = "" if self.runtime == "torch" else f", runtime={self.runtime!r}"
        return f"FaceEmbedder({self.name!r}, dimension={self.dimension}, image_size={self.image_size}{runtime})"

    def embed(self, crops: torch.Tensor | np.ndarray, progress: bool = True) -> np.ndarray:
        """Embed face crops.

        Parameters
        ----------
        crops : torch.Tensor or numpy.ndarray
            Float, of shape (n, 3, height, width), or (3, height, width) for one; RGB, standardised to (x - 127.5) / 128
            as `crop_faces` does (pixels in [0, 1] pass for such, but their vectors mean little). Any size from 75
            to 1,000 pixels works, because the network averages over the area that is left at its end; `image_size`
            works best.
        progress : bool
            Show a progress bar when it takes more than a second.

        Returns
        -------
        numpy.ndarray
            float32 of shape (n, dimension), each row of unit length, so that distances lie between 0 and 2. No crops
            give (0, dimension). A row does not depend on what else is in the batch (to 1e-5).

        Raises
        ------
        ValueError
            The crops are of another shape or size, not standardised, or hold NaN.
        """
        crops = checked_crops(crops)
        self.network.eval()  # somebody may have called .train() since the last time
        run = self._openvino or self.network
        vectors = [np.zeros((0, self.dimension), np.float32)]
        with torch.inference_mode():
            vectors += [run(batch).cpu().numpy() for batch in crop_batches(crops, self.device, show=progress)]
        return np.concatenate(vectors)


def crop_batches(crops: torch.Tensor, device: torch.device, *, show: bool) -> Iterator[torch.Tensor]:
    """Give crops on a device, as many at a time as fit into memory, and let a progress bar count them."""
    step = max(1, MAX_BATCH_PIXELS // (crops.shape[2] * crops.shape[3]))
    with progress_bar(total=len(crops), unit="face", show=show) as bar:
        for start in range(0, len(crops), step):
            batch = crops[start : start + step]
            yield batch.to(device, torch.float32, memory_format=torch.channels_last)
            bar.update(len(batch))


def checked_crops(crops: torch.Tensor | np.ndarray) -> torch.Tensor:
    """Give crops as a tensor of shape (n, 3, height, width), or say in one sentence why they are none."""
    if not isinstance(crops, (torch.Tensor, np.ndarray)):
        raise ValueError(f"Crops come as one torch tensor or NumPy array, not as {type(crops).__name__}: stack them.")
    if max(crops.shape[-2:], default=0) > MAX_SIZE:
        raise ValueError(
            f"Crops of {crops.shape[-1]:,}×{crops.shape[-2]:,} pixels are too large: the network takes {MAX_SIZE:,} "
            "each way, and works best at its image_size."
        )
    if isinstance(crops, np.ndarray):
        if np.ma.is_masked(crops):
            raise ValueError("Some pixels of the crops are masked, and the network has no mask: fill them first.")
        if crops.dtype.kind not in "fiub":
            raise ValueError(f"Crops of dtype {crops.dtype} are not pixels: give float32 ones, as crop_faces makes.")
        dtype = np.float32 if crops.dtype.kind == "f" else crops.dtype
        crops = torch.from_numpy(np.require(crops, dtype, ["C", "W"]))
    if crops.layout is not torch.strided or crops.is_meta:
        raise ValueError("The crops are a sparse tensor, or one without numbers: give a dense one, as crop_faces does.")
    if crops.ndim and len(crops) == 0:
        return torch.zeros(0, 3, MIN_SIZE, MIN_SIZE)
    if crops.ndim == 3:
        crops = crops[None]
    if crops.ndim != 4 or crops.shape[1] != 3:
        shape = tuple(crops.shape)
        raise ValueError(f"Crops have the shape (n, 3, height, width), but these have {shape}: see crop_faces.")
    if not crops.is_floating_point():
        raise ValueError(f"Crops are standardised floats, but these are {crops.dtype}: use crop_faces, which does it.")
    if min(crops.shape[2:]) < MIN_SIZE:
        height, width = crops.shape[2:]
        raise ValueError(f"Crops of {width}×{height} pixels are too small: the network needs {MIN_SIZE} each way.")
    lowest, highest = (limit.item() for limit in crops.aminmax())
    if not np.isfinite(lowest + highest):
        raise ValueError("The crops hold NaN or infinite pixels: look at how they were made.")
    if max(-lowest, highest) > LARGEST_VALUE:
        raise ValueError(
            f"Crops are standardised to [-1, 1], but these go from {lowest:.0f} to {highest:.0f}: use crop_faces, or "
            "(x - 127.5) / 128."
        )
    return crops
