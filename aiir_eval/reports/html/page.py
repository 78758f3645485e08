"""A template of ours filled: escaping, the content security policy, what every page shares."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from ..._version import __version__
from .. import wording
from ..visible import one_line, shortened, visible

if TYPE_CHECKING:
    import jinja2

    from ...compare.result import Finding

_MINUS = re.compile(r"(?<![\w-])-(?=[\d.])|(?<=\de)-(?=\d)")  # of a number; no hyphen, no date
MAX_OUTPUT = 6_000  # characters of one output


@dataclass(frozen=True, slots=True)
class Figure:
    """One of the large numbers at the top of a page; `name_of` is whose it is."""

    name: str
    value: str
    note: str = ""
    name_of: str = ""


def page(template: str, *, kind: str, word: str | None, sentence: str, **values: Any) -> str:
    """A template filled; the head is the same for all."""
    css, script = _source("page.css"), _source("page.js")
    said = wording.told(word, sentence) if word else sentence
    policy = (
        f"default-src 'none'; style-src 'sha256-{_digest(css)}'; "
        f"script-src 'sha256-{_digest(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    return (
        _environment()
        .get_template(template)
        .render(
            css=css,
            script=script,
            csp=policy,
            tool_version=__version__,
            title=one_line(f"{wording.name(word).capitalize()}: {said}" if word else said, 120),
            kind=kind,
            word=word,
            sentence=_parts(said),
            **values,
        )
    )


def _typeset(numbers: str) -> str:
    """Our own numbers with real minus and comparison signs."""
    if numbers == wording.MISSING:
        return "\N{EN DASH}"
    numbers = numbers.replace(">=", "\N{GREATER-THAN OR EQUAL TO}")
    numbers = numbers.replace("<=", "\N{LESS-THAN OR EQUAL TO}")
    return _MINUS.sub("\N{MINUS SIGN}", numbers)


def _arrow(text: str) -> str:
    return text.replace(" -> ", " \N{RIGHTWARDS ARROW} ")


def _parts(sentence: str) -> tuple[str, str, str]:
    """A sentence in three: before, within and after its first brackets (the numbers)."""
    found = re.match(r"([^(]*) \(([^()]*)\)(.*)", sentence := _arrow(sentence), re.DOTALL)
    return (found[1], f" ({found[2]})", found[3]) if found else (sentence, "", "")


@cache
def _environment() -> jinja2.Environment:
    import jinja2

    def finalize(value: Any) -> Any:
        # What is Markup comes out of our own templates; all other text is made visible.
        return visible(value) if type(value) is str else value

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("aiir_eval", "reports/html/templates"),
        autoescape=True,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.globals.update(
        w=wording, one_line=one_line, shortened=shortened, max_output=MAX_OUTPUT, evidence=evidence
    )
    environment.filters["arrow"] = _arrow
    environment.filters["num"] = _typeset
    return environment


@cache
def _source(name: str) -> str:
    from importlib.resources import files

    folder = files("aiir_eval").joinpath("reports", "html", "templates")
    return folder.joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def evidence(finding: Finding) -> list[tuple[str, str]]:
    """The numbers of a finding as one reads them."""
    return [
        (key.replace("_", " "), one_line(_evidence_text(value), 240))
        for key, value in finding.evidence.items()
        if value is not None
    ]


def _evidence_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return wording.number(value)
    if isinstance(value, Mapping):
        inside = (
            f"{key} ({_evidence_text(item)})"
            if isinstance(item, Mapping)
            else f"{str(key).replace('_', ' ')} {_evidence_text(item)}"
            for key, item in value.items()
        )
        return ", ".join(inside)
    if isinstance(value, Sequence):
        return ", ".join(_evidence_text(item) for item in value)
    return str(value)
