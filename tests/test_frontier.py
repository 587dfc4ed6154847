"""The sweep over a parameter: the frontier of fidelity and diversity, the pick, the tie."""

from __future__ import annotations

import json
import math
import pickle

import numpy as np
import pytest
from factories import gaussian
from judged import draws, found, judge
from oracle import compare as oracle

import fidiv
from fidiv._frontier import Place, harmonic, picking, places, scored


def swept(**options):
    rng = np.random.default_rng(0)
    real, noise = rng.normal(size=(2, 150, 2))
    return fidiv.sweep(real, {g: g * noise for g in (3.0, 0.2, 1, 0.9)}, parameter="temperature", **options)


@pytest.fixture(scope="module")
def result():
    return swept()


def test_the_points_of_a_sweep(result):
    table = result.points
    assert table["value"].tolist() == [0.2, 0.9, 1.0, 3.0]
    for row in table:
        name = f"temperature={'1' if row['value'] == 1 else row['value']}"
        for column, key in (("fidelity", "precision"), ("diversity", "recall")):
            assert row[column] == result.comparison[key][name]
            assert (row[f"{column}_low"], row[f"{column}_high"]) == result.comparison.intervals[key][name]
        assert row["score"] == pytest.approx(harmonic(row["fidelity"], row["diversity"]))
        assert row["score_low"] <= row["score"] <= row["score_high"]
    front = oracle.undominated(list(zip(table["fidelity"], table["diversity"], strict=True)))
    assert [value in result.undominated for value in table["value"]] == front
    assert [place == "front" for place in table["place"]] == front


def test_the_pick_and_the_tie(result):
    assert result.pick in (0.9, 1.0)
    assert set(result.tied) == {0.9, 1.0}
    assert result.verdict().startswith(f"tie: f_score is best at temperature = {result.pick:g}")
    rng = np.random.default_rng(0)
    real, noise = rng.normal(size=(2, 200, 2))
    clear = fidiv.sweep(real, {0.2: 0.2 * noise, 1.0: noise, 3.0: 3 * noise})
    assert (clear.pick, clear.tied) == (1.0, (1.0,))
    assert clear.verdict() == "pick: guidance = 1, the best f_score beyond doubt (95 %)"


def test_f_score_is_that_of_precision_recall():
    by_rule, by_key = swept(), swept(pick="f_score", metrics=["f_score"])
    assert by_rule.points == by_key.points
    for row in by_key.points:
        name = f"temperature={'1' if row['value'] == 1 else row['value']}"
        assert row["score"] == pytest.approx(by_key.comparison["f_score"][name], rel=1e-14)


def test_a_key_or_a_formula_as_the_rule():
    by_key = swept(pick="recall")
    assert by_key.points["score"].tolist() == by_key.points["diversity"].tolist()
    assert by_key.pick == by_key.points["value"][by_key.points["diversity"].argmax()]

    def mostly_precision(values):
        return 0.9 * values["precision"] + 0.1 * values["recall"] - values["pce"]

    by_formula = swept(pick=mostly_precision, metrics="pce")
    assert by_formula.settings["pick"] == "mostly_precision"
    best = by_formula.points["score"].argmax()
    assert by_formula.pick == by_formula.points["value"][best]
    lower = swept(fidelity="pce", diversity="rce", pick="rce")
    assert lower.pick == lower.points["value"][lower.points["score"].argmin()]


def test_a_sweep_for_reading_and_keeping(result):
    text = result.summary()
    assert "temperature" in text.splitlines()[0]
    assert text.count("*") == 1
    assert result.verdict() in text
    document = json.loads(result.to_json())
    assert document["pick"] == result.pick
    assert [row["value"] for row in document["points"]] == [0.2, 0.9, 1.0, 3.0]
    assert result.to_dict()["place"] == result.points["place"].tolist()
    assert pickle.loads(pickle.dumps(result)) == result == swept()
    assert result != swept(level=0.8)
    with pytest.raises(AttributeError):
        result.pick = 0


def test_dominated_beyond_doubt_or_by_the_values_only():
    def point(precision, recall, seed, scale):
        halves = {
            "precision": precision + draws(seed, scale=scale),
            "recall": recall + draws(seed + 50, scale=scale),
        }
        return [found({"precision": precision, "recall": recall}, halves=halves)]

    for scale, behind in ((0.001, "dominated"), (1.0, "undecided")):
        where = places(
            {"a": point(0.9, 0.5, 1, scale), "b": point(0.8, 0.4, 2, scale), "c": point(0.5, 0.9, 3, scale)},
            "precision",
            "recall",
            0.95,
        )
        assert {name: place.name for name, place in where.items()} == {
            "a": "front",
            "b": behind,
            "c": "front",
        }
    assert Place(True, False).name == "front"


def test_a_score_that_is_undefined_on_a_half():
    run = found({"precision": 0.5, "recall": 0.5}, halves={"precision": draws(1)}, recall="too few points")
    ((only,), key) = scored([run], picking("precision", "recall", "f_score"))
    assert only.full[key] == 0.5
    assert only.reasons[key] == "too few points"
    judged = judge("recall", a=run, b=run)
    assert judged.reason == "too few points"


def test_harmonic():
    assert harmonic(0.5, 0.5) == 0.5
    assert harmonic(0.0, 0.7) == harmonic(0.0, 0.0) == 0.0


@pytest.mark.parametrize(
    ("fakes", "options", "error", "words"),
    [
        ({1.0: gaussian(20, 2)}, {}, ValueError, "a sweep needs at least 2"),
        ([gaussian(20, 2)], {}, TypeError, "fakes must map each value"),
        ({"a": gaussian(20, 2), 1.0: gaussian(20, 2)}, {}, TypeError, "values of the parameter are numbers"),
        ({math.nan: gaussian(20, 2), 1.0: gaussian(20, 2)}, {}, ValueError, "finite numbers"),
        (None, {"fidelity": "fidelity"}, ValueError, "fidelity must be the key of a metric"),
        (None, {"diversity": "expected_coverage"}, ValueError, "describes, it does not judge"),
        (None, {"fidelity": "recall"}, ValueError, "both 'recall'"),
        (None, {"fidelity": "pce"}, ValueError, "which pce is not"),
        (None, {"pick": "best"}, ValueError, "pick must be the key"),
        (None, {"pick": 3}, TypeError, "pick must be the key"),
        (None, {"level": 2}, ValueError, "level must be a number between 0 and 1, got"),
    ],
)
def test_wrong_sweeps(fakes, options, error, words):
    fakes = fakes if fakes is not None else {1.0: gaussian(20, 2), 2.0: gaussian(20, 2, 1)}
    with pytest.raises(error, match=words):
        fidiv.sweep(gaussian(30, 2), fakes, **options)
