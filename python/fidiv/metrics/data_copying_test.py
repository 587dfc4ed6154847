"""The data-copying test C_T (Meehan, Chaudhuri and Dasgupta 2020, "A Non-Parametric Test to Detect
Data-Copying in Generative Models", AISTATS).

Let L(x) be the distance of x to the nearest training point. A generator that copies has fakes with smaller L
than fresh data of the law, the holdout set. The space is cut into cells; in each one the Mann-Whitney
statistic U = #{(fake, holdout): L(fake) > L(holdout)}, ties counting one half, of m fakes and h holdout
points is standardised as published,

    Z = (U - (h m / 2 - 1/2)) / sqrt(h m (h + m + 1) / 12),

without a correction of the deviation for ties (with many ties |Z| is a little too small), and C_T is the mean
of Z weighted by the share of holdout points in the cell. C_T far below 0 says copying, far above 0 says that
fakes miss the data. For honest fakes each Z is about standard normal.

Cells are those of three k-means centres of the training points (10 starts, the one with the least sum of
squares), in the first 64 principal components of the training points when there are more columns. A cell
with 20 fakes or fewer takes no part, as published, and one without holdout points has no weight (the
published code raises there).

Two differences from the published code, both where it leaves the paper: L is the distance in the features as
given and to the nearest of all training points; there it is taken in the principal components and to the
training points of the same cell.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..results import Key
from ._family import Family, Floats, Found, Further, Integers, Needs, Options, Outcome, Undefined

NAME = "data_copying_test"
COMPONENTS = 64
CELLS = 3
STARTS = 10
FEW = 20  # fakes in a cell that takes no part
BLOCK = 1 << 20  # coordinates converted to float64 at a time


def needs(n: int, m: int, options: Options) -> Needs:
    if n < CELLS:
        raise Undefined(f"data_copying_test cuts the reals into {CELLS} cells, got {n} points")
    return Needs(fake_to_real=frozenset({1}), holdout=1)


def rank_score(fakes: Floats, holdout: Floats) -> float:
    """Z of the Mann-Whitney statistic."""
    m, h = len(fakes), len(holdout)
    ordered = np.sort(holdout)
    below, upto = (np.searchsorted(ordered, fakes, side=side) for side in ("left", "right"))
    twice = int(below.sum()) + int(upto.sum()) - (h * m - 1)
    return twice / 2 / math.sqrt(h * m * (h + m + 1) / 12)


def components(sets: list[NDArray[np.floating]]) -> list[Floats]:
    """All sets in the principal components of the first one."""
    train = sets[0]
    n, d = train.shape
    # A power of two that brings all coordinates to size 1 or less: squares cannot overflow then, and the
    # cells do not depend on the unit of the features.
    top = max(float(np.abs(part).max()) for part in sets)
    scale = 2.0 ** -math.frexp(top)[1] if top > 1e-300 else 1.0
    step = max(1, BLOCK // d)
    blocks = [slice(first, first + step) for first in range(0, n, step)]
    mean = sum((scale * train[block].astype(np.float64)).sum(axis=0) for block in blocks) / n
    covariance = np.zeros((d, d))
    for block in blocks:
        centred = scale * train[block].astype(np.float64) - mean
        covariance += centred.T @ centred
    axes = np.linalg.eigh(covariance)[1][:, : -COMPONENTS - 1 : -1]

    def project(points: NDArray[np.floating]) -> Floats:
        found = np.empty((len(points), COMPONENTS))
        for first in range(0, len(points), step):
            part = scale * points[first : first + step].astype(np.float64)
            found[first : first + step] = (part - mean) @ axes
        return found

    return [project(points) for points in sets]


def squares(points: NDArray[np.floating], centres: Floats, labels: NDArray[np.int32]) -> float:
    """The sum of squared distances to the own centre."""
    step = max(1, BLOCK // points.shape[1])
    total = 0.0
    for first in range(0, len(points), step):
        block = slice(first, first + step)
        difference = points[block].astype(np.float64) - centres[labels[block]]
        total += float(np.einsum("ij,ij->", difference, difference))
    return total


def cells(further: Further, seed: int) -> tuple[Integers, Integers]:
    """The cell of each fake and of each holdout point."""
    assert further.holdout is not None
    sets = [further.real, further.fake, further.holdout]
    if sets[0].shape[1] > COMPONENTS:
        sets = components(sets)
    train, fake, holdout = sets
    (labels,), centres = further.kmeans([train], num_clusters=CELLS, num_runs=STARTS, seed=seed)
    best = min(range(STARTS), key=lambda run: squares(train, centres[run], labels[run]))
    own = np.ascontiguousarray(centres[best])
    return further.knn(fake, own, 1)[1][:, 0], further.knn(holdout, own, 1)[1][:, 0]


def formula(found: Found, options: Options) -> Outcome:
    assert found.holdout_to_real is not None
    fake_distances, holdout_distances = found.fake_to_real[1], found.holdout_to_real[0][:, 0]
    fake_cells, holdout_cells = cells(found.further, options["seed"])
    scores = np.full(CELLS, np.nan)
    weights = [0] * CELLS
    for cell in range(CELLS):
        ours, theirs = fake_distances[fake_cells == cell], holdout_distances[holdout_cells == cell]
        if len(ours) > FEW and len(theirs) > 0:
            scores[cell], weights[cell] = rank_score(ours, theirs), len(theirs)
    if not any(weights):
        raise Undefined(f"no cell holds more than {FEW} fakes and a holdout point")
    value = math.fsum(w * float(z) for w, z in zip(weights, scores, strict=True) if w) / sum(weights)
    outcome = Outcome({"c_t": value}, samples={"copying_cell": fake_cells, "copying_z": scores[fake_cells]})
    if left := sum(1 for weight in weights if not weight):
        outcome.notes.append(
            f"c_t: {left} of {CELLS} cells took no part: they hold at most {FEW} fakes or no holdout point"
        )
    return outcome


FAMILY = Family(
    NAME,
    keys=(
        Key(
            "c_t",
            NAME,
            "zero",
            (-math.inf, math.inf),
            "far below 0: fakes nearer to training data than unseen data is; far above: farther",
            0.0,
        ),
    ),
    defaults={"seed": 0},
    needs=needs,
    formula=formula,
)
