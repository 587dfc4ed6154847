"""What families of metrics cost beside "default": all that need no further sweep at once, the others alone.

python benches/metrics.py              all rows, minutes
python benches/metrics.py --only free  one of them
python benches/metrics.py --quick      small sizes, seconds; nothing is recorded
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from harness import DATA, Row, arguments, check, compare, publish, run

import fidiv

# Short formulas over what three sweeps find: realism is part of "default".
FREE = (
    "rarity",
    "symmetric_precision_recall",
    "clipped_density_coverage",
    "alpha_precision",
    "authenticity",
    "closest_record",
    "divergences",
)
# Further sweeps, sums over all pairs, clusters, eigenvectors.
OWN = (
    "probabilistic_precision_recall",
    "pr_curve",
    "prd",
    "divergence_frontier",
    "kernel_distance",
    "mmd",
    "energy_distance",
    "sliced_wasserstein",
    "frechet_influence",
    "frechet_distance_infinity",
)
TESTS = ("neighbours", "mmd", "energy", "classifier", "ks")


def sets(kind: str, options: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    n, d = (1000, 64) if options.quick else (10_000, 768)
    return DATA[kind](n, d, 1), DATA[kind](n, d, 2, 1.1)


def name_of(real: np.ndarray, kind: str) -> str:
    return f"{kind}, {len(real)} + {len(real)} x {real.shape[1]}"


def evaluation(
    real: Any, fake: Any, metrics: Sequence[str], options: argparse.Namespace
) -> Callable[[], Any]:
    return lambda: fidiv.evaluate(real, fake, metrics=metrics, n_jobs=options.threads)


def free(options: argparse.Namespace) -> bool:
    """ "default" with all families that need no further sweep, against "default"."""
    rows = []
    for kind in DATA:
        real, fake = sets(kind, options)
        plain = evaluation(real, fake, ["default"], options)
        more = evaluation(real, fake, ["default", *FREE], options)
        check(len(more().settings["sweeps"]) == 3, "a further sweep")
        check(all(more()[key] == value for key, value in plain().items()), "a value changed")
        row = Row(name_of(real, kind), '"default"', "with the others", "at most 1.5")
        row.note = ", ".join(FREE)
        rows.append(compare(row, plain, more, options.pairs, most=1.5))
    return publish("metrics-free", "Families that need no further sweep, beside default", rows, options)


def own(options: argparse.Namespace) -> bool:
    """Each other family by its own call, against "default"."""
    rows = []
    for kind in DATA:
        real, fake = sets(kind, options)
        plain = evaluation(real, fake, ["default"], options)
        for family in OWN:
            call = evaluation(real, fake, [family], options)
            check(not call().undefined, f"{family} has no value")
            row = Row(name_of(real, kind), '"default"', family, "")
            rows.append(compare(row, plain, call, max(1, options.pairs // 2)))
    return publish("metrics-own", "Families with a cost of their own, against default", rows, options)


def tests(options: argparse.Namespace) -> bool:
    """Two-sample tests with 1,000 permutations, against "default"."""
    rows = []
    for kind in DATA:
        real, _ = sets(kind, options)
        # A shift: a linear classifier sees no scale, nor do neighbours in many dimensions.
        fake = DATA[kind](*real.shape, 2) + np.float32(0.1)
        plain = evaluation(real, fake, ["default"], options)
        for method in TESTS:

            def call(real: Any = real, fake: Any = fake, method: str = method) -> Any:
                return fidiv.two_sample_test(real, fake, method=method, n_jobs=options.threads)

            check(call().p_value <= 0.01, f"{method} sees no difference")
            row = Row(name_of(real, kind), '"default"', f"two_sample_test, {method}", "")
            rows.append(compare(row, plain, call, max(1, options.pairs // 2)))
    return publish("metrics-tests", "Two-sample tests, against default", rows, options)


ROWS = {"free": free, "own": own, "tests": tests}

if __name__ == "__main__":
    sys.exit(run(ROWS, arguments(__doc__.splitlines()[0], list(ROWS)).parse_args()))
