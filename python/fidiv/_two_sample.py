"""Tests of whether two sets of points came from one law: the statistics and their laws, on arrays.

n points of the first set and m of the second make the union of N = n + m. All methods but one compare the
statistic with its values under random relabellings of the union: n of the N points, each choice equally
likely, are called first. When both laws are one, the true labels are such a choice, so

    p = (1 + how many of P relabellings reach the statistic) / (1 + P)

is at most a with a probability of at most a, at any sizes, in any dimension and for any law: no limit
theorem is used. For this to hold, what is relabelled (graph, kernel, scores) must not have looked at the
labels. So ties between neighbours are drawn over the union, and the bandwidth comes from the union.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ._gram import Distance, Gaussian, Kernel, median_distance, permutation_forms, within
from ._logistic import Logistic
from .metrics import Found, Needs

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Marks = NDArray[np.bool_]

SLAB = 1 << 22  # labels (bytes) of the relabellings that are counted at once
SIGNS = 1 << 25  # weights (of 8 bytes) of the relabellings that share one pass over the kernel
LARGEST_EXACT = 10_000  # points of the larger set up to which the law of Kolmogorov and Smirnov is exact
ROUNDING = 1e-12  # two forms that differ by less than this share of the mean kernel value are a tie


@dataclass
class Tested:
    """A statistic, larger when the sets differ, and its law when they do not."""

    statistic: float
    p_value: float
    null: Floats | None = None  # the statistic of each relabelling
    slack: float = 0.0  # a relabelling that is this much below the statistic still reaches it
    expected: float | None = None  # mean and standard deviation over all relabellings
    deviation: float | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    features: dict[str, NDArray[Any]] = field(default_factory=dict)

    def threshold(self, level: float) -> float:
        """The value that the statistic must exceed for p <= level."""
        assert self.null is not None
        # With c relabellings at or above it p is (1 + c) / (1 + P); the same division as in `p_value`.
        total = len(self.null)
        allowed = int(np.count_nonzero(np.arange(1, total + 2) / (total + 1) <= level)) - 1
        return float(np.sort(self.null)[total - 1 - allowed]) + self.slack


def p_value(statistic: float, null: Floats, slack: float = 0.0) -> float:
    """One-sided: the share of relabellings that reach the statistic, the true labels counted as one."""
    return (1 + int(np.count_nonzero(null >= statistic - slack))) / (1 + len(null))


def relabellings(
    n: int, m: int, permutations: int, random: np.random.Generator, width: int
) -> Iterator[Marks]:
    """Tables (N, up to `width`), one column a relabelling, True where a point is called second. Which they
    are does not depend on `width`.
    """
    labels = np.arange(n + m) >= n
    for first in range(0, permutations, width):
        some = range(first, min(first + width, permutations))
        yield np.ascontiguousarray(np.array([random.permutation(labels) for _ in some]).T)


# neighbours in the union of both sets
def neighbours_needs(n: int, m: int, k: int) -> Needs:
    """Lists of one neighbour more than k, to see ties at the k-th place; shorter where a set is smaller."""
    return Needs(
        real_list=min(k + 1, n - 1),
        real_neighbors=min(k + 1, n - 1),
        fake_list=min(k + 1, m - 1),
        fake_neighbors=min(k + 1, m - 1),
        fake_to_real_list=min(k + 1, n),
        fake_to_real_neighbors=min(k + 1, n),
        real_to_fake_list=min(k + 1, m),
        real_to_fake_neighbors=min(k + 1, m),
    )


def union_neighbours(found: Found, k: int, random: np.random.Generator) -> tuple[Integers, int]:
    """The k nearest of each point in the union, (N, k), points counted first set first; and how many points
    have a tie at the k-th place.

    With ties at that place the neighbours follow the order (distance, place in a random order of the union):
    an order by index would prefer the first set, and the graph would know the labels.
    """
    n, m = found.n, found.m
    none = np.empty((max(n, m), 0))

    def merged(
        own: Floats | None,
        own_points: Integers,
        cross: Floats,
        cross_points: Integers,
        places: Integers | None,
    ) -> tuple[Integers, int]:
        """Own and cross lists as one, and how many rows have a tie at the k-th place."""
        own = none[: len(cross)] if own is None else own
        distances = np.concatenate([own, cross], axis=1)
        points = np.concatenate([own_points, cross_points], axis=1)
        order = np.lexsort((points if places is None else places[points], distances), axis=-1)[:, : k + 1]
        nearest = np.take_along_axis(distances, order, axis=1)
        ties = int(np.count_nonzero(nearest[:, k - 1] == nearest[:, k])) if nearest.shape[1] > k else 0
        return np.take_along_axis(points, order[:, :k], axis=1), ties

    empty = none[:, :0].astype(np.int64)
    real_own = empty[:n] if found.real_neighbors is None else found.real_neighbors
    fake_own = empty[:m] if found.fake_neighbors is None else n + found.fake_neighbors
    assert found.real_to_fake_list is not None
    assert found.fake_to_real_list is not None
    assert found.real_to_fake_neighbors is not None
    assert found.fake_to_real_neighbors is not None
    reals, ties_of_reals = merged(
        found.real_list, real_own, found.real_to_fake_list, n + found.real_to_fake_neighbors, None
    )
    fakes, ties_of_fakes = merged(
        found.fake_list, fake_own, found.fake_to_real_list, found.fake_to_real_neighbors, None
    )
    ties = ties_of_reals + ties_of_fakes
    if ties == 0:
        return np.concatenate([reals, fakes]), 0
    # Again with both sets in the random order, so that the lists keep the right ones among equal distances.
    union = random.permutation(n + m)
    places = np.argsort(union)
    first, second = union[union < n], union[union >= n]
    further = found.further
    real, fake = further.real[first], further.fake[second - n]
    neighbours = np.empty((n + m, k), dtype=np.int64)
    for rows, x, x_points, y, y_points in (
        (first, real, first, fake, second),
        (second, fake, second, real, first),
    ):
        own, own_points = None, empty[: len(rows)]
        if len(x) > 1:
            own, found_points = further.knn(x, None, min(k, len(x) - 1))
            own_points = x_points[found_points]
        cross, found_points = further.knn(x, y, min(k, len(y)))
        neighbours[rows], _ = merged(own, own_points, cross, y_points[found_points], places)
    return neighbours, ties


def same_label(neighbours: Integers, labels: Marks) -> Integers:
    """For each column of labels (N, P), how many edges of the graph join equal ones."""
    same = np.zeros(labels.shape[1], dtype=np.int64)
    for column in neighbours.T:
        same += np.count_nonzero(labels[column] == labels, axis=0)
    return same


def same_label_moments(neighbours: Integers, n: int, m: int) -> tuple[float, float]:
    """Mean and standard deviation, over all relabellings, of the share of edges that join equal labels: in
    terms of the mutual pairs and of the neighbours shared (Schilling 1986, section 3; Henze 1988), exactly.
    """
    total, k = neighbours.shape
    edges = total * k
    start, end = np.repeat(np.arange(total), k), neighbours.ravel()
    mutual = len(np.intersect1d(start * total + end, end * total + start, assume_unique=True))
    degree = k + np.bincount(end, minlength=total)
    # Ordered pairs of edges by the points they have in common: both, one, none.
    both = edges + mutual
    one = int((degree.astype(object) ** 2).sum()) - 2 * both
    none = edges * edges - both - one

    def falling(size: int, length: int) -> int:
        return math.prod(range(size - length + 1, size + 1)) if size >= length else 0

    def chance(favourable: int, length: int) -> Fraction:
        return Fraction(favourable, falling(total, length)) if total >= length else Fraction(0)

    pair = chance(falling(n, 2) + falling(m, 2), 2)
    three = chance(falling(n, 3) + falling(m, 3), 3)
    two_pairs = chance(falling(n, 4) + falling(m, 4) + 2 * falling(n, 2) * falling(m, 2), 4)
    variance = both * pair + one * three + none * two_pairs - (edges * pair) ** 2
    return float(pair), math.sqrt(variance) / edges


def neighbours_test(found: Found, k: int, permutations: int, random: np.random.Generator) -> Tested:
    """Share of the k nearest in the union that carry the label of the point."""
    n, m = found.n, found.m
    neighbours, ties = union_neighbours(found, k, random)
    edges = neighbours.size
    count = int(same_label(neighbours, (np.arange(n + m) >= n)[:, None])[0])
    width = max(1, SLAB // (n + m))
    slabs = relabellings(n, m, permutations, random, width)
    null = np.concatenate([same_label(neighbours, labels) for labels in slabs]) / edges
    expected, deviation = same_label_moments(neighbours, n, m)
    notes = []
    if ties:
        notes.append(
            f"{ties} points have several candidates at the distance of neighbour {k}; a random order of the "
            f"union, drawn with the seed, chose among them"
        )
    return Tested(
        count / edges,
        p_value(count / edges, null),
        null,
        expected=expected,
        deviation=deviation,
        settings={"nearest_k": k, "ties": ties},
        notes=notes,
    )


# kernel sums
def median_bandwidth(found: Found) -> float:
    """The median of the distances in the union, all pairs; their mean where the median is 0, and 1 where that
    is 0 too.
    """
    threads = found.further.threads
    union = np.concatenate([found.further.real, found.further.fake])
    median = median_distance(union, threads=threads)
    return median or float(within(union, Distance(), threads=threads).mean()) / (len(union) - 1) or 1.0


def kernel_test(
    found: Found, kernel: Kernel, permutations: int, random: np.random.Generator, width: int | None = None
) -> Tested:
    """Squared maximum mean discrepancy (Gaussian) or energy distance (Distance) over all pairs, the points
    with themselves included: with weights s of 1 / n and -1 / m it is s'Ks, or -s'Ks for distances.
    """
    n, m = found.n, found.m
    total = n + m
    width = width or max(1, SIGNS // total - 2)
    x, y = found.further.real, found.further.fake
    sign, diagonal = (-1.0, 0.0) if isinstance(kernel, Distance) else (1.0, 1.0)
    pieces: list[Floats] = []
    for labels in relabellings(n, m, permutations, random, width):
        # The true weights and ones, whose form is the sum of the kernel, ride with the first slab.
        more = 0 if pieces else 2
        signs = np.empty((total, labels.shape[1] + more))
        signs[:, more:] = np.where(labels, -1.0 / m, 1.0 / n)
        if more:
            signs[:, 0] = np.repeat([1.0 / n, -1.0 / m], [n, m])
            signs[:, 1] = 1.0
        pieces.append(permutation_forms(x, y, kernel, signs, threads=found.further.threads))
    forms = np.concatenate(pieces)
    if not np.isfinite(forms).all():
        raise ValueError("the features are so large that sums of their distances do not fit in a float64")
    weight = 1.0 / n + 1.0 / m
    mean_kernel = float(forms[1]) / (total * (total - 1))
    statistic, null = sign * forms[0] + diagonal * weight, sign * forms[2:] + diagonal * weight
    slack = ROUNDING * (diagonal + abs(mean_kernel))
    return Tested(
        float(statistic),
        p_value(float(statistic), null, slack),
        null,
        slack,
        expected=weight * (diagonal - sign * mean_kernel),
        deviation=float(null.std(ddof=1)),
    )


def mmd_test(found: Found, permutations: int, random: np.random.Generator) -> Tested:
    bandwidth = median_bandwidth(found)
    tested = kernel_test(found, Gaussian(bandwidth), permutations, random)
    tested.settings = {"bandwidth": bandwidth}
    return tested


def energy_test(found: Found, permutations: int, random: np.random.Generator) -> Tested:
    return kernel_test(found, Distance(), permutations, random)


# a trained classifier
def classifier_test(found: Found, permutations: int, random: np.random.Generator) -> Tested:
    """Area under the ROC curve of a logistic regression on halves of the sets that it was not fitted on."""
    from scipy.stats import rankdata  # slow to import

    x, y = found.further.real, found.further.fake
    halves = [random.permutation(len(points)) for points in (x, y)]
    train_x, test_x = np.split(halves[0], [len(x) // 2])
    train_y, test_y = np.split(halves[1], [len(y) // 2])
    fitted = Logistic(x[train_x], y[train_y])
    scores = np.concatenate([fitted(x[test_x]), fitted(y[test_y])])
    if not np.isfinite(scores).all():
        raise ValueError("the features are so large that the classifier has no finite scores")
    n, m = len(test_x), len(test_y)
    # Ranks with ties at their middle are halves of integers: sums of them are exact.
    ranks = rankdata(scores)

    def area(rank_sum: Any) -> Any:
        return (rank_sum - m * (m + 1) / 2) / (n * m)

    statistic = float(area(ranks[n:].sum()))
    slabs = relabellings(n, m, permutations, random, max(1, SLAB // (n + m)))
    null = np.concatenate([area(ranks @ labels) for labels in slabs])
    # A sum of m ranks drawn without replacement.
    variance = m * n / (n + m) * float(ranks.var(ddof=1))
    return Tested(
        statistic,
        p_value(statistic, null),
        null,
        expected=0.5,
        deviation=math.sqrt(variance) / (n * m),
        settings={"n_test": n, "m_test": m},
    )


# column by column
def holm(p_values: Sequence[float] | Floats) -> Floats:
    """Holm 1979: adjusted p-values; those hypotheses with one at most a are wrongly rejected, any of them,
    with a probability of at most a, however they depend on one another.

    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    p_values = np.asarray(p_values, dtype=np.float64)
    size = len(p_values)
    order = np.argsort(p_values, kind="stable")
    scaled = np.maximum.accumulate(p_values[order] * np.arange(size, 0, -1))
    adjusted = np.empty(size)
    adjusted[order] = np.minimum(scaled, 1.0)
    return adjusted


