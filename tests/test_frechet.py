"""The Fréchet distance of features: singular values of products of centred factors, closed forms,
invariances, values near the end of float64, errors.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from frechet_sets import (
    KINDS,
    assert_right,
    by_singular_values,
    frechet_distance_terms,
    moments,
    moments_of,
    pair,
)
from hypothesis import given
from hypothesis import strategies as st

import fidiv
from fidiv import _core, _plan, _sweeps
from fidiv.metrics.frechet import distance
from fidiv.metrics.frechet.distance import TOLERANCE, frechet_from_moments

SHAPES = {
    "many rows": (700, 500, 40),
    "wide": (600, 700, 160),
    "n a little above d": (102, 101, 100),
    "n = d + 1": (61, 400, 60),
    "n = d": (60, 60, 60),
    "n < d": (30, 25, 90),
    "n < d in one": (30, 400, 90),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_agrees_with_the_singular_values(kind, shape):
    real, fake = pair(kind, *SHAPES[shape])
    assert_right(real, fake)
    assert_right(fake, real)


@pytest.mark.parametrize("kind", KINDS)
def test_float32_is_taken_as_it_is(kind):
    real, fake = (x.astype(np.float32) for x in pair(kind, 300, 200, 40))
    assert_right(real, fake)
    assert_right(real, fake.astype(np.float64))


@given(
    n=st.integers(2, 30),
    m=st.integers(2, 30),
    d=st.integers(1, 12),
    seed=st.integers(0, 2**32 - 1),
    levels=st.sampled_from([1, 2, 50]),
)
def test_small_sets_of_any_shape(n, m, d, seed, levels):
    rng = np.random.default_rng(seed)
    assert_right(*(np.asarray(rng.integers(0, levels + 1, (size, d)), dtype=np.float64) for size in (n, m)))


# Closed forms


def exact_sample(n, mean, root, seed):
    """n points whose sample mean is `mean` and whose sample covariance is root' root, up to rounding."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, len(mean)))
    q = np.linalg.qr(x - x.mean(axis=0))[0] * math.sqrt(n - 1)
    return (q - q.mean(axis=0)) @ root + mean


def test_one_dimension():
    x = np.array([[1.0], [2.0], [6.0], [7.0]])
    y = np.array([[-1.0], [0.0], [4.0]])
    s, t = x.std(ddof=1), y.std(ddof=1)
    total, mean_term, covariance_term = frechet_distance_terms(x, y)
    assert mean_term == pytest.approx(9.0, rel=1e-14)
    assert covariance_term == pytest.approx((s - t) ** 2, rel=1e-12)
    assert total == pytest.approx(9.0 + (s - t) ** 2, rel=1e-12)


def test_covariances_that_commute():
    rng = np.random.default_rng(3)
    turn = np.linalg.qr(rng.standard_normal((12, 12)))[0]
    s, t = rng.uniform(0.1, 3, 12), rng.uniform(0.1, 3, 12)
    mean_a, mean_b = rng.standard_normal(12), rng.standard_normal(12)
    expected = (((mean_a - mean_b) ** 2).sum(), ((s - t) ** 2).sum())
    a, b = exact_sample(80, mean_a, s[:, None] * turn, 1), exact_sample(50, mean_b, t[:, None] * turn, 2)
    assert frechet_distance_terms(a, b)[1:] == pytest.approx(expected, rel=1e-10)
    moments = mean_a, turn.T @ np.diag(s**2) @ turn, mean_b, turn.T @ np.diag(t**2) @ turn
    assert frechet_from_moments(*moments)[1:] == pytest.approx(expected, rel=1e-10)


def test_covariances_of_rank_one():
    """|u|^2 + |v|^2 - 2 |u'v| for covariances uu' and vv'."""
    u, v = np.array([3.0, 0.0, 4.0]), np.array([1.0, 2.0, 2.0])
    t = np.array([-1.0, 0.0, 1.0])[:, None]  # variance 1
    expected = 25 + 9 - 2 * 11
    assert frechet_distance_terms(t * u, t * v)[2] == pytest.approx(expected, rel=1e-13)
    mean = np.zeros(3)
    found = frechet_from_moments(mean, np.outer(u, u), mean, np.outer(v, v))[2]
    assert found == pytest.approx(expected, rel=1e-13)


def test_a_shift_only():
    x = np.random.default_rng(4).standard_normal((50, 6))
    shift = np.array([3.0, 0.0, 0.0, 4.0, 0.0, 12.0])
    total, mean_term, covariance_term = frechet_distance_terms(x, x + shift)
    trace = 2 * x.var(axis=0, ddof=1).sum()
    assert mean_term == pytest.approx(169.0, rel=1e-14)
    assert 0.0 <= covariance_term <= 1e-12 * trace
    assert total == mean_term + covariance_term


def test_a_scaled_copy():
    x = np.random.default_rng(5).standard_normal((70, 9))
    x -= x.mean(axis=0)
    trace = x.var(axis=0, ddof=1).sum()
    assert frechet_distance_terms(x, 3 * x)[2] == pytest.approx(4 * trace, rel=1e-11)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [30, 200])
