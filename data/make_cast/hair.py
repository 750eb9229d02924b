"""Hair on the head: guide strands that grow, fall and collide, and thousands of strands interpolated between them."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np
from head import SKIN, HeadModel
from masks import scalp
from mathutils.bvhtree import BVHTree
from people import HAIR, WHITE, Person
from vectors import UNIT, normalise, smoothstep, to_blender


@dataclass(frozen=True)
class Style:
    """A hair style, in cm; `clump` draws strands to their guide, `frizz` scatters them, `coil` is a curl's radius."""

    points: int
    strands: int
    guides: int
    length: float
    radius: float
    frizz: float
    clump: float
    standoff: float = 0.25
    gravity: float = 0.0
    coil: float = 0.0
    turns: float = 0.0
    layers: float = 0.08  # spread of the length


STYLES = {
    "buzz": Style(3, 18000, 300, 0.45, 0.022, 0.05, 0.0),
    "receding": Style(6, 12000, 450, 2.6, 0.022, 0.22, 0.30, gravity=0.12),
    "short": Style(7, 22000, 520, 4.2, 0.024, 0.24, 0.42, gravity=0.10, layers=0.16),
    "curly": Style(12, 20000, 520, 5.2, 0.022, 0.35, 0.62, 0.3, 0.10, 0.42, 17, 0.15),
    "afro": Style(12, 24000, 520, 4.8, 0.021, 0.55, 0.45, 0.2, 0.0, 0.28, 14),
    "bob": Style(15, 22000, 650, 17.5, 0.026, 0.34, 0.50, 0.3, 0.85, layers=0.10),
    "long": Style(19, 22000, 750, 31.0, 0.027, 0.45, 0.52, 0.3, 0.85, layers=0.14),
    "wavy": Style(20, 22000, 750, 29.0, 0.027, 0.50, 0.60, 0.35, 0.80, 0.75, 15, 0.16),
    "bun": Style(12, 20000, 520, 0.0, 0.025, 0.16, 0.25),
    "bald": Style(3, 4500, 200, 0.30, 0.020, 0.05, 0.0),
}
BUN = np.array([0.0, 6.5, -10.2])


def skin_tree(head: np.ndarray, model: HeadModel) -> BVHTree:
    """Make a tree of the skin's triangles for collisions and rays, in centimetres."""
    return BVHTree.FromPolygons(head[:SKIN].tolist(), model.triangles.tolist())


def where_hair_grows(model: HeadModel, person: Person) -> np.ndarray:
    """Return the scalp mask of a person's style: the bald keep a fringe round the back, the receding little on top."""
    crown = {"bald": 1.0, "receding": 0.6}.get(person.style, 0.0)
    mask = scalp(model, person.hairline, person.temples, crown)
    if person.style == "bald":
        mask = mask * smoothstep(model.neutral[:, 2], 4.5, 2.0) * smoothstep(model.neutral[:, 1], 9.5, 7.0)
    return mask


@dataclass(frozen=True)
class Roots:
    """Places on the skin: triangle (n,), barycentric weights (n, 3), position and normal (n, 3)."""

    triangle: np.ndarray
    weights: np.ndarray
    position: np.ndarray
    normal: np.ndarray


def sample_roots(
    model: HeadModel, head: np.ndarray, density: np.ndarray, count: int, rng: np.random.Generator
) -> Roots:
    """Choose places on the skin at random, in proportion to area and to the vertices' `density`."""
    corners = head[model.triangles]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    chance = np.linalg.norm(cross, axis=1) * np.clip(density[model.triangles].mean(1), 0, 1)
    triangle = rng.choice(len(corners), count, p=chance / chance.sum())
    u = rng.random((count, 2))
    u = np.where(u.sum(1, keepdims=True) > 1, 1 - u, u)
    weights = np.stack([1 - u.sum(1), u[:, 0], u[:, 1]], 1)
    return Roots(triangle, weights, (corners[triangle] * weights[..., None]).sum(1), normalise(cross[triangle]))


def scalp_strands(model: HeadModel, person: Person, head: np.ndarray) -> np.ndarray:
    """Grow a person's hair: (strands, points, 3) in cm, on the head at rest."""
    style, rng = STYLES[person.style], person.random("hair")
    mask, tree = where_hair_grows(model, person), skin_tree(head, model)
    roots = sample_roots(model, head, mask, style.guides, rng)
    grow = _pulled_back if person.style == "bun" else _falling
    guides = grow(person, style, roots, tree, rng)
    strands = _between(person, style, guides, sample_roots(model, head, mask**0.6, style.strands, rng).position, rng)
    if person.style == "bun":
        strands = np.concatenate([strands, _knot(style, rng)])
    return strands


