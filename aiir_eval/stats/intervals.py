"""What shape does an interval have?"""

from __future__ import annotations

from typing import NamedTuple


class ConfidenceInterval(NamedTuple):
    """Two ends of an interval, in the units of the estimate."""

    low: float
    high: float
