"""Where torch computes: the CPU unless told otherwise, so that everybody sees the same numbers."""

from __future__ import annotations

import torch


def checked_device(device: str | torch.device) -> torch.device:
    """Give a torch device by its name; ValueError with one sentence if torch cannot compute on it here."""
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"torch cannot compute on {str(device)!r} here: give 'cpu', or leave device out.") from error
