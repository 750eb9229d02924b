"""Checks: what was given as the path, numbers, labels or table that was expected, or one sentence on what is wrong.

They stand before everything else, so that all modules refuse alike what is text, ragged, nowhere or twice. What only
one of them can know, such as how many vectors belong to how many names, it checks itself.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from numbers import Integral
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

SPELLING = "check the spelling, and who may look there"


def checked_path(path: str | os.PathLike, hint: str = SPELLING) -> Path:
    """Give a path with its ~ written out, or say in one sentence why nothing can be there; nothing need be there."""
    text = os.fspath(path) if isinstance(path, (str, os.PathLike)) else None
    if not isinstance(text, str):
        raise ValueError(f"A path is a text or a pathlib.Path, but this is a {type(path).__name__}: {hint}.")
    if not text:
        raise ValueError(f"The path is an empty text: {hint}.")
    try:
        found = Path(path).expanduser()
        with suppress(FileNotFoundError, NotADirectoryError):
            found.stat()
    except (OSError, RuntimeError, ValueError) as error:  # too long, a loop, locked; nobody's home; a zero byte
        shown = repr(text) if len(text) <= 200 else f"This text of {len(text):,} characters"
        reason = str(getattr(error, "strerror", None) or error).rstrip(".")
        raise ValueError(f"{shown} cannot be used as a path ({reason}): {hint}.") from error
    return found


def checked_file(path: str | os.PathLike, what: str, hint: str = SPELLING) -> Path:
    """Give the path of a file that is there; ValueError for a folder, FileNotFoundError where there is nothing."""
    path = checked_path(path, hint)
    if path.is_dir():
        raise ValueError(f"{path} is a folder, not {what}: give one of the files in it.")
    if not path.exists():
        raise FileNotFoundError(f"There is no file at {path}: check the spelling and the folder it is looked for in.")
    return path


def checked_target(path: str | os.PathLike, suffix: str) -> Path:
    """Give the path of a file to be written, or say in one sentence that its ending is wrong or its folder missing."""
    path = checked_path(path)
    if path.suffix.lower() != suffix:
        raise ValueError(f"{path.name} does not end in {suffix}, and such a file is what is written: name it so.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {path.parent} to write {path.name} into: make it first.")
    return path


def check_uncompressed(archive: str | os.PathLike | BinaryIO) -> None:
    """Raise a ValueError if files in an archive are compressed: neither torch.save nor np.savez does it, but a bomb."""
    with zipfile.ZipFile(archive) as opened:
        if any(file.compress_type != zipfile.ZIP_STORED for file in opened.infolist()):
            raise ValueError("The archive is compressed, as none from torch.save or np.savez is: save it again.")


def brief(value: object) -> str:
    """Write what was given as code, if that is short, and otherwise say what it is."""
    text = repr(value)
    return text if len(text) <= 60 and (value is None or np.isscalar(value)) else f"a {type(value).__name__}"


def checked_numbers(values: ArrayLike, complaint: str, dtype: type = np.float64) -> np.ndarray:
    """Give real numbers as an array of any shape; ValueError with this complaint where there is anything else.

    NumPy alone would drop what is imaginary, count dates in days, read numbers out of texts, and take what is masked
    for numbers.
    """
    try:
        if hasattr(values, "detach"):  # a torch tensor, perhaps on a GPU; torch itself is not needed here
            values = values.detach().cpu()
        numbers = np.asarray(values)
        texts = numbers.dtype.kind == "O" and any(isinstance(value, (str, bytes)) for value in numbers.flat)
        if texts or numbers.dtype.kind not in "biufO" or np.ma.is_masked(values):
            raise TypeError(f"no numbers: {numbers.dtype}")
        return numbers.astype(dtype, copy=False)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:  # the last are torch's, of sparse tensors
        raise ValueError(complaint) from error


def checked_number(value: float, complaint: str) -> float:
    """Give one real number, which may be infinite; ValueError with this complaint where there is anything else."""
    number = checked_numbers(value, complaint)
    if number.ndim or np.isnan(number):
        raise ValueError(complaint)
    return float(number)


def checked_positive(value: float, complaint: str, below: float = np.inf) -> float:
    """Give one number above 0 and below this; ValueError with this complaint where there is anything else."""
    number = checked_number(value, complaint)
    if not 0 < number < below:
        raise ValueError(complaint)
    return number


def checked_count(value: int, what: str) -> int:
    """Give a whole number from 1, or say in one sentence that it is none."""
    if not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{what} is {brief(value)}, but must be a whole number, 1 or more.")
    return int(value)


def checked_list(values: ArrayLike, what: str) -> np.ndarray:
    """Give whatever is listed as an array (n,), or say in one sentence that it is no list."""
    try:
        listed = np.asarray(values)
        if listed.dtype.kind in "SU" and not all(isinstance(value, (str, bytes)) for value in values):
            listed = np.asarray(values, object)  # or NumPy would write out as text what is none, NaN too
        if listed.ndim != 1:
            raise ValueError(f"the shape {listed.shape}")
    except (TypeError, ValueError) as error:  # NumPy's own too, of lists of different lengths, and torch's
        raise ValueError(f"{what} must be one list, with one entry for each photo or pair.") from error
    return listed


def checked_labels(values: ArrayLike, what: str = "Labels") -> np.ndarray:
    """Give labels of any kind as an array (n,), or say in one sentence that they are no list or that one is missing."""
    labels = checked_list(values, what)
    if pd.isna(labels).any():
        raise ValueError("A label is missing (NaN or None), and would count as another: leave that photo or pair out.")
    if labels.dtype == object and len({isinstance(label, str) for label in labels}) > 1:
        raise ValueError(f"{what} are in part text and in part not, and 1 is not '1': make all of them text.")
    return labels


def checked_flags(values: ArrayLike, what: str, meaning: str) -> np.ndarray:
    """Give booleans (n,), or say in one sentence that they are no list, or not all True and False (or 1 and 0)."""
    flags = checked_list(values, what)
    try:
        sound = not pd.isna(flags).any() and np.isin(flags, (False, True)).all()
    except (TypeError, ValueError):  # of objects that are not even to be compared
        sound = False
    if not sound:
        raise ValueError(f"{what} must hold True {meaning}, and nothing else.")
    return flags.astype(bool)


def check_columns(table: pd.DataFrame, columns: Sequence[str], what: str, hint: str) -> None:
    """Raise a ValueError of one sentence if this is no table, or lacks one of these columns, or has it twice."""
    if not isinstance(table, pd.DataFrame):
        raise ValueError(f"The table of {what} is a {type(table).__name__}, but must be a pandas.DataFrame: {hint}.")
    counts = {column: list(table.columns).count(column) for column in columns}
    if missing := [column for column, count in counts.items() if count == 0]:
        raise ValueError(f"The table of {what} lacks {', '.join(missing)}: {hint}.")
    if twice := [column for column, count in counts.items() if count > 1]:
        raise ValueError(f"The table of {what} has more than one column {', '.join(twice)}: keep one of each.")


def checked_pair_table(pairs: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Give a table of pairs with these columns, flags as `same` and numbers as `distance`, or say what is wrong."""
    check_columns(pairs, columns, "pairs", "list_pairs makes such a table")
    finite_columns(pairs, ["distance"])
    same = checked_flags(pairs["same"], "same", "for a genuine pair and False for an impostor pair")
    return pairs.assign(same=same, distance=pairs["distance"].to_numpy())  # no longer a category, if it was one


def checked_rows(pairs: pd.DataFrame, number: int, what: str) -> np.ndarray:
    """Give `row_a` and `row_b` of a table of pairs as int (n, 2), or say that they are not among so many photos."""
    rows = finite_columns(pairs, ["row_a", "row_b"])
    if (rows != rows.astype(int)).any() or rows.min(initial=0) < 0:
        raise ValueError("row_a and row_b count photos, but not all of them are whole numbers from 0: see list_pairs.")
    if rows.max(initial=-1) >= number:
        raise ValueError(f"There are {number} {what}, but the pairs are of more photos: give one for each, in order.")
    return rows.astype(int)


def finite_columns(table: pd.DataFrame, columns: Sequence[str]) -> np.ndarray:
    """Give columns as float64 (n, k), or say in one sentence that they hold something else than finite numbers."""
    complaint = f"Among {', '.join(columns)} there is text, NaN or an infinite number: leave such rows out."
    numbers = checked_numbers(table[list(columns)], complaint)
    if not np.isfinite(numbers).all():
        raise ValueError(complaint)
    return numbers
