"""The sanity suite of Räisä, van Breugel and van der Schaar (ICML 2025, "Position: All Current Generative
Fidelity and Diversity Metrics are Flawed"): what is drawn, on which grid, and what a metric must do there.

CHECKS    name -> Check: its scenarios, its grid x, a draw of (real, fake) for every x, and its criteria
published the authors' verdicts, from sanity-suite-verdicts.tsv beside this file

Names, grids, laws and thresholds are those of the authors' repository
(github.com/DPBayes/position-fidelity-diversity-metrics-flawed, MIT); nothing of it is run here. Its seeds
come from Python's salted hash and cannot be had again, so the draws are fresh ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sanity_criteria import Criterion, LowOrHigh, bell, falls, falls_by, level, near, rises, settles

Array = np.ndarray
Pairs = Iterator[tuple[Array, Array]]
VERDICTS = Path(__file__).resolve().parent / "sanity-suite-verdicts.tsv"
KINDS = ("fidelity", "diversity", "both")


@dataclass(frozen=True)
class Check:
    """`criteria` maps a name such as "bounds/identical" to the criterion of each kind of metric.

    The third kind, "both", is ours: distances of two laws and areas, which ought to see a loss of either.
    """

    name: str
    title: str
    scenarios: tuple[str, ...]  # "" where there is but one
    grid: Callable[[str], Array]
    draw: Callable[[str, np.random.Generator], Pairs]
    criteria: Callable[[str], dict[str, dict[str, Criterion]]]


def _all(criterion: Criterion) -> dict[str, Criterion]:
    return dict.fromkeys(KINDS, criterion)


def _by(fidelity: Criterion, diversity: Criterion, both: Criterion) -> dict[str, Criterion]:
    return {"fidelity": fidelity, "diversity": diversity, "both": both}


def _wide(x: str) -> LowOrHigh:
    """Where fakes spread far beyond the reals, diversity is 1 (all are covered) or 0 (too thinly)."""
    return LowOrHigh(near(x, 0.0), near(x, 1.0))


def _dim(scenario: str) -> int:
    return int(scenario.rsplit("/", 1)[-1])


N = 1000
MEANS = {1: 6.0, 8: 3.0, 64: 1.0}
SPREADS = {1: 3.0, 8: 1.0, 64: 0.5}
SCALES = {1: 1 / 6, 8: 1 / 3, 64: 1.0}
SIZES = np.logspace(2, 4, 20).astype(int)
# The ten modes of check 6, of which the reals have the first five.
MODES = np.array(
    [
        [5.46794328, -4.08481523],
        [4.87211875, -13.64864684],
        [-16.39432073, 9.09802249],
        [-2.15447941, 12.46200019],
        [11.55784483, -4.96049923],
        [-24.60558474, 14.18020818],
        [16.84215967, -3.18710751],
        [-5.47807206, -6.77247129],
        [9.46726546, 1.05922347],
        [-5.40346201, -17.29490131],
    ]
)


def shifts(scenario: str) -> Array:
    most = MEANS[_dim(scenario)]
    return np.linspace(-most, most, 51)


def draw_shifts(scenario: str, rng: np.random.Generator) -> Pairs:
    d = _dim(scenario)
    real = rng.normal(size=(N, d))
    outlier = np.full((1, d), MEANS[d])
    if scenario.startswith("real_outlier"):
        real = np.concatenate([real, outlier])
    for mean in shifts(scenario):
        fake = rng.normal(mean, 1.0, size=(N, d))
        yield real, np.concatenate([fake, outlier]) if scenario.startswith("syn_outlier") else fake


def shift_criteria(scenario: str) -> dict[str, dict[str, Criterion]]:
    return {
        "bounds/identical": _all(near(0.0, 1.0)),
        "bounds/extreme negative": _all(near("left", 0.0)),
        "bounds/extreme positive": _all(near("right", 0.0)),
        "property/bell shape": _all(bell(0.0)),
    }


def spreads(scenario: str) -> Array:
    most = SPREADS[_dim(scenario)]
    return np.logspace(-most, most, 51)


def draw_spreads(scenario: str, rng: np.random.Generator) -> Pairs:
    real = rng.normal(size=(N, _dim(scenario)))
    for spread in spreads(scenario):
        yield real, rng.normal(0.0, spread, size=real.shape)


def spread_criteria(scenario: str) -> dict[str, dict[str, Criterion]]:
    zero = near("left", 0.0)
    return {
        "bounds/identical": _all(near(1.0, 1.0)),
        "bounds/low syn. std.": _by(near("left", 1.0), zero, zero),
        "bounds/high syn. std.": _by(near("right", 0.0), _wide("right"), near("right", 0.0)),
        "property/shape": _by(falls, LowOrHigh(bell(1.0), rises), bell(1.0)),
    }


def mixture(rng: np.random.Generator, means: Array, scale: float, weights: Array, n: int = N) -> Array:
    modes = means[rng.choice(len(means), size=n, p=weights / weights.sum())]
    return rng.normal(modes, scale)


def draw_drops(scenario: str, rng: np.random.Generator, losses: Sequence[Array]) -> Pairs:
    """Ten modes on a diagonal; the fakes have them with the weights that each loss leaves."""
    d = _dim(scenario)
    means = np.repeat(np.linspace(0, 10, 10)[:, None], d, axis=1)
    real = mixture(rng, means, SCALES[d], np.ones(10))
    for weights in losses:
        yield real, mixture(rng, means, SCALES[d], weights)


def draw_simultaneous(scenario: str, rng: np.random.Generator) -> Pairs:
    losses = [np.r_[1.0, np.full(9, 1.0 - share)] for share in np.linspace(0, 1, 50)]
    return draw_drops(scenario, rng, losses)


def draw_sequential(scenario: str, rng: np.random.Generator) -> Pairs:
    return draw_drops(scenario, rng, [(np.arange(10) < 10 - lost).astype(float) for lost in range(10)])


def drop_criteria(quantile: float) -> Callable[[str], dict[str, dict[str, Criterion]]]:
    return lambda scenario: {
        "bounds/identical": _all(near("left", 1.0)),
        "bounds/fully_dropped_modes": _by(near("right", 1.0), None, None),
        "property/shape": _by(level, falls_by(quantile), falls_by(quantile)),
    }


def draw_invention(scenario: str, rng: np.random.Generator) -> Pairs:
    real = mixture(rng, MODES[:5], 0.25, np.ones(5))
    for count in range(1, 11):
        yield real, mixture(rng, MODES[:count], 0.25, np.ones(count))


def invention_criteria(scenario: str) -> dict[str, dict[str, Criterion]]:
    return {
        "bounds/identical": _all(near(5, 1.0)),
        "bounds/most dropped modes": _by(near("left", 1.0), None, None),
        "bounds/most invented modes": _by(None, near("right", 1.0), None),
        "property/shape": _by(falls, rises, bell(5)),
    }


def on_sphere(rng: np.random.Generator, n: int, d: int, radius: float) -> Array:
    points = rng.normal(size=(n, d))
    return points / np.linalg.norm(points, axis=1, keepdims=True) * radius


def radii(scenario: str) -> Array:
    return np.linspace(0.1, 1.9, 51)


def draw_spheres(scenario: str, rng: np.random.Generator) -> Pairs:
    d = _dim(scenario)
    real = on_sphere(rng, N, d, 1.0)
    for radius in radii(scenario):
        yield real, on_sphere(rng, N, d, radius)


def sphere_criteria(scenario: str) -> dict[str, dict[str, Criterion]]:
    return {
        "bounds/identical": _all(near(1.0, 1.0)),
        "bounds/small syn. radius": _all(near("left", 0.0)),
        "bounds/large syn. radius": _all(near("right", 0.0)),
        "property/shape": _all(bell(1.0)),
    }


def cube(rng: np.random.Generator, n: int, d: int, moved: bool) -> Array:
    """Uniform on the unit cube; moved along the diagonal until a fifth of the volume is shared."""
    return rng.uniform(size=(n, d)) + (1 - 0.2 ** (1 / d) if moved else 0.0)


def draw_cubes(scenario: str, rng: np.random.Generator) -> Pairs:
    d = _dim(scenario)
    for n in SIZES:
        yield cube(rng, n, d, False), cube(rng, n, d, True)


def draw_cubes_of_fakes(scenario: str, rng: np.random.Generator) -> Pairs:
    d = _dim(scenario)
    real = cube(rng, N, d, False)
    for m in SIZES:
        yield real, cube(rng, m, d, True)


def cube_criteria(last: str) -> Callable[[str], dict[str, dict[str, Criterion]]]:
    return lambda scenario: {
        "hyperparameters/shape": _all(settles),
        f"property/{last}": _all(near("right", 0.2)),
    }


def ball(rng: np.random.Generator, n: int, d: int, radius: float) -> Array:
    return on_sphere(rng, n, d, radius) * rng.uniform(size=(n, 1)) ** (1 / d)


def torus(rng: np.random.Generator, n: int) -> Array:
    """The disc of radius 0.1 at distance 1 from the axis, turned by an angle without preference."""
    disc, angle = ball(rng, n, 2, 0.1), rng.uniform(0, 2 * np.pi, n)
    radius = 1 + disc[:, 0]
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), disc[:, 1]], axis=1)


def draw_torus(scenario: str, rng: np.random.Generator) -> Pairs:
    swap = scenario == "real_torus"
    real = torus(rng, N) if swap else ball(rng, N, 3, 0.8)
    for m in SIZES:
        yield real, ball(rng, m, 3, 0.8) if swap else torus(rng, m)


def torus_criteria(scenario: str) -> dict[str, dict[str, Criterion]]:
    return {"property/shape": _all(settles), "bounds/right extreme value": _all(near("right", 0.0))}


def draw_two_modes(scenario: str, rng: np.random.Generator) -> Pairs:
    d = _dim(scenario)
    for mu in np.linspace(0, 5, 20):
        means = np.repeat([[-mu / 2], [mu / 2]], d, axis=1)
        real = mixture(rng, means, 1.0, np.ones(2))
        yield real, rng.normal(0.0, math.sqrt(1 + mu * mu), size=(N, d))


def two_mode_criteria(scenario: str) -> dict[str, dict[str, Criterion]]:
    return {
        "property/shape": _by(falls, LowOrHigh(falls, level), falls),
        "bounds/identical": _all(near("left", 1.0)),
    }


def draw_scaled(scenario: str, rng: np.random.Generator) -> Pairs:
    for scale in np.logspace(-3, 3, 20):
        stretch = np.array([1.0, scale])
        yield rng.normal(size=(N, 2)) * stretch, rng.normal([6.0, 0.0], 1.0, size=(N, 2)) * stretch


def ends_at_zero(shape: str) -> Callable[[str], dict[str, dict[str, Criterion]]]:
    return lambda scenario: {
        f"{shape}/shape": _all(level),
        "bounds/left extreme value": _all(near("left", 0.0)),
        "bounds/right extreme value": _all(near("right", 0.0)),
    }


def draw_pareto(scenario: str, rng: np.random.Generator) -> Pairs:
    def heavy() -> Array:  # density 1.01 / x^2.01 from 1 on
        return 1.0 + rng.pareto(1.01, size=N)

    real = np.stack([rng.normal(size=N), heavy()], axis=1)
    for mean in np.linspace(-6, 6, 51):
        yield real, np.stack([rng.normal(mean, 1.0, size=N), heavy()], axis=1)


def extra_columns(scenario: str) -> Array:
    return np.unique(np.logspace(0, 3, 20).astype(int))  # equal ones fall together, as in the authors' tables


def draw_disjoint(scenario: str, rng: np.random.Generator) -> Pairs:
    for extra in extra_columns(scenario):
        real, fake = rng.normal(size=(N, extra + 1)), rng.normal(size=(N, extra + 1))
        fake[:, 0] += 6.0
        yield real, fake


def draw_discrete(scenario: str, rng: np.random.Generator) -> Pairs:
    for scale in np.logspace(0, 3, 20):
        real, fake = scale * rng.normal(size=(N, 1)), scale * rng.normal(size=(N, 1))
        yield (np.round(real), fake) if scenario == "real_discrete" else (real, np.round(fake))


def discrete_criteria(scenario: str) -> dict[str, dict[str, Criterion]]:
    ends = {"bounds/coarse discretisation": "left", "bounds/fine discretisation": "right"}
    found: dict[str, dict[str, Criterion]] = {"property/shape": _all(level)}
    for name, end in ends.items():
        zero = near(end, 0.0)
        discrete = scenario == "real_discrete"
        found[name] = _by(zero, _wide(end), zero) if discrete else _by(near(end, 1.0), zero, zero)
    return found


def _grid(x: Array) -> Callable[[str], Array]:
    return lambda scenario: np.asarray(x, dtype=float)


THREE = ("1", "8", "64")
CHECKS: dict[str, Check] = {
    check.name: check
    for check in (
        Check("gaussian-mean-difference", "mean shift", THREE, shifts, draw_shifts, shift_criteria),
        Check(
            "gaussian-mean-difference-with-outlier",
            "mean shift and one outlier",
            tuple(f"{side}/{d}" for side in ("real_outlier", "syn_outlier") for d in THREE),
            shifts,
            draw_shifts,
            shift_criteria,
        ),
        Check("gaussian-std-difference", "scale", THREE, spreads, draw_spreads, spread_criteria),
        Check(
            "gaussian-mixture-simultaneous-mode-dropping",
            "modes lost together",
            THREE,
            _grid(np.linspace(0, 1, 50)),
            draw_simultaneous,
            drop_criteria(0.95),
        ),
        Check(
            "gaussian-mixture-sequential-mode-dropping",
            "modes lost in turn",
            THREE,
            _grid(np.arange(10)),
            draw_sequential,
            drop_criteria(0.5),
        ),
        Check(
            "gaussian-mixture-mode-dropping-invention",
            "modes lost or invented",
            ("",),
            _grid(np.arange(1, 11)),
            draw_invention,
            invention_criteria,
        ),
        Check(
            "uniform-hypersphere-surface",
            "spheres",
            ("2", "16", "128"),
            radii,
            draw_spheres,
            sphere_criteria,
        ),
        Check(
            "uniform-hypercube-varying-size",
            "cubes, both sizes",
            THREE,
            _grid(SIZES),
            draw_cubes,
            cube_criteria("large size"),
        ),
        Check(
            "uniform-hypercube-varying-syn-size",
            "cubes, fakes' size",
            THREE,
            _grid(SIZES),
            draw_cubes_of_fakes,
            cube_criteria("large syn. size"),
        ),
        Check(
            "sphere-torus",
            "ball and torus",
            ("real_sphere", "real_torus"),
            _grid(SIZES),
            draw_torus,
            torus_criteria,
        ),
        Check(
            "one-vs-two-modes",
            "one mode for two",
            THREE,
            _grid(np.linspace(0, 5, 20)),
            draw_two_modes,
            two_mode_criteria,
        ),
        Check(
            "gaussian-scaling-one-dimension",
            "unit of a column",
            ("",),
            _grid(np.logspace(-3, 3, 20)),
            draw_scaled,
            ends_at_zero("transformations"),
        ),
        Check(
            "gaussian-mean-difference-with-pareto",
            "mean shift, heavy tail",
            ("",),
            _grid(np.linspace(-6, 6, 51)),
            draw_pareto,
            shift_criteria,
        ),
        Check(
            "gaussian-high-dim-one-disjoint-dim",
            "one disjoint column",
            ("",),
            extra_columns,
            draw_disjoint,
            ends_at_zero("property"),
        ),
        Check(
            "discrete-numerical-vs-continuous-numerical",
            "rounded values",
            ("real_discrete", "real_continuous"),
            _grid(np.logspace(0, 3, 20)),
            draw_discrete,
            discrete_criteria,
        ),
    )
}


def standardised(real: Array, fake: Array) -> tuple[Array, Array]:
    """Both sets less the mean of the reals, over their standard deviation (ddof 0; 1 where that is 0)."""
    scale = real.std(axis=0)
    scale[scale == 0] = 1.0
    mean = real.mean(axis=0)
    return (real - mean) / scale, (fake - mean) / scale


def path(scenario: str, criterion: str) -> str:
    """A cell's name in the authors' tables."""
    return "/".join(filter(None, [scenario, criterion]))


def published() -> dict[tuple[str, str, str], str]:
    """(check, cell, metric) -> the authors' verdict; the checks "fidelity-pass-fails" and
    "diversity-pass-fails" hold one verdict for all criteria of a sort in "check/sort".
    """
    found = {}
    for line in VERDICTS.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            check, cell, metric, verdict = line.split("\t")
            found[check, cell, metric] = verdict
    return found
