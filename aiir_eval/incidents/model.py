"""What an incident is: the record of the playbook, and the cases that must never fail again.

Schema ``aiir/incident/1``, one YAML file an incident. Required are the id, title and class, and the
minimum record: system, model, prompt version, data source, user population, triggering input, what
was observed (output, action or both), impact, containment, owner, and the PSF domains implicated.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BeforeValidator,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from ..showing import Shown
from .classes import ControlKind, IncidentClass
from .moments import Instant, Moment, span
from .psf import Taxonomy, psf_taxonomy
from .regression import Identifier, Part, Regression, RegressionCase, Text

Kind = Literal["incident", "near_miss", "exercise"]
Status = Literal["open", "contained", "assessed", "remediated", "closed"]
Confidence = Literal["high", "medium", "low"]
PauseKind = Literal["workflow", "route", "tool_permission", "trigger"]
EvidenceKind = Literal["prompt", "output", "trace", "log", "score", "user_report", "vendor_status"]
Decision = Literal["rollback", "vendor_failover", "manual_review", "customer_correction"]
StepId = Literal[
    "contain.1", "contain.2", "contain.3", "contain.4",
    "assess.1", "assess.2", "assess.3", "assess.4",
    "remediate.1", "remediate.2", "remediate.3", "remediate.4",
    "learn.1", "learn.2", "learn.3", "learn.4",
]  # fmt: skip
STEPS: tuple[StepId, ...] = get_args(StepId)


def _edition(value: Any) -> Any:
    """``1.1``, ``v1.1`` and ``PSF v1.1`` as ``"1.1"``."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    return re.sub(r"(?i)^(psf)?\s*v?\s*", "", value) if isinstance(value, str) else value


Edition = Annotated[str, BeforeValidator(_edition, json_schema_input_type=str | float)]


def _taxonomy(info: ValidationInfo) -> Taxonomy:
    """The taxonomy of the register that a record is read for, else the shipped one."""
    given = info.context
    return given if isinstance(given, Taxonomy) else psf_taxonomy()


class Flag(Part):
    """Whether the event may involve something, and why one thinks so."""

    value: Literal["yes", "no", "unknown"]
    reason: str | None = None


class Flags(Part):
    """What the event may involve; what is left out is not known yet."""

    personal_data: Flag = Flag(value="unknown")
    regulated_decision: Flag = Flag(value="unknown")
    financial_loss: Flag = Flag(value="unknown")
    security_exposure: Flag = Flag(value="unknown")
    customer_harm: Flag = Flag(value="unknown")


class Pause(Part):
    """What was stopped to contain the event."""

    kind: PauseKind
    ref: Text
    at: Moment | None = None
    by: str | None = None
    resumed_at: Moment | None = None
    resumed_by: str | None = None


class Evidence(Part):
    """A preserved file: its path from the record, and the SHA-256 of its bytes."""

    kind: EvidenceKind
    path: Text
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

    @field_validator("path")
    @classmethod
    def _stays_in_its_folder(cls, path: str) -> str:
        parts = re.split(r"[/\\]", path)
        if ".." in parts or parts[0] == "" or ":" in parts[0]:
            raise ValueError("give a path below the folder of the record")
        return path


class BlastRadius(Part):
    """How far the event reached, and how that was estimated."""

    users: Annotated[int, Field(ge=0)] | None = None
    decisions: Annotated[int, Field(ge=0)] | None = None
    records: Annotated[int, Field(ge=0)] | None = None
    messages: Annotated[int, Field(ge=0)] | None = None
    downstream_systems: list[Text] = Field(default_factory=list)
    interval: str | None = None  # the period looked at: ISO 8601, from/to
    method: str | None = None


class Notification(Part):
    """A duty to tell someone by a certain time."""

    clock: Text
    started_at: Instant | None = None
    due_at: Instant | None = None
    reported_at: Instant | None = None
    status: str | None = None
    by: str | None = None


class Restoration(Part):
    """What had to be decided before service was restored."""

    decisions: list[Decision] = Field(min_length=1)
    by: str | None = None
    at: Moment | None = None
    reason: str | None = None
    changes: list[Text] = Field(default_factory=list)  # what was moved, from what, to what


class FailedControl(Part):
    """The kind of control that failed, and where its patch is."""

    kind: ControlKind
    patch: str | None = None


class Communication(Part):
    """What was told to whom."""

    at: Moment
    to: Text
    channel: str | None = None
    summary: Text
    ref: str | None = None


