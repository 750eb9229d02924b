"""What the suite asks of every error that a user can meet: one sentence, on one line."""

import re


def sentence(error) -> str:
    """Give the message of what `pytest.raises` caught, after making sure that it is one sentence."""
    message = str(error.value)
    assert message.endswith(".")
    assert "\n" not in message
    assert not re.search(r"[.!?]\s", message)
    return message
