"""The Fréchet distance: closed forms, singular values of products of centred factors, invariances, errors.

"Right" means the promise of the docstring: the covariance term within 1e-9 (tr S1 + tr S2) of the exact one.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import linalg, sparse

import fidiv
from fidiv import _core, _plan, _sweeps
from fidiv.metrics import frechet
from fidiv.metrics.frechet import TOLERANCE, frechet_from_moments


def moments_of(real, fake):
    sets = ((real, "real_features"), (fake, "fake_features"))
    return [_sweeps.moments(_core.Points(np.ascontiguousarray(x), name), 2) for x, name in sets]


def frechet_distance_terms(real, fake):
    return frechet.frechet_distance_terms(*moments_of(real, fake))


def centred_factor(x):
    x = np.asarray(x, dtype=np.longdouble)
    return ((x - x.mean(axis=0)) / np.sqrt(np.longdouble(len(x) - 1))).astype(np.float64)


def by_singular_values(real, fake):
    """The covariance term and tr S1 + tr S2. A tall factor gives way to its R: same singular values."""
    a, b = centred_factor(real), centred_factor(fake)
    trace = math.fsum((a * a).ravel()) + math.fsum((b * b).ravel())
    if len(a) > a.shape[1]:
        a = np.linalg.qr(a, mode="r")
    if len(b) > b.shape[1]:
        b = np.linalg.qr(b, mode="r")
    return trace - 2 * math.fsum(linalg.svdvals(a @ b.T)), trace


def assert_right(real, fake, tolerance=TOLERANCE):
    total, mean_term, covariance_term = frechet_distance_terms(real, fake)
    expected, trace = by_singular_values(real, fake)
    assert abs(covariance_term - expected) <= tolerance * trace
    assert total == mean_term + covariance_term
    assert covariance_term >= 0.0
    return covariance_term


def pair(kind, n, m, d, seed=0):
    """Two sets; each kind is hard in its own way."""
    rng = np.random.default_rng(seed)
    real, fake = rng.standard_normal((n, d)), 1.1 * rng.standard_normal((m, d)) + 0.1
    if kind == "gaussian":
        pass
    elif kind == "constant":  # in one, in the other, in both
        real[:, ::3] = 0.1
        fake[:, ::5] = -1e6 / 3
    elif kind == "duplicated":  # exactly dependent columns, in both sets alike
        real[:, d // 2 :] = real[:, : d - d // 2]
        fake[:, d // 2 :] = fake[:, : d - d // 2]
    elif kind == "duplicated in one":  # singular in one set only: the worst case for a factor of a covariance
        real[:, d // 2 :] = real[:, : d - d // 2]
    elif kind == "dependent otherwise":  # both singular, along different directions
        real[:, 0] = real[:, 1] + real[:, 2]
        fake[:, 1] = 2 * fake[:, 0] - fake[:, 3]
    elif kind == "one-hot":
        real, fake = np.eye(d)[rng.integers(0, d, n)], np.eye(d)[rng.integers(0, d // 2 + 1, m)]
    elif kind == "low rank":
        real = rng.standard_normal((n, d // 4)) @ rng.standard_normal((d // 4, d))
        fake = rng.standard_normal((m, d // 3)) @ rng.standard_normal((d // 3, d))
    elif kind == "rectified":  # low-dimensional, made full rank by max(0, .): spectra over many decades
        weights = rng.standard_normal((8, d))
        real = np.maximum(rng.standard_normal((n, 8)) @ weights, 0)
        fake = np.maximum(1.1 * rng.standard_normal((m, 8)) @ weights, 0)
    elif kind == "graded":
        scales = 10.0 ** -np.linspace(0, 12, d)
        real, fake = real * scales, fake * scales[::-1]
    elif kind == "spiked":
        real, fake = real + 1e3 * rng.standard_normal((n, 1)), fake + 1e3 * rng.standard_normal((m, 1))
    else:
        raise AssertionError(kind)
    return real, fake


KINDS = (
    "gaussian", "constant", "duplicated", "duplicated in one", "dependent otherwise", "one-hot", "low rank",
    "rectified", "graded", "spiked",
)  # fmt: skip
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
                patch.setattr(frechet, "_BLOCK", elements)
                assert frechet_distance_terms(x, y) == pytest.approx(expected, abs=1e-12 * trace)


def test_the_input_is_left_alone():
    x, y = pair("constant", 50, 40, 10)
    x.flags.writeable = y.flags.writeable = False
    frechet_distance_terms(x, y)


# The routes, and the bounds that choose between them


@pytest.fixture
def used(monkeypatch):
    """The names of the decompositions that ran."""
    names = set()

    def spy(name):
        plain = getattr(linalg, name)

        def recorded(*args, **options):
            names.add(name)
            return plain(*args, **options)

        monkeypatch.setattr(frechet.linalg, name, recorded)

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
    rows = frechet._Rows.of(moments_of(x, x)[0], "x")
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
    assert exact * (1 - 1e-9) <= frechet._largest_ratio(b, a) <= 6 * exact


def test_the_norm_of_a_ratio_that_overflows_is_infinite():
    assert frechet._largest_ratio(np.eye(3), np.diag([1.0, 1.0, 1e-200])) == math.inf


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
                frechet._Factor(np.array(x, order="F"), triangular=t, regular=regular)
                for x, t in zip((a, b), triangular, strict=True)
            ]
            assert frechet._nuclear_norm(*factors, allowed) == pytest.approx(expected, rel=digits)


def test_beyond_the_measured_width_singular_values_take_over(used, monkeypatch):
    monkeypatch.setattr(frechet, "_MEASURED", 149)
    assert_right(*pair("gaussian", 700, 600, 150))
    assert "eigvalsh" not in used
    assert "cholesky" in used


def test_an_error_within_the_bound_does_not_make_a_term_negative(monkeypatch):
    x, _ = pair("gaussian", 90, 90, 12)
    plain = frechet._nuclear_norm
    for excess in (1e-10, 1e-6):
        with monkeypatch.context() as patch:
            patch.setattr(frechet, "_nuclear_norm", lambda *given, e=excess: plain(*given) * (1 + e))
            if excess < TOLERANCE:
                assert frechet_distance_terms(x, x) == (0.0, 0.0, 0.0)
            else:
                with pytest.raises(AssertionError, match="beyond the bounds"):
                    frechet_distance_terms(x, x)


def test_scipy_without_sqrtm(monkeypatch):
    monkeypatch.delattr(linalg, "sqrtm")
    assert_right(*pair("rectified", 90, 80, 12))


# From moments


def moments(x):
    return x.mean(axis=0), np.cov(x, rowvar=False).reshape(x.shape[1], x.shape[1])


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
        frechet.frechet_distance_terms(*large)


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
        frechet.frechet_distance_terms(wide, narrow)


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
