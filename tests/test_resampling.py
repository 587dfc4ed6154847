"""Parts of sets: what is found without a sweep is bit for bit what a sweep of the part finds."""

from __future__ import annotations

import dataclasses

import numpy as np
import oracle.resampling as truth
import pytest

import fidiv
from fidiv import _core
from fidiv._halves import Halves, Part, longer_lists, reach, share_of
from fidiv._resampled import BY_LISTS, BY_MOMENTS, IN_PROPORTION, SHARES, TERMS
from fidiv._resampling import interval, replicates
from fidiv._sweeps import Work, across, of_fakes, of_reals, within
from fidiv.metrics import FAMILIES, KEYS, Balls, Needs

BALLS = frozenset({Balls(2), Balls(3, closed=False), Balls(3, clipped=True)})
NEEDS = Needs(
    own_real=frozenset({1, 2, 3}),
    own_fake=frozenset({1, 2, 3}),
    real_list=3,
    fake_list=2,
    real_neighbors=3,
    fake_neighbors=3,
    repeats=True,
    fake_to_real=frozenset({1, 3}),
    real_to_fake=frozenset({1, 2}),
    fake_to_real_list=3,
    real_to_fake_list=3,
    fake_to_real_neighbors=2,
    real_to_fake_neighbors=3,
    fakes_covered=BALLS,
    fakes_counted=frozenset({Balls(3, closed=False)}),
    reals_covered=BALLS,
    reals_counted=frozenset({Balls(2)}),
    least_radius=frozenset({Balls(2), Balls(2, closed=False)}),
)


def sets():
    """Pairs with ties, repeats, copies and a collapse, of unequal sizes."""
    rng = np.random.default_rng(3)
    grid = rng.integers(0, 3, size=(90, 2)).astype(np.float32)
    yield "gaussian", rng.normal(size=(80, 3)), 1.1 * rng.normal(size=(61, 3))
    yield "ties", grid[:50], grid[30:]
    yield "one column", rng.normal(size=(40, 1)), rng.normal(size=(90, 1)).round(1)
    yield "collapse", rng.normal(size=(70, 4)), 0.01 * rng.normal(size=(50, 4))
    yield "all equal", np.ones((30, 2)), np.ones((24, 2))


def found_on(real, fake, needs):
    """By the sweeps."""
    a, b = _core.Points(real, "real"), _core.Points(fake, "fake")
    own = within(a, of_reals(needs), 1, None), within(b, of_fakes(needs), 1, None)
    return across(a, b, needs, own, 1, None)[0]


def some(size, count, seed):
    return np.sort(np.random.default_rng(seed).permutation(size)[:count])


def assert_same(mine, theirs):
    for field in dataclasses.fields(theirs):
        a, b = getattr(mine, field.name), getattr(theirs, field.name)
        if isinstance(b, dict):
            assert a.keys() == b.keys(), field.name
            for key in b:
                np.testing.assert_array_equal(a[key], b[key], err_msg=f"{field.name} {key}", strict=True)
        elif isinstance(b, np.ndarray):
            np.testing.assert_array_equal(a, b, err_msg=field.name, strict=True)
        elif field.name not in ("entropy_terms", "more"):
            assert a == b, field.name


