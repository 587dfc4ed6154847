"""The command ``fidiv``: ``evaluate`` and ``compare`` on feature files, ``demo`` on real data, ``info`` on
the installation.

The result goes to standard output; progress, notes and errors, one line each, to standard error. Exit codes:
0 fine, 1 a requirement not met, 2 wrong usage or input, 3 anything else that went wrong, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Sequence
from importlib import metadata
from typing import Any

from .. import demo, show_config
from ._arguments import WRONG_INPUT, parser
from ._compare import compare
from ._evaluate import evaluate
from ._streams import OutputError, ascii_only, closed, forget_stdout, say, write

__all__ = ["main"]

OK, NOT_MET, FAILED, INTERRUPTED = 0, 1, 3, 130


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
        if not closed(sys.stdout):
            sys.stdout.flush()
    except BrokenPipeError:
        forget_stdout()
    except OSError as error:  # such as a full disk
        forget_stdout()
        if code == OK:
            say(f"error: standard output cannot be written ({error.strerror or error})")
            code = FAILED
    return code


def _run(argv: Sequence[str] | None) -> int:
    try:
        arguments = parser(
            {"evaluate": _run_evaluate, "compare": _run_compare, "demo": _run_demo, "info": _run_info}
        ).parse_args(argv)
        code: int = arguments.run(arguments)
        return code
    except SystemExit as stop:  # argparse has said what there is to say
        return stop.code if isinstance(stop.code, int) else OK
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except Exception as error:
        if os.environ.get("FIDIV_DEBUG"):
            raise
        line = " ".join(str(error).split())
        # An integer too large for the compiled core is the user's.
        if isinstance(error, (ValueError, OverflowError)):
            say(f"error: {line}")
            return WRONG_INPUT
        if isinstance(error, OutputError):
            say(f"error: {line}")
            return FAILED
        if isinstance(error, MemoryError):
            say(f"error: not enough memory{': ' + line if line else ''}")
            return WRONG_INPUT
        say(f"error: {type(error).__name__}: {line} (set FIDIV_DEBUG=1 for the traceback)")
        return FAILED


def _run_evaluate(arguments: argparse.Namespace) -> int:
    return OK if evaluate(arguments) else NOT_MET


def _run_compare(arguments: argparse.Namespace) -> int:
    compare(arguments)
    return OK


def _run_demo(arguments: argparse.Namespace) -> int:
    write(demo.run(ascii_only=ascii_only()))
    return OK


def _run_info(arguments: argparse.Namespace) -> int:
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
        write(json.dumps(found, indent=2))
    else:
        width = max(map(len, found))
        lists = {key: ", ".join(map(str, value)) for key, value in found.items() if isinstance(value, list)}
        write("\n".join(f"{key.ljust(width)}  {value}" for key, value in {**found, **lists}.items()))
    return OK
