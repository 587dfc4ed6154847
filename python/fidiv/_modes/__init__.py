"""Which modes of the data the fakes drop, shrink or invent, with the chance of a false alarm held.

`labels` gives every point its mode (M0), `outside` finds fakes that lie nowhere near the reals (M1), `mass`
compares how many points each mode holds (M2), `spread` how far apart they lie (M3), `terms` shows what each
mode adds to the cross-entropies. Like a family of metrics it gets what the sweeps found and asks for more
where it must.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..metrics import Found, Needs, Undefined
from . import labels, mass, outside, spread, statistics, terms
from .options import Options
from .result import Component, Mode, Modes

__all__ = ["Component", "Mode", "Modes", "Options", "find", "needs"]

Labels = NDArray[Any]


def needs(n: int, m: int, options: Options) -> Needs:
    """What the sweeps have to find; `Undefined` where there are too few points."""
    k = options.nearest_k
    if n // 2 <= k:
        raise Undefined(
            f"nearest_k={k} needs at least {2 * (k + 1)} points in real_features, "
            f"half of which are anchors; it has {n}"
        )
    if m <= k:
        raise Undefined(f"nearest_k={k} needs at least {k + 1} points in fake_features, which has {m}")
    return terms.needs(n, m, k) | Needs(anchors=frozenset({(options.seed, outside.neighbours(k))}))


def find(
    found: Found, options: Options, real_labels: Labels | None = None, fake_labels: Labels | None = None
) -> Modes:
    """All that is told of the modes; `settings` are those of the modes alone."""
    more, k = found.further, options.nearest_k
    anchored = found.anchored
    assert anchored is not None
    modes = labels.assign(more, anchored, real_labels, fake_labels, options)
    out = outside.find(anchored, options)

    known = modes.of_fakes != labels.UNKNOWN
    inside = known & ~out.flagged
    count = len(modes.names)
    reals = np.bincount(modes.of_reals[modes.counted], minlength=count)
    fakes = np.bincount(modes.of_fakes[inside], minlength=count)
    masses = mass.judge(reals, fakes, options.level)
    spreads, zeros = spread.judge(
        more,
        _rows(np.where(modes.counted, modes.of_reals, -1), count),
        _rows(np.where(inside, modes.of_fakes, -1), count),
        options,
    )
    added = terms.find(found, k, modes.of_reals, np.where(inside, modes.of_fakes, -1), count)
    table = [
        Mode(
            label=name,
            reals=int(reals[i]),
            fakes=int(fakes[i]),
            ratio=of_mass.ratio,
            ratio_low=of_mass.low,
            ratio_high=of_mass.high,
            p_value=of_mass.p_value,
            adjusted_p_value=of_mass.adjusted,
            differs=of_mass.adjusted <= options.level,
            verdict=of_mass.verdict,
            needed_fakes=of_mass.needed_fakes,
            needed_growth=of_mass.needed_growth,
            spread_points=of_spread.points,
            spread_ratio=of_spread.ratio,
            spread_low=of_spread.low,
            spread_high=of_spread.high,
            dimension=of_spread.dimension,
            spread_p_value=of_spread.p_value,
            spread_adjusted_p_value=of_spread.adjusted,
            spread_verdict=of_spread.verdict,
            **{key: float(added.parts[key][i]) for key in terms.KEYS},
        )
        for i, (name, of_mass, of_spread) in enumerate(zip(modes.names, masses, spreads, strict=True))
    ]
    components, group = _components(found, modes, known, out, options)
    verdicts = [row.verdict for row in table]
    values = {
        "modes": count,
        **{
            name: sum(verdict == text for verdict in verdicts)
            for name, text in (
                ("dropped", "dropped"),
                ("under_represented", "under-represented"),
                ("over_represented", "over-represented"),
            )
        },
        "shrunk": sum(row.spread_verdict == "shrunk" for row in table),
        "fine": sum(row.verdict == row.spread_verdict == "fine" for row in table),
        "invented": sum(row.verdict == "invented" for row in components),
        "outside": int(out.flagged.sum()) / found.m,
        "in_no_mode": int((~inside).sum()) / found.m,
        **added.values,
    }
    notes = [f"{key}: undefined; {reason}" for key, reason in added.undefined.items()]
    if zeros:
        notes.append(
            "spread: distances of 0 within a mode were taken for the smallest positive one there; "
            "a mode without any has no spread"
        )
    if not inside.any():
        notes.append("no fake lies in any mode: nothing can be said about single modes")
    return Modes(
        values,
        table=table,
        components=components,
        outside={key: float(added.parts[key][count]) for key in terms.KEYS},
        samples={
            "mode": modes.of_fakes,
            "outside": out.flagged,
            "outside_score": out.scores,
            "outside_p_value": out.p_values,
            "component": group,
            "real_mode": modes.of_reals,
            "real_counted": modes.counted,
        },
        settings={
            "n": found.n,
            "m": found.m,
            "d": found.d,
            "rule": modes.rule,
            "anchors": int(np.count_nonzero(anchored.mask)),
            "counted": int(modes.counted.sum()),
            "num_modes": count,
            "nearest_k": k,
            "level": options.level,
            "seed": options.seed,
            "spread_at_most": spread.at_most(k),
        },
        notes=notes,
    )


def _rows(group: NDArray[np.int64], count: int) -> list[NDArray[np.int64]]:
    """The rows of each group, ascending."""
    order = np.argsort(group, kind="stable")
    return np.split(order, np.searchsorted(group[order], np.arange(count + 1)))[1:-1]


def _components(
    found: Found,
    modes: labels.Assigned,
    known: NDArray[np.bool_],
    out: outside.Outside,
    options: Options,
) -> tuple[list[Component], NDArray[np.int64]]:
    """Unknown labels, then fakes that lie together outside; and the component of each fake, or -1."""
    rows: list[Component] = []
    group = modes.of_unknown.copy()
    sizes = np.bincount(group[group >= 0], minlength=len(modes.unknown)).tolist()
    p_values = [statistics.same_share(size, found.m, 0, found.n) for size in sizes]
    adjusted = statistics.benjamini_hochberg(np.array(p_values, dtype=np.float64)).tolist()

    def row(label: Any, size: int, p_value: float, invented: bool) -> None:
        low, high = statistics.share_limits(size, found.m, options.level)
        verdict = "invented" if invented else "undecided"
        rows.append(Component(label, size, size / found.m, low, high, p_value, verdict))

    for label, size, p_value in zip(modes.unknown, sizes, adjusted, strict=True):
        row(label, size, p_value, p_value <= options.level)
    near = outside.together(found.further, out.flagged & known, options.nearest_k)
    group[near >= 0] = near[near >= 0] + len(rows)
    for size in np.bincount(near[near >= 0]).tolist():
        row(None, size, float("nan"), True)
    return rows, group
