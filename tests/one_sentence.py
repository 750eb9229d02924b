"""What the suite asks of every error that a user can meet: one sentence, on one line."""

import re


def is_one_sentence(message: str) -> bool:
    """Whether a message ends in a full stop, on its one line, and nothing before that ends a sentence."""
    return message.endswith(".") and "\n" not in message and not re.search(r"[.!?]\s", message)


def sentence(error) -> str:
    """Give the message of what `pytest.raises` caught, after making sure that it is one sentence."""
    message = str(error.value)
    assert is_one_sentence(message), message
    return message
