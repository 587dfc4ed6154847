"""Exact copies and repeats: what a generator must not produce, and what makes logarithms of distances
undefined.

A fake is a copy when a real lies at distance 0 from it; `copy_of` names the real with the smallest index, or
-1. A point is a repeat when an earlier row of its own set lies at distance 0: the first of a group of equal
rows is not counted.
"""

from __future__ import annotations

import numpy as np

from ..results import Key
from ._family import Family, Found, Needs, Options, Outcome, share

NAME = "copies"


def needs(n: int, m: int, options: Options) -> Needs:
    return Needs(repeats=True, fake_to_real=frozenset({1}), fake_to_real_neighbors=1)


def formula(found: Found, options: Options) -> Outcome:
    assert found.fake_to_real_neighbors is not None
    assert found.real_repeats is not None
    assert found.fake_repeats is not None
    # Neighbours are ordered by (distance, index): the nearest at distance 0 is the copied row of smallest
    # index.
    copied = found.fake_to_real[1] == 0
    return Outcome(
        {
            "exact_copies": share(copied),
            "duplicates_in_fake": share(found.fake_repeats),
            "duplicates_in_real": share(found.real_repeats),
        },
        samples={"copy_of": np.where(copied, found.fake_to_real_neighbors[:, 0], -1)},
    )


FAMILY = Family(
    NAME,
    keys=(
        Key("exact_copies", NAME, "lower", (0.0, 1.0), "share of fakes that equal a real point"),
        Key("duplicates_in_fake", NAME, "lower", (0.0, 1.0), "share of fakes that repeat an earlier fake"),
        Key("duplicates_in_real", NAME, None, (0.0, 1.0), "share of reals that repeat an earlier real"),
    ),
    defaults={},
    needs=needs,
    formula=formula,
)
