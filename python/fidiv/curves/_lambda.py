"""From scores to the curve: all classifiers the scores allow, their convex hull, and its numbers.

P is the law of the reals, Q that of the fakes. For a weight lambda = l of the reals

    precision  alpha(l) = integral of min(l p, q) = min over classifiers of l fpr + fnr
    recall     beta(l)  = alpha(l) / l

where a classifier calls points real or fake, fpr is the share of reals called fake and fnr the share of fakes
called real (Simon, Webster and Rabin 2019, "Revisiting precision and recall definition for generative model
evaluation"; Sykes, Simon and Rabin 2024, "Unveiling the role of hyperparameters in the PRD estimation"). The
best one calls z real where q(z) / p(z) <= l, so scores a(z), b(z), the masses of reals and of fakes near z,
matter only through the order of b / a. Here the minimum is taken over all of that order at once: every
threshold once, and at each of them the points of which the scores know nothing (a = b = 0) called either real
or fake. That contains "a > 0" and "b == 0", the extreme classifiers of the authors, and the two that call
everything real or everything fake; and since factors of a and b change no order, dividing scores by the sizes
of the training sets changes nothing.

The minimum of lines l fpr + fnr is a polygon, whose corners are the breaks of the lower hull of the points
(fpr, fnr): on each piece one classifier is the best one. So areas, best F scores and crossings are closed
formulas of the pieces; nothing is read off a grid.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NUM_ANGLES = 1001
EPSILON = 0.05  # of precision_at_eps and recall_at_eps


class Ratios(NamedTuple):
    """How fake each test point looks, in any units that keep the order; NaN where nothing is known."""

    real: Floats
    fake: Floats


def ratios(a: Floats, b: Floats, n: int, m: int) -> Floats:
    """(b / m) / (a / n): infinite where only a is 0, NaN where both are. Counts stay in whole numbers until
    the one division, so equal ratios are equal numbers.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((b * n) / (a * m))


