"""Who is in the set: 24 cast members and 12 strangers, declared here; what the table leaves open comes from the seed.

The traits are spread by hand so that no group is thin: two or three people at each Monk skin tone, ages from 18 to 79,
every hair style on more than one tone. The heads themselves are random, so a trait says nothing about a face's shape.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field

import numpy as np
from vectors import linear

# Skin albedo at each step of the Monk Skin Tone scale, 1 to 10. The scale's own swatches are for judging photographs
# and far too pale as albedo: rendered, they look like chalk.
MONK = [
    linear(*tone)
    for tone in [
        (226, 172, 152), (221, 164, 140), (213, 155, 128), (200, 142, 111), (183, 126, 94),
        (156, 104, 74), (128, 82, 58), (101, 63, 45), (78, 48, 35), (60, 38, 29),
    ]
]  # fmt: skip

# Colour of hair, linear RGB: of a strand when light has passed it many times, and painted on the scalp and as stubble.
# Strands take a colour, not melanin: that model's blond comes out yellow or, beside grass, green.
HAIR = {
    "black": (np.array([0.0040, 0.0032, 0.0030]), linear(14, 11, 10)),
    "dark brown": (np.array([0.016, 0.0085, 0.0055]), linear(34, 22, 16)),
    "brown": (np.array([0.056, 0.026, 0.0135]), linear(66, 42, 28)),
    "auburn": (np.array([0.130, 0.036, 0.014]), linear(104, 50, 26)),
    "red": (np.array([0.290, 0.078, 0.024]), linear(140, 70, 34)),
    "blond": (np.array([0.41, 0.182, 0.078]), linear(150, 106, 76)),
}
WHITE = np.array([0.56, 0.54, 0.52])
EYES = {
    "brown": linear(78, 46, 26),
    "dark": linear(42, 25, 16),
    "hazel": linear(108, 84, 44),
    "green": linear(92, 108, 72),
    "blue": linear(92, 128, 162),
    "grey": linear(118, 128, 136),
}


@dataclass(frozen=True)
class Person:
    """One synthetic person. Numbers from 0 to 1 unless said otherwise; colours are linear RGB."""

    id: str
    name: str
    monk: int
    age: int
    style: str
    hair: str
    grey: float
    eyes: str
    beard: float  # 0 none, about 0.5 stubble, 0.7 short, 1 full
    brows: float
    freckles: float
    makeup: float
    build: float  # -1 slight, 1 heavy
    split: str
    seed: int
    tone: np.ndarray = field(repr=False)
    part: float  # cm, where the hair is parted
    hairline: float  # cm above the usual one
    temples: float  # cm of recession
    wave: float
    shine: float
    iris: float  # cm

    @property
    def softness(self) -> float:
        """1 where jaw, brow and nose are softened, for half of the cast."""
        return float(self.makeup > 0)

    @property
    def darkness(self) -> float:
        """0 for the lightest skin to 1 for the darkest."""
        return (self.monk - 1) / 9

    def random(self, what: str) -> np.random.Generator:
        """Return a generator of this person's own for one purpose, so that a change here moves nothing there."""
        return np.random.default_rng([self.seed, zlib.crc32(what.encode())])


