"""Do bootstrap bounds cover, and admit what they cannot know?"""

from __future__ import annotations

import math
import tracemalloc
from itertools import product

import numpy as np
import pytest
from scipy import stats

from aiir_eval.stats import bootstrap_drawn, cluster_bootstrap_ratio, cluster_bootstrap_value
from aiir_eval.stats.bootstrap_drawn import Drawn


def test_estimate_is_the_plain_ratio() -> None:
    rng = np.random.default_rng(0)
    before, after = rng.exponential(size=(2, 300))
    clusters = np.arange(300) // 3
    mean = cluster_bootstrap_ratio(before, after, clusters=clusters)
    assert mean.estimate == pytest.approx(after.mean() / before.mean())
    tail = cluster_bootstrap_ratio(
        before, after, clusters=clusters, statistic="quantile", quantile=0.9
    )
    assert tail.baseline == np.quantile(before, 0.9, method="inverted_cdf")
    assert tail.candidate == np.quantile(after, 0.9, method="inverted_cdf")
    assert tail.lower < tail.estimate < tail.upper


def test_bounds_of_a_mean_agree_with_scipys_percentile_bootstrap() -> None:
    values = np.random.default_rng(1).exponential(size=400)
    ours = cluster_bootstrap_value(values, n_resamples=9999)
    theirs = stats.bootstrap(
        (values,), np.mean, confidence_level=0.9, method="percentile", rng=2
    ).confidence_interval
    assert (ours.lower, ours.upper) == pytest.approx((theirs.low, theirs.high), abs=0.01)


@pytest.mark.parametrize("kind", ["graded", "judged", "one large", "tied"])
def test_bounds_of_means_are_those_of_all_resamples(kind: str) -> None:
    rng = np.random.default_rng(8)
    sizes = rng.integers(1, 4, 6)
    values = {
        "graded": rng.exponential(size=sizes.sum()),
        "judged": (rng.random(sizes.sum()) < 0.6).astype(float),
        "one large": np.append(np.ones(sizes.sum() - 1), 40.0),
        "tied": np.repeat(rng.random(6), sizes),
    }[kind]
    clusters = np.repeat(np.arange(6), sizes)
    bound = cluster_bootstrap_value(values, clusters=clusters, confidence_level=0.9)
    drawn = np.array(list(product(range(6), repeat=6)))  # all 46,656 resamples
    sums = np.bincount(clusters, weights=values)
    means = np.sort(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1))
    tail = stats.norm.cdf(math.sqrt(6 / 5) * stats.t.ppf(0.1, 5))
    low, further = np.quantile(means, [tail, tail - 2e-4], method="lower")
    high, beyond = np.quantile(means, [1 - tail, 1 - tail + 2e-4], method="higher")
    error = means.std()
    assert further - 0.08 * error <= bound.lower <= low + 1e-9
    assert high - 1e-9 <= bound.upper <= beyond + 0.08 * error
    assert bound.n_resamples == 0 and "all resamples" in bound.method
    for limit in np.quantile(means, [0.01, 0.2, 0.5, 0.97]):
        share = np.mean(means <= limit + 1e-12)
        most = np.mean(means <= limit + 0.08 * error) + 1.1e-4
        assert share <= bound.law.at_most(limit) <= most


