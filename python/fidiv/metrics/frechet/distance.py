"""The Fréchet distance between two sets of points, from features or from moments.

The squared Fréchet (2-Wasserstein) distance of two normal laws (Dowson and Landau 1982), which Heusel et al.
(2017, eq. 6) made the usual score of generated images; covariances with n - 1 in the denominator:

    FD = |mu1 - mu2|^2  +  tr S1 + tr S2 - 2 tr (S1 S2)^{1/2}

Why no matrix square root: S1 S2 is not symmetric; its root is slow, loses half the digits when a
covariance is singular and may come back complex. But S = C' C with C the centred rows over sqrt(n - 1),
and the trace of the root is a sum of singular values, the nuclear norm of the product of the centred factors:

    F(S1, S2) := tr (S1 S2)^{1/2} = || C1 C2' ||_*

It is real by construction, exact for fewer rows than columns and unharmed by singular covariances. Any L with
L' L = S serves as C.

Algorithm
1. One parallel pass over the rows of each set, by the compiled core: the mean and spread of each column, the
   correlations where there are more rows than columns, all relative to a base near the mean, so that an
   offset cannot cancel. A column constant in either set adds nothing to the product and drops out exactly.
   The others are divided by their spread, so that no scale overflows and the errors below are relative to
   each column.
2. The factor of a set. At most as many rows as columns: the centred rows, of which a reflection leaves one
   fewer (they add up to 0). Otherwise the upper triangle of a Cholesky factorisation of the correlations
   where bound (a) allows it, else of a QR factorisation of the rows, block by block. Of a covariance: its
   eigenvectors times the roots of its eigenvalues.
3. The nuclear norm of M = L1 L2', which has min(n - 1, d) rows and min(m - 1, d) columns: from the
   eigenvalues of M M' or M' M, the smaller, where bound (d) allows it, else from the singular values of M.
Beside blocks of rows, memory holds both factors (M takes the place of one), M M' and the sums of the pass:
some d^2 numbers each, less for fewer rows.

Bounds. FD is to be within 1e-9 (tr S1 + tr S2) of its exact value; (a) may use half of that, (d) the rest.
(a) is proven but for a small probability; (b) and (c) are the backward errors of the textbooks, with sqrt(d)
for their polynomial p, as is usual; (d) is measured, not proven.
Letters: u = 2^-53; A = S1, B = S2 exactly; D = diag(A)^{1/2}; A' = L1' L1, B' = L2' L2 for the factors in
hand; X <= Y means that Y - X is positive semidefinite.

(a) Cholesky. We factor the correlations plus `shift` times the unit matrix and measure the error of all that
    happened (the pass and the factorisation) with probes: E = K' K - shift - correlations is a symmetric
    matrix, and for a Gaussian Z of 16 columns ||E||_2 <= eps := ||E Z||_F but for a chance below 1e-7 (that
    a chi-square of 16 degrees falls below 1), in each of at most four uses. Z is drawn with a fixed seed, so
    that results repeat: the chance is over data that were not built against this Z. E Z costs thin products
    only; correlations Z comes from the rows as C'(C Z). With eps <= shift
        0 <= A' - A <= (shift + eps) D^2.
    For 0 <= A <= A' let X = B^{1/2} A B^{1/2} <= X' = B^{1/2} A' B^{1/2}. The root is monotone, X^{1/2} <=
    X'^{1/2}, hence tr X'^{-1/2} X = tr X^{1/2} X'^{-1/2} X^{1/2} <= tr X^{1/2}, which says
        0 <= F(A', B) - F(A, B) <= tr X'^{-1/2} (X' - X) = tr T (A' - A),    T = B^{1/2} X'^{-1/2} B^{1/2}.
    T is the geometric mean of A'^{-1} and B, the transport map: it grows with B, shrinks with A', and if
    B' <= k12 A' then T <= sqrt(k12). So, first from A to A' and then from B to B',
        0 <= F(A', B') - F(A, B) <= (shift + eps1) sqrt(k12) tr A + (shift + eps2) sqrt(k21) tr B,
        k12 = || L2 L1^{-1} ||_2^2,    k21 = || L1 L2^{-1} ||_2^2.
    (tr A' and tr B', which enter FD, err by less and the other way.) How singular the covariances are does
    not matter, only how far their ratio is from 1 in its worst direction: two samples of one law have k
    near ten even where the spectrum falls by ten decades or both repeat a column. k is bounded by the same
    probes through two power steps: with G = L2 L1^{-1}, k12^2 = ||(G'G)^2||_2 <= ||(G'G)^2 Z||_F.
(b) QR. Householder QR is backward stable column by column: K is the exact factor of rows whose columns
    moved by at most p u of their length, and |F' - F| <= ||dC1||_F ||C2||_F + ||C1||_F ||dC2||_F <= p u
    (tr A + tr B): below 1e-12 of the traces, without a condition.
(c) Singular values. Each errs by at most p u s_1, their sum by d p u s_1: with p = sqrt(d), below 1e-10 of
    F even at d = 10,000 and even if one of them is all of F.
(d) Eigenvalues. Those of the computed M M' err by |e_i| <= u (16 sqrt(d) l_i + 10 l_1): a drift relative to
    each, from the rotations, and a backward error relative to the largest. Theory offers a polynomial in d
    that nothing reaches, so the two factors are measured: over flat, exponential, spiked, rectified, nearly
    low-rank and graded spectra, d = 32 to 2048, the worst were 5.5 sqrt(d) and 5.0. (From the lower
    triangle, whose reduction starts where a product of Cholesky factors is largest; from the upper one, 13.)
    The root s_i of l_i then errs by at most min(|e_i| / s_i, sqrt|e_i|); the sum of these is the bound. Many
    small s_i beside a large one break it, and (c) takes over; so it does beyond d = 2048, where nothing was
    measured.

Never negative: tr L1' L1 + tr L2' L2 >= 2 || L1 L2' ||_*, so that only errors within these bounds can bring
the covariance term, which takes the traces from the factors, below 0. It is cut off there.

What it costs, 2026-11, 10,000 + 10,000 x 2048 float32, processor seconds on one core of a busy Zen 4 with
AVX-512, OpenBLAS 0.3.30: the pass 0.93 a set (SciPy's dsyrk alone, on float64 rows that are there already,
0.92; with the conversion before it 1.15 to 1.31); probes 0.09 a set; Cholesky 0.08 each; product and square
0.5; eigenvalues of M M' 0.5. Of 1024 + 700 rows: 0.14 for everything.
What was rejected: QR always (twice the time of everything else); eigenvalues of S1^{1/2} S2 S1^{1/2} (two
more full decompositions, and off by 1e-7 on singular covariances); splitting the large singular values off by
subspace iteration so that (d) holds for the rest (without a gap in the spectrum the part neglected is far
above the target); NumPy's BLAS beside SciPy's (two pools of threads that spin against each other); faer
0.24's decompositions (one thread, 2048 columns, in the same minutes: eigenvalues 1.6 to 2.6 s against 1.2 to
1.4 of LAPACK, singular values 7 against 4.8; about equal at 512 and 1024; its Cholesky is a third faster,
0.05 s of the whole).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg  # 0.2 s and threads: the package imports this module when first needed
from scipy.linalg import blas

from .._family import Moments

Matrix = NDArray[np.float64]

TOLERANCE = 1e-9  # of tr S1 + tr S2: how far the covariance term may be from its exact value
_UNIT = 2.0**-53  # the rounding unit of float64
_MEASURED = 2048  # the largest width bound (d) was measured at
_PROBES = 16
BLOCK = 1 << 20  # elements in a block of rows: 8 MiB of float64


def frechet_distance_terms(real: Moments, fake: Moments) -> tuple[float, float, float]:
    """Squared Fréchet distance of the normal laws fitted to two sets of points.

    Parameters
    ----------
    real, fake : the moments of both sets, of n and m >= 2 points of d columns.

    Returns
    -------
    frechet_distance, mean_term, covariance_term : floats, in squared units of the features, never
        negative; the first is the sum of the other two. The covariances have n - 1 in the denominator. The
        covariance term is within 1e-9 (tr S1 + tr S2) of its exact value, for full-rank and singular
        covariances, fewer rows than columns and any scale; usually within 1e-11. Two steps of this bound
        are not proofs: random probes of a fixed seed, which miss with a chance below 1e-6 for data not
        built against them, and an error of eigenvalues that was measured (up to 2048 columns; it is not
        used beyond).

    Raises
    ------
    ValueError : fewer than 2 points in a set, different widths, or values so large that the distance does
        not fit in a float64.

    Sources: Dowson and Landau, "The Fréchet distance between multivariate normal distributions", 1982;
    Heusel et al., "GANs trained by a two time-scale update rule", 2017, eq. 6.
    """
    sets = (Rows.of(real, "real_features"), Rows.of(fake, "fake_features"))
    if sets[0].spread.size != sets[1].spread.size:
        raise ValueError(
            f"fake_features has {sets[1].spread.size} columns, real_features has {sets[0].spread.size}"
        )
    # Not mean - mean: the first rows cancel exactly enough, the means relative to them are small.
    shift = (real.base - fake.base) + (real.centre - fake.centre)
    return _terms(shift, *sets, "real_features and fake_features")


def frechet_from_moments(
    mean_a: ArrayLike, cov_a: ArrayLike, mean_b: ArrayLike, cov_b: ArrayLike
) -> tuple[float, float, float]:
    """Squared Fréchet distance of two normal laws given by their means and covariances.

    Parameters
    ----------
    mean_a, mean_b : real vectors of shape (d,).
    cov_a, cov_b : real symmetric matrices of shape (d, d) without negative eigenvalues (beyond rounding at
        the precision of their dtype).

    Returns
    -------
    frechet_distance, mean_term, covariance_term : as from features.

    A covariance is a worse carrier than the features. The value is within 1e-9 (tr cov_a + tr cov_b) of
    the exact one for the matrices as given while neither is singular in a direction in which the other is
    not (fewer rows than columns, dependent columns). There the rounding e of the entries (1e-16 in
    float64, 1e-7 in float32) moves it by up to sqrt(d e) (tr cov_a + tr cov_b), whatever the method. Use
    the features where you have them.

    Raises
    ------
    ValueError : names the argument that has a wrong shape, a value that is not finite, is not symmetric or
        has negative eigenvalues; values so large that the distance does not fit in a float64.

    >>> import numpy as np
    >>> terms = frechet_from_moments([0.0, 1.0], np.diag([1.0, 4.0]), [0.0, 0.0], np.diag([9.0, 4.0]))
    >>> [round(term, 9) for term in terms]
    [5.0, 1.0, 4.0]
    """
    first = _vector(mean_a, "mean_a")
    second = _vector(mean_b, "mean_b")
    if first.size != second.size:
        raise ValueError(f"mean_b has {second.size} entries, mean_a has {first.size}")
    sets = (_Covariance.of(cov_a, first.size, "a"), _Covariance.of(cov_b, first.size, "b"))
    with np.errstate(over="ignore"):
        shift = first - second
    return _terms(shift, *sets, "mean_a, cov_a, mean_b and cov_b")


# ---- the two kinds of sets: rows of features, or a covariance ----


@dataclass(frozen=True)
class _Factor:
    """L with L' L = S."""

    matrix: Matrix
    triangular: bool = False  # upper
    regular: bool = False  # as many singular values above 0 as rows, unless the data are special
    slack: float = 0.0  # shift + eps of bound (a); 0 where the factor is not by Cholesky

    def scaled(self, columns: Matrix) -> _Factor:
        matrix = self.matrix
        matrix *= columns
        return replace(self, matrix=matrix)


