"""``aiir baseline``, and the gate against a name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Aiir, changed, program


def test_the_gate_takes_a_baseline_by_name(aiir: Aiir, recorded: Callable[..., str]) -> None:
    old, new = recorded("old", [1] * 90 + [0] * 10), recorded("new", [1] * 70 + [0] * 30)
    said = aiir("baseline", "set", "main", old, "--note", "release 1", "--by", "ada")
    assert said.code == 0
    assert "main stands for old.csv" in said.out
    by_name = aiir("gate", "--baseline", "main", "--candidate", new, "--format", "json")
    by_path = aiir("gate", "--baseline", old, "--candidate", new, "--format", "json")
    assert by_name.code == by_path.code == 1
    assert by_name.json["claims"] == by_path.json["claims"]
    assert "baseline main: old.csv, set" in by_name.err


def test_a_verdict_moves_no_baseline(aiir: Aiir, recorded: Callable[..., str]) -> None:
    old, new = recorded("old", [1] * 99 + [0]), recorded("new", [1] * 100)
    aiir("baseline", "set", "main", old)
    assert aiir("gate", "--baseline", "main", "--candidate", new).code == 0
    assert aiir("baseline", "show", "main", "--format", "json").json["target_name"] == "old.csv"


@pytest.mark.parametrize("format_", ["text", "json", "markdown"])
def test_list_and_show_tell_what_names_stand_for(
    aiir: Aiir, recorded: Callable[..., str], format_: str
) -> None:
    for name in ("old", "new"):
        aiir("baseline", "set", "main", recorded(name, [1, 0]), "--by", "ada", "--note", "<b>why")
    listed = aiir("baseline", "list", "--format", format_)
    shown = aiir("baseline", "show", "main", "--format", format_)
    assert listed.code == shown.code == 0
    assert "main" in listed.out
    assert "new" in listed.out
    assert "old" in shown.out
    if format_ == "markdown":
        assert "<b>" not in shown.out


def test_what_cannot_be_a_baseline_is_told(
    aiir: Aiir, refused: Callable[..., str], recorded: Callable[..., str]
) -> None:
    old = recorded("old", [1, 0])
    half = changed(old, "half", status="interrupted")
    assert "not complete" in refused("baseline", "set", "main", half)
    assert "no such file" in refused("baseline", "set", "main", "nowhere")
    assert "no baseline is called 'main'" in refused("baseline", "show", "main")
    assert aiir("baseline", "list").code == 0
    aiir("baseline", "set", "main", old)
    err = refused("gate", "--baseline", "prod", "--candidate", old)
    assert "baselines: main" in err
    assert "neither a run folder" in refused("gate", "--baseline", old, "--candidate", "main")


def test_a_baseline_of_nothing_but_errors_is_warned_of(
    aiir: Aiir, recorded: Callable[..., str]
) -> None:
    problem = "every trial errored (2 of 2), so the run says nothing about the target"
    broken = changed(recorded("old", [1, 0]), "broken", problems=[problem])
    said = aiir("baseline", "set", "main", broken)
    assert (said.code, f"warning: {problem}" in said.err) == (0, True)


def test_a_target_where_nothing_names_targets_is_told_so(
    refused: Callable[..., str], aiir: Aiir, recorded: Callable[..., str]
) -> None:
    old = recorded("old", [1, 0])
    said = refused("gate", "--baseline", old, "--candidate", "support@v2", "--suite", "s.yaml")
    assert "there is no aiir.yaml here" in said


def test_files_that_init_finds_are_kept_and_named(aiir: Aiir, here: Path) -> None:
    (here / "policy.yaml").write_text("mine")
    assert "kept policy.yaml: it was there" in aiir("init", ".").err
    assert (here / "policy.yaml").read_text() == "mine"


def test_a_name_of_both_a_target_and_a_baseline_is_ambiguous(
    refused: Callable[..., str], aiir: Aiir, recorded: Callable[..., str], here: Path
) -> None:
    old = recorded("old", [1, 0])
    aiir("baseline", "set", "main", old)
    uri = program("def answer(question):\n    return 'ok'\n") + ":answer"
    (here / "aiir.yaml").write_text(f"schema: aiir/config/1\ntargets:\n  main: {{uri: '{uri}'}}\n")
    assert "is a target and a baseline" in refused("gate", "--baseline", "main", "--candidate", old)