def default_lambdas(num_angles: int = NUM_ANGLES) -> Floats:
    """0, the slopes of equally spaced angles, infinity; the middle one of an odd number is exactly 1."""
    lambdas = np.tan(np.linspace(0.0, np.pi / 2, num_angles))
    lambdas[-1] = np.inf
    if num_angles % 2:
        lambdas[num_angles // 2] = 1.0
    return lambdas


@dataclass(frozen=True)
class Hull:
    """The best classifiers, along ascending lambda: fpr falls to 0, fnr rises from 0; `breaks` are the
    lambdas where one gives way to the next.
    """

    fpr: Floats
    fnr: Floats
    breaks: Floats

    @classmethod
    def of(cls, wrong_reals: Iterable[float], wrong_fakes: Iterable[float], n: float, m: float) -> Hull:
        """Of classifiers that err on so many of n reals and m fakes. Counts are compared in whole numbers."""
        least: dict[float, float] = {0: m, n: 0}  # the two constant classifiers
        for fp, fn in zip(wrong_reals, wrong_fakes, strict=True):
            if fn < least.get(fp, math.inf):
                least[fp] = fn
        hull: list[tuple[float, float]] = []
        lowest = math.inf
        for point in sorted(least.items()):
            if point[1] >= lowest:
                continue  # another one errs less on both
            lowest = point[1]
            while len(hull) > 1 and _not_below(hull[-2], hull[-1], point):
                hull.pop()
            hull.append(point)
        hull.reverse()
        breaks = [((gn - fn) * n) / ((fp - gp) * m) for (fp, fn), (gp, gn) in itertools.pairwise(hull)]
        rates = np.array(hull, dtype=np.float64)
        return cls(rates[:, 0] / n, rates[:, 1] / m, np.maximum.accumulate(np.array(breaks, np.float64)))

    def precision(self, lambdas: Floats) -> Floats:
        """alpha at these lambdas; at infinity its limit."""
        best = np.searchsorted(self.breaks, lambdas)
        with np.errstate(invalid="ignore"):
            reals = np.where(self.fpr[best] > 0, lambdas * self.fpr[best], 0.0)
        return np.asarray(np.minimum(reals + self.fnr[best], np.minimum(lambdas, 1.0)))

    def curve(self, lambdas: Floats) -> dict[str, Floats]:
        precision = self.precision(lambdas)
        recall = np.full(len(lambdas), self.fpr[0])  # the limit at 0
        np.divide(precision, lambdas, out=recall, where=lambdas > 0)
        return {
            "lambdas": lambdas,
            "precision": precision,
            "recall": np.minimum(recall, 1.0),
            "corner_lambdas": self.breaks,
            "corner_precision": self.precision(self.breaks),
        }

    @property
    def total_variation(self) -> float:
        # The smallest fpr + fnr is at a vertex; its rounding may leave [0, 1].
        return min(max(1 - float(np.min(self.fpr + self.fnr)), 0.0), 1.0)

    def f_beta(self, beta: float) -> float:
        """The best F_beta = (1 + beta^2) alpha / (beta^2 l + 1) of the curve. On a piece it is the quotient
        of two linear functions of l, hence largest at an end.
        """
        return best_f(self.breaks, self.precision(self.breaks), beta)

    def _areas(self) -> list[float]:
        """Of the sectors between the origin and each piece of the curve: half the integral of beta^2."""
        ends = [0.0, *map(float, self.breaks), math.inf]
        return [
            _sector(float(f), float(g), low, high)
            for f, g, low, high in zip(self.fpr, self.fnr, ends, ends[1:], strict=False)
        ]

    @property
    def auc(self) -> float:
        """The area under the curve."""
        return min(math.fsum(self._areas()), 1.0)

    def median(self) -> tuple[float, float]:
        """Precision and recall where the ray from the origin halves the area; (0, 0) without an area."""
        areas = self._areas()
        total = math.fsum(areas)
        if not total > 0:
            return 0.0, 0.0
        before, piece = 0.0, 0
        while piece < len(areas) - 1 and before + areas[piece] < total / 2:
            before += areas[piece]
            piece += 1
        f, g = float(self.fpr[piece]), float(self.fnr[piece])
        ends = [0.0, *map(float, self.breaks), math.inf]
        low, high = ends[piece], ends[piece + 1]
        middle = _halved(f, g, low, high, total / 2 - before)
        precision = float(self.precision(np.array([middle]))[0])
        return precision, min(precision / middle, 1.0)

    def precision_at_recall(self, recall: float) -> float:
        """The largest precision with at least this recall (> 0); 0 where there is none."""
        if self.fpr[0] < recall:
            return 0.0
        # beta falls along the breaks; it reaches `recall` on the piece after the last break above it.
        at_breaks = self.precision(self.breaks) / self.breaks
        piece = int(np.count_nonzero(at_breaks >= recall))
        f, g = float(self.fpr[piece]), float(self.fnr[piece])
        if piece == len(self.breaks):
            return g  # f = 0: the precision stays what it is
        low, high = float(self.breaks[piece - 1]) if piece else 0.0, float(self.breaks[piece])
        at = min(max(g / (recall - f), low), high) if recall > f else high
        return float(self.precision(np.array([at]))[0])

    def recall_at_precision(self, precision: float) -> float:
        """The largest recall with at least this precision (> 0): the same with the sets exchanged."""
        return self.swapped().precision_at_recall(precision)

    def swapped(self) -> Hull:
        """The hull with reals and fakes exchanged."""
        return Hull(self.fnr[::-1], self.fpr[::-1], 1 / self.breaks[::-1])

    def summary(self) -> dict[str, float]:
        """Every number of the curve that does not depend on its ends."""
        precision, recall = self.median()
        return {
            "auc": self.auc,
            "total_variation": self.total_variation,
            "median_precision": precision,
            "median_recall": recall,
            "precision_at_eps": self.precision_at_recall(EPSILON),
            "recall_at_eps": self.recall_at_precision(EPSILON),
            "max_f8": self.f_beta(8.0),
            "max_f1_8": self.f_beta(1 / 8),
        }


def best_f(lambdas: Floats, precision: Floats, beta: float) -> float:
    """The best F_beta at some points of a curve, positive lambdas with their precision; 0 without any."""
    if not len(lambdas):
        return 0.0
    weight = beta * beta
    return min(float(np.max((1 + weight) * precision / (weight * lambdas + 1))), 1.0)


def _not_below(first: tuple[float, float], middle: tuple[float, float], last: tuple[float, float]) -> bool:
    """Whether the middle point lies on or above the line through the others."""
    return (middle[0] - first[0]) * (last[1] - first[1]) <= (middle[1] - first[1]) * (last[0] - first[0])


def _sector(f: float, g: float, low: float, high: float) -> float:
    """Half the integral of (f + g / l)^2 from low to high; at an end of 0 or infinity, g or f is 0."""
    area = 0.0
    if f > 0:
        area += f * f * (high - low)
        if g > 0:
            area += 2 * f * g * math.log(high / low)
    if g > 0:
        area += g * g * (1 / low - (0.0 if math.isinf(high) else 1 / high))
    return area / 2


def _halved(f: float, g: float, low: float, high: float, area: float) -> float:
    """The l in [low, high] with `area` between low and l."""
    if g == 0:
        return min(low + 2 * area / (f * f), high)
    if f == 0:
        return min(max(1 / (1 / low - 2 * area / (g * g)), low), high)
    ends = [low, high]
    for _ in range(200):
        middle = math.sqrt(ends[0]) * math.sqrt(ends[1])
        if not ends[0] < middle < ends[1]:
            break
        ends[_sector(f, g, low, middle) >= area] = middle
    return ends[1]


def thresholds(real: Floats, fake: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many reals and fakes are called wrongly at each threshold of the order, beginning with the one that
    calls all fake: a point is called real when its ratio is at most the threshold.
    """
    values = np.unique(np.concatenate([real, fake]))
    called_fake = len(real) - np.searchsorted(np.sort(real), values, side="right")
    called_real = np.searchsorted(np.sort(fake), values, side="right")
    return np.append(len(real), called_fake), np.append(0, called_real)


def hull_of_ratios(found: Ratios) -> Hull:
    """Of all thresholds, with the points of which nothing is known called real, and called fake."""
    known = [values[~np.isnan(values)] for values in found]
    unknown = [len(values) - len(rest) for values, rest in zip(found, known, strict=True)]
    fp, fn = thresholds(*known)
    if any(unknown):
        fp, fn = np.concatenate([fp, fp + unknown[0]]), np.concatenate([fn + unknown[1], fn])
    return Hull.of(fp.tolist(), fn.tolist(), len(found.real), len(found.fake))


def precision_at_most(found: Ratios, confidence: float, lambdas: Floats) -> Floats:
    """A bound that the precision of the laws keeps at all lambdas at once with this confidence, when scores
    and test points are independent.

    With probability 1 - delta the shares of reals above, and of fakes below, all thresholds together are at
    most their counterparts on n and m test points plus e_n and e_m, e_n = sqrt(ln(2 / delta) / (2 n)), half
    of delta for each set (Dvoretzky, Kiefer and Wolfowitz, one-sided with the constant of Massart 1990). Any
    classifier bounds the precision, so

        alpha(l) <= min(l, 1, min over thresholds of l (fpr + e_n) + fnr + e_m).

    It holds for one chain of classifiers, fixed before the test points are seen: here a point of which
    nothing is known has the ratio 1 and stays there.
    """
    real, fake = (np.where(np.isnan(values), 1.0, values) for values in found)
    fp, fn = thresholds(real, fake)
    hull = Hull.of(fp.tolist(), fn.tolist(), len(real), len(fake))
    e_real, e_fake = (math.sqrt(math.log(2 / (1 - confidence)) / (2 * len(x))) for x in found)
    bound = hull.precision(lambdas) + lambdas * e_real + e_fake
    return np.asarray(np.minimum(bound, np.minimum(lambdas, 1.0)))
