"""May these two runs be compared at all? Every reason why not, in a plain sentence each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..documents import canonical_json
from ..words import count
from .columns import as_bools, as_floats, as_ints, text_codes, whole
from .identical import SameAnswers
from .pairing import Paired, SideTrials
from .result import FindingCode

if TYPE_CHECKING:
    from ..runs.model import Run
    from ..suites.model import Case

# What belongs to the case and not to the answer: the same on both sides, or the suite was changed.
CASE_COLUMNS = ("incident_id", "class", "origin", "cluster", "tags", "expected")


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A reason why the comparison must not count, with the finding it amounts to, if any."""

    message: str
    code: FindingCode | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)


def obstacles(paired: Paired, same: SameAnswers, *, aa: bool) -> list[Obstacle]:
    """Everything that stands against comparing, worst first; empty where nothing does."""
    old, new = paired.old.run, paired.new.run
    return [
        *_empty(old, new),
        *_different_cases(paired),
        *_incomplete(paired.old, paired, "baseline"),
        *_incomplete(paired.new, paired, "candidate"),
        *_duplicates(paired.old, "baseline"),
        *_duplicates(paired.new, "candidate"),
        *_corrupted(paired.old, paired, "baseline"),
        *_corrupted(paired.new, paired, "candidate"),
        *_no_outcome(paired),
        *_changed_suite(paired),
        *_changed_scorers(paired),
        *_judged_differently(same),
        *_same_target(old, new, aa=aa),
    ]


def _empty(old: Run, new: Run) -> Iterator[Obstacle]:
    for run, side in ((old, "baseline"), (new, "candidate")):
        if run.trials.num_rows == 0:
            yield Obstacle(f"the {side} holds no trial")


def _different_cases(paired: Paired) -> Iterator[Obstacle]:
    gone, added = paired.only_old, paired.only_new
    if not gone and not added:
        return
    parts = []
    if gone:
        parts.append(f"{_some(gone)} only in the baseline")
    if added:
        parts.append(f"{_some(added)} only in the candidate")
    shared = "no case is on both sides" if paired.n_cases == 0 else f"{paired.n_cases:,} shared"
    yield Obstacle(
        f"the case sets differ: {'; '.join(parts)}; {shared}",
        "case_set_differs",
        {
            "only_baseline": len(gone),
            "only_candidate": len(added),
            "shared": paired.n_cases,
            "examples": [*gone[:5], *added[:5]],
        },
    )


def _incomplete(trials: SideTrials, paired: Paired, side: str) -> Iterator[Obstacle]:
    import pyarrow as pa
    import pyarrow.compute as pc

    run = trials.run
    manifest = run.manifest
    rows = run.trials.num_rows
    for problem in manifest.problems:  # noticed when the run was made
        if problem.startswith("missing"):
            yield Obstacle(
                f"the {side} is incomplete: {problem}",
                "incomplete_run",
                {"side": side, "status": manifest.status, "problem": problem},
            )
        elif not problem.startswith("duplicate"):  # those are counted below
            yield Obstacle(f"the {side} has a problem of its own: {problem}")
    if manifest.status != "complete":
        if not any(problem.startswith("missing") for problem in manifest.problems):
            wanted = sum(manifest.trials.values())
            yield Obstacle(
                f"the {side} is incomplete: its status is {manifest.status!r}, "
                f"{rows:,} of {wanted:,} trials are there",
                "incomplete_run",
                {"side": side, "status": manifest.status, "trials": rows, "asked": wanted},
            )
        return
    ids = pa.array(list(manifest.trials), pa.string())
    asked = np.fromiter(manifest.trials.values(), np.int64, len(manifest.trials))
    if (
        trials.rows.size == rows == manifest.n_rows
        and ids.equals(paired.case_ids)
        and np.array_equal(trials.counts, asked)
    ):
        return
    at = as_ints(pc.index_in(run.trials["case_id"], value_set=ids), null=len(asked))
    there = np.bincount(at, minlength=len(asked) + 1)[: len(asked)]
    short = sorted(ids.filter(pa.array(there < asked)).to_pylist())
    extra = set(ids.filter(pa.array(there > asked)).to_pylist())
    unasked = run.trials["case_id"].filter(pa.array(at == len(asked))).drop_null()
    extra |= set(pc.unique(unasked).to_pylist())
    if short:
        yield Obstacle(
            f"the {side} is incomplete: rows are missing of {_some(short)}",
            "incomplete_run",
            {"side": side, "cases": len(short), "examples": short[:5]},
        )
    if extra:
        yield Obstacle(f"the {side} holds more rows than trials were run of {_some(sorted(extra))}")
    elif not short and manifest.n_rows is not None and manifest.n_rows != rows:
        yield Obstacle(f"the {side} holds {rows:,} rows; run.json states {manifest.n_rows:,}")


