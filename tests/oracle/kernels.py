"""Kernel and transport distances and kernel diversity, as their papers write them: plain float64, whole n x m
matrices, one loop a sum. Nothing here comes from the package.
"""

from __future__ import annotations

import math

import numpy as np


def f64(x):
    return np.asarray(x, dtype=np.float64)


def distances(x, y):
    """Direct differences, in units in which nothing overflows or vanishes."""
    x, y = f64(x), f64(y)
    scale = 2.0 ** np.frexp(max(np.abs(x).max(), np.abs(y).max(), 1e-300))[1]
    return np.array([np.sqrt((((row - y) / scale) ** 2).sum(axis=1)) for row in x]) * scale


def polynomial(x, y, degree=3, gamma=None, coef0=1.0):
    x, y = f64(x), f64(y)
    return ((x @ y.T) * (1 / x.shape[1] if gamma is None else gamma) + coef0) ** degree


def gaussian(x, y, bandwidth):
    return np.exp(-((distances(x, y) / bandwidth) ** 2) / 2)


def mmd2_unbiased(kxx, kyy, kxy):
    """Gretton et al. 2012, eq. 3: the diagonals do not count."""
    n, m = kxy.shape

    def off(k):
        return k.sum() - np.trace(k)

    return off(kxx) / (n * (n - 1)) + off(kyy) / (m * (m - 1)) - 2 * kxy.mean()


def mmd2_biased(kxx, kyy, kxy):
    """Gretton et al. 2012, eq. 5: everything counts."""
    return kxx.mean() + kyy.mean() - 2 * kxy.mean()


def jackknife_se(statistic, kxx, kyy, kxy):
    """Every point of either set left out in turn."""
    n, m = kxy.shape

    def less_row(k, i):
        return np.delete(k, i, axis=0)

    def less(k, i):
        return np.delete(np.delete(k, i, axis=0), i, axis=1)

    of_x = [statistic(less(kxx, i), kyy, less_row(kxy, i)) for i in range(n)]
    of_y = [statistic(kxx, less(kyy, j), less_row(kxy.T, j).T) for j in range(m)]
    return math.sqrt((n - 1) * np.var(of_x) + (m - 1) * np.var(of_y))


def torch_fidelity_kid(fake, real, subsets, subset_size, seed):
    """(mean, standard deviation) as torch-fidelity computes them with input1 the generated samples and input2
    the real ones, in float64 instead of its float32."""
    random = np.random.RandomState(seed)
    values = []
    for _ in range(subsets):
        f1 = f64(fake)[random.choice(len(fake), subset_size, replace=False)]
        f2 = f64(real)[random.choice(len(real), subset_size, replace=False)]
        values.append(mmd2_unbiased(polynomial(f1, f1), polynomial(f2, f2), polynomial(f1, f2)))
    return float(np.mean(values)), float(np.std(values))


def cmmd(real, fake):
    """google-research/cmmd: rows at length 1, sigma 10, the biased estimate, times 1000."""
    x, y = (f64(z) / np.linalg.norm(f64(z), axis=1, keepdims=True) for z in (real, fake))
    gamma = 1 / (2 * 10.0**2)

    def mean(a, b):
        squares = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1) - 2 * a @ b.T
        return np.exp(-gamma * squares).mean()

    return 1000 * (mean(x, x) + mean(y, y) - 2 * mean(x, y))


def energy(real, fake):
    """Székely and Rizzo 2013: means over all pairs, each point with itself too."""
    return 2 * distances(real, fake).mean() - distances(real, real).mean() - distances(fake, fake).mean()


def energy_unbiased(real, fake):
    n, m = len(real), len(fake)
    within = distances(real, real).sum() / (n * (n - 1)) + distances(fake, fake).sum() / (m * (m - 1))
    return 2 * distances(real, fake).mean() - within


def wasserstein_1d(a, b, p):
    """W_p^p of two sets of numbers: the integral of |F^-1 - G^-1|^p. Each point is repeated until both sets
    have n m of them."""
    a, b = np.sort(a), np.sort(b)
    return float(np.mean(np.abs(np.repeat(a, len(b)) - np.repeat(b, len(a))) ** p))


def sliced_wasserstein(real, fake, num_projections, p, seed):
    real, fake = f64(real), f64(fake)
    lines = np.random.default_rng(seed).normal(size=(num_projections, real.shape[1]))
    lines /= np.linalg.norm(lines, axis=1, keepdims=True)
    costs = [wasserstein_1d(real @ line, fake @ line, p) for line in lines]
    return float(np.mean(costs) ** (1 / p))


def eigenvalues(k):
    """Of K / n, without what rounding leaves below them."""
    found = np.linalg.eigvalsh(k / len(k))
    return found[found > 1e-13]


def hill(p, q):
    """exp of the Rényi entropy of order q."""
    if q == 1:
        return float(np.exp(-(p * np.log(p)).sum()))
    if q == math.inf:
        return float(1 / p.max())
    return float((p**q).sum() ** (1 / (1 - q)))


def vendi(x, q=1.0):
    unit = f64(x) / np.linalg.norm(f64(x), axis=1, keepdims=True)
    return hill(eigenvalues(unit @ unit.T), q)


def rke(x, bandwidth):
    """Order 2 from the eigenvalues, as defined; not by the mean of squares."""
    return hill(eigenvalues(gaussian(x, x, bandwidth)), 2)
