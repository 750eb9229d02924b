"""How fast are detection and embedding beside raw facenet-pytorch? `python tests/benchmarks/speed.py`.

Each pair is measured in the same run, turn by turn, so that whatever else the machine does hits both; the figure is the
median of the turns. Both sides start from decoded images in memory.
"""

import argparse
import statistics
import time

import pandas as pd
import torch
from facenet_pytorch import MTCNN, InceptionResnetV1
from PIL import Image

from facelab import FaceDetector, FaceEmbedder, load_cast, open_image


def seconds(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def interleaved(ours, theirs, turns: int) -> tuple[float, float]:
    """Median seconds of each, after one turn that does not count."""
    ours(), theirs()
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(turns)]
    return tuple(statistics.median(side) for side in zip(*pairs, strict=True))


def crowd(images, width: int, height: int) -> Image.Image:
    """A large picture tiled with portraits at several sizes."""
    sheet = Image.new("RGB", (width, height), "grey")
    x = y = i = 0
    sides = (height // 2, height // 4, height // 3)
    while y < height:
        side = sides[i % 3]
        sheet.paste(images[i % len(images)].resize((side, side)), (x, y))
        x, i = x + side, i + 1
        if x >= width:
            x, y = 0, y + sides[0]
    return sheet


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=5)
    turns = parser.parse_args().turns

    portraits = [open_image(path) for path in load_cast().path]
    detector, mtcnn = FaceDetector(), MTCNN(keep_all=True)
    work = {
        f"detect {len(portraits)} portraits, 320×320": portraits,
        "detect 4 collages, 1280×720": [crowd(portraits, 1280, 720)] * 4,
        "detect 4 collages, 1920×1080": [crowd(portraits, 1920, 1080)] * 4,
    }
    rows = []
    for name, images in work.items():
        ours, theirs = interleaved(
            lambda images=images: detector.detect(images, progress=False),
            lambda images=images: [mtcnn.detect(image, landmarks=True) for image in images],
            turns,
        )
        rows.append((name, len(images) / ours, len(images) / theirs))

    embedder = FaceEmbedder()
    eager = InceptionResnetV1().eval()
    for side in sorted({embedder.image_size, 160}):
        crops = torch.randn(64, 3, side, side, generator=torch.Generator().manual_seed(0)).clamp(-1, 1)

        def raw(crops=crops):
            with torch.no_grad():
                return [eager(batch) for batch in crops.split(16)]

        ours, theirs = interleaved(lambda crops=crops: embedder.embed(crops, progress=False), raw, turns)
        rows.append((f"embed {len(crops)} crops, {side}×{side}", len(crops) / ours, len(crops) / theirs))

    table = pd.DataFrame(rows, columns=["work", "facelab, images/s", "facenet-pytorch, images/s"]).set_index("work")
    table["ratio"] = table.iloc[:, 0] / table.iloc[:, 1]
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}, median of {turns} turns")
    print(table.to_string(float_format="{:.2f}".format))


if __name__ == "__main__":
    main()
