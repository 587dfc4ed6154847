"""The influence of points on the Fréchet distance, and its standard error."""

from __future__ import annotations

import math

import numpy as np
import pytest
from factories import gaussian
from frechet_sets import pair
from oracle import frechet_more as oracle

import fidiv
from fidiv.metrics.frechet import distance

SAMPLES = ("frechet_influence", "frechet_influence_real")


def correlated(n, m, d, seed=0):
    rng = np.random.default_rng(seed)
    real = rng.normal(size=(n, d)) @ rng.normal(size=(d, d))
    return real, rng.normal(size=(m, d)) @ rng.normal(size=(d, d)) + 0.3


def influences(x, y):
    result = fidiv.frechet_influence(x, y)
    return [result.samples[name] for name in SAMPLES]


@pytest.mark.parametrize("shape", [(120, 90, 5), (40, 300, 20), (9, 8, 1), (30, 26, 25)])
def test_equal_to_the_oracle(shape):
    x, y = correlated(*shape)
    of_fakes, of_reals = influences(x, y)
    for got, expected in ((of_fakes, oracle.influence(y, x)), (of_reals, oracle.influence(x, y))):
        np.testing.assert_allclose(got, expected, rtol=1e-8, atol=1e-8 * np.abs(expected).max())


def test_it_is_the_derivative_when_a_point_gains_weight():
    x, y = correlated(60, 50, 4)
    of_fakes, of_reals = influences(x, y)
    size = np.abs(of_fakes).max()
    for row in (0, 7, 49):
        assert of_fakes[row] == pytest.approx(oracle.influence_by_differences(y, x, row), abs=1e-6 * size)
        assert of_reals[row] == pytest.approx(oracle.influence_by_differences(x, y, row), abs=1e-6 * size)


def test_the_oracle_of_the_weights_is_the_distance():
    x, y = correlated(60, 50, 4)
    expected = fidiv.frechet_distance(x, y).frechet_distance
    assert oracle.frechet_of_moments(*oracle.moments(x), *oracle.moments(y)) == pytest.approx(expected)


def test_a_fake_taken_out_moves_the_distance_by_its_influence():
    x, y = correlated(3000, 2000, 3)
    of_fakes, _ = influences(x, y)
    worst = int(of_fakes.argmax())
    before = fidiv.frechet_distance(x, y).frechet_distance
    after = fidiv.frechet_distance(x, np.delete(y, worst, axis=0)).frechet_distance
    assert before - after == pytest.approx(of_fakes[worst] / 2000, rel=0.05)


def test_one_dimension_by_hand():
    """FD = (mu - nu)^2 + (s - t)^2, so psi(y) = 2 (nu - mu)(y - nu) + (1 - s / t)(c (y - nu)^2 - t^2)."""
    x, y = np.array([[1.0], [2.0], [6.0], [7.0]]), np.array([[-1.0], [0.0], [4.0]])
    s, t = x.std(ddof=1), y.std(ddof=1)
    z = y[:, 0] - 1.0
    expected = 2.0 * (1.0 - 4.0) * z + (1.0 - s / t) * (1.5 * z**2 - t**2)
    np.testing.assert_allclose(influences(x, y)[0], expected, rtol=1e-12)


@pytest.mark.parametrize("kind", ["gaussian", "constant", "rectified", "spiked"])
def test_the_mean_is_zero(kind):
    x, y = pair(kind, 300, 200, 20)
    for psi in influences(x, y):
        assert abs(psi.mean()) <= 1e-10 * np.abs(psi).max()


def test_equal_sets_have_no_influence():
    x = gaussian(90, 6, 1)
    result = fidiv.frechet_influence(x, x.copy())
    for name in SAMPLES:
        np.testing.assert_allclose(result.samples[name], 0.0, atol=1e-12)
    assert result.frechet_distance_se < 1e-12


def test_the_standard_error_is_that_of_the_influences():
    x, y = correlated(120, 90, 5)
    result = fidiv.frechet_influence(x, y)
    fakes, reals = (oracle.influence(a, b).var(ddof=1) / len(a) for a, b in ((y, x), (x, y)))
    assert result.frechet_distance_se_fake == pytest.approx(math.sqrt(fakes), rel=1e-9)
    assert result.frechet_distance_se == pytest.approx(math.sqrt(fakes + reals), rel=1e-9)


