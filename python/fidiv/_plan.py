"""`evaluate`, and the plan behind every call: choose families, gather what they need, run their formulas.

A plan is: the options of each family -> what it needs -> the union over the families -> sweeps
(`_sweeps.py`) -> formulas (`metrics/`). The calls of single families (`_calls/`) are plans of one family,
so `evaluate` and they give the same numbers. They differ in one thing: where a metric is undefined, its own
call raises and `evaluate` writes NaN and why.
"""

from __future__ import annotations

import difflib
import functools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import metadata
from typing import Any

from numpy.typing import ArrayLike

from . import _core
from ._baseline import as_baseline
from ._gather import Gathered, gather, weights_of
from ._inputs import as_pair, as_points, check_count, check_seed, check_widths
from ._intervals import REPEATS, Replicates, check_intervals, intervals_of
from ._modes.asked import modes_asked
from ._needs import family_needs, of_holdout
from ._progress import check_progress, reporter, stages
from ._resampled import Resampling, ResamplingPlan, check_reference
from ._tables import Samples
from .metrics import (
    DEFAULT,
    DEFAULT_NAME,
    FAMILIES,
    KEYS,
    Family,
    Found,
    Needs,
    Options,
    Outcome,
    Undefined,
    available,
    sides,
)
from .results import Evaluation, Result

Progress = Callable[[int, int], object] | bool | None


