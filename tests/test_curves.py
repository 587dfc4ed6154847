"""Precision-recall curves of known laws, and curves from scores: the room `fidiv.curves`."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle import curves as oracle

from fidiv import curves
from fidiv.curves import _lambda, exact

KEYS = [
    "auc",
    "total_variation",
    "median_precision",
    "median_recall",
    "precision_at_eps",
    "recall_at_eps",
    "max_f8",
    "max_f1_8",
]


def alpha(result):
    """The curve's precision, by its lambdas."""
    return dict(zip(result.curve["lambdas"].tolist(), result.curve["precision"].tolist(), strict=True))


def check_curve(result):
    """What holds for every curve."""
    slopes, p, r = (result.curve[name] for name in ("lambdas", "precision", "recall"))
    assert slopes[0] == 0
    assert slopes[-1] == math.inf
    assert np.all(np.diff(slopes) > 0)
    assert p[0] == r[-1] == 0
    inner = slice(1, -1)
    np.testing.assert_allclose(p[inner], slopes[inner] * r[inner], rtol=1e-13, atol=0)
    assert np.all(p <= np.minimum(slopes, 1) * (1 + 1e-15))
    assert np.all(np.diff(p) >= -1e-15)
    assert np.all(np.diff(r) <= 1e-12)
    steep = np.diff(p[:-1]) / np.diff(slopes[:-1])
    assert np.all(np.diff(steep) <= 1e-9), "concave"
    for key in (*KEYS, "max_precision", "max_recall"):
        assert 0 <= result.get(key, 0.0) <= 1, key


# ------------------------------------------------------------------------------------------------- known laws


@pytest.mark.parametrize(
    ("m", "values", "auc", "f"),
    [
        (1.0, (0.09896207, 0.40469494, 0.61707508, 0.80938988, 0.98962072), 0.67914, 0.899149),
        (3.0, (0.03487302, 0.09283615, 0.13361440, 0.18567230, 0.34873022), 0.059763, 0.336510),
    ],
)
def test_gaussians_of_one_covariance(m, values, auc, f):
    result = exact.gaussian_shift(m)
    check_curve(result)
    slopes = np.array([0.1, 0.5, 1, 2, 10])
    np.testing.assert_allclose(refine(exact.gaussian_shift, (m,), slopes), values, atol=5e-9)
    assert alpha(result)[1.0] == pytest.approx(values[2], abs=5e-9)
    assert result.auc == pytest.approx(auc, rel=1e-5)
    assert result.max_f8 == pytest.approx(f, abs=3e-6)
    assert result.max_f1_8 == pytest.approx(result.max_f8, rel=1e-12)
    assert result.median_precision == result.median_recall
    assert result.median_recall == pytest.approx(1 - result.total_variation, abs=1e-15)
    assert (result.max_precision, result.max_recall) == (1.0, 1.0)


@pytest.mark.parametrize(("s", "d", "value"), [(2, 1, 0.6773254), (2, 64, 0.000113118), (1.1, 64, 0.5908405)])
def test_gaussians_of_two_scales(s, d, value):
    result, swapped = exact.gaussian_scale(s, d), exact.gaussian_scale(1 / s, d)
    check_curve(result)
    assert 1 - result.total_variation == pytest.approx(value, rel=5e-6)
    assert_swapped(result, swapped, 1e-9)


def assert_swapped(one, other, tolerance):
    """The curve of (Q, P): precision and recall change places."""
    np.testing.assert_allclose(
        one.curve["precision"], other.curve["recall"][::-1], rtol=tolerance, atol=1e-15
    )
    for a, b in (
        ("auc", "auc"),
        ("total_variation", "total_variation"),
        ("median_precision", "median_recall"),
        ("median_recall", "median_precision"),
        ("precision_at_eps", "recall_at_eps"),
        ("max_f8", "max_f1_8"),
        ("max_f1_8", "max_f8"),
    ):
        assert one[a] == pytest.approx(other[b], rel=tolerance, abs=1e-12), a


