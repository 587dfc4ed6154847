"""How near the precision-recall curves come to those of known laws: every method, split and k, by size.

python benches/curves.py             all rows; writes record/curves.md
python benches/curves.py --quick     small sizes, seconds; nothing is recorded

The distance between two curves is the largest difference of precision (where lambda >= 1) or of recall (where
lambda < 1) at one lambda, over lambdas from 1/5 to 5. Each figure is the mean of some draws; the sign of the
difference of the areas says on which side the estimate lies.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from pathlib import Path

import harness
import numpy as np

WIDEST = 5.0
METHODS = ("knn", "kde", "ipr", "coverage", "clusters", "classifier")
SPLITS = ("leave-one-out", 0.5, None)


def shifted(n: int, d: int, seed: int, shift: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), rng.normal(size=(n, d)) + shift / math.sqrt(d)


def scaled(n: int, d: int, seed: int, scale: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), scale * rng.normal(size=(n, d))


def mixture(n: int, d: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Four modes that do not overlap for d = 64, with other weights."""
    rng = np.random.default_rng(seed)
    middles = np.array([0.0, -5.0, 3.0, 5.0])
    sets = [
        middles[rng.choice(4, n, p=weights)][:, None] + rng.normal(size=(n, d))
        for weights in ((0.3, 0.2, 0.5, 0.0), (0.0, 0.5, 0.2, 0.3))
    ]
    return sets[0], sets[1]


def laws() -> dict[str, tuple[Callable[[int, int], tuple[np.ndarray, np.ndarray]], object]]:
    """name -> (draw, exact curve)."""
    from fidiv.curves import exact

    found: dict[str, tuple[Callable[[int, int], tuple[np.ndarray, np.ndarray]], object]] = {}
    for d in (2, 8, 64):
        for shift in (1.0, 3.0):
            found[f"shift {shift:g}, d {d}"] = (
                lambda n, seed, d=d, shift=shift: shifted(n, d, seed, shift),
                exact.gaussian_shift(shift),
            )
        found[f"scale 1.1, d {d}"] = (
            lambda n, seed, d=d: scaled(n, d, seed, 1.1),
            exact.gaussian_scale(1.1, d),
        )
    weights = (0.3, 0.2, 0.5, 0.0), (0.0, 0.5, 0.2, 0.3)
    found["four modes, d 64"] = (lambda n, seed: mixture(n, 64, seed), exact.modes(*weights))
    return found


def distance(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> float:
    lambdas = one["lambdas"]
    middle = (lambdas >= 1 / WIDEST) & (lambdas <= WIDEST)
    gaps = [
        np.abs(one[key] - other[key])[middle & side]
        for key, side in (("precision", lambdas >= 1), ("recall", lambdas < 1))
    ]
    return float(max(gap.max() for gap in gaps))


def main() -> int:
    import fidiv

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="small; nothing is recorded")
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[500, 2000, 10_000], help="points of each set"
    )
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    sizes, draws = ([100], 1) if options.quick else (options.sizes, options.draws)

    lines = [["law", "n = m", "k", *(f"{m}, {s or 'none'}" for m in METHODS for s in SPLITS)]]
    lines.append(["---"] * len(lines[0]))
    for name, (draw, law) in laws().items():
        for n in sizes:
            sets = [draw(n, seed) for seed in range(draws)]
            for k in (4, None):
                row = [name, str(n), "4" if k else "sqrt"]
                for method in METHODS:
                    for split in SPLITS:
                        if k and method in ("clusters", "classifier"):
                            row.append("")
                            continue
                        got = [
                            fidiv.pr_curve(
                                x, y, method=method, nearest_k=k, split=split, seed=i, n_jobs=options.threads
                            )
                            for i, (x, y) in enumerate(sets)
                        ]
                        gap = np.mean([distance(result.curve, law.curve) for result in got])
                        area = np.mean([result.auc for result in got]) - law.auc
                        row.append(f"{gap:.3f} ({area:+.3f})")
                lines.append(row)
                print(*row, sep="  ", file=sys.stderr, flush=True)
    text = "\n".join(
        [
            "# Precision-recall curves against known laws",
            "",
            *harness.facts(options.threads, []),
            f"- mean of {draws} draws: largest difference of the curves, and (difference of the areas)",
            "",
            *("| " + " | ".join(line) + " |" for line in lines),
            "",
        ]
    )
    print(text, flush=True)
    if not options.quick:
        harness.RECORD.mkdir(exist_ok=True)
        Path(harness.RECORD / "curves.md").write_text(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
