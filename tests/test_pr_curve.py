"""`pr_curve`: scores against brute force and refits, the authors' curve, what must not matter, known laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from factories import adversaries, gaussian, lattice
from oracle import curves as oracle

import fidiv
from fidiv.curves import _lambda, _scores, exact

METHODS = ("knn", "kde", "ipr", "coverage", "clusters", "classifier")
EXACT = ("knn", "kde", "ipr", "coverage")
MODES = ("leave-one-out", 0.5, None)
KEYS = [key.name for key in fidiv.metrics.FAMILIES["pr_curve"].keys]


def curve_of(masses, lambdas):
    return oracle.precision(oracle.classifiers(*masses), lambdas)


def masses_of(method, x, y, k, split, seed=0, self_counted=False):
    """The scores of the definitions."""
    if split == "leave-one-out":
        return oracle.scores_left_out(method, x, y, k)
    if split is None:
        return oracle.scores(method, x, y, k)
    train_x, test_x, train_y, test_y = oracle.halves(len(x), len(y), split, seed)
    return oracle.scores_split(method, x[train_x], y[train_y], x[test_x], y[test_y], k, self_counted)


def check_equal(method, x, y, k, split):
    got = fidiv.pr_curve(x, y, method=method, nearest_k=k, split=split)
    expected = masses_of(method, x, y, k, split)
    lambdas = got.curve["lambdas"]
    np.testing.assert_allclose(got.curve["precision"], curve_of(expected, lambdas), rtol=0, atol=1e-14)
    assert got.settings["neighbours"] == k
    if split is None:
        assert got["max_precision"] == np.mean(expected[2] > 0)
        assert got["max_recall"] == np.mean(expected[1] > 0)
    else:
        assert "max_precision" not in got
    return got


# ---------------------------------------------------------------------------------------- against brute force


@pytest.mark.parametrize("method", EXACT)
@pytest.mark.parametrize("split", MODES)
def test_equal_to_the_definitions(method, split):
    x, y = gaussian(30, 3, 1), gaussian(24, 3, 2, shift=0.4, scale=1.3)
    for k in (1, 3, 8):
        check_equal(method, x, y, k, split)


@pytest.mark.parametrize("method", EXACT)
@pytest.mark.parametrize("split", MODES)
def test_equal_to_the_definitions_with_ties(method, split):
    """Integer points: many equal distances at the radius, beyond every list, and many duplicates."""
    for d, side in ((1, 6), (2, 3), (3, 3)):
        x, y = lattice(26, d, d, side=side), lattice(21, d, d + 9, side=side)
        y[:4] += 1
        for k in (1, 4):
            check_equal(method, x, y, k, split)


@pytest.mark.parametrize(
    "name", ["duplicates", "copies of the other set", "all rows equal", "one unit in the last place apart",
             "near ties", "rows of mixed scale", "float32 against its float64 original"]
)  # fmt: skip
def test_adversaries(name):
    x, y = adversaries(5, 18)[name]
    for method in EXACT:
        for split in MODES:
            check_equal(method, x, y, 2, split)


@pytest.mark.parametrize("split", ["leave-one-out", None])
def test_kernel_of_given_bandwidth(split):
    x, y = gaussian(40, 3, 1), gaussian(30, 3, 2, shift=0.7)
    got = fidiv.pr_curve(x, y, method="kde", bandwidth=0.6, split=split)
    real, fake = oracle.log_kernel_ratios(x, y, 0.6, split == "leave-one-out")
    expected = curve_of((np.ones(40), exactly(real), np.ones(30), exactly(fake)), got.curve["lambdas"])
    np.testing.assert_allclose(got.curve["precision"], expected, atol=1e-14)


def exactly(logs):
    """Integers in the same order, as the oracle counts in whole numbers."""
    return np.round(np.exp(logs) * 2.0**40)


def test_a_bandwidth_too_small_for_numbers():
    with pytest.raises(ValueError, match="bandwidth=1e-200 is too small"):
        fidiv.pr_curve(gaussian(5, 3, 1), gaussian(5, 3, 2), method="kde", bandwidth=1e-200)


def test_a_kernel_far_from_everything():
    """Sums that vanish in float64 still have logarithms."""
    x = np.array([[0.0], [1.0], [2.0], [1000.0]])
    y = np.array([[500.0], [501.0], [502.0], [1003.0]])
    got = fidiv.pr_curve(x, y, method="kde", bandwidth=0.5)
    assert got.total_variation == 0.5  # 1000 and 1003 take each other for their like


def test_equal_points_get_equal_kernels():
    x = np.repeat(gaussian(10, 7, 1), 4, axis=0)
    split = fidiv.pr_curve(x, x.copy(), method="kde", bandwidth=1.0, split=None)
    assert split.total_variation == 0


@pytest.mark.parametrize("split", ["leave-one-out", None])
def test_clusters_are_histograms(split):
    x, y = gaussian(60, 2, 1), gaussian(50, 2, 2, shift=0.7)
    got = fidiv.pr_curve(x, y, method="clusters", num_clusters=6, split=split)
    ((of_x, of_y),) = (labels_of(x, y, 6),)
    p, q = (np.bincount(labels, minlength=6) for labels in (of_x, of_y))
    own = int(split is not None)
    masses = p[of_x] - own, q[of_x], p[of_y], q[of_y] - own
    np.testing.assert_allclose(got.curve["precision"], curve_of(masses, got.curve["lambdas"]), atol=1e-14)
    if split is None:  # then it is the curve of the histograms themselves
        histogram = exact.modes(p, q)
        for key in histogram:
            assert got[key] == pytest.approx(histogram[key], abs=1e-12), key


def labels_of(x, y, num_clusters):
    from fidiv import _core

    labels, _ = _core.kmeans(
        [_core.Points(x, "x"), _core.Points(y, "y")], num_clusters=num_clusters, num_runs=1, seed=0
    )
    return labels[0][0], labels[1][0]


def test_clusters_of_training_points_sort_the_others():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 1)) + 100 * (np.arange(80) % 2)[:, None]
    y = rng.normal(size=(60, 1))
    got = fidiv.pr_curve(x, y, method="clusters", num_clusters=2, split=0.5)
    assert got.auc == pytest.approx(0.5, abs=0.15)
    assert got.curve["precision"][-1] == 1  # all fakes are where reals are
    test_reals = oracle.halves(80, 60, 0.5, 0)[1]
    assert got.curve["recall"][0] == np.mean(test_reals % 2 == 0)


def test_classifier():
    x, y = gaussian(400, 3, 1), gaussian(300, 3, 2)
    y[:, 0] += 1.5
    for split in MODES:
        got = fidiv.pr_curve(x, y, method="classifier", split=split)
        assert got.auc == pytest.approx(exact.gaussian_shift(1.5).auc, abs=0.08)
    assert fidiv.pr_curve(x, y, method="classifier").settings["folds"] == 5
    # In one dimension the log odds are a rising function of the only column.
    line = fidiv.pr_curve(x[:, :1], y[:, :1], method="classifier", split=None)
    hull = _lambda.hull_of_ratios(_lambda.Ratios(x[:, 0], y[:, 0]))
    np.testing.assert_allclose(line.curve["precision"], hull.precision(line.curve["lambdas"]), atol=1e-14)


# ------------------------------------------------------------------------------------------------ the authors


@pytest.mark.parametrize("method", EXACT)
@pytest.mark.parametrize("split", [0.5, None])
def test_the_authors_curve(method, split):
    for x, y, k in (
        (gaussian(24, 2, 1), gaussian(24, 2, 2, shift=0.7), 3),
        (lattice(20, 2, 1), lattice(26, 2, 2), 2),
    ):
        got = fidiv.pr_curve(x, y, method=method, nearest_k=k, split=split, convention="sykes")
        masses = masses_of(method, x, y, k, split, self_counted=True)
        if method == "kde":
            n, m = (round(0.5 * len(z)) if split else len(z) for z in (x, y))
            masses = masses[0] / n, masses[1] / m, masses[2] / n, masses[3] / m
        lambdas, precision, recall = oracle.sykes(*masses)
        np.testing.assert_array_equal(got.curve["lambdas"], lambdas)
        np.testing.assert_allclose(got.curve["precision"], precision, atol=1e-13)
        np.testing.assert_allclose(got.curve["recall"], recall, atol=1e-13)
        order = np.argsort(recall, kind="stable")
        area = np.sum(np.diff(recall[order]) * (precision[order][1:] + precision[order][:-1])) / 2
        assert got.auc == pytest.approx(area, abs=1e-12)
        f8 = 65 * precision * recall / (64 * precision + recall + 1e-10)
        assert got.max_f8 == pytest.approx(f8.max(), abs=1e-12)
        ours = fidiv.pr_curve(x, y, method=method, nearest_k=k, split=split)
        if split is None:  # the same scores; more classifiers
            assert ours.total_variation >= got.total_variation - 1e-14
            assert got.max_precision == precision.max()


def test_where_the_authors_differ_on_purpose():
    """A rectangle, precision 1 and recall 1/4: its corner is the median; theirs averages tied recalls."""
    x = np.repeat([[0.0], [10.0], [20.0], [30.0]], 4, axis=0)
    y = np.zeros((16, 1))
    ours = fidiv.pr_curve(x, y, nearest_k=4, split=None)
    theirs = fidiv.pr_curve(x, y, nearest_k=4, split=None, convention="sykes")
    assert (ours.median_precision, ours.median_recall) == pytest.approx((1.0, 0.25))
    assert ours.auc == 0.25
    assert theirs.median_precision == pytest.approx(0.5, abs=0.02)
    assert theirs.auc == pytest.approx(0.25, abs=0.01)
    assert theirs.median_recall == pytest.approx(0.25, abs=0.01)


def test_the_ends_of_the_authors_curve():
    """One outlying real: with fresh test points their precision at infinity is 1 at once."""
    x, y = np.zeros((20, 1)), np.full((20, 1), 5.0)
    x[::2] += 0.25 * np.arange(10)[:, None]
    x[3] = 50.0
    for seed in range(20):
        if 3 in oracle.halves(20, 20, 0.5, seed)[1]:
            break
    got = fidiv.pr_curve(x, y, method="ipr", nearest_k=2, split=0.5, seed=seed, convention="sykes")
    assert got.curve["precision"][-1] == 1.0
    assert got.total_variation > 0.5


def test_what_a_split_leaves_out_is_no_threshold():
    """ipr in 64 dimensions: most points lie in no ball. Both calls of these are among the classifiers, so the
    curve lies under that of the grid, whose extreme weights call them fake, or real."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 64)), 0.15 + 1.1 * rng.normal(size=(200, 64))
    ours = fidiv.pr_curve(x, y, method="ipr", nearest_k=4, split=0.5)
    assert any("a = b = 0" in note for note in ours.notes)
    masses = masses_of("ipr", x, y, 4, 0.5)
    lambdas, grid, _ = oracle.sykes(*masses)
    mine = _lambda.hull_of_ratios(
        _lambda.Ratios(
            _lambda.ratios(*map(np.float64, masses[:2]), 1, 1),
            _lambda.ratios(*map(np.float64, masses[2:]), 1, 1),
        )
    )
    inner = slice(1, -1)
    assert np.all(mine.precision(lambdas[inner]) <= grid[inner] + 1e-14)
    one_chain = thresholds_with_the_unknown_at_one(masses)
    assert ours.auc < oracle.dense(lambda s: one_chain(s), size=20_001)["auc"] - 0.1


