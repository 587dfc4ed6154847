"""Comparisons of models: differences, ties, runs, and the frontier of a sweep."""

from __future__ import annotations

import copy
import json
import math
import pickle

import numpy as np
import pytest
from factories import gaussian
from hypothesis import given
from hypothesis import strategies as st
from judged import draws, found, judge
from oracle import compare as oracle
from scipy import stats

import fidiv
from fidiv import _compare, _judge


def of_terms(key, terms, **more):
    return found({key: float(np.mean(terms))}, terms={key: terms}, **more)


def of_halves(key, value, halves, **more):
    return found({key: value}, halves={key: halves}, **more)


# ------------------------------------------------------------------------------------------------ differences
def test_a_difference_of_means_is_a_paired_test_of_the_terms():
    a, b = draws(1, 50, 0.2), draws(2, 50)
    (pair,) = judge("pce", a=of_terms("pce", a), b=of_terms("pce", b)).pairs
    difference, error, freedom = oracle.paired(a, b)
    assert pair.difference == pytest.approx(difference, rel=1e-13)
    assert (pair.error, pair.freedom) == (pytest.approx(error, rel=1e-13), freedom)
    assert pair.p_value == pytest.approx(stats.ttest_rel(a, b).pvalue, rel=1e-10)
    low, high = stats.ttest_rel(a, b).confidence_interval(0.95)
    assert (pair.low, pair.high) == (pytest.approx(low, rel=1e-10), pytest.approx(high, rel=1e-10))


def test_what_two_models_have_in_common_cancels():
    common = draws(1, 200, scale=5)
    a, b = common + draws(2, 200, 0.1, 0.1), common + draws(3, 200, 0.0, 0.1)
    assert judge("pce", a=of_terms("pce", a), b=of_terms("pce", b)).tied == ("b",)
    assert judge("pce", a=of_terms("pce", a), b=of_terms("pce", b[::-1])).tied == ("b", "a")
    halves = draws(4, scale=0.5)
    a = of_halves("recall", 0.8, 0.75 + halves)
    b = of_halves("recall", 0.7, 0.65 + halves + draws(5, scale=0.01))
    assert judge("recall", a=a, b=b).tied == ("a",)
    b = of_halves("recall", 0.7, 0.65 + halves[::-1])
    assert judge("recall", a=a, b=b).tied == ("a", "b")


def test_a_difference_of_shares():
    rng = np.random.default_rng(0)
    a, b = (rng.random(80) < 0.9), (rng.random(80) < 0.6)
    (pair,) = judge("precision", a=of_terms("precision", a), b=of_terms("precision", b)).pairs
    difference, error, freedom = oracle.paired_shares(a, b)
    assert (pair.difference, pair.error) == (pytest.approx(difference), pytest.approx(error, rel=1e-13))
    assert pair.freedom == freedom


def test_shares_in_percent_are_shares():
    rng = np.random.default_rng(0)
    a, b = (rng.random(80) < 0.9), (rng.random(80) < 0.6)
    (pair,) = judge("authpct", a=of_terms("authpct", 100.0 * a), b=of_terms("authpct", 100.0 * b)).pairs
    _, error, _ = oracle.paired_shares(a, b)
    assert pair.error == pytest.approx(100 * error, rel=1e-13)
    (pair,) = judge("authpct", a=of_terms("authpct", 100.0 * a), b=of_terms("authpct", 100.0 * b[:70])).pairs
    parts = [(x.sum() + 1) / (len(x) + 2) for x in (a, b[:70])]
    sizes = (82, 72)
    error = math.sqrt(sum(p * (1 - p) / size for p, size in zip(parts, sizes, strict=True)))
    assert pair.error == pytest.approx(100 * error, rel=1e-13)


def test_no_copy_in_either_set_is_not_equal_without_doubt():
    none = np.zeros(100)
    judged = judge("exact_copies", a=of_terms("exact_copies", none), b=of_terms("exact_copies", none))
    (pair,) = judged.pairs
    assert (pair.difference, pair.p_value, judged.tied) == (0.0, 1.0, ("a", "b"))
    assert -0.05 < pair.low < -0.01 < 0.01 < pair.high < 0.05
    assert 0.02 < pair.detectable < 0.06


