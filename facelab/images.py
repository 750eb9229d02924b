"""Images: turn anything a person has into one upright RGB photo (used from notebook 00 on).

A photo reaches a face detector as a phone's JPEG lying on its side, a logo with a transparent background, a scan of 16
bits, a video frame in OpenCV's channel order or a tensor with its channels first. Given those, a detector does not fail
loudly: it finds no face, or worse boxes. `open_image` settles all of it once, so that no module after it has to.
"""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from PIL import Image, ImageOps

from facelab.checks import checked_file

if TYPE_CHECKING:
    import torch

#: Most pixels that are decoded: 240 MB in RGB. Below Pillow's own warning at 89 million, so that one rule decides.
MAX_PIXELS = 80_000_000


def open_image(
    source: str | os.PathLike | bytes | BinaryIO | np.ndarray | torch.Tensor | Image.Image, *, bgr: bool = False
) -> Image.Image:
    """Open an image, whatever it comes as, as upright RGB.

    Parameters
    ----------
    source : path, bytes, binary file object, numpy array, torch tensor or PIL image
        Files of any format that Pillow reads: the rotation noted in EXIF is applied, transparency is laid over white,
        palette, CMYK, grey, 16-bit and 1-bit images become 8-bit RGB, an animation gives its first frame.
        Arrays and tensors of shape (height, width), (height, width, channels) or (channels, height, width), with 1, 3
        (RGB) or 4 (RGB and alpha) channels; where both readings fit, an array has its channels last, a tensor first.
        Their values: booleans, whole numbers from 0 to 255, uint16 over its full range, or floats from 0 to 1 or from 0
        to 255 (a float array without anything above 1 is taken to run from 0 to 1).
    bgr : bool
        The channels of this array, tensor or PIL image are in OpenCV's order: blue, green, red.

    Returns
    -------
    PIL.Image.Image
        A new image of mode RGB; `source` stays as it was.

    Raises
    ------
    FileNotFoundError
        If there is no file at the path.
    ValueError
        If the source is of another kind, a folder, not an image, damaged or cut short, without pixels, larger than
        `MAX_PIXELS` (found out before decoding), or an array of another shape or range; one sentence says which.
    """
    if isinstance(source, Image.Image):
        image = _upright_rgb(source, "The PIL image")
    elif isinstance(source, np.ndarray):
        image = _from_array(source, "The array", channel_axes=(-1, 0))
    elif hasattr(type(source), "detach") and hasattr(source, "cpu"):  # a torch tensor, without importing torch
        image = _from_array(_tensor_array(source), "The tensor", channel_axes=(0, -1))
    elif bgr:
        raise ValueError("bgr=True was given with a file, but a file knows its channels' order: leave bgr out.")
    else:
        image = _from_file(source)
    return Image.merge("RGB", image.split()[::-1]) if bgr else image


def is_one_image(images) -> bool:
    """Say whether this is one image, in any form that `open_image` takes, or several; ValueError if it is neither."""
    if isinstance(images, (str, bytes, bytearray, memoryview, os.PathLike, Image.Image)) or hasattr(images, "read"):
        return True
    if hasattr(images, "columns"):
        raise ValueError("Images were expected, but this is a table: give its column of paths, table.path.")
    if hasattr(images, "ndim") and not hasattr(images, "iloc"):  # an array or a tensor, and no column of paths
        if images.ndim in (2, 3):
            return True
        if images.ndim == 4 or images.dtype == object:
            return False
        raise ValueError(f"An image has two or three axes and a batch four, but this array has {images.ndim}.")
    if isinstance(images, Iterable) and not isinstance(images, Mapping):
        return False
    raise ValueError(f"An image or a sequence of images was expected, but this is a {type(images).__name__}.")


def _tensor_array(tensor: torch.Tensor) -> np.ndarray:
    if tensor.numel() > 4 * MAX_PIXELS:  # said before anything is copied
        raise ValueError(_too_large("The tensor", f" (its shape is {tuple(tensor.shape)})"))
    try:
        tensor = tensor.detach().cpu()
        return np.asarray(tensor.float() if tensor.is_floating_point() else tensor)  # NumPy has no bfloat16
    except (TypeError, RuntimeError) as error:
        raise ValueError("The tensor is sparse, or has no numbers: give a dense one.") from error


