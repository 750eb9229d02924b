"""A person in Blender: built once, then dressed, posed and placed for each photo."""

from __future__ import annotations

from collections.abc import Iterator

import bpy
import eyes
import numpy as np
from clothing import dress
from facial_hair import beard, brows
from glasses import make_glasses
from hair import (
    STYLES,
    curves,
    hair_material,
    scalp_strands,
    set_strands,
    skin_tree,
    split_by_grey,
    where_hair_grows,
)
from hat import make_hat
from head import EXPRESSIONS, MATERIALS, SKIN, HeadModel
from masks import lash_opacity
from mathutils import Matrix
from mathutils.bvhtree import BVHTree
from meshes import head_part, move
from outfits import Outfit
from paint import skin_texture, vertex_colours
from people import Person
from posture import Posture, bend, head_rotation
from shots import Placement
from skin import skin_material
from torso import AROUND, fit_torso, grid_faces
from vectors import blender_matrix, rotation

GAZE = 30.0  # degrees that an eye turns at a weight of 1
COLLAR_DROP = {"tee": 0.9, "jumper": 0.3, "rollneck": 0.0, "shirt": 0.7, "jacket": 0.7}


class Actor:
    """A person who can stand anywhere, turn the head on the neck, and wear things. All coordinates are in cm."""

    def __init__(self, model: HeadModel, person: Person):
        self.model, self.person = model, person
        self.rest = model.individual(person.random("head"), person.age, person.build, person.softness)
        self.tree = skin_tree(self.rest, model)
        self.pivot = bpy.data.objects.new(person.id, None)
        bpy.context.scene.collection.objects.link(self.pivot)
        self.strands: list[tuple[bpy.types.Object, np.ndarray]] = []
        self.rooted: list[tuple[bpy.types.Object, object]] = []
        self.outfit: Outfit | None = None
        self.garment: list[tuple[bpy.types.Object, np.ndarray]] = []
        self.skin: tuple[bpy.types.Object, np.ndarray] | None = None
        scalp = where_hair_grows(model, person)
        colours, masks = vertex_colours(model, person, scalp)
        self.skin_attributes = {"colour": colours, "masks": masks, "rest": model.neutral}
        self.skin_material = skin_material(person, skin_texture(model, person))
        self.parts = [self._own(part) for part in self._inner_parts()]
        self._grow_hair()
        self.glasses = [self._own(piece) for piece in make_glasses(model, person, self.rest)]
        self.hat = make_hat(person, self.tree)
        for piece in self.hat.pieces:
            self._own(piece)

    def _own(self, piece):
        bpy.context.scene.collection.objects.link(piece[0])
        piece[0].parent = self.pivot
        return piece

    def _inner_parts(self) -> Iterator[tuple[bpy.types.Object, np.ndarray]]:
        model, head, rest = self.model, self.rest, {"rest": self.model.neutral}
        yield head_part("gums", model, head, MATERIALS["gums"], eyes.gum_material(), {})
        yield head_part("teeth", model, head, MATERIALS["teeth"], eyes.tooth_material(self.person), {}, smooth=1)
        for side in (-1, 1):
            material = eyes.eye_material(model, self.person, side)
            yield head_part("eye", model, head, MATERIALS[f"eye_{side}"], material, rest, smooth=1)
        yield head_part("tear", model, head, MATERIALS["tear"], eyes.tear_material(), {})
        opacity = {"opacity": lash_opacity(model, self.person.makeup)}
        yield head_part("lashes", model, head, MATERIALS["lashes"], eyes.lash_material(), opacity)

    def _grow_hair(self) -> None:
        person = self.person
        strands = scalp_strands(self.model, person, self.rest)
        for white, which in split_by_grey(person, len(strands), person.grey):
            thing = curves("hair", strands[which], STYLES[person.style].radius, hair_material(person, white))
            self._own((thing, None))
            self.strands.append((thing, strands[which]))
        self.crown = max(float(np.percentile(strands[..., 1], 99.7)), float(self.rest[:SKIN, 1].max()))
        grow = [
            (brows(self.model, person, self.rest), "brows", 0.016),
            (beard(self.model, person, self.rest), "beard", 0.018),
        ]
        for rooted, name, radius in grow:
            if rooted is None:
                continue
            grey = min(1, person.grey * (1.3 if name == "beard" else 0.7))
            for white, which in split_by_grey(person, len(rooted.strands), grey):
                part = rooted.only(which)
                thing = curves(name, part.strands, radius, hair_material(person, white, roughness=0.5, darken=0.3))
                self._own((thing, None))
                self.rooted.append((thing, part))

    def dress(self, outfit: Outfit) -> None:
        """Put on an outfit; the skin under it is taken away."""
        if outfit == self.outfit:
            return
        for thing, _ in self.garment + ([self.skin] if self.skin else []):
            bpy.data.objects.remove(thing)
        self.outfit, self.torso = outfit, fit_torso(self.tree, self.person.build, COLLAR_DROP[outfit.garment])
        self.garment = [self._own(piece) for piece in dress(outfit, self.torso, self.tree, self.person.build)]
        visible = self.torso.shows(self.rest)
        visible[SKIN:] = True
        self.skin = self._own(
            head_part(
                "skin",
                self.model,
                self.rest,
                MATERIALS["skin"],
                self.skin_material,
                self.skin_attributes,
                1,
                visible,
                uv=True,
            )
        )

    def perform(self, placement: Placement, rng: np.random.Generator) -> None:
        """Dress, pose and place as a shot asks; `rng` makes each performance of an expression a little different."""
        self.dress(placement.outfit)
        self.posture, self.expression = placement.posture, placement.expression
        self.wears_glasses, self.wears_hat = placement.glasses, placement.hat
        head = self.model.express(self.rest, self._weights(placement, rng))
        tucked = head + self.torso.tuck(head) * (np.arange(len(head)) < SKIN)[:, None]
        for thing, used in [self.skin, *self.parts]:
            move(thing, bend(tucked[used], self.posture))
        for thing, rooted in self.rooted:
            set_strands(thing.data, bend(rooted.on(head), self.posture))
        for thing, strands in self.strands:
            set_strands(thing.data, bend(self.hat.tuck(strands) if placement.hat else strands, self.posture))
        for thing, points in self.garment:
            move(thing, bend(points, self.posture))
        for pieces, worn in ((self.glasses, placement.glasses), (self.hat.pieces, placement.hat)):
            for thing, points in pieces:
                thing.hide_render = not worn
                move(thing, bend(points, self.posture))
        self.head = bend(head, self.posture)
        self.body_rotation = rotation("y", self.posture.body)
        self.position = np.array([placement.x, placement.y, placement.z], float)
        self.pivot.matrix_world = Matrix(blender_matrix(self.body_rotation, self.position).tolist())

    def _weights(self, placement: Placement, rng: np.random.Generator) -> dict[str, float]:
        """Weights of an expression, or of a mixture such as "neutral>smile:0.3"; lids hang with age; eyes look."""
        first, _, rest = placement.expression.partition(">")
        second, _, part = rest.partition(":")
        weights = dict(EXPRESSIONS[first])
        if second:
            t = float(part)
            names = {*weights, *EXPRESSIONS[second]}
            weights = {n: (1 - t) * weights.get(n, 0) + t * EXPRESSIONS[second].get(n, 0) for n in names}
            self.expression = second if t > 0.5 else first
        vary = placement.vary
        weights = {name: value * (1 + vary * rng.normal()) for name, value in weights.items()}
        weights["eyeBlink"] = weights.get("eyeBlink", 0) + 0.05 * np.clip((self.person.age - 45) / 35, 0, 1)
        across, up = placement.gaze[0] / GAZE, placement.gaze[1] / GAZE
        left, right = ("eyeLookOut_L", "eyeLookIn_R") if across > 0 else ("eyeLookIn_L", "eyeLookOut_R")
        weights[left] = weights[right] = abs(across)
        weights["eyeLookUp" if up > 0 else "eyeLookDown"] = abs(up)
        return weights

    @property
    def head_rotation(self) -> np.ndarray:
        """(3, 3) rotation of the head in the world."""
        return head_rotation(self.posture)

    @property
    def head_centre(self) -> np.ndarray:
        """The middle of the head, in the person's own coordinates."""
        return bend(np.array([[0.0, 0.0, 2.5]]), Posture(0, self.posture.turn, self.posture.nod, self.posture.tilt))[0]

    def in_world(self, points: np.ndarray) -> np.ndarray:
        """Move (..., 3) points from the person's own coordinates into the world."""
        return np.asarray(points) @ self.body_rotation.T + self.position

    def skin_tree_in_world(self) -> BVHTree:
        """Make a tree of head and neck for rays."""
        return BVHTree.FromPolygons(self.in_world(self.head[:SKIN]).tolist(), self.model.triangles.tolist())

    def body_tree_in_world(self) -> BVHTree:
        """Make a tree of the torso for rays."""
        rings = self.in_world(bend(self.torso.rings, self.posture)).reshape(-1, 3)
        return BVHTree.FromPolygons(rings.tolist(), [list(face) for face in grid_faces(len(self.torso.rings), AROUND)])

    def remove(self) -> None:
        """Take this person out of the scene."""
        for thing in [*self.pivot.children, self.pivot]:
            bpy.data.objects.remove(thing)
