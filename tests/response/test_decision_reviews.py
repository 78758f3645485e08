"""The queue of affected decisions: nothing that was reviewed is lost."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from aiir_eval.errors import InputError
from aiir_eval.response.decisions import (
    import_reviews,
    queue_decisions,
    review_progress,
)

AFFECTED = pd.DataFrame(
    {
        "row_id": [f"log#{i}" for i in range(6)],
        "decision": ["d1", "d1", "d2", "d3", None, "d4"],
        "user": list("aabcde"),
        "system": ["billing", "billing", "crm", "hr", "crm", "crm"],
        "output": ["one", "two", "three", "four", "five", "=six"],
    }
)


def queued(folder: Path, affected: pd.DataFrame = AFFECTED) -> pd.DataFrame:
    rules = [("financial", "system = 'billing'"), ("employee", "system = 'hr'")]
    _, table, _ = queue_decisions("INC-1", folder, affected, kinds_where=rules)  # type: ignore[arg-type]
    return table.to_pandas().set_index("decision", drop=False)


def reviewed(table: pd.DataFrame, *decisions: str, outcome: str = "upheld") -> pd.DataFrame:
    done = table.copy()
    for decision in decisions:
        done.loc[decision, ["status", "reviewer", "reviewed_at", "outcome"]] = [
            "reviewed",
            "R. Ito",
            "2026-11-23 10:00",
            outcome,
        ]
    return done


def test_a_decision_of_several_rows_is_one_and_keeps_its_id(tmp_path: Path) -> None:
    first = queued(tmp_path)
    assert sorted(first.decision) == ["d1", "d2", "d3", "d4"]
    assert first.kind.to_dict() == {
        "d1": "financial", "d2": "customer", "d3": "employee", "d4": "customer"
    }  # fmt: skip
    assert first.output["d1"] == "one"
    again = queued(tmp_path, AFFECTED.iloc[::-1])
    assert again.id.to_dict() == first.id.to_dict()
    assert review_progress("INC-1", tmp_path).total == 4


def test_times_are_those_of_the_log_in_utc(tmp_path: Path) -> None:
    berlin = pd.Timestamp("2026-11-23 10:00:00.5", tz="Europe/Berlin")
    assert queued(tmp_path, AFFECTED.assign(time=berlin)).time["d1"] == "2026-11-23T09:00:00Z"


def test_rows_without_a_decision_are_counted_or_taken_in(tmp_path: Path) -> None:
    assert queue_decisions("INC-1", tmp_path, AFFECTED)[2] == 1
    queue, _, left_out = queue_decisions("INC-2", tmp_path, AFFECTED, every_row=True)
    assert (len(queue), left_out) == (5, 0)
    answers = AFFECTED.drop(columns="decision")
    assert len(queue_decisions("INC-3", tmp_path, answers)[0]) == 6


def test_reviews_come_back_and_progress_is_by_kind(tmp_path: Path) -> None:
    table = queued(tmp_path)
    done = import_reviews("INC-1", tmp_path, reviewed(table, "d1", "d2"))
    assert (done.changed, done.unchanged, len(done.conflicts)) == (2, 2, 0)
    progress = review_progress("INC-1", tmp_path)
    assert progress == done.progress
    assert progress.by_kind == {"customer": (1, 2), "employee": (0, 1), "financial": (1, 1)}
    assert not progress.complete
    import_reviews("INC-1", tmp_path, reviewed(table, "d1", "d2", "d3", "d4"))
    assert review_progress("INC-1", tmp_path).complete


def test_a_table_that_knows_less_takes_nothing_away(tmp_path: Path) -> None:
    table = queued(tmp_path)
    import_reviews("INC-1", tmp_path, reviewed(table, "d1"))
    older = import_reviews("INC-1", tmp_path, reviewed(table, "d2"))
    assert (older.changed, older.kept) == (1, 1)
    few = import_reviews("INC-1", tmp_path, reviewed(table, "d3").loc[["d3"]])
    assert few.progress.reviewed == 3
    # Affected rows of a later look do not hold d1 any more, and have another.
    later = AFFECTED.iloc[2:].assign(decision=["d2", "d3", None, "d9"])
    queued(tmp_path, later)
    assert review_progress("INC-1", tmp_path).total == 5
    assert review_progress("INC-1", tmp_path).reviewed == 3


def test_reviews_that_contradict_are_told_and_neither_is_lost(tmp_path: Path) -> None:
    table = queued(tmp_path)
    import_reviews("INC-1", tmp_path, reviewed(table, "d1"))
    other = reviewed(table, "d1", "d2", outcome="reversed")
    done = import_reviews("INC-1", tmp_path, other)
    assert [each.id for each in done.conflicts] == [table.id["d1"]]
    assert done.changed == 1
    assert done.progress.outcomes == {"upheld": 1, "reversed": 1}
    import_reviews("INC-1", tmp_path, other, replacing=True)
    assert review_progress("INC-1", tmp_path).outcomes == {"reversed": 2}
    kept = (tmp_path / ".aiir" / "decisions" / "INC-1.jsonl").read_text()
    assert '"history"' in kept
    assert '"upheld"' in kept


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("id", "q-0", "1 rows are not in the queue"),
        ("id", None, "there is no id"),
        ("status", "maybe", "none of pending, in_review, reviewed"),
        ("outcome", "fine", "none of upheld, corrected, reversed"),
        ("outcome", None, "has its outcome"),
        ("reviewer", "", "has its reviewer"),
        ("reviewed_at", "yesterday", "'yesterdayZ?' is not a time"),
        ("status", "pending", "has no outcome"),
    ],
)
def test_a_wrong_row_refuses_the_whole_table(
    column: str, value: str | None, says: str, tmp_path: Path
) -> None:
    table = reviewed(queued(tmp_path), "d1", "d2")
    table.loc["d1", column] = value
    with pytest.raises(InputError, match=says):
        import_reviews("INC-1", tmp_path, table)
    assert review_progress("INC-1", tmp_path).reviewed == 0


def test_a_doubled_row_and_a_missing_queue_are_told(tmp_path: Path) -> None:
    table = queued(tmp_path)
    with pytest.raises(InputError, match="stands in row 1, too"):
        import_reviews("INC-1", tmp_path, pd.concat([table, table]))
    with pytest.raises(InputError, match="has no queue"):
        import_reviews("INC-2", tmp_path, table)
    assert not review_progress("INC-2", tmp_path).complete
