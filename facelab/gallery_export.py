"""A gallery in files that other programs read: a table as CSV, vectors and thumbnails as NPZ (behind `gallery.py`)."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from facelab.checks import check_uncompressed, checked_path
from facelab.gallery_people import Photos, checked_name
from facelab.gallery_search import Model, unit_vectors

EXPORT_FORMAT = 1
TABLE, ARRAYS = "photos.csv", "vectors.npz"


def write_export(folder: str | os.PathLike, photos: Photos) -> Path:
    """Write photos.csv and vectors.npz into a new folder, which appears when it is complete; errors as ValueError."""
    folder = checked_path(folder)
    if folder.exists():
        raise ValueError(f"{folder} is there already: export to a folder that is not there yet.")
    unfinished = folder.with_name(folder.name + ".part")
    blobs = [thumbnail or b"" for thumbnail in photos.thumbnails]
    try:
        shutil.rmtree(unfinished, ignore_errors=True)  # what a kill left behind
        unfinished.mkdir(mode=0o700, parents=True)
        table = pd.DataFrame({"name": photos.names, "added": photos.added})
        table.to_csv(unfinished / TABLE, index=False, encoding="utf-8", lineterminator="\n")
        np.savez(
            unfinished / ARRAYS,
            format=EXPORT_FORMAT,
            model=photos.model.name,
            fingerprint=photos.model.fingerprint,
            vectors=photos.vectors,
            thumbnails=np.frombuffer(b"".join(blobs), np.uint8),  # one after the other, and where each ends
            thumbnail_ends=np.cumsum([len(blob) for blob in blobs], dtype=np.int64),
        )
        os.replace(unfinished, folder)
    except OSError as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise ValueError(
            f"{folder} cannot be written ({error.strerror or error}): choose a place with room that you may write to."
        ) from error
    return folder


def read_export(folder: str | os.PathLike) -> Photos:
    """Read such a folder; FileNotFoundError if it is not there, ValueError if it is another, newer or damaged."""
    folder = checked_path(checked_path(folder) / TABLE).parent
    for file in (folder / TABLE, folder / ARRAYS):
        if not file.is_file():
            raise FileNotFoundError(f"There is no {file}: give a folder that Gallery.export wrote.")
    try:
        # From memory, because NumPy would leave a damaged archive open.
        content = io.BytesIO((folder / ARRAYS).read_bytes())
        check_uncompressed(content)
        with np.load(content, allow_pickle=False) as arrays:
            newer = int(arrays["format"]) > EXPORT_FORMAT
            photos = None if newer else _photos(arrays, folder / TABLE)
    except Exception as error:  # damaged and foreign files fail in many ways, zipfile's and zlib's among them
        raise ValueError(f"{folder} is damaged, or not what Gallery.export wrote: export again.") from error
    if newer:
        raise ValueError(f"{folder} was exported by a newer facelab: upgrade facelab to import it.")
    return photos


def _photos(arrays: Mapping[str, np.ndarray], table: Path) -> Photos:
    """Put together what belongs together; any exception says that it does not."""
    table = pd.read_csv(table, dtype=str, keep_default_na=False, encoding="utf-8")
    vectors, jpegs, ends = arrays["vectors"], arrays["thumbnails"].tobytes(), arrays["thumbnail_ends"].tolist()
    model = Model(str(arrays["model"]), vectors.shape[1], str(arrays["fingerprint"]))
    starts = [0, *ends][: len(ends)]
    if not len(table) == len(vectors) == len(ends) or [*starts, len(jpegs)] != sorted([0, *ends]):
        raise ValueError("rows that do not belong together")
    return Photos(
        model=model,
        names=[checked_name(name) for name in table["name"]],
        added=[datetime.fromisoformat(text).isoformat() for text in table["added"]],
        vectors=unit_vectors(vectors, model),
        thumbnails=[jpegs[start:end] or None for start, end in zip(starts, ends, strict=True)],
    )
