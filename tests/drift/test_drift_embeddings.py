"""Did vectors move, and where?"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import rankdata

from aiir_eval.drift.classifying import (
    Draw,
    Sample,
    classify,
    draw_sample,
    median_distance_kernel,
)
from aiir_eval.drift.clusters import design_of
from aiir_eval.drift.columns import Pair
from aiir_eval.drift.detecting import drift
from aiir_eval.drift.embeddings import compared, discrepancy

D = 6


def vectors(n: int, seed: int, *, shift: float = 0.0, scale: float = 1.0) -> np.ndarray:
    points = np.random.default_rng(seed).normal(size=(n, D)) * scale
    points[:, 2] += shift
    return points


def column(points: np.ndarray, *, fixed: bool = True) -> pa.ChunkedArray:
    if fixed:
        array = pa.FixedSizeListArray.from_arrays(pa.array(points.ravel()), points.shape[1])
    else:
        array = pa.array(points.tolist(), pa.list_(pa.float32()))
    return pa.chunked_array([array])


def pair_of(old: np.ndarray, new: np.ndarray) -> Pair:
    return Pair("v", column(old), column(new))


def sample_of(n: int, m: int, seed: int = 0) -> Sample:
    found = draw_sample(np.arange(n), np.arange(m), Draw(seed=seed), "v")
    assert isinstance(found, Sample)
    return found


@pytest.mark.parametrize("fixed", [True, False])
def test_vectors_that_moved_are_found_and_where_is_said(fixed: bool) -> None:
    old = pa.table({"v": column(vectors(250, 1), fixed=fixed)})
    new = pa.table({"v": column(vectors(200, 2, shift=1.0), fixed=fixed)})
    report = drift(old, new)
    (found,) = report.columns
    assert found.kind == "embedding"
    assert found.drifted
    assert found.effect.low > 0.55
    assert found.note.startswith("dimensions that moved most: 2 (+")
    assert found.effects[0].name == "mmd"
    assert found.effects[0].low > 0
    assert report.conclusion == "drift"


def test_vectors_that_did_not_move_have_not_drifted() -> None:
    found = compared(pair_of(vectors(150, 1), vectors(150, 2)), Draw())
    assert found.pvalue > 0.05
    assert found.effect.low < 0.5
    assert found.effects[0].low == 0


def test_a_wider_cloud_with_the_same_centre_is_a_change() -> None:
    found = compared(pair_of(vectors(300, 1), vectors(300, 2, scale=1.5)), Draw())
    assert found.pvalue <= 0.01
    assert found.effect.low > 0.5


def test_the_discrepancy_is_the_unbiased_one_of_the_definition() -> None:
    points = np.concatenate([vectors(25, 1), vectors(30, 2, shift=0.5)])
    kernel = median_distance_kernel(points)
    xx, yy, xy = kernel[:25, :25], kernel[25:, 25:], kernel[:25, 25:]
    expected = (xx.sum() - np.trace(xx)) / (25 * 24) + (yy.sum() - np.trace(yy)) / (30 * 29)
    expected -= 2 * xy.mean()
    assert discrepancy(kernel, sample_of(25, 30))[0] == pytest.approx(expected, abs=1e-12)


def test_a_relabelled_score_is_that_of_learning_again() -> None:
    points = np.concatenate([vectors(40, 1), vectors(40, 2, shift=1.0)])
    kernel = median_distance_kernel(points)
    sample = sample_of(40, 40)
    found = classify(kernel, sample)
    centre = np.eye(80) - 1 / 80
    centred = centre @ kernel @ centre
    penalty, right, pairs = np.trace(centred) / 80, 0.0, 0.0
    new = sample.is_current[0].astype(float)
    for fold in range(5):
        held, rest = sample.folds == fold, sample.folds != fold
        within = centred[np.ix_(rest, rest)] + penalty * np.eye(rest.sum())
        learned = np.linalg.solve(within, new[rest] - new[rest].mean())
        scores = centred[np.ix_(held, rest)] @ learned
        ranks, n_new = rankdata(scores), new[held].sum()
        right += (ranks * new[held]).sum() - n_new * (n_new + 1) / 2
        pairs += n_new * (held.sum() - n_new)
    assert found.auc == pytest.approx(right / pairs, abs=1e-9)


def test_the_interval_is_that_of_delong() -> None:
    rng = np.random.default_rng(3)
    n = 250
    points = np.concatenate([rng.normal(size=(n, 1)), rng.normal(1.0, 1, size=(n, 1))])
    found = classify(median_distance_kernel(points), sample_of(n, n))
    # Hanley and McNeil (1982), exponential approximation of the variance
    auc = found.auc
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = (auc * (1 - auc) + (n - 1) * (q1 + q2 - 2 * auc**2)) / n**2
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * variance**0.5, rel=0.15)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ([[1.0, 2.0]] * 30, [[1.0, 2.0, 3.0]] * 30, "had 2 dimensions and have 3 now"),
        ([[1.0]] * 30, [[1.0], [1.0, 2.0]] * 15, "differ in length within a side"),
        ([[1.0, 2.0]] * 30, [[1.0, 2.0]] * 30, "one vector throughout"),
        ([[1.0, 2.0]] * 9, [[1.0, 3.0]] * 9, "fewer than 20 rows"),
    ],
)
def test_what_cannot_be_compared_is_said(
    old: list[list[float]], new: list[list[float]], reason: str
) -> None:
    table = {"x": np.arange(len(old)) % 7 + 0.5}
    report = drift(pa.table({**table, "v": old}), pa.table({**table, "v": new}))
    assert any(reason in note for note in report.notes if note.startswith("v not tested"))


def test_null_vectors_and_vectors_with_nan_are_left_out() -> None:
    points = vectors(60, 1)
    points[3, 1], points[7, 0] = np.nan, np.inf
    values = [None if i % 10 == 0 else row.tolist() for i, row in enumerate(points)]
    other = column(vectors(60, 2), fixed=False)
    found = compared(
        Pair("v", pa.chunked_array([pa.array(values, pa.list_(pa.float32()))]), other), Draw()
    )
    assert found.statistics["rows_reference"] == 52
    assert np.isfinite(found.statistic)


def test_the_same_seed_gives_the_same_answer() -> None:
    pair = pair_of(vectors(60, 1), vectors(60, 2))
    assert compared(pair, Draw(seed=3)) == compared(pair, Draw(seed=3))


@pytest.mark.slow
def test_false_alarms_stay_at_the_level_for_both_tests() -> None:
    repeats, alarms = 120, np.zeros(2)
    for i in range(repeats):
        found = compared(pair_of(vectors(30, 5000 + i), vectors(40, 9000 + i)), Draw(seed=i))
        alarms += np.array([found.pvalue, found.statistics["auc_pvalue"]]) <= 0.05
    assert (alarms / repeats <= 0.05 + 3 * (0.05 * 0.95 / repeats) ** 0.5).all()


@pytest.mark.slow
def test_vectors_of_one_document_do_not_count_as_many() -> None:
    rng = np.random.default_rng(6)
    documents, each, repeats = 22, 3, 20
    names = np.repeat(np.arange(documents), each)

    def chunks() -> np.ndarray:
        centres = np.repeat(rng.normal(size=(documents, 2)), each, axis=0)
        return centres + 0.5 * rng.normal(size=centres.shape)

    naive = aware = 0
    for i in range(repeats):
        pair = pair_of(chunks(), chunks())
        design = design_of(names, names + documents, n_resamples=199, rng=i)
        naive += compared(pair, Draw(seed=i)).pvalue <= 0.05
        aware += compared(pair, Draw(design, seed=i)).pvalue <= 0.05
    assert aware <= 4  # 1 expected
    assert naive > aware + 3
