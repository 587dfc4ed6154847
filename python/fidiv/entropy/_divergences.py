"""Rényi and Jensen-Shannon divergences of two samples.

By neighbour ratios (Noshad, Moon, Sekeh and Hero 2017, "Direct estimation of information divergence using
nearest neighbor ratios", ISIT; told in the letters used here by Fox, Swarup and Adiga 2025): `_ratios` says
what the ratio is and which law it has when both laws are one. By radii: Póczos and Schneider 2011, "On the
estimation of alpha-divergences", AISTATS.

Letters: x is a sample of P, size n; y is one of Q, size m.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _core
from .._inputs import as_pair, check_count, check_fits
from .._inputs import check_positive as check_number
from .._progress import Report, check_progress, reporter, stages
from .._ratios import (
    by_radii,
    count_others,
    log_sum_exp,
    mean_over,
    neighbours_asked,
    null_law,
    null_mean,
    ratios,
)
from .._sweeps import Work
from .._tables import Samples
from ..results import Result
from ._radii import check_positive

# Which of the two sets the points of a sample are in.
SIDES = {"log_ratio": "x", "x_ratio": "x", "y_ratio": "y"}

Progress = Callable[[int, int], object] | bool | None
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

RADII_K = 5  # the default of the method by radii, as in kl_divergence


def renyi_divergence(
    x: ArrayLike,
    y: ArrayLike,
    *,
    alpha: float,
    nearest_k: int | None = None,
    method: Literal["neighbour-ratio", "radii"] = "neighbour-ratio",
    n_jobs: int | None = None,
    progress: Progress = None,
) -> float:
    """The Rényi divergence D_alpha(P || Q) = ln(integral of p^alpha q^(1 - alpha)) / (alpha - 1) of the laws
    behind x (P) and y (Q).

    Parameters
    ----------
    x : array (n, d)
        The sample of P.
    y : array (m, d)
        The sample of Q.
    alpha : float
        The order, positive. 1 is the Kullback-Leibler divergence.
    nearest_k : int, optional
        How many neighbours. None: floor(sqrt(n)) for "neighbour-ratio", 5 for "radii".
    method : "neighbour-ratio" or "radii", default "neighbour-ratio"
        See `renyi_divergence_result`.
    n_jobs, progress
        As in `fidiv.neighbors.knn`.

    Returns
    -------
    float
        Nats. The divergence is not negative, its estimate may be: it is not clipped. Equal laws do not give
        0 but about `expected_renyi_divergence` of `renyi_divergence_result`.

    Raises
    ------
    ValueError, TypeError
        As `renyi_divergence_result`.

    References
    ----------
    Noshad et al. 2017; Póczos and Schneider 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from fidiv.entropy import renyi_divergence
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal(size=(2000, 1)), 1 + rng.normal(size=(2000, 1))  # alpha / 2 = 0.25
    >>> 0.2 < renyi_divergence(x, y, alpha=0.5) < 0.3
    True
    """
    return renyi_divergence_result(
        x, y, alpha=alpha, nearest_k=nearest_k, method=method, n_jobs=n_jobs, progress=progress
    )["renyi_divergence"]


def renyi_divergence_result(
    x: ArrayLike,
    y: ArrayLike,
    *,
    alpha: float,
    nearest_k: int | None = None,
    method: Literal["neighbour-ratio", "radii"] = "neighbour-ratio",
    n_jobs: int | None = None,
    progress: Progress = None,
) -> Result:
    """`renyi_divergence` with what equal laws would give, the ratio at each point, and the settings.

    Parameters
    ----------
    x : array (n, d)
        The sample of P.
    y : array (m, d)
        The sample of Q.
    alpha : float
        The order, positive and finite.
    nearest_k : int, optional
        How many neighbours: at most n + m - 1 for "neighbour-ratio", where None is floor(sqrt(n)); less than
        n, at most m and above abs(alpha - 1) for "radii", where None is 5.
    method : "neighbour-ratio" or "radii", default "neighbour-ratio"
        "neighbour-ratio": of the k neighbours of y_i in the union of x and y, itself left out, N_i are of x
        and M_i of y; r_i = (m / n) N_i / (M_i + 1) estimates p / q there, J = mean_i r_i^alpha, and the value
        is ln J / (alpha - 1), or mean_i r_i ln r_i for alpha = 1. "radii": with rho_i and nu_i the distances
        of x_i to its k-th neighbour in x and in y, J = B ((n - 1) / m)^(1 - alpha) mean_i (rho_i /
        nu_i)^(d (1 - alpha)), B = Gamma(k)^2 / (Gamma(k - alpha + 1) Gamma(k + alpha - 1)); its limit for
        alpha = 1 is `kl_divergence`.
    n_jobs, progress
        As in `fidiv.neighbors.knn`.

    Returns
    -------
    Result
        renyi_divergence, in nats; expected_renyi_divergence. By "neighbour-ratio" also mean_ratio (J for
        alpha = 1), and the expected value is ln E[J] / (alpha - 1) (for alpha = 1 the mean itself), E[J] by
        the hypergeometric law of the labels: exact for any equal continuous laws and sizes. By "radii" it
        is that of laws whose density is constant around each point. Samples: "ratio" (m,), r_i; for "radii"
        "log_ratio" (n,), ln of the estimated p / q at x_i.

    Raises
    ------
    ValueError, TypeError
        An alpha that is not positive and finite, too few points, different widths; with "radii" a distance
        of zero, or nearest_k <= abs(alpha - 1).

    Notes
    -----
    "neighbour-ratio" is bounded: a ratio is at most k m / n, so a divergence beyond that is not seen, and a
    small k carries a bias that no n removes; the expected value shows it. With alpha >= 1 mass of P where Q
    has no points is not seen at all, since only the points of y are asked: `mean_ratio` then lies far below
    1 (a note says so), and where no y has an x among its neighbours the value is infinite for every alpha.
    In high dimensions a few points near the centre are neighbours of very many, and the value scatters more
    than the number of points suggests.

    For alpha near, but not, 1 the value is mostly ln(mean_ratio) / (alpha - 1), which has no limit: take 1.

    Neighbours at one distance are ordered x before y, then by index: on data with ties across the sets
    (lattices, copies) the value depends on that order.

    "radii" multiplies logarithms of radii by d: for features near a set of lower dimension it is wrong by
    large amounts, as `fidiv.cross_entropies` explains. "neighbour-ratio" has no dimension in it.

    References
    ----------
    Noshad et al. 2017 (their y are asked here too); Póczos and Schneider 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from fidiv.entropy import renyi_divergence_result
    >>> rng = np.random.default_rng(0)
    >>> result = renyi_divergence_result(rng.normal(size=(400, 8)), rng.normal(size=(400, 8)), alpha=0.5)
    >>> result.settings["nearest_k"], round(result.expected_renyi_divergence, 3)
    (20, 0.049)
    """
    order = check_number(alpha, "alpha")
    by_radii = _check_method(method) == "radii"
    k = None if nearest_k is None else check_count(nearest_k, "nearest_k")
    check_progress(progress)
    a, b = as_pair(x, y, ("x", "y"), n_jobs)
    n, m = a.shape[0], b.shape[0]
    work = Work()
    if by_radii:
        k = RADII_K if k is None else k
        if k <= abs(order - 1):
            raise ValueError(
                f'nearest_k must be above abs(alpha - 1) for method="radii", got {k} with alpha={order!r}'
            )
        check_fits(a, k, own=True)
        check_fits(b, k, own=False)
        with reporter(progress) as report:
            found = _by_radii(a, b, order, k, n_jobs, report, work)
    else:
        k = neighbours_asked(k, n, n, m)
        with reporter(progress) as report:
            found = _by_ratios(a, b, order, k, n_jobs, report, work)
    return Result(
        found[0],
        samples=Samples(found[1], SIDES),
        notes=found[2],
        settings=_settings(a, b, work, alpha=order, nearest_k=k, method=method),
    )


def js_divergence(
    x: ArrayLike,
    y: ArrayLike,
    *,
    nearest_k: int | None = None,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> float:
    """The Jensen-Shannon divergence of the laws behind x (P) and y (Q): half the sum of the Kullback-Leibler
    divergences of P and of Q from (P + Q) / 2. In nats it is at most ln 2.

    Parameters
    ----------
    x : array (n, d)
        The sample of P.
    y : array (m, d)
        The sample of Q.
    nearest_k : int, optional
        How many neighbours in the union. None: floor(sqrt(n)) with n the smaller of both sizes.
    n_jobs, progress
        As in `fidiv.neighbors.knn`.

    Returns
    -------
    float
        Nats, from 0 to ln 2. Equal laws do not give 0 but about `expected_js_divergence` of
        `js_divergence_result`.

    Raises
    ------
    ValueError, TypeError
        Too few points, different widths, what is no set of points.

    References
    ----------
    Noshad et al. 2017 (the ratios).

    Examples
    --------
    >>> import numpy as np
    >>> from fidiv.entropy import js_divergence
    >>> x = np.random.default_rng(0).normal(size=(400, 3))
    >>> round(js_divergence(x, x[:300] + 100), 4)  # nothing in common: ln 2
    0.6931
    """
    return js_divergence_result(x, y, nearest_k=nearest_k, n_jobs=n_jobs, progress=progress)["js_divergence"]


def js_divergence_result(
    x: ArrayLike,
    y: ArrayLike,
    *,
    nearest_k: int | None = None,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> Result:
    """`js_divergence` with what equal laws would give, the ratio at each point, and the settings.

    At a point of x, with N neighbours of y and M of x among its k nearest in the union (itself left out), u =
    (n / m) N / (M + 1) estimates q / p, and the term is ln(2 / (1 + u)), the logarithm of p over (p + q) / 2;
    the same at the points of y with the sets swapped. The value is half the mean over x plus half the mean
    over y.

    Parameters
    ----------
    x : array (n, d)
        The sample of P.
    y : array (m, d)
        The sample of Q.
    nearest_k : int, optional
        How many neighbours in the union, at most n + m - 1. None: floor(sqrt(n)) with n the smaller of both
        sizes, so that x and y can be swapped.
    n_jobs, progress
        As in `fidiv.neighbors.knn`.

    Returns
    -------
    Result
        js_divergence; expected_js_divergence: its exact mean (before clipping) for any equal continuous laws
        at these n, m, k, by the hypergeometric law of the labels. Samples: x_ratio (n,), the estimate of
        q / p at each x; y_ratio (m,), that of p / q at each y.

    Raises
    ------
    ValueError, TypeError
        Too few points, different widths, what is no set of points.

    Notes
    -----
    No term exceeds ln 2, because ratios are not negative, so neither does the value; it is ln 2 if and only
    if no point has one of the other set among its neighbours. Noise can bring the means below 0: the value is
    then 0, and a note tells what it was. Neighbours at one distance are ordered x before y, then by index;
    without ties across the sets x and y may be swapped.

    References
    ----------
    Noshad et al. 2017 (the ratios).

    Examples
    --------
    >>> import numpy as np
    >>> from fidiv.entropy import js_divergence_result
    >>> rng = np.random.default_rng(0)
    >>> result = js_divergence_result(rng.normal(size=(400, 8)), rng.normal(size=(400, 8)))
    >>> abs(result.js_divergence - result.expected_js_divergence) < 0.01
    True
    """
    k = None if nearest_k is None else check_count(nearest_k, "nearest_k")
    check_progress(progress)
    a, b = as_pair(x, y, ("x", "y"), n_jobs)
    n, m = a.shape[0], b.shape[0]
    k = neighbours_asked(k, min(n, m), n, m)
    work = Work()
    with reporter(progress) as report:
        steps = stages(report, [n * n // 2, m * m // 2, n * m])
        own_x = _nearest_own(a, k, n_jobs, steps[0], work)
        own_y = _nearest_own(b, k, n_jobs, steps[1], work)
        of_x, of_y = min(k, m), min(k, n)  # how many of the other set there are to ask for
        questions: list[Any] = [("nearest", "rows", of_x), ("nearest", "columns", of_y)]
        (to_y, to_x), done = _core.sweep(a, b, questions, n_jobs=n_jobs, progress=steps[2])
        work.add(f"across x and y: nearest {of_x} y of each x; nearest {of_y} x of each y", done)
    counts_x = count_others(own_x, to_y[0], n, k, others_first=False)
    counts_y = count_others(own_y, to_x[0], m, k, others_first=True)
    at_x, at_y = ratios(k, n, m), ratios(k, m, n)
    terms_x, terms_y = (math.log(2) - np.log1p(at) for at in (at_x, at_y))
    value = (mean_over(counts_x, terms_x) + mean_over(counts_y, terms_y)) / 2
    expected = (null_mean(null_law(k, n, m), terms_x) + null_mean(null_law(k, m, n), terms_y)) / 2
    notes = [] if value >= 0 else [f"js_divergence: the estimate was {value:.4g} and is given as 0"]
    return Result(
        # The bound holds term by term; the sum of rounded terms may pass it by a rounding.
        {"js_divergence": min(max(0.0, value), math.log(2)), "expected_js_divergence": expected},
        samples=Samples({"x_ratio": at_x[counts_x], "y_ratio": at_y[counts_y]}, SIDES),
        settings=_settings(a, b, work, nearest_k=k),
        notes=notes,
    )


Answer = tuple[dict[str, float], dict[str, NDArray[Any]], list[str]]  # values, samples, notes


def _by_ratios(
    x: _core.Points,
    y: _core.Points,
    alpha: float,
    k: int,
    n_jobs: int | None,
    report: Report | None,
    work: Work,
) -> Answer:
    """Noshad et al. 2017: the points of y are asked."""
    n, m = x.shape[0], y.shape[0]
    steps = stages(report, [m * m // 2, n * m])
    own = _nearest_own(y, k, n_jobs, steps[0], work)
    most = min(k, n)
    questions: list[Any] = [("nearest", "rows", most)]
    ((cross, _),), done = _core.sweep(y, x, questions, n_jobs=n_jobs, progress=steps[1])
    work.add(f"across y and x: nearest {most} x of each y", done)
    counts = count_others(own, cross, m, k, others_first=True)
    at = ratios(k, m, n)
    often, law = np.bincount(counts, minlength=k + 1) / m, null_law(k, m, n)
    mean_ratio, usual = mean_over(counts, at), null_mean(law, at)
    notes = []
    if not counts.any():
        value = math.inf
        notes.append("renyi_divergence: no y has an x among its neighbours")
    else:
        value = _divergence(often, at, alpha)
        if alpha >= 1 and mean_ratio < usual / 2:
            notes.append(
                f"renyi_divergence: the mean ratio is {mean_ratio:.4g}, where all of P near points of y "
                f"would give about {usual:.4g}; with alpha >= 1 what lies elsewhere is not seen"
            )
    values = {
        "renyi_divergence": value,
        "expected_renyi_divergence": _divergence(law, at, alpha),
        "mean_ratio": mean_ratio,
    }
    return values, {"ratio": at[counts]}, notes


def _divergence(weights: Floats, at: Floats, alpha: float) -> float:
    """ln(sum of weights r^alpha) / (alpha - 1), for alpha = 1 the sum of weights r ln r; weights sum to 1."""
    seen = (weights > 0) & (at > 0)  # 0^alpha is 0, and so is 0 ln 0
    weights, logs = weights[seen], np.log(at[seen])
    if alpha == 1:
        return math.fsum(weights * at[seen] * logs)
    return log_sum_exp(alpha * logs + np.log(weights)) / (alpha - 1)


def _by_radii(
    x: _core.Points,
    y: _core.Points,
    alpha: float,
    k: int,
    n_jobs: int | None,
    report: Report | None,
    work: Work,
) -> Answer:
    """Póczos and Schneider 2011: the points of x are asked."""
    (n, d), m = x.shape, y.shape[0]
    steps = stages(report, [n * n // 2, n * m])
    own = _nearest_own(x, k, n_jobs, steps[0], work)
    assert own is not None  # n > k
    questions: list[Any] = [("nearest", "rows", k)]
    ((cross, _),), done = _core.sweep(x, y, questions, n_jobs=n_jobs, progress=steps[1])
    work.add(f"across x and y: nearest {k} y of each x", done)
    rho, nu = own[:, k - 1], cross[:, k - 1]
    check_positive(rho, "the distances within x")
    check_positive(nu, "the distances from x to y")
    value, expected, log_ratio = by_radii(rho, nu, n, m, d, alpha, k)
    values = {"renyi_divergence": value, "expected_renyi_divergence": expected}
    return values, {"log_ratio": log_ratio}, []


def _nearest_own(
    points: _core.Points, k: int, n_jobs: int | None, report: Report | None, work: Work
) -> Floats | None:
    """The distances to the nearest k in the own set, or to all where there are fewer; None: to none."""
    k = min(k, points.shape[0] - 1)
    if k == 0:
        return None
    questions: list[Any] = [("nearest", "rows", k)]
    ((distances, _),), done = _core.sweep(points, None, questions, n_jobs=n_jobs, progress=report)
    work.add(f"within {points.name}: nearest {k}", done)
    found: Floats = distances
    return found


def _settings(x: _core.Points, y: _core.Points, work: Work, **asked: Any) -> dict[str, Any]:
    sizes = {"n": x.shape[0], "m": y.shape[0], "d": x.shape[1]}
    return {**sizes, **asked, "version": _core.config()["version"], **work.settings()}


def _check_method(method: Any) -> str:
    wrong = f'method must be "neighbour-ratio" or "radii", got {method!r}'
    if not isinstance(method, str):
        raise TypeError(wrong)
    if method not in ("neighbour-ratio", "radii"):
        raise ValueError(wrong)
    return method
