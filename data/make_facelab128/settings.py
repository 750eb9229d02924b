"""Everything that decides how a run goes, in one place; it is saved in the run's checkpoint."""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass, fields

OPTIMISERS = ("muon", "adamw")
TEACHERS = ("stored", "mixed", "running")
PRECISIONS = ("auto", "bfloat16", "float16", "float32")


@dataclass(frozen=True)
class Settings:
    """How the student is trained. One pass is one view of every crop that is not held out.

    Attributes
    ----------
    seed : int
    passes : float
        Length of the whole schedule, however many stretches it takes.
    clock : float
        Hours of training, over all stretches, with which the schedule ends instead, however far it has got by then: for
        a machine whose speed nobody knows. Such a run cannot be repeated to the bit. 0: the schedule goes by passes.
    batch : int
        Images in a step.
    sizes : str
        Resolutions of the student's views, each with the share of the schedule at which it ends: `112:0.85,160:1`.
    optimiser : str
        `muon` for the convolutions' kernels and AdamW for the rest, or `adamw` for all; see optimiser.py.
    rate : float
        Highest learning rate, the same for both optimisers; warmed up, then lowered along a cosine.
    warm_up : float
        Passes until the learning rate is at its highest.
    last_rate : float
        What is left of the learning rate at the end.
    decay : float
        Weight decay, of matrices and kernels only.
    half_life : float
        Passes in which a weight's share in the averaged weights halves.
    teacher : str
        `stored`: the teacher's vectors of the clean crops, whatever the student sees. `running`: the teacher looks at
        the very image that the student sees. `mixed`: running for mixed images, stored for the others.
    mirror : bool
        The teacher's answer is the sum of its answers to the image and to its mirror image.
    mixing : float
        Share of a batch that is mixed from two faces, 0 to 1; needs a teacher that is not `stored`.
    cut : float
        Share of the mixed images in which a rectangle of the other face is set in; in the rest the two are blended.
    vector, gram, distance, angle : float
        Weights of the losses, see losses.py.
    scale, stretch, shift, turn : float
        Largest change of the box's size (a ratio), aspect (a ratio), place (in box sides) and direction (in degrees).
    light : float
        Strength of the changes of contrast, brightness and colour; 1 is what the first run used.
    held_out : int
        Crops that are never trained on and tell how training goes.
    precision : str
        Of convolutions, the teacher's too: `bfloat16`, `float16` or `float32`; `auto` is the fastest that training
        bears on the device on which the run starts, and it stays with the run.
    """

    seed: int = 0
    passes: float = 60.0
    clock: float = 0.0
    batch: int = 64
    sizes: str = "96:0.55,112:0.85,160:1"
    optimiser: str = "muon"
    rate: float = 2e-3
    warm_up: float = 0.25
    last_rate: float = 0.005
    decay: float = 0.02
    half_life: float = 0.5
    teacher: str = "mixed"
    mirror: bool = True
    mixing: float = 0.5
    cut: float = 0.3
    vector: float = 1.0
    gram: float = 5.0
    distance: float = 0.0
    angle: float = 0.0
    scale: float = 0.12
    stretch: float = 0.05
    shift: float = 0.06
    turn: float = 8.0
    light: float = 1.0
    held_out: int = 512
    precision: str = "auto"

    def __post_init__(self) -> None:
        if self.teacher not in TEACHERS:
            raise ValueError(f"There is no teacher {self.teacher!r}: give one of {', '.join(TEACHERS)}.")
        if self.optimiser not in OPTIMISERS:
            raise ValueError(f"There is no optimiser {self.optimiser!r}: give one of {', '.join(OPTIMISERS)}.")
        if self.precision not in PRECISIONS:
            raise ValueError(f"There is no precision {self.precision!r}: give one of {', '.join(PRECISIONS)}.")
        if not 0 <= self.mixing <= 1 or not 0 <= self.cut <= 1:
            raise ValueError(f"mixing is {self.mixing} and cut {self.cut}, but both are shares: give 0 to 1.")
        if self.mixing and self.teacher == "stored":
            raise ValueError(
                "Nobody has stored the teacher's answers to mixed images: give mixing 0, or teacher mixed."
            )
        if self.passes <= 0 or self.half_life <= 0 or self.batch < 2:
            raise ValueError(
                f"passes is {self.passes}, half_life {self.half_life} and batch {self.batch}, but the first two must "
                "be positive and a batch has at least 2 images."
            )
        if self.clock < 0:
            raise ValueError(f"clock is {self.clock}, but counts hours: give more than 0, or 0 to go by passes.")
        self.resolutions()

    def resolutions(self) -> list[tuple[float, int]]:
        """Give what `sizes` says: pairs of the share of the schedule at which a size ends, and the size in pixels."""
        try:
            pairs = [(float(until), int(size)) for size, until in (part.split(":") for part in self.sizes.split(","))]
        except ValueError:
            pairs = []
        ends = [until for until, _ in pairs]
        if not pairs or ends != sorted(set(ends)) or ends[-1] != 1 or min(size for _, size in pairs) < 75:
            raise ValueError(
                f"sizes is {self.sizes!r}, but must name sizes from 75 pixels on, each with the share of the schedule "
                "at which it ends, up to 1: for example 112:0.85,160:1."
            )
        return pairs

    def mixed_rows(self) -> int:
        """Give how many images of a batch are mixed: its first ones."""
        return round(self.mixing * self.batch)

    def teacher_rows(self) -> int:
        """Give for how many images of a batch, from its first on, the teacher runs."""
        return {"stored": 0, "mixed": self.mixed_rows(), "running": self.batch}[self.teacher]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add an argument for each setting; left out, it is absent from what the parser returns."""
    group = parser.add_argument_group("settings (kept in the run's checkpoint; explained in settings.py)")
    for field in fields(Settings):
        kind = argparse.BooleanOptionalAction if field.type == "bool" else "store"
        convert = {} if field.type == "bool" else {"type": {"int": int, "float": float, "str": str}[field.type]}
        group.add_argument(
            f"--{field.name.replace('_', '-')}",
            dest=field.name,
            action=kind,
            default=argparse.SUPPRESS,
            help=f"default {field.default}",
            **convert,
        )


def chosen(options: argparse.Namespace) -> dict[str, object]:
    """Give the settings that were named on the command line."""
    names = {field.name for field in fields(Settings)}
    return {name: value for name, value in vars(options).items() if name in names}


def agreed(saved: dict[str, object], given: dict[str, object]) -> Settings:
    """Give the settings of a run that goes on; what was named on the command line must be what the run has."""
    settings = Settings(**saved)
    if changed := [name for name, value in given.items() if value not in (asdict(settings)[name], "auto")]:
        name = changed[0]
        raise ValueError(
            f"This run was started with {name} {asdict(settings)[name]}, not {given[name]}: leave it out to go on, or "
            "start another run with another --out."
        )
    return settings
