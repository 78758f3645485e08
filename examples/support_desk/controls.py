"""Which controls does a version have? Six switches; the versions differ in nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

RetrievalFilter = Literal["off", "dates", "lineage"]


@dataclass(frozen=True, slots=True)
class Controls:
    """The controls in force. Everything is off unless it is switched on.

    validation        an answer rests on a document about the question, a quote has the listed
                      price, and the tone is the house's own
    retrieval_filter  ``dates``: no document past its last day, no orders from other people's text;
                      ``lineage``: moreover no document that a newer one has replaced
    approval_gate     paying, deleting and turning somebody down wait for a person's yes
    permission        a record is shown to the customer it belongs to
    monitoring        a garbled answer is noticed, and the last good composer takes over
    fallback          when a supplier does not answer, the next one is asked
    """

    validation: bool = False
    retrieval_filter: RetrievalFilter = "off"
    approval_gate: bool = False
    permission: bool = False
    monitoring: bool = False
    fallback: bool = False

    def __post_init__(self) -> None:
        if self.retrieval_filter not in get_args(RetrievalFilter):
            raise ValueError(
                f"retrieval_filter is {self.retrieval_filter!r}; "
                f"choose one of {', '.join(get_args(RetrievalFilter))}"
            )


def controls_of(version: str) -> Controls:
    """The controls that `versions.json` switches on for a version."""
    switches = json.loads(Path(__file__).with_name("versions.json").read_text(encoding="utf-8"))
    return Controls(**switches[version])
