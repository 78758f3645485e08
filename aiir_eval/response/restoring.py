"""Deciding what comes before service is restored, and rolling a version back in MLflow's registry.

The faulty version is kept: it gets the alias ``incident-ID`` and a tag, and its entry goes into the
evidence, before the alias that is served moves away from it. AI Act Art. 73(6) asks a provider not
to alter a system before the authorities know of it in a way that affects the finding of causes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from ..documents import json_text
from ..errors import InputError
from ..incidents.editing import edit_incident
from ..incidents.loading import load_incident
from ..incidents.model import Decision, EvidenceKind, Incident, Restoration
from ..telemetry import opt_out
from ..tracking.stores import Store
from .preserving import EvidenceStore, with_evidence
from .redacting import redactor

TAG = "aiir.incident"
# What must be preserved of the version that is to be changed: what it was asked, what it said.
BEFORE_A_ROLLBACK: tuple[EvidenceKind, ...] = ("prompt", "output")

_MODEL_FIELDS = (
    "name", "version", "source", "run_id", "status", "description", "creation_timestamp",
    "last_updated_timestamp", "tags", "aliases",
)  # fmt: skip
_PROMPT_FIELDS = (
    "name", "version", "template", "commit_message", "creation_timestamp", "tags", "aliases",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rollback:
    """Which alias moves in the registry: of a registered model or of a prompt."""

    what: Literal["model", "prompt"]
    name: str
    alias: str
    to: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a rollback does: the alias goes from one version to another, which stays pinned."""

    rollback: Rollback
    version: int
    to: int
    pin: str

    def words(self) -> str:
        """In a line, for the record."""
        move = self.rollback
        return (
            f"{move.what} {move.name}: alias {move.alias} moved from version {self.version} to "
            f"{self.to}; version {self.version} pinned as {self.pin}"
        )

    def to_mapping(self) -> dict[str, Any]:
        """As JSON data."""
        return {
            "what": self.rollback.what,
            "name": self.rollback.name,
            "alias": self.rollback.alias,
            "from": self.version,
            "to": self.to,
            "pin": self.pin,
        }


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided, by whom, when and why. `waived` is why evidence need not be there."""

    decisions: tuple[Decision, ...]
    reason: str
    by: str | None
    at: datetime
    waived: str | None = None

    def when(self) -> str:
        """As a record states it."""
        return self.at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def restore(
    path: str | Path,
    decided: Decided,
    rollback: Rollback | None = None,
    store: Store | None = None,
    *,
    dry_run: bool = False,
) -> Plan | None:
    """Record the decisions, and where a rollback is asked for, pin the faulty version and move.

    Raises `InputError` where the evidence is not there yet or was changed, where the registry has
    no such name, alias or version, or where there is no earlier version.
    """
    incident = load_incident(path, draft=True)
    if rollback is not None and "rollback" not in decided.decisions:
        raise InputError("a version is rolled back only by that decision (--decision rollback)")
    plan = None
    if rollback is not None and store is not None:
        if decided.waived is None:
            refuse_unpreserved(incident, path)
        registry = _Registry(rollback, store)
        plan = registry.plan(incident.id)
        if not dry_run:
            _keep_entry(path, incident, registry, plan, decided)
            registry.carry_out(plan, incident.id)
    if not dry_run:
        edit_incident(path, lambda record: _with_decision(record, decided, plan))
    return plan


def refuse_unpreserved(incident: Incident, path: str | Path) -> None:
    """Raise `InputError` where a change would destroy what is not preserved yet."""
    there = {each.kind for each in incident.evidence}
    hint = "aiir incident preserve; or say why it is not needed: --waive WHY"
    if missing := [kind for kind in BEFORE_A_ROLLBACK if kind not in there]:
        raise InputError(
            f"the old version is preserved before it is changed (AI Act Art. 73(6)); not preserved "
            f"yet: {', '.join(missing)}",
            file=str(path),
            field="evidence",
            hint=hint,
        )
    if problems := EvidenceStore(path, incident.id).verify(incident):
        raise InputError("the evidence is not as it was preserved", problems=problems, hint=hint)


def _keep_entry(
    path: str | Path, incident: Incident, registry: _Registry, plan: Plan, decided: Decided
) -> None:
    """The entry of the faulty version, as the registry has it, goes into the evidence."""
    store, rules = EvidenceStore(path, incident.id), redactor()
    entry = rules.value(registry.entry(plan.version))
    move = plan.rollback
    with store.receiving() as target:
        target.write(json_text(entry).encode("utf-8"))
        kept = store.keep(
            target,
            name=f"{move.name}-{plan.version}.json",
            kind="prompt" if move.what == "prompt" else "log",
            source=f"mlflow-{move.what}:{move.name}/{plan.version}",
            at=decided.when(),
            by=decided.by,
            redacted=rules.counts,
            note="before a rollback",
        )
    edit_incident(path, lambda record: with_evidence(record, [kept]))


def _with_decision(record: Incident, decided: Decided, plan: Plan | None) -> Incident:
    before = record.restoration
    changes = [] if before is None else list(before.changes)
    reason = decided.reason
    if decided.waived:
        reason += f" (evidence waived: {decided.waived})"
    restoration = Restoration(
        decisions=list(decided.decisions),
        by=decided.by,
        at=decided.when(),
        reason=reason,
        changes=[*changes, *([plan.words()] if plan is not None else [])],
    )
    return record.model_copy(update={"restoration": restoration})


def pin_of(incident_id: str) -> str:
    """The alias that keeps a faulty version: ``incident-ID``, in the letters an alias may have."""
    return f"incident-{re.sub(r'[^A-Za-z0-9_-]', '-', incident_id)}"


class _Registry:
    """One name of MLflow's registry, a model's or a prompt's."""

    def __init__(self, rollback: Rollback, store: Store) -> None:
        opt_out()
        from mlflow import MlflowClient

        self.rollback, self.store = rollback, store
        self.client = MlflowClient(tracking_uri=store.uri, registry_uri=store.uri)

    def _ask(self, call: Callable[[], Any]) -> Any:
        from mlflow.exceptions import MlflowException

        try:
            return call()
        except MlflowException as error:
            move = self.rollback
            reason = self.store.without_secrets(str(error).splitlines()[0])
            raise InputError(
                f"{move.what} {move.name!r} in {self.store.shown}: {reason}",
                hint="name it, its alias and the store as MLflow has them",
            ) from None

    def plan(self, incident_id: str) -> Plan:
        move = self.rollback
        current = self._current()
        versions = self._versions()
        pin = _free(pin_of(incident_id), current, versions)
        if move.to is not None:
            if move.to not in versions:
                known = ", ".join(map(str, sorted(versions)))
                raise InputError(
                    f"{move.what} {move.name!r} has no version {move.to}; there are {known}"
                )
            target = move.to
        else:
            earlier = [
                version
                for version, aliases in versions.items()
                if version < current and not any(each.startswith("incident-") for each in aliases)
            ]
            if not earlier:
                raise InputError(
                    f"{move.what} {move.name!r} has no version before {current} to go back to",
                    hint="name one with --to",
                )
            target = max(earlier)
        if target == current:
            raise InputError(f"the alias {move.alias!r} stands at version {current} already")
        return Plan(move, current, target, pin)

    def _current(self) -> int:
        move = self.rollback
        ask = (
            self.client.get_model_version_by_alias
            if move.what == "model"
            else self.client.get_prompt_version_by_alias
        )
        found = self._ask(lambda: ask(move.name, move.alias))
        if found is None:
            raise InputError(f"{move.what} {move.name!r} has no alias {move.alias!r}")
        return int(found.version)

    def _pages(self, call: Callable[[str | None], Any]) -> list[Any]:
        """Everything a search finds, page by page."""
        found: list[Any] = []
        token: str | None = None
        while True:
            page = self._ask(lambda: call(token))  # noqa: B023
            found += page
            token = page.token
            if not token:
                return found

    def _versions(self) -> Mapping[int, list[str]]:
        """Every version with its aliases."""
        found: dict[int, list[str]] = {}
        name = self.rollback.name
        if self.rollback.what == "model":
            wanted = f"name = '{_quoted(name)}'"
            pages = self._pages(
                lambda token: self.client.search_model_versions(wanted, page_token=token)
            )
            found = {int(each.version): [] for each in pages}
            entry = self._ask(lambda: self.client.get_registered_model(self.rollback.name))
            aliases = entry.aliases
        else:
            entry = self._ask(lambda: self.client.get_prompt(self.rollback.name))
            if entry is None:
                raise InputError(f"there is no prompt {self.rollback.name!r}")
            pages = self._pages(
                lambda token: self.client.search_prompt_versions(name, page_token=token)
            )
            for at in sorted(int(each.version) for each in pages):  # the list leaves aliases out
                found[at] = list(self._ask(lambda: self._prompt(at)).aliases)  # noqa: B023
            aliases = {}
        for alias, version in dict(aliases).items():
            found.setdefault(int(version), []).append(str(alias))
        return found

    def _prompt(self, version: int) -> Any:
        return self.client.get_prompt_version(self.rollback.name, str(version))

    def entry(self, version: int) -> dict[str, Any]:
        """What the registry says of a version."""
        name = self.rollback.name
        fields: tuple[str, ...]
        if self.rollback.what == "model":
            found = self._ask(lambda: self.client.get_model_version(name, str(version)))
            fields = _MODEL_FIELDS
        else:
            found = self._ask(lambda: self._prompt(version))
            fields = _PROMPT_FIELDS
        data = {field: getattr(found, field, None) for field in fields}
        return {field: _data(value) for field, value in data.items() if value is not None}

    def carry_out(self, plan: Plan, incident_id: str) -> None:
        """Pin the faulty version, then move the alias."""
        client, move = self.client, plan.rollback
        if move.what == "model":
            version = str(plan.version)
            self._ask(lambda: client.set_registered_model_alias(move.name, plan.pin, version))
            self._ask(lambda: client.set_model_version_tag(move.name, version, TAG, incident_id))
            self._ask(
                lambda: client.set_registered_model_alias(move.name, move.alias, str(plan.to))
            )
        else:
            at = plan.version
            self._ask(lambda: client.set_prompt_alias(move.name, plan.pin, at))
            self._ask(lambda: client.set_prompt_version_tag(move.name, str(at), TAG, incident_id))
            self._ask(lambda: client.set_prompt_alias(move.name, move.alias, plan.to))


def _free(pin: str, version: int, versions: Mapping[int, list[str]]) -> str:
    """The pin, or with a number after it: what is pinned already stays so."""
    pinned = {alias: at for at, aliases in versions.items() for alias in aliases}
    names = [pin, *(f"{pin}-{number}" for number in range(2, len(pinned) + 3))]
    return next(name for name in names if pinned.get(name, version) == version)


def _quoted(name: str) -> str:
    return name.replace("'", "''")


def _data(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _data(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_data(item) for item in value]
    return value if isinstance(value, str | int | float | bool) else str(value)
