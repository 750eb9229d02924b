"""What runs an embedder's network: torch or, several times as fast on a CPU, OpenVINO, with the extra `fast`.

OpenVINO makes one step of a convolution, its batch normalisation and its ReLU. In eight bits it goes further: NNCF runs
portraits of the cast through the network, notes how large the numbers between its layers become, and rounds weights and
numbers to 256 steps each (Jacob et al. 2018, arXiv 1712.05877).
"""

from __future__ import annotations

import contextlib
import io
import shutil
import sys
import uuid
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import platformdirs
import torch
from torch.nn.functional import normalize

from facelab.cascade import Faces
from facelab.data import boxes, load_cast
from facelab.detection import crop_faces

if TYPE_CHECKING:
    import openvino

#: The runtimes of `FaceEmbedder`, each with the type that OpenVINO is to compute in.
RUNTIMES = {"torch": "", "openvino": "f32", "openvino-bfloat16": "bf16", "openvino-int8": "f32"}

PORTRAITS_EACH = 4  # of each person of the cast: on these, the ranges of the numbers between the layers are found


def checked_runtime(runtime: str, device: torch.device) -> str:
    """Give a runtime's name, or say in one sentence why it cannot be used."""
    if not isinstance(runtime, str) or runtime not in RUNTIMES:
        raise ValueError(f"There is no runtime {runtime!r}: give one of {', '.join(RUNTIMES)}.")
    if runtime != "torch" and device.type != "cpu":
        raise ValueError(f"The runtime {runtime!r} computes on the CPU, not on {str(device)!r}: leave one of them out.")
    return runtime


def openvino_network(
    network: torch.nn.Module, runtime: str, key: str, image_size: int
) -> Callable[[torch.Tensor], torch.Tensor]:
    """Give what runs a network in torch's place: float32 crops (n, 3, height, width) to vectors (n, d).

    Parameters
    ----------
    network : torch.nn.Module
        On the CPU.
    runtime : str
        Of RUNTIMES, but not torch.
    key : str
        Differs for different weights. What OpenVINO made of them is kept under it in the user's cache, because it takes
        several seconds.
    image_size : int
        Side, in pixels, of the crops that the weights were trained for.

    Raises
    ------
    ValueError, FileNotFoundError
        If the extra is not installed, or there is no cast to find int8's ranges on.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # it would report the import; OpenVINO does without it
    try:
        import openvino
    except ImportError as error:
        raise ValueError(
            f"The runtime {runtime!r} needs OpenVINO, which is not installed: `make` installs it, and so does "
            "`pip install openvino nncf`."
        ) from error
    kind = "int8" if runtime.endswith("int8") else "float32"
    kept = cache() / f"{key}-{kind}-{openvino.__version__.split('-')[0]}" / "network.xml"
    core = openvino.Core()
    options = {"INFERENCE_PRECISION_HINT": RUNTIMES[runtime], "INFERENCE_NUM_THREADS": torch.get_num_threads()}
    try:
        compiled = core.compile_model(core.read_model(kept), "CPU", options)
    except RuntimeError:  # not there yet, or damaged
        model = _convert(network)
        if kind == "int8":
            model = _quantise(model, _portraits(image_size))
        _keep(model, kept)
        compiled = core.compile_model(model, "CPU", options)

    def run(crops: torch.Tensor) -> torch.Tensor:
        result = compiled.create_infer_request().infer([crops.contiguous().numpy()], share_inputs=True)
        return normalize(torch.from_numpy(np.array(result[0])))  # in eight bits, lengths are no longer exactly 1

    return run


def cache() -> Path:
    """Give the folder in which OpenVINO's form of networks is kept; it can be deleted at any time."""
    return platformdirs.user_cache_path("facelab", appauthor=False) / "openvino"


def _convert(network: torch.nn.Module) -> openvino.Model:
    import openvino

    with warnings.catch_warnings():  # it traces, and torch would have it do otherwise
        warnings.simplefilter("ignore")
        example = torch.zeros(2, 3, 96, 96)
        return openvino.convert_model(network.eval(), example_input=example, input=[(-1, 3, -1, -1)])


def _portraits(image_size: int) -> torch.Tensor:
    """Give crops of the cast's portraits, (n, 3, size, size), for the ranges of the numbers between the layers."""
    cast = load_cast().groupby("person").head(PORTRAITS_EACH)
    faces = [Faces(box[None], np.ones(1), np.zeros((1, 5, 2))) for box in boxes(cast)]
    return torch.cat([crop_faces(*photo, image_size) for photo in zip(cast.path, faces, strict=True)])


def _quantise(model: openvino.Model, portraits: torch.Tensor) -> openvino.Model:
    with contextlib.redirect_stdout(io.StringIO()):  # it draws progress bars
        import nncf

        batches = [batch.numpy() for batch in portraits.split(8)]
        return nncf.quantize(
            model, nncf.Dataset(batches), subset_size=len(batches), preset=nncf.QuantizationPreset.MIXED
        )


def _keep(model: openvino.Model, path: Path) -> None:
    """Write a model, two files, so that at any time both are there or neither; where nothing can be written, do not."""
    import openvino

    unfinished = path.parent.with_name(f"{uuid.uuid4().hex}.unfinished")
    with contextlib.suppress(OSError, RuntimeError):
        unfinished.mkdir(parents=True)
        openvino.save_model(model, unfinished / path.name, compress_to_fp16=False)
        shutil.rmtree(path.parent, ignore_errors=True)
        unfinished.replace(path.parent)
    shutil.rmtree(unfinished, ignore_errors=True)
