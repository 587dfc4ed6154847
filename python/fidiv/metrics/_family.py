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
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..results import Key

Floats = NDArray[np.float64]
Balls = tuple[int, bool]  # (which own neighbour gives the radius, whether the boundary belongs to the ball)
Options = Mapping[str, Any]


class Undefined(ValueError):
    """A metric has no value on this input. The family's own call raises it, `evaluate` writes it into the
    notes.
    """


@dataclass(frozen=True)
class Clusters:
    """k-means of the union of both sets."""

    num_clusters: int
    num_runs: int
    seed: int


@dataclass(frozen=True)
class Needs:
    """What a family asks of the sweeps. Sets of k name single neighbours, `real_list` all of the first
    ones.
    """

    own_real: frozenset[int] = frozenset()  # r_k
    own_fake: frozenset[int] = frozenset()  # s_k
    real_list: int = 0  # r_1 .. r_k
    repeats: bool = False  # which points repeat an earlier one of their own set
    fake_to_real: frozenset[int] = frozenset()  # nu_k
    real_to_fake: frozenset[int] = frozenset()  # mu_k
    nearest_real: bool = False  # the index behind nu_1
    fakes_covered: frozenset[Balls] = frozenset()  # by real balls: yes or no
    fakes_counted: frozenset[Balls] = frozenset()  # by how many real balls
    reals_covered: frozenset[Balls] = frozenset()  # by fake balls: yes or no
    realism: frozenset[int] = frozenset()
    clusters: Clusters | None = None
    moments: bool = False  # means, deviations and correlations of the columns of both sets

    def __or__(self, other: Needs) -> Needs:
        """All that either asks for. Two families may not ask for different clusters."""
        merged: dict[str, Any] = {}
        for f in fields(self):
            mine, theirs = getattr(self, f.name), getattr(other, f.name)
            if isinstance(mine, frozenset):
                merged[f.name] = mine | theirs
            elif f.name == "real_list":
                merged[f.name] = max(mine, theirs)
            elif f.name == "clusters" and mine and theirs and mine != theirs:
                raise ValueError(f"one set of clusters at a time, got {mine} and {theirs}")
            else:
                merged[f.name] = mine or theirs
        return Needs(**merged)


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


@dataclass
class Found:
    """What the sweeps found, under the names of `Needs`."""

    n: int
    m: int
    d: int
    # The estimator of the compiled core: (distances, *, n_reference, nearest_k, dimension, zero, what) ->
    # (terms, their mean, how many distances were zero); raises Undefined where there is no value.
    entropy_terms: Callable[..., tuple[Floats, float, int]]
    own_real: dict[int, Floats] = field(default_factory=dict)
    own_fake: dict[int, Floats] = field(default_factory=dict)
    real_list: Floats | None = None
    real_repeats: NDArray[np.bool_] | None = None
    fake_repeats: NDArray[np.bool_] | None = None
    fake_to_real: dict[int, Floats] = field(default_factory=dict)
    real_to_fake: dict[int, Floats] = field(default_factory=dict)
    nearest_real: NDArray[np.int64] | None = None
    fakes_covered: dict[Balls, NDArray[np.bool_]] = field(default_factory=dict)
    fakes_counted: dict[Balls, NDArray[np.int64]] = field(default_factory=dict)
    reals_covered: dict[Balls, NDArray[np.bool_]] = field(default_factory=dict)
    realism: dict[int, Floats] = field(default_factory=dict)
    labels: tuple[NDArray[np.int32], NDArray[np.int32]] | None = None  # (num_runs, n) and (num_runs, m)
    moments: tuple[Moments, Moments] | None = None


@dataclass
class Outcome:
    """What a formula answers. A key stands in `values` or, with its reason, in `undefined`."""

    values: dict[str, float] = field(default_factory=dict)
    samples: dict[str, NDArray[Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    undefined: dict[str, str] = field(default_factory=dict)
    curve: dict[str, NDArray[Any]] | None = None


@dataclass(frozen=True)
class Family:
    """A family of metrics: its name (that of its call), its keys, the options of its call, what it needs,
    and its formula. `needs` gets (n, m, options) and raises `Undefined` where the sizes rule the family out;
    too few points for the neighbours asked for are noticed by the planner, which names the option
    `k_option`.
    """

    name: str
    keys: tuple[Key, ...]
    defaults: Mapping[str, Any]
    needs: Callable[[int, int, Options], Needs]
    formula: Callable[[Found, Options], Outcome]
    k_option: str = "nearest_k"


def mean(values: Iterable[float]) -> float:
    """The mean, summed exactly: it does not depend on the order of the points."""
    listed = values if isinstance(values, np.ndarray) else list(values)
    return math.fsum(listed) / len(listed)


def share(mask: NDArray[np.bool_]) -> float:
    """Which part of the points is marked: one exact division of counts."""
    return int(np.count_nonzero(mask)) / len(mask)
