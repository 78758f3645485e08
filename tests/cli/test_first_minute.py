"""The first minute: two result files of anything, no configuration."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from aiir_eval.cli import invoke


def write_csv(path: Path, rows: list[dict[str, object]]) -> Path:
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def results(path: Path, broken: set[int], n: int = 100) -> Path:
    return write_csv(path, [{"id": f"{i:03}", "ok": int(i not in broken)} for i in range(n)])


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    old = results(tmp_path / "old.csv", {1, 2, 3, 4})
    new = results(tmp_path / "new.csv", {3, 4, *range(20, 40)})
    return str(old), str(new)


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = invoke(arguments)
    out, err = capsys.readouterr()
    return code, out, err


def test_two_csv_files_are_compared_without_any_configuration(
    files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = call(capsys, "compare", *files, "--id", "id", "--passed", "ok")
    assert code == 0
    assert "96.0%" in out and "78.0%" in out
    assert "20" in out and "broke" in out
    assert "020" in out  # an id keeps its zeros


def test_the_json_has_exactly_the_keys_of_the_contract(
    files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = call(
        capsys,
        "compare",
        *files,
        "--id",
        "id",
        "--passed",
        "ok",
        "--margin",
        "0.02",
        "--format",
        "json",
    )
    result = json.loads(out)
    assert code == 0
    assert list(result) == [
        "conclusion",
        "n_cases",
        "n_clusters",
        "n_trials",
        "baseline",
        "candidate",
        "difference",
        "flips",
        "checks",
        "non_inferiority",
        "minimum_detectable_effect",
        "slices",
        "findings",
        "comparability",
    ]
    assert result["conclusion"] == "regressed"
    assert result["flips"] == {"broke": 20, "fixed": 2}
    assert result["difference"]["estimate"] == pytest.approx(-0.18)
    assert result["non_inferiority"]["holds"] is False
    assert result["comparability"] == {"ok": True, "problems": []}


def test_an_inconclusive_result_says_how_many_cases_would_settle_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = results(tmp_path / "old.csv", {1, 2, 3}, n=30)
    new = results(tmp_path / "new.csv", {2, 3, 5, 6}, n=30)
    code, out, _ = call(
        capsys, "compare", str(old), str(new), "--id", "id", "--passed", "ok", "--margin", "0.02"
    )
    assert code == 0
    assert "more cases" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--id", "id", "--passed", "okay"), "okay"),
        (("--id", "idd", "--passed", "ok"), "idd"),
        ((), "--id"),
        (("--id", "id", "--passed", "ok", "--margin", "2"), "margin"),
    ],
)
def test_a_wrong_option_is_named_and_the_exit_code_is_2(
    files: tuple[str, str],
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    said: str,
) -> None:
    code, out, err = call(capsys, "compare", *files, *arguments)
    assert code == 2
    assert said in err
    assert "Traceback" not in err
    assert out == ""


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("id,ok\n1,1\n2,\n", "row 2"),
        ("id,ok\n1,1\n,0\n", "null"),
        ("id,ok\n1,1\n2,maybe\n", "maybe"),
        ("id,ok\n", "no rows"),
        ("", "empty"),
        ("id,ok\n1,1,1\n", "bad.csv:2"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_with_the_place(
    files: tuple[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: str,
    said: str,
) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text(content)
    code, _, err = call(capsys, "compare", files[0], str(bad), "--id", "id", "--passed", "ok")
    assert code == 2
    assert said in err
    assert "bad.csv" in err
    assert "Traceback" not in err


def test_repeated_ids_are_imported_with_a_warning_and_comparing_them_is_invalid(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"id": i % 9, "ok": 1} for i in range(10)]
    old, new = write_csv(tmp_path / "a.csv", rows), write_csv(tmp_path / "b.csv", rows)
    code, out, _ = call(
        capsys, "compare", str(old), str(new), "--id", "id", "--passed", "ok", "--format", "json"
    )
    result = json.loads(out)
    assert code == 0
    assert result["conclusion"] == "invalid"
    assert "duplicate_ids" in {finding["code"] for finding in result["findings"]}


def test_progress_and_warnings_stay_off_stdout(files: tuple[str, str], tmp_path: Path) -> None:
    from aiir_eval.cli.app import aiir

    arguments = ["compare", *files, "--id", "id", "--passed", "ok", "--format", "json"]
    done = CliRunner().invoke(aiir, [*arguments, "-o", str(tmp_path / "c.json")])
    json.loads(done.stdout)
    assert "saved" in done.stderr
