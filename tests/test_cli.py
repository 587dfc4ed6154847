"""The command line: what goes where, with which exit code, and that nothing ever ends in a traceback."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from factories import gaussian

import fidiv
from fidiv import _files, _plan, cli


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with real.npy and fake.npy (and some more), where the command runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FIDIV_DEBUG", raising=False)
    np.save("real.npy", gaussian(80, 6, 1, np.float32))
    np.save("fake.npy", gaussian(70, 6, 2, np.float32))
    np.save("other.npy", gaussian(80, 6, 3, np.float64, scale=0.2))
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


def fidiv_process(*arguments, **keywords):
    command = [sys.executable, "-c", "import sys; from fidiv.cli import main; sys.exit(main())", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **keywords)


def assert_refused(result, *words):
    """One clear line on standard error, nothing on standard output, exit code 2."""
    code, out, err = result
    assert code == 2
    assert out == ""
    assert err.startswith("fidiv: error: ")
    assert err.count("\n") == 1
    for word in words:
        assert word in err


# ------------------------------------------------------------------------------------------------- the result
def test_the_table_holds_every_key_with_its_meaning(run):
    code, out, err = run("evaluate", "real.npy", "fake.npy")
    assert code == 0
    assert "80 x 6" in out
    keys = fidiv.metrics.KEYS
    expected = {keys[key].expected for key in fidiv.metrics.DEFAULT}
    for key in fidiv.metrics.DEFAULT:
        lines = [line for line in out.splitlines() if line.startswith(f"{key} ")]
        assert len(lines) == (0 if key in expected else 1), key
        if lines:
            assert keys[key].meaning.split()[0] in lines[0]
    assert "↑" in out
    assert "↓" in out
    assert max(map(len, out.splitlines())) <= 100
    assert "note" in err  # the sets differ in size


def test_values_in_the_table_are_those_of_the_library(run):
    result = fidiv.precision_recall(np.load("real.npy"), np.load("fake.npy"))
    _, out, _ = run("evaluate", "real.npy", "fake.npy", "--metrics", "precision_recall")
    line = next(line for line in out.splitlines() if line.startswith("precision "))
    assert float(line.split()[1]) == pytest.approx(result.precision, abs=5e-4)


def test_json_is_one_document_and_equals_the_library(run):
    code, out, _ = run("evaluate", "real.npy", "fake.npy", "other.npy", "--json", "--require", "recall>=0")
    assert code == 0
    document = json.loads(out)
    assert document["schema_version"] == 1
    assert document["fidiv"] == fidiv.__version__
    assert document["real"] == {"file": "real.npy", "rows": 80, "columns": 6, "dtype": "float32"}
    assert [entry["name"] for entry in document["results"]] == ["fake.npy", "other.npy"]
    for entry in document["results"]:
        alone = fidiv.evaluate(np.load("real.npy"), np.load(entry["fake"]["file"]))
        assert {key: value for key, value in entry["values"].items() if value is not None} == {
            key: value for key, value in alone.to_dict().items() if not np.isnan(value)
        }
        assert entry["settings"]["n"] == 80
        assert entry["run"]["pairs"] > 0
        assert entry["keys"]["recall"]["direction"] == "higher"
        assert entry["samples"]["density"] == alone.samples["density"].tolist()
        assert entry["requirements"] == [
            {"rule": "recall>=0", "value": entry["values"]["recall"], "met": True}
        ]


def test_samples_can_be_left_out(run):
    whole, short = (
        json.loads(run("evaluate", "real.npy", "fake.npy", "--json", *more)[1])
        for more in ([], ["--no-samples"])
    )
    assert whole["results"][0].pop("samples")
    assert whole == short


def test_metrics_can_be_given_more_than_once(run):
    arguments = ["--metrics", "recall", "--quiet", "--metrics", "coverage,density", "--json"]
    _, out, _ = run("evaluate", "real.npy", "fake.npy", *arguments)
    assert list(json.loads(out)["results"][0]["values"]) == ["recall", "coverage", "density"]


def test_files_after_metrics_are_explained(run):
    assert_refused(run("evaluate", "--metrics", "recall", "real.npy", "fake.npy"), "the files come first")
    assert_refused(run("evaluate", "real.npy", "fake.npy", "--metrics", "recall", "other.npy"), "'other.npy'")


def test_nan_is_null_in_json(run):
    np.save("copies.npy", np.repeat(gaussian(10, 6, 4), 8, axis=0))  # every distance to the 5 nearest is zero
    code, out, err = run("evaluate", "real.npy", "copies.npy", "--json")
    assert code == 0
    assert json.loads(out)["results"][0]["values"]["re"] is None
    assert "zero" in err


def test_several_fakes_stand_side_by_side_as_if_alone(run):
    _, together, _ = run("evaluate", "real.npy", "fake.npy", "other.npy", "--metrics", "coverage", "density")
    head = together.splitlines()[2].split()
    assert head[:2] == ["fake.npy", "other.npy"]
    row = next(line for line in together.splitlines() if line.startswith("density ")).split()
    for position, name in enumerate(["fake.npy", "other.npy"], 1):
        _, alone, _ = run("evaluate", "real.npy", name, "--metrics", "coverage", "density")
        assert (
            next(line for line in alone.splitlines() if line.startswith("density ")).split()[1]
            == row[position]
        )


def test_many_fakes_wrap_into_further_tables_within_100_columns(run):
    names = []
    for i in range(9):
        names.append(f"a-rather-long-name-of-a-model-{i}.npy")
        np.save(names[-1], gaussian(20, 6, i))
    code, out, _ = run("evaluate", "real.npy", *names)
    assert code == 0
    assert max(map(len, out.splitlines())) <= 100
    assert all(f"{i}.npy" in out for i in range(9))


def test_equal_file_names_are_told_apart(run, folder):
    for name in ("a", "b"):
        (folder / name).mkdir()
        np.save(folder / name / "fake.npy", gaussian(30, 6, 5))
    _, out, _ = run("evaluate", "real.npy", "a/fake.npy", "b/fake.npy", "--json")
    assert [entry["name"] for entry in json.loads(out)["results"]] == ["a/fake.npy", "b/fake.npy"]
    _, out, _ = run("evaluate", "real.npy", "fake.npy", "fake.npy", "--json")
    assert [entry["name"] for entry in json.loads(out)["results"]] == ["fake.npy (1)", "fake.npy (2)"]


def test_real_and_fake_of_one_name_are_told_apart(run, folder):
    (folder / "a").mkdir()
    np.save("a/real.npy", gaussian(30, 6, 5))
    _, out, _ = run("evaluate", "real.npy", "a/real.npy", "--json")
    (entry,) = json.loads(out)["results"]
    assert entry["name"] == "a/real.npy"
    assert entry["settings"]["sweeps"][2].startswith("across real.npy and a/real.npy: ")
    assert run("evaluate", "a/real.npy", "real.npy")[1].startswith("real: a/real.npy, 30 x 6\n")
    np.save("a/real.npy", gaussian(30, 7, 5))
    words = "a/real.npy has 7 columns, real.npy has 6"
    assert_refused(run("evaluate", "real.npy", "a/real.npy"), words)
    _, out, _ = run("evaluate", "real.npy", "real.npy")
    assert out.startswith("real: real.npy (1), 80 x 6\n")
    assert "real.npy (2)" in out.splitlines()[2]


def test_options_reach_the_metrics(run):
    code, out, _ = run(
        "evaluate", "real.npy", "fake.npy", "--json", "-k", "4", "--metrics", "precision", "--n-jobs", "1"
    )
    assert code == 0
    entry = json.loads(out)["results"][0]
    assert list(entry["values"]) == ["precision"]
    expected = fidiv.precision_recall(np.load("real.npy"), np.load("fake.npy"), nearest_k=4).precision
    assert entry["values"]["precision"] == expected


def test_metrics_are_taken_apart_at_commas(run):
    _, out, _ = run("evaluate", "real.npy", "fake.npy", "--json", "--metrics", "recall,coverage", "density")
    assert set(json.loads(out)["results"][0]["values"]) >= {"recall", "coverage", "density"}


def test_fid_is_taken_as_frechet_distance_with_a_note(run):
    code, out, err = run("evaluate", "real.npy", "fake.npy", "--metrics", "fid", "--json")
    assert code == 0
    assert "frechet_distance" in err
    values = json.loads(out)["results"][0]["values"]
    assert "frechet_distance" in values
    assert "fid" not in values


def test_quiet_keeps_standard_error_empty(run):
    code, out, err = run("evaluate", "real.npy", "fake.npy", "--quiet", "--metrics", "fid")
    assert (code, err) == (0, "")
    assert "frechet_distance" in out


def test_npz_and_npy_give_the_same(run):
    np.savez_compressed("real.npz", features=np.load("real.npy"), labels=np.arange(80))
    _, a, _ = run("evaluate", "real.npz", "fake.npy", "--json", "--quiet")
    _, b, _ = run("evaluate", "real.npy", "fake.npy", "--json", "--quiet")
    assert json.loads(a)["results"][0]["values"] == json.loads(b)["results"][0]["values"]


# ----------------------------------------------------------------------------------------------- requirements
@pytest.mark.parametrize(
    ("rule", "met"),
    [
        ("exact_copies==0", True),
        ("exact_copies<=0", True),
        ("exact_copies<0", False),
        ("exact_copies>0", False),
        ("exact_copies>=0", True),
        ("recall >= 1.1", False),
        ("recall<1.1", True),
        ("frechet_distance<inf", True),
    ],
)
def test_a_requirement_decides_the_exit_code(run, rule, met):
    code, out, err = run("evaluate", "real.npy", "fake.npy", "--require", rule, "--quiet")
    assert code == (0 if met else 1)
    assert "recall" in out  # the result is there in any case
    assert (rule in err) is (not met)
    assert err.count("\n") == (not met)


def test_every_requirement_holds_for_every_fake(run):
    np.save("copy.npy", np.load("real.npy"))
    rules = ["--require", "exact_copies==0", "--require", "density>0.01"]
    assert run("evaluate", "real.npy", "fake.npy", *rules, "--quiet")[0] == 0
    code, _, err = run("evaluate", "real.npy", "fake.npy", "copy.npy", *rules, "--quiet")
    assert code == 1
    assert err == "fidiv: requirement not met: exact_copies==0 for copy.npy: exact_copies is 1.0\n"


def test_a_rule_knows_the_alias_and_says_the_whole_value(run):
    code, out, err = run("evaluate", "real.npy", "fake.npy", "--require", "fid<0", "--json", "--quiet")
    value = json.loads(out)["results"][0]["values"]["frechet_distance"]
    assert code == 1
    assert err == f"fidiv: requirement not met: fid<0 for fake.npy: frechet_distance is {value!r}\n"
    assert json.loads(out)["results"][0]["requirements"][0]["value"] == value
    assert run("evaluate", "real.npy", "fake.npy", "--require", f"fid=={value!r}")[0] == 0


def test_nan_and_missing_metrics_do_not_meet_a_requirement(run):
    np.save("copies.npy", np.repeat(gaussian(10, 6, 4), 8, axis=0))
    for rule in ("re<1e9", "re>-1e9", "re==0"):
        code, _, err = run("evaluate", "real.npy", "copies.npy", "--require", rule, "--quiet")
        assert code == 1
        assert "re is undefined" in err
    code, _, err = run(
        "evaluate", "real.npy", "fake.npy", "--metrics", "recall", "--require", "density>0", "--quiet"
    )
    assert (code, "density was not computed" in err) == (1, True)
    code, _, err = run("evaluate", "real.npy", "fake.npy", "--require", "recal>0", "--quiet")
    assert (code, "did you mean recall" in err) == (1, True)


@pytest.mark.parametrize(
    "rule", ["", "recall", "recall>=", "recall=>1", "recall~0.5", ">=1", "recall>=nan", "recall>=x"]
)
def test_a_rule_that_cannot_be_read_is_wrong_usage(run, rule):
    assert_refused(run("evaluate", "real.npy", "fake.npy", "--require", rule), "recall>=0.55")


# ------------------------------------------------------------------------------------------------------ --out
def test_out_writes_what_json_prints(run, folder):
    code, table, _ = run("evaluate", "real.npy", "fake.npy", "--out", "result.json", "--quiet")
    assert code == 0
    assert "precision" in table
    _, printed, _ = run("evaluate", "real.npy", "fake.npy", "--json", "--quiet")
    assert (folder / "result.json").read_text(encoding="utf-8") == printed
    assert sorted(path.name for path in folder.iterdir() if path.suffix != ".npy") == ["result.json"]


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing_behind(run, folder, monkeypatch):
    (folder / "result.json").write_text("old")
    before = sorted(folder.iterdir())

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    assert_refused(
        run("evaluate", "real.npy", "fake.npy", "--out", "result.json", "--quiet"), "No space left"
    )
    assert (folder / "result.json").read_text() == "old"
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    "name", ["result.txt", "real.npy", "nowhere/result.json", "a" * 300 + ".json", "real.npy/result.json"]
)
def test_out_is_checked_before_anything_is_computed(run, name):
    assert_refused(run("evaluate", "missing.npy", "fake.npy", "--out", name), "--out")


# ------------------------------------------------------------------------------------------------ wrong usage
@pytest.mark.parametrize(
    "arguments",
    [
        ["evaluate"],
        ["evaluate", "real.npy"],
        ["evaluate", "real.npy", "fake.npy", "--unknown"],
        ["evaluate", "real.npy", "fake.npy", "--met", "recall"],  # no abbreviations
        ["evaluate", "real.npy", "fake.npy", "-k", "0"],
        ["evaluate", "real.npy", "fake.npy", "-k", "2.5"],
        ["evaluate", "real.npy", "fake.npy", "-k", "true"],
        ["evaluate", "real.npy", "fake.npy", "--n-jobs", "0"],
        ["evaluate", "real.npy", "fake.npy", "--seed", "-1"],
        ["evaluate", "real.npy", "fake.npy", "--seed", "9" * 30],
        ["evaluate", "real.npy", "fake.npy", "--n-jobs", "9" * 30],
        ["evaluate", "real.npy", "a" * 300 + ".npy"],
        ["evaluate", "real.npy", "fake.npy", "--metrics", "no_such_metric"],
        ["demo", "--unknown"],
        ["info", "extra"],
        ["nonsense"],
        ["--unknown"],
        [],
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(run, arguments):
    assert_refused(run(*arguments))


def test_too_few_points_are_said(run):
    np.save("few.npy", gaussian(4, 6, 1))
    code, out, err = run("evaluate", "real.npy", "few.npy", "--metrics", "recall", "-k", "5", "--json")
    assert code == 0
    assert json.loads(out)["results"][0]["values"] == {"recall": None}
    assert "needs at least 6 points" in err


def test_an_unknown_kernel_is_said(run, monkeypatch):
    monkeypatch.setenv("FIDIV_KERNEL", "abacus")
    assert_refused(run("evaluate", "real.npy", "fake.npy"), "abacus")


# ------------------------------------------------------------------------------------------------ wrong files
def test_a_broken_file_is_one_line_in_either_place(run, folder):
    (folder / "cut.npy").write_bytes((folder / "real.npy").read_bytes()[:-1])
    (folder / "pickle.npy").write_bytes(pickle.dumps(np.eye(3)))
    (folder / "broken.npz").write_bytes(b"PK")
    for name, words in (
        ("cut.npy", "truncated"),
        ("pickle.npy", "never unpickles"),
        ("broken.npz", "archive"),
        ("missing.npy", "no such file"),
        ("real.csv", "no such file"),
    ):
        assert_refused(run("evaluate", "real.npy", name), name, words)
        assert_refused(run("evaluate", name, "fake.npy"), name, words)
        assert_refused(run("evaluate", "real.npy", "fake.npy", name), name, words)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_entered(run, folder):
    (folder / "closed").mkdir()
    np.save("closed/fake.npy", gaussian(30, 6, 1))
    (folder / "closed").chmod(0)
    try:
        assert_refused(run("evaluate", "real.npy", "closed/fake.npy"), "no permission")
        assert_refused(run("evaluate", "real.npy", "fake.npy", "--out", "closed/result.json"), "--out")
    finally:
        (folder / "closed").chmod(0o700)


def test_values_are_judged_by_the_name_of_the_file(run):
    bad = gaussian(30, 6, 1)
    bad[3, 4] = np.nan
    np.save("bad.npy", bad)
    assert_refused(run("evaluate", "real.npy", "bad.npy"), "bad.npy", "NaN", "row 3, column 4")
    assert_refused(run("evaluate", "bad.npy", "fake.npy"), "bad.npy", "NaN", "row 3, column 4")
    np.save("wide.npy", gaussian(30, 7, 1))
    assert_refused(run("evaluate", "real.npy", "wide.npy"), "wide.npy", "7 columns", "real.npy")


def test_more_than_the_memory_there_is_is_wrong_input(run, monkeypatch):
    np.savez("big.npz", features=gaussian(1000, 6, 1))
    monkeypatch.setattr(_files, "available_memory", lambda: 10_000)
    assert_refused(run("evaluate", "real.npy", "big.npz"), "big.npz", "46.9 KiB", "9.8 KiB")


def test_running_out_of_memory_later_is_wrong_input_too(run, monkeypatch):
    def exhausted(*_, **__):
        raise MemoryError("1.2 TiB for neighbours")

    monkeypatch.setattr(_plan, "evaluate_many", exhausted)
    assert_refused(run("evaluate", "real.npy", "fake.npy"), "memory", "1.2 TiB")


# --------------------------------------------------------------------------- the process and its surroundings
def test_help_names_every_option(run):
    for command, words in {
        (): ["evaluate", "demo", "info", "--version"],
        ("evaluate",): [
            *("--metrics", "-k K", "--seed", "--n-jobs", "--json", "--out", "--no-samples", "--require"),
            *("--quiet", "if both sets came from one law"),
        ],
        ("demo",): ["gaussian", "copier", "held out"],
        ("info",): ["--json"],
    }.items():  # fmt: skip
        code, out, err = run(*command, "--help")
        assert (code, err) == (0, "")
        for word in words:
            assert word in out


def test_version_and_info(run):
    assert run("--version") == (0, f"fidiv {fidiv.__version__}\n", "")
    code, out, err = run("info")
    assert (code, err) == (0, "")
    for word in ("version", "kernel", "threads", "profile", "numpy", "FIDIV_NUM_THREADS"):
        assert word in out
    _, out, _ = run("info", "--json")
    assert json.loads(out)["version"] == fidiv.__version__


def test_an_unexpected_exception_is_one_line_and_exit_code_3(run, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("two\nlines")

    monkeypatch.setattr(_plan, "evaluate_many", broken)
    code, out, err = run("evaluate", "real.npy", "fake.npy")
    assert (code, out) == (3, "")
    assert err == "fidiv: error: RuntimeError: two lines (set FIDIV_DEBUG=1 for the traceback)\n"
    monkeypatch.setenv("FIDIV_DEBUG", "1")
    with pytest.raises(RuntimeError):
        run("evaluate", "real.npy", "fake.npy")


def test_interrupted_is_130(run, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(_plan, "evaluate_many", interrupt)
    assert run("evaluate", "real.npy", "fake.npy") == (130, "", "fidiv: interrupted\n")


@pytest.mark.skipif(os.name != "posix", reason="SIGINT is POSIX")
def test_ctrl_c_ends_a_running_evaluation(folder):
    np.save("large.npy", gaussian(20_000, 256, 1, np.float32))
    environment = {**os.environ, "FIDIV_KERNEL": "portable", "FIDIV_NUM_THREADS": "1"}
    process = fidiv_process("evaluate", "large.npy", "large.npy", "--metrics", "precision", env=environment)
    # Once it has used some processor time it is at work; then it is interrupted as a terminal would.
    for _ in range(600):
        if process.poll() is not None or _cpu_seconds(process.pid) > 1.5:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    assert (process.returncode, out, err) == (130, "", "fidiv: interrupted\n")


def _cpu_seconds(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except OSError:
        time.sleep(2)
        return 2.0


@pytest.mark.skipif(os.name != "posix", reason="closes a pipe as a shell does")
@pytest.mark.parametrize(
    "arguments", [["--help"], ["info"], ["evaluate", "real.npy", "fake.npy", "--json", "--quiet"]]
)
def test_a_reader_that_has_gone_is_no_error(folder, arguments):
    process = fidiv_process(*arguments)
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert (process.wait(timeout=60), err) == (0, "")


@pytest.mark.skipif(os.name != "posix", reason="closes a stream as a shell does")
def test_a_result_that_is_lost_is_no_success(folder):
    script = f'{sys.executable} -c "import sys; from fidiv.cli import main; sys.exit(main())" "$@"'

    def run_shell(redirection, *arguments):
        command = ["sh", "-c", f"{script} {redirection}", "sh", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.stdout == ""
        return done.returncode, done.stderr

    for command in (["info"], ["demo"], ["evaluate", "real.npy", "fake.npy", "--quiet"]):
        code, err = run_shell(">&-", *command)
        assert (code, err.count("\n")) == (3, 1)
        assert "standard output is closed" in err
    assert run_shell(">&-", "evaluate", "real.npy", "fake.npy", "--quiet", "--out", "kept.json") == (0, "")
    assert json.loads((folder / "kept.json").read_text())["results"]
    if os.path.exists("/dev/full"):
        code, err = run_shell(">/dev/full", "evaluate", "real.npy", "fake.npy", "--quiet")
        assert (code, err.count("\n")) == (3, 1)
        assert "No space left" in err


def test_json_is_json_in_any_encoding(folder):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    os.rename("fake.npy", "fälschung.npy")
    process = fidiv_process("evaluate", "real.npy", "fälschung.npy", "--json", env=environment)
    assert json.loads(process.communicate(timeout=60)[0])["results"][0]["name"] == "fälschung.npy"


def test_an_output_that_knows_only_ascii(folder):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    os.rename("fake.npy", "fälschung.npy")
    process = fidiv_process("evaluate", "real.npy", "fälschung.npy", "--require", "recall>2", env=environment)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "precision" in out
    assert "high" in out
    assert "Traceback" not in err


def test_progress_only_on_a_terminal(run):
    _, _, err = run("evaluate", "real.npy", "other.npy")
    assert "%" not in err
