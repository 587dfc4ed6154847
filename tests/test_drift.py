"""Drift of a batch: the alarm, what precision and recall lost, which columns and which points moved."""

from __future__ import annotations

import math
import pickle

import numpy as np
import oracle
import pytest
from factories import ADVERSARIES, adversaries, gaussian, lattice
from oracle import two_sample

import fidiv
from fidiv import _two_sample as tests

METHODS = ["neighbours", "mmd", "energy", "classifier"]
KEYS = [
    *("statistic", "p_value", "threshold", "is_drift", "precision_drop", "recall_drop"),
    *("precision", "recall", "expected_precision", "expected_recall"),
    *("expected_statistic", "statistic_std"),
]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_the_test_is_that_of_two_sample_test(method, shift):
    x, y = gaussian(90, 3, 1), gaussian(50, 3, 2, shift=shift)
    got = fidiv.drift(x, y, method=method, level=0.05, permutations=199, seed=4)
    alone = fidiv.two_sample_test(x, y, method=method, permutations=199, seed=4)
    assert list(got) == KEYS
    for key in alone:
        assert got[key] == alone[key]
    assert got.is_drift == float(got.p_value <= 0.05) == float(got.statistic > got.threshold)
    assert got.is_drift == float(shift > 0)
    assert all(type(value) is float for value in got.values())
    assert got.settings["level"] == 0.05
    assert got == pickle.loads(pickle.dumps(got))


def test_precision_and_recall_are_those_of_their_own_call():
    x, y = gaussian(90, 3, 1, np.float32), gaussian(50, 3, 2, shift=0.5)
    got, alone = fidiv.drift(x, y, ball_k=4), fidiv.precision_recall(x, y, nearest_k=4)
    assert (got.precision, got.recall) == (alone.precision, alone.recall)
    assert got.precision_drop == got.expected_precision - got.precision
    assert got.recall_drop == got.expected_recall - got.recall
    np.testing.assert_array_equal(got.samples["inside"], alone.samples["precision_mask"])
    np.testing.assert_array_equal(got.samples["nearest_reference"], alone.samples["nearest_real"])
    ratio = alone.samples["nearest_real_distance"] / oracle.radii(x, 4)[alone.samples["nearest_real"]]
    np.testing.assert_array_equal(got.samples["distance_ratio"], ratio)


def test_expected_shares_are_those_of_splits_of_the_union():
    x, y = gaussian(40, 3, 1, np.float32), gaussian(25, 3, 2, shift=0.5)
    got = fidiv.drift(x, y, splits=3, seed=6)
    union, random = np.concatenate([x, y]), np.random.default_rng([6, 1])
    orders = [random.permutation(65) for _ in range(3)]
    of_splits = [oracle.precision_recall(union[order[:40]], union[order[40:]], 3) for order in orders]
    for key in ("precision", "recall"):
        expected = np.mean([one[key] for one in of_splits])
        assert got[f"expected_{key}"] == pytest.approx(expected, abs=1e-12)


def test_points_are_ranked_among_the_other_half_of_the_reference():
    x, y = gaussian(41, 3, 1), gaussian(20, 3, 2, shift=1.5)
    got = fidiv.drift(x, y, splits=1, point_rate=0.2, seed=6)
    random = np.random.default_rng([6, 1])
    random.permutation(61)  # the split of the union
    order = random.permutation(41)
    base, held_out = x[np.sort(order[:21])], x[order[21:]]

    def scores(points):
        distance, index = oracle.knn(points, base, 1)
        return distance[:, 0] / oracle.radii(base, 3)[index[:, 0]]

    calibration = scores(held_out)
    expected = [(1 + sum(calibration >= score)) / 21 for score in scores(y)]
    np.testing.assert_array_equal(got.samples["p_value"], expected)
    assert got.samples["moved"].tolist() == two_sample.benjamini_hochberg(expected, 0.2)
    assert got.samples["moved"].any()


def test_features_are_those_of_ks():
    x, y = gaussian(90, 5, 1), gaussian(50, 5, 2)
    y[:, 3] += 1.0
    got, alone = fidiv.drift(x, y), fidiv.two_sample_test(x, y, method="ks")
    for name, array in alone.features.items():
        np.testing.assert_array_equal(got.features[name], array)
    assert got.features["moved"].tolist() == [False, False, False, True, False]
    assert got.features["mean_shift"][3] == pytest.approx(1.0, abs=0.4)


def test_which_points_moved():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(800, 4)), rng.normal(size=(100, 4))
    y[:7] += 8
    got = fidiv.drift(x, y, splits=1)
    assert got.samples["moved"][:7].all()
    assert got.samples["moved"][7:].sum() <= 1  # one in ten of the marked may be wrong
    assert not got.samples["inside"][:7].any()
    assert (got.samples["p_value"][:7] == 1 / 401).all()
    assert got.samples["distance_ratio"][:7].min() > got.samples["distance_ratio"][7:].max()


def test_a_lost_mode_is_seen_in_recall_and_in_no_point():
    rng = np.random.default_rng(0)
    centre = 6.0 * rng.integers(0, 2, size=(600, 1))
    x = rng.normal(size=(600, 3)) + centre
    y = rng.normal(size=(200, 3))
    got = fidiv.drift(x, y)
    assert got.is_drift == 1.0
    assert got.recall_drop > 0.3
    assert abs(got.precision_drop) < 0.1
    assert not got.samples["moved"].any()


# Level, power, and drops of 0


