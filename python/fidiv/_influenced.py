"""How much a value moves, from what single points add to it, where no half-samples are made.

To first order such a value is a constant plus a mean over the fakes and a mean over the reals of the
influences of the points (the Fréchet distance: `metrics/frechet/influence.py`; sums of kernels over pairs, by
leaving one point out: `metrics/kernels.py`). With the reals fixed, the value plus the influence of each fake
are therefore terms whose mean is the value. With both fresh the variances of both means add up; of groups the
sums are what is independent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .metrics import FAMILIES, Found, Outcome, Undefined

FAMILY = "frechet_influence"
TOO_DEAR = f"it would cost several times this call (ask for {FAMILY} to have it)"
CHEAP = 1e8  # pairs that are looked at in no time
Floats = NDArray[np.float64]
Groups = NDArray[Any] | None


def of_outcomes(outcomes: Mapping[str, Outcome]) -> dict[str, tuple[Floats, Floats]]:
    """key -> the influences of fakes and reals, where the families of the call know them."""
    return {
        FAMILIES[name].prefix + key: known
        for name, outcome in outcomes.items()
        for key, known in outcome.influences.items()
    }


def of_distance(found: Found) -> dict[str, tuple[Floats, Floats]]:
    """Those on the Fréchet distance and its terms, where they take no longer than the call's look at all
    pairs, which is from some 40 points a column on. `Undefined` where there are none.
    """
    n, d = found.n + found.m, found.d
    # Measured on two processors: 0.08 ns a point and d^2, 0.5 ns a d^3; 0.005 ns a pair and d.
    if 16 * n * d + 100 * d**2 > max(n**2 / 2, CHEAP):
        raise Undefined(TOO_DEAR)
    return FAMILIES[FAMILY].formula(found, {}).influences


def standard_error(
    of_fakes: Floats, of_reals: Floats | None, groups: Groups, real_groups: Groups
) -> tuple[float, int]:
    """Of the value over fresh fakes, and over fresh reals if their influences are given; and its degrees of
    freedom.
    """
    error, freedom = _of_mean(of_fakes, groups)
    if of_reals is None:
        return error, freedom
    error_of_reals, freedom_of_reals = _of_mean(of_reals, real_groups)
    return math.hypot(error, error_of_reals), min(freedom, freedom_of_reals)


def _of_mean(values: Floats, groups: Groups) -> tuple[float, int]:
    """The standard error of the mean of values whose mean is 0; of whole groups where there are some."""
    sums = values
    if groups is not None:
        _, group = np.unique(groups, return_inverse=True)
        sums = np.bincount(group, weights=values).astype(np.float64)
    count = len(sums)
    return float(np.linalg.norm(sums)) * math.sqrt(count / (count - 1)) / len(values), count - 1
