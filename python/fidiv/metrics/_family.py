"""The contract of this room: what a family of metrics declares, and what it is handed.

A family never touches a distance. It says what it needs (`Needs`: radii of own neighbours at these k, which
points the balls cover, ...), the planner takes the union over all families, visits each pair of points once,
and hands back what was found (`Found`). Then the family's formula runs on these arrays and answers with an
`Outcome`.

Letters, here and in the families: n real points R, m fake points G; r_k(i) and s_k(j) are the distances of a
real and of a fake point to the k-th neighbour in their own set (the point itself left out); nu_k(j) is that
of a fake point to its k-th real one, mu_k(i) that of a real point to its k-th fake one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ..results import Key

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Options = Mapping[str, Any]


class Balls(NamedTuple):
    """Balls around the points of a set: which own neighbour gives the radius, whether the boundary belongs to
    the ball, and whether a radius above the median of the set is cut to it.
    """

    nearest_k: int
    closed: bool = True
    clipped: bool = False


class Undefined(ValueError):
    """A metric has no value on this input. The family's own call raises it, `evaluate` writes it into the
    notes.
    """


@dataclass(frozen=True, order=True)
class Clusters:
    """k-means of the union of both sets."""

    num_clusters: int
    num_runs: int
    seed: int


@dataclass(frozen=True)
class Needs:
    """What a family asks of the sweeps. Sets of k name single neighbours; a number `..._list` asks for the
    distances of all of the first ones, `..._neighbors` for their indices.
    """

    own_real: frozenset[int] = frozenset()  # r_k
    own_fake: frozenset[int] = frozenset()  # s_k
    real_list: int = 0  # r_1 .. r_k
    fake_list: int = 0  # s_1 .. s_k
    real_neighbors: int = 0
    fake_neighbors: int = 0
    repeats: bool = False  # which points repeat an earlier one of their own set
    fake_to_real: frozenset[int] = frozenset()  # nu_k
    real_to_fake: frozenset[int] = frozenset()  # mu_k
    fake_to_real_list: int = 0
    real_to_fake_list: int = 0
    fake_to_real_neighbors: int = 0
    real_to_fake_neighbors: int = 0
    fakes_covered: frozenset[Balls] = frozenset()  # by real balls: yes or no
    fakes_counted: frozenset[Balls] = frozenset()  # by how many real balls
    reals_covered: frozenset[Balls] = frozenset()  # by fake balls: yes or no
    reals_counted: frozenset[Balls] = frozenset()  # by how many fake balls
    realism: frozenset[int] = frozenset()
    least_radius: frozenset[Balls] = frozenset()  # of the real balls around each fake
    # For each fake the product, over all reals, of min(1, distance / (scale x mean of all r_k)), given
    # (k, scale); and the same with the sets swapped.
    fake_products: frozenset[tuple[int, float]] = frozenset()
    real_products: frozenset[tuple[int, float]] = frozenset()
    clusters: frozenset[Clusters] = frozenset()
    # (seed, k): half of the reals, the anchors, drawn by the seed, and the nearest k of them of all points;
    # one such wish at most.
    anchors: frozenset[tuple[int, int]] = frozenset()
    moments: bool = False  # means, deviations and correlations of the columns of both sets
    # How many of the nearest holdout points each fake names, and of the nearest reals each holdout point.
    holdout: int = 0
    holdout_if_given: int = 0  # the same, of a family that has something to say without a holdout set too

    def __or__(self, other: Needs) -> Needs:
        """All that either asks for."""
        merged: dict[str, Any] = {}
        for f in fields(self):
            mine, theirs = getattr(self, f.name), getattr(other, f.name)
            merged[f.name] = mine | theirs if isinstance(mine, frozenset) else max(mine, theirs)
        return Needs(**merged)


class Further(Protocol):
    """More sweeps, for what has to be known before it can be asked (counts in balls whose radii a first sweep
    found), and the points themselves. Sets are arrays (n, d) of float32 or float64 in C order.
    """

    real: NDArray[Any]
    fake: NDArray[Any]
    holdout: NDArray[Any] | None
    threads: int  # that the call may use; no number may depend on it

    def knn(
        self, queries: NDArray[Any], points: NDArray[Any] | None, nearest_k: int
    ) -> tuple[Floats, Integers]:
        """Distances ascending and indices, (n, k); `points=None`: among themselves, the point left out."""

    def knn_each(
        self, sets: Sequence[NDArray[Any]], nearest_k: Sequence[int]
    ) -> list[tuple[Floats, Integers]]:
        """The same within each of many small sets, with its own k."""

    def count_within(
        self, centers: NDArray[Any], radii: Floats, points: NDArray[Any] | None, *, closed: bool = True
    ) -> Integers:
        """How many points each ball holds; `points=None`: of the other centers."""

    def covered_by(
        self, points: NDArray[Any], centers: NDArray[Any] | None, radii: Floats, *, closed: bool = True
    ) -> Integers:
        """In how many balls each point lies; `centers=None`: the balls are those of the other points."""

    def kmeans(
        self, sets: Sequence[NDArray[Any]], *, num_clusters: int, num_runs: int = 1, seed: int = 0
    ) -> tuple[list[NDArray[np.int32]], Floats]:
        """Of the union: labels of each set (num_runs, n) and centres (num_runs, num_clusters, d)."""

    def marked_spreads(
        self,
        values: Floats,
        neighbors: Integers,
        marks: NDArray[np.bool_],
        starts: Sequence[int],
        nearest_k: int,
    ) -> tuple[Floats, Floats]:
        """(permutations, groups, 2), without and with the mark: means and variances of the values beside
        which the k-th neighbour of the own mark stands.
        """

    def moments(self, points: NDArray[Any]) -> Moments:
        """Of any set, part of the features or not."""


@dataclass(frozen=True)
class Moments:
    """The columns of one set, from the compiled core."""

    points: NDArray[Any]  # (n, d), float32 or float64
    base: Floats  # near the mean of each column
    centre: Floats  # the mean less the base
    spread: Floats  # standard deviation with n - 1, 0 if and only if the column is constant
    # The correlations, a lower triangle (zeros above), rows and columns of constant columns 0; each call
    # gives an array to keep and change.
    correlations: Callable[[], Floats]
    # What the correlations do to the 16 columns of a matrix with d rows, straight from the points.
    probe: Callable[[Floats], Floats]


@dataclass(frozen=True)
class Anchored:
    """Half of the reals, the anchors (rounded down), and what they are to all points; themselves left out."""

    mask: NDArray[np.bool_]  # (n,): which reals they are
    reals: tuple[Floats, Integers]  # of each real: distance to the k-th anchor, row of the nearest
    fakes: tuple[Floats, Integers]


@dataclass
class Found:
    """What the sweeps found, under the names of `Needs`. A list is as long as the longest that any family
    asked for.
    """

    n: int
    m: int
    d: int
    # The estimator of the compiled core: (distances, *, n_reference, nearest_k, dimension, zero, what) ->
    # (terms, their mean, how many distances were zero); raises Undefined where there is no value.
    entropy_terms: Callable[..., tuple[Floats, float, int]]
    own_real: dict[int, Floats] = field(default_factory=dict)
    own_fake: dict[int, Floats] = field(default_factory=dict)
    real_list: Floats | None = None
    fake_list: Floats | None = None
    real_neighbors: Integers | None = None
    fake_neighbors: Integers | None = None
    real_repeats: NDArray[np.bool_] | None = None
    fake_repeats: NDArray[np.bool_] | None = None
    fake_to_real: dict[int, Floats] = field(default_factory=dict)
    real_to_fake: dict[int, Floats] = field(default_factory=dict)
    fake_to_real_list: Floats | None = None
    real_to_fake_list: Floats | None = None
    fake_to_real_neighbors: Integers | None = None
    real_to_fake_neighbors: Integers | None = None
    fakes_covered: dict[Balls, NDArray[np.bool_]] = field(default_factory=dict)
    fakes_counted: dict[Balls, Integers] = field(default_factory=dict)
    reals_covered: dict[Balls, NDArray[np.bool_]] = field(default_factory=dict)
    reals_counted: dict[Balls, Integers] = field(default_factory=dict)
    realism: dict[int, Floats] = field(default_factory=dict)
    least_radius: dict[Balls, Floats] = field(default_factory=dict)  # infinite outside all balls
    fake_products: dict[tuple[int, float], Floats] = field(default_factory=dict)
    real_products: dict[tuple[int, float], Floats] = field(default_factory=dict)
    # (num_runs, n) and (num_runs, m)
    labels: dict[Clusters, tuple[NDArray[np.int32], NDArray[np.int32]]] = field(default_factory=dict)
    anchored: Anchored | None = None
    moments: tuple[Moments, Moments] | None = None
    h: int = 0  # how many holdout points
    fake_to_holdout: tuple[Floats, Integers] | None = None  # distances and indices, (m, k)
    holdout_to_real: tuple[Floats, Integers] | None = None  # (h, k)

    @property
    def further(self) -> Further:
        """More sweeps; their work is counted like the others'."""
        assert self.more is not None
        return self.more

    more: Further | None = None


