"""PRD (Sajjadi et al. 2018): closed forms of curves between histograms, and clusters found by k-means."""

from __future__ import annotations

import math

import numpy as np
import oracle
import pytest
from factories import gaussian
from hypothesis import given
from hypothesis import strategies as st

import fidiv

UNIT = 1e-9  # of the clipped angles: pi/2 - 1e-10 is not pi/2


def at(curve, slope):
    """(precision, recall) at the slope nearest to the given one."""
    i = int(np.abs(np.arctan(curve["lambdas"]) - math.atan(slope)).argmin())
    return curve["precision"][i], curve["recall"][i]


def histograms(max_size=8):
    weights = st.lists(st.integers(0, 20), min_size=2, max_size=max_size)
    return weights.flatmap(
        lambda first: st.tuples(
            st.just(first), st.lists(st.integers(0, 20), min_size=len(first), max_size=len(first))
        )
    ).filter(lambda pair: sum(pair[0]) > 0 and sum(pair[1]) > 0)


def normal(weights):
    return np.asarray(weights, dtype=float) / sum(weights)


# Histograms


def test_rows_of_the_authors_tests():
    """Reference [1, 0], evaluated [.5, .5]."""
    curve = fidiv.prd_from_histograms([1.0, 0.0], [0.5, 0.5], num_angles=11).curve
    assert at(curve, 1) == (pytest.approx(0.5), pytest.approx(0.5))
    assert curve["precision"][-1] == pytest.approx(0.5)
    assert curve["recall"][1] == pytest.approx(1.0)


@pytest.mark.parametrize("size", [1, 2, 20])
def test_equal_histograms(size):
    p = normal(range(1, size + 1))
    got = fidiv.prd_from_histograms(p, p)
    slopes = got.curve["lambdas"]
    np.testing.assert_allclose(got.curve["precision"], np.minimum(slopes, 1), rtol=1e-12, atol=UNIT)
    np.testing.assert_allclose(got.curve["recall"], np.minimum(1, 1 / slopes), rtol=1e-12, atol=UNIT)
    assert (got.max_f8, got.max_f1_8, got.auc) == (
        pytest.approx(1),
        pytest.approx(1),
        pytest.approx(1, abs=1e-6),
    )


def test_disjoint_histograms():
    got = fidiv.prd_from_histograms([0.5, 0.5, 0, 0], [0, 0, 0.25, 0.75])
    assert dict(got) == {"max_f8": 0.0, "max_f1_8": 0.0, "auc": 0.0}
    assert not got.curve["precision"].any()


def test_four_modes():
    """Weights w = (.3, .2, .5, 0) and v = (0, .5, .2, .3): precision is min(.2 l, .5) + min(.5 l, .2)."""
    got = fidiv.prd_from_histograms([0.3, 0.2, 0.5, 0.0], [0.0, 0.5, 0.2, 0.3], num_angles=20_001)
    slopes = got.curve["lambdas"]
    np.testing.assert_allclose(
        got.curve["precision"], np.minimum(0.2 * slopes, 0.5) + np.minimum(0.5 * slopes, 0.2), atol=1e-12
    )
    assert got.curve["precision"].max() == pytest.approx(0.7)
    assert got.curve["recall"].max() == pytest.approx(0.7)
    for slope, precision, recall in ((0.4, 0.28, 0.7), (1.0, 0.4, 0.4), (2.5, 0.7, 0.28)):
        assert at(got.curve, slope) == (pytest.approx(precision, abs=2e-4), pytest.approx(recall, abs=2e-4))
    assert got.auc == pytest.approx(0.35330325855, abs=1e-6)


@pytest.mark.parametrize(("kept", "modes"), [(1, 2), (3, 4), (1, 10), (7, 10)])
def test_mode_dropping_and_invention(kept, modes):
    """rho = kept / modes: the curve has its corner at precision 1, recall rho, and so area rho."""
    rho = kept / modes
    whole, part = np.ones(modes) / modes, np.r_[np.ones(kept) / kept, np.zeros(modes - kept)]
    drop = fidiv.prd_from_histograms(whole, part, num_angles=20_001)
    slopes = drop.curve["lambdas"]
    np.testing.assert_allclose(drop.curve["precision"], np.minimum(rho * slopes, 1), rtol=1e-12, atol=UNIT)
    assert drop.auc == pytest.approx(rho, abs=2e-4)
    assert drop.max_f8 == pytest.approx(65 * rho / (64 + rho), abs=1e-3)
    assert drop.max_f1_8 == pytest.approx(65 * rho / (1 + 64 * rho), abs=1e-3)
    invention = fidiv.prd_from_histograms(part, whole, num_angles=20_001)
    assert invention.max_f8 == pytest.approx(drop.max_f1_8, rel=1e-9)
    assert invention.max_f1_8 == pytest.approx(drop.max_f8, rel=1e-9)
    assert invention.auc == pytest.approx(drop.auc, abs=1e-6)


