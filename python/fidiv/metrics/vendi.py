"""Diversity of one set from a kernel matrix: the Vendi score and the Rényi kernel entropy.

K is the n x n matrix of similarities of the points, with 1 on its diagonal, so that the eigenvalues of K / n
are not negative and sum to 1, like shares. The number of kinds of points is the exponential of their entropy
(of order q, a Hill number): from 1, all points are the same, to n, no two have anything in common.

* vendi_score (Friedman and Dieng 2023, "The Vendi Score: A Diversity Evaluation Metric for Machine Learning",
  TMLR; orders: Pasarkar and Dieng 2024, "Cousins of the Vendi Score", AISTATS): K of cosines, the inner
  products of rows at length 1.
* rke (Jalali, Li and Farnia 2023, "An Information-Theoretic Evaluation of Generative Models in Learning
  Multi-modal Distributions", NeurIPS): the Gaussian kernel and order 2, for which no eigenvalue is needed:
  the sum of their squares is the mean of k(x_i, x_j)^2 over all i, j.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _gram
from ._family import Floats

ROWS = 1024  # that are at length 1 at a time


def cosine_eigenvalues(x: NDArray[Any]) -> Floats:
    """The eigenvalues of K / n other than zeros by shape: ascending, min(n, d) of them, summing to 1.

    X X' and X' X have the same ones, so the smaller is decomposed. Their error is about u max(n, d), u =
    2^-53: what is below twice that is noise, and 0 here.
    """
    n, d = x.shape
    if n < d:
        unit = _gram.unit_rows(x)
        product = unit @ unit.T
    else:
        product = np.zeros((d, d))
        for first in range(0, n, ROWS):
            unit = _gram.unit_rows(x[first : first + ROWS])
            product += unit.T @ unit
    found = np.linalg.eigvalsh(product / n)
    found[found < max(n, d) * np.finfo(np.float64).eps] = 0.0
    shares: Floats = found / math.fsum(found)
    return shares


def hill_number(shares: Floats, q: float) -> float:
    """The exponential of the Rényi entropy of order q: (sum of p^q)^(1 / (1 - q))."""
    p = shares[shares > 0]
    if q == 0:
        return float(len(p))
    if q == math.inf:
        return float(1 / p.max())
    logs = np.log(p)
    if q == 1:
        return math.exp(-math.fsum(p * logs))
    # The sum of p^q is 1 and a small rest where q is near 1; so written, nothing cancels.
    rest = math.fsum(p * np.expm1((q - 1) * logs))
    if rest > -0.5:
        return math.exp(math.log1p(rest) / (1 - q))
    # For large q: about the largest share, so that no power vanishes.
    top = float(logs.max())
    return math.exp(q / (1 - q) * top + math.log(math.fsum(np.exp(q * (logs - top)))) / (1 - q))


def renyi_kernel_entropy(x: NDArray[Any], bandwidth: float, threads: int) -> float:
    """1 / (the mean of k^2 over all pairs, each point with itself too)."""
    # The square of a Gaussian is one that is narrower by sqrt 2.
    sums = _gram.within(x, _gram.Gaussian(bandwidth / math.sqrt(2)), threads=threads)
    return len(x) ** 2 / (_gram.total(sums) + len(x))