def thresholds_with_the_unknown_at_one(masses):
    """The sweep with a = b = 0 at the ratio 1 and no other classifiers."""
    a, b = np.concatenate([masses[0], masses[2]]), np.concatenate([masses[1], masses[3]])
    t = np.where((a == 0) & (b == 0), 1.0, np.divide(b, a, out=np.full(len(a), np.inf), where=a > 0))
    real, fake = t[: len(masses[0])], t[len(masses[0]) :]
    rates = [(np.mean(real > cut), np.mean(fake <= cut)) for cut in (-1.0, *np.unique(t))]
    return lambda slopes: np.min([slopes * f + g for f, g in rates], axis=0)


# ------------------------------------------------------------------------------------------------- known laws


def test_every_point_its_own_only_neighbour():
    """Without a split and with one neighbour, everything is told apart: the curve is 0."""
    x, y = gaussian(50, 3, 1), gaussian(40, 3, 2)
    for method in ("knn", "ipr", "coverage"):
        for convention in ("fidiv", "sykes"):
            got = fidiv.pr_curve(x, y, method=method, nearest_k=1, split=None, convention=convention)
            assert got.auc == 0
            assert got.total_variation == 1
    assert fidiv.pr_curve(x, y, nearest_k=1).auc > 0.5


def test_null_law_without_a_split():
    """Equal laws, k = 4, points counted themselves: E max_recall = .876877, E (fpr + fnr) = .625 at 1."""
    n, k, runs = 200, 4, 15
    expected = 1 - math.prod((n - i) / (2 * n - i) for i in range(1, k))
    assert expected == pytest.approx(0.876877, abs=1e-6)
    results = [
        fidiv.pr_curve(gaussian(n, 2, 2 * i), gaussian(n, 2, 2 * i + 1), nearest_k=k, split=None)
        for i in range(runs)
    ]
    ends = [result[key] for result in results for key in ("max_recall", "max_precision")]
    assert np.mean(ends) == pytest.approx(expected, abs=4 * np.std(ends) / math.sqrt(len(ends)))
    middles = [1 - result.total_variation for result in results]
    assert np.mean(middles) == pytest.approx(0.625, abs=0.03)  # the better of two thresholds: a little less
    assert np.mean(middles) < 0.625


