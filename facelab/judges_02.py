"""Judges of the exercises in notebook 02."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from facenet_pytorch import fixed_image_standardization
from sklearn.preprocessing import normalize
from torch import nn

from facelab.exercises import NO_FUNCTION, called, exercise

EDITS = ("mirrored", "grey", "upside down", "half as bright")


@exercise("02.1", "Right: the same numbers as facenet-pytorch's own, and the pixels stayed as they were.")
def standardise(answer) -> str | None:
    pixels = torch.randint(0, 256, (2, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    pixels[0, 0, 0, 0], pixels[0, 0, 0, 1] = 0, 255
    for given in (pixels, pixels.float()):
        before = given.clone()
        found = called(answer, given)
        if not isinstance(found, torch.Tensor) or found.shape != given.shape:
            return f"A tensor of shape {tuple(given.shape)} went in, so one of that shape should come out."
        if not torch.equal(given, before):
            return "Your function changed the pixels it was given: whoever passed them may want to look at them still."
        if not torch.is_floating_point(found):
            return f"What comes out is {found.dtype}, which has no fractions: the network wants floats."
        expected = fixed_image_standardization(before.float())
        if not torch.allclose(found.float(), expected, atol=1e-5):
            i = int((found - expected).abs().argmax())
            return (
                f"A pixel of {before.flatten()[i]:.0f}, given as {given.dtype}, becomes {found.flatten()[i]:.4f} "
                f"and should become {expected.flatten()[i]:.4f}."
            )
    return None


@exercise(
    "02.2", "Right. Turning a face over leaves every eye and mouth in the picture, but none where they were learned."
)
def largest_move(answer) -> str | None:
    if answer not in EDITS:
        return f"Give one of the four as text: {', '.join(repr(edit) for edit in EDITS)}."
    moved = _moves()
    ahead = sum(distance > moved[answer] for distance in moved.values())
    if ahead:
        return (
            f"Measured on ten people of the cast, {answer!r} moves the vector by {moved[answer]:.2f} in the middle of "
            f"them, and {ahead} of the others by more. What is it that a network learns the place of?"
        )
    return None


@cache  # measured once in a session
def _moves() -> dict[str, float]:
    """How far each edit moves the vectors of the cast, a photo a person: median distances."""
    from facelab.data import load_cast
    from facelab.detection import FaceDetector, crop_faces
    from facelab.embedding import FaceEmbedder

    detector, embedder = FaceDetector(), FaceEmbedder()
    paths = load_cast().groupby("person").head(1).path[:10]
    crops = torch.cat([crop_faces(path, detector.detect(path)[:1], embedder.image_size) for path in paths])
    black = -127.5 / 128
    edited = (crops.flip(3), crops.mean(1, keepdim=True).expand(-1, 3, -1, -1), crops.flip(2), (crops + black) / 2)
    vectors = embedder.embed(crops)
    return {
        edit: float(np.median(np.linalg.norm(embedder.embed(new) - vectors, axis=1)))
        for edit, new in zip(EDITS, edited, strict=True)
    }


@exercise(
    "02.3", "Right: both mistakes are gone, and a face's vector no longer depends on chance or on its neighbours."
)
def mended(answer) -> str | None:
    if not callable(answer):
        return NO_FUNCTION
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(48, 16), nn.BatchNorm1d(16), nn.Dropout(0.5), nn.Linear(16, 8))
    crops = torch.randn(5, 3, 4, 4)
    with torch.no_grad():
        expected = normalize(network.eval()(crops).numpy())
    for batch in (slice(0, 5), slice(1, 3), slice(2, 3)):
        network.train()  # as facenet-pytorch hands it over
        with torch.random.fork_rng():
            first, second = (_as_array(answer(network, crops[batch])) for _ in range(2))
        wanted = expected[batch]
        if first.shape != wanted.shape:
            return f"{len(wanted)} crops should give vectors of shape {wanted.shape}, not {first.shape}."
        if not np.allclose(first, second, atol=1e-5):
            return "The same crops, embedded twice, give two different answers."
        lengths = np.linalg.norm(first, axis=1)
        if not np.allclose(lengths, 1, atol=1e-4):
            return f"Of {len(wanted)} crops, the first one's vector has length {lengths[0]:.2f}."
        if not np.allclose(first, wanted, atol=1e-4):
            return "All lengths are right and nothing is random, but the directions are not what the network gave."
    return None


def _as_array(vectors) -> np.ndarray:
    return vectors.detach().numpy() if isinstance(vectors, torch.Tensor) else np.asarray(vectors)


@exercise("02.4", "Right. Slide it over the whole crop, and you have the heat map of this notebook.")
def moved_by_patch(answer) -> str | None:
    generator = torch.Generator().manual_seed(0)
    weights, crop = torch.randn(3 * 16 * 16, 6, generator=generator), torch.rand(3, 16, 16, generator=generator)

    def embed(crops):
        crops = torch.as_tensor(crops)
        if crops.shape[1:] != crop.shape:
            raise ValueError(f"embed wants (n, 3, 16, 16), but was given {tuple(crops.shape)}")
        return normalize((crops.flatten(1) @ weights).numpy())

    for top, left, side in ((0, 0, 4), (3, 9, 5), (12, 2, 8)):  # the last one hangs over the edge
        before, covered = crop.clone(), crop.numpy().copy()
        covered[:, top : top + side, left : left + side] = 0
        a, b = embed(torch.from_numpy(np.stack([crop.numpy(), covered])))
        found, expected = called(answer, embed, crop, top, left, side), float(np.sqrt(((a - b) ** 2).sum()))
        if not torch.equal(crop, before):
            return "Your function painted over the crop it was given: the next patch would be the second on it."
        if np.ndim(found) != 0:
            return f"One patch gives one distance, but yours has shape {np.shape(found)}."
        if not np.isclose(float(found), expected, atol=1e-4):
            return (
                f"A patch of {side} pixels with its corner in row {top}, column {left} moves a test vector by "
                f"{expected:.3f}, but your function says {float(found):.3f}."
            )
    return None


@exercise(
    "02.5", "Right: about five gigabytes. They fit into a laptop's memory, and the million people's photos do not."
)
def template_bytes(answer) -> str | None:
    if isinstance(answer, bool) or not np.isscalar(answer) or isinstance(answer, str):
        return "Give a number of bytes."
    expected = 1_000_000 * 5 * 512 * 2
    if answer == expected:
        return None
    if any(np.isclose(answer, expected / unit) for unit in (1e3, 1e6, 1e9, 2**10, 2**20, 2**30)):
        return "Right in another unit: give it in bytes."
    slips = {
        1_000_000 * 512 * 2: "Everybody is enrolled with more than one photo.",
        5_000_000 * 512 * 4: "That is for float32: how many bytes does a float16 take?",
        5_000_000 * 512: "That is how many numbers there are: how many bytes does one of them take?",
        5_000_000 * 128 * 2: "Which weights make these vectors, and how many numbers has one?",
        5_000_000 * 512 * 16: "Those are bits.",
    }
    return slips.get(answer, "Multiply people, photos of each, numbers in a vector and bytes in a number.")
