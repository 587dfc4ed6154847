"""fidiv: fidelity and diversity of generative models, measured between real and generated feature vectors.

>>> import numpy as np, fidiv
>>> rng = np.random.default_rng(0)
>>> result = fidiv.evaluate(rng.normal(size=(500, 8)), rng.normal(size=(500, 8)))
>>> 0.8 < result.precision <= 1
True

`evaluate` computes a list of metrics at once; each family also has a call of its own. Exact neighbours and
entropies are in `fidiv.neighbors` and `fidiv.entropy`, what the metrics mean in `fidiv.metrics`.
"""

from importlib.metadata import version as _version

from . import entropy, metrics, neighbors
from ._calls import (
    copies,
    cross_entropies,
    density_coverage,
    drift,
    frechet_distance,
    frechet_distance_from_moments,
    prd,
    prd_from_histograms,
    precision_recall,
    precision_recall_cover,
    two_sample_test,
)
from ._config import show_config
from ._dropins import compute_metrics, compute_prdc
from ._plan import evaluate

__version__ = _version("fidiv")

__all__ = [
    "__version__",
    "compute_metrics",
    "compute_prdc",
    "copies",
    "cross_entropies",
    "density_coverage",
    "drift",
    "entropy",
    "evaluate",
    "frechet_distance",
    "frechet_distance_from_moments",
    "metrics",
    "neighbors",
    "prd",
    "prd_from_histograms",
    "precision_recall",
    "precision_recall_cover",
    "show_config",
    "two_sample_test",
]
