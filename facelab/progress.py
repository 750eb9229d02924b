"""Progress bars, as text or as a widget, that appear only where something takes long."""

from __future__ import annotations

from tqdm.auto import tqdm


def progress_bar(iterable=None, *, show: bool = True, **options) -> tqdm:
    """Make a `tqdm` bar that appears after a second's work.

    `show=False` keeps it away, and so does tqdm's own environment variable TQDM_DISABLE=1, for which the option has to
    be left out: tqdm takes `disable=False` for the last word.
    """
    return tqdm(iterable, delay=1, **options, **({} if show else {"disable": True}))
