"""What a suite may not decide alone: scorers that run only when the user names them."""

from __future__ import annotations

from collections.abc import Collection

from ..errors import InputError


def require_named(scorer: str, allowed: Collection[str], why: str, *, instead: str = "") -> None:
    """Raises InputError unless `allowed` holds the scorer (``python:`` in front may be left out).

    `why` says what is wrong with running it unasked: "is code", "asks a model".
    """
    if _short(scorer) in {_short(name) for name in allowed}:
        return
    raise InputError(
        f"the scorer {scorer} {why}, and a suite may not decide to run it",
        hint=f"if you trust it, type: --allow-scorer {scorer} "
        f"(in Python: allow_python=[{scorer!r}]), or name it under scorers: in aiir.yaml{instead}",
    )


def _short(name: str) -> str:
    return name.removeprefix("python:")
