"""The house rules, read from the files: walls between rooms, a light import, documents that are true."""

from __future__ import annotations

import ast
import inspect
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

import fidiv
from fidiv import cli

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "python" / "fidiv"
README = (ROOT / "README.md").read_text(encoding="utf-8")
MODULES = sorted(PACKAGE.rglob("*.py"))
PUBLIC = [
    (f"{room.__name__}.{name}", getattr(room, name))
    for room in (fidiv, fidiv.neighbors, fidiv.entropy, fidiv.curves, fidiv.curves.exact)
    for name in (getattr(room, "__all__", None) or [n for n in vars(room) if not n.startswith("_")])
    if inspect.isfunction(getattr(room, name))
]


def room_of(path):
    """The name below the package: "metrics.prd", "metrics" for its __init__, "" for the package itself."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").rstrip(".")


def imports(path):
    """(absolute name, whether at import time) of everything a module imports; ours begin with "fidiv"."""
    package = ["fidiv", *path.relative_to(PACKAGE).parts[:-1]]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    late = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            prefix = ".".join([*base, *([node.module] if node.module else [])])
            names = [f"{prefix}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            yield name, id(node) not in late


def ours(path):
    """The rooms of ours that a module imports."""
    rooms = {room_of(module) for module in MODULES} | {"_core"}
    found = set()
    for name, _ in imports(path):
        parts = name.split(".")
        if parts[0] != "fidiv":
            continue
        inner = [".".join(parts[1:end]) for end in range(len(parts), 0, -1)]
        found.add(next(room for room in inner if room in rooms))
    return found


# -------------------------------------------------------------------------------------------------- the walls
CALLS = ("clusters", "compare", "curves", "fidelity", "frechet", "kernels", "memorisation", "modes")
CALLS += ("monitoring", "neighbours", "samples", "scores", "transfer", "two_sample")
# What each room may use; "" is the package itself, which gathers the public names.
WALLS = {
    "": {"_calls", "_config", "_dropins", "_plan", "curves", "entropy", "metrics", "neighbors"},
    "cli": {"", "cli._arguments", "cli._compare", "cli._evaluate", "cli._streams", "demo"},
    "cli._arguments": {"", "cli._rules", "demo", "metrics"},
    "cli._compare": {"_compare", "_files", "_plan", "cli._streams", "cli._words", "results"},
    "cli._evaluate": {
        *("_files", "_plan", "_resampling", "_table"),
        *("cli._rules", "cli._streams", "cli._words", "results"),
    },
    "cli._rules": {"results"},
    "cli._streams": {"_files", "_tables"},
    "cli._words": {"_files", "cli._rules", "cli._streams"},
    "demo": {"_plan", "_table", "results"},
    "_table": {"metrics", "results"},
    "_calls": {f"_calls.{name}" for name in CALLS},
    "_calls.fidelity": {"_inputs", "_plan", "results"},
    "_calls.memorisation": {"_inputs", "_plan", "results"},
    "_calls.frechet": {"_inputs", "_plan", "_tables", "metrics", "metrics.frechet.distance", "results"},
    "_calls.curves": {"_inputs", "_plan", "results"},
    "_calls.transfer": {"_core", "_inputs", "_plan", "_progress", "_sweeps", "_transfer", "results"},
    "_transfer": set(),
    # Comparisons: arithmetic on values and their half-samples, a table, and what makes the one of the other.
    "_calls.compare": {
        *("_compare", "_comparison", "_frontier"),
        *("_inputs", "_judge", "_plan", "_tables"),
    },
    "_compare": {
        *("_comparison", "_inputs", "_judge", "_plan"),
        *("_resampling", "_tables", "metrics", "results"),
    },
    "_comparison": {"_table", "_tables", "metrics", "results"},
    "_frontier": {"_intervals", "_judge", "_two_sample", "metrics"},
    "_judge": {"_intervals", "_two_sample", "metrics"},
    "_intervals": {"_inputs", "metrics", "results"},
    "_resampling": {"_inputs", "_intervals", "_plan", "_resampled"},
    # Half-samples, and real data against real data, from longer lists of neighbours.
    "_needs": {"_inputs", "metrics"},
    "_part_balls": {"_core", "_sweeps"},
    "_halves": {"_core", "_part_balls", "_progress", "_sweeps", "metrics"},
    "_influenced": {"metrics"},
    "_resampled": {
        *("_core", "_halves", "_influenced", "_inputs", "_intervals", "_needs", "_progress", "_sweeps"),
        "metrics",
    },
    "_baseline": {
        *("_core", "_halves", "_inputs", "_needs", "_progress", "_resampled", "_sweeps"),
        *("metrics", "results"),
    },
    "_tables": set(),
    "_calls.neighbours": {"_inputs", "_plan", "results"},
    "_calls.samples": {
        *("_audit", "_core", "_inputs", "_plan", "_progress", "_sweeps", "_verdicts", "metrics"),
    },
    "_audit": {"_core", "_needs", "_plan", "_progress", "_sweeps", "_tables", "metrics"},
    "_verdicts": {"_tables", "_two_sample", "results"},
    "_calls.scores": {"_inputs", "_plan", "metrics", "metrics.scores", "results"},
    "_calls.clusters": {"_inputs", "_plan", "metrics.divergence_frontier", "metrics.prd", "results"},
    "_calls.kernels": {
        *("_core", "_inputs", "_plan", "metrics"),
        *("metrics.kernels", "metrics.vendi", "results"),
    },
    "_calls.modes": {"_inputs", "_modes", "_plan"},
    # The modes: like a family, from what the sweeps found; it takes one of the families for its parts.
    "_modes": {
        *("_modes.labels", "_modes.mass", "_modes.options", "_modes.outside", "_modes.result"),
        *("_modes.spread", "_modes.statistics", "_modes.terms", "metrics"),
    },
    "_modes.centres": {"metrics"},
    "_modes.labels": {"_modes.centres", "_modes.options", "metrics"},
    "_modes.mass": {"_modes.statistics"},
    "_modes.asked": {"_core", "_inputs", "_modes", "metrics"},
    "_modes.options": set(),
    "_modes.outside": {"_modes.options", "_modes.statistics", "metrics"},
    "_modes.result": {"results"},
    "_modes.spread": {"_modes.options", "_modes.statistics", "metrics"},
    "_modes.statistics": set(),
    "_modes.terms": {"metrics"},
    "_config": {"_core"},
    "_gram": set(),  # sums over pairs: numpy only
    "_logistic": set(),
    # Curves are mathematics on arrays; they know no metric. Of the metrics, one family uses them.
    "curves": {"_inputs", "curves._lambda", "curves.exact", "results"},
    "curves._lambda": set(),
    "curves._authors": {"curves._lambda"},
    "curves._scores": {"_logistic", "curves._lambda"},
    "curves.exact": {"_inputs", "curves._lambda", "results"},
    "_calls.monitoring": {
        *("_calls.two_sample", "_columns", "_inputs", "_plan", "_tables", "_two_sample", "metrics"),
    },
    "_calls.two_sample": {"_columns", "_inputs", "_plan", "_two_sample", "metrics"},
    "_columns": {"results"},
    "_two_sample": {"_gram", "_logistic", "metrics"},
    "_dropins": {
        *("_inputs", "_needs", "_plan"),
        *("metrics", "metrics.cross_entropies", "metrics.frechet.distance"),
    },
    "__main__": {"cli"},
    "_gather": {"_core", "_needs", "_progress", "_sweeps", "metrics"},
    "_plan": {
        *("_baseline", "_core", "_gather", "_inputs", "_intervals", "_modes.asked", "_needs", "_progress"),
        *("_resampled", "_sweeps", "_tables", "metrics", "results"),
    },
    "_sweeps": {"_core", "_progress", "metrics"},
    "neighbors": {"_core", "_inputs", "_progress"},
    "entropy": {"entropy._divergences", "entropy._radii"},
    "entropy._radii": {"_core", "_inputs", "_progress"},
    "entropy._divergences": {
        *("_core", "_inputs", "_progress", "_ratios", "_sweeps", "_tables"),
        *("entropy._radii", "results"),
    },
    "_ratios": set(),
    "_inputs": {"_core", "_files"},
    "_files": set(),
    "_progress": set(),
    "results": {"_modes.result", "_samples", "_tables"},  # of modes only the type that an evaluation carries
    "_samples": {"_inputs", "_tables"},
    # A family of several files; it is one to the others.
    "metrics.frechet": {
        *("metrics.frechet.distance", "metrics.frechet.influence", "metrics.frechet.infinity"),
        *("metrics._family", "results"),
    },
    "metrics.frechet.distance": {"metrics._family"},
    "metrics.frechet.influence": {"metrics._family", "metrics.frechet.distance"},
    "metrics.frechet.infinity": {"metrics._family", "metrics.frechet.distance"},
}


@pytest.mark.parametrize("room", WALLS)
def test_who_may_use_whom(room):
    (path,) = (path for path in MODULES if room_of(path) == room)
    assert ours(path) <= WALLS[room]


def test_every_room_has_walls():
    assert {room_of(path) for path in MODULES} - WALLS.keys() == {
        room_of(path) for path in MODULES if path.parent.name == "metrics"
    }


def test_metrics_know_results_and_numbers_only():
    families = [path for path in MODULES if path.parent.name == "metrics"]
    assert len(families) > 5
    for path in families:
        allowed = {"results", "metrics._family", "metrics._laws", "_gram", "_ratios"}
        if path.name == "__init__.py":
            allowed |= {room_of(family) for family in families} | {"metrics.frechet"}
        if path.name == "pr_curve.py":
            allowed |= {"curves", "curves._lambda", "curves._scores", "curves._authors"}
        assert ours(path) <= allowed, path
    for path in (path for path in MODULES if room_of(path).startswith("metrics")):
        foreign = {name.split(".")[0] for name, _ in imports(path)} - {"fidiv"} - sys.stdlib_module_names
        assert foreign <= {"numpy", "scipy"}, path


def test_the_only_packages_needed_are_numpy_and_scipy():
    for path in MODULES:
        for name, at_import in imports(path):
            top = name.split(".")[0]
            if top not in sys.stdlib_module_names and top != "fidiv":
                assert top in ({"numpy", "scipy"} if at_import else {"numpy", "scipy", "tqdm"}), (path, name)


def test_the_library_does_not_print_filter_warnings_or_write_the_environment():
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called != "print", path
                assert called not in ("os.putenv", "os.environ.setdefault", "os.environ.update"), path
                if room_of(path).split(".")[0] != "cli":
                    assert called not in ("warnings.simplefilter", "warnings.filterwarnings"), path
            if isinstance(node, (ast.Assign, ast.Delete, ast.AugAssign)):
                targets = node.targets if isinstance(node, (ast.Assign, ast.Delete)) else [node.target]
                assert not any("os.environ" in ast.unparse(target) for target in targets), path


def rust_code(path):
    """A Rust file without comments."""
    return re.sub(r"//[^\n]*", "", path.read_text(encoding="utf-8"))


def test_python_is_only_in_its_room_of_the_engine():
    files = [path for path in (ROOT / "rust").rglob("*.rs") if path.parent.name != "python"]
    assert len(files) > 5
    for path in files:
        assert not re.search(r"\b(pyo3|numpy)::", rust_code(path)), path


def test_unsafe_is_only_in_the_kernels():
    for path in (ROOT / "rust").rglob("*.rs"):
        if "kernel" not in path.parts:
            assert not re.search(r"\bunsafe\s*(\{|fn|impl)", rust_code(path)), path


def test_files_can_be_read_in_one_go():
    for path in [*MODULES, *(ROOT / "rust").rglob("*.rs")]:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 600, path


# ----------------------------------------------------------------------------------------- importing is light
IMPORT = """
import os, sys, threading
import numpy
tasks = "/proc/self/task"
count = lambda: len(os.listdir(tasks)) if os.path.isdir(tasks) else threading.active_count()
before, environment, threads = set(sys.modules), dict(os.environ), count()
import fidiv
print(count() - threads, dict(os.environ) == environment, *sorted(set(sys.modules) - before))
"""


def test_importing_starts_no_thread_and_loads_nothing_optional():
    answer = subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True)
    assert answer.stderr == ""
    threads, same_environment, *modules = answer.stdout.split()
    assert threads == "0"
    assert same_environment == "True"
    foreign = {name.split(".")[0] for name in modules} - sys.stdlib_module_names
    assert foreign <= {"fidiv", "numpy"}  # SciPy comes with the first Fréchet distance
    assert "fidiv.cli" not in modules
    assert "fidiv.demo" not in modules


MEMORY = """
import resource, sys
import numpy as np, fidiv
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
rng = np.random.default_rng(0)
# The time of prd is that of k-means; pr_curve keeps lists of sqrt(n) neighbours.
families = [name for name in fidiv.metrics.FAMILIES if name not in ("prd", "pr_curve")]
fidiv.evaluate(rng.normal(size=(50, 4)), rng.normal(size=(50, 4)), metrics=families)
real, fake = rng.normal(size=(10_000, 4)), rng.normal(size=(10_000, 4))
before = peak()
fidiv.evaluate(real, fake, metrics=families, n_jobs=2)
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss in KiB")
def test_no_matrix_of_all_pairs():
    answer = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    # One byte a pair would be 100 MB; what is kept is O((n + m) k), and panels of bounded size.
    assert int(answer.stdout) < 80e6


