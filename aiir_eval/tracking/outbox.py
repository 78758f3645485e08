"""What is to be written into MLflow, as plain data: sent, or kept on disk until a server answers.

A record is one file ``OUTBOX/ID.json``. Sending it twice, or again after the connection broke half
way, leaves each of its runs once: a run is known by the id of its record.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import uuid4

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidatorFunctionWrapHandler,
    WrapSerializer,
    WrapValidator,
)

from ..documents import Document, read_json, validate, write_json
from ..errors import InputError, UnreachableError
from .entries import Entries
from .stores import Store, resolve_store
from .traces import RunTraces, TrialTrace
from .writing import open_experiment

if TYPE_CHECKING:
    from collections.abc import Callable

OUTBOX = ".aiir/outbox"
_FORBID = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def _as_they_are(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    return value if isinstance(value, RunTraces) else read(value)


def _as_a_list(value: Sequence[TrialTrace], write: SerializerFunctionWrapHandler) -> Any:
    return write(list(value))


class Planned(BaseModel):
    """One MLflow run to be written; `parent` is its number among the runs of the record."""

    model_config = _FORBID

    entries: Entries
    files: dict[str, Any]  # texts or JSON, by path
    datasets: list[dict[str, str]] = Field(default_factory=list)  # as MLflow's `to_dict` says
    parent: int | None = None
    figures: dict[str, str] = Field(default_factory=dict)  # PNG as base64, by path
    models: list[str] = Field(default_factory=list)  # models:/NAME/VERSION that the run used
    traces: Annotated[
        Sequence[TrialTrace], WrapValidator(_as_they_are), WrapSerializer(_as_a_list)
    ] = ()


class Record(BaseModel):
    """A result as the runs it becomes; `uri` is where it was to go, None where that is secret."""

    model_config = _FORBID

    schema_: Literal["aiir/outbox/1"] = Field(default="aiir/outbox/1", alias="schema")
    id: str = Field(default_factory=lambda: uuid4().hex)
    what: str  # "verdict", "report"
    experiment: str
    uri: str | None = None
    at: int = Field(default_factory=lambda: int(time.time() * 1000))  # milliseconds, UTC
    runs: list[Planned]

    @property
    def name(self) -> str:
        """What the record is of."""
        return self.runs[0].entries.name

    @property
    def when(self) -> datetime:
        return datetime.fromtimestamp(self.at / 1000, UTC)


class Sent(BaseModel):
    """Where a record stands now: the ids of its runs, in order; `uri` without secrets."""

    model_config = _FORBID

    run_ids: list[str]
    uri: str
    url: str | None


def deliver(record: Record, uri: str | None, *, outbox: str | Path | None) -> Sent:
    """Send a record; where no server answers it is kept in `outbox`, and the error says so."""
    try:
        return send(record, uri)
    except UnreachableError as error:
        if outbox is None:
            raise
        path = _keep(record, resolve_store(uri), Path(outbox))
        raise UnreachableError(
            f"{error}\nkept in {path}; type: aiir track push"
            + ("" if path.parent == Path(OUTBOX) else f" --outbox {path.parent}")
        ) from None


def send(record: Record, uri: str | None) -> Sent:
    """Write the runs of a record; those that were written by an earlier try are left."""
    with open_experiment(uri, record.experiment, what=record.what) as place:
        ids: list[str] = []
        for number, planned in enumerate(record.runs):
            parent = None if planned.parent is None else ids[planned.parent]
            tag = f"{record.id}.{number}"
            ids.append(
                place.written(tag)
                or place.write(
                    planned.entries,
                    planned.files,
                    figures=planned.figures,
                    inputs=_dataset_inputs(planned.datasets),
                    models=planned.models,
                    parent=parent,
                    at=record.at,
                    record=tag,
                    traces=planned.traces,
                )
            )
    return Sent(run_ids=ids, uri=place.store.shown, url=place.url(ids[0]))


def pending(outbox: str | Path = OUTBOX) -> Iterator[tuple[Path, Record | InputError]]:
    """The records that are kept, the oldest first; one that cannot be read is its error."""
    found: list[tuple[Path, Record | InputError]] = []
    for path in sorted(Path(outbox).glob("*.json")):
        try:
            found.append((path, validate(Record, Document(str(path), read_json(path)))))
        except InputError as error:
            found.append((path, error))
    yield from sorted(found, key=lambda pair: getattr(pair[1], "at", 0))


def push(
    uri: str | None = None,
    *,
    outbox: str | Path = OUTBOX,
    told: Callable[[Record, Sent], object] | None = None,
) -> tuple[list[Sent], list[InputError]]:
    """Send every record that is kept, the oldest first, and remove it once it stands.

    Parameters
    ----------
    uri : str, optional
        Where to; by default where each was to go.
    outbox : path
        Where records are kept.
    told : callable, optional
        Called after each with the record and where it stands.

    Returns
    -------
    (list of Sent, list of InputError)
        What was sent, and what could not be read or was refused (it stays where it is).

    Raises
    ------
    UnreachableError
        No server answers; what was not sent stays.
    """
    sent: list[Sent] = []
    refused: list[InputError] = []
    for path, record in pending(outbox):
        if isinstance(record, InputError):
            refused.append(record)
            continue
        try:
            place = uri or record.uri
            if place is None:
                hint = "its address had a password, which is not kept: name it with --mlflow"
                raise InputError("where to?", file=str(path), hint=hint)
            done = send(record, place)
        except InputError as error:
            refused.append(error)
            continue
        path.unlink()
        sent.append(done)
        if told is not None:
            told(record, done)
    return sent, refused


def _keep(record: Record, store: Store, outbox: Path) -> Path:
    """Write a record whole; the address only where it holds no secret."""
    open_address = store.uri if store.uri == store.shown else None
    kept = record.model_copy(update={"uri": open_address})
    path = outbox / f"{kept.when:%Y%m%dT%H%M%S}-{kept.id[:12]}.json"
    write_json(path, _finite(kept.model_dump(by_alias=True)))
    return path


def _finite(value: Any) -> Any:
    """What JSON lacks (NaN, inf) as null, as it is sent too."""
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def _dataset_inputs(datasets: Sequence[Mapping[str, str]]) -> list[Any]:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    tags = [InputTag("mlflow.data.context", "evaluation")]
    return [DatasetInput(Dataset(**dict(each)), tags) for each in datasets]
