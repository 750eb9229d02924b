"""Each judge of notebook 08 accepts a right answer and says what is wrong with the usual wrong ones."""

import hashlib
import math

import numpy as np
from judged import judging_tests


def recall_at_k(found, truth):
    return np.mean([np.isin(true, some).mean() for some, true in zip(found, truth, strict=True)])


def in_the_same_place(found, truth):
    return (found == truth).mean()


def anywhere(found, truth):
    return np.isin(truth, found).mean()


def precision(found, truth):
    return np.mean([np.isin(some[some >= 0], true).mean() for some, true in zip(found, truth, strict=True)])


def cache_key(path, embedder):
    return hashlib.sha256(path.read_bytes()).hexdigest(), embedder.fingerprint


def both_mistakes(path, embedder):
    return path.name, path.stat().st_size, embedder.name


def by_size(path, embedder):
    return path.stat().st_size, embedder.fingerprint


def by_name_of_model(path, embedder):
    return hashlib.sha256(path.read_bytes()).hexdigest(), embedder.name


def largest_gallery(fmr, fpir):
    return int(np.log1p(-fpir) / np.log1p(-fmr))


RIGHT = [
    ("08.1", ("PQ32", 9.6)),
    ("08.1", ["pq32 ", np.float64(9.6)]),
    ("08.1", ("PQ32", 300e6 * 32 / 1e9)),
    ("08.2", recall_at_k),
    ("08.3", cache_key),
    ("08.3", lambda path, embedder: path.read_bytes().hex() + embedder.fingerprint),
    ("08.4", largest_gallery),
    ("08.4", lambda fmr, fpir: math.floor(math.log(1 - fpir) / math.log(1 - fmr))),
    ("08.4", lambda fmr, fpir: np.floor(np.log1p(-fpir) / np.log1p(-fmr))),
]
WRONG = [
    ("08.1", ("float32", 614.4), "what else"),
    ("08.1", ("SQ8", 153.6), "what else"),
    ("08.1", ("float32", 30), "four bytes for each number"),
    ("08.1", ("SQ8", 9.6), "a byte for each number"),
    ("08.1", ("PQ32", 12), "eight bytes"),
    ("08.1", ("PQ32", 9.6 * 512), "whole vector"),
    ("08.1", ("PQ32", 9.6e9), "Those are bytes"),
    ("08.1", ("PQ32", 76.8), "gigabits"),
    ("08.1", ("PQ32", 8.94), "gibibytes"),
    ("08.1", ("PQ32", 20), "less"),
    ("08.1", ("PQ32", 1), "more"),
    ("08.1", ("PQ32", "9.6 GB"), "a number of gigabytes"),
    ("08.1", ("PQ32", True), "a number of gigabytes"),
    ("08.1", ("PQ8", 9.6), "one of the names"),
    ("08.1", (9.6, "PQ32"), "one of the names"),
    ("08.1", "PQ32", "Give a name and a number"),
    ("08.1", 9.6, "Give a name and a number"),
    ("08.2", in_the_same_place, "another order"),
    ("08.2", anywhere, "each was found"),
    ("08.2", precision, "wrote -1"),
    ("08.2", lambda found, truth: np.isin(found, truth), "one number"),
    ("08.2", lambda *_: ..., "nothing back yet"),
    ("08.2", 1.0, "the function itself"),
    ("08.3", both_mistakes, "another name"),
    ("08.3", by_size, "same size"),
    ("08.3", lambda path, embedder: (hash(path.read_bytes()), embedder.fingerprint), "each session"),
    ("08.3", lambda path, embedder: (path.name, embedder.fingerprint), "another name"),
    ("08.3", lambda path, embedder: (path.parent, path.read_bytes(), embedder.fingerprint), "another name"),
    ("08.3", lambda path, embedder: (str(path.stat().st_size), embedder.fingerprint), "same size"),
    ("08.3", by_name_of_model, "fine-tuning"),
    ("08.3", lambda path, embedder: [path.read_bytes(), embedder.fingerprint], "dictionary"),
    ("08.3", lambda path, embedder: object(), "each time"),
    ("08.3", lambda *_: ..., "nothing back yet"),
    ("08.3", "key", "the function itself"),
    ("08.4", lambda fmr, fpir: int(fpir / fmr), "counts two errors"),
    ("08.4", lambda fmr, fpir: math.ceil(np.log1p(-fpir) / np.log1p(-fmr)), "one too many"),
    ("08.4", lambda fmr, fpir: largest_gallery(fmr, fpir) - 1, "a larger gallery would do"),
    ("08.4", lambda fmr, fpir: largest_gallery(fmr, fpir) * 2, "put it into"),
    ("08.4", lambda fmr, fpir: np.log1p(-fpir) / np.log1p(-fmr), "whole number"),
    ("08.4", lambda fmr, fpir: max(1, largest_gallery(fmr, fpir)), "one too many"),
    ("08.4", lambda fmr, fpir: float("nan"), "whole number"),
    ("08.4", lambda *_: None, "nothing back yet"),
    ("08.4", 100_503, "the function itself"),
]


test_right_answers_are_accepted, test_wrong_answers_are_told_what_is_wrong, test_no_answer_is_not_judged = (
    judging_tests(RIGHT, WRONG, ["08.1", "08.2", "08.3", "08.4"])
)
