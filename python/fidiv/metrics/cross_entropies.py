"""Cross-entropies of generative models (Fox, Swarup and Adiga 2025, "A Unifying Information-theoretic
Perspective on Evaluating Generative Models", AAAI, eq. 21 to 25), by the nearest-neighbour estimators of
Leonenko, Pronzato and Savani 2008 (Annals of Statistics 36).

    H_k(R)    = mean_i [ ln(n - 1) - psi(k) + ln V_d + d ln r_k(i) ]        V_d: volume of the unit ball
    CE_k(G,R) = mean_j [ ln n - psi(k) + ln V_d + d ln nu_k(j) ]            natural logarithms, nats
    PCE = CE_k(G,R) - H_k(R)    RCE = CE_k(R,G) - H_k(R)    RE = H_k(G) - H_k(R)

The logarithm of a radius is multiplied by d, but features lie near sets of lower dimension D. Radii then
shrink like n^(-1/D) and not like n^(-1/d): identical laws give 0 only when n = m, and about (1 - d / D) ln(m
/ n) otherwise (`expected_rce`, `expected_re`). So the result also carries

* `intrinsic_dimension`: Levina and Bickel 2004 from the real set's own neighbours, averaged as MacKay and
  Ghahramani 2005 correct it: the inverse of the mean, over points i and j < k, of ln(r_k(i) / r_j(i)). A
  neighbour at distance 0 has no logarithm and is left out of that mean; a note says how many.
* `pce_ratio` = exp(mean ln nu_k - mean ln r_k), likewise `rce_ratio` (mu_k) and `re_ratio` (s_k): how many
  times as far from real data fakes lie as real data from itself, with no dimension in it.

Zero distances have no logarithm: "raise" says how many and where, "floor" puts the smallest positive
distance of the same kind, "drop" averages the others, apart in each mean, with n and m in the logarithms
unchanged.
"""

from __future__ import annotations

import math

import numpy as np

from ..results import Key
from ._family import Family, Floats, Found, Needs, Options, Outcome, Undefined, mean

NAME = "cross_entropies"

# The distances in question, by the place they have in Found, in words for errors and notes.
_WORDS = {
    "own_real": "the distances of the reals to their {kth} neighbour among the reals",
    "own_fake": "the distances of the fakes to their {kth} neighbour among the fakes",
    "fake_to_real": "the distances of the fakes to their {kth} real neighbour",
    "real_to_fake": "the distances of the reals to their {kth} fake neighbour",
}
_ASKED = {"pce": "fake_to_real", "rce": "real_to_fake", "re": "own_fake"}  # what each is made of, less H(R)


def needs(n: int, m: int, options: Options) -> Needs:
    k = frozenset({options["nearest_k"]})
    return Needs(own_real=k, own_fake=k, real_list=options["nearest_k"], fake_to_real=k, real_to_fake=k)


def words(kind: str, k: int) -> str:
    """The distances of that kind, in words: ..., 1st, 2nd, 3rd, 4th, 11th, 21st neighbour ..."""
    ending = "th" if k % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(k % 10, "th")
    return _WORDS[kind].format(kth=f"{k}{ending}")


def terms_of(found: Found, kind: str, k: int, dimension: float, zero: str) -> tuple[Floats, int]:
    """(each point's term, how many of its distances are zero); NaN stands for a dropped term."""
    references = {
        "own_real": found.n - 1,
        "own_fake": found.m - 1,
        "fake_to_real": found.n,
        "real_to_fake": found.m,
    }
    distances: Floats = getattr(found, kind)[k]
    if zero != "raise" and not distances.any():
        raise Undefined(f"{words(kind, k)} are all zero")
    terms, _, zeros = found.entropy_terms(
        distances,
        n_reference=references[kind],
        nearest_k=k,
        dimension=dimension,
        zero=zero,
        what=words(kind, k),
    )
    return terms, zeros


def kept_mean(terms: Floats) -> float:
    """The mean of the terms that were not dropped."""
    return mean(terms[~np.isnan(terms)])


def mean_log(distances: Floats, zero: str) -> float:
    """The mean logarithm under the same rule for zeros as the terms (with "raise" there are none)."""
    positive = distances[distances > 0]
    if zero == "floor" and len(positive) < len(distances):
        return mean(np.log(np.where(distances > 0, distances, positive.min())))
    return mean(np.log(positive))


def intrinsic_dimension(neighbours: Floats) -> tuple[float, str | None]:
    """(dimension, remark) from the ascending distances (n, k) of each point to its neighbours; NaN where
    they have no scale.
    """
    if neighbours.shape[1] < 2:
        return math.nan, "it compares the neighbours of a point and needs nearest_k of at least 2"
    last, earlier = neighbours[:, -1:], neighbours[:, :-1]
    usable = earlier > 0
    logs = np.log(np.divide(last, earlier, out=np.ones_like(earlier), where=usable)[usable])
    total = math.fsum(logs.tolist())
    if total == 0:
        return math.nan, "all neighbours of each real are equally far; there is no scale in them"
    left_out = usable.size - len(logs)
    if left_out:
        return (
            len(logs) / total,
            f"{left_out} of {usable.size} distances between reals are zero and were left out of it",
        )
    return len(logs) / total, None


