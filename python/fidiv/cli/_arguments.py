"""The words the command takes."""

from __future__ import annotations

import argparse
import os
import re
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from .. import __version__, demo
from ..metrics import FAMILIES
from ._rules import goal, model, requirement

__all__ = ["WRONG_INPUT", "Command", "parser"]

WRONG_INPUT = 2
Command = Callable[[argparse.Namespace], int]
FORM = argparse.RawDescriptionHelpFormatter


class Parser(argparse.ArgumentParser):
    """Wrong usage is one line on standard error."""

    def error(self, message: str) -> NoReturn:
        if re.search(r"required: .*\b(REAL|FAKE|NAME=FILE)\b", message):
            message += "; the files come first, since --metrics takes all the words that follow it"
        self.exit(WRONG_INPUT, f"fidiv: error: {message} (see {self.prog} --help)\n")


def parser(commands: Mapping[str, Command]) -> argparse.ArgumentParser:
    """The parser, whose answer has the command to run as `run`."""
    whole = Parser(
        prog="fidiv",
        description="How faithful and how diverse a generative model is: exact metrics on feature vectors.",
        allow_abbrev=False,
    )
    whole.add_argument("--version", action="version", version=f"fidiv {__version__}")
    room = whole.add_subparsers(metavar="COMMAND", title="commands")
    names = list(commands)
    expected = f"a command is expected: {', '.join(names[:-1])} or {names[-1]}"
    whole.set_defaults(run=lambda _: whole.error(expected))

    evaluate = room.add_parser(
        "evaluate",
        usage="%(prog)s REAL FAKE [FAKE ...] [options]",
        help="compare generated features with real ones",
        description="Compare sets of generated features (FAKE) with a set of real ones (REAL).",
        epilog=EVALUATE_EPILOG,
        formatter_class=FORM,
        allow_abbrev=False,
    )
    evaluate.add_argument("real", metavar="REAL", help="real features, n x d: .npy (memory-mapped) or .npz")
    evaluate.add_argument(
        "fake", metavar="FAKE", nargs="+", help="generated features, m x d; several share the work on REAL"
    )
    _measuring(evaluate)
    _judging(evaluate)
    evaluate.set_defaults(run=commands["evaluate"])

    compare = room.add_parser(
        "compare",
        usage="%(prog)s REAL NAME=FILE NAME=FILE [NAME=FILE ...] [options]",
        help="which of several models is better, and which are tied",
        description="Set models side by side against the same reals: the best in each metric, who cannot be\n"
        "told from it, and the difference that could have been seen.",
        epilog=COMPARE_EPILOG,
        formatter_class=FORM,
        allow_abbrev=False,
    )
    compare.add_argument("real", metavar="REAL", help="real features, n x d: .npy (memory-mapped) or .npz")
    compare.add_argument(
        "models",
        metavar="NAME=FILE",
        nargs="+",
        type=model,
        help="a model and its features, m x d; a NAME given again is another run (training) of that model",
    )
    _measuring(compare)
    compare.add_argument(
        "--level", metavar="LEVEL", type=_level, default=0.95, help="of intervals and of ties (default: 0.95)"
    )
    compare.set_defaults(run=commands["compare"])

    show = room.add_parser(
        "demo",
        help="the metrics at work on real handwritten digits",
        description=demo.DESCRIPTION,
        formatter_class=FORM,
        allow_abbrev=False,
    )
    show.set_defaults(run=commands["demo"])

    info = room.add_parser(
        "info",
        help="version, kernels, threads, build",
        description="What is installed and what it will use here: version, kernels, threads, build.",
        allow_abbrev=False,
    )
    info.add_argument("--json", action="store_true", help="print one JSON document")
    info.set_defaults(run=commands["info"])
    return whole


def _measuring(command: argparse.ArgumentParser) -> None:
    """What `evaluate` and `compare` share."""
    add = command.add_argument
    add(
        "--metrics",
        metavar="NAME",
        nargs="+",
        action="extend",
        help=f"any of: default, all, {', '.join(FAMILIES)}, or single keys; after the files; repeatable "
        "(default: default)",
    )
    add("-k", "--nearest-k", metavar="K", type=_count, help="neighbours (default: each family's own, 3 or 5)")
    add(
        "--holdout",
        metavar="FILE",
        help="real features that the generator has not seen, for the metrics of memorisation",
    )
    add("--seed", metavar="S", type=_seed, default=0, help="seed of all that is drawn (default: 0)")
    add(
        "--n-jobs",
        metavar="N",
        type=_jobs,
        help="threads; -1 all, -2 all but one (default: FIDIV_NUM_THREADS, else all)",
    )
    add("--json", action="store_true", help="print one JSON document instead of the table")
    add("--out", metavar="FILE.json", type=_out, help="also write the JSON document to this file")
    add("--quiet", action="store_true", help="neither progress nor notes on standard error")


