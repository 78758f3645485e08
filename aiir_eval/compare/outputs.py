"""What did the trials say? The outputs of both sides, each different text once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .columns import Bools, Floats, Ints, as_bools, as_floats, as_ints

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Outputs:
    """The different texts, and which of them each trial of a side gave; -1 where it gave none.

    Trials repeat what others said, on the other side above all, so a text is looked at once.
    """

    texts: Any  # pa.Array of text
    old: Ints
    new: Ints

    @property
    def recorded(self) -> tuple[Bools, Bools]:
        """Trials of either side whose output was recorded."""
        return self.old >= 0, self.new >= 0

    def told(self, ask: Callable[[Any], Any]) -> tuple[Bools, Bools]:
        """What `ask` tells of the output of each trial; false where none was recorded."""
        told = np.append(as_bools(ask(self.texts)), False)
        return np.take(told, self.old), np.take(told, self.new)  # -1 is the last

    def measured(self, measure: Callable[[Any], Any]) -> tuple[Floats, Floats]:
        """What `measure` says of the output of each trial, NaN where none was recorded."""
        values = np.append(as_floats(measure(self.texts)), np.nan)
        return np.take(values, self.old), np.take(values, self.new)


def outputs_of(old: pa.ChunkedArray, new: pa.ChunkedArray) -> Outputs:
    """The outputs of two sides, in the order of their trials."""
    import pyarrow as pa

    both = pa.chunked_array([*old.chunks, *new.chunks], old.type).dictionary_encode()
    if both.num_chunks == 0:
        return Outputs(pa.array([], pa.string()), np.empty(0, np.int64), np.empty(0, np.int64))
    codes = np.concatenate([as_ints(chunk.indices, null=-1) for chunk in both.chunks])
    return Outputs(both.chunk(0).dictionary, codes[: len(old)], codes[len(old) :])
