"""What a family needs at given sizes, or the sentence that says why it has no value there."""

from __future__ import annotations

from typing import NamedTuple

from ._inputs import Sized, check_fits
from .metrics import Family, Needs, Options


class Size(NamedTuple):
    """A set that is thought of: a part of another one."""

    shape: tuple[int, int]
    name: str


def family_needs(
    family: Family,
    options: Options,
    real: Sized,
    fake: Sized,
    holdout: Sized | None = None,
) -> Needs:
    """What the family needs. ValueError when there are too few points for it, or no holdout set."""
    needs = family.needs(real.shape[0], fake.shape[0], options)
    # How many neighbours there must be: in the own set, and for a point of the other one.
    of_real = [*needs.own_real, needs.real_list, needs.real_neighbors, *(k for k, _ in needs.fake_products)]
    of_fake = [*needs.own_fake, needs.fake_list, needs.fake_neighbors, *(k for k, _ in needs.real_products)]
    to_real = [*needs.fake_to_real, needs.fake_to_real_list, needs.fake_to_real_neighbors]
    to_fake = [*needs.real_to_fake, needs.real_to_fake_list, needs.real_to_fake_neighbors]
    for points, own, cross in ((real, of_real, to_real), (fake, of_fake, to_fake)):
        check_fits(points, max([0, *own]), own=True, option=family.k_option)
        check_fits(points, max([0, *cross]), own=False, option=family.k_option)
    if needs.holdout and holdout is None:
        raise ValueError(f"{family.name} needs holdout_features: real data the generator has not seen")
    if holdout is not None:
        for points in (real, holdout):
            check_fits(points, of_holdout(needs), own=False, option=family.k_option)
    return needs


def of_holdout(needs: Needs) -> int:
    """How many neighbours are asked of the holdout set, where there is one."""
    return max(needs.holdout, needs.holdout_if_given)