def test_bounds_of_ratios_of_means_agree_with_drawn_resamples() -> None:
    rng = np.random.default_rng(9)
    clusters = np.repeat(np.arange(80), 3)
    before, after = rng.lognormal(0, 1, size=(2, 240))
    every = cluster_bootstrap_ratio(before, after, clusters=clusters)
    weights = rng.multinomial(80, np.full(80, 1 / 80), size=40_000)
    sums = [np.bincount(clusters, weights=side) for side in (before, after)]
    ratios = (weights @ sums[1]) / (weights @ sums[0])
    tail = stats.norm.cdf(math.sqrt(80 / 79) * stats.t.ppf(0.05, 79))
    expected = np.quantile(ratios, [tail, 1 - tail])
    assert (every.lower, every.upper) == pytest.approx(expected, abs=0.06 * ratios.std())
    assert every.n_resamples == 0
    twice = cluster_bootstrap_ratio(
        before, np.repeat(after, 2), clusters=(clusters, np.repeat(clusters, 2))
    )
    assert (twice.lower, twice.upper) == pytest.approx((every.lower, every.upper), rel=1e-6)
    without = clusters != 0
    drawn = cluster_bootstrap_ratio(
        before, after[without], clusters=(clusters, clusters[without]), n_resamples=4000
    )
    assert drawn.n_resamples == 4000
    assert drawn.upper == pytest.approx(every.upper, rel=0.05)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e12])
def test_bounds_of_means_scale_with_the_values(scale: float) -> None:
    values = np.random.default_rng(10).exponential(size=60)
    one, many = cluster_bootstrap_value(values), cluster_bootstrap_value(scale * values)
    assert (many.lower, many.upper) == pytest.approx((scale * one.lower, scale * one.upper))


@pytest.mark.parametrize("level", [0.5, 0.999, 0.99999])
def test_a_mean_has_bounds_at_any_level(level: float) -> None:
    values = np.random.default_rng(11).pareto(1.1, size=30)
    bound = cluster_bootstrap_value(values, confidence_level=level)
    assert values.min() <= bound.lower <= bound.upper <= values.max()


def test_quantile_band_equals_quantiles_of_full_resamples() -> None:
    rng = np.random.default_rng(3)
    values, clusters = rng.normal(size=4000), rng.integers(0, 900, size=4000)
    bound = cluster_bootstrap_value(
        values, clusters=clusters, statistic="quantile", quantile=0.9, n_resamples=400
    )
    by_cluster = [values[clusters == c] for c in range(900)]
    slow = [
        np.quantile(
            np.concatenate([by_cluster[c] for c in rng.integers(0, 900, size=900)]),
            0.9,
            method="inverted_cdf",
        )
        for _ in range(400)
    ]
    assert isinstance(bound.law, Drawn) and bound.law.kept is not None
    assert bound.law.kept.mean() == pytest.approx(np.mean(slow), abs=0.01)
    assert bound.law.kept.std() == pytest.approx(np.std(slow), rel=0.15)


def test_pairing_and_clusters_both_matter() -> None:
    rng = np.random.default_rng(4)
    case = np.repeat(rng.lognormal(0, 1, size=60), 5)
    before, after = case * rng.lognormal(0, 0.05, 300), case * rng.lognormal(0.1, 0.05, 300)
    clusters = np.repeat(np.arange(60), 5)
    paired = cluster_bootstrap_ratio(before, after, clusters=clusters)
    shuffled = cluster_bootstrap_ratio(before, after, clusters=(clusters, np.roll(clusters, 150)))
    assert paired.upper - paired.lower < 0.2 * (shuffled.upper - shuffled.lower)
    together = cluster_bootstrap_value(before, clusters=clusters)
    apart = cluster_bootstrap_value(before)
    assert together.upper - together.lower > 1.5 * (apart.upper - apart.lower)


def test_sides_may_differ_in_trials() -> None:
    rng = np.random.default_rng(5)
    before, after = rng.exponential(size=100), rng.exponential(size=300)
    bound = cluster_bootstrap_ratio(
        before, after, clusters=(np.arange(100), np.repeat(np.arange(100), 3))
    )
    assert bound.n_clusters == 100
    assert bound.lower < after.mean() / before.mean() < bound.upper


