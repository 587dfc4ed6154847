"""Every metric as its paper writes it, in plain float64 numpy.

This file is the other half of every equality test: it is written to be read beside the papers, not to be
fast, and it is the one place where an n x m array is allowed. Nothing here comes from the package.

Two rules hold for all of it.

* One distance. Rows are converted to float64 and subtracted; column c is squared and added to lane c mod 32,
  in the order of the columns, multiply then add; the lanes are folded in the fixed tree 16, 8, 4, 2, 1; the
  distance is the square root. The result is the same on every machine, bit for bit, so indices, counts and
  masks are compared for equality.
* Neighbours are ordered by (distance, index), and a point is not its own neighbour. Balls are decided on
  distances, not on squares.

Letters: `real` is (n, d), `fake` is (m, d); r_k(i) and s_k(j) are the distances of real i and fake j to the
k-th neighbour in their own set; nu_k(j) and mu_k(i) those to the k-th neighbour in the other set.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

LANES = 32
EULER_GAMMA = 0.57721566490153286061


# Distances


def squared_distances(x, y=None):
    """The (n, m) squared distances, bit for bit as the package defines them."""
    x = np.ascontiguousarray(x, dtype=np.float64)
    y = x if y is None else np.ascontiguousarray(y, dtype=np.float64)
    n, d = x.shape
    m = y.shape[0]
    out = np.empty((n, m))
    step = max(1, 200_000 // (m * LANES))  # rows at a time: keeps the lanes of all pairs of a step in cache
    for first in range(0, n, step):
        rows = x[first : first + step]
        lanes = np.zeros((len(rows), m, LANES))
        for c in range(0, d, LANES):
            width = min(LANES, d - c)
            difference = rows[:, None, c : c + width] - y[None, :, c : c + width]
            lanes[:, :, :width] += difference * difference
        for half in (16, 8, 4, 2, 1):
            lanes = lanes[:, :, :half] + lanes[:, :, half : 2 * half]
        out[first : first + step] = lanes[:, :, 0]
    return out


def distances(x, y=None):
    """The (n, m) distances: the square roots of `squared_distances`."""
    return np.sqrt(squared_distances(x, y))


# Neighbours and balls


def knn(queries, points=None, k=1):
    """(distances, indices), both (n, k), ordered by (distance, index); points=None: not the row itself."""
    d = distances(queries, points)
    n, m = d.shape
    if points is None:
        if k > n - 1:
            raise ValueError("too few points")
        others = np.array([np.delete(np.arange(n), i) for i in range(n)]).reshape(n, n - 1)
        order = np.argsort(np.take_along_axis(d, others, axis=1), axis=1, kind="stable")[:, :k]
        indices = np.take_along_axis(others, order, axis=1)
    else:
        if k > m:
            raise ValueError("too few points")
        indices = np.argsort(d, axis=1, kind="stable")[:, :k].astype(np.int64)
    return np.take_along_axis(d, indices, axis=1), indices


def radii(x, k):
    """The distance of each row to its k-th neighbour in its own set."""
    return knn(x, None, k)[0][:, -1]


def in_balls(centers, ball_radii, points, closed=True, own=False):
    """The (centres, points) table of membership; own=True: both are one set, the diagonal is left out."""
    d = distances(centers, points)
    r = np.asarray(ball_radii, dtype=np.float64)[:, None]
    inside = d <= r if closed else d < r
    if own:
        np.fill_diagonal(inside, False)
    return inside


def count_within(centers, ball_radii, points, closed=True, own=False):
    """How many points lie in each ball."""
    return in_balls(centers, ball_radii, points, closed, own).sum(axis=1).astype(np.int64)


def covered_by(points, centers, ball_radii, closed=True, own=False):
    """In how many balls each point lies."""
    return in_balls(centers, ball_radii, points, closed, own).sum(axis=0).astype(np.int64)


def covered(points, centers, ball_radii, closed=True, own=False):
    """Whether each point lies in at least one ball."""
    return in_balls(centers, ball_radii, points, closed, own).any(axis=0)


def best_ratio(points, centers, ball_radii):
    """The largest radius / distance over the centres: a point on a centre of positive radius gives infinity,
    a centre of radius 0 never counts."""
    d = distances(centers, points)
    r = np.broadcast_to(np.asarray(ball_radii, dtype=np.float64)[:, None], d.shape)
    ratio = np.zeros_like(d)
    np.divide(r, d, out=ratio, where=(r > 0) & (d > 0))
    ratio[(r > 0) & (d == 0)] = np.inf
    return ratio.max(axis=0)


# Precision and recall (Kynkaanniemi et al. 2019), density and coverage (Naeem et al. 2020)


def f_score(precision, recall):
    """The harmonic mean; 0 when both are 0."""
    total = precision + recall
    return 2 * precision * recall / total if total > 0 else 0.0


def realism(real, fake, k=3):
    """Kynkaanniemi et al. 2019, eq. 3, unsquared: best r_k(i) / d over real balls not above the median."""
    r = radii(real, k)
    return best_ratio(fake, real, np.where(r <= np.median(r), r, 0.0))


def precision_recall(real, fake, k=3, closed=True):
    precision_mask = covered(fake, real, radii(real, k), closed)
    recall_mask = covered(real, fake, radii(fake, k), closed)
    nearest, index = knn(fake, real, 1)
    precision, recall = float(precision_mask.mean()), float(recall_mask.mean())
    return {
        "precision": precision,
        "recall": recall,
        "f_score": f_score(precision, recall),
        "precision_mask": precision_mask,
        "recall_mask": recall_mask,
        "realism": realism(real, fake, k),
        "nearest_real": index[:, 0],
        "nearest_real_distance": nearest[:, 0],
    }


def density_coverage(real, fake, k=5, closed=True):
    r = radii(real, k)
    per_fake = covered_by(fake, real, r, closed) / k
    coverage_mask = count_within(real, r, fake, closed) > 0
    return {
        "density": math.fsum(per_fake) / len(per_fake),
        "coverage": float(coverage_mask.mean()),
        "expected_coverage": float(expected_coverage(len(real), len(fake), k)),
        "density_per_fake": per_fake,
        "coverage_mask": coverage_mask,
    }


def prdc(real, fake, k):
    """The four values of `prdc.compute_prdc`: strict balls."""
    pr, dc = precision_recall(real, fake, k, closed=False), density_coverage(real, fake, k, closed=False)
    return {name: (pr if name in pr else dc)[name] for name in ("precision", "recall", "density", "coverage")}


def expected_coverage(n, m, k):
    """Naeem et al. 2020, Lemma 2: the expected coverage of identical laws, exactly."""
    product = Fraction(1)
    for i in range(1, k + 1):
        product *= Fraction(n - i, n + m - i)
    return 1 - product


# Precision and recall cover (Cheema and Urner 2023; the letters of Fox et al. 2025, eq. 5 and 6)


def precision_recall_cover(real, fake, ball_k=15, min_count=5, closed=True):
    reals_in_fake_balls = count_within(fake, radii(fake, ball_k), real, closed)
    fakes_in_real_balls = count_within(real, radii(real, ball_k), fake, closed)
    n, m = len(real), len(fake)
    return {
        "precision_cover": float((reals_in_fake_balls >= min_count).mean()),
        "recall_cover": float((fakes_in_real_balls >= min_count).mean()),
        "expected_precision_cover": float(expected_cover(m, n, ball_k, min_count)),
        "expected_recall_cover": float(expected_cover(n, m, ball_k, min_count)),
        "reals_in_fake_balls": reals_in_fake_balls,
        "fakes_in_real_balls": fakes_in_real_balls,
    }


def beta_of_integers(a, b):
    """The Beta function of two positive integers, exactly."""
    return Fraction(math.factorial(a - 1) * math.factorial(b - 1), math.factorial(a + b - 1))


def expected_cover(n_own, n_other, ball_k, min_count):
    """P(J >= min_count), J ~ Beta-binomial(n_other; ball_k, n_own - ball_k): how many points of the other set
    lie in the ball of the ball_k-th own neighbour when both laws are one."""
    below = Fraction(0)
    for t in range(min(min_count, n_other + 1)):
        below += math.comb(n_other, t) * beta_of_integers(ball_k + t, n_own - ball_k + n_other - t)
    return 1 - below / beta_of_integers(ball_k, n_own - ball_k)


# Entropies (Leonenko, Pronzato and Savani 2008) and what Fox et al. 2025 make of them


def digamma(k):
    """psi(k) of a positive integer: the harmonic number of k - 1, less Euler's constant."""
    return math.fsum(1.0 / i for i in range(1, k)) - EULER_GAMMA


