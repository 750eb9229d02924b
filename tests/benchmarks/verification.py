"""Does the embedder tell people apart? `python tests/benchmarks/verification.py [--weights NAME] [--align]`.

On Labeled Faces in the Wild (FACELAB_LFW names the folder), by the official folds as they are there, and on the cast's
portraits, all pairs. Crops are MTCNN's; where several faces are on a photograph the one nearest its middle counts, as
is the custom with LFW, and where none is found the middle of the photograph stands in.
"""

import argparse
import os
import time

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from facelab import (
    FaceDetector,
    FaceEmbedder,
    Faces,
    crop_faces,
    equal_error_rate,
    kfold_accuracy,
    load_cast,
    load_lfw_pairs,
    open_image,
    pairwise_distances,
    roc,
)


def middle_face(image, faces: Faces) -> Faces:
    """The face nearest the image's middle; without any, a box of LFW's usual place and size (and no landmarks)."""
    middle = np.array([image.width, image.height]) / 2
    if len(faces) == 0:
        half = np.array([image.width * 0.19, image.height * 0.25])
        return Faces(np.r_[middle - half, middle + half][None], np.zeros(1), np.zeros((1, 5, 2)))
    centres = (faces.boxes[:, :2] + faces.boxes[:, 2:]) / 2
    return faces[int(np.linalg.norm(centres - middle, axis=1).argmin())]


def embed_photos(paths, embedder: FaceEmbedder, *, align: bool) -> tuple[np.ndarray, int]:
    """One vector a photo, and how many photos had no face."""
    detector, crops, missed = FaceDetector(), [], 0
    for path in tqdm(paths, "detecting", leave=False):
        image = open_image(path)
        faces = detector.detect(image)
        missed += len(faces) == 0
        crops.append(crop_faces(image, middle_face(image, faces), embedder.image_size, align=align and len(faces) > 0))
    return embedder.embed(torch.cat(crops)), missed


def summary(distances, same) -> dict:
    """Area under the ROC curve, and the equal error rate where the curve crosses FMR = FNMR."""
    pairs = distances[same], distances[~same]
    return {
        "AUC": roc(*pairs).area,
        "equal error rate": equal_error_rate(*pairs)[0],
        "distance, same person": f"{distances[same].mean():.3f} ± {distances[same].std():.3f}",
        "distance, two people": f"{distances[~same].mean():.3f} ± {distances[~same].std():.3f}",
    }


def on_lfw(embedder, align: bool) -> dict:
    pairs = load_lfw_pairs()
    paths = pd.unique(pd.concat([pairs.path_a, pairs.path_b]))
    vectors, missed = embed_photos(paths, embedder, align=align)
    where = pd.Series(range(len(paths)), index=paths)
    difference = vectors[where[pairs.path_a]] - vectors[where[pairs.path_b]]
    distances, same = np.linalg.norm(difference, axis=1), pairs.same.to_numpy()
    folds = kfold_accuracy(distances, same, pairs.fold)
    spread = folds.accuracy.std() / np.sqrt(len(folds))
    return {
        "photos": len(paths),
        "without a face": missed,
        "pairs": len(pairs),
        "accuracy": f"{folds.accuracy.mean():.4f} ± {spread:.4f} over {len(folds)} folds",
        "threshold": f"{folds.threshold.mean():.3f}",
        **summary(distances, same),
    }


def on_cast(embedder, align: bool, furthest_yaw: float) -> dict:
    cast = load_cast()
    cast = cast[cast.yaw.abs() <= furthest_yaw]
    vectors, missed = embed_photos(cast.path, embedder, align=align)
    distances, people = pairwise_distances(vectors), cast.person.to_numpy()
    rows, columns = np.triu_indices(len(people), 1)
    np.fill_diagonal(distances, np.inf)
    nearest = people[distances.argmin(1)] == people
    return {
        "photos": len(cast),
        "without a face": missed,
        "pairs": len(rows),
        "nearest neighbour": f"{nearest.mean():.3f}",
        **summary(distances[rows, columns], people[rows] == people[columns]),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", default=None, help="facelab128 (the default), vggface2, casia-webface or a path")
    parser.add_argument("--align", action="store_true", help="align crops by their landmarks")
    options = parser.parse_args()
    embedder = FaceEmbedder(options.weights)
    start = time.perf_counter()
    results = {}
    if os.environ.get("FACELAB_LFW"):
        results["LFW"] = on_lfw(embedder, options.align)
    results["cast"] = on_cast(embedder, options.align, 180)
    results["cast, |yaw| ≤ 30°"] = on_cast(embedder, options.align, 30)
    crops = "aligned" if options.align else "plain"
    print(f"{embedder.name}, {embedder.dimension}-d, {crops} crops at {embedder.image_size} px", end=", ")
    print(f"{time.perf_counter() - start:.0f} s in all")
    print(pd.DataFrame(results).to_string(float_format="{:.4f}".format, na_rep="-"))


if __name__ == "__main__":
    main()
