"""Which columns are made from a column: itself, or what can be told from it?

The seam for kinds of columns that are no numbers, truths or levels as they stand. `expand` gets a
pair as it was read and gives what is to be tested in its place, in the order of the report: pairs
of columns (the length of a text, the hour of a timestamp, whether a value is missing), the facts of
a test of its own (`TestedFacts`), or the reason why nothing is (`Skipped`).
"""

from __future__ import annotations

from collections.abc import Sequence

from .columns import Pair
from .facts import Facts, Skipped


def expand(pair: Pair) -> Sequence[Pair | Facts | Skipped]:
    """What is tested in the place of a column."""
    return [pair]
