"""M2: whether a mode holds the share of fakes that it holds of counted reals."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .statistics import benjamini_hochberg, ratio_limits, same_share, share_limits

Integers = NDArray[np.int64]

DROPPED = 0.1  # an upper limit of the ratio below this
TOLERATED = 1.5  # ratios from 1 / 1.5 to 1.5 are fine
FURTHEST = 1e6  # how many times as many points are tried in the search for a size that would decide


@dataclass(frozen=True)
class Mass:
    """One mode: the ratio of its share of the fakes to its share of the reals, with limits."""

    ratio: float
    low: float
    high: float
    p_value: float
    adjusted: float
    verdict: str
    needed_fakes: float  # with the reals as they are; infinite where no number would do; NaN when decided
    needed_growth: float  # of both sets


def judge(reals: Integers, fakes: Integers, level: float) -> list[Mass]:
    """`reals` and `fakes` count the modes; their sums are the totals that shares are of."""
    n, m = int(reals.sum()), int(fakes.sum())
    if not (n and m):
        blank = Mass(math.nan, 0.0, math.inf, 1.0, 1.0, "undecided", math.inf, math.inf)
        return [blank] * len(reals)
    p_values = np.array([same_share(int(g), m, int(c), n) for c, g in zip(reals, fakes, strict=True)])
    adjusted = benjamini_hochberg(p_values)
    found = []
    for c, g, p, q in zip(reals.tolist(), fakes.tolist(), p_values.tolist(), adjusted.tolist(), strict=True):
        low, high = ratio_limits(g, c, m / n, level)
        ratio = (g / m) / (c / n) if c else (math.inf if g else math.nan)
        verdict = _verdict(g, c * m / n, low, high, q <= level, len(reals), level)
        needed = _needed(g, c, m / n, len(reals), level) if verdict == "undecided" else (math.nan, math.nan)
        found.append(Mass(ratio, low, high, p, q, verdict, needed[0] * m, needed[1]))
    return found


def _verdict(
    fakes: int, usual: float, low: float, high: float, differs: bool, modes: int, level: float
) -> str:
    """A fault needs the adjusted test too: limits of single modes alone would accuse some of many."""
    if differs and high < DROPPED and (fakes or usual >= 10 * math.log(2 * modes / level)):
        return "dropped"
    if differs and high < 1 / TOLERATED:
        return "under-represented"
    if differs and low > TOLERATED:
        return "over-represented"
    return "fine" if low >= 1 / TOLERATED and high <= TOLERATED else "undecided"


def _needed(fakes: int, reals: int, odds: float, modes: int, level: float) -> tuple[float, float]:
    """How many times as many fakes, and how many times as many points of both sets, would decide if the
    shares stayed as they are.
    """
    if fakes + reals == 0:
        return math.inf, math.inf

    def decides(more_fakes: float, more_reals: float) -> bool:
        g, c, now = fakes * more_fakes, reals * more_reals, odds * more_fakes / more_reals
        low, high = ratio_limits(g, c, now, level)
        if low >= 1 / TOLERATED and high <= TOLERATED:
            return True
        # A fault also has to pass the test: limits at level / modes without 1 stand for it.
        low_test, high_test = share_limits(g, g + c, level / modes / 2)
        usual = now / (1 + now)
        return (high < 1 / TOLERATED and high_test < usual) or (low > TOLERATED and low_test > usual)

    return (
        _smallest(lambda factor: decides(factor, 1.0)),
        _smallest(lambda factor: decides(factor, factor)),
    )


def _smallest(decides: Callable[[float], bool]) -> float:
    """The smallest factor from 1 on that decides, to a part in a hundred."""
    high = 1.0
    while not decides(high):
        high *= 2
        if high > FURTHEST:
            return math.inf
    low = max(1.0, high / 2)
    while high > 1.01 * low:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if decides(middle) else (middle, high)
    return high
