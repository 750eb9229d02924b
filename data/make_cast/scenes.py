"""Group photos: who stands where in which place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from camera import SENSOR, Camera
from outfits import random_outfit
from people import Person
from posture import Posture
from shots import Film, Light, Placement, Shot

SCENE_SIZE = (960, 640)


@dataclass(frozen=True)
class Group:
    """A group photo. `rows` are (z, y, (x, ...)) in cm: who is further back stands higher; `span` is what it shows."""

    name: str
    room: str
    rows: tuple[tuple[float, float, tuple[float, ...]], ...]
    span: float
    lens: float = 60.0
    height: float = 6.0  # cm that the camera stands above the eyes
    aside: tuple[int, ...] = ()  # who, in order, is seen in profile
    props: tuple[tuple, ...] = ()
    dark: float = 0.0


GROUPS = (
    Group("office_4", "office", ((0, -4, (-44, 40)), (-48, 8, (-14, 22)))[::-1], 150),
    Group("park_6", "park", ((0, -8, (-48, 0, 46)), (-95, 6, (-72, -22, 36))), 170, 70),
    Group("cafe_3", "cafe", ((0, -2, (-50, -2, 46)),), 160, aside=(0,), props=(("table", 0, -42, 46, 320),)),
    Group("lecture_9", "lecture",
          ((0, -40, (-66, 4, 70)), (-95, -2, (-78, -20, 50)), (-190, 36, (-70, 10, 86))), 260, 85, 34,
          props=(("desk", 0, -86, 30, 420), ("desk", 0, -48, -65, 420), ("desk", 0, -10, -160, 420))),
    Group("street_2", "street", ((0, 0, (-24, 22)),), 110, 60),
    Group("home_5", "home", ((0, -14, (-46, 2, 48)), (-50, 10, (-22, 26))), 165),
    Group("park_3", "park", ((0, 0, (-46, 4, 54)),), 165, aside=(0, 2)),
    Group("office_2", "office", ((0, 0, (-20, 20)),), 84, 50),
    Group("street_7", "street", ((0, -4, (-50, 2, 52)), (-60, 4, (-26, 30)), (-150, 8, (-70, 60))), 180, 70),
    Group("cafe_5", "cafe", ((0, -8, (-64, -20, 26, 68)), (-60, 8, (4,))), 190, 60,
          props=(("table", 0, -50, 50, 400),), dark=-1.6),
    Group("lecture_7", "lecture", ((0, -34, (-60, 0, 64)), (-90, 4, (-84, -28, 30, 86))), 250, 85, 24, aside=(3,),
          props=(("desk", 0, -80, 30, 420), ("desk", 0, -42, -60, 420))),
    Group("home_2", "home", ((0, 0, (-19, 19)),), 80, 40),
    Group("park_8", "park", ((0, -12, (-66, -22, 24, 68)), (-55, 6, (-44, 2, 46)), (-120, 12, (20,))), 205, 70),
    Group("office_3", "office", ((0, -10, (-52, 0, 50)),), 165, aside=(2,),
          props=(("screen", 64, -36, 34, 50), ("table", 0, -52, 40, 400))),
    Group("office_0", "office", (), 190, props=(("table", 0, -52, 0, 220), ("screen", -20, -26, -10, 60))),
    Group("street_0", "street", (), 200),
)  # fmt: skip


def scenes(everyone: dict[str, Person]) -> list[Shot]:
    """Plan the sixteen group photos; every cast member is in at least one, and some strangers are."""
    rng = np.random.default_rng(16)
    cast = [id for id in everyone if id.startswith("person")]
    others = [id for id in everyone if id.startswith("stranger")]
    queue = [*rng.permutation(cast), *rng.permutation(cast), *rng.permutation(cast)]
    shots = []
    for number, group in enumerate(GROUPS):
        seats = [(x, y, z) for z, y, row in group.rows for x in row]
        who: list[str] = []
        while len(who) < len(seats):
            stranger = number % 3 == 1 and len(who) == 1
            candidate = str(rng.choice(others)) if stranger else str(next(id for id in queue if id not in who))
            if not stranger:
                queue.remove(candidate)
            if candidate not in who:
                who.append(candidate)
        places = tuple(
            _stand(rng, id, seat, k in group.aside) for k, (id, seat) in enumerate(zip(who, seats, strict=True))
        )
        distance = group.span * group.lens / SENSOR
        target = (0.0, float(np.mean([y for _, y, _ in seats] or [0])) - 8, 0.0)
        camera = Camera((0.0, target[1] + 8 + group.height, distance), target, group.lens, SCENE_SIZE, 0.0, 5.6)
        light = Light(float(rng.choice([-40, 40])), 38, 150, 320, 1.1, 1.2, 0.6)
        film = Film(ev=group.dark, grain=1.0 if not group.dark else 2.5)
        shots.append(
            Shot(group.name, "scenes", camera, places, group.room, light, film, seed=100 + number, props=group.props)
        )
    return shots


def _stand(rng: np.random.Generator, id: str, seat: tuple[float, float, float], aside: bool) -> Placement:
    """Stand somebody roughly facing the camera, or, aside, turned to the middle of the group."""
    x, y, z = seat
    inwards = -np.sign(x) or 1.0
    if aside:
        posture = Posture(
            inwards * rng.uniform(48, 62), inwards * rng.uniform(22, 32), rng.normal() * 2, rng.normal() * 2
        )
    else:
        posture = Posture(-0.2 * x + rng.normal() * 6, rng.normal() * 7, rng.normal() * 2.5, rng.normal() * 3)
    expression = str(rng.choice(["smile", "grin", "neutral", "talk"], p=[0.4, 0.28, 0.2, 0.12]))
    x, y, z = np.array(seat) + rng.uniform(-4, 4, 3)
    gaze, outfit = (float(rng.normal() * 3), 0.0), random_outfit(rng)
    glasses, hat = bool(rng.random() < 0.15), bool(rng.random() < 0.08)
    return Placement(id, x, y, z, posture, expression, 0.12, gaze, outfit, glasses, hat)
