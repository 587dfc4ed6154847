"""Precision and recall for distributions, PRD (Sajjadi, Bachem, Lucic, Bousquet and Gelly 2018, "Assessing
Generative Models via Precision and Recall", NeurIPS).

Both sets are cut into the same clusters; p is the histogram of the reals over them, q that of the fakes. For
a slope lambda > 0

    precision(lambda) = sum_c min(lambda p_c, q_c)        recall(lambda) = precision(lambda) / lambda,

traced at the slopes tan(angle) of equally spaced angles. The curve of several clusterings is the mean at
each slope. In one number: F_beta = (1 + beta^2) P R / (beta^2 P + R); `max_f8` is the best F_8 on the curve
and weighs recall, `max_f1_8` is the best F_{1/8} and weighs precision. `auc` is the area under the curve
(trapezia over recall).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..results import Key
from ._family import Clusters, Family, Floats, Found, Needs, Options, Outcome, Undefined

NAME = "prd"

# Both of the authors' code: the first and last angle keep this distance from 0 and pi/2; and so does F_beta
# from 0/0.
EPSILON = 1e-10


def needs(n: int, m: int, options: Options) -> Needs:
    clusters = options["num_clusters"]
    if clusters > n + m:
        raise Undefined(
            f"num_clusters={clusters} needs at least {clusters} points in both sets, which have {n + m}"
        )
    return Needs(clusters=frozenset({_clusters(options)}))


def _clusters(options: Options) -> Clusters:
    return Clusters(options["num_clusters"], options["num_runs"], options["seed"])


def curve(p: Floats, q: Floats, num_angles: int) -> tuple[Floats, Floats, Floats]:
    """(lambdas, precision, recall) of two histograms that sum to 1, along ascending lambdas."""
    lambdas = np.tan(np.linspace(EPSILON, np.pi / 2 - EPSILON, num_angles))
    precision = np.zeros(num_angles)
    for p_c, q_c in zip(p, q, strict=True):  # cluster by cluster: no table of angles by clusters
        precision += np.minimum(lambdas * p_c, q_c)
    # Sums of shares may leave [0, 1] by their rounding.
    return lambdas, np.clip(precision, 0.0, 1.0), np.clip(precision / lambdas, 0.0, 1.0)


def best_f(precision: Floats, recall: Floats, beta: float) -> float:
    return float(np.max((1 + beta**2) * precision * recall / (beta**2 * precision + recall + EPSILON)))


def summary(precision: Floats, recall: Floats) -> dict[str, float]:
    """The three numbers of a curve along ascending lambdas, so that recall descends."""
    area = np.sum((recall[:-1] - recall[1:]) * (precision[:-1] + precision[1:])) / 2
    return {
        "max_f8": best_f(precision, recall, 8.0),
        "max_f1_8": best_f(precision, recall, 1 / 8),
        "auc": float(area),
    }


def histograms(labels: NDArray[np.int32], num_clusters: int) -> Floats:
    """(num_runs, num_clusters): the share of points in each cluster of each run."""
    return np.stack([np.bincount(run, minlength=num_clusters) / len(run) for run in labels])


def formula(found: Found, options: Options) -> Outcome:
    real, fake = (histograms(labels, options["num_clusters"]) for labels in found.labels[_clusters(options)])
    curves = [curve(p, q, options["num_angles"]) for p, q in zip(real, fake, strict=True)]
    lambdas = curves[0][0]
    precision, recall = (np.mean([c[part] for c in curves], axis=0) for part in (1, 2))
    runs = [summary(c[1], c[2]) for c in curves]
    values = summary(precision, recall)
    values |= {f"{key}_std": float(np.std([run[key] for run in runs])) for key in tuple(values)}
    return Outcome(values, curve={"lambdas": lambdas, "precision": precision, "recall": recall})


_SHARE = (0.0, 1.0)
FAMILY = Family(
    NAME,
    keys=(
        Key("max_f8", NAME, "higher", _SHARE, "best F_8 of the PRD curve: recall weighs more"),
        Key("max_f1_8", NAME, "higher", _SHARE, "best F_1/8 of the PRD curve: precision weighs more"),
        Key("auc", NAME, "higher", _SHARE, "area under the PRD curve"),
        Key("max_f8_std", NAME, None, _SHARE, "standard deviation of max_f8 over the clusterings"),
        Key("max_f1_8_std", NAME, None, _SHARE, "standard deviation of max_f1_8 over the clusterings"),
        Key("auc_std", NAME, None, _SHARE, "standard deviation of auc over the clusterings"),
    ),
    defaults={"num_clusters": 20, "num_angles": 1001, "num_runs": 10, "seed": 0},
    needs=needs,
    formula=formula,
)
