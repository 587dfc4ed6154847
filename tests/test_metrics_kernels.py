"""Kernel distance, MMD and energy distance: their definitions, what equal laws give, and errors."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy.stats
from factories import gaussian, lattice
from oracle import kernels as oracle

import fidiv

CALLS = {
    "kernel_distance": fidiv.kernel_distance,
    "mmd": fidiv.mmd,
    "cmmd": lambda x, y, **more: fidiv.mmd(x, y, bandwidth="cmmd", **more),
    "energy_distance": fidiv.energy_distance,
    "unbiased energy": lambda x, y, **more: fidiv.energy_distance(x, y, unbiased=True, **more),
}


def grams(kernel, x, y):
    return kernel(x, x), kernel(y, y), kernel(x, y)


def first(result):
    return next(iter(result.values()))


# Definitions


@pytest.mark.parametrize(("n", "m", "d"), [(60, 60, 5), (70, 41, 12), (600, 530, 3), (2, 2, 1), (3, 2, 4)])
def test_kernel_distance_is_the_unbiased_estimate(n, m, d):
    x, y = gaussian(n, d, 1, np.float32), gaussian(m, d, 2, shift=0.3)
    expected = oracle.mmd2_unbiased(*grams(oracle.polynomial, x, y))
    assert fidiv.kernel_distance(x, y)["kernel_distance"] == pytest.approx(expected, rel=1e-10, abs=1e-13)


def test_kernel_distance_with_another_polynomial():
    x, y = gaussian(30, 4, 1), gaussian(25, 4, 2, shift=0.3)
    got = fidiv.kernel_distance(x, y, degree=2, gamma=0.7, coef0=0.0)
    whole = grams(lambda a, b: oracle.polynomial(a, b, 2, 0.7, 0.0), x, y)
    assert got["kernel_distance"] == pytest.approx(oracle.mmd2_unbiased(*whole), rel=1e-12)
    assert (got.settings["degree"], got.settings["gamma"], got.settings["coef0"]) == (2, 0.7, 0.0)


def test_kernel_distance_by_hand():
    """k(x, y) = (x y + 1)^3 on a line: reals 0, 1; fakes 1, 2. Within: 1 and 27; across 1, 1, 8, 27."""
    got = fidiv.kernel_distance([[0.0], [1.0]], [[1.0], [2.0]])
    assert got["kernel_distance"] == 1 + 27 - 2 * (1 + 1 + 8 + 27) / 4
    assert math.isnan(got["kernel_distance_se"])
    assert any("kernel_distance_se" in note and "3 points" in note for note in got.notes)


@pytest.mark.parametrize("name", CALLS)
def test_standard_errors_are_the_jackknife(name):
    x, y = gaussian(14, 3, 1), gaussian(11, 3, 2, shift=0.4)
    got = CALLS[name](x, y)
    if name == "kernel_distance":
        whole, statistic, key = grams(oracle.polynomial, x, y), oracle.mmd2_unbiased, "kernel_distance_se"
    elif name == "mmd":
        whole = grams(lambda a, b: oracle.gaussian(a, b, got["mmd_bandwidth"]), x, y)
        statistic, key = oracle.mmd2_unbiased, "mmd2_se"
    elif name == "cmmd":
        x, y = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in (x, y))
        whole = grams(lambda a, b: 1000 * oracle.gaussian(a, b, 10.0), x, y)
        statistic, key = oracle.mmd2_biased, "mmd2_se"
    else:
        assert not any(key.endswith("_se") for key in got)
        return
    assert got[key] == pytest.approx(oracle.jackknife_se(statistic, *whole), rel=1e-10)


@pytest.mark.parametrize("bandwidth", [0.5, 3, np.float32(2.0)])
def test_mmd_with_a_number(bandwidth):
    x, y = gaussian(40, 5, 1), gaussian(33, 5, 2, np.float32, shift=0.2)
    got = fidiv.mmd(x, y, bandwidth=bandwidth)
    whole = grams(lambda a, b: oracle.gaussian(a, b, float(bandwidth)), x, y)
    assert got["mmd2"] == pytest.approx(oracle.mmd2_unbiased(*whole), rel=1e-10)
    assert got["mmd_bandwidth"] == got.settings["bandwidth"] == bandwidth
    assert got["expected_mmd2"] == 0.0


def test_mmd_with_the_median_of_the_reals():
    x, y = gaussian(40, 5, 1), gaussian(33, 5, 2, shift=0.2)
    got, swapped = fidiv.mmd(x, y), fidiv.mmd(y, x)
    assert got["mmd_bandwidth"] == pytest.approx(
        np.median(oracle.distances(x, x)[np.triu_indices(40, 1)]), rel=1e-12
    )
    assert got["mmd2"] == fidiv.mmd(x, y, bandwidth=got["mmd_bandwidth"])["mmd2"]
    assert swapped["mmd_bandwidth"] != got["mmd_bandwidth"]
    # KAD: times 100, and 1e-8 in the exponent's denominator.
    gamma = 1 / (2 * got["mmd_bandwidth"] ** 2 + 1e-8)
    kad = 100 * oracle.mmd2_unbiased(*grams(lambda a, b: np.exp(-gamma * oracle.distances(a, b) ** 2), x, y))
    assert 100 * got["mmd2"] == pytest.approx(kad, rel=1e-6)


def test_cmmd_is_its_formula():
    x, y = gaussian(50, 16, 1, scale=7.0, shift=1.0), gaussian(37, 16, 2, np.float32, shift=0.7)
    got = fidiv.mmd(x, y, bandwidth="cmmd")
    assert got["mmd2"] == pytest.approx(oracle.cmmd(x, y), rel=1e-9)
    assert got["mmd_bandwidth"] == 10.0
    # Only directions count, however long the rows are.
    lengths = 10.0 ** np.random.default_rng(0).uniform(-120, 120, size=(50, 1))
    assert fidiv.mmd(x * lengths, y, bandwidth="cmmd")["mmd2"] == pytest.approx(got["mmd2"], rel=1e-9)


@pytest.mark.parametrize(("n", "m", "d"), [(40, 40, 6), (700, 33, 2), (1, 1, 1), (2, 5, 1), (1, 4, 2)])
def test_energy_distance_is_its_definition(n, m, d):
    x, y = gaussian(n, d, 1, shift=1e3), gaussian(m, d, 2, shift=1e3 + 0.5)
    assert fidiv.energy_distance(x, y)["energy_distance"] == pytest.approx(oracle.energy(x, y), rel=1e-9)
    if min(n, m) > 1:
        got = fidiv.energy_distance(x, y, unbiased=True)
        assert got["energy_distance"] == pytest.approx(oracle.energy_unbiased(x, y), rel=1e-9)
        assert got["expected_energy_distance"] == 0.0


def test_energy_distance_on_a_line_is_the_square_of_scipys():
    x, y = gaussian(80, 1, 1), gaussian(57, 1, 2, shift=0.3)
    scipys = scipy.stats.energy_distance(x[:, 0], y[:, 0])
    assert fidiv.energy_distance(x, y)["energy_distance"] == pytest.approx(scipys**2, rel=1e-12)


def test_energy_distance_of_one_point_each_is_twice_their_distance():
    assert fidiv.energy_distance([[3.0]], [[-2.0]])["energy_distance"] == 10.0


# What torch-fidelity reports


def test_subsets_are_torch_fidelitys():
    """Its input1, the generated set, is drawn first; the other order gives other numbers."""
    real, fake = gaussian(90, 6, 1, np.float32), gaussian(80, 6, 2, np.float32, shift=0.3)
    got = fidiv.kernel_distance(real, fake, estimator="subsets", subsets=7, subset_size=40, seed=2020)
    mean, std = oracle.torch_fidelity_kid(fake, real, 7, 40, 2020)
    assert list(got) == ["kernel_distance", "kernel_distance_std"]
    assert got["kernel_distance"] == pytest.approx(mean, rel=1e-10)
    assert got["kernel_distance_std"] == pytest.approx(std, rel=1e-10)
    swapped, _ = oracle.torch_fidelity_kid(real, fake, 7, 40, 2020)
    assert abs(swapped - mean) > 1e-3 * abs(mean)
    settings = got.settings
    assert (settings["subsets"], settings["subset_size"], settings["seed"]) == (7, 40, 2020)


def test_subsets_agree_with_all_pairs_within_their_noise():
    real, fake = gaussian(400, 6, 1), gaussian(380, 6, 2, shift=0.3)
    full = fidiv.kernel_distance(real, fake)
    drawn = fidiv.kernel_distance(real, fake, estimator="subsets", subsets=60, subset_size=100)
    noise = drawn["kernel_distance_std"] / math.sqrt(60)
    assert abs(drawn["kernel_distance"] - full["kernel_distance"]) < 4 * noise
    assert drawn["kernel_distance_std"] > full["kernel_distance_se"]  # it is that of 100 points
    other = fidiv.kernel_distance(real, fake, estimator="subsets", subsets=60, subset_size=100, seed=1)
    assert other["kernel_distance"] != drawn["kernel_distance"]


def test_a_subset_of_all_points_is_the_full_estimate():
    real, fake = gaussian(50, 4, 1), gaussian(50, 4, 2)
    one = fidiv.kernel_distance(real, fake, estimator="subsets", subsets=1, subset_size=50)
    full = fidiv.kernel_distance(real, fake)["kernel_distance"]
    assert one["kernel_distance"] == pytest.approx(full, rel=1e-10)
    assert one["kernel_distance_std"] == 0.0


# What equal laws give, and how far values spread


@pytest.mark.parametrize("shift", [0.0, 0.5])
@pytest.mark.parametrize("name", ["kernel_distance", "mmd"])
def test_standard_error_is_the_spread_over_fresh_samples(name, shift):
    rng = np.random.default_rng(4)
    more = {"bandwidth": 2.0} if name == "mmd" else {}
    values, errors = [], []
    for _ in range(150):
        x, y = rng.normal(size=(60, 3)), rng.normal(size=(45, 3)) + shift
        value, error = list(CALLS[name](x, y, **more).values())[:2]
        values.append(value)
        errors.append(error)
    spread, said = np.std(values, ddof=1), math.sqrt(np.mean(np.square(errors)))
    if shift:
        assert 0.85 < said / spread < 1.25  # 150 values tell a spread to 6 %
    else:
        assert 1.0 < said / spread < 1.7  # degenerate: up to sqrt 2 too large
        assert abs(np.mean(values)) < 4 * spread / math.sqrt(150)
        assert 0.3 < np.mean(np.less(values, 0)) < 0.8  # not clipped


@pytest.mark.parametrize("name", ["cmmd", "energy_distance"])
def test_expected_is_the_mean_over_all_ways_to_deal(name):
    x, y = gaussian(4, 2, 1), gaussian(3, 2, 2, shift=5.0)
    union = np.concatenate([x, y])
    values = [
        first(CALLS[name](union[list(chosen)], np.delete(union, chosen, axis=0)))
        for chosen in itertools.combinations(range(7), 4)
    ]
    got = CALLS[name](x, y)
    (expected,) = (value for key, value in got.items() if key.startswith("expected_"))
    assert expected == pytest.approx(np.mean(values), rel=1e-10)
    assert expected < first(got)


def test_unbiased_estimates_have_mean_zero_over_all_ways_to_deal():
    union = gaussian(7, 2, 1)
    for name in ("kernel_distance", "unbiased energy"):
        values = [
            first(CALLS[name](union[list(chosen)], np.delete(union, chosen, axis=0)))
            for chosen in itertools.combinations(range(7), 4)
        ]
        assert np.mean(values) == pytest.approx(0.0, abs=1e-13)
        assert min(values) < 0


def test_energy_distance_of_equal_sets_is_zero():
    x = gaussian(100, 5, 1, shift=100.0)
    assert 0 <= fidiv.energy_distance(x, x[::-1])["energy_distance"] < 1e-13
    assert 0 <= fidiv.energy_distance(x, np.repeat(x, 2, axis=0))["energy_distance"] < 1e-13


def test_closed_forms():
    """E|X - X'| of N(0, 1) is 2 / sqrt(pi); the mean of a Gaussian kernel under N(0, 2 I) is known too."""
    x, y = gaussian(1500, 1, 1), gaussian(1400, 1, 2, shift=2.0)
    apart = scipy.stats.foldnorm(2.0 / math.sqrt(2), scale=math.sqrt(2)).mean()
    energy = fidiv.energy_distance(x, y, unbiased=True)["energy_distance"]
    assert energy == pytest.approx(2 * apart - 4 / math.sqrt(math.pi), abs=0.1)
    # E exp(-|Z|^2 / 2) with Z of N(t, 2): exp(-t^2 / 6) / sqrt 3
    got = fidiv.mmd(x, y, bandwidth=1.0)
    exact = 2 * (1 - math.exp(-4 / 6)) / math.sqrt(3)
    assert abs(got["mmd2"] - exact) < 4 * got["mmd2_se"]
    # Cubic kernel on a line: E (x y + 1)^3 = m3 m3' + 3 m2 m2' + 3 m1 m1' + 1.
    got = fidiv.kernel_distance(x, y)
    exact = (14.0 - 0) ** 2 + 3 * (5.0 - 1) ** 2 + 3 * 2.0**2
    assert abs(got["kernel_distance"] - exact) < 4 * got["kernel_distance_se"]


