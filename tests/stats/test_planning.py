"""Do the planned cases give the promised power?"""

from __future__ import annotations

import numpy as np
import pytest

from aiir_eval.stats import Assumptions, cases_for_power, cases_needed, paired_difference


def settled(n: int, loss: float, gain: float, margin: float | None, runs: int) -> float:
    """Share of simulated comparisons of n cases that come to a conclusion."""
    rng = np.random.default_rng(n)
    count = 0
    for broke, fixed, same in rng.multinomial(n, [loss, gain, 1 - loss - gain], size=runs):
        before = np.repeat([1.0, 0.0, 1.0], [broke, fixed, same])
        after = np.repeat([0.0, 1.0, 1.0], [broke, fixed, same])
        result = paired_difference(before, after)
        if margin is None:
            count += result.pvalue <= 0.05
        else:
            count += result.non_inferiority(margin).holds
    return count / runs


@pytest.mark.parametrize(
    ("loss", "gain", "margin"),
    [(0.05, 0.05, 0.05), (0.02, 0.02, 0.02), (0.10, 0.12, 0.05), (0.15, 0.05, None)],
)
def test_planned_cases_give_the_power(loss: float, gain: float, margin: float | None) -> None:
    n = cases_needed(margin=margin, p_loss=loss, p_gain=gain)
    assert settled(n, loss, gain, margin, 500) == pytest.approx(0.8, abs=0.06)


def test_more_noise_less_margin_more_power_need_more_cases() -> None:
    base = {"margin": 0.05, "p_loss": 0.05, "p_gain": 0.05}
    n = cases_needed(**base)
    assert cases_needed(**{**base, "margin": 0.02}) > n
    assert cases_needed(**base, power=0.95) > n
    assert cases_needed(**base, confidence_level=0.99) > n
    assert cases_needed(**{**base, "p_loss": 0.1, "p_gain": 0.1}) > n
    assert cases_needed(**base, cluster_size=5, cluster_icc=0.5) > 2 * n
    assert cases_needed(**base, trials=5) < n
    assert cases_needed(**base, trials=5, icc=1.0) == n
    assert cases_needed(**base, trials=50, icc=0.0) < 0.5 * n


def test_without_any_flip_the_closed_form_holds() -> None:
    # Tango with no flips: t^2 / (n + t^2) < margin
    n = cases_needed(margin=0.05, p_loss=0.0, p_gain=0.0)
    for cases, expected in ((n - 1, False), (n + 1, True)):
        same = np.ones(cases)
        assert paired_difference(same, same).non_inferiority(0.05).holds == expected


@pytest.mark.parametrize(
    ("margin", "discordance", "noise", "trials", "size", "icc"),
    [
        (0.05, 0.02, 0.0, 1, 1, 0.0),
        (0.05, 0.05, 0.5, 5, 1, 0.0),
        (0.1, 0.02, 0.3, 5, 5, 0.3),
        (0.05, 0.1, 0.3, 1, 10, 0.5),
    ],
)
def test_the_closed_form_is_near_what_simulated_comparisons_need(
    margin: float, discordance: float, noise: float, trials: int, size: int, icc: float
) -> None:
    assumed = Assumptions(
        pass_rate=0.9,
        discordance=discordance,
        trial_noise=noise,
        icc=icc,
        cluster_sizes=(size,),
    )
    simulated = cases_for_power(assumed, trials, margin=margin, n_resamples=1000)
    half = discordance / 2
    formed = cases_needed(
        margin=margin, p_loss=half, p_gain=half, trials=trials, icc=1 - noise, cluster_size=size,
        cluster_icc=icc / (1 - noise + noise / trials),
    )  # fmt: skip
    assert 0.8 * simulated < formed < 1.35 * simulated


def test_a_loss_at_the_margin_is_settled_by_showing_the_loss() -> None:
    at_margin = cases_needed(margin=0.05, p_loss=0.10, p_gain=0.05)
    assert at_margin == cases_needed(margin=None, p_loss=0.10, p_gain=0.05)


def test_what_no_number_can_show_is_refused() -> None:
    with pytest.raises(ValueError, match="no number of cases"):
        cases_needed(margin=None, p_loss=0.05, p_gain=0.05)
    with pytest.raises(ValueError, match="rates"):
        cases_needed(margin=0.05, p_loss=0.8, p_gain=0.5)
    with pytest.raises(ValueError, match="trials"):
        cases_needed(margin=0.05, p_loss=0.1, p_gain=0.1, trials=0)
