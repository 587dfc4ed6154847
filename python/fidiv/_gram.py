"""Sums of a kernel over all pairs of points, in blocks of rows: never an n x m array.

    within(x, kernel)                          sum over j != i of k(x_i, x_j), for each i
    across(x, y, kernel)                       sum over j of k(x_i, y_j) for each i, and over i for each j
    median_distance(x)                         the median of |x_i - x_j|, of all pairs
    permutation_forms(x, y, kernel, signs)     s' K s over the union, diagonal left out, for many s at once

The kernels: `Polynomial` (gamma x.y + coef0)^degree, `Gaussian` exp(-|x - y|^2 / (2 h^2)), and `Distance`
|x - y|. Sets are (n, d) arrays of finite float32 or float64; blocks of them are converted to float64 and
multiplied by numpy's BLAS, so float32 gives what its float64 copy gives.

These sums decide nothing about a pair, so they need not be the one distance of the compiled core, and are
not bit for bit the same on every machine. What they promise instead, with u = 2^-53:

* An inner product is within d u |x| |y| (1 + d u) of the true one, in whatever order BLAS adds.
* For distances the points are first moved by one base near their middle and scaled by a power of two, which
  no distance feels. Let s = |x|^2 + |y|^2 after that. The expanded square s - 2 x.y is within (2 d + 10) u s
  of |x - y|^2: good unless the points are much nearer to one another than to the base. Pairs below NEAR s are
  therefore done again, about a base of their own or by direct differences. So each |x - y|^2 has a relative
  error of at most (2 d + 10) u / NEAR, which is 4e-10 for d = 1,000 (rounding mostly cancels: about 1e-13 is
  usual), copies have distance 0, and the error of a Gaussian is at most 1/e times that.
* Entries are summed by numpy, block by block in a fixed order: relative to the sum of their sizes the error
  is below (n + m) u, and usually near u.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Points = NDArray[Any]

BLOCK = 1024  # rows of a block: 8 MB of kernel values; by measurement (512 to 2048 differ little)
NEAR = 2.0**-12  # see above: below this share of s an expanded square has lost too many digits
PIVOTS = 8  # bases of their own that near pairs of one block may get, before direct differences
FEW = 1 << 20  # numbers of near pairs worth one more base; as many at once in direct differences
KEPT = 1 << 20  # as many distances may be kept to be sorted
MIDDLE = 1024  # rows of each set that say where its middle is


@dataclass(frozen=True)
class Polynomial:
    """(gamma x.y + coef0)^degree; `gamma=None` is 1 / d."""

    degree: int = 3
    gamma: float | None = None
    coef0: float = 1.0


@dataclass(frozen=True)
class Gaussian:
    """exp(-|x - y|^2 / (2 bandwidth^2))."""

    bandwidth: float


@dataclass(frozen=True)
class Distance:
    """|x - y|, the Euclidean distance."""


Kernel = Polynomial | Gaussian | Distance


@dataclass(frozen=True)
class _Block:
    """Some rows of one set, ready for one kernel."""

    start: int  # where they begin, in the set or in the union
    raw: Points  # as they came
    rows: Floats  # moved and scaled
    squares: Floats  # |row|^2

    def __len__(self) -> int:
        return len(self.rows)


class _Space:
    """The base and the power of two that are common to all sets of one sum, and the kernel on blocks."""

    def __init__(self, kernel: Kernel, *sets: Points) -> None:
        self.kernel = kernel
        self.d = sets[0].shape[1]
        self.moves = not isinstance(kernel, Polynomial)
        self.base = np.zeros(self.d)
        self.scale = 1.0
        if self.moves:
            # The median and not the mean: a few far points do not pull it away from all others.
            middle = np.concatenate([x[:: -(-len(x) // MIDDLE)] for x in sets]).astype(np.float64)
            self.base = np.median(middle, axis=0)
            largest = max(
                float(np.abs(x[first : first + BLOCK] - self.base).max())
                for x in sets
                for first in range(0, len(x), BLOCK)
            )
            self.scale = math.ldexp(1.0, math.frexp(largest)[1]) if largest > 0 else 1.0

    def block(self, x: Points, first: int, start: int) -> _Block:
        raw = x[first : first + BLOCK]
        rows = raw.astype(np.float64)
        if self.moves:
            rows -= self.base
            rows /= self.scale
        return _Block(start, raw, rows, np.einsum("ij,ij->i", rows, rows))

    def blocks(self, *sets: Points, after: int = -1) -> Iterator[_Block]:
        """All rows of the sets in order, those of blocks that begin after one place of the union."""
        start = 0
        for x in sets:
            for first in range(0, len(x), BLOCK):
                if start + first > after:
                    yield self.block(x, first, start + first)
            start += len(x)

    def half(self, *sets: Points) -> Iterator[tuple[_Block, _Block]]:
        """Each pair of blocks of the union once, a block with itself too (then they are one object)."""
        for a in self.blocks(*sets):
            yield a, a
            for b in self.blocks(*sets, after=a.start):
                yield a, b

    def values(self, a: _Block, b: _Block, *, own: bool = False) -> Floats:
        """The kernel of each row of `a` with each row of `b`. `own`: they are the same rows of one set; then
        the diagonal is 0, as if the kernel of a point with itself were.
        """
        if isinstance(self.kernel, Polynomial):
            values: Floats = a.rows @ b.rows.T
            values *= 1.0 / self.d if self.kernel.gamma is None else self.kernel.gamma
            values += self.kernel.coef0
            _power(values, self.kernel.degree)
        else:
            values = self.squared_distances(a, b, own=own)
            if isinstance(self.kernel, Distance):
                np.sqrt(values, out=values)
                values *= self.scale
            else:
                width = self.kernel.bandwidth / self.scale
                # A width whose square vanishes leaves 1 for copies and 0 for all others.
                values *= max(-1e300, -0.5 / width / width) if width > 1e-150 else -1e300
                np.exp(values, out=values)
        if own:
            np.fill_diagonal(values, 0.0)
        return values

    def squared_distances(self, a: _Block, b: _Block, *, own: bool = False) -> Floats:
        """In units of scale^2."""
        sums = a.squares[:, None] + b.squares
        found: Floats = a.rows @ b.rows.T
        found *= -2.0
        found += sums
        sums *= NEAR
        near = found < sums
        if own:
            np.fill_diagonal(near, False)
            np.fill_diagonal(found, 0.0)
        if near.any():
            self._again(found, near, a.raw, b.raw)
        return found

    def _again(self, found: Floats, near: NDArray[np.bool_], a: Points, b: Points) -> None:
        """The pairs marked in `near`, to full precision."""
        for _ in range(PIVOTS):
            if np.count_nonzero(near) * self.d <= FEW:
                break
            # A point with many near ones is a better base for them: they form a clump far from the middle.
            pivot = int(np.count_nonzero(near, axis=1).argmax())
            columns = np.flatnonzero(near[pivot])
            rows = np.flatnonzero(near[:, columns[0]])
            base = a[pivot].astype(np.float64)
            x, y = (a[rows] - base) / self.scale, (b[columns] - base) / self.scale
            sums = np.einsum("ij,ij->i", x, x)[:, None] + np.einsum("ij,ij->i", y, y)
            squares = sums - 2.0 * (x @ y.T)
            place = np.ix_(rows, columns)
            good = near[place] & (squares >= NEAR * sums)
            found[place] = np.where(good, squares, found[place])
            near[place] &= ~good
        left, right = np.nonzero(near)
        step = max(1, FEW // self.d)
        for first in range(0, len(left), step):
            i, j = left[first : first + step], right[first : first + step]
            difference = (a[i].astype(np.float64) - b[j]) / self.scale
            found[i, j] = np.einsum("ij,ij->i", difference, difference)


def _power(values: Floats, degree: int) -> None:
    """values ** degree, in place; products are several times faster than numpy's power."""
    if degree in (2, 3):
        squares = values * values
        np.multiply(squares, values if degree == 3 else 1.0, out=values)
    elif degree != 1:
        np.power(values, degree, out=values)


