"""Trunk and tail are the network cut in two, wherever it is cut, and its statistics stay where they are."""

import re

import numpy as np
import pytest
import torch
from facenet_pytorch import InceptionResnetV1
from one_sentence import sentence

from facelab import FaceEmbedder
from facelab.trunk import Features, Tail, cut_points, run_trunk

BLOCKS = "conv2d_1a conv2d_2a conv2d_2b conv2d_3b conv2d_4a conv2d_4b repeat_1 mixed_6a repeat_2 mixed_7a repeat_3 "
BLOCKS = (BLOCKS + "block8 last_linear").split()


@pytest.fixture(scope="module")
def embedder():
    return FaceEmbedder("facelab128")


@pytest.fixture(scope="module")
def crops():
    return torch.from_numpy(np.random.default_rng(0).uniform(-1, 1, (3, 3, 80, 80)).astype(np.float32))


@pytest.fixture(scope="module")
def vectors(embedder, crops):
    return embedder.embed(crops)


def features(n=6, people="aabbcc", block="last_linear", seed=0):
    values = torch.rand(n, 1792, 1, 1, generator=torch.Generator().manual_seed(seed))
    return Features(values, np.array(list(people)), block)


# Cut in two -----------------------------------------------------------------------------------------------------------


def test_the_cuts_are_the_networks_blocks(embedder):
    assert cut_points(embedder.network) == BLOCKS


@pytest.mark.parametrize("block", BLOCKS[:1] + BLOCKS[5::2] + BLOCKS[-1:])
def test_trunk_and_tail_make_the_network(embedder, crops, vectors, block):
    halfway = run_trunk(embedder, crops, list("aab"), block=block)
    assert halfway.values.dtype == torch.float32
    np.testing.assert_allclose(Tail(embedder.network, block).embed(halfway), vectors, atol=1e-6)


@pytest.mark.parametrize(("height", "width"), [(160, 160), (112, 96)])
def test_crops_of_any_size(embedder, height, width):
    crop = torch.zeros(1, 3, height, width)
    halfway = run_trunk(embedder, crop, ["a"])
    np.testing.assert_allclose(Tail(embedder.network).embed(halfway), embedder.embed(crop), atol=1e-6)


def test_the_trunk_ends_before_the_block(embedder, crops):
    before = run_trunk(embedder, crops, list("aab"), block="repeat_3").values
    seen = []
    hook = embedder.network.repeat_3.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    embedder.embed(crops)
    hook.remove()
    torch.testing.assert_close(before, seen[0], rtol=0, atol=1e-6)


def test_the_tail_is_a_copy(embedder):
    before = embedder.network.last_linear.weight.clone()
    tail = Tail(embedder.network, "last_linear")
    with torch.no_grad():
        tail.last_linear.weight.zero_()
    torch.testing.assert_close(embedder.network.last_linear.weight, before, rtol=0, atol=0)
    joined = tail.joined_to(embedder.network)
    assert (joined.last_linear.weight == 0).all()
    assert not joined.training
    old = embedder.network.state_dict()
    changed = [key for key, value in joined.state_dict().items() if not torch.equal(value, old[key])]
    assert changed == ["last_linear.weight"]


def test_a_classifier_is_no_part_of_the_tail():
    with torch.device("meta"):
        network = InceptionResnetV1(classify=True, num_classes=5)
        tail = Tail(network, "block8")
    assert not [key for key in tail.state_dict() if key.startswith("logits")]
    assert cut_points(network) == BLOCKS


@pytest.mark.parametrize("block", ["repeat_4", "dropout", "last_bn", "", None])
def test_unknown_blocks(embedder, crops, block):
    for call in (lambda: Tail(embedder.network, block), lambda: run_trunk(embedder, crops, list("aab"), block=block)):
        with pytest.raises(ValueError, match=r"cannot be cut before .* choose one of conv2d_1a, ") as error:
            call()
        sentence(error)


def test_the_trunk_checks_its_crops(embedder, crops):
    for wrong, labels, says in (
        (crops * 255, "aab", "standardised"),
        (crops[:0], "", "There are no photos"),
        (crops, "ab", "want as many labels"),
    ):
        with pytest.raises(ValueError, match=says) as error:
            run_trunk(embedder, wrong, list(labels), block="conv2d_1a")
        sentence(error)


