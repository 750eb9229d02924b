"""A folder of photos, however large, becomes faces and vectors on disk: again and again, and on many machines (08).

Photos are known by their content, the SHA-256 of their bytes, and vectors by the model that made them. So what was done
once is not done again, whatever the photos are called by now, and a run that was killed goes on where it was. Work goes
out in parts of some dozen photos; each writes one Parquet file, under a name of its own, in one step. Who does it makes
no difference: the threads of this process, or the workers of a Dask cluster that see the same disk.

    out/photos.parquet          a row for each photo of the folder: file, content, and why it was refused, if it was
    out/model-DIGITS/*.parquet  a row for each face: content, number, box, probability, vector
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Executor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from facelab.checks import checked_path
from facelab.data import IMAGE_SUFFIXES
from facelab.detection import FaceDetector, crop_faces
from facelab.embedding import FaceEmbedder, usual_weights
from facelab.fast import a_thread_a_core
from facelab.images import open_image
from facelab.parts import (
    BOX,
    INDEX,
    forget,
    has_contents,
    make_folder,
    mend,
    read_index,
    read_parts,
    write_index,
    write_part,
)
from facelab.progress import progress_bar

FILES_IN_A_BATCH = 512  # to be hashed by one worker at a time
CROPS_AT_ONCE = 16  # to be embedded: more would not be faster, and every worker needs memory for them


@dataclass(frozen=True)
class FolderReport:
    """What a run over a folder did.

    Attributes
    ----------
    photos : int
        Files in the folder that are photos by their names.
    faces : int
        Faces in all of them.
    embedded : int
        Photos that were looked at in this run. The others' vectors were there already.
    refused : dict of str to str
        The files that could not be used, each with a sentence that says why.
    """

    photos: int
    faces: int
    embedded: int
    refused: dict[str, str] = field(repr=False)


def embed_folder(
    folder: str | os.PathLike,
    out: str | os.PathLike,
    weights: str | os.PathLike | None = None,
    *,
    detector: Mapping | None = None,
    runtime: str = "torch",
    client=None,
    photos_in_a_part: int = 64,
    progress: bool = True,
) -> FolderReport:
    """Find and embed all faces in a folder's photos, its subfolders' too, and keep them on disk.

    Run it again when photos have come, gone or changed: only new content is looked at, and vectors whose photo is gone
    are deleted, whatever model made them. (Those of a photo that is there, but cannot be read this time, stay.) One run
    at a time may write to `out`. Should a photo kill every worker that takes it, Dask's `KilledWorker` says so; what
    the others have done stays.

    Parameters
    ----------
    folder : path
    out : path
        Folder for the results, made if need be; `read_embeddings` reads it.
    weights : str or path, optional
        As `FaceEmbedder` takes them.
    detector : mapping, optional
        What to give to `FaceDetector`, such as {"min_face_size": 40}.
    runtime : str
        What runs the embedder's network, as `FaceEmbedder` takes it.
    client : dask.distributed.Client, optional
        A cluster to do the work. Its workers must have this package, and find the photos, `out` and the weights under
        the same paths. Unless given, the work is shared by as many threads of this process as torch would use.
    photos_in_a_part : int
        Photos in a piece of work. A kill costs at most the parts that were being worked on.
    progress : bool
        Show a progress bar when it takes more than a second.

    Returns
    -------
    FolderReport

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such folder, it is a file, cannot be read, or has no photos any more; `out` holds what was made
        of another folder, or cannot be written; a parameter makes no sense; or as `FaceEmbedder` and `FaceDetector`. A
        photo that cannot be used is no error, but `refused`.
    """
    if isinstance(photos_in_a_part, bool) or not isinstance(photos_in_a_part, int) or photos_in_a_part < 1:
        raise ValueError(f"photos_in_a_part is {photos_in_a_part!r}, but must be a whole number from 1 on, such as 64.")
    folder, out = checked_path(folder).resolve(), checked_path(out).resolve()
    files = _photos_in(folder)
    options = _options(detector)
    made_of = _everywhere(weights), runtime, options
    if Path(made_of[0]).is_absolute():
        _networks.cache_clear()  # this file may be another by now
    fingerprint = _networks(*made_of)[1].fingerprint
    before = _contents_before(out, folder, files)
    parts = make_folder(out, hashlib.sha256(json.dumps([fingerprint, options]).encode()).hexdigest()[:16])
    mend(out)

    with _workers(client) as workers:
        batches = [(files[i : i + FILES_IN_A_BATCH],) for i in range(0, len(files), FILES_IN_A_BATCH)]
        hashed = sorted(_do(workers, _hash_files, batches, total=len(files), desc="reading", show=progress))
        names = {path: _as_text(path.relative_to(folder)) for path in files}
        forget(out, {content or before.get(names[path]) for path, content, _ in hashed})
        known = set(read_parts(parts, ["content"]).content)
        new = list({content: path for path, content, _ in hashed if content and content not in known}.items())
        pieces = [new[i : i + photos_in_a_part] for i in range(0, len(new), photos_in_a_part)]
        jobs = [(piece, parts, made_of, fingerprint) for piece in pieces]
        now = dict(_do(workers, _embed_part, jobs, total=len(new), desc="embedding", show=progress))

    seen = read_parts(parts, ["content", "face", "refused"])
    sentences = dict.fromkeys(seen.content) | dict(seen[["content", "refused"]].dropna().values)
    rows = []
    for path, content, refused in hashed:
        content = now.get(path, content)  # it may have been written to in between
        refused = refused or sentences.get(content, "The file is gone, or was being written to.")
        rows.append((names[path], content, refused))
    write_index(pd.DataFrame(rows, columns=["file", "content", "refused"]), out, folder, parts)
    faces = seen.dropna(subset="face").content.value_counts()
    count = sum(faces.get(content, 0) for _, content, _ in rows)
    return FolderReport(len(files), int(count), len(new), {file: text for file, _, text in rows if text})


def read_embeddings(out: str | os.PathLike) -> tuple[pd.DataFrame, np.ndarray]:
    """Read what the last run of `embed_folder` has left, of the model that it was run with.

    Returns
    -------
    table : pandas.DataFrame
        A row per face, sorted: `file` (relative to the folder), `content` (SHA-256 of the file), `face` (from 0, the
        largest), `x0`, `y0`, `x1`, `y1` (pixels), `prob`.
    vectors : (n, d) float32, of unit length
        In the same order.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is nothing of that kind, or it is damaged.
    """
    index, _, parts = read_index(checked_path(out))
    faces = read_parts(parts, ["content", "face", *BOX, "prob", "vector"]).dropna(subset="face")
    table = index[["file", "content"]].merge(faces).sort_values(["file", "face"], ignore_index=True)
    vectors = np.stack(table.pop("vector")) if len(table) else np.zeros((0, 0), np.float32)
    return table.astype({"face": int, **dict.fromkeys([*BOX, "prob"], float)}), vectors


def _hash_files(files: list[Path]) -> list[tuple[Path, str | None, str | None]]:
    """Give each file with the SHA-256 of its bytes, or with a sentence that says why it cannot be read."""
    rows = []
    for path in files:
        try:
            with path.open("rb") as file:
                rows.append((path, hashlib.file_digest(file, "sha256").hexdigest(), None))
        except OSError as error:
            rows.append((path, None, f"The file cannot be read ({error.strerror})."))
    return rows


def _embed_part(
    photos: list[tuple[str, Path]], parts: Path, made_of: tuple[str, str, tuple], fingerprint: str
) -> list[tuple[Path, str]]:
    """Find and embed the faces in some photos, and write them as one part; give each photo's content as it was then."""
    contents = [content for content, _ in photos]
    part = parts / f"{hashlib.sha256(''.join(contents).encode()).hexdigest()[:32]}.parquet"
    if has_contents(part, contents):  # done by a worker that was lost before its answer came
        return []
    torch.set_num_threads(1)  # the photos are shared out, so that each needs no more
    if _networks(*made_of)[1].fingerprint != fingerprint:
        _networks.cache_clear()  # this worker has had another file by that name
    detector, embedder = _networks(*made_of)
    if embedder.fingerprint != fingerprint:
        raise ValueError(f"A worker finds other weights at {made_of[0]} than where the run was started: copy the file.")
    rows, crops, read = [], [torch.zeros(0, 3, embedder.image_size, embedder.image_size)], []
    for _, path in photos:
        try:
            encoded = path.read_bytes()
        except OSError:
            continue
        content = hashlib.sha256(encoded).hexdigest()
        read.append((path, content))
        try:
            image = open_image(encoded)
            faces = detector.detect(image)
            crops.append(crop_faces(image, faces, embedder.image_size))
        except ValueError as error:
            rows.append({"content": content, "refused": str(error)})
            continue
        except (RuntimeError, MemoryError) as error:  # one photo must not stop the others
            rows.append({"content": content, "refused": f"Detecting in it failed ({type(error).__name__})."})
            continue
        found = [
            {"face": number, "prob": prob, **dict(zip(BOX, box, strict=True))}
            for number, (box, prob) in enumerate(zip(faces.boxes, faces.probs, strict=True))
        ]
        rows += [{"content": content, **face} for face in found or [{}]]
    table = pd.DataFrame(rows, columns=["content", "refused", "face", *BOX, "prob"])
    vectors = [v for some in torch.cat(crops).split(CROPS_AT_ONCE) for v in embedder.embed(some, progress=False)]
    table["vector"] = pd.Series(vectors, table.index[table.face.notna()], object)
    write_part(table, part)
    return read


