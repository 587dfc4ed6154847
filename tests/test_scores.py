"""The Inception Score, F_beta, bits per dimension, and correlation with the judgement of people."""

from __future__ import annotations

import math

import numpy as np
import pytest
from oracle import frechet_more as oracle
from scipy import special, stats

import fidiv


def softmax(n, classes, seed=0, spread=3.0):
    return special.softmax(spread * np.random.default_rng(seed).normal(size=(n, classes)), axis=1)


# The Inception Score


@pytest.mark.parametrize(("n", "classes", "splits"), [(200, 7, 10), (103, 12, 4), (11, 5, 10), (50, 3, 1)])
def test_inception_score_equals_the_oracle(n, classes, splits):
    probabilities = softmax(n, classes)
    probabilities[::5] = np.eye(classes)[np.arange(n)[::5] % classes]  # with zeros
    score, std, _ = oracle.inception_score(probabilities, splits)
    result = fidiv.inception_score(probabilities, splits=splits)
    assert list(result) == ["inception_score", "inception_score_std"]
    assert tuple(result.values()) == pytest.approx((score, std), rel=1e-11, abs=1e-11)
    assert result.settings["splits"] == splits
    assert result.settings["seed"] is None


def test_uniform_rows_score_one_and_balanced_certainty_the_number_of_classes():
    flat = fidiv.inception_score(np.full((100, 8), 1 / 8))
    assert dict(flat) == {"inception_score": 1.0, "inception_score_std": 0.0}
    sure = fidiv.inception_score(np.tile(np.eye(8), (20, 1)))
    assert sure.inception_score == pytest.approx(8.0, rel=1e-13)
    assert sure.inception_score_std < 1e-12
    np.testing.assert_allclose(sure.samples["class_divergence"], math.log(8.0), rtol=1e-13)


def test_one_class_only_scores_one():
    assert fidiv.inception_score(np.eye(5)[np.zeros(40, int)]).inception_score == 1.0


def test_two_classes_by_hand():
    """Rows (1, 0) and (1/2, 1/2): the mean is (3/4, 1/4)."""
    rows = np.array([[1.0, 0.0], [0.5, 0.5]])
    first, second = math.log(4 / 3), 0.5 * math.log(2 / 3) + 0.5 * math.log(2)
    result = fidiv.inception_score(rows, splits=1)
    assert result.inception_score == pytest.approx(math.exp((first + second) / 2), rel=1e-14)
    np.testing.assert_allclose(result.samples["class_divergence"], [first, second], rtol=1e-14)


def test_rows_sorted_by_class_score_low_and_a_shuffle_helps():
    rows = np.repeat(np.eye(10), 50, axis=0)
    assert fidiv.inception_score(rows).inception_score == 1.0
    assert fidiv.inception_score(rows, splits=1).inception_score == pytest.approx(10.0)
    assert fidiv.inception_score(rows, seed=2020).inception_score > 8.5


def test_the_shuffle_is_that_of_torch_fidelity():
    rows = softmax(120, 6)
    order = np.random.RandomState(2020).permutation(120)
    result, by_hand = fidiv.inception_score(rows, seed=2020), fidiv.inception_score(rows[order])
    assert dict(result) == dict(by_hand)
    np.testing.assert_array_equal(
        result.samples["class_divergence"][order], by_hand.samples["class_divergence"]
    )
    # The standard deviation of torchmetrics divides by splits - 1, ours by splits, as torch-fidelity.
    _, _, scores = oracle.inception_score(rows[order])
    assert result.inception_score_std == pytest.approx(np.std(scores), rel=1e-10)
    assert result.inception_score_std < 0.96 * np.std(scores, ddof=1)


def test_zero_probabilities_count_nothing():
    rows = softmax(60, 4)
    wide = np.hstack([rows, np.zeros((60, 3))])  # three classes that nobody ever names
    assert fidiv.inception_score(wide) != fidiv.inception_score(rows)  # settings tell the classes
    assert dict(fidiv.inception_score(wide)) == pytest.approx(dict(fidiv.inception_score(rows)), rel=1e-14)


def test_what_may_come_in():
    rows = softmax(60, 4)
    expected = dict(fidiv.inception_score(rows))
    for dtype, digits in ((np.float32, 1e-6), (np.float16, 5e-3)):
        assert dict(fidiv.inception_score(rows.astype(dtype))) == pytest.approx(
            expected, rel=digits, abs=digits
        )
    assert dict(fidiv.inception_score(rows.tolist())) == expected
    assert dict(fidiv.inception_score(np.asfortranarray(rows))) == pytest.approx(expected, rel=1e-13)
    assert fidiv.inception_score(np.eye(3, dtype=int), splits=1).inception_score == pytest.approx(3.0)
    assert fidiv.inception_score(np.eye(3, dtype=bool), splits=1).inception_score == pytest.approx(3.0)