#   name      monk age  style       hair          grey  eyes   beard brows freck makeup build  split
CAST = """
    Freya      2   27   long        blond         0     blue   0     .60   .7    .5    -.3    test
    Luca       3   33   short       brown         0     hazel  .5    1.0   0     0      .3    train
    Kofi       9   36   buzz        black         0     dark   .65   1.0   0     0      0     train
    Nadia      5   29   long        black         0     brown  0     .80   0     .6     0     train
    Sora       3   68   short       black         .9    dark   0     .80   0     0     -.4    validation
    Amara      8   24   afro        black         0     dark   0     .80   0     .5     0     test
    Yuna       4   41   bun         black         0     brown  0     .70   0     .5    -.2    train
    Maeve      1   22   bob         red           0     green  0     .60   1     .3     0     train
    Tariq      5   38   short       black         .08   brown  1.0   1.2   0     0      .4    test
    Jonas      2   52   bald        brown         .4    blue   .72   1.0   0     0      .5    validation
    Zola       10  31   bun         black         0     dark   0     .85   0     .4     .1    train
    Mei        4   19   bob         black         0     dark   0     .70   0     .2    -.5    train
    Rashid     6   57   short       black         .55   brown  1.0   1.1   0     0      .6    train
    Clara      2   74   bun         blond         1.0   blue   0     .45   .2    .2    -.2    train
    Dev        7   26   curly       black         0     dark   .55   1.1   0     0     -.3    train
    Ines       6   35   wavy        dark_brown    0     brown  0     .80   .3    .5     .2    train
    Bjorn      1   45   receding    blond         .2    grey   .70   .80   .3    0      .3    train
    Themba     10  63   buzz        black         .75   dark   .60   .90   0     0      .2    train
    Lucia      7   48   wavy        dark_brown    .25   hazel  0     .80   0     .6     .5    validation
    Arjun      8   71   receding    black         .95   dark   .8    1.0   0     0     -.1    validation
    Elif       4   55   short       auburn        .1    green  0     .70   0     .5     .3    test
    Makana     7   40   long        black         0     brown  .45   1.0   0     0      .7    test
    Abena      9   20   curly       black         0     dark   0     .75   0     .4    -.1    test
    Piotr      3   79   receding    brown         1.0   blue   0     .90   .3    0     -.6    train
"""
STRANGERS = """
    Hanna      1   34   wavy        blond         0     grey   0     .55   .4    .4     .1    none
    Samuel     9   44   bald        black         0     dark   1.0   1.0   0     0      .4    none
    Keiko      3   61   bob         black         .6    dark   0     .65   0     .4    -.2    none
    Mateo      5   21   curly       dark_brown    0     brown  .3    1.0   0     0     -.3    none
    Saanvi     6   28   long        black         0     brown  0     .85   0     .5     0     none
    Owen       2   66   short       auburn        .7    blue   1.0   .90   .6    0      .6    none
    Nia        10  39   afro        black         .1    dark   0     .80   0     .5     .2    none
    Tomas      4   50   receding    dark_brown    .3    hazel  .5    1.1   0     0      .3    none
    Leilani    7   18   long        dark_brown    0     brown  0     .75   0     .3    -.1    none
    Yusuf      8   30   short       black         0     dark   .75   1.1   0     0      0     none
    Agnes      1   77   short       blond         1.0   blue   0     .45   .3    .2     .2    none
    Chidi      9   58   buzz        black         .45   dark   0     .95   0     0      .3    none
"""
# Identities drawn again, person -> how many times, because they were too close to somebody else or an odd nose or jaw
# came out of it: chosen from what audition.py rendered.
REDRAWN = {
    "person_00": 3, "person_04": 5, "person_06": 4, "person_09": 3, "person_10": 3, "person_11": 1, "person_14": 2,
    "person_15": 3, "person_16": 5, "person_18": 1, "person_19": 4, "person_22": 3,
    "stranger_00": 5, "stranger_01": 4, "stranger_02": 1, "stranger_03": 5, "stranger_05": 4, "stranger_08": 4,
    "stranger_10": 1,
}  # fmt: skip
SEED = 7000

DESCRIPTIONS = {
    "long": "long and straight", "short": "short", "buzz": "cropped", "afro": "afro", "bun": "pulled back",
    "bob": "shoulder length", "bald": "bald", "curly": "short and curly", "wavy": "long and wavy",
    "receding": "receding",
}  # fmt: skip


def people(seed: int = SEED, redrawn: dict[str, int] = REDRAWN) -> dict[str, Person]:
    """Return everyone by id, person_00 to 23 and stranger_00 to 11: the same seed gives the same people."""
    rows = {f"person_{i:02d}": (row, seed + i) for i, row in enumerate(_rows(CAST))}
    rows |= {f"stranger_{i:02d}": (row, seed + 100 + i) for i, row in enumerate(_rows(STRANGERS))}
    made = [_person(row, id, start + 1000 * redrawn.get(id, 0)) for id, (row, start) in rows.items()]
    return {person.id: person for person in made}


def hair_description(person: Person) -> str:
    """Say how the hair looks, for the table: "grey, short"."""
    words = DESCRIPTIONS[person.style]
    if person.style == "bald":
        return words
    colour = "white" if person.grey >= 0.9 else "grey" if person.grey >= 0.5 else person.hair
    return f"{'greying ' if 0.2 <= person.grey < 0.5 else ''}{colour}, {words}"


def _rows(table: str) -> list[list[str]]:
    return [line.split() for line in table.strip().splitlines()]


def _person(row: list[str], id: str, seed: int) -> Person:
    name, monk, age, style, hair, grey, eyes, beard, brows, freckles, makeup, build, split = row
    rng = np.random.default_rng(seed)
    feminine = float(makeup) > 0
    return Person(
        id=id,
        name=name,
        monk=int(monk),
        age=int(age),
        style=style,
        hair=hair.replace("_", " "),
        grey=float(grey),
        eyes=eyes,
        beard=float(beard),
        brows=float(brows),
        freckles=float(freckles),
        makeup=float(makeup),
        build=float(build),
        split="" if split == "none" else split,
        seed=int(rng.integers(1 << 30)),
        tone=np.clip(MONK[int(monk) - 1] * (1 + rng.normal(size=3) * 0.03), 0, 1),
        part=float(rng.choice([-2.5, 0.0, 2.5])),
        hairline=float(rng.uniform(-1.3, -0.5) if feminine else rng.uniform(-1.1, 0.0))
        + (1.2 if style == "receding" else 0),
        temples=0.0 if feminine else float(rng.uniform(0, 1.0)) + (1.6 if style == "receding" else 0),
        wave=float(rng.uniform(0, 1)),
        shine=float(rng.uniform(0.36, 0.5)),
        iris=float(rng.uniform(0.56, 0.62)),
    )
