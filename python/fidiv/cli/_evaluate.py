"""`fidiv evaluate`: sets of fakes against reals, with what was asked for beside the values."""

from __future__ import annotations

import argparse
import math
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from .. import _plan, _resampling
from .._files import InputError, load_all, load_labels
from .._table import settings, table
from ..results import SCHEMA_VERSION, Evaluation, format_value, json_text
from ._rules import Goal
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

Planned = dict[str, list[dict[str, Any]]]  # set of fakes -> one answer a goal


def evaluate(arguments: argparse.Namespace) -> bool:
    """Whether all requirements are met."""
    quiet: bool = arguments.quiet
    if closed(sys.stdout) and arguments.out is None:
        raise OutputError("standard output is closed and there is no --out: the result would be lost")
    for rule in arguments.require:
        if rule.end is not None and arguments.intervals is None:
            raise InputError(f"--require {rule.text!r} asks for an interval; add --intervals")
    names = metric_names(arguments.metrics or ["default"], quiet)
    paths = [arguments.real, *arguments.fake]
    labels, groups = _label_files(arguments.labels, paths), list(arguments.groups or [])
    if groups and len(groups) != len(arguments.fake):
        raise InputError(
            f"--groups takes the groups of each FAKE ({len(arguments.fake)} here), got {len(groups)} files"
        )
    if arguments.intervals is None and (groups or arguments.reference != "fixed"):
        option = "--groups" if groups else "--reference"
        raise InputError(f"{option} says how intervals are made; add --intervals")
    others = [path for path in (arguments.holdout, arguments.baseline_check) if isinstance(path, str)]
    real_name, *fake_names = headings(paths)
    real, *arrays = load_all([*paths, *others])
    fakes = dict(zip(fake_names, arrays, strict=False))
    rest = iter(arrays[len(fakes) :])
    asked: dict[str, Any] = {}
    if arguments.holdout is not None:
        asked["holdout_features"] = next(rest)
    if arguments.baseline_check is not None:
        asked["baseline"] = True if arguments.baseline_check is True else next(rest)
    if arguments.intervals is not None:
        asked |= {"intervals": arguments.intervals, "reference": arguments.reference}
    if labels:
        asked |= _labels(labels, real, fakes, paths)
    if groups:
        read = _one_a_row(groups, fakes.values(), paths[1:], "groups")
        asked["groups"] = dict(zip(fakes, read, strict=True))
    shared = {"nearest_k": arguments.nearest_k, "seed": arguments.seed, "n_jobs": arguments.n_jobs}
    progress = True if not quiet and is_terminal(sys.stderr) else None
    with warnings_as_notes(quiet):
        results = _plan.evaluate_many(
            real, fakes, metrics=names, progress=progress, real_name=real_name, **shared, **asked
        )
    planned: Planned = {}
    if arguments.plan:
        with warnings_as_notes(quiet=True):  # said once already
            planned = _planned(arguments.plan, real, fakes, real_name, shared, progress)
    if not quiet:
        for name, result in results.items():
            for note in result.notes:
                say(f"note: {name}: {note}")

    document = _document(arguments, real, fakes, results, planned)
    text = json_text(document) if arguments.json or arguments.out is not None else ""
    if arguments.out is not None:
        write_file(arguments.out, text)
    if not closed(sys.stdout):
        write(text if arguments.json else _report(real_name, real, results, planned))

    failed = 0
    for name, result in results.items():
        for rule in arguments.require:
            if not rule.met(result):
                failed += 1
                say(f"requirement not met: {rule.text} for {name}: {rule.reason(result)}")
    return not failed


def _label_files(files: Sequence[str] | None, paths: Sequence[str]) -> list[str]:
    """Of the reals alone, or of all sets."""
    if files and len(files) not in (1, len(paths)):
        raise InputError(
            f"--labels takes the labels of REAL alone, or of REAL and each FAKE ({len(paths)} files here), "
            f"got {len(files)}"
        )
    return list(files or [])


