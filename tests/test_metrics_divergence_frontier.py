"""Divergence frontiers: figures of histograms, clusters found by k-means, ratios of neighbours."""

from __future__ import annotations

import math

import numpy as np
import pytest
from factories import ADVERSARIES, adversaries, gaussian, lattice
from hypothesis import given
from hypothesis import strategies as st
from oracle import frontier as oracle

import fidiv
from fidiv import _core
from fidiv.metrics import divergence_frontier as rooms

KEYS = ["frontier_integral", "mauve", "frontier_integral_smoothed", "mauve_smoothed"]
P, Q = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.4, 0.1, 0.25, 0.25])
of_histograms = fidiv.divergence_frontier_from_histograms


def counts(max_size=8):
    weights = st.lists(st.integers(0, 20), min_size=2, max_size=max_size)
    return weights.flatmap(
        lambda first: st.tuples(
            st.just(first), st.lists(st.integers(0, 20), min_size=len(first), max_size=len(first))
        )
    ).filter(lambda pair: sum(pair[0]) > 0 and sum(pair[1]) > 0)


# Histograms


def test_figures():
    got = of_histograms(P, Q)
    assert got.frontier_integral == pytest.approx(0.0897132277, abs=5e-11)
    assert got.mauve == pytest.approx(0.8187728398, abs=5e-11)
    assert of_histograms(P, Q, scale=1).mauve == pytest.approx(0.9890069, abs=5e-8)
    assert of_histograms(P, Q, num_weights=20_001).mauve == pytest.approx(0.8190241, abs=5e-8)
    half = of_histograms([0.5, 0.5, 0], [0, 0.5, 0.5])
    assert half.frontier_integral == 0.5
    assert half.mauve == pytest.approx(0.0925723629, abs=5e-11)
    assert of_histograms([0.5, 0.5, 0], [0, 0.5, 0.5], num_weights=20_001).mauve == pytest.approx(
        0.0920388, abs=5e-8
    )
    disjoint = of_histograms([1.0, 0.0], [0.0, 1.0])
    assert disjoint.frontier_integral == 1.0
    assert disjoint.mauve == pytest.approx(0.0040721, abs=5e-8)


@pytest.mark.parametrize("scale", [1, 2, 5])
def test_disjoint_histograms_tend_to_one_over_the_central_binomial(scale):
    got = of_histograms([1, 0], [0, 1], scale=scale, num_weights=20_001).mauve
    assert got == pytest.approx(1 / math.comb(2 * scale, scale), abs=1e-6)


@pytest.mark.parametrize("p", [[1, 1, 1, 1], [5], [1, 2, 3, 4], [7, 0, 2]])
def test_equal_histograms_give_one_whatever_their_shape(p):
    got = of_histograms(p, [3 * count for count in p])
    assert got.frontier_integral == 0
    assert got.mauve == 1
    assert dict(of_histograms(p, p)) == dict(zip(KEYS, [0.0, 1.0, 0.0, 1.0], strict=True))


def test_the_package_gives_equal_flat_histograms_three_quarters():
    """Sorted by coordinate, (1, 0) stands before (1, 1): one of its two areas is 1 / 2. Ours is 1."""
    flat = np.ones(4) / 4
    assert of_histograms(flat, flat, convention="mauve").mauve == 0.75
    assert oracle.mauve(flat, flat, by_coordinate=True) == 0.75
    assert of_histograms(flat, flat).mauve == 1
    assert of_histograms(P, P, convention="mauve").mauve == pytest.approx(1, abs=1e-12)  # by its rounding
    assert of_histograms(P, Q, convention="mauve").mauve == pytest.approx(
        of_histograms(P, Q).mauve, rel=1e-13
    )


def test_the_package_takes_close_shares_for_equal():
    p, q = np.array([0.5, 0.5 - 5e-9, 5e-9]), np.array([0.5, 0.5, 0.0])
    assert of_histograms(p, q, convention="mauve").frontier_integral == 0
    assert of_histograms(p, q).frontier_integral == pytest.approx(2.5e-9, rel=1e-6)


