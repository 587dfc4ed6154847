"""M3: whether the fakes of a mode lie closer together than its reals.

Radii shrink with the number of points, so each mode is looked at with equally many of both sets; the larger
set, and more than `MOST` of either, are cut by a seeded draw. With s_k and r_k the distances to the k-th
neighbour within the own set and mode, t = mean ln s_k - mean ln r_k; exp(t) says how many times as far apart
fakes lie. If both laws are one within the mode, marks "real" and "fake" may be exchanged among its points: t,
divided by its standard error, is compared with its values under permuted marks, and radii are found anew for
each permutation, since they depend on the marks. Modes are tested together: the adjusted p-value compares
with the largest |T| over all modes (Westfall and Young 1993). Modes of one size share their permutations:
exchanging the same places in all of them leaves the joint law as it is.

A mode is *shrunk* when this p-value is at most the level and D t lies below -ln 2 with its upper limit: fakes
then fill less than half of the volume, D being the intrinsic dimension of the reals of that mode. Limits are
t -/+ z standard errors, widened as the permutations show, z the normal quantile of one less the level. Where
few points of one set are held against more of the other, what is shown is the mean over many draws from the
larger set: all of its points then count, and the limits are narrower.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..metrics import Further
from .options import Options
from .statistics import normal_quantile

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]
Points = NDArray[Any]

FEWEST = 4  # times nearest_k: fewer points of either set in a mode say nothing
MOST = (
    224  # points of either set in a mode, together one block of a sweep; more add cost and hardly a verdict
)
DRAWS = 16  # from the larger set, of which at most twice as many points are looked at
PERMUTATIONS = 199
SHRUNK = -math.log(2)  # of the logarithm of the volume
TOGETHER, AT_ONCE = 8, 1024  # modes, and permutations, at a time: memory is bounded by them
CLOSE = 1e-12  # two roundings of one statistic


@dataclass(frozen=True)
class Spread:
    """One mode: exp(t), its limits, D, and what they say; NaN where there are too few points."""

    points: int  # of either set
    ratio: float
    low: float
    high: float
    dimension: float
    p_value: float
    adjusted: float
    verdict: str


@dataclass(frozen=True)
class _Mode:
    """The points of a mode, reals first, and their neighbours among all of them."""

    half: int
    logs: Floats  # (2 half, length) of the distances
    neighbours: Integers
    means: tuple[float, float]  # of ln r_k and ln s_k
    variances: tuple[float, float]  # of these means
    dimension: float
    floor: float  # smallest positive distance
    zeros: bool  # whether there is a smaller one
    larger: tuple[int, float, float] | None = None  # (which, mean, variance) of many draws from a larger set

    @property
    def drawn(self) -> tuple[float, float]:
        """t and its error."""
        return self.means[1] - self.means[0], math.sqrt(sum(self.variances))

    @property
    def shown(self) -> tuple[float, float]:
        """The same with all that is known of the larger set."""
        if self.larger is None:
            return self.drawn
        which, mean, variance = self.larger
        other = 1 - which
        t = mean - self.means[other] if which else self.means[other] - mean
        return t, math.sqrt(variance + self.variances[other])


def _studentised(t: Floats, error: Floats) -> Floats:
    """t / error; without an error infinite, but for a t of 0."""
    far = np.where(t == 0, 0.0, np.copysign(np.inf, t))
    return np.asarray(np.divide(t, error, out=far, where=error > 0))


def at_most(nearest_k: int) -> int:
    """How many points of either set are looked at in a mode."""
    return max(MOST, FEWEST * nearest_k)


def judge(
    more: Further, reals: list[Integers], fakes: list[Integers], options: Options
) -> tuple[list[Spread], bool]:
    """For each mode the rows of its counted reals and of its fakes; and whether a distance was zero."""
    rng = np.random.default_rng([options.seed, 1])
    k = options.nearest_k
    fewest = max(FEWEST * k, k + 1)
    most = at_most(k)
    points = [min(len(real), len(fake), most) for real, fake in zip(reals, fakes, strict=True)]
    usable = [half >= fewest for half in points]
    every = zip(reals, fakes, points, usable, strict=True)
    sets = [(real, fake, half) for real, fake, half, use in every if use]
    measured: list[_Mode | None] = []
    for first in range(0, len(sets), TOGETHER):
        some = sets[first : first + TOGETHER]
        chosen = [(_drawn(real, half, rng), _drawn(fake, half, rng)) for real, fake, half in some]
        modes = _measured(more, [(more.real[real], more.fake[fake]) for real, fake in chosen], k)
        measured += _refined(more, modes, some, k, rng)
    zeros = any(mode is None or mode.zeros for mode in measured)
    known = [mode for mode in measured if mode is not None]
    permutations = max(PERMUTATIONS, math.ceil(10 / options.level) - 1)
    verdicts = iter(_verdicts(known, _permuted(more, known, k, permutations, rng), options.level))
    nan = math.nan
    found = []
    of_usable = iter(measured)
    for real, fake, use in zip(reals, fakes, usable, strict=True):
        if use and next(of_usable) is not None:
            found.append(next(verdicts))
        else:
            few = min(len(real), len(fake))
            found.append(Spread(few, nan, nan, nan, nan, nan, nan, "undecided"))
    return found, zeros


def _drawn(rows: Integers, count: int, rng: np.random.Generator) -> Integers:
    """So many of the rows, ascending."""
    return rows if len(rows) <= count else np.sort(rng.choice(rows, count, replace=False))


def _refined(
    more: Further,
    modes: list[_Mode | None],
    sets: list[tuple[Integers, Integers, int]],
    k: int,
    rng: np.random.Generator,
) -> list[_Mode | None]:
    """The modes, with many draws from the larger set where the other has few points."""
    larger = []
    for place, (mode, (real, fake, half)) in enumerate(zip(modes, sets, strict=True)):
        if mode is not None and half < at_most(k) and len(real) != len(fake):
            which = int(len(fake) > len(real))
            points = (more.real, more.fake)[which][_drawn((real, fake)[which], 2 * at_most(k), rng)]
            larger.append((place, mode, which, points))
    # As in `_measured`, for marks that fewer of the points have.
    lengths = [_length(len(points), k * len(points) // mode.half) for _, mode, _, points in larger]
    lists = more.knn_each([points for *_, points in larger], lengths)
    found = list(modes)
    for (place, mode, which, points), (distances, neighbours) in zip(larger, lists, strict=True):
        half, count = mode.half, len(points)
        marks = rng.permuted(np.tile(np.arange(count) < half, (DRAWS, 1)), axis=1)
        logs = np.log(np.maximum(distances, mode.floor))
        means, variances = more.marked_spreads(logs, neighbours, marks, [0], k)
        # The mean over all draws would vary as one of all points, that over some of them a little more.
        variance = float(variances[..., 1].mean()) * (1 / count + (1 / half - 1 / count) / DRAWS)
        found[place] = replace(mode, larger=(which, float(means[..., 1].mean()), variance))
    return found


def _length(points: int, k: int) -> int:
    """How many neighbours of each point are looked up. Among random marks half of them have that of the
    point, and in one case of some thousand fewer than k: the last then stands for the k-th. The marks as
    they are leave more points short where the sets lie apart: T is then nearer to 0 than t over its error.
    """
    return min(points - 1, 3 * k + 10)


def _measured(more: Further, sets: list[tuple[Points, Points]], k: int) -> list[_Mode | None]:
    """What is known of some modes, of equally many reals and fakes; None where all distances are zero."""
    lengths = [_length(2 * len(real), k) for real, _ in sets]
    lists = more.knn_each([np.concatenate(both) for both in sets], lengths)
    # Of its neighbours in both sets those that are of a point's own; where too few are, a sweep finds them.
    least = max(k, 2)
    own: list[Floats] = []
    short = []
    for both, (distances, neighbours) in zip(sets, lists, strict=True):
        half = len(both[0])
        of_reals = neighbours < half
        parts = (slice(half), of_reals), (slice(half, None), ~of_reals)
        for points, (rows, same) in zip(both, parts, strict=True):
            first = np.argsort(~same[rows], axis=1, kind="stable")[:, :least]
            if same[rows].sum(axis=1).min() < least:
                short.append((len(own), points))
            own.append(np.take_along_axis(distances[rows], first, axis=1))
    swept = more.knn_each([points for _, points in short], [least] * len(short))
    for (place, _), (distances, _) in zip(short, swept, strict=True):
        own[place] = distances
    each = zip(lists, own[::2], own[1::2], strict=True)
    return [_mode(*found, of_reals, of_fakes, k) for found, of_reals, of_fakes in each]


def _mode(distances: Floats, neighbours: Integers, real: Floats, fake: Floats, k: int) -> _Mode | None:
    """From distances and neighbours of the reals, then the fakes, among them all; and those of the reals, and
    of the fakes, among themselves.
    """
    half = len(real)
    every = (distances, real, fake)
    positive = [array[array > 0] for array in every]
    if not any(map(len, positive)):
        return None
    zeros = any(len(some) < array.size for some, array in zip(positive, every, strict=True))
    # A logarithm needs a distance: repeats count as near as the nearest pair that is none.
    floor = min(float(some.min()) for some in positive if len(some))
    logs = np.log(np.maximum(distances, floor))
    r, s = (np.log(np.maximum(array[:, k - 1], floor)) for array in (real, fake))
    means = float(r.mean()), float(s.mean())
    variances = float(r.var(ddof=1)) / half, float(s.var(ddof=1)) / half
    return _Mode(half, logs, neighbours, means, variances, _dimension(real), floor, zeros)


def _dimension(neighbours: Floats) -> float:
    """Levina and Bickel's, averaged as MacKay and Ghahramani correct it; NaN where there is no scale."""
    earlier = neighbours[:, :-1]
    usable = earlier > 0
    logs = np.log(np.divide(neighbours[:, -1:], earlier, out=np.ones_like(earlier), where=usable)[usable])
    total = float(logs.sum())
    return len(logs) / total if total > 0 else math.nan