def test_equal_sets_give_zero(kind, n):
    x, _ = pair(kind, n, n, 40)
    trace = 2 * x.var(axis=0, ddof=1).sum()
    _, mean_term, covariance_term = frechet_distance_terms(x, x.copy())
    assert mean_term == 0.0
    assert 0.0 <= covariance_term <= 1e-11 * trace


# What must not change the value, or change it in a known way


@pytest.mark.parametrize("shape", [(300, 200, 20), (300, 200, 130), (15, 12, 20)])
def test_symmetry_isometry_scale_and_order_of_rows(shape):
    n, m, d = shape
    x, y = pair("rectified", n, m, d)
    rng = np.random.default_rng(6)
    turn = np.linalg.qr(rng.standard_normal((d, d)))[0]
    total = frechet_distance_terms(x, y)[0]
    trace = by_singular_values(x, y)[1]
    close = pytest.approx(total, abs=2 * TOLERANCE * trace)
    assert frechet_distance_terms(y, x)[0] == close
    assert frechet_distance_terms(x @ turn + 2.5, y @ turn + 2.5)[0] == close
    assert frechet_distance_terms(x[rng.permutation(n)], y[rng.permutation(m)])[0] == close
    assert frechet_distance_terms(-7 * x, -7 * y)[0] / 49 == close
    assert frechet_distance_terms(x[:, ::-1].copy(), y[:, ::-1].copy())[0] == close
    assert frechet_distance_terms(np.asfortranarray(x), y[::-1])[0] == close


@pytest.mark.parametrize("d", [8, 60])
def test_a_huge_offset_does_not_cancel(d):
    rng = np.random.default_rng(7)
    # Multiples of 2^-20, so that adding the offset changes no value.
    x, y = (np.round(rng.standard_normal((size, d)) * 2**20) / 2**20 for size in (40, 90))
    offset = rng.integers(-(10**6), 10**6, d).astype(np.float64)
    moved = frechet_distance_terms(x + offset, y + offset)
    for here, there in zip(frechet_distance_terms(x, y), moved, strict=True):
        assert there == pytest.approx(here, rel=1e-12)


@pytest.mark.parametrize("exponent", [-500, -300, 0, 300, 500])
def test_scales_by_powers_of_two_are_exact(exponent):
    x, y = pair("rectified", 90, 80, 30)
    scale = math.ldexp(1.0, exponent)
    expected = np.array(frechet_distance_terms(x, y))
    found = np.array(frechet_distance_terms(x * scale, y * scale))
    assert np.array_equal(found / scale / scale, expected)


def test_large_float32_values_and_very_different_scales():
    x, y = pair("gaussian", 90, 80, 30)
    assert_right((x * 1e30).astype(np.float32), (y * 1e30).astype(np.float32))
    assert_right(x * 1e30, y * 1e-30)
    columns = 10.0 ** np.linspace(-40, 40, 30)
    assert_right(x * columns, y * columns)


def test_many_columns_that_are_constant_in_one_set_only():
    """More points than columns that are left, but not than all of them: the correlations come late."""
    x, y = pair("gaussian", 80, 300, 120)
    y[:, ::2] = 0.5
    assert_right(x, y)
    assert_right(y, x)


def test_moments_are_the_same_whoever_asks_and_how_often():
    x, _ = pair("rectified", 300, 2, 40)
    points = _core.Points(x, "x")
    once, shared = _sweeps.moments(points, 1), _sweeps.moments(points, 2, shared=True)
    first = once.correlations()
    for again in (once.correlations(), shared.correlations(), shared.correlations()):
        assert again is not first
        assert np.array_equal(again, first)
    assert np.allclose(first, np.tril(np.corrcoef(x, rowvar=False)), rtol=0, atol=1e-13)
    assert np.allclose(once.base + once.centre, x.mean(axis=0), rtol=1e-13)
    assert np.allclose(once.spread, x.std(axis=0, ddof=1), rtol=1e-13)


def test_several_fakes_share_the_moments_of_the_reals():
    x, y = pair("gaussian", 200, 180, 30)
    fakes = {"first": y, "second": 2 * y, "third": y}
    found = _plan.evaluate_many(x, fakes, metrics="frechet_distance")
    for name, fake in fakes.items():
        assert found[name]["frechet_distance"] == fidiv.frechet_distance(x, fake).frechet_distance


def test_bad_arguments_of_the_core_are_named():
    points = _core.Points(np.ones((4, 3)), "x")
    three = np.ones(3)
    with pytest.raises(ValueError, match="vectors has 2 columns; 16 are needed"):
        _core.probe(points, three, three, three, np.ones((3, 2)))
    with pytest.raises(ValueError, match="of 3 columns need as many"):
        _core.probe(points, three, three, np.ones(2), np.ones((3, 16)))
    with pytest.raises(ValueError, match="n_jobs is 0"):
        _core.moments(points, correlations=True, n_jobs=0)
    with pytest.raises(ValueError, match="n_jobs is 0"):
        fidiv.frechet_distance(np.ones((4, 3)), np.ones((4, 3)), n_jobs=0)


