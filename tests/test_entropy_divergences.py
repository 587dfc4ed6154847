"""Rényi and Jensen-Shannon divergences: the oracle, Gaussians, the exact law of labels, ties, and errors."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from factories import ADVERSARIES, adversaries, gaussian, lattice
from oracle import frontier as oracle

import fidiv
from fidiv.entropy import (
    js_divergence,
    js_divergence_result,
    kl_divergence,
    renyi_divergence,
    renyi_divergence_result,
)

LN2 = math.log(2)


# The oracle


def check(x, y, k):
    at_x, at_y = oracle.ratios(x, y, k)
    for alpha in (0.3, 1, 2.5):
        got = renyi_divergence_result(x, y, alpha=alpha, nearest_k=k)
        expected = oracle.renyi(at_y, alpha)
        assert got.renyi_divergence == pytest.approx(expected, rel=1e-12, abs=1e-13)
    np.testing.assert_allclose(got.samples["ratio"], at_y, rtol=1e-14, atol=0)
    assert got.mean_ratio == pytest.approx(at_y.mean(), rel=1e-13)
    js = js_divergence_result(x, y, nearest_k=k)
    np.testing.assert_allclose(js.samples["x_ratio"], at_x, rtol=1e-14, atol=0)
    np.testing.assert_allclose(js.samples["y_ratio"], at_y, rtol=1e-14, atol=0)
    assert js.js_divergence == pytest.approx(oracle.js(at_x, at_y), rel=1e-12, abs=1e-13)
    assert 0 <= js.js_divergence <= LN2


@pytest.mark.parametrize("k", [5, 119])
@pytest.mark.parametrize("name", ADVERSARIES)
def test_equal_to_the_oracle_on_adversaries(name, k):
    check(*adversaries(9)[name], k)


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 9), (9, 1), (2, 30), (30, 2)])
def test_lists_that_are_shorter_than_k(n, m):
    x, y = gaussian(n, 1, 1), gaussian(m, 1, 2, shift=0.2)
    for k in range(1, n + m):
        check(x, y, k)


def test_by_hand():
    """y at 0: neighbours in the union 1 (x), 2 (y), 3 (x); y at 2: 1 (x) and 3 (x) before 0 (y)."""
    x, y = np.array([[1.0], [3.0]]), np.array([[0.0], [2.0]])
    got = renyi_divergence_result(x, y, alpha=2, nearest_k=2)
    np.testing.assert_array_equal(got.samples["ratio"], [0.5, 2.0])
    assert got.renyi_divergence == pytest.approx(math.log((0.25 + 4) / 2))
    assert renyi_divergence(x, y, alpha=1, nearest_k=2) == pytest.approx((-0.5 * LN2 + 2 * LN2) / 2)


def test_ties_go_to_x():
    """All points are equally far from one another (or equal): the order decides, x before y."""
    x, y = np.zeros((4, 2)), np.zeros((6, 2))
    got = js_divergence_result(x, y, nearest_k=3)
    np.testing.assert_array_equal(got.samples["x_ratio"], 0.0)  # three other x come first
    np.testing.assert_array_equal(got.samples["y_ratio"], 6 / 4 * 3)


# Known divergences


@pytest.mark.parametrize("alpha", [0.25, 0.5, 1, 1.5, 2])
@pytest.mark.parametrize(("shift", "scale"), [(1.0, 1.0), (0.0, 1.5), (0.7, 1.3)])
def test_gaussians(alpha, shift, scale):
    """x of P = N(0, 1), y of Q = N(shift, scale^2), of different sizes."""
    x, y = gaussian(6000, 1, 11), gaussian(4000, 1, 12, shift=shift, scale=scale)
    truth = oracle.renyi_of_gaussians(shift, 1.0, scale, alpha)
    got = renyi_divergence_result(x, y, alpha=alpha)
    assert got.renyi_divergence == pytest.approx(truth, abs=0.05 + 0.06 * truth)
    assert got.mean_ratio == pytest.approx(1, abs=0.06)
    by_radii = renyi_divergence(x, y, alpha=alpha, nearest_k=20, method="radii")
    # Above 1 the mean is one over the few x far out where p / q is large.
    assert by_radii == pytest.approx(truth, abs=0.05 + (0.06 if alpha <= 1 else 0.2) * truth)


def test_the_orientation():
    """A narrow P in a wide Q: D_2(P || Q) is small, D_2(Q || P) infinite (P has the lighter tails)."""
    x, y = gaussian(3000, 1, 1, scale=0.5), gaussian(3000, 1, 2, scale=2.0)
    assert renyi_divergence(x, y, alpha=2) == pytest.approx(
        oracle.renyi_of_gaussians(0.0, 0.5, 2.0, 2), abs=0.15
    )
    assert renyi_divergence(x, y, alpha=0.5) == pytest.approx(renyi_divergence(y, x, alpha=0.5), abs=0.05)


@pytest.mark.parametrize(("shift", "scale"), [(1.0, 1.0), (0.0, 2.0), (3.0, 1.0)])
def test_js_of_gaussians(shift, scale):
    x, y = gaussian(5000, 1, 3), gaussian(4000, 1, 4, shift=shift, scale=scale)
    truth = sum(oracle.mixture_divergences(shift, 1.0, scale, 0.5)) / 2
    assert js_divergence(x, y) == pytest.approx(truth, abs=0.02)


def test_orders_near_one_by_radii_tend_to_the_kl_divergence():
    x, y = gaussian(300, 3, 1), gaussian(250, 3, 2, shift=0.4)
    kl = kl_divergence(x, y)
    assert renyi_divergence(x, y, alpha=1, method="radii") == pytest.approx(kl, rel=1e-12)
    assert renyi_divergence(x, y, alpha=1 + 1e-6, method="radii") == pytest.approx(kl, abs=1e-4)


@pytest.mark.parametrize("alpha", [0.4, 0.5, 2.0, 3.5])
@pytest.mark.parametrize("d", [1, 4, 33])
def test_radii_against_the_oracle(alpha, d):
    x, y = gaussian(90, d, 1, np.float32), gaussian(70, d, 2, shift=0.1)
    for k in (3, 5, 20):
        got = renyi_divergence_result(x, y, alpha=alpha, nearest_k=k, method="radii")
        assert got.renyi_divergence == pytest.approx(
            oracle.renyi_by_radii(x, y, alpha, k), rel=1e-9, abs=1e-9
        )
    assert got.samples["log_ratio"].shape == (90,)
    default = renyi_divergence_result(x, y, alpha=alpha, method="radii")
    assert default.settings["nearest_k"] == 5


def test_radii_and_their_expected_value():
    """Uniform on a circle, so that no point is near an edge: the masses of the balls are Beta."""
    rng = np.random.default_rng(5)
    for alpha in (0.5, 1, 2):
        values = []
        for _ in range(300):
            t, u = rng.uniform(0, 2 * math.pi, 12), rng.uniform(0, 2 * math.pi, 40)
            x, y = (np.stack([np.cos(a), np.sin(a)], axis=1) for a in (t, u))
            # The density is one-dimensional: logs are multiplied by 1 and not by 2.
            got = renyi_divergence_result(x, y, alpha=alpha, nearest_k=3, method="radii")
            logs = math.log(40 / 11) + (got.samples["log_ratio"] - math.log(40 / 11)) / 2
            s = 1 - alpha
            b = math.gamma(3) ** 2 / (math.gamma(3 + s) * math.gamma(3 - s))
            values.append(np.mean(logs) if alpha == 1 else b * np.mean(np.exp(-s * logs)))
        expected = got.expected_renyi_divergence
        expected = expected if alpha == 1 else math.exp((alpha - 1) * expected)
        error = np.std(values) / math.sqrt(len(values))
        assert abs(np.mean(values) - expected) < 4 * error + 0.02


# Equal laws


@pytest.mark.parametrize(("n", "m", "k"), [(5, 4, 3), (3, 5, 1), (4, 4, 7), (2, 6, 5)])
def test_the_expected_values_are_exact(n, m, k):
    """All ways to deal labels to n + m points are equally likely: their mean is the expectation."""
    z = gaussian(n + m, 2, 7)
    powers = {0.5: [], 2.0: [], 1.0: []}
    mean_ratio, js = [], []
    for chosen in itertools.combinations(range(n + m), n):
        x, y = z[list(chosen)], np.delete(z, chosen, axis=0)
        result = js_divergence_result(x, y, nearest_k=k)
        at_x, at_y = result.samples["x_ratio"], result.samples["y_ratio"]
        js.append((np.log(2 / (1 + at_x)).mean() + np.log(2 / (1 + at_y)).mean()) / 2)
        mean_ratio.append(at_y.mean())
        for alpha in powers:
            powers[alpha].append(
                np.mean(at_y**alpha) if alpha != 1 else np.mean([t * math.log(t) if t else 0 for t in at_y])
            )
    assert result.expected_js_divergence == pytest.approx(np.mean(js), rel=1e-12)
    for alpha, found in powers.items():
        got = renyi_divergence_result(x, y, alpha=alpha, nearest_k=k).expected_renyi_divergence
        assert got == pytest.approx(
            np.mean(found) if alpha == 1 else math.log(np.mean(found)) / (alpha - 1), rel=1e-11, abs=1e-13
        )


def test_the_law_of_the_labels_of_large_sets():
    from fidiv._ratios import null_law

    for k, own, other in ((5, 100, 80), (40, 30, 60), (150, 20_000, 30_000), (7, 1, 9), (9, 4, 6)):
        exact = [float(p) for p in oracle.hypergeometric(k, own, other)]
        np.testing.assert_allclose(null_law(k, own, other), exact, rtol=1e-10, atol=1e-300)


@pytest.mark.parametrize(("n", "m"), [(1500, 1500), (2000, 700)])
@pytest.mark.parametrize("d", [2, 8])
def test_equal_laws_give_about_the_expected_value(n, m, d):
    x, y = gaussian(n, d, 21), gaussian(m, d, 22)
    js = js_divergence_result(x, y)
    assert js.js_divergence == pytest.approx(js.expected_js_divergence, abs=0.01)
    for alpha in (0.5, 1, 2):
        got = renyi_divergence_result(x, y, alpha=alpha)
        assert got.renyi_divergence == pytest.approx(got.expected_renyi_divergence, abs=0.12)
    shifted = js_divergence(x, y + 1.0)
    assert shifted > js.js_divergence + 0.05


def test_small_k_has_a_bias_that_no_n_removes():
    biases = [
        renyi_divergence_result(
            gaussian(n, 1, 1), gaussian(n, 1, 2), alpha=0.5, nearest_k=2
        ).expected_renyi_divergence
        for n in (100, 1000)
    ]
    assert biases[0] == pytest.approx(biases[1], abs=0.02)
    assert min(biases) > 0.2


# Disjoint sets, and mass that is not seen


def test_disjoint_sets():
    x, y = gaussian(60, 3, 1), gaussian(50, 3, 2, shift=1000.0)
    got = js_divergence_result(x, y)
    assert got.js_divergence == LN2
    for alpha in (0.5, 1, 3):
        result = renyi_divergence_result(x, y, alpha=alpha)
        assert result.renyi_divergence == math.inf
        assert math.isfinite(result.expected_renyi_divergence)
        assert result.mean_ratio == 0
        assert any("no y" in note for note in result.notes)


def test_mass_of_p_where_q_is_not_is_told():
    """Three quarters of P lie where Q has no points: the divergence is infinite, the estimate is not."""
    x = np.concatenate([gaussian(100, 2, 1), gaussian(300, 2, 3, shift=500.0)])
    got = renyi_divergence_result(x, gaussian(400, 2, 2), alpha=1)
    assert got.mean_ratio == pytest.approx(0.25, abs=0.05)
    assert any("mean ratio" in note for note in got.notes)
    assert not renyi_divergence_result(x, gaussian(400, 2, 2), alpha=0.5).notes


def test_noise_below_zero_is_clipped_and_told():
    """Every point's two neighbours are of the other set."""
    x = np.arange(0.0, 20.0, 2.0)[:, None]
    got = js_divergence_result(x, x + 1.0, nearest_k=2)
    assert got.js_divergence == 0.0
    assert any("given as 0" in note for note in got.notes)