def test_exponentials():
    result = exact.exponentials(2.0)
    check_curve(result)
    assert alpha(result)[1.0] == pytest.approx(0.75, abs=1e-15)
    assert refine(exact.exponentials, (2.0,), np.array([0.5, 1.0])) == pytest.approx([0.4375, 0.75])
    assert np.all(result.curve["precision"][result.curve["lambdas"] >= 2] == 1)
    # Half the integral of beta^2, where beta = 1 - l / 4 below 2 and 1 / l above.
    assert result.auc == pytest.approx((1 - 0.5**3) * 4 / 3 / 2 + 0.25, abs=1e-12)
    assert_swapped(result, exact.exponentials(0.5), 1e-9)


def test_modes_of_the_mixture():
    result = exact.modes([0.3, 0.2, 0.5, 0], [0, 0.5, 0.2, 0.3])
    check_curve(result)
    assert result.auc == pytest.approx(
        0.5 * 0.196 + 0.5 * (0.04 * 2.1 + 0.08 * math.log(6.25) + 0.04 * (1 / 0.4 - 1 / 2.5)) + 0.5 * 0.196,
        abs=1e-14,
    )
    assert result.auc == pytest.approx(0.35330325855, abs=1e-11)
    for key in ("median_precision", "median_recall"):
        assert result[key] == pytest.approx(0.4, abs=1e-12)
    for key in ("precision_at_eps", "recall_at_eps", "max_precision", "max_recall"):
        assert result[key] == pytest.approx(0.7, abs=1e-14)
    slopes, p, r = (result.curve[name] for name in ("lambdas", "precision", "recall"))
    np.testing.assert_allclose(
        p[:-1], np.minimum(0.2 * slopes[:-1], 0.5) + np.minimum(0.5 * slopes[:-1], 0.2), atol=1e-14
    )
    assert p[-1] == pytest.approx(0.7)
    assert r[0] == pytest.approx(0.7)


@pytest.mark.parametrize("kept", [1, 3, 5])
def test_dropped_modes(kept):
    """Q is uniform on some of ten modes: precision 1, recall rho; the corner is the median."""
    rho = kept / 10
    result = exact.modes(np.ones(10), np.arange(10) < kept)
    check_curve(result)
    assert result.auc == pytest.approx(rho)
    assert result.max_f8 == pytest.approx(65 * rho / (64 + rho))
    assert result.max_f1_8 == pytest.approx(65 * rho / (1 + 64 * rho))
    assert (result.median_precision, result.median_recall) == pytest.approx((1.0, rho))
    assert (result.precision_at_eps, result.recall_at_eps) == pytest.approx((1.0, rho))
    assert_swapped(result, exact.modes(np.arange(10) < kept, np.ones(10)), 1e-12)


def test_boxes():
    """Unit intervals a shift apart; boxes in d dimensions; one in the other."""
    for overlap in (0.75, 0.5**3, 0.0):
        result = exact.boxes(1.0, 1.0, overlap)
        check_curve(result)
        assert result.auc == pytest.approx(overlap**2)
        assert result.total_variation == pytest.approx(1 - overlap)
    result = exact.boxes(4.0, 2.0, 1.0)
    assert (result.max_precision, result.max_recall) == (0.5, 0.25)
    assert (result.median_precision, result.median_recall) == pytest.approx((0.5, 0.25))
    assert result.auc == pytest.approx(1 / 8)


def test_one_law():
    for result in (
        exact.gaussian_shift(0.0),
        exact.gaussian_scale(1.0, 5),
        exact.exponentials(1),
        exact.modes([1, 2], [2, 4]),
        exact.boxes(2, 2, 2),
    ):
        check_curve(result)
        np.testing.assert_allclose(
            result.curve["precision"], np.minimum(result.curve["lambdas"], 1), atol=1e-15
        )
        assert result.total_variation == pytest.approx(0.0, abs=1e-15)
        for key in (*KEYS[:1], *KEYS[2:]):
            assert result[key] == pytest.approx(1.0, abs=1e-14), key


