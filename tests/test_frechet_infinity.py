"""The Fréchet distance extrapolated to endlessly many fakes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from factories import gaussian
from oracle import frechet_more as oracle

import fidiv
from fidiv.metrics.frechet import infinity


def test_equal_to_the_oracle():
    x, y = gaussian(200, 6, 1), gaussian(160, 6, 2, shift=0.4)
    result = fidiv.frechet_distance_infinity(x, y, seed=3)
    sizes = np.linspace(16, 160, 15).astype(int)
    order = np.random.default_rng(3).permutation(160)
    intercept, slope = oracle.infinity(x, y, sizes, order)
    assert list(result) == ["fd_infinity", "fd_infinity_slope"]
    assert result.fd_infinity == pytest.approx(intercept, rel=1e-8)
    assert result.fd_infinity_slope == pytest.approx(slope, rel=1e-8)
    other = fidiv.frechet_distance_infinity(x, y, smallest=100)
    assert other.settings["smallest"] == 100
    order = np.random.default_rng(0).permutation(160)
    expected = oracle.infinity(x, y, np.linspace(100, 160, 15).astype(int), order)
    assert tuple(other.values()) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize(
    ("m", "d", "smallest", "first", "count"),
    [
        (50_000, 2048, None, 5000, 15),  # as the authors
        (10_000, 2048, None, 4098, 15),  # a covariance of fewer points would be far from its limit
        (1000, 8, None, 100, 15),  # as dgm-eval
        (300, 2048, None, 150, 15),
        (100, 3, None, 10, 15),
        (20, 3, None, 8, 13),
        (3, 1, None, 2, 2),
        (3, 500, None, 2, 2),
        (40, 3, 39, 39, 2),
    ],
)
def test_sizes(m, d, smallest, first, count):
    sizes = infinity.sizes(m, d, smallest)
    assert (sizes[0], sizes[-1], len(sizes)) == (first, m, count)
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize(("m", "d", "repeats"), [(200, 16, 10), (300, 48, 6)])
def test_less_biased_than_the_distance_of_the_fakes_at_hand(m, d, repeats):
    """Gaussians whose distance is known: (1.3 - 1)^2 for each column, and a shift."""
    truth = 0.09 * d + 0.5
    plain, limit = [], []
    for seed in range(repeats):
        x = gaussian(4000, d, seed)
        y = gaussian(m, d, 100 + seed, scale=1.3, shift=math.sqrt(0.5 / d))
        plain.append(fidiv.frechet_distance(x, y, n_jobs=1).frechet_distance - truth)
        limit.append(fidiv.frechet_distance_infinity(x, y, n_jobs=1).fd_infinity - truth)
    assert np.mean(plain) > 5 * np.std(plain) / math.sqrt(repeats)  # the bias is there
    assert abs(np.mean(limit)) < 0.3 * np.mean(plain)


def test_few_points_bend_the_line():
    """Why the smallest subset is not taken below 2 (d + 1): with dgm-eval's rule the answer is too small."""
    d, m, truth = 48, 300, 0.09 * 48
    x, y = gaussian(6000, d, 1), gaussian(m, d, 2, scale=1.3)
    ours = fidiv.frechet_distance_infinity(x, y).fd_infinity
    theirs = fidiv.frechet_distance_infinity(x, y, smallest=m // 10).fd_infinity
    assert abs(ours - truth) < 0.5 * abs(theirs - truth)


def test_a_line_is_found():
    x = [0.5, 0.25, 0.125]
    assert infinity.line(x, [3.0 - 2.0 * value for value in x]) == pytest.approx((3.0, -2.0), rel=1e-14)
    assert infinity.line(x, [1e308] * 3) == (1e308, 0.0)


def test_identical_sets_of_equal_rows():
    x = np.full((20, 3), 0.1)
    result = fidiv.frechet_distance_infinity(x, x)
    assert tuple(result.values()) == (0.0, 0.0)
    assert tuple(fidiv.frechet_distance_infinity(x + 1.0, x).values()) == pytest.approx((3.0, 0.0))


def test_isometry_and_scale():
    x, y = gaussian(200, 6, 1), gaussian(160, 6, 2, shift=0.4)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 6)))[0]
    expected = fidiv.frechet_distance_infinity(x, y).fd_infinity
    for s in (1.0, -3.0, 2.0**200):
        moved = fidiv.frechet_distance_infinity(s * (x @ turn + 5.0), s * (y @ turn + 5.0))
        assert moved.fd_infinity / s / s == pytest.approx(expected, rel=1e-7)


def test_the_seed_is_of_the_order_and_evaluate_passes_it():
    x, y = gaussian(200, 6, 1), gaussian(160, 6, 2, shift=0.4)
    one, other = (fidiv.frechet_distance_infinity(x, y, seed=s) for s in (5, 6))
    assert one != other
    assert one == fidiv.frechet_distance_infinity(x, y, seed=5)
    together = fidiv.evaluate(x, y, metrics="frechet_distance_infinity", seed=5)
    assert dict(together) == pytest.approx(dict(one), rel=1e-9)
    assert together.settings["families"]["frechet_distance_infinity"]["seed"] == 5


def test_the_moments_of_the_reals_are_found_once(monkeypatch):
    from fidiv import _core

    asked = []
    plain = _core.moments

    def recorded(points, **options):
        asked.append(points.name)
        return plain(points, **options)

    monkeypatch.setattr(_core, "moments", recorded)
    fidiv.frechet_distance_infinity(gaussian(200, 6, 1), gaussian(160, 6, 2))
    assert asked.count("real_features") == 1
    assert len(asked) == 1 + 15


def test_refusals():
    x = gaussian(30, 3, 1)
    with pytest.raises(ValueError, match="at least 3 points in fake_features, which has 2"):
        fidiv.frechet_distance_infinity(x, x[:2])
    with pytest.raises(
        ValueError, match="smallest=30 needs more points than that in fake_features, which has 30"
    ):
        fidiv.frechet_distance_infinity(x, x, smallest=30)
    with pytest.raises(ValueError, match="smallest must be at least 2, got 1"):
        fidiv.frechet_distance_infinity(x, x, smallest=1)
    with pytest.raises(ValueError, match="at least 2 points in real_features"):
        fidiv.frechet_distance_infinity(x[:1], x)
    with pytest.raises(TypeError, match="smallest must be an integer"):
        fidiv.frechet_distance_infinity(x, x, smallest=2.5)
    with pytest.raises(TypeError, match="seed must be an integer"):
        fidiv.frechet_distance_infinity(x, x, seed=None)
    result = fidiv.evaluate(x, x[:2], metrics=["fd_infinity", "frechet_distance"])
    assert math.isnan(result["fd_infinity"])
    assert "at least 3 points" in result.undefined["fd_infinity"]
    assert math.isfinite(result["frechet_distance"])