def test_a_tail_that_cannot_have_been_seen_has_no_bound() -> None:
    rng = np.random.default_rng(6)
    few, enough = rng.exponential(size=50), rng.exponential(size=70)
    tail = {"statistic": "quantile", "quantile": 0.95}
    assert cluster_bootstrap_value(few, **tail).upper == math.inf
    assert cluster_bootstrap_value(few, **tail).lower > 0
    assert cluster_bootstrap_value(enough, **tail).upper < math.inf
    # 70 trials of 7 cases that always answer alike are 7 values, not 70
    repeated = np.repeat(rng.exponential(size=7), 10)
    alike = cluster_bootstrap_value(repeated, clusters=np.repeat(np.arange(7), 10), **tail)
    assert alike.upper == math.inf
    ratio = cluster_bootstrap_ratio(few, few * 2, clusters=np.arange(50), **tail)
    assert (ratio.estimate, ratio.lower, ratio.upper) == (2.0, 0.0, math.inf)
    assert ratio.pvalue(100.0) == 1.0


@pytest.mark.parametrize("alternative", ["less", "greater"])
def test_pvalues_agree_with_the_bounds(alternative: str) -> None:
    rng = np.random.default_rng(7)
    before, after = rng.exponential(size=(2, 80))
    bound = cluster_bootstrap_ratio(before, after, clusters=np.arange(80) // 2)
    end = bound.upper if alternative == "less" else bound.lower
    beyond = 1.02 if alternative == "less" else 0.98
    assert bound.pvalue(end * beyond, alternative) < 0.05 < bound.pvalue(end / beyond, alternative)


def test_zero_costs_are_defined() -> None:
    none, some = np.zeros(20), np.ones(20)
    clusters = np.arange(20)
    free = cluster_bootstrap_ratio(none, none, clusters=clusters)
    assert (free.estimate, free.lower, free.upper) == (1.0, 1.0, 1.0)
    assert cluster_bootstrap_ratio(none, some, clusters=clusters).estimate == math.inf


def test_one_cluster_bounds_nothing() -> None:
    bound = cluster_bootstrap_ratio([1.0, 2.0], [2.0, 3.0], clusters=["a", "a"])
    assert (bound.lower, bound.upper) == (0.0, math.inf)


def test_resamples_that_are_not_kept_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(8).exponential(size=150).round(1)  # many ties
    options = {"statistic": "quantile", "quantile": 0.8, "n_resamples": 20_000}
    kept = cluster_bootstrap_value(values, **options)
    monkeypatch.setattr(bootstrap_drawn, "HELD", 500)
    passing = cluster_bootstrap_value(values, **options)
    assert isinstance(passing.law, Drawn) and passing.law.kept is None
    assert (passing.lower, passing.upper) == (kept.lower, kept.upper)
    for limit in (1.0, kept.lower, 1.6):
        for side in ("less", "greater"):
            assert passing.pvalue(limit, side) == kept.pvalue(limit, side)
    smooth = np.random.default_rng(9).normal(size=20_000)
    whole = Drawn.of(lambda: np.array_split(smooth, 7))
    for tail in (0.0, 0.001, 0.03, 0.5, 1.0):
        assert whole.lower(tail) == np.quantile(smooth, tail, method="lower")
        assert whole.upper(tail) == np.quantile(smooth, 1 - tail, method="higher")


def test_memory_does_not_grow_with_the_resamples() -> None:
    values = np.random.default_rng(8).exponential(size=40)
    for options in ({}, {"statistic": "quantile", "quantile": 0.5}):
        peaks = []
        for n_resamples in (140_000, 280_000):
            tracemalloc.start()
            cluster_bootstrap_value(values, n_resamples=n_resamples, **options)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        assert peaks[1] < 1.2 * peaks[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"statistic": "median"}, "statistic"),
        ({"statistic": "quantile"}, "quantile"),
        ({"quantile": 0.5}, "quantile"),
        ({"confidence_level": 1.0}, "confidence_level"),
        ({"n_resamples": 0}, "n_resamples"),
        ({"clusters": None}, "clusters"),
        ({"clusters": [1]}, "labels"),
    ],
)
def test_unusable_options_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cluster_bootstrap_ratio([1.0, 2.0], [1.0, 3.0], **{"clusters": [1, 2], **options})


