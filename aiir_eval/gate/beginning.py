"""May a sequential gate begin: what are its sides, and can they be compared at all?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from ..compare.comparability import obstacles
from ..compare.identical import same_answers
from ..compare.pairing import pair
from ..errors import InputError
from ..runs.model import Run, is_run, load_run
from ..runs.running import AnyTarget, Begun

Version: TypeAlias = "Run | AnyTarget | Path"
SAME_TARGET = (
    "both sides are the same target: their fingerprints are identical "
    "(an A/A comparison is asked for with aa)"
)


def nothing_to_save() -> InputError:
    """The error where both sides are recorded."""
    return InputError(
        "both sides are recorded runs: no call can be saved by stopping early",
        hint="leave out --sequential and gate the runs as they are",
    )


def as_run(side: Version) -> Run | None:
    """A side that is recorded, as its run; None where it is a target."""
    if isinstance(side, Run):
        return side
    if isinstance(side, str | Path) and (is_run(side) or isinstance(side, Path)):
        return load_run(side)
    return None


def reasons_not_to_begin(sides: Sequence[Run | Begun], *, aa: bool) -> list[str]:
    """Why the verdict would be invalid whatever the trials say: known before the first of them."""
    begun = [side for side in sides if isinstance(side, Begun)]
    if len(begun) == 2:
        same = begun[0].manifest.fingerprint == begun[1].manifest.fingerprint
        return [SAME_TARGET] if same and not aa else []
    (recorded,) = [side for side in sides if isinstance(side, Run)]
    wanted, there = set(begun[0].manifest.trials), set(recorded.manifest.trials)
    if wanted != there:
        return [
            f"the case sets differ: {len(there - wanted):,} cases only in the recorded run, "
            f"{len(wanted - there):,} only in the suite"
        ]
    # As if the target had given the recorded answers: what is left are differences of the records.
    update = {
        "trials": recorded.manifest.trials,
        "n_rows": recorded.manifest.n_rows,
        "status": "complete",
    }
    mirror = Run(
        begun[0].manifest.model_copy(update=update), recorded.trials, None, begun[0].suite.cases
    )
    first = isinstance(sides[0], Run)
    paired = pair(recorded, mirror) if first else pair(mirror, recorded)
    other = f"the {'candidate' if first else 'baseline'} "
    return [
        obstacle.message
        for obstacle in obstacles(paired, same_answers(paired), aa=aa)
        if not obstacle.message.removeprefix("every trial of ").startswith(other)
    ]
