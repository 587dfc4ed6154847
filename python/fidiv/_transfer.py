"""The transfer gap: a classifier of k nearest neighbours trained on fakes, against one trained on reals.

Labels are whatever can be told apart and hashed: integers, strings, tuples. They become numbers here, once
for the three sets, so that equal labels of different types (1 and numpy's 1) stay equal.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["as_codes", "majority", "paired_difference", "read_labels"]

Codes = NDArray[np.int64]


def read_labels(labels: Any, rows: int, name: str, of: str) -> list[Hashable]:
    """`labels` as a list with one hashable entry a row of the set called `of`."""
    if isinstance(labels, (str, bytes)) or not (hasattr(labels, "__len__") and hasattr(labels, "__iter__")):
        raise TypeError(f"{name} must be a sequence with one label a row of {of}, got {labels!r}")
    if isinstance(labels, (dict, set, frozenset)):
        raise TypeError(f"{name} is a {type(labels).__name__}, which has no order; a sequence is needed")
    shape = getattr(labels, "shape", None)
    if shape is not None and len(shape) != 1:
        raise ValueError(f"{name} has shape {tuple(shape)}; one label a row is needed, shape ({rows},)")
    # An array's own `tolist` gives Python's numbers and strings, whose hashes do not depend on a width.
    listed = labels.tolist() if hasattr(labels, "tolist") else list(labels)
    if len(listed) != rows:
        raise ValueError(f"{name} has {len(listed)} labels, {of} has {rows} rows; each row has one label")
    for i, label in enumerate(listed):
        try:
            hash(label)
            odd = bool(label != label)  # only what is not a number differs from itself
        except (TypeError, ValueError):
            raise TypeError(
                f"{name} holds a {type(label).__name__} at {i}, which cannot be hashed; labels are integers, "
                f"strings or other hashable values"
            ) from None
        if label is None or odd:
            raise ValueError(f"{name} has no label at {i} ({label!r}); leave such rows out")
    return listed


def as_codes(*sets: Sequence[Hashable]) -> tuple[list[Codes], list[Hashable]]:
    """Each set of labels as numbers, and the label that each number stands for, in order of appearance."""
    numbers: dict[Hashable, int] = {}
    codes = [
        np.array([numbers.setdefault(label, len(numbers)) for label in labels], dtype=np.int64)
        for labels in sets
    ]
    return codes, list(numbers)


def majority(votes: Codes) -> Codes:
    """The winner of each row of votes (t, k), nearest first: the class with the most votes; among classes
    with equally many, that of the nearest neighbour among them.
    """
    counts = np.zeros(votes.shape, dtype=np.int64)  # how many votes the class in this place has in all
    for place in range(votes.shape[1]):
        counts += votes == votes[:, place, None]
    # The first of the largest counts belongs to the nearest neighbour whose class nobody beats.
    winners: Codes = votes[np.arange(len(votes)), counts.argmax(axis=1)]
    return winners


def paired_difference(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> tuple[float, float]:
    """The difference of two shares over the same points, first minus second, and its standard error.

    One point's outcomes differ by -1, 0 or 1; the points are independent, so the standard error is the
    standard deviation of these differences over the root of how many there are (n - 1 below; NaN for one).
    """
    t = len(first)
    won, lost = int(np.count_nonzero(first & ~second)), int(np.count_nonzero(second & ~first))
    difference = (won - lost) / t
    if t < 2:
        return difference, math.nan
    return difference, math.sqrt(max(won + lost - (won - lost) ** 2 / t, 0.0) / (t - 1) / t)
