"""Rarity (Han et al. 2023, "Rarity Score: A New Metric to Evaluate the Uncommonness of
Synthesized Images", ICLR).

Around every real point lies a ball that reaches to its k-th real neighbour: small where data is dense, large
where it is rare. The rarity of a fake is the radius of the smallest ball it lies in. A fake outside
all balls has none: it is not rare but foreign. The mean is over the fakes inside; the share of the others
stands beside it.

As published a ball does not hold its boundary (`closed=False`): d(G_j, R_i) < r_k(i). The published code
gives the fakes outside the score 0, which averages away what it says; here they have no score (NaN).
"""

from __future__ import annotations

import math

import numpy as np

from ..results import Key
from ._family import Balls, Family, Found, Needs, Options, Outcome, mean

NAME = "rarity"


def needs(n: int, m: int, options: Options) -> Needs:
    balls = Balls(options["nearest_k"], options["closed"])
    return Needs(own_real=frozenset({balls.nearest_k}), least_radius=frozenset({balls}))


def formula(found: Found, options: Options) -> Outcome:
    least = found.least_radius[Balls(options["nearest_k"], options["closed"])]
    inside = np.isfinite(least)
    count = int(np.count_nonzero(inside))
    outcome = Outcome(
        {
            "rarity": mean(least[inside]) if count else math.nan,
            "share_outside": (found.m - count) / found.m,
        },
        samples={"rarity": np.where(inside, least, np.nan)},
    )
    if not count:
        outcome.notes.append("rarity: no fake lies in a real ball, so there is nothing to average")
    return outcome


FAMILY = Family(
    NAME,
    keys=(
        Key(
            "rarity",
            NAME,
            None,
            (0.0, float("inf")),
            "mean radius of the smallest real ball around each fake that is in one",
        ),
        Key("share_outside", NAME, "lower", (0.0, 1.0), "share of fakes that lie in no real ball"),
    ),
    defaults={"nearest_k": 3, "closed": False},
    needs=needs,
    formula=formula,
)
