"""When a change may ship, when it may not, and when nobody can say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_runs import case, suite_run, table_run

import aiir_eval as aiir
from aiir_eval.compare.comparing import compare
from aiir_eval.compare.document import load_comparison, save_comparison
from aiir_eval.errors import DocumentError, InputError
from aiir_eval.gate.document import load_verdict, save_verdict
from aiir_eval.gate.gating import gate
from aiir_eval.gate.policy import Policy, default_policy
from aiir_eval.gate.result import ClaimResult, Verdict
from aiir_eval.incidents.model import Incident
from aiir_eval.runs.model import Run
from aiir_eval.stats import failure_rate_bound, holm


def policy(*claims: dict[str, Any], **options: Any) -> Policy:
    return Policy.model_validate({"claims": list(claims), **options})


def decide(old: Run, new: Run, *claims: dict[str, Any], **options: Any) -> Verdict:
    incidents = options.pop("incidents", None)
    return gate(compare(old, new), policy(*claims, **options), incidents=incidents)


def verdicts(verdict: Verdict) -> dict[str, str]:
    return {claim.name: claim.verdict for claim in verdict.claims}


def claim_of(verdict: Verdict, name: str) -> ClaimResult:
    return next(claim for claim in verdict.claims if claim.name == name)


NO_LOSS = {"name": "no loss", "non_inferior": {"margin": 0.05}}


@pytest.mark.parametrize(
    ("broke", "n", "verdict", "code"),
    [(1, 400, "pass", 0), (80, 400, "fail", 1), (3, 40, "inconclusive", 3)],
)
def test_the_default_policy_decides_by_the_pooled_margin(
    broke: int, n: int, verdict: str, code: int
) -> None:
    new = table_run("new", [0] * broke + [1] * (n - broke))
    found = gate(compare(table_run("old", [1] * n), new))
    assert (found.verdict, found.exit_code) == (verdict, code)
    assert found.policy.is_default
    (claim,) = found.claims
    assert claim.rule == "non_inferior" and claim.threshold == -0.05
    assert claim.estimate == pytest.approx(-broke / n)
    assert claim.bound is not None
    assert (claim.bound > -0.05) == (verdict == "pass")
    assert (claim.needed is not None) == (verdict == "inconclusive")


@pytest.mark.parametrize(
    ("fixed", "said"),
    [(150, "it rises by at least 3"), (0, "it falls by at most 0.7 points, within")],
)
def test_a_reason_names_the_direction_that_its_bound_has(fixed: int, said: str) -> None:
    old = table_run("old", [0] * 160 + [1] * 240)
    new = table_run("new", [1] * fixed + [0] * (160 - fixed) + [1] * 240)
    (claim,) = gate(compare(old, new)).claims
    assert said in claim.reason


def test_runs_that_are_not_comparable_are_invalid_whatever_they_say() -> None:
    ids = [f"x{i}" for i in range(400)]
    found = gate(compare(table_run("old", [1] * 400), table_run("new", [1] * 400, ids=ids)))
    assert (found.verdict, found.exit_code) == ("invalid", 4)
    assert found.claims[0].verdict == "invalid" and found.claims[0].estimate is None
    assert "case sets differ" in found.claims[0].reason
    assert found.sentence.startswith("Invalid: the case sets differ")


def test_the_same_target_is_invalid_unless_it_is_meant() -> None:
    run = table_run("old", [1] * 400)
    assert gate(compare(run, run)).verdict == "invalid"
    assert gate(compare(run, run, aa=True)).verdict == "pass"


def test_a_claim_that_selects_no_case_is_invalid() -> None:
    old, new = table_run("old", [1] * 400), table_run("new", [1] * 400)
    found = decide(old, new, NO_LOSS, {"name": "void", "select": {"tag": "x"}, "max_failures": 0})
    assert verdicts(found) == {"no loss": "pass", "void": "invalid"}
    assert found.verdict == "invalid"
    assert "no case is selected: tag x" in claim_of(found, "void").reason


def test_pass_needs_every_claim_and_the_worst_decides() -> None:
    n = 600
    old = table_run("old", [1] * n, by={"kind": ["a", "b"] * (n // 2)})
    new = table_run(
        "new", [0 if i % 2 and i < 200 else 1 for i in range(n)], by={"kind": ["a", "b"] * (n // 2)}
    )
    by_kind = {"name": "by kind", "non_inferior": {"margin": 0.05}, "by": "kind"}
    found = decide(old, new, by_kind)
    assert verdicts(found) == {"by kind [a]": "pass", "by kind [b]": "fail"}
    assert found.verdict == "fail"
    assert "by kind [b]" in found.sentence


def test_a_level_is_not_lost_where_cases_lack_the_key() -> None:
    cases = [
        case(f"c{i:03}", **({"class": "hallucination"} if i < 150 else {})) for i in range(300)
    ]
    old = suite_run("old", cases, lambda this, t: (f"a {this.id}", {"ok": True}))
    new = suite_run("new", cases, lambda this, t: (f"b {this.id}", {"ok": this.id < "c150"}))
    found = decide(old, new, {"name": "c", "non_inferior": {"margin": 0.05}, "by": "class"})
    assert verdicts(found) == {"c [hallucination]": "pass", "c [(none)]": "fail"}
    nothing = decide(old, new, {"name": "c", "non_inferior": {"margin": 0.05}, "by": "colour"})
    assert nothing.verdict == "invalid" and "'colour'" in nothing.claims[0].reason


def test_a_violation_must_stand_after_holm() -> None:
    n = 60
    cases = [case(f"c{i:04}", tags=[f"t{i // n:02}"]) for i in range(12 * n)]
    old = suite_run("old", cases, lambda this, t: (f"a {this.id}", {"ok": True}))
    new = suite_run("new", cases, lambda this, t: (f"b {this.id}", {"ok": int(this.id[1:]) >= 7}))
    alone = decide(
        old, new, {"name": "t", "select": {"tag": "t00"}, "non_inferior": {"margin": 0.05}}
    )
    among = decide(old, new, {"name": "t", "non_inferior": {"margin": 0.05}, "by": "tag"})
    assert alone.verdict == "fail"
    claim = claim_of(among, "t [t00]")
    assert claim.pvalue is not None and claim.pvalue < 0.05
    raw = [item.pvalue for item in among.claims]
    assert [item.pvalue_adjusted for item in among.claims] == pytest.approx(holm(raw).tolist())
    assert claim.pvalue_adjusted == pytest.approx(12 * claim.pvalue)
    assert claim.verdict == ("fail" if 12 * claim.pvalue <= 0.05 else "inconclusive")


def test_selection_keys_are_anded_and_their_values_are_alternatives() -> None:
    cases = [
        case(
            f"c{i}",
            incident_id=f"INC-{i % 3}",
            origin=("incident", "adjacent", "control")[i % 3],
            tags=["x"] if i % 2 else [],
        )
        for i in range(12)
    ]
    runs = [suite_run(n, cases, lambda this, t, n=n: (n + this.id, {"ok": True})) for n in "ab"]

    def selected(**select: Any) -> int:
        found = decide(*runs, {"name": "s", "select": select, "max_failures": 0})
        return found.claims[0].n_cases

    assert selected() == 12
    assert selected(origin="incident") == 4
    assert selected(origin=["incident", "control"]) == 8
    assert selected(origin="incident", tag="x") == 2
    assert selected(incident_id=["INC-0", "INC-1"], origin="adjacent") == 4
    assert selected(case_id=["c0", "c1", "zzz"]) == 2


# --- counts


@pytest.mark.parametrize(
    ("failures", "most", "verdict"), [(0, 0, "pass"), (1, 0, "fail"), (2, 2, "pass")]
)
def test_a_count_is_a_count(failures: int, most: int, verdict: str) -> None:
    old, new = table_run("old", [1] * 9), table_run("new", [0] * failures + [1] * (9 - failures))
    found = decide(old, new, {"name": "zero", "max_failures": most})
    assert found.verdict == verdict
    assert found.claims[0].estimate == failures and found.claims[0].pvalue is None


# --- incidents


INCIDENT_CASES = [
    case(f"INC-{i}.trigger", incident_id=f"INC-{i}", origin="incident") for i in range(3)
]


def incident_runs(
    trials: int, failing: dict[str, int], *, old_fails: bool = True
) -> tuple[Run, Run]:
    def old(this, trial):  # type: ignore[no-untyped-def]
        return f"old {trial}", {"ok": not old_fails}

    def new(this, trial):  # type: ignore[no-untyped-def]
        return f"new {trial}", {"ok": trial >= failing.get(this.incident_id, 0)}

    return (
        suite_run("old", INCIDENT_CASES, old, trials=trials),
        suite_run("new", INCIDENT_CASES, new, trials=trials),
    )


FIXED = {"name": "fixed", "select": {"origin": "incident"}, "failure_rate_below": 0.05}


def test_59_clean_trials_show_an_incident_fixed_and_58_do_not() -> None:
    enough, few = decide(*incident_runs(59, {}), FIXED), decide(*incident_runs(58, {}), FIXED)
    assert verdicts(enough) == {f"fixed [INC-{i}]": "pass" for i in range(3)}
    assert few.verdict == "inconclusive"
    assert few.claims[0].needed is not None and few.claims[0].needed.trials == 59
    assert enough.claims[0].high == pytest.approx(failure_rate_bound(0, 59))


def test_incidents_are_never_pooled() -> None:
    found = decide(*incident_runs(60, {"INC-1": 40}), FIXED)
    assert verdicts(found) == {
        "fixed [INC-0]": "pass", "fixed [INC-1]": "fail", "fixed [INC-2]": "pass",
    }  # fmt: skip
    one = decide(*incident_runs(60, {"INC-1": 1}), FIXED)
    claim = claim_of(one, "fixed [INC-1]")
    assert claim.verdict == "inconclusive"
    assert claim.needed is not None and claim.needed.trials == 93
    assert failure_rate_bound(1, 93) < 0.05 <= failure_rate_bound(1, 92)


def test_a_check_that_never_failed_proves_nothing() -> None:
    found = decide(*incident_runs(60, {}, old_fails=False), FIXED)
    assert found.verdict == "inconclusive"
    assert "'ok' is not known to be able to fail" in found.claims[0].reason
    broken = decide(*incident_runs(60, {"INC-0": 60}, old_fails=False), FIXED)
    assert claim_of(broken, "fixed [INC-0]").verdict == "fail"


def incident(number: int) -> Incident:
    return Incident.model_validate(
        {
            "id": f"INC-{number}", "title": "t", "class": "hallucination", "system": "s",
            "model": "m", "prompt_version": "1", "data_source": "d", "user_population": "u",
            "triggering_input": "i", "observed_output": "o", "downstream_impact": "x",
            "containment_decision": "c", "remediation_owner": "r", "psf_domains": ["PSF-2"],
            "regression": {
                "cases": [
                    {
                        "name": "trigger", "input": "input", "checks": INCIDENT_CASES[0].checks,
                        "bad": [{"output": f"no {i}"} for i in range(3)],
                        "good": [{"output": f"yes {i}"} for i in range(2)],
                    }
                ]
            },
        }
    )  # fmt: skip


def test_the_bad_outputs_of_the_record_prove_that_a_check_can_fail() -> None:
    runs = incident_runs(60, {}, old_fails=False)
    records = {f"INC-{i}": incident(i) for i in range(2)}
    found = decide(*runs, FIXED, incidents=records)
    assert verdicts(found) == {
        "fixed [INC-0]": "pass", "fixed [INC-1]": "pass", "fixed [INC-2]": "inconclusive",
    }  # fmt: skip
    assert verdicts(decide(*runs, FIXED, incidents=records.values())) == verdicts(found)


def test_one_answer_repeated_is_reported_as_one_behaviour() -> None:
    def says(text: str, passed: bool):  # type: ignore[no-untyped-def]
        return lambda this, trial: (text, {"ok": passed})

    runs = [
        suite_run(name, INCIDENT_CASES, says(name, name == "new"), trials=60)
        for name in ("old", "new")
    ]
    claim = decide(*runs, FIXED).claims[0]
    assert claim.verdict == "pass" and "one behaviour, seen 60 times" in claim.reason
    assert "one behaviour" not in decide(*incident_runs(60, {}), FIXED).claims[0].reason


def test_adjacent_cases_are_a_claim_of_their_own_with_cases_as_units() -> None:
    cases = [
        *INCIDENT_CASES[:1],
        *(case(f"n{i:02}", incident_id="INC-0", origin="adjacent") for i in range(60)),
    ]
    old = suite_run("old", cases, lambda this, t: (f"o{t}", {"ok": False}), trials=5)
    new = suite_run(
        "new", cases, lambda this, t: (f"n{t}", {"ok": this.id != "n07" or t > 0}), trials=5
    )
    found = decide(old, new, {"name": "fixed", "failure_rate_below": 0.5})
    beside = claim_of(found, "fixed [INC-0, beside it]")
    assert beside.estimate == pytest.approx(1 / 60) and beside.n_cases == 60
    own = claim_of(found, "fixed [INC-0]")
    assert own.estimate == 0 and own.high == pytest.approx(failure_rate_bound(0, 5))


# --- metrics


def timed(name: str, seconds: Any, **columns: Any) -> Run:
    return table_run(name, [1] * len(seconds), latency=seconds, **columns)


def test_a_metric_is_held_against_a_bound_and_not_an_estimate() -> None:
    rng = np.random.default_rng(0)
    base = rng.lognormal(0, 0.3, 300)
    claims = [
        {"name": "loose", "metric": "latency_s", "ratio_below": 1.5},
        {"name": "tight", "metric": "latency_s", "ratio_below": 1.105},
        {"name": "broken", "metric": "latency_s", "ratio_below": 1.02},
        {"name": "tail", "metric": "latency_s", "quantile": 0.95, "ratio_below": 1.5},
        {"name": "value", "metric": "latency_s", "mean": True, "value_below": 2},
    ]
    found = decide(timed("old", base), timed("new", base * rng.lognormal(0.09, 0.2, 300)), *claims)
    assert verdicts(found) == {
        "loose": "pass", "tight": "inconclusive", "broken": "fail", "tail": "pass", "value": "pass",
    }  # fmt: skip
    tight = claim_of(found, "tight")
    assert tight.estimate is not None and tight.estimate < 1.2 < 2
    assert tight.bound is not None and tight.bound >= 1.105


def test_a_missing_metric_makes_the_claim_invalid() -> None:
    old = timed("old", [1.0] * 40)
    claim = {"name": "fast", "metric": "latency_s", "ratio_below": 1.5}
    gap = timed("new", [None, *[1.0] * 39])
    assert decide(old, gap, claim).verdict == "invalid"
    assert "lacks latency_s in 1 of 40 trials" in decide(old, gap, claim).claims[0].reason
    cost = {"name": "cheap", "metric": "cost_usd", "ratio_below": 1.5}
    assert decide(old, timed("new", [1.1] * 40), cost).verdict == "invalid"


def test_cases_that_cost_nothing_before_do_not_hide_what_they_cost_now() -> None:
    claim = {"name": "cheap", "metric": "cost_usd", "ratio_below": 1.2}
    old = table_run("old", [1] * 40, cost=[0.0] * 2 + [1.0] * 38)
    new = table_run("new", [1] * 40, cost=[60.0] * 2 + [1.0] * 38)
    assert decide(old, new, claim).verdict == "inconclusive"  # two cases carry it
    free = decide(table_run("old", [1] * 40, cost=[0.0] * 40), new, claim)
    assert free.verdict == "fail"
    assert "the baseline's mean is 0" in free.claims[0].reason


def test_a_tail_that_so_few_clusters_cannot_show_is_not_passed() -> None:
    claim = {"name": "tail", "metric": "latency_s", "quantile": 0.99, "value_below": 1000.0}
    found = decide(timed("old", [1.0] * 40), timed("new", np.linspace(1, 2, 40)), claim)
    assert found.verdict == "inconclusive"
    assert "40 clusters are too few" in found.claims[0].reason
    assert "at least 299 show a 99th percentile" in found.claims[0].reason


# --- errors


def with_errors(name: str, errors: int, n: int = 300) -> Run:
    cases = [case(f"c{i:03}") for i in range(n)]
    return suite_run(
        name,
        cases,
        lambda this, t: "Timeout" if int(this.id[1:]) < errors else (name + this.id, {"ok": True}),
    )


def test_any_error_is_invalid_unless_the_policy_tolerates_it() -> None:
    old, new = with_errors("old", 0), with_errors("new", 1)
    found = decide(old, new, NO_LOSS)
    assert found.verdict == "invalid" and "Timeout" in found.sentence
    assert decide(old, new, NO_LOSS, max_error_rate=0.01).verdict == "pass"
    assert decide(new, old, NO_LOSS).verdict == "invalid"


def test_tolerated_errors_count_against_the_candidate() -> None:
    old, new = with_errors("old", 0), with_errors("new", 30)
    found = decide(old, new, NO_LOSS, max_error_rate=0.2)
    assert found.verdict == "fail"
    assert found.claims[0].estimate == pytest.approx(-0.1)
    back = decide(new, old, NO_LOSS, max_error_rate=0.2)
    assert back.claims[0].estimate == 0  # a baseline's error counts as a pass
    assert decide(old, new, {"name": "z", "max_failures": 0}, max_error_rate=0.2).verdict == "fail"
    slow = {"name": "s", "metric": "latency_s", "ratio_below": 1.5}
    assert decide(old, new, slow, max_error_rate=0.2).verdict == "pass"


# --- what a verdict is made of


def test_the_json_has_the_keys_of_the_contract_and_is_plain() -> None:
    found = gate(compare(table_run("old", [1] * 50), table_run("new", [1] * 47 + [0] * 3)))
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert list(data) == ["verdict", "exit_code", "claims", "comparison", "evidence"]
    assert list(data["claims"][0]) == [
        "name", "verdict", "estimate", "confidence_interval", "pvalue", "pvalue_adjusted",
        "needed", "reason",
    ]  # fmt: skip
    assert set(data["claims"][0]["needed"]) == {"cases", "trials"}
    evidence = data["evidence"]
    assert evidence["policy_digest"] == default_policy().digest()
    assert evidence["suite_digest"] == found.comparison.old.manifest.suite_digest
    for side, run in (("baseline", found.comparison.old), ("candidate", found.comparison.new)):
        assert evidence[side]["fingerprint"] == run.manifest.fingerprint


def test_evidence_names_the_data_files_of_runs_on_disk(tmp_path: Path) -> None:
    for name, ok in (("old", [1] * 40), ("new", [0] + [1] * 39)):
        table_run(name, ok, out=tmp_path / name)
    found = aiir.gate(aiir.compare(tmp_path / "old", tmp_path / "new"))
    for side, name in (("baseline", "old"), ("candidate", "new")):
        stated = json.loads((tmp_path / name / "run.json").read_text())["files"]
        assert found.evidence[side]["files"] == stated != {}


def test_what_is_saved_is_read_back(tmp_path: Path) -> None:
    found = decide(*incident_runs(60, {"INC-1": 1}), FIXED, {"name": "z", "max_failures": 0})
    path = tmp_path / "verdict.json"
    save_verdict(found, path)
    data = json.loads(path.read_text())
    assert next(iter(data)) == "schema" and data["schema"] == "aiir/verdict/1"
    loaded = load_verdict(path)
    assert loaded.to_dict() == found.to_dict()
    assert loaded.policy == found.policy and list(loaded.claims) == list(found.claims)
    assert loaded.sentence == found.sentence
    assert loaded.comparison.flips().equals(found.comparison.flips())
    with pytest.raises(InputError, match="read from a file"):
        gate(loaded.comparison)
    del data["saved"]
    path.write_text(json.dumps(data))
    with pytest.raises(DocumentError, match="damaged"):
        load_verdict(path)


def test_a_saved_comparison_cannot_be_gated(tmp_path: Path) -> None:
    save_comparison(compare(table_run("old", [1] * 9), table_run("new", [1] * 9)), tmp_path / "c")
    with pytest.raises(InputError, match="compare the runs again"):
        gate(load_comparison(tmp_path / "c"))


def test_what_is_no_comparison_cannot_be_gated() -> None:
    with pytest.raises(InputError, match=r"judges a comparison, not str \(aiir.gate\(aiir.compare"):
        gate("verdict.json")  # type: ignore[arg-type]


def test_a_verdict_is_a_frame_a_plot_and_a_sentence() -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    claims = [
        FIXED,
        {"name": "$zero$", "max_failures": 0},
        {"name": "v", "select": {"tag": "no"}, "max_failures": 0},
    ]
    found = decide(*incident_runs(60, {"INC-1": 40}), *claims)
    frame = found.to_pandas()
    assert list(frame.verdict) == ["pass", "fail", "pass", "fail", "invalid"]
    assert frame.threshold[0] == 0.05
    found.plot().figure.canvas.draw()
    assert found.sentence == "Invalid: 1 of 5 claims is invalid: v (no case is selected: tag no)."


def test_the_policy_may_be_a_path(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("claims:\n  - {name: zero, max_failures: 0}\n")
    comparison = compare(table_run("old", [1] * 9), table_run("new", [1] * 9))
    assert aiir.gate(comparison, policy=str(path)).verdict == "pass"
