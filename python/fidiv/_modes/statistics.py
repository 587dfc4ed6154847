"""Tests and limits that the modes are judged by; numbers in, numbers out.

Each limit holds by itself with confidence 1 - level, both at once with 1 - 2 level. A fault needs one of
them, and for "fine" that is the test of equivalence by two one-sided tests.
"""

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
    """Clopper and Pearson's limits of a share. Counts need not be whole: between whole ones the limits go
    on smoothly, which is what a search for a size needs.
    """
    from scipy.special import betaincinv

    low = 0.0 if count <= 0 else float(betaincinv(count, total - count + 1, level))
    high = 1.0 if count >= total else float(betaincinv(count + 1, total - count, 1 - level))
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
    """Fisher's exact p-value, two-sided: whether a share is that of the other set. Given all margins, the sum
    of the probabilities of all tables that are at most as likely as this one.
    """
    # Not scipy.stats, whose import takes longer than all tests of an evaluation.
    from scipy.special import gammaln

    inside, total = fakes + reals, all_fakes + all_reals
    possible = np.arange(max(0, inside - all_reals), min(inside, all_fakes) + 1)
    # (all_fakes over possible) (all_reals over the rest), up to a factor; the largest term becomes 1.
    logs = -(
        gammaln(possible + 1)
        + gammaln(all_fakes - possible + 1)
        + gammaln(inside - possible + 1)
        + gammaln(total - all_fakes - inside + possible + 1)
    )
    chances = np.exp(logs - logs.max())
    # Tables that are equally likely come out equal to some roundings of the logarithms.
    as_likely = chances <= chances[fakes - possible[0]] * (1 + 1e-7)
    return min(1.0, float(chances[as_likely].sum() / chances.sum()))


def normal_quantile(probability: float) -> float:
    """Of the standard normal law."""
    from scipy.special import ndtri

    return float(ndtri(probability))
