"""What real data scores against real data, at truly equal sizes: the only fair zero of a metric that has no
known one.

Every nearest-neighbour metric moves with the sizes of both sets, so "recall 0.7, and 0.9 between the training
and the test set" compares nothing when the sets have other sizes than the fakes. Here both comparisons have
the same: the reals are split at random into A (n // 2 points) and the rest; h = min(n // 2, m) points B of
the rest are scored against A, and h fakes are scored against the same A. Their difference is the excess,
averaged over the splits.

With other real data given (a second sample of the law, not a different law), it takes the place of B and all
reals that of A: h = min(o, m).

The standard error is that of the mean over splits. Splits share their points, so it says how much the choice
of the splits matters, not what fresh data would give; that is what intervals are for.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._halves import STEPS, Halves, Part, Positions, longer_lists, neighbours_asked
from ._inputs import as_points, check_widths
from ._needs import Size
from ._progress import Report, stages
from ._resampled import LAWS, resampled_needs, values_on
from ._sweeps import Work, entropy_terms
from .metrics import FAMILIES, KEYS, Family, Found, Needs, Options
from .results import Against, Baseline

SPLITS = 10


def as_baseline(
    baseline: Any,
    real: _core.Points,
    families: Sequence[Family],
    options: Mapping[str, Options],
    seed: int,
    n_jobs: int | None,
) -> Asked | None:
    """What `baseline=` asks for; None for False."""
    if isinstance(baseline, (bool, np.bool_)):
        return Asked(real, None, families, options, seed, n_jobs) if baseline else None
    other = as_points(baseline, "baseline", n_jobs)
    check_widths(real.shape[1], other.shape[1], (real.name, "baseline"))
    return Asked(real, other, families, options, seed, n_jobs)


class Asked:
    """The baseline of one call: of one set of reals, for any number of sets of fakes."""

    def __init__(
        self,
        real: _core.Points,
        other: _core.Points | None,
        families: Sequence[Family],
        options: Mapping[str, Options],
        seed: int,
        n_jobs: int | None,
    ) -> None:
        self._real, self._other, self._families, self._options = real, other, families, options
        self._seed, self._n_jobs = seed, n_jobs
        self._known: dict[int, dict[str, NDArray[np.float64]]] = {}  # real against real, by h

    def _sizes(self, m: int) -> tuple[int, int]:
        """How many points the reference has, and how many are scored against it."""
        n = self._real.shape[0]
        return (n // 2, min(n // 2, m)) if self._other is None else (n, min(self._other.shape[0], m))

    def _needs(self, m: int) -> tuple[dict[str, Needs], dict[str, str]]:
        reference, h = self._sizes(m)
        if min(reference, h) == 0:
            return {}, {f.name: "a single real point cannot be split" for f in self._families}
        n, d = self._real.shape
        return resampled_needs(
            self._families,
            self._options,
            Size((reference, d), "the real points of a split"),
            Size((h, d), f"the {h} points that are scored"),
            pairs=(n + m) ** 2 / 2,
            parts=2 * SPLITS,
        )

    def longer(self, fake: _core.Points) -> Needs:
        """The lists that the sweeps of all points have to keep."""
        n, m = self._real.shape[0], fake.shape[0]
        reference, h = self._sizes(m)
        needs = functools.reduce(Needs.__or__, self._needs(m)[0].values(), Needs())
        longer = longer_lists(needs, n, m, (reference / n, h / m))
        if self._other is None:
            # Both halves, and the neighbours of each in the other, come from the list of the reals.
            both = longer_lists(needs, n, n, (reference / n, h / n))
            most = min(max(neighbours_asked(both)), n - 1)
            longer |= Needs(real_list=most, real_neighbors=most)
        return longer

    def compare(
        self, fake: _core.Points, found: Found, work: Work, keys: Sequence[str], report: Report | None
    ) -> tuple[Baseline, list[str]]:
        """The table, and sentences about keys that are not in it. `found` holds the lists of all points."""
        of_fakes, of_reals = stages(report, [STEPS, STEPS])
        n, m = self._real.shape[0], fake.shape[0]
        reference, h = self._sizes(m)
        needs, reasons = self._needs(m)
        families = [FAMILIES[name] for name in needs]
        union = functools.reduce(Needs.__or__, needs.values(), Needs())
        fakes: list[Positions | None] = [self._draw(m, h, split, 3) for split in range(SPLITS)]
        reals: list[Positions | None] = [None] * SPLITS
        if self._other is None:
            reals = [self._draw(n, reference, split, 2) for split in range(SPLITS)]
        values: dict[str, NDArray[np.float64]] = {}
        missing: dict[str, str] = {}
        if families:
            parts = [Part(x, y) for x, y in zip(reals, fakes, strict=True)]
            founds = Halves(self._real, fake, found, work, self._n_jobs, of_fakes).found(union, parts)
            values, missing = values_on(founds, families, self._options)
            if h not in self._known:
                scored = self._reals_against(union, reals, reference, h, found, work, of_reals)
                self._known[h], unknown = values_on(scored, families, self._options)
                missing |= unknown
        base = self._known.get(h, {})
        rows: dict[str, Against] = {}
        why: dict[str, list[str]] = {}
        for key in keys:
            if key in LAWS:
                continue
            if key in values and key in base:
                rows[key] = _row(base[key], values[key])
            else:
                reason = missing.get(key) or reasons.get(KEYS[key].family, "it has no value on a part")
                why.setdefault(reason, []).append(key)
        table = Baseline(rows, n=reference, h=h, splits=SPLITS)
        return table, [f"{', '.join(names)}: no baseline; {reason}" for reason, names in why.items()]

    def _reals_against(
        self,
        needs: Needs,
        reals: Sequence[Positions | None],
        reference: int,
        h: int,
        found: Found,
        work: Work,
        report: Report | None,
    ) -> list[Found]:
        """The real points that are scored against the reference, of each split."""
        if self._other is None:
            n = self._real.shape[0]
            scored = [self._draw(n, h, split, 2, after=reference) for split in range(SPLITS)]
            parts = [Part(x, y) for x, y in zip(reals, scored, strict=True)]
            halves = Halves(self._real, self._real, found, work, self._n_jobs, report, within=True)
            return halves.found(needs, parts)
        n, o = self._real.shape[0], self._other.shape[0]
        longer = longer_lists(needs, n, o, (1.0, h / o))
        lists = Found(n, o, self._real.shape[1], entropy_terms)
        lists.real_list, lists.real_neighbors = found.real_list, found.real_neighbors
        if k := longer.fake_list:
            answers, done = _core.sweep(self._other, None, [("nearest", "rows", k)], n_jobs=self._n_jobs)
            work.add(f"within {self._other.name}: nearest {k}", done)
            lists.fake_list, lists.fake_neighbors = answers[0]
        names = {"fake_to_real": "columns", "real_to_fake": "rows"}
        wishes = {name: k for name in names if (k := getattr(longer, f"{name}_list"))}
        if wishes:
            questions: list[Any] = [("nearest", names[name], k) for name, k in wishes.items()]
            answers, done = _core.sweep(self._real, self._other, questions, n_jobs=self._n_jobs)
            work.add(f"across {self._real.name} and {self._other.name}: nearest of each", done)
            for name, (distances, indices) in zip(wishes, answers, strict=True):
                setattr(lists, f"{name}_list", distances)
                setattr(lists, f"{name}_neighbors", indices)
        parts = [Part(None, self._draw(o, h, split, 4)) for split in range(SPLITS)]
        return Halves(self._real, self._other, lists, work, self._n_jobs, report).found(needs, parts)

    def _draw(self, size: int, count: int, split: int, which: int, after: int = 0) -> Positions | None:
        """Ascending positions; those of one split after `after` others are none of them."""
        if count == size:
            return None
        order = np.random.default_rng([self._seed, split, which]).permutation(size)
        return np.sort(order[after : after + count])


def _row(base: NDArray[np.float64], fake: NDArray[np.float64]) -> Against:
    """Means over the splits; the error is that of the mean of the differences."""
    excess = fake - base
    count = len(excess)
    return Against(
        baseline=math.fsum(base) / count,
        fake=math.fsum(fake) / count,
        excess=math.fsum(excess) / count,
        error=float(np.std(excess, ddof=1)) / math.sqrt(count),
    )
