"""The rules of `fidiv.modes`, each as it is stated, in plain float64 and loops; nothing of the package."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats


def distances(x, y):
    return np.sqrt(((np.asarray(x, np.float64)[:, None] - np.asarray(y, np.float64)[None]) ** 2).sum(axis=2))


def own_radius(x, k):
    """The distance to the k-th other point."""
    table = distances(x, x)
    np.fill_diagonal(table, np.inf)
    return np.sort(table, axis=1)[:, k - 1]


def anchors(n, seed):
    """Which reals are anchors."""
    mask = np.zeros(n, bool)
    mask[np.random.default_rng([seed, 0]).permutation(n)[: n // 2]] = True
    return mask


def outside(real, fake, anchor, k):
    """(scores of the counted reals, scores of the fakes, p-values of the fakes)."""
    a = real[anchor]
    radius = own_radius(a, k)

    def score(z):
        to = distances(z[None], a)[0]
        nu, near = np.sort(to)[k - 1], int(np.argmin(to))
        return 0.0 if nu == 0 else (math.inf if radius[near] == 0 else nu / radius[near])

    of_reals = np.array([score(z) for z in real[~anchor]])
    of_fakes = np.array([score(z) for z in fake])
    p = np.array([(1 + sum(of_reals >= s)) / (len(of_reals) + 1) for s in of_fakes])
    return of_reals, of_fakes, p


def rejected(p, q):
    """Benjamini and Hochberg: the i smallest, for the largest i with p_(i) <= q i / N."""
    order = np.argsort(p, kind="stable")
    last = max([i + 1 for i in range(len(p)) if p[order[i]] <= q * (i + 1) / len(p)], default=0)
    mask = np.zeros(len(p), bool)
    mask[order[:last]] = True
    return mask


def nearest_label(points, anchor_points, labels):
    return labels[np.argmin(distances(points, anchor_points), axis=1)]


def components(points, k, least):
    """Sets of rows that hang together by mutual k nearest neighbours, those with at least `least` rows."""
    n = len(points)
    table = distances(points, points)
    np.fill_diagonal(table, np.inf)
    near = [set(np.argsort(row, kind="stable")[: min(k, n - 1)].tolist()) for row in table]
    left, found = set(range(n)), []
    while left:
        group, todo = set(), [min(left)]
        while todo:
            i = todo.pop()
            if i not in group:
                group.add(i)
                todo += [j for j in near[i] if i in near[j]]
        left -= group
        if len(group) >= least:
            found.append(group)
    return sorted(found, key=lambda group: (-len(group), min(group)))


def share_limits(count, total, level):
    """Clopper and Pearson: the shares at which the count found, or a more extreme one, has the chance
    `level`, by bisection."""

    def solve(chance):
        low, high = 0.0, 1.0
        for _ in range(100):
            middle = (low + high) / 2
            low, high = (middle, high) if chance(middle) else (low, middle)
        return low

    lower = 0.0 if count == 0 else solve(lambda p: stats.binom.sf(count - 1, total, p) < level)
    upper = 1.0 if count == total else solve(lambda p: stats.binom.cdf(count, total, p) > level)
    return lower, upper


def mass(reals, fakes, level):
    """For each mode (ratio, low, high, p, differs, verdict)."""
    n, m = sum(reals), sum(fakes)
    p = [stats.fisher_exact([[g, m - g], [c, n - c]])[1] for c, g in zip(reals, fakes, strict=True)]
    differs = rejected(np.array(p), level)
    rows = []
    for c, g, value, different in zip(reals, fakes, p, differs, strict=True):
        low, high = (
            (share / (1 - share) * n / m if share < 1 else math.inf)
            for share in (share_limits(g, g + c, level) if g + c else (0.0, 1.0))
        )
        usual = c / n * m
        if different and high < 0.1 and (g > 0 or usual >= 10 * math.log(2 * len(reals) / level)):
            verdict = "dropped"
        elif different and high < 1 / 1.5:
            verdict = "under-represented"
        elif different and low > 1.5:
            verdict = "over-represented"
        else:
            verdict = "fine" if low >= 1 / 1.5 and high <= 1.5 else "undecided"
        ratio = (g / m) / (c / n) if c else (math.inf if g else math.nan)
        rows.append((ratio, low, high, value, bool(different), verdict))
    return rows


def spread(real, fake, k):
    """(t, its standard error as if radii were independent) of sets of equal size."""
    r, s = np.log(own_radius(real, k)), np.log(own_radius(fake, k))
    error = math.sqrt((r.var(ddof=1) + s.var(ddof=1)) / len(real))
    return s.mean() - r.mean(), error


def permuted(real, fake, k, marks):
    """t over its standard error, the points of both sets divided anew by each row of marks (True: fake)."""
    both = np.concatenate([real, fake])
    found = []
    for mark in marks:
        t, error = spread(both[~mark], both[mark], k)
        found.append(t / error)
    return np.array(found)


def dimension(x, k):
    """Levina and Bickel's: the inverse of the mean of ln(r_k / r_j) over points and j < k."""
    table = distances(x, x)
    np.fill_diagonal(table, np.inf)
    near = np.sort(table, axis=1)[:, :k]
    return 1 / np.log(near[:, -1:] / near[:, :-1]).mean()


def cross_entropy_terms(real, fake, k):
    """Each point's term of PCE (m,), RCE (n,) and RE (m,)."""
    n, m, d = len(real), len(fake), real.shape[1]
    log_volume = d / 2 * math.log(math.pi) - math.lgamma(d / 2 + 1)
    digamma = -0.5772156649015329 + sum(1 / i for i in range(1, k))

    def terms(radii, reference):
        return math.log(reference) - digamma + log_volume + d * np.log(radii)

    across = distances(real, fake)
    h = terms(own_radius(real, k), n - 1).mean()
    return (
        terms(np.sort(across, axis=0)[k - 1], n) - h,
        terms(np.sort(across, axis=1)[:, k - 1], m) - h,
        terms(own_radius(fake, k), m - 1) - h,
    )
