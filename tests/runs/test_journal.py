"""The journal: what is written is read, a torn line is dropped, damage is told."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fakes import small_suite

from aiir_eval.errors import DocumentError, InputError
from aiir_eval.runs import read_journal
from aiir_eval.runs.journal import JournalWriter
from aiir_eval.runs.rows import CheckRow, TrialRow, trial_row
from aiir_eval.suites.model import Case
from aiir_eval.tool_calls import ToolCall

CASE = Case(
    id="ä\n1",
    incident_id="I",
    tags=["t"],
    by={"k": "v"},
    input="x",
    expected={"a": [1, None]},
    checks=[{"scorer": "contains", "value": "x"}],
    **{"class": "hallucination"},
)
FULL = trial_row(
    CASE,
    1,
    output="line\nbreak \0 \U0001f600",
    tool_calls=[ToolCall("t", {"n": 0.1, "nested": {"x": [True]}})],
    checks=[CheckRow("c", "contains", "1", 1.0, True, "why")],
    passed=True,
    score=1.0,
    latency_s=0.1 + 0.2,
    input_tokens=2**40,
    started_at=datetime(2024, 5, 17, 12, 0, 0, 123456, tzinfo=UTC),
)


def write(path: Path, *rows: TrialRow) -> None:
    with JournalWriter(path) as journal:
        for row in rows:
            journal.append(row)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    error = trial_row(CASE, 0, error="boom")
    write(tmp_path / "trials.jsonl", FULL, error)
    journal = read_journal(tmp_path / "trials.jsonl")
    assert [row.trial for row in journal.rows] == [1, 0]
    assert journal.rows[0] == TrialRow(**{n: getattr(FULL, n) for n in FULL.__slots__})
    assert not journal.torn
    table = journal.table
    assert table["trial"].to_pylist() == [0, 1]
    assert table["error"].to_pylist() == ["boom", None]
    assert json.loads(table["expected"][0].as_py()) == {"a": [1, None]}


def test_a_line_cut_off_anywhere_is_dropped_and_the_rest_kept(tmp_path: Path) -> None:
    path = tmp_path / "trials.jsonl"
    write(path, FULL, trial_row(CASE, 0, output="ü" * 10))
    data = path.read_bytes()
    first = data.index(b"\n") + 1
    for length in range(first, len(data), 7):
        path.write_bytes(data[:length])
        journal = read_journal(path)
        assert [row.trial for row in journal.rows] == [1]
        assert journal.n_bytes == first
        assert journal.torn == (length > first)


def test_the_writer_cuts_a_torn_line_off_before_it_appends(tmp_path: Path) -> None:
    path = tmp_path / "trials.jsonl"
    write(path, FULL)
    with open(path, "ab") as stream:
        stream.write(b'{"case_id": "c9", "tri')
    with JournalWriter(path) as journal:
        assert [row.trial for row in journal.read()] == [1]
        journal.append(trial_row(CASE, 2))
    assert [row.trial for row in read_journal(path).rows] == [1, 2]


@pytest.mark.parametrize("line", [b"{nope}", b"[]", b"5", b"{}", b"\xff", b""])
def test_a_damaged_line_in_the_middle_is_an_error_with_its_number(
    tmp_path: Path, line: bytes
) -> None:
    path = tmp_path / "trials.jsonl"
    write(path, FULL)
    with open(path, "ab") as stream:
        stream.write(line + b"\n" + b"{}\n")
    with pytest.raises(DocumentError, match=r"trials\.jsonl:2: the line is no trial"):
        read_journal(path)


def test_a_trial_that_stands_twice_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "trials.jsonl", FULL, FULL)
    with pytest.raises(DocumentError, match="stands on line 1 already"):
        read_journal(tmp_path / "trials.jsonl")


def test_only_one_may_write(tmp_path: Path) -> None:
    path = tmp_path / "trials.jsonl"
    with (
        JournalWriter(path),
        pytest.raises(InputError, match="another process is running this run"),
    ):
        JournalWriter(path)
    with JournalWriter(path):
        pass


def test_a_journal_of_nothing_is_an_empty_table(tmp_path: Path) -> None:
    (tmp_path / "trials.jsonl").touch()
    assert read_journal(tmp_path / "trials.jsonl").table.num_rows == 0
    with pytest.raises(DocumentError, match="no such file"):
        read_journal(tmp_path / "none.jsonl")


def test_the_disk_being_full_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="no limit on the size of files here")
    path = tmp_path / "trials.jsonl"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with JournalWriter(path) as journal:
        journal.append(trial_row(small_suite(1).cases[0], 0))
        whole = path.stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (whole + 10, hard))
        try:
            with pytest.raises(InputError, match=r"File too large.*--resume"):
                journal.append(trial_row(small_suite(1).cases[0], 1))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.stat().st_size == whole + 10  # a part of the second line
    assert [row.trial for row in read_journal(path).rows] == [0]