# A pair of blocks is one task. Tasks may run on several threads, but what they find is folded in the order of
# the tasks, so that no sum depends on how many there are.
Found = TypeVar("Found")


def _in_order(
    work: Callable[[_Block, _Block], Found], tasks: Iterable[tuple[_Block, _Block]], threads: int
) -> Iterator[tuple[_Block, _Block, Found]]:
    """Each task with what `work` found."""

    def quiet(a: _Block, b: _Block) -> Found:
        # A kernel that overflows is told by its sums, which are not finite. (The state is a thread's own.)
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            return work(a, b)

    if threads == 1:
        for a, b in tasks:
            yield a, b, quiet(a, b)
        return
    from concurrent.futures import Future, ThreadPoolExecutor

    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[tuple[_Block, _Block, Future[Found]]] = deque()
        for a, b in tasks:
            waiting.append((a, b, pool.submit(quiet, a, b)))
            if len(waiting) > threads:  # no more blocks in memory than there is work for
                first, second, future = waiting.popleft()
                yield first, second, future.result()
        for first, second, future in waiting:
            yield first, second, future.result()


def within(x: Points, kernel: Kernel, *, threads: int = 1) -> Floats:
    """For each point the sum of its kernel values with the other points of its set, (n,)."""
    space, sums = _Space(kernel, x), np.zeros(len(x))

    def both(a: _Block, b: _Block) -> tuple[Floats, Floats]:
        values = space.values(a, b, own=a is b)
        return values.sum(axis=1), values.sum(axis=0)

    for a, b, (rows, columns) in _in_order(both, space.half(x), threads):
        sums[a.start : a.start + len(a)] += rows
        if a is not b:
            sums[b.start : b.start + len(b)] += columns
    return sums


