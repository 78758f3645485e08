"""How often does this gate err on these runs, and which losses does it catch?

The claims are judged as the gate judges them, on versions made of the user's own runs: labels
swapped where nothing has changed, passes turned into fails where something has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..compare.columns import Ints
from ..compare.comparing import compare
from ..compare.result import Comparison
from ..errors import InputError
from ..runs.model import Run
from .calibration import Calibration, ClaimCalibration, Coverage, PowerPoint, Share
from .gating import proven_by, reasons_against, weigh
from .judging import Ground, settles
from .losing import Versions, redrawing
from .policy import Policy, default_policy, load_policy
from .repeating import Change, Part, everyone, ready_claims

if TYPE_CHECKING:
    from ..incidents.model import Incident

LOSSES = (0.0, 0.01, 0.02, 0.03, 0.05, 0.08, 0.10, 0.15, 0.20)


def calibrate(
    old: Run | str | Path,
    new: Run | str | Path,
    policy: Policy | str | Path | None = None,
    *,
    repetitions: int = 200,
    losses: Sequence[float] = LOSSES,
    check: str | None = None,
    incidents: Mapping[str, Incident] | Iterable[Incident] | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Calibration:
    """Measure the false alarms of a gate on your own runs, and the losses it catches.

    Parameters
    ----------
    old, new : Run or path
        Baseline and candidate, or the folders they are in; two runs of one target are welcome.
    policy : Policy or path, optional
        What the gate holds; without one, that the pass rate falls by less than 0.05.
    repetitions : int
        Redrawn versions; each is given every loss.
    losses : sequence of float
        True losses of the pass rate (mean score) to inject, in [0, 1); 0 and the policy's margin
        are added.
    check : str, optional
        Calibrate on this check alone.
    incidents : mapping by id, or incidents, optional
        As for `gate`.
    seed : int
        Seed of the redrawing.
    progress : callable, optional
        Called with the repetitions done and all of them.

    Returns
    -------
    Calibration

    Raises
    ------
    InputError
        The runs cannot be compared, the policy cannot be read or leaves nothing to calibrate, or
        an option is out of range.

    Notes
    -----
    No change: baseline and candidate change places in whole clusters, by the toss of a coin, which
    under exchangeable versions is as likely as what was seen. A loss: each pass of the candidate
    fails with the chance that makes the expected loss over all cases what is asked; trials of a
    case and cases of a cluster fall together with the correlation that their outcomes or
    differences have, whichever is larger.
    Losses are spread over all cases alike, so a slice loses in proportion to its pass rate; how
    often a claim holds at its own margin is measured with that loss among its own cases.

    Every claim is judged and weighed (Holm) by the gate's own functions. A claim about a change
    (`non_inferior`) is judged on the redrawn pair. `failure_rate_below` and `max_failures` speak
    of the candidate alone: swapping labels would ask whether the baseline was fixed, so they are
    judged on the candidate as it is, with the losses. A `metric` does not follow from passes and
    is held as it stands. What fails or is invalid as it stands is left out, and said.

    References
    ----------
    Fisher (1935), The Design of Experiments, section 21 (re-randomisation); Clopper and Pearson
    (1934), Biometrika 26, 404-413.

    Examples
    --------
    >>> import aiir_eval as aiir, pyarrow as pa
    >>> old, new = (
    ...     aiir.import_table(pa.table({"id": range(40), "ok": [i % 8 != n for i in range(40)]}),
    ...                       id="id", passed="ok", target_name=f"v{n}")
    ...     for n in (0, 1)
    ... )
    >>> result = calibrate(old, new, repetitions=20, losses=[0.3])
    >>> result.at(0.3).failed.rate > result.at(0).failed.rate
    True
    """
    if policy is None:
        policy = default_policy()
    elif not isinstance(policy, Policy):
        policy = load_policy(policy)
    wanted = _losses(losses, policy.margin)
    if repetitions < 1:
        raise InputError(f"at least 1 is needed, got {repetitions}", field="repetitions")
    comparison = compare(
        old,
        new,
        margin=policy.margin,
        check=check,
        confidence_level=policy.confidence_level,
        aa=True,
        rng=seed,
    )
    paired = comparison.paired
    assert paired is not None
    stops = reasons_against(comparison, paired, policy)
    if stops:
        raise InputError(
            "these runs cannot be compared, so there is nothing to calibrate: " + "; ".join(stops)
        )
    if policy.max_error_rate > 0:
        paired = paired.counting_errors()
    ground = Ground(paired, policy, proven_by(comparison.new, incidents), seed)
    parts, left_out = ready_claims(ground)
    if not any(part.coverage != "as it stands" for part in parts):
        raise InputError(
            "no claim of the policy can be calibrated: "
            + "; ".join(f"{claim.name}: {claim.note}" for claim in left_out)
            if left_out
            else "no claim of the policy can be calibrated: metrics do not follow from passes",
            field="claims",
        )
    pooled = everyone(ground)
    reachable = [loss for loss in wanted if loss <= pooled.level + 1e-12]
    tallies = _Tallies.empty(len(reachable), parts)
    draws = redrawing(paired, seed)
    for repetition in range(repetitions):
        _repeat(draws.draw(repetition), reachable, parts, pooled, policy, tallies)
        if progress is not None:
            progress(repetition + 1, repetitions)
    return Calibration(
        baseline=comparison.old.name,
        candidate=comparison.new.name,
        n_cases=comparison.n_cases,
        n_clusters=comparison.n_clusters,
        n_trials=comparison.n_trials,
        graded=paired.graded,
        repetitions=repetitions,
        points=tallies.points(reachable, repetitions),
        claims=[*tallies.claims(parts, repetitions), *left_out],
        policy=policy,
        trial_likeness=draws.like.trials,
        case_likeness=draws.like.cases,
        seed=seed,
        notes=[
            *_differing(comparison),
            *_notes(comparison.n_clusters, wanted, reachable, pooled.level, parts, left_out),
        ],
    )


@dataclass
class _Tallies:
    """Counts by loss (rows) and claim (columns)."""

    failed: Ints
    passed: Ints
    regressed: Ints
    claim_failed: Ints
    claim_false_pass: Ints

    @classmethod
    def empty(cls, n_losses: int, parts: Sequence[Part]) -> _Tallies:
        def zeros(*shape: int) -> Ints:
            return np.zeros(shape, dtype=np.int64)

        n = n_losses
        return cls(zeros(n), zeros(n), zeros(n), zeros(n, len(parts)), zeros(len(parts)))

    def points(self, losses: Sequence[float], n: int) -> list[PowerPoint]:
        return [
            PowerPoint(
                loss,
                Share(int(self.failed[at]), n),
                Share(int(self.passed[at]), n),
                Share(int(self.regressed[at]), n),
            )
            for at, loss in enumerate(losses)
        ]

    def claims(self, parts: Sequence[Part], n: int) -> list[ClaimCalibration]:
        found = []
        for at, part in enumerate(parts):
            change = part if isinstance(part, Change) else None
            caught = tuple(Share(int(count), n) for count in self.claim_failed[:, at])
            lost = change is not None and change.margin <= change.level
            found.append(
                ClaimCalibration(
                    name=part.judged.name,
                    rule=part.judged.rule,
                    coverage=part.coverage,
                    n_cases=part.judged.n_cases,
                    note=_NOTES[part.coverage],
                    margin=None if change is None else change.margin,
                    false_alarm=None if change is None else caught[0],
                    false_pass=Share(int(self.claim_false_pass[at]), n) if lost else None,
                    caught=() if part.coverage == "as it stands" else caught,
                )
            )
        return found


_NOTES: Mapping[Coverage, str] = {
    "re-randomised": "",
    "losses only": "judged on the candidate as it is, with the losses; labels are not swapped",
    "as it stands": "held as it stands: it does not follow from passes and failures",
}


def _repeat(
    versions: Versions,
    losses: Sequence[float],
    parts: Sequence[Part],
    pooled: Change,
    policy: Policy,
    tallies: _Tallies,
) -> None:
    """One redrawn pair of versions, at every loss."""
    before = versions.baseline
    for at, loss in enumerate(losses):
        rate = loss / pooled.level if loss > 0 else 0.0
        after, trials = versions.candidate(rate), versions.trials(rate)
        overall = None
        judged = []
        for part in parts:
            if isinstance(part, Change):
                difference = part.difference(before, after)
                if part.cases.size == pooled.cases.size:
                    overall = difference
                judged.append(part.judge(difference))
            else:
                judged.append(part.judge(trials))
        verdicts = [claim.verdict for claim in weigh(judged, policy.confidence_level)]
        tallies.claim_failed[at] += [verdict == "fail" for verdict in verdicts]
        tallies.failed[at] += "fail" in verdicts
        tallies.passed[at] += set(verdicts) == {"pass"}
        if overall is None:
            overall = pooled.difference(before, after)
        tallies.regressed[at] += overall.conclusion(policy.margin) == "regressed"
    for at, part in enumerate(parts):
        if isinstance(part, Change) and part.margin <= part.level:
            after = versions.candidate(part.margin / part.level)
            tallies.claim_false_pass[at] += settles(part.difference(before, after), part.margin)[0]


def _losses(losses: Sequence[float], margin: float | None) -> list[float]:
    for loss in losses:
        if not 0 <= loss < 1:
            raise InputError(f"a loss lies in [0, 1), got {loss!r}", field="losses")
    wanted = {0.0, *(float(loss) for loss in losses)}
    if margin is not None and all(abs(loss - margin) > 1e-9 for loss in wanted):
        wanted.add(margin)
    return sorted(wanted)


def _differing(comparison: Comparison) -> list[str]:
    """Versions that differ make noisier unchanged ones than two that are alike."""
    difference = comparison.difference
    if difference is None or difference.pvalue > 1 - comparison.confidence_level:
        return []
    return [
        f"the runs differ by {difference.estimate:+.3f}: versions with swapped labels disagree "
        "more than two that are alike would, and the gate looks weaker than it is; two runs of one "
        "target show it as it is"
    ]


def _notes(
    n_clusters: int,
    wanted: Sequence[float],
    reachable: Sequence[float],
    level: float,
    parts: Sequence[Part],
    left_out: Sequence[ClaimCalibration],
) -> list[str]:
    from ..stats.paired import MIN_CLUSTERS

    notes = [f"{claim.name!r} is left out: {claim.note}" for claim in left_out]
    partly: tuple[Coverage, ...] = ("losses only", "as it stands")
    for coverage in partly:
        names = [part.judged.name for part in parts if part.coverage == coverage]
        if names:
            shown = ", ".join(map(repr, names[:3])) + (" and others" if len(names) > 3 else "")
            notes.append(f"{shown}: {_NOTES[coverage]}")
    never = [part.judged.name for part in parts if part.coverage != "re-randomised"
             and not part.judged.holds]  # fmt: skip
    if never:
        notes.append(f"the gate never passes: {never[0]!r} is not shown as it stands")
    if len(reachable) < len(wanted):
        notes.append(f"losses beyond {level:.3g} are left out: the versions pass no more than that")
    if n_clusters < MIN_CLUSTERS:
        notes.append(f"nothing is concluded from fewer than {MIN_CLUSTERS} clusters")
    return notes
