"""From what families need to what was found: at most one sweep within each set and one across, whatever the
list.

Two stages. First the sweeps within the real and within the fake set, which give the radii of own neighbours;
then one sweep across with every question fused: neighbours both ways and the balls whose radii the first
stage found. A stage nobody needs does not run. From the lists of neighbours only the columns somebody asked
for are kept, and the lists are freed before the next sweep starts, so that memory stays O((n + m) k) with
the k of one sweep at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._progress import Report, stages
from .metrics import Anchored, Balls, Found, Moments, Needs, Undefined, mean


@dataclass
class Work:
    """What the machine did: one line a sweep, and the counts of all of them."""

    sweeps: list[str] = field(default_factory=list)
    pairs: int = 0
    settled: int = 0
    narrowed: int = 0
    climbed: int = 0
    machine: dict[str, Any] = field(default_factory=dict)

    def add(self, what: str, report: Mapping[str, Any]) -> None:
        self.sweeps.append(what)
        self.pairs += report["pairs"]
        self.settled += report["settled"]
        self.narrowed += report["narrowed"]
        self.climbed += report["climbed"]
        self.machine |= {name: report[name] for name in ("kernel", "code", "threads")}

    def __add__(self, other: Work) -> Work:
        return Work(
            self.sweeps + other.sweeps,
            self.pairs + other.pairs,
            self.settled + other.settled,
            self.narrowed + other.narrowed,
            self.climbed + other.climbed,
            self.machine | other.machine,
        )

    def settings(self) -> dict[str, Any]:
        done: dict[str, Any] = {"sweeps": list(self.sweeps)}
        if not self.sweeps:
            return done
        counts = {
            "pairs": self.pairs,
            "settled": self.settled,
            "narrowed": self.narrowed,
            "climbed": self.climbed,
        }
        return {**done, **self.machine, **counts}


@dataclass
class Within:
    """What the sweep within one set found."""

    radii: dict[int, NDArray[np.float64]] = field(default_factory=dict)
    first: NDArray[np.float64] | None = None  # (n, k), all distances up to k
    neighbors: NDArray[np.int64] | None = None  # (n, k)
    repeats: NDArray[np.bool_] | None = None
    anchors: Anchors | None = None  # of a real set
    to_anchors: tuple[NDArray[np.float64], NDArray[np.int64]] | None = None  # k-th distance, nearest; (n,)
    work: Work = field(default_factory=Work)


@dataclass(frozen=True)
class Anchors:
    """Half of a set, drawn by a seed, and how many of them each point asks for."""

    mask: NDArray[np.bool_]
    k: int

    @staticmethod
    def draw(n: int, seed: int, k: int) -> Anchors:
        mask = np.zeros(n, dtype=np.bool_)
        mask[np.random.default_rng([seed, 0]).permutation(n)[: n // 2]] = True
        return Anchors(mask, k)

    def question(self, side: str) -> tuple[Any, ...]:
        return ("nearest", side, self.k, self.mask)

    def kept(self, answer: Any) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """The distance to the k-th, and the nearest."""
        return answer[0][:, self.k - 1].copy(), answer[1][:, 0].copy()


@dataclass(frozen=True)
class Wish:
    """What is asked of the sweep within one set."""

    radii: frozenset[int] = frozenset()
    first: int = 0
    neighbors: int = 0
    repeats: bool = False

    def nearest_k(self, points: _core.Points) -> int:
        """How many own neighbours must be found; 0 when no sweep is needed."""
        # A set of one point has no neighbours, and nothing in it repeats.
        return max(
            [self.first, self.neighbors, *self.radii, 1 if self.repeats and points.shape[0] > 1 else 0]
        )


def of_reals(needs: Needs) -> Wish:
    """What the sweep within the reals has to find."""
    return Wish(needs.own_real, needs.real_list, needs.real_neighbors, needs.repeats)


def of_fakes(needs: Needs) -> Wish:
    """What the sweep within the fakes has to find."""
    return Wish(needs.own_fake, needs.fake_list, needs.fake_neighbors, needs.repeats)


def within(
    points: _core.Points,
    wish: Wish,
    n_jobs: int | None,
    report: Report | None,
    anchors: Anchors | None = None,
) -> Within:
    """One sweep within `points`."""
    k = wish.nearest_k(points)
    found = Within(
        repeats=np.zeros(points.shape[0], dtype=np.bool_) if wish.repeats else None, anchors=anchors
    )
    if k == 0:
        return found
    questions: list[Any] = [("nearest", "rows", k)]
    text = f"within {points.name}: nearest {k}"
    if anchors is not None:
        questions.append(anchors.question("rows"))
        text += f"; nearest {anchors.k} in one half"
    answers, done = _core.sweep(points, None, questions, n_jobs=n_jobs, progress=report)
    found.work.add(text, done)
    if anchors is not None:
        found.to_anchors = anchors.kept(answers.pop())
    distances, indices = answers.pop()
    if wish.repeats:
        found.repeats = repeats_of(distances, indices)
    found.radii = single_of(distances, wish.radii)
    found.first = first_of(distances, wish.first)
    found.neighbors = first_of(indices, wish.neighbors)
    return found


def repeats_of(distances: NDArray[np.float64], indices: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which points repeat an earlier one of their own set. Ordered by (distance, index): if an earlier row is
    equal, the first neighbour is the earliest of them.
    """
    found: NDArray[np.bool_] = (distances[:, 0] == 0) & (indices[:, 0] < np.arange(len(indices)))
    return found


