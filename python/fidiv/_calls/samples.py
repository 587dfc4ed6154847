"""Calls about single points: verdicts on fakes, and what is left when the worst are discarded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _audit, _core
from .. import _verdicts as tests
from .._audit import Audit, part
from .._inputs import as_pair, as_points, check_count, check_fits, check_seed, check_share, check_widths
from .._plan import Progress, chosen, options_of, version
from .._progress import check_progress, reporter, stages
from .._sweeps import Work
from .._verdicts import Verdicts
from ..metrics import FAMILIES, KEYS

# What an audit traces when nothing else is asked for.
TRACED = (
    *("pce", "rce", "re", "pce_ratio", "rce_ratio", "re_ratio"),
    *("precision", "recall", "density", "coverage"),
)


def verdicts(
    real_features: ArrayLike,
    fake_features: ArrayLike,
    *,
    holdout_features: ArrayLike | None = None,
    level: float = 0.05,
    nearest_k: int = 5,
    seed: int = 0,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> Verdicts:
    """Which fakes are unlike real data, and which are copies, with a bound on the share of wrong verdicts.

    Parameters
    ----------
    real_features, fake_features : array (n, d), array (m, d)
        n >= 2 (nearest_k + 1) without a holdout set, n > nearest_k with one.
    holdout_features : array (h, d), optional
        Real data of the same law that the generator has not seen. Without it near-copies cannot be tested,
        and the reals are split into halves.
    level : float, default 0.05
        Of the fakes that are marked, at most this share is wrong on average (false discovery rate), for
        "unrealistic" and for "copied" apart.
    nearest_k : int, default 5
        Neighbours that the scores look at.
    seed : int, default 0
        Of the halves; not used with a holdout set.
    n_jobs, progress
        As in `fidiv.evaluate`.

    Returns
    -------
    Verdicts
        A `Result` with unrealistic_count, unrealistic_share, exact_copy_count, exact_copy_share,
        copied_count, copied_share (the last two are NaN without a holdout set). Samples of the fakes (m,):
        unrealistic (the marks), unrealistic_p, unrealistic_score; nearest_real (row), nearest_real_distance;
        copy_of (row of the equal real with the smallest index, or -1); with a holdout set copied (the
        marks), copied_p, copied_score. `.unrealistic(n)` and `.copied(n)` are tables of the marked fakes
        with their nearest real.

    Raises
    ------
    ValueError, TypeError
        As `fidiv.evaluate`, for too few points, and when so few reals are counted that no p-value can reach
        the level.

    Notes
    -----
    Scores, against anchors A among the reals: unrealistic_score is the distance to the k-th anchor over the
    distance of the nearest anchor to its own k-th one, which makes dense and sparse regions alike;
    copied_score the distance to the nearest real over that to the k-th nearest (at least the second; 0 for an
    exact copy), which asks whether one real stands out as near among those around.
    The p-value of a fake is its rank among the scores of counted reals that are not in A: half of the reals
    (drawn by the seed) against the other half, or the holdout set against all reals. Under "this fake
    follows the law of the reals" it is valid at any n, m, d, with ties counted against a verdict. Marks:
    Benjamini and Hochberg 1995 at the level.

    Why a near-copy needs a holdout set: the generator has seen all reals, and no part of them can show how
    near unseen data comes. An exact copy is one without any test; where reals repeat themselves, honest
    fakes may be exact copies too, and a note says so.

    The counted reals must be drawn like fresh ones. Augmented twins, frames of one video, several rows of one
    person are not: the random halves put one twin into A and one into C, which makes real data look nearer to
    itself than any fresh point is. Give a holdout set split by whole groups then.

    What is not claimed: fakes that are not marked are not proven realistic or private. A mark of "copied"
    does not say why: a model that draws narrowly around single training points looks like one that remembers
    them (one that draws narrowly around whole modes does not). A near-copy of a real that stands k times or
    more in the data has near neighbours only and is not marked. And no missing mode can be seen from fakes:
    see `Evaluation.uncovered`.

    References
    ----------
    Conformal p-values and the validity of the rule of Benjamini and Hochberg for them: Bates, Candès, Lei,
    Romano and Sesia 2023 ("Testing for outliers with conformal p-values", Annals of Statistics 51, Theorem
    2).

    Examples
    --------
    >>> import numpy as np, fidiv
    >>> rng = np.random.default_rng(0)
    >>> real, fake, unseen = (rng.normal(size=(size, 3)) for size in (600, 300, 600))
    >>> fidiv.verdicts(real, fake, holdout_features=unseen).unrealistic_count
    0.0
    >>> fake[:30] += 8.0
    >>> fake[30:60] = real[:30] + 1e-3
    >>> result = fidiv.verdicts(real, fake, holdout_features=unseen)
    >>> bool(result.samples["unrealistic"][:30].all()), bool(result.samples["copied"][30:60].all())
    (True, True)
    >>> result.copied(2)["real"].tolist() == (result.copied(2)["fake"] - 30).tolist()
    True
    """
    k, level = check_count(nearest_k, "nearest_k"), check_share(level, "level")
    seed = check_seed(seed)
    _core.threads(n_jobs)
    check_progress(progress)
    real, fake = as_pair(real_features, fake_features, n_jobs=n_jobs)
    holdout = None
    if holdout_features is not None:
        holdout = as_points(holdout_features, "holdout_features", n_jobs)
        check_widths(real.shape[1], holdout.shape[1], ("real_features", "holdout_features"))
        check_fits(real, k, own=True)
    elif real.shape[0] < 2 * (k + 1):
        raise ValueError(
            f"nearest_k={k} needs at least {2 * (k + 1)} points in real_features, which has {real.shape[0]}, "
            "because half of them are the anchors; or give holdout_features"
        )
    n, m = real.shape[0], fake.shape[0]
    rows = np.arange(n)
    if holdout is None:
        halves = np.array_split(np.random.default_rng(seed).permutation(n), 2)
        rows, others = (np.sort(half) for half in halves)
        anchors, counted = (part(real, half, n_jobs) for half in (rows, others))
    else:
        others = rows[:0]
        anchors, counted = real, holdout
    a, c = anchors.shape[0], counted.shape[0]
    if 1 / (c + 1) > level:
        raise ValueError(
            f"level={level} is out of reach of {c} counted reals, whose smallest p-value is "
            f"{1 / (c + 1):.2g}; more reals or a larger holdout set are needed"
        )

    work = Work()
    with reporter(progress) as report:
        step = iter(stages(report, [a * a // 2, a * m, a * c, 0 if holdout is not None else c * m]))

        def nearest(of: _core.Points, to: _core.Points | None, count: int) -> Any:
            asked: list[Any] = [("nearest", "rows", count)]
            (answer,), done = _core.sweep(of, to, asked, n_jobs=n_jobs, progress=next(step))
            names = f"within {of.name}" if to is None else f"across {of.name} and {to.name}"
            work.add(f"{names}: nearest {count}", done)
            return answer

        radii = np.ascontiguousarray(nearest(anchors, None, k)[0][:, -1])
        of_fakes, of_counted = (nearest(points, anchors, max(k, 2)) for points in (fake, counted))
        near, at = of_fakes[0][:, 0].copy(), rows[of_fakes[1][:, 0]]
        if holdout is None:
            near, at = tests.merged(of_fakes, rows, nearest(fake, counted, 1), others)

    scores, usual = (
        tests.score(distances[:, k - 1], radii[index[:, 0]]) for distances, index in (of_fakes, of_counted)
    )
    p_values, marks = tests.large_is_bad(scores, usual, level)
    exact = near == 0
    samples: dict[str, NDArray[Any]] = {
        "unrealistic": marks,
        "unrealistic_p": p_values,
        "unrealistic_score": scores,
        "nearest_real": at,
        "nearest_real_distance": near,
        "copy_of": np.where(exact, at, -1),
    }
    notes = tests.reach(m, c, level)
    copied = float("nan")
    if holdout is None:
        notes.append(f"copied_count, copied_share: {tests.NO_HOLDOUT}")
    else:
        nearness, usual = (
            tests.score(distances[:, 0], distances[:, -1]) for distances, _ in (of_fakes, of_counted)
        )
        p_values, marks = tests.small_is_bad(nearness, usual, level)
        samples |= {"copied": marks, "copied_p": p_values, "copied_score": nearness}
        copied = float(np.count_nonzero(marks))
        repeated = int(np.count_nonzero(of_counted[0][:, 0] == 0))
        if repeated:
            notes.append(
                f"{repeated} of {c} holdout points equal a real: exact copies happen without any copying in "
                "such data"
            )
    unrealistic, copies = float(np.count_nonzero(samples["unrealistic"])), float(np.count_nonzero(exact))
    values = {
        "unrealistic_count": unrealistic,
        "unrealistic_share": unrealistic / m,
        "exact_copy_count": copies,
        "exact_copy_share": copies / m,
        "copied_count": copied,
        "copied_share": copied / m,
    }
    settings = {
        "n": n,
        "m": m,
        "d": real.shape[1],
        **({} if holdout is None else {"h": c}),
        "level": level,
        "nearest_k": k,
        "seed": seed,
        "anchors": a,
        "counted": c,
        "counted_from": "halves of the reals" if holdout is None else "holdout",
        "version": version(),
        **work.settings(),
    }
    return Verdicts(values, samples=samples, settings=settings, notes=notes)


def audit(
    real_features: ArrayLike,
    fake_features: ArrayLike,
    *,
    shares: int | Sequence[float] = 20,
    metrics: str | Sequence[str] = TRACED,
    nearest_k: int | None = None,
    seed: int = 0,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> Audit:
    """What the metrics become when the worst fakes are discarded, share by share.

    Fakes are ordered by their term of PCE against one half of the reals (the distance to the k-th real of
    that half); the largest go first. At each step everything is measured anew, on the fakes that are kept,
    against the other half of the reals.

    Parameters
    ----------
    real_features, fake_features : array (n, d), array (m, d)
        n >= 2 (k + 1), with the largest k among the metrics.
    shares : int or sequence of float, default 20
        Which shares of the fakes are kept: a number of equal steps (20: 1, 0.95, ... 0.05), or shares above 0
        and up to 1. A share of m points is rounded up.
    metrics : str or sequence of str
        Names as in `fidiv.evaluate`; its numbers on the kept fakes. Left out: pce, rce, re, their three
        ratios, precision, recall, density, coverage.
    nearest_k : int, optional
        As in `fidiv.evaluate`; also for the order of the fakes (else 5).
    seed : int, default 0
        Of the halves, and of the families that draw something.
    n_jobs, progress
        As in `fidiv.evaluate`.

    Returns
    -------
    Audit
        A table with a row for each share: share, kept (how many fakes), then the keys, each followed by the
        key that holds its value under equal laws where that depends on the sizes (expected_coverage,
        expected_rce, expected_re). `audit["pce"]` is a column; `.kept(i)` are the rows of the fakes kept in
        row i, `.order` all of them from the first to go, `.scores` what orders them, `.reals` the rows of the
        reals that measured, `.settings`, `.notes`; it prints itself and writes CSV. Row i is
        `evaluate(real[reals], fake[kept(i)])` to the bit. NaN where a metric is undefined, with a note.

    Raises
    ------
    ValueError, TypeError
        As `fidiv.evaluate`, for shares that are not shares, and for too few reals.

    Notes
    -----
    Two halves, because a fake that lies near a real by chance would else be kept for that real and then be
    praised for it: against the reals that scored, even honest fakes seem to gain by discarding. What is left
    of that effect: who picks the best row of the table picks some luck with it. Measure the choice on fresh
    reals.

    Half of the reals measure, so that the first row is not `evaluate` on all of them: density, coverage and
    the ratios of radii at n / 2 reals are other numbers, in the same direction.

    Read rows against `expected_...`, not against each other alone: fewer fakes alone make coverage smaller,
    and rce and re larger or smaller where the dimension of the features is not that of the data. The ratios
    are free of the dimension, not of the number: fakes that are fewer lie farther apart.

    Precision rises and recall falls in almost every model when the worst are discarded; what tells is how
    soon. PCE that falls to 0 at once and stays there says that a few bad fakes made it; PCE that falls slowly
    says that all fakes are a little off. RE that falls steadily says that the discarded were the diverse
    ones.

    Families made of neighbours (precision_recall, density_coverage, cross_entropies, copies ...) are traced
    from the lists of one evaluation, which costs less than a second evaluation for all steps together.
    Others (Fréchet distances, clusters, kernels) are computed in full at each step.

    References
    ----------
    Fox, Swarup and Adiga 2025 (section 5.3: discarding by the contribution to PCE).

    Examples
    --------
    >>> import numpy as np, fidiv
    >>> rng = np.random.default_rng(0)
    >>> real, fake = rng.normal(size=(1000, 2)), rng.normal(size=(500, 2))
    >>> fake[:50] += 6.0  # a tenth is far off
    >>> audit = fidiv.audit(real, fake, shares=[1, 0.9, 0.5], metrics=["pce", "re", "precision"])
    >>> audit["kept"].tolist(), bool((audit.order[:50] < 50).all())
    ([500, 450, 250], True)
    >>> bool(audit["precision"][0] < 0.95 < audit["precision"][1])
    True
    >>> bool(audit["pce"][0] > audit["pce"][1] + 0.3)
    True
    """
    kept_shares = _shares(shares)
    keys = chosen(metrics)
    families = [FAMILIES[name] for name in dict.fromkeys(KEYS[key].family for key in keys)]
    seed = check_seed(seed)
    options = options_of(families, seed, nearest_k)
    k = 5 if nearest_k is None else check_count(nearest_k, "nearest_k")
    _core.threads(n_jobs)
    check_progress(progress)
    real, fake = as_pair(real_features, fake_features, n_jobs=n_jobs)
    n, m = real.shape[0], fake.shape[0]
    if n < 2 * (k + 1):
        raise ValueError(
            f"nearest_k={k} needs at least {2 * (k + 1)} points in real_features, which has {n}: one half "
            "orders the fakes, the other measures"
        )
    halves = np.array_split(np.random.default_rng(seed).permutation(n), 2)
    measuring, scoring = (np.sort(half) for half in halves)
    work = Work()
    with reporter(progress) as report:
        a, b = len(measuring), len(scoring)
        first, second = stages(report, [b * m, a * a // 2 + m * m // 2 + a * m])
        asked: list[Any] = [("nearest", "rows", k)]
        half = part(real, scoring, n_jobs)
        (answer,), done = _core.sweep(fake, half, asked, n_jobs=n_jobs, progress=first)
        work.add(f"across {fake.name} and {half.name}: nearest {k}", done)
        del half
        scores = np.ascontiguousarray(answer[0][:, -1])
        order = np.argsort(-scores, kind="stable")
        kept = _audit.kept_of(order, kept_shares)
        measured = part(real, measuring, n_jobs)
        steps, more = _audit.outcomes(families, options, (measured, fake), kept, n_jobs, second)
    columns, notes = _audit.table(keys, kept_shares, kept, steps)
    settings = {
        "n": n,
        "m": m,
        "d": real.shape[1],
        "metrics": keys,
        "nearest_k": nearest_k,
        "order_k": k,
        "seed": seed,
        "measuring": a,
        "scoring": b,
        "families": {name: dict(chosen_options) for name, chosen_options in options.items()},
        "version": version(),
        **(work + more).settings(),
    }
    return Audit(
        columns,
        order=order,
        scores=scores,
        reals=measuring,
        settings=settings,
        title=f"the fakes that are kept when the worst of {m:,} go, against {a:,} reals",
        notes=notes,
    )


def _shares(shares: Any) -> list[float]:
    """The shares that are kept, the largest first."""
    if isinstance(shares, (int, np.integer)) or np.ndim(shares) == 0:
        steps = check_count(shares, "shares")
        return [(steps - step) / steps for step in range(steps)]
    found = []
    for share in shares:
        if isinstance(share, (bool, np.bool_)) or not isinstance(
            share, (int, float, np.integer, np.floating)
        ):
            raise TypeError(f"shares must be numbers, got {share!r}")
        if not (0 < share <= 1 and math.isfinite(share)):
            raise ValueError(f"shares must lie above 0 and up to 1, got {share!r}")
        found.append(float(share))
    if not found:
        raise ValueError("shares is empty; name at least one, or a number of steps")
    return sorted(set(found), reverse=True)
