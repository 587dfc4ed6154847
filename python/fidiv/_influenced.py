"""How much the Fréchet distance moves, from the influence of each point, where parts would be dear.

To first order the distance is its value plus a mean over the fakes and a mean over the reals of what single
points add to it (`metrics/frechet/influence.py`). With the reals fixed, the value plus the influence of each
fake are therefore terms whose mean is the value. With both fresh the variances of both means add up; of
groups the sums are what is independent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .metrics import FAMILIES, Found, Outcome, Undefined

KEY = "frechet_distance"
FAMILY = "frechet_influence"
TOO_DEAR = f"it would cost several times this call (ask for {FAMILY} to have it)"
CHEAP = 3e7  # pairs that are looked at in no time
Floats = NDArray[np.float64]
Groups = NDArray[Any] | None


def influences(found: Found, outcomes: Mapping[str, Outcome]) -> tuple[Floats, Floats]:
    """Of each fake and of each real: those of the call, else new ones where they take no longer than its look
    at all pairs, which is from some 40 points a column on. `Undefined` where there are none.
    """
    outcome = outcomes.get(FAMILY)
    if outcome is None:
        n, d = found.n + found.m, found.d
        # Measured on two processors: 0.08 ns a point and d^2, 0.5 ns a d^3; 0.005 ns a pair and d.
        if 16 * n * d + 100 * d**2 > max(n**2 / 2, CHEAP):
            raise Undefined(TOO_DEAR)
        outcome = FAMILIES[FAMILY].formula(found, {})
    if outcome.undefined:
        raise Undefined(next(iter(outcome.undefined.values())))
    return outcome.samples["frechet_influence"], outcome.samples["frechet_influence_real"]


def standard_error(
    of_fakes: Floats, of_reals: Floats | None, groups: Groups, real_groups: Groups
) -> tuple[float, int]:
    """Of the distance over fresh fakes, and over fresh reals if their influences are given; and its degrees
    of freedom.
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
