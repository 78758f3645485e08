"""What is new, gone, worse or better between two drift reports, an earlier and a later one?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isclose, isfinite, nan, sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from .result import ColumnDrift, DriftReport, Effect, json_number

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

State = Literal["new", "worse", "not_comparable", "unchanged", "better", "gone"]
STATES: tuple[State, ...] = ("new", "worse", "not_comparable", "gone", "better", "unchanged")


@dataclass(frozen=True, slots=True)
class ColumnThenAndNow:
    """One column of both reports; `then` or `now` is None where a report lacks it.

    `difference` is the effect now less the effect then, with its interval; `differs` where it is
    shown not to be zero (`pvalue_adjusted` at most one minus the confidence level).
    """

    column: str
    state: State
    then: ColumnDrift | None
    now: ColumnDrift | None
    difference: Effect | None = None
    pvalue: float = nan
    pvalue_adjusted: float = nan
    differs: bool = False
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        def side(column: ColumnDrift | None) -> dict[str, Any] | None:
            if column is None:
                return None
            adjusted = json_number(column.pvalue_adjusted)
            effect = column.effect.to_dict()
            return {"drifted": column.drifted, "effect": effect, "pvalue_adjusted": adjusted}

        return {
            "column": self.column,
            "state": self.state,
            "then": side(self.then),
            "now": side(self.now),
            "difference": None if self.difference is None else self.difference.to_dict(),
            "pvalue": json_number(self.pvalue),
            "pvalue_adjusted": json_number(self.pvalue_adjusted),
            "differs": self.differs,
            "note": self.note,
        }


@dataclass(frozen=True)
class DriftComparison:
    """An earlier and a later drift report, side by side, the telling columns first."""

    then: DriftReport
    now: DriftReport
    columns: Sequence[ColumnThenAndNow]
    notes: Sequence[str] = ()
    confidence_level: float = 0.95

    def having(self, state: State) -> list[ColumnThenAndNow]:
        """The columns of a state."""
        return [column for column in self.columns if column.state == state]

    @property
    def sentence(self) -> str:
        """``Drift then and now: 1 new, 1 worse, 1 gone; 4 unchanged, 2 of them still drifted.``"""
        counts = {state: len(self.having(state)) for state in STATES}
        quiet = counts.pop("unchanged")
        told = [f"{n} {state.replace('_', ' ')}" for state, n in counts.items() if n]
        still = sum(each.now is not None and each.now.drifted for each in self.having("unchanged"))
        rest = f"{quiet} unchanged" + (f", {still} of them still drifted" if still else "")
        then, now = (each.conclusion.replace("_", " ") for each in (self.then, self.now))
        before = f"{then} then and now" if then == now else f"{then} then, {now} now"
        changes = f"{', '.join(told)}; " if told else ""
        return f"{before[:1].upper()}{before[1:]}: {changes}{rest}."

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``aiir compare`` of two drift reports."""
        return {
            "conclusion": {"then": self.then.conclusion, "now": self.now.conclusion},
            "counts": {state: len(self.having(state)) for state in STATES},
            "columns": [column.to_dict() for column in self.columns],
            "notes": list(self.notes),
        }

    def to_pandas(self) -> pd.DataFrame:
        """One row a column: its state, both effects, and their difference with its interval."""
        import pandas as pd

        rows = []
        for each in self.columns:
            row: dict[str, Any] = {"column": each.column, "state": each.state}
            for name, side in (("then", each.then), ("now", each.now)):
                row[f"drifted_{name}"] = None if side is None else side.drifted
                row[f"effect_{name}"] = nan if side is None else side.effect.estimate
                row[f"effect_{name}_low"] = nan if side is None else side.effect.low
                row[f"effect_{name}_high"] = nan if side is None else side.effect.high
            difference = each.difference or Effect("", nan, nan, nan)
            row |= {
                "effect": difference.name or None,
                "difference": difference.estimate,
                "difference_low": difference.low,
                "difference_high": difference.high,
                "pvalue_adjusted": each.pvalue_adjusted,
                "differs": each.differs,
                "note": each.note,
            }
            rows.append(row)
        return pd.DataFrame(rows)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Each column's effect then and now, with its interval, in the unit of its effect."""
        from .comparing_plotting import plot_drift_comparison

        return plot_drift_comparison(self, ax)

    def save(self, path: str | Path) -> None:
        """Write it with both reports as JSON, whole or not at all; `aiir report` renders it."""
        from .document import save_drift_comparison

        save_drift_comparison(self, path)

    def __repr__(self) -> str:
        return f"DriftComparison({self.sentence})"

    def _repr_html_(self) -> str:
        from ..reports.notebook import drift_comparison_html

        return drift_comparison_html(self)


