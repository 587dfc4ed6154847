"""Precision and recall cover (Cheema and Urner 2023; letters of Fox et al. 2025): oracle and exact law."""

from __future__ import annotations

import math

import numpy as np
import oracle
import pytest
from factories import ADVERSARIES, adversaries, gaussian, lattice

import fidiv

KEYS = ("precision_cover", "recall_cover", "expected_precision_cover", "expected_recall_cover")


def check(real, fake, **keywords):
    got = fidiv.precision_recall_cover(real, fake, **keywords)
    expected = oracle.precision_recall_cover(real, fake, **keywords)
    assert set(got) == set(KEYS)
    for key in KEYS[:2]:
        assert got[key] == expected[key], key
    for key in KEYS[2:]:
        assert got[key] == pytest.approx(expected[key], rel=1e-11), key
    return got


@pytest.mark.parametrize("name", ADVERSARIES)
@pytest.mark.parametrize("closed", [True, False])
def test_equal_to_the_oracle_on_adversaries(name, closed):
    check(*adversaries(9)[name], closed=closed)


@pytest.mark.parametrize(
    ("ball_k", "min_count"), [(1, 1), (3, 1), (6, 2), (9, 3), (15, 5), (15, 15), (69, 30), (5, 70)]
)
def test_equal_to_the_oracle_for_any_k(ball_k, min_count, kernel):
    check(gaussian(80, 6, 1), gaussian(70, 6, 2, np.float32, shift=0.4), ball_k=ball_k, min_count=min_count)
    check(lattice(80, 3, 1), lattice(70, 3, 2), ball_k=ball_k, min_count=min_count)


def test_defaults():
    x, y = lattice(60, 2, 1), lattice(50, 2, 2)
    assert fidiv.precision_recall_cover(x, y) == fidiv.precision_recall_cover(
        x, y, ball_k=15, min_count=5, closed=True
    )


def test_which_side_is_precision():
    """Half of the fakes are invented: their balls hold no real. All reals are reproduced."""
    x = gaussian(200, 2, 1)
    y = np.concatenate([gaussian(200, 2, 2), gaussian(200, 2, 3) + 1000])
    got = fidiv.precision_recall_cover(x, y, ball_k=15, min_count=2)
    assert got.precision_cover < 0.55
    assert got.recall_cover > 0.9


def test_one_fake_in_the_ball_is_coverage():
    x, y = gaussian(80, 3, 1), gaussian(70, 3, 2, shift=1)
    assert (
        fidiv.precision_recall_cover(x, y, ball_k=5, min_count=1).recall_cover
        == fidiv.density_coverage(x, y, nearest_k=5).coverage
    )


def test_a_note_when_the_sizes_differ():
    x, y = gaussian(80, 3, 1), gaussian(70, 3, 2)
    (note,) = fidiv.precision_recall_cover(x, y).notes
    assert "80 real and 70 fake points" in note
    assert not fidiv.precision_recall_cover(x[:70], y).notes


def test_more_points_wanted_than_there_are():
    got = fidiv.precision_recall_cover(gaussian(40, 2, 1), gaussian(30, 2, 2), ball_k=3, min_count=35)
    assert got.recall_cover == 0.0
    assert got.expected_recall_cover == 0.0


# The law: the number of other points in a ball of the k-th own neighbour is beta-binomial


@pytest.mark.parametrize(
    ("n", "m", "ball_k", "min_count", "rounded"),
    [(1000, 1000, 15, 5, 0.9907), (1500, 1500, 9, 3, 0.9676)],
)
def test_figures(n, m, ball_k, min_count, rounded):
    exact = float(oracle.expected_cover(n, m, ball_k, min_count))
    assert round(exact, 4) == rounded
    got = fidiv.precision_recall_cover(
        gaussian(n, 1, 1), gaussian(m, 1, 2), ball_k=ball_k, min_count=min_count
    )
    assert got.expected_recall_cover == pytest.approx(exact, rel=1e-11)
    assert got.expected_precision_cover == pytest.approx(exact, rel=1e-11)


@pytest.mark.parametrize(("n", "m"), [(20, 400), (400, 20), (16, 16), (17, 1)])
def test_expected_cover_is_exact_for_unequal_sizes(n, m):
    x, y = gaussian(n, 1, 1), gaussian(m, 1, 2)
    for ball_k, min_count in [(1, 1), (15, 5), (15, 1), (10, 16), (12, 2)]:
        if ball_k >= min(n, m):
            continue
        got = fidiv.precision_recall_cover(x, y, ball_k=ball_k, min_count=min_count)
        for value, exact in [
            (got.expected_recall_cover, oracle.expected_cover(n, m, ball_k, min_count)),
            (got.expected_precision_cover, oracle.expected_cover(m, n, ball_k, min_count)),
        ]:
            # Far out in the tail the sum of the other terms has lost some digits.
            assert value == pytest.approx(float(exact), rel=1e-9, abs=1e-15)


@pytest.mark.parametrize(
    ("n", "m", "ball_k", "min_count", "d"), [(50, 50, 15, 5, 2), (40, 60, 6, 2, 1), (60, 30, 9, 3, 3)]
)
def test_equal_laws(n, m, ball_k, min_count, d):
    """Mean over 300 draws, within five standard errors."""
    rng = np.random.default_rng(n + m)
    draws = [
        fidiv.precision_recall_cover(
            rng.normal(size=(n, d)), rng.normal(size=(m, d)), ball_k=ball_k, min_count=min_count
        )
        for _ in range(300)
    ]
    for key in ("precision_cover", "recall_cover"):
        values = np.array([draw[key] for draw in draws])
        error = values.std(ddof=1) / math.sqrt(len(values))
        assert abs(values.mean() - draws[0]["expected_" + key]) < 5 * error, key
        assert error < 0.02