@pytest.mark.parametrize("d", [2, 16])
def test_without_drift(d):
    """False alarms within 3 standard errors of the level; drops 0 on average, expected values with an equal
    number of splits being as noisy as those found; p-values of points uniform."""
    runs, alarms, drops, points = 100, 0, [], []
    for run in range(runs):
        rng = np.random.default_rng([run, d])
        x, y = rng.normal(size=(60, d)), rng.normal(size=(25, d))
        got = fidiv.drift(x, y, level=0.05, permutations=99, splits=1, seed=run, n_jobs=1)
        alarms += got.is_drift
        drops.append((got.precision_drop, got.recall_drop))
        points.append(got.samples["p_value"])
    assert alarms <= runs * 0.05 + 3 * math.sqrt(runs * 0.05 * 0.95)
    drops = np.array(drops)
    assert (abs(drops.mean(axis=0)) < 3 * drops.std(axis=0) / math.sqrt(runs)).all()
    # Points of one batch share their reference: one mean a batch.
    for level in (0.1, 0.5):
        shares = np.array([(p <= level).mean() for p in points])
        assert shares.mean() < level + 3 * shares.std() / math.sqrt(runs)
        assert shares.mean() > level - 1 / 31 - 3 * shares.std() / math.sqrt(runs)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("d", [2, 16])
def test_with_drift(method, d):
    alarms = 0
    for run in range(12):
        rng = np.random.default_rng(run)
        x, y = rng.normal(size=(120, d)), rng.normal(size=(60, d)) + 1.2
        got = fidiv.drift(x, y, method=method, permutations=99, splits=1, seed=run, n_jobs=1)
        alarms += got.is_drift
    assert alarms > 11


# Edges


@pytest.mark.parametrize("name", ADVERSARIES)
def test_hard_rows(name):
    x, y = adversaries(5, 20)[name]
    got = fidiv.drift(x, y, permutations=99, splits=1)
    for key in got:
        assert math.isfinite(got[key]), key
    assert not np.isnan(got.samples["distance_ratio"]).any()
    assert ((got.samples["p_value"] > 0) & (got.samples["p_value"] <= 1)).all()
    assert not np.isnan(got.features["mean_shift"]).any()


def test_ties_are_noted_and_equal_points_have_not_moved():
    got = fidiv.drift(np.ones((20, 2)), np.ones((10, 2)))
    assert got.settings["ties"] == 30
    assert got.precision_drop == got.recall_drop == 0
    assert (got.samples["distance_ratio"] == 0).all()
    assert (got.samples["p_value"] == 1).all()
    away = fidiv.drift(np.ones((20, 2)), np.zeros((10, 2)))
    assert np.isinf(away.samples["distance_ratio"]).all()
    assert away.is_drift == away.precision_drop == 1.0


def test_smallest_sets_and_threads():
    x, y = gaussian(4, 2, 1), gaussian(2, 2, 2)
    one = fidiv.drift(x, y, ball_k=1, nearest_k=1, permutations=99, n_jobs=1)
    assert one == fidiv.drift(x, y, ball_k=1, nearest_k=1, permutations=99, n_jobs=2)
    x, y = lattice(60, 3, 1), lattice(40, 3, 2)
    assert fidiv.drift(x, y, n_jobs=1) == fidiv.drift(x, y, n_jobs=2)


def test_conformal_p_values_and_ratios_by_hand():
    got = tests.conformal_p_values(np.array([0.5, 1.0, 3.0, 9.0]), np.array([1.0, 3.0, 2.0]))
    np.testing.assert_array_equal(got, [1.0, 1.0, 0.5, 0.25])
    got = tests.distance_ratio(np.array([0.0, 0.0, 1.0, 1.0]), np.array([0, 1, 0, 1]), np.array([0.0, 2.0]))
    np.testing.assert_array_equal(got, [0.0, 0.0, np.inf, 0.5])


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"method": "ks"}, ValueError, "method must be one of neighbours, mmd, energy, classifier"),
        ({"level": 0}, ValueError, "level must be a number between 0 and 1"),
        ({"level": 1.0}, ValueError, "level must be a number between 0 and 1"),
        ({"level": float("nan")}, ValueError, "level must be a number between 0 and 1"),
        ({"level": "low"}, TypeError, "level must be a number between 0 and 1"),
        ({"level": 0.0005}, ValueError, "out of reach of permutations=1000"),
        ({"point_rate": 0.0}, ValueError, "point_rate must be a number between 0 and 1"),
        ({"splits": 0}, ValueError, "splits must be at least 1"),
        ({"ball_k": 5}, ValueError, "ball_k=5 needs at least 12 points in reference_features, which has 10"),
        ({"ball_k": 0}, ValueError, "ball_k"),
        ({"nearest_k": 20}, ValueError, "reference_features and batch_features together"),
    ],
)
def test_wrong_options(options, error, words):
    with pytest.raises(error, match=words):
        fidiv.drift(gaussian(10, 2), gaussian(6, 2, 1), **options)


def test_wrong_sets_are_called_by_their_names():
    with pytest.raises(ValueError, match="ball_k=3 needs at least 4 points in batch_features, which has 3"):
        fidiv.drift(gaussian(10, 2), gaussian(3, 2, 1))
    with pytest.raises(ValueError, match="batch_features has 3 columns, reference_features has 2"):
        fidiv.drift(gaussian(10, 2), gaussian(6, 3))
    with pytest.raises(ValueError, match="reference_features"):
        fidiv.drift(np.full((10, 2), np.nan), gaussian(6, 2))
