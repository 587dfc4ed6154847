"""Exact laws of counts in neighbour balls when both sets come from one continuous law.

Let J be how many of `other` points lie in the ball that reaches from a point of an own set of size `own` to
its k-th neighbour there. Only the order of exchangeable distances matters, so J is
Beta-binomial(other; k, own - k), whatever the law and the dimension.
"""

from __future__ import annotations

import math

import numpy as np

from ._family import Floats


def chance_of_any(own: int, other: int, k: int) -> float:
    """P(J >= 1) = 1 - prod_{i=1..k} (own - i) / (own + other - i) for own > k: Naeem et al. 2020, Lemma 2.
    In logarithms: the product may be far below the smallest double.
    """
    return -math.expm1(math.fsum(math.log1p(-other / (own + other - i)) for i in range(1, k + 1)))


def chances(own: int, other: int, k: int, count: int) -> Floats:
    """P(J = t) for t = 0 .. count - 1, count - 1 <= other, own > k.

    P(J = 0) is a product and P(J = t + 1) / P(J = t) a ratio of small integers; both in logarithms, since
    P(J = 0) may be below the smallest double while later terms are not.
    """
    t = np.arange(count - 1, dtype=np.float64)
    steps = np.log((other - t) / (t + 1)) + np.log((k + t) / (own - k + other - t - 1))
    start = math.fsum(math.log1p(-other / (own + other - i)) for i in range(1, k + 1))
    found: Floats = np.exp(start + np.concatenate([[0.0], np.cumsum(steps)]))
    return found