def test_the_standard_error_is_the_spread_over_fresh_samples():
    """200 repeats: the standard deviation of 200 normal values errs by 5 percent, 4 of these are allowed."""
    rng = np.random.default_rng(1)
    scales = np.array([1.0, 2.0, 1.0]), np.array([1.0, 1.0, 3.0])
    reals = rng.normal(size=(400, 3)) * scales[0]
    fixed, fixed_errors, fresh, fresh_errors = [], [], [], []
    for _ in range(200):
        y = rng.normal(size=(300, 3)) * scales[1] + 0.5
        one = fidiv.frechet_distance(reals, y, influence=True, n_jobs=1)
        fixed.append(one.frechet_distance)
        fixed_errors.append(one.frechet_distance_se_fake)
        x = rng.normal(size=(50, 3)) * scales[0]
        two = fidiv.frechet_distance(x, y, influence=True, n_jobs=1)
        fresh.append(two.frechet_distance)
        fresh_errors.append(two.frechet_distance_se)
    assert np.mean(fixed_errors) == pytest.approx(np.std(fixed), rel=0.2)
    assert np.mean(fresh_errors) == pytest.approx(np.std(fresh), rel=0.2)
    # The reals count: 50 of them make the spread visibly larger, and both errors say so.
    assert np.std(fresh) > 1.3 * np.std(fixed)
    assert np.mean(fresh_errors) > 1.3 * np.mean(fixed_errors)


# What must not matter


def test_isometry_scale_and_order():
    x, y = correlated(120, 90, 5)
    rng = np.random.default_rng(2)
    turn = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    p, q = rng.permutation(120), rng.permutation(90)
    of_fakes, of_reals = influences(x, y)
    for s in (1.0, -7.0, 2.0**-300, 2.0**300):
        moved = influences(s * (x @ turn + 3.0)[p], s * (y @ turn + 3.0)[q])
        np.testing.assert_allclose(moved[0] / s / s, of_fakes[q], rtol=1e-8, atol=1e-8)
        np.testing.assert_allclose(moved[1] / s / s, of_reals[p], rtol=1e-8, atol=1e-8)


def test_reals_and_fakes_swap():
    x, y = correlated(120, 90, 5)
    for one, other in zip(influences(x, y), influences(y, x)[::-1], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-9)


