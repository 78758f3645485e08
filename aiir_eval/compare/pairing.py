"""How do two runs line up? Cases sorted by id, case means, clusters and checks as numpy arrays.

Everything here is columnar: 100,000 trials a side take a fraction of a second, and the order of
the rows on disk changes nothing.

An errored trial has no outcome. Where a policy tolerates errors they are counted against the
candidate instead: a candidate's error as a fail, a baseline's as a pass (`Paired.counting_errors`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from .columns import (
    Bools,
    Floats,
    Ints,
    as_bools,
    as_floats,
    as_ints,
    in_order,
    text_codes,
    text_levels,
    whole,
)
from .outputs import Outputs, outputs_of

if TYPE_CHECKING:
    import pyarrow as pa

    from ..runs.model import Run


@dataclass(frozen=True)
class CheckRows:
    """The checks of a side's trials, one row a check of a trial.

    row: position among the side's trials; code: index into the names of `Paired.check_names`.
    """

    row: Ints
    code: Ints
    passed: Floats  # 1, 0, NaN where the check is graded only
    score: Floats


@dataclass(frozen=True)
class SideTrials:
    """The trials of one side in the order of case and trial number.

    rows: where each trial stands in `run.trials`; case: index into `Paired.case_ids`; outcome: 1
    or 0 (the score of a graded run), NaN where there is none.
    """

    run: Run
    rows: Ints
    case: Ints
    trial: Ints
    outcome: Floats
    error: Bools
    checks: CheckRows
    n_cases: int

    def column(self, name: str) -> pa.ChunkedArray:
        """A column of the run, in the order of the trials here."""
        column = self.run.trials[name]
        return column if self.in_order else column.take(self.rows)

    def numbers(self, name: str) -> Floats:
        """A numeric column as floats, NaN where null."""
        return as_floats(self.column(name))

    @cached_property
    def in_order(self) -> bool:
        """Whether these are all rows of the run, in its own order."""
        return np.array_equal(self.rows, np.arange(self.run.trials.num_rows))

    @cached_property
    def first_rows(self) -> Ints:
        """Row of the first trial of each case."""
        return np.take(self.rows, np.cumsum(self.counts) - self.counts)

    @cached_property
    def counts(self) -> Ints:
        """Trials of each case, errors and all."""
        return np.bincount(self.case, minlength=self.n_cases)

    @cached_property
    def one_each(self) -> bool:
        """Whether every case has one trial."""
        return self.case.size == self.n_cases and bool((self.counts == 1).all())

    def case_means(self, values: Floats) -> Floats:
        """Mean over the trials of each case that have a value; NaN for a case with none."""
        if self.one_each:
            return values.astype(np.float64)
        case, number, there = self.case, self.counts, ~np.isnan(values)
        if not there.all():
            case, values = case[there], values[there]
            number = np.bincount(case, minlength=self.n_cases)
        total = np.bincount(case, weights=values, minlength=self.n_cases)
        means = np.full(self.n_cases, np.nan)
        np.divide(total, number, out=means, where=number > 0)
        return means


@dataclass(frozen=True)
class Paired:
    """Two runs on the cases they share, paired by case.

    `baseline` and `candidate` are case means, NaN where a case has no outcome on that side. The
    attributes of a case (class, origin, tags, ...) are those of the baseline.
    """

    case_ids: Any  # pa.Array of text, sorted
    old: SideTrials
    new: SideTrials
    check_names: tuple[str, ...]
    graded: bool
    only_old: tuple[str, ...] = ()
    only_new: tuple[str, ...] = ()
    check: str | None = None
    outcomes: Mapping[str, Floats] = field(default_factory=dict, repr=False)

    @property
    def n_cases(self) -> int:
        return len(self.case_ids)

    @property
    def sides(self) -> tuple[SideTrials, SideTrials]:
        """Baseline and candidate."""
        return self.old, self.new

    @property
    def baseline(self) -> Floats:
        """Case means of the baseline."""
        return self.outcomes["baseline"]

    @property
    def candidate(self) -> Floats:
        """Case means of the candidate."""
        return self.outcomes["candidate"]

    @cached_property
    def has_outcome(self) -> Bools:
        """Cases with an outcome on both sides: those that are compared."""
        return ~(np.isnan(self.baseline) | np.isnan(self.candidate))

    @cached_property
    def single_trial(self) -> bool:
        """Whether every compared case has one outcome a side."""
        return all(
            bool((np.bincount(side.case[~np.isnan(side.outcome)], minlength=1) <= 1).all())
            for side in (self.old, self.new)
        )

    @cached_property
    def outputs(self) -> Outputs:
        """What the trials of both sides said."""
        return outputs_of(self.old.column("output"), self.new.column("output"))

    @cached_property
    def clusters(self) -> Ints:
        """Cluster of each case, numbered as they first appear; a case without one is its own."""
        codes = self.codes("cluster")[0].copy()
        alone = codes < 0
        codes[alone] = codes.max(initial=-1) + 1 + np.arange(int(alone.sum()))
        return in_order(codes)

    def counting_errors(self) -> Paired:
        """The same with errors counted: a candidate's as a fail, a baseline's as a pass."""
        old = replace(self.old, outcome=np.where(self.old.error, 1.0, self.old.outcome))
        new = replace(self.new, outcome=np.where(self.new.error, 0.0, self.new.outcome))
        outcomes = {
            "baseline": old.case_means(old.outcome),
            "candidate": new.case_means(new.outcome),
        }
        return replace(self, old=old, new=new, outcomes=outcomes)

    def attribute(self, name: str, *, side: str = "old") -> pa.Array:
        """A column that belongs to the case (class, origin, ...), one value a case."""
        trials: SideTrials = getattr(self, side)
        taken = trials.run.trials[name]
        if not (trials.in_order and len(taken) == self.n_cases):
            taken = taken.take(trials.first_rows)
        return whole(taken)

    def codes(self, name: str) -> tuple[Ints, list[str]]:
        """A text attribute as codes into its sorted levels; -1 where null."""
        return text_codes(self.attribute(name))

    def check_means(self, code: int) -> tuple[Floats, Floats]:
        """Case means of one check on both sides, NaN where a case lacks it."""
        means = []
        for side in (self.old, self.new):
            values = self.check_values(side, code)
            means.append(side.case_means(values))
        return means[0], means[1]

    def check_is_graded(self, code: int) -> bool:
        """Whether a check gives scores alone, no pass or fail."""
        return any(
            bool(np.isnan(side.checks.passed[side.checks.code == code]).any())
            for side in (self.old, self.new)
        )

    def check_values(self, side: SideTrials, code: int) -> Floats:
        """One check's outcome for every trial of a side: 1, 0 (or its score), NaN."""
        return _check_outcome(side, code, graded=self.graded or self.check_is_graded(code))