def log_unit_ball_volume(d):
    return d / 2 * math.log(math.pi) - math.lgamma(d / 2 + 1)


def entropy_terms(nearest, n_reference, k, dimension):
    """Each point's term: ln n_reference - psi(k) + ln V_d + d ln distance (a zero distance gives -inf)."""
    with np.errstate(divide="ignore"):
        logs = np.log(np.asarray(nearest, dtype=np.float64))
    return math.log(n_reference) - digamma(k) + log_unit_ball_volume(dimension) + dimension * logs


def mean(terms):
    terms = np.asarray(terms)
    return math.fsum(terms) / len(terms)


def entropy(x, k=5, dimension=None):
    d = x.shape[1] if dimension is None else dimension
    return mean(entropy_terms(radii(x, k), len(x) - 1, k, d))


def cross_entropy(x, y, k=5, dimension=None):
    """CE(X, Y): the rows of x ask, the rows of y are the reference."""
    d = x.shape[1] if dimension is None else dimension
    return mean(entropy_terms(knn(x, y, k)[0][:, -1], len(y), k, d))


def kl_divergence(x, y, k=5):
    """Wang, Kulkarni and Verdu 2009: (d / n) sum ln(nu_k / rho_k) + ln(m / (n - 1))."""
    n, d = x.shape
    nu, rho = knn(x, y, k)[0][:, -1], radii(x, k)
    return d / n * math.fsum(np.log(nu) - np.log(rho)) + math.log(len(y) / (n - 1))


