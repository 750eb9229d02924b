"""Detection: where is a face? MTCNN for any images, crops for the embedder, and the measures of detection (01)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from contextlib import closing
from itertools import chain, groupby, islice
from numbers import Integral

import numpy as np
import torch
from facenet_pytorch import MTCNN, extract_face, fixed_image_standardization
from PIL import Image
from torchvision.ops import box_iou

from facelab.cascade import Faces, Trace, run_cascade
from facelab.checks import brief, checked_number, checked_numbers, checked_positive
from facelab.devices import checked_device
from facelab.fast import a_core_each, by_rows
from facelab.images import is_one_image, open_image
from facelab.progress import progress_bar

# Where the five landmarks lie in MTCNN's box, in fractions of it, and the box's usual width over height: means over
# 6,087 faces of CelebA, made symmetric. Aligned crops so show a face where, and as large as, plain crops do.
TEMPLATE = np.array([[0.276, 0.392], [0.724, 0.392], [0.500, 0.603], [0.301, 0.752], [0.699, 0.752]])
ASPECT = 0.75

# Pixels of images that are detected in together, where they are of one size.
GROUP = 2**19

MAX_CROP = 4000  # pixels: a larger crop has more of them than most photos, and takes 200 MB


class FaceDetector:
    """MTCNN (Zhang et al. 2016, arXiv 1604.02878), with facenet-pytorch's networks, for any images.

    Parameters
    ----------
    min_face_size : float
        Side of the smallest face to look for, in pixels. The cost grows as its inverse square: notebook 01 measures it.
    thresholds : three floats in [0, 1]
        What P-, R- and O-Net must score to let a window through.
    factor : float in (0, 1)
        How much smaller each level of the image pyramid is than the one before.
    device : str or torch.device, optional
        The CPU, which gives the same numbers everywhere, unless told otherwise.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or torch has no such device here.
    """

    def __init__(
        self,
        min_face_size: float = 20,
        thresholds: Sequence[float] = (0.6, 0.7, 0.7),
        factor: float = 0.709,
        device: str | torch.device = "cpu",
    ):
        complaint = f"min_face_size is {brief(min_face_size)}, but must be a positive number of pixels, such as 20."
        min_face_size = checked_positive(min_face_size, complaint)
        complaint = f"thresholds is {brief(thresholds)}, but must be three numbers from 0 to 1, one per network."
        thresholds = checked_numbers(thresholds, complaint)
        if thresholds.shape != (3,) or not ((thresholds >= 0) & (thresholds <= 1)).all():
            raise ValueError(complaint)
        complaint = f"factor is {brief(factor)}, but must lie between 0 and 1, such as 0.709."
        factor = checked_positive(factor, complaint, below=1)
        self.mtcnn = MTCNN(
            keep_all=True,
            min_face_size=min_face_size,
            thresholds=thresholds.tolist(),
            factor=factor,
            device=checked_device(device),
        ).eval()
        if self.mtcnn.device.type == "cpu":
            by_rows(self.mtcnn)

    def detect(self, images, *, progress: bool = True) -> Faces | list[Faces]:
        """Find the faces in one image, or in each of many.

        Parameters
        ----------
        images
            One image in any form that `facelab.open_image` takes, or a sequence of such images, of any sizes. Of many,
            each core has one to itself, or some small ones that follow each other and are of one size.
        progress : bool
            Show a progress bar when many images take more than a second.

        Returns
        -------
        Faces or list of Faces
            For one image its Faces, for many a list in their order. An image without a face gives Faces of length 0.

        Raises
        ------
        ValueError, FileNotFoundError
            If something given is no image; for many images the sentence says which, counting from 0.
        """
        if is_one_image(images):
            return self.trace(images).faces
        total = len(images) if isinstance(images, Sized) else None
        with closing(a_core_each(_opened, enumerate(images))) as pixels:
            work = a_core_each(self._find, _groups(pixels, total))
            return list(progress_bar(chain.from_iterable(work), total=total, desc="detecting", show=progress))

    def trace(self, image) -> Trace:
        """Detect in one image and keep what each stage proposed, scored and kept at every scale."""
        return run_cascade(np.stack([open_image(image)]), self.mtcnn)[0]

    def _find(self, group: np.ndarray) -> list[Faces]:
        return [trace.faces for trace in run_cascade(group, self.mtcnn)]


def _opened(numbered: tuple) -> np.ndarray:
    """The pixels of one of many images."""
    number, image = numbered
    try:
        return np.asarray(open_image(image))
    except (ValueError, FileNotFoundError) as error:
        raise type(error)(f"Image {number} of those given cannot be used: {error}") from error


def _groups(images: Iterable[np.ndarray], total: int | None) -> Iterator[np.ndarray]:
    """Images of one size that follow each other, (n, height, width, 3): not too large, and some for each thread."""
    share = total // torch.get_num_threads() if total else GROUP
    for (height, width, _), some in groupby(images, np.shape):
        while group := list(islice(some, max(1, min(share, GROUP // (height * width))))):
            yield np.stack(group)


def crop_faces(image, faces: Faces, size: int = 160, margin: int = 0, *, align: bool = False) -> torch.Tensor:
    """Cut the faces out of an image, as FaceNet wants them (notebook 02).

    Parameters
    ----------
    image
        In any form that `facelab.open_image` takes.
    faces : Faces
        As found in this image. `faces[:1]` is the largest alone.
    size : int
        Side of the crops, in pixels: the embedder's `image_size`.
    margin : int
        Pixels of the crop given to what lies around the box, half on each side, as in `facenet_pytorch.MTCNN`.
    align : bool
        Turn and scale each face by the similarity transform that best carries its five landmarks to where they usually
        lie in MTCNN's box (least squares: Umeyama 1991). By default the box is cut out as it is, which is what
        facenet-pytorch does; its published weights learned on crops that were not aligned either.

    Returns
    -------
    (n, 3, size, size) float32
        Standardised to (x - 127.5) / 128, so about -1 to 1. Not aligned, they equal facenet-pytorch's for a PIL image.

    Raises
    ------
    ValueError
        If size or margin make no sense, a box lies outside the image, or landmarks to align by are not a face's.
    """
    if not isinstance(size, Integral) or not isinstance(margin, Integral) or not 0 <= margin < size <= MAX_CROP:
        raise ValueError(
            f"size is {brief(size)} and margin {brief(margin)}, but size must be a whole number from 1 to "
            f"{MAX_CROP:,} and margin one from 0 to size - 1."
        )
    image, faces = open_image(image), checked_detections(faces)
    crops = [torch.zeros(0, 3, size, size)]
    for box, points in zip(faces.boxes, faces.landmarks, strict=True):
        inside = min(box[2], image.width) - max(box[0], 0), min(box[3], image.height) - max(box[1], 0)
        if not (np.isfinite(box).all() and all(side >= 1 for side in inside)):
            raise ValueError(
                f"The box {np.round(box).tolist()} has no area inside this image of {image.width}×{image.height} "
                "pixels: give the image in which the faces were found."
            )
        crop = _aligned(image, box, points, size, margin) if align else extract_face(image, box, size, margin)
        crops.append(fixed_image_standardization(crop)[None])
    return torch.cat(crops)


def _aligned(image: Image.Image, box: np.ndarray, points: np.ndarray, size: int, margin: int) -> torch.Tensor:
    """One aligned crop: (3, size, size) float32, 0 to 255."""
    # The template in a frame one box high, and the similarity (a, b, tx, ty) from there to the image:
    # x' = a x - b y + tx, y' = b x + a y + ty, linear in the four unknowns, ten equations.
    u, v = (TEMPLATE * [ASPECT, 1]).T
    one, zero = np.ones(5), np.zeros(5)
    equations = np.concatenate([np.stack([u, -v, one, zero], 1), np.stack([v, u, zero, one], 1)])
    a, b, tx, ty = np.linalg.lstsq(equations, np.concatenate([points[:, 0], points[:, 1]]), rcond=None)[0]
    # PIL asks where each pixel of the output comes from: output pixel -> fraction of the box -> frame -> image.
    # It does not average where it shrinks, so the face is first drawn large enough and then resized.
    height, tall = np.hypot(a, b), box[3] - box[1]
    if not tall / 4 < height < tall * 4:  # NaN fails this too
        raise ValueError(
            "These landmarks do not fit the face in the box (equal, swapped, or another's): detect the face again, or "
            "leave align out."
        )
    sharp = size * max(1, int(np.ceil(min(height, max(image.size)) / size)))
    step = size / (size - margin) / sharp
    start = (1 - size / (size - margin)) / 2
    du, dv = ASPECT * step, step
    u0, v0 = ASPECT * start, start
    affine = (a * du, -b * dv, a * u0 - b * v0 + tx, b * du, a * dv, b * u0 + a * v0 + ty)
    crop = image.transform(
        (sharp, sharp), Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR, fillcolor="#7f7f7f"
    )
    crop = crop.resize((size, size), Image.Resampling.BILINEAR)
    return torch.from_numpy(np.array(crop)).permute(2, 0, 1).float()


def unstandardise(crops) -> np.ndarray:
    """Undo the standardisation, to look at crops: (n, 3, h, w) float32 → (n, h, w, 3) uint8; else a ValueError."""
    crops = checked_numbers(crops, "Crops are numbers, (n, 3, height, width), as crop_faces makes them.", np.float32)
    if crops.ndim != 4 or crops.shape[1] != 3:
        raise ValueError(f"Crops have the shape (n, 3, height, width), but these have {crops.shape}.")
    if not np.isfinite(crops).all():
        raise ValueError("The crops hold NaN or infinite pixels: look at how they were made.")
    return np.rint(crops.transpose(0, 2, 3, 1) * 128 + 127.5).clip(0, 255).astype(np.uint8)


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of every box in a with every box in b (`torchvision.ops.box_iou`).

    Parameters
    ----------
    a, b : (n, 4) and (m, 4)
        x0, y0, x1, y1 in pixels. A box without area, or inside out, overlaps nothing.

    Returns
    -------
    (n, m) float32, 0 (apart) to 1 (equal).

    Raises
    ------
    ValueError
        If they are not finite numbers, four to a box.
    """
    overlap = box_iou(*(torch.from_numpy(np.array(checked_boxes(boxes))) for boxes in (a, b)))
    return overlap.nan_to_num(0.0).numpy()  # torchvision divides by the area, even where it is 0


