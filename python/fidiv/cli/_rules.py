"""What --require, --plan and the models of `compare` say, read from words."""

from __future__ import annotations

import argparse
import difflib
import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from ..results import Evaluation

__all__ = ["ALIASES", "Goal", "Model", "Requirement", "goal", "model", "requirement"]

ALIASES = {"fid": "frechet_distance"}  # accepted in --metrics, --require and --plan, and never a key
OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}
ENDS = {"low": 0, "high": 1}


@dataclass(frozen=True)
class Requirement:
    """A rule such as ``recall>=0.55`` or, of an interval, ``recall.low>=0.55``; NaN and what is missing do
    not meet it.
    """

    text: str
    key: str
    end: str | None  # "low" or "high" of its interval; None: the value
    operator: str
    threshold: float

    def value(self, result: Evaluation) -> float | None:
        """What is judged; None where it was not computed."""
        if self.end is None:
            value: float | None = result.get(self.key)
            return value
        intervals = result.intervals
        if not intervals or self.key not in intervals:
            return None
        return float(intervals[self.key][ENDS[self.end]])

    def met(self, result: Evaluation) -> bool:
        value = self.value(result)
        return value is not None and not math.isnan(value) and OPERATORS[self.operator](value, self.threshold)

    def reason(self, result: Evaluation) -> str:
        """Why it is not met."""
        if self.key not in result:
            close = difflib.get_close_matches(self.key, result, n=1)
            return f"{self.key} was not computed" + (f"; did you mean {close[0]}?" if close else "")
        name = self.key if self.end is None else f"{self.key}.{self.end}"
        value = self.value(result)
        if value is None:
            return f"{self.key} has no interval"
        return f"{name} is {'undefined' if math.isnan(value) else repr(value)}"


def requirement(text: str) -> Requirement:
    found = re.fullmatch(r"\s*(\w+)(?:\.(low|high))?\s*(>=|<=|==|>|<)\s*(\S+)\s*", text)
    threshold = _number(found[4]) if found else math.nan
    if found is None or math.isnan(threshold):
        raise argparse.ArgumentTypeError(
            f'a metric, one of >= <= > < == and a number are expected, such as "recall>=0.55" or '
            f'"recall.low>=0.55", got {text!r}'
        )
    return Requirement(text.strip(), ALIASES.get(found[1], found[1]), found[2], found[3], threshold)


@dataclass(frozen=True)
class Goal:
    """A standard error that is asked of a metric."""

    key: str
    error: float


def goal(text: str) -> Goal:
    found = re.fullmatch(r"\s*(\w+)\s*=\s*(\S+)\s*", text)
    error = _number(found[2]) if found else math.nan
    if found is None or not 0 < error < math.inf:
        raise argparse.ArgumentTypeError(
            f'a metric, = and a standard error above 0 are expected, such as "recall=0.01", got {text!r}'
        )
    return Goal(ALIASES.get(found[1], found[1]), error)


@dataclass(frozen=True)
class Model:
    """One run of a model: its name and its file."""

    name: str
    path: str


def model(text: str) -> Model:
    name, equals, path = text.partition("=")
    if not equals or not name.strip() or not path:
        raise argparse.ArgumentTypeError(
            f"a model is NAME=FILE, such as a=a.npy (the same NAME again is another run of it), got {text!r}"
        )
    return Model(name.strip(), path)


def _number(text: str) -> float:
    """NaN where it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan
