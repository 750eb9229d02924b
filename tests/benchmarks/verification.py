"""Does an embedder tell people apart? `python tests/benchmarks/verification.py [--weights NAME …] [--on SET …]`.

Weights are `facelab128`, the published ones where they are on this machine, or the path of a checkpoint. Sets are `lfw`
(Labeled Faces in the Wild, by the official folds that are there; FACELAB_LFW names the folder), `cast` (all pairs of
portraits), `cast30` (those turned by at most 30°), or a folder with one subfolder a person. Crops are MTCNN's; where
several faces are on a photograph the one nearest its middle counts, as is the custom with LFW, and where none is found
the middle of the photograph stands in. Each set is measured on plain crops and on aligned ones, from one view and from
the sum of the vectors of a face and of its mirror image. With several weights or runtimes (`--runtime`), each is also
compared with the first, vector by vector: what rounding costs, for one.

`--record` writes what plain crops and one view gave into facelab/weights/measured.csv, where `available_weights` has it
from. `--published-photos FOLDER` checks facenet-pytorch's own expected distances on its five test photos.
"""

import argparse
import itertools
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from facenet_pytorch import MTCNN
from tqdm import tqdm

from facelab import (
    FaceDetector,
    FaceEmbedder,
    Faces,
    bootstrap_interval,
    crop_faces,
    equal_error_rate,
    group_error_rates,
    kfold_accuracy,
    list_pairs,
    load_cast,
    load_folder,
    load_lfw_pairs,
    open_image,
    pairwise_distances,
    rate_interval,
    roc,
    threshold_at_fmr,
)
from facelab.checkpoints import MEASURED
from facelab.published import RELEASES, where_weights_are
from facelab.runtimes import RUNTIMES

WAYS = [(align, mirror) for align in (False, True) for mirror in (False, True)]
RATES = (0.01, 0.001)  # false match rates
CHUNK = 256  # photos whose crops are in memory at a time

# facenet-pytorch's tests/actions_test.py: distances from Angelina Jolie's photo, resized to 512 by 512, within 0.01.
EXPECTED = {"bradley_cooper": 1.4829, "kate_siegel": 0.8863, "paul_rudd": 1.4385, "shea_whigham": 1.4376}


@dataclass
class Found:
    """The face on each photo.

    Attributes
    ----------
    faces : list of Faces, each of length 1
    missed : int
        Photos on which no face was found.
    seconds : float
        A photo.
    """

    faces: list[Faces]
    missed: int
    seconds: float


def middle_face(image, faces: Faces) -> Faces:
    """The face nearest the image's middle; without any, a box of LFW's usual place and size (and no landmarks)."""
    middle = np.array([image.width, image.height]) / 2
    if len(faces) == 0:
        half = np.array([image.width * 0.19, image.height * 0.25])
        return Faces(np.r_[middle - half, middle + half][None], np.zeros(1), np.zeros((1, 5, 2)))
    centres = (faces.boxes[:, :2] + faces.boxes[:, 2:]) / 2
    return faces[int(np.linalg.norm(centres - middle, axis=1).argmin())]


def find_faces(paths) -> Found:
    """The middle face of each photo."""
    detector, faces, missed, start = FaceDetector(), [], 0, time.perf_counter()
    for path in tqdm(paths, desc="finding", leave=False):
        image = open_image(path)
        found = detector.detect(image)
        missed += len(found) == 0
        faces.append(middle_face(image, found))
    return Found(faces, missed, (time.perf_counter() - start) / len(faces))


