"""What the tests of every notebook's judges ask: right answers accepted, wrong ones told why, none not judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from facelab import check


def judging_tests(right: Sequence, wrong: Sequence, numbers: Sequence[str]) -> tuple[Callable, Callable, Callable]:
    """Make the three tests of a notebook's judges.

    Parameters
    ----------
    right : (number, answer), or pytest.param of these
    wrong : (number, answer, said), or pytest.param of these
        `said` is a part of the sentence with which the answer is refused.
    numbers : sequence of str
        Of the notebook's exercises.
    """

    @pytest.mark.parametrize(("number", "answer"), right)
    def accepted(number, answer):
        verdict = check(number, answer)
        assert verdict, verdict

    @pytest.mark.parametrize(("number", "answer", "said"), wrong)
    def refused(number, answer, said):
        verdict = check(number, answer)
        assert not verdict
        assert said in verdict.sentence

    @pytest.mark.parametrize("number", numbers)
    def not_judged(number):
        assert "Not answered yet" in check(number).sentence

    return accepted, refused, not_judged
