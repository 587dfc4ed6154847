"""`evaluate`: its list, its plan, what it says of metrics without a value, and what its result can do."""

from __future__ import annotations

import copy
import inspect
import json
import math
import pickle

import numpy as np
import oracle
import pytest
from factories import gaussian

import fidiv
from fidiv import _core, _plan
from fidiv.metrics import FAMILIES, KEYS, Clusters, Needs, available

DEFAULT = [
    "precision",
    "recall",
    "f_score",
    "density",
    "coverage",
    "expected_coverage",
    "pce",
    "rce",
    "re",
    "pce_ratio",
    "rce_ratio",
    "re_ratio",
    "frechet_distance",
    "exact_copies",
    "duplicates_in_fake",
]


def pair(n=120, m=100, d=4, **keywords):
    return gaussian(n, d, 1), gaussian(m, d, 2, shift=0.3, **keywords)


# The contract


def test_the_signature():
    parameters = inspect.signature(fidiv.evaluate).parameters
    assert list(parameters) == [
        "real_features",
        "fake_features",
        "metrics",
        "nearest_k",
        "real_labels",
        "fake_labels",
        "holdout_features",
        "baseline",
        "intervals",
        "reference",
        "groups",
        "real_groups",
        "seed",
        "n_jobs",
        "progress",
    ]
    defaults = ["default", *[None] * 4, False, False, "fixed", None, None, 0, None, None]
    assert [p.default for p in list(parameters.values())[2:]] == defaults
    assert all(p.kind is p.KEYWORD_ONLY for p in list(parameters.values())[2:])


def test_public_names():
    names = {
        *FAMILIES,
        "__version__",
        "audit",
        "bits_per_dimension",
        "compare",
        "compute_metrics",
        "compute_prdc",
        "correlate_with_human",
        "curves",
        "divergence_frontier_from_histograms",
        "drift",
        "entropy",
        "evaluate",
        "f_beta",
        "frechet_distance_from_moments",
        "inception_score",
        "metrics",
        "modes",
        "neighbors",
        "prd_from_histograms",
        "rke",
        "show_config",
        "sweep",
        "transfer_gap",
        "two_sample_test",
        "vendi_score",
        "verdicts",
    }
    assert set(fidiv.__all__) == names
    assert all(hasattr(fidiv, name) for name in names)


def test_show_config():
    config = fidiv.show_config()
    assert config["version"] == fidiv.__version__
    assert config["kernel"] in config["kernels"]
    assert config["threads"] >= 1
    assert config["profile"]


# Which metrics


def test_the_default_list_is_frozen():
    x, y = pair()
    assert list(fidiv.evaluate(x, y)) == DEFAULT
    assert fidiv.evaluate(x, y) == fidiv.evaluate(x, y, metrics="default")


def test_values_of_the_default_list():
    x, y = pair()
    got = fidiv.evaluate(x, y)
    expected = (
        oracle.density_coverage(x, y, 5)
        | oracle.cross_entropies(x, y, 5)
        | oracle.precision_recall(x, y, 3)
        | oracle.frechet(x, y)
        | oracle.copies(x, y)
    )
    for key in DEFAULT:
        assert got[key] == pytest.approx(expected[key], rel=1e-10, abs=1e-11), key


def test_all():
    assert list(fidiv.evaluate(*pair(), metrics="all")) == list(KEYS)


def test_families_keys_and_their_order():
    x, y = pair()
    chosen = ["coverage", "copies", "recall", "coverage", "precision_recall"]
    assert list(fidiv.evaluate(x, y, metrics=chosen)) == [
        "coverage",
        *("exact_copies", "duplicates_in_fake", "duplicates_in_real"),
        *("recall", "precision", "f_score"),
    ]
    assert list(fidiv.evaluate(x, y, metrics="recall")) == ["recall"]
    assert list(fidiv.evaluate(x, y, metrics=("default", "auc"))) == [*DEFAULT, "auc"]


@pytest.mark.parametrize("name", available())
def test_every_available_name(name):
    x, y = pair(60, 50)
    result = fidiv.evaluate(x, y, metrics=[name], holdout_features=gaussian(40, 4, 3))
    family = FAMILIES.get(name)
    keys = [name] if family is None else [family.prefix + key.name for key in family.keys]
    assert list(result) == keys
    assert not any(math.isnan(value) for value in result.values())


