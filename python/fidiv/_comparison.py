"""What comparisons give back: frozen tables that print themselves. Nothing is computed here."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, cast

from ._table import ASCII_ARROWS, groups, shorten
from ._tables import Table
from .metrics import KEYS
from .results import ARROWS, RUN_SETTINGS, SCHEMA_VERSION, Evaluation, format_value, frozen, json_text, thawed

__all__ = ["Comparison", "Sweep"]

GAP = "  "
BEST, TIED = "*", "~"


class _Frozen:
    """What both tables share: mappings that cannot be changed, equality, pickles, JSON."""

    __hash__ = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:  # type: ignore[attr-defined]
            object.__setattr__(self, name, frozen(getattr(self, name)))

    def document(self) -> dict[str, Any]:
        """What `to_json` writes, before it is text."""
        raise NotImplementedError

    def to_json(self, *, indent: int | None = 2) -> str:
        """Everything as one JSON document. NaN becomes null, an infinity "Infinity" or "-Infinity"."""
        return json_text(self.document(), indent=indent)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, type(self)):
            return NotImplemented
        mine, theirs = self.document(), other.document()
        for document in (mine, theirs):
            document.pop("run", None)
        return json_text(mine) == json_text(theirs)

    def __reduce__(self) -> tuple[Any, ...]:
        values = tuple(thawed(getattr(self, f.name)) for f in fields(cast(Any, self)))
        return type(self), values

    def summary(self, *, width: int = 100, ascii_only: bool = False) -> str:
        """A table for reading."""
        raise NotImplementedError

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.summary())}</pre>"


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(_Frozen):
    """Models side by side: `comparison["recall"]["a"]` is a value, `best`, `tied` and `pairs` say what it
    means. Comparable with `==`; cannot be changed; can be pickled.
    """

    models: tuple[str, ...]
    values: Mapping[str, Mapping[str, float]]  # key -> model -> value, the mean over its runs
    intervals: Mapping[str, Mapping[str, tuple[float, float]]]
    # For the keys of which some values are better than others. Nobody is best where that cannot be judged.
    best: Mapping[str, str | None]
    tied: Mapping[str, tuple[str, ...]]  # who cannot be told from the best, the best first
    detectable: Mapping[str, float]
    pairs: Table
    evaluations: Mapping[str, tuple[Evaluation, ...]]  # model -> one for each run
    settings: Mapping[str, Any]
    notes: tuple[str, ...]

    def __getitem__(self, key: str) -> Mapping[str, float]:
        return self.values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values)

    def __len__(self) -> int:
        return len(self.values)

    def to_dict(self) -> dict[str, dict[str, float]]:
        """The values as plain dicts: metric, then model."""
        return {key: dict(self[key]) for key in self}

    def document(self) -> dict[str, Any]:
        rows = list(self.pairs)
        return {
            "schema_version": SCHEMA_VERSION,
            "models": {
                name: {
                    "runs": len(self.evaluations[name]),
                    "m": [run.settings["m"] for run in self.evaluations[name]],
                }
                for name in self.models
            },
            "metrics": {
                key: {
                    "direction": KEYS[key].direction,
                    "meaning": KEYS[key].meaning,
                    "values": self[key],
                    "intervals": self.intervals[key],
                    **(
                        {
                            "best": self.best[key],
                            "tied": self.tied[key],
                            "detectable": self.detectable[key],
                            "pairs": [
                                {name: value for name, value in row.items() if name != "metric"}
                                for row in rows
                                if row["metric"] == key
                            ],
                        }
                        if key in self.best
                        else {}
                    ),
                }
                for key in self
            },
            "settings": {name: value for name, value in self.settings.items() if name not in RUN_SETTINGS},
            "run": {name: value for name, value in self.settings.items() if name in RUN_SETTINGS},
            "notes": self.notes,
        }

    def summary(self, *, width: int = 100, ascii_only: bool = False, notes: bool = True) -> str:
        """A table for reading: a row a metric, a column a model; `*` marks the best, `~` who is tied with it,
        "could see" the difference from the best that these samples would have shown 4 times in 5; then the
        notes.
        """
        helpers = {KEYS[key].expected for key in self}  # constants that belong to another key
        keys = [key for key in self if key not in helpers]
        arrows = ASCII_ARROWS if ascii_only else ARROWS
        runs = {name: len(self.evaluations[name]) for name in self.models}
        heads = [
            shorten(name, ascii_only) + (f" ({runs[name]} runs)" if runs[name] > 1 else "")
            for name in self.models
        ]
        cells = [[self._cell(key, name) for key in keys] for name in self.models]
        seen = [
            format_value(self.detectable[key])
            if self._judged(key) and not math.isnan(self.detectable[key])
            else ""
            for key in keys
        ]
        better = [arrows[KEYS[key].direction] for key in keys]
        first = max(len("metric"), *map(len, keys))
        widths = [max(len(head) + 1, *map(len, column)) for head, column in zip(heads, cells, strict=True)]
        tail = [max(len("better"), *map(len, better)), max(len("could see"), *map(len, seen))]
        lines = [self._title()]
        for group in groups(widths, width - first - sum(tail) - 2 * len(GAP)):
            chosen = [(heads[i], cells[i], widths[i]) for i in group]
            head = GAP.join(
                [
                    "metric".ljust(first),
                    *(name.rjust(w - 1) + " " for name, _, w in chosen),
                    "better".ljust(tail[0]),
                    "could see".rjust(tail[1]),
                ]
            )
            lines += ["", head, ("-" if ascii_only else "─") * len(head)]
            for row, key in enumerate(keys):
                line = [key.ljust(first), *(column[row].rjust(w) for _, column, w in chosen)]
                lines.append(GAP.join([*line, better[row].ljust(tail[0]), seen[row].rjust(tail[1])]).rstrip())
        percent = f"{100 * self.settings['level']:g} %"
        lines += [
            "",
            f"{BEST} best   {TIED} cannot be told from it at {percent} (Holm over all pairs of the metric)",
            "could see: a difference from the best that would have been told 4 times in 5",
        ]
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes if notes)])

    def _judged(self, key: str) -> bool:
        return self.best.get(key) is not None

    def _cell(self, key: str, name: str) -> str:
        mark = " "
        if self._judged(key) and name in self.tied[key]:
            mark = BEST if name == self.best[key] else TIED
        return format_value(self[key][name]) + mark

    def _title(self) -> str:
        s = self.settings
        return (
            f"{len(self.models)} models against the same {s['n']:,} real points in {s['d']:,} dimensions, "
            f"{_counted(s['m'].values())} fakes each"
        )


@dataclass(frozen=True, eq=False, repr=False)
class Sweep(_Frozen):
    """One model at several values of a parameter, between fidelity and diversity. Comparable with `==`;
    cannot be changed; can be pickled.
    """

    parameter: str
    points: Table  # one row a value of the parameter, ascending
    pick: float | int | None  # the value whose score is best; None where no score could be compared
    tied: tuple[float | int, ...]  # the values that cannot be told from the pick, the pick first
    undominated: tuple[float | int, ...]
    comparison: Comparison
    settings: Mapping[str, Any]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, list[Any]]:
        """The columns of `points` as plain lists."""
        return {name: column.tolist() for name, column in self.points.to_dict().items()}

    def document(self) -> dict[str, Any]:
        return {
            "schema_version": SCHEMA_VERSION,
            "parameter": self.parameter,
            "pick": self.pick,
            "tied": self.tied,
            "undominated": self.undominated,
            "points": list(self.points),
            "settings": self.settings,
            "notes": self.notes,
        }

    def verdict(self) -> str:
        """The pick, or the tie, in one sentence."""
        rule, level = self.settings["pick"], f"{100 * self.settings['level']:g} %"
        if self.pick is None:
            return f"no pick: {rule} has no value that could be compared"
        if len(self.tied) == 1:
            return f"pick: {self.parameter} = {self.pick:g}, the best {rule} beyond doubt ({level})"
        others = ", ".join(f"{value:g}" for value in self.tied[1:])
        return (
            f"tie: {rule} is best at {self.parameter} = {self.pick:g}, from which {others} cannot be told "
            f"({level})"
        )

    def summary(self, *, width: int = 100, ascii_only: bool = False) -> str:
        """A table for reading: a row a value of the parameter, with intervals; then the pick or the tie."""
        s = self.settings
        names = ("fidelity", "diversity", "score")
        rows = [[self.parameter, s["fidelity"], s["diversity"], f"{s['pick']}", "place"]]
        for row in self.points:
            cells = [f"{row['value']:g}"]
            cells += [
                f"{format_value(row[name])} [{format_value(row[name + '_low'])}, "
                f"{format_value(row[name + '_high'])}]"
                for name in names
            ]
            mark = BEST if row["value"] == self.pick else TIED if row["value"] in self.tied else ""
            cells[3] += f" {mark or ' '}"
            rows.append([*cells, row["place"]])
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = [
            GAP.join([cell.rjust(w) for cell, w in zip(row[:-1], widths, strict=False)] + [row[-1]]).rstrip()
            for row in rows
        ]
        lines.insert(1, ("-" if ascii_only else "─") * max(map(len, lines)))
        lines += ["", self.verdict(), PLACES]
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])


PLACES = (
    "place: front, no other value is as good in both; dominated, another is better in both beyond doubt; "
    "undecided, neither"
)


def _counted(sizes: Sequence[Any] | Any) -> str:
    """10,000 or 1,000 to 10,000."""
    flat = sorted({count for counts in sizes for count in counts})
    return f"{flat[0]:,}" if len(flat) == 1 else f"{flat[0]:,} to {flat[-1]:,}"
