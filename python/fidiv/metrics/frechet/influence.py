"""The influence of each point on the Fréchet distance, and the standard error that follows.

Give a fake y a little more weight than the others: the mean of the fakes moves towards y, their covariance
S_G towards (y - mu_G)(y - mu_G)', and the distance FD moves in proportion. The factor of proportion is the
influence function of FD (Hampel 1974, "The Influence Curve and its Role in Robust Estimation")

    psi(y) = 2 (mu_G - mu_R)'(y - mu_G) + c (y - mu_G)'(I - T)(y - mu_G) - tr (I - T) S_G,    c = m / (m - 1),

    T = S_G^{-1/2} (S_G^{1/2} S_R S_G^{1/2})^{1/2} S_G^{-1/2},

because the derivative of tr (S_G S_R)^{1/2} by S_G is T / 2, half the matrix of the optimal map from one
Gaussian onto the other (the tangents of such distances: Rippl, Munk and Sturm 2016, "Limit laws of the
empirical Wasserstein distance: Gaussian distributions"). c belongs to covariances with m - 1 in the
denominator; with it the mean of psi over the fakes is exactly 0. The reals have the same function with the
letters swapped. To first order, in independent samples,

    FD - FD(laws) = bias + mean psi over the fakes + mean psi over the reals + small,

so that var FD is about var psi_G / m + var psi_R / n, and without the second part where the reals stay.

Algorithm. S_G = L_G' L_G with L_G = K_G D_G, K_G the triangle of a QR factorisation of the standardised rows
and D_G the deviations of the columns, and S_R alike. From the singular values L_G L_R' = U s V',

    T = L_G^{-1} U s U' L_G'^{-1},    tr T S_G = sum of s,    T^{-1} = L_R^{-1} V s V' L_R'^{-1},

as T S_G T = S_R shows. So (y - mu)' T (y - mu) is the squared length of s^{1/2} U' K_G'^{-1} z for the
standardised row z: nothing is squared, no root of a matrix is taken, and one decomposition serves both sets.
QR here, not the quicker Cholesky factor of the distance itself: the inverse needs all digits.

A column that is constant in a set has no part in T, as in the distance; it is taken for constant in the law.
Any other singular covariance is refused: where S_R reaches beyond the directions of S_G, the distance moves
like the root of a weight, and there is no influence.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from scipy.linalg import blas

from .._family import Floats, Moments, Undefined
from .distance import BLOCK, Matrix, Rows, gaussian_probes, power_of_two

_UNIT = 2.0**-53
_NAMES = ("real_features", "fake_features")


def influences(real: Moments, fake: Moments) -> tuple[Floats, Floats]:
    """The influence of each fake (2, m) and of each real (2, n), in squared units of the features: on the
    part of the distance that comes from the means, and on that from the covariances.

    Undefined where a covariance is singular (constant columns aside), and where values do not fit.
    """
    try:
        sets = (Rows.of(real, _NAMES[0]), Rows.of(fake, _NAMES[1]))
    except ValueError as error:
        raise Undefined(str(error)) from error
    kept = np.flatnonzero((real.spread > 0.0) & (fake.spread > 0.0))
    # Not mean - mean: the first rows cancel exactly enough, the means relative to them are small.
    shift = (fake.base - real.base) + (fake.centre - real.centre)
    # One power of two brings everything near 1 without a rounding.
    unit = power_of_two(np.concatenate([real.spread, fake.spread, shift]))
    maps, total = _maps(sets, kept, unit)
    with np.errstate(over="ignore", invalid="ignore"):
        of_fakes = _psi(sets[1], kept, maps[1], total, shift / unit, unit) * unit * unit
        of_reals = _psi(sets[0], kept, maps[0], total, -shift / unit, unit) * unit * unit
    if not (np.isfinite(of_fakes).all() and np.isfinite(of_reals).all()):
        raise Undefined("the influences of single points on frechet_distance do not fit in a float64")
    return of_fakes, of_reals


def standard_errors(of_fakes: Floats, of_reals: Floats) -> tuple[float, float]:
    """Of the distance over fresh sets of both kinds, and over fresh fakes only."""
    fakes, reals = _of_a_mean(of_fakes), _of_a_mean(of_reals)
    return math.hypot(fakes, reals), fakes


def _of_a_mean(values: Floats) -> float:
    """The standard error of the mean of values whose mean is 0."""
    unit = power_of_two(values)
    squares = math.fsum(np.square(values / unit))
    return unit * math.sqrt(squares / (len(values) - 1) / len(values))


def _maps(
    sets: tuple[Rows, Rows], kept: NDArray[np.intp], unit: float
) -> tuple[tuple[Matrix, Matrix], float]:
    """For each set the matrix W with T = D^{-1} W W' D^{-1}, in these units, and the sum of the singular
    values: tr T S of both.
    """
    if kept.size == 0:
        nothing = np.zeros((0, 0))
        return (nothing, nothing), 0.0
    triangles = [_triangle(rows, kept, name) for rows, name in zip(sets, _NAMES, strict=True)]
    roots = [k * (rows.spread[kept] / unit) for k, rows in zip(triangles, sets, strict=True)]
    product = blas.dgemm(1.0, roots[0], roots[1], trans_b=1)
    left, values, right = linalg.svd(product, overwrite_a=True, check_finite=False)
    stretch = np.sqrt(values)
    first = linalg.solve_triangular(triangles[0], left * stretch, check_finite=False)
    second = linalg.solve_triangular(triangles[1], right.T * stretch, check_finite=False)
    return (first, second), math.fsum(values)


def _triangle(rows: Rows, kept: NDArray[np.intp], name: str) -> Matrix:
    """K with K'K the correlations of the columns that vary; Undefined where they are singular."""
    count, width = len(rows.moments.points), kept.size
    if count <= width:
        raise Undefined(
            f"the influence of a point on frechet_distance needs a covariance that is not singular: at least "
            f"{width + 1} points in {name} for {width} columns that vary, it has {count}"
        )
    triangle = rows.factor(kept).matrix
    size = math.inf
    if np.abs(np.diag(triangle)).min() > 0.0:
        with np.errstate(over="ignore", invalid="ignore"):
            inverse = linalg.solve_triangular(triangle, gaussian_probes(width), check_finite=False)
            # About || K^{-1} ||_F sqrt(number of probes).
            size = float(np.linalg.norm(inverse))
    # The columns of K have length 1, and QR errs by some units in the last place of that.
    if not size * 32 * width * _UNIT < 1.0:
        raise Undefined(
            f"the influence of a point on frechet_distance needs a covariance that is not singular; columns "
            f"of {name} depend on one another"
        )
    return triangle


