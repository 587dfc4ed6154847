"""The call that asks what the fakes are worth as training data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _core
from .._inputs import as_pair, as_points, check_count, check_fits, check_widths
from .._plan import Progress, version
from .._progress import check_progress, reporter, stages
from .._sweeps import Work
from .._transfer import as_codes, majority, paired_difference, read_labels
from ..results import Result


def transfer_gap(
    real_train: ArrayLike,
    real_labels: Sequence[Any] | ArrayLike,
    fake_features: ArrayLike,
    fake_labels: Sequence[Any] | ArrayLike,
    test_features: ArrayLike,
    test_labels: Sequence[Any] | ArrayLike,
    *,
    nearest_k: int = 5,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> Result:
    """How much accuracy is lost by training on fakes instead of reals ("train on synthetic, test on real").

    Two classifiers of nearest neighbours judge the same real test points: one knows the labelled reals, the
    other the labelled fakes. transfer_gap is the accuracy of the second minus that of the first: 0 means that
    the fakes teach as well as the reals, below 0 that they teach less.

    Each test point gets the class that most of its `nearest_k` neighbours have. Where several classes have
    equally many, the nearest neighbour among those classes decides. Neighbours at equal distances are taken
    in the order of their rows, so where exact ties decide the vote, the order of the training rows matters.

    Parameters
    ----------
    real_train : array (n, d)
        Real training points.
    real_labels : sequence (n,)
        Their classes: integers, strings or anything else that is hashable; 1 and "1" are two classes.
    fake_features : array (m, d)
        Generated training points.
    fake_labels : sequence (m,)
        Their classes, such as what the generator was asked for.
    test_features : array (t, d)
        Real points that neither the generator nor the real training set knows.
    test_labels : sequence (t,)
        Their true classes.
    nearest_k : int, default 5
        How many neighbours vote; at most n and m.
    n_jobs, progress
        As in `fidiv.evaluate`.

    Returns
    -------
    Result
        transfer_gap, accuracy_real, accuracy_fake; transfer_gap_se: the standard error of the gap from the
        paired outcomes of the test points (NaN for one test point). Samples (t,): real_right, fake_right:
        whether each classifier was right. Notes where sizes differ or classes are missing.

    Raises
    ------
    ValueError
        Too few points for nearest_k, different widths, not one label a row, no class of the test points among
        the reals.
    TypeError
        Labels that cannot be hashed, or what `fidiv.evaluate` refuses.

    Notes
    -----
    The standard error is that of fresh test points, both training sets staying as they are. It holds for
    independent test points: not for frames of one film or crops of one image. With n and m unequal the gap
    also holds what a larger training set is worth; cut the larger one to compare the data alone. Copies of
    real training points teach as well as these: a gap of 0 says nothing about novelty.

    References
    ----------
    Esteban, Hyland and Rätsch 2017 (train on synthetic, test on real); Ravuri and Vinyals 2019 (the
    classification accuracy score).

    Examples
    --------
    >>> import fidiv
    >>> real, fake, test = [[0.0], [1.0], [9.0]], [[0.0], [2.0], [8.0]], [[0.4], [1.9], [8.1]]
    >>> classes = ["cat", "cat", "dog"]
    >>> result = fidiv.transfer_gap(real, classes, fake, ["cat", "dog", "dog"], test, classes, nearest_k=1)
    >>> result.accuracy_real, result.samples["fake_right"].tolist()
    (1.0, [True, False, True])
    """
    k = check_count(nearest_k, "nearest_k")
    _core.threads(n_jobs)
    check_progress(progress)
    real, fake = as_pair(real_train, fake_features, ("real_train", "fake_features"), n_jobs)
    test = as_points(test_features, "test_features", n_jobs)
    check_widths(real.shape[1], test.shape[1], ("real_train", "test_features"))
    given = (
        (real_labels, real, "real_labels"),
        (fake_labels, fake, "fake_labels"),
        (test_labels, test, "test_labels"),
    )
    listed = [read_labels(labels, points.shape[0], name, points.name) for labels, points, name in given]
    for points in (real, fake):
        check_fits(points, k, own=False)
    (of_real, of_fake, of_test), names = as_codes(*listed)
    for codes, labels, (_, _, name) in zip((of_real, of_fake), listed, given, strict=False):
        if not np.isin(of_test, codes).any():
            raise ValueError(
                f"test_labels and {name} have no class in common (such as {listed[2][0]!r} and "
                f"{labels[0]!r}); are they of one type?"
            )

    n, m, t = real.shape[0], fake.shape[0], test.shape[0]
    right, work = {}, Work()
    with reporter(progress) as report:
        steps = stages(report, [n * t, m * t])
        for name, points, codes, step in zip(
            ("real_right", "fake_right"), (real, fake), (of_real, of_fake), steps, strict=True
        ):
            (answer,), done = _core.sweep(
                test, points, [("nearest", "rows", k)], n_jobs=n_jobs, progress=step
            )
            work.add(f"across test_features and {points.name}: nearest rows k={k}", done)
            right[name] = majority(codes[answer[1]]) == of_test
    gap, error = paired_difference(right["fake_right"], right["real_right"])
    notes = []
    if n != m:
        notes.append(f"{n} reals and {m} fakes: the gap also holds what a larger training set is worth")
    for codes, holder in ((of_real, "reals"), (of_fake, "fakes")):
        missing = np.setdiff1d(of_test, codes)
        if len(missing):
            notes.append(
                f"{np.isin(of_test, missing).sum()} test points are of classes that the {holder} do not have "
                f"({_some(names, missing)}): always wrong there"
            )
    unknown = np.setdiff1d(of_fake, of_real)
    if len(unknown):
        notes.append(f"the fakes have classes that the reals do not have ({_some(names, unknown)})")
    return Result(
        {
            "transfer_gap": gap,
            "accuracy_real": int(np.count_nonzero(right["real_right"])) / t,
            "accuracy_fake": int(np.count_nonzero(right["fake_right"])) / t,
            "transfer_gap_se": error,
        },
        samples=right,
        settings={
            **{"n": n, "m": m, "t": t, "d": real.shape[1], "nearest_k": k, "classes": len(names)},
            "version": version(),
            **work.settings(),
        },
        notes=notes,
    )


def _some(names: Sequence[object], codes: Sequence[int] | NDArray[np.int64]) -> str:
    """The first few of these classes, as a reader knows them."""
    return ", ".join(repr(names[code]) for code in codes[:5]) + (", ..." if len(codes) > 5 else "")