def test_huge_orders_do_not_overflow():
    x, y = gaussian(100, 2, 1), gaussian(100, 2, 2)
    got = renyi_divergence_result(x, y, alpha=5000.0)
    assert got.renyi_divergence == pytest.approx(math.log(got.samples["ratio"].max()), rel=0.01)
    assert math.isfinite(got.expected_renyi_divergence)


# Invariances and defaults


def test_swapping_x_and_y():
    x, y = gaussian(200, 4, 1), gaussian(120, 4, 2, shift=0.3)
    one, other = js_divergence_result(x, y), js_divergence_result(y, x)
    assert one.js_divergence == pytest.approx(other.js_divergence, rel=1e-13)
    assert one.expected_js_divergence == pytest.approx(other.expected_js_divergence, rel=1e-13)
    np.testing.assert_array_equal(one.samples["x_ratio"], other.samples["y_ratio"])


def test_what_must_not_matter():
    x, y = gaussian(150, 5, 1, np.float32), gaussian(110, 5, 2, np.float32, shift=0.2)
    rng = np.random.default_rng(0)
    rotation = np.linalg.qr(rng.normal(size=(9, 5)))[0].T
    variants = (
        (x[rng.permutation(150)], y[rng.permutation(110)]),
        (x.astype(np.float64), y.astype(np.float64)),
        (x * np.float32(1024), y * np.float32(1024)),
        (x.astype(np.float64) @ rotation + 2.0, y.astype(np.float64) @ rotation + 2.0),
    )
    for a, b in variants:
        assert js_divergence(a, b) == js_divergence(x, y)
        assert renyi_divergence(a, b, alpha=0.7) == renyi_divergence(x, y, alpha=0.7)
    for a, b in variants[:3]:
        assert renyi_divergence(a, b, alpha=0.7, method="radii") == pytest.approx(
            renyi_divergence(x, y, alpha=0.7, method="radii"), rel=1e-11
        )
    assert js_divergence_result(x, y, n_jobs=1) == js_divergence_result(x, y, n_jobs=3)