def test_half_samples_that_do_not_move_say_nothing():
    still = of_halves("recall", 1.0, np.ones(20))
    judged = judge("recall", a=still, b=still)
    (pair,) = judged.pairs
    assert (judged.best, judged.tied, pair.p_value) == ("a", ("a", "b"), 1.0)
    assert math.isnan(pair.detectable)
    assert math.isnan(judged.detectable)
    assert math.isnan(pair.low)
    judged = judge("recall", a=still, b=of_halves("recall", 0.9, np.full(20, 0.9)))
    assert (judged.best, judged.tied) == (None, ())
    assert "noise cannot be seen" in judged.reason


def test_half_samples_say_how_wide_and_the_full_value_where():
    a, b = draws(1, shift=0.7, scale=0.01), draws(2, shift=0.6, scale=0.01)
    (pair,) = judge("recall", a=of_halves("recall", 0.9, a), b=of_halves("recall", 0.85, b)).pairs
    assert pair.difference == pytest.approx(0.05)
    assert pair.error == pytest.approx(np.std(a - b, ddof=1), rel=1e-13)
    assert pair.freedom == 19
    reach = stats.t.ppf(0.975, 19) * pair.error
    assert (pair.low, pair.high) == (pytest.approx(0.05 - reach), pytest.approx(0.05 + reach))


def test_what_could_have_been_seen_is_seen_four_times_in_five():
    pairs = judge(
        "recall", **{name: of_halves("recall", 0.5, draws(i, scale=0.01)) for i, name in enumerate("abc")}
    ).pairs
    for pair in pairs:
        quantiles = stats.t.ppf(1 - 0.05 / (2 * 3), 19) + stats.t.ppf(0.8, 19)
        assert pair.detectable == pytest.approx(quantiles * pair.error, rel=1e-10)
    rng = np.random.default_rng(0)
    error = 0.1
    seen = rng.normal(size=100_000) * error + (stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) * error
    assert np.mean(np.abs(seen) > stats.norm.ppf(0.975) * error) == pytest.approx(0.8, abs=0.01)


# -------------------------------------------------------------------------------------------- which is better
@pytest.mark.parametrize(
    ("key", "values", "best"),
    [
        ("recall", (0.5, 0.9, 0.7), "b"),
        ("frechet_distance", (0.5, 0.9, 0.7), "a"),
        ("density", (1.3, 0.6, 0.9), "c"),
        ("re", (-0.3, 0.2, 0.5), "b"),
        ("re", (0.0, 0.2, -0.5), "a"),
    ],
)
def test_the_best_follows_the_direction_of_the_metric(key, values, best):
    models = {
        name: of_halves(key, value, value + draws(i, scale=0.001))
        for i, (name, value) in enumerate(zip("abc", values, strict=True))
    }
    judged = judge(key, **models)
    assert (judged.best, judged.tied) == (best, (best,))
    direction = fidiv.metrics.KEYS[key].direction
    for pair in judged.pairs:
        if best in pair:
            assert _judge.first_is_better(pair, direction) == (pair.first == best)


def test_where_zero_is_best_distances_from_it_are_compared():
    a, b = draws(1, shift=0.4, scale=0.01), draws(2, shift=-0.4, scale=0.01)
    judged = judge("re", a=of_halves("re", 0.4, a), b=of_halves("re", -0.41, b))
    (pair,) = judged.pairs
    assert pair.difference == pytest.approx(-0.01)  # far from equal, but equally far from 0
    assert pair.error == pytest.approx(np.std(a + b, ddof=1), rel=1e-13)
    assert judged.tied == ("a", "b")


def test_a_value_on_the_target_takes_the_side_of_the_other():
    a, b = draws(1, scale=0.01), draws(2, scale=0.01)
    for value in (0.3, -0.3):
        (pair,) = judge("re", a=of_halves("re", 0.0, a), b=of_halves("re", value, value + b)).pairs
        assert pair.difference == pytest.approx(-0.3)
        assert pair.error == pytest.approx(np.std(a - b, ddof=1), rel=1e-10)