def test_block_size_and_order_within_a_part_do_not_matter(monkeypatch):
    rows = softmax(60, 4)
    expected = dict(fidiv.inception_score(rows, splits=1))
    monkeypatch.setattr("fidiv.metrics.scores._BLOCK", 12)
    assert dict(fidiv.inception_score(rows, splits=1)) == pytest.approx(expected, rel=1e-13)
    assert dict(fidiv.inception_score(rows[::-1], splits=1)) == pytest.approx(expected, rel=1e-13)


def test_small_parts_are_noted():
    (note,) = fidiv.inception_score(softmax(60, 20)).notes
    assert "parts of 6 rows cannot reach the 20 classes" in note
    assert fidiv.inception_score(softmax(200, 20)).notes == ()
    assert fidiv.inception_score(softmax(60, 20, spread=60.0)).inception_score <= 6.0


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[0.5, 0.6]], r"row 0 of probabilities sums to 1\.1 \(1 rows like it\); .* within 1e-05"),
        (np.full((12, 2), 0.5001), r"row 0 of probabilities sums to 1\.0002 \(12 rows"),
        ([[0.5, 0.5], [1.5, -0.5]], "negative values, first in row 1; are these logits"),
        ([[0.5, 0.5], [math.nan, 0.5]], "not finite, first in row 1"),
        ([[math.inf, -math.inf]], "not finite, first in row 0"),
        ([[1.0, 0.0]] * 9, "splits=10 needs at least 10 rows in probabilities, which has 9"),
        ([1.0, 0.0], r"probabilities has shape \(2,\)"),
        (np.zeros((0, 4)), r"probabilities has shape \(0, 4\)"),
        (np.zeros((4, 0)), r"probabilities has shape \(4, 0\)"),
    ],
)
def test_bad_probabilities_are_named(rows, message):
    with pytest.raises(ValueError, match=message):
        fidiv.inception_score(rows)


def test_half_precision_has_a_wider_tolerance():
    rows = np.full((20, 3), 1 / 3, np.float16)  # sums to 0.99976
    assert fidiv.inception_score(rows).inception_score == pytest.approx(1.0, abs=1e-3)
    with pytest.raises(ValueError, match=r"within 0\.001"):
        fidiv.inception_score(rows * np.float16(1.01))


def test_bad_options_of_the_inception_score():
    rows = softmax(20, 3)
    for options, message in (
        ({"splits": 0}, "splits must be at least 1"),
        ({"splits": 2.0}, "splits must be an integer"),
        ({"seed": -1}, "seed must be from 0"),
        ({"seed": 2**32}, "seed must be from 0"),
        ({"seed": "x"}, "seed must be an integer"),
    ):
        with pytest.raises((ValueError, TypeError), match=message):
            fidiv.inception_score(rows, **options)
    with pytest.raises(TypeError, match="probabilities has type"):
        fidiv.inception_score(np.array([["a", "b"]]))
    with pytest.raises(TypeError, match="probabilities has type complex128"):
        fidiv.inception_score(np.eye(2) + 0j)


# F_beta


@pytest.mark.parametrize("beta", [0.125, 0.5, 1.0, 2, 8.0])
def test_f_beta_is_its_formula(beta):
    for p, r in ((0.2, 0.9), (0.9, 0.2), (1.0, 1.0), (0.3, 0.3), (1.7, 0.4)):
        expected = (1 + beta**2) * p * r / (beta**2 * p + r)
        assert fidiv.f_beta(p, r, beta) == pytest.approx(expected, rel=1e-14)
        assert type(fidiv.f_beta(np.float32(p), r, beta)) is float


def test_f_beta_at_its_ends():
    assert fidiv.f_beta(0, 0, 1) == fidiv.f_beta(0.0, 1.0, 3) == fidiv.f_beta(0.5, 0.0, 3) == 0.0
    assert fidiv.f_beta(0.5, 1.0, 1) == pytest.approx(2 / 3)
    assert fidiv.f_beta(0.5, 1.0, 1e200) == pytest.approx(1.0)  # recall
    assert fidiv.f_beta(0.5, 1.0, 1e-200) == pytest.approx(0.5)  # precision
    assert fidiv.f_beta(1e-200, 2e-200, 1) == pytest.approx(4 / 3 * 1e-200)
    assert fidiv.f_beta(1e300, 1e300, 1) == pytest.approx(1e300)
    assert fidiv.f_beta(0.5, 1.0, 2) > fidiv.f_beta(1.0, 0.5, 2)  # beta above 1 favours recall
    assert fidiv.f_beta(0.5, 1.0, 0.5) < fidiv.f_beta(1.0, 0.5, 0.5)


