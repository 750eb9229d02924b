"""Judges of the exercises in notebook 06."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from facelab.exercises import NO_FUNCTION, called, exercise

WORDS = ("rises", "falls", "stays")


@exercise("06.1", "Right: a minimum over more photos is smaller, the right person's as well as everybody else's.")
def more_photos(answer) -> str | None:
    if isinstance(answer, str) or np.shape(answer) != (2,):
        answer = ("", "")
    answer = [str(word).strip().lower() for word in answer]
    if not all(word in WORDS for word in answer):
        return 'Give two words, for DIR and for FPIR, each "rises", "falls" or "stays".'
    of_known, of_strangers = answer
    if of_known != "rises":
        return "DIR: the nearest of eight photos is compared with the same threshold as the nearest of two was."
    if of_strangers != "rises":
        return "FPIR: a stranger is compared with more photos, too. What does that do to the nearest of them?"
    return None


def _people(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of three people, with one to five photos each, in no order."""
    names = np.repeat(["Ada", "Ben", "Cleo"], rng.integers(1, 6, 3))
    rng.shuffle(names)
    middles = {name: rng.normal(size=16) for name in ("Ada", "Ben", "Cleo")}
    vectors = np.stack([middles[name] + rng.normal(scale=0.8, size=16) for name in names])
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), names


def _visitor(rng: np.random.Generator, vectors: np.ndarray) -> np.ndarray:
    vector = vectors[rng.integers(len(vectors))] + rng.normal(scale=0.15, size=vectors.shape[1])
    return vector / np.linalg.norm(vector)


@exercise("06.2", "Right: everybody once, by their nearest photo. `Gallery.identify` lists its candidates so.")
def nearest_people(answer) -> str | None:
    rng = np.random.default_rng(62)
    for case in range(30):
        vectors, names = _people(rng)
        vector, k = _visitor(rng, vectors), case % 4 + 1
        distances = np.linalg.norm(vectors - vector, axis=1)
        expected = sorted((float(distances[names == name].min()), str(name)) for name in set(names))[:k]
        found = called(answer, vector.copy(), vectors.copy(), names.copy(), k)
        try:
            found = [(str(name), float(distance)) for name, distance in found]
        except (TypeError, ValueError):
            return f"Give a list of pairs (name, distance), but yours is {str(found)[:60]}."
        said = [name for name, _ in found]
        if len(set(said)) < len(said):
            return f"{said} lists somebody twice: every photo has a distance, and a person has several photos."
        if len(said) != len(expected):
            return f"Of 3 people, {len(expected)} should be listed for k = {k}, but yours are {len(said)}."
        if [distance for _, distance in found] != sorted(distance for _, distance in found):
            return "The nearest person should come first."
        if said != [name for _, name in expected]:
            return f"The nearest should be {', '.join(name for _, name in expected)}, but yours are {', '.join(said)}."
        if not np.allclose([distance for _, distance in found], [distance for distance, _ in expected], atol=1e-4):
            return "The names are right, but a person's distance should be that of their nearest photo."
    return None


@exercise("06.3", "Right: at a door it matters who somebody claims to be, and nobody else's photos count.")
def lock(answer) -> str | None:
    rng, threshold = np.random.default_rng(63), 0.9
    for case in range(80):
        vectors, names = _people(rng)
        claim = ("Ada", "Ben", "Cleo", "Eve")[case % 4]
        vector = _visitor(rng, vectors)
        if case >= 60:  # a stranger
            vector = rng.normal(size=16)
        elif case >= 40 and claim != "Eve":  # near enough to the claimed person, and often nearer to another
            one, other = (rng.choice(vectors[chosen]) for chosen in (names == claim, names != claim))
            vector = 0.42 * one + 0.58 * other
        vector /= np.linalg.norm(vector)
        distances = np.linalg.norm(vectors - vector, axis=1)
        own = distances[names == claim]
        expected = bool(len(own)) and bool(own.min() <= threshold)
        found = called(answer, claim, vector.copy(), vectors.copy(), names.copy(), threshold)
        if isinstance(found, str) or np.ndim(found) != 0:
            return f"The door opens or it does not: give True or False, not {str(found)[:40]!r}."
        if bool(found) == expected:
            continue
        if not len(own):
            return "Eve, who is not enrolled, gets in."
        if expected:
            return f"{claim} is {own.min():.2f} away from the nearest own photo, within {threshold}, and is kept out."
        visitor = names[distances.argmin()] if distances.min() <= threshold else "A stranger"
        return f"{visitor} said 'I am {claim}', and {claim}'s door opened."
    return None


@exercise("06.4", "Right: gone from the tables, and no byte of name or vector is left in the file.")
def forgotten(answer) -> str | None:
    if not callable(answer):
        return NO_FUNCTION
    rng = np.random.default_rng(64)
    people = {"Ada Lovelace": 3, "Benedict": 40, "Cleopatra": 3}
    photos = [
        (number, rng.normal(size=128).astype(np.float32).tobytes())
        for number, count in enumerate(people.values())
        for _ in range(count)
    ]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "people.sqlite"
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("PRAGMA secure_delete = OFF")
            connection.execute("CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT)")
            connection.execute("CREATE TABLE photo (person INTEGER, vector BLOB)")
            connection.executemany("INSERT INTO person VALUES (?, ?)", list(enumerate(people)))
            connection.executemany("INSERT INTO photo VALUES (?, ?)", photos)
        answer(str(path), "Benedict")
        with closing(sqlite3.connect(path)) as connection:
            names = {name for (name,) in connection.execute("SELECT name FROM person")}
            left = set(connection.execute("SELECT person, vector FROM photo"))
        content = b"".join(file.read_bytes() for file in Path(folder).iterdir())
    if "Benedict" in names:
        return "Benedict is still in the table of people. (Was the change committed?)"
    if missing := set(people) - {"Benedict"} - names:
        return f"{min(missing)} should have stayed, but is gone, too."
    if any(number == 1 for number, _ in left):
        return "Benedict is gone from the table of people, but his photos are still there."
    if len(left) != len(photos) - people["Benedict"]:
        return "Photos of somebody else are gone, too."
    if any(vector in content for number, vector in photos if number == 1):
        return "The tables are right, but his vectors can still be read from the bytes of the file."
    if b"Benedict" in content:
        return "The tables are right, but his name can still be read from the bytes of the file."
    return None
