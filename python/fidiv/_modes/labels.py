"""M0: the mode of every point, by one rule for counted reals and fakes.

Nothing is tested on points that had a hand in making the modes. Either both sets come with labels, and the
label is the mode. Or the reals are cut into two seeded halves, anchors A and counted C; modes are made of A
alone - its labels, or k-means - and every point of C and of the fakes takes the mode of its nearest anchor or
centre. If both laws are one, C and the fakes are then independent draws of one law given A, and the tests
that compare them are exact. (The nearest real's label held against the true labels of the reals is not the
same rule on both sides: a wide mode beside a dense one can then get a fifth of what it holds.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..metrics import Anchored, Further, Undefined
from . import centres
from .options import Options

Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]
Labels = NDArray[Any]

UNKNOWN = -1  # the mode of a fake whose label no real point has


@dataclass(frozen=True)
class Assigned:
    """The mode of each point, as a place in `names`."""

    names: tuple[Any, ...]
    of_reals: Integers  # (n,)
    of_fakes: Integers  # (m,), UNKNOWN where no real has that label
    counted: Mask  # (n,): the reals whose counts and spread are compared with the fakes'
    unknown: tuple[Any, ...]  # labels of fakes only
    of_unknown: Integers  # (m,): place in `unknown`, or -1
    rule: str


def assign(
    more: Further,
    anchored: Anchored,
    real_labels: Labels | None,
    fake_labels: Labels | None,
    options: Options,
) -> Assigned:
    """The mode of each point."""
    n, m = len(more.real), len(more.fake)
    nothing = np.full(m, -1, dtype=np.int64)
    of_fakes: Integers
    if real_labels is not None and fake_labels is not None:
        names, of_names = np.unique(real_labels, return_inverse=True)
        places = np.searchsorted(names, fake_labels)
        places[places == len(names)] = 0
        of_fakes = np.where(names[places] == fake_labels, places, UNKNOWN).astype(np.int64)
        strange, found = np.unique(fake_labels[of_fakes == UNKNOWN], return_inverse=True)
        nothing[of_fakes == UNKNOWN] = found
        return Assigned(
            tuple(names.tolist()),
            of_names.astype(np.int64),
            of_fakes,
            np.ones(n, dtype=np.bool_),
            tuple(strange.tolist()),
            nothing,
            "labels of both sets",
        )
    of_reals: Integers = np.empty(n, dtype=np.int64)
    counted = ~anchored.mask
    anchors = np.count_nonzero(anchored.mask)
    if real_labels is not None:
        names, of_names = np.unique(real_labels[anchored.mask], return_inverse=True)
        of_reals[anchored.mask] = of_names
        of_reals[counted] = of_reals[anchored.reals[1][counted]]
        of_fakes = of_reals[anchored.fakes[1]]
        labels, rule = tuple(names.tolist()), "label of the nearest anchor"
    else:
        if options.num_modes > anchors:
            raise Undefined(
                f"num_modes={options.num_modes} needs as many anchors, half of real_features; "
                f"there are {anchors}"
            )
        makers = more.real[anchored.mask]
        middle, of_reals[anchored.mask] = centres.fit(more, makers, options.num_modes, options.seed)
        of_reals[counted] = more.knn(more.real[counted], middle, 1)[1][:, 0]
        of_fakes = more.knn(more.fake, middle, 1)[1][:, 0]
        labels, rule = tuple(range(options.num_modes)), "nearest centre of k-means on the anchors"
    return Assigned(labels, of_reals, of_fakes, counted, (), nothing, rule)
