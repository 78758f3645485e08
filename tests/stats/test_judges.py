"""Are rates and differences that a judge measured put right by a few human labels?"""

from __future__ import annotations

import re
from math import sqrt
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy import stats
from statsmodels.stats.inter_rater import cohens_kappa

from aiir_eval.stats import (
    judge_agreement,
    paired_difference,
    pass_rate,
    prediction_powered_difference,
    prediction_powered_rate,
    rogan_gladen_difference,
    rogan_gladen_rate,
)

# Formulas of integers, so that another implementation could be given the same rows.
ROWS = np.arange(400)
JUDGE = ((ROWS * ROWS * 7 + 3 * ROWS) % 11 < 7).astype(float)
TRUTH = np.where((ROWS * ROWS * 5 + ROWS) % 13 == 0, 1 - JUDGE, JUDGE)
SCORE = ((ROWS * ROWS * 37 + ROWS) % 101) / 100
GRADE = (SCORE * 0.7 + 0.1 + (((ROWS * 17) % 23) / 23 - 0.5) * 0.3).clip(0, 1)
LABELLED = 90


def partly(labels: np.ndarray, n: int = LABELLED) -> np.ndarray:
    """Labels of the first n rows."""
    return np.where(np.arange(labels.size) < n, labels, np.nan)


def verdicts(truth: np.ndarray, tpr: float, tnr: float, rng: np.random.Generator) -> np.ndarray:
    """A judge with these error rates."""
    luck = rng.random(truth.size)
    return np.where(truth == 1, luck < tpr, luck >= tnr).astype(float)


@pytest.mark.parametrize(
    ("human", "judge", "tuning", "estimate", "low", "high"),
    [  # ppi_mean_pointestimate and ppi_mean_ci of ppi_py 0.2.3
        (TRUTH, JUDGE, None, 0.7046987278846019, 0.6251277305902617, 0.784269725178942),
        (TRUTH, JUDGE, 1.0, 0.7082437275985662, 0.6190991770084495, 0.797388278188683),
        (TRUTH, JUDGE, 0.5, 0.7041218637992832, 0.6243617077500927, 0.7838820198484737),
        (GRADE, SCORE, None, 0.4448330603263459, 0.41836919788554233, 0.47129692276714946),
        (GRADE, SCORE, 1.0, 0.4404500857098332, 0.4023232710777667, 0.47857690034189965),
    ],
)
def test_estimates_agree_with_another_implementation(
    human: np.ndarray,
    judge: np.ndarray,
    tuning: float | None,
    estimate: float,
    low: float,
    high: float,
) -> None:
    result = prediction_powered_rate(judge, partly(human), binary=False, power_tuning=tuning)
    assert result.estimate == pytest.approx(estimate, abs=1e-9)
    # theirs divides by n where ours divides by n - 1
    n, others, weight = LABELLED, 400 - LABELLED, result.power_tuning
    ours = (human[:n] - weight * judge[:n]).var() / (n - 1)
    ours += weight**2 * judge[n:].var() / (others - 1)
    theirs = (human[:n] - weight * judge[:n]).var() / n + weight**2 * judge[n:].var() / others
    assert result.standard_error == pytest.approx(sqrt(ours), rel=1e-9)
    assert (high - low) / 2 == pytest.approx(stats.norm.ppf(0.975) * sqrt(theirs), rel=1e-9)


def test_without_the_judge_it_is_the_pass_rate_of_the_labels() -> None:
    groups = ROWS // 3
    result = prediction_powered_rate(JUDGE, partly(TRUTH), clusters=groups, power_tuning=0.0)
    plain = pass_rate(TRUTH[:LABELLED], clusters=groups[:LABELLED])
    assert result.estimate == pytest.approx(plain.estimate, rel=1e-12)
    assert result.standard_error == pytest.approx(plain.standard_error, rel=1e-12)
    assert result.confidence_interval() == pytest.approx(plain.confidence_interval(), abs=0.02)


def test_without_the_judge_it_is_the_paired_difference_of_the_labels() -> None:
    before, after = TRUTH, np.roll(TRUTH, 5)
    result = prediction_powered_difference(
        JUDGE, np.roll(JUDGE, 5), partly(before), partly(after), power_tuning=0.0
    )
    plain = paired_difference(before[:LABELLED], after[:LABELLED])
    assert result.estimate == pytest.approx(plain.estimate, abs=1e-12)
    assert result.standard_error == pytest.approx(plain.standard_error, rel=1e-12)
    assert result.confidence_interval() == pytest.approx(plain.confidence_interval(), abs=0.02)
    ours, theirs = result.non_inferiority(0.15), plain.non_inferiority(0.15)
    assert ours.lower_bound == pytest.approx(theirs.lower_bound, abs=0.015)
    assert ours.holds == (ours.pvalue < 0.05) == (ours.lower_bound > -0.15)