@dataclass
class Outcome:
    """What a formula answers. A key stands in `values` or, with its reason, in `undefined`."""

    values: dict[str, float] = field(default_factory=dict)
    samples: dict[str, NDArray[Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    undefined: dict[str, str] = field(default_factory=dict)
    curve: dict[str, NDArray[Any]] | None = None
    used: dict[str, Any] = field(default_factory=dict)  # what stands for an option that was left open
    # key -> how far each fake, and each real, moves the value to first order; the means of both are 0
    influences: dict[str, tuple[Floats, Floats]] = field(default_factory=dict)


@dataclass(frozen=True)
class Family:
    """A family of metrics: its name (that of its call), its keys, the options of its call, what it needs,
    and its formula. `needs` gets (n, m, options) and raises `Undefined` where the sizes rule the family out;
    too few points for the neighbours asked for are noticed by the planner, which names the option
    `k_option`. A family that needs a holdout set has no value without one.
    """

    name: str
    keys: tuple[Key, ...]
    defaults: Mapping[str, Any]
    needs: Callable[[int, int, Options], Needs]
    formula: Callable[[Found, Options], Outcome]
    k_option: str = "nearest_k"
    extra_keys: tuple[Key, ...] = ()  # only its own call gives them, where its options give them a value
    of_reals: tuple[str, ...] = ()  # the samples whose entries are real points; those of the others are fakes
    prefix: str = ""  # in `evaluate` the keys begin with it, where other families have keys of these names


def sides(family: Family, outcome: Outcome) -> dict[str, str]:
    """Which set the points of each sample are in."""
    return {name: "real" if name in family.of_reals else "fake" for name in outcome.samples}


def mean(values: Iterable[float]) -> float:
    """The mean, summed exactly: it does not depend on the order of the points."""
    listed = values.tolist() if isinstance(values, np.ndarray) else list(values)
    return math.fsum(listed) / len(listed)


def share(mask: NDArray[np.bool_]) -> float:
    """Which part of the points is marked: one exact division of counts."""
    return int(np.count_nonzero(mask)) / len(mask)