@pytest.mark.parametrize("metrics", ["recal", ["precision", "nothing"], "", "fid", ["DEFAULT"]])
def test_unknown_names(metrics):
    with pytest.raises(ValueError, match=r"metrics.*recall"):
        fidiv.evaluate(*pair(), metrics=metrics)


def test_a_near_miss_is_named():
    with pytest.raises(ValueError, match=r"did you mean recall"):
        fidiv.evaluate(*pair(), metrics=["recal"])


def test_no_names():
    with pytest.raises(ValueError, match="metrics"):
        fidiv.evaluate(*pair(), metrics=[])
    for wrong in ([3], 5, None, b"recall"):
        with pytest.raises(TypeError, match="metrics"):
            fidiv.evaluate(*pair(), metrics=wrong)


def test_the_default_list_by_its_name():
    x, y = pair()
    named = fidiv.evaluate(x, y, metrics="default-1")
    assert named == fidiv.evaluate(x, y)
    assert named.settings["list"] == "default-1"
    assert fidiv.evaluate(x, y, metrics="recall").settings["list"] is None


# The plan


@pytest.fixture
def sweeps(monkeypatch):
    """(rows, columns, questions) of every sweep, by the names of the sets."""
    seen = []
    real_sweep = _core.sweep

    def counted(rows, columns, questions, **keywords):
        seen.append((rows.name, None if columns is None else columns.name, [q[0] for q in questions]))
        return real_sweep(rows, columns, questions, **keywords)

    monkeypatch.setattr(_core, "sweep", counted)
    return seen


def pairs_of(seen):
    return [tuple(sorted(name for name in (rows, columns) if name)) for rows, columns, _ in seen]


ACROSS = ("fake_features", "real_features")


@pytest.mark.parametrize("metrics", ["default", "all", *FAMILIES, *KEYS])
@pytest.mark.parametrize("nearest_k", [None, 4])
def test_pairs_are_swept_once(sweeps, metrics, nearest_k):
    fidiv.evaluate(*pair(60, 50), metrics=metrics, nearest_k=nearest_k)
    swept = pairs_of(sweeps)
    assert len(swept) == len(set(swept))
    assert set(swept) <= {("real_features",), ("fake_features",), ACROSS}


@pytest.mark.parametrize("metrics", ["default", "all"])
def test_three_sweeps_whatever_the_list(sweeps, metrics):
    result = fidiv.evaluate(*pair(60, 50), metrics=metrics)
    assert pairs_of(sweeps) == [("real_features",), ("fake_features",), ACROSS]
    assert len(result.settings["sweeps"]) == 3


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        ("frechet_distance", set()),
        ("prd", set()),
        ("density_coverage", {("real_features",), ACROSS}),
        ("precision_recall", {("real_features",), ("fake_features",), ACROSS}),
        ("cross_entropies", {("real_features",), ("fake_features",), ACROSS}),
    ],
)
def test_no_more_sweeps_than_needed(sweeps, metrics, expected):
    fidiv.evaluate(*pair(60, 50), metrics=metrics)
    assert set(pairs_of(sweeps)) == expected


@pytest.mark.parametrize("family", FAMILIES)
def test_single_calls_sweep_once_too(sweeps, family):
    holdout = {"holdout_features": gaussian(40, 4, 3)} if family == "data_copying_test" else {}
    getattr(fidiv, family)(*pair(60, 50), **holdout)
    swept = pairs_of(sweeps)
    assert len(swept) == len(set(swept))


def test_drop_ins_sweep_once_too(sweeps):
    x, y = pair(60, 50)
    fidiv.compute_prdc(x, y, 5)
    assert len(sweeps) == 3
    sweeps.clear()
    fidiv.compute_metrics(x, y)
    assert len(sweeps) == 3


def test_several_fakes_share_the_work_on_the_reals(sweeps):
    x, y = pair(60, 50)
    fakes = {"first.npy": y, "second.npy": y + 1, "third.npy": y[:40]}
    results = _plan.evaluate_many(x, fakes)
    assert len(sweeps) == 1 + 2 * 3
    assert pairs_of(sweeps).count(("real_features",)) == 1
    for name, fake in fakes.items():
        assert results[name].to_dict() == fidiv.evaluate(x, fake).to_dict()


