"""The neighbour engine: every index, count and mask is the oracle's, on every kernel, on any rows."""

from __future__ import annotations

from functools import cache

import numpy as np
import oracle
import pytest
from factories import ADVERSARIES, adversaries, ask, gaussian, lattice, point_sets
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from fidiv import _core, neighbors


def same(name, got, expected):
    """Equal to the bit, and of the promised type."""
    expected = np.asarray(expected)
    assert got.dtype == expected.dtype, name
    assert_array_equal(got, expected, err_msg=name, strict=True)


def questions_across(x, y, k):
    """All questions between x (rows) and y (columns), each with the oracle's answer."""
    d = oracle.distances(x, y)
    own = {"rows": some_radii(d, 0), "columns": some_radii(d.T, 1)}
    sets = {"rows": (x, y), "columns": (y, x)}
    for side, (mine, other) in sets.items():
        table = d if side == "rows" else d.T
        kk = min(k, len(other))
        order = np.argsort(table, axis=1, kind="stable")[:, :kk]
        yield ("nearest", side, kk), (np.take_along_axis(table, order, axis=1), order.astype(np.int64))
        radii = own[side]
        for closed in (True, False):
            inside = table <= radii[:, None] if closed else table < radii[:, None]
            yield ("count_within", side, radii, closed), inside.sum(axis=1).astype(np.int64)
            yield ("covered_by", side, radii, closed), inside.sum(axis=0).astype(np.int64)
            yield ("covered", side, radii, closed), inside.any(axis=0)
            yield ("least_radius", side, radii, closed), least_radius(inside, radii)
        yield ("best_ratio", side, radii), oracle.best_ratio(other, mine, radii)
        yield from products(table, side)


def questions_within(x, k):
    kk = min(k, len(x) - 1)
    if kk:
        yield ("nearest", "rows", kk), oracle.knn(x, None, kk)
    radii = some_radii(oracle.distances(x), 2)
    for closed in (True, False):
        inside = oracle.in_balls(x, radii, x, closed, own=True)
        yield ("count_within", "rows", radii, closed), inside.sum(axis=1).astype(np.int64)
        yield ("covered_by", "rows", radii, closed), inside.sum(axis=0).astype(np.int64)
        yield ("covered", "rows", radii, closed), inside.any(axis=0)
        yield ("least_radius", "rows", radii, closed), least_radius(inside, radii)
    table = oracle.distances(x)
    np.fill_diagonal(table, np.inf)  # a factor of 1
    yield from products(table, "rows")


def least_radius(inside, radii):
    """Of the balls (rows of the table) that hold each point; infinite where none does."""
    return np.where(inside, radii[:, None], np.inf).min(axis=0)


def products(table, side):
    """Products over the columns of the table: of few factors, and of all."""
    for reach in (np.median(table), table.min(), 1.5 * table[np.isfinite(table)].max(initial=0.0)):
        with np.errstate(all="ignore"):
            factors = np.where(table < reach, table / reach, 1.0)
        factors[table == 0] = 0.0
        yield ("product", side, float(reach)), factors.prod(axis=1)


def some_radii(table, seed):
    """Radii that hurt: most are exactly a distance of their own row, some a unit in the last place beside it,
    some 0, and one infinite."""
    n, m = table.shape
    rng = np.random.default_rng(seed)
    radii = np.ascontiguousarray(table[np.arange(n), rng.integers(0, m, n)])
    radii[1::5] = np.nextafter(radii[1::5], np.inf)
    radii[2::5] = np.nextafter(radii[2::5], 0)
    radii[3::7] = 0.0
    if n > 4:
        radii[4] = np.inf
    return radii


def compare(asked, answers):
    assert len(asked) == len(answers)
    for (question, expected), got in zip(asked, answers, strict=True):
        name = " ".join(str(part) for part in question if not isinstance(part, np.ndarray))
        if question[0] == "nearest":
            same(name + " distances", got[0], expected[0])
            same(name + " indices", got[1], expected[1])
        elif question[0] == "product":  # a rounded number, and 0 below 2^-54
            np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1.01 * 2.0**-54, err_msg=name)
        else:
            same(name, got, expected)


def check(x, y, k=5, **keywords):
    """Everything between x and y and within x, each in one sweep."""
    asked = list(questions_across(x, y, k))
    compare(asked, ask(x, y, [question for question, _ in asked], **keywords))
    if len(x) > 1:
        asked = list(questions_within(x, k))
        compare(asked, ask(x, None, [question for question, _ in asked], **keywords))


