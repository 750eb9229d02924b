"""Brows and beards: strands that are rooted in the skin and move with the expression."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hair import Roots, sample_roots
from head import SKIN, HeadModel
from masks import along_polyline, brow_lines, skin_masks
from people import Person
from vectors import normalise


@dataclass(frozen=True)
class Rooted:
    """Strands (n, points, 3) on the head at rest, and where they are rooted, so that they can follow the skin."""

    roots: Roots
    strands: np.ndarray
    triangles: np.ndarray

    def only(self, which: np.ndarray) -> Rooted:
        """Return some of the strands: `which` are their numbers."""
        fields = (getattr(self.roots, name)[which] for name in ("triangle", "weights", "position", "normal"))
        return Rooted(Roots(*fields), self.strands[which], self.triangles)

    def on(self, head: np.ndarray) -> np.ndarray:
        """Return the strands on a head with an expression."""
        corners = head[self.triangles[self.roots.triangle]]
        moved = (corners * self.roots.weights[..., None]).sum(1) - self.roots.position
        return self.strands + moved[:, None]


def brows(model: HeadModel, person: Person, head: np.ndarray) -> Rooted:
    """Grow both brows: upright at the inner end, flat along the arch, a little downwards at the outer end."""
    rng, skin = person.random("brows"), np.arange(len(head)) < SKIN
    parts = []
    for side, line in brow_lines(model, person.softness).items():
        distance, along = along_polyline(model.neutral, line)
        line_weight = person.brows * (1 - 0.3 * person.softness)
        width = 0.42 * (1 - 0.55 * along) * (0.7 + 0.4 * line_weight) * (1 - 0.2 * person.softness)
        density = (distance < width) * (1 - 0.6 * (distance / width) ** 2) * skin * (along < 0.95)
        count = int(560 * line_weight)
        roots = sample_roots(model, head, density, count, rng)
        t = (along[model.triangles[roots.triangle]] * roots.weights).sum(1)
        lie = np.stack([np.full(count, float(side)), 0.15 - 0.62 * t + 0.9 * (1 - t) ** 2, -0.35 - 0.5 * t], 1)
        lie = normalise(lie + rng.normal(size=(count, 3)) * 0.10)
        lie = normalise(lie - roots.normal * (lie * roots.normal).sum(1, keepdims=True))
        length = 0.62 * rng.uniform(0.8, 1.1, count) * (1 - 0.4 * t) * (1 + 0.3 * (person.age > 60) * rng.random(count))
        s = np.linspace(0, 1, 4)
        strands = roots.position[:, None] + lie[:, None] * (length[:, None] * s)[..., None]
        strands += roots.normal[:, None] * (0.09 * np.sin(2.4 * s))[None, :, None]
        parts.append((roots, strands))
    return _joined(parts, model)


def beard(model: HeadModel, person: Person, head: np.ndarray) -> Rooted | None:
    """Grow a beard, short or full; below 0.55 there is only the stubble that is painted."""
    if person.beard < 0.55:
        return None
    rng, full = person.random("beard"), person.beard >= 0.85
    count, length = (9500, 1.15) if full else (6500, 0.32)
    roots = sample_roots(model, head, skin_masks(model)["beard"] ** 1.4, count, rng)
    out = normalise(roots.normal * 0.55 + [0, -0.8, 0.1] + rng.normal(size=(count, 3)) * 0.28)
    down = normalise(out + np.array([0, -0.6, 0]))
    length = length * rng.uniform(0.55, 1.25, (count, 1))
    root = roots.position
    strands = [
        root,
        root + out * length * 0.33,
        root + (0.4 * out + 0.27 * down) * length,
        root + (0.4 * out + 0.6 * down) * length,
    ]
    return _joined([(roots, np.stack(strands, 1))], model)


def _joined(parts: list[tuple[Roots, np.ndarray]], model: HeadModel) -> Rooted:
    fields = [
        np.concatenate([getattr(roots, name) for roots, _ in parts])
        for name in ("triangle", "weights", "position", "normal")
    ]
    return Rooted(Roots(*fields), np.concatenate([strands for _, strands in parts]), model.triangles)