@dataclass(frozen=True)
class Rows:
    """Points with their moments."""

    moments: Moments

    @classmethod
    def of(cls, moments: Moments, name: str) -> Rows:
        if len(moments.points) < 2:
            raise ValueError(
                f"frechet_distance needs at least 2 points in {name}, which has {len(moments.points)}"
            )
        return cls(moments)

    @property
    def spread(self) -> Matrix:
        return self.moments.spread

    def standard_rows(self, kept: NDArray[np.intp], elements: int) -> Iterator[Matrix]:
        """C D^{-1} in blocks: centred rows over sqrt(n - 1) and the spreads. A block lasts until the next."""
        points = self.moments.points
        spread = self.spread[kept] * math.sqrt(len(points) - 1)
        columns = points if kept.size == self.spread.size else _Columns(points, kept)
        for block in _blocks(columns, self.moments.base[kept], elements):
            block -= self.moments.centre[kept]
            block /= spread
            yield block

    def cholesky(self, kept: NDArray[np.intp]) -> _Factor | None:
        if len(self.moments.points) <= kept.size:
            return None  # the rows are a factor already
        lower = self.moments.correlations()
        if kept.size < len(lower):
            lower = lower[np.ix_(kept, kept)]
        probes = gaussian_probes(kept.size)
        everywhere = np.zeros((self.spread.size, _PROBES))
        everywhere[kept] = probes
        # Transposed, it is what SciPy takes without a copy: an upper triangle in the order of Fortran.
        return _cholesky(lower.T, probes, self.moments.probe(everywhere)[kept])

    def factor(self, kept: NDArray[np.intp]) -> _Factor:
        count, width = len(self.moments.points), kept.size
        if count <= width:
            rows = np.empty((count - 1, width), order="F")  # as BLAS has it: no copy there
            start = 0
            # Centred rows add up to 0: the reflection that takes (1, ..., 1) to the first axis makes the
            # first row 0, and the others are a factor by themselves, with a rank to match.
            first = np.empty(0)
            for block in self.standard_rows(kept, BLOCK):
                if start == 0:
                    first = block[0] / (math.sqrt(count) + 1.0)
                    block = block[1:]
                np.subtract(block, first, out=rows[start : start + len(block)])
                start += len(block)
            return _Factor(rows, regular=True)
        upper = np.zeros((0, width))
        for block in self.standard_rows(kept, max(BLOCK, 2 * width * width)):
            stacked = np.concatenate([upper, block])
            upper = linalg.qr(stacked, mode="r", overwrite_a=True, check_finite=False)[0][:width]
        return _Factor(np.asfortranarray(upper), triangular=True)


