"""A JUnit file parses, follows the schema that CI tools read, and is green only with the gate."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from results import HOSTILE, answers, desk_suite, good, made_run, made_verdict

from aiir_eval.compare.comparing import compare
from aiir_eval.compare.result import Comparison
from aiir_eval.gate.gating import gate
from aiir_eval.gate.policy import Policy
from aiir_eval.gate.result import Verdict
from aiir_eval.reports.junit import verdict_junit

# What both schemas allow, that of Jenkins' xUnit plugin (junit-10.xsd) and that of Ant (JUnit.xsd),
# and the order of children that Ant's asks for: element -> (attributes, children).
COUNTS = {"tests", "failures", "errors", "skipped", "time"}
SUITE = {"name", "package", "id", "hostname", "timestamp"} | COUNTS
SCHEMA: dict[str, tuple[set[str], list[str]]] = {
    "testsuites": (set(), ["testsuite"]),
    "testsuite": (SUITE, ["properties", "testcase", "system-out", "system-err"]),
    "properties": (set(), ["property"]),
    "property": ({"name", "value"}, []),
    "testcase": ({"classname", "name", "time"}, ["skipped", "error", "failure"]),
    "failure": ({"type", "message"}, []),
    "error": ({"type", "message"}, []),
    "skipped": ({"message"}, []),
    "system-out": (set(), []),
    "system-err": (set(), []),
}
REQUIRED = {
    "testsuite": SUITE,
    "testcase": {"name", "classname", "time"},
    "property": {"name", "value"},
    "failure": {"type"},
    "error": {"type"},
}
SUREFIRE_TIME = r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?"


def check(element: ET.Element) -> None:
    """Attributes and children are those of the schema, the children in its order."""
    attributes, children = SCHEMA[element.tag]
    assert set(element.attrib) <= attributes, element.tag
    assert set(element.attrib) >= REQUIRED.get(element.tag, set())
    order = [children.index(child.tag) for child in element]
    assert order == sorted(order), element.tag
    if element.tag == "testcase":
        assert len(element) <= 1, "one outcome"
    if element.tag == "testsuite":
        assert set(order) >= {0, 2, 3}, "properties, system-out and system-err are always there"
    for name in COUNTS & set(element.attrib):
        assert re.fullmatch(SUREFIRE_TIME if name == "time" else r"\d+", element.attrib[name])
    if element.tag not in {"failure", "error", "skipped", "system-out"}:
        assert not (element.text or "").strip(), "text only where it is allowed"
    if element.tag == "testsuite":
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", element.attrib["timestamp"])
        for key, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(element.attrib[key]) == len(element.findall(f"testcase/{tag}"))
        assert int(element.attrib["tests"]) == len(element.findall("testcase"))
    for child in element:
        check(child)


def parsed(verdict: Verdict) -> ET.Element:
    root = ET.fromstring(verdict_junit(verdict).encode())
    check(root)
    assert [suite.attrib["id"] for suite in root] == [str(index) for index in range(len(root))]
    return root


def is_green(root: ET.Element) -> bool:
    return all(suite.attrib[key] == "0" for suite in root for key in ("failures", "errors"))


def passing(margin: float = 0.2) -> Verdict:
    """Ten incidents, one flip: shown to be no worse than the margin."""
    suite = desk_suite(20, 8)
    old = made_run(suite, good, name="old")
    new = made_run(suite, answers({"INC-1.near-1": HOSTILE}), name="new")
    policy = {"schema": "aiir/policy/1", "claims": [
        {"name": "no regression", "non_inferior": {"margin": margin}}]}  # fmt: skip
    return gate(compare(old, new, margin=margin), Policy.model_validate(policy))


def test_each_claim_and_each_broken_case_is_a_test(verdict: Verdict) -> None:
    root = parsed(verdict)
    claims, cases = root
    assert [claims.attrib["name"], cases.attrib["name"]] == ["aiir.claims", "aiir.cases"]
    assert len(claims.findall("testcase")) == 1 + len(verdict.claims)
    broken = [test.attrib["name"] for test in cases.iter("testcase")]
    assert broken == list(verdict.comparison.flip_ids.broke)
    assert cases.find("testcase").attrib["classname"] == "aiir.cases.INC-2"  # type: ignore[union-attr]


def test_a_violated_claim_fails_and_an_unsettled_one_is_an_error(verdict: Verdict) -> None:
    claims = parsed(verdict)[0]
    told = {test.attrib["name"]: test for test in claims.iter("testcase")}
    for claim in verdict.claims:
        test = told[claim.name]
        kind = {"fail": "failure", "inconclusive": "error", "invalid": "error"}.get(claim.verdict)
        if kind is None:
            assert len(test) == 0
            assert f"{claim.name}: {claim.reason}" in (claims.findtext("system-out") or "")
        else:
            element = test.find(kind)
            assert element is not None
            assert element.attrib["type"] == claim.verdict
    assert claims.attrib["failures"] == "1"


def test_the_file_is_green_exactly_when_the_gate_passes(verdict: Verdict) -> None:
    green = passing()
    assert green.verdict == "pass"
    root = parsed(green)
    assert is_green(root)
    (broken,) = root[1].findall("testcase")
    assert broken.find("skipped") is not None  # it broke, and the claims allow it
    assert not is_green(parsed(verdict))
    inconclusive = passing(0.004)
    assert inconclusive.verdict == "inconclusive"
    assert not is_green(parsed(inconclusive))


def test_runs_that_cannot_be_compared_are_an_error() -> None:
    old = made_run(desk_suite(2, 1), good, name="old")
    new = made_run(desk_suite(3, 1), good, name="new")
    invalid = made_verdict(compare(old, new))
    assert invalid.verdict == "invalid"
    root = parsed(invalid)
    assert not is_green(root)
    assert root.find("testsuite/testcase/error[@type='invalid']") is not None
    assert "must be" not in verdict_junit(invalid)  # nothing was judged


def test_a_hostile_output_stands_in_the_file_as_text(comparison: Comparison) -> None:
    text = verdict_junit(made_verdict(comparison))
    root = ET.fromstring(text.encode())
    story = root[1].find("testcase/failure")
    assert story is not None
    assert story.text is not None
    assert "<script>alert(1)</script>" in story.text
    assert "\\x1b[31mred" in story.text
    assert "]]>" in story.text
    assert "\x1b" not in text


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(codec=None), max_size=60))
def test_any_name_makes_a_file_that_parses(name: str) -> None:
    run = PASSING.comparison.new
    named = replace(run, manifest=run.manifest.model_copy(update={"target_name": name}))
    parsed(replace(PASSING, comparison=replace(PASSING.comparison, new=named)))


PASSING = passing()
