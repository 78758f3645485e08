"""The index of a register remembers, and is never the truth."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from aiir_eval.incidents import index
from aiir_eval.incidents.index import Listing, list_register
from aiir_eval.incidents.loading import load_register, shipped_corpus

RECORD = """\
schema: aiir/incident/1
id: {id}
title: {title}
class: hallucination
status: {status}
detected_at: "2026-09-01T08:00:00Z"
system: support desk
model: m-1
prompt_version: "7"
data_source: policy pages
user_population: customers
triggering_input: May I claim later?
observed_output: Yes, within 90 days.
downstream_impact: one wrong promise
containment_decision: route paused
remediation_owner: J. Doe
psf_domains: [PSF-2]
"""
N = 60
NOW = datetime(2026, 9, 3, 8, tzinfo=UTC)


def write(folder: Path, number: int, **fields: str) -> Path:
    path = folder / f"INC-{number:03}.yaml"
    given = {"id": path.stem, "title": "A promise", "status": "open", **fields}
    path.write_text(RECORD.format(**given))
    return path


@pytest.fixture
def register(tmp_path: Path) -> Path:
    folder = tmp_path / "register"
    folder.mkdir()
    for number in range(N):
        write(folder, number)
    settle(folder)
    return folder


def settle(folder: Path) -> None:
    """As if the files were written a while ago."""
    for path in folder.glob("*.yaml"):
        os.utime(path, (1_700_000_000, 1_700_000_000))


@pytest.fixture(autouse=True)
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the index looked a minute after the files were written."""
    really = index.time_ns
    monkeypatch.setattr(index, "time_ns", lambda: really() + 60_000_000_000)


def same(one: Listing, other: Listing) -> bool:
    return (one.entries, one.problems) == (other.entries, other.problems)


def test_the_second_look_reads_no_file_and_says_the_same(register: Path) -> None:
    first = list_register(register)
    again = list_register(register)
    assert (first.read, again.read) == (N, 0)
    assert same(first, again)
    assert same(first, list_register(register, index=False))
    assert list_register(register, index=False).read == N


def test_what_changed_is_read_again_and_what_is_gone_is_gone(register: Path) -> None:
    list_register(register)
    write(register, 3, title="Another promise")
    (register / "INC-004.yaml").unlink()
    write(register, 99)
    found = list_register(register)
    assert found.read == 2
    titles = {entry.id: entry.title for entry in found.entries}
    assert titles["INC-003"] == "Another promise"
    assert "INC-004" not in titles
    assert "INC-099" in titles
    assert same(found, list_register(register, index=False))
    assert list_register(register).read == 0


def test_a_change_of_the_same_length_with_the_old_time_is_seen(register: Path) -> None:
    list_register(register)
    path = register / "INC-003.yaml"
    before = path.stat()
    write(register, 3, title="A Promise")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert {e.title for e in list_register(register).entries if e.id == "INC-003"} == {"A Promise"}


