"""fidiv against itself: threads, half the work within a set, all metrics at once, memory, equal bits.

python benches/engine.py              all rows, minutes
python benches/engine.py --only memory one row
python benches/engine.py --quick      small sizes, seconds; nothing is recorded
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from harness import DATA, Row, arguments, check, check_neighbours, compare, publish, run

import fidiv
from fidiv import neighbors

NEIGHBOUR_METRICS = (
    "precision_recall",
    "density_coverage",
    "precision_recall_cover",
    "cross_entropies",
    "copies",
)


def size(options: argparse.Namespace) -> tuple[int, int]:
    return (1000, 256) if options.quick else (10_000, 2048)


def threads(options: argparse.Namespace) -> bool:
    """Two threads against one, cross neighbours k = 5."""
    n, d = size(options)
    rows = []
    for kind, make in DATA.items():
        real, fake = make(n, d, 1), make(n, d, 2, 1.1)
        one, many = (neighbors.knn(fake, real, nearest_k=5, n_jobs=jobs) for jobs in (1, options.threads))
        check(
            all(np.array_equal(x, y) for x, y in zip(one, many, strict=True)), "threads change the neighbours"
        )
        check_neighbours(fake, real, many[1])
        row = Row(f"{kind}, {n} x {n} x {d}", f"{options.threads} threads", "1 thread", "at least 1.8")
        rows.append(
            compare(
                row,
                lambda real=real, fake=fake: neighbors.knn(fake, real, nearest_k=5, n_jobs=options.threads),
                lambda real=real, fake=fake: neighbors.knn(fake, real, nearest_k=5, n_jobs=1),
                options.pairs,
                least=1.8,
            )
        )
    return publish("threads", "Two threads against one: neighbours across two sets, k = 5", rows, options)


def within(options: argparse.Namespace) -> bool:
    """A sweep within a set against one across two sets of its size."""
    n, d = size(options)
    rows = []
    for kind, make in DATA.items():
        real, fake = make(n, d, 1), make(n, d, 2, 1.1)
        found = neighbors.knn(real, nearest_k=6, n_jobs=options.threads)[1]
        check(not (found == np.arange(n)[:, None]).any(), "a point is its own neighbour")
        with_itself = np.concatenate([np.arange(n)[:, None], found], axis=1)
        check_neighbours(real, real, with_itself)
        row = Row(f"{kind}, {n} x {d}", "across, k = 5", "within, k = 5", "at most 0.6")
        rows.append(
            compare(
                row,
                lambda real=real, fake=fake: neighbors.knn(fake, real, nearest_k=5, n_jobs=options.threads),
                lambda real=real: neighbors.knn(real, nearest_k=5, n_jobs=options.threads),
                options.pairs,
                most=0.6,
            )
        )
    return publish("within", "A sweep within a set against one across two sets", rows, options)


def evaluate(options: argparse.Namespace) -> bool:
    """All neighbour metrics against one plain cross sweep."""
    n, d = size(options)
    rows = []
    for kind, make in DATA.items():
        real, fake = make(n, d, 1), make(n, d, 2, 1.1)

        def everything(real: Any = real, fake: Any = fake) -> Any:
            return fidiv.evaluate(real, fake, metrics=NEIGHBOUR_METRICS, n_jobs=options.threads)

        # Single calls go through sweeps of their own and must give the same numbers.
        single = fidiv.precision_recall(real, fake, n_jobs=options.threads)
        result = everything()
        check(all(result[key] == single[key] for key in single), "evaluate differs from the single call")
        check_neighbours(fake, real, result.samples["nearest_real"][:, None])
        row = Row(f"{kind}, {n} + {n} x {d}", "neighbors.knn across, k = 5", "evaluate", "at most 2.6")
        rows.append(
            compare(
                row,
                lambda real=real, fake=fake: neighbors.knn(fake, real, nearest_k=5, n_jobs=options.threads),
                everything,
                options.pairs,
                most=2.6,
            )
        )
    title = f"evaluate (all of {', '.join(NEIGHBOUR_METRICS)}) against one plain cross sweep"
    return publish("evaluate", title, rows, options)


def workers(options: argparse.Namespace) -> bool:
    """One worker gives what eight give, to the bit: all values and all samples."""
    n, d = (500, 64) if options.quick else (4000, 512)
    rows = []
    for kind, make in DATA.items():
        real, fake = make(n, d, 1), make(n - 123, d, 2, 1.1)
        one, eight = (fidiv.evaluate(real, fake, metrics="all", n_jobs=jobs) for jobs in (1, 8))
        different = [key for key in one if not same(one[key], eight[key])]
        different += [key for key in one.samples if not same(one.samples[key], eight.samples[key])]
        row = Row(
            f"{kind}, {n} + {n - 123} x {d}", "1 worker", "8 workers", "0 differ", value=float(len(different))
        )
        row.met = not different
        row.note = f"{len(one)} values and {len(one.samples)} arrays compared" + "".join(
            f", {key}" for key in different
        )
        rows.append(row)
    return publish(
        "workers", "evaluate with one worker and with eight: values that differ in a bit", rows, options
    )


def same(a: Any, b: Any) -> bool:
    return np.asarray(a).tobytes() == np.asarray(b).tobytes()


def memory(options: argparse.Namespace) -> bool:
    """Peak resident memory of evaluate above that just before the call, in a process of its own."""
    n, d = (5000, 256) if options.quick else (50_000, 256)
    rows = []
    for kind, make in DATA.items():
        with tempfile.TemporaryDirectory() as folder:
            inputs = 0
            for name, seed, scale in (("real", 1, 1.0), ("fake", 2, 1.1)):
                features = make(n, d, seed, scale)
                inputs += features.nbytes
                np.save(Path(folder) / f"{name}.npy", features)
            child = [sys.executable, __file__, "--child", folder, "--threads", str(options.threads)]
            answer = subprocess.run(child, check=True, capture_output=True, text=True).stdout.split()
        before, peak = (int(word) for word in answer[:2])
        share = (peak - before) / inputs
        row = Row(f"{kind}, {n} + {n} x {d}", "inputs", "evaluate, above them", "at most 0.6", value=share)
        row.met = share <= 0.6
        mebibytes = [f"{value / 2**20:.0f}" for value in (inputs, before, peak)]
        row.note = "MiB: inputs {}, resident before {}, at the peak {}; {} s; {}".format(
            *mebibytes, *answer[2:4]
        )
        rows.append(row)
    return publish(
        "memory",
        "Peak resident memory of evaluate (default metrics, after a small call), as a share of its inputs",
        rows,
        options,
    )


def status(field: str) -> int:
    """A line of /proc/self/status in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"/proc/self/status has no {field}: this row needs Linux")


def child(folder: str, jobs: int) -> None:
    import time

    real, fake = (np.load(Path(folder) / f"{name}.npy") for name in ("real", "fake"))
    # What is loaded once a process, SciPy's linear algebra above all (some 25 MiB), is no part of a call.
    fidiv.evaluate(real[:600], fake[:500], n_jobs=jobs)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
    before = status("VmRSS")
    start = time.perf_counter()
    result = fidiv.evaluate(real, fake, n_jobs=jobs)
    seconds = time.perf_counter() - start
    peak = status("VmHWM")
    check(all(math.isfinite(result[key]) for key in result), "a value is not finite")
    print(before, peak, f"{seconds:.1f}", f"precision={result['precision']:.3f}")


ROWS = {"threads": threads, "within": within, "evaluate": evaluate, "workers": workers, "memory": memory}

if __name__ == "__main__":
    parser = arguments(__doc__.splitlines()[0], list(ROWS))
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.threads)
    else:
        sys.exit(run(ROWS, options))
