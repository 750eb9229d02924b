"""Eyes: a procedural iris under a clear coat, the tear film, lashes; and what an open mouth shows."""

from __future__ import annotations

import bpy
import numpy as np
from head import HeadModel
from nodes import Shader, plain
from people import EYES, Person
from vectors import linear

RIM = 2.2  # the colour ramp covers this many iris radii


def eye_material(model: HeadModel, person: Person, side: int) -> bpy.types.Material:
    """Make an eyeball's material: pupil, iris, its dark rim, and a white that is never white."""
    shader = Shader("eye")
    axis = model.neutral[model.eye_fronts[side]].mean(0)
    flat = shader.vector("SUBTRACT", shader.attribute("rest", "Vector"), (axis[0], axis[1], 0))
    flat = shader.vector("MULTIPLY", flat, (1, 1, 0))
    radius = shader.math("DIVIDE", shader.vector("LENGTH", flat, output="Value"), person.iris * RIM)
    iris, black = EYES[person.eyes], (0.004,) * 3
    age = max(0.0, (person.age - 40) / 40)
    white = np.array([0.50, 0.47, 0.44]) * [1, 1 - 0.05 * age, 1 - 0.14 * age]
    stops = [
        (0, black), (0.30, black), (0.36, iris * 0.7), (0.62, np.minimum(iris * 1.15, 1)), (0.86, iris * 0.9),
        (0.97, iris * 0.18), (1.0, (0.42, 0.37, 0.34)), (1.07, white), (RIM, (0.38, 0.28, 0.25)),
    ]  # fmt: skip
    colour = shader.ramp(radius, [(position / RIM, tuple(c)) for position, c in stops])
    fibres = shader.noise(shader.vector("NORMALIZE", flat), 7)
    shader.set(base_color=shader.mix(0.35, colour, fibres, "MULTIPLY"), roughness=0.22, ior=1.38, coat_weight=1.0)
    return shader.set(coat_roughness=0.02, subsurface_weight=0.15, subsurface_scale=0.02).material


def tear_material() -> bpy.types.Material:
    """Make the wet line along the lower lid."""
    return plain("tear", (0.9, 0.75, 0.7), 0.05, alpha=0.35)


def lash_material() -> bpy.types.Material:
    """Make the lashes: strips whose opacity masks.lash_opacity gives."""
    shader = Shader("lashes").set(base_color=(0.012, 0.009, 0.007), roughness=0.8)
    return shader.set(alpha=shader.attribute("opacity", "Fac")).material


def gum_material() -> bpy.types.Material:
    """Make gums and tongue; a little light of their own stands in for bounces, or an open mouth is black."""
    red = linear(186, 92, 90)
    glow = {"emission_color": tuple(red), "emission_strength": 0.035}
    return plain("gums", red, 0.3, subsurface_weight=0.5, subsurface_scale=0.03, **glow)


def tooth_material(person: Person) -> bpy.types.Material:
    """Make teeth, which yellow with age."""
    age = max(0.0, (person.age - 25) / 55)
    ivory = linear(198, 189 - 8 * age, 172 - 26 * age)
    return plain("teeth", ivory, 0.22, subsurface_weight=0.3, subsurface_scale=0.03)