def test_no_common_support():
    for result in (exact.modes([1, 0], [0, 1]), exact.boxes(1, 1, 0)):
        check_curve(result)
        assert np.all(result.curve["precision"] == 0)
        assert result.total_variation == 1
        assert all(result[key] == 0 for key in (*KEYS[:1], *KEYS[2:]))


@pytest.mark.parametrize("m", [1e-6, 1e-3, 20.0, 60.0, 1e4])
def test_laws_that_nearly_agree_or_hardly_meet(m):
    result = exact.gaussian_shift(m)
    check_curve(result)
    if m < 1:
        assert result.total_variation == pytest.approx(m / math.sqrt(2 * math.pi), rel=1e-5)
        assert result.auc > 1 - 2 * m
    else:
        assert result.auc < 1e-40
    check_curve(exact.gaussian_scale(1 + m, 3))
    check_curve(exact.gaussian_scale(1 / (1 + m), 2048))


@pytest.mark.parametrize(
    "law",
    [
        (exact.gaussian_shift, (1.5,)),
        (exact.gaussian_scale, (1.3, 7)),
        (exact.gaussian_scale, (0.7, 2)),
        (exact.exponentials, (4.0,)),
    ],
)
def test_summaries_of_smooth_laws_are_those_of_a_fine_grid(law):
    call, arguments = law
    result = call(*arguments)
    slopes, p = result.curve["lambdas"][1:-1], result.curve["precision"][1:-1]
    np.testing.assert_allclose(p, refine(call, arguments, slopes), rtol=1e-12)
    grid = oracle.dense(lambda x: refine(call, arguments, x))
    for key in KEYS:
        assert result[key] == pytest.approx(grid[key], rel=2e-4, abs=1e-6), key


def refine(call, arguments, slopes):
    """The closed forms once more, apart from the package."""
    from scipy import stats

    u = np.log(slopes)
    if call is exact.gaussian_shift:
        (m,) = arguments
        return slopes * stats.norm.cdf(-m / 2 - u / m) + stats.norm.cdf(-m / 2 + u / m)
    if call is exact.exponentials:
        (r,) = arguments
        t = np.maximum(np.log(r / slopes) / (r - 1), 0)
        return np.where(slopes >= r, 1.0, slopes * (1 - np.exp(-t)) + np.exp(-r * t))
    s, d = arguments
    t = 2 * (u + d * math.log(s)) / (1 - 1 / s**2)
    f, g = stats.chi2(d).cdf(t), stats.chi2(d).cdf(t / s**2)
    if s > 1:
        return np.where(t <= 0, slopes, slopes * (1 - f) + g)
    return np.where(t <= 0, 1.0, slopes * f + 1 - g)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: exact.gaussian_shift(-1), "distance must be finite and at least 0, got -1"),
        (lambda: exact.gaussian_shift(math.nan), "distance must be finite"),
        (lambda: exact.gaussian_scale(0, 3), "scale must be positive and finite, got 0"),
        (lambda: exact.gaussian_scale(2, 0), "dimension must be an integer of at least 1, got 0"),
        (lambda: exact.exponentials(math.inf), "rate must be positive and finite"),
        (lambda: exact.modes([1, 2], [1, 2, 3]), "fake_weights has 3 modes, real_weights has 2"),
        (lambda: exact.modes([1, -2], [1, 2]), "real_weights must be finite and not negative"),
        (lambda: exact.modes([0, 0], [1, 2]), "with a positive sum"),
        (lambda: exact.modes([[1]], [1]), r"real_weights has shape \(1, 1\)"),
        (lambda: exact.boxes(1, 2, 1.5), "overlap must be at most the smaller volume"),
        (lambda: curves.from_scores([1], [1, 2], [1], [1]), "fake_near_reals has 2 scores"),
        (lambda: curves.from_scores([1], [-1], [1], [1]), "fake_near_reals holds scores"),
        (lambda: curves.from_scores([], [], [1], [1]), "real_near_reals has shape"),
    ],
)
def test_wrong_arguments(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_wrong_types():
    for call in (
        lambda: exact.gaussian_shift("1"),
        lambda: exact.gaussian_scale(2.0, 2.0),
        lambda: exact.exponentials(True),
        lambda: exact.modes(["a"], [1]),
        lambda: curves.from_scores(["a"], [1], [1], [1]),
    ):
        with pytest.raises(TypeError):
            call()


# ------------------------------------------------------------------------------------------------ from scores

counts = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=12)