def test_a_judge_is_trusted_as_far_as_it_agrees() -> None:
    rng = np.random.default_rng(4)
    truth = (rng.random(1000) < 0.8).astype(float)
    perfect = prediction_powered_rate(truth, partly(truth, 100))
    useless = prediction_powered_rate(verdicts(truth, 0.5, 0.5, rng), partly(truth, 100))
    good = prediction_powered_rate(verdicts(truth, 0.95, 0.9, rng), partly(truth, 100))
    assert useless.power_tuning < 0.2 < good.power_tuning < perfect.power_tuning
    assert 80 < useless.n_effective < 120 < good.n_effective < perfect.n_effective < 1000
    assert perfect.estimate == pytest.approx(truth.mean(), abs=0.015)


def test_labels_of_every_output_leave_nothing_to_the_judge() -> None:
    result = prediction_powered_rate(JUDGE, TRUTH)
    assert result.power_tuning == 0.0
    assert result.estimate == pytest.approx(TRUTH.mean(), rel=1e-12)
    corrected = rogan_gladen_rate(JUDGE, TRUTH)
    assert corrected.estimate == pytest.approx(TRUTH.mean(), rel=1e-12)


@pytest.mark.parametrize("labels", [np.ones(30), np.zeros(30)])
def test_a_judge_never_seen_to_err_is_not_taken_for_perfect(labels: np.ndarray) -> None:
    judge = np.full(500, labels[0])
    human = np.concatenate([labels, np.full(470, np.nan)])
    low, high = prediction_powered_rate(judge, human).confidence_interval()
    assert high - low > 0.08  # 30 labels without an exception: up to a tenth may be otherwise
    low, high = prediction_powered_difference(judge, judge, human, human).confidence_interval()
    assert high - low > 0.15
    mixed = np.concatenate([np.ones(15), np.zeros(15)])
    agreed = judge_agreement(mixed, mixed)
    assert agreed.kappa == 1.0
    assert agreed.kappa_standard_error == 0.0
    assert agreed.kappa_interval().low < 0.9
    assert agreed.kappa_interval().high == 1.0


def test_graded_estimates_stay_where_scores_can_lie() -> None:
    judge = [0.2, 0.2, 0.5, 0.5, 0.1, 0.5, 1.0, 1.0, 1.0]
    human = [
        1.0,
        1.0,
        1.0,
        0.9,
        1.0,
        1.0,
        None,
        None,
        None,
    ]  # worse than the rest
    for tuning in (None, 0.5, 1.0):
        rate = prediction_powered_rate(judge, human, binary=False, power_tuning=tuning)
        low, high = rate.confidence_interval()
        assert 0 <= low <= rate.estimate <= high <= 1 and low < high
        none = [0.0] * 9, [None if value is None else 0.0 for value in human]
        for sides in ((none[0], judge, none[1], human), (judge, none[0], human, none[1])):
            change = prediction_powered_difference(*sides, binary=False, power_tuning=tuning)
            low, high = change.confidence_interval()
            assert -1 <= low <= change.estimate <= high <= 1 and low < high


def test_nothing_depends_on_the_order_of_rows_or_the_names_of_clusters() -> None:
    rng = np.random.default_rng(6)
    groups = rng.integers(0, 60, 400)
    order = rng.permutation(400)
    names = np.array([f"g{(group * 7919) % 1000}" for group in groups])
    before, after = partly(TRUTH), partly(np.roll(TRUTH, 3))
    other = np.roll(JUDGE, 3)
    shuffled = [column[order] for column in (JUDGE, other, before, after)]
    for one, two in (
        (
            prediction_powered_rate(JUDGE, before, clusters=groups),
            prediction_powered_rate(shuffled[0], shuffled[2], clusters=names[order]),
        ),
        (
            prediction_powered_difference(JUDGE, other, before, after, clusters=groups),
            prediction_powered_difference(*shuffled, clusters=names[order]),
        ),
        (
            rogan_gladen_rate(JUDGE, before, clusters=groups),
            rogan_gladen_rate(shuffled[0], shuffled[2], clusters=names[order]),
        ),
        (
            rogan_gladen_difference(JUDGE, other, before, after, clusters=groups),
            rogan_gladen_difference(*shuffled, clusters=names[order]),
        ),
    ):
        assert one == two
        assert one.confidence_interval() == two.confidence_interval()
    assert judge_agreement(JUDGE, TRUTH, clusters=groups) == judge_agreement(
        JUDGE[order], TRUTH[order], clusters=names[order]
    )


