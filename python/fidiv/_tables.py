"""Small read-only tables: columns of equal length, to print, to index, to walk through and to write as CSV.

`Table` is what a question with many rows for an answer gives back, `Samples` is the per-point arrays of a
result, which know whether an entry is about a real or about a fake point: with n == m the length does not
tell. Nothing is computed here.
"""

from __future__ import annotations

import html
import os
import secrets
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

__all__ = ["Samples", "Table", "write_whole"]

SHOWN = 30  # rows of a longer table that are printed; the file has them all
BLOCK = 20_000  # rows that are text at one time while a file is written
DEFAULT_SIDE = "fake"


class Table:
    """Columns of one length under their names; cannot be changed.

    `len(table)` counts rows, `table["name"]` is a column (a read-only array), `table[i]` a row (a dict of
    plain values), `table[i:j]` a shorter table; iterating walks through the rows. `print(table)` shows it,
    `to_csv` writes it. `notes` are sentences that belong to it.
    """

    __slots__ = ("_columns", "_length", "_notes", "_title")
    __hash__ = None  # type: ignore[assignment]

    def __init__(
        self, columns: Mapping[str, NDArray[Any]], *, title: str = "", notes: Sequence[str] = ()
    ) -> None:
        arrays = {name: np.array(column) for name, column in columns.items()}
        lengths = {len(array) for array in arrays.values()}
        assert len(lengths) <= 1, "columns of one table have one length"
        for array in arrays.values():
            array.setflags(write=False)
        put = object.__setattr__
        put(self, "_columns", MappingProxyType(arrays))
        put(self, "_length", lengths.pop() if lengths else 0)
        put(self, "_title", title)
        put(self, "_notes", tuple(notes))

    _columns: Mapping[str, NDArray[Any]]
    _length: int
    _title: str
    _notes: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(self._columns)

    @property
    def title(self) -> str:
        """What the table shows, in one line."""
        return self._title

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences the reader should know."""
        return self._notes

    def to_dict(self) -> dict[str, NDArray[Any]]:
        """The columns by name, as `pandas.DataFrame` takes them."""
        return dict(self._columns)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[i] for i in range(self._length))

    @overload
    def __getitem__(self, which: str) -> NDArray[Any]: ...
    @overload
    def __getitem__(self, which: slice) -> Table: ...
    @overload
    def __getitem__(self, which: int) -> dict[str, Any]: ...
    def __getitem__(self, which: str | slice | int) -> Any:
        if isinstance(which, str):
            if which not in self._columns:
                raise KeyError(f"there is no column {which!r}; there are {', '.join(self._columns)}")
            return self._columns[which]
        if isinstance(which, slice):
            part = {name: array[which] for name, array in self._columns.items()}
            return Table(part, title=self._title, notes=self._notes)
        if not -self._length <= which < self._length:
            raise IndexError(f"there is no row {which}; there are {self._length}")
        return {name: array[which].item() for name, array in self._columns.items()}

    def _state(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"columns": dict(self._columns), "title": self._title, "notes": self._notes}

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self._state())

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: {name!r} cannot be set")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return (
            (self.columns, self._title, self._notes) == (other.columns, other._title, other._notes)
            and len(self) == len(other)
            and all(_same(array, other._columns[name]) for name, array in self._columns.items())
        )

    def _cells(self, rows: Iterable[int]) -> list[list[str]]:
        return [[_cell(array[i].item()) for i in rows] for array in self._columns.values()]

    def __str__(self) -> str:
        shown = range(min(self._length, SHOWN))
        cells = self._cells(shown)
        width = [
            max([len(name), *map(len, column)]) for name, column in zip(self._columns, cells, strict=True)
        ]
        lines = [self._title] if self._title else []
        lines.append("  ".join(name.rjust(w) for name, w in zip(self._columns, width, strict=True)))
        lines.append("-" * len(lines[-1]))
        lines += [
            "  ".join(cell.rjust(w) for cell, w in zip(row, width, strict=True))
            for row in zip(*cells, strict=True)
        ]
        if self._length > SHOWN:
            lines.append(f"... and {self._length - SHOWN:,} more rows")
        elif self._length == 0:
            lines.append("(none)")
        return "\n".join([line.rstrip() for line in lines] + [f"note: {note}" for note in self._notes])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self._columns)
        body = "".join(
            "<tr>"
            + "".join(f'<td style="text-align:right">{html.escape(cell)}</td>' for cell in row)
            + "</tr>"
            for row in zip(*self._cells(range(min(self._length, SHOWN))), strict=True)
        )
        notes = [*self._notes]
        if self._length > SHOWN:
            notes.insert(0, f"{self._length - SHOWN:,} more rows are not shown")
        return (
            f"<table><caption>{html.escape(self._title)}</caption><thead><tr>{head}</tr></thead>"
            f"<tbody>{body}</tbody></table>"
            + (f"<ul>{''.join(f'<li>{html.escape(note)}</li>' for note in notes)}</ul>" if notes else "")
        )

    @overload
    def to_csv(self, path: None = None) -> str: ...
    @overload
    def to_csv(self, path: str | os.PathLike[str]) -> None: ...
    def to_csv(self, path: str | os.PathLike[str] | None = None) -> str | None:
        """All rows as comma-separated values under one line of names; into a file, or returned when `path` is
        None.

        Numbers have all their digits (they read back as the same float64), NaN and infinities are "nan",
        "inf" and "-inf", masks "True" and "False". The file is whole or not there: it is written beside its
        place and then moved. Lines end with a line feed, the encoding is UTF-8.
        """
        if path is None:
            return "".join(self._lines())
        write_whole(path, self._lines())
        return None

    def _lines(self) -> Iterator[str]:
        """The file, a block of rows at a time."""
        yield ",".join(map(_quoted, self._columns)) + "\n"
        for first in range(0, self._length, BLOCK):
            block = [_texts(array[first : first + BLOCK]) for array in self._columns.values()]
            yield "".join(f"{','.join(row)}\n" for row in zip(*block, strict=True))


class Samples(Mapping[str, NDArray[Any]]):
    """Arrays with one entry a point, by name; read-only, like their arrays.

    `sides` says of each whether its points are the reals or the fakes, `table` gathers those of one side,
    `to_csv` writes them.
    """

    __slots__ = ("_arrays", "_sides")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, arrays: Mapping[str, NDArray[Any]], sides: Mapping[str, str] | None = None) -> None:
        if sides is None:
            sides = arrays.sides if isinstance(arrays, Samples) else {}
        self._arrays: Mapping[str, NDArray[Any]] = MappingProxyType(dict(arrays))
        self._sides: Mapping[str, str] = MappingProxyType(
            {name: sides.get(name, DEFAULT_SIDE) for name in arrays}
        )
        for array in self._arrays.values():
            array.setflags(write=False)

    @property
    def sides(self) -> Mapping[str, str]:
        """Which set the points of each array are in: "real" or "fake", or what the call calls its sets."""
        return self._sides

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __repr__(self) -> str:
        parts = (f"{name}: {len(array):,} {self._sides[name]}" for name, array in self._arrays.items())
        return f"Samples({', '.join(parts)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Samples, (dict(self._arrays), dict(self._sides))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mapping):
            return NotImplemented
        return self.keys() == other.keys() and all(_same(self[name], other[name]) for name in self)

    def table(self, of: str | None = None) -> Table:
        """The samples of one side as a table whose first column, "index", is the row of the point.

        Parameters
        ----------
        of : str, optional
            "real" or "fake" (a value of `sides`). May be left out where all samples are of one side.

        Raises
        ------
        ValueError
            When it is left out and there are two sides, and for a side without samples.
        """
        known = list(dict.fromkeys(self._sides.values()))
        if not known:
            raise ValueError("there are no samples here")
        if of is None and len(known) == 1:
            (of,) = known
        if of is None:
            sides = " or ".join(f"of={side!r}" for side in known)
            raise ValueError(f"there are samples of {' and of '.join(known)} points; say {sides}")
        if of not in known:
            raise ValueError(f"of must be {' or '.join(map(repr, known))}, got {of!r}")
        arrays = {name: array for name, array in self._arrays.items() if self._sides[name] == of}
        length = len(next(iter(arrays.values())))
        return Table({"index": np.arange(length), **arrays}, title=f"samples of the {of} points")

    @overload
    def to_csv(self, path: None = None, *, of: str | None = None) -> str: ...
    @overload
    def to_csv(self, path: str | os.PathLike[str], *, of: str | None = None) -> None: ...
    def to_csv(self, path: str | os.PathLike[str] | None = None, *, of: str | None = None) -> str | None:
        """`table(of)` as a file, one row a point; see `Table.to_csv`."""
        return self.table(of).to_csv(path)


def write_whole(path: str | os.PathLike[str], parts: Iterable[str]) -> None:
    """A text file, the whole of it or nothing: written beside its place, then moved there.

    What is no regular file (a pipe, /dev/stdout) is written to as it is: moving something there would put a
    file in its place.
    """
    target = Path(path).resolve()
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(target.stat().st_mode):
            with target.open("w", encoding="utf-8", newline="\n") as file:
                file.writelines(parts)
            return
    unfinished = target.with_name(f".fidiv-{secrets.token_hex(6)}")
    try:
        with unfinished.open("x", encoding="utf-8", newline="\n") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, target)
    finally:
        with suppress(OSError):
            unfinished.unlink()


def _rebuild(cls: type[Table], state: dict[str, Any]) -> Table:
    return cls(**state)


def _same(a: NDArray[Any], b: NDArray[Any]) -> bool:
    return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def _cell(value: Any) -> str:
    """A value in a printed table."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _texts(column: NDArray[Any]) -> list[str]:
    """A piece of a column in a file."""
    if column.dtype.kind in "biu":
        return [str(value) for value in column.tolist()]
    if column.dtype.kind == "f":
        return [repr(value) for value in column.astype(np.float64).tolist()]
    return [_quoted(str(value)) for value in column.tolist()]


def _quoted(text: str) -> str:
    """Text as a field: in quotation marks where it holds what ends a field."""
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\n\r') else text
