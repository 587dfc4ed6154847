"""How sure a number is: half-samples, terms, and the intervals made of them.

The target of an interval is the expected value at these n, m, k and this encoder: what fresh samples of these
sizes would give on average. It is not the value of endless samples, from which every nearest-neighbour metric
is far away at any size that can be paid for.

Two kinds of freshness. `reference="fixed"`: the reals stay and the fakes are fresh, which is the question of
a gate and of a comparison of generators. `reference="random"`: both sets are fresh.

Terms. With the reals fixed, a mean over fakes of something that depends on the fake and the reals only is a
mean of independent terms of one law. Shares get the interval of Wilson 1927, other means that of Student.

Half-samples, for everything else. A half of the set is drawn without replacement and the value is computed on
it, truly; 20 times. Why without replacement: with it (the bootstrap) points repeat, repeats are neighbours at
distance 0, radii shrink, and logarithms of them have no value. Why a half, and why the variance of the halves
is used as it is: to first order a statistic is a mean of m independent terms of variance s^2, so its own
variance is s^2 / m. The mean of h of these terms, drawn without replacement, varies around that of all m with
the variance s^2 / h (1 - h / m), and with h = m / 2 that is s^2 / m: the same. No factor is left to choose,
and none to get wrong. Where a statistic is not linear (the Fréchet distance in many dimensions, a squared MMD
near 0) its second-order part, of size 1 / m^2, comes out up to three times too large: such intervals are too
wide, not too narrow. An odd m, with h = (m - 1) / 2, makes the factor (m + 1) / (m - 1).

With the reals fixed a half of the fakes is still held against a half of the reals, since the value of a few
fakes against all reals moves otherwise than it does at these sizes: five halves of the reals, each with four
of the fakes. Only the variance within these blocks counts, with repeats - 5 degrees of freedom.

Influences, for the Fréchet distance where 20 halves would be dear, and for sums of kernels over all pairs:
what single points add to the value says how it moves to first order (`_influenced.py`).

The value on a half is not that on the whole (recall falls with m), so the halves say how wide, and the full
value says where: full value -+ t(repeats - 1) x standard deviation of the halves. For density, which in many
dimensions can double from the half to the whole, they say it in proportion: the deviation over the mean of
the halves, times the full value.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._inputs import check_share
from .metrics import KEYS
from .results import Evaluation

Floats = NDArray[np.float64]
REPEATS = 20
LEVEL = 0.95
REFERENCES = ("fixed", "random")
# Why a key has no interval, where nobody expects one.
LAW, UNDEFINED = "it is what another key is compared with", "it is undefined"
UNSAID = (LAW, UNDEFINED)


@dataclass(frozen=True)
class Replicates:
    """The values of one pair of sets, and how they move.

    Two sets of fakes of one call have the same real halves and, where they have equally many points, the same
    positions of the fakes, so that differences of their `values` are paired.
    """

    full: Mapping[str, float]  # key -> value on all points; NaN where it is undefined
    # key -> (repeats,), the value on each half-sample; a key may be missing. With a fixed reference the mean
    # of each half of the reals is taken out, so that the variance (with repeats - 1) is that within them.
    values: Mapping[str, Floats]
    terms: Mapping[str, Floats | None]  # key -> (m,), terms whose mean is the value, one a fake; or None
    reference: str  # "fixed" or "random"
    repeats: int
    freedom: int  # degrees of freedom of that variance
    seed: int
    n: int
    m: int
    # key -> (standard error, its degrees of freedom), of squared distances by the influences of points
    errors: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)  # why a key has no interval
    shares: Mapping[str, int] = field(default_factory=dict)  # of how many fresh points a key is a share
    marks: Mapping[str, int] = field(default_factory=dict)  # of how many points at all, fresh ones or not
    evaluation: Evaluation | None = None  # of all points, as `evaluate` gives it


def check_intervals(intervals: Any) -> float | None:
    """The level of the intervals; None when there shall be none."""
    if isinstance(intervals, (bool, np.bool_)):
        return LEVEL if intervals else None
    return check_share(intervals, "intervals")


def interval(replicates: Replicates, key: str, level: float = LEVEL) -> tuple[float, float]:
    """The interval of a key, cut to what the key can be; (nan, nan) where there is none.

    Of terms if the key has them (Wilson for shares, Student otherwise), else of half-samples.
    """
    level = check_share(level, "level")
    value = replicates.full[key]
    terms = replicates.terms.get(key)
    least, most = KEYS[key].bounds if key in KEYS else (-math.inf, math.inf)
    if math.isnan(value):
        return math.nan, math.nan
    if key in replicates.errors:
        low, high = of_square(value, *replicates.errors[key], level)
    elif terms is not None:
        low, high = _of_terms(terms, level, most)
    elif key in replicates.values:
        low, high = centred(value, standard_error(replicates, key), replicates.freedom, level)
        if key in replicates.shares:
            ends = wilson(value / most, replicates.shares[key], level)
            low, high = min(low, most * ends[0]), max(high, most * ends[1])
        if key in replicates.marks:
            # Where hardly a mark ever changes no half may show one that does: the expected value lies between
            # two shares.
            step = most / replicates.marks[key] / 2
            low, high = min(low, value - step), max(high, value + step)
    else:
        return math.nan, math.nan
    return max(low, least), min(high, most)


def intervals_of(replicates: Replicates, level: float) -> tuple[dict[str, tuple[float, float]], list[str]]:
    """The intervals of the keys that have one, and sentences about the others."""
    found: dict[str, tuple[float, float]] = {}
    reasons: dict[str, list[str]] = {}
    still = []
    for key in replicates.full:
        low, high = interval(replicates, key, level)
        if math.isnan(low) or math.isnan(high):
            why = replicates.reasons.get(key, "its terms have no variance")
            if why not in UNSAID:
                reasons.setdefault(why, []).append(key)
            continue
        found[key] = low, high
        if low == high:
            still.append(key)
    notes = [f"{', '.join(keys)}: no interval; {why}" for why, keys in reasons.items()]
    if still:
        notes.append(
            f"{', '.join(still)}: all half-samples gave the same value, so the interval has no width; that "
            "says only that so many points show no change"
        )
    return found, notes


def standard_error(replicates: Replicates, key: str) -> float:
    """The standard deviation of the value over fresh samples, estimated; NaN where it is not known."""
    terms = replicates.terms.get(key)
    if terms is not None:
        return float(np.std(terms, ddof=1)) / math.sqrt(len(terms)) if len(terms) > 1 else math.nan
    if key in replicates.errors:
        return replicates.errors[key][0]
    if key not in replicates.values:
        return math.nan
    values = replicates.values[key]
    return float(np.std(values, ddof=1)) if np.ptp(values) else 0.0


def centred(value: float, error: float, freedom: int, level: float) -> tuple[float, float]:
    """value -+ t quantile x error."""
    reach = student(level, freedom) * error
    return value - reach, value + reach


def of_square(value: float, error: float, freedom: int, level: float) -> tuple[float, float]:
    """The same for a squared distance, whose error grows with it: where it came out small by chance, so did
    its error. Its root moves evenly, so the upper end is the square of root + reach / (2 root), though not
    more than twice as far away.
    """
    low, high = centred(value, error, freedom, level)
    reach = high - value
    return low, high + (min(reach**2 / (4 * value), reach) if value > 0 else 0.0)


def student(level: float, freedom: int) -> float:
    """The quantile of Student's law that leaves (1 - level) / 2 above it."""
    from scipy import special

    return float(special.stdtrit(freedom, (1 + level) / 2))


