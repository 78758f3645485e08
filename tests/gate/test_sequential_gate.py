"""A gate that runs as it looks: right, no more calls than it takes, and honest about its data."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import FakeTarget

import aiir_eval as aiir
from aiir_eval.errors import DocumentError, InputError, InterruptedRunError, UnreachableError
from aiir_eval.gate.document import load_verdict, save_verdict
from aiir_eval.gate.gating import gate
from aiir_eval.gate.ordering import merged, ordered
from aiir_eval.gate.policy import Policy
from aiir_eval.gate.result import ClaimResult, Verdict
from aiir_eval.gate.sequential import gate_sequentially
from aiir_eval.reports.html import render_html
from aiir_eval.reports.junit import verdict_junit
from aiir_eval.reports.markdown import verdict_markdown
from aiir_eval.reports.terminal import render_verdict
from aiir_eval.runs.model import Run, load_run
from aiir_eval.runs.running import run
from aiir_eval.stats import cases_needed
from aiir_eval.suites.model import Suite
from aiir_eval.targets.protocol import Request

CHECK = {"scorer": "contains", "value": "ok"}
NO_LOSS = {"name": "no loss", "non_inferior": {"margin": 0.05}}
FIXED = {"name": "fixed", "select": {"origin": "incident"}, "failure_rate_below": 0.05}
NONE_FAILS = {"name": "none", "select": {"tag": "x"}, "max_failures": 0}


def suite_of(n: int, *, per_cluster: int = 1, **fields: Callable[[int], Any]) -> Suite:
    cases = [
        {
            "id": f"c{i:04}",
            "input": f"question {i}",
            "checks": [CHECK],
            "cluster": f"g{i // per_cluster:04}",
            **{key: of(i) for key, of in fields.items()},
        }
        for i in range(n)
    ]
    return Suite.model_validate({"name": "s", "trials": {"incident": 120}, "cases": cases})


def passes(rate: float, version: str, *, seed: int = 0) -> FakeTarget:
    """A target that passes at a rate, each trial by a coin of its own."""

    def answer(request: Request) -> str:
        coin = np.random.default_rng([seed, int(request.case_id[1:]), request.trial, int(version)])
        return "ok" if coin.random() < rate else "no"

    return FakeTarget(answer, version=version)


def says(answer: Callable[[Request], Any], version: str) -> FakeTarget:
    return FakeTarget(answer, version=version)


def policy(*claims: dict[str, Any], **options: Any) -> Policy:
    return Policy.model_validate({"claims": list(claims), **options})


def decide(suite: Suite, old: Any, new: Any, *claims: dict[str, Any], **options: Any) -> Verdict:
    options = {"incidents": {}, "concurrency": 1, **options}
    given = policy(*claims) if claims else options.pop("policy", None)
    return gate_sequentially(suite, old, new, given, **options)


def told(verdict: Verdict) -> dict[str, Any]:
    return dict(verdict.evidence["sequential"])


def claim_of(verdict: Verdict, name: str) -> ClaimResult:
    return next(claim for claim in verdict.claims if claim.name == name)


@pytest.mark.parametrize(
    ("old", "new", "verdict"), [(0.9, 0.97, "pass"), (0.95, 0.6, "fail"), (1.0, 1.0, "pass")]
)
def test_it_stops_as_soon_as_the_claim_is_decided(old: float, new: float, verdict: str) -> None:
    before, after = passes(old, "1"), passes(new, "2")
    found = decide(suite_of(900), before, after)
    assert found.verdict == verdict
    calls = len(before.asked) + len(after.asked)
    assert told(found)["calls"] == calls < 600
    assert told(found)["calls_of_all_trials"] == 1800
    assert told(found)["saved"] == pytest.approx(1 - calls / 1800)
    share = int(100 * (1 - calls / 1800))
    assert f"decided after {calls:,} of 1,800 calls: {share}% saved" in found.sentence
    assert before.closed == after.closed == 1


def test_what_clusters_are_called_changes_nothing() -> None:
    def named(name: Callable[[int], str]) -> Verdict:
        suite = suite_of(200, cluster=lambda i: name(i // 3))
        return decide(suite, passes(0.9, "1"), passes(0.8, "2"))

    first, second = named(lambda k: f"g{k:03}"), named(lambda k: f"g{(k * 37 + 11) % 101:03}")
    assert first.claims == second.claims
    assert told(first) == told(second)


def test_what_stays_open_is_inconclusive_and_not_tested_again() -> None:
    found = decide(suite_of(60), passes(0.9, "1"), passes(0.9, "2"))
    assert (found.verdict, found.exit_code) == ("inconclusive", 3)
    assert told(found)["calls"] == 120
    (claim,) = found.claims
    assert "the suite has no more cases" in claim.reason
    assert claim.needed is not None
    assert claim.needed.cases > 60
    assert "ended after 120 of 120 calls: 0% saved" in found.sentence


def test_it_gives_up_at_twice_the_fixed_design() -> None:
    # a loss between none and the margin that is hard to tell from either
    after = says(lambda request: "no" if int(request.case_id[1:]) % 30 == 0 else "ok", "2")
    claim = {"name": "c", "non_inferior": {"margin": 0.06}}
    found = decide(suite_of(6000), passes(1.0, "1"), after, claim)
    assert found.verdict == "inconclusive"
    assert "the cap was reached" in found.claims[0].reason
    n = found.claims[0].n_cases
    spread = abs(found.claims[0].estimate or 0.0)  # every difference is a loss of one case
    shrunken = (n * spread + 10 * 0.15) / (n + 10) / 2
    fixed = cases_needed(margin=0.06, p_loss=shrunken, p_gain=shrunken)
    assert 2 * fixed <= n <= 2 * fixed + 4  # it is found anew at every look
    assert told(found)["calls"] == 2 * n
    assert found.comparison.sentence.endswith("left open at the cap of a sequential test.")


def test_the_same_seed_gives_the_same_verdict_and_another_seed_another_order() -> None:
    suite = suite_of(400)
    found = [
        decide(suite, passes(0.9, "1"), passes(0.9, "2"), seed=seed).to_dict()["evidence"]
        for seed in (3, 3, 4)
    ]
    assert found[0] == found[1]
    targets = [passes(1.0, "2") for _ in range(2)]
    for seed, target in enumerate(targets):
        decide(suite, passes(1.0, "1"), target, seed=seed)
    assert targets[0].asked != targets[1].asked
    shuffled = suite.model_copy(update={"cases": suite.cases[::-1]})
    again = passes(1.0, "2")
    decide(shuffled, passes(1.0, "1"), again)
    assert again.asked == targets[0].asked  # the order of the file does not matter


def test_concurrency_changes_neither_the_verdict_nor_its_evidence() -> None:
    suite = suite_of(500)
    one, many = (decide(suite, passes(0.93, "1"), passes(0.8, "2"), concurrency=n) for n in (1, 16))
    assert one.verdict == many.verdict == "fail"
    assert one.claims == many.claims
    assert one.comparison.difference == many.comparison.difference
    assert told(many)["calls"] <= told(one)["calls"] + 16


def test_a_recorded_baseline_costs_no_call_and_gives_the_same_verdict() -> None:
    suite = suite_of(400)
    recorded = run(suite, passes(0.95, "1"))
    after = passes(0.6, "2")
    found = decide(suite, recorded, after)
    both = decide(suite, passes(0.95, "1"), passes(0.6, "2"))
    assert found.claims == both.claims
    assert told(found)["calls"] == len(after.asked) < 200
    assert told(found)["calls_of_all_trials"] == 400
    other = decide(suite, passes(0.6, "2"), recorded)
    assert other.verdict == "pass"


def test_an_incident_stops_early_and_only_the_candidate_is_called_for_it() -> None:
    suite = suite_of(
        2, origin=lambda i: "incident", incident_id=lambda i: f"INC-{i}", cluster=lambda i: f"I{i}"
    )
    before, after = passes(0.0, "1"), passes(1.0, "2")
    found = decide(suite, before, after, FIXED)
    assert found.verdict == "pass"
    assert len(after.asked) == 120  # 60 of each, of 120
    assert len(before.asked) == 2  # each check has failed once in the baseline: it is proven
    assert "0 of 60 trials failed" in found.claims[0].reason
    assert "one behaviour" in found.claims[0].reason
    broken = decide(suite, passes(0.0, "1"), passes(0.2, "2"), FIXED)
    assert broken.verdict == "fail"
    assert told(broken)["calls"] < 30
    assert told(broken)["calls_of_all_trials"] == 480


def test_a_check_that_is_not_known_to_fail_shows_nothing() -> None:
    suite = suite_of(1, origin=lambda i: "incident", incident_id=lambda i: "INC")
    found = decide(suite, passes(1.0, "1"), passes(1.0, "2"), FIXED)
    assert found.verdict == "inconclusive"
    assert "not known to be able to fail" in found.claims[0].reason


def test_cases_beside_an_incident_are_counted_by_case() -> None:
    suite = suite_of(80, origin=lambda i: "adjacent", incident_id=lambda i: "INC")
    claim = {"name": "beside", "select": {"origin": "adjacent"}, "failure_rate_below": 0.05}
    after = passes(1.0, "2")
    found = decide(suite, passes(1.0, "1"), after, claim)
    assert found.verdict == "pass"
    assert "0 of 60 cases failed" in found.claims[0].reason
    assert len(after.asked) == 60
    assert told(found)["trials"] == {"baseline": 0, "candidate": 60}
    assert found.comparison.sentence.startswith("Not compared")


def test_a_count_fails_at_the_first_excess_and_passes_only_at_its_end() -> None:
    suite = suite_of(100, tags=lambda i: ["x"] if i < 50 else [])
    good = passes(1.0, "2")
    found = decide(suite, passes(1.0, "1"), good, NONE_FAILS)
    assert found.verdict == "pass"
    assert len(good.asked) == 50
    bad = says(lambda request: "no" if request.case_id == "c0007" else "ok", "2")
    broken = decide(suite, passes(1.0, "1"), bad, NONE_FAILS)
    assert broken.verdict == "fail"
    assert bad.asked[-1][0] == "c0007"
    assert len(bad.asked) <= 50


def test_a_metric_needs_every_trial_unless_another_claim_fails() -> None:
    slow = {"name": "slow", "metric": "latency_s", "value_below": 100.0}
    suite = suite_of(150)
    found = decide(suite, passes(1.0, "1"), passes(1.0, "2"), NO_LOSS, slow)
    assert found.verdict == "pass"
    assert told(found)["calls"] == 300
    assert told(found)["needs_every_trial"] == ["slow"]
    assert claim_of(found, "no loss").n_cases < 150  # its own bet ended before
    failed = decide(suite, passes(1.0, "1"), passes(0.4, "2"), NO_LOSS, slow)
    assert failed.verdict == "fail"
    assert told(failed)["calls"] < 100
    assert claim_of(failed, "slow").verdict == "inconclusive"


def test_every_level_is_a_claim_and_cases_of_a_settled_one_are_not_run() -> None:
    by = {"name": "by class", "non_inferior": {"margin": 0.1}, "by": "class"}
    classes = ["hallucination", "unsafe_action"]
    suite = suite_of(500, **{"class": lambda i: classes[i % 5 == 0]})
    before, after = passes(1.0, "1"), passes(1.0, "2")
    found = decide(suite, before, after, by)
    assert found.verdict == "pass"
    assert [claim.name for claim in found.claims] == [f"by class [{name}]" for name in classes]
    assert told(found)["strata"] == 2
    seen = [int(case_id[1:]) % 5 == 0 for case_id, _ in after.asked]
    assert sum(seen) > 0.25 * len(seen)  # the rarer level went on alone


def test_a_violation_must_stand_after_holm() -> None:
    claims = [
        {"name": f"k{k}", "select": {"tag": f"t{k}"}, "non_inferior": {"margin": 0.1}}
        for k in range(8)
    ]
    suite = suite_of(800, tags=lambda i: [f"t{i % 8}"])
    after = says(lambda r: "no" if int(r.case_id[1:]) % 8 == 3 else "ok", "2")
    one = decide(suite, passes(1.0, "1"), after, claims[3])
    all_ = decide(suite, passes(1.0, "1"), after, *claims)
    assert one.verdict == all_.verdict == "fail"
    needed = claim_of(all_, "k3")
    assert needed.pvalue is not None
    assert needed.pvalue * 8 <= 0.05 + 1e-9 < one.claims[0].pvalue * 8  # type: ignore[operator]
    assert needed.pvalue_adjusted == pytest.approx(8 * needed.pvalue)


def test_errors_beyond_the_policy_are_invalid_at_once() -> None:
    def answer(request: Request) -> str:
        if request.case_id.endswith("3"):
            raise RuntimeError("boom")
        return "ok"

    after = says(answer, "2")
    found = decide(suite_of(300), passes(1.0, "1"), after)
    assert (found.verdict, found.exit_code) == ("invalid", 4)
    assert "boom" in found.sentence
    assert len(after.asked) < 60
    assert after.asked[-1][0].endswith("3")


def test_tolerated_errors_count_against_the_candidate() -> None:
    def answer(request: Request) -> str:
        if int(request.case_id[1:]) % 3 == 0:
            raise RuntimeError("boom")
        return "ok"

    given = policy(NO_LOSS, max_error_rate=0.5)
    found = decide(suite_of(300), passes(1.0, "1"), says(answer, "2"), policy=given)
    assert found.verdict == "fail"
    same = decide(suite_of(300), says(answer, "1"), passes(1.0, "2"), policy=given)
    assert same.verdict == "pass"


def test_what_cannot_be_compared_is_invalid_before_any_call() -> None:
    suite = suite_of(30)
    recorded = run(suite, passes(1.0, "1"))
    after = passes(1.0, "2")
    cases = [
        (decide(suite, after, passes(0.5, "2")), "same target"),
        (decide(suite_of(40), recorded, after), "case sets differ"),
        (decide(suite, recorded, passes(1.0, "1")), "same target"),
        (decide(suite_of(30, tags=lambda i: ["new"]), recorded, after), "suite was changed"),
    ]
    manifest = recorded.manifest.model_copy(update={"status": "interrupted"})
    partial = Run(manifest, recorded.trials.slice(0, 20), None, suite.cases)
    cases.append((decide(suite, partial, after), "incomplete"))
    other = recorded.manifest.model_copy(update={"scorer_versions": {"contains": "9"}})
    cases.append((decide(suite, Run(other, recorded.trials, None, suite.cases), after), "scorer"))
    for verdict, words in cases:
        assert verdict.verdict == "invalid"
        assert words in verdict.sentence
        assert verdict.claims[0].verdict == "invalid"
        assert render_verdict(verdict)
    void = decide(suite, passes(1.0, "1"), after, {**NONE_FAILS, "select": {"tag": "nothing"}})
    assert void.verdict == "invalid"
    assert after.asked == []


def test_the_same_target_on_purpose_is_compared() -> None:
    found = decide(suite_of(200), passes(1.0, "1"), passes(1.0, "1"), aa=True)
    assert found.verdict == "pass"


def test_two_recorded_runs_are_an_error() -> None:
    suite = suite_of(5)
    runs = [run(suite, passes(1.0, version)) for version in "12"]
    with pytest.raises(InputError, match="no call can be saved"):
        decide(suite, *runs)


def test_kept_runs_are_never_evidence_again(tmp_path: Path) -> None:
    suite = suite_of(200)
    found = decide(suite, passes(1.0, "1"), passes(1.0, "2"), keep=tmp_path)
    assert found.verdict == "pass"
    assert told(found)["kept"] == [str(tmp_path / "baseline"), str(tmp_path / "candidate")]
    old, new = load_run(tmp_path / "baseline"), load_run(tmp_path / "candidate")
    assert (old.manifest.status, new.complete) == ("stopped", False)
    assert old.trials.num_rows + new.trials.num_rows == told(found)["calls"]
    again = gate(aiir.compare(old, new))
    assert again.verdict == "invalid"
    assert "stopped" in again.sentence
    with pytest.raises(InputError, match="sequential gate ended"):
        run(suite, passes(1.0, "2"), out=tmp_path / "candidate", resume=True)
    with pytest.raises((InputError, DocumentError)):
        decide(suite, passes(1.0, "1"), passes(1.0, "2"), keep=tmp_path)


def test_even_a_run_that_took_every_trial_is_not_complete(tmp_path: Path) -> None:
    decide(suite_of(10), passes(0.5, "1"), passes(0.5, "2"), keep=tmp_path)
    kept = load_run(tmp_path / "baseline")
    assert kept.trials.num_rows == 10
    assert kept.manifest.status == "stopped"


def test_an_unreachable_target_ends_it(tmp_path: Path) -> None:
    def answer(request: Request) -> str:
        if request.case_id == "c0005":
            raise UnreachableError("no route")
        return "ok"

    with pytest.raises(UnreachableError, match=r"no route\nundecided: \d+ of 60 calls") as caught:
        decide(suite_of(30), passes(1.0, "1"), says(answer, "2"), keep=tmp_path)
    assert caught.value.exit_code == 5
    assert load_run(tmp_path / "candidate").manifest.status == "stopped"


def test_ctrl_c_ends_it(tmp_path: Path) -> None:
    if threading.current_thread() is not threading.main_thread():
        pytest.skip("signals need the main thread")
    asked = 0

    def answer(request: Request) -> str:
        nonlocal asked
        asked += 1
        if asked == 7:
            os.kill(os.getpid(), signal.SIGINT)
        return "ok"

    with pytest.raises(InterruptedRunError, match="undecided") as caught:
        decide(suite_of(300), passes(1.0, "1"), says(answer, "2"), keep=tmp_path)
    assert caught.value.exit_code == 130
    assert 7 <= load_run(tmp_path / "candidate").trials.num_rows < 20


def test_the_json_is_that_of_the_gate_and_the_reports_show_it(tmp_path: Path) -> None:
    suite = suite_of(300)
    found = decide(suite, passes(0.95, "1"), passes(0.6, "2"))
    fixed = gate(aiir.compare(run(suite, passes(0.95, "1")), run(suite, passes(0.6, "2"))))
    assert found.to_dict().keys() == fixed.to_dict().keys()
    assert found.to_dict()["comparison"].keys() == fixed.to_dict()["comparison"].keys()
    assert found.to_dict()["claims"][0].keys() == fixed.to_dict()["claims"][0].keys()
    save_verdict(found, tmp_path / "v.json")
    again = load_verdict(tmp_path / "v.json")
    assert again.to_dict() == json.loads(json.dumps(found.to_dict()))
    assert again.comparison.difference == found.comparison.difference
    for shown in (found, again):
        for render in (render_verdict, verdict_markdown, verdict_junit, render_html):
            assert "% saved" in " ".join(str(render(shown)).split())


def test_the_comparison_makes_no_fixed_sample_test() -> None:
    found = decide(suite_of(400), passes(0.95, "1"), passes(0.75, "2")).comparison
    assert found.checks == []
    assert found.slices == []
    assert found.minimum_detectable_effect is None
    assert found.difference is not None
    assert "betting" in found.difference.method
    assert found.difference.pvalue_exact is None
    assert found.conclusion == "regressed"
    assert not {"underpowered", "refusal_shift"} & {finding.code for finding in found.findings}


def test_clusters_and_trials_are_looked_at_whole() -> None:
    suite = suite_of(300, per_cluster=5)
    after = passes(0.6, "2")
    found = decide(suite, passes(0.95, "1"), after, trials=3)
    assert found.verdict == "fail"
    (claim,) = found.claims
    assert claim.n_cases % 5 == 0
    assert len(after.asked) == 3 * claim.n_cases
    assert f"in {claim.n_cases // 5} clusters" in claim.reason


def test_every_block_has_its_share_of_each_stratum() -> None:
    strata = np.repeat([0, 1, 2], [90, 40, 31])
    clusters = np.arange(strata.size)
    order = ordered(clusters, strata, 5)
    assert len(order.blocks) == 31
    for block in order.blocks:
        weight = np.bincount(strata[block.cases], block.shares)
        assert np.allclose(weight / weight.sum(), [90 / 161, 40 / 161, 31 / 161])
    cases = np.concatenate([block.cases for block in order.blocks])
    assert sorted(cases.tolist()) == list(range(161))
    assert merged(np.repeat([0, 1, 2, 3], [100, 5, 9, 40])).max() == 1
    assert merged(np.repeat([0, 1], [10, 10])).max() == 0
    alone = ordered(clusters, np.zeros(161, dtype=np.int64), 5)
    assert len(alone.blocks) == 161
    assert all((block.shares == 1).all() for block in alone.blocks)


@pytest.mark.slow
@pytest.mark.parametrize(("loss", "wrong", "strata"), [(0.1, "pass", 2), (0.0, "fail", 1)])
def test_false_verdicts_are_as_rare_as_promised(loss: float, wrong: str, strata: int) -> None:
    # each case passes by a fresh coin: a loss of exactly the margin, or none
    runs, margin = 60, 0.1
    classes = ["hallucination", "unsafe_action"]
    suite = suite_of(240, **{"class": lambda i: classes[i % strata]})
    claim = {"name": "c", "non_inferior": {"margin": margin}}
    found = []
    for seed in range(runs):
        old, new = passes(0.9, "1", seed=seed), passes(0.9 - loss, "2", seed=seed)
        found.append(decide(suite, old, new, claim, seed=seed, concurrency=32).verdict)
    assert found.count(wrong) / runs <= 0.05 + 3 * (0.05 * 0.95 / runs) ** 0.5
    assert {"pass", "fail"} - {wrong} <= set(found)  # the other one is found
