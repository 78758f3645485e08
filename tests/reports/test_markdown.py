"""In a pull request the verdict is the first line, and no output can do anything to the page."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from results import HOSTILE, Speak, answers, desk_suite, good, made_run, made_verdict
from test_terminal import DRIFT

from aiir_eval.compare.comparing import compare
from aiir_eval.compare.result import Comparison
from aiir_eval.gate.result import Verdict
from aiir_eval.reports import markdown
from aiir_eval.reports.markdown.text import block, code, plain
from aiir_eval.reports.visible import one_line

OURS = {"p", "h2", "h3", "table", "thead", "tbody", "tr", "th", "td", "strong", "em", "ul", "li",
        "code", "pre", "details", "summary", "br"}  # fmt: skip


class Page(HTMLParser):
    """The elements, attributes and text of rendered markdown."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.depth: list[str] = []
        self.feed(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(source))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag != "br":
            self.depth.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.depth.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def pages(comparison: Comparison, verdict: Verdict) -> list[str]:
    return [
        markdown.verdict_markdown(verdict),
        markdown.comparison_markdown(comparison),
        markdown.run_markdown(comparison.new),
        markdown.drift_markdown(DRIFT),
        markdown.suite_markdown(desk_suite(2, 1).model_copy(update={"name": HOSTILE})),
    ]


def test_the_verdict_is_in_the_first_line(comparison: Comparison, verdict: Verdict) -> None:
    first = markdown.verdict_markdown(verdict).split("\n", 1)[0]
    assert first.startswith("❌ **Fail**: 1 of 11 claims is violated")
    first = markdown.comparison_markdown(comparison).split("\n", 1)[0]
    assert first.startswith("⚠️ **Inconclusive**: Not settled: 3.1 points more cases pass")


def test_every_page_is_well_formed_and_holds_only_our_elements(
    comparison: Comparison, verdict: Verdict
) -> None:
    for source in pages(comparison, verdict):
        page = Page(source)
        assert page.depth == []
        assert set(page.tags) <= OURS
        assert {name for name, _ in page.attributes} <= {"style"}  # of table cells, by the parser


def test_a_hostile_output_is_shown_whole_and_does_nothing(verdict: Verdict) -> None:
    page = Page(markdown.verdict_markdown(verdict))
    for piece in ("<script>alert(1)</script>", "[click](javascript:alert(4))", "\\x1b[31mred",
                  "\\u202egnp.exe", "</pre></details>", "# heading"):  # fmt: skip
        assert piece in page.text


def test_the_flipped_cases_are_folded_by_direction(verdict: Verdict) -> None:
    source = markdown.verdict_markdown(verdict)
    assert "<details><summary>7 cases broke</summary>" in source
    assert "<details><summary>8 cases were fixed</summary>" in source
    assert source.count("</details>") == 2


def test_claims_stand_in_a_table_with_the_violated_first(verdict: Verdict) -> None:
    rows = re.findall(r"^\| (\S+) (\w+) \| ", markdown.verdict_markdown(verdict), re.MULTILINE)
    assert rows[0] == ("❌", "fail")
    assert ("⚠️", "inconclusive") in rows


@pytest.mark.parametrize("limit", [2_000, 8_000, 65_536])
def test_a_page_keeps_its_limit_and_says_what_is_left_out(limit: int) -> None:
    suite = desk_suite(30, 8)
    old = made_run(suite, good, name="old")
    new = made_run(suite, answers({}, lambda case, trial: HOSTILE * 4), name="new")
    source = markdown.comparison_markdown(compare(old, new, margin=0.05), max_bytes=limit)
    assert len(source.encode()) <= limit
    page = Page(source)
    assert page.depth == []
    assert set(page.tags) <= OURS
    assert "not shown here" in page.text or "do not fit here" in page.text


@settings(deadline=None)
@given(st.text(max_size=120))
def test_any_text_reads_as_itself_in_a_cell_and_in_code(text: str) -> None:
    shown = one_line(text)
    for written in (plain(text), code(text)):
        page = Page(f"| head |\n| --- |\n| {written} |\n")
        assert page.text.replace("\u200b", "").split("head", 1)[1].strip() == shown
        assert set(page.tags) <= {"table", "thead", "tbody", "tr", "th", "td", "code"}


@settings(deadline=None)
@given(st.text(st.sampled_from("ab*_`[]()<>!#@|\\~$:/.-+=1 \n&;'\""), max_size=60))
def test_punctuation_starts_nothing(text: str) -> None:
    page = Page(f"{plain(text)}\n\n{block(text, 1_000)}\n\nafter")
    assert set(page.tags) <= {"p", "pre"}
    assert page.text.endswith("after\n") or page.text.endswith("after")
    assert page.depth == []


def test_mentions_issues_and_addresses_are_broken() -> None:
    assert "@octocat" not in plain("by @octocat")
    assert "#12" not in plain("see #12 and org/repo#12")
    assert "https://" not in plain("at https://evil.example")
    assert "www.evil" not in plain("at www.evil.example")


def test_a_thousand_flips_with_long_answers_are_one_comment_of_both_directions() -> None:
    suite = desk_suite(125, 6)
    half = {case.id for case in suite.cases[::2]}

    def desk(first: str, rest: str) -> Speak:
        return lambda case, trial: (
            (first if case.id in half else rest) + " days, long" * 300 + HOSTILE
        )

    old = made_run(suite, desk("30", "90"), name="old")
    new = made_run(suite, desk("90", "30"), name="new")
    source = markdown.verdict_markdown(made_verdict(compare(old, new, margin=0.05)))
    assert 40_000 < len(source.encode()) < 65_536 - 200  # the action adds its mark
    assert source.startswith("❌ **Fail**: ")
    for told in ("500 cases broke", "500 cases were fixed"):
        assert f"<details><summary>{told}</summary>\n\n**" in source  # with at least one case
    assert Page(source).depth == []
