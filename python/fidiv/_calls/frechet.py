"""Calls of the Fréchet distance."""

from __future__ import annotations

from numpy.typing import ArrayLike

from .._inputs import as_array, check_count, check_flag, check_seed
from .._plan import gather_one, one_family, version
from .._tables import Samples
from ..metrics import FAMILIES, Needs, sides
from ..results import Result


def frechet_distance(
    real_features: ArrayLike,
    fake_features: ArrayLike,
    *,
    influence: bool = False,
    n_jobs: int | None = None,
) -> Result:
    """The squared Fréchet distance of the Gaussians with the means and covariances (n - 1) of both sets.

    Parameters
    ----------
    real_features, fake_features : array (n, d), array (m, d)
        At least two points each; fewer points than dimensions are fine.
    influence : bool, default False
        Whether to tell what single points add and how uncertain the distance is: keys and samples of
        `frechet_influence` beside the others. It takes several times as long, and more points than
        dimensions.
    n_jobs : int, optional
        Threads of the pass over the points, as in `fidiv.evaluate`. The factorisations after it use as many
        as SciPy's BLAS does, which its own variables set (OPENBLAS_NUM_THREADS, OMP_NUM_THREADS).

    Returns
    -------
    Result
        frechet_distance = mean_term + covariance_term; mean_term = |mu_R - mu_G|^2; covariance_term = tr S_R
        + tr S_G - 2 tr (S_R S_G)^(1/2). In squared units of the features. On Inception features this is what
        is called FID; the features here are yours. No term is negative. With `influence` also
        frechet_distance_se and frechet_distance_se_fake, and `.samples`: frechet_influence (m,) and
        frechet_influence_real (n,), as in `frechet_influence`.

    Raises
    ------
    ValueError, TypeError
        As `fidiv.evaluate`, for fewer than two points, and for values so large that the result does not fit
        in a float64; with `influence` also what `frechet_influence` refuses.

    Notes
    -----
    covariance_term is within 1e-9 (tr S_R + tr S_G) of its exact value, for singular covariances and fewer
    points than dimensions too. Two steps of this bound are not proofs: random probes of a fixed seed, which
    miss with a chance below 1e-6 for data not built against them, and an error of eigenvalues that was
    measured, up to 2048 columns (beyond, slower singular values take over). Memory holds a product of
    min(n, d) x min(m, d) numbers, its square, and two factors of min(n, d) x d and min(m, d) x d.

    References
    ----------
    Dowson and Landau 1982 ("The Fréchet distance between multivariate normal distributions"); Heusel et al.
    2017 ("GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium").

    Examples
    --------
    >>> import numpy as np, fidiv
    >>> x = np.random.default_rng(0).normal(size=(100, 3))
    >>> result = fidiv.frechet_distance(x, x + [3.0, 0.0, 4.0])
    >>> round(result.mean_term, 6), round(abs(result.covariance_term), 6)
    (25.0, 0.0)
    """
    if not check_flag(influence, "influence"):
        return one_family("frechet_distance", real_features, fake_features, {}, n_jobs)
    found, work = gather_one(
        real_features, fake_features, lambda *sets: Needs(moments=True), n_jobs, progress=None
    )
    number, single = (FAMILIES[name].formula(found, {}) for name in ("frechet_distance", "frechet_influence"))
    samples = Samples(single.samples, sides(FAMILIES["frechet_influence"], single))
    settings = {"n": found.n, "m": found.m, "d": found.d, "influence": True, "version": version()}
    return Result(number.values | single.values, samples=samples, settings={**settings, **work.settings()})


def frechet_influence(
    real_features: ArrayLike, fake_features: ArrayLike, *, n_jobs: int | None = None
) -> Result:
    """How far each point moves the Fréchet distance, and the standard error of the distance.

    Parameters
    ----------
    real_features, fake_features : array (n, d), array (m, d)
        More points than dimensions in each (columns that are constant in a set do not count).
    n_jobs : int, optional
        As in `frechet_distance`.

    Returns
    -------
    Result
        frechet_distance_se: how much frechet_distance would vary over fresh sets of both kinds and these
        sizes (its standard deviation), to first order; frechet_distance_se_fake: the same over fresh fakes
        against these very reals, which is the one for generators compared on one real set. `.samples`:
        frechet_influence (m,), the influence function of frechet_distance at each fake, and
        frechet_influence_real (n,) at each real, in squared units of the features. With a little more weight
        e on a point (1 - e on all points as they are) the distance moves by e times its influence: positive
        for fakes that make the distance larger, negative for fakes that make it smaller. Their mean is 0.

    Raises
    ------
    ValueError, TypeError
        As `fidiv.evaluate`; too few points in a set, or columns that depend on one another: with a singular
        covariance there is no influence. Influences that do not fit in a float64.

    Notes
    -----
    The standard error says nothing about bias, which is often larger: frechet_distance of m fakes is too
    large by about a constant over m (`frechet_distance_infinity`), of n reals alike. It is the first term of
    an expansion, good where n and m are many times d and the laws differ by more than chance. When both laws
    are nearly equal this term vanishes, the distance is mostly bias, and an interval of two standard errors
    around it does not hold the distance of the laws.

    Points are taken as independent; repeated rows or frames of one film are not.

    References
    ----------
    Hampel 1974 ("The Influence Curve and its Role in Robust Estimation"); Rippl, Munk and Sturm 2016 ("Limit
    laws of the empirical Wasserstein distance: Gaussian distributions").

    Examples
    --------
    >>> import numpy as np, fidiv
    >>> rng = np.random.default_rng(0)
    >>> real, fake = rng.normal(size=(500, 3)), rng.normal(size=(400, 3))
    >>> fake[7] += 20.0
    >>> result = fidiv.frechet_influence(real, fake)
    >>> int(result.samples["frechet_influence"].argmax())
    7
    """
    return one_family("frechet_influence", real_features, fake_features, {}, n_jobs)


