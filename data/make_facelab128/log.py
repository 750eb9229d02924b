"""The log of a run: a CSV table that survives kills, and a figure of it that is drawn anew with every row."""

from __future__ import annotations

import csv
import os
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """What is known at one time.

    Attributes
    ----------
    step, images : int
    passes : float
    hours : float
        Time spent training, over all stretches.
    size : int
        Side of the student's views in pixels.
    learning_rate : float
    loss, vector, relation : float
        Means since the last row: all, the loss of single vectors without its weight, those of relations with theirs.
    cosine, correlation : float
        Of the averaged weights on the held-out crops; see evaluate.py.
    images_per_second : float
        Since the last row, without the time for checkpoints and evaluation.
    """

    step: int
    images: int
    passes: float
    hours: float
    size: int
    learning_rate: float
    loss: float
    vector: float
    relation: float
    cosine: float
    correlation: float
    images_per_second: float


NAMES = [field.name for field in fields(Row)]


class Log:
    """Rows in `log.csv` and a figure in `log.png`, both in one folder.

    Parameters
    ----------
    folder : Path
    steps : int
        Rows of later steps are dropped: a killed run had got beyond its last checkpoint.
    """

    def __init__(self, folder: Path, steps: int):
        self.table, self.figure = folder / "log.csv", folder / "log.png"
        self.rows = [row for row in read(self.table) if row.step <= steps] if self.table.is_file() else []
        self._write()

    def add(self, row: Row) -> None:
        self.rows.append(row)
        self._write()
        draw(self.rows, self.figure)

    def _write(self) -> None:
        unfinished = self.table.with_suffix(".part")
        with unfinished.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, NAMES, lineterminator="\n")
            writer.writeheader()
            writer.writerows({name: f"{value:.6g}" for name, value in asdict(row).items()} for row in self.rows)
        os.replace(unfinished, self.table)


def read(path: Path) -> list[Row]:
    """Read a log's rows; ValueError if it is no such table."""
    kinds = {field.name: {"int": int, "float": float}[field.type] for field in fields(Row)}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [Row(**{name: kinds[name](float(row[name])) for name in NAMES}) for row in csv.DictReader(file)]
    except (KeyError, ValueError, TypeError) as error:
        raise ValueError(
            f"{path} is not the log of a run ({error!r}): move it away, or give another folder."
        ) from error


def draw(rows: list[Row], path: Path) -> None:
    """Draw loss, agreement on the held-out crops, and learning rate against passes."""
    from matplotlib.figure import Figure  # here, because it takes a second, and without pyplot, which wants a display

    passes = [row.passes for row in rows]
    figure = Figure(figsize=(7, 7), layout="constrained")
    loss, held_out, rate = figure.subplots(3, sharex=True, height_ratios=[3, 3, 1.5])
    for name, label in (("loss", "all"), ("vector", "1 - cosine"), ("relation", "relations, weighed")):
        loss.plot(passes, [getattr(row, name) for row in rows], ".-", label=label)
    loss.set_ylabel("training loss")
    held_out.plot(passes, [row.cosine for row in rows], ".-", label="cosine to the teacher")
    held_out.plot(passes, [row.correlation for row in rows], ".-", label="correlation of the pairs' cosines")
    held_out.set_ylabel("held-out crops, averaged weights")
    rate.plot(passes, [row.learning_rate for row in rows], ".-", color="0.4")
    rate.set(xlabel="passes over the crops", ylabel="learning rate")
    for before, row in pairwise(rows):
        if row.size != before.size:
            for axes in (loss, held_out, rate):
                axes.axvline(before.passes, color="0.8", zorder=0)
            rate.annotate(f"{row.size} px", (before.passes, 0), color="0.4")
    for axes in (loss, held_out):
        axes.legend(frameon=False)
    unfinished = path.with_suffix(".part")
    figure.savefig(unfinished, dpi=96, format="png")
    os.replace(unfinished, path)