def pair(old: Run, new: Run, *, check: str | None = None) -> Paired:
    """Line two runs up by case.

    Parameters
    ----------
    old, new : Run
        Baseline and candidate; any set of rows, problems are looked for elsewhere.
    check : str, optional
        Take the outcome of this check alone.

    Raises
    ------
    InputError
        Neither run has a check of that name.
    """
    cases, ids = zip(*(text_levels(run.trials["case_id"]) for run in (old, new)), strict=True)
    common, only = _shared(*ids)
    if any(only):
        import pyarrow.compute as pc

        at = [as_ints(pc.index_in(levels, value_set=common), null=-1) for levels in ids]
        cases = tuple(np.append(here, -1)[case] for here, case in zip(at, cases, strict=True))

    names = _check_names(old, new)
    if check is not None and check not in names:
        known = ", ".join(map(repr, names)) or "none"
        raise InputError(f"no check is named {check!r}; the checks are {known}", field="check")
    code = None if check is None else names.index(check)
    graded = any(
        run.manifest.outcome == "score" or (check is not None and _gives_scores(run, check))
        for run in (old, new)
    )
    sides = [
        _side(run, case, len(common), names, graded=graded, code=code)
        for run, case in zip((old, new), cases, strict=True)
    ]
    return Paired(
        case_ids=common,
        old=sides[0],
        new=sides[1],
        check_names=names,
        graded=graded,
        only_old=only[0],
        only_new=only[1],
        check=check,
        outcomes={
            "baseline": sides[0].case_means(sides[0].outcome),
            "candidate": sides[1].case_means(sides[1].outcome),
        },
    )


