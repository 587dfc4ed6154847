"""Numbers that need no pairs of points: the Inception Score, F_beta, bits per dimension, and how well a score
follows the judgement of people.

Inception Score (Salimans, Goodfellow, Zaremba, Cheung, Radford and Chen 2016, "Improved Techniques for
Training GANs", NeurIPS, section 4): exp of the mean over the points of KL(p(y|x) || p(y)), p(y) the mean of
the rows; here as everybody computes it, the mean over consecutive parts of the rows.

Intervals of correlations by Fisher's z = artanh r: the standard error is 1 / sqrt(N - 3) for Pearson's
(Fisher 1921) and sqrt((1 + r^2 / 2) / (N - 3)) for Spearman's (Bonett and Wright 2000, "Sample size
requirements for estimating Pearson, Kendall and Spearman correlations", Psychometrika).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._family import Floats, mean

_BLOCK = 1 << 18  # numbers in a block of rows


def inception_score(probabilities: NDArray[Any], splits: int) -> tuple[list[float], Floats]:
    """The score of each part, and for each row its divergence from the mean row of its part."""
    count, classes = probabilities.shape
    divergences = np.zeros(count)
    scores: list[float] = []
    step = max(1, _BLOCK // classes)
    for i in range(splits):
        start, end = i * count // splits, (i + 1) * count // splits
        marginal = np.zeros(classes)
        for first in range(start, end, step):
            marginal += probabilities[first : min(first + step, end)].sum(axis=0, dtype=np.float64)
        marginal /= end - start
        # A class that no row of the part gives anything has nothing to add: 0 log 0 = 0.
        logarithms = np.log(np.where(marginal > 0.0, marginal, 1.0))
        for first in range(start, end, step):
            last = min(first + step, end)
            rows = probabilities[first:last].astype(np.float64)
            parts = np.log(np.where(rows > 0.0, rows, 1.0)) - logarithms
            divergences[first:last] = np.einsum("ij,ij->i", rows, parts)
        scores.append(math.exp(mean(divergences[start:end])))
    return scores, divergences


def f_beta(precision: float, recall: float, beta: float) -> float:
    """(1 + b^2) P R / (b^2 P + R), 0 when both are 0."""
    largest = max(precision, recall)
    if largest == 0.0:
        return 0.0
    # Over the larger of the two, and over b^2 where it is above 1: nothing overflows or vanishes.
    p, r = precision / largest, recall / largest
    if beta <= 1.0:
        of_p, of_r = beta * beta, 1.0
    else:
        of_p, of_r = 1.0, (1.0 / beta) ** 2
    below = of_p * p + of_r * r
    return largest * ((of_p + of_r) * p * r / below) if below > 0.0 else 0.0


def ranks(values: Floats) -> Floats:
    """From 1 for the smallest; equal values share the mean of their ranks."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    shared: Floats = (last - (counts - 1) / 2.0)[place.reshape(-1)]
    return shared


def pearson(x: Floats, y: Floats) -> float:
    """The correlation; both vary."""
    x, y = _standard(x), _standard(y)
    return min(1.0, max(-1.0, _dot(x, y) / math.sqrt(_dot(x, x) * _dot(y, y))))


def _standard(values: Floats) -> Floats:
    """Centred and of a size near 1, so that no square overflows or vanishes."""
    # A power of two: values that differ still do.
    values = np.ldexp(values, -math.frexp(float(np.abs(values).max()))[1])
    values = values - mean(values)
    standard: Floats = values / np.abs(values).max()
    return standard


def _dot(x: Floats, y: Floats) -> float:
    return math.fsum(x * y)


def fisher_interval(r: float, count: int, confidence: float, *, of_ranks: bool) -> tuple[float, float]:
    """The interval of a correlation of `count` pairs; of no width where it is 1 or -1."""
    if abs(r) == 1.0:
        return r, r
    error = math.sqrt((1.0 + r * r / 2.0 if of_ranks else 1.0) / (count - 3))
    reach = NormalDist().inv_cdf((1.0 + confidence) / 2.0) * error
    z = math.atanh(r)
    return math.tanh(z - reach), math.tanh(z + reach)


def bits_per_dimension(log_likelihoods: Iterable[float], d: int) -> float:
    """Minus the mean over d ln 2."""
    return -mean(log_likelihoods) / (d * math.log(2.0))
