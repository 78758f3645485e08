"""The three versions of the desk as targets: ``python:support_desk.versions:v1`` and so on.

The signatures name no case and no trial: the desk cannot know which case it is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from .controls import controls_of
from .desk import Desk, Message, Rng

Context = Sequence[Mapping[str, Any]]


@cache
def desk(version: str) -> Desk:
    """The desk with the controls of a version."""
    return Desk(controls_of(version))


def v1(
    input: str | Sequence[Message], *, context: Context | None = None, rng: Rng | None = None
) -> dict[str, Any]:
    """The desk as it was: no control is on."""
    return desk("v1").answer(input, context=context, rng=rng)


def v2(
    input: str | Sequence[Message], *, context: Context | None = None, rng: Rng | None = None
) -> dict[str, Any]:
    """The remediated desk: every control is on."""
    return desk("v2").answer(input, context=context, rng=rng)


def v3(
    input: str | Sequence[Message], *, context: Context | None = None, rng: Rng | None = None
) -> dict[str, Any]:
    """A later release: the retrieval filter is stricter, and monitoring was lost on the way."""
    return desk("v3").answer(input, context=context, rng=rng)