# What must not matter


@pytest.mark.parametrize("name", CALLS)
def test_invariances(name):
    x, y = gaussian(120, 6, 1), gaussian(90, 6, 2, shift=0.3)
    call, rng = CALLS[name], np.random.default_rng(0)
    got = call(x, y)
    turn = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    for other in (
        call(rng.permutation(x), rng.permutation(y)),
        call(x @ turn, y @ turn),
        call(np.asfortranarray(x), y.tolist()),
        call(x, y, n_jobs=3),
    ):
        assert dict(other) == pytest.approx(dict(got), rel=1e-9)
    if name != "kernel_distance" and name != "cmmd":
        assert dict(call(x + 1e4, y + 1e4)) == pytest.approx(dict(got), rel=1e-7)
    if name == "mmd":
        scaled = call(x * 2.0**70, y * 2.0**70)
        assert scaled["mmd2"] == got["mmd2"]
        assert scaled["mmd_bandwidth"] == got["mmd_bandwidth"] * 2.0**70
    if "energy" in name:
        assert first(call(x * 2.0**70, y * 2.0**70)) == first(got) * 2.0**70
    if name != "mmd":  # its bandwidth comes from the reals
        assert first(call(y, x)) == pytest.approx(first(got), rel=1e-10)


@pytest.mark.parametrize("name", CALLS)
def test_float32_is_its_float64_copy_and_threads_change_no_bit(name):
    x, y = gaussian(600, 6, 1, np.float32), gaussian(530, 6, 2, np.float32, shift=0.3)
    got = CALLS[name](x, y, n_jobs=1)
    assert got == CALLS[name](x.astype(np.float64), y.astype(np.float64), n_jobs=1)
    assert got == CALLS[name](x, y, n_jobs=4)


