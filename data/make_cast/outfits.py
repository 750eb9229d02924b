"""What there is to wear, by name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

GARMENTS = ("tee", "jumper", "rollneck", "shirt", "jacket")
COLOURS = {
    "navy": (34, 44, 70), "wine": (104, 30, 40), "blue": (54, 88, 130), "chalk": (206, 202, 192), "moss": (72, 88, 62),
    "sand": (178, 152, 116), "grey": (104, 106, 112), "mustard": (176, 130, 52), "plum": (88, 56, 84),
    "black": (30, 30, 33), "teal": (46, 100, 104), "rust": (150, 76, 46), "rose": (188, 130, 128),
    "denim": (78, 100, 132), "sky": (150, 176, 202),
}  # fmt: skip
PATTERNS = ("plain", "plain", "stripes", "check")


@dataclass(frozen=True)
class Outfit:
    """What somebody wears: a kind of garment, the names of its two colours, and for shirts and T-shirts a pattern."""

    garment: str = "tee"
    colour: str = "navy"
    second: str = "chalk"
    pattern: str = "plain"


def random_outfit(rng: np.random.Generator) -> Outfit:
    """Choose an outfit: stripes on T-shirts only, checks on shirts only."""
    garment = str(rng.choice(GARMENTS, p=[0.28, 0.2, 0.1, 0.24, 0.18]))
    colour = str(rng.choice(list(COLOURS)))
    second = str(rng.choice([c for c in ("chalk", "sky", "navy", "grey") if c != colour]))
    if garment == "jacket":
        colour = str(rng.choice(["navy", "black", "grey", "sand", "moss", "wine"]))
        second = str(rng.choice(["chalk", "sky", "rose", "denim"]))
    pattern = str(rng.choice(PATTERNS))
    allowed = {"tee": ("plain", "stripes"), "shirt": ("plain", "check")}.get(garment, ("plain",))
    return Outfit(garment, colour, second, pattern if pattern in allowed else "plain")
