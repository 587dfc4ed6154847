"""The drop-ins: `compute_prdc` of the prdc package, `compute_metrics` of NSSAC/PrecisionRecallMetric."""

from __future__ import annotations

import contextlib
import io
import math

import numpy as np
import oracle
import pytest
from factories import ADVERSARIES, adversaries, gaussian, lattice

import fidiv

prdc = pytest.importorskip("prdc")


def peer(real, fake, k):
    with contextlib.redirect_stdout(io.StringIO()):
        return {key: float(value) for key, value in prdc.compute_prdc(real, fake, k).items()}


@pytest.mark.parametrize("k", [1, 3, 5, 10])
@pytest.mark.parametrize(("n", "m", "d"), [(100, 90, 1), (200, 250, 2), (300, 300, 64), (150, 400, 17)])
def test_equal_to_prdc(n, m, d, k):
    real, fake = gaussian(n, d, n + d), gaussian(m, d, m + d + 1, shift=0.3 / math.sqrt(d), scale=0.95)
    got = fidiv.compute_prdc(real, fake, k)
    assert type(got) is dict
    assert list(got) == ["precision", "recall", "density", "coverage"]
    assert all(type(value) is float for value in got.values())
    assert got == pytest.approx(peer(real, fake, k), rel=1e-14, abs=0)


def test_equal_to_prdc_on_integers():
    """Small integers: the peer's expanded squares are exact too, so even all the ties must agree."""
    for seed in range(5):
        real, fake = lattice(120, 3, seed, side=6), lattice(110, 3, seed + 50, side=6)
        assert fidiv.compute_prdc(real, fake, 5) == pytest.approx(peer(real, fake, 5), rel=1e-14, abs=0)


@pytest.mark.parametrize("name", ADVERSARIES)
def test_prdc_against_the_oracle_where_the_peer_is_not_exact(name):
    real, fake = adversaries(9)[name]
    assert fidiv.compute_prdc(real, fake, nearest_k=5) == pytest.approx(oracle.prdc(real, fake, 5), rel=1e-14)


def test_prdc_has_no_default_k_and_takes_positions():
    x, y = gaussian(40, 3, 1), gaussian(40, 3, 2)
    with pytest.raises(TypeError):
        fidiv.compute_prdc(x, y)
    assert fidiv.compute_prdc(x, y, 5) == fidiv.compute_prdc(real_features=x, fake_features=y, nearest_k=5)


def test_one_point_fewer_than_prdc_needs():
    """The peer wants k + 2 points; k + 1 have a k-th neighbour."""
    x, y = gaussian(6, 2, 1), gaussian(6, 2, 2)
    with pytest.raises(ValueError, match="kth"):
        peer(x, y, 5)
    assert fidiv.compute_prdc(x, y, 5) == pytest.approx(oracle.prdc(x, y, 5))


def test_prdc_prints_nothing(capfd):
    fidiv.compute_prdc(gaussian(40, 3, 1), gaussian(40, 3, 2), 5)
    assert capfd.readouterr() == ("", "")


NSSAC_KEYS = [
    "precision",
    "recall",
    "density",
    "coverage",
    "frechet_distance",
    "precision_cross_entropy",
    "recall_cross_entropy",
    "recall_entropy",
]


@pytest.mark.parametrize("k", [1, 5, 9])
def test_compute_metrics(k):
    real, fake = gaussian(120, 7, 1), gaussian(100, 7, 2, shift=0.3)
    got = fidiv.compute_metrics(real, fake, nearest_k=k)
    assert type(got) is dict
    assert sorted(got) == sorted(NSSAC_KEYS)
    assert all(type(value) is float for value in got.values())
    assert got == pytest.approx(oracle.nssac(real, fake, k), rel=1e-9)


def test_compute_metrics_takes_positions_and_five_neighbours():
    x, y = gaussian(40, 3, 1), gaussian(40, 3, 2)
    assert fidiv.compute_metrics(x, y) == fidiv.compute_metrics(x, y, 5)


def test_the_raw_entropy_is_that_of_the_real_set():
    x, y = gaussian(90, 3, 1), gaussian(80, 3, 2, scale=9)
    assert fidiv.compute_metrics(x, y)["recall_entropy"] == pytest.approx(fidiv.entropy.entropy(x), rel=1e-14)


def test_paper_and_package_differ_by_the_entropy():
    x, y = gaussian(90, 3, 1), gaussian(80, 3, 2)
    raw, paper = fidiv.compute_metrics(x, y), fidiv.cross_entropies(x, y)
    assert raw["precision_cross_entropy"] - raw["recall_entropy"] == pytest.approx(paper.pce, abs=1e-12)
    assert raw["recall_cross_entropy"] - raw["recall_entropy"] == pytest.approx(paper.rce, abs=1e-12)


def test_copies_make_the_raw_values_minus_infinity():
    """As in that package; `cross_entropies` would raise."""
    x, y = gaussian(40, 3, 1), gaussian(40, 3, 2)
    y[3] = x[8]
    got = fidiv.compute_metrics(x, y, nearest_k=1)
    assert got["precision_cross_entropy"] == got["recall_cross_entropy"] == -math.inf
    assert math.isfinite(got["recall_entropy"])


def test_frozen_figures_of_compute_metrics():
    """On coordinates that are eighths, so every squared distance is exact."""
    i = np.arange(40)
    real = np.stack([i**2 % 101, i**3 % 97, 7 * i % 41], axis=1) / 8
    fake = np.stack([(i + 3) ** 2 % 89, 5 * i**3 % 103, 11 * i % 37], axis=1) / 8
    assert fidiv.compute_metrics(real, fake) == pytest.approx(
        {
            "precision": 1.0,
            "recall": 1.0,
            "density": 0.9,
            "coverage": 0.975,
            "frechet_distance": 3.37478774739335,
            "precision_cross_entropy": 7.03248951376572,
            "recall_cross_entropy": 7.15362871575279,
            "recall_entropy": 7.05052568318534,
        },
        rel=1e-12,
    )
