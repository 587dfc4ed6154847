"""M3: whether the fakes of a mode lie closer together than its reals.

Radii shrink with the number of points, so each mode is looked at with equally many of both sets; the larger
set, and more than `MOST` of either, are cut by a seeded draw. With s_k and r_k the distances to the k-th
neighbour within the own set and mode, t = mean ln s_k - mean ln r_k; exp(t) says how many times as far apart
fakes lie. If both laws are one within the mode, marks "real" and "fake" may be exchanged among its points: t,
divided by its standard error, is compared with its values under permuted marks, and radii are found anew for
each permutation, since they depend on the marks. Modes are tested together: the adjusted p-value compares
with the largest |T| over all modes (Westfall and Young 1993).

A mode is *shrunk* when this p-value is at most the level and D t lies below -ln 2 with its upper limit: fakes
then fill less than half of the volume, D being the intrinsic dimension of the reals of that mode. Limits are
t -/+ z standard errors, widened as the permutations show, z the normal quantile of one less the level.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..metrics import Further
from .options import Options
from .statistics import normal_quantile

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]

FEWEST = 4  # times nearest_k: fewer points of either set in a mode say nothing
MOST = 250  # points of either set in a mode; more would add cost and no verdict
PERMUTATIONS = 199
SHRUNK = -math.log(2)  # of the logarithm of the volume
WORD = 16  # neighbours that are looked up at once
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


@dataclass
class _Mode:
    """The points of a mode, reals first, and their neighbours among all of them."""

    half: int
    logs: Floats  # (2 half, length) of the distances
    neighbours: Integers
    t: float
    error: float
    dimension: float

    def statistic(self) -> float:
        return _studentised(self.t, self.error)


def _studentised(t: float, error: float) -> float:
    if error > 0:
        return t / error
    return 0.0 if t == 0 else math.copysign(math.inf, t)


def judge(
    more: Further, reals: list[Integers], fakes: list[Integers], options: Options
) -> tuple[list[Spread], bool]:
    """For each mode the rows of its counted reals and of its fakes; and whether a distance was zero."""
    rng = np.random.default_rng([options.seed, 1])
    modes: list[_Mode | None] = []
    zeros = False
    for real, fake in zip(reals, fakes, strict=True):
        half = min(len(real), len(fake), MOST)
        if half < max(FEWEST * options.nearest_k, options.nearest_k + 1):
            modes.append(None)
            continue
        chosen = [
            rows if len(rows) == half else np.sort(rng.choice(rows, half, replace=False))
            for rows in (real, fake)
        ]
        mode, zero = _mode(more, more.real[chosen[0]], more.fake[chosen[1]], options.nearest_k)
        zeros |= zero
        modes.append(mode)
    known = [mode for mode in modes if mode is not None]
    permutations = max(PERMUTATIONS, math.ceil(10 / options.level) - 1)
    marked = iter(_verdicts(known, _permuted(known, options.nearest_k, permutations, rng), options.level))
    few = [min(len(r), len(f)) for r, f in zip(reals, fakes, strict=True)]
    nan = math.nan
    found = [
        next(marked) if mode is not None else Spread(h, nan, nan, nan, nan, nan, nan, "undecided")
        for mode, h in zip(modes, few, strict=True)
    ]
    return found, zeros


def _mode(
    more: Further, real: NDArray[np.generic], fake: NDArray[np.generic], k: int
) -> tuple[_Mode | None, bool]:
    """What is known of a mode, None where all distances are zero; and whether any is."""
    half = len(real)
    # Among random marks half of the neighbours have that of the point: with so many of them the k-th of its
    # own mark is missed about once in 10^7 times, and the last of them then stands for it.
    length = min(2 * half - 1, 4 * k + 20)
    both = np.ascontiguousarray(np.concatenate([real, fake]))
    distances, neighbours = more.knn(both, None, length)
    own = [more.knn(points, None, max(k, 2))[0] for points in (real, fake)]
    positive = [array[array > 0] for array in (distances, *own)]
    zeros = any(len(some) < array.size for some, array in zip(positive, (distances, *own), strict=True))
    if not all(map(len, positive)):
        return None, True
    # A logarithm needs a distance: repeats count as near as the nearest pair that is none.
    floor = min(float(some.min()) for some in positive)
    logs = np.log(np.maximum(distances, floor))
    r, s = (np.log(np.maximum(array[:, k - 1], floor)) for array in own)
    error = math.sqrt((r.var(ddof=1) + s.var(ddof=1)) / half)
    return _Mode(half, logs, neighbours, float(s.mean() - r.mean()), error, _dimension(own[0])), zeros


def _dimension(neighbours: Floats) -> float:
    """Levina and Bickel's, averaged as MacKay and Ghahramani correct it; NaN where there is no scale."""
    earlier = neighbours[:, :-1]
    usable = earlier > 0
    logs = np.log(np.divide(neighbours[:, -1:], earlier, out=np.ones_like(earlier), where=usable)[usable])
    total = float(logs.sum())
    return len(logs) / total if total > 0 else math.nan