def test_one_product_serves_both_directions(sweeps):
    """The sweep across asks for neighbours of both sides at once."""
    fidiv.evaluate(*pair(60, 50))
    assert sweeps[-1][2].count("nearest") == 2


# Metrics without a value


def test_zero_distances_are_nan_with_a_reason():
    x, y = pair(60, 50)
    y[7] = x[3]
    result = fidiv.evaluate(x, y, nearest_k=1)
    assert math.isnan(result["pce"])
    assert math.isnan(result["pce_ratio"])
    assert not math.isnan(result["re"])
    assert result["exact_copies"] == 1 / 50
    assert any(
        "pce" in note and "1 of 50" in note and "zero" in note and "row 7" in note for note in result.notes
    )
    assert "pce" not in result.expected
    with pytest.raises(ValueError, match=r"1 of 50.*zero"):
        fidiv.cross_entropies(x, y, nearest_k=1)


def test_too_few_points_are_nan_with_a_reason():
    x, y = pair(4, 50)
    result = fidiv.evaluate(x, y)
    for key in ("density", "coverage", "pce", "rce", "re"):
        assert math.isnan(result[key])
    for key in ("precision", "recall", "frechet_distance", "exact_copies"):
        assert not math.isnan(result[key])
    words = "nearest_k=5 needs at least 6 points in real_features, which has 4"
    assert any(words in note and "density" in note for note in result.notes)
    with pytest.raises(ValueError, match=words):
        fidiv.density_coverage(x, y)


def test_one_point_each():
    result = fidiv.evaluate([[1.0]], [[1.0]], metrics="all")
    assert result["exact_copies"] == 1.0
    assert (result["frontier_integral"], result["mauve"]) == (0.0, 1.0)  # one histogram of two clusters
    defined = {"copies", "divergence_frontier", "energy_distance", "sliced_wasserstein"}
    assert all(math.isnan(result[key]) == (KEYS[key].family not in defined) for key in KEYS)


def test_nan_does_not_break_equality():
    x, y = pair(4, 50)
    assert fidiv.evaluate(x, y) == fidiv.evaluate(x, y)


def test_a_nearest_k_that_reaches_nothing_is_noted():
    x, y = pair(100, 100)
    (note,) = fidiv.evaluate(x, y, metrics=["prd", "copies"], nearest_k=7).notes
    assert "nearest_k=7" in note
    assert "prd, copies" in note
    (note,) = fidiv.evaluate(x, y, metrics=["recall", "recall_cover"], nearest_k=7).notes
    assert "precision_recall_cover, which keeps ball_k=15, min_count=5" in note
    assert not fidiv.evaluate(x, y, nearest_k=7).notes
    assert not fidiv.evaluate(x, y, metrics=["prd", "precision_recall_cover"]).notes


def test_needs_are_joined():
    one, other = (Clusters(20, 10, seed) for seed in (0, 1))
    both = Needs(clusters=frozenset({one}), real_list=3) | Needs(clusters=frozenset({other}), real_list=2)
    assert both == Needs(clusters=frozenset({one, other}), real_list=3)
    assert both | Needs() | both == both


def test_progress_is_judged_before_the_sets_are():
    for call in (fidiv.evaluate, fidiv.precision_recall, fidiv.entropy.kl_divergence):
        with pytest.raises(TypeError, match="progress"):
            call([[math.nan]], [[math.nan]], progress="yes")
    for call in (fidiv.neighbors.knn, fidiv.entropy.entropy):
        with pytest.raises(TypeError, match="progress"):
            call([[math.nan]], nearest_k=1, progress=3)


def test_wrong_input_is_an_error_all_the_same():
    x, y = pair()
    with pytest.raises(ValueError, match="nearest_k"):
        fidiv.evaluate(x, y, nearest_k=0)
    with pytest.raises(TypeError, match="seed"):
        fidiv.evaluate(x, y, seed="0")
    with pytest.raises(ValueError, match="seed"):
        fidiv.evaluate(x, y, seed=-1)


# The result


