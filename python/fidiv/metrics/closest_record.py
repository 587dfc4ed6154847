"""Distance to the closest record, the ratio of the two smallest distances, and whether the fakes are nearer
to the training data than to data that the generator has not seen.

The distance of a fake to its closest real (DCR) and the ratio d1 / d2 of the distances to its two closest
reals (NNDR) are the usual first look at memorisation: a copy has DCR 0, a near-copy has NNDR near 0. Neither
says by itself what is too near. A holdout set does: records that the generator has not seen, from the same
law as the reals.

Each fake gives its vote to its closest record among the n reals and h holdout points; records at one
distance share it in equal parts. share_closer_to_training is the part of the votes that goes to reals. A
generator that has learnt the law but no record gives n / (n + h) on average.

How far from it is too far? Votes are not independent: a record in an empty region gets the votes of many
fakes (a hub), so a binomial test rejects far too often. But if the fakes know nothing of which records were
used for training, any choice of n records among the N = n + h is as likely as any other. With c_r the votes
of record r, the votes S of n records drawn at random have

    mean  n (m / N),   variance  n h / (N (N - 1)) * sum_r (c_r - m / N)^2,

exactly. p_value is the chance of a share at least as large as the one found (one-sided: larger is what
memorising makes), by the normal law with this mean and variance. It is 1 when all records have equal votes.
"""

from __future__ import annotations

import math

import numpy as np

from ..results import Key
from ._family import Family, Floats, Found, Needs, Options, Outcome, Undefined

NAME = "closest_record"
COMPARED = ("share_closer_to_training", "expected_share", "p_value")
ENOUGH = 10.0  # equal votes with chance 1/2 each that are as far from the normal law as these may be


def needs(n: int, m: int, options: Options) -> Needs:
    if n < 2:
        raise Undefined(f"closest_record compares the two closest reals: it needs 2 reals, got {n}")
    return Needs(fake_to_real_list=2, fake_to_real_neighbors=2, holdout_if_given=2)


def votes(found: Found) -> Floats:
    """How many fakes each record is the closest of: the n reals, then the h holdout points."""
    assert found.fake_to_real_list is not None
    assert found.fake_to_real_neighbors is not None
    assert found.fake_to_holdout is not None
    further, n, h = found.further, found.n, found.h
    assert further.holdout is not None
    real, holdout = found.fake_to_real_list, found.fake_to_holdout[0]
    least = np.minimum(real[:, 0], holdout[:, 0])
    tied = np.count_nonzero(np.column_stack([real[:, :2], holdout[:, :2]]) == least[:, None], axis=1) > 1
    to_real = ~tied & (real[:, 0] == least)
    to_holdout = ~tied & (holdout[:, 0] == least)
    counts = np.zeros(n + h)
    counts[:n] = np.bincount(found.fake_to_real_neighbors[to_real, 0], minlength=n)
    counts[n:] = np.bincount(found.fake_to_holdout[1][to_holdout, 0], minlength=h)
    if tied.any():
        # The records that tie lie in the closed ball around the fake. Fakes with equally many of them give
        # equal parts, so whole counts are added, one group at a time, in ascending order.
        centers, radii = np.ascontiguousarray(further.fake[tied]), np.ascontiguousarray(least[tied])
        many = further.count_within(centers, radii, further.real)
        many = many + further.count_within(centers, radii, further.holdout)
        for parts in np.unique(many):
            group = many == parts
            some, reach = centers[group], radii[group]
            counts[:n] += further.covered_by(further.real, some, reach) / parts
            counts[n:] += further.covered_by(further.holdout, some, reach) / parts
    return counts


def p_value(counts: Floats, n: int) -> tuple[float, float]:
    """The chance that n records drawn at random have at least the votes of the first n, by the normal law;
    and how good the normal law is, as a number of equal votes.

    The error of the normal law goes with the third absolute moments over the power 3/2 of the second ones
    (Berry and Esseen); e equal votes that are for or against with chance 1/2 have e^(-1/2).
    """
    total = len(counts)
    h = total - n
    even = math.fsum(counts) / total
    away = np.abs(counts - even)
    spread = math.fsum(away**2)
    if spread == 0:
        return 1.0, math.inf
    variance = n * h / (total * (total - 1)) * spread
    z = (math.fsum(counts[:n]) - n * even) / math.sqrt(variance)
    q = n / total
    third = math.fsum(away**3) * q * (1 - q) * (q**2 + (1 - q) ** 2)
    return math.erfc(z / math.sqrt(2)) / 2, (spread * q * (1 - q)) ** 3 / third**2


def formula(found: Found, options: Options) -> Outcome:
    assert found.fake_to_real_list is not None
    assert found.fake_to_real_neighbors is not None
    first, second = found.fake_to_real_list[:, 0].copy(), found.fake_to_real_list[:, 1]
    ratios = np.ones(found.m)  # both at distance 0: no nearer to the one than to the other
    np.divide(first, second, out=ratios, where=second > 0)
    outcome = Outcome(
        {"dcr_median": float(np.median(first)), "nndr_median": float(np.median(ratios))},
        samples={
            "nearest_real": found.fake_to_real_neighbors[:, 0].copy(),
            "nearest_real_distance": first,
            "nndr": ratios,
        },
    )
    if found.fake_to_holdout is None:
        outcome.values |= dict.fromkeys(COMPARED, math.nan)
        outcome.notes.append(
            f"{', '.join(COMPARED)}: there are no holdout_features to compare with, real data that the "
            "generator has not seen"
        )
        return outcome
    counts = votes(found)
    chance, worth = p_value(counts, found.n)
    outcome.values |= {
        "share_closer_to_training": min(1.0, math.fsum(counts[: found.n]) / found.m),
        "expected_share": found.n / (found.n + found.h),
        "p_value": chance,
    }
    outcome.samples["nearest_holdout_distance"] = found.fake_to_holdout[0][:, 0].copy()
    if worth < ENOUGH:
        outcome.notes.append(
            "p_value: few records have most of the votes, or there are few of one kind; the normal law is a "
            "rough guide then"
        )
    return outcome


FAMILY = Family(
    NAME,
    keys=(
        Key(
            "dcr_median",
            NAME,
            None,
            (0.0, math.inf),
            "median distance of a fake to its closest real",
        ),
        Key(
            "nndr_median",
            NAME,
            None,
            (0.0, 1.0),
            "median ratio of the distances of a fake to its two closest reals",
        ),
        Key(
            "share_closer_to_training",
            NAME,
            "lower",
            (0.0, 1.0),
            "share of fakes whose closest record is a training one, not a holdout one",
            "expected_share",
        ),
        Key(
            "expected_share",
            NAME,
            None,
            (0.0, 1.0),
            "share_closer_to_training if no record is remembered",
        ),
        Key(
            "p_value",
            NAME,
            None,
            (0.0, 1.0),
            "chance of so large a share_closer_to_training if no record is remembered",
        ),
    ),
    defaults={},
    needs=needs,
    formula=formula,
)