def _duplicates(trials: SideTrials, side: str) -> Iterator[Obstacle]:
    run = trials.run
    if trials.rows.size == run.trials.num_rows:  # already sorted by case and trial
        again = (np.diff(trials.case) == 0) & (np.diff(trials.trial) == 0)
        if not again.any():
            return
    case, ids = text_codes(run.trials["case_id"])
    trial = as_ints(run.trials["trial"], null=-1)
    order = np.lexsort((trial, case))
    again = (np.diff(case[order]) == 0) & (np.diff(trial[order]) == 0) & (case[order][1:] >= 0)
    if not again.any():
        return
    twice = sorted({ids[code] for code in np.unique(case[order][1:][again]).tolist()})
    rows = int(again.sum())
    yield Obstacle(
        f"the {side} holds {count(rows, 'duplicate row')} "
        f"(the same case and trial again) of {_some(twice)}",
        "duplicate_ids",
        {"side": side, "rows": rows, "cases": len(twice), "examples": twice[:5]},
    )


def _corrupted(side: SideTrials, paired: Paired, name: str) -> Iterator[Obstacle]:
    """Rows that cannot be what a run wrote."""
    import pyarrow.compute as pc

    trials = side.run.trials
    nameless = trials["case_id"].null_count
    if nameless:
        yield Obstacle(f"the {name} holds {count(nameless, 'row')} without a case id")
    numberless = trials["trial"].null_count
    if numberless:
        yield Obstacle(f"the {name} holds {count(numberless, 'row')} without a trial number")

    def example(bad: Any) -> str:
        return repr(paired.case_ids[int(side.case[np.flatnonzero(bad)[0]])].as_py())

    def sentence(bad: Any, what: str) -> Obstacle:
        rows = count(int(bad.sum()), "row")
        return Obstacle(f"the {name} holds {rows} {what}, first in {example(bad)}")

    score = side.numbers("score")
    given = as_bools(pc.is_valid(side.column("score")))
    with np.errstate(invalid="ignore"):
        wrong = given & ~((score >= 0) & (score <= 1))
    if wrong.any():
        yield sentence(wrong, "whose score is not a number from 0 to 1")
    passed = side.numbers("passed")
    claimed = side.error & ~np.isnan(passed)
    if claimed.any():
        yield sentence(claimed, "with both an error and an outcome")
    outcome = score if paired.graded else passed
    missing = ~side.error & np.isnan(outcome) & ~wrong
    if missing.any():
        yield sentence(missing, "with neither an outcome nor an error")

    n, checks = side.rows.size, side.checks
    number = np.bincount(checks.row, minlength=n)
    unjudged = ~side.error & (number == 0)
    if unjudged.any():
        yield sentence(unjudged, "that no check has judged")
    with np.errstate(invalid="ignore"):
        odd = ~np.isnan(checks.score) & ~((checks.score >= 0) & (checks.score <= 1))
    if odd.any():
        bad = np.bincount(checks.row[odd], minlength=n) > 0
        yield sentence(bad, "with a check whose score is not a number from 0 to 1")
    failed = np.bincount(checks.row[checks.passed == 0], minlength=n) > 0
    partial = np.bincount(checks.row[np.isnan(checks.passed)], minlength=n) > 0
    judged = ~side.error & (number > 0)
    contradicted = judged & (((passed == 1) & failed) | ((passed == 0) & ~failed & ~partial))
    if contradicted.any():
        yield sentence(contradicted, "whose outcome contradicts its checks")