def _shared(old: pa.Array, new: pa.Array) -> tuple[pa.Array, tuple[tuple[str, ...], ...]]:
    """The ids on both sides, and those on one side alone."""
    import pyarrow.compute as pc

    if old.equals(new):
        return old, ((), ())
    in_new, in_old = pc.is_in(old, value_set=new), pc.is_in(new, value_set=old)
    only = (old.filter(pc.invert(in_new)), new.filter(pc.invert(in_old)))
    return old.filter(in_new), tuple(tuple(ids.to_pylist()) for ids in only)


def _side(
    run: Run,
    case: Ints,
    n_cases: int,
    names: tuple[str, ...],
    *,
    graded: bool,
    code: int | None,
) -> SideTrials:
    """One side in order. case: the case of each row of the run, -1 for none that is shared."""
    import pyarrow.compute as pc

    trials = run.trials
    number = as_ints(trials["trial"], null=-1)
    rows = np.flatnonzero(case >= 0)
    if rows.size < case.size:
        case, number = case[rows], number[rows]
    step = np.diff(case)
    if not np.all((step > 0) | ((step == 0) & (np.diff(number) >= 0))):
        order = np.lexsort((number, case))
        rows, case, number = rows[order], case[order], number[order]
    side = SideTrials(
        run=run,
        rows=rows,
        case=case,
        trial=number,
        outcome=np.empty(0),
        error=as_bools(pc.is_valid(trials["error"]))[rows],
        checks=_check_rows(whole(trials["checks"]), rows, names),
        n_cases=n_cases,
    )
    if code is not None:
        outcome = _check_outcome(side, code, graded=graded)
    else:
        outcome = _in_unit(side.numbers("score") if graded else side.numbers("passed"))
    return replace(side, outcome=np.where(side.error, np.nan, outcome))


def _check_outcome(side: SideTrials, code: int, *, graded: bool) -> Floats:
    values = np.full(side.rows.size, np.nan)
    here = side.checks.code == code
    values[side.checks.row[here]] = (side.checks.score if graded else side.checks.passed)[here]
    return _in_unit(values)


def _in_unit(values: Floats) -> Floats:
    """The values of [0, 1]; anything else is none (and a problem, which is reported as such)."""
    with np.errstate(invalid="ignore"):
        return np.where((values >= 0) & (values <= 1), values, np.nan)


def _gives_scores(run: Run, check: str) -> bool:
    import pyarrow.compute as pc

    flat = pc.list_flatten(run.trials["checks"])
    here = pc.equal(pc.struct_field(flat, "check"), check)
    return bool(pc.struct_field(flat, "passed").filter(here).null_count)


def _check_names(*runs: Run) -> tuple[str, ...]:
    import pyarrow.compute as pc

    names: set[str] = set()
    for run in runs:
        flat = pc.list_flatten(run.trials["checks"])
        names |= set(pc.unique(pc.struct_field(flat, "check")).to_pylist())
    return tuple(sorted(name for name in names if name is not None))


def _check_rows(column: pa.Array, rows: Ints, names: tuple[str, ...]) -> CheckRows:
    import pyarrow as pa
    import pyarrow.compute as pc

    flat = pc.list_flatten(column)
    checks = CheckRows(
        row=as_ints(pc.list_parent_indices(column), null=-1),
        code=as_ints(
            pc.index_in(pc.struct_field(flat, "check"), value_set=pa.array(names, pa.string())),
            null=-1,
        ),
        passed=as_floats(pc.struct_field(flat, "passed")),
        score=as_floats(pc.struct_field(flat, "score")),
    )
    place = np.full(len(column), -1, dtype=np.int64)
    place[rows] = np.arange(rows.size)
    if np.array_equal(place, np.arange(rows.size)):
        return checks
    row = place[checks.row]
    kept = row >= 0
    return CheckRows(row[kept], checks.code[kept], checks.passed[kept], checks.score[kept])
