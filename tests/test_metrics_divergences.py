"""Kullback-Leibler and Rényi divergences from radii: the entropies' functions, closed forms, zeros."""

from __future__ import annotations

import math

import numpy as np
import oracle
import pytest
from factories import gaussian

import fidiv
from fidiv import entropy


@pytest.mark.parametrize(
    ("n", "m", "d", "k", "alpha"), [(90, 70, 3, 5, 0.5), (60, 80, 9, 2, 1.5), (50, 50, 1, 1, 0.3)]
)
def test_equal_to_the_functions_of_one_direction(n, m, d, k, alpha, kernel):
    x, y = gaussian(n, d, 1), gaussian(m, d, 2, shift=0.4)
    got = fidiv.divergences(x, y, nearest_k=k, alpha=alpha)
    assert got.settings["kernel"] == kernel
    for name, one, other in (("real_fake", x, y), ("fake_real", y, x)):
        assert got[f"kl_{name}"] == pytest.approx(oracle.kl_divergence(one, other, k), rel=1e-12)
        assert got[f"kl_{name}"] == pytest.approx(entropy.kl_divergence(one, other, nearest_k=k), rel=1e-12)
        result = entropy.renyi_divergence_result(one, other, alpha=alpha, nearest_k=k, method="radii")
        assert got[f"renyi_{name}"] == result["renyi_divergence"]
        np.testing.assert_array_equal(got.samples[f"log_ratio_{name}"], result.samples["log_ratio"])


def test_they_are_differences_of_cross_entropies():
    x, y = gaussian(200, 4, 1), gaussian(150, 4, 2, scale=1.5)
    got, ce = fidiv.divergences(x, y), fidiv.cross_entropies(x, y)
    assert got.kl_real_fake == pytest.approx(ce.rce, rel=1e-12)
    assert got.kl_fake_real == pytest.approx(ce.pce - ce.re, rel=1e-12)


def test_gaussians():
    """N(0, 1) and N(1, 1): KL is 1/2, and the Rényi divergence alpha / 2, in both directions."""
    x, y = gaussian(8000, 1, 1), gaussian(6000, 1, 2, shift=1.0)
    for alpha in (0.5, 1.0, 2.0):
        got = fidiv.divergences(x, y, alpha=alpha)
        for name in ("real_fake", "fake_real"):
            assert got[f"kl_{name}"] == pytest.approx(0.5, abs=0.06)
            assert got[f"renyi_{name}"] == pytest.approx(alpha / 2, abs=0.15 if alpha > 1 else 0.06)
        assert alpha != 1.0 or got.renyi_real_fake == got.kl_real_fake


def test_zero_distances():
    x, y = gaussian(40, 3, 1), gaussian(30, 3, 2)
    y[3] = x[7]
    with pytest.raises(ValueError, match=r"1 of 40 distances from reals to fakes are zero, .* row 7"):
        fidiv.divergences(x, y, nearest_k=1)
    result = fidiv.evaluate(x, y, metrics="divergences", nearest_k=1)
    assert all(math.isnan(value) for value in result.values())
    assert "from fakes to reals" in result.undefined["kl_fake_real"]
    fidiv.divergences(x, y, nearest_k=2)  # nothing is at distance zero there


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"alpha": 0.0}, ValueError, "alpha must be a positive, finite number, got 0.0"),
        ({"alpha": math.inf}, ValueError, "alpha must be"),
        ({"alpha": "half"}, TypeError, "alpha must be"),
        ({"alpha": 3.0, "nearest_k": 2}, ValueError, r"nearest_k must be above abs\(alpha - 1\), got 2"),
        ({"nearest_k": 40}, ValueError, "nearest_k=40 needs at least 41 points"),
    ],
)
def test_errors(options, error, words):
    with pytest.raises(error, match=words):
        fidiv.divergences(gaussian(40, 3, 1), gaussian(30, 3, 2), **options)