@given(counts(), st.sampled_from([2, 25, 101]), st.sampled_from([0.5, 5.0]))
def test_equal_to_the_oracle(pair, num_weights, scale):
    a, b = (np.asarray(part, dtype=np.float64) for part in pair)
    p, q = a / a.sum(), b / b.sum()
    got = of_histograms(*pair, num_weights=num_weights, scale=scale)
    assert list(got) == KEYS
    assert got.frontier_integral == pytest.approx(oracle.frontier_integral(p, q), rel=1e-9, abs=1e-15)
    assert got.mauve == pytest.approx(oracle.mauve(p, q, scale, num_weights), rel=1e-11, abs=1e-13)
    soft_p, soft_q = oracle.krichevsky_trofimov(pair[0]), oracle.krichevsky_trofimov(pair[1])
    assert got.frontier_integral_smoothed == pytest.approx(
        oracle.frontier_integral(soft_p, soft_q), rel=1e-9, abs=1e-15
    )
    assert got.mauve_smoothed == pytest.approx(oracle.mauve(soft_p, soft_q, scale, num_weights), rel=1e-11)
    points = oracle.frontier(p, q, num_weights)
    np.testing.assert_allclose(got.curve["real_divergence"], points[:, 0], rtol=1e-11, atol=1e-15)
    np.testing.assert_allclose(got.curve["fake_divergence"], points[:, 1], rtol=1e-11, atol=1e-15)


@given(counts())
def test_laws_of_the_frontier(pair):
    p, q = pair
    got, swapped = of_histograms(p, q), of_histograms(q, p)
    for key in KEYS:
        assert 0 <= got[key] <= 1
        assert swapped[key] == pytest.approx(got[key], rel=1e-9, abs=1e-13)
    real, fake = got.curve["real_divergence"], got.curve["fake_divergence"]
    assert (np.diff(real) <= 1e-15).all()  # more of P in the mixture, and less between P and it
    assert (np.diff(fake) >= -1e-15).all()
    np.testing.assert_allclose(swapped.curve["real_divergence"], fake[::-1], rtol=1e-9, atol=1e-14)
    # An order of the cells, or empty cells, change nothing; merging cells lowers both divergences.
    order = np.random.default_rng(0).permutation(len(p))
    again = of_histograms(np.append(np.array(p)[order], 0), np.append(np.array(q)[order], 0))
    assert again.mauve == pytest.approx(got.mauve, rel=1e-12)
    assert again.frontier_integral == pytest.approx(got.frontier_integral, rel=1e-12, abs=1e-16)
    coarse = of_histograms([p[0] + p[1], *p[2:]], [q[0] + q[1], *q[2:]])
    assert coarse.frontier_integral <= got.frontier_integral + 1e-14
    assert coarse.mauve >= got.mauve - 1e-13


def test_the_integral_is_the_integral():
    """2 int w KL(P || R_w) + (1 - w) KL(Q || R_w) dw, by Gauss and Legendre."""
    nodes, weights = np.polynomial.legendre.leggauss(200)
    for p, q in ((P, Q), (np.array([0.9, 0.1]), np.array([0.91, 0.09]))):
        total = 0.0
        for w, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
            r = w * p + (1 - w) * q
            total += 2 * weight * (w * oracle.kl(p, r) + (1 - w) * oracle.kl(q, r))
        assert of_histograms(p, q).frontier_integral == pytest.approx(total, rel=1e-12)


def test_close_histograms_lose_no_digits():
    """To second order each cell gives (p - q)^2 / (6 (p + q))."""
    e = 1e-7
    got = of_histograms([0.5 + e, 0.5 - e], [0.5, 0.5]).frontier_integral
    assert got == pytest.approx(2 * e**2 / 6, rel=1e-6)


