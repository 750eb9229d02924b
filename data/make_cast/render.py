"""Render the cast: `python data/make_cast/render.py --head-model ict_facekit_light.npz --out build/cast --resume`."""

from __future__ import annotations

import argparse
import json
import os
import shutil
from pathlib import Path

import numpy as np
from clip import FRAMES, RATE
from film import develop, exposure
from head import HeadModel
from people import people
from plan import make_plan
from shots import Shot
from tables import CLIP, load_note, save_note, write_tables
from tqdm import tqdm
from video import encode

SUBSETS = ("portraits", "strangers", "sweeps", "scenes", "clip", "door")
QUALITY = 88


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--head-model", type=Path, help="what build_head_model.py made; needed to render")
    parser.add_argument("--out", type=Path, required=True, help="folder for the set; negatives go into its .negatives")
    parser.add_argument("--only", nargs="*", choices=SUBSETS, default=SUBSETS)
    parser.add_argument("--shots", nargs="*", help="names of single shots, such as 05_00")
    parser.add_argument("--samples", type=int, default=16, help="light paths a pixel, before denoising")
    parser.add_argument("--threads", type=int, default=0, help="0 takes all cores")
    parser.add_argument("--scale", type=float, default=1.0, help="of the picture's size, for previews")
    parser.add_argument("--resume", action="store_true", help="keep what has been rendered")
    parser.add_argument("--develop-only", action="store_true", help="render nothing: make pictures and tables anew")
    options = parser.parse_args(arguments)
    plan = [shot for shot in make_plan() if shot.subset in options.only]
    if options.shots:
        plan = [shot for shot in plan if shot.name in options.shots]
    if not plan:
        parser.error(f"no shot is called {', '.join(options.shots or [])}")
    if not (options.head_model or options.develop_only):
        parser.error("give --head-model, or --develop-only to render nothing")
    negatives = options.out / ".negatives"
    if not options.develop_only:
        render(plan, negatives, options)
    for shot in tqdm([shot for shot in plan if load_note(negatives, shot)], desc="developing"):
        print_picture(shot, negatives, options.out)
    frames = sorted((options.out / ".frames").glob("*.png"))
    if len(frames) == FRAMES:
        encode(frames, options.out / CLIP, RATE)
    rows = write_tables(make_plan(), negatives, options.out)
    print(", ".join(f"{name}.csv: {count} rows" for name, count in rows.items()))


def render(plan: list[Shot], negatives: Path, options: argparse.Namespace) -> None:
    """Render what is missing, and develop each picture at once so that it can be looked at."""
    from studio import Studio  # here, because only rendering needs Blender

    studio = Studio(
        HeadModel.load(options.head_model),
        people(),
        options.samples,
        options.threads or _cores(),
        options.scale,
        options.out,
    )
    alike: dict[Shot, Shot] = {}
    bar = tqdm(plan, unit="shot", smoothing=0.05)
    for shot in bar:
        twin = alike.setdefault(shot.content, shot)
        path = negative(negatives, shot)
        if options.resume and path.is_file() and load_note(negatives, shot):
            continue
        bar.set_postfix_str(f"{shot.subset}/{shot.name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        if twin is not shot:
            shutil.copy(negative(negatives, twin), path)
            shutil.copy(negative(negatives, twin).with_suffix(".json"), path.with_suffix(".json"))
        else:
            light, camera, truths, seconds = studio.take(shot)
            np.save(path, light)
            save_note(negatives, shot, camera, truths, seconds)
        print_picture(shot, negatives, options.out)


def negative(folder: Path, shot: Shot) -> Path:
    """Where a shot's linear light is kept."""
    return folder / shot.subset / f"{shot.name}.npy"


def print_picture(shot: Shot, negatives: Path, out: Path) -> None:
    """Develop a negative and save it as the set's JPEG."""
    metered = negatives / shot.subset / f"{shot.film.metered_on or shot.name}.npy"
    if not metered.is_file():
        metered = negative(negatives, shot)
    light = np.load(metered).astype(np.float32)
    note = load_note(metered.parent.parent, shot) if metered.stem == shot.name else _note_beside(metered)
    scale = light.shape[1] / shot.camera.size[0]
    gain = exposure(light, [tuple(scale * v for v in face["mesh_box"]) for face in note["faces"]])
    light = np.load(negative(negatives, shot)).astype(np.float32)
    picture = develop(light, gain, shot.film, np.random.default_rng([shot.seed, max(0, shot.frame)]))
    path = out / shot.file
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, quality=QUALITY)


def _note_beside(path: Path) -> dict:
    return json.loads(path.with_suffix(".json").read_text())


def _cores() -> int:
    return os.cpu_count() or 1


if __name__ == "__main__":
    main()
