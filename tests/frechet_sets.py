"""What the tests of the Fréchet distance share: sets that are hard in their own way, and the right answers.

"Right" means the promise of the docstring: the covariance term within 1e-9 (tr S1 + tr S2) of the exact one.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import linalg

from fidiv import _core, _sweeps
from fidiv.metrics.frechet import distance
from fidiv.metrics.frechet.distance import TOLERANCE


def moments_of(real, fake):
    sets = ((real, "real_features"), (fake, "fake_features"))
    return [_sweeps.moments(_core.Points(np.ascontiguousarray(x), name), 2) for x, name in sets]


def frechet_distance_terms(real, fake):
    return distance.frechet_distance_terms(*moments_of(real, fake))


def centred_factor(x):
    x = np.asarray(x, dtype=np.longdouble)
    return ((x - x.mean(axis=0)) / np.sqrt(np.longdouble(len(x) - 1))).astype(np.float64)


def by_singular_values(real, fake):
    """The covariance term and tr S1 + tr S2. A tall factor gives way to its R: same singular values."""
    a, b = centred_factor(real), centred_factor(fake)
    trace = math.fsum((a * a).ravel()) + math.fsum((b * b).ravel())
    if len(a) > a.shape[1]:
        a = np.linalg.qr(a, mode="r")
    if len(b) > b.shape[1]:
        b = np.linalg.qr(b, mode="r")
    return trace - 2 * math.fsum(linalg.svdvals(a @ b.T)), trace


def assert_right(real, fake, tolerance=TOLERANCE):
    total, mean_term, covariance_term = frechet_distance_terms(real, fake)
    expected, trace = by_singular_values(real, fake)
    assert abs(covariance_term - expected) <= tolerance * trace
    assert total == mean_term + covariance_term
    assert covariance_term >= 0.0
    return covariance_term


def pair(kind, n, m, d, seed=0):
    """Two sets; each kind is hard in its own way."""
    rng = np.random.default_rng(seed)
    real, fake = rng.standard_normal((n, d)), 1.1 * rng.standard_normal((m, d)) + 0.1
    if kind == "gaussian":
        pass
    elif kind == "constant":  # in one, in the other, in both
        real[:, ::3] = 0.1
        fake[:, ::5] = -1e6 / 3
    elif kind == "duplicated":  # exactly dependent columns, in both sets alike
        real[:, d // 2 :] = real[:, : d - d // 2]
        fake[:, d // 2 :] = fake[:, : d - d // 2]
    elif kind == "duplicated in one":  # singular in one set only: the worst case for a factor of a covariance
        real[:, d // 2 :] = real[:, : d - d // 2]
    elif kind == "dependent otherwise":  # both singular, along different directions
        real[:, 0] = real[:, 1] + real[:, 2]
        fake[:, 1] = 2 * fake[:, 0] - fake[:, 3]
    elif kind == "one-hot":
        real, fake = np.eye(d)[rng.integers(0, d, n)], np.eye(d)[rng.integers(0, d // 2 + 1, m)]
    elif kind == "low rank":
        real = rng.standard_normal((n, d // 4)) @ rng.standard_normal((d // 4, d))
        fake = rng.standard_normal((m, d // 3)) @ rng.standard_normal((d // 3, d))
    elif kind == "rectified":  # low-dimensional, made full rank by max(0, .): spectra over many decades
        weights = rng.standard_normal((8, d))
        real = np.maximum(rng.standard_normal((n, 8)) @ weights, 0)
        fake = np.maximum(1.1 * rng.standard_normal((m, 8)) @ weights, 0)
    elif kind == "graded":
        scales = 10.0 ** -np.linspace(0, 12, d)
        real, fake = real * scales, fake * scales[::-1]
    elif kind == "spiked":
        real, fake = real + 1e3 * rng.standard_normal((n, 1)), fake + 1e3 * rng.standard_normal((m, 1))
    else:
        raise AssertionError(kind)
    return real, fake


KINDS = (
    "gaussian", "constant", "duplicated", "duplicated in one", "dependent otherwise", "one-hot", "low rank",
    "rectified", "graded", "spiked",
)  # fmt: skip


def moments(x):
    return x.mean(axis=0), np.cov(x, rowvar=False).reshape(x.shape[1], x.shape[1])
