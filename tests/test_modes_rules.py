"""The rules behind `fidiv.modes`, each by itself, against the oracle and by hand."""

from __future__ import annotations

import math

import numpy as np
import oracle.modes as oracle
import pytest
from factories import gaussian, lattice
from scipy import stats

import fidiv
from fidiv import _core
from fidiv._modes import centres, mass, outside, spread, statistics
from fidiv._modes.options import Options
from fidiv._sweeps import More, Work


def more(real, fake=None):
    real = _core.Points(np.ascontiguousarray(real), "real")
    fake = real if fake is None else _core.Points(np.ascontiguousarray(fake), "fake")
    return More(real, fake, None, Work(), 1, None)


# Statistics


@pytest.mark.parametrize("seed", range(5))
def test_benjamini_and_hochberg(seed):
    p = np.random.default_rng(seed).uniform(size=30) ** (seed + 1)
    adjusted = statistics.benjamini_hochberg(p)
    np.testing.assert_allclose(adjusted, stats.false_discovery_control(p), rtol=1e-13)
    for q in (0.01, 0.05, 0.3):
        np.testing.assert_array_equal(adjusted <= q, oracle.rejected(p, q))


def test_nothing_to_adjust():
    assert statistics.benjamini_hochberg(np.empty(0)).shape == (0,)


def test_conformal_p_values_count_ties():
    got = statistics.conformal(np.array([0.0, 2.0, 3.0, 9.0, math.inf]), np.array([1.0, 2.0, 2.0, math.inf]))
    assert got.tolist() == [1.0, 0.8, 0.4, 0.4, 0.4]


def test_fisher_is_that_of_scipy():
    rng = np.random.default_rng(0)
    for _ in range(200):
        n, m = rng.integers(1, 300, 2)
        c, g = rng.integers(0, n + 1), rng.integers(0, m + 1)
        expected = stats.fisher_exact([[g, m - g], [c, n - c]])[1]
        assert statistics.same_share(int(g), int(m), int(c), int(n)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("count", "total"), [(0, 10), (10, 10), (3, 10), (1, 1), (40, 1000)])
def test_limits_of_a_share(count, total):
    got = statistics.share_limits(count, total, 0.05)
    np.testing.assert_allclose(got, oracle.share_limits(count, total, 0.05), atol=1e-12)


def test_limits_of_a_share_by_hand():
    low, high = statistics.share_limits(0, 50, 0.05)
    assert low == 0
    assert high == pytest.approx(1 - 0.05 ** (1 / 50))


@pytest.mark.parametrize(("share", "ratio"), [(0.02, 1.0), (0.3, 1.0), (0.1, 0.5), (0.3, 1.6), (0.5, 1.9)])
def test_limits_of_the_ratio_hold_as_often_as_they_say(share, ratio):
    # All outcomes of two binomial counts, with their probabilities: no simulation.
    n, m, level = 120, 80, 0.05
    of_real, of_fake = (
        stats.binom.pmf(np.arange(n + 1), n, share),
        stats.binom.pmf(np.arange(m + 1), m, share * ratio),
    )
    too_low = too_high = 0.0
    for c in np.flatnonzero(of_real > 1e-7):
        for g in np.flatnonzero(of_fake > 1e-7):
            low, high = statistics.ratio_limits(int(g), int(c), m / n, level)
            too_low += of_real[c] * of_fake[g] * (high < ratio)
            too_high += of_real[c] * of_fake[g] * (low > ratio)
    assert too_low <= level
    assert too_high <= level
    assert too_low + too_high > 0.001  # they are not so wide that they say nothing


# Mass


@pytest.mark.parametrize("seed", range(6))
def test_mass_is_the_oracle_s(seed):
    rng = np.random.default_rng(seed)
    modes = int(rng.integers(1, 12))
    reals, fakes = rng.integers(0, 300, modes), rng.integers(0, 300, modes)
    fakes[rng.random(modes) < 0.3] = 0
    fakes[0] += 1
    reals[0] += 1
    for got, expected in zip(mass.judge(reals, fakes, 0.05), oracle.mass(reals, fakes, 0.05), strict=True):
        ratio, low, high, p, differs, verdict = expected
        assert got.verdict == verdict
        assert (got.adjusted <= 0.05) == differs
        np.testing.assert_allclose(
            [got.ratio, got.low, got.high, got.p_value], [ratio, low, high, p], rtol=1e-9, atol=1e-12
        )


