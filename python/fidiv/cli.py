"""The command ``fidiv``: ``evaluate`` on feature files, ``demo`` on real data, ``info`` on the installation.

The result goes to standard output; progress, notes and errors, one line each, to standard error. Exit codes:
0 fine, 1 a requirement not met, 2 wrong usage or input, 3 anything else that went wrong, 130 interrupted.
"""

from __future__ import annotations

import argparse
import difflib
import json
import math
import operator
import os
import platform
import re
import shutil
import stat
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, NoReturn

from . import __version__, _plan, demo, show_config
from ._files import InputError, load_all
from ._table import settings, table
from .metrics import FAMILIES
from .results import SCHEMA_VERSION, Evaluation, json_text

__all__ = ["main"]

OK, NOT_MET, WRONG_INPUT, FAILED, INTERRUPTED = 0, 1, 2, 3, 130
ALIASES = {"fid": "frechet_distance"}  # accepted in --metrics and --require, and never a key
OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with these arguments (those of the process by default) and return its exit code.

    Examples
    --------
    >>> main(["--version"])  # doctest: +ELLIPSIS
    fidiv ...
    0
    """
    code = _run(argv)
    try:
        if not _closed(sys.stdout):
            sys.stdout.flush()
    except BrokenPipeError:
        _forget_stdout()
    except OSError as error:  # such as a full disk
        _forget_stdout()
        if code == OK:
            _say(f"error: standard output cannot be written ({error.strerror or error})")
            code = FAILED
    return code


def _run(argv: Sequence[str] | None) -> int:
    try:
        arguments = _parser().parse_args(argv)
        code: int = arguments.run(arguments)
        return code
    except SystemExit as stop:  # argparse has said what there is to say
        return stop.code if isinstance(stop.code, int) else OK
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED
    except Exception as error:
        if os.environ.get("FIDIV_DEBUG"):
            raise
        line = " ".join(str(error).split())
        # An integer too large for the compiled core is the user's.
        if isinstance(error, (ValueError, OverflowError)):
            _say(f"error: {line}")
            return WRONG_INPUT
        if isinstance(error, _OutputError):
            _say(f"error: {line}")
            return FAILED
        if isinstance(error, MemoryError):
            _say(f"error: not enough memory{': ' + line if line else ''}")
            return WRONG_INPUT
        _say(f"error: {type(error).__name__}: {line} (set FIDIV_DEBUG=1 for the traceback)")
        return FAILED


# -------------------------------------------------------------------------------------------------- arguments
class _Parser(argparse.ArgumentParser):
    """Wrong usage is one line on standard error."""

    def error(self, message: str) -> NoReturn:
        if re.search(r"required: .*\b(REAL|FAKE)\b", message):
            message += "; the files come first, since --metrics takes all the words that follow it"
        self.exit(WRONG_INPUT, f"fidiv: error: {message} (see {self.prog} --help)\n")


def _parser() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    parser = _Parser(
        prog="fidiv",
        description="How faithful and how diverse a generative model is: exact metrics on feature vectors.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"fidiv {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", title="commands")
    parser.set_defaults(run=lambda _: parser.error("a command is expected: evaluate, demo or info"))

    evaluate = commands.add_parser(
        "evaluate",
        usage="%(prog)s REAL FAKE [FAKE ...] [options]",
        help="compare generated features with real ones",
        description="Compare sets of generated features (FAKE) with a set of real ones (REAL).",
        epilog=EVALUATE_EPILOG,
        formatter_class=form,
        allow_abbrev=False,
    )
    add = evaluate.add_argument
    add("real", metavar="REAL", help="real features, n x d: .npy (memory-mapped) or .npz")
    add("fake", metavar="FAKE", nargs="+", help="generated features, m x d; several share the work on REAL")
    add(
        "--metrics",
        metavar="NAME",
        nargs="+",
        action="extend",
        help=f"any of: default, all, {', '.join(FAMILIES)}, or single keys; after the files; repeatable "
        "(default: default)",
    )
    add("-k", "--nearest-k", metavar="K", type=_count, help="neighbours (default: each family's own, 3 or 5)")
    add("--seed", metavar="S", type=_seed, default=0, help="seed of the randomised metrics (default: 0)")
    add(
        "--n-jobs",
        metavar="N",
        type=_jobs,
        help="threads; -1 all, -2 all but one (default: FIDIV_NUM_THREADS, else all)",
    )
    add("--json", action="store_true", help="print one JSON document instead of the table")
    add("--out", metavar="FILE.json", type=_out, help="also write the JSON document to this file")
    add("--no-samples", action="store_true", help="leave the samples, one entry a point, out of the document")
    add(
        "--require",
        metavar="RULE",
        action="append",
        type=_requirement,
        default=[],
        help='e.g. "recall>=0.55", for every FAKE; repeatable; exit code 1 where one is not met',
    )
    add("--quiet", action="store_true", help="neither progress nor notes on standard error")
    evaluate.set_defaults(run=_evaluate)

    show = commands.add_parser(
        "demo",
        help="the metrics at work on real handwritten digits",
        description=demo.DESCRIPTION,
        formatter_class=form,
        allow_abbrev=False,
    )
    show.set_defaults(run=_demo)

    info = commands.add_parser(
        "info",
        help="version, kernels, threads, build",
        description="What is installed and what it will use here: version, kernels, threads, build.",
        allow_abbrev=False,
    )
    info.add_argument("--json", action="store_true", help="print one JSON document")
    info.set_defaults(run=_info)
    return parser


EVALUATE_EPILOG = """\
examples:
  fidiv evaluate real.npy fake.npy
  fidiv evaluate real.npy model-a.npy model-b.npz --metrics precision_recall frechet_distance
  fidiv evaluate real.npy fake.npy --quiet --require "recall>=0.55" --require "exact_copies==0"

