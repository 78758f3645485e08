"""Which rows of a log does the failure of an incident show in?

By default those that an incident's checks say it of. A check that forbids something
(`not_contains`, `not_regex`, `tool_not_called`, `canary`) is one for every row of a log. A check
that asks for something (`contains`, `regex`, ...) is about one question: it counts on rows with
that input alone, for an answer to another question need not hold it. Checks that are named count on
every row.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..errors import InputError
from ..scorers import Answer, Check, Scorer, ScoringError, make_scorer, needs_expected
from ..scorers.text import flattened
from ..tool_calls import ToolCall
from .fast_checks import failing, simple_texts

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from ..incidents.model import Incident

FORBIDDING = frozenset({"not_contains", "not_regex", "tool_not_called", "canary"})
_ABOUT_TOOLS = frozenset({"tool_called", "tool_not_called"})
_SLOW_S, _MAX_SLOW = 1.0, 20  # a check that many outputs keep that busy is no check of a log


@dataclass(frozen=True, slots=True)
class Rows:
    """What is asked of some rows: texts without nulls, all of one length."""

    output: pa.Array
    input: pa.Array | None = None
    tool_calls: pa.Array | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """Which rows are affected, by which rule (rule x row), and which could not be judged.

    `elsewhere` counts affected rows with another input than those of the incident's cases.
    """

    affected: NDArray[np.bool_]
    unjudged: NDArray[np.bool_]
    by_rule: NDArray[np.bool_]
    elsewhere: int = 0


class Rule(Protocol):
    """Names of the parts of a rule, and what it says of rows."""

    @property
    def names(self) -> Sequence[str]: ...

    @property
    def method(self) -> str: ...

    def find(self, rows: Rows) -> Found: ...


@dataclass(slots=True)
class _Judge:
    """A check of a case, and the input it is about where it is not one for every row."""

    name: str
    check: Check
    scorer: Scorer
    input: str
    own_rows: str | None
    expected: Any
    slow: int = 0


@dataclass(slots=True)
class IncidentChecks:
    """The checks of an incident's cases, on the rows of a log."""

    judges: list[_Judge]
    method: str
    unused: list[str] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return [judge.name for judge in self.judges]

    @property
    def needs_tools(self) -> bool:
        """Whether a check is about the tools that were called."""
        return any(judge.check.scorer in _ABOUT_TOOLS for judge in self.judges)

    def find(self, rows: Rows) -> Found:
        n = len(rows.output)
        by_rule = np.zeros((len(self.judges), n), bool)
        unjudged = np.zeros(n, bool)
        inputs = None if rows.input is None else _Distinct.of(rows.input)
        answers = _Answers.of(rows)
        own = np.zeros(n, bool)
        if inputs is not None:
            for text in {judge.input for judge in self.judges}:
                own |= inputs.equal(text)
        for number, judge in enumerate(self.judges):
            asked = None
            if judge.own_rows is not None:
                if inputs is None:
                    continue
                asked = inputs.equal(judge.own_rows)
                if not asked.any():
                    continue
            fails, unknown = answers.judged(judge, asked)
            by_rule[number] = fails
            unjudged |= unknown
        affected = np.logical_or.reduce(by_rule, axis=0, initial=False)
        elsewhere = 0 if inputs is None else int((affected & ~own).sum())
        return Found(affected, unjudged & ~affected, by_rule, elsewhere)


def incident_checks(
    incident: Incident,
    *,
    every_row: Collection[str] = (),
    has_input: bool = False,
    has_tools: bool = False,
    allow_python: Collection[str] = (),
) -> IncidentChecks:
    """The rule that an incident's regression cases make.

    Parameters
    ----------
    incident : Incident
        With regression cases.
    every_row : collection of str
        Names of checks that count on every row, and no others do. By default those that forbid.
    has_input, has_tools : bool
        Whether the log has the input, and the tools that were called.
    allow_python : collection of str
        Python scorers that may run.

    Raises
    ------
    InputError
        No case; an unknown name; no check that could say anything of this log.
    """
    if not incident.cases:
        raise InputError(
            f"{incident.id} has no regression case to look for",
            hint="say which rows are affected with --where, or write its cases first",
        )
    known = [Check.from_mapping(check).name for case in incident.cases for check in case.checks]
    if missing := [name for name in every_row if name not in known]:
        raise InputError(
            f"{incident.id} has no check {missing[0]!r}", hint=f"known: {', '.join(set(known))}"
        )
    judges: dict[str, _Judge] = {}
    unused: list[str] = []
    for case in incident.cases:
        own = case.input if isinstance(case.input, str) else case.input[-1].content
        for mapping in case.checks:
            check = Check.from_mapping(mapping)
            scorer = make_scorer(check, allow_python=allow_python)
            name = f"{case.name}:{check.name}"
            general = check.name in every_row if every_row else check.scorer in FORBIDDING
            if every_row and not general:
                continue
            if general and needs_expected(scorer):
                raise InputError(f"{name} compares with what one case expects: no rule for a log")
            if check.scorer in _ABOUT_TOOLS and not has_tools:
                unused.append(f"{name}: the log has no column of tool calls (--tool-calls)")
            elif not general and not has_input:
                unused.append(f"{name}: counts for one input, and the log has none (--input)")
            else:
                same = digest_of(check) if general else name
                judge = _Judge(name, check, scorer, own, None if general else own, case.expected)
                judges.setdefault(same, judge)  # one check of two cases is asked once
    if not judges:
        raise InputError(
            f"no check of {incident.id} can say anything of this log", hint="; ".join(unused)
        )
    return IncidentChecks(list(judges.values()), _method(incident, judges.values()), unused)