def test_copies_of_an_output_in_its_cluster_add_nothing() -> None:
    twice = np.repeat(ROWS, 3)
    judge, human = JUDGE[twice], partly(TRUTH)[twice]
    for function in (prediction_powered_rate, rogan_gladen_rate):
        once, copied = function(JUDGE, partly(TRUTH)), function(judge, human, clusters=twice)
        assert copied.estimate == pytest.approx(once.estimate, abs=2e-3)
        assert copied.standard_error == pytest.approx(once.standard_error, rel=2e-3)
        assert copied.confidence_interval() == pytest.approx(once.confidence_interval(), abs=0.02)
    alone, copied = judge_agreement(JUDGE, TRUTH), judge_agreement(judge, TRUTH[twice])
    grouped = judge_agreement(judge, TRUTH[twice], clusters=twice)
    assert grouped.kappa_standard_error == pytest.approx(alone.kappa_standard_error, rel=1e-9)
    assert copied.kappa_standard_error < 0.6 * alone.kappa_standard_error


@pytest.mark.parametrize(
    ("positive", "tested", "tpr", "tnr", "published"),
    [(23, 150, 0.96, 0.89, 0.051), (6, 151, 0.964, 0.927, 0.0), (12, 189, 0.65, 0.95, 0.022)],
)  # the examples of epiR's epi.prev
def test_rogan_gladen_gives_the_published_prevalence(
    positive: int, tested: int, tpr: float, tnr: float, published: float
) -> None:
    size = 1000
    hits, false = round(tpr * size), round((1 - tnr) * size)
    judge = [1] * positive + [0] * (tested - positive)
    judge += [1] * hits + [0] * (size - hits) + [1] * false + [0] * (size - false)
    human = [None] * tested + [1] * size + [0] * size
    result = rogan_gladen_rate(judge, human, representative=False)
    assert result.estimate == pytest.approx(published, abs=6e-4)
    assert result.confidence_interval().low <= result.estimate


@pytest.mark.parametrize("counts", [(60, 200, 45, 50, 46, 50), (30, 300, 90, 100, 95, 100)])
def test_fieller_and_lang_reiczigel_agree(counts: tuple[int, ...]) -> None:
    passed, judged, hits, passes, rejected, fails = counts
    judge = [1] * passed + [0] * (judged - passed)
    judge += [1] * hits + [0] * (passes - hits) + [0] * rejected + [1] * (fails - rejected)
    human = [None] * judged + [1] * passes + [0] * fails
    low, high = rogan_gladen_rate(judge, human, representative=False).confidence_interval()

    z = stats.norm.ppf(0.975)  # Lang and Reiczigel (2014), their adjusted estimates
    n, rate = judged + z * z, (passed + z * z / 2) / (judged + z * z)
    tpr, tnr = (hits + 1) / (passes + 2), (rejected + 1) / (fails + 2)
    of_tpr, of_tnr = tpr * (1 - tpr) / (passes + 2), tnr * (1 - tnr) / (fails + 2)
    true = (rate + tnr - 1) / (tpr + tnr - 1)
    error = sqrt(rate * (1 - rate) / n + of_tpr * true**2 + of_tnr * (1 - true) ** 2)
    error /= tpr + tnr - 1
    shift = 2 * z * z * (true * of_tpr - (1 - true) * of_tnr)
    assert low == pytest.approx(max(true + shift - z * error, 0), abs=0.015)
    assert high == pytest.approx(true + shift + z * error, abs=0.015)


@pytest.mark.parametrize("size", [1, 4])
def test_rogan_gladen_errors_agree_with_the_jackknife(size: int) -> None:
    groups = ROWS // size
    human = partly(TRUTH, 200)
    result = rogan_gladen_rate(JUDGE, human, clusters=groups)
    left = []
    for group in np.unique(groups):
        kept = groups != group
        left.append(rogan_gladen_rate(JUDGE[kept], human[kept]).estimate)
    n = len(left)
    jackknife = sqrt((n - 1) / n * ((left - np.mean(left)) ** 2).sum())
    assert result.standard_error == pytest.approx(jackknife, rel=0.03)


