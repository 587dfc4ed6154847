"""Two-sample tests as their papers write them, on all labellings where the sets are small enough.

Letters: x is (n, d), y is (m, d), the union has N = n + m points, x first; a labelling is a boolean vector,
True for the points that are called second.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from oracle import distances, knn


def union_graph(x, y, k):
    """The k nearest of each point of the union, ties to the smaller index."""
    return knn(np.concatenate([x, y]), None, k)[1]


def same_share(graph, labels):
    """Schilling 1986: which share of the neighbours carries the label of the point."""
    return float((labels[graph] == labels[:, None]).mean())


def mmd(x, y, bandwidth):
    """Gretton et al. 2012, eq. 5: the biased squared maximum mean discrepancy, Gaussian kernel."""

    def kernel(a, b):
        return np.exp(-(distances(a, b) ** 2) / (2 * bandwidth**2))

    return float(kernel(x, x).mean() + kernel(y, y).mean() - 2 * kernel(x, y).mean())


def median_distance(x, y):
    """The median distance in the union."""
    return float(np.median(distances(np.concatenate([x, y]))[np.triu_indices(len(x) + len(y), 1)]))


def energy(x, y):
    """Szekely and Rizzo 2004: 2 E|X - Y| - E|X - X'| - E|Y - Y'|, over all pairs."""
    return float(2 * distances(x, y).mean() - distances(x, x).mean() - distances(y, y).mean())


def area_under_curve(of_first, of_second):
    """The share of pairs in which the point of the second set has the larger score; a tie is half of one."""
    a, b = np.asarray(of_first)[:, None], np.asarray(of_second)[None, :]
    return float((b > a).mean() + (b == a).mean() / 2)


def kolmogorov_smirnov(x, y):
    """The largest difference of the two empirical distribution functions of one column."""
    points = np.concatenate([x, y])
    return float(max(abs((x <= t).mean() - (y <= t).mean()) for t in points))


def labellings(n, m):
    """All ways to call m of n + m points second."""
    for chosen in itertools.combinations(range(n + m), m):
        labels = np.zeros(n + m, dtype=bool)
        labels[list(chosen)] = True
        yield labels


def exact_law(statistic, n, m):
    """The statistic of every labelling, the true one last."""
    found = [statistic(labels) for labels in labellings(n, m)]
    assert len(found) == math.comb(n + m, m)
    return np.array(found)


def exact_p_value(statistic, n, m):
    """The share of labellings whose statistic reaches that of the true one (up to rounding)."""
    law = exact_law(statistic, n, m)
    return float((law >= law[-1] - 1e-12).mean())


def holm(p_values):
    """Holm 1979: hypotheses in the order of their p-values, the i-th times how many are left."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, largest = [0.0] * len(p_values), 0.0
    for place, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_values[i]))
        adjusted[i] = largest
    return adjusted


def benjamini_hochberg(p_values, rate):
    """Benjamini and Hochberg 1995: all up to the largest i with p_(i) <= rate i / m."""
    ordered = sorted(p_values)
    last = max((p for i, p in enumerate(ordered, 1) if p <= rate * i / len(ordered)), default=-1.0)
    return [p <= last for p in p_values]
