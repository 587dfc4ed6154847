"""Sums over all pairs in blocks: those of whole matrices, for all kernels, blocks and threads, and for rows
that hurt.
"""

from __future__ import annotations

import numpy as np
import pytest
from factories import ADVERSARIES, adversaries, gaussian, lattice
from oracle import kernels as oracle

from fidiv import _gram
from fidiv._gram import Distance, Gaussian, Polynomial

KERNELS = {
    "polynomial": (Polynomial(), oracle.polynomial),
    "linear": (Polynomial(1, 0.5, -2.0), lambda x, y: oracle.polynomial(x, y, 1, 0.5, -2.0)),
    "square": (Polynomial(2, 0.5, 0.0), lambda x, y: oracle.polynomial(x, y, 2, 0.5, 0.0)),
    "fifth power": (Polynomial(5, None, 1.0), lambda x, y: oracle.polynomial(x, y, 5)),
    "gaussian": (Gaussian(2.0), lambda x, y: oracle.gaussian(x, y, 2.0)),
    "distance": (Distance(), oracle.distances),
}


@pytest.fixture(params=[_gram.BLOCK, 16])
def block(request, monkeypatch):
    """One block for all points of these tests, and several, the last of them not full."""
    monkeypatch.setattr(_gram, "BLOCK", request.param)


def off_diagonal(k):
    return k - np.diag(np.diag(k))


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("threads", [1, 3])
def test_sums_are_those_of_the_whole_matrix(block, name, threads):
    kernel, whole = KERNELS[name]
    x, y = gaussian(70, 5, 1), gaussian(41, 5, 2, np.float32, shift=0.5)
    within = _gram.within(x, kernel, threads=threads)
    of_x, of_y = _gram.across(x, y, kernel, threads=threads)
    np.testing.assert_allclose(within, off_diagonal(whole(x, x)).sum(axis=1), rtol=1e-12)
    np.testing.assert_allclose(of_x, whole(x, y).sum(axis=1), rtol=1e-12)
    np.testing.assert_allclose(of_y, whole(x, y).sum(axis=0), rtol=1e-12)


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("threads", [1, 2])
def test_forms_are_those_of_the_whole_matrix(block, name, threads):
    kernel, whole = KERNELS[name]
    x, y = gaussian(37, 4, 1), gaussian(44, 4, 2)
    signs = np.random.default_rng(0).normal(size=(81, 6))
    union = off_diagonal(whole(np.concatenate([x, y]), np.concatenate([x, y])))
    expected = np.einsum("ip,ij,jp->p", signs, union, signs)
    got = _gram.permutation_forms(x, y, kernel, signs, threads=threads)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-13 * np.abs(union).sum())


def test_forms_need_one_weight_a_point():
    with pytest.raises(ValueError, match=r"signs must have 7 rows.*got shape \(6, 2\)"):
        _gram.permutation_forms(np.zeros((3, 2)), np.zeros((4, 2)), Distance(), np.zeros((6, 2)))


def test_threads_change_no_bit(monkeypatch):
    monkeypatch.setattr(_gram, "BLOCK", 32)
    x, y = gaussian(300, 6, 1), gaussian(210, 6, 2)
    for kernel in (Polynomial(), Gaussian(1.5), Distance()):
        np.testing.assert_array_equal(_gram.within(x, kernel, threads=1), _gram.within(x, kernel, threads=4))
        for one, other in zip(
            _gram.across(x, y, kernel, threads=1), _gram.across(x, y, kernel, threads=4), strict=True
        ):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", ADVERSARIES)
@pytest.mark.parametrize("d", [3, 33])
def test_distances_keep_their_digits(block, name, d):
    """Where an expanded square about the origin, or about one middle, has none left."""
    x, y = adversaries(d)[name]
    bound = (d + 10) * 2.0**-53 / _gram.NEAR  # relative, of a distance
    for got, whole, axis in (
        (_gram.within(x, Distance()), oracle.distances(x, x), 1),
        (_gram.across(x, y, Distance())[0], oracle.distances(x, y), 1),
        (_gram.across(x, y, Distance())[1], oracle.distances(x, y), 0),
    ):
        np.testing.assert_allclose(got, whole.sum(axis=axis), rtol=bound, atol=0)
    width = float(np.median(oracle.distances(x, x))) or 1.0
    np.testing.assert_allclose(
        _gram.across(x, y, Gaussian(width))[0],
        oracle.gaussian(x, y, width).sum(axis=1),
        rtol=0,
        atol=2 * bound * len(y),
    )