def test_a_file_written_a_moment_ago_is_compared_by_its_content(
    register: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(register, 3)
    monkeypatch.undo()
    list_register(register)
    assert list_register(register).read >= 1  # its stamp may not tell two writings apart yet


def break_it(store: Path, how: str) -> None:
    if how == "garbage":
        store.write_bytes(b"\x00garbage" * 999)
    elif how == "cut":
        store.write_bytes(store.read_bytes()[: store.stat().st_size // 2])
    elif how == "empty":
        store.write_bytes(b"")
    elif how == "a folder":
        store.unlink()
        store.mkdir()
    else:
        with sqlite3.connect(store) as database:
            database.execute(how)
        database.close()


@pytest.mark.parametrize(
    "how",
    [
        "garbage",
        "cut",
        "empty",
        "a folder",
        "DROP TABLE files",
        "DROP TABLE meta",
        "UPDATE files SET known = '{'",
        "UPDATE files SET known = '[]'",
        'UPDATE files SET known = \'{"stamp": [1, 2, 3], "entry": {"id": 7}}\'',
        "UPDATE meta SET value = 'of another version'",
    ],
)
def test_a_damaged_index_is_made_anew(register: Path, how: str) -> None:
    truth = list_register(register)
    break_it(register / ".aiir" / "index.sqlite", how)
    found = list_register(register)
    assert same(found, truth)
    assert found.read == N
    if how != "a folder":
        assert list_register(register).read == 0


def test_another_taxonomy_is_another_index(register: Path) -> None:
    list_register(register)
    (register / "psf.yaml").write_text(
        "edition: '9'\nname: Own\npublisher: us\nsource: https://example.com\n"
        "domains: [{id: O-1, name: First, aliases: [PSF-2]}]\n"
    )
    found = list_register(register)
    assert found.read == N
    assert {entry.psf_domains for entry in found.entries} == {("O-1",)}


def test_files_that_are_no_record_are_told_from_the_index_too(register: Path) -> None:
    (register / "bad.yaml").write_text("- a list\n")
    write(register, 5, id="INC-006")
    first, again = list_register(register), list_register(register)
    assert again.read == 0
    assert same(first, again)
    text = "\n".join(map(str, again.problems))
    assert f"{register}/bad.yaml:1: expected a mapping" in text
    assert "the id 'INC-006' is that of" in text


def test_the_index_goes_with_the_folder(
    register: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (register / "bad.yaml").write_text("- a list\n")
    list_register(register)
    moved = tmp_path / "moved"
    register.rename(moved)
    monkeypatch.chdir(moved)
    found = list_register(".")
    assert found.read == 0
    assert found.entries[0].path == "INC-000.yaml"
    assert {problem.file for problem in found.problems} == {"bad.yaml"}


def test_drafts_are_in_the_list_and_say_what_is_open(register: Path) -> None:
    write(register, 7, title="'unknown: fill in (one line)'")
    entry = next(each for each in list_register(register).entries if each.id == "INC-007")
    assert entry.unfinished == 1
    assert "INC-007" not in load_register(register).incidents
    assert "INC-007" in load_register(register, drafts=True).incidents


def test_a_small_register_and_the_shipped_one_leave_nothing_behind(tmp_path: Path) -> None:
    write(tmp_path, 1)
    assert list_register(tmp_path).read == 1
    assert len(list_register(shipped_corpus()).entries) >= 13
    assert not (tmp_path / ".aiir").exists()
    assert not (shipped_corpus() / ".aiir").exists()


def test_a_folder_that_takes_no_index_is_read_all_the_same(register: Path) -> None:
    (register / ".aiir").write_text("in the way")
    assert len(list_register(register).entries) == N
    assert list_register(register).read == N


def entry_with(tmp_path: Path, **lines: Any) -> Any:
    text = RECORD.format(id="INC-1", title="A promise", status=lines.pop("status", "open"))
    for name, value in lines.items():
        text = "\n".join(line for line in text.split("\n") if not line.startswith(f"{name}:"))
        text += f"{name}: {value}\n" if value is not None else ""
    (tmp_path / "INC-1.yaml").write_text(text)
    (entry,) = list_register(tmp_path).entries
    return entry


STEPS = "{{{}}}".format(", ".join(f"contain.{n}: {{status: done}}" for n in range(1, 5)))


@pytest.mark.parametrize(
    ("lines", "phase", "overdue"),
    [
        ({}, "contain", ["contain", "assess"]),
        ({"status": "contained"}, "assess", ["assess"]),
        ({"steps": STEPS}, "assess", ["assess"]),
        ({"status": "assessed"}, "remediate", []),
        ({"status": "remediated", "steps": STEPS}, "learn", []),
        ({"status": "closed"}, "closed", []),
        ({"detected_at": None}, "contain", []),
        ({"reconstructed": "true"}, "contain", []),
        ({"detected_at": '"2026-09-03"'}, "contain", ["contain"]),
        ({"status": "closed", "notifications":
          "[{clock: gdpr-33-1, due_at: '2026-09-02T00:00:00Z'}]"}, "closed", ["clock:gdpr-33-1"]),
        ({"status": "closed", "notifications": "[{clock: gdpr-33-1, due_at: "
          "'2026-09-02T00:00:00Z', reported_at: '2026-09-01T00:00:00Z'}]"}, "closed", []),
    ],
)  # fmt: skip
def test_phase_and_what_is_late_follow_from_the_record(
    lines: dict[str, Any], phase: str, overdue: list[str], tmp_path: Path
) -> None:
    entry = entry_with(tmp_path, **lines)
    assert (entry.phase, entry.overdue(NOW)) == (phase, overdue)


def test_the_playbook_counts_from_detection(tmp_path: Path) -> None:
    due = {each.what: each.due_at for each in entry_with(tmp_path).deadlines}
    hours = {what: (at - datetime(2026, 9, 1, 8, tzinfo=UTC)).total_seconds() / 3600
             for what, at in due.items()}  # fmt: skip
    assert hours == {"contain": 4, "assess": 24, "remediate": 72, "learn": 14 * 24}


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        ({"classes": ["hallucination"]}, 61),
        ({"classes": ["unsafe_action"]}, 0),
        ({"domains": ["PSF-2"]}, 61),
        ({"domains": ["PSF-3"]}, 0),
        ({"system": "DESK"}, 61),
        ({"vendor": "acme"}, 1),
        ({"phases": ["closed"]}, 1),
        ({"overdue_at": NOW}, 60),
        ({"vendor": "acme", "overdue_at": NOW}, 0),
    ],
)
def test_a_list_is_narrowed_by_what_is_asked(
    asked: dict[str, Any], ids: int, register: Path
) -> None:
    path = write(register, 80, status="closed")
    path.write_text(path.read_text() + "vendor: Acme Models\n")
    assert len(list_register(register).select(**asked)) == ids


def test_many_processes_may_make_the_index_at_once(register: Path) -> None:
    import multiprocessing

    context = multiprocessing.get_context("fork")
    look: Callable[[Path], Listing] = list_register
    processes = [context.Process(target=look, args=(register,)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    found = list_register(register)
    assert len(found.entries) == N
    assert found.read == 0