def digest_of(check: Check) -> str:
    """What two checks have in common that ask the same."""
    return json.dumps([check.scorer, check.parameters], sort_keys=True, default=str)


def _method(incident: Incident, judges: Collection[_Judge]) -> str:
    general = [judge.name for judge in judges if judge.own_rows is None]
    own = [judge.name for judge in judges if judge.own_rows is not None]
    parts = [f"rows that fail {', '.join(general)}"] if general else []
    if own:
        parts.append(f"rows with an input of {incident.id} that fail {', '.join(own)}")
    return "; ".join(parts)


@dataclass(frozen=True, slots=True)
class _Distinct:
    """The distinct texts of some rows, and which of them each row has."""

    values: pa.Array
    codes: NDArray[np.int64]

    @classmethod
    def of(cls, texts: pa.Array) -> _Distinct:
        import pyarrow as pa

        coded = texts if pa.types.is_dictionary(texts.type) else texts.dictionary_encode()
        return cls(coded.dictionary, coded.indices.to_numpy(zero_copy_only=False).astype(np.int64))

    def equal(self, wanted: str) -> NDArray[np.bool_]:
        """Rows whose text is this one, but for case and white space."""
        import pyarrow.compute as pc

        # One that is equal has at least as many bytes as the other has signs that are no space.
        plain = flattened(wanted, ignore_case=True)
        least = max(1, len(plain.replace(" ", "")) // 4)
        near = pc.greater_equal(pc.binary_length(self.values), least).to_numpy(zero_copy_only=False)
        same = np.zeros(len(self.values), bool)
        simple = simple_texts(self.values)
        if plain.isascii():
            from .fast_checks import flat

            places = np.flatnonzero(simple)
            lines = flat(self.values.take(places), ignore_case=True)
            same[places] = pc.equal(lines, plain).to_numpy(zero_copy_only=False)
        for place in np.flatnonzero(near & ~simple):
            try:
                text = flattened(self.values[int(place)].as_py(), ignore_case=True)
            except ScoringError:
                continue
            same[place] = text == plain
        return same[self.codes]


@dataclass(frozen=True, slots=True)
class _Answers:
    """The distinct answers (output and calls) of some rows: each is judged once."""

    outputs: pa.Array
    calls: list[str | None] | None
    codes: NDArray[np.int64]
    simple: NDArray[np.bool_]

    @classmethod
    def of(cls, rows: Rows) -> _Answers:
        output = _Distinct.of(rows.output)
        if rows.tool_calls is None:
            return cls(output.values, None, output.codes, simple_texts(output.values))
        calls = _Distinct.of(rows.tool_calls)
        both = output.codes * max(1, len(calls.values)) + calls.codes
        pairs, codes = np.unique(both, return_inverse=True)
        which, what = np.divmod(pairs, max(1, len(calls.values)))
        outputs = output.values.take(which)
        return cls(outputs, calls.values.take(what).to_pylist(), codes, simple_texts(outputs))

    def judged(
        self, judge: _Judge, asked: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which rows fail a check, and which it cannot judge."""
        wanted = np.ones(len(self.outputs), bool)
        if asked is not None:
            wanted[:] = False
            wanted[self.codes[asked]] = True
        fails, unknown = np.zeros(wanted.size, bool), np.zeros(wanted.size, bool)
        places = np.flatnonzero(wanted & self.simple)
        quick = failing(judge.scorer, self.outputs.take(places)) if places.size else None
        if quick is not None:
            fails[places] = quick
            places = np.flatnonzero(wanted & ~self.simple)
        else:
            places = np.flatnonzero(wanted)
        for place, output in zip(places, self.outputs.take(places).to_pylist(), strict=True):
            begun = time.monotonic()
            try:
                called = () if self.calls is None else calls_of(self.calls[place])
                answer = Answer(output, called, judge.expected, judge.input)
                fails[place] = not judge.scorer(answer).passed
            except ScoringError as error:
                unknown[place] = True
                judge.slow += time.monotonic() - begun > _SLOW_S
                if judge.slow > _MAX_SLOW:
                    raise InputError(
                        f"the check {judge.name} is too slow for a log: {error}",
                        hint="name other checks with --check, or use --where",
                    ) from None
        found, unjudged = fails[self.codes], unknown[self.codes]
        return (found, unjudged) if asked is None else (found & asked, unjudged & asked)


def calls_of(text: str | None) -> tuple[ToolCall, ...]:
    """The calls that a log states as JSON: ``[{"name": ..., "arguments": {...}}]``.

    ``arguments`` may be JSON in a text, and the calls may be in the form of OpenAI's messages
    (``{"function": {"name", "arguments"}}``). Raises `ScoringError` for anything else.
    """
    if not text:
        return ()
    try:
        data = json.loads(text)
        return tuple(_call(each) for each in (data if isinstance(data, list) else [data]))
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ScoringError("the tool calls of the row are not JSON of calls") from None


def _call(each: Any) -> ToolCall:
    if not isinstance(each, Mapping):
        raise TypeError
    inner = each.get("function", each)
    arguments = inner.get("arguments") or {}
    if isinstance(arguments, str):
        arguments = json.loads(arguments)
    if not isinstance(inner["name"], str) or not isinstance(arguments, Mapping):
        raise TypeError
    return ToolCall(inner["name"], arguments)
