"""Draws people until no two look alike to facelab128, which decides what goes into `people.REDRAWN`.

Two steps, because Blender's Python and facelab's are two environments. The first renders small plain pictures of
several draws of the people named; the second embeds them and chooses:

    cd data/make_cast
    render-env/bin/python audition.py render --head-model head.npz --out build/audition --people person_04
    python audition.py choose --out build/audition
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from film import develop, exposure
from outfits import Outfit
from people import REDRAWN, people
from plan import facing
from posture import Posture
from shots import Film, Light, Placement, Shot

BOUND = 0.85  # cosine of two people's mean embeddings, above which the later one is drawn again
VIEWS = ((-4, "neutral"), (22, "smile"))  # yaw in degrees, expression
ROOM = "office"  # one place, light and garment for all, so that nothing but the head can tell them apart


def views(person: str) -> list[Shot]:
    """Plan the pictures of one candidate."""
    return [
        Shot(
            f"view{k}",
            "audition",
            facing(38, 85),
            (Placement(person, posture=Posture(yaw / 2, yaw / 2), expression=mood, outfit=Outfit("tee", "grey")),),
            ROOM,
            Light(elevation=30.0, size=80.0),
            seed=1,
            headroom=True,
        )
        for k, (yaw, mood) in enumerate(VIEWS)
    ]


def render(head_model: Path, out: Path, who: list[str], draws: int, threads: int) -> None:
    """Render everybody as they are now, and the next draws of those in `who`; what is there already is kept."""
    from head import HeadModel  # these need Blender
    from studio import Studio
    from tqdm import tqdm

    now = people()
    candidates = [(id, REDRAWN.get(id, 0)) for id in now]
    candidates += [(id, REDRAWN.get(id, 0) + more) for id in who for more in range(1, draws + 1)]
    model = HeadModel.load(head_model)
    for id, draw in tqdm(candidates, unit="candidate"):
        shots = views(id)
        files = [out / f"{id}_{draw}_{shot.name}.png" for shot in shots]
        if all(file.is_file() for file in files):
            continue
        studio = Studio(model, people(redrawn=REDRAWN | {id: draw}), samples=8, threads=threads, scale=0.5)
        for shot, file in zip(shots, files, strict=True):
            light, _, (face,), _ = studio.take(shot)
            box = tuple(value / 2 for value in face.mesh_box)
            file.parent.mkdir(parents=True, exist_ok=True)
            develop(light.astype(np.float32), exposure(light, [box]), Film(), np.random.default_rng(0)).save(file)


def choose(out: Path, bound: float = BOUND) -> dict[str, int]:
    """Choose a draw for each person, in the order of the table, the least like all who are chosen already.

    Returns
    -------
    dict of str to int
        What REDRAWN should say; prints the closest pairs on the way.
    """
    from facelab import FaceDetector, FaceEmbedder, crop_faces  # here, because Blender's Python has no facelab

    detector, embedder = FaceDetector(), FaceEmbedder()
    centres: dict[str, dict[int, np.ndarray]] = {}
    for file in sorted(out.glob("*_view0.png")):
        person, draw = file.stem.removesuffix("_view0").rsplit("_", 1)
        pictures = sorted(out.glob(f"{person}_{draw}_view*.png"))
        crops = [crop_faces(path, detector.detect(path)[:1], embedder.image_size) for path in pictures]
        mean = embedder.embed(np.concatenate(crops)).mean(0)
        centres.setdefault(person, {})[int(draw)] = mean / np.linalg.norm(mean)
    chosen = pick(centres, bound)
    for cosine, a, b in closest({id: centres[id][draw] for id, draw in chosen.items()})[:10]:
        print(f"{a} {b} {cosine:.3f}")
    return {id: draw for id, draw in chosen.items() if draw}


def pick(centres: dict[str, dict[int, np.ndarray]], bound: float) -> dict[str, int]:
    """Keep a person's first draw if it is below the bound to all before it, or take the draw that is the farthest."""
    settled = {id: own[min(own)] for id, own in centres.items() if len(own) == 1}
    chosen = {id: min(centres[id]) for id in settled}
    for id in sorted(set(centres) - set(settled)):
        nearest = {
            draw: max(float(centre @ other) for other in settled.values()) for draw, centre in centres[id].items()
        }
        first = min(nearest)
        chosen[id] = first if nearest[first] < bound else min(nearest, key=nearest.get)
        settled[id] = centres[id][chosen[id]]
    return dict(sorted(chosen.items()))


def closest(centres: dict[str, np.ndarray]) -> list[tuple[float, str, str]]:
    """List all pairs of people with the cosine of their mean embeddings, the closest first."""
    names = sorted(centres)
    pairs = [(float(centres[a] @ centres[b]), a, b) for k, a in enumerate(names) for b in names[k + 1 :]]
    return sorted(pairs, reverse=True)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("render", "choose"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--head-model", type=Path)
    parser.add_argument("--people", nargs="*", default=[], help="who is drawn again")
    parser.add_argument("--draws", type=int, default=5, help="how often")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    if options.step == "render":
        if not options.head_model:
            parser.error("render needs --head-model")
        render(options.head_model, options.out, options.people, options.draws, options.threads)
    else:
        print("REDRAWN =", choose(options.out))


if __name__ == "__main__":
    sys.exit(main())
