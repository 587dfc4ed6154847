"""`fidiv.modes`: the rules put together, what it is told and tells, and how often it errs."""

from __future__ import annotations

import json
import math
import pickle
from dataclasses import asdict

import numpy as np
import oracle.modes as oracle
import pytest
from factories import gaussian, lattice

import fidiv

MIDDLES = 8.0 * np.eye(5, 6)


def mixture(counts, seed, scales=None):
    """(points, labels): so many of each mode, in a random order."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    scale = np.ones(len(counts)) if scales is None else np.asarray(scales)
    return MIDDLES[labels] + scale[labels, None] * rng.normal(size=(len(labels), 6)), labels


REAL, REAL_LABELS = mixture([300, 300, 300, 300, 0], 0)
FAKE, FAKE_LABELS = mixture([250, 0, 250, 40, 60], 1, [1, 1, 0.55, 1, 1])
NAMES = np.array(["ant", "bee", "cat", "dog", "emu"])


def faulty(rule):
    """The pair above, where `rule` says what labels are given."""
    return fidiv.modes(
        REAL,
        FAKE,
        real_labels=None if rule == "none" else NAMES[REAL_LABELS],
        fake_labels=NAMES[FAKE_LABELS] if rule == "both" else None,
        num_modes=4,
    )


RULES = ("none", "reals", "both")


def on(result, mode):
    """The row that holds most of the real points of a mode."""
    rows = result.samples["real_mode"][mode == REAL_LABELS]
    return result.table[np.bincount(rows).argmax()]


# Against the oracle


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("k", [1, 5])
def test_all_is_the_oracle_s(rule, k):
    real, real_labels = REAL[:701], REAL_LABELS[:701]
    fake, fake_labels = FAKE[:400], FAKE_LABELS[:400]
    result = fidiv.modes(
        real,
        fake,
        real_labels=None if rule == "none" else real_labels,
        fake_labels=fake_labels if rule == "both" else None,
        num_modes=4,
        nearest_k=k,
        seed=7,
    )
    got = result.samples
    anchor = oracle.anchors(701, 7)
    _, scores, p = oracle.outside(real, fake, anchor, (k + 1) // 2)
    np.testing.assert_allclose(got["outside_score"], scores, rtol=1e-12)
    np.testing.assert_array_equal(got["outside_p_value"], p)
    flagged = oracle.rejected(p, 0.05)
    np.testing.assert_array_equal(got["outside"], flagged)
    assert flagged.any()

    counted = np.ones(701, bool) if rule == "both" else ~anchor
    np.testing.assert_array_equal(got["real_counted"], counted)
    if rule == "reals":
        np.testing.assert_array_equal(got["real_mode"][anchor], real_labels[anchor])
        for points, mode in ((real[~anchor], got["real_mode"][~anchor]), (fake, got["mode"])):
            near = oracle.nearest_label(points, real[anchor], real_labels[anchor])
            np.testing.assert_array_equal(mode, near)
    elif rule == "none":
        middles = np.array([real[anchor & (got["real_mode"] == i)].mean(axis=0) for i in range(4)])
        for points, mode in ((real, got["real_mode"]), (fake, got["mode"])):
            np.testing.assert_array_equal(mode, oracle.nearest_label(points, middles, np.arange(4)))
    else:
        np.testing.assert_array_equal(got["real_mode"], real_labels)
        np.testing.assert_array_equal(got["mode"], np.where(fake_labels == 4, -1, fake_labels))

    inside = ~flagged & (got["mode"] >= 0)
    reals = np.bincount(got["real_mode"][counted], minlength=4)
    fakes = np.bincount(got["mode"][inside], minlength=4)
    for row, c, g, expected in zip(
        result.table, reals, fakes, oracle.mass(reals.tolist(), fakes.tolist(), 0.05), strict=True
    ):
        assert (row.reals, row.fakes, row.verdict) == (c, g, expected[5])
        np.testing.assert_allclose(
            [row.ratio, row.ratio_low, row.ratio_high, row.p_value], expected[:4], rtol=1e-9, atol=1e-12
        )
    for key, terms, groups in zip(
        ("pce", "rce", "re"),
        oracle.cross_entropy_terms(real, fake, k),
        (np.where(inside, got["mode"], -1), got["real_mode"], np.where(inside, got["mode"], -1)),
        strict=True,
    ):
        for i, row in enumerate(result.table):
            assert getattr(row, key) == pytest.approx(terms[groups == i].sum() / len(terms), abs=1e-10)
        assert result.outside[key] == pytest.approx(terms[groups == -1].sum() / len(terms), abs=1e-10)


def test_spread_at_equal_counts_is_the_oracle_s():
    # Equal counts of both sets and both labels: nothing is drawn.
    real, labels = mixture([60, 70], 3)
    fake, _ = mixture([60, 70], 4, [0.9, 1.0])
    order = np.random.default_rng(4).permutation(np.repeat([0, 1], [60, 70]))
    result = fidiv.modes(real, fake, real_labels=labels, fake_labels=order)
    assert not result.samples["outside"].any()
    for mode, row in enumerate(result.table):
        x, y = real[labels == mode], fake[order == mode]
        assert row.spread_points == len(x)
        assert math.log(row.spread_ratio) == pytest.approx(oracle.spread(x, y, 5)[0])
        assert row.dimension == pytest.approx(oracle.dimension(x, 5))
        assert row.spread_low < row.spread_ratio < row.spread_high


# What is wrong, found


@pytest.mark.parametrize("rule", RULES)
def test_every_fault_is_named(rule):
    result = faulty(rule)
    assert on(result, 1).verdict == "dropped"
    assert on(result, 2).spread_verdict == "shrunk"
    assert on(result, 3).verdict == "under-represented"
    assert on(result, 0).spread_verdict == "fine"
    # The graph of mutual neighbours may fall into pieces, each of them invented.
    assert 1 <= result.invented == len(result.components) <= 2
    component = result.components[0]
    assert component.label == ("emu" if rule == "both" else None)
    assert (FAKE_LABELS[result.samples["component"] >= 0] == 4).all()
    assert component.fakes == (result.samples["component"] == 0).sum() > 30
    assert component.share_low < component.share == component.fakes / 600 < component.share_high
    assert result.dropped == 1
    assert result.shrunk == 1
    assert {fault for _, fault in result.faults} >= {"dropped", "shrunk", "invented", "under-represented"}


def test_parts_add_up_to_the_metrics():
    for rule in RULES:
        result = faulty(rule)
        whole = fidiv.cross_entropies(REAL, FAKE)
        for key in ("pce", "rce", "re"):
            parts = [getattr(row, key) for row in result.table]
            assert result[key] == whole[key]
            assert math.fsum([*parts, result.outside[key]]) == pytest.approx(whole[key], abs=1e-12)


def test_more_fakes_in_a_mode_lower_its_part_of_re_and_are_not_shrinkage():
    real, labels = mixture([300, 300], 5)
    fake, fake_labels = mixture([600, 60], 6)
    result = fidiv.modes(real, fake, real_labels=labels, fake_labels=fake_labels)
    many, few = result.table
    # By one fake the first mode is closer together, and yet it is as wide as it should be.
    assert many.re / many.fakes < few.re / few.fakes
    assert many.spread_verdict == "fine"
    assert few.spread_verdict != "shrunk"
    assert (many.verdict, few.verdict) == ("over-represented", "under-represented")


def test_the_nearest_real_held_against_true_labels_would_accuse_and_one_rule_does_not():
    rng = np.random.default_rng(0)

    def draw(size):
        wide = rng.random(size) < 0.5
        return np.where(wide, 1.5, 1.0)[:, None] * rng.normal(size=(size, 32)), wide.astype(int)

    (real, labels), (fake, _) = draw(2000), draw(2000)
    near = labels[fidiv.neighbors.knn(fake, real, nearest_k=1)[1][:, 0]]
    assert near.mean() < 0.2  # of a half
    result = fidiv.modes(real, fake, real_labels=labels)
    assert not result.faults


def test_a_rare_label_that_chance_left_out_of_the_reals_is_not_called_invented():
    real, fake = gaussian(300, 3, 0), gaussian(300, 3, 1)
    labels = np.array(["usual"] * 300)
    of_fakes = labels.copy()
    for count, verdict in ((3, "undecided"), (12, "invented")):
        of_fakes[:count] = "rare"
        result = fidiv.modes(real, fake, real_labels=labels, fake_labels=of_fakes)
        assert [(row.label, row.verdict) for row in result.components] == [("rare", verdict)]
        assert result.table[0].fakes == 300 - count
        assert result.in_no_mode == count / 300
        np.testing.assert_array_equal(result.samples["component"] == 0, of_fakes == "rare")


# How often it errs: a small part of benches/modes.py


def test_equal_laws_are_seldom_accused():
    runs = accused = 0
    for seed in range(24):
        rng = np.random.default_rng(seed)
        d, modes, rule = (2, 16)[seed % 2], (4, 30)[seed // 2 % 2], RULES[seed % 3]
        middles, scales = rng.normal(size=(modes, d)) * 3, rng.uniform(0.3, 2, modes)
        weights = rng.uniform(1, 4, modes)

        def draw(size, rng=rng, middles=middles, scales=scales, weights=weights):
            of = rng.choice(len(weights), size, p=weights / weights.sum())
            return middles[of] + scales[of, None] * rng.normal(size=(size, middles.shape[1])), of

        (real, a), (fake, b) = draw(int(rng.integers(300, 900))), draw(int(rng.integers(300, 900)))
        result = fidiv.modes(
            real,
            fake,
            real_labels=None if rule == "none" else a,
            fake_labels=b if rule == "both" else None,
            num_modes=modes,
            seed=seed,
        )
        runs += 1
        accused += bool(result.faults)
    assert accused <= runs * (0.05 + 3 * math.sqrt(0.05 * 0.95 / runs))


def test_p_values_of_equal_laws_are_spread_evenly():
    """None of the three kinds comes out small more often than it may."""
    low = np.zeros(3)
    runs = 40
    for seed in range(runs):
        real, fake = gaussian(160, 3, 2 * seed), gaussian(120, 3, 2 * seed + 1)
        result = fidiv.modes(real, fake, num_modes=2, seed=seed, level=0.2)
        low += [
            result["outside"] > 0,
            any(row.adjusted_p_value <= 0.2 for row in result.table),
            any(row.spread_adjusted_p_value <= 0.2 for row in result.table),
        ]
    assert (low <= runs * (0.2 + 3 * math.sqrt(0.2 * 0.8 / runs))).all(), low
    assert low[2] >= 2  # an exact test is not one that never rejects


# What it is given


def test_scale_and_isometry_change_nothing():
    rotation = np.linalg.qr(gaussian(6, 6, 9))[0]
    first = faulty("none")
    for change in (lambda x: 1024.0 * x, lambda x: x @ rotation + 3.0):
        again = fidiv.modes(change(REAL), change(FAKE), num_modes=4)
        for name in ("outside", "outside_p_value", "component"):
            np.testing.assert_array_equal(again.samples[name], first.samples[name])
        # Distances that round otherwise may lead k-means to other centres, but to the same faults.
        assert sorted(fault for _, fault in again.faults) == sorted(fault for _, fault in first.faults)


def test_float32_is_as_its_float64_copy():
    real, fake = REAL.astype(np.float32), FAKE.astype(np.float32)
    for labels in ({}, {"real_labels": REAL_LABELS}):
        one = fidiv.modes(real, fake, num_modes=4, **labels)
        other = fidiv.modes(real.astype(np.float64), fake.astype(np.float64), num_modes=4, **labels)
        assert one.faults == other.faults
        np.testing.assert_array_equal(one.samples["mode"], other.samples["mode"])
        np.testing.assert_allclose(one.samples["outside_score"], other.samples["outside_score"], rtol=1e-12)


def test_the_order_of_the_fakes_only_orders_the_answer():
    order = np.random.default_rng(0).permutation(len(FAKE))
    first, again = faulty("none"), fidiv.modes(REAL, FAKE[order], num_modes=4)
    for name in ("mode", "outside", "outside_score", "outside_p_value"):
        np.testing.assert_array_equal(again.samples[name], first.samples[name][order])
    assert [row.fakes for row in again.table] == [row.fakes for row in first.table]


def test_the_same_again_with_any_number_of_threads():
    one, two = (fidiv.modes(REAL, FAKE, num_modes=4, n_jobs=jobs) for jobs in (1, 2))
    assert one == two
    assert one != fidiv.modes(REAL, FAKE, num_modes=4, seed=1)


def test_labels_of_every_kind_are_the_same_modes():
    of_words = faulty("reals")
    for labels in (NAMES[REAL_LABELS].tolist(), NAMES[REAL_LABELS].astype(object)):
        assert fidiv.modes(REAL, FAKE, real_labels=labels) == of_words
    of_numbers = fidiv.modes(REAL, FAKE, real_labels=REAL_LABELS.astype(np.uint8))
    assert [row.label for row in of_numbers.table] == [0, 1, 2, 3]
    assert [row.label for row in of_words.table] == ["ant", "bee", "cat", "dog"]
    for name in of_words.samples:
        np.testing.assert_array_equal(of_numbers.samples[name], of_words.samples[name])


def test_all_rows_equal_and_single_column():
    same = np.ones((40, 3))
    result = fidiv.modes(same, same[:30], num_modes=2)
    assert not result.faults
    assert math.isnan(result.pce)
    assert any("pce" in note and "undefined" in note for note in result.notes)
    line = fidiv.modes(gaussian(80, 1, 0), gaussian(70, 1, 1), num_modes=3)
    assert not line.faults


def test_copies_of_the_reals_are_no_fault_of_mass():
    result = fidiv.modes(REAL, np.concatenate([REAL, REAL]), num_modes=4)
    assert not [row for row in result.table if row.verdict != "fine"]
    assert result["outside"] == 0


def test_the_fewest_points():
    result = fidiv.modes(gaussian(12, 2, 0), gaussian(6, 2, 1), num_modes=1)
    assert result.table[0].spread_verdict == "undecided"
    with pytest.raises(ValueError, match=r"nearest_k=5 needs at least 12 points in real_features"):
        fidiv.modes(gaussian(11, 2, 0), gaussian(6, 2, 1), num_modes=1)
    with pytest.raises(
        ValueError, match=r"nearest_k=5 needs at least 6 points in fake_features, which has 5"
    ):
        fidiv.modes(gaussian(12, 2, 0), gaussian(5, 2, 1), num_modes=1)


@pytest.mark.parametrize(
    ("keywords", "error", "words"),
    [
        ({"fake_labels": FAKE_LABELS}, ValueError, "fake_labels was given without real_labels"),
        ({"real_labels": REAL_LABELS[:-1]}, ValueError, r"real_labels has shape \(1199,\)"),
        (
            {"real_labels": REAL_LABELS, "fake_labels": FAKE_LABELS[1:]},
            ValueError,
            r"fake_labels has shape \(599,\)",
        ),
        ({"real_labels": REAL_LABELS * 1.0}, TypeError, "real_labels has type float64"),
        ({"real_labels": REAL_LABELS, "fake_labels": NAMES[FAKE_LABELS]}, TypeError, "one kind is needed"),
        ({"num_modes": 0}, ValueError, "num_modes must be at least 1"),
        ({"num_modes": 601}, ValueError, "num_modes=601 needs as many anchors"),
        ({"nearest_k": 2.0}, TypeError, "nearest_k must be an integer"),
        ({"level": 0.5}, ValueError, "level must be a number in"),
        ({"level": "low"}, TypeError, "level must be a number in"),
        ({"seed": -1}, ValueError, "seed must be"),
    ],
)
def test_what_is_not_allowed(keywords, error, words):
    with pytest.raises(error, match=words):
        fidiv.modes(REAL, FAKE, **keywords)


# What it gives


def test_it_is_frozen_and_can_be_kept():
    result = faulty("both")
    assert pickle.loads(pickle.dumps(result)) == result
    with pytest.raises(AttributeError, match="frozen"):
        result.table = ()
    with pytest.raises(ValueError, match="read-only"):
        result.samples["mode"][0] = 1
    assert set(result) == {
        *("modes", "dropped", "under_represented", "over_represented", "shrunk", "fine", "invented"),
        *("outside", "in_no_mode", "pce", "rce", "re"),
    }


def test_json_holds_everything():
    result = faulty("both")
    read = json.loads(result.to_json())
    assert len(read["table"]) == 4
    assert read["table"][1]["label"] == "bee"
    assert read["table"][1]["verdict"] == "dropped"
    assert read["components"][0]["label"] == "emu"
    assert read["samples"]["mode"] == result.samples["mode"].tolist()
    assert "samples" not in json.loads(result.to_json(samples=False))
    assert json.dumps(result.to_dict()["settings"])
    assert repr(result.to_dict()["table"]) == repr([asdict(row) for row in result.table])


def test_the_summary_names_what_is_wrong_and_what_would_decide():
    text = faulty("both").summary()
    head = text.splitlines()[0]
    for words in ("bee dropped", "cat shrunk", "dog under-represented", "emu invented"):
        assert words in head
    assert "have a label that no real has" in text
    quiet = fidiv.modes(REAL[:100], REAL[100:160], num_modes=4).summary()
    assert "nothing found to be wrong" in quiet
    assert "would decide" in quiet


# In `evaluate`


def test_evaluate_carries_the_modes():
    labels = {"real_labels": NAMES[REAL_LABELS], "fake_labels": NAMES[FAKE_LABELS]}
    result = fidiv.evaluate(REAL, FAKE, **labels)
    alone = fidiv.modes(REAL, FAKE, **labels)
    assert repr(result.modes.table) == repr(alone.table)  # NaN is not NaN
    assert result.modes.components[0].label == "emu"
    assert result.modes.pce == result.pce
    assert dict(result) == dict(fidiv.evaluate(REAL, FAKE))
    assert "bee dropped" in result.summary()
    assert json.loads(result.to_json())["modes"]["table"][1]["verdict"] == "dropped"
    assert pickle.loads(pickle.dumps(result)) == result
    assert result != fidiv.evaluate(REAL, FAKE)


@pytest.mark.parametrize("kind", ["gaussian", "lattice"])
def test_anchors_change_no_other_answer(kind):
    draw = gaussian if kind == "gaussian" else lattice
    real, fake = draw(61, 3, 0), draw(54, 3, 1)
    families = [name for name in fidiv.metrics.FAMILIES if name not in ("pr_curve", "divergence_frontier")]
    whole = fidiv.evaluate(real, fake, metrics=families)
    with_modes = fidiv.evaluate(real, fake, metrics=families, real_labels=np.arange(61) % 3)
    np.testing.assert_equal(dict(with_modes), dict(whole))
    for name, array in whole.samples.items():
        np.testing.assert_array_equal(with_modes.samples[name], array, strict=True)
    # In the same sweeps over the same pairs.
    assert with_modes.settings["pairs"] == whole.settings["pairs"]


def test_evaluate_without_labels_has_no_modes():
    assert fidiv.evaluate(REAL, FAKE, metrics=["recall"]).modes is None


def test_evaluate_uses_its_k_and_seed_and_needs_no_metric_of_entropies():
    result = fidiv.evaluate(REAL, FAKE, metrics=["recall"], nearest_k=4, seed=3, real_labels=REAL_LABELS)
    alone = fidiv.modes(REAL, FAKE, nearest_k=4, seed=3, real_labels=REAL_LABELS)
    assert repr(result.modes.table) == repr(alone.table)  # NaN is not NaN


def test_evaluate_says_why_there_are_no_modes():
    result = fidiv.evaluate(gaussian(9, 2, 0), gaussian(20, 2, 1), real_labels=[0] * 9)
    assert result.modes is None
    assert any(note.startswith("modes: undefined; nearest_k=5 needs at least 12") for note in result.notes)
    with pytest.raises(ValueError, match="fake_labels was given without real_labels"):
        fidiv.evaluate(REAL, FAKE, fake_labels=FAKE_LABELS)


def test_a_mode_that_differs_is_named_though_the_verdict_is_out():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(10), 150)
    middles = 9 * rng.normal(size=(10, 4))
    real = middles[labels] + rng.normal(size=(1500, 4))
    kept = np.concatenate([np.flatnonzero(labels == 3)[:85], np.flatnonzero(labels != 3)])
    fake = (middles[labels] + rng.normal(size=(1500, 4)))[kept]
    found = fidiv.modes(real, fake, real_labels=labels, fake_labels=labels[kept], n_jobs=1)
    row = found.table[3]
    assert (row.verdict, row.differs) == ("undecided", True)
    assert "3 holds too few, by which factor is undecided" in found.summary().splitlines()[0]
    assert not found.faults
