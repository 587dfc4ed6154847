"""The sweeps of a plan, one after the other: within the reals, then for each set of fakes within it, across,
against the holdout set, and what else its families need; and what each costs, for whoever shows progress.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

from . import _core
from ._needs import of_holdout
from ._progress import Report
from ._sweeps import (
    Anchors,
    More,
    Work,
    across,
    against_holdout,
    asks_across,
    moments,
    of_fakes,
    of_reals,
    within,
)
from .metrics import Found, Moments, Needs

Gathered = tuple[Found, Work]


def weights_of(
    real: _core.Points, fakes: Sequence[_core.Points], holdout: _core.Points | None, needs: Sequence[Needs]
) -> list[list[int]]:
    """What the steps of `gather` cost, in pairs of points: first the sweep within the reals, then those of
    each set of fakes.
    """
    n = real.shape[0]
    own = functools.reduce(Needs.__or__, needs, Needs())
    weights = [[n * n // 2 if of_reals(own).nearest_k(real) else 0]]
    for fake, need in zip(fakes, needs, strict=True):
        m = fake.shape[0]
        of_set = [m * m // 2 if of_fakes(need).nearest_k(fake) else 0, n * m if asks_across(need) else 0]
        of_set.append((n + m) * holdout.shape[0] if of_holdout(need) and holdout is not None else 0)
        # A guess: Lloyd's method needs some twenty rounds.
        of_set += [20 * wish.num_runs * wish.num_clusters * (n + m) for wish in sorted(need.clusters)]
        weights.append(of_set)
    return weights


def gather(
    real: _core.Points,
    fakes: Sequence[_core.Points],
    holdout: _core.Points | None,
    needs: Sequence[Needs],
    n_jobs: int | None,
    steps: Iterator[Report | None],
) -> Iterator[Gathered]:
    """For each set of fakes, what all its families need. The sweep within the reals is done once for all
    sets. `steps`: whom each step reports to, in the order of `weights_of`.
    """
    n = real.shape[0]
    own = functools.reduce(Needs.__or__, needs, Needs())
    asked = of_reals(own)
    anchors = next((Anchors.draw(n, seed, k) for seed, k in sorted(own.anchors)), None)
    reals = within(real, asked, n_jobs, next(steps), anchors)
    real_moments: Moments | None = None
    for fake, need in zip(fakes, needs, strict=True):
        fakes_own = within(fake, of_fakes(need), n_jobs, next(steps))
        found, work = across(real, fake, need, (reals, fakes_own), n_jobs, next(steps))
        work = reals.work + fakes_own.work + work
        step = next(steps)
        if of_holdout(need) and holdout is not None:
            against_holdout(found, work, (real, fake, holdout), of_holdout(need), n_jobs, step)
        for wish in sorted(need.clusters):
            (of_real, of_fake), _ = _core.kmeans(
                [real, fake],
                num_clusters=wish.num_clusters,
                num_runs=wish.num_runs,
                seed=wish.seed,
                n_jobs=n_jobs,
                progress=next(steps),
            )
            found.labels[wish] = (of_real, of_fake)
        if need.moments:
            real_moments = real_moments or moments(real, n_jobs, shared=len(fakes) > 1)
            found.moments = (real_moments, moments(fake, n_jobs))
        found.more = More(real, fake, holdout, work, n_jobs, None)
        yield found, work
