"""Kullback-Leibler and Rényi divergences from the radii that the other metrics need anyway.

KL(R || G) = E_R ln(r / g) by Wang, Kulkarni and Verdú 2009: (d / n) sum_i ln(mu_k(i) / r_k(i)) + ln(m / (n -
1)), and the same with the sets swapped. With the same k it equals `rce` of the cross-entropies, and the
other one `pce` - `re`.

The Rényi divergence of order alpha, ln(E_R (r / g)^(alpha - 1)) / (alpha - 1), by Póczos and Schneider 2011,
"On the estimation of alpha-divergences", AISTATS. Order 1/2 is the one that is the same in both directions:
-2 ln of the Bhattacharyya coefficient.

All multiply logarithms of radii by the number of columns: for features near a set of lower dimension read
`cross_entropies` first.
"""

from __future__ import annotations

import math

import numpy as np

from .._ratios import by_radii
from ..results import Key
from ._family import Family, Floats, Found, Needs, Options, Outcome, Undefined

NAME = "divergences"


def needs(n: int, m: int, options: Options) -> Needs:
    k, alpha = options["nearest_k"], options["alpha"]
    if k <= abs(alpha - 1):
        raise Undefined(f"nearest_k must be above abs(alpha - 1), got {k} with alpha={alpha!r}")
    one = frozenset({k})
    return Needs(own_real=one, own_fake=one, fake_to_real=one, real_to_fake=one)


def _zeros(distances: Floats, what: str) -> str | None:
    """Why logarithms of these distances have no mean."""
    zeros = np.flatnonzero(distances == 0)
    if not len(zeros):
        return None
    return (
        f"{len(zeros)} of {len(distances)} distances {what} are zero, the first at row {zeros[0]}, and the "
        "logarithm of zero is not finite"
    )


def formula(found: Found, options: Options) -> Outcome:
    k, alpha = options["nearest_k"], options["alpha"]
    outcome = Outcome()
    sides = (
        ("real_fake", found.own_real[k], found.real_to_fake[k], found.n, found.m, "reals", "fakes"),
        ("fake_real", found.own_fake[k], found.fake_to_real[k], found.m, found.n, "fakes", "reals"),
    )
    for name, own, cross, size, other, points, others in sides:
        reason = _zeros(own, f"within the {points}") or _zeros(cross, f"from {points} to {others}")
        if reason:
            outcome.undefined |= {f"kl_{name}": reason, f"renyi_{name}": reason}
            continue
        for kind, order in (("kl", 1.0), ("renyi", alpha)):
            value, _, log_ratio = by_radii(own, cross, size, other, float(found.d), order, k)
            outcome.values[f"{kind}_{name}"] = value
        outcome.samples[f"log_ratio_{name}"] = log_ratio
    return outcome


def _keys() -> tuple[Key, ...]:
    texts = {
        "kl_real_fake": "Kullback-Leibler divergence of the fakes' law from the reals': what is missing",
        "kl_fake_real": "Kullback-Leibler divergence of the reals' law from the fakes': what is invented",
        "renyi_real_fake": "Rényi divergence, seen from the reals",
        "renyi_fake_real": "Rényi divergence, seen from the fakes",
    }
    return tuple(Key(name, NAME, "lower", (-math.inf, math.inf), text) for name, text in texts.items())


FAMILY = Family(
    NAME,
    keys=_keys(),
    defaults={"nearest_k": 5, "alpha": 0.5},
    needs=needs,
    formula=formula,
    of_reals=("log_ratio_real_fake",),
)
