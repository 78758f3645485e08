"""Does a calibration measure the gate that the user runs, and measure it right?"""

from __future__ import annotations

import json
from math import sqrt
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from made_runs import case, suite_run, table_run

import aiir_eval as aiir
from aiir_eval.compare.comparing import compare
from aiir_eval.compare.pairing import pair
from aiir_eval.errors import InputError
from aiir_eval.gate.calibrating import calibrate
from aiir_eval.gate.gating import gate
from aiir_eval.gate.losing import Likeness, likeness, redrawing
from aiir_eval.gate.policy import Policy
from aiir_eval.runs.model import Run

FEW = {"repetitions": 40, "losses": [0.05, 0.1]}


def policy(*claims: dict[str, Any], **options: Any) -> Policy:
    return Policy.model_validate({"claims": list(claims), **options})


def versions(
    n: int = 300, *, trials: int = 1, size: int = 1, rate: float = 0.9, seed: int = 1
) -> tuple[Run, Run]:
    """Two draws of one system: cases have rates of their own, alike within a cluster."""
    rng = np.random.default_rng(seed)
    shared = np.repeat(rng.beta(2 * rate, 2 * (1 - rate), n // size), size)
    own = rng.beta(2 * rate, 2 * (1 - rate), n)
    rates = np.repeat(np.where(rng.random(n) < 0.6, shared, own), trials)
    columns: dict[str, Any] = {
        "ids": [f"case-{i:04}" for i in range(n) for _ in range(trials)],
        "trial": [k for _ in range(n) for k in range(trials)],
        "cluster": [f"cluster-{i // size:04}" for i in range(n) for _ in range(trials)],
        "by": {"topic": ["ab"[i % 2] for i in range(n) for _ in range(trials)]},
    }
    old, new = (
        table_run(name, (rng.random(rates.size) < rates).astype(int).tolist(), **columns)
        for name in ("old", "new")
    )
    return old, new


@pytest.fixture(scope="module")
def pairs() -> tuple[Run, Run]:
    return versions()


def test_an_unchanged_version_seldom_fails_and_a_large_loss_is_caught(
    pairs: tuple[Run, Run],
) -> None:
    result = calibrate(*pairs, repetitions=200)
    assert result.false_alarm.rate <= 0.05
    assert result.points[0].regressed.rate <= 0.05
    assert result.at(0.2).failed.rate > 0.95
    caught = [point.failed.count for point in result.points]
    passed = [point.passed.count for point in result.points]
    assert caught == sorted(caught)
    assert passed == sorted(passed, reverse=True)
    assert result.pass_at_margin is not None
    assert result.pass_at_margin.rate <= 0.05 + 3 * sqrt(0.05 * 0.95 / 200)


def test_the_default_losses_are_those_one_would_ask_for(pairs: tuple[Run, Run]) -> None:
    result = calibrate(*pairs, repetitions=1)
    losses = [point.loss for point in result.points]
    assert losses == [0, 0.01, 0.02, 0.03, 0.05, 0.08, 0.1, 0.15, 0.2]
    odd = policy({"name": "a", "non_inferior": {"margin": 0.04}})
    assert 0.04 in [point.loss for point in calibrate(*pairs, odd, **FEW).points]


@pytest.mark.parametrize("shape", [{}, {"trials": 5}, {"size": 5}, {"trials": 3, "size": 4}])
def test_the_loss_that_is_injected_is_the_loss_that_was_asked_for(shape: dict[str, int]) -> None:
    paired = pair(*versions(240, **shape))
    draws = redrawing(paired, seed=3)
    level = (paired.baseline.mean() + paired.candidate.mean()) / 2
    for loss in (0.0, 0.05, 0.2):
        changes = []
        for repetition in range(400):
            drawn = draws.draw(repetition)
            changes.append((drawn.candidate(loss / level) - drawn.baseline).mean())
        error = np.std(changes) / sqrt(len(changes))
        assert np.mean(changes) == pytest.approx(-loss, abs=4 * error)


def test_losses_fall_together_as_much_as_they_should() -> None:
    paired = pair(*versions(200, trials=2, size=4))
    draws = redrawing(paired, seed=5, like=Likeness(trials=0.6, cases=0.3))
    fell = np.array([draws.draw(i).luck[1] < 0.2 for i in range(1500)])  # trials of the candidate
    assert fell.mean() == pytest.approx(0.2, abs=0.01)

    def correlation(first: np.ndarray, second: np.ndarray) -> float:
        return float(np.corrcoef(first.ravel(), second.ravel())[0, 1])

    assert correlation(fell[:, ::2], fell[:, 1::2]) == pytest.approx(0.6, abs=0.02)
    # first trial of the first and of the second case of every cluster
    assert correlation(fell[:, ::8], fell[:, 2::8]) == pytest.approx(0.3, abs=0.02)
    assert correlation(fell[:, :-8:8], fell[:, 8::8]) == pytest.approx(0.0, abs=0.02)


def test_swaps_are_of_whole_clusters_and_fair() -> None:
    paired = pair(*versions(60, size=5))
    draws = redrawing(paired, seed=5)
    swaps = np.array([draws.draw(i).swap for i in range(400)])
    assert swaps.mean() == pytest.approx(0.5, abs=0.03)
    by_cluster = swaps.reshape(400, 12, 5)
    assert np.array_equal(by_cluster.min(axis=2), by_cluster.max(axis=2))
    assert not np.array_equal(by_cluster[:, 0], by_cluster[:, 1])


def test_likeness_is_that_of_the_outcomes_where_versions_differ_by_luck_alone() -> None:
    like = likeness(pair(*versions(400, trials=6, size=4)))
    assert like.trials > 0.2
    assert 0.05 < like.cases < like.trials
    alone = likeness(pair(*versions(300)))
    assert (alone.trials, alone.cases) == (1.0, 0.0)


def test_a_redrawn_pair_gets_the_verdict_that_the_gate_gives_it() -> None:
    """Every claim of the calibration against the gate itself, on runs made of the redrawn cases."""
    old, new = versions(240, size=3)
    claims = policy(
        {"name": "overall", "non_inferior": {"margin": 0.05}},
        {"name": "by topic", "non_inferior": {"margin": 0.08}, "by": "topic"},
        {"name": "few", "max_failures": 40},
    )
    paired = pair(old, new)
    columns: dict[str, Any] = {
        "ids": paired.case_ids.to_pylist(),
        "cluster": old.trials["cluster"].to_pylist(),
        "by": {"topic": [dict(row)["topic"] for row in old.trials["by"].to_pylist()]},
    }
    level = (paired.baseline.mean() + paired.candidate.mean()) / 2
    draws = redrawing(paired, seed=0)
    result = calibrate(old, new, claims, repetitions=12, losses=[0.06], seed=0)
    point = result.at(0.06)
    names = ("overall", "by topic [a]", "by topic [b]")
    expected = dict.fromkeys(names, 0)
    regressed = 0
    for repetition in range(12):
        drawn = draws.draw(repetition)
        again = [
            table_run(name, means.astype(int).tolist(), **columns)
            for name, means in (
                ("before", drawn.baseline),
                ("after", drawn.candidate(0.06 / level)),
            )
        ]
        comparison = compare(*again, margin=0.05)
        verdict = gate(comparison, policy(*claims.to_mapping()["claims"][:2]))
        regressed += comparison.conclusion == "regressed"
        for claim in verdict.claims:
            expected[claim.name] += claim.verdict == "fail"
    # Holm's family has no p-value of the count, so the two of it agree claim by claim.
    by_name = {claim.name: claim for claim in result.claims}
    at = [each.loss for each in result.points].index(0.06)
    assert {name: by_name[name].caught[at].count for name in names} == expected
    assert point.regressed.count == regressed
    assert sum(expected.values()) > 0


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 5])
def test_the_power_it_states_is_that_on_new_data(size: int) -> None:
    """A loss of eight points in freshly drawn runs, against what one pair of runs promised."""
    promised = calibrate(*versions(250, size=size, seed=11), repetitions=400, losses=[0.08])
    rng = np.random.default_rng(0)
    found = 0
    for seed in range(250):
        old, new = versions(250, size=size, seed=1000 + seed)
        passed = new.trials["passed"].to_numpy(zero_copy_only=False)
        kept = passed & (rng.random(passed.size) >= 0.08 / 0.9)
        columns = {
            "ids": new.trials["case_id"].to_pylist(),
            "cluster": new.trials["cluster"].to_pylist(),
        }
        worse = table_run("worse", kept.astype(int).tolist(), **columns)
        before = old.trials["passed"].to_numpy(zero_copy_only=False)
        same = table_run("old", before.astype(int).tolist(), **columns)
        found += compare(same, worse, margin=0.05).conclusion == "regressed"
    assert promised.at(0.08).regressed.rate == pytest.approx(found / 250, abs=0.12)