def test_each_square_keeps_its_bound():
    """Of every pair, not of their sums: points at all distances from one another, far from their middle."""
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(60, 50))
    x = 1e3 * directions[:1] + 10.0 ** rng.uniform(-9, 3, size=(60, 1)) * directions
    x = np.concatenate([x, rng.normal(size=(60, 50))])
    space = _gram.Space(Distance(), x)
    block = space.block(x, 0, 0)
    got = space.squared_distances(block, block, own=True) * space.scale**2
    exact = oracle.distances(x, x) ** 2
    error = np.abs(got - exact)[exact > 0] / exact[exact > 0]
    assert error.max() < (2 * 50 + 10) * 2.0**-53 / _gram.NEAR
    expanded = block.squares[:, None] + block.squares - 2 * block.rows @ block.rows.T
    careless = np.abs(expanded * space.scale**2 - exact)[exact > 0] / exact[exact > 0]
    assert careless.max() > 1e-3  # what the second look is for


@pytest.mark.parametrize("few", [0, 1 << 20])
def test_clumps_far_from_the_middle(monkeypatch, few):
    """Pairs within a clump get a base of their own (with few = 0, all of them), or direct differences."""
    monkeypatch.setattr(_gram, "FEW", few)
    rng = np.random.default_rng(3)
    x = 1e6 * rng.normal(size=(12, 7))[rng.integers(0, 12, 90)] + rng.normal(size=(90, 7))
    x[40:60] = x[7]
    got = _gram.within(x, Distance())
    np.testing.assert_allclose(got, oracle.distances(x, x).sum(axis=1), rtol=1e-12)
    space = _gram.Space(Distance(), x)
    block = space.block(x, 0, 0)
    assert (space.squared_distances(block, block)[40:60, 40:60] == 0).all()


@pytest.mark.parametrize("pivots", [0, 1, 8])
def test_clumps_within_clumps(monkeypatch, pivots):
    """A base of its own may still be far from a smaller clump; those pairs must not be taken for settled."""
    monkeypatch.setattr(_gram, "FEW", 0)
    monkeypatch.setattr(_gram, "PIVOTS", pivots)
    rng = np.random.default_rng(3)
    large, small = rng.normal(size=(6, 5))[rng.integers(0, 6, 80)], rng.normal(size=(4, 5))
    x = 1e6 * large + small[rng.integers(0, 4, 80)] + 1e-6 * rng.normal(size=(80, 5))
    space = _gram.Space(Distance(), x)
    block = space.block(x, 0, 0)
    got = np.sqrt(space.squared_distances(block, block, own=True)) * space.scale
    np.testing.assert_allclose(got, oracle.distances(x, x), rtol=(5 + 10) * 2.0**-53 / _gram.NEAR, atol=0)


def test_copies_have_distance_zero_and_kernel_one():
    x = gaussian(50, 40, 1, np.float32, shift=1e4)
    assert _gram.across(x[:1], x[:1].astype(np.float64), Distance())[0][0] == 0.0
    got = _gram.across(x, x.astype(np.float64), Gaussian(1e-6))[0]
    np.testing.assert_array_equal(got, np.ones(50))


@pytest.mark.parametrize("width", [1e-100, 1e-12, 1e12, 1e100])
def test_extreme_widths(width):
    x, y = gaussian(20, 3, 1, scale=1e3), gaussian(20, 3, 2, scale=1e3)
    y[:5] = x[:5]
    np.testing.assert_allclose(
        _gram.across(x, y, Gaussian(width))[0], oracle.gaussian(x, y, width).sum(axis=1), rtol=1e-12
    )


# The median of all distances


@pytest.mark.parametrize("kept", [1 << 20, 40])
@pytest.mark.parametrize("middle", [1024, 4])
def test_median_is_that_of_all_pairs(block, monkeypatch, kept, middle):
    """Kept and sorted at once, or found cell by cell; from a good or a bad first guess."""
    monkeypatch.setattr(_gram, "KEPT", kept)
    monkeypatch.setattr(_gram, "MIDDLE", middle)
    rng = np.random.default_rng(5)
    for n in (2, 3, 4, 31, 60):
        for x in (
            gaussian(n, 5, n),
            gaussian(n, 5, n, scale=1e80),
            lattice(n, 3, n),
            np.repeat(rng.normal(size=(2, 3)), n, axis=0),
            np.zeros((n, 2)),
            np.exp(40 * rng.normal(size=(n, 1))),
        ):
            whole = oracle.distances(x, x)[np.triu_indices(len(x), 1)]
            assert _gram.median_distance(x, threads=2) == pytest.approx(np.median(whole), rel=1e-12, abs=0)


def test_median_between_two_values(monkeypatch):
    """Two clumps of 3: 6 distances of about 0 and 9 of about 1; of 4 and 1 points: 6 and 4; of 3 and 1 the
    middle two differ."""
    monkeypatch.setattr(_gram, "KEPT", 1)
    assert _gram.median_distance(np.array([[0.0], [0.0], [0.0], [1.0]])) == 0.5
    assert _gram.median_distance(np.array([[0.0]] * 3 + [[1.0]] * 3)) == 1.0
    assert _gram.median_distance(np.array([[0.0]] * 4 + [[1.0]])) == 0.0
