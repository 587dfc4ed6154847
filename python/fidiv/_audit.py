"""What is left of the fakes when the worst are discarded, step by step, measured anew at each step.

Fakes are ordered by their term of PCE, that is by nu_k(j; S), their distance to the k-th real of one half S
of the reals. What is kept is measured against the other half E. With the same reals on both sides the audit
would flatter itself: a fake that lies near a real by chance would be kept for that real and then be counted
as near it.

Every step is an `evaluate` of the kept fakes against E: the same numbers to the bit, not an approximation.
What belongs to E alone (its own radii) and what a fake has with E alone (nu_k, in which real balls it lies)
does not change when other fakes go. What changes is who the nearest fakes are:

* Lists of the nearest fakes of each fake and of each real of E, longer than needed, lose the discarded
  fakes. The first k that are left are the k nearest kept ones. Rows that run out are swept again among the
  kept fakes only, which are few by then.
* Whether a real lies in a fake ball: the radii of all steps are known from the lists before the one sweep
  across, which asks for all steps at once. A discarded fake has an open ball of radius 0, which is empty; a
  closed ball is the open one of the next larger number.

Families that need more than that (moments, k-means, products) are swept in full at each step.
"""

from __future__ import annotations

import copy
import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._needs import family_needs
from ._plan import gather_one
from ._progress import Report, stages
from ._sweeps import More, Within, Work, across, of_reals, within
from ._tables import Table
from .metrics import FAMILIES, KEYS, Balls, Family, Found, Needs, Options, Outcome, Undefined

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Marks = NDArray[np.bool_]

QUESTIONS = 32  # that one sweep takes
LONGER = 3  # times the neighbours needed: so much shorter may the set get before a typical row runs out
# What a family may need to be traced from the lists.
OF_REALS = ("own_real", "real_list", "real_neighbors", "repeats")
OF_FAKES = ("own_fake",)
AT_FAKES = (
    *("fake_to_real", "fake_to_real_list", "fake_to_real_neighbors"),
    *("fakes_covered", "fakes_counted", "realism", "least_radius"),
)
AT_REALS = (
    "real_to_fake",
    "real_to_fake_list",
    "real_to_fake_neighbors",
    "reals_covered",
    "holdout_if_given",
)
LISTED = frozenset((*OF_REALS, *OF_FAKES, *AT_FAKES, *AT_REALS))


class Audit(Table):
    """The table of `audit`: a row a step, with the fakes in the order in which they go.

    `order` (m,): rows of the fakes, the first to be discarded first; `scores` (m,): what orders them, the
    distance of each fake to its k-th real of the scoring half; `reals`: the rows of the reals that the steps
    were measured against; `kept(i)`: the rows of the fakes that were kept in row i; `settings`.
    """

    __slots__ = ("_order", "_reals", "_scores", "_settings")
    __hash__ = None

    _order: Integers
    _scores: Floats
    _reals: Integers
    _settings: Mapping[str, Any]

    def __init__(
        self,
        columns: Mapping[str, NDArray[Any]],
        *,
        order: Integers,
        scores: Floats,
        reals: Integers,
        settings: Mapping[str, Any],
        title: str = "",
        notes: Sequence[str] = (),
    ) -> None:
        super().__init__(columns, title=title, notes=notes)
        for name, array in (("_order", order), ("_scores", scores), ("_reals", reals)):
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        object.__setattr__(self, "_settings", dict(settings))

    @property
    def order(self) -> Integers:
        """Rows of the fakes, the first to be discarded first."""
        return self._order

    @property
    def scores(self) -> Floats:
        """What orders the fakes; the largest go first."""
        return self._scores

    @property
    def reals(self) -> Integers:
        """Rows of the reals that the steps were measured against; the others gave the scores."""
        return self._reals

    @property
    def settings(self) -> Mapping[str, Any]:
        """Everything that produced the numbers."""
        return copy.deepcopy(dict(self._settings))

    def kept(self, step: int) -> Integers:
        """The rows of the fakes that were kept in that row of the table, ascending."""
        return np.sort(self._order[len(self._order) - int(self["kept"][step]) :])

    def _state(self) -> dict[str, Any]:
        return {
            **super()._state(),
            "order": self._order,
            "scores": self._scores,
            "reals": self._reals,
            "settings": self._settings,
        }