def _permuted(
    more: Further, modes: list[_Mode], k: int, permutations: int, rng: np.random.Generator
) -> Floats:
    """(1 + permutations, modes): T of the modes as they are, then under marks permuted within each. All modes
    stand in one array, so that a permutation costs the same however the points are cut into modes.
    """
    if not modes:
        return np.empty((1 + permutations, 0))
    halves = [mode.half for mode in modes]
    starts = np.concatenate([[0], np.cumsum(2 * np.array(halves))[:-1]]).tolist()
    length = max(mode.logs.shape[1] for mode in modes)
    count = 2 * sum(halves)
    logs = np.empty((count, length))
    neighbours = np.empty((count, length), dtype=np.int64)
    for mode, start in zip(modes, starts, strict=True):
        rows = slice(start, start + 2 * mode.half)
        # Shorter lists are whole: what stands behind them is never reached.
        width = mode.logs.shape[1]
        logs[rows, :width], neighbours[rows, :width] = mode.logs, mode.neighbours + start
        logs[rows, width:], neighbours[rows, width:] = mode.logs[:, -1:], start
    plain = {half: np.repeat([False, True], half) for half in halves}
    statistics = []
    for first in range(0, 1 + permutations, AT_ONCE):
        rounds = min(AT_ONCE, 1 + permutations - first)
        of_half = {half: rng.permuted(np.tile(mark, (rounds, 1)), axis=1) for half, mark in plain.items()}
        if first == 0:
            for half, mark in plain.items():
                of_half[half][0] = mark
        marks = np.concatenate([of_half[half] for half in halves], axis=1)
        means, variances = more.marked_spreads(logs, neighbours, marks, starts, k)
        errors = np.sqrt(variances.sum(axis=2) / halves)
        statistics.append(_studentised(means[..., 1] - means[..., 0], errors))
    return np.concatenate(statistics)


