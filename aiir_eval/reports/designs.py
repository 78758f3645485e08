"""The tables of a plan and of a calibration, as every report shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..words import count
from .wording import MISSING, number, rate

if TYPE_CHECKING:
    from ..compare.design import Plan
    from ..gate.calibration import Calibration, Share

POINT_HEADS = ("true loss", "fails", "inconclusive", "passes", "regressed")
CLAIM_HEADS = ("claim", "cases", "false alarm", "margin", "holds at its loss", "how")


def design_heads(plan: Plan) -> tuple[str, ...]:
    """The heads of the table of designs."""
    having = "" if plan.cases is None else f" of {plan.cases:,} cases"
    return (
        "trials",
        "cases" if plan.cases is None else "cases needed",
        "trials a side",
        f"power{having}",
        f"detectable{' so' if having else ''}",
        "noise of trials",
    )


def design_rows(plan: Plan) -> list[tuple[str, ...]]:
    """One row a number of trials."""
    from ..compare.design_words import design_row

    graded = plan.assumptions is not None and plan.assumptions.spread is not None
    return [design_row(design, graded=graded) for design in plan.designs]


def assumption_pairs(plan: Plan) -> list[tuple[str, str]]:
    """What the versions are taken to be like."""
    versions = plan.assumptions
    if versions is None:
        return []
    graded = versions.spread is not None
    pairs = [
        ("mean score" if graded else "pass rate", rate(versions.pass_rate, graded=graded)),
        ("discordance", "" if graded else rate(versions.discordance)),
        ("spread of a difference", number(versions.spread) if graded else ""),
        ("true difference", _amount(versions.difference, graded)),
        ("margin", "" if plan.margin is None else _amount(plan.margin, graded)),
        ("noise of trials", f"{versions.trial_noise:.0%} of the variance of one trial a side"),
    ]
    if versions.cluster_size > 1:
        pairs.append(
            ("clusters", f"{number(versions.cluster_size)} cases each, icc {versions.icc:.2f}")
        )
    level = f"{plan.confidence_level:.0%}"
    sides = "one-sided" if plan.goal == "non_inferior" else "two-sided"
    return [*pairs, ("test", f"{sides} at {level}, power {plan.power:.0%}")]


def point_rows(calibration: Calibration) -> list[list[str]]:
    """One row a true loss."""
    return [
        [
            _amount(point.loss, calibration.graded),
            share(point.failed),
            f"{100 * point.inconclusive.rate:.1f}%",
            share(point.passed),
            f"{100 * point.regressed.rate:.1f}%",
        ]
        for point in calibration.points
    ]


def claim_rows(calibration: Calibration) -> list[tuple[str, ...]]:
    """One row a claim, those that are re-randomised first."""
    ranked = sorted(calibration.claims, key=lambda claim: claim.coverage != "re-randomised")
    return [
        (
            claim.name,
            f"{claim.n_cases:,}",
            share(claim.false_alarm),
            MISSING if claim.margin is None else _amount(claim.margin, calibration.graded),
            share(claim.false_pass),
            claim.coverage,
        )
        for claim in ranked
    ]


def calibration_facts(calibration: Calibration) -> list[tuple[str, str]]:
    """What was calibrated, and how."""
    old, new = calibration.n_trials
    clusters = count(calibration.n_clusters, "cluster")
    alike = []
    if max(old, new) > calibration.n_cases:
        alike.append(f"{calibration.trial_likeness:.2f} between trials of a case")
    if calibration.n_clusters < calibration.n_cases:
        alike.append(f"{calibration.case_likeness:.2f} between cases of a cluster")
    return [
        ("runs", f"{calibration.baseline} and {calibration.candidate}"),
        ("size", f"{count(calibration.n_cases, 'case')} in {clusters}, {old:,} + {new:,} trials"),
        ("policy", calibration.policy.description),
        ("unchanged", f"fails {share(calibration.points[0].failed)}, called regressed "
                      f"{share(calibration.points[0].regressed)}"),
        ("repeated", f"{count(calibration.repetitions, 'repetition')}, seed {calibration.seed}"),
        ("losses alike", ", ".join(alike)),
    ]  # fmt: skip


def share(value: Share | None) -> str:
    """``83.0% [77.1, 87.9]``."""
    if value is None:
        return MISSING
    low, high = value.confidence_interval()
    return f"{100 * value.rate:.1f}% [{100 * low:.1f}, {100 * high:.1f}]"


def _amount(value: float, graded: bool) -> str:
    from ..compare.design_words import amount

    return "none" if value == 0 else amount(value, graded)