def _permuted(modes: list[_Mode], k: int, permutations: int, rng: np.random.Generator) -> Floats:
    """(permutations, modes): T under marks permuted within each mode. All modes stand in one array, so that
    a permutation costs the same however the points are cut into modes.
    """
    if not modes:
        return np.empty((permutations, 0))
    halves = np.array([mode.half for mode in modes])
    starts = np.concatenate([[0], np.cumsum(2 * halves)[:-1]])
    length = max(mode.logs.shape[1] for mode in modes)
    count = int(2 * halves.sum())
    logs = np.empty((count, length))
    neighbours = np.empty((count, length), dtype=np.intp)
    marks = np.empty((permutations, count), dtype=np.bool_)
    for mode, start in zip(modes, starts.tolist(), strict=True):
        rows = slice(start, start + 2 * mode.half)
        # Shorter lists are whole: what stands behind them is never reached.
        width = mode.logs.shape[1]
        logs[rows, :width], neighbours[rows, :width] = mode.logs, mode.neighbours + start
        logs[rows, width:], neighbours[rows, width:] = mode.logs[:, -1:], start
        half = np.repeat([False, True], mode.half)
        marks[:, rows] = rng.permuted(np.tile(half, (permutations, 1)), axis=1)
    statistic = np.empty((permutations, len(modes)))
    places, of_mode = _places(k), np.repeat(np.arange(len(modes)), 2 * halves)
    for i, mark in enumerate(marks):
        radii = _radii(logs, neighbours, mark, k, places)
        sums = [np.add.reduceat(values, starts) for values in (radii * mark, radii * ~mark)]
        means = [total / halves for total in sums]
        # Variances about the means, which subtracting sums of squares would not give to full precision.
        middle = np.where(mark, means[0][of_mode], means[1][of_mode])
        error = np.sqrt(np.add.reduceat((radii - middle) ** 2, starts) / (halves - 1) / halves)
        for place, t in enumerate((means[0] - means[1]).tolist()):
            statistic[i, place] = _studentised(t, float(error[place]))
    return statistic


def _radii(
    logs: Floats, neighbours: NDArray[np.intp], mark: Mask, k: int, places: NDArray[np.intp]
) -> Floats:
    """The logarithm of the distance of each point to the k-th neighbour of its own mark. Nearly all are
    among the first 16, which `places` knows; only rows that are not look at their whole list.
    """
    same = np.zeros((len(mark), WORD), dtype=np.bool_)
    width = min(WORD, neighbours.shape[1])
    np.equal(mark[neighbours[:, :width]], mark[:, None], out=same[:, :width])
    place = places[np.packbits(same, axis=1).view(np.uint16)[:, 0]]
    short = np.flatnonzero(place < 0)
    if len(short):
        place[short] = _kth(mark[neighbours[short]] == mark[short, None], k)
    # A list that runs out all the same ends at its last distance (index -1).
    return np.asarray(logs[np.arange(len(logs)), place])


def _places(k: int) -> NDArray[np.intp]:
    """For each word of 16 bits, as numpy packs a row of 16 truths, the place of the k-th True, or -1."""
    every = np.arange(1 << WORD, dtype=np.uint16)
    return _kth(np.unpackbits(every.view(np.uint8).reshape(-1, 2), axis=1).astype(np.bool_), k)


def _kth(same: Mask, k: int) -> NDArray[np.intp]:
    """The place of the k-th True of each row, or -1."""
    counts = np.cumsum(same, axis=1, dtype=np.int16)
    return np.where(counts[:, -1] >= k, np.argmax(counts >= k, axis=1), -1)


def _verdicts(modes: list[_Mode], statistic: Floats, level: float) -> list[Spread]:
    found = []
    largest = np.abs(statistic).max(axis=1, initial=0.0)
    total = len(statistic) + 1
    for place, mode in enumerate(modes):
        size = abs(mode.statistic()) * (1 - CLOSE)
        p_value = (1 + int(np.count_nonzero(np.abs(statistic[:, place]) >= size))) / total
        adjusted = (1 + int(np.count_nonzero(largest >= size))) / total
        # Radii of near points share neighbours, so their mean varies more than that of independent values;
        # T under permuted marks shows how many times as much.
        finite = statistic[np.isfinite(statistic[:, place]), place]
        wider = float(finite.std(ddof=1)) if len(finite) > 1 else 1.0
        reach = normal_quantile(1 - level) * mode.error * max(1.0, wider)
        low, high = mode.t - reach, mode.t + reach
        verdict = "undecided"
        if adjusted <= level and mode.dimension * high < SHRUNK:
            verdict = "shrunk"
        elif mode.dimension * low > SHRUNK:
            verdict = "fine"
        found.append(
            Spread(
                points=mode.half,
                ratio=math.exp(mode.t),
                low=math.exp(low),
                high=math.exp(high),
                dimension=mode.dimension,
                p_value=p_value,
                adjusted=adjusted,
                verdict=verdict,
            )
        )
    return found
