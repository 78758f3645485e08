"""Which domains of the Production Safety Framework there are, and what a record may call them."""

from __future__ import annotations

import difflib
from functools import cache
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from ..documents import parse_yaml, read_document, validate


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
    domains: list[Domain] = Field(min_length=1)

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
