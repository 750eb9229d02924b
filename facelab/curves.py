"""Curves: distances and error rates drawn, in the colours of `style`; `facelab.plots` passes all of them on.

Every function draws on one matplotlib Axes, which it takes as `ax=` or makes, and returns it. Drawn twice on the same
Axes, the second curve stands beside the first, to compare.
"""

from __future__ import annotations

from statistics import NormalDist

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from facelab.checks import check_columns, checked_labels, checked_list, checked_numbers
from facelab.identification import OpenSet
from facelab.style import GENUINE, IMPOSTOR, PALETTE
from facelab.verification import checked_distances, checked_pairs, roc

GUIDE = {"color": "grey", "ls": ":", "lw": 1.5}  # chance, and other lines that are not measured
FMR, FNMR = "false match rate, FMR", "false non-match rate, FNMR"


def plot_distances(
    genuine: ArrayLike, impostor: ArrayLike, *, threshold: float | None = None, ax: Axes | None = None
) -> Axes:
    """Histograms of genuine and impostor distances, each of area one, and where they overlap.

    Parameters
    ----------
    genuine, impostor : (g,) and (i,) float
        As `split_pairs` gives them. Either may be empty.
    threshold : float, optional
        A line: pairs up to it are accepted.
    """
    genuine, impostor = checked_distances(genuine, "genuine pairs"), checked_distances(impostor, "impostor pairs")
    ax = ax or plt.subplots(figsize=(7, 3.2))[1]
    edges = np.linspace(0, max(genuine.max(initial=0), impostor.max(initial=0), 1.5), 45)
    kinds = ((genuine, GENUINE, "genuine: same person"), (impostor, IMPOSTOR, "impostor: two people"))
    heights = []
    for distances, colour, label in kinds:
        heights.append(np.histogram(distances, edges)[0] / max(len(distances), 1) / np.diff(edges))
        ax.stairs(heights[-1], edges, fill=True, color=colour, alpha=0.65, label=f"{label} ({len(distances):,} pairs)")
    overlap = np.minimum(*heights)
    if overlap.any():
        style = {"fill": True, "facecolor": "none", "edgecolor": "black", "hatch": "////", "lw": 0}
        ax.stairs(overlap, edges, label="overlap: mistakes at any threshold", **style)
    if threshold is not None:
        ax.axvline(threshold, color="black", ls="--", lw=1.5, label=f"threshold {threshold:.2f}: accepted to its left")
    ax.set_xlabel("Euclidean distance between embeddings")
    ax.set_ylabel("density of pairs")
    ax.set_ylim(bottom=0, auto=True)  # free at the top, for Axes that share it with higher hills
    ax.legend(fontsize="small")
    return ax


def plot_bands(genuine: ArrayLike, impostor: ArrayLike, *, along: str = "y", ax: Axes | None = None) -> Axes:
    """What distances mean, behind any plot of them: bands where the middle half of genuine and of impostor pairs lie.

    Parameters
    ----------
    genuine, impostor : (g,) and (i,) float
        As `split_pairs` gives them. A line marks each median.
    along : "y" or "x"
        The axis on which the plot has its distances.
    """
    genuine, impostor = checked_pairs(genuine, impostor)
    ax = ax or plt.subplots(figsize=(5, 3))[1]
    span, line = (ax.axhspan, ax.axhline) if along == "y" else (ax.axvspan, ax.axvline)
    for distances, colour, label in ((genuine, GENUINE, "same person"), (impostor, IMPOSTOR, "two people")):
        low, median, high = np.quantile(np.asarray(distances), (0.25, 0.5, 0.75))
        span(low, high, color=colour, alpha=0.15, lw=0, zorder=0, label=f"{label}: half of all pairs")
        line(median, color=colour, alpha=0.7, lw=1, zorder=1)  # above the grid, which may lie on it
    return ax


def plot_sweep(values: ArrayLike, distances: ArrayLike, *, label: str = "", ax: Axes | None = None, **line) -> Axes:
    """How far a face moves from where it was as one factor changes: distance (y) against the factor's value (x)."""
    values = checked_labels(values, "The values of the factor")
    distances = checked_list(checked_numbers(distances, "Distances are numbers, one for each value."), "distances")
    if len(values) != len(distances):
        raise ValueError(f"There are {len(values)} values and {len(distances)} distances: give one of each a photo.")
    ax = ax or plt.subplots(figsize=(5, 3))[1]
    ax.plot(values, distances, **{"marker": "o", "ms": 4, "label": label, **line})
    ax.set_ylabel("distance to the reference")
    ax.set_ylim(bottom=0)
    return ax


