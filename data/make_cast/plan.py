"""What is rendered: 24 people × 12 portraits, 12 strangers × 3, and one factor at a time for three people."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from camera import SENSOR, Camera
from clip import clip
from door import door
from outfits import Outfit, random_outfit
from panorama import PAINTERS
from people import SEED, Person, people
from posture import Posture
from scenes import scenes
from shots import Film, Light, Placement, Shot
from vectors import direction

SIZE = (320, 320)
ROOM_NAMES = tuple(PAINTERS)
EYE = (0.0, 1.6, 4.0)  # cm: what a portrait's camera looks at
YAWS = (0, -12, 20, -28, 36, -46, 8, 58, -18, 14, -72, 26)  # of a person's twelve portraits; odd people are mirrored
EXPRESSIONS = (
    "neutral", "smile", "grin", "neutral", "smile", "talk", "neutral", "grin", "surprise", "smile", "neutral", "squint",
)  # fmt: skip
FIRST = 4  # portraits of everybody that are rendered before the others
GLASSES = (0, 1, 4, 9, 11, 12, 13, 19, 20, 23)  # people, by number, who wear glasses in two of their photos
HATS = (2, 5, 7, 10, 15, 17, 22)  # and a hat in one
SWEPT = {"person_05": "home", "person_07": "office", "person_08": "cafe"}
SWEPT_OUTFITS = {
    "person_05": Outfit("jumper", "rust"), "person_07": Outfit("shirt", "sky"), "person_08": Outfit("tee", "navy"),
}  # fmt: skip
FACTORS: dict[str, tuple] = {
    "yaw": tuple(range(-90, 91, 15)),
    "pitch": tuple(range(-30, 31, 10)),
    "light_azimuth": tuple(range(-90, 91, 30)),
    "light_strength": (0.1, 0.2, 0.4, 1.0, 2.0, 4.0),
    "expression": ("neutral", "smile", "grin", "talk", "surprise", "squint", "sad"),
    "distance": (200, 140, 96, 64, 48, 32, 24, 16),
    "glasses": ("off", "on"),
    "hat": ("off", "on"),
}
FACE_WIDTH = 15.0  # cm: so that a face is about `distance` pixels wide in that sweep


def make_plan(seed: int = SEED) -> list[Shot]:
    """List every shot of the set, in the order of rendering."""
    everyone = people(seed)
    cast = [person for person in everyone.values() if person.id.startswith("person")]
    all_portraits = {person.id: portraits(person, number) for number, person in enumerate(cast)}
    first = [shot for own in all_portraits.values() for shot in own[:FIRST]]
    rest = [shot for own in all_portraits.values() for shot in own[FIRST:]]
    others = [shot for person in everyone.values() if person.id.startswith("stranger") for shot in strangers(person)]
    swept = [shot for id, room in SWEPT.items() for shot in sweep(everyone[id], room)]
    return [*first, *rest, *swept, *others, *scenes(everyone), *clip(everyone), *door()]


def facing(span: float, lens: float, rng: np.random.Generator | None = None, size: tuple[int, int] = SIZE) -> Camera:
    """Place a camera before the origin so that the picture shows `span` cm there; with `rng`, as hands hold it."""
    target, tilt, roll = np.array(EYE), 0.0, 0.0
    if rng is not None:
        target = target + np.array([rng.normal() * 0.9, rng.uniform(-2.2, 0.2), 0])
        tilt, roll = float(np.clip(rng.normal() * 5 + 1, -9, 12)), float(rng.normal() * 2)
    position = target + direction(0, tilt) * span * lens / SENSOR
    return Camera(tuple(position), tuple(target), lens, size, roll, fstop=4.0 if rng is not None else 5.6)


def portraits(person: Person, number: int) -> list[Shot]:
    """Plan the twelve photos of a cast member, from everyday to difficult, and which of them enrol the person."""
    rng = person.random("portraits")
    mirror = -1 if number % 2 else 1
    rooms = [*rng.permutation(ROOM_NAMES), *rng.permutation(ROOM_NAMES)]
    expressions = [EXPRESSIONS[0], *rng.permutation(EXPRESSIONS[1:6]), *rng.permutation(EXPRESSIONS[6:])]
    trouble = {9: ("dark", "blur", "noise")[number % 3]}
    shots = []
    for k in range(12):
        glasses = number in GLASSES and k in (3, 8)
        hat = number in HATS and k == 6
        yaw = mirror * YAWS[k] + rng.normal() * 3
        shot = _photo(person, f"{number:02d}_{k:02d}", "portraits", yaw, expressions[k], rooms[k], rng, glasses, hat)
        shots.append(replace(shot, film=_film(rng, trouble.get(k, ""))))
    by_yaw = sorted(range(12), key=lambda k: abs(YAWS[k]))
    gallery = {k for k in by_yaw[::2] if not (shots[k].places[0].glasses or shots[k].places[0].hat or k in trouble)}
    return [replace(shot, split="gallery" if k in gallery else "probe") for k, shot in enumerate(shots)]


def strangers(person: Person) -> list[Shot]:
    """Plan three photos of somebody who is never enrolled."""
    rng, number = person.random("portraits"), int(person.id[-2:])
    rooms, expressions = rng.permutation(ROOM_NAMES), rng.permutation(("neutral", "smile", "grin"))
    shots = [
        _photo(
            person,
            f"s{number:02d}_{k:02d}",
            "strangers",
            yaw,
            str(expressions[k]),
            rooms[k],
            rng,
            number % 4 == 1 and k == 2,
        )
        for k, yaw in enumerate(rng.permutation([rng.uniform(-8, 8), rng.uniform(12, 26), rng.uniform(-38, -22)]))
    ]
    return [replace(shot, film=_film(rng, ""), split="probe") for shot in shots]


def _photo(person, name, subset, yaw, expression, room, rng, glasses=False, hat=False) -> Shot:
    """Plan a varied photo: the body turns part of the way, the head the rest, the eyes look back at the camera."""
    share = rng.uniform(0.25, 0.6)
    posture = Posture(yaw * share, yaw * (1 - share), rng.normal() * 4, rng.normal() * 3.5)
    gaze = float(np.clip(-yaw, -18, 18) * rng.uniform(0.3, 1.0) + rng.normal() * 2)
    camera = facing(float(rng.uniform(30, 44)), float(rng.choice([50, 60, 85])), rng)
    light = Light(
        azimuth=float(rng.choice([-1, 1]) * rng.uniform(15, 75)),
        elevation=float(rng.uniform(15, 48)),
        size=float(rng.choice([25, 60, 110])),
        strength=float(rng.uniform(0.5, 1.1)),
        fill=float(rng.uniform(0.7, 1.3)),
        rim=float(rng.uniform(0, 0.6)),
    )
    placement = Placement(person.id, posture=posture, expression=str(expression), vary=0.12, gaze=(gaze, 0.0),
                          outfit=random_outfit(rng), glasses=bool(glasses), hat=bool(hat))  # fmt: skip
    return Shot(name, subset, camera, (placement,), str(room), light, seed=int(rng.integers(1 << 30)),
                shift=float(rng.uniform(-70, 70)), turn=float(rng.uniform(-10, 10)), headroom=True)  # fmt: skip


def _film(rng: np.random.Generator, trouble: str) -> Film:
    film = Film(ev=float(rng.normal() * 0.2), grain=float(rng.uniform(0.6, 1.6)), warmth=float(rng.normal() * 0.5))
    if trouble == "dark":
        return replace(film, ev=-2.8, grain=1.6)
    if trouble == "blur":
        return replace(film, blur=4.0)
    return replace(film, grain=7.0, ev=-0.6) if trouble == "noise" else film


def sweep(person: Person, room: str) -> list[Shot]:
    """Plan the photos in which one factor at a time is varied; the first is the one that all others depart from."""
    number = person.id[-2:]
    seed = int(person.random("sweeps").integers(1 << 30))
    still = Placement(person.id, vary=0.0, outfit=SWEPT_OUTFITS[person.id])
    name = f"{number}_yaw_+00"
    base = Shot(name, "sweeps", facing(38, 85), (still,), room, seed=seed, headroom=True, factor="yaw", value="0",
                light=Light(elevation=25.0, size=40.0, fill=0.2, rim=0.15))  # fmt: skip
    base = replace(base, film=Film(metered_on=name))
    shots = [base]
    for factor, values in FACTORS.items():
        for value in values:
            label = f"{value:+03d}" if factor in ("yaw", "pitch", "light_azimuth") else str(value)
            shot = replace(
                _vary(base, factor, value), name=f"{number}_{factor}_{label}", factor=factor, value=str(value)
            )
            if shot.name != base.name:
                shots.append(shot)
    return shots


def _vary(base: Shot, factor: str, value) -> Shot:
    still = base.places[0]
    changed = {
        "yaw": lambda: {"posture": Posture(body=0.55 * value, turn=0.45 * value)},
        "pitch": lambda: {"posture": Posture(nod=value)},
        "expression": lambda: {"expression": value},
        "glasses": lambda: {"glasses": value == "on"},
        "hat": lambda: {"hat": value == "on"},
    }
    if factor in changed:
        return replace(base, places=(replace(still, **changed[factor]()),))
    if factor == "distance":
        return replace(base, camera=facing(FACE_WIDTH * SIZE[0] / value, 85), film=Film())
    # "all else fixed": one light, no glow from behind, the exposure of the base kept
    if factor == "light_azimuth":
        return replace(base, light=replace(base.light, azimuth=float(value)))
    return replace(base, light=replace(base.light, strength=base.light.strength * value, fill=base.light.fill * value,
                                       rim=base.light.rim * value))  # fmt: skip


def give_headroom(camera: Camera, crown: np.ndarray, margin: float = 0.04) -> Camera:
    """Lift a camera, and if that is not enough move it back, until `crown`, a point in cm, is inside the picture."""
    for _ in range(40):
        top = camera.project(crown)[1] / camera.size[1]
        if top >= margin:
            break
        position, target = np.array(camera.position), np.array(camera.target)
        lift = np.array([0, 0.35, 0])
        camera = replace(
            camera, position=tuple(position + lift + 0.02 * (position - target)), target=tuple(target + lift)
        )
    return camera
