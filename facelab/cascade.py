"""MTCNN's cascade, stage by stage, with everything it looked at kept (notebook 01).

MTCNN (Zhang et al. 2016, arXiv 1604.02878) finds faces with three small networks, each slower and stricter than the
one before it. P-Net slides over a pyramid of shrunken copies of the image and proposes windows; R-Net looks at each
proposal at 24×24 pixels and drops most of them; O-Net looks at what is left at 48×48 pixels, decides, and places five
landmarks.

The networks and the arithmetic are facenet-pytorch's own. What this module adds is that nothing is thrown away on the
way and that no image makes it fail: windows without area, images too small for the pyramid and stages with nothing left
are simply stages that pass nothing on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from facenet_pytorch import MTCNN, fixed_image_standardization
from facenet_pytorch.models.utils.detect_face import (
    batched_nms_numpy,
    bbreg,
    fixed_batch_process,
    pad,
    rerec,
)
from torchvision.ops import batched_nms, nms

from facelab.averages import Averages, PlainAverages
from facelab.fast import slide

WINDOW = 12  # P-Net's field of view, in pixels of its pyramid level


@dataclass(frozen=True, eq=False)
class Faces:
    """The faces found in one image. As a detector gives them, the largest comes first.

    Attributes
    ----------
    boxes : (n, 4) float32
        x0, y0, x1, y1 in pixels. A box may reach a little beyond the image.
    probs : (n,) float32
        O-Net's probability that this is a face.
    landmarks : (n, 5, 2) float32
        Left eye, right eye, nose, left and right corner of the mouth, as the viewer sees them; x, y in pixels.
    """

    boxes: np.ndarray
    probs: np.ndarray
    landmarks: np.ndarray

    def __post_init__(self):
        arrays = (self.boxes, self.probs, self.landmarks)
        shapes = [getattr(array, "shape", f"a {type(array).__name__}") for array in arrays]
        n = shapes[0][:1]
        if shapes != [(*n, 4), n, (*n, 5, 2)]:
            raise ValueError(
                f"Faces wants boxes (n, 4), probs (n,) and landmarks (n, 5, 2), all arrays, but was given {shapes[0]}, "
                f"{shapes[1]} and {shapes[2]}."
            )

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, which) -> Faces:
        """Some of the faces: a slice, a boolean mask, a list of positions, or one position."""
        if isinstance(which, (int, np.integer)):
            which = [which]
        return Faces(self.boxes[which], self.probs[which], self.landmarks[which])


@dataclass(frozen=True, eq=False)
class Level:
    """One level of the image pyramid, as P-Net saw it.

    Attributes
    ----------
    scale : float
        Pixels of this level per pixel of the image.
    size : (height, width)
        Of the shrunken image, in its own pixels.
    score_map : (h, w) float32
        The probability of a face in the 12×12 window at (2·row, 2·column) of this level.
    boxes : (n, 4) float32
        The windows that scored over the threshold, in pixels of the image.
    scores : (n,) float32
    kept : (n,) bool
        Which of them outlived non-maximum suppression within the level.
    """

    scale: float
    size: tuple[int, int]
    score_map: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    kept: np.ndarray


@dataclass(frozen=True, eq=False)
class Stage:
    """What one network was given, what it thought of it, and what it handed on.

    Attributes
    ----------
    name : str
        "P-Net", "R-Net" or "O-Net".
    boxes : (n, 4) float32
        The windows it judged, in pixels of the image.
    scores : (n,) float32
        Its probability of a face in each.
    passed : (n,) bool
        Which scored over the threshold.
    kept : (n,) bool
        Which also outlived non-maximum suppression.
    refined : (k, 4) float32
        The kept windows, best first, moved and resized by the network's own regression: the next stage's input.
    """

    name: str
    boxes: np.ndarray
    scores: np.ndarray
    passed: np.ndarray
    kept: np.ndarray
    refined: np.ndarray


@dataclass(frozen=True, eq=False)
class Trace:
    """A whole run of the cascade over one image."""

    levels: tuple[Level, ...]
    stages: tuple[Stage, Stage, Stage]
    faces: Faces

    def counts(self) -> pd.DataFrame:
        """How many windows each stage looked at, let through and kept: one row per stage, three columns of int."""
        slid = sum(level.score_map.size for level in self.levels)
        proposed = sum(len(level.boxes) for level in self.levels)
        first, *later = self.stages
        rows = [(first.name, slid, proposed, int(first.kept.sum()))]
        rows += [(s.name, len(s.boxes), int(s.passed.sum()), int(s.kept.sum())) for s in later]
        return pd.DataFrame(rows, columns=["stage", "looked at", "over threshold", "kept"]).set_index("stage")


@torch.inference_mode()
def run_cascade(images: np.ndarray, mtcnn: MTCNN) -> list[Trace]:
    """Run the three stages of `mtcnn` over images of one size.

    Parameters
    ----------
    images : (n, height, width, 3) uint8
        RGB.
    mtcnn : facenet_pytorch.MTCNN
        Brings the networks, the thresholds, the smallest face, the pyramid's factor and the device.

    Returns
    -------
    list of Trace
        The faces of each equal `mtcnn.detect(image, landmarks=True)` wherever that does not fail.
    """
    pixels = torch.from_numpy(images).to(mtcnn.device)
    pixels = (Averages if pixels.device.type == "cpu" else PlainAverages)(pixels)
    levels, windows = _propose(pixels, mtcnn)
    p_net, boxes = zip(*map(_merge, windows), strict=True)
    r_net, boxes, _ = _judge("R-Net", pixels, boxes, mtcnn.rnet, 24, mtcnn.thresholds[1])
    o_net, boxes, points = _judge("O-Net", pixels, boxes, mtcnn.onet, 48, mtcnn.thresholds[2])
    stages = zip(p_net, r_net, o_net, strict=True)
    faces = map(_largest_first, boxes, points)
    return [Trace(*parts) for parts in zip(levels, stages, faces, strict=True)]


def pyramid_scales(height: int, width: int, min_face_size: float, factor: float) -> list[float]:
    """Scales of the pyramid's levels: the first shrinks the smallest wanted face to P-Net's 12 pixels.

    Empty when the image is smaller than the smallest wanted face.
    """
    scale, scales = WINDOW / min_face_size, []
    shortest = min(height, width) * scale
    while shortest >= WINDOW:
        scales.append(scale)
        scale, shortest = scale * factor, shortest * factor
    return scales


def _propose(pixels: PlainAverages, mtcnn: MTCNN) -> tuple[list[tuple[Level, ...]], Sequence[torch.Tensor]]:
    """Slide P-Net over each level; keep the best of overlapping windows (columns: box, score, regression).

    The levels, and the windows of all of them, are given for each image.
    """
    scales = pyramid_scales(pixels.height, pixels.width, mtcnn.min_face_size, mtcnn.factor)
    sizes = [(int(pixels.height * scale + 1), int(pixels.width * scale + 1)) for scale in scales]
    maps = []
    windows, owners = [torch.zeros(0, 9, device=mtcnn.device)], [torch.zeros(0, dtype=torch.long, device=mtcnn.device)]
    for number, (scale, size) in enumerate(zip(scales, sizes, strict=True)):
        scores, (image, row, column), regression = slide(mtcnn.pnet, pixels.shrink(size), mtcnn.thresholds[0])
        # P-Net's windows lie two pixels of their level apart; rounded as facenet-pytorch's generateBoundingBox does.
        first = 2 * torch.stack([column, row], dim=1) + 1
        corners = (torch.cat([first, first + WINDOW - 1], dim=1) / scale).floor()
        windows.append(torch.cat([corners, scores[image, row, column, None], regression], dim=1))
        owners.append(image * len(scales) + number)
        maps.append(_numpy(scores))
    owner, order = torch.cat(owners).sort(stable=True)  # image by image, and level by level
    windows = torch.cat(windows)[order]
    # Of all levels in one go, which moves each level's windows out of the others' reach: their corners are whole
    # numbers, so that nothing is rounded.
    kept = _mask(batched_nms(windows[:, :4], windows[:, 4], owner, 0.5), len(windows))
    owner, boxes, scores = _numpy(owner), _numpy(windows[:, :4]), _numpy(windows[:, 4])
    ends = np.searchsorted(owner, np.arange(1, pixels.n * len(scales)))
    parts = zip(*(np.split(array, ends) for array in (boxes, scores, kept)), strict=True)
    levels = [
        tuple(Level(*level, *next(parts)) for level in zip(scales, sizes, (some[image] for some in maps), strict=True))
        for image in range(pixels.n)
    ]
    windows = windows[torch.from_numpy(kept).to(windows.device)]
    return levels, _split(windows, owner[kept] // max(1, len(scales)), pixels.n)


def _merge(windows: torch.Tensor) -> tuple[Stage, torch.Tensor]:
    """Non-maximum suppression over all levels together, then P-Net's regression, then squares for R-Net."""
    picked = nms(windows[:, :4], windows[:, 4], 0.7)
    boxes, regression = windows[picked, :4], windows[picked, 5:]
    # P-Net's regression is in fractions of the window itself, without the extra pixel that the later stages count.
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    moved = boxes + regression * torch.stack([width, height, width, height], dim=1)
    squares = rerec(moved)
    everything = np.ones(len(windows), bool)
    stage = Stage(
        "P-Net",
        boxes=_numpy(windows[:, :4]),
        scores=_numpy(windows[:, 4]),
        passed=everything,
        kept=_mask(picked, len(windows)),
        refined=_numpy(squares),
    )
    return stage, squares


