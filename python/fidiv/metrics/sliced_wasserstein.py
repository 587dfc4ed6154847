"""The sliced Wasserstein distance (Bonneel, Rabin, Peyré and Pfister 2015, "Sliced and Radon Wasserstein
Barycenters of Measures", Journal of Mathematical Imaging and Vision 51): the Wasserstein distances of the
projections to random lines,

    SW_p = (mean over directions of W_p^p of the projections)^(1/p).

On a line the best coupling pairs the points in order of size. Sets of n and m points are cut at all i/n and
j/m, and each piece pairs one point of either set: exact for any two sizes, nothing is interpolated or
dropped.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _gram
from ..results import Key
from ._family import Family, Floats, Found, Integers, Needs, Options, Outcome

NAME = "sliced_wasserstein"
AT_ONCE = 1 << 20  # numbers projected at a time: 8 MB, and as much again to compare


def needs(n: int, m: int, options: Options) -> Needs:
    return Needs()


def coupling(n: int, m: int) -> tuple[Floats, Integers, Integers]:
    """(weights, ranks in the first set, ranks in the second) of the pieces between the cuts i/n and j/m."""
    cuts = np.union1d(np.arange(n, dtype=np.int64) * m, np.arange(m, dtype=np.int64) * n)
    lengths = np.diff(cuts, append=n * m)
    return lengths / (n * m), cuts // m, cuts // n


def directions(d: int, num_projections: int, seed: int) -> Floats:
    """(num_projections, d): uniform on the sphere."""
    drawn = np.random.default_rng(seed).normal(size=(num_projections, d))
    found: Floats = drawn / np.sqrt(np.einsum("ij,ij->i", drawn, drawn))[:, None]
    return found


def projected(space: _gram.Space, x: NDArray[Any], lines: Floats) -> Floats:
    """(lines, points), ascending along each line."""
    found = np.empty((len(lines), len(x)))
    for block in space.blocks(x):
        found[:, block.start : block.start + len(block)] = lines @ block.rows.T
    found.sort(axis=1)
    return found


def powers(real: NDArray[Any], fake: NDArray[Any], lines: Floats, p: float) -> tuple[Floats, float]:
    """(W_p^p along each line, the power of two whose p-th power they are to be multiplied by)."""
    space = _gram.Space(_gram.Distance(), real, fake)
    n, m = len(real), len(fake)
    weights, left, right = coupling(n, m)
    found, step = np.empty(len(lines)), max(1, AT_ONCE // (n + m))
    for first in range(0, len(lines), step):
        some = lines[first : first + step]
        x, y = projected(space, real, some), projected(space, fake, some)
        for row, (one, other) in enumerate(zip(x, y, strict=True), first):
            apart = np.abs(one - other if n == m else one[left] - other[right])
            found[row] = np.dot(weights, apart if p == 1 else apart * apart if p == 2 else apart**p)
    return found, space.scale


def formula(found: Found, options: Options) -> Outcome:
    p = options["p"]
    lines = directions(found.d, options["num_projections"], options["seed"])
    costs, scale = powers(found.further.real, found.further.fake, lines, p)
    return Outcome({NAME: float((math.fsum(costs) / len(costs)) ** (1 / p) * scale)})


FAMILY = Family(
    NAME,
    keys=(
        Key(
            NAME,
            NAME,
            "lower",
            (0.0, math.inf),
            "Wasserstein distance of the projections to random lines",
        ),
    ),
    defaults={"num_projections": 1000, "p": 2.0, "seed": 0},
    needs=needs,
    formula=formula,
)
