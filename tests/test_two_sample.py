"""Two-sample tests: statistics, their laws under relabelling, level and power."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from factories import ADVERSARIES, adversaries, gaussian, lattice
from oracle import two_sample as oracle
from scipy import stats

import fidiv
from fidiv import _two_sample as tests
from fidiv._gram import Distance, Gaussian
from fidiv._plan import gather_one
from fidiv.metrics import Needs

METHODS = ["neighbours", "mmd", "energy", "classifier", "ks"]
PERMUTED = METHODS[:-1]


def found_of(x, y, k=None):
    def needs(a, b, _):
        return Needs() if k is None else tests.neighbours_needs(a.shape[0], b.shape[0], k)

    return gather_one(x, y, needs, None, None)[0]


def test_labels(n, m):
    return np.arange(n + m) >= n


test_labels.__test__ = False


def all_labels(n, m, permutations, seed):
    """The relabellings that a test with this seed draws when it draws nothing before."""
    return next(tests.relabellings(n, m, permutations, np.random.default_rng(seed), permutations)).T


# Statistics and their values under relabelling


@pytest.mark.parametrize(("n", "m", "d", "k"), [(30, 20, 3, 5), (40, 40, 16, 1), (25, 60, 1, 7)])
def test_neighbours_is_the_share_in_the_union(n, m, d, k):
    x, y = gaussian(n, d, 1), gaussian(m, d, 2, shift=0.3)
    graph = oracle.union_graph(x, y, k)
    got = fidiv.two_sample_test(x, y, nearest_k=k, permutations=200, seed=3)
    assert got.statistic == oracle.same_share(graph, test_labels(n, m))
    null = [oracle.same_share(graph, labels) for labels in all_labels(n, m, 200, 3)]
    assert got.p_value == (1 + sum(value >= got.statistic for value in null)) / 201
    assert got.settings["ties"] == 0


@pytest.mark.parametrize(("kernel", "of"), [(Distance(), oracle.energy), (Gaussian(1.7), None)])
@pytest.mark.parametrize(("n", "m"), [(30, 20), (25, 25)])
def test_kernel_sums_are_those_of_every_relabelling(kernel, of, n, m):
    x, y = gaussian(n, 3, 1), gaussian(m, 3, 2, shift=0.3)
    of = of or (lambda a, b: oracle.mmd(a, b, 1.7))
    tested = tests.kernel_test(found_of(x, y), kernel, 120, np.random.default_rng(3), width=50)
    assert tested.statistic == pytest.approx(of(x, y), rel=1e-10)
    union = np.concatenate([x, y])
    null = [of(union[~labels], union[labels]) for labels in all_labels(n, m, 120, 3)]
    np.testing.assert_allclose(tested.null, null, rtol=0, atol=1e-13)
    assert tested.p_value == (1 + sum(value >= of(x, y) - 1e-13 for value in null)) / 121


def test_the_methods_are_those_sums():
    x, y = gaussian(40, 3, 1), gaussian(30, 3, 2, shift=0.3)
    got = fidiv.two_sample_test(x, y, method="mmd", permutations=99)
    assert got.settings["bandwidth"] == pytest.approx(oracle.median_distance(x, y), rel=1e-12)
    assert got.statistic == pytest.approx(oracle.mmd(x, y, got.settings["bandwidth"]), rel=1e-10)
    got = fidiv.two_sample_test(x, y, method="energy", permutations=99)
    assert got.statistic == pytest.approx(oracle.energy(x, y), rel=1e-10)


def test_energy_in_one_dimension_is_that_of_scipy_squared():
    x, y = gaussian(40, 1, 1), gaussian(30, 1, 2)
    got = fidiv.two_sample_test(x, y, method="energy", permutations=99)
    assert got.statistic == pytest.approx(stats.energy_distance(x[:, 0], y[:, 0]) ** 2, rel=1e-9)


def test_classifier_is_an_area_on_rows_it_was_not_fitted_on():
    x, y = gaussian(41, 3, 1), gaussian(30, 3, 2, shift=0.5)
    random = np.random.default_rng(5)
    order_x, order_y = random.permutation(41), random.permutation(30)
    fitted = tests.Logistic(x[order_x[:20]], y[order_y[:15]])
    scores = fitted(x[order_x[20:]]), fitted(y[order_y[15:]])
    got = fidiv.two_sample_test(x, y, method="classifier", permutations=150, seed=5)
    assert (got.settings["n_test"], got.settings["m_test"]) == (21, 15)
    assert got.statistic == pytest.approx(oracle.area_under_curve(*scores), abs=1e-12)
    union = np.concatenate(scores)
    labels = next(tests.relabellings(21, 15, 150, random, 150)).T
    null = [oracle.area_under_curve(union[~one], union[one]) for one in labels]
    assert got.p_value == (1 + sum(value >= got.statistic - 1e-12 for value in null)) / 151


@pytest.mark.parametrize("ties", [False, True])
def test_ks_of_each_column(ties):
    x, y = gaussian(30, 5, 1), gaussian(22, 5, 2)
    y[:, 3] += 1.5
    if ties:
        x, y = np.round(2 * x), np.round(2 * y)
    got = fidiv.two_sample_test(x, y, method="ks")
    columns = got.features
    for c in range(5):
        assert columns["ks_statistic"][c] == pytest.approx(
            oracle.kolmogorov_smirnov(x[:, c], y[:, c]), abs=1e-12
        )
        assert columns["p_value"][c] == pytest.approx(stats.ks_2samp(x[:, c], y[:, c]).pvalue, rel=1e-9)
        shift = (y[:, c].mean() - x[:, c].mean()) / x[:, c].std(ddof=1)
        assert columns["mean_shift"][c] == pytest.approx(shift, abs=1e-12)
    np.testing.assert_allclose(
        columns["adjusted_p_value"], oracle.holm(columns["p_value"].tolist()), rtol=1e-12
    )
    assert got.statistic == columns["ks_statistic"].max()
    assert got.p_value == columns["adjusted_p_value"].min()
    assert int(columns["adjusted_p_value"].argmin()) == 3


def test_the_law_of_ks_is_exact():
    """Against all labellings of ten values."""
    x, y = gaussian(6, 1, 4), gaussian(4, 1, 5, shift=0.8)
    union = np.concatenate([x, y])[:, 0]
    exact = oracle.exact_p_value(lambda one: oracle.kolmogorov_smirnov(union[~one], union[one]), 6, 4)
    assert fidiv.two_sample_test(x, y, method="ks").p_value == pytest.approx(exact, rel=1e-9)


def test_shifts_of_constant_columns():
    x, y = np.full((7, 3), 0.1), np.full((5, 3), 0.1)
    y[:, 1:] = [0.2, 0.0]
    shifts = fidiv.two_sample_test(x, y, method="ks").features["mean_shift"]
    np.testing.assert_array_equal(shifts, [0.0, np.inf, -np.inf])


# The law under relabelling


@pytest.mark.parametrize("method", PERMUTED)
def test_p_value_is_that_of_all_labellings(method):
    """On so few points that all can be listed: within 4 standard errors of 20,000 draws."""
    x, y = gaussian(6, 2, 1), gaussian(5, 2, 6, shift=0.8)
    k, union = 3, np.concatenate([x, y])
    graph, width = oracle.union_graph(x, y, k), oracle.median_distance(x, y)
    statistic = {
        "neighbours": lambda one: oracle.same_share(graph, one),
        "mmd": lambda one: oracle.mmd(union[~one], union[one], width),
        "energy": lambda one: oracle.energy(union[~one], union[one]),
    }
    got = fidiv.two_sample_test(x, y, method=method, nearest_k=k, permutations=20_000)
    if method == "classifier":
        random = np.random.default_rng(0)
        order_x, order_y = random.permutation(6), random.permutation(5)
        fitted = tests.Logistic(x[order_x[:3]], y[order_y[:2]])
        scores = np.concatenate([fitted(x[order_x[3:]]), fitted(y[order_y[2:]])])
        exact = oracle.exact_p_value(lambda one: oracle.area_under_curve(scores[~one], scores[one]), 3, 3)
    else:
        exact = oracle.exact_p_value(statistic[method], 6, 5)
    assert 0 < exact < 1
    assert abs(got.p_value - exact) < 4 * math.sqrt(exact * (1 - exact) / 20_000) + 1e-4


@pytest.mark.parametrize(("n", "m", "k"), [(6, 5, 3), (7, 3, 1), (2, 2, 3), (1, 3, 2), (1, 1, 1), (8, 2, 9)])
def test_moments_in_closed_form_are_those_of_all_labellings(n, m, k):
    x, y = gaussian(n, 2, 1), gaussian(m, 2, 2)
    graph = oracle.union_graph(x, y, k)
    law = oracle.exact_law(lambda labels: oracle.same_share(graph, labels), n, m)
    expected, deviation = tests.same_label_moments(graph, n, m)
    assert expected == pytest.approx(law.mean(), rel=1e-12)
    assert deviation == pytest.approx(law.std(), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("method", PERMUTED)
def test_permutations_agree_with_the_closed_form(method):
    x, y = gaussian(80, 3, 1), gaussian(50, 3, 2)
    found, random = found_of(x, y, 4), np.random.default_rng(1)
    tested = {
        "neighbours": lambda: tests.neighbours_test(found, 4, 4000, random),
        "mmd": lambda: tests.mmd_test(found, 4000, random),
        "energy": lambda: tests.energy_test(found, 4000, random),
        "classifier": lambda: tests.classifier_test(found, 4000, random),
    }[method]()
    error = tested.deviation / math.sqrt(4000)
    assert abs(tested.null.mean() - tested.expected) < 4 * error
    assert tested.null.std() == pytest.approx(tested.deviation, rel=0.06)


def test_kernel_expectations_are_those_of_all_labellings():
    x, y = gaussian(5, 2, 1), gaussian(4, 2, 2)
    union = np.concatenate([x, y])
    for method, of in (
        ("energy", oracle.energy),
        ("mmd", lambda a, b: oracle.mmd(a, b, oracle.median_distance(x, y))),
    ):
        law = oracle.exact_law(lambda one, of=of: of(union[~one], union[one]), 5, 4)
        got = fidiv.two_sample_test(x, y, method=method)
        assert got.expected_statistic == pytest.approx(law.mean(), rel=1e-10)


def test_relabellings_keep_the_sizes_and_do_not_depend_on_the_slab():
    one = np.concatenate(list(tests.relabellings(20, 9, 30, np.random.default_rng(4), 30)), axis=1)
    many = np.concatenate(list(tests.relabellings(20, 9, 30, np.random.default_rng(4), 7)), axis=1)
    np.testing.assert_array_equal(one, many)
    assert (one.sum(axis=0) == 9).all()
    assert len(np.unique(one, axis=1).T) == 30


def test_threshold_is_where_the_p_value_reaches_the_level():
    null = np.array([0.0, 1.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])  # P + 1 = 10
    for level in (0.1, 0.15, 0.2, 0.29, 0.5, 0.7, 0.8):
        threshold = tests.Tested(0.0, 1.0, null).threshold(level)
        for value in np.arange(-0.5, 8, 0.5):
            assert (tests.p_value(value, null) <= level) == (value > threshold), (level, value)


def test_holm_and_benjamini_hochberg():
    rng = np.random.default_rng(1)
    for size in (1, 2, 9, 40):
        p = np.round(rng.uniform(size=size) ** 3, 2)
        np.testing.assert_allclose(tests.holm(p), oracle.holm(p.tolist()), rtol=1e-12)
        for rate in (0.01, 0.2, 0.6):
            assert tests.chosen_at_rate(p, rate).tolist() == oracle.benjamini_hochberg(p.tolist(), rate)


# Level and power


def p_values(method, runs, n, m, draw, shift=0.0, **options):
    found = []
    for run in range(runs):
        rng = np.random.default_rng([run, n, m])
        x, y = draw(rng, n), draw(rng, m) + shift
        result = fidiv.two_sample_test(x, y, method=method, permutations=99, seed=run, n_jobs=1, **options)
        found.append(result.p_value)
    return np.array(found)


def too_many(runs, level):
    return runs * level + 3 * math.sqrt(runs * level * (1 - level))


@pytest.mark.parametrize("d", [2, 16])
@pytest.mark.parametrize("method", METHODS)
def test_level(method, d):
    """At most 5 % and 3 standard errors of false alarms; p-values not leaning to one side."""
    runs = 40 if method == "classifier" else 200  # it is slow to fit
    found = p_values(method, runs, 33, 18, lambda rng, size: rng.normal(size=(size, d)))
    assert np.count_nonzero(found <= 0.05) <= too_many(runs, 0.05)
    assert np.count_nonzero(found <= 0.2) <= too_many(runs, 0.2)
    if method != "ks":  # corrected p-values are cautious
        assert abs(found.mean() - 0.5) < 3 * 0.29 / math.sqrt(runs) + 0.02


@pytest.mark.parametrize("d", [2, 16])
@pytest.mark.parametrize("method", METHODS)
def test_power_on_a_clear_shift(method, d):
    found = p_values(method, 20, 60, 45, lambda rng, size: rng.normal(size=(size, d)), shift=1.2)
    assert np.count_nonzero(found <= 0.05) > 18


@pytest.mark.parametrize("method", ["neighbours", "energy"])
def test_power_on_another_scale(method):
    """No mean moves: what a linear classifier cannot see."""
    for run in range(10):
        rng = np.random.default_rng(run)
        x, y = rng.normal(size=(150, 8)), 2 * rng.normal(size=(100, 8))
        assert fidiv.two_sample_test(x, y, method=method).p_value <= 0.05


def test_level_when_all_points_are_equal():
    """An order of ties by index would make the reals everybody's neighbours: the largest statistic there is
    for n > m, and a p-value of (2 / 3)^12."""
    found = p_values("neighbours", 150, 40, 20, lambda rng, size: np.ones((size, 2)), nearest_k=12)
    assert np.count_nonzero(found <= 0.05) <= too_many(150, 0.05)


def test_level_on_a_lattice():
    found = p_values("neighbours", 150, 40, 20, lambda rng, size: rng.integers(0, 3, size=(size, 2)) * 1.0)
    assert np.count_nonzero(found <= 0.05) <= too_many(150, 0.05)
    assert abs(found.mean() - 0.5) < 3 * 0.29 / math.sqrt(150) + 0.02


def test_bandwidth_where_most_points_are_equal():
    x, y = np.zeros((20, 1)), np.zeros((10, 1))
    x[0] = 15.0  # 29 of 435 pairs
    got = fidiv.two_sample_test(x, y, method="mmd")
    assert got.settings["bandwidth"] == pytest.approx(1.0)
    assert got.p_value > 0.5


@pytest.mark.parametrize("method", ["mmd", "energy", "classifier", "ks"])
def test_equal_points_are_no_evidence(method):
    assert fidiv.two_sample_test(np.ones((9, 2)), np.ones((6, 2)), method=method).p_value == 1.0


def test_ties_follow_a_random_order_of_the_union():
    """The graph is that of the union with its rows in that order."""
    x, y, k = lattice(30, 2, 1), lattice(22, 2, 2), 4
    random, again = np.random.default_rng(8), np.random.default_rng(8)
    neighbours, ties = tests.union_neighbours(found_of(x, y, k), k, random)
    order = again.permutation(52)
    union = np.concatenate([x, y])[order]
    graph = oracle.union_graph(union[:1], union[1:], k)
    expected = np.empty((52, k), dtype=np.int64)
    expected[order] = order[graph]
    np.testing.assert_array_equal(neighbours, expected)
    assert ties > 0
    result = fidiv.two_sample_test(x, y, nearest_k=k)
    assert result.settings["ties"] == ties
    assert any("random order" in note for note in result.notes)


# Invariances and edges


@pytest.mark.parametrize("method", METHODS)
def test_units_and_origin_do_not_matter(method):
    x, y = gaussian(60, 4, 1), gaussian(40, 4, 2, shift=0.4)
    one = fidiv.two_sample_test(x, y, method=method, permutations=199)
    other = fidiv.two_sample_test(8 * x + 5, 8 * y + 5, method=method, permutations=199)
    assert other.p_value == one.p_value
    factor = 8 if method == "energy" else 1
    assert other.statistic == pytest.approx(factor * one.statistic, rel=1e-6)


@pytest.mark.parametrize("method", ["neighbours", "mmd", "energy", "ks"])
def test_order_of_rows_does_not_matter_to_the_statistic(method):
    x, y = gaussian(60, 4, 1), gaussian(40, 4, 2, shift=0.4)
    one = fidiv.two_sample_test(x, y, method=method, permutations=99)
    other = fidiv.two_sample_test(x[::-1], y[::-1], method=method, permutations=99)
    swapped = fidiv.two_sample_test(y, x, method=method, permutations=99)
    assert other.statistic == pytest.approx(one.statistic, rel=1e-10)
    assert swapped.statistic == pytest.approx(one.statistic, rel=1e-10)


@pytest.mark.parametrize("method", METHODS)
def test_float32_is_its_float64_copy_and_threads_and_seeds_are_what_they_are(method):
    x, y = gaussian(60, 4, 1, np.float32), gaussian(40, 4, 2, np.float32)
    one = fidiv.two_sample_test(x, y, method=method, permutations=99)
    assert (
        one.p_value == fidiv.two_sample_test(x * 1.0, y.astype(float), method=method, permutations=99).p_value
    )
    assert one == fidiv.two_sample_test(x, y, method=method, permutations=99, n_jobs=2)
    assert one == pickle.loads(pickle.dumps(one))
    if method != "ks":
        assert one != fidiv.two_sample_test(x, y, method=method, permutations=99, seed=1)
        assert list(one) == ["statistic", "p_value", "expected_statistic", "statistic_std"]
        assert one.settings["permutations"] == 99
        assert any("permutations=99" in note for note in one.notes)
    else:
        assert list(one) == ["statistic", "p_value"]
        assert "permutations" not in one.settings
    assert all(type(value) is float for value in one.values())


def test_features_are_read_only_and_compared():
    x, y = gaussian(20, 3, 1), gaussian(15, 3, 2)
    one = fidiv.two_sample_test(x, y, method="ks")
    with pytest.raises(ValueError):
        one.features["p_value"][0] = 0
    with pytest.raises(TypeError):
        one.features["p_value"] = np.zeros(3)
    assert one != fidiv.two_sample_test(x[:, [1, 0, 2]], y[:, [1, 0, 2]], method="ks")  # the same two values


@pytest.mark.parametrize("name", ADVERSARIES)
def test_hard_rows(name):
    x, y = adversaries(5, 20)[name]
    graph_like = fidiv.two_sample_test(x, y, permutations=99)
    assert 0.01 <= graph_like.p_value <= 1
    if graph_like.settings["ties"] == 0:
        graph = oracle.union_graph(np.asarray(x, float), np.asarray(y, float), 5)
        assert graph_like.statistic == oracle.same_share(graph, test_labels(len(x), len(y)))
    for method in ("mmd", "energy", "ks"):
        result = fidiv.two_sample_test(x, y, method=method, permutations=99)
        assert 0 <= result.p_value <= 1
        assert math.isfinite(result.statistic)


@pytest.mark.parametrize("method", ["neighbours", "mmd", "energy", "ks"])
def test_one_point_each(method):
    result = fidiv.two_sample_test([[1.0]], [[2.0]], method=method, nearest_k=1, permutations=99)
    assert result.p_value == 1.0


def test_two_points_each_are_enough_for_the_classifier():
    assert fidiv.two_sample_test(gaussian(2, 1), gaussian(2, 1, 1), method="classifier").p_value > 0.3


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"method": "knn"}, ValueError, "method must be one of neighbours, mmd, energy, classifier, ks"),
        ({"method": 3}, TypeError, "method must be one of"),
        ({"permutations": 98}, ValueError, "permutations must be at least 99"),
        ({"permutations": 1e3}, TypeError, "permutations must be an integer"),
        ({"seed": -1}, ValueError, "seed"),
        ({"nearest_k": 0}, ValueError, "nearest_k must be at least 1"),
        ({"nearest_k": 7}, ValueError, "at least 8 points in real_features and fake_features together"),
    ],
)
def test_wrong_options(options, error, words):
    with pytest.raises(error, match=words):
        fidiv.two_sample_test(gaussian(4, 2), gaussian(3, 2, 1), **options)


def test_wrong_sets():
    with pytest.raises(ValueError, match="fake_features has 1 point"):
        fidiv.two_sample_test(gaussian(4, 1), gaussian(1, 1), method="classifier")
    with pytest.raises(ValueError, match="3 columns, real_features has 2"):
        fidiv.two_sample_test(gaussian(4, 2), gaussian(4, 3))