def test_defaults_and_results():
    x, y = lattice(130, 3, 1, side=9), lattice(101, 3, 2, side=9)
    renyi, js = renyi_divergence_result(x, y, alpha=2), js_divergence_result(x, y)
    assert renyi == renyi_divergence_result(x, y, alpha=2.0, nearest_k=11, method="neighbour-ratio")
    assert js == js_divergence_result(x, y, nearest_k=10)
    assert list(renyi) == ["renyi_divergence", "expected_renyi_divergence", "mean_ratio"]
    assert list(js) == ["js_divergence", "expected_js_divergence"]
    assert type(renyi_divergence(x, y, alpha=2)) is float
    assert renyi_divergence(x, y, alpha=2) == renyi.renyi_divergence
    assert js_divergence(x, y) == js.js_divergence
    for result in (renyi, js):
        s = result.settings
        assert (s["n"], s["m"], s["d"], s["version"]) == (130, 101, 3, fidiv.__version__)
        assert len(s["sweeps"]) in (2, 3)
        assert all(not array.flags.writeable for array in result.samples.values())
    seen = []
    js_divergence(x, y, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1]


# Errors


@pytest.mark.parametrize("bad", [0, -1.0, math.nan, math.inf, 10**400])
def test_bad_orders(bad):
    with pytest.raises(ValueError, match=r"alpha must be a positive, finite"):
        renyi_divergence(gaussian(9, 2), gaussian(9, 2, 1), alpha=bad)