def test_figures_on_the_grid_of_1001_angles():
    drop = fidiv.prd_from_histograms([0.25] * 4, [0.5, 0.5, 0, 0])
    assert (round(drop.max_f8, 6), round(drop.max_f1_8, 6)) == (0.503863, 0.984829)
    invention = fidiv.prd_from_histograms([0.5, 0.5, 0, 0], [0.25] * 4)
    assert (round(invention.max_f8, 6), round(invention.max_f1_8, 6)) == (0.984829, 0.503863)
    mixed = fidiv.prd_from_histograms([0.75, 0.25], [0.25, 0.75])
    assert (round(mixed.max_f8, 5), round(mixed.max_f1_8, 5)) == (0.96996, 0.96996)
    assert at(mixed.curve, 1)[0] == pytest.approx(0.5)
    four = fidiv.prd_from_histograms([6, 2, 1, 1], [1, 1, 3, 5])
    assert dict(four) == pytest.approx(
        {"max_f8": 0.928465747764517, "max_f1_8": 0.941655877943443, "auc": 0.481155291945964}, rel=1e-12
    )


@given(histograms(), st.sampled_from([3, 11, 1001]))
def test_equal_to_the_oracle(pair, num_angles):
    p, q = map(normal, pair)
    got, expected = (
        fidiv.prd_from_histograms(p, q, num_angles=num_angles),
        oracle.prd_from_histograms(p, q, num_angles),
    )
    assert dict(got) == pytest.approx(expected, rel=1e-12, abs=1e-12)
    precision, recall = oracle.prd_curve(p, q, num_angles)
    np.testing.assert_allclose(got.curve["precision"], precision, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(got.curve["recall"], recall, rtol=1e-12, atol=1e-14)


@given(histograms())
def test_laws_of_the_curve(pair):
    p, q = map(normal, pair)
    got, swapped = fidiv.prd_from_histograms(p, q), fidiv.prd_from_histograms(q, p)
    slopes, precision, recall = (got.curve[name] for name in ("lambdas", "precision", "recall"))
    assert (np.diff(slopes) > 0).all()
    assert (np.diff(precision) >= -1e-12).all()
    assert (np.diff(recall) <= 1e-12).all()
    np.testing.assert_allclose(precision, slopes * recall, rtol=1e-9, atol=1e-15)
    assert (precision <= np.minimum(slopes, 1) + 1e-12).all()
    assert at(got.curve, 1)[0] == pytest.approx(1 - np.abs(p - q).sum() / 2, abs=1e-9)
    # The angles mirror at 45 degrees, so the swapped curve is the mirrored one.
    np.testing.assert_allclose(swapped.curve["precision"][::-1], recall, rtol=1e-5, atol=1e-9)
    assert swapped.max_f8 == pytest.approx(got.max_f1_8, rel=1e-5, abs=1e-9)
    # Merging clusters can only raise the curve.
    coarse = fidiv.prd_from_histograms(np.r_[p[0] + p[1], p[2:]], np.r_[q[0] + q[1], q[2:]])
    assert (coarse.curve["precision"] >= precision - 1e-12).all()
    # Neither does their order matter.
    order = np.argsort(p - q)
    assert dict(fidiv.prd_from_histograms(p[order], q[order])) == pytest.approx(
        dict(got), rel=1e-12, abs=1e-12
    )


@pytest.mark.parametrize(
    ("real", "fake", "words"),
    [
        ([0.5, 0.5], [1.0], r"2.*1|1.*2"),
        ([0.5, -0.5], [0.5, 0.5], r"real_histogram.*negative"),
        ([0.5, 0.5], [0.5, np.nan], r"fake_histogram.*(NaN|finite)"),
        ([0.0, 0.0], [0.5, 0.5], r"real_histogram"),
        ([[0.5, 0.5]], [0.5, 0.5], r"real_histogram"),
        ([], [], r"real_histogram"),
        (["a", "b"], [0.5, 0.5], r"real_histogram"),
    ],
)
def test_bad_histograms(real, fake, words):
    with pytest.raises((ValueError, TypeError), match=words):
        fidiv.prd_from_histograms(real, fake)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (np.ma.array([1.0, 2.0], mask=[False, True]), "is a masked array"),
        ([[1.0], [2.0, 3.0]], "cannot be read as an array"),
    ],
)
def test_masked_and_ragged_histograms_are_refused(bad, words):
    with pytest.raises(TypeError, match=f"real_histogram.*{words}"):
        fidiv.prd_from_histograms(bad, [1, 2])
    with pytest.raises(TypeError, match=f"fake_histogram.*{words}"):
        fidiv.prd_from_histograms([1, 2], bad)