def _labels(
    files: Sequence[str], real: Any, fakes: Mapping[str, Any], paths: Sequence[str]
) -> dict[str, Any]:
    """The labels as `evaluate_many` takes them, one for each row."""
    found = _one_a_row(files, [real, *fakes.values()], paths, "labels")
    asked: dict[str, Any] = {"real_labels": found[0]}
    if len(found) > 1:
        asked["fake_labels"] = dict(zip(fakes, found[1:], strict=True))
    return asked


def _one_a_row(
    files: Sequence[str], sets: Iterable[Any], paths: Sequence[str], what: str
) -> list[NDArray[Any]]:
    """The labels or groups in the files, one for each row of the set at the same place."""
    found = []
    for file, path, rows in zip(files, paths, sets, strict=False):
        words = load_labels(file)
        if len(words) != len(rows):
            raise InputError(
                f"{file} has {len(words)} {what}, {path} has {len(rows)} rows; one a row is needed"
            )
        found.append(words)
    return found


def _planned(
    goals: Sequence[Goal],
    real: Any,
    fakes: Mapping[str, Any],
    real_name: str,
    shared: Mapping[str, Any],
    progress: Any,
) -> Planned:
    """For each set of fakes and each goal, how many fakes it takes."""
    made = _resampling.replicates(
        real,
        fakes,
        list(dict.fromkeys(goal.key for goal in goals)),
        reference="fixed",
        progress=progress,
        real_name=real_name,
        **shared,
    )
    answers: Planned = {}
    for name, found in made.items():
        answers[name] = []
        for goal in goals:
            if goal.key not in found.full:
                raise InputError(f"--plan takes single keys, such as recall, got the family {goal.key!r}")
            error = _resampling.standard_error(found, goal.key)
            # An error of 0 (no copy among these fakes) says nothing about what more of them would show.
            known = math.isfinite(error) and error > 0
            samples = _resampling.samples_needed(error, found.m, goal.error) if known else None
            answers[name].append(
                {
                    "metric": goal.key,
                    "asked": goal.error,
                    "standard_error": error,
                    "m": found.m,
                    "samples": samples,
                }
            )
    return answers


def _report(real_name: str, real: Any, results: Mapping[str, Evaluation], planned: Planned) -> str:
    n, d = real.shape
    width = table_width()
    lines = [f"real: {real_name}, {n:,} x {d:,}"]
    lines += ["", table(results, width=width, ascii_only=ascii_only()), "", *settings(results, width=width)]
    for name, result in results.items():
        for part in ("baseline", "modes"):
            found = getattr(result, part, None)
            if found is not None:
                lines += ["", *([f"{name}:"] if len(results) > 1 else []), found.summary()]
    for name, answers in planned.items():
        lines += ["", f"{name}: fakes for the standard error asked, the reals staying (square-root law)"]
        for answer in answers:
            lines += textwrap.wrap(f"  {_sentence(answer)}", width, subsequent_indent="    ")
    return "\n".join(lines)


def _sentence(answer: Mapping[str, Any]) -> str:
    metric, m, samples = answer["metric"], answer["m"], answer["samples"]
    if samples is None:
        return f"{metric}: it has no standard error that could be seen with {m:,} fakes"
    now = f"{metric}: standard error {format_value(answer['standard_error'])} with {m:,} fakes"
    takes = f"about {samples:,} were enough" if samples <= m else f"it takes about {samples:,}"
    return f"{now}; for {answer['asked']:g} {takes}"


def _document(
    arguments: argparse.Namespace,
    real: Any,
    fakes: Mapping[str, Any],
    results: Mapping[str, Evaluation],
    planned: Planned,
) -> dict[str, Any]:
    """Everything, as one JSON document."""

    def told(name: str, path: str) -> dict[str, Any]:
        found = results[name].document(samples=not arguments.no_samples)
        del found["schema_version"]  # that of the whole document holds
        judged = [
            {"rule": rule.text, "value": rule.value(results[name]), "met": rule.met(results[name])}
            for rule in arguments.require
        ]
        plan = {"plan": planned[name]} if name in planned else {}
        return {"name": name, "fake": described(path, fakes[name]), **found, **plan, "requirements": judged}

    return {
        "schema_version": SCHEMA_VERSION,
        "fidiv": _plan.version(),
        "real": described(arguments.real, real),
        "results": [told(name, path) for name, path in zip(fakes, arguments.fake, strict=True)],
    }
