"""A verdict as JUnit XML, for the test tab of a CI.

It holds to both schemas that readers check: that of Jenkins (junit-10.xsd of its xUnit plugin) and
that of Ant (JUnit.xsd), whose suites have the same parts in one order, and whose tests hold nothing
but an outcome.

Suite ``aiir.claims`` has a test for comparability and one for each claim. How a claim's verdict is
told: ``pass`` as a passed test, ``fail`` as a failure, ``inconclusive`` and ``invalid`` as an error
of that type, because a CI shows errors red and skipped tests green, and neither verdict lets a
change ship.

Suite ``aiir.cases`` has a test for each case that broke: a failure, but skipped with the reason
where the verdict is ``pass`` (the claims allow it), so that the file is green exactly when the gate
is.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..compare.flipped import FlippedCase, flipped_cases
from ..words import count
from .visible import one_line, shortened, visible
from .wording import claim_estimate, claim_line, claim_span, graded

if TYPE_CHECKING:
    from ..gate.result import ClaimResult, Verdict

MAX_CASES = 1_000
MAX_OUTPUT = 2_000


def verdict_junit(verdict: Verdict) -> str:
    """A verdict as a JUnit XML document."""
    root = ET.Element("testsuites")
    root.append(_claims(verdict))
    if verdict.comparison.flip_ids.broke:
        root.append(_cases(verdict))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _claims(verdict: Verdict) -> ET.Element:
    comparison = verdict.comparison
    suite = _suite("aiir.claims", 0, verdict)
    test = _test(suite, "aiir.gate", "the runs are comparable")
    problems = [*verdict.problems, *comparison.problems]
    if problems:
        _outcome(test, "error", "invalid", problems[0], "\n".join(dict.fromkeys(problems)))
    told = [verdict.sentence, comparison.sentence]
    for claim in verdict.claims:
        detail = _detail(claim, graded(comparison))
        test = _test(suite, "aiir.claims", claim.name)
        if claim.verdict == "pass":
            told.append(f"{claim.name}: {detail}")
        else:
            kind = "failure" if claim.verdict == "fail" else "error"
            _outcome(test, kind, claim.verdict, claim.reason, detail)
    if verdict.verdict != "pass" and not _has_red(suite):
        # Whatever the reason was, a gate that did not pass shows no green file.
        red = _test(suite, "aiir.gate", "the verdict")
        kind = "failure" if verdict.verdict == "fail" else "error"
        _outcome(red, kind, verdict.verdict, verdict.sentence, verdict.sentence)
    return _finished(suite, told)


def _detail(claim: ClaimResult, scores: bool) -> str:
    numbers = " ".join(
        part
        for part in (claim_estimate(claim, graded=scores), claim_span(claim, graded=scores))
        if part
    )
    detail = claim.reason
    if line := claim_line(claim, graded=scores):  # a claim that was not judged has none
        detail += f"\nestimate {numbers}, must be {line}"
    if claim.needed is not None:
        cases, trials = claim.needed.cases, claim.needed.trials
        detail += f"\nneeded: {count(cases, 'case')}, {count(trials, 'trial')} of each"
    return detail


def _cases(verdict: Verdict) -> ET.Element:
    comparison = verdict.comparison
    suite = _suite("aiir.cases", 1, verdict)
    cases = [case for case in flipped_cases(comparison, limit=MAX_CASES) if case.broke]
    for case in cases:
        test = _test(suite, f"aiir.cases.{case.incident_id or case.origin}", case.case_id)
        reason = case.reason or "passed before, fails now"
        if verdict.verdict == "pass":
            ET.SubElement(test, "skipped", message=_attribute(f"broke within the claims: {reason}"))
        else:
            _outcome(test, "failure", "broke", reason, _story(case))
    more = len(comparison.flip_ids.broke) - len(cases)
    return _finished(
        suite, [f"{more:,} more cases broke and are not listed here"] if more > 0 else []
    )


def _story(case: FlippedCase) -> str:
    parts = [f"why: {case.reason}"]
    for title, draw in (("before", case.old), ("after", case.new)):
        calls = "".join(f"\n  called {call}" for call in draw.tool_calls)
        text = shortened(draw.text, MAX_OUTPUT)
        parts.append(f"{title} ({draw.n_passed}/{draw.n_trials} passed):\n{text}{calls}")
    return "\n\n".join(parts)


def _suite(name: str, number: int, verdict: Verdict) -> ET.Element:
    comparison = verdict.comparison
    manifest = comparison.new.manifest
    # ISO 8601 without zone, as the schema wants it; times are UTC.
    when = re.sub(r"(\.\d+)?(Z|\+00:00)$", "", manifest.end or manifest.start)
    suite = ET.Element(
        "testsuite", name=name, package="aiir", id=str(number), hostname="localhost", timestamp=when
    )
    properties = ET.SubElement(suite, "properties")
    for key, value in (
        ("verdict", verdict.verdict),
        ("exit_code", str(verdict.exit_code)),
        ("baseline", comparison.old.name),
        ("candidate", comparison.new.name),
        ("suite_digest", manifest.suite_digest),
    ):
        ET.SubElement(properties, "property", name=key, value=_attribute(value))
    return suite


def _test(suite: ET.Element, classname: str, name: str) -> ET.Element:
    return ET.SubElement(
        suite, "testcase", classname=_attribute(classname), name=_attribute(name), time="0"
    )


def _outcome(test: ET.Element, kind: str, type_: str, message: str, detail: str) -> None:
    element = ET.SubElement(test, kind, type=type_, message=_attribute(message))
    element.text = visible(detail)


def _attribute(text: str) -> str:
    return one_line(text, 1_000)


def _has_red(suite: ET.Element) -> bool:
    return suite.find("testcase/failure") is not None or suite.find("testcase/error") is not None


def _finished(suite: ET.Element, told: Sequence[str]) -> ET.Element:
    """The suite with what it has to tell, and how many of its tests ended how."""
    ET.SubElement(suite, "system-out").text = visible("\n".join(told))
    ET.SubElement(suite, "system-err")
    suite.set("tests", str(len(suite.findall("testcase"))))
    for key, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(key, str(len(suite.findall(f"testcase/{tag}"))))
    suite.set("time", "0")
    return suite
