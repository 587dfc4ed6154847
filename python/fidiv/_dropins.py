"""Drop-ins for two other packages: their names, keys and values, in a plain dict, computed by the plan of
this one.
"""

from __future__ import annotations

import math
from typing import Any

from numpy.typing import ArrayLike

from ._inputs import check_count
from ._needs import family_needs
from ._plan import Progress, gather_one
from .metrics import FAMILIES, Found, Needs, cross_entropies

_BOTH = ("precision_recall", "density_coverage")


def compute_prdc(
    real_features: ArrayLike,
    fake_features: ArrayLike,
    nearest_k: int,
    *,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> dict[str, float]:
    """Precision, recall, density and coverage as `prdc.compute_prdc` gives them: strict balls, one k, a
    plain dict.

    Parameters
    ----------
    real_features, fake_features : array (n, d), array (m, d)
        Both need more than `nearest_k` points (that package needs one more).
    nearest_k : int
        Which own neighbour gives the radius of a ball. No default, as there.
    n_jobs, progress
        As in `fidiv.evaluate`.

    Returns
    -------
    dict
        precision, recall, density, coverage. Equal to that package's values on float64 input whose distances
        are not rounded across a ball's boundary by its matrix products (on float32 input its distances are
        float32).

    Raises
    ------
    ValueError, TypeError
        As `fidiv.evaluate`, and for too few points.

    References
    ----------
    Kynkäänniemi et al. 2019; Naeem et al. 2020.

    Examples
    --------
    >>> import numpy as np, fidiv
    >>> rng = np.random.default_rng(0)
    >>> found = fidiv.compute_prdc(rng.normal(size=(100, 4)), rng.normal(size=(100, 4)), nearest_k=5)
    >>> sorted(found)
    ['coverage', 'density', 'precision', 'recall']
    """
    options = {"nearest_k": check_count(nearest_k, "nearest_k"), "closed": False, "samples": False}
    found = _gather_plain(real_features, fake_features, options, Needs(), n_jobs, progress)
    values = _prdc(found, options)
    return {key: values[key] for key in ("precision", "recall", "density", "coverage")}


def compute_metrics(
    real_features: ArrayLike,
    fake_features: ArrayLike,
    nearest_k: int = 5,
    *,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> dict[str, float]:
    """The eight values of `compute_metrics` of NSSAC/PrecisionRecallMetric, raw as there, in a plain dict.

    Parameters
    ----------
    real_features, fake_features : array (n, d), array (m, d)
        Both need more than `nearest_k` points.
    nearest_k : int, default 5
        One k for all of them; balls are closed.
    n_jobs, progress
        As in `fidiv.evaluate`.

    Returns
    -------
    dict
        precision, recall, density, coverage, frechet_distance, and, not as differences:
        precision_cross_entropy = CE(fake, real), recall_cross_entropy = CE(real, fake), recall_entropy =
        H(real). A distance of zero makes such a value -inf, as there. For the definitions of the paper see
        `cross_entropies`.

    Raises
    ------
    ValueError, TypeError
        As `fidiv.evaluate`, and for too few points.

    References
    ----------
    Fox, Swarup and Adiga 2025.

    Examples
    --------
    >>> import numpy as np, fidiv
    >>> rng = np.random.default_rng(0)
    >>> found = fidiv.compute_metrics(rng.normal(size=(100, 4)), rng.normal(size=(100, 4)))
    >>> len(found), found["recall_entropy"] > 4  # 2 ln(2 pi e) = 5.68 nats
    (8, True)
    """
    k = check_count(nearest_k, "nearest_k")
    options = {"nearest_k": k, "closed": True, "samples": False}
    cross = frozenset({k})
    from .metrics.frechet.distance import frechet_distance_terms  # brings SciPy, which is slow to import

    needs = Needs(fake_to_real=cross, real_to_fake=cross, moments=True)
    found = _gather_plain(real_features, fake_features, options, needs, n_jobs, progress)
    assert found.moments is not None
    values = _prdc(found, options)
    return {
        **{key: values[key] for key in ("precision", "recall", "density", "coverage")},
        "frechet_distance": float(frechet_distance_terms(*found.moments)[0]),
        "precision_cross_entropy": _raw(found, "fake_to_real", k),
        "recall_cross_entropy": _raw(found, "real_to_fake", k),
        "recall_entropy": _raw(found, "own_real", k),
    }


def _gather_plain(
    real: ArrayLike,
    fake: ArrayLike,
    options: dict[str, Any],
    more: Needs,
    n_jobs: int | None,
    progress: Progress,
) -> Found:
    """What precision_recall and density_coverage need (no samples), and `more`."""

    def needs(*sets: Any) -> Needs:
        first, second = (family_needs(FAMILIES[name], options, *sets) for name in _BOTH)
        return first | second | more

    return gather_one(real, fake, needs, n_jobs, progress)[0]


def _prdc(found: Found, options: dict[str, Any]) -> dict[str, float]:
    return {
        key: value for name in _BOTH for key, value in FAMILIES[name].formula(found, options).values.items()
    }


def _raw(found: Found, kind: str, k: int) -> float:
    """The entropy or cross-entropy of that kind; -inf where a distance is zero."""
    if not getattr(found, kind)[k].all():
        return -math.inf
    return cross_entropies.kept_mean(cross_entropies.terms_of(found, kind, k, float(found.d), "raise")[0])