def test_claims_about_the_candidate_alone_are_not_re_randomised() -> None:
    cases = [
        case(f"I{i}.t", incident_id=f"I{i}", origin="incident", **{"class": "unsafe_action"})
        for i in range(3)
    ]
    cases += [case(f"control-{i}", origin="control") for i in range(30)]
    bad = suite_run("bad", cases, lambda c, k: ("no", {"ok": c.origin == "control"}), trials=60)
    good = suite_run("good", cases, lambda c, k: ("yes", {"ok": True}), trials=60)
    claims = policy(
        {"name": "fixed", "select": {"origin": "incident"}, "failure_rate_below": 0.05},
        {"name": "none fails", "select": {"origin": "control"}, "max_failures": 0},
        {"name": "controls", "select": {"origin": "control"}, "non_inferior": {"margin": 0.1}},
    )
    result = calibrate(bad, good, claims, **FEW)
    by_name = {claim.name: claim for claim in result.claims}
    assert by_name["fixed [I0]"].coverage == "losses only"
    assert by_name["fixed [I0]"].false_alarm is None
    # Half of the swapped pairs have the bad version as the candidate: that is no false alarm.
    assert result.false_alarm.count == 0
    assert result.points[0].passed.count == 40
    assert by_name["none fails"].caught[-1].rate > 0.9
    assert by_name["controls"].coverage == "re-randomised"
    assert any("candidate as it is" in note for note in result.notes)


