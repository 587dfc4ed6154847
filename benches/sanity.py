"""Which metric can be trusted for what: all of them through the sanity suite (sanity_suite.py).

python benches/sanity.py --jobs 2      all; writes record/sanity.md (for reading) and record/sanity.tsv
python benches/sanity.py --quick       two repeats of the small checks, a minute; nothing is recorded
python benches/sanity.py --keep DIR    keeps the curves there and computes only what is missing

n = m = 1000 unless the check says otherwise, features standardised by the reals, 10 repeats, criteria on
the mean. Every point is one call of `fidiv.evaluate` with default settings, which are those of the suite:
precision and recall k 3, density and coverage k 5, closed balls; precision and recall cover with balls of
15 and 5 points in them (where n varies, the suite's rule: count = int(int(ln n + 7) / 3 + 1), ball 3
count); sym. k 5, open balls; probabilistic k 4, scale 1.2. The metrics that are no function of neighbours
alone have fewer repeats; of them PRD is computed from one clustering, sliced Wasserstein from 200 lines.

Every family that claims to measure fidelity, diversity or both is here. Left out are those that ask something
else: memorisation (copies, authenticity, closest_record, c_t: they compare with training data or a holdout
set), single points (rarity), and what is made of families that are here (kNN divergences, of the same terms
as the cross-entropies; the limit and the influences of the Fréchet distance; Vendi and inception scores,
which do not look at the reals or need a classifier).

What has no bounds cannot be asked for 0 or 1. Its shapes are judged in a unit of its own: the larger of its
fall from equal laws to the ends of the first check (mean shift) and of its fall to the narrowest fakes of the
third (scale), in the dimension nearest to that of the check. That unit is ours, not the suite's.

Where the suite's authors publish a verdict, ours must be the same, or the criterion be within two standard
errors of its threshold (sanity_criteria.judge). The exit code is 1 where a cell differs otherwise.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import harness
import numpy as np
import sanity_criteria as criteria
import sanity_suite as suite

SEED = 20250
NEIGHBOURS = (
    "precision_recall",
    "density_coverage",
    "precision_recall_cover",
    "cross_entropies",
    "probabilistic_precision_recall",
    "symmetric_precision_recall",
    "clipped_density_coverage",
    "alpha_precision",
)
OTHERS = (
    "frechet_distance",
    "kernel_distance",
    "mmd",
    "energy_distance",
    "divergence_frontier",
    "pr_curve",
)
# Under heavy tails ten repeats do not tell the noise of their mean; the further ones serve for that alone.
MORE_REPEATS = {"gaussian-mean-difference-with-pareto": 40}
SMALL = ("gaussian-mixture-mode-dropping-invention", "gaussian-scaling-one-dimension")


@dataclass(frozen=True)
class Metric:
    """A column: which number, what kind of metric it is, and how it is turned so that more is better."""

    key: str
    kind: str
    turn: str = ""  # "", "1 - ", "1 / ", "-"
    published: str = ""  # the authors' name of it
    neighbours: bool = True  # found in the first of the two groups of calls

    @property
    def name(self) -> str:
        swapped = ", swapped" if self.published.endswith("_cover") else ""
        return f"{self.turn}{self.key}{swapped}"

    @property
    def bounded(self) -> bool:
        return self.turn != "-" and self.key != "re"

    def turned(self, values: np.ndarray) -> np.ndarray:
        if self.turn == "1 / ":
            return 1.0 / values
        return {"": values, "1 - ": 1.0 - values, "-": -values}[self.turn]


METRICS = (
    Metric("precision", "fidelity", published="precision"),
    Metric("density", "fidelity", published="density"),
    Metric("precision_cover", "fidelity"),
    Metric("recall_cover", "fidelity", published="precision_cover"),
    Metric("sym_precision", "fidelity", published="sym_precision"),
    Metric("complement_precision", "fidelity"),
    Metric("p_precision", "fidelity", published="probabilistic_precision"),
    Metric("clipped_density", "fidelity"),
    Metric("alpha_precision", "fidelity"),
    Metric("pce_ratio", "fidelity", "1 / "),
    Metric("pce", "fidelity", "-"),
    Metric("prd_max_f1_8", "fidelity", neighbours=False),
    Metric("pr_curve_max_f1_8", "fidelity", neighbours=False),
    Metric("pr_curve_median_precision", "fidelity", neighbours=False),
    Metric("pr_curve_precision_at_eps", "fidelity", neighbours=False),
    Metric("recall", "diversity", published="recall"),
    Metric("coverage", "diversity", published="coverage"),
    Metric("recall_cover", "diversity"),
    Metric("precision_cover", "diversity", published="recall_cover"),
    Metric("sym_recall", "diversity", published="sym_recall"),
    Metric("p_recall", "diversity", published="probabilistic_recall"),
    Metric("clipped_coverage", "diversity"),
    Metric("beta_recall", "diversity"),
    Metric("rce_ratio", "diversity", "1 / "),
    Metric("rce", "diversity", "-"),
    Metric("re_ratio", "diversity"),
    Metric("re", "diversity"),
    Metric("prd_max_f8", "diversity", neighbours=False),
    Metric("pr_curve_max_f8", "diversity", neighbours=False),
    Metric("pr_curve_median_recall", "diversity", neighbours=False),
    Metric("pr_curve_recall_at_eps", "diversity", neighbours=False),
    Metric("f_score", "both"),
    Metric("prd_auc", "both", neighbours=False),
    Metric("pr_curve_auc", "both", neighbours=False),
    Metric("pr_curve_total_variation", "both", "1 - ", neighbours=False),
    Metric("mauve", "both", neighbours=False),
    Metric("mauve_smoothed", "both", neighbours=False),
    Metric("frontier_integral", "both", "1 - ", neighbours=False),
    Metric("frontier_integral_smoothed", "both", "1 - ", neighbours=False),
    Metric("frechet_distance", "both", "-", neighbours=False),
    Metric("kernel_distance", "both", "-", neighbours=False),
    Metric("mmd2", "both", "-", neighbours=False),
    Metric("energy_distance", "both", "-", neighbours=False),
    Metric("sliced_wasserstein", "both", "-", neighbours=False),
)

Task = tuple[str, str, int, bool]  # check, scenario, repeat, whether the neighbour metrics or the others
Curves = dict[tuple[str, str], dict[str, np.ndarray]]  # (check, scenario) -> key -> (repeats, points)


# --------------------------------------------------------------------------------------------- computing
def cover_count(n: int) -> int:
    """The suite's rule for precision and recall cover."""
    return int(int(math.log(n) + 7) / 3 + 1)


