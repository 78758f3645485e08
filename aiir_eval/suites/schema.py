"""The JSON Schema of a suite, with the parameters of every scorer: editors complete them."""

from __future__ import annotations

from typing import Any


def suite_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a suite document."""
    from .model import Suite

    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "aiir/suite/1",
        **Suite.model_json_schema(by_alias=True),
    }


def check_schema() -> dict[str, Any]:
    """The JSON Schema of a check: a scorer of ours with its parameters, or any other scorer."""
    from ..scorers import SCORERS

    known = [_one(name, factory.model_json_schema()) for name, factory in SCORERS.items()]
    other = {
        "type": "object",
        "description": "A scorer of MLflow (mlflow.NAME), Evidently (evidently.NAME) or "
        "another package, or python:module:function.",
        "required": ["scorer"],
        "properties": {
            "scorer": {"type": "string", "minLength": 1, "not": {"enum": list(SCORERS)}},
            "name": _NAME,
        },
    }
    return {"oneOf": [*known, other]}


_NAME = {
    "type": "string",
    "minLength": 1,
    "description": "The name of the check, unique in its case; by default the scorer's.",
}


def _one(name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "description": parameters.get("description", ""),
        "required": ["scorer", *parameters.get("required", [])],
        "properties": {
            "scorer": {"const": name},
            "name": _NAME,
            **parameters.get("properties", {}),
        },
        "additionalProperties": False,
    }