# Adversaries


@cache
def hard_pair(name, d):
    return adversaries(d)[name]


@pytest.mark.parametrize("name", ADVERSARIES)
def test_adversaries(name, kernel):
    check(*hard_pair(name, 33), kernel=kernel)


@pytest.mark.parametrize("name", ADVERSARIES)
def test_adversaries_in_low_dimension(name):
    check(*hard_pair(name, 3))


@pytest.mark.parametrize("large", [1e30, 1e76, 1e90, 1e110, 1e150])
@pytest.mark.parametrize("small", [1.0, 1e-80, 1e-150])
def test_squares_beyond_float64_in_any_common_unit(large, small, kernel):
    """Most rows are so small that, in units that suit them, the square of the large ones overflows."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 3)) * small, rng.normal(size=(30, 3)) * small
    x[[3, 4]], y[[1, 2, 5]] = np.array([[large], [-large]]), np.array([[large], [large / 2], [large]])
    check(x, y, kernel=kernel)
    check(x[:4, :1], y[:3, :1], kernel=kernel)


@pytest.mark.parametrize("name", ["near ties", "lattice", "far outlier, float32", "rows of mixed scale"])
def test_adversaries_of_many_blocks(name, kernel):
    x, y = adversaries(17, 500, seed=3)[name]
    check(x, y, kernel=kernel, n_jobs=2)


@pytest.mark.parametrize("d", [1, 2, 3, 5, 7, 15, 16, 17, 31, 32, 33, 63, 64, 65, 97])
def test_every_width(d, kernel):
    check(gaussian(37, d, 1), gaussian(41, d, 2, np.float32), kernel=kernel)
    check(lattice(37, d, 1), lattice(41, d, 2, dtype=np.float32), kernel=kernel)


@pytest.mark.parametrize("n", [1, 2, 223, 224, 225, 449, 700])
def test_sizes_around_the_blocks(n, kernel):
    x = gaussian(n, 6, n)
    for m in (1, 3, 225, 448):
        check(x, gaussian(m, 6, m + 1), k=3, kernel=kernel, n_jobs=2)


def test_all_neighbours(kernel):
    """k = n - 1 within and k = m across: the whole order."""
    x, y = lattice(61, 4, 1), lattice(47, 4, 2)
    check(x, y, k=1000, kernel=kernel)


def test_many_k_in_one_sweep(kernel):
    x, y = gaussian(90, 12, 1), gaussian(80, 12, 2)
    ks = [1, 2, 5, 17, 79]
    answers = ask(x, y, [("nearest", "rows", k) for k in ks], kernel=kernel)
    for k, (distances, indices) in zip(ks, answers, strict=True):
        expected = oracle.knn(x, y, k)
        same(f"k={k}", distances, expected[0])
        same(f"k={k}", indices, expected[1])


def test_no_question_no_answer():
    assert ask(gaussian(5, 2), gaussian(4, 2), []) == []


@given(point_sets(), st.integers(1, 8))
def test_exact_on_anything(kernel, sets, k):
    check(*sets, k=k, kernel=kernel)


# What must not matter


@pytest.mark.parametrize("n_jobs", [1, 2, 3, 8])
def test_threads_change_nothing(n_jobs, kernel):
    check(gaussian(530, 20, 1), gaussian(470, 20, 2), kernel=kernel, n_jobs=n_jobs)


@pytest.mark.parametrize("first", [np.float32, np.float64])
@pytest.mark.parametrize("second", [np.float32, np.float64])
def test_mixed_dtypes(first, second, kernel):
    check(gaussian(130, 40, 1, first), gaussian(110, 40, 2, second), kernel=kernel)


@pytest.mark.parametrize("extra", [1, 7, 31, 32, 64])
@pytest.mark.parametrize("d", [1, 31, 33, 64])
def test_zero_columns_change_no_bit(d, extra, kernel):
    x, y = gaussian(50, d, 1), gaussian(40, d, 2)
    wide_x, wide_y = (np.hstack([z, np.zeros((len(z), extra))]) for z in (x, y))
    question = [("nearest", "rows", 40), ("nearest", "columns", 50)]
    for plain, wide in zip(
        ask(x, y, question, kernel=kernel), ask(wide_x, wide_y, question, kernel=kernel), strict=True
    ):
        same("distances", wide[0], plain[0])
        same("indices", wide[1], plain[1])


@pytest.mark.parametrize("offset", [1e6, -1e6, 2.0**40])
def test_translation_of_integers_changes_no_bit(offset, kernel):
    x, y = lattice(120, 9, 1, side=5), lattice(100, 9, 2, side=5)
    here = ask(x, y, [("nearest", "rows", 7)], kernel=kernel)[0]
    there = ask(x + offset, y + offset, [("nearest", "rows", 7)], kernel=kernel)[0]
    same("distances", there[0], here[0])
    same("indices", there[1], here[1])


def test_permutation_of_rows(kernel):
    x, y = gaussian(300, 11, 1), gaussian(260, 11, 2)
    rng = np.random.default_rng(5)
    p, q = rng.permutation(300), rng.permutation(260)
    (distances, indices), (back, back_indices) = ask(
        x, y, [("nearest", "rows", 6), ("nearest", "columns", 6)], kernel=kernel
    )
    (moved, moved_indices), (moved_back, moved_back_indices) = ask(
        x[p], y[q], [("nearest", "rows", 6), ("nearest", "columns", 6)], kernel=kernel
    )
    same("distances", moved, distances[p])
    same("indices", q[moved_indices], indices[p])  # no ties among Gaussians
    same("distances back", moved_back, back[q])
    same("indices back", p[moved_back_indices], back_indices[q])


def test_swapped_roles(kernel):
    x, y = lattice(150, 5, 1), lattice(130, 5, 2)
    ab = ask(x, y, [("nearest", "rows", 4), ("nearest", "columns", 4)], kernel=kernel)
    ba = ask(y, x, [("nearest", "columns", 4), ("nearest", "rows", 4)], kernel=kernel)
    for one, other in zip(ab, ba, strict=True):
        same("distances", one[0], other[0])
        same("indices", one[1], other[1])


def test_a_set_across_itself_is_the_set_within_with_itself_first(kernel):
    x = gaussian(240, 8, 1)
    across = ask(x, x, [("nearest", "rows", 4)], kernel=kernel)[0]
    within = ask(x, None, [("nearest", "rows", 3)], kernel=kernel)[0]
    same("itself", across[1][:, 0], np.arange(240))
    same("distance to itself", across[0][:, 0], np.zeros(240))
    same("indices", across[1][:, 1:], within[1])
    same("distances", across[0][:, 1:], within[0])


def test_memory_maps(tmp_path, kernel):
    x, y = gaussian(230, 18, 1, np.float32), gaussian(210, 18, 2)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    mapped_x, mapped_y = (np.load(tmp_path / name, mmap_mode="r") for name in ("x.npy", "y.npy"))
    for (a, b), (c, e) in [
        ((mapped_x, mapped_y), (x, y)),
        ((mapped_x, y), (x, y)),
    ]:
        got = ask(a, b, [("nearest", "rows", 5)], kernel=kernel)[0]
        expected = oracle.knn(c, e, 5)
        same("distances", got[0], expected[0])
        same("indices", got[1], expected[1])


# The guard at work


def test_the_filter_settles_few_pairs(kernel):
    x, y = gaussian(900, 64, 1, np.float32), gaussian(800, 64, 2, np.float32)
    report = _core.sweep(_core.Points(x, "x"), _core.Points(y, "y"), [("nearest", "rows", 5)])[1]
    assert report["kernel"] == kernel
    assert report["pairs"] >= 900 * 800
    assert 900 * 5 <= report["settled"] <= report["pairs"] // 4


def test_within_visits_half_the_pairs(kernel):
    x = gaussian(900, 16, 1)
    within = _core.sweep(_core.Points(x, "x"), None, [("nearest", "rows", 5)])[1]["pairs"]
    across = _core.sweep(_core.Points(x, "x"), _core.Points(x, "y"), [("nearest", "rows", 5)])[1]["pairs"]
    assert within <= 0.65 * across


# Balls whose radius is exactly a distance


@given(point_sets(max_rows=14, max_columns=6), st.data())
def test_balls_at_exact_radii(sets, data):
    x, y = sets
    d = oracle.distances(x, y)
    picks = data.draw(st.lists(st.integers(0, len(y) - 1), min_size=len(x), max_size=len(x)))
    radii = d[np.arange(len(x)), picks]
    closed, opened = ask(
        x, y, [("count_within", "rows", radii, True), ("count_within", "rows", radii, False)]
    )
    same("closed", closed, (d <= radii[:, None]).sum(axis=1).astype(np.int64))
    same("open", opened, (d < radii[:, None]).sum(axis=1).astype(np.int64))
    assert (closed > opened).all()


def test_radius_zero_and_infinite(kernel):
    x, y = lattice(70, 3, 1, side=4), lattice(60, 3, 2, side=4)
    zero, infinite = np.zeros(70), np.full(70, np.inf)
    questions = [
        ("count_within", "rows", zero, True),
        ("count_within", "rows", zero, False),
        ("count_within", "rows", infinite, True),
        ("count_within", "rows", infinite, False),
        ("covered", "rows", infinite, False),
        ("best_ratio", "rows", zero),
        ("best_ratio", "rows", infinite),
    ]
    exact, nothing, everything, also, covered, never, always = ask(x, y, questions, kernel=kernel)
    same("zero closed", exact, (oracle.distances(x, y) == 0).sum(axis=1).astype(np.int64))
    assert exact.sum() > 0
    assert not nothing.any()
    assert (everything == 60).all()
    assert (also == 60).all()
    assert covered.all()
    assert not never.any()
    assert np.isinf(always).all()


def test_best_ratio_edges(kernel):
    centers = np.array([[0.0], [0.0], [10.0]])
    points = np.array([[0.0], [1.0], [10.0], [9.0]])
    ratio = ask(centers, points, [("best_ratio", "rows", np.array([0.0, 2.0, 0.0]))], kernel=kernel)[0]
    same("ratios", ratio, np.array([np.inf, 2.0, 0.2, 2.0 / 9.0]))


# The public functions


def test_knn():
    x, y = lattice(40, 4, 1), gaussian(30, 4, 2)
    for got, expected in [
        (neighbors.knn(x, y, nearest_k=3), oracle.knn(x, y, 3)),
        (neighbors.knn(queries=x, points=y, nearest_k=30), oracle.knn(x, y, 30)),
        (neighbors.knn(x, nearest_k=39), oracle.knn(x, None, 39)),
        (neighbors.knn(x, None, nearest_k=1), oracle.knn(x, None, 1)),
    ]:
        same("distances", got[0], expected[0])
        same("indices", got[1], expected[1])


@pytest.mark.parametrize("closed", [True, False])
def test_balls(closed):
    x, y = lattice(40, 4, 1), lattice(30, 4, 2)
    radii = oracle.radii(x, 5)
    same(
        "count_within",
        neighbors.count_within(x, radii, y, closed=closed),
        oracle.count_within(x, radii, y, closed),
    )
    same(
        "covered_by", neighbors.covered_by(y, x, radii, closed=closed), oracle.covered_by(y, x, radii, closed)
    )


def test_radii_of_any_numbers():
    """Lists and integers are fine as radii; balls are closed unless asked otherwise."""
    x, y = [[0.0], [5.0]], [[1.0], [2.0], [5.0]]
    same("integers", neighbors.count_within(x, [2, 3], y), np.array([2, 2]))
    same("open", neighbors.count_within(x, np.array([2, 3], np.int8), y, closed=False), np.array([1, 1]))
    same("float32", neighbors.covered_by(y, x, np.array([2, 3], np.float32)), np.array([1, 2, 1]))


@pytest.mark.parametrize(
    ("radii", "words"),
    [
        ([1.0, -1.0, 2.0], "radii.*negative"),
        ([1.0, np.nan, 2.0], "radii.*NaN"),
        ([1.0, 2.0], "radii.*2.*3"),
        ([1.0, 2.0, 3.0, 4.0], "radii.*4.*3"),
        ([[1.0], [2.0], [3.0]], "radii"),
        (["a", "b", "c"], "radii"),
        ([1j, 2j, 3j], "radii"),
    ],
)
def test_bad_radii(radii, words):
    x, y = gaussian(3, 2), gaussian(4, 2)
    with pytest.raises((ValueError, TypeError), match=words):
        neighbors.count_within(x, radii, y)
    with pytest.raises((ValueError, TypeError), match=words):
        neighbors.covered_by(y, x, radii)


@pytest.mark.parametrize(
    "radii",
    [np.array([1.0, -1.0, 2.0]), np.array([1.0, np.nan, 2.0]), np.ones(2), np.array([1.0, -np.inf, 2.0])],
)
@pytest.mark.parametrize("kind", ["count_within", "covered_by", "covered", "best_ratio", "least_radius"])
def test_the_extension_checks_radii_itself(kind, radii):
    question = (kind, "rows", radii) if kind == "best_ratio" else (kind, "rows", radii, True)
    with pytest.raises(ValueError, match=r"\w"):
        ask(gaussian(3, 2), gaussian(4, 2), [question])


@pytest.mark.parametrize(
    "question",
    [
        ("nearest", "rows", 0),
        ("nearest", "rows", 6),
        ("nearest", "columns", 5),
        ("nearest", "diagonal", 1),
        ("furthest", "rows", 1),
        ("nearest", "rows"),
        ("count_within", "rows", np.ones(4)),
        ("best_ratio", "rows", np.ones(4, np.float32)),
        (),
    ],
)
def test_the_extension_refuses_bad_questions(question):
    with pytest.raises((ValueError, TypeError, IndexError), match=r"\w"):
        ask(gaussian(4, 2), gaussian(5, 2), [question])


def test_within_a_set_there_are_no_columns():
    with pytest.raises(ValueError, match="side"):
        ask(gaussian(4, 2), None, [("nearest", "columns", 1)])


def test_widths_must_agree():
    with pytest.raises(ValueError, match=r"3.*2|2.*3"):
        ask(gaussian(4, 2), gaussian(4, 3), [("nearest", "rows", 1)])
    with pytest.raises(ValueError, match=r"points has 3 columns, queries has 2"):
        neighbors.knn(gaussian(4, 2), gaussian(4, 3), nearest_k=1)


@pytest.mark.parametrize("k", [0, -1])
def test_k_below_one(k):
    with pytest.raises(ValueError, match="nearest_k"):
        neighbors.knn(gaussian(4, 2), nearest_k=k)


@pytest.mark.parametrize("k", [True, 1.0, 2.5, "3", None])
def test_k_is_an_integer(k):
    with pytest.raises(TypeError, match="nearest_k"):
        neighbors.knn(gaussian(4, 2), nearest_k=k)


def test_k_may_be_a_numpy_integer():
    same("indices", neighbors.knn([[0.0], [1.0], [3.0]], nearest_k=np.int16(1))[1], np.array([[1], [0], [1]]))


@pytest.mark.parametrize("d", [1, 2, 3, 5, 8, 10])
def test_trees_answer_where_columns_are_few(d, monkeypatch):
    x = gaussian(6000, d, 1, np.float32)
    x[3000:3100] = x[:100]  # ties
    points = _core.Points(x, "x")
    found = {}
    for kernel in _core.config()["kernels"]:
        monkeypatch.setenv("FIDIV_KERNEL", kernel)
        for jobs in (1, 8):
            answers, report = _core.sweep(points, None, [("nearest", "rows", 4)], n_jobs=jobs)
            assert (report["code"], report["kernel"]) == ("tree", kernel)
            found[kernel, jobs] = (*answers[0], report["settled"])
    distances, indices, settled = found["portable", 1]
    for other in found.values():
        assert_array_equal(other[0], distances, strict=True)
        assert_array_equal(other[1], indices, strict=True)
        assert other[2] == settled
    some = np.arange(0, 6000, 75)
    exact = oracle.distances(x[some], x)
    exact[np.arange(len(some)), some] = np.inf
    assert_array_equal(indices[some], np.argsort(exact, axis=1, kind="stable")[:, :4])


def test_too_few_points():
    with pytest.raises(ValueError, match=r"nearest_k=4 needs at least 5 points in queries, which has 4"):
        neighbors.knn(gaussian(4, 2), nearest_k=4)
    with pytest.raises(ValueError, match=r"nearest_k=6 needs at least 6 points in points, which has 5"):
        neighbors.knn(gaussian(4, 2), gaussian(5, 2), nearest_k=6)


def test_radii_that_are_no_lengths():
    x = gaussian(4, 2)
    with pytest.raises(
        TypeError, match=r"^radii has type bool; allowed are float16, float32, float64 and integers$"
    ):
        neighbors.count_within(x, [True] * 4, x)
    assert neighbors.count_within(x, np.full(4, 100, np.uint8), x).tolist() == [4] * 4
