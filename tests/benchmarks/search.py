"""What does an approximate index cost, and save, in a gallery of a million? `python tests/benchmarks/search.py`.

The gallery is made up from the same measured vectors as in notebook 08 (`facelab.Population`); the searches are other
photos of people in it. The peer is FAISS's exact index in the same run: every index answers the same searches, one at a
time, in turns with it. With `--record`, the table goes to tests/benchmarks/search.csv, which the notebook shows.
"""

import argparse
import statistics
import time
from pathlib import Path

import faiss
import numpy as np
import pandas as pd
import torch

from facelab import FaceDetector, FaceEmbedder, Population, crop_faces, load_cast, open_image

# FAISS's own names, and what is set for searching: how many cells are looked at, or how many candidates are followed.
INDEXES = [
    ("IVF1024,Flat", "nprobe=4"),
    ("IVF1024,Flat", "nprobe=16"),
    ("IVF1024,Flat", "nprobe=64"),
    ("IVF1024,SQ8", "nprobe=16"),
    ("IVF1024,PQ32", "nprobe=16"),
    ("HNSW32", "efSearch=32"),
    ("HNSW32", "efSearch=128"),
]
EXACT, NEAREST, TURNS = "Flat", 10, 5


def measured_population() -> Population:
    """Embed four photos of each of the cast's people and strangers."""
    table = load_cast(None).query("subset != 'sweeps'").groupby("person").head(4)
    detector, embedder = FaceDetector(), FaceEmbedder()
    crops = []
    for path in table.path:
        image = open_image(path)
        crops.append(crop_faces(image, detector.detect(image)[:1], embedder.image_size))
    people = np.repeat(table.person.to_numpy(object), [len(crop) for crop in crops])
    return Population(embedder.embed(torch.cat(crops)), people)


def search_one_by_one(index: faiss.Index, queries: np.ndarray) -> tuple[np.ndarray, float]:
    """Search, and give what was found (n, 10) and the seconds of one search."""
    start = time.perf_counter()
    found = [index.search(query[None], NEAREST)[1][0] for query in queries]
    return np.stack(found), (time.perf_counter() - start) / len(queries)


def bytes_of(index: faiss.Index) -> int:
    return len(faiss.serialize_index(index))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--record", action="store_true", help="write the table to search.csv")
    options = parser.parse_args()
    faiss.omp_set_num_threads(1)  # a search uses one in any case

    population = measured_population()
    gallery = population.sample(options.people)[:, 0]
    queries = population.sample(options.queries, 2)[:, 1]
    exact = faiss.index_factory(gallery.shape[1], EXACT)
    exact.add(gallery)
    truth, _ = search_one_by_one(exact, queries)
    rows = [(EXACT, "", 0.0, 1.0, 1.0, np.nan, bytes_of(exact) / len(gallery))]
    built, seconds_to_build = {}, {}
    for name, setting in INDEXES:
        if name not in built:
            built.clear()  # one at a time, which bounds the memory
            start = time.perf_counter()
            index = faiss.index_factory(gallery.shape[1], name)
            index.train(gallery[: 40 * 1024])
            index.add(gallery)
            built[name], seconds_to_build[name] = index, time.perf_counter() - start
        index = built[name]
        faiss.ParameterSpace().set_index_parameters(index, setting)
        found, _ = search_one_by_one(index, queries)
        turns = [
            (search_one_by_one(index, queries[:20])[1], search_one_by_one(exact, queries[:20])[1]) for _ in range(TURNS)
        ]
        ours, theirs = (statistics.median(side) for side in zip(*turns, strict=True))
        first = (found[:, 0] == truth[:, 0]).mean()
        ten = np.mean([np.isin(a, b).mean() for a, b in zip(truth, found, strict=True)])
        rows.append((name, setting, seconds_to_build[name], first, ten, theirs / ours, bytes_of(index) / len(gallery)))
        print(*rows[-1], flush=True)
    columns = ["index", "setting", "build_seconds", "recall_at_1", "recall_at_10", "times_faster", "bytes_per_face"]
    table = pd.DataFrame(rows, columns=columns)
    print(f"{len(gallery):,} people, {gallery.shape[1]} numbers each; exact: {1000 * theirs:.1f} ms a search")
    print(table.to_string(index=False, float_format="{:.3g}".format))
    if options.record:
        table.to_csv(Path(__file__).with_suffix(".csv"), index=False, float_format="%.4g")


if __name__ == "__main__":
    main()
