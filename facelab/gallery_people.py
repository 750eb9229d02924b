"""What a gallery's file knows of people, in SQL: names, photos, thresholds, the log (behind `gallery.py`, notebook 06).

Every function works on a connection within a transaction that `GalleryFile` has begun.
"""

from __future__ import annotations

import sqlite3
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from facelab.gallery_schema import damaged
from facelab.gallery_search import Known, Model

TASKS = ("identify", "verify")
LONGEST_NAME = 200  # characters
JOINERS = "\u200c\u200d"  # invisible, and part of how Persian and Indian names are written

# Distance. One photo's vectors differ by less, whatever batch they were made in; two photos' vectors by far more.
SAME_PHOTO = 1e-4


@dataclass(frozen=True, eq=False)
class Photos:
    """What there is of n photos, row by row.

    Attributes
    ----------
    model : Model
    names : list of n str
    vectors : (n, d) float32
        Of unit length.
    thumbnails : list of n bytes or None
        JPEG.
    added : list of n str
        When each was enrolled, as ISO 8601.
    """

    model: Model
    names: list[str]
    vectors: np.ndarray
    thumbnails: list[bytes | None]
    added: list[str]


def now() -> str:
    """Give the time as the gallery stores it: UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def checked_name(name: object) -> str:
    """Give a name in composed form (NFC) with single blanks, or say in one sentence why it is none."""
    if not isinstance(name, str):
        raise ValueError(f"A name is text, but this is a {type(name).__name__}: give it as a str.")
    tidy = unicodedata.normalize("NFC", name.strip())
    if not tidy:
        raise ValueError("The name is empty: give one of at least one character.")
    if len(tidy) > LONGEST_NAME:
        raise ValueError(
            f"The name has {len(tidy):,} characters, but {LONGEST_NAME} is the most: give the name of a person."
        )
    for character in tidy:
        # Line ends, marks that reverse the text after them, halves of characters: on a screen, such a name passes for
        # another one.
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") and character not in JOINERS:
            raise ValueError(
                f"{tidy!r} holds the invisible character U+{ord(character):04X}: write it without, on one line."
            )
    return " ".join(tidy.split())


def name_key(name: str) -> str:
    """Give what two spellings of a name have in common: Unicode's compatibility form without case."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", " ".join(name.split())).casefold())


def load_known(connection: sqlite3.Connection, where: object) -> Known:
    """Read everybody's vectors; `where` is what to call the file should it be damaged."""
    rows = connection.execute(
        "SELECT person.id, person.name, embedding.model, embedding.vector FROM embedding "
        "JOIN photo ON photo.id = embedding.photo JOIN person ON person.id = photo.person ORDER BY person.id, photo.id"
    ).fetchall()
    if not rows:
        return Known(None, np.empty(0, int), [], np.empty(0, int), np.empty((0, 0)))
    people, names, models, blobs = zip(*rows, strict=True)
    found = connection.execute("SELECT name, dimension, fingerprint FROM model WHERE id = ?", [models[0]]).fetchone()
    model = Model(*found)
    if set(models) != {models[0]} or any(len(blob) != 4 * model.dimension for blob in blobs):
        raise damaged(where)
    vectors = np.frombuffer(b"".join(blobs), "<f4").reshape(len(blobs), -1).astype(np.float64)
    if not np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=0.01):  # NaN fails this too
        raise damaged(where)
    people, starts = np.unique(people, return_index=True)
    return Known(model, people, [names[start] for start in starts], starts, vectors)


def find_person(connection: sqlite3.Connection, name: str, where: object) -> int:
    """Give a person's number; ValueError if nobody has that name."""
    key = name_key(checked_name(name))
    found = connection.execute("SELECT id FROM person WHERE key = ?", [key]).fetchone()
    if not found:
        raise ValueError(f"Nobody called {checked_name(name)} is enrolled in {where}: names lists who is.")
    return found[0]