@pytest.mark.parametrize(
    ("angles", "error"), [(2, ValueError), (0, ValueError), (True, TypeError), (11.0, TypeError)]
)
def test_bad_angles(angles, error):
    with pytest.raises(error, match="num_angles"):
        fidiv.prd_from_histograms([0.5, 0.5], [0.5, 0.5], num_angles=angles)


# Features


def modes(weights, seed, d=6, spread=40.0):
    """Points in well separated clusters, so many in each as the weights say."""
    rng = np.random.default_rng(seed)
    centers = spread * np.eye(len(weights), d)
    return np.repeat(centers, weights, axis=0) + rng.normal(size=(sum(weights), d))


def test_separated_modes_are_their_histograms():
    real, fake = modes([100, 100, 100, 100], 1), modes([150, 150, 0, 0], 2)
    got = fidiv.prd(real, fake, num_clusters=4)
    expected = fidiv.prd_from_histograms([0.25] * 4, [0.5, 0.5, 0, 0])
    for key in expected:
        assert got[key] == pytest.approx(expected[key], abs=1e-9)
        assert got[key + "_std"] == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(got.curve["precision"], expected.curve["precision"], atol=1e-9)
    assert got.curve.keys() == {"lambdas", "precision", "recall"}


def test_defaults_and_keys():
    x, y = gaussian(150, 4, 1), gaussian(120, 4, 2)
    got = fidiv.prd(x, y)
    assert got == fidiv.prd(x, y, num_clusters=20, num_angles=1001, num_runs=10, seed=0)
    assert set(got) == {"max_f8", "max_f1_8", "auc", "max_f8_std", "max_f1_8_std", "auc_std"}
    assert len(got.curve["lambdas"]) == 1001
    assert got.settings["seed"] == 0
    assert got.settings["num_clusters"] == 20


def test_seeds_decide():
    x, y = gaussian(150, 4, 1), gaussian(120, 4, 2)
    assert fidiv.prd(x, y, seed=3) == fidiv.prd(x, y, seed=3)
    assert dict(fidiv.prd(x, y, seed=3)) != dict(fidiv.prd(x, y, seed=4))


def test_equal_laws_and_shifted_laws():
    x, y = gaussian(1000, 8, 1), gaussian(1000, 8, 2)
    same, shifted = fidiv.prd(x, y, num_runs=3), fidiv.prd(x, y + 0.7, num_runs=3)
    # Finite samples lower the curve of equal laws: E[TV] is about sqrt(20 / (1000 pi)) = 0.08.
    assert at(same.curve, 1)[0] == pytest.approx(0.92, abs=0.03)
    assert shifted.auc < same.auc - 0.2


def test_unequal_sizes_are_fine():
    real, fake = modes([100, 100], 1), modes([10, 30], 2)
    got = fidiv.prd(real, fake, num_clusters=2)
    assert at(got.curve, 1)[0] == pytest.approx(0.75)


def test_more_clusters_than_points():
    with pytest.raises(ValueError, match=r"num_clusters=20.*12"):
        fidiv.prd(gaussian(6, 2, 1), gaussian(6, 2, 2))


@pytest.mark.parametrize(("seed", "error"), [(-1, ValueError), (True, TypeError), (1.5, TypeError)])
def test_bad_seeds(seed, error):
    with pytest.raises(error, match="seed"):
        fidiv.prd(gaussian(60, 2, 1), gaussian(60, 2, 2), seed=seed)
