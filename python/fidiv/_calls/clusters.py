"""Calls over histograms of clusters: precision and recall for distributions, divergence frontiers."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._inputs import as_array, check_count, check_seed
from .._plan import Progress, one_family, version
from ..metrics import divergence_frontier as _frontier
from ..metrics import prd as _prd
from ..results import Result

MOST_ANGLES = 1_000_000
MOST_WEIGHTS = 100_000


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
    p, q = _histograms(real_histogram, fake_histogram, ("real_histogram", "fake_histogram"))
    p, q = p / math.fsum(p), q / math.fsum(q)
    lambdas, precision, recall = _prd.curve(p, q, angles)
    return Result(
        _prd.summary(precision, recall),
        settings={"num_angles": angles, "cells": len(p), "version": version()},
        curve={"lambdas": lambdas, "precision": precision, "recall": recall},
    )


def divergence_frontier(
    real_features: ArrayLike,
    fake_features: ArrayLike,
    *,
    num_clusters: int | Literal["auto"] = "auto",
    scale: float = 5.0,
    seed: int = 0,
    method: Literal["clusters", "knn"] = "clusters",
    nearest_k: int | None = None,
    convention: Literal["fidiv", "mauve"] = "fidiv",
    num_weights: int = 25,
    num_runs: int | None = None,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> Result:
    """The frontier of divergences of both laws from their mixtures, and two numbers of it: the frontier
    integral and MAUVE.

    Parameters
    ----------
    real_features, fake_features : array (n, d), array (m, d)
        Together at least `num_clusters` points. Thousands in each: fewer points raise frontier_integral.
    num_clusters : int or "auto", default "auto"
        Clusters of the union, by k-means. "auto": a tenth of the smaller set, rounded, at least 2. Values
        are comparable only at equal sizes and clusters.
    scale : float, default 5.0
        c in the coordinates exp(-c KL) of MAUVE.
    seed : int, default 0
        Of the clustering; method="knn" draws nothing.
    method : "clusters" or "knn", default "clusters"
        Histograms over clusters, or ratios of densities from whose points the nearest neighbours in the
        union are.
    nearest_k : int, optional
        Of method="knn": how many neighbours, at most n + m - 1. None: floor(sqrt(n)) with n the smaller of
        both sizes.
    convention : "fidiv" or "mauve", default "fidiv"
        "fidiv": the features as they are, points of the frontier in the order of the weight. "mauve": as the
        package mauve-text does it, rows normalised to length 1, principal components up to a share of 0.9 of
        the variance, the best of 5 clusterings, points sorted by coordinate. The k-means is the one of this
        package and not that of faiss, so from features values agree in kind and not in digits.
    num_weights : int, default 25
        Points of the frontier, from 2 to 100,000, at weights equally spaced from 1e-6 to 1 - 1e-6. The
        frontier integral needs none: it is exact.
    num_runs : int, optional
        Clusterings, of which the one with the least sum of squares counts. None: 1, for "mauve" 5.
    n_jobs, progress
        As in `fidiv.evaluate`.

    Returns
    -------
    Result
        frontier_integral: 0 for equal and 1 for disjoint histograms; mauve: 1 for equal histograms, nearly 0
        for disjoint ones; frontier_integral_smoothed, mauve_smoothed: of the histograms (count + 1/2) / (n +
        num_clusters / 2), NaN with a note for method="knn". `.curve`: weights w, real_divergence = KL(P ||
        R_w), fake_divergence = KL(Q || R_w), with P the law of the reals, Q that of the fakes and R_w = w P +
        (1 - w) Q. Samples of "knn": real_ratio (n,), the estimated q / p at each real, fake_ratio (m,), p / q
        at each fake; a note says what frontier_integral would be for equal laws.

    Raises
    ------
    ValueError, TypeError
        As `fidiv.evaluate`, for fewer points than clusters or neighbours, for options of the other method.

    Notes
    -----
    Neighbours at one distance are ordered reals first, then by index: with ties across the sets "knn" depends
    on that order.

    References
    ----------
    Liu et al. 2021 (frontier integral); Pillutla et al. 2021 (MAUVE); Noshad et al. 2017 and Pillutla et al.
    2023 (by neighbours).

    Examples
    --------
    >>> import numpy as np, fidiv
    >>> rng = np.random.default_rng(0)
    >>> real = np.concatenate([rng.normal(0, 1, (200, 2)), rng.normal(50, 1, (200, 2))])
    >>> result = fidiv.divergence_frontier(real, real[:200], num_clusters=2)  # p = (.5, .5), q = (1, 0)
    >>> round(result.frontier_integral, 3), round(result.mauve, 3)
    (0.307, 0.278)
    """
    options = {
        "num_clusters": "auto" if _is_auto(num_clusters) else check_count(num_clusters, "num_clusters"),
        "scale": _scale(scale),
        "seed": check_seed(seed),
        "method": _one_of(method, "method", ("clusters", "knn")),
        "convention": _one_of(convention, "convention", ("fidiv", "mauve")),
        "num_weights": check_count(num_weights, "num_weights", minimum=2, maximum=MOST_WEIGHTS),
        "num_runs": None if num_runs is None else check_count(num_runs, "num_runs"),
        "nearest_k": None if nearest_k is None else check_count(nearest_k, "nearest_k"),
    }
    if method == "knn":
        if convention == "mauve" or num_runs is not None or not _is_auto(num_clusters):
            raise ValueError('num_clusters, num_runs and convention="mauve" are of method="clusters"')
    elif nearest_k is not None:
        raise ValueError(f'nearest_k={nearest_k} is of method="knn"; method="clusters" has no neighbours')
    return one_family("divergence_frontier", real_features, fake_features, options, n_jobs, progress)


def divergence_frontier_from_histograms(
    p: ArrayLike,
    q: ArrayLike,
    *,
    scale: float = 5.0,
    convention: Literal["fidiv", "mauve"] = "fidiv",
    num_weights: int = 25,
) -> Result:
    """The frontier integral and MAUVE of two histograms over the same cells.

    Parameters
    ----------
    p, q : array (cells,)
        Of the reals and of the fakes: counts or shares, not negative, with a positive sum each; they are
        normalised here. Whole numbers in both are taken for counts, which alone can be smoothed.
    scale : float, default 5.0
        c in the coordinates exp(-c KL) of MAUVE.
    convention : "fidiv" or "mauve", default "fidiv"
        Points of the frontier in the order of the weight, or sorted by coordinate as in the package
        mauve-text: two equal flat histograms then give 0.75 and not 1.
    num_weights : int, default 25
        Points of the frontier, from 2 to 100,000.

    Returns
    -------
    Result
        frontier_integral, mauve, frontier_integral_smoothed, mauve_smoothed (NaN with a note where p and q
        are not counts), and `.curve`, as in `divergence_frontier`. Exchanging p and q changes no number.

    Raises
    ------
    ValueError, TypeError
        Histograms of different lengths, with negative or not finite entries, or that sum to zero.

    References
    ----------
    Liu et al. 2021 (frontier integral); Pillutla et al. 2021 (MAUVE).

    Examples
    --------
    >>> import fidiv
    >>> result = fidiv.divergence_frontier_from_histograms([10, 20, 30, 40], [40, 10, 25, 25])
    >>> round(result.frontier_integral, 6), round(result.mauve, 6)
    (0.089713, 0.818773)
    """
    real, fake = _histograms(p, q, ("p", "q"))
    options = {
        "scale": _scale(scale),
        "convention": _one_of(convention, "convention", ("fidiv", "mauve")),
        "num_weights": check_count(num_weights, "num_weights", minimum=2, maximum=MOST_WEIGHTS),
    }
    if all((part == np.floor(part)).all() for part in (real, fake)):
        outcome = _frontier.of_counts(real, fake, options)
        values, curve, notes = outcome.values, outcome.curve, outcome.notes
    else:
        values, curve = _frontier.summary(real / math.fsum(real), fake / math.fsum(fake), options)
        values |= {"frontier_integral_smoothed": math.nan, "mauve_smoothed": math.nan}
        notes = [
            "frontier_integral_smoothed, mauve_smoothed: only counts can be smoothed, p and q are shares"
        ]
    return Result(
        values,
        settings={**options, "cells": len(real), "version": version()},
        notes=notes,
        curve=curve,
    )


def _is_auto(value: Any) -> bool:
    return isinstance(value, str) and value == "auto"


def _one_of(value: Any, name: str, allowed: tuple[str, ...]) -> str:
    words = " or ".join(f'"{word}"' for word in allowed)
    wrong = f"{name} must be {words}, got {value!r}"
    if not isinstance(value, str):
        raise TypeError(wrong)
    if value not in allowed:
        raise ValueError(wrong)
    return value


def _scale(value: Any) -> float:
    wrong = f"scale must be a positive number of at most 1e9, got {value!r}"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(wrong)
    if not 0 < value <= 1e9:
        raise ValueError(wrong)
    return float(value)


def _histograms(
    real: Any, fake: Any, names: tuple[str, str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both checked, of one length; not normalised."""
    p, q = _histogram(real, names[0]), _histogram(fake, names[1])
    if len(p) != len(q):
        raise ValueError(
            f"{names[1]} has {len(q)} cells, {names[0]} has {len(p)}; they must be the same cells"
        )
    return p, q


def _histogram(values: Any, name: str) -> NDArray[np.float64]:
    """`values` as float64, not negative, with a positive sum."""
    array = as_array(values, name)
    if array.dtype.kind not in "iufb":
        raise TypeError(f"{name} has type {array.dtype}; counts or shares are needed")
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}; one number a cell is needed, shape (cells,)")
    weights = array.astype(np.float64)
    bad = np.flatnonzero(~((weights >= 0) & (weights < np.inf)))
    if len(bad):
        raise ValueError(
            f"{name} has {weights[bad[0]]} in cell {bad[0]}; counts and shares are finite and not negative"
        )
    total = math.fsum(weights)
    if not 0 < total < math.inf:
        raise ValueError(f"{name} sums to {total}; it needs a positive, finite sum")
    return weights
