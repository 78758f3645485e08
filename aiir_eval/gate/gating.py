"""May the change ship? Every claim judged, then weighed: pass, fail, inconclusive or invalid.

Pass needs every claim at its own level (intersection-union: no correction); fail needs a violation
that stands after Holm over the claims. Whatever is missing, doubled or damaged makes the verdict
invalid, never pass.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._version import __version__
from ..compare.comparability import uneven_trials
from ..compare.measuring import Rng
from ..compare.pairing import Paired
from ..compare.result import Comparison
from ..errors import InputError
from .judging import Ground, Judged, judge
from .policy import Policy, default_policy, load_policy
from .result import ClaimResult, Verdict, VerdictName

if TYPE_CHECKING:
    from ..incidents.model import Incident
    from ..runs.model import Run

GRAVITY: Mapping[VerdictName, int] = {"pass": 0, "inconclusive": 1, "fail": 2, "invalid": 3}


def gate(
    comparison: Comparison,
    policy: Policy | str | Path | None = None,
    *,
    incidents: Mapping[str, Incident] | Iterable[Incident] | None = None,
    allow_python: Collection[str] = (),
    rng: Rng = 0,
) -> Verdict:
    """Decide whether a change may ship.

    Parameters
    ----------
    comparison : Comparison
        Of the two runs, as `compare` gives it.
    policy : Policy or path, optional
        What must hold; without one, that the pass rate over all cases falls by less than 0.05.
    incidents : mapping by id, or incidents, optional
        The records whose bad outputs prove that checks can fail; by default those of this folder
        (``incidents_corpus``) and the shipped ones. A check without one counts as proven only
        where it failed in the baseline.
    allow_python : collection of str
        Python scorers (``python:module:function``) that may be run on those bad outputs.
    rng : Generator, SeedSequence, int or None
        Seed of the resampling.

    Returns
    -------
    Verdict

    Raises
    ------
    InputError
        The policy cannot be read; the comparison is none, or was read from a file and holds no
        runs.
    """
    if not isinstance(comparison, Comparison):
        raise InputError(
            f"gate() judges a comparison, not {type(comparison).__name__}",
            hint="aiir.gate(aiir.compare(old, new), policy)",
        )
    if policy is None:
        policy = default_policy()
    elif not isinstance(policy, Policy):
        policy = load_policy(policy)
    paired = comparison.paired
    if paired is None:
        raise InputError(
            "this comparison was read from a file and holds no runs",
            hint="compare the runs again",
        )
    stops = reasons_against(comparison, paired, policy)
    if stops:
        claims = [void(claim.name, claim.rule, stops[0]) for claim in policy.claims]
        verdict: VerdictName = "invalid"
    else:
        if policy.max_error_rate > 0:
            paired = paired.counting_errors()
        proven = proven_by(comparison.new, incidents, allow_python=allow_python)
        ground = Ground(paired, policy, proven, rng)
        judged = [
            result
            for number, claim in enumerate(policy.claims)
            for result in judge(claim, ground, number)
        ]
        claims = weigh(judged, policy.confidence_level)
        verdict = max((claim.verdict for claim in claims), key=GRAVITY.__getitem__)
    return Verdict(
        verdict=verdict,
        claims=claims,
        comparison=comparison,
        policy=policy,
        evidence=evidence_of(comparison, policy, rng),
        problems=stops,
    )


def reasons_against(comparison: Comparison, paired: Paired, policy: Policy) -> list[str]:
    """Why nothing may be concluded at all."""
    stops = list(comparison.problems)
    for side, name in ((paired.old, "baseline"), (paired.new, "candidate")):
        n = side.error.size
        errors = int(side.error.sum())
        if n and errors / n > policy.max_error_rate:
            first = _first_error(side.run)
            stops.append(
                f"{errors:,} of {n:,} trials of the {name} errored, the policy allows a share of "
                f"{policy.max_error_rate:g}; the first: {first}"
            )
    uneven = uneven_trials(paired)
    if uneven:
        stops.append(
            f"{len(uneven):,} cases have another number of trials on one side than on the other "
            f"while the rest line up ({', '.join(map(repr, uneven[:3]))}): rows may be missing"
        )
    return stops


def _first_error(run: Run) -> str:
    import pyarrow.compute as pc

    text: str = pc.drop_null(run.trials["error"])[0].as_py()
    return text[:200]


def proven_by(
    run: Run,
    incidents: Mapping[str, Incident] | Iterable[Incident] | None,
    *,
    allow_python: Collection[str] = (),
) -> Mapping[str, frozenset[str]]:
    """By case, the checks that fail on a bad output of the case's incident."""
    if not run.cases:
        return {}
    if incidents is None:
        from ..incidents.loading import nearby_register

        incidents = nearby_register().incidents
    from ..suites import proven_checks

    if not isinstance(incidents, Mapping):
        incidents = {incident.id: incident for incident in incidents}
    proven: Mapping[str, frozenset[str]] = proven_checks(
        list(run.cases.values()), incidents, allow_python=allow_python
    )
    return proven


def weigh(judged: Sequence[Judged], confidence_level: float) -> list[ClaimResult]:
    """Each claim's verdict in the light of all: pass at its own level, fail after Holm."""
    from ..stats import holm

    pvalues = [
        np.nan if item.violation is None or item.invalid else item.violation for item in judged
    ]
    adjusted = holm(pvalues).tolist()
    results = []
    for item, pvalue in zip(judged, adjusted, strict=True):
        tested = pvalue == pvalue
        if item.invalid:
            verdict: VerdictName = "invalid"
        elif item.holds:
            verdict = "pass"
        elif item.certain or (tested and pvalue <= 1 - confidence_level + 1e-12):
            verdict = "fail"
        else:
            verdict = "inconclusive"
        results.append(
            ClaimResult(
                name=item.name,
                verdict=verdict,
                estimate=item.estimate,
                low=item.low,
                high=item.high,
                pvalue=item.violation,
                pvalue_adjusted=pvalue if tested else None,
                needed=item.needed if verdict == "inconclusive" else None,
                reason=item.reason,
                rule=item.rule,
                threshold=item.threshold,
                n_cases=item.n_cases,
                bound=item.bound,
            )
        )
    return results


def void(name: str, rule: str, reason: str) -> ClaimResult:
    return ClaimResult(
        name=name,
        verdict="invalid",
        estimate=None,
        low=None,
        high=None,
        pvalue=None,
        pvalue_adjusted=None,
        needed=None,
        reason=f"not judged: {reason}",
        rule=rule,
    )


def evidence_of(comparison: Comparison, policy: Policy, rng: Rng) -> dict[str, Any]:
    """What a third party needs to find out whether this is the same comparison."""
    return {
        "suite_digest": comparison.new.manifest.suite_digest,
        "policy_digest": policy.digest(),
        "baseline": run_evidence(comparison.old),
        "candidate": run_evidence(comparison.new),
        "tool_version": __version__,
        "seed": rng if isinstance(rng, int) else None,
        "check": comparison.check,
    }


def run_evidence(run: Run) -> dict[str, Any]:
    manifest = run.manifest
    return {
        "target": manifest.target_name,
        "fingerprint": manifest.fingerprint,
        "suite_digest": manifest.suite_digest,
        "files": dict(manifest.files),
        "seed": manifest.seed,
        "tool_version": manifest.tool_version,
    }
