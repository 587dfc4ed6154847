"""Verdicts on single fakes: equal to their definition, and as often wrong as they promise."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from factories import ADVERSARIES, adversaries, gaussian, lattice
from oracle import samples as oracle

import fidiv
from fidiv import _verdicts as tests

KEYS = [
    *("unrealistic_count", "unrealistic_share", "exact_copy_count", "exact_copy_share"),
    *("copied_count", "copied_share"),
]


def check(real, fake, holdout=None, level=0.05, k=5, seed=0):
    got = fidiv.verdicts(real, fake, holdout_features=holdout, level=level, nearest_k=k, seed=seed)
    expected = oracle.verdicts(real, fake, holdout, level, k, seed)
    assert set(got.samples) == set(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(got.samples[name], array, err_msg=name)
    assert list(got) == KEYS
    assert got.unrealistic_count == expected["unrealistic"].sum()
    assert got.exact_copy_count == (expected["copy_of"] >= 0).sum()
    assert got.unrealistic_share == got.unrealistic_count / len(fake)
    if holdout is None:
        assert math.isnan(got.copied_count)
        assert any("copied_count" in note for note in got.notes)
    else:
        assert got.copied_count == expected["copied"].sum()
    return got


def planted(n=200, m=80, h=160, d=4):
    """(real, fake, holdout): fakes 0..9 are far off, 10..19 lie beside a real, 20 equals one."""
    real, fake, holdout = gaussian(n, d, 1), gaussian(m, d, 2), gaussian(h, d, 3)
    fake[:10] += 9.0
    fake[10:20] = real[30:40] + 1e-4
    fake[20] = real[7]
    return real, fake, holdout


# The definition


@pytest.mark.parametrize("with_holdout", [False, True])
@pytest.mark.parametrize("k", [1, 5])
def test_equal_to_the_definition(with_holdout, k):
    real, fake, holdout = planted()
    check(real, fake, holdout if with_holdout else None, 0.1, k, seed=3)
    check(real.astype(np.float32), fake, holdout if with_holdout else None, 0.1, k)


@pytest.mark.parametrize("with_holdout", [False, True])
def test_ties_and_repeats(with_holdout):
    real, fake, holdout = lattice(90, 2, 1), lattice(70, 2, 2, side=4), lattice(50, 2, 3)
    got = check(real, fake, holdout if with_holdout else None, 0.2, 3)
    if with_holdout:
        assert any("holdout points equal a real" in note for note in got.notes)


@pytest.mark.parametrize("name", ADVERSARIES)
def test_adversaries(name):
    real, fake = adversaries(9)[name]
    check(real, fake, level=0.3, k=2)
    check(real, fake, holdout=fake[::-1].copy(), level=0.3, k=2)


def test_all_points_equal():
    same = np.zeros((30, 2))
    got = check(same, np.zeros((5, 2)), np.zeros((40, 2)))
    assert got.unrealistic_count == got.copied_count == 0
    assert got.exact_copy_count == 5
    beside = check(same, np.ones((5, 2)), np.zeros((40, 2)))
    assert beside.unrealistic_count == 5
    assert (beside.samples["unrealistic_score"] == math.inf).all()


def test_few_points_and_one_column():
    check(gaussian(12, 1, 1), gaussian(1, 1, 2), level=0.2)
    check(gaussian(6, 1, 1), gaussian(3, 1, 2), gaussian(9, 1, 3), level=0.2)


# What must not matter


def test_rows_scale_and_isometry():
    real, fake, holdout = planted()
    one = fidiv.verdicts(real, fake, holdout_features=holdout)
    p, q, r = (np.random.default_rng(5).permutation(len(z)) for z in (real, fake, holdout))
    other = fidiv.verdicts(real[p], fake[q], holdout_features=holdout[r])
    assert dict(one) == dict(other)
    for name in ("unrealistic_p", "copied_p", "copied_score", "unrealistic"):
        np.testing.assert_array_equal(other.samples[name], one.samples[name][q])
    scaled = fidiv.verdicts(4 * real, 4 * fake, holdout_features=4 * holdout)
    np.testing.assert_array_equal(scaled.samples["copied_score"], one.samples["copied_score"])
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(7, 4)))[0].T
    turned = fidiv.verdicts(*(z @ turn + 1.0 for z in (real, fake)), holdout_features=holdout @ turn + 1.0)
    np.testing.assert_array_equal(turned.samples["unrealistic"], one.samples["unrealistic"])
    np.testing.assert_array_equal(turned.samples["copied"], one.samples["copied"])


def test_threads_and_the_seed():
    real, fake, holdout = planted()
    one = fidiv.verdicts(real, fake, n_jobs=1)
    assert one == fidiv.verdicts(real, fake, n_jobs=2)
    assert one == pickle.loads(pickle.dumps(one))
    assert type(pickle.loads(pickle.dumps(one))) is type(one)
    assert one != fidiv.verdicts(real, fake, seed=1)
    same = [fidiv.verdicts(real, fake, holdout_features=holdout, seed=seed) for seed in (0, 1)]
    np.testing.assert_array_equal(same[0].samples["copied_p"], same[1].samples["copied_p"])


def test_progress_and_settings():
    real, fake, _ = planted()
    seen = []
    result = fidiv.verdicts(real, fake, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1] == 100 * 100 // 2 + 100 * 80 + 100 * 100 + 100 * 80
    settings = result.settings
    assert (settings["n"], settings["m"], settings["anchors"], settings["counted"]) == (200, 80, 100, 100)
    assert settings["counted_from"] == "halves of the reals"
    assert settings["level"] == 0.05
    assert settings["pairs"] > 0


# What is promised


def simulate(runs, draw, level=0.1, **options):
    """For each run the marks of both kinds and which fakes are bad."""
    for run in range(runs):
        real, fake, holdout, bad, copies = draw(np.random.default_rng(1000 + run))
        yield fidiv.verdicts(real, fake, holdout_features=holdout, level=level, **options), bad, copies


def honest(rng, n=60, m=30, h=40, d=2, with_holdout=True):
    def law(size):
        # Two regions of unlike density, where distances alone would mislead.
        return rng.normal(size=(size, d)) * np.where(rng.random((size, 1)) < 0.5, 0.1, 3.0)

    nothing = np.zeros(m, dtype=bool)
    return law(n), law(m), law(h) if with_holdout else None, nothing, nothing


@pytest.mark.parametrize("with_holdout", [False, True])
def test_under_equal_laws_the_level_is_kept_exactly(with_holdout):
    """With no bad fake every mark is wrong. For m = 4 fakes and c = 39 counted reals level (c + 1) / m is a
    whole number, and the chance of any mark is not only at most the level but equal to it.
    """
    runs, level, n = 600, 0.1, 40 if with_holdout else 78
    kinds = ("unrealistic", "copied") if with_holdout else ("unrealistic",)
    wrong = dict.fromkeys(kinds, 0)
    p = []
    for got, *_ in simulate(runs, lambda rng: honest(rng, n, 4, 39, with_holdout=with_holdout), level):
        assert got.settings["counted"] == 39
        for kind in kinds:
            wrong[kind] += bool(got.samples[kind].any())
            p.append(got.samples[f"{kind}_p"])
    for kind in kinds:
        assert wrong[kind] == pytest.approx(runs * level, abs=3 * math.sqrt(runs * level * (1 - level))), kind
    # Each p-value is uniform on 1/40, 2/40, ... 1.
    assert np.mean(p) == pytest.approx((1 + 1 / 40) / 2, abs=0.03)
    assert np.mean(np.concatenate(p) <= 0.1) == pytest.approx(0.1, abs=0.03)


def dishonest(rng, n=600, m=60, h=600, d=3):
    real, fake, holdout, bad, copies = honest(rng, n, m, h, d)
    bad, copies = bad.copy(), copies.copy()
    bad[:15], copies[15:30] = True, True
    fake[:15] += 40.0
    fake[15:30] = real[rng.choice(n, 15, replace=False)] * (1 + 1e-6)
    return real, fake, holdout, bad, copies


def test_the_share_of_wrong_marks_and_what_is_found():
    runs, level = 60, 0.1
    false, found = {"unrealistic": [], "copied": []}, {"unrealistic": [], "copied": []}
    for got, bad, copies in simulate(runs, dishonest, level):
        for kind, truth in (("unrealistic", bad), ("copied", copies)):
            marks = got.samples[kind]
            false[kind].append((marks & ~truth).sum() / max(1, marks.sum()))
            found[kind].append((marks & truth).sum() / truth.sum())
    for kind in false:
        assert np.mean(false[kind]) <= level + 3 * np.std(false[kind]) / math.sqrt(runs), kind
        assert np.mean(found[kind]) > 0.95, kind


def test_far_fakes_need_no_holdout():
    rng = np.random.default_rng(7)
    real, fake, _, bad, _ = dishonest(rng)
    marks = fidiv.verdicts(real, fake).samples["unrealistic"]
    assert marks[bad].all()
    assert marks[~bad].sum() <= 3


def test_a_dense_region_is_not_taken_for_copies():
    """Honest fakes of a mode that is a thousand times as dense have tiny distances, and no marks."""
    rng = np.random.default_rng(3)
    real, fake, holdout = (
        rng.normal(size=(300, 2)) * np.where(np.arange(300)[:, None] % 2, 0.001, 1.0) for _ in range(3)
    )
    got = fidiv.verdicts(real, fake, holdout_features=holdout)
    assert got.copied_count == got.unrealistic_count == 0
    assert got.samples["nearest_real_distance"][1::2].max() < 0.01


def test_a_model_that_draws_narrowly_is_not_taken_for_one_that_copies():
    """In many dimensions its fakes are nearer to the reals than fresh data are, all of them."""
    rng = np.random.default_rng(4)
    real, fake, holdout = (rng.normal(size=(400, 64)) for _ in range(3))
    fake *= 0.7
    got = fidiv.verdicts(real, fake, holdout_features=holdout)
    usual = fidiv.closest_record(real, fake, holdout_features=holdout)
    assert usual.dcr_median < 0.95 * fidiv.closest_record(real, holdout).dcr_median
    assert got.copied_count == 0
    fake[:60] = real[:60] + 0.3 * rng.normal(size=(60, 64))
    got = fidiv.verdicts(real, fake, holdout_features=holdout)
    assert got.samples["copied"][:60].all()
    assert got.copied_count < 70


# Tables


def test_tables_of_the_marked():
    real, fake, holdout = planted(h=400)
    got = fidiv.verdicts(real, fake, holdout_features=holdout)
    table = got.unrealistic()
    assert sorted(table["fake"].tolist()) == np.flatnonzero(got.samples["unrealistic"]).tolist()
    assert set(range(10)) <= set(table["fake"].tolist())
    assert (np.diff(table["score"]) <= 0).all()
    assert len(got.unrealistic(3)) == 3
    assert "at most 0.05 of these wrongly" in table.title
    copied = got.copied()
    assert copied["fake"].tolist()[0] == 20
    assert copied["real"].tolist()[0] == 7
    assert copied["exact"].tolist() == [True] + [False] * (len(copied) - 1)
    twins = dict(zip(copied["fake"].tolist(), copied["real"].tolist(), strict=True))
    assert all(twins[j] == j + 20 for j in range(10, 20))
    without = fidiv.verdicts(real, fake).copied()
    assert without["fake"].tolist() == [20]
    assert "p_value" not in without.columns
    assert "near-copies are not tested" in without.notes[0]


# Limits


def test_what_few_counted_reals_cannot_show():
    real, fake, holdout = planted(h=40)
    assert any(
        "fewer than 40 of 80 fakes" in note
        for note in fidiv.verdicts(real, fake, holdout_features=holdout).notes
    )
    for m, c, level in [(80, 40, 0.05), (100, 99, 0.1), (7, 30, 0.2), (3, 1000, 0.05)]:
        least = tests.least_marked(m, c, level)
        p = np.ones(m)
        p[:least] = 1 / (c + 1)
        assert oracle.benjamini_hochberg(p, level)[:least].all()
        p[least - 1] = 1.0
        assert least == 1 or not oracle.benjamini_hochberg(p, level).any()


def test_errors():
    real, fake, holdout = planted()
    with pytest.raises(
        ValueError, match="nearest_k=5 needs at least 12 points in real_features, which has 11"
    ):
        fidiv.verdicts(real[:11], fake)
    with pytest.raises(ValueError, match="nearest_k=5 needs at least 6 points in real_features, which has 5"):
        fidiv.verdicts(real[:5], fake, holdout_features=holdout)
    with pytest.raises(ValueError, match="out of reach of 10 counted reals"):
        fidiv.verdicts(real[:20], fake)
    with pytest.raises(ValueError, match="holdout_features has 3 columns, real_features has 4"):
        fidiv.verdicts(real, fake, holdout_features=holdout[:, :3])
    for level in (0, 1, 1.5, -0.1):
        with pytest.raises(ValueError, match="level must be a number between 0 and 1"):
            fidiv.verdicts(real, fake, level=level)
    with pytest.raises(TypeError, match="level must be a number"):
        fidiv.verdicts(real, fake, level="0.05")
    with pytest.raises(ValueError, match="nearest_k must be at least 1"):
        fidiv.verdicts(real, fake, nearest_k=0)