def test_null_law_of_fresh_points():
    """Equal laws, a split: what lies near a test point does not depend on its kind, so no threshold helps."""
    gaps = []
    for i in range(30):
        x, y = gaussian(120, 2, 2 * i), gaussian(120, 2, 2 * i + 1)
        train_x, test_x, train_y, test_y = oracle.halves(120, 120, 0.5, i)
        sets = _scores.Sets(x[train_x], y[train_y], x[test_x], y[test_y], "split")
        found = _scores.knn(Sweeps(), sets, 5)
        gaps.append(np.mean(found.b_real > 2) + np.mean(found.b_fake <= 2))
    assert np.mean(gaps) == pytest.approx(1.0, abs=4 * np.std(gaps) / math.sqrt(len(gaps)))


class Sweeps:
    """Brute force in the place of the engine."""

    def knn(self, queries, points, nearest_k):
        from oracle import knn

        return knn(queries, points, nearest_k)

    def count_within(self, centers, radii, points, *, closed=True):
        from oracle import count_within

        return count_within(centers, radii, points, closed)


@pytest.mark.parametrize("d", [2, 8, 64])
def test_the_estimate_comes_near_the_law(d):
    """Shifted Gaussians: nearer with more points; in high dimension neighbours see little, from above."""
    law = exact.gaussian_shift(3.0)
    gaps = []
    for n, runs in ((80, 6), (700, 2)):
        found = []
        for seed in range(runs):
            x, y = gaussian(n, d, 2 * seed), gaussian(n, d, 2 * seed + 1, shift=3 / math.sqrt(d))
            precision = fidiv.pr_curve(x, y).curve["precision"]
            found.append(np.max(np.abs(precision - law.curve["precision"])[400:601]))
        gaps.append(np.mean(found))
    assert gaps[1] < 0.75 * gaps[0]
    assert gaps[1] < 0.08


