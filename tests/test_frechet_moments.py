"""The Fréchet distance from means and covariances."""

from __future__ import annotations

import math

import numpy as np
import pytest
from frechet_sets import KINDS, by_singular_values, frechet_distance_terms, moments, pair
from scipy import sparse

import fidiv
from fidiv.metrics.frechet.distance import frechet_from_moments


@pytest.mark.parametrize("kind", ["gaussian", "constant", "duplicated", "one-hot", "rectified", "spiked"])
@pytest.mark.parametrize("d", [12, 130])
def test_moments_give_what_the_features_give(kind, d):
    x, y = pair(kind, 500, 400, d)
    expected, trace = frechet_distance_terms(x, y), by_singular_values(x, y)[1]
    # Rounding the covariances where one is singular costs sqrt(d u); see the docstring.
    tolerance = 1e-6 if kind == "one-hot" else 1e-9
    found = frechet_from_moments(*moments(x), *moments(y))
    assert found[2] == pytest.approx(expected[2], abs=tolerance * trace)


@pytest.mark.parametrize("kind", KINDS)
def test_singular_covariances_of_few_points(kind):
    x, y = pair(kind, 15, 20, 30)
    expected, trace = by_singular_values(x, y)
    assert frechet_from_moments(*moments(x), *moments(y))[2] == pytest.approx(expected, abs=1e-6 * trace)


def test_moments_in_float32_and_in_lists():
    x, y = pair("gaussian", 100, 90, 20)
    expected = frechet_from_moments(*moments(x), *moments(y))
    single = [part.astype(np.float32) for part in (*moments(x), *moments(y))]
    assert frechet_from_moments(*single) == pytest.approx(expected, rel=1e-4)
    assert frechet_from_moments([0], [[4]], [3], [[1]]) == pytest.approx((10.0, 9.0, 1.0), rel=1e-13)
    assert frechet_from_moments([0.0], [[0.0]], [3.0], [[1.0]]) == (10.0, 9.0, 1.0)
    assert frechet_from_moments([0.0], [[0.0]], [0.0], [[0.0]]) == (0.0, 0.0, 0.0)


def test_single_precision_noise_is_not_an_error():
    rng = np.random.default_rng(8)
    x = rng.standard_normal((10, 40))
    mean, cov = moments(x)
    single = cov.astype(np.float32)  # eigenvalues near -1e-8 of the largest
    assert np.linalg.eigvalsh(single.astype(np.float64))[0] < -1e-12
    assert frechet_from_moments(mean, single, mean, single)[2] <= 1e-3 * np.trace(cov)


@pytest.mark.parametrize(
    ("position", "value", "message"),
    [
        (0, np.zeros((2, 2)), r"mean_a must be a vector .*\(2, 2\)"),
        (0, [], "mean_a must be a vector"),
        (0, [0.0, math.nan, 0.0], "mean_a holds 1 values that are not finite"),
        (2, [0.0, 1.0], "mean_b has 2 entries, mean_a has 3"),
        (1, np.eye(2), r"cov_a has shape \(2, 2\); mean_a has 3 entries, so \(3, 3\) is needed"),
        (1, np.ones(3), r"cov_a has shape \(3,\); mean_a has 3 entries"),
        (3, np.diag([1.0, math.inf, 1.0]), "cov_b holds 1 values that are not finite"),
        (3, np.array([[1.0, 0.5, 0.0], [0.4, 1.0, 0.0], [0.0, 0.0, 1.0]]), "cov_b is not symmetric"),
        (1, np.diag([1.0, -1e-6, 1.0]), "cov_a has the eigenvalue -1e-06"),
        (3, np.array([[1.0, 2.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 1.0]]), "cov_b has the eigenvalue -1;"),
        (3, np.eye(3, dtype=complex), "cov_b must hold real numbers .*, got the dtype complex128"),
        (0, np.array(["a", "b", "c"]), "mean_a must hold real numbers"),
        (1, np.array([[1.0, 1.7e308, 0.0], [-1.7e308, 1.0, 0.0], [0.0, 0.0, 1.0]]), "cov_a is not symmetric"),
    ],
)
def test_bad_moments_are_named(position, value, message):
    arguments = [np.zeros(3), np.eye(3), np.zeros(3), np.eye(3)]
    arguments[position] = value
    with pytest.raises(ValueError, match=message):
        frechet_from_moments(*arguments)
    with pytest.raises(ValueError, match=message):
        fidiv.frechet_distance_from_moments(*arguments)


@pytest.mark.parametrize("position", range(4))
def test_masked_sparse_and_ragged_moments_are_refused(position):
    name = ("mean_a", "cov_a", "mean_b", "cov_b")[position]
    whole = [np.zeros(2), np.eye(2), np.zeros(2), np.eye(2)]
    for bad, message in (
        (np.ma.masked_invalid(np.where(whole[position] == 0, np.nan, 1.0)), f"{name} is a masked array"),
        (sparse.csr_array(np.eye(2)), f"{name} is a sparse matrix"),
        ([[1.0], [0.0, 1.0]], rf"{name} \(list\) cannot be read as an array"),
    ):
        arguments = [*whole[:position], bad, *whole[position + 1 :]]
        with pytest.raises(TypeError, match=message):
            fidiv.frechet_distance_from_moments(*arguments)


@pytest.mark.filterwarnings("error")
def test_huge_moments():
    zero, one = np.zeros(2), np.eye(2)
    assert frechet_from_moments(zero, 1e308 * one, zero, 1e308 * one) == (0.0, 0.0, 0.0)
    for large, small in ((1.7e308, 1e-300), (1e-300, 1.7e308)):
        found = frechet_from_moments([0.0], [[large]], [0.0], [[small]])
        assert found == pytest.approx((1.7e308, 0.0, 1.7e308), rel=1e-9)
    # The covariances count although their scale is far from that of the means.
    assert frechet_from_moments(zero + 1e300, one, zero + 1e300, 4 * one) == pytest.approx((2.0, 0.0, 2.0))
    mean_term = frechet_from_moments(zero + 1e153, one, zero - 1e153, one)[1]
    assert mean_term == pytest.approx(8e306, rel=1e-14)
    message = "values too large in mean_a, cov_a, mean_b and cov_b"
    for offset in (1e300, 1.7e308):
        with pytest.raises(ValueError, match=message):
            fidiv.frechet_distance_from_moments(zero + offset, one, zero - offset, one)
    with pytest.raises(ValueError, match=message):
        fidiv.frechet_distance_from_moments(zero, 1.7e308 * one, zero, one)
