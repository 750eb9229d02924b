"""Are the renders faces to MTCNN and FaceNet, and is everybody somebody else? `python tests/benchmarks/cast.py`.

Prints the figures of data/cast/DATASHEET.md: detection by subset against the renderer's ground truth, `facelab128` on
all pairs of portraits, and the people who are most alike. `--align` and `--weights` are as in verification.py.
"""

import argparse

import numpy as np
import pandas as pd
from tqdm import tqdm
from verification import embed_photos, summary

from facelab import (
    FaceDetector,
    FaceEmbedder,
    Faces,
    average_precision,
    clip_frames,
    iou,
    load_cast,
    load_clip,
    load_scenes,
    match_boxes,
    pairwise_distances,
    scene_files,
)
from facelab.data import POINTS, boxes, landmarks


def detect_everything() -> pd.DataFrame:
    """One row a photo, scene or frame: what is there (`truth`, a table) and what was found (`found`, Faces)."""
    photos, scenes, clip = load_cast(None), load_scenes(), load_clip()
    sources = [(path, rows) for path, rows in photos.groupby("path", sort=False)]
    sources += [(path, scenes[scenes.path == path].assign(subset="scenes")) for path in scene_files()]
    sources += [(frame, clip[clip.frame == k].assign(subset="clip")) for k, frame in enumerate(clip_frames())]
    detector = FaceDetector()
    found = [detector.detect(source) for source, _ in tqdm(sources, "detecting", leave=False)]
    return pd.DataFrame({"truth": [truth for _, truth in sources], "found": found})


def measure(pictures: pd.DataFrame, wanted) -> dict:
    """Detection of the faces for which `wanted(table)` holds; detections of other true faces are left out.

    Recall counts boxes that overlap the true one by an IoU of at least 0.5. A detection that overlaps no face by that
    much is a false alarm, and counts against the average precision of every subset that its picture belongs to.
    """
    truths, kept, overlaps, errors, seen_errors, probs = [], [], [], [], [], []
    for truth, found in pictures.itertuples(index=False):
        if not len(truth) or not wanted(truth).any():
            continue
        mask, every = wanted(truth).to_numpy(), boxes(truth)
        match = match_boxes(every, found)
        mine = np.array([m < 0 or mask[m] for m in match], bool)
        truths.append(every[mask])
        kept.append(Faces(found.boxes[mine], found.probs[mine], found.landmarks[mine]))
        for i in np.flatnonzero((match >= 0) & mine):
            m, width = match[i], np.ptp(every[match[i], [0, 2]])
            distance = np.linalg.norm(found.landmarks[i] - landmarks(truth)[m], axis=1) / width
            visible = truth[[f"{point}_visible" for point in POINTS]].to_numpy(bool)[m]
            overlaps.append(iou(found.boxes[[i]], every[[m]])[0, 0])
            errors.append(distance.mean())
            seen_errors.extend(distance[visible])
            probs.append(found.probs[i])
    total = sum(map(len, truths))
    return {
        "faces": total,
        "found, %": 100 * len(overlaps) / total,
        "at 0.95, %": 100 * np.sum(np.array(probs) >= 0.95) / total,
        "AP": average_precision(truths, kept),
        "IoU": np.mean(overlaps),
        "landmarks, %": 100 * np.mean(seen_errors),
        "hidden too, %": 100 * np.mean(errors),
    }


def subset(name):
    return lambda table: table.subset == name


def dark(table):
    """Exposed two stops too short, or a quarter of the usual light or less; group photos and clip do not say."""
    if "exposure_ev" not in table:
        return table.yaw.isna()
    return (table.exposure_ev <= -2) | (table.light_strength <= 0.25)


