"""Precision-recall curves (Sykes, Simon and Rabin 2024, "Unveiling the role of hyperparameters in the PRD
estimation"; after Sajjadi et al. 2018 and Simon, Webster and Rabin 2019).

For a weight lambda of the reals, precision(lambda) = integral of min(lambda p, q) and recall(lambda) =
precision(lambda) / lambda: at lambda = 1 both are 1 - total variation, towards infinity precision becomes the
share of fakes where reals are, towards 0 recall the share of reals where fakes are. They are estimated by the
errors of classifiers; the scores that order the points are in `curves/_scores.py`, the curve that an order
gives in `curves/_lambda.py`, the authors' own curve in `curves/_authors.py`.

`auc` is the area under precision over recall; `median_precision`, `median_recall` the point of the curve
where the ray from the origin halves it; `precision_at_eps` the largest precision with a recall of at least
0.05, `recall_at_eps` the largest recall with such a precision; `max_f8` and `max_f1_8` the best F_beta =
(1 + beta^2) P R / (beta^2 P + R). `max_precision` and `max_recall` are the ends: the share of fakes with
a > 0 and of reals with b > 0. They mean something only where each point counts itself (`split=None`): with
fresh test points one outlying real would make them 1.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..curves import _authors, _lambda, _scores
from ..curves._scores import Lists, Mode, Scores, Sets
from ..results import Key
from ._family import Clusters, Family, Found, Needs, Options, Outcome, Undefined

NAME = "pr_curve"
WITH_K = ("knn", "kde", "ipr", "coverage")


def _mode(options: Options) -> Mode:
    split = options["split"]
    return "self" if split is None else split if isinstance(split, str) else "split"  # type: ignore[return-value]


def training_sizes(n: int, m: int, options: Options) -> tuple[int, int]:
    """How many points of either set the scores are made of."""
    split = options["split"]
    return (n, m) if split is None or isinstance(split, str) else (round(split * n), round(split * m))


def _method(options: Options) -> str:
    return "kernel" if options["bandwidth"] is not None else str(options["method"])


def neighbours(n: int, m: int, options: Options) -> int:
    """nearest_k, or what stands for it: the root of the smaller training set."""
    k = options["nearest_k"]
    return int(k) if k is not None else max(1, math.isqrt(min(training_sizes(n, m, options))))


def _self_counted(options: Options) -> bool:
    """Whether a training point is its own first neighbour: with `split=None`, and always for the authors."""
    return options["split"] is None or options["convention"] == "sykes"


def needs(n: int, m: int, options: Options) -> Needs:
    _check_sizes(n, m, options)
    method, mode = options["method"], _mode(options)
    if mode == "split":
        return Needs()  # sweeps of parts of the sets
    if method == "clusters":
        return Needs(clusters=frozenset({_clusters(options)}))
    if method != "knn":
        return Needs()
    k = neighbours(n, m, options)
    return Needs(
        real_list=_scores.own_neighbors(n, k),
        fake_list=_scores.own_neighbors(m, k),
        real_to_fake_list=min(k + 1, m),
        fake_to_real_list=min(k + 1, n),
    )


def _check_sizes(n: int, m: int, options: Options) -> None:
    mode, method = _mode(options), _method(options)
    training = training_sizes(n, m, options)
    for name, size, trained in (("real_features", n, training[0]), ("fake_features", m, training[1])):
        if mode == "split" and not 0 < trained < size:
            raise Undefined(
                f"split={options['split']} of the {size} points in {name} trains on {trained}; at least one "
                f"point must train and one must be left to test"
            )
    k = neighbours(n, m, options)
    each, both = _scores.fewest(method, mode, k, _self_counted(options))
    asked = f"method={options['method']!r} with nearest_k={k}" if method in WITH_K else f"method={method!r}"
    if method == "clusters":
        both, asked = options["num_clusters"], f"num_clusters={options['num_clusters']}"
    kind = "training points" if mode == "split" else "points"
    if min(training) < each:
        raise Undefined(f"{asked} needs at least {each} {kind} in each set; they have {n} and {m}")
    if sum(training) < both:
        raise Undefined(f"{asked} needs at least {both} {kind} in both sets together; they have {n} and {m}")


def _clusters(options: Options) -> Clusters:
    return Clusters(options["num_clusters"], 1, options["seed"])


def _sets(found: Found, options: Options) -> Sets:
    real, fake = found.further.real, found.further.fake
    mode = _mode(options)
    if mode != "split":
        return Sets(real, fake, real, fake, mode)
    random = np.random.default_rng(options["seed"])
    sizes = training_sizes(found.n, found.m, options)
    (real, test_real), (fake, test_fake) = (
        _parts(points, size, random) for points, size in zip((real, fake), sizes, strict=True)
    )
    return Sets(real, fake, test_real, test_fake, mode)


def _parts(points: NDArray[Any], size: int, random: np.random.Generator) -> tuple[NDArray[Any], NDArray[Any]]:
    """Training and test points, drawn without replacement."""
    order = random.permutation(len(points))
    return points[np.sort(order[:size])], points[np.sort(order[size:])]


def _scored(found: Found, options: Options, sets: Sets) -> Scores | _lambda.Ratios:
    method, more = _method(options), found.further
    k = neighbours(found.n, found.m, options)
    if method == "knn":
        lists = None
        if sets.mode != "split":
            wish = needs(found.n, found.m, options)
            lists = Lists(
                *(
                    found_list if found_list is None else found_list[:, :asked]
                    for found_list, asked in (
                        (found.real_list, wish.real_list),
                        (found.real_to_fake_list, wish.real_to_fake_list),
                        (found.fake_to_real_list, wish.fake_to_real_list),
                        (found.fake_list, wish.fake_list),
                    )
                )
            )
        return _scores.knn(more, sets, k, lists)
    if method == "ipr":
        return _scores.ipr(more, sets, k, _self_counted(options))
    if method == "coverage":
        return _scores.coverage(more, sets, k)
    if method == "kde":
        return _scores.kde(more, sets, k)
    if method == "kernel":
        return _scores.kernel(sets, options["bandwidth"])
    if method == "classifier":
        return _scores.classifier(sets, options["seed"])
    if sets.mode == "split":
        return _scores.cells_of_split(more, sets, options["num_clusters"], options["seed"])
    real, fake = (labels[0] for labels in found.labels[_clusters(options)])
    return _scores.cells((real, fake), (real, fake), options["num_clusters"], sets.mode == "leave-one-out")


def formula(found: Found, options: Options) -> Outcome:
    sets = _sets(found, options)
    scores = _scored(found, options, sets)
    used: dict[str, Any] = {
        "training_sizes": (len(sets.real), len(sets.fake)),
        "test_sizes": (len(sets.test_real), len(sets.test_fake)),
    }
    if _method(options) in WITH_K:
        used["neighbours"] = neighbours(found.n, found.m, options)
    if _method(options) == "classifier" and sets.mode == "leave-one-out":
        used["folds"] = _scores.FOLDS
    outcome = (
        _as_the_authors(scores, sets, options)
        if options["convention"] == "sykes" and isinstance(scores, Scores)
        else _exact(scores, sets, options)
    )
    outcome.used |= used
    return outcome


def _exact(scores: Scores | _lambda.Ratios, sets: Sets, options: Options) -> Outcome:
    sizes = len(sets.real), len(sets.fake)
    order = (
        _lambda.Ratios(
            _lambda.ratios(scores.a_real, scores.b_real, *sizes),
            _lambda.ratios(scores.a_fake, scores.b_fake, *sizes),
        )
        if isinstance(scores, Scores)
        else scores
    )
    hull = _lambda.hull_of_ratios(order)
    lambdas = _lambda.default_lambdas()
    outcome = Outcome(dict(hull.summary()), curve=hull.curve(lambdas))
    outcome.used["classifiers"] = (
        "all thresholds of b / a; at each, points with a = b = 0 called real, and called fake"
        if isinstance(scores, Scores)
        else "all thresholds of the score"
    )
    if sets.mode == "self":
        # A kernel and a classifier see both kinds everywhere: a, b > 0.
        smooth = not isinstance(scores, Scores)
        outcome.values |= {"max_precision": 1.0, "max_recall": 1.0} if smooth else _ends(scores)
    unknown = [int(np.count_nonzero(np.isnan(values))) for values in order]
    if any(unknown):
        outcome.notes.append(
            f"pr_curve: {unknown[0]} of {len(order.real)} reals and {unknown[1]} of {len(order.fake)} fakes "
            f"have a = b = 0, so the scores do not order them; the curve is that of the better of both calls"
        )
    if options["confidence"] is not None and outcome.curve is not None:
        bound = _lambda.precision_at_most(order, options["confidence"], lambdas)
        recall = np.ones(len(lambdas))
        np.divide(bound, lambdas, out=recall, where=lambdas > 0)
        outcome.curve |= {"precision_at_most": bound, "recall_at_most": np.minimum(recall, 1.0)}
        outcome.values["total_variation_at_least"] = 1 - float(bound[len(lambdas) // 2])  # lambda = 1
    return outcome


def _ends(scores: Any) -> dict[str, float]:
    return {
        "max_precision": int(np.count_nonzero(scores.a_fake)) / len(scores.a_fake),
        "max_recall": int(np.count_nonzero(scores.b_real)) / len(scores.b_real),
    }


def _as_the_authors(scores: Scores, sets: Sets, options: Options) -> Outcome:
    if options["method"] == "kde":  # their scores are means here, counts everywhere else
        n, m = len(sets.real), len(sets.fake)
        scores = Scores(scores.a_real / n, scores.b_real / m, scores.a_fake / n, scores.b_fake / m)
    curve = _authors.Curve(*scores)
    outcome = Outcome(curve.summary(), curve=curve.arrays())
    outcome.used["classifiers"] = (
        f"b / a against {_authors.NUM_ANGLES} weights, a > 0, b == 0, and the two constant ones"
    )
    if sets.mode == "self":
        outcome.values |= {
            "max_precision": float(curve.precision.max()),
            "max_recall": float(curve.recall.max()),
        }
    return outcome


_SHARE = (0.0, 1.0)
FAMILY = Family(
    NAME,
    keys=(
        Key("auc", NAME, "higher", _SHARE, "area under the precision-recall curve"),
        Key(
            "total_variation", NAME, "lower", _SHARE, "total variation between the laws, as the curve has it"
        ),
        Key("median_precision", NAME, "higher", _SHARE, "precision where a ray halves the area of the curve"),
        Key("median_recall", NAME, "higher", _SHARE, "recall where a ray halves the area of the curve"),
        Key("precision_at_eps", NAME, "higher", _SHARE, "largest precision at a recall of at least 0.05"),
        Key("recall_at_eps", NAME, "higher", _SHARE, "largest recall at a precision of at least 0.05"),
        Key("max_f8", NAME, "higher", _SHARE, "best F_8 of the curve: recall weighs more"),
        Key("max_f1_8", NAME, "higher", _SHARE, "best F_1/8 of the curve: precision weighs more"),
    ),
    extra_keys=(
        Key("max_precision", NAME, "higher", _SHARE, "share of fakes that have reals near"),
        Key("max_recall", NAME, "higher", _SHARE, "share of reals that have fakes near"),
        Key("total_variation_at_least", NAME, "lower", _SHARE, "bound that the total variation keeps"),
    ),
    defaults={
        "method": "knn",
        "nearest_k": None,
        "bandwidth": None,
        "split": "leave-one-out",
        "convention": "fidiv",
        "confidence": None,
        "num_clusters": 20,
        "seed": 0,
    },
    needs=needs,
    formula=formula,
    prefix="pr_curve_",
)
