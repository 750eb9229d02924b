"""What a shot is: who stands where and how, the camera, the place, the light, and the film."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from camera import Camera
from outfits import Outfit
from posture import Posture


@dataclass(frozen=True)
class Placement:
    """One person in a shot: cm and degrees; `gaze` turns the eyes in the head, to the viewer's right and up."""

    person: str
    x: float = 0.0
    y: float = 0.0
    z: float = 0.0
    posture: Posture = field(default_factory=Posture)
    expression: str = "neutral"
    vary: float = 0.10
    gaze: tuple[float, float] = (0.0, 0.0)
    outfit: Outfit = field(default_factory=Outfit)
    glasses: bool = False
    hat: bool = False


@dataclass(frozen=True)
class Light:
    """The main light as the camera sees it, in degrees and cm; `fill` and `rim` scale the place's own light."""

    azimuth: float = 30.0
    elevation: float = 35.0
    size: float = 60.0
    distance: float = 140.0
    strength: float = 1.0
    fill: float = 1.0
    rim: float = 0.5


@dataclass(frozen=True)
class Film:
    """How the picture is taken: `ev` in stops off the automatic, `grain` (1 is a phone by day), `blur` in pixels."""

    ev: float = 0.0
    grain: float = 1.0
    blur: float = 0.0
    warmth: float = 0.0
    metered_on: str = ""  # another shot's name, whose exposure is kept


@dataclass(frozen=True)
class Shot:
    """One picture."""

    name: str
    subset: str
    camera: Camera
    places: tuple[Placement, ...]
    room: str
    light: Light = Light()
    film: Film = Film()
    seed: int = 0
    shift: float = 0.0
    turn: float = 0.0
    props: tuple[tuple, ...] = field(default=())  # (kind, x, y, z, width)
    headroom: bool = False
    printed: str = ""  # a file of the set, on paper that the only person holds before their face
    factor: str = ""
    value: str = ""
    split: str = ""
    frame: int = -1

    @property
    def content(self) -> Shot:
        """What matters to the renderer: two shots with equal content are rendered once."""
        return replace(self, name="", subset="", factor="", value="", split="", film=Film())

    @property
    def file(self) -> str:
        """Where the picture goes, relative to the set; a frame waits in a folder beside it until all are there."""
        return f"{self.subset}/{self.name}.jpg" if self.frame < 0 else f".frames/{self.name}.png"
