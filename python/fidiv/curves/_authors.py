"""The curve as the authors' code draws it, for comparison with published numbers (Sykes, Simon and Rabin).

What differs from `_lambda.py`: classifiers only at the weights gamma of a grid of angles, with `gamma a > b`
for gamma < 1 and `gamma a >= b` else, `b == 0` at gamma = 0 and `a > 0` at infinity; the curve only at the
same grid; at its ends only the classifier of that end and the two constant ones, where a product inf * 0 and
a quotient 0 / 0 count as 0, so that the precision at infinity is 1 as soon as one real has a = 0; areas as
trapezia over recall; best F scores among the points of the grid, with their 1e-10 in the denominator; the
median from their search for two even parts, which averages neighbouring points.
"""

from __future__ import annotations

import numpy as np

from ._lambda import EPSILON, Floats

MARGIN = 1e-10
NUM_ANGLES = 100


class Curve:
    """The classifiers of the grid, and what is read off them."""

    def __init__(self, a_real: Floats, b_real: Floats, a_fake: Floats, b_fake: Floats) -> None:
        inner = np.tan(np.linspace(MARGIN, np.pi / 2 - MARGIN, NUM_ANGLES))
        self.lambdas: Floats = np.concatenate([[0.0], inner, [np.inf]])
        calls_real = [_calls_real(gamma, a_real, b_real) for gamma in self.lambdas]
        self.fpr: Floats = np.array([1 - called.mean() for called in calls_real])
        self.fnr: Floats = np.array([_calls_real(g, a_fake, b_fake).mean() for g in self.lambdas])
        precision = [self._at(slope) for slope in inner]
        recall = [min(float(np.min(self.fpr + self.fnr / s)), 1.0, 1 / s) for s in inner]
        # f = all real has fpr 0, fnr 1; f = all fake has fpr 1, fnr 0.
        last = self.fnr[-1] if self.fpr[-1] == 0 else 1.0
        first = self.fpr[0] if self.fnr[0] == 0 else 1.0
        self.precision: Floats = np.array([0.0, *precision, last])
        self.recall: Floats = np.array([first, *recall, 0.0])

    def _at(self, slope: float) -> float:
        return min(float(np.min(slope * self.fpr + self.fnr)), slope, 1.0)

    def arrays(self) -> dict[str, Floats]:
        return {"lambdas": self.lambdas, "precision": self.precision, "recall": self.recall}

    def summary(self) -> dict[str, float]:
        # By ascending recall, where ties keep the order of the curve: their precision ascends as well.
        order = np.argsort(self.recall, kind="stable")
        precision, recall = self.precision[order], self.recall[order]
        median = _median(precision, recall)
        return {
            "auc": float(np.clip(_area(recall, precision), 0.0, 1.0)),
            "total_variation": 1 - self._at(1.0),
            "median_precision": median[0],
            "median_recall": median[1],
            "precision_at_eps": _at_least(recall, precision),
            "recall_at_eps": _at_least(self.precision, self.recall),
            "max_f8": _best_f(precision, recall, 8.0),
            "max_f1_8": _best_f(precision, recall, 1 / 8),
        }


def _calls_real(gamma: float, a: Floats, b: Floats) -> Floats:
    if np.isinf(gamma):
        called = a > 0
    elif gamma == 0:
        called = b == 0
    else:
        called = gamma * a > b if gamma < 1 else gamma * a >= b
    return called.astype(np.float64)


def _area(x: Floats, y: Floats) -> float:
    return float(np.sum((x[1:] - x[:-1]) * (y[1:] + y[:-1])) / 2)


def _best_f(precision: Floats, recall: Floats, beta: float) -> float:
    return float(np.max((1 + beta**2) * precision * recall / (beta**2 * precision + recall + MARGIN)))


def _median(precision: Floats, recall: Floats) -> tuple[float, float]:
    """The first point of the curve, by ascending recall, up to which the ray from the origin cuts off at
    least half of the area; halfway to the point before it.
    """
    total = _area(recall, precision)
    for k in range(1, len(recall)):
        ray = np.linspace(0, recall[k], k), np.linspace(0, precision[k], k)
        below = _area(np.concatenate([ray[0], recall[k:]]), np.concatenate([ray[1], precision[k:]]))
        if below <= total / 2:
            return (
                float(precision[k] + precision[k - 1]) / 2,
                float(recall[k] + recall[k - 1]) / 2,
            )
    return 0.0, 0.0


def _at_least(x: Floats, y: Floats) -> float:
    """y at x = EPSILON, linear between the points, x ascending; 0 where x stays below."""
    return 0.0 if x[-1] < EPSILON else float(np.interp(EPSILON, x, y))