def verdicts(reals, fakes):
    return [row.verdict for row in mass.judge(np.array(reals), np.array(fakes), 0.05)]


def test_every_verdict_on_mass():
    reals = [1000, 1000, 1000, 1000, 1000, 20]
    fakes = [0, 400, 1000, 2600, 1000, 20]
    assert verdicts(reals, fakes) == [
        "dropped",
        "under-represented",
        "fine",
        "over-represented",
        "fine",
        "undecided",
    ]


def test_no_fakes_at_all_are_dropped_only_where_enough_were_to_be_expected():
    needed = 10 * math.log(2 * 2 / 0.05)  # 43.8
    for expected, verdict in ((40, "under-represented"), (48, "dropped")):
        assert (expected >= needed) == (verdict == "dropped")
        assert verdicts([expected, 4000 - expected], [0, 4000])[0] == verdict


def test_a_mode_that_is_empty_on_one_side_or_both():
    empty, only_fakes, rest = mass.judge(np.array([0, 0, 500]), np.array([0, 60, 440]), 0.05)
    assert math.isnan(empty.ratio)
    assert empty.verdict == "undecided"
    assert only_fakes.ratio == math.inf
    assert only_fakes.verdict == "over-represented"
    assert rest.verdict == "fine"
    assert verdicts([5, 5], [0, 0]) == ["undecided", "undecided"]


def test_the_fakes_said_to_be_needed_decide():
    for reals, fakes in (([3000, 27000], [40, 460]), ([4000, 36000], [28, 472]), ([3000, 27000], [64, 436])):
        row = mass.judge(np.array(reals), np.array(fakes), 0.05)[0]
        assert row.verdict == "undecided"
        times = row.needed_fakes / sum(fakes)
        assert times > 1
        more_fakes = [round(1.03 * times * count) for count in fakes]
        assert mass.judge(np.array(reals), np.array(more_fakes), 0.05)[0].verdict != "undecided"
        fewer = [round(0.7 * times * count) for count in fakes]
        assert mass.judge(np.array(reals), np.array(fewer), 0.05)[0].verdict == "undecided"


def test_where_no_number_of_fakes_decides_more_of_both_may():
    row = mass.judge(np.array([20, 180]), np.array([100, 900]), 0.05)[0]
    assert row.needed_fakes == math.inf
    assert 1 < row.needed_growth < 20
    times = 1.1 * row.needed_growth
    grown = mass.judge(
        (times * np.array([20, 180])).astype(int), (times * np.array([100, 900])).astype(int), 0.05
    )
    assert grown[0].verdict == "fine"


# Outside


def test_scores_of_repeated_anchors():
    got = outside.scores(np.array([0.0, 0.0, 2.0, 3.0]), np.array([0.0, 1.0, 0.0, 2.0]))
    assert got.tolist() == [0.0, 0.0, math.inf, 1.5]


@pytest.mark.parametrize("seed", range(3))
def test_what_lies_together_is_the_oracle_s(seed):
    rng = np.random.default_rng(seed)
    fake = np.concatenate(
        [rng.normal(size=(40, 3)), 9 + rng.normal(size=(25, 3)), rng.normal(size=(30, 3)) * 50]
    )
    flagged = rng.random(len(fake)) < 0.9
    rows = np.flatnonzero(flagged)
    got = outside.together(more(fake), flagged, 4)
    expected = oracle.components(fake[rows], 4, 10)
    assert len(expected) >= 2
    assert got.max() + 1 == len(expected)
    for place, group in enumerate(expected):
        assert set(np.flatnonzero(got == place)) == {int(rows[i]) for i in group}


def test_few_flagged_are_no_component():
    fake = gaussian(200, 2, 0)
    flagged = np.zeros(200, bool)
    flagged[:9] = True
    assert (outside.together(more(fake), flagged, 5) == -1).all()


# Spread


def measured(real, fake, k):
    (mode,) = spread._measured(more(real, fake), [(real, fake)], k)
    return mode