def _judge(
    name: str,
    pixels: PlainAverages,
    squares: Sequence[torch.Tensor],
    network: torch.nn.Module,
    side: int,
    threshold: float,
) -> Iterator[tuple]:
    """Let R-Net or O-Net look at each image's windows: Stages, the boxes they hand on (with scores), landmarks."""
    squares, crops = _cut(pixels, squares, side)
    answers = [()] * pixels.n
    if len(crops):
        counts = [len(some) for some in squares]
        outputs = fixed_batch_process(fixed_image_standardization(crops), network)
        answers = zip(*(output.split(counts) for output in outputs), strict=True)
    return zip(*(_decide(name, *each, threshold) for each in zip(squares, answers, strict=True)), strict=True)


def _decide(
    name: str, squares: torch.Tensor, answers: tuple[torch.Tensor, ...], threshold: float
) -> tuple[Stage, torch.Tensor, torch.Tensor]:
    """What R-Net or O-Net makes of one image's windows."""
    if len(squares) == 0:
        none = np.zeros((0, 4), np.float32)
        stage = Stage(name, none, np.zeros(0, np.float32), np.zeros(0, bool), np.zeros(0, bool), none)
        return stage, squares.new_zeros(0, 5), squares.new_zeros(0, 5, 2)
    regression, *points, probs = answers
    scores = probs[:, 1]
    passed = scores > threshold
    where = passed.nonzero()[:, 0]
    boxes = torch.cat([squares[passed], scores[passed, None]], dim=1)
    regression = regression[passed]
    if name == "R-Net":
        picked = nms(boxes[:, :4], boxes[:, 4], 0.7)
        boxes = rerec(bbreg(boxes[picked], regression[picked]))
        landmarks = boxes.new_zeros(len(boxes), 5, 2)
    else:  # the last stage regresses before it suppresses, and suppresses boxes inside boxes too ("Min")
        landmarks = _place(points[0][passed], boxes)
        boxes = bbreg(boxes, regression)
        picked = batched_nms_numpy(boxes[:, :4], boxes[:, 4], torch.zeros_like(where), 0.7, "Min")
        boxes, landmarks = boxes[picked], landmarks[picked]
    stage = Stage(
        name,
        boxes=_numpy(squares),
        scores=_numpy(scores),
        passed=_numpy(passed),
        kept=_mask(where[picked], len(squares)),
        refined=_numpy(boxes[:, :4]),
    )
    return stage, boxes, landmarks


