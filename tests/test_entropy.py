"""Entropies from neighbour distances: closed forms, the table of the paper, any dimension, zero distances."""

from __future__ import annotations

import math
import warnings
from fractions import Fraction

import numpy as np
import oracle
import pytest
from factories import gaussian
from hypothesis import given
from hypothesis import strategies as st

from fidiv import _core, entropy

LOG_2_PI_E = math.log(2 * math.pi * math.e)


def terms(distances, *, n_reference=100, nearest_k=5, dimension=3.0, zero="raise", what="distances"):
    return _core.entropy_terms(
        np.asarray(distances, dtype=np.float64),
        n_reference=n_reference,
        nearest_k=nearest_k,
        dimension=dimension,
        zero=zero,
        what=what,
    )


# The log-volume of the unit ball


def test_volume_of_small_balls():
    for d, volume in [
        (1, 2.0),
        (2, math.pi),
        (3, 4 / 3 * math.pi),
        (4, math.pi**2 / 2),
        (5, 8 / 15 * math.pi**2),
    ]:
        assert _core.log_unit_ball_volume(d) == pytest.approx(math.log(volume), rel=1e-15, abs=1e-15)


@pytest.mark.parametrize("parity", [1, 2])
def test_volume_by_recursion(parity):
    """V_d = V_(d-2) 2 pi / d, summed exactly up to 100,000 dimensions."""
    dimensions = range(parity + 2, 100_001, 2)
    steps = [math.log(2.0 if parity == 1 else math.pi)]
    checkpoints = {parity + 2, 9, 10, 63, 64, 999, 1000, 2047, 2048, 65535, 65536, 99_999, 100_000}
    for d in dimensions:
        steps.append(math.log(2 * math.pi / d))
        if d in checkpoints:
            exact = math.fsum(steps)
            assert _core.log_unit_ball_volume(d) == pytest.approx(exact, rel=1e-13)


def test_volume_in_any_real_dimension():
    for d in (0.5, 1.5, 7.25, 40.1, 1234.567, 99_999.5):
        assert _core.log_unit_ball_volume(d) == pytest.approx(
            oracle.log_unit_ball_volume(d), rel=1e-13, abs=1e-13
        )


def test_volume_by_stirling():
    """ln Gamma(x + 1) = x ln x - x + ln(2 pi x) / 2 + 1 / (12 x) - 1 / (360 x^3) + ..."""
    for d in (1_000, 20_000, 100_000):
        x = d / 2
        log_gamma = x * math.log(x) - x + math.log(2 * math.pi * x) / 2 + 1 / (12 * x) - 1 / (360 * x**3)
        assert _core.log_unit_ball_volume(d) == pytest.approx(x * math.log(math.pi) - log_gamma, rel=1e-13)


# One term


@given(st.integers(1, 400), st.integers(1, 10**9), st.floats(0.5, 5000), st.floats(1e-100, 1e100))
def test_one_term(k, n_reference, dimension, distance):
    got, mean, zeros = terms([distance], n_reference=n_reference, nearest_k=k, dimension=dimension)
    expected = oracle.entropy_terms([distance], n_reference, k, dimension)[0]
    size = abs(oracle.log_unit_ball_volume(dimension)) + dimension * abs(math.log(distance)) + 30
    assert got[0] == pytest.approx(expected, abs=1e-13 * size)
    assert mean == got[0]
    assert zeros == 0


def test_digamma_of_integers():
    """The term of distance 1 in one dimension, n_reference 1, is ln 2 - psi(k)."""
    harmonic = Fraction(0)
    for k in range(1, 200):
        psi = float(harmonic) - oracle.EULER_GAMMA
        assert terms([1.0], n_reference=1, nearest_k=k, dimension=1.0)[1] == pytest.approx(
            math.log(2) - psi, abs=1e-14
        )
        harmonic += Fraction(1, k)


def test_the_mean_is_the_exact_mean_in_any_order():
    rng = np.random.default_rng(0)
    distances = 10.0 ** rng.uniform(-100, 100, 1000)
    values, mean, _ = terms(distances, dimension=64.0)
    shuffled = terms(rng.permutation(distances), dimension=64.0)[1]
    assert mean == pytest.approx(math.fsum(values) / 1000, rel=1e-15, abs=1e-12)
    assert shuffled == mean


# Zero distances


