"""Evidence from the command line: what goes in, without what, and whether it is still that."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import Aiir
from incident_files import register as make_register

from aiir_eval.documents import file_digest
from aiir_eval.incidents.loading import load_incident

KEY = "sk-" + "a1B2" * 6


@pytest.fixture
def record(here: Path) -> Path:
    return make_register(here)


def kept(record: Path) -> list[Path]:
    return [record.parent / each.path for each in load_incident(record).evidence]


def test_a_file_is_kept_with_its_digest_and_the_record_lists_it(record: Path, aiir: Aiir) -> None:
    Path("report.txt").write_text("It told me somebody else's address.\n")
    said = aiir("incident", "preserve", "INC-1", "--kind", "user_report", "report.txt")
    assert said.code == 0, said.err
    (place,) = kept(record)
    assert place.read_bytes() == Path("report.txt").read_bytes()
    assert load_incident(record).evidence[0].sha256 == file_digest("report.txt")
    assert "# Ana leads." in record.read_text()  # comments of the record are kept
    again = aiir("incident", "preserve", "INC-1", "--kind", "user_report", "report.txt")
    assert again.code == 0
    assert len(kept(record)) == 1
    assert aiir("incident", "preserve", "INC-1", "--verify").code == 0


def test_keys_always_go_and_personal_data_when_asked(record: Path, aiir: Aiir) -> None:
    text = f"key {KEY} of ann@shop.example, card 4111 1111 1111 1111, order 4111 1111 1111 1112\n"
    Path("log.txt").write_text(text)
    aiir("incident", "preserve", "INC-1", "--kind", "log", "log.txt")
    asked = ("--redact", "emails", "--redact", "cards", "--redact", r"order \d{4}")
    said = aiir("incident", "preserve", "INC-1", "--kind", "log", "log.txt", *asked)
    plain, redacted = (place.read_text() for place in kept(record))
    assert KEY not in plain
    assert "ann@shop.example" in plain
    assert redacted == (
        "key [redacted: api key] of [redacted: emails], card [redacted: cards], "
        "[redacted: pattern 1] 1111 1111 1112\n"
    )
    assert "1 emails" in said.out
    assert load_incident(record).evidence[1].sha256 == file_digest(kept(record)[1])


def test_rows_of_a_time_window_are_kept(record: Path, aiir: Aiir) -> None:
    rows = pa.table(
        {
            "at": [f"2024-09-01T0{hour}:00:00Z" for hour in range(6)],
            "text": [f"mail a{hour}@b.example" for hour in range(6)],
            "n": list(range(6)),
        }
    )
    pq.write_table(rows, "log.parquet")
    window = ("--time", "at", "--from", "2024-09-01T02:00Z", "--to", "2024-09-01T05:00Z")
    said = aiir(
        "incident", "preserve", "INC-1", "--kind", "log", "log.parquet", *window,
        "--where", "n <> 3", "--redact", "emails",
    )  # fmt: skip
    assert said.code == 0, said.err
    (place,) = kept(record)
    found = [json.loads(line) for line in place.read_text().splitlines()]
    assert [row["n"] for row in found] == [2, 4]
    assert found[0]["text"] == "mail [redacted: emails]"


def test_a_parquet_file_keeps_its_bytes_unless_a_text_of_it_must_change(
    record: Path, aiir: Aiir
) -> None:
    pq.write_table(pa.table({"n": [1, 2], "text": ["a", "b"]}), "clean.parquet")
    pq.write_table(pa.table({"n": [1, 2], "text": ["a", KEY]}), "keys.parquet")
    said = aiir("incident", "preserve", "INC-1", "--kind", "log", "clean.parquet", "keys.parquet")
    assert said.code == 0, said.err
    clean, keys = kept(record)
    assert clean.read_bytes() == Path("clean.parquet").read_bytes()
    assert pq.read_table(keys).to_pylist() == [
        {"n": 1, "text": "a"},
        {"n": 2, "text": "[redacted: api key]"},
    ]


def tampered(change: Callable[[Path], object]) -> Callable[[Path], object]:
    def act(record: Path) -> object:
        place = kept(record)[0]
        place.chmod(0o644)
        return change(place)

    return act


def cut_manifest(record: Path) -> object:
    manifest = kept(record)[0].parents[1] / "manifest.jsonl"
    return manifest.write_text("".join(manifest.read_text().splitlines(keepends=True)[1:]))


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (tampered(lambda place: place.write_text("nothing happened")), "was changed"),
        (tampered(lambda place: place.unlink()), "cannot be read"),
        (tampered(lambda place: place.with_name("more.txt").write_text("x")), "nobody preserved"),
        (cut_manifest, "the line before this one was changed"),
        (
            lambda record: record.write_text(record.read_text().split("evidence:")[0]),
            "the record does not list it",
        ),
    ],
)
def test_what_is_no_longer_as_it_was_preserved_is_told(
    act: Callable[[Path], object], says: str, record: Path, aiir: Aiir
) -> None:
    for name in ("one.txt", "two.txt"):
        Path(name).write_text(name)
    aiir("incident", "preserve", "INC-1", "--kind", "output", "one.txt", "two.txt")
    assert aiir("incident", "preserve", "INC-1", "--verify").code == 0
    act(record)
    said = aiir("incident", "preserve", "INC-1", "--verify")
    assert said.code == 2
    assert says in said.out
    assert aiir("incident", "preserve", "INC-1", "--verify", "--format", "json").json["problems"]


def test_links_are_refused_and_nothing_leaves_the_store(
    record: Path, aiir: Aiir, refused: Callable[..., str]
) -> None:
    Path("secret.txt").write_text("elsewhere")
    Path("link.txt").symlink_to("secret.txt")
    assert "link" in refused("incident", "preserve", "INC-1", "--kind", "log", "link.txt")
    assert "link" in refused(
        "incident", "preserve", "INC-1", "--kind", "log", "link.txt", "--where", "true"
    )
    elsewhere = record.parents[1] / "elsewhere"
    elsewhere.mkdir()
    store = record.parent / ".aiir" / "evidence"
    store.mkdir(parents=True, exist_ok=True)
    (store / "INC-1").symlink_to(elsewhere)
    said = refused("incident", "preserve", "INC-1", "--kind", "log", "secret.txt")
    assert "a link may not stand" in said
    assert list(elsewhere.iterdir()) == []


def test_a_name_cannot_lead_out_of_the_store(record: Path, aiir: Aiir) -> None:
    Path(".. evil $(x).txt").write_text("x")
    assert aiir("incident", "preserve", "INC-1", "--kind", "log", ".. evil $(x).txt").code == 0
    (place,) = kept(record)
    assert place.parent == record.parent / ".aiir/evidence/INC-1/log"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--kind", "log"), "name what to preserve"),
        (("log.txt",), "--kind"),
        (("log.txt", "--kind", "log", "--from", "2024-01-01"), "--time COL"),
        (("log.txt", "--kind", "log", "--redact", "("), "no pattern"),
        (("log.txt", "--kind", "log", "--redact", "email"), "did you mean emails"),
        (("gone.txt", "--kind", "log"), "no such file"),
        (("data.bin", "--kind", "log", "--redact", "emails"), "neither text nor"),
        (("log.txt", "--verify"), "takes no FILE"),
        (("log.csv", "--kind", "log", "--time", "n", "--from", "2024-01-01"), "no time"),
        (("log.csv", "--kind", "log", "--time", "at", "--from", "2025-01-01"), "no row"),
        (("--trace", "tr-1", "--mlflow", "sqlite:///gone.db"), "no such file"),
    ],
)
def test_what_cannot_be_preserved_is_refused(
    arguments: tuple[str, ...], says: str, record: Path, refused: Callable[..., str]
) -> None:
    Path("log.txt").write_text("x")
    Path("data.bin").write_bytes(b"\0\1\2")
    Path("log.csv").write_text("at,n\n2024-01-01T00:00:00Z,1\n")
    assert says in refused("incident", "preserve", "INC-1", *arguments)
    assert load_incident(record).evidence == []


def test_show_says_which_kinds_are_missing(record: Path, aiir: Aiir) -> None:
    Path("a.txt").write_text("x")
    for kind in ("prompt", "output", "trace", "log", "score", "user_report"):
        aiir("incident", "preserve", "INC-1", "--kind", kind, "a.txt")
    told = aiir("incident", "show", "INC-1", "--format", "json").json["playbook"]["evidence"]
    assert told["missing"] == ["vendor_status"]
    assert told["preserved"]["log"] == 1


def test_many_at_once_keep_one_unbroken_manifest(record: Path, aiir: Aiir) -> None:
    from concurrent.futures import ThreadPoolExecutor
    from datetime import UTC, datetime

    from aiir_eval.incidents.editing import edit_incident
    from aiir_eval.response.extracting import Preserving
    from aiir_eval.response.preserving import EvidenceStore, with_evidence

    def keep(number: int) -> None:
        place = Path(f"{number}.txt")
        place.write_text(f"report {number}")
        store = EvidenceStore(record, "INC-1")
        line = Preserving(store, "user_report", datetime.now(UTC)).file(place)
        edit_incident(record, lambda incident: with_evidence(incident, [line]))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(keep, range(12)))
    assert len(kept(record)) == 12
    assert aiir("incident", "preserve", "INC-1", "--verify").code == 0
