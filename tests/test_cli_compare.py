"""`fidiv compare` on the command line, and what `fidiv evaluate` may be asked beside the values."""

from __future__ import annotations

import json

import numpy as np
import pytest
from factories import gaussian

import fidiv
from fidiv import _compare, _plan, _resampling, cli


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FIDIV_DEBUG", raising=False)
    np.save("real.npy", gaussian(80, 4, 1))
    np.save("a.npy", gaussian(80, 4, 2))
    np.save("b.npy", gaussian(80, 4, 3, scale=0.3))
    np.save("b2.npy", gaussian(80, 4, 4, scale=0.3))
    np.save("test.npy", gaussian(50, 4, 5))
    np.save("labels.npy", np.arange(80) % 3)
    return tmp_path


@pytest.fixture
def run(folder, capsys):
    """Runs the command in this process: (exit code, standard output, standard error)."""

    def call(*arguments):
        code = cli.main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return code, out, err

    return call


def assert_refused(result, *words):
    code, out, err = result
    assert (code, out) == (2, "")
    assert err.startswith("fidiv: error: ")
    assert err.count("\n") == 1
    for word in words:
        assert word in err


# ---------------------------------------------------------------------------------------------------- compare
def test_the_table_is_that_of_the_library(run):
    code, out, err = run("compare", "real.npy", "a=a.npy", "b=b.npy", "--metrics", "recall", "precision")
    sets = {name: np.load(f"{name}.npy") for name in "ab"}
    expected = fidiv.compare(np.load("real.npy"), sets, metrics=["recall", "precision"])
    assert (code, err) == (0, "")
    assert out == expected.summary() + "\n"


def test_json_out_and_runs(run, folder):
    arguments = ["compare", "real.npy", "a=a.npy", "b=b.npy", "b=b2.npy", "--metrics", "recall,exact_copies"]
    code, out, err = run(*arguments, "--json", "--out", "found.json", "--level", "0.9", "--seed", "3")
    assert code == 0
    assert "note: b: means over runs" in err
    assert (folder / "found.json").read_text(encoding="utf-8") == out
    document = json.loads(out)
    assert document["fidiv"] == fidiv.__version__
    assert document["real"]["file"] == "real.npy"
    assert [(entry["name"], entry["file"]) for entry in document["fakes"]] == [
        *(("a", "a.npy"), ("b", "b.npy"), ("b", "b2.npy")),
    ]
    sets = {"a": np.load("a.npy"), "b": [np.load("b.npy"), np.load("b2.npy")]}
    expected = fidiv.compare(np.load("real.npy"), sets, metrics=["recall", "exact_copies"], level=0.9, seed=3)
    assert document["metrics"] == json.loads(expected.to_json())["metrics"]
    assert document["models"]["b"] == {"runs": 2, "m": [80, 80]}
    code, out, err = run(*arguments, "--quiet")
    assert (code, err) == (0, "")
    assert "b (2 runs)" in out


def test_one_file_may_be_two_models(run):
    code, out, _ = run("compare", "real.npy", "a=a.npy", "again=a.npy", "--metrics", "recall", "--json")
    assert code == 0
    assert json.loads(out)["metrics"]["recall"]["tied"] == ["a", "again"]


def test_a_holdout_set_reaches_the_comparison(run, monkeypatch):
    seen = {}
    plain = _compare.replicates

    def recorded(real, fakes, metrics, **keywords):
        seen["h"] = keywords.pop("holdout_features").shape
        return plain(real, fakes, metrics, **keywords)

    monkeypatch.setattr(_compare, "replicates", recorded)
    arguments = ("compare", "real.npy", "a=a.npy", "b=b.npy", "--holdout", "test.npy", "--metrics", "recall")
    code, out, _ = run(*arguments, "--json")
    assert (code, seen) == (0, {"h": (50, 4)})
    assert [entry["file"] for entry in json.loads(out)["fakes"]] == ["a.npy", "b.npy"]


def test_files_are_named_in_errors(run):
    np.save("wide.npy", gaussian(30, 5))
    assert_refused(run("compare", "real.npy", "a=a.npy", "b=wide.npy"), "wide.npy has 5 columns")
    bad = gaussian(30, 4)
    bad[2, 1] = np.inf
    np.save("bad.npy", bad)
    assert_refused(run("compare", "real.npy", "a=a.npy", "b=bad.npy"), "bad.npy", "row 2, column 1")
    assert_refused(run("compare", "real.npy", "a=a.npy", "b=none.npy"), "none.npy: no such file")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["real.npy"], "NAME=FILE"),
        (["real.npy", "a=a.npy"], "at least two models"),
        (["real.npy", "a=a.npy", "a=b.npy"], "at least two models"),
        (["real.npy", "a.npy", "b.npy"], "a model is NAME=FILE"),
        (["real.npy", "a=a.npy", "=b.npy"], "a model is NAME=FILE"),
        (["real.npy", "a=a.npy", "b="], "a model is NAME=FILE"),
        (["real.npy", "a=a.npy", "b=b.npy", "--level", "95"], "a level between 0 and 1"),
        (["real.npy", "a=a.npy", "b=b.npy", "--metrics", "recal"], "did you mean recall"),
        (["real.npy", "a=a.npy", "b=b.npy", "--require", "recall>1"], "--require"),
    ],
)
def test_wrong_usage_of_compare(run, arguments, words):
    assert_refused(run("compare", *arguments), words)