class Step(Part):
    """A step of the playbook, done or deliberately left out."""

    status: Literal["done", "waived"]
    by: str | None = None
    at: Moment | None = None
    note: str | None = None
    evidence: str | list[str] | None = None


class Incident(Shown, Part):
    """Something that happened, nearly happened, or was exercised, and its record."""

    schema_: Literal["aiir/incident/1"] = Field(default="aiir/incident/1", alias="schema")
    id: Identifier
    title: Text
    class_: IncidentClass = Field(alias="class")
    kind: Kind = "incident"
    status: Status = "open"
    tags: list[Text] = Field(default_factory=list)

    occurred_at: Moment | None = None
    detected_at: Moment | None = None

    # The minimum record of the playbook.
    system: Text
    model: Text
    prompt_version: Text
    data_source: Text
    user_population: Text
    triggering_input: Text
    observed_output: Text | None = None
    observed_action: Text | None = Field(default=None, validate_default=True)
    downstream_impact: Text
    containment_decision: Text
    remediation_owner: Text
    psf_edition: Edition = Field(default_factory=lambda: psf_taxonomy().edition)
    psf_domains: list[Text] = Field(min_length=1)

    deployment_version: Text | None = None
    retrieval_corpus: Text | None = None
    tool_permissions: list[Text] = Field(default_factory=list)
    vendor: Text | None = None
    incident_owner: Text | None = None
    communications_owner: Text | None = None
    flags: Flags = Field(default_factory=Flags)
    pause: list[Pause] = Field(default_factory=list)
    evidence: list[Evidence] = Field(default_factory=list)
    blast_radius: BlastRadius | None = None
    notifications: list[Notification] = Field(default_factory=list)
    restoration: Restoration | None = None
    failed_control: FailedControl | None = None
    communications: list[Communication] = Field(default_factory=list)
    root_cause: Text | None = None
    steps: dict[StepId, Step] = Field(default_factory=dict)
    sources: list[Text] = Field(default_factory=list)
    confidence: Confidence | None = None
    reconstructed: bool = False
    regression: Regression | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_this_edition(cls, data: Any, info: ValidationInfo) -> Any:
        if isinstance(data, dict) and "psf_edition" not in data:
            return {**data, "psf_edition": _taxonomy(info).edition}
        return data

    @field_validator("detected_at")
    @classmethod
    def _not_before_it_happened(cls, detected: str | None, info: ValidationInfo) -> str | None:
        occurred = info.data.get("occurred_at")
        if detected is not None and occurred is not None and span(detected)[1] < span(occurred)[0]:
            raise ValueError(f"detected before it occurred ({occurred})")
        return detected

    @field_validator("observed_action")
    @classmethod
    def _something_was_observed(cls, action: str | None, info: ValidationInfo) -> str | None:
        if action is None and info.data.get("observed_output", "") is None:
            raise ValueError("give observed_output, observed_action, or both")
        return action

    @field_validator("psf_edition")
    @classmethod
    def _edition_is_known(cls, edition: str, info: ValidationInfo) -> str:
        known = _taxonomy(info).edition
        if edition != known:
            raise ValueError(
                f"edition {edition!r} is not known; the domains here are those of edition {known}, "
                "and others number them otherwise"
            )
        return edition

    @field_validator("psf_domains")
    @classmethod
    def _domains_are_known(cls, domains: list[str], info: ValidationInfo) -> list[str]:
        taxonomy = _taxonomy(info)
        return list(dict.fromkeys(taxonomy.resolve(domain) for domain in domains))

    @property
    def cases(self) -> list[RegressionCase]:
        """The regression cases; none where the incident is not testable or not worked up yet."""
        return [] if self.regression is None else self.regression.cases

    def __repr__(self) -> str:  # in full it is pages long; `to_mapping` has it
        return f"Incident({self.id!r}: {self.title!r}, {self.class_}, {self.status})"

    def to_mapping(self) -> dict[str, Any]:
        """The record as it stands in a file: what is at its default left out."""
        given = self.model_dump(by_alias=True, exclude_defaults=True)
        head = {"schema": self.schema_, "id": self.id, "title": self.title, "class": self.class_}
        state = {"kind": self.kind, "status": self.status}
        written = {**head, **state, **given, "psf_edition": self.psf_edition}
        order = [field.alias or name for name, field in type(self).model_fields.items()]
        return {name: written[name] for name in order if name in written}


def incident_schema() -> dict[str, Any]:
    """The JSON Schema of an incident, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "aiir/incident/1",
        **Incident.model_json_schema(by_alias=True),
    }