ZEROS = np.array([1.0, 2.0, 0.0, 0.5, 0.0])


def test_zero_raise():
    with pytest.raises(ValueError, match=r"real to real: 2 of 5 distances are zero, the first at row 2"):
        terms(ZEROS, what="real to real")


def test_zero_floor():
    values, mean, zeros = terms(ZEROS, zero="floor")
    expected = oracle.entropy_terms([1, 2, 0.5, 0.5, 0.5], 100, 5, 3)
    np.testing.assert_allclose(values, expected, rtol=1e-13)
    assert mean == pytest.approx(oracle.mean(expected), rel=1e-13)
    assert zeros == 2


def test_zero_drop():
    values, mean, zeros = terms(ZEROS, zero="drop")
    expected = oracle.entropy_terms([1, 2, 0.5], 100, 5, 3)
    np.testing.assert_array_equal(np.isnan(values), ZEROS == 0)
    np.testing.assert_allclose(values[ZEROS > 0], expected, rtol=1e-13)
    assert mean == pytest.approx(oracle.mean(expected), rel=1e-13)
    assert zeros == 2


@pytest.mark.parametrize("zero", ["raise", "floor", "drop"])
def test_all_zero_is_an_error_whatever_is_asked(zero):
    with pytest.raises(ValueError, match=r"3"):
        terms(np.zeros(3), zero=zero)


def test_unknown_policy():
    with pytest.raises(ValueError, match=r"zero.*'?ignore"):
        terms(ZEROS, zero="ignore")


# Closed forms and invariances


@pytest.mark.parametrize("d", [1, 2, 3])
def test_uniform_cube_has_entropy_zero(d):
    """H = 0; the edges of the cube push the estimate up by a share of the surface."""
    x = np.random.default_rng(d).random((20_000, d))
    assert abs(entropy.entropy(x)) < {1: 0.03, 2: 0.03, 3: 0.08}[d]


@pytest.mark.parametrize("d", [1, 2, 5])
@pytest.mark.parametrize("k", [1, 5, 20])
def test_gaussian_entropy(d, k):
    x = gaussian(12_000, d, 10 * d + k)
    assert entropy.entropy(x, nearest_k=k) == pytest.approx(d / 2 * LOG_2_PI_E, abs=0.05 + 0.01 * d)


@pytest.mark.parametrize("rate", [0.5, 2.0])
def test_exponential_entropy(rate):
    x = np.random.default_rng(3).exponential(1 / rate, (12_000, 1))
    assert entropy.entropy(x) == pytest.approx(1 - math.log(rate), abs=0.04)


def test_cross_entropy_and_divergence_of_gaussians():
    """CE(X, Y) = E_X[-ln q] and KL = CE - H, for laws in one dimension, where the bias is small."""
    x, y = gaussian(15_000, 1, 1), gaussian(14_000, 1, 2, shift=0.5, scale=1.5)
    cross = 0.5 * math.log(2 * math.pi * 1.5**2) + (1 + 0.25) / (2 * 1.5**2)
    assert entropy.cross_entropy(x, y) == pytest.approx(cross, abs=0.05)
    assert entropy.kl_divergence(x, y) == pytest.approx(cross - LOG_2_PI_E / 2, abs=0.05)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_against_the_oracle(k):
    for d, n, m in [(1, 300, 200), (4, 220, 260), (33, 150, 140)]:
        x, y = gaussian(n, d, 1, np.float32), gaussian(m, d, 2, shift=0.2)
        assert entropy.entropy(x, nearest_k=k) == pytest.approx(oracle.entropy(x, k), rel=1e-12)
        assert entropy.cross_entropy(x, y, nearest_k=k) == pytest.approx(
            oracle.cross_entropy(x, y, k), rel=1e-12
        )
        assert entropy.kl_divergence(x, y, nearest_k=k) == pytest.approx(
            oracle.kl_divergence(x, y, k), rel=1e-10, abs=1e-11
        )


def test_defaults_are_five_neighbours():
    x, y = gaussian(100, 3, 1), gaussian(90, 3, 2)
    assert entropy.entropy(x) == entropy.entropy(x, nearest_k=5)
    assert entropy.cross_entropy(x, y) == entropy.cross_entropy(x, y, nearest_k=5)
    assert entropy.kl_divergence(x, y) == entropy.kl_divergence(x, y, nearest_k=5)
    assert type(entropy.entropy(x)) is float


