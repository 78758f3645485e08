"""Do designs have the power they promise, by the tests that will judge them?"""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from aiir_eval.stats import failure_rate_bound, paired_difference
from aiir_eval.stats.assuming import Assumptions, Population, population
from aiir_eval.stats.bounding import trials_for_bound
from aiir_eval.stats.power import _Drawn, cases_for_power, settling_power

RUNS = 2000


def kinds_of(
    lost: list[float], gained: list[float], size: list[float], **options: bool
) -> Population:
    share = np.full(len(lost), 1 / len(lost))
    flags = {"single_flips": False, "graded": False, **options}
    return Population(np.array(lost), np.array(gained), np.array(size), share, **flags)


@pytest.mark.parametrize("graded", [False, True])
def test_simulated_comparisons_are_judged_as_paired_difference_judges_them(graded: bool) -> None:
    # clusters of three cases, by what each loses and gains
    changes = [(0, 0, 0), (-1, 0, 0), (0.2, -0.4, 0), (1, 1, 0), (-0.6, -0.6, 0.2)]
    kinds = Population(
        lost=np.array([-sum(min(d, 0) for d in row) for row in changes]),
        gained=np.array([sum(max(d, 0) for d in row) for row in changes]),
        squares=np.array([sum(d * d for d in row) for row in changes]),
        size=np.full(len(changes), 3.0),
        share=np.full(len(changes), 1 / len(changes)),
        single_flips=False,
        graded=graded,
    )
    number = np.array([[30, 4, 6, 3, 2], [40, 1, 1, 1, 2], [20, 12, 0, 2, 10], [200, 9, 3, 1, 4]])
    for row in number:
        drawn = _Drawn(kinds, row[None, :], int(row.sum()))
        differences = np.concatenate(
            [np.tile(change, count) for change, count in zip(changes, row, strict=True)]
        )
        clusters = np.repeat(np.arange(int(row.sum())), 3)
        result = paired_difference(
            np.where(differences < 0, 1.0, 0.0),
            np.where(differences < 0, 1.0, 0.0) + differences,
            clusters=clusters,
            binary=not graded,
            single_trial=False,
            n_resamples=99_999,
        )
        assert drawn._margin_pvalue(kinds, 0.05)[0] == pytest.approx(
            result.non_inferiority(0.05).pvalue, abs=1e-12
        )
        if result.pvalue < 0.2:  # an expansion of the sign flips: good where it decides
            assert drawn._no_change(False)[0] == pytest.approx(result.pvalue, abs=0.003)
        assert sqrt(drawn.variance[0]) == pytest.approx(result.standard_error, abs=1e-12)


def test_single_flips_are_judged_by_mcnemar_exactly() -> None:
    kinds = Population(
        lost=np.array([1.0, 0, 0]),
        gained=np.array([0, 1.0, 0]),
        squares=np.array([1.0, 1, 0]),
        size=np.ones(3),
        share=np.full(3, 1 / 3),
        single_flips=True,
        graded=False,
    )
    for broke, fixed in ((12, 2), (3, 3), (0, 7)):
        drawn = _Drawn(kinds, np.array([[broke, fixed, 100]]), 100 + broke + fixed)
        before = np.repeat([1.0, 0.0, 1.0], [broke, fixed, 100])
        after = np.repeat([0.0, 1.0, 1.0], [broke, fixed, 100])
        result = paired_difference(before, after)
        assert drawn._no_change(True)[0] == pytest.approx(result.pvalue, rel=1e-9)
        assert drawn._margin_pvalue(kinds, 0.02)[0] == pytest.approx(
            result.non_inferiority(0.02).pvalue, abs=1e-12
        )


@pytest.mark.parametrize("trials", [1, 5])
@pytest.mark.parametrize("difference", [-0.04, 0.0, 0.03])
@pytest.mark.parametrize("spread", [None, 0.3])
def test_a_population_has_the_rates_that_were_assumed(
    trials: int, difference: float, spread: float | None
) -> None:
    versions = Assumptions(
        0.85, 0.12, difference, trial_noise=0.4, icc=0.3, cluster_sizes=(2, 6), spread=spread
    )
    kinds = population(versions, trials)
    change = kinds.gained - kinds.lost
    excess = change - kinds.size * kinds.difference
    assert kinds.difference == pytest.approx(difference, abs=1e-9)
    assert kinds.mean_size == pytest.approx(4, rel=0.02)
    assert kinds.share @ excess**2 / kinds.mean_size == pytest.approx(
        versions.standard_error(1, trials) ** 2, rel=0.02
    )
    if trials == 1 and spread is None:
        discordance = kinds.share @ (kinds.lost + kinds.gained) / kinds.mean_size
        assert discordance == pytest.approx(0.12, abs=0.006)


