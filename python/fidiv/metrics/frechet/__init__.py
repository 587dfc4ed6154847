"""The Fréchet distance, what single points add to it, and its limit for endlessly many fakes.

frechet_distance            the squared distance of the Gaussians fitted to both sets       `distance.py`
frechet_influence           how far each point moves it, and its standard error             `influence.py`
frechet_distance_infinity   extrapolated to an endless number of fakes                      `infinity.py`

The last two are families of their own, because they cost several times the first. This file is light: the
formulas bring SciPy, which is slow to import and starts threads, when they first run.
"""

from __future__ import annotations

from ...results import Key
from .._family import Family, Found, Needs, Options, Outcome, Undefined

_DISTANCE, _INFLUENCE, _INFINITY = "frechet_distance", "frechet_influence", "frechet_distance_infinity"
_NOT_NEGATIVE = (0.0, float("inf"))
_ANY = (-float("inf"), float("inf"))


def _moments(n: int, m: int, options: Options) -> Needs:
    return Needs(moments=True)


def _distance(found: Found, options: Options) -> Outcome:
    from . import distance

    assert found.moments is not None
    try:
        terms = distance.frechet_distance_terms(*found.moments)
    except ValueError as error:
        raise Undefined(str(error)) from error
    return Outcome(dict(zip((key.name for key in FRECHET_DISTANCE.keys), map(float, terms), strict=True)))


def _influence(found: Found, options: Options) -> Outcome:
    from . import influence

    assert found.moments is not None
    terms_of_fakes, terms_of_reals = influence.influences(*found.moments)
    of_fakes, of_reals = terms_of_fakes.sum(axis=0), terms_of_reals.sum(axis=0)
    both, fakes_only = influence.standard_errors(of_fakes, of_reals)
    return Outcome(
        {"frechet_distance_se": both, "frechet_distance_se_fake": fakes_only},
        {"frechet_influence": of_fakes, "frechet_influence_real": of_reals},
        influences={
            _DISTANCE: (of_fakes, of_reals),
            "mean_term": (terms_of_fakes[0], terms_of_reals[0]),
            "covariance_term": (terms_of_fakes[1], terms_of_reals[1]),
        },
    )


def _infinity(found: Found, options: Options) -> Outcome:
    from . import infinity

    assert found.moments is not None
    intercept, slope = infinity.extrapolate(found, options["smallest"], options["seed"])
    return Outcome({"fd_infinity": intercept, "fd_infinity_slope": slope})


FRECHET_DISTANCE = Family(
    _DISTANCE,
    keys=(
        Key(
            "frechet_distance",
            _DISTANCE,
            "lower",
            _NOT_NEGATIVE,
            "distance of the two Gaussians fitted to the sets, squared",
        ),
        Key(
            "mean_term",
            _DISTANCE,
            "lower",
            _NOT_NEGATIVE,
            "part of frechet_distance that comes from the means",
        ),
        Key(
            "covariance_term",
            _DISTANCE,
            "lower",
            _NOT_NEGATIVE,
            "part of frechet_distance that comes from the covariances",
        ),
    ),
    defaults={},
    needs=_moments,
    formula=_distance,
)

FRECHET_INFLUENCE = Family(
    _INFLUENCE,
    keys=(
        Key(
            "frechet_distance_se",
            _INFLUENCE,
            None,
            _NOT_NEGATIVE,
            "standard error of frechet_distance over fresh sets of both kinds; says nothing about its bias",
        ),
        Key(
            "frechet_distance_se_fake",
            _INFLUENCE,
            None,
            _NOT_NEGATIVE,
            "the same over fresh fakes against these reals",
        ),
    ),
    defaults={},
    needs=_moments,
    formula=_influence,
    of_reals=("frechet_influence_real",),
)

FRECHET_DISTANCE_INFINITY = Family(
    _INFINITY,
    keys=(
        Key(
            "fd_infinity",
            _INFINITY,
            "lower",
            _ANY,
            "frechet_distance extrapolated to endlessly many fakes; may fall below 0",
        ),
        Key(
            "fd_infinity_slope",
            _INFINITY,
            None,
            _ANY,
            "slope of frechet_distance over 1 / number of fakes",
        ),
    ),
    defaults={"smallest": None, "seed": 0},
    needs=_moments,
    formula=_infinity,
)
