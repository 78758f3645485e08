"""One call of a tool that a target made: what targets report, runs record and scorers judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool's name and the arguments it was called with."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