class Nearest:
    """The nearest living columns of each row, in lists that shorten as columns die."""

    def __init__(self, distances: Floats, indices: Integers) -> None:
        self.distances, self.indices = distances, indices
        self.counts = np.full(len(distances), distances.shape[1])

    def lose(self, alive: Marks) -> None:
        """Take the dead columns out of all lists."""
        ahead = np.arange(self.distances.shape[1]) < self.counts[:, None]
        keep = ahead & alive[self.indices]
        self.counts = np.count_nonzero(keep, axis=1)
        places = np.nonzero(np.arange(self.distances.shape[1]) < self.counts[:, None])
        self.distances[places], self.indices[places] = self.distances[keep], self.indices[keep]

    def put(self, rows: Integers, distances: Floats, indices: Integers) -> None:
        """New lists for some rows; never longer than the first ones."""
        length = distances.shape[1]
        self.distances[rows, :length], self.indices[rows, :length] = distances, indices
        self.counts[rows] = length


class Later:
    """More sweeps for a step, made when a formula asks: few do, and they take a copy of the kept fakes."""

    def __init__(self, make: Callable[[], More]) -> None:
        self._make = functools.cache(make)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._make(), name)


class Trace:
    """What the sweeps found for all steps. `kept` are the rows of the fakes at each step, ascending, each set
    within the one before.
    """

    def __init__(
        self,
        real: _core.Points,
        fake: _core.Points,
        needs: Needs,
        kept: Sequence[Integers],
        n_jobs: int | None,
        report: Report | None,
    ) -> None:
        self.real, self.fake, self.needs, self.kept = real, fake, needs, kept
        self.n_jobs, self.work = n_jobs, Work()
        n, m = real.shape[0], fake.shape[0]
        one, two, three = stages(report, [n * n // 2, m * m // 2, n * m])
        self.reals = within(real, of_reals(needs), n_jobs, one)
        self.work += self.reals.work
        # For each step: s_k of the kept fakes at all k in question, and which of them repeat an earlier one.
        self.radii: list[dict[int, Floats]] = []
        self.repeats: list[Marks | None] = []
        self._own_fakes(two)
        self._across(three)

    # --------------------------------------------------------------------------------- within the fakes
    def _own_fakes(self, report: Report | None) -> None:
        m, wanted = self.fake.shape[0], max([0, *self.needs.own_fake, int(self.needs.repeats)])
        if wanted == 0 or m == 1:
            none = np.zeros(1, dtype=np.bool_) if self.needs.repeats else None
            self.radii, self.repeats = [{}] * len(self.kept), [none] * len(self.kept)
            return
        length = min(LONGER * wanted, m - 1)
        lists = Nearest(*self._ask(self.fake, None, length, report))
        for rows in self.kept:
            # No more than there are: a step of few fakes has values for small k only.
            k = min(wanted, len(rows) - 1)
            self._refill_own(lists, rows, k, length)
            distances, indices = lists.distances[rows, :k], lists.indices[rows, :k]
            self.radii.append({k_: distances[:, k_ - 1].copy() for k_ in self.needs.own_fake if k_ <= k})
            self.repeats.append(
                ((distances[:, 0] == 0) & (indices[:, 0] < rows) if k else np.zeros(1, dtype=np.bool_))
                if self.needs.repeats
                else None
            )

    def _refill_own(self, lists: Nearest, rows: Integers, k: int, length: int) -> None:
        lists.lose(_alive(rows, self.fake.shape[0]))
        short = rows[lists.counts[rows] < k]
        if not len(short):
            return
        count, kept = min(length, len(rows) - 1), self._part(self.fake, rows)
        if 2 * len(short) > len(rows):  # within a set each pair is seen once, across it would be twice
            distances, indices = self._ask(kept, None, count, None)
            lists.put(rows, distances, rows[indices])
            return
        distances, indices = self._ask(self._part(self.fake, short), kept, count + 1, None)
        indices = rows[indices]
        others = indices != short[:, None]  # the point itself, wherever it stands among its equals
        others[others.all(axis=1), -1] = False
        shape = (len(short), count)
        lists.put(short, distances[others].reshape(shape), indices[others].reshape(shape))

    # ------------------------------------------------------------------------------------------- across
    def _across(self, report: Report | None) -> None:
        needs, fake = self.needs, self.fake
        self.wanted = max([0, *needs.real_to_fake, needs.real_to_fake_list, needs.real_to_fake_neighbors])
        self.length = min(LONGER * self.wanted, fake.shape[0])
        asked = Needs(
            **{name: getattr(needs, name) for name in AT_FAKES},
            real_to_fake_list=self.length,
            real_to_fake_neighbors=self.length,
        )
        # The balls of all steps, as questions of one sweep.
        self.covered: list[dict[Balls, Marks]] = [{} for _ in self.kept]
        more: list[Any] = []
        for balls in sorted(needs.reals_covered):
            for step, (rows, radii) in enumerate(zip(self.kept, self.radii, strict=True)):
                if balls.nearest_k in radii:
                    question = ("covered", "columns", self._open(balls, rows, radii), False)
                    take = functools.partial(self.covered[step].__setitem__, balls)
                    more.append((question, f"reals in balls of the fakes of step {step}", take))
        own, room = (self.reals, Within()), QUESTIONS - _questions(asked)
        self.found, work = across(self.real, fake, asked, own, self.n_jobs, report, more[:room])
        for first in range(room, len(more), QUESTIONS):
            work += across(self.real, fake, Needs(), own, self.n_jobs, None, more[first : first + QUESTIONS])[
                1
            ]
        self.work += work
        if self.wanted:
            assert self.found.real_to_fake_list is not None
            assert self.found.real_to_fake_neighbors is not None
            self.lists = Nearest(self.found.real_to_fake_list, self.found.real_to_fake_neighbors)

    def _open(self, balls: Balls, rows: Integers, radii: Mapping[int, Floats]) -> Floats:
        """Open balls around all fakes that hold what the balls of this step hold."""
        own = radii[balls.nearest_k]
        if balls.clipped:
            own = np.minimum(own, np.median(own))
        out = np.zeros(self.fake.shape[0])
        out[rows] = np.nextafter(own, np.inf) if balls.closed else own
        return out

    def _refill_across(self, rows: Integers, k: int) -> None:
        self.lists.lose(_alive(rows, self.fake.shape[0]))
        short = np.flatnonzero(self.lists.counts < k)
        if len(short):
            asking = self.real if len(short) == self.real.shape[0] else self._part(self.real, short)
            count = min(self.length, len(rows))
            distances, indices = self._ask(asking, self._part(self.fake, rows), count, None)
            self.lists.put(short, distances, rows[indices])

    # -------------------------------------------------------------------------------------------- steps
    def steps(self) -> Iterator[Found]:
        """What was found about the kept fakes, step by step; the lists shorten, so it can be asked once."""
        for step, rows in enumerate(self.kept):
            yield self._step(step, rows)

    def _step(self, step: int, rows: Integers) -> Found:
        needs, all_, fake = self.needs, self.found, self.fake
        found = Found(
            n=all_.n,
            m=len(rows),
            d=all_.d,
            entropy_terms=all_.entropy_terms,
            own_real=self.reals.radii,
            real_list=self.reals.first,
            real_neighbors=self.reals.neighbors,
            real_repeats=self.reals.repeats,
            own_fake=self.radii[step],
            fake_repeats=self.repeats[step],
            reals_covered=self.covered[step],
        )
        for name in ("fake_to_real", "fakes_covered", "fakes_counted", "realism", "least_radius"):
            setattr(found, name, {key: array[rows] for key, array in getattr(all_, name).items()})
        for name in ("fake_to_real_list", "fake_to_real_neighbors"):
            array = getattr(all_, name)
            setattr(found, name, None if array is None else array[rows])
        found.more = cast(
            More, Later(lambda: More(self.real, self._part(fake, rows), None, self.work, self.n_jobs, None))
        )
        if self.wanted:
            k = min(self.wanted, len(rows))
            self._refill_across(rows, k)
            distances, indices = self.lists.distances, self.lists.indices
            found.real_to_fake = {
                k_: np.ascontiguousarray(distances[:, k_ - 1]) for k_ in needs.real_to_fake if k_ <= k
            }
            if needs.real_to_fake_list:
                found.real_to_fake_list = distances[:, :k].copy()
            if needs.real_to_fake_neighbors:
                found.real_to_fake_neighbors = np.searchsorted(rows, indices[:, :k])
        return found

    # ------------------------------------------------------------------------------------------- sweeps
    def _ask(
        self, rows: _core.Points, columns: _core.Points | None, k: int, report: Report | None
    ) -> tuple[Floats, Integers]:
        asked: list[Any] = [("nearest", "rows", k)]
        (answer,), done = _core.sweep(rows, columns, asked, n_jobs=self.n_jobs, progress=report)
        names = f"within {rows.name}" if columns is None else f"across {rows.name} and {columns.name}"
        self.work.add(f"{names}: nearest {k}", done)
        distances, indices = answer
        return distances, indices

    def _part(self, points: _core.Points, rows: Integers) -> _core.Points:
        return part(points, rows, self.n_jobs)


def _questions(needs: Needs) -> int:
    """How many questions a sweep across has for these needs, or more."""
    return 2 + sum(
        len(getattr(needs, name)) for name in ("fakes_covered", "fakes_counted", "realism", "least_radius")
    )


def part(points: _core.Points, rows: Integers, n_jobs: int | None) -> _core.Points:
    """Some rows of checked points, as points of that name."""
    return _core.Points(np.ascontiguousarray(points.array[rows]), f"part of {points.name}", n_jobs=n_jobs)


def _alive(rows: Integers, m: int) -> Marks:
    alive = np.zeros(m, dtype=np.bool_)
    alive[rows] = True
    return alive


def outcomes(
    families: Sequence[Family],
    options: Mapping[str, Options],
    sets: tuple[_core.Points, _core.Points],
    kept: Sequence[Integers],
    n_jobs: int | None,
    report: Report | None,
) -> tuple[list[dict[str, Outcome]], Work]:
    """What each family says at each step."""
    real, fake = sets
    # The rules look at sizes only: a step without its points.
    sizes = [_core.Points(np.zeros((len(rows), 1), np.float32), fake.name) for rows in kept]
    wishes = {family.name: [_wish(family, options, real, size) for size in sizes] for family in families}
    listed = {name for name, needs in wishes.items() if _traceable(needs)}
    needs = functools.reduce(Needs.__or__, (wish for name in listed for wish in _met(wishes[name])), Needs())
    trace = Trace(real, fake, needs, kept, n_jobs, report)
    steps: list[dict[str, Outcome]] = []
    for step, (rows, found) in enumerate(zip(kept, trace.steps(), strict=True)):
        told: dict[str, Outcome] = {}
        for family in families:
            wish, own = wishes[family.name][step], options[family.name]
            try:
                if isinstance(wish, str):
                    raise Undefined(wish)
                if family.name not in listed:
                    points = np.ascontiguousarray(fake.array[rows])
                    found_alone, work = gather_one(real, points, lambda *_, w=wish: w, n_jobs, None)
                    trace.work += work
                    told[family.name] = family.formula(found_alone, own)
                else:
                    told[family.name] = family.formula(found, own)
            except Undefined as error:
                told[family.name] = Outcome(undefined={key.name: str(error) for key in family.keys})
        steps.append(told)
    return steps, trace.work


def _wish(
    family: Family, options: Mapping[str, Options], real: _core.Points, size: _core.Points
) -> Needs | str:
    """What the family needs at a step, or why it has no value there."""
    try:
        return family_needs(family, options[family.name], real, size)
    except ValueError as error:
        return str(error)


def _met(needs: Sequence[Needs | str]) -> list[Needs]:
    return [wish for wish in needs if not isinstance(wish, str)]


def _traceable(needs: Sequence[Needs | str]) -> bool:
    """Whether the lists hold what a family needs, the same at all steps."""
    met = _met(needs)
    if not met or any(wish != met[0] for wish in met):
        return False
    asked = {f.name for f in fields(Needs) if getattr(met[0], f.name)}
    # A family that names nothing looks at the points themselves.
    return bool(asked) and asked <= LISTED


def kept_of(order: Integers, shares: Sequence[float]) -> list[Integers]:
    """The rows that are left at each share, ascending; one at least."""
    m = len(order)
    counts = [max(1, math.ceil(round(share * m, 9))) for share in shares]
    return [np.sort(order[m - count :]) for count in counts]


def table(
    keys: Sequence[str],
    shares: Sequence[float],
    kept: Sequence[Integers],
    steps: Sequence[Mapping[str, Outcome]],
) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """The columns, each key followed by the one that holds its value under equal laws, and why some are
    missing.
    """
    columns: dict[str, NDArray[Any]] = {
        "share": np.array(shares, dtype=np.float64),
        "kept": np.array([len(rows) for rows in kept], dtype=np.int64),
    }
    wanted: list[str] = []
    for key in keys:
        usual = KEYS[key].expected
        wanted += [key, usual] if isinstance(usual, str) else [key]
    missing: dict[str, tuple[list[str], list[float]]] = {}  # reason -> keys, shares
    for key in dict.fromkeys(wanted):
        family = FAMILIES[KEYS[key].family]
        own, values = key.removeprefix(family.prefix), []
        for share, step in zip(shares, steps, strict=True):
            outcome = step[family.name]
            values.append(outcome.values.get(own, math.nan))
            if own in outcome.undefined:
                of_keys, at = missing.setdefault(outcome.undefined[own], ([], []))
                of_keys.append(key)
                at.append(share)
        columns[key] = np.array(values)
    notes = []
    for reason, (of_keys, at) in missing.items():
        where = ", ".join(f"{share:g}" for share in dict.fromkeys(at))
        notes.append(
            f"{', '.join(dict.fromkeys(of_keys))}: undefined where the share kept is {where}; {reason}"
        )
    return columns, notes