@given(counts, counts)
def test_from_scores_is_the_best_of_all_classifiers(real, fake):
    masses = [np.array(column) for side in (real, fake) for column in zip(*side, strict=True)]
    result = curves.from_scores(*masses)
    check_curve(result)
    rates = oracle.classifiers(*masses)
    lambdas = result.curve["lambdas"]
    np.testing.assert_allclose(
        result.curve["precision"], oracle.precision(rates, lambdas), rtol=0, atol=1e-14
    )
    assert result.curve["recall"][0] == pytest.approx(float(min(f for f, g in rates if g == 0)), abs=1e-15)
    # The grid of the authors has fewer classifiers.
    slopes, grid, _ = oracle.sykes(*masses)
    inner = slice(1, -1)
    assert np.all(oracle.precision(rates, slopes[inner]) <= grid[inner] + 1e-14)
    # Exchanged.
    swapped = curves.from_scores(masses[3], masses[2], masses[1], masses[0])
    assert_swapped(result, swapped, 1e-12)
    # No units.
    assert curves.from_scores(masses[0] / 8, masses[1] * 2, masses[2] / 8, masses[3] * 2).auc == result.auc


@pytest.mark.parametrize("seed", range(6))
def test_summaries_of_polygons_are_those_of_a_fine_grid(seed):
    rng = np.random.default_rng(seed)
    n, m = rng.integers(2, 40, 2)
    masses = [rng.integers(0, 6, size) for size in (n, n, m, m)]
    result = curves.from_scores(*masses)
    rates = np.array([[float(f), float(g)] for f, g in oracle.classifiers(*masses)])
    grid = oracle.dense(lambda x: np.min([x * f + g for f, g in rates], axis=0), size=200_001)
    for key in KEYS:
        # The grid stops at points; the ends of flat pieces are met to its step.
        assert result[key] == pytest.approx(grid[key], rel=4e-4, abs=4e-4), key


def test_the_grid_of_angles_misses_little_and_never_gains():
    """Continuous scores: 100 weights gamma against all thresholds."""
    rng = np.random.default_rng(5)
    x, y = rng.normal(0, 1, 60), rng.normal(1, 1, 60)
    ones = np.ones(60)
    masses = ones, np.exp(x - 0.5), ones, np.exp(y - 0.5)
    slopes, grid, _ = oracle.sykes(*masses)
    rates = _lambda.hull_of_ratios(_lambda.Ratios(masses[1], masses[3])).precision(slopes)
    inner = slice(1, -1)
    assert np.all(rates[inner] <= grid[inner] + 1e-14)
    assert np.max(grid[inner] - rates[inner]) > 0
    assert np.max(grid[inner] - rates[inner]) < 0.1


def test_one_corner():
    """Of a rectangle the median is the corner, and the area exact."""
    result = curves.from_scores([1, 1, 1, 1], [1, 0, 0, 0], [1, 1], [1, 1])
    assert (result.auc, result.median_precision, result.median_recall) == (0.25, 1.0, 0.25)


