"""Divergence frontiers: the frontier integral (Liu, Pillutla, Welleck, Oh, Choi and Harchaoui 2021,
"Divergence Frontiers for Generative Models: Sample Complexity, Quantization Effects, and Frontier
Integrals", NeurIPS) and MAUVE (Pillutla, Swayamdipta, Zellers, Thickstun, Welleck, Choi and Harchaoui
2021, "MAUVE: Measuring the Gap Between Neural Text and Human Text using Divergence Frontiers", NeurIPS).

P is the law of the reals, Q that of the fakes, R_w = w P + (1 - w) Q with 0 < w < 1. The frontier is the
curve of (KL(P || R_w), KL(Q || R_w)). Two numbers of it:

    frontier_integral = 2 int_0^1 [ w KL(P || R_w) + (1 - w) KL(Q || R_w) ] dw
    mauve = area under the points (exp(-c KL(Q || R_w)), exp(-c KL(P || R_w))), from (1, 0) to (0, 1)

The first is 0 for equal laws and 1 for disjoint ones, the second 1 and nearly 0; c is `scale`.

By clusters, P and Q are histograms p and q over clusters of the union of both sets. The integral is then
a closed sum (no grid): sum_c (p + q) / 2 - p q ln(p / q) / (p - q). The area is that of the polygon
through `num_weights` weights, equally spaced from 1e-6 to 1 - 1e-6: 25 as the authors have it; the
polygon hardly moves with more. Its points are taken in the order of w. The authors' package sorts them by
coordinate, so that among equal coordinates (1, 0) may come before (1, 1): two equal flat histograms then
give 0.75 instead of 1. The smoothed two are the same of Krichevsky-Trofimov estimates (count + 1/2) / (n
+ clusters / 2).

By neighbours there are no cells. At each point of x (P) the ratio u = q / p comes from the labels of its
k nearest in the union (Noshad et al. 2017; Pillutla et al. 2023 use it for MAUVE), u = (n / m) N / (M +
1) with N of the k fakes and M reals; likewise t = p / q at each fake. Then

    KL(P || R_w) = - mean over the reals of ln(w + (1 - w) u)
    KL(Q || R_w) = - mean over the fakes of ln(1 - w + w t)

and the integral over w is closed again: frontier_integral = mean of h(u) + mean of h(t),

    h(u) = 1/2 - u / (1 - u) - u^2 ln(u) / (1 - u)^2,  h(1) = 0.

Noise can bring these means below 0, where no divergence is: they are clipped there.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._ratios import count_others, mean_over, neighbours_asked, null_law, null_mean, ratios
from ..results import Key
from ._family import Clusters, Family, Floats, Found, Needs, Options, Outcome, Undefined

NAME = "divergence_frontier"

EDGE = 1e-6  # the first weight; the last is 1 less this
EQUAL = 1e-8  # the package takes shares that are no further apart for equal
VARIANCE = 0.9  # the package keeps so many principal components
BLOCK_ROWS = 4096


# ----------------------------------------------------------------------------------------- from the frontier


def weights_of(num_weights: int) -> Floats:
    return np.linspace(EDGE, 1 - EDGE, num_weights)


def area(real: Floats, fake: Floats, scale: float) -> float:
    """Of the polygon from (1, 0) through the points of the frontier, in the order of w, to (0, 1)."""
    x = np.concatenate([[1.0], np.exp(-scale * fake), [0.0]])
    y = np.concatenate([[0.0], np.exp(-scale * real), [1.0]])
    # Trapezia over x; those over y give the same, since the polygon ends on both axes.
    return min(1.0, max(0.0, math.fsum((x[:-1] - x[1:]) * (y[:-1] + y[1:])) / 2))


def sorted_area(real: Floats, fake: Floats, scale: float) -> float:
    """As the package has it: the mean of the areas over points sorted by either coordinate, equal ones in the
    order of the list, which begins with (1, 0) and ends with (0, 1).
    """
    x = np.concatenate([[1.0], np.exp(-scale * fake), [0.0]])
    y = np.concatenate([[0.0], np.exp(-scale * real), [1.0]])
    areas = []
    for along, height in ((x, y), (y, x)):
        order = np.argsort(along, kind="stable")
        a, h = along[order], height[order]
        areas.append(math.fsum((a[1:] - a[:-1]) * (h[1:] + h[:-1])) / 2)
    return (areas[0] + areas[1]) / 2


# --------------------------------------------------------------------------------------------- by histograms


def divergence(p: Floats, r: Floats) -> float:
    """KL(p || r) of histograms, r positive where p is (but where p is so small that r is rounded to 0)."""
    seen = (p > 0) & (r > 0)
    return math.fsum(p[seen] * np.log(p[seen] / r[seen]))


def frontier(p: Floats, q: Floats, weights: Floats, convention: str) -> tuple[Floats, Floats]:
    """(KL(p || R_w), KL(q || R_w)) at each weight."""
    points = np.empty((2, len(weights)))
    # Where both shares are equal so is every mixture, but for rounding, which the package has.
    kept = p == q if convention == "fidiv" else np.zeros(len(p), dtype=np.bool_)
    for i, w in enumerate(weights):  # weight by weight: no table of weights by clusters
        mixture = np.where(kept, p, w * p + (1 - w) * q)
        points[:, i] = divergence(p, mixture), divergence(q, mixture)
    return points[0], points[1]


def integral(p: Floats, q: Floats, equal: float = 0.0) -> float:
    """The frontier integral of two histograms. With s = p + q and r = (p - q) / s each cell gives s / 2 times
    1 - (1 - r^2) artanh(r) / r, which is the closed sum in other letters.
    """
    used = np.abs(p - q) > equal
    s = p[used] + q[used]
    r = np.abs(p[used] - q[used]) / s
    parts = np.empty_like(r)
    near, disjoint = r < 0.1, r == 1
    # Near 0 the two terms cancel; the series 2 sum_j r^(2 j) / (4 j^2 - 1) does not, and nine terms are all.
    j = np.arange(1, 10)
    parts[near] = (2 / (4 * j * j - 1) * r[near, None] ** (2 * j)).sum(axis=1)
    parts[disjoint] = 1.0
    far = ~near & ~disjoint
    parts[far] = 1 - (1 - r[far] ** 2) * np.arctanh(r[far]) / r[far]
    return min(1.0, math.fsum(s * parts) / 2)


def smoothed(counts: Floats) -> Floats:
    """Krichevsky and Trofimov: half a point more in each cell."""
    return (counts + 0.5) / (math.fsum(counts) + len(counts) / 2)


def summary(p: Floats, q: Floats, options: Options) -> tuple[dict[str, float], dict[str, Floats]]:
    """(the two numbers, the curve) of two histograms that sum to 1."""
    weights = weights_of(options["num_weights"])
    real, fake = frontier(p, q, weights, options["convention"])
    if options["convention"] == "mauve":
        # The package's rounding may leave a divergence a little below 0, and a coordinate above 1.
        values = {
            "frontier_integral": integral(p, q, EQUAL),
            "mauve": sorted_area(real, fake, options["scale"]),
        }
    else:
        real, fake = np.maximum(real, 0.0), np.maximum(fake, 0.0)
        values = {"frontier_integral": integral(p, q), "mauve": area(real, fake, options["scale"])}
    return values, {"weights": weights, "real_divergence": real, "fake_divergence": fake}


def of_counts(real: Floats, fake: Floats, options: Options) -> Outcome:
    """All four numbers of two histograms of counts."""
    values, curve = summary(real / math.fsum(real), fake / math.fsum(fake), options)
    soft, _ = summary(smoothed(real), smoothed(fake), options)
    values |= {f"{key}_smoothed": value for key, value in soft.items()}
    return Outcome(values, curve=curve)


# ----------------------------------------------------------------------------------------------- by clusters


def clusters_of(n: int, m: int, options: Options) -> int:
    """How many clusters: as the package, a tenth of the smaller set, and at least 2."""
    asked = options["num_clusters"]
    count = max(2, round(min(n, m) / 10)) if asked == "auto" else int(asked)
    if count > n + m:
        raise Undefined(
            f"num_clusters={count} needs at least {count} points in both sets, which have {n + m}"
        )
    return count


def runs_of(options: Options) -> int:
    if options["num_runs"] is not None:
        return int(options["num_runs"])
    return 5 if options["convention"] == "mauve" else 1


def inertia(points: NDArray[Any], labels: NDArray[np.int32], centers: Floats) -> float:
    """The sum of the squared distances of the points to their centres."""
    parts = []
    for start in range(0, len(points), BLOCK_ROWS):
        gap = points[start : start + BLOCK_ROWS] - centers[labels[start : start + BLOCK_ROWS]]
        parts.append(float(np.einsum("ij,ij->", gap, gap)))
    return math.fsum(parts)


def reduced(real: NDArray[Any], fake: NDArray[Any]) -> tuple[NDArray[np.float32], ...]:
    """What the package clusters: rows of length 1, their first principal components up to a share of 0.9 of
    the variance of the union, float32.
    """
    rows = []
    for points in (real, fake):
        x = points.astype(np.float64)
        # Through the largest entry, so that the squares of the others neither overflow nor vanish.
        x /= np.where((top := np.abs(x).max(axis=1, keepdims=True)) > 0, top, 1.0)
        x /= np.where((size := np.linalg.norm(x, axis=1, keepdims=True)) > 0, size, 1.0)
        rows.append(x)
    middle = (rows[0].sum(axis=0) + rows[1].sum(axis=0)) / (len(real) + len(fake))
    for x in rows:
        x -= middle
    if len(real) + len(fake) > real.shape[1]:
        variances, axes = np.linalg.eigh(rows[0].T @ rows[0] + rows[1].T @ rows[1])
        variances, axes = np.maximum(variances[::-1], 0.0), axes[:, ::-1]
    else:
        _, singular, right = np.linalg.svd(np.concatenate(rows), full_matrices=False)
        variances, axes = singular**2, right.T
    total = variances.sum()
    shares = np.cumsum(variances) / total if total > 0 else np.ones(len(variances))
    kept = min(int(np.argmax(shares >= VARIANCE)) + 1, axes.shape[1])
    return tuple(np.ascontiguousarray(x @ axes[:, :kept], dtype=np.float32) for x in rows)


def labels_of(found: Found, options: Options) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The labels of the clustering with the least inertia."""
    count, runs, seed = clusters_of(found.n, found.m, options), runs_of(options), options["seed"]
    if options["convention"] == "mauve":
        sets = reduced(found.further.real, found.further.fake)
    elif runs == 1:
        real, fake = found.labels[Clusters(count, 1, seed)]
        return real[0], fake[0]
    else:
        sets = (found.further.real, found.further.fake)
    (real, fake), centers = found.further.kmeans(sets, num_clusters=count, num_runs=runs, seed=seed)
    costs = [
        inertia(sets[0], real[run], centers[run]) + inertia(sets[1], fake[run], centers[run])
        for run in range(runs)
    ]
    best = int(np.argmin(costs))
    return real[best], fake[best]