@dataclass(frozen=True)
class _Covariance:
    """A covariance matrix that has been checked, with the standard deviation of each column."""

    matrix: Matrix
    spread: Matrix

    @classmethod
    def of(cls, values: ArrayLike, width: int, which: str) -> _Covariance:
        given, name = np.asarray(values), f"cov_{which}"
        if given.shape != (width, width):
            entries = "1 entry" if width == 1 else f"{width} entries"
            raise ValueError(
                f"{name} has shape {given.shape}; mean_{which} has {entries}, so {(width, width)} is needed"
            )
        matrix, precision = _real(given, name)
        largest = float(np.abs(matrix).max())
        slack = 16 * width * precision
        halves = matrix / 2  # whose sums and differences do not overflow
        skew = 2.0 * float(np.abs(halves - halves.T).max())
        if skew > slack * largest:
            raise ValueError(f"{name} is not symmetric: it differs from its transpose by up to {skew:.3g}")
        matrix = halves + halves.T
        if largest > 0.0:
            try:  # fails only if there is an eigenvalue below about -slack * largest; then it is worth a look
                lifted = matrix / largest + slack * np.eye(width)
                linalg.cholesky(lifted, overwrite_a=True, check_finite=False)
            except linalg.LinAlgError:
                lowest = float(linalg.eigvalsh(matrix / largest, check_finite=False)[0])
                if lowest < -slack:
                    raise ValueError(
                        f"{name} has the eigenvalue {lowest * largest:.3g}; a covariance has none below 0"
                    ) from None
        return cls(matrix, np.sqrt(np.maximum(np.diag(matrix), 0.0)))

    def factor(self, kept: NDArray[np.intp]) -> _Factor:
        # In its own units, not as correlations: a column that is rounding only must not be blown up.
        largest = float(self.spread[kept].max())
        values, vectors = linalg.eigh(self.matrix[np.ix_(kept, kept)] / largest / largest, check_finite=False)
        # What float64 eigenvalues cannot tell from 0 is 0: its root would be 1e-8 of the largest.
        values[values < kept.size * 2 * _UNIT * values[-1]] = 0.0
        root = np.sqrt(values)[:, None] * vectors.T / (self.spread[kept] / largest)
        return _Factor(np.asfortranarray(root))


