"""Values on half-samples of several sets of fakes, paired: what comparisons are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import ArrayLike

from ._inputs import check_count, check_seed
from ._intervals import REPEATS, Replicates, interval, samples_needed, standard_error
from ._plan import Progress, evaluated
from ._resampled import Resampling, check_reference

__all__ = ["Replicates", "interval", "replicates", "samples_needed", "standard_error"]


def replicates(
    real_features: ArrayLike,
    fakes: Mapping[str, ArrayLike],
    metrics: str | Sequence[str] = "default",
    *,
    nearest_k: int | None = None,
    reference: str = "fixed",
    repeats: int = REPEATS,
    seed: int = 0,
    groups: Mapping[str, ArrayLike] | None = None,
    real_groups: ArrayLike | None = None,
    holdout_features: ArrayLike | None = None,
    n_jobs: int | None = None,
    progress: Progress = None,
    real_name: str = "real_features",
) -> dict[str, Replicates]:
    """For each set of fakes its values on all points, on half-samples and as means of terms.

    The sweep within the reals is shared, and so are the halves of the reals; sets with equally many fakes
    have the same positions drawn, so that differences of their values are paired. `groups` maps a name to
    the group of each of its fakes; such a set has no terms. Each `Replicates` carries the `Evaluation` too.
    """
    drawn = Resampling(
        check_reference(reference), check_count(repeats, "repeats", minimum=2), check_seed(seed)
    )
    found = evaluated(
        real_features,
        fakes,
        metrics=metrics,
        nearest_k=nearest_k,
        holdout_features=holdout_features,
        drawn=drawn,
        groups=groups,
        real_groups=real_groups,
        seed=seed,
        n_jobs=n_jobs,
        progress=progress,
        real_name=real_name,
    )
    answers: dict[str, Any] = {name: values for name, (_, values) in found.items()}
    return answers
