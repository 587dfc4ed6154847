"""The sliced Wasserstein distance; the Vendi score and the Rényi kernel entropy of one set."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from factories import adversaries, gaussian
from oracle import kernels as oracle

import fidiv
from fidiv.metrics import sliced_wasserstein as sliced
from fidiv.metrics import vendi


def sw(x, y, **options):
    return fidiv.sliced_wasserstein(x, y, **options)["sliced_wasserstein"]


# Sliced Wasserstein


@pytest.mark.parametrize("p", [1, 2, 2.5])
@pytest.mark.parametrize(("n", "m"), [(30, 30), (30, 20), (7, 31), (1, 5), (1, 1), (4, 2)])
def test_equal_to_the_oracle(n, m, p):
    d = 1 if n == m == 1 else 4
    x, y = gaussian(n, d, 1), gaussian(m, d, 2, np.float32, shift=0.4)
    expected = oracle.sliced_wasserstein(x, y, 25, p, 3)
    assert sw(x, y, num_projections=25, p=p, seed=3) == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize(("n", "m"), [(40, 40), (40, 31)])
def test_on_a_line_it_is_scipys(n, m):
    x, y = gaussian(n, 1, 1), gaussian(m, 1, 2, shift=0.4)
    assert sw(x, y, num_projections=3, p=1) == pytest.approx(
        scipy.stats.wasserstein_distance(x[:, 0], y[:, 0]), rel=1e-11
    )


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 6), (6, 4), (12, 12), (7, 5)])
def test_the_coupling_is_one(n, m):
    """Every point of either set is used with its whole weight; as few pieces as there can be."""
    weights, left, right = sliced.coupling(n, m)
    np.testing.assert_allclose(np.bincount(left, weights), np.full(n, 1 / n), rtol=1e-14)
    np.testing.assert_allclose(np.bincount(right, weights), np.full(m, 1 / m), rtol=1e-14)
    assert len(weights) == n + m - math.gcd(n, m)


def test_a_translation():
    x, t = gaussian(50, 6, 1), np.arange(6.0)
    lines = sliced.directions(6, 200, 0)
    np.testing.assert_allclose(np.linalg.norm(lines, axis=1), 1.0, rtol=1e-14)
    exact = math.sqrt(np.mean((lines @ t) ** 2))
    assert sw(x, x[::-1] + t, num_projections=200) == pytest.approx(exact, rel=1e-12)
    assert exact == pytest.approx(np.linalg.norm(t) / math.sqrt(6), rel=0.1)


def test_gaussians():
    """N(0, I) and N(0, 9 I): every projection has W_2 = 2, but for the sample."""
    assert sw(gaussian(4000, 3, 1), 3 * gaussian(4000, 3, 2), num_projections=50) == pytest.approx(
        2, rel=0.05
    )


def test_repeated_points_are_weights():
    x, y = gaussian(20, 3, 1), gaussian(30, 3, 2)
    got = sw(x, y, num_projections=40)
    assert sw(np.repeat(x, 3, axis=0), y, num_projections=40) == pytest.approx(got, rel=1e-12)
    assert sw(x, np.repeat(x, 3, axis=0), num_projections=40) < 1e-14


def test_what_must_not_matter_to_slices(monkeypatch):
    x, y = gaussian(60, 5, 1, np.float32), gaussian(45, 5, 2, np.float32, shift=0.3)
    got, rng = sw(x, y), np.random.default_rng(0)
    assert sw(y, x) == pytest.approx(got, rel=1e-12)
    assert sw(rng.permutation(x), rng.permutation(y)) == pytest.approx(got, rel=1e-12)
    assert sw(x.astype(np.float64), y.astype(np.float64)) == got
    assert sw(x, y, n_jobs=2) == got
    assert sw(x * 2.0**60, y * 2.0**60) == got * 2.0**60
    assert sw(x, y, seed=1) != got
    wide = x.astype(np.float64), y.astype(np.float64)
    assert sw(wide[0] + 1e6, wide[1] + 1e6) == pytest.approx(got, rel=1e-8)
    monkeypatch.setattr(sliced, "AT_ONCE", 1)  # one direction at a time
    assert sw(x, y) == pytest.approx(got, rel=1e-13)
    # The order of the limit: large p goes to the largest gap, without leaving float64.
    assert math.isfinite(sw(x * 1e30, y * 1e30, p=100))


@pytest.mark.parametrize("name", ["outlier 1e100, float64", "all rows equal", "subnormal, float32"])
def test_slices_of_rows_that_hurt(name):
    x, y = adversaries(5)[name]
    assert 0 <= sw(x, y, num_projections=10) < math.inf


@pytest.mark.parametrize(
    ("options", "error"),
    [({"p": 0.5}, ValueError), ({"p": "2"}, TypeError), ({"p": 101}, ValueError), ({"p": True}, TypeError)],
)
def test_wrong_orders_of_slices(options, error):
    with pytest.raises(error, match="p must be a number from 1 to 100"):
        sw(gaussian(5, 2, 1), gaussian(5, 2, 2), **options)


# Vendi score


@pytest.mark.parametrize("q", [0.3, 0.999999, 1.0, 1.000001, 2, 7.5, math.inf])
@pytest.mark.parametrize(("n", "d"), [(40, 6), (6, 40), (9, 9), (1, 3), (5, 1), (1500, 4)])
def test_vendi_is_the_entropy_of_the_whole_matrix(n, d, q):
    x = gaussian(n, d, 1, shift=0.5)
    got = fidiv.vendi_score(x, q=q)["vendi_score"]
    assert got == pytest.approx(oracle.vendi(x, q), rel=1e-9)
    assert 1 - 1e-12 <= got <= min(n, d) * (1 + 1e-12)


def test_kinds_are_counted():
    """Orthogonal kinds of 1, 2, 3 and 4 points: shares 0.1 .. 0.4."""
    kinds = np.repeat(np.eye(4), [1, 2, 3, 4], axis=0) * np.arange(1.0, 11.0)[:, None]
    p = np.array([0.1, 0.2, 0.3, 0.4])
    for x in (kinds, np.hstack([kinds, np.zeros((10, 20))])):  # by d x d, by n x n
        assert fidiv.vendi_score(x)["vendi_score"] == pytest.approx(math.exp(-(p * np.log(p)).sum()))
        assert fidiv.vendi_score(x, q=0)["vendi_score"] == 4.0
        assert fidiv.vendi_score(x, q=2)["vendi_score"] == pytest.approx(1 / (p**2).sum())
        assert fidiv.vendi_score(x, q=math.inf)["vendi_score"] == pytest.approx(2.5)
        assert fidiv.vendi_score(x, q=1e90)["vendi_score"] == pytest.approx(2.5)
    assert fidiv.vendi_score(np.eye(7))["vendi_score"] == pytest.approx(7.0)
    assert fidiv.vendi_score(np.ones((7, 3)))["vendi_score"] == pytest.approx(1.0)


def test_orders_descend():
    x = gaussian(100, 8, 1, shift=0.5)
    scores = [fidiv.vendi_score(x, q=q)["vendi_score"] for q in (0, 0.1, 0.5, 0.9, 1, 1.1, 2, 10, math.inf)]
    assert all(np.diff(scores) < 0)
    assert scores[0] == 8.0


def test_the_order_near_one_does_not_cancel():
    p = np.array([0.1, 0.2, 0.3, 0.4])
    exact = vendi.hill_number(p, 1.0)
    for step in (1e-6, 1e-9, 1e-13):
        assert vendi.hill_number(p, 1 + step) == pytest.approx(exact, rel=2 * step, abs=0)
        assert vendi.hill_number(p, 1 - step) == pytest.approx(exact, rel=2 * step, abs=0)


def test_the_rank_is_that_of_the_points():
    """Noise eigenvalues are no kinds, even to small orders."""
    x = gaussian(300, 3, 1) @ gaussian(3, 50, 2)
    assert fidiv.vendi_score(x, q=0)["vendi_score"] == 3.0
    assert fidiv.vendi_score(x[:40], q=0)["vendi_score"] == 3.0
    assert fidiv.vendi_score(x, q=0.01)["vendi_score"] == pytest.approx(3.0, rel=0.02)


def test_what_must_not_matter_to_vendi():
    x, rng = gaussian(80, 6, 1, np.float32), np.random.default_rng(0)
    got = fidiv.vendi_score(x)["vendi_score"]
    turn = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    lengths = 10.0 ** rng.uniform(-100, 100, size=(80, 1))
    signs = rng.choice([-1.0, 1.0], size=(80, 1))
    for other in (rng.permutation(x), x @ turn, x * lengths, x * signs, np.repeat(x, 3, axis=0)):
        assert fidiv.vendi_score(other)["vendi_score"] == pytest.approx(got, rel=1e-10)
    assert fidiv.vendi_score(x.astype(np.float64))["vendi_score"] == got


def test_wrong_input_of_vendi():
    with pytest.raises(ValueError, match="features has the zero vector at row 1"):
        fidiv.vendi_score([[1.0, 2.0], [0.0, 0.0]])
    with pytest.raises(ValueError, match="q must be a number from 0"):
        fidiv.vendi_score([[1.0]], q=-1)
    with pytest.raises(TypeError, match="q must be a number"):
        fidiv.vendi_score([[1.0]], q="inf")
    with pytest.raises(ValueError, match="features is 1-D"):
        fidiv.vendi_score([1.0])


# Rényi kernel entropy


@pytest.mark.parametrize(("n", "d"), [(50, 4), (530, 3), (1, 2), (2, 1)])
@pytest.mark.parametrize("bandwidth", [0.3, 1, 10.0])
def test_rke_is_the_order_two_of_the_whole_matrix(n, d, bandwidth):
    x = gaussian(n, d, 1, np.float32)
    got = fidiv.rke(x, bandwidth=bandwidth)
    squares = oracle.gaussian(x, x, bandwidth) ** 2
    assert got["rke"] == pytest.approx(1 / squares.mean(), rel=1e-11)
    if n < 100:
        assert got["rke"] == pytest.approx(oracle.rke(x, bandwidth), rel=1e-9)
    assert got.settings["bandwidth"] == bandwidth
    assert 1 <= got["rke"] <= n


def test_rke_counts_modes():
    centers = 1e3 * np.eye(5)
    x = np.repeat(centers, 40, axis=0) + 1e-4 * gaussian(200, 5, 1)
    assert fidiv.rke(x, bandwidth=1.0)["rke"] == pytest.approx(5.0, rel=1e-6)
    assert fidiv.rke(x, bandwidth=1e9)["rke"] == pytest.approx(1.0, rel=1e-6)
    assert fidiv.rke(x, bandwidth=1e-9)["rke"] == pytest.approx(200.0)
    assert fidiv.rke(x, bandwidth=1.0, n_jobs=3) == fidiv.rke(x, bandwidth=1.0, n_jobs=1)


def test_rke_of_a_gaussian():
    """Mean of k^2 under N(0, 2 s^2 I): (1 + 4 s^2 / h^2)^(-d / 2)."""
    x = gaussian(3000, 2, 1)
    assert fidiv.rke(x, bandwidth=2.0)["rke"] == pytest.approx(2.0, rel=0.03)


@pytest.mark.parametrize(("value", "error"), [(0, ValueError), (-1.0, ValueError), ("median", TypeError)])
def test_wrong_bandwidths_of_rke(value, error):
    with pytest.raises(error, match="bandwidth must be a number"):
        fidiv.rke([[1.0], [2.0]], bandwidth=value)
