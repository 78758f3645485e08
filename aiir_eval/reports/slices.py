"""Which slices and checks of a comparison a reader should see first."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..compare.result import CheckComparison, Comparison, Slice


def slices_worth_seeing(comparison: Comparison, limit: int) -> list[Slice]:
    """Slices that regressed, then those that improved, then the largest others, up to `limit`.

    The same cases under two keys (an incident is also a cluster) are shown once.
    """
    order = {"regressed": 0, "improved": 1}
    ranked = sorted(
        comparison.slices,
        key=lambda item: (order.get(item.conclusion, 2), -abs(item.difference), -item.n_cases),
    )
    seen: set[tuple[object, ...]] = set()
    different = []
    for item in ranked:
        what = (item.value, item.n_cases, item.difference, item.low, item.high)
        if what not in seen:
            seen.add(what)
            different.append(item)
    return different[:limit]


def checks_worth_seeing(comparison: Comparison) -> list[CheckComparison]:
    """Checks on which a case flipped, the largest differences first.

    Nothing for a run with one check: that is the comparison itself.
    """
    if len(comparison.checks) < 2:
        return []
    moved = [check for check in comparison.checks if check.flips.broke or check.flips.fixed]
    return sorted(moved, key=lambda check: -abs(check.difference.estimate))
