"""Tables of single points: whose they are, which come first, and what is written to a file."""

from __future__ import annotations

import csv
import io
import os
import pickle
import stat
import sys

import numpy as np
import oracle
import pytest
from factories import gaussian

import fidiv
from fidiv._tables import Samples, Table, write_whole
from fidiv.metrics import FAMILIES


def pair():
    x, y = gaussian(80, 4, 1), gaussian(60, 4, 2, shift=0.6)
    y[[3, 17]] = x[[40, 8]]
    y[5] = x[12] + 1e-6
    return x, y


def read(text):
    head, *rows = csv.reader(io.StringIO(text))
    return {name: [row[i] for row in rows] for i, name in enumerate(head)}


# Sides


@pytest.mark.parametrize("family", FAMILIES)
def test_every_sample_knows_its_side(family):
    x, y = gaussian(70, 3, 1), gaussian(50, 3, 2)
    result = fidiv.evaluate(x, y, metrics=family, holdout_features=gaussian(40, 3, 3))
    for name, array in result.samples.items():
        assert len(array) == {"real": 70, "fake": 50}[result.samples.sides[name]], name
    if family != "divergence_frontier":  # with another method than the default, below
        assert set(FAMILIES[family].of_reals) <= set(result.samples)


def test_every_declared_sample_of_the_reals_is_met_by_some_options():
    x, y = gaussian(70, 3, 1), gaussian(50, 3, 2)
    neighbours = fidiv.divergence_frontier(x, y, method="knn").samples
    assert dict(neighbours.sides) == {"real_ratio": "real", "fake_ratio": "fake"}
    influence = fidiv.frechet_distance(x, y, influence=True).samples
    assert dict(influence.sides) == {"frechet_influence": "fake", "frechet_influence_real": "real"}


def test_sides_where_sizes_do_not_tell():
    x, y = gaussian(50, 3, 1), gaussian(50, 3, 2)
    samples = fidiv.evaluate(x, y).samples
    of_reals = read(samples.to_csv(of="real"))
    assert list(of_reals) == ["index", "recall_mask", "coverage_mask", "rce"]
    assert of_reals["index"] == [str(i) for i in range(50)]
    assert [float(v) for v in of_reals["rce"]] == samples["rce"].tolist()
    of_fakes = read(samples.to_csv(of="fake"))
    assert set(of_fakes) == {"index", *samples} - {"recall_mask", "coverage_mask", "rce"}
    assert [v == "True" for v in of_fakes["precision_mask"]] == samples["precision_mask"].tolist()


def test_calls_on_other_pairs_name_their_own_sides():
    x, y = gaussian(50, 3, 1), gaussian(40, 3, 2)
    assert set(fidiv.drift(x, y).samples.sides.values()) == {"batch"}
    assert dict(fidiv.entropy.js_divergence_result(x, y).samples.sides) == {"x_ratio": "x", "y_ratio": "y"}
    assert fidiv.drift(x, y).samples.to_csv().startswith("index,inside,")


def test_which_side_must_be_said_where_there_are_two():
    samples = fidiv.density_coverage(*pair()).samples
    with pytest.raises(ValueError, match="samples of fake and of real points; say of='fake' or of='real'"):
        samples.table()
    with pytest.raises(ValueError, match="of must be 'fake' or 'real', got 'reals'"):
        samples.to_csv(of="reals")
    assert len(fidiv.rarity(*pair()).samples.table()) == 60
    with pytest.raises(ValueError, match="no samples"):
        fidiv.prd(*pair()).samples.table("fake")


def test_samples_are_a_frozen_mapping():
    result = fidiv.density_coverage(*pair())
    samples = result.samples
    assert list(samples) == ["density", "coverage_mask"]
    assert len(samples) == 2
    assert repr(samples) == "Samples(density: 60 fake, coverage_mask: 80 real)"
    with pytest.raises(TypeError):
        samples["density"] = 0
    again = pickle.loads(pickle.dumps(result))
    assert again == result
    assert again.samples == samples
    assert again.samples.sides == samples.sides
    assert samples != fidiv.rarity(*pair()).samples
    assert Samples(samples).sides == samples.sides


# Worst


def test_the_worst_have_the_largest_terms_and_their_nearest_real():
    x, y = pair()
    result = fidiv.evaluate(x, y, nearest_k=4)
    table = result.worst(7)
    nearest, index = oracle.knn(y, x, 4)
    order = np.argsort(-nearest[:, 3], kind="stable")[:7]
    assert table["fake"].tolist() == order.tolist()
    assert table["nearest_real"].tolist() == index[order, 0].tolist()
    assert table["nearest_real_distance"].tolist() == nearest[order, 0].tolist()
    np.testing.assert_array_equal(table["pce"], result.samples["pce"][order])
    assert table.columns[:2] == ("fake", "pce")
    assert len(result.worst(1000)) == 60
    assert len(result.worst(0)) == 0
    assert len(result.worst()) == 10


