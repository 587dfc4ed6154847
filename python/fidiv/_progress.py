"""How far the work is: from `progress=` of a call to a function that the sweeps report to.

`progress` is None or False (silent), True (a bar of tqdm where it is installed, else a plain line on stderr
when that is a terminal), or a callable (done, total), called in the thread of the call. An exception it
raises ends the work and reaches the caller.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

Report = Callable[[int, int], object]


@contextmanager
def reporter(progress: Any) -> Iterator[Report | None]:
    """What `progress` wishes, as a function of (done, total); None when nobody listens."""
    if progress is None or progress is False:
        yield None
    elif progress is True:
        with _bar() as report:
            yield report
    elif callable(progress):
        yield progress
    else:
        check_progress(progress)


def check_progress(progress: Any) -> None:
    """A wish that cannot be met is said before the inputs are read, which may take a while."""
    if not (progress is None or isinstance(progress, bool) or callable(progress)):
        raise TypeError(f"progress must be None, True, False or a callable (done, total), got {progress!r}")


def stages(report: Report | None, weights: Sequence[int]) -> list[Report | None]:
    """One reporter for each stage of a work, all counting towards one total: the sum of the weights.

    >>> one, two = stages(lambda done, total: print(done, "of", total), [2, 6])
    >>> one(5, 5), two(1, 2)
    2 of 8
    5 of 8
    (None, None)
    """
    if report is None:
        return [None] * len(weights)
    whole = sum(weights)

    def stage(before: int, weight: int) -> Report:
        return lambda done, total: report(before + (weight * done // total if total else weight), whole)

    return [stage(sum(weights[:i]), weight) for i, weight in enumerate(weights)]


@contextmanager
def _bar() -> Iterator[Report | None]:
    try:
        from tqdm import tqdm
    except ImportError:
        with _line() as line:
            yield line
        return
    bar = tqdm(
        desc="fidiv", total=100, unit="%", bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}"
    )
    try:

        def report(done: int, total: int) -> None:
            bar.update(int(100 * done // max(total, 1)) - bar.n)

        yield report
    finally:
        bar.close()


@contextmanager
def _line() -> Iterator[Report | None]:
    """A line that rewrites itself, on a terminal only: in a file it would be a heap of fragments."""
    stream = sys.stderr
    if stream is None or not stream.isatty():
        yield None
        return
    shown = -1
    try:

        def report(done: int, total: int) -> None:
            nonlocal shown
            percent = int(100 * done // max(total, 1))
            if percent != shown:
                shown = percent
                stream.write(f"\rfidiv {percent:3d}%")
                stream.flush()

        yield report
    finally:
        if shown >= 0:
            stream.write("\n")
            stream.flush()
