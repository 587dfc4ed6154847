"""Intervals: their formulas, what they promise, and how `evaluate` shows them."""

from __future__ import annotations

import itertools
import json
import math
import pickle

import numpy as np
import oracle.resampling as truth
import pytest
from scipy import stats

import fidiv
from fidiv import _influenced
from fidiv._intervals import wilson
from fidiv._resampled import within_blocks
from fidiv._resampling import interval, replicates, samples_needed, standard_error
from fidiv.results import Evaluation

# Without the Fréchet distance, whose linear algebra waits for other threads on a busy machine.
NEIGHBOURS = ["precision_recall", "density_coverage", "cross_entropies", "copies"]


def pair(n=120, m=100, d=3, seed=0, scale=1.2):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), scale * rng.normal(size=(m, d))


def test_the_variance_of_halves_is_that_of_the_whole():
    # Every half of 8 numbers: the variance of the mean of a half is s^2 / 8, exactly.
    terms = np.array([3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0])
    means = [np.mean(half) for half in itertools.combinations(terms, 4)]
    assert np.var(means) == pytest.approx(np.var(terms, ddof=1) / 8, rel=1e-12)


@pytest.mark.parametrize(("hits", "total"), [(0, 7), (7, 7), (3, 7), (1, 1), (412, 1000)])
@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
def test_wilson(hits, total, level):
    expected = stats.binomtest(hits, total).proportion_ci(level, method="wilson")
    assert wilson(hits / total, total, level) == pytest.approx(tuple(expected), abs=1e-12)
    assert wilson(hits / total, total, level) == pytest.approx(truth.wilson(hits, total, level), abs=1e-9)


@pytest.mark.parametrize("level", [0.6, 0.9, 0.95])
def test_intervals_are_those_of_terms_and_of_halves(level):
    real, fake = pair()
    metrics = ["precision", "authpct", "density", "pce", "rce", "recall", "dcr_median"]
    for reference, freedom in (("fixed", 15), ("random", 19)):
        (one,) = replicates(real, {"a": fake}, metrics, reference=reference, seed=2, n_jobs=1).values()
        mine = {key: interval(one, key, level) for key in metrics}
        for key in ("rce", "recall", "dcr_median"):
            low, high = truth.of_halves(one.full[key], one.values[key], level, freedom)
            assert one.freedom == freedom
            if key == "recall":
                high = min(high, 1.0)
                # Never less than of so many independent marks: fresh ones, or few that are not marked.
                assert 120 * (1 - one.full[key]) < 10
                ends = truth.wilson(one.full[key] * 120, 120, level)
                low, high = min(low, ends[0]), max(high, ends[1])
            assert mine[key] == pytest.approx((low, high), rel=1e-9)
        if reference == "fixed":
            result = fidiv.evaluate(real, fake, metrics=metrics, n_jobs=1)
            hits = int(result.samples["precision_mask"].sum())
            assert mine["precision"] == pytest.approx(truth.wilson(hits, 100, level), abs=1e-9)
            hits = int(result.samples["authentic"].sum())
            assert mine["authpct"] == pytest.approx([100 * x for x in truth.wilson(hits, 100, level)])
            for key in ("density", "pce"):
                assert mine[key] == pytest.approx(truth.student(result.samples[key], level), rel=1e-9)
                error = np.std(result.samples[key], ddof=1) / 10
                assert standard_error(one, key) == pytest.approx(error)


def test_blocks():
    values = np.array([1.0, 10.0, 3.0, 12.0, 2.0, 14.0])  # two halves of the reals, in turn
    moved = within_blocks(values, 2)
    pooled = (np.var([1, 3, 2], ddof=1) * 2 + np.var([10, 12, 14], ddof=1) * 2) / 4
    assert np.var(moved, ddof=1) == pytest.approx(pooled)
    assert moved.mean() == pytest.approx(values.mean())
    other = np.array([2.0, 1.0, 0.0, 5.0, 7.0, 7.0])  # differences of two names may be taken before or after
    np.testing.assert_allclose(within_blocks(values - other, 2), moved - within_blocks(other, 2), atol=1e-12)


def test_a_share_of_nothing_has_width():
    real, fake = pair()
    for reference in ("fixed", "random"):
        found = fidiv.evaluate(
            real, fake, metrics="copies", intervals=0.9, reference=reference, n_jobs=1
        ).intervals
        assert found["exact_copies"] == pytest.approx((0, truth.wilson(0, 100, 0.9)[1]))
        assert found["duplicates_in_fake"] == pytest.approx((0, truth.wilson(0, 100, 0.9)[1]))