def test_perfect_and_hopeless_scores():
    perfect = curves.from_scores([1, 1], [0, 0], [0, 0], [1, 1])
    assert perfect.total_variation == 1
    assert perfect.auc == 0
    hopeless = curves.from_scores([0, 0], [0, 0], [0, 0], [0, 0])
    assert hopeless.auc == 1
    wrong = curves.from_scores([0, 0], [1, 1], [1, 1], [0, 0])  # worse than chance: constants are as good
    assert wrong.auc == 1


# ------------------------------------------------------------------------------------------------- the bounds


def test_the_bound_is_its_formula():
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=80), rng.normal(1.5, 1, size=50)
    found = _lambda.Ratios(real, fake)
    lambdas = np.array([0.0, 0.2, 1.0, 3.0, np.inf])
    got = _lambda.precision_at_most(found, 0.9, lambdas)
    e_real, e_fake = math.sqrt(math.log(20) / 160), math.sqrt(math.log(20) / 100)
    for slope, value in zip(lambdas, got, strict=True):
        best = min(slope, 1.0)
        for t in (*real, *fake):
            if slope < np.inf:
                best = min(best, slope * (np.mean(real > t) + e_real) + np.mean(fake <= t) + e_fake)
        assert value == pytest.approx(best, abs=1e-14)


def test_the_bound_holds_as_often_as_it_says():
    """N(0, 1) and N(1, 1), scored by the true ratio: the whole curve stays under the bound."""
    rng = np.random.default_rng(0)
    law = exact.gaussian_shift(1.0)
    lambdas, truth = law.curve["lambdas"], law.curve["precision"]
    runs, failures, positive = 400, 0, 0
    for _ in range(runs):
        real, fake = rng.normal(size=200), rng.normal(1, 1, size=300)
        bound = _lambda.precision_at_most(_lambda.Ratios(real, fake), 0.8, lambdas)
        failures += bool(np.any(bound < truth - 1e-12))
        positive += bound[len(lambdas) // 2] < 1
    assert failures <= 0.2 * runs  # at most 0.2 is promised; the bound is not tight
    assert positive == runs  # and it says something: TV = 0.38


@pytest.mark.parametrize("beta", [0.125, 0.5, 1.0, 3.0, 8.0])
def test_f_of_any_beta(beta):
    law = curves.exact.modes([0.3, 0.2, 0.5, 0.0], [0.0, 0.5, 0.2, 0.3])
    lambdas = np.geomspace(1e-3, 1e3, 200_001)
    precision = np.minimum(0.2 * lambdas, 0.5) + np.minimum(0.5 * lambdas, 0.2)
    expected = np.max((1 + beta**2) * precision / (beta**2 * lambdas + 1))
    assert curves.max_f_beta(law.curve, beta) == pytest.approx(expected, rel=1e-4)
    assert curves.max_f_beta(law.curve, beta) >= expected - 1e-12
    grid = {name: law.curve[name] for name in ("lambdas", "precision", "recall")}
    assert curves.max_f_beta(grid, beta) == pytest.approx(expected, rel=2e-3)


def test_f_of_any_beta_is_that_of_the_keys():
    law = curves.exact.boxes(1.0, 2.0, 0.5)
    assert curves.max_f_beta(law.curve, 8) == law.max_f8
    assert curves.max_f_beta(law.curve, 1 / 8) == law.max_f1_8
    smooth = curves.exact.gaussian_shift(1.0)
    assert curves.max_f_beta(smooth.curve, 8) == pytest.approx(smooth.max_f8, rel=1e-5)


def test_what_is_no_curve():
    with pytest.raises(ValueError, match="curve has weights; lambdas and precision are needed"):
        curves.max_f_beta({"weights": [1.0]}, 2.0)
    with pytest.raises(ValueError, match="beta must be a positive, finite number, got 0"):
        curves.max_f_beta(curves.exact.gaussian_shift(1.0).curve, 0)
