"""The page stands alone, runs nothing but its own script, and shows hostile outputs as text."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from made_runs import table_run
from results import HOSTILE, answers, desk_suite, good, made_run, made_verdict
from test_terminal import DRIFT

from aiir_eval.compare.comparing import compare
from aiir_eval.compare.document import load_comparison, save_comparison
from aiir_eval.compare.result import Comparison
from aiir_eval.gate.document import load_verdict, save_verdict
from aiir_eval.gate.result import Verdict
from aiir_eval.incidents.model import Incident
from aiir_eval.reports.html import render_html
from aiir_eval.suites.model import Case

VOID = {"meta", "link", "input", "br"}
INCIDENT = Incident.model_validate(
    {
        "id": "INC-9",
        "title": f"Refund window misstated {HOSTILE}",
        "class": "hallucination",
        "status": "remediated",
        "system": "support desk",
        "model": "m-1",
        "prompt_version": "p3",
        "data_source": "policy documents",
        "user_population": "customers",
        "triggering_input": HOSTILE,
        "observed_output": "90 days",
        "downstream_impact": "two refunds",
        "containment_decision": "route paused",
        "remediation_owner": "ops",
        "psf_domains": ["PSF-2"],
        "sources": ["javascript:alert(1)"],
        "regression": {
            "cases": [
                {
                    "name": "window",
                    "input": "How long?",
                    "checks": [{"scorer": "not_contains", "name": "no-90", "value": "90"}],
                    "bad": [{"output": "90 days"}, {"output": HOSTILE}, {"output": "ninety: 90"}],
                    "good": [{"output": "30 days"}, {"output": "a month"}],
                }
            ]
        },
    }
)


class Page(HTMLParser):
    """The elements of a page, their attributes, and the text outside style and script."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.raw: dict[str, list[str]] = {"style": [], "script": []}
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.text += " "
        if tag not in VOID and not self.get_starttag_text().endswith("/>"):  # type: ignore[union-attr]
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in self.raw:
            self.raw[self.open[-1]].append(data)
        else:
            self.text += data


@pytest.fixture(scope="module")
def sources(comparison: Comparison, verdict: Verdict) -> dict[str, str]:
    return {
        "verdict": render_html(verdict),
        "comparison": render_html(comparison),
        "run": render_html(comparison.new),
        "drift": render_html(DRIFT),
        "incident": render_html(INCIDENT),
    }


KINDS = ("verdict", "comparison", "run", "drift", "incident")


@pytest.mark.parametrize("kind", KINDS)
def test_every_element_is_closed(sources: dict[str, str], kind: str) -> None:
    assert Page(sources[kind]).open == []


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_one_style_and_script_of_the_policy_are_there(
    sources: dict[str, str], kind: str
) -> None:
    page = Page(sources[kind])
    metas = [attrs for tag, attrs in page.elements if tag == "meta"]
    policy = next(m["content"] for m in metas if m.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    for tag in ("style", "script"):
        (content,) = page.raw[tag]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert "http" not in policy


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_on_the_page_can_run_or_ask_for_anything(
    sources: dict[str, str], kind: str
) -> None:
    page = Page(sources[kind])
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"img", "iframe", "object", "embed", "a", "form", "base", "video", "image"}
    for tag, attrs in page.elements:
        for name, value in attrs.items():
            assert not name.startswith("on"), (tag, name)
            assert name not in {"src", "srcset", "style", "action", "formaction", "xlink:href"}
            if name == "href":
                assert value == "data:,"
    assert not re.search(r"url\(|@import|fetch\(|XMLHttp|eval\(", "".join(page.raw["style"]))


@pytest.mark.parametrize("kind", ["verdict", "comparison", "run", "incident"])
def test_a_hostile_output_is_shown_as_text(sources: dict[str, str], kind: str) -> None:
    page = Page(sources[kind])
    for piece in ("<script>alert(1)</script><img src=x onerror=alert(2)>", "\\u202egnp.exe",
                  "\\x1b[31mred", "{{ 7 * 7 }}", "\\U000e0041", "&amp;"):  # fmt: skip
        assert piece in page.text
    assert "\x1b" not in sources[kind]
    assert "\u202e" not in sources[kind]


def test_the_answer_stands_on_top_with_the_verdict(sources: dict[str, str]) -> None:
    text = " ".join(Page(sources["verdict"]).text.split())
    head = text[: text.index("Baseline")]
    assert "Verdict of the gate" in head
    assert text.startswith("Fail: 1 of 11 claims is violated")
    assert "fail 1 of 11 claims is violated" in head
    assert "desk@v1 → desk@v2" in head


