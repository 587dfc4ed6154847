"""Made-up values on half-samples, and the judgement of them: for the tests of comparisons."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

import fidiv
from fidiv import _judge
from fidiv._intervals import Replicates


def found(full, halves=None, terms=None, m=None, **reasons):
    """What `replicates` finds of one set of fakes, made up."""
    size = m if m is not None else len(next(iter(terms.values()))) if terms else 100
    values = {key: np.asarray(value, float) for key, value in (halves or {}).items()}
    own = {key: np.asarray(value, float) for key, value in (terms or {}).items()}
    given = {"full": full, "values": values, "terms": own, "reference": "fixed", "repeats": 20, "freedom": 19}
    given |= {"seed": 0, "n": 100, "m": size, "reasons": reasons}
    return Replicates(**{f.name: given[f.name] for f in fields(Replicates) if f.name in given})


def judge(key, level=0.95, **models):
    runs = {name: made if isinstance(made, list) else [made] for name, made in models.items()}
    measured = {name: _judge.measured(made, key) for name, made in runs.items()}
    return _judge.compare_key(measured, fidiv.metrics.KEYS[key].direction, level)


def draws(seed, size=20, shift=0.0, scale=1.0):
    return shift + scale * np.random.default_rng(seed).normal(size=size)
