"""Distances between two sets that are sums of a kernel over all pairs: the kernel distance, MMD with a
Gaussian kernel, and the energy distance. Nothing is drawn: every pair counts.

With k a kernel, the squared maximum mean discrepancy (Gretton, Borgwardt, Rasch, Schölkopf and Smola 2012, "A
Kernel Two-Sample Test", JMLR 13) is E k(R, R') + E k(G, G') - 2 E k(R, G), estimated

    unbiased (eq. 3)    sum_{i != j} k(R_i, R_j) / (n (n - 1)) + the same of G - 2 sum_ij k(R_i, G_j) / (n m)
    biased   (eq. 5)    the same with all i, j, and n^2 and m^2 below

The unbiased one is 0 on average for equal laws, so it is negative about half of the time there; it is not
clipped. Its standard error is the jackknife's: each point is left out in turn, which only needs the row sums
of the kernel,

    se^2 = (n - 1)/n sum_i (T_-i - their mean)^2 + the same over the fakes.

It is that of the value over fresh samples of both sets. For equal laws it errs upward, by a factor of up to
sqrt 2 (the jackknife of a degenerate statistic; Efron and Stein 1981, "The Jackknife Estimate of Variance",
say that it errs to that side).

* kernel_distance: k(x, y) = (x.y / d + 1)^3 (Binkowski, Sutherland, Arbel and Gretton 2018, "Demystifying MMD
  GANs", ICLR; on Inception features that is what is called KID). The usual tools average over 100 random
  subsets of 1,000; this is what they estimate, from all pairs at once.
* mmd: k(x, y) = exp(-|x - y|^2 / (2 h^2)).
* energy_distance (Székely and Rizzo 2013, "Energy statistics: A class of statistics based on distances",
  Journal of Statistical Planning and Inference 143): 2 E|R - G| - E|R - R'| - E|G - G'|, the same with k(x,
  y) = -|x - y|.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _gram
from ..results import Key
from ._family import Family, Floats, Found, Needs, Options, Outcome, Undefined

CMMD_BANDWIDTH, CMMD_FACTOR = 10.0, 1000.0


class Sums(NamedTuple):
    """The row sums of one kernel. Within the sets they leave the diagonal out."""

    real: Floats  # (n,), with the other reals
    fake: Floats  # (m,), with the other fakes
    real_to_fake: Floats  # (n,), with the fakes
    fake_to_real: Floats  # (m,), with the reals
    diagonal: float = 0.0  # the kernel of a point with itself, where that counts and all have the same

    @property
    def sizes(self) -> tuple[int, int]:
        return len(self.real), len(self.fake)


def sums_of(real: NDArray[Any], fake: NDArray[Any], kernel: _gram.Kernel, threads: int) -> Sums:
    real_to_fake, fake_to_real = _gram.across(real, fake, kernel, threads=threads)
    return Sums(
        _gram.within(real, kernel, threads=threads),
        _gram.within(fake, kernel, threads=threads),
        real_to_fake,
        fake_to_real,
    )


def mmd2(sums: Sums, *, biased: bool = False) -> float:
    """The squared maximum mean discrepancy."""
    (n, m), own = sums.sizes, sums.diagonal if biased else 0.0
    less = 0 if biased else 1
    within = (_gram.total(sums.real) + n * own) / n / (n - less)
    within += (_gram.total(sums.fake) + m * own) / m / (m - less)
    return within - 2 * _gram.total(sums.real_to_fake) / n / m


def standard_error(sums: Sums, *, biased: bool = False) -> float:
    """The jackknife's; NaN where a set has fewer points than leaving one out needs."""
    known = influences(sums, biased=biased)
    if known is None:
        return math.nan
    return math.hypot(*(_length(part) / math.sqrt(len(part) * (len(part) - 1)) for part in known))