@pytest.mark.parametrize("name", CALLS)
def test_evaluate_equals_the_call(name):
    x, y = gaussian(50, 3, 1), gaussian(40, 3, 2)
    if name in ("cmmd", "unbiased energy"):
        return  # an option that evaluate does not have
    alone = CALLS[name](x, y)
    together = fidiv.evaluate(x, y, metrics=[name])
    for key, value in alone.items():
        assert together[key] == value, key
    main = next(iter(alone))
    expected = alone.get("expected_" + main, 0.0)
    assert together.expected[main] == expected


# Input that is no use


def test_collapsed_fakes():
    """All fakes one point, many times: fast, and right."""
    x, y = gaussian(400, 20, 1), np.repeat(gaussian(1, 20, 2), 700, axis=0)
    assert fidiv.energy_distance(x, y)["energy_distance"] == pytest.approx(oracle.energy(x, y), rel=1e-11)
    got = fidiv.mmd(x, y, bandwidth=5.0)["mmd2"]
    whole = grams(lambda a, b: oracle.gaussian(a, b, 5.0), x, y)
    assert got == pytest.approx(oracle.mmd2_unbiased(*whole), rel=1e-10)


def test_all_points_equal():
    x, y = np.full((5, 3), 0.1), np.full((4, 3), 0.1)
    assert dict(fidiv.energy_distance(x, y)) == {"energy_distance": 0.0, "expected_energy_distance": 0.0}
    assert dict(fidiv.kernel_distance(x, y)) == pytest.approx(
        {"kernel_distance": 0.0, "kernel_distance_se": 0.0}, abs=1e-15
    )
    with pytest.raises(ValueError, match=r"median distance between reals is 0.*name one"):
        fidiv.mmd(x, y)
    assert fidiv.mmd(x, y, bandwidth=1.0)["mmd2"] == 0.0
    together = fidiv.evaluate(x, y, metrics=["mmd", "energy_distance"])
    assert math.isnan(together["mmd2"])
    assert "median distance" in together.undefined["mmd2"]
    assert together["energy_distance"] == 0.0