def plot_roc(
    genuine: ArrayLike,
    impostor: ArrayLike,
    *,
    threshold: float | None = None,
    label: str = "embedder",
    ax: Axes | None = None,
) -> Axes:
    """Pairs rightly matched against pairs falsely matched, for every threshold at once, with the line of chance.

    The false match rate has a logarithmic axis, since decisions are made at its low end; it begins where a single
    impostor pair is accepted. Parameters are those of `plot_det`.
    """
    curve = roc(genuine, impostor)
    ax = ax or plt.subplots(figsize=(5, 4))[1]
    (line,) = ax.plot(curve.fmr, 1 - curve.fnmr, drawstyle="steps-post", label=label)
    if threshold is not None:
        fmr, fnmr = curve.at(threshold)
        _mark(ax, fmr, 1 - fnmr, threshold, line.get_color())
    _begin_log(ax, len(np.asarray(impostor)))
    chance = np.logspace(-7, 0)
    _guide(ax, chance, chance, "chance")
    ax.set_ylim(0, 1.01)
    ax.set_xlabel(FMR)
    ax.set_ylabel("1 - FNMR: genuine pairs matched")
    _legend(ax)
    return ax


def plot_det(
    genuine: ArrayLike,
    impostor: ArrayLike,
    *,
    threshold: float | None = None,
    label: str = "embedder",
    ax: Axes | None = None,
) -> Axes:
    """Both error rates against each other, for every threshold at once (`sklearn.metrics.DetCurveDisplay`).

    The axes are stretched so that the curve of two bell-shaped distributions is a straight line (Martin et al. 1997).
    Lower left is better; a dotted line is chance, and the equal error rate lies where the curve meets the other one.

    Parameters
    ----------
    genuine, impostor : (g,) and (i,) float
        As `split_pairs` gives them.
    threshold : float, optional
        Marks the point of the curve where this threshold leads.
    label : str
    """
    from sklearn.metrics import DetCurveDisplay  # here, because all other plots do without it

    curve = roc(genuine, impostor)
    ax = ax or plt.subplots(figsize=(5, 4.6))[1]
    line = DetCurveDisplay(fpr=curve.fmr, fnr=curve.fnmr).plot(ax=ax, label=label).line_
    if threshold is not None:
        place = map(NormalDist().inv_cdf, np.clip(curve.at(threshold), 0.00135, 0.99865))
        _mark(ax, *place, threshold, line.get_color())
    _guide(ax, [-3, 3], [3, -3], "chance")
    _guide(ax, [-3, 0], [-3, 0], "equal error rates", ls="--", lw=1)
    ax.tick_params("x", rotation=45)
    ax.set_xlabel(FMR)
    ax.set_ylabel(FNMR)
    _legend(ax, loc="upper right")
    return ax


def plot_open_set(curve: OpenSet, *, label: str = "", ax: Axes | None = None) -> Axes:
    """Enrolled people found (DIR) against strangers for whom somebody is named (FPIR), for every threshold at once.

    The dot at the right end is a gallery that names somebody for everybody, strangers too. A dotted line is guessing:
    naming anyone of the gallery, for as many probes as are to be answered.

    Parameters
    ----------
    curve : OpenSet
        As `open_set_identification` gives it.
    label : str
        By default how many people are enrolled, and the rank.
    """
    ax = ax or plt.subplots(figsize=(5, 4))[1]
    rank = "" if curve.rank == 1 else f", rank {curve.rank}"
    label = label or f"{curve.people} people enrolled{rank}"
    (line,) = ax.plot(curve.fpir, curve.dir, drawstyle="steps-post", label=label)
    ax.plot(1, curve.dir[-1], "o", color=line.get_color(), ms=5, zorder=3, clip_on=False)
    _begin_log(ax, curve.strangers)
    guess = np.logspace(-7, 0)
    _guide(ax, guess, guess * curve.rank / curve.people, "guessing")
    ax.set_ylim(0, 1.01)
    ax.set_xlabel("strangers named, FPIR")
    ax.set_ylabel("enrolled people found, DIR")
    _legend(ax)
    return ax