def _no_outcome(paired: Paired) -> Iterator[Obstacle]:
    import pyarrow.compute as pc

    if paired.old.run.manifest.outcome != paired.new.run.manifest.outcome:
        yield Obstacle(
            f"the baseline is judged by {paired.old.run.manifest.outcome!r}, "
            f"the candidate by {paired.new.run.manifest.outcome!r}"
        )
    for side, name in ((paired.old, "baseline"), (paired.new, "candidate")):
        if side.rows.size and side.error.all():
            first = pc.drop_null(side.column("error"))[0].as_py()
            yield Obstacle(f"every trial of the {name} errored, the first with: {first:.200}")


def _changed_suite(paired: Paired) -> Iterator[Obstacle]:
    """Inputs, checks, classes, expected answers: all that must be the same on both sides."""
    yielded = False
    for column in CASE_COLUMNS:
        changed = _differing(paired, column)
        if changed:
            yielded = True
            yield Obstacle(
                f"the suite was changed: {column.replace('_', ' ')} differs in {_some(changed)}"
            )
    changed = _cases_with_other_checks(paired)
    if changed:
        yielded = True
        yield Obstacle(
            f"the suite was changed: other checks judged {_some(changed)}", "evaluator_changed"
        )
    old, new = paired.old.run, paired.new.run
    if old.manifest.suite_digest == new.manifest.suite_digest:
        return
    parts = [
        f"{what} of {_some(ids)}" for what, ids in _changed_parts(old.cases, new.cases).items()
    ]
    if parts:
        yield Obstacle(f"the suite was changed: {'; '.join(parts)}")
    elif not yielded and not paired.only_old and not paired.only_new:
        yield Obstacle(
            f"the suites differ: digest {old.manifest.suite_digest[:12]} in the baseline, "
            f"{new.manifest.suite_digest[:12]} in the candidate"
        )


def _changed_parts(old: Mapping[str, Case], new: Mapping[str, Case]) -> dict[str, list[str]]:
    changed: dict[str, list[str]] = {}
    for case_id in sorted(old.keys() & new.keys()):
        if old[case_id] == new[case_id]:
            continue
        before, after = old[case_id].to_mapping(), new[case_id].to_mapping()
        for key in sorted(before.keys() | after.keys()):
            if canonical_json(before.get(key)) != canonical_json(after.get(key)):
                changed.setdefault(key, []).append(case_id)
    return changed


def _differing(paired: Paired, column: str) -> list[str]:
    """The cases whose attribute is not the same on both sides."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if paired.n_cases == 0:
        return []
    old, new = paired.attribute(column), paired.attribute(column, side="new")
    if old.equals(new):
        return []
    if pa.types.is_list(old.type):
        old, new = (pc.binary_join(values, "\x1f") for values in (old, new))
    same = pc.or_(
        pc.fill_null(pc.equal(old, new), False), pc.and_(pc.is_null(old), pc.is_null(new))
    )
    ids: list[str] = paired.case_ids.filter(pc.invert(same)).to_pylist()
    return ids


def _cases_with_other_checks(paired: Paired) -> list[str]:
    """Cases not every judged trial of which, on both sides, was judged by the same checks."""
    if not paired.check_names:
        return []
    # A random number a name: trials with the same sum have the same checks. Sums stay below 2^53,
    # where floats are exact; a nameless check, code -1, adds nothing.
    marks = np.random.default_rng(0).integers(1, 2**40, size=len(paired.check_names))
    marks = np.append(marks, 0).astype(np.float64)
    lowest = np.full(paired.n_cases, np.inf)
    highest = np.zeros(paired.n_cases)
    for side in paired.sides:
        checks = side.checks
        signature = np.bincount(checks.row, np.take(marks, checks.code), side.rows.size)
        judged = (signature != 0) & ~side.error
        case, signature = side.case[judged], signature[judged]
        if case.size:
            starts = np.flatnonzero(np.diff(case, prepend=-1))
            there = case[starts]
            lowest[there] = np.minimum(lowest[there], np.minimum.reduceat(signature, starts))
            highest[there] = np.maximum(highest[there], np.maximum.reduceat(signature, starts))
    mixed = (highest > 0) & (lowest != highest)
    return [paired.case_ids[int(at)].as_py() for at in np.flatnonzero(mixed)]


def _changed_scorers(paired: Paired) -> Iterator[Obstacle]:
    """The same scorer in another version is another judge."""
    versions = [_versions(side.run) for side in (paired.old, paired.new)]
    changed = {
        name: (sorted(versions[0][name]), sorted(versions[1][name]))
        for name in sorted(versions[0].keys() & versions[1].keys())
        if versions[0][name] != versions[1][name]
    }
    if changed:
        shown = "; ".join(
            f"{name!r} is {'/'.join(before)} in the baseline, {'/'.join(after)} in the candidate"
            for name, (before, after) in changed.items()
        )
        yield Obstacle(
            f"the scorer versions differ: {shown}",
            "scorer_version_differs",
            {name: {"baseline": b, "candidate": a} for name, (b, a) in changed.items()},
        )


def _versions(run: Run) -> dict[str, set[str]]:
    """Versions by scorer, as run.json states them and as the trials carry them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = {name: {version} for name, version in run.manifest.scorer_versions.items()}
    flat = pc.list_flatten(whole(run.trials["checks"]))
    scorer, version = pc.struct_field(flat, "scorer"), pc.struct_field(flat, "version")
    if all(len(pc.unique(values)) == 1 for values in (scorer, version)):  # no need to group
        scorer, version = scorer[:1], version[:1]
    pairs = pa.table({"scorer": scorer, "version": version})
    for row in pairs.group_by(["scorer", "version"]).aggregate([]).to_pylist():
        if row["scorer"] is not None and row["version"] is not None:
            found.setdefault(row["scorer"], set()).add(row["version"])
    return found


