"""The call of the two-sample tests."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from .. import _two_sample as tests
from .._columns import ColumnResult
from .._inputs import check_count, check_seed
from .._plan import Progress, gather_one, version
from ..metrics import Found, Needs

FEWEST_PERMUTATIONS = 99  # below, no p-value can reach 0.01
USUAL_PERMUTATIONS = 1000

Method = Literal["neighbours", "mmd", "energy", "classifier", "ks"]
METHODS: tuple[str, ...] = ("neighbours", "mmd", "energy", "classifier", "ks")


def two_sample_test(
    real_features: ArrayLike,
    fake_features: ArrayLike,
    *,
    method: Method = "neighbours",
    permutations: int = 1000,
    seed: int = 0,
    nearest_k: int = 5,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> ColumnResult:
    """Whether two sets of points may come from one law: a statistic and its p-value.

    Parameters
    ----------
    real_features, fake_features : array (n, d), array (m, d)
        The sets; n and m may differ. Rows must be independent draws: frames of one video are not.
    method : str, default "neighbours"
        "neighbours": the share of the nearest_k neighbours in the union of both sets that come from the set
        of the point. Sees differences of any kind; far weaker when one set is much larger than the other.
        "mmd": the squared maximum mean discrepancy, Gaussian kernel, over all pairs, each point with itself
        included (so it is never negative). The bandwidth is the median distance in the union, over all pairs
        (the mean where that is 0): a median among the reals alone would have looked at the labels.
        "energy": the energy distance 2 E|x - y| - E|x - x'| - E|y - y'| over all pairs, no square root.
        "classifier": the area under the ROC curve of a logistic regression that was fitted on one half of
        each set, on the other half. Sees differences along a line, such as shifts.
        "ks": the largest of the Kolmogorov-Smirnov statistics of single columns, p-values corrected by Holm.
        Sees nothing that no single column shows.
    permutations : int, default 1000
        Random relabellings of the union (of the half kept for the test, with "classifier"), at least 99. The
        smallest possible p-value is 1 / (permutations + 1). "ks" uses none.
    seed : int, default 0
        Of the relabellings, of the halves, of the order among ties.
    nearest_k : int, default 5
        Of "neighbours": how many, the point itself not counted.
    n_jobs, progress
        As in `fidiv.evaluate`; progress is that of the sweeps of "neighbours".

    Returns
    -------
    ColumnResult
        statistic: large when the sets differ; p_value. Then, except for "ks", expected_statistic and
        statistic_std, mean and standard deviation of the statistic over all relabellings ("mmd" and "energy":
        the deviation over those drawn, the mean exact). With "ks" `.features` has ks_statistic, p_value and
        adjusted_p_value, one entry a column.

    Raises
    ------
    ValueError, TypeError
        As `fidiv.evaluate`, for an unknown method, for fewer than nearest_k + 1 points in both sets together,
        for a set of one point with "classifier".

    Notes
    -----
    The p-value is (1 + how many relabellings reach the statistic) / (1 + permutations). When both laws are
    one it is at most a with probability at most a, at any sizes and for any law, ties and copies included;
    no limit theorem is used. "ks" uses the exact law of each column up to 10,000 points in the larger set and
    SciPy's asymptotic one beyond; both take values for continuous, so ties make it cautious: its p-values are
    then too large, not too small.

    Where several points lie at the distance of neighbour nearest_k, a random order of the union (of the
    seed) chooses among them, and a note says so. An order by index would prefer the real set.

    A small p-value says that the laws differ, not that they differ by much: with enough points any two
    generators differ. Choose the method before looking, or multiply the smallest p-value by the number of
    methods tried.

    "neighbours" hardly sees a difference of scale alone in many dimensions: the nearest points of the wider
    set are then points of the narrower one, so no set keeps to itself (Chen and Friedman 2017). "energy" and
    "mmd" do, and so does the density of `fidiv.density_coverage`.

    "mmd" and "energy" cost (n + m)^2 (d + permutations) / 2 operations and never hold a table of pairs.

    References
    ----------
    Schilling 1986 and Henze 1988 ("neighbours"); Gretton et al. 2012 ("mmd"); Székely and Rizzo 2004
    ("energy"); Lopez-Paz and Oquab 2017 ("classifier"); Holm 1979; Phipson and Smyth 2010 (the p-value);
    Chen and Friedman 2017 (what "neighbours" misses).

    Examples
    --------
    >>> import numpy as np, fidiv
    >>> rng = np.random.default_rng(0)
    >>> real, fake = rng.normal(size=(200, 4)), rng.normal(size=(150, 4))
    >>> fidiv.two_sample_test(real, fake).p_value > 0.05
    True
    >>> fidiv.two_sample_test(real, fake + 0.5, method="energy").p_value
    0.000999000999000999
    """
    options = check_options(method, METHODS, permutations, seed, nearest_k)
    names = ("real_features", "fake_features")
    found, work = gather_one(
        real_features,
        fake_features,
        lambda a, b, _: needs_of(options, a.shape[0], b.shape[0], names),
        n_jobs,
        progress,
    )
    tested = run(found, options)
    return ColumnResult(
        {"statistic": tested.statistic, "p_value": tested.p_value, **null_moments(tested)},
        features=tested.features,
        settings={**settings_of(found, options, tested), "version": version(), **work.settings()},
        notes=notes_of(options, tested),
    )


def check_options(
    method: Any, methods: tuple[str, ...], permutations: Any, seed: Any, nearest_k: Any
) -> dict[str, Any]:
    wrong = f"method must be one of {', '.join(methods)}, got {method!r}"
    if not isinstance(method, str):
        raise TypeError(wrong)
    if method not in methods:
        raise ValueError(wrong)
    return {
        "method": method,
        "permutations": check_count(permutations, "permutations", minimum=FEWEST_PERMUTATIONS),
        "seed": check_seed(seed),
        "nearest_k": check_count(nearest_k, "nearest_k"),
    }


def needs_of(options: dict[str, Any], n: int, m: int, names: tuple[str, str]) -> Needs:
    """What the method asks of the sweeps."""
    if options["method"] == "classifier":
        for size, name in zip((n, m), names, strict=True):
            if size < 2:
                raise ValueError(f'method="classifier" splits each set in two halves; {name} has 1 point')
    if options["method"] != "neighbours":
        return Needs()
    k = options["nearest_k"]
    if n + m < k + 1:
        raise ValueError(
            f"nearest_k={k} needs at least {k + 1} points in {names[0]} and {names[1]} together, which have "
            f"{n + m}"
        )
    return tests.neighbours_needs(n, m, k)


def run(found: Found, options: dict[str, Any]) -> tests.Tested:
    """The test of the method."""
    random = np.random.default_rng(options["seed"])
    permutations: int = options["permutations"]
    match options["method"]:
        case "neighbours":
            return tests.neighbours_test(found, options["nearest_k"], permutations, random)
        case "mmd":
            return tests.mmd_test(found, permutations, random)
        case "energy":
            return tests.energy_test(found, permutations, random)
        case "classifier":
            return tests.classifier_test(found, permutations, random)
    return tests.ks_test(found)


def null_moments(tested: tests.Tested) -> dict[str, float]:
    if tested.expected is None or tested.deviation is None:
        return {}
    return {"expected_statistic": tested.expected, "statistic_std": tested.deviation}


def settings_of(found: Found, options: dict[str, Any], tested: tests.Tested) -> dict[str, Any]:
    """What made the numbers; what the method does not use is left out."""
    drawn = {} if tested.null is None else {"permutations": options["permutations"], "seed": options["seed"]}
    return {
        "n": found.n,
        "m": found.m,
        "d": found.d,
        "method": options["method"],
        **drawn,
        **tested.settings,
    }


def notes_of(options: dict[str, Any], tested: tests.Tested) -> list[str]:
    notes = list(tested.notes)
    if tested.null is not None and len(tested.null) < USUAL_PERMUTATIONS:
        notes.append(
            f"permutations={len(tested.null)}: p_value comes in steps of 1 / {len(tested.null) + 1}; "
            f"{USUAL_PERMUTATIONS} or more are usual"
        )
    return notes
