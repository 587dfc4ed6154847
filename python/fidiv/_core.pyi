"""The compiled core: points, sweeps over pairs of them, and the primitives that need speed."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

_Side: TypeAlias = Literal["rows", "columns"]
_Nearest: TypeAlias = (
    tuple[Literal["nearest"], _Side, int] | tuple[Literal["nearest"], _Side, int, NDArray[np.bool_]]
)
_Balls: TypeAlias = tuple[Literal["count_within", "covered_by", "covered"], _Side, NDArray[np.float64], bool]
_BestRatio: TypeAlias = tuple[Literal["best_ratio"], _Side, NDArray[np.float64]]
_LeastRadius: TypeAlias = tuple[Literal["least_radius"], _Side, NDArray[np.float64], bool]
_Product: TypeAlias = tuple[Literal["product"], _Side, float]
_Question: TypeAlias = _Nearest | _Balls | _BestRatio | _LeastRadius | _Product
_Progress: TypeAlias = Callable[[int, int], object] | None

@final
class Points:
    """A checked block of points: n rows (points) of d columns. Borrows the array, never copies it.

    `array` is 2-D, C-contiguous, aligned, of native float32 or float64, with n >= 1 and d >= 1. Raises
    ValueError that names `name` for NaN and infinite values (how many, and where the first is) and for
    values too large to square, TypeError for what is no such array. `n_jobs` threads look at the values. The
    array must not be changed while the points are in use."""

    def __new__(
        cls,
        array: NDArray[np.float32] | NDArray[np.float64],
        name: str,
        *,
        n_jobs: int | None = None,
    ) -> Points: ...
    @property
    def shape(self) -> tuple[int, int]:
        """(n, d)."""
    @property
    def name(self) -> str:
        """What errors call these points."""
    @property
    def array(self) -> NDArray[Any]:
        """The array the points were made of."""

def sweep(
    rows: Points,
    columns: Points | None,
    questions: Sequence[_Question],
    *,
    n_jobs: int | None = None,
    progress: _Progress = None,
) -> tuple[list[Any], dict[str, Any]]:
    """Answers all questions in one pass over the pairs (row, column); each pair is looked at once.

    `columns=None` sweeps within one set: every unordered pair once, the point itself left out, side "rows"
    only. "side" names the set whose points ask for neighbours or are the centres of balls:

        ("nearest", side, k)                   -> (distances float64 (n, k) ascending, indices int64 (n, k))
        ("nearest", side, k, among)            -> the same of those of the other side that are True in
                                                  among (o,)
        ("count_within", side, radii, closed)  -> int64 (n,): how many of the other side lie in each ball
        ("covered_by", side, radii, closed)    -> int64 (o,): in how many balls each of the other side lies
        ("covered", side, radii, closed)       -> bool (o,): whether it lies in at least one ball
        ("best_ratio", side, radii)            -> float64 (o,): largest radius / distance over the centres
        ("least_radius", side, radii, closed)  -> float64 (o,): least radius of the balls it lies in,
                                                  or infinity
        ("product", side, reach)               -> float64 (n,): product of min(1, distance / reach) over the
                                                  other side, 0 when below 2^-54

    with n points on that side and o on the other.

    Radii are C-contiguous float64, one for each point of side, >= 0, infinity allowed (else ValueError). In
    "best_ratio" a point on a centre of positive radius gives infinity, and a centre of radius 0 never
    counts. Neighbours are ordered by (distance, index); balls are decided on distances, <= when closed, else
    <.

    Returns the answers in the order of the questions, and a report: "kernel", "code" ("tree" where trees
    answered), "threads", "pairs" (seen), "settled" (decided by the exact distance), "narrowed" (looked at
    again, by second slices of their codes or in float32) and "climbed" (redone with finer codes than the
    kernel's first). `progress` is called with (done, total)
    in the calling thread; an exception it raises ends the sweep and comes through, and so does Ctrl-C as
    KeyboardInterrupt.
    """

def nearest_within_each(
    sets: Sequence[Points], nearest_k: Sequence[int], *, n_jobs: int | None = None
) -> list[tuple[tuple[NDArray[np.float64], NDArray[np.int64]], dict[str, Any]]]:
    """What `sweep` answers to ("nearest", "rows", k) within each set, with its own k: many small sets side by
    side.
    """

def entropy_terms(
    distances: NDArray[np.float64],
    *,
    n_reference: int,
    nearest_k: int,
    dimension: float,
    zero: str,
    what: str,
) -> tuple[NDArray[np.float64], float, int]:
    """Terms of the estimator of Leonenko, Pronzato and Savani 2008, their mean, and how many distances are
    zero.

        term_i = ln(n_reference) - digamma(nearest_k) + ln V(dimension) + dimension * ln(distance_i)

    with V the volume of the unit ball. `n_reference` is n - 1 for an entropy and the size of the reference
    set for a cross-entropy. `zero`: "raise" (ValueError that begins with `what` and says how many and where
    the first is), "floor" (the smallest positive distance instead), "drop" (those terms are NaN, the mean is
    that of the others).
    """

def marked_spreads(
    values: NDArray[np.float64],
    neighbors: NDArray[np.int64],
    marks: NDArray[np.bool_],
    starts: Sequence[int],
    nearest_k: int,
    *,
    n_jobs: int | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means and variances (n - 1), each (permutations, groups, 2), of the radii of the points of each group
    without the mark, then with it. A point's radius is the value beside the nearest_k-th of its neighbours
    that has its own mark, or the last value where fewer have it. `values`, `neighbors` (n, length), nearest
    first; `marks` (permutations, n); C order. Groups are consecutive points, the first of each in `starts`.
    """

def log_unit_ball_volume(dimension: float) -> float:
    """ln of the volume of the unit ball: (d / 2) ln(pi) - lnGamma(d / 2 + 1), for any d > 0."""

def kmeans(
    sets: Sequence[Points],
    *,
    num_clusters: int,
    num_runs: int,
    seed: int,
    n_jobs: int | None = None,
    progress: _Progress = None,
) -> tuple[list[NDArray[np.int32]], NDArray[np.float64]]:
    """Lloyd's k-means on the union of the sets, from k-means++ starts; the same for any number of threads.

    Returns the labels of each set, (num_runs, n of the set), and the centres, (num_runs, num_clusters, d).
    """

def moments(
    points: Points, *, correlations: bool, n_jobs: int | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64] | None]:
    """Means, deviations and, where asked for, correlations of the columns, in one pass over the points.

    Returns base and centre (the mean is their sum; a constant column has the centre 0), the standard
    deviations with n - 1 (0 if and only if the column is constant) and the correlations, shape (d, d): the
    lower triangle with the diagonal, zeros above and for constant columns. An entry errs by at most
    (128 + n / 128 + 12) 2^-53, to first order and with a base near the mean. The same bits for any number of
    threads.
    """

def probe(
    points: Points,
    base: NDArray[np.float64],
    centre: NDArray[np.float64],
    spread: NDArray[np.float64],
    vectors: NDArray[np.float64],
    *,
    n_jobs: int | None = None,
) -> NDArray[np.float64]:
    """C' (C V) for the standardised points C = (x - base - centre) / (spread sqrt(n - 1)) and the vectors V,
    shape (d, 16): what the correlations do to them. A column of spread 0 takes no part.
    """

def threads(n_jobs: int | None = None) -> int:
    """How many threads a call would use: n_jobs (negative as joblib counts), else FIDIV_NUM_THREADS, else
    OMP_NUM_THREADS, else all the process may use. ValueError for 0, TypeError for what is no integer.
    """

def config() -> dict[str, Any]:
    """ "version", "kernel" (in use), "kernels" (available), "code", "threads", "profile", "target"."""
