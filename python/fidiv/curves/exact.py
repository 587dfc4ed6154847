"""Precision-recall curves of laws that are known, in closed form: what an estimate should come near.

P is the law of the reals, Q that of the fakes; precision(l) = integral of min(l p, q), recall(l) =
precision(l) / l. Each call gives a `Result` with the keys of `fidiv.pr_curve`, max_precision and max_recall
among them, and `.curve`: lambdas, precision, recall.

>>> from fidiv.curves import exact
>>> round(exact.gaussian_shift(1.0).total_variation, 4)
0.3829
>>> half = exact.modes([0.5, 0.5], [1.0, 0.0])  # one of two modes is missing
>>> half.max_precision, half.max_recall, half.auc
(1.0, 0.5, 0.5)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._inputs import check_number
from ..results import Result
from ._lambda import EPSILON, NUM_ANGLES, Floats, Hull, default_lambdas

__all__ = ["boxes", "exponentials", "gaussian_scale", "gaussian_shift", "modes"]

LONGEST = 600.0  # of |ln lambda|; beyond it lies an area below exp(-600)


def gaussian_shift(distance: float) -> Result:
    """Two Gaussians with one covariance, in any dimension.

    Parameters
    ----------
    distance : float
        The Mahalanobis distance of the means, sqrt((mu1 - mu2)' S^-1 (mu1 - mu2)), at least 0.

    Returns
    -------
    Result
        precision(l) = l Phi(-m/2 - ln(l)/m) + Phi(-m/2 + ln(l)/m) for the distance m.

    Raises
    ------
    ValueError, TypeError
        For what is no finite number of at least 0.

    Examples
    --------
    >>> from fidiv.curves import exact
    >>> round(exact.gaussian_shift(3.0).auc, 6)
    0.059763
    """
    from scipy.special import ndtr

    m = _number(distance, "distance", least=0.0)
    if m == 0:
        return _polygon(_same_law(), {"distance": m})

    def precision(logs: Floats) -> Floats:
        return np.asarray(np.exp(logs) * ndtr(-m / 2 - logs / m) + ndtr(-m / 2 + logs / m))

    return _smooth(precision, {"distance": m}, symmetric=True)


def gaussian_scale(scale: float, dimension: int) -> Result:
    """N(0, I) for the reals and N(0, scale^2 I) for the fakes.

    Parameters
    ----------
    scale : float
        Of the fakes, positive.
    dimension : int
        At least 1.

    Returns
    -------
    Result
        The keys and curve of this module.

    Raises
    ------
    ValueError, TypeError
        For a scale or a dimension that is not allowed.

    Examples
    --------
    >>> from fidiv.curves import exact
    >>> round(1 - exact.gaussian_scale(1.1, 64).total_variation, 5)
    0.59084
    """
    from scipy.special import gammainc, gammaincc

    s, d = _number(scale, "scale"), _count(dimension, "dimension")
    settings = {"scale": s, "dimension": d}
    if s == 1:
        return _polygon(_same_law(), settings)

    def precision(logs: Floats) -> Floats:
        # Where |z|^2 = t both densities, weighted, are equal; F(t) is the chance of |z|^2 <= t under P.
        t = np.maximum(2 * (logs + d * math.log(s)) / (1 - s**-2), 0.0)
        if s > 1:  # inside, reals are denser
            return np.asarray(np.exp(logs) * gammaincc(d / 2, t / 2) + gammainc(d / 2, t / (2 * s * s)))
        return np.asarray(np.exp(logs) * gammainc(d / 2, t / 2) + gammaincc(d / 2, t / (2 * s * s)))

    return _smooth(precision, settings, kink=-d * math.log(s))


def exponentials(rate: float) -> Result:
    """Exponential laws of rate 1 for the reals and `rate` for the fakes.

    Parameters
    ----------
    rate : float
        Of the fakes, positive.

    Returns
    -------
    Result
        The keys and curve of this module.

    Raises
    ------
    ValueError, TypeError
        For a rate that is not positive and finite.

    Examples
    --------
    >>> from fidiv.curves import exact
    >>> round(exact.exponentials(2.0).total_variation, 6)
    0.25
    """
    r = _number(rate, "rate")
    if r == 1:
        return _polygon(_same_law(), {"rate": r})

    def precision(logs: Floats) -> Floats:
        t = np.maximum((math.log(r) - logs) / (r - 1), 0.0)  # where l exp(-t) = r exp(-r t)
        if r > 1:  # below t the fakes are denser
            return np.asarray(np.exp(logs) * -np.expm1(-t) + np.exp(-r * t))
        return np.asarray(np.exp(logs - t) - np.expm1(-r * t))

    return _smooth(precision, {"rate": r}, kink=math.log(r))


def modes(real_weights: ArrayLike, fake_weights: ArrayLike) -> Result:
    """Disjoint modes (or single points) with other weights; within a mode both laws are one.

    Parameters
    ----------
    real_weights, fake_weights : array (modes,)
        Not negative, with a positive sum each; they are normalised here.

    Returns
    -------
    Result
        precision(l) = sum over modes of min(l w, v).

    Raises
    ------
    ValueError, TypeError
        For weights of different numbers of modes, negative or not finite, or that sum to 0.

    Examples
    --------
    >>> from fidiv.curves import exact
    >>> result = exact.modes([0.3, 0.2, 0.5, 0.0], [0.0, 0.5, 0.2, 0.3])
    >>> round(result.max_precision, 6), round(result.median_precision, 6), round(result.auc, 6)
    (0.7, 0.4, 0.353303)
    """
    w, v = _weights(real_weights, "real_weights"), _weights(fake_weights, "fake_weights")
    if len(w) != len(v):
        raise ValueError(
            f"fake_weights has {len(v)} modes, real_weights has {len(w)}; they must be the same modes"
        )
    ratio = np.divide(v, w, out=np.full(len(w), np.inf), where=w > 0)
    order = np.argsort(ratio, kind="stable")
    # After the i-th threshold the modes up to i are called real: v of them is wrong, w of the others.
    called_real = np.array([0.0, *np.cumsum(v[order])])
    called_fake = np.array([*np.cumsum(w[order][::-1])[::-1], 0.0])
    return _polygon(
        Hull.of(called_fake.tolist(), called_real.tolist(), 1.0, 1.0),
        {"real_weights": w.tolist(), "fake_weights": v.tolist()},
    )


def boxes(real_volume: float, fake_volume: float, overlap: float) -> Result:
    """Uniform laws on two bodies that overlap.

    Parameters
    ----------
    real_volume, fake_volume : float
        Positive.
    overlap : float
        The volume both share, from 0 to the smaller of them.

    Returns
    -------
    Result
        precision(l) = overlap min(l / real_volume, 1 / fake_volume).

    Raises
    ------
    ValueError, TypeError
        For volumes that are not positive and finite, or an overlap larger than one of them.

    Examples
    --------
    >>> from fidiv.curves import exact
    >>> result = exact.boxes(1.0, 0.25, 0.25)  # the fakes fill a quarter of the reals
    >>> result.max_precision, result.max_recall, result.median_precision, result.median_recall
    (1.0, 0.25, 1.0, 0.25)
    """
    a, c = _number(real_volume, "real_volume"), _number(fake_volume, "fake_volume")
    o = _number(overlap, "overlap", least=0.0)
    if o > min(a, c):
        raise ValueError(f"overlap must be at most the smaller volume, {min(a, c)}, got {o}")
    hull = Hull.of([o / a, 0.0], [0.0, o / c], 1.0, 1.0)
    return _polygon(hull, {"real_volume": a, "fake_volume": c, "overlap": o})


# --------------------------------------------------------------------------------------------------- numbers


def _same_law() -> Hull:
    """No classifier is better than the two constant ones."""
    return Hull.of([], [], 1.0, 1.0)


def _polygon(hull: Hull, settings: dict[str, Any]) -> Result:
    ends = {"max_precision": float(hull.fnr[-1]), "max_recall": float(hull.fpr[0])}
    return Result(hull.summary() | ends, settings=settings, curve=hull.curve(default_lambdas()))


def _smooth(
    precision: Callable[[Floats], Floats],
    settings: dict[str, Any],
    *,
    kink: float = 0.0,
    symmetric: bool = False,
) -> Result:
    """The numbers of a curve that is smooth but for a kink, of laws with one support; `precision` is a
    function of ln lambda.
    """
    from scipy.optimize import brentq, minimize_scalar

    def alpha(logs: Floats) -> Floats:
        return np.asarray(np.minimum(precision(logs), np.exp(np.minimum(logs, 0.0))))

    def alpha_at(u: float) -> float:
        return float(alpha(np.array([u]))[0])

    def recall_at(u: float) -> float:
        return alpha_at(u) / math.exp(u)

    # Area: half the integral of beta^2 dl, which is alpha^2 / l du, by the rule of Gauss on short pieces.
    cuts = _pieces(kink)
    points, weights = np.polynomial.legendre.leggauss(20)

    def areas(low: Floats, high: Floats) -> Floats:
        half = (high - low)[:, None] / 2
        logs = (low + high)[:, None] / 2 + half * points
        return np.asarray((half * weights * alpha(logs) ** 2 * np.exp(-logs) / 2).sum(axis=1))

    parts = areas(cuts[:-1], cuts[1:])
    total = math.fsum(parts)

    def halving() -> float:
        before = np.cumsum(parts)
        piece = min(int(np.searchsorted(before, total / 2)), len(parts) - 1)
        rest = float(total / 2 - (before[piece] - parts[piece]))

        def missing(u: float) -> float:
            return float(areas(cuts[piece : piece + 1], np.array([u]))[0]) - rest

        low, high = float(cuts[piece]), float(cuts[piece + 1])
        return float(brentq(missing, low, high, xtol=1e-13)) if missing(high) > 0 else high

    def best_f(beta: float) -> float:
        weight = beta * beta

        def f(logs: Floats) -> Floats:
            return np.asarray((1 + weight) * alpha(logs) / (weight * np.exp(logs) + 1))

        top = int(np.argmax(f(cuts)))
        found = minimize_scalar(
            lambda u: -float(f(np.array([u]))[0]),
            bounds=(cuts[max(top - 1, 0)], cuts[min(top + 1, len(cuts) - 1)]),
            method="bounded",
            options={"xatol": 1e-10},
        )
        return max(float(f(cuts)[top]), -float(found.fun))

    def falls_to(value: Callable[[float], float]) -> float:
        """Where a function that falls from 1 has come down to EPSILON, as far as exp reaches."""
        low, high = -LONGEST, LONGEST
        if value(low) < EPSILON:
            return low
        return float(brentq(lambda u: value(u) - EPSILON, low, high, xtol=1e-13))

    # Precision as a function of -u falls as recall does.
    at_recall, at_precision = falls_to(recall_at), -falls_to(lambda u: alpha_at(-u))
    middle = 0.0 if symmetric else halving()
    values = {
        "auc": total,
        "total_variation": 1 - alpha_at(0.0),
        "median_precision": alpha_at(middle) if total > 0 else 0.0,
        "median_recall": recall_at(middle) if total > 0 else 0.0,
        "precision_at_eps": alpha_at(at_recall),
        "recall_at_eps": recall_at(at_precision),
        "max_f8": best_f(8.0),
        "max_f1_8": best_f(1 / 8),
        "max_precision": 1.0,
        "max_recall": 1.0,
    }
    lambdas = default_lambdas(NUM_ANGLES)
    inner = lambdas[1:-1]
    inside = np.minimum(precision(np.log(inner)), np.minimum(inner, 1.0))
    curve = {
        "lambdas": lambdas,
        "precision": np.array([0.0, *inside, 1.0]),
        "recall": np.array([1.0, *(inside / inner), 0.0]),
    }
    return Result(values, settings=settings, curve=curve)


def _pieces(kink: float) -> Floats:
    """Where the axis of ln lambda is cut: at whole numbers, and ever more finely towards 0 and the kink, near
    which laws that are nearly one differ.
    """
    fine = np.concatenate([[0.0], 2.0 ** np.arange(-24, 1)])
    cuts = np.concatenate([np.arange(-LONGEST, LONGEST + 1), fine, -fine, kink + fine, kink - fine])
    return np.unique(cuts[np.abs(cuts) <= LONGEST])


def _number(value: Any, name: str, least: float | None = None) -> float:
    """A finite number, positive or of at least `least`."""
    allowed = "positive and finite" if least is None else f"finite and at least {least:g}"

    def fits(number: float) -> bool:
        return math.isfinite(number) and (number > 0 if least is None else number >= least)

    return check_number(value, name, allowed, fits)


def _count(value: Any, name: str) -> int:
    wrong = f"{name} must be an integer of at least 1, got {value!r}"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(wrong)
    if value < 1:
        raise ValueError(wrong)
    return int(value)


def _weights(values: Any, name: str) -> Floats:
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} has type {array.dtype}; weights are numbers")
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}; one weight a mode is needed, shape (modes,)")
    weights = array.astype(np.float64)
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.sum() > 0:
        raise ValueError(f"{name} must be finite and not negative, with a positive sum")
    return np.asarray(weights / math.fsum(weights))
