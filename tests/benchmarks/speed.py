"""How fast are detection, embedding and naming beside what one would run otherwise? `python tests/benchmarks/speed.py`.

All sides are measured in the same run, turn by turn, so that whatever else the machine does hits all; the figure is the
median of the turns. All start from decoded images in memory. Raw facenet-pytorch is used as its own examples do:
`MTCNN(keep_all=True).detect(image, landmarks=True)`, crops by `extract`, `InceptionResnetV1` in float32, 16 at a time.

Where they are installed, two other packages stand beside it, with the defaults of their own examples: face_recognition,
which is dlib's detector (HOG) and its network of 128 numbers, and mtcnn, the same cascade on TensorFlow. They are not
among this project's requirements; tests/benchmarks/README.md says how to get them.
"""

import argparse
import contextlib
import os
import statistics
import time

import numpy as np
import pandas as pd
import torch
from facenet_pytorch import MTCNN, InceptionResnetV1

from facelab import FaceDetector, FaceEmbedder, Gallery, load_cast, load_door, load_lfw, open_image, scene_files
from facelab.runtimes import RUNTIMES

BATCH = 16
FRAMES = "one frame after the other, 640×480"


def seconds(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def interleaved(sides: list, turns: int) -> list[float]:
    """Median seconds of each side, after one turn that does not count."""
    for side in sides:
        side()
    rows = [[seconds(side) for side in sides] for _ in range(turns)]
    return [statistics.median(column) for column in zip(*rows, strict=True)]


def other_packages() -> tuple[dict, dict]:
    """How to detect in an image, and how to get from a photo to vectors, by the names of the packages that are here."""
    detect, embed = {}, {}
    with contextlib.suppress(ImportError, SystemExit):  # it exits where its models are not installed
        import face_recognition

        detect["face_recognition"] = face_recognition.face_locations
        embed["face_recognition"] = face_recognition.face_encodings
    with contextlib.suppress(ImportError):
        from mtcnn import MTCNN as TensorFlowMTCNN

        detect["mtcnn"] = TensorFlowMTCNN().detect_faces
    return detect, embed


def image_sets() -> dict[str, list]:
    """What is to be detected in: decoded images by a name for them."""
    scenes = [open_image(path) for path in scene_files()[:4]]
    sets = {
        "portraits, 320×320": [open_image(path) for path in load_cast().path[:96]],
        FRAMES: [open_image(path) for path in load_door().path],
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
    embedders, eager = {runtime: FaceEmbedder(runtime=runtime) for runtime in RUNTIMES}, InceptionResnetV1().eval()
    image_size, dimension = embedders["torch"].image_size, embedders["torch"].dimension
    other_detectors, other_embedders = other_packages()
    rows = []

    def compare(name: str, count: int, **sides) -> None:
        times = interleaved(list(sides.values()), turns)
        speeds = {side: count / time for side, time in zip(sides, times, strict=True)}
        ratios = {f"to {side}": speeds["facelab"] / speed for side, speed in speeds.items() if side != "facelab"}
        rows.append({"work": name, "facelab, images/s": speeds["facelab"], **ratios})
        print(pd.DataFrame(rows[-1:]).to_string(index=False, header=False), flush=True)

    sets = image_sets()
    for name, images in sets.items():
        arrays = [np.asarray(image) for image in images]
        compare(
            f"detect, {name}",
            len(images),
            facelab=lambda images=images, alone=name == FRAMES: (
                [detector.detect(image) for image in images] if alone else detector.detect(images, progress=False)
            ),
            facenet_pytorch=lambda images=images: [mtcnn.detect(image, landmarks=True) for image in images],
            **{
                package: lambda find=find, arrays=arrays: [find(array) for array in arrays]
                for package, find in other_detectors.items()
            },
        )
    for side in sorted({image_size, 160}):
        crops = torch.randn(64, 3, side, side, generator=torch.Generator().manual_seed(0)).clamp(-1, 1)
        for runtime, embedder in embedders.items():
            compare(
                f"embed, crops of {side}×{side}, {runtime}",
                len(crops),
                facelab=lambda crops=crops, embedder=embedder: embedder.embed(crops, progress=False),
                facenet_pytorch=lambda crops=crops: embed_raw(eager, crops),
            )
    known = np.random.default_rng(0).normal(size=(500, dimension))
    known = (known / np.linalg.norm(known, axis=1, keepdims=True)).astype(np.float32)
    raw_detector, raw_network = MTCNN(keep_all=True, image_size=image_size), eager
    raw_known = np.random.default_rng(0).normal(size=(500, 512)).astype(np.float32)
    photos = sets["portraits, 320×320"][:48]
    arrays = [np.asarray(photo) for photo in photos]
    for runtime, embedder in embedders.items():
        gallery = Gallery(embedder=embedder, detector=detector)
        for number, vector in enumerate(known):
            gallery.enrol_vectors(f"person {number}", vector)
        compare(
            f"photo to names, portraits, {runtime}",
            len(photos),
            facelab=lambda gallery=gallery: [gallery.identify(photo, threshold=1.0) for photo in photos],
            facenet_pytorch=lambda: [name_raw(raw_detector, raw_network, photo, raw_known) for photo in photos],
            **{
                package: lambda embed=embed: [embed(array) for array in arrays]
                for package, embed in other_embedders.items()
            },
        )

    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}, median of {turns} turns; `to …` are ratios")
    print(pd.DataFrame(rows).set_index("work").to_string(float_format="{:.2f}".format, na_rep=""))


if __name__ == "__main__":
    main()
