"""The registry of metrics: which families there are, which numbers each gives, and what these numbers mean.

FAMILIES   name -> Family (keys, options with defaults, what it needs, formula)
KEYS       key -> Key (family, direction, bounds, meaning, expected value under equal laws)
DEFAULT    the keys of "default-1", the frozen list behind `evaluate(metrics="default")`
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from ..results import Key
from . import (
    alpha_precision,
    authenticity,
    clipped_density_coverage,
    closest_record,
    copies,
    cross_entropies,
    data_copying_test,
    density_coverage,
    divergence_frontier,
    divergences,
    frechet,
    kernels,
    pr_curve,
    prd,
    precision_recall,
    precision_recall_cover,
    probabilistic_precision_recall,
    rarity,
    sliced_wasserstein,
    symmetric_precision_recall,
)
from ._family import (
    Anchored,
    Balls,
    Clusters,
    Family,
    Found,
    Further,
    Moments,
    Needs,
    Options,
    Outcome,
    Undefined,
    mean,
    sides,
)

__all__ = [
    "DEFAULT",
    "DEFAULT_NAME",
    "FAMILIES",
    "KEYS",
    "Anchored",
    "Balls",
    "Clusters",
    "Family",
    "Found",
    "Further",
    "Key",
    "Moments",
    "Needs",
    "Options",
    "Outcome",
    "Undefined",
    "available",
    "mean",
    "sides",
]

FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        family.name: family
        for family in (
            precision_recall.FAMILY,
            density_coverage.FAMILY,
            precision_recall_cover.FAMILY,
            cross_entropies.FAMILY,
            divergences.FAMILY,
            copies.FAMILY,
            frechet.FRECHET_DISTANCE,
            frechet.FRECHET_INFLUENCE,
            frechet.FRECHET_DISTANCE_INFINITY,
            prd.FAMILY,
            rarity.FAMILY,
            probabilistic_precision_recall.FAMILY,
            symmetric_precision_recall.FAMILY,
            clipped_density_coverage.FAMILY,
            alpha_precision.FAMILY,
            authenticity.FAMILY,
            data_copying_test.FAMILY,
            closest_record.FAMILY,
            divergence_frontier.FAMILY,
            pr_curve.FAMILY,
            kernels.KERNEL_DISTANCE,
            kernels.MMD,
            kernels.ENERGY_DISTANCE,
            sliced_wasserstein.FAMILY,
        )
    }
)
KEYS: Mapping[str, Key] = MappingProxyType(
    {
        family.prefix + key.name: replace(
            key,
            name=family.prefix + key.name,
            expected=family.prefix + key.expected if isinstance(key.expected, str) else key.expected,
        )
        if family.prefix
        else key
        for family in FAMILIES.values()
        for key in family.keys
    }
)

# Frozen: yesterday's result keeps its shape. A better list gets a new name beside this one.
DEFAULT_NAME = "default-1"
DEFAULT: tuple[str, ...] = (
    "precision",
    "recall",
    "f_score",
    "density",
    "coverage",
    "expected_coverage",
    "pce",
    "rce",
    "re",
    "pce_ratio",
    "rce_ratio",
    "re_ratio",
    "frechet_distance",
    "exact_copies",
    "duplicates_in_fake",
)


def available() -> list[str]:
    """The names that `evaluate(metrics=...)` takes: families first, then keys.

    >>> import fidiv
    >>> "precision_recall" in fidiv.metrics.available(), "recall" in fidiv.metrics.available()
    (True, True)
    """
    return [*FAMILIES, *(key for key in KEYS if key not in FAMILIES)]
