"""fidiv: fidelity and diversity of generative models, measured between real and generated feature vectors.

>>> import numpy as np, fidiv
>>> rng = np.random.default_rng(0)
>>> result = fidiv.evaluate(rng.normal(size=(500, 8)), rng.normal(size=(500, 8)))
>>> 0.8 < result.precision <= 1
True

`evaluate` computes a list of metrics at once; each family also has a call of its own. Exact neighbours and
entropies are in `fidiv.neighbors` and `fidiv.entropy`, curves of known laws in `fidiv.curves`, what the
metrics mean in `fidiv.metrics`.
"""

from importlib.metadata import version as _version

from . import _calls, curves, entropy, metrics, neighbors
from ._calls import *  # noqa: F403 (its `__all__` is the list)
from ._config import show_config
from ._dropins import compute_metrics, compute_prdc
from ._plan import evaluate

__version__ = _version("fidiv")

__all__ = [
    "__version__",
    "compute_metrics",
    "compute_prdc",
    "curves",
    "entropy",
    "evaluate",
    "metrics",
    "neighbors",
    "show_config",
]
__all__ += _calls.__all__
