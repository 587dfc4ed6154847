"""The packages the field reports with, on the same arrays, where they are installed: `pip install
".[reference]"`, which on Linux brings gigabytes of GPU libraries with torch. Without them these tests are
skipped: what the packages compute is also written down in `oracle`, and tested there.

Their features are float32 and so is much of their arithmetic; ours is float64. Tolerances say how far that
takes them; where they differ on purpose, both values are shown.
"""

from __future__ import annotations

import numpy as np
import oracle
import pytest
from factories import gaussian

import fidiv

pytestmark = pytest.mark.filterwarnings("ignore")  # theirs


@pytest.fixture
def pair():
    return gaussian(400, 24, 1, np.float32), gaussian(350, 24, 2, np.float32, shift=0.3)


# torch-fidelity: input 1 is the generated set, input 2 the real one.


def test_kernel_distance_of_torch_fidelity(pair):
    torch, metric = pytest.importorskip("torch"), pytest.importorskip("torch_fidelity.metric_kid")
    real, fake = pair
    theirs = metric.kid_features_to_metric(
        torch.from_numpy(fake), torch.from_numpy(real), kid_subsets=20, kid_subset_size=100, verbose=False
    )
    ours = fidiv.kernel_distance(real, fake, estimator="subsets", subsets=20, subset_size=100, seed=2020)
    assert ours.kernel_distance == pytest.approx(
        float(theirs["kernel_inception_distance_mean"]), rel=1e-4, abs=1e-6
    )
    assert ours.kernel_distance_std == pytest.approx(
        float(theirs["kernel_inception_distance_std"]), rel=1e-3, abs=1e-6
    )


def test_frechet_distance_of_torch_fidelity(pair):
    torch, metric = pytest.importorskip("torch"), pytest.importorskip("torch_fidelity.metric_fid")
    real, fake = pair
    statistics = [metric.fid_features_to_statistics(torch.from_numpy(x)) for x in (fake, real)]
    theirs = metric.fid_statistics_to_metric(*statistics, False)["frechet_inception_distance"]
    assert fidiv.frechet_distance(real, fake).frechet_distance == pytest.approx(float(theirs), rel=1e-5)


def test_precision_recall_of_torch_fidelity(pair):
    torch, metric = pytest.importorskip("torch"), pytest.importorskip("torch_fidelity.metric_prc")
    real, fake = pair
    theirs = metric.prc_features_to_metric(
        torch.from_numpy(fake), torch.from_numpy(real), prc_neighborhood=3, prc_batch_size=100, verbose=False
    )
    ours = fidiv.precision_recall(real, fake, nearest_k=3)
    # Distances rounded to float32 may move a point across the boundary of a ball.
    assert ours.precision == pytest.approx(float(theirs["precision"]), abs=2.5 / len(fake))
    assert ours.recall == pytest.approx(float(theirs["recall"]), abs=2.5 / len(real))


def test_inception_score_of_torch_fidelity():
    torch, metric = pytest.importorskip("torch"), pytest.importorskip("torch_fidelity.metric_isc")
    logits = 3 * gaussian(500, 10, 3, np.float32)
    theirs = metric.isc_features_to_metric(torch.from_numpy(logits), splits=10, shuffle=True, rng_seed=2020)
    probabilities = np.exp(logits.astype(np.float64))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    ours = fidiv.inception_score(probabilities, splits=10, seed=2020)
    assert ours.inception_score == pytest.approx(float(theirs["inception_score_mean"]), rel=1e-9)
    assert ours.inception_score_std == pytest.approx(float(theirs["inception_score_std"]), rel=1e-7)


# torchmetrics


def test_frechet_distance_of_torchmetrics(pair):
    torch, metric = pytest.importorskip("torch"), pytest.importorskip("torchmetrics.image.fid")
    real, fake = (torch.from_numpy(x).double() for x in pair)
    theirs = metric._compute_fid(real.mean(0), torch.cov(real.T), fake.mean(0), torch.cov(fake.T))
    assert fidiv.frechet_distance(*pair).frechet_distance == pytest.approx(float(theirs), rel=1e-9)


def test_kernel_distance_of_torchmetrics(pair):
    """One subset of all points is the full estimate."""
    torch, metric = pytest.importorskip("torch"), pytest.importorskip("torchmetrics.image.kid")
    real, fake = pair[0][:350], pair[1]  # it takes sets of one size
    theirs = metric.poly_mmd(torch.from_numpy(real).double(), torch.from_numpy(fake).double())
    assert fidiv.kernel_distance(real, fake).kernel_distance == pytest.approx(float(theirs), rel=1e-10)


# vendi-score


@pytest.mark.parametrize("q", [0.5, 1.0, 2.0])
def test_vendi_score_of_its_authors(q):
    vendi = pytest.importorskip("vendi_score.vendi")
    x = gaussian(120, 9, 4)
    rows = x / np.linalg.norm(x, axis=1, keepdims=True)
    # Its eigenvalues that should be 0 are roundings, and small orders count them.
    rel = 1e-6 if q < 1 else 1e-8
    assert fidiv.vendi_score(x, q=q).vendi_score == pytest.approx(vendi.score_K(rows @ rows.T, q=q), rel=rel)
    assert fidiv.vendi_score(x, q=q).vendi_score == pytest.approx(vendi.score_dual(x, q=q), rel=1e-8)


def test_the_order_that_vendi_score_forgets():
    """`score_X` of 0.0.3 takes q and does not use it."""
    vendi = pytest.importorskip("vendi_score.vendi")
    x = gaussian(60, 5, 4)
    if vendi.score_X(x, q=2) == vendi.score_X(x, q=1):
        assert fidiv.vendi_score(x, q=1).vendi_score == pytest.approx(vendi.score_X(x, q=2), rel=1e-8)
    assert fidiv.vendi_score(x, q=2).vendi_score != fidiv.vendi_score(x, q=1).vendi_score


# ltm-eval, in chunks, against the same four of prdc


def test_prdc_of_ltm_eval(pair):
    diversity = pytest.importorskip("ltm_eval.metrics.diversity")
    real, fake = (x.astype(np.float64) for x in pair)
    theirs, ours = diversity.compute_prdc(real, fake, 5), fidiv.compute_prdc(real, fake, 5)
    for key, value in ours.items():
        assert theirs[key] == pytest.approx(value, abs=1e-12), key
    assert ours == pytest.approx(oracle.prdc(real, fake, 5), abs=1e-12)


# mauve-text. Where clusters are beyond doubt, its k-means and ours find the same, and the rest is arithmetic.


def test_mauve_of_its_authors():
    mauve = pytest.importorskip("mauve")
    rng = np.random.default_rng(0)
    centres = 50 * np.eye(6)[:3]

    def clusters(counts):
        points = [centre + 0.01 * rng.normal(size=(n, 6)) for centre, n in zip(centres, counts, strict=True)]
        return np.concatenate(points).astype(np.float32)

    real, fake = clusters([150, 90, 60]), clusters([52, 78, 130])
    theirs = mauve.compute_mauve(p_features=real, q_features=fake, num_buckets=3, pca_max_data=-1)
    ours = fidiv.divergence_frontier(real, fake, num_clusters=3, convention="mauve")
    assert ours.mauve == pytest.approx(theirs.mauve, rel=1e-12)
    assert ours.frontier_integral == pytest.approx(theirs.frontier_integral, rel=1e-9)
    assert ours.mauve_smoothed == pytest.approx(theirs.mauve_star, rel=1e-12)
    assert ours.frontier_integral_smoothed == pytest.approx(theirs.frontier_integral_star, rel=1e-9)
