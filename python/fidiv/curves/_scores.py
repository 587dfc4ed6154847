"""Scores: how much real and how much fake mass lies near a point, counted in training sets.

X and Y are the training reals (n of them) and fakes (m), z a test point, k = nearest_k. All balls are closed.

knn        r = distance of z to its k-th neighbour in X and Y together; a = #{x: d <= r}, b = #{y: d <= r}
ipr        the radius of each x is its k-th distance within X, that of each y within Y; a, b = how many real
           and how many fake balls hold z
coverage   a = #{x: d <= k-th distance of z in Y}, b = #{y: d <= k-th distance of z in X}
kde        one radius for X, the mean over x of its k-th distance within X, itself left out; one for Y; a, b =
           points within them. With a bandwidth h instead: a = sum over x of exp(-d^2 / (2 h^2)), b likewise
clusters   the cells of k-means of X and Y together; a, b = points of X and of Y in the cell of z
classifier the odds of a logistic regression, fake against real

Test points are others than the training points ("split"), the training points themselves, each counted as
its own neighbour at distance 0 ("self"), or the training points, each left out of everything its own score is
made of ("leave-one-out"). What leaving z out of X means:

knn, coverage, kernel: z does not count.
ipr        The other balls shrink or grow without z: where d(x, z) <= r_k(x), the k-th distance becomes
           r_{k+1}(x) >= r_k(x), and the ball still holds z; elsewhere nothing changes and it does not. So a =
           #{x != z: d(z, x) <= r_k(x)}, the balls of the full set without that of z.
kde        The mean is over the others, and r_k(x) becomes r_{k+1}(x) where z is among the k nearest of x:
           each z gets a radius of its own, from sums that are correctly rounded.
clusters   z leaves its cell; the cells themselves are those of all points: k-means does not know who is real.
classifier not n fits, but one for each of FOLDS folds, without the points of the fold.

Points are never divided by n - 1 in one set and n in the other: with few distinct ratios that would tell who
is who. Where a set is asked for more than the lists of neighbours hold (ties at the radius), its points are
counted again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from .._logistic import Logistic, cross_fitted
from ._lambda import Floats, Ratios

Integers = NDArray[np.int64]
Mode = Literal["split", "self", "leave-one-out"]

FOLDS = 5
DIGITS = 9  # of log ratios of sums: rounding must not put equal points on two sides of a threshold
BLOCK = 1 << 20  # numbers of a block of distances or of merged lists


class Sweeps(Protocol):
    """What is asked of the engine; neighbours are ordered, balls decided exactly."""

    def knn(
        self, queries: NDArray[Any], points: NDArray[Any] | None, nearest_k: int
    ) -> tuple[Floats, Integers]: ...

    def count_within(
        self, centers: NDArray[Any], radii: Floats, points: NDArray[Any] | None, *, closed: bool = True
    ) -> Integers: ...

    def covered_by(
        self, points: NDArray[Any], centers: NDArray[Any] | None, radii: Floats, *, closed: bool = True
    ) -> Integers: ...

    def kmeans(
        self, sets: Sequence[NDArray[Any]], *, num_clusters: int, num_runs: int = 1, seed: int = 0
    ) -> tuple[list[NDArray[np.int32]], Floats]: ...


class Sets(NamedTuple):
    """Who trains and who is tested; the same arrays unless the mode is "split"."""

    real: NDArray[Any]
    fake: NDArray[Any]
    test_real: NDArray[Any]
    test_fake: NDArray[Any]
    mode: Mode


class Scores(NamedTuple):
    """a and b of the test reals and of the test fakes."""

    a_real: Floats
    b_real: Floats
    a_fake: Floats
    b_fake: Floats


class Lists(NamedTuple):
    """Distances of each test point to its nearest training points, ascending, in "self" and "leave-one-out"
    without itself; None where there is none.
    """

    real_to_real: Floats | None
    real_to_fake: Floats | None
    fake_to_real: Floats | None
    fake_to_fake: Floats | None


def _scores(*counts: Integers | Floats) -> Scores:
    return Scores(*(np.asarray(count, dtype=np.float64) for count in counts))


def own_neighbors(size: int, k: int) -> int:
    """How many neighbours in its own set a point must know for `knn`: one more than can count, to see
    ties.
    """
    return min(k + 1, size - 1)


def fewest(method: str, mode: Mode, k: int, self_counted: bool) -> tuple[int, int]:
    """(in each training set, in both together): how many points a method needs."""
    left_out = mode == "leave-one-out"
    if method == "knn":
        return 1 + left_out, k + left_out
    if method == "coverage":
        return k + left_out, 0
    if method == "ipr":
        return (k if self_counted else k + 1) + left_out, 0
    if method == "kde":
        return k + 1 + left_out, 0
    if method == "kernel":
        return 1 + left_out, 0
    return FOLDS if method == "classifier" and left_out else 1, 0


# ----------------------------------------------------------------------------------- nearest in both together


@dataclass
class _Side:
    """The training points of one kind, as seen by the test points of one kind."""

    nearest: Floats | None  # ascending
    size: int  # how many there are in all
    itself: bool  # whether the point itself comes before them, at distance 0
    recount: Callable[[Integers, Floats], Integers]

    def first(self, rows: slice, count: int) -> Floats:
        """The lists of some rows."""
        near = np.empty((count, 0)) if self.nearest is None else self.nearest[rows]
        return np.hstack([np.zeros((count, 1)), near]) if self.itself else near


def _within_kth(sides: tuple[_Side, _Side], rows: int, k: int) -> tuple[Integers, Integers]:
    """How many points of either side are as near as the k-th of both together."""
    radii = np.empty(rows)
    counts = (np.empty(rows, np.int64), np.empty(rows, np.int64))
    hidden = (np.zeros(rows, np.bool_), np.zeros(rows, np.bool_))
    step = max(1, BLOCK // (2 * k + 2))
    for start in range(0, rows, step):
        part = slice(start, min(start + step, rows))
        lists = [side.first(part, part.stop - start) for side in sides]
        radii[part] = np.partition(np.hstack(lists), k - 1, axis=1)[:, k - 1]
        for side, near, count, more in zip(sides, lists, counts, hidden, strict=True):
            inside = near <= radii[part, None]
            count[part] = inside.sum(axis=1)
            if near.shape[1] < side.size:
                more[part] = inside.all(axis=1)  # equal distances may go on beyond the list
    for side, count, more in zip(sides, counts, hidden, strict=True):
        again = np.flatnonzero(more)
        if len(again):
            count[again] = side.recount(again, radii[again])
    return counts


def knn(sweeps: Sweeps, sets: Sets, k: int, lists: Lists | None = None) -> Scores:
    """`lists` where they are known; else they are asked for."""
    found: list[Integers] = []
    for place, test in enumerate((sets.test_real, sets.test_fake)):
        sides = []
        for other, points in enumerate((sets.real, sets.fake)):
            own = place == other and sets.mode != "split"
            near = _nearest(sweeps, test, points, k, own) if lists is None else lists[2 * place + other]
            sides.append(_side(sweeps, test, points, near, own, sets.mode))
        found += _within_kth((sides[0], sides[1]), len(test), k)
    return _scores(*found)


def _nearest(sweeps: Sweeps, test: NDArray[Any], points: NDArray[Any], k: int, own: bool) -> Floats | None:
    count = own_neighbors(len(points), k) if own else min(k + 1, len(points))
    return sweeps.knn(test, None if own else points, count)[0] if count else None


def _side(
    sweeps: Sweeps, test: NDArray[Any], points: NDArray[Any], near: Floats | None, own: bool, mode: Mode
) -> _Side:
    left_out = int(own and mode == "leave-one-out")

    def recount(rows: Integers, radii: Floats) -> Integers:
        # Points of the set itself find themselves in it.
        return sweeps.count_within(test[rows], radii, points) - left_out

    return _Side(near, len(points) - left_out, own and mode == "self", recount)


# -------------------------------------------------------------------------------------------------- balls


def _own_radii(sweeps: Sweeps, points: NDArray[Any], k: int) -> Floats:
    """The k-th distance within the set, the point itself not counted; 0 for k = 0."""
    return np.ascontiguousarray(sweeps.knn(points, None, k)[0][:, -1]) if k else np.zeros(len(points))


def ipr(sweeps: Sweeps, sets: Sets, k: int, self_counted: bool) -> Scores:
    """`self_counted`: whether a training point is its own first neighbour."""
    r, s = (_own_radii(sweeps, points, k - self_counted) for points in (sets.real, sets.fake))
    itself = int(sets.mode == "self")
    if sets.mode == "split":
        return _scores(
            *(
                sweeps.covered_by(test, centers, radii)
                for test in (sets.test_real, sets.test_fake)
                for centers, radii in ((sets.real, r), (sets.fake, s))
            )
        )
    return _scores(
        sweeps.covered_by(sets.real, None, r) + itself,
        sweeps.covered_by(sets.real, sets.fake, s),
        sweeps.covered_by(sets.fake, sets.real, r),
        sweeps.covered_by(sets.fake, None, s) + itself,
    )


def coverage(sweeps: Sweeps, sets: Sets, k: int) -> Scores:
    if sets.mode == "split":
        found: list[Integers] = []
        for test in (sets.test_real, sets.test_fake):
            r, s = (_cross_radii(sweeps, test, points, k) for points in (sets.real, sets.fake))
            found += [sweeps.count_within(test, s, sets.real), sweeps.count_within(test, r, sets.fake)]
        return _scores(*found)
    itself = int(sets.mode == "self")
    own = [_own_radii(sweeps, points, k - itself) for points in (sets.real, sets.fake)]
    mu, nu = _cross_radii(sweeps, sets.real, sets.fake, k), _cross_radii(sweeps, sets.fake, sets.real, k)
    return _scores(
        sweeps.count_within(sets.real, mu, None) + itself,
        sweeps.count_within(sets.real, own[0], sets.fake),
        sweeps.count_within(sets.fake, own[1], sets.real),
        sweeps.count_within(sets.fake, nu, None) + itself,
    )


def _cross_radii(sweeps: Sweeps, test: NDArray[Any], points: NDArray[Any], k: int) -> Floats:
    return np.ascontiguousarray(sweeps.knn(test, points, k)[0][:, -1])


def kde(sweeps: Sweeps, sets: Sets, k: int) -> Scores:
    """Balls of one mean radius for each training set."""
    left_out = sets.mode == "leave-one-out"
    training = (sets.real, sets.fake)
    lists = [sweeps.knn(points, None, k + left_out) for points in training]
    h_real, h_fake = (math.fsum(near[:, k - 1]) / len(near) for near, _ in lists)
    if sets.mode == "split":
        return _scores(
            *(
                sweeps.count_within(test, np.full(len(test), h), points)
                for test in (sets.test_real, sets.test_fake)
                for points, h in ((sets.real, h_real), (sets.fake, h_fake))
            )
        )
    if left_out:
        own = [_means_without(near, neighbors, k) for near, neighbors in lists]
    else:
        own = [np.full(len(points), h) for points, h in zip(training, (h_real, h_fake), strict=True)]
    itself = int(sets.mode == "self")
    return _scores(
        sweeps.count_within(sets.real, own[0], None) + itself,
        sweeps.count_within(sets.real, np.full(len(sets.real), h_fake), sets.fake),
        sweeps.count_within(sets.fake, np.full(len(sets.fake), h_real), sets.real),
        sweeps.count_within(sets.fake, own[1], None) + itself,
    )


def _means_without(near: Floats, neighbors: Integers, k: int) -> Floats:
    """The mean k-th distance of a set for each point that leaves it, from the k + 1 nearest of each point."""
    n = len(near)
    radii, nexts = near[:, k - 1], near[:, k]
    total = math.fsum(radii)
    rest = math.fsum([*radii, -total])  # total + rest is the sum to twice the digits
    # Where z is among the k nearest of x, x takes its next neighbour. Who is tied at the k-th place but not
    # named changes nothing: then the next is as far.
    owners = np.argsort(neighbors[:, :k], axis=None, kind="stable") // k
    ends = np.cumsum(np.bincount(neighbors[:, :k].ravel(), minlength=n))
    out = np.empty(n)
    for z in range(n):
        changed = owners[ends[z - 1] if z else 0 : ends[z]]
        terms = [total, rest, -radii[z], *nexts[changed].tolist(), *(-radii[changed]).tolist()]
        out[z] = math.fsum(terms) / (n - 1)
    return out


# ------------------------------------------------------------------------------------------- smooth and cells


def kernel(sets: Sets, bandwidth: float) -> Ratios:
    """Log ratios of Gaussian kernel sums."""
    left_out = sets.mode == "leave-one-out"
    sizes = math.log(len(sets.real) / len(sets.fake))
    found = []
    for place, test in enumerate((sets.test_real, sets.test_fake)):
        a, b = (
            _log_kernel_sums(test, points, bandwidth, left_out and place == other)
            for other, points in enumerate((sets.real, sets.fake))
        )
        found.append(np.round(b - a + sizes, DIGITS))
    return Ratios(*found)


def _log_kernel_sums(test: NDArray[Any], points: NDArray[Any], bandwidth: float, left_out: bool) -> Floats:
    """ln of the sum over points of exp(-d^2 / (2 h^2)), blocks of rows at a time. d^2 comes from products of
    centred rows, so the exponents err by about 1e-16 of (the size of the rows / h)^2.
    """
    scaled = points.astype(np.float64)
    centre = scaled.mean(axis=0)
    scaled = (scaled - centre) / bandwidth
    with np.errstate(over="ignore"):
        squares = np.einsum("ij,ij->i", scaled, scaled)
    if not np.isfinite(squares).all():
        raise ValueError(f"bandwidth={bandwidth} is too small for features of this size")
    out = np.empty(len(test))
    step = max(1, BLOCK // len(points))
    for start in range(0, len(test), step):
        rows = (test[start : start + step].astype(np.float64) - centre) / bandwidth
        exponents = rows @ scaled.T
        exponents -= squares / 2
        exponents -= np.einsum("ij,ij->i", rows, rows)[:, None] / 2
        np.minimum(exponents, 0.0, out=exponents)
        if left_out:
            exponents[np.arange(len(rows)), np.arange(start, start + len(rows))] = -np.inf
        largest = exponents.max(axis=1)
        exponents -= largest[:, None]
        out[start : start + len(rows)] = largest + np.log(np.exp(exponents, out=exponents).sum(axis=1))
    return out


def cells(
    labels: tuple[NDArray[np.int32], NDArray[np.int32]],
    test_labels: tuple[NDArray[Any], NDArray[Any]],
    num_clusters: int,
    left_out: bool,
) -> Scores:
    """Training points in the cell of each test point."""
    real, fake = (np.bincount(found, minlength=num_clusters) for found in labels)
    of_real, of_fake = test_labels
    return _scores(real[of_real] - left_out, fake[of_real], real[of_fake], fake[of_fake] - left_out)


def cells_of_split(sweeps: Sweeps, sets: Sets, num_clusters: int, seed: int) -> Scores:
    """Cells of the training points; a test point belongs to the nearest centre."""
    labels, centers = sweeps.kmeans([sets.real, sets.fake], num_clusters=num_clusters, seed=seed)
    of_real, of_fake = (sweeps.knn(test, centers[0], 1)[1][:, 0] for test in (sets.test_real, sets.test_fake))
    return cells((labels[0][0], labels[1][0]), (of_real, of_fake), num_clusters, False)


def classifier(sets: Sets, seed: int) -> Ratios:
    """Log odds of a logistic regression, fake against real."""
    if sets.mode == "leave-one-out":
        real, fake = cross_fitted(sets.real, sets.fake, folds=FOLDS, seed=seed)
    else:
        fitted = Logistic(sets.real, sets.fake)
        real, fake = fitted(sets.test_real), fitted(sets.test_fake)
    return Ratios(np.round(real, DIGITS), np.round(fake, DIGITS))