def embed_ways(paths, faces: list[Faces], embedder: FaceEmbedder, ways=WAYS) -> tuple[dict, float]:
    """Vectors, {(align, mirror): (n, d) float32}, one a photo in each of these ways; and seconds for one view."""
    parts, aligns, seconds = {way: [] for way in ways}, sorted({align for align, _ in ways}), 0.0
    pairs = list(zip(paths, faces, strict=True))
    for start in tqdm(range(0, len(pairs), CHUNK), desc="embedding", leave=False):
        images = [(open_image(path), face) for path, face in pairs[start : start + CHUNK]]
        for align in aligns:
            # a box of the usual place has no landmarks to align by
            cut = [crop_faces(*pair, embedder.image_size, align=align and pair[1].landmarks.any()) for pair in images]
            crops, clock = torch.cat(cut), time.perf_counter()
            seen = embedder.embed(crops, progress=False)
            seconds += (time.perf_counter() - clock) / len(aligns)
            if (align, False) in parts:
                parts[align, False].append(seen)
            if (align, True) in parts:
                both = seen + embedder.embed(crops.flip(3), progress=False)
                parts[align, True].append(both / np.linalg.norm(both, axis=1, keepdims=True))
    return {way: np.concatenate(part) for way, part in parts.items()}, seconds / len(pairs)


def embed_photos(paths, embedder: FaceEmbedder, *, align: bool) -> tuple[np.ndarray, int]:
    """One vector a photo, and how many photos had no face."""
    found = find_faces(paths)
    vectors, _ = embed_ways(paths, found.faces, embedder, [(align, False)])
    return vectors[align, False], found.missed


def summary(distances, same) -> dict:
    """Area under the ROC curve, and the equal error rate where the curve crosses FMR = FNMR."""
    pairs = distances[same], distances[~same]
    return {
        "AUC": roc(*pairs).area,
        "equal error rate": equal_error_rate(*pairs)[0],
        "distance, same person": f"{distances[same].mean():.3f} ± {distances[same].std():.3f}",
        "distance, two people": f"{distances[~same].mean():.3f} ± {distances[~same].std():.3f}",
    }


# Sets: the photos, and a function that makes pairs with distances of their vectors -----------------------------------


def lfw():
    pairs = load_lfw_pairs()
    paths = pd.unique(pd.concat([pairs.path_a, pairs.path_b]))
    row = pd.Series(range(len(paths)), index=paths)

    def with_distances(vectors):
        moved = vectors[row[pairs.path_a]] - vectors[row[pairs.path_b]]
        return pairs.assign(distance=np.linalg.norm(moved, axis=1))

    return paths, with_distances


def all_pairs(photos: pd.DataFrame):
    return photos.path, lambda vectors: list_pairs(pairwise_distances(vectors), photos.person)


def cast(furthest_yaw: float = 180) -> pd.DataFrame:
    photos = load_cast()
    return photos[photos.yaw.abs() <= furthest_yaw].reset_index(drop=True)


def chosen_set(name: str):
    """The photos' paths, and what turns their vectors into a table of pairs."""
    if name == "lfw":
        return lfw()
    if name in ("cast", "cast30"):
        return all_pairs(cast(30 if name == "cast30" else 180))
    return all_pairs(load_folder(name))


# Figures -------------------------------------------------------------------------------------------------------------


def rates(genuine, impostor) -> list[float]:
    """Area, equal error rate, and the FNMR at the highest threshold with at most each of these FMRs."""
    curve = roc(genuine, impostor)
    places = [np.searchsorted(curve.fmr, rate, side="right") - 1 for rate in RATES]
    return [curve.area, equal_error_rate(genuine, impostor)[0], *curve.fnmr[places]]