def _verdicts(modes: list[_Mode], statistics: Floats, level: float) -> list[Spread]:
    """`statistics`: T of the modes, then under permuted marks."""
    found = []
    seen, statistic = statistics[0], statistics[1:]
    largest = np.abs(statistic).max(axis=1, initial=0.0)
    total = len(statistics)
    for place, mode in enumerate(modes):
        size = abs(float(seen[place])) * (1 - CLOSE)
        p_value = (1 + int(np.count_nonzero(np.abs(statistic[:, place]) >= size))) / total
        adjusted = (1 + int(np.count_nonzero(largest >= size))) / total
        # Radii of near points share neighbours, so their mean varies more than that of independent values;
        # T under permuted marks shows how many times as much.
        finite = statistic[np.isfinite(statistic[:, place]), place]
        wider = float(finite.std(ddof=1)) if len(finite) > 1 else 1.0
        t, error = mode.shown
        reach = normal_quantile(1 - level) * error * max(1.0, wider)
        low, high = t - reach, t + reach
        verdict = "undecided"
        if adjusted <= level and mode.dimension * high < SHRUNK:
            verdict = "shrunk"
        elif mode.dimension * low > SHRUNK:
            verdict = "fine"
        found.append(
            Spread(
                points=mode.half,
                ratio=math.exp(t),
                low=math.exp(low),
                high=math.exp(high),
                dimension=mode.dimension,
                p_value=p_value,
                adjusted=adjusted,
                verdict=verdict,
            )
        )
    return found
