"""Which affected decisions have been reviewed, by whom, with what outcome?

The queue of an incident is kept beside its record, in ``.aiir/decisions/ID.jsonl`` (hidden from
git: it names people). It goes out as a table for the reviewers and comes back; a decision that is
in it stays in it, and what a review found is not written over by a table that knows less.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from ..documents import locked, read_jsonl, write_text
from ..errors import InputError, Problem
from ..incidents.folders import DERIVED, derived_folder
from ..incidents.moments import span

if TYPE_CHECKING:
    import pyarrow as pa

DecisionKind = Literal["customer", "employee", "financial", "legal", "operational"]
ReviewStatus = Literal["pending", "in_review", "reviewed"]
Outcome = Literal["upheld", "corrected", "reversed"]
KINDS: tuple[DecisionKind, ...] = get_args(DecisionKind)
STATUSES: tuple[ReviewStatus, ...] = get_args(ReviewStatus)
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
REVIEW = ("status", "reviewer", "reviewed_at", "outcome", "note")
_FACTS = ("decision", "row_id", "user", "record", "message", "system", "time", "version")
_TEXTS = ("input", "output")
COLUMNS = ("id", "kind", *_FACTS, *_TEXTS, *REVIEW)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_MAX_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Review:
    """What a reviewer says of a decision."""

    status: ReviewStatus = "pending"
    reviewer: str | None = None
    reviewed_at: str | None = None
    outcome: Outcome | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class QueuedDecision:
    """A decision that was affected, and its review; `history` holds reviews that were replaced."""

    id: str
    kind: DecisionKind
    facts: Mapping[str, str]
    review: Review = Review()
    history: tuple[Review, ...] = ()

    def to_mapping(self) -> dict[str, Any]:
        """As a line of the queue."""
        history = {"history": [asdict(each) for each in self.history]} if self.history else {}
        review = {name: value for name, value in asdict(self.review).items() if value is not None}
        return {"id": self.id, "kind": self.kind, **self.facts, **review, **history}

    @classmethod
    def from_mapping(cls, line: Mapping[str, Any]) -> QueuedDecision:
        return cls(
            id=line["id"],
            kind=line["kind"],
            facts={name: line[name] for name in _FACTS if name in line},
            review=Review(**{name: line[name] for name in REVIEW if name in line}),
            history=tuple(Review(**each) for each in line.get("history", ())),
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the review of an incident is: (reviewed, all) of each kind that there is."""

    by_kind: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    outcomes: Mapping[str, int] = field(default_factory=dict)
    in_review: int = 0

    @property
    def reviewed(self) -> int:
        return sum(done for done, _ in self.by_kind.values())

    @property
    def total(self) -> int:
        return sum(total for _, total in self.by_kind.values())

    @property
    def complete(self) -> bool:
        """Whether there is a queue, and each of its decisions is reviewed."""
        return 0 < self.total == self.reviewed

    def to_mapping(self) -> dict[str, Any]:
        return {
            "total": self.total,
            "reviewed": self.reviewed,
            "in_review": self.in_review,
            "complete": self.complete,
            "by_kind": {
                kind: {"reviewed": done, "total": total}
                for kind, (done, total) in self.by_kind.items()
            },
            "outcomes": dict(self.outcomes),
        }


@dataclass(frozen=True, slots=True)
class Conflict:
    """A decision that the queue and a table say different things of, each reviewed."""

    id: str
    kept: Review
    refused: Review


@dataclass(frozen=True, slots=True)
class Imported:
    """What a table of reviews changed; where the queue knew more, `kept` counts it."""

    changed: int
    unchanged: int
    kept: int
    conflicts: Sequence[Conflict]
    progress: Progress


def queue_decisions(
    incident_id: str,
    folder: str | Path,
    affected: Any,
    *,
    kind: DecisionKind = "customer",
    kinds_where: Sequence[tuple[DecisionKind, str]] = (),
    every_row: bool = False,
) -> tuple[list[QueuedDecision], pa.Table, int]:
    """Put affected decisions into an incident's queue.

    Parameters
    ----------
    incident_id : str
    folder : path
        Where the record is.
    affected : path or dataframe
        What `blast_radius` wrote, or any table with a column ``decision`` or ``row_id``.
    kind : str
        Of decisions that no predicate of `kinds_where` is true for.
    kinds_where : sequence of (kind, SQL)
        The first predicate that is true for a row says its kind.
    every_row : bool
        Rows without a decision are decisions, too: an answer is what was decided.

    Returns
    -------
    tuple
        The whole queue; the table for the reviewers, with input and output where the affected rows
        have them; and how many rows without a decision were left out.

    Raises
    ------
    InputError
        No such table or column; a predicate that cannot be answered.
    """
    from ..tables import read_table

    table = read_table(affected)
    rows, left_out = _rows(table, every_row)
    sorts = _kinds(table, kind, kinds_where)
    texts: dict[str, dict[str, str]] = {}
    with locked(_path(incident_id, folder, make=True)):
        queue = {each.id: each for each in _read(incident_id, folder)}
        for row, key in rows:
            facts = {name: row[name] for name in _FACTS if row.get(name)}
            id_ = f"q-{hashlib.sha256(f'{incident_id}|{key}'.encode()).hexdigest()[:16]}"
            if id_ in texts:
                continue  # a decision of several rows is one: the first
            texts[id_] = {name: row[name] for name in _TEXTS if row.get(name)}
            before = queue.get(id_)
            if before is None:
                queue[id_] = QueuedDecision(id_, sorts[row["place"]], facts)
            elif before.review.status == "pending":
                queue[id_] = replace(before, kind=sorts[row["place"]], facts=facts)
        _write(incident_id, folder, queue.values())
    return list(queue.values()), _as_table(queue.values(), texts), left_out


