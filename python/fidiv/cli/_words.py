"""Names that commands share: of metrics and of files; and one way to write results down."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .._files import InputError
from ._rules import ALIASES
from ._streams import say

__all__ = ["described", "headings", "metric_names"]


def metric_names(words: Sequence[str], quiet: bool) -> str | list[str]:
    names = [name for word in words for name in word.split(",") if name]
    for name in names:
        if name in ALIASES and not quiet:
            say(f"note: {name} is taken as {ALIASES[name]}: it is computed on the features given")
        if name.lower().endswith((".npy", ".npz")):
            raise InputError(f"--metrics takes names, got the file {name!r}; the files come before --metrics")
    names = [ALIASES.get(name, name) for name in names]
    return names[0] if len(names) == 1 and names[0] in ("default", "all") else names


def headings(paths: Sequence[str]) -> list[str]:
    """A name for each file: its own, or the path as typed, or a numbered path, where that is not enough."""
    own = [Path(path).name for path in paths]
    names = []
    for i, (path, name) in enumerate(zip(paths, own, strict=True)):
        if own.count(name) == 1:
            names.append(name)
        elif paths.count(path) == 1:
            names.append(path)
        else:
            names.append(f"{path} ({paths[: i + 1].count(path)})")
    return names


def described(path: str, array: Any) -> dict[str, Any]:
    """A file of features, for the document."""
    return {"file": path, "rows": array.shape[0], "columns": array.shape[1], "dtype": array.dtype.name}