def _judged_differently(same: SameAnswers) -> Iterator[Obstacle]:
    """All answers are the same: a difference can only come from the evaluator."""
    if same.judged_differently and same.identical == same.compared:
        yield Obstacle(
            f"the evaluator changed: all {same.identical:,} answers are identical on both sides, "
            f"and {same.judged_differently:,} of them were judged differently",
            "evaluator_changed",
            same.evidence(),
        )


def _same_target(old: Run, new: Run, *, aa: bool) -> Iterator[Obstacle]:
    if aa or old.manifest.fingerprint != new.manifest.fingerprint:
        return
    yield Obstacle(
        "both sides are the same target: their fingerprints are identical "
        "(an A/A comparison is asked for with aa)",
        "same_target",
        {"fingerprint": old.manifest.fingerprint},
    )


def uneven_trials(paired: Paired) -> list[str]:
    """Cases whose trials do not line up: rows may be missing though nothing states how many.

    Line up: each case has as many trials on both sides, or each side has one number for all cases
    of an origin.
    """
    old, new = paired.old.counts, paired.new.counts
    unequal = old != new
    if not unequal.any():
        return []
    origin, _ = paired.codes("origin")
    ragged = np.zeros(paired.n_cases, dtype=bool)
    for code in np.unique(origin[unequal]).tolist():
        here = origin == code
        if any(np.unique(counts[here]).size > 1 for counts in (old, new)):
            ragged |= here & unequal
    return [paired.case_ids[int(at)].as_py() for at in np.flatnonzero(ragged)]


def stated_rate_differs(run: Run) -> tuple[float, float] | None:
    """The stated pass rate and that of the rows, where they disagree beyond rounding."""
    stated = run.manifest.stated_pass_rate
    column = "score" if run.manifest.outcome == "score" else "passed"
    values = as_floats(run.trials[column])
    values = values[~np.isnan(values)]
    if stated is None or values.size == 0:
        return None
    digits = max(len(f"{stated!r}".partition(".")[2]), 2)
    found = float(values.mean())
    return (stated, found) if abs(found - stated) > 0.5 * 10.0**-digits + 1e-9 else None


def _some(ids: Sequence[str], limit: int = 3) -> str:
    """``4 cases ('a', 'b', 'c' and 1 more)``."""
    shown = ", ".join(repr(item) for item in ids[:limit])
    more = f" and {len(ids) - limit:,} more" if len(ids) > limit else ""
    return f"{count(len(ids), 'case')} ({shown}{more})"
