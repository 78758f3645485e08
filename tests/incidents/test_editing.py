"""A record is changed in its file: comments and untouched lines stay, and nobody loses a change."""

from __future__ import annotations

import multiprocessing
import random
from pathlib import Path

import pytest

from aiir_eval.documents import parse_yaml
from aiir_eval.errors import DocumentError, InputError
from aiir_eval.incidents.editing import edit_incident
from aiir_eval.incidents.loading import load_incident, load_register, shipped_corpus
from aiir_eval.incidents.model import Communication, Flag, Incident, Notification, Step

RECORD = """\
# The refund incident. Ask Ana before closing.
schema: aiir/incident/1
id: INC-1
title: A refund was promised   # short
class: hallucination
kind: incident
status: open
system: support desk
model: m-1
prompt_version: "7"
data_source: policy pages
user_population: customers
triggering_input: May I claim later?
observed_output: Yes, within 90 days.
downstream_impact: >-
  one wrong promise, which the customer took at its word and acted on, so that the case went to
  arbitration in the end
containment_decision: route paused

# Who leads is still open between two teams.
remediation_owner: J. Doe
psf_edition: "1.1"
psf_domains: [D2, Human Oversight]   # as the review said
flags:
  personal_data: {value: "no", reason: nobody's data}   # checked
  # not sure about this one
  customer_harm: {value: unknown}
sources:
  - https://example.com/1  # the ticket
  # and the call:
  - https://example.com/2
# the end
"""


@pytest.fixture
def record(tmp_path: Path) -> Path:
    path = tmp_path / "INC-1.yaml"
    path.write_text(RECORD)
    return path


def changed_lines(path: Path, before: str = RECORD) -> tuple[list[str], list[str]]:
    """The lines that went and that came."""
    old, new = before.splitlines(), path.read_text().splitlines()
    return [line for line in old if line not in new], [line for line in new if line not in old]


def test_one_field_changes_and_every_other_byte_stays(record: Path) -> None:
    edited = edit_incident(record, lambda old: old.model_copy(update={"status": "contained"}))
    assert edited.status == "contained"
    assert record.read_text() == RECORD.replace("status: open", "status: contained")
    assert load_incident(record) == edited


def test_a_comment_at_the_end_of_a_changed_line_stays(record: Path) -> None:
    edit_incident(record, lambda old: old.model_copy(update={"title": "A refund, promised"}))
    (gone,), (came,) = changed_lines(record)
    assert gone == "title: A refund was promised   # short"
    assert came.startswith("title: A refund, promised")
    assert came.endswith("# short")


def test_inside_a_changed_field_the_comments_and_other_entries_stay(record: Path) -> None:
    def change(old: Incident) -> Incident:
        flags = old.flags.model_copy(update={"customer_harm": Flag(value="yes", reason="a loss")})
        sources = [*old.sources, "https://example.com/3"]
        return old.model_copy(update={"flags": flags, "sources": sources})

    edit_incident(record, change)
    gone, came = changed_lines(record)
    assert gone == ["  customer_harm: {value: unknown}"]
    assert len(came) == 2
    assert came[0].startswith("  customer_harm: {value: ")
    assert came[1] == "  - https://example.com/3"
    text = record.read_text()
    for comment in ("# checked", "# not sure about this one", "# the ticket", "# and the call:",
                    "# the end", "# as the review said"):  # fmt: skip
        assert comment in text
    assert load_incident(record).flags.customer_harm.value == "yes"


def test_a_new_field_stands_where_the_schema_has_it_and_reads_as_a_new_record_does(
    record: Path,
) -> None:
    step = Step(status="done", by="ana", at="2026-09-01T08:00:00Z", note="paused: by flag")
    edit_incident(
        record,
        lambda old: old.model_copy(update={"incident_owner": "Ana", "steps": {"contain.1": step}}),
    )
    names = list(parse_yaml(record.read_text(), "x").data)
    assert names.index("incident_owner") == names.index("flags") - 1
    assert names.index("steps") == names.index("sources") - 1
    gone, _ = changed_lines(record)
    assert gone == []
    assert load_incident(record).steps == {"contain.1": step}


def test_a_field_can_be_taken_away(record: Path) -> None:
    edit_incident(record, lambda old: old.model_copy(update={"sources": []}))
    assert "example.com" not in record.read_text()
    assert load_incident(record).sources == []


def test_the_same_change_twice_is_one_and_there_and_back_is_none(record: Path) -> None:
    def owner(name: str | None) -> None:
        edit_incident(record, lambda old: old.model_copy(update={"incident_owner": name}))

    owner("Ana")
    once = record.read_text()
    stamp = record.stat().st_mtime_ns
    owner("Ana")
    assert record.read_text() == once
    assert record.stat().st_mtime_ns == stamp  # nothing differs, nothing is written
    owner(None)
    assert record.read_text() == RECORD