def parts_of(n, m):
    halves = [Part(some(n, n // 2, i), some(m, m // 2, i + 9)) for i in range(3)]
    fakes_only = [Part(None, some(m, m // 2, i + 20)) for i in range(3)]
    few = [Part(some(n, 6, i + 30), some(m, 5, i + 40)) for i in range(2)]
    return {"halves": halves, "fakes only": fakes_only, "few": few, "all": [Part()]}


@pytest.mark.parametrize("lists", ["long", "short", "none"])
@pytest.mark.parametrize("data", list(sets()), ids=lambda data: data[0])
def test_parts_are_found_as_sweeps_find_them(data, lists):
    _, real, fake = data
    n, m = len(real), len(fake)
    for parts in parts_of(n, m).values():
        shares = (share_of([p.real for p in parts], n), share_of([p.fake for p in parts], m))
        longer = {
            "long": longer_lists(NEEDS, n, m, shares),
            "short": longer_lists(NEEDS, n, m, (1.0, 1.0)),  # rows run out nearly always
            "none": Needs(),
        }[lists]
        whole = NEEDS | longer if lists != "none" else NEEDS
        found = found_on(real, fake, whole)
        if lists == "none":
            for name in ("real", "fake", "fake_to_real", "real_to_fake"):
                setattr(found, f"{name}_list", None)
        points = _core.Points(real, "real"), _core.Points(fake, "fake")
        answers = Halves(*points, found, Work(), 1).found(NEEDS, parts)
        for part, answer in zip(parts, answers, strict=True):
            x = real if part.real is None else real[part.real]
            y = fake if part.fake is None else fake[part.fake]
            assert_same(answer, found_on(x, y, NEEDS))


@pytest.mark.parametrize("data", list(sets()), ids=lambda data: data[0])
def test_two_parts_of_one_set(data):
    real = data[1]
    n = len(real)
    points = _core.Points(real, "real")
    most = reach(3, 0.5, n - 1)
    found = found_on(real, real, Needs(real_list=most, real_neighbors=most))
    parts = []
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(n)
        parts.append(Part(np.sort(order[: n // 2]), np.sort(order[n // 2 : n // 2 + n // 3])))
    answers = Halves(points, points, found, Work(), 1, within=True).found(NEEDS, parts)
    for part, answer in zip(parts, answers, strict=True):
        assert_same(answer, found_on(real[part.real], real[part.fake], NEEDS))


def test_lists_are_as_long_as_they_should_be():
    assert reach(5, 1.0, 100) == 5
    assert reach(0, 0.5, 100) == 0
    assert reach(5, 0.1, 10**6) == 0  # a small part is swept
    assert reach(5, 0.5, 12) == 12
    length = reach(5, 0.5, 1000)
    # Few rows run out: fewer than 5 of so many coins.
    assert np.mean(np.random.default_rng(0).binomial(length, 0.5, 100_000) < 5) < 0.01


# Values on half-samples


def values_of(metrics, **options):
    return lambda x, y: dict(fidiv.evaluate(x, y, metrics=metrics, n_jobs=1, **options))


@pytest.mark.parametrize(("reference", "repeats"), [("random", 3), ("fixed", 3), ("fixed", 9)])
def test_values_are_those_of_a_call_on_the_half(reference, repeats):
    rng = np.random.default_rng(5)
    real, fake = rng.normal(size=(130, 3)).astype(np.float32), rng.normal(size=(101, 3))
    metrics = [name for name in BY_LISTS if name != "closest_record"] + ["dcr_median"]
    metrics += [BY_MOMENTS] if reference == "random" else []
    (answer,) = replicates(
        real, {"a": fake}, metrics, reference=reference, repeats=repeats, seed=4, n_jobs=1
    ).values()
    expected = truth.half_values(values_of(metrics), real, fake, reference, repeats, 4)
    assert dict(answer.full) == values_of(metrics)(real, fake)
    assert answer.values
    for key, values in answer.values.items():
        if key in IN_PROPORTION:
            proportion = answer.full[key] / expected[key].mean()
            np.testing.assert_allclose(values, expected[key] * proportion, rtol=1e-12)
        elif KEYS[key].family == BY_MOMENTS:  # the last digits are those of the linear algebra
            np.testing.assert_allclose(values, expected[key], rtol=1e-9)
        elif repeats < 8:
            assert values.tolist() == expected[key].tolist(), key
        else:
            np.testing.assert_allclose(values, expected[key], rtol=1e-12, atol=1e-15)
    missing = set(answer.full) - set(answer.values) - {k for k, v in answer.terms.items() if v is not None}
    assert missing == set(answer.reasons)
    assert all("compared" in answer.reasons[key] or "is cut" in answer.reasons[key] for key in missing)


def test_every_family_is_resampled_or_says_that_it_is_not():
    rng = np.random.default_rng(1)
    real, fake = rng.normal(size=(60, 2)), rng.normal(size=(60, 2))
    assert {*BY_LISTS, BY_MOMENTS} < set(FAMILIES)
    result = fidiv.evaluate(
        real, fake, metrics="all", holdout_features=rng.normal(size=(30, 2)), intervals=True, n_jobs=1
    )
    said = " ".join(note for note in result.notes if "no interval" in note)
    laws = {key.expected for key in KEYS.values()}
    for key, value in result.items():
        assert key in result.intervals or key in said or key in laws or np.isnan(value), key
    for key in {*TERMS, *SHARES["fakes"], *SHARES["reals"]}:
        assert key in result.intervals


def test_terms_average_to_the_value():
    rng = np.random.default_rng(2)
    real, fake = rng.normal(size=(60, 2)), rng.normal(size=(50, 2))
    fake[:3] = real[:3]
    (answer,) = replicates(real, {"a": fake}, list(TERMS), nearest_k=4, repeats=2, n_jobs=1).values()
    for key in TERMS:
        assert answer.terms[key].shape == (50,)
        assert answer.terms[key].mean() == pytest.approx(answer.full[key], rel=1e-12)
    (both,) = replicates(real, {"a": fake}, list(TERMS), nearest_k=4, reference="random", n_jobs=1).values()
    assert all(terms is None for terms in both.terms.values())


def test_names_are_paired():
    rng = np.random.default_rng(6)
    real, a = rng.normal(size=(80, 2)), rng.normal(size=(70, 2))
    options = {"metrics": ["recall", "rce"], "reference": "random", "n_jobs": 1}
    found = replicates(real, {"a": a, "b": a, "c": a[:50]}, seed=3, **options)
    alone = replicates(real, {"x": a}, seed=3, **options)["x"]
    other = replicates(real, {"x": a}, seed=4, **options)["x"]
    for key, values in found["a"].values.items():
        assert values.tolist() == found["b"].values[key].tolist() == alone.values[key].tolist()
    assert found["a"].values["rce"].tolist() != other.values["rce"].tolist()
    assert found["a"].m == 70
    assert found["c"].m == 50
    plain = fidiv.evaluate(real, a, metrics=["recall", "rce"], seed=3, n_jobs=1)
    assert dict(found["a"].evaluation) == dict(plain) == dict(found["a"].full)


def test_threads_change_nothing():
    rng = np.random.default_rng(7)
    real, fake = rng.normal(size=(300, 5)), rng.normal(size=(300, 5))
    one, two = (
        replicates(real, {"a": fake}, list(BY_LISTS), reference="random", n_jobs=jobs, repeats=4)["a"]
        for jobs in (1, 3)
    )
    for key, values in one.values.items():
        assert values.tolist() == two.values[key].tolist()


def test_whole_groups_are_drawn():
    rng = np.random.default_rng(8)
    videos = np.repeat(np.arange(20), 5)
    real = rng.normal(size=(90, 2))
    fake = 2 * rng.normal(size=(20, 2))[videos] + 0.01 * rng.normal(size=(100, 2))
    names = np.array([f"video {i}" for i in videos])
    of_reals = rng.integers(0, 30, 90)
    (answer,) = replicates(
        real,
        {"a": fake},
        ["recall", "precision", "rce"],
        reference="random",
        groups={"a": names},
        real_groups=of_reals,
        repeats=3,
        n_jobs=1,
    ).values()
    for repeat in range(3):
        x = truth.half_of_groups(0, repeat, 0, of_reals.tolist())
        y = truth.half_of_groups(0, repeat, 1, names.tolist())
        expected = values_of(["recall", "precision", "rce"])(real[x], fake[y])
        assert {key: values[repeat] for key, values in answer.values.items()} == expected
    grouped = fidiv.evaluate(real, fake, metrics="precision", intervals=True, groups=names, n_jobs=1)
    single = fidiv.evaluate(real, fake, metrics="precision", intervals=True, n_jobs=1)
    width = [float(np.diff(one.intervals["precision"])[0]) for one in (grouped, single)]
    assert width[0] > 1.3 * width[1]  # 20 videos know less than 100 images


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"reference": "none"}, ValueError, '"fixed" or "random"'),
        ({"repeats": 1}, ValueError, "repeats"),
        ({"groups": {"b": [0] * 40}}, ValueError, "no set of fakes"),
        ({"groups": {"a": [0] * 39}}, ValueError, "one group for each of the 40"),
        ({"groups": {"a": [0] * 40}}, ValueError, "at least 4"),
        ({"real_groups": list(range(30))}, ValueError, "draws none"),
        ({"seed": -1}, ValueError, "seed"),
    ],
)
def test_errors(options, error, words):
    rng = np.random.default_rng(0)
    with pytest.raises(error, match=words):
        replicates(rng.normal(size=(30, 2)), {"a": rng.normal(size=(40, 2))}, **options)


def test_a_part_that_is_too_small_is_said():
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(30, 2)), rng.normal(size=(9, 2))
    result = fidiv.evaluate(real, fake, metrics=["recall", "pce", "rce"], intervals=True, n_jobs=1)
    assert set(result.intervals) == {"recall", "pce"}  # pce has terms
    (note,) = (note for note in result.notes if "no interval" in note)
    assert note.startswith("rce: no interval; nearest_k=5")
    assert "half of fake_features" in note
    result = fidiv.evaluate(real, fake[:1], metrics="exact_copies", intervals=True, n_jobs=1)
    assert result.intervals["exact_copies"] == pytest.approx((0, 0.7935), abs=1e-4)


def test_a_key_without_an_interval():
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(30, 2)), rng.normal(size=(30, 2))
    (answer,) = replicates(real, {"a": fake}, ["coverage", "expected_coverage"], n_jobs=1).values()
    assert np.isnan(interval(answer, "expected_coverage")).all()
