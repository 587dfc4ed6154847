"""What the modes are told in. Nothing is computed here."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..results import Result, format_value


@dataclass(frozen=True)
class Mode:
    """One mode.

    Mass: `reals` and `fakes` are the counted reals and the fakes inside; `ratio` that of their shares, with
    limits; `differs`: whether the adjusted p-value says that the shares differ at all; `verdict` dropped,
    under-represented, over-represented, fine or undecided, which speaks of factors. Of an undecided one
    `needed_fakes` is how many fakes would decide with these reals, `needed_growth` how many times as many
    points of both sets; infinite where none would.

    Spread: `spread_ratio` = exp(t), how many times as far apart the fakes of the mode lie as its reals, at
    `spread_points` of each; `spread_verdict` shrunk, fine or undecided.

    `pce`, `rce`, `re`: what its points add to the metric of that name.
    """

    label: Any
    reals: int
    fakes: int
    ratio: float
    ratio_low: float
    ratio_high: float
    p_value: float
    adjusted_p_value: float
    differs: bool
    verdict: str
    needed_fakes: float
    needed_growth: float
    spread_points: int
    spread_ratio: float
    spread_low: float
    spread_high: float
    dimension: float
    spread_p_value: float
    spread_adjusted_p_value: float
    spread_verdict: str
    pce: float
    rce: float
    re: float

    @property
    def faults(self) -> tuple[str, ...]:
        """The verdicts that are neither fine nor undecided."""
        return tuple(v for v in (self.verdict, self.spread_verdict) if v not in ("fine", "undecided"))


@dataclass(frozen=True)
class Component:
    """Fakes outside of the real data that lie together (`label` None), or that have a label no real has:
    how many, their share of all fakes with limits, and the verdict, invented or undecided. `p_value`,
    adjusted, is that of a label being missing among the reals by chance; NaN for those that lie together,
    whose points were flagged one by one.
    """

    label: Any
    fakes: int
    share: float
    share_low: float
    share_high: float
    p_value: float
    verdict: str


class Modes(Result):
    """The answer of `fidiv.modes`: numbers by name, `.table` with a row a mode, `.components` with a row for
    each group of fakes outside, `.outside` with what all fakes in no mode add to pce, rce and re.
    """

    __slots__ = ("_components", "_outside", "_table")
    __hash__ = None

    _components: tuple[Component, ...]
    _outside: dict[str, float]
    _table: tuple[Mode, ...]

    def __init__(
        self,
        values: Mapping[str, float],
        *,
        table: Iterable[Mode | Mapping[str, Any]],
        components: Iterable[Component | Mapping[str, Any]],
        outside: Mapping[str, float],
        samples: Mapping[str, NDArray[Any]] | None = None,
        settings: Mapping[str, Any] | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        super().__init__(values, samples=samples, settings=settings, notes=notes)
        rows = tuple(row if isinstance(row, Mode) else Mode(**row) for row in table)
        groups = tuple(row if isinstance(row, Component) else Component(**row) for row in components)
        object.__setattr__(self, "_table", rows)
        object.__setattr__(self, "_components", groups)
        object.__setattr__(self, "_outside", dict(outside))

    @property
    def table(self) -> tuple[Mode, ...]:
        """One row a mode."""
        return self._table

    @property
    def components(self) -> tuple[Component, ...]:
        """Groups of fakes outside of the real data: labels that no real has, then components by size."""
        return self._components

    @property
    def outside(self) -> dict[str, float]:
        """What the fakes in no mode add to pce and re."""
        return dict(self._outside)

    @property
    def faults(self) -> tuple[tuple[Any, str], ...]:
        """(label, verdict) of all that is wrong: modes in their order, then what was invented; the label of
        a component is its number, "component 0".
        """
        found = [(row.label, fault) for row in self._table for fault in row.faults]
        found += [
            (self._name(place), row.verdict)
            for place, row in enumerate(self._components)
            if row.verdict == "invented"
        ]
        return tuple(found)

    def _name(self, place: int) -> Any:
        label = self._components[place].label
        return f"component {place}" if label is None else label

    def _state(self) -> dict[str, Any]:
        state = super()._state()
        del state["curve"]
        return {
            **state,
            "table": [asdict(row) for row in self._table],
            "components": [asdict(row) for row in self._components],
            "outside": dict(self._outside),
        }

    def made_by(self, settings: Mapping[str, Any]) -> Modes:
        """The same with more settings."""
        state = self._state()
        return Modes(**{**state, "settings": {**state["settings"], **settings}})

    def document(self, *, samples: bool = True) -> dict[str, Any]:
        """Everything as mappings, sequences and arrays, as `to_json` writes it."""
        found = super().document(samples=False)
        found |= {
            "table": [asdict(row) for row in self._table],
            "components": [asdict(row) for row in self._components],
            "outside": dict(self._outside),
        }
        if samples:
            found["samples"] = self._samples
        return found

    def to_dict(self) -> dict[str, Any]:
        """Numbers, table, components and notes in plain dicts and lists (a row of the table is a dict)."""
        found = self.document(samples=False)
        return {**found, "settings": _plain(found["settings"]), "notes": list(self._notes)}

    def summary(self) -> str:
        """What is wrong, then one line a mode, then what lies outside."""
        lines = [self._headline()]
        head = ("mode", "reals", "fakes", "ratio", "limits", "mass", "spacing", "spread", "pce", "rce", "re")
        rows = [head, *(_cells(row) for row in self._table)]
        lost = self["outside"] > 0 or any(row.fakes for row in self._components)
        if lost:
            parts = [format_value(self._outside[key]) for key in ("pce", "rce", "re")]
            rows.append(
                ("outside", "", f"{round(self['in_no_mode'] * self._settings['m']):,}", *[""] * 5, *parts)
            )
        lines += _aligned(rows)
        for place, row in enumerate(self._components):
            limits = f"{row.share_low:.1%} to {row.share_high:.1%}"
            what = "lie together outside" if row.label is None else "have a label that no real has"
            share = f"{row.fakes:,} fakes ({row.share:.1%}, limits {limits})"
            lines.append(f"{self._name(place)}: {row.verdict}; {share} {what}")
        lines += [
            f"mode {mode.label}: {_needed(mode)}" for mode in self._table if mode.verdict == "undecided"
        ]
        return "\n".join([*lines, *(f"note: {note}" for note in self._notes)])

    def _headline(self) -> str:
        faults = [f"{label} {fault}" for label, fault in self.faults]
        faults += [
            f"{row.label} holds {_direction(row)}, by which factor is undecided"
            for row in self._table
            if row.verdict == "undecided" and row.differs
        ]
        title = (
            f"{self._settings['n']:,} real and {self._settings['m']:,} fake points, "
            f"{len(self._table)} modes ({self._settings['rule']})"
        )
        return f"{title}: {'; '.join(faults) if faults else 'nothing found to be wrong'}"


def _cells(row: Mode) -> tuple[str, ...]:
    return (
        str(row.label),
        f"{row.reals:,}",
        f"{row.fakes:,}",
        format_value(row.ratio),
        f"{row.ratio_low:.2f} to {row.ratio_high:.2f}",
        row.verdict + (f", {_direction(row)}" if row.verdict == "undecided" and row.differs else ""),
        "" if math.isnan(row.spread_ratio) else format_value(row.spread_ratio),
        row.spread_verdict,
        *(format_value(value) for value in (row.pce, row.rce, row.re)),
    )


def _direction(row: Mode) -> str:
    return "too few" if row.ratio < 1 else "too many"


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    width = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    words = {0, 5, 7}  # columns of words stand left, numbers right
    lines = [
        "  ".join(
            cell.ljust(width[i]) if i in words else cell.rjust(width[i]) for i, cell in enumerate(row)
        ).rstrip()
        for row in rows
    ]
    lines.insert(1, "-" * max(map(len, lines)))
    return lines


def _needed(row: Mode) -> str:
    stays = "if the shares stayed as they are"
    if math.isfinite(row.needed_fakes):
        return f"about {math.ceil(row.needed_fakes):,} fakes would decide, {stays}"
    if math.isfinite(row.needed_growth):
        times = f"{row.needed_growth:.1f} times as many of both would"
        return f"no number of fakes would decide with these reals; {times}, {stays}"
    return "its ratio lies on a threshold, which no number of points decides, or it is empty"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