def intrinsic_dimension(x, k=5, average="inverse"):
    """Levina and Bickel 2004 from the k nearest neighbours of each point; "inverse" averages the inverses
    (MacKay and Ghahramani 2005), "mean" the local dimensions themselves."""
    d = knn(x, None, k)[0]
    inverse = np.log(d[:, -1:] / d[:, :-1]).sum(axis=1) / (k - 1)
    return 1 / inverse.mean() if average == "inverse" else (1 / inverse).mean()


def cross_entropies(real, fake, k=5, dimension=None):
    """Fox et al. 2025, eq. 21 to 25: PCE = CE(G, R) - H(R), RCE = CE(R, G) - H(R), RE = H(G) - H(R)."""
    d = real.shape[1] if dimension is None else dimension
    n, m = len(real), len(fake)
    r, s = radii(real, k), radii(fake, k)
    nu, mu = knn(fake, real, k)[0][:, -1], knn(real, fake, k)[0][:, -1]
    real_terms, fake_terms = entropy_terms(r, n - 1, k, d), entropy_terms(s, m - 1, k, d)
    gr_terms, rg_terms = entropy_terms(nu, n, k, d), entropy_terms(mu, m, k, d)
    h = mean(real_terms)
    log_r = mean(np.log(r))
    return {
        "pce": mean(gr_terms) - h,
        "rce": mean(rg_terms) - h,
        "re": mean(fake_terms) - h,
        "real_entropy": h,
        "fake_entropy": mean(fake_terms),
        "ce_fake_real": mean(gr_terms),
        "ce_real_fake": mean(rg_terms),
        "pce_ratio": math.exp(mean(np.log(nu)) - log_r),
        "rce_ratio": math.exp(mean(np.log(mu)) - log_r),
        "re_ratio": math.exp(mean(np.log(s)) - log_r),
        "pce_terms": gr_terms - h,
        "rce_terms": rg_terms - h,
        "re_terms": fake_terms - h,
    }