def test_numbers_claims_findings_flips_and_digests_are_there(
    sources: dict[str, str], verdict: Verdict
) -> None:
    page = Page(sources["verdict"])
    text = " ".join(page.text.split())
    for claim in verdict.claims:
        assert claim.name in text
    for finding in verdict.comparison.findings:
        assert finding.message in text
    for manifest in (verdict.comparison.old.manifest, verdict.comparison.new.manifest):
        assert manifest.fingerprint in text
        assert manifest.suite_digest in text
    flips = [attrs["data-direction"] for tag, attrs in page.elements if tag == "details"]
    assert flips == ["broke"] * 7 + ["fixed"] * 8
    assert "75.0% [13.1, 98.4]" in text
    labels = [attrs["aria-label"] for tag, attrs in page.elements if attrs.get("role") == "img"]
    assert "no regression: +3.1 points [-80.6, +82.4]" in labels


def test_a_page_has_a_title_and_table_headers_with_scope(sources: dict[str, str]) -> None:
    for kind, source in sources.items():
        page = Page(source)
        tags = [tag for tag, _ in page.elements]
        assert tags.count("h1") == 1, kind
        assert tags.index("title") < tags.index("body"), kind
        for tag, attrs in page.elements:
            if tag == "th" and "axis-row" not in str(attrs):
                assert "scope" in attrs or not attrs or attrs.get("class") == "plot"


def test_a_large_comparison_shows_some_flips_and_says_how_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("aiir_eval.reports.html.comparing.FLIPS", 250)
    suite = desk_suite(40, 8)
    old = made_run(suite, good, name="old")
    new = made_run(suite, answers({}, lambda case, trial: "no"), name="new")
    source = render_html(compare(old, new, margin=0.05))
    page = Page(source)
    assert [tag for tag, _ in page.elements].count("details") == 250
    assert "360 broke, 0 fixed; 250 of them here, all are in the run folders" in page.text
    assert len(source) < 1_000_000


def test_a_page_of_a_thousand_cases_that_all_flip_stays_below_a_megabyte() -> None:
    def long(case: Case, trial: int) -> str:
        return f"{case.id} " + "no " * 3_000

    suite = desk_suite(100, 9)
    old = made_run(suite, lambda case, trial: long(case, trial) + "30 days", name="old")
    new = made_run(suite, long, name="new")
    assert len(render_html(compare(old, new, margin=0.05)).encode()) < 1_000_000


def test_a_thousand_cases_of_hostile_texts_and_many_checks_stay_below_a_megabyte() -> None:
    """A byte on disk is what counts: text that is escaped or of many bytes is cut shorter."""
    suite, hostile = desk_suite(60, 8), HOSTILE.encode("utf-8", "replace").decode() * 4
    more = [
        {"scorer": "not_contains", "name": f"check {number}", "value": "90 days"}
        for number in range(9)
    ]
    cases = [
        case.model_copy(update={"checks": [*case.checks, *more], "input": hostile})
        for case in suite.cases
    ]
    suite = suite.model_copy(update={"cases": cases})
    old = made_run(suite, lambda case, trial: hostile + "30 days", name="old")
    new = made_run(suite, lambda case, trial: "日本語<b>" * 500 + "90 days", name="new")
    for result in (compare(old, new, margin=0.05), new):
        page = render_html(result)
        assert page.count('<details class="case"') > 150
        assert len(page.encode()) < 1_000_000


def test_where_the_runs_are_on_disk_the_command_to_repeat_it_is_given(tmp_path) -> None:  # type: ignore[no-untyped-def]
    suite = desk_suite(2, 1)
    old = made_run(suite, good, name="old", out=tmp_path / "old run")
    new = made_run(suite, good, name="new", out=tmp_path / "new")
    text = Page(render_html(compare(old, new, margin=0.02, aa=True))).text
    assert f"aiir compare '{tmp_path}/old run' {tmp_path}/new --margin 0.02" in text


def test_a_page_says_how_to_judge_it_again_under_the_same_policy(tmp_path: Path) -> None:
    suite = desk_suite(2, 1)
    old = made_run(suite, good, name="old", out=tmp_path / "old")
    new = made_run(suite, lambda case, trial: "no", name="new", out=tmp_path / "new")
    save_verdict(made_verdict(compare(old, new, margin=0.05)), tmp_path / "verdict.json")
    text = Page(render_html(load_verdict(tmp_path / "verdict.json"))).text
    again = f"aiir gate --baseline {tmp_path}/old --candidate {tmp_path}/new --policy policy.yaml"
    assert again in text
    policy = text.split("policy.yaml:", 1)[1]
    assert "failure_rate_below: 0.05" in policy
    assert "margin: 0.1" in policy


def test_what_would_settle_a_comparison_is_said_of_a_saved_one_too(tmp_path: Path) -> None:
    old = table_run("old", [i % 9 > 0 for i in range(120)])
    new = table_run("new", [i % 8 > 0 for i in range(120)])
    comparison = compare(old, new, margin=0.02)
    assert comparison.conclusion == "inconclusive"
    save_comparison(comparison, tmp_path / "comparison.json")
    section = re.compile(r'<section aria-labelledby="settling">.*?</section>', re.DOTALL)
    fresh, saved = (
        section.search(render_html(each))
        for each in (comparison, load_comparison(tmp_path / "comparison.json"))
    )
    assert fresh is not None
    assert saved is not None
    assert saved[0] == fresh[0]
    assert "would settle it" in fresh[0]