def evaluate(
    real_features: ArrayLike,
    fake_features: ArrayLike,
    *,
    metrics: str | Sequence[str] = "default",
    nearest_k: int | None = None,
    real_labels: ArrayLike | None = None,
    fake_labels: ArrayLike | None = None,
    holdout_features: ArrayLike | None = None,
    baseline: bool | ArrayLike = False,
    intervals: bool | float = False,
    reference: str = "fixed",
    groups: ArrayLike | None = None,
    real_groups: ArrayLike | None = None,
    seed: int = 0,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> Evaluation:
    """Many metrics at once; every pair of points is looked at once, whatever the list.

    Parameters
    ----------
    real_features : array (n, d)
        Feature vectors of real data, one a row.
    fake_features : array (m, d)
        Feature vectors of generated data.
    metrics : str or sequence of str, default "default"
        "default" is the frozen list "default-1" (which may be named too): precision, recall, f_score (k 3),
        density, coverage, expected_coverage (k 5), pce, rce, re and their ratios (k 5), frechet_distance,
        exact_copies, duplicates_in_fake. "all" is every family. Else names from
        `fidiv.metrics.available()`: a family gives all its keys, a key only itself (its family still gives
        its samples); "frechet_distance" is both and means the family. Numbers come in the order named.
    nearest_k : int, optional
        None: each family's own default, as in its own call. A number is used by all families that have a
        `nearest_k`; those that count neighbours in other ways keep theirs (precision_recall_cover its ball_k
        and min_count), which a note says, as where nothing chosen has a `nearest_k`.
    real_labels : array (n,), optional
        Integers, booleans or strings: the mode of each real. Given, `.modes` says which modes are dropped,
        shrunk or invented, as `fidiv.modes` does with nearest_k (5 if None) and seed; that call also finds
        modes where there are no labels.
    fake_labels : array (m,), optional
        Of the fakes, in the same words; without them a fake has the mode of the nearest of half of the reals.
    holdout_features : array (h, d), optional
        Real data that the generator has not seen, for the families that compare with it.
    baseline : bool or array (o, d), default False
        What real data scores against real data, at truly equal sizes. True: over 10 random splits of the
        reals into halves A and B, h = min(n // 2, m) fakes against A beside h points of B against A. An
        array: other real data instead of B, and all reals instead of A; h = min(o, m).
    intervals : bool or float, default False
        How sure each number is: True for intervals of level 0.95, a number for another level. The target is
        the expected value at these n, m and k (what fresh samples of these sizes would give on average), not
        the value of endless samples. Means over fakes by their terms (Wilson, Student); sums of kernels over
        pairs, and the Fréchet distance where there are many columns, by what single points add to them; the
        rest by 20 half-samples drawn without repetition. A note says which have none: those that need a
        clustering, a trained classifier or lines drawn at random, products over pairs, memorisation tests,
        and the Fréchet distance with fewer than some 40 points a column, unless frechet_influence is asked
        for too.
    reference : "fixed" or "random", default "fixed"
        Which samples are fresh: the fakes, these reals given, or both sets. A difference of generators
        compared on the same reals is a question of "fixed".
    groups, real_groups : array (m,) and array (n,), optional
        For intervals of points that are not independent (frames of a video, augmented twins, several samples
        of one prompt): the group of each point. Whole groups are drawn.
    seed : int, default 0
        Of the families that draw something, of the splits and of the half-samples.
    n_jobs : int, optional
        Threads: a positive number, or negative as joblib counts (-1 all). None: FIDIV_NUM_THREADS, else
        OMP_NUM_THREADS, else all the process may use. No number depends on it.
    progress : bool or callable (done, total), optional
        True shows a bar on stderr.

    Returns
    -------
    Evaluation
        A read-only mapping from key to float, with `.samples`, `.settings`, `.notes`, `.expected`,
        `.undefined`, `.summary()`, `.to_dict()` and `.to_json()`; `.intervals` (key: (low, high)),
        `.baseline` and `.modes`, which are None when not asked for; `.worst(n)`, `.uncovered(n)` and
        `.copies(n)` are tables of single points, `.samples.to_csv(path, of="fake")` writes all of them. A
        metric that is undefined on this input is NaN and has its reason in `.undefined` and in `.notes`.

    Raises
    ------
    ValueError
        Unknown names, different widths, wrong shapes, values that are not finite, labels of another length.
    TypeError
        Not numbers, or a count that is no integer.

    Examples
    --------
    >>> import numpy as np, fidiv
    >>> rng = np.random.default_rng(0)
    >>> real, fake = rng.normal(size=(400, 4)), rng.normal(size=(300, 4))
    >>> result = fidiv.evaluate(real, fake, metrics=["recall", "density_coverage"])
    >>> list(result)
    ['recall', 'density', 'coverage', 'expected_coverage']
    >>> result.samples["density"].shape
    (300,)
    """
    name = "fake_features"
    return evaluate_many(
        real_features,
        {name: fake_features},
        metrics=metrics,
        nearest_k=nearest_k,
        real_labels=real_labels,
        fake_labels=None if fake_labels is None else {name: fake_labels},
        holdout_features=holdout_features,
        baseline=baseline,
        intervals=intervals,
        reference=reference,
        groups=None if groups is None else {name: groups},
        real_groups=real_groups,
        seed=seed,
        n_jobs=n_jobs,
        progress=progress,
    )[name]


def evaluate_many(
    real_features: ArrayLike,
    fakes: Mapping[str, ArrayLike],
    *,
    metrics: str | Sequence[str] = "default",
    nearest_k: int | None = None,
    real_labels: ArrayLike | None = None,
    fake_labels: Mapping[str, ArrayLike] | None = None,
    holdout_features: ArrayLike | None = None,
    baseline: bool | ArrayLike = False,
    intervals: bool | float = False,
    reference: str = "fixed",
    groups: Mapping[str, ArrayLike] | None = None,
    real_groups: ArrayLike | None = None,
    seed: int = 0,
    n_jobs: int | None = None,
    progress: Progress = None,
    real_name: str = "real_features",
) -> dict[str, Evaluation]:
    """`evaluate` for several sets of fakes, which share the sweep within the reals. Errors call a set by its
    name.
    """
    level = check_intervals(intervals)
    drawn = None if level is None else Resampling(check_reference(reference), REPEATS, check_seed(seed))
    if drawn is None and not (groups is None and real_groups is None):
        raise ValueError("groups and real_groups say how intervals are made, and no intervals are asked for")
    found = evaluated(
        real_features,
        fakes,
        metrics=metrics,
        nearest_k=nearest_k,
        holdout_features=holdout_features,
        real_labels=real_labels,
        fake_labels=fake_labels,
        baseline=baseline,
        drawn=drawn,
        level=level,
        groups=groups,
        real_groups=real_groups,
        seed=seed,
        n_jobs=n_jobs,
        progress=progress,
        real_name=real_name,
    )
    return {name: evaluation for name, (evaluation, _) in found.items()}


def evaluated(
    real_features: ArrayLike,
    fakes: Mapping[str, ArrayLike],
    *,
    metrics: str | Sequence[str],
    nearest_k: int | None,
    seed: int,
    holdout_features: ArrayLike | None = None,
    real_labels: ArrayLike | None = None,
    fake_labels: Mapping[str, ArrayLike] | None = None,
    baseline: bool | ArrayLike = False,
    drawn: Resampling | None = None,
    level: float | None = None,
    groups: Mapping[str, ArrayLike] | None = None,
    real_groups: ArrayLike | None = None,
    n_jobs: int | None = None,
    progress: Progress = None,
    real_name: str = "real_features",
) -> dict[str, tuple[Evaluation, Replicates | None]]:
    """The evaluations, and beside each the values on half-samples where `drawn` says which."""
    keys = chosen(metrics)
    families = [FAMILIES[name] for name in dict.fromkeys(KEYS[key].family for key in keys)]
    given: dict[str, Any] = {"seed": check_seed(seed)}
    if nearest_k is not None:
        given["nearest_k"] = check_count(nearest_k, "nearest_k")
    options = options_of(families, given["seed"], given.get("nearest_k"))
    _core.threads(n_jobs)
    check_progress(progress)

    real: Any = real_features
    sets: list[_core.Points] = []
    for name, fake in fakes.items():
        real, points = as_pair(real, fake, (real_name, name), n_jobs)
        sets.append(points)
    holdout = _as_holdout(holdout_features, real, real_name, n_jobs)
    plans = [_plan(families, options, real, points, holdout) for points in sets]
    everything = [functools.reduce(Needs.__or__, needs.values(), Needs()) for needs, _ in plans]
    halves: list[ResamplingPlan | None] = [None] * len(sets)
    if drawn is not None:
        drawn = drawn.with_groups(groups, real_groups, real, sets)
        halves = [drawn.plan(families, options, real, points) for points in sets]
    against = as_baseline(baseline, real, families, options, given["seed"], n_jobs)
    for i, half in enumerate(halves):
        everything[i] |= Needs() if half is None else half.longer
        everything[i] |= Needs() if against is None else against.longer(sets[i])
    wanted = modes_asked(real, fakes, sets, real_labels, fake_labels, given)
    everything = [
        needs | more.needs if more else needs for needs, more in zip(everything, wanted, strict=True)
    ]

    results: dict[str, tuple[Evaluation, Replicates | None]] = {}
    weights = weights_of(real, sets, holdout, everything)
    for points, of_set, half in zip(sets, weights[1:], halves, strict=True):
        pairs = PARTS_WEIGHT * real.shape[0] * points.shape[0]
        of_set += [pairs if half is not None else 0, pairs if against is not None else 0]
    with reporter(progress) as report:
        steps = iter(stages(report, [weight for some in weights for weight in some]))
        gathered = gather(real, sets, holdout, everything, n_jobs, steps)
        each = zip(sets, plans, halves, wanted, gathered, strict=True)
        for points, (needs, reasons), half, asked, (found, work) in each:
            on_halves, on_splits = next(steps), next(steps)
            # Before anything that multiplies matrices: the threads of BLAS spin on for a while and take the
            # processors from our own.
            more: dict[str, Any] = {} if asked is None else {"modes": asked.find(found)}
            outcomes = {
                f.name: _outcome(f, found, options[f.name])
                if f.name in needs
                else _nothing(f, reasons[f.name])
                for f in families
            }
            notes = _unused(families, options, given.get("nearest_k"))
            extra: dict[str, Any] = {}
            replicates = None
            if half is not None:
                replicates = half.replicates(
                    real, points, found, work, outcomes, options, keys, n_jobs, on_halves
                )
            if replicates is not None and level is not None:
                more["intervals"], said = intervals_of(replicates, level)
                extra["intervals"] = {
                    "level": level,
                    **{name: getattr(replicates, name) for name in ("reference", "repeats")},
                }
                notes += said
            if against is not None:
                more["baseline"], said = against.compare(points, found, work, keys, on_splits)
                notes += said
            if holdout is not None and not any(of_holdout(need) for need in needs.values()):
                notes.append("holdout_features changes nothing here: none of these metrics looks at it")
            if asked is not None and asked.reason:
                notes.append(f"modes: undefined; {asked.reason}")
            settings = {
                "n": found.n,
                "m": found.m,
                "d": found.d,
                "metrics": keys,
                "list": DEFAULT_NAME if tuple(keys) == DEFAULT else None,
                "nearest_k": given.get("nearest_k"),
                "seed": given["seed"],
                **({} if holdout is None else {"h": holdout.shape[0]}),
                **extra,
                "families": {name: {**own, **outcomes[name].used} for name, own in options.items()},
                "version": version(),
                **work.settings(),
            }
            evaluation = _evaluation(keys, outcomes, settings, notes, more)
            if replicates is not None:
                replicates = replace(replicates, evaluation=evaluation)
            results[points.name] = evaluation, replicates
    return results


# What half-samples, and splits of the reals, cost: about so many times the pairs across the sets.
PARTS_WEIGHT = 2

THERE_ARE = (
    f"there are default, all, the families {', '.join(FAMILIES)}, and their keys (fidiv.metrics.available())"
)


def chosen(metrics: str | Sequence[str]) -> list[str]:
    """The keys that `metrics` asks for, in the order asked for."""
    try:
        names = [metrics] if isinstance(metrics, str) else list(metrics)
    except TypeError:
        raise TypeError(f"metrics must be a name or a sequence of names, got {metrics!r}") from None
    if not names:
        raise ValueError(f"metrics is empty; {THERE_ARE}")
    keys: list[str] = []
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"metrics must be a name or a sequence of names, got {name!r}")
        if name in ("default", DEFAULT_NAME):
            keys += DEFAULT
        elif name == "all":
            keys += KEYS
        elif name in FAMILIES:
            keys += (FAMILIES[name].prefix + key.name for key in FAMILIES[name].keys)
        elif name in KEYS:
            keys.append(name)
        else:
            known = ["default", DEFAULT_NAME, "all", *available()]
            close = difflib.get_close_matches(name, known, 1)
            hint = f" (did you mean {close[0]}?)" if close else ""
            raise ValueError(f"metrics names {name!r}, which does not exist{hint}; {THERE_ARE}")
    return list(dict.fromkeys(keys))


