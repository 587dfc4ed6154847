"""The calls of single families: each is a plan of one family.

All take real features first, (n, d), and fake features second, (m, d): array-likes of real numbers, one
point a row. What they measure and where it comes from is told in full in the file of the family, in
`metrics/`.
"""

from .clusters import prd, prd_from_histograms
from .frechet import (
    frechet_distance,
    frechet_distance_from_moments,
    frechet_distance_infinity,
    frechet_influence,
)
from .neighbours import copies, cross_entropies, density_coverage, precision_recall, precision_recall_cover
from .scores import bits_per_dimension, correlate_with_human, f_beta, inception_score

__all__ = [
    "bits_per_dimension",
    "copies",
    "correlate_with_human",
    "cross_entropies",
    "density_coverage",
    "f_beta",
    "frechet_distance",
    "frechet_distance_from_moments",
    "frechet_distance_infinity",
    "frechet_influence",
    "inception_score",
    "prd",
    "prd_from_histograms",
    "precision_recall",
    "precision_recall_cover",
]
