"""What the sweeps would find on parts of the sets, without sweeping them again.

A part is named by positions. The neighbours of a point within a part are among its neighbours in the whole
set, in the same order, so a list that is long enough holds them: filter it, keep the first k. How long a list
must be is a matter of chance; the few rows that run out are asked again, all parts together, with a list four
times as long, and so on. What comes out is bit for bit what a sweep of the part would find, since distances
are and ties go to the smaller index in both.

Where a part is a small share of its set, lists would have to be very long: then the parts are swept.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._part_balls import Known, Question, Wish, answer
from ._progress import Report
from ._sweeps import Work, entropy_terms, first_of, moments, radii_of, repeats_of, single_of
from .metrics import Balls, Found, Moments, Needs

Positions = NDArray[np.int64]
Nearest = tuple[NDArray[np.float64], NDArray[np.int64]]  # distances and indices, (rows, k)
SMALL = 0.25  # a smaller share of a set is swept and not filtered
MARGIN = 2.5  # standard deviations of what a list holds; less is re-asked more often, more is longer
LONGER = 4
STEPS = 6  # four kinds of lists, balls, moments: what progress counts


@dataclass(frozen=True)
class Part:
    """Some reals and some fakes, by ascending positions; None: all of them."""

    real: Positions | None = None
    fake: Positions | None = None


def share_of(positions: Sequence[Positions | None], size: int) -> float:
    """The smallest share of a set that a part takes."""
    return min(1.0 if at is None else len(at) / size for at in positions)


def reach(k: int, share: float, most: int) -> int:
    """How long a list should be to hold, nearly always, k neighbours out of a share of the set; 0 where the
    share is too small for that.
    """
    if k == 0 or share == 1.0:
        return min(k, most)
    if share < SMALL:
        return 0
    spread = MARGIN * math.sqrt(1 - share)
    root = (spread + math.sqrt(spread**2 + 4 * k)) / 2  # of share x length
    return min(math.ceil(root**2 / share), most)


def neighbours_asked(needs: Needs) -> tuple[int, int, int, int]:
    """How many neighbours are needed: of reals and of fakes in their own set, of fakes among the reals, of
    reals among the fakes.
    """
    repeats = 1 if needs.repeats else 0
    return (
        max([needs.real_list, needs.real_neighbors, repeats, *needs.own_real]),
        max([needs.fake_list, needs.fake_neighbors, repeats, *needs.own_fake]),
        max([needs.fake_to_real_list, needs.fake_to_real_neighbors, *needs.fake_to_real]),
        max([needs.real_to_fake_list, needs.real_to_fake_neighbors, *needs.real_to_fake]),
    )


def _in_ball(k: int, own: float, other: int) -> int:
    """Twice the number of other points that the ball of the k-th of `own` neighbours holds on average when
    both are of one law; more than 8 k is not worth the longer list.
    """
    return min(8 * k, math.ceil(2 * k * other / own))


def longer_lists(needs: Needs, n: int, m: int, shares: tuple[float, float]) -> Needs:
    """The lists that hold the neighbours within parts that are these shares of the reals and the fakes."""
    k = neighbours_asked(needs)
    own_real, own_fake = reach(k[0], shares[0], n - 1), reach(k[1], shares[1], m - 1)
    to_real, to_fake = reach(k[2], shares[0], n), reach(k[3], shares[1], m)
    # The balls of a part should mostly end within the lists of what lies around their centres.
    if to_real and shares[1] < 1:
        for balls in needs.reals_counted | needs.reals_covered:
            to_real = max(to_real, min(_in_ball(balls.nearest_k, shares[1] * m, n), n))
    if to_fake and shares[0] < 1:
        for balls in needs.fakes_counted | needs.fakes_covered:
            to_fake = max(to_fake, min(_in_ball(balls.nearest_k, shares[0] * n, m), m))
    return Needs(
        real_list=own_real,
        real_neighbors=own_real,
        fake_list=own_fake,
        fake_neighbors=own_fake,
        fake_to_real_list=to_real,
        fake_to_real_neighbors=to_real,
        real_to_fake_list=to_fake,
        real_to_fake_neighbors=to_fake,
    )


class Lists:
    """The nearest points of `columns` (None: of the own set) to each point of `rows`, as far as known."""

    def __init__(
        self,
        rows: _core.Points,
        columns: _core.Points | None,
        known: tuple[NDArray[np.float64] | None, NDArray[np.int64] | None],
        work: Work,
        n_jobs: int | None,
    ) -> None:
        self._rows, self._columns, self._work, self._n_jobs = rows, columns, work, n_jobs
        self._most = rows.shape[0] - 1 if columns is None else columns.shape[0]
        # Each level: which row has which line of it (-1: none), and its lists.
        self._levels: list[tuple[Positions, NDArray[np.float64], NDArray[np.int64]]] = []
        distances, indices = known
        if distances is not None and indices is not None:
            width = min(distances.shape[1], indices.shape[1])
            self._levels.append((np.arange(rows.shape[0]), distances[:, :width], indices[:, :width]))

    @property
    def known(self) -> Known | None:
        """The lists of all rows, where there are any."""
        return self._levels[0][1:] if self._levels else None

    def nearest(self, parts: Sequence[tuple[Positions | None, Positions | None]], k: int) -> list[Nearest]:
        """For each (rows, columns) of `parts` the first k of these columns for each of these rows, indices
        counted within the columns.
        """
        size = self._rows.shape[0] if self._columns is None else self._columns.shape[0]
        if (
            not self._levels
            or self._levels[0][1].shape[1] < k
            or share_of([among for _, among in parts], size) < SMALL
        ):
            return [self._swept(at, among, k) for at, among in parts]
        answers, missing = [], []
        for at, among in parts:
            answer, short = self._filtered(0, at, among, k)
            answers.append(answer)
            missing.append(short)
        level = 0
        while any(len(short) for short in missing):
            assert self._levels[level][1].shape[1] < self._most, "a part has too few points"
            level += 1
            # Rows of the whole set, those that any part misses.
            asked = np.unique(
                np.concatenate(
                    [
                        short if at is None else at[short]
                        for (at, _), short in zip(parts, missing, strict=True)
                    ]
                )
            )
            self._extend(level, asked)
            for number, (at, among) in enumerate(parts):
                short = missing[number]
                if len(short):
                    some, still = self._filtered(level, short if at is None else at[short], among, k)
                    for whole, piece in zip(answers[number], some, strict=True):
                        whole[short] = piece
                    missing[number] = short[still]
        return answers

    def _filtered(
        self, level: int, at: Positions | None, among: Positions | None, k: int
    ) -> tuple[Nearest, Positions]:
        """The first k of a level, and which rows have fewer (their lines hold anything)."""
        lines, distances, indices = self._levels[level]
        if level or at is not None:
            line = lines if at is None else lines[at]
            distances, indices = distances[line], indices[line]
        if among is None:
            assert distances.shape[1] >= k
            return (distances[:, :k].copy(), indices[:, :k].copy()), np.empty(0, dtype=np.int64)
        size = self._rows.shape[0] if self._columns is None else self._columns.shape[0]
        place = np.full(size, -1, dtype=np.int64)
        place[among] = np.arange(len(among))
        within = place[indices]
        member = within >= 0
        order = np.cumsum(member, axis=1, dtype=np.int32)
        short = np.flatnonzero(order[:, -1] < k)
        chosen = member & (order <= k)
        chosen[short] = False
        chosen[short, :k] = True
        return (distances[chosen].reshape(-1, k), within[chosen].reshape(-1, k)), short

    def _extend(self, level: int, rows: Positions) -> None:
        """Longer lists for some rows."""
        width = min(LONGER * self._levels[level - 1][1].shape[1], self._most)
        if len(self._levels) == level:
            # Columns no row has yet.
            lines = np.full(self._rows.shape[0], -1, dtype=np.int64)
            self._levels.append((lines, np.empty((0, width)), np.empty((0, width), dtype=np.int64)))
        lines, distances, indices = self._levels[level]
        new = rows[lines[rows] < 0]
        if not len(new):
            return
        found = self._longer(new, width)
        lines[new] = len(distances) + np.arange(len(new))
        self._levels[level] = (
            lines,
            np.concatenate([distances, found[0]]),
            np.concatenate([indices, found[1]]),
        )

    def _longer(self, rows: Positions, k: int) -> Nearest:
        """The first k of all columns for some rows; a point is not its own neighbour."""
        if self._columns is not None:
            return self._sweep(self._rows.array[rows], self._columns, k)
        # One more, and the point itself taken out; where so many others lie on it that it is not in the
        # list, the last.
        distances, indices = self._sweep(self._rows.array[rows], self._rows, k + 1)
        own = indices == rows[:, None]
        own[~own.any(axis=1), -1] = True
        return distances[~own].reshape(-1, k), indices[~own].reshape(-1, k)

    def _swept(self, at: Positions | None, among: Positions | None, k: int) -> Nearest:
        """By a sweep of the part. Within one set the part is both, or the columns are none of the rows."""
        rows = self._rows.array if at is None else self._rows.array[at]
        if self._columns is None and at is among:
            return self._sweep(rows, None, k)
        columns = self._rows if self._columns is None else self._columns
        return self._sweep(rows, columns if among is None else _some(columns, among, self._n_jobs), k)

    def _sweep(self, rows: NDArray[Any], columns: _core.Points | None, k: int) -> Nearest:
        points = _core.Points(np.ascontiguousarray(rows), f"part of {self._rows.name}", n_jobs=self._n_jobs)
        (answer,), done = _core.sweep(points, columns, [("nearest", "rows", k)], n_jobs=self._n_jobs)
        name = f"within {points.name}" if columns is None else f"across {points.name} and {columns.name}"
        self._work.add(f"{name}: nearest {k}", done)
        distances, indices = answer
        return distances, indices


def _some(points: _core.Points, at: Positions, n_jobs: int | None) -> _core.Points:
    return _core.Points(points.array[at], f"part of {points.name}", n_jobs=n_jobs)


class Halves:
    """Two sets and their lists, from which `Found` of parts are made.

    `within=True`: both are the same set, and parts take disjoint positions of it for the two.
    """

    def __init__(
        self,
        real: _core.Points,
        fake: _core.Points,
        found: Found,
        work: Work,
        n_jobs: int | None,
        report: Report | None = None,
        *,
        within: bool = False,
    ) -> None:
        self._real, self._fake, self._found, self._report = real, fake, found, report
        self._work, self._n_jobs, self._within = work, n_jobs, within
        self._own_real = Lists(real, None, (found.real_list, found.real_neighbors), work, n_jobs)
        if within:
            self._own_fake = self._to_real = self._to_fake = self._own_real
        else:
            self._own_fake = Lists(fake, None, (found.fake_list, found.fake_neighbors), work, n_jobs)
            to_real = (found.fake_to_real_list, found.fake_to_real_neighbors)
            self._to_real = Lists(fake, real, to_real, work, n_jobs)
            to_fake = (found.real_to_fake_list, found.real_to_fake_neighbors)
            self._to_fake = Lists(real, fake, to_fake, work, n_jobs)

    def found(self, needs: Needs, parts: Sequence[Part]) -> list[Found]:
        """For each part what the sweeps would find on it. Needs of clusters, products, realism and holdout
        sets cannot be met.
        """
        own_real, own_fake, to_real, to_fake = neighbours_asked(needs)
        founds = [
            Found(
                n=self._real.shape[0] if part.real is None else len(part.real),
                m=self._fake.shape[0] if part.fake is None else len(part.fake),
                d=self._real.shape[1],
                entropy_terms=entropy_terms,
            )
            for part in parts
        ]
        reals, fakes = [part.real for part in parts], [part.fake for part in parts]
        # Which lists, of which rows among which columns, how long; and what of them goes where.
        asked = (
            (self._own_real, reals, reals, own_real, "own_real", "real"),
            (self._own_fake, fakes, fakes, own_fake, "own_fake", "fake"),
            (self._to_real, fakes, reals, to_real, "fake_to_real", "fake_to_real"),
            (self._to_fake, reals, fakes, to_fake, "real_to_fake", "real_to_fake"),
        )
        for step, (lists, at, among, k, single, name) in enumerate(asked):
            nearest = self._nearest(lists, at, among, k) if k else []
            for found, (distances, indices) in zip(founds, nearest, strict=bool(k)):
                setattr(found, single, single_of(distances, getattr(needs, single)))
                setattr(found, f"{name}_list", first_of(distances, getattr(needs, f"{name}_list")))
                setattr(found, f"{name}_neighbors", first_of(indices, getattr(needs, f"{name}_neighbors")))
                if needs.repeats and at is among:
                    setattr(found, f"{name}_repeats", repeats_of(distances, indices))
            self._say(step + 1)
        self._balls(needs, parts, founds)
        self._say(STEPS - 1)
        if needs.moments:
            self._moments(parts, founds)
        self._say(STEPS)
        return founds

    def _say(self, step: int) -> None:
        if self._report is not None:
            self._report(step, STEPS)

    def _nearest(
        self, lists: Lists, at: Sequence[Positions | None], among: Sequence[Positions | None], k: int
    ) -> list[Nearest]:
        """One answer an entry; equal entries (the same object twice) share theirs."""
        pairs = list(zip(at, among, strict=True))
        first = {(id(a), id(b)): (a, b) for a, b in pairs}
        answers = dict(zip(first, lists.nearest(list(first.values()), k), strict=True))
        return [answers[id(a), id(b)] for a, b in pairs]

    def _balls(self, needs: Needs, parts: Sequence[Part], founds: Sequence[Found]) -> None:
        """Everything about balls whose radii come from the part."""
        counted: Question = "covered_by"
        around_reals = self._wishes("fakes_counted", counted, needs.fakes_counted, parts, founds)
        covered = needs.fakes_covered - needs.fakes_counted
        around_reals += self._wishes("fakes_covered", "covered", covered, parts, founds)
        around_reals += self._wishes("least_radius", "least_radius", needs.least_radius, parts, founds)
        around_fakes = self._wishes("reals_counted", counted, needs.reals_counted, parts, founds)
        covered = needs.reals_covered - needs.reals_counted
        around_fakes += self._wishes("reals_covered", "covered", covered, parts, founds)
        answer(self._real, self._fake, self._to_fake.known, around_reals, self._work, self._n_jobs)
        answer(self._fake, self._real, self._to_real.known, around_fakes, self._work, self._n_jobs)
        for found in founds:
            for balls in needs.fakes_covered & needs.fakes_counted:
                found.fakes_covered[balls] = found.fakes_counted[balls] > 0
            for balls in needs.reals_covered & needs.reals_counted:
                found.reals_covered[balls] = found.reals_counted[balls] > 0

    def _wishes(
        self,
        kind: str,
        question: Question,
        wanted: frozenset[Balls],
        parts: Sequence[Part],
        founds: Sequence[Found],
    ) -> list[Wish]:
        """The questions whose answers go to the place `kind` of each `Found`."""
        wishes = []
        for balls in sorted(wanted):
            known = getattr(self._found, kind).get(balls)
            for part, found in zip(parts, founds, strict=True):
                into: dict[Balls, NDArray[Any]] = getattr(found, kind)
                if kind.startswith("reals"):
                    centres, points, own = part.fake, part.real, found.own_fake
                else:
                    centres, points, own = part.real, part.fake, found.own_real
                if centres is None and known is not None:
                    # The balls of the whole set are known, and so is what they hold.
                    into[balls] = known if points is None else known[points]
                    continue
                wishes.append(
                    Wish(question, centres, radii_of(own, balls), balls.closed, _keep(into, balls, points))
                )
        return wishes

    def _moments(self, parts: Sequence[Part], founds: Sequence[Found]) -> None:
        known: dict[tuple[int, int], Moments] = {}

        def of(points: _core.Points, at: Positions | None) -> Moments:
            key = (id(points), id(at))
            if key not in known:
                some = points if at is None else _some(points, at, self._n_jobs)
                known[key] = moments(some, self._n_jobs, shared=True)
            return known[key]

        for part, found in zip(parts, founds, strict=True):
            found.moments = (of(self._real, part.real), of(self._fake, part.fake))


def _keep(
    into: dict[Balls, NDArray[Any]], balls: Balls, at: Positions | None
) -> Callable[[NDArray[Any]], None]:
    """Puts an answer about all points where it belongs, those of the part only."""
    return lambda answer: into.__setitem__(balls, answer if at is None else answer[at])
