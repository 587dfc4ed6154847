"""What a call returns: frozen numbers that carry the settings that made them. Nothing is computed here.

`Result` is what one family gives back, `Evaluation` what `evaluate` gives back. Both are read-only mappings
from key to plain float (`r["precision"]`, `dict(r)`, `r.precision`) with

* `samples`   arrays with one entry a point (read-only), which know their side and write CSV,
* `settings`  everything that produced the numbers,
* `notes`     sentences the reader should know: what was undefined and why, what is not comparable.

Two results are equal when values, samples, curve, notes and settings are. The settings named in
`RUN_SETTINGS` say how the machine did the work, not what was asked, and are left out of that comparison:
kernels and thread counts never change a number. In a JSON document they stand apart, under "run".
"""

from __future__ import annotations

import html
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ._samples import Pointed
from ._tables import Samples

if TYPE_CHECKING:
    from ._modes.result import Modes

SCHEMA_VERSION = 1
RUN_SETTINGS = frozenset({"kernel", "code", "threads", "pairs", "settled", "narrowed", "climbed"})

Direction = Literal["higher", "lower", "one", "zero"]
ARROWS: Mapping[Direction | None, str] = MappingProxyType(
    {"higher": "↑", "lower": "↓", "one": "→ 1", "zero": "→ 0", None: ""}
)
LEGEND = "expected: what the value would be on average if both sets came from one law"


@dataclass(frozen=True)
class Key:
    """What is known about one reported number.

    `direction` says which values are better ("one": near 1, "zero": near 0); None: it describes, it does not
    judge. `bounds` are the smallest and largest value possible. `expected` is its value when both laws are
    equal: a number, the name of the key that holds it (it depends on the sizes), or None where no law is
    known.
    """

    name: str
    family: str
    direction: Direction | None
    bounds: tuple[float, float]
    meaning: str
    expected: str | float | None = None


class Against(NamedTuple):
    """What real data scores, what the fakes score at the same sizes, how much more that is, and the standard
    error of that difference over the splits.
    """

    baseline: float
    fake: float
    excess: float
    error: float


