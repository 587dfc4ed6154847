"""Balls whose radii belong to a part of a set: which points they hold.

The list of a centre's nearest points says what its ball holds as long as the list reaches beyond the ball.
The centres whose balls reach beyond their lists are asked in a sweep that carries up to 32 questions, one a
part, so that a pair far outside all balls costs the same for 32 as for one. A centre that is not meant gets
an open ball of radius 0, which holds nothing; a closed ball of radius r is the open one of the next larger
double.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._sweeps import Work

QUESTIONS = 32  # that a sweep takes
Question = Literal["covered_by", "covered", "least_radius"]
Known = tuple[NDArray[np.float64], NDArray[np.int64]]  # nearest points of each centre, distances and indices


@dataclass(frozen=True)
class Wish:
    """One question about one part, and where the answer (one entry a point) goes."""

    question: Question
    centres: NDArray[np.int64] | None  # positions; None: all
    radii: NDArray[np.float64]  # one a centre
    closed: bool
    take: Callable[[NDArray[Any]], None]


def answer(
    centres: _core.Points,
    points: _core.Points,
    known: Known | None,
    wishes: list[Wish],
    work: Work,
    n_jobs: int | None,
) -> None:
    """All wishes about balls around `centres`. `known` lists the nearest points of every centre."""
    size = points.shape[0]
    for start in range(0, len(wishes), QUESTIONS):
        some = wishes[start : start + QUESTIONS]
        begun, radii = [], np.zeros((len(some), centres.shape[0]))
        for row, wish in zip(radii, some, strict=True):
            reach = np.nextafter(wish.radii, np.inf) if wish.closed else wish.radii
            held, left = _by_lists(wish, reach, known, size)
            begun.append(held)
            row[left if wish.centres is None else wish.centres[left]] = reach[left]
        asked = np.flatnonzero(radii.any(axis=0))
        if not len(asked):
            for wish, held in zip(some, begun, strict=True):
                wish.take(held)
            continue
        rows = centres
        if len(asked) < centres.shape[0]:
            rows = _core.Points(centres.array[asked], f"part of {centres.name}", n_jobs=n_jobs)
        questions: list[Any] = [
            (wish.question, "rows", np.ascontiguousarray(row[asked]), False)
            for wish, row in zip(some, radii, strict=True)
        ]
        answers, done = _core.sweep(rows, points, questions, n_jobs=n_jobs)
        work.add(f"across {rows.name} and {points.name}: {len(some)} questions about balls of parts", done)
        for wish, held, more in zip(some, begun, answers, strict=True):
            if wish.question == "covered_by":
                wish.take(held + more)
            elif wish.question == "covered":
                wish.take(held | more)
            elif wish.closed:  # the radius itself, from the next larger double
                wish.take(np.where(np.isfinite(more), np.nextafter(more, 0.0), more))
            else:
                wish.take(more)


def _by_lists(
    wish: Wish, reach: NDArray[np.float64], known: Known | None, size: int
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """What the lists say, and which centres (by their place in the wish) they do not settle."""
    if wish.question == "least_radius" or known is None:
        nothing: NDArray[Any] = np.zeros(size, np.int64 if wish.question == "covered_by" else np.bool_)
        return nothing, np.arange(len(reach))
    distances, indices = known
    if wish.centres is not None:
        distances, indices = distances[wish.centres], indices[wish.centres]
    inside = distances < reach[:, None]
    beyond = inside[:, -1] & (distances.shape[1] < size)
    inside[beyond] = False
    found = indices[inside]
    if wish.question == "covered_by":
        return np.bincount(found, minlength=size), np.flatnonzero(beyond)
    held = np.zeros(size, dtype=np.bool_)
    held[found] = True
    return held, np.flatnonzero(beyond)
