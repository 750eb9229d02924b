"""A gallery of ready vectors: all that needs no network (notebook 06; `gallery.py` adds the photos).

Enrolling, searching, comparing, forgetting and moving house are the same for any vectors of unit length, so that all of
it can be looked at, and tested, without a face.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from PIL import Image

from facelab.checks import checked_count, checked_path
from facelab.gallery_export import read_export, write_export
from facelab.gallery_faces import encode_thumbnail
from facelab.gallery_file import GalleryFile
from facelab.gallery_people import (
    TASKS,
    Photos,
    add_photos,
    checked_name,
    checked_task,
    find_person,
    load_known,
    model_number,
    name_key,
    now,
    read_photos,
    stored_threshold,
    write_log,
)
from facelab.gallery_schema import damaged
from facelab.gallery_search import Identification, Known, Model, Verification, checked_threshold, unit_vectors
from facelab.images import open_image


class VectorGallery:
    """Known people by their vectors; `facelab.Gallery`, which builds on it, says what all of it means.

    Parameters
    ----------
    path : str or path, optional
    model : Model, optional
        Whose vectors will be given. Left out, they are taken for those of the people enrolled.
    """

    def __init__(self, path: str | os.PathLike | None = None, *, model: Model | None = None):
        self._model = model
        self._file = GalleryFile(None if path is None else checked_path(path).resolve())
        self._cache: tuple[tuple[int, int], Known] | None = None

    def __repr__(self) -> str:
        return f"Gallery({'in memory' if self.path is None else repr(str(self.path))})"

    def __len__(self) -> int:
        """Give the number of people."""
        return len(self._known().names)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name_key(name) in map(name_key, self.names)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. What was stored is there without it; it only tidies up, and a second time does nothing."""
        self._file.close()

    @property
    def path(self) -> Path | None:
        """The file, None for a gallery in memory."""
        return self._file.path

    @property
    def names(self) -> list[str]:
        """Who is enrolled, in the order of their first enrolment."""
        return list(self._known().names)

    @property
    def model(self) -> Model:
        """Whose vectors are taken: what was said when it was opened, or else those of the people enrolled."""
        model = self._model or self._known().model
        if model is None:
            raise ValueError(f"Whose vectors {self._file} is for is not known yet: open it with model=.")
        return model

    # Enrol and forget ------------------------------------------------------------------------------------------------

    def enrol_vectors(self, name: str, vectors: ArrayLike, *, thumbnails: Sequence | None = None) -> int:
        """Enrol a person with ready vectors, as `enrol` does with photos.

        Parameters
        ----------
        name : str
        vectors : (n, d) or (d,) float
            Of unit length.
        thumbnails : sequence of n images, optional
            In any form that `open_image` takes; kept at no more than 112 pixels a side.

        Returns
        -------
        int
            How many are new.
        """
        name, model = checked_name(name), self.model
        vectors = unit_vectors(vectors, model)
        if len(vectors) == 0:
            raise ValueError(f"There is no vector to enrol {name} with: give one at least.")
        if thumbnails is not None and len(thumbnails) != len(vectors):
            raise ValueError(f"{len(vectors)} vectors come with {len(thumbnails)} thumbnails: give one for each.")
        blobs = [None] * len(vectors) if thumbnails is None else [encode_thumbnail(image) for image in thumbnails]
        return self._add(name, model, vectors, blobs)

    def rename(self, old: str, new: str) -> None:
        """Give a person another name, and erase the old one as `forget` does; ValueError if somebody else has it."""
        new = checked_name(new)
        with self._file.writing() as connection:
            person = find_person(connection, old, self._file)
            other = connection.execute("SELECT id FROM person WHERE key = ?", [name_key(new)]).fetchone()
            if other and other[0] != person:
                raise ValueError(f"There is a {new} already: choose another name, or forget one of the two.")
            connection.execute("UPDATE person SET name = ?, key = ? WHERE id = ?", [new, name_key(new), person])
            write_log(connection, "renamed", person, 0, traces=True)
        self._file.scrub()

    def forget(self, name: str) -> int:
        """Erase a person for good: name, vectors and thumbnails, from the file and from the log beside it.

        What remains is a line in the log, with a number for the person. Copies, exports and backups of the file are out
        of reach, and so is what a disk keeps of overwritten blocks: encrypt the disk if that matters.

        Returns
        -------
        int
            How many photos were erased.

        Raises
        ------
        ValueError
            Nobody has that name; or the person is forgotten, but traces could not be erased yet, and why.
        """
        with self._file.writing() as connection:
            person = find_person(connection, name, self._file)
            photos = connection.execute("SELECT COUNT(*) FROM photo WHERE person = ?", [person]).fetchone()[0]
            connection.execute("DELETE FROM person WHERE id = ?", [person])
            write_log(connection, "forgotten", person, photos, traces=True)
        self._file.scrub()
        return photos

    # Identify and verify ---------------------------------------------------------------------------------------------

    def identify_vectors(
        self, vectors: ArrayLike, k: int = 5, threshold: float | None = None, *, by: str = "nearest"
    ) -> list[Identification]:
        """Find out whose these (n, d) or (d,) unit vectors are: `identify`, for ready vectors."""
        model = self.model
        return self._search(model, unit_vectors(vectors, model), k, self._threshold(threshold, "identify", model), by)

    def distances(self, vectors: ArrayLike, *, by: str = "nearest") -> pd.DataFrame:
        """Measure the distance from each of n vectors to everybody: n rows, a column per name, float32."""
        model = self.model
        known = self._known_of(model)
        return pd.DataFrame(known.distances(unit_vectors(vectors, model), by), columns=pd.Index(known.names, dtype=str))

    def verify_vector(
        self, name: str, vector: ArrayLike, threshold: float | None = None, *, by: str = "nearest"
    ) -> Verification:
        """Check whether a ready (d,) vector is this person's: `verify`, without a photo."""
        model = self.model
        vector = unit_vectors(vector, model)
        if len(vector) != 1:
            raise ValueError(f"{len(vector)} vectors were given, but one face is verified at a time: give one.")
        return self._compare(name, model, vector, self._threshold(threshold, "verify", model), by, None)

    def set_threshold(self, threshold: float, task: str | None = None) -> None:
        """Store the threshold for "identify" or "verify", or for both, to be used with this model when none is given.

        Notebook 04 chooses it. One that is good for 1:1 names too many strangers in a large gallery.
        """
        threshold, model = checked_threshold(threshold), self.model
        with self._file.writing() as connection:
            number = model_number(connection, model)
            for one in TASKS if task is None else [checked_task(task)]:
                connection.execute("INSERT OR REPLACE INTO threshold VALUES (?, ?, ?)", [number, one, threshold])

    def threshold(self, task: str = "identify") -> float | None:
        """Give the threshold that is stored for this model and "identify" or "verify"; None if there is none."""
        model = self.model
        with self._file.reading() as connection:
            return stored_threshold(connection, model, task)

    # Look at it, take it elsewhere -----------------------------------------------------------------------------------

    def to_frame(self) -> pd.DataFrame:
        """List the photos: `name`, `photo` (its number), `added` (UTC), `model`, and whether it has a `thumbnail`."""
        with self._file.reading() as connection:
            rows = connection.execute(
                "SELECT person.name, photo.id, photo.added, model.name, photo.thumbnail IS NOT NULL FROM photo "
                "JOIN person ON person.id = photo.person JOIN embedding ON embedding.photo = photo.id "
                "JOIN model ON model.id = embedding.model ORDER BY person.id, photo.id"
            ).fetchall()
        table = pd.DataFrame(rows, columns=["name", "photo", "added", "model", "thumbnail"])
        table["added"] = pd.to_datetime(table["added"], utc=True, format="ISO8601")
        return table.astype({"name": str, "photo": int, "model": str, "thumbnail": bool})

    def log(self) -> pd.DataFrame:
        """List what was done: `time` (UTC), `event` (enrolled, renamed, forgotten), `person` (a number), `photos`."""
        with self._file.reading() as connection:
            rows = connection.execute("SELECT time, event, person, photos FROM log ORDER BY id").fetchall()
        table = pd.DataFrame(rows, columns=["time", "event", "person", "photos"])
        table["time"] = pd.to_datetime(table["time"], utc=True, format="ISO8601")
        return table.astype({"event": str, "person": int, "photos": int})

    def vectors(self, name: str) -> np.ndarray:
        """Give a person's vectors in the order of enrolment: (n, d) float32; ValueError if nobody has that name."""
        with self._file.reading() as connection:
            known = self._known()
            place = self._place(known, find_person(connection, name, self._file))
        return known.vectors[known.starts[place] :][: known.counts[place]].astype(np.float32)

    def thumbnails(self, name: str) -> list[Image.Image | None]:
        """Give a person's thumbnails, in the order of `vectors`, None for a vector that came without."""
        with self._file.reading() as connection:
            person = find_person(connection, name, self._file)
            rows = connection.execute("SELECT thumbnail FROM photo WHERE person = ? ORDER BY id", [person]).fetchall()
        return [None if blob is None else open_image(blob) for (blob,) in rows]

    def export(self, folder: str | os.PathLike) -> Path:
        """Write everybody's names, vectors and thumbnails into a new folder: photos.csv and vectors.npz.

        Row i of the one belongs to row i of the other (`vectors`; NumPy reads them). Thresholds and the log stay here.
        Who is forgotten later is not forgotten there.

        Raises
        ------
        ValueError
            Nobody is enrolled, the folder is there already, or it cannot be written: then nothing of it is left.
        """
        with self._file.reading() as connection:
            known = self._known()
            photos = read_photos(connection, known)
        if known.model is None:
            raise ValueError(
                f"Nobody is enrolled in {self._file}, so there is nothing to export: enrol somebody first."
            )
        return write_export(folder, photos)

    def import_(self, folder: str | os.PathLike) -> int:
        """Enrol everybody from a folder that `export` wrote, all or none, and give how many photos are new.

        Raises
        ------
        ValueError, FileNotFoundError
            There is no such export, it is damaged or newer, its vectors are another model's, or a photo in it is
            enrolled as another person's here.
        """
        return self._store(read_export(folder))

    # -----------------------------------------------------------------------------------------------------------------

    def _known(self) -> Known:
        """Everybody, from memory unless this or another program has written since."""
        with self._file.reading() as connection:
            version = self._file.version()  # before reading: what is written in between is then read twice, not missed
            if self._cache is None or self._cache[0] != version:
                self._cache = version, load_known(connection, self._file)
            return self._cache[1]

    def _known_of(self, model: Model) -> Known:
        """Everybody, provided that vectors of this model can be compared with theirs."""
        known = self._known()
        if known.model is not None and not known.model.same_as(model):
            raise ValueError(
                f"The vectors given are made by {model}, but the people in {self._file} are enrolled with "
                f"{known.model}, which cannot be compared: use that embedder, or enrol the people in a new gallery."
            )
        return known

    def _place(self, known: Known, person: int) -> int:
        if person not in known.people:  # a person without photos: not by this program
            raise damaged(self._file)
        return known.people.tolist().index(person)

    def _add(self, name: str, model: Model, vectors: np.ndarray, thumbnails: list[bytes | None]) -> int:
        return self._store(Photos(model, [name] * len(vectors), vectors, thumbnails, [now()] * len(vectors)))

    def _store(self, photos: Photos) -> int:
        if self._model is not None and not self._model.same_as(photos.model):
            raise ValueError(
                f"The vectors given are made by {photos.model}, but this gallery was opened for {self._model}: open it "
                "with the embedder that made them."
            )
        with self._file.writing() as connection:
            return add_photos(connection, self._known_of(photos.model), photos)

    def _search(self, model: Model, vectors: np.ndarray, k: int, threshold: float, by: str) -> list[Identification]:
        k = checked_count(k, "k")
        known = self._known_of(model)
        distances = known.distances(vectors, by)
        return [
            Identification(known.candidates(row, k), threshold, vector)
            for row, vector in zip(distances, vectors, strict=True)
        ]

    def _compare(
        self, name: str, model: Model, vectors: np.ndarray, threshold: float, by: str, box: np.ndarray | None
    ) -> Verification:
        with self._file.reading() as connection:
            known = self._known_of(model)
            place = self._place(known, find_person(connection, name, self._file))
        return Verification(known.names[place], float(known.distances(vectors, by)[0, place]), threshold, box)

    def _threshold(self, given: float | None, task: str, model: Model) -> float:
        if given is not None:
            return checked_threshold(given)
        with self._file.reading() as connection:
            stored = stored_threshold(connection, model, task)
        if stored is None:
            raise ValueError(
                f"No threshold was given, and none is stored to {task} with {model.name}: give threshold=, or store "
                "one with set_threshold (notebook 04 chooses it)."
            )
        return stored
