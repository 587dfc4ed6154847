"""How often an interval of nominal level 90 % holds the value it aims at: the mean over fresh samples.

    python benches/intervals.py [--runs 60] [--seeds 1 2 3 4 5 6] [--threads 1] [--write]

Fresh samples are drawn again and again from a known law, `replicates` is called on each, and the target is
the mean of the full values over all runs: of both sets with reference="random", of fresh fakes against the
same reals with reference="fixed". The target is itself known to one part in sqrt(runs) of its spread, which
costs less than 1 % of coverage. The runs of several seeds are counted together, each against its own target.
`--write` writes `record/intervals.md`; it takes about an hour.
"""

from __future__ import annotations

import argparse
import math
import os
from pathlib import Path

RECORD = Path(__file__).parent / "record" / "intervals.md"
LEVEL = 0.90
METRICS = [
    *("precision_recall", "density_coverage", "pce", "rce", "re", "pce_ratio", "rce_ratio", "re_ratio"),
    *("precision_recall_cover", "frechet_distance", "rarity", "sym_precision", "sym_recall"),
    *("complement_precision", "clipped_density_coverage", "authpct", "identifiability", "dcr_median"),
]
# Left out where there are many points: they would take another hour.
FEWER = ["kernel_distance", "mmd", "energy_distance", "divergences"]
MOST = 2000
CASES = [
    ("equal", 2, 500, 500),
    ("equal", 16, 500, 500),
    ("equal", 64, 500, 500),
    ("wider", 2, 1000, 1000),
    ("wider", 16, 1000, 500),
    ("shrunk", 16, 500, 1000),
    ("shrunk", 64, 1000, 1000),
    ("mixture", 2, 1000, 1000),
    ("mixture", 16, 1000, 1000),
    ("mixture", 64, 1000, 2000),
    ("equal", 16, 2000, 2000),
    ("mixture", 2, 5000, 5000),
    ("wider", 64, 5000, 5000),
]


def draw(rng, law, d, size, fake):
    """Points of a law: Gaussians, the fakes equal, wider or narrower; or five modes of which fakes drop one
    and shrink another.
    """
    import numpy as np

    if law != "mixture":
        return {"wider": 1.2, "shrunk": 0.8}.get(law, 1.0) ** fake * rng.normal(size=(size, d))
    centres = np.random.default_rng(7).normal(size=(5, d)) * 4 / d**0.25
    mode = rng.choice(5, size, p=[0.25, 0.25, 0.25, 0.25, 0] if fake else [0.2] * 5)
    scale = np.where((mode == 1) & bool(fake), 0.6, 1.0)[:, None]
    return centres[mode] + scale * rng.normal(size=(size, d))


def coverage(law, d, n, m, reference, runs, seed, n_jobs):
    """For each key: how often its interval holds the target, and its mean width over that of an ideal
    interval, twice the quantile times the true standard deviation.
    """
    import numpy as np

    from fidiv._resampling import interval, replicates

    rng = np.random.default_rng([seed, d, n, m])
    metrics = METRICS + (FEWER if max(n, m) <= MOST else [])
    groups = 1 if reference == "random" else 3  # sets of reals
    held, widths, ideal, counts = {}, {}, {}, {}
    for _ in range(groups):
        real = draw(rng, law, d, n, 0)
        found = []
        for run in range(runs // groups):
            if reference == "random":
                real = draw(rng, law, d, n, 0)
            fakes = {"fake": draw(rng, law, d, m, 1)}
            answer = replicates(
                real, fakes, metrics, reference=reference, seed=1000 * seed + run, n_jobs=n_jobs
            )
            found.append(answer["fake"])
        for key in found[0].full:
            values = np.array([one.full[key] for one in found])
            ends = np.array([interval(one, key, LEVEL) for one in found])
            if np.isnan(ends).all() or np.ptp(values) == 0:
                continue
            target = values.mean()
            # No interval (a value that is cut on some halves) claims nothing and is not wrong.
            wrong = (ends[:, 0] > target) | (ends[:, 1] < target)
            held[key] = held.get(key, 0) + len(values) - int(np.sum(wrong))
            counts[key] = counts.get(key, 0) + len(values)
            widths.setdefault(key, []).extend(np.diff(ends[~np.isnan(ends[:, 0])])[:, 0])
            ideal.setdefault(key, []).append(2 * 1.6449 * values.std(ddof=1))
    return {key: (held[key], counts[key], float(np.mean(widths[key]) / np.mean(ideal[key]))) for key in held}


def measured(cases, reference, runs, seeds, n_jobs):
    """What `coverage` finds for each case, all seeds together."""
    columns = []
    for law, d, n, m in cases:
        columns.append(together([coverage(law, d, n, m, reference, runs, seed, n_jobs) for seed in seeds]))
        low = {key: f"{100 * h / c:.0f}" for key, (h, c, _) in columns[-1].items() if h / c < 0.85}
        print(reference, law, d, n, m, low, flush=True)
    return columns


def together(found):
    """The answers of `coverage` for several seeds as one."""
    keys = list(dict.fromkeys(key for one in found for key in one))
    columns = {}
    for key in keys:
        some = [one[key] for one in found if key in one]
        count = sum(c for _, c, _ in some)
        columns[key] = (sum(h for h, _, _ in some), count, sum(c * w for _, c, w in some) / count)
    return columns


def table(cases, columns):
    """One row a key, one column a case, and all together."""
    keys = list(dict.fromkeys(key for column in columns for key in column))
    heads = [f"{law} d{d} {n}+{m}" for law, d, n, m in cases]
    lines = [f"| key | {' | '.join(heads)} | all |", "|---|" + "---|" * (len(cases) + 1)]
    for key in keys:
        known = [column.get(key) for column in columns]
        cells = ["" if one is None else f"{100 * one[0] / one[1]:.0f} ({one[2]:.2f})" for one in known]
        hits, count = (sum(one[place] for one in known if one is not None) for place in (0, 1))
        lines.append(f"| {key} | {' | '.join(cells)} | {100 * hits / count:.1f} |")
    return lines


def report(cases, runs, seeds, columns):
    """The record; `columns` by reference."""
    total = runs * len(seeds)
    error = 100 * math.sqrt(0.09 / total)
    text = " ".join(map(str, seeds))
    lines = [
        "# Intervals of level 90 %: how often they hold the expected value, in percent, and (width / ideal)",
        "",
        f"`python benches/intervals.py --runs {runs} --seeds {text} --write`; each percentage is of {total} "
        f"runs and has a standard error of about {error:.1f} points. Laws: see `draw`.",
        "",
    ]
    for reference, found in columns.items():
        cells = [
            (h / c, key, case)
            for case, one in zip(cases, found, strict=True)
            for key, (h, c, _) in one.items()
        ]
        share, key, (law, d, n, m) = min(cells, key=lambda cell: cell[0])
        lines += [f'## reference="{reference}"', ""]
        lines += [f"Lowest of {len(cells)}: {100 * share:.0f} %, `{key}`, {law} d{d} {n}+{m}.", ""]
        lines += [*table(cases, found), ""]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5, 6])
    parser.add_argument("--cases", type=int, nargs="*", help="numbers of the cases, from 0")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", str(options.threads))  # before NumPy is imported
    cases = [CASES[i] for i in options.cases] if options.cases else CASES
    columns = {
        reference: measured(cases, reference, options.runs, options.seeds, options.threads)
        for reference in ("fixed", "random")
    }
    text = report(cases, options.runs, options.seeds, columns)
    print(text)
    if options.write:
        RECORD.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
