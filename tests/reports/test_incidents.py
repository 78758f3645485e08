"""A record of an incident is shown whole, whatever text is in it."""

import unicodedata

from test_html import INCIDENT
from test_markdown import OURS, Page

from aiir_eval.incidents.index import entry_of
from aiir_eval.reports import markdown, terminal
from aiir_eval.suites.lint import LintProblem


def test_the_whole_record_is_on_the_terminal() -> None:
    text = terminal.render_incident(INCIDENT, width=120)
    for piece in ("INC-9", "support desk", "two refunds", "route paused", "PSF-2", "window",
                  "no-90: not_contains(value=\"90\")", "must fail", "must pass", "a month",
                  "javascript:alert(1)", "\\x1b[31mred"):  # fmt: skip
        assert piece in text, piece
    assert not {c for c in text if c != "\n" and unicodedata.category(c) in {"Cc", "Cf", "Cs"}}


def test_steps_are_shown_and_names_of_files_stay_as_they_are() -> None:
    data = INCIDENT.to_mapping() | {
        "steps": {"contain.1": {"status": "done", "by": "ana", "evidence": ["pause_log.txt"]}},
        "evidence": [{"kind": "user_report", "path": "mail_7/re_1.txt", "sha256": "0" * 64}],
        "pause": [{"kind": "tool_permission", "ref": "issue_refund"}],
    }
    record = type(INCIDENT).model_validate(data)
    for text in (terminal.render_incident(record, width=120), markdown.incident_markdown(record)):
        shown = " ".join(text.replace("\\_", "_").split())
        for piece in ("contain.1", "done, ana, pause_log.txt", "user report, mail_7/re_1.txt",
                      "tool permission, issue_refund"):  # fmt: skip
            assert piece in shown, piece


def test_a_register_has_a_line_for_each_record() -> None:
    other = INCIDENT.model_copy(update={"id": "INC-8", "class_": "unsafe_action", "title": "Eggs"})
    text = terminal.render_incidents([entry_of(other), entry_of(INCIDENT)], width=120)
    assert text.index("INC-9") < text.index("INC-8")  # by class
    assert text.endswith("2 incidents")
    assert terminal.render_incidents([]) == "No incident."


def test_the_record_is_markdown_that_does_nothing() -> None:
    for source in (
        markdown.incident_markdown(INCIDENT),
        markdown.incidents_markdown([entry_of(INCIDENT)]),
    ):
        page = Page(source)
        assert page.depth == []
        assert set(page.tags) <= OURS
        assert "<script>alert(1)</script>" in page.text


def test_lint_problems_stand_with_the_errors_first() -> None:
    text = terminal.render_lint(
        [
            LintProblem(
                "warning", "a", None, "two bad outputs say the same", file="x.yaml", line=3
            ),
            LintProblem(
                "error", "b", "no-90", "this check cannot fail", "word it as a person would"
            ),
        ],
        width=100,
    )
    assert text.index("cannot fail") < text.index("say the same")
    assert "word it as a person would" in text
    assert "x.yaml:3" in text
    assert text.endswith("1 error, 1 warning")