def columns_test(first: NDArray[Any], second: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """The two-sided test of Kolmogorov and Smirnov for each column, p-values as they are and adjusted; and by
    how many standard deviations of the first set the mean of the second lies higher.
    """
    from scipy.stats import ks_2samp  # slow to import

    method: Literal["exact", "asymp"] = "exact" if law_of(len(first), len(second)) == "exact" else "asymp"
    statistics, p_values, shifts = (np.empty(first.shape[1]) for _ in range(3))
    for c in range(first.shape[1]):
        # float64 on both sides: a float32 value is compared with a float64 one as what it is.
        x, y = first[:, c].astype(np.float64), second[:, c].astype(np.float64)
        tested: Any = ks_2samp(x, y, method=method)
        statistics[c], p_values[c] = tested.statistic, min(tested.pvalue, 1.0)
        # From the first value on, so that a constant column has no rounding in its mean.
        shift = (y - x[0]).mean() - (x - x[0]).mean()
        spread = (x - x[0]).std(ddof=1) if len(x) > 1 else 0.0
        shifts[c] = shift / spread if spread > 0 else np.sign(shift) * np.inf if shift != 0 else 0.0
    return {
        "ks_statistic": statistics,
        "p_value": p_values,
        "adjusted_p_value": holm(p_values),
        "mean_shift": shifts,
    }


def law_of(n: int, m: int) -> str:
    """Which law of the statistic of Kolmogorov and Smirnov is used."""
    return "exact" if max(n, m) <= LARGEST_EXACT else "asymptotic"


def ks_test(found: Found) -> Tested:
    """The largest statistic of a column, and the smallest adjusted p-value."""
    features = columns_test(found.further.real, found.further.fake)
    return Tested(
        float(features["ks_statistic"].max()),
        float(features["adjusted_p_value"].min()),
        features=features,
        settings={"law": law_of(found.n, found.m)},
    )


# Single points of the second set


def distance_ratio(nearest: Floats, index: Integers, radii: Floats) -> Floats:
    """The distance to the nearest point of the first set over the radius of that point; 0 / 0 is 0."""
    around = radii[index]
    ratio = np.full(len(nearest), np.inf)
    np.divide(nearest, around, out=ratio, where=around > 0)
    ratio[nearest == 0] = 0.0
    return ratio


def conformal_p_values(scores: Floats, calibration: Floats) -> Floats:
    """For each score (1 + how many calibration scores reach it) / (1 + how many there are)."""
    ordered = np.sort(calibration)
    reached = len(ordered) - np.searchsorted(ordered, scores, side="left")
    found: Floats = (1 + reached) / (1 + len(ordered))
    return found


def chosen_at_rate(p_values: Floats, rate: float) -> Marks:
    """Benjamini and Hochberg 1995: of the chosen ones a share of at most `rate` is wrong on average."""
    ordered = np.sort(p_values)
    good = np.flatnonzero(ordered <= rate * np.arange(1, len(ordered) + 1) / len(ordered))
    return p_values <= ordered[good[-1]] if len(good) else np.zeros(len(p_values), dtype=np.bool_)
