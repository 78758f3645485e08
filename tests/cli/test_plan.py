"""Planning and calibrating from the command line: tables or runs in, answers and files out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aiir_eval.cli import invoke

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    paths = []
    for name, every in (("old", 10), ("new", 11)):
        path = tmp_path / f"{name}.csv"
        rows = [f"{i},{int(i % every != 0)}" for i in range(120)]
        path.write_text("\n".join(["id,ok", *rows]) + "\n")
        paths.append(str(path))
    return paths[0], paths[1]


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = invoke(arguments)
    out, err = capsys.readouterr()
    return code, out, err


def test_a_plan_from_assumed_rates(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(
        capsys, "plan", "--margin", "0.02", "--power", "0.8", "--pass-rate", "0.9",
        "--discordance", "0.1", "--difference", "0", "--icc", "0.2", "--cluster-size", "5",
        "--trials", "5", "--format", "json",
    )  # fmt: skip
    result = json.loads(out)
    assert (code, err) == (0, "")
    assert result["goal"] == "non_inferior"
    (design,) = result["designs"]
    assert design["trials"] == 5
    assert design["cases"] == pytest.approx(2400, rel=0.1)
    assert design["clusters"] == design["cases"] / 5
    assert design["power"] == pytest.approx(0.8, abs=0.02)


def test_a_plan_reads_like_an_answer(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["plan", "--margin", "0.05", "--pass-rate", "0.9", "--discordance", "0.1"]
    code, out, _ = call(capsys, *arguments)
    assert code == 0
    assert out.startswith("To show that an unchanged version loses less than 5 points")
    assert "More cases help" in out
    code, out, _ = call(capsys, *arguments, "--format", "markdown")
    assert code == 0 and "| trials |" in out


def test_a_plan_from_a_pilot_table(
    files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = call(
        capsys, "plan", "--margin", "0.05", "--pilot", files[0], "--pilot-candidate", files[1],
        "--id", "id", "--passed", "ok", "--trials", "1", "--format", "json",
    )  # fmt: skip
    result = json.loads(out)
    assert code == 0
    assert result["assumptions"]["pass_rate"] == pytest.approx(0.9)
    assert any("pilot" in note for note in result["notes"])


def test_trials_for_an_incident(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "plan", "--failure-rate-below", "0.05", "--format", "json")
    assert code == 0
    assert json.loads(out)["failure_rate_bound"]["trials"] == 59


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("plan",), "nothing to plan from"),
        (("plan", "--pass-rate", "0.9"), "margin"),
        (("plan", "--pass-rate", "2", "--margin", "0.1"), "pass-rate"),
        (("plan", "--pass-rate", "0.9", "--margin", "0.1", "--icc", "0.2"), "icc"),
        (("plan", "--pilot", "nowhere", "--margin", "0.1"), "nowhere"),
        (("calibrate", "--baseline", "nowhere", "--candidate", "nowhere"), "nowhere"),
        (("calibrate", "--baseline", "OLD", "--candidate", "NEW"), "--id"),
        (("calibrate", "--baseline", "OLD", "--candidate", "NEW", "-o", "x.gif"), "x.gif"),
        (
            ("calibrate", "--baseline", "OLD", "--candidate", "NEW", "--policy", "no.yaml", "--id",
             "id", "--passed", "ok"),
            "no.yaml",
        ),
    ],
)  # fmt: skip
def test_bad_input_is_named_and_the_exit_code_is_2(
    files: tuple[str, str],
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    said: str,
) -> None:
    named = [{"OLD": files[0], "NEW": files[1]}.get(word, word) for word in arguments]
    code, out, err = call(capsys, *named)
    assert code == 2
    assert said in err
    assert "Traceback" not in err and "defect" not in err
    assert out == ""


def test_a_calibration_writes_what_the_names_of_its_files_say(
    files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outs = [
        str(tmp_path / "out" / f"power.{kind}") for kind in ("png", "svg", "html", "json", "md")
    ]
    code, out, err = call(
        capsys, "calibrate", "--baseline", files[0], "--candidate", files[1], "--id", "id",
        "--passed", "ok", "--repetitions", "20", "--loss", "0.05", "--loss", "0.2",
        *(word for path in outs for word in ("-o", path)), "--format", "json",
    )  # fmt: skip
    result = json.loads(out)
    assert code == 0
    assert [point["loss"] for point in result["points"]] == [0, 0.05, 0.2]
    assert result["false_alarm"]["n"] == 20
    assert result["claims"][0]["coverage"] == "re-randomised"
    assert err.count("wrote") == 5
    png, svg, html, saved, markdown = (Path(path) for path in outs)
    assert png.read_bytes().startswith(PNG)
    assert "<svg" in svg.read_text()
    assert json.loads(saved.read_text()) == result
    assert "5-point drop" in html.read_text() and "<polyline" in html.read_text()
    assert "| true loss |" in markdown.read_text()


def test_a_calibration_reads_like_an_answer(
    files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        "calibrate", "--baseline", files[0], "--candidate", files[1], "--id", "id",
        "--passed", "ok", "--repetitions", "20", "--loss", "0.05",
    ]  # fmt: skip
    code, out, _ = call(capsys, *arguments)
    assert code == 0
    assert out.startswith("This suite catches a 5-point drop")
    assert "re-randomised" in out
    again = call(capsys, *arguments)[1]
    assert again == out
    assert call(capsys, *arguments, "--seed", "1")[1] != out
