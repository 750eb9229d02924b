"""Tables of photos and faces on disk, each file written in one step (behind `folders.py`)."""

from __future__ import annotations

import os
import uuid
from collections.abc import Collection
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

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


def make_folder(out: Path, model: str) -> Path:
    """Make the folder for a model's parts if need be, and delete what a run that was killed has left half-written."""
    parts = out / f"model-{model}"
    try:
        parts.mkdir(parents=True, exist_ok=True)
        for unfinished in [*out.glob("*.unfinished"), *out.glob("model-*/*.unfinished")]:
            unfinished.unlink()
    except OSError as error:
        raise ValueError(
            f"{parts} cannot be written ({error.strerror}): give another folder for the results."
        ) from error
    return parts


def write_part(faces: pd.DataFrame, path: Path) -> None:
    """Write the rows of some photos, as FACES says."""
    _write(pa.Table.from_pandas(faces, FACES, preserve_index=False), path)


def read_parts(parts: Path, columns: list[str]) -> pd.DataFrame:
    """Read these columns of all parts, a face once; a ValueError says which part is damaged."""
    tables = [FACES.empty_table().select(columns)]
    tables += [_read(path, columns) for path in sorted(parts.glob("*.parquet"))]
    return pa.concat_tables(tables).to_pandas().drop_duplicates(["content", *({"face"} & set(columns))])


def mend(out: Path) -> None:
    """Delete parts that are damaged, whatever model they are of: their photos will be looked at again."""
    for path in out.glob("model-*/*.parquet"):
        try:
            _read(path)
        except ValueError as error:
            if getattr(error.__cause__, "errno", None) is None:  # the file is to blame, not the disk
                path.unlink()


def has_contents(part: Path, contents: Collection[str]) -> bool:
    """Say whether a part is there and has a row for each of these contents."""
    return part.is_file() and set(contents) <= set(_read(part, ["content"]).column("content").to_pylist())


def forget(out: Path, contents: Collection[str]) -> None:
    """Delete what was kept of photos with other contents than these, whatever model saw them."""
    for path in out.glob("model-*/*.parquet"):
        kept = [content in contents for content in _read(path, ["content"]).column("content").to_pylist()]
        if not any(kept):
            path.unlink()
        elif not all(kept):
            _write(_read(path).filter(pa.array(kept)), path)


def write_index(photos: pd.DataFrame, out: Path, folder: Path, parts: Path) -> None:
    """Write which photos there are, as PHOTOS says, in which folder, and which parts were made of them."""
    table = pa.Table.from_pandas(photos, PHOTOS, preserve_index=False)
    _write(table.replace_schema_metadata({"folder": os.fsencode(folder), "parts": parts.name}), out / INDEX)


def read_index(out: Path) -> tuple[pd.DataFrame, Path, Path]:
    """Read what `write_index` wrote: photos, folder, parts; FileNotFoundError or ValueError if it is not there."""
    if not (out / INDEX).is_file():
        raise FileNotFoundError(f"{out} has no {INDEX}: give a folder in which embed_folder has finished.")
    try:
        table = pq.read_table(out / INDEX, columns=PHOTOS.names)
        folder, parts = (os.fsdecode(table.schema.metadata[name]) for name in (b"folder", b"parts"))
        return table.replace_schema_metadata().cast(PHOTOS).to_pandas(), Path(folder), out / parts
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{out / INDEX} is damaged ({type(error).__name__}): delete it, and run embed_folder."
        ) from error


def _read(path: Path, columns: list[str] | None = None) -> pa.Table:
    try:
        return pq.read_table(path, columns=columns or FACES.names).replace_schema_metadata()
    except (OSError, ValueError) as error:  # such as pyarrow.ArrowInvalid
        raise ValueError(f"{path} cannot be read ({type(error).__name__}): run embed_folder again.") from error


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
