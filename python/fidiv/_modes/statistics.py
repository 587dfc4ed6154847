"""Tests and limits that the modes are judged by; numbers in, numbers out."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def benjamini_hochberg(p_values: Floats) -> Floats:
    """Adjusted p-values: rejecting those of at most q keeps the expected share of false rejections at q
    (Benjamini and Hochberg 1995), and the chance of any rejection where nothing is wrong at q.
    """
    count = len(p_values)
    order = np.argsort(p_values, kind="stable")
    steps = p_values[order] * count / np.arange(1, count + 1)
    adjusted = np.empty(count)
    adjusted[order] = np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1.0)
    return adjusted


def conformal(scores: Floats, calibration: Floats) -> Floats:
    """(1 + how many of the calibration scores are at least this one) / (their number + 1)."""
    ordered = np.sort(calibration)
    at_least = len(ordered) - np.searchsorted(ordered, scores, side="left")
    return np.asarray((1 + at_least) / (len(ordered) + 1), dtype=np.float64)


def share_limits(count: float, total: float, level: float) -> tuple[float, float]:
    """Clopper and Pearson's limits of a share, of confidence 1 - level. Counts need not be whole: between
    whole ones the limits go on smoothly, which is what a search for a size needs.
    """
    from scipy.special import betaincinv

    low = 0.0 if count <= 0 else float(betaincinv(count, total - count + 1, level / 2))
    high = 1.0 if count >= total else float(betaincinv(count + 1, total - count, 1 - level / 2))
    return low, high


def ratio_limits(fakes: float, reals: float, odds: float, level: float) -> tuple[float, float]:
    """Limits of (fakes / all fakes) / (reals / all reals), given how many fall into the mode in all.

    `odds` is all fakes / all reals. Given fakes + reals = T, a Poisson count of fakes is binomial of T with
    the share odds x ratio / (1 + odds x ratio), so Clopper and Pearson's limits of that share give exact
    limits of the ratio. Shares of fixed totals vary less than Poisson counts (by the factor one less the
    share), so the limits then are wider than they need be, the more so the larger the mode; they never
    claim too much. Odds ratios, which the noncentral hypergeometric law gives exactly, are not what the
    thresholds speak of.
    """
    total = fakes + reals
    if total <= 0:
        return 0.0, math.inf
    low, high = share_limits(fakes, total, level)
    return low / (1 - low) / odds if low < 1 else math.inf, high / (1 - high) / odds if high < 1 else math.inf


def same_share(fakes: int, all_fakes: int, reals: int, all_reals: int) -> float:
    """Fisher's exact p-value, two-sided: whether a share is that of the other set."""
    from scipy.stats import fisher_exact

    table = np.array([[fakes, all_fakes - fakes], [reals, all_reals - reals]])
    return min(1.0, float(fisher_exact(table)[1]))


def normal_quantile(probability: float) -> float:
    """Of the standard normal law."""
    from scipy.special import ndtri

    return float(ndtri(probability))
