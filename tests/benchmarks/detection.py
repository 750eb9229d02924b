"""How well does MTCNN detect the cast, and is it facenet-pytorch's MTCNN? `python tests/benchmarks/detection.py`.

Where FACELAB_DETECTION names a folder with images/ and boxes.csv (file, x0, y0, x1, y1: one annotated face each), the
recall of that face is measured too. Precision is not: the photographs show other faces, which nobody annotated.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
from facenet_pytorch import MTCNN
from tqdm import tqdm

from facelab import (
    FaceDetector,
    Faces,
    average_precision,
    clip_frames,
    iou,
    load_cast,
    load_clip,
    load_scenes,
    match_boxes,
    open_image,
    scene_files,
)
from facelab.data import boxes, landmarks


class RawFacenetPytorch:
    """facenet-pytorch's MTCNN as its examples use it, one PIL image at a time."""

    def __init__(self):
        self.mtcnn = MTCNN(keep_all=True)

    def detect(self, path) -> Faces:
        found = self.mtcnn.detect(open_image(path), landmarks=True)
        if found[0] is None:
            return Faces(np.zeros((0, 4)), np.zeros(0), np.zeros((0, 5, 2)))
        return Faces(*(np.asarray(part, np.float32) for part in found))


def measure(paths, truth, points, detector) -> dict:
    found = [detector.detect(path) for path in tqdm(paths, leave=False)]
    matches = [match_boxes(t, f) for t, f in zip(truth, found, strict=True)]
    total = sum(map(len, truth))
    overlaps, errors = [], []
    for t, p, f, m in zip(truth, points, found, matches, strict=True):
        for i in np.flatnonzero(m >= 0):
            overlaps.append(iou(f.boxes[[i]], t[[m[i]]])[0, 0])
            if p is not None:
                width = t[m[i], 2] - t[m[i], 0]
                errors.append(np.linalg.norm(f.landmarks[i] - p[m[i]], axis=1) / width)
    row = {
        "faces": total,
        "recall": len(overlaps) / total,
        "mean IoU": np.mean(overlaps),
        "lowest prob.": min(f.probs[m >= 0].min(initial=1) for f, m in zip(found, matches, strict=True)),
    }
    if points[0] is not None:
        each = 100 * np.mean(errors, axis=0)
        row["false alarms"] = int(sum((m < 0).sum() for m in matches))
        row["AP"] = average_precision(truth, found)
        row["landmarks, %"] = each.mean()
        row["nose, %"] = each[2]
    return row


def by_image(table: pd.DataFrame, images: dict | None = None):
    """Images, and the boxes and landmarks of each; `images` by path or frame, where there are some without a face."""
    by = "frame" if "frame" in table else "path"
    groups = dict(list(table.groupby(by, sort=False)))
    images = images or {path: path for path in groups}
    of_each = [groups.get(key, table[:0]) for key in images]
    return list(images.values()), [boxes(g) for g in of_each], [landmarks(g) for g in of_each]


def main():
    cast = load_cast()
    sets = {
        "portraits": by_image(cast),
        "portraits, |yaw| ≤ 30°": by_image(cast[cast.yaw.abs() <= 30]),
        "portraits, |yaw| > 30°": by_image(cast[cast.yaw.abs() > 30]),
        "sweeps": by_image(load_cast("sweeps")),
        "group photos": by_image(load_scenes(), {path: path for path in scene_files()}),
        "clip": by_image(load_clip(), dict(enumerate(clip_frames()))),
    }
    folder = os.environ.get("FACELAB_DETECTION")
    if folder:
        table = pd.read_csv(Path(folder, "boxes.csv"))
        sets["photographs"] = (
            [Path(folder, "images", file) for file in table.file],
            [row[None] for row in boxes(table)],
            [None] * len(table),
        )
    rows = {}
    for name, (paths, truth, points) in sets.items():
        for peer, detector in {"facelab": FaceDetector(), "facenet-pytorch": RawFacenetPytorch()}.items():
            rows[name, peer] = measure(paths, truth, points, detector)
    print("A face counts as found from IoU 0.5. Landmark errors are in % of the face's width.")
    print(pd.DataFrame(rows).T.map(lambda x: f"{x:.3f}".removesuffix(".000")).replace("nan", "-").to_string())


if __name__ == "__main__":
    main()
