"""What shape does an interval have, and which level may it be of?"""

from __future__ import annotations

from typing import NamedTuple


class ConfidenceInterval(NamedTuple):
    """Two ends of an interval, in the units of the estimate."""

    low: float
    high: float


def checked_level(confidence_level: float) -> float:
    """The level, if it is one."""
    if not 0 < confidence_level < 1:
        raise ValueError(f"confidence_level: {confidence_level} is not between 0 and 1")
    return confidence_level
