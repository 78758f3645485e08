"""How does a verdict stand on disk (schema aiir/verdict/1), and how is it read back?

::

    schema, then the keys of `aiir gate --format json`
    saved   the policy, what the claims' keys leave out, and what is saved of the comparison
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..compare.document import comparison_from_mapping, comparison_mapping
from ..compare.result import Needed, number
from ..documents import read_json, write_json
from ..errors import DocumentError
from .policy import Policy
from .result import ClaimResult, Verdict

SCHEMA = "aiir/verdict/1"


def save_verdict(verdict: Verdict, path: str | Path) -> None:
    """Write a verdict as JSON, whole or not at all."""
    comparison = comparison_mapping(verdict.comparison)
    document = {
        "schema": SCHEMA,
        **verdict.to_dict(),
        "saved": {
            "policy": verdict.policy.to_mapping(),
            "problems": list(verdict.problems),
            "claims": [
                {
                    "rule": claim.rule,
                    "threshold": number(claim.threshold),
                    "n_cases": claim.n_cases,
                    "bound": number(claim.bound),
                }
                for claim in verdict.claims
            ],
            "comparison": comparison["saved"],
        },
    }
    write_json(path, document)


def load_verdict(path: str | Path) -> Verdict:
    """Read a verdict that `save_verdict` wrote.

    Raises `DocumentError` where the file is no verdict, or was cut or changed by hand.
    """
    data = read_json(path)
    if not isinstance(data, Mapping) or data.get("schema") != SCHEMA:
        raise DocumentError(
            "this is no saved verdict",
            file=str(path),
            field="schema",
            hint=f"save one with `aiir gate -o`; its schema is {SCHEMA}",
        )
    try:
        saved = data["saved"]
        comparison = comparison_from_mapping(
            {**data["comparison"], "saved": saved["comparison"]}, str(path)
        )
        verdict = Verdict(
            verdict=data["verdict"],
            claims=[
                _claim(claim, more)
                for claim, more in zip(data["claims"], saved["claims"], strict=True)
            ],
            comparison=comparison,
            policy=Policy.model_validate(saved["policy"]),
            evidence=data["evidence"],
            problems=saved["problems"],
        )
        if contradiction := _contradiction(verdict, data["exit_code"]):
            raise ValueError(contradiction)
        return verdict
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DocumentError(
            f"this saved verdict is damaged: {type(error).__name__}: {error}",
            file=str(path),
            hint="save it again with `aiir gate -o`",
        ) from None


def _contradiction(verdict: Verdict, exit_code: int) -> str | None:
    """What in a verdict goes against it: no gate writes that."""
    if exit_code != verdict.exit_code:
        return f"the verdict is {verdict.verdict}, and the exit code {exit_code}"
    if verdict.verdict == "pass" and verdict.problems:
        return f"the verdict is pass, in spite of: {verdict.problems[0]}"
    other = [claim.name for claim in verdict.claims if claim.verdict != "pass"]
    if verdict.verdict == "pass" and other:
        return f"the verdict is pass, and that of the claim {other[0]!r} is not"
    return None


def _claim(claim: Mapping[str, Any], more: Mapping[str, Any]) -> ClaimResult:
    low, high = claim["confidence_interval"]
    return ClaimResult(
        name=claim["name"],
        verdict=claim["verdict"],
        estimate=claim["estimate"],
        low=low,
        high=high,
        pvalue=claim["pvalue"],
        pvalue_adjusted=claim["pvalue_adjusted"],
        needed=None if claim["needed"] is None else Needed(**claim["needed"]),
        reason=claim["reason"],
        **more,
    )
