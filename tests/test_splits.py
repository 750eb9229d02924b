"""Splits by person: nobody on both sides, nobody lost, and a checker that finds people and photos that are."""

import re

import numpy as np
import pandas as pd
import pytest
from one_sentence import sentence

from facelab import load_cast
from facelab.splits import check_disjoint, find_leak, people_folds, split_people


def table(people):
    return pd.DataFrame({"person": list(people)})


def uneven(number=11):
    """Photos of people, from one to many of each, mixed."""
    people = np.repeat([f"p{i}" for i in range(number)], np.arange(1, number + 1))
    return table(np.random.default_rng(0).permutation(people))


def test_the_cast_says_itself_who_is_for_what():
    cast = pd.concat([load_cast(), load_cast("strangers")], ignore_index=True)
    split = split_people(cast, validation=0.9, seed=5)
    for name in ("train", "validation", "test"):
        assert set(cast["training_split"].iloc[getattr(split, name)]) == {name}
    known = (cast["training_split"] != "stranger").sum()
    assert len(split.train) + len(split.validation) + len(split.test) == known < len(cast)
    assert find_leak(cast.iloc[split.train], cast.iloc[split.test]) == ""


@pytest.mark.parametrize("seed", range(5))
def test_other_people_are_drawn_whole(seed):
    photos = uneven()
    split = split_people(photos, validation=0.2, test=0.3, seed=seed)
    sides = [set(photos["person"].iloc[rows]) for rows in (split.train, split.validation, split.test)]
    assert sorted(np.concatenate([split.train, split.validation, split.test])) == list(range(len(photos)))
    assert sum(map(len, sides)) == 11 == len(set.union(*sides))
    assert [len(side) for side in sides] == [4, 3, 4]  # scikit-learn rounds the share that is drawn up
    again = split_people(photos, validation=0.2, test=0.3, seed=seed)
    np.testing.assert_array_equal(split.test, again.test)


def test_another_seed_draws_others():
    photos = uneven()
    drawn = {tuple(np.unique(photos["person"].iloc[split_people(photos, seed=seed).test])) for seed in range(5)}
    assert len(drawn) > 1


@pytest.mark.parametrize(
    ("photos", "options", "says"),
    [
        (table("aabbccdd"), {}, "each needs 2 at the very least"),
        (table("aabbcc").assign(training_split=["train"] * 6), {}, "would get 3, 0 and 0"),
        (uneven(), {"validation": 0.6, "test": 0.4}, "leave nothing for one of the three"),
        (uneven(), {"test": 0}, "leave nothing"),
        (table([]), {}, "no photos on one side"),
        (table(["a", None]), {}, "A label is missing"),
        (pd.DataFrame({"who": ["a"]}), {}, "lacks person"),
        (table("aabbccddeefa").assign(training_split=(["train"] * 4 + ["validation"] * 4 + ["test"] * 4)), {}, "(a)"),
    ],
)
def test_splits_that_cannot_be(photos, options, says):
    with pytest.raises(ValueError, match=re.escape(says)) as error:
        split_people(photos, **options)
    sentence(error)


def test_folds_judge_everybody_once_by_others():
    people = uneven()["person"].to_numpy()
    folds = people_folds(people, 4)
    assert sorted(np.concatenate([judged for _, judged in folds])) == list(range(len(people)))
    for learned, judged in folds:
        assert not set(people[learned]) & set(people[judged])
        assert len(learned) + len(judged) == len(people)


@pytest.mark.parametrize(("people", "folds"), [("aabbcc", 2), ("aabbccdd", 1), ("aabbccdd", 3), ("aaaa", 2)])
def test_folds_that_cannot_be(people, folds):
    with pytest.raises(ValueError, match="cannot be made of") as error:
        people_folds(list(people), folds)
    sentence(error)


def photos_in(folder, contents):
    """Write files of these bytes, each of a person named after the folder."""
    folder.mkdir()
    for i, content in enumerate(contents):
        (folder / f"{i}.jpg").write_bytes(content)
    paths = [folder / f"{i}.jpg" for i in range(len(contents))]
    return pd.DataFrame({"path": paths, "person": [f"{folder.name}{i}" for i in range(len(contents))]})


def test_a_clean_split_has_no_leak(tmp_path):
    assert not find_leak(photos_in(tmp_path / "a", [b"1", b"2"]), photos_in(tmp_path / "b", [b"3", b"4"]))
    assert not find_leak(table("aab"), table("cdd"))


def test_a_person_on_both_sides_is_found():
    leak = find_leak(table("aabbc"), table("cddbb"))
    assert leak.startswith("2 people (b, …) on both sides of the split: ")
    assert not re.search(r"[.!?]\s", leak)
    assert find_leak(table("aab"), table("bcc")).startswith("1 person (b) on")


def test_a_photo_on_both_sides_is_found_under_another_name(tmp_path):
    learned = photos_in(tmp_path / "a", [b"1", b"2", b"3"])
    judged = photos_in(tmp_path / "b", [b"4", b"2"])
    assert find_leak(learned, judged).startswith("1 photo (1.jpg) on both sides of the split: ")
    assert find_leak(learned, learned).startswith("3 people (a0, …) and 3 photos (0.jpg, …) on both sides")
    assert find_leak(learned.drop(columns="path"), judged) == ""


def test_a_missing_photo_is_named(tmp_path):
    photos = photos_in(tmp_path / "a", [b"1"])
    (tmp_path / "a" / "0.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"0\.jpg") as error:
        find_leak(photos, photos)
    assert str(error.value).startswith("There is no file ")


def test_an_empty_side_is_no_split():
    with pytest.raises(ValueError, match="no photos on one side") as error:
        find_leak(table("ab"), table([]))
    sentence(error)


def test_check_raises_what_is_found():
    check_disjoint(["a", "b"], ["c"])
    check_disjoint(np.array([1, 2]), np.array([3]))
    with pytest.raises(ValueError, match=r"1 person \(b\)") as error:
        check_disjoint(["a", "b"], ["b", "c"])
    sentence(error)