def test_a_change_that_makes_no_record_writes_nothing(record: Path) -> None:
    with pytest.raises(DocumentError, match="status"):
        edit_incident(record, lambda old: old.model_copy(update={"status": "finished"}))
    with pytest.raises(DocumentError, match="is no domain"):
        edit_incident(record, lambda old: old.model_copy(update={"psf_domains": ["PSF-9"]}))
    assert record.read_text() == RECORD
    assert [path.name for path in record.parent.iterdir() if path.is_file()] == ["INC-1.yaml"]


def test_a_field_that_repeats_another_by_an_alias_is_left_to_a_person(record: Path) -> None:
    text = RECORD.replace("triggering_input: May", "triggering_input: &asked May")
    text = text.replace("observed_output: Yes, within 90 days.", "observed_output: *asked")
    record.write_text(text)
    with pytest.raises(InputError, match=r"INC-1.yaml:13: triggering_input.*by hand"):
        edit_incident(record, lambda old: old.model_copy(update={"triggering_input": "May I?"}))
    assert record.read_text() == text
    edit_incident(record, lambda old: old.model_copy(update={"observed_output": "Never"}))
    assert record.read_text() == text.replace("*asked", "Never")


def test_a_file_that_is_no_record_or_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="no such file"):
        edit_incident(tmp_path / "none.yaml", lambda old: old)
    (tmp_path / "bad.yaml").write_text("- a\n")
    with pytest.raises(DocumentError, match="expected a mapping"):
        edit_incident(tmp_path / "bad.yaml", lambda old: old)


def test_a_record_in_json_stays_json(tmp_path: Path) -> None:
    import json

    path = tmp_path / "INC-1.json"
    path.write_text(json.dumps(parse_yaml(RECORD, "x").data))
    edit_incident(path, lambda old: old.model_copy(update={"status": "closed"}))
    assert json.loads(path.read_text())["status"] == "closed"
    assert json.loads(path.read_text())["psf_domains"] == ["D2", "Human Oversight"]


@pytest.mark.parametrize("seed", range(2))
def test_edits_of_the_shipped_records_change_what_they_say_and_no_more(
    seed: int, tmp_path: Path
) -> None:
    rng = random.Random(seed)
    for source in load_register(shipped_corpus()).paths.values():
        path = tmp_path / source.name
        path.write_bytes(source.read_bytes())
        step = Step(status="waived", by="x: y", note="# no\n- comment", at="2026-01-01")
        changes = {
            "status": rng.choice(["open", "contained", "remediated"]),
            "root_cause": rng.choice(["yes", "a: b # c", "two\nlines", "…  "]),
            "incident_owner": "Ana",
            "steps": {"learn.1": step},
            "notifications": [Notification(clock="gdpr-33-1", due_at="2026-01-01T00:00:00Z")],
        }
        wanted = dict(rng.sample(sorted(changes.items()), 3))
        before = load_incident(path)
        after = edit_incident(path, lambda old, wanted=wanted: old.model_copy(update=wanted))
        assert after == before.model_copy(update=wanted)
        assert load_incident(path) == after
        gone, _ = changed_lines(path, source.read_text())
        assert len(gone) <= 4, gone  # status, and a root cause that may take some lines


def note_down(path: Path, name: str, times: int) -> None:
    """What a process of another person does: so many communications, one after the other."""
    for number in range(times):
        told = Communication(at="2026-09-01T08:00:00Z", to=name, summary=f"{name} {number}")
        edit_incident(
            path,
            lambda old, told=told: old.model_copy(
                update={"communications": [*old.communications, told]}
            ),
        )


def test_processes_that_edit_one_record_at_once_lose_nothing(record: Path) -> None:
    context = multiprocessing.get_context("fork")
    people = ["ana", "bo", "cy", "di"]
    processes = [context.Process(target=note_down, args=(record, name, 6)) for name in people]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    told = [each.summary for each in load_incident(record).communications]
    assert sorted(told) == sorted(f"{name} {number}" for name in people for number in range(6))
    assert "# Who leads is still open between two teams." in record.read_text()


def test_an_editor_that_takes_no_lock_loses_nothing_either(record: Path) -> None:
    calls = []

    def change(old: Incident) -> Incident:
        calls.append(old.model)
        if len(calls) == 1:  # while the command thinks, someone saves the file in an editor
            record.write_text(RECORD.replace("model: m-1", "model: m-2"))
        return old.model_copy(update={"status": "contained"})

    edited = edit_incident(record, change)
    assert calls == ["m-1", "m-2"]
    assert (edited.model, edited.status) == ("m-2", "contained")
    assert load_incident(record) == edited


def test_what_the_lock_leaves_behind_is_hidden_from_git_and_from_the_register(
    record: Path,
) -> None:
    edit_incident(record, lambda old: old.model_copy(update={"status": "closed"}))
    assert (record.parent / ".aiir" / ".gitignore").read_text() == "*\n"
    assert list(load_register(record.parent).incidents) == ["INC-1"]


def test_a_folder_that_takes_no_lock_is_told(record: Path) -> None:
    (record.parent / ".aiir").write_text("in the way")
    with pytest.raises(InputError, match=r"INC-1\.yaml: cannot be changed"):
        edit_incident(record, lambda old: old.model_copy(update={"status": "closed"}))
    assert record.read_text() == RECORD