def test_a_share_of_fixed_reals_near_its_end_has_width():
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(80, 2)), rng.normal(size=(900, 2))
    result = fidiv.evaluate(real, fake, metrics="coverage", intervals=True, n_jobs=1)
    assert result["coverage"] == 1
    assert result.intervals["coverage"] == pytest.approx((truth.wilson(80, 80, 0.95)[0], 1))


def test_a_share_that_never_moves_is_known_to_half_a_point():
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(80, 2)), rng.normal(size=(900, 2))
    real[:40] += 100
    result = fidiv.evaluate(real, fake, metrics="coverage", intervals=True, n_jobs=1)
    assert result["coverage"] == 0.5
    assert result.intervals["coverage"] == pytest.approx((0.5 - 1 / 160, 0.5 + 1 / 160))


def test_constant_halves_are_said():
    real, fake = pair()
    result = fidiv.evaluate(real, fake, metrics=["real_entropy", "recall"], intervals=True, n_jobs=1)
    low, high = result.intervals["real_entropy"]
    assert low == high == result["real_entropy"]
    assert any(note.startswith("real_entropy: all half-samples gave the same value") for note in result.notes)


# How often the target is held. Small, seeded and sharp enough to fail when a variance is off by a third.


@pytest.mark.parametrize("reference", ["fixed", "random"])
def test_coverage(reference):
    rng = np.random.default_rng(11)
    keys = ["precision", "recall", "density", "coverage", "pce", "rce", "re", "identifiability", "rce_ratio"]
    runs, real = [], rng.normal(size=(120, 2))
    for run in range(40):
        real = real if reference == "fixed" else rng.normal(size=(120, 2))
        fakes = {"a": 1.3 * rng.normal(size=(120, 2))}
        runs.append(replicates(real, fakes, keys, reference=reference, seed=run, n_jobs=1)["a"])
    held = []
    for key in keys:
        target = np.mean([run.full[key] for run in runs])
        ends = np.array([interval(run, key, 0.9) for run in runs])
        held.append(np.mean((ends[:, 0] <= target) & (target <= ends[:, 1])))
        wide = np.mean(np.diff(ends)) / (2 * 1.645 * np.std([run.full[key] for run in runs], ddof=1))
        assert 0.75 < wide < 2.1, (key, wide)
    assert min(held) > 0.72, dict(zip(keys, held, strict=True))  # 4 standard errors
    assert 0.85 < np.mean(held) < 0.99


# In evaluate


def test_evaluate_shows_intervals():
    real, fake = pair()
    plain = fidiv.evaluate(real, fake, metrics=NEIGHBOURS, n_jobs=1)
    result = fidiv.evaluate(real, fake, metrics=NEIGHBOURS, intervals=0.9, n_jobs=1)
    assert plain.intervals is None
    assert "interval" not in plain.summary()
    assert "intervals" not in json.loads(plain.to_json())
    assert dict(result) == dict(plain)
    assert result.notes[: len(plain.notes)] == plain.notes
    for name, array in plain.samples.items():
        np.testing.assert_array_equal(result.samples[name], array, strict=True)
    laws = {"expected_coverage", "expected_rce", "expected_re"}
    assert set(result) - set(result.intervals) == laws
    for key, (low, high) in result.intervals.items():
        assert type(low) is type(high) is float
        assert low <= result[key] <= high
    assert result.settings["intervals"] == {"level": 0.9, "reference": "fixed", "repeats": 20}
    with pytest.raises(TypeError):
        result.intervals["recall"] = (0, 1)
    document = json.loads(result.to_json())
    assert document["intervals"]["recall"] == list(result.intervals["recall"])
    assert document["settings"]["intervals"]["level"] == 0.9
    assert "90 % interval" in result.summary().splitlines()[1]
    low, high = (f"{end:.4f}" for end in result.intervals["precision"])
    assert f"{low} .. {high}" in result.summary()
    assert f"{low} .. {high}" in result._repr_html_()
    assert pickle.loads(pickle.dumps(result)) == result
    assert result != plain
    assert isinstance(result, Evaluation)