def test_shares_cannot_be_smoothed():
    got = of_histograms(P, Q)
    assert math.isnan(got.mauve_smoothed)
    assert math.isnan(got.frontier_integral_smoothed)
    assert any("mauve_smoothed" in note and "shares" in note for note in got.notes)
    from_counts = of_histograms((100 * P).round(), (100 * Q).round())
    assert from_counts.mauve == pytest.approx(got.mauve, rel=1e-12)
    assert from_counts.notes == ()
    assert got.mauve < from_counts.mauve_smoothed < 1


@pytest.mark.parametrize(
    ("p", "q", "words"),
    [
        ([0.5, 0.5], [1.0], r"q has 1 cells, p has 2"),
        ([0.5, -0.5], [0.5, 0.5], r"^p .*negative"),
        ([0.5, 0.5], [0.5, np.nan], r"^q .*finite"),
        ([0, 0], [1, 1], r"^p sums to 0"),
        ([[1]], [1], r"^p has shape"),
    ],
)
def test_bad_histograms(p, q, words):
    with pytest.raises(ValueError, match=words):
        of_histograms(p, q)


@pytest.mark.parametrize(
    ("keywords", "error", "words"),
    [
        ({"scale": 0}, ValueError, "scale must be a positive number"),
        ({"scale": "5"}, TypeError, "scale"),
        ({"scale": True}, TypeError, "scale"),
        ({"scale": math.nan}, ValueError, "scale"),
        ({"convention": "Mauve"}, ValueError, r'convention must be "fidiv" or "mauve"'),
        ({"convention": None}, TypeError, "convention"),
        ({"num_weights": 1}, ValueError, "num_weights must be from 2"),
        ({"num_weights": 2.5}, TypeError, "num_weights"),
    ],
)
def test_bad_options(keywords, error, words):
    with pytest.raises(error, match=words):
        of_histograms(P, Q, **keywords)
    with pytest.raises(error, match=words):
        fidiv.divergence_frontier(gaussian(30, 2, 1), gaussian(30, 2, 2), **keywords)


# Clusters


def modes(weights, seed, d=6, spread=40.0):
    rng = np.random.default_rng(seed)
    return np.repeat(spread * np.eye(len(weights), d), weights, axis=0) + rng.normal(size=(sum(weights), d))


def test_separated_modes_are_their_histograms():
    real, fake = modes([50, 100, 150, 200], 1), modes([200, 50, 125, 125], 2)
    expected = of_histograms([50, 100, 150, 200], [200, 50, 125, 125])
    for convention in ("fidiv", "mauve"):
        got = fidiv.divergence_frontier(real, fake, num_clusters=4, convention=convention, num_runs=5)
        assert dict(got) == pytest.approx(dict(expected), abs=1e-12)
    assert got.frontier_integral == pytest.approx(0.0897132277, abs=5e-11)


def kmeans(x, y, **keywords):
    sets = [_core.Points(np.ascontiguousarray(z), "z") for z in (x, y)]
    labels, centers = _core.kmeans(sets, **keywords)
    return labels[0], labels[1], centers


@pytest.mark.parametrize(("n", "m", "clusters"), [(255, 300, 26), (60, 244, 6), (12, 9, 2), (1, 1, 2)])
def test_equal_to_the_oracle_on_clusters(n, m, clusters):
    """ "auto" is a tenth of the smaller set, rounded (25.5 to the even 26), and at least two."""
    x, y = gaussian(n, 3, 1, np.float32), gaussian(m, 3, 2, shift=0.3) if m > 1 else np.ones((1, 3))
    if n == 1:
        x = x[:, :1]
        y = y[:, :1]
    got = fidiv.divergence_frontier(x, y, seed=4)
    of_x, of_y, _ = kmeans(x, y, num_clusters=clusters, num_runs=1, seed=4)
    expected = of_histograms(*(np.bincount(part[0], minlength=clusters) for part in (of_x, of_y)))
    assert dict(got) == dict(expected)
    assert dict(got) == dict(fidiv.divergence_frontier(x, y, seed=4, num_clusters=clusters))


