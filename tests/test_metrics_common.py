"""What holds for every metric of the registry: bounds, invariances, one answer for all ways of asking."""

from __future__ import annotations

import math
import warnings
from functools import cache

import numpy as np
import pytest
from factories import ADVERSARIES, adversaries, gaussian, lattice, point_sets
from hypothesis import given

import fidiv
from fidiv.metrics import FAMILIES, KEYS, available

# Through the linear algebra of SciPy, whose last digits are its own; each has a file with its invariances.
MOMENTS = ("frechet_distance", "frechet_influence", "frechet_distance_infinity")
# Their k-means starts from rows by their number, so that another order of the rows is another clustering.
CLUSTERS = ("prd", "divergence_frontier", "data_copying_test")
WITH_HOLDOUT = ("data_copying_test", "closest_record")
# Sums over all pairs through the products of BLAS, or over random directions.
SUMS = ("kernel_distance", "mmd", "energy_distance", "sliced_wasserstein")
NEIGHBOURS = [name for name in FAMILIES if name not in (*CLUSTERS, *MOMENTS, *SUMS)]
# They multiply logarithms of lengths by the number of columns, rounded.
DIMENSIONAL = ("cross_entropies", "divergences")
# Values and samples that are lengths, or logarithms of lengths times the dimension.
LENGTHS = ("rarity", "dcr_median", "nearest_real_distance", "nearest_holdout_distance")


