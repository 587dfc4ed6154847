"""Authenticity in percent (Alaa et al. 2022, as computed by Stein et al. 2023, "Exposing flaws of generative
model evaluation metrics and their unfair treatment of diffusion models", NeurIPS) and identifiability (Yoon,
Drumright and van der Schaar 2020, "Anonymization through data synthesis using generative adversarial
networks", IEEE JBHI).

A fake is authentic when it lies farther from its nearest real than that real from its own nearest real:
r_1(i) < d(G_j, R_i). A real is identifiable when a fake lies nearer than any other real: mu_1(i) < r_1(i).
Both comparisons are strict, so a copy is never authentic, and a copy of a real that has a twin does not
identify it. Of several nearest reals the one with the smallest index counts.

Neither is 100 or 0 for honest fakes. What a fresh draw of the law would give is known:

* authpct. A fake is not authentic when it and its nearest real are each other's nearest neighbour. The reals
  tell how often that happens among points of this law: expected_authpct = 100 (1 - share of reals i that are
  a nearest neighbour of their own nearest neighbour). This is the value that each real gets as the only fake
  among the others, averaged. It is 33.3 in one dimension, 37.9 in two, 40.7 in three, and tends to 50: the
  often subtracted 50 is right in many intrinsic dimensions only.
* identifiability. The nearest of n - 1 + m points is a fake: expected_identifiability = m / (n + m - 1).
"""

from __future__ import annotations

import numpy as np

from ..results import Key
from ._family import Family, Floats, Found, Needs, Options, Outcome, Undefined, share

NAME = "authenticity"


def needs(n: int, m: int, options: Options) -> Needs:
    if n < 2:
        raise Undefined(f"authenticity compares with the nearest other real: it needs 2 reals, got {n}")
    first = frozenset({1})
    return Needs(
        own_real=first,
        real_neighbors=1,
        fake_to_real=first,
        fake_to_real_neighbors=1,
        real_to_fake=first,
    )


def ratios(distances: Floats, radii: Floats) -> Floats:
    """distance / radius; 0 for a copy, even of a real that has a twin, else infinite where the radius is
    0.
    """
    found = np.where(distances > 0, np.inf, 0.0)
    with np.errstate(over="ignore", under="ignore"):
        np.divide(distances, radii, out=found, where=radii > 0)
    return found


def formula(found: Found, options: Options) -> Outcome:
    assert found.fake_to_real_neighbors is not None
    assert found.real_neighbors is not None
    radii, distances = found.own_real[1], found.fake_to_real[1]
    nearest = found.fake_to_real_neighbors[:, 0].copy()
    authentic = radii[nearest] < distances
    # Equal radii: no point is nearer to the neighbour, another may be as near (twins of twins).
    mutual = radii[found.real_neighbors[:, 0]] == radii
    alone = found.n - int(np.count_nonzero(mutual))
    return Outcome(
        {
            "authpct": 100 * share(authentic),
            "expected_authpct": 100 * (alone / found.n),
            "identifiability": share(found.real_to_fake[1] < radii),
            "expected_identifiability": found.m / (found.n + found.m - 1),
        },
        samples={
            "authentic": authentic,
            "nearest_real": nearest,
            "distance_ratio": ratios(distances, radii[nearest]),
        },
    )


FAMILY = Family(
    NAME,
    keys=(
        Key(
            "authpct",
            NAME,
            "higher",
            (0.0, 100.0),
            "percent of fakes farther from their nearest real than that from its nearest other real",
            "expected_authpct",
        ),
        Key(
            "expected_authpct",
            NAME,
            None,
            (0.0, 100.0),
            "authpct of fresh points of the law of the reals",
        ),
        Key(
            "identifiability",
            NAME,
            "lower",
            (0.0, 1.0),
            "share of reals that have a fake nearer than the nearest other real",
            "expected_identifiability",
        ),
        Key(
            "expected_identifiability",
            NAME,
            None,
            (0.0, 1.0),
            "identifiability if both sets came from one law",
        ),
    ),
    defaults={},
    needs=needs,
    formula=formula,
)