def options_of(families: Sequence[Family], seed: int, nearest_k: int | None) -> dict[str, Options]:
    """The options of each family: its own, or what was given for all."""
    given: dict[str, Any] = {"seed": seed}
    if nearest_k is not None:
        given["nearest_k"] = check_count(nearest_k, "nearest_k")
    return {f.name: {name: given.get(name, value) for name, value in f.defaults.items()} for f in families}


def _unused(families: Sequence[Family], options: Mapping[str, Options], nearest_k: int | None) -> list[str]:
    """A note where a nearest_k that was given does not reach what a reader may think it reaches."""
    if nearest_k is None:
        return []
    if not any("nearest_k" in family.defaults for family in families):
        names = ", ".join(family.name for family in families)
        return [f"nearest_k={nearest_k} changes nothing here: {names} has no such option"]
    return [
        f"nearest_k={nearest_k} is not used by {family.name}, which keeps "
        + ", ".join(f"{name}={value}" for name, value in options[family.name].items())
        for family in families
        if "nearest_k" not in family.defaults and family.k_option != "nearest_k"
    ]


def _plan(
    families: Sequence[Family],
    options: Mapping[str, Options],
    real: _core.Points,
    fake: _core.Points,
    holdout: _core.Points | None,
) -> tuple[dict[str, Needs], dict[str, str]]:
    """What each family needs, or why it has no value at these sizes."""
    needs: dict[str, Needs] = {}
    reasons: dict[str, str] = {}
    for family in families:
        try:
            needs[family.name] = family_needs(family, options[family.name], real, fake, holdout)
        except ValueError as error:
            reasons[family.name] = str(error)
    return needs, reasons