def test_f_beta_with_beta_one_is_the_f_score():
    x = np.random.default_rng(0).normal(size=(60, 3))
    result = fidiv.precision_recall(x[:30], x[30:])
    assert fidiv.f_beta(result.precision, result.recall, 1) == pytest.approx(result.f_score, rel=1e-14)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-0.1, 0.5, 1), "precision must not be negative, got -0.1"),
        ((0.1, -0.5, 1), "recall must not be negative"),
        ((0.1, 0.5, 0), "beta must be positive, got 0"),
        ((0.1, 0.5, -2), "beta must be positive"),
        ((math.nan, 0.5, 1), "precision must be finite, got nan"),
        ((0.1, math.inf, 1), "recall must be finite"),
        ((0.1, 0.5, math.inf), "beta must be finite"),
        ((0.1, "0.5", 1), "recall must be a number"),
        ((True, 0.5, 1), "precision must be a number"),
        ((0.1, [0.5], 1), "recall must be a number"),
        ((0.1, np.array([0.5]), 1), "recall must be a number"),
        ((0.1, 0.5, None), "beta must be a number"),
    ],
)
def test_bad_arguments_of_f_beta(arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        fidiv.f_beta(*arguments)


# Bits per dimension


def test_bits_per_dimension():
    assert fidiv.bits_per_dimension(3072 * math.log(1 / 256), 3072) == 8.0
    assert fidiv.bits_per_dimension(0.0, 5) == 0.0
    values = np.random.default_rng(0).normal(-2000.0, 30.0, 400)
    expected = -values.mean() / (784 * math.log(2))
    assert fidiv.bits_per_dimension(values, 784) == pytest.approx(expected, rel=1e-13)
    assert type(fidiv.bits_per_dimension(values.astype(np.float32), 784)) is float
    rng = np.random.default_rng(1)
    assert fidiv.bits_per_dimension(rng.permutation(values).reshape(20, 20), 784) == fidiv.bits_per_dimension(
        values, 784
    )
    assert fidiv.bits_per_dimension([-5, -math.inf], 3) == math.inf
    assert fidiv.bits_per_dimension(-7, 1) == pytest.approx(7 / math.log(2))
    # Pixels scaled to [0, 1]: the density is 256^d times as large, 8 bits a dimension less.
    scaled = values + 784 * math.log(256)
    assert fidiv.bits_per_dimension(scaled, 784) + 8 == pytest.approx(expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((math.nan, 3), "log_likelihood has nan at 0"),
        (([-1.0, math.inf], 3), "log_likelihood has inf at 1"),
        (([], 3), "log_likelihood is empty"),
        ((-1.0, 0), "d must be at least 1"),
        ((-1.0, 2.5), "d must be an integer"),
        (("x", 3), "log_likelihood is a str"),
        ((None, 3), "log_likelihood has type object"),
        ((1j, 3), "log_likelihood has type complex128"),
    ],
)
def test_bad_arguments_of_bits_per_dimension(arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        fidiv.bits_per_dimension(*arguments)


# Correlation with people


@pytest.mark.parametrize("count", [4, 9, 41])
@pytest.mark.parametrize("ties", [False, True])
def test_correlations_equal_the_oracle_and_scipy(count, ties):
    rng = np.random.default_rng(count)
    x, y = rng.normal(size=count), rng.normal(size=count)
    if ties:
        x, y = np.round(2 * x), np.round(y)
    result = fidiv.correlate_with_human(x, y)
    assert list(result) == [
        *("pearson", "spearman"),
        *("pearson_low", "pearson_high", "spearman_low", "spearman_high"),
    ]
    assert result.pearson == pytest.approx(oracle.pearson(x, y), rel=1e-12)
    assert result.spearman == pytest.approx(
        oracle.pearson(oracle.average_ranks(x), oracle.average_ranks(y)), rel=1e-12, abs=1e-15
    )
    theirs = stats.pearsonr(x, y)
    interval = theirs.confidence_interval(0.95)
    assert (result.pearson_low, result.pearson_high) == pytest.approx(tuple(interval), rel=1e-9)
    assert result.spearman == pytest.approx(stats.spearmanr(x, y).statistic, rel=1e-12, abs=1e-15)
    # Bonett and Wright 2000.
    error = 1.959963984540054 * math.sqrt((1 + result.spearman**2 / 2) / (count - 3))
    for end, sign in ((result.spearman_low, -1), (result.spearman_high, 1)):
        assert end == pytest.approx(math.tanh(math.atanh(result.spearman) + sign * error), rel=1e-9)
    assert result.settings["models"] == count


def test_the_intervals_hold_what_they_say():
    """400 repeats of 20 models: 95 percent, give or take 1.1; 3 of these are allowed."""
    rng = np.random.default_rng(0)
    rho, held = 0.6, np.zeros(2)
    rank_rho = 6 / math.pi * math.asin(rho / 2)
    for _ in range(400):
        x = rng.normal(size=20)
        y = rho * x + 0.8 * rng.normal(size=20)
        result = fidiv.correlate_with_human(x, y)
        held += (
            result.pearson_low <= rho <= result.pearson_high,
            result.spearman_low <= rank_rho <= result.spearman_high,
        )
    assert (held / 400 > 0.917).all()
    assert (held / 400 < 0.983).all()


def test_a_wider_confidence_is_a_wider_interval():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=12), rng.normal(size=12)
    narrow, wide = (fidiv.correlate_with_human(x, y, confidence=c) for c in (0.8, 0.99))
    for name in ("pearson", "spearman"):
        assert narrow[name] == wide[name]
        assert wide[f"{name}_low"] < narrow[f"{name}_low"] < narrow[f"{name}_high"] < wide[f"{name}_high"]
    assert wide.settings["confidence"] == 0.99


