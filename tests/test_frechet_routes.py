"""The routes of the Fréchet distance, and the bounds that choose between them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from frechet_sets import (
    assert_right,
    centred_factor,
    frechet_distance_terms,
    moments_of,
    pair,
)
from scipy import linalg

from fidiv.metrics.frechet import distance
from fidiv.metrics.frechet.distance import TOLERANCE


@pytest.fixture
def used(monkeypatch):
    """The names of the decompositions that ran."""
    names = set()

    def spy(name):
        plain = getattr(linalg, name)

        def recorded(*args, **options):
            names.add(name)
            return plain(*args, **options)

        monkeypatch.setattr(distance.linalg, name, recorded)

    for name in ("cholesky", "qr", "eigvalsh", "svdvals", "eigh"):
        spy(name)
    return names


def test_well_conditioned_sets_take_the_fast_route(used):
    for kind in ("gaussian", "constant", "duplicated"):
        used.clear()
        x, y = pair(kind, 700, 600, 150)
        frechet_distance_terms(x, y)
        # Of duplicated columns, half the singular values are too small for the root of a square.
        assert used == {"cholesky", "svdvals" if kind == "duplicated" else "eigvalsh"}
    for n, m in ((30, 20), (30, 700), (700, 30)):
        used.clear()
        frechet_distance_terms(*pair("gaussian", n, m, 150))
        assert used == {"eigvalsh"} if max(n, m) < 150 else {"cholesky", "eigvalsh"}


def test_what_the_bounds_do_not_cover_takes_the_slow_route(used):
    frechet_distance_terms(*pair("duplicated in one", 700, 600, 150))
    assert "qr" in used
    used.clear()
    frechet_distance_terms(*pair("low rank", 700, 600, 150))
    assert {"qr", "svdvals"} <= used
    used.clear()
    x, y = pair("gaussian", 30, 20, 150)
    y[1] = y[0]  # fewer directions than rows
    frechet_distance_terms(x, y)
    assert used == {"eigvalsh", "svdvals"}


@pytest.mark.parametrize("kind", ["gaussian", "duplicated", "rectified", "spiked", "graded", "low rank"])
def test_the_slack_of_the_cholesky_factor_holds(kind):
    """0 <= A' - A <= slack D^2, with A and A' multiplied out in long double."""
    x, _ = pair(kind, 400, 2, 48)
    rows = distance.Rows.of(moments_of(x, x)[0], "x")
    found = rows.cholesky(np.arange(48))
    assert found is not None
    slack = found.slack
    assert 0 < slack < 1e-10
    upper = found.matrix.astype(np.longdouble)
    precise = x.astype(np.longdouble)
    standard = (precise - precise.mean(axis=0)) / rows.spread / np.sqrt(np.longdouble(399))
    error = (upper.T @ upper - standard.T @ standard).astype(np.float64)
    values = np.linalg.eigvalsh(error)
    assert values[0] >= 0.0
    assert values[-1] <= slack


@pytest.mark.parametrize("kind", ["gaussian", "rectified", "spiked", "graded"])
def test_the_norm_of_the_ratio_is_not_underestimated(kind):
    a, b = (np.linalg.qr(centred_factor(x), mode="r") for x in pair(kind, 400, 300, 48))
    exact = np.linalg.norm(linalg.solve_triangular(a, b.T, trans="T").T, 2)
    assert exact * (1 - 1e-9) <= distance._largest_ratio(b, a) <= 6 * exact


def test_the_norm_of_a_ratio_that_overflows_is_infinite():
    assert distance._largest_ratio(np.eye(3), np.diag([1.0, 1.0, 1e-200])) == math.inf


@pytest.mark.parametrize("kind", ["gaussian", "rectified", "spiked", "graded"])
def test_both_routes_to_the_nuclear_norm_agree(kind):
    a, b = (centred_factor(x) for x in pair(kind, 300, 200, 40))
    a, b = np.linalg.qr(a, mode="r"), np.linalg.qr(b, mode="r")
    expected = math.fsum(linalg.svdvals(a @ b.T))
    for triangular in ((True, True), (True, False), (False, True), (False, False)):
        for regular, allowed, digits in (
            (True, 0.0, 1e-13),
            (False, math.inf, 1e-13),
            (True, math.inf, 1e-6),
        ):
            factors = [
                distance._Factor(np.array(x, order="F"), triangular=t, regular=regular)
                for x, t in zip((a, b), triangular, strict=True)
            ]
            assert distance._nuclear_norm(*factors, allowed) == pytest.approx(expected, rel=digits)


def test_beyond_the_measured_width_singular_values_take_over(used, monkeypatch):
    monkeypatch.setattr(distance, "_MEASURED", 149)
    assert_right(*pair("gaussian", 700, 600, 150))
    assert "eigvalsh" not in used
    assert "cholesky" in used


def test_an_error_within_the_bound_does_not_make_a_term_negative(monkeypatch):
    x, _ = pair("gaussian", 90, 90, 12)
    plain = distance._nuclear_norm
    for excess in (1e-10, 1e-6):
        with monkeypatch.context() as patch:
            patch.setattr(distance, "_nuclear_norm", lambda *given, e=excess: plain(*given) * (1 + e))
            if excess < TOLERANCE:
                assert frechet_distance_terms(x, x) == (0.0, 0.0, 0.0)
            else:
                with pytest.raises(AssertionError, match="beyond the bounds"):
                    frechet_distance_terms(x, x)


def test_scipy_without_sqrtm(monkeypatch):
    monkeypatch.delattr(linalg, "sqrtm")
    assert_right(*pair("rectified", 90, 80, 12))
