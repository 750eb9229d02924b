"""Training: what is learned, when it stops, that it is the same to the bit, and that what is saved comes back."""

import copy
import itertools
import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from one_sentence import sentence
from safetensors import safe_open

from facelab import FaceEmbedder, equal_error_rate, finetuning, pairwise_distances, split_pairs
from facelab.checkpoints import BUNDLED, save_compact
from facelab.finetuning import Settings, fine_tune, read_settings, save_finetuned
from facelab.losses import SoftmaxHead, triplet_loss
from facelab.trunk import Features, Tail, run_trunk

BLOCK = "last_linear"


@pytest.fixture(scope="module")
def embedder():
    return FaceEmbedder("facelab128")


@pytest.fixture(scope="module")
def tail(embedder):
    return Tail(embedder.network, BLOCK)


def domain(people, photos=6, seed=0):
    """Features of people in a new domain: 40 channels tell who they are, 5 others are louder and tell nothing."""
    rng = np.random.default_rng([seed, *map(ord, people)])
    values = rng.normal(scale=0.1, size=(len(people) * photos, 1792)).astype(np.float32)
    values[:, :40] += np.repeat(rng.normal(size=(len(people), 40)), photos, axis=0)
    values[:, 40:45] += 5 * rng.normal(size=(len(values), 5))
    return Features(torch.from_numpy(values)[:, :, None, None], np.repeat(list(people), photos), BLOCK)


TRAINING, VALIDATION, OTHERS = domain("abcdefghijABCDEFGHIJKLMNOPQRST"), domain("klmnop"), domain("qrstuvwxyz")
QUICK = {"epochs": 3, "people_each": 4, "photos_each": 3, "learning_rate": 1e-3}


def eer(tail, features):
    return equal_error_rate(*split_pairs(pairwise_distances(tail.embed(features)), features.people))[0]


def same(one, other):
    return all(torch.equal(value, other[key]) for key, value in one.items())


@pytest.fixture(scope="module", params=["softmax", "triplets"])
def trained(request, tail):
    settings = Settings(loss=request.param, **QUICK | {"epochs": 12, "patience": 4})
    return fine_tune(tail, TRAINING, VALIDATION, settings, watched={"others": OTHERS})


# What is learned ------------------------------------------------------------------------------------------------------


def test_it_helps_with_people_who_were_never_seen(trained, tail):
    assert eer(trained.tail, OTHERS) < 0.8 * eer(tail, OTHERS)
    assert trained.best_epoch > 0


def test_the_history_says_what_happened(trained, tail):
    history = trained.history
    assert list(history.columns) == ["loss", "training_eer", "validation_eer", "others_eer"]
    assert list(history.index) == list(range(len(history)))
    assert np.isnan(history.loss[0])
    assert history.loss.iloc[-1] < history.loss[1]
    assert history.validation_eer[0] == eer(tail, VALIDATION)


def test_the_best_weights_come_back(trained):
    best = trained.history.validation_eer.idxmin()  # the first, where several are lowest
    assert trained.best_epoch == best
    assert eer(trained.tail, VALIDATION) == trained.history.validation_eer[best]
    assert eer(trained.tail, OTHERS) == trained.history.others_eer[best]
    assert not trained.tail.training


def test_a_large_set_is_judged_by_some_of_its_people(tail, monkeypatch):
    monkeypatch.setattr(finetuning, "MOST_JUDGED", 13)
    history = fine_tune(tail, TRAINING, VALIDATION, Settings(**QUICK | {"epochs": 1})).history
    judged = [
        eer(tail, VALIDATION[np.isin(VALIDATION.people, pair)]) for pair in itertools.combinations("klmnop", 2)
    ]  # 2 people have 12 photos
    assert history.validation_eer[0] in judged
    assert history.validation_eer[0] != eer(tail, VALIDATION)


def test_it_stops_when_validation_gets_no_better(trained):
    last = trained.history.index[-1]
    assert last == min(trained.best_epoch + trained.settings.patience, trained.settings.epochs)


def test_training_that_never_helps_gives_back_what_was(tail):
    training = fine_tune(tail, TRAINING, VALIDATION, Settings(**QUICK | {"learning_rate": 1e-12, "patience": 2}))
    assert training.best_epoch == 0
    assert len(training.history) == 3
    assert same(training.tail.state_dict(), tail.state_dict())


