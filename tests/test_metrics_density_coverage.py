"""Density and coverage (Naeem et al. 2020): the oracle, and the exact laws when both sets come from one."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import oracle
import pytest
from factories import ADVERSARIES, adversaries, gaussian, lattice

import fidiv


def check(real, fake, **keywords):
    got = fidiv.density_coverage(real, fake, **keywords)
    k = keywords.get("nearest_k", 5)
    expected = oracle.density_coverage(real, fake, k, keywords.get("closed", True))
    assert set(got) == {"density", "coverage", "expected_coverage"}
    assert got.density == pytest.approx(expected["density"], rel=1e-14)
    assert got.coverage == expected["coverage"]
    assert got.expected_coverage == pytest.approx(expected["expected_coverage"], rel=1e-13)
    np.testing.assert_array_equal(got.samples["density"], expected["density_per_fake"], strict=True)
    np.testing.assert_array_equal(got.samples["coverage_mask"], expected["coverage_mask"], strict=True)
    return got


@pytest.mark.parametrize("name", ADVERSARIES)
@pytest.mark.parametrize("closed", [True, False])
def test_equal_to_the_oracle_on_adversaries(name, closed):
    check(*adversaries(9)[name], closed=closed)


@pytest.mark.parametrize("k", [1, 2, 5, 20, 79])
def test_equal_to_the_oracle_for_any_k(k, kernel):
    check(gaussian(80, 6, 1, np.float32), gaussian(70, 6, 2, shift=0.4), nearest_k=k)
    check(lattice(80, 3, 1), lattice(70, 3, 2), nearest_k=k)


def test_defaults():
    x, y = lattice(60, 2, 1), lattice(50, 2, 2)
    assert fidiv.density_coverage(x, y) == fidiv.density_coverage(x, y, nearest_k=5, closed=True)


def test_one_fake_is_enough():
    got = fidiv.density_coverage(gaussian(30, 2, 1), np.zeros((1, 2)))
    assert got.samples["density"].shape == (1,)
    assert got.expected_coverage == pytest.approx(1 - math.prod((30 - i) / (31 - i) for i in range(1, 6)))


def test_by_hand():
    """Reals 0, 1, 3, 10 with k=1 (radii 1, 1, 2, 7) and fakes at the boundary of their balls."""
    real = np.array([[0.0], [1.0], [3.0], [10.0]])
    closed = fidiv.density_coverage(real, np.array([[2.0], [5.0]]), nearest_k=1)
    np.testing.assert_array_equal(closed.samples["density"], [2.0, 2.0])
    np.testing.assert_array_equal(closed.samples["coverage_mask"], [False, True, True, True])
    opened = fidiv.density_coverage(real, np.array([[2.0], [5.0]]), nearest_k=1, closed=False)
    np.testing.assert_array_equal(opened.samples["density"], [1.0, 1.0])
    np.testing.assert_array_equal(opened.samples["coverage_mask"], [False, False, True, True])


# The law of coverage


@pytest.mark.parametrize(
    ("n", "m", "k"), [(6, 1, 5), (1000, 1000, 5), (10_000, 10_000, 5), (50, 7, 3), (8, 3000, 1)]
)
def test_expected_coverage_is_exact(n, m, k):
    got = fidiv.density_coverage(gaussian(n, 1, 1), gaussian(m, 1, 2), nearest_k=k).expected_coverage
    assert got == pytest.approx(float(oracle.expected_coverage(n, m, k)), rel=1e-13)


def test_expected_coverage_where_figures_are_known():
    """n = m = 1000 and k = 5: 0.9690; k = n - 1 and one fake: only its farthest real misses it, 1 - 1/n."""
    assert round(float(oracle.expected_coverage(1000, 1000, 5)), 4) == 0.9690
    assert oracle.expected_coverage(10, 1, 9) == 1 - Fraction(1, 10)


@pytest.mark.parametrize(("n", "m", "k", "d"), [(40, 60, 5, 2), (60, 25, 3, 1), (25, 60, 1, 4)])
def test_equal_laws(n, m, k, d):
    """Mean over 300 draws, within five standard errors: density 1, coverage as the lemma says."""
    rng = np.random.default_rng(n)
    draws = [
        fidiv.density_coverage(rng.normal(size=(n, d)), rng.normal(size=(m, d)), nearest_k=k)
        for _ in range(300)
    ]
    for key, truth in (("density", 1.0), ("coverage", draws[0].expected_coverage)):
        values = np.array([draw[key] for draw in draws])
        error = values.std(ddof=1) / math.sqrt(len(values))
        assert abs(values.mean() - truth) < 5 * error, key
        assert error < 0.02
