"""Progress bars, as text or as a widget, that appear only where something takes long."""

from __future__ import annotations

import os

from tqdm.auto import tqdm


def progress_bar(iterable=None, *, show: bool = True, **options) -> tqdm:
    """Make a `tqdm` bar that appears after a second's work.

    `show=False` keeps it away, and so does tqdm's own environment variable TQDM_DISABLE=1, which its widget form would
    ignore: a stored notebook must not depend on how fast a machine is.
    """
    disabled = os.environ.get("TQDM_DISABLE", "0") not in ("", "0")
    return tqdm(iterable, delay=1, disable=disabled or not show, **options)