def wilson(share: float, total: int, level: float) -> tuple[float, float]:
    """Wilson 1927 (JASA 22), the score interval of a share; it never has width 0."""
    from scipy import special

    z2 = float(special.ndtri((1 + level) / 2)) ** 2
    middle = (share + z2 / (2 * total)) / (1 + z2 / total)
    reach = math.sqrt(z2 * (share * (1 - share) / total + z2 / (4 * total * total))) / (1 + z2 / total)
    # At 0 and 1 the end is the share itself, which rounding must not lose.
    return (0.0 if share == 0 else middle - reach), (1.0 if share == 1 else middle + reach)


def _of_terms(terms: Floats, level: float, most: float) -> tuple[float, float]:
    """Of terms that are 0 or the largest possible value Wilson's, else Student's."""
    m = len(terms)
    if bool(np.all((terms == 0) | (terms == most))):
        low, high = wilson(int(np.count_nonzero(terms)) / m, m, level)
        return most * low, most * high
    if m < 2 or not np.isfinite(terms).all():
        return math.nan, math.nan
    return centred(math.fsum(terms) / m, float(np.std(terms, ddof=1)) / math.sqrt(m), m - 1, level)


def samples_needed(error: float, m: int, target: float) -> int:
    """How many fakes would bring a standard error (or the half width of an interval) of `error`, seen with m
    fakes, down to `target`: m (error / target)^2.

    The square-root law. It holds for means of terms, and about for recall, coverage, entropies and ratios of
    radii. Where it does not: with a random reference the share of the error that comes from the reals stays
    however many fakes are drawn (grow both sets by the same factor then, and read the answer as that factor
    times m); the Fréchet distance in many dimensions and squared MMD near 0 fall faster than this; and a
    metric whose value moves with m (recall, coverage, re, Fréchet) has another value at the new size: the
    answer is how sure that other value would be. Never less than 2.
    """
    if not (math.isfinite(error) and error >= 0):
        raise ValueError(f"error must be a finite number that is not negative, got {error!r}")
    if not (math.isfinite(target) and target > 0):
        raise ValueError(f"target must be a positive finite number, got {target!r}")
    return max(2, math.ceil(m * (error / target) ** 2 * (1 - 1e-12)))