def across(x: Points, y: Points, kernel: Kernel, *, threads: int = 1) -> tuple[Floats, Floats]:
    """For each point the sum of its kernel values with the points of the other set: (n,) and (m,)."""
    space, of_x, of_y = _Space(kernel, x, y), np.zeros(len(x)), np.zeros(len(y))

    def both(a: _Block, b: _Block) -> tuple[Floats, Floats]:
        values = space.values(a, b)
        return values.sum(axis=1), values.sum(axis=0)

    tasks = ((a, b) for a in space.blocks(x) for b in space.blocks(y))
    for a, b, (rows, columns) in _in_order(both, tasks, threads):
        of_x[a.start : a.start + len(a)] += rows
        of_y[b.start : b.start + len(b)] += columns
    return of_x, of_y


def permutation_forms(x: Points, y: Points, kernel: Kernel, signs: Floats, *, threads: int = 1) -> Floats:
    """The quadratic forms s' K s over the union of both sets, the diagonal of K left out, for each column s
    of `signs`.

    `signs` is (n + m, P): the weights of the points of `x`, then of `y`. All P columns share one pass over
    the kernel, one product of a block of K with a block of weights a time; only half of the blocks are
    visited, K being symmetric. Memory: a few blocks, and the (P,) answer.
    """
    signs = np.ascontiguousarray(signs, dtype=np.float64)
    if signs.ndim != 2 or len(signs) != len(x) + len(y):
        raise ValueError(f"signs must have {len(x) + len(y)} rows, one a point, got shape {signs.shape}")
    space, forms = _Space(kernel, x, y), np.zeros(signs.shape[1])

    def part(a: _Block, b: _Block) -> Floats:
        right = space.values(a, b, own=a is b) @ signs[b.start : b.start + len(b)]
        found: Floats = np.einsum("ip,ip->p", signs[a.start : a.start + len(a)], right)
        return found if a is b else 2.0 * found

    for _, _, found in _in_order(part, space.half(x, y), threads):
        forms += found
    return forms