def test_a_calibration_set_of_another_kind_misleads_only_prediction_powered_inference() -> None:
    rng = np.random.default_rng(9)
    shown = np.repeat([0.0, 1.0], 500)  # labels half of fails, where a tenth of outputs are
    human = np.concatenate([shown, np.full(5000, np.nan)])
    right = wrong = 0
    for _ in range(60):
        truth = (rng.random(5000) < 0.9).astype(float)
        judge = np.concatenate([verdicts(shown, 0.9, 0.8, rng), verdicts(truth, 0.9, 0.8, rng)])
        low, high = rogan_gladen_rate(judge, human, representative=False).confidence_interval()
        right += low <= 0.9 <= high
        wrong += prediction_powered_rate(judge, human).confidence_interval().high < 0.85
    assert right >= 52
    assert wrong == 60


def test_a_judge_that_favours_the_candidate_is_put_right() -> None:
    rng = np.random.default_rng(10)
    before = (rng.random(2000) < 0.7).astype(float)
    after = np.where(rng.random(2000) < 0.9, before, 1 - before)
    after[rng.random(2000) < 0.1] = 0.0  # worse in truth
    judged = verdicts(before, 0.9, 0.9, rng), verdicts(after, 0.98, 0.5, rng)
    assert paired_difference(*judged).confidence_interval().low > 0  # "improved", says the judge
    truth = float((after - before).mean())
    assert truth < -0.05
    labels = partly(before, 400), partly(after, 400)
    for function in (prediction_powered_difference, rogan_gladen_difference):
        result = function(*judged, *labels)
        low, high = result.confidence_interval()
        assert low < truth < high < 0.05
        assert result.uncorrected > 0.03
    worse = prediction_powered_difference(*judged, *labels)
    assert not worse.non_inferiority(0.05).holds


def test_rogan_gladen_of_a_weak_judge_admits_that_it_knows_nothing() -> None:
    judge = [1, 1, 1, 0] * 5 + [1, 1, 0, 0] * 5 + [1, 0] * 100
    human = [1] * 20 + [0] * 20 + [None] * 200
    weak = rogan_gladen_rate(judge, human)
    assert weak.confidence_interval() == (0.0, 1.0)
    chance = [1, 0, 1, 0, 1, 1], [1, 1, 0, 0, None, None]
    nothing = rogan_gladen_rate(*chance)
    assert np.isnan(nothing.estimate)
    assert nothing.confidence_interval() == (0.0, 1.0)
    difference = rogan_gladen_difference(chance[0], chance[0], chance[1], chance[1])
    assert np.isnan(difference.estimate)
    assert difference.confidence_interval() == (-1.0, 1.0)


@pytest.mark.parametrize("table", [[[20, 5], [10, 15]], [[44, 2], [3, 51]], [[1, 9], [0, 90]]])
def test_kappa_agrees_with_statsmodels(table: list[list[int]]) -> None:
    cells = np.array(table)
    judge = np.repeat([1, 1, 0, 0], cells.ravel())
    human = np.repeat([1, 0, 1, 0], cells.ravel())
    result, expected = judge_agreement(judge, human), cohens_kappa(cells)
    n = cells.sum()
    assert result.kappa == pytest.approx(expected.kappa, abs=1e-9)
    assert result.kappa_standard_error**2 == pytest.approx(
        expected.var_kappa * n / (n - 1), rel=1e-9
    )
    assert result.agreement.estimate == pytest.approx(np.trace(cells) / n)
    assert result.tpr is not None
    assert result.tpr == pass_rate(judge[human == 1].astype(float))
    assert result.tnr is not None
    assert result.tnr.estimate == pytest.approx(cells[1, 1] / cells[:, 1].sum())


def test_agreement_where_there_is_nothing_to_agree_on() -> None:
    constant = judge_agreement([1, 1, 1], [1, 1, None])
    assert np.isnan(constant.kappa)
    assert constant.kappa_interval() == (-1.0, 1.0)
    assert constant.tnr is None
    assert constant.n_labelled == 2


def test_wrong_arguments_are_named() -> None:
    none = [np.nan, np.nan]
    with pytest.raises(ValueError, match="0 labels"):
        prediction_powered_rate([1, 0], none)
    with pytest.raises(ValueError, match="two"):
        judge_agreement([1, 0], [1, None])
    with pytest.raises(ValueError, match="power_tuning"):
        prediction_powered_rate([1, 0, 1], [1, 0, None], power_tuning=2)
    with pytest.raises(ValueError, match="human: shape"):
        prediction_powered_rate([1, 0], [1])
    with pytest.raises(ValueError, match="human: values"):
        prediction_powered_rate([1, 0, 1], [1, 3, None])
    with pytest.raises(ValueError, match="judge: every value must be 0 or 1"):
        rogan_gladen_rate([0.5, 0.2], [1, 0])
    with pytest.raises(ValueError, match="no label is a fail"):
        rogan_gladen_rate([1, 0, 1], [1, 1, None])
    with pytest.raises(ValueError, match="no output without a label"):
        rogan_gladen_rate([1, 0], [1, 0], representative=False)
    with pytest.raises(ValueError, match="the baseline has 2 cases, the candidate 3"):
        prediction_powered_difference([1, 0], [1, 0, 1], [1, 0], [1, 0, 1])
    with pytest.raises(ValueError, match="one version's rate"):
        prediction_powered_rate([1, 0, 1], [1, 0, None]).non_inferiority(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0.5, 0.82, 0.95])