def figures(pairs: pd.DataFrame, resamples: int) -> dict[str, str]:
    """What is reported of a set, each with its interval over people (of the folds: the standard error too)."""
    rows = {}
    if "fold" in pairs:
        folds = kfold_accuracy(pairs.distance, pairs.same, pairs.fold)
        near = pairs.distance < pairs.fold.map(folds.threshold)
        rate, low, high = rate_interval(near != pairs.same, pairs.person_a, pairs.person_b)
        error = folds.accuracy.std() / np.sqrt(len(folds))
        rows["accuracy by folds, %"] = f"{100 * (1 - rate):.2f} ({100 * (1 - high):.2f} to {100 * (1 - low):.2f})"
        rows["± over the folds"] = f"{100 * error:.2f}"
    interval = bootstrap_interval(pairs, rates, resamples=resamples)
    area, *errors = interval
    rows["AUC"] = f"{area:.4f}"
    names = ["equal error rate, %", *(f"FNMR at FMR {100 * rate:g} %, %" for rate in RATES)]
    for name, error in zip(names, errors, strict=True):
        rows[name] = f"{100 * error.estimate:.1f} ({100 * error.low:.1f} to {100 * error.high:.1f})"
    rows["threshold, FMR 1 %"] = f"{threshold_at_fmr(pairs.distance[~pairs.same], 0.01):.3f}"
    return rows


def groups_of_the_cast(vectors: np.ndarray, photos: pd.DataFrame) -> pd.DataFrame:
    """Error rates by skin tone, age and glasses, at the threshold for an FMR of 1 % over all of the cast's pairs."""
    pairs = list_pairs(pairwise_distances(vectors), photos.person)
    threshold = threshold_at_fmr(pairs.distance[~pairs.same], 0.01)
    tones = pd.cut(photos.monk, [0, 3, 6, 10], labels=["tones 1 to 3", "tones 4 to 6", "tones 7 to 10"])
    ages = pd.cut(photos.age, [0, 29, 49, 120], labels=["aged 19 to 29", "aged 30 to 49", "aged 50 to 79"])
    glasses = photos.glasses.map({True: "with glasses", False: "without glasses"})
    tables = [group_error_rates(pairs, labels.astype(str), threshold) for labels in (tones, ages, glasses)]
    table = pd.concat(tables)
    for rate in ("fmr", "fnmr"):
        ends = 100 * table[[rate, f"{rate}_low", f"{rate}_high"]].to_numpy()
        table[f"{rate.upper()}, %"] = [f"{middle:.1f} ({low:.1f} to {high:.1f})" for middle, low, high in ends]
    above = np.where(table.fmr_low > 0.03, "yes", np.where(table.fmr > 0.03, "perhaps", "no"))
    return table[["people", "genuine", "impostor", "FMR, %", "FNMR, %"]].assign(**{"FMR above 3 %": above})


def check_published(embedder: FaceEmbedder, folder: Path) -> pd.DataFrame:
    """Distances between facenet-pytorch's test photos, by its own detector and crop, beside those that it expects."""
    detector, crops = MTCNN(device="cpu"), []
    for name in ["angelina_jolie", *EXPECTED]:
        path = next((folder / name).glob("*.jpg"), None)
        if path is None:
            raise SystemExit(f"There is no photo in {folder / name}: give facenet-pytorch's data/test_images.")
        crops.append(detector(open_image(path).resize((512, 512))))
    vectors = embedder.embed(torch.stack(crops))
    table = pd.DataFrame({"expected": EXPECTED})
    table["measured"] = pairwise_distances(vectors[:1], vectors[1:])[0]
    return table.assign(agrees=(table.measured - table.expected).abs() < 0.01)


def record(embedder: FaceEmbedder, name: str, pairs: pd.DataFrame) -> None:
    """Replace this model's and set's row in the table that comes with the package."""
    folds = kfold_accuracy(pairs.distance, pairs.same, pairs.fold)
    row = {
        "name": embedder.name,
        "fingerprint": embedder.fingerprint,
        "set": name,
        "pairs": len(pairs),
        "accuracy": round(folds.accuracy.mean(), 4),
        "equal_error_rate": round(equal_error_rate(*split(pairs))[0], 4),
        "threshold": round(threshold_at_fmr(pairs.distance[~pairs.same], 0.01), 3),
    }
    table = pd.read_csv(MEASURED) if MEASURED.is_file() else pd.DataFrame(columns=list(row))
    others = table[(table.name != row["name"]) | (table.set != name)] if len(table) else table
    pd.DataFrame([*others.to_dict("records"), row]).to_csv(MEASURED, index=False, lineterminator="\n")