def test_float32_is_its_float64_copy():
    x, y = (z.astype(np.float32) for z in correlated(120, 90, 5))
    for one, other in zip(influences(x, y), influences(x.astype(float), y.astype(float)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)


def test_columns_of_very_different_scale():
    columns = 10.0 ** np.array([-30.0, 0.0, 30.0, 1.0, -1.0])
    x, y = gaussian(120, 5, 1) * columns, gaussian(90, 5, 2, shift=0.4) * columns
    got, third = influences(x, y)[0], slice(2, 3)
    # Nothing but the largest column is left of the sum.
    expected = oracle.influence(y[:, third] / 1e30, x[:, third] / 1e30)
    np.testing.assert_allclose(got / 1e60, expected, rtol=1e-9, atol=1e-9)


def test_a_huge_offset_does_not_cancel():
    # Multiples of 2^-20, so that adding the offset changes no value.
    x, y = (np.round(z * 2**20) / 2**20 for z in correlated(120, 90, 5))
    for one, other in zip(influences(x, y), influences(x + 2.0**30, y + 2.0**30), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-8, atol=1e-9)


def test_block_size_does_not_matter(monkeypatch):
    x, y = pair("constant", 120, 90, 10)
    expected = influences(x, y)
    for elements in (1, 70, 1000):
        monkeypatch.setattr("fidiv.metrics.frechet.influence.BLOCK", elements)
        for one, other in zip(influences(x, y), expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9 * np.abs(other).max())
    assert distance.BLOCK > 1000


def test_columns_constant_in_both_sets_do_not_count():
    x, y = correlated(30, 26, 5)
    wide = [np.hstack([z, np.full((len(z), 40), 3.0)]) for z in (x, y)]
    for one, other in zip(influences(*wide), influences(x, y), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-9)


def test_a_column_constant_in_one_set_counts_as_a_point_there():
    """With variance 0 in the fakes it adds the variance of the reals and the square of the shift."""
    x, y = correlated(60, 50, 3)
    extra = gaussian(60, 1, 5, scale=2.0)
    of_fakes, of_reals = influences(np.hstack([x, extra]), np.hstack([y, np.ones((50, 1))]))
    plain_fakes, plain_reals = influences(x, y)
    z = extra[:, 0] - extra.mean()
    more = 2.0 * (extra.mean() - 1.0) * z + 60 / 59 * z**2 - extra.var(ddof=1)
    np.testing.assert_allclose(of_fakes, plain_fakes, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(of_reals, plain_reals + more, rtol=1e-8, atol=1e-8)


def test_all_rows_equal():
    x, y = np.full((5, 3), 2.0), gaussian(20, 3, 1)
    result = fidiv.frechet_influence(x, y)
    np.testing.assert_array_equal(result.samples["frechet_influence_real"], np.zeros(5))
    squares = ((y - 2.0) ** 2).sum(axis=1)
    centred = 20 / 19 * ((y - y.mean(axis=0)) ** 2).sum(axis=1)
    expected = 2 * (y - y.mean(axis=0)) @ (y.mean(axis=0) - 2.0) + centred - y.var(axis=0, ddof=1).sum()
    np.testing.assert_allclose(result.samples["frechet_influence"], expected, rtol=1e-9)
    # With ddof 0 the distance is the mean square: a point's influence is its square less the mean of them.
    assert np.corrcoef(expected, squares)[0, 1] > 0.99
    assert fidiv.frechet_influence(x, x).frechet_distance_se == 0.0


# Refusals


@pytest.mark.parametrize(("n", "m", "name"), [(5, 30, "real_features"), (30, 5, "fake_features")])
def test_too_few_points(n, m, name):
    x, y = gaussian(n, 5, 1), gaussian(m, 5, 2)
    message = f"at least 6 points in {name} for 5 columns that vary, it has 5"
    with pytest.raises(ValueError, match=message):
        fidiv.frechet_influence(x, y)
    with pytest.raises(ValueError, match=message):
        fidiv.frechet_distance(x, y, influence=True)
    assert math.isfinite(fidiv.frechet_distance(x, y).frechet_distance)
    result = fidiv.evaluate(x, y, metrics=["frechet_distance_se", "frechet_distance"])
    assert math.isnan(result["frechet_distance_se"])
    assert name in result.undefined["frechet_distance_se"]
    assert result["frechet_distance"] == fidiv.frechet_distance(x, y).frechet_distance
    assert not set(SAMPLES) & set(result.samples)


@pytest.mark.parametrize("d", [2, 3, 40])
@pytest.mark.parametrize("swap", [False, True])
def test_dependent_columns(d, swap):
    x, y = gaussian(300, d, 1), gaussian(280, d, 2)
    y[:, -1] = y[:, 0] - (y[:, 1] if d > 2 else 0.0)
    sets, name = ((y, x), "real_features") if swap else ((x, y), "fake_features")
    with pytest.raises(ValueError, match=f"columns of {name} depend on one another"):
        fidiv.frechet_influence(*sets)


def test_nearly_dependent_columns_are_not_refused():
    x, y = gaussian(300, 4, 1), gaussian(280, 4, 2)
    for z in (x, y):
        z[:, 3] = z[:, 0] + 1e-6 * z[:, 3]
    of_fakes, _ = influences(x, y)
    # The direction of size 1e-6 has almost nothing to say: column 0 twice is column 0 times the root of 2.
    first = np.array([math.sqrt(2.0), 1.0, 1.0])
    expected = influences(x[:, :3] * first, y[:, :3] * first)[0]
    np.testing.assert_allclose(of_fakes, expected, atol=1e-4 * np.abs(expected).max())


def test_one_point_and_values_that_do_not_fit():
    with pytest.raises(ValueError, match="at least 2 points in fake_features"):
        fidiv.frechet_influence(np.zeros((4, 2)), np.zeros((1, 2)))
    # All but one fake agree: the map stretches the one that does not by a lot.
    x, y = np.tile([[4e153], [-4e153]], (50, 1)), np.zeros((4000, 1))
    y[0] = 4e153
    assert math.isfinite(fidiv.frechet_distance(x, y).frechet_distance)
    with pytest.raises(ValueError, match="do not fit in a float64"):
        fidiv.frechet_influence(x, y)
    with pytest.raises(TypeError, match="influence must be True or False"):
        fidiv.frechet_distance(np.eye(3), np.eye(3), influence=1)


# The ways to ask


def test_all_ways_give_the_same():
    x, y = correlated(120, 90, 5)
    alone, beside = fidiv.frechet_influence(x, y), fidiv.frechet_distance(x, y, influence=True)
    together = fidiv.evaluate(x, y, metrics=["frechet_influence", "frechet_distance"])
    assert list(alone) == ["frechet_distance_se", "frechet_distance_se_fake"]
    plain = fidiv.frechet_distance(x, y)
    assert list(plain) == ["frechet_distance", "mean_term", "covariance_term"]
    assert dict(beside) == pytest.approx({**plain, **alone}, rel=1e-9)
    assert beside.settings["influence"] is True
    assert plain.samples == {}
    for key in together:
        assert together[key] == pytest.approx(beside[key], rel=1e-9)
    for name, length in zip(SAMPLES, (90, 120), strict=True):
        assert alone.samples[name].shape == (length,)
        for other in (beside, together):
            np.testing.assert_allclose(other.samples[name], alone.samples[name], rtol=1e-9, atol=1e-9)


def test_the_default_list_does_not_pay_for_it(monkeypatch):
    def never(*sets):
        raise AssertionError

    monkeypatch.setattr("fidiv.metrics.frechet.influence.influences", never)
    monkeypatch.setattr("fidiv.metrics.frechet.infinity.extrapolate", never)
    x, y = correlated(60, 50, 4)
    assert "frechet_distance_se" not in fidiv.evaluate(x, y)
    fidiv.frechet_distance(x, y)
