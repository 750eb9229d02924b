"""Pictures: faces, detections, the cascade, distances and maps, and with them all curves, in one visual language.

Every function draws on one matplotlib Axes, which it takes as `ax=` or makes, and returns it. What draws error rates
stands in `curves`, and the colours in `style`; both are to be had from here, so that a notebook imports one module.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike
from PIL import Image, ImageOps

from facelab.checks import check_columns, checked_labels, checked_list, checked_numbers, finite_columns
from facelab.curves import (
    plot_bands,
    plot_det,
    plot_distances,
    plot_intervals,
    plot_open_set,
    plot_roc,
    plot_sweep,
    plot_training,
)
from facelab.detection import checked_boxes, checked_detections, unstandardise
from facelab.distance import checked_matrix
from facelab.images import open_image
from facelab.style import FOUND, GENUINE, IMPOSTOR, LANDMARK, PALETTE, TRUTH, use_style
from facelab.timeline import people_colours

__all__ = [
    "FOUND",
    "GENUINE",
    "IMPOSTOR",
    "LANDMARK",
    "PALETTE",
    "TRUTH",
    "plot_bands",
    "plot_cascade",
    "plot_det",
    "plot_distance_matrix",
    "plot_distances",
    "plot_embedding_map",
    "plot_heat",
    "plot_intervals",
    "plot_open_set",
    "plot_roc",
    "plot_sweep",
    "plot_timeline",
    "plot_training",
    "plot_vector",
    "show_detections",
    "show_faces",
    "show_image",
    "show_windows",
    "use_style",
]


def show_image(image, *, title: str = "", ax: Axes | None = None) -> Axes:
    """An image on bare axes: anything `open_image` takes."""
    ax = ax or plt.subplots()[1]
    ax.imshow(np.asarray(open_image(image)))
    ax.set_axis_off()
    ax.set_title(title)
    return ax


def show_faces(
    faces: Sequence,
    titles: Sequence[str] | None = None,
    *,
    columns: int = 8,
    side: int = 112,
    frames: Sequence[str | None] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """A sheet of faces, row by row.

    Parameters
    ----------
    faces : sequence of images, or (n, 3, h, w) float32
        Anything `open_image` takes, or standardised crops as `crop_faces` gives them.
    titles : n texts, optional
        One under each face.
    columns, side : int
        Faces in a row, and the side of each in pixels; what is not square is cut to its middle.
    frames : n colours or None, optional
        A frame around each face, such as GENUINE around the right answers.
    """
    images = _pictures(faces)
    titles = titles if titles is None else _one_each(titles, len(images), "titles")
    frames = frames if frames is None else _one_each(frames, len(images), "frames")
    tiles = [ImageOps.fit(image, (side, side), Image.Resampling.LANCZOS) for image in images]
    if not tiles:
        raise ValueError("There are no faces to show.")
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    gap = 4
    text = 16 * max((str(t).count("\n") + 1 for t in titles), default=0) if titles is not None else 0
    step_x, step_y = side + gap, side + gap + text
    sheet = Image.new("RGB", (columns * step_x - gap, rows * step_y - gap), "white")
    ax = ax or plt.subplots(figsize=(sheet.width / 96, sheet.height / 96))[1]
    for i, tile in enumerate(tiles):
        x, y = i % columns * step_x, i // columns * step_y
        sheet.paste(tile, (x, y))
        if titles is not None:
            ax.text(x + side / 2, y + side + 2, titles[i], ha="center", va="top", fontsize="x-small", linespacing=1.1)
        if frames is not None and frames[i] is not None:
            ax.add_patch(Rectangle((x + 1, y + 1), side - 3, side - 3, fill=False, lw=3, ec=frames[i]))
    ax.imshow(sheet)
    ax.set_axis_off()
    return ax


def show_detections(
    image, faces=None, *, truth: ArrayLike | None = None, labels: Sequence[str] | None = None, ax: Axes | None = None
) -> Axes:
    """An image with the boxes and landmarks found on it.

    Parameters
    ----------
    image
        Anything `open_image` takes.
    faces : Faces, optional
        What was found: solid boxes, dots for landmarks.
    truth : (m, 4), optional
        True boxes, dashed.
    labels : n texts, optional
        One above each found box, such as a name; by default its probability.
    """
    ax = show_image(image, ax=ax)
    for box in () if truth is None else checked_boxes(truth):
        _add_box(ax, box, ec=TRUTH, ls="--", lw=1.5)
    if faces is not None:
        probs = checked_detections(faces).probs
        labels = [f"{p:.3f}" for p in probs] if labels is None else _one_each(labels, len(probs), "labels")
        for box, points, label in zip(faces.boxes, faces.landmarks, labels, strict=True):
            _add_box(ax, box, ec=FOUND, lw=2)
            ax.plot(*points.T, ".", color=LANDMARK, ms=5, mec="black", mew=0.4)
            background = {"facecolor": FOUND, "edgecolor": "none", "pad": 1.2}
            ax.text(box[0], box[1] - 3, label, fontsize="small", va="bottom", bbox=background, clip_on=True)
    return ax


def show_windows(image, boxes: ArrayLike, scores: ArrayLike | None = None, *, ax: Axes | None = None) -> Axes:
    """An image with many boxes on it, the higher their scores (0.5 to 1) the brighter."""
    ax = show_image(image, ax=ax)
    boxes = checked_boxes(boxes)
    complaint = "scores must be one list, with one entry for each: numbers."
    scores = np.ones(len(boxes)) if scores is None else checked_numbers(scores, complaint)
    _one_each(scores, len(boxes), "scores")
    for box, score in sorted(zip(boxes, scores, strict=True), key=lambda pair: pair[1]):
        _add_box(ax, box, ec=plt.cm.plasma(np.clip(2 * score - 1, 0, 1)), lw=1, alpha=0.9)
    return ax


def plot_cascade(image, trace, *, ax: Sequence[Axes] | None = None) -> np.ndarray:
    """Five pictures of one image: what P-Net proposed, kept, and what R-Net and O-Net left of it.

    Parameters
    ----------
    image
        The image that was traced.
    trace : Trace
        What `FaceDetector.trace` gave for it.
    ax : five Axes, optional

    Returns
    -------
    (5,) array of Axes
    """
    ax = plt.subplots(1, 5, figsize=(15, 3.4))[1] if ax is None else ax
    p_net, r_net, _ = trace.stages
    proposed = np.concatenate([level.boxes for level in trace.levels] or [p_net.boxes])
    scores = np.concatenate([level.scores for level in trace.levels] or [p_net.scores])
    show_windows(image, proposed, scores, ax=ax[0]).set_title(f"P-Net proposes {len(proposed)}")
    best_first = np.sort(p_net.scores[p_net.kept])[::-1]  # as the refined windows are
    show_windows(image, p_net.refined, best_first, ax=ax[1]).set_title(f"suppression leaves {len(p_net.refined)}")
    show_windows(image, r_net.boxes[r_net.passed], r_net.scores[r_net.passed], ax=ax[2]).set_title(
        f"R-Net lets {r_net.passed.sum()} through"
    )
    show_windows(image, r_net.refined, ax=ax[3]).set_title(f"suppression leaves {len(r_net.refined)}")
    show_detections(image, trace.faces, ax=ax[4]).set_title(f"O-Net keeps {len(trace.faces)}")
    return np.asarray(ax)


def plot_heat(image, heat: ArrayLike, *, label: str = "", ax: Axes | None = None, **imshow) -> Axes:
    """A map over an image in grey, with a colour bar named `label`.

    The rows and columns of the map spread evenly over the whole image, unless matplotlib's `extent=` says otherwise.
    """
    image, heat = open_image(image), checked_numbers(heat, "A map is a table of numbers, (rows, columns).")
    if heat.ndim != 2 or heat.size == 0:
        raise ValueError(f"A map is a table of numbers, (rows, columns), but this has the shape {heat.shape}.")
    ax = show_image(ImageOps.grayscale(image), ax=ax)
    style = {"extent": (0, image.width, image.height, 0), "alpha": 0.6, "interpolation": "bilinear", **imshow}
    drawn = ax.imshow(heat, **style)
    ax.set(xlim=(0, image.width), ylim=(image.height, 0))
    ax.figure.colorbar(drawn, ax=ax, label=label, shrink=0.8)
    return ax


def plot_vector(vector: ArrayLike, *, limit: float | None = None, ax: Axes | None = None) -> Axes:
    """One embedding as a strip of colours, its numbers from left to right; ±limit are the ends of the colours."""
    vector = checked_numbers(vector, "A vector is a list of numbers: give one row of embeddings.").ravel()
    if vector.size == 0 or not np.isfinite(vector).all():
        raise ValueError("The vector has no numbers, or NaN or infinite ones: look for a failed crop.")
    ax = ax or plt.subplots(figsize=(9, 0.8))[1]
    limit = limit or np.abs(vector).max()
    ax.imshow(vector[None], aspect="auto", cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
    ax.set_yticks([])
    ax.grid(visible=False)
    return ax


def plot_distance_matrix(distances: ArrayLike, people: Sequence, *, ax: Axes | None = None) -> Axes:
    """A matrix of distances as a heat map in which people are blocks, with their names and lines between them.

    Parameters
    ----------
    distances : (n, n) float
        As `pairwise_distances` gives it. Dark is near.
    people : n labels
        Photos of one person are drawn side by side, people in the order in which they first come.
    """
    distances, people, _ = checked_matrix(distances, people)
    codes, names = pd.factorize(people)
    order = np.argsort(codes, kind="stable")
    ends = np.bincount(codes).cumsum()
    ax = ax or plt.subplots(figsize=(6.5, 5.5))[1]
    drawn = ax.imshow(distances[order][:, order], cmap="viridis", vmin=0, interpolation="nearest")
    for end in ends[:-1]:
        ax.axhline(end - 0.5, color="white", lw=1)
        ax.axvline(end - 0.5, color="white", lw=1)
    middles = (np.r_[0, ends[:-1]] + ends - 1) / 2
    ax.set_xticks(middles, names, rotation=90)
    ax.set_yticks(middles, names)
    ax.tick_params(length=0)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.figure.colorbar(drawn, ax=ax, label="Euclidean distance")
    return ax


def plot_embedding_map(
    points: ArrayLike, images: Sequence, people: Sequence, *, zoom: float = 0.3, ax: Axes | None = None
) -> Axes:
    """Faces at their places on a map of the embedding space, with a frame in each person's colour.

    Parameters
    ----------
    points : (n, 2) float
        From PCA or t-SNE. One unit is as long across as up; no numbers are shown.
    images : n images, or (n, 3, h, w) float32
        As for `show_faces`.
    people : n labels
    """
    points, people = checked_numbers(points, "Points are numbers, two for each face."), checked_labels(people)
    names = list(dict.fromkeys(people))
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"Points of shape {points.shape} have no place on a map: it takes two numbers for each face.")
    pictures = _pictures(images)
    _one_each(people, len(points), "people"), _one_each(range(len(pictures)), len(points), "images")
    ax = ax or plt.subplots(figsize=(8, 7))[1]
    ax.scatter(*points.T, s=1, alpha=0)  # sets the limits of the axes
    for xy, image, person in zip(points, pictures, people, strict=True):
        face = OffsetImage(ImageOps.fit(image, (96, 96)), zoom=zoom)
        again, colour = divmod(names.index(person), len(PALETTE))  # more people than colours: the rest are dashed
        frame = {
            "edgecolor": PALETTE[colour],
            "linewidth": 2,
            "boxstyle": "square,pad=0",
            "linestyle": "--" if again else "-",
        }
        ax.add_artist(AnnotationBbox(face, xy, bboxprops=frame, pad=0.1))
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
    ax.margins(0.08)
    ax.set_aspect("equal", adjustable="datalim")
    return ax


def plot_timeline(appearances: pd.DataFrame, truth: pd.DataFrame | None = None, *, ax: Axes | None = None) -> Axes:
    """Who is on screen, and when: a row for each name, a bar from each `start` to its `end`.

    Parameters
    ----------
    appearances : pandas.DataFrame
        `name`, `start` and `end` in seconds, as `list_appearances` gives it.
    truth : pandas.DataFrame, optional
        The same of who really was: thin black lines below the bars.
    """
    for table in (appearances,) if truth is None else (appearances, truth):
        check_columns(table, ("name", "start", "end"), "appearances", "list_appearances makes one")
        finite_columns(table, ["start", "end"])
        checked_labels(table["name"], "Names")
    names = list(dict.fromkeys([*([] if truth is None else truth["name"]), *appearances["name"]]))
    colours = people_colours(names)
    ax = ax or plt.subplots(figsize=(8, 0.6 + 0.45 * max(1, len(names))))[1]
    for table, height, shift in ((appearances, 0.6, 0), (truth, 0.06, 0.42)):
        for row in () if table is None else table.itertuples():
            colour = colours[row.name] if table is appearances else "black"
            ax.barh(names.index(row.name) + shift, row.end - row.start, height, left=row.start, color=colour)
    ax.set(ylim=(max(1, len(names)) - 0.4, -0.5), xlabel="time, s")
    ax.set_xlim(0, max([*appearances["end"], *([] if truth is None else truth["end"])], default=1))
    ax.set_yticks(range(len(names)), names)
    ax.grid(visible=False, axis="y")
    return ax


def _pictures(faces: Sequence) -> list[Image.Image]:
    """Standardised crops or any images, as upright RGB images."""
    if getattr(faces, "ndim", None) == 4 and faces.shape[1] == 3:
        return [Image.fromarray(pixels) for pixels in unstandardise(faces)]
    single = isinstance(faces, (str, bytes, Mapping, pd.DataFrame)) or getattr(faces, "ndim", 1) == 0
    if single or not isinstance(faces, Iterable):
        raise ValueError(f"Faces are a list of images or crops, but this is a {type(faces).__name__}: give a list.")
    return [open_image(face) for face in faces]


def _one_each(values: Sequence, number: int, what: str) -> np.ndarray:
    """Give a list as an array, or say in one sentence that it is none, or not as long as there are faces."""
    listed = checked_list(values, what)
    if len(listed) != number:
        raise ValueError(f"There are {number} faces or boxes and {len(listed)} {what}: give one for each.")
    return listed


def _add_box(ax: Axes, box: ArrayLike, **style) -> None:
    x0, y0, x1, y1 = box
    ax.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, **style))
