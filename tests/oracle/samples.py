"""Verdicts on single fakes and the audit as they are defined, in plain float64 numpy."""

from __future__ import annotations

import math

import numpy as np

from . import knn, radii


def halves(n, seed):
    """Rows of the two halves of n reals, the larger one first."""
    order = np.random.default_rng(seed).permutation(n)
    return np.sort(order[: (n + 1) // 2]), np.sort(order[(n + 1) // 2 :])


def ratio(distances, radii):
    out = []
    for distance, radius in zip(distances, radii, strict=True):
        if distance == 0:
            out.append(0.0)
        else:
            out.append(distance / radius if radius > 0 else math.inf)
    return np.array(out)


def farness(points, anchors, k):
    """Distance to the k-th anchor over the distance of the nearest anchor to its k-th one."""
    distances, indices = knn(points, anchors, k)
    return ratio(distances[:, -1], radii(anchors, k)[indices[:, 0]])


def nearness(points, anchors, k):
    """Distance to the nearest anchor over that to the k-th."""
    distances, _ = knn(points, anchors, max(k, 2))
    return ratio(distances[:, 0], distances[:, -1])


def p_values(scores, counted, large=True):
    """One plus how many counted scores are as suspicious, over one plus how many there are."""
    out = []
    for s in scores:
        beaten = sum(c >= s if large else c <= s for c in counted)
        out.append((1 + beaten) / (1 + len(counted)))
    return np.array(out)


def benjamini_hochberg(p, level):
    """Reject the r smallest p-values for the largest r with p_(r) <= level r / m."""
    m = len(p)
    best = max([0, *(r for r in range(1, m + 1) if sorted(p)[r - 1] <= level * r / m)])
    threshold = sorted(p)[best - 1] if best else -1.0
    return np.array([value <= threshold for value in p])


def verdicts(real, fake, holdout=None, level=0.05, k=5, seed=0):
    if holdout is None:
        first, second = halves(len(real), seed)
        anchors, counted = real[first], real[second]
    else:
        anchors, counted = real, holdout
    scores = farness(fake, anchors, k)
    p = p_values(scores, farness(counted, anchors, k))
    nearest, index = knn(fake, real, 1)
    out = {
        "unrealistic": benjamini_hochberg(p, level),
        "unrealistic_p": p,
        "unrealistic_score": scores,
        "nearest_real": index[:, 0],
        "nearest_real_distance": nearest[:, 0],
        "copy_of": np.where(nearest[:, 0] == 0, index[:, 0], -1),
    }
    if holdout is not None:
        scores = nearness(fake, real, k)
        p = p_values(scores, nearness(holdout, real, k), large=False)
        out |= {"copied": benjamini_hochberg(p, level), "copied_p": p, "copied_score": scores}
    return out


def audit_order(real, fake, k, seed):
    """(rows of the reals that measure, rows of the fakes from the first to go)."""
    measuring, scoring = halves(len(real), seed)
    scores = knn(fake, real[scoring], k)[0][:, -1]
    return measuring, sorted(range(len(fake)), key=lambda j: (-scores[j], j))