def test_it_is_a_frozen_mapping():
    result = fidiv.evaluate(*pair())
    assert dict(result) == result.to_dict()
    assert result["recall"] == result.recall
    assert len(result) == len(DEFAULT)
    assert "recall" in result
    with pytest.raises(KeyError):
        result["fid"]
    with pytest.raises(AttributeError, match="fid"):
        _ = result.fid
    with pytest.raises(AttributeError):
        result.recall = 1.0
    with pytest.raises(TypeError):
        result["recall"] = 1.0
    with pytest.raises(TypeError):
        result.settings["n"] = 3
    with pytest.raises(TypeError):
        result.settings["families"]["prd"] = {}
    with pytest.raises(TypeError):
        result.settings["families"]["precision_recall"]["nearest_k"] = 4
    assert result.settings["metrics"] == tuple(DEFAULT)
    assert isinstance(result.settings["sweeps"], tuple)
    with pytest.raises(TypeError):
        result.undefined["recall"] = "because"
    with pytest.raises(TypeError):
        result.samples["density"] = np.zeros(3)
    with pytest.raises(TypeError):
        hash(result)


def test_samples_average_to_the_values():
    x, y = pair()
    result = fidiv.evaluate(x, y, metrics="all")
    for sample, key in [
        ("precision_mask", "precision"),
        ("recall_mask", "recall"),
        ("density", "density"),
        ("coverage_mask", "coverage"),
        ("pce", "pce"),
        ("rce", "rce"),
        ("re", "re"),
    ]:
        terms = result.samples[sample]
        assert math.fsum(terms) / len(terms) == pytest.approx(result[key], rel=1e-12, abs=1e-12), key
    assert (result.samples["copy_of"] >= 0).mean() == result["exact_copies"]
    assert result.samples["nearest_real"].shape == (100,)
    index = result.samples["nearest_real"]
    np.testing.assert_array_equal(
        result.samples["nearest_real_distance"], oracle.distances(y, x)[np.arange(100), index]
    )


def test_settings():
    x, y = pair()
    settings = fidiv.evaluate(x, y, nearest_k=4, seed=3).settings
    assert (settings["n"], settings["m"], settings["d"]) == (120, 100, 4)
    assert settings["nearest_k"] == 4
    assert settings["seed"] == 3
    assert settings["version"] == fidiv.__version__
    assert settings["families"]["precision_recall"]["nearest_k"] == 4
    assert settings["families"]["density_coverage"]["closed"] is True
    own = fidiv.evaluate(x, y).settings["families"]
    assert (own["precision_recall"]["nearest_k"], own["density_coverage"]["nearest_k"]) == (3, 5)
    assert settings["pairs"] >= 120 * 100 + 120 * 119 // 2 + 100 * 99 // 2
    assert 0 < settings["settled"] <= settings["pairs"]


def test_expected_values_under_equal_laws():
    result = fidiv.evaluate(*pair(), metrics="all")
    assert result.expected["density"] == 1.0
    assert result.expected["coverage"] == result["expected_coverage"]
    assert result.expected["precision_cover"] == result["expected_precision_cover"]
    assert result.expected["pce"] == 0.0
    assert result.expected["rce"] == result["expected_rce"]
    assert "precision" not in result.expected  # no law is known


def test_json_round_trip():
    x, y = pair(60, 50)
    y[7] = x[3]
    result = fidiv.evaluate(x, y, metrics="all", nearest_k=1)
    text = result.to_json()
    document = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert document["schema_version"] == 1
    assert document["values"].keys() == result.keys()
    for key, value in result.items():
        kept = document["values"][key]
        assert kept is None if math.isnan(value) else kept == value
    assert document["notes"] == list(result.notes)
    assert document["undefined"] == dict(result.undefined)
    assert document["undefined"].keys() == {key for key, value in result.items() if math.isnan(value)}
    assert "1 of 50" in document["undefined"]["pce"]
    assert document["keys"].keys() == result.keys()
    assert document["keys"]["density"] == {
        "family": "density_coverage",
        "direction": "one",
        "bounds": [0.0, "Infinity"],
        "meaning": KEYS["density"].meaning,
    }
    assert document["samples"].keys() == result.samples.keys()
    for name, array in result.samples.items():
        kept = [math.nan if entry is None else float(entry) for entry in document["samples"][name]]
        np.testing.assert_array_equal(kept, array.astype(np.float64), err_msg=name)
    assert document["expected"] == dict(result.expected)
    settings = document["settings"]
    assert (settings["n"], settings["m"], settings["d"], settings["nearest_k"]) == (60, 50, 4, 1)
    assert settings["version"] == fidiv.__version__
    np.testing.assert_array_equal(document["curve"]["precision"], result.curve["precision"])


