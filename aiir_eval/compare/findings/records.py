"""Do the records themselves raise doubts: errors, missing rows, a headline that disagrees?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...words import count
from ..comparability import stated_rate_differs, uneven_trials
from ..result import Finding
from .seen import Candidate, Seen, percent


def find(seen: Seen) -> Iterator[Candidate]:
    yield from _errors(seen)
    yield from _uneven(seen)
    yield from _stated(seen)


def _errors(seen: Seen) -> Iterator[Candidate]:
    """Any error is worth a word: an errored trial has no outcome."""
    old, new = seen.paired.old, seen.paired.new
    if not (old.error.any() or new.error.any()):
        return
    before, after = float(old.error.mean()), float(new.error.mean())
    shift = seen.shift(
        old.case_means(old.error.astype(np.float64)), new.case_means(new.error.astype(np.float64))
    )
    left_out = seen.paired.n_cases - int(seen.paired.has_outcome.sum())
    without = f"; without an outcome and left out: {count(left_out, 'case')}" if left_out else ""
    yield Candidate(
        Finding(
            "error_rate_shift",
            "error" if shift is not None and shift.pvalue <= seen.alpha else "warning",
            f"{int(old.error.sum()):,} trials of the baseline errored ({percent(before)}) and "
            f"{int(new.error.sum()):,} of the candidate ({percent(after)}); "
            f"errored trials have no outcome{without}.",
            {
                "baseline": {"errors": int(old.error.sum()), "rate": before},
                "candidate": {"errors": int(new.error.sum()), "rate": after},
                "cases_left_out": left_out,
                "pvalue": None if shift is None else shift.pvalue,
            },
        )
    )


def _uneven(seen: Seen) -> Iterator[Candidate]:
    uneven = uneven_trials(seen.paired)
    if uneven:
        yield Candidate(
            Finding(
                "incomplete_run",
                "warning",
                f"{len(uneven):,} cases have another number of trials on one side than on the "
                "other while the rest line up: rows may be missing.",
                {"cases": len(uneven), "examples": uneven[:5]},
            )
        )


def _stated(seen: Seen) -> Iterator[Candidate]:
    for side, name in ((seen.paired.old, "baseline"), (seen.paired.new, "candidate")):
        differs = stated_rate_differs(side.run)
        if differs is None:
            continue
        stated, found = differs
        yield Candidate(
            Finding(
                "aggregate_mismatch",
                "error",
                f"The {name} is stated to pass at {percent(stated)}, its rows say {percent(found)}:"
                " rows are missing, or the headline is of something else.",
                {"side": name, "stated": stated, "rows": found},
            )
        )
