"""Which model is better, and which difference is only chance: the arithmetic of comparisons.

The reals stay as they are and the fakes are fresh (`reference="fixed"`): what is compared is the value each
model has on average against these very reals, at these numbers of points and this k.

One difference. Half-samples (`_intervals.py`) take the same positions of every set of fakes, and terms are
one a fake, so a difference of two models is taken half by half, or fake by fake, and its standard deviation
is that of the difference: where two models answer the same prompts or seeds in the same order, what these
have in common cancels; where they do not, nothing is lost. Shares of fakes get half a fake more in each of
the four cells of their joint table before the variance is taken (Agresti and Min 2005), so that two models of
which none has a copy are not "equal without any doubt".

"zero" and "one" as the better direction mean the distance from that number: then it is these distances that
are compared, by the sign each value has.

Several runs. A model with one run stands for this one set of weights: its noise is that of the fakes. A model
with several stands for its training: its value is the mean over the runs, and the spread of the runs, pooled
over all models that have several (as an analysis of variance does), is part of its noise, never less than the
noise of the fakes. Two runs say little about a spread, and Student's law with few degrees of freedom says so.

Many pairs. Within each metric the p-values of all pairs are adjusted by Holm 1979. The best model was chosen
by looking, so it may only be told from another by a test that holds for all pairs at once; who cannot be told
from it at the level is tied with it. The difference one could have seen is the one that the first, strictest
step of Holm finds with a probability of 80 %.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ._intervals import Replicates, centred, interval
from ._two_sample import holm
from .metrics import KEYS

__all__ = [
    *("POWER", "Judgement", "Measured", "Pair", "Spread", "compare_key", "first_is_better", "holm"),
    *("loss", "measured", "own_interval", "spread"),
]

Floats = NDArray[np.float64]
POWER = 0.8  # of the difference that could have been seen
ROUNDING = 1e-12  # a relative difference below this is that of float64 sums
TARGETS = {"zero": 0.0, "one": 1.0}


@dataclass(frozen=True)
class Measured:
    """One number of one model, and how it moves. With several runs, means over them, place by place."""

    value: float
    runs: tuple[float, ...]
    sizes: tuple[int, ...]  # how many fakes each run has
    halves: Floats | None  # (repeats,), on half-samples, whose variance has `half_freedom` degrees of freedom
    terms: Floats | None  # (m,), where the value is their mean and all runs have m fakes
    unit: float = 0.0  # where the value is a share: what a term is that is not 0 (1, or 100 for percents)
    # Of a mean of terms, the variance of the value as its own terms tell it; for models of unequal sizes.
    variance: float = math.nan
    half_freedom: int = 0
    reason: str = ""  # why it cannot be compared

    @property
    def freedom(self) -> int:
        """Degrees of freedom of `variance`."""
        return min(self.sizes) - 1


@dataclass(frozen=True)
class Spread:
    """The spread of runs around the mean of their model, pooled over the models with several."""

    variance: float
    freedom: int


@dataclass(frozen=True)
class Pair:
    """Two models in one metric: `difference` is the first minus the second, in value or, where 0 or 1 is
    best, in distance from it.
    """

    first: str
    second: str
    difference: float
    low: float = math.nan
    high: float = math.nan
    error: float = math.nan
    freedom: float = math.nan
    p_value: float = math.nan
    adjusted_p_value: float = math.nan
    detectable: float = math.nan
    reason: str = ""

    def __contains__(self, name: str) -> bool:
        return name in (self.first, self.second)

    @property
    def compared(self) -> bool:
        """Whether the pair has a p-value."""
        return not self.reason


def measured(runs: Sequence[Replicates], key: str) -> Measured:
    """What is known of a key over the runs of one model."""
    values = tuple(float(run.full[key]) for run in runs)
    sizes = tuple(run.m for run in runs)
    value = math.fsum(values) / len(values)
    if math.isnan(value):
        return Measured(value, values, sizes, None, None, reason="it is undefined")
    terms = [run.terms.get(key) for run in runs]
    known = [term for term in terms if term is not None and bool(np.isfinite(term).all())]
    if len(known) == len(runs):
        most = KEYS[key].bounds[1] if key in KEYS else 1.0
        share = math.isfinite(most) and all(bool(np.all((term == 0) | (term == most))) for term in known)
        unit = most if share else 0.0
        variance = math.fsum(_variance_of_mean(term, unit) for term in known) / len(runs) ** 2
        if any(key in run.errors for run in runs):
            # Terms to first order: what the value is on average still moves with the number of fakes.
            variance = math.nan
        joint = np.mean(known, axis=0) if len(set(sizes)) == 1 else None
        return Measured(value, values, sizes, None, joint, unit, variance)
    halves = [run.values[key] for run in runs if key in run.values]
    if len(halves) < len(runs):
        reason = next((run.reasons[key] for run in runs if key in run.reasons), "")
        return Measured(
            value, values, sizes, None, None, reason=reason or "it is undefined on some half of the fakes"
        )
    freedom = min(getattr(run, "freedom", run.repeats - 1) for run in runs)
    return Measured(value, values, sizes, np.mean(halves, axis=0), None, half_freedom=freedom)


def _variance_of_mean(terms: Floats, unit: float) -> float:
    """Of a share with one hit and one miss more (Agresti and Caffo 2000), which is never 0."""
    m = len(terms)
    if unit:
        p = (math.fsum(terms) / unit + 1) / (m + 2)
        return unit**2 * p * (1 - p) / (m + 2)
    return float(np.var(terms, ddof=1)) / m if m > 1 else math.nan


def spread(models: Sequence[Measured]) -> Spread | None:
    """How runs of one model differ; None when no model has several."""
    squares = math.fsum((run - model.value) ** 2 for model in models for run in model.runs)
    freedom = sum(len(model.runs) - 1 for model in models)
    return Spread(squares / freedom, freedom) if freedom and math.isfinite(squares) else None


def own_interval(
    model: Measured, runs: Sequence[Replicates], key: str, between: Spread | None, level: float
) -> tuple[float, float]:
    """The interval of one model's value: that of its fakes, or, with several runs, that of its training."""
    if len(runs) == 1:
        return interval(runs[0], key, level)
    noise, freedom = _own_noise(model)
    if math.isnan(noise) or between is None:
        return math.nan, math.nan
    variance = max(between.variance / len(runs), noise)
    low, high = centred(model.value, math.sqrt(variance), min(freedom, between.freedom), level)
    least, most = KEYS[key].bounds if key in KEYS else (-math.inf, math.inf)
    return max(low, least), min(high, most)


