"""The options that state facts of a record, the same for ``aiir incident new`` and ``set``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, get_args

import click

from ...incidents.classes import CLASSES
from ...incidents.model import Kind
from .records import utc_text

TEXTS = {
    "title": "What happened, in a line.",
    "system": "The affected system.",
    "model": "Model and version.",
    "prompt_version": "Version of the prompt.",
    "deployment_version": "What was deployed.",
    "retrieval_corpus": "What it retrieves from; 'none' is an answer.",
    "data_source": "What data it used.",
    "user_population": "Who uses it, who was affected.",
    "vendor": "The third party that had a part in it.",
    "observed_output": "What was said.",
    "observed_action": "What was done.",
    "triggering_input": "What was asked or sent.",
    "downstream_impact": "What followed, and for whom.",
    "containment_decision": "What was paused or switched off.",
    "root_cause": "Why it could happen.",
}
_OPTIONS = (
    click.option(
        "--class",
        "class_",
        type=click.Choice(CLASSES),
        metavar="CLASS",
        help=f"What kind of event it is: {', '.join(CLASSES)}.",
    ),
    click.option("--kind", type=click.Choice(get_args(Kind)), help="What it is a record of."),
    click.option("--owner", "incident_owner", metavar="NAME", help="Who leads the response."),
    click.option("--communications-owner", metavar="NAME", help="Who speaks for it."),
    click.option("--remediation-owner", metavar="NAME", help="Who leads the fix."),
    click.option(
        "--flag",
        "flags",
        multiple=True,
        metavar="NAME=yes|no|unknown:WHY",
        help="What the event may involve, and why: personal_data=yes:'names shown'. Repeatable.",
    ),
    click.option(
        "--tool-permission",
        "tool_permissions",
        multiple=True,
        metavar="NAME",
        help="What it may do. Repeatable.",
    ),
    click.option(
        "--psf-domain", "psf_domains", multiple=True, metavar="DOMAIN", help="Repeatable."
    ),
    click.option("--occurred-at", metavar="TIME", help="When it happened."),
    click.option(
        "--detected-at", metavar="TIME", help="When it was noticed; deadlines run from it."
    ),
    *(
        click.option(f"--{name.replace('_', '-')}", metavar="TEXT", help=help_)
        for name, help_ in TEXTS.items()
    ),
)


def fact_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Every fact of a record as an option of a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def stated(facts: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What was stated, by the names of the record's fields; and the flags, by theirs."""
    given: dict[str, Any] = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in facts.items()
        if name != "flags" and value not in (None, ())
    }
    for name in ("occurred_at", "detected_at"):
        if name in given:
            given[name] = utc_text(given[name], f"--{name.replace('_', '-')}")
    return given, dict(map(_flag, facts["flags"]))


def _flag(text: str) -> tuple[str, Any]:
    from ...incidents.model import Flag, Flags

    name, equals, rest = text.partition("=")
    value, _, reason = rest.partition(":")
    name, value, reason = name.strip(), value.strip(), reason.strip().strip('"')
    if not equals or name not in Flags.model_fields:
        raise click.UsageError(
            f"--flag {text!r}: write NAME=yes|no|unknown:WHY; the flags are "
            + ", ".join(Flags.model_fields)
        )
    if value not in ("yes", "no", "unknown"):
        raise click.UsageError(f"--flag {text!r}: the answer is yes, no or unknown")
    if not reason:
        raise click.UsageError(f"--flag {text!r}: say why, after a colon")
    return name, Flag(value=value, reason=reason)  # type: ignore[arg-type]
