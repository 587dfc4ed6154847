"""Calls that are short formulas over neighbours: improved precision and recall, density and coverage, covers,
cross-entropies, copies.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from .._inputs import check_count, check_flag, check_positive
from .._plan import Progress, one_family
from ..results import Result

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


def divergences(
    real_features: ArrayLike,
    fake_features: ArrayLike,
    *,
    nearest_k: int = 5,
    alpha: float = 0.5,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> Result:
    """Kullback-Leibler and Rényi divergences in both directions, in nats, from neighbour radii.

    Parameters
    ----------
    real_features, fake_features : array (n, d), array (m, d)
        Both need more than `nearest_k` points.
    nearest_k : int, default 5
        Which neighbour gives the radii, the point itself not counted; above abs(alpha - 1).
    alpha : float, default 0.5
        The order of the Rényi divergence, positive and finite. 1 is the Kullback-Leibler divergence.
    n_jobs, progress
        As in `fidiv.evaluate`.

    Returns
    -------
    Result
        kl_real_fake = KL(real || fake), large where fakes are missing; kl_fake_real, large where fakes are
        invented; renyi_real_fake, renyi_fake_real. Estimates of numbers that are not negative, not clipped.
        Samples: log_ratio_real_fake (n,), ln of the estimated density of the reals over that of the fakes at
        each real; log_ratio_fake_real (m,), the other way round at each fake.

    Raises
    ------
    ValueError, TypeError
        As `fidiv.evaluate`, for too few points, for a distance of zero, and for nearest_k <= abs(alpha - 1).

    Notes
    -----
    `fidiv.entropy` has these for one direction, and by ratios of neighbours, which need no dimension. Here
    radii are multiplied by the number of columns: features near a set of lower dimension need the reading
    that `fidiv.cross_entropies` gives.

    References
    ----------
    Wang, Kulkarni and Verdú 2009; Póczos and Schneider 2011.

    Examples
    --------
    >>> import numpy as np, fidiv
    >>> rng = np.random.default_rng(0)
    >>> real, fake = rng.normal(size=(3000, 1)), 1 + rng.normal(size=(3000, 1))  # 1 / 2, and alpha / 2
    >>> result = fidiv.divergences(real, fake)
    >>> 0.4 < result.kl_real_fake < 0.6, 0.2 < result.renyi_real_fake < 0.3
    (True, True)
    """
    options = {"nearest_k": check_count(nearest_k, "nearest_k"), "alpha": check_positive(alpha, "alpha")}
    return one_family("divergences", real_features, fake_features, options, n_jobs, progress)