def _own_noise(model: Measured) -> tuple[float, int]:
    """The variance of the value over fresh fakes, the weights staying; NaN where it is not known."""
    if model.terms is not None and not model.unit and len(model.terms) > 1:
        return float(np.var(model.terms, ddof=1)) / len(model.terms), len(model.terms) - 1
    if model.halves is not None:
        return float(np.var(model.halves, ddof=1)), model.half_freedom
    return model.variance, max(model.freedom, 1)


@dataclass(frozen=True)
class Judgement:
    """One metric over all models. Without a best one nobody is tied."""

    pairs: list[Pair]
    best: str | None = None
    tied: tuple[str, ...] = ()  # who cannot be told from the best, itself first
    detectable: float = math.nan  # of the pairs with the best, the largest
    reason: str = ""  # why there is no best


def compare_key(models: Mapping[str, Measured], direction: str, level: float) -> Judgement:
    """All pairs of one metric, the best model, and who is tied with it."""
    target = TARGETS.get(direction)
    between = spread([model for model in models.values() if not model.reason])
    names = list(models)
    pairs = [
        _difference(one, two, models, target, between)
        for i, one in enumerate(names)
        for two in names[i + 1 :]
    ]
    compared = sum(pair.compared for pair in pairs)
    adjusted = iter(holm([pair.p_value for pair in pairs if pair.compared]).tolist())
    pairs = [_finished(pair, next(adjusted), compared, level) if pair.compared else pair for pair in pairs]

    losses = {name: loss(model.value, direction) for name, model in models.items()}
    defined = [name for name in names if not math.isnan(losses[name])]
    if not defined:
        return Judgement(pairs, reason=models[names[0]].reason)
    best = min(defined, key=lambda name: losses[name])  # the first of equal ones
    others = {pair.second if pair.first == best else pair.first: pair for pair in pairs if best in pair}
    others = {name: pair for name, pair in others.items() if name in defined}
    reason = next((pair.reason for pair in others.values() if not pair.compared), "")
    if reason:  # a value that may be as good could not be compared
        return Judgement(pairs, reason=reason)
    tied = [name for name, pair in others.items() if pair.adjusted_p_value > 1 - level]
    seen = max(
        (pair.detectable for pair in others.values() if not math.isnan(pair.detectable)), default=math.nan
    )
    return Judgement(pairs, best, (best, *tied), seen)


def loss(value: float, direction: str) -> float:
    """The same number, such that lower is better."""
    target = TARGETS.get(direction)
    if target is not None:
        return abs(value - target)
    return -value if direction == "higher" else value


def first_is_better(pair: Pair, direction: str) -> bool:
    """By the sign of the difference."""
    return (pair.difference > 0) == (direction == "higher")


