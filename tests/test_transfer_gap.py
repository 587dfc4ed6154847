"""The transfer gap: what fakes are worth as training data."""

from __future__ import annotations

import math

import numpy as np
import pytest
from factories import gaussian, lattice
from oracle import compare as oracle

import fidiv


def sets(seed=0, n=60, m=50, t=40, d=3, classes=4):
    rng = np.random.default_rng(seed)
    labels = [rng.integers(0, classes, size).tolist() for size in (n, m, t)]
    points = [rng.normal(size=(len(of), d)) + np.array(of)[:, None] for of in labels]
    return [given for pair in zip(points, labels, strict=True) for given in pair]


@pytest.mark.parametrize("k", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("seed", [0, 1])
def test_equal_to_the_oracle(seed, k):
    given = sets(seed)
    got, expected = fidiv.transfer_gap(*given, nearest_k=k), oracle.transfer_gap(*given, k)
    assert set(got) == {"transfer_gap", "accuracy_real", "accuracy_fake", "transfer_gap_se"}
    for key in got:
        assert got[key] == pytest.approx(expected[key], rel=1e-13, abs=1e-15), key
    assert got.samples["real_right"].tolist() == expected["real_right"]
    assert got.samples["fake_right"].tolist() == expected["fake_right"]


def test_equal_to_the_oracle_where_votes_and_distances_tie():
    real, fake, test = lattice(40, 2, 1), lattice(30, 2, 2), lattice(25, 2, 3)
    labels = [np.random.default_rng(i).integers(0, 5, size).tolist() for i, size in enumerate((40, 30, 25))]
    given = [real, labels[0], fake, labels[1], test, labels[2]]
    for k in (1, 4, 7, 30):
        got, expected = fidiv.transfer_gap(*given, nearest_k=k), oracle.transfer_gap(*given, k)
        assert got.transfer_gap == pytest.approx(expected["transfer_gap"], abs=1e-15)
        assert got.samples["fake_right"].tolist() == expected["fake_right"]


def test_a_tied_vote_goes_to_the_nearest_among_the_tied():
    # Nearest first the votes are a b b a c: a and b have two each, and a is nearer.
    train, labels = [[1.0], [2.0], [3.0], [4.0], [5.0]], ["a", "b", "b", "a", "c"]
    swapped = ["c", "b", "a", "a", "b"]  # c is nearest but has one vote; b is nearer than a
    got = fidiv.transfer_gap(train, labels, train, swapped, [[0.0]], ["a"])
    assert (got.accuracy_real, got.accuracy_fake, got.transfer_gap) == (1.0, 0.0, -1.0)
    got = fidiv.transfer_gap(train, labels, train, swapped, [[0.0]], ["b"])
    assert (got.accuracy_real, got.accuracy_fake, got.transfer_gap) == (0.0, 1.0, 1.0)
    assert math.isnan(got.transfer_gap_se)


def test_the_standard_error_is_that_of_paired_outcomes():
    # Four test points: fakes right where reals are wrong once, wrong where they are right twice.
    train = [[0.0], [10.0], [20.0], [30.0]]
    got = fidiv.transfer_gap(
        *(train, ["a", "b", "c", "x"], train, ["x", "x", "c", "d"], train, ["a", "b", "c", "d"]), nearest_k=1
    )
    outcomes = np.array([-1, -1, 0, 1])
    assert got.transfer_gap == -0.25
    assert got.transfer_gap_se == pytest.approx(outcomes.std(ddof=1) / 2, rel=1e-14)


def test_fakes_that_are_the_reals_have_no_gap():
    real, labels, _, _, test, test_labels = sets(3)
    got = fidiv.transfer_gap(real, labels, real, labels, test, test_labels)
    assert got.transfer_gap == got.transfer_gap_se == 0.0
    assert got.accuracy_real == got.accuracy_fake
    assert got.notes == ()


def test_the_standard_error_covers():
    """The gap of 400 fresh test points lies within two standard errors of that of 100,000, mostly."""
    rng = np.random.default_rng(0)

    def draw(size, noise=0.0):
        labels = rng.integers(0, 2, size)
        points = rng.normal(size=(size, 2)) + 1.2 * labels[:, None]
        return points, np.where(rng.random(size) < noise, 1 - labels, labels)

    training = [*draw(100), *draw(100, noise=0.2)]
    truth = fidiv.transfer_gap(*training, *draw(50_000)).transfer_gap
    inside = 0
    for _ in range(100):
        got = fidiv.transfer_gap(*training, *draw(400))
        inside += abs(got.transfer_gap - truth) <= 1.96 * got.transfer_gap_se
    assert 88 <= inside <= 100


@pytest.mark.parametrize(
    "named",
    [
        lambda labels: [f"class {label}" for label in labels],
        lambda labels: np.array(labels, np.int8),
        lambda labels: np.array(labels, np.uint64),
        lambda labels: np.array([f"{label}" for label in labels]),
        lambda labels: np.array([b"%d" % label for label in labels]),
        lambda labels: [("kind", label) for label in labels],
        lambda labels: tuple(frozenset([label]) for label in labels),
        lambda labels: np.array(labels, float) / 7,
        lambda labels: np.array([f"c{label}" for label in labels], dtype=object),
    ],
)
def test_names_of_classes_do_not_matter(named):
    real, a, fake, b, test, c = sets(5)
    got = fidiv.transfer_gap(real, named(a), fake, named(b), test, named(c))
    assert got == fidiv.transfer_gap(real, a, fake, b, test, c)


def test_types_of_equal_labels_do_not_matter():
    real, a, fake, b, test, c = sets(6)
    got = fidiv.transfer_gap(real, a, fake, np.array(b, np.float32), test, np.array(c, np.int16))
    assert got == fidiv.transfer_gap(real, a, fake, b, test, c)


def test_order_scale_and_type_of_the_rows_do_not_matter():
    real, a, fake, b, test, c = sets(7)
    base = fidiv.transfer_gap(real, a, fake, b, test, c)
    rng = np.random.default_rng(0)
    p, q, r = (rng.permutation(len(x)) for x in (real, fake, test))
    moved = fidiv.transfer_gap(*(real[p], np.array(a)[p], fake[q], np.array(b)[q], test[r], np.array(c)[r]))
    assert dict(moved) == dict(base)
    assert moved.samples["real_right"].tolist() == base.samples["real_right"][r].tolist()
    assert dict(fidiv.transfer_gap(4 * real + 1, a, 4 * fake + 1, b, 4 * test + 1, c)) == dict(base)
    narrow = [x.astype(np.float32) for x in (real, fake, test)]
    wide = [x.astype(np.float64) for x in narrow]
    assert dict(fidiv.transfer_gap(narrow[0], a, narrow[1], b, narrow[2], c)) == dict(
        fidiv.transfer_gap(wide[0], a, wide[1], b, wide[2], c)
    )
    assert dict(fidiv.transfer_gap(real, a, fake, b, test, c, n_jobs=1)) == dict(base)


def test_sizes_and_missing_classes_are_noted():
    given = [
        gaussian(6, 2, 1),
        list("aabbcc"),
        gaussian(5, 2, 2),
        list("aabbz"),
        gaussian(4, 2, 3),
        list("abcd"),
    ]
    notes = fidiv.transfer_gap(*given, nearest_k=2).notes
    assert len(notes) == 4
    assert notes[0].startswith("6 reals and 5 fakes")
    assert notes[1] == "1 test points are of classes that the reals do not have ('d'): always wrong there"
    assert (
        notes[2] == "2 test points are of classes that the fakes do not have ('c', 'd'): always wrong there"
    )
    assert notes[3] == "the fakes have classes that the reals do not have ('z')"


def test_settings_and_progress():
    seen = []
    got = fidiv.transfer_gap(*sets(8), progress=lambda done, total: seen.append((done, total)))
    assert {name: got.settings[name] for name in ("n", "m", "t", "d", "nearest_k", "classes")} == {
        **{"n": 60, "m": 50, "t": 40, "d": 3, "nearest_k": 5, "classes": 4},
    }
    assert got.settings["version"] == fidiv.__version__
    assert got.settings["pairs"] == 60 * 40 + 50 * 40
    assert seen[-1] == (4400, 4400)


@pytest.mark.parametrize(
    ("place", "value", "error", "words"),
    [
        (1, [0] * 59, ValueError, "real_labels has 59 labels, real_train has 60 rows"),
        (3, np.zeros((50, 1)), ValueError, r"fake_labels has shape \(50, 1\)"),
        (5, "cat", TypeError, "test_labels must be a sequence"),
        (5, 7, TypeError, "test_labels must be a sequence"),
        (5, None, TypeError, "test_labels must be a sequence"),
        (1, {0: 1}, TypeError, "real_labels is a dict, which has no order"),
        (1, [[0]] * 60, TypeError, "real_labels holds a list at 0, which cannot be hashed"),
        (1, [0] * 59 + [math.nan], ValueError, "real_labels has no label at 59"),
        (3, [0, None] * 25, ValueError, "fake_labels has no label at 1"),
        (5, ["0"] * 40, ValueError, "no class in common"),
        (0, gaussian(60, 2), ValueError, "fake_features has 3 columns, real_train has 2"),
        (4, gaussian(40, 2), ValueError, "test_features has 2 columns, real_train has 3"),
        (4, [["a"] * 3] * 40, TypeError, "test_features"),
    ],
)
def test_wrong_input(place, value, error, words):
    given = sets(9)
    given[place] = value
    with pytest.raises(error, match=words):
        fidiv.transfer_gap(*given)


@pytest.mark.parametrize(
    ("k", "error", "words"),
    [
        (51, ValueError, "nearest_k=51 needs at least 51 points in fake_features, which has 50"),
        (0, ValueError, "nearest_k must be at least 1"),
        (2.0, TypeError, "nearest_k must be an integer"),
    ],
)
def test_wrong_nearest_k(k, error, words):
    with pytest.raises(error, match=words):
        fidiv.transfer_gap(*sets(9), nearest_k=k)


def test_as_many_neighbours_as_points():
    got = fidiv.transfer_gap(*sets(9), nearest_k=50)
    assert 0 <= got.accuracy_fake <= 1
