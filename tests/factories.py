"""Rows to test with: ordinary, and chosen to hurt."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fidiv import _core


def gaussian(n, d, seed=0, dtype=np.float64, shift=0.0, scale=1.0):
    return (shift + scale * np.random.default_rng(seed).normal(size=(n, d))).astype(dtype)


def lattice(n, d, seed=0, side=3, dtype=np.float64):
    """Integer points with many equal distances and many duplicates."""
    return np.random.default_rng(seed).integers(0, side, size=(n, d)).astype(dtype)


def adversaries(d=33, n=60, seed=0):
    """name -> (x, y): pairs of sets on which a filter with a careless bound, or a distance by the expanded
    square, answers wrongly."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, d)), rng.normal(size=(n + 7, d))
    repeated = rng.normal(size=(5, d))
    ulp = np.repeat(x[:1], n, axis=0)
    ulp[np.arange(1, n), np.arange(1, n) % d] = np.nextafter(ulp[0, np.arange(1, n) % d], np.inf)
    nearly = np.repeat(x[:1], n, axis=0) + 1.0
    nearly[:, 0] = 1.0 + np.arange(n) * 2.0**-52  # distances from one another: units in the last place
    outlier32, outlier64 = x.astype(np.float32), x.copy()
    outlier32[3], outlier64[3] = 1e15, 1e100
    outlier32[3, 0] = 1e18
    one32 = x.astype(np.float32)
    one32[5, 2] = 1e30
    constant = x.copy()
    constant[:, ::2] = 12345.678
    scales = 10.0 ** rng.uniform(-150, 150, size=(n, 1))
    columns = 10.0 ** rng.uniform(-8, 8, size=(1, d))
    tiny32 = (rng.integers(0, 50, size=(n, d)) * 1e-45).astype(np.float32)
    sphere = x / np.linalg.norm(x, axis=1, keepdims=True)
    heavy = np.sign(x) * np.abs(x) ** 9
    return {
        "duplicates": (repeated[rng.integers(0, 5, n)], repeated[rng.integers(0, 5, n + 7)]),
        "copies of the other set": (x, np.concatenate([x[::-1], x[:7]])),
        "all rows equal": (np.full((n, d), 0.1), np.full((n + 7, d), 0.1)),
        "all rows zero": (np.zeros((n, d)), np.zeros((n + 7, d), np.float32)),
        "lattice": (lattice(n, d, 1), lattice(n + 7, d, 2)),
        "lattice, float32": (lattice(n, d, 1, dtype=np.float32), lattice(n + 7, d, 2, dtype=np.float32)),
        "one unit in the last place apart": (ulp, ulp[::-1]),
        "near ties": (nearly, np.concatenate([x[:1], nearly])),
        "offset 1e6": (x + 1e6, y + 1e6),
        "offset 1e6, float32": ((x + 1e6).astype(np.float32), (y + 1e6).astype(np.float32)),
        "offset 1e15": (x + 1e15, y + 1e15),
        "two far clusters": (
            x + 1e8 * (np.arange(n)[:, None] % 2),
            y + 1e8 * (np.arange(n + 7)[:, None] % 2),
        ),
        "far outlier, float32": (outlier32, y.astype(np.float32)),
        "outlier 1e30, float32": (one32, y.astype(np.float32)),
        "outlier 1e30 against float64": (one32, y),
        "outlier 1e100, float64": (outlier64, y),
        "outlier in both": (outlier64, np.concatenate([y, outlier64[3:4]])),
        "subnormal, float32": (tiny32, tiny32[::-1]),
        "subnormal squares": (x * 1e-158, y * 1e-158),
        "squares that vanish": (x * 1e-170, y * 1e-170),
        "constant columns": (constant, constant[::-1] + np.eye(1, d, 1)),
        "rows of mixed scale": (x * scales, y * scales[rng.integers(0, n, n + 7)]),
        "columns of mixed scale": (x * columns, y * columns),
        "unit sphere": (sphere, sphere[::-1] * (1 + 1e-12)),
        "heavy tails": (heavy, heavy[rng.permutation(n)] * 1.0000001),
        "mixed dtypes": (x.astype(np.float32), y),
        "float32 against its float64 original": (x.astype(np.float32), x),
    }


ADVERSARIES = sorted(adversaries(3, 8))

_small_integers = st.integers(-3, 3).map(float)
_halves = st.integers(-40, 40).map(lambda v: v / 8)
_any_float = st.floats(-1e6, 1e6, allow_subnormal=False, width=32)
_wild = st.integers(-(2**24), 2**24).map(lambda v: v * 2.0**75)


@st.composite
def point_sets(draw, max_rows=24, max_columns=40, min_rows=2, sets=2):
    """Some sets of one width, each float32 or float64, with ties, copies and scales that differ."""
    d = draw(st.integers(1, max_columns))
    elements = draw(st.sampled_from([_small_integers, _halves, _any_float, _wild]))
    result = []
    for _ in range(sets):
        n = draw(st.integers(min_rows, max_rows))
        dtype = draw(st.sampled_from([np.float32, np.float64]))
        x = draw(hnp.arrays(np.float64, (n, d), elements=elements)).astype(dtype)
        if result and draw(st.booleans()):  # some rows of an earlier set come again
            rows = draw(st.lists(st.integers(0, n - 1), max_size=n, unique=True))
            x[rows] = result[0][[r % len(result[0]) for r in rows]]
        result.append(x)
    return result


def ask(rows, columns, questions, *, kernel=None, **keywords):
    """One sweep of the extension over plain arrays; a forced kernel must be the one that the report names."""
    rows = _core.Points(np.ascontiguousarray(rows), "rows")
    columns = None if columns is None else _core.Points(np.ascontiguousarray(columns), "columns")
    answers, report = _core.sweep(rows, columns, questions, **keywords)
    if kernel is not None:
        assert report["kernel"] == kernel
    # Every question, in each of its directions, asks for a pair's distance at most once.
    directions = 2 if columns is None else 1
    assert 0 <= report["settled"] <= report["pairs"] * directions * max(1, len(questions))
    return answers