class Baseline(Mapping[str, Against]):
    """Real against real: key -> `Against`, means over `splits` random splits. `n` is how many reals were the
    reference, `h` how many reals, and how many fakes, were scored against them.
    """

    def __init__(self, rows: Mapping[str, Against], *, n: int, h: int, splits: int) -> None:
        self._rows, self._n, self._h, self._splits = dict(rows), n, h, splits

    n = property(lambda self: self._n, doc="How many reals were the reference.")
    h = property(lambda self: self._h, doc="How many points were scored against them.")
    splits = property(lambda self: self._splits, doc="How many random splits were averaged.")

    def __getitem__(self, key: str) -> Against:
        return self._rows[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def document(self) -> dict[str, Any]:
        """For JSON."""
        rows = {key: row._asdict() for key, row in self._rows.items()}
        return {"n": self._n, "h": self._h, "splits": self._splits, "values": rows}

    def summary(self) -> str:
        """A table for reading."""
        width = max(map(len, ["metric", *self._rows]))
        head = [f"{'metric':{width}}  {'real':>9}  {'fake':>9}  {'excess':>9}  {'+-':>9}"]
        lines = [
            f"{key:{width}}  " + "  ".join(f"{format_value(value):>9}" for value in row)
            for key, row in self._rows.items()
        ]
        title = (
            f"baseline: {self._h:,} reals, and {self._h:,} fakes, against the same {self._n:,} reals; "
            f"means over {self._splits} splits, +- how much the splits matter"
        )
        return "\n".join([title, *head, *lines])

    def __repr__(self) -> str:
        return f"Baseline({self._rows}, n={self._n}, h={self._h}, splits={self._splits})"


def format_value(value: float) -> str:
    """Four significant digits, and never an exponent where plain digits are short: 0.9483, 12.06, 1.2e+06."""
    if math.isnan(value):
        return "undefined"
    if value == 0 or math.isinf(value):
        return f"{value:g}".replace("-0", "0") if value == 0 else f"{value:g}"
    magnitude = abs(value)
    if 1e-4 <= magnitude < 1e6:
        return f"{value:.{max(0, min(8, 3 - math.floor(math.log10(magnitude))))}f}"
    return f"{value:.3e}"


def _frozen_arrays(arrays: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
    for array in arrays.values():
        array.setflags(write=False)
    return MappingProxyType(dict(arrays))


def _same(a: Any, b: Any) -> bool:
    """Equality that takes NaN for equal to NaN and looks into arrays and containers."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(_same, a, b))
    return bool(a == b) or (isinstance(a, float) and isinstance(b, float) and a != a and b != b)


def frozen(value: Any) -> Any:
    """`value` with its dicts read-only and its lists as tuples, all the way down. Results and tables are so
    already.
    """
    if isinstance(value, (dict, MappingProxyType)):
        return MappingProxyType({key: frozen(item) for key, item in value.items()})
    return tuple(map(frozen, value)) if isinstance(value, (list, tuple)) else value


def thawed(value: Any) -> Any:
    """What is frozen as plain dicts, which can be pickled."""
    if isinstance(value, (dict, MappingProxyType)):
        return {key: thawed(item) for key, item in value.items()}
    return tuple(map(thawed, value)) if isinstance(value, (list, tuple)) else value


class Result(Mapping[str, float]):
    """The numbers of one call, by key and by attribute, with `.samples`, `.settings`, `.notes` and `.curve`.

    `.curve` is None except for calls that trace a curve: then it maps "lambdas", "precision" and "recall" (of
    a frontier "weights", "real_divergence" and "fake_divergence") to arrays of one length; corners are fewer.
    Comparable with `==`; cannot be changed; can be pickled.
    """

    __slots__ = ("_curve", "_notes", "_samples", "_settings", "_values")
    __hash__ = None  # type: ignore[assignment]

    def __init__(
        self,
        values: Mapping[str, float],
        *,
        samples: Mapping[str, NDArray[Any]] | None = None,
        settings: Mapping[str, Any] | None = None,
        notes: Sequence[str] = (),
        curve: Mapping[str, NDArray[Any]] | None = None,
    ) -> None:
        put = object.__setattr__
        put(self, "_values", {key: float(value) for key, value in values.items()})
        put(self, "_samples", Samples(samples or {}))
        put(self, "_settings", frozen(settings or {}))
        put(self, "_notes", tuple(notes))
        put(self, "_curve", None if curve is None else _frozen_arrays(curve))

    _values: dict[str, float]
    _samples: Samples
    _settings: Mapping[str, Any]
    _notes: tuple[str, ...]
    _curve: Mapping[str, NDArray[Any]] | None

    @property
    def samples(self) -> Samples:
        """Arrays with one entry a point; `samples.to_csv(path, of="fake")` writes those of one side."""
        return self._samples

    @property
    def settings(self) -> Mapping[str, Any]:
        """Everything that produced the numbers, and how the machine did it (`RUN_SETTINGS`)."""
        return self._settings

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences the reader should know; empty when there are none."""
        return self._notes

    @property
    def curve(self) -> Mapping[str, NDArray[Any]] | None:
        """What can be drawn, "lambdas", "precision" and "recall" as a rule; None when the call traces no
        curve.
        """
        return self._curve

    def __getitem__(self, key: str) -> float:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, name: str) -> float:
        # Only called when no real attribute is found; names with an underscore are Python's own questions.
        if not name.startswith("_") and name in self._values:
            return self._values[name]
        keys = ", ".join(self._values) if not name.startswith("_") else ""
        raise AttributeError(f"{type(self).__name__} has no {name!r}" + (f"; it has {keys}" if keys else ""))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: {name!r} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: {name!r} cannot be deleted")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._values})

    def _state(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "values": self._values,
            "samples": self._samples,
            "settings": thawed(self._settings),
            "notes": self._notes,
            "curve": None if self._curve is None else dict(self._curve),
        }

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self._state())

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        mine, theirs = self._state(), other._state()
        for state in (mine, theirs):
            state["settings"] = {k: v for k, v in state["settings"].items() if k not in RUN_SETTINGS}
        return _same(mine, theirs)

    def document(self, *, samples: bool = True) -> dict[str, Any]:
        """Everything as mappings, sequences and arrays, as `to_json` writes it."""
        found: dict[str, Any] = {
            "schema_version": SCHEMA_VERSION,
            "values": self._values,
            "settings": {name: value for name, value in self._settings.items() if name not in RUN_SETTINGS},
            "run": {name: value for name, value in self._settings.items() if name in RUN_SETTINGS},
            "notes": self._notes,
        }
        if self._curve is not None:
            found["curve"] = self._curve
        if samples:
            found["samples"] = self._samples
        return found

    def to_json(self, *, samples: bool = True, indent: int | None = 2) -> str:
        """Everything as one JSON document; NaN is null, an infinity the string "Infinity"."""
        return json_text(self.document(samples=samples), indent=indent)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({', '.join(f'{key}={value!r}' for key, value in self._values.items())})"
        )