@pytest.mark.parametrize("method", ["knn", "kde", "coverage"])
def test_in_two_dimensions_all_but_ipr_find_the_law(method):
    law = exact.gaussian_shift(1.0)
    x, y = gaussian(1200, 2, 3), gaussian(1200, 2, 4)
    y[:, 0] += 1
    for split in ("leave-one-out", 0.5):
        got = fidiv.pr_curve(x, y, method=method, split=split)
        assert got.total_variation == pytest.approx(law.total_variation, abs=0.06)
        assert got.auc == pytest.approx(law.auc, abs=0.08)


def test_modes_far_apart():
    """The mixture of the paper: every method sees the weights of the modes, and the curve is theirs."""
    rng = np.random.default_rng(0)
    middles = np.array([0.0, -5.0, 3.0, 5.0])
    w, v = np.array([60, 40, 100, 0]), np.array([0, 100, 40, 60])
    x, y = (np.repeat(middles, sizes)[:, None] + rng.normal(size=(200, 64)) for sizes in (w, v))
    law = exact.modes(w, v)
    for method, bandwidth in (("knn", None), ("clusters", None), ("kde", 8.0)):
        k = 15 if bandwidth is None and method == "knn" else None
        got = fidiv.pr_curve(x, y, method=method, nearest_k=k, bandwidth=bandwidth, num_clusters=4)
        assert got.auc == pytest.approx(law.auc, abs=0.06), method
        assert got.total_variation == pytest.approx(law.total_variation, abs=0.06), method


