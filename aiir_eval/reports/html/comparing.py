"""The HTML pages of a verdict and of a comparison."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ...compare.flipped import flipped_cases
from ...documents import dump_yaml
from ..wording import (
    graded,
    number,
    points,
    pvalue,
    rate,
    rate_span,
    size,
    span,
    stated_pvalue,
)
from .fitting import BUDGET, MIN_TEXT, text_limit, written
from .page import MAX_OUTPUT, Figure, page
from .repeating import run_commands
from .rows import check_group, claim_groups, slice_group
from .settling import settling

if TYPE_CHECKING:
    from ...compare.flipped import FlippedCase
    from ...compare.result import Comparison
    from ...gate.result import Verdict

FLIPS = 440  # listed on any page: with their texts, below a megabyte
FLIPS_OF_THOUSAND = 250  # where that is more
ROOM = 850_000  # bytes of the flips of a page of a thousand cases; of more cases as many more
MARKUP, CHECK_MARKUP = 950, 140  # bytes of a flip without its texts, of a check that changed
QUOTE, LINE, REASON = 160, 200, 600  # the most of an output and a reason on a line, of a check's


def verdict_page(verdict: Verdict) -> str:
    """The page of a verdict."""
    return page(
        "verdict.html.j2",
        kind="Verdict of the gate",
        word=verdict.verdict,
        sentence=verdict.sentence,
        claims=claim_groups(verdict),
        policy=verdict.policy.description,
        policy_text=dump_yaml(verdict.policy.to_mapping()),
        commands=_gate_commands(verdict),
        **_parts(verdict.comparison),
    )


def comparison_page(comparison: Comparison) -> str:
    """The page of a comparison."""
    return page(
        "comparison.html.j2",
        kind="Comparison",
        word=comparison.conclusion,
        sentence=comparison.sentence,
        policy_text="",
        commands=_compare_commands(comparison),
        **_parts(comparison),
    )


def _parts(comparison: Comparison) -> dict[str, Any]:
    manifest = comparison.new.manifest
    flips, limit = _flips(comparison)
    return {
        "comparison": comparison,
        "when": (manifest.end or manifest.start)[:16].replace("T", " "),
        "figures": _figures(comparison),
        "flips": flips,
        "flip_limit": limit,
        "quote_limit": min(limit, QUOTE),
        "reason_limit": min(limit, REASON),
        "n_broke": len(comparison.flip_ids.broke),
        "n_fixed": len(comparison.flip_ids.fixed),
        "checks": check_group(comparison),
        "slices": slice_group(comparison),
        "settling": settling(comparison),
        "compared": _compared(comparison),
        "digests": _digests(comparison),
    }


def _flips(comparison: Comparison) -> tuple[Sequence[FlippedCase], int]:
    """The flips that are listed, and how many characters of each text."""
    of_many = comparison.n_cases / 1_000
    flips = flipped_cases(
        comparison, limit=_listed(comparison, max(FLIPS, FLIPS_OF_THOUSAND * of_many))
    )
    room = ROOM * max(of_many, 1)
    least = sum(map(_least, flips))
    if least > room:
        most = len(flips) * room / least
        flips = flipped_cases(comparison, limit=_listed(comparison, most))
    markup = sum(MARKUP + CHECK_MARKUP * len(case.changed_checks) for case in flips)
    budget = min(BUDGET, room - markup)
    return flips, text_limit((text for case in flips for text in _texts(case)), round(budget))


def _listed(comparison: Comparison, most: float) -> tuple[int, int]:
    """How many cases that broke and that were fixed are listed; neither crowds out the other."""
    n_broke, n_fixed = len(comparison.flip_ids.broke), len(comparison.flip_ids.fixed)
    broke = max(int(most) - n_fixed, int(most) // 2)
    return broke, int(most) - min(broke, n_broke)


def _least(case: FlippedCase) -> int:
    """Bytes of a case whose texts are cut as short as they are ever cut."""
    texts = sum(written(text, min(most, MIN_TEXT)) for text, most in _texts(case))
    return MARKUP + CHECK_MARKUP * len(case.changed_checks) + texts


def _texts(case: FlippedCase) -> Iterator[tuple[str, int]]:
    """Each text of a case, and the most of it that is shown in any case."""
    for text in (case.input, case.old.text, case.new.text):
        yield text or "", MAX_OUTPUT
    for call in (*case.old.tool_calls, *case.new.tool_calls):
        yield call, MAX_OUTPUT
    yield from ((case.case_id, MAX_OUTPUT),) * 2
    yield case.failing.text or "", QUOTE
    yield case.reason, LINE
    for check in (check for pair in case.changed_checks for check in pair if check is not None):
        yield check.reason or "", REASON
        yield check.name, MAX_OUTPUT


def _figures(comparison: Comparison) -> list[Figure]:
    scores = graded(comparison)
    figures = []
    for title, run, side in (
        ("Baseline", comparison.old, comparison.baseline),
        ("Candidate", comparison.new, comparison.candidate),
    ):
        if side is not None:
            interval = rate_span(side.low, side.high, graded=scores)
            figures.append(Figure(title, rate(side.pass_rate, graded=scores), interval, run.name))
    difference = comparison.difference
    if difference is not None:
        low, high = difference.confidence_interval()
        figures.append(
            Figure(
                "Difference" if scores else "Difference, in points",
                points(difference.estimate, graded=scores, unit=False),
                f"{span(low, high, graded=scores)} · {stated_pvalue(difference.pvalue)}",
            )
        )
    within = size(comparison).partition(" in ")[2]
    return [*figures, Figure("Cases", f"{comparison.n_cases:,}", within)]


def _compared(comparison: Comparison) -> list[tuple[str, str | None]]:
    scores, difference, test = graded(comparison), comparison.difference, comparison.non_inferiority
    exact = None if difference is None else difference.pvalue_exact
    effect = comparison.minimum_detectable_effect
    return [
        ("Size", size(comparison)),
        ("Method", None if difference is None else
         f"{difference.method}, {comparison.confidence_level:.0%} level"),
        ("Exact p", None if exact is None else pvalue(exact)),
        ("Design effect", None if difference is None else number(difference.design_effect)),
        ("Non-inferiority", None if test is None else
         f"margin {points(test.margin, graded=scores).lstrip('+')}, lower bound "
         f"{points(test.lower_bound, graded=scores)}, {stated_pvalue(test.pvalue)}: "
         f"{'holds' if test.holds else 'not shown'}"),
        ("Detectable with 80% power", None if effect is None else
         points(effect, graded=scores).lstrip("+")),
    ]  # fmt: skip


def _gate_commands(verdict: Verdict) -> list[str]:
    """The commands that judge this again, under the policy that the page shows."""
    comparison = verdict.comparison
    made, (old, new) = run_commands(comparison.old, comparison.new)
    if old is None or new is None:
        return []
    again = f"aiir gate --baseline {old} --candidate {new} --policy policy.yaml"
    return [*made, again + (" --aa" if _is_aa(comparison) else "")]


def _compare_commands(comparison: Comparison) -> list[str]:
    """The commands that compute this again."""
    made, (old, new) = run_commands(comparison.old, comparison.new)
    if old is None or new is None:
        return []
    again = f"aiir compare {old} {new}"
    if comparison.margin is not None:
        again += f" --margin {comparison.margin:g}"
    if comparison.check is not None:
        again += f" --check {shlex.quote(comparison.check)}"
    return [*made, again + (" --aa" if _is_aa(comparison) else "")]


def _is_aa(comparison: Comparison) -> bool:
    """Whether one target was compared with itself on purpose."""
    alike = comparison.old.manifest.fingerprint == comparison.new.manifest.fingerprint
    return alike and comparison.comparable


def _digests(comparison: Comparison) -> list[tuple[str, str | None]]:
    old, new = comparison.old.manifest, comparison.new.manifest
    return [
        ("Suite", f"{new.suite_name} {new.suite_version}, sha256 {new.suite_digest}"),
        ("Baseline", f"{old.target_name}, fingerprint {old.fingerprint}"),
        ("Candidate", f"{new.target_name}, fingerprint {new.fingerprint}"),
        ("Data", "\n".join(
            f"{side} {name} sha256 {digest}"
            for side, manifest in (("baseline", old), ("candidate", new))
            for name, digest in manifest.files.items()
        )),
        ("Seeds", f"baseline {old.seed}, candidate {new.seed}"),
        ("Scorers", ", ".join(" ".join(pair) for pair in new.scorer_versions.items())),
        ("Tool", f"aiir_eval {new.tool_version}"),
        ("Targets", json.dumps({"baseline": old.target, "candidate": new.target},
                               ensure_ascii=False, indent=1)[:4000]),
    ]  # fmt: skip