def test_equal_values_are_tied_and_the_first_is_named():
    judged = judge("recall", a=of_halves("recall", 0.5, draws(1)), b=of_halves("recall", 0.5, draws(2)))
    assert (judged.best, judged.tied) == ("a", ("a", "b"))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_equals_the_oracle(p_values):
    adjusted = _judge.holm(p_values)
    assert adjusted == pytest.approx(oracle.holm(p_values), rel=1e-14, abs=1e-300)
    assert all(p <= q <= 1 for p, q in zip(p_values, adjusted, strict=True))


def test_holm_is_over_all_pairs():
    # One pair alone would be told apart; among six pairs it is not.
    terms = {name: draws(i, 100) for i, name in enumerate("abcd")}
    a = terms["a"] - terms["a"].mean()
    b = a + draws(9, 100) - draws(9, 100).mean() + 0.22
    two = judge("pce", a=of_terms("pce", a), b=of_terms("pce", b))
    assert 0.01 < two.pairs[0].p_value < 0.05
    assert two.tied == ("a",)
    middle = (a + b) / 2
    more = {"c": of_terms("pce", middle + draws(5, 100)), "d": of_terms("pce", middle + draws(6, 100))}
    four = judge("pce", a=of_terms("pce", a), b=of_terms("pce", b), **more)
    assert four.pairs[0].p_value == two.pairs[0].p_value
    assert four.pairs[0].adjusted_p_value > 0.05


# ------------------------------------------------------------------------------------ what cannot be compared
def test_sets_of_unequal_sizes_are_compared_by_terms_only():
    a, b = draws(1, 50), draws(2, 80)
    (pair,) = judge("pce", a=of_terms("pce", a), b=of_terms("pce", b)).pairs
    assert pair.p_value == pytest.approx(stats.ttest_ind(a, b, equal_var=False).pvalue, rel=1e-10)
    judged = judge(
        "recall", a=of_halves("recall", 0.5, draws(1), m=50), b=of_halves("recall", 0.6, draws(2), m=80)
    )
    assert judged.best is None
    assert judged.reason == "it depends on the number of fakes (50, 80)"
    assert math.isnan(judged.pairs[0].p_value)


def test_an_undefined_model_is_left_out():
    models = {name: of_halves("re", 0.1 * i, draws(i, scale=0.01)) for i, name in enumerate("ab", 1)}
    judged = judge("re", **models, c=found({"re": math.nan}))
    assert (judged.best, judged.tied) == ("a", ("a", "b")) or judged.tied == ("a",)
    assert "c" not in judged.tied
    assert [pair.reason for pair in judged.pairs if "c" in pair] == ["it is undefined"] * 2
    judged = judge("re", a=found({"re": math.nan}), b=found({"re": math.nan}))
    assert (judged.best, judged.reason) == (None, "it is undefined")


def test_a_reason_is_passed_on():
    judged = judge(
        "re",
        a=found({"re": 0.5}, re="a zero distance"),
        b=of_halves("re", 0.6, draws(1)),
        c=found({"re": 0.1}),
    )
    assert judged.best is None
    assert judged.pairs[0].reason == "a zero distance"
    assert judged.pairs[2].reason == "it is undefined on some half of the fakes"


# ------------------------------------------------------------------------------------------------------- runs
def test_the_spread_of_runs_is_noise():
    values = {"a": [0.70, 0.74, 0.72], "b": [0.60, 0.58, 0.65]}
    models = {
        name: [of_halves("recall", value, draws(i, scale=1e-4)) for i, value in enumerate(runs)]
        for name, runs in values.items()
    }
    (pair,) = judge("recall", **models).pairs
    pooled = (np.var(values["a"], ddof=1) + np.var(values["b"], ddof=1)) / 2
    assert pair.difference == pytest.approx(np.mean(values["a"]) - np.mean(values["b"]))
    assert pair.error == pytest.approx(math.sqrt(pooled * 2 / 3), rel=1e-12)
    assert pair.p_value == pytest.approx(stats.ttest_ind(values["a"], values["b"]).pvalue, rel=1e-10)


