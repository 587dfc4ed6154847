"""What each mode adds to PCE, RCE and RE (Fox, Swarup and Adiga 2025).

All three are means over points less the entropy of the reals, so each mode's share of the sum, its points'
terms over the number of all points, is its part, and the parts add up to the metric. They are shown and never
decide: the part of RE of a mode falls when the mode merely holds more fakes than it should, since more points
lie closer together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..metrics import FAMILIES, Found, Needs

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

KEYS = ("pce", "rce", "re")


@dataclass(frozen=True)
class Terms:
    """(groups + 1,) each; the last entry is that of points in no group."""

    parts: dict[str, Floats]
    values: dict[str, float]
    undefined: dict[str, str]


def needs(n: int, m: int, nearest_k: int) -> Needs:
    """Those of the metrics."""
    return FAMILIES["cross_entropies"].needs(n, m, {"nearest_k": nearest_k})


def find(found: Found, nearest_k: int, real_group: Integers, fake_group: Integers, groups: int) -> Terms:
    """Groups are numbered from 0; -1 is no group."""
    outcome = FAMILIES["cross_entropies"].formula(
        found, {"nearest_k": nearest_k, "zero": "raise", "dimension": "ambient"}
    )
    parts, values = {}, {}
    for key in KEYS:
        if key in outcome.undefined:
            parts[key], values[key] = np.full(groups + 1, math.nan), math.nan
            continue
        of_points = outcome.samples[key]
        group = real_group if key == "rce" else fake_group
        order = np.argsort(group, kind="stable")
        ends = np.searchsorted(group[order], np.arange(groups + 1))
        inside = np.split(of_points[order], ends)  # first those of -1, then group by group, then none
        parts[key] = np.array([math.fsum(some.tolist()) / len(group) for some in (*inside[1:-1], inside[0])])
        values[key] = outcome.values[key]
    undefined = {key: reason for key, reason in outcome.undefined.items() if key in KEYS}
    return Terms(parts, values, undefined)
