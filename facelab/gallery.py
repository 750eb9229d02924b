"""The gallery: a database of known people, who can be enrolled, identified, verified and forgotten (notebook 06).

A face is compared with everyone enrolled (identification, 1:N) or with who it is said to be (verification, 1:1), by the
distance between embeddings, and "nobody I know" is an answer. What is kept of a photo is a thumbnail and a vector:
**biometric templates**, from which people can be recognised for good, so that `forget` leaves no byte of them.
"""

from __future__ import annotations

import os

import numpy as np

from facelab.gallery_faces import FaceReader, encode_thumbnail
from facelab.gallery_people import checked_name
from facelab.gallery_search import Identification, Model, Verification
from facelab.gallery_vectors import VectorGallery
from facelab.images import is_one_image


class Gallery(VectorGallery):
    """Known people, in an SQLite file that several programs may have open, or in memory.

    All photos of one call are stored together or not at all, and what a call that returned has stored outlives a kill.

    Parameters
    ----------
    path : str or path, optional
        The file; what is not there yet becomes a gallery. Without a path the gallery is gone when it is closed.
    embedder : FaceEmbedder, str or path, optional
        What makes the vectors, or the name or file of its weights. Left out, it is `FaceEmbedder()`, made when it is
        needed first.
    detector : FaceDetector, optional
        `FaceDetector()` if left out, likewise.

    Raises
    ------
    FileNotFoundError
        There is no such folder to have the file in, or no such weights.
    ValueError
        The file is of another kind or a newer format, damaged, cut short, or cannot be opened; or the embedder or the
        detector is none. Every method raises it, in one sentence, where a file cannot be read or written (any more), is
        written by another program for more than ten seconds, or was closed; or for vectors of another model.

    Examples
    --------
    >>> with Gallery("people.gallery") as gallery:
    ...     gallery.enrol("Ada Lovelace", ["ada_1.jpg", "ada_2.jpg"])
    ...     [face.name for face in gallery.identify("party.jpg", threshold=1.0)]
    """

    def __init__(self, path: str | os.PathLike | None = None, *, embedder=None, detector=None):
        self._reader = FaceReader(embedder, detector)
        super().__init__(path, model=self._reader.model if embedder is not None else None)

    @property
    def embedder(self):
        """What makes the vectors."""
        return self._reader.embedder

    @property
    def model(self) -> Model:
        """Whose vectors are taken: the embedder's, or, unless one was given, those of the people enrolled."""
        return self._model or self._known().model or self._reader.model

    def enrol(self, name: str, photos, *, progress: bool = True) -> int:
        """Enrol a person, or add photos to one who is enrolled.

        Parameters
        ----------
        name : str
            1 to 200 characters on one line. Case, blanks around it and how its accents are encoded make no difference:
            "ADA" adds to "Ada", who stays spelt as she was.
        photos
            One photo in any form that `open_image` takes, or a list of such. Each must show exactly one face.
        progress : bool
            Show a progress bar when it takes more than a second.

        Returns
        -------
        int
            How many photos are new: one that this person is enrolled with already is passed over.

        Raises
        ------
        ValueError, FileNotFoundError
            Nothing is stored, because the name is none, a photo cannot be read, shows no face or several, or is
            enrolled as another person's.
        """
        name = checked_name(name)
        photos = [photos] if is_one_image(photos) else list(photos)
        if not photos:
            raise ValueError(f"There is no photo to enrol {name} with: give one at least.")
        from facelab.progress import progress_bar

        model, _ = self._photo_model(), self._reader.detector  # loaded before the bar begins to count
        vectors, thumbnails = [], []
        for place, photo in enumerate(progress_bar(photos, desc="enrolling", unit="photo", show=progress)):
            try:
                seen = self._reader.read_one(photo)
            except (ValueError, FileNotFoundError) as error:
                if len(photos) == 1:
                    raise
                raise type(error)(f"Photo {place} of those given for {name}, counted from 0: {error}") from error
            vectors.append(seen.vectors[0])
            thumbnails.append(encode_thumbnail(seen.thumbnails[0]))
        return self._add(name, model, np.array(vectors), thumbnails)

    def identify(
        self, photo, k: int = 5, threshold: float | None = None, *, by: str = "nearest"
    ) -> list[Identification]:
        """Find out who is on a photo, with any number of faces (1:N).

        Parameters
        ----------
        photo
            In any form that `open_image` takes.
        k : int
            How many candidates to list for each face; fewer where fewer are enrolled.
        threshold : float, optional
            Up to which distance a person counts as found, 0 to 2; otherwise the one that `set_threshold` stored.
        by : "nearest" or "mean"
            A person is as far away as their nearest photo, or as the direction of their mean vector. The nearest is
            right about people who look different on different photos, and is misled by one bad photo, which weighs
            less in a mean. The two are different distances, and each wants a threshold of its own.

        Returns
        -------
        list of Identification
            One per face, largest first, with `name`, None for nobody known; empty where there is no face.

        Raises
        ------
        ValueError, FileNotFoundError
            The photo cannot be read, there is no threshold, or k, threshold or by make no sense.
        """
        model = self._photo_model()
        threshold = self._threshold(threshold, "identify", model)
        seen = self._reader.read(photo)
        found = self._search(model, seen.vectors, k, threshold, by)
        return [
            Identification(one.candidates, threshold, one.vector, box, thumbnail)
            for one, box, thumbnail in zip(found, seen.boxes, seen.thumbnails, strict=True)
        ]

    def verify(self, name: str, photo, threshold: float | None = None, *, by: str = "nearest") -> Verification:
        """Check whether a photo shows who it is said to show (1:1).

        Parameters
        ----------
        name : str
            Of an enrolled person.
        photo
            With exactly one face, in any form that `open_image` takes.
        threshold : float, optional
            Up to which distance the claim is accepted, 0 to 2; otherwise the one that `set_threshold` stored.
        by : "nearest" or "mean"
            As in `identify`.

        Raises
        ------
        ValueError, FileNotFoundError
            Nobody has that name, the photo shows no face or several, or as in `identify`.
        """
        model = self._photo_model()
        threshold = self._threshold(threshold, "verify", model)
        seen = self._reader.read_one(photo)
        return self._compare(name, model, seen.vectors, threshold, by, seen.boxes[0])

    def _photo_model(self) -> Model:
        """The embedder's model, if the people here are enrolled with it: said before the work on a photo, not after."""
        self._known_of(self._reader.model)
        return self._reader.model