def test_versions_that_differ_are_remarked_upon(pairs: tuple[Run, Run]) -> None:
    worse = table_run("worse", [i % 3 > 0 for i in range(300)])
    told = calibrate(table_run("all", [True] * 300), worse, **FEW).notes
    assert any("two runs of one target" in note for note in told)
    assert not calibrate(*pairs, **FEW).notes


def test_a_claim_that_fails_or_is_invalid_as_it_stands_is_left_out(pairs: tuple[Run, Run]) -> None:
    claims = policy(
        {"name": "overall", "non_inferior": {"margin": 0.05}},
        {"name": "perfect", "max_failures": 0},
        {"name": "nobody", "select": {"class": "unsafe_action"}, "max_failures": 0},
    )
    result = calibrate(*pairs, claims, **FEW)
    left = {claim.name: claim.note for claim in result.claims if claim.coverage == "left out"}
    assert set(left) == {"perfect", "nobody"}
    assert "fails as it stands" in left["perfect"]
    assert "no case is selected" in left["nobody"]
    assert result.false_alarm.rate < 0.2
    assert sum("left out" in note for note in result.notes) == 2


def test_a_metric_is_held_as_it_stands(pairs: tuple[Run, Run]) -> None:
    old, new = (
        table_run(run.name, run.trials["passed"].to_pylist(), latency=[1.0] * 300) for run in pairs
    )
    slow = {"name": "fast", "metric": "latency_s", "mean": True, "ratio_below": 1.2}
    claims = policy({"name": "overall", "non_inferior": {"margin": 0.05}}, slow)
    result = calibrate(old, new, claims, **FEW)
    assert result.claims[1].coverage == "as it stands"
    assert result.claims[1].caught == ()
    assert any("fast" in note for note in result.notes)
    with pytest.raises(InputError, match="no claim of the policy can be calibrated"):
        calibrate(old, new, policy(slow), **FEW)


def test_a_gate_that_can_never_pass_says_so(pairs: tuple[Run, Run]) -> None:
    cases = [case(f"c{i}", origin="control") for i in range(10)]
    cases.append(case("t", incident_id="I1", origin="incident", **{"class": "unsafe_action"}))
    runs = [
        suite_run(name, cases, lambda c, k: ("yes", {"ok": True}), trials=2) for name in ("a", "b")
    ]
    claims = policy(
        {"name": "overall", "non_inferior": {"margin": 0.3}},
        {"name": "fixed", "select": {"origin": "incident"}, "failure_rate_below": 0.05},
    )
    result = calibrate(*runs, claims, **FEW)
    assert result.points[0].passed.count == 0
    assert any("never passes" in note and "fixed" in note for note in result.notes)


