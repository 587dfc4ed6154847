"""Sweeps of a real set in two halves: every answer is that of the whole set, and what lies between single
points and one half, the anchors, is known beside it.

A sweep over all pairs is a sweep over those of each half with the rest; its answers are put together by rows,
or are sums, maxima and merged lists. That costs a little more than one sweep, and far less than to look at
half of the pairs again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._progress import Report, stages
from .metrics import Anchored, Halves

Lists = tuple[NDArray[np.float64], NDArray[np.int64]]


class Split:
    """A real set in seeded halves."""

    def __init__(self, real: _core.Points, seed: int, nearest_k: int, n_jobs: int | None) -> None:
        n = real.shape[0]
        chosen = np.zeros(n, dtype=np.bool_)
        chosen[np.random.default_rng([seed, 0]).permutation(n)[: n // 2]] = True
        self.rows = np.flatnonzero(chosen), np.flatnonzero(~chosen)
        first, second = (
            _core.Points(real.array[rows], f"half of {real.name}", n_jobs=n_jobs) for rows in self.rows
        )
        self._points = first, second
        self._real, self._k, self._n_jobs = real, nearest_k, n_jobs
        self.halves = Halves(*self.rows, first.array, second.array)
        self._radii: NDArray[np.float64] | None = None
        self._others: tuple[NDArray[np.float64], NDArray[np.int64]] | None = None

    def within(self, k: int, report: Report | None) -> tuple[Lists, list[dict[str, Any]]]:
        """The nearest k of each point among the others, from three sweeps."""
        a, c = (len(rows) for rows in self.rows)
        steps = stages(report, [a * a // 2, c * c // 2, a * c])
        lists: list[Lists] = []
        done = []
        for points, size, step in zip(self._points, (a, c), steps, strict=False):
            wanted: list[Any] = [("nearest", "rows", min(k, size - 1))]
            (found,), work = _core.sweep(points, None, wanted, n_jobs=self._n_jobs, progress=step)
            lists.append(found)
            done.append(work)
        first, second = self._points
        both: list[Any] = [("nearest", "rows", min(k, c)), ("nearest", "columns", min(k, a))]
        (to_others, to_anchors), work = _core.sweep(
            first, second, both, n_jobs=self._n_jobs, progress=steps[2]
        )
        done.append(work)
        self._radii = lists[0][0][:, self._k - 1].copy()
        self._others = to_anchors[0][:, self._k - 1].copy(), to_anchors[1][:, 0].copy()
        n = a + c
        answer = np.empty((n, k)), np.empty((n, k), dtype=np.int64)
        for rows, own, cross in (
            (self.rows[0], self._global(lists[0], 0), self._global(to_others, 1)),
            (self.rows[1], self._global(lists[1], 1), self._global(to_anchors, 0)),
        ):
            answer[0][rows], answer[1][rows] = _merged(own, cross, k)
        return answer, done

    def across(
        self, fake: _core.Points, questions: Sequence[Any], report: Report | None
    ) -> tuple[list[Any], list[dict[str, Any]], Anchored]:
        """The answers of a sweep of all reals (rows) and the fakes (columns), and what the anchors are to all
        points. One of the questions has to be for the neighbours of the fakes.
        """
        m = fake.shape[0]
        steps = stages(report, [len(self.rows[0]) * m, len(self.rows[1]) * m, self._real.shape[0] * m])
        # The products of two halves, multiplied, are rounded once more than that of all.
        whole = [i for i, q in enumerate(questions) if q[0] == "product" and q[1] == "columns"]
        split = [i for i in range(len(questions)) if i not in whole]
        answers: list[Any] = [None] * len(questions)
        parts, done = [], []
        for points, rows, step in zip(self._points, self.rows, steps, strict=False):
            asked = [_of_part(questions[i], rows) for i in split]
            found, work = _core.sweep(points, fake, asked, n_jobs=self._n_jobs, progress=step)
            parts.append(found)
            done.append(work)
        if whole:
            asked = [questions[i] for i in whole]
            found, work = _core.sweep(self._real, fake, asked, n_jobs=self._n_jobs, progress=steps[2])
            done.append(work)
            for i, answer in zip(whole, found, strict=True):
                answers[i] = answer
        nearest: Lists | None = None
        for i, first, second in zip(split, *parts, strict=True):
            kind, side = questions[i][:2]
            if kind == "nearest" and side == "columns":
                nearest = first
            answers[i] = self._joined(questions[i], first, second)
        assert nearest is not None
        assert self._radii is not None
        assert self._others is not None
        of_fakes = nearest[0][:, self._k - 1].copy(), nearest[1][:, 0].copy()
        return answers, done, Anchored(self._radii, self._others, of_fakes)

    def _joined(self, question: Any, first: Any, second: Any) -> Any:
        kind, side = question[:2]
        if kind == "nearest" and side == "columns":
            return _merged(self._global(first, 0), self._global(second, 1), question[2])
        if kind == "nearest":
            return tuple(self._placed(a, b) for a, b in zip(first, second, strict=True))
        if (kind in ("count_within", "product")) == (side == "rows"):
            return self._placed(first, second)  # one answer a real
        if kind in ("count_within", "covered_by"):
            return first + second
        if kind == "covered":
            return first | second
        return np.maximum(first, second) if kind == "best_ratio" else np.minimum(first, second)

    def _placed(self, first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
        """Rows of the halves as rows of the whole."""
        whole = np.empty((len(first) + len(second), *first.shape[1:]), dtype=first.dtype)
        whole[self.rows[0]], whole[self.rows[1]] = first, second
        return whole

    def _global(self, lists: Lists, half: int) -> Lists:
        """With the places in the half as rows of the whole."""
        return lists[0], self.rows[half][lists[1]]


def _of_part(question: Any, rows: NDArray[np.int64]) -> Any:
    """The question put to some of the reals."""
    kind, side, *rest = question
    if kind == "nearest":
        return (kind, side, min(rest[0], len(rows))) if side == "columns" else question
    if side == "rows" and isinstance(rest[0], np.ndarray):
        rest[0] = np.ascontiguousarray(rest[0][rows])
    return (kind, side, *rest)


def _merged(first: Lists, second: Lists, k: int) -> Lists:
    """The k nearest of two lists, by distance, then index."""
    distances = np.concatenate([first[0], second[0]], axis=1)
    indices = np.concatenate([first[1], second[1]], axis=1)
    order = np.lexsort((indices, distances), axis=1)[:, :k]
    return np.take_along_axis(distances, order, axis=1), np.take_along_axis(indices, order, axis=1)