def plot_intervals(table: pd.DataFrame, rate: str = "fmr", *, ax: Axes | None = None) -> Axes:
    """Error rates of groups in per cent, with their intervals and with how many people and pairs each rests on.

    Parameters
    ----------
    table : pandas.DataFrame
        As `group_error_rates` gives it.
    rate : "fmr" or "fnmr"
    """
    colour, kind, name = {"fmr": (IMPOSTOR, "impostor", FMR), "fnmr": (GENUINE, "genuine", FNMR)}[rate]
    wanted = ("people", kind, rate, f"{rate}_low", f"{rate}_high")
    check_columns(table, wanted, "error rates", "group_error_rates makes one")
    ax = ax or plt.subplots(figsize=(6, 0.8 + 0.45 * len(table)))[1]
    middle, low, high = (100 * table[column] for column in (rate, f"{rate}_low", f"{rate}_high"))
    style = {"fmt": "o", "color": colour, "capsize": 3, "clip_on": False}
    ax.errorbar(middle, range(len(table)), xerr=np.maximum([middle - low, high - middle], 0), **style)
    counts = zip(table.index, table["people"], table[kind], strict=True)
    people = [f"{group}\n{_count(n, 'person', 'people')}, {_count(m, 'pair', 'pairs')}" for group, n, m in counts]
    ax.set_yticks(range(len(table)), people)
    ax.set_ylim(len(table) - 0.5, -0.5)
    ax.set_xlim(left=0)
    ax.grid(visible=False, axis="y")
    ax.set_xlabel(f"{name}, %")
    return ax


def plot_training(
    history: pd.DataFrame, *, best_epoch: int | None = None, label: str = "", ax: Axes | None = None, **line
) -> Axes:
    """Learning curves: the equal error rate of each set of people, epoch by epoch.

    Three sets have a colour of their own in every figure: training is grey, validation black and unseen pink.

    Parameters
    ----------
    history : pandas.DataFrame
        As `fine_tune` gives it: a row per epoch from 0, a column `NAME_eer` per set.
    best_epoch : int, optional
        A dotted line where training would best have stopped.
    label : str
        Before the name of each set in the legend, when several trainings are drawn on the same Axes.
    """
    check_columns(history, [], "the history", "give that of a training")
    columns = [column for column in history if str(column).endswith("_eer")]
    if not columns:
        raise ValueError("There is no column NAME_eer in this table: give the history of a training.")
    ax = ax or plt.subplots(figsize=(6, 3.4))[1]
    # The people learned on stay in the background, because theirs is the curve that says nothing about new people.
    colours = {"training_eer": PALETTE[3], "validation_eer": PALETTE[2], "unseen_eer": PALETTE[0]}
    others = iter([colour for colour in PALETTE if colour not in colours.values()])
    for column in columns:
        style = {"color": colours.get(column) or next(others), "marker": "o", "ms": 3, **line}
        ax.plot(history.index, 100 * history[column], label=f"{label} {column[:-4]}".strip(), **style)
    if best_epoch is not None:
        ax.axvline(best_epoch, color="grey", ls=":", lw=1.5)
    ax.set_ylim(bottom=0)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set_xlabel("epoch")
    ax.set_ylabel("equal error rate, %")
    ax.legend(fontsize="small")
    return ax


def _begin_log(ax: Axes, smallest: int) -> None:
    """Let a logarithmic axis of rates begin where one of so many makes a difference, or further left if it does."""
    start = 1 / max(smallest, 10)
    ax.set_xlim(min(start, ax.get_xlim()[0]) if ax.get_xscale() == "log" else start, 1)
    ax.set_xscale("log")


def _guide(ax: Axes, x: ArrayLike, y: ArrayLike, label: str, **style) -> None:
    """A line to compare with, once on each Axes."""
    if label not in [line.get_label() for line in ax.lines]:
        ax.plot(x, y, scalex=False, scaley=False, label=label, **{**GUIDE, **style})


def _legend(ax: Axes, **style) -> None:
    """What was measured first, then the lines to compare with."""
    handles, labels = ax.get_legend_handles_labels()
    entries = sorted(zip(handles, labels, strict=True), key=lambda entry: entry[0].get_color() == GUIDE["color"])
    ax.legend(*zip(*entries, strict=True), fontsize="small", **style)


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _mark(ax: Axes, x: float, y: float, threshold: float, colour: str) -> None:
    ax.plot(x, y, "o", color=colour, mec="black", ms=7, zorder=3, label=f"threshold {threshold:.2f}", clip_on=False)