def single_of(distances: NDArray[np.float64], wanted: frozenset[int]) -> dict[int, NDArray[np.float64]]:
    """The distances to single neighbours."""
    return {k: np.ascontiguousarray(distances[:, k - 1]) for k in sorted(wanted)}


def first_of(array: NDArray[Any], k: int) -> NDArray[Any] | None:
    """The first k columns, without the memory of the others."""
    if k == 0:
        return None
    return array if array.shape[1] == k else np.ascontiguousarray(array[:, :k])


def across(
    real: _core.Points,
    fake: _core.Points,
    needs: Needs,
    own: tuple[Within, Within],
    n_jobs: int | None,
    report: Report | None,
    more: Sequence[tuple[tuple[Any, ...], str, Callable[[Any], None]]] = (),
) -> tuple[Found, Work]:
    """One sweep across both sets with every question, and all that is found by now. `more` are further
    questions in the words of `_core.sweep`, each with its name and who takes the answer.
    """
    found = Found(
        n=real.shape[0],
        m=fake.shape[0],
        d=real.shape[1],
        entropy_terms=entropy_terms,
        own_real=own[0].radii,
        own_fake=own[1].radii,
        real_list=own[0].first,
        fake_list=own[1].first,
        real_neighbors=own[0].neighbors,
        fake_neighbors=own[1].neighbors,
        real_repeats=own[0].repeats,
        fake_repeats=own[1].repeats,
    )
    # Each question with the place its answer goes to; rows are the reals, columns the fakes.
    questions: list[Any] = []
    takers: list[Any] = []
    texts: list[str] = []

    def ask(question: tuple[Any, ...], text: str, taker: Callable[[Any], None]) -> None:
        questions.append(question)
        texts.append(text)
        takers.append(taker)

    def keep(into: dict[Any, Any], key: Any) -> Callable[[Any], None]:
        return lambda answer: into.__setitem__(key, answer)

    def take_fake_to_real(answer: Any) -> None:
        found.fake_to_real = single_of(answer[0], needs.fake_to_real)
        found.fake_to_real_list = first_of(answer[0], needs.fake_to_real_list)
        found.fake_to_real_neighbors = first_of(answer[1], needs.fake_to_real_neighbors)

    def take_real_to_fake(answer: Any) -> None:
        found.real_to_fake = single_of(answer[0], needs.real_to_fake)
        found.real_to_fake_list = first_of(answer[0], needs.real_to_fake_list)
        found.real_to_fake_neighbors = first_of(answer[1], needs.real_to_fake_neighbors)

    def take_anchored(answer: Any) -> None:
        of_reals = own[0].to_anchors
        assert anchors is not None
        assert of_reals is not None
        found.anchored = Anchored(anchors.mask, of_reals, anchors.kept(answer))

    if k := max([0, *needs.fake_to_real, needs.fake_to_real_list, needs.fake_to_real_neighbors]):
        ask(("nearest", "columns", k), f"nearest {k} reals of each fake", take_fake_to_real)
    if k := max([0, *needs.real_to_fake, needs.real_to_fake_list, needs.real_to_fake_neighbors]):
        ask(("nearest", "rows", k), f"nearest {k} fakes of each real", take_real_to_fake)
    for balls in sorted(needs.fakes_counted):
        question = ("covered_by", "rows", radii_of(found.own_real, balls), balls.closed)
        ask(question, f"real balls around each fake, {_name(balls)}", keep(found.fakes_counted, balls))
    for balls in sorted(needs.reals_counted):
        question = ("covered_by", "columns", radii_of(found.own_fake, balls), balls.closed)
        ask(question, f"fake balls around each real, {_name(balls)}", keep(found.reals_counted, balls))
    for balls in sorted(needs.fakes_covered - needs.fakes_counted):
        question = ("covered", "rows", radii_of(found.own_real, balls), balls.closed)
        ask(question, f"fakes in real balls, {_name(balls)}", keep(found.fakes_covered, balls))
    for balls in sorted(needs.reals_covered - needs.reals_counted):
        question = ("covered", "columns", radii_of(found.own_fake, balls), balls.closed)
        ask(question, f"reals in fake balls, {_name(balls)}", keep(found.reals_covered, balls))
    for k in sorted(needs.realism):
        radii = found.own_real[k]
        # Only balls that are not larger than the median count; radius 0 never does.
        pruned = np.where(radii <= np.median(radii), radii, 0.0)
        ask(("best_ratio", "rows", pruned), f"realism, k {k}", keep(found.realism, k))
    for balls in sorted(needs.least_radius):
        question = ("least_radius", "rows", radii_of(found.own_real, balls), balls.closed)
        ask(question, f"least real ball around each fake, {_name(balls)}", keep(found.least_radius, balls))
    for wishes, own_radii, owner, into, text in (
        (needs.fake_products, found.own_real, "columns", found.fake_products, "reals to each fake"),
        (needs.real_products, found.own_fake, "rows", found.real_products, "fakes to each real"),
    ):
        for k, scale in sorted(wishes):
            reach = scale * mean(own_radii[k])
            ask(("product", owner, reach), f"product over {text}, k {k}", keep(into, (k, scale)))
    anchors = own[0].anchors if needs.anchors else None
    if anchors is not None:
        text = f"nearest {anchors.k} of each fake in one half of the reals"
        ask(anchors.question("columns"), text, take_anchored)
    for question, text, taker in more:
        ask(question, text, taker)

    work = Work()
    if questions:
        answers, done = _core.sweep(real, fake, questions, n_jobs=n_jobs, progress=report)
        work.add(f"across {real.name} and {fake.name}: {'; '.join(texts)}", done)
        for taker in takers:
            taker(answers.pop(0))
    for balls in needs.fakes_covered & needs.fakes_counted:
        found.fakes_covered[balls] = found.fakes_counted[balls] > 0
    for balls in needs.reals_covered & needs.reals_counted:
        found.reals_covered[balls] = found.reals_counted[balls] > 0
    return found, work


