"""The clip: ten seconds in an office. One waits, one comes and passes in front, a third joins and leaves."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from camera import Camera
from outfits import Outfit
from people import Person
from posture import Posture
from shots import Film, Light, Placement, Shot

SIZE = (480, 270)
FRAMES, RATE = 120, 12
Keys = tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Role:
    """What one person does: (frame, value) keys in cm and degrees, moods, and the frames in which they walk."""

    person: str
    y: float
    z: float
    x: Keys
    body: Keys
    turn: Keys
    mood: tuple[tuple[int, str], ...]
    outfit: Outfit
    walks: tuple[tuple[int, int], ...] = ()
    glasses: bool = False


ROLES = (
    Role(
        "person_05", -3, -18,
        x=((0, -14), (60, -14), (80, -26), (119, -26)),
        body=((0, 6), (20, -20), (60, 6), (90, 16), (119, 4)),
        turn=((0, 10), (14, -26), (44, 10), (64, 0), (84, 24), (119, 0)),
        mood=((0, "neutral"), (14, "neutral"), (26, "smile"), (44, "grin"), (60, "smile"), (119, "smile")),
        outfit=Outfit("jumper", "teal"),
    ),
    Role(
        "person_08", 5, 24,
        x=((0, -120), (8, -112), (52, 34), (119, 38)),
        body=((0, 78), (34, 66), (56, -10), (119, -14)),
        turn=((0, 8), (30, 6), (52, -8), (76, 18), (100, 0), (119, 0)),
        mood=((0, "neutral"), (40, "neutral"), (58, "grin"), (80, "talk"), (100, "smile"), (119, "smile")),
        outfit=Outfit("shirt", "sky", "navy", "check"),
        walks=((0, 52),),
    ),
    Role(
        "person_13", -5, -60,
        x=((0, 140), (50, 140), (82, 4), (96, 4), (119, -128)),
        body=((0, -76), (70, -60), (84, 0), (94, 0), (104, -74), (119, -78)),
        turn=((0, -6), (80, 0), (92, 6), (119, -4)),
        mood=((0, "neutral"), (76, "neutral"), (88, "smile"), (119, "neutral")),
        outfit=Outfit("jacket", "grey", "chalk"),
        walks=((50, 82), (96, 119)),
        glasses=True,
    ),
)  # fmt: skip


def ease(frame: float, keys: Keys) -> float:
    """Value at a frame of a curve through keys that starts and stops gently at each."""
    frames, values = zip(*keys, strict=True)
    k = int(np.clip(np.searchsorted(frames, frame) - 1, 0, len(keys) - 2))
    t = float(np.clip((frame - frames[k]) / (frames[k + 1] - frames[k]), 0, 1))
    return values[k] + (values[k + 1] - values[k]) * t * t * (3 - 2 * t)


def mood(frame: float, keys: tuple[tuple[int, str], ...]) -> str:
    """Expression at a frame, as `Placement` has it: each passes into the next by tenths."""
    for (start, first), (end, second) in pairwise(keys):
        if frame < end:
            t = round(max(0.0, (frame - start) / (end - start)), 1)
            return f"{first}>{second}:{t}" if first != second else first
    return keys[-1][1]


def act(role: Role, frame: int) -> Placement:
    """Where somebody is at a frame, and how."""
    walking = any(start < frame < end for start, end in role.walks)
    bob = 0.9 * abs(np.sin(0.55 * frame)) if walking else 0.0
    sway = 1.8 * np.sin(0.11 * frame + role.z)
    posture = Posture(ease(frame, role.body), ease(frame, role.turn), 1.0, sway)
    return Placement(role.person, ease(frame, role.x), role.y + bob, role.z, posture, mood(frame, role.mood), 0.0,
                     outfit=role.outfit, glasses=role.glasses)  # fmt: skip


def clip(everyone: dict[str, Person]) -> list[Shot]:
    """Plan the frames; the one in the middle comes first, because all others take its exposure."""
    camera = Camera((0.0, 6.0, 330.0), (0.0, -6.0, 0.0), 85, SIZE, 0.0, 5.6)
    light = Light(-40, 36, 150, 320, 1.1, 1.2, 0.5)
    film = Film(metered_on=f"{FRAMES // 2:03d}")
    frames = []
    for f in range(FRAMES):
        placements = [act(role, f) for role in ROLES if role.person in everyone]
        near = tuple(p for p in placements if abs(p.x) < 112 - 0.25 * p.z)
        frames.append(Shot(f"{f:03d}", "clip", camera, near, "office", light, film, seed=7, frame=f))
    middle = frames.pop(FRAMES // 2)
    return [middle, *frames]
