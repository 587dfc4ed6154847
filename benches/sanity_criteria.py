"""The criteria of the sanity suite: the value or the shape a curve must have, and how sure the verdict is.

A curve is one number of a metric at every x, repeated with fresh data. A criterion is a list of demands which
all must hold, each of them a list of margins of which one must; a margin is positive where the mean over the
repeats passes, and knows the standard error of that mean. A verdict is open where it changes if all
margins are moved by two standard errors up or down.

Thresholds are those of the suite's authors (sanity_suite.py says where they stand).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Array = np.ndarray
REPEATS = 10  # whose mean is judged
DOUBT = 2.0  # standard errors within which a verdict is open


@dataclass(frozen=True)
class Curve:
    """A metric over a grid, once a row for each repeat; rows beyond the first ten only tell the noise."""

    x: Array
    values: Array  # (repeats, len(x))

    @property
    def mean(self) -> Array:
        return self.values[:REPEATS].mean(axis=0)

    def at(self, x: float | str) -> int:
        """The place of x: a number of the grid, "left" or "right"."""
        if isinstance(x, str):
            return {"left": int(np.argmin(self.x)), "right": int(np.argmax(self.x))}[x]
        (places,) = np.nonzero(np.isclose(self.x, x, rtol=1e-12, atol=1e-12))
        return int(places[0])

    def lowest(self) -> int:
        return int(np.argmin(self.mean))

    def highest(self) -> int:
        return int(np.argmax(self.mean))


@dataclass(frozen=True)
class Margin:
    """What is measured, the threshold, and by how much it passes (negative: fails)."""

    what: str
    value: float
    threshold: float
    gap: float
    se: float

    def __str__(self) -> str:
        errors = f"{abs(self.gap) / self.se:.1f} se" if self.se > 0 else "no noise"
        return f"{self.what} {self.value:.4f} for {self.threshold:g} ({errors})"


Demands = list[list[Margin]]


def margin(
    curve: Curve,
    what: str,
    place: int,
    minus: int | None = None,
    *,
    least: float | None = None,
    most: float | None = None,
) -> Margin:
    """The value at a place, or its difference to another place of the same repeats, against a threshold."""
    values = curve.values[:, place] - (0.0 if minus is None else curve.values[:, minus])
    value = float(values[:REPEATS].mean())
    # One repeat says nothing of its noise: every verdict is open.
    several = len(values) > 1
    se = float(values.std(ddof=1)) / math.sqrt(min(len(values), REPEATS)) if several else math.inf
    if least is not None:
        return Margin(f"{what} at least", value, least, value - least, se)
    assert most is not None
    return Margin(f"{what} at most", value, most, most - value, se)


def near(x: float | str, target: float, tolerance: float = 0.05) -> Callable[[Curve], Demands]:
    """The value at x is the target within the tolerance."""

    def demands(curve: Curve) -> Demands:
        place = curve.at(x)
        return [
            [margin(curve, "value", place, least=target - tolerance)],
            [margin(curve, "value", place, most=target + tolerance)],
        ]

    return demands


def bell(middle: float) -> Callable[[Curve], Demands]:
    """High at the middle, lower by 0.2 at both ends, and lowest, nearly, at one of them."""

    def demands(curve: Curve) -> Demands:
        mid, left, right = curve.at(middle), curve.at("left"), curve.at("right")
        low, high = curve.lowest(), curve.highest()
        return [
            [margin(curve, "middle - left", mid, left, least=0.2)],
            [margin(curve, "middle - right", mid, right, least=0.2)],
            [margin(curve, "highest - middle", high, mid, most=0.1)],
            [
                margin(curve, "left - lowest", left, low, most=0.1),
                margin(curve, "right - lowest", right, low, most=0.1),
            ],
        ]

    return demands


def falls(curve: Curve) -> Demands:
    """From high at the left to low at the right."""
    left, right = curve.at("left"), curve.at("right")
    return [
        [margin(curve, "left - right", left, right, least=0.2)],
        [margin(curve, "highest - left", curve.highest(), left, most=0.1)],
        [margin(curve, "right - lowest", right, curve.lowest(), most=0.1)],
    ]


def rises(curve: Curve) -> Demands:
    """From low at the left to high at the right."""
    left, right = curve.at("left"), curve.at("right")
    return [
        [margin(curve, "right - left", right, left, least=0.2)],
        [margin(curve, "left - lowest", left, curve.lowest(), most=0.1)],
        [margin(curve, "highest - right", curve.highest(), right, most=0.1)],
    ]


def falls_by(quantile: float) -> Callable[[Curve], Demands]:
    """It falls, and a part of the fall lies before this quantile of x."""

    def demands(curve: Curve) -> Demands:
        place = curve.at(float(np.quantile(curve.x, quantile, method="nearest")))
        return [*falls(curve), [margin(curve, "left - inner", curve.at("left"), place, least=0.1)]]

    return demands


def level(curve: Curve) -> Demands:
    return [[margin(curve, "highest - lowest", curve.highest(), curve.lowest(), most=0.05)]]


def settles(curve: Curve) -> Demands:
    """Level from the median of x on."""
    late = curve.x >= np.median(curve.x)
    return level(Curve(curve.x[late], curve.values[:, late]))


@dataclass(frozen=True)
class LowOrHigh:
    """Two shapes are right; which one it is must be the same throughout a check."""

    low: Callable[[Curve], Demands]
    high: Callable[[Curve], Demands]


Criterion = Callable[[Curve], Demands] | LowOrHigh | None


def _holds(demands: Demands, errors: float) -> bool:
    """Whether they are met when every margin is moved by so many standard errors, which may be infinite."""
    return all(
        any(one.gap + (errors * one.se if errors else 0.0) >= 0 for one in demand) for demand in demands
    )


def judge(criterion: Criterion, curve: Curve) -> tuple[str, set[str], list[Margin]]:
    """(verdict, the verdicts that noise leaves open, the margins). Verdicts are the words of the authors'
    tables: True, False, low, high, and NaN where nothing is demanded. A value that is undefined fails.
    """
    if criterion is None:
        return "NaN", {"NaN"}, []
    shifts = (0.0, -DOUBT, DOUBT)
    if not isinstance(criterion, LowOrHigh):
        demands = criterion(curve)
        found = [str(_holds(demands, errors)) for errors in shifts]
        return found[0], set(found), [one for demand in demands for one in demand]
    low, high = criterion.low(curve), criterion.high(curve)

    def word(is_low: bool, is_high: bool) -> str:
        return "low" if is_low else "high" if is_high else "False"

    lows, highs = ({_holds(demands, errors) for errors in shifts} for demands in (low, high))
    return (
        word(_holds(low, 0.0), _holds(high, 0.0)),
        {word(a, b) for a in lows for b in highs},
        [one for demand in (*low, *high) for one in demand],
    )


def overall(verdicts: Sequence[str]) -> str:
    """One verdict of many: all must pass, and all be low or all be high where that was asked."""
    words = {verdict for verdict in verdicts if verdict != "NaN"}
    if not words:
        return "NaN"
    if "False" in words or {"low", "high"} <= words:
        return "False"
    return "low" if "low" in words else "high" if "high" in words else "True"