def test_scale_shift_and_order_of_models():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=15), rng.uniform(size=15)
    one = fidiv.correlate_with_human(x, y)
    p = rng.permutation(15)
    assert dict(fidiv.correlate_with_human(x[p], y[p])) == pytest.approx(dict(one), rel=1e-12)
    for scale in (3.0, 1e300, 1e-300):
        moved = fidiv.correlate_with_human(scale * x + scale, y)
        assert dict(moved) == pytest.approx(dict(one), rel=1e-9)
    flipped = fidiv.correlate_with_human(-x, y)
    assert flipped.pearson == pytest.approx(-one.pearson)
    assert flipped.spearman_low == pytest.approx(-one.spearman_high)
    assert fidiv.correlate_with_human(np.exp(x), y).spearman == one.spearman


def test_few_models_and_perfect_correlations_are_noted():
    x = np.arange(10.0)
    y = np.array([1, 0, 2, 4, 3, 5, 6, 9, 8, 7.0])
    assert fidiv.correlate_with_human(x, y).notes == ()
    (note,) = fidiv.correlate_with_human(x[:9], y[:9]).notes
    assert "9 models are too few" in note
    perfect = fidiv.correlate_with_human(x, x)
    assert dict(perfect) == dict.fromkeys(perfect, 1.0)
    assert sum("no certainty" in note for note in perfect.notes) == 2
    assert fidiv.correlate_with_human(x, -x).pearson_high == -1.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 2, 3], [1, 2, 3]), "scores has 3 models; a correlation with an interval needs 4"),
        (([1, 2, 3, 4], [1, 2, 3]), "human_error_rate has 3 models, scores has 4"),
        (([1, 2, 3, math.nan], [1, 2, 3, 4]), "scores has nan for model 3"),
        (([1, 2, 3, 4], [1, math.inf, 3, 4]), "human_error_rate has inf for model 1"),
        (([2, 2, 2, 2], [1, 2, 3, 4]), "scores is 2 for every model; nothing correlates with a constant"),
        (([1, 2, 3, 4], [0.5] * 4), "human_error_rate is 0.5 for every model"),
        (([[1, 2, 3, 4]], [1, 2, 3, 4]), r"scores has shape \(1, 4\)"),
        ((["a", "b", "c", "d"], [1, 2, 3, 4]), "scores has type"),
    ],
)
def test_bad_models_are_named(arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        fidiv.correlate_with_human(*arguments)


@pytest.mark.parametrize("confidence", [0.0, 1.0, -1, 95, math.nan, "0.9"])
def test_bad_confidence(confidence):
    with pytest.raises((ValueError, TypeError), match="confidence must be"):
        fidiv.correlate_with_human([1, 2, 3, 4], [2, 1, 3, 4], confidence=confidence)


def test_integers_beyond_all_floats_are_refused_in_words():
    large = 10**400
    for call in (
        lambda: fidiv.f_beta(0.5, 0.5, large),
        lambda: fidiv.curves.exact.gaussian_shift(large),
        lambda: fidiv.curves.max_f_beta(fidiv.curves.exact.gaussian_shift(1.0).curve, large),
        lambda: fidiv.divergences([[0.0], [1.0]], [[2.0], [3.0]], nearest_k=1, alpha=large),
        lambda: fidiv.rke([[0.0], [1.0]], bandwidth=large),
    ):
        with pytest.raises(ValueError, match=r"must be .*integer"):
            call()
