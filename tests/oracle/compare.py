"""Comparisons of models, written from their definitions: votes, paired differences, Holm's steps, fronts."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from oracle import knn


def vote(labels):
    """The most frequent label of a list, nearest first; of several, the one that comes first."""
    most = max(Counter(labels).values())
    return next(label for label in labels if labels.count(label) == most)


def transfer_gap(real, real_labels, fake, fake_labels, test, test_labels, k):
    """Train on synthetic, test on real, with k nearest neighbours."""

    def outcomes(points, labels):
        neighbours = knn(test, points, k)[1]
        return [
            vote([labels[j] for j in row]) == truth
            for row, truth in zip(neighbours, test_labels, strict=True)
        ]

    real_right, fake_right = outcomes(real, real_labels), outcomes(fake, fake_labels)
    gaps = np.array(fake_right, float) - np.array(real_right, float)
    return {
        "transfer_gap": gaps.mean(),
        "accuracy_real": np.mean(real_right),
        "accuracy_fake": np.mean(fake_right),
        "transfer_gap_se": gaps.std(ddof=1) / math.sqrt(len(gaps)) if len(gaps) > 1 else math.nan,
        "real_right": real_right,
        "fake_right": fake_right,
    }


def holm(p_values):
    """Holm 1979: the smallest level at which each hypothesis falls, one after the other."""
    adjusted = {}
    largest = 0.0
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    for step, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - step) * p_values[i]))
        adjusted[i] = largest
    return [adjusted[i] for i in range(len(p_values))]


def undominated(points):
    """Which points (two coordinates, larger is better) no other equals in both and beats in one."""
    return [
        not any(q[0] >= p[0] and q[1] >= p[1] and (q[0] > p[0] or q[1] > p[1]) for q in points)
        for p in points
    ]


def paired(first, second):
    """Student's paired test: difference, standard error, degrees of freedom."""
    steps = np.asarray(first, float) - np.asarray(second, float)
    return steps.mean(), steps.std(ddof=1) / math.sqrt(len(steps)), len(steps) - 1


def paired_shares(first, second):
    """Agresti and Min 2005: half a point more in each cell of the 2 x 2 table; the difference stays."""
    first, second = np.asarray(first, bool), np.asarray(second, bool)
    cells = [
        (first & second).sum(),
        (first & ~second).sum(),
        (~first & second).sum(),
        (~first & ~second).sum(),
    ]
    a, b, c, d = (count + 0.5 for count in cells)
    n = a + b + c + d
    variance = ((b + c) - (b - c) ** 2 / n) / n**2
    return first.mean() - second.mean(), math.sqrt(variance), len(first) - 1


def welch(variance_a, freedom_a, variance_b, freedom_b):
    """Welch 1947: the standard error of a difference of independent means, and its degrees of freedom."""
    total = variance_a + variance_b
    return math.sqrt(total), total**2 / (variance_a**2 / freedom_a + variance_b**2 / freedom_b)
