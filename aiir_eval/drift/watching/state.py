"""What a monitor remembers between two looks: one JSON file (aiir/drift-watch/1)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ...documents import Document, locked, read_json, validate, write_json
from ...errors import DocumentError
from ...stats.detectors import N_STAKES, FalseAlarms
from ..declared import Direction

_STRICT = ConfigDict(extra="forbid", populate_by_name=True, allow_inf_nan=False)

Unit = Literal["rows", "looks"]
ScaleKind = Literal["rate", "bounded", "rank"]
Share = Annotated[float, Field(ge=0, le=1)]


class Scale(BaseModel):
    """How values become numbers in [0, 1].

    A rate as it is; bounded values by their place between `low` and `high`; others by their rank
    among `points` of the reference: the share of points below, and half of those equal.
    """

    model_config = _STRICT

    kind: ScaleKind
    low: float = 0.0
    high: float = 1.0
    points: list[float] = Field(default_factory=list)

    @model_validator(mode="after")
    def _whole(self) -> Scale:
        if not self.low < self.high:
            raise ValueError("low must be below high")
        if (self.kind == "rank") != bool(self.points) or self.points != sorted(self.points):
            raise ValueError("a rank needs points in order, and nothing else has them")
        return self


class Watched(BaseModel):
    """A column in one bad direction. `level` and `limit` are on the scale of [0, 1].

    `variance` is that of one row (cluster), `between` that of whole looks besides, null where it is
    not known. `log_wealth` is the evidence of each stake since the last acknowledgement, null for
    none.
    """

    model_config = _STRICT

    column: str
    direction: Direction
    scale: Scale
    level: Share | None
    limit: Share
    variance: Annotated[float, Field(ge=0)]
    between: Annotated[float, Field(ge=0)] | None = None
    log_wealth: list[float | None] = Field(min_length=N_STAKES, max_length=N_STAKES)
    alarmed_at: datetime | None = None


class Seen(BaseModel):
    """What one look showed of a column: its mean in [0, 1], of so many rows (or clusters)."""

    model_config = _STRICT

    n: Annotated[int, Field(ge=1)]
    units: Annotated[int, Field(ge=1)]
    mean: Share


class Look(BaseModel):
    """A table that was looked at; `seen` is in the order of the watched columns."""

    model_config = _STRICT

    at: datetime
    name: str
    digest: str
    n: int
    seen: list[Seen]


class Reference(BaseModel):
    """What quiet was learned from; `days` are those its bound reckons with, 1 without dates."""

    model_config = _STRICT

    name: str
    digest: str
    n: int
    days: Annotated[int, Field(ge=1)] = 1


class Event(BaseModel):
    """An alarm, its acknowledgement, or a new beginning."""

    model_config = _STRICT

    at: datetime
    kind: Literal["alarm", "acknowledged", "reset"]
    text: str


class Promise(BaseModel):
    """What was promised of false alarms: one in so many looks on average, or ever with a chance."""

    model_config = _STRICT

    looks: Annotated[float, Field(gt=1)] | None = None
    alpha: Annotated[float, Field(gt=0, lt=1)] | None = None

    @model_validator(mode="after")
    def _one(self) -> Promise:
        if (self.looks is None) == (self.alpha is None):
            raise ValueError("give either looks or alpha")
        return self

    def shared_by(self, columns: int) -> FalseAlarms:
        """The promise of each column, so that all together keep it."""
        if self.looks is not None:
            return FalseAlarms(looks=self.looks * columns)
        assert self.alpha is not None
        return FalseAlarms(alpha=self.alpha / columns)

    def __str__(self) -> str:
        if self.looks is not None:
            return (
                f"at most one false alarm in {self.looks:g} looks on average, and one within the "
                f"first n looks with a chance of at most n / {self.looks:g}"
            )
        return f"a false alarm, ever, with a chance of at most {self.alpha:g}"


class Options(BaseModel):
    """What the monitor was begun with; a later look may repeat it, and not change it."""

    model_config = _STRICT

    primary: list[str] = Field(min_length=1)
    promise: Promise
    cluster: str | None = None
    unit: Unit = "looks"
    min_effect: dict[str, float] = Field(default_factory=dict)
    bounds: dict[str, tuple[float, float]] = Field(default_factory=dict)
    limits: dict[str, float] = Field(default_factory=dict)


class WatchState(BaseModel):
    """The whole file. `cycle` is the number of looks before the last acknowledgement or reset."""

    model_config = _STRICT

    schema_: Literal["aiir/drift-watch/1"] = Field("aiir/drift-watch/1", alias="schema")
    options: Options
    reference: Reference | None = None
    columns: list[Watched] = Field(default_factory=list)
    looks: list[Look] = Field(default_factory=list)
    cycle: Annotated[int, Field(ge=0)] = 0
    events: list[Event] = Field(default_factory=list)

    @model_validator(mode="after")
    def _consistent(self) -> WatchState:
        if self.cycle > len(self.looks):
            raise ValueError(f"cycle {self.cycle} is beyond the {len(self.looks)} looks")
        for look in self.looks[self.cycle :]:
            if len(look.seen) != len(self.columns):
                raise ValueError(f"the look at {look.name} has {len(look.seen)} columns")
        return self

    @property
    def alarmed(self) -> bool:
        return any(column.alarmed_at is not None for column in self.columns)


@contextmanager
def held(path: str | Path) -> Iterator[None]:
    """Keep a second run from reading the state before this one has written it."""
    with locked(path):
        yield


def load_state(path: str | Path) -> WatchState | None:
    """The state; None where there is no file yet."""
    if not Path(path).exists():
        return None
    try:
        return validate(WatchState, Document(str(path), read_json(path)))
    except DocumentError as error:
        raise DocumentError(
            "the state of this monitor cannot be read; nothing was changed",
            file=str(path),
            hint="take it from a backup, or move the file away to begin anew",
            problems=error.problems,
        ) from None


def save_state(path: str | Path, state: WatchState) -> None:
    """Write the state, whole or not at all."""
    write_json(path, state.model_dump(mode="json", by_alias=True))
