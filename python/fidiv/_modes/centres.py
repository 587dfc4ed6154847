"""k-means from a start that finds clusters which are there.

From one k-means++ start ten clear clusters are found in about one case of six (two share a centre, another
is cut), and ten starts leave a third of the cases. So k-means first looks for three times as many centres,
which miss no cluster; Ward's rule then joins the two whose union adds least to the squared distances, until
as many are left as asked for, and Lloyd's rounds end it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..metrics import Further

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

TIMES = 3
ROUNDS = 20


def fit(more: Further, points: NDArray[Any], count: int, seed: int) -> tuple[Floats, Integers]:
    """Centres (count, d), and the nearest of each point."""
    many = min(TIMES * count, len(points))
    (of_runs,), found = more.kmeans([points], num_clusters=many, num_runs=1, seed=seed)
    sizes = np.bincount(of_runs[0], minlength=many).astype(np.float64)
    centres = _joined(found[0], sizes, count)
    labels = np.full(len(points), -1, dtype=np.int64)
    for last in range(ROUNDS + 1):
        nearest = more.knn(points, np.ascontiguousarray(centres), 1)[1][:, 0]
        done = last == ROUNDS or np.array_equal(nearest, labels)
        labels = nearest
        if done:
            break
        centres = _means(points, labels, centres)
    return np.ascontiguousarray(centres), labels


def _joined(centres: Floats, sizes: Floats, count: int) -> Floats:
    """Ward's rule down to `count` centres; those without a point go first, at no cost."""
    centres, sizes = centres.astype(np.float64), sizes.copy()
    squares = np.array([((centres - centre) ** 2).sum(axis=1) for centre in centres])

    def cost(i: int | slice) -> Floats:
        total = sizes[i, None] + sizes[None, :]
        weight = sizes[i, None] * sizes[None, :] / np.where(total > 0, total, 1.0)
        return np.asarray(weight * squares[i])

    costs = cost(slice(None))
    np.fill_diagonal(costs, np.inf)
    kept = np.ones(len(centres), dtype=np.bool_)
    for _ in range(len(centres) - count):
        i, j = sorted(divmod(int(np.argmin(costs)), len(centres)))
        total = sizes[i] + sizes[j]
        if total > 0:
            centres[i] = (sizes[i] * centres[i] + sizes[j] * centres[j]) / total
        sizes[i], sizes[j], kept[j] = total, 0.0, False
        squares[i] = squares[:, i] = ((centres - centres[i]) ** 2).sum(axis=1)
        costs[i] = costs[:, i] = cost(slice(i, i + 1))[0]
        costs[~kept] = costs[:, ~kept] = np.inf
        costs[i, i] = np.inf
    return centres[kept]


def _means(points: NDArray[Any], labels: Integers, centres: Floats) -> Floats:
    """The mean of the points of each centre; one without points stays."""
    order = np.argsort(labels, kind="stable")
    present, starts = np.unique(labels[order], return_index=True)
    sums = np.empty((len(present), points.shape[1]))
    # A few columns at a time: no second copy of all points.
    for first in range(0, points.shape[1], 16):
        part = points[order, first : first + 16].astype(np.float64)
        sums[:, first : first + 16] = np.add.reduceat(part, starts, axis=0)
    moved = centres.copy()
    moved[present] = sums / np.bincount(labels)[present, None]
    return moved
