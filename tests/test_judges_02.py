"""Each judge of notebook 02 accepts a right answer and says what is wrong with the usual wrong ones."""

import numpy as np
import torch
import torch.nn.functional as F
from judged import judging_tests

from facelab import check
from facelab.judges_02 import EDITS


def standardise(pixels):
    return (pixels.float() - 127.5) / 128


def in_place(pixels):
    return pixels.sub_(127.5).div_(128) if pixels.is_floating_point() else standardise(pixels)


def mended(network, crops):
    network.eval()
    with torch.no_grad():
        return F.normalize(network(crops), dim=1)


def forgot_eval(network, crops):
    with torch.no_grad():
        return F.normalize(network.train()(crops), dim=1) if len(crops) > 1 else mended(network, crops)


def wrong_axis(network, crops):
    return F.normalize(network.eval()(crops), dim=0)


def always_the_same(network, crops):
    return torch.eye(len(crops), 8)


def moved(embed, crop, top, left, side):
    covered = crop.clone()
    covered[:, top : top + side, left : left + side] = 0
    a, b = embed(torch.stack([crop, covered]))
    return np.linalg.norm(a - b)


def paints_over(embed, crop, top, left, side):
    before = embed(crop[None])
    crop[:, top : top + side, left : left + side] = 0
    return np.linalg.norm(before - embed(crop[None]))


def rows_and_columns_swapped(embed, crop, top, left, side):
    return moved(embed, crop, left, top, side)


def the_other_way(pixels):
    return pixels.float() / 127.5 - 1


RIGHT = [
    ("02.1", standardise),
    ("02.2", "upside down"),
    ("02.3", mended),
    ("02.3", lambda network, crops: mended(network, crops).numpy()),
    ("02.4", moved),
    ("02.5", 5_120_000_000),
    ("02.5", np.float64(5.12e9)),
]
WRONG = [
    ("02.1", the_other_way, "should become"),
    ("02.1", lambda pixels: pixels.float() / 255, "should become"),
    ("02.1", lambda pixels: (pixels - 128) / 128, "should become"),  # uint8 wraps around
    ("02.1", lambda pixels: standardise(pixels).byte(), "no fractions"),
    ("02.1", lambda pixels: standardise(pixels)[0], "of that shape"),
    ("02.1", in_place, "changed the pixels"),
    ("02.1", lambda pixels: None, "nothing back yet"),
    ("02.1", 3, "the function itself"),
    ("02.1", lambda pixels: pixels.nothing(), "AttributeError"),
    ("02.2", "sideways", "one of the four"),
    ("02.2", "grey", "others by more"),
    ("02.3", forgot_eval, "two different answers"),
    ("02.3", wrong_axis, "has length"),
    ("02.3", lambda network, crops: network.eval()(crops), "has length"),
    ("02.3", always_the_same, "directions"),
    ("02.3", lambda network, crops: mended(network, crops)[0], "should give vectors of shape"),
    ("02.3", None, "the function itself"),
    ("02.4", paints_over, "painted over"),
    ("02.4", rows_and_columns_swapped, "moves a test vector"),
    ("02.4", lambda embed, *rest: moved(embed, *rest) ** 2, "moves a test vector"),
    ("02.4", lambda *given: np.zeros(3), "one distance"),
    ("02.4", lambda embed, crop, *rest: embed(crop), "embed wants"),
    ("02.4", lambda *given: ..., "nothing back yet"),
    ("02.4", 0.5, "the function itself"),
    ("02.5", 5.12, "another unit"),
    ("02.5", 1_024_000_000, "more than one photo"),
    ("02.5", 10_240_000_000, "float16"),
    ("02.5", 1_280_000_000, "Which weights"),
    ("02.5", 7, "Multiply"),
    ("02.5", "much", "a number"),
]


test_right_answers_are_accepted, test_wrong_answers_are_told_what_is_wrong, test_no_answer_is_not_judged = (
    judging_tests(RIGHT, WRONG, ["02.1", "02.2", "02.3", "02.4", "02.5"])
)


def test_every_edit_but_the_right_one_is_refused():
    assert [edit for edit in EDITS if check("02.2", edit)] == ["upside down"]