def compare_drift(then: DriftReport, now: DriftReport) -> DriftComparison:
    """Compare two drift reports column by column.

    Parameters
    ----------
    then, now : DriftReport
        The earlier and the later report.

    Returns
    -------
    DriftComparison
        The `state` of a column: ``new`` and ``gone`` where it drifted in one report only; among
        those that drifted in both, ``worse`` and ``better`` where the size of the effect is shown
        to have grown or shrunk, else ``unchanged``, like those that drifted in neither.
        ``not_comparable`` where a report lacks the column, or it has another kind, effect or role.

    Notes
    -----
    That one report found drift and the other did not shows no difference between them (Gelman and
    Stern 2006, The American Statistician 60:328-331): `differs` answers that, and a note says where
    it is missing.

    The interval of the difference of two effects is composed of both intervals (MOVER; Zou and
    Donner 2008, Statistics in Medicine 27:1693-1702), which keeps their asymmetry; the p-value is
    where that interval reaches zero; p-values are adjusted by Benjamini-Hochberg over the columns.

    The two reports are taken as independent. With the same reference in both that is cautious.
    Where the earlier's current table seems to be the later's reference (as many rows, of the same
    means and rates), their errors go in opposite directions, and the interval is widened for it.

    Examples
    --------
    >>> import aiir_eval as aiir
    >>> import pyarrow as pa
    >>> def week(passed):
    ...     return pa.table({"passed": [True] * passed + [False] * (1000 - passed)})
    >>> last = aiir.drift(week(900), week(895))
    >>> this = aiir.drift(week(900), week(700))
    >>> last.compare(this).having("new")[0].column
    'passed'
    """
    from ..stats import benjamini_hochberg

    level = min(then.confidence_level, now.confidence_level)
    correlation = _correlation(then, now)
    sides = {each.column: each for each in then.columns}
    found = [
        _one(sides.pop(each.column, None), each, (then, now), level, correlation)
        for each in now.columns
    ]
    found += [_one(each, None, (then, now), level, correlation) for each in sides.values()]
    tested = [i for i, each in enumerate(found) if each.difference is not None]
    adjusted = benjamini_hochberg([found[i].pvalue for i in tested])
    for i, pvalue in zip(tested, adjusted, strict=True):
        found[i] = _settled(found[i], float(pvalue), 1 - level)
    notes = []
    if correlation:
        notes.append(
            "the current table of the earlier report seems to be the reference of the later one: "
            "intervals of differences are widened for it"
        )
    order = {state: place for place, state in enumerate(STATES)}
    found.sort(key=lambda each: (order[each.state], not _primary(each), not each.differs))
    return DriftComparison(then, now, tuple(found), tuple(notes), level)


def _primary(each: ColumnThenAndNow) -> bool:
    return any(side is not None and side.primary for side in (each.then, each.now))


def _correlation(then: DriftReport, now: DriftReport) -> float:
    """Of the errors of the two effects: below zero where a table is the end of one, start of other.

    Each effect is a difference of two tables' means, whose variances go with one over their rows.
    """
    if not (then.n_reference and now.n_current and _chained(then, now)):
        return 0.0
    shared = 1 / then.n_current
    return -shared / sqrt((1 / then.n_reference + shared) * (shared + 1 / now.n_current))


def _chained(then: DriftReport, now: DriftReport) -> bool:
    """Whether the current table of `then` may be the reference of `now`: its rows and its means."""
    if then.n_current != now.n_reference:
        return False
    sides = {each.column: each.statistics for each in then.columns}
    return all(
        isclose(sides[each.column][f"{what}_current"], each.statistics[f"{what}_reference"])
        for each in now.columns
        for what in ("mean", "rate")
        if f"{what}_reference" in each.statistics
        and f"{what}_current" in sides.get(each.column, {})
    )