def test_negative_values_have_no_ratio() -> None:
    with pytest.raises(ValueError, match="negative"):
        cluster_bootstrap_ratio([-1.0, 2.0], [1.0, 3.0], clusters=[1, 2])


@pytest.mark.slow
@pytest.mark.parametrize(("quantile", "n_cases"), [(None, 15), (None, 60), (0.9, 60), (0.95, 60)])
def test_bounds_cover_the_true_ratio(quantile: float | None, n_cases: int) -> None:
    rng = np.random.default_rng(9)
    clusters = np.repeat(np.arange(n_cases), 3)
    kind = "mean" if quantile is None else "quantile"
    below = above = 0
    runs = 600
    for _ in range(runs):
        case = np.repeat(rng.lognormal(0, 0.4, n_cases), 3)
        before = case * rng.lognormal(0, 0.3, case.size)
        after = 1.2 * case * rng.lognormal(0, 0.3, case.size)
        bound = cluster_bootstrap_ratio(
            before, after, clusters=clusters, statistic=kind, quantile=quantile, n_resamples=399
        )
        below += bound.lower > 1.2
        above += bound.upper < 1.2
    assert max(below, above) / runs < 0.05 + 3.3 * math.sqrt(0.05 * 0.95 / runs)


def test_a_cluster_that_cost_nothing_before_counts_in_the_upper_bound() -> None:
    before, after = np.ones(40), np.ones(40)
    before[:2], after[:2] = 0.0, 60.0  # the ratio of these has no end
    bound = cluster_bootstrap_ratio(before, after, clusters=np.arange(40))
    assert bound.estimate < bound.upper
    rows = np.random.default_rng(3).integers(0, 40, (20_000, 40))
    drawn = after[rows].sum(axis=1) / before[rows].sum(axis=1)
    assert bound.upper == pytest.approx(np.quantile(drawn, 0.95), rel=0.3)


def test_a_ratio_to_nothing_is_shown_to_be_greater() -> None:
    bound = cluster_bootstrap_ratio(np.zeros(20), np.ones(20), clusters=np.arange(20))
    assert (bound.lower, bound.upper) == (math.inf, math.inf)
    assert bound.pvalue(1.2, "greater") < 0.05 < bound.pvalue(1.2, "less")


def test_bounds_are_found_where_few_clusters_hold_nearly_all() -> None:
    before = np.array([1e-6, 1.0, 1e-6, 2e-6, 2.0])
    after = np.array([0.0, 0.0, 1e-6, 1e-6, 2e-6])
    bound = cluster_bootstrap_ratio(before, after, clusters=np.arange(5))
    assert bound.lower <= bound.estimate <= bound.upper <= 1.0


def test_a_cluster_may_be_on_one_side_alone_whatever_it_is_called() -> None:
    before, after = [1.0, 2.0, 4.0], [1.0, 2.0, 3.0, 5.0]
    for statistic, quantile in (("mean", None), ("quantile", 0.5)):
        found = {
            (bound.estimate, bound.lower, bound.upper)
            for names in ("abcd", "dcba", "bdac")
            for bound in [
                cluster_bootstrap_ratio(
                    before, after, clusters=(list(names[:3]), list(names)),
                    statistic=statistic, quantile=quantile,
                )
            ]
        }  # fmt: skip
        assert len(found) == 1


@pytest.mark.parametrize("n", [5, 6, 8, 10, 12])
def test_the_smallest_mean_there_is_has_its_share_of_the_resamples(n: int) -> None:
    values = np.where(np.arange(n) < n // 2, 0.0, 7e6)
    law = cluster_bootstrap_value(values).law
    assert law.at_most(0.0) >= (n // 2 / n) ** n
    assert law.at_least(7e6) >= (1 - n // 2 / n) ** n
