"""The main job on real data: handwritten digits against three generators made on the spot.

The 1,797 digits (8 x 8 ink counts, 64 columns) are shuffled and halved. One half is the
reference, which is what the generators saw. The columns of the table are

held out   the other half: real digits no generator saw; good values at this size
gaussian   a normal distribution fitted to each digit of the reference, sampled, and
           rounded to ink counts from 0 to 16
no 8, 9    the same, but it never draws an 8 or a 9
copier     returns half of the reference, unchanged, each digit twice
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from . import _plan
from ._table import settings, table
from .results import Evaluation

__all__ = ["DESCRIPTION", "digits", "generators", "run", "story"]

DESCRIPTION = __doc__ or ""
SEED = 0
DROPPED = (8, 9)
CREDIT = "Digits: E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, CC BY 4.0."


def digits() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The digits shipped with the package: features (1797, 64), ink counts 0..16, and labels (1797,).

    E. Alpaydin and C. Kaynak (1998), Optical Recognition of Handwritten Digits, UCI Machine Learning
    Repository, CC BY 4.0; the details stand beside the file in ``fidiv/data``.

    Examples
    --------
    >>> features, labels = digits()
    >>> features.shape, int(features.max()), labels[:5].tolist()
    ((1797, 64), 16, [0, 1, 2, 3, 4])
    """
    with (resources.files("fidiv") / "data" / "digits.npz").open("rb") as file, np.load(file) as archive:
        return archive["features"], archive["labels"]


def generators(seed: int = SEED) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
    """The reference and, by name, the held-out digits and what the three generators made: 898 rows each.

    Examples
    --------
    >>> reference, fakes = generators()
    >>> {name: fake.shape for name, fake in fakes.items()}
    {'held out': (898, 64), 'gaussian': (898, 64), 'no 8, 9': (898, 64), 'copier': (898, 64)}
    """
    rng = np.random.default_rng(seed)
    features, labels = digits()
    order = rng.permutation(len(features))
    size = len(features) // 2
    reference, its_labels = features[order[:size]].astype(np.float32), labels[order[:size]]
    held_out = features[order[size : 2 * size]].astype(np.float32)
    return reference, {
        "held out": held_out,
        "gaussian": _gaussian(reference, its_labels, tuple(range(10)), rng),
        "no 8, 9": _gaussian(reference, its_labels, tuple(c for c in range(10) if c not in DROPPED), rng),
        "copier": np.repeat(reference[rng.permutation(size)[: size // 2]], 2, axis=0),
    }


def _gaussian(
    reference: NDArray[np.float32],
    labels: NDArray[np.uint8],
    kinds: tuple[int, ...],
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """As many rows as the reference has, its digits in equal shares."""
    rows = []
    for kind, size in zip(kinds, _shares(len(reference), len(kinds)), strict=True):
        seen = reference[labels == kind].astype(np.float64)
        mean = seen.mean(axis=0)
        # A random mixture of the centred rows has exactly their sample covariance, whatever its rank.
        weights = rng.standard_normal((size, len(seen))) / np.sqrt(len(seen) - 1)
        rows.append(mean + weights @ (seen - mean))
    pixels: NDArray[np.float64] = np.clip(np.rint(np.concatenate(rows)), 0, 16)
    return pixels.astype(np.float32)


def _shares(total: int, parts: int) -> list[int]:
    return [total // parts + (i < total % parts) for i in range(parts)]


def run(*, width: int = 100, ascii_only: bool = False) -> str:
    """The whole demonstration as text: what is compared, the table, and what it shows."""
    reference, fakes = generators()
    results = _plan.evaluate_many(reference, fakes)
    n, d = reference.shape
    intro = (
        f"Real handwritten digits ({n} x {d}) against as many held-out digits, and as many from each of\n"
        "three generators fitted to them; fidiv demo --help says how they work."
    )
    notes = [f"note: {name}: {note}" for name, result in results.items() for note in result.notes]
    told = textwrap.fill(story(results), width)
    made = "\n".join(settings(results, width=width))
    parts = [intro, table(results, width=width, ascii_only=ascii_only), *notes, told, f"{made}\n{CREDIT}"]
    return "\n\n".join(parts)


def story(results: Mapping[str, Evaluation]) -> str:
    """Two sentences on what the table shows, made from its numbers."""
    held_out, gaussian, dropped, copier = (
        results[name] for name in ("held out", "gaussian", "no 8, 9", "copier")
    )

    def change(key: str) -> str:
        a, b = gaussian[key], dropped[key]
        return f"{key} {'falls' if b < a else 'rises'} from {a:.2f} to {b:.2f}"

    def against(key: str) -> str:
        a, b = copier[key], held_out[key]
        return f"{key} {a:.2f} against {b:.2f}"

    diversity = (
        f"Leaving out two of the ten digits hardly shows in precision ({gaussian.precision:.2f} with them, "
        f"{dropped.precision:.2f} without), but {change('recall')} and {change('coverage')}: "
        "what is lost is diversity."
    )
    copies = (
        f"The copier outdoes even real digits it has not seen ({against('precision')}, "
        f"{against('frechet_distance')}), and yet {copier.exact_copies:.0%} of what it makes are copies: "
        "good scores alone do not say that a model has learnt anything."
    )
    return f"{diversity} {copies}"
