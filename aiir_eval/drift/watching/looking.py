"""Did the columns that matter get worse, as far as all tables so far can tell?"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import exp, inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...tables import read_table, require_columns, table_digest, table_name
from ..declared import Direction, primaries
from ..windows import instants_of, parse_moment
from .differing import dispersion_notes, excess
from .measuring import (
    Floats,
    log_gains_of,
    measured,
    placed,
    quiet_of,
    scale_of,
    seen_of,
    shown,
    tolerance,
    turned,
)
from .result import WatchedColumn, WatchReport
from .state import (
    Event,
    Look,
    Options,
    Promise,
    Reference,
    Scale,
    Seen,
    Unit,
    Watched,
    WatchState,
    held,
    load_state,
    save_state,
)

if TYPE_CHECKING:
    import pyarrow as pa

_DEFAULT_LOOKS = 365.0
_BIGGEST = 700.0  # exp of more is no number
_DAY = "\0day"  # a name that no table has


def drift_watch(
    table: Any,
    state: str | Path,
    *,
    primary: str | Sequence[str] | None = None,
    reference: Any = None,
    limits: Mapping[str, float] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    cluster: str | None = None,
    unit: Unit | None = None,
    min_effect: Mapping[str, float] | None = None,
    looks_per_false_alarm: float | None = None,
    alpha: float | None = None,
    at: Any = None,
    time: str | None = None,
    reset: bool = False,
) -> WatchReport:
    """Look at the next table of a series, and remember.

    Parameters
    ----------
    table : path or dataframe
        The newest rows (a day's log). A table that was looked at before is ignored.
    state : path
        The file that remembers; written whole or not at all, under a lock.
    primary : sequence of str, optional
        What is watched: ``COL:down`` or ``COL:up`` for the bad direction; without one, both.
        Needed at the first look. Options of later looks may be left out, and must not differ.
    reference : path or dataframe, optional
        A table of quiet times, at the first look. Without it (and without limits for all) the
        first table is the reference.
    limits : mapping, optional
        By column, the mean (rate) that is still tolerated, in the place of the reference's.
    bounds : mapping, optional
        By column, the least and the greatest value: the mean is then watched. Values beyond count
        as the bound. Truth values and values in [0, 1] need none. Other columns are watched by
        their mean rank among the reference, whose value is .5 while nothing changes.
    cluster : str, optional
        A column whose equal values mark rows that belong together.
    unit : {"looks", "rows"}, optional
        What is bet on. "looks" (the default): the mean of each whole look, so that days may differ
        among themselves. "rows": each row (the mean of each cluster), for looks that are known to
        differ no more than their rows explain; where they do, the promise breaks.
    min_effect : mapping, optional
        By column, how much worse than the reference is tolerated: .005 of a rate or of the range,
        .014 of a rank by default.
    looks_per_false_alarm, alpha : float, optional
        The promise: one false alarm in so many looks on average (365 by default), or a chance of
        there ever being one. Shared equally among the columns.
    at : date or moment, optional
        When the rows were; now by default.
    time : str, optional
        A column of timestamps: the latest of them is `at`. Where the reference has it too and a
        week of days or more, looks are measured by how much those days differ.
    reset : bool
        Forget what was learned and seen: this table (or `reference`) is what quiet means now.
        Options given now replace those of before.

    Returns
    -------
    WatchReport

    Raises
    ------
    InputError
        Options do not fit the state, or the state is damaged; nothing is written then.

    Notes
    -----
    The promise holds while, at each look, the mean given the past is no worse than the limit: the
    reference's mean less its 99% bound's slack and the minimum effect, or the declared limit.
    "looks" with a reference of dated days assumes besides that quiet looks lie about their mean
    with no heavier tail than a normal one of the days' spread (see `log_gains_of_mean`; what lies
    beyond three of them counts as three). Without dates nothing is assumed, and a change takes
    several times as many looks to see. See `stats.detectors.Detector` for the proof's source.
    """
    with held(state):
        known = load_state(state)
        current, name = read_table(table), _name(table)
        digest = table_digest(table)
        moment = _moment(at) if at is not None or time is None else _latest(current, time)
        given = _given(
            primary, limits, bounds, cluster, unit, min_effect, looks_per_false_alarm, alpha
        )
        if known is None:
            known = WatchState(schema="aiir/drift-watch/1", options=_first(given))
        elif reset:
            known = _begun_anew(known, given, moment)
        else:
            _refuse_others(known.options, given)
        if not known.columns:
            found = _learn(known, current, name, digest, reference, moment, time)
            if known.reference is not None and known.reference.digest == digest:
                save_state(state, known)
                return found
        elif reference is not None and _other_reference(known, reference):
            raise InputError(
                "this monitor has learned from another reference",
                field="reference",
                hint="--reset begins anew with this one",
            )
        if any(look.digest == digest for look in known.looks) or (
            known.reference is not None and known.reference.digest == digest
        ):
            return _report(known, moment, current.num_rows, None, ["seen before: ignored"], True)
        return _look(known, current, name, digest, moment, state)


def acknowledge(state: str | Path, reason: str, *, at: Any = None) -> WatchReport:
    """End an alarm: evidence begins anew, what quiet means stays, and the reason is kept."""
    if not reason.strip():
        raise InputError("an acknowledgement needs a reason", field="acknowledge")
    with held(state):
        known = load_state(state)
        if known is None:
            raise InputError("there is no monitor to acknowledge an alarm of", file=str(state))
        moment = _moment(at)
        for column in known.columns:
            column.log_wealth = [None] * len(column.log_wealth)
            column.alarmed_at = None
        known.cycle = len(known.looks)
        known.events.append(Event(at=moment, kind="acknowledged", text=reason))
        save_state(state, known)
        return _report(known, moment, 0, None, [f"acknowledged: {reason}"])


def _moment(at: Any) -> datetime:
    if at is None:
        return datetime.now(UTC).replace(microsecond=0)
    return _aware(parse_moment(at, "at"))


def _aware(moment: np.datetime64) -> datetime:
    plain: Any = moment.astype("M8[us]").item()
    aware: datetime = plain.replace(tzinfo=UTC)
    return aware


def _name(table: Any) -> str:
    return str(table) if isinstance(table, str | os.PathLike) else "a frame"


def _latest(table: pa.Table, column: str) -> datetime:
    require_columns(table, [column])
    return _aware(instants_of(table[column], column, table_name(table)).max())


def _begun_anew(known: WatchState, given: Mapping[str, Any], moment: datetime) -> WatchState:
    """A state with the history of this one, and nothing learned or seen."""
    text = f"what quiet means is learned anew, after {len(known.looks):,} looks"
    return WatchState(
        schema="aiir/drift-watch/1",
        options=known.options.model_copy(update=dict(given)),
        events=[*known.events, Event(at=moment, kind="reset", text=text)],
    )


def _given(
    primary: str | Sequence[str] | None,
    limits: Mapping[str, float] | None,
    bounds: Mapping[str, tuple[float, float]] | None,
    cluster: str | None,
    unit: Unit | None,
    min_effect: Mapping[str, float] | None,
    looks: float | None,
    alpha: float | None,
) -> dict[str, Any]:
    """The options that were given, by name."""
    promise = None
    if looks is not None and alpha is not None:
        raise InputError("a promise is either one alarm in so many looks, or an alpha")
    if looks is not None or alpha is not None:
        if (looks is not None and not looks > 1) or (alpha is not None and not 0 < alpha < 1):
            raise InputError("false alarms are fewer than one a look, and alpha is in (0, 1)")
        promise = Promise(looks=looks, alpha=alpha)
    texts = None
    if primary is not None:
        split = primary.split(",") if isinstance(primary, str) else primary
        texts = [text.strip() for text in split if text.strip()]
    for column, (low, high) in (bounds or {}).items():
        if not low < high:
            raise InputError(f"bounds {low:g}:{high:g} are not in order", field=column)
    for column, effect in (min_effect or {}).items():
        if not effect >= 0:
            raise InputError(f"a minimum effect is at least 0, got {effect!r}", field=column)
    given = {
        "primary": texts,
        "promise": promise,
        "cluster": cluster,
        "unit": unit,
        "min_effect": None if min_effect is None else dict(min_effect),
        "bounds": None if bounds is None else {name: tuple(b) for name, b in bounds.items()},
        "limits": None if limits is None else dict(limits),
    }
    return {name: value for name, value in given.items() if value is not None}


def _first(given: dict[str, Any]) -> Options:
    if not given.get("primary"):
        raise InputError("the first look needs what is watched", field="primary")
    return Options(**{"promise": Promise(looks=_DEFAULT_LOOKS), **given})


def _refuse_others(known: Options, given: Mapping[str, Any]) -> None:
    """Options of a later look must be those of the first."""
    for name, value in given.items():
        old = getattr(known, name)
        if old != value:
            raise InputError(
                f"this monitor was begun with {_shown(old)}, not {_shown(value)}",
                field=name,
                hint="keep to it, begin another state file, or --reset",
            )


def _shown(value: Any) -> str:
    return str(value) if not isinstance(value, list) else ", ".join(map(str, value))


def _other_reference(known: WatchState, reference: Any) -> bool:
    return known.reference is None or known.reference.digest != table_digest(reference)


def _learn(
    known: WatchState,
    current: pa.Table,
    name: str,
    digest: str,
    reference: Any,
    moment: datetime,
    time: str | None,
) -> WatchReport:
    """Fill `known.columns`: what is watched, and what quiet means."""
    options = known.options
    if reference is not None:
        quiet, quiet_name, quiet_digest = (
            read_table(reference),
            _name(reference),
            table_digest(reference),
        )
    else:
        quiet, quiet_name, quiet_digest = current, name, digest
    declared = primaries(options.primary, quiet.column_names)
    for label, mapping in (
        ("limit", options.limits),
        ("bounds", options.bounds),
        ("min_effect", options.min_effect),
    ):
        for column in mapping:
            if column not in declared:
                raise InputError(f"this column has a {label} and is not watched", field=column)
    require_columns(quiet, declared)
    dated = None
    if options.unit == "looks" and time is not None and time in quiet.column_names:
        dated = _with_days(quiet, time)
    needs_reference = False
    for column, direction in declared.items():
        found = measured(quiet, column, options.cluster)
        scale = scale_of(found, options.bounds.get(column), column)
        if direction is None and scale.kind == "rate":
            direction = "down"
        directions: Sequence[Direction] = ("down", "up") if direction is None else (direction,)
        own = reference is not None or column not in options.limits or scale.kind == "rank"
        needs_reference |= own
        x, _ = placed(found, scale, column)
        for bad in directions:
            days = None if dated is None else measured(dated, column, _DAY).clusters
            known.columns.append(_begun(column, bad, scale, x, found, options, days, learned=own))
    if needs_reference:
        known.reference = Reference(
            name=quiet_name,
            digest=quiet_digest,
            n=quiet.num_rows,
            days=1 if dated is None else len(set(dated[_DAY].to_pylist())),
        )
    note = f"{quiet_name} is the reference: {quiet.num_rows:,} rows; nothing is judged yet"
    return _report(known, moment, current.num_rows, None, [note, *_undated(known)])


def _with_days(table: pa.Table, time: str) -> pa.Table | None:
    """The table with the day of each row; None where there is one day only."""
    import pyarrow as pa

    days = instants_of(table[time], time, table_name(table)).astype("M8[D]").astype(str)
    return table.append_column(_DAY, pa.array(days)) if len(set(days)) > 1 else None


def _undated(known: WatchState) -> list[str]:
    """A note where the reference cannot tell how much looks differ, and this hangs on it."""
    if known.reference is None or known.options.unit == "rows":
        return []
    if all(column.between is not None for column in known.columns):
        return []
    return [
        "how much quiet days differ is not known: an alarm takes several looks more, and the limit "
        "trusts the rows of the reference; give it a week of days or more, and --time"
    ]


def _begun(
    column: str,
    direction: Direction,
    scale: Scale,
    x: Floats,
    found: Any,
    options: Options,
    days: NDArray[np.intp] | None,
    *,
    learned: bool,
) -> Watched:
    """A column with nothing seen; its limit is the declared one, or what the reference bounds."""
    quiet = quiet_of(x, found, direction, days)
    slack = tolerance(scale, options.min_effect.get(column))
    limit = quiet.bound - slack if direction == "down" else quiet.bound + slack
    if column in options.limits:
        limit = options.limits[column]
        if scale.kind == "bounded":
            limit = (limit - scale.low) / (scale.high - scale.low)
    height = float(turned(np.array([limit]), direction)[0])
    if not 0 < height <= 1:
        raise InputError(
            f"no mean is worse than the limit of {shown(limit, scale):.4g}: nothing could be seen",
            field=column,
            hint="a larger reference, a smaller minimum effect, or another limit",
        )
    return Watched(
        column=column,
        direction=direction,
        scale=scale,
        level=quiet.level if learned else None,
        limit=min(max(limit, 0.0), 1.0),
        variance=quiet.variance,
        between=quiet.between,
        log_wealth=[None] * 24,
    )


def _look(
    known: WatchState,
    current: pa.Table,
    name: str,
    digest: str,
    moment: datetime,
    path: str | Path,
) -> WatchReport:
    from ...stats.detectors import Detector

    if known.looks and moment < known.looks[-1].at:
        raise InputError(
            f"the last look was at {known.looks[-1].at:%Y-%m-%d %H:%M}, and this one is before it",
            field="at",
            hint="look at tables in the order of time",
        )
    promise = known.options.promise.shared_by(len(known.columns))
    seen: list[Seen] = []
    notes: list[str] = [] if known.looks else _undated(known)
    for watched in known.columns:
        found = measured(current, watched.column, known.options.cluster)
        x, beyond = placed(found, watched.scale, watched.column)
        if found.n_missing:
            notes.append(f"{watched.column}: {found.n_missing:,} missing values left out")
        if beyond:
            notes.append(f"{watched.column}: {beyond:,} values beyond the bounds count as these")
        wealth = [-inf if value is None else value for value in watched.log_wealth]
        detector = Detector(promise, wealth, len(known.looks) - known.cycle)
        detector.look(log_gains_of(x, found, watched, known.options.unit))
        watched.log_wealth = [float(value) for value in detector.log_wealth]
        if detector.alarm and watched.alarmed_at is None:
            watched.alarmed_at = moment
            known.events.append(
                Event(at=moment, kind="alarm", text=f"{watched.column} {watched.direction}")
            )
        seen.append(seen_of(x, found))
    known.looks.append(Look(at=moment, name=name, digest=digest, n=current.num_rows, seen=seen))
    notes += dispersion_notes(known)
    save_state(path, known)
    return _report(known, moment, current.num_rows, seen, list(dict.fromkeys(notes)))


def _report(
    known: WatchState,
    moment: datetime,
    n: int,
    seen: Sequence[Seen] | None,
    notes: Sequence[str],
    ignored: bool = False,
) -> WatchReport:
    promise = known.options.promise.shared_by(max(len(known.columns), 1))
    looks = known.looks[known.cycle :]
    last = seen if seen is not None else (looks[-1].seen if looks else None)
    return WatchReport(
        alarm=known.alarmed,
        at=moment,
        n=n,
        n_looks=len(looks),
        columns=tuple(
            _column(known, number, last, promise.log_threshold)
            for number in range(len(known.columns))
        ),
        promise=str(known.options.promise),
        notes=tuple(notes),
        ignored=ignored,
    )


def _column(
    known: WatchState, number: int, seen: Sequence[Seen] | None, log_threshold: float
) -> WatchedColumn:
    from ...stats.detectors import Detector, fallen_since

    watched, looks = known.columns[number], known.looks[known.cycle :]
    wealth = [-inf if value is None else value for value in watched.log_wealth]
    promise = known.options.promise.shared_by(len(known.columns))
    evidence = Detector(promise, wealth, len(looks)).log_evidence
    level = watched.limit if watched.level is None else watched.level
    since = None
    if watched.alarmed_at is not None:
        means = np.array([look.seen[number].mean for look in looks])
        sizes = np.array([look.seen[number].n for look in looks], dtype=np.float64)
        usual = float(turned(np.array([level]), watched.direction)[0])
        since = fallen_since(
            turned(means, watched.direction),
            sizes,
            level=usual,
            variance=watched.variance * excess(means, sizes, watched.variance),
        )
    return WatchedColumn(
        column=watched.column,
        direction=watched.direction,
        scale=watched.scale.kind,
        n=0 if seen is None else seen[number].n,
        value=None if seen is None else shown(seen[number].mean, watched.scale),
        level=None if watched.level is None else shown(watched.level, watched.scale),
        limit=shown(watched.limit, watched.scale),
        evidence=0.0 if evidence == -inf else exp(min(evidence, _BIGGEST)),
        threshold=exp(min(log_threshold, _BIGGEST)),
        alarm=watched.alarmed_at is not None,
        since=None if since is None else looks[since.first].at,
        since_low=None if since is None else looks[max(since.low - 1, 0)].at,
        since_high=None if since is None else looks[since.high].at,
        after=None
        if since is None
        else shown(float(turned(np.array([since.after]), watched.direction)[0]), watched.scale),
    )
