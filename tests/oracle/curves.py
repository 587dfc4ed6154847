"""Precision-recall curves as their definitions read (Sykes, Simon and Rabin 2024; Sajjadi et al. 2018; Simon,
Webster and Rabin 2019), with all distances at once. A point that is left out is taken from its set, and
everything is made anew without it: n + m refits.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from . import distances

# Scores: a(z), b(z) of the rows of z from training sets x (reals) and y (fakes)


def kth(table, k):
    """The k-th smallest of each row; 0 for k = 0."""
    return np.sort(table, axis=1)[:, k - 1] if k else np.zeros(len(table))


def own_radii(x, k, self_counted):
    """The k-th distance within the set; `self_counted`: the point itself is the first."""
    return kth(distances(x), k if self_counted else k + 1)


def knn(x, y, z, k, self_counted):
    to_x, to_y = distances(z, x), distances(z, y)
    r = kth(np.hstack([to_x, to_y]), k)[:, None]
    return (to_x <= r).sum(axis=1), (to_y <= r).sum(axis=1)


def ipr(x, y, z, k, self_counted):
    return tuple(
        (distances(z, points) <= own_radii(points, k, self_counted)).sum(axis=1) for points in (x, y)
    )


def coverage(x, y, z, k, self_counted):
    to_x, to_y = distances(z, x), distances(z, y)
    return (to_x <= kth(to_y, k)[:, None]).sum(axis=1), (to_y <= kth(to_x, k)[:, None]).sum(axis=1)


def kde(x, y, z, k, self_counted):
    """The mean radius leaves the point itself out, always."""
    found = []
    for points in (x, y):
        h = math.fsum(own_radii(points, k, False)) / len(points)
        found.append((distances(z, points) <= h).sum(axis=1))
    return tuple(found)


METHODS = {"knn": knn, "ipr": ipr, "coverage": coverage, "kde": kde}


def scores(method, x, y, k, self_counted=True):
    """(a_real, b_real, a_fake, b_fake): train is test, and every point counts itself."""
    return *METHODS[method](x, y, x, k, self_counted), *METHODS[method](x, y, y, k, self_counted)


def scores_left_out(method, x, y, k):
    found = [[], [], [], []]
    for i in range(len(x)):
        a, b = METHODS[method](np.delete(x, i, axis=0), y, x[i : i + 1], k, False)
        found[0].append(a[0])
        found[1].append(b[0])
    for j in range(len(y)):
        a, b = METHODS[method](x, np.delete(y, j, axis=0), y[j : j + 1], k, False)
        found[2].append(a[0])
        found[3].append(b[0])
    return tuple(map(np.array, found))


def scores_split(method, x, y, test_x, test_y, k, self_counted=False):
    return *METHODS[method](x, y, test_x, k, self_counted), *METHODS[method](x, y, test_y, k, self_counted)


def halves(n, m, share, seed):
    """(training reals, test reals, training fakes, test fakes), rows."""
    random = np.random.default_rng(seed)
    found = []
    for size in (n, m):
        order = random.permutation(size)
        cut = round(share * size)
        found += [np.sort(order[:cut]), np.sort(order[cut:])]
    return found


def log_kernel_ratios(x, y, h, left_out):
    """ln(b / m) - ln(a / n) of every real and every fake, sums of Gaussian kernels."""
    found = []
    for z, itself in ((x, 0), (y, 1)):
        logs = []
        for place, points in enumerate((x, y)):
            weights = np.exp(-(distances(z, points) ** 2) / (2 * h * h))
            if left_out and place == itself:
                np.fill_diagonal(weights, 0.0)
            logs.append(np.log(weights.sum(axis=1) / len(points)))
        found.append(logs[1] - logs[0])
    return tuple(found)


# Curves from scores


def ratio(a, b):
    """b / a exactly; infinite where only a is 0, None where both are."""
    if a == 0:
        return None if b == 0 else math.inf
    return Fraction(int(b), int(a))


def classifiers(a_real, b_real, a_fake, b_fake):
    """(fpr, fnr) of all thresholds of b / a, None called real and None called fake, and of the constant
    ones; exact."""
    real, fake = (
        [ratio(*pair) for pair in zip(*ab, strict=True)] for ab in ((a_real, b_real), (a_fake, b_fake))
    )
    found = {(Fraction(0), Fraction(1)), (Fraction(1), Fraction(0))}
    for threshold in {t for t in real + fake if t is not None} | {-1}:
        for nothing in (True, False):
            called = [[nothing if t is None else t <= threshold for t in side] for side in (real, fake)]
            found.add((1 - Fraction(sum(called[0]), len(real)), Fraction(sum(called[1]), len(fake))))
    return sorted(found)


def precision(rates, lambdas):
    """min over classifiers of l fpr + fnr; at infinity of those with fpr 0."""
    table = np.array([[float(f), float(g)] for f, g in rates])
    out = []
    for slope in lambdas:
        if math.isinf(slope):
            out.append(table[table[:, 0] == 0, 1].min())
        else:
            out.append((slope * table[:, 0] + table[:, 1]).min())
    return np.array(out)


# The curve of the authors' code


def sykes(a_real, b_real, a_fake, b_fake, num_angles=100, epsilon=1e-10):
    """(lambdas, precision, recall), with a decision for each weight and each point."""
    slopes = [0.0, *np.tan(np.linspace(epsilon, math.pi / 2 - epsilon, num_angles)), math.inf]
    fpr = [np.mean([not decision(g, a, b) for a, b in zip(a_real, b_real, strict=True)]) for g in slopes]
    fnr = [np.mean([decision(g, a, b) for a, b in zip(a_fake, b_fake, strict=True)]) for g in slopes]
    alphas, betas = [], []
    for i, slope in enumerate(slopes):
        if 0 < slope < math.inf:
            usable = [*zip(fpr, fnr, strict=True), (0.0, 1.0), (1.0, 0.0)]
        else:
            usable = [(fpr[i], fnr[i]), (0.0, 1.0), (1.0, 0.0)]
        alphas.append(min(lazy_product(slope, f) + g for f, g in usable))
        betas.append(min(f + lazy_quotient(g, slope) for f, g in usable))
    return np.array(slopes), np.array(alphas), np.array(betas)


def decision(gamma, a, b):
    """Whether the point is called real."""
    if gamma == math.inf:
        return a > 0
    if gamma == 0:
        return b == 0
    return gamma * a > b if gamma < 1 else gamma * a >= b


def lazy_product(slope, value):
    return 0.0 if value == 0 else slope * value


def lazy_quotient(value, slope):
    if value == 0:
        return 0.0
    return math.inf if slope == 0 else value / slope


# Numbers of a curve, read off a dense grid


def dense(alpha, low=-14.0, high=14.0, size=400_001):
    """The summaries of a curve alpha(lambdas), by trapezia and maxima over a fine grid of ln lambda."""
    logs = np.linspace(low, high, size)
    slopes = np.exp(logs)
    p = alpha(slopes)
    r = p / slopes
    integrand = p * r / 2  # half of beta^2 dl = alpha beta dl / l
    pieces = (integrand[1:] + integrand[:-1]) / 2 * (logs[1] - logs[0])
    # Beyond the ends: recall constant towards 0, precision constant towards infinity.
    area = np.concatenate([[r[0] ** 2 * slopes[0] / 2], pieces, [p[-1] ** 2 / slopes[-1] / 2]])
    middle = np.searchsorted(np.cumsum(area), area.sum() / 2)

    def best(beta):
        return ((1 + beta**2) * p * r / np.maximum(beta**2 * p + r, 1e-300)).max()

    return {
        "auc": area.sum(),
        "total_variation": 1 - float(alpha(np.array([1.0]))[0]),
        "median_precision": p[middle],
        "median_recall": r[middle],
        "precision_at_eps": p[r >= 0.05].max(initial=0.0),
        "recall_at_eps": r[p >= 0.05].max(initial=0.0),
        "max_f8": best(8.0),
        "max_f1_8": best(1 / 8),
    }