def radii_of(own: Mapping[int, NDArray[np.float64]], balls: Balls) -> NDArray[np.float64]:
    radii = own[balls.nearest_k]
    return np.minimum(radii, np.median(radii)) if balls.clipped else radii


def _name(balls: Balls) -> str:
    return f"k {balls.nearest_k}" + (", clipped" if balls.clipped else "")


def asks_across(needs: Needs) -> bool:
    """Whether a sweep across both sets is needed."""
    return bool(
        needs.fake_to_real
        or needs.real_to_fake
        or needs.fake_to_real_list
        or needs.real_to_fake_list
        or needs.fake_to_real_neighbors
        or needs.real_to_fake_neighbors
        or needs.fakes_counted
        or needs.reals_counted
        or needs.fakes_covered
        or needs.reals_covered
        or needs.realism
        or needs.least_radius
        or needs.fake_products
        or needs.real_products
    )


def against_holdout(
    found: Found,
    work: Work,
    sets: tuple[_core.Points, _core.Points, _core.Points],
    k: int,
    n_jobs: int | None,
    report: Report | None,
) -> None:
    """The nearest k reals of each holdout point, and the nearest k holdout points of each fake."""
    real, fake, holdout = sets
    found.h = holdout.shape[0]
    halves = stages(report, [real.shape[0], fake.shape[0]])
    question: list[Any] = [("nearest", "rows", k)]
    (found.holdout_to_real,), done = _core.sweep(holdout, real, question, n_jobs=n_jobs, progress=halves[0])
    work.add(f"across {holdout.name} and {real.name}: nearest {k} reals of each holdout point", done)
    (found.fake_to_holdout,), done = _core.sweep(fake, holdout, question, n_jobs=n_jobs, progress=halves[1])
    work.add(f"across {fake.name} and {holdout.name}: nearest {k} holdout points of each fake", done)


