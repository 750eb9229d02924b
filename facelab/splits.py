"""Splits: on whom is it learned, and on whom is it judged? Never on the same people (notebook 05).

A face network is used on people whom it has never seen, so it is judged on such. Photos of one person on both sides of
a split make every result look better than it is, and a copied photo makes it look perfect.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.model_selection import GroupKFold, GroupShuffleSplit

from facelab.checks import brief, check_columns, checked_count, checked_labels, checked_number, checked_path

FEWEST_PEOPLE = 2  # on each side: with one, there are no impostor pairs to learn or to judge by


@dataclass(frozen=True)
class Split:
    """Which rows of a table of photos are for what: three arrays of row numbers, for `iloc`, arrays and tensors.

    Attributes
    ----------
    train, validation, test : (n,) int
        To learn on; to choose by (when to stop, which settings); to judge by, once, in the end.
    """

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def split_people(table: pd.DataFrame, *, validation: float = 0.2, test: float = 0.25, seed: int = 0) -> Split:
    """Divide people, with all their photos, into those for training, validation and test.

    Parameters
    ----------
    table : pandas.DataFrame
        With a column `person`. If it has a column `training_split` too, as the cast has, that decides, and shares and
        seed have no say; rows that it gives to none of the three (strangers) are in none.
    validation, test : float
        Shares of the people, drawn by `sklearn.model_selection.GroupShuffleSplit`.
    seed : int

    Raises
    ------
    ValueError
        If one of the three would get fewer than two people, the table gives a person to two of them, or a person is
        missing.
    """
    people = _people(table)
    if "training_split" in table:
        rows = [np.flatnonzero(table["training_split"] == name) for name in ("train", "validation", "test")]
    else:
        shares = f"{brief(validation)} and {brief(test)}"
        complaint = f"Shares of {shares} leave nothing for one of the three: try 0.2 and 0.25."
        validation, test = checked_number(validation, complaint), checked_number(test, complaint)
        if not (validation > 0 and test > 0 and validation + test < 1):
            raise ValueError(complaint)
        rows = [np.arange(0)] * 3
        if len(np.unique(people)) >= 3 * FEWEST_PEOPLE:
            rest, judged = _draw(people, np.arange(len(people)), test, seed)
            rows = [*_draw(people, rest, validation / (1 - test), seed), judged]
    counts = [len(np.unique(people[chosen])) for chosen in rows]
    if min(counts) < FEWEST_PEOPLE:
        raise ValueError(
            f"Of {len(np.unique(people))} people, training, validation and test would get {counts[0]}, {counts[1]} and "
            f"{counts[2]}: each needs {FEWEST_PEOPLE} at the very least, so get more people or move some."
        )
    split = Split(*rows)
    for one, other in ((split.train, split.validation), (split.train, split.test), (split.validation, split.test)):
        check_disjoint(people[one], people[other])
    return split


def people_folds(people: ArrayLike, folds: int = 5) -> list[tuple[np.ndarray, np.ndarray]]:
    """Divide people into folds, so that each is judged once by what has learned on the others.

    Where people are few, this judges by all of them, at the price of learning `folds` times.

    Parameters
    ----------
    people : (n,) of any labels
    folds : int

    Returns
    -------
    list of (learned, judged)
        Arrays of row numbers (`sklearn.model_selection.GroupKFold`, which evens out the numbers of photos).

    Raises
    ------
    ValueError
        If there are fewer than two folds, too few people for two in each, or a label is missing.
    """
    people, folds = checked_labels(people), checked_count(folds, "folds")
    number = len(np.unique(people))
    if not 2 <= folds <= number // FEWEST_PEOPLE:
        raise ValueError(f"{folds} folds cannot be made of {number} people: take 2 or more, of {FEWEST_PEOPLE} each.")
    return list(GroupKFold(folds).split(people, groups=people))


def find_leak(learned: pd.DataFrame, judged: pd.DataFrame) -> str:
    """Say in one sentence what is on both sides of a split, or nothing (an empty text, which counts as False).

    Parameters
    ----------
    learned, judged : pandas.DataFrame
        With a column `person`. If both have a column `path` too, files with the same bytes are found, under whatever
        names. A photo that was scaled or saved anew is another file: look for vectors that are nearly the same.

    Raises
    ------
    ValueError, FileNotFoundError
        If a table is empty, has no column `person` or a missing label; if a photo is missing.
    """
    people = _people(learned), _people(judged)
    checked_labels(np.concatenate([names.astype(object) for names in people]))  # text in both, or in neither
    found = [_listed(np.intersect1d(*people), "person", "people")]
    if "path" in learned and "path" in judged:
        copies = _contents(learned["path"]).keys() & (twins := _contents(judged["path"])).keys()
        found.append(_listed(sorted(Path(twins[copy]).name for copy in copies), "photo", "photos"))
    if not any(found):
        return ""
    return (
        f"{' and '.join(filter(None, found))} on both sides of the split: results will look better than they are, so "
        "divide by people, as split_people does."
    )


def check_disjoint(learned: ArrayLike, judged: ArrayLike) -> None:
    """Raise a ValueError with `find_leak`'s sentence if the same person is in both lists of labels."""
    if leak := find_leak(*(pd.DataFrame({"person": checked_labels(labels)}) for labels in (learned, judged))):
        raise ValueError(leak)


def _draw(people: np.ndarray, rows: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Part rows in two, the second with this share of their people."""
    rest, drawn = next(GroupShuffleSplit(1, test_size=share, random_state=seed).split(rows, groups=people[rows]))
    return rows[rest], rows[drawn]


def _people(table: pd.DataFrame) -> np.ndarray:
    check_columns(table, ["person"], "photos", "give one with a row per photo, as load_photos does")
    if len(table) == 0:
        raise ValueError("There are no photos on one side of the split: see how its rows were chosen.")
    return checked_labels(table["person"])


def _listed(names: ArrayLike, one: str, many: str) -> str:
    if len(names) == 0:
        return ""
    return f"{len(names)} {one if len(names) == 1 else many} ({names[0]}{', …' if len(names) > 1 else ''})"


def _contents(paths: pd.Series) -> dict[bytes, Path]:
    """Each file by a hash of what is in it."""
    hint = "leave out the column path to compare people alone"
    found = {}
    for path in paths:
        file = checked_path(path, hint)
        if not file.is_file():
            raise FileNotFoundError(f"There is no file {path}: {hint}.")
        try:
            found[hashlib.sha256(file.read_bytes()).digest()] = file
        except OSError as error:
            raise ValueError(f"{path} cannot be read ({error.strerror}): {hint}.") from error
    return found
