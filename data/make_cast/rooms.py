"""Places to stand in: what is behind the people, and the light that goes with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import bpy
import numpy as np
from nodes import image_from
from panorama import paint_panorama
from props import Furniture, surface, wood
from vectors import UNIT, direction, linear, normalise, to_blender

WALLS = [
    (205, 199, 187),
    (176, 190, 194),
    (196, 176, 150),
    (150, 164, 150),
    (214, 208, 200),
    (132, 146, 164),
    (190, 150, 128),
]


@dataclass(frozen=True)
class Room:
    """A place: what furnishes it, the colour (sRGB) of its main light, and how strong panorama and back light are."""

    furnish: Callable[[Furniture, np.random.Generator], None]
    colour: tuple[int, int, int]
    around: float
    rim: float


def _floor(room: Furniture, colour: tuple[int, int, int]) -> None:
    room.box((0, -166, 60), (2400, 2, 900), wood(colour), bevel=0)


def _office(room: Furniture, rng: np.random.Generator) -> None:
    room.box(
        (0, 60, -132),
        (1100, 700, 6),
        surface(WALLS[rng.integers(len(WALLS))], 0.9, vary=0.04, scale=0.3, relief=0.05),
        bevel=0,
    )
    shelf = wood()
    _floor(room, (150, 124, 98))
    for y in (52, 14, -24, -62, -100, -138):
        room.box((-128, y, -112), (150, 3, 26), shelf)
        room.books(-200, -56, y + 1.5, -112, rng)
    for x in (-52, -204):
        room.box((x, -35, -112), (3, 260, 26), shelf)
    room.picture(18, 50, -127, 44, 56, (90, 120, 140), 0.9)
    room.picture(86, 44, -127, 34, 34, (190, 120, 70), 1.1)
    room.box((190, -30, -127), (88, 300, 4), surface((226, 222, 214), 0.5))
    room.box((142, -30, -126), (7, 310, 8), surface((236, 233, 226)))


def _lecture(room: Furniture, rng: np.random.Generator) -> None:
    room.box(
        (0, 140, -330),
        (1600, 1000, 6),
        surface((178, 150, 118), 0.7, vary=0.12, stretch=(3, 0.15, 3), scale=0.8),
        bevel=0,
    )
    _floor(room, (120, 100, 84))
    strip, lamp = surface((96, 70, 48)), surface((255, 236, 205), glow=4.0)
    for x in range(-600, 601, 60):
        room.box((x, 140, -326), (2, 900, 3), strip, bevel=0)
    for x in (-190, -60, 70, 200):
        room.box((x, 150, -318), (16, 34, 8), lamp)
    board = surface((44, 62, 56), 0.8, vary=0.15, scale=0.6)
    room.box((-40, 40, -322), (240, 110, 4), board)
    room.box((-40, -18, -320), (244, 4, 8), wood((186, 150, 104)))


def _cafe(room: Furniture, rng: np.random.Generator) -> None:
    wall = surface((96, 112, 108), 0.8, vary=0.06, scale=0.3, relief=0.05)
    for centre, size in (
        ((-290, 60, -152), (530, 700, 6)),
        ((360, 60, -152), (310, 700, 6)),
        ((90, -180, -152), (260, 250, 6)),
        ((90, 240, -152), (260, 220, 6)),
    ):
        room.box(centre, size, wall, bevel=0)
    _floor(room, (110, 84, 64))
    frame, brass, bulb = surface((44, 38, 34), 0.5), surface((190, 140, 70), 0.3), surface((255, 206, 140), glow=9)
    for x in (-24, 90, 204):
        room.box((x, 38, -148), (6, 190, 8), frame)
    for y in (-54, 36, 131):
        room.box((90, y, -148), (234, 6, 8), frame)
    for x, y in ((-150, 52), (-70, 60), (20, 56)):
        room.rod([(x, y, -100), (x, y + 160, -100)], 0.5, brass, 8)
        room.ball((x, y, -100), 7, bulb)
    room.picture(-120, 20, -148, 50, 38, (170, 110, 60), 1.2)


def _home(room: Furniture, rng: np.random.Generator) -> None:
    room.box(
        (0, 60, -150), (1100, 700, 6), surface(WALLS[rng.integers(len(WALLS))], 0.9, vary=0.03, scale=0.3), bevel=0
    )
    linen, shade = (
        surface((224, 214, 198), 0.9, vary=0.1, stretch=(6, 0.2, 1), scale=0.6),
        surface((255, 214, 160), glow=1.6),
    )
    room.box((-150, 20, -140), (110, 330, 8), linen, bevel=2)
    room.rod([(72, -70, -120), (72, 18, -120)], 1.2, surface((60, 52, 46), 0.4), 10)
    room.rod([(72, 16, -120), (72, 42, -120)], np.array([17.0, 11.0]), shade, 24)
    room.box((70, -118, -120), (90, 94, 34), wood((120, 84, 56)))
    room.box((150, -122, -116), (34, 84, 34), wood((160, 120, 84)))
    _floor(room, (160, 124, 92))
    room.picture(-30, 36, -146, 40, 50, (120, 90, 100), 0.8)
    leaf, pot = surface((62, 96, 56), 0.5, vary=0.3), surface((176, 110, 80), 0.8)
    room.rod([(150, -80, -116), (150, -44, -116)], np.array([13.0, 17.0]), pot, 20)
    for _ in range(26):
        out = direction(rng.uniform(-180, 180), rng.uniform(25, 80)) * rng.uniform(20, 46)
        room.ball(np.array([150, -36, -116]) + out, rng.uniform(7, 12), leaf, (1, 0.35, 0.8))


def _park(room: Furniture, rng: np.random.Generator) -> None:
    bark, grass = (
        surface((92, 74, 58), 0.95, vary=0.35, stretch=(4, 0.5, 4), scale=1.0, relief=0.6),
        surface((104, 124, 62), 1.0, vary=0.3, scale=0.25),
    )
    room.box((0, -164, -600), (4000, 2, 1400), grass, bevel=0)
    for x, z, r in ((-150, -330, 15), (130, -430, 18), (260, -300, 14), (-320, -520, 20)):
        x += rng.uniform(-40, 40)
        room.rod(
            [(x, -170, z), (x + 3, -40, z), (x - 4, 120, z), (x + 6, 330, z)], np.array([1.35, 1.0, 0.9, 0.8]) * r, bark
        )
    bench = wood((128, 92, 60))
    for y in (-112, -88, -76):
        room.box((40, y, -290 - (y > -100) * 22), (150, 4, 10), bench)


def _street(room: Furniture, rng: np.random.Generator) -> None:
    room.box((0, -164, -600), (4000, 2, 1600), surface((58, 56, 60), 0.5, vary=0.2, scale=0.2), bevel=0)
    iron, lamp = surface((34, 34, 38), 0.4), surface((255, 196, 120), glow=14)
    for x, z in ((-110, -300), (150, -520), (-260, -760)):
        room.rod([(x, -164, z), (x, 110, z)], 4, iron, 12)
        room.ball((x, 120, z), 13, lamp)
    brick, glass = (
        surface((120, 82, 68), 0.9, vary=0.2, scale=1.6),
        surface((255, 200, 130), glow=1.6, vary=0.5, scale=0.15),
    )
    room.box((330, 60, -420), (180, 500, 700), brick, bevel=0)
    for z in (-640, -420, -200):
        room.box((238, -20, z), (4, 150, 130), glass, bevel=0)


ROOMS = {
    "office": Room(_office, (255, 246, 236), 0.9, 0.5),
    "lecture": Room(_lecture, (255, 244, 230), 1.0, 0.5),
    "cafe": Room(_cafe, (255, 226, 190), 1.0, 0.7),
    "home": Room(_home, (255, 240, 222), 0.9, 0.4),
    "park": Room(_park, (255, 240, 216), 0.75, 0.9),
    "street": Room(_street, (255, 214, 170), 1.1, 0.8),
}


def make_room(name: str, light, rng: np.random.Generator, shift: float = 0.0, turn: float = 0.0) -> Furniture:
    """Build a place in the open scene, with its panorama and its lights.

    Parameters
    ----------
    light : plan.Light
        Where the main light stands, how large and strong it is, and how much the surroundings fill in.
    shift, turn : float
        Move the furniture by cm to the viewer's right, and turn it by degrees, so that no two walls look the same.
    """
    room = ROOMS[name]
    furniture = Furniture.standing((shift, 0, 0), turn)
    room.furnish(furniture, rng)
    _surround(paint_panorama(name, light.azimuth, rng), room.around * light.fill)
    target = np.array([0.0, 0.0, 0.0])
    key = direction(light.azimuth, light.elevation) * light.distance
    near = (light.distance / 130) ** 2
    _area_light(key, target, light.size, 520 * light.strength * near, linear(*room.colour))
    back = direction(light.azimuth + 180 + (25 if light.azimuth > 0 else -25), 38) * 160
    _area_light(back, target, 60, 300 * room.rim * light.rim, np.array([1, 0.97, 0.94]))
    return furniture


def _surround(panorama: np.ndarray, strength: float) -> None:
    world = bpy.data.worlds.new("around")
    bpy.context.scene.world = world
    world.use_nodes = True
    nodes, links = world.node_tree.nodes, world.node_tree.links
    image = nodes.new("ShaderNodeTexEnvironment")
    image.image, image.interpolation = image_from("panorama", panorama), "Cubic"
    links.new(image.outputs[0], nodes["Background"].inputs[0])
    nodes["Background"].inputs[1].default_value = strength


def _area_light(position: np.ndarray, target: np.ndarray, size: float, watts: float, colour: np.ndarray) -> None:
    from mathutils import Vector

    data = bpy.data.lights.new("light", "AREA")
    data.size, data.energy, data.color = size * UNIT, watts, tuple(np.clip(colour, 0, 1))
    thing = bpy.data.objects.new("light", data)
    thing.location = to_blender(position)
    thing.rotation_euler = Vector(to_blender(normalise(target - position))).to_track_quat("-Z", "Y").to_euler()
    bpy.context.scene.collection.objects.link(thing)
