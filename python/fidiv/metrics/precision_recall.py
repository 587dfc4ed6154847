"""Improved precision and recall (Kynkäänniemi, Karras, Laine, Lehtinen and Aila 2019, "Improved Precision
and Recall Metric for Assessing Generative Models", NeurIPS), with the realism score of the same paper (eq.
3).

Around every real point lies a ball that reaches to its k-th real neighbour; the union of the balls stands
for the support of the data. Precision is the share of fakes in it (eq. 1, 2). Recall is the same with the
sets swapped.

The realism of a fake is the largest r_k(i) / d(G_j, R_i) over the real points whose ball is not larger than
the median: at least 1 means inside such a ball, a copy of a point with a ball of positive radius has
infinity.
"""

from __future__ import annotations

from ..results import Key
from ._family import Balls, Family, Found, Needs, Options, Outcome, share

NAME = "precision_recall"


def needs(n: int, m: int, options: Options) -> Needs:
    k, balls = options["nearest_k"], frozenset({Balls(options["nearest_k"], options["closed"])})
    asked = Needs(
        own_real=frozenset({k}),
        own_fake=frozenset({k}),
        fakes_covered=balls,
        reals_covered=balls,
    )
    if options.get("samples", True):
        asked |= Needs(realism=frozenset({k}), fake_to_real=frozenset({1}), fake_to_real_neighbors=1)
    return asked


def f_score(precision: float, recall: float) -> float:
    """The harmonic mean; 0 when both are 0."""
    return 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0


def formula(found: Found, options: Options) -> Outcome:
    balls = Balls(options["nearest_k"], options["closed"])
    precision_mask, recall_mask = found.fakes_covered[balls], found.reals_covered[balls]
    precision, recall = share(precision_mask), share(recall_mask)
    outcome = Outcome({"precision": precision, "recall": recall, "f_score": f_score(precision, recall)})
    outcome.samples = {"precision_mask": precision_mask, "recall_mask": recall_mask}
    if options.get("samples", True):
        assert found.fake_to_real_neighbors is not None
        outcome.samples |= {
            "realism": found.realism[options["nearest_k"]],
            "nearest_real": found.fake_to_real_neighbors[:, 0].copy(),
            "nearest_real_distance": found.fake_to_real[1],
        }
    return outcome


FAMILY = Family(
    NAME,
    keys=(
        Key("precision", NAME, "higher", (0.0, 1.0), "share of fakes that lie where real data lies"),
        Key("recall", NAME, "higher", (0.0, 1.0), "share of reals that lie where fake data lies"),
        Key("f_score", NAME, "higher", (0.0, 1.0), "harmonic mean of precision and recall"),
    ),
    defaults={"nearest_k": 3, "closed": True},
    needs=needs,
    formula=formula,
    of_reals=("recall_mask",),
)