# -------------------------------------------------------------------------------------------------- documents
def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.M | re.S)


def test_two_commands():
    install, tests = blocks("sh")
    assert install.count("\n") == tests.count("\n") == 1
    assert "pip install ." in install
    assert "fidiv demo" in install
    for words in ('".[test]"', "cargo test", "pytest"):
        assert words in tests


def test_the_example_of_the_readme_runs(capsys):
    (example,) = blocks("python")
    exec(compile(example, "README.md", "exec"), {})
    out = capsys.readouterr().out
    assert "precision" in out
    assert "real points are covered" in out
    statements = [line for line in example.splitlines() if line and not line.startswith("import")]
    assert len(statements) <= 10


def test_the_shell_lines_of_the_readme_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(("real", "fake", "model-a", "model-b")):
        np.save(f"{name}.npy", np.random.default_rng(seed).normal(size=(300, 4)))
    lines = re.findall(r"^    (fidiv .*)$", README, flags=re.M)
    assert len(lines) == 2
    for line in lines:
        assert cli.main(shlex.split(line)[1:]) == 0, capsys.readouterr().err


def test_every_name_in_the_readme_exists():
    names = re.findall(r"\bfidiv\.([a-z_]+(?:\.[a-z_]+)*)\(?", README)
    assert len(names) > 5
    for name in names:
        value = fidiv
        for part in name.split("."):
            value = getattr(value, part)