@pytest.mark.parametrize(
    ("family", "by"),
    [
        ("precision_recall", "realism"),
        ("authenticity", "distance_ratio"),
        ("closest_record", "nearest_real_distance"),
    ],
)
def test_the_worst_by_what_is_there(family, by):
    result = fidiv.evaluate(*pair(), metrics=family)
    values = result.samples[by] * (1 if by == "realism" else -1)
    assert result.worst(5)["fake"].tolist() == np.argsort(values, kind="stable")[:5].tolist()
    assert by in result.worst(5).title
    assert result.worst(5) == result.worst(5, by=by)


def test_what_is_missing_is_said():
    nothing = fidiv.evaluate(*pair(), metrics="prd")
    with pytest.raises(ValueError, match="evaluate cross_entropies or precision_recall or authenticity or"):
        nothing.worst()
    with pytest.raises(ValueError, match="'pce' needs a sample that is not here; evaluate cross_entropies"):
        nothing.worst(by="pce")
    with pytest.raises(ValueError, match="by must be one of pce, realism, "):
        nothing.worst(by="density")
    with pytest.raises(ValueError, match="evaluate density_coverage"):
        nothing.uncovered()
    with pytest.raises(ValueError, match="evaluate copies"):
        nothing.copies()


@pytest.mark.parametrize("name", ["worst", "uncovered", "copies"])
def test_numbers_of_rows(name):
    question = getattr(fidiv.evaluate(*pair()), name)
    for wrong in (2.0, True, "3", None):
        with pytest.raises(TypeError, match="n must be an integer"):
            question(wrong)
    with pytest.raises(ValueError, match="n must be at least 0, got -1"):
        question(-1)
    assert len(question(np.int64(1))) <= 1


def test_a_copy_at_k_1_leaves_an_order():
    """The logarithm of 0 has no value; realism, which is infinite there, orders then."""
    result = fidiv.evaluate(*pair(), nearest_k=1)
    assert "pce" not in result.samples
    assert "realism" in result.worst(3).title


# Uncovered


def test_uncovered_are_reals_without_a_fake_in_their_ball():
    x, y = pair()
    result = fidiv.evaluate(x, y)
    table = result.uncovered(1000)
    far = oracle.knn(x, y, 1)[0][:, 0] > oracle.radii(x, 5)
    assert sorted(table["real"].tolist()) == np.flatnonzero(far).tolist()
    assert 0 < len(table) < 80
    assert (np.diff(table["rce"]) <= 0).all()
    assert not table["coverage_mask"].any()
    np.testing.assert_array_equal(table["recall_mask"], result.samples["recall_mask"][table["real"]])
    assert table.notes == (
        f"under equal laws {1 - result.expected_coverage:.3g} of the reals would be uncovered on average",
    )
    assert result.uncovered(2)["real"].tolist() == table["real"].tolist()[:2]


def test_uncovered_by_what_is_there():
    x, y = pair()
    by_recall = fidiv.evaluate(x, y, metrics="recall")
    missed = np.flatnonzero(~by_recall.samples["recall_mask"])
    assert by_recall.uncovered(3)["real"].tolist() == missed[:3].tolist()
    by_terms = fidiv.evaluate(x, y, metrics="rce")
    order = np.argsort(-by_terms.samples["rce"], kind="stable")[:4]
    assert by_terms.uncovered(4)["real"].tolist() == order.tolist()
    perfect = fidiv.evaluate(x, x.copy(), metrics="density_coverage")
    assert len(perfect.uncovered()) == 0
    assert "(none)" in str(perfect.uncovered())


# Copies


def test_exact_copies_with_their_twins():
    table = fidiv.evaluate(*pair()).copies()
    assert table["fake"].tolist() == [3, 17]
    assert table["real"].tolist() == [40, 8]
    assert table["distance"].tolist() == table["ratio"].tolist() == [0, 0]
    assert table["exact"].all()
    assert "near-copies need holdout_features" in table.notes[0]
    assert "2 of 60 fakes" in table.title