def test_the_noise_of_the_fakes_is_the_least_there_is():
    halves = draws(1, scale=0.3)
    a = [of_halves("recall", value, value + halves) for value in (0.700, 0.7001)]
    b = [of_halves("recall", value, value - halves) for value in (0.600, 0.6001)]
    (pair,) = judge("recall", a=a, b=b).pairs
    assert pair.error == pytest.approx(np.std(2 * halves, ddof=1), rel=1e-10)
    assert pair.freedom == 2


def test_a_training_against_one_set_of_weights():
    a = [of_halves("recall", value, draws(i, scale=1e-4)) for i, value in enumerate((0.70, 0.74, 0.72))]
    halves = draws(7, scale=0.01)
    (pair,) = judge("recall", a=a, b=of_halves("recall", 0.6, halves)).pairs
    error, freedom = oracle.welch(np.var([0.70, 0.74, 0.72], ddof=1) / 3, 2, np.var(halves, ddof=1), 19)
    assert (pair.error, pair.freedom) == (pytest.approx(error, rel=1e-12), pytest.approx(freedom, rel=1e-12))


def test_runs_of_others_do_not_touch_two_single_models():
    a, b = of_halves("recall", 0.7, draws(1)), of_halves("recall", 0.6, draws(2))
    alone = judge("recall", a=a, b=b).pairs[0]
    beside = judge("recall", a=a, b=b, c=[a, b]).pairs[0]
    assert (beside.error, beside.freedom, beside.p_value) == (alone.error, alone.freedom, alone.p_value)


def test_runs_that_are_equal_are_one():
    terms = draws(1, 60)
    one, other = of_terms("pce", terms), of_terms("pce", draws(2, 60))
    single = judge("pce", a=one, b=other).pairs[0]
    double = judge("pce", a=[one, one], b=[other, other]).pairs[0]
    assert double.difference == pytest.approx(single.difference)
    assert double.error == pytest.approx(single.error, rel=1e-12)
    assert double.freedom == 2


# -------------------------------------------------------------------------------------------------- the table
def models():
    rng = np.random.default_rng(0)
    real, a, b = rng.normal(size=(3, 150, 3))
    return real, {"a": a, "b": b, "narrow": 0.4 * rng.normal(size=(150, 3))}


KEYS = ["precision", "recall", "density", "pce", "exact_copies"]


@pytest.fixture(scope="module")
def comparison():
    return fidiv.compare(*models(), metrics=KEYS)


def test_values_are_those_of_evaluate(comparison):
    real, fakes = models()
    for name, fake in fakes.items():
        alone = fidiv.evaluate(real, fake, metrics=KEYS)
        assert {key: comparison[key][name] for key in comparison} == dict(alone)
        assert comparison.evaluations[name][0].to_dict() == alone.to_dict()
        for key in comparison:
            low, high = comparison.intervals[key][name]
            assert low <= comparison[key][name] <= high


def test_a_worse_model_is_told_from_the_others(comparison):
    assert comparison.best["recall"] in ("a", "b")
    assert set(comparison.tied["recall"]) == {"a", "b"}
    assert comparison.best["pce"] == "narrow"  # in the middle of the reals, at little diversity
    rows = [row for row in comparison.pairs if row["metric"] == "recall"]
    assert [(row["first"], row["second"]) for row in rows] == [("a", "b"), ("a", "narrow"), ("b", "narrow")]
    assert [row["verdict"] for row in rows] == ["tied", "a is better", "b is better"]
    assert {row["of"] for row in comparison.pairs if row["metric"] == "density"} == {"distance from 1"}