def test_the_tail_that_was_given_is_not_changed(tail, embedder):
    before = copy.deepcopy(tail.state_dict())
    fine_tune(tail, TRAINING, VALIDATION, Settings(**QUICK))
    assert same(tail.state_dict(), before)
    assert same(Tail(embedder.network, BLOCK).state_dict(), before)


@pytest.mark.parametrize("loss", ["softmax", "triplets"])
def test_one_step_is_torchs(tail, loss):
    """One epoch of one batch, written out by hand."""
    settings = Settings(loss=loss, epochs=1, people_each=30, photos_each=6, learning_rate=1e-3, patience=1)
    training = fine_tune(tail, TRAINING, VALIDATION, settings)
    labels = torch.arange(30).repeat_interleave(6)
    expected = copy.deepcopy(tail)
    vectors = F.normalize(expected.last_bn(expected.last_linear(TRAINING.values[:, :, 0, 0])))
    head = SoftmaxHead(vectors.detach(), labels)
    optimiser = torch.optim.AdamW(expected.parameters(), lr=1e-3)
    value = head(vectors, labels) if loss == "softmax" else triplet_loss(vectors, labels, "soft")
    value.backward()
    optimiser.step()
    assert training.history.loss[1] == pytest.approx(value.item(), rel=1e-4)
    before = eer(expected, VALIDATION)
    assert training.history.validation_eer[1] == pytest.approx(before, abs=0.01)


def test_statistics_adapt_only_if_they_are_asked_to(tail):
    frozen, adapted = (
        fine_tune(tail, TRAINING, VALIDATION, Settings(**QUICK, adapt_statistics=adapt)) for adapt in (False, True)
    )
    for key in ("last_bn.running_mean", "last_bn.running_var"):
        assert torch.equal(frozen.tail.state_dict()[key], tail.state_dict()[key])
        assert adapted.best_epoch == 0 or not torch.equal(adapted.tail.state_dict()[key], tail.state_dict()[key])
    assert (adapted.history.loss[1:] != frozen.history.loss[1:]).all()


# The same to the bit --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["softmax", "triplets"])
def test_training_is_the_same_to_the_bit(tail, loss):
    one, again, other = (
        fine_tune(tail, TRAINING, VALIDATION, Settings(loss=loss, **QUICK, dropout=0.3, seed=seed))
        for seed in (0, 0, 1)
    )
    assert same(one.tail.state_dict(), again.tail.state_dict())
    assert one.history.equals(again.history)
    assert not one.history.loss.equals(other.history.loss)


def test_torch_is_left_as_it_was(tail):
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    fine_tune(tail, TRAINING, VALIDATION, Settings(**QUICK | {"epochs": 1}))
    assert torch.equal(torch.rand(1), expected)
    assert not torch.are_deterministic_algorithms_enabled()


def test_torch_is_left_as_it_was_after_an_error(tail):
    with pytest.raises(ValueError, match="lower learning rate"):
        fine_tune(tail, TRAINING, VALIDATION, Settings(**QUICK | {"learning_rate": 1e30}))
    assert not torch.are_deterministic_algorithms_enabled()


# Saved, and loaded again ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def saved(embedder, tail, tmp_path_factory):
    crops = torch.from_numpy(np.random.default_rng(0).uniform(-1, 1, (4, 3, 80, 80)).astype(np.float32))
    photos = run_trunk(embedder, crops, list("aabb"), block=BLOCK)
    settings = Settings(**QUICK | {"learning_rate": 2e-3}, margin=0.3)  # far enough to be told from int8's rounding
    training = fine_tune(tail, TRAINING, VALIDATION, settings)
    path = tmp_path_factory.mktemp("saved") / "tuned.safetensors"
    assert save_finetuned(training, embedder, path, name="tuned", trained_on="made-up people") == path
    return path, training, crops, photos


def test_what_is_saved_is_reloaded_as_an_embedder(saved, embedder, tail):
    path, training, crops, photos = saved
    reloaded = FaceEmbedder(path)
    assert (reloaded.name, reloaded.image_size) == ("tuned", embedder.image_size)
    assert reloaded.fingerprint != embedder.fingerprint
    expected = training.tail.embed(photos)
    assert np.linalg.norm(reloaded.embed(crops) - expected, axis=1).max() < 0.02  # int8 moves it by so much
    assert np.linalg.norm(tail.embed(photos) - expected, axis=1).min() > 0.05  # and training by more


