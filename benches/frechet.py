"""The Fréchet distance from features: against torch-fidelity's route and np.cov with sqrtm; its error.

python benches/frechet.py             all rows, with fidiv installed as in the README; no peer is needed
python benches/frechet.py --only many one row
python benches/frechet.py --quick     small sizes, seconds; nothing is recorded
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable
from typing import Any

NAMES = ("usual", "many", "few", "sqrtm", "error")


def by_torch_fidelity(real: Any, fake: Any) -> float:
    """What torch-fidelity 0.4.0 does with features, line by line (fid_features_to_statistics and
    fid_statistics_to_metric of its metric_fid.py), without the tensors around it: importing it takes torch.
    """
    import numpy as np

    mu1, mu2 = np.mean(real, axis=0), np.mean(fake, axis=0)
    sigma1, sigma2 = np.cov(real, rowvar=False), np.cov(fake, rowvar=False)
    diff = mu1 - mu2
    tr_covmean = np.sum(np.sqrt(np.linalg.eigvals(sigma1.dot(sigma2)).astype("complex128")).real)
    return float(diff.dot(diff) + np.trace(sigma1) + np.trace(sigma2) - 2 * tr_covmean)


def by_sqrtm(real: Any, fake: Any) -> float:
    import numpy as np
    from scipy import linalg

    a, b = np.cov(real, rowvar=False), np.cov(fake, rowvar=False)
    shift = real.mean(axis=0, dtype=np.float64) - fake.mean(axis=0, dtype=np.float64)
    root = linalg.sqrtm(a @ b)
    return float(shift @ shift + np.trace(a) + np.trace(b) - 2 * np.trace(root).real)


def by_singular_values(real: Any, fake: Any) -> tuple[float, float]:
    """The covariance term by singular values of the product of centred factors, and tr S1 + tr S2."""
    import numpy as np
    from scipy import linalg

    factors = []
    for x in (real, fake):
        x = np.asarray(x, dtype=np.float64)
        centred = (x - x.mean(axis=0)) / math.sqrt(len(x) - 1)
        factors.append(np.linalg.qr(centred, mode="r") if len(x) > x.shape[1] else centred)
    trace = sum(float(np.square(factor).sum()) for factor in factors)
    return trace - 2 * math.fsum(linalg.svdvals(factors[0] @ factors[1].T)), trace


def sizes(options: argparse.Namespace) -> tuple[int, int]:
    return (1500, 256) if options.quick else (10_000, 2048)


def against(
    peer: Callable[[Any, Any], float], name: str, n: int, m: int, d: int, least: float, options: Any
) -> list[Any]:
    """A row for each kind of data; the peer's own error, about 1e-7 of the traces at its worst, is noted."""
    from harness import DATA, Row, check, compare

    import fidiv

    rows = []
    for kind, make in DATA.items():
        real, fake = make(n, d, 1), make(m, d, 2, 1.1)
        ours, theirs = fidiv.frechet_distance(real, fake).frechet_distance, peer(real, fake)
        trace = float(real.var(axis=0).sum() + fake.var(axis=0).sum())
        gap = abs(ours - theirs) / trace
        check(gap <= 1e-4, f"{kind}: {ours} is far from {theirs}")
        row = Row(f"{kind}, {n} + {m} x {d} float32", "fidiv", name, f"at least {least:g}")
        row.note = f"the values are {gap:.1g} of tr S1 + tr S2 apart"
        rows.append(
            compare(
                row,
                lambda real=real, fake=fake: fidiv.frechet_distance(real, fake),
                lambda real=real, fake=fake: peer(real, fake),
                options.pairs,
                least=least,
            )
        )
    return rows


def usual(options: argparse.Namespace) -> list[Any]:
    """As many points as most papers have."""
    n, d = sizes(options)
    return against(by_torch_fidelity, "torch-fidelity's route", n, n, d, 3.0, options)


def many(options: argparse.Namespace) -> list[Any]:
    """Five times as many."""
    n, d = sizes(options)
    return against(by_torch_fidelity, "torch-fidelity's route", 5 * n, 5 * n, d, 2.5, options)


def few(options: argparse.Namespace) -> list[Any]:
    """Fewer points than columns in one set."""
    n, d = sizes(options)
    return against(by_torch_fidelity, "torch-fidelity's route", d // 2, n, d, 3.0, options)


def sqrtm(options: argparse.Namespace) -> list[Any]:
    """The route of older packages."""
    n, d = sizes(options)
    return against(by_sqrtm, "np.cov and scipy sqrtm", n, n, d, 5.0, options)


def error(options: argparse.Namespace) -> list[Any]:
    """How far the covariance term is from singular values of the product of centred factors."""
    from harness import DATA, Row, check

    import fidiv

    n, d = sizes(options)
    rows = []
    for kind, make in DATA.items():
        full = make(n, d, 1), make(n, d, 2, 1.1)
        constant = full[0].copy(), full[1].copy()
        constant[0][:, ::10] = constant[1][:, ::10] = 0.1  # in both sets
        constant[0][:, 1::10] = 0.2  # in one
        few = full[0][: d // 2].copy(), full[1][: d // 3].copy()
        mixed = full[0][: d // 2].copy(), full[1]
        inputs = {"full rank": full, "constant columns": constant, "n < d": few, "n < d in one": mixed}
        for name, (real, fake) in inputs.items():
            expected, trace = by_singular_values(real, fake)
            off = abs(fidiv.frechet_distance(real, fake).covariance_term - expected) / trace
            check(off <= 1e-9, f"{kind}, {name}: off by {off:.1e} of the traces")
            row = Row(
                f"{kind}, {name}, {len(real)} + {len(fake)} x {d}",
                "fidiv",
                "singular values of the factors",
                "at most 1e-9",
            )
            row.value, row.met, row.note = off, off <= 1e-9, "difference over tr S1 + tr S2"
            rows.append(row)
    return rows


def main() -> int:
    early = argparse.ArgumentParser(add_help=False)
    early.add_argument("--threads", default="2")
    # NumPy's and SciPy's BLAS read these when they are loaded, which is not yet.
    for variable in ("FIDIV_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = early.parse_known_args()[0].threads
    from harness import arguments, publish

    options = arguments(__doc__.splitlines()[0], NAMES).parse_args()
    rows: dict[str, Callable[[Any], list[Any]]] = {
        "usual": usual,
        "many": many,
        "few": few,
        "sqrtm": sqrtm,
        "error": error,
    }
    chosen = [name for name in NAMES if not options.only or name in options.only]
    found = [row for name in chosen for row in rows[name](options)]
    options.quick = options.quick or len(chosen) < len(NAMES)  # a part is no record
    fine = publish("frechet", "The Fréchet distance from features: time and error", found, options)
    return 0 if fine else 1


if __name__ == "__main__":
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).resolve().parent))
    sys.exit(main())