def holdout_of(x):
    """A holdout set that goes wherever x goes: midpoints of some pairs of its rows."""
    x = np.asarray(x)
    return (x[: len(x) // 2 * 2 : 2] + x[1::2]) / 2


def call(family):
    """The call of a family; one that compares with a holdout set gets that of the reals."""

    def with_holdout(x, y, holdout=None, **keywords):
        holdout = holdout_of(x) if holdout is None else holdout
        return getattr(fidiv, family)(x, y, holdout_features=holdout, **keywords)

    return with_holdout if family in WITH_HOLDOUT else getattr(fidiv, family)


def named(family, key):
    """What `evaluate` calls a key of the family."""
    return FAMILIES[family].prefix + key


def threads(family, n_jobs):
    """The keyword, for the calls that work on our threads."""
    return {} if family in MOMENTS else {"n_jobs": n_jobs}


def values_of(result):
    return {key: float(value).hex() for key, value in result.items()}


def assert_same_bits(one, other):
    assert values_of(one) == values_of(other)
    assert one.samples.keys() == other.samples.keys()
    for name in one.samples:
        np.testing.assert_array_equal(one.samples[name], other.samples[name], err_msg=name, strict=True)


# The registry


def test_every_family_has_a_call_and_every_key_a_family():
    assert list(FAMILIES) == [
        "precision_recall",
        "density_coverage",
        "precision_recall_cover",
        "cross_entropies",
        "divergences",
        "copies",
        *MOMENTS,
        "prd",
        "rarity",
        "probabilistic_precision_recall",
        "symmetric_precision_recall",
        "clipped_density_coverage",
        "alpha_precision",
        "authenticity",
        "data_copying_test",
        "closest_record",
        "divergence_frontier",
        "pr_curve",
        "kernel_distance",
        "mmd",
        "energy_distance",
        "sliced_wasserstein",
    ]
    for name, family in FAMILIES.items():
        assert callable(call(name))
        assert name in fidiv.__all__
        assert family.name == name
        for key in family.keys:
            assert KEYS[named(name, key.name)].meaning == key.meaning
            assert key.family == name
    assert set(available()) == set(FAMILIES) | set(KEYS)
    assert len(available()) == len(set(available()))


@pytest.mark.parametrize("name", KEYS)
def test_what_is_known_of_a_key(name):
    key = KEYS[name]
    low, high = key.bounds
    assert key.name == name
    assert low < high
    assert key.direction in ("higher", "lower", "one", "zero", None)
    assert key.meaning
    assert "\n" not in key.meaning
    if isinstance(key.expected, str):
        assert KEYS[key.expected].family == key.family
    elif key.expected is not None:
        assert low <= key.expected <= high
    if key.direction == "one":
        assert low < 1 < high
    if key.direction == "zero":
        assert low < 0 < high


@pytest.mark.parametrize("family", FAMILIES)
def test_a_call_gives_its_keys_in_order_as_plain_floats(family):
    result = call(family)(gaussian(60, 3, 1), gaussian(50, 3, 2))
    assert list(result) == [key.name for key in FAMILIES[family].keys]
    assert all(type(value) is float for value in result.values())
    for key in result:
        assert getattr(result, key) == result[key]


# evaluate is the single calls


@cache
def everything():
    x, y = gaussian(300, 9, 1, np.float32), gaussian(280, 9, 2, np.float32, shift=0.3)
    return x, y, fidiv.evaluate(x, y, metrics="all", holdout_features=holdout_of(x))


@pytest.mark.parametrize("family", FAMILIES)
def test_evaluate_equals_the_call(family):
    x, y, together = everything()
    alone = call(family)(x, y)
    for key in alone:
        assert together[named(family, key)].hex() == alone[key].hex(), key
    for name in alone.samples:
        np.testing.assert_array_equal(together.samples[name], alone.samples[name], err_msg=name, strict=True)
    only = fidiv.evaluate(x, y, metrics=[family], holdout_features=holdout_of(x))
    if family != "frechet_distance":  # its key has its name, and alone it is the key
        assert list(only) == [named(family, key) for key in alone]
    for key in only:
        assert only[key].hex() == alone[key.removeprefix(FAMILIES[family].prefix)].hex(), key


def test_samples_of_one_name_are_one_thing():
    """`evaluate` keeps one array of a name: families that share it must mean the same."""
    x, y, together = everything()
    for family in FAMILIES:
        for name, array in call(family)(x, y).samples.items():
            np.testing.assert_array_equal(together.samples[name], array, err_msg=name, strict=True)


@pytest.mark.parametrize("family", [name for name in FAMILIES if "nearest_k" in FAMILIES[name].defaults])
def test_evaluate_with_another_k_equals_the_call_with_it(family):
    x, y = lattice(90, 7, 1, side=40), lattice(80, 7, 2, side=40)
    with_k = [name for name in FAMILIES if "nearest_k" in FAMILIES[name].defaults]
    together, alone = fidiv.evaluate(x, y, metrics=with_k, nearest_k=8), call(family)(x, y, nearest_k=8)
    for key in alone:
        assert together[named(family, key)].hex() == alone[key].hex(), key


def test_seed_reaches_prd():
    x, y = gaussian(150, 4, 1), gaussian(140, 4, 2)
    assert fidiv.evaluate(x, y, metrics="prd", seed=5)["auc"] == fidiv.prd(x, y, seed=5)["auc"]
    assert fidiv.evaluate(x, y, metrics="prd", seed=5)["auc"] != fidiv.prd(x, y, seed=6)["auc"]


# Bounds


@pytest.mark.parametrize("name", ADVERSARIES)
def test_bounds_on_adversaries(name):
    x, y = adversaries(9)[name]
    check_bounds(fidiv.evaluate(x, y, metrics="all"))
    check_bounds(fidiv.evaluate(y, x, metrics="all", nearest_k=1))


def check_bounds(result):
    for key, value in result.items():
        low, high = KEYS[key].bounds
        assert math.isnan(value) or low <= value <= high, (key, value)
        if math.isnan(value):
            assert any(key in note for note in result.notes), key
    for key, value in result.expected.items():
        assert KEYS[key].bounds[0] <= value <= KEYS[key].bounds[1]


@given(point_sets(max_rows=30, max_columns=5, min_rows=1))
def test_evaluate_answers_on_anything(sets):
    """Whatever the rows are: numbers in their bounds, or NaN with a reason; never an exception."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # some look transposed
        check_bounds(fidiv.evaluate(*sets, metrics="all"))


# What must not matter


@pytest.mark.parametrize("family", FAMILIES)
def test_threads_and_kernels_change_no_bit(family, kernel, monkeypatch):
    x, y = gaussian(500, 21, 1, np.float32), gaussian(460, 21, 2)
    forced = call(family)(x, y, **threads(family, 1))
    if family in NEIGHBOURS:
        assert forced.settings["kernel"] == kernel
    monkeypatch.setenv("FIDIV_KERNEL", "portable")
    assert_same_bits(forced, call(family)(x, y, **threads(family, 3)))


@pytest.mark.parametrize("family", FAMILIES)
def test_float32_is_its_float64_copy(family):
    x, y = gaussian(150, 21, 1, np.float32), gaussian(140, 21, 2, np.float32)
    with_holdout = [{}, {}]
    if family in WITH_HOLDOUT:
        with_holdout = [{"holdout": holdout_of(x)}, {"holdout": holdout_of(x).astype(np.float64)}]
    one = call(family)(x, y, **with_holdout[0])
    other = call(family)(x.astype(np.float64), y.astype(np.float64), **with_holdout[1])
    if family in MOMENTS:
        assert dict(one) == pytest.approx(dict(other), rel=1e-10)
    else:
        assert_same_bits(one, other)


@pytest.mark.parametrize("family", FAMILIES)
def test_layout_changes_no_bit(family):
    x, y = gaussian(150, 21, 1), gaussian(140, 21, 2)
    plain = call(family)(x, y)
    assert_same_bits(plain, call(family)(np.asfortranarray(x), y[::-1].copy()[::-1]))
    assert_same_bits(plain, call(family)(x.tolist(), y.astype(">f8")))


@pytest.mark.parametrize("family", NEIGHBOURS)
def test_order_of_rows_changes_no_bit(family):
    x, y = gaussian(150, 6, 1), gaussian(140, 6, 2, shift=0.3)
    y[5:9] = x[10:14]
    rng = np.random.default_rng(0)
    p, q = rng.permutation(150), rng.permutation(140)
    holdout = {"holdout": holdout_of(x)} if family in WITH_HOLDOUT else {}
    one, other = call(family)(x, y, **holdout), call(family)(x[p], y[q], **holdout)
    assert values_of(one) == values_of(other)
    for name, array in one.samples.items():
        if name in ("nearest_real", "copy_of"):
            continue  # an index of the permuted set
        np.testing.assert_array_equal(
            other.samples[name], array[p] if len(array) == 150 else array[q], err_msg=name
        )


def test_order_of_rows_and_the_frechet_distance():
    x, y = gaussian(150, 6, 1), gaussian(140, 6, 2, shift=0.3)
    assert fidiv.frechet_distance(x[::-1], y[::-1])["frechet_distance"] == pytest.approx(
        fidiv.frechet_distance(x, y)["frechet_distance"], rel=1e-10
    )


@pytest.mark.parametrize("family", NEIGHBOURS)
@pytest.mark.parametrize("power", [-40, 40])
def test_scale(family, power):
    """A power of two scales all distances exactly; only the entropies themselves move, by d ln s."""
    x, y = gaussian(150, 6, 1), gaussian(140, 6, 2, shift=0.3)
    s = 2.0**power
    one, other = call(family)(x, y), call(family)(s * x, s * y)
    for key in one:
        moves = 6 * math.log(s) if key in ("real_entropy", "fake_entropy") else 0.0
        if family in DIMENSIONAL:
            assert other[key] == pytest.approx(one[key] + moves, rel=1e-12, abs=1e-11), key
        else:
            assert other[key].hex() == ((s if key in LENGTHS else 1.0) * one[key]).hex(), key
    for name, array in one.samples.items():
        factor = s if name in LENGTHS else 1.0
        if family in DIMENSIONAL:
            np.testing.assert_allclose(other.samples[name], array, rtol=1e-11, atol=1e-10, err_msg=name)
        else:
            np.testing.assert_array_equal(other.samples[name], factor * array, err_msg=name)


def test_scale_and_the_frechet_distance():
    x, y = gaussian(150, 6, 1), gaussian(140, 6, 2, shift=0.3)
    for s in (2.0**-40, 3.0, 2.0**40):
        assert fidiv.frechet_distance(s * x, s * y)["frechet_distance"] == pytest.approx(
            s**2 * fidiv.frechet_distance(x, y)["frechet_distance"], rel=1e-10
        )


@pytest.mark.parametrize("family", [*NEIGHBOURS, "frechet_distance"])
def test_isometries(family):
    """Rotated, moved and laid into a larger space: distances stay up to rounding, and so do the metrics."""
    x, y = gaussian(150, 6, 1), gaussian(140, 6, 2, shift=0.3)
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(11, 6)))[0].T
    one, other = call(family)(x, y), call(family)(x @ rotation + 3.0, y @ rotation + 3.0)
    for key in one:
        if family in DIMENSIONAL and key not in (
            "pce_ratio",
            "rce_ratio",
            "re_ratio",
            "intrinsic_dimension",
        ):
            continue  # d is now 11
        assert other[key] == pytest.approx(one[key], rel=1e-8, abs=1e-8), key


@pytest.mark.parametrize("family", [*NEIGHBOURS, "prd"])
def test_signs_of_columns_change_no_bit(family):
    x, y = gaussian(150, 6, 1), gaussian(140, 6, 2, shift=0.3)
    signs = np.array([1, -1, -1, 1, -1, 1.0])
    assert_same_bits(call(family)(x, y), call(family)(x * signs, y * signs))


@pytest.mark.parametrize("family", [*NEIGHBOURS, "prd"])
def test_constant_columns_change_no_bit(family):
    """Differences of equal values are 0. (The dimension of the entropies is another matter.)"""
    x, y = gaussian(150, 6, 1), gaussian(140, 6, 2, shift=0.3)
    wide_x, wide_y = (np.hstack([z, np.full((len(z), 5), 7.25)]) for z in (x, y))
    one, other = call(family)(x, y), call(family)(wide_x, wide_y)
    for key in one:
        if family in DIMENSIONAL and key not in (
            "pce_ratio",
            "rce_ratio",
            "re_ratio",
            "intrinsic_dimension",
        ):
            continue
        assert one[key].hex() == other[key].hex(), key


# Results


@pytest.mark.parametrize("family", FAMILIES)
def test_samples_are_one_entry_a_point_and_read_only(family):
    n, m = 70, 60
    result = call(family)(gaussian(n, 3, 1), gaussian(m, 3, 2))
    for name, array in result.samples.items():
        assert array.shape in ((n,), (m,)), name
        assert not array.flags.writeable, name
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@pytest.mark.parametrize("family", FAMILIES)
def test_settings_tell_what_made_the_numbers(family):
    x, y = gaussian(70, 3, 1), gaussian(60, 3, 2)
    settings = call(family)(x, y).settings
    assert (settings["n"], settings["m"], settings["d"]) == (70, 60, 3)
    assert settings["version"] == fidiv.__version__
    for option, value in FAMILIES[family].defaults.items():
        assert settings[option] == value
    if family in NEIGHBOURS:
        assert settings["kernel"] in fidiv.show_config()["kernels"]
        assert settings["pairs"] >= 70 * 60
        assert 0 <= settings["settled"] <= settings["pairs"]


@pytest.mark.parametrize("family", FAMILIES)
def test_how_the_machine_did_it_is_no_part_of_equality(family, monkeypatch):
    x, y = gaussian(300, 12, 1), gaussian(290, 12, 2)
    one = call(family)(x, y, **threads(family, 1))
    monkeypatch.setenv("FIDIV_KERNEL", "portable")
    assert one == call(family)(x, y, **threads(family, 2))
    assert one != call(family)(x, x[:290] + (0.0 if family == "copies" else 50.0))


@pytest.mark.parametrize("family", FAMILIES)
def test_inputs_are_not_changed(family):
    x, y = gaussian(70, 3, 1), gaussian(60, 3, 2)
    before = x.copy(), y.copy()
    call(family)(x, y)
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(y, before[1])
