"""What changed between two versions of a real model, and what between two draws of the same?"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from aiir_eval.drift.detecting import drift

pytestmark = pytest.mark.real_data


def version(table: pa.Table, model: str) -> pa.Table:
    return table.filter(pc.equal(table["model"], model))


def test_gpt4_grew_terse_cheap_and_fast_on_primes(shared_data: Path) -> None:
    table = pq.read_table(shared_data / "llmdrift" / "prime.parquet")
    table = table.append_column("answer_length", pc.utf8_length(table["answer"]))
    old, new = version(table, "gpt-4-0314"), version(table, "gpt-4-0613")
    report = drift(old, new, columns="latency,cost,answer_length,ref_answer,id")
    drifted = {item.column: item for item in report.columns if item.drifted}
    assert report.conclusion == "drift"
    assert set(drifted) == {"latency", "cost", "answer_length"}
    for item in drifted.values():
        assert item.effect.high < -0.7
    assert drifted["answer_length"].statistics["mean_current"] == pytest.approx(
        pc.mean(pc.utf8_length(new["answer"])).as_py()
    )
    assert any(note.startswith("id not tested") for note in report.notes)
    paired = drift(old, new, columns="latency,cost,answer_length,ref_answer", cluster="id")
    assert {item.column for item in paired.columns if item.drifted} == set(drifted)


def test_gpt4_answers_fewer_sensitive_questions(shared_data: Path) -> None:
    table = pq.read_table(shared_data / "llmdrift" / "sensitiveq.parquet")
    old, new = version(table, "gpt-4-0314"), version(table, "gpt-4-0613")
    report = drift(old, new, columns="latency", primary="response_rate")
    (primary,) = [item for item in report.columns if item.primary]
    assert report.conclusion == "drift"
    assert primary.statistics["rate_reference"] == pytest.approx(0.21)
    assert primary.statistics["rate_current"] == pytest.approx(0.05)
    assert primary.effect.estimate == pytest.approx(-0.16)


@pytest.mark.parametrize("cluster", [None, "task_id"])
def test_draws_of_one_agent_are_no_drift(shared_data: Path, cluster: str | None) -> None:
    table = pq.read_table(shared_data / "tau_bench" / "gpt4o_airline.parquet")
    for trials in ((0, 1), (0, 2), (0, 3)):  # each against the other two
        first = pc.is_in(table["trial"], pa.array(trials))
        old, new = table.filter(first), table.filter(pc.invert(first))
        # Three looks at the same 200 rows: each has a third of the level.
        report = drift(
            old,
            new,
            columns="success,n_messages",
            cluster=cluster,
            confidence_level=1 - 0.05 / 3,
        )
        assert report.conclusion == "inconclusive"
        assert report.columns[0].pvalue > 0.7
        alone = drift(old, new, columns="success", primary="success", cluster=cluster)
        assert alone.conclusion == "inconclusive"
