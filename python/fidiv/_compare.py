"""The work of comparisons: the runs of all models measured together, each metric judged, one table made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ._comparison import Comparison
from ._inputs import check_seed, check_share
from ._judge import POWER, Judgement, Pair, compare_key, first_is_better, measured, own_interval, spread
from ._plan import Progress
from ._resampling import Replicates, replicates
from ._tables import Table
from .metrics import KEYS
from .results import Evaluation

__all__ = ["compared", "runs_of", "table_of"]

Runs = Mapping[str, Mapping[str, ArrayLike]]  # model -> name of a run -> its fakes


def runs_of(models: Any, name: str = "models") -> dict[str, dict[str, ArrayLike]]:
    """Model -> name of each run -> its fakes. A list of sets is several runs, a list of rows is one set."""
    if not isinstance(models, Mapping):
        raise TypeError(f"{name} must map names to fakes, got {type(models).__name__}")
    found: dict[str, dict[str, ArrayLike]] = {}
    for model, fakes in models.items():
        if not isinstance(model, str) or not model:
            raise TypeError(f"{name} has the name {model!r}; names are strings that are not empty")
        if isinstance(fakes, (list, tuple)) and not fakes:
            raise ValueError(f"{model} has no runs: an empty list")
        several = isinstance(fakes, (list, tuple)) and _is_set(fakes[0])
        found[model] = (
            {f"{model} (run {i})": run for i, run in enumerate(fakes, 1)} if several else {model: fakes}
        )
    return found


def _is_set(entry: Any) -> bool:
    """Whether the first entry of a list is a set of points; else it is a point."""
    if hasattr(entry, "ndim"):
        return bool(entry.ndim == 2)
    return isinstance(entry, (list, tuple)) and bool(entry) and hasattr(entry[0], "__len__")


def compared(
    real_features: ArrayLike,
    models: Runs,
    *,
    metrics: str | Sequence[str],
    nearest_k: int | None,
    level: float,
    seed: int,
    n_jobs: int | None,
    progress: Progress,
    holdout_features: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    real_name: str = "real_features",
) -> tuple[Comparison, dict[str, list[Replicates]]]:
    """The table, and what it was made of."""
    level = check_share(level, "level")
    if len(models) < 2:
        raise ValueError(f"models has {len(models)} models; a comparison needs at least 2")
    flat = {name: fakes for runs in models.values() for name, fakes in runs.items()}
    if len(flat) < sum(map(len, models.values())):
        raise ValueError("two runs have one name; name the models differently")
    more: dict[str, Any] = {}
    if holdout_features is not None:
        more["holdout_features"] = holdout_features
    if groups is not None:
        more["groups"] = dict.fromkeys(flat, groups)
    made = replicates(
        real_features,
        flat,
        metrics,
        nearest_k=nearest_k,
        reference="fixed",
        seed=check_seed(seed),
        n_jobs=n_jobs,
        progress=progress,
        real_name=real_name,
        **more,
    )
    found = {model: [made[name] for name in runs] for model, runs in models.items()}
    evaluations = {model: _evaluations(runs) for model, runs in found.items()}
    first = next(iter(evaluations.values()))[0]
    return table_of(found, evaluations, list(first), level), found


def _evaluations(runs: Sequence[Replicates]) -> tuple[Evaluation, ...]:
    listed = [run.evaluation for run in runs]
    assert all(evaluation is not None for evaluation in listed)
    return tuple(evaluation for evaluation in listed if evaluation is not None)


def table_of(
    found: Mapping[str, Sequence[Replicates]],
    evaluations: Mapping[str, tuple[Evaluation, ...]],
    keys: Sequence[str],
    level: float,
) -> Comparison:
    """All keys, judged."""
    values, intervals = {}, {}
    judged: dict[str, Judgement] = {}
    for key in keys:
        models = {name: measured(runs, key) for name, runs in found.items()}
        between = spread([model for model in models.values() if not model.reason])
        values[key] = {name: model.value for name, model in models.items()}
        intervals[key] = {
            name: own_interval(models[name], runs, key, between, level) for name, runs in found.items()
        }
        direction = KEYS[key].direction
        if direction is not None:
            judged[key] = compare_key(models, direction, level)
    first = next(iter(evaluations.values()))[0].settings
    kept = ("n", "d", "metrics", "list", "nearest_k", "seed", "families", "version")
    return Comparison(
        models=tuple(found),
        values=values,
        intervals=intervals,
        best={key: judgement.best for key, judgement in judged.items()},
        tied={key: judgement.tied for key, judgement in judged.items()},
        detectable={key: judgement.detectable for key, judgement in judged.items()},
        pairs=_pairs(judged, level),
        evaluations=evaluations,
        settings={
            **{name: first[name] for name in kept if name in first},
            "m": {name: [run.m for run in runs] for name, runs in found.items()},
            "level": level,
            "reference": "fixed",
            "repeats": next(iter(found.values()))[0].repeats,
            "power": POWER,
        },
        notes=tuple(_notes(evaluations, judged, found)),
    )


def _pairs(judged: Mapping[str, Judgement], level: float) -> Table:
    rows = [(key, pair) for key, judgement in judged.items() for pair in judgement.pairs]

    def scale(key: str) -> str:
        return {"zero": "distance from 0", "one": "distance from 1"}.get(str(KEYS[key].direction), "value")

    columns: dict[str, list[Any]] = {
        "metric": [key for key, _ in rows],
        "first": [pair.first for _, pair in rows],
        "second": [pair.second for _, pair in rows],
        "of": [scale(key) for key, _ in rows],
    }
    for name in ("difference", "low", "high", "p_value", "adjusted_p_value", "detectable"):
        columns[name] = [getattr(pair, name) for _, pair in rows]
    columns["verdict"] = [verdict(pair, str(KEYS[key].direction), level) for key, pair in rows]
    return Table(
        {name: np.array(column) for name, column in columns.items()},
        title=f"first minus second, level {level:g}, p-values adjusted over all pairs of a metric (Holm)",
    )


def verdict(pair: Pair, direction: str, level: float) -> str:
    """What a pair says, in words."""
    if not pair.compared:
        return f"not compared: {pair.reason}"
    if pair.adjusted_p_value > 1 - level:
        return "tied"
    return f"{pair.first if first_is_better(pair, direction) else pair.second} is better"


def _notes(
    evaluations: Mapping[str, Sequence[Evaluation]],
    judged: Mapping[str, Judgement],
    found: Mapping[str, Sequence[Replicates]],
) -> list[str]:
    """What was not compared and why; then the notes of the models, once where all say the same."""
    reasons: dict[str, list[str]] = {}
    for key, judgement in judged.items():
        if judgement.best is None:
            reasons.setdefault(judgement.reason, []).append(key)
    notes = [f"{', '.join(keys)}: not compared, {reason}" for reason, keys in reasons.items()]
    several = [name for name, runs in found.items() if len(runs) > 1]
    if several:
        freedom = sum(len(runs) - 1 for runs in found.values())
        notes.append(
            f"{', '.join(several)}: means over runs, whose spread (pooled, {freedom} "
            f"degree{'s' if freedom > 1 else ''} of freedom) counts as noise"
        )
    said: dict[str, list[str]] = {}
    for name, runs in evaluations.items():
        for note in dict.fromkeys(note for run in runs for note in run.notes):
            said.setdefault(note, []).append(name)
    return notes + [
        note if len(names) == len(evaluations) else f"{', '.join(names)}: {note}"
        for note, names in said.items()
    ]
