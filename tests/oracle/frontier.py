"""Divergence frontiers, and divergences from the labels of neighbours, as their papers write them."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from oracle import distances, knn

# Histograms (Liu et al. 2021; Pillutla et al. 2021)


def kl(p, q):
    """Infinite where q lacks what p has; 0 log 0 is 0."""
    if ((p > 0) & (q == 0)).any():
        return math.inf
    seen = p > 0
    return math.fsum(p[seen] * np.log(p[seen] / q[seen]))


def frontier_integral(p, q):
    total = []
    for a, b in zip(p, q, strict=True):
        if a == b:
            continue
        middle = (a + b) / 2
        total.append(middle if a == 0 or b == 0 else middle - a * b / (a - b) * math.log(a / b))
    return math.fsum(total)


def frontier(p, q, num_weights=25):
    """(KL(p || R_w), KL(q || R_w)) for each weight."""
    weights = np.linspace(1e-6, 1 - 1e-6, num_weights)
    return np.array([[kl(p, w * p + (1 - w) * q), kl(q, w * p + (1 - w) * q)] for w in weights])


def trapezia(x, y):
    return float(np.sum((x[1:] - x[:-1]) * (y[1:] + y[:-1])) / 2)


def mauve(p, q, scale=5.0, num_weights=25, by_coordinate=False):
    points = np.exp(-scale * frontier(p, q, num_weights)[:, ::-1])
    points = np.vstack([[1.0, 0.0], points, [0.0, 1.0]])
    if not by_coordinate:
        return -trapezia(points[:, 0], points[:, 1])
    areas = [
        trapezia(*points[np.argsort(points[:, along], kind="stable")][:, [along, 1 - along]].T)
        for along in (0, 1)
    ]
    return sum(areas) / 2


def krichevsky_trofimov(counts):
    counts = np.asarray(counts, dtype=np.float64)
    return (counts + 0.5) / (counts.sum() + len(counts) / 2)


# Labels of neighbours (Noshad et al. 2017)


def ratios(x, y, k):
    """(q / p at each x, p / q at each y): k nearest in the union, the point itself left out, ordered by
    (distance, x before y, index)."""
    n, m = len(x), len(y)
    d = distances(np.concatenate([np.asarray(x, np.float64), np.asarray(y, np.float64)]))
    answer = np.empty(n + m)
    for i in range(n + m):
        others = np.array([j for j in np.argsort(d[i], kind="stable") if j != i])[:k]
        of_x = int((others < n).sum())
        answer[i] = n / m * (k - of_x) / (of_x + 1) if i < n else m / n * of_x / (k - of_x + 1)
    return answer[:n], answer[n:]


def renyi(r, alpha):
    """D_alpha(P || Q) from the ratios at the points of y."""
    if not r.any():
        return math.inf
    if alpha == 1:
        return float(np.mean([t * math.log(t) if t > 0 else 0.0 for t in r]))
    return math.log(np.mean(r**alpha)) / (alpha - 1)


def js(at_x, at_y):
    return max(0.0, (np.mean(np.log(2 / (1 + at_x))) + np.mean(np.log(2 / (1 + at_y)))) / 2)


def knn_frontier(at_x, at_y, num_weights=25):
    """The frontier from ratios: KL(P || R_w) is the mean over x of -ln(r_w / p)."""
    weights = np.linspace(1e-6, 1 - 1e-6, num_weights)
    return np.array(
        [[-np.mean(np.log(w + (1 - w) * at_x)), -np.mean(np.log(1 - w + w * at_y))] for w in weights]
    )


def hypergeometric(k, own, other):
    """P(N = 0 .. k), exactly: k of the own + other - 1 points that are not the one that asks."""
    whole = math.comb(own + other - 1, k)
    return [Fraction(math.comb(other, j) * math.comb(own - 1, k - j), whole) for j in range(k + 1)]


# Radii (Poczos and Schneider 2011)


def renyi_by_radii(x, y, alpha, k):
    n, d = x.shape
    m = len(y)
    rho, nu = knn(x, None, k)[0][:, -1], knn(x, y, k)[0][:, -1]
    b = math.gamma(k) ** 2 / (math.gamma(k - alpha + 1) * math.gamma(k + alpha - 1))
    j = b * ((n - 1) / m) ** (1 - alpha) * np.mean((rho / nu) ** (d * (1 - alpha)))
    return math.log(j) / (alpha - 1)


# Gaussians in one dimension


def renyi_of_gaussians(mean, p_scale, q_scale, alpha):
    """D_alpha of N(0, p_scale^2) from N(mean, q_scale^2)."""
    if alpha == 1:
        return math.log(q_scale / p_scale) + (p_scale**2 + mean**2) / (2 * q_scale**2) - 0.5
    s = (1 - alpha) * p_scale**2 + alpha * q_scale**2
    return alpha * mean**2 / (2 * s) + math.log(math.sqrt(s) / (p_scale ** (1 - alpha) * q_scale**alpha)) / (
        1 - alpha
    )


def mixture_divergences(mean, p_scale, q_scale, w):
    """(KL(P || R_w), KL(Q || R_w)) of the same two, by quadrature."""
    grid = np.linspace(-40, 40, 200_001)
    p = np.exp(-(grid**2) / (2 * p_scale**2)) / (p_scale * math.sqrt(2 * math.pi))
    q = np.exp(-((grid - mean) ** 2) / (2 * q_scale**2)) / (q_scale * math.sqrt(2 * math.pi))
    r = w * p + (1 - w) * q
    step = grid[1] - grid[0]
    answer = []
    for law in (p, q):
        seen = law > 1e-300
        answer.append(float(np.sum(law[seen] * np.log(law[seen] / r[seen])) * step))
    return answer