def add_photos(connection: sqlite3.Connection, known: Known, photos: Photos) -> int:
    """Store photos, with their people where those are new, and give how many were not there yet.

    ValueError, before or after something was written, if one of them is another person's already.
    """
    numbers, counts = {}, {}
    model = model_number(connection, photos.model)
    old = known.vectors.reshape(-1, photos.model.dimension)
    vectors = np.concatenate([old, photos.vectors])
    squares = np.einsum("ij,ij->i", vectors, vectors)
    owners = [person for person, n in zip(known.people.tolist(), known.counts, strict=True) for _ in range(n)]
    for place, name in enumerate(photos.names):
        key = name_key(name)
        if key not in numbers:
            connection.execute("INSERT OR IGNORE INTO person (name, key) VALUES (?, ?)", [name, key])
            numbers[key] = connection.execute("SELECT id FROM person WHERE key = ?", [key]).fetchone()[0]
        row = len(old) + place
        to_earlier = squares[:row] + squares[row] - 2 * (vectors[:row] @ vectors[row])
        same = {owners[i] for i in np.flatnonzero(to_earlier < SAME_PHOTO**2)}
        owners.append(numbers[key])
        if others := same - {numbers[key]}:
            other = connection.execute("SELECT name FROM person WHERE id = ?", [min(others)]).fetchone()[0]
            raise ValueError(
                f"A photo given for {name} (number {place}, counted from 0) is enrolled as {other}'s already: take "
                "another, or rename or forget whoever has the wrong name."
            )
        if not same:
            photo = connection.execute(
                "INSERT INTO photo (person, added, thumbnail) VALUES (?, ?, ?)",
                [numbers[key], photos.added[place], photos.thumbnails[place]],
            ).lastrowid
            blob = photos.vectors[place].astype("<f4").tobytes()
            connection.execute("INSERT INTO embedding VALUES (?, ?, ?)", [photo, model, blob])
            counts[numbers[key]] = counts.get(numbers[key], 0) + 1
    for person, count in counts.items():
        write_log(connection, "enrolled", person, count)
    return sum(counts.values())


def read_photos(connection: sqlite3.Connection, known: Known) -> Photos:
    """Read all there is of everybody's photos, person by person."""
    rows = connection.execute(
        "SELECT person.name, photo.thumbnail, photo.added FROM photo JOIN person ON person.id = photo.person "
        "ORDER BY person.id, photo.id"
    ).fetchall()
    names, thumbnails, added = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    return Photos(known.model, names, known.vectors.astype(np.float32), thumbnails, added)


def model_number(connection: sqlite3.Connection, model: Model) -> int:
    """Give the number of a model in this file, which it gets when it is first seen."""
    connection.execute(
        "INSERT OR IGNORE INTO model (name, dimension, fingerprint) VALUES (?, ?, ?)",
        [model.name, model.dimension, model.fingerprint],
    )
    found = connection.execute(
        "SELECT id FROM model WHERE fingerprint = ? AND dimension = ?", [model.fingerprint, model.dimension]
    )
    return found.fetchone()[0]


def stored_threshold(connection: sqlite3.Connection, model: Model, task: str) -> float | None:
    """Give the threshold that is stored for a model and a task, or None."""
    found = connection.execute(
        "SELECT value FROM threshold JOIN model ON model.id = threshold.model "
        "WHERE fingerprint = ? AND dimension = ? AND task = ?",
        [model.fingerprint, model.dimension, checked_task(task)],
    ).fetchone()
    return found[0] if found else None


def checked_task(task: str) -> str:
    """Give "identify" or "verify" back, and refuse anything else."""
    if task not in TASKS:
        raise ValueError(f"task is {task!r}, but a threshold is for 'identify' (1:N) or 'verify' (1:1).")
    return task


def write_log(connection: sqlite3.Connection, event: str, person: int, photos: int, traces: bool = False) -> None:
    """Note what happened, without saying to whom; `traces` says that what was there has yet to be scrubbed away."""
    connection.execute(
        "INSERT INTO log (time, event, person, photos, traces) VALUES (?, ?, ?, ?, ?)",
        [now(), event, person, photos, traces],
    )