def test_levels_and_seeds():
    real, fake = pair()
    of = lambda **options: fidiv.evaluate(real, fake, metrics="recall", n_jobs=1, **options)  # noqa: E731
    assert of(intervals=True) == of(intervals=0.95)
    assert of(intervals=0.95).intervals != of(intervals=0.95, seed=1).intervals
    wide, narrow = (np.diff(of(intervals=level).intervals["recall"])[0] for level in (0.99, 0.5))
    assert wide > narrow
    for wrong, error in ((0.0, ValueError), (1.5, ValueError), ("yes", TypeError), (math.nan, ValueError)):
        with pytest.raises(error, match="intervals"):
            of(intervals=wrong)
    with pytest.raises(ValueError, match="reference"):
        of(intervals=True, reference="none")
    with pytest.raises(ValueError, match="no intervals are asked for"):
        of(groups=np.arange(100))


def test_an_undefined_metric_has_no_interval():
    real, fake = pair()
    fake[:8] = fake[0]
    result = fidiv.evaluate(real, fake, metrics=["re", "recall"], intervals=True, n_jobs=1)
    assert math.isnan(result["re"])
    assert set(result.intervals) == {"recall"}
    # Far fakes: the few that have a rarity are not in every half.
    fake[1:] += 100
    fake[0] = real[0] + 1e-3
    result = fidiv.evaluate(
        real, fake, metrics=["rarity", "share_outside", "recall"], intervals=True, n_jobs=1
    )
    assert set(result.intervals) == {"share_outside", "recall"}
    assert any(note.startswith("rarity: no interval; on a part of the sets:") for note in result.notes)


def test_samples_needed():
    assert samples_needed(0.02, 1000, 0.01) == 4000
    assert samples_needed(0.01, 1000, 0.01) == 1000
    assert samples_needed(0.0, 1000, 0.01) == 2
    assert samples_needed(0.01, 1000, 0.02) == 250
    for error, target in ((math.nan, 1), (-1, 1), (1, 0), (1, math.inf)):
        with pytest.raises(ValueError, match="must be"):
            samples_needed(error, 10, target)


# The Fréchet distance where parts would be dear.


def wide(n, m, d, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), 1.2 * rng.normal(size=(m, d)) + 0.1


def influences(real, fake):
    found = fidiv.evaluate(real, fake, metrics="frechet_influence", n_jobs=1)
    return found, found.samples["frechet_influence"], found.samples["frechet_influence_real"]


def test_the_interval_of_a_dear_distance_comes_from_influences():
    real, fake = wide(900, 700, 40)
    known, *_ = influences(real, fake)
    for reference, error in (
        ("fixed", known["frechet_distance_se_fake"]),
        ("random", known["frechet_distance_se"]),
    ):
        result = fidiv.evaluate(
            real, fake, metrics="frechet_distance", intervals=0.9, reference=reference, n_jobs=1
        )
        low, high = result.intervals["frechet_distance"]
        value, reach = result["frechet_distance"], stats.t.ppf(0.95, 699) * error
        assert low == pytest.approx(value - reach)
        # The upper end is the square of root + reach / (2 root).
        assert high == pytest.approx((math.sqrt(value) + reach / (2 * math.sqrt(value))) ** 2)
        assert result.intervals.keys() == {"frechet_distance", "mean_term", "covariance_term"}


@pytest.mark.parametrize("reference", ["fixed", "random"])
def test_of_groups_the_sums_of_influences_count(reference):
    real, fake = wide(900, 700, 40)
    groups, real_groups = np.arange(700) // 7, np.arange(900) // 9
    of_reals_too = {"real_groups": real_groups} if reference == "random" else {}
    result = fidiv.evaluate(
        real,
        fake,
        metrics="frechet_distance",
        intervals=0.9,
        reference=reference,
        groups=groups,
        n_jobs=1,
        **of_reals_too,
    )
    _, of_fakes, of_reals = influences(real, fake)
    variance = of_fakes.reshape(100, 7).sum(axis=1).var() * 100 * 100 / 99 / 700**2
    if reference == "random":
        variance += of_reals.reshape(100, 9).sum(axis=1).var() * 100 * 100 / 99 / 900**2
    low, _ = result.intervals["frechet_distance"]
    # The mean of all sums is 0.
    reach = stats.t.ppf(0.95, 99) * math.sqrt(variance)
    assert result["frechet_distance"] - low == pytest.approx(reach, rel=1e-6)


