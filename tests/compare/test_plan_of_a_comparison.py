"""A plan takes what is known from a pilot or from the user, and says what it assumed."""

from __future__ import annotations

import json

import numpy as np
import pytest
from made_runs import table_run

import aiir_eval as aiir
from aiir_eval.compare.comparing import compare
from aiir_eval.compare.pilot import read_pilot
from aiir_eval.compare.planning import plan
from aiir_eval.errors import InputError
from aiir_eval.runs.model import Run
from aiir_eval.stats import cases_needed


def pilot_runs(
    n: int = 400, trials: int = 1, size: int = 1, *, steady: float = 0.5, seed: int = 2
) -> tuple[Run, Run]:
    """Two draws of one system with pass rate 0.8; `steady` is the correlation of trials."""
    rng = np.random.default_rng(seed)
    shape = np.array([0.8, 0.2]) * (1 / steady - 1)
    rates = np.repeat(np.repeat(rng.beta(*shape, n // size), size), trials)
    columns = {
        "ids": [f"c{i:04}" for i in range(n) for _ in range(trials)],
        "trial": [k for _ in range(n) for k in range(trials)],
        "cluster": [f"g{i // size}" for i in range(n) for _ in range(trials)],
    }
    old, new = (
        table_run(name, (rng.random(rates.size) < rates).astype(int).tolist(), **columns)
        for name in ("old", "new")
    )
    return old, new


def test_more_margin_more_trials_and_less_power_need_fewer_cases() -> None:
    result = plan(margin=0.03, pass_rate=0.9, discordance=0.1)
    cases = [design.n_cases for design in result.designs]
    assert [design.n_trials for design in result.designs] == [1, 3, 5, 10]
    assert cases == sorted(cases, reverse=True)  # type: ignore[type-var]
    one = {"pass_rate": 0.9, "discordance": 0.1, "trials": [1]}
    needed = plan(margin=0.03, **one).designs[0].n_cases or 0
    assert (plan(margin=0.05, **one).designs[0].n_cases or 0) < 0.5 * needed
    assert (plan(margin=0.03, power=0.9, **one).designs[0].n_cases or 0) > 1.2 * needed


def test_it_agrees_with_the_closed_form_where_that_is_good() -> None:
    for margin, discordance in ((0.02, 0.1), (0.05, 0.1), (0.05, 0.18)):
        planned = plan(margin=margin, pass_rate=0.9, discordance=discordance, trials=[1])
        half = discordance / 2
        formula = cases_needed(margin=margin, p_loss=half, p_gain=half)
        assert planned.designs[0].n_cases == pytest.approx(formula, rel=0.04)


def test_without_a_margin_the_difference_is_to_be_shown() -> None:
    loss = plan(pass_rate=0.9, discordance=0.1, difference=-0.05, trials=[1])
    assert loss.goal == "regressed"
    assert loss.designs[0].minimum_detectable_effect == pytest.approx(0.05, abs=0.002)
    assert plan(pass_rate=0.8, discordance=0.1, difference=0.05, trials=[1]).goal == "improved"
    beyond = plan(margin=0.02, pass_rate=0.9, discordance=0.1, difference=-0.05, trials=[1])
    assert beyond.designs[0].n_cases == loss.designs[0].n_cases
    within = plan(margin=0.08, pass_rate=0.9, discordance=0.1, difference=-0.05, trials=[1])
    assert within.goal == "non_inferior"


def test_the_cases_there_are_get_their_power_and_detectable_effect() -> None:
    result = plan(margin=0.05, pass_rate=0.9, discordance=0.1, cases=150, trials=[1, 10])
    few, many = result.designs
    assert few.power < many.power < 0.8
    assert few.minimum_detectable_effect > many.minimum_detectable_effect > 0.05
    assert few.n_cases is not None and few.n_cases > 150
    assert "150 cases" in result.sentence


def test_an_incident_needs_fifty_nine_clean_trials() -> None:
    result = plan(failure_rate_below=0.05)
    assert result.bound is not None and result.bound.n_trials == 59
    assert result.designs == ()
    assert "59 fresh trials" in result.sentence
    assert result.to_dict()["failure_rate_bound"]["failures_allowed"] == 0


def test_a_pilot_of_two_runs_knows_rates_noise_and_clusters() -> None:
    seen = read_pilot(*pilot_runs(600, trials=4, size=3))
    # 2 x 0.8 x 0.2 x (1 - 0.5) disagree by the noise of trials, which is all there is
    assert seen.pass_rate == pytest.approx(0.8, abs=0.04)
    assert seen.discordance == pytest.approx(0.16, abs=0.03)
    assert seen.trial_noise == pytest.approx(1.0, abs=0.05)
    assert seen.cluster_sizes == (3,) * 200
    planned = plan(margin=0.05, pilot=pilot_runs(600, trials=4)[0],
                   pilot_candidate=pilot_runs(600, trials=4)[1])  # fmt: skip
    assert planned.designs[-1].n_cases is not None
    assert planned.designs[-1].n_cases < 0.4 * (planned.designs[0].n_cases or 0)
    assert "More trials help" in planned.advice
    assert any("noise of trials alone" in note for note in planned.notes)


def test_a_steady_pilot_asks_for_cases_and_not_for_trials() -> None:
    rng = np.random.default_rng(3)
    before = (rng.random(300) < 0.8).astype(int)
    after = np.where(rng.random(300) < 0.2, rng.random(300) < 0.8, before).astype(int)
    ids = [f"c{i}" for i in range(300) for _ in range(3)]
    trial = [k for _ in range(300) for k in range(3)]
    old, new = (
        table_run(name, np.repeat(values, 3).tolist(), ids=ids, trial=trial)
        for name, values in (("a", before), ("b", after))
    )
    result = plan(margin=0.05, pilot=old, pilot_candidate=new)
    assert result.designs[0].trial_share == 0
    cases = [design.n_cases or 0 for design in result.designs]
    assert max(cases) < 1.04 * min(cases)
    assert "More cases help, more trials hardly" in result.advice
    assert result.cheapest is not None and result.cheapest.n_trials == 1


def test_a_pilot_of_one_run_takes_the_most_cautious_discordance() -> None:
    old, _ = pilot_runs(400, trials=4)
    result = plan(margin=0.05, pilot=old)
    assert result.assumptions is not None
    rate = result.assumptions.pass_rate
    assert result.assumptions.discordance == pytest.approx(2 * rate * (1 - rate))
    assert result.assumptions.trial_noise == pytest.approx(0.5, abs=0.07)
    assert any("most cautious" in note for note in result.notes)
    told = plan(margin=0.05, pilot=old, discordance=0.2, trials=[1])
    assert told.assumptions is not None and told.assumptions.discordance == 0.2


def test_a_comparison_is_a_pilot_too() -> None:
    old, new = pilot_runs()
    by_runs = plan(margin=0.05, pilot=old, pilot_candidate=new, trials=[1])
    assert plan(margin=0.05, pilot=compare(old, new), trials=[1]).to_dict() == by_runs.to_dict()


def test_the_users_word_overrides_the_pilot() -> None:
    old, new = pilot_runs(300, size=3)
    result = plan(
        margin=0.05, pilot=old, pilot_candidate=new, pass_rate=0.7, discordance=0.3,
        trial_noise=0.1, icc=0.4, cluster_size=6, trials=[2],
    )  # fmt: skip
    versions = result.assumptions
    assert versions is not None
    assert (versions.pass_rate, versions.discordance) == (0.7, 0.3)
    assert (versions.trial_noise, versions.icc, versions.cluster_sizes) == (0.1, 0.4, (6,))


def test_a_pilot_without_a_flip_is_not_taken_for_certainty() -> None:
    same = [1] * 95 + [0] * 5
    old, new = table_run("a", same), table_run("b", same)
    result = plan(margin=0.05, pilot=old, pilot_candidate=new, trials=[1])
    assert result.assumptions is not None and result.assumptions.discordance > 0.005
    assert any("no case flipped" in note for note in result.notes)


def test_a_small_pilot_and_a_differing_one_are_remarked_upon() -> None:
    small = plan(margin=0.3, pilot=table_run("a", [1, 0] * 10), trials=[1])
    assert any("itself uncertain" in note for note in small.notes)
    fixed = plan(margin=0.1, pilot=table_run("a", [0, 1] * 50),
                 pilot_candidate=table_run("b", [1] * 100), trials=[1])  # fmt: skip
    assert any("differ by +0.500" in note for note in fixed.notes)


def test_graded_scores_are_planned_for_by_their_spread() -> None:
    rng = np.random.default_rng(1)
    base = rng.random(200)
    old, new = (
        table_run(name, {"score": np.clip(base + 0.2 * rng.standard_normal(200), 0, 1)},
                  score="score")
        for name in ("a", "b")
    )  # fmt: skip
    result = plan(margin=0.05, pilot=old, pilot_candidate=new, trials=[1])
    seen = compare(old, new).difference
    assert result.assumptions is not None and seen is not None
    assert result.assumptions.spread == pytest.approx(seen.standard_error * 200**0.5, rel=0.01)
    z = 1.645 + 0.842
    assert result.designs[0].n_cases == pytest.approx(
        (z * result.assumptions.spread / 0.05) ** 2, rel=0.1
    )
    assert "points" not in result.sentence


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({}, "nothing to plan from"),
        ({"pass_rate": 0.9}, "margin"),
        ({"pass_rate": 0.9, "margin": 1.5}, "margin"),
        ({"pass_rate": 0.9, "margin": 0.05, "power": 1.0}, "power"),
        ({"pass_rate": 0.9, "margin": 0.05, "trials": []}, "trials"),
        ({"pass_rate": 0.9, "margin": 0.05, "trials": [0]}, "trials"),
        ({"pass_rate": 0.9, "margin": 0.05, "cases": 0}, "cases"),
        ({"pass_rate": 0.9, "margin": 0.05, "discordance": 0.5}, "discordance"),
        ({"pass_rate": 0.9, "margin": 0.05, "cluster_size": 5}, "icc"),
        ({"pass_rate": 0.9, "margin": 0.05, "icc": 0.5}, "icc"),
        ({"pass_rate": 0.9, "margin": 0.05, "difference": 0.5}, "difference"),
        ({"failure_rate": 0.01}, "failure_rate"),
        ({"failure_rate_below": 0.05, "failure_rate": 0.05}, "failure_rate"),
        ({"margin": 0.05, "pilot": "no/such/run"}, "no/such/run"),
    ],
)
def test_what_cannot_be_planned_is_said_with_its_option(options: dict, field: str) -> None:
    with pytest.raises(InputError, match=field):
        plan(**options)


def test_a_plan_shows_itself() -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    result = aiir.plan(margin=0.05, pass_rate=0.9, discordance=0.1, trials=[1, 5])
    json.dumps(result.to_dict(), allow_nan=False)
    assert len(result.to_pandas()) == 2
    lines = result.plot().get_lines()
    assert len(lines) == 3  # two designs and the power asked for
    assert np.all(np.diff(lines[0].get_ydata()) > -0.05)
    assert "unchanged version loses less than 5 points" in result._repr_html_()


def test_the_same_seed_gives_the_same_plan() -> None:
    options = {"margin": 0.05, "pass_rate": 0.9, "discordance": 0.1, "trials": [3]}
    assert plan(**options).to_dict() == plan(**options).to_dict()
    near = plan(**options, seed=1).designs[0].n_cases
    assert near == pytest.approx(plan(**options).designs[0].n_cases, rel=0.05)
