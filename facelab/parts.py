"""Tables of photos and faces on disk, each file written in one step (behind `folders.py`)."""

from __future__ import annotations

import os
import uuid
from collections.abc import Collection
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from facelab.checks import checked_path

INDEX = "photos.parquet"
BOX = ("x0", "y0", "x1", "y1")

#: A row for each photo. `content` is the SHA-256 of its bytes, `refused` a sentence on why it could not be used.
PHOTOS = pa.schema([(name, pa.string()) for name in ("file", "content", "refused")])
#: A row for each face, and one with nothing but its content for each photo without any.
FACES = pa.schema(
    [
        ("content", pa.string()),
        ("refused", pa.string()),
        ("face", pa.int32()),
        *[(name, pa.float32()) for name in (*BOX, "prob")],
        ("vector", pa.list_(pa.float32())),
    ]
)


def make_folder(parts: Path) -> None:
    """Make a folder for parts if need be, and delete in it what a run that was killed has left half-written."""
    try:
        parts.mkdir(parents=True, exist_ok=True)
        for unfinished in parts.glob("*.unfinished"):
            unfinished.unlink()
    except OSError as error:
        raise ValueError(
            f"{parts} cannot be written ({error.strerror}): give another folder for the results."
        ) from error


def write_part(faces: pd.DataFrame, path: Path) -> None:
    """Write the rows of some photos, as FACES says."""
    _write(pa.Table.from_pandas(faces, FACES, preserve_index=False), path)


def read_parts(parts: Path, columns: list[str]) -> pd.DataFrame:
    """Read these columns of all parts, a face once. A damaged part is deleted: its photos will be looked at again."""
    tables = [FACES.empty_table().select(columns)]
    tables += [table for path in sorted(parts.glob("*.parquet")) if (table := _read(path, columns)) is not None]
    return pa.concat_tables(tables).to_pandas().drop_duplicates(["content", *({"face"} & set(columns))])


def has_contents(part: Path, contents: Collection[str]) -> bool:
    """Say whether a part is there and has a row for each of these contents."""
    table = _read(part, ["content"]) if part.is_file() else None
    return table is not None and set(contents) <= set(table.column("content").to_pylist())


def forget(out: Path, contents: Collection[str]) -> None:
    """Delete what was kept of photos with other contents than these, whatever model saw them."""
    for path in out.glob("*/*.parquet"):
        table = _read(path)
        if table is not None:
            kept = table.column("content").to_pandas().isin(contents)
            if not kept.any():
                path.unlink()
            elif not kept.all():
                _write(table.filter(pa.array(kept)), path)


def write_index(photos: pd.DataFrame, out: Path, parts: Path) -> None:
    """Write which photos there are, as PHOTOS says, and which parts were made of them."""
    schema = PHOTOS.with_metadata({"parts": parts.name})
    _write(pa.Table.from_pandas(photos, schema, preserve_index=False).cast(schema), out / INDEX)


def read_index(out: str | os.PathLike) -> tuple[pd.DataFrame, Path]:
    """Read what `write_index` wrote; FileNotFoundError or ValueError if there is none, or it is damaged."""
    out = checked_path(out)
    if not (out / INDEX).is_file():
        raise FileNotFoundError(f"{out} has no {INDEX}: give a folder in which embed_folder has finished.")
    try:
        table = pq.read_table(out / INDEX, columns=PHOTOS.names)
        return table.cast(PHOTOS).to_pandas(), out / table.schema.metadata[b"parts"].decode()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{out / INDEX} is damaged ({type(error).__name__}): run embed_folder again.") from error


def _read(path: Path, columns: list[str] | None = None) -> pa.Table | None:
    try:
        return pq.read_table(path, columns=columns or FACES.names).replace_schema_metadata()
    except (OSError, ValueError):  # such as pyarrow.ArrowInvalid
        path.unlink(missing_ok=True)
        return None


def _write(table: pa.Table, path: Path) -> None:
    """Write a Parquet file so that at any time there is the old one or the new one."""
    unfinished = path.with_name(f"{uuid.uuid4().hex}.unfinished")
    try:
        pq.write_table(table, unfinished)
        os.replace(unfinished, path)
    except OSError as error:
        raise ValueError(f"{path} cannot be written ({error.strerror}): what was there before still is.") from error
    finally:
        unfinished.unlink(missing_ok=True)
