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

from facelab.fast import cut, shrink

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
def run_cascade(image: np.ndarray, mtcnn: MTCNN) -> Trace:
    """Run the three stages of `mtcnn` over one image.

    Parameters
    ----------
    image : (height, width, 3) uint8
        RGB.
    mtcnn : facenet_pytorch.MTCNN
        Brings the networks, the thresholds, the smallest face, the pyramid's factor and the device.

    Returns
    -------
    Trace
        Its faces equal `mtcnn.detect(image, landmarks=True)` wherever that does not fail.
    """
    # np.stack, because an axis added by indexing hides from torch that the channels lie last, which costs a quarter.
    pixels = torch.from_numpy(np.stack([image])).to(mtcnn.device).permute(0, 3, 1, 2).float()
    levels, windows = _propose(pixels, mtcnn)
    p_net, boxes = _merge(windows)
    r_net, boxes, _ = _judge("R-Net", pixels, boxes, mtcnn.rnet, 24, mtcnn.thresholds[1])
    o_net, boxes, points = _judge("O-Net", pixels, boxes, mtcnn.onet, 48, mtcnn.thresholds[2])
    return Trace(tuple(levels), (p_net, r_net, o_net), _largest_first(boxes, points))


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


def _propose(pixels: torch.Tensor, mtcnn: MTCNN) -> tuple[list[Level], torch.Tensor]:
    """Slide P-Net over each level; keep the best of overlapping windows (columns: box, score, regression)."""
    height, width = pixels.shape[2:]
    scales = pyramid_scales(height, width, mtcnn.min_face_size, mtcnn.factor)
    seen, found = [], []
    for scale in scales:
        size = int(height * scale + 1), int(width * scale + 1)
        regression, probs = mtcnn.pnet(fixed_image_standardization(shrink(pixels, size)))
        score = probs[0, 1]
        row, column = (score >= mtcnn.thresholds[0]).nonzero(as_tuple=True)
        seen.append((scale, size, _numpy(score)))
        found.append(torch.cat([torch.stack([column, row]), score[None, row, column], regression[0][:, row, column]]))
    counts = [some.shape[1] for some in found]
    level = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts, dtype=torch.long)).to(pixels.device)
    places, others = torch.cat([pixels.new_zeros(7, 0), *found], dim=1).t().tensor_split([2], dim=1)
    # P-Net's windows lie two pixels of their level apart; rounded as facenet-pytorch's generateBoundingBox does.
    first = 2 * places + 1
    corners = torch.cat([first, first + WINDOW - 1], dim=1) / pixels.new_tensor(scales)[level, None]
    windows = torch.cat([corners.floor(), others], dim=1)
    # Of all levels in one go, which moves each level's windows out of the others' reach: their corners are whole
    # numbers, so that nothing is rounded.
    kept = _mask(batched_nms(windows[:, :4], windows[:, 4], level, 0.5), len(windows))
    boxes, scores = _numpy(windows[:, :4]), _numpy(windows[:, 4])
    parts = [slice(end - count, end) for count, end in zip(counts, np.cumsum(counts), strict=True)]
    levels = [Level(*what, boxes[part], scores[part], kept[part]) for what, part in zip(seen, parts, strict=True)]
    return levels, windows[torch.from_numpy(kept).to(windows.device)]


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


def _judge(name: str, pixels: torch.Tensor, squares: torch.Tensor, net: torch.nn.Module, side: int, threshold: float):
    """Let R-Net or O-Net look at each square window: its Stage, the boxes it hands on (with scores) and landmarks."""
    squares, crops = _cut(pixels, squares, side)
    if len(squares) == 0:
        none = np.zeros((0, 4), np.float32)
        stage = Stage(name, none, np.zeros(0, np.float32), np.zeros(0, bool), np.zeros(0, bool), none)
        return stage, squares.new_zeros(0, 5), squares.new_zeros(0, 5, 2)

    regression, *points, probs = fixed_batch_process(fixed_image_standardization(crops), net)
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


def _cut(pixels: torch.Tensor, squares: torch.Tensor, side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The squares that have any area inside the image, and their pixels at side×side."""
    squares = squares[:, :4]
    top, bottom, left, right = pad(squares, *pixels.shape[:1:-1])
    sound = (bottom > top - 1) & (right > left - 1)
    edges = np.stack([top - 1, bottom, left - 1, right], axis=1)[sound]
    return squares[torch.from_numpy(sound).to(squares.device)], cut(pixels, edges.tolist(), side)


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
