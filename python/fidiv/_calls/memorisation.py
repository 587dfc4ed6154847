"""Calls that ask whether fakes are too near to training data: authenticity and identifiability, the
data-copying test, the closest record. `copies` finds the exact ones. Everywhere `real_features` is what the
generator was trained on.
"""

from __future__ import annotations

from numpy.typing import ArrayLike

from .._inputs import check_seed
from .._plan import Progress, one_family
from ..results import Result


def authenticity(
    real_features: ArrayLike,
    fake_features: ArrayLike,
    *,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> Result:
    """The percentage of authentic fakes and the share of identifiable reals, with what to expect of both.

    Parameters
    ----------
    real_features, fake_features : array (n, d), array (m, d)
        At least two reals: what the generator was trained on.
    n_jobs, progress
        As in `fidiv.evaluate`.

    Returns
    -------
    Result
        authpct: percent of fakes that lie farther from their nearest real than that one from its nearest
        other real; expected_authpct: what fresh points of the law of the reals get, learnt from the reals;
        identifiability: share of reals that have a fake nearer than any other real;
        expected_identifiability = m / (n + m - 1), exact for equal laws. Samples of the fakes (m,):
        authentic; nearest_real (index); distance_ratio, the distance to it over its distance to its nearest
        other real (above 1: authentic; 0: a copy).

    Raises
    ------
    ValueError, TypeError
        As `fidiv.evaluate`, and for a single real.

    Notes
    -----
    All comparisons are strict: at a tie a fake is not authentic and a real not identifiable. Of several
    nearest reals the one with the smallest index counts. The published authpct of some tools is this less 50,
    which is what honest fakes get in many intrinsic dimensions only.

    References
    ----------
    Alaa et al. 2022; Stein et al. 2023 (authpct); Yoon, Drumright and van der Schaar 2020 (identifiability).

    Examples
    --------
    >>> import numpy as np, fidiv
    >>> rng = np.random.default_rng(0)
    >>> real = rng.normal(size=(1000, 2))
    >>> copied = fidiv.authenticity(real, real + 0.001 * rng.normal(size=(1000, 2)))
    >>> copied.authpct < 5, 35 < copied.expected_authpct < 45, copied.identifiability > 0.9
    (True, True, True)
    """
    return one_family("authenticity", real_features, fake_features, {}, n_jobs, progress)


def data_copying_test(
    real_features: ArrayLike,
    fake_features: ArrayLike,
    holdout_features: ArrayLike,
    *,
    seed: int = 0,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> Result:
    """Whether fakes are nearer to the training data than unseen data is, cell by cell.

    Parameters
    ----------
    real_features, fake_features : array (n, d), array (m, d)
        At least three reals: what the generator was trained on.
    holdout_features : array (h, d)
        Real data of the same law that the generator has not seen.
    seed : int, default 0
        Of the k-means that makes the cells.
    n_jobs, progress
        As in `fidiv.evaluate`.

    Returns
    -------
    Result
        c_t: far below 0 the fakes copy training data, far above 0 they miss the data; with few cells and
        honest fakes about a standard normal number or less. Samples of the fakes (m,): copying_cell, the
        cell (of three); copying_z, the statistic of the cell (NaN where it took no part).

    Raises
    ------
    ValueError, TypeError
        As `fidiv.evaluate`, without a holdout set, and when no cell holds more than 20 fakes and a holdout
        point.

    Notes
    -----
    Cells: 3 k-means centres of the reals (10 starts), in their first 64 principal components when there are
    more columns. A cell with at most 20 fakes or without holdout points takes no part, and a note counts
    them. No tie correction, as published: with many ties the statistic is a little too small. Distances are
    those of the features as given, to the nearest of all reals, as in the paper; the published code takes
    both within the components and the cell.

    The cells depend on the seed and on the order of the reals, where k-means starts; among data without
    clusters they can move c_t by some tenths. The principal components come from a float64 factorisation, so
    a point halfway between two centres may change its cell between machines.

    References
    ----------
    Meehan, Chaudhuri and Dasgupta 2020.

    Examples
    --------
    >>> import numpy as np, fidiv
    >>> rng = np.random.default_rng(0)
    >>> train, unseen = rng.normal(size=(300, 4)), rng.normal(size=(300, 4))
    >>> fidiv.data_copying_test(train, train + 0.1 * rng.normal(size=(300, 4)), unseen).c_t < -5
    True
    >>> abs(fidiv.data_copying_test(train, rng.normal(size=(300, 4)), unseen).c_t) < 3
    True
    """
    return one_family(
        "data_copying_test",
        real_features,
        fake_features,
        {"seed": check_seed(seed)},
        n_jobs,
        progress,
        holdout_features,
    )


def closest_record(
    real_features: ArrayLike,
    fake_features: ArrayLike,
    *,
    holdout_features: ArrayLike | None = None,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> Result:
    """Distances of the fakes to their closest records, and a test of whether training records are the closer
    ones.

    Parameters
    ----------
    real_features, fake_features : array (n, d), array (m, d)
        At least two reals: what the generator was trained on.
    holdout_features : array (h, d), optional
        At least two real points of the same law that the generator has not seen. Without them the last three
        numbers are NaN, with a note.
    n_jobs, progress
        As in `fidiv.evaluate`.

    Returns
    -------
    Result
        dcr_median: median distance to the closest real; nndr_median: median ratio of the distances to the
        two closest reals (1 when both are 0); share_closer_to_training: share of fakes whose closest record
        of all n + h is a training one, ties in equal parts; expected_share = n / (n + h); p_value: the
        chance of so large a share when no record is remembered (one-sided, marks of training and holdout
        permuted, normal approximation with the exact mean and variance). Samples of the fakes (m,):
        nearest_real (index), nearest_real_distance, nndr, and with a holdout set nearest_holdout_distance.

    Raises
    ------
    ValueError, TypeError
        As `fidiv.evaluate`, for a single real, and for a single holdout point.

    Notes
    -----
    Distances are Euclidean, in the features as given: scale mixed columns first. No threshold is set for a
    near-copy, for none is right for all data; the pairs that look most like one stand first when the fakes
    are sorted by nndr or by distance (exact copies have distance 0). The p-value does not assume that fakes
    vote independently: one training record in an empty region is the closest of many fakes. A note says when
    too few records have votes for the normal law.

    References
    ----------
    Mean and variance of the permuted votes: Hájek, Šidák and Sen 1999 ("Theory of Rank Tests").

    Examples
    --------
    >>> import numpy as np, fidiv
    >>> rng = np.random.default_rng(0)
    >>> train, unseen = rng.normal(size=(200, 3)), rng.normal(size=(200, 3))
    >>> fake = rng.normal(size=(400, 3))
    >>> fake[:40] = train[:40] + 0.01  # a tenth are near-copies
    >>> result = fidiv.closest_record(train, fake, holdout_features=unseen)
    >>> result.share_closer_to_training > 0.5, result.p_value < 0.2
    (True, True)
    >>> order = result.samples["nndr"].argsort(kind="stable")[:3]  # fakes most like a copy, and of what
    >>> bool((result.samples["nearest_real"][order] == order).all())
    True
    """
    return one_family("closest_record", real_features, fake_features, {}, n_jobs, progress, holdout_features)
