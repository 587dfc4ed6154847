"""What `evaluate` asks of the modes of each set of fakes, where labels are given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from .. import _core
from .._inputs import check_labels
from ..metrics import Found, Needs, Undefined
from . import Modes, Options, find
from . import needs as needs_of


@dataclass(frozen=True)
class Asked:
    """What the modes of one set of fakes are asked with, or why there is no answer."""

    needs: Needs
    options: Options
    labels: tuple[NDArray[Any] | None, NDArray[Any] | None]
    reason: str | None = None

    def find(self, found: Found) -> Modes | None:
        return None if self.reason else find(found, self.options, *self.labels)


def modes_asked(
    real: _core.Points,
    fakes: Iterable[str],
    sets: Sequence[_core.Points],
    real_labels: Any,
    fake_labels: Mapping[str, Any] | None,
    given: Mapping[str, Any],
) -> list[Asked | None]:
    """For each set of fakes, the modes where labels were given."""
    if real_labels is None and not fake_labels:
        return [None] * len(sets)
    options = Options(**given)
    wanted: list[Asked | None] = []
    for name, fake in zip(fakes, sets, strict=True):
        of_fake = (fake_labels or {}).get(name)
        labels = check_labels(real_labels, of_fake, real.shape[0], fake.shape[0])
        try:
            needs, reason = needs_of(real.shape[0], fake.shape[0], options), None
        except Undefined as error:
            needs, reason = Needs(), str(error)
        wanted.append(Asked(needs, options, labels, reason))
    return wanted
