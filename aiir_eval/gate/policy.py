"""What must hold to ship? The policy document (schema aiir/policy/1), read strictly.

::

    schema: aiir/policy/1
    confidence_level: 0.95
    max_error_rate: 0
    claims:
      - {name: incidents fixed, select: {origin: incident}, failure_rate_below: 0.05}
      - {name: no regression,   non_inferior: {margin: 0.02}}
      - {name: by class,        non_inferior: {margin: 0.05}, by: class}
      - {name: zero tolerance,  select: {class: pii_or_secret_exposure}, max_failures: 0}
      - {name: not slower,      metric: latency_s, quantile: 0.95, ratio_below: 1.2}
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from ..documents import digest, duplicates, read_document, validate
from ..incidents.classes import IncidentClass
from ..showing import Shown
from ..suites.model import Origin
from ..words import count

Metric = Literal["latency_s", "cost_usd", "output_tokens", "score"]
Rule = Literal["non_inferior", "failure_rate_below", "max_failures", "metric"]
RULES: tuple[Rule, ...] = ("non_inferior", "failure_rate_below", "max_failures", "metric")
DEFAULT_MARGIN = 0.05


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def _listed(value: Any) -> Any:
    """One value or a list of them, as a list."""
    return value if isinstance(value, list) else [value]


def _not_empty(values: list[Any]) -> list[Any]:
    if not values:
        raise ValueError("an empty list selects nothing; leave the key out")
    return values


Several = Annotated[
    list[str],
    BeforeValidator(_listed, json_schema_input_type=str | list[str]),
    AfterValidator(_not_empty),
]
Classes = Annotated[
    list[IncidentClass],
    BeforeValidator(_listed, json_schema_input_type=IncidentClass | list[IncidentClass]),
    AfterValidator(_not_empty),
]
Origins = Annotated[
    list[Origin],
    BeforeValidator(_listed, json_schema_input_type=Origin | list[Origin]),
    AfterValidator(_not_empty),
]


class Select(_Strict):
    """Which cases a claim is about: keys are ANDed, the values of a key are alternatives."""

    class_: Classes | None = Field(default=None, alias="class")
    origin: Origins | None = None
    incident_id: Several | None = None
    tag: Several | None = None
    case_id: Several | None = None

    def keys(self) -> dict[str, list[str]]:
        """The keys that are given, by their names in the document."""
        return self.model_dump(by_alias=True, exclude_none=True)

    def __str__(self) -> str:
        keys = self.keys().items()
        return ", ".join(f"{key} {' or '.join(values)}" for key, values in keys) or "all cases"


class NonInferior(_Strict):
    """The candidate loses less than this margin of pass rate (mean score)."""

    margin: float = Field(gt=0, lt=1)


class Claim(_Strict):
    """One thing that must hold; exactly one rule."""

    name: str = Field(min_length=1)
    select: Select = Field(default_factory=Select)
    non_inferior: NonInferior | None = None
    by: str | None = Field(default=None, min_length=1)
    failure_rate_below: float | None = Field(default=None, gt=0, lt=1)
    max_failures: int | None = Field(default=None, ge=0)
    metric: Metric | None = None
    mean: Literal[True] | None = None
    quantile: float | None = Field(default=None, gt=0, lt=1)
    ratio_below: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    value_below: float | None = Field(default=None, allow_inf_nan=False)

    @property
    def rule(self) -> Rule:
        """The name of its one rule."""
        return next(rule for rule in RULES if getattr(self, rule) is not None)

    @model_validator(mode="after")
    def _one_rule(self) -> Claim:
        given = [rule for rule in RULES if getattr(self, rule) is not None]
        if len(given) != 1:
            found = " and ".join(given) if given else "none"
            raise ValueError(f"a claim has exactly one rule of {', '.join(RULES)}; found {found}")
        details = ("mean", "quantile", "ratio_below", "value_below")
        stated = [name for name in details if getattr(self, name) is not None]
        if given != ["metric"]:
            if stated:
                raise ValueError(f"{', '.join(stated)} belongs to a metric, which is not named")
        else:
            if (self.ratio_below is None) == (self.value_below is None):
                raise ValueError("a metric needs one of ratio_below and value_below")
            if self.mean and self.quantile is not None:
                raise ValueError("a metric is judged by its mean or by a quantile, not both")
        if self.by is not None and given != ["non_inferior"]:
            raise ValueError(
                f"by makes one claim a level of non_inferior; {given[0]} "
                + (
                    "is per incident already"
                    if given == ["failure_rate_below"]
                    else "has no levels"
                )
            )
        return self


class Policy(Shown, _Strict):
    """What must hold to ship.

    `max_error_rate`: the share of errored trials either side may have; above it the verdict is
    invalid. Raised above 0, a candidate's error counts as a fail and a baseline's as a pass.
    """

    schema_: Literal["aiir/policy/1"] = Field(default="aiir/policy/1", alias="schema")
    confidence_level: float = Field(default=0.95, ge=0.5, lt=1)
    max_error_rate: float = Field(default=0.0, ge=0, lt=1)
    claims: list[Claim] = Field(min_length=1)

    @field_validator("claims")
    @classmethod
    def _names_are_unique(cls, claims: list[Claim]) -> list[Claim]:
        if twice := duplicates(claim.name for claim in claims):
            raise ValueError(f"two claims are named {twice[0]!r}; give each a name of its own")
        return claims

    @property
    def margin(self) -> float | None:
        """The margin of the claim about all cases, else the smallest of all; None without any."""
        margins = [claim for claim in self.claims if claim.non_inferior is not None]
        pooled = [claim for claim in margins if not claim.select.keys() and claim.by is None]
        chosen = [claim.non_inferior.margin for claim in pooled or margins if claim.non_inferior]
        return min(chosen, default=None)

    @property
    def is_default(self) -> bool:
        """Whether this is the policy that stands in where none is given."""
        return self == default_policy()

    @property
    def description(self) -> str:
        """The policy in a few words."""
        if self.is_default:
            return (
                "default policy: the pass rate over all cases falls by less than "
                f"{100 * DEFAULT_MARGIN:g} points"
            )
        return f"{count(len(self.claims), 'claim')}, confidence {self.confidence_level:g}"

    def to_mapping(self) -> dict[str, Any]:
        """The policy as it may stand in a file: what is not given is left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def digest(self) -> str:
        """SHA-256 of the policy's canonical JSON, whatever file it was read from."""
        return digest(self.model_dump(mode="json", by_alias=True))


def load_policy(path: str | Path) -> Policy:
    """Read a policy file (YAML).

    Raises `DocumentError` with every problem at once, each with file, line and field.
    """
    return validate(Policy, read_document(path))


def default_policy() -> Policy:
    """One pooled non-inferiority claim, margin 0.05."""
    claim = Claim(name="no regression", non_inferior=NonInferior(margin=DEFAULT_MARGIN))
    return Policy(claims=[claim])
