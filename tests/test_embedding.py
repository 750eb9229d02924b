"""Embedding against raw facenet-pytorch, with the weights taken out of the file by a few independent lines."""

import contextlib
import io
import time

import numpy as np
import pytest
import torch
from facenet_pytorch import InceptionResnetV1
from safetensors.numpy import load_file

from facelab import embedding
from facelab.checkpoints import BUNDLED
from facelab.data import boxes, load_cast
from facelab.detection import Faces, crop_faces
from facelab.embedding import FaceEmbedder


@pytest.fixture(scope="module")
def embedder():
    return FaceEmbedder(device="cpu")


@pytest.fixture(scope="module")
def crops():
    """Twelve faces of the cast, two people's, cut out along the renderer's own boxes."""
    table = load_cast().groupby("person").head(6).iloc[:12]
    cut = [
        crop_faces(path, Faces(box[None], np.ones(1, "f4"), np.zeros((1, 5, 2), "f4")), size=96)
        for path, box in zip(table["path"], boxes(table), strict=True)
    ]
    return torch.cat(cut)


@pytest.fixture(scope="module")
def raw():
    """facenet-pytorch's network as it is, filled with the file's weights."""
    stored = load_file(BUNDLED)
    network = InceptionResnetV1()
    network.last_linear = torch.nn.Linear(1792, 128, bias=False)
    network.last_bn = torch.nn.BatchNorm1d(128, eps=1e-3, momentum=0.1, affine=False)
    state = network.state_dict()
    for key in state:
        if f"{key}.scale" in stored:
            scale = stored[f"{key}.scale"].reshape(-1, *[1] * (stored[key].ndim - 1))
            state[key] = torch.from_numpy(stored[key].astype(np.float32) * scale)
        elif key in stored:
            state[key] = torch.from_numpy(stored[key])
    network.load_state_dict(state)
    return network


@pytest.fixture(scope="module")
def expected(raw, crops):
    with torch.no_grad():
        return raw.eval()(crops).numpy()


