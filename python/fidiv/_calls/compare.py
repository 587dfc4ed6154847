"""The calls that put models side by side: `compare` several, `sweep` one over a parameter."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._compare import compared, runs_of
from .._comparison import Comparison, Sweep
from .._frontier import picking, places, scored
from .._inputs import check_share
from .._judge import compare_key, measured, own_interval, spread
from .._plan import Progress
from .._tables import Table


def compare(
    real_features: ArrayLike,
    models: Mapping[str, ArrayLike | Sequence[ArrayLike]],
    *,
    metrics: str | Sequence[str] = "default",
    nearest_k: int | None = None,
    holdout_features: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    level: float = 0.95,
    seed: int = 0,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> Comparison:
    """Several models against the same reals: values, paired differences, and who is tied with the best.

    What is compared is the value that fresh fakes of each model would have on average, against these very
    reals, at these sizes and this k. Differences are judged within each metric, all pairs at once (Holm), so
    that "better" is wrong in at most 1 - level of all comparisons with no real difference; over fifteen
    metrics, some of them will be.

    Parameters
    ----------
    real_features : array (n, d)
        Real points.
    models : mapping of str to array (m, d) or list of such arrays
        Name -> its fakes, or a list of runs (trainings with other seeds), whose values are averaged. Rows of
        different models are paired by their place: give the fakes of the same prompts, classes or seeds in
        the same order and what they have in common cancels.
    metrics, nearest_k, holdout_features, seed, n_jobs, progress
        As in `fidiv.evaluate`. `seed` also draws the half-samples.
    groups : array (m,), optional
        For fakes that are not independent (frames of a film, augmented twins, several samples of one prompt):
        the group of each row, the same in every set of fakes. Whole groups are drawn.
    level : float, default 0.95
        Of intervals, and 1 - level is the chance of error that Holm's method keeps to.

    Returns
    -------
    Comparison
        `comparison["recall"]["a"]`: the value of model a, the mean over its runs; `.intervals` the same with
        (low, high). For each metric of which some values are better: `.best`, `.tied` (who cannot be told
        from the best, itself first), `.detectable` (the difference from the best that these samples would
        have shown 4 times in 5), and `.pairs`, a table with one row for two models: difference (first minus
        second; for metrics whose best value is 0 or 1 that of the distances from it, column "of"), low,
        high, p_value, adjusted_p_value, detectable, verdict. `.evaluations` has the result of every run.
        `.summary()`, `.to_dict()`, `.to_json()`, `.settings`, `.notes`.

    Raises
    ------
    ValueError, TypeError
        Fewer than two models, no run, a level outside (0, 1), and what `fidiv.evaluate` refuses.

    Notes
    -----
    Tied is not equal: it is what these samples cannot tell apart, and `.detectable` says how much that is.

    With one run a model is this one set of weights. With several it is its training: the spread of the runs,
    pooled over the models with several, counts as noise. Two runs know little about a spread, so little can
    be told apart; three or more of each help much more than more fakes.

    Where models have different numbers of fakes, only means of one term a fake (precision, density, pce, the
    share of copies) are compared: the others move with the number of fakes, whatever the model. The Fréchet
    distance in many columns, and sums of kernels over pairs, are compared by what single fakes add to them.
    Values of other features, other reals or another k are not comparable at all.

    Without `groups` fakes are taken for independent, which frames of a film, augmented twins or several
    samples of one prompt are not.

    References
    ----------
    Holm 1979 (all pairs at once); Agresti and Min 2005, Agresti and Caffo 2000 (differences of shares);
    Politis and Romano 1994 (samples of a part, without replacement).

    Examples
    --------
    >>> import numpy as np, fidiv
    >>> rng = np.random.default_rng(0)
    >>> real, good, same = rng.normal(size=(3, 300, 4))
    >>> comparison = fidiv.compare(
    ...     real, {"good": good, "same": same, "narrow": 0.6 * rng.normal(size=(300, 4))}, metrics="recall"
    ... )
    >>> sorted(comparison.tied["recall"]), comparison["recall"]["narrow"] < 0.8
    (['good', 'same'], True)
    """
    return compared(
        real_features,
        runs_of(models),
        metrics=metrics,
        nearest_k=nearest_k,
        level=level,
        seed=seed,
        n_jobs=n_jobs,
        progress=progress,
        holdout_features=holdout_features,
        groups=groups,
    )[0]


def sweep(
    real_features: ArrayLike,
    fakes: Mapping[float, ArrayLike | Sequence[ArrayLike]],
    *,
    parameter: str = "guidance",
    fidelity: str = "precision",
    diversity: str = "recall",
    pick: str | Callable[[Mapping[str, float]], float] = "f_score",
    metrics: str | Sequence[str] = (),
    nearest_k: int | None = None,
    holdout_features: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    level: float = 0.95,
    seed: int = 0,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> Sweep:
    """One model over a parameter that trades fidelity for diversity (guidance, temperature, epsilon): the
    frontier with intervals, and the value to pick, or the tie.

    Parameters
    ----------
    real_features : array (n, d)
        Real points.
    fakes : mapping of number to array (m, d) or list of such arrays
        Value of the parameter -> its fakes, or a list of runs. Paired by place, as in `compare`: the same
        prompts and seeds at every value tell more apart than others would.
    parameter : str, default "guidance"
        What the numbers are, for reading.
    fidelity, diversity : str, default "precision", "recall"
        Keys of metrics with a better direction, such as "density" and "coverage", "pce" and "rce".
    pick : str or callable, default "f_score"
        The rule. "f_score": the harmonic mean of fidelity and diversity, of which higher must be better. A
        key: its best value. A callable: from a mapping of key to value to a number, higher is better; it
        must be a formula of its values (it is also asked about half-samples).
    metrics : str or sequence of str, optional
        More keys that a callable `pick` may read.
    nearest_k, holdout_features, groups, level, seed, n_jobs, progress
        As in `compare`.

    Returns
    -------
    Sweep
        `.points`, a table with one row a value, ascending: value, fidelity, diversity and score, each with
        low and high, and place: "front" where no other value is at least as good in both and better in one,
        "dominated" where another is better in both beyond doubt (Holm over all pairs and both metrics),
        else "undecided". `.undominated`: the values on the front. `.pick`: the value with the best score;
        `.tied`: the values that cannot be told from it, itself first: with more than one, nothing was
        decided, and any of them will do. `.verdict()` says it in a sentence, `.comparison` is the
        `Comparison` below it; `.summary()`, `.to_dict()`, `.to_json()`, `.settings`, `.notes`.

    Raises
    ------
    ValueError, TypeError
        Values that are not finite numbers, keys without a direction, "f_score" of metrics of which not the
        higher is better, and what `compare` refuses.

    Notes
    -----
    The pick is the best of the values that were tried, on these fakes: its own score is a little too good, as
    that of any winner. A fidelity of 1 at the end of a sweep may be copies of training data: look at
    exact_copies and authenticity too.

    Examples
    --------
    >>> import numpy as np, fidiv
    >>> rng = np.random.default_rng(0)
    >>> real, noise = rng.normal(size=(2, 300, 2))
    >>> result = fidiv.sweep(real, {0.2: 0.2 * noise, 1.0: noise, 3.0: 3 * noise}, parameter="temperature")
    >>> result.verdict()
    'pick: temperature = 1, the best f_score beyond doubt (95 %)'
    """
    values = _parameter_values(fakes)
    rule = picking(fidelity, diversity, pick)
    level = check_share(level, "level")
    more = [metrics] if isinstance(metrics, str) else list(metrics)
    wanted = [fidelity, diversity, *([rule.key] if rule.key else []), *more]
    names = {value: f"{parameter}={value!r}" for value in values}
    table, found = compared(
        real_features,
        runs_of({names[value]: fakes[value] for value in values}, "fakes"),
        metrics=list(dict.fromkeys(wanted)),
        nearest_k=nearest_k,
        level=level,
        seed=seed,
        n_jobs=n_jobs,
        progress=progress,
        holdout_features=holdout_features,
        groups=groups,
    )
    scores = {name: scored(runs, rule) for name, runs in found.items()}
    of_scores = {name: measured(runs, key) for name, (runs, key) in scores.items()}
    judged = compare_key(of_scores, rule.direction, level)
    between = spread([score for score in of_scores.values() if not score.reason])
    place = places(found, fidelity, diversity, level)

    columns: dict[str, list[Any]] = {"value": values}
    for column, key in (("fidelity", fidelity), ("diversity", diversity)):
        columns |= _with_ends(
            column, [(table[key][names[v]], table.intervals[key][names[v]]) for v in values]
        )
    own = [
        (score.value, own_interval(score, *scores[name], between, level)) for name, score in of_scores.items()
    ]
    columns |= _with_ends("score", own) | {"place": [place[names[value]].name for value in values]}
    of_name = {name: value for value, name in names.items()}
    notes = [*table.notes]
    if judged.best is None:
        notes.append(f"no pick by {rule.name}: {judged.reason}")
    return Sweep(
        parameter=parameter,
        points=Table({name: np.array(column) for name, column in columns.items()}),
        pick=None if judged.best is None else of_name[judged.best],
        tied=tuple(of_name[name] for name in judged.tied),
        undominated=tuple(value for value in values if place[names[value]].undominated),
        comparison=table,
        settings={
            **table.settings,
            "parameter": parameter,
            "fidelity": fidelity,
            "diversity": diversity,
            "pick": rule.name,
        },
        notes=tuple(notes),
    )


def _with_ends(name: str, found: Sequence[tuple[float, tuple[float, float]]]) -> dict[str, list[float]]:
    """Three columns: values, and both ends of their intervals."""
    return {
        name: [value for value, _ in found],
        f"{name}_low": [low for _, (low, _) in found],
        f"{name}_high": [high for _, (_, high) in found],
    }


def _parameter_values(fakes: Any) -> list[float]:
    """The values of the parameter, ascending."""
    if not isinstance(fakes, Mapping):
        raise TypeError(
            f"fakes must map each value of the parameter to its fakes, got {type(fakes).__name__}"
        )
    if len(fakes) < 2:
        raise ValueError(f"fakes has {len(fakes)} values of the parameter; a sweep needs at least 2")
    for value in fakes:
        if isinstance(value, (bool, np.bool_)) or not isinstance(
            value, (int, float, np.integer, np.floating)
        ):
            raise TypeError(f"fakes has the key {value!r}; values of the parameter are numbers")
        if not math.isfinite(value):
            raise ValueError(f"fakes has the key {value!r}; values of the parameter are finite numbers")
    return sorted(fakes)
