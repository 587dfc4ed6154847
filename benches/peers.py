"""fidiv against its peers: faiss-cpu for neighbours, prdc for the metrics, scipy for the Fréchet distance.

python benches/peers.py               all rows, in a .bench-venv with the peers and this checkout
python benches/peers.py --only knn    one row
python benches/peers.py --quick       small sizes, seconds; nothing is recorded
python benches/peers.py --here        in this environment, with whatever is installed in it
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
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".bench-venv"
PEERS = ("faiss-cpu", "prdc", "scikit-learn")
NAMES = ("knn", "evaluate", "frechet")


def prepare() -> Path:
    """The python of .bench-venv, with the peers and this checkout as it is now."""
    python = HOME / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        venv.create(HOME, with_pip=True)
        (HOME / ".gitignore").write_text("*\n")
        subprocess.run([python, "-m", "pip", "install", "--quiet", "numpy", "scipy", *PEERS], check=True)
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--no-deps", "--force-reinstall", ROOT], check=True
    )
    return python


def size(options: argparse.Namespace) -> tuple[int, int]:
    return (1500, 256) if options.quick else (10_000, 2048)


def knn(options: argparse.Namespace) -> bool:
    """Cross neighbours, k = 5, against faiss IndexFlatL2 (float32, not exact)."""
    import faiss
    from harness import DATA, Row, check_neighbours, compare, publish

    from fidiv import neighbors

    faiss.omp_set_num_threads(options.threads)
    n, d = size(options)
    rows = []
    for kind, make in DATA.items():
        real, fake = make(n, d, 1), make(n, d, 2, 1.1)

        def theirs(real: Any = real, fake: Any = fake) -> Any:
            index = faiss.IndexFlatL2(d)
            index.add(real)
            return index.search(fake, 5)

        def ours(real: Any = real, fake: Any = fake) -> Any:
            return neighbors.knn(fake, real, nearest_k=5, n_jobs=options.threads)

        indices = ours()[1]
        check_neighbours(fake, real, indices)
        differ = int((theirs()[1] != indices).any(axis=1).sum())
        row = Row(f"{kind}, {n} x {n} x {d} float32", "fidiv", "faiss IndexFlatL2", "at least 1")
        row.note = f"faiss orders {differ} of {n} rows otherwise than float64 does"
        rows.append(compare(row, ours, theirs, options.pairs, least=1.0))
    return publish("knn", "Neighbours across two sets, k = 5, against faiss-cpu", rows, options, PEERS)


def evaluate(options: argparse.Namespace) -> bool:
    """All neighbour metrics against prdc.compute_prdc, which computes four of them."""
    import numpy as np
    from engine import NEIGHBOUR_METRICS
    from harness import DATA, Row, check, compare, publish
    from prdc import compute_prdc

    import fidiv

    def quiet(real: Any, fake: Any) -> dict[str, float]:
        with contextlib.redirect_stdout(io.StringIO()):
            return compute_prdc(real_features=real, fake_features=fake, nearest_k=5)

    n, d = size(options)
    rows = []
    for kind, make in DATA.items():
        real, fake = make(n, d, 1), make(n, d, 2, 1.1)
        # Equal on a float64 part; on all of it, prdc's float32 distances may flip a few masks.
        part = [x[:1000].astype(np.float64) for x in (real, fake)]
        theirs, ours = quiet(*part), fidiv.compute_prdc(*part, nearest_k=5)
        check(
            all(math.isclose(theirs[key], ours[key], rel_tol=1e-12) for key in theirs),
            f"{theirs} is not {ours}",
        )
        theirs, ours = quiet(real, fake), fidiv.compute_prdc(real, fake, nearest_k=5, n_jobs=options.threads)
        gap = max(abs(theirs[key] - ours[key]) for key in theirs)
        check(gap <= 1e-2, f"{theirs} is far from {ours}")
        row = Row(f"{kind}, {n} + {n} x {d} float32", "fidiv.evaluate", "prdc.compute_prdc", "at least 10")
        row.note = (
            f"evaluate gives {', '.join(NEIGHBOUR_METRICS)}; prdc's float32 values are up to {gap:.1g} off"
        )
        rows.append(
            compare(
                row,
                lambda real=real, fake=fake: fidiv.evaluate(
                    real, fake, metrics=NEIGHBOUR_METRICS, n_jobs=options.threads
                ),
                lambda real=real, fake=fake: quiet(real, fake),
                options.pairs,
                least=10.0,
            )
        )
    return publish("prdc", "evaluate with all neighbour metrics against prdc", rows, options, PEERS)


def frechet(options: argparse.Namespace) -> bool:
    """The Fréchet distance from features against np.cov twice and scipy.linalg.sqrtm."""
    import numpy as np
    from harness import DATA, Row, check, compare, publish
    from scipy import linalg

    import fidiv

    def exact(real: Any, fake: Any) -> tuple[float, float]:
        """The covariance term by singular values of the product of centred factors, and tr S1 + tr S2."""
        factors = []
        for x in (real, fake):
            x = np.asarray(x, dtype=np.float64)
            centred = (x - x.mean(axis=0)) / math.sqrt(len(x) - 1)
            factors.append(np.linalg.qr(centred, mode="r") if len(x) > x.shape[1] else centred)
        trace = sum(float(np.square(factor).sum()) for factor in factors)
        return trace - 2 * math.fsum(linalg.svdvals(factors[0] @ factors[1].T)), trace

    def by_sqrtm(real: Any, fake: Any) -> float:
        a, b = np.cov(real, rowvar=False), np.cov(fake, rowvar=False)
        shift = real.mean(axis=0, dtype=np.float64) - fake.mean(axis=0, dtype=np.float64)
        root = linalg.sqrtm(a @ b)
        return float(shift @ shift + np.trace(a) + np.trace(b) - 2 * np.trace(root).real)

    n, d = size(options)
    errors, times = [], []
    for kind, make in DATA.items():
        full = make(n, d, 1), make(n, d, 2, 1.1)
        constant = full[0].copy(), full[1].copy()
        constant[0][:, ::10] = constant[1][:, ::10] = 0.1  # in both sets
        constant[0][:, 1::10] = 0.2  # in one
        few = full[0][: d // 2].copy(), full[1][: d // 3].copy()
        mixed = full[0][: d // 2].copy(), full[1]
        inputs = {"full rank": full, "constant columns": constant, "n < d": few, "n < d in one": mixed}
        for name, (real, fake) in inputs.items():
            expected, trace = exact(real, fake)
            error = abs(fidiv.frechet_distance(real, fake).covariance_term - expected) / trace
            check(error <= 1e-9, f"{kind}, {name}: off by {error:.1e} of the traces")
            row = Row(
                f"{kind}, {name}, {len(real)} + {len(fake)} x {d}",
                "fidiv",
                "singular values of the factors",
                "at most 1e-9",
            )
            row.value, row.met, row.note = error, error <= 1e-9, "difference over tr S1 + tr S2"
            errors.append(row)
        row = Row(f"{kind}, {n} + {n} x {d} float32", "fidiv", "np.cov and scipy sqrtm", "at least 5")
        times.append(
            compare(
                row,
                lambda sets=full: fidiv.frechet_distance(*sets),
                lambda sets=full: by_sqrtm(*sets),
                options.pairs,
                least=5.0,
            )
        )
    return publish("frechet", "The Fréchet distance from features: time and error", times + errors, options)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    if "--here" not in sys.argv[1:]:
        here = Path(sys.prefix).resolve()
        if here != HOME.resolve() and not {"-h", "--help"} & set(sys.argv[1:]):
            sys.exit(subprocess.run([prepare(), __file__, *sys.argv[1:]]).returncode)
    from harness import arguments, run

    parser = arguments(__doc__.splitlines()[0], NAMES)
    parser.add_argument("--here", action="store_true", help="in this environment, not in .bench-venv")
    sys.exit(run({"knn": knn, "evaluate": evaluate, "frechet": frechet}, parser.parse_args()))
