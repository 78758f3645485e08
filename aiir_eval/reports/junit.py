"""A verdict as JUnit XML, for the test tab of a CI.

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
from typing import TYPE_CHECKING

from ..compare.flipped import FlippedCase, flipped_cases
from .visible import one_line, shortened, visible
from .wording import claim_estimate, claim_line, claim_span, graded

if TYPE_CHECKING:
    from ..gate.result import ClaimResult, Verdict

MAX_CASES = 2_000
MAX_OUTPUT = 4_000


def verdict_junit(verdict: Verdict) -> str:
    """A verdict as a JUnit XML document."""
    root = ET.Element("testsuites", name="aiir gate")
    suites = [_claims(verdict), _cases(verdict)]
    for suite in suites:
        if len(suite):
            root.append(suite)
    for key in ("tests", "failures", "errors"):  # Jenkins allows no sum of those skipped
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in suites)))
    root.set("time", "0")
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _claims(verdict: Verdict) -> ET.Element:
    comparison = verdict.comparison
    manifest = comparison.new.manifest
    suite = _suite("aiir.claims", manifest.end or manifest.start)
    properties = ET.SubElement(suite, "properties")
    for name, value in (
        ("verdict", verdict.verdict),
        ("exit_code", str(verdict.exit_code)),
        ("baseline", comparison.old.name),
        ("candidate", comparison.new.name),
        ("suite_digest", manifest.suite_digest),
    ):
        ET.SubElement(properties, "property", name=name, value=_attribute(value))
    test = _test(suite, "aiir.gate", "the runs are comparable")
    problems = [*verdict.problems, *comparison.problems]
    if problems:
        _outcome(test, "error", "invalid", problems[0], "\n".join(dict.fromkeys(problems)))
    for claim in verdict.claims:
        _claim(_test(suite, "aiir.claims", claim.name), claim, graded(comparison))
    if verdict.verdict != "pass" and not _has_red(suite):
        # Whatever the reason was, a gate that did not pass shows no green file.
        red = _test(suite, "aiir.gate", "the verdict")
        kind = "failure" if verdict.verdict == "fail" else "error"
        _outcome(red, kind, verdict.verdict, verdict.sentence, verdict.sentence)
    _text(suite, "system-out", f"{verdict.sentence}\n{comparison.sentence}")
    return _counted(suite)


def _claim(test: ET.Element, claim: ClaimResult, scores: bool) -> None:
    numbers = " ".join(
        part
        for part in (claim_estimate(claim, graded=scores), claim_span(claim, graded=scores))
        if part
    )
    detail = f"{claim.reason}\nestimate {numbers}, must be {claim_line(claim, graded=scores)}"
    if claim.needed is not None:
        detail += f"\nneeded: {claim.needed.cases:,} cases, {claim.needed.trials:,} trials of each"
    if claim.verdict == "pass":
        _text(test, "system-out", detail)
    else:
        kind = "failure" if claim.verdict == "fail" else "error"
        _outcome(test, kind, claim.verdict, claim.reason, detail)


def _cases(verdict: Verdict) -> ET.Element:
    comparison = verdict.comparison
    manifest = comparison.new.manifest
    suite = _suite("aiir.cases", manifest.end or manifest.start)
    cases = [case for case in flipped_cases(comparison, limit=MAX_CASES) if case.broke]
    for case in cases:
        test = _test(suite, f"aiir.cases.{case.incident_id or case.origin}", case.case_id)
        reason = case.reason or "passed before, fails now"
        if verdict.verdict == "pass":
            ET.SubElement(test, "skipped", message=_attribute(f"broke within the claims: {reason}"))
        else:
            _outcome(test, "failure", "broke", reason, _story(case))
    more = len(comparison.flip_ids.broke) - len(cases)
    if more > 0:
        _text(suite, "system-out", f"{more:,} more cases broke and are not listed here")
    return _counted(suite)


def _story(case: FlippedCase) -> str:
    parts = [f"why: {case.reason}"]
    for title, draw in (("before", case.old), ("after", case.new)):
        calls = "".join(f"\n  called {call}" for call in draw.tool_calls)
        text = shortened(draw.text, MAX_OUTPUT)
        parts.append(f"{title} ({draw.n_passed}/{draw.n_trials} passed):\n{text}{calls}")
    return "\n\n".join(parts)


def _suite(name: str, when: str) -> ET.Element:
    # ISO 8601 without zone, as the schema wants it; times are UTC.
    return ET.Element("testsuite", name=name, timestamp=re.sub(r"(\.\d+)?(Z|\+00:00)$", "", when))


def _test(suite: ET.Element, classname: str, name: str) -> ET.Element:
    return ET.SubElement(
        suite, "testcase", classname=_attribute(classname), name=_attribute(name), time="0"
    )


def _outcome(test: ET.Element, kind: str, type_: str, message: str, detail: str) -> None:
    element = ET.SubElement(test, kind, type=type_, message=_attribute(message))
    element.text = visible(detail)


def _text(parent: ET.Element, tag: str, content: str) -> None:
    ET.SubElement(parent, tag).text = visible(content)


def _attribute(text: str) -> str:
    return one_line(text, 1_000)


def _has_red(suite: ET.Element) -> bool:
    return suite.find("testcase/failure") is not None or suite.find("testcase/error") is not None


def _counted(suite: ET.Element) -> ET.Element:
    suite.set("tests", str(len(suite.findall("testcase"))))
    for key, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(key, str(len(suite.findall(f"testcase/{tag}"))))
    suite.set("time", "0")
    return suite
