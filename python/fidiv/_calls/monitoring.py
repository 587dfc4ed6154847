"""The call that watches for drift: a batch against a reference."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _two_sample as tests
from .._columns import ColumnResult
from .._inputs import check_count, check_share
from .._plan import Progress, gather_one, version
from .._tables import Samples
from ..metrics import FAMILIES, Found, Needs, mean
from .two_sample import check_options, needs_of, notes_of, null_moments, run, settings_of

METHODS = ("neighbours", "mmd", "energy", "classifier")
NAMES = ("reference_features", "batch_features")


def drift(
    reference_features: ArrayLike,
    batch_features: ArrayLike,
    *,
    level: float = 0.01,
    method: Literal["neighbours", "mmd", "energy", "classifier"] = "neighbours",
    nearest_k: int = 5,
    ball_k: int = 3,
    splits: int = 5,
    point_rate: float = 0.1,
    permutations: int = 1000,
    seed: int = 0,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> ColumnResult:
    """Whether a batch still comes from the law of the reference, and what moved: which columns, which points.

    Parameters
    ----------
    reference_features : array (n, d)
        What is known to be good; at least 2 (ball_k + 1) points.
    batch_features : array (m, d)
        What came in; more than `ball_k` points.
    level : float, default 0.01
        How often a batch without drift may be called drifted, between 0 and 1; also the level of the columns.
    method : "neighbours", "mmd", "energy" or "classifier", default "neighbours"
        The test, as in `fidiv.two_sample_test`; that of single columns ("ks") is always in `.features`.
    nearest_k : int, default 5
        Of "neighbours".
    ball_k : int, default 3
        The balls of precision and recall, and of the distance ratio, reach to this neighbour.
    splits : int, default 5
        How many random splits of the union give the expected precision and recall; each costs about as many
        pairs as the first sweeps.
    point_rate : float, default 0.1
        Which share of the points marked as moved may be marked wrongly, on average; between 0 and 1.
    permutations : int, default 1000
        Random relabellings, at least 99 and at least 1 / level - 1.
    seed : int, default 0
        Of everything that is drawn.
    n_jobs, progress
        As in `fidiv.evaluate`; progress is that of the first sweeps.

    Returns
    -------
    ColumnResult
        statistic, p_value, expected_statistic, statistic_std: those of `fidiv.two_sample_test` with this
        method and seed. threshold: the statistic must exceed it for p_value <= level. is_drift: 1.0 if it
        does, else 0.0 (all values are floats). precision, recall: improved precision and recall of the batch
        (`ball_k`, closed balls). expected_precision, expected_recall: what two sets of one law and of these
        sizes give, as mean over random splits of the union into n and m points. precision_drop, recall_drop:
        expected less found; positive is worse, 0 on average without drift.

        `.features`, one entry a column: ks_statistic, p_value, adjusted_p_value (Holm), mean_shift (mean of
        the batch less that of the reference, in standard deviations of the reference), moved (adjusted
        p-value <= level).

        `.samples`, one entry a point of the batch: inside (in a ball of the reference), nearest_reference
        (index), distance_ratio (distance to that point over its radius), p_value (conformal), moved (chosen
        by Benjamini and Hochberg at rate `point_rate`).

    Raises
    ------
    ValueError, TypeError
        As `fidiv.two_sample_test`; for a level or rate outside (0, 1), a level out of reach of the
        permutations, too few points.

    Notes
    -----
    A single call without drift says is_drift with probability at most `level`, whatever the law. A monitor
    that calls it for each batch sees such an alarm in a share `level` of the batches.

    In many dimensions "neighbours" hardly sees a change of scale alone (see `fidiv.two_sample_test`);
    method="energy" does, and precision_drop where the batch has become wider.

    The law behind the expected precision and recall is that of the union: with equal laws it is the law of
    both, and the drop is 0 on average exactly; otherwise it is their mixture.

    The p-value of a point is its rank among points of the reference: one half of the reference (of the seed)
    gives balls, the distance ratios of the other half to it are what those of the batch are compared with. A
    point from the law of the reference has p_value <= a with probability at most a. It cannot be smaller than
    1 / (1 + n / 2): for t moved points of m to be marked, that must be at most point_rate t / m.

    A batch may drift without any point that stands out (a lost mode, a change of shares); then recall_drop,
    not `.samples`, shows it.

    References
    ----------
    See `fidiv.two_sample_test` and `fidiv.precision_recall`; Vovk, Gammerman and Shafer 2005 and Bates et al.
    2023 (conformal p-values); Benjamini and Hochberg 1995; Holm 1979.

    Examples
    --------
    >>> import numpy as np, fidiv
    >>> rng = np.random.default_rng(0)
    >>> reference, batch = rng.normal(size=(400, 3)), rng.normal(size=(100, 3))
    >>> fidiv.drift(reference, batch).is_drift
    0.0
    >>> batch[:, 1] += 1.5
    >>> result = fidiv.drift(reference, batch)
    >>> result.is_drift, result.features["moved"].tolist(), result.recall_drop > 0.2
    (1.0, [False, True, False], True)
    """
    options = check_options(method, METHODS, permutations, seed, nearest_k)
    options |= {"ball_k": check_count(ball_k, "ball_k"), "splits": check_count(splits, "splits")}
    level, point_rate = check_share(level, "level"), check_share(point_rate, "point_rate")
    if 1 / (options["permutations"] + 1) > level:
        raise ValueError(
            f"level={level} is out of reach of permutations={permutations}, whose smallest p-value is "
            f"{1 / (permutations + 1):.2g}; more permutations are needed"
        )
    balls = {"nearest_k": options["ball_k"], "closed": True, "samples": False}
    family = FAMILIES["precision_recall"]

    def needs(reference: Any, batch: Any, _: Any) -> Needs:
        n, m, k = reference.shape[0], batch.shape[0], options["ball_k"]
        if n < 2 * (k + 1):
            raise ValueError(f"ball_k={k} needs at least {2 * (k + 1)} points in {NAMES[0]}, which has {n}")
        if m < k + 1:
            raise ValueError(f"ball_k={k} needs at least {k + 1} points in {NAMES[1]}, which has {m}")
        nearest = Needs(fake_to_real=frozenset({1}), fake_to_real_neighbors=1)
        return needs_of(options, n, m, NAMES) | family.needs(n, m, balls) | nearest

    found, work = gather_one(reference_features, batch_features, needs, n_jobs, progress, names=NAMES)
    tested = run(found, options)
    seen = family.formula(found, balls)
    # A generator of their own: the test above is that of two_sample_test with this seed.
    random = np.random.default_rng([options["seed"], 1])
    expected = expected_shares(found, options["ball_k"], options["splits"], random)
    threshold = tested.threshold(level)
    values = {
        "statistic": tested.statistic,
        "p_value": tested.p_value,
        "threshold": threshold,
        "is_drift": float(tested.p_value <= level),
        "precision_drop": expected[0] - seen.values["precision"],
        "recall_drop": expected[1] - seen.values["recall"],
        "precision": seen.values["precision"],
        "recall": seen.values["recall"],
        "expected_precision": expected[0],
        "expected_recall": expected[1],
        **null_moments(tested),
    }
    features = tests.columns_test(found.further.real, found.further.fake)
    features["moved"] = features["adjusted_p_value"] <= level
    samples = points_of(found, options["ball_k"], random, point_rate)
    samples = {"inside": seen.samples["precision_mask"], **samples}
    settings = {
        **settings_of(found, options, tested),
        "level": level,
        "point_rate": point_rate,
        "ball_k": options["ball_k"],
        "splits": options["splits"],
        "law_of_columns": tests.law_of(found.n, found.m),
        "version": version(),
        **work.settings(),
    }
    return ColumnResult(
        values,
        features=features,
        samples=Samples(samples, dict.fromkeys(samples, "batch")),
        settings=settings,
        notes=notes_of(options, tested),
    )


def expected_shares(found: Found, k: int, splits: int, random: np.random.Generator) -> tuple[float, float]:
    """Precision and recall of random splits of the union into n and m points, averaged."""
    further, n = found.further, found.n
    precisions, recalls = [], []
    for _ in range(splits):
        order = random.permutation(n + found.m)
        first, second = (rows_of(found, part) for part in (order[:n], order[n:]))
        of_first, of_second = (further.knn(x, None, k)[0][:, -1] for x in (first, second))
        precisions.append(int(np.count_nonzero(further.covered_by(second, first, of_first))) / found.m)
        recalls.append(int(np.count_nonzero(further.covered_by(first, second, of_second))) / n)
    return mean(precisions), mean(recalls)


def rows_of(found: Found, union: NDArray[np.int64]) -> NDArray[Any]:
    """Points by their place in the union. A float32 value among float64 ones stays what it is."""
    reference, batch = union[union < found.n], union[union >= found.n] - found.n
    return np.concatenate([found.further.real[reference], found.further.fake[batch]])


def points_of(found: Found, k: int, random: np.random.Generator, rate: float) -> dict[str, NDArray[Any]]:
    """What is known of each point of the batch."""
    further = found.further
    assert found.fake_to_real_neighbors is not None
    nearest = found.fake_to_real_neighbors[:, 0].copy()
    ratio = tests.distance_ratio(found.fake_to_real[1], nearest, found.own_real[k])
    halves = np.array_split(random.permutation(found.n), 2)
    base, held_out = (further.real[np.sort(half)] for half in halves)
    radii = further.knn(base, None, k)[0][:, -1]

    def scores(points: NDArray[Any]) -> NDArray[np.float64]:
        distances, index = further.knn(points, base, 1)
        return tests.distance_ratio(distances[:, 0], index[:, 0], radii)

    p_values = tests.conformal_p_values(scores(further.fake), scores(held_out))
    return {
        "nearest_reference": nearest,
        "distance_ratio": ratio,
        "p_value": p_values,
        "moved": tests.chosen_at_rate(p_values, rate),
    }