def influences(sums: Sums, *, biased: bool = False) -> tuple[Floats, Floats] | None:
    """How far each fake, and each real, moves the value: (size - 1) times what is lost without it, less the
    mean of that. None where a set has fewer points than leaving one out needs.
    """
    n, m = sums.sizes
    parts = []
    for own, other, size, others in (
        (sums.fake, sums.fake_to_real, m, n),
        (sums.real, sums.real_to_fake, n, m),
    ):
        left = size - 1
        pairs = left * (left if biased else left - 1)
        if pairs == 0:
            return None
        # The statistic without point i is this and terms that are the same for all i.
        without = 2 * (other / left / others) - 2 * (own / pairs)
        without -= math.fsum(without.tolist()) / size
        parts.append(-left * without)
    return parts[0], parts[1]


def _length(vector: Floats) -> float:
    """The square root of the sum of squares, which need not fit in a float64 themselves."""
    largest = float(np.abs(vector).max())
    if largest == 0:
        return 0.0
    vector = vector / largest
    return largest * math.sqrt(math.fsum(vector * vector))


def expected_biased(sums: Sums) -> float:
    """The mean of the biased estimate over all ways to deal the points anew to sets of these sizes."""
    (n, m), all_of_them = sums.sizes, sum(sums.sizes)
    pairs = all_of_them * (all_of_them - 1)
    apart = (
        _gram.total(sums.real) + _gram.total(sums.fake) + 2 * _gram.total(sums.real_to_fake)
    ) / pairs  # the mean over pairs of different points of the union
    return max((1 / n + 1 / m) * (sums.diagonal - apart), 0.0)  # only rounding could be negative


def _two_each(n: int, m: int, options: Options) -> Needs:
    for size, name in ((n, "real_features"), (m, "fake_features")):
        if size < 2 and not options.get("biased"):
            raise Undefined(f"pairs within a set need at least 2 points in {name}, which has {size}")
    return Needs()


def _checked(sums: Sums, name: str) -> Sums:
    """A kernel of polynomial growth can leave float64 where distances do not (or come so near that sums of
    these do).
    """
    if not all((np.abs(part) < 1e300).all() for part in sums[:4]):
        raise Undefined(f"{name} has no value: the features are so large that its kernel overflows float64")
    return sums


def _outcome(
    sums: Sums, key: str, *, biased: bool = False, factor: float = 1.0, error: bool = True
) -> Outcome:
    """The value, how far single points move it, and under `<key>_se` its standard error; where there is none,
    NaN and why.
    """
    outcome = Outcome({key: factor * mmd2(sums, biased=biased)})
    known = influences(sums, biased=biased)
    if known is not None:
        outcome.influences[key] = factor * known[0], factor * known[1]
    if error:
        outcome.values[f"{key}_se"] = factor * standard_error(sums, biased=biased)
        if known is None:
            outcome.notes.append(f"{key}_se: leaving one point out needs at least 3 points in each set")
    return outcome


# kernel_distance


def polynomial(options: Options) -> _gram.Polynomial:
    return _gram.Polynomial(options["degree"], options["gamma"], options["coef0"])


def kernel_distance(found: Found, options: Options) -> Outcome:
    real, fake, threads = found.further.real, found.further.fake, found.further.threads
    sums = _checked(sums_of(real, fake, polynomial(options), threads), "kernel_distance")
    return _outcome(sums, "kernel_distance")


def kernel_distance_of_subsets(
    real: NDArray[Any], fake: NDArray[Any], options: Options, threads: int
) -> dict[str, float]:
    """The mean over random subsets, and the standard deviation (divided by their number) of their values.

    Drawn as torch-fidelity draws: one `RandomState(seed)`; for each subset rows of the fakes (its input1),
    then rows of the reals (its input2), neither with repetition.
    """
    size, kernel = options["subset_size"], polynomial(options)
    random = np.random.RandomState(options["seed"])
    values = []
    for _ in range(options["subsets"]):
        fakes = fake[random.choice(len(fake), size, replace=False)]
        reals = real[random.choice(len(real), size, replace=False)]
        sums = _checked(sums_of(reals, fakes, kernel, threads), "kernel_distance")
        values.append(mmd2(sums))
    return {"kernel_distance": float(np.mean(values)), "kernel_distance_std": float(np.std(values))}


# mmd


def _mmd_needs(n: int, m: int, options: Options) -> Needs:
    if options["bandwidth"] == "cmmd":
        return Needs()
    return _two_each(n, m, options)


