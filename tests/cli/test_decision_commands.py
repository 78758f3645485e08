"""``aiir incident decisions``: out to the reviewers, and back."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Aiir
from test_blast_radius_command import RECORD

AFFECTED = "row_id,decision,user,output\nlog#1,d1,u1,'=cmd\nlog#2,d2,u2,Yes\nlog#3,,u3,No\n"


@pytest.fixture
def queue(here: Path, aiir: Aiir) -> str:
    Path("incidents_corpus").mkdir()
    Path("incidents_corpus/INC-1.yaml").write_text(RECORD)
    Path("affected.csv").write_text(AFFECTED)
    said = aiir("incident", "decisions", "export", "INC-1", "--from", "affected.csv",
                "-o", "queue.csv", "--kind", "legal")  # fmt: skip
    assert (said.code, said.out) == (0, "queue.csv\n")
    assert "1 rows without a decision are left out" in said.err
    return "queue.csv"


def rows_of(path: str) -> list[dict[str, str]]:
    with Path(path).open(newline="") as stream:
        return list(csv.DictReader(stream))


def reviewed(queue: str, outcome: str, note: str = "") -> None:
    rows = rows_of(queue)
    for row in rows:
        row |= {"status": "reviewed", "reviewer": "R. Ito", "reviewed_at": "2026-11-23"}
        row |= {"outcome": outcome, "note": note}
    with Path(queue).open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def test_a_queue_goes_out_and_comes_back(queue: str, aiir: Aiir) -> None:
    rows = rows_of(queue)
    assert [row["output"][:2] for row in rows if row["decision"] == "d1"] == ["'="]
    assert {row["kind"] for row in rows} == {"legal"}
    said = aiir("incident", "decisions", "show", "INC-1", "--format", "json")
    assert said.json["by_kind"] == {"legal": {"reviewed": 0, "total": 2}}
    reviewed(queue, "upheld")
    for format_ in ("text", "markdown"):
        done = aiir("incident", "decisions", "import", "INC-1", queue, "--format", format_)
        assert done.code == 0
        assert "2 of 2 decisions reviewed (2 upheld)" in done.out
    reviewed(queue, "reversed")
    done = aiir("incident", "decisions", "import", "INC-1", queue, "--format", "json")
    assert done.code == 1
    assert len(done.json["conflicts"]) == 2
    assert "kept upheld by R. Ito, not reversed" in done.err
    done = aiir("incident", "decisions", "import", "INC-1", queue, "--replace")
    assert done.code == 0


def test_a_note_that_begins_like_a_formula_stays_what_it_was(queue: str, aiir: Aiir) -> None:
    reviewed(queue, "upheld", "'-5 USD paid back")
    assert aiir("incident", "decisions", "import", "INC-1", queue).code == 0
    aiir("incident", "decisions", "export", "INC-1", "--from", "affected.csv", "-o", "again.csv")
    assert {row["note"] for row in rows_of("again.csv")} == {"'-5 USD paid back"}
    said = aiir("incident", "decisions", "import", "INC-1", "again.csv", "--format", "json")
    assert said.json["unchanged"] == 2


def test_bad_input_is_told(queue: str, refused: Callable[..., str]) -> None:
    ask = ("incident", "decisions")
    assert "none of pending" not in refused(*ask, "import", "INC-1", "affected.csv")
    export = (*ask, "export", "INC-1", "--from", "affected.csv", "-o")
    assert ".csv or .parquet" in refused(*export, "queue.txt")
    assert "write KIND=SQL" in refused(*export, "q.csv", "--kind-where", "other=true")
    assert "nothing" in refused(*export, "q.csv", "--kind-where", "legal=nothing > 1")
    assert "no incident" in refused(*ask, "show", "INC-9")