def simulated(
    versions: Assumptions, n_cases: int, trials: int, margin: float | None, size: int
) -> float:
    """Share of comparisons that settle it; versions that share the rates of most of their cases.

    A case is a coin with a rate, its own or its cluster's; some of the candidate's are drawn anew,
    and what is lost falls on whole cases.
    """
    rng = np.random.default_rng([n_cases, trials, size])
    rate, noise = versions.pass_rate, versions.trial_noise
    fall = -versions.difference / rate
    apart = (versions.discordance - fall * rate) / (1 - fall) / (2 * rate * (1 - rate))
    steady = 1 - noise * apart
    shape = np.array([rate, 1 - rate]) * (1 / steady - 1)
    changed, copied = 1 - (1 - apart) / steady, sqrt(versions.icc / (1 - noise))
    cluster = np.arange(n_cases) // size
    settled = 0
    for _ in range(RUNS):
        drawn = []
        for count in (n_cases, cluster[-1] + 1):
            before, other = rng.beta(*shape, size=(2, count))
            drawn.append((before, np.where(rng.random(count) < changed, other, before)))
        same = rng.random(n_cases) < copied
        before, after = (
            np.where(same, shared[cluster], own) for own, shared in zip(*drawn, strict=True)
        )
        old, new = rng.binomial(trials, before), rng.binomial(trials, after)
        whole = rng.random(n_cases) < 1 - noise
        luck = np.where(same, rng.random(cluster[-1] + 1)[cluster], rng.random(n_cases))
        new = np.where(whole, new * (luck >= fall), rng.binomial(new, 1 - fall))
        result = paired_difference(
            old / trials,
            new / trials,
            clusters=cluster if size > 1 else None,
            single_trial=trials == 1,
        )
        if margin is None:
            settled += result.pvalue <= 0.05 and result.estimate < 0
        else:
            settled += result.non_inferiority(margin).holds
    return settled / RUNS


CELLS = [
    # pass rate, discordance, difference, noise, icc, cluster size, trials, margin, power
    (0.9, 0.10, 0.0, 0.5, 0.0, 1, 1, 0.05, 0.8),
    (0.9, 0.10, 0.0, 0.5, 0.0, 1, 5, 0.05, 0.9),
    (0.9, 0.10, 0.0, 0.4, 0.2, 5, 5, 0.05, 0.8),
    (0.97, 0.03, 0.0, 0.6, 0.0, 1, 10, 0.02, 0.8),
    (0.95, 0.06, 0.0, 0.2, 0.5, 10, 1, 0.05, 0.8),
    (0.9, 0.10, -0.02, 0.5, 0.0, 1, 3, 0.08, 0.8),
    (0.9, 0.15, -0.05, 0.5, 0.0, 1, 1, None, 0.8),
    (0.9, 0.15, -0.05, 0.3, 0.2, 4, 5, None, 0.9),
]


@pytest.mark.slow
@pytest.mark.parametrize("cell", CELLS)
def test_the_planned_cases_have_the_promised_power(cell: tuple[float, ...]) -> None:
    rate, discordance, difference, noise, icc, size, trials, margin, power = cell
    versions = Assumptions(rate, discordance, difference, noise, icc, (int(size),))
    n = cases_for_power(versions, int(trials), margin=margin, power=power)
    reached = simulated(versions, n, int(trials), margin, int(size))
    assert reached == pytest.approx(power, abs=0.03)


def test_power_grows_with_cases_and_falls_with_noise() -> None:
    base = {"pass_rate": 0.9, "discordance": 0.1}
    powers = [settling_power(Assumptions(**base), n, margin=0.05) for n in (100, 200, 400)]
    assert powers == sorted(powers)
    clustered = Assumptions(**base, icc=0.3, cluster_sizes=(5,))
    assert settling_power(clustered, 400, margin=0.05) < powers[-1] - 0.1
    assert settling_power(Assumptions(**base), 5, margin=0.05) == 0  # too few clusters, ever