# ---- the formula ----


def _terms(
    shift: Matrix, a: Rows | _Covariance, b: Rows | _Covariance, names: str
) -> tuple[float, float, float]:
    """The three numbers, from the difference of the means and both sets; `names` is what errors call them."""
    covariance_term, unit = _covariance_term(a, b)
    unit_of_shift = power_of_two(shift)
    shift = shift / unit_of_shift
    # Back to the units of the features only now: an overflow is inf here, and said.
    mean_term = float(shift @ shift) * unit_of_shift * unit_of_shift
    covariance_term = covariance_term * unit * unit
    total = mean_term + covariance_term
    if not math.isfinite(total):
        raise ValueError(f"values too large in {names}: the squared distance does not fit in a float64")
    return total, mean_term, covariance_term


def _covariance_term(a: Rows | _Covariance, b: Rows | _Covariance) -> tuple[float, float]:
    """The covariance term over the square of a unit, and this unit."""
    # Powers of two bring both sets near 1 without a rounding, so that no product of four values can
    # overflow or vanish.
    unit_a, unit_b = power_of_two(a.spread), power_of_two(b.spread)
    # A column this small beside the largest of its set adds less than 1e-30 sqrt(tr S1 tr S2) to the product.
    varies = (a.spread > 1e-30 * unit_a) & (b.spread > 1e-30 * unit_b)
    kept = np.flatnonzero(varies)
    trace_a = float(np.square(a.spread[~varies] / unit_a).sum())
    trace_b = float(np.square(b.spread[~varies] / unit_b).sum())
    shared = 0.0
    if kept.size:
        ratio = unit_a / unit_b
        left, right, error = _factors(a, b, kept, unit_a, unit_b)
        trace_a += _squares(left.matrix)
        trace_b += _squares(right.matrix)
        # In units of unit_a unit_b, as the nuclear norm is, which enters twice.
        allowed = TOLERANCE / 2 * (trace_a * ratio + trace_b / ratio) - error
        shared = _nuclear_norm(left, right, allowed)
    unit = max(unit_a, unit_b)
    unit_a, unit_b = unit_a / unit, unit_b / unit
    trace = unit_a * unit_a * trace_a + unit_b * unit_b * trace_b
    term = trace - 2.0 * unit_a * unit_b * shared
    assert term >= -TOLERANCE * trace, "an error beyond the bounds at the top of this file"
    return max(term, 0.0), unit


