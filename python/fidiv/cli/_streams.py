"""What goes where: the result to standard output, everything else, a line each, to standard error."""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .._files import InputError
from .._tables import write_whole


class OutputError(Exception):
    """The result has nowhere to go."""


def closed(stream: Any) -> bool:
    """Whether the process was started without this stream (`>&-`)."""
    return stream is None or stream.closed


def say(line: str) -> None:
    """One line on standard error; a terminal that cannot show a letter gets a stand-in, not an exception."""
    if sys.stderr is None:
        return
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    with suppress(OSError):
        sys.stderr.write(f"fidiv: {line}\n".encode(encoding, "backslashreplace").decode(encoding))
        sys.stderr.flush()


def write(text: str) -> None:
    """The result, on standard output. A reader that has gone (`| head`) is no error."""
    if closed(sys.stdout):
        raise OutputError("standard output is closed: the result is lost")
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        forget_stdout()
    except OSError as error:
        forget_stdout()
        raise OutputError(f"standard output cannot be written ({error.strerror or error})") from None


def forget_stdout() -> None:
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def write_file(path: Path, text: str) -> None:
    """The whole file or none of it: written beside its place, then moved there."""
    try:
        write_whole(path, [text, "\n"])
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error})") from None


def is_terminal(stream: Any) -> bool:
    return stream is not None and stream.isatty()


def ascii_only() -> bool:
    """Whether standard output cannot show the arrows of the table."""
    try:
        "↑↓→─…".encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return True
    return False


@contextmanager
def warnings_as_notes(quiet: bool) -> Iterator[None]:
    """Warnings become notes: one line on standard error, without file and line number."""

    def show(message: Warning | str, *_: object, **__: object) -> None:
        if not quiet:
            say(f"note: {message}")

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = show
        yield


def table_width() -> int:
    """How wide a table may be: as the terminal, or 100 columns where there is none."""
    width = shutil.get_terminal_size((100, 24)).columns if is_terminal(sys.stdout) else 100
    return max(width, 60)
