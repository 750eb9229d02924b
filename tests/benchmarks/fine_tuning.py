"""What does fine-tuning forget, and what does a deeper cut buy? `python tests/benchmarks/fine_tuning.py`.

Runs the cells of notebook 05 with Labeled Faces in the Wild among them (`FACELAB_LFW` names its folder), up to where
the notebook saves its network, and measures what the notebook itself cannot, for lack of photographs or of time. The
peer is the frozen network, on the same people. With `--record`, the table goes to tests/benchmarks/fine_tuning.csv,
which the notebook shows. It takes about ten minutes on one core.
"""

import argparse
import os
import time
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import nbformat
import numpy as np
import pandas as pd
import torch

from facelab import bootstrap_interval, list_pairs, pairwise_distances, run_trunk
from facelab.intervals import Interval

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "05_fine_tune.ipynb"
STOP = "## Save it"
DEEPER = "repeat_3"  # five blocks before the last


def run_cells() -> dict:
    """Run the notebook, and give everything that it has defined.

    Its asserts are left out: they are about the figures that were recorded last.
    """
    os.chdir(NOTEBOOK.parent)  # where Jupyter runs it
    namespace = {}
    for number, cell in enumerate(nbformat.read(NOTEBOOK, as_version=4).cells, 1):
        if cell.source.startswith(STOP):
            return namespace
        if cell.cell_type == "code":
            exec(compile(cell.source, f"cell {number}", "exec", optimize=1), namespace)
    raise SystemExit(f"No cell of {NOTEBOOK.name} begins with {STOP!r}: say in this file where to stop.")


def row(table: str, name: str, one: Interval, peer: Interval, weights=np.nan, seconds=np.nan) -> dict:
    """A rate with its interval, and that of the paired difference from the peer: both drew the same people."""
    low, high = np.quantile(one.samples - peer.samples, [0.025, 0.975])
    return {
        "table": table,
        "what": name,
        "eer": one.estimate,
        "low": one.low,
        "high": one.high,
        "difference_low": low,
        "difference_high": high,
        "weights": weights,
        "seconds": seconds,
    }


def part_of_the_way(run: dict) -> list[dict]:
    """The EER of photographs from the frozen tail, which is the peer, to the trained one."""
    seen = run["layer"][run["old"]]
    tables = [list_pairs(pairwise_distances(tail.embed(seen)), seen.people) for tail in run["way"]]
    ones = [bootstrap_interval(table, run["eer"], resamples=300) for table in tables]
    return [row("part of the way", f"{s:.1f}", one, ones[0]) for s, one in zip(run["shares"], ones, strict=True)]


def by_folds(run: dict) -> list[dict]:
    """What each cut and loss gives, with how many weights, and how long it takes; the peer has the same loss."""
    deep = run_trunk(run["embedder"], run["every_crop"], run["everyone"], block=DEEPER)
    slower = replace(run["by_triplets"], learning_rate=1e-4)
    trainings = {
        "triplets": {"last layer": (run["layer"], run["by_triplets"]), "last six blocks": (deep, slower)},
        "softmax": {"last block": (run["block"], run["short"]), "last six blocks": (deep, run["short"])},
    }
    rows = []
    for loss, cuts in trainings.items():
        peer = None
        for cut, (features, settings) in cuts.items():
            weights = run["weights"](run["Tail"](run["embedder"].network, features.block))
            start = time.perf_counter()
            pairs = run["judged_by_folds"](features, settings)
            seconds = time.perf_counter() - start
            one = bootstrap_interval(pairs, run["eer"], resamples=300)
            peer = peer or one
            rows.append(row("folds", f"{cut}, {loss}", one, peer, weights, seconds))
            print(*rows[-1].values(), flush=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", action="store_true", help="write the table to fine_tuning.csv")
    options = parser.parse_args()
    if not os.environ.get("FACELAB_LFW"):
        raise SystemExit("Name a folder with Labeled Faces in the Wild in FACELAB_LFW.")
    os.environ["FACELAB_LFW"] = str(Path(os.environ["FACELAB_LFW"]).resolve())
    for switch in ("FACELAB_PHOTOS", "FACELAB_MODEL"):  # what is recorded is of the bundled weights and the cast
        os.environ.pop(switch, None)
    mpl.use("agg")
    torch.set_num_threads(1)

    run = run_cells()
    print(f"{len(set(run['photographs'].person))} people of LFW, {len(run['photographs'])} photos", flush=True)
    stages = run["table"].photographs_eer / 100
    rows = [{"table": "stages", "what": name, "eer": rate} for name, rate in stages.items()]
    table = pd.DataFrame(rows + part_of_the_way(run) + by_folds(run))
    table.insert(0, "fingerprint", run["embedder"].fingerprint)
    print(table.to_string(index=False))
    if options.record:
        table.astype({"weights": "Int64"}).to_csv(Path(__file__).with_suffix(".csv"), index=False, float_format="%.4g")


if __name__ == "__main__":
    main()
