"""Did the shares of the levels of a column change, and which levels are new or gone?"""

from __future__ import annotations

import numpy as np

from ...stats.distribution_tests import permutation_chi2
from ...stats.drift_effects import detectable_total_variation, total_variation
from ...stats.drift_tests import level_test
from ...stats.two_sample import TestResult
from ..facts import Counts, LevelFacts
from .describing import bars_of_levels, further_sizes
from .terms import POWER, Judged, Terms, column_drift, effective_sizes, named_effect

_NAMED_LEVELS = 3


def judge_levels(facts: LevelFacts, terms: Terms) -> Judged:
    """Chi-square of the contingency table, rare levels lumped or all of them kept."""
    counts_x, counts_y, clustered = facts.reference, facts.current, facts.clustered
    n_x, n_y = int(counts_x.sum()), int(counts_y.sum())
    tested = _tested(facts, terms)
    test, pvalue = tested.method, tested.pvalue
    if clustered is not None:
        test, pvalue = f"{clustered.by} of chi2", clustered.pvalues["levels"]
    m_x, m_y = effective_sizes(n_x, n_y, clustered, terms)
    change = total_variation(
        counts_x, counts_y, design_effect=n_x / m_x, confidence_level=terms.confidence_level
    )
    detectable = 1.0  # where so few clusters can never reach the level
    if clustered is None or clustered.smallest_pvalue <= terms.level:
        detectable = detectable_total_variation(
            max(tested.df, 1.0), m_x, m_y, level=terms.level, power=POWER
        )
    statistics = {
        "chi2": tested.statistic,
        "df": tested.df,
        "levels": float(counts_x.size),
        "total_variation_uncorrected": float(np.abs(counts_x / n_x - counts_y / n_y).sum()) / 2,
    }
    result = column_drift(
        facts,
        terms,
        test=test,
        statistic=tested.statistic,
        statistics=statistics,
        pvalue=pvalue,
        effect=named_effect("total_variation", change),
        detectable=detectable,
        note=_new_and_vanished(facts),
        effects=further_sizes(counts_x, counts_y, n_x / m_x, terms),
        distribution=bars_of_levels(facts),
    )
    exceeds = change.estimate >= terms.minima.of(
        "total_variation", facts.name, primary=terms.primary
    )
    blind = detectable > terms.minima.worth_seeing("total_variation", facts.name)
    return Judged(result, exceeds, blind, may_exceed=exceeds)


def _tested(facts: LevelFacts, terms: Terms) -> TestResult:
    """The test of independent rows."""
    counts = facts.reference, facts.current
    if terms.level_test == "auto" or facts.clustered is not None:
        return level_test(*counts)
    rng = np.random.SeedSequence([terms.seed, *facts.name.encode()])
    n_resamples = int(min(max(4 / terms.level, 1999), 9999))
    return permutation_chi2(*counts, n_resamples=n_resamples, rng=rng)


def _new_and_vanished(facts: LevelFacts) -> str:
    """The most frequent levels that one side does not have."""
    parts = []
    sides = (facts.reference, facts.current)
    for own, other, label in ((sides[1], sides[0], "new"), (sides[0], sides[1], "vanished")):
        found = np.flatnonzero((own > 0) & (other == 0))
        if found.size == 0:
            continue
        names = [f"{name[:40]!r} ({count:,})" for name, count in _most(facts, own, found)]
        more = f" and {found.size - len(names):,} more" if found.size > len(names) else ""
        parts.append(f"{label} levels: {', '.join(names)}{more}")
    return "; ".join(parts)


def _most(facts: LevelFacts, counts: Counts, of: Counts) -> list[tuple[str, int]]:
    """The most frequent of some levels; of equally frequent ones the first by name."""
    import pyarrow as pa
    import pyarrow.compute as pc

    least = np.sort(counts[of])[-_NAMED_LEVELS:][0]
    of = of[counts[of] >= least]
    names = facts.levels.take(pa.array(of))
    table = pa.table({"name": names, "count": counts[of]})
    by = [("count", "descending"), ("name", "ascending")]
    first = pc.select_k_unstable(table, _NAMED_LEVELS, by)
    rows = table.take(first).to_pylist()
    return [(str(row["name"]), int(row["count"])) for row in rows]