def _judging(command: argparse.ArgumentParser) -> None:
    """What only `evaluate` takes."""
    add = command.add_argument
    add(
        "--labels",
        metavar="FILE",
        nargs="+",
        help="the class of each point, of REAL, then of each FAKE or of none: .npy, .npz or .txt (one a "
        "line); says which modes are dropped, shrunk or invented",
    )
    add(
        "--baseline-check",
        metavar="FILE",
        nargs="?",
        const=True,
        help="what real data scores against real data at equal sizes: halves of REAL, or this second set",
    )
    add(
        "--intervals",
        metavar="LEVEL",
        nargs="?",
        type=_level,
        const=0.95,
        help="an interval for each value (default level: 0.95)",
    )
    add(
        "--reference",
        choices=("fixed", "random"),
        default="fixed",
        help="what is fresh in them: the fakes, against these reals (fixed), or both sets (default: fixed)",
    )
    add(
        "--groups",
        metavar="FILE",
        nargs="+",
        help="where points are not independent (frames of a video, samples of one prompt): the group of each "
        "point of each FAKE, in files like those of --labels; intervals then draw whole groups",
    )
    add(
        "--plan",
        metavar="METRIC=SE",
        action="append",
        type=goal,
        default=[],
        help='e.g. "recall=0.01": how many fakes would bring its standard error down to that; repeatable',
    )
    add("--no-samples", action="store_true", help="leave the samples, one entry a point, out of the document")
    add(
        "--require",
        metavar="RULE",
        action="append",
        type=requirement,
        default=[],
        help='e.g. "recall>=0.55", or "recall.low>=0.55" of its interval (.low, .high; with --intervals); '
        "for every FAKE; repeatable; exit code 1 where one is not met",
    )


FILES = """\
files:
  .npy   float32 and float64 are used in place, so the file may be larger than memory
  .npz   the array "features", else "feats", else "arr_0", else the only one
"""

CODES = """\
2 wrong usage or input
  3 anything else that went wrong   130 interrupted
"""

EVALUATE_EPILOG = f"""\
examples:
  fidiv evaluate real.npy fake.npy
  fidiv evaluate real.npy model-a.npy model-b.npz --metrics precision_recall frechet_distance
  fidiv evaluate real.npy fake.npy --quiet --require "recall>=0.55" --require "exact_copies==0"
  fidiv evaluate real.npy fake.npy --intervals 0.9 --require "recall.low>=0.55" --baseline-check
  fidiv evaluate real.npy fake.npy --labels real-labels.npy fake-labels.npy --holdout test.npy
  fidiv evaluate real.npy fake.npy --plan recall=0.01

table:
  better     which values are better: high, low, near 1 or near 0
  expected   what the value would be on average if both sets came from one law, where that is known
  interval   where the average over fresh fakes of this number lies, against these very reals

{FILES}
exit codes:
  0 fine   1 a requirement not met (NaN and a missing metric are not met)   {CODES}"""

COMPARE_EPILOG = f"""\
examples:
  fidiv compare real.npy a=model-a.npy b=model-b.npy
  fidiv compare real.npy old=old-1.npy old=old-2.npy new=new-1.npy new=new-2.npy --metrics recall pce

table:
  *          the best model in this metric
  ~          cannot be told from the best at the level, all pairs of the metric tested together (Holm)
  could see  a difference from the best that these samples would have shown 4 times in 5
  Rows of different files are paired by their place: write fakes of the same prompts, classes or seeds in the
  same order. Give all models equally many fakes: most metrics move with that number.

{FILES}
exit codes:
  0 fine   {CODES}"""


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


def _level(text: str) -> float:
    try:
        level = float(text)
    except ValueError:
        level = 0.0
    if not 0 < level < 1:
        raise argparse.ArgumentTypeError(f"a level between 0 and 1, such as 0.95, is expected, got {text!r}")
    return level


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
