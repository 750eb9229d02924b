"""What do a folder's first and second pass cost, in time and memory? `python tests/benchmarks/folder.py`.

The photos are the cast's portraits, over and over, each file with a few more bytes at its end than the others, so that
no two have the same content. The peer is raw facenet-pytorch as its own examples use it, one file after the other, on
the first of the same files, in turns with `embed_folder` on the same ones, by each of the runtimes of `FaceEmbedder`.
The passes over all files run in a process of their own, so that the memory is theirs alone.
"""

import argparse
import multiprocessing
import resource
import statistics
import tempfile
import time
from pathlib import Path

import torch
from facenet_pytorch import MTCNN, InceptionResnetV1
from PIL import Image

from facelab import embed_folder, load_cast
from facelab.runtimes import RUNTIMES

TURNS, IN_A_TURN = 5, 96


def fill(folder: Path, count: int) -> list[Path]:
    """Write so many photos of different content."""
    folder.mkdir()
    encoded = [path.read_bytes() for path in load_cast().path]
    files = [folder / f"{number:07}.jpg" for number in range(count)]
    for number, path in enumerate(files):
        path.write_bytes(encoded[number % len(encoded)] + number.to_bytes(4, "little"))
    return files


@torch.no_grad()
def embed_raw(files: list[Path], mtcnn: MTCNN, network: InceptionResnetV1) -> list[torch.Tensor]:
    """Embed the faces of some files, as one writes it with facenet-pytorch alone."""
    vectors = []
    for path in files:
        image = Image.open(path).convert("RGB")
        boxes, _ = mtcnn.detect(image)
        vectors.append(network(mtcnn.extract(image, boxes, None)))
    return vectors


def seconds(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def two_passes(folder: Path, out: Path) -> tuple[float, float, float]:
    """Seconds of the first pass over a folder and of a later one, and the most memory of this process in GB."""
    first = seconds(lambda: embed_folder(folder, out))
    second = statistics.median(seconds(lambda: embed_folder(folder, out)) for _ in range(3))
    return first, second, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=10_000)
    parser.add_argument("--turns", type=int, default=TURNS)
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        fill(work / "many", options.photos)
        # Before this process grows: what it holds when it starts another counts as memory of that one, too.
        with multiprocessing.get_context("spawn").Pool(1) as alone:
            first, second, peak = alone.apply(two_passes, (work / "many", work / "vectors"))
        print(f"{options.photos:,} photos: first pass {first:.0f} s, second {second:.2f} s, {first / second:.0f} times")
        print(f"most memory of their process, torch and the networks included: {peak:.2f} GB")

        mtcnn, network = MTCNN(keep_all=True, image_size=96), InceptionResnetV1().eval()
        few = fill(work / "few", IN_A_TURN)
        embed_raw(few[:2], mtcnn, network)
        times = {"facenet-pytorch": []} | {runtime: [] for runtime in RUNTIMES}
        for turn in range(options.turns + 1):
            times["facenet-pytorch"].append(seconds(lambda: embed_raw(few, mtcnn, network)))
            for runtime in RUNTIMES:
                out = work / f"{runtime} {turn}"
                taken = seconds(lambda r=runtime, o=out: embed_folder(few[0].parent, o, runtime=r, photos_in_a_part=16))
                times[runtime].append(taken)
        speeds = {side: IN_A_TURN / statistics.median(some[1:]) for side, some in times.items()}
        print(f"{torch.get_num_threads()} threads, torch {torch.__version__}, median of {options.turns} turns")
        for side, speed in speeds.items():
            print(f"photo to vectors, {side}: {speed:.1f} photos/s, ratio {speed / speeds['facenet-pytorch']:.2f}")


if __name__ == "__main__":
    main()
