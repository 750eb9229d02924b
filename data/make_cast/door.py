"""Who comes to the door: somebody who lives there, a stranger, and the stranger with a printed photo of the first."""

from __future__ import annotations

from dataclasses import replace

from camera import SENSOR, Camera
from outfits import Outfit
from posture import Posture
from shots import Film, Light, Placement, Shot

RESIDENT, STRANGER = "person_05", "stranger_07"
PORTRAIT = "sweeps/05_yaw_+00.jpg"  # of the resident, from the front, and not one that enrols her
SPAN, LENS, SIZE = 86.0, 35.0, (640, 480)


def door() -> list[Shot]:
    """Plan the three pictures, taken by the same camera in the same light."""
    target = (0.0, -7.0, 0.0)
    camera = Camera((0.0, 6.0, SPAN * LENS / SENSOR), target, LENS, SIZE, fstop=8.0)
    light = Light(azimuth=-32.0, elevation=42.0, size=90.0, distance=180.0)
    teal, grey = Outfit("jumper", "teal"), Outfit("jumper", "grey")
    her = Placement(RESIDENT, 2, 0, 0, Posture(4, 2, 1, -2), "neutral", gaze=(-5.0, 3.0), outfit=teal)
    him = Placement(STRANGER, -1, 1, 0, Posture(-3, -2, -4, 1), "smile", gaze=(2.0, 8.0), outfit=grey)
    resident = Shot("resident", "door", camera, (her,), "street", light, Film(), seed=71)
    stranger = replace(resident, name="stranger", places=(him,))
    return [resident, stranger, replace(stranger, name="stranger_with_print", printed=PORTRAIT)]
