"""Rarity, probabilistic and symmetric precision and recall, clipped density and coverage, alpha-precision:
the oracle, closed forms, laws, and what published code does otherwise."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import oracle
import pytest
from factories import ADVERSARIES, adversaries, gaussian, lattice
from oracle import fidelity

import fidiv
from fidiv.metrics import FAMILIES, Balls, Found
from fidiv.metrics.alpha_precision import agreement, levels, mean_point
from fidiv.metrics.clipped_density_coverage import calibrated, expected_depth


def same(got, expected, **keys):
    """Values by key and, as `sample=name`, arrays bit for bit."""
    for key, name in keys.items():
        np.testing.assert_array_equal(got.samples[key], expected[name], err_msg=key)
    for key in got:
        assert got[key] == pytest.approx(expected[key], rel=1e-12, abs=1e-12, nan_ok=True), key


def found(n, m, d, **arrays):
    return Found(n=n, m=m, d=d, entropy_terms=None, **arrays)


# Rarity


@pytest.mark.parametrize("name", ADVERSARIES)
@pytest.mark.parametrize("closed", [True, False])
def test_rarity_equals_the_oracle(name, closed):
    real, fake = adversaries(9)[name]
    got = fidiv.rarity(real, fake, closed=closed)
    same(got, fidelity.rarity(real, fake, 3, closed), rarity="scores")


@pytest.mark.parametrize("k", [1, 3, 20, 79])
def test_rarity_for_any_k(k, kernel):
    for real, fake in (
        (gaussian(80, 6, 1, np.float32), gaussian(70, 6, 2, shift=0.4)),
        (lattice(80, 3, 1), lattice(70, 3, 2)),
    ):
        same(fidiv.rarity(real, fake, nearest_k=k), fidelity.rarity(real, fake, k), rarity="scores")


def test_rarity_by_hand():
    """Reals 0, 1, 3, 10: with k=1 the balls have the radii 1, 1, 2, 7. 2 is on the boundary of the ball of 1
    and in that of 3; 5 on the boundary of that of 3; 17 on the boundary of that of 10."""
    real, fake = np.array([[0.0], [1.0], [3.0], [10.0]]), np.array([[2.0], [5.0], [17.0], [0.5]])
    got = fidiv.rarity(real, fake, nearest_k=1)
    np.testing.assert_array_equal(got.samples["rarity"], [2, 7, np.nan, 1])
    assert dict(got) == {"rarity": 10 / 3, "share_outside": 0.25}
    got = fidiv.rarity(real, fake, nearest_k=1, closed=True)
    np.testing.assert_array_equal(got.samples["rarity"], [1, 2, 7, 1])


def test_rarity_formula_on_what_was_found():
    balls = Balls(3, False)
    least = np.array([2.0, np.inf, 4.0, 0.5])
    outcome = FAMILIES["rarity"].formula(
        found(9, 4, 2, least_radius={balls: least}), {"nearest_k": 3, "closed": False}
    )
    assert outcome.values == {"rarity": 6.5 / 3, "share_outside": 0.25}
    np.testing.assert_array_equal(outcome.samples["rarity"], [2, np.nan, 4, 0.5])


def test_nothing_inside_has_no_rarity_and_says_so():
    real = gaussian(30, 2, 1)
    got = fidiv.rarity(real, real + 100)
    assert math.isnan(got.rarity)
    assert got.share_outside == 1.0
    assert "no fake lies in a real ball" in got.notes[0]
    many = fidiv.evaluate(real, real + 100, metrics="rarity")
    assert "no fake lies" in many.undefined["rarity"]
    assert many["share_outside"] == 1.0


def test_the_published_mean_counts_fakes_outside_as_nothing():
    real, fake = gaussian(100, 2, 1), gaussian(100, 2, 2)
    fake[:50] += 100  # foreign, not common
    got, expected = fidiv.rarity(real, fake), fidelity.rarity(real, fake)
    assert got.rarity == pytest.approx(expected["rarity"], rel=1e-12)
    inside = 1 - got.share_outside
    assert expected["published_mean"] == pytest.approx(inside * got.rarity, rel=1e-12)
    assert expected["published_mean"] < got.rarity / 1.9


def test_outside_is_what_precision_leaves():
    real, fake = gaussian(100, 4, 1), gaussian(90, 4, 2, shift=1)
    precision = fidiv.precision_recall(real, fake, closed=False).precision
    assert fidiv.rarity(real, fake).share_outside == pytest.approx(1 - precision, abs=1e-15)


def test_rarity_scales_with_the_features():
    real, fake = gaussian(50, 3, 1), gaussian(40, 3, 2)
    one, other = fidiv.rarity(real, fake), fidiv.rarity(8 * real, 8 * fake)
    assert other.rarity == 8 * one.rarity
    assert other.share_outside == one.share_outside


# Probabilistic precision and recall


def check_probabilistic(real, fake, **keywords):
    got = fidiv.probabilistic_precision_recall(real, fake, **keywords)
    expected = fidelity.probabilistic_precision_recall(
        real, fake, keywords.get("nearest_k", 4), keywords.get("scale", 1.2)
    )
    for key in got:
        assert got[key] == pytest.approx(expected[key], rel=1e-12, abs=1e-12), key
    np.testing.assert_allclose(got.samples["p_precision"], expected["per_fake"], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(got.samples["p_recall"], expected["per_real"], rtol=1e-12, atol=1e-12)
    return got


@pytest.mark.parametrize("name", ADVERSARIES)
def test_probabilistic_equals_the_oracle(name):
    check_probabilistic(*adversaries(9)[name])


@pytest.mark.parametrize(("k", "scale"), [(1, 0.5), (4, 1.2), (20, 3.0), (69, 1e9)])
def test_probabilistic_for_any_k_and_scale(k, scale, kernel):
    check_probabilistic(
        gaussian(80, 6, 1, np.float32), gaussian(70, 6, 2, shift=0.4), nearest_k=k, scale=scale
    )
    check_probabilistic(lattice(80, 3, 1), lattice(70, 3, 2), nearest_k=k, scale=scale)


def test_probabilistic_by_hand():
    """Reals 0 and 1, mean radius 1; fakes 0.5 and 1.5, mean radius 1, scale 1."""
    got = fidiv.probabilistic_precision_recall([[0.0], [1.0]], [[0.5], [1.5]], nearest_k=1, scale=1.0)
    np.testing.assert_array_equal(got.samples["p_precision"], [0.75, 0.5])
    np.testing.assert_array_equal(got.samples["p_recall"], [0.5, 0.75])


def test_probabilistic_formula_on_what_was_found():
    x, y = gaussian(30, 3, 1), gaussian(20, 3, 2)
    expected = fidelity.probabilistic_precision_recall(x, y)
    products = {(4, 1.2): 1 - expected["per_fake"]}, {(4, 1.2): 1 - expected["per_real"]}
    outcome = FAMILIES["probabilistic_precision_recall"].formula(
        found(30, 20, 3, fake_products=products[0], real_products=products[1]),
        {"nearest_k": 4, "scale": 1.2},
    )
    assert outcome.values["p_precision"] == pytest.approx(expected["p_precision"], rel=1e-14)
    assert outcome.values["p_recall"] == pytest.approx(expected["p_recall"], rel=1e-14)


def test_copies_are_covered_for_certain_and_far_points_never():
    x = gaussian(60, 5, 1)
    got = check_probabilistic(x, np.concatenate([x[:30], x[30:] + 1000]))
    assert (got.samples["p_precision"][:30] == 1).all()
    assert (got.samples["p_precision"][30:] == 0).all()
    assert got.p_precision == 0.5


def test_wrong_scales():
    x = gaussian(20, 2, 1)
    for wrong in (0, -1.0, math.nan, math.inf, 2e9):
        with pytest.raises(ValueError, match="scale must be a positive number"):
            fidiv.probabilistic_precision_recall(x, x, scale=wrong)
    for wrong in ("1", True, None):
        with pytest.raises(TypeError, match="scale must be a positive number"):
            fidiv.probabilistic_precision_recall(x, x, scale=wrong)


# Symmetric precision and recall


@pytest.mark.parametrize("name", ADVERSARIES)
@pytest.mark.parametrize("closed", [True, False])
def test_symmetric_equals_the_oracle(name, closed):
    real, fake = adversaries(9)[name]
    same(
        fidiv.symmetric_precision_recall(real, fake, closed=closed),
        fidelity.symmetric_precision_recall(real, fake, 5, closed),
        complement_precision_mask="complement_precision_mask",
    )


@pytest.mark.parametrize("k", [1, 5, 30])
def test_symmetric_for_any_k(k):
    x, y = lattice(50, 3, 1), lattice(40, 3, 2)
    same(
        fidiv.symmetric_precision_recall(x, y, nearest_k=k),
        fidelity.symmetric_precision_recall(x, y, k),
    )


def test_what_the_complement_is_for():
    """A generator of half the width in many dimensions: precision is 1, its complement is not."""
    x, y = gaussian(300, 32, 1), gaussian(300, 32, 2, scale=0.5)
    got = fidiv.symmetric_precision_recall(x, y)
    assert fidiv.precision_recall(x, y, nearest_k=5, closed=False).precision == 1.0
    assert got.complement_precision == got.sym_precision < 0.05
    swapped = fidiv.symmetric_precision_recall(y, x)
    assert swapped.sym_recall == got.sym_precision
    assert swapped.sym_precision == got.sym_recall


@pytest.mark.parametrize(("n", "m", "k", "d"), [(40, 60, 5, 2), (60, 25, 2, 1)])
def test_law_of_the_complement(n, m, k, d):
    rng = np.random.default_rng(n)
    draws = [
        fidiv.symmetric_precision_recall(rng.normal(size=(n, d)), rng.normal(size=(m, d)), nearest_k=k)
        for _ in range(150)
    ]
    values = np.array([draw.complement_precision for draw in draws])
    error = values.std(ddof=1) / math.sqrt(len(values))
    assert abs(values.mean() - draws[0].expected_complement_precision) < 5 * error
    assert error < 0.02


# Clipped density and coverage


@pytest.mark.parametrize("name", ADVERSARIES)
def test_clipped_equals_the_oracle(name):
    real, fake = adversaries(9, 40)[name]
    same(
        fidiv.clipped_density_coverage(real, fake),
        fidelity.clipped_density_coverage(real, fake),
        clipped_density="per_fake",
        coverage_depth="depth",
    )


@pytest.mark.parametrize("k", [1, 2, 5, 29])
def test_clipped_for_any_k(k):
    for real, fake in (
        (gaussian(40, 6, 1), gaussian(30, 6, 2, np.float32, shift=0.4)),
        (lattice(40, 2, 1), lattice(30, 2, 2)),
    ):
        same(
            fidiv.clipped_density_coverage(real, fake, nearest_k=k),
            fidelity.clipped_density_coverage(real, fake, k),
        )


def test_as_many_reals_as_allowed():
    """n = k + 1 and m = k."""
    x, y = gaussian(6, 2, 1), gaussian(5, 2, 2)
    same(fidiv.clipped_density_coverage(x, y), fidelity.clipped_density_coverage(x, y))
    with pytest.raises(ValueError, match="at least 6 points in real_features"):
        fidiv.clipped_density_coverage(x[:5], y)
    with pytest.raises(ValueError, match="at least 5 points in fake_features"):
        fidiv.clipped_density_coverage(x, y[:4])


@pytest.mark.parametrize(("n", "m", "k"), [(6, 5, 5), (40, 30, 5), (12, 60, 1), (50, 50, 20)])
def test_expected_depth_is_the_law(n, m, k):
    for count in (k, (k + m) // 2, m):
        assert expected_depth(n, count, k) == pytest.approx(float(fidelity.depth_law(n, count, k)), rel=1e-12)


def test_bisection_is_the_table():
    """Among them p = k / n, which f(k) equals."""
    n, m, k = 30, 40, 3
    for filled in [0, 1, 9, *range(2, n * k + 1, 4), n * k]:
        assert calibrated(filled, n, m, k) == fidelity.calibrate(Fraction(filled, n * k), n, m, k)
    assert calibrated(9, n, m, k) == k / (m + 1)


def test_calibration_of_many_points():
    """Bisection, not a table: a million fakes and balls of 100 points."""
    assert calibrated(50_000_000, 1_000_000, 1_000_000, 100) == pytest.approx(0.5, abs=0.01)


def test_expected_depth_by_simulation():
    """Mean over 200 draws of the uncalibrated coverage of equal laws, within five standard errors."""
    rng = np.random.default_rng(0)
    depth = [
        fidiv.clipped_density_coverage(rng.normal(size=(40, 2)), rng.normal(size=(30, 2))).samples[
            "coverage_depth"
        ]
        for _ in range(200)
    ]
    means = np.mean(depth, axis=1)
    error = means.std(ddof=1) / math.sqrt(len(means))
    assert abs(means.mean() - expected_depth(40, 30, 5)) < 5 * error
    assert error < 0.01


def test_scores_are_shares_of_good_fakes():
    rng = np.random.default_rng(1)
    for share in (0.2, 0.5, 0.8):
        real, fake = rng.normal(size=(800, 3)), rng.normal(size=(700, 3))
        fake[: round((1 - share) * 700)] += 1000
        got = fidiv.clipped_density_coverage(real, fake)
        assert got.clipped_density == pytest.approx(share, abs=0.05)
        assert got.clipped_coverage == pytest.approx(share, abs=0.05)


def test_clipping_ignores_what_an_outlier_draws_to_itself():
    """One far real has a ball that holds all fakes around it: density counts them, clipped density does
    not."""
    real = np.concatenate([gaussian(100, 2, 1), [[50.0, 0.0]]])
    fake = gaussian(100, 2, 2) + np.array([45.0, 0.0])
    assert fidiv.density_coverage(real, fake).density >= 0.2
    assert fidiv.clipped_density_coverage(real, fake).clipped_density == 0.0


# alpha-precision and beta-recall


def check_alpha(real, fake, **keywords):
    got = fidiv.alpha_precision(real, fake, **keywords)
    expected = fidelity.alpha_precision(real, fake, keywords.get("center"))
    for key in ("authenticity", "expected_beta_recall"):
        assert got[key] == pytest.approx(expected[key], rel=1e-13), key
    for key in ("alpha_precision", "beta_recall"):
        assert got[key] == pytest.approx(expected[key], abs=3e-3), key  # a jump within a step of the grid
    return got


# Where distances to the centre do not differ by rounding alone: else sums in another order decide.
CLEAR = [
    name
    for name in ADVERSARIES
    if not any(
        word in name
        for word in ("1e15", "ties", "last place", "sphere", "equal", "outlier", "zero", "mixed scale")
    )
]


@pytest.mark.parametrize("name", CLEAR)
def test_alpha_precision_equals_the_oracle(name):
    check_alpha(*adversaries(9)[name])


@pytest.mark.parametrize("name", ADVERSARIES)
def test_authenticity_of_the_paper(name):
    real, fake = adversaries(9)[name]
    expected = fidelity.alpha_precision(real, fake, points=10)["authenticity"]
    assert fidiv.alpha_precision(real, fake).authenticity == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(("n", "m", "d"), [(200, 150, 1), (150, 200, 3), (80, 60, 70), (2, 1, 2)])
@pytest.mark.parametrize("center", [None, 0.3])
def test_alpha_precision_of_any_size(n, m, d, center):
    center = None if center is None else np.full(d, center)
    keywords = {} if center is None else {"center": center}
    check_alpha(gaussian(n, d, 1), gaussian(m, d, 2, scale=1.5), **keywords)


@pytest.mark.parametrize(("n", "m"), [(150, 120), (120, 120)])
@pytest.mark.parametrize("center", [None, [0.1, -0.2, 0.3]])
def test_the_published_convention(n, m, center):
    x, y = gaussian(n, 3, 1), gaussian(m, 3, 2, shift=0.4)
    got = fidiv.alpha_precision(x, y, center=center, convention="alaa")
    expected = fidelity.alaa(x, y, center)
    for key in ("alpha_precision", "beta_recall", "authenticity"):
        assert got[key] == pytest.approx(expected[key], rel=1e-12), key


def test_published_authenticity_reads_the_wrong_set():
    """Every fake is a near-copy of a real, in another order. The paper's authenticity is 0; the published one
    compares distances of unrelated points. With more fakes than reals it cannot even look up."""
    x = gaussian(200, 2, 1)
    y = x[::-1] + 1e-9
    assert fidiv.alpha_precision(x, y).authenticity == 0.0
    many = np.concatenate([y + 50, y])  # all nearest fakes have indices beyond the reals
    with pytest.raises(ValueError, match="there are only 200 reals"):
        fidiv.alpha_precision(x, many, convention="alaa")
    assert fidiv.alpha_precision(x, many).authenticity == 0.5

    # Reals in pairs far from one another, ever farther within the pair; a fake near the first of each, off by
    # a tenth of that distance. None is authentic; read with the indices of fakes, many are.
    scale = np.arange(1.0, 101.0)
    pairs = np.stack([1000 * scale, 1000 * scale + scale], axis=1).reshape(-1, 1)
    fakes = pairs[::2] + 0.1 * scale[:, None]
    assert fidiv.alpha_precision(pairs, fakes).authenticity == 0.0
    published = fidiv.alpha_precision(pairs, fakes, convention="alaa").authenticity
    assert published == pytest.approx(fidelity.alaa(pairs, fakes)["authenticity"])
    assert published > 0.3


def test_the_grid_is_a_coarse_integral():
    """Fakes at the centre of all reals: P(alpha) is 1 everywhere, the integral 1/2, the value 0, and so for
    fakes outside all balls. Thirty rectangles that cover 30/29 give -1/29 there."""
    x = gaussian(100, 4, 1) + 5
    y = np.tile(x.mean(axis=0), (50, 1))
    assert fidiv.alpha_precision(x, y).alpha_precision == pytest.approx(0.0, abs=1e-12)
    y = np.tile(2 * x[:1] + 1000, (50, 1))  # outside all balls: P is 0 everywhere
    assert fidiv.alpha_precision(x, y).alpha_precision == pytest.approx(0.0, abs=1e-12)
    published = fidiv.alpha_precision(x, y, convention="alaa").alpha_precision
    assert published == pytest.approx(-1 / 29, abs=1e-12)


def test_alpha_precision_by_hand():
    """Reals at distances 0, 1, 2, 3, 4 from the centre 0, whose alpha quantile is 4 alpha; fakes at 1, 3 and
    9: P is 0, 1/3 from 1/4, 2/3 from 3/4. The integral of |alpha - P|, triangle by triangle."""
    real, fake = np.arange(5.0)[:, None], np.array([[1.0], [3.0], [9.0]])
    got = fidiv.alpha_precision(real, fake, center=[0.0])
    np.testing.assert_allclose(got.samples["alpha_level"], [0.25, 0.75, np.inf])
    third = 1 / 3
    area = 0.25**2 / 2 + ((third - 0.25) ** 2 + (0.75 - third) ** 2) / 2
    area += ((1 - 2 * third) ** 2 - (0.75 - 2 * third) ** 2) / 2
    assert got.alpha_precision == pytest.approx(1 - 2 * area, rel=1e-14)


def test_levels_are_the_inverse_of_quantiles():
    rng = np.random.default_rng(0)
    reference, values = rng.integers(0, 9, 30).astype(float), rng.uniform(-1, 9, 40)
    for value, level in zip(values, levels(values, reference), strict=True):
        if math.isinf(level):
            assert value > reference.max()
            continue
        assert np.quantile(reference, level) >= value - 1e-12
        assert level == 0 or np.quantile(reference, level - 1e-9) < value
    np.testing.assert_array_equal(levels(np.array([3.0, 5.0]), np.array([4.0, 4.0])), [0, np.inf])


def test_agreement_of_known_curves():
    assert agreement(np.zeros(5), 5) == 0.0
    assert agreement(np.full(5, np.inf), 5) == 0.0
    assert agreement((np.arange(100) + 0.5) / 100, 100) == pytest.approx(1 - 1 / 200)
    assert agreement(np.array([0.5, np.inf]), 2) == pytest.approx(1 - 2 * (1 / 8 + 0 + 1 / 8))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("spread", [0, 30])
def test_the_mean_does_not_depend_on_the_order(dtype, spread):
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(1000, 7)) * 10.0 ** rng.uniform(-spread, spread, size=(1000, 1))).astype(dtype)
    x[:, 3], x[:, 4] = 0.0, 5e-324 if dtype == np.float64 else 1e-45
    mean = mean_point(x)
    np.testing.assert_array_equal(mean, mean_point(x[rng.permutation(1000)]))
    exact = [math.fsum(column.tolist()) / 1000 for column in x.T]
    top = np.abs(x).max(axis=0).astype(np.float64)
    np.testing.assert_array_less(np.abs(mean - exact), 4e-16 * top + 5e-324)


@pytest.mark.parametrize(("n", "m", "d"), [(800, 800, 2), (1200, 300, 3), (300, 900, 5)])
def test_what_beta_recall_tends_to(n, m, d):
    rng = np.random.default_rng(d)
    draws = [(rng.normal(size=(n, d)), rng.normal(size=(m, d))) for _ in range(6)]
    for convention in ("fidiv", "alaa") if m <= n else ("fidiv",):
        results = [fidiv.alpha_precision(*draw, convention=convention) for draw in draws]
        mean = np.mean([result.beta_recall for result in results])
        assert mean == pytest.approx(results[0].expected_beta_recall, abs=0.03)
    assert results[0].expected_beta_recall != pytest.approx(1.0, abs=0.2)


def test_wrong_centres_and_conventions():
    x = gaussian(20, 3, 1)
    for wrong in ([1.0, 2.0], np.zeros((1, 3)), [1.0, math.nan, 0.0], [], 5.0):
        with pytest.raises(ValueError, match="center"):
            fidiv.alpha_precision(x, x, center=wrong)
    with pytest.raises(TypeError, match="center"):
        fidiv.alpha_precision(x, x, center=["a", "b", "c"])
    with pytest.raises(ValueError, match="convention"):
        fidiv.alpha_precision(x, x, convention="published")
    with pytest.raises(TypeError, match="convention"):
        fidiv.alpha_precision(x, x, convention=None)
    with pytest.raises(ValueError, match="needs 2 reals, got 1"):
        fidiv.alpha_precision(x[:1], x)
    with pytest.raises(ValueError, match="real_features"):
        fidiv.alpha_precision([[[1.0]]], x, center=[1.0])


def test_the_centre_is_in_the_settings():
    x = gaussian(20, 3, 1)
    settings = fidiv.alpha_precision(x, x, center=np.array([1, 2, 3], np.float32)).settings
    assert settings["center"] == (1.0, 2.0, 3.0)
    assert fidiv.alpha_precision(x.tolist(), x, center=[0, 0, 0]).settings["center"] == (0.0, 0.0, 0.0)


# Work


@pytest.mark.parametrize(
    "family",
    [
        "rarity",
        "probabilistic_precision_recall",
        "symmetric_precision_recall",
        "clipped_density_coverage",
        "alpha_precision",
    ],
)
def test_no_sweep_beyond_the_three(family):
    result = getattr(fidiv, family)(gaussian(60, 3, 1), gaussian(50, 3, 2))
    assert len(result.settings["sweeps"]) <= 3
    together = fidiv.evaluate(gaussian(60, 3, 1), gaussian(50, 3, 2), metrics=[family, "default"])
    assert len(together.settings["sweeps"]) == 3


def test_oracle_distances_to_a_centre_are_ours():
    """The lanes of both are the same, so that no rounding stands between them."""
    from fidiv.metrics.alpha_precision import distances_to

    for d in (1, 31, 32, 33, 100):
        x, c = gaussian(20, d, 1, np.float32), gaussian(1, d, 2)
        np.testing.assert_array_equal(distances_to(c[0], x), oracle.distances(x, c)[:, 0])