def _falling(person: Person, style: Style, roots: Roots, tree: BVHTree, rng: np.random.Generator) -> np.ndarray:
    guides = np.zeros((style.guides, style.points, 3))
    guides[:, 0] = roots.position
    for g, (root, normal) in enumerate(zip(roots.position, roots.normal, strict=True)):
        side = np.sign(root[0] - person.part) or 1.0
        length, heading, gravity = _start(person, style, root, normal, side)
        step = length * (1 + rng.normal() * style.layers) / (style.points - 1)
        point = root
        for k in range(1, style.points):
            heading = normalise(heading + [0, -gravity, 0] + rng.normal(size=3) * (0.1 if style.coil else 0.06))
            if style.length > 10:
                if point[2] > 4 and point[1] < 10 and abs(point[0]) < 8.6:  # out of the face
                    heading = normalise(heading + np.array([side * 0.5, 0, -0.5]))
                if person.style == "bob" and point[1] < -2:  # the ends turn in
                    heading = normalise(heading + np.array([-np.sign(point[0]) * 0.10, 0, 0.02]))
            ahead = point + heading * step
            if person.style not in ("buzz", "bald"):
                ahead = _outside(ahead, tree, style.standoff * (1 + k / style.points))
                heading = normalise(0.6 * heading + 0.4 * normalise(ahead - point))
            guides[g, k] = point = ahead
    return guides


def _start(person: Person, style: Style, root: np.ndarray, normal: np.ndarray, side: float):
    """Length, first direction and weight of a strand by where it grows."""
    top = float(smoothstep(root[1], 5.0, 11.0))
    if person.style in ("buzz", "bald"):
        return style.length, normalise(normal + np.array([0, 0, -0.3])), 0.0
    if person.style in ("short", "receding"):
        # Cut close at the temples and the nape, longer to the top: an even length looks like a cap.
        sweep = -1.0 if person.part > 0 else 1.0
        comb = np.array([0.8 * sweep * top, 0.25 * top - 0.7 * (1 - top), -0.35 + 0.5 * top])
        length = style.length * (0.8 + 0.5 * person.wave) * (0.22 + 0.78 * top)
        return length, normalise(normal * (0.25 + (0.25 + 0.5 * person.wave) * top) + comb), style.gravity
    if person.style in ("afro", "curly"):
        length = style.length * (0.55 + 0.45 * top) if person.style == "curly" else style.length
        return length, normalise(normal + np.array([0, 0.15, -0.05])), style.gravity
    lift = 0.55 if person.style == "wavy" else 0.42
    return style.length, normalise(normal * lift + [side * 0.85, 0, -0.40]), style.gravity


def _outside(point: np.ndarray, tree: BVHTree, distance: float) -> np.ndarray:
    nearest, normal, _, away = tree.find_nearest(point.tolist())
    nearest, normal = np.array(nearest), np.array(normal)
    clear = distance + (1.3 if point[1] < -12 else 0)  # over the shoulders there is clothing
    inside = (point - nearest) @ normal < clear and away < 6
    return nearest + normal * clear if inside else point


def _pulled_back(person: Person, style: Style, roots: Roots, tree: BVHTree, rng: np.random.Generator) -> np.ndarray:
    guides = np.zeros((style.guides, style.points, 3))
    tie = BUN + np.array([0, 0, 1.0])
    for g, root in enumerate(roots.position):
        for k in range(style.points):
            t = k / (style.points - 1)
            nearest, normal, *_ = tree.find_nearest((root * (1 - t) + tie * t).tolist())
            lifted = np.array(nearest) + np.array(normal) * (0.25 + 0.45 * np.sin(np.pi * t))
            guides[g, k] = root if k == 0 else lifted if t < 0.93 else tie + rng.normal(size=3) * 0.6
    return guides


def _knot(style: Style, rng: np.random.Generator, count: int = 5000) -> np.ndarray:
    out = normalise(rng.normal(size=(count, 3)))
    along = normalise(np.cross(out, [0, 0.3, 1.0]))
    sweep = np.linspace(-0.7, 0.7, style.points)[None, :, None]
    shell = out[:, None] * np.cos(sweep) + along[:, None] * np.sin(sweep)
    return BUN + 2.5 * normalise(shell) * (1 + rng.normal(size=(count, 1, 1)) * 0.05)


