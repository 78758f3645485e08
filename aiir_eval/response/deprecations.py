"""Which models in use are retired, or soon will be, by a feed of retirements."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

from ..incidents.index import Entry
from ..incidents.unfinished import is_known
from ..targets.config import Config
from .vendor_feed import Feed, Retirement

State = Literal["retired", "retiring", "announced", "impossible_dates", "no_date", "not_in_feed"]
STATES: tuple[State, ...] = (
    "retired", "retiring", "impossible_dates", "announced", "no_date", "not_in_feed",
)  # fmt: skip
_WITHOUT_MODEL = ("python", "recorded", "command")  # schemes of targets whose name is no model
_MODEL_PARAMS = ("model", "model_name", "model_id")


@dataclass(frozen=True, slots=True)
class ModelCheck:
    """A model in use against one row of the feed, or against none."""

    model: str
    used_by: tuple[str, ...]
    state: State
    retirement: Retirement | None = None
    days_left: int | None = None

    def to_mapping(self) -> dict[str, Any]:
        """As JSON data."""
        row = self.retirement
        return {
            "model": self.model,
            "used_by": list(self.used_by),
            "state": self.state,
            "provider": None if row is None else row.provider,
            "shutdown_date": _day(row.shutdown if row else None),
            "announcement_date": _day(row.announced if row else None),
            "days_left": self.days_left,
            "replacement_models": [] if row is None else list(row.replacements),
            "doubt": None if row is None else row.doubt,
            "url": None if row is None else row.url,
        }


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def exit_code(checks: Iterable[ModelCheck]) -> int:
    """1: a model is retired or retires soon. 3: dates of one cannot be true. 0: neither."""
    states = {each.state for each in checks}
    return 1 if states & {"retired", "retiring"} else 3 if "impossible_dates" in states else 0


def check_models(
    models: Mapping[str, Iterable[str]], feed: Feed, *, today: date, within: timedelta
) -> list[ModelCheck]:
    """Each model in use (with who uses it) against the feed, the most pressing first.

    A model is found by its whole name, whatever the case; ``PROVIDER/MODEL`` by that provider's
    rows, where it has any. ``not_in_feed`` says nothing but that.
    """
    by_name: dict[str, list[Retirement]] = {}
    for each in feed.retirements:
        name = each.model.casefold()
        by_name.setdefault(name, []).append(each)
        by_name.setdefault(f"{each.provider.casefold()}/{name}", []).append(each)
    checks = []
    for model, users in models.items():
        name = model.strip().casefold()
        rows = by_name.get(name) or by_name.get(name.rpartition("/")[2]) or []
        used_by = tuple(dict.fromkeys(users))
        if not rows:
            checks.append(ModelCheck(model, used_by, "not_in_feed"))
        for row in dict.fromkeys(rows):
            state, left = _judge(row, today, within)
            checks.append(ModelCheck(model, used_by, state, row, left))
    return sorted(
        checks, key=lambda each: (STATES.index(each.state), each.days_left or 0, each.model)
    )


def _judge(row: Retirement, today: date, within: timedelta) -> tuple[State, int | None]:
    if row.doubt is not None:
        return "impossible_dates", None
    if row.shutdown is None:
        return "no_date", None
    left = row.shutdown - today
    if left.days <= 0:
        return "retired", left.days
    return ("retiring" if left <= within else "announced"), left.days


def models_of_config(config: Config) -> dict[str, list[str]]:
    """The models that the targets of aiir.yaml name, each with those targets."""
    found: dict[str, list[str]] = {}
    for name, spec in config.targets.items():
        scheme, _, rest = spec.uri.partition(":")
        named = [] if scheme in _WITHOUT_MODEL else [rest]
        named += [str(spec.params[key]) for key in _MODEL_PARAMS if key in spec.params]
        for model in named:
            found.setdefault(model, []).append(name)
    return found


def models_of_register(entries: Iterable[Entry], feed: Feed) -> dict[str, list[str]]:
    """The models that records name, each with those records; a reconstructed one is not ours.

    A record may name several models in a sentence: the names of the feed are looked for in it.
    """
    known = {each.model.casefold() for each in feed.retirements}
    found: dict[str, list[str]] = {}
    for entry in entries:
        if entry.reconstructed or not is_known(entry.model):
            continue
        words = [word.strip(".,;:()'\"") for word in re.split(r"[\s,;]+", entry.model)]
        named = [word for word in words if word.casefold() in known]
        for model in named or [entry.model]:
            found.setdefault(model, []).append(entry.id)
    return found
