"""Exact copies and repeats."""

from __future__ import annotations

import numpy as np
import oracle
import pytest
from factories import ADVERSARIES, adversaries, gaussian

import fidiv


@pytest.mark.parametrize("name", ADVERSARIES)
def test_equal_to_the_oracle(name):
    real, fake = adversaries(9)[name]
    got, expected = fidiv.copies(real, fake), oracle.copies(real, fake)
    assert set(got) == {"exact_copies", "duplicates_in_fake", "duplicates_in_real"}
    for key in got:
        assert got[key] == expected[key], key
    np.testing.assert_array_equal(got.samples["copy_of"], expected["copy_of"], strict=True)


def test_by_hand():
    real = np.array([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0], [5.0, 6.0]])
    fake = np.array([[3.0, 4.0], [1.0, 2.0], [0.0, 0.0], [0.0, 0.0], [0.0, -0.0]])
    got = fidiv.copies(real, fake)
    assert dict(got) == {"exact_copies": 0.4, "duplicates_in_fake": 0.4, "duplicates_in_real": 0.25}
    np.testing.assert_array_equal(got.samples["copy_of"], [1, 0, -1, -1, -1])


def test_a_copy_is_a_copy_to_the_last_bit():
    x = gaussian(50, 40, 1)
    y = x.copy()
    assert fidiv.copies(x, y).exact_copies == 1.0
    y[:, 7] = np.nextafter(y[:, 7], np.inf)
    assert fidiv.copies(x, y).exact_copies == 0.0


def test_rounding_to_float32_is_no_copy_of_float64():
    x = gaussian(50, 40, 1)
    assert fidiv.copies(x, x.astype(np.float32)).exact_copies == 0.0
    assert fidiv.copies(x.astype(np.float32), x.astype(np.float32).astype(np.float64)).exact_copies == 1.0


def test_one_point_each():
    assert fidiv.copies([[1.0]], [[1.0]]).exact_copies == 1.0
    assert dict(fidiv.copies([[1.0]], [[2.0]])) == {
        "exact_copies": 0.0,
        "duplicates_in_fake": 0.0,
        "duplicates_in_real": 0.0,
    }
