"""What does a verdict say, in one sentence of plain English?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..words import count

if TYPE_CHECKING:
    from .result import ClaimResult, Verdict


def verdict_sentence(verdict: Verdict) -> str:
    """``Fail: 1 of 4 claims is violated: no regression (...).``"""
    return f"{_claims(verdict)}{_calls(verdict)}."


def _calls(verdict: Verdict) -> str:
    """What a sequential gate saved."""
    told = verdict.evidence.get("sequential")
    if not told:
        return ""
    calls, planned = told["calls"], told["calls_of_all_trials"]
    settled = verdict.verdict in ("pass", "fail")
    after = f"{'decided' if settled else 'ended'} after {calls:,} of {planned:,} calls"
    return f"; {after}: {int(100 * told['saved'])}% saved"


def _claims(verdict: Verdict) -> str:
    claims = verdict.claims
    if verdict.problems:
        more = f" (and {len(verdict.problems) - 1} more)" if len(verdict.problems) > 1 else ""
        return f"Invalid: {verdict.problems[0]}{more}"
    if verdict.verdict == "pass":
        single = "the claim holds" if len(claims) == 1 else f"all {len(claims)} claims hold"
        return f"Pass: {single}{_first(claims) if len(claims) == 1 else ''}"
    what = {"fail": "violated", "inconclusive": "not settled", "invalid": "invalid"}
    these = [claim for claim in claims if claim.verdict == verdict.verdict]
    verb = "is" if len(these) == 1 else "are"
    return (
        f"{verdict.verdict.capitalize()}: {len(these)} of {count(len(claims), 'claim')} "
        f"{verb} {what[verdict.verdict]}{_first(these)}"
    )


def _first(claims: object) -> str:
    items: list[ClaimResult] = list(claims)  # type: ignore[call-overload]
    names = ", ".join(claim.name for claim in items[:3])
    more = f" and {len(items) - 3} more" if len(items) > 3 else ""
    reason = f" ({items[0].reason})" if len(items) == 1 else ""
    return f": {names}{more}{reason}"
