"""Entropies and divergences from nearest-neighbour distances, in nats.

The estimators of Leonenko, Pronzato and Savani 2008 ("A class of Rényi information estimators for
multidimensional densities", Annals of Statistics 36; for k = 1 that of Kozachenko and Leonenko 1987) and of
Wang, Kulkarni and Verdú 2009 ("Divergence estimation for multidimensional densities via k-nearest-neighbor
distances", IEEE Trans. Information Theory 55). They converge slowly when d is large, and they measure in the
dimension of the features: see `fidiv.cross_entropies` for data near a set of lower dimension.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _core
from .._inputs import as_pair, as_points, check_count, check_fits
from .._progress import check_progress, reporter, stages

Progress = Callable[[int, int], object] | bool | None


def entropy(
    x: ArrayLike, *, nearest_k: int = 5, n_jobs: int | None = None, progress: Progress = None
) -> float:
    """The differential entropy of the law behind x: mean_i [ ln(n - 1) - psi(k) + ln V_d + d ln r_k(i) ].

    Parameters
    ----------
    x : array (n, d)
        The sample, n > nearest_k.
    nearest_k : int, default 5
        Which neighbour gives the radius, the point itself not counted.
    n_jobs, progress
        As in `fidiv.neighbors.knn`.

    Returns
    -------
    float
        Nats; any sign.

    Raises
    ------
    ValueError
        A radius is zero (more than nearest_k equal rows), or too few points.

    References
    ----------
    Leonenko, Pronzato and Savani 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from fidiv.entropy import entropy
    >>> x = np.random.default_rng(0).uniform(size=(2000, 2))  # the unit square has entropy 0
    >>> round(abs(entropy(x)), 1)
    0.0
    """
    k = check_count(nearest_k, "nearest_k")
    check_progress(progress)
    points = as_points(x, "x", n_jobs)
    check_fits(points, k, own=True)
    with reporter(progress) as report:
        radii = _nearest(points, None, k, n_jobs, report)
    check_positive(radii, "the distances within x")
    return mean_of(
        _core.entropy_terms(
            radii, n_reference=len(radii) - 1, nearest_k=k, dimension=points.shape[1], zero="raise", what="x"
        )[0]
    )


def cross_entropy(
    x: ArrayLike, y: ArrayLike, *, nearest_k: int = 5, n_jobs: int | None = None, progress: Progress = None
) -> float:
    """CE(X, Y), the mean of -ln density of Y at the points of x: mean_i [ ln m - psi(k) + ln V_d + d ln
    nu_k(i) ].

    Parameters
    ----------
    x : array (n, d)
        The points at which the density is asked for.
    y : array (m, d)
        The sample of the density, m >= nearest_k.
    nearest_k : int, default 5
        nu_k(i) is the distance of x_i to its k-th neighbour in y.
    n_jobs, progress
        As in `fidiv.neighbors.knn`.

    Returns
    -------
    float
        Nats; any sign.

    Raises
    ------
    ValueError
        A distance is zero, too few points, or different widths.

    References
    ----------
    Leonenko, Pronzato and Savani 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from fidiv.entropy import cross_entropy
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.uniform(size=(500, 2)), rng.uniform(size=(2000, 2))
    >>> round(abs(cross_entropy(x, y)), 1)
    0.0
    """
    k = check_count(nearest_k, "nearest_k")
    check_progress(progress)
    a, b = as_pair(x, y, ("x", "y"), n_jobs)
    check_fits(b, k, own=False)
    with reporter(progress) as report:
        distances = _nearest(a, b, k, n_jobs, report)
    check_positive(distances, "the distances from x to y")
    return mean_of(
        _core.entropy_terms(
            distances, n_reference=b.shape[0], nearest_k=k, dimension=a.shape[1], zero="raise", what="x"
        )[0]
    )


def kl_divergence(
    x: ArrayLike, y: ArrayLike, *, nearest_k: int = 5, n_jobs: int | None = None, progress: Progress = None
) -> float:
    """D(X || Y) = CE(X, Y) - H(X), by (d / n) sum_i ln(nu_k(i) / r_k(i)) + ln(m / (n - 1)).

    Parameters
    ----------
    x : array (n, d)
        The sample of the first law, n > nearest_k.
    y : array (m, d)
        The sample of the second law, m >= nearest_k.
    nearest_k : int, default 5
        Which neighbour, in x (the point itself not counted) and in y.
    n_jobs, progress
        As in `fidiv.neighbors.knn`.

    Returns
    -------
    float
        Nats. The divergence is not negative, its estimate may be: it is not clipped.

    Raises
    ------
    ValueError
        A distance is zero, too few points, or different widths.

    References
    ----------
    Wang, Kulkarni and Verdú 2009.

    Examples
    --------
    >>> import numpy as np
    >>> from fidiv.entropy import kl_divergence
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal(size=(1000, 1)), rng.normal(size=(1000, 1)) * 2  # ln 2 - 3/8 = 0.318
    >>> 0.2 < kl_divergence(x, y) < 0.5
    True
    """
    k = check_count(nearest_k, "nearest_k")
    check_progress(progress)
    a, b = as_pair(x, y, ("x", "y"), n_jobs)
    check_fits(a, k, own=True)
    check_fits(b, k, own=False)
    n, d = a.shape
    m = b.shape[0]
    with reporter(progress) as report:
        within, across = stages(report, [n * n // 2, n * m])
        own = _nearest(a, None, k, n_jobs, within)
        other = _nearest(a, b, k, n_jobs, across)
    check_positive(own, "the distances within x")
    check_positive(other, "the distances from x to y")
    return d * mean_of(np.log(other) - np.log(own)) + math.log(m / (n - 1))


def _nearest(
    rows: _core.Points,
    columns: _core.Points | None,
    k: int,
    n_jobs: int | None,
    report: Callable[[int, int], object] | None,
) -> NDArray[np.float64]:
    (answer,), _ = _core.sweep(rows, columns, [("nearest", "rows", k)], n_jobs=n_jobs, progress=report)
    return np.ascontiguousarray(answer[0][:, k - 1])


def check_positive(distances: NDArray[np.float64], what: str) -> None:
    """The estimators have no value where a distance is zero: its logarithm is not finite."""
    zeros = np.flatnonzero(distances == 0)
    if len(zeros):
        raise ValueError(
            f"{what}: {len(zeros)} of {len(distances)} distances are zero, the first at row {zeros[0]}, and "
            "the logarithm of zero is not finite; remove the repeated points, or take a larger nearest_k"
        )


def mean_of(terms: NDArray[np.float64]) -> float:
    """Summed exactly: it does not depend on the order of the points."""
    return math.fsum(terms) / len(terms)
