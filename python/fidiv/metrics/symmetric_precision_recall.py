"""Symmetric precision and recall (Khayatkhoei and AbdAlmageed 2023, "Emergent Asymmetry of Precision and
Recall for Measuring Fidelity and Diversity of Generative Models in High Dimensions", ICML).

In many dimensions precision (are the fakes in balls of reals?) and recall judge differently a fake support
that is slightly too large and one that is slightly too small. Each has a complement that errs the other way:

    complement precision   share of fake balls that hold at least one real: nu_1(j) < s_k(j)
    complement recall      share of real balls that hold at least one fake, which is coverage

and the symmetric values are the smaller ones: sym_precision = min(precision, complement precision) and
sym_recall = min(recall, coverage), all with the same k.

When both sets come from one continuous law the complement precision is coverage with the sets swapped, so
its expected value is 1 - prod_{i=1..k} (m - i) / (n + m - i), exactly. No such law is known of precision and
recall, nor then of the minimum.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..results import Key
from ._family import Balls, Family, Floats, Found, Needs, Options, Outcome, share
from ._laws import chance_of_any

NAME = "symmetric_precision_recall"


def needs(n: int, m: int, options: Options) -> Needs:
    k, first = options["nearest_k"], frozenset({1})
    balls = frozenset({Balls(k, options["closed"])})
    return Needs(
        own_real=frozenset({k}),
        own_fake=frozenset({k}),
        fake_to_real=first,
        real_to_fake=first,
        fakes_covered=balls,
        reals_covered=balls,
    )


def formula(found: Found, options: Options) -> Outcome:
    k, closed = options["nearest_k"], options["closed"]
    balls = Balls(k, closed)

    def holds_one(nearest: Floats, radii: Floats) -> NDArray[np.bool_]:
        return nearest <= radii if closed else nearest < radii

    fake_balls = holds_one(found.fake_to_real[1], found.own_fake[k])
    real_balls = holds_one(found.real_to_fake[1], found.own_real[k])
    precision, recall = share(found.fakes_covered[balls]), share(found.reals_covered[balls])
    complement = share(fake_balls)
    return Outcome(
        {
            "sym_precision": min(precision, complement),
            "sym_recall": min(recall, share(real_balls)),
            "complement_precision": complement,
            "expected_complement_precision": chance_of_any(found.m, found.n, k),
        },
        samples={"complement_precision_mask": fake_balls},
    )


FAMILY = Family(
    NAME,
    keys=(
        Key(
            "sym_precision",
            NAME,
            "higher",
            (0.0, 1.0),
            "the smaller of precision and complement_precision, strict balls",
        ),
        Key("sym_recall", NAME, "higher", (0.0, 1.0), "the smaller of recall and coverage, strict balls"),
        Key(
            "complement_precision",
            NAME,
            "higher",
            (0.0, 1.0),
            "share of fake neighbourhoods that hold a real",
            "expected_complement_precision",
        ),
        Key(
            "expected_complement_precision",
            NAME,
            None,
            (0.0, 1.0),
            "complement_precision if both sets came from one law",
        ),
    ),
    defaults={"nearest_k": 5, "closed": False},
    needs=needs,
    formula=formula,
)