def test_the_terms_of_the_distance_have_influences_of_their_own():
    # Of the mean term by hand: 2 (mean of the fakes - mean of the reals)'(y - mean of the fakes).
    real, fake = wide(900, 700, 40)
    result = fidiv.evaluate(real, fake, metrics="mean_term", intervals=0.9, n_jobs=1)
    influence = 2 * (fake - fake.mean(axis=0)) @ (fake.mean(axis=0) - real.mean(axis=0))
    reach = stats.t.ppf(0.95, 699) * influence.std(ddof=1) / math.sqrt(700)
    assert result["mean_term"] - result.intervals["mean_term"][0] == pytest.approx(reach)
    # And both together are that of the distance.
    _, of_fakes, _ = influences(real, fake)
    rest = of_fakes - influence
    reach = stats.t.ppf(0.95, 699) * rest.std(ddof=1) / math.sqrt(700)
    result = fidiv.evaluate(real, fake, metrics="covariance_term", intervals=0.9, n_jobs=1)
    assert result["covariance_term"] - result.intervals["covariance_term"][0] == pytest.approx(reach)


def test_where_influences_would_be_dear_too_it_is_said_and_asking_helps(monkeypatch):
    real, fake = wide(300, 200, 40)
    monkeypatch.setattr(_influenced, "CHEAP", 0)
    asked = ["frechet_distance", "frechet_influence"]
    for metrics, has in ((asked[:1], False), (asked, True)):
        result = fidiv.evaluate(real, fake, metrics=metrics, intervals=True, n_jobs=1)
        assert ("frechet_distance" in result.intervals) is has
        assert any("ask for frechet_influence" in note for note in result.notes) is not has


def test_a_singular_covariance_has_no_influence():
    real, fake = wide(300, 200, 40)
    fake[:, 1] = fake[:, 0]
    result = fidiv.evaluate(real, fake, metrics="frechet_distance", intervals=True, n_jobs=1)
    assert "frechet_distance" not in result.intervals
    (note,) = (note for note in result.notes if "no interval" in note)
    assert note.startswith("frechet_distance, mean_term, covariance_term: no interval; ")
    assert "singular" in note


def test_a_dear_distance_depends_on_the_number_of_fakes():
    rng = np.random.default_rng(0)
    real, many, few = (rng.normal(size=(n, 40)) for n in (500, 800, 200))
    for metrics in ("frechet_distance", "energy_distance"):
        found = fidiv.compare(real, {"many": many, "few": few}, metrics=metrics, n_jobs=1)
        assert all(row["verdict"].startswith("not compared: ") for row in found.pairs)
        assert "it depends on the number of fakes (200, 800)" in found.pairs[0]["verdict"]


@pytest.mark.parametrize("reference", ["fixed", "random"])
@pytest.mark.parametrize("key", ["kernel_distance", "mmd2"])
def test_the_interval_of_a_sum_of_kernels_comes_from_the_jackknife(reference, key):
    real, fake = pair(60, 50, 3)
    family = {"kernel_distance": "kernel_distance", "mmd2": "mmd"}[key]
    result = fidiv.evaluate(real, fake, metrics=family, intervals=0.9, reference=reference, n_jobs=1)

    def of(real, fake):
        options = {} if key == "kernel_distance" else {"bandwidth": result["mmd_bandwidth"]}
        return getattr(fidiv, family)(real, fake, n_jobs=1, **options)[key]

    without = [np.array([of(real, np.delete(fake, j, axis=0)) for j in range(50)])]
    if reference == "random":
        without.append(np.array([of(np.delete(real, i, axis=0), fake) for i in range(60)]))
    variance = sum((len(v) - 1) * v.var() for v in without)
    reach = stats.t.ppf(0.95, 49) * math.sqrt(variance)
    assert result[key] - result.intervals[key][0] == pytest.approx(reach, rel=1e-8)


def test_an_interval_holds_its_value():
    real, _ = wide(300, 200, 40)
    result = fidiv.evaluate(real, real.copy(), metrics="frechet_distance", intervals=True, n_jobs=1)
    low, high = result.intervals["frechet_distance"]
    assert low <= result["frechet_distance"] <= high


def test_dear_distances_are_compared():
    real, fake = wide(900, 700, 40)
    better = np.random.default_rng(5).normal(size=(700, 40))
    found = fidiv.compare(real, {"a": fake, "b": better}, metrics="frechet_distance", n_jobs=1)
    (row,) = (row for row in found.pairs if row["metric"] == "frechet_distance")
    assert row["verdict"] == "b is better"
    errors = [influences(real, points)[0]["frechet_distance_se_fake"] for points in (fake, better)]
    # Paired by position, which tells nothing of independent sets.
    assert row["high"] - row["difference"] == pytest.approx(1.96 * math.hypot(*errors), rel=0.1)
