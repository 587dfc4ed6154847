"""The ratio of two densities at a point, from the labels of its nearest neighbours, or from two radii.

By labels: Noshad, Moon, Sekeh and Hero 2017, "Direct estimation of information divergence using nearest
neighbor ratios", ISIT. By radii: at the end of this file.

Two samples, one of size `own` and one of size `other`. At a point of the first take the k nearest others
in the union of both, the point itself left out: N of them are of the other sample, M = k - N of its own.
Then

    (own / other) N / (M + 1)

estimates the density of the other law over that of the own law. The 1 stands for the point itself: the
ratio is always finite, and at most k own / other.

Neighbours are ordered by (distance, points of the first set before those of the second, index). Only
labels are counted, so what matters of a tie is whether it straddles the k-th place.

When both laws are one and continuous, the labels of the other n + m - 1 points are an exchangeable deck,
and N is hypergeometric: k cards out of n + m - 1, of which `other` are marked. That law is exact for any
n, m, k and dimension.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

BLOCK_ENTRIES = 1 << 19  # of the merged lists, which are sorted by blocks of rows


def count_others(
    own: Floats | None, other: Floats | None, rows: int, nearest_k: int, *, others_first: bool
) -> Integers:
    """N of each point, from its ascending distances to its own set (rows, up to k) and to the other one.

    A list may be shorter than k where its set is; `None` is an empty one. Together they must hold k.
    """
    own = np.empty((rows, 0)) if own is None else own[:, :nearest_k]
    other = np.empty((rows, 0)) if other is None else other[:, :nearest_k]
    first, second = (other, own) if others_first else (own, other)
    width = first.shape[1]
    counts = np.empty(rows, dtype=np.int64)
    step = max(1, BLOCK_ENTRIES // (width + second.shape[1]))
    for start in range(0, rows, step):
        merged = np.concatenate([first[start : start + step], second[start : start + step]], axis=1)
        # Stable: what stands first stays first among equals.
        nearest = np.argsort(merged, axis=1, kind="stable")[:, :nearest_k]
        from_first = np.count_nonzero(nearest < width, axis=1)
        counts[start : start + step] = from_first if others_first else nearest_k - from_first
    return counts


def ratios(nearest_k: int, own: int, other: int) -> Floats:
    """The ratio that belongs to N = 0 .. k."""
    n = np.arange(nearest_k + 1, dtype=np.float64)
    return own / other * n / (nearest_k - n + 1)


def mean_over(counts: Integers, values: Floats) -> float:
    """The mean of values[N]: by how often each N occurs, so it does not depend on the order of the points."""
    often = np.bincount(counts, minlength=len(values))
    seen = np.flatnonzero(often)
    return math.fsum(often[seen] * values[seen]) / len(counts)


def null_law(nearest_k: int, own: int, other: int) -> Floats:
    """P(N = 0 .. k) when both laws are one; zero where N cannot be."""
    total = own - 1 + other
    first, last = max(0, nearest_k - (own - 1)), min(nearest_k, other)
    j = np.arange(first, last, dtype=np.float64)
    # P(j + 1) / P(j), summed in logarithms from the first: the smallest may be below the smallest double.
    steps = np.log((other - j) * (nearest_k - j)) - np.log((j + 1) * (total - other - nearest_k + j + 1))
    logs = np.concatenate([[0.0], np.cumsum(steps)])
    weights = np.exp(logs - logs.max())
    law = np.zeros(nearest_k + 1)
    law[first : last + 1] = weights / math.fsum(weights)
    return law


def null_mean(law: Floats, values: Floats) -> float:
    """The mean of values[N] under `null_law`; a value where N cannot be does not count, whatever it is."""
    possible = law > 0
    return math.fsum(law[possible] * values[possible])


def neighbours_asked(nearest_k: int | None, default_of: int, n: int, m: int) -> int:
    """k, by default floor(sqrt(default_of)); a sentence where the union is too small."""
    k = math.isqrt(default_of) if nearest_k is None else nearest_k
    if k > n + m - 1:
        raise ValueError(f"nearest_k={k} needs at least {k + 1} points in both sets, which have {n + m}")
    return k


# ------------------------------------------------------------------------------------------------- by radii


def by_radii(
    own: Floats, cross: Floats, size_own: int, size_cross: int, d: float, alpha: float, k: int
) -> tuple[float, float, Floats]:
    """The Rényi divergence of order alpha (1: Kullback-Leibler) of a law P from a law Q, its expected value
    under equal laws whose density is constant around each point, and ln of the estimated p / q at each point.

    `own` and `cross` are the positive distances of the points of P to their k-th neighbour among the others
    of P (`size_own` points in all) and among the points of Q. Póczos and Schneider 2011; for alpha = 1 Wang,
    Kulkarni and Verdú 2009. Needs k > abs(alpha - 1).
    """
    from scipy.special import digamma, gammaln  # not at import time: SciPy is slow to import

    n, m, s = size_own, size_cross, 1 - alpha
    log_ratio = math.log(m / (n - 1)) + d * (np.log(cross) - np.log(own))
    if s == 0:
        value = math.fsum(log_ratio) / n
        expected = digamma(n) - digamma(m + 1) + math.log(m / (n - 1))
    else:
        log_b = 2 * gammaln(k) - gammaln(k + s) - gammaln(k - s)
        value = (log_b + log_sum_exp(-s * log_ratio) - math.log(n)) / -s
        # The masses of both balls are Beta(k, n - k) and Beta(k, m - k + 1), whatever the law.
        expected = (
            s * math.log((n - 1) / m) + gammaln(n) - gammaln(n + s) + gammaln(m + 1) - gammaln(m + 1 - s)
        ) / -s
    return float(value), float(expected), log_ratio


def log_sum_exp(terms: Floats) -> float:
    """Its exact sum does not depend on the order."""
    largest = float(terms.max())
    return largest + math.log(math.fsum(np.exp(terms - largest)))
