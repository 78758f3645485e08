"""A baseline is a name for a run: set on purpose, never moved by itself, never a half run."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from made_runs import table_run

import aiir_eval as aiir
from aiir_eval.errors import DocumentError, InputError
from aiir_eval.runs.baselines import (
    baseline_run,
    is_baseline,
    list_baselines,
    load_baseline,
    read_baseline,
    set_baseline,
)


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., Path]:
    """Saves a run of verdicts: ``saved("v1", [1, 0, 1])``."""

    def save(name: str, ok: list[int], **options: object) -> Path:
        table_run(name, ok, out=tmp_path / name, **options)
        return tmp_path / name

    return save


def test_a_name_stands_for_a_copy_that_outlives_its_run(
    saved: Callable[..., Path], tmp_path: Path
) -> None:
    run = saved("v1", [1, 0, 1, 1])
    kept = set_baseline("main", run, folder=tmp_path / "b", by="ada", note="first")
    shutil.rmtree(run)
    found = load_baseline("main", folder=tmp_path / "b")
    assert found.name == "v1" == kept.target_name
    assert found.trials["passed"].to_pylist() == [True, False, True, True]
    assert (kept.set_by, kept.note, kept.n_cases) == ("ada", "first", 4)
    assert aiir.compare(found, table_run("v2", [1, 1, 1, 1])).n_cases == 4


def test_moving_a_name_keeps_on_record_what_it_stood_for(
    saved: Callable[..., Path], tmp_path: Path
) -> None:
    folder = tmp_path / "b"
    for name in ("v1", "v2", "v3"):
        set_baseline("main", saved(name, [1, 0, 1]), folder=folder, by=name)
    assert [one.target_name for one in read_baseline("main", folder=folder).previous] == [
        "v2",
        "v1",
    ]
    assert len(list(folder.glob("run-*"))) == 1, "only what a name points to is kept"


def test_setting_a_name_to_the_run_it_stands_for_changes_nothing(
    saved: Callable[..., Path], tmp_path: Path
) -> None:
    run = saved("v1", [1, 0])
    first = set_baseline("main", run, folder=tmp_path / "b", by="ada")
    assert set_baseline("main", run, folder=tmp_path / "b", by="bob") == first


def test_two_names_may_share_a_run_and_one_moving_leaves_the_other(
    saved: Callable[..., Path], tmp_path: Path
) -> None:
    folder = tmp_path / "b"
    for name in ("main", "release"):
        set_baseline(
            name, saved("v1", [1, 0]) if name == "main" else tmp_path / "v1", folder=folder
        )
    set_baseline("main", saved("v2", [1, 1]), folder=folder)
    assert load_baseline("release", folder=folder).name == "v1"


def test_an_incomplete_run_is_refused(saved: Callable[..., Path], tmp_path: Path) -> None:
    run = saved("v1", [1, 0])
    manifest = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**manifest, "status": "interrupted"}))
    with pytest.raises(InputError, match="not complete: its status is interrupted"):
        set_baseline("main", run, folder=tmp_path / "b")
    assert not is_baseline("main", folder=tmp_path / "b")


def test_a_run_with_a_case_twice_is_refused(saved: Callable[..., Path], tmp_path: Path) -> None:
    run = saved("v1", [1, 0, 1], ids=["a", "b", "b"])
    with pytest.raises(InputError, match="more than once"):
        set_baseline("main", run, folder=tmp_path / "b")


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a b", "x" * 101, "a\n"])
def test_a_name_that_could_be_a_path_is_refused(
    name: str, saved: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="cannot be the name"):
        set_baseline(name, saved("v1", [1]), folder=tmp_path / "b")
    assert not is_baseline(name, folder=tmp_path / "b")


def test_a_copy_that_was_changed_is_an_error(saved: Callable[..., Path], tmp_path: Path) -> None:
    folder = tmp_path / "b"
    set_baseline("main", saved("v1", [1, 0]), folder=folder)
    manifest = baseline_run("main", folder=folder) / "run.json"
    manifest.write_text(manifest.read_text().replace('"v1"', '"v9"'))
    with pytest.raises(DocumentError, match="not the run that baseline 'main' was set to"):
        load_baseline("main", folder=folder)


def test_an_unknown_name_lists_the_known(saved: Callable[..., Path], tmp_path: Path) -> None:
    set_baseline("main", saved("v1", [1, 0]), folder=tmp_path / "b")
    with pytest.raises(InputError, match=r"no baseline is called 'prod'.*there is: main"):
        read_baseline("prod", folder=tmp_path / "b")


def test_a_damaged_name_hides_no_other(saved: Callable[..., Path], tmp_path: Path) -> None:
    folder = tmp_path / "b"
    set_baseline("main", saved("v1", [1, 0]), folder=folder)
    (folder / "torn.json").write_text('{"schema": ')
    shutil.copy(folder / "main.json", folder / "alias.json")
    there = list_baselines(folder)
    assert list(there.found) == ["main"]
    assert len(there.problems) == 2


def test_names_set_at_the_same_time_lose_nothing(
    saved: Callable[..., Path], tmp_path: Path
) -> None:
    runs = [saved(f"v{i}", [1, 0, i % 2]) for i in range(6)]
    workers = [
        threading.Thread(target=set_baseline, args=("main", run), kwargs={"folder": tmp_path / "b"})
        for run in runs
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    found = read_baseline("main", folder=tmp_path / "b")
    assert len({found.target_name, *(one.target_name for one in found.previous)}) == 6
    assert load_baseline("main", folder=tmp_path / "b").name == found.target_name