def test_a_lattice_with_median_zero():
    x = np.concatenate([np.zeros((20, 2)), lattice(5, 2, 1) + 1])
    with pytest.raises(ValueError, match="median distance between reals is 0"):
        fidiv.mmd(x, x)


def test_kernels_beyond_float64():
    """Distances of such points are numbers; their cubes are not, or their sums are not."""
    for size in (1e60, 2e51):
        x, y = gaussian(50, 3, 1, scale=size), gaussian(40, 3, 2, scale=size)
        if size > 1e55:
            with pytest.raises(ValueError, match=r"kernel_distance has no value.*overflows float64"):
                fidiv.kernel_distance(x, y)
            with pytest.raises(ValueError, match="overflows float64"):
                fidiv.kernel_distance(x, y, estimator="subsets", subsets=1, subset_size=20)
        assert math.isfinite(fidiv.energy_distance(x, y)["energy_distance"])
        assert math.isfinite(fidiv.mmd(x, y)["mmd2"])
    # Values near 1e180, whose squares overflow: the standard error is a number still.
    x, y = gaussian(50, 3, 1, scale=1e30), gaussian(40, 3, 2, scale=1e30)
    got, small = fidiv.kernel_distance(x, y), fidiv.kernel_distance(x / 1e25, y / 1e25)
    assert got["kernel_distance_se"] == pytest.approx(small["kernel_distance_se"] * 1e150, rel=1e-6)


