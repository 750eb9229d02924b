"""The head: geometry of ICT-FaceKit's light model, who a head is, and what it expresses.

The model is a mesh of 26,719 vertices, 100 identity shapes and 57 expression shapes (Li et al., "Learning Formation of
Physically-Based Face Attributes", CVPR 2020). build_head_model.py makes the file that `HeadModel.load` reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from vectors import bell, smoothstep

SKIN = 11248  # vertices before this one are skin that can be seen; then come the mouth's lining and the eye sockets
MOUTH_LINING, EYE_SOCKETS = slice(11248, 13294), slice(13294, 14062)
FACE = 6706  # the first vertices: the face from ear to ear and from under the chin to under the hairline
EYEBALL = {-1: slice(23021, 23791), 1: slice(21451, 22221)}  # by side: -1 is the viewer's left, here and everywhere
LASHES = {-1: slice(26035, 26719), 1: slice(25351, 26035)}
MATERIALS = {"skin": (0, 1), "gums": (2,), "teeth": (3,), "eye_1": (4,), "eye_-1": (6,), "tear": (8,), "lashes": (11,)}
LIKENESS = 1.15  # spread of the identity weights: heads are distinct, and never monstrous because weights are clipped
LIMIT = 2.3

# The model's own rest pose looks glum: corners of the mouth and brows hang. "neutral" takes that out.
EXPRESSIONS: dict[str, dict[str, float]] = {
    "neutral": {"mouthSmile": 0.34, "cheekSquint": 0.10, "eyeWide": 0.14, "browOuterUp": 0.24, "browDown": 0.05},
    "smile": {"mouthSmile": 0.72, "cheekSquint": 0.32, "mouthDimple": 0.2, "eyeWide": 0.14, "browOuterUp": 0.15},
    "grin": {"mouthSmile": 0.85, "cheekSquint": 0.42, "mouthUpperUp": 0.38, "mouthLowerDown": 0.2, "jawOpen": 0.07,
             "eyeWide": 0.12, "browOuterUp": 0.1},
    "talk": {"jawOpen": 0.20, "mouthFunnel": 0.15, "mouthLowerDown": 0.2, "mouthSmile": 0.15, "browOuterUp": 0.12},
    "surprise": {"browInnerUp": 0.8, "browOuterUp": 0.7, "jawOpen": 0.3, "eyeWide": 0.5},
    "squint": {"eyeSquint": 0.65, "browDown": 0.6, "mouthPress": 0.3},
    "sad": {"mouthFrown": 0.6, "browInnerUp": 0.6, "mouthShrugLower": 0.3},
}  # fmt: skip


@dataclass(frozen=True)
class HeadModel:
    """The geometry, in centimetres, of v vertices and f faces.

    Attributes
    ----------
    neutral : (v, 3); identity : (100, v, 3); expression : (e, v, 3)
        The average head, and the offsets that make it somebody's or smile.
    faces, face_uv : (f, 4) int
        Numbers of vertices and of texture coordinates; -1 as the fourth of a triangle.
    material : (f,) int; uv : (t, 2); landmarks : (68,) int
        See MATERIALS; texture coordinates; the vertices of the usual 68 landmarks.
    """

    neutral: np.ndarray
    identity: np.ndarray
    expression: np.ndarray
    expression_names: tuple[str, ...]
    faces: np.ndarray
    material: np.ndarray
    uv: np.ndarray
    face_uv: np.ndarray
    landmarks: np.ndarray

    @classmethod
    def load(cls, path: str | Path) -> HeadModel:
        """Read what build_head_model.py wrote; FileNotFoundError if it is not there."""
        if not Path(path).is_file():
            raise FileNotFoundError(f"There is no head model {path}: make it with build_head_model.py (see README.md).")
        with np.load(path) as file:
            return cls(
                neutral=file["neutral"].astype(float),
                identity=file["ident"].astype(np.float32),
                expression=file["expr"].astype(np.float32),
                expression_names=tuple(str(name) for name in file["expr_names"]),
                faces=file["faces"],
                material=file["fmat"],
                uv=file["uv"],
                face_uv=file["fuv"],
                landmarks=file["lm68"],
            )

    @cached_property
    def triangles(self) -> np.ndarray:
        """(t, 3) triangles of the visible skin."""
        quads = self.faces[np.isin(self.material, MATERIALS["skin"])]
        both = np.concatenate([quads[:, :3], quads[quads[:, 3] >= 0][:, [0, 2, 3]]])
        return both[(both < SKIN).all(1)]

    @cached_property
    def points(self) -> np.ndarray:
        """(68, 3) landmarks of the neutral head."""
        return self.neutral[self.landmarks]

    @cached_property
    def eye_centres(self) -> dict[int, np.ndarray]:
        """Centre of each eyeball on the neutral head."""
        return {side: self.neutral[ball].mean(0) for side, ball in EYEBALL.items()}

    @cached_property
    def eye_fronts(self) -> dict[int, np.ndarray]:
        """The twelve vertices around each pupil."""
        return {
            side: ball.start + np.argsort(-self.neutral[ball, 2])[:12] for side, ball in EYEBALL.items()
        }  # fmt: skip

    def expression_weights(self, wanted: dict[str, float]) -> np.ndarray:
        """Weights for the expression shapes: "mouthSmile" stands for both mouthSmile_L and mouthSmile_R."""
        weights = np.zeros(len(self.expression_names))
        for name, value in wanted.items():
            hits = [i for i, own in enumerate(self.expression_names) if own in (name, f"{name}_L", f"{name}_R")]
            if not hits:
                raise ValueError(f"The head model has no expression {name!r}: take one of {self.expression_names}.")
            weights[hits] += value
        return weights

    def express(self, head: np.ndarray, wanted: dict[str, float]) -> np.ndarray:
        """Move a head (v, 3) into an expression."""
        weights = self.expression_weights(wanted)
        used = np.flatnonzero(weights)
        return head + np.tensordot(weights[used], self.expression[used], (0, 0))

    def individual(self, rng: np.random.Generator, age: float, build: float, softness: float = 0.0) -> np.ndarray:
        """Make the head (v, 3) of a person: a random identity, then what age (years), build and softness do to it."""
        weights = np.clip(rng.normal(size=len(self.identity)), -LIMIT, LIMIT) * LIKENESS
        head = self.neutral + np.tensordot(weights, self.identity, (0, 0))
        return head + ageing(self.neutral, age) + heaviness(self.neutral, build) + softness * softening(self.neutral)

    def five(self, head: np.ndarray) -> np.ndarray:
        """(5, 3) landmarks in MTCNN's order: eyes, nose, corners of the mouth, the viewer's left before the right."""
        corner = head[self.landmarks]
        # MTCNN's nose lies a little under the very tip.
        nose = 0.8 * corner[30] + 0.2 * corner[33]
        eyes = [head[self.eye_fronts[side]].mean(0) for side in (-1, 1)]
        return np.array([*eyes, nose, corner[48], corner[54]])


def ageing(neutral: np.ndarray, age: float) -> np.ndarray:
    """Offsets (v, 3) of a head that has aged: jowls and lids sag, cheeks hollow, nose and ears lengthen, bags form."""
    amount = float(smoothstep(age, 35, 80))
    offset = np.zeros_like(neutral)
    side = np.sign(neutral[:, 0])
    jowl = bell(neutral, (4.6, -6.0, 7.6), (1.5, 1.2, 1.8), mirror=True)
    offset[:, 1] -= 0.45 * jowl
    offset[:, 0] += 0.22 * side * jowl
    hollow = bell(neutral, (5.0, -1.9, 7.8), (1.3, 1.4, 1.6), mirror=True)
    offset[:, 0] -= 0.40 * side * hollow
    offset[:, 2] -= 0.22 * hollow
    offset[:, 1] -= 0.30 * bell(neutral, (0, 0.3, 12.6), (1.3, 1.0, 1.4))
    offset[:, 1] -= 0.45 * bell(neutral, (8.3, -0.6, 1.5), (1.2, 1.4, 2.0), mirror=True)
    offset[:, 2] += 0.16 * bell(neutral, (2.9, 1.9, 9.4), (1.1, 0.40, 1.2), mirror=True)
    offset[:, 1] -= 0.10 * bell(neutral, (3.9, 4.6, 9.1), (1.1, 0.5, 1.2), mirror=True)
    offset[SKIN:] = 0
    return amount * offset


def heaviness(neutral: np.ndarray, build: float) -> np.ndarray:
    """Offsets (v, 3) of a head that is slight (-1) or heavy (1): cheeks, the underside of the jaw, and the neck."""
    x, y, _ = neutral.T
    offset = np.zeros_like(neutral)
    offset[:, 0] += 0.55 * np.sign(x) * bell(neutral, (5.6, -3.0, 6.0), (1.8, 2.6, 2.8), mirror=True)
    offset[:, 1] -= 0.55 * bell(neutral, (0, -8.6, 7.5), (3.0, 1.6, 2.6))
    neck = smoothstep(y, -7.5, -10.5)[:, None]
    offset += 0.09 * neck * (neutral - [0, 0, -2.0]) * [1, 0, 1]
    offset[SKIN:] = 0
    return build * offset


def softening(neutral: np.ndarray) -> np.ndarray:
    """Offsets (v, 3) towards a softer head: a narrower jaw and neck, less ridge to the brow and nose, fuller lips."""
    x, y, _ = neutral.T
    side, offset = np.sign(x), np.zeros_like(neutral)
    offset[:, 0] -= 0.80 * side * bell(neutral, (5.6, -4.6, 6.2), (1.6, 2.0, 2.4), mirror=True)
    offset[:, 0] -= 0.30 * side * bell(neutral, (2.2, -6.8, 9.8), (1.3, 1.2, 1.6), mirror=True)
    offset[:, 1] += 0.25 * bell(neutral, (0, -7.4, 10.2), (2.2, 1.0, 1.8))
    offset[:, 2] -= 0.28 * bell(neutral, (2.8, 5.4, 10.0), (2.0, 0.9, 1.4), mirror=True)
    nose = bell(neutral, (0, 0.4, 12.0), (1.5, 1.5, 1.6))
    offset[:, 2] -= 0.45 * nose
    offset[:, 0] -= 0.16 * x * nose
    offset[:, 2] += 0.10 * bell(neutral, (0, -3.4, 11.4), (1.6, 0.8, 1.0))
    offset[:, 1] += 0.07 * bell(neutral, (0, -2.5, 11.7), (1.3, 0.35, 0.8))
    offset[:, 1] -= 0.09 * bell(neutral, (0, -4.2, 11.4), (1.2, 0.40, 0.8))
    offset -= 0.09 * smoothstep(y, -7.5, -10.5)[:, None] * (neutral - [0, 0, -2.0]) * [1, 0, 1]
    offset[SKIN:] = 0
    return offset
