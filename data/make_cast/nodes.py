"""A thin layer over Blender's shader nodes, so that a material reads as a formula."""

from __future__ import annotations

import bpy
import numpy as np


class Shader:
    """A material under construction: methods add a node and return its output socket."""

    def __init__(self, name: str):
        self.material = bpy.data.materials.new(name)
        self.material.use_nodes = True
        self.tree = self.material.node_tree
        self.surface = self.tree.nodes["Principled BSDF"]

    def put(self, socket, value) -> None:
        """Connect an output socket to an input, or set it to a number or colour."""
        if isinstance(value, bpy.types.NodeSocket):
            self.tree.links.new(value, socket)
        elif isinstance(value, (int, float)):
            socket.default_value = value
        else:
            socket.default_value = (*value, 1) if len(value) == 3 and socket.type == "RGBA" else tuple(value)

    def set(self, **inputs) -> Shader:
        """Set inputs of the principled surface: base_color=..., roughness=..., coat_weight=..."""
        titles = {name: name.replace("_", " ").title().replace("Ior", "IOR") for name in inputs}
        for name, value in inputs.items():
            self.put(self.surface.inputs[titles[name]], value)
        return self

    def node(self, kind: str, **settings):
        """Add a node and set its attributes."""
        node = self.tree.nodes.new(f"ShaderNode{kind}")
        for name, value in settings.items():
            setattr(node, name, value)
        return node

    def attribute(self, name: str, output: str = "Color"):
        """Read what is stored at the mesh's vertices."""
        return self.node("Attribute", attribute_name=name).outputs[output]

    def math(self, operation: str, a, b=0.0):
        """Calculate with numbers: "ADD", "MULTIPLY", "ABSOLUTE", ..."""
        node = self.node("Math", operation=operation)
        self.put(node.inputs[0], a)
        self.put(node.inputs[1], b)
        return node.outputs[0]

    def vector(self, operation: str, a, b=(0.0, 0.0, 0.0), output: int | str = 0):
        """Calculate with vectors."""
        node = self.node("VectorMath", operation=operation)
        self.put(node.inputs[0], a)
        self.put(node.inputs[1], b)
        return node.outputs[output]

    def noise(self, where, scale: float, detail: float = 3.0, roughness: float = 0.6):
        """Fractal noise, about 0.5."""
        node = self.node("TexNoise")
        self.put(node.inputs["Vector"], where)
        for name, value in (("Scale", scale), ("Detail", detail), ("Roughness", roughness)):
            node.inputs[name].default_value = value
        return node.outputs[0]

    def remap(self, value, low: float, high: float, to_low, to_high):
        """Map low..high to to_low..to_high, clamped."""
        node = self.node("MapRange")
        for socket, x in zip(node.inputs, (value, low, high, to_low, to_high), strict=False):
            self.put(socket, x)
        return node.outputs[0]

    def mix(self, amount, a, b, blend: str = "MIX"):
        """Mix two colours."""
        node = self.node("Mix", data_type="RGBA", blend_type=blend)
        for socket, x in zip((node.inputs[0], node.inputs[6], node.inputs[7]), (amount, a, b), strict=True):
            self.put(socket, x)
        return node.outputs[2]

    def ramp(self, value, stops: list[tuple[float, tuple]]):
        """Colours along a value from 0 to 1."""
        node = self.node("ValToRGB")
        elements = node.color_ramp.elements
        while len(elements) < len(stops):
            elements.new(0.5)
        for element, (position, colour) in zip(elements, sorted(stops, key=lambda stop: stop[0]), strict=True):
            element.position, element.color = position, (*colour, 1)
        self.put(node.inputs[0], value)
        return node.outputs[0]

    def bump(self, height, strength: float, distance: float, normal=None):
        """Turn a height into a normal; `distance` in Blender units."""
        node = self.node("Bump")
        node.inputs["Strength"].default_value, node.inputs["Distance"].default_value = strength, distance
        self.put(node.inputs["Height"], height)
        if normal is not None:
            self.put(node.inputs["Normal"], normal)
        return node.outputs[0]


def image_from(name: str, pixels: np.ndarray, colour: bool = False) -> bpy.types.Image:
    """Make a Blender image of (h, w, 3) float pixels, first row at the bottom; linear data either way."""
    height, width, _ = pixels.shape
    image = bpy.data.images.new(name, width, height, float_buffer=True, is_data=not colour)
    rgba = np.ones((height, width, 4), np.float32)
    rgba[..., :3] = pixels
    image.pixels.foreach_set(rgba.ravel())
    image.pack()
    return image


def plain(name: str, colour, roughness: float = 0.5, **inputs) -> bpy.types.Material:
    """Make a material of one colour."""
    return Shader(name).set(base_color=tuple(colour), roughness=roughness, **inputs).material