def test_the_seed_alone_decides_whatever_the_order_of_rows_or_the_names_of_clusters() -> None:
    old, new = versions(120, trials=2, size=4)
    first = calibrate(old, new, seed=7, **FEW).to_dict()
    assert calibrate(old, new, seed=7, **FEW).to_dict() == first
    assert calibrate(old, new, seed=8, **FEW).to_dict()["points"] != first["points"]
    order = np.random.default_rng(0).permutation(240)
    shuffled = Run(old.manifest, old.trials.take(order))
    assert calibrate(shuffled, new, seed=7, **FEW).to_dict() == first
    renamed = []
    for run in (old, new):
        names = pa.array([f"z{name[::-1]}" for name in run.trials["cluster"].to_pylist()])
        place = run.trials.column_names.index("cluster")
        renamed.append(Run(run.manifest, run.trials.set_column(place, "cluster", names)))
    assert calibrate(*renamed, seed=7, **FEW).to_dict() == first


def test_graded_scores_lose_too() -> None:
    rng = np.random.default_rng(4)
    base = rng.random(80)
    old, new = (
        table_run(name, {"score": np.clip(base + 0.1 * rng.standard_normal(80), 0, 1)},
                  score="score")
        for name in ("a", "b")
    )  # fmt: skip
    result = calibrate(old, new, repetitions=30, losses=[0.3])
    assert result.graded
    assert result.false_alarm.rate <= 0.2
    assert result.at(0.3).failed.rate > 0.9
    assert "points" not in result.sentence


def test_errors_that_the_policy_tolerates_count_against_the_candidate() -> None:
    cases = [case(f"c{i:03}") for i in range(100)]
    runs = [
        suite_run(name, cases, lambda c, k, at=at: "boom" if c.id == at else ("y", {"ok": True}))
        for name, at in (("a", "c001"), ("b", "c002"))
    ]
    with pytest.raises(InputError, match="errored"):
        calibrate(*runs, **FEW)
    claims = policy({"name": "a", "non_inferior": {"margin": 0.1}}, max_error_rate=0.02)
    assert calibrate(*runs, claims, **FEW).n_cases == 98


def test_few_clusters_conclude_nothing_and_it_says_so() -> None:
    result = calibrate(*versions(40, size=10), repetitions=10, losses=[0.3])
    assert result.at(0.3).failed.count == 0
    assert any("fewer than 6 clusters" in note for note in result.notes)


def test_losses_that_versions_cannot_have_are_left_out() -> None:
    result = calibrate(*versions(100, rate=0.15), repetitions=5, losses=[0.05, 0.5])
    assert max(point.loss for point in result.points) == 0.05
    assert any("losses beyond" in note for note in result.notes)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"losses": [1.0]}, "losses"),
        ({"losses": [-0.1]}, "losses"),
        ({"repetitions": 0}, "repetitions"),
        ({"check": "other"}, "other"),
        ({"policy": "no-such-policy.yaml"}, "no-such-policy"),
    ],
)
def test_wrong_options_are_named(
    pairs: tuple[Run, Run], options: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        calibrate(*pairs, **options)


def test_runs_that_cannot_be_compared_are_refused() -> None:
    old, _ = versions(50)
    with pytest.raises(InputError, match="case sets differ"):
        calibrate(old, versions(60)[1])


def test_a_share_has_its_clopper_pearson_interval(pairs: tuple[Run, Run]) -> None:
    from scipy.stats import binomtest

    share = calibrate(*pairs, **FEW).at(0.1).failed
    exact = binomtest(share.count, share.n).proportion_ci(0.95, method="exact")
    assert share.confidence_interval() == pytest.approx((exact.low, exact.high))


def test_a_calibration_shows_itself(pairs: tuple[Run, Run]) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    result = aiir.calibrate(*pairs, **FEW)
    json.dumps(result.to_dict(), allow_nan=False)
    frame = result.to_pandas()
    assert list(frame["loss"]) == [point.loss for point in result.points]
    rates = frame[["fail", "inconclusive", "pass"]].sum(axis=1)
    assert rates.tolist() == pytest.approx([1.0] * len(frame))
    ax = result.plot()
    assert ax.get_lines()[0].get_ydata()[-1] == result.points[-1].failed.rate
    assert "5-point drop" in result.sentence
    assert "5-point drop" in result._repr_html_()
    with pytest.raises(ValueError, match="not injected"):
        result.at(0.07)


def test_the_detectable_loss_lies_between_the_losses_around_it(pairs: tuple[Run, Run]) -> None:
    result = calibrate(*pairs, repetitions=100, losses=[0.02, 0.05, 0.1, 0.15])
    found = result.detectable(0.8)
    assert found is not None
    below = [point for point in result.points if point.loss <= found]
    above = [point for point in result.points if point.loss >= found]
    assert below[-1].failed.rate <= 0.8 <= above[0].failed.rate
    assert calibrate(*pairs, repetitions=20, losses=[0.01]).detectable() is None
