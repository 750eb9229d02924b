"""What is in a gallery's file, and how it is told from any other file (behind `gallery_file.py`, notebook 06)."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

APPLICATION_ID = 0x46414345  # "FACE", in the header of the file, where `file` and others look for it
FORMAT = 1
SMALLEST = 512  # bytes, of an SQLite database

# A photo has one embedding, in a table of its own, so that a search reads no thumbnails. AUTOINCREMENT: the number of a
# person who was forgotten is never given to another. The log has that number only, and so survives them without naming.
SCHEMA = """
CREATE TABLE model (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    dimension INTEGER NOT NULL CHECK (dimension > 0),
    fingerprint TEXT NOT NULL,
    UNIQUE (fingerprint, dimension)
);
CREATE TABLE threshold (
    model INTEGER NOT NULL REFERENCES model,
    task TEXT NOT NULL CHECK (task IN ('identify', 'verify')),
    value REAL NOT NULL,
    PRIMARY KEY (model, task)
);
CREATE TABLE person (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    key TEXT NOT NULL UNIQUE
);
CREATE TABLE photo (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    person INTEGER NOT NULL REFERENCES person ON DELETE CASCADE,
    added TEXT NOT NULL,
    thumbnail BLOB
);
CREATE INDEX photo_of_person ON photo (person);
CREATE TABLE embedding (
    photo INTEGER PRIMARY KEY REFERENCES photo ON DELETE CASCADE,
    model INTEGER NOT NULL REFERENCES model,
    vector BLOB NOT NULL
);
CREATE TABLE log (
    id INTEGER PRIMARY KEY,
    time TEXT NOT NULL,
    event TEXT NOT NULL CHECK (event IN ('enrolled', 'renamed', 'forgotten')),
    person INTEGER NOT NULL,
    photos INTEGER NOT NULL,
    traces INTEGER NOT NULL
);
"""


def look_at(path: Path) -> None:
    """Say what is wrong with the place before SQLite is asked; where there is no file, make one.

    Without opening a file that is there: to close it again would end all locks that this process holds on it, those of
    another Gallery among them (POSIX; sqlite.org/howtocorrupt.html, 2.2).
    """
    if path.is_dir():
        raise ValueError(f"{path} is a folder: give a file in it, such as {path.name or 'my'}/people.gallery.")
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"There is no folder {path.parent} for a gallery: make it first, or check the spelling."
        )
    try:
        with suppress(FileExistsError):  # faces are nobody else's business
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        if not path.exists():
            raise ValueError(
                f"{path} cannot be made ({error.strerror}): choose a place that you may write to."
            ) from error
    if 0 < size_of(path) < SMALLEST:  # SQLite would take a single byte for nothing
        raise foreign(path)
    if not size_of(path) and size_of(path, "-wal"):  # SQLite would take it for a new one, and throw the log away
        raise damaged(path)


def size_of(path: Path, companion: str = "") -> int:
    """Bytes in the file, or in one of the logs that SQLite keeps beside it; 0 if there is none."""
    try:
        return path.with_name(path.name + companion).stat().st_size
    except OSError:
        return 0


def check(connection: sqlite3.Connection, path: Path | None, what: object) -> None:
    """Make sure that this is a gallery, and one that this version can read; make one of an empty file."""
    if _header(connection) == (0, 0) and not _schema(connection):
        connection.execute("BEGIN IMMEDIATE")
        if not _schema(connection):  # another process may have been faster
            for statement in SCHEMA.split(";\n"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {FORMAT}")
        connection.execute("COMMIT")
    application, version = _header(connection)
    if application != APPLICATION_ID:
        raise ValueError(
            f"{what} is an SQLite database, but not a gallery: give the path of a gallery, or of a file that is "
            "not there yet."
        )
    if version > FORMAT:
        raise ValueError(
            f"{what} has format {version}, from a newer facelab than this one, which reads up to {FORMAT}: upgrade "
            "facelab; the file was left as it is."
        )
    # SQLite misses whole pages, but would fill up a last one that is cut short with zeros.
    if path and not size_of(path, "-wal") and not size_of(path, "-journal"):
        page = connection.execute("PRAGMA page_size").fetchone()[0]
        if size_of(path) % page:
            raise damaged(what)
    fresh = sqlite3.connect(":memory:")
    fresh.executescript(SCHEMA)
    sound = _schema(connection) == _schema(fresh)
    fresh.close()
    if not sound or connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        raise damaged(what)


def _header(connection: sqlite3.Connection) -> tuple[int, int]:
    return tuple(connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))


def _schema(connection: sqlite3.Connection) -> set[tuple[str, str, str]]:
    return set(connection.execute("SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite%'"))


def foreign(what: object) -> ValueError:
    """Make the error for a file that SQLite does not know as its own."""
    return ValueError(
        f"{what} is not a gallery, but a file of another kind or the beginning of one, and was left as it is: give the "
        "path of a gallery, or of a file that is not there yet."
    )


def damaged(what: object) -> ValueError:
    """Make the error for a file in which something is not as it was written."""
    return ValueError(
        f"{what} is damaged or cut short, and was left as it is: go back to a copy of it, or import an export of it "
        "into a new gallery."
    )
