"""Half-samples, intervals and baselines as they are defined, on top of any function of two sets.

`metrics(real, fake)` gives a dict of numbers. Nothing here comes from the package.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import stats


def permutation(seed, number, which, size):
    """The draws: one generator for each repeat (or split) and each set."""
    return np.random.default_rng([seed, number, which]).permutation(size)


def half(seed, repeat, which, size):
    """Ascending positions of a half, drawn without replacement; 0 draws reals, 1 fakes."""
    return np.sort(permutation(seed, repeat, which, size)[: size // 2])


def half_of_groups(seed, repeat, which, groups):
    """Ascending positions of the points of half of the groups."""
    names = sorted(set(groups))
    taken = {names[i] for i in permutation(seed, repeat, which, len(names))[: len(names) // 2]}
    return np.array([i for i, name in enumerate(groups) if name in taken])


def half_values(metrics, real, fake, reference, repeats, seed):
    """Each number on each half-sample. With a fixed reference there is one half of the reals for every 4
    repeats, in turn, and what differs between them is taken out: the deviations are those within the
    repeats of one half, scaled so that their usual variance (with repeats - 1) is the pooled one.
    """
    blocks = max(1, repeats // 4) if reference == "fixed" else repeats
    rows = []
    for repeat in range(repeats):
        x, y = half(seed, repeat % blocks, 0, len(real)), half(seed, repeat, 1, len(fake))
        rows.append(metrics(real[x], fake[y]))
    found = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    if reference == "random" or blocks == 1:
        return found
    for key, values in found.items():
        own = np.array([np.mean(values[i % blocks :: blocks]) for i in range(repeats)])
        found[key] = values.mean() + np.sqrt((repeats - 1) / (repeats - blocks)) * (values - own)
    return found


def wilson(hits, total, level):
    """The two shares p at which (hits / total - p)^2 = z^2 p (1 - p) / total: roots of a quadratic."""
    z2 = stats.norm.ppf((1 + level) / 2) ** 2
    share = hits / total
    return tuple(sorted(np.roots([1 + z2 / total, -2 * share - z2 / total, share**2]).real))


def student(terms, level):
    """Of the mean of terms."""
    reach = stats.t.ppf((1 + level) / 2, len(terms) - 1) * np.std(terms, ddof=1) / math.sqrt(len(terms))
    return np.mean(terms) - reach, np.mean(terms) + reach


def of_halves(value, halves, level, freedom):
    """Centred at the value on all points; the deviation of the halves as it is."""
    reach = stats.t.ppf((1 + level) / 2, freedom) * np.std(halves, ddof=1)
    return value - reach, value + reach


def baseline(metrics, real, fake, other=None, splits=10, seed=0):
    """For each number (real, fake, excess, error), over the splits."""
    rows = []
    for split in range(splits):
        if other is None:
            size = len(real) // 2
            h = min(size, len(fake))
            order = permutation(seed, split, 2, len(real))
            reference, scored = real[np.sort(order[:size])], real[np.sort(order[size : size + h])]
        else:
            h = min(len(other), len(fake))
            reference = real
            scored = other[np.sort(permutation(seed, split, 4, len(other))[:h])]
        fakes = fake[np.sort(permutation(seed, split, 3, len(fake))[:h])]
        rows.append((metrics(reference, scored), metrics(reference, fakes)))
    table = {}
    for key in rows[0][0]:
        base, ours = (np.array([row[i][key] for row in rows]) for i in (0, 1))
        excess = ours - base
        table[key] = (base.mean(), ours.mean(), excess.mean(), np.std(excess, ddof=1) / math.sqrt(splits))
    return table
