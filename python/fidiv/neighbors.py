"""Exact neighbours and ball counts, for everybody.

Exact means: decided on the one distance of this package (float64, direct differences, squares added in a
fixed order, square root), the same for every thread count, kernel and machine. Neighbours are ordered by
(distance, index), balls are decided on distances: a point is in a ball when distance <= radius (closed) or <
radius.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _core
from ._inputs import as_points, check_count, check_fits, check_flag, check_radii, check_widths
from ._progress import check_progress, reporter

__all__ = ["count_within", "covered_by", "knn"]

Progress = Callable[[int, int], object] | bool | None


def knn(
    queries: ArrayLike,
    points: ArrayLike | None = None,
    *,
    nearest_k: int,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The k nearest points of each query.

    Parameters
    ----------
    queries : array (n, d)
        The points that ask.
    points : array (m, d), optional
        The points that answer. None: the queries among themselves, each left out of its own answer (by its
        index: an equal row elsewhere is a neighbour at distance 0).
    nearest_k : int
        How many; at most m, or n - 1 when `points` is None.
    n_jobs : int, optional
        Threads: a positive number, or negative as joblib counts (-1 all). None: FIDIV_NUM_THREADS, else
        OMP_NUM_THREADS, else all the process may use. The answer never depends on it.
    progress : bool or callable (done, total), optional
        True shows a bar on stderr.

    Returns
    -------
    distances : float64 (n, k)
        Ascending along each row, in the unit of the features.
    indices : int64 (n, k)
        Rows of `points`; ties go to the smaller index.

    Raises
    ------
    ValueError
        Too few points for nearest_k, different widths, values that are not finite, wrong shapes.
    TypeError
        Not numbers, or a count that is no integer.

    Examples
    --------
    >>> from fidiv.neighbors import knn
    >>> distances, indices = knn([[0.0], [1.0], [3.0]], nearest_k=1)
    >>> distances.ravel().tolist(), indices.ravel().tolist()
    ([1.0, 1.0, 2.0], [1, 0, 1])
    """
    k = check_count(nearest_k, "nearest_k")
    check_progress(progress)
    rows = as_points(queries, "queries", n_jobs)
    columns = None if points is None else as_points(points, "points", n_jobs)
    if columns is not None:
        check_widths(rows.shape[1], columns.shape[1], ("queries", "points"))
    check_fits(columns or rows, k, own=columns is None)
    with reporter(progress) as report:
        (answer,), _ = _core.sweep(rows, columns, [("nearest", "rows", k)], n_jobs=n_jobs, progress=report)
    distances, indices = answer
    return distances, indices


def count_within(
    centers: ArrayLike,
    radii: ArrayLike,
    points: ArrayLike,
    *,
    closed: bool = True,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> NDArray[np.int64]:
    """How many points lie in each ball.

    Parameters
    ----------
    centers : array (n, d)
        Centres of the balls.
    radii : array (n,)
        Their radii, not negative; infinity is allowed.
    points : array (m, d)
        The points to count.
    closed : bool, default True
        Whether the boundary belongs to the ball.
    n_jobs, progress
        As in `knn`.

    Returns
    -------
    int64 (n,)
        The number of points in each ball.

    Raises
    ------
    ValueError, TypeError
        As in `knn`; for radii that are negative, NaN or not one for each centre.

    Examples
    --------
    >>> from fidiv.neighbors import count_within
    >>> count_within([[0.0], [5.0]], [2.0, 3.0], [[1.0], [2.0], [5.0]]).tolist()
    [2, 2]
    """
    return _balls("count_within", centers, radii, points, closed, n_jobs, progress)


def covered_by(
    points: ArrayLike,
    centers: ArrayLike,
    radii: ArrayLike,
    *,
    closed: bool = True,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> NDArray[np.int64]:
    """In how many balls each point lies.

    Parameters
    ----------
    points : array (m, d)
        The points that ask.
    centers : array (n, d)
        Centres of the balls.
    radii : array (n,)
        Their radii, not negative; infinity is allowed.
    closed : bool, default True
        Whether the boundary belongs to the ball.
    n_jobs, progress
        As in `knn`.

    Returns
    -------
    int64 (m,)
        The number of balls each point lies in.

    Raises
    ------
    ValueError, TypeError
        As in `knn`; for radii that are negative, NaN or not one for each centre.

    Examples
    --------
    >>> from fidiv.neighbors import covered_by
    >>> covered_by([[1.0], [2.0], [5.0]], [[0.0], [5.0]], [2.0, 3.0]).tolist()
    [1, 2, 1]
    """
    return _balls("covered_by", centers, radii, points, closed, n_jobs, progress)


def _balls(
    kind: Literal["count_within", "covered_by"],
    centers: ArrayLike,
    radii: ArrayLike,
    points: ArrayLike,
    closed: bool,
    n_jobs: int | None,
    progress: Progress,
) -> NDArray[np.int64]:
    closed = check_flag(closed, "closed")
    check_progress(progress)
    rows, columns = as_points(centers, "centers", n_jobs), as_points(points, "points", n_jobs)
    check_widths(rows.shape[1], columns.shape[1], ("centers", "points"))
    checked = check_radii(radii, rows.shape[0], "radii")
    with reporter(progress) as report:
        (counts,), _ = _core.sweep(
            rows, columns, [(kind, "rows", checked, closed)], n_jobs=n_jobs, progress=report
        )
    found: NDArray[np.int64] = counts
    return found