@lru_cache(maxsize=2)
def _networks(weights: str, runtime: str, options: tuple) -> tuple[FaceDetector, FaceEmbedder]:
    return FaceDetector(**dict(options)), FaceEmbedder(weights, runtime=runtime)


@contextmanager
def _workers(client) -> Iterator[Executor]:
    """Give the cluster as an executor, or as many threads as torch would use; torch's own number is put back after."""
    with a_thread_a_core() as threads:
        yield threads if client is None else client.get_executor(pure=False, retries=2)


def _do(workers: Executor, work, jobs: Iterable[tuple], *, total: int, desc: str, show: bool) -> list:
    """Do all jobs, each on a list that it gives first, and give all that they gave, in any order."""
    futures = {workers.submit(work, *job): len(job[0]) for job in jobs}
    results = []
    try:
        with progress_bar(total=total, desc=desc, unit="photo", show=show) as bar:
            for future in as_completed(futures):
                results += future.result()
                bar.update(futures[future])
    except BaseException:
        for future in futures:  # so that nobody has to wait for what is not wanted any more
            future.cancel()
        raise
    return results


def _contents_before(out: Path, folder: Path, files: list[Path]) -> dict[str, str]:
    """Give the contents of the last run by file, or say in one sentence that this run would delete them by mistake."""
    if not (out / INDEX).is_file():
        return {}
    index, other, _ = read_index(out)
    if other != folder:
        raise ValueError(f"{out} holds what was made of {other}: give another folder for the results.")
    if len(index) and not files:
        raise ValueError(
            f"{folder} has no photos any more: bring them back, or delete {out} if they are to be forgotten."
        )
    return dict(index[["file", "content"]].dropna().values)


