"""The training material in memory: face crops with a box and five landmarks each, and the teacher's vectors.

The folder holds `crops_*.tar` (square pictures), `crops.csv` (a row each) and `teacher_mobilefacenet.npy` (a vector
each, in the same order). It is read where it lies; nothing of it is ever written.
"""

from __future__ import annotations

import io
import tarfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from tqdm import tqdm

BOX = ["x0", "y0", "x1", "y1"]
POINTS = [
    f"{point}_{axis}" for point in ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right") for axis in "xy"
]
TABLE, VECTORS = "crops.csv", "teacher_mobilefacenet.npy"


@dataclass
class Crops:
    """Face crops on one device.

    Attributes
    ----------
    pixels : (n, 3, side, side) uint8, RGB
    boxes : (n, 4) float32, x0 y0 x1 y1 in pixels of the crop
    points : (n, 5, 2) float32, landmarks in pixels of the crop; left and right as the viewer sees them. The first
        pixel's centre is at 0.5, where the table has it at 0: so the teacher's stored vectors come out best.
    brightness : (n,) float32, the mean of a crop's pixels
    answers : (n, 128) float32, the teacher's raw vectors of the clean, aligned crops
    """

    pixels: torch.Tensor
    boxes: torch.Tensor
    points: torch.Tensor
    brightness: torch.Tensor
    answers: torch.Tensor

    def __len__(self) -> int:
        return len(self.pixels)

    def to(self, device: torch.device) -> Crops:
        """Move everything to a device: 1.6 GB for 32,700 crops of 128 pixels."""
        return Crops(*(value.to(device) for value in vars(self).values()))


def read_crops(folder: Path, *, progress: bool = True) -> Crops:
    """Read the table, the packs that it names, and the teacher's vectors.

    Raises
    ------
    FileNotFoundError
        The folder lacks the table, a pack or the vectors.
    ValueError
        They do not fit together, or a picture cannot be read.
    """
    for name in (TABLE, VECTORS):
        if not (folder / name).is_file():
            raise FileNotFoundError(
                f"There is no {name} in {folder}: give the folder that holds the training material."
            )
    table = pd.read_csv(folder / TABLE)
    answers = np.load(folder / VECTORS)
    if len(answers) != len(table):
        raise ValueError(
            f"{TABLE} has {len(table)} rows and {VECTORS} {len(answers)} vectors: take both from the same set."
        )
    packs = list(dict.fromkeys(table["pack"]))
    if missing := [pack for pack in packs if not (folder / pack).is_file()]:
        raise FileNotFoundError(
            f"{folder} lacks {', '.join(missing)}, which {TABLE} names: put all packs side by side."
        )
    pixels = None
    with tqdm(total=len(table), desc="reading crops", unit="crop", disable=not progress, leave=False) as bar:
        for pack in packs:
            rows = np.flatnonzero(table["pack"] == pack)
            pictures = _read_pack(folder / pack, table["file"].iloc[rows])
            for row, picture in zip(rows, pictures, strict=True):
                if pixels is None:
                    pixels = torch.empty((len(table), 3, *picture.shape[:2]), dtype=torch.uint8)
                if picture.shape[:2] != pixels.shape[2:]:
                    raise ValueError(
                        f"{table['file'].iloc[row]} in {pack} has {picture.shape[1]}×{picture.shape[0]} pixels, others "
                        f"{pixels.shape[3]}×{pixels.shape[2]}: all crops must be of one size."
                    )
                pixels[row] = torch.from_numpy(picture).permute(2, 0, 1)
                bar.update()
    return Crops(
        pixels,
        torch.tensor(table[BOX].to_numpy(np.float32)),
        torch.tensor(table[POINTS].to_numpy(np.float32)).reshape(-1, 5, 2) + 0.5,
        torch.stack([part.float().mean((1, 2, 3)) for part in pixels.split(1)]).flatten(),
        torch.from_numpy(answers.astype(np.float32)),
    )


def _read_pack(pack: Path, names: pd.Series):
    """Yield the pictures of a pack by their names, (side, side, 3) uint8; Pillow decodes on several threads."""

    def decode(data: bytes) -> np.ndarray:
        return np.array(Image.open(io.BytesIO(data)).convert("RGB"))

    try:
        with tarfile.open(pack) as tar:
            data = [tar.extractfile(name).read() for name in names]
        with ThreadPoolExecutor() as pool:
            yield from pool.map(decode, data)
    except (tarfile.TarError, KeyError, AttributeError, OSError) as error:
        raise ValueError(f"{pack} cannot be read as {TABLE} describes it ({error}): copy it again.") from error


def split(count: int, held_out: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Give the numbers of the crops to train on, and of those held out: every so-many-th, the same in every run."""
    if not 2 <= held_out <= count // 2:
        raise ValueError(f"held_out is {held_out}, but of {count} crops 2 to {count // 2} can be held out.")
    out = torch.arange(held_out) * (count // held_out)
    keep = torch.ones(count, dtype=torch.bool)
    keep[out] = False
    return torch.arange(count)[keep], out