def test_the_vectors_are_those_of_facenet_pytorch(embedder, crops, expected):
    vectors = embedder.embed(crops)
    assert vectors.dtype == np.float32
    assert vectors.shape == (12, 128)
    np.testing.assert_allclose(vectors, expected, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_the_vectors_tell_people_apart(embedder, crops):
    vectors = embedder.embed(crops)
    distances = np.linalg.norm(vectors[:, None] - vectors, axis=2)
    same = np.kron(np.eye(2), np.ones((6, 6))).astype(bool)
    genuine, impostor = distances[same & ~np.eye(12, dtype=bool)], distances[~same]
    assert genuine.mean() < impostor.mean() - 0.2


def test_the_dropout_trap(embedder, raw, crops, expected):
    raw.train()
    for module in raw.modules():  # only dropout, so that the statistics of the others stay as they are
        if not isinstance(module, torch.nn.Dropout) and module is not raw:
            module.eval()
    with torch.no_grad():
        first, second = raw(crops[:1]).numpy(), raw(crops[:1]).numpy()
    raw.eval()
    assert np.linalg.norm(first - second) > 0.3
    embedder.network.train()
    np.testing.assert_allclose(embedder.embed(crops), expected, atol=1e-5)
    assert not any(module.training for module in embedder.network.modules())


@pytest.mark.parametrize("size", [1, 5, 12])
def test_the_batch_size_does_not_matter(embedder, crops, expected, monkeypatch, size):
    monkeypatch.setattr(embedding, "MAX_BATCH_PIXELS", size * 96 * 96 + 1)
    seen = []
    hook = embedder.network.register_forward_pre_hook(lambda network, given: seen.append(len(given[0])))
    vectors = embedder.embed(crops, progress=False)
    hook.remove()
    assert max(seen) == size
    assert sum(seen) == 12
    np.testing.assert_allclose(vectors, expected, atol=1e-5)


def test_a_crop_larger_than_a_batch_goes_alone(embedder, crops, expected, monkeypatch):
    monkeypatch.setattr(embedding, "MAX_BATCH_PIXELS", 100)
    np.testing.assert_allclose(embedder.embed(crops[:2]), expected[:2], atol=1e-5)


def test_the_same_vectors_every_time(embedder, crops):
    first = embedder.embed(crops[:3])
    assert np.array_equal(first, embedder.embed(crops[:3]))
    assert np.array_equal(first, FaceEmbedder("facelab128", device="cpu").embed(crops[:3]))


def test_what_may_be_given(embedder, crops, expected):
    array = crops.numpy().copy()
    array.flags.writeable = False
    for given in (array, array.astype(np.float64), array[::-1][::-1], crops.double(), crops.clone().requires_grad_()):
        np.testing.assert_allclose(embedder.embed(given[:2]), expected[:2], atol=1e-5)
    np.testing.assert_allclose(embedder.embed(array[3]), expected[3:4], atol=1e-5)
    assert np.array_equal(array, crops.numpy())
    for empty in (crops[:0], array[:0], np.empty((0,)), torch.empty(0, 3, 160, 160)):
        vectors = embedder.embed(empty)
        assert (vectors.shape, vectors.dtype) == ((0, 128), np.float32)


@pytest.mark.parametrize("shape", [(75, 75), (96, 80), (160, 160)])
def test_any_size_that_the_network_can_take(embedder, raw, shape):
    given = torch.rand(1, 3, *shape) * 2 - 1
    with torch.no_grad():
        np.testing.assert_allclose(embedder.embed(given), raw.eval()(given).numpy(), atol=1e-5)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (np.zeros((2, 96, 96, 3), np.float32), "have the shape"),
        (np.zeros((96, 96), np.float32), "have the shape"),
        (torch.zeros(2, 1, 96, 96), "have the shape"),
        (np.zeros((2, 3, 96, 96), np.uint8), "standardised floats, but these are torch.uint8"),
        (torch.zeros(3, 96, 96, dtype=torch.int64), "standardised floats"),
        (np.array(["a", "b"]), "are not pixels"),
        ([np.zeros((3, 96, 96), np.float32)], "not as list"),
        (None, "not as NoneType"),
        (torch.full((1, 3, 96, 96), 255.0), "go from 255 to 255"),
        (torch.full((1, 3, 96, 96), torch.nan), "NaN"),
        (torch.full((1, 3, 96, 96), -torch.inf), "infinite"),
        (torch.zeros(1, 3, 74, 200), "of 200×74 pixels are too small"),
    ],
)
def test_what_may_not_be_given(embedder, given, says):
    with pytest.raises(ValueError, match=says) as error:
        embedder.embed(given)
    message = str(error.value)
    assert message.endswith(".")
    assert ". " not in message


def test_which_weights_and_which_device(embedder, monkeypatch):
    assert (embedder.name, embedder.dimension, embedder.image_size) == ("facelab128", 128, 96)
    assert repr(embedder) == "FaceEmbedder('facelab128', dimension=128, image_size=96)"
    monkeypatch.setenv("FACELAB_MODEL", str(BUNDLED))
    assert FaceEmbedder(device="cpu").fingerprint == embedder.fingerprint
    monkeypatch.setenv("FACELAB_MODEL", "facelab129")
    with pytest.raises(ValueError, match="There are no weights 'facelab129'"):
        FaceEmbedder()
    for device in ("warp", "cuda:99"):
        with pytest.raises(ValueError, match=f"cannot compute on '{device}'"):
            FaceEmbedder("facelab128", device=device)


@pytest.mark.parametrize(
    ("seconds", "progress", "switched_off", "shown"),
    [(1.2, True, "", True), (0, True, "", False), (1.2, False, "", False), (1.2, True, "1", False)],
)
def test_the_progress_bar_is_for_long_work_only(embedder, crops, monkeypatch, seconds, progress, switched_off, shown):
    monkeypatch.setenv("TQDM_DISABLE", switched_off)
    monkeypatch.setattr(embedding, "MAX_BATCH_PIXELS", 1)  # one crop at a time
    network = embedder.network.forward
    monkeypatch.setattr(embedder.network, "forward", lambda batch: (time.sleep(seconds / 2), network(batch))[1])
    with contextlib.redirect_stderr(io.StringIO()) as stderr:
        embedder.embed(crops[:2], progress=progress)
    assert ("2/2" in stderr.getvalue()) == shown
