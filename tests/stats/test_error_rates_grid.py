"""Does a seeded part of the benchmark's grid keep the claims, and would it notice if not?"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.slow

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks" / "statistics"
RUNS = 2_000

# cases, trials, cases a cluster, ICC, pass rate, redrawn: the worst cells of the full grid, and
# one of each kind
CELLS = [
    (20, 1, 1, 0.0, 0.5, 1.0),
    (20, 5, 1, 0.5, 0.9, 0.2),
    (50, 1, 1, 0.5, 0.9, 1.0),
    (50, 5, 1, 0.0, 0.9, 1.0),
    (50, 1, 5, 0.5, 0.5, 1.0),
    (200, 1, 1, 0.0, 0.99, 0.2),
    (200, 1, 5, 0.5, 0.9, 0.2),
    (200, 5, 5, 0.5, 0.9, 0.2),
    (200, 5, 10, 0.5, 0.9, 0.2),
    (200, 5, 10, 0.0, 0.5, 1.0),
    (1000, 5, 10, 0.5, 0.99, 0.2),
]
UNDECIDED = [(20, 1, 5, 0.5, 0.9, 1.0), (50, 5, 10, 0.0, 0.5, 1.0)]


@pytest.fixture(scope="module")
def bench() -> Iterator[Any]:
    """The modules of the benchmark, which is run as a folder and is no package."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import batched
        import grid
        import population
        import power
        import size

        yield SimpleNamespace(
            batched=batched, grid=grid, population=population, power=power, size=size
        )
    finally:
        sys.path.remove(str(BENCHMARKS))


@pytest.fixture(scope="module")
def counts(bench: Any) -> list[Any]:
    return [
        bench.grid.count(bench.population.Setting(*cell), difference, RUNS, 7)
        for cell in CELLS
        for difference in bench.grid.DIFFERENCES
    ]


def test_the_laws_have_the_rates_that_are_asked_for(bench: Any) -> None:
    for cell in CELLS:
        setting = bench.population.Setting(*cell)
        for difference in bench.grid.DIFFERENCES:
            law = bench.population.case_law(setting, difference)
            passed = law.chances @ law.before / law.n_trials
            assert law.chances.sum() == pytest.approx(1, abs=1e-12)
            assert passed == pytest.approx(setting.pass_rate, abs=1e-12)
            assert law.difference == pytest.approx(difference, abs=1e-12)
    law = bench.population.case_law(bench.population.Setting(200, 5, 5, 0.5, 0.9, 1.0), 0.0)
    swapped = {(b, a): chance for b, a, chance in _pairs(law)}
    for before, after, chance in _pairs(law):  # exchangeable versions
        assert swapped[before, after] == pytest.approx(chance, abs=1e-12)


def test_differences_correlate_in_a_cluster_as_asked(bench: Any) -> None:
    setting = bench.population.Setting(200, 5, 2, 0.5, 0.9, 1.0)
    law = bench.population.case_law(setting, -0.05)
    sample = bench.population.draw(law, 200, 2, 0.5, 1000, np.random.default_rng(1))
    pairs = sample.differences.reshape(-1, 2) / 5
    assert np.corrcoef(pairs.T)[0, 1] == pytest.approx(0.5, abs=0.02)
    assert pairs.var() == pytest.approx(law.variance, rel=0.03)


@pytest.mark.parametrize("cell", [*CELLS, *UNDECIDED])
def test_many_at_once_are_what_the_library_says_of_each(bench: Any, cell: tuple[Any, ...]) -> None:
    setting = bench.population.Setting(*cell)
    law = bench.population.case_law(setting, -0.02)
    sample = bench.population.draw(
        law, setting.n_cases, setting.cluster_size, setting.icc, 30, np.random.default_rng(3)
    )
    many = bench.batched.compare_many(sample)
    assert bench.batched.unlike(sample, many, 30) <= 1e-9
    off = replace(many, low=many.low + 1e-6)
    assert bench.batched.unlike(sample, off, 30) > 1e-7
    if many.decides:
        sure = replace(many, lower=np.full_like(many.lower, 0.5))
        assert bench.batched.unlike(sample, sure, 30) == np.inf


def test_no_claim_is_shown_to_be_broken(bench: Any, counts: list[Any]) -> None:
    for claim in bench.size.CLAIMED:
        line = bench.size.kept(counts, "aiir", claim)
        assert not line.beyond, (claim, line.worst)


def test_methods_that_are_wrong_are_shown_to_be(bench: Any, counts: list[Any]) -> None:
    size = bench.size
    for method, claim in [
        ("t on case means", size.REGRESSED),
        ("McNemar, pooled trials", size.REGRESSED),
        ("unpaired z", size.PASSED),
        ("bootstrap of cases", size.PASSED),
        ("t on cluster means", size.PASSED),
        ("t on cluster means", size.MISSED),
    ]:
        assert size.kept(counts, method, claim).beyond, (method, claim)


def test_runs_are_decided_where_there_is_something_to_see(bench: Any, counts: list[Any]) -> None:
    found = {
        (item.setting.n_cases, item.setting.n_trials, item.difference): item for item in counts
    }
    most = found[1000, 5, -0.05]
    assert most.conclusions[0][2] / most.ours.runs > 0.9
    null = found[1000, 5, 0.0]
    assert null.conclusions[2][1] / null.ours.runs > 0.9


def test_too_few_clusters_are_always_inconclusive(bench: Any) -> None:
    for cell in UNDECIDED:
        item = bench.grid.count(bench.population.Setting(*cell), -0.05, 500, 7)
        assert not item.decides
        assert all(row[-1] == 500 for row in item.conclusions)


def test_power_is_not_left_lying_about(bench: Any, counts: list[Any]) -> None:
    gaps = bench.power.difference_gaps(counts, clustered=True)
    assert len(gaps) >= 6
    noise = 2 * (0.03 / RUNS) ** 0.5  # both methods see the same runs and seldom differ
    assert gaps[0].below <= bench.power.MOST_BELOW + noise, gaps[0]
    _, ours, _ = next(bench.power.twenty_cases(4_000, 7))
    assert ours >= 0.48


def test_the_counts_on_file_are_of_this_method_and_complete(bench: Any) -> None:
    grid = bench.grid
    kept = grid.load(grid.RESULTS, grid.fingerprint())
    assert len(kept) == len(grid.SETTINGS) * len(grid.DIFFERENCES), "run make bench-statistics"
    assert min(item.ours.runs for item in kept) >= 2_000
    for claim in bench.size.CLAIMED:
        assert not bench.size.kept(kept, "aiir", claim).beyond


def _pairs(law: Any) -> list[tuple[int, int, float]]:
    table: dict[tuple[int, int], float] = {}
    for before, after, chance in zip(law.before, law.after, law.chances, strict=True):
        key = int(before), int(after)
        table[key] = table.get(key, 0.0) + float(chance)
    return [(*key, chance) for key, chance in table.items()]