def import_reviews(
    incident_id: str, folder: str | Path, source: Any, *, replacing: bool = False
) -> Imported:
    """Take the reviews of a table into the queue.

    A review that the queue has stays where the table says less; where the table says something
    else, that is a conflict and the queue stays as it is, unless `replacing`: then the former
    review goes into the history of the decision.

    Raises
    ------
    InputError
        No queue; an unknown or doubled id; an impossible status, outcome or time; a review without
        reviewer, time or outcome. Nothing is changed then.
    """
    from ..tables import read_table

    table = read_table(source)
    told = dict(_reviews(table, str(source) if isinstance(source, str | Path) else "the table"))
    with locked(_path(incident_id, folder, make=True)):
        queue = {each.id: each for each in _read(incident_id, folder)}
        if not queue:
            raise InputError(
                f"{incident_id} has no queue of decisions",
                hint="aiir incident decisions export makes one",
            )
        if unknown := [id_ for id_ in told if id_ not in queue]:
            raise InputError(
                f"{len(unknown)} rows are not in the queue of {incident_id}, the first is "
                f"{unknown[0]!r}",
                file=str(source),
                field="id",
                hint="nothing was imported; export the queue anew",
            )
        changed = unchanged = kept = 0
        conflicts = []
        for id_, review in told.items():
            before = queue[id_]
            known = before.review
            if review == known:
                unchanged += 1
            elif STATUSES.index(review.status) < STATUSES.index(known.status):
                kept += 1
            elif known.status == "reviewed" and not replacing:
                conflicts.append(Conflict(id_, known, review))
            else:
                former = (known,) if known.status != "pending" else ()
                queue[id_] = replace(before, review=review, history=(*before.history, *former))
                changed += 1
        if changed:
            _write(incident_id, folder, queue.values())
    return Imported(changed, unchanged, kept, conflicts, _progress(queue.values()))


def review_progress(incident_id: str, folder: str | Path) -> Progress:
    """How far the review of an incident is; `folder` is where its record is."""
    return _progress(_read(incident_id, folder))


def _progress(queue: Any) -> Progress:
    by_kind: dict[str, tuple[int, int]] = {}
    outcomes: dict[str, int] = {}
    in_review = 0
    for each in queue:
        done, total = by_kind.get(each.kind, (0, 0))
        reviewed = each.review.status == "reviewed"
        by_kind[each.kind] = (done + reviewed, total + 1)
        in_review += each.review.status == "in_review"
        if each.review.outcome:
            outcomes[each.review.outcome] = outcomes.get(each.review.outcome, 0) + 1
    ordered: dict[str, tuple[int, int]] = {kind: by_kind[kind] for kind in KINDS if kind in by_kind}
    return Progress(ordered, {name: outcomes[name] for name in OUTCOMES if name in outcomes},
                    in_review)  # fmt: skip


def _path(incident_id: str, folder: str | Path, *, make: bool = False) -> Path:
    place = Path(folder)
    derived = derived_folder(place) if make else place / DERIVED
    return derived / "decisions" / f"{incident_id}.jsonl"


def _read(incident_id: str, folder: str | Path) -> list[QueuedDecision]:
    path = _path(incident_id, folder)
    if not path.exists():
        return []
    queue = []
    for number, line in read_jsonl(path):
        try:
            queue.append(QueuedDecision.from_mapping(line))
        except (KeyError, TypeError):
            raise InputError("no line of a queue", file=str(path), line=number) from None
    return queue


def _write(incident_id: str, folder: str | Path, queue: Any) -> None:
    lines = (
        json.dumps(each.to_mapping(), ensure_ascii=False)
        for each in sorted(queue, key=lambda each: each.id)
    )
    write_text(_path(incident_id, folder), "".join(f"{line}\n" for line in lines))


