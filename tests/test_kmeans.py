"""k-means: a local optimum to the bit, the same one for any thread count, kernel and start of the machine."""

from __future__ import annotations

import numpy as np
import oracle
import pytest
from factories import gaussian, lattice

from fidiv import _core


def kmeans(*sets, num_clusters=5, num_runs=2, seed=0, **keywords):
    points = [_core.Points(np.ascontiguousarray(x), f"set {i}") for i, x in enumerate(sets)]
    return _core.kmeans(points, num_clusters=num_clusters, num_runs=num_runs, seed=seed, **keywords)


def blobs(per_blob=60, blobs=5, d=8, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    centers = 30 * np.eye(blobs, d)
    return (np.repeat(centers, per_blob, axis=0) + rng.normal(size=(blobs * per_blob, d))).astype(dtype)


def inertia(x, centers):
    return (oracle.distances(x, centers).min(axis=1) ** 2).sum()


def test_shapes_and_types():
    labels, centers = kmeans(gaussian(70, 6, 1), gaussian(50, 6, 2, np.float32), num_clusters=4, num_runs=3)
    assert [part.shape for part in labels] == [(3, 70), (3, 50)]
    assert all(part.dtype == np.int32 for part in labels)
    assert centers.shape == (3, 4, 6)
    assert centers.dtype == np.float64
    for part in labels:
        assert part.min() >= 0
        assert part.max() < 4


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("d", [1, 8, 33])
def test_every_label_is_the_nearest_center_and_every_center_the_mean(d, dtype):
    x, y = gaussian(400, d, 1, dtype), gaussian(300, d, 2, shift=0.5)
    union = np.concatenate([x.astype(np.float64), y])
    labels, centers = kmeans(x, y, num_clusters=7, num_runs=4)
    for run in range(4):
        joined = np.concatenate([labels[0][run], labels[1][run]])
        np.testing.assert_array_equal(joined, oracle.nearest_center(union, centers[run]))
        assert len(np.unique(joined)) == 7
        means = np.array([union[joined == c].mean(axis=0) for c in range(7)])
        np.testing.assert_allclose(centers[run], means, rtol=1e-12, atol=1e-12)


def test_clusters_that_are_there_are_found():
    x = blobs()
    labels, centers = kmeans(x, num_runs=10)
    costs = [inertia(x, centers[run]) for run in range(10)]
    best = int(np.argmin(costs))
    truth = np.repeat(np.arange(5), 60)
    assert all(len(np.unique(labels[0][best][truth == c])) == 1 for c in range(5))
    assert len(np.unique(labels[0][best])) == 5
    # k-means++ starts: far apart blobs are nearly always found at once; uniform starts manage in one of 26.
    assert sum(cost < 1.01 * min(costs) for cost in costs) >= 6


def test_lloyd_is_no_worse_than_scikit_learn():
    from sklearn.cluster import KMeans

    x = gaussian(600, 4, 3)
    theirs = KMeans(8, n_init=10, random_state=0).fit(x).inertia_
    _, centers = kmeans(x, num_clusters=8, num_runs=10)
    assert min(inertia(x, centers[run]) for run in range(10)) <= 1.03 * theirs


@pytest.mark.parametrize("n_jobs", [2, 3, 8])
def test_threads_change_nothing(n_jobs):
    x, y = gaussian(900, 20, 1, np.float32), gaussian(700, 20, 2, np.float32)
    one, many = kmeans(x, y, num_clusters=20, n_jobs=1), kmeans(x, y, num_clusters=20, n_jobs=n_jobs)
    for a, b in zip(one[0], many[0], strict=True):
        np.testing.assert_array_equal(a, b)
    assert one[1].tobytes() == many[1].tobytes()


def test_kernels_change_nothing(kernel, monkeypatch):
    x = gaussian(500, 20, 1, np.float32)
    assert _core.config()["kernel"] == kernel
    forced = kmeans(x, num_clusters=10)
    monkeypatch.setenv("FIDIV_KERNEL", "portable")
    portable = kmeans(x, num_clusters=10)
    monkeypatch.setenv("FIDIV_KERNEL", "abacus")  # it asks: an unknown one does not pass in silence
    with pytest.raises(ValueError, match="abacus"):
        kmeans(x, num_clusters=10)
    np.testing.assert_array_equal(forced[0][0], portable[0][0])
    assert forced[1].tobytes() == portable[1].tobytes()


def test_one_set_or_two_is_one_union():
    x, y = gaussian(200, 5, 1), gaussian(150, 5, 2)
    together, centers = kmeans(np.concatenate([x, y]))
    apart, same_centers = kmeans(x, y)
    np.testing.assert_array_equal(np.concatenate(apart, axis=1), together[0])
    assert centers.tobytes() == same_centers.tobytes()


def test_seeds():
    x = gaussian(500, 5, 1)
    again = [kmeans(x, num_clusters=12, num_runs=1, seed=7)[1].tobytes() for _ in range(2)]
    other = kmeans(x, num_clusters=12, num_runs=1, seed=8)[1].tobytes()
    assert again[0] == again[1]
    assert again[0] != other


def test_runs_differ_and_do_not_depend_on_how_many_there_are():
    x = gaussian(500, 5, 1)
    _, few = kmeans(x, num_clusters=12, num_runs=2)
    _, many = kmeans(x, num_clusters=12, num_runs=5)
    assert few.tobytes() == many[:2].tobytes()
    assert len({run.tobytes() for run in many}) > 1


def test_duplicates():
    x = np.repeat(lattice(6, 3, 1, side=9), 40, axis=0)
    distinct = len(np.unique(x, axis=0))
    labels, centers = kmeans(x, num_clusters=distinct, num_runs=5)
    for run in range(5):
        np.testing.assert_array_equal(labels[0][run], oracle.nearest_center(x, centers[run]))
        assert inertia(x, centers[run]) == pytest.approx(0, abs=1e-20)  # k-means++ never takes a point twice


@pytest.mark.parametrize("num_clusters", [3, 4, 10])
def test_as_many_clusters_as_distinct_points_or_more(num_clusters):
    x = np.array([[0.0], [1.0], [5.0]] * 4)
    labels, centers = kmeans(x, num_clusters=num_clusters)
    assert np.isfinite(centers).all()
    for run in range(2):
        np.testing.assert_array_equal(labels[0][run], oracle.nearest_center(x, centers[run]))
        assert len(np.unique(labels[0][run])) == 3
        assert inertia(x, centers[run]) == 0


def test_one_cluster():
    x = gaussian(100, 4, 1)
    labels, centers = kmeans(x, num_clusters=1)
    assert not labels[0].any()
    np.testing.assert_allclose(centers[0, 0], x.mean(axis=0), rtol=1e-12, atol=1e-14)


def test_a_far_outlier_and_huge_offsets():
    x = blobs(dtype=np.float64)
    x[7] = 1e60
    labels, centers = kmeans(x + 1e6)
    for run in range(2):
        np.testing.assert_array_equal(labels[0][run], oracle.nearest_center(x + 1e6, centers[run]))


@pytest.mark.parametrize(
    ("keywords", "words"),
    [({"num_clusters": 0}, "0 clusters|num_clusters"), ({"num_runs": 0}, "0 runs|num_runs")],
)
def test_bad_counts(keywords, words):
    with pytest.raises(ValueError, match=words):
        kmeans(gaussian(10, 2), **keywords)


def test_widths_must_agree():
    with pytest.raises(ValueError, match=r"2.*3|3.*2"):
        kmeans(gaussian(10, 2), gaussian(10, 3))