def test_the_search_finds_where_the_power_is_reached() -> None:
    versions = Assumptions(0.9, 0.1)
    for power in (0.5, 0.8, 0.95):
        n = cases_for_power(versions, margin=0.05, power=power)
        assert settling_power(versions, n, margin=0.05) >= power
        assert settling_power(versions, round(0.96 * n), margin=0.05) < power + 0.01


def test_without_any_flip_the_closed_form_holds() -> None:
    n = cases_for_power(Assumptions(1.0, 0.0), margin=0.05)
    same = np.ones(n)
    assert paired_difference(same, same).non_inferiority(0.05).holds
    assert not paired_difference(same[1:], same[1:]).non_inferiority(0.05).holds


def test_more_trials_help_only_against_their_own_noise() -> None:
    steady, noisy = (Assumptions(0.8, 0.2, trial_noise=noise) for noise in (0.0, 1.0))
    assert cases_for_power(steady, 1, margin=0.05) == pytest.approx(
        cases_for_power(steady, 10, margin=0.05), rel=0.03
    )
    assert cases_for_power(noisy, 10, margin=0.05) < 0.2 * cases_for_power(noisy, 1, margin=0.05)
    assert steady.trial_share(1) == 0
    assert noisy.trial_share(7) == 1


def test_the_detectable_effect_is_the_one_a_comparison_reports() -> None:
    rng = np.random.default_rng(5)
    flips = rng.choice([-1, 0, 1], p=[0.05, 0.9, 0.05], size=400)
    before = np.where(flips == 0, 1.0, flips < 0)
    result = paired_difference(before, before + flips)
    discordance = float(np.abs(flips).mean())
    planned = Assumptions(0.9, discordance, result.estimate).minimum_detectable_effect(400, 1)
    assert planned == pytest.approx(result.minimum_detectable_effect(), rel=0.002)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"pass_rate": 0.9, "discordance": 0.3}, "discordance"),
        ({"pass_rate": 0.9, "discordance": 0.01, "difference": -0.05}, "discordance"),
        ({"pass_rate": 0.9, "discordance": 0.1, "difference": 0.2}, "difference"),
        ({"pass_rate": 0.9, "discordance": 0.1, "icc": 0.7}, "icc"),
        ({"pass_rate": 1.2, "discordance": 0.1}, "pass_rate"),
        ({"pass_rate": 0.9, "discordance": 0.1, "cluster_sizes": ()}, "cluster_sizes"),
        ({"pass_rate": 0.9, "discordance": 0.1, "spread": 0.0}, "spread"),
    ],
)
def test_assumptions_that_cannot_be_true_are_refused(options: dict, named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named}: "):
        Assumptions(**options)


def test_what_no_number_of_cases_shows_is_refused() -> None:
    with pytest.raises(ValueError, match="no number of cases"):
        cases_for_power(Assumptions(0.9, 0.1))
    with pytest.raises(ValueError, match="no number of cases"):
        cases_for_power(Assumptions(0.9, 0.1, -0.05), margin=0.05)


def test_fifty_nine_clean_trials_bound_a_rate_below_five_in_a_hundred() -> None:
    design = trials_for_bound(0.05)
    assert (design.n_trials, design.failures, design.power) == (59, 0, 1.0)


@pytest.mark.parametrize(("below", "rate"), [(0.05, 0.01), (0.1, 0.05), (0.02, 0.001)])
def test_trials_for_a_bound_are_the_fewest_that_have_the_power(below: float, rate: float) -> None:
    from scipy.stats import binom

    def power(n: int) -> float:
        most = max((k for k in range(n + 1) if failure_rate_bound(k, n) < below), default=-1)
        return float(binom.cdf(most, n, rate)) if most >= 0 else 0.0

    design = trials_for_bound(below, failure_rate=rate)
    assert design.power == pytest.approx(power(design.n_trials))
    assert design.power >= 0.8
    fewer = range(max(design.n_trials - 40, 1), design.n_trials)
    assert all(power(n) < 0.8 for n in fewer)


def test_a_rate_that_is_not_below_its_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="failure_rate"):
        trials_for_bound(0.05, failure_rate=0.05)
