"""Calls that are sums over all pairs or projections of all points: kernel distance, MMD, energy distance,
sliced Wasserstein distance; and of one set, the Vendi score and the Rényi kernel entropy.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from .. import _core
from .._inputs import as_points, check_count, check_flag, check_number, check_seed
from .._plan import gather_one, one_family, version
from ..metrics import Needs, Undefined
from ..metrics import kernels as _kernels
from ..metrics import vendi as _vendi
from ..results import Result

LARGEST = 1e100  # of options that are numbers: beyond any use, and far from where float64 ends
LARGEST_DEGREE = 100
LARGEST_SEED = 2**32 - 1  # of numpy's RandomState


def kernel_distance(
    real_features: ArrayLike,
    fake_features: ArrayLike,
    *,
    kernel: Literal["polynomial"] = "polynomial",
    estimator: Literal["full", "subsets"] = "full",
    subsets: int = 100,
    subset_size: int = 1000,
    seed: int = 0,
    degree: int = 3,
    gamma: float | None = None,
    coef0: float = 1.0,
    n_jobs: int | None = None,
) -> Result:
    """The kernel distance (squared MMD with the kernel (gamma x.y + coef0)^degree) from all pairs, with its
    standard error.

    Parameters
    ----------
    real_features, fake_features : array (n, d), array (m, d)
        At least two points each; n and m may differ.
    kernel : "polynomial"
        The only one here; a Gaussian kernel is `fidiv.mmd`.
    estimator : "full" or "subsets", default "full"
        "full": the unbiased estimate from all pairs; nothing is drawn. "subsets": the mean of the same
        estimate over random subsets, as other tools report it, with what that draw adds in noise.
    subsets, subset_size : int, default 100 and 1000
        Only of "subsets": how many, and how many points of each set in one (both sets need as many).
    seed : int, default 0
        Only of "subsets", at most 2**32 - 1. The draws are torch-fidelity's, whose seed is 2020: one
        `RandomState(seed)`; for each subset first rows of the fakes (its input1), then rows of the reals (its
        input2).
    degree : int, default 3
        From 1 to 100.
    gamma : float, optional
        None is 1 / d.
    coef0 : float, default 1
        What is added to the inner products.
    n_jobs : int, optional
        Threads of the work on kernel values, as in `fidiv.evaluate`; no number depends on it. The matrix
        products inside use as many as numpy's BLAS does, which its own variables set.

    Returns
    -------
    Result
        "full": kernel_distance, and kernel_distance_se, the standard error over fresh samples of both sets
        (jackknife; for equal laws too large by a factor of up to sqrt 2; NaN with a note for sets of two
        points). "subsets": kernel_distance, the mean, and kernel_distance_std, the standard deviation of the
        single subsets (divided by their number), which is that of subsets that overlap, and no standard error
        of the mean.

    Raises
    ------
    ValueError, TypeError
        As `fidiv.evaluate`, for too few points, and where kernel values do not fit in a float64.

    Notes
    -----
    The estimate is unbiased: for equal laws it is 0 on average and below 0 about half of the time. It is not
    clipped, and not multiplied by 1,000 as in many tables. The kernel is not invariant: moving both sets
    changes it, and it grows like the sixth power of their scale.

    References
    ----------
    Binkowski et al. 2018 (the kernel); Gretton et al. 2012, eq. 3 (the estimate). On Inception features this
    is what is called KID; the features here are yours.

    Examples
    --------
    >>> import numpy as np, fidiv
    >>> rng = np.random.default_rng(0)
    >>> real, fake = rng.normal(size=(500, 8)), rng.normal(size=(400, 8)) + 0.5
    >>> result = fidiv.kernel_distance(real, fake)
    >>> round(result.kernel_distance, 2), round(result.kernel_distance_se, 2)
    (1.29, 0.13)
    """
    options: dict[str, Any] = {
        "kernel": _word(kernel, "kernel", ("polynomial",), "; a Gaussian kernel is fidiv.mmd"),
        "estimator": _word(estimator, "estimator", ("full", "subsets")),
        "degree": check_count(degree, "degree", maximum=LARGEST_DEGREE),
        "gamma": None if gamma is None else _number(gamma, "gamma"),
        "coef0": _number(coef0, "coef0"),
    }
    drawn = {
        "subsets": check_count(subsets, "subsets"),
        "subset_size": check_count(subset_size, "subset_size", minimum=2),
        "seed": check_seed(seed),
    }
    if estimator == "full":
        return one_family("kernel_distance", real_features, fake_features, options, n_jobs)
    check_count(seed, "seed", minimum=0, maximum=LARGEST_SEED)
    options |= drawn

    def needs(real: _core.Points, fake: _core.Points, _: _core.Points | None) -> Needs:
        for points in (real, fake):
            if points.shape[0] < drawn["subset_size"]:
                raise ValueError(
                    f"subset_size={drawn['subset_size']} needs as many points in {points.name}, which has "
                    f"{points.shape[0]}"
                )
        return Needs()

    found, work = gather_one(real_features, fake_features, needs, n_jobs, None)
    values = _kernels.kernel_distance_of_subsets(
        found.further.real, found.further.fake, options, found.further.threads
    )
    settings = {"n": found.n, "m": found.m, "d": found.d, **options, "version": version(), **work.settings()}
    return Result(values, settings=settings)


def mmd(
    real_features: ArrayLike,
    fake_features: ArrayLike,
    *,
    bandwidth: Literal["median", "cmmd"] | float = "median",
    n_jobs: int | None = None,
) -> Result:
    """The squared maximum mean discrepancy with the Gaussian kernel exp(-|x - y|^2 / (2 bandwidth^2)), from
    all pairs, with its standard error.

    Parameters
    ----------
    real_features, fake_features : array (n, d), array (m, d)
        At least two points each (one with "cmmd"); n and m may differ.
    bandwidth : "median", "cmmd" or float, default "median"
        "median": the median of the distances between the reals, of all pairs, none drawn. It depends on the
        reals alone, so values against one real set are comparable. A number: that. "cmmd": what the
        authors of CMMD compute: rows are scaled to length 1, bandwidth 10, the biased estimate, multiplied by
        1,000.
    n_jobs : int, optional
        As in `fidiv.kernel_distance`.

    Returns
    -------
    Result
        mmd2: the unbiased estimate, which may be negative ("cmmd": the biased one times 1,000); mmd2_se, its
        standard error over fresh samples, the bandwidth given (jackknife; for equal laws too large by a
        factor of up to sqrt 2; NaN with a note where leaving one point out leaves too few); expected_mmd2,
        its value for equal laws: 0 ("cmmd": its exact mean over all ways to deal the points of both sets
        anew); mmd_bandwidth, the bandwidth used.

    Raises
    ------
    ValueError, TypeError
        As `fidiv.evaluate`; too few points; a median distance of 0; with "cmmd", a row of zeros.

    Notes
    -----
    With "cmmd" the kernel stays between 0.98 and 1: it sees little but the means of the directions. KAD's
    value is 100 times mmd2 with "median", but for its 1e-8 in the exponent.

    References
    ----------
    Gretton et al. 2012, eq. 3 and 5; Jayasumana et al. 2024 ("Rethinking FID: Towards a Better Evaluation
    Metric for Image Generation", CVPR) for CMMD; Chung et al. 2025 ("KAD: No More FAD!") for the median of
    the reference.

    Examples
    --------
    >>> import fidiv
    >>> result = fidiv.mmd([[0.0], [1.0], [3.0]], [[0.0], [1.0], [3.0]], bandwidth=1.0)
    >>> round(result.mmd2, 4), result.mmd_bandwidth  # equal sets: below 0, as it is unbiased
    (-0.4993, 1.0)
    """
    if isinstance(bandwidth, str):
        allowed = '"median", "cmmd" or a positive number'
        if bandwidth not in ("median", "cmmd"):
            raise ValueError(f"bandwidth must be {allowed}, got {bandwidth!r}")
        chosen: Any = bandwidth
    else:
        chosen = _positive(bandwidth, "bandwidth")
    return one_family("mmd", real_features, fake_features, {"bandwidth": chosen}, n_jobs)


def energy_distance(
    real_features: ArrayLike,
    fake_features: ArrayLike,
    *,
    unbiased: bool = False,
    n_jobs: int | None = None,
) -> Result:
    """The energy distance 2 E|R - G| - E|R - R'| - E|G - G'|, from all pairs.

    Parameters
    ----------
    real_features, fake_features : array (n, d), array (m, d)
        One point is enough (two with `unbiased`); n and m may differ.
    unbiased : bool, default False
        False: the means within a set count each point with itself too, at distance 0: the energy distance of
        the two empirical laws, never negative, 0 only if they are equal. True: they do not; then it is
        unbiased and may be negative.
    n_jobs : int, optional
        As in `fidiv.kernel_distance`.

    Returns
    -------
    Result
        energy_distance, in units of the features; expected_energy_distance: 0 if unbiased, else its exact
        mean over all ways to deal the points of both sets anew, (1/n + 1/m) times the mean distance of two
        different points of the union: what equal laws give on average.

    Raises
    ------
    ValueError, TypeError
        As `fidiv.evaluate`, and for too few points.

    Notes
    -----
    `scipy.stats.energy_distance`, for points on a line, is the square root of this one.

    References
    ----------
    Székely and Rizzo 2013.

    Examples
    --------
    >>> import fidiv
    >>> result = fidiv.energy_distance([[0.0], [1.0]], [[1.0], [4.0]])
    >>> result.energy_distance  # 2 x 2 - 0.5 - 1.5
    2.0
    """
    options = {"unbiased": check_flag(unbiased, "unbiased")}
    return one_family("energy_distance", real_features, fake_features, options, n_jobs)


def sliced_wasserstein(
    real_features: ArrayLike,
    fake_features: ArrayLike,
    *,
    num_projections: int = 1000,
    p: float = 2.0,
    seed: int = 0,
    n_jobs: int | None = None,
) -> Result:
    """The sliced Wasserstein distance: that of the projections to random lines, averaged.

    Parameters
    ----------
    real_features, fake_features : array (n, d), array (m, d)
        One point is enough; n and m may differ, and no point is dropped then.
    num_projections : int, default 1000
        How many directions.
    p : float, default 2
        The order, from 1 to 100: (mean over directions of W_p^p)^(1/p).
    seed : int, default 0
        Of the directions: rows of `default_rng(seed).normal(size=(num_projections, d))` at length 1.
    n_jobs : int, optional
        As in `fidiv.evaluate`. The projections use the threads of numpy's BLAS, which its own variables set.

    Returns
    -------
    Result
        sliced_wasserstein, in units of the features.

    Raises
    ------
    ValueError, TypeError
        As `fidiv.evaluate`.

    Notes
    -----
    In d dimensions it is small for what it measures: moving all points by t gives about |t| / sqrt(d) with
    p=2. For equal laws it is positive, and shrinks as n and m grow: compare it at equal sizes only.

    References
    ----------
    Bonneel et al. 2015.

    Examples
    --------
    >>> import fidiv
    >>> result = fidiv.sliced_wasserstein([[0.0], [1.0]], [[5.0], [4.0], [4.0], [5.0]])
    >>> result.sliced_wasserstein  # a line: all directions agree
    4.0
    """
    options = {
        "num_projections": check_count(num_projections, "num_projections"),
        "p": _number(p, "p", 1.0, 100.0),
        "seed": check_seed(seed),
    }
    return one_family("sliced_wasserstein", real_features, fake_features, options, n_jobs)


def vendi_score(features: ArrayLike, *, q: float = 1.0, n_jobs: int | None = None) -> Result:
    """How many different kinds of points a set has: the exponential of the entropy of the eigenvalues of its
    cosine similarities.

    Parameters
    ----------
    features : array (n, d)
        Feature vectors of one set, none of them zero: only directions count.
    q : float, default 1
        The order of the entropy, at least 0; `math.inf` too. 0 counts the eigenvalues that are not 0 (the
        rank), 1 is Shannon's, infinity is one over the largest; small orders weigh rare kinds more.
    n_jobs : int, optional
        Threads that check the values, as in `fidiv.evaluate`. The matrix products use those of numpy's BLAS.

    Returns
    -------
    Result
        vendi_score: from 1 (all points in one direction) to min(n, d).

    Raises
    ------
    ValueError, TypeError
        Features as in `fidiv.evaluate`; a row of zeros; an order below 0.

    Notes
    -----
    min(n, d) bounds it, so compare scores of sets of equal size, and expect few kinds of points from few
    columns. Opposite points are alike for it: eigenvalues do not see signs. Features that are far from the
    origin all point one way, and then the score is near 1 however they differ. Memory: a matrix of min(n, d)
    rows and columns. Eigenvalues below max(n, d) 2^-52 (of a sum of 1) are noise and count as 0. The authors'
    package ignores its `q` for features; here it counts.

    References
    ----------
    Friedman and Dieng 2023; Pasarkar and Dieng 2024 for the orders.

    Examples
    --------
    >>> import fidiv
    >>> kinds = [[2.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 5.0], [0.0, 0.0, 1.0]]
    >>> round(fidiv.vendi_score(kinds).vendi_score, 4)  # shares 1/4, 1/4, 1/2
    2.8284
    >>> fidiv.vendi_score(kinds, q=0).vendi_score
    3.0
    """
    order = q if q == math.inf else _number(q, "q", 0.0, LARGEST)
    points = as_points(features, "features", n_jobs)
    zero = np.flatnonzero(~points.array.any(axis=1))
    if len(zero):
        raise Undefined(f"features has the zero vector at row {zero[0]}, which has no direction")
    value = _vendi.hill_number(_vendi.cosine_eigenvalues(points.array), order)
    n, d = points.shape
    return Result({"vendi_score": value}, settings={"n": n, "d": d, "q": order, "version": version()})


def rke(features: ArrayLike, *, bandwidth: float, n_jobs: int | None = None) -> Result:
    """How many modes a set has: the exponential of the Rényi entropy of order 2 of its Gaussian kernel, one
    over the mean of k(x_i, x_j)^2 over all pairs.

    Parameters
    ----------
    features : array (n, d)
        Feature vectors of one set.
    bandwidth : float
        h in the kernel k(x, y) = exp(-|x - y|^2 / (2 h^2)). It says how far apart modes are: the number
        grows as it shrinks, so one bandwidth for all that is compared.
    n_jobs : int, optional
        As in `fidiv.kernel_distance`.

    Returns
    -------
    Result
        rke: from 1 (all points equal) to n (all far apart, in units of the bandwidth).

    Raises
    ------
    ValueError, TypeError
        Features as in `fidiv.evaluate`; a bandwidth that is no positive number.

    Notes
    -----
    All pairs count, each point with itself too, as in the definition; other code draws some pairs.

    References
    ----------
    Jalali, Li and Farnia 2023.

    Examples
    --------
    >>> import fidiv
    >>> modes = [[0.0], [0.0], [100.0], [100.0], [200.0], [200.0]]
    >>> round(fidiv.rke(modes, bandwidth=5.0).rke, 6)
    3.0
    """
    width = _positive(bandwidth, "bandwidth")
    threads = _core.threads(n_jobs)
    points = as_points(features, "features", n_jobs)
    value = _vendi.renyi_kernel_entropy(points.array, width, threads)
    n, d = points.shape
    return Result({"rke": value}, settings={"n": n, "d": d, "bandwidth": width, "version": version()})


def _word(value: Any, name: str, allowed: tuple[str, ...], hint: str = "") -> str:
    """`value` as one of the words allowed."""
    words = " or ".join(f'"{word}"' for word in allowed)
    wrong = f"{name} must be {words}, got {value!r}{hint}"
    if not isinstance(value, str):
        raise TypeError(wrong)
    if value not in allowed:
        raise ValueError(wrong)
    return value


def _number(value: Any, name: str, low: float = -LARGEST, high: float = LARGEST) -> float:
    """`value` as a float between two bounds."""
    return check_number(value, name, f"a number from {low:g} to {high:g}", lambda x: low <= x <= high)


def _positive(value: Any, name: str) -> float:
    """`value` as a positive number of moderate size."""
    return _number(value, name, 1 / LARGEST, LARGEST)
