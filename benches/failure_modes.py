"""What each metric says of a generator that drops modes, shrinks them, invents some or copies, and the
smallest cheat of each sort that it sees.

python benches/failure_modes.py            all; writes record/failure-modes.md
python benches/failure_modes.py --quick    few seeds, small sizes; nothing is recorded

The honest generator draws from the law of the reals. Noise is the standard deviation of a metric's honest
values over seeds, each with fresh reals and fresh fakes: what one run of it may show. A cheat FOOLS a metric
where its value, averaged over the seeds, lies within two of those standard deviations of the honest mean. It
is SEEN where the value lies beyond that on the side that is worse, PRAISED where it lies beyond on the side
that is better. For a metric that is best at a number (density, RE) either side is seen.

Data: mixtures of ten or twenty normal modes of scale 1 (d = 2: means on a square grid of step 8; d = 64:
means normal of scale 2, so that two of them are some 23 apart, and two points of one mode 11), and the
handwritten digits that fidiv ships, one half the reals, fakes from the other half.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import harness
import numpy as np

Array = np.ndarray
NOISE = 2.0
SHOWN = (
    "pce",
    "rce",
    "re",
    "density",
    "coverage",
    "precision",
    "recall",
    "precision_cover",
    "recall_cover",
)
FAMILIES = (
    "precision_recall",
    "density_coverage",
    "precision_recall_cover",
    "cross_entropies",
    "symmetric_precision_recall",
    "probabilistic_precision_recall",
    "clipped_density_coverage",
    "alpha_precision",
    "frechet_distance",
    "kernel_distance",
    "energy_distance",
    "authenticity",
    "copies",
    "data_copying_test",
    "closest_record",
)
NEED_HOLDOUT = ("data_copying_test", "closest_record")
JUDGED = (
    *("precision", "recall", "density", "coverage", "precision_cover", "recall_cover"),
    *("pce", "rce", "re", "sym_precision", "sym_recall", "p_precision", "p_recall"),
    *("clipped_density", "clipped_coverage", "alpha_precision", "beta_recall"),
    *("frechet_distance", "kernel_distance", "energy_distance"),
    *("authpct", "identifiability", "exact_copies", "c_t", "share_closer_to_training"),
)


# --------------------------------------------------------------------------------------------------- data
@dataclass(frozen=True)
class Law:
    """A mixture of normal modes of equal weight."""

    means: Array
    scale: float = 1.0

    def draw(self, rng: np.random.Generator, n: int) -> Array:
        modes = rng.integers(len(self.means), size=n)
        return rng.normal(self.means[modes], self.scale)

    def without(self, count: int) -> Law:
        return replace(self, means=self.means[count:])


def law(d: int, modes: int) -> Law:
    """Modes that do not overlap, the same for every seed."""
    if d == 2:
        side = math.ceil(math.sqrt(modes))
        return Law(8.0 * np.stack(np.divmod(np.arange(modes), side), axis=1))
    return Law(2.0 * np.random.default_rng(5).normal(size=(modes, d)))


Fakes = dict[str, Array]


def mixture_failures(d: int, n: int, seed: int) -> tuple[Array, Fakes]:
    """Reals of ten modes, and fakes of each failure."""
    honest = law(d, 10)
    rng = np.random.default_rng([seed, d, n])
    new = Law(honest.means.mean(axis=0, keepdims=True) - 40.0 / math.sqrt(d))
    return honest.draw(rng, n), {
        "honest": honest.draw(rng, n),
        "2 of 10 modes dropped": honest.without(2).draw(rng, n),
        "modes shrunk to 0.6": replace(honest, scale=0.6).draw(rng, n),
        "10 % in an invented mode": np.concatenate([honest.draw(rng, n - n // 10), new.draw(rng, n // 10)]),
    }


def digit_failures(seed: int) -> tuple[Array, Fakes]:
    """Half of the digits, and fakes from the other half: as many rows in each (those that have no 8 or 9).

    A little noise keeps the integers apart; an invented mode is digits whose halves are exchanged.
    """
    from fidiv.demo import digits

    rng = np.random.default_rng([seed, 64])
    features, labels = digits()
    order = rng.permutation(len(features))
    points = features[order] + rng.normal(0.0, 0.1, size=features.shape)
    labels = labels[order]
    half = len(points) // 2
    real, others, its_labels = points[:half], points[half:], labels[half:]
    kept = others[its_labels < 8]
    size = len(kept)
    middles = np.stack([points[labels == label].mean(axis=0) for label in range(10)])[its_labels]
    turned = others[:, np.arange(64).reshape(8, 8)[:, [4, 5, 6, 7, 0, 1, 2, 3]].ravel()]
    tenth = size // 10
    return real, {
        "honest": others[:size],
        "no 8 and no 9": kept,
        "digits shrunk to 0.6": (middles + 0.6 * (others - middles))[:size],
        "10 % with halves exchanged": np.concatenate([others[: size - tenth], turned[size - tenth : size]]),
    }


# ------------------------------------------------------------------------------------------------- tables
Values = dict[str, dict[str, Array]]  # fake -> key -> value for each seed


def measured(draw: Callable[[int], tuple[Array, Fakes, Array | None]], seeds: int, threads: int) -> Values:
    import fidiv

    found: dict[str, dict[str, list[float]]] = {}
    for seed in range(seeds):
        real, fakes, holdout = draw(seed)
        families = [name for name in FAMILIES if holdout is not None or name not in NEED_HOLDOUT]
        for name, fake in fakes.items():
            result = fidiv.evaluate(real, fake, metrics=families, holdout_features=holdout, n_jobs=threads)
            for key, value in result.items():
                found.setdefault(name, {}).setdefault(key, []).append(value)
    return {name: {key: np.array(v) for key, v in keys.items()} for name, keys in found.items()}


def moved(honest: Array, other: Array) -> float:
    """In standard deviations of the honest values."""
    difference = float(other.mean() - honest.mean())
    noise = float(honest.std(ddof=1))
    if noise > 0:
        return difference / noise
    return 0.0 if difference == 0 else math.copysign(math.inf, difference)


def markdown(lines: Sequence[Sequence[str]]) -> list[str]:
    head, *rows = lines
    return ["| " + " | ".join(line) + " |" for line in (head, ["---"] * len(head), *rows)]


def failure_table(values: Values) -> list[str]:
    """Means, and how many standard deviations of the honest values they have moved; bold: beyond two."""
    lines = [["generator", *SHOWN]]
    for name, keys in values.items():
        cells = []
        for key in SHOWN:
            text = f"{keys[key].mean():.3f}"
            if name == "honest":
                text += f" ± {keys[key].std(ddof=1):.3f}"
            else:
                far = moved(values["honest"][key], keys[key])
                text = f"**{text} ({far:+.0f})**" if abs(far) > NOISE else f"{text} ({far:+.1f})"
            cells.append(text)
        lines.append([name, *cells])
    return markdown(lines)


def claims(values: Values) -> list[tuple[str, bool]]:
    """What is said of each failure (Fox, Swarup and Adiga 2025), on these values."""
    honest, dropped, shrunk, invented = values.values()

    def far(key: str, other: dict[str, Array]) -> float:
        return moved(honest[key], other[key])

    def shift(key: str, other: dict[str, Array]) -> float:
        return float(other[key].mean() - honest[key].mean())

    def still(key: str, *others: dict[str, Array]) -> bool:
        return all(abs(far(key, other)) <= NOISE for other in others)

    return [
        ("PCE rises with invention", far("pce", invented) > NOISE),
        ("PCE rises with nothing else", max(far("pce", dropped), far("pce", shrunk)) < NOISE),
        ("PCE moves with invention only", still("pce", dropped, shrunk)),
        ("RCE rises with dropping", far("rce", dropped) > NOISE),
        (
            "RCE rises more with dropping than with the others",
            shift("rce", dropped) > max(shift("rce", shrunk), shift("rce", invented)),
        ),
        ("RCE moves with dropping only", still("rce", shrunk, invented)),
        ("RE falls with shrinkage", far("re", shrunk) < -NOISE),
        (
            "RE falls more with shrinkage than with the others",
            shift("re", shrunk) < min(shift("re", dropped), shift("re", invented)),
        ),
        ("RE moves with shrinkage only", still("re", dropped, invented)),
        ("density does not fall with dropping", far("density", dropped) > -NOISE),
        ("density does not fall with shrinkage", far("density", shrunk) > -NOISE),
        ("density falls with invention", far("density", invented) < -NOISE),
        ("coverage falls with dropping", far("coverage", dropped) < -NOISE),
        (
            "coverage falls less with invention than with dropping",
            shift("coverage", invented) > shift("coverage", dropped),
        ),
    ]


def growth(sizes: Sequence[int], seeds: int, threads: int) -> list[str]:
    """Density and coverage of two normal laws in the plane, means (0, 0) and (2, 2), as n = m grows."""
    import fidiv

    lines = [["n = m", "density, k 5", "coverage, k 5", "density, k 25", "coverage, k 25", "pce", "rce"]]
    for n in sizes:
        rows = []
        for seed in range(seeds):
            rng = np.random.default_rng([seed, n])
            real, fake = rng.normal(size=(n, 2)), rng.normal(2.0, 1.0, size=(n, 2))
            few = fidiv.density_coverage(real, fake, nearest_k=5, n_jobs=threads)
            many = fidiv.density_coverage(real, fake, nearest_k=25, n_jobs=threads)
            entropies = fidiv.cross_entropies(real, fake, n_jobs=threads)
            shares = [few["density"], few["coverage"], many["density"], many["coverage"]]
            rows.append([*shares, entropies["pce"], entropies["rce"]])
        mean, sd = np.mean(rows, axis=0), np.std(rows, axis=0, ddof=1)
        lines.append([f"{n:,}", *(f"{a:.3f} ± {b:.3f}" for a, b in zip(mean, sd, strict=True))])
    return markdown(lines)


# ------------------------------------------------------------------------------------------------- cheats
DROPS = (1, 2, 3, 5, 7, 10)  # of 20 modes
COPIES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
SHRINKS = (0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.3)


def cheats(d: int, n: int, seed: int) -> tuple[Array, Fakes, Array]:
    """Reals, honest fakes and each cheat in growing size, and a holdout set."""
    honest = law(d, 20)
    rng = np.random.default_rng([seed, d, n, 1])
    real, fake = honest.draw(rng, n), honest.draw(rng, n)
    fakes = {"honest": fake}
    for count in DROPS:
        fakes[f"drop {count / 20:.0%}"] = honest.without(count).draw(rng, n)
    for share in COPIES:
        size = round(share * n)
        copied = real[rng.permutation(n)[:size]]
        fakes[f"copy {share:.0%}"] = np.concatenate([copied, honest.draw(rng, n - size)])
    for factor in SHRINKS:
        fakes[f"shrink {factor:g}"] = replace(honest, scale=factor).draw(rng, n)
    return real, fakes, honest.draw(rng, n)


def worse(direction: str, far: float) -> bool:
    """Whether a move in that direction is a worse value."""
    return {"higher": far < 0, "lower": far > 0}.get(direction, True)


def smallest(values: Values, key: str, cheat: str) -> str:
    """The smallest cheat of that sort that is seen, larger ones being seen too; what is praised."""
    from fidiv.metrics import KEYS

    direction = KEYS[key].direction or "higher"
    seen = praised = ""
    for name, keys in values.items():
        if not name.startswith(cheat):
            continue
        size = name.removeprefix(cheat).strip()
        far = moved(values["honest"][key], keys[key])
        if abs(far) <= NOISE or not worse(direction, far):
            seen = ""
            if abs(far) > NOISE and not praised:
                praised = size
        elif not seen:
            seen = size
    return (seen or "never") + (f", praised from {praised}" if praised else "")


def cheat_table(settings: dict[tuple[int, int], Values], cheat: str) -> list[str]:
    lines = [["metric", *(f"d {d}, n {n:,}" for d, n in settings)]]
    lines += [[f"`{key}`", *(smallest(values, key, cheat) for values in settings.values())] for key in JUDGED]
    return markdown(lines)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="small; nothing is recorded")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    seeds, threads = (3 if options.quick else options.seeds), options.threads
    n = 400 if options.quick else 2000
    sizes = (200, 800) if options.quick else (500, 2000, 8000, 32_000, 128_000)
    grid = [(2, 300)] if options.quick else [(2, 500), (2, 2000), (64, 500), (64, 2000)]

    cases = {
        f"Mixture, d 2, n = m = {n:,}": lambda seed: (*mixture_failures(2, n, seed), None),
        f"Mixture, d 64, n = m = {n:,}": lambda seed: (*mixture_failures(64, n, seed), None),
        "Handwritten digits, d 64, 898 reals": lambda seed: (*digit_failures(seed), None),
    }
    parts = ["# What the metrics say of generators that fail", ""]
    parts += [*harness.facts(threads, ()), f"- {seeds} seeds", ""]
    parts += [
        "Means over the seeds. The first row shows the standard deviation over the seeds, each with fresh",
        "reals and fakes; the others how many of these the mean has moved, bold beyond two.",
        "",
    ]
    told: dict[str, list[str]] = {}
    for title, draw in cases.items():
        values = measured(draw, seeds, threads)
        parts += [f"## {title}", "", *failure_table(values), ""]
        for claim, holds in claims(values):
            told.setdefault(claim, []).append("yes" if holds else "NO")
    parts += ["## What is said of them", ""]
    parts += [*markdown([["claim", *cases], *([claim, *marks] for claim, marks in told.items())]), ""]
    parts += [
        "## Density as n grows",
        "",
        "Two normal laws in the plane, means (0, 0) and (2, 2): their total variation is 0.84, and yet",
        "density goes to 1, as it does wherever the reals have any density at all.",
        "",
        *growth(sizes, 3, threads),
        "",
        "## The smallest cheat that is seen",
        "",
        "Twenty modes. A cheat fools a metric where its mean over the seeds is within two standard",
        "deviations (over the seeds) of the honest mean. The tables give the smallest cheat on the grid that",
        "is seen, as every larger one is: below it, the metric is fooled. `praised from`: the smallest cheat",
        "whose value is better than the honest one by more than two standard deviations.",
        "",
    ]
    settings = {
        (d, size): measured(lambda seed, d=d, size=size: cheats(d, size, seed), seeds, threads)
        for d, size in grid
    }
    words = {
        "drop": "Share of the modes dropped: " + ", ".join(f"{count / 20:.0%}" for count in DROPS),
        "copy": "Share of the fakes that are copies of reals: " + ", ".join(f"{c:.0%}" for c in COPIES),
        "shrink": "Factor by which modes shrink: " + ", ".join(f"{factor:g}" for factor in SHRINKS),
    }
    for cheat, title in words.items():
        parts += [f"### {title}", "", *cheat_table(settings, cheat), ""]
    text = "\n".join(parts)
    print(text)
    if not options.quick:
        harness.RECORD.mkdir(exist_ok=True)
        (harness.RECORD / "failure-modes.md").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