table:
  better     which values are better: high, low, near 1 or near 0
  expected   what the value would be on average if both sets came from one law, where that is known

files:
  .npy   float32 and float64 are used in place, so the file may be larger than memory
  .npz   the array "features", else "feats", else "arr_0", else the only one

exit codes:
  0 fine   1 a requirement not met (NaN and a missing metric are not met)   2 wrong usage or input
  3 anything else that went wrong   130 interrupted
"""


def _count(text: str) -> int:
    if not re.fullmatch(r"\+?\d+", text) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number of at least 1 is expected, got {text!r}")
    return int(text)


def _seed(text: str) -> int:
    if not re.fullmatch(r"\+?\d+", text):
        raise argparse.ArgumentTypeError(f"a whole number of at least 0 is expected, got {text!r}")
    return int(text)


def _jobs(text: str) -> int:
    if not re.fullmatch(r"[+-]?\d+", text) or int(text) == 0:
        raise argparse.ArgumentTypeError(f"a whole number other than 0 is expected, got {text!r}")
    return int(text)


def _out(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() != ".json":
        raise argparse.ArgumentTypeError(f"the name must end in .json, got {text!r}")
    try:
        with suppress(FileNotFoundError):
            if not stat.S_ISREG(path.stat().st_mode):
                raise argparse.ArgumentTypeError(f"{text!r} is not a regular file")
        if not path.parent.is_dir() or not os.access(path.parent, os.W_OK | os.X_OK):
            raise argparse.ArgumentTypeError(f"{text!r} is not in an existing folder that can be written to")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise argparse.ArgumentTypeError(f"{text!r} cannot be written ({reason})") from None
    return path


@dataclass(frozen=True)
class Requirement:
    """A rule such as ``recall>=0.55``; NaN and a missing metric do not meet it."""

    text: str
    key: str
    operator: str
    threshold: float

    def met(self, values: Mapping[str, float]) -> bool:
        value = values.get(self.key, math.nan)
        return not math.isnan(value) and OPERATORS[self.operator](value, self.threshold)

    def reason(self, values: Mapping[str, float]) -> str:
        """Why it is not met."""
        if self.key not in values:
            close = difflib.get_close_matches(self.key, values, n=1)
            return f"{self.key} was not computed" + (f"; did you mean {close[0]}?" if close else "")
        value = values[self.key]
        return f"{self.key} is {'undefined' if math.isnan(value) else repr(value)}"


def _requirement(text: str) -> Requirement:
    found = re.fullmatch(r"\s*(\w+)\s*(>=|<=|==|>|<)\s*(\S+)\s*", text)
    try:
        threshold = float(found[3]) if found else math.nan
    except ValueError:
        threshold = math.nan
    if found is None or math.isnan(threshold):
        raise argparse.ArgumentTypeError(
            f'a metric, one of >= <= > < == and a number are expected, such as "recall>=0.55", got {text!r}'
        )
    return Requirement(text.strip(), ALIASES.get(found[1], found[1]), found[2], threshold)


# --------------------------------------------------------------------------------------------------- evaluate
def _evaluate(arguments: argparse.Namespace) -> int:
    quiet: bool = arguments.quiet
    if _closed(sys.stdout) and arguments.out is None:
        raise _OutputError("standard output is closed and there is no --out: the result would be lost")
    names = _metric_names(arguments.metrics or ["default"], quiet)
    paths = [arguments.real, *arguments.fake]
    real_name, *fake_names = _headings(paths)
    real, *arrays = load_all(paths)
    fakes = dict(zip(fake_names, arrays, strict=True))
    with _warnings_as_notes(quiet):
        results = _plan.evaluate_many(
            real,
            fakes,
            metrics=names,
            nearest_k=arguments.nearest_k,
            seed=arguments.seed,
            n_jobs=arguments.n_jobs,
            progress=True if not quiet and _is_terminal(sys.stderr) else None,
            real_name=real_name,
        )
    if not quiet:
        for name, result in results.items():
            for note in result.notes:
                _say(f"note: {name}: {note}")

    document = _document(arguments, real, fakes, results)
    text = json_text(document) if arguments.json or arguments.out is not None else ""
    if arguments.out is not None:
        _write_file(arguments.out, text)
    if not _closed(sys.stdout):
        _write(text if arguments.json else _report(real_name, real, results))

    failed = 0
    for name, result in results.items():
        for rule in arguments.require:
            if not rule.met(result):
                failed += 1
                _say(f"requirement not met: {rule.text} for {name}: {rule.reason(result)}")
    return NOT_MET if failed else OK


def _metric_names(words: Sequence[str], quiet: bool) -> str | list[str]:
    names = [name for word in words for name in word.split(",") if name]
    for name in names:
        if name in ALIASES and not quiet:
            _say(f"note: {name} is taken as {ALIASES[name]}: it is computed on the features given")
        if name.lower().endswith((".npy", ".npz")):
            raise InputError(f"--metrics takes names, got the file {name!r}; the files come before --metrics")
    names = [ALIASES.get(name, name) for name in names]
    return names[0] if len(names) == 1 and names[0] in ("default", "all") else names


def _headings(paths: Sequence[str]) -> list[str]:
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


def _report(real_name: str, real: Any, results: Mapping[str, Evaluation]) -> str:
    n, d = real.shape
    lines = [f"real: {real_name}, {n:,} x {d:,}"]
    width = shutil.get_terminal_size((100, 24)).columns if _is_terminal(sys.stdout) else 100
    width = max(width, 60)
    lines += ["", table(results, width=width, ascii_only=_ascii_only()), "", *settings(results, width=width)]
    return "\n".join(lines)


def _document(
    arguments: argparse.Namespace, real: Any, fakes: Mapping[str, Any], results: Mapping[str, Evaluation]
) -> dict[str, Any]:
    """Everything, as one JSON document."""

    def described(path: str, array: Any) -> dict[str, Any]:
        return {"file": path, "rows": array.shape[0], "columns": array.shape[1], "dtype": array.dtype.name}

    def told(name: str, path: str) -> dict[str, Any]:
        found = results[name].document(samples=not arguments.no_samples)
        del found["schema_version"]  # that of the whole document holds
        judged = [
            {"rule": rule.text, "value": results[name].get(rule.key), "met": rule.met(results[name])}
            for rule in arguments.require
        ]
        return {"name": name, "fake": described(path, fakes[name]), **found, "requirements": judged}

    return {
        "schema_version": SCHEMA_VERSION,
        "fidiv": __version__,
        "real": described(arguments.real, real),
        "results": [told(name, path) for name, path in zip(fakes, arguments.fake, strict=True)],
    }


# ---------------------------------------------------------------------------------------------- demo and info
def _demo(arguments: argparse.Namespace) -> int:
    _write(demo.run(ascii_only=_ascii_only()))
    return OK


def _info(arguments: argparse.Namespace) -> int:
    found: dict[str, Any] = {**show_config(), "python": platform.python_version()}
    found["platform"] = platform.platform()
    for package in ("numpy", "scipy", "tqdm"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed" + (" (optional)" if package == "tqdm" else "")
    for variable in ("FIDIV_KERNEL", "FIDIV_NUM_THREADS", "OMP_NUM_THREADS"):
        found[variable] = os.environ.get(variable, "not set")
    if arguments.json:
        _write(json.dumps(found, indent=2))
    else:
        width = max(map(len, found))
        lists = {key: ", ".join(map(str, value)) for key, value in found.items() if isinstance(value, list)}
        _write("\n".join(f"{key.ljust(width)}  {value}" for key, value in {**found, **lists}.items()))
    return OK


# ---------------------------------------------------------------------------------------------------- streams
class _OutputError(Exception):
    """The result has nowhere to go."""


def _closed(stream: Any) -> bool:
    """Whether the process was started without this stream (`>&-`)."""
    return stream is None or stream.closed


def _say(line: str) -> None:
    """One line on standard error; a terminal that cannot show a letter gets a stand-in, not an exception."""
    if sys.stderr is None:
        return
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    with suppress(OSError):
        sys.stderr.write(f"fidiv: {line}\n".encode(encoding, "backslashreplace").decode(encoding))
        sys.stderr.flush()


def _write(text: str) -> None:
    """The result, on standard output. A reader that has gone (`| head`) is no error."""
    if _closed(sys.stdout):
        raise _OutputError("standard output is closed: the result is lost")
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_stdout()
    except OSError as error:
        _forget_stdout()
        raise _OutputError(f"standard output cannot be written ({error.strerror or error})") from None


def _forget_stdout() -> None:
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _write_file(path: Path, text: str) -> None:
    """The whole file or none of it: written beside its place, then moved there."""
    try:
        target = path.resolve()
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error})") from None
    unfinished = target.with_name(
        f".fidiv-{os.getpid()}.json"
    )  # short: a long name may be all that is allowed
    try:
        with unfinished.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, target)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error})") from None
    finally:
        with suppress(OSError):
            unfinished.unlink()


def _is_terminal(stream: Any) -> bool:
    return stream is not None and stream.isatty()


def _ascii_only() -> bool:
    """Whether standard output cannot show the arrows of the table."""
    try:
        "↑↓→─…".encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return True
    return False


@contextmanager
def _warnings_as_notes(quiet: bool) -> Iterator[None]:
    """Warnings become notes: one line on standard error, without file and line number."""

    def show(message: Warning | str, *_: object, **__: object) -> None:
        if not quiet:
            _say(f"note: {message}")

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = show
        yield