def test_near_copies_come_after_exact_ones():
    x, y = pair()
    unseen = gaussian(80, 4, 9)
    result = fidiv.evaluate(x, y, metrics=["copies", "closest_record"], holdout_features=unseen)
    table = result.copies(4)
    near, far = oracle.knn(y, x, 1), oracle.knn(y, unseen, 1)[0][:, 0]
    assert table["fake"].tolist()[:3] == [3, 17, 5]
    assert table["real"].tolist()[:3] == [40, 8, 12]
    assert table["exact"].tolist()[:3] == [True, True, False]
    np.testing.assert_array_equal(table["real"], near[1][table["fake"], 0])
    np.testing.assert_array_equal(table["ratio"], (near[0][:, 0] / far)[table["fake"]])
    everything = result.copies(1000)
    assert (np.diff(everything["ratio"]) >= 0).all()
    assert (everything["ratio"] < 1).all()
    assert len(everything) == np.count_nonzero(near[0][:, 0] < far)
    without = fidiv.evaluate(x, y, metrics="closest_record", holdout_features=unseen)
    assert without.copies(4) == table


def test_a_copy_that_the_holdout_holds_too_is_still_a_copy():
    x, y = pair()
    unseen = gaussian(30, 4, 9)
    unseen[0] = x[40]
    table = fidiv.evaluate(x, y, metrics=["copies", "closest_record"], holdout_features=unseen).copies(3)
    assert table["fake"].tolist() == [17, 3, 5]
    assert table["ratio"].tolist()[:2] == [0, 1]


# Tables


def small():
    columns = {
        "index": np.array([3, 1, 2]),
        "value": np.array([0.1, np.nan, -np.inf]),
        "good": np.array([True, False, True]),
        "name": np.array(["a", 'b,"c"', "d"]),
    }
    return Table(columns, title="three", notes=["look < here"])


def test_a_table_can_be_read_in_all_ways():
    table = small()
    assert table.columns == ("index", "value", "good", "name")
    assert len(table) == 3
    assert table[0] == {"index": 3, "value": 0.1, "good": True, "name": "a"}
    assert table[-1]["name"] == "d"
    assert [row["index"] for row in table] == [3, 1, 2]
    assert table["good"].tolist() == [True, False, True]
    assert table[1:]["index"].tolist() == [1, 2]
    assert table[1:].notes == table.notes
    assert table == pickle.loads(pickle.dumps(table)) == small()
    assert table != table[1:]
    assert list(table.to_dict()) == list(table.columns)
    with pytest.raises(KeyError, match="there is no column 'x'; there are index, value"):
        table["x"]
    with pytest.raises(IndexError, match="no row 3"):
        table[3]


def test_a_table_cannot_be_changed():
    source = np.arange(3.0)
    table = Table({"a": source})
    source[0] = 7
    assert table["a"][0] == 0
    with pytest.raises(ValueError, match="read-only"):
        table["a"][0] = 1
    with pytest.raises(AttributeError, match="frozen"):
        table.title = "other"


def test_how_a_table_looks():
    lines = str(small()).splitlines()
    assert lines[0] == "three"
    assert lines[1].split() == ["index", "value", "good", "name"]
    assert lines[3].split() == ["3", "0.1", "yes", "a"]
    assert lines[-1] == "note: look < here"
    assert repr(small()) == str(small())
    assert "<li>look &lt; here</li>" in small()._repr_html_()
    long = Table({"a": np.arange(1000)})
    assert str(long).count("\n") < 40
    assert "970 more rows" in str(long)
    assert "970 more rows" in long._repr_html_()


def test_what_is_written_reads_back(tmp_path):
    text = small().to_csv()
    assert text == 'index,value,good,name\n3,0.1,True,a\n1,nan,False,"b,""c"""\n2,-inf,True,d\n'
    small().to_csv(tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes() == text.encode()
    values = np.random.default_rng(0).normal(size=50_000) * 1e-7
    long = Table({"x": values, "y": values.astype(np.float32)})
    long.to_csv(str(tmp_path / "b.csv"))
    back = np.loadtxt(tmp_path / "b.csv", delimiter=",", skiprows=1)
    np.testing.assert_array_equal(back[:, 0], values)
    np.testing.assert_array_equal(back[:, 1].astype(np.float32), values.astype(np.float32))


def test_a_file_is_whole_or_not_there(tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("before")

    def broken():
        yield "half"
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        write_whole(path, broken())
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["out.csv"]
    write_whole(path, ["after"])
    assert path.read_text() == "after"
    assert os.listdir(tmp_path) == ["out.csv"]
    with pytest.raises(FileNotFoundError):
        small().to_csv(tmp_path / "missing" / "out.csv")
    with pytest.raises(IsADirectoryError if sys.platform != "win32" else OSError):
        small().to_csv(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="links and devices of POSIX")
def test_links_and_devices_stay_what_they_are(tmp_path):
    real, link = tmp_path / "real.csv", tmp_path / "link.csv"
    real.write_text("")
    link.symlink_to(real)
    small().to_csv(link)
    assert link.is_symlink()
    assert real.read_text() == small().to_csv()
    small().to_csv("/dev/null")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