def _cut(
    pixels: PlainAverages, squares: Sequence[torch.Tensor], side: int
) -> tuple[tuple[torch.Tensor, ...], torch.Tensor]:
    """Each image's squares that have any area inside it, and the pixels of all at side×side."""
    which = np.arange(len(squares)).repeat([len(some) for some in squares])
    squares = torch.cat([some[:, :4] for some in squares])
    top, bottom, left, right = pad(squares, pixels.width, pixels.height)
    sound = (bottom > top - 1) & (right > left - 1)
    edges = np.stack([top - 1, bottom, left - 1, right], axis=1)[sound]
    squares = squares[torch.from_numpy(sound).to(squares.device)]
    return _split(squares, which[sound], pixels.n), pixels.cut(which[sound], edges, side)


def _split(rows: torch.Tensor, which: np.ndarray, n: int) -> tuple[torch.Tensor, ...]:
    """The rows of each of n images, which lie in their order."""
    return rows.split(np.bincount(which, minlength=n).tolist())


def _place(points: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
    """O-Net's landmarks (five x, then five y, in fractions of the window) as (n, 5, 2) pixels of the image."""
    width, height = boxes[:, 2] - boxes[:, 0] + 1, boxes[:, 3] - boxes[:, 1] + 1
    x = width[:, None] * points[:, :5] + boxes[:, :1] - 1
    y = height[:, None] * points[:, 5:] + boxes[:, 1:2] - 1
    return torch.stack([x, y], dim=2)


def _largest_first(boxes: torch.Tensor, landmarks: torch.Tensor) -> Faces:
    boxes, landmarks = _numpy(boxes), _numpy(landmarks)
    order = np.argsort((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))[::-1]
    return Faces(boxes[order, :4], boxes[order, 4], landmarks[order])


def _mask(picked: torch.Tensor, n: int) -> np.ndarray:
    mask = np.zeros(n, bool)
    mask[picked.cpu().numpy()] = True
    return mask


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return tensor.cpu().numpy().copy()
