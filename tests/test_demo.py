"""The demonstration: its data are what they are said to be, and its two sentences are true."""

from __future__ import annotations

from importlib import metadata, resources

import numpy as np
import pytest
from sklearn.datasets import load_digits

import fidiv
from fidiv import _plan, demo


@pytest.fixture(scope="module")
def sets():
    return demo.generators()


@pytest.fixture(scope="module")
def results(sets):
    return _plan.evaluate_many(*sets)


def test_the_digits_are_the_published_ones():
    features, labels = demo.digits()
    published = load_digits()
    np.testing.assert_array_equal(features, published.data)
    np.testing.assert_array_equal(labels, published.target)
    assert features.dtype == labels.dtype == np.uint8


def test_the_data_are_small_and_credited():
    folder = resources.files("fidiv") / "data"
    assert len((folder / "digits.npz").read_bytes()) < 200_000
    credit = (folder / "digits-licence.txt").read_text(encoding="utf-8")
    for word in ("Alpaydin", "Kaynak", "CC BY 4.0", "UCI", "changed"):
        assert word in credit


def test_authors_and_licences_are_in_the_metadata_of_the_package():
    texts = [
        file.read_text()
        for file in metadata.files("fidiv") or []
        if "licenses" in file.parts and file.suffix != ".json"
    ]
    if not texts:
        pytest.skip("installed in a way that leaves the licence files where they are")
    assert any("the fidiv authors" in text for text in texts)
    assert any("Alpaydin" in text for text in texts)


def test_the_sets_are_what_the_help_says(sets):
    reference, fakes = sets
    assert list(fakes) == ["held out", "gaussian", "no 8, 9", "copier"]
    assert reference.shape == (898, 64)
    pixels, labels = demo.digits()
    label_of = {row.tobytes(): label for row, label in zip(pixels.astype(np.float32), labels, strict=True)}
    assert {label_of[row.tobytes()] for row in reference} == set(range(10))
    seen = {row.tobytes() for row in reference}
    assert not any(row.tobytes() in seen for row in fakes["held out"])
    assert all(row.tobytes() in seen for row in fakes["copier"])
    for fake in fakes.values():
        assert fake.shape == reference.shape
        assert fake.min() >= 0
        assert fake.max() <= 16
        np.testing.assert_array_equal(fake, np.rint(fake))


def test_the_same_sets_each_time(sets):
    again = demo.generators()
    np.testing.assert_array_equal(sets[0], again[0])
    for name in sets[1]:
        np.testing.assert_array_equal(sets[1][name], again[1][name])


def test_each_column_is_what_evaluate_gives(sets, results):
    reference, fakes = sets
    for name, fake in fakes.items():
        alone = fidiv.evaluate(reference, fake)
        assert results[name].to_dict() == alone.to_dict()
        for key, values in alone.samples.items():
            np.testing.assert_array_equal(results[name].samples[key], values)


def test_the_results_show_what_the_demo_is_for(results):
    held_out, gaussian, dropped, copier = (results[name] for name in results)
    assert held_out.coverage == pytest.approx(held_out.expected["coverage"], abs=0.03)
    assert dropped.coverage < gaussian.coverage - 0.1
    assert dropped.recall < gaussian.recall - 0.05
    assert abs(dropped.precision - gaussian.precision) < 0.05  # "hardly shows in precision"
    assert copier.exact_copies == 1
    assert held_out.exact_copies == gaussian.exact_copies == dropped.exact_copies == 0
    assert copier.frechet_distance < held_out.frechet_distance
    assert copier.precision == 1


def test_two_sentences_with_the_numbers_of_the_table(results):
    text = " ".join(demo.story(results).split())
    assert text.count(". ") == 1
    assert text.endswith(".")
    for name, key in (("gaussian", "recall"), ("no 8, 9", "recall"), ("copier", "exact_copies")):
        assert f"{results[name][key]:.2f}" in text or f"{results[name][key]:.0%}" in text


def test_the_whole_text():
    text = demo.run()
    assert max(map(len, text.splitlines())) <= 100
    for word in ("held out", "gaussian", "no 8, 9", "copier", "precision", "exact_copies", "CC BY 4.0"):
        assert word in text
