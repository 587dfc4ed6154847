"""The call of precision-recall curves."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._inputs import check_count, check_number, check_seed
from .._plan import Progress, one_family
from ..results import Result

METHODS = ("knn", "kde", "ipr", "coverage", "clusters", "classifier")
NEIGHBOUR_METHODS = METHODS[:4]


def pr_curve(
    real_features: ArrayLike,
    fake_features: ArrayLike,
    *,
    method: str = "knn",
    nearest_k: int | None = None,
    bandwidth: float | None = None,
    split: str | float | None = "leave-one-out",
    convention: str = "fidiv",
    confidence: float | None = None,
    num_clusters: int = 20,
    seed: int = 0,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> Result:
    """The whole precision-recall curve between the laws of two sets: precision(l) = integral of min(l p, q),
    recall(l) = precision(l) / l, for all weights l of the reals, and its numbers.

    Parameters
    ----------
    real_features, fake_features : array (n, d), array (m, d)
        n and m may differ.
    method : "knn", "kde", "ipr", "coverage", "clusters" or "classifier", default "knn"
        What orders the points by how fake they look. With a = reals near a point, b = fakes near it, each
        point is as fake as b / a. Near is: within the distance of its `nearest_k`-th neighbour in both sets
        together (knn); within the mean `nearest_k`-th neighbour distance of the reals, of the fakes (kde);
        inside the `nearest_k` balls of reals, of fakes (ipr); within its `nearest_k`-th distance to the other
        kind (coverage); in its cell of k-means (clusters). classifier: the odds of a logistic regression on
        standardised columns.
    nearest_k : int, optional
        Neighbours of knn, kde, ipr, coverage, the point itself not counted, except with split=None and for
        the authors (see there). None: the square root of the smaller training set, rounded down. Small k (3
        to 5) has few distinct ratios and a curve far below the truth even for equal laws.
    bandwidth : float, optional
        With method="kde": a Gaussian kernel with this standard deviation instead of balls, in float64 sums
        that lose digits where features reach further than a million bandwidths.
    split : "leave-one-out", float or None, default "leave-one-out"
        Which points train (make scores) and which test (make the curve). "leave-one-out": all do both, each
        left out of all that its own score is made of (classifier: 5 folds; clusters: the cells are those of
        all points, the counts leave it out). A share in (0, 1): that share of either set trains, drawn by
        `seed`, the others test. None: all do both and count themselves, as in improved precision and recall:
        memorised, hence too low for small `nearest_k` (0 for nearest_k=1).
    convention : "fidiv" or "sykes", default "fidiv"
        "sykes" reproduces the authors' code: classifiers and curve on a grid of 100 angles, their rules at
        ties and ends, trapezia, training points that are their own first neighbour (radii of kde
        excepted). For knn, kde, ipr and coverage, with a share or None as `split`.
    confidence : float in (0, 1), optional
        With a share as `split`: also bounds that hold with this confidence, whatever the laws, if points are
        independent.
    num_clusters : int, default 20
        Cells of method="clusters".
    seed : int, default 0
        Of the split, the clusters and the folds.
    n_jobs, progress
        As in `fidiv.evaluate`.

    Returns
    -------
    Result
        auc: area under the curve; total_variation: 1 - precision(1); median_precision, median_recall: the
        point where the ray from the origin halves the area; precision_at_eps, recall_at_eps: the largest
        precision at a recall of 0.05 or more, and the other way round; max_f8 (weighs recall), max_f1_8
        (weighs precision). With split=None also max_precision and max_recall, the ends of the curve: else one
        outlier would decide them. With `confidence` also total_variation_at_least.
        `.curve`: lambdas (0, slopes of equal angles, infinity), precision, recall, and the corners of the
        polygon (`fidiv.curves.max_f_beta` takes any beta from them); with `confidence` also
        precision_at_most and recall_at_most, which hold for all lambdas at once. All numbers are those of the
        exact polygon, not of these points. `.settings` has neighbours (the k used), training_sizes,
        test_sizes, and which classifiers were in.

    Raises
    ------
    ValueError, TypeError
        As `fidiv.evaluate`; options that do not belong together; too few points.

    Notes
    -----
    The estimate is an upper bound of the true curve in expectation for scores that do not suit the data
    (neighbours in high dimension), and lower than it by the choice of thresholds on the test points, of order
    1 / sqrt(n). ipr and kde count balls and points whatever their volumes: where the sets differ in local
    scale, b / a is shifted (for Gaussians one deviation apart in the plane, 2000 points each, the area by ipr
    is 0.15 too large). Coarse cells make the curve of clusters too high. Dividing a by n and b by m
    changes no order of b / a, hence no curve.

    In `fidiv.evaluate` the keys begin with `pr_curve_`. In `fidiv.curves.exact` are curves of laws that are
    known.

    References
    ----------
    Sykes, Simon and Rabin 2024 (estimators); Simon, Webster and Rabin 2019 (classifiers); Sajjadi et al. 2018
    (clusters); Massart 1990 (the constant of the bounds).

    Examples
    --------
    >>> import numpy as np, fidiv
    >>> rng = np.random.default_rng(0)
    >>> real, fake = rng.normal(size=(1000, 2)), rng.normal(size=(1000, 2)) + [1.0, 0.0]
    >>> exact = fidiv.curves.exact.gaussian_shift(1.0)
    >>> result = fidiv.pr_curve(real, fake)
    >>> abs(result.auc - exact.auc) < 0.1, abs(result.total_variation - exact.total_variation) < 0.1
    (True, True)
    >>> certified = fidiv.pr_curve(real, fake, split=0.5, confidence=0.95)
    >>> 0.1 < certified.total_variation_at_least < exact.total_variation
    True
    """
    method = _choice(method, "method", METHODS)
    convention = _choice(convention, "convention", ("fidiv", "sykes"))
    split = _split(split)
    if nearest_k is not None:
        nearest_k = check_count(nearest_k, "nearest_k")
        if method not in NEIGHBOUR_METHODS or bandwidth is not None:
            other = f"method={method!r}" if method not in NEIGHBOUR_METHODS else "bandwidth"
            raise ValueError(f"nearest_k={nearest_k} has no part in {other}; leave it None")
    if bandwidth is not None:
        bandwidth = _number(bandwidth, "bandwidth", math.inf)
        if method != "kde":
            raise ValueError(f"bandwidth belongs to method='kde', got method={method!r}")
    if convention == "sykes":
        if method not in NEIGHBOUR_METHODS or bandwidth is not None:
            raise ValueError(
                "convention='sykes' is for knn, kde (without bandwidth), ipr and coverage, "
                f"got method={method!r}" + ("" if bandwidth is None else f" with bandwidth={bandwidth}")
            )
        if isinstance(split, str):
            raise ValueError(
                "convention='sykes' has no leave-one-out: split must be a share or None, got 'leave-one-out'"
            )
    if confidence is not None:
        confidence = _number(confidence, "confidence", 1.0)
        if not isinstance(split, float):
            raise ValueError(
                f"confidence needs test points that no score has seen: split must be a share, got {split!r}"
            )
        if convention != "fidiv":
            raise ValueError(f"confidence belongs to convention='fidiv', got {convention!r}")
    options = {
        "method": method,
        "nearest_k": nearest_k,
        "bandwidth": bandwidth,
        "split": split,
        "convention": convention,
        "confidence": confidence,
        "num_clusters": check_count(num_clusters, "num_clusters"),
        "seed": check_seed(seed),
    }
    return one_family("pr_curve", real_features, fake_features, options, n_jobs, progress)


def _choice(value: Any, name: str, allowed: tuple[str, ...]) -> str:
    wrong = f"{name} must be {', '.join(map(repr, allowed[:-1]))} or {allowed[-1]!r}, got {value!r}"
    if not isinstance(value, str):
        raise TypeError(wrong)
    if value not in allowed:
        raise ValueError(wrong)
    return value


def _split(value: Any) -> str | float | None:
    if value is None or (isinstance(value, str) and value == "leave-one-out"):
        return value
    wrong = f"split must be 'leave-one-out', a share in (0, 1) or None, got {value!r}"
    if isinstance(value, str):
        raise ValueError(wrong)
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(wrong)
    if not 0 < float(value) < 1:
        raise ValueError(wrong)
    return float(value)


def _number(value: Any, name: str, below: float) -> float:
    allowed = "a positive, finite number" if math.isinf(below) else f"a number between 0 and {below:g}"
    return check_number(value, name, allowed, lambda number: 0 < number < below)