@pytest.mark.parametrize("bad", [True, "2", None, 1j])
def test_orders_that_are_no_numbers(bad):
    with pytest.raises(TypeError, match="alpha"):
        renyi_divergence(gaussian(9, 2), gaussian(9, 2, 1), alpha=bad)


def test_bad_arguments():
    x, y = gaussian(9, 2), gaussian(7, 2, 1)
    with pytest.raises(ValueError, match=r"nearest_k=16 needs at least 17 points.*16"):
        js_divergence(x, y, nearest_k=16)
    with pytest.raises(ValueError, match=r"nearest_k=16"):
        renyi_divergence(x, y, alpha=2, nearest_k=16)
    with pytest.raises(ValueError, match=r"above abs\(alpha - 1\)"):
        renyi_divergence(x, y, alpha=4, nearest_k=3, method="radii")
    with pytest.raises(ValueError, match=r"nearest_k=9.*x"):
        renyi_divergence(x, y, alpha=2, nearest_k=9, method="radii")
    with pytest.raises(ValueError, match=r"nearest_k=8.*y"):
        renyi_divergence(x, y, alpha=2, nearest_k=8, method="radii")
    with pytest.raises(ValueError, match=r'method must be "neighbour-ratio" or "radii"'):
        renyi_divergence(x, y, alpha=2, method="knn")
    with pytest.raises(TypeError, match="method"):
        renyi_divergence(x, y, alpha=2, method=2)
    with pytest.raises(TypeError, match="nearest_k"):
        js_divergence(x, y, nearest_k=2.0)
    with pytest.raises(ValueError, match=r"y has 3 columns, x has 2"):
        js_divergence(x, gaussian(7, 3))


def test_zero_radii_have_no_logarithm():
    x = np.repeat(gaussian(5, 2), 6, axis=0)
    with pytest.raises(ValueError, match=r"the distances within x: 30 of 30 distances are zero"):
        renyi_divergence(x, gaussian(20, 2, 1), alpha=2, method="radii")
    with pytest.raises(ValueError, match=r"the distances from x to y: 5 of 5"):
        renyi_divergence(x[::6], x, alpha=2, nearest_k=2, method="radii")
