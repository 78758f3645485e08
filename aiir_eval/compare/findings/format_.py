"""Did the form of the answers break what they say? Fences, empty or cut answers, strict checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...answers import has_fence, is_blank, is_json
from ..columns import Bools, Floats, as_bools
from ..pairing import Paired, SideTrials
from ..result import Finding
from .seen import Candidate, Seen, percent

LEAST_SHIFT = 0.1  # of the share of answers that have the mark
LEAST_EXPLAINED = 0.5  # share of what broke that has to go with it
NESTED = 0.98  # share of the answers passing the strict check that pass the lenient one too


def find(seen: Seen) -> Iterator[Candidate]:
    yield from _strict_checks(seen)
    yield from _marks(seen)


def _strict_checks(seen: Seen) -> Iterator[Candidate]:
    """A strict check falls while a lenient one, which passes all that it passes, does not.

    What an answer that passes the lenient check lacks is form. Its share is tested by case.
    """
    if seen.paired.graded:
        return
    sides = (seen.paired.old, seen.paired.new)
    names = [check.check for check in seen.checks]
    codes = {name: seen.paired.check_names.index(name) for name in names}
    for strict, fall, *_ in seen.fell:
        if strict not in codes:
            continue
        for lenient in names:
            if lenient == strict:
                continue
            pairs = [
                (
                    seen.paired.check_values(side, codes[strict]),
                    seen.paired.check_values(side, codes[lenient]),
                )
                for side in sides
            ]
            if not all(is_nested(*pair) for pair in pairs):
                continue
            only_form = [
                side.case_means(_only_form_fails(*pair))
                for side, pair in zip(sides, pairs, strict=True)
            ]
            shift = seen.shift(*only_form)
            if shift is None:
                continue
            explained = shift.estimate / -fall.estimate
            before, after = (float(np.nanmean(means)) for means in only_form)
            other = next(c.difference.estimate for c in seen.checks if c.check == lenient)
            yield Candidate(
                Finding(
                    "format_break",
                    "warning",
                    f"{strict!r} changed by {100 * fall.estimate:+.1f} points but {lenient!r}, "
                    f"which passes whatever passes {strict!r}, by {100 * other:+.1f}: the form of "
                    "the answers broke, not what they say.",
                    {
                        "check": strict,
                        "lenient_check": lenient,
                        "difference": fall.estimate,
                        "lenient_difference": other,
                        "fails_in_form_only": {"baseline": before, "candidate": after},
                    },
                ),
                pvalue=shift.pvalue,
                large_enough=explained >= LEAST_EXPLAINED,
            )


def is_nested(strict: Floats, lenient: Floats) -> bool:
    """Whether what passes the strict check passes the lenient one, too (all but a few)."""
    both = ~np.isnan(strict) & ~np.isnan(lenient)
    passes = both & (strict == 1)
    if not passes.any():  # a side where nothing passes the strict check contradicts nothing
        return bool(both.any())
    return float((lenient[passes] == 1).mean()) >= NESTED


def _only_form_fails(strict: Floats, lenient: Floats) -> Floats:
    both = ~np.isnan(strict) & ~np.isnan(lenient)
    return np.where(both, (strict == 0) & (lenient == 1), np.nan)


@dataclass(frozen=True, slots=True)
class _Mark:
    name: str
    of: Callable[[Paired], tuple[Bools, Bools]]
    appears: str | None  # what is said when it appears, and when it goes
    goes: str | None


def _marks(seen: Seen) -> Iterator[Candidate]:
    """A mark of form appears or goes, and most of what broke goes with it."""
    if not seen.fell or not all(side.any() for side in seen.answered):
        return
    for mark in _MARKS:
        marked = mark.of(seen.paired)
        if not any(side.any() for side in marked):
            continue
        before, after = (
            side.case_means(np.where(there, has_it, np.nan))
            for side, there, has_it in zip(seen.paired.sides, seen.answered, marked, strict=True)
        )
        shift = seen.shift(before, after)
        if shift is None:
            continue
        text = mark.appears if shift.estimate > 0 else mark.goes
        if text is None:
            continue
        changed = np.sign(after - before) == np.sign(shift.estimate)
        share, goes_with_it = max(
            (_explained(old, new, changed) for _, _, old, new in seen.fell), default=(0.0, False)
        )
        yield Candidate(
            Finding(
                "format_break",
                "warning",
                f"{text} ({percent(float(np.nanmean(before)))} of answers before, "
                f"{percent(float(np.nanmean(after)))} now), and {percent(share)} of the cases that "
                "broke are among those that changed so: look at the form before the ability.",
                {
                    "mark": mark.name,
                    "baseline": float(np.nanmean(before)),
                    "candidate": float(np.nanmean(after)),
                    "share_of_broken": share,
                },
            ),
            pvalue=shift.pvalue,
            large_enough=abs(shift.estimate) >= LEAST_SHIFT
            and share >= LEAST_EXPLAINED
            and goes_with_it,
        )


def _explained(before: Floats, after: Floats, changed: Bools) -> tuple[float, bool]:
    """Share of broken cases that changed form, and whether those that did broke more often."""
    with np.errstate(invalid="ignore"):
        broke, could = after < before, before > 0
    if not broke.any():
        return 0.0, False
    share = float(changed[broke].mean())
    gone, kept = could & changed, could & ~changed
    rate_gone = float(broke[gone].mean()) if gone.any() else 0.0
    rate_kept = float(broke[kept].mean()) if kept.any() else 0.0
    return share, rate_gone >= rate_kept


def _told(ask: Callable[[Any], Any]) -> Callable[[Paired], tuple[Bools, Bools]]:
    return lambda paired: paired.outputs.told(ask)


def _empty(paired: Paired) -> tuple[Bools, Bools]:
    """Nothing said, and nothing done either."""
    old, new = paired.outputs.told(is_blank)
    return old & ~_called(paired.old), new & ~_called(paired.new)


def _called(side: SideTrials) -> Bools:
    import pyarrow.compute as pc

    return as_bools(pc.greater(pc.list_value_length(side.column("tool_calls")), 0))


def _cut(paired: Paired) -> tuple[Bools, Bools]:
    return _at_the_limit(paired.old), _at_the_limit(paired.new)


def _at_the_limit(side: SideTrials) -> Bools:
    import pyarrow.compute as pc

    return as_bools(pc.equal(side.column("finish_reason"), "length"))


_MARKS = (
    _Mark("code_fence", _told(has_fence), "Code fences (```) appeared", "Code fences (```) went"),
    _Mark("empty_output", _empty, "Empty answers appeared", None),
    _Mark("cut_off", _cut, "Answers are cut off at the token limit", None),
    _Mark("json", _told(is_json), None, "Answers are no longer JSON"),
)