# --------------------------------------------------------------------------------------- what must not matter


@pytest.mark.parametrize("method", EXACT)
def test_order_scale_and_copies_of_columns(method):
    x, y = gaussian(60, 4, 1), gaussian(45, 4, 2, shift=0.3)
    y[:5] = x[:5]
    rng = np.random.default_rng(0)
    for split in ("leave-one-out", None):
        one = fidiv.pr_curve(x, y, method=method, split=split)
        for other in (
            fidiv.pr_curve(x[rng.permutation(60)], y[rng.permutation(45)], method=method, split=split),
            fidiv.pr_curve(x * 2.0**-20, y * 2.0**-20, method=method, split=split),
            fidiv.pr_curve(-x, -y, method=method, split=split, n_jobs=1),
            fidiv.pr_curve(x.tolist(), np.asfortranarray(y), method=method, split=split),
        ):
            assert dict(other) == dict(one)
            np.testing.assert_array_equal(other.curve["precision"], one.curve["precision"])


@pytest.mark.parametrize("method", [*EXACT, "kernel"])
@pytest.mark.parametrize("split", ["leave-one-out", None])
def test_exchanged_sets_exchange_precision_and_recall(method, split):
    x, y = gaussian(60, 4, 1), gaussian(50, 4, 2, shift=0.3, scale=0.8)
    options = {"method": "kde", "bandwidth": 1.0} if method == "kernel" else {"method": method}
    one, other = (fidiv.pr_curve(*sets, split=split, **options) for sets in ((x, y), (y, x)))
    np.testing.assert_allclose(one.curve["precision"], other.curve["recall"][::-1], rtol=1e-12, atol=1e-15)
    assert one.auc == pytest.approx(other.auc, rel=1e-12)
    assert one.median_precision == pytest.approx(other.median_recall, rel=1e-9)
    assert one.max_f8 == pytest.approx(other.max_f1_8, rel=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_one_law_left_out_is_nearly_one(method):
    """Nothing about a point's own kind leaks into its score: the curve of equal laws is near the square."""
    found = [
        fidiv.pr_curve(gaussian(300, 3, 2 * i), gaussian(240, 3, 2 * i + 1), method=method) for i in range(3)
    ]
    assert np.mean([result.total_variation for result in found]) < 0.16
    assert np.mean([result.auc for result in found]) > 0.9


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("split", MODES)
def test_float32_is_its_float64_copy(method, split):
    x, y = gaussian(60, 4, 1, np.float32), gaussian(50, 4, 2, np.float32, shift=0.3)
    one = fidiv.pr_curve(x, y, method=method, split=split)
    assert dict(one) == dict(
        fidiv.pr_curve(x.astype(np.float64), y.astype(np.float64), method=method, split=split)
    )


@pytest.mark.parametrize("method", METHODS)
def test_the_seed_decides_what_is_drawn_and_nothing_else(method):
    x, y = gaussian(80, 3, 1), gaussian(80, 3, 2, shift=0.5)
    first = fidiv.pr_curve(x, y, method=method, split=0.6, seed=3)
    assert first == fidiv.pr_curve(x, y, method=method, split=0.6, seed=3)
    assert first != fidiv.pr_curve(x, y, method=method, split=0.6, seed=4)
    if method in EXACT:
        one, other = (fidiv.pr_curve(x, y, method=method, seed=seed) for seed in (3, 4))
        assert dict(one) == dict(other)


def test_the_set_against_itself():
    """The same array twice: the point and its copy are not one point."""
    x = gaussian(40, 3, 1)
    for method in EXACT:
        for split in ("leave-one-out", None):
            one, other = (fidiv.pr_curve(x, z, method=method, split=split) for z in (x, x.copy()))
            assert dict(one) == dict(other)
            check_equal(method, x, x, 3, split)


def test_far_apart():
    for method in METHODS:
        got = fidiv.pr_curve(gaussian(60, 3, 1), gaussian(50, 3, 2) + 1e4, method=method, num_clusters=2)
        if got.notes:  # points in no ball: neither reals nor fakes are near, so they cannot be told apart
            assert method in ("kde", "ipr")
            assert 0.95 < got.total_variation <= 1
            continue
        assert got.auc == pytest.approx(0, abs=1e-12)
        assert got.total_variation == 1
        assert all(got[key] == 0 for key in KEYS[2:])


# --------------------------------------------------------------------------------------- options and settings


def test_neighbours_by_default():
    x, y = gaussian(100, 3, 1), gaussian(70, 3, 2)
    assert fidiv.pr_curve(x, y).settings["neighbours"] == 8
    got = fidiv.pr_curve(x, y, split=0.5)
    assert got.settings["neighbours"] == 5
    assert got.settings["training_sizes"] == (50, 35)
    assert got.settings["test_sizes"] == (50, 35)
    assert "a = b = 0" in got.settings["classifiers"]
    assert got.settings["nearest_k"] is None
    assert got.curve["lambdas"][500] == 1.0
    assert got.curve["precision"][500] == pytest.approx(1 - got.total_variation, abs=1e-15)


def test_certified():
    x, y = gaussian(1500, 2, 1), gaussian(1200, 2, 2)
    y[:, 0] += 2.0
    law = exact.gaussian_shift(2.0)
    got = fidiv.pr_curve(x, y, split=0.5, confidence=0.95)
    assert 0.4 < got.total_variation_at_least < law.total_variation < got.total_variation + 0.1
    bound = got.curve["precision_at_most"]
    assert np.all(bound >= law.curve["precision"] - 1e-12)
    assert np.all(bound >= got.curve["precision"] - 1e-12)
    inner = slice(1, -1)
    np.testing.assert_allclose(
        got.curve["recall_at_most"][inner] * got.curve["lambdas"][inner], bound[inner], rtol=1e-12
    )
    surer = fidiv.pr_curve(x, y, split=0.5, confidence=0.999)
    assert surer.total_variation_at_least < got.total_variation_at_least
    assert fidiv.pr_curve(x, x[:1000] + 0.0, split=0.5, confidence=0.95).total_variation_at_least == 0
    assert "total_variation_at_least" not in fidiv.pr_curve(x, y, split=0.5)


def test_in_evaluate_the_keys_have_a_prefix():
    x, y = gaussian(90, 3, 1), gaussian(80, 3, 2, shift=0.5)
    alone = fidiv.pr_curve(x, y)
    together = fidiv.evaluate(x, y, metrics=["pr_curve", "prd"])
    assert [key for key in together if key.startswith("pr_curve_")] == ["pr_curve_" + key for key in alone]
    assert {key: together["pr_curve_" + key] for key in alone} == dict(alone)
    assert together["auc"] == fidiv.prd(x, y)["auc"]
    assert together.settings["families"]["pr_curve"]["neighbours"] == 8
    assert fidiv.evaluate(x, y, metrics=["pr_curve_auc"], nearest_k=3)["pr_curve_auc"] == (
        fidiv.pr_curve(x, y, nearest_k=3).auc
    )
    few = fidiv.evaluate(x[:1], y, metrics=["pr_curve_auc"])
    assert math.isnan(few["pr_curve_auc"])
    assert "at least 2 points in each set" in few.undefined["pr_curve_auc"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "parzen"}, "method must be 'knn', .* got 'parzen'"),
        ({"split": "half"}, "split must be 'leave-one-out', a share"),
        ({"split": 1.0}, "split must be 'leave-one-out', a share"),
        ({"split": 0.001}, "trains on 0; at least one point must train"),
        ({"convention": "official"}, "convention must be 'fidiv' or 'sykes'"),
        ({"convention": "sykes"}, "has no leave-one-out"),
        ({"convention": "sykes", "split": None, "method": "clusters"}, "convention='sykes' is for knn"),
        ({"convention": "sykes", "split": None, "method": "kde", "bandwidth": 1.0}, "with bandwidth=1.0"),
        ({"bandwidth": 1.0}, "bandwidth belongs to method='kde', got method='knn'"),
        ({"bandwidth": 0.0, "method": "kde"}, "bandwidth must be a positive, finite number"),
        ({"method": "clusters", "nearest_k": 3}, "nearest_k=3 has no part in method='clusters'"),
        ({"method": "kde", "bandwidth": 1.0, "nearest_k": 3}, "nearest_k=3 has no part in bandwidth"),
        ({"confidence": 0.95}, "split must be a share, got 'leave-one-out'"),
        ({"confidence": 0.95, "split": None}, "split must be a share, got None"),
        ({"confidence": 1.0, "split": 0.5}, "confidence must be a number between 0 and 1"),
        ({"confidence": 0.9, "split": 0.5, "convention": "sykes"}, "belongs to convention='fidiv'"),
        ({"nearest_k": 0}, "nearest_k must be at least 1"),
        ({"nearest_k": 18}, "nearest_k=18 needs at least 19 points in both sets together"),
        ({"nearest_k": 9, "method": "kde"}, "needs at least 11 points in each set; they have 10 and 8"),
        ({"nearest_k": 8, "method": "coverage"}, "needs at least 9 points in each set"),
        ({"nearest_k": 7, "method": "ipr"}, "needs at least 9 points in each set"),
        ({"nearest_k": 9, "method": "ipr", "split": None}, "needs at least 9 points in each set"),
        ({"nearest_k": 9, "split": 0.4}, "needs at least 9 training points in both sets"),
        ({"method": "clusters", "num_clusters": 19}, "num_clusters=19 needs at least 19"),
        ({"num_clusters": 0}, "num_clusters must be at least 1"),
        ({"seed": -1}, "seed must be from 0"),
    ],
)
def test_wrong_options(options, words):
    with pytest.raises(ValueError, match=words):
        fidiv.pr_curve(gaussian(10, 3, 1), gaussian(8, 3, 2), **options)


def test_wrong_types():
    for options in ({"method": 3}, {"split": True}, {"confidence": "0.9", "split": 0.5}, {"nearest_k": 2.0}):
        with pytest.raises(TypeError):
            fidiv.pr_curve(gaussian(10, 3, 1), gaussian(8, 3, 2), **options)


@pytest.mark.parametrize("method", EXACT)
def test_as_few_points_as_allowed(method):
    """One fewer is an error, so the smallest sizes must work; leaving out is checked by refits."""
    k = 3
    for split in ("leave-one-out", None):
        n, both = _scores.fewest(method, "self" if split is None else split, k, split is None)
        n = max(n, (both + 1) // 2)
        check_equal(method, gaussian(n, 1, 1), gaussian(n, 1, 2), k, split)
        if 2 * n - 2 < both or method != "knn":
            with pytest.raises(ValueError, match="needs at least"):
                fidiv.pr_curve(
                    gaussian(n - 1, 1, 1), gaussian(n - 1, 1, 2), method=method, nearest_k=k, split=split
                )