def test_help_reads_well(run):
    code, out, err = run("compare", "--help")
    assert (code, err) == (0, "")
    for words in ("NAME=FILE", "--level", "--json", "--out", "Holm", "could see", "exit codes"):
        assert words in out
    code, out, _ = run("evaluate", "--help")
    for words in ("--labels", "--holdout", "--baseline-check", "--intervals", "--plan", "recall.low>=0.55"):
        assert words in out
    assert "compare" in run("--help")[1]


# ------------------------------------------------------------------------------------- what evaluate is asked
class Told(_plan.Evaluation):
    """An evaluation with what further keywords of `evaluate_many` bring."""

    __slots__ = ()
    intervals = {"recall": (0.5, 0.75)}  # noqa: RUF012

    class baseline:
        summary = staticmethod(lambda: "real against real")

    class modes:
        summary = staticmethod(lambda: "three modes")


@pytest.fixture
def asked(monkeypatch):
    """The keywords that `evaluate_many` was called with; it answers with everything that may be asked for."""
    seen = {}
    plain = _plan.evaluate_many

    def recorded(real, fakes, **keywords):
        seen.update(keywords)
        more = ("holdout_features", "real_labels", "fake_labels", "baseline", "intervals")
        for name in set(more) & set(keywords):
            del keywords[name]
        found = plain(real, fakes, **keywords)
        return {name: Told(**result._state()) for name, result in found.items()}

    monkeypatch.setattr(_plan, "evaluate_many", recorded)
    return seen


def test_nothing_more_is_asked_unasked(run, asked):
    assert run("evaluate", "real.npy", "a.npy", "--metrics", "recall")[0] == 0
    keywords = {"metrics", "nearest_k", "seed", "n_jobs", "progress", "real_name"}
    assert asked.keys() == keywords


def test_holdout(run):
    code, out, _ = run("evaluate", "real.npy", "a.npy", "--metrics", "c_t", "--holdout", "test.npy", "--json")
    sets = [np.load(f"{name}.npy") for name in ("real", "a")]
    expected = fidiv.evaluate(*sets, metrics="c_t", holdout_features=np.load("test.npy"))
    (entry,) = json.loads(out)["results"]
    assert code == 0
    assert entry["values"]["c_t"] == expected["c_t"]
    assert entry["settings"]["h"] == 50
    assert_refused(run("evaluate", "real.npy", "a.npy", "--holdout", "none.npy"), "none.npy: no such file")


def test_labels_of_all_sets_or_of_the_reals(run, asked, folder):
    (folder / "b.txt").write_text("x\n" * 80)
    code, out, _ = run(
        *("evaluate", "real.npy", "a.npy", "b.npy", "--metrics", "recall"),
        *("--labels", "labels.npy", "labels.npy", "b.txt"),
    )
    assert code == 0
    assert asked["real_labels"].tolist() == [0, 1, 2] * 26 + [0, 1]
    assert list(asked["fake_labels"]) == ["a.npy", "b.npy"]
    assert asked["fake_labels"]["b.npy"].tolist() == ["x"] * 80
    assert "a.npy:\nthree modes\n" in out
    asked.clear()
    run("evaluate", "real.npy", "a.npy", "--labels", "labels.npy", "--metrics", "recall")
    assert "real_labels" in asked
    assert "fake_labels" not in asked


