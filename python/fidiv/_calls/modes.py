"""The call of the modes."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from .. import _modes
from .._inputs import check_count, check_labels, check_level, check_seed
from .._modes import Modes
from .._plan import Progress, gather_one, version


def modes(
    real_features: ArrayLike,
    fake_features: ArrayLike,
    *,
    real_labels: ArrayLike | None = None,
    fake_labels: ArrayLike | None = None,
    num_modes: int = 10,
    nearest_k: int = 5,
    level: float = 0.05,
    seed: int = 0,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> Modes:
    """Which modes of the data the fakes drop, hold too few or too many of, shrink or invent.

    Parameters
    ----------
    real_features, fake_features : array (n, d), array (m, d)
        At least 2 (nearest_k + 1) reals and nearest_k + 1 fakes. Rows must be independent draws: frames of
        one video are not, and then more is found to be wrong than is.
    real_labels : array (n,), optional
        Integers, booleans or strings: the mode of each real.
    fake_labels : array (m,), optional
        Of the fakes, in the same words; only together with real_labels.
    num_modes : int, default 10
        Of k-means, where there are no labels.
    nearest_k : int, default 5
        The neighbour whose distance is looked at; among the anchors, which are half of the reals, the one of
        half that rank (rounded up), which reaches as far.
    level : float, default 0.05
        Of each test, in (0, 1/2). Each limit holds with confidence 1 - level by itself: what is said rests on
        one of them, or, of "fine", on two one-sided tests.
    seed : int, default 0
        Of the halves, of k-means, of the draws to equal sizes and of the permutations.
    n_jobs, progress
        As in `fidiv.evaluate`.

    Returns
    -------
    Modes
        A read-only mapping of numbers: modes; dropped, under_represented, over_represented, shrunk, fine (in
        mass and spread), invented: how many; outside: the share of fakes that are flagged; in_no_mode: that
        of fakes that are, or whose label no real has; pce, rce, re: what the parts add up to.

        `.table` has a row a mode (label, reals, fakes, ratio with limits, p-values, verdict, needed_fakes,
        needed_growth, spread_ratio with limits, spread_verdict, pce, rce, re), `.components` one for each
        group of fakes outside, `.faults` all that is wrong, `.summary()` all of it for reading; `.samples`:
        mode (m,), row of the table or -1, outside, outside_score, outside_p_value, component (m,), row of
        `.components` or -1; real_mode, real_counted (n,). `.to_dict()`, `.to_json()`.

    Raises
    ------
    ValueError, TypeError
        As `fidiv.evaluate`, and for labels of another length or kind.

    Notes
    -----
    *Modes.* With labels on both sides they are the modes, and all reals are counted. Otherwise the reals are
    cut into seeded halves: anchors A make the modes (by their labels, or by k-means), and the counted other
    half C and the fakes both take the label of the nearest anchor, or the nearest centre. If both laws are
    one, C and the fakes are then independent draws of one law given A, and every test below is valid at any
    size. Labels of the nearest real held against true labels of the reals would not be: a wide mode beside a
    dense one can get 10 % where it holds 50 %.

    *Outside.* s = nu_k(A) / r_k(nearest anchor), k = nearest_k / 2 rounded up: distance to the anchors in
    units of the radius there. p = (1 + how many of C score as much) / (|C| + 1), then Benjamini-Hochberg.
    Flagged fakes leave the modes. It takes 1 / (level x share) counted reals to flag that share. *invented*:
    at least max(10, m / 1000) flagged fakes that hang together by mutual neighbours among the flagged, or a
    label that no real has (and that chance did not leave out of the reals: adjusted Fisher test). Limits of
    shares are Clopper and Pearson's.

    *Mass.* Shares among counted reals and among fakes inside: Fisher's exact test, adjusted over modes
    (Benjamini-Hochberg). The ratio has exact limits given how many points fall into the mode (Clopper and
    Pearson's for a binomial share; a little too wide for modes that hold much of the data). *dropped*: upper
    limit below 0.1; *under-represented*: below 1/1.5; *over-represented*: lower limit above 1.5; each only
    where the adjusted p-value is at most level. *fine*: both limits within; else *undecided*, with how many
    fakes would decide (`needed_fakes`). Zero fakes mean dropped only if at least 10 ln(2 modes / level) were
    to be expected. A mode at half its mass needs some 500 expected fakes for this verdict; that it differs
    at all (`differs`) is seen with 100.

    *Spread.* At equal counts (at most 224 of each set, or 4 nearest_k), t = mean ln s_k - mean ln r_k within
    the mode, studentised, against permuted marks, the largest over modes deciding. *shrunk*: adjusted p-value
    at most level and the upper limit of dimension x t below -ln 2: less than half the volume. *fine*: the
    lower limit is above that. Below 4 nearest_k points of either set: undecided. The larger set is cut by a
    draw; what is shown is the mean of t over 16 of them where the other has fewer than 224 points.

    "fine" is said of each mode at its own confidence, and it means within a factor, not equal.

    *Why these numbers.* Tests say whether a mode differs at all, factors whether that matters: below a tenth
    a mode is as good as gone, 1.5 and half the volume are what a reader would act on, and some hundreds of
    points can tell. A mode that holds more than a tenth of what was expected shows no fake at all with a
    chance of at most exp(-expected / 10); at 10 ln(2 modes / level) that is, over all modes, half of level.
    Ten flagged fakes that are one another's neighbours, or one in a thousand, are a group to look at; single
    ones are flagged by chance. With fewer than 4 nearest_k points the k-th neighbour is a mode away, and more
    than 224 (two sets of them are one block of a sweep) would add cost and hardly a verdict.

    *Terms.* The parts of pce, rce, re (`fidiv.cross_entropies`) of all modes and of the fakes in none add up
    to the metric. They decide nothing: the part of re of a mode falls when it merely holds too many fakes.

    References
    ----------
    Bates, Candès, Lei, Romano and Sesia 2023 (outliers by conformal p-values); Benjamini and Hochberg 1995;
    Clopper and Pearson 1934; Westfall and Young 1993 (largest statistic); Levina and Bickel 2004
    (dimension); Fox, Swarup and Adiga 2025 (terms add up).

    Examples
    --------
    >>> import numpy as np, fidiv
    >>> rng = np.random.default_rng(0)
    >>> middle = 8 * rng.normal(size=(4, 16))
    >>> draw = lambda of_modes: middle[of_modes] + rng.normal(size=(len(of_modes), 16))
    >>> real, fake = draw(rng.integers(0, 4, 2000)), draw(rng.integers(0, 3, 1000))
    >>> found = fidiv.modes(real, fake, num_modes=4)
    >>> found.dropped, found.shrunk, found.invented
    (1.0, 0.0, 0.0)
    >>> [(mode.fakes, mode.verdict) for mode in found.table if mode.verdict == "dropped"]
    [(0, 'dropped')]
    """
    options = _modes.Options(
        num_modes=check_count(num_modes, "num_modes"),
        nearest_k=check_count(nearest_k, "nearest_k"),
        level=check_level(level, "level"),
        seed=check_seed(seed),
    )
    labels: list[Any] = []

    def needs(real: Any, fake: Any, holdout: Any) -> Any:
        labels[:] = check_labels(real_labels, fake_labels, real.shape[0], fake.shape[0])
        if labels[0] is None and num_modes > real.shape[0] // 2:
            raise ValueError(
                f"num_modes={num_modes} needs as many anchors, half of real_features; "
                f"there are {real.shape[0] // 2}"
            )
        return _modes.needs(real.shape[0], fake.shape[0], options)

    found, work = gather_one(real_features, fake_features, needs, n_jobs, progress)
    answer = _modes.find(found, options, *labels)
    return answer.made_by({"version": version(), **work.settings()})
