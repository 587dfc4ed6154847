"""The calls of single families: each is a plan of one family.

All take real features first, (n, d), and fake features second, (m, d): array-likes of real numbers, one
point a row. What they measure and where it comes from is told in full in the file of the family, in
`metrics/`.
"""

from .clusters import prd, prd_from_histograms
from .frechet import frechet_distance, frechet_distance_from_moments
from .monitoring import drift
from .neighbours import copies, cross_entropies, density_coverage, precision_recall, precision_recall_cover
from .two_sample import two_sample_test

__all__ = [
    "copies",
    "cross_entropies",
    "density_coverage",
    "drift",
    "frechet_distance",
    "frechet_distance_from_moments",
    "prd",
    "prd_from_histograms",
    "precision_recall",
    "precision_recall_cover",
    "two_sample_test",
]
