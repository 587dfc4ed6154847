"""Authenticity, the data-copying test and the closest record: the oracle, laws, hand-made cases, and what
published code does otherwise."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import oracle
import pytest
from factories import ADVERSARIES, adversaries, gaussian, lattice
from oracle import memorisation

import fidiv
from fidiv.metrics.closest_record import p_value
from fidiv.metrics.data_copying_test import components, rank_score


def same(got, expected, *samples):
    for name in samples:
        np.testing.assert_array_equal(got.samples[name], expected[name], err_msg=name)
    for key in got:
        assert got[key] == pytest.approx(expected[key], rel=1e-12, abs=1e-12, nan_ok=True), key


# Authenticity and identifiability


@pytest.mark.parametrize("name", ADVERSARIES)
def test_authenticity_equals_the_oracle(name):
    real, fake = adversaries(9)[name]
    got, expected = fidiv.authenticity(real, fake), memorisation.authenticity(real, fake)
    same(got, expected, "authentic", "nearest_real", "distance_ratio")


@pytest.mark.parametrize(("n", "m", "d"), [(2, 1, 1), (3, 50, 2), (100, 80, 40)])
def test_authenticity_of_any_size(n, m, d, kernel):
    for real, fake in (
        (gaussian(n, d, 1, np.float32), gaussian(m, d, 2)),
        (lattice(n, d, 1), lattice(m, d, 2)),
    ):
        same(fidiv.authenticity(real, fake), memorisation.authenticity(real, fake))


def test_authenticity_by_hand():
    """Reals 0, 1, 5 with the radii 1, 1, 4. 0.5 is 0.5 from 0; 2 is 1 from 1, a tie; 10 is 5 from 5; 0 is a
    copy. All reals but 5 have a fake nearer than 1; 5 has one at 3."""
    real, fake = [[0.0], [1.0], [5.0]], [[0.5], [2.0], [10.0], [0.0]]
    got = fidiv.authenticity(real, fake)
    np.testing.assert_array_equal(got.samples["authentic"], [False, False, True, False])
    np.testing.assert_array_equal(got.samples["nearest_real"], [0, 1, 2, 0])
    np.testing.assert_array_equal(got.samples["distance_ratio"], [0.5, 1.0, 1.25, 0.0])
    assert got.authpct == 25.0
    assert got.identifiability == 1.0
    assert got.expected_authpct == pytest.approx(100 / 3)  # 0 and 1 are mutual, 5 is not
    assert got.expected_identifiability == 4 / 6


def test_copies_of_twins():
    """A copy of a real that has a twin is not authentic and does not identify it; its ratio is 0."""
    got = fidiv.authenticity([[0.0], [0.0], [9.0]], [[0.0], [1.0]])
    np.testing.assert_array_equal(got.samples["distance_ratio"], [0.0, np.inf])
    np.testing.assert_array_equal(got.samples["authentic"], [False, True])
    assert got.identifiability == pytest.approx(1 / 3)  # 9 has a fake at 8, its nearest real is at 9


def test_twins_do_not_depend_on_the_order():
    """Each of three equal points is a nearest neighbour of its nearest one, whichever that is."""
    x = np.repeat(gaussian(30, 2, 1), [1, 2, 3] * 10, axis=0)
    values = {
        fidiv.authenticity(x[np.random.default_rng(s).permutation(60)], x).expected_authpct for s in range(5)
    }
    assert len(values) == 1
    assert values == {memorisation.authenticity(x, x)["expected_authpct"]}


@pytest.mark.parametrize(("d", "limit"), [(1, 100 / 3), (2, 37.85), (3, 40.74)])
def test_law_of_authpct(d, limit):
    """The mean over draws is the mean of what is expected, and both are the mutual-neighbour law."""
    rng = np.random.default_rng(d)
    draws = [fidiv.authenticity(rng.uniform(size=(400, d)), rng.uniform(size=(400, d))) for _ in range(40)]
    got = np.array([(draw.authpct, draw.expected_authpct) for draw in draws])
    difference = got[:, 0] - got[:, 1]
    error = difference.std(ddof=1) / math.sqrt(len(difference))
    assert abs(difference.mean()) < 5 * error
    assert error < 1
    np.testing.assert_allclose(got.mean(axis=0), limit, atol=1.5)


def test_fifty_is_not_what_honest_fakes_get_in_the_plane():
    """The published figure less 50 says that honest fakes copy. Ours stands beside what to expect."""
    rng = np.random.default_rng(0)
    got = fidiv.authenticity(rng.normal(size=(2000, 2)), rng.normal(size=(2000, 2)))
    assert got.authpct - 50 < -9
    assert abs(got.authpct - got.expected_authpct) < 4


@pytest.mark.parametrize(("n", "m"), [(40, 70), (60, 20)])
def test_law_of_identifiability(n, m):
    rng = np.random.default_rng(n)
    draws = [fidiv.authenticity(rng.normal(size=(n, 2)), rng.normal(size=(m, 2))) for _ in range(150)]
    values = np.array([draw.identifiability for draw in draws])
    error = values.std(ddof=1) / math.sqrt(len(values))
    assert abs(values.mean() - draws[0].expected_identifiability) < 5 * error
    assert error < 0.02


def test_authenticity_of_one_real():
    with pytest.raises(ValueError, match="needs 2 reals, got 1"):
        fidiv.authenticity([[1.0]], [[1.0]])
    result = fidiv.evaluate([[1.0]], [[1.0]], metrics=["authenticity", "closest_record", "alpha_precision"])
    assert all(math.isnan(value) for value in result.values())
    assert "needs 2 reals" in result.undefined["authpct"]


# Data copying


@pytest.mark.parametrize(("m", "h", "side"), [(1, 1, 5), (30, 20, 4), (50, 70, 1000)])
def test_rank_score_equals_the_oracle(m, h, side):
    rng = np.random.default_rng(m)
    ours, theirs = (rng.integers(0, side, count).astype(float) for count in (m, h))
    assert rank_score(ours, theirs) == pytest.approx(
        memorisation.rank_score(ours, theirs), rel=1e-14, abs=1e-14
    )


def test_rank_score_of_complete_order():
    """Every fake nearer: U = 0; every fake farther: U = h m. The half of the continuity correction stands."""
    deviation = math.sqrt(20 * 30 * 51 / 12)
    near, far = np.zeros(20), np.ones(30)
    assert rank_score(near, far) == pytest.approx((0 - 299.5) / deviation)
    assert rank_score(far[:20], np.zeros(30)) == pytest.approx((600 - 299.5) / deviation)
    assert rank_score(near, np.zeros(30)) == pytest.approx(0.5 / deviation)


def test_law_of_the_rank_score():
    """Exchangeable distances: mean 1/2 over the deviation, variance 1, exactly; 2000 draws."""
    rng = np.random.default_rng(0)
    draws = np.array([rank_score(rng.normal(size=25), rng.normal(size=40)) for _ in range(2000)])
    assert draws.mean() == pytest.approx(0.5 / math.sqrt(25 * 40 * 66 / 12), abs=5 / math.sqrt(2000))
    assert draws.var() == pytest.approx(1.0, abs=5 * math.sqrt(2 / 2000))


def three_sets(n=200, m=180, h=150, d=3, seed=0, **keywords):
    """Blobs around three far places, so that the cells are known."""
    rng = np.random.default_rng(seed)
    places = np.array([0.0, 100.0, 300.0])

    def draw(count):
        x = rng.normal(size=(count, d))
        x[:, 0] += places[np.arange(count) % 3]
        return x

    return draw(n), draw(m), draw(h)


def cells_of(x):
    return np.digitize(x[:, 0], [50, 200])


def nearest(x, train):
    return oracle.knn(x, train, 1)[0][:, 0]


@pytest.mark.parametrize("d", [1, 3, 64])
def test_c_t_equals_the_oracle(d):
    real, fake, holdout = three_sets(d=d)
    got = fidiv.data_copying_test(real, fake, holdout)
    cells = cells_of(fake), cells_of(holdout)
    expected = memorisation.c_t(nearest(fake, real), nearest(holdout, real), *cells)
    assert got.c_t == pytest.approx(expected, rel=1e-12)
    labels = got.samples["copying_cell"]
    for cell in range(3):
        assert len(set(labels[cells[0] == cell])) == 1  # whatever its number
    z = [
        memorisation.rank_score(
            nearest(fake, real)[cells[0] == cell], nearest(holdout, real)[cells[1] == cell]
        )
        for cell in range(3)
    ]
    np.testing.assert_allclose(got.samples["copying_z"], np.array(z)[cells[0]], rtol=1e-12)
    assert not got.notes


def test_c_t_in_many_columns():
    """Beyond 64 columns the cells, and only they, come from principal components."""
    real, fake, holdout = three_sets(d=90)
    got = fidiv.data_copying_test(real, fake, holdout)
    expected = memorisation.c_t(
        nearest(fake, real), nearest(holdout, real), cells_of(fake), cells_of(holdout)
    )
    assert got.c_t == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("scale", [1e-150, 1.0, 1e150])
def test_components_are_the_principal_ones(scale):
    x = gaussian(300, 70, 1) * np.arange(1.0, 71.0)
    got = components([x * scale, x[:50] * scale])
    centred = x - x.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    expected = centred @ axes[:64].T
    factor = np.linalg.norm(expected) / np.linalg.norm(got[0])
    np.testing.assert_allclose(np.abs(got[0]) * factor, np.abs(expected), atol=1e-8 * np.abs(expected).max())
    np.testing.assert_allclose(got[1], got[0][:50], atol=1e-12 * np.abs(got[0]).max())


def test_copies_and_strangers():
    real, fake, holdout = three_sets()
    assert abs(fidiv.data_copying_test(real, fake, holdout).c_t) < 3
    assert fidiv.data_copying_test(real, real[:180] + 1e-3, holdout).c_t < -5
    assert fidiv.data_copying_test(real, real[:180], holdout).c_t < -5
    assert fidiv.data_copying_test(real, 3 * (fake - fake.mean()) + fake.mean(), holdout).c_t > 3


def test_distances_are_to_all_training_points():
    """The published code looks only at the training points of the same cell. Two centres are near one another
    here, and points between them have their nearest training point beyond the border."""
    rng = np.random.default_rng(3)
    real, fake, holdout = (rng.normal(size=(count, 2)) for count in (60, 300, 250))
    got = fidiv.data_copying_test(real, fake, holdout)
    labels = got.samples["copying_cell"]
    centres = np.array([fake[labels == cell].mean(axis=0) for cell in range(3)])
    published = memorisation.published_c_t(real, fake, holdout, centres)
    ours = memorisation.c_t(
        nearest(fake, real),
        nearest(holdout, real),
        *(oracle.nearest_center(x, centres) for x in (fake, holdout)),
    )
    assert got.c_t == pytest.approx(ours, abs=0.25)  # these centres are near those of k-means
    assert abs(published - ours) > 1e-3


def test_cells_that_take_no_part():
    real, fake, holdout = three_sets()
    few = np.concatenate(
        [fake[cells_of(fake) == 0], fake[cells_of(fake) == 1][:20], fake[cells_of(fake) == 2][:21]]
    )
    got = fidiv.data_copying_test(real, few, holdout)
    assert np.isnan(got.samples["copying_z"][cells_of(few) == 1]).all()
    assert not np.isnan(got.samples["copying_z"][cells_of(few) == 2]).any()
    assert "1 of 3 cells took no part" in got.notes[0]
    expected = memorisation.c_t(nearest(few, real), nearest(holdout, real), cells_of(few), cells_of(holdout))
    assert got.c_t == pytest.approx(expected, rel=1e-12)
    somewhere = holdout[cells_of(holdout) == 2]
    got = fidiv.data_copying_test(real, few, somewhere)
    assert "2 of 3 cells" in got.notes[0]
    with pytest.raises(ValueError, match="no cell holds more than 20 fakes and a holdout point"):
        fidiv.data_copying_test(real, fake[:60], holdout)


def test_c_t_in_evaluate():
    real, fake, holdout = three_sets()
    got = fidiv.evaluate(real, fake, metrics="c_t", holdout_features=holdout, seed=4)
    assert got["c_t"] == fidiv.data_copying_test(real, fake, holdout, seed=4).c_t
    without = fidiv.evaluate(real, fake, metrics=["c_t", "recall"])
    assert math.isnan(without["c_t"])
    assert "needs holdout_features" in without.undefined["c_t"]
    assert without["recall"] > 0
    few = fidiv.evaluate(real, fake[:9], metrics="c_t", holdout_features=holdout)
    assert "no cell" in few.undefined["c_t"]


def test_c_t_repeats_itself():
    rng = np.random.default_rng(0)
    sets = [rng.normal(size=(count, 70)) for count in (150, 160, 140)]
    one = fidiv.data_copying_test(*sets, n_jobs=1)
    assert one == fidiv.data_copying_test(*sets, n_jobs=2, seed=0)
    assert fidiv.data_copying_test(*(64 * x for x in sets)).c_t == one.c_t


@pytest.mark.parametrize("name", ["duplicates", "all rows equal", "outlier 1e100, float64", "lattice"])
@pytest.mark.parametrize("d", [9, 66])
def test_c_t_answers_on_anything(name, d):
    real, fake = adversaries(d, 70)[name]
    assert math.isfinite(fidiv.data_copying_test(real, fake, fake[::2]).c_t)


def test_wrong_calls_of_the_copying_test():
    x = gaussian(50, 3, 1)
    with pytest.raises(TypeError):
        fidiv.data_copying_test(x, x)
    with pytest.raises(ValueError, match="needs holdout_features"):
        fidiv.data_copying_test(x, x, None)
    with pytest.raises(ValueError, match="holdout_features has 2 columns"):
        fidiv.data_copying_test(x, x, x[:, :2])
    with pytest.raises(ValueError, match="3 cells, got 2 points"):
        fidiv.data_copying_test(x[:2], x, x)
    with pytest.raises(ValueError, match="seed"):
        fidiv.data_copying_test(x, x, x, seed=-1)


# The closest record


def check_record(real, fake, holdout=None):
    got = fidiv.closest_record(real, fake, holdout_features=holdout)
    expected = memorisation.closest_record(real, fake, holdout)
    if holdout is None:
        expected |= dict.fromkeys(("share_closer_to_training", "expected_share", "p_value"), math.nan)
    same(got, expected, "nearest_real", "nearest_real_distance", "nndr")
    if holdout is not None:
        np.testing.assert_array_equal(
            got.samples["nearest_holdout_distance"], expected["nearest_holdout_distance"]
        )
    return got


@pytest.mark.parametrize("name", ADVERSARIES)
@pytest.mark.parametrize("share", [None, 0.3])
def test_closest_record_equals_the_oracle(name, share):
    """The first rows of the fakes are the holdout set: all kinds of ties with the reals."""
    real, fake = adversaries(9)[name]
    check_record(real, fake, None if share is None else fake[: int(share * len(fake))])


@pytest.mark.parametrize(("n", "m", "h", "d"), [(2, 1, 2, 1), (60, 90, 30, 4), (30, 200, 80, 40)])
def test_closest_record_of_any_size(n, m, h, d, kernel):
    check_record(gaussian(n, d, 1), gaussian(m, d, 2, np.float32), gaussian(h, d, 3))
    check_record(lattice(n, d, 1), lattice(m, d, 2), lattice(h, d, 3))


def test_ties_are_split_by_hand():
    """Reals 0, 0, 4; holdout 0, 10. The fake 0 has three closest records, 7 has two, 5 one, 9 one."""
    got = check_record([[0.0], [0.0], [4.0]], [[0.0], [7.0], [5.0], [9.0]], [[0.0], [10.0]])
    assert got.share_closer_to_training == pytest.approx((2 / 3 + 1 / 2 + 1) / 4)
    assert got.expected_share == 0.6
    np.testing.assert_array_equal(got.samples["nndr"], [1.0, 3 / 7, 1 / 5, 5 / 9])
    np.testing.assert_array_equal(got.samples["nearest_real"], [0, 2, 2, 2])


def test_without_a_holdout_set():
    got = check_record(gaussian(50, 3, 1), gaussian(40, 3, 2))
    assert math.isnan(got.p_value)
    assert "no holdout_features" in got.notes[0]
    assert "nearest_holdout_distance" not in got.samples
    assert "h" not in got.settings
    many = fidiv.evaluate(gaussian(50, 3, 1), gaussian(40, 3, 2), metrics="closest_record")
    assert many["dcr_median"] == got.dcr_median
    for key in ("share_closer_to_training", "expected_share", "p_value"):
        assert math.isnan(many[key])
        assert "no holdout_features" in many.undefined[key]
    assert len([note for note in many.notes if "holdout" in note]) == 1
    assert len(many.settings["sweeps"]) == 1


def test_with_a_holdout_set_in_evaluate():
    real, fake, holdout = gaussian(50, 3, 1), gaussian(40, 3, 2), gaussian(30, 3, 3)
    got = fidiv.evaluate(real, fake, metrics="closest_record", holdout_features=holdout)
    alone = fidiv.closest_record(real, fake, holdout_features=holdout)
    assert dict(got) == dict(alone)
    assert got.expected["share_closer_to_training"] == 50 / 80
    assert alone.settings["h"] == 30
    assert len(alone.settings["sweeps"]) == 3  # one within reals and fakes together, two of the holdout set


def test_variance_over_all_choices_of_records():
    """Every choice of 3 of 7 records as the training ones: mean and variance are those of the formula."""
    real, fake, holdout = lattice(3, 1, 1, side=9), lattice(40, 1, 2, side=9), lattice(4, 1, 3, side=9)
    counts = memorisation.votes(real, fake, holdout)
    sums = np.array([counts[list(chosen)].sum() for chosen in combinations(range(7), 3)])
    got = memorisation.closest_record(real, fake, holdout)
    assert sums.mean() == pytest.approx(40 * 3 / 7)
    assert sums.var() == pytest.approx(got["deviation"] ** 2)


@pytest.mark.parametrize(("n", "h", "m", "d"), [(60, 60, 300, 2), (80, 40, 500, 10)])
def test_p_value_against_permutations(n, h, m, d):
    rng = np.random.default_rng(d)
    real, fake, holdout = (rng.normal(size=(count, d)) for count in (n, m, h))
    counts = memorisation.votes(real, fake, holdout)
    for order in (np.arange(n + h), rng.permutation(n + h), np.argsort(-counts)[rng.permutation(n + h)]):
        ours = counts[order]
        sums = np.array([rng.permutation(ours)[:n].sum() for _ in range(4000)])
        brute = np.mean(sums >= ours[:n].sum())
        assert p_value(ours, n)[0] == pytest.approx(brute, abs=0.04)


def test_a_binomial_test_would_reject_honest_fakes():
    """In many columns a few records are the closest of many fakes. 100 honest draws: about a twentieth have a
    p-value below 0.05; by binomial counting it is a third."""
    rng = np.random.default_rng(0)
    n, h, m, d = 40, 40, 1000, 30
    permuted = binomial = 0
    for _ in range(100):
        real, fake, holdout = (rng.normal(size=(count, d)) for count in (n, m, h))
        got = fidiv.closest_record(real, fake, holdout_features=holdout)
        permuted += got.p_value < 0.05
        z = (got.share_closer_to_training - 0.5) / math.sqrt(0.25 / m)
        binomial += math.erfc(z / math.sqrt(2)) / 2 < 0.05
    assert permuted <= 12
    assert binomial >= 25


def test_memorised_records_are_found():
    rng = np.random.default_rng(1)
    real, fake, holdout = (rng.normal(size=(count, 5)) for count in (300, 300, 300))
    fake[:150] = real[:150] + 0.01 * rng.normal(size=(150, 5))
    got = fidiv.closest_record(real, fake, holdout_features=holdout)
    assert got.share_closer_to_training > 0.65
    assert got.p_value < 1e-4
    assert fidiv.closest_record(holdout, fake, holdout_features=real).p_value > 0.999
    most_alike = got.samples["nndr"].argsort(kind="stable")[:100]
    np.testing.assert_array_equal(got.samples["nearest_real"][most_alike], most_alike)


def test_p_value_where_marks_cannot_matter():
    assert p_value(np.full(9, 4.0), 5)[0] == 1.0
    got = fidiv.closest_record([[0.0], [0.0]], [[1.0], [2.0]], holdout_features=[[0.0], [0.0]])
    assert got.p_value == 1.0
    assert got.share_closer_to_training == pytest.approx(0.5)


def test_a_note_when_few_records_have_votes():
    real, holdout = gaussian(100, 2, 1), gaussian(100, 2, 2)
    hub = np.tile(real[:1], (50, 1)) + 1e-3
    got = fidiv.closest_record(real, hub, holdout_features=holdout)
    assert got.share_closer_to_training == 1.0
    assert "rough guide" in got.notes[0]
    assert not fidiv.closest_record(real, gaussian(300, 2, 3), holdout_features=holdout).notes


def test_order_of_records_changes_no_bit():
    real, fake, holdout = lattice(60, 2, 1, side=7), lattice(50, 2, 2, side=7), lattice(40, 2, 3, side=7)
    rng = np.random.default_rng(0)
    one = fidiv.closest_record(real, fake, holdout_features=holdout)
    other = fidiv.closest_record(
        real[rng.permutation(60)], fake[rng.permutation(50)], holdout_features=holdout[rng.permutation(40)]
    )
    assert dict(one) == dict(other)


@pytest.mark.parametrize("power", [-40, 40])
def test_scale_moves_distances_only(power):
    real, fake, holdout = gaussian(60, 4, 1), gaussian(50, 4, 2), gaussian(40, 4, 3)
    s = 2.0**power
    one = dict(fidiv.closest_record(real, fake, holdout_features=holdout))
    other = dict(fidiv.closest_record(s * real, s * fake, holdout_features=s * holdout))
    assert other.pop("dcr_median") == s * one.pop("dcr_median")
    assert one == other
    c_t = fidiv.data_copying_test(real, fake, holdout).c_t
    assert fidiv.data_copying_test(s * real, s * fake, s * holdout).c_t == c_t


def test_kinds_of_numbers_and_threads_change_no_bit():
    sets = [gaussian(count, 5, seed, np.float32) for count, seed in ((90, 1), (80, 2), (70, 3))]
    for call in (
        lambda real, fake, holdout, **k: fidiv.closest_record(real, fake, holdout_features=holdout, **k),
        fidiv.data_copying_test,
    ):
        one = call(*sets, n_jobs=1)
        assert one == call(*(x.astype(np.float64) for x in sets), n_jobs=2)
        assert one == call(*(np.asfortranarray(x) for x in sets))


def test_wrong_calls_of_the_closest_record():
    x = gaussian(20, 3, 1)
    with pytest.raises(ValueError, match="needs 2 reals, got 1"):
        fidiv.closest_record(x[:1], x)
    with pytest.raises(ValueError, match="holdout_features, which has 1"):
        fidiv.closest_record(x, x, holdout_features=x[:1])
    with pytest.raises(ValueError, match="holdout_features has 2 columns"):
        fidiv.closest_record(x, x, holdout_features=x[:, :2])
    with pytest.raises(ValueError, match="holdout_features"):
        fidiv.closest_record(x, x, holdout_features=np.full((5, 3), np.nan))
