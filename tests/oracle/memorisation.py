"""Authenticity and identifiability, the data-copying test and the closest record as their papers write
them, in plain float64; where published code differs from its paper, both.
"""

from __future__ import annotations

import math

import numpy as np

from . import distances, knn, radii

# Authenticity (Alaa et al. 2022; Stein et al. 2023) and identifiability (Yoon et al. 2020)


def authenticity(real, fake):
    nu, index = (found[:, 0] for found in knn(fake, real, 1))
    r = radii(real, 1)
    mu = knn(real, fake, 1)[0][:, 0]
    n, m = len(real), len(fake)
    authentic = r[index] < nu
    ratio = []
    for j in range(m):
        ratio.append(0.0 if nu[j] == 0 else math.inf if r[index[j]] == 0 else nu[j] / r[index[j]])
    return {
        "authpct": 100 * float(authentic.mean()),
        "expected_authpct": 100 * leave_one_out_authenticity(real),
        "identifiability": float((mu < r).mean()),
        "expected_identifiability": m / (n + m - 1),
        "authentic": authentic,
        "nearest_real": index,
        "distance_ratio": np.array(ratio),
    }


def leave_one_out_authenticity(real):
    """The share of reals that are authentic as the only fake against all other reals."""
    d = distances(real)
    np.fill_diagonal(d, np.inf)
    n = len(real)
    count = 0
    for i in range(n):
        others = np.delete(np.arange(n), i)
        nearest = others[np.argmin(d[i, others])]
        rest = np.delete(d[nearest], [i, nearest])
        count += (rest.min() if len(rest) else np.inf) < d[i, nearest]
    return count / n


# Data copying (Meehan et al. 2020)


def rank_score(fakes, holdout):
    """The published Z: U counts pairs in which the fake is the farther one, ties one half; no tie
    correction, a continuity correction of one half."""
    m, h = len(fakes), len(holdout)
    u = (fakes[:, None] > holdout[None, :]).sum() + 0.5 * (fakes[:, None] == holdout[None, :]).sum()
    return (u - (h * m / 2 - 0.5)) / math.sqrt(h * m * (h + m + 1) / 12)


def c_t(fake_distances, holdout_distances, fake_cells, holdout_cells, few=20):
    """The mean of Z over cells with more than `few` fakes, weighted by the share of holdout points."""
    total = weight = 0.0
    for cell in np.unique(np.concatenate([fake_cells, holdout_cells])):
        ours, theirs = fake_distances[fake_cells == cell], holdout_distances[holdout_cells == cell]
        if len(ours) > few and len(theirs):
            share = len(theirs) / len(holdout_distances)
            total += share * rank_score(ours, theirs)
            weight += share
    return total / weight if weight else math.nan


def published_c_t(real, fake, holdout, centres):
    """The published code: the distance is that to the training points of the same cell."""
    cells = [distances(points, centres).argmin(axis=1) for points in (real, fake, holdout)]
    nearest = []
    for points, own in ((fake, cells[1]), (holdout, cells[2])):
        to_train = distances(points, real)
        to_train[own[:, None] != cells[0][None, :]] = np.inf
        nearest.append(to_train.min(axis=1))
    return c_t(*nearest, cells[1], cells[2])


# The closest record


def votes(real, fake, holdout):
    """How many fakes each record is the closest of, ties in equal parts."""
    d = distances(fake, np.concatenate([np.asarray(real, np.float64), np.asarray(holdout, np.float64)]))
    closest = d == d.min(axis=1, keepdims=True)
    return (closest / closest.sum(axis=1, keepdims=True)).sum(axis=0)


def closest_record(real, fake, holdout=None):
    two, index = knn(fake, real, 2)
    ratio = np.array([1.0 if b == 0 else a / b for a, b in two])
    found = {
        "dcr_median": float(np.median(two[:, 0])),
        "nndr_median": float(np.median(ratio)),
        "nearest_real": index[:, 0],
        "nearest_real_distance": two[:, 0],
        "nndr": ratio,
    }
    if holdout is None:
        return found
    n, h, m = len(real), len(holdout), len(fake)
    counts = votes(real, fake, holdout)
    n_all = n + h
    spread = ((counts - m / n_all) ** 2).sum()
    deviation = math.sqrt(n * h / (n_all * (n_all - 1)) * spread)
    z = (counts[:n].sum() - m * n / n_all) / deviation if spread > 1e-18 else -math.inf
    return found | {
        "share_closer_to_training": counts[:n].sum() / m,
        "expected_share": n / n_all,
        "p_value": 0.5 * math.erfc(z / math.sqrt(2)),
        "deviation": deviation,
        "nearest_holdout_distance": knn(fake, holdout, 1)[0][:, 0],
    }
