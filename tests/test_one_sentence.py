"""The check of errors' sentences notices what is none."""

import pytest
from one_sentence import sentence


def caught(message):
    with pytest.raises(ValueError) as error:  # noqa: PT011
        raise ValueError(message)
    return error


def test_a_sentence_is_given_back():
    assert (
        sentence(caught("There is no a.jpg, v2.5 of it: give another."))
        == "There is no a.jpg, v2.5 of it: give another."
    )


@pytest.mark.parametrize("message", ["no full stop", "Two. Sentences.", "What? A question.", "Two\nlines.", ""])
def test_what_is_none_is_refused(message):
    with pytest.raises(AssertionError):
        sentence(caught(message))