def test_groups_and_reference(run, folder):
    np.save("groups.npy", np.arange(80) // 4)
    arguments = ("evaluate", "real.npy", "a.npy", "--metrics", "recall", "pce", "--intervals", "0.9")
    sets = [np.load(f"{name}.npy") for name in ("real", "a")]
    for more, asked in (
        (("--groups", "groups.npy"), {"groups": np.arange(80) // 4}),
        (("--reference", "random"), {"reference": "random"}),
    ):
        code, out, _ = run(*arguments, *more, "--json")
        expected = fidiv.evaluate(*sets, metrics=["recall", "pce"], intervals=0.9, **asked).intervals
        (entry,) = json.loads(out)["results"]
        assert code == 0
        assert entry["intervals"] == {key: list(ends) for key, ends in expected.items()}
    assert_refused(
        run(*arguments[:-2], "--groups", "groups.npy"),
        "--groups says how intervals are made; add --intervals",
    )
    assert_refused(run(*arguments[:-2], "--reference", "random"), "--reference says how intervals are made")
    assert_refused(run(*arguments, "--groups", "groups.npy", "groups.npy"), "each FAKE (1 here), got 2 files")
    np.save("groups.npy", np.arange(79))
    assert_refused(run(*arguments, "--groups", "groups.npy"), "groups.npy has 79 groups, a.npy has 80 rows")


def test_wrong_labels(run, asked):
    np.save("short.npy", np.arange(79))
    arguments = ("evaluate", "real.npy", "a.npy", "b.npy", "--labels")
    assert_refused(run(*arguments, "labels.npy", "labels.npy"), "REAL and each FAKE (3 files here), got 2")
    assert_refused(run(*arguments, "short.npy"), "short.npy has 79 labels, real.npy has 80 rows")
    assert_refused(run(*arguments, "real.npy"), "labels are integers or text")
    assert_refused(run(*arguments), "--labels")


@pytest.mark.parametrize(("given", "level"), [((), 0.95), (("0.8",), 0.8)])
def test_intervals(run, asked, given, level):
    code, out, _ = run("evaluate", "real.npy", "a.npy", "--metrics", "recall", "--intervals", *given)
    assert (code, asked["intervals"]) == (0, level)
    assert "[0.5000, 0.7500]" in next(line for line in out.splitlines() if line.startswith("recall"))


def test_intervals_take_a_level_only(run):
    words = "a level between 0 and 1"
    for level in ("90", "0", "1", "nan", "real.npy"):
        assert_refused(run("evaluate", "real.npy", "a.npy", "--intervals", level), words)


def test_a_rule_may_ask_for_the_end_of_an_interval(run, asked):
    arguments = (
        "evaluate",
        "real.npy",
        "a.npy",
        "--metrics",
        "recall",
        "--intervals",
        "--quiet",
        "--require",
    )
    assert run(*arguments, "recall.low>=0.5")[0] == 0
    assert run(*arguments, " recall.high < 0.76 ")[0] == 0
    code, _, err = run(*arguments, "recall.low>0.5")
    assert code == 1
    assert err == "fidiv: requirement not met: recall.low>0.5 for a.npy: recall.low is 0.5\n"
    code, _, err = run(*arguments, "precision.low>0.5")
    assert (code, "precision was not computed" in err) == (1, True)
    asked.clear()
    code, out, _ = run(*arguments, "recall.high<=0.7", "--json")
    assert code == 1
    assert json.loads(out)["results"][0]["requirements"] == [
        {"rule": "recall.high<=0.7", "value": 0.75, "met": False}
    ]


def test_an_interval_that_is_missing_does_not_meet_a_rule(run, asked):
    arguments = (
        "evaluate",
        "real.npy",
        "a.npy",
        "--metrics",
        "precision",
        "--intervals",
        "--quiet",
        "--require",
    )
    code, _, err = run(*arguments, "precision.low>0")
    assert (code, "precision has no interval" in err) == (1, True)


def test_the_end_of_an_interval_needs_intervals(run):
    assert_refused(run("evaluate", "real.npy", "a.npy", "--require", "recall.low>0"), "add --intervals")
    assert_refused(run("evaluate", "real.npy", "a.npy", "--require", "recall.mid>0"), "recall.low>=0.55")


def test_baseline_check(run, asked):
    arguments = ("evaluate", "real.npy", "a.npy", "--metrics", "recall", "--baseline-check")
    code, out, _ = run(*arguments)
    assert (code, asked["baseline"]) == (0, True)
    assert "real against real" in out
    run(*arguments, "test.npy", "--holdout", "b.npy")
    assert asked["baseline"].shape == (50, 4)
    assert asked["holdout_features"].shape == (80, 4)


# ------------------------------------------------------------------------------------------------------- plan
def test_the_plan_is_the_square_root_law(run):
    arguments = ("evaluate", "real.npy", "a.npy", "--metrics", "recall", "--plan")
    code, out, _ = run(*arguments, "recall=0.005", "--plan", "precision = 0.5", "--json")
    found = _resampling.replicates(
        np.load("real.npy"), {"a.npy": np.load("a.npy")}, ["recall", "precision"], reference="fixed", seed=0
    )["a.npy"]
    error = _resampling.standard_error(found, "recall")
    first, second = json.loads(out)["results"][0]["plan"]
    assert code == 0
    assert first == {
        "metric": "recall",
        "asked": 0.005,
        "standard_error": error,
        "m": 80,
        "samples": _resampling.samples_needed(error, 80, 0.005),
    }
    assert second["samples"] < 80
    _, text, _ = run(*arguments, "recall=0.005", "--plan", "precision=0.5")
    assert f"with 80 fakes; for 0.005 it takes about {first['samples']:,}" in text
    assert f"for 0.5 about {second['samples']} were enough" in text


def test_a_plan_for_what_was_not_seen(run):
    code, out, _ = run("evaluate", "real.npy", "a.npy", "--metrics", "recall", "--plan", "exact_copies=0.01")
    assert code == 0
    assert "exact_copies: it has no standard error that could be seen with 80 fakes" in out


@pytest.mark.parametrize(
    "text", ["recall", "recall=", "recall=0", "recall=-1", "recall=x", "=0.1", "recall=inf"]
)
def test_wrong_plans(run, text):
    assert_refused(run("evaluate", "real.npy", "a.npy", "--plan", text), "recall=0.01")


def test_a_plan_takes_keys(run):
    assert_refused(run("evaluate", "real.npy", "a.npy", "--plan", "density_coverage=0.1"), "single keys")
    assert_refused(run("evaluate", "real.npy", "a.npy", "--plan", "recal=0.1"), "did you mean recall")
