"""Widgets: what a notebook lets one move, by mouse or by keyboard (notebook 04).

What a widget shows is worked out by plain functions of a table of pairs. They can be called, and tested, without a
browser, and drawn where no kernel is running.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence, Sized
from html import escape
from io import BytesIO

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from PIL import Image, ImageOps

from facelab.checks import checked_pair_table, checked_rows
from facelab.detection import unstandardise
from facelab.images import open_image
from facelab.style import GENUINE, IMPOSTOR
from facelab.verification import Outcomes, count_outcomes, equal_error_rate

COLUMNS = ("row_a", "row_b", "same", "distance")
STEP = 0.005  # from one stop of the slider to the next


def flipped_pairs(pairs: pd.DataFrame, before: float, after: float) -> pd.DataFrame:
    """Find the pairs that are decided differently when the threshold moves.

    Parameters
    ----------
    pairs : pandas.DataFrame
        As `list_pairs` gives it.
    before, after : float
        The thresholds. A pair is accepted when its distance is at most the threshold.

    Returns
    -------
    pandas.DataFrame
        The rows of `pairs` that flip, in the order in which they do, with two columns more: `accepted`, what becomes of
        them, and `right`, whether that is what should.

    Raises
    ------
    ValueError
        If the table lacks a column, or a threshold is NaN.
    """
    pairs = checked_pair_table(pairs, COLUMNS)
    if np.isnan(before) or np.isnan(after):
        raise ValueError(f"The threshold moves from {before} to {after}: give two distances.")
    rising = after > before
    low, high = min(before, after), max(before, after)
    flips = pairs[(pairs["distance"] > low) & (pairs["distance"] <= high)]
    flips = flips.sort_values("distance", ascending=rising, kind="stable")
    return flips.assign(accepted=rising, right=flips["same"] == rising)


def show_pairs(
    pairs: pd.DataFrame, images: Sequence, *, columns: int = 10, side: int = 64, ax: Axes | None = None
) -> Axes:
    """Draw pairs of photos as faces: a column is a pair, one photo above the other, with their distance below.

    Parameters
    ----------
    pairs : pandas.DataFrame
        As `list_pairs` gives it. Genuine pairs have blue frames, impostor pairs vermilion ones.
    images : sequence of images, or (n, 3, h, w) float32
        One for each photo that the pairs were made of: anything `open_image` takes, or standardised crops.
    columns : int
        Show this many, the first.
    side : int
        Of each face, in pixels.

    Raises
    ------
    ValueError
        If the table lacks a column or is empty, or a pair is of a photo that is not among the images.
    """
    pairs = _checked(pairs, images)
    if pairs.empty:
        raise ValueError("There are no pairs to show.")
    shown = pairs.head(columns)
    step = side + 8
    sheet = Image.new("RGB", (step * len(shown) - 8, 2 * side), "white")
    ax = ax or plt.subplots(figsize=(sheet.width / 96, (sheet.height + 16) / 96))[1]
    for x, pair in zip(range(0, sheet.width, step), shown.itertuples(), strict=True):
        for y, row in enumerate((pair.row_a, pair.row_b)):
            sheet.paste(_face(images, row, side), (x, y * side))
        colour = GENUINE if pair.same else IMPOSTOR
        ax.add_patch(Rectangle((x + 0.5, 0.5), side - 2, 2 * side - 2, fill=False, lw=3, ec=colour))
        ax.text(x + side / 2, 2 * side + 2, f"{pair.distance:.2f}", ha="center", va="top", fontsize="x-small")
    ax.imshow(sheet)
    ax.set_axis_off()
    return ax


class ThresholdExplorer(ipywidgets.VBox):
    """A slider for the threshold, the four outcomes counted, and the pairs that flip as it moves, as faces.

    The slider has the focus after a click or the Tab key; then the arrow keys move it a step, and Page Up and Page Down
    move it further. The two buttons move it to where exactly one pair flips (or several, if their distances are equal).

    Parameters
    ----------
    pairs : pandas.DataFrame
        As `list_pairs` gives it.
    images : sequence of images, or (n, 3, h, w) float32
        As for `show_pairs`.
    threshold : float, optional
        Where to begin; by default where both error rates are equal.
    most : int
        Of each kind of pairs, show at most this many, those nearest to the threshold.
    side : int
        Of each face, in pixels.

    Attributes
    ----------
    threshold : float
        Where the slider stands. Setting it moves the slider.
    outcomes : Outcomes
        The four counts at this threshold.
    flips : pandas.DataFrame
        What the last move changed, as `flipped_pairs` gives it; empty before the first.

    Raises
    ------
    ValueError
        If the table lacks a column, has no genuine or no impostor pairs, or is of photos that are not among the images.
    """

    def __init__(
        self, pairs: pd.DataFrame, images: Sequence, *, threshold: float | None = None, most: int = 5, side: int = 64
    ):
        pairs = _checked(pairs, images)
        self._pairs = pairs.sort_values("distance", kind="stable", ignore_index=True)
        self._images, self._most, self._side, self._encoded = images, most, side, {}
        same = self._pairs["same"].to_numpy()
        self._distances = self._pairs["distance"].to_numpy(float)
        self._genuine, self._impostor = self._distances[same], self._distances[~same]
        start = equal_error_rate(self._genuine, self._impostor)[1] if threshold is None else float(threshold)
        self.outcomes = count_outcomes(self._genuine, self._impostor, start)
        self.flips = flipped_pairs(self._pairs, start, start)
        self._slider = ipywidgets.FloatSlider(
            value=start,
            min=0,
            max=max(2.0, start, float(self._distances[-1])),
            step=STEP,
            readout=False,  # which would name a stop, where the threshold is between two of them
            description="threshold",
            layout=ipywidgets.Layout(width="98%"),
        )
        fewer = ipywidgets.Button(
            description="turn one pair away", icon="arrow-left", tooltip="lower, until a pair is rejected"
        )
        more = ipywidgets.Button(
            description="let one pair in", icon="arrow-right", tooltip="higher, until a pair is accepted"
        )
        fewer.on_click(lambda _: self._step(-1))
        more.on_click(lambda _: self._step(1))
        for button in (fewer, more):
            button.layout.width = "15em"
        self._counts, self._faces = ipywidgets.HTML(), ipywidgets.HTML()
        self._slider.observe(self._slid, "value")
        self._draw()
        super().__init__([self._slider, ipywidgets.HBox([fewer, more]), self._counts, self._faces])

    def __repr__(self) -> str:
        # What a stored notebook shows where no kernel is running; ipywidgets' own would list every face.
        return f"ThresholdExplorer of {len(self._pairs):,} pairs at {self.threshold:.3f}: run the cell to move it"

    @property
    def threshold(self) -> float:
        """Where the slider stands."""
        return self.outcomes.threshold

    @threshold.setter
    def threshold(self, value: float) -> None:
        if not self._slider.min <= value <= self._slider.max:
            raise ValueError(f"The threshold moves between 0 and {self._slider.max:.3g}, but {value} was given.")
        self._move_to(float(value))
        self._slider.value = self.threshold

    def _step(self, direction: int) -> None:
        """Move until the next pair flips, to the middle of the gap behind it."""
        place = int(np.searchsorted(self._distances, self.threshold, side="right"))  # so many are accepted
        if direction > 0 and place < len(self._distances):
            place = int(np.searchsorted(self._distances, self._distances[place], side="right"))
        elif direction < 0 and place > 0:
            place = int(np.searchsorted(self._distances, self._distances[place - 1], side="left"))
        else:
            return
        edges = np.r_[0.0, self._distances, self._slider.max]
        self.threshold = (edges[place] + edges[place + 1]) / 2

    def _slid(self, change) -> None:
        # A browser knows only the slider's stops: told of a threshold between two, it answers with the nearer one.
        if abs(change["new"] - self.threshold) > 0.51 * STEP:
            self._move_to(change["new"])

    def _move_to(self, threshold: float) -> None:
        self.flips = flipped_pairs(self._pairs, self.threshold, threshold)
        self.outcomes = count_outcomes(self._genuine, self._impostor, threshold)
        self._draw()

    def _draw(self) -> None:
        self._counts.value = outcome_table(self.outcomes)
        if self.flips.empty:
            self._faces.value = "<p>Move the threshold: the pairs that change sides appear here.</p>"
            return
        kinds = [self._row_of_faces(self.flips[self.flips["same"] == same]) for same in (True, False)]
        self._faces.value = "".join(kinds)

    def _row_of_faces(self, flips: pd.DataFrame) -> str:
        """All of one kind that flipped, in words, and the last of them as faces."""
        if flips.empty:
            return ""
        first = flips.iloc[0]
        colour = GENUINE if first["same"] else IMPOSTOR
        text = f"{len(flips):,} {_sentence(first, len(flips))}"
        figures = []
        for pair in flips.iloc[::-1].head(self._most).itertuples():
            label = f"{_sentence(pair, 1)}, distance {pair.distance:.3f}"
            faces = "".join(f'<img src="{self._encode(row)}" alt="{label}">' for row in (pair.row_a, pair.row_b))
            caption = f"<figcaption>{pair.distance:.3f}</figcaption>"
            style = f"margin:0;border:3px solid {colour};text-align:center;line-height:1.3"
            figures.append(f'<figure style="{style}">{faces}{caption}</figure>')
        row = "display:flex;flex-wrap:wrap;gap:8px"
        return f'<p style="margin:8px 0 2px"><b>{escape(text)}</b></p><div style="{row}">{"".join(figures)}</div>'

    def _encode(self, row: int) -> str:
        """A face as a data URI, made when it is first shown."""
        if row not in self._encoded:
            file = BytesIO()
            _face(self._images, row, self._side).save(file, "JPEG", quality=85)
            self._encoded[row] = f"data:image/jpeg;base64,{b64encode(file.getvalue()).decode()}"
        return self._encoded[row]


def outcome_table(outcomes: Outcomes) -> str:
    """Write the threshold, the four counts, and the two rates they make, as an HTML table."""
    rows = (
        ("genuine: same person", GENUINE, outcomes.true_matches, outcomes.false_non_matches, "FNMR", outcomes.fnmr),
        ("impostor: two people", IMPOSTOR, outcomes.false_matches, outcomes.true_non_matches, "FMR", outcomes.fmr),
    )
    cell = 'style="text-align:right;padding:2px 14px"'
    names = (f"threshold {outcomes.threshold:.4f}", "accepted", "rejected", "error rate")
    head = "".join(f'<th scope="col" {cell}>{name}</th>' for name in names)
    body = "".join(
        f'<tr><th scope="row" style="text-align:left;border-left:8px solid {colour};padding-left:8px">{name}</th>'
        f"<td {cell}>{accepted:,}</td><td {cell}>{rejected:,}</td><td {cell}>{rate} {value:.2%}</td></tr>"
        for name, colour, accepted, rejected, rate, value in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _sentence(pair, count: int) -> str:
    kind = "genuine" if pair.same else "impostor"
    verdict = "accepted" if pair.accepted else "rejected"
    rightly = "rightly" if pair.right else "wrongly"
    return f"{kind} {'pair' if count == 1 else 'pairs'} now {rightly} {verdict}"


def _face(images: Sequence, row: int, side: int) -> Image.Image:
    """One photo as a square RGB image."""
    crops = getattr(images, "ndim", None) == 4
    image = Image.fromarray(unstandardise(images[row : row + 1])[0]) if crops else open_image(images[row])
    return ImageOps.fit(image, (side, side), Image.Resampling.LANCZOS)


def _checked(pairs: pd.DataFrame, images: Sequence) -> pd.DataFrame:
    """Give the table, or say in one sentence what is wrong with it, or that there are not as many images."""
    pairs = checked_pair_table(pairs, COLUMNS)
    if not isinstance(images, Sized) or getattr(images, "ndim", 1) == 0:
        raise ValueError(f"The images are a {type(images).__name__}, but must be a list, with one for each photo.")
    checked_rows(pairs, len(images), "images")
    return pairs