def test_the_table_of_the_readme_is_that_of_the_registry():
    rows = re.findall(r"^\| (`.*?) \| `(\w+)` \| (.*?) \| .* \|$", README, flags=re.M)
    assert {call for _, call, _ in rows} == set(fidiv.metrics.FAMILIES)
    for keys, call, _ in rows:
        for key in re.findall(r"`(\w+)`", keys):
            assert fidiv.metrics.KEYS[key].family == call
            assert callable(getattr(fidiv, call))


def test_the_readme_names_every_path_and_variable():
    if not (ROOT / ".github").exists():
        pytest.skip("a source distribution without .github")
    for path in re.findall(r"\]\(([\w./-]+)\)", README):
        assert (ROOT / path).exists(), path
    sources = [*MODULES, *(ROOT / "rust").rglob("*.rs")]
    used = {
        name
        for path in sources
        for name in re.findall(r"\bFIDIV_[A-Z_]+\b", path.read_text(encoding="utf-8"))
    }
    assert used
    contributing = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert used <= set(re.findall(r"\bFIDIV_[A-Z_]+\b", README + contributing))


def test_one_version_everywhere():
    cargo = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["package"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert cargo["version"] == fidiv.__version__ == fidiv.show_config()["version"]
    assert re.search(r"^## \[(\d.*?)\]", changelog, flags=re.M)[1] == fidiv.__version__
    assert f"({cargo['rust-version']} or newer)" in README
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == ">=3.11"
    assert "Python 3.11 or newer" in README


def test_workflows_are_pinned_and_may_only_read():
    workflows = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    if not workflows:
        pytest.skip("a source distribution without the workflows")
    for path in workflows:
        text = path.read_text(encoding="utf-8")
        assert re.search(r"^permissions:\n  contents: read$", text, flags=re.M)
        assert text.count("permissions:") == 1
        for action in re.findall(r"uses: (\S+)", text):
            assert re.search(r"@(v\d+\.\d+\.\d+|[0-9a-f]{40})$", action), action


# -------------------------------------------------------------------------------------------- the public face
def test_what_is_public_is_typed_and_small():
    assert (PACKAGE / "py.typed").exists()
    assert (PACKAGE / "_core.pyi").exists()
    assert len((PACKAGE / "__init__.py").read_text(encoding="utf-8").splitlines()) < 60
    assert len(fidiv.__all__) == len(set(fidiv.__all__))
    for name in fidiv.__all__:
        assert hasattr(fidiv, name)


@pytest.mark.parametrize(("name", "function"), PUBLIC, ids=[name for name, _ in PUBLIC])
def test_public_docstrings_say_what_a_user_needs(name, function):
    text = inspect.getdoc(function) or ""
    assert ">>> " in text
    assert not re.search(r"-{4,} +\S", text), "a heading whose line was filled with its text"
    for heading in ("Parameters", "Returns", "Raises", "Notes", "References", "Examples"):
        assert not re.search(rf"^{heading}$(?!\n-{{{len(heading)}}}$)", text, flags=re.M), heading
    for parameter in inspect.signature(function).parameters:
        assert re.search(rf"\b{parameter}\b", text), parameter
    if inspect.signature(function).parameters:
        assert "Returns" in text
    assert function.__annotations__.get("return") is not None


def test_the_installed_package_is_what_is_tested():
    """Not the folder beside the tests by chance of the path: it may lack the engine, or hold an old one."""
    package = Path(fidiv.__file__).parent
    if _editable():
        assert os.path.samefile(package, PACKAGE)
    else:
        assert {"site-packages", "dist-packages"} & set(package.parts)


def _editable():
    """Whether fidiv was installed in place, for development."""
    url = metadata.distribution("fidiv").read_text("direct_url.json")
    return bool(url) and json.loads(url).get("dir_info", {}).get("editable", False)