def checked_boxes(values: np.ndarray) -> np.ndarray:
    """Give boxes as (n, 4) float32, one alone or none at all too, or say in one sentence that they are none."""
    complaint = "Boxes are a table of numbers, (n, 4), one row a face, as Faces.boxes is: x0, y0, x1, y1."
    boxes = checked_numbers(values, complaint, np.float32)
    if boxes.size and (boxes.ndim not in (1, 2) or boxes.shape[-1] != 4):
        raise ValueError(complaint)
    if not (np.abs(boxes) < 1e18).all():  # NaN fails this too; larger squares are beyond float32
        raise ValueError("Boxes hold NaN, infinite or huge numbers: leave such rows out.")
    return boxes.reshape(-1, 4)


def checked_detections(faces: Faces) -> Faces:
    """Give Faces, or say in one sentence that they are none."""
    if not isinstance(faces, Faces):
        raise ValueError(f"faces is a {type(faces).__name__}, but must be Faces, as FaceDetector.detect finds them.")
    return faces


def match_boxes(truth: np.ndarray, faces: Faces, iou_threshold: float = 0.5) -> np.ndarray:
    """Which true box each detection found: its index, or -1 for a false alarm.

    The most probable detection chooses first, each takes the true box it overlaps most, and a true box is found once: a
    second detection of it is a false alarm (the rule of PASCAL VOC, Everingham et al. 2010, section 4.4).

    Parameters
    ----------
    truth : (m, 4)
    faces : Faces of length n

    Returns
    -------
    (n,) int

    Raises
    ------
    ValueError
        As `iou`; if a probability is not finite, or the threshold no number.
    """
    overlap = iou(checked_detections(faces).boxes, truth)
    if not np.isfinite(checked_numbers(faces.probs, "The probabilities of the faces are no numbers.")).all():
        raise ValueError("A probability among the faces is NaN or infinite, and has no rank: leave that face out.")
    iou_threshold = checked_number(iou_threshold, f"iou_threshold is {brief(iou_threshold)}, but is a share, as 0.5.")
    found = np.full(len(faces), -1)
    for i in np.argsort(-faces.probs, kind="stable"):
        if overlap.shape[1] == 0:
            break
        best = int(overlap[i].argmax())
        if overlap[i, best] >= iou_threshold and best not in found:
            found[i] = best
    return found