def _psi(
    rows: Rows, kept: NDArray[np.intp], map_: Matrix, total: float, shift: Matrix, unit: float
) -> Floats:
    """The influence of each row by means and by covariances, over unit^2; `shift` is the mean of this set
    less that of the other.
    """
    count = len(rows.moments.points)
    varies = np.flatnonzero(rows.spread > 0.0)
    deviations = rows.spread[varies] / unit
    out = np.zeros((2, count))
    if varies.size == 0:
        return out
    inner = np.searchsorted(varies, kept)
    towards = 2.0 * math.sqrt(count - 1) * deviations * shift[varies]
    trace = math.fsum(np.square(deviations))
    start = 0
    for block in rows.standard_rows(varies, BLOCK):
        of_mean, mine = out[:, start : start + len(block)]
        of_mean += np.einsum("ij,j->i", block, towards)
        if inner.size:
            mapped = block if inner.size == varies.size else np.take(block, inner, axis=1)
            # SciPy's BLAS as everywhere here: threads of NumPy's would spin against its own.
            image = blas.dgemm(1.0, map_, mapped.T, trans_a=1)
            mine -= count * np.einsum("ij,ij->j", image, image)
        block *= deviations
        mine += count * np.einsum("ij,ij->i", block, block)
        mine -= trace - total
        start += len(block)
    return out
