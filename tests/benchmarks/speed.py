"""How fast are detection, embedding and naming beside raw facenet-pytorch? `python tests/benchmarks/speed.py`.

Each pair is measured in the same run, turn by turn, so that whatever else the machine does hits both; the figure is the
median of the turns. Both sides start from decoded images in memory. Raw facenet-pytorch is used as its own examples do:
`MTCNN(keep_all=True).detect(image, landmarks=True)`, crops by `extract`, `InceptionResnetV1` in float32, 16 at a time.
"""

import argparse
import os
import statistics
import time

import numpy as np
import pandas as pd
import torch
from facenet_pytorch import MTCNN, InceptionResnetV1

from facelab import FaceDetector, FaceEmbedder, Gallery, load_cast, load_door, load_lfw, open_image, scene_files

BATCH = 16


def seconds(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def interleaved(ours, theirs, turns: int) -> tuple[float, float]:
    """Median seconds of each, after one turn that does not count."""
    ours(), theirs()
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(turns)]
    return tuple(statistics.median(side) for side in zip(*pairs, strict=True))


def image_sets() -> dict[str, list]:
    """What is to be detected in: decoded images by a name for them."""
    scenes = [open_image(path) for path in scene_files()[:4]]
    sets = {
        "portraits, 320×320": [open_image(path) for path in load_cast().path[:96]],
        "one frame after the other, 640×480": [open_image(path) for path in load_door().path],
        "group photos, 1280×720": [scene.resize((1280, 720)) for scene in scenes],
        "group photos, 1920×1080": [scene.resize((1920, 1080)) for scene in scenes],
    }
    if os.environ.get("FACELAB_LFW"):
        sets["press photographs (LFW), 250×250"] = [open_image(path) for path in load_lfw().path[:96]]
    return sets


@torch.no_grad()
def embed_raw(network: InceptionResnetV1, crops: torch.Tensor) -> np.ndarray:
    return torch.cat([network(batch) for batch in crops.split(BATCH)]).numpy()


def name_raw(mtcnn: MTCNN, network: InceptionResnetV1, image, known: np.ndarray) -> list[int]:
    """Who is nearest to each face, as one writes it with facenet-pytorch alone."""
    boxes, _ = mtcnn.detect(image)
    crops = mtcnn.extract(image, boxes, None)
    return np.linalg.norm(embed_raw(network, crops)[:, None] - known, axis=2).argmin(axis=1).tolist()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=5)
    turns = parser.parse_args().turns

    detector, mtcnn = FaceDetector(), MTCNN(keep_all=True)
    embedder, eager = FaceEmbedder(), InceptionResnetV1().eval()
    rows = []

    def compare(name: str, count: int, ours, theirs) -> None:
        times = interleaved(ours, theirs, turns)
        rows.append((name, *(count / time for time in times)))

    sets = image_sets()
    for name, images in sets.items():
        compare(
            f"detect, {name}",
            len(images),
            lambda images=images: detector.detect(images, progress=False),
            lambda images=images: [mtcnn.detect(image, landmarks=True) for image in images],
        )
    for side in sorted({embedder.image_size, 160}):
        crops = torch.randn(64, 3, side, side, generator=torch.Generator().manual_seed(0)).clamp(-1, 1)
        compare(
            f"embed, crops of {side}×{side}",
            len(crops),
            lambda crops=crops: embedder.embed(crops, progress=False),
            lambda crops=crops: embed_raw(eager, crops),
        )
    gallery = Gallery(embedder=embedder, detector=detector)
    known = np.random.default_rng(0).normal(size=(500, embedder.dimension))
    known = (known / np.linalg.norm(known, axis=1, keepdims=True)).astype(np.float32)
    for number, vector in enumerate(known):
        gallery.enrol_vectors(f"person {number}", vector)
    raw_detector, raw_network = MTCNN(keep_all=True, image_size=embedder.image_size), eager
    raw_known = np.random.default_rng(0).normal(size=(500, 512)).astype(np.float32)
    photos = sets["portraits, 320×320"][:48]
    compare(
        f"photo to names, portraits, crops of {embedder.image_size}×{embedder.image_size}",
        len(photos),
        lambda: [gallery.identify(photo, threshold=1.0) for photo in photos],
        lambda: [name_raw(raw_detector, raw_network, photo, raw_known) for photo in photos],
    )

    table = pd.DataFrame(rows, columns=["work", "facelab, images/s", "facenet-pytorch, images/s"]).set_index("work")
    table["ratio"] = table.iloc[:, 0] / table.iloc[:, 1]
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}, median of {turns} turns")
    print(table.to_string(float_format="{:.2f}".format))


if __name__ == "__main__":
    main()
