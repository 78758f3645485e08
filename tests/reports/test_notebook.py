"""A result shows itself in a notebook, escaped, without script or request."""

import re

import pytest
from results import HOSTILE, desk_suite
from test_html import Page
from test_terminal import DRIFT

from aiir_eval.compare.result import Comparison
from aiir_eval.gate.result import Verdict
from aiir_eval.reports import notebook


@pytest.fixture(scope="module")
def fragments(comparison: Comparison, verdict: Verdict) -> list[str]:
    suite = desk_suite(3, 6).model_copy(update={"name": HOSTILE})
    return [
        notebook.comparison_html(comparison),
        notebook.verdict_html(verdict),
        notebook.run_html(comparison.new),
        suite._repr_html_(),
        notebook.drift_html(DRIFT),
    ]


def test_fragments_are_well_formed_and_run_nothing(fragments: list[str]) -> None:
    for fragment in fragments:
        page = Page(fragment)
        assert page.open == []
        tags = {tag for tag, _ in page.elements}
        assert tags <= {"div", "strong", "span", "code", "table", "thead", "tbody", "tr", "th",
                        "td", "br"}  # fmt: skip
        assert {name for _, attrs in page.elements for name in attrs} <= {"style"}
        assert "url(" not in fragment


def test_results_show_themselves(comparison: Comparison, verdict: Verdict) -> None:
    assert comparison._repr_html_() == notebook.comparison_html(comparison)
    assert verdict._repr_html_() == notebook.verdict_html(verdict)
    assert comparison.new._repr_html_() == notebook.run_html(comparison.new)


def test_the_answer_and_the_numbers_are_there(fragments: list[str]) -> None:
    text = Page(fragments[0]).text
    assert re.match(r"\s*inconclusive\W+Not settled: 3\.1 points more cases pass", text)
    assert "75.0% [13.1, 98.4]" in text
    assert "7 broke, 8 fixed" in text
    assert "fail" in Page(fragments[1]).text
    assert "78.1% [16.2, 98.5]" in Page(fragments[2]).text


def test_long_lists_end_with_how_many_more(fragments: list[str]) -> None:
    assert "24 cases of 3 incidents" in Page(fragments[3]).text
    assert "and 12 more" in Page(fragments[3]).text
    assert "<script>" in Page(fragments[3]).text
    assert "<script>" not in fragments[3]


def test_at_a_plain_prompt_a_result_is_one_line(verdict: Verdict) -> None:
    comparison = verdict.comparison
    for result in (verdict, comparison, comparison.old, comparison.new, DRIFT, desk_suite(3, 6)):
        assert "\n" not in repr(result)
        assert len(repr(result)) < 500
    assert repr(verdict).startswith(f"Verdict({verdict.verdict}: ")
    assert comparison.new.name in repr(comparison.new)
