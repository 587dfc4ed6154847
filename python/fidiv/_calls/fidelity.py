"""Calls of further measures of fidelity and diversity: rarity, probabilistic and symmetric precision and
recall, clipped density and coverage, alpha-precision and beta-recall.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from .._inputs import as_array, check_count, check_flag
from .._plan import Progress, one_family
from ..results import Result

LARGEST_SCALE = 1e9  # of probabilistic radii: far beyond any use, far from overflow


def rarity(
    real_features: ArrayLike,
    fake_features: ArrayLike,
    *,
    nearest_k: int = 3,
    closed: bool = False,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> Result:
    """How rare the fakes are among the reals: the radius of the smallest real ball around each.

    Parameters
    ----------
    real_features, fake_features : array (n, d), array (m, d)
        More than `nearest_k` reals.
    nearest_k : int, default 3
        The ball around a real reaches to this neighbour in its own set, the point itself not counted.
    closed : bool, default False
        Whether the boundary belongs to a ball; as published it does not. (The other measures of balls here
        default to True, as their papers do.)
    n_jobs, progress
        As in `fidiv.evaluate`.

    Returns
    -------
    Result
        rarity: the mean over the fakes that lie in a ball, in units of the features (NaN with a note when
        none does); share_outside: share of the fakes that lie in none. Sample of the fakes (m,): rarity, NaN
        outside.

    Raises
    ------
    ValueError, TypeError
        As `fidiv.evaluate`, and for too few points.

    Notes
    -----
    A distance says nothing by itself: compare models on the same reals. High is rare, not good: look at
    share_outside too. The published code gives fakes outside all balls the score 0.

    References
    ----------
    Han et al. 2023.

    Examples
    --------
    >>> import fidiv
    >>> real = [[0.0], [1.0], [2.0], [10.0], [20.0]]
    >>> result = fidiv.rarity(real, [[0.5], [12.0], [99.0]], nearest_k=1)
    >>> dict(result), result.samples["rarity"].tolist()  # in balls of radius 1 and 8
    ({'rarity': 4.5, 'share_outside': 0.3333333333333333}, [1.0, 8.0, nan])
    """
    options = {"nearest_k": check_count(nearest_k, "nearest_k"), "closed": check_flag(closed, "closed")}
    return one_family("rarity", real_features, fake_features, options, n_jobs, progress)


def probabilistic_precision_recall(
    real_features: ArrayLike,
    fake_features: ArrayLike,
    *,
    nearest_k: int = 4,
    scale: float = 1.2,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> Result:
    """Probabilistic precision and recall: the mean probability that the other set covers a point.

    Parameters
    ----------
    real_features, fake_features : array (n, d), array (m, d)
        Both need more than `nearest_k` points.
    nearest_k : int, default 4
        Which own neighbour gives the radii that are averaged, the point itself not counted.
    scale : float, default 1.2
        The radius of a set is this many times the mean distance to that neighbour; positive, at most 1e9.
    n_jobs, progress
        As in `fidiv.evaluate`.

    Returns
    -------
    Result
        p_precision, p_recall. Samples: p_precision (m,), p_recall (n,): each point's probability,
        1 - prod min(1, distance / radius) over all points of the other set; 1 for a copy.

    Raises
    ------
    ValueError, TypeError
        As `fidiv.evaluate`, for too few points, and for a scale that is not positive.

    Notes
    -----
    The product is over all points within the radius, so the values grow with the number of points: compare
    sets of one size. In many dimensions even disjoint sets may get values far above 0.

    References
    ----------
    Park and Kim 2023; the defaults are those of the published code.

    Examples
    --------
    >>> import fidiv
    >>> result = fidiv.probabilistic_precision_recall([[0.0], [1.0]], [[0.5], [9.0]], nearest_k=1, scale=1.0)
    >>> result.samples["p_precision"].tolist()  # 1 - 1/2 * 1/2, and nothing near
    [0.75, 0.0]
    """
    options = {"nearest_k": check_count(nearest_k, "nearest_k"), "scale": _scale(scale)}
    return one_family(
        "probabilistic_precision_recall", real_features, fake_features, options, n_jobs, progress
    )


def symmetric_precision_recall(
    real_features: ArrayLike,
    fake_features: ArrayLike,
    *,
    nearest_k: int = 5,
    closed: bool = False,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> Result:
    """Symmetric precision and recall: each is the smaller of itself and its complement.

    Parameters
    ----------
    real_features, fake_features : array (n, d), array (m, d)
        Both need more than `nearest_k` points.
    nearest_k : int, default 5
        The ball around a point reaches to this neighbour in its own set, the point itself not counted.
    closed : bool, default False
        Whether the boundary belongs to a ball; as published it does not.
    n_jobs, progress
        As in `fidiv.evaluate`.

    Returns
    -------
    Result
        sym_precision = min(precision, complement_precision); sym_recall = min(recall, coverage), with
        precision, recall and coverage of this nearest_k and closed; complement_precision: share of fake
        balls that hold at least one real; expected_complement_precision: its exact value for identical laws
        at these n, m, k. Sample of the fakes (m,): complement_precision_mask.

    Raises
    ------
    ValueError, TypeError
        As `fidiv.evaluate`, and for too few points.

    References
    ----------
    Khayatkhoei and AbdAlmageed 2023.

    Examples
    --------
    >>> import numpy as np, fidiv
    >>> rng = np.random.default_rng(0)
    >>> real = rng.normal(size=(300, 16))
    >>> small = fidiv.symmetric_precision_recall(real, 0.3 * rng.normal(size=(300, 16)))
    >>> small.sym_recall, small.complement_precision  # shrunk: no real lies in a fake ball
    (0.0, 0.0)
    >>> fidiv.precision_recall(real, 0.3 * rng.normal(size=(300, 16))).precision  # and precision is content
    1.0
    """
    options = {"nearest_k": check_count(nearest_k, "nearest_k"), "closed": check_flag(closed, "closed")}
    return one_family("symmetric_precision_recall", real_features, fake_features, options, n_jobs, progress)


def clipped_density_coverage(
    real_features: ArrayLike,
    fake_features: ArrayLike,
    *,
    nearest_k: int = 5,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> Result:
    """Clipped density and coverage: outliers do not count for more, and a score is a share of good fakes.

    Parameters
    ----------
    real_features, fake_features : array (n, d), array (m, d)
        More than `nearest_k` reals, at least `nearest_k` fakes.
    nearest_k : int, default 5
        The ball around a real reaches to this neighbour in its own set, the point itself not counted; and so
        many points fill a ball.
    n_jobs, progress
        As in `fidiv.evaluate`.

    Returns
    -------
    Result
        clipped_density, clipped_coverage (calibrated, at most m / (m + 1) unless the reals are covered better
        than is expected of good fakes: then 1). Samples: clipped_density of the fakes (m,), min(balls / k,
        1), not yet divided by the value of the reals; coverage_depth of the reals (n,), min(fakes in the
        ball / k, 1), not calibrated.

    Raises
    ------
    ValueError, TypeError
        As `fidiv.evaluate`, and for too few points.

    Notes
    -----
    As published the balls of the density are closed and those of the coverage open. Where reals have several
    neighbours at one distance at the k-th place, the k that count are those with smaller indices: then
    clipped_density can depend on the order of the reals.

    References
    ----------
    Salvy, Talbot and Thirion 2026.

    Examples
    --------
    >>> import numpy as np, fidiv
    >>> rng = np.random.default_rng(0)
    >>> real, fake = rng.normal(size=(500, 4)), rng.normal(size=(500, 4))
    >>> fake[:200] += 100  # 40 % of the fakes are far away
    >>> result = fidiv.clipped_density_coverage(real, fake)
    >>> round(result.clipped_density, 1), round(result.clipped_coverage, 1)
    (0.6, 0.6)
    """
    options = {"nearest_k": check_count(nearest_k, "nearest_k")}
    return one_family("clipped_density_coverage", real_features, fake_features, options, n_jobs, progress)


def alpha_precision(
    real_features: ArrayLike,
    fake_features: ArrayLike,
    *,
    center: ArrayLike | None = None,
    convention: Literal["fidiv", "alaa"] = "fidiv",
    n_jobs: int | None = None,
    progress: Progress = None,
) -> Result:
    """alpha-precision, beta-recall and authenticity of the features as they are given.

    Parameters
    ----------
    real_features, fake_features : array (n, d), array (m, d)
        At least two reals.
    center : array (d,), optional
        The centre of the balls of alpha-precision. None: the mean of the reals. (That of beta-recall is the
        mean of the fakes, as published.)
    convention : "fidiv" or "alaa", default "fidiv"
        "fidiv": the curves are step functions, integrated exactly, and authenticity is what the paper says.
        "alaa" reproduces the published code: a grid of 30 points, and an authenticity that looks up reals by
        the indices of fakes (an error where there is no such real).
    n_jobs, progress
        As in `fidiv.evaluate`.

    Returns
    -------
    Result
        alpha_precision; beta_recall; expected_beta_recall: what beta_recall tends to when both laws are
        equal, about 1/2 for sets of one size; authenticity: share of fakes farther from their nearest real
        than that one from its nearest other real (`fidiv.authenticity` tells what to expect of it).
        Samples: alpha_level of the fakes (m,): the smallest alpha whose ball holds the fake, infinite
        outside all; beta_level of the reals (n,): the smallest beta at which the real is covered, infinite
        if never. The curves are the shares of levels up to alpha or beta.

    Raises
    ------
    ValueError, TypeError
        As `fidiv.evaluate`, for a single real, and for a center that does not fit.

    Notes
    -----
    alpha_precision compares distances to one point only. Fakes on a sphere around the centre of a shell of
    reals look perfect wherever on the sphere they lie, and in many dimensions most distances to the mean are
    nearly equal. The paper trains an embedding first; apply one before if that is wanted.

    References
    ----------
    Alaa et al. 2022 (the definitions); its published code (convention="alaa").

    Examples
    --------
    >>> import numpy as np, fidiv
    >>> rng = np.random.default_rng(0)
    >>> result = fidiv.alpha_precision(rng.normal(size=(500, 2)), rng.normal(size=(500, 2)))
    >>> result.alpha_precision > 0.9, round(result.beta_recall, 1), round(result.expected_beta_recall, 1)
    (True, 0.5, 0.5)
    """
    wrong = f'convention must be "fidiv" or "alaa", got {convention!r}'
    if not isinstance(convention, str):
        raise TypeError(wrong)
    if convention not in ("fidiv", "alaa"):
        raise ValueError(wrong)
    options = {"center": _center(center, real_features), "convention": convention}
    return one_family("alpha_precision", real_features, fake_features, options, n_jobs, progress)


def _center(value: Any, features: Any) -> tuple[float, ...] | None:
    """The centre as plain floats, as many as the features have columns."""
    if value is None:
        return None
    array = as_array(value, "center")
    if array.dtype.kind not in "biuf":
        raise TypeError(f"center has type {array.dtype}; real numbers are needed")
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"center has shape {array.shape}; one number a column is needed, shape (d,)")
    numbers = tuple(float(number) for number in array)
    bad = np.flatnonzero(~np.isfinite(numbers))
    if len(bad):
        raise ValueError(f"center has {numbers[bad[0]]} at {bad[0]}; its numbers must be finite")
    # What is no table of features is told so by those who read it.
    shape = getattr(features, "shape", None) or np.shape(as_array(features, "real_features"))
    if len(shape) == 2 and shape[1] != len(numbers):
        raise ValueError(f"center has {len(numbers)} numbers, real_features has {shape[1]} columns")
    return numbers


def _scale(value: Any) -> float:
    wrong = f"scale must be a positive number of at most 1e9, got {value!r}"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(wrong)
    if not 0 < value <= LARGEST_SCALE:
        raise ValueError(wrong)
    return float(value)
