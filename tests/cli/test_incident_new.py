"""Opening a record: flags in a script, questions in a terminal, and nothing written over."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from command_line import AIIR, Aiir

from aiir_eval.incidents.loading import load_incident

OPEN = ("incident", "new", "--class", "hallucination", "--title", "A fare that there is not")
MINIMUM = {
    "--system": "desk", "--model": "m-1", "--prompt-version": "7", "--data-source": "fares",
    "--user-population": "riders", "--triggering-input": "How much?",
    "--observed-output": "Nothing.",
    "--downstream-impact": "lost fares", "--containment-decision": "route paused",
    "--remediation-owner": "C. Ruiz", "--detected-at": "2026-03-01T09:30Z",
}  # fmt: skip


def test_a_script_states_the_whole_minimum_record_by_flags(aiir: Aiir, here: Path) -> None:
    flags = [part for pair in MINIMUM.items() for part in pair]
    said = aiir(*OPEN, *flags, "--id", "F-1", "--kind", "near_miss", "--flag",
                "financial_loss=yes:fares not paid", "--owner", "A. Ek")  # fmt: skip
    assert (said.code, said.out) == (0, "incidents_corpus/hallucination/F-1.yaml\n")
    record = load_incident(said.out.strip())  # no draft: nothing is open in it
    assert (record.kind, record.incident_owner, record.system) == ("near_miss", "A. Ek", "desk")
    assert record.detected_at == "2026-03-01T09:30:00Z"
    assert record.flags.financial_loss.value == "yes"
    assert aiir("incident", "validate").code == 0


def test_what_is_not_stated_is_marked_and_named(aiir: Aiir, here: Path) -> None:
    said = aiir(*OPEN, "--observed-action", "sold it")
    assert said.code == 0
    assert "model" in said.err and "no deadline runs" in said.err and "observed" not in said.err
    record = load_incident(said.out.strip(), draft=True)
    assert record.model.startswith("unknown: fill in") and record.observed_output is None
    checked = aiir("incident", "validate")
    assert checked.code == 2 and "remediation_owner" in checked.err + checked.out


def test_a_script_that_states_too_little_is_told_what_is_needed(
    refused: Callable[..., str], here: Path
) -> None:
    told = refused("incident", "new", "--system", "desk")
    assert "--class" in told and "--title" in told and "--from" in told
    assert "no domain" in refused(*OPEN, "--psf-domain", "PSF-99")
    assert "hallucination" in refused("incident", "new", "--class", "bug", "--title", "x")
    assert "--from" in refused(*OPEN, "--column", "model=m")
    for id_ in ("../../up", "/etc/x", ".hidden", "a b"):
        assert "id" in refused(*OPEN, "--id", id_)
    assert "before it occurred" in refused(
        *OPEN, "--occurred-at", "2026-03-02", "--detected-at", "2026-03-01"
    )
    assert not list(here.rglob("*.yaml"))


def test_an_id_is_given_once_whatever_the_class(
    aiir: Aiir, refused: Callable[..., str], here: Path
) -> None:
    first = aiir(*OPEN, "--id", "F-1")
    before = Path(first.out.strip()).read_bytes()
    again = ("incident", "new", "--class", "quality_drift", "--title", "Another", "--id", "F-1")
    assert "already" in refused(*again)
    assert "already" in refused(*OPEN, "--id", "F-1")
    assert Path(first.out.strip()).read_bytes() == before
    Path("out.yaml").symlink_to(here / "elsewhere.yaml")
    assert "already" in refused(*OPEN, "--id", "F-2", "-o", "out.yaml")
    assert not Path("elsewhere.yaml").exists()


def test_records_opened_at_once_get_ids_or_errors_and_none_is_lost(here: Path) -> None:
    def open_one(n: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run([AIIR, *OPEN, "--system", f"desk {n}"], capture_output=True,
                              text=True, stdin=subprocess.DEVNULL)  # fmt: skip

    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(open_one, range(3)))
    assert [each.returncode for each in done] == [0, 0, 0], done
    assert len({each.stdout for each in done}) == 3
    systems = {load_incident(each.stdout.strip(), draft=True).system for each in done}
    assert systems == {"desk 0", "desk 1", "desk 2"}


def test_a_file_elsewhere_makes_no_register_here(aiir: Aiir, here: Path) -> None:
    assert aiir(*OPEN, "-o", "kept/one.yaml").code == 0
    assert not Path("incidents_corpus").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="a terminal of this kind")
@pytest.mark.parametrize("ends", ["answered", "interrupted"])
def test_a_terminal_asks_for_what_was_not_stated(here: Path, ends: str) -> None:
    ours, theirs = pty.openpty()
    command = [AIIR, "incident", "new", "--title", "A fare that there is not", "--id", "F-1",
               "--model", "m-1"]  # fmt: skip
    pipe = subprocess.PIPE
    running = subprocess.Popen(command, stdin=theirs, stdout=pipe, stderr=pipe, text=True,
                               start_new_session=True)  # fmt: skip
    os.close(theirs)
    answers = ["nonsense", "hallucination", "yesterday", "2026-03-01T09:30Z", "desk"]
    if ends == "answered":
        answers += ["", "", "", "How much?", "Nothing.", "", "", "C. Ruiz", "A. Ek", "", "PSF-99",
                    "PSF-1"]  # fmt: skip
        os.write(ours, "".join(f"{answer}\n" for answer in answers).encode())
    else:
        os.write(ours, "".join(f"{answer}\n" for answer in answers).encode() + b"\x04")
    out, err = running.communicate(timeout=60)
    os.close(ours)
    if ends == "interrupted":
        assert (running.returncode, out) == (130, "")
        assert not list(here.rglob("*.yaml"))
        return
    assert running.returncode == 0, err
    assert "is no time" in err and "PSF-99" in err
    record = load_incident(out.strip(), draft=True)
    assert (record.class_, record.system, record.model) == ("hallucination", "desk", "m-1")
    assert (record.triggering_input, record.observed_output) == ("How much?", "Nothing.")
    assert (record.remediation_owner, record.incident_owner) == ("C. Ruiz", "A. Ek")
    assert record.psf_domains == ["PSF-1"] and record.detected_at == "2026-03-01T09:30:00Z"
    assert record.prompt_version.startswith("unknown: fill in")


def test_a_row_and_what_is_stated_make_one_record(aiir: Aiir, here: Path) -> None:
    Path("log.csv").write_text("id,input,output,model\n7,How much?,Nothing.,m-1\n")
    said = aiir("incident", "new", "--from", "log.csv#7", "--system", "desk", "--model", "m-2")
    record = load_incident(said.out.strip(), draft=True)
    assert (record.system, record.model, record.tags) == ("desk", "m-2", ["draft-class"])
    assert aiir("incident", "set", record.id, "--class", "quality_drift").code == 0
    changed = load_incident(said.out.strip(), draft=True)
    assert (changed.class_, changed.tags) == ("quality_drift", [])


@pytest.mark.parametrize("option", ["--owner", "--communications-owner", "--vendor", "--system"])
def test_blanks_are_no_owner_and_no_answer(
    aiir: Aiir, refused: Callable[..., str], here: Path, option: str
) -> None:
    path = Path(aiir(*OPEN, "--id", "F-1").out.strip())
    before = path.read_bytes()
    assert "may not be empty" in refused("incident", "set", "F-1", option, "   ")
    assert path.read_bytes() == before


def test_one_record_is_worked_on_without_a_word_on_the_others(
    aiir: Aiir, refused: Callable[..., str], here: Path
) -> None:
    path = Path(aiir(*OPEN, "--id", "F-1").out.strip())
    for n in range(3):
        Path(f"incidents_corpus/broken-{n}.yaml").write_text("id: [")
    said = aiir("incident", "set", "F-1", "--owner", "A. Ek")
    assert said.code == 0 and "broken" not in said.err
    assert "broken-2" in aiir("incident", "list").err
    assert "broken-2" in refused("incident", "show", "F-7")  # it may be the one that is meant
    Path("incidents_corpus/twin.yaml").write_bytes(path.read_bytes())
    assert "is that of" in aiir("incident", "show", "F-1").err
