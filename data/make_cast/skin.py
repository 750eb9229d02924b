"""The skin's material: what paint.py painted, blotches, pores, stubble, the relief of lines, light under the skin."""

from __future__ import annotations

import bpy
import numpy as np
from nodes import Shader, image_from
from paint import hair_colour
from people import Person
from vectors import smoothstep


def skin_material(person: Person, texture: np.ndarray) -> bpy.types.Material:
    """Make the material of a person's skin; `texture` is what paint.skin_texture painted."""
    shader = Shader("skin")
    tone, rng = person.tone, person.random("blotches")
    where = shader.vector("ADD", shader.attribute("rest", "Vector"), tuple(rng.uniform(0, 90, 3)))
    image = shader.node("TexImage", image=image_from("skin", texture), extension="CLIP")
    shader.put(image.inputs[0], shader.node("UVMap", uv_map="UVMap").outputs[0])
    layers = shader.node("SeparateColor")
    shader.put(layers.inputs[0], image.outputs["Color"])
    inside = image.outputs["Alpha"]
    spots, red = (shader.math("MULTIPLY", layers.outputs[k], inside) for k in (1, 2))
    masks = shader.node("SeparateColor")
    shader.put(masks.inputs[0], shader.attribute("masks"))
    oil, _, stubble = masks.outputs

    blotch, mottle, grain = shader.noise(where, 0.55, 4), shader.noise(where, 3.0, 4), shader.noise(where, 14, 2)
    colour = shader.mix(
        shader.remap(blotch, 0.45, 0.75, 0, 0.42), shader.attribute("colour"), tone * [1.08, 0.82, 0.76]
    )
    colour = shader.mix(shader.math("MULTIPLY", red, 0.30), colour, tone * [1.02, 0.70, 0.66])
    colour = shader.mix(shader.remap(mottle, 0.45, 0.78, 0, 0.6), colour, tone * [0.80, 0.72, 0.68])
    colour = shader.mix(1.0, colour, shader.remap(grain, 0.3, 0.7, 0.82, 1.12), "MULTIPLY")
    colour = shader.mix(shader.math("MULTIPLY", spots, 0.8), colour, tone * [0.58, 0.42, 0.34])
    furrow = shader.math("MULTIPLY", shader.remap(layers.outputs[0], 0.0, 0.5, 0.55, 0.0), inside)
    colour = shader.mix(furrow, colour, tone * [0.66, 0.48, 0.44])
    if person.beard:
        dots = shader.math("MULTIPLY", shader.remap(shader.noise(where, 26, 1), 0.45, 0.62, 0.25, 0.9), stubble)
        colour = shader.mix(dots, colour, hair_colour(person) * 0.7 + tone * [0.20, 0.21, 0.25])
    shader.set(base_color=colour, subsurface_weight=0.85 - 0.35 * person.darkness, subsurface_scale=0.026, ior=1.42)
    shader.put(shader.surface.inputs["Subsurface Radius"], (1.0, 0.36, 0.2))
    shader.surface.subsurface_method = "RANDOM_WALK"
    rough = shader.remap(mottle, 0.3, 0.7, person.shine - 0.08, person.shine + 0.16)
    shader.set(roughness=shader.math("ADD", rough, shader.math("MULTIPLY", oil, -0.12)))

    age = float(smoothstep(person.age, 30, 80))
    cells = shader.node("TexVoronoi")
    cells.inputs["Scale"].default_value = 9
    shader.put(cells.inputs["Vector"], where)
    pores = shader.math("ADD", cells.outputs["Distance"], shader.noise(where, 5, 6, 0.7))
    normal = shader.bump(pores, 0.5 + 0.25 * age, 0.012)
    slack = shader.bump(shader.noise(where, 1.1, 3), 0.10 + 0.35 * age, 0.03, normal)
    flat = shader.mix(inside, (0.5, 0.5, 0.5), layers.outputs[0])
    shader.set(normal=shader.bump(flat, 0.9, 0.042, slack))
    return shader.material