def median_distance(x: Points, *, threads: int = 1) -> float:
    """The median of |x_i - x_j| over all pairs i < j, all of them (of an even number the mean of the middle
    two), up to the rounding of the distances. At least two points.
    """
    space, pairs = _Space(Distance(), x), len(x) * (len(x) - 1) // 2
    lower, upper = (pairs - 1) // 2, pairs // 2
    first, run = _ranked(space, x, lower, pairs, threads)
    one = run[min(lower - first, len(run) - 1)]
    if upper - first >= len(run):
        first, run = _ranked(space, x, upper, pairs, threads)
    return float(one + run[min(upper - first, len(run) - 1)]) / 2


def _ranked(space: _Space, x: Points, rank: int, pairs: int, threads: int) -> tuple[int, Floats]:
    """Consecutive distances in ascending order, the one of `rank` among them, and the rank of their first.

    The bits of positive floats are ordered as they are, so all is done in integers: each pass over the pairs
    counts them in up to 65,536 cells of the interval that holds the rank, until the pairs of one cell are few
    enough to keep, or all equal. Some of the points say where to begin, which saves a pass and decides
    nothing. That all passes find the same distances is sure but for the library behind `@`; should it ever
    not be so, the rank is off by a few of billions.
    """

    def all_bits(a: _Block, b: _Block) -> NDArray[np.uint64]:
        values = space.values(a, b, own=a is b)
        return (values[~np.tri(len(a), dtype=np.bool_)] if a is b else values.ravel()).view(np.uint64)

    def between(a: _Block, b: _Block) -> tuple[NDArray[np.uint64], int]:
        bits = all_bits(a, b)
        return bits[(bits >= low) & (bits < high)], int(np.count_nonzero(bits < low))

    def counted(a: _Block, b: _Block) -> tuple[NDArray[np.int64], int]:
        bits, below = between(a, b)
        return np.bincount(((bits - low) >> np.uint64(shift)).astype(np.int64), minlength=1 << 16), below

    everything = (np.uint64(0), np.uint64(1 << 63))
    (low, high), shift, inside = everything, 63, pairs
    if pairs > KEPT:
        few = space.block(x[:: -(-len(x) // MIDDLE)], 0, 0)
        guess = np.sort(all_bits(few, few))
        low, high = guess[int(0.42 * len(guess))], guess[int(0.58 * len(guess))]
    while inside > KEPT and shift > 0:
        shift = max(int(high - low).bit_length() - 16, 0)
        counts, first = np.zeros(1 << 16, dtype=np.int64), 0
        for _, _, (found, below) in _in_order(counted, space.half(x), threads):
            counts += found
            first += below
        if not first <= rank < first + int(counts.sum()):
            (low, high), shift = everything, 63
            continue
        ends = first + np.cumsum(counts)
        cell = int(np.searchsorted(ends, rank, side="right"))
        low, inside = low + np.uint64(cell << shift), int(counts[cell])
        high = min(high, low + np.uint64(1 << shift))
        if shift == 0 and inside > KEPT:  # one value, very many times: this and the next rank suffice
            first = int(ends[cell]) - inside
            return first, np.full(min(inside, rank + 2 - first), low).view(np.float64)
    runs = [found for _, _, found in _in_order(between, space.half(x), threads)]
    bits = np.sort(np.concatenate([run for run, _ in runs]))
    return sum(below for _, below in runs), bits.view(np.float64)


def total(sums: Floats) -> float:
    """The sum of row sums, added exactly: it does not depend on their order. NaN where one overflowed."""
    return math.fsum(sums) if np.isfinite(sums).all() else math.nan
