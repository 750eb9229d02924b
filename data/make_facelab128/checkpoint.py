"""A run on disk: everything it needs to go on as if it had not stopped, in one file that is replaced in one step."""

from __future__ import annotations

import os
from pathlib import Path

import torch

FILE = "checkpoint.pt"
FORMAT = "facelab128 training run, 1"
PARTS = {"format", "settings", "step", "seconds", "student", "average", "optimiser", "scaler", "mirrored"}


def save(folder: Path, content: dict[str, object]) -> None:
    """Write a run's checkpoint; a kill, or a full disk, leaves the old one or the new one."""
    unfinished = folder / (FILE + ".part")
    with unfinished.open("wb") as file:
        torch.save({"format": FORMAT, **content}, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(unfinished, folder / FILE)


def load(folder: Path, device: str | torch.device = "cpu") -> dict[str, object]:
    """Read a run's checkpoint.

    Raises
    ------
    FileNotFoundError
        There is none in this folder.
    ValueError
        What is there is no such checkpoint.
    """
    path = folder / FILE
    if not path.is_file():
        raise FileNotFoundError(f"There is no {FILE} in {folder}: give the folder of a run that train.py has started.")
    try:
        content = torch.load(path, map_location=device, weights_only=True)
        complete = content.get("format") == FORMAT and set(content) >= PARTS
    except Exception as error:  # a damaged or foreign file fails in any of a dozen ways
        raise ValueError(
            f"{path} cannot be read as a checkpoint ({type(error).__name__}): give another folder."
        ) from error
    if not complete:
        raise ValueError(f"{path} is not a checkpoint of this version of train.py: give another folder.")
    return content


def average_of(content: dict[str, object]) -> dict[str, torch.Tensor]:
    """Give the averaged weights of a checkpoint, by the network's own names."""
    return {key.removeprefix("module."): value for key, value in content["average"].items() if key != "n_averaged"}
