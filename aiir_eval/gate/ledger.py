"""What is known so far of every trial of both sides, while a sequential gate runs?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..compare.columns import Floats, Ints

if TYPE_CHECKING:
    from ..runs.model import Run
    from ..runs.rows import TrialRow

SideName = Literal["baseline", "candidate"]


@dataclass(slots=True)
class SideLedger:
    """The trials of one side: 1 passed, 0 failed, NaN not run yet; an array a case.

    An errored trial counts against the candidate: as a fail of its own, as a pass of the
    baseline's. answers: by case, what was said in each trial; left, failures: by case, how many
    trials are to be run, and have failed.
    """

    name: SideName
    outcomes: list[Floats]
    n_run: int = 0
    n_errors: int = 0
    first_error: str = ""
    unjudged: int = 0  # trials with neither an outcome nor an error
    failed_checks: set[tuple[int, str]] = field(default_factory=set)
    answers: dict[int, list[str]] = field(default_factory=dict)
    left: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    failures: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    @classmethod
    def of(cls, name: SideName, trials: Sequence[int]) -> SideLedger:
        """Nothing is known yet of so many trials of each case."""
        outcomes = [np.full(count, np.nan) for count in trials]
        left = np.array(trials, dtype=np.int64)
        return cls(name, outcomes, left=left, failures=np.zeros_like(left))

    @property
    def n_planned(self) -> int:
        return sum(values.size for values in self.outcomes)

    def known(self, case: int, trial: int) -> bool:
        """Whether a trial has been run."""
        return not np.isnan(self.outcomes[case][trial])

    def complete(self, case: int) -> bool:
        """Whether every trial of a case has been run."""
        return bool(self.left[case] == 0)

    def mean(self, case: int) -> float:
        """Mean over the trials of a case; all of them have been run."""
        return float(self.outcomes[case].mean())

    def fill(self, run: Run, case_of: Mapping[str, int]) -> None:
        """Take all trials of a run that was recorded."""
        columns = ["case_id", "trial", "error", "passed", "output", "tool_calls", "checks"]
        taken = [0] * len(self.outcomes)
        for row in run.trials.select(columns).to_pylist():
            case = case_of[row["case_id"]]
            checks = [check["check"] for check in row["checks"] or () if not check["passed"]]
            answer = repr((row["output"], row["tool_calls"]))
            self._take(case, taken[case], row["error"], row["passed"], checks, answer)
            taken[case] += 1

    def record(self, case: int, trial: int, row: TrialRow) -> None:
        """Take a trial that was run."""
        checks = [check.check for check in row.checks if not check.passed]
        answer = repr((row.output, [(call.name, call.arguments) for call in row.tool_calls]))
        self._take(case, trial, row.error, row.passed, checks, answer)

    def _take(
        self,
        case: int,
        trial: int,
        error: str | None,
        passed: bool | None,
        failed_checks: Sequence[str],
        answer: str,
    ) -> None:
        self.n_run += 1
        if error is not None:
            self.n_errors += 1
            self.first_error = self.first_error or error
        elif passed is None:
            self.unjudged += 1
        counted = self.name == "baseline" if passed is None else passed
        self.left[case] -= 1
        self.failures[case] += not counted
        self.outcomes[case][trial] = float(counted)
        self.failed_checks |= {(case, check) for check in failed_checks}
        self.answers.setdefault(case, []).append(answer)


@dataclass(frozen=True, slots=True)
class Ledger:
    """Both sides, by case in the order of their ids."""

    case_ids: Sequence[str]
    old: SideLedger
    new: SideLedger

    def of(self, side: SideName) -> SideLedger:
        return self.old if side == "baseline" else self.new

    def paired(self, case: int) -> bool:
        """Whether a case is complete on both sides."""
        return self.old.complete(case) and self.new.complete(case)

    def difference(self, case: int) -> float:
        """Candidate minus baseline of a case that is complete on both sides."""
        return self.new.mean(case) - self.old.mean(case)