def nssac(real, fake, k=5):
    """The eight raw values of NSSAC/PrecisionRecallMetric: closed balls, cross-entropies without subtraction,
    and under "recall_entropy" the entropy of the real set."""
    pr, dc = precision_recall(real, fake, k), density_coverage(real, fake, k)
    return {
        "precision": pr["precision"],
        "recall": pr["recall"],
        "density": dc["density"],
        "coverage": dc["coverage"],
        "frechet_distance": frechet(real, fake)["frechet_distance"],
        "precision_cross_entropy": cross_entropy(fake, real, k),
        "recall_cross_entropy": cross_entropy(real, fake, k),
        "recall_entropy": entropy(real, k),
    }


# Copies


def copy_of(real, fake):
    """The smallest index of a real row at distance 0, or -1."""
    equal = distances(fake, real) == 0
    return np.where(equal.any(axis=1), equal.argmax(axis=1), -1)


def repeats(x):
    """Which rows are at distance 0 from an earlier row of their own set."""
    return np.tril(distances(x) == 0, -1).any(axis=1)


def copies(real, fake):
    index = copy_of(real, fake)
    return {
        "exact_copies": float((index >= 0).mean()),
        "duplicates_in_fake": float(repeats(fake).mean()),
        "duplicates_in_real": float(repeats(real).mean()),
        "copy_of": index,
    }


# PRD (Sajjadi et al. 2018)


def prd_curve(real_histogram, fake_histogram, num_angles=1001, epsilon=1e-10):
    """(precision, recall) along the slopes tan(angle): sum_i min(slope p_i, q_i), and that over the slope."""
    p, q = np.asarray(real_histogram, dtype=np.float64), np.asarray(fake_histogram, dtype=np.float64)
    p, q = p / p.sum(), q / q.sum()
    slopes = np.tan(np.linspace(epsilon, np.pi / 2 - epsilon, num_angles))
    precision = np.minimum(slopes[:, None] * p, q).sum(axis=1)
    return np.clip(precision, 0, 1), np.clip(precision / slopes, 0, 1)


def f_beta(precision, recall, beta):
    return (1 + beta**2) * precision * recall / (beta**2 * precision + recall + 1e-10)


def prd_from_histograms(real_histogram, fake_histogram, num_angles=1001):
    precision, recall = prd_curve(real_histogram, fake_histogram, num_angles)
    # The slopes ascend, so the recalls descend: the area is taken along the curve from its right end.
    area = np.sum((recall[:-1] - recall[1:]) * (precision[:-1] + precision[1:]) / 2)
    return {
        "max_f8": float(f_beta(precision, recall, 8.0).max()),
        "max_f1_8": float(f_beta(precision, recall, 1 / 8).max()),
        "auc": float(area),
    }


# Frechet distance (Dowson and Landau 1982; Heusel et al. 2017), squared, covariances with n - 1


def centred_factor(x):
    """A with A^T A the covariance; reduced by QR when there are more rows than columns (same A^T A)."""
    x = np.asarray(x, dtype=np.float64)
    a = (x - x.mean(axis=0)) / math.sqrt(len(x) - 1)
    return np.linalg.qr(a, mode="r") if len(a) > a.shape[1] else a


def frechet(real, fake):
    """tr (S1 S2)^(1/2) is the sum of the singular values of the product of the centred factors."""
    a, b = centred_factor(real), centred_factor(fake)
    shift = np.asarray(real, dtype=np.float64).mean(axis=0) - np.asarray(fake, dtype=np.float64).mean(axis=0)
    mean_term = float(shift @ shift)
    nuclear = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    covariance_term = float((a * a).sum() + (b * b).sum() - 2 * nuclear)
    return {
        "frechet_distance": mean_term + covariance_term,
        "mean_term": mean_term,
        "covariance_term": covariance_term,
    }


# Clusters


def nearest_center(x, centers):
    """The index of the nearest centre of each row, the smaller one on a tie."""
    return distances(x, centers).argmin(axis=1)


def histogram(labels, num_clusters):
    return np.bincount(labels, minlength=num_clusters) / len(labels)
