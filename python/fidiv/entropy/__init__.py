"""Entropies and divergences of samples, in nats.

`entropy`, `cross_entropy` and `kl_divergence` come from distances to nearest neighbours (`_radii`),
`renyi_divergence` and `js_divergence` from whose neighbours they are (`_divergences`). The calls give a
float; those that end in `_result` give the same number with the value expected under equal laws, the ratio at
each point and the settings.
"""

from ._divergences import js_divergence, js_divergence_result, renyi_divergence, renyi_divergence_result
from ._radii import cross_entropy, entropy, kl_divergence

__all__ = [
    "cross_entropy",
    "entropy",
    "js_divergence",
    "js_divergence_result",
    "kl_divergence",
    "renyi_divergence",
    "renyi_divergence_result",
]
