"""Clipped density and clipped coverage (Salvy, Talbot and Thirion 2026, "Enhanced Generative Model Evaluation
with Clipped Density and Coverage", ICLR).

Clipped density. A single real outlier has a huge ball in which any fake lies, and a single dense spot can
count a fake many times. So radii are cut at the median, rc(i) = min(r_K(i), median of r_K), and a fake in c_j
of these (closed) balls counts min(c_j / K, 1). The mean over the fakes is divided by the same mean over the
reals, where real l is in the ball of i when it is one of the K nearest neighbours of i and not farther than
rc(i); the quotient is cut at 1.

Clipped coverage. A real ball that holds J fakes (open balls, uncut radii) counts min(J / K, 1); the mean p
over the reals is calibrated: the score is the share of good fakes (of the law of the reals) at which p is
expected. With m of them the expected value is

    f(m) = E min(J, K) / K,  J ~ Beta-binomial(m; K, n - K),  E min(J, K) = K - sum_{t < K} (K - t) P(J = t),

and f(m) = 0 for m < K, as published. f grows with m, so the smallest m with f(m) >= p is found by bisection;
the score is m / (M + 1) with M fakes, M + 1 when p is above f(M), and 0 when p = 0.

Scores mean: as good as a set in which this share of the fakes is good and the rest is far away.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from ..results import Key
from ._family import Balls, Family, Found, Needs, Options, Outcome
from ._laws import chances

NAME = "clipped_density_coverage"
CLEAR = 1e-9  # far above the error of expected_depth


def needs(n: int, m: int, options: Options) -> Needs:
    k = options["nearest_k"]
    return Needs(
        own_real=frozenset({k}),
        real_list=k,
        real_neighbors=k,
        fakes_counted=frozenset({Balls(k, closed=True, clipped=True)}),
        real_to_fake_list=k,
    )


def expected_depth(n: int, m: int, k: int) -> float:
    """f(m): the expected mean of min(J / K, 1) with m >= k fakes of the law of the n reals."""
    missing = np.arange(k, 0, -1) * chances(n, m, k, k)
    return 1.0 - math.fsum(missing) / k


def reached(filled: int, n: int, m: int, k: int) -> bool:
    """Whether f(m) >= filled / (k n). They can be equal (f(k) = k / n), and rounding must not decide then."""
    margin = expected_depth(n, m, k) - filled / (k * n)
    if abs(margin) > CLEAR:
        return margin > 0
    chance, missing = Fraction(1), Fraction(0)
    for i in range(1, k + 1):
        chance *= Fraction(n - i, n + m - i)
    for t in range(k):
        missing += (k - t) * chance
        chance *= Fraction((m - t) * (k + t), (t + 1) * (n - k + m - t - 1))
    return k - missing >= Fraction(filled, n)


def calibrated(filled: int, n: int, m: int, k: int) -> float:
    """The share of good fakes at which the balls of n reals are expected to be filled like this; `filled` is
    the sum over the reals of min(J, k).
    """
    if filled == 0:
        return 0.0
    # The smallest number of good fakes lies in low + 1 .. high; m + 1 stands for more than there are.
    low, high = k - 1, m + 1
    while high - low > 1:
        middle = (low + high) // 2
        if reached(filled, n, middle, k):
            high = middle
        else:
            low = middle
    return high / (m + 1)


def formula(found: Found, options: Options) -> Outcome:
    k = options["nearest_k"]
    assert found.real_list is not None
    assert found.real_neighbors is not None
    assert found.real_to_fake_list is not None
    counts = np.minimum(found.fakes_counted[Balls(k, closed=True, clipped=True)], k)
    radii = found.own_real[k]
    near = found.real_list[:, :k] <= np.minimum(radii, np.median(radii))[:, None]
    real_counts = np.minimum(np.bincount(found.real_neighbors[:, :k][near], minlength=found.n), k)
    depth = np.count_nonzero(found.real_to_fake_list[:, :k] < radii[:, None], axis=1)
    # Sums of integers and one division each, so that no value depends on the order of the points. The sum
    # over the reals is positive: half of the balls are not cut, and hold their K neighbours.
    density = int(counts.sum()) * found.n / (int(real_counts.sum()) * found.m)
    return Outcome(
        {
            "clipped_density": min(density, 1.0),
            "clipped_coverage": calibrated(int(depth.sum()), found.n, found.m, k),
        },
        samples={"clipped_density": counts / k, "coverage_depth": depth / k},
    )


FAMILY = Family(
    NAME,
    keys=(
        Key(
            "clipped_density",
            NAME,
            "higher",
            (0.0, 1.0),
            "share of good fakes, by how densely real data surrounds them",
        ),
        Key(
            "clipped_coverage",
            NAME,
            "higher",
            (0.0, 1.0),
            "share of good fakes at which real balls would hold as many fakes",
        ),
    ),
    defaults={"nearest_k": 5},
    needs=needs,
    formula=formula,
    of_reals=("coverage_depth",),
)