def test_infinities_in_json():
    x = gaussian(40, 3, 1)
    document = json.loads(
        fidiv.evaluate(x, x, metrics="precision_recall").to_json(),
        parse_constant=lambda word: pytest.fail(f"{word} is not JSON"),
    )
    assert "Infinity" in document["samples"]["realism"]
    assert document["samples"]["recall_mask"] == [True] * 40


def test_samples_can_be_left_out_of_json_and_lines_too():
    result = fidiv.evaluate(*pair(), metrics="all")
    whole, short = json.loads(result.to_json()), json.loads(result.to_json(samples=False))
    assert whole.pop("samples")
    assert whole == short
    assert json.loads(result.to_json(indent=None)) == json.loads(result.to_json())
    assert "\n" not in result.to_json(indent=None)


def test_how_the_machine_did_it_stands_apart_in_json(monkeypatch):
    x, y = pair()
    one = json.loads(fidiv.evaluate(x, y, metrics="all", n_jobs=1).to_json())
    monkeypatch.setenv("FIDIV_KERNEL", "portable")
    two = json.loads(fidiv.evaluate(x, y, metrics="all", n_jobs=2).to_json())
    assert set(one["run"]) == {"kernel", "code", "threads", "pairs", "settled", "narrowed", "climbed"}
    assert (one.pop("run")["threads"], two.pop("run")["threads"]) == (1, 2)
    assert not set(one["settings"]) & {"kernel", "code", "threads", "pairs", "settled", "narrowed", "climbed"}
    assert one == two


def test_summary_and_html():
    x, y = pair(60, 50)
    result = fidiv.evaluate(x, y)
    for text in (result.summary(), result._repr_html_()):
        assert all(key in text for key in DEFAULT)
        assert "60" in text
        assert "50" in text
        assert all(KEYS[key].meaning in text for key in DEFAULT)
    undefined = fidiv.evaluate(x[:4], y)
    assert "undefined" in undefined.summary()
    assert "if both sets came from one law" in result.summary()
    assert "if both sets" not in fidiv.evaluate(x, y, metrics="precision").summary()
    assert "needs at least 6 points" in undefined.summary()
    assert "<script" not in undefined._repr_html_()


def test_copies_and_pickles():
    result = fidiv.evaluate(*pair(), metrics="all")
    for again in (pickle.loads(pickle.dumps(result)), copy.copy(result), copy.deepcopy(result)):
        assert again == result
        assert again.to_json() == result.to_json()
        assert not next(iter(again.samples.values())).flags.writeable
    curve = pickle.loads(pickle.dumps(fidiv.prd(*pair())))
    assert curve == fidiv.prd(*pair())


def test_equality():
    x, y = pair()
    result = fidiv.evaluate(x, y)
    assert result == fidiv.evaluate(x, y, n_jobs=1)
    assert result != fidiv.evaluate(x, y, nearest_k=4)
    assert result != fidiv.evaluate(x, y + 1e-6)
    assert result != dict(result)


def test_a_holdout_set_that_nobody_looks_at_is_said():
    real, fake, holdout = (np.random.default_rng(seed).normal(size=(50, 3)) for seed in range(3))
    unused = "holdout_features changes nothing here"
    found = fidiv.evaluate(real, fake, holdout_features=holdout, metrics="recall", n_jobs=1)
    assert any(note.startswith(unused) for note in found.notes)
    found = fidiv.evaluate(real, fake, holdout_features=holdout, metrics=["recall", "c_t"], n_jobs=1)
    assert not any(note.startswith(unused) for note in found.notes)


def test_every_result_is_a_json_document():
    real, fake = (np.random.default_rng(seed).normal(size=(60, 3)) for seed in range(2))
    for result in (fidiv.density_coverage(real, fake), fidiv.verdicts(real, fake), fidiv.prd(real, fake)):
        document = json.loads(result.to_json())
        assert document["values"] == {k: None if v != v else v for k, v in result.items()}
        assert document["samples"].keys() == result.samples.keys()
        assert ("curve" in document) is (result.curve is not None)
        assert document["settings"].keys().isdisjoint(document["run"])
        assert "samples" not in json.loads(result.to_json(samples=False))