def test_the_best_of_several_clusterings_counts():
    x, y = gaussian(200, 2, 1), gaussian(180, 2, 2, shift=0.5)
    of_x, of_y, centers = kmeans(x, y, num_clusters=12, num_runs=6, seed=1)
    costs = [
        ((x - centers[run][of_x[run]]) ** 2).sum() + ((y - centers[run][of_y[run]]) ** 2).sum()
        for run in range(6)
    ]
    best = int(np.argmin(costs))
    assert best != 0
    expected = of_histograms(*(np.bincount(part[best], minlength=12) for part in (of_x, of_y)))
    assert dict(fidiv.divergence_frontier(x, y, num_clusters=12, num_runs=6, seed=1)) == dict(expected)


@pytest.mark.parametrize("d", [4, 30, 300])
def test_what_the_package_clusters(d):
    """Rows of length 1, then principal components up to a share of .9 (scikit-learn is the reference here:
    the components up to their signs, so distances are compared)."""
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import normalize

    scales = np.linspace(1, 0.1, d)
    x, y = gaussian(70, d, 1) * scales + 0.5, gaussian(50, d, 2, shift=0.2) * scales + 0.5
    union = normalize(np.vstack([y, x]), norm="l2", axis=1)
    pca = PCA(whiten=False, random_state=1, svd_solver="full").fit(union)
    kept = int(np.argmax(np.cumsum(pca.explained_variance_ratio_) >= 0.9)) + 1
    theirs = pca.transform(union)[:, :kept]
    ours = np.vstack(rooms.reduced(x, y)[::-1])
    assert ours.dtype == np.float32
    assert ours.shape == theirs.shape
    gaps = [np.linalg.norm(z[:, None] - z[None], axis=2) for z in (ours.astype(np.float64), theirs)]
    np.testing.assert_allclose(*gaps, atol=1e-6)


def test_the_package_sees_directions_only():
    x, y = gaussian(150, 5, 1), gaussian(140, 5, 2, shift=0.5)
    lengths = 10.0 ** np.random.default_rng(0).uniform(-100, 100, size=(150, 1))
    one = fidiv.divergence_frontier(x, y, convention="mauve", num_clusters=5)
    other = fidiv.divergence_frontier(x * lengths, y, convention="mauve", num_clusters=5)
    assert dict(one) == pytest.approx(dict(other), abs=0.02)
    zeros = np.zeros((12, 3))
    assert fidiv.divergence_frontier(zeros, zeros, convention="mauve").frontier_integral == 0


def test_equal_and_shifted_laws():
    x, y = gaussian(1000, 4, 1), gaussian(1000, 4, 2)
    same = fidiv.divergence_frontier(x, y, num_clusters=20)
    moved = fidiv.divergence_frontier(x, y + 0.7, num_clusters=20)
    assert same.mauve > 0.97
    assert same.frontier_integral < 0.02
    assert moved.mauve < same.mauve - 0.2
    assert moved.frontier_integral > same.frontier_integral + 0.1
    far = fidiv.divergence_frontier(x, y + 100, num_clusters=20)
    assert far.frontier_integral == 1
    assert far.mauve == pytest.approx(0.0040721, abs=5e-8)
    assert far.frontier_integral_smoothed < 1


def test_more_clusters_than_points():
    with pytest.raises(ValueError, match=r"num_clusters=20 needs at least 20 points in both sets.*12"):
        fidiv.divergence_frontier(gaussian(6, 2, 1), gaussian(6, 2, 2), num_clusters=20)
    result = fidiv.evaluate(gaussian(6, 2, 1), gaussian(6, 2, 2), metrics="divergence_frontier")
    assert list(result) == KEYS


# Neighbours


