"""The register: every file is read, one bad file stops nothing, hostile files cost nothing."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import pytest
import yaml

from aiir_eval.errors import DocumentError
from aiir_eval.incidents.loading import Register, load_incident, load_register

RECORD = """\
schema: aiir/incident/1
id: {id}
title: A refund was promised
class: hallucination
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
psf_domains: [D2, Human Oversight]
"""


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def said(register: Register) -> str:
    return "\n".join(str(problem) for problem in register.problems)


def test_records_of_all_folders_below_are_read_in_order(tmp_path: Path) -> None:
    write(tmp_path, "b/INC-2.yml", RECORD.format(id="INC-2"))
    write(tmp_path, "a/INC-1.yaml", RECORD.format(id="INC-1"))
    write(tmp_path, "a/notes.txt", "not a record")
    write(tmp_path, ".hidden/INC-3.yaml", "garbage: [")
    one = write(tmp_path / "other", "INC-4.yaml", RECORD.format(id="INC-4"))
    register = load_register(tmp_path / "a", tmp_path / "b", one, tmp_path / "a" / "INC-1.yaml")
    assert list(register.incidents) == ["INC-1", "INC-2", "INC-4"]
    assert register.problems == ()
    assert register.paths["INC-4"] == one
    assert register.incidents["INC-1"].psf_domains == ["PSF-2", "PSF-6"]


def test_garbage_in_one_file_does_not_stop_the_rest(tmp_path: Path) -> None:
    write(tmp_path, "1.yaml", "a: [1, 2\nb: }")
    write(tmp_path, "2.yaml", "- a list")
    write(tmp_path, "3.yaml", "")
    write(tmp_path, "4.yaml", RECORD.format(id="INC-4").replace("hallucination", "nope"))
    write(tmp_path, "5.yaml", RECORD.format(id="INC-5"))
    (tmp_path / "6.yaml").write_bytes(b"id: \xff\xfe")
    write(tmp_path, "7.yaml", RECORD.format(id="INC-7") + "colour: red\nsources: 3\n")
    register = load_register(tmp_path)
    assert list(register.incidents) == ["INC-5"]
    text = said(register)
    assert {Path(problem.file or "").name for problem in register.problems} == {
        f"{number}.yaml" for number in (1, 2, 3, 4, 6, 7)
    }
    assert f"{tmp_path}/4.yaml:4: class: " in text
    assert f"{tmp_path}/7.yaml:16: colour: unknown field" in text
    assert f"{tmp_path}/7.yaml:17: sources: " in text


def test_an_id_in_two_files_is_a_problem_of_the_second(tmp_path: Path) -> None:
    first = write(tmp_path, "a.yaml", RECORD.format(id="INC-1"))
    write(tmp_path, "b.yaml", RECORD.format(id="INC-1"))
    register = load_register(tmp_path)
    assert list(register.incidents) == ["INC-1"]
    assert said(register).startswith(f"{tmp_path}/b.yaml:2: id: the id 'INC-1' is that of {first}")


def test_a_folder_that_is_missing_or_holds_no_record_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    register = load_register(tmp_path / "absent", tmp_path / "empty")
    assert "absent: no such file or folder" in said(register)
    assert "empty: no record in this folder" in said(register)
    assert register.incidents == {}


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (BOMB, "expands to more than"),
        ("title: !!python/object/apply:os.system ['touch {marker}']\n", "tag"),
        ("title: !!python/name:os.system ''\n", "tag"),
        ("title: !include /etc/passwd\n", "tag"),
        ("<<: {title: x}\n", "merge keys"),
        ("title: a\ntitle: b\n", "stands twice"),
        ("title: *nowhere\n", "nowhere"),
        ("title: " + "[" * 5000 + "\n", "levels deep"),
        ("title: a\n---\ntitle: b\n", "second document"),
        ("? [a, b]\n: c\n", "a key must be plain text"),
        ("title: \x00\n", "not valid YAML"),
    ],
)
def test_hostile_yaml_is_an_error_and_runs_nothing(text: str, says: str, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    path = write(tmp_path, "x.yaml", text.replace("{marker}", str(marker)))
    began = time.process_time()
    with pytest.raises(DocumentError) as caught:
        load_incident(path)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)
    assert not marker.exists()
    assert time.process_time() - began < 5


def test_an_enormous_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    with path.open("w") as stream:
        stream.write("title: ")
        stream.seek(50_000_000)
        stream.write("x\n")
    tracemalloc.start()
    with pytest.raises(DocumentError, match="bytes; the limit is"):
        load_incident(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000


def test_no_yaml_is_a_date_or_a_truth_value_by_accident(tmp_path: Path) -> None:
    text = RECORD.format(id="INC-1") + (
        "occurred_at: 2024-02-14\nflags: {personal_data: {value: no, reason: off}}\n"
    )
    incident = load_incident(write(tmp_path, "x.yaml", text))
    assert incident.occurred_at == "2024-02-14"
    assert (incident.flags.personal_data.value, incident.flags.personal_data.reason) == (
        "no",
        "off",
    )
    assert yaml.safe_load(text)["flags"]["personal_data"]["value"] is False  # what YAML 1.1 does
