"""Losses and batches: batch-hard triplets by brute force, softmax by scikit-learn, batches counted."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from one_sentence import sentence
from sklearn.metrics import log_loss

from facelab.losses import SOFTMAX_SCALE, SoftmaxHead, hardest_pairs, pk_batches, triplet_loss


def batch(seed=0, people=4, photos=3, dimension=5, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    vectors = F.normalize(torch.randn(people * photos, dimension, generator=generator, dtype=dtype), dim=1)
    labels = torch.arange(people).repeat_interleave(photos)
    order = torch.randperm(len(labels), generator=generator)
    return vectors, labels[order]


def brute_force(vectors, labels):
    """Hardest positive and negative of each photo, one pair at a time."""
    positive, negative = [], []
    for i, (anchor, label) in enumerate(zip(vectors, labels, strict=True)):
        distances = [np.sqrt(((anchor - other) ** 2).sum()) for other in vectors]
        positive.append(max(d for j, d in enumerate(distances) if labels[j] == label and j != i))
        negative.append(min(d for j, d in enumerate(distances) if labels[j] != label))
    return np.array(positive), np.array(negative)


@pytest.mark.parametrize("seed", range(5))
def test_hardest_pairs_by_brute_force(seed):
    vectors, labels = batch(seed)
    positive, negative = hardest_pairs(vectors, labels)
    expected = brute_force(vectors.numpy(), labels.numpy())
    np.testing.assert_allclose(positive, expected[0], atol=1e-6)
    np.testing.assert_allclose(negative, expected[1], atol=1e-6)


@pytest.mark.parametrize("margin", [0.0, 0.2, 1, "soft"])
def test_triplet_loss_by_brute_force(margin):
    vectors, labels = batch()
    positive, negative = brute_force(vectors.numpy(), labels.numpy())
    gap = positive - negative
    expected = np.log1p(np.exp(gap)) if margin == "soft" else np.maximum(0, gap + margin)
    assert triplet_loss(vectors, labels, margin).item() == pytest.approx(expected.mean(), abs=1e-6)


@pytest.mark.parametrize("margin", [0.2, "soft"])
def test_gradient_of_the_triplet_loss_by_small_differences(margin):
    vectors, labels = batch(dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: triplet_loss(x, labels, margin), vectors.requires_grad_(True))


def test_well_separated_people_are_content_with_a_margin_and_never_with_the_soft_one():
    labels = torch.tensor([0, 0, 1, 1])
    vectors = torch.eye(2).repeat_interleave(2, dim=0).requires_grad_(True)
    loss = triplet_loss(vectors, labels)
    loss.backward()
    assert loss.item() == 0
    assert (vectors.grad == 0).all()
    assert triplet_loss(vectors, labels, "soft").item() == pytest.approx(np.log1p(np.exp(-np.sqrt(2))))


def test_identical_photos_do_not_make_the_gradient_nan():
    vectors = F.normalize(torch.ones(4, 3), dim=1).requires_grad_(True)
    loss = triplet_loss(vectors, torch.tensor([0, 0, 1, 1]))
    loss.backward()
    assert loss.item() == pytest.approx(0.2)
    assert torch.isfinite(vectors.grad).all()


@pytest.mark.parametrize(
    ("labels", "says"),
    [([0, 0, 0, 0], "only one person in the batch"), ([0, 0, 1, 2], "has one photo only")],
)
def test_batches_without_triplets(labels, says):
    with pytest.raises(ValueError, match=says) as error:
        hardest_pairs(torch.eye(4), torch.tensor(labels))
    sentence(error)


@pytest.mark.parametrize("margin", [-0.1, "hard", float("nan")])
def test_margins_that_cannot_be(margin):
    with pytest.raises(ValueError, match="must be a distance") as error:
        triplet_loss(*batch(), margin)
    sentence(error)


# The softmax head -----------------------------------------------------------------------------------------------------


def test_softmax_is_scikit_learns_log_loss():
    vectors, labels = batch()
    head = SoftmaxHead(vectors, labels)
    means = np.stack([vectors[labels == person].numpy().mean(axis=0) for person in range(4)])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    scores = np.exp(SOFTMAX_SCALE * vectors.numpy() @ means.T)
    expected = log_loss(labels, scores / scores.sum(axis=1, keepdims=True))
    assert head(vectors, labels).item() == pytest.approx(expected, rel=1e-4)


def test_softmax_needs_two_people():
    with pytest.raises(ValueError, match="only one person to train on") as error:
        SoftmaxHead(torch.eye(3), torch.zeros(3, dtype=torch.int64))
    sentence(error)


# Batches --------------------------------------------------------------------------------------------------------------


def test_batches_hold_so_many_people_with_so_many_photos():
    people = np.random.default_rng(0).permutation(np.repeat(list("abcdefg"), 9))
    batches = pk_batches(people, 3, 4, np.random.default_rng(0))
    assert len(batches) == 6  # 63 photos by 12 and rounded up
    for rows in batches:
        assert len(set(rows)) == 12
        assert sorted(np.unique(people[rows], return_counts=True)[1]) == [4, 4, 4]


def test_epochs_come_to_everybody():
    people, rng = np.repeat(list("abcdefg"), 9), np.random.default_rng(0)
    drawn = np.concatenate([rows for _ in range(20) for rows in pk_batches(people, 3, 4, rng)])
    assert set(drawn) == set(range(63))


def test_batches_follow_the_random_generator():
    people = np.repeat(list("abcdefg"), 9)
    one, again, other = (np.stack(pk_batches(people, 3, 4, np.random.default_rng(seed))) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


def test_few_photos_are_repeated_and_single_ones_left_out():
    people = np.array(list("aabbbc"))
    for rows in pk_batches(people, 2, 4, np.random.default_rng(0)):
        assert sorted(people[rows]) == list("aaaabbbb")


@pytest.mark.parametrize(
    ("people", "people_each", "photos_each", "says"),
    [
        ("abc", 2, 2, "Everybody has one photo only"),
        ("aaaa", 2, 2, "only 1 have two photos"),
        ("aabbc", 3, 2, "only 2 have two photos"),
        ("aabb", 1, 2, "hold no triplets"),
        ("aabb", 2, 1, "hold no triplets"),
    ],
)
def test_people_without_triplets(people, people_each, photos_each, says):
    with pytest.raises(ValueError, match=says) as error:
        pk_batches(list(people), people_each, photos_each, np.random.default_rng(0))
    sentence(error)
