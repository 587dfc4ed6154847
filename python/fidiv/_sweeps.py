"""From what families need to what was found: at most one sweep within each set and one across, whatever the
list.

Two stages. First the sweeps within the real and within the fake set, which give the radii of own neighbours;
then one sweep across with every question fused: neighbours both ways and the balls whose radii the first
stage found. A stage nobody needs does not run. From the lists of neighbours only the columns somebody asked
for are kept, and the lists are freed before the next sweep starts, so that memory stays O((n + m) k) with
the k of one sweep at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._progress import Report
from .metrics import Found, Moments, Needs, Undefined


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
    repeats: NDArray[np.bool_] | None = None
    work: Work = field(default_factory=Work)


def asks_within(points: _core.Points, radii: frozenset[int], first: int, repeats: bool) -> int:
    """How many own neighbours must be found; 0 when no sweep is needed."""
    # A set of one point has no neighbours, and nothing in it repeats.
    return max([first, *radii, 1 if repeats and points.shape[0] > 1 else 0])


def within(
    points: _core.Points,
    radii: frozenset[int],
    first: int,
    repeats: bool,
    n_jobs: int | None,
    report: Report | None,
) -> Within:
    """One sweep within `points` for the radii at each k, the `first` distances, and which rows repeat
    earlier ones.
    """
    n = points.shape[0]
    k = asks_within(points, radii, first, repeats)
    found = Within(repeats=np.zeros(n, dtype=np.bool_) if repeats else None)
    if k == 0:
        return found
    answers, done = _core.sweep(points, None, [("nearest", "rows", k)], n_jobs=n_jobs, progress=report)
    found.work.add(f"within {points.name}: nearest {k}", done)
    distances, indices = answers.pop()
    if repeats:
        # Ordered by (distance, index): if an earlier row is equal, the first neighbour is the earliest of
        # them.
        found.repeats = (distances[:, 0] == 0) & (indices[:, 0] < np.arange(n))
    found.radii = {wanted: np.ascontiguousarray(distances[:, wanted - 1]) for wanted in sorted(radii)}
    if first:
        found.first = distances if first == k else np.ascontiguousarray(distances[:, :first])
    return found


def across(
    real: _core.Points,
    fake: _core.Points,
    needs: Needs,
    own: tuple[Within, Within],
    n_jobs: int | None,
    report: Report | None,
) -> tuple[Found, Work]:
    """One sweep across both sets with every question, and all that is found by now."""
    found = Found(
        n=real.shape[0],
        m=fake.shape[0],
        d=real.shape[1],
        entropy_terms=_entropy_terms,
        own_real=own[0].radii,
        own_fake=own[1].radii,
        real_list=own[0].first,
        real_repeats=own[0].repeats,
        fake_repeats=own[1].repeats,
    )
    # Each question with the place its answer goes to; rows are the reals, columns the fakes.
    questions: list[Any] = []
    takers: list[Any] = []
    texts: list[str] = []

    def ask(question: tuple[Any, ...], text: str, taker: Any) -> None:
        questions.append(question)
        texts.append(text)
        takers.append(taker)

    def take_fake_to_real(answer: Any) -> None:
        distances, indices = answer
        found.fake_to_real = {
            k: np.ascontiguousarray(distances[:, k - 1]) for k in sorted(needs.fake_to_real)
        }
        if needs.nearest_real:
            found.nearest_real = np.ascontiguousarray(indices[:, 0])

    def take_real_to_fake(answer: Any) -> None:
        found.real_to_fake = {
            k: np.ascontiguousarray(answer[0][:, k - 1]) for k in sorted(needs.real_to_fake)
        }

    if needs.fake_to_real or needs.nearest_real:
        k = max([1, *needs.fake_to_real])
        ask(("nearest", "columns", k), f"nearest {k} reals of each fake", take_fake_to_real)
    if needs.real_to_fake:
        k = max(needs.real_to_fake)
        ask(("nearest", "rows", k), f"nearest {k} fakes of each real", take_real_to_fake)
    for balls in sorted(needs.fakes_counted):
        radii = found.own_real[balls[0]]
        ask(
            ("covered_by", "rows", radii, balls[1]),
            f"real balls around each fake, k {balls[0]}",
            lambda answer, balls=balls: found.fakes_counted.__setitem__(balls, answer),
        )
    for balls in sorted(needs.fakes_covered - needs.fakes_counted):
        radii = found.own_real[balls[0]]
        ask(
            ("covered", "rows", radii, balls[1]),
            f"fakes in real balls, k {balls[0]}",
            lambda answer, balls=balls: found.fakes_covered.__setitem__(balls, answer),
        )
    for balls in sorted(needs.reals_covered):
        radii = found.own_fake[balls[0]]
        ask(
            ("covered", "columns", radii, balls[1]),
            f"reals in fake balls, k {balls[0]}",
            lambda answer, balls=balls: found.reals_covered.__setitem__(balls, answer),
        )
    for k in sorted(needs.realism):
        radii = found.own_real[k]
        # Only balls that are not larger than the median count; radius 0 never does.
        pruned = np.where(radii <= np.median(radii), radii, 0.0)
        ask(
            ("best_ratio", "rows", pruned),
            f"realism, k {k}",
            lambda answer, k=k: found.realism.__setitem__(k, answer),
        )

    work = Work()
    if questions:
        answers, done = _core.sweep(real, fake, questions, n_jobs=n_jobs, progress=report)
        work.add(f"across {real.name} and {fake.name}: {'; '.join(texts)}", done)
        for taker in takers:
            taker(answers.pop(0))
    for balls in needs.fakes_covered & needs.fakes_counted:
        found.fakes_covered[balls] = found.fakes_counted[balls] > 0
    return found, work


def asks_across(needs: Needs) -> bool:
    """Whether a sweep across both sets is needed."""
    return bool(
        needs.fake_to_real
        or needs.nearest_real
        or needs.real_to_fake
        or needs.fakes_counted
        or needs.fakes_covered
        or needs.reals_covered
        or needs.realism
    )


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


def _entropy_terms(distances: NDArray[np.float64], **how: Any) -> tuple[NDArray[np.float64], float, int]:
    try:
        return _core.entropy_terms(distances, **how)
    except ValueError as error:
        raise Undefined(str(error)) from error