def formula(found: Found, options: Options) -> Outcome:
    k, zero = options["nearest_k"], options["zero"]
    assert found.real_list is not None
    outcome = Outcome(values=dict.fromkeys((key.name for key in FAMILY.keys), math.nan))
    intrinsic, remark = intrinsic_dimension(found.real_list[:, :k])
    if remark:
        outcome.notes.append(f"intrinsic_dimension: {remark}")
    dimension = _dimension(options["dimension"], found.d, intrinsic)

    means: dict[str, float] = {}
    logs: dict[str, float] = {}
    terms: dict[str, Floats] = {}
    missing: dict[str, str] = {}
    for kind in _WORDS:
        try:
            terms[kind], zeros = terms_of(found, kind, k, dimension, zero)
        except Undefined as error:
            missing[kind] = str(error)
            continue
        means[kind], logs[kind] = kept_mean(terms[kind]), mean_log(getattr(found, kind)[k], zero)
        if zeros:
            done = "replaced by the smallest positive one" if zero == "floor" else "left out of the mean"
            outcome.notes.append(f"cross_entropies: {zeros} of {words(kind, k)} are zero and were {done}")

    for key, kind in (("real_entropy", "own_real"), ("fake_entropy", "own_fake")):
        _put(outcome, key, means.get(kind), [missing.get(kind)])
    for key, kind in _ASKED.items():
        value = ratio = None
        if kind in means and "own_real" in means:
            value, ratio = means[kind] - means["own_real"], math.exp(logs[kind] - logs["own_real"])
            outcome.samples[key] = terms[kind] - means["own_real"]
        reasons = [missing.get("own_real"), missing.get(kind)]
        _put(outcome, key, value, reasons)
        _put(outcome, f"{key}_ratio", ratio, reasons)

    outcome.values["intrinsic_dimension"] = intrinsic
    # ln(m / n) = 0 makes the product 0 whatever the dimension, known or not.
    expected = 0.0 if found.n == found.m else (1 - dimension / intrinsic) * math.log(found.m / found.n)
    outcome.values["expected_rce"] = outcome.values["expected_re"] = expected
    if found.n != found.m:
        usual = "values that cannot be told here" if math.isnan(expected) else f"about {expected:.4g}"
        outcome.notes.append(
            f"rce, re: {found.n} real and {found.m} fake points; with n != m identical laws give {usual} "
            f"(expected_rce, expected_re) and not 0; the ratios of radii carry no dimension"
        )
    return outcome


def _put(outcome: Outcome, key: str, value: float | None, reasons: list[str | None]) -> None:
    """The value under its key, or the first of the reasons why there is none."""
    if value is not None:
        outcome.values[key] = value
    else:
        del outcome.values[key]
        outcome.undefined[key] = next(reason for reason in reasons if reason)


def _dimension(chosen: str | float, ambient: int, intrinsic: float) -> float:
    """The factor of the logarithms."""
    if chosen == "ambient":
        return float(ambient)
    if chosen == "intrinsic":
        if math.isnan(intrinsic):
            raise Undefined('dimension="intrinsic": the intrinsic dimension has no value here')
        return intrinsic
    return float(chosen)


_ANY = (-math.inf, math.inf)
_POSITIVE = (0.0, math.inf)
FAMILY = Family(
    NAME,
    keys=(
        Key(
            "pce", NAME, "lower", _ANY, "nats by which fakes are less likely under real data than reals", 0.0
        ),
        Key(
            "rce", NAME, "lower", _ANY, "nats by which reals are less likely under fake data", "expected_rce"
        ),
        Key(
            "re",
            NAME,
            "zero",
            _ANY,
            "entropy of the fakes minus that of the reals; negative: collapse",
            "expected_re",
        ),
        Key("real_entropy", NAME, None, _ANY, "entropy of the reals in nats"),
        Key("fake_entropy", NAME, None, _ANY, "entropy of the fakes in nats"),
        Key("intrinsic_dimension", NAME, None, _POSITIVE, "dimension of the set near which the reals lie"),
        Key(
            "pce_ratio",
            NAME,
            "one",
            _POSITIVE,
            "fakes lie this many times as far from reals as reals do",
            1.0,
        ),
        Key("rce_ratio", NAME, "one", _POSITIVE, "reals lie this many times as far from fakes as from reals"),
        Key("re_ratio", NAME, "one", _POSITIVE, "fakes lie this many times as far apart as reals do"),
        Key("expected_rce", NAME, None, _ANY, "rce if both sets came from one law (0 when n = m)"),
        Key("expected_re", NAME, None, _ANY, "re if both sets came from one law (0 when n = m)"),
    ),
    defaults={"nearest_k": 5, "zero": "raise", "dimension": "ambient"},
    needs=needs,
    formula=formula,
    of_reals=("rce",),
)
