"""A sweep over a parameter: the score that picks, and which values others dominate."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ._intervals import Replicates
from ._judge import Measured, compare_key, first_is_better, loss, measured
from ._two_sample import holm
from .metrics import KEYS

__all__ = ["SCORE", "Place", "Rule", "picking", "places", "scored"]

SCORE = "score"
Formula = Callable[[Mapping[str, float]], float]


@dataclass(frozen=True)
class Rule:
    """What is best: a key, or a formula of keys of which higher is better."""

    name: str
    key: str | None
    direction: str
    formula: Formula | None = None


@dataclass(frozen=True)
class Place:
    """Where a value stands between fidelity and diversity."""

    undominated: bool  # by the values themselves
    dominated: bool  # another is better in both, beyond doubt

    @property
    def name(self) -> str:
        """In a table. By the values a point may be behind another without anybody knowing it."""
        return "front" if self.undominated else "dominated" if self.dominated else "undecided"


def picking(fidelity: str, diversity: str, pick: str | Formula) -> Rule:
    """The rule that `pick` names, checked."""
    for key, name in ((fidelity, "fidelity"), (diversity, "diversity")):
        _check_key(key, name)
    if fidelity == diversity:
        raise ValueError(f"fidelity and diversity are both {fidelity!r}; a frontier needs two metrics")
    if callable(pick):
        return Rule(getattr(pick, "__name__", "pick"), None, "higher", pick)
    if pick == "f_score":
        lower = [key for key in (fidelity, diversity) if KEYS[key].direction != "higher"]
        if lower:
            raise ValueError(
                f'pick="f_score" is a harmonic mean and needs metrics of which higher is better, which '
                f"{lower[0]} is not; name a key or give a callable"
            )
        return Rule("f_score", None, "higher", lambda values: harmonic(values[fidelity], values[diversity]))
    _check_key(pick, "pick")
    return Rule(pick, pick, str(KEYS[pick].direction))


def _check_key(key: object, name: str) -> None:
    if not isinstance(key, str):
        raise TypeError(f"{name} must be the key of a metric, got {key!r}")
    if key not in KEYS:
        raise ValueError(f"{name} must be the key of a metric, such as 'precision' or 'recall', got {key!r}")
    if KEYS[key].direction is None:
        raise ValueError(
            f"{name}={key!r} describes, it does not judge: no value of it is better than another"
        )


def harmonic(a: float, b: float) -> float:
    """The harmonic mean of two numbers that are not negative; 0 where one is."""
    return 2 * a * b / (a + b) if a > 0 and b > 0 else 0.0


def scored(runs: Sequence[Replicates], rule: Rule) -> tuple[list[Replicates], str]:
    """The runs of one value of the parameter, with the score as one of their keys, and the name of it."""
    if rule.formula is None:
        assert rule.key is not None
        return list(runs), rule.key
    return [_with_score(run, rule.formula) for run in runs], SCORE


def _with_score(run: Replicates, formula: Formula) -> Replicates:
    full = float(formula(run.full))
    keys = list(run.values)
    rows = zip(*(run.values[key].tolist() for key in keys), strict=True)
    try:
        halves = np.array([float(formula(dict(zip(keys, row, strict=True)))) for row in rows])
    except KeyError as missing:
        key = str(missing.args[0])
        why = f"{key} is not computed on halves" if key in run.full else f"there is no {key} in metrics"
        reason = run.reasons.get(key) or why
        return replace(run, full={SCORE: full}, values={}, terms={}, reasons={SCORE: reason})
    known = bool(np.isfinite(halves).all())
    return replace(run, full={SCORE: full}, values={SCORE: halves} if known else {}, terms={})


def places(
    found: Mapping[str, Sequence[Replicates]], fidelity: str, diversity: str, level: float
) -> dict[str, Place]:
    """Who is on the front by the values, and who is dominated beyond doubt: another is better in both, each
    after Holm over all pairs and both metrics at once, so that any false statement has the chance 1 - level.
    """
    keys = (fidelity, diversity)
    models: dict[str, dict[str, Measured]] = {
        key: {name: measured(runs, key) for name, runs in found.items()} for key in keys
    }
    better: dict[str, set[tuple[str, str]]] = {key: set() for key in keys}  # (who, than whom)
    pairs = [
        (key, pair)
        for key in keys
        for pair in compare_key(models[key], str(KEYS[key].direction), level).pairs
        if pair.compared
    ]
    for (key, pair), adjusted in zip(pairs, holm([pair.p_value for _, pair in pairs]).tolist(), strict=True):
        if adjusted <= 1 - level:
            first = first_is_better(pair, str(KEYS[key].direction))
            better[key].add((pair.first, pair.second) if first else (pair.second, pair.first))
    losses = {
        name: tuple(loss(models[key][name].value, str(KEYS[key].direction)) for key in keys) for name in found
    }
    return {
        name: Place(
            not any(math.isnan(value) for value in losses[name])
            and not any(_behind(losses[name], losses[other]) for other in found if other != name),
            any((other, name) in better[fidelity] & better[diversity] for other in found),
        )
        for name in found
    }


def _behind(mine: Sequence[float], theirs: Sequence[float]) -> bool:
    """Whether the other is at least as good in both and better in one; lower is better."""
    pairs = list(zip(mine, theirs, strict=True))
    return all(b <= a for a, b in pairs) and any(b < a for a, b in pairs)
