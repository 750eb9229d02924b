"""Judges of the exercises in notebook 00."""

from __future__ import annotations

import numpy as np

from facelab.exercises import NO_FUNCTION, exercise


@exercise("00.1", "Right: these three ask whose face it is. For the others any face will do.")
def detection_or_recognition(answer) -> str | None:
    try:
        letters = {str(letter).strip().lower() for letter in answer}
    except TypeError:
        letters = set()
    if not letters <= set("abcdef"):
        return 'Give the letters as a set, such as {"a", "b"}.'
    needed = {"b", "e", "f"}
    if letters - needed:
        return f"{len(letters - needed)} of yours would work just as well if all faces on Earth were alike."
    if needed - letters:
        return f"{len(needed - letters)} more cannot be done without knowing whose face it is."
    return None


@exercise("00.2", "Right. One matrix product does it, as notebook 08 shows, but each is a chance to be mistaken.")
def comparisons(answer) -> str | None:
    if not np.isscalar(answer) or isinstance(answer, str):
        return "Give a number."
    if answer == 30 * 1_000_000:
        return "Each person is in the gallery more than once."
    if answer == 3_000_000:
        return "That is for one face only."
    return (
        None if answer == 90_000_000 else "How many gallery photos are there, and how many faces is each compared with?"
    )


@exercise("00.3", "Right. At such an angle one eye is hidden, and detectors and embedders have a hard time.")
def furthest_turned(answer) -> str | None:
    from facelab.data import load_cast

    cast = load_cast()
    turned = cast.yaw.abs()
    if answer == cast.name[turned.idxmax()]:
        return None
    if answer in (cast.name[cast.yaw.idxmax()], cast.name[cast.yaw.idxmin()]):
        return "This is the furthest to one side; somebody is turned further to the other."
    return "Not this one: take the largest angle, whichever its sign, and the name in the same row."


@exercise("00.4", "Right: with a distance the smallest wins.")
def name_faces(answer) -> str | None:
    if not callable(answer):
        return NO_FUNCTION
    rng = np.random.default_rng(0)
    names = [f"person {i}" for i in range(7)]
    for _ in range(5):
        distances = rng.random((4, 7))
        given = answer(distances, names)
        if given is None:
            return "Not answered yet: the function returns nothing."
        nearest = [names[row.tolist().index(min(row))] for row in distances]
        if list(given) == nearest:
            continue
        furthest = [names[row.tolist().index(max(row))] for row in distances]
        if list(given) == furthest:
            return "It still names the furthest person."
        return "For a random table of distances it does not name the nearest person of each row."
    return None