@pytest.mark.parametrize(("tpr", "tnr"), [(0.9, 0.7), (0.99, 0.95)])
@pytest.mark.parametrize("size", [1, 5])
def test_corrected_rates_cover(rate: float, tpr: float, tnr: float, size: int) -> None:
    rng = np.random.default_rng([round(100 * rate), round(100 * tpr), size])
    runs, groups = 400, np.repeat(np.arange(1000 // size), size)
    covered = np.zeros((runs, 2))
    for run in range(runs):
        truth = (rng.random(1000 // size) < rate).astype(float)[groups]
        judge, human = verdicts(truth, tpr, tnr, rng), partly(truth, 150)
        for column, function in enumerate((prediction_powered_rate, rogan_gladen_rate)):
            try:
                low, high = function(judge, human, clusters=groups).confidence_interval()
            except ValueError:  # not one label is a fail
                low, high = 0.0, 1.0
            covered[run, column] = low <= rate <= high
    assert covered.mean(axis=0).min() >= 0.94 - 3.5 * sqrt(0.06 * 0.94 / runs)


@pytest.mark.slow
@pytest.mark.parametrize(("loss", "gain"), [(0.1, 0.1), (0.05, 0.02), (0.02, 0.0)])
@pytest.mark.parametrize("n", [100, 300])
def test_corrected_differences_cover_and_pass_no_loss_of_the_margin(
    loss: float, gain: float, n: int
) -> None:
    rng = np.random.default_rng([round(1000 * loss), n])
    runs, rate, truth = 500, 0.8, gain - loss
    covered = np.zeros((runs, 2))
    passed = 0
    for run in range(runs):
        before = (rng.random(10 * n) < rate).astype(float)
        luck = rng.random(10 * n)
        after = np.where(before == 1, luck >= loss / rate, luck < gain / (1 - rate)).astype(float)
        judged = verdicts(before, 0.95, 0.8, rng), verdicts(after, 0.95, 0.8, rng)
        labels = partly(before, n), partly(after, n)
        powered = prediction_powered_difference(*judged, *labels)
        corrected = rogan_gladen_difference(*judged, *labels)
        for column, result in enumerate((powered, corrected)):
            low, high = result.confidence_interval()
            covered[run, column] = low <= truth <= high
        passed += truth < 0 and powered.non_inferiority(-truth).holds
    assert covered.mean(axis=0).min() >= 0.94 - 3.5 * sqrt(0.06 * 0.94 / runs)
    assert passed / runs <= 0.05 + 3.5 * sqrt(0.05 * 0.95 / runs)


@pytest.mark.slow
@pytest.mark.real_data
def test_a_cheap_judge_of_hallucination_is_put_right(shared_data: Path) -> None:
    table = pq.read_table(shared_data / "halueval" / "general.parquet").to_pydict()
    truth = np.array([label == "yes" for label in table["hallucination"]], float)
    assert (truth.size, truth.sum()) == (4507, 815)
    hedges = re.compile(r"\b(as an ai|sorry|unfortunately|i cannot|i'm unable)\b")
    judge = np.array([bool(hedges.search(text.lower())) for text in table["chatgpt_response"]])
    judge = judge.astype(float)
    runs, rate = 1000, 815 / 4507
    rng = np.random.default_rng(815)
    covered = np.zeros((runs, 3))
    for run in range(runs):
        rows = rng.integers(0, 4507, 2000)
        human = partly(truth[rows], 300)
        intervals = (
            prediction_powered_rate(judge[rows], human).confidence_interval(),
            rogan_gladen_rate(judge[rows], human).confidence_interval(),
            pass_rate(judge[rows]).confidence_interval(),
        )
        covered[run] = [low <= rate <= high for low, high in intervals]
    powered, corrected, uncorrected = covered.mean(axis=0)
    nominal = 0.95 - 3 * sqrt(0.05 * 0.95 / runs)
    assert powered >= nominal
    assert corrected >= nominal
    assert powered <= 0.98  # and not by being wide
    assert uncorrected < 0.05
