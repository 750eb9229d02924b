"""Exercises: `check("01.2", answer)` says whether an answer is right and, if not, what is wrong without giving it away.

Each notebook ends with its exercises, and has a module of judges: `judges_01.py` for notebook 01. A judge looks at one
answer and returns what is wrong with it, or None. Answers that are functions are tried on cases, by `called`, and
compared with the library function that does the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

import numpy as np

#: What a judge says to anything but a function where a function is asked for.
NO_FUNCTION = "Give the function itself, without calling it."
#: And to a function that is still as the notebook has it.
NOTHING = "Your function gives nothing back yet: put its body in place of the three dots."

_JUDGES: dict[str, tuple[Callable[[object], str | None], str]] = {}


@dataclass(frozen=True)
class Verdict:
    """What `check` found: true when the answer is right, and shown as a sentence."""

    number: str
    right: bool
    sentence: str

    def __bool__(self) -> bool:
        return self.right

    def __repr__(self) -> str:
        return f"{'✓' if self.right else '✗'} {self.number}  {self.sentence}"


def check(number: str, answer: object = ...) -> Verdict:
    """Check the answer to an exercise.

    Parameters
    ----------
    number : str
        As the notebook gives it: notebook and exercise, such as "01.2".
    answer
        A number, text, array or function, as the exercise asks. An answer left as `...` is not judged.

    Returns
    -------
    Verdict
        True or false in a condition; in a notebook it shows itself as a sentence. It never shows the solution.

    Raises
    ------
    ValueError
        If there is no exercise of this number.
    """
    module = f"facelab.judges_{str(number)[:2]}"
    if re.fullmatch(r"\d\d\.\d+", str(number)) and find_spec(module):
        import_module(module)
    if number not in _JUDGES:
        raise ValueError(f"There is no exercise {number!r}: give its number as the notebook does, such as '01.2'.")
    if answer is ...:
        return Verdict(
            number, False, "Not answered yet: put your answer in place of the three dots and run the cell again."
        )
    judge, praise = _JUDGES[number]
    try:
        wrong = judge(answer)
    except Wrong as error:
        wrong = str(error)
    except Exception as error:  # a learner's function may fail in any way, and a wrong kind of answer in many
        wrong = f"Trying your answer raised {type(error).__name__}: {error}"
    return Verdict(number, wrong is None, wrong or praise)


class Wrong(Exception):
    """A sentence on what is wrong with an answer, where that ends the judging of it."""


def called(answer: object, *arguments: object) -> object:
    """Give what a learner's function gives back; `Wrong` if it is no function, or still as the notebook has it."""
    if not callable(answer):
        raise Wrong(NO_FUNCTION)
    found = answer(*arguments)
    if found is None or found is ...:
        raise Wrong(NOTHING)
    return found


def number_in(answer: object) -> float | None:
    """Give an answer as a number, or None if it is none."""
    if isinstance(answer, bool) or np.ndim(answer) != 0:
        return None
    try:
        value = float(answer)
    except (TypeError, ValueError):
        return None
    return None if np.isnan(value) else value


def exercise(number: str, praise: str):
    """Register the decorated judge for this exercise; praise is said when the answer is right."""

    def register(judge: Callable[[object], str | None]):
        _JUDGES[number] = judge, praise
        return judge

    return register