def test_block_size_does_not_matter(monkeypatch):
    for kind in ("gaussian", "duplicated in one", "constant"):
        x, y = pair(kind, 211, 190, 30)
        expected, trace = frechet_distance_terms(x, y), by_singular_values(x, y)[1]
        for elements in (1, 30, 31 * 30, 100 * 30):
            with monkeypatch.context() as patch:
                patch.setattr(distance, "BLOCK", elements)
                assert frechet_distance_terms(x, y) == pytest.approx(expected, abs=1e-12 * trace)


def test_the_input_is_left_alone():
    x, y = pair("constant", 50, 40, 10)
    x.flags.writeable = y.flags.writeable = False
    frechet_distance_terms(x, y)


# Values near the end of float64: right where the result fits, a sentence where it does not; no warnings


@pytest.mark.filterwarnings("error")
def test_huge_features():
    result = fidiv.frechet_distance([[5e153], [-5e153]], [[1e153], [0.0]])
    # Deviations sqrt(1/2) times the differences 1e154 and 1e153; means 0 and 5e152.
    assert result.covariance_term == pytest.approx(0.5 * 9e153**2, rel=1e-9)
    assert result.mean_term == pytest.approx(5e152**2, rel=1e-12)
    x, y = pair("gaussian", 60, 50, 8)
    expected = np.array(frechet_distance_terms(x, y))
    for scale in (2.0**497, 2.0**506):
        assert np.array_equal(
            np.array(frechet_distance_terms(x * scale, y * scale)) / scale / scale, expected
        )
    # A huge constant column takes nothing from the digits of the others.
    x[:, 3] = y[:, 3] = 1e153
    moved = frechet_distance_terms(x, y)
    x[:, 3] = y[:, 3] = 0.0
    assert moved == frechet_distance_terms(x, y)


@pytest.mark.filterwarnings("error")
def test_evaluate_of_huge_features():
    x, y = (np.clip(part, -4, 4) for part in pair("gaussian", 60, 50, 8))
    scale = 2.0**506
    found = fidiv.evaluate(x * scale, y * scale, metrics=["frechet_distance"])
    assert found["frechet_distance"] / scale / scale == frechet_distance_terms(x, y)[0]
    assert not any("frechet" in note for note in found.notes)


@pytest.mark.filterwarnings("error")
def test_huge_features_whose_distance_does_not_fit():
    # Each squared distance is at most 1.6e308, but the parts add up to more.
    real, fake = np.array([[6e153], [6e153], [-6e153]]), np.array([[-6e153], [-6e153], [-6e153 + 1e140]])
    real, fake = np.tile(real, 2) / 1.5, np.tile(fake, 2) / 1.5
    total, mean_term, covariance_term = frechet_distance_terms(real / 2, fake / 2)
    assert math.isfinite(total)
    assert total == mean_term + covariance_term
    # Points so large are refused at the door; here they come past it.
    large = [replace(m, base=3.4 * m.base, spread=3.4 * m.spread) for m in moments_of(real / 2, fake / 2)]
    with pytest.raises(ValueError, match="values too large in real_features and fake_features"):
        distance.frechet_distance_terms(*large)


# Errors and the public call


@pytest.mark.parametrize(("n", "m", "name"), [(1, 5, "real_features"), (5, 1, "fake_features")])
def test_one_point_is_too_few(n, m, name):
    message = f"at least 2 points in {name}, which has 1"
    with pytest.raises(ValueError, match=message):
        frechet_distance_terms(np.zeros((n, 3)), np.zeros((m, 3)))
    with pytest.raises(ValueError, match=message):
        fidiv.frechet_distance(np.zeros((n, 3)), np.zeros((m, 3)))


def test_widths_must_agree():
    wide, narrow = (
        moments_of(np.zeros((5, 4)), np.zeros((5, 4)))[0],
        moments_of(np.zeros((5, 3)), np.zeros((5, 3)))[0],
    )
    with pytest.raises(ValueError, match="fake_features has 3 columns, real_features has 4"):
        distance.frechet_distance_terms(wide, narrow)


def test_the_public_call():
    x, y = pair("rectified", 90, 80, 12)
    result = fidiv.frechet_distance(x, y)
    keys = ("frechet_distance", "mean_term", "covariance_term")
    assert tuple(result[key] for key in keys) == frechet_distance_terms(x, y)
    again = fidiv.frechet_distance_from_moments(*moments(x), *moments(y))
    assert again.frechet_distance == pytest.approx(result.frechet_distance, rel=1e-9)


def test_evaluate_gives_the_same_for_any_number_of_workers():
    x, y = pair("gaussian", 300, 280, 40)
    expected = frechet_distance_terms(x, y)[0]
    for jobs in (1, 2, 8):
        assert fidiv.frechet_distance(x, y, n_jobs=jobs).frechet_distance == expected
        assert fidiv.evaluate(x, y, metrics=["frechet_distance"], n_jobs=jobs)["frechet_distance"] == expected
