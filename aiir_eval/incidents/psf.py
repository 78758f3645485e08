"""Which domains of the Production Safety Framework there are, and what a record may call them."""

from __future__ import annotations

import difflib
from functools import cache
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..documents import parse_yaml, read_document, validate
from .classes import ControlKind, IncidentClass


class Domain(BaseModel):
    """One domain: its id, name, other names, and what it asks for in a sentence."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(min_length=1)
    name: str = Field(min_length=1)
    aliases: list[str] = Field(default_factory=list)
    summary: str = ""


class Taxonomy(BaseModel):
    """The domains of one edition of a framework."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    edition: str
    name: str
    publisher: str
    source: str
    licence: str = ""
    defaults: dict[IncidentClass, list[str]] = Field(default_factory=dict)
    controls: dict[ControlKind, list[str]] = Field(default_factory=dict)
    domains: list[Domain] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_one_domain_each(self) -> Taxonomy:
        called: dict[str, str] = {}
        for domain in self.domains:
            for name in {domain.id.lower(), domain.name.lower(), *map(str.lower, domain.aliases)}:
                if called.setdefault(name, domain.id) != domain.id:
                    raise ValueError(f"{name!r} names both {called[name]} and {domain.id}")
        ids = {domain.id for domain in self.domains}
        for name, domains in [*self.defaults.items(), *self.controls.items()]:
            if strange := [domain for domain in domains if domain not in ids]:
                raise ValueError(f"the domains of {name}: {strange[0]!r} is no domain here")
        return self

    def domains_of(self, class_: IncidentClass) -> list[str]:
        """The domains a class implicates unless its record says more, the primary one first.

        All of them where the taxonomy has no default: a person narrows them down.
        """
        return list(self.defaults.get(class_, [domain.id for domain in self.domains]))

    def domains_of_control(self, kind: ControlKind) -> list[str]:
        """The domains that a kind of control belongs to; none where the taxonomy does not say."""
        return list(self.controls.get(kind, []))

    def names(self) -> dict[str, str]:
        """Every id, name and alias in lower case, with the id it stands for."""
        return {
            name.lower(): domain.id
            for domain in self.domains
            for name in (domain.id, domain.name, *domain.aliases)
        }

    def resolve(self, name: str) -> str:
        """The id of a domain called by its id, name or alias; ValueError lists those there are."""
        names = self.names()
        called = " ".join(name.split()).lower()
        if called in names:
            return names[called]
        known = ", ".join(f"{domain.id} ({domain.name})" for domain in self.domains)
        near = difflib.get_close_matches(called, names, n=1)
        guess = f"; did you mean {names[near[0]]}?" if near else ""
        raise ValueError(
            f"{name!r} is no domain of the {self.name} {self.edition}{guess} There are {known}"
        )


@cache
def psf_taxonomy() -> Taxonomy:
    """The Production Safety Framework as shipped (edition 1.1)."""
    text = files(__package__).joinpath("psf.yaml").read_text(encoding="utf-8")
    return validate(Taxonomy, parse_yaml(text, "psf.yaml"))


def load_taxonomy(path: str | Path) -> Taxonomy:
    """Another edition or framework from a file of the same form."""
    return validate(Taxonomy, read_document(path))
