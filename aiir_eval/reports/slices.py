"""Which slices of a comparison a reader should see first."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..compare.result import Comparison, Slice


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
