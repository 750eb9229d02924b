"""Each judge of notebook 05 accepts a right answer and says what is wrong with the usual wrong ones."""

import numpy as np
import torch
from judged import judging_tests

from facelab.judges_05 import _stopped

NORMS = (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)


def hardest(distances, people):
    same = people[:, None] == people
    return np.where(same, distances, -np.inf).max(axis=1), np.where(same, np.inf, distances).min(axis=1)


def easiest(distances, people):
    same = (people[:, None] == people) & ~np.eye(len(people), dtype=bool)
    return np.where(same, distances, np.inf).min(axis=1), np.where(same, -np.inf, distances).max(axis=1)


def nearest_with_itself(distances, people):
    return hardest(distances, people)[0], distances.min(axis=1)


def changes_the_matrix(distances, people):
    both = hardest(distances, people)
    distances[people[:, None] == people] = np.inf
    return both


def divide(people, share, seed):
    names = np.random.default_rng(seed).permutation(np.unique(people))
    judged = np.isin(people, names[: round(share * len(names))])
    return np.flatnonzero(~judged), np.flatnonzero(judged)


def by_photos(people, share, seed):
    shuffled = np.random.default_rng(seed).permutation(len(people))
    cut = round(share * len(people))
    return shuffled[cut:], shuffled[:cut]


def first_people(people, share, seed):
    return divide(people, share, 0)


LOT = np.random.default_rng(0)


def without_seed(people, share, seed):
    return divide(people, share, LOT.integers(2**32))


def masks(people, share, seed):
    _, judged = divide(people, share, seed)
    mask = np.isin(np.arange(len(people)), judged)
    return ~mask, mask


def one_photo_each(people, share, seed):
    learned, judged = divide(people, share, seed)
    return learned, judged[:-1]


def train_mode(network):
    network.train()
    for part in network.modules():
        if isinstance(part, NORMS):
            part.eval()


def top_level_only(network):
    network.train()
    for part in network.children():
        if isinstance(part, NORMS):
            part.eval()


def of_one_kind(network):
    network.train()
    for part in network.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.eval()


def frozen_too(network):
    train_mode(network)
    for part in network.modules():
        if isinstance(part, NORMS):
            part.requires_grad_(False)


def changes_statistics(network):
    train_mode(network)
    with torch.no_grad():
        network.last_bn.running_mean += 1


def stop(rates, patience):
    best = 0
    for epoch, rate in enumerate(rates):
        if rate < rates[best]:
            best = epoch
        if epoch - best >= patience:
            break
    return best, epoch


def one_late(rates, patience):
    best, last = stop(rates, patience + 1)
    return best, last


def best_of_all(rates, patience):
    return int(np.argmin(rates)), stop(rates, patience)[1]


def ties_count(rates, patience):
    best = 0
    for epoch, rate in enumerate(rates):
        if rate <= rates[best]:
            best = epoch
        if epoch - best >= patience:
            break
    return best, epoch


RIGHT = [
    ("05.1", (0.2, np.log(2), 0.5)),
    ("05.1", [0.2, 0.69, 0.5]),
    ("05.1", np.array([0.2, 0.693, 0.5])),
    ("05.2", hardest),
    ("05.2", lambda *given: np.array(hardest(*given))),
    ("05.3", divide),
    ("05.3", lambda *given: [side.tolist() for side in divide(*given)]),
    ("05.4", train_mode),
    ("05.5", stop),
    ("05.5", lambda *given: np.array(stop(*given))),
]
WRONG = [
    ("05.1", (0, 0, 0.5), "margin of 0.2"),
    ("05.1", (0.2, 0, 0.5), "soft margin"),
    ("05.1", (0.2, 0.69, 0), "accepts all pairs or none"),
    ("05.1", 0.2, "three numbers"),
    ("05.1", (0.2, float("nan"), 0.5), "three numbers"),
    ("05.1", "collapsed", "three numbers"),
    ("05.2", easiest, "nearest photo of another"),
    ("05.2", lambda *given: (easiest(*given)[0], hardest(*given)[1]), "farthest photo of the same person"),
    ("05.2", nearest_with_itself, "nearest photo of another"),
    ("05.2", lambda *given: hardest(*given)[::-1], "farthest photo of the same person"),
    ("05.2", changes_the_matrix, "changed the matrix"),
    ("05.2", lambda *given: hardest(*given)[0], "two things"),
    ("05.2", lambda *given: [part.max() for part in hardest(*given)], "shape ()"),
    ("05.2", lambda *given: ..., "nothing back yet"),
    ("05.2", 0.2, "the function itself"),
    ("05.3", by_photos, "on both sides"),
    ("05.3", first_people, "drawn by lot"),
    ("05.3", without_seed, "could repeat"),
    ("05.3", masks, "row numbers"),
    ("05.3", one_photo_each, "go to one side, once"),
    ("05.3", lambda people, share, seed: divide(people, 1 - share / 2, seed), "should be judged"),
    ("05.3", lambda *given: divide(*given)[0], "two arrays"),
    ("05.3", lambda *given: None, "nothing back yet"),
    ("05.3", 0.25, "the function itself"),
    ("05.4", lambda network: network.train(), "from the batch"),
    ("05.4", lambda network: network.eval(), "dropout is off"),
    ("05.4", lambda network: None, "dropout is off"),
    ("05.4", top_level_only, "still in train mode (BatchNorm2d)"),
    ("05.4", of_one_kind, "still in train mode (BatchNorm1d)"),
    ("05.4", frozen_too, "cannot learn"),
    ("05.4", changes_statistics, "changed weights"),
    ("05.4", lambda: None, "TypeError"),
    ("05.4", None, "the function itself"),
    ("05.5", one_late, "the last"),
    ("05.5", best_of_all, "the best epoch is 2"),
    ("05.5", ties_count, "the best epoch is 1"),
    ("05.5", lambda *given: stop(*given)[0], "two epochs"),
    ("05.5", lambda *given: ..., "nothing back yet"),
    ("05.5", 3, "the function itself"),
]


test_right_answers_are_accepted, test_wrong_answers_are_told_what_is_wrong, test_no_answer_is_not_judged = (
    judging_tests(RIGHT, WRONG, ["05.1", "05.2", "05.3", "05.4", "05.5"])
)


def test_the_judge_of_stopping_agrees_with_a_loop_on_random_rates():
    rng = np.random.default_rng(0)
    for _ in range(300):
        rates, patience = rng.integers(1, 6, rng.integers(1, 12)).tolist(), int(rng.integers(1, 5))
        assert _stopped(rates, patience) == stop(rates, patience)
