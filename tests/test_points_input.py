"""What goes in: every good layout gives the answers of a plain float64 array, every bad one a sentence."""

from __future__ import annotations

import array
import warnings

import numpy as np
import oracle
import pytest
from factories import gaussian, lattice
from numpy.testing import assert_array_equal

import fidiv
from fidiv import _core, _inputs, neighbors


class FrameLike:
    """What numpy sees of a data frame: no array, but something that gives one."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return self.values if dtype is None else self.values.astype(dtype)


class SparseLike:
    """What numpy sees of a sparse matrix: an object with a shape and no array."""

    shape = (4, 2)
    ndim = 2
    dtype = np.dtype(np.float64)

    def toarray(self):
        raise AssertionError("a sparse matrix must not be made dense behind the caller's back")


def misaligned(x):
    raw = bytearray(x.nbytes + 1)
    view = np.frombuffer(raw, dtype=x.dtype, count=x.size, offset=1).reshape(x.shape)
    view[...] = x
    assert x.itemsize == 1 or not view.flags.aligned
    return view


def read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


def strided(x):
    big = np.full((2 * len(x), 3 * x.shape[1]), 99, dtype=x.dtype)
    big[::2, ::3] = x
    return big[::2, ::3]


def column_slice(x):
    big = np.full((len(x), x.shape[1] + 5), 99, dtype=x.dtype)
    big[:, 2:-3] = x
    return big[:, 2:-3]


def swapped(x):
    return x.astype(x.dtype.newbyteorder("S"))


def transposed(x):
    return np.ascontiguousarray(x.T).T


LAYOUTS = {
    "C order": np.ascontiguousarray,
    "Fortran order": np.asfortranarray,
    "transposed": transposed,
    "strided": strided,
    "slice of columns": column_slice,
    "negative rows": lambda x: np.ascontiguousarray(x[::-1])[::-1],
    "negative columns": lambda x: np.ascontiguousarray(x[:, ::-1])[:, ::-1],
    "negative both": lambda x: np.ascontiguousarray(x[::-1, ::-1])[::-1, ::-1],
    "read-only": read_only,
    "misaligned": misaligned,
    "other byte order": swapped,
    "other byte order, Fortran": lambda x: np.asfortranarray(swapped(x)),
    "other byte order, strided": lambda x: strided(swapped(x)),
}
DTYPES = ["f2", "f4", "f8", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "?"]


def rows_of(dtype, n=300, d=7, seed=1):
    """Small integers: every type holds them exactly, so every type must give the same answers."""
    return lattice(n, d, seed, side=2 if dtype == "?" else 9).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_and_dtype(layout, dtype):
    plain = rows_of(dtype)
    other = rows_of("f8", 40, 7, 2)
    laid = LAYOUTS[layout](plain)
    assert_array_equal(laid, plain)
    before = laid.copy()
    expected = oracle.knn(plain, other, 4)
    distances, indices = neighbors.knn(laid, other, nearest_k=4)
    assert_array_equal(distances, expected[0], strict=True)
    assert_array_equal(indices, expected[1], strict=True)
    assert_array_equal(laid, before)  # and nobody wrote on it


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_plain_arrays_are_borrowed(dtype):
    x = gaussian(50, 6, 1, dtype)
    points = _inputs.as_points(x, "real_features")
    assert np.shares_memory(points.array, x)
    assert points.array.__array_interface__["data"] == x.__array_interface__["data"]
    assert points.shape == (50, 6)
    assert points.name == "real_features"
    assert np.shares_memory(_core.Points(x, "x").array, x)
    borrowed = _inputs.as_points(read_only(x), "x")
    assert not borrowed.array.flags.writeable


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_memory_maps_are_borrowed(tmp_path, dtype):
    x = gaussian(50, 6, 1, dtype)
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert np.shares_memory(_inputs.as_points(mapped, "x").array, mapped)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        ("f2", "f4"),
        ("?", "f4"),
        ("i1", "f4"),
        ("u1", "f4"),
        ("i2", "f4"),
        ("u2", "f4"),
        ("i4", "f8"),
        ("u4", "f8"),
        ("i8", "f8"),
        ("u8", "f8"),
        (">f4" if np.little_endian else "<f4", "f4"),
        (">f8" if np.little_endian else "<f8", "f8"),
        (">i2" if np.little_endian else "<i2", "f4"),
    ],
)
def test_what_types_become(dtype, expected):
    points = _inputs.as_points(rows_of("f8").astype(dtype) if dtype != "?" else rows_of("?"), "x")
    assert points.array.dtype == np.dtype(expected)
    assert points.array.flags.c_contiguous
    assert points.array.flags.aligned


@pytest.mark.parametrize("layout", ["Fortran order", "strided", "misaligned", "negative rows"])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_other_layouts_keep_their_precision(layout, dtype):
    x = LAYOUTS[layout](gaussian(700, 5, 1, dtype))
    points = _inputs.as_points(x, "x")
    assert points.array.dtype == x.dtype
    assert_array_equal(points.array, x, strict=True)


def test_rows_repeated_without_memory():
    """A broadcast array has stride 0; a transposed one has stride 0 in its columns."""
    row = np.arange(5.0)
    repeated = np.broadcast_to(row, (6, 5))
    distances, indices = neighbors.knn(repeated, nearest_k=2)
    assert not distances.any()
    assert_array_equal(indices[:3], [[1, 2], [0, 2], [0, 1]])
    column = np.broadcast_to(np.arange(6.0)[:, None], (6, 3))
    assert_array_equal(neighbors.knn(column, nearest_k=1)[0], oracle.knn(column, None, 1)[0])


def test_one_column_and_one_row():
    """numpy calls arrays of one row or column contiguous whatever their strides are."""
    x = gaussian(30, 4, 1)
    assert_array_equal(neighbors.knn(x[:, :1], nearest_k=3)[1], oracle.knn(x[:, :1], None, 3)[1])
    assert_array_equal(neighbors.knn(x[7:8], x, nearest_k=3)[1], oracle.knn(x[7:8], x, 3)[1])
    assert_array_equal(neighbors.knn(x[::40], x[:, ::1], nearest_k=1)[1], [[0]])


def test_things_that_are_not_arrays():
    x = gaussian(9, 3, 1)
    expected = oracle.knn(x, None, 2)
    for thing in (
        x.tolist(),
        tuple(map(tuple, x)),
        FrameLike(x),
        [array.array("d", row) for row in x],
        memoryview(x),
    ):
        distances, indices = neighbors.knn(thing, nearest_k=2)
        assert_array_equal(distances, expected[0])
        assert_array_equal(indices, expected[1])


def test_subclasses_without_meaning_are_arrays():
    x = gaussian(9, 3, 1)

    class Mine(np.ndarray):
        pass

    assert_array_equal(neighbors.knn(x.view(Mine), nearest_k=2)[1], oracle.knn(x, None, 2)[1])


def test_integers_up_to_two_to_the_53():
    edge = 2**53
    x = np.array([[edge, 0], [edge - 1, 0], [-edge, 0]], dtype=np.int64)
    assert_array_equal(neighbors.knn(x, nearest_k=1)[0][:2, 0], [1.0, 1.0])
    for bad, dtype in [
        (edge + 1, np.int64),
        (-edge - 1, np.int64),
        (2**64 - 1, np.uint64),
        (-(2**63), np.int64),
    ]:
        y = np.zeros((3, 2), dtype)
        y[1, 1] = bad
        with pytest.raises(ValueError, match=r"queries.*2\*\*53|queries.*2\^53|queries.*9007199254740992"):
            neighbors.knn(y, nearest_k=1)


# Bad input


def structured(n=4):
    return np.zeros((n, 2), dtype=[("a", "f4"), ("b", "f4")])


BAD = {
    "no dimension": (lambda: np.float64(3.0), r"0-dimensional|0-D|0 dimensions|scalar"),
    "one dimension": (lambda: np.zeros(5), r"1-D|1-dimensional|1 dimension|\(5,\)"),
    "three dimensions": (lambda: np.zeros((4, 2, 2)), r"3-D|3-dimensional|3 dimensions|\(4, 2, 2\)"),
    "no columns": (lambda: np.zeros((4, 0)), r"column|\(4, 0\)"),
    "no rows": (lambda: np.zeros((0, 2)), r"row|empty|\(0, 2\)"),
    "nothing": (lambda: [], r"empty|1-D|1-dimensional|\(0,\)"),
    "objects": (lambda: np.array([[1, None], [2, 3]], dtype=object), "object"),
    "numbers as objects": (lambda: np.ones((4, 2), dtype=object), "object"),
    "strings": (lambda: np.array([["1", "2"], ["3", "4"]]), r"string|str|<U1"),
    "bytes": (lambda: np.array([[b"1", b"2"]]), r"string|bytes|S1"),
    "structured": (structured, r"structured|fields|\[\("),
    "masked": (lambda: np.ma.masked_array(np.ones((4, 2)), mask=[[0, 1]] * 4), "mask"),
    "masked, no mask set": (lambda: np.ma.masked_array(np.ones((4, 2))), "mask"),
    "complex": (lambda: np.ones((4, 2), complex), "complex"),
    "complex64": (lambda: np.ones((4, 2), np.complex64), "complex"),
    "dates": (lambda: np.ones((4, 2), "M8[s]"), "datetime"),
    "durations": (lambda: np.ones((4, 2), "m8[s]"), "timedelta"),
    "ragged": (lambda: [[1.0, 2.0], [3.0]], r"\w"),
    "sparse": (SparseLike, r"sparse|object|SparseLike"),
    "None": (lambda: None, r"None|object"),
    "text": (lambda: "features.npy", r"str"),
    "a dict": (lambda: {"a": 1}, r"dict|object"),
    "a set": (lambda: {1.0, 2.0}, r"set|object"),
}
if np.dtype(np.longdouble).itemsize > 8:  # elsewhere it is float64, and welcome
    BAD["longdouble"] = (lambda: np.ones((4, 2), np.longdouble), r"longdouble|float128|float96|long double")

try:
    import scipy.sparse
except ImportError:
    pass
else:
    BAD["scipy sparse matrix"] = (lambda: scipy.sparse.csr_matrix(np.eye(4, 2)), "sparse")
    BAD["scipy sparse array"] = (lambda: scipy.sparse.csr_array(np.eye(4, 2)), "sparse")


@pytest.mark.parametrize("name", BAD)
def test_bad_arrays(name):
    make, words = BAD[name]
    good = gaussian(4, 2)
    for call, argument in [
        (lambda x: fidiv.density_coverage(x, good, nearest_k=1), "real_features"),
        (lambda x: fidiv.density_coverage(good, x, nearest_k=1), "fake_features"),
        (lambda x: fidiv.evaluate(good, x), "fake_features"),
        (lambda x: fidiv.frechet_distance(x, good), "real_features"),
        (lambda x: neighbors.knn(x, nearest_k=1), "queries"),
        (lambda x: neighbors.covered_by(good, x, np.ones(4)), "centers"),
        (lambda x: fidiv.entropy.entropy(x, nearest_k=1), r"\bx\b"),
    ]:
        with pytest.raises((ValueError, TypeError), match=rf"(?s)(?=.*{argument})(?=.*({words}))"):
            call(make())


def holed(dtype=np.float64, nan=(), inf=(), minus=(), shape=(40, 6)):
    x = gaussian(*shape, 1).astype(dtype)
    for i, j in nan:
        x[i, j] = np.nan
    for i, j in inf:
        x[i, j] = np.inf
    for i, j in minus:
        x[i, j] = -np.inf
    return x


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("layout", ["C order", "Fortran order", "other byte order"])
def test_not_finite(dtype, layout):
    good = gaussian(40, 6)
    x = LAYOUTS[layout](holed(dtype, nan=[(17, 4), (20, 0), (17, 5)], inf=[(39, 5)]))
    words = r"fake_features has 3 NaN and 1 infinite values?, the first at row 17, column 4"
    with pytest.raises(ValueError, match=words):
        fidiv.density_coverage(good, x)
    x = LAYOUTS[layout](holed(dtype, inf=[(5, 1)], minus=[(3, 2), (39, 5)]))
    with pytest.raises(
        ValueError, match=r"real_features has .*3 infinite values?, the first at row 3, column 2"
    ):
        fidiv.density_coverage(x, good)


def test_the_last_value_counts_too():
    with pytest.raises(ValueError, match=r"1 NaN.*row 39, column 5"):
        neighbors.knn(holed(nan=[(39, 5)]), nearest_k=1)


def test_half_precision_overflow_is_named():
    with np.errstate(over="ignore"):
        x = (gaussian(40, 6, 1) + np.where(np.arange(40)[:, None] == 8, 1e6, 0)).astype(np.float16)
    with pytest.raises(
        ValueError, match=r"real_features has .*6 infinite values?, the first at row 8, column 0"
    ):
        fidiv.precision_recall(x, gaussian(40, 6))


def test_values_too_large_to_square():
    x = gaussian(10, 4, 1)
    x[6, 2] = 1e200
    with pytest.raises(ValueError, match=r"(?s)queries.*row 6, column 2"):
        neighbors.knn(x, nearest_k=1)


def test_the_extension_checks_its_own_door():
    for bad in (np.zeros(4), np.zeros((2, 2, 2)), np.zeros((0, 2)), np.zeros((2, 0)), np.zeros((4, 3)).T):
        with pytest.raises((ValueError, TypeError), match=r"\w"):
            _core.Points(bad, "x")
    for dtype in ("f2", "i4", "c16", "?", ">f8", "O", "U3"):
        with pytest.raises((ValueError, TypeError), match=r"\w"):
            _core.Points(np.zeros((4, 3), dtype), "x")
    with pytest.raises((ValueError, TypeError), match=r"\w"):
        _core.Points(misaligned(np.zeros((4, 3))), "x")
    with pytest.raises(TypeError):
        _core.Points([[1.0]], "x")


def test_different_widths():
    with pytest.raises(ValueError, match=r"fake_features has 63 columns, real_features has 64"):
        fidiv.evaluate(gaussian(9, 64), gaussian(9, 63))


def test_too_few_points_names_all():
    with pytest.raises(
        ValueError, match=r"nearest_k=5 needs at least 6 points in real_features, which has 5"
    ):
        fidiv.density_coverage(gaussian(5, 2), gaussian(50, 2))
    with pytest.raises(
        ValueError, match=r"nearest_k=3 needs at least 4 points in fake_features, which has 3"
    ):
        fidiv.precision_recall(gaussian(50, 2), gaussian(3, 2))
    with pytest.raises(
        ValueError, match=r"ball_k=15 needs at least 16 points in real_features, which has 15"
    ):
        fidiv.precision_recall_cover(gaussian(15, 2), gaussian(50, 2))


@pytest.mark.parametrize("k", [0, -3])
def test_counts_below_one(k):
    x, y = gaussian(30, 2), gaussian(30, 2, 1)
    for call, name in [
        (lambda: fidiv.compute_prdc(x, y, k), "nearest_k"),
        (lambda: fidiv.precision_recall(x, y, nearest_k=k), "nearest_k"),
        (lambda: fidiv.cross_entropies(x, y, nearest_k=k), "nearest_k"),
        (lambda: fidiv.precision_recall_cover(x, y, ball_k=k), "ball_k"),
        (lambda: fidiv.precision_recall_cover(x, y, min_count=k), "min_count"),
        (lambda: fidiv.prd(x, y, num_clusters=k), "num_clusters"),
        (lambda: fidiv.prd(x, y, num_runs=k), "num_runs"),
        (lambda: fidiv.evaluate(x, y, nearest_k=k), "nearest_k"),
    ]:
        with pytest.raises(ValueError, match=rf"{name}.*{k}"):
            call()


@pytest.mark.parametrize("k", [True, False, 5.0, np.float64(5), "5", np.array([5]), 5 + 0j])
def test_counts_are_integers(k):
    x, y = gaussian(30, 2), gaussian(30, 2, 1)
    for call, name in [
        (lambda: fidiv.compute_prdc(x, y, k), "nearest_k"),
        (lambda: fidiv.density_coverage(x, y, nearest_k=k), "nearest_k"),
        (lambda: fidiv.compute_metrics(x, y, nearest_k=k), "nearest_k"),
        (lambda: fidiv.precision_recall_cover(x, y, ball_k=k), "ball_k"),
        (lambda: fidiv.prd(x, y, num_clusters=k), "num_clusters"),
        (lambda: fidiv.entropy.entropy(x, nearest_k=k), "nearest_k"),
    ]:
        with pytest.raises(TypeError, match=name):
            call()


def test_transposed_sets_are_noticed():
    x, y = gaussian(8, 64, 1), gaussian(8, 64, 2)
    with pytest.warns(UserWarning, match="transposed"):
        fidiv.density_coverage(x, y, nearest_k=2)


@pytest.mark.parametrize(("n", "m", "d"), [(8, 9, 64), (64, 64, 64), (64, 64, 8)])
def test_other_shapes_are_no_reason_to_warn(n, m, d):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fidiv.density_coverage(gaussian(n, d, 1), gaussian(m, d, 2), nearest_k=2)


def test_errors_come_before_work():
    """The second argument is looked at before the first is swept."""
    seen = []
    with pytest.raises(ValueError, match="fake_features"):
        fidiv.density_coverage(
            gaussian(3000, 8), holed(shape=(30, 8), nan=[(1, 1)]), progress=lambda *pair: seen.append(pair)
        )
    assert seen == []
