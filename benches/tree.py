"""Points of few columns: fidiv against scipy's cKDTree and pykdtree, the trees of both included.

python benches/tree.py               all rows, in a .bench-venv with the peers and this checkout
python benches/tree.py --only d2     one row: d2, d3, d5 or d8
python benches/tree.py --quick       small sizes, seconds; nothing is recorded
python benches/tree.py --here        in this environment, with whatever is installed in it
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

WIDTHS = (2, 3, 5, 8)
NAMES = tuple(f"d{d}" for d in WIDTHS)
PEERS = ("pykdtree",)
K = 5


def clustered(n: int, d: int, seed: int) -> np.ndarray:
    """A hundred normal clusters of many sizes and scales, float32: dense and thin places side by side."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((100, d))
    scales = 10.0 ** rng.uniform(-3, -0.5, 100)
    label = rng.choice(100, size=n, p=rng.dirichlet(np.ones(100)))
    points = centres[label] + scales[label, None] * rng.standard_normal((n, d))
    return points.astype(np.float32)


def own_neighbours(d: int, options: argparse.Namespace) -> list[Any]:
    """Within one set, k = 5, with each peer; peers find the point itself as well, so they are asked for 6."""
    from harness import Row, check, check_neighbours, compare, gaussian
    from pykdtree.kdtree import KDTree
    from scipy.spatial import cKDTree

    from fidiv import _core, neighbors

    n = 20_000 if options.quick else options.points
    rows = []
    for kind, make in {"normal": gaussian, "clustered": clustered}.items():
        points = make(n, d, 1)
        report = _core.sweep(_core.Points(points[:20_000], "points"), None, [("nearest", "rows", K)])[1]
        check(report["code"] == "tree", f"{report['code']} ran, not the tree")

        def ours(points: Any = points) -> Any:
            return neighbors.knn(points, nearest_k=K, n_jobs=options.threads)

        def by_scipy(points: Any = points) -> Any:
            return cKDTree(points).query(points, k=K + 1, workers=options.threads)

        def by_pykdtree(points: Any = points) -> Any:
            return KDTree(points).query(points, k=K + 1)

        distances, indices = ours()
        check(not (indices == np.arange(n)[:, None]).any(), "a point is its own neighbour")
        check_neighbours(points, points, np.concatenate([np.arange(n)[:, None], indices], axis=1))
        for name, theirs in {"scipy cKDTree": by_scipy, "pykdtree (float32)": by_pykdtree}.items():
            row = Row(f"{kind}, {n} x {d} float32", "fidiv", name, "at least 1.5")
            tolerance = 1e-12 if theirs is by_scipy else 1e-3  # pykdtree computes in float32
            close = np.isclose(theirs()[0][:, 1:], distances, rtol=tolerance, atol=0)
            if theirs is by_scipy:
                check(bool(close.all()), "scipy finds other distances")
            else:
                row.note = f"{int((~close).any(axis=1).sum())} rows of pykdtree are off by more than 0.1 %"
            rows.append(compare(row, ours, theirs, options.pairs, least=1.5))
    return rows


def width(d: int, options: argparse.Namespace) -> bool:
    from harness import publish

    os.environ["OMP_NUM_THREADS"] = str(options.threads)  # pykdtree's threads
    title = f"Neighbours within one set of {d} columns, k = {K}, trees built anew, against other trees"
    return publish(f"tree-d{d}", title, own_neighbours(d, options), options, PEERS)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    from harness import arguments, run

    if "--here" not in sys.argv[1:] and not {"-h", "--help"} & set(sys.argv[1:]):
        from peers import HOME, prepare

        if Path(sys.prefix).resolve() != HOME.resolve():
            python = prepare(torch=False)
            subprocess.run([python, "-m", "pip", "install", "--quiet", *PEERS], check=True)
            sys.exit(subprocess.run([python, __file__, *sys.argv[1:]]).returncode)
    parser = arguments(__doc__.splitlines()[0], NAMES)
    parser.add_argument("--points", type=int, default=1_000_000, help="points of a set (default a million)")
    parser.add_argument("--here", action="store_true", help="in this environment, not in .bench-venv")
    rows = {f"d{d}": partial(width, d) for d in WIDTHS}
    sys.exit(run(rows, parser.parse_args()))
