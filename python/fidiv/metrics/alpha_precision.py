"""alpha-precision, beta-recall and authenticity (Alaa, van Breugel, Saveliev and van der Schaar 2022, "How
Faithful is your Synthetic Data? Sample-level Metrics for Evaluating and Auditing Generative Models", ICML),
on features as they are given (the identity as embedding).

alpha-precision. Around the centre c (the mean of the reals) lies for each alpha the ball that holds a share
alpha of the reals: its radius is the alpha quantile of |R_i - c|, linear between order statistics. P(alpha)
is the share of fakes in it. Good fakes have P(alpha) = alpha for all alpha, so the value is

    1 - 2 * integral |alpha - P(alpha)| d alpha.

beta-recall. Real i is covered when its nearest fake g is not farther than its nearest other real: mu_1(i) <=
r_1(i). C(beta) is the share of reals that are covered by a g that lies within the beta quantile of |g - c'|,
where c' is the mean of the fakes and the quantile is over the nearest fakes of all reals. The value is again
1 - 2 * integral |beta - C(beta)|.

When both sets come from one continuous law, a real is covered with probability p = m / (n + m - 1), exactly,
so C(beta) tends to p beta and beta-recall to p, about 1/2 for sets of one size, not 1. That is
`expected_beta_recall` (a limit: it is exact for large sets).

authenticity. Share of fakes that lie farther from their nearest real than that one from its nearest other
real: d(G_j, R_i) > r_1(i), strictly.

Conventions. "fidiv": both curves are step functions, integrated exactly, and authenticity is as above.
"alaa" is the published code: the curves on a grid of 30 points (which makes the worst value -1/29 and the
limit 1 - (1 - p) 30/29 for equal laws), and an authenticity that takes the index of a fake for one of a real:
the mean over the reals of r_1(g) < mu_1(i) with g the index of the nearest fake. The published code computes
distances to a centre in float32, both conventions here in float64.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..results import Key
from ._family import Family, Floats, Found, Needs, Options, Outcome, Undefined, share

NAME = "alpha_precision"
GRID = 30
BLOCK = 1 << 18  # coordinates converted to float64 at a time
LANES = 32


def needs(n: int, m: int, options: Options) -> Needs:
    if n < 2:
        raise Undefined(f"alpha_precision compares with the nearest other real: it needs 2 reals, got {n}")
    first = frozenset({1})
    return Needs(
        own_real=first,
        real_to_fake=first,
        real_to_fake_neighbors=1,
        fake_to_real=first,
        fake_to_real_neighbors=1,
    )


def mean_point(points: NDArray[np.floating]) -> Floats:
    """The mean of the rows, the same bits for any order of them.

    Each coordinate is rounded to a multiple of a unit so coarse that sums of n of them are exact, and so is
    what that left; what is left then is below the precision of the result. A number that is rounded to the
    unit u is added to 1.5 2^52 u, where neighbouring doubles are u apart, and freed of it again.
    """
    n, d = points.shape
    bits = n.bit_length() - 52
    top = np.maximum(points.max(axis=0), -points.min(axis=0)).astype(np.float64)
    least = math.ulp(0.0)
    unit = np.maximum(np.ldexp(1.0, np.frexp(top)[1] + bits), least)
    coarse, fine = 1.5 * 2.0**52 * unit, 1.5 * 2.0**52 * np.maximum(np.ldexp(unit, bits), least)
    total, rest = np.zeros(d), np.zeros(d)
    step = max(1, BLOCK // d)
    for first in range(0, n, step):
        low = points[first : first + step].astype(np.float64)
        high = (low + coarse) - coarse
        total += high.sum(axis=0)
        low -= high
        rest += ((low + fine) - fine).sum(axis=0)
    mean: Floats = (total + rest) / n
    return mean


def distances_to(centre: Floats, points: NDArray[np.floating]) -> Floats:
    """From each row to one point: differences, squares added in 32 lanes that are folded in a fixed tree, as
    all distances here are, so that columns in which nothing differs change no bit.
    """
    n, d = points.shape
    out = np.empty(n)
    step = max(1, BLOCK // d)
    for first in range(0, n, step):
        rows = points[first : first + step]
        lanes = np.zeros((len(rows), LANES))
        for c in range(0, d, LANES):
            difference = rows[:, c : c + LANES].astype(np.float64) - centre[c : c + LANES]
            lanes[:, : difference.shape[1]] += difference * difference
        for half in (16, 8, 4, 2, 1):
            lanes = lanes[:, :half] + lanes[:, half : 2 * half]
        out[first : first + step] = np.sqrt(lanes[:, 0])
    return out


def levels(values: Floats, reference: Floats) -> Floats:
    """For each value the smallest q in [0, 1] whose quantile of the reference (linear between order
    statistics) is not below it; infinite above all.
    """
    ordered = np.sort(reference)
    last = len(ordered) - 1
    above = np.searchsorted(ordered, values, side="left")  # the first order statistic not below
    found = np.full(len(values), np.inf)
    found[above == 0] = 0.0
    between = (above > 0) & (above <= last)
    high, low = ordered[above[between]], ordered[above[between] - 1]
    found[between] = (above[between] - 1 + (values[between] - low) / (high - low)) / last
    return found


def agreement(entries: Floats, count: int) -> float:
    """1 - 2 * integral over [0, 1] of |q - C(q)|, where C(q) is the share of `count` points with an entry of
    at most q. Between two entries C is constant and the integral is that of an absolute value.
    """
    inside = np.sort(entries[entries <= 1])
    edges = np.concatenate([[0.0], inside, [1.0]])
    steps = np.arange(len(inside) + 1) / count
    after, before = edges[1:] - steps, edges[:-1] - steps
    area = math.fsum(after * np.abs(after) - before * np.abs(before)) / 2
    return min(1.0, max(0.0, 1.0 - 2.0 * area))


def agreement_on_grid(curve: Floats, grid: Floats) -> float:
    """What the published code makes of a curve at the points of its grid."""
    return max(-1 / (GRID - 1), 1.0 - 2.0 * math.fsum(np.abs(grid - curve)) * float(grid[1] - grid[0]))


def formula(found: Found, options: Options) -> Outcome:
    assert found.real_to_fake_neighbors is not None
    assert found.fake_to_real_neighbors is not None
    real, fake = found.further.real, found.further.fake
    given = options["center"]
    if given is not None and len(given) != found.d:
        raise ValueError(f"center has {len(given)} numbers, the features have {found.d} columns")
    centre = mean_point(real) if given is None else np.array(given)
    real_depth, fake_depth = distances_to(centre, real), distances_to(centre, fake)
    nearest_fake = found.real_to_fake_neighbors[:, 0]
    covered = found.real_to_fake[1] <= found.own_real[1]
    cover_depth = distances_to(mean_point(fake), fake)[nearest_fake]
    chance = found.m / (found.n + found.m - 1)

    alpha_levels = levels(fake_depth, real_depth)
    beta_levels = np.where(covered, levels(cover_depth, cover_depth), np.inf)
    if options["convention"] == "fidiv":
        values = {
            "alpha_precision": agreement(alpha_levels, found.m),
            "beta_recall": agreement(beta_levels, found.n),
            "expected_beta_recall": chance,
            "authenticity": share(
                found.own_real[1][found.fake_to_real_neighbors[:, 0]] < found.fake_to_real[1]
            ),
        }
    else:
        if int(nearest_fake.max()) >= found.n:
            raise Undefined(
                'convention="alaa" looks up reals by the indices of fakes, as the published code does: fake '
                f"{int(nearest_fake.max())} is the nearest of a real, and there are only {found.n} reals"
            )
        grid = np.linspace(0, 1, GRID)
        alpha_curve = [share(fake_depth <= radius) for radius in np.quantile(real_depth, grid)]
        beta_curve = [share(covered & (cover_depth <= radius)) for radius in np.quantile(cover_depth, grid)]
        values = {
            "alpha_precision": agreement_on_grid(np.array(alpha_curve), grid),
            "beta_recall": agreement_on_grid(np.array(beta_curve), grid),
            "expected_beta_recall": 1.0 - (1.0 - chance) * GRID / (GRID - 1),
            "authenticity": share(found.own_real[1][nearest_fake] < found.real_to_fake[1]),
        }
    return Outcome(values, samples={"alpha_level": alpha_levels, "beta_level": beta_levels})


_BOUNDS = (-1 / (GRID - 1), 1.0)  # below 0 only on the published grid
FAMILY = Family(
    NAME,
    keys=(
        Key(
            "alpha_precision",
            NAME,
            "higher",
            _BOUNDS,
            "how alike fakes and reals spread around the centre of the reals",
        ),
        Key(
            "beta_recall",
            NAME,
            "higher",
            _BOUNDS,
            "how evenly reals have a fake nearer than the nearest other real",
            "expected_beta_recall",
        ),
        Key(
            "expected_beta_recall",
            NAME,
            None,
            _BOUNDS,
            "beta_recall if both sets came from one law, for large sets",
        ),
        Key(
            "authenticity",
            NAME,
            "higher",
            (0.0, 1.0),
            "share of fakes farther from their nearest real than that from its nearest other real",
        ),
    ),
    defaults={"center": None, "convention": "fidiv"},
    needs=needs,
    formula=formula,
    of_reals=("beta_level",),
)