def _between(
    person: Person, style: Style, guides: np.ndarray, roots: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Interpolate strands from the three nearest guides on their side of the parting, then clump, scatter and curl."""
    apart = [3.0, 0, 0]
    guide_key = guides[:, 0] + np.where(guides[:, :1, 0] > person.part, apart, np.negative(apart))
    root_key = roots + np.where(roots[:, :1] > person.part, apart, np.negative(apart))
    near, squared = _nearest(root_key, guide_key, 3)
    weight = 1 / (squared + 0.05)
    weight /= weight.sum(1, keepdims=True)
    shape = guides - guides[:, :1]
    strands = (shape[near] * weight[..., None, None]).sum(1) * (1 + rng.normal(size=(len(roots), 1, 1)) * style.layers)
    strands += roots[:, None]
    t = np.linspace(0, 1, style.points)[None, :, None]
    if style.clump:
        closest = guides[np.take_along_axis(near, squared.argmin(1)[:, None], 1)[:, 0]]
        pull = style.clump * rng.uniform(0.4, 1.3, (len(roots), 1, 1)) * t
        strands = strands * (1 - pull) + closest * pull
    loose = np.where(rng.random((len(roots), 1, 1)) < 0.04, 3.0, 1.0)  # a few flyaways, or hair looks like a helmet
    wander = np.cumsum(rng.normal(size=strands.shape), 1) / np.sqrt(style.points)
    strands = strands + wander * style.frizz * loose * t
    coil = style.coil or (0.4 * person.wave if person.style in ("bob", "long") and person.wave > 0.45 else 0)
    if coil:
        tight = person.style in ("afro", "curly")
        phase = (
            rng.random((len(roots), 1)) * 6.28
            if tight
            else rng.normal(size=(len(roots), 1)) * 0.5 + 3 * np.sin(roots[:, :1] * 2)
        )
        angle = np.linspace(0, 1, style.points)[None] * (style.turns or 16) + phase
        rise = np.cos(angle * 1.1) if tight else np.zeros_like(angle)
        strands = strands + coil * np.stack([np.cos(angle), rise, np.sin(angle)], -1) * t**0.5
    return strands


def _nearest(points: np.ndarray, others: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    index = np.zeros((len(points), count), int)
    squared = np.zeros((len(points), count))
    for start in range(0, len(points), 2000):
        block = ((points[start : start + 2000, None] - others[None]) ** 2).sum(-1)
        best = np.argpartition(block, count, 1)[:, :count]
        index[start : start + 2000], squared[start : start + 2000] = best, np.take_along_axis(block, best, 1)
    return index, squared


def curves(name: str, strands: np.ndarray, radius: float, material: bpy.types.Material) -> bpy.types.Object:
    """Make hair curves of (n, points, 3) strands in cm, tapering to the tip."""
    count, points, _ = strands.shape
    data = bpy.data.hair_curves.new(name)
    data.add_curves([points] * count)
    set_strands(data, strands)
    taper = np.tile(radius * UNIT * np.linspace(1, 0.35, points), count).astype(np.float32)
    attribute = data.attributes.get("radius") or data.attributes.new("radius", "FLOAT", "POINT")
    attribute.data.foreach_set("value", taper)
    data.materials.append(material)
    return bpy.data.objects.new(name, data)


def set_strands(data: bpy.types.HairCurves, strands: np.ndarray) -> None:
    """Move existing hair curves."""
    data.position_data.foreach_set("vector", to_blender(strands).reshape(-1).astype(np.float32))
    data.update_tag()


def hair_material(
    person: Person, white: bool = False, roughness: float = 0.34, darken: float = 0.0
) -> bpy.types.Material:
    """Make a hair material of a person's colour, or white."""
    colour = WHITE if white else HAIR[person.hair][0] * (1 - darken)
    material = bpy.data.materials.new("hair")
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    nodes.clear()
    output, strand = nodes.new("ShaderNodeOutputMaterial"), nodes.new("ShaderNodeBsdfHairPrincipled")
    strand.parametrization = "COLOR"
    strand.inputs["Color"].default_value = (*colour, 1)
    for name, value in (
        ("Roughness", roughness),
        ("Radial Roughness", 0.45),
        ("Random Roughness", 0.2),
    ):
        strand.inputs[name].default_value = value
    links.new(strand.outputs[0], output.inputs[0])
    return material


def split_by_grey(person: Person, count: int, grey: float) -> list[tuple[bool, np.ndarray]]:
    """Choose which of `count` strands have gone white: (white or not, their numbers), without empty parts."""
    white = person.random("grey").random(count) < grey
    return [(flag, np.flatnonzero(part)) for flag, part in ((False, ~white), (True, white)) if part.any()]
