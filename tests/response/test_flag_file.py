"""Flags of a flagd file: switched off for incidents, and put back as they stood."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from aiir_eval.errors import InputError
from aiir_eval.response.flag_file import switch_back, switch_off

OTHER = {"state": "ENABLED", "variants": {"a": 1, "b": 2}, "defaultVariant": "a"}
OWN = {
    "state": "DISABLED",
    "variants": {"yes": True, "no": False},
    "defaultVariant": "yes",
    "targeting": {"if": [{"==": [{"var": "tier"}, "gold"]}, "yes", "no"]},
    "metadata": {"team": "desk"},
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "flags.json"


def written(path: Path, **flags: Any) -> None:
    path.write_text(json.dumps({"$schema": "s", "$evaluators": {"e": {}}, "flags": flags}))


def flags(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())["flags"]
    return found


def test_a_new_flag_is_off_and_goes_again(path: Path) -> None:
    change = switch_off(path, "route.policy", "INC-1")
    flag = flags(path)["route.policy"]
    assert flag["state"] == "ENABLED"
    assert flag["variants"][flag["defaultVariant"]] is False
    assert change.held_by == ("INC-1",)
    assert all(isinstance(value, str) for value in flag["metadata"].values())  # flagd wants scalars
    switch_back(path, "route.policy", "INC-1")
    assert flags(path) == {}


def test_a_flag_that_is_there_is_off_whatever_it_was_and_comes_back_as_it_stood(path: Path) -> None:
    written(path, other=OTHER, mine=OWN)
    switch_off(path, "mine", "INC-1")
    flag = flags(path)["mine"]
    # Disabled, or with targeting, the application would get its own default: it would run.
    assert (flag["state"], flag["defaultVariant"]) == ("ENABLED", "no")
    assert "targeting" not in flag
    assert flag["metadata"]["team"] == "desk"
    assert flags(path)["other"] == OTHER
    switch_back(path, "mine", "INC-1")
    assert json.loads(path.read_text()) == {
        "$schema": "s",
        "$evaluators": {"e": {}},
        "flags": {"other": OTHER, "mine": OWN},
    }


def test_it_stays_off_until_the_last_incident_lets_go(path: Path) -> None:
    written(path, mine=OWN)
    for incident in ("INC-1", "INC-2", "INC-1"):
        switch_off(path, "mine", incident)
    assert switch_back(path, "mine", "INC-1").held_by == ("INC-2",)
    assert flags(path)["mine"]["defaultVariant"] == "no"
    with pytest.raises(InputError, match="held by INC-2"):
        switch_back(path, "mine", "INC-1")
    switch_back(path, "mine", "INC-2")
    assert flags(path)["mine"] == OWN


def test_a_dry_run_writes_nothing(path: Path) -> None:
    change = switch_off(path, "route.policy", "INC-1", dry_run=True)
    assert change.changed
    assert not path.exists()
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("text", ["[]", "{", '{"flags": []}', ""])
def test_what_is_no_flag_file_is_left_alone(text: str, path: Path) -> None:
    path.write_text(text)
    with pytest.raises(InputError):
        switch_off(path, "route.policy", "INC-1")
    assert path.read_text() == text


@pytest.mark.parametrize("flag", [OTHER, {}, {"variants": {"on": True}}, 7])
def test_a_flag_that_cannot_be_off_is_refused(flag: Any, path: Path) -> None:
    written(path, other=flag)
    with pytest.raises(InputError, match="not boolean"):
        switch_off(path, "other", "INC-1")
    assert flags(path)["other"] == flag


def test_many_at_once_lose_nothing(path: Path) -> None:
    names = [f"route.r{n}" for n in range(12)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda name: switch_off(path, name, "INC-1"), names))
    assert sorted(flags(path)) == sorted(names)


def test_a_link_is_followed_so_that_applications_read_what_was_switched_off(path: Path) -> None:
    written(path.with_name("read.json"), **{"route.policy": OWN})
    path.symlink_to("read.json")
    switch_off(path, "route.policy", "INC-1")
    assert path.is_symlink()
    assert flags(path.with_name("read.json"))["route.policy"]["defaultVariant"] == "no"
    switch_back(path, "route.policy", "INC-1")
    assert flags(path.with_name("read.json"))["route.policy"] == OWN
