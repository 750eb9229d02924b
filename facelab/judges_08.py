"""Judges of the exercises in notebook 08."""

from __future__ import annotations

import os
import tempfile
from math import isclose
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from facelab.exercises import called, exercise, number_in

PEOPLE, NUMBERS, MEMORY = 300_000_000, 512, 32
BYTES = {"float32": 4 * NUMBERS, "SQ8": NUMBERS, "PQ32": 32}  # of a vector


@exercise("08.1", "Right: a byte a number is still too much, and 32 bytes a vector, however many numbers it has, fit.")
def what_fits(answer) -> str | None:
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        return 'Give a name and a number of gigabytes, such as ("float32", 40).'
    name = {name.casefold(): name for name in BYTES}.get(str(answer[0]).strip().casefold())
    if name is None:
        return "The first of the two is one of the names float32, SQ8 and PQ32."
    size = number_in(answer[1])
    if size is None:
        return "The second of the two is a number of gigabytes."
    true = PEOPLE * BYTES[name] / 1e9
    if true > MEMORY:
        if isclose(size, true, rel_tol=0.02):
            return f"So much it takes as {name}, and the machine has {MEMORY} GB: what else is there?"
        each = "four bytes for each number" if name == "float32" else "a byte for each number"
        return f"{name} has {each} of a vector: people, times numbers, times bytes, and that does not fit."
    if isclose(size, true, rel_tol=0.02):
        return None
    for factor, said in (
        (40 / 32, "That counts the eight bytes of each person's number, too: the vectors alone are asked for."),
        (NUMBERS, "PQ32 has 32 bytes for a whole vector, not for each of its numbers."),
        (1e9, "Those are bytes: a gigabyte has 10 to the power of 9."),
        (8, "Those are gigabits: a byte has eight of them."),
        (1e9 / 2**30, "Those are gibibytes, of 2 to the power of 30 bytes: here a gigabyte has 10 to the power of 9."),
    ):
        if isclose(size, true * factor, rel_tol=0.02):
            return said
    return f"It is {'less' if size > true else 'more'}: people, times bytes in a vector."


@exercise("08.2", "Right: what was found and is true, of all that is true.")
def recall(answer) -> str | None:
    rng = np.random.default_rng(8)
    cases = [
        ([[1, 2, 3]], [[1, 2, 3]], "all were found"),
        ([[3, 1, 2]], [[1, 2, 3]], "all were found, in another order"),
        ([[1, 7, 8], [4, 5, 6]], [[1, 2, 3], [6, 5, 4]], "one of three, and then three of three, were found"),
        ([[1, -1, -1]], [[1, 2, 3]], "FAISS found one only, and wrote -1 for the others"),
        ([[5, 6], [1, 2]], [[1, 2], [5, 6]], "each was found in the other's search"),
    ]
    for _ in range(10):
        searches, k = rng.integers(2, 5, size=2)
        truth = np.stack([rng.permutation(8)[:k] for _ in range(searches)])
        found = np.stack([rng.permutation(8)[:k] for _ in range(searches)])
        cases.append((found, truth, "some were found"))
    for found, truth, what in cases:
        said = called(answer, np.array(found), np.array(truth))
        expected = np.mean([len(set(some) & set(true)) / len(true) for some, true in zip(found, truth, strict=True)])
        if np.ndim(said) != 0 or isinstance(said, str):
            return "Give one number for all searches together."
        if abs(float(said) - expected) > 1e-6:
            rows = f"{np.array(found).tolist()} for {np.array(truth).tolist()}"
            return f"Where {what} ({rows}), it should be {expected:.2f}, but your function says {float(said):.2f}."
    return None


@exercise("08.3", "Right: the content and the very weights, and nothing else.")
def mended_key(answer) -> str | None:
    first, tuned = (SimpleNamespace(name="facelab128", fingerprint=digits) for digits in ("0a1b2c", "3d4e5f"))
    with tempfile.TemporaryDirectory() as folder:
        photo, renamed, other = (Path(folder, name) for name in ("1.jpg", "later/renamed.JPEG", "later/1.jpg"))
        other.parent.mkdir()
        photo.write_bytes(b"a photo")
        renamed.write_bytes(b"a photo")
        other.write_bytes(b"another")  # of the same size
        for path in (photo, renamed, other):
            os.utime(path, (1, 1))
        key = called(answer, photo, first)
        try:
            hash(key)
        except TypeError:
            return "A key must be something that a dictionary takes as one: give a text, or a tuple of texts."
        if key != answer(photo, first):
            return "The same photo and the same embedder have another key each time."
        if key != answer(renamed, first):
            return "The same photo under another name would be embedded again."
        if key == answer(other, first):
            return "Another photo of the same size, under the same name, would be taken for the old one."
        if any(isinstance(part, int) for part in (key if isinstance(key, tuple) else (key,))):
            return "A number is no key: Python's hash() of bytes, for one, is another in each session."
        if key == answer(photo, tuned):
            return "After fine-tuning, the old vectors would be taken for the new model's: names of models say little."
    return None


@exercise("08.4", "Right: for one in ten million it is a town of 100,503, not a country.")
def largest(answer) -> str | None:
    for fmr, fpir in ((1e-7, 0.01), (1e-2, 0.5), (1e-3, 0.02), (0.05, 0.3), (1e-9, 0.001), (0.3, 0.2)):
        said = called(answer, fmr, fpir)
        if np.ndim(said) != 0 or isinstance(said, str) or not np.isfinite(said) or said != int(said):
            return "Give a whole number of people."
        exact = np.log1p(-fpir) / np.log1p(-fmr)
        case = f"With an FMR of {fmr:g} and an FPIR of {fpir:g} you give {said:,.0f}"
        if abs(said - np.floor(exact)) <= 1e-6 * exact:
            continue
        if said == np.ceil(exact):
            return f"{case}, and that is one too many: the FPIR would be above the allowed one."
        if abs(said - fpir / fmr) <= 1:
            return f"{case}: dividing counts two errors of one stranger as two strangers."
        if said < exact:
            return f"{case}, but a larger gallery would do."
        return f"{case}: put it into 1 - (1 - FMR)^N, and see whether that is the FPIR."
    return None
