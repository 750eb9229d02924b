"""Write a run's averaged weights as the package's compact file: `python data/make_facelab128/export.py RUN OUT`."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from checkpoint import average_of, load
from safetensors.torch import save_file
from settings import Settings
from student import Student, new_student

from facelab.checkpoints import save_compact
from facelab.checks import checked_target


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="the folder that train.py --out named")
    parser.add_argument("out", type=Path, help="for instance facelab/weights/facelab128.safetensors")
    parser.add_argument("--image-size", type=int, help="of the crops to embed; by default the size trained on last")
    parser.add_argument("--mean-with", type=Path, help="write the mean with these weights, where the run began")
    parser.add_argument("--share", type=float, help="of the run in that mean, 0 to 1; by default half")
    parser.add_argument("--float32", action="store_true", help="do not round: to see what rounding costs")
    options = parser.parse_args(arguments)
    try:
        path = export(
            options.run, options.out, options.image_size, options.mean_with, options.share, rounded=not options.float32
        )
    except (FileNotFoundError, ValueError) as error:
        parser.error(str(error))
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


def export(
    run: Path,
    out: Path,
    image_size: int | None = None,
    mean_with: Path | None = None,
    share: float | None = None,
    *,
    rounded: bool = True,
) -> Path:
    """Write the averaged weights, by `facelab.checkpoints.save_compact` (int8 kernels, float32 scales) or as they are.

    Parameters
    ----------
    run : Path
        Folder of a run, finished or not.
    out : Path
        Ends in `.safetensors`.
    image_size : int, optional
        The size that `crop_faces` is to cut for these weights, in pixels.
    mean_with : Path, optional
        Weights in any file that facelab reads, such as those that the run began with: write the mean of both, which may
        be better than either (Wortsman et al. 2022, "Model soups", arXiv 2203.05482).
    share : float, optional
        Of the run's weights in that mean, 0 to 1; by default half.
    rounded : bool, optional
        False writes the weights as they are, in float32, at four times the size.
    """
    if share is not None and mean_with is None:
        raise ValueError("A share is one of a mean: name the other weights, with --mean-with.")
    share = 0.5 if share is None else share
    if not 0 <= share <= 1:
        raise ValueError(f"A share of {share:g} is none: give a number from 0 to 1.")
    content = load(run)
    settings = Settings(**content["settings"])
    student, state = Student(), average_of(content)
    if mean_with is not None:
        other = new_student(torch.device("cpu"), torch.float32, mean_with).state_dict()
        floats = [name for name, value in state.items() if value.is_floating_point()]
        state |= {name: torch.lerp(other[name], state[name], share) for name in floats}
    student.load_state_dict(state)
    size = image_size or settings.resolutions()[-1][1]
    if not rounded:
        out = checked_target(out, ".safetensors")
        save_file(student.state_dict(), out, {"name": "facelab128, float32", "image_size": str(size)})
        return out
    return save_compact(
        student,
        out,
        name="facelab128",
        image_size=size,
        trained_on="32,700 unlabelled faces, by distillation",
        input=f"RGB, plain MTCNN crop of {size} by {size} pixels, (x - 127.5) / 128",
        output="128 numbers of unit length",
        images_seen=str(content["step"] * settings.batch),
    )


if __name__ == "__main__":
    main()
