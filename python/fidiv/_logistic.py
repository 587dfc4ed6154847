"""Logistic regression between two sets of points: the plain classifier behind curves and two-sample tests.

A ridge penalty keeps separable sets finite: the loss is the mean log loss, both classes of equal weight
whatever their sizes, plus |w|^2 / (2 n) for n points in standardised columns. The intercept is free.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Logistic:
    """The log odds that a point comes from the second set."""

    def __init__(self, first: NDArray[Any], second: NDArray[Any]) -> None:
        from scipy.optimize import minimize  # slow to import

        x = np.concatenate([first, second]).astype(np.float64)
        self.centre = x.mean(axis=0)
        spread = x.std(axis=0)
        self.spread: Floats = np.where(spread > 0, spread, 1.0)
        x -= self.centre
        x /= self.spread
        n, d = x.shape
        sign = np.repeat([-1.0, 1.0], [len(first), len(second)])
        share = np.repeat([0.5 / len(first), 0.5 / len(second)], [len(first), len(second)])

        def loss(w: Floats) -> tuple[float, Floats]:
            margin = sign * (x @ w[:d] + w[d])
            slope = -share * sign / (1 + np.exp(np.minimum(margin, 700.0)))
            value = share @ np.logaddexp(0, -margin) + w[:d] @ w[:d] / (2 * n)
            return float(value), np.append(x.T @ slope + w[:d] / n, slope.sum())

        fitted = minimize(
            loss, np.zeros(d + 1), jac=True, method="L-BFGS-B", options={"maxiter": 200, "gtol": 1e-6}
        )
        self.weights: Floats = fitted.x[:d]
        self.intercept = float(fitted.x[d])

    def __call__(self, points: NDArray[Any]) -> Floats:
        scores: Floats = ((points - self.centre) / self.spread) @ self.weights + self.intercept
        return scores


def folds_of(size: int, folds: int, random: np.random.Generator) -> list[NDArray[np.int64]]:
    """The rows of a set, shuffled and cut into folds whose sizes differ by at most one."""
    return [np.sort(part) for part in np.array_split(random.permutation(size), folds)]


def cross_fitted(
    first: NDArray[Any], second: NDArray[Any], *, folds: int = 5, seed: int = 0
) -> tuple[Floats, Floats]:
    """The log odds of every point by a classifier that was fitted without its fold, (n,) and (m,). Both sets
    need at least `folds` points, and two.
    """
    random = np.random.default_rng(seed)
    parts = [folds_of(len(points), folds, random) for points in (first, second)]
    scores = (np.empty(len(first)), np.empty(len(second)))
    for out_first, out_second in zip(*parts, strict=True):
        fitted = Logistic(np.delete(first, out_first, axis=0), np.delete(second, out_second, axis=0))
        scores[0][out_first] = fitted(first[out_first])
        scores[1][out_second] = fitted(second[out_second])
    return scores