def _factors(
    a: Rows | _Covariance, b: Rows | _Covariance, kept: NDArray[np.intp], unit_a: float, unit_b: float
) -> tuple[_Factor, _Factor, float]:
    """L1 over unit_a and L2 over unit_b, and bound (a) for both."""
    sets, scales = (a, b), (a.spread[kept] / unit_a, b.spread[kept] / unit_b)
    factors: list[_Factor] = []
    for one, scale in zip(sets, scales, strict=True):
        quick = one.cholesky(kept) if isinstance(one, Rows) else None
        factors.append((quick or one.factor(kept)).scaled(scale))
    ratio = unit_a / unit_b
    trace = [_squares(factor.matrix) for factor in factors]
    allowed = TOLERANCE / 4 * (trace[0] * ratio + trace[1] / ratio)
    error = [0.0, 0.0]
    for i, factor in enumerate(factors):
        if factor.slack > 0.0:
            error[i] = factor.slack * trace[i] * _largest_ratio(factors[1 - i].matrix, factor.matrix)
    while sum(error) > allowed:  # the worse side first: often it alone is to blame
        i = int(error[1] > error[0])
        factors[i] = sets[i].factor(kept).scaled(scales[i])
        error[i] = 0.0
    return factors[0], factors[1], sum(error)


def _cholesky(correlations: Matrix, probes: Matrix, product: Matrix) -> _Factor | None:
    """The factor of `correlations` (upper triangle, overwritten) + shift, with its slack.

    `product` is what the correlations should do to the probes.
    """
    width = len(correlations)
    # The rounding of entries up to 1 in sums that grow to the norm of the matrix; measured: eps is 5 to 30
    # of these.
    shift = 40 * _UNIT * float(np.linalg.norm(product))
    correlations[np.diag_indices(width)] += shift
    try:
        upper: Matrix = linalg.cholesky(correlations, overwrite_a=True, check_finite=False)
    except linalg.LinAlgError:
        return None
    images = blas.dgemm(1.0, upper, blas.dgemm(1.0, upper, probes), trans_a=1)
    eps = float(np.linalg.norm(images - shift * probes - product))
    return _Factor(upper, triangular=True, regular=True, slack=shift + eps) if eps <= shift else None


def _largest_ratio(numerator: Matrix, denominator: Matrix) -> float:
    """At least || numerator denominator^{-1} ||_2, but for a chance of 1e-7; the latter upper triangular."""
    steps = 2
    images = gaussian_probes(denominator.shape[1])
    logarithm = 0.0
    for _ in range(steps):
        images = linalg.solve_triangular(denominator, images, check_finite=False)
        images = blas.dgemm(1.0, numerator, blas.dgemm(1.0, numerator, images), trans_a=1)
        images = linalg.solve_triangular(denominator, images, trans="T", check_finite=False)
        size = float(np.linalg.norm(images))
        if not 0.0 < size < math.inf:
            return math.inf
        logarithm += math.log(size)
        images /= size
    return math.exp(logarithm / (2 * steps))