# Batch normalisation --------------------------------------------------------------------------------------------------


def statistics(tail):
    return {key: value.clone() for key, value in tail.state_dict().items() if "running" in key}


def test_statistics_stay_put_while_weights_can_learn(embedder):
    tail, values = Tail(embedder.network, "block8").train(), features().values
    before, alone = statistics(tail), tail(values[:1])
    together = tail(values)
    together.sum().backward()
    assert all((value == before[key]).all() for key, value in statistics(tail).items())
    assert all(parameter.grad is not None for parameter in tail.parameters())
    # Dropout is all that makes a vector random now.
    tail.dropout.p = 0.0
    torch.testing.assert_close(tail(values)[:1], tail(values[:1]), rtol=0, atol=1e-5)
    assert alone.shape == (1, tail.dimension)


def test_in_train_mode_small_batches_move_vectors_though_no_weight_changes(embedder):
    tail, photos = Tail(embedder.network, "block8"), features(block="block8")
    before, learned = tail.embed(photos), statistics(tail)
    tail.adapt_statistics, tail.dropout.p = True, 0.0
    with torch.no_grad():
        full, half = tail.train()(photos.values), tail(photos.values[:3])
    assert (full[:3] - half).norm(dim=1).min() > 0.1  # who else is in the batch decides where a photo lies
    moved = statistics(tail)
    assert all((value != learned[key]).any() for key, value in moved.items())
    after = tail.embed(photos)  # in eval mode again
    assert np.linalg.norm(after - before, axis=1).min() > 0.01
    assert tail.training
    for name, parameter in tail.named_parameters():
        assert (parameter == embedder.network.get_parameter(name)).all()


def test_embedding_draws_nothing_at_random(embedder):
    tail, photos = Tail(embedder.network, "last_linear").train(), features()
    np.testing.assert_array_equal(tail.embed(photos), tail.embed(photos))


def test_features_of_another_cut_are_refused(embedder):
    with pytest.raises(ValueError, match="cut before block8, but this tail begins with last_linear") as error:
        Tail(embedder.network, "last_linear").embed(features(block="block8"))
    sentence(error)


# Features -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [[0, 2], np.array([4, 1]), slice(1, 3), [True, False, True, False, False, True], [-1]])
def test_rows_are_chosen_as_numpy_does(rows):
    whole = features()
    part = whole[rows]
    np.testing.assert_array_equal(part.people, whole.people[rows])
    np.testing.assert_array_equal(part.values.numpy(), whole.values.numpy()[rows])
    assert part.block == whole.block
    assert len(whole[2]) == 1


def test_sets_are_put_together():
    one, other = features(), features(2, "dd", seed=1)
    both = one + other
    assert "".join(both.people) == "aabbccdd"
    torch.testing.assert_close(both[[0, 7]].values, torch.stack([one.values[0], other.values[1]]), rtol=0, atol=0)


@pytest.mark.parametrize(
    "other",
    [features(block="block8"), Features(torch.zeros(1, 896, 1, 1), ["a"], "last_linear")],
)
def test_sets_of_two_widths_or_cuts_are_not(other):
    with pytest.raises(ValueError, match="run both through the same trunk") as error:
        features() + other
    sentence(error)


@pytest.mark.parametrize(
    ("values", "people", "says"),
    [
        (torch.zeros(0, 4, 1, 1), [], "There are no photos"),
        (torch.zeros(2, 4), ["a", "b"], "have the shape (n, channels, height, width)"),
        (torch.zeros(2, 4, 1, 1, dtype=torch.int64), ["a", "b"], "have the shape"),
        (torch.zeros(2, 4, 1, 1), ["a"], "want as many labels"),
        (torch.zeros(2, 4, 1, 1), ["a", None], "A label is missing"),
        (torch.full((2, 4, 1, 1), torch.nan), ["a", "b"], "NaN or infinite"),
    ],
)
def test_features_that_cannot_be(values, people, says):
    with pytest.raises(ValueError, match=re.escape(says)) as error:
        Features(values, np.array(people, dtype=object), "block8")
    sentence(error)


def test_no_rows_are_no_set():
    with pytest.raises(ValueError, match="There are no photos"):
        features()[[False] * 6]
    with pytest.raises(ValueError, match="There are no photos"):
        features()[[]]
