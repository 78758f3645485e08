"""What does a claim of the policy wait for, and what has it shown, while trials come in?

Each watch looks at its own evidence in an order that was fixed before any outcome, whatever the
order in which trials finish. None of them ever makes a fixed-sample test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ..compare.columns import Ints
from ..compare.result import Needed
from ..words import count
from .fixed import Group, one_answer_reason, rate_reason, unproven_reason
from .judging import Judged, bounded, changed, count_reason
from .ledger import Ledger, SideName
from .ordering import Block, Order

if TYPE_CHECKING:
    from .policy import Claim


class Watch(Protocol):
    """A claim, or one level of it.

    cases: those it is about. open: more trials may settle it.
    """

    cases: Ints

    @property
    def open(self) -> bool: ...

    def wants(self, side: SideName, case: int) -> bool:
        """Whether a trial that has not been run may settle it."""

    def look(self) -> None:
        """Take what has come in."""

    def state(self) -> Judged:
        """What is shown so far, without words."""

    def judged(self, *, stopped: bool) -> Judged:
        """The same with its numbers; stopped: the gate was decided before this claim."""


class PairedWatch:
    """Non-inferiority: a bet on the cluster means of every block that is complete."""

    def __init__(
        self, name: str, margin: float, cases: Ints, order: Order, clusters: Ints, ledger: Ledger,
        level: float,
    ) -> None:  # fmt: skip
        from ..stats import SequentialTest

        self.name, self.margin, self.cases, self.level = name, margin, cases, level
        self.ledger, self.clusters = ledger, clusters
        inside = np.zeros(clusters.size, dtype=bool)
        inside[cases] = True
        chosen = [(number, inside[block.cases]) for number, block in enumerate(order.blocks)]
        self.numbers = [number for number, here in chosen if here.any()]
        self.blocks = [
            Block(order.blocks[number].cases[here], order.blocks[number].shares[here])
            for number, here in chosen
            if here.any()
        ]
        weights = [
            weight for block in self.blocks for weight in cluster_means(block, clusters, None)[1]
        ]
        self.largest = max(weights)
        self.kish = len(weights) * sum(w * w for w in weights) / sum(weights) ** 2
        self.test = SequentialTest(margin, confidence_level=level)
        self.at = self.n_cases = 0
        self.loss = 0.0  # the largest evidence of a loss at any look
        self.squares = self.weight = 0.0
        self.cap: int | None = None  # clusters, once it is reached

    @property
    def open(self) -> bool:
        return not self.holds and self.cap is None and self.at < len(self.blocks)

    @property
    def last_block(self) -> int:
        """The number, in the order, of the last block that was looked at; -1 before the first."""
        return self.numbers[self.at - 1] if self.at else -1

    @property
    def holds(self) -> bool:
        from ..stats.paired import MIN_CLUSTERS

        return self.test.decision == "pass" and self.test.n_clusters >= MIN_CLUSTERS

    @property
    def violation(self) -> float:
        from ..stats.paired import MIN_CLUSTERS

        few = self.test.n_clusters < MIN_CLUSTERS
        return 1.0 if few or self.loss <= 1 else 1 / self.loss

    def wants(self, side: SideName, case: int) -> bool:
        return self.open

    def look(self) -> None:
        while self.open and all(map(self.ledger.paired, self.blocks[self.at].cases.tolist())):
            block = self.blocks[self.at]
            means, weights = cluster_means(block, self.clusters, self.ledger)
            shares = [weight / self.largest for weight in weights]
            self.at += 1
            self.n_cases += block.cases.size
            self.test.update_block(means, shares)
            self.loss = max(self.loss, self.test.e_loss)
            self.squares += sum(w * x * x for x, w in zip(means, shares, strict=True))
            self.weight += sum(shares)
            if self.test.decision is None and self.test.n_clusters >= self.largest_design():
                self.cap = self.test.n_clusters

    def largest_design(self) -> int:
        """Clusters of the cap, at the spread that was seen so far."""
        from ..stats.sequential_difference import clusters_at_cap

        return clusters_at_cap(
            self.margin,
            confidence_level=self.level,
            n_clusters=self.test.n_clusters,
            spread=self.squares / self.weight,
            kish=self.kish,
        )

    def state(self) -> Judged:
        return Judged(self.name, "non_inferior", "", holds=self.holds, violation=self.violation)

    def judged(self, *, stopped: bool) -> Judged:
        from ..stats.paired import MIN_CLUSTERS

        n_clusters = self.test.n_clusters
        if n_clusters == 0:
            return Judged(self.name, "non_inferior", "not looked at: decided before", violation=1.0)
        low, high = self.test.confidence_interval(self.level)
        bound = self.test.confidence_interval(max(2 * self.level - 1, 1e-9)).low
        reason = (
            f"pass rate {changed(self.test.estimate, graded=False)} over "
            f"{count(self.n_cases, 'case')} in {count(n_clusters, 'cluster')}; "
            f"with {100 * self.level:g}% confidence over all {self.at:,} looks "
            f"{bounded(bound, self.margin, holds=self.holds, graded=False)}"
        )
        needed = None
        settled = self.holds or self.violation <= 1 - self.level
        if n_clusters < MIN_CLUSTERS:
            reason += f"; nothing is concluded from fewer than {MIN_CLUSTERS} clusters"
        elif not settled and self.cap is not None:
            reason += "; the cap was reached: twice the clusters of the fixed design"
        elif not settled and stopped:
            reason += "; open when the gate stopped"
        elif not settled:
            reason += "; the suite has no more cases"
            cases = round(self.largest_design() * self.n_cases / n_clusters)
            trials = int(np.median([values.size for values in self.ledger.new.outcomes]))
            needed = Needed(cases, trials) if cases > self.n_cases else None
        return Judged(
            name=self.name,
            rule="non_inferior",
            reason=reason,
            threshold=-self.margin,
            estimate=self.test.estimate,
            low=low,
            high=high,
            bound=bound,
            holds=self.holds,
            violation=self.violation,
            needed=needed,
            n_cases=self.n_cases,
        )


def cluster_means(
    block: Block, clusters: Ints, ledger: Ledger | None
) -> tuple[list[float], list[float]]:
    """Mean difference of each cluster of a block (0 without a ledger), and its weight."""
    totals: dict[int, float] = {}
    sizes: dict[int, int] = {}
    shares: dict[int, float] = {}
    for case, share in zip(block.cases.tolist(), block.shares.tolist(), strict=True):
        cluster = int(clusters[case])
        change = 0.0 if ledger is None else ledger.difference(case)
        totals[cluster] = totals.get(cluster, 0.0) + change
        sizes[cluster] = sizes.get(cluster, 0) + 1
        shares[cluster] = share
    means = [totals[cluster] / sizes[cluster] for cluster in sizes]
    return means, [sizes[cluster] * shares[cluster] for cluster in sizes]


class RateWatch:
    """A failure rate below a bound: an e-process over fresh trials, or over cases.

    By trial: a look after each round, in which each of the incident's cases has one trial. By
    case: a look after each case, which fails where any of its trials does.
    """

    def __init__(
        self, name: str, below: float, group: Group, order: Order, ledger: Ledger, level: float,
        unproven: Mapping[int, frozenset[str]],
    ) -> None:  # fmt: skip
        from ..stats import FailureRateSequence

        self.name, self.below, self.level, self.ledger = name, below, level, ledger
        self.by_trial = group.by_trial
        inside = set(group.cases.tolist())
        self.order = [
            case for block in order.blocks for case in block.cases.tolist() if case in inside
        ]
        self.cases = group.cases
        self.test = FailureRateSequence(below, confidence_level=level)
        self.at = 0  # rounds, or cases, that were looked at
        self.above = 0.0
        self.unproven = {case: unproven[case] for case in self.order if case in unproven}
        if not self.by_trial:
            self.unproven = {}

    @property
    def n_steps(self) -> int:
        if not self.by_trial:
            return len(self.order)
        return min(int(self.ledger.new.outcomes[case].size) for case in self.order)

    @property
    def open(self) -> bool:
        sides: tuple[SideName, ...] = ("candidate", "baseline")
        return any(self.wants(side, case) for side in sides for case in self.order)

    @property
    def blind(self) -> str | None:
        """A check of which nothing is known but that it passes."""
        seen = self.ledger.old.failed_checks
        for case, checks in self.unproven.items():
            for check in sorted(checks):
                if (case, check) not in seen:
                    return check
        return None

    @property
    def holds(self) -> bool:
        return self.test.decision == "pass" and self.blind is None

    @property
    def violation(self) -> float:
        return 1.0 if self.above <= 1 else 1 / self.above

    def wants(self, side: SideName, case: int) -> bool:
        if side == "baseline":
            checks = self.unproven.get(case, frozenset())
            seen = self.ledger.old.failed_checks
            left = not self.ledger.old.complete(case)
            return left and any((case, check) not in seen for check in checks)
        if self.test.decision == "pass" or self.at >= self.n_steps:
            return False
        if self.by_trial:
            return not self.ledger.new.complete(case)
        return self._case(case) is None

    def look(self) -> None:
        while self.at < self.n_steps and self.test.decision != "pass":
            failed = self._step(self.at)
            if failed is None:
                return
            self.at += 1
            self.test.update_block(failed)
            self.above = max(self.above, self.test.e_above)

    def _step(self, number: int) -> list[int] | None:
        """What failed in a round, or whether a case did; None while it is not known."""
        if not self.by_trial:
            failed = self._case(self.order[number])
            return None if failed is None else [failed]
        values = [self.ledger.new.outcomes[case][number] for case in self.order]
        return None if np.isnan(values).any() else [int(value == 0) for value in values]

    def _case(self, case: int) -> int | None:
        if self.ledger.new.failures[case]:
            return 1
        return 0 if self.ledger.new.complete(case) else None

    def state(self) -> Judged:
        return Judged(
            self.name, "failure_rate_below", "", holds=self.holds, violation=self.violation
        )

    def judged(self, *, stopped: bool) -> Judged:
        n, failures = self.test.n_trials, self.test.failures
        if n == 0:
            reason = "not looked at: the gate was decided before"
            return Judged(self.name, "failure_rate_below", reason, violation=1.0)
        low, high = self.test.confidence_interval(max(2 * self.level - 1, 1e-9))
        reason = rate_reason(
            failures, n, self.below, low, high, level=self.level, by_trial=self.by_trial, looks=n
        )
        if self.test.decision is None:
            what = "the gate stopped" if stopped and self.at < self.n_steps else "its trials ended"
            reason += f"; open when {what}"
        if self.blind is not None:
            reason += unproven_reason(self.blind)
        if self.by_trial and self._one_answer():
            reason += one_answer_reason(n)
        return Judged(
            name=self.name,
            rule="failure_rate_below",
            reason=reason,
            threshold=self.below,
            estimate=failures / n,
            low=low,
            high=high,
            bound=high,
            holds=self.holds,
            violation=self.violation,
            n_cases=len(self.order),
        )

    def _one_answer(self) -> bool:
        answers = [self.ledger.new.answers.get(case, []) for case in self.order]
        return all(len(said) > 1 and len(set(said)) == 1 for said in answers)


class CountWatch:
    """At most so many failures: broken by the first beyond, kept only when all trials are in."""

    def __init__(self, name: str, most: int, cases: Ints, ledger: Ledger) -> None:
        self.name, self.most, self.cases, self.ledger = name, most, cases, ledger
        self.count = 0

    @property
    def open(self) -> bool:
        return self.count <= self.most and bool(self.ledger.new.left[self.cases].any())

    def wants(self, side: SideName, case: int) -> bool:
        return side == "candidate" and self.count <= self.most

    def look(self) -> None:
        self.count = int(self.ledger.new.failures[self.cases].sum())

    def state(self) -> Judged:
        over = self.count > self.most
        return Judged(self.name, "max_failures", "", holds=not over and not self.open, certain=over)

    def judged(self, *, stopped: bool) -> Judged:
        side, cases = self.ledger.new, self.cases.tolist()
        failing = [self.ledger.case_ids[case] for case in cases if side.failures[case]]
        asked = sum(side.outcomes[case].size for case in cases)
        trials = asked - int(side.left[self.cases].sum())
        state = self.state()
        reason = count_reason(self.count, trials, self.most, failing)
        if not state.holds and not state.certain:
            reason += f"; {asked - trials:,} of {asked:,} trials were not run"
        return Judged(
            name=self.name,
            rule="max_failures",
            reason=reason,
            threshold=float(self.most),
            estimate=float(self.count),
            holds=state.holds,
            certain=state.certain,
            n_cases=len(cases),
        )


class WholeWatch:
    """A metric: there is no sequential test of it, so it waits for all trials of its cases."""

    def __init__(self, claim: Claim, number: int, cases: Ints, ledger: Ledger) -> None:
        self.claim, self.number = claim, number
        self.name, self.cases, self.ledger = claim.name, cases, ledger
        self.found: Judged | None = None  # once all trials are in

    @property
    def complete(self) -> bool:
        old, new = self.ledger.old, self.ledger.new
        return not (old.left[self.cases].any() or new.left[self.cases].any())

    @property
    def open(self) -> bool:
        return not self.complete

    def wants(self, side: SideName, case: int) -> bool:
        return True

    def look(self) -> None:
        """Nothing is looked at before the end."""

    def state(self) -> Judged:
        return Judged(self.name, "metric", "", holds=self.complete)

    def judged(self, *, stopped: bool) -> Judged:
        if self.found is not None:
            return self.found
        return Judged(
            self.name, "metric", "not judged: a metric needs every trial, and the gate was decided"
        )


def watched_by(watches: Sequence[Watch], n_cases: int) -> list[list[Watch]]:
    """By case, the watches that are about it."""
    found: list[list[Watch]] = [[] for _ in range(n_cases)]
    for watch in watches:
        for case in watch.cases.tolist():
            found[case].append(watch)
    return found