def by_clusters(found: Found, options: Options) -> Outcome:
    count = clusters_of(found.n, found.m, options)
    real, fake = (
        np.bincount(labels, minlength=count).astype(np.float64) for labels in labels_of(found, options)
    )
    return of_counts(real, fake, options)


# --------------------------------------------------------------------------------------------- by neighbours


def asked_k(n: int, m: int, options: Options) -> int:
    try:
        return neighbours_asked(options.get("nearest_k"), min(n, m), n, m)
    except ValueError as error:
        raise Undefined(str(error)) from error


def half_integral(u: Floats) -> Floats:
    """h(u) = - 2 int_0^1 w ln(w + (1 - w) u) dw, for u >= 0."""
    b = 1 - u
    h = np.empty_like(u)
    near = np.abs(b) < 0.1
    # Near u = 1 the terms cancel; the series 2 sum_j b^j / (j (j + 1) (j + 2)) does not.
    j = np.arange(1, 15)
    h[near] = (2 / (j * (j + 1) * (j + 2)) * b[near, None] ** j).sum(axis=1)
    u, b = u[~near], b[~near]
    h[~near] = 0.5 - u / b - (u / b) ** 2 * np.log(np.where(u > 0, u, 1.0))
    return h


def by_neighbours(found: Found, options: Options) -> Outcome:
    n, m, k = found.n, found.m, asked_k(found.n, found.m, options)
    reals = count_others(found.real_list, found.real_to_fake_list, n, k, others_first=False)
    fakes = count_others(found.fake_list, found.fake_to_real_list, m, k, others_first=True)
    at_real, at_fake = ratios(k, n, m), ratios(k, m, n)
    weights = weights_of(options["num_weights"])
    real = np.array([-mean_over(reals, np.log(w + (1 - w) * at_real)) for w in weights])
    fake = np.array([-mean_over(fakes, np.log(1 - w + w * at_fake)) for w in weights])
    real, fake = np.maximum(real, 0.0), np.maximum(fake, 0.0)
    whole = mean_over(reals, half_integral(at_real)) + mean_over(fakes, half_integral(at_fake))
    usual = null_mean(null_law(k, n, m), half_integral(at_real))
    usual += null_mean(null_law(k, m, n), half_integral(at_fake))
    return Outcome(
        {
            "frontier_integral": min(1.0, max(0.0, whole)),
            "mauve": area(real, fake, options["scale"]),
            "frontier_integral_smoothed": math.nan,
            "mauve_smoothed": math.nan,
        },
        samples={"real_ratio": at_real[reals], "fake_ratio": at_fake[fakes]},
        notes=[
            f"frontier_integral: with {k} neighbours equal laws would give {usual:.4g} on average",
            "frontier_integral_smoothed, mauve_smoothed: only histograms are smoothed; here are none",
        ],
        curve={"weights": weights, "real_divergence": real, "fake_divergence": fake},
    )


