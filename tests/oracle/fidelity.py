"""Rarity, probabilistic and symmetric precision and recall, clipped density and coverage, alpha-precision and
beta-recall, as their papers write them, in plain float64; where published code differs from its paper, both.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from . import beta_of_integers, covered, density_coverage, distances, expected_coverage, knn, radii

# Rarity (Han et al. 2023)


def rarity(real, fake, k=3, closed=False):
    """The least r_k(i) over the balls that hold the fake."""
    r = radii(real, k)
    scores = []
    for row in distances(fake, real):
        held = r[row <= r] if closed else r[row < r]
        scores.append(held.min() if len(held) else math.nan)
    scores = np.array(scores)
    inside = ~np.isnan(scores)
    return {
        "rarity": math.fsum(scores[inside]) / inside.sum() if inside.any() else math.nan,
        "share_outside": 1 - inside.mean(),
        "scores": scores,
        "published_mean": float(np.where(inside, scores, 0.0).mean()),  # fakes outside count as 0
    }


# Probabilistic precision and recall (Park and Kim 2023)


def coverage_probability(points, others, k, scale):
    """1 - prod min(1, d / rho), rho = scale x mean k-th neighbour distance of the others; 1 for a copy."""
    rho = scale * math.fsum(radii(others, k)) / len(others)
    d = distances(points, others)
    ratio = np.zeros_like(d)
    np.divide(d, rho, out=ratio, where=rho > 0)
    ratio[(d > 0) & (d >= rho)] = 1.0
    return 1 - np.prod(ratio, axis=1)


def probabilistic_precision_recall(real, fake, k=4, scale=1.2):
    precision, recall = coverage_probability(fake, real, k, scale), coverage_probability(real, fake, k, scale)
    return {
        "p_precision": float(precision.mean()),
        "p_recall": float(recall.mean()),
        "per_fake": precision,
        "per_real": recall,
    }


# Symmetric precision and recall (Khayatkhoei and AbdAlmageed 2023)


def symmetric_precision_recall(real, fake, k=5, closed=False):
    precision = covered(fake, real, radii(real, k), closed).mean()
    recall = covered(real, fake, radii(fake, k), closed).mean()
    complement = density_coverage(fake, real, k, closed)  # the fakes stand for the reals
    return {
        "sym_precision": float(min(precision, complement["coverage"])),
        "sym_recall": float(min(recall, density_coverage(real, fake, k, closed)["coverage"])),
        "complement_precision": complement["coverage"],
        "expected_complement_precision": float(expected_coverage(len(fake), len(real), k)),
        "complement_precision_mask": complement["coverage_mask"],
    }


# Clipped density and coverage (Salvy et al. 2026)


def depth_law(n, m, k):
    """E min(J, k) / k with J ~ Beta-binomial(m; k, n - k), from its definition; 0 for m < k as published."""
    if m < k:
        return Fraction(0)
    total = Fraction(0)
    for t in range(m + 1):
        chance = math.comb(m, t) * beta_of_integers(k + t, n - k + m - t) / beta_of_integers(k, n - k)
        total += min(t, k) * chance
    return total / k


def calibrate(p, n, m, k):
    """searchsorted(f, p, side="left") / (m + 1), f(0), ..., f(m); p is a Fraction, f(k) = k / n can equal
    it."""
    return sum(depth_law(n, count, k) < p for count in range(m + 1)) / (m + 1)


def clipped_density_coverage(real, fake, k=5):
    n, m = len(real), len(fake)
    d, index = knn(real, None, k)
    r = d[:, -1]
    clipped = np.minimum(r, np.median(r))
    per_fake = np.minimum((distances(real, fake) <= clipped[:, None]).sum(axis=0) / k, 1)
    counts = np.zeros(n)
    for i in range(n):
        for t in range(k):
            counts[index[i, t]] += d[i, t] <= clipped[i]
    own = np.minimum(counts / k, 1).mean()
    depth = (
        np.array([(row[:k] < radius).sum() for row, radius in zip(knn(real, fake, k)[0], r, strict=True)]) / k
    )
    return {
        "clipped_density": float(min(per_fake.mean() / own, 1)),
        "clipped_coverage": calibrate(Fraction(round(depth.sum() * k), k * n), n, m, k),
        "per_fake": per_fake,
        "depth": depth,
    }


# alpha-precision, beta-recall, authenticity (Alaa et al. 2022)


def curves(real, fake, grid, centre=None):
    """(P(alpha), C(beta)) at the points of a grid, quantiles as numpy interpolates them."""
    real, fake = np.asarray(real, dtype=np.float64), np.asarray(fake, dtype=np.float64)
    centre = real.mean(axis=0) if centre is None else np.asarray(centre, dtype=np.float64)
    to_centre = distances(real, centre[None])[:, 0]
    fakes_to_centre = distances(fake, centre[None])[:, 0]
    mu, index = (found[:, 0] for found in knn(real, fake, 1))
    covered_real = mu <= radii(real, 1)
    depth = distances(fake, fake.mean(axis=0)[None])[index, 0]
    alpha = [np.mean(fakes_to_centre <= q) for q in np.quantile(to_centre, grid)]
    beta = [np.mean(covered_real * (depth <= q)) for q in np.quantile(depth, grid)]
    return np.array(alpha), np.array(beta)


def alaa(real, fake, centre=None):
    """The published code: 30 points, rectangles, and the authenticity that looks up reals by fakes."""
    grid = np.linspace(0, 1, 30)
    alpha, beta = curves(real, fake, grid, centre)
    mu, index = (found[:, 0] for found in knn(real, fake, 1))
    return {
        "alpha_precision": 1 - 2 * float(np.sum(np.abs(grid - alpha)) * (grid[1] - grid[0])),
        "beta_recall": 1 - 2 * float(np.sum(np.abs(grid - beta)) * (grid[1] - grid[0])),
        "authenticity": float(np.mean(radii(real, 1)[index] < mu)),
    }


def alpha_precision(real, fake, centre=None, points=20_000):
    """The integrals by the midpoint rule on a grid so fine that a jump costs 1 / points; authenticity as the
    paper defines it."""
    grid = (np.arange(points) + 0.5) / points
    alpha, beta = curves(real, fake, grid, centre)
    nu, index = (found[:, 0] for found in knn(fake, real, 1))
    return {
        "alpha_precision": 1 - 2 * float(np.abs(grid - alpha).mean()),
        "beta_recall": 1 - 2 * float(np.abs(grid - beta).mean()),
        "expected_beta_recall": len(fake) / (len(real) + len(fake) - 1),
        "authenticity": float(np.mean(radii(real, 1)[index] < nu)),
    }