def _rows(table: pa.Table, every_row: bool) -> tuple[list[tuple[dict[str, Any], str]], int]:
    """The rows that are decisions, each with what tells it from others."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from ..tables.columns import as_text, require_columns

    if not {"decision", "row_id"} & set(table.column_names):
        require_columns(table, ["decision"])
    names = [name for name in (*_FACTS, *_TEXTS) if name in table.column_names]
    values = {name: as_text(table, name).to_pylist() for name in names}
    if "time" in names and pa.types.is_timestamp(table["time"].type):
        moments = table["time"].cast(pa.timestamp("s"), safe=False)
        values["time"] = pc.strftime(moments, "%Y-%m-%dT%H:%M:%SZ").to_pylist()
    decided = any(values.get("decision", ()))
    found, left_out = [], 0
    for place in range(table.num_rows):
        row = {name: values[name][place] for name in names}
        key = row.get("decision")
        if not key and (every_row or not decided) and row.get("row_id"):
            key = f"row {row['row_id']}"
        if key:
            found.append(({**row, "place": place}, key))
        else:
            left_out += 1
    return found, left_out


def _kinds(
    table: pa.Table, kind: DecisionKind, kinds_where: Sequence[tuple[DecisionKind, str]]
) -> list[DecisionKind]:
    from ..tables.columns import table_name
    from ..tables.selecting import rows_where

    kinds = [kind] * table.num_rows
    for named, where in reversed(kinds_where):
        if table.num_rows:
            for place in rows_where(table, where, table_name(table)).nonzero()[0]:
                kinds[place] = named
    return kinds


def _as_table(queue: Any, texts: Mapping[str, Mapping[str, str]]) -> pa.Table:
    import pyarrow as pa

    order = {"pending": 0, "in_review": 1, "reviewed": 2}
    rows = [
        {**each.to_mapping(), **texts.get(each.id, {})}
        for each in sorted(queue, key=lambda q: (order[q.review.status], KINDS.index(q.kind), q.id))
    ]
    columns = {name: pa.array([row.get(name) for row in rows], pa.string()) for name in COLUMNS}
    return pa.table(columns)


def _reviews(table: pa.Table, name: str) -> Iterator[tuple[str, Review]]:
    """The reviews of a table by the ids of their decisions; every problem at once."""
    from ..tables.columns import as_text, require_columns

    require_columns(table, ["id", *REVIEW])
    columns = {
        column: [_cell(cell) for cell in as_text(table, column).to_pylist()]
        for column in ("id", *REVIEW)
    }
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    found = []
    for place in range(table.num_rows):
        row = {column: cells[place] for column, cells in columns.items()}
        id_ = row.pop("id")
        wrong = _wrong(row)
        if id_ is None:
            wrong = [("id", "there is no id")]
        elif id_ in seen:
            wrong.append(("id", f"{id_} stands in row {seen[id_]}, too"))
        seen.setdefault(str(id_), place + 1)
        problems += [Problem(f"row {place + 1}: {text}", name, None, at) for at, text in wrong]
        if not wrong:
            found.append((str(id_), Review(**row)))  # type: ignore[arg-type]
    if problems:
        more = len(problems) - _MAX_PROBLEMS
        told = [Problem(f"{more} more such problems", name)] if more > 0 else []
        raise InputError(problems=[*problems[:_MAX_PROBLEMS], *told])
    yield from found


def _cell(text: str | None) -> str | None:
    """A cell as it was meant: no space around, and no apostrophe before a formula's sign."""
    plain = (text or "").strip()
    if plain.startswith("'") and plain[1:].startswith(_FORMULA):
        plain = plain[1:]
    return plain or None


def _wrong(row: dict[str, str | None]) -> list[tuple[str, str]]:
    """What is wrong with a review; its words are brought to their spelling."""
    wrong = []
    for column, words in (("status", STATUSES), ("outcome", OUTCOMES)):
        value = row[column]
        row[column] = value and value.casefold().replace(" ", "_")
        if value is not None and row[column] not in words:
            wrong.append((column, f"{value!r} is none of {', '.join(words)}"))
    row["status"] = row["status"] or "pending"
    moment = row["reviewed_at"]
    if moment is not None:
        row["reviewed_at"] = moment = moment.replace(" ", "T")
        if "T" in moment and not moment.endswith("Z"):
            row["reviewed_at"] = moment = f"{moment}Z"
        try:
            span(moment)
        except ValueError as error:
            wrong.append(("reviewed_at", f"{moment!r} is {error}"))
    if row["status"] == "reviewed":
        needed = ("reviewer", "reviewed_at", "outcome")
        wrong += [(c, f"a reviewed decision has its {c}") for c in needed if row[c] is None]
    elif row["outcome"] is not None:
        wrong.append(("outcome", f"a decision that is {row['status']} has no outcome"))
    return wrong
