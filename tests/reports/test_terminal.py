"""On a terminal the answer comes first, and no output can do anything to the terminal."""

import re
import unicodedata
from dataclasses import replace

import pytest
from results import HOSTILE, answers, desk_suite, good, made_run, made_verdict

from aiir_eval.compare.comparing import compare
from aiir_eval.compare.result import Comparison
from aiir_eval.drift.result import ColumnDrift, DriftReport, Effect
from aiir_eval.gate.result import Verdict
from aiir_eval.reports import terminal
from aiir_eval.suites.model import Suite

STYLE = re.compile(r"\x1b\[[0-9;]*m")  # colour and weight: all that rich may write here

DRIFT = DriftReport(
    "drift",
    1_000,
    900,
    [
        ColumnDrift("calm", "numeric", "ks_2samp", 0.02, {}, 0.8, 0.8,
                    Effect("mean difference", 0.1, -0.5, 0.7), 0.9, False),
        ColumnDrift("\x1b[2Jlength", "numeric", "ks_2samp", 0.4, {}, 1e-9, 2e-9,
                    Effect("mean difference", 12.5, 10.0, 15.0), 3.0, True),
    ],
    ("1 row without a cluster was left out",),
)  # fmt: skip


def rendered(
    comparison: Comparison, verdict: Verdict, suite: Suite, **options: object
) -> list[str]:
    return [
        terminal.render_comparison(comparison, **options),  # type: ignore[arg-type]
        terminal.render_verdict(verdict, **options),  # type: ignore[arg-type]
        terminal.render_verdicts([verdict], **options),  # type: ignore[arg-type]
        terminal.render_run(comparison.new, **options),  # type: ignore[arg-type]
        terminal.render_drift(DRIFT, **options),  # type: ignore[arg-type]
        terminal.render_suite(suite, **options),  # type: ignore[arg-type]
    ]


def test_the_answer_is_the_first_line(comparison: Comparison, verdict: Verdict) -> None:
    assert terminal.render_comparison(comparison).startswith(
        "INCONCLUSIVE  Not settled: 3.1 points"
    )
    assert terminal.render_verdict(verdict).startswith("FAIL  1 of 11 claims is violated")
    assert terminal.render_run(comparison.new).startswith("desk@v2: pass rate 78.1% [16.2, 98.5]")
    assert terminal.render_drift(DRIFT).startswith("DRIFT  1 of 2 columns changed")


def test_a_comparison_says_what_broke_what_was_fixed_and_what_was_noticed(
    comparison: Comparison,
) -> None:
    text = terminal.render_comparison(comparison, width=120)
    for line in (
        r"baseline +75\.0% \[13\.1, 98\.4\] +desk@v1",
        r"candidate +78\.1% \[16\.2, 98\.5\] +desk@v2",
        r"difference +\+3\.1 points \[-80\.6, \+82\.4\]",
        r"Broke +7 cases",
        r"Fixed +8 cases",
        r"INC-2\.trigger +1/1 -> 0/1 +30 days +says-30-days: does not contain",
        r"warning +few_clusters",
        r"no-90-days +\+25\.0 points",
        r"class: unsafe_action +8 +-87\.5 points",
    ):
        assert re.search(line, text), line
    assert "more cases (" in text


@pytest.mark.parametrize("color", [False, True])
@pytest.mark.parametrize("width", [40, 79, 100, 200])
def test_no_output_reaches_the_terminal_as_a_control_code(
    comparison: Comparison, verdict: Verdict, color: bool, width: int
) -> None:
    hostile = desk_suite(2, 1).model_copy(update={"name": HOSTILE})
    for text in rendered(comparison, verdict, hostile, color=color, width=width):
        plain = STYLE.sub("", text)
        unseen = {c for c in plain if c != "\n" and unicodedata.category(c) in {"Cc", "Cf", "Cs"}}
        assert not unseen
        assert color or plain == text
        text.encode("utf-8")


def test_markup_in_an_output_is_text(comparison: Comparison) -> None:
    suite = desk_suite(2, 1)
    loud = answers({"INC-1.trigger": "[bold red]x[/] [link=a]y[/link] :boom:"})
    pair = [made_run(suite, speak, name="[blink]n[/blink]") for speak in (good, loud)]
    text = terminal.render_comparison(compare(*pair, aa=True), width=160)
    assert "[bold red]x[/] [link=a]y[/link] :boom:" in text
    assert "[blink]n[/blink]" in text


def test_lines_keep_the_width_and_carry_no_trailing_blanks(
    comparison: Comparison, verdict: Verdict
) -> None:
    for width in (60, 80, 120):
        for text in rendered(comparison, verdict, desk_suite(2, 1), width=width):
            for line in text.split("\n"):
                assert len(line) <= width
                assert line == line.rstrip()


def test_colour_changes_nothing_but_the_colour(comparison: Comparison, verdict: Verdict) -> None:
    coloured = terminal.render_verdict(verdict, color=True)
    assert "\x1b[1;31mFAIL" in coloured
    plain = STYLE.sub("", coloured)
    assert [line.rstrip() for line in plain.split("\n")] == terminal.render_verdict(verdict).split(
        "\n"
    )


def test_the_environment_is_not_asked(
    comparison: Comparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = terminal.render_comparison(comparison, color=True, width=90)
    for name, value in (("NO_COLOR", "1"), ("COLUMNS", "20"), ("TERM", "dumb")):
        monkeypatch.setenv(name, value)
    assert terminal.render_comparison(comparison, color=True, width=90) == before


def test_an_invalid_comparison_says_why() -> None:
    old = made_run(desk_suite(2, 1), good, name="old")
    new = made_run(desk_suite(3, 1), good, name="new")
    comparison = compare(old, new)
    text = terminal.render_comparison(comparison)
    assert text.startswith("INVALID  Not comparable: ")
    assert "Not comparable\n  " in text
    verdict = made_verdict(comparison)
    assert terminal.render_verdict(verdict).startswith("INVALID  ")


def test_an_unfinished_run_says_how_much_is_missing() -> None:
    run = made_run(desk_suite(2, 1), good, name="new")
    manifest = run.manifest.model_copy(
        update={"status": "interrupted", "problems": ["2 ids twice"]}
    )
    text = terminal.render_run(replace(run, manifest=manifest, trials=run.trials.slice(0, 2)))
    assert "interrupted, 4 trials missing" in text
    assert "warning: 2 ids twice" in text


def test_a_drift_report_lists_what_drifted_first() -> None:
    text = terminal.render_drift(DRIFT, width=120)
    assert text.index("length") < text.index("calm")
    assert re.search(r"length +12\.5 mean difference \[10, 15\]", text)
    assert "note: 1 row without a cluster was left out" in text


def test_no_problem_of_a_suite_is_said_in_words() -> None:
    assert terminal.render_lint([]).startswith("No problem")


def test_claims_that_do_not_hold_come_first_with_their_reason(verdict: Verdict) -> None:
    text = terminal.render_verdict(verdict, width=140)
    assert re.search(r"Claims that do not hold\n.*\n.*\nfail +no <b>failure</b> \| at all +7", text)
    assert "must be at most 0" in text
    assert "Claims that hold" not in text  # none does
    narrow = terminal.render_verdict(verdict, width=60)
    assert "7 of 32 trials" in narrow
