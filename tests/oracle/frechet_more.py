"""The influence function of the Fréchet distance, its extrapolation and the scores of single numbers, as
their papers write them: symmetric roots by eigenvalues, weights perturbed one at a time. Nothing here comes
from the package.
"""

from __future__ import annotations

import math

import numpy as np


def root(matrix):
    """The symmetric root of a positive semidefinite matrix."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T


def transport(source, target):
    """The matrix of the optimal map from N(0, source) onto N(0, target)."""
    r = root(source)
    inverse = np.linalg.inv(r)
    return inverse @ root(r @ target @ r) @ inverse


def moments(x, weights=None):
    """Mean and covariance under weights that sum to 1, with n / (n - 1): for equal weights ddof 1."""
    n = len(x)
    w = np.full(n, 1.0 / n) if weights is None else weights
    mean = w @ x
    centred = x - mean
    return mean, n / (n - 1) * (centred.T * w) @ centred


def frechet_of_moments(mean_a, cov_a, mean_b, cov_b):
    r = root(cov_a)
    shift = mean_a - mean_b
    return shift @ shift + np.trace(cov_a) + np.trace(cov_b) - 2.0 * np.trace(root(r @ cov_b @ r))


def influence(own, other):
    """psi at the rows of `own`: 2 (mu - mu')'(y - mu) + c (y - mu)'(I - T)(y - mu) - tr (I - T) S."""
    own, other = (np.asarray(x, dtype=np.float64) for x in (own, other))
    (mean, cov), (other_mean, other_cov) = moments(own), moments(other)
    rest = np.eye(len(cov)) - transport(cov, other_cov)
    centred = own - mean
    c = len(own) / (len(own) - 1)
    return (
        2.0 * centred @ (mean - other_mean)
        + c * np.einsum("ij,jk,ik->i", centred, rest, centred)
        - np.trace(rest @ cov)
    )


def influence_by_differences(own, other, row, step=1e-5):
    """The derivative of the distance as one row takes `step` of the weight of all."""
    fixed = moments(other)
    values = []
    for e in (step, -step):
        weights = np.full(len(own), (1.0 - e) / len(own))
        weights[row] += e
        values.append(frechet_of_moments(*moments(own, weights), *fixed))
    return (values[0] - values[1]) / (2.0 * step)


def infinity(real, fake, sizes, order):
    """Chong and Forsyth 2020: the line of least squares through FD over 1 / size."""
    fixed = moments(real)
    values = [frechet_of_moments(*fixed, *moments(fake[order[:size]])) for size in sizes]
    slope, intercept = np.polyfit(1.0 / np.asarray(sizes), values, 1)
    return intercept, slope


def inception_score(probabilities, splits=10):
    """Salimans et al. 2016 as torch-fidelity has it: (mean, standard deviation, scores of the parts)."""
    n = len(probabilities)
    scores = []
    for i in range(splits):
        part = probabilities[i * n // splits : (i + 1) * n // splits].astype(np.float64)
        marginal = part.mean(axis=0)
        divergences = [
            math.fsum(p * math.log(p / q) for p, q in zip(row, marginal, strict=True) if p > 0)
            for row in part.tolist()
        ]
        scores.append(math.exp(math.fsum(divergences) / len(divergences)))
    return float(np.mean(scores)), float(np.std(scores)), scores


def average_ranks(values):
    """Rank 1 for the smallest; equal values share the mean of their ranks."""
    return [sum(v < x for v in values) + (sum(v == x for v in values) + 1) / 2 for x in values]


def pearson(x, y):
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    x, y = x - x.mean(), y - y.mean()
    return float(x @ y / math.sqrt((x @ x) * (y @ y)))
