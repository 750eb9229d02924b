"""Verification: are these two the same person? Decisions by a threshold, and how they are judged (notebook 04)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike


def kfold_accuracy(distances: ArrayLike, same: ArrayLike, folds: ArrayLike) -> pd.DataFrame:
    """Accuracy of "same person if nearer than a threshold" by the protocol of Labeled Faces in the Wild.

    For each fold, the threshold that is right most often on all other folds decides this fold's pairs (Huang et al.
    2007, section 4, image-restricted training). No pair is judged by a threshold that has seen it.

    Parameters
    ----------
    distances : (n,) float
    same : (n,) bool
        Whether the pair is genuine.
    folds : (n,) of any labels
        The fold each pair belongs to, as `load_lfw_pairs` gives it.

    Returns
    -------
    pandas.DataFrame
        One row per fold: threshold (the distance below which a pair counts as genuine) and accuracy (0 to 1). The
        figure that papers report is `accuracy.mean()`, with `accuracy.std() / sqrt(folds)` as its standard error.

    Raises
    ------
    ValueError
        If the lengths differ, a distance is not finite, same is not boolean, or there are fewer than two folds.
    """
    distances, same, folds = np.asarray(distances, float), np.asarray(same), np.asarray(folds)
    if not distances.shape == same.shape == folds.shape or distances.ndim != 1:
        raise ValueError(
            f"distances, same and folds must be lists of one length, but have shapes {distances.shape}, {same.shape} "
            f"and {folds.shape}."
        )
    if not np.isin(same, (False, True)).all():
        raise ValueError("same must hold True for a genuine pair and False for an impostor pair, and nothing else.")
    if not np.isfinite(distances).all():
        raise ValueError(
            f"{(~np.isfinite(distances)).sum()} of the distances are NaN or infinite: leave these pairs out of all "
            "three lists, and say how many they were."
        )
    same = same.astype(bool)
    names = np.unique(folds)
    if len(names) < 2:
        raise ValueError("There is only one fold: choosing a threshold on some pairs and judging on others needs two.")
    rows = []
    for name in names:
        held_out = folds == name
        threshold = _most_accurate_threshold(distances[~held_out], same[~held_out])
        accuracy = ((distances[held_out] < threshold) == same[held_out]).mean()
        rows.append((name, threshold, accuracy))
    return pd.DataFrame(rows, columns=["fold", "threshold", "accuracy"]).set_index("fold")


def _most_accurate_threshold(distances: np.ndarray, same: np.ndarray) -> float:
    """The threshold, half-way between two neighbouring distances, that sorts most pairs rightly."""
    order = np.argsort(distances)
    distances, same = distances[order], same[order]
    edges = np.concatenate([[distances[0] - 1], (distances[1:] + distances[:-1]) / 2, [distances[-1] + 1]])
    # below edge k lie the first k pairs: right are the genuine among them and the impostors among the rest
    right = np.concatenate([[0], same.cumsum()]) + (~same).sum() - np.concatenate([[0], (~same).cumsum()])
    splits = np.concatenate([[True], distances[1:] > distances[:-1], [True]])  # an edge cannot part equal distances
    return float(edges[np.where(splits, right, -1).argmax()])
