"""One incident of the support desk, from detection to closed, by the command line alone."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from command_line import Said

from aiir_eval.cli import invoke
from aiir_eval.shipped import shipped

ASKED = (
    "Can I return the rug?",
    "How long may I keep a lamp before I send it back?",
    "What are your opening hours?",
    "How much is an enamel kettle?",
)
FILLED_IN = {
    "unknown: fill in (the same failure, in other words)": "You have 90 days to send it back.",
    "unknown: fill in (the same failure, a third way)": "Returns are free for 90 days, always.",
    "unknown: fill in (an answer as it should be, 1)": "It can be sent back for 30 days, unused.",
    "unknown: fill in (an answer as it should be, 2)": "Within 30 days, in the box it came in.",
    "draft-does-not-claim-it": "no-90-days",
}
POLICY = """\
schema: aiir/policy/1
claims:
  - {name: incident fixed, select: {origin: incident}, failure_rate_below: 0.05}
  - {name: edge cases fixed, select: {origin: adjacent}, max_failures: 0}
"""


def answer(question: str, seed: int = 0) -> str:
    """What the desk of this folder says."""
    from support_desk.versions import v1

    said: str = v1(question, rng=Random(seed))["output"]
    return said


def serve(path: str, n: int = 400) -> int:
    """The desk answers customers and logs them; gives the number of false promises."""
    chance, promised = Random(7), 0
    begun = datetime.now(UTC) - timedelta(days=3)
    with Path(path).open("w") as log:
        for number in range(n):
            question = chance.choice(ASKED)
            output = answer(question, number)
            about = question in ASKED[:2]
            promised += "90 days" in output
            row = {
                "id": f"r{number}",
                "time": f"{begun + timedelta(minutes=9 * number):%Y-%m-%dT%H:%M:%SZ}",
                "version": "v1",
                "user": f"u{chance.randrange(150)}",
                "input": question,
                "output": output,
                "message": f"m{number}",
                "decision": f"return-{number}" if about else None,
                "system": "returns portal" if about else "chat",
            }
            log.write(json.dumps(row) + "\n")
    return promised


def review_all(path: str) -> None:
    """What the reviewers do in their spreadsheet."""
    with Path(path).open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        row |= {"status": "reviewed", "reviewer": "C. Ruiz", "outcome": "corrected"}
        row |= {"reviewed_at": "2026-11-23", "note": "told 30 days"}
    with Path(path).open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def aiir(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """``aiir(...)``, which must succeed unless another exit code is named."""

    def call(*arguments: object, code: int = 0) -> Said:
        capsys.readouterr()
        came = invoke([str(argument) for argument in arguments])
        said = Said(came, *capsys.readouterr())
        assert said.code == code, (arguments, said.out, said.err)
        return said

    return call


def test_an_incident_from_detection_to_a_closed_register(
    aiir: Callable[..., Said],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    a_desk_of_its_own: None,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("SUPPORT_DESK_FLAGS", "flags.json")
    shutil.copytree(shipped("support_desk"), "support_desk")
    shutil.copy("support_desk/aiir.yaml", "aiir.yaml")
    promised = serve("log.jsonl")
    assert promised > 100

    def incident(verb: str, *arguments: object, code: int = 0) -> Said:
        return aiir("incident", verb, "RUG-2026", *arguments, code=code)

    def done(step: str, *arguments: object) -> None:
        incident("step", step, "--done", "--by", "A. Ek", *arguments)

    # Detection: a customer complains, the row is found, a record is opened.
    rows = map(json.loads, Path("log.jsonl").read_text().splitlines())
    bad = next(row for row in rows if "90 days" in row["output"])
    made = ("--class", "hallucination", "--id", "RUG-2026")
    path = Path(aiir("incident", "new", "--from", f"log.jsonl#{bad['id']}", *made).out.strip())
    text = path.read_text()
    for unknown, known in FILLED_IN.items():
        assert unknown in text
        text = text.replace(unknown, known)
    path.write_text(text)
    facts: dict[str, Any] = {
        "title": "The desk promises 90 days for returns; the policy says 30",
        "owner": "A. Ek",
        "communications-owner": "B. Oh",
        "remediation-owner": "C. Ruiz",
        "detected-at": f"{datetime.now(UTC):%Y-%m-%dT%H:%MZ}",
        "system": "support desk",
        "model": "rules, no language model",
        "prompt-version": "none",
        "deployment-version": "v1",
        "retrieval-corpus": "policy documents",
        "data-source": "policy documents, one of them out of date",
        "user-population": "customers of the shop",
        "tool-permission": "request_review",
        "downstream-impact": "customers were promised too long a period",
        "containment-decision": "questions on policies are paused",
    }
    incident("set", *(part for name, value in facts.items() for part in (f"--{name}", value)))

    # Contain: pause by flag, preserve, owners, flags.
    assert "90 days" in answer(ASKED[0])
    incident("pause", "--kind", "route", "--ref", "policy", "--flags", "flags.json")
    assert "90 days" not in answer(ASKED[0])
    assert "not answered by the desk" in answer(ASKED[0])
    done("contain.1")
    incident("preserve", "--kind", "log", "log.jsonl", "--time", "time", "--from", "2026-01-01")
    Path("complaint.txt").write_text("The desk said 90 days. Mail me: jo@example.net\n")
    incident("preserve", "--kind", "user_report", "complaint.txt", "--redact", "emails")
    for kind in ("prompt", "output", "trace", "score", "vendor_status"):
        Path(f"{kind}.txt").write_text(f"the {kind} of {bad['id']}\n")
        incident("preserve", "--kind", kind, f"{kind}.txt")
    assert "jo@" not in "".join(p.read_text() for p in path.parent.rglob("*complaint.txt"))
    incident("preserve", "--verify")
    done("contain.2")
    done("contain.3")
    reasons = {
        "personal_data": "no:nobody's data was shown",
        "regulated_decision": "no:advice on a return",
        "financial_loss": "yes:returns that are not owed",
        "security_exposure": "no:nothing was opened",
        "customer_harm": "yes:customers relied on it",
    }
    incident("step", "contain.4", "--done", code=2)  # not before the flags have reasons
    incident(
        "set", *(part for flag, why in reasons.items() for part in ("--flag", f"{flag}={why}"))
    )
    done("contain.4")
    incident("set", "--status", "contained")

    # Assess: facts, blast radius from the desk's own log, clocks, restoration.
    done("assess.1")
    asked = ("--log", "log.jsonl", "-o", "affected.parquet", "--update", "--format", "json")
    reach = aiir("blast-radius", "RUG-2026", *asked).json
    assert reach["rows"]["seen"] == reach["messages"]["seen"] == promised
    assert reach["systems"] == ["returns portal"]
    assert len(reach["by_day"]) >= 3
    done("assess.2")
    clocks = incident("clocks", "--format", "json").json["clocks"]
    assert any(each["state"] == "may_have_started" for each in clocks)
    done("assess.3", "--note", "counsel: none of them binds a shop of this size")
    decided = ("--decision", "customer_correction", "--decision", "manual_review")
    incident("restore", *decided, "--reason", "what was promised is kept")
    done("assess.4")
    incident("set", "--status", "assessed")

    # Remediate: the control is switched on, and the gate passes.
    incident("step", "remediate.2", "--done", code=2)  # nothing shows it yet
    switches = json.loads(Path("support_desk/versions.json").read_text())
    switches["v2"] = {**switches["v1"], "retrieval_filter": "dates"}
    Path("support_desk/versions.json").write_text(json.dumps(switches))
    patch = ("--patch", "https://example.com/desk/pull/41")
    cause = ("--root-cause", "The ranker trusted a document that was past its last day.")
    incident("set", "--failed-control", "retrieval_filter", *patch, *cause)
    done("remediate.1")
    incident("resume", "--kind", "route", "--ref", "policy", "--flags", "flags.json")
    assert "90 days" in answer(ASKED[0])  # v1 has not changed
    aiir("suite", "build", "--incident", "RUG-2026", "-o", "suites/rug.yaml")
    Path("policy.yaml").write_text(POLICY)
    gate = ("gate", "--suite", "suites/rug.yaml", "--policy", "policy.yaml", "--trials", 60)
    sides = ("--baseline", "support@v1", "--candidate")
    aiir(*gate, *sides, "support@v1", "--aa", "-o", "unfixed.json", code=1)
    incident("step", "remediate.2", "--done", "--evidence", "unfixed.json", code=2)
    aiir(*gate, *sides, "support@v2", "-o", "verdict.json")
    done("remediate.2", "--evidence", "verdict.json")

    # Remediate: decisions are reviewed, customers told.
    queue = ("export", "RUG-2026", "--from", "affected.parquet", "-o", "queue.csv")
    aiir("incident", "decisions", *queue)
    incident("step", "remediate.3", "--done", "--note", "some", code=2)  # they wait in the queue
    review_all("queue.csv")
    aiir("incident", "decisions", "import", "RUG-2026", "queue.csv")
    progress = aiir("incident", "decisions", "show", "RUG-2026", "--format", "json").json
    assert progress["complete"]
    assert progress["outcomes"] == {"corrected": promised}
    done("remediate.3", "--note", f"{promised} decisions reviewed")
    told = ("--to", "customers", "--channel", "email", "--summary", "It is 30 days; we keep ours")
    incident("communicate", *told, "--ref", "MAIL-77")
    done("remediate.4")
    incident("set", "--status", "remediated")

    # Learn: the review document, the checklist, the register.
    incident("review", "-o", "review.md")
    review = Path("review.md").read_text()
    assert "retrieval" in review
    done("learn.1", "--evidence", "review.md")
    checklist = aiir("checklist", "--verdict", "verdict.json", "--format", "json").json
    control = next(each for each in checklist["items"] if each["id"] == "retrieval_filter")
    assert (control["state"], control["incidents"]) == ("holds", ["RUG-2026"])
    assert [each["verdict"] for each in control["verdicts"]] == ["pass"]
    done("learn.2", "--note", "the checklist names the retrieval filter")
    done("learn.3")
    incident("step", "learn.4", "--waive", "no vendor had a part in it")
    incident("set", "--status", "closed")

    listed = aiir("incident", "list", "--phase", "closed", "--format", "json").json
    assert [each["id"] for each in listed] == ["RUG-2026"]
    assert not listed[0]["overdue"]
    aiir("incident", "validate")
    shown = incident("show", "--format", "json").json
    steps = shown.get("steps") or shown["incident"]["steps"]
    assert len(steps) == 16