SUBSETS = {
    "portraits": subset("portraits"),
    "portraits, frontal (|yaw| ≤ 15°)": lambda t: (t.subset == "portraits") & (t.yaw.abs() <= 15),
    "portraits, |yaw| ≤ 30°": lambda t: (t.subset == "portraits") & (t.yaw.abs() <= 30),
    "portraits, |yaw| > 30°": lambda t: (t.subset == "portraits") & (t.yaw.abs() > 30),
    "strangers": subset("strangers"),
    "sweeps": subset("sweeps"),
    "group photos": subset("scenes"),
    "clip": subset("clip"),
    "anywhere: profile (|yaw| ≥ 60°)": lambda t: t.yaw.abs() >= 60,
    "portraits and sweeps: dark": dark,
    "anywhere: small (under 40 pixels wide)": lambda t: t.x1 - t.x0 < 40,
    "anywhere: partly hidden (a tenth to half)": lambda t: t.visible.between(0.5, 0.9),
    "anywhere: mostly hidden (more than half)": lambda t: t.visible < 0.5,
}


def people_apart(vectors: np.ndarray, people: np.ndarray) -> pd.DataFrame:
    """The mean vector of each person, scaled to length one, and the cosines between them, the closest first."""
    people = np.asarray(people)
    names = sorted(set(people))
    centres = np.stack([vectors[people == name].mean(0) for name in names])
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    rows, columns = np.triu_indices(len(names), 1)
    table = pd.DataFrame({"one": np.array(names)[rows], "other": np.array(names)[columns]})
    return table.assign(cosine=(centres @ centres.T)[rows, columns]).sort_values("cosine", ascending=False)


def recognise(vectors: np.ndarray, photos: pd.DataFrame) -> dict:
    """All pairs; the nearest other photo of each; and probes looked up in the gallery."""
    people, distances = photos.person.to_numpy(), pairwise_distances(vectors)
    rows, columns = np.triu_indices(len(people), 1)
    gallery = (photos.split == "gallery").to_numpy()
    rank_one = people[gallery][distances[~gallery][:, gallery].argmin(1)] == people[~gallery]
    others = distances + 10 * np.eye(len(people))
    return {
        "photos": len(photos),
        "pairs": len(rows),
        **summary(distances[rows, columns], people[rows] == people[columns]),
        "nearest neighbour": (people[others.argmin(1)] == people).mean(),
        "probe in gallery": rank_one.mean(),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", default=None, help="facelab128 (the default), vggface2, casia-webface or a path")
    parser.add_argument("--align", action="store_true", help="align crops by their landmarks")
    options = parser.parse_args()

    pictures = detect_everything()
    rows = {name: measure(pictures, wanted) for name, wanted in SUBSETS.items()}
    print("MTCNN, default settings. Landmark errors are in % of the face's width, of landmarks that can be seen.")
    print(pd.DataFrame(rows).T.astype({"faces": int}).round(3).to_string())
    empty = [found for truth, found in pictures.itertuples(index=False) if not len(truth)]
    print(f"{len(empty)} pictures without anybody: {sum(map(len, empty))} false alarms\n")

    photos, embedder = load_cast(None), FaceEmbedder(options.weights)
    portraits = photos[photos.subset == "portraits"].reset_index(drop=True)
    vectors, _ = embed_photos(portraits.path, embedder, align=options.align)
    near = (portraits.yaw.abs() <= 30).to_numpy()
    print(f"{embedder.name}, {'aligned' if options.align else 'plain'} crops at {embedder.image_size} pixels")
    results = {"portraits": recognise(vectors, portraits), "|yaw| ≤ 30°": recognise(vectors[near], portraits[near])}
    print(pd.DataFrame(results).to_string(float_format="{:.4f}".format), "\n")

    strangers = photos[photos.subset == "strangers"]
    others, _ = embed_photos(strangers.path, embedder, align=options.align)
    everybody = people_apart(np.concatenate([vectors[near], others]), [*portraits.name[near], *strangers.name])
    within = everybody[everybody.one.isin(portraits.name) & everybody.other.isin(portraits.name)]
    print("The most alike, by the cosine of their mean vectors over portraits with |yaw| ≤ 30°: in the cast,")
    print(within.head(5).to_string(index=False, header=False, float_format="{:.3f}".format))
    print("and with the strangers,")
    print(everybody.head(5).to_string(index=False, header=False, float_format="{:.3f}".format))


if __name__ == "__main__":
    main()
