"""Precision-recall curves: between sets by `fidiv.pr_curve`, from any scores by `from_scores`, and of laws
that are known in `exact`.

>>> from fidiv import curves
>>> round(curves.exact.modes([0.75, 0.25], [0.25, 0.75]).total_variation, 3)
0.5
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._inputs import check_positive
from ..results import Result
from . import exact
from ._lambda import Floats, Ratios, best_f, default_lambdas, hull_of_ratios, ratios

__all__ = ["exact", "from_scores", "max_f_beta"]


def from_scores(
    real_near_reals: ArrayLike,
    fake_near_reals: ArrayLike,
    real_near_fakes: ArrayLike,
    fake_near_fakes: ArrayLike,
) -> Result:
    """The precision-recall curve of test points that carry scores of one's own.

    Parameters
    ----------
    real_near_reals, fake_near_reals : array (n,)
        Of each test real: how much mass of reals, and of fakes, lies near it; not negative. Only their
        quotients matter, so a likelihood ratio and 1 will do.
    real_near_fakes, fake_near_fakes : array (m,)
        The same of each test fake.

    Returns
    -------
    Result
        The keys and the curve of `fidiv.pr_curve`: the minimum over all thresholds of fake / real mass, with
        points that have neither called real and called fake. Scores that have not seen the test points give
        an upper bound of the true curve, less the choice of the threshold.

    Raises
    ------
    ValueError, TypeError
        Scores of other shapes, negative, infinite or NaN.

    Examples
    --------
    >>> from fidiv import curves
    >>> round(curves.from_scores([2, 2, 1], [1, 1, 2], [1, 1, 2], [2, 2, 1]).total_variation, 4)
    0.3333
    """
    found: list[Floats] = []
    names = ("real_near_reals", "fake_near_reals", "real_near_fakes", "fake_near_fakes")
    given = (real_near_reals, fake_near_reals, real_near_fakes, fake_near_fakes)
    for name, values in zip(names, given, strict=True):
        found.append(_masses(values, name))
    for first in (0, 2):
        if len(found[first]) != len(found[first + 1]):
            raise ValueError(
                f"{names[first + 1]} has {len(found[first + 1])} scores, {names[first]} has "
                f"{len(found[first])}; they belong to the same points"
            )
    hull = hull_of_ratios(Ratios(ratios(found[0], found[1], 1, 1), ratios(found[2], found[3], 1, 1)))
    settings = {"n": len(found[0]), "m": len(found[2])}
    return Result(hull.summary(), settings=settings, curve=hull.curve(default_lambdas()))


def max_f_beta(curve: Mapping[str, ArrayLike], beta: float) -> float:
    """The best F_beta of a precision-recall curve, for any beta.

    Parameters
    ----------
    curve : mapping
        The `.curve` of `fidiv.pr_curve`, `from_scores`, `fidiv.prd` or a law of `exact`: "lambdas",
        "precision", and where it is a polygon its corners.
    beta : float
        Positive; above 1 recall weighs more, below 1 precision does.

    Returns
    -------
    float
        max over the curve of (1 + beta^2) P R / (beta^2 P + R), from 0 to 1. Exact for polygons (at a
        corner); else the best of the points of the curve.

    Raises
    ------
    ValueError, TypeError
        A beta that is not positive and finite, or a mapping that is no such curve.

    References
    ----------
    Sajjadi et al. 2018.

    Examples
    --------
    >>> from fidiv import curves
    >>> dropped = curves.exact.modes([0.5, 0.5], [1.0, 0.0])  # one of two modes is missing
    >>> round(curves.max_f_beta(dropped.curve, 8), 4), round(curves.max_f_beta(dropped.curve, 1 / 8), 4)
    (0.5039, 0.9848)
    """
    beta = check_positive(beta, "beta")
    names = ("corner_lambdas", "corner_precision") if "corner_lambdas" in curve else ("lambdas", "precision")
    if any(name not in curve for name in names):
        raise ValueError(f"curve has {', '.join(map(str, curve))}; lambdas and precision are needed")
    lambdas, precision = (np.asarray(curve[name], dtype=np.float64) for name in names)
    inner = (lambdas > 0) & np.isfinite(lambdas)
    return best_f(lambdas[inner], precision[inner], beta)


def _masses(values: Any, name: str) -> Floats:
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} has type {array.dtype}; scores are numbers")
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}; one score a point is needed, shape (points,)")
    masses = array.astype(np.float64)
    if not (np.isfinite(masses) & (masses >= 0)).all():
        raise ValueError(f"{name} holds scores that are negative or not finite")
    return masses