def split(pairs: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    return pairs.distance[pairs.same].to_numpy(), pairs.distance[~pairs.same].to_numpy()


def beside(vectors: np.ndarray, first: np.ndarray, with_distances) -> str:
    """How near vectors are to others of the same crops, (n, d) each, and how far the pairs' distances move."""
    cosines = (vectors * first).sum(axis=1)
    moved = (with_distances(vectors).distance - with_distances(first).distance).abs()
    return (
        f"cosine {cosines.mean():.4f} on average, {cosines.min():.4f} at least; "
        f"distances move by {moved.mean():.4f} on average, {moved.max():.4f} at most"
    )


def measure(embedders: list[FaceEmbedder], name: str, options: argparse.Namespace) -> None:
    """Print everything about some models on one set."""
    paths, with_distances = chosen_set(name)
    found, first = find_faces(paths), None
    for model in embedders:
        vectors, seconds = embed_ways(paths, found.faces, model)
        columns = {}
        for (align, mirror), some in vectors.items():
            way = f"{'aligned' if align else 'plain'}{', mirrored too' if mirror else ''}"
            columns[way] = figures(with_distances(some), options.resamples)
        plain = vectors[False, False]
        pairs = with_distances(plain)
        print(f"\n{model.name} {model.fingerprint}, {model.dimension}-d, at {model.image_size} px, on {name}:")
        print(f"{len(paths)} photos, {found.missed} without a face, {len(pairs):,} pairs;", end=" ")
        print(f"{1000 * found.seconds:.0f} ms a photo to find a face, {1000 * seconds:.1f} to embed it")
        print(pd.DataFrame(columns).to_string(), flush=True)
        if name == "cast":
            print("\nGroups, plain crops, at the threshold for an FMR of 1 % over all:")
            print(groups_of_the_cast(plain, cast()).to_string())
        if first is None:
            first = model, plain
        elif (first[0].dimension, first[0].image_size) == (model.dimension, model.image_size):
            print(f"\nBeside {first[0].name} {first[0].fingerprint}, plain crops:", end=" ")
            print(f"{beside(plain, first[1], with_distances)}.", flush=True)
        if options.record and "fold" in pairs:
            record(model, name, pairs)


def measure_all(options: argparse.Namespace) -> None:
    """Print everything about all models on all sets."""
    embedders = []
    for weights, runtime in itertools.product(options.weights, options.runtime):
        if weights in RELEASES and where_weights_are(weights) == "to download":
            print(f"{weights} is not on this machine and is left out.")
            continue
        embedders.append(FaceEmbedder(weights, runtime=runtime))
        if options.published_photos and weights == "vggface2":
            print(check_published(embedders[-1], options.published_photos).to_string())
    for name in options.on if embedders else []:
        measure(embedders, name, options)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.RawDescriptionHelpFormatter
    )
    known = ", ".join(["facelab128", *RELEASES])
    parser.add_argument("--weights", nargs="+", default=["facelab128"], help=f"{known}, or a checkpoint's path")
    default = [*(["lfw"] if os.environ.get("FACELAB_LFW") else []), "cast", "cast30"]
    parser.add_argument("--on", nargs="+", default=default, help=f"lfw, cast, cast30 or a folder (default: {default})")
    parser.add_argument("--runtime", nargs="+", default=["torch"], choices=RUNTIMES, help="what runs the network")
    parser.add_argument("--resamples", type=int, default=1000, help="of the bootstrap over people")
    parser.add_argument("--record", action="store_true", help="keep the figures on lfw with the package")
    parser.add_argument("--published-photos", type=Path, help="facenet-pytorch's data/test_images")
    options = parser.parse_args(arguments)
    try:
        measure_all(options)
    except (FileNotFoundError, ValueError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