def _signs(first: float, second: float, target: float | None) -> tuple[float, float]:
    """On which side of the target each value lies. A value on it goes with the other one: a share that is 1
    cannot have been more.
    """
    if target is None:
        return 1.0, 1.0
    a, b = (math.copysign(1.0, value - target) if value != target else 0.0 for value in (first, second))
    return a or b or 1.0, b or a or 1.0


def _difference(
    one: str, two: str, models: Mapping[str, Measured], target: float | None, between: Spread | None
) -> Pair:
    a, b = models[one], models[two]
    sign_a, sign_b = _signs(a.value, b.value, target)
    shift = 0.0 if target is None else target
    difference = sign_a * (a.value - shift) - sign_b * (b.value - shift)
    reason = a.reason or b.reason
    if reason:
        return Pair(one, two, difference, reason=reason)
    if not math.isfinite(difference):
        return Pair(one, two, difference, reason="it is infinite")
    sizes = {*a.sizes, *b.sizes}
    if len(sizes) == 1 and a.terms is not None and b.terms is not None:
        steps = sign_a * a.terms - sign_b * b.terms
        variance, freedom = _variance_of_steps(steps, min(a.unit, b.unit)), float(max(len(steps) - 1, 1))
    elif len(sizes) == 1 and a.halves is not None and b.halves is not None:
        steps = sign_a * a.halves - sign_b * b.halves
        still = float(np.ptp(steps)) <= ROUNDING * float(np.max(np.abs(steps)))
        variance = 0.0 if still else float(np.var(steps, ddof=1))
        freedom = float(min(a.half_freedom, b.half_freedom))
    elif not math.isnan(a.variance + b.variance):
        variance, freedom = _welch((a.variance, a.freedom), (b.variance, b.freedom))
    else:
        counts = ", ".join(f"{size:,}" for size in sorted(sizes))
        return Pair(one, two, difference, reason=f"it depends on the number of fakes ({counts})")
    if between is not None:
        variance, freedom = _with_runs(a, b, variance, freedom, between)
    error = math.sqrt(variance)
    if math.isnan(error) or (error == 0 and difference != 0):
        return Pair(one, two, difference, reason="its noise cannot be seen in these samples")
    return Pair(
        one, two, difference, error=error, freedom=freedom, p_value=_p_value(difference, error, freedom)
    )


def _variance_of_steps(steps: Floats, unit: float) -> float:
    """Of the mean of paired differences; of shares, with two points more of which one differs."""
    m = len(steps)
    if unit:
        squares = math.fsum(steps * steps) + unit**2
        return (squares - math.fsum(steps) ** 2 / (m + 2)) / (m + 2) ** 2
    return float(np.var(steps, ddof=1)) / m if m > 1 else math.nan


def _with_runs(
    a: Measured, b: Measured, variance: float, freedom: float, between: Spread
) -> tuple[float, float]:
    """The noise of a difference where at least one model has several runs."""
    count_a, count_b = len(a.runs), len(b.runs)
    if count_a == count_b == 1:
        return variance, freedom
    if count_a > 1 and count_b > 1:
        return max(between.variance * (1 / count_a + 1 / count_b), variance), min(freedom, between.freedom)
    many, single = (a, b) if count_a > 1 else (b, a)
    of_many, of_single = _own_noise(many), _own_noise(single)
    trained = max(between.variance / len(many.runs), of_many[0])
    return _welch((trained, min(between.freedom, of_many[1])), of_single)


def _welch(first: tuple[float, int], second: tuple[float, int]) -> tuple[float, float]:
    """The variance of a difference of two independent means, and the degrees of freedom after Welch and
    Satterthwaite.
    """
    total = first[0] + second[0]
    if total == 0:
        return 0.0, float(max(min(first[1], second[1]), 1))
    below = math.fsum(variance**2 / max(freedom, 1) for variance, freedom in (first, second))
    return total, total**2 / below


def _p_value(difference: float, error: float, freedom: float) -> float:
    """Two-sided, of Student's law."""
    from scipy import special

    return 1.0 if difference == 0 else float(2 * special.stdtr(freedom, -abs(difference) / error))


def _finished(pair: Pair, adjusted: float, pairs: int, level: float) -> Pair:
    """With its interval, its adjusted p-value and what could have been seen."""
    from scipy import special

    if pair.error == 0:  # nothing moved: equal here, and no saying how equal
        return replace(pair, adjusted_p_value=adjusted)
    reach = float(special.stdtrit(pair.freedom, (1 + level) / 2)) * pair.error
    strict = float(special.stdtrit(pair.freedom, 1 - (1 - level) / (2 * pairs)))
    detectable = (strict + float(special.stdtrit(pair.freedom, POWER))) * pair.error
    low, high = pair.difference - reach, pair.difference + reach
    return replace(pair, low=low, high=high, adjusted_p_value=adjusted, detectable=detectable)