def test_the_statistic_and_its_permutations_are_the_oracle_s():
    real, fake = gaussian(40, 3, 0), gaussian(40, 3, 1, scale=0.8)
    mode = measured(real, fake, 5)
    t, error = oracle.spread(real, fake, 5)
    assert not mode.zeros
    assert mode.drawn == (pytest.approx(t), pytest.approx(error))
    assert mode.dimension == pytest.approx(oracle.dimension(real, 5))
    # The same marks: those that the generator gives to all modes of this size, here whole lists.
    mode = spread._mode(*whole(real, fake), 5)
    got = spread._permuted(more(real, fake), [mode, mode], 5, 30, np.random.default_rng(3))
    half = np.repeat([False, True], 40)
    marks = np.random.default_rng(3).permuted(np.tile(half, (31, 1)), axis=1)[1:]
    expected = [t / error, *oracle.permuted(real, fake, 5, marks)]
    for place in range(2):
        np.testing.assert_allclose(got[:, place], expected, rtol=1e-9)


def whole(real, fake):
    """All neighbours of all points, of both sets and of their own."""
    both = np.concatenate([real, fake])
    knn = fidiv.neighbors.knn
    own = (knn(points, nearest_k=len(points) - 1)[0] for points in (real, fake))
    return *knn(both, nearest_k=len(both) - 1), *own


@pytest.mark.parametrize("apart", [0.0, 50.0])
def test_radii_of_unpermuted_marks_are_those_within_each_set(apart):
    # Sets far apart, of different size: the lists of one end before the k-th of its own.
    for k in (1, 5, 20):
        real, fake = gaussian(60, 2, 2), 0.01 * gaussian(60, 2, 3) + apart
        real[:5] = 0.01 * gaussian(5, 2, 4) + apart
        mode = measured(real, fake, k)
        t, error = oracle.spread(real, fake, k)
        assert mode.drawn == (pytest.approx(t), pytest.approx(error))


def test_of_few_fakes_and_more_reals_the_mean_over_many_draws_is_shown():
    # 30 of 60 are drawn, many times: nearly the mean over all draws, which the plain definition averages.
    real, fake = gaussian(60, 2, 0), gaussian(30, 2, 1, scale=0.7)
    rows = [np.arange(60)], [np.arange(30)]
    shown = [spread.judge(more(real, fake), *rows, Options(seed=seed))[0][0] for seed in range(40)]
    rng = np.random.default_rng(0)
    drawn = [oracle.spread(real[rng.choice(60, 30, replace=False)], fake, 5) for _ in range(4000)]
    means = [math.log(one.ratio) for one in shown]
    assert np.mean(means) == pytest.approx(np.mean([t for t, _ in drawn]), abs=0.01)
    # Less is left to chance than by one draw, and the limits are narrower.
    assert np.std(means) < 0.4 * np.std([t for t, _ in drawn])
    even = [spread.judge(more(real[i : i + 30], fake), rows[1], rows[1], Options())[0][0] for i in range(30)]
    reach, even_reach = ([math.log(one.high / one.ratio) for one in some] for some in (shown, even))
    assert np.median(reach) < 0.95 * np.median(even_reach)


def test_marked_spreads_are_those_of_the_plain_definition():
    rng = np.random.default_rng(0)
    values = np.sort(rng.random((30, 9)), axis=1)
    neighbours = np.array([rng.choice(30, 9, replace=False) for _ in range(30)])
    starts = [0, 13]
    # More than two words of permutations; of every group at least two points have the mark.
    marks = rng.permuted(np.tile(np.arange(30) % 3 == 0, (130, 1)), axis=1)
    marks[:, [0, 5, 20, 29]], marks[:, [2, 3, 17, 18]] = True, False
    for k in (1, 3, 9):
        means, variances = more(np.ones((2, 1))).marked_spreads(values, neighbours, marks, starts, k)
        assert means.shape == variances.shape == (130, 2, 2)
        for p, mark in enumerate(marks):
            own = [values[i][mark[neighbours[i]] == mark[i]] for i in range(30)]
            radii = np.array([v[k - 1] if len(v) >= k else values[i, -1] for i, v in enumerate(own)])
            for place, group in enumerate((slice(0, 13), slice(13, 30))):
                for which in (0, 1):
                    some = radii[group][mark[group] == bool(which)]
                    assert means[p, place, which] == pytest.approx(some.mean())
                    assert variances[p, place, which] == pytest.approx(some.var(ddof=1))