@pytest.mark.parametrize("name", ["kernel_distance", "mmd", "unbiased energy"])
def test_too_few_points(name):
    two, one = gaussian(2, 1, 1), gaussian(1, 1, 2)
    CALLS[name](two, two + 1)
    with pytest.raises(ValueError, match="at least 2 points in fake_features, which has 1"):
        CALLS[name](two, one)
    with pytest.raises(ValueError, match="at least 2 points in real_features, which has 1"):
        CALLS[name](one, two)


def test_cmmd_of_one_point_each():
    got = fidiv.mmd([[0.5]], [[-2.0]], bandwidth="cmmd")
    assert got["mmd2"] == pytest.approx(1000 * 2 * (1 - math.exp(-0.02)), rel=1e-12)
    assert math.isnan(got["mmd2_se"])
    with pytest.raises(ValueError, match="fake_features has the zero vector at row 1"):
        fidiv.mmd([[1.0, 0.0]], [[0.0, 2.0], [0.0, 0.0]], bandwidth="cmmd")


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"kernel": "gaussian"}, ValueError, "kernel must be \"polynomial\", got 'gaussian'.*fidiv.mmd"),
        ({"kernel": 3}, TypeError, 'kernel must be "polynomial"'),
        ({"estimator": "all"}, ValueError, 'estimator must be "full" or "subsets"'),
        ({"degree": 0}, ValueError, "degree"),
        ({"degree": 2.5}, TypeError, "degree must be an integer"),
        ({"gamma": "auto"}, TypeError, "gamma must be a number"),
        ({"coef0": math.nan}, ValueError, "coef0 must be a number"),
        ({"subset_size": 1}, ValueError, "subset_size"),
        ({"subsets": 0}, ValueError, "subsets"),
        ({"seed": -1}, ValueError, "seed"),
        ({"estimator": "subsets", "seed": 2**32}, ValueError, "seed"),
        ({"estimator": "subsets"}, ValueError, "subset_size=1000 needs as many points in real_features.* 20"),
        ({"estimator": "subsets", "subset_size": 16}, ValueError, "fake_features, which has 15"),
    ],
)
def test_wrong_options_of_the_kernel_distance(options, error, words):
    with pytest.raises(error, match=words):
        fidiv.kernel_distance(gaussian(20, 3, 1), gaussian(15, 3, 2), **options)


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("mean", ValueError),
        (0.0, ValueError),
        (-1, ValueError),
        (math.nan, ValueError),
        (None, TypeError),
        (10**400, ValueError),
    ],
)
def test_wrong_bandwidths(value, error):
    with pytest.raises(error, match="bandwidth must be"):
        fidiv.mmd(gaussian(20, 3, 1), gaussian(15, 3, 2), bandwidth=value)


def test_unbiased_is_a_flag():
    with pytest.raises(TypeError, match="unbiased must be True or False"):
        fidiv.energy_distance(gaussian(20, 3, 1), gaussian(15, 3, 2), unbiased=1)