def test_scaling_adds_d_ln_s_and_translation_nothing():
    x, y = gaussian(400, 6, 1), gaussian(300, 6, 2)
    h, ce, kl = entropy.entropy(x), entropy.cross_entropy(x, y), entropy.kl_divergence(x, y)
    for s in (2.0**-30, 8.0):
        assert entropy.entropy(s * x) == pytest.approx(h + 6 * math.log(s), abs=1e-11)
        assert entropy.cross_entropy(s * x, s * y) == pytest.approx(ce + 6 * math.log(s), abs=1e-11)
        assert entropy.kl_divergence(s * x, s * y) == pytest.approx(kl, abs=1e-11)
    assert entropy.entropy(x + 3) == pytest.approx(h, abs=1e-11)


def test_order_of_rows_changes_no_bit():
    x, y = gaussian(400, 6, 1), gaussian(300, 6, 2)
    rng = np.random.default_rng(1)
    p, q = rng.permutation(400), rng.permutation(300)
    assert entropy.entropy(x[p]) == entropy.entropy(x)
    assert entropy.cross_entropy(x[p], y[q]) == entropy.cross_entropy(x, y)
    assert entropy.kl_divergence(x[p], y[q]) == entropy.kl_divergence(x, y)


def test_an_entropy_of_a_hundred_thousand_dimensions():
    """Rows on a line have known distances: the term is right where the volume of the ball is e^(-460,000)."""
    d = 100_000
    x = np.zeros((4, d), np.float32)
    x[:, 0] = [0, 1, 3, 7]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        got = entropy.entropy(x, nearest_k=1)
    logs = [0.0, 0.0, math.log(2), math.log(4)]
    constant = math.log(3) - oracle.digamma(1) + oracle.log_unit_ball_volume(d)
    assert got == pytest.approx(constant + d * math.fsum(logs) / 4, rel=1e-13)


def test_copies_have_no_entropy():
    x = np.repeat(gaussian(20, 3), 6, axis=0)
    for call, words in (
        (lambda: entropy.entropy(x), "the distances within x: 120 of 120"),
        (lambda: entropy.cross_entropy(gaussian(20, 3), x), "the distances from x to y: 20 of 20"),
        (lambda: entropy.kl_divergence(gaussian(20, 3), x), "the distances from x to y: 20 of 20"),
        (lambda: entropy.kl_divergence(x, gaussian(20, 3, 7)), "the distances within x: 120 of 120"),
    ):
        with pytest.raises(ValueError, match=rf"^{words} distances are zero, the first at row 0") as caught:
            call()
        assert "zero=" not in str(caught.value)  # these calls have no such keyword


# Table 1 of Fox, Swarup and Adiga 2025: R ~ N(0, I), G ~ N(0, s2 I) in ten dimensions


TABLE = {0.25: (3.18, 10.44, 7.26), 1.0: (0.0, 14.19, 14.19), 2.5: (2.92, 21.69, 18.77)}


def fox(s2, n):
    return gaussian(n, 10, 100 + n), gaussian(n, 10, 200 + n, scale=math.sqrt(s2))


def test_the_table_is_the_closed_form():
    for s2, (kl, ce, h) in TABLE.items():
        exact_h = 5 * (LOG_2_PI_E + math.log(s2))
        exact_ce = 5 * (math.log(2 * math.pi) + s2)
        assert (round(exact_ce - exact_h, 2) + 0.0, round(exact_ce, 2), round(exact_h, 2)) == (kl, ce, h)


@pytest.mark.parametrize("s2", TABLE)
def test_table_1(s2):
    kl, ce, h = TABLE[s2]
    small_r, small_g = fox(s2, 2_000)
    large_r, large_g = fox(s2, 20_000)
    assert abs(entropy.entropy(large_g) - h) < 0.05
    if s2 == 1.0:  # equal laws: nothing to shrink but noise
        assert abs(entropy.kl_divergence(large_g, large_r)) < 0.05
        assert abs(entropy.cross_entropy(large_g, large_r) - ce) < 0.06
        return
    # The bias of the others shrinks slowly (many points of G lie where R has none): a direction, not a bound.
    for estimate, truth in ((entropy.kl_divergence, kl), (entropy.cross_entropy, ce)):
        small, large = abs(estimate(small_g, small_r) - truth), abs(estimate(large_g, large_r) - truth)
        assert large < small