def _everywhere(weights: str | os.PathLike | None) -> str:
    """Give weights as a name, or as a path that does not depend on where a worker was started."""
    weights = usual_weights() if weights is None else weights
    path = checked_path(weights)
    return str(path.resolve()) if path.is_file() else str(weights)


def _options(detector: Mapping | None) -> tuple:
    """Give a detector's parameters as they can be compared, or say in one sentence that they are none."""
    names = ("min_face_size", "thresholds", "factor")
    if not isinstance(detector, Mapping | None) or set(detector or ()) - set(names):
        raise ValueError(f"detector is {detector!r}, but must be a mapping with some of {', '.join(names)}.")
    plain = {name: np.asarray(value).tolist() for name, value in sorted((detector or {}).items())}
    return tuple((name, tuple(value) if isinstance(value, list) else value) for name, value in plain.items())


def _photos_in(folder: Path) -> list[Path]:
    """List all photos in a folder and its subfolders; what begins with a dot and links to folders are passed over."""
    if not folder.exists():
        raise FileNotFoundError(f"There is no folder {folder}: give one with photos in it, or in its subfolders.")
    if not folder.is_dir():
        raise ValueError(f"{folder} is a file: give the folder that the photos lie in.")

    def refuse(error: OSError) -> None:
        raise ValueError(f"{error.filename} cannot be read ({error.strerror}): check who may read it.") from error

    found = []
    for here, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        photos = [name for name in files if not name.startswith(".") and name.lower().endswith(IMAGE_SUFFIXES)]
        found += [Path(here, name) for name in photos]
    return sorted(found)


def _as_text(path: Path) -> str:
    """Give a path as text that any file can hold, even where a name is not UTF-8."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")
