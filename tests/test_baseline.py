"""Real data against real data, beside the fakes at the same sizes."""

from __future__ import annotations

import json
import pickle

import numpy as np
import oracle.resampling as truth
import pytest

import fidiv
from fidiv._plan import evaluate_many
from fidiv._resampled import BY_LISTS, BY_MOMENTS

METRICS = [*(name for name in BY_LISTS if name != "closest_record"), "dcr_median"]
MORE = {91: [BY_MOMENTS]}  # once; its linear algebra waits for other threads on a busy machine


@pytest.mark.parametrize(
    ("n", "m", "o"), [(91, 60, None), (60, 120, None), (70, 50, 80), (70, 90, 48), (60, 300, 50)]
)
def test_it_is_what_its_definition_says(n, m, o):
    rng = np.random.default_rng(n)
    real, fake = rng.normal(size=(n, 2)), 1.2 * rng.normal(size=(m, 2))
    other = None if o is None else rng.normal(size=(o, 2)).astype(np.float32)
    metrics = METRICS + MORE.get(n, [])

    def values_of(x, y):
        return dict(fidiv.evaluate(x, y, metrics=metrics, n_jobs=1))

    result = fidiv.evaluate(
        real, fake, metrics=metrics, baseline=True if o is None else other, seed=5, n_jobs=1
    )
    expected = truth.baseline(values_of, real, fake, other, seed=5)
    table = result.baseline
    assert (table.n, table.h) == ((n // 2, min(n // 2, m)) if o is None else (n, min(o, m)))
    assert table.splits == 10
    assert set(table) == {key for key in result if not key.startswith("expected_")}
    for key, row in table.items():
        np.testing.assert_allclose(row, expected[key], rtol=1e-7, atol=1e-12, err_msg=key)
        assert row.excess == pytest.approx(row.fake - row.baseline, abs=1e-12)
    assert dict(result) == values_of(real, fake)


def test_equal_laws_have_no_excess_and_others_have():
    rng = np.random.default_rng(1)
    real, good, bad = rng.normal(size=(400, 4)), rng.normal(size=(400, 4)), 1.5 * rng.normal(size=(400, 4))
    keys = ["recall", "precision", "density", "pce", "rce"]
    tables = {
        name: result.baseline
        for name, result in evaluate_many(
            real, {"good": good, "bad": bad}, metrics=keys, baseline=True, n_jobs=1
        ).items()
    }
    for key in keys:
        assert tables["good"][key].baseline == tables["bad"][key].baseline  # computed once
        assert abs(tables["good"][key].excess) < 0.2 * abs(tables["bad"][key].excess) + 0.03, key
    assert tables["good"]["density"].baseline == pytest.approx(1, abs=0.05)


def test_how_it_is_shown():
    rng = np.random.default_rng(2)
    real, fake = rng.normal(size=(50, 2)), rng.normal(size=(60, 2))
    metrics = ["recall", "coverage", "re"]
    result = fidiv.evaluate(real, fake, metrics=metrics, baseline=True, n_jobs=1)
    assert fidiv.evaluate(real, fake, metrics=metrics, n_jobs=1).baseline is None
    assert (
        "baseline: 25 reals, and 25 fakes, against the same 25 reals; means over 10 splits"
        in result.summary()
    )
    assert "baseline" in result._repr_html_()
    document = json.loads(result.to_json())["baseline"]
    assert (document["n"], document["h"], document["splits"]) == (25, 25, 10)
    assert document["values"]["recall"] == result.baseline["recall"]._asdict()
    again = pickle.loads(pickle.dumps(result))
    assert again == result
    assert again.baseline.h == 25
    with pytest.raises(TypeError):
        result.baseline["recall"] = 1
    with pytest.raises(AttributeError):
        result.baseline.h = 3


def test_what_has_no_baseline_is_said():
    rng = np.random.default_rng(3)
    real, fake = rng.normal(size=(30, 2)), rng.normal(size=(40, 2))
    result = fidiv.evaluate(
        real, fake, metrics=["recall", "mauve", "precision_cover"], baseline=True, n_jobs=1
    )
    assert set(result.baseline) == {"recall"}
    notes = [note for note in result.notes if "no baseline" in note]
    assert len(notes) == 2
    assert any(note.startswith("precision_cover: no baseline; ball_k=15 needs") for note in notes)
    result = fidiv.evaluate(real[:1], fake, metrics="exact_copies", baseline=True, n_jobs=1)
    assert not result.baseline
    assert "cannot be split" in result.notes[-1]
    with pytest.raises(ValueError, match="baseline has 3 columns"):
        fidiv.evaluate(real, fake, baseline=rng.normal(size=(9, 3)))
    with pytest.raises((TypeError, ValueError), match="baseline"):
        fidiv.evaluate(real, fake, baseline="yes")


def test_together_with_intervals():
    rng = np.random.default_rng(4)
    real, fake = rng.normal(size=(80, 3)), rng.normal(size=(70, 3))
    options = {"metrics": ["recall", "density_coverage", "rce"], "n_jobs": 1}
    both = fidiv.evaluate(real, fake, baseline=True, intervals=True, reference="random", **options)
    assert both.baseline == fidiv.evaluate(real, fake, baseline=True, **options).baseline
    alone = fidiv.evaluate(real, fake, intervals=True, reference="random", **options)
    assert both.intervals == alone.intervals
