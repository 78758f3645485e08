"""``aiir schema``: JSON Schemas, so that editors validate what people write."""

from __future__ import annotations

from typing import Any

import click

from .output import print_json

KINDS = (
    "incident",
    "clocks",
    "vendor",
    "suite",
    "policy",
    "config",
    "run",
    "baseline",
    "drift",
    "drift-summary",
    "drift-watch",
)


@click.command()
@click.argument("kind", type=click.Choice(KINDS))
def schema(kind: str) -> None:
    """The JSON Schema of a kind of document.

    \b
    aiir schema suite > suite.schema.json
    """
    print_json(json_schema(kind))


def json_schema(kind: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a kind of document."""
    from pydantic import BaseModel

    from ..drift.document import DriftDocument
    from ..drift.summaries.document import SummaryDocument
    from ..drift.watching.state import WatchState
    from ..gate.policy import Policy
    from ..incidents.clocks import Clocks
    from ..incidents.model import Incident
    from ..response.vendors import VendorAssessment
    from ..runs.baselines import Baseline
    from ..runs.model import RunManifest
    from ..suites.model import Suite
    from ..targets.config import ConfigDocument

    models: dict[str, type[BaseModel]] = {
        "incident": Incident,
        "clocks": Clocks,
        "vendor": VendorAssessment,
        "suite": Suite,
        "policy": Policy,
        "config": ConfigDocument,
        "run": RunManifest,
        "baseline": Baseline,
        "drift": DriftDocument,
        "drift-summary": SummaryDocument,
        "drift-watch": WatchState,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"aiir/{kind}/1",
        **models[kind].model_json_schema(by_alias=True),
    }
