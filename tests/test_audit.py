"""The audit: each step is an evaluation of what is kept, to the bit, and the order is that of one half."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from factories import ADVERSARIES, adversaries, gaussian, lattice
from oracle import samples as oracle

import fidiv
from fidiv._audit import Nearest, kept_of
from fidiv.metrics import FAMILIES, KEYS

NEIGHBOURS = ["precision_recall", "density_coverage", "precision_recall_cover", "cross_entropies", "copies"]
NEIGHBOURS += ["rarity", "symmetric_precision_recall", "authenticity", "closest_record"]


def check(real, fake, metrics, **options):
    """Every row is `evaluate` on the kept fakes against the measuring half."""
    audit = fidiv.audit(real, fake, metrics=metrics, **options)
    k, seed = options.get("nearest_k") or 5, options.get("seed", 0)
    reals, order = oracle.audit_order(real, fake, k, seed)
    assert audit.reals.tolist() == reals.tolist()
    assert audit.order.tolist() == order
    for step, row in enumerate(audit):
        count = row["kept"]
        kept = sorted(order[len(order) - count :])
        assert count == max(1, math.ceil(round(row["share"] * len(fake), 9)))
        assert audit.kept(step).tolist() == kept
        keywords = {"nearest_k": options["nearest_k"]} if "nearest_k" in options else {}
        alone = fidiv.evaluate(real[reals], fake[kept], metrics=metrics, seed=seed, **keywords)
        for key in alone:
            assert row[key].hex() == alone[key].hex(), (key, row["share"])
    return audit


# Exactness


@pytest.mark.parametrize("n", [80, 301])
def test_every_step_is_an_evaluation(n):
    x, y = gaussian(n, 5, 1, np.float32), gaussian(270, 5, 2, shift=0.4)
    y[:20] += 4.0
    audit = check(x, y, NEIGHBOURS)
    assert len(audit) == 20
    assert not np.isnan(audit["pce"]).any()
    for options in ({"nearest_k": 2}, {"seed": 3, "shares": [1, 0.5, 0.49, 0.1]}, {"shares": [0.3]}):
        check(x, y, NEIGHBOURS, **options)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_can_be_traced(family):
    x, y = gaussian(120, 3, 1), gaussian(90, 3, 2, shift=0.5)
    slow = family.startswith("frechet")
    check(x, y, family, shares=[0.6] if slow else [1, 0.6, 0.2])


@pytest.mark.parametrize("shares", [3, 20])
def test_ties_and_repeats(shares):
    x, y = lattice(120, 3, 1), lattice(100, 3, 2, side=4)
    check(x, y, NEIGHBOURS, shares=shares)
    # More equal rows than a list holds: a fake is then missing among its own nearest.
    x, y = lattice(80, 1, 1, side=2), lattice(120, 1, 2, side=3)
    check(x, y, NEIGHBOURS, shares=shares, nearest_k=2)


@pytest.mark.parametrize("name", ADVERSARIES)
def test_adversaries(name):
    x, y = adversaries(5)[name]
    check(x, y, NEIGHBOURS, shares=[1, 0.7, 0.2, 0.05], nearest_k=2)


def test_steps_of_few_fakes_have_no_value_and_say_so():
    x, y = gaussian(60, 2, 1), gaussian(40, 2, 2)
    audit = check(x, y, ["precision_recall", "density_coverage", "cross_entropies", "copies"])
    assert audit["kept"].tolist()[-3:] == [6, 4, 2]
    assert np.isnan(audit["pce"]).tolist() == [False] * 18 + [True] * 2
    assert np.isnan(audit["density"]).sum() == 0
    assert sum("pce" in note for note in audit.notes) == 2
    assert any(
        "the share kept is 0.1; nearest_k=5 needs at least 6 points in fake_features, which has 4" in note
        for note in audit.notes
    )
    check(x, y[:1], ["density_coverage", "copies", "precision"], shares=2)


def test_open_balls():
    """Closed balls are asked as open ones of the next number; a radius of 0 holds what lies on its centre."""
    x = np.repeat(np.arange(20.0), 4)[:, None]
    y = np.concatenate([x[:40:2], x[:20] + 0.5])
    audit = check(x, y, ["precision_recall"], nearest_k=1, shares=5)
    assert 0 < audit["recall"][0] < 1


def test_rows_that_run_out_are_swept_again_and_no_others():
    x, y = gaussian(600, 4, 1), gaussian(600, 4, 2)
    settings = fidiv.audit(x, y, shares=[1, 0.98]).settings
    assert len(settings["sweeps"]) <= 6
    everything = fidiv.audit(x, y).settings
    assert everything["pairs"] < 4 * (600 * 600 * 2)


# What it says


def test_the_bad_go_first_and_precision_recovers():
    x, y = gaussian(800, 3, 1), gaussian(400, 3, 2)
    y[:40] += 7.0
    audit = fidiv.audit(x, y, shares=10)
    assert (audit.order[:40] < 40).all()
    assert audit["precision"][0] < 0.93 < audit["precision"][1]
    assert audit["pce"][0] - audit["pce"][1] > 0.2
    assert (np.diff(audit["recall"]) <= 0.05).all()


def test_columns_hold_what_equal_laws_would_give():
    audit = fidiv.audit(gaussian(100, 3, 1), gaussian(90, 3, 2), shares=4)
    assert audit.columns == (
        *("share", "kept", "pce", "rce", "expected_rce", "re", "expected_re"),
        *("pce_ratio", "rce_ratio", "re_ratio", "precision", "recall", "density"),
        *("coverage", "expected_coverage"),
    )
    assert audit["share"].tolist() == [1, 0.75, 0.5, 0.25]
    assert audit["kept"].tolist() == [90, 68, 45, 23]
    assert (np.diff(audit["expected_coverage"]) < 0).all()


def test_halves_do_not_flatter():
    """Against the reals that scored, discarding honest fakes looks like a gain; against others it is less."""
    gain = []
    for seed in range(12):
        x, y = gaussian(120, 6, 2 * seed), gaussian(300, 6, 2 * seed + 1)
        audit = fidiv.audit(x, y, shares=[1, 0.1], metrics="pce", seed=seed)
        scored = np.setdiff1d(np.arange(120), audit.reals)
        kept, every = y[audit.kept(1)], y
        flattered = [fidiv.evaluate(x[scored], z, metrics="pce").pce for z in (every, kept)]
        gain.append((audit["pce"][0] - audit["pce"][1], flattered[0] - flattered[1]))
    honest, flattering = np.mean(gain, axis=0)
    assert 0 < honest < flattering


# Shape of the answer


def test_the_table_can_be_kept():
    x, y = gaussian(100, 3, 1), gaussian(90, 3, 2)
    audit = fidiv.audit(x, y, shares=3, n_jobs=1)
    again = pickle.loads(pickle.dumps(audit))
    assert again == audit
    assert again.order.tolist() == audit.order.tolist()
    assert again.settings == audit.settings
    other = fidiv.audit(x, y, shares=3, n_jobs=2)
    assert other == audit
    assert audit.to_csv().splitlines()[0].startswith("share,kept,pce,rce,expected_rce")
    assert "share" in str(audit)
    assert audit.settings["measuring"] == audit.settings["scoring"] == 50
    with pytest.raises(AttributeError, match="frozen"):
        audit.order = 1
    with pytest.raises(ValueError, match="read-only"):
        audit.order[0] = 1


def test_progress():
    seen = []
    fidiv.audit(gaussian(100, 3, 1), gaussian(90, 3, 2), progress=lambda *at: seen.append(at))
    assert seen[-1][0] == seen[-1][1]
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_shares():
    x, y = gaussian(100, 3, 1), gaussian(90, 3, 2)
    assert fidiv.audit(x, y, shares=[0.5, 1, 0.5], metrics="density")["share"].tolist() == [1, 0.5]
    assert fidiv.audit(x, y, shares=np.array([0.5]), metrics="density")["kept"].tolist() == [45]
    assert [len(rows) for rows in kept_of(np.arange(10), [0.7, 0.71, 1e-9])] == [7, 8, 1]
    for wrong in ([0.0], [1.1], [-1], [math.nan]):
        with pytest.raises(ValueError, match="shares must lie above 0 and up to 1"):
            fidiv.audit(x, y, shares=wrong)
    with pytest.raises(ValueError, match="shares must be at least 1"):
        fidiv.audit(x, y, shares=0)
    with pytest.raises(ValueError, match="shares is empty"):
        fidiv.audit(x, y, shares=[])
    for wrong in (0.5, ["a"], [True], None):
        with pytest.raises(TypeError, match="shares must be"):
            fidiv.audit(x, y, shares=wrong)


def test_errors():
    x, y = gaussian(100, 3, 1), gaussian(90, 3, 2)
    with pytest.raises(
        ValueError, match="nearest_k=5 needs at least 12 points in real_features, which has 11"
    ):
        fidiv.audit(x[:11], y)
    with pytest.raises(ValueError, match="does not exist"):
        fidiv.audit(x, y, metrics="nothing")
    with pytest.raises(ValueError, match="columns"):
        fidiv.audit(x, y[:, :2])


def test_lists_lose_columns():
    lists = Nearest(np.array([[1.0, 2, 3], [4, 5, 6]]), np.array([[0, 1, 2], [2, 1, 0]]))
    lists.lose(np.array([True, False, True]))
    assert lists.counts.tolist() == [2, 2]
    assert lists.distances[:, :2].tolist() == [[1, 3], [4, 6]]
    assert lists.indices[:, :2].tolist() == [[0, 2], [2, 0]]
    lists.lose(np.array([False, False, True]))
    assert lists.counts.tolist() == [1, 1]
    assert lists.distances[:, 0].tolist() == [3, 4]
    lists.put(np.array([1]), np.array([[7.0, 8.0]]), np.array([[2, 3]]))
    assert lists.counts.tolist() == [1, 2]


def test_the_default_keys_are_keys():
    assert set(fidiv.audit(gaussian(50, 2, 1), gaussian(40, 2, 2), shares=1).columns[2:]) <= set(KEYS)
