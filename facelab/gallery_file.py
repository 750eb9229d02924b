"""The gallery's file: opening it with care, transactions, erasing, and errors as sentences (notebook 06).

SQLite does what it is known for: a change is there wholly or not at all, whatever is killed, and several programs may
have the file open at once. What this module adds is to ask for all of that (write-ahead log, every commit waits for the
disk), to refuse a file that is not what it should be before anything is written to it, and to erase for good.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from facelab.gallery_schema import check, damaged, foreign, look_at, size_of

BUSY_SECONDS = 10.0  # how long to wait for another program that writes


class GalleryFile:
    """An open gallery file, or one in memory, for one process (any of its threads).

    Parameters
    ----------
    path : Path or None
        What is not there yet, or is empty, becomes a gallery that only its owner may read. None: in memory.

    Raises
    ------
    FileNotFoundError
        There is no folder for it.
    ValueError
        It is a folder, of another kind, damaged, cut short, of a newer format, or cannot be opened.
    """

    def __init__(self, path: Path | None):
        self.path = path
        self.own_changes = 0
        self._process = os.getpid()
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        with self._explained():
            if path is None:
                self._connect(":memory:")
            else:
                look_at(path)
                self._open(path)
        with self.reading() as connection:
            unfinished = connection.execute("SELECT 1 FROM log WHERE traces LIMIT 1").fetchone()
        if unfinished:  # killed, or kept from it, while erasing
            with suppress(ValueError):
                self.scrub()

    def __str__(self) -> str:
        return "the gallery in memory" if self.path is None else str(self.path)

    @contextmanager
    def _lent(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._explained():
            if self._connection is None:
                raise ValueError(f"{self} is closed: make a new Gallery to go on.")
            # A connection that was carried over a fork can destroy the file (sqlite.org/howtocorrupt.html, 2.6).
            if os.getpid() != self._process:
                raise ValueError(f"{self} was opened by another process: make a new Gallery in this one.")
            yield self._connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection, to read the file as it is at one moment, whatever others write meanwhile.

        What SQLite raises becomes a ValueError of one sentence.
        """
        with self._lent() as connection:
            if connection.in_transaction:  # within another reading, or within writing
                yield connection
                return
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                if connection.in_transaction:  # an error of the disk may have ended it
                    connection.execute("ROLLBACK")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection within a transaction: all of what is done is stored at its end, or nothing."""
        with self._lent() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:  # a kernel's interrupt too
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            finally:
                self.own_changes += 1

    def version(self) -> tuple[int, int]:
        """Give what differs whenever the content does, whoever changed it."""
        with self.reading() as connection:
            return self.own_changes, connection.execute("PRAGMA data_version").fetchone()[0]

    def scrub(self) -> None:
        """Leave no byte of what was deleted: in the file, which shrinks, nor in the log beside it.

        Deleted rows are overwritten at once (secure_delete), but a copy from before stays in the write-ahead log until
        that is emptied, which has to wait for others who read.
        """
        with self._lock:
            try:
                with self._lent() as connection:
                    connection.execute("VACUUM")
                    busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
                    if busy:
                        raise ValueError(f"Another program is reading {self}.")
                with self.writing() as connection:
                    connection.execute("UPDATE log SET traces = 0 WHERE traces")
            except ValueError as error:
                reason = str(error).rstrip(".")
                raise ValueError(
                    f"The change is made, but traces of what was there remain in the file for now ({reason}): "
                    "see to that and make a new Gallery of it, which erases them."
                ) from error

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        with self._lock:
            if self._connection is not None and os.getpid() == self._process:
                self._connection.close()
            self._connection = None

    # Opening ---------------------------------------------------------------------------------------------------------

    def _open(self, path: Path) -> None:
        try:
            self._connect(f"{path.as_uri()}?mode=rw")
        except sqlite3.OperationalError as error:
            # A file in WAL mode wants companions beside it even to be read. Where none can be made, on a medium that
            # cannot be written, SQLite reads it alone if promised that nobody changes it; but not without a log that is
            # left there, since some people may be in that only.
            barred = _code(error).startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY"))
            if not barred or size_of(path, "-wal"):
                raise
            self._connect(f"{path.as_uri()}?mode=ro&immutable=1")

    def _connect(self, where: str) -> None:
        connection = sqlite3.connect(
            where, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, uri=where != ":memory:"
        )
        try:
            # The file may come from a stranger: what a schema could make SQLite run stays switched off.
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("PRAGMA temp_store = MEMORY")  # no faces in temporary files
            connection.execute("PRAGMA synchronous = FULL")
            check(connection, self.path, self)
            if self.path is not None:
                _use_wal(connection)
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            code = _code(error)
            if code.startswith("SQLITE_CORRUPT"):
                raise damaged(self) from error
            if code.startswith("SQLITE_NOTADB"):
                raise foreign(self) from error
            if code.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
                says = (
                    "could not be written or read (the disk is full or failing), so nothing of this was stored and "
                    "what was there stays: make room and try again"
                )
            elif code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                says = f"is being written by another program, for more than {BUSY_SECONDS:g} seconds now: try again"
            elif code.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")):
                says = (
                    "may only be read, so that nothing was changed: give yourself the right to write it and its "
                    "folder, or copy it to where you have that"
                )
            else:
                says = f"cannot be used ({code}): copy it elsewhere and try there"
            raise ValueError(f"{self} {says}.") from error


def _use_wal(connection: sqlite3.Connection) -> None:
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            # Only here SQLite does not wait by itself: two processes that make the file at once meet.
            if not _code(error).startswith("SQLITE_BUSY") or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _code(error: sqlite3.Error) -> str:
    """Give SQLite's name for what went wrong; what Python's own module finds wrong has none."""
    return getattr(error, "sqlite_errorname", None) or type(error).__name__
