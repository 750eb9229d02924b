"""Made-up people are spread like the measured ones, and are always the same."""

import numpy as np
import pytest
from one_sentence import sentence
from scipy.stats import ks_2samp

from facelab import Population, pairwise_distances, split_pairs


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def measured(people: int = 60, photos: int = 6, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """People who differ along some of 32 directions more than along others, with photos that are not normal."""
    rng = np.random.default_rng(seed)
    means = rng.normal(size=(people, 1, 32)) * np.linspace(2, 0.2, 32)
    differences = rng.standard_t(4, size=(people, photos, 32)) * 0.4
    return unit(means + differences).reshape(-1, 32), np.repeat(np.arange(people), photos)


def distances_of(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    people = np.repeat(np.arange(len(vectors)), vectors.shape[1])
    return split_pairs(pairwise_distances(vectors.reshape(-1, vectors.shape[2])), people)


def test_genuine_and_impostor_distances_are_spread_like_those_of_others_of_the_same_kind():
    vectors, people = measured()
    made = Population(vectors, people).sample(300, 4)
    others, labels = measured(300, 4, seed=1)
    for ours, theirs in zip(distances_of(made), split_pairs(pairwise_distances(others), labels), strict=True):
        assert ks_2samp(ours, theirs).statistic < 0.08


def test_a_wrong_spread_is_seen():
    vectors, people = measured()
    others, labels = measured(300, 4, seed=1)
    impostor = split_pairs(pairwise_distances(others), labels)[1]
    right, wrong = (distances_of(Population(vectors, people, spread).sample(300, 4))[1] for spread in (None, 1.0))
    assert abs(right.std() - impostor.std()) < 0.01
    assert abs(wrong.std() - impostor.std()) > 0.02


def test_shape_length_and_seed():
    population = Population(*measured())
    made = population.sample(70_000, 2)
    assert made.shape == (70_000, 2, 32)
    assert made.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(made, axis=2), 1, atol=1e-5)
    np.testing.assert_allclose(population.sample(66_000)[:, 0], made[:66_000, 0], atol=1e-6)
    np.testing.assert_allclose(population.sample(10, 3)[:, :2], made[:10], atol=1e-6)
    assert not np.array_equal(population.sample(10, seed=1), made[:10, :1])


def test_no_two_photos_are_the_same():
    made = Population(*measured(photos=3)).sample(50, 4).reshape(-1, 32)
    distances = pairwise_distances(made)
    assert distances[~np.eye(len(made), dtype=bool)].min() > 0.02


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"people": np.arange(12)}, "two photos"),
        ({"people": np.zeros(12)}, "two people"),
        ({"people": np.arange(11)}, "labels"),
        ({"spread": 1.5}, "spread is 1.5"),
        ({"spread": float("nan")}, "spread is nan"),
    ],
)
def test_bad_input_gets_one_sentence(given, said):
    vectors, people = measured(2, 6)
    with pytest.raises(ValueError, match=said) as error:
        Population(**{"vectors": vectors, "people": people, **given})
    sentence(error)


@pytest.mark.parametrize(("people", "photos"), [(0, 1), (1, 0)])
def test_nobody_and_nothing_cannot_be_made(people, photos):
    with pytest.raises(ValueError, match="counted from one") as error:
        Population(*measured()).sample(people, photos)
    sentence(error)