def _one(
    then: ColumnDrift | None,
    now: ColumnDrift | None,
    reports: tuple[DriftReport, DriftReport],
    level: float,
    correlation: float,
) -> ColumnThenAndNow:
    """A column with the difference of its effects, where there is one to speak of."""
    column = (now or then).column  # type: ignore[union-attr]
    if then is None or now is None:
        side = "earlier" if then is None else "later"
        return ColumnThenAndNow(
            column, "not_comparable", then, now, note=f"not tested in the {side} report"
        )
    for what, before, after in (
        ("kind", then.kind, now.kind),
        ("role", _role(then), _role(now)),
    ):
        if before != after:
            note = f"{what}: {before} then, {after} now"
            return ColumnThenAndNow(column, "not_comparable", then, now, note=note)
    effects = _in_one_unit(then, now)
    if effects is None:
        note = f"effect: {then.effect.name} then, {now.effect.name} now"
        return ColumnThenAndNow(column, "not_comparable", then, now, note=note)
    levels = [report.confidence_level for report in reports]
    difference, pvalue = _difference(*effects, levels, level, correlation)
    note = "" if then.test == now.test else f"tested by {then.test} then, {now.test} now"
    if not isfinite(pvalue):
        unknown = "an effect has no interval"
        if then.drifted is now.drifted:
            return ColumnThenAndNow(column, "not_comparable", then, now, note=unknown)
        return ColumnThenAndNow(column, _state(then, now, False), then, now, note=unknown)
    return ColumnThenAndNow(column, "unchanged", then, now, difference, pvalue, note=note)


def _in_one_unit(then: ColumnDrift, now: ColumnDrift) -> tuple[Effect, Effect] | None:
    """Both effects in the unit of the later, else of the earlier; None where they share none."""
    for name in (now.effect.name, then.effect.name):
        sides = [
            next((each for each in (side.effect, *side.effects) if each.name == name), None)
            for side in (then, now)
        ]
        if sides[0] is not None and sides[1] is not None:
            return sides[0], sides[1]
    return None


def _role(column: ColumnDrift) -> str:
    return "primary" if column.primary else "not primary"


def _difference(
    then: Effect, now: Effect, levels: Sequence[float], level: float, correlation: float
) -> tuple[Effect, float]:
    """The effect now less the effect then, with the interval at `level`, and its p-value."""
    from scipy.stats import norm

    quantiles = [float(norm.ppf((1 + each) / 2)) for each in levels]
    quantile = float(norm.ppf((1 + level) / 2))

    def reach(below: bool) -> float:
        """One standard error of the difference on one side, from the ends that matter there."""
        before = ((then.high - then.estimate) if below else (then.estimate - then.low)) / quantiles[
            0
        ]
        after = ((now.estimate - now.low) if below else (now.high - now.estimate)) / quantiles[1]
        return sqrt(before * before + after * after - 2 * correlation * before * after)

    estimate = now.estimate - then.estimate
    down, up = reach(True), reach(False)
    effect = Effect(now.name, estimate, estimate - quantile * down, estimate + quantile * up)
    error = down if estimate > 0 else up
    if not isfinite(estimate) or not error > 0:
        return effect, nan
    return effect, float(2 * norm.sf(abs(estimate) / error))


def _settled(each: ColumnThenAndNow, pvalue_adjusted: float, alpha: float) -> ColumnThenAndNow:
    """The column with its state, now that its p-value is adjusted."""
    then, now = each.then, each.now
    assert then is not None
    assert now is not None
    differs = pvalue_adjusted <= alpha
    state = _state(then, now, differs)
    notes = [each.note] if each.note else []
    if state in ("new", "gone") and not differs:
        notes.append("the two effects do not differ measurably")
    before, after = _in_one_unit(then, now) or (then.effect, now.effect)
    if differs and then.drifted and now.drifted and before.estimate * after.estimate < 0:
        notes.append("it went the other way")
    return replace(
        each, state=state, pvalue_adjusted=pvalue_adjusted, differs=differs, note="; ".join(notes)
    )


def _state(then: ColumnDrift, now: ColumnDrift, differs: bool) -> State:
    if then.drifted is not now.drifted:
        return "new" if now.drifted else "gone"
    if not (differs and now.drifted):
        return "unchanged"
    before, after = _in_one_unit(then, now) or (then.effect, now.effect)
    return "worse" if abs(after.estimate) > abs(before.estimate) else "better"
