"""The calls of single families: each is a plan of one family.

All take real features first, (n, d), and fake features second, (m, d): array-likes of real numbers, one
point a row. What they measure and where it comes from is told in full in the file of the family, in
`metrics/`.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _core
from ._inputs import as_array, check_count, check_flag, check_seed
from ._plan import Progress, one_family, version
from .metrics import FAMILIES
from .metrics import prd as _prd
from .results import Result

MOST_ANGLES = 1_000_000
LARGEST_DIMENSION = 1e9  # of the entropies: beyond any data, and far from where its products overflow


def precision_recall(
    real_features: ArrayLike,
    fake_features: ArrayLike,
    *,
    nearest_k: int = 3,
    closed: bool = True,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> Result:
    """Improved precision and recall, with the realism of each fake.

    Parameters
    ----------
    real_features, fake_features : array (n, d), array (m, d)
        Both need more than `nearest_k` points.
    nearest_k : int, default 3
        The ball around a point reaches to this neighbour in its own set, the point itself not counted.
    closed : bool, default True
        Whether the boundary belongs to a ball.
    n_jobs, progress
        As in `fidiv.evaluate`.

    Returns
    -------
    Result
        precision: share of fakes in at least one real ball; recall: share of reals in at least one fake
        ball; f_score: their harmonic mean. Samples of the fakes (m,): precision_mask, realism, nearest_real
        (index), nearest_real_distance; of the reals (n,): recall_mask.

    Raises
    ------
    ValueError, TypeError
        As `fidiv.evaluate`, and for too few points.

    References
    ----------
    Kynkäänniemi et al. 2019, eq. 2 and (realism, unsquared as in the paper) eq. 3.

    Examples
    --------
    >>> import numpy as np, fidiv
    >>> rng = np.random.default_rng(0)
    >>> real = rng.normal(size=(200, 2))
    >>> result = fidiv.precision_recall(real, real[:50] + 100)
    >>> result.precision, result.recall, int(result.samples["nearest_real"].shape[0])
    (0.0, 0.0, 50)
    """
    options = {"nearest_k": check_count(nearest_k, "nearest_k"), "closed": check_flag(closed, "closed")}
    return one_family("precision_recall", real_features, fake_features, options, n_jobs, progress)


def density_coverage(
    real_features: ArrayLike,
    fake_features: ArrayLike,
    *,
    nearest_k: int = 5,
    closed: bool = True,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> Result:
    """Density and coverage, with the coverage that equal laws would have.

    Parameters
    ----------
    real_features, fake_features : array (n, d), array (m, d)
        n > nearest_k.
    nearest_k : int, default 5
        The ball around a real point reaches to this real neighbour, the point itself not counted.
    closed : bool, default True
        Whether the boundary belongs to a ball.
    n_jobs, progress
        As in `fidiv.evaluate`.

    Returns
    -------
    Result
        density: mean number of real balls around a fake, divided by nearest_k (1 on average for equal laws,
        may exceed 1); coverage: share of real balls that hold a fake; expected_coverage: its exact mean for
        equal continuous laws at these n, m, k. Samples: density (m,), coverage_mask (n,).

    Raises
    ------
    ValueError, TypeError
        As `fidiv.evaluate`, and for too few points.

    References
    ----------
    Naeem et al. 2020; Lemma 2 for expected_coverage.

    Examples
    --------
    >>> import numpy as np, fidiv
    >>> real = np.arange(12.0)[:, None]
    >>> result = fidiv.density_coverage(real, real + 0.25, nearest_k=2)
    >>> result.coverage, round(result.expected_coverage, 4)
    (1.0, 0.7826)
    """
    options = {"nearest_k": check_count(nearest_k, "nearest_k"), "closed": check_flag(closed, "closed")}
    return one_family("density_coverage", real_features, fake_features, options, n_jobs, progress)


def precision_recall_cover(
    real_features: ArrayLike,
    fake_features: ArrayLike,
    *,
    ball_k: int = 15,
    min_count: int = 5,
    closed: bool = True,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> Result:
    """Precision cover and recall cover, with the values that equal laws would have.

    Parameters
    ----------
    real_features, fake_features : array (n, d), array (m, d)
        Both need more than `ball_k` points.
    ball_k : int, default 15
        A ball reaches to this neighbour in its own set, the point itself not counted (k in Fox et al.).
    min_count : int, default 5
        How many points of the other set a good ball holds at least (k' in Fox et al.; their C is ball_k /
        min_count).
    closed : bool, default True
        Whether the boundary belongs to a ball.
    n_jobs, progress
        As in `fidiv.evaluate`.

    Returns
    -------
    Result
        precision_cover: share of fake balls that hold enough reals; recall_cover: share of real balls that
        hold enough fakes; expected_precision_cover, expected_recall_cover: their exact means for equal
        continuous laws at these sizes (not 1). Samples: precision_cover_mask (m,), recall_cover_mask (n,). A
        note when n != m, for which the threshold is not meant.

    Raises
    ------
    ValueError, TypeError
        As `fidiv.evaluate`, and for too few points.

    References
    ----------
    Cheema and Urner 2023; Fox, Swarup and Adiga 2025, eq. 5 and 6.

    Examples
    --------
    >>> import numpy as np, fidiv
    >>> rng = np.random.default_rng(0)
    >>> result = fidiv.precision_recall_cover(rng.normal(size=(300, 2)), rng.normal(size=(300, 2)))
    >>> round(result.expected_recall_cover, 2), result.recall_cover > 0.9
    (0.99, True)
    """
    options = {
        "ball_k": check_count(ball_k, "ball_k"),
        "min_count": check_count(min_count, "min_count"),
        "closed": check_flag(closed, "closed"),
    }
    return one_family("precision_recall_cover", real_features, fake_features, options, n_jobs, progress)


def cross_entropies(
    real_features: ArrayLike,
    fake_features: ArrayLike,
    *,
    nearest_k: int = 5,
    zero: Literal["raise", "floor", "drop"] = "raise",
    dimension: Literal["ambient", "intrinsic"] | float = "ambient",
    n_jobs: int | None = None,
    progress: Progress = None,
) -> Result:
    """Precision and recall cross-entropy and recall entropy, in nats, with ratios of radii that need no
    dimension.

    Parameters
    ----------
    real_features, fake_features : array (n, d), array (m, d)
        Both need more than `nearest_k` points.
    nearest_k : int, default 5
        Which neighbour gives the distances, the point itself not counted.
    zero : "raise", "floor" or "drop", default "raise"
        What a distance of zero means: an error that says how many and where; the smallest positive distance
        of its kind instead; or the mean of the others, apart in each mean, n and m in the logarithms
        unchanged. Notes count them.
    dimension : "ambient", "intrinsic" or float, default "ambient"
        What multiplies the logarithms of distances: d, the intrinsic dimension found, or a positive number of
        at most 1e9.
    n_jobs, progress
        As in `fidiv.evaluate`.

    Returns
    -------
    Result
        pce = CE(fake, real) - H(real), rce = CE(real, fake) - H(real), re = H(fake) - H(real); real_entropy,
        fake_entropy; intrinsic_dimension (Levina and Bickel, from the real set's own radii, inverses
        averaged); pce_ratio, rce_ratio, re_ratio: exp of the difference of mean logarithms of radii;
        expected_rce = expected_re = (1 - dimension / intrinsic_dimension) ln(m / n), what equal laws give
        when n != m. Samples: pce and re (m,), rce (n,): each point's term; they average to the value
        (dropped ones are NaN).

    Raises
    ------
    ValueError, TypeError
        As `fidiv.evaluate`, for too few points, and for zero distances with zero="raise".

    Notes
    -----
    With nearest_k=1 the intrinsic dimension has no value (NaN, and a note): it compares neighbours of one
    point.

    References
    ----------
    Fox, Swarup and Adiga 2025, eq. 21 to 25 (the definitions); Leonenko, Pronzato and Savani 2008 (the
    estimators); Levina and Bickel 2004 with the averaging of MacKay and Ghahramani 2005 (the dimension).

    Examples
    --------
    >>> import numpy as np, fidiv
    >>> rng = np.random.default_rng(0)
    >>> result = fidiv.cross_entropies(rng.normal(size=(500, 3)), 2 * rng.normal(size=(500, 3)))
    >>> bool(result.re > 1.5), result.samples["pce"].shape  # 3 ln 2 = 2.08 nats more
    (True, (500,))
    """
    wrong = f'zero must be "raise", "floor" or "drop", got {zero!r}'
    if not isinstance(zero, str):
        raise TypeError(wrong)
    if zero not in ("raise", "floor", "drop"):
        raise ValueError(wrong)
    options = {
        "nearest_k": check_count(nearest_k, "nearest_k"),
        "zero": zero,
        "dimension": _dimension(dimension),
    }
    return one_family("cross_entropies", real_features, fake_features, options, n_jobs, progress)


def _dimension(value: Any) -> str | float:
    allowed = 'dimension must be "ambient", "intrinsic" or a positive number of at most 1e9'
    if isinstance(value, int) and abs(value) > LARGEST_DIMENSION:
        raise ValueError(f"{allowed}, got an integer of {value.bit_length()} bits")
    wrong = f"{allowed}, got {value!r}"
    if isinstance(value, str):
        if value not in ("ambient", "intrinsic"):
            raise ValueError(wrong)
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(wrong)
    if not 0 < float(value) <= LARGEST_DIMENSION:
        raise ValueError(wrong)
    return float(value)


def copies(
    real_features: ArrayLike,
    fake_features: ArrayLike,
    *,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> Result:
    """Exact copies of real points among the fakes, and repeats within each set.

    Parameters
    ----------
    real_features, fake_features : array (n, d), array (m, d)
        One point is enough.
    n_jobs, progress
        As in `fidiv.evaluate`.

    Returns
    -------
    Result
        Shares: exact_copies, fakes at distance 0 from a real; duplicates_in_fake, duplicates_in_real: points
        that repeat an earlier row of their own set. Samples: copy_of (m,): the smallest index of a real at
        distance 0, or -1.

    Raises
    ------
    ValueError, TypeError
        As `fidiv.evaluate`.

    Examples
    --------
    >>> import fidiv
    >>> result = fidiv.copies([[0.0], [1.0], [2.0], [2.0]], [[2.0], [5.0], [5.0], [6.0]])
    >>> dict(result), result.samples["copy_of"].tolist()
    ({'exact_copies': 0.25, 'duplicates_in_fake': 0.25, 'duplicates_in_real': 0.25}, [2, -1, -1, -1])
    """
    return one_family("copies", real_features, fake_features, {}, n_jobs, progress)


def frechet_distance(
    real_features: ArrayLike, fake_features: ArrayLike, *, n_jobs: int | None = None
) -> Result:
    """The squared Fréchet distance of the Gaussians with the means and covariances (n - 1) of both sets.

    Parameters
    ----------
    real_features, fake_features : array (n, d), array (m, d)
        At least two points each; fewer points than dimensions are fine.
    n_jobs : int, optional
        Threads of the pass over the points, as in `fidiv.evaluate`. The factorisations after it use as many
        as SciPy's BLAS does, which its own variables set (OPENBLAS_NUM_THREADS, OMP_NUM_THREADS).

    Returns
    -------
    Result
        frechet_distance = mean_term + covariance_term; mean_term = |mu_R - mu_G|^2; covariance_term = tr S_R
        + tr S_G - 2 tr (S_R S_G)^(1/2). In squared units of the features. On Inception features this is what
        is called FID; the features here are yours. No term is negative.

    Raises
    ------
    ValueError, TypeError
        As `fidiv.evaluate`, for fewer than two points, and for values so large that the result does not fit
        in a float64.

    Notes
    -----
    covariance_term is within 1e-9 (tr S_R + tr S_G) of its exact value, for singular covariances and fewer
    points than dimensions too. Two steps of this bound are not proofs: random probes of a fixed seed, which
    miss with a chance below 1e-6 for data not built against them, and an error of eigenvalues that was
    measured, up to 2048 columns (beyond, slower singular values take over). Memory holds a product of
    min(n, d) x min(m, d) numbers, its square, and two factors of min(n, d) x d and min(m, d) x d.

    References
    ----------
    Dowson and Landau 1982 ("The Fréchet distance between multivariate normal distributions"); Heusel et al.
    2017 ("GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium").

    Examples
    --------
    >>> import numpy as np, fidiv
    >>> x = np.random.default_rng(0).normal(size=(100, 3))
    >>> result = fidiv.frechet_distance(x, x + [3.0, 0.0, 4.0])
    >>> round(result.mean_term, 6), round(abs(result.covariance_term), 6)
    (25.0, 0.0)
    """
    return one_family("frechet_distance", real_features, fake_features, {}, n_jobs)


def frechet_distance_from_moments(
    mean_a: ArrayLike, cov_a: ArrayLike, mean_b: ArrayLike, cov_b: ArrayLike
) -> Result:
    """The squared Fréchet distance of two Gaussians, from their means and covariances.

    Parameters
    ----------
    mean_a, mean_b : array (d,)
        The means.
    cov_a, cov_b : array (d, d)
        The covariances: symmetric, positive semidefinite up to rounding.

    Returns
    -------
    Result
        frechet_distance, mean_term, covariance_term, as in `frechet_distance`.

    Raises
    ------
    ValueError, TypeError
        Shapes that do not fit, values that are not finite, matrices that are no covariances, masked or
        sparse arrays, and values so large that the result does not fit in a float64.

    References
    ----------
    Dowson and Landau 1982.

    Examples
    --------
    >>> import numpy as np, fidiv
    >>> result = fidiv.frechet_distance_from_moments(np.zeros(2), np.eye(2), np.ones(2), 4 * np.eye(2))
    >>> round(result.frechet_distance, 9)  # 1 + 1 from the means, (2 - 1)^2 twice from the covariances
    4.0
    """
    from .metrics.frechet import frechet_from_moments  # brings SciPy, which is slow to import

    given = {"mean_a": mean_a, "cov_a": cov_a, "mean_b": mean_b, "cov_b": cov_b}
    moments = {name: as_array(value, name) for name, value in given.items()}
    terms = frechet_from_moments(**moments)
    keys = (key.name for key in FAMILIES["frechet_distance"].keys)
    return Result(
        dict(zip(keys, map(float, terms), strict=True)),
        settings={"d": moments["mean_a"].size, "version": version()},
    )


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


def show_config() -> dict[str, Any]:
    """What this installation is: version, kernel in use and all available, code, threads, build profile,
    target.

    Examples
    --------
    >>> import fidiv
    >>> config = fidiv.show_config()
    >>> config["kernel"] in config["kernels"]
    True
    """
    return dict(_core.config())