def check_neighbours(x, y, k):
    got = fidiv.divergence_frontier(x, y, method="knn", nearest_k=k)
    at_x, at_y = ratios = oracle.ratios(x, y, k)
    np.testing.assert_allclose(got.samples["real_ratio"], at_x, rtol=1e-14)
    np.testing.assert_allclose(got.samples["fake_ratio"], at_y, rtol=1e-14)
    points = np.maximum(oracle.knn_frontier(*ratios), 0)
    np.testing.assert_allclose(got.curve["real_divergence"], points[:, 0], rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(got.curve["fake_divergence"], points[:, 1], rtol=1e-11, atol=1e-13)
    assert 0 <= got.frontier_integral <= 1
    assert 0 <= got.mauve <= 1
    assert math.isnan(got.mauve_smoothed)
    return got


@pytest.mark.parametrize("k", [7, 119])
@pytest.mark.parametrize("name", ADVERSARIES)
def test_neighbours_equal_to_the_oracle_on_adversaries(name, k):
    check_neighbours(*adversaries(9)[name], k)


def test_neighbours_of_few_points():
    for n, m in ((1, 1), (1, 8), (8, 1), (3, 9)):
        for k in range(1, n + m):
            check_neighbours(gaussian(n, 1, 1), gaussian(m, 1, 2), k)
    with pytest.raises(ValueError, match=r"nearest_k=9 needs at least 10 points"):
        fidiv.divergence_frontier(gaussian(4, 1), gaussian(5, 1, 1), method="knn", nearest_k=9)


@pytest.mark.parametrize("weight", [4, 12, 20])
@pytest.mark.parametrize(("shift", "scale"), [(1.0, 1.0), (0.0, 2.0), (3.0, 1.0)])
def test_divergences_of_gaussians(shift, scale, weight):
    x, y = gaussian(4000, 1, 3), gaussian(3000, 1, 4, shift=shift, scale=scale)
    got = fidiv.divergence_frontier(x, y, method="knn")
    w = got.curve["weights"][weight]
    real, fake = oracle.mixture_divergences(shift, 1.0, scale, w)
    assert got.curve["real_divergence"][weight] == pytest.approx(real, abs=0.03 + 0.1 * real)
    assert got.curve["fake_divergence"][weight] == pytest.approx(fake, abs=0.03 + 0.1 * fake)


def test_the_integral_by_neighbours():
    """The closed form is the integral of the frontier that the ratios give."""
    u = np.concatenate([[0.0, 1e-9, 1.0], np.geomspace(1e-4, 100, 60), 1 + np.linspace(-0.11, 0.11, 23)])
    nodes, weights = np.polynomial.legendre.leggauss(400)
    w = ((nodes + 1) / 2) ** 3  # gathered at 0, where the logarithm is steep
    jacobian = 3 * ((nodes + 1) / 2) ** 2 * weights / 2
    by_nodes = [-2 * np.sum(jacobian * w * np.log(w + (1 - w) * value)) for value in u]
    np.testing.assert_allclose(rooms.half_integral(u), by_nodes, rtol=1e-11, atol=1e-12)
    x, y = gaussian(150, 3, 1), gaussian(130, 3, 2, shift=0.8)
    got = fidiv.divergence_frontier(x, y, method="knn", num_weights=20_001)
    w = got.curve["weights"]
    heights = 2 * (w * got.curve["real_divergence"] + (1 - w) * got.curve["fake_divergence"])
    assert got.frontier_integral == pytest.approx(
        np.sum((w[1:] - w[:-1]) * (heights[1:] + heights[:-1])) / 2, abs=1e-5
    )


def test_the_middle_of_the_frontier_is_the_jensen_shannon_divergence():
    x, y = gaussian(170, 3, 1), gaussian(150, 3, 2, shift=0.8)
    curve = fidiv.divergence_frontier(x, y, method="knn").curve
    assert curve["weights"][12] == pytest.approx(0.5, rel=1e-15)
    middle = (curve["real_divergence"][12] + curve["fake_divergence"][12]) / 2
    assert middle == pytest.approx(fidiv.entropy.js_divergence(x, y), rel=1e-12)


def test_equal_laws_give_about_what_the_note_says():
    values, told = [], []
    for seed in range(40):
        got = fidiv.divergence_frontier(
            gaussian(60, 3, 2 * seed), gaussian(45, 3, 2 * seed + 1), method="knn"
        )
        at_x, at_y = got.samples["real_ratio"], got.samples["fake_ratio"]
        values.append(rooms.half_integral(at_x).mean() + rooms.half_integral(at_y).mean())
        told.append(float(got.notes[0].split("would give ")[1].split()[0]))
    assert len(set(told)) == 1
    assert np.mean(values) == pytest.approx(told[0], abs=4 * np.std(values) / math.sqrt(40))


def test_what_must_not_matter_by_neighbours():
    x, y = gaussian(150, 5, 1, np.float32), gaussian(110, 5, 2, np.float32, shift=0.2)
    rng = np.random.default_rng(0)
    one = fidiv.divergence_frontier(x, y, method="knn")
    for a, b in (
        (x[rng.permutation(150)], y[rng.permutation(110)]),
        (x.astype(np.float64), y.astype(np.float64)),
        (x * np.float32(2**20), y * np.float32(2**20)),
    ):
        other = fidiv.divergence_frontier(a, b, method="knn", n_jobs=3, seed=9)
        assert (one.frontier_integral, one.mauve) == (other.frontier_integral, other.mauve)
    swapped = fidiv.divergence_frontier(y, x, method="knn")
    assert swapped.mauve == pytest.approx(one.mauve, rel=1e-12)
    assert swapped.frontier_integral == pytest.approx(one.frontier_integral, rel=1e-12)


def test_disjoint_sets_by_neighbours():
    got = fidiv.divergence_frontier(gaussian(60, 2, 1), gaussian(50, 2, 2, shift=1e4), method="knn")
    assert got.frontier_integral == pytest.approx(1, abs=1e-15)
    assert got.mauve == pytest.approx(0.0040721, abs=5e-8)
    copied = lattice(60, 2, 1, side=30)
    assert fidiv.divergence_frontier(copied, copied, method="knn").mauve > 0.9


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"nearest_k": 3}, r'nearest_k=3 is of method="knn"'),
        ({"method": "knn", "num_clusters": 5}, r'of method="clusters"'),
        ({"method": "knn", "convention": "mauve"}, r'of method="clusters"'),
        ({"method": "knn", "num_runs": 2}, r'of method="clusters"'),
        ({"method": "kde"}, r'method must be "clusters" or "knn"'),
        ({"num_clusters": 0}, "num_clusters must be at least 1"),
        ({"num_clusters": "all"}, "num_clusters"),
        ({"num_runs": 0}, "num_runs"),
        ({"seed": -1}, "seed"),
    ],
)
def test_options_of_the_other_method(keywords, words):
    with pytest.raises((ValueError, TypeError), match=words):
        fidiv.divergence_frontier(gaussian(30, 2, 1), gaussian(30, 2, 2), **keywords)


def test_defaults_and_seeds():
    x, y = gaussian(150, 4, 1), gaussian(120, 4, 2)
    got = fidiv.divergence_frontier(x, y)
    assert got == fidiv.divergence_frontier(
        x, y, num_clusters="auto", scale=5.0, seed=0, method="clusters", convention="fidiv", num_weights=25
    )
    assert set(got.curve) == {"weights", "real_divergence", "fake_divergence"}
    assert len(got.curve["weights"]) == 25
    assert dict(fidiv.divergence_frontier(x, y, seed=3)) != dict(got)
    assert (
        fidiv.evaluate(x, y, metrics=["mauve"], seed=3).mauve == fidiv.divergence_frontier(x, y, seed=3).mauve
    )
