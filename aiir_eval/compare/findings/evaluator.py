"""Did the evaluator change rather than the answers?"""

from __future__ import annotations

from collections.abc import Iterator

from ..result import Finding
from .seen import Candidate, Seen


def find(seen: Seen) -> Iterator[Candidate]:
    """Identical answers that were judged differently (all of them identical: not comparable)."""
    same = seen.same
    if not same.judged_differently or same.identical == same.compared:
        return
    yield Candidate(
        Finding(
            "evaluator_changed",
            "warning",
            f"{same.judged_differently:,} of {same.identical:,} answers that are identical on both "
            "sides were judged differently: the evaluator changed, or does not judge alike twice.",
            same.evidence(),
        )
    )