def neighbour_metrics(real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
    import fidiv

    found = dict(fidiv.evaluate(real, fake, metrics=NEIGHBOURS, n_jobs=1))
    count = cover_count(len(real))
    if count != 5:
        found |= dict(fidiv.precision_recall_cover(real, fake, ball_k=3 * count, min_count=count, n_jobs=1))
    return found


def other_metrics(real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
    import fidiv

    found = dict(fidiv.evaluate(real, fake, metrics=OTHERS, n_jobs=1))
    prd = fidiv.prd(real, fake, num_runs=1, n_jobs=1)
    found |= {f"prd_{key}": value for key, value in prd.items()}
    return found | dict(fidiv.sliced_wasserstein(real, fake, num_projections=200, n_jobs=1))


def rng_of(check: str, scenario: str, repeat: int) -> np.random.Generator:
    """The two groups of metrics see the same data."""
    number = list(suite.CHECKS).index(check)
    return np.random.default_rng([SEED, number, suite.CHECKS[check].scenarios.index(scenario), repeat])


def curves_of(task: Task) -> dict[str, np.ndarray]:
    """key -> its value at every x, on one draw of the check's data."""
    check, scenario, repeat, neighbours = task
    call = neighbour_metrics if neighbours else other_metrics
    keys = list(dict.fromkeys(metric.key for metric in METRICS if metric.neighbours == neighbours))
    rows = []
    for real, fake in suite.CHECKS[check].draw(scenario, rng_of(check, scenario, repeat)):
        values = call(*suite.standardised(real, fake))
        rows.append([values[key] for key in keys])
    return dict(zip(keys, np.array(rows).T, strict=True))


def file_of(task: Task, folder: Path) -> Path:
    check, scenario, repeat, neighbours = task
    group = "neighbours" if neighbours else "others"
    return folder / f"{check}-{scenario.replace('/', '-')}-{repeat}-{group}.npz"


def kept(task: Task, folder: Path | None) -> dict[str, np.ndarray]:
    if folder is None:
        return curves_of(task)
    file = file_of(task, folder)
    if not file.exists():
        found = curves_of(task)
        unfinished = file.with_suffix(".part")
        with unfinished.open("wb") as handle:
            np.savez(handle, **found)
        unfinished.replace(file)
    with np.load(file) as archive:
        return dict(archive)


def compute(tasks: list[Task], jobs: int, folder: Path | None) -> Curves:
    """Every task in one of `jobs` processes, each of one thread; the longest first."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    found: dict[Task, dict[str, np.ndarray]] = {}
    start = time.perf_counter()
    long_first = sorted(tasks, key=lambda task: "varying" not in task[0] and "disjoint" not in task[0])
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(kept, task, folder): task for task in long_first}
        for done in as_completed(waiting):
            found[waiting[done]] = done.result()
            seconds = time.perf_counter() - start
            print(f"\r{len(found)} of {len(tasks)}, {seconds:.0f} s", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    curves: Curves = {}
    for task in sorted(found, key=tasks.index):
        place = curves.setdefault(task[:2], {})
        for key, values in found[task].items():
            place[key] = np.vstack([place[key], values]) if key in place else values[None]
    return curves


# ---------------------------------------------------------------------------------------------- judging
@dataclass(frozen=True)
class Cell:
    """A verdict on one criterion, and what would change it."""

    check: str
    cell: str
    metric: Metric
    verdict: str
    open: frozenset[str]
    margins: tuple[criteria.Margin, ...]
    undefined: bool
    published: str | None = None

    def doubts(self) -> str:
        """The margins that fail or are within doubt, in words."""
        close = [str(one) for one in self.margins if not one.gap > criteria.DOUBT * one.se]
        return "; ".join(close) or "all met"


def dimension(check: str, scenario: str) -> float:
    """Of the features, for the choice of a unit."""
    last = scenario.rsplit("/", 1)[-1]
    if last.isdigit():
        return float(last)
    return {"sphere-torus": 3.0, "gaussian-high-dim-one-disjoint-dim": 64.0}.get(
        check, 1.0 if check.startswith("discrete") else 2.0
    )


def unit(metric: Metric, d: float, curves: Curves) -> float:
    """What an unbounded metric is measured in; NaN where the checks that give it were not run."""
    if metric.bounded:
        return 1.0
    first, _, third, *_ = suite.CHECKS
    scenario = min(suite.THREE, key=lambda s: abs(math.log(int(s) / d)))
    falls = []
    for check, middle, ends in ((first, 0.0, ("left", "right")), (third, 1.0, ("left",))):
        if metric.key not in curves.get((check, scenario), {}):
            return math.nan
        values = metric.turned(curves[check, scenario][metric.key])
        curve = criteria.Curve(suite.CHECKS[check].grid(scenario), values)
        mean = curve.mean
        falls.append(float(np.mean([mean[curve.at(middle)] - mean[curve.at(end)] for end in ends])))
    return max(falls)


def judged(curves: Curves) -> list[Cell]:
    published = suite.published()
    cells = []
    for (name, scenario), found in curves.items():
        check = suite.CHECKS[name]
        x = check.grid(scenario)
        for metric in METRICS:
            scale = unit(metric, dimension(name, scenario), curves)
            if metric.key not in found or math.isnan(scale):
                continue
            curve = criteria.Curve(x, metric.turned(found[metric.key]) / scale)
            for criterion, by_kind in check.criteria(scenario).items():
                if criterion.startswith("bounds") and not metric.bounded:
                    continue
                verdict, possible, margins = criteria.judge(by_kind[metric.kind], curve)
                cell = suite.path(scenario, criterion)
                cells.append(
                    Cell(
                        name,
                        cell,
                        metric,
                        verdict,
                        frozenset(possible),
                        tuple(margins),
                        bool(np.isnan(curve.values).any()),
                        published.get((name, cell, metric.published)),
                    )
                )
    return cells


def disagreements(cells: Iterable[Cell]) -> tuple[list[Cell], list[Cell]]:
    """(within two standard errors of a threshold, beyond)."""
    differ = [cell for cell in cells if cell.published not in (None, cell.verdict)]
    return (
        [cell for cell in differ if cell.published in cell.open],
        [cell for cell in differ if cell.published not in cell.open],
    )


# ---------------------------------------------------------------------------------------------- writing
LEGEND = """\
A cell is two letters, bounds and then shape: T met, F not met, L or H met as a metric of low or of high
diversity for wide fakes, U undefined on some of the data, · nothing demanded; one letter where there are no
bounds. `swapped` is a column as the authors have it, with the two covers exchanged. `sanity.py` says what
is turned so that more is better, and in which unit a number without bounds is judged."""
LETTERS = {"True": "T", "False": "F", "low": "L", "high": "H", "NaN": "·"}


def letter(cells: list[Cell]) -> str:
    """All criteria of one sort in one letter."""
    if any(cell.undefined for cell in cells):
        return "U"
    return LETTERS[criteria.overall([cell.verdict for cell in cells])]


def sort_of(cell: Cell) -> str:
    return "bounds" if "bounds/" in cell.cell else "shape"


def letters(cells: list[Cell]) -> dict[tuple[str, str, str], dict[str, str]]:
    """(metric's name, kind, check) -> {"bounds": letter, "shape": letter}."""
    groups: dict[tuple[str, str, str], dict[str, list[Cell]]] = {}
    for cell in cells:
        sorts = groups.setdefault((cell.metric.name, cell.metric.kind, cell.check), {})
        sorts.setdefault(sort_of(cell), []).append(cell)
    return {key: {sort: letter(those) for sort, those in sorts.items()} for key, sorts in groups.items()}


def table(cells: list[Cell], kind: str) -> list[str]:
    """A row for each metric, a column for each check; a cell is bounds, then shape."""
    found = letters(cells)
    checks = [name for name in suite.CHECKS if any(cell.check == name for cell in cells)]
    numbers = [str(list(suite.CHECKS).index(name) + 1) for name in checks]
    lines = [["metric", *numbers, "bounds met", "shapes met"]]
    lines.append(["---"] * len(lines[0]))
    for metric in METRICS:
        rows = [found.get((metric.name, kind, name), {}) for name in checks]
        if metric.kind != kind or not any(rows):
            continue
        count = []
        for sort in ("bounds", "shape"):
            marks = [row[sort] for row in rows if sort in row]
            met = sum(mark in ("T", "L", "H") for mark in marks)
            count.append(f"{met} of {len(marks)}" if marks else "")
        shown = [f"{row.get('bounds', ' ')}{row.get('shape', ' ')}".strip() for row in rows]
        lines.append([f"`{metric.name}`", *shown, *count])
    return ["| " + " | ".join(line) + " |" for line in lines]


def compared(cells: list[Cell]) -> list[str]:
    """How the published verdicts were reproduced, and each one that was not."""
    those = [cell for cell in cells if cell.published is not None]
    within, beyond = disagreements(cells)
    lines = [
        f"{len(those)} cells of the five published pairs: {len(those) - len(within) - len(beyond)} the same, "
        f"{len(within)} differ within two standard errors of a threshold, {len(beyond)} differ beyond.",
        "",
    ]
    for title, group in (("beyond two standard errors", beyond), ("within two standard errors", within)):
        if not group:
            continue
        lines += [
            f"Differ {title}:",
            "",
            "| check | cell | metric | published | ours | margins |",
            "| --- | --- | --- | --- | --- | --- |",
        ]
        lines += [
            f"| {cell.check} | {cell.cell} | `{cell.metric.name}` | {cell.published} | {cell.verdict} "
            f"| {cell.doubts()} |"
            for cell in group
        ]
        lines.append("")
    return lines


def summarised(cells: list[Cell]) -> list[str]:
    """The rows of the authors' summary tables: how many of them come out the same."""
    published = suite.published()
    groups: dict[tuple[str, str, str, str], list[str]] = {}
    for cell in cells:
        if cell.metric.published:
            sort = cell.cell.split("/")[-2]
            key = (f"{cell.metric.kind}-pass-fails", cell.check, sort, cell.metric.published)
            groups.setdefault(key, []).append(cell.verdict)
    differ = []
    for (kind, check, sort, metric), verdicts in groups.items():
        theirs, ours = published[kind, f"{check}/{sort}", metric], criteria.overall(verdicts)
        if theirs != ours:
            differ.append(f"- {check}, {sort}, {metric}: published {theirs}, ours {ours}")
    return [f"Of their {len(groups)} summary verdicts {len(groups) - len(differ)} are the same.", *differ, ""]


def report(cells: list[Cell], facts: list[str], repeats: tuple[int, int]) -> str:
    numbered = "; ".join(f"{i} {check.title}" for i, check in enumerate(suite.CHECKS.values(), 1))
    parts = [
        "# The sanity suite: which metric can be trusted for what",
        "",
        *facts,
        f"- mean of {repeats[0]} repeats; of the metrics that need more than neighbours, {repeats[1]}",
        "",
        f"The 15 checks of Räisä, van Breugel and van der Schaar (ICML 2025): {numbered}.",
        LEGEND,
        "",
    ]
    words = {
        "fidelity": "Fidelity",
        "diversity": "Diversity",
        "both": "Both at once (the criteria of this kind are ours: a loss of either must show)",
    }
    for kind, title in words.items():
        parts += [f"## {title}", "", *table(cells, kind), ""]
    parts += ["## Against the published verdicts", "", *compared(cells), *summarised(cells)]
    return "\n".join(parts)


def machine_readable(cells: list[Cell]) -> str:
    """One line a criterion, one column a metric: T F L H, U undefined, · no demand, ? where open."""
    names = [f"{metric.kind}:{metric.name}" for metric in METRICS]
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for cell in cells:
        mark = "U" if cell.undefined else LETTERS[cell.verdict] + ("?" if len(cell.open) > 1 else "")
        rows.setdefault((cell.check, cell.cell), {})[f"{cell.metric.kind}:{cell.metric.name}"] = mark
    lines = ["\t".join(["check", "criterion", *names])]
    lines += ["\t".join([*key, *(row.get(name, "") for name in names)]) for key, row in rows.items()]
    return "\n".join(lines) + "\n"


def tasks_of(checks: Iterable[str], repeats: tuple[int, int]) -> list[Task]:
    found = [
        (check, scenario, repeat, neighbours)
        for neighbours, count in zip((True, False), repeats, strict=True)
        for check in checks
        for scenario in suite.CHECKS[check].scenarios
        for repeat in range(count + (MORE_REPEATS.get(check, 0) if count >= criteria.REPEATS else 0))
    ]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", choices=list(suite.CHECKS), metavar="CHECK")
    parser.add_argument("--quick", action="store_true", help="two repeats of two small checks; no record")
    parser.add_argument("--repeats", type=int, default=10, help="of the neighbour metrics (default 10)")
    parser.add_argument("--other-repeats", type=int, default=3, help="of the others; 0 leaves them out")
    parser.add_argument("--jobs", type=int, default=1, help="processes of one thread each (default 1)")
    parser.add_argument("--keep", type=Path, help="folder for the curves; what is there is not computed")
    options = parser.parse_args()
    checks = options.only or (SMALL if options.quick else list(suite.CHECKS))
    repeats = (2, 1) if options.quick else (options.repeats, options.other_repeats)
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)

    tasks = tasks_of(checks, repeats)
    old = sum(file_of(task, options.keep).exists() for task in tasks) if options.keep else 0
    start = time.perf_counter()
    cells = judged(compute(tasks, options.jobs, options.keep))
    seconds = f"- {time.perf_counter() - start:.0f} s"
    if old:
        seconds += f", with {old} of {len(tasks)} sets of curves kept from earlier runs"
    facts = [*harness.facts(options.jobs, ()), seconds]
    text = report(cells, facts, repeats)
    print(text)
    if not options.quick and not options.only:
        harness.RECORD.mkdir(exist_ok=True)
        (harness.RECORD / "sanity.md").write_text(text, encoding="utf-8")
        (harness.RECORD / "sanity.tsv").write_text(machine_readable(cells), encoding="utf-8")
    return 0 if options.quick or not disagreements(cells)[1] else 1


if __name__ == "__main__":
    sys.exit(main())