def _directions(x: NDArray[Any], name: str) -> Floats:
    """The rows at length 1."""
    rows = _gram.unit_rows(x)
    zero = np.flatnonzero(np.isnan(rows[:, 0]))
    if len(zero):
        raise Undefined(f"{name} has the zero vector at row {zero[0]}, which has no direction")
    return rows


def mmd(found: Found, options: Options) -> Outcome:
    real, fake, threads = found.further.real, found.further.fake, found.further.threads
    if options["bandwidth"] == "cmmd":
        bandwidth, factor, biased = CMMD_BANDWIDTH, CMMD_FACTOR, True
        real, fake = _directions(real, "real_features"), _directions(fake, "fake_features")
    elif options["bandwidth"] == "median":
        bandwidth, factor, biased = _gram.median_distance(real, threads=threads), 1.0, False
        if bandwidth == 0:
            raise Undefined(
                "the median distance between reals is 0 (most of them are equal), which is no bandwidth; "
                "name one"
            )
    else:
        bandwidth, factor, biased = options["bandwidth"], 1.0, False
    sums = sums_of(real, fake, _gram.Gaussian(bandwidth), threads)._replace(diagonal=1.0)
    outcome = _outcome(sums, "mmd2", biased=biased, factor=factor)
    outcome.values["expected_mmd2"] = factor * expected_biased(sums) if biased else 0.0
    outcome.values["mmd_bandwidth"] = bandwidth
    return outcome


# energy_distance


def energy_distance(found: Found, options: Options) -> Outcome:
    unbiased = options["unbiased"]
    distances = sums_of(found.further.real, found.further.fake, _gram.Distance(), found.further.threads)
    sums = Sums(-distances.real, -distances.fake, -distances.real_to_fake, -distances.fake_to_real)
    outcome = _outcome(sums, "energy_distance", biased=not unbiased, error=False)
    if not unbiased:  # it is not negative, its rounding may be
        outcome.values["energy_distance"] = max(outcome.values["energy_distance"], 0.0)
    outcome.values["expected_energy_distance"] = 0.0 if unbiased else expected_biased(sums)
    return outcome


def _energy_needs(n: int, m: int, options: Options) -> Needs:
    return _two_each(n, m, options) if options["unbiased"] else Needs()


_ANY, _POSITIVE = (-math.inf, math.inf), (0.0, math.inf)
KERNEL_DISTANCE = Family(
    "kernel_distance",
    keys=(
        Key(
            "kernel_distance",
            "kernel_distance",
            "zero",
            _ANY,
            "squared MMD with the cubic kernel, from all pairs",
            0.0,
        ),
        Key("kernel_distance_se", "kernel_distance", None, _POSITIVE, "standard error of kernel_distance"),
    ),
    defaults={"kernel": "polynomial", "estimator": "full", "degree": 3, "gamma": None, "coef0": 1.0},
    needs=_two_each,
    formula=kernel_distance,
)
MMD = Family(
    "mmd",
    keys=(
        Key("mmd2", "mmd", "zero", _ANY, "squared MMD with a Gaussian kernel", "expected_mmd2"),
        Key("mmd2_se", "mmd", None, _POSITIVE, "standard error of mmd2"),
        Key("expected_mmd2", "mmd", None, _POSITIVE, "mmd2 if both sets came from one law"),
        Key("mmd_bandwidth", "mmd", None, _POSITIVE, "bandwidth of the Gaussian kernel"),
    ),
    defaults={"bandwidth": "median"},
    needs=_mmd_needs,
    formula=mmd,
)
ENERGY_DISTANCE = Family(
    "energy_distance",
    keys=(
        Key(
            "energy_distance",
            "energy_distance",
            "lower",
            _ANY,
            "twice the mean distance across the sets less those within them",
            "expected_energy_distance",
        ),
        Key(
            "expected_energy_distance",
            "energy_distance",
            None,
            _POSITIVE,
            "energy_distance if both sets came from one law",
        ),
    ),
    defaults={"unbiased": False},
    needs=_energy_needs,
    formula=energy_distance,
)
