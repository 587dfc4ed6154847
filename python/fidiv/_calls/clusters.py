"""Calls of precision and recall for distributions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._inputs import as_array, check_count, check_seed
from .._plan import Progress, one_family, version
from ..metrics import prd as _prd
from ..results import Result

MOST_ANGLES = 1_000_000


def prd(
    real_features: ArrayLike,
    fake_features: ArrayLike,
    *,
    num_clusters: int = 20,
    num_angles: int = 1001,
    num_runs: int = 10,
    seed: int = 0,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> Result:
    """Precision and recall for distributions: the PRD curve over clusters of both sets, averaged over
    clusterings.

    Parameters
    ----------
    real_features, fake_features : array (n, d), array (m, d)
        Together at least `num_clusters` points; n and m may differ (histograms are shares).
    num_clusters : int, default 20
        Clusters of the union, by k-means (Lloyd, k-means++ starts).
    num_angles : int, default 1001
        Points of the curve, from 3 to 1,000,000.
    num_runs : int, default 10
        Clusterings; precision and recall are averaged at each slope.
    seed : int, default 0
        Of the clusterings. The same seed gives the same result for any number of threads.
    n_jobs, progress
        As in `fidiv.evaluate`.

    Returns
    -------
    Result
        max_f8: best F_8 on the averaged curve (weighs recall); max_f1_8: best F_{1/8} (weighs precision);
        auc: area under it; and the standard deviation of each over the single runs (divided by num_runs),
        `_std`. `.curve`: lambdas, precision, recall.

    Raises
    ------
    ValueError, TypeError
        As `fidiv.evaluate`, and for fewer points than clusters.

    References
    ----------
    Sajjadi et al. 2018.

    Examples
    --------
    >>> import numpy as np, fidiv
    >>> rng = np.random.default_rng(0)
    >>> real = np.concatenate([rng.normal(0, 1, (100, 2)), rng.normal(50, 1, (100, 2))])
    >>> result = fidiv.prd(real, real[:100], num_clusters=2)  # one of two modes is missing
    >>> round(result.max_f8, 3), round(result.max_f1_8, 3)
    (0.504, 0.985)
    """
    options = {
        "num_clusters": check_count(num_clusters, "num_clusters"),
        "num_angles": check_count(num_angles, "num_angles", minimum=3, maximum=MOST_ANGLES),
        "num_runs": check_count(num_runs, "num_runs"),
        "seed": check_seed(seed),
    }
    return one_family("prd", real_features, fake_features, options, n_jobs, progress)


def prd_from_histograms(
    real_histogram: ArrayLike, fake_histogram: ArrayLike, *, num_angles: int = 1001
) -> Result:
    """The PRD curve of two histograms over the same cells.

    Parameters
    ----------
    real_histogram, fake_histogram : array (cells,)
        Counts or shares, not negative, with a positive sum each; they are normalised here.
    num_angles : int, default 1001
        Points of the curve, from 3 to 1,000,000.

    Returns
    -------
    Result
        max_f8 (weighs recall), max_f1_8 (weighs precision), auc. `.curve`: lambdas, precision, recall.

    Raises
    ------
    ValueError, TypeError
        Histograms of different lengths, with negative or not finite entries, or that sum to zero.

    References
    ----------
    Sajjadi et al. 2018.

    Examples
    --------
    >>> import fidiv
    >>> result = fidiv.prd_from_histograms([75, 25], [25, 75])
    >>> round(result.max_f8, 5), round(result.max_f1_8, 5)
    (0.96996, 0.96996)
    """
    angles = check_count(num_angles, "num_angles", minimum=3, maximum=MOST_ANGLES)
    p, q = _histogram(real_histogram, "real_histogram"), _histogram(fake_histogram, "fake_histogram")
    if len(p) != len(q):
        raise ValueError(
            f"fake_histogram has {len(q)} cells, real_histogram has {len(p)}; they must be the same cells"
        )
    lambdas, precision, recall = _prd.curve(p, q, angles)
    return Result(
        _prd.summary(precision, recall),
        settings={"num_angles": angles, "cells": len(p), "version": version()},
        curve={"lambdas": lambdas, "precision": precision, "recall": recall},
    )


def _histogram(values: Any, name: str) -> NDArray[np.float64]:
    """`values` as shares that sum to 1."""
    array = as_array(values, name)
    if array.dtype.kind not in "iufb":
        raise TypeError(f"{name} has type {array.dtype}; counts or shares are needed")
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}; one number a cell is needed, shape (cells,)")
    shares = array.astype(np.float64)
    bad = np.flatnonzero(~((shares >= 0) & (shares < np.inf)))
    if len(bad):
        raise ValueError(
            f"{name} has {shares[bad[0]]} in cell {bad[0]}; counts and shares are finite and not negative"
        )
    total = math.fsum(shares)
    if not 0 < total < math.inf:
        raise ValueError(f"{name} sums to {total}; it needs a positive, finite sum")
    return shares / total
