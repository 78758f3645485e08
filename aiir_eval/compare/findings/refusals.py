"""Does the candidate refuse more often, or less? Read from what it says."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...answers import refuses
from ..pairing import Floats, SideTrials, as_bools
from ..result import Finding
from .seen import Candidate, Seen, percent

LEAST_SHIFT = 0.03


def find(seen: Seen) -> Iterator[Candidate]:
    old, new = _refused(seen.paired.old), _refused(seen.paired.new)
    shift = seen.shift(seen.paired.old.case_means(old), seen.paired.new.case_means(new))
    if shift is None:
        return
    before, after = float(np.nanmean(old)), float(np.nanmean(new))
    more = "more" if shift.estimate > 0 else "less"
    yield Candidate(
        Finding(
            "refusal_shift",
            "warning",
            f"The candidate refuses {more} often: {percent(before)} of answers before, "
            f"{percent(after)} now.",
            {"baseline": before, "candidate": after, "difference": shift.estimate},
        ),
        pvalue=shift.pvalue,
        large_enough=abs(shift.estimate) >= LEAST_SHIFT,
    )


def _refused(side: SideTrials) -> Floats:
    """1 where a trial's answer opens with a refusal or was filtered, NaN where none is recorded."""
    import pyarrow.compute as pc

    output = side.column("output")
    said_no = as_bools(refuses(output))
    filtered = as_bools(pc.equal(side.column("finish_reason"), "content_filter"))
    known = as_bools(pc.is_valid(output)) & ~side.error
    return np.where(known, said_no | filtered, np.nan)
