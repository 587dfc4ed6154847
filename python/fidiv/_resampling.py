"""Values on half-samples of several sets of fakes, paired: what comparisons are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from . import _plan
from ._intervals import REPEATS, Replicates, half, interval, samples_needed, standard_error

__all__ = ["Replicates", "interval", "replicates", "samples_needed", "standard_error"]

# TODO: replaced by the fast way. The interface stays.
TERMS = {
    "precision": lambda s: s["precision_mask"].astype(float),
    "density": lambda s: s["density"],
    "pce": lambda s: s["pce"],
    "exact_copies": lambda s: (s["copy_of"] >= 0).astype(float),
}


def replicates(
    real_features: ArrayLike,
    fakes: Mapping[str, ArrayLike],
    metrics: str | Sequence[str] = "default",
    *,
    nearest_k: int | None = None,
    reference: str,
    repeats: int = REPEATS,
    seed: int = 0,
    groups: Mapping[str, ArrayLike] | None = None,  # name -> (m,) group of each fake
    real_groups: ArrayLike | None = None,
    n_jobs: int | None = None,
    progress: Any = None,
    real_name: str = "real_features",
) -> dict[str, Replicates]:
    real = np.asarray(real_features)
    found = {}
    everything = _plan.evaluate_many(
        real, fakes, metrics=metrics, nearest_k=nearest_k, seed=seed, n_jobs=n_jobs
    )
    for name, fake in fakes.items():
        fake = np.asarray(fake)
        rows = []
        for r in range(repeats):
            x = np.sort(np.random.default_rng([seed, r, 0]).permutation(len(real))[: half(len(real))])
            y = np.sort(np.random.default_rng([seed, r, 1]).permutation(len(fake))[: half(len(fake))])
            rows.append(
                _plan.evaluate(
                    real if reference == "fixed" else real[x],
                    fake[y],
                    metrics=metrics,
                    nearest_k=nearest_k,
                    seed=seed,
                    n_jobs=n_jobs,
                )
            )
        e = everything[name]
        values = {key: np.array([row[key] for row in rows]) for key in e}
        values = {key: v for key, v in values.items() if np.isfinite(v).all()}
        terms = {
            key: TERMS[key](e.samples) if key in TERMS and reference == "fixed" and groups is None else None
            for key in e
        }
        found[name] = Replicates(
            dict(e), values, terms, reference, repeats, seed, len(real), len(fake), {}, e
        )
    return found
