"""Which fakes are not like real data, and which are copies, with a bound on how many of them are wrong.

The score of a point z against a reference set A (k-th neighbours, the point itself left out):

    unrealistic:  s(z) = nu_k(z; A) / r_k(a; A)     a: the point of A nearest to z; large is suspicious
    copied:       s(z) = nu_1(z; A) / nu_k(z; A)    small is suspicious; 0 is an exact copy

Divided by the radius of the nearest anchor, the first score asks how far a point lies for the place where it
lies: without that, the sparse regions of the data would fill the list of the worst. The second asks whether
one anchor (or a few equal ones, fewer than k) stands out as near among those around. It would be no good to
divide by the radius of the anchor there: in many dimensions a model that merely draws too narrowly around
the modes is nearer to all reals than fresh data are, and nearly all of its fakes would count as copies,
while the ratio of two distances of one point hardly moves.

The score of a fake is ranked among those of counted reals C, real points that A does not hold:

    p_j = (1 + #{c in C: s(c) is as suspicious as s(z_j), or more}) / (|C| + 1)

Given A, a fake that follows the law of the reals is exchangeable with the counted ones, so that p_j <= t with
a chance of at most t, whatever the law, the dimension, k and the score. Points of A would not do: a point
compared with a set it belongs to is not drawn like a fresh one. Ties count against a verdict. The p-values
share C and so depend on one another, in the way (Bates, Candès, Lei, Romano and Sesia 2023, Theorem 2) under
which the step-up rule of Benjamini and Hochberg keeps its promise: of the fakes that it marks, a share of at
most `level` is wrong on average.

For "unrealistic" halves of the reals serve as A and C, or all reals and a true holdout set. For "copied" only
a holdout set will do: the generator has seen all reals, so no part of them can stand for data it has not
seen. An exact copy needs no such comparison.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._tables import Table
from ._two_sample import chosen_at_rate, conformal_p_values
from .results import Result

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Verdicts(Result):
    """The shares and counts of `verdicts`, with `unrealistic(n)` and `copied(n)`: the marked fakes as
    tables.
    """

    __slots__ = ()
    __hash__ = None

    def unrealistic(self, n: int | None = None) -> Table:
        """The fakes marked as unrealistic, the largest score first: fake (its row), score, p_value,
        nearest_real (its row), nearest_real_distance. The first `n`, or all.
        """
        s = self.samples
        order = np.flatnonzero(s["unrealistic"])
        order = order[np.argsort(-s["unrealistic_score"][order], kind="stable")][:n]
        return Table(
            {
                "fake": order,
                "score": s["unrealistic_score"][order],
                "p_value": s["unrealistic_p"][order],
                "nearest_real": s["nearest_real"][order],
                "nearest_real_distance": s["nearest_real_distance"][order],
            },
            title=_title(s["unrealistic"], "unrealistic", self.settings["level"]),
        )

    def copied(self, n: int | None = None) -> Table:
        """The fakes marked as copied and the exact copies, the smallest score first: fake (its row),
        real (the row of its twin, its nearest real), distance, ratio (to the distance of the k-th
        nearest real), exact, and with a holdout set p_value. The first `n`, or all.
        """
        s = self.samples
        exact, tested = s["copy_of"] >= 0, "copied" in s
        score = s["copied_score"] if tested else np.zeros(len(exact))
        marked = exact | s["copied"] if tested else exact
        order = np.flatnonzero(marked)
        order = order[np.lexsort((order, score[order], ~exact[order]))][:n]
        columns = {
            "fake": order,
            "real": s["nearest_real"][order],
            "distance": s["nearest_real_distance"][order],
            "ratio": score[order],
            "exact": exact[order],
        }
        if tested:
            columns["p_value"] = s["copied_p"][order]
            return Table(columns, title=_title(s["copied"], "copied", self.settings["level"]))
        count = int(np.count_nonzero(exact))
        return Table(columns, title=f"{count:,} of {len(exact):,} fakes are exact copies", notes=[NO_HOLDOUT])


NO_HOLDOUT = "near-copies are not tested: that needs holdout_features, real data the generator has not seen"


def _title(mask: NDArray[np.bool_], word: str, level: float) -> str:
    count = int(np.count_nonzero(mask))
    promise = f"at most {level:g} of these wrongly, on average"
    return f"{count:,} of {len(mask):,} fakes are marked as {word}; {promise}"


def score(distances: Floats, around: Floats) -> Floats:
    """distance / radius; 0 at distance 0, infinite at a positive distance where the radius is 0."""
    found = np.full(len(distances), np.inf)
    np.divide(distances, around, out=found, where=around > 0)
    found[distances == 0] = 0.0
    return found


def large_is_bad(scores: Floats, counted: Floats, level: float) -> tuple[Floats, NDArray[np.bool_]]:
    """p-values and the marked ones."""
    p = conformal_p_values(scores, counted)
    return p, chosen_at_rate(p, level)


def small_is_bad(scores: Floats, counted: Floats, level: float) -> tuple[Floats, NDArray[np.bool_]]:
    """The same for scores whose small values are suspicious."""
    return large_is_bad(-scores, -counted, level)


def least_marked(m: int, counted: int, level: float) -> int:
    """How many fakes must stand out before one is marked: the smallest p-value is 1 / (counted + 1)."""
    return max(1, math.ceil(m / (level * (counted + 1)) * (1 - 1e-12)))


def reach(m: int, counted: int, level: float) -> list[str]:
    """A note on what so few counted points cannot show."""
    least = least_marked(m, counted, level)
    if least == 1:
        return []
    return [
        f"with {counted} counted reals no p-value is below {1 / (counted + 1):.2g}: fewer than {least} "
        f"of {m} fakes cannot be marked, however bad they are; more counted reals see finer"
    ]


def merged(
    first: tuple[Any, Any], rows: Integers, second: tuple[Any, Any], others: Integers
) -> tuple[Floats, Integers]:
    """The nearest of two parts of a set, by the (distance, index) of the whole set; `rows` and `others` are
    the rows of the whole that the parts hold.
    """
    near, at = first[0][:, 0], rows[first[1][:, 0]]
    near2, at2 = second[0][:, 0], others[second[1][:, 0]]
    better = (near2 < near) | ((near2 == near) & (at2 < at))
    return np.where(better, near2, near), np.where(better, at2, at)