def _as_holdout(holdout: Any, real: _core.Points, real_name: str, n_jobs: int | None) -> _core.Points | None:
    """The holdout set, checked, where one is given."""
    if holdout is None:
        return None
    points = as_points(holdout, "holdout_features", n_jobs)
    check_widths(real.shape[1], points.shape[1], (real_name, "holdout_features"))
    return points


def _outcome(family: Family, found: Found, options: Options) -> Outcome:
    """The formula's answer; where it has none for the whole family, a reason for each key."""
    try:
        return family.formula(found, options)
    except Undefined as error:
        return _nothing(family, str(error))


def _nothing(family: Family, reason: str) -> Outcome:
    return Outcome(undefined={key.name: reason for key in family.keys})


def _own_name(key: str) -> str:
    """What the family of a key of the registry calls it."""
    return key.removeprefix(FAMILIES[KEYS[key].family].prefix)


def _evaluation(
    keys: Sequence[str],
    outcomes: Mapping[str, Outcome],
    settings: Mapping[str, Any],
    more_notes: Sequence[str],
    more: Mapping[str, Any],
) -> Evaluation:
    values: dict[str, float] = {}
    expected: dict[str, float] = {}
    undefined: dict[str, str] = {}
    for key in keys:
        outcome, own = outcomes[KEYS[key].family], _own_name(key)
        values[key] = outcome.values.get(own, math.nan)
        if math.isnan(values[key]):
            undefined[key] = outcome.undefined.get(own) or _noted(own, outcome.notes)
        usual = KEYS[key].expected
        usual = outcome.values.get(_own_name(usual)) if isinstance(usual, str) else usual
        if usual is not None and not math.isnan(usual) and not math.isnan(values[key]):
            expected[key] = usual
    samples = {name: array for outcome in outcomes.values() for name, array in outcome.samples.items()}
    of_points: dict[str, str] = {}
    for name, outcome in outcomes.items():
        of_points |= sides(FAMILIES[name], outcome)
    reasons: dict[str, list[str]] = {}
    for key, reason in undefined.items():
        if _own_name(key) not in outcomes[KEYS[key].family].undefined:
            continue  # the notes of the family say it
        reasons.setdefault(reason, []).append(key)
    notes = [f"{', '.join(missing)}: undefined; {reason}" for reason, missing in reasons.items()]
    notes += [note for outcome in outcomes.values() for note in outcome.notes]
    notes += more_notes
    curves = {name: outcome.curve for name, outcome in outcomes.items() if outcome.curve is not None}
    return Evaluation(
        values,
        keys=KEYS,
        expected=expected,
        undefined=undefined,
        samples=Samples(samples, of_points),
        settings=settings,
        notes=notes,
        curves=curves,
        **more,
    )


