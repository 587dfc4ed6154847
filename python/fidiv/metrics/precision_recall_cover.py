"""Precision cover and recall cover (Cheema and Urner 2023, "Precision Recall Cover: A Method For Assessing
Generative Models", AISTATS), in the letters of Fox, Swarup and Adiga 2025 (eq. 5 and 6).

A fake is good when the ball that reaches to its K-th fake neighbour holds at least c reals; precision cover
is the share of good fakes. Recall cover is the same with the sets swapped: balls of reals, counts of fakes.
Here K is `ball_k` and c is `min_count`.

"At least c points of the other set lie within s_K(j)" is "the c-th nearest of them is within s_K(j)", so
nothing but own and cross neighbours is needed.

When both sets come from one continuous law, the number J of points of the other set (size M) in the ball of
the K-th neighbour within an own set of size N is Beta-binomial(M; K, N - K), so the expected value is

    P(J >= c) = 1 - sum_{t < c} C(M, t) B(K + t, N - K + M - t) / B(K, N - K),

exactly, for any dimension. It is not 1. The threshold is meant for sets of equal size: with n != m both
values move with the ratio, and only the comparison with the expected values says something.

With N_j reals within s_K(j), and K - 1 fakes nearer than the K-th, (m / n) N_j / (K - 1 + 1) is a neighbour
ratio (`fidiv.entropy.renyi_divergence_result`), an estimate of real over fake density at G_j: precision
cover is the share of fakes at which it is at least (m / n) c / K.
"""

from __future__ import annotations

import math

import numpy as np

from ..results import Key
from ._family import Family, Floats, Found, Needs, Options, Outcome, share
from ._laws import chances

NAME = "precision_recall_cover"


def needs(n: int, m: int, options: Options) -> Needs:
    k, count = options["ball_k"], options["min_count"]
    return Needs(
        own_real=frozenset({k}),
        own_fake=frozenset({k}),
        # A count above the size of the other set is never reached; there is no such neighbour to ask for.
        fake_to_real=frozenset({count} if count <= n else ()),
        real_to_fake=frozenset({count} if count <= m else ()),
    )


def expected_cover(own: int, other: int, ball_k: int, min_count: int) -> float:
    """P(J >= min_count) for J ~ Beta-binomial(other; ball_k, own - ball_k); own > ball_k."""
    if min_count > other:
        return 0.0
    below = math.fsum(chances(own, other, ball_k, min_count))
    return min(1.0, max(0.0, 1.0 - below))


def formula(found: Found, options: Options) -> Outcome:
    k, count, closed = options["ball_k"], options["min_count"], options["closed"]

    def reached(distances: dict[int, Floats], radii: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        if count not in distances:
            return np.zeros(len(radii), dtype=np.bool_)
        return distances[count] <= radii if closed else distances[count] < radii

    precision_mask = reached(found.fake_to_real, found.own_fake[k])
    recall_mask = reached(found.real_to_fake, found.own_real[k])
    outcome = Outcome(
        {
            "precision_cover": share(precision_mask),
            "recall_cover": share(recall_mask),
            "expected_precision_cover": expected_cover(found.m, found.n, k, count),
            "expected_recall_cover": expected_cover(found.n, found.m, k, count),
        },
        samples={"precision_cover_mask": precision_mask, "recall_cover_mask": recall_mask},
    )
    if found.n != found.m:
        outcome.notes.append(
            f"precision_cover, recall_cover: {found.n} real and {found.m} fake points; the threshold "
            f"min_count={count} in balls of ball_k={k} is meant for n = m; compare with the expected values"
        )
    return outcome


FAMILY = Family(
    NAME,
    keys=(
        Key(
            "precision_cover",
            NAME,
            "higher",
            (0.0, 1.0),
            "share of fake balls that hold enough reals",
            "expected_precision_cover",
        ),
        Key(
            "recall_cover",
            NAME,
            "higher",
            (0.0, 1.0),
            "share of real balls that hold enough fakes",
            "expected_recall_cover",
        ),
        Key(
            "expected_precision_cover",
            NAME,
            None,
            (0.0, 1.0),
            "precision_cover if both sets came from one law",
        ),
        Key("expected_recall_cover", NAME, None, (0.0, 1.0), "recall_cover if both sets came from one law"),
    ),
    defaults={"ball_k": 15, "min_count": 5, "closed": True},
    needs=needs,
    formula=formula,
    of_reals=("recall_cover_mask",),
    k_option="ball_k",
)