# ------------------------------------------------------------------------------------------------ the family


def needs(n: int, m: int, options: Options) -> Needs:
    if options["method"] == "knn":
        k = asked_k(n, m, options)
        return Needs(
            real_list=min(k, n - 1),
            fake_list=min(k, m - 1),
            real_to_fake_list=min(k, m),
            fake_to_real_list=min(k, n),
        )
    count, runs = clusters_of(n, m, options), runs_of(options)
    if options["convention"] == "mauve" or runs > 1:
        return Needs()  # clustered later: other points, or centres are needed to choose among the runs
    return Needs(clusters=frozenset({Clusters(count, 1, options["seed"])}))


def formula(found: Found, options: Options) -> Outcome:
    return by_neighbours(found, options) if options["method"] == "knn" else by_clusters(found, options)


_SHARE = (0.0, 1.0)
FAMILY = Family(
    NAME,
    keys=(
        Key(
            "frontier_integral",
            NAME,
            "lower",
            _SHARE,
            "mean divergence of both laws from their mixtures: 0 for equal, 1 for disjoint histograms",
        ),
        Key("mauve", NAME, "higher", _SHARE, "area under the divergence frontier: 1 for equal histograms"),
        Key(
            "frontier_integral_smoothed",
            NAME,
            "lower",
            _SHARE,
            "frontier_integral of smoothed histograms",
        ),
        Key("mauve_smoothed", NAME, "higher", _SHARE, "mauve of smoothed histograms"),
    ),
    defaults={
        "num_clusters": "auto",
        "scale": 5.0,
        "seed": 0,
        "method": "clusters",
        "convention": "fidiv",
        "num_weights": 25,
        "num_runs": None,
    },
    needs=needs,
    formula=formula,
    of_reals=("real_ratio",),
)