def _from_file(source: object) -> Image.Image:
    if isinstance(source, bytes | bytearray | memoryview):
        return _decode(io.BytesIO(bytes(source)), f"The data given ({memoryview(source).nbytes:,} bytes)")
    if hasattr(source, "read"):
        return _decode(source, f"The file object {getattr(source, 'name', '')}".rstrip())
    if not isinstance(source, str | os.PathLike):
        raise ValueError(
            f"An image was expected (a path, bytes, a binary file object, an array, a tensor or a PIL image), "
            f"but this is a {type(source).__name__}."
        )
    hint = "check the spelling, or give the image's bytes"  # base64 text, say, is too long for a path
    path = checked_file(source, "an image", hint)
    try:
        stream = path.open("rb")
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}): check who may read it.") from error
    with stream:
        return _decode(stream, str(path))


def _decode(stream: BinaryIO, what: str) -> Image.Image:
    with _one_sentence(what):
        image = Image.open(stream)  # reads the header only
    if image.format == "EPS":
        raise ValueError(
            f"{what} is PostScript, a program that draws, and none is run here: save it as JPEG or PNG first."
        )
    return _upright_rgb(image, what)


def _upright_rgb(image: Image.Image, what: str) -> Image.Image:
    _check_size(*image.size, what)
    with _one_sentence(what):
        image.load()
    try:
        image = ImageOps.exif_transpose(image)
    except Exception:  # the pixels are sound: a damaged EXIF block merely leaves the photo as it was stored
        image = image.copy()
    if image.mode.startswith(("I", "F")):  # Pillow would clip these at 255 instead of scaling them
        levels = np.asarray(image)
        deep = image.mode == "I" and levels.min() >= 0 and 255 < levels.max() <= 65535
        return _from_array(levels.astype(np.uint16) if deep else levels, what)
    with _one_sentence(what):
        if image.has_transparency_data:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        return image.convert("RGB")


def _from_array(array: np.ndarray, what: str, channel_axes: tuple[int, ...] = ()) -> Image.Image:
    """Make an image of an array; `channel_axes` are the places in which to look for its channels, likeliest first."""
    axis = next((axis for axis in channel_axes if array.ndim == 3 and array.shape[axis] in (1, 3, 4)), None)
    if axis is not None:
        array = np.moveaxis(array, axis, -1)
    elif array.ndim != 2:
        raise ValueError(
            f"{what} has the shape {array.shape}, but one image was expected: (height, width), or with 1, 3 or 4 "
            f"channels last or first; take images out of a batch one at a time."
        )
    _check_size(array.shape[1], array.shape[0], what)
    levels = np.ascontiguousarray(_to_uint8(array, what))
    return _upright_rgb(Image.fromarray(levels[..., 0] if levels.shape[2:] == (1,) else levels), what)


def _to_uint8(array: np.ndarray, what: str) -> np.ndarray:
    kind = array.dtype.kind
    if np.ma.is_masked(array):
        raise ValueError(f"{what} has pixels that are masked, and so have no colour: fill them first.")
    if array.dtype == np.uint8:
        return array
    if kind == "b":
        return array * np.uint8(255)
    if kind not in "uif":
        raise ValueError(f"{what} holds {array.dtype}, but pixels are numbers: uint8, uint16 or float.")
    low, high = float(array.min()), float(array.max())
    slack = 0.001  # resizing in float32 overshoots by less
    if kind == "u" and array.dtype.itemsize == 2:
        scale = 255 / 65535
    elif kind == "f" and -slack <= low and high <= 1 + slack:
        scale = 255
    elif -slack <= low and high <= 255 + slack and (kind != "f" or high >= 2):
        scale = 1
    else:  # NaN fails every comparison, and a float maximum between 1 and 2 fits neither range
        raise ValueError(
            f"{what} has values from {low:.4g} to {high:.4g}, but pixels run from 0 to 255 or, as floats, from 0 to 1: "
            f"undo a standardisation, clip what overshoots, replace NaN."
        )
    return np.rint(array.astype(np.float32) * scale).clip(0, 255).astype(np.uint8)


def _check_size(width: int, height: int, what: str) -> None:
    if width * height == 0:
        raise ValueError(f"{what} is {width} × {height} pixels, but at least one pixel is needed.")
    if width * height > MAX_PIXELS:
        raise ValueError(_too_large(what, f" ({width:,} × {height:,})"))


def _too_large(what: str, size: str = "") -> str:
    return f"{what} has more than {MAX_PIXELS:,} pixels{size}: scale it down first, faces need no more."


@contextmanager
def _one_sentence(what: str) -> Iterator[None]:
    """Say in one sentence what Pillow, whose decoders raise nearly anything on a damaged file, says in many ways."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(_too_large(what)) from error
    except Image.UnidentifiedImageError as error:
        raise ValueError(
            f"{what} is not an image that Pillow can read, whatever its name says: save it as JPEG or PNG first."
        ) from error
    except Exception as error:
        raise ValueError(f"{what} is damaged, cut short or of a kind that Pillow cannot read: get it anew.") from error
