"""Single points of an evaluation: the worst fakes, the reals that were missed, the copies with their twins.

Tables made from the samples that are there. Nothing is measured again, and nothing is judged: some point is
always the worst. Which points are worse than chance allows is a matter of a test (`_verdicts`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._inputs import check_count
from ._tables import Samples, Table

# What can order fakes from the worst: which end of it is bad, and the families that give it.
ORDERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "pce": ("largest", ("cross_entropies",)),
    "realism": ("smallest", ("precision_recall",)),
    "distance_ratio": ("largest", ("authenticity",)),
    "nearest_real_distance": ("largest", ("precision_recall", "closest_record")),
}
BESIDE = (
    *ORDERS,
    "density",
    "nearest_real",
    "precision_mask",
)  # what a table of fakes shows where it is there
UNCOVERED = {"coverage_mask": "its ball holds no fake", "recall_mask": "it is in no fake ball"}


class Pointed:
    """The part of an `Evaluation` that speaks of single points."""

    __slots__ = ()

    samples: Samples
    get: Any

    def worst(self, n: int = 10, *, by: str | None = None) -> Table:
        """The `n` fakes that lie worst among the reals, each with its nearest real.

        Parameters
        ----------
        n : int, default 10
            How many rows; fewer where there are fewer fakes.
        by : str, optional
            The sample that orders them: "pce" (largest first: the fake's own part of PCE, which grows with
            the distance to its k-th real), "realism" (smallest first: how deep in a real ball it lies),
            "distance_ratio" or "nearest_real_distance" (largest first). None: the first of these that is
            there. Ties are in the order of the rows.

        Returns
        -------
        Table
            fake (its row), the sample that orders, and what is there of: pce, realism, distance_ratio,
            nearest_real_distance, density, nearest_real (its row), precision_mask.

        Raises
        ------
        ValueError
            When no sample that orders fakes is there; it says what to evaluate.

        Notes
        -----
        Some fake is always the worst. Which are worse than real data is tested by `fidiv.verdicts`.
        """
        return _worst(self.samples, check_count(n, "n", minimum=0), by)

    def uncovered(self, n: int = 10) -> Table:
        """The `n` reals that the fakes miss most: real data that the model does not make.

        Parameters
        ----------
        n : int, default 10
            How many rows; fewer where fewer reals are uncovered.

        Returns
        -------
        Table
            real (its row), and what is there of: rce (the real's own part of RCE, which grows with the
            distance to its k-th fake), coverage_mask, recall_mask. Only uncovered reals: those whose ball
            holds no fake (coverage_mask), or where that is missing those in no fake ball (recall_mask); the
            largest rce first. coverage_mask goes first because a single stray fake has a huge ball, which
            covers, for recall, reals that are far from all fakes. With rce alone, the `n` largest of all.

        Raises
        ------
        ValueError
            When none of the three samples is there; it says what to evaluate.

        Notes
        -----
        Chance alone leaves reals uncovered: under equal laws 1 - expected_coverage of them, which a note
        says.
        """
        return _uncovered(self.samples, check_count(n, "n", minimum=0), self.get("expected_coverage"))

    def copies(self, n: int = 10) -> Table:
        """The `n` fakes most like a copy of a real, each with its twin.

        Parameters
        ----------
        n : int, default 10
            How many rows; fewer where there are fewer.

        Returns
        -------
        Table
            fake (its row), real (the row of its twin, the nearest real; the smallest of equal ones),
            distance, ratio, exact. Exact copies need no more than the family `copies`. Near-copies need a
            holdout set and the family `closest_record`: ratio is the distance to the nearest real over that
            to the nearest holdout point (1 when both are 0), and after the exact copies come the fakes with
            the smallest ratio, as long as it is below 1. Without a holdout set the ratio is 0.

        Raises
        ------
        ValueError
            When neither family was evaluated.

        Notes
        -----
        No threshold makes a near-copy: with a holdout set as large as the real one, half of all honest fakes
        have a ratio below 1. Which are too near is tested by `fidiv.verdicts`.
        """
        return _copies(self.samples, check_count(n, "n", minimum=0))


def _worst(samples: Mapping[str, NDArray[Any]], n: int, by: str | None) -> Table:
    known = [name for name in ORDERS if name in samples]
    if by is not None and by not in ORDERS:
        raise ValueError(f"by must be one of {', '.join(ORDERS)}, got {by!r}")
    if by is not None and by not in known:
        raise ValueError(f"worst by {by!r} needs a sample that is not here; evaluate {_families([by])}")
    if not known:
        raise ValueError(f"worst needs a sample that orders the fakes; evaluate {_families(ORDERS)}")
    by = by or known[0]
    end = ORDERS[by][0]
    values = samples[by]
    order = _order(-values if end == "largest" else values)[:n]
    columns = {name: samples[name][order] for name in dict.fromkeys((by, *BESIDE)) if name in samples}
    title = f"the {len(order):,} of {len(values):,} fakes with the {end} {by}"
    return Table({"fake": order, **columns}, title=title)


def _uncovered(samples: Mapping[str, NDArray[Any]], n: int, expected: float | None) -> Table:
    mask = next((name for name in UNCOVERED if name in samples), None)
    if mask is None and "rce" not in samples:
        raise ValueError(
            "uncovered needs a sample of the reals; evaluate density_coverage (coverage_mask), "
            "precision_recall (recall_mask) or cross_entropies (rce)"
        )
    total = len(samples[mask or "rce"])
    missed = np.arange(total) if mask is None else np.flatnonzero(~samples[mask])
    order = missed[_order(-samples["rce"][missed])] if "rce" in samples else missed
    order = order[:n]
    shown = {name: samples[name][order] for name in ("rce", *UNCOVERED) if name in samples}
    first = f"the {len(order):,} with the largest rce" if "rce" in samples else f"the first {len(order):,}"
    if mask is None:
        return Table({"real": order, **shown}, title=f"{first} of {total:,} reals")
    notes = []
    if mask == "coverage_mask" and expected is not None and not math.isnan(expected):
        notes.append(f"under equal laws {1 - expected:.3g} of the reals would be uncovered on average")
    title = f"uncovered ({UNCOVERED[mask]}) are {len(missed):,} of {total:,} reals; {first}"
    return Table({"real": order, **shown}, title=title, notes=notes)


def _copies(samples: Mapping[str, NDArray[Any]], n: int) -> Table:
    if "copy_of" in samples:
        twin = samples["copy_of"]
    elif "nearest_real_distance" in samples:
        twin = np.where(samples["nearest_real_distance"] == 0, samples["nearest_real"], -1)
    else:
        raise ValueError(
            "copies needs the sample copy_of: evaluate copies (exact copies) and, with holdout_features, "
            "closest_record (near-copies)"
        )
    exact = twin >= 0
    total, distance, ratio, notes = int(np.count_nonzero(exact)), np.zeros(len(twin)), np.zeros(len(twin)), []
    if "nearest_holdout_distance" in samples:
        twin, distance = samples["nearest_real"], samples["nearest_real_distance"]
        unseen = samples["nearest_holdout_distance"]
        ratio = np.full(len(twin), np.inf)
        np.divide(distance, unseen, out=ratio, where=unseen > 0)
        ratio[(distance == 0) & (unseen == 0)] = 1.0
        shown = np.flatnonzero(exact | (ratio < 1))
        order = shown[np.lexsort((shown, distance[shown], ratio[shown], ~exact[shown]))][:n]
        notes.append("the order says what to look at first, not what is a copy: fidiv.verdicts tests that")
    else:
        order = np.flatnonzero(exact)[:n]
        notes.append("near-copies need holdout_features and the family closest_record")
    return Table(
        {
            "fake": order,
            "real": twin[order],
            "distance": distance[order],
            "ratio": ratio[order],
            "exact": exact[order],
        },
        title=f"{total:,} of {len(twin):,} fakes are exact copies",
        notes=notes,
    )


def _order(values: NDArray[Any]) -> NDArray[np.int64]:
    """From the smallest, ties in the order of the rows, NaN last."""
    return np.argsort(values, kind="stable")


def _families(names: Any) -> str:
    return " or ".join(dict.fromkeys(family for name in names for family in ORDERS[name][1]))
