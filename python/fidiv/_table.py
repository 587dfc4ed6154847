"""Evaluations side by side, as text: one row a key, one column a set of fakes. Nothing is computed here."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .metrics import KEYS
from .results import ARROWS, LEGEND, Evaluation, format_value

__all__ = ["groups", "settings", "shorten", "table"]

Results = Mapping[str, Evaluation]  # heading of a column -> what stands in it

ASCII_ARROWS = {"higher": "high", "lower": "low", "one": "1", "zero": "0", None: ""}
MEANING_WIDTH = 38  # narrower than this, the meanings read better as a list below the table
HEADING_WIDTH = 22
GAP = "  "


@dataclass(frozen=True)
class _Row:
    key: str
    values: list[str]
    best: str
    usual: str
    meaning: str


def table(results: Results, *, width: int = 100, ascii_only: bool = False) -> str:
    """The keys of some results as rows, each result a column, in at most `width` characters where possible.

    Beside the values: which direction is better, the value expected if real and fake followed one law (where
    it is known; a range where it differs between the columns), and what the key means. A key that only holds
    such an expected value has no row of its own. Columns that do not fit go into a further table below.
    """
    rows = _rows(results, ascii_only)
    if not rows:
        return "(no values)"
    names = [shorten(name, ascii_only) for name in results]
    name_width = max(len(row.key) for row in rows)
    best_width = max(len("better"), *(len(row.best) for row in rows))
    usual_width = max(len("expected"), *(len(row.usual) for row in rows))
    widths = [max(len(name), *(len(row.values[i]) for row in rows)) for i, name in enumerate(names)]
    room = width - name_width - best_width - usual_width - 2 * len(GAP)  # for the columns of values
    shown = groups(widths, room)
    meaning_width = room - sum(widths) - len(GAP) * (len(widths) + 1)
    beside = len(shown) == 1 and meaning_width >= MEANING_WIDTH

    lines: list[str] = []
    for group in shown:
        columns = [names[i].rjust(widths[i]) for i in group]
        head = GAP.join(
            [" " * name_width, *columns, "better".ljust(best_width), "expected".rjust(usual_width)]
        )
        full = width if beside else len(head)
        lines += [head + GAP + "meaning" if beside else head, ("-" if ascii_only else "─") * full]
        for row in rows:
            columns = [row.values[i].rjust(widths[i]) for i in group]
            line = GAP.join(
                [
                    row.key.ljust(name_width),
                    *columns,
                    row.best.ljust(best_width),
                    row.usual.rjust(usual_width),
                ]
            )
            lines += _hanging(line + GAP, row.meaning, width) if beside else [line.rstrip()]
        lines.append("")
    if not beside:
        for row in rows:
            lines += _hanging(row.key.ljust(name_width) + GAP, row.meaning, width)
        lines.append("")
    if any(row.usual for row in rows):
        lines += textwrap.wrap(LEGEND, width)
    return "\n".join(lines).rstrip("\n")


def settings(results: Results, *, width: int = 100) -> list[str]:
    """Lines that say which options made the numbers; all columns share them."""
    made = next(iter(results.values())).settings
    families = [
        f"{family} " + " ".join(f"{name}={value}" for name, value in options.items())
        for family, options in made["families"].items()
        if options
    ]
    return textwrap.wrap(
        "made with " + "; ".join([*families, f"fidiv {made['version']}"]), width, subsequent_indent="  "
    )


def _rows(results: Results, ascii_only: bool) -> list[_Row]:
    keys = list(dict.fromkeys(key for result in results.values() for key in result))
    helpers = {KEYS[key].expected for key in keys}  # they stand in the column "expected" of another row
    arrows = ASCII_ARROWS if ascii_only else ARROWS
    return [
        _Row(
            key,
            [_value(key, result) for result in results.values()],
            arrows[KEYS[key].direction],
            _usual(key, results),
            KEYS[key].meaning,
        )
        for key in keys
        if key not in helpers
    ]


def _value(key: str, result: Evaluation) -> str:
    """With its interval, where intervals were asked for."""
    if key not in result:
        return ""
    intervals = result.intervals or {}
    ends = [format_value(end) for end in intervals.get(key, ()) if not math.isnan(end)]
    return format_value(result[key]) + (f" [{', '.join(ends)}]" if ends else "")


def _usual(key: str, results: Results) -> str:
    found = [result.expected[key] for result in results.values() if key in result.expected]
    texts = [format_value(value) for value in (min(found), max(found))] if found else [""]
    return texts[0] if texts[0] == texts[-1] else "..".join(texts)


def groups(widths: Sequence[int], room: int) -> list[list[int]]:
    """Columns in groups that fit, at least one a group."""
    found: list[list[int]] = []
    used = room + 1
    for i, size in enumerate(widths):
        if used + size + len(GAP) > room:
            found.append([])
            used = 0
        found[-1].append(i)
        used += size + len(GAP)
    return found


def _hanging(start: str, text: str, width: int) -> list[str]:
    """`text` wrapped to the right of `start`."""
    pieces = textwrap.wrap(text, max(width - len(start), 20)) or [""]
    return [(start + pieces[0]).rstrip(), *(" " * len(start) + piece for piece in pieces[1:])]


def shorten(name: str, ascii_only: bool) -> str:
    """A heading of bearable width; the end of a file name tells more than its beginning."""
    if len(name) <= HEADING_WIDTH:
        return name
    mark = "..." if ascii_only else "…"
    keep = HEADING_WIDTH - len(mark)
    return name[: keep // 3] + mark + name[len(name) - (keep - keep // 3) :]