def test_the_file_says_how_it_was_made(saved, embedder):
    path, training, *_ = saved
    with safe_open(path, "pt") as file:
        header = file.metadata()
    assert header["trained_on"] == "made-up people"
    assert header["fine_tuned_from"] == f"facelab128 {embedder.fingerprint}"
    assert header["block"] == BLOCK
    assert header["best_epoch"] == str(training.best_epoch)
    assert json.loads(header["settings"]) == asdict(training.settings)
    assert read_settings(path) == training.settings


def test_a_damaged_checkpoint_is_refused(saved, tmp_path):
    whole = saved[0].read_bytes()
    for damage in (whole[: len(whole) // 2], b"\xff" * 8 + whole[8:], b"<!DOCTYPE html>", b""):
        path = tmp_path / "damaged.safetensors"
        path.write_bytes(damage)
        for read in (FaceEmbedder, read_settings):
            with pytest.raises(ValueError, match="cannot be read as a checkpoint") as error:
                read(path)
            assert str(path) in str(error.value)


def test_a_checkpoint_that_was_not_fine_tuned_has_no_settings(embedder, tmp_path):
    with pytest.raises(ValueError, match="does not say how it was trained") as error:
        read_settings(BUNDLED)
    sentence(error)
    save_compact(
        embedder.network, tmp_path / "x.safetensors", name="x", image_size=96, trained_on="x", settings='{"x": 1}'
    )
    with pytest.raises(ValueError, match="does not say how it was trained"):
        read_settings(tmp_path / "x.safetensors")
    with pytest.raises(FileNotFoundError):
        read_settings(tmp_path / "none.safetensors")


def test_a_tail_of_nan_is_not_saved(saved, embedder, tmp_path):
    broken = copy.deepcopy(saved[1])
    with torch.no_grad():
        broken.tail.last_linear.weight[0, 0] = torch.nan
    with pytest.raises(ValueError, match="not finite"):
        save_finetuned(broken, embedder, tmp_path / "x.safetensors", name="x", trained_on="x")
    assert list(tmp_path.iterdir()) == []


# What cannot be trained -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("training", "validation", "options", "says"),
    [
        (TRAINING, domain("kj"), {}, r"1 person \(j\) on both sides"),
        (domain("a"), VALIDATION, {}, "only one person to train on"),
        (domain("a"), VALIDATION, {"loss": "triplets"}, "no impostor pairs: it takes two people"),
        (domain("abcdef", 1), VALIDATION, {"loss": "triplets"}, "a person needs two photos or more"),
        (domain("ab"), VALIDATION, {"loss": "triplets"}, "only 2 have two photos"),
        (TRAINING, domain("klm", 1), {}, "a person needs two photos or more"),
        (TRAINING, domain("k"), {}, "it takes two people"),
        (TRAINING, Features(VALIDATION.values[:, :9], VALIDATION.people, BLOCK), {}, "through the same trunk"),
        (TRAINING, Features(VALIDATION.values, VALIDATION.people, "block8"), {}, "through the same trunk"),
        (TRAINING, VALIDATION, {"learning_rate": 1e30}, "try a lower learning rate"),
    ],
)
def test_what_cannot_be_trained_has_a_sentence(tail, training, validation, options, says):
    with pytest.raises(ValueError, match=says) as error:
        fine_tune(tail, training, validation, Settings(**QUICK | options))
    sentence(error)


def test_features_of_another_cut_than_the_tail(tail):
    sets = [Features(each.values, each.people, "block8") for each in (TRAINING, VALIDATION)]
    with pytest.raises(ValueError, match="cut before block8, but this tail begins with last_linear") as error:
        fine_tune(tail, *sets)
    sentence(error)


def test_a_watched_set_cannot_take_the_place_of_another(tail):
    with pytest.raises(ValueError, match="'validation', which the history needs") as error:
        fine_tune(tail, TRAINING, VALIDATION, watched={"validation": OTHERS, "others": OTHERS})
    sentence(error)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"loss": "contrastive"}, "must be one of softmax, triplets"),
        ({"learning_rate": 0}, "cannot be"),
        ({"learning_rate": float("nan")}, "cannot be"),
        ({"weight_decay": -1}, "cannot be"),
        ({"dropout": 1.0}, "cannot be"),
        ({"epochs": 0}, "whole numbers from 1"),
        ({"patience": 0}, "whole numbers from 1"),
        ({"people_each": 2.5}, "whole numbers from 1"),
    ],
)
def test_settings_that_cannot_be(options, says):
    with pytest.raises(ValueError, match=says) as error:
        Settings(**options)
    sentence(error)
