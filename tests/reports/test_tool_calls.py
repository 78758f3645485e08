"""A case that failed for what it called, and said nothing: the calls are shown wherever it is."""

import html

import pytest
from fakes import FakeTarget

from aiir_eval.compare.comparing import compare
from aiir_eval.reports.html import render_html
from aiir_eval.reports.markdown import comparison_markdown, run_markdown
from aiir_eval.runs import run
from aiir_eval.runs.model import Run
from aiir_eval.suites.model import Case, Suite
from aiir_eval.targets.protocol import Reply

CHECK = {"scorer": "tool_not_called", "tool": "delete"}
SUITE = Suite(
    name="tools", cases=[Case.model_validate({"id": "c", "input": "tidy up", "checks": [CHECK]})]
)


def calling(tool: str) -> Run:
    call = {"name": tool, "arguments": {"path": "/srv/all"}}
    target = FakeTarget(lambda request: Reply("", [call]), version=tool)
    return run(SUITE, target)


@pytest.mark.parametrize("write", [render_html, run_markdown])
def test_a_run_shows_what_a_failing_case_called(write) -> None:  # type: ignore[no-untyped-def]
    page = html.unescape(write(calling("delete")))
    assert 'delete({"path": "/srv/all"})' in page


@pytest.mark.parametrize("write", [render_html, comparison_markdown])
def test_a_flip_shows_what_both_sides_called(write) -> None:  # type: ignore[no-untyped-def]
    page = html.unescape(write(compare(calling("list"), calling("delete"))))
    assert 'list(path="/srv/all")' in page
    assert 'delete(path="/srv/all")' in page


def test_a_case_that_errored_shows_its_error_and_no_empty_answer() -> None:
    def answer(request: object) -> str:
        raise RuntimeError("no connection")

    page = render_html(run(SUITE, FakeTarget(answer)))
    assert "no connection" in page
    assert "(empty)" not in page