class More:
    """The further sweeps of one pair of sets (`metrics.Further`); each is counted in `work`."""

    def __init__(
        self,
        real: _core.Points,
        fake: _core.Points,
        holdout: _core.Points | None,
        work: Work,
        n_jobs: int | None,
        report: Report | None,
    ) -> None:
        self.real: NDArray[Any] = real.array
        self.fake: NDArray[Any] = fake.array
        self.holdout: NDArray[Any] | None = None if holdout is None else holdout.array
        self.threads = _core.threads(n_jobs)
        self._known = [points for points in (real, fake, holdout) if points is not None]
        self._work, self._n_jobs, self._report = work, n_jobs, report

    def knn(
        self, queries: NDArray[Any], points: NDArray[Any] | None, nearest_k: int
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        distances, indices = self._ask(
            queries, points, ("nearest", "rows", nearest_k), f"nearest {nearest_k}"
        )
        return distances, indices

    def knn_each(
        self, sets: Sequence[NDArray[Any]], nearest_k: Sequence[int]
    ) -> list[tuple[NDArray[np.float64], NDArray[np.int64]]]:
        points = [self._points(array) for array in sets]
        found = _core.nearest_within_each(points, nearest_k, n_jobs=self._n_jobs)
        for (_, done), some, k in zip(found, points, nearest_k, strict=True):
            self._work.add(f"within {some.name}: nearest {k}", done)
        return [lists for lists, _ in found]

    def count_within(
        self,
        centers: NDArray[Any],
        radii: NDArray[np.float64],
        points: NDArray[Any] | None,
        *,
        closed: bool = True,
    ) -> NDArray[np.int64]:
        found: NDArray[np.int64] = self._ask(
            centers, points, ("count_within", "rows", radii, closed), "points in each ball"
        )
        return found

    def covered_by(
        self,
        points: NDArray[Any],
        centers: NDArray[Any] | None,
        radii: NDArray[np.float64],
        *,
        closed: bool = True,
    ) -> NDArray[np.int64]:
        rows, columns = (points, None) if centers is None else (centers, points)
        found: NDArray[np.int64] = self._ask(
            rows, columns, ("covered_by", "rows", radii, closed), "balls around each point"
        )
        return found

    def kmeans(
        self, sets: Sequence[NDArray[Any]], *, num_clusters: int, num_runs: int = 1, seed: int = 0
    ) -> tuple[list[NDArray[np.int32]], NDArray[np.float64]]:
        return _core.kmeans(
            [self._points(points) for points in sets],
            num_clusters=num_clusters,
            num_runs=num_runs,
            seed=seed,
            n_jobs=self._n_jobs,
            progress=self._report,
        )

    def marked_spreads(
        self,
        values: NDArray[np.float64],
        neighbors: NDArray[np.int64],
        marks: NDArray[np.bool_],
        starts: Sequence[int],
        nearest_k: int,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return _core.marked_spreads(values, neighbors, marks, starts, nearest_k, n_jobs=self._n_jobs)

    def moments(self, points: NDArray[Any]) -> Moments:
        return moments(self._points(points), self._n_jobs)

    def _ask(self, rows: NDArray[Any], columns: NDArray[Any] | None, question: Any, text: str) -> Any:
        first = self._points(rows)
        second = None if columns is None else self._points(columns)
        (answer,), done = _core.sweep(first, second, [question], n_jobs=self._n_jobs, progress=self._report)
        names = f"within {first.name}" if second is None else f"across {first.name} and {second.name}"
        self._work.add(f"{names}: {text}", done)
        return answer

    def _points(self, array: NDArray[Any]) -> _core.Points:
        """The checked points of an array; those of the call are known already."""
        for points in self._known:
            if points.array is array:
                return points
        return _core.Points(np.ascontiguousarray(array), "part of the features", n_jobs=self._n_jobs)


def moments(points: _core.Points, n_jobs: int | None, *, shared: bool = False) -> Moments:
    """One pass over the points; the correlations in the same pass where there are more points than columns.
    They are handed out once, without a copy, unless `shared`; who asks again gets another pass.
    """
    n, d = points.shape
    base, centre, spread, found = _core.moments(points, correlations=n > d, n_jobs=n_jobs)
    kept = [] if found is None else [found]

    def correlations() -> NDArray[np.float64]:
        if kept:
            return kept[0].copy() if shared else kept.pop()
        again = _core.moments(points, correlations=True, n_jobs=n_jobs)[3]
        assert again is not None
        return again

    def probe(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        return _core.probe(points, base, centre, spread, np.ascontiguousarray(vectors), n_jobs=n_jobs)

    return Moments(points.array, base, centre, spread, correlations, probe)


def entropy_terms(distances: NDArray[np.float64], **how: Any) -> tuple[NDArray[np.float64], float, int]:
    try:
        return _core.entropy_terms(distances, **how)
    except ValueError as error:
        raise Undefined(str(error)) from error