def test_the_same_again_and_in_another_order(comparison):
    real, fakes = models()
    assert fidiv.compare(real, fakes, metrics=KEYS, n_jobs=1) == comparison
    turned = fidiv.compare(real, dict(reversed(fakes.items())), metrics=KEYS)
    for key in KEYS:
        assert set(turned.tied[key]) == set(comparison.tied[key])
        assert turned.detectable[key] == pytest.approx(comparison.detectable[key], rel=1e-9)
        assert turned.intervals[key] == dict(comparison.intervals[key])


def test_a_table_for_reading(comparison):
    lines = comparison.summary().splitlines()
    assert lines[0] == "3 models against the same 150 real points in 3 dimensions, 150 fakes each"
    assert lines[2].split() == ["metric", "a", "b", "narrow", "better", "could", "see"]
    row = next(line for line in lines if line.startswith("recall "))
    assert row.count("*") == 1
    assert row.count("~") == 1
    assert "95 % (Holm" in comparison.summary()
    assert str(comparison) == repr(comparison) == comparison.summary()
    assert comparison.summary(ascii_only=True).isascii()
    assert "recall" in comparison._repr_html_()
    many = fidiv.compare(models()[0], {f"model {i}": gaussian(20, 3, i) for i in range(12)}, metrics="recall")
    assert max(map(len, many.summary().splitlines())) <= 100
    assert all(f"model {i}" in many.summary() for i in range(12))


def test_json_and_dict(comparison):
    document = json.loads(comparison.to_json())
    assert document["schema_version"] == 1
    assert document["models"]["a"] == {"runs": 1, "m": [150]}
    recall = document["metrics"]["recall"]
    assert recall["direction"] == "higher"
    assert recall["values"] == comparison.to_dict()["recall"]
    assert recall["best"] == comparison.best["recall"]
    assert recall["tied"] == list(comparison.tied["recall"])
    assert len(recall["pairs"]) == 3
    assert recall["pairs"][1]["adjusted_p_value"] == pytest.approx(comparison.pairs[4]["adjusted_p_value"])
    assert document["settings"]["level"] == 0.95
    assert document["settings"]["reference"] == "fixed"
    assert comparison.to_json(indent=None).count("\n") == 0


def test_it_is_frozen_and_can_be_pickled(comparison):
    with pytest.raises(AttributeError):
        comparison.best = {}
    with pytest.raises(TypeError):
        comparison.values["recall"]["a"] = 1.0
    for made in (pickle.loads(pickle.dumps(comparison)), copy.deepcopy(comparison)):
        assert made == comparison
        assert made.evaluations["a"] == comparison.evaluations["a"]
    assert comparison != fidiv.compare(*models(), metrics=KEYS, level=0.9)
    assert comparison != "a table"
    with pytest.raises(TypeError):
        hash(comparison)


def test_runs_are_averaged():
    real, fakes = models()
    table = fidiv.compare(real, {"one": fakes["narrow"], "two": [fakes["a"], fakes["b"]]}, metrics=KEYS)
    for key in KEYS:
        alone = [fidiv.evaluate(real, fakes[name], metrics=KEYS)[key] for name in "ab"]
        assert table[key]["two"] == pytest.approx(np.mean(alone), rel=1e-14)
        low, high = table.intervals[key]["two"]
        assert low <= table[key]["two"] <= high
    assert len(table.evaluations["two"]) == 2
    assert "two (2 runs)" in table.summary()
    assert any("two: means over runs" in note for note in table.notes)
    assert any("1 degree of freedom" in note for note in table.notes)


def test_a_list_of_rows_is_one_set():
    real, fakes = models()
    lists = {name: fake.tolist() for name, fake in fakes.items()}
    assert fidiv.compare(real, lists, metrics="recall") == fidiv.compare(real, fakes, metrics="recall")
    runs = fidiv.compare(real, {"a": [lists["a"], lists["b"]], "b": fakes["b"]}, metrics="recall")
    assert len(runs.evaluations["a"]) == 2


def test_unequal_sizes_are_said():
    real, fakes = models()
    table = fidiv.compare(real, {"a": fakes["a"], "b": fakes["b"][:100]}, metrics=["precision", "recall"])
    assert table.best["recall"] is None
    assert table.best["precision"] is not None
    assert "recall: not compared, it depends on the number of fakes (100, 150)" in table.notes
    assert "100 to 150 fakes each" in table.summary()