def test_too_few_points_are_undecided():
    real, fake = gaussian(100, 2, 0), 0.1 * gaussian(100, 2, 1)
    for count, verdict in ((19, "undecided"), (25, "shrunk")):
        rows = [np.arange(count)]
        (got,), _ = spread.judge(more(real, fake), [np.arange(100)], rows, Options())
        assert got.verdict == verdict
        assert got.points == count


def test_repeats_are_floored_and_sets_without_distances_have_no_spread():
    real = lattice(60, 2, 0)
    (got,), zeros = spread.judge(more(real, real), [np.arange(60)], [np.arange(60)], Options())
    assert zeros
    assert got.verdict != "shrunk"
    same = np.ones((60, 2))
    (got,), zeros = spread.judge(more(same, same), [np.arange(60)], [np.arange(60)], Options())
    assert zeros
    assert (got.verdict, got.points) == ("undecided", 60)
    assert math.isnan(got.ratio)


def test_fakes_that_are_all_one_point_have_collapsed():
    real, fake = gaussian(60, 2, 0), np.repeat(gaussian(30, 2, 1), 2, axis=0) * 1e-3
    (got,), _ = spread.judge(more(real, fake), [np.arange(60)], [np.arange(60)], Options(nearest_k=3))
    assert got.verdict == "shrunk"


def test_a_mode_collapsed_to_one_point_is_shrunk():
    real, fake = gaussian(60, 2, 0), np.repeat(gaussian(1, 2, 1), 60, axis=0)
    (got,), zeros = spread.judge(more(real, fake), [np.arange(60)], [np.arange(60)], Options())
    assert zeros
    assert got.verdict == "shrunk"
    # The other way round nothing says how wide the fakes may be.
    (got,), _ = spread.judge(more(fake, real), [np.arange(60)], [np.arange(60)], Options())
    assert got.verdict == "undecided"


@pytest.mark.parametrize("k", [56, 57, 100])
def test_a_mode_of_many_points_has_enough_for_many_neighbours(k):
    real, fake = gaussian(500, 2, 0), 0.3 * gaussian(500, 2, 1)
    rows = [np.arange(500)]
    (got,), _ = spread.judge(more(real, fake), rows, rows, Options(nearest_k=k))
    assert got.verdict == "shrunk"
    assert got.points == max(224, 4 * k)


def test_permutations_in_parts_are_as_good(monkeypatch):
    real, fake = gaussian(60, 2, 0), gaussian(60, 2, 1, scale=0.8)
    modes = [measured(real, fake, 5), measured(real[:40], fake[:40], 5)]
    ask = more(real, fake)
    whole_at_once = spread._permuted(ask, modes, 5, 299, np.random.default_rng(0))
    monkeypatch.setattr(spread, "AT_ONCE", 64)
    in_parts = spread._permuted(ask, modes, 5, 299, np.random.default_rng(0))
    assert whole_at_once.shape == in_parts.shape == (300, 2)
    np.testing.assert_array_equal(whole_at_once[0], in_parts[0])
    for column in range(2):
        assert stats.ks_2samp(whole_at_once[1:, column], in_parts[1:, column]).pvalue > 0.01


# Centres


def test_clear_clusters_are_found():
    rng = np.random.default_rng(0)
    middles = 3.0 * rng.normal(size=(10, 16))
    for seed in range(5):
        of = rng.integers(0, 10, 600)
        points = middles[of] + rng.normal(size=(600, 16))
        _, labels = centres.fit(more(points), more(points).real, 10, seed)
        assert len({(a, b) for a, b in zip(of.tolist(), labels.tolist(), strict=True)}) == 10


def test_centres_are_the_means_of_their_points():
    points = gaussian(300, 5, 0)
    found, labels = centres.fit(more(points), points, 7, 1)
    for place in range(7):
        np.testing.assert_allclose(found[place], points[labels == place].mean(axis=0), rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(labels, fidiv.neighbors.knn(points, found, nearest_k=1)[1][:, 0])


def test_more_centres_than_points_that_differ():
    points = np.repeat(gaussian(4, 3, 0), 5, axis=0)
    found, labels = centres.fit(more(points), points, 6, 0)
    assert found.shape == (6, 3)
    assert len(set(labels.tolist())) == 4
