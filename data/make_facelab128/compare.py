"""Say which weights are nearest to the teacher: `python data/make_facelab128/compare.py MATERIAL RUN FILE...`."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from checkpoint import load
from crops import read_crops, split
from evaluate import agreement
from settings import Settings
from student import new_student
from teacher import CHECKPOINT, Answers, load_teacher

CPU = torch.device("cpu")


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with crops.csv, the packs, and the teacher")
    parser.add_argument("run", type=Path, help="the folder that train.py --out named")
    parser.add_argument("weights", type=Path, nargs="+", help="in any file that facelab reads, such as export.py's")
    options = parser.parse_args(arguments)
    try:
        compare(options.data, options.run, options.weights)
    except (FileNotFoundError, ValueError) as error:
        parser.error(str(error))


def compare(data: Path, run: Path, weights: list[Path]) -> None:
    """Print a line for each file: `agreement` in float32, at the size that the run trained at last."""
    content = load(run)
    settings = Settings(**content["settings"])
    students = [new_student(CPU, torch.float32, path).eval() for path in weights]
    crops, network = read_crops(data), load_teacher(data / CHECKPOINT, CPU)
    answers = Answers(network, crops.answers, content["mirrored"], torch.float32).clean
    _, held_out = split(len(crops), settings.held_out)
    for path, student in zip(weights, students, strict=True):
        found = agreement(student, crops, held_out, answers, settings.resolutions()[-1][1])
        print(f"{path.name}: cosine {found.cosine:.4f}, correlation {found.correlation:.4f}")


if __name__ == "__main__":
    main()
