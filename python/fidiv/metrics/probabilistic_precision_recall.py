"""Probabilistic precision and recall (Park and Kim 2023, "Probabilistic Precision and Recall Towards Reliable
Evaluation of Generative Models", ICCV).

One radius for a whole set, rho = scale x mean of r_k(i), and no hard balls: a real point at distance d from a
fake covers it with probability 1 - min(1, d / rho), each point independently of the others. So a fake is
covered with probability

    1 - prod_i min(1, d(G_j, R_i) / rho),

and probabilistic precision is the mean over the fakes. Recall is the same with the sets swapped and the
fakes' own radius. A fake that equals a real is covered for certain.
"""

from __future__ import annotations

from ..results import Key
from ._family import Family, Found, Needs, Options, Outcome, mean

NAME = "probabilistic_precision_recall"


def needs(n: int, m: int, options: Options) -> Needs:
    k, scale = options["nearest_k"], options["scale"]
    product = frozenset({(k, scale)})
    return Needs(
        own_real=frozenset({k}), own_fake=frozenset({k}), fake_products=product, real_products=product
    )


def formula(found: Found, options: Options) -> Outcome:
    which = options["nearest_k"], options["scale"]
    # A product below 2^-54 may be given as any number below it, or as 0: taken from 1 it leaves 1 all the
    # same.
    precision, recall = 1.0 - found.fake_products[which], 1.0 - found.real_products[which]
    return Outcome(
        {"p_precision": mean(precision), "p_recall": mean(recall)},
        samples={"p_precision": precision, "p_recall": recall},
    )


FAMILY = Family(
    NAME,
    keys=(
        Key("p_precision", NAME, "higher", (0.0, 1.0), "mean probability that real data covers a fake"),
        Key("p_recall", NAME, "higher", (0.0, 1.0), "mean probability that fake data covers a real"),
    ),
    defaults={"nearest_k": 4, "scale": 1.2},
    needs=needs,
    formula=formula,
    of_reals=("p_recall",),
)