def average_precision(truth: Sequence[np.ndarray], faces: Sequence[Faces], iou_threshold: float = 0.5) -> float:
    """Average precision of a detector over a set of images, 0 to 1.

    The area under the curve of precision against recall, as a step function, over all detections of all images ranked
    by probability (`sklearn.metrics.average_precision_score`). Faces never found count against the recall.

    Parameters
    ----------
    truth : sequence of (m, 4) arrays
        The true boxes of each image; an empty array where there is no face.
    faces : sequence of Faces
        What was found in the same images.
    iou_threshold : float
        The overlap from which a face counts as found.

    Raises
    ------
    ValueError
        If the two do not speak of the same number of images, there is no true face at all, or as `iou`.
    """
    from sklearn.metrics import average_precision_score  # here, because finding faces does without it

    if not (isinstance(truth, Sized) and isinstance(faces, Sized)):
        raise ValueError("The true boxes and the detections are two lists, with one entry for each image.")
    if len(truth) != len(faces):
        raise ValueError(
            f"{len(truth)} images have true boxes and {len(faces)} have detections: give one of each an image."
        )
    truth = [checked_boxes(boxes) for boxes in truth]
    total = sum(map(len, truth))
    if total == 0:
        raise ValueError("There is no true face in any of the images, so there is no recall to speak of.")
    hits = np.concatenate(
        [match_boxes(boxes, found, iou_threshold) >= 0 for boxes, found in zip(truth, faces, strict=True)]
    )
    if not hits.any():
        return 0.0
    scores = np.concatenate([found.probs for found in faces])
    # scikit-learn takes the recall among what was detected; what was never detected makes it smaller by this share.
    return float(average_precision_score(hits, scores) * hits.sum() / total)
