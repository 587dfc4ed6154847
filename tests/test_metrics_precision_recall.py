"""Improved precision and recall with realism (Kynkaanniemi et al. 2019)."""

from __future__ import annotations

import itertools

import numpy as np
import oracle
import pytest
from factories import ADVERSARIES, adversaries, gaussian, lattice

import fidiv


def check(real, fake, **keywords):
    got = fidiv.precision_recall(real, fake, **keywords)
    expected = oracle.precision_recall(real, fake, keywords.get("nearest_k", 3), keywords.get("closed", True))
    for key in ("precision", "recall", "f_score"):
        assert got[key] == pytest.approx(expected[key], rel=1e-15)
    for name in ("precision_mask", "recall_mask", "realism", "nearest_real", "nearest_real_distance"):
        np.testing.assert_array_equal(got.samples[name], expected[name], err_msg=name, strict=True)
    assert set(got) == {"precision", "recall", "f_score"}
    assert got.precision == got.samples["precision_mask"].mean()
    assert got.recall == got.samples["recall_mask"].mean()
    return got


@pytest.mark.parametrize("name", ADVERSARIES)
@pytest.mark.parametrize("closed", [True, False])
def test_equal_to_the_oracle_on_adversaries(name, closed):
    check(*adversaries(9)[name], closed=closed)


@pytest.mark.parametrize("k", [1, 2, 3, 10, 69])
def test_equal_to_the_oracle_for_any_k(k, kernel):
    check(gaussian(80, 6, 1), gaussian(70, 6, 2, np.float32, shift=0.4), nearest_k=k)
    check(lattice(80, 3, 1), lattice(70, 3, 2), nearest_k=k)


def test_defaults():
    x, y = lattice(60, 2, 1), lattice(50, 2, 2)
    got = fidiv.precision_recall(x, y)
    assert got == fidiv.precision_recall(x, y, nearest_k=3, closed=True)
    assert got == fidiv.precision_recall(real_features=x, fake_features=y)
    assert got.settings["nearest_k"] == 3
    assert got != fidiv.precision_recall(x, y, nearest_k=2)
    assert got.settings["closed"] is True


def test_all_keywords_after_the_two_sets():
    with pytest.raises(TypeError):
        fidiv.precision_recall(gaussian(30, 2), gaussian(30, 2), 3)


def test_swapped_sets_swap_precision_and_recall():
    x, y = gaussian(90, 4, 1), gaussian(80, 4, 2, scale=0.7)
    one, other = fidiv.precision_recall(x, y), fidiv.precision_recall(y, x)
    assert (one.precision, one.recall, one.f_score) == (other.recall, other.precision, other.f_score)


def test_disjoint_and_equal():
    x = gaussian(60, 3, 1)
    far = fidiv.precision_recall(x, x + 1e4)
    assert dict(far) == {"precision": 0.0, "recall": 0.0, "f_score": 0.0}
    same = fidiv.precision_recall(x, x)
    assert dict(same) == {"precision": 1.0, "recall": 1.0, "f_score": 1.0}
    assert (
        np.isinf(same.samples["realism"]).sum() >= 30
    )  # a copy of a real whose ball is not above the median
    np.testing.assert_array_equal(same.samples["nearest_real"], np.arange(60))


def test_discrete_data_belongs_to_its_own_law():
    """All points equal: radius 0, distance 0. The closed ball holds its centre, the open one is empty."""
    x = np.ones((10, 2))
    assert fidiv.precision_recall(x, x).precision == 1.0
    opened = fidiv.precision_recall(x, x, closed=False)
    assert (opened.precision, opened.recall, opened.f_score) == (0.0, 0.0, 0.0)
    assert not fidiv.precision_recall(x, x).samples["realism"].any()  # 0/0 is 0


def test_realism_by_hand():
    """Reals 0, 1, 3, 10 on a line with k=1: radii 1, 1, 2, 7, median 1.5: only the first two count."""
    real = np.array([[0.0], [1.0], [3.0], [10.0]])
    fake = np.array([[0.5], [1.0], [3.0], [-2.0], [100.0]])
    got = fidiv.precision_recall(real, fake, nearest_k=1)
    np.testing.assert_array_equal(got.samples["realism"], [2.0, np.inf, 0.5, 0.5, 1 / 99])
    np.testing.assert_array_equal(got.samples["precision_mask"], [True, True, True, False, False])
    np.testing.assert_array_equal(got.samples["nearest_real"], [0, 1, 2, 0, 3])
    np.testing.assert_array_equal(got.samples["nearest_real_distance"], [0.5, 0.0, 0.0, 2.0, 90.0])


def test_realism_above_one_is_inside_a_ball():
    got = fidiv.precision_recall(gaussian(200, 5, 1), gaussian(180, 5, 2))
    inside = got.samples["realism"] >= 1
    assert inside.any()
    assert got.samples["precision_mask"][inside].all()


def test_more_neighbours_never_lower_the_score():
    x, y = gaussian(100, 4, 1), gaussian(90, 4, 2, shift=0.5)
    results = [fidiv.precision_recall(x, y, nearest_k=k) for k in (1, 2, 4, 8, 16)]
    for a, b in itertools.pairwise(results):
        assert a.precision <= b.precision
        assert a.recall <= b.recall
