"""A scorer or parameter that another library does not have: what to write instead."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ..errors import InputError, Problem
from .bounds import Bounds


def unknown(what: str, name: str, known: Sequence[str]) -> InputError:
    """The error for a name that is not among `known`: those near to it, else all."""
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.8)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"
    return InputError(f"{what} {name!r}", hint=hint)


def require_known(
    scorer: str,
    parameters: Mapping[str, Any],
    *,
    takes: Sequence[str],
    required: Collection[str],
    ours: Sequence[str],
) -> None:
    """Raise for parameters that the library's scorer does not take, and for missing ones.

    `ours` are parameters of the check beside those of the library and the bounds.
    """
    hint = f"it takes {', '.join([*takes, *ours, *Bounds.model_fields])}"
    problems = [
        Problem(f"{scorer} has no such parameter", field=key, hint=hint)
        for key in parameters
        if key not in takes
    ]
    problems += [
        Problem(f"{scorer}: this parameter is required", field=key, hint=hint)
        for key in takes
        if key in required and key not in parameters
    ]
    if problems:
        raise InputError(problems=problems)