def _noted(key: str, notes: Sequence[str]) -> str:
    """The note of its family that says why a key is NaN."""
    return next((note for note in notes if key in re.findall(r"\w+", note)), "it has no value here")


def one_family(
    name: str,
    real: Any,
    fake: Any,
    options: Options,
    n_jobs: int | None = None,
    progress: Progress = None,
    holdout: Any = None,
) -> Result:
    """The call of one family."""
    family = FAMILIES[name]
    found, work = gather_one(
        real, fake, lambda *sets: family_needs(family, options, *sets), n_jobs, progress, holdout
    )
    outcome = family.formula(found, options)
    for reason in outcome.undefined.values():
        raise Undefined(reason)
    settings: dict[str, Any] = {"n": found.n, "m": found.m, "d": found.d}
    settings |= {} if holdout is None else {"h": found.h}
    settings |= {**options, **outcome.used, "version": version(), **work.settings()}
    values = {key.name: outcome.values[key.name] for key in family.keys}
    values |= {key.name: outcome.values[key.name] for key in family.extra_keys if key.name in outcome.values}
    samples = Samples(outcome.samples, sides(family, outcome))
    return Result(values, samples=samples, settings=settings, notes=outcome.notes, curve=outcome.curve)


def gather_one(
    real: Any,
    fake: Any,
    needs: Callable[..., Needs],
    n_jobs: int | None,
    progress: Progress,
    holdout: Any = None,
    names: tuple[str, str] = ("real_features", "fake_features"),
) -> Gathered:
    """Both sets checked, and what was found of the needs that `needs(real, fake, holdout)` names. Errors
    call the sets by `names`.
    """
    _core.threads(n_jobs)
    check_progress(progress)
    real_points, fake_points = as_pair(real, fake, names, n_jobs)
    holdout_points = _as_holdout(holdout, real_points, real_points.name, n_jobs)
    wish = needs(real_points, fake_points, holdout_points)
    with reporter(progress) as report:
        sets = real_points, [fake_points], holdout_points, [wish]
        steps = stages(report, [weight for some in weights_of(*sets) for weight in some])
        return next(gather(*sets, n_jobs, iter(steps)))


@functools.cache
def version() -> str:
    """Of the installed package."""
    return metadata.version("fidiv")