def _nuclear_norm(a: _Factor, b: _Factor, allowed: float) -> float:
    """The sum of the singular values of a b', whose memory is used up: from eigenvalues where they err by at
    most `allowed`.

    They never do where a singular value is 0, which is lost to the root of the error.
    """
    if a.triangular and not b.triangular:
        a, b = b, a
    left, right = a.matrix, b.matrix
    shape = len(left), len(right)
    quick = a.regular and b.regular and max(shape) <= _MEASURED
    if quick and a.triangular:  # the guess needs inverses; where there are none we try
        quick = _expected_error(left, right) <= 2 * allowed
    product: Matrix
    if b.triangular:  # half the work
        product = blas.dtrmm(1.0, right, left, side=1, trans_a=1, overwrite_b=1)
    else:
        product = blas.dgemm(1.0, left, right, trans_b=1)
    if quick:
        values = linalg.eigvalsh(_square(product), overwrite_a=True, check_finite=False, driver="ev")
        values = np.maximum(values, 0.0)
        roots: Matrix = np.sqrt(values)
        error = _UNIT * (16 * math.sqrt(len(values)) * values + 10 * values[-1])
        with np.errstate(divide="ignore", invalid="ignore"):
            worst = np.fmin(np.sqrt(error), error / roots)
        if float(worst.sum()) <= allowed:
            return math.fsum(roots)
    return math.fsum(linalg.svdvals(product, overwrite_a=True, check_finite=False))


def _square(product: Matrix) -> Matrix:
    """The smaller one of M M' and M' M, its lower triangle."""
    square: Matrix = blas.dsyrk(1.0, product, trans=0 if product.shape[0] <= product.shape[1] else 1, lower=1)
    return square


def _expected_error(left: Matrix, right: Matrix) -> float:
    """About what bound (d) will be, for a tenth of the work; a wrong guess costs time only."""
    width = len(left)
    probes = gaussian_probes(width)
    images = blas.dgemm(1.0, left, blas.dgemm(1.0, right, probes, trans_a=1))
    back = blas.dgemm(1.0, right, blas.dgemm(1.0, left, images, trans_a=1))
    largest = float(np.linalg.norm(back) / np.linalg.norm(images))
    inverse = linalg.solve_triangular(left, probes, check_finite=False)
    inverse = linalg.solve_triangular(right, inverse, trans="T", check_finite=False)
    # || M^{-1} Z ||_F^2 / 16 is about the sum of 1 / s_i^2; the sum of 1 / s_i is at most sqrt(d) its root.
    reciprocals = float(np.linalg.norm(inverse)) / math.sqrt(_PROBES) * math.sqrt(width)
    return 10 * _UNIT * largest**2 * reciprocals


# ---- small helpers ----


@dataclass(frozen=True)
class _Columns:
    """Some columns of an array, copied block by block only."""

    points: NDArray[Any]
    kept: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        return np.take(self.points[rows], self.kept, axis=1)


def _blocks(points: NDArray[Any] | _Columns, base: Matrix, elements: int = BLOCK) -> Iterator[Matrix]:
    """Rows minus `base` in float64, some `elements` at a time, in one buffer."""
    rows = max(1, min(len(points), elements // base.size))
    buffer = np.empty((rows, base.size))
    for start in range(0, len(points), rows):
        block = buffer[: min(rows, len(points) - start)]
        yield np.subtract(points[start : start + rows], base, out=block, dtype=np.float64)


def gaussian_probes(width: int) -> Matrix:
    return np.random.default_rng(0).standard_normal((_PROBES, width)).T


def _squares(values: Matrix) -> float:
    return float(np.einsum("ij,ij->", values, values))


def power_of_two(values: Matrix) -> float:
    """What brings the largest of the values, if there is a finite one but 0, into [1, 2)."""
    largest = float(np.abs(values).max())
    return math.ldexp(1.0, math.frexp(largest)[1] - 1) if 0.0 < largest < math.inf else 1.0


def _vector(values: ArrayLike, name: str) -> Matrix:
    given = np.asarray(values)
    if given.ndim != 1 or given.size == 0:
        raise ValueError(f"{name} must be a vector with one entry per feature, got the shape {given.shape}")
    return _real(given, name)[0]


def _real(given: NDArray[Any], name: str) -> tuple[Matrix, float]:
    """The values in float64, and the rounding of the dtype they came in."""
    if given.dtype.kind not in "fiu" or given.dtype.itemsize > 8:
        raise ValueError(f"{name} must hold real numbers of at most 64 bits, got the dtype {given.dtype}")
    values = given.astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError(f"{name} holds {np.count_nonzero(~np.isfinite(values))} values that are not finite")
    precision = float(np.finfo(given.dtype).eps) if given.dtype.kind == "f" else 2 * _UNIT
    return values, max(precision, 2 * _UNIT)
