"""Calls of numbers that need no pairs of points."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._inputs import as_array, check_count
from .._plan import version
from ..metrics import mean
from ..metrics import scores as _scores
from ..results import Result

SUM_TOLERANCE = (
    1e-5  # how far the sum of a row of probabilities may be from 1: float32 softmax is within 1e-6
)
HALF_TOLERANCE = 1e-3  # of float16
FEWEST_MODELS = 4  # the standard error has N - 3 below
ENOUGH_MODELS = 10


def inception_score(probabilities: ArrayLike, *, splits: int = 10, seed: int | None = None) -> Result:
    """The Inception Score: exp of the mean divergence of class probabilities from their mean.

    Parameters
    ----------
    probabilities : array (N, classes)
        What a classifier says of each generated point: rows that are not negative and sum to 1 (within 1e-5,
        float16 within 1e-3; they are used as they are). Not logits.
    splits : int, default 10
        Parts the rows are cut into, [i N // splits, (i + 1) N // splits); the score is the mean over them.
    seed : int, optional
        None: rows are taken in their order, so sort them by nothing (rows sorted by class make every part
        poor and the score low). A number shuffles them first, by numpy's `RandomState(seed).permutation`:
        2020 is what torch-fidelity does.

    Returns
    -------
    Result
        inception_score, between 1 and the number of classes, and inception_score_std, the standard deviation
        over the parts (divided by their number; not a standard error). `.samples`: class_divergence (N,), KL
        of each row from the mean of its part, in nats.

    Raises
    ------
    ValueError, TypeError
        Values that are negative or not finite, rows that do not sum to 1, fewer rows than splits.

    Notes
    -----
    Real data are not looked at: a generator of one perfect image a class has the best score. It grows with
    the number of points in a part: N points reach at most N / splits, whatever the classes. A note says when
    parts are smaller than the number of classes.

    References
    ----------
    Salimans et al. 2016 ("Improved Techniques for Training GANs"), section 4; Barratt and Sharma 2018 ("A
    Note on the Inception Score") on what it does not tell.

    Examples
    --------
    >>> import numpy as np, fidiv
    >>> sure_and_balanced = np.tile(np.eye(4), (50, 1))
    >>> round(fidiv.inception_score(sure_and_balanced).inception_score, 6)
    4.0
    >>> fidiv.inception_score(np.full((200, 4), 0.25)).inception_score
    1.0
    """
    rows = _probabilities(probabilities)
    count, classes = rows.shape
    splits = check_count(splits, "splits")
    if count < splits:
        raise ValueError(f"splits={splits} needs at least {splits} rows in probabilities, which has {count}")
    order = None
    if seed is not None:
        seed = check_count(seed, "seed", minimum=0, maximum=2**32 - 1)
        order = np.random.RandomState(seed).permutation(count)
        rows = rows[order]
    scores, divergences = _scores.inception_score(rows, splits)
    if order is not None:
        unshuffled = np.empty_like(divergences)
        unshuffled[order] = divergences
        divergences = unshuffled
    notes = []
    if count // splits < classes:
        notes.append(
            f"inception_score: parts of {count // splits} rows cannot reach the {classes} classes; the score "
            f"is at most the number of rows in a part"
        )
    return Result(
        {"inception_score": mean(scores), "inception_score_std": float(np.std(scores))},
        samples={"class_divergence": divergences},
        settings={"n": count, "classes": classes, "splits": splits, "seed": seed, "version": version()},
        notes=notes,
    )


def _probabilities(values: Any) -> NDArray[Any]:
    """`values` as rows of probabilities."""
    array = as_array(values, "probabilities")
    if array.dtype.kind not in "iufb" or array.dtype.itemsize > 8:
        raise TypeError(f"probabilities has type {array.dtype}; real numbers are needed")
    if array.ndim != 2 or array.size == 0:
        raise ValueError(
            f"probabilities has shape {array.shape}; one row a point and one column a class are needed"
        )
    if array.dtype.kind == "f":
        with np.errstate(over="ignore", invalid="ignore"):
            bad = np.flatnonzero(~np.isfinite(array.sum(axis=1, dtype=np.float64)))
        if len(bad):
            raise ValueError(f"probabilities has values that are not finite, first in row {bad[0]}")
    bad = np.flatnonzero((array < 0).any(axis=1))
    if len(bad):
        raise ValueError(
            f"probabilities has negative values, first in row {bad[0]}; are these logits? Take their softmax"
        )
    tolerance = HALF_TOLERANCE if array.dtype == np.float16 else SUM_TOLERANCE
    sums = array.sum(axis=1, dtype=np.float64)
    bad = np.flatnonzero(np.abs(sums - 1.0) > tolerance)
    if len(bad):
        raise ValueError(
            f"row {bad[0]} of probabilities sums to {sums[bad[0]]:.6g} ({len(bad)} rows like it); each row "
            f"must sum to 1 within {tolerance:g}"
        )
    return array


def f_beta(precision: float, recall: float, beta: float) -> float:
    """One number for precision and recall: (1 + beta^2) P R / (beta^2 P + R).

    Parameters
    ----------
    precision, recall : float
        Not negative; any pair of a fidelity and a diversity, such as density and coverage.
    beta : float
        Positive. Recall counts beta times as much as precision: beta > 1 favours recall, beta < 1 precision,
        1 is the harmonic mean.

    Returns
    -------
    float
        Between the two values; 0 when one of them is 0 (both too: others add a small constant below, and
        differ from this by that).

    Raises
    ------
    ValueError, TypeError
        What is no number, is negative or not finite; a beta that is not positive.

    References
    ----------
    van Rijsbergen 1979 ("Information Retrieval"), chapter 7.

    Examples
    --------
    >>> import fidiv
    >>> round(fidiv.f_beta(0.5, 1.0, 1), 6), round(fidiv.f_beta(0.5, 1.0, 8), 6)
    (0.666667, 0.984848)
    """
    p, r = _number(precision, "precision"), _number(recall, "recall")
    b = _number(beta, "beta")
    for name, value in (("precision", p), ("recall", r)):
        if value < 0.0:
            raise ValueError(f"{name} must not be negative, got {value}")
    if b <= 0.0:
        raise ValueError(f"beta must be positive, got {b}")
    return _scores.f_beta(p, r, b)


def bits_per_dimension(log_likelihood: ArrayLike, d: int) -> float:
    """Negative log-likelihood in bits a dimension: -mean(log_likelihood) / (d ln 2).

    Parameters
    ----------
    log_likelihood : float or array of any shape
        Natural logarithms of the likelihood of whole points (nats a point, not a dimension), one or many;
        of many the mean is taken.
    d : int
        Dimensions of a point: 3072 for an image of 32 x 32 x 3.

    Returns
    -------
    float
        Lower is better. Infinite when a point has likelihood 0.

    Raises
    ------
    ValueError, TypeError
        What is no number, NaN, plus infinity, an empty array, or a d that is no positive integer.

    Notes
    -----
    A density depends on the units of the data. Of 8-bit images scaled to [0, 1] the log-likelihood is larger
    by d ln 256 than in the units of the pixels: subtract that first (which adds 8 to the result). And only
    densities of dequantised data, or probabilities of the pixels, can be compared to those in papers.

    References
    ----------
    Theis, van den Oord and Bethge 2016 ("A Note on the Evaluation of Generative Models").

    Examples
    --------
    >>> import math, fidiv
    >>> fidiv.bits_per_dimension(10 * math.log(1 / 256), 10)  # ten pixels, all 256 values alike
    8.0
    """
    d = check_count(d, "d")
    values = _reals(log_likelihood, "log_likelihood").reshape(-1)
    if values.size == 0:
        raise ValueError("log_likelihood is empty; at least one number is needed")
    bad = np.flatnonzero(~(values < np.inf))
    if len(bad):
        raise ValueError(
            f"log_likelihood has {values[bad[0]]} at {bad[0]}; the logarithm of a likelihood is a number or "
            f"-inf"
        )
    return _scores.bits_per_dimension(values, d)


def correlate_with_human(
    scores: ArrayLike, human_error_rate: ArrayLike, *, confidence: float = 0.95
) -> Result:
    """How well a score ranks generators as people do: Pearson's and Spearman's correlation with the rate at
    which people take generated data for real.

    Parameters
    ----------
    scores : array (models,)
        One number a model, of any metric.
    human_error_rate : array (models,)
        Of the same models in the same order: the share of wrong answers of people asked to tell generated
        from real. Higher is better for a model, so a metric whose lower values are better should correlate
        negatively.
    confidence : float, default 0.95
        Of the intervals, between 0 and 1.

    Returns
    -------
    Result
        pearson, spearman, and the ends of their intervals by Fisher's z: pearson_low, pearson_high,
        spearman_low, spearman_high. Equal values share their mean rank.

    Raises
    ------
    ValueError, TypeError
        Fewer than four models, different lengths, values that are not finite, values that are all equal.

    Notes
    -----
    Below ten models a note says that nothing should be claimed: the interval of a correlation of 0.6 over
    eight models reaches from -0.2 to 0.92. The intervals take the models for independent and the pairs for
    normal; models of one family, or one data set after another, are neither. A correlation of exactly 1 or
    -1 has an interval of no width, which is no certainty; a note says so.

    References
    ----------
    Stein et al. 2023 ("Exposing flaws of generative model evaluation metrics and their unfair treatment of
    diffusion models") for the rates; Fox, Swarup and Adiga 2025, figure 2, for the use of them; Bonett and
    Wright 2000 for the error of Spearman's.

    Examples
    --------
    >>> import fidiv
    >>> result = fidiv.correlate_with_human([9.0, 7.0, 5.0, 4.0, 1.0], [0.1, 0.2, 0.25, 0.2, 0.4])
    >>> round(result.pearson, 3), round(result.spearman, 3)
    (-0.925, -0.821)
    >>> result.spearman_low < result.spearman < result.spearman_high
    True
    """
    x, y = (
        _per_model(values, name)
        for values, name in ((scores, "scores"), (human_error_rate, "human_error_rate"))
    )
    if len(x) != len(y):
        raise ValueError(
            f"human_error_rate has {len(y)} models, scores has {len(x)}; they must be the same models"
        )
    if len(x) < FEWEST_MODELS:
        raise ValueError(f"scores has {len(x)} models; a correlation with an interval needs {FEWEST_MODELS}")
    level = _number(confidence, "confidence")
    if not 0.0 < level < 1.0:
        raise ValueError(f"confidence must be between 0 and 1, got {level}")
    for values, name in ((x, "scores"), (y, "human_error_rate")):
        if (values == values[0]).all():
            raise ValueError(f"{name} is {values[0]:g} for every model; nothing correlates with a constant")
    found = {
        "pearson": _scores.pearson(x, y),
        "spearman": _scores.pearson(_scores.ranks(x), _scores.ranks(y)),
    }
    notes = []
    if len(x) < ENOUGH_MODELS:
        notes.append(
            f"{len(x)} models are too few to claim anything from a correlation: look at the intervals"
        )
    result: dict[str, float] = dict(found)
    for name, r in found.items():
        low, high = _scores.fisher_interval(r, len(x), level, of_ranks=name == "spearman")
        result |= {f"{name}_low": low, f"{name}_high": high}
        if low == high:
            notes.append(f"{name} is {r:g} exactly: its interval has no width, which is no certainty")
    return Result(result, settings={"models": len(x), "confidence": level, "version": version()}, notes=notes)


def _per_model(values: Any, name: str) -> NDArray[np.float64]:
    array = _reals(values, name)
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {array.shape}; one number a model is needed, shape (models,)")
    bad = np.flatnonzero(~np.isfinite(array))
    if len(bad):
        raise ValueError(f"{name} has {array[bad[0]]} for model {bad[0]}; finite numbers are needed")
    return array


def _reals(values: Any, name: str) -> NDArray[np.float64]:
    """`values` as float64 of any shape."""
    array = as_array(values, name)
    if array.dtype.kind not in "iuf" or array.dtype.itemsize > 8:
        raise TypeError(f"{name} has type {array.dtype}; real numbers are needed")
    return array.astype(np.float64)


def _number(value: Any, name: str) -> float:
    """`value` as one finite float; a bool, a string or an array is none."""
    if isinstance(value, (bool, np.bool_, str, bytes, np.ndarray)):
        raise TypeError(f"{name} must be a number, got {value!r}")
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, got {value!r}") from None
    except OverflowError:
        raise ValueError(f"{name} must be finite, got an integer beyond all floats") from None
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite, got {number}")
    return number
