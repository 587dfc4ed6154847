"""`fidiv compare`: models side by side, the best in each metric, and who is tied with it."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from .. import _compare, _plan
from .._files import InputError, load_all
from ..results import json_text
from ._streams import (
    OutputError,
    ascii_only,
    closed,
    is_terminal,
    say,
    table_width,
    warnings_as_notes,
    write,
    write_file,
)
from ._words import described, headings, metric_names


def compare(arguments: argparse.Namespace) -> None:
    quiet: bool = arguments.quiet
    if closed(sys.stdout) and arguments.out is None:
        raise OutputError("standard output is closed and there is no --out: the result would be lost")
    if len({model.name for model in arguments.models}) < 2:
        raise InputError("compare needs at least two models of different names, such as a=a.npy b=b.npy")
    names = metric_names(arguments.metrics or ["default"], quiet)
    paths = [arguments.real, *(model.path for model in arguments.models)]
    real_name, *run_names = headings(paths)
    holdout = arguments.holdout
    real, *arrays = load_all([*paths, *([] if holdout is None else [holdout])])
    asked = {} if holdout is None else {"holdout_features": arrays.pop()}
    models: dict[str, dict[str, Any]] = {}
    for model, name, array in zip(arguments.models, run_names, arrays, strict=True):
        models.setdefault(model.name, {})[name] = array
    with warnings_as_notes(quiet):
        comparison, _ = _compare.compared(
            real,
            models,
            metrics=names,
            nearest_k=arguments.nearest_k,
            level=arguments.level,
            seed=arguments.seed,
            n_jobs=arguments.n_jobs,
            progress=True if not quiet and is_terminal(sys.stderr) else None,
            real_name=real_name,
            **asked,
        )
    if not quiet:
        for note in comparison.notes:
            say(f"note: {note}")
    found = comparison.document()
    files = [
        {"name": model.name, **described(model.path, array)}
        for model, array in zip(arguments.models, arrays, strict=True)
    ]
    document = {
        "schema_version": found.pop("schema_version"),
        "fidiv": _plan.version(),
        "real": described(arguments.real, real),
        "fakes": files,
        **found,
    }
    text = json_text(document) if arguments.json or arguments.out is not None else ""
    if arguments.out is not None:
        write_file(arguments.out, text)
    if not closed(sys.stdout):
        table = comparison.summary(width=table_width(), ascii_only=ascii_only(), notes=False)
        write(text if arguments.json else table)