def _rebuild(cls: type[Result], state: dict[str, Any]) -> Result:
    return cls(**state)


class Evaluation(Pointed, Result):
    """The numbers of `evaluate`: a `Result` that can also be read, printed and kept.

    A metric that is undefined on the input is NaN here; `undefined` maps its key to the reason, which also
    stands in `notes`. `expected` maps a key to the value it would have on average if both sets came from one
    law, for the keys where that is known. `intervals` and `baseline` are None when not asked for. `curves`
    maps the families that trace a curve to it; `curve` is the first of them. `worst(n)`, `uncovered(n)` and
    `copies(n)` are tables of single points.
    """

    __slots__ = ("_baseline", "_curves", "_expected", "_intervals", "_keys", "_modes", "_undefined")
    __hash__ = None

    _baseline: Baseline | None
    _curves: Mapping[str, Mapping[str, NDArray[Any]]]
    _intervals: Mapping[str, tuple[float, float]] | None
    _expected: Mapping[str, float]
    _keys: Mapping[str, Key]
    _modes: Modes | None
    _undefined: Mapping[str, str]

    def __init__(
        self,
        values: Mapping[str, float],
        *,
        keys: Mapping[str, Key],
        expected: Mapping[str, float] | None = None,
        undefined: Mapping[str, str] | None = None,
        samples: Mapping[str, NDArray[Any]] | None = None,
        settings: Mapping[str, Any] | None = None,
        notes: Sequence[str] = (),
        curves: Mapping[str, Mapping[str, NDArray[Any]]] | None = None,
        intervals: Mapping[str, tuple[float, float]] | None = None,
        baseline: Baseline | None = None,
        modes: Modes | None = None,
    ) -> None:
        curves = curves or {}
        first = next(iter(curves.values()), None)
        super().__init__(values, samples=samples, settings=settings, notes=notes, curve=first)
        arrays = {name: _frozen_arrays(curve) for name, curve in curves.items()}
        object.__setattr__(self, "_curves", MappingProxyType(arrays))
        object.__setattr__(self, "_keys", MappingProxyType({name: keys[name] for name in self._values}))
        object.__setattr__(self, "_expected", MappingProxyType(dict(expected or {})))
        object.__setattr__(self, "_undefined", MappingProxyType(dict(undefined or {})))
        object.__setattr__(self, "_intervals", None if intervals is None else frozen(intervals))
        object.__setattr__(self, "_baseline", baseline)
        object.__setattr__(self, "_modes", modes)

    @property
    def expected(self) -> Mapping[str, float]:
        """The value of a key when both laws are equal, where it is known."""
        return self._expected

    @property
    def intervals(self) -> Mapping[str, tuple[float, float]] | None:
        """(low, high) of the keys that have an interval; its level stands in `settings["intervals"]`."""
        return self._intervals

    @property
    def baseline(self) -> Baseline | None:
        """What real data scores against real data, beside the fakes at the same sizes."""
        return self._baseline

    @property
    def undefined(self) -> Mapping[str, str]:
        """Why a key has no value here (it is NaN)."""
        return self._undefined

    @property
    def curves(self) -> Mapping[str, Mapping[str, NDArray[Any]]]:
        """The curve of each family that traces one."""
        return self._curves

    @property
    def modes(self) -> Modes | None:
        """Which modes are dropped, shrunk or invented; None where no labels were given."""
        return self._modes

    def _state(self) -> dict[str, Any]:
        state = super()._state()
        del state["curve"]
        return {
            **state,
            "curves": {name: dict(curve) for name, curve in self._curves.items()},
            "keys": dict(self._keys),
            "expected": dict(self._expected),
            "undefined": dict(self._undefined),
            "intervals": None if self._intervals is None else dict(self._intervals),
            "baseline": self._baseline,
            "modes": self._modes,
        }

    def to_dict(self) -> dict[str, float]:
        """The values as a plain dict of plain floats."""
        return dict(self._values)

    def to_json(self, *, samples: bool = True, indent: int | None = 2) -> str:
        """Everything as one JSON document, which any reader of JSON takes.

        "schema_version"; "values"; "undefined", why a value is missing; "expected"; "keys", the family,
        direction, bounds and meaning of each value; "settings", what was asked; "run", how the machine did it
        (kernel, code, threads, pairs and how many of them were settled, narrowed, climbed), the only part
        that another machine or thread count changes;
        "intervals", "baseline" and "modes" where they were asked for; "notes"; "curve" where there is one,
        and "curves", family by family, where there are several; "samples", one entry a point, unless
        `samples` is False. With `indent=None` all stands on one line; an array does in any case.

        JSON has no word for values that are not numbers: NaN becomes null, an infinity the string "Infinity"
        or "-Infinity".
        """
        return json_text(self.document(samples=samples), indent=indent)

    def document(self, *, samples: bool = True) -> dict[str, Any]:
        """What `to_json` writes, before it is text: `json_text` knows its arrays and its infinities."""
        found = super().document(samples=False)
        found |= {
            "undefined": self._undefined,
            "expected": self._expected,
            "keys": {
                name: {
                    "family": key.family,
                    "direction": key.direction,
                    "bounds": key.bounds,
                    "meaning": key.meaning,
                }
                for name, key in self._keys.items()
            },
        }
        if self._intervals is not None:
            found["intervals"] = self._intervals
        if self._baseline is not None:
            found["baseline"] = self._baseline.document()
        if len(self._curves) > 1:
            found["curves"] = self._curves
        if self._modes is not None:
            found["modes"] = self._modes.document(samples=samples)
        if samples:
            found["samples"] = self._samples
        return found

    def _head(self) -> list[str]:
        head = ["metric", "value", "better", "expected", "meaning"]
        if self._intervals is not None:
            head.insert(2, f"{100 * self._settings['intervals']['level']:g} % interval")
        return head

    def _rows(self) -> list[list[str]]:
        """For each key: name, value, its interval where intervals were asked for, which is better, the value
        expected under equal laws, meaning.
        """
        rows = []
        for name, value in self._values.items():
            row = [
                name,
                format_value(value),
                ARROWS[self._keys[name].direction],
                format_value(self._expected[name]) if name in self._expected else "",
                self._keys[name].meaning,
            ]
            if self._intervals is not None:
                ends = map(format_value, self._intervals.get(name, ()))
                row.insert(2, " .. ".join(ends))
            rows.append(row)
        return rows

    def _title(self) -> str:
        s = self._settings
        return f"{s['n']:,} real and {s['m']:,} fake points in {s['d']:,} dimensions" if "n" in s else ""

    def summary(self) -> str:
        """A table for reading: value, which direction is better, the value expected if both sets came from
        one law, where it is known, and one line on what it means; then the notes.
        """
        head = self._head()
        rows = [head, *self._rows()]
        width = [max(len(row[i]) for row in rows) for i in range(len(head))]
        left = {head.index(name) for name in ("metric", "better", "meaning")}
        lines = [
            "  ".join(
                cell.ljust(width[i]) if i in left else cell.rjust(width[i]) for i, cell in enumerate(row)
            ).rstrip()
            for row in rows
        ]
        lines.insert(1, "-" * max(map(len, lines)))
        if self._expected:
            lines.append(LEGEND)
        if self._baseline:
            lines.append(self._baseline.summary())
        lines += [f"note: {n}" for n in self._notes]
        if self._modes is not None:
            lines += ["", self._modes.summary()]
        return "\n".join([line for line in (self._title(),) if line] + lines)

    def _repr_html_(self) -> str:
        heads = self._head()

        def cell(head: str, text: str) -> str:
            if head == "metric":
                return f'<th style="text-align:left">{html.escape(text)}</th>'
            side = {"better": "", "meaning": ' style="text-align:left"'}.get(
                head, ' style="text-align:right"'
            )
            return f"<td{side}>{html.escape(text)}</td>"

        rows = "".join(f"<tr>{''.join(map(cell, heads, row))}</tr>" for row in self._rows())
        titles = "".join(
            f'<th title="{LEGEND}">expected</th>' if head == "expected" else f"<th>{html.escape(head)}</th>"
            for head in heads
        )
        notes = "".join(f"<li>{html.escape(note)}</li>" for note in self._notes)
        more = f"<pre>{html.escape(self._baseline.summary())}</pre>" if self._baseline else ""
        return (
            f"<table><caption>{html.escape(self._title())}</caption><thead><tr>{titles}</tr></thead>"
            f"<tbody>{rows}</tbody></table>" + more + (f"<ul>{notes}</ul>" if notes else "")
        )


