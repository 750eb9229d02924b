"""The look of every picture: colours that keep their meaning, and matplotlib's settings.

Colours are Okabe and Ito's, which survive colour blindness; genuine pairs are always blue and impostor pairs always
vermilion.
"""

import matplotlib.pyplot as plt

GENUINE, IMPOSTOR = "#0072B2", "#D55E00"
FOUND, TRUTH, LANDMARK = "#56B4E9", "#009E73", "#F0E442"
# For anything else: lines of a plot begin with the colours that have no meaning of their own.
PALETTE = ("#CC79A7", "#E69F00", "#000000", "#999999", FOUND, TRUTH, LANDMARK, GENUINE, IMPOSTOR)


def use_style() -> None:
    """Set matplotlib up for the suite: call it once, in a notebook's first cell."""
    plt.rcParams.update(
        {
            "figure.dpi": 96,
            "savefig.bbox": "tight",
            "figure.constrained_layout.use": True,
            "axes.prop_cycle": plt.cycler(color=PALETTE),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": "medium",
            "axes.titlelocation": "left",
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": "#e6e6e6",
            "legend.frameon": False,
            "image.cmap": "magma",
        }
    )