def frechet_distance_infinity(
    real_features: ArrayLike,
    fake_features: ArrayLike,
    *,
    smallest: int | None = None,
    seed: int = 0,
    n_jobs: int | None = None,
) -> Result:
    """The Fréchet distance extrapolated to endlessly many fakes.

    The distance of m fakes is too large on average, by about a constant over m that depends on the generator.
    Here it is taken of 15 subsets of the fakes, all reals every time; a line is fitted to the distances over
    1 / size, and its value at 0 is the answer.

    Parameters
    ----------
    real_features, fake_features : array (n, d), array (m, d)
        At least two reals and three fakes; many times d of each for a number that means something.
    smallest : int, optional
        The smallest subset, from 2 to m - 1; the 15 sizes lie equally spaced from there to m (fewer where m
        is small). None: the larger of min(5000, m // 10) and 2 (d + 1), at least 2, the latter at most
        m // 2.
    seed : int, default 0
        Of the one random order of the fakes whose first rows are the subsets.
    n_jobs : int, optional
        As in `frechet_distance`.

    Returns
    -------
    Result
        fd_infinity, which may be negative when the laws are close; fd_infinity_slope, by which the distance
        falls per unit of 1 / m. In squared units of the features.

    Raises
    ------
    ValueError, TypeError
        As `frechet_distance`, and for too few fakes.

    Notes
    -----
    Only the bias that comes from the number of fakes is taken away, and of that the part in 1 / m. That of
    the reals stays: compare on one real set. It pays with variance: fd_infinity varies more between fresh
    sets than the distance of all fakes. The subsets overlap, so the scatter around the line says little about
    its error. Subsets of not many more than d points bend the line; the authors' 5000 of 50,000 points at
    d = 2048 are within the default rule, with fewer points the default keeps above 2 d where it can.

    References
    ----------
    Chong and Forsyth 2020 ("Effectively Unbiased FID and Inception Score and Where to Find Them").

    Examples
    --------
    >>> import numpy as np, fidiv
    >>> rng = np.random.default_rng(0)
    >>> real, fake = rng.normal(size=(5000, 8)), rng.normal(size=(500, 8))  # one law: the truth is 0
    >>> plain, limit = fidiv.frechet_distance(real, fake), fidiv.frechet_distance_infinity(real, fake)
    >>> abs(limit.fd_infinity) < plain.frechet_distance / 2
    True
    """
    options = {
        "smallest": None if smallest is None else check_count(smallest, "smallest", minimum=2),
        "seed": check_seed(seed),
    }
    return one_family("frechet_distance_infinity", real_features, fake_features, options, n_jobs)


def frechet_distance_from_moments(
    mean_a: ArrayLike, cov_a: ArrayLike, mean_b: ArrayLike, cov_b: ArrayLike
) -> Result:
    """The squared Fréchet distance of two Gaussians, from their means and covariances.

    Parameters
    ----------
    mean_a, mean_b : array (d,)
        The means.
    cov_a, cov_b : array (d, d)
        The covariances: symmetric, positive semidefinite up to rounding.

    Returns
    -------
    Result
        frechet_distance, mean_term, covariance_term, as in `frechet_distance`.

    Raises
    ------
    ValueError, TypeError
        Shapes that do not fit, values that are not finite, matrices that are no covariances, masked or
        sparse arrays, and values so large that the result does not fit in a float64.

    References
    ----------
    Dowson and Landau 1982.

    Examples
    --------
    >>> import numpy as np, fidiv
    >>> result = fidiv.frechet_distance_from_moments(np.zeros(2), np.eye(2), np.ones(2), 4 * np.eye(2))
    >>> round(result.frechet_distance, 9)  # 1 + 1 from the means, (2 - 1)^2 twice from the covariances
    4.0
    """
    from ..metrics.frechet.distance import frechet_from_moments  # brings SciPy, which is slow to import

    given = {"mean_a": mean_a, "cov_a": cov_a, "mean_b": mean_b, "cov_b": cov_b}
    moments = {name: as_array(value, name) for name, value in given.items()}
    terms = frechet_from_moments(**moments)
    keys = (key.name for key in FAMILIES["frechet_distance"].keys)
    return Result(
        dict(zip(keys, map(float, terms), strict=True)),
        settings={"d": moments["mean_a"].size, "version": version()},
    )