def json_text(value: Any, *, indent: int | None = 2, level: int = 0) -> str:
    """`value` as strict JSON in ASCII, which any encoding can hold. An array is one line, written by the
    compiled encoder: samples grow with the data, and one number a line would be slow to write and of no use
    to a reader.
    """
    if isinstance(value, np.ndarray):
        entries = value.tolist()
        if value.dtype.kind == "f":
            for i in np.flatnonzero(~np.isfinite(value)).tolist():
                entries[i] = _word(entries[i])
        return json.dumps(entries, allow_nan=False)
    if isinstance(value, float):
        return json.dumps(_word(value), allow_nan=False)
    if isinstance(value, Mapping):
        parts = [
            f"{json.dumps(str(key))}: {json_text(item, indent=indent, level=level + 1)}"
            for key, item in value.items()
        ]
        return _enclosed("{", parts, "}", indent, level)
    if isinstance(value, (list, tuple)):
        parts = [json_text(item, indent=indent, level=level + 1) for item in value]
        numbers = all(isinstance(item, (int, float)) for item in value)
        return _enclosed("[", parts, "]", None if numbers else indent, level)
    return json.dumps(value, allow_nan=False)


def _word(value: float) -> float | str | None:
    """A float in the words of JSON."""
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")


def _enclosed(start: str, parts: Sequence[str], end: str, indent: int | None, level: int) -> str:
    if indent is None or not parts:
        return start + ", ".join(parts) + end
    line = "\n" + " " * (indent * (level + 1))
    return start + line + ("," + line).join(parts) + "\n" + " " * (indent * level) + end
