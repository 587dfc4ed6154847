"""Calls of the Fréchet distance."""

from __future__ import annotations

from numpy.typing import ArrayLike

from .._inputs import as_array
from .._plan import one_family, version
from ..metrics import FAMILIES
from ..results import Result


def frechet_distance(
    real_features: ArrayLike, fake_features: ArrayLike, *, n_jobs: int | None = None
) -> Result:
    """The squared Fréchet distance of the Gaussians with the means and covariances (n - 1) of both sets.

    Parameters
    ----------
    real_features, fake_features : array (n, d), array (m, d)
        At least two points each; fewer points than dimensions are fine.
    n_jobs : int, optional
        Threads of the pass over the points, as in `fidiv.evaluate`. The factorisations after it use as many
        as SciPy's BLAS does, which its own variables set (OPENBLAS_NUM_THREADS, OMP_NUM_THREADS).

    Returns
    -------
    Result
        frechet_distance = mean_term + covariance_term; mean_term = |mu_R - mu_G|^2; covariance_term = tr S_R
        + tr S_G - 2 tr (S_R S_G)^(1/2). In squared units of the features. On Inception features this is what
        is called FID; the features here are yours. No term is negative.

    Raises
    ------
    ValueError, TypeError
        As `fidiv.evaluate`, for fewer than two points, and for values so large that the result does not fit
        in a float64.

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
    return one_family("frechet_distance", real_features, fake_features, {}, n_jobs)


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
    from ..metrics.frechet import frechet_from_moments  # brings SciPy, which is slow to import

    given = {"mean_a": mean_a, "cov_a": cov_a, "mean_b": mean_b, "cov_b": cov_b}
    moments = {name: as_array(value, name) for name, value in given.items()}
    terms = frechet_from_moments(**moments)
    keys = (key.name for key in FAMILIES["frechet_distance"].keys)
    return Result(
        dict(zip(keys, map(float, terms), strict=True)),
        settings={"d": moments["mean_a"].size, "version": version()},
    )
