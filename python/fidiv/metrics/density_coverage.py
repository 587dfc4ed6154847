"""Density and coverage (Naeem, Oh, Uh, Choi and Yoo 2020, "Reliable Fidelity and Diversity Metrics for
Generative Models", ICML).

Around every real point lies a ball that reaches to its k-th real neighbour. The density of a fake is the
number of these balls it lies in, divided by k; density is the mean. Coverage is the share of real balls that
hold at least one fake: d(R_i, nearest fake) <= r_k(i).

When both sets come from one continuous law, density is 1 on average whatever n, m, k and the dimension, and
coverage is 1 - prod_{i=1..k} (n - i) / (n + m - i) (Lemma 2), which is `expected_coverage`.

Counted at the reals instead: N_i fakes lie within r_k(i), together with k - 1 reals nearer than the k-th, so
(n / m) N_i / (k - 1 + 1) is a neighbour ratio (`fidiv.entropy.renyi_divergence_result`), an estimate of fake
over real density at R_i, and density is its mean over the reals. That mean tends to the mass of the fakes
on the support of the reals, whatever the laws are there: density near 1 says that fakes lie where real data
is, not that they are distributed like it. Coverage is the share of reals at which the ratio is not 0.
"""

from __future__ import annotations

from ..results import Key
from ._family import Balls, Family, Found, Needs, Options, Outcome, share
from ._laws import chance_of_any

NAME = "density_coverage"


def needs(n: int, m: int, options: Options) -> Needs:
    k, closed = options["nearest_k"], options["closed"]
    return Needs(
        own_real=frozenset({k}), fakes_counted=frozenset({Balls(k, closed)}), real_to_fake=frozenset({1})
    )


def formula(found: Found, options: Options) -> Outcome:
    k, closed = options["nearest_k"], options["closed"]
    counts, radii, nearest = found.fakes_counted[Balls(k, closed)], found.own_real[k], found.real_to_fake[1]
    mask = nearest <= radii if closed else nearest < radii
    return Outcome(
        {
            # One division of an exact count, so that the value does not depend on the order of the points.
            "density": int(counts.sum()) / (k * found.m),
            "coverage": share(mask),
            "expected_coverage": chance_of_any(found.n, found.m, k),
        },
        samples={"density": counts / k, "coverage_mask": mask},
    )


FAMILY = Family(
    NAME,
    keys=(
        Key("density", NAME, "one", (0.0, float("inf")), "how densely real data surrounds the fakes", 1.0),
        Key(
            "coverage",
            NAME,
            "higher",
            (0.0, 1.0),
            "share of real neighbourhoods that hold a fake",
            "expected_coverage",
        ),
        Key("expected_coverage", NAME, None, (0.0, 1.0), "coverage if both sets came from one law"),
    ),
    defaults={"nearest_k": 5, "closed": True},
    needs=needs,
    formula=formula,
    of_reals=("coverage_mask",),
)
