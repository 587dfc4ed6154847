"""M1: fakes that lie outside of the real data, and those among them that lie together.

s(z) = nu_k(z; A) / r_k(a), the distance to the k-th anchor in units of the neighbourhood of the nearest
anchor a. Anchors are half of the reals, so k is half of `nearest_k`, rounded up: it reaches as far as
`nearest_k` among all of them. If both laws are one, the score of a fake is one more draw beside those of the
counted reals, and p = (1 + #{C: s >= its own}) / (|C| + 1) is a p-value whatever the law. Benjamini and
Hochberg's rule at the level then flags any fake at all in at most that share of cases (conformal p-values of
one calibration set depend on one another in the way that rule allows: Bates et al. 2023).

Flagged fakes may be stray ones. Where many lie together the model has invented something: a component of
their graph of mutual nearest neighbours with at least max(10, m / 1000) points. A label that no real point
has is invented too, where chance does not explain that no real has it (a rare label may be drawn into one
set only).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..metrics import Anchored, Further
from .options import Options
from .statistics import benjamini_hochberg, conformal

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]

FEWEST_INVENTED = 10
LEAST_INVENTED = 0.001  # of the fakes


@dataclass(frozen=True)
class Outside:
    scores: Floats  # (m,)
    p_values: Floats  # (m,)
    flagged: Mask  # (m,)


def neighbours(nearest_k: int) -> int:
    """How many anchors reach as far as so many reals."""
    return (nearest_k + 1) // 2


def scores(distances: Floats, radii: Floats) -> Floats:
    """nu / r; a point on k anchors is as far inside as can be, whatever the radius, and scores 0."""
    far = np.divide(distances, radii, out=np.full(len(radii), np.inf), where=radii > 0)
    return np.where(distances == 0, 0.0, far)


def find(known: Anchored, options: Options) -> Outside:
    """The score of each fake, its p-value, and whether it is flagged."""
    radii, others = known.reals[0], ~known.mask
    of_reals = scores(radii[others], radii[known.reals[1][others]])
    of_fakes = scores(known.fakes[0], radii[known.fakes[1]])
    p_values = conformal(of_fakes, of_reals)
    return Outside(of_fakes, p_values, benjamini_hochberg(p_values) <= options.level)


def together(more: Further, flagged: Mask, nearest_k: int) -> Integers:
    """The component of each fake, largest first, or -1: those of the mutual neighbours among the flagged
    that are large enough.
    """
    answer = np.full(len(flagged), -1, dtype=np.int64)
    rows = np.flatnonzero(flagged)
    least = max(FEWEST_INVENTED, LEAST_INVENTED * len(flagged))
    if len(rows) < least:
        return answer
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    count = len(rows)
    _, neighbours = more.knn(more.fake[rows], None, min(nearest_k, count - 1))
    starts = np.repeat(np.arange(count), neighbours.shape[1])
    shape = (count, count)
    names = csr_matrix((np.ones(len(starts), np.int8), (starts, neighbours.ravel())), shape=shape)
    _, component = connected_components(names.multiply(names.T), directed=False)
    sizes = np.bincount(component)
    # Largest first, then by the first point, so that the numbers mean something.
    order = sorted(np.flatnonzero(sizes >= least).tolist(), key=lambda c: (-sizes[c], c))
    for place, c in enumerate(order):
        answer[rows[component == c]] = place
    return answer
