"""The calls of single families, each a plan of one family, and calls on what is not a pair of sets.

Families take real features first, (n, d), and fake features second, (m, d): array-likes of real numbers, one
point a row. What they measure and where it comes from is told in full in the file of the family, in
`metrics/`.
"""

from .clusters import divergence_frontier, divergence_frontier_from_histograms, prd, prd_from_histograms
from .compare import compare, sweep
from .curves import pr_curve
from .fidelity import (
    alpha_precision,
    clipped_density_coverage,
    probabilistic_precision_recall,
    rarity,
    symmetric_precision_recall,
)
from .frechet import (
    frechet_distance,
    frechet_distance_from_moments,
    frechet_distance_infinity,
    frechet_influence,
)
from .kernels import energy_distance, kernel_distance, mmd, rke, sliced_wasserstein, vendi_score
from .memorisation import authenticity, closest_record, data_copying_test
from .modes import modes
from .monitoring import drift
from .neighbours import (
    copies,
    cross_entropies,
    density_coverage,
    divergences,
    precision_recall,
    precision_recall_cover,
)
from .samples import audit, verdicts
from .scores import bits_per_dimension, correlate_with_human, f_beta, inception_score
from .transfer import transfer_gap
from .two_sample import two_sample_test

__all__ = [
    "alpha_precision",
    "audit",
    "authenticity",
    "bits_per_dimension",
    "clipped_density_coverage",
    "closest_record",
    "compare",
    "copies",
    "correlate_with_human",
    "cross_entropies",
    "data_copying_test",
    "density_coverage",
    "divergence_frontier",
    "divergence_frontier_from_histograms",
    "divergences",
    "drift",
    "energy_distance",
    "f_beta",
    "frechet_distance",
    "frechet_distance_from_moments",
    "frechet_distance_infinity",
    "frechet_influence",
    "inception_score",
    "kernel_distance",
    "mmd",
    "modes",
    "pr_curve",
    "prd",
    "prd_from_histograms",
    "precision_recall",
    "precision_recall_cover",
    "probabilistic_precision_recall",
    "rarity",
    "rke",
    "sliced_wasserstein",
    "sweep",
    "symmetric_precision_recall",
    "transfer_gap",
    "two_sample_test",
    "vendi_score",
    "verdicts",
]
