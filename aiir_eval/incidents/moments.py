"""How a record states a time: in UTC, as exactly as it is known and no more.

``2023-03-20T09:15:00Z`` where the time is known; of public incidents often only the day
(``2023-03-20``), the month (``2023-03``) or the year (``"2023"``) is, and then that is what stands
there.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

_YEAR = re.compile(r"\d{4}\Z", re.ASCII)
_MONTH = re.compile(r"(\d{4})-(\d{2})\Z", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|\+00:00)\Z", re.ASCII)
_EXACT = "write UTC, ISO 8601, such as 2024-02-14T09:30:00Z"


def span(text: str) -> tuple[datetime, datetime]:
    """The first and last instant a stated time may mean; raises ValueError where it is none."""
    if _YEAR.match(text):
        return span(f"{text}-01")[0], span(f"{text}-12")[1]
    if match := _MONTH.match(text):
        year, month = int(match[1]), int(match[2])
        first = datetime(year, month, 1, tzinfo=UTC)
        following = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
        return first, following - timedelta(microseconds=1)
    if _DAY.match(text):
        first = datetime.fromisoformat(text).replace(tzinfo=UTC)
        return first, first + timedelta(days=1) - timedelta(microseconds=1)
    if _TIME.match(text):
        instant = datetime.fromisoformat(text)
        return instant, instant
    raise ValueError(f"not a time; {_EXACT}, or a day, month or year where no more is known")


def _is_moment(text: str) -> str:
    span(text)
    return text


def _is_instant(text: str) -> str:
    if not _TIME.match(text):
        raise ValueError(f"not an exact time; {_EXACT}")
    span(text)
    return text


Moment = Annotated[
    str, AfterValidator(_is_moment), Field(description="UTC; a day, month or year will do")
]
Instant = Annotated[str, AfterValidator(_is_instant), Field(description="UTC, ISO 8601")]