def test_metrics_that_describe_are_shown_and_not_judged():
    real, fakes = models()
    table = fidiv.compare(real, fakes, metrics=["coverage", "expected_coverage", "fake_entropy"])
    assert "fake_entropy" in table.to_dict()
    assert "fake_entropy" not in table.best
    assert "fake_entropy" in table.summary()
    assert "expected_coverage" not in table.summary()


def test_equal_laws_are_rarely_told_apart():
    """Three models of one law: in about one comparison of 20 a metric may name a difference."""
    rng = np.random.default_rng(3)
    wrong = {"precision": 0, "recall": 0}
    for _ in range(15):
        real, *fakes = rng.normal(size=(4, 60, 2))
        table = fidiv.compare(real, dict(zip("abc", fakes, strict=True)), metrics=list(wrong), n_jobs=1)
        for key in wrong:
            wrong[key] += len(table.tied[key]) < 3
    assert max(wrong.values()) <= 3


@pytest.mark.parametrize(
    ("fakes", "error", "words"),
    [
        ({}, ValueError, "at least 2"),
        ({"a": gaussian(20, 3)}, ValueError, "models has 1 models; a comparison needs at least 2"),
        ([gaussian(20, 3)] * 2, TypeError, "models must map names to fakes, got list"),
        ({"a": gaussian(20, 3), 7: gaussian(20, 3)}, TypeError, "names are strings"),
        ({"a": gaussian(20, 3), "": gaussian(20, 3)}, TypeError, "names are strings that are not empty"),
        ({"a": gaussian(20, 3), "b": []}, ValueError, "b has no runs"),
        ({"a": gaussian(20, 3), "b": gaussian(20, 4)}, ValueError, "b has 4 columns, real_features has 3"),
        ({"a": gaussian(20, 3), "b": [gaussian(20, 3), gaussian(20, 4)]}, ValueError, r"b \(run 2\) has 4"),
        (
            {"a": [gaussian(20, 3)] * 2, "a (run 1)": gaussian(20, 3)},
            ValueError,
            "two runs have one name",
        ),
    ],
)
def test_wrong_models(fakes, error, words):
    with pytest.raises(error, match=words):
        fidiv.compare(gaussian(30, 3), fakes, metrics="recall")


def test_holdout_and_groups_are_passed_on(monkeypatch):
    seen = {}

    def recorded(real, fakes, metrics, **keywords):
        seen.update(keywords)
        for name in ("holdout_features", "groups"):
            keywords.pop(name, None)
        return plain(real, fakes, metrics, **keywords)

    plain = _compare.replicates
    monkeypatch.setattr(_compare, "replicates", recorded)
    real, fakes = models()
    fidiv.compare(real, fakes, metrics="recall")
    assert not {"holdout_features", "groups"} & seen.keys()
    groups, runs = np.arange(150) // 3, {"a": [fakes["a"], fakes["b"]], "b": fakes["b"]}
    fidiv.compare(real, runs, metrics="recall", holdout_features=real[:50], groups=groups)
    assert seen["holdout_features"].shape == (50, 3)
    assert list(seen["groups"]) == ["a (run 1)", "a (run 2)", "b"]
    assert all(given is groups for given in seen["groups"].values())
    fidiv.sweep(real, {1.0: fakes["a"], 2.0: fakes["b"]}, groups=groups)
    assert list(seen["groups"]) == ["guidance=1.0", "guidance=2.0"]


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"level": 1.0}, ValueError, "level must be a number between 0 and 1, got"),
        ({"level": "high"}, TypeError, "level must be a number"),
        ({"seed": -1}, ValueError, "seed must be"),
        ({"nearest_k": 0}, ValueError, "nearest_k"),
        ({"metrics": "recal"}, ValueError, "did you mean recall"),
    ],
)
def test_wrong_options(options, error, words):
    with pytest.raises(error, match=words):
        fidiv.compare(*models(), **options)
