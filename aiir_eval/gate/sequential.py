"""May the change ship, decided after as few trials as it takes? The gate that runs as it looks.

Every claim is watched while trials come in, in an order that the seed fixed: pass when all claims
are shown, fail when a violation is (after Holm), both at every look together. What stays open at
the end of the suite, or at its cap, is inconclusive; no fixed-sample test is made on the same data.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..compare.in_part import compare_in_part, uncompared
from ..compare.measuring import stream
from ..compare.pairing import Paired, pair
from ..compare.result import Comparison
from ..errors import InterruptedRunError, UnreachableError
from ..runs.model import Run
from ..runs.rows import TrialRow, trial_row, trial_table
from ..runs.running import AnyConfig, Begun, Progress, begin
from ..runs.stepwise import Job, OpenRun, run_watched
from ..suites.model import Suite
from .beginning import Version, as_run, nothing_to_save, reasons_not_to_begin
from .claims_watched import WatchMaker, mixes
from .gating import GRAVITY, evidence_of, proven_by, void, weigh
from .judging import Ground, Judged, judge
from .ledger import Ledger, SideLedger, SideName
from .ordering import Order, ordered, strata_of
from .policy import DEFAULT_MARGIN, Policy, default_policy, load_policy
from .result import Verdict, VerdictName
from .selecting import selected
from .watching import PairedWatch, Watch, WholeWatch, watched_by

if TYPE_CHECKING:
    from ..incidents.model import Incident

SIDES: tuple[SideName, ...] = ("baseline", "candidate")


def gate_sequentially(
    suite: Suite | str | Path,
    baseline: Version,
    candidate: Version,
    policy: Policy | str | Path | None = None,
    *,
    incidents: Mapping[str, Incident] | Iterable[Incident] | None = None,
    trials: int | None = None,
    aa: bool = False,
    keep: str | Path | None = None,
    seed: int = 0,
    concurrency: int = 8,
    timeout_s: float = 60.0,
    progress: Callable[[Progress], object] | None = None,
    config: AnyConfig | None = None,
    allow_python: Collection[str] = (),
    suite_file: str | Path | None = None,
) -> Verdict:
    """Run a suite against a change only until the policy is decided.

    Parameters
    ----------
    suite : Suite or path
        What is run where a side is a target.
    baseline, candidate : Target, Run, or a name, URI or run folder
        One of them at least is a target; the other may be a run that was recorded whole.
    policy : Policy or path, optional
        What must hold; without one, that the pass rate over all cases falls by less than 0.05.
    incidents : mapping by id, or incidents, optional
        The records whose bad outputs prove that checks can fail, as for `gate`.
    trials : int, optional
        Trials of every case at most; by default as the suite says.
    aa : bool
        Both sides are the same target on purpose.
    keep : path, optional
        Folder to keep the runs of targets in, as `baseline` and `candidate`. They are marked as
        stopped: they can neither be resumed nor be gated again (that is ``invalid``).
    seed : int
        Of the order of clusters, and of the random stream of each trial.
    concurrency, timeout_s, progress, config, allow_python, suite_file
        As for `run`; `progress` is told of all trials there could be.

    Returns
    -------
    Verdict
        `evidence["sequential"]` says how many calls were made of how many.

    Raises
    ------
    InputError
        Both sides are recorded, so that no call can be saved; or something cannot be read. Nothing
        was run.
    UnreachableError
        A target cannot be reached.
    InterruptedRunError
        Stopped by Ctrl-C or SIGTERM before a decision.

    Notes
    -----
    Non-inferiority: `stats.SequentialTest` on cluster means, a look after every cluster; where
    there are enough clusters of several origins or classes, in blocks with the suite's share of
    each, a look after every block. Failure rates: `stats.FailureRateSequence`, a look after every
    trial of an incident (or every case beside it). A count fails at the first failure beyond it
    and holds when all its trials are in. Metrics have no sequential test: such a claim needs every
    trial, unless another one fails before. A trial is only run while an open claim waits for it.

    A non-inferiority claim is left open at twice the cases of the fixed design (power 0.8 at no
    difference, at the spread seen so far). Cases are taken as a sample of their population, as
    everywhere; the suite's own size is a cap, too.

    References
    ----------
    Waudby-Smith and Ramdas (2024), "Estimating means of bounded random variables by betting",
    J. R. Stat. Soc. B 86, 1-27.
    """
    from ..user_code import importable

    if policy is None:
        policy = default_policy()
    elif not isinstance(policy, Policy):
        policy = load_policy(policy)

    def prepared(side: Version) -> Run | Begun:
        run = as_run(side)
        if run is not None:
            return run
        assert not isinstance(side, Run)
        return begin(
            suite,
            str(side) if isinstance(side, Path) else side,
            trials=trials,
            seed=seed,
            concurrency=concurrency,
            timeout_s=timeout_s,
            config=config,
            allow_python=list(allow_python),
            suite_file=suite_file,
        )

    sides = (prepared(baseline), prepared(candidate))
    begun = [side for side in sides if isinstance(side, Begun)]
    if not begun:
        raise nothing_to_save()
    problems = reasons_not_to_begin(sides, aa=aa)
    setting = _Setting(sides, begun[0].suite, policy, seed, aa)
    if problems:
        return setting.refused(problems)
    with importable(begun[0].folders):
        gate = _Gate.of(setting, incidents=incidents, allow_python=begun[0].allow_python)
    if gate.void or gate.stops:
        return gate.verdict([run.end("stopped") for run in gate.opened(timeout_s)])
    runs = gate.opened(timeout_s)
    try:
        if keep is not None:
            for name, run in zip(gate.live, runs, strict=True):
                run.keep_in(Path(keep) / name)
        run_watched(
            gate.jobs(dict(zip(gate.live, runs, strict=True))),
            runs=runs,
            watch=gate.watch,
            concurrency=concurrency,
            total=gate.n_planned,
            progress=progress,
        )
    except KeyboardInterrupt:
        kept = "" if keep is None else f" and kept in {keep}"
        raise InterruptedRunError(f"stopped by the user, undecided: {gate.calls}{kept}") from None
    except UnreachableError as error:
        raise UnreachableError(f"{error}\nundecided: {gate.calls}") from error
    finally:
        ended = [run.end("stopped") for run in runs]
    return gate.verdict(ended)


@dataclass(frozen=True)
class _Setting:
    """What is given: the sides, the suite and the policy."""

    sides: Sequence[Run | Begun]
    suite: Suite
    policy: Policy
    seed: int
    aa: bool

    @property
    def live(self) -> list[SideName]:
        """The sides that are targets."""
        pairs = zip(SIDES, self.sides, strict=True)
        return [name for name, side in pairs if isinstance(side, Begun)]

    def unrun(self) -> Paired:
        """The suite lined up with itself, with no outcome: which cases, clusters and levels."""
        begun = next(side for side in self.sides if isinstance(side, Begun))
        rows = [trial_row(case, 0, error="not run") for case in self.suite.cases]
        empty = Run(begun.manifest, trial_table(rows), None, self.suite.cases)
        return pair(empty, empty)

    def refused(self, problems: Sequence[str]) -> Verdict:
        """Invalid before any call."""
        old, new = (
            side if isinstance(side, Run) else OpenRun(side, 0.0).end("stopped")
            for side in self.sides
        )
        comparison = uncompared(
            old,
            new,
            margin=self.policy.margin,
            confidence_level=self.policy.confidence_level,
            problems=problems,
        )
        evidence = evidence_of(comparison, self.policy, self.seed)
        return Verdict(
            verdict="invalid",
            claims=[void(claim.name, claim.rule, problems[0]) for claim in self.policy.claims],
            comparison=comparison,
            policy=self.policy,
            evidence=evidence,
            problems=list(problems),
        )


@dataclass
class _Gate:
    """The claims as they are watched, and what has come in."""

    setting: _Setting
    order: Order
    ledger: Ledger
    watches: Sequence[Watch]
    void: Sequence[Judged]  # claims of which nothing can be said
    by_case: Sequence[Sequence[Watch]]
    case_of: Mapping[str, int]
    stops: list[str] = field(default_factory=list)
    decided: bool = False

    @classmethod
    def of(
        cls,
        setting: _Setting,
        *,
        incidents: Mapping[str, Incident] | Iterable[Incident] | None,
        allow_python: Collection[str],
    ) -> _Gate:
        policy, paired = setting.policy, setting.unrun()
        ids = paired.case_ids.to_pylist()
        case_of = {id_: at for at, id_ in enumerate(ids)}
        sides = []
        for name, side in zip(SIDES, setting.sides, strict=True):
            if isinstance(side, Begun):
                sides.append(SideLedger.of(name, [side.manifest.trials[id_] for id_ in ids]))
            else:
                counts = np.bincount(
                    [case_of[id_] for id_ in side.trials["case_id"].to_pylist()],
                    minlength=len(ids),
                )
                sides.append(SideLedger.of(name, counts.tolist()))
                sides[-1].fill(side, case_of)
        ledger = Ledger(ids, *sides)
        proven = proven_by(paired.new.run, incidents, allow_python=allow_python)
        unproven = {
            case_of[case.id]: left
            for case in setting.suite.cases
            if (left := frozenset(c.name for c in case.named_checks) - proven.get(case.id, set()))
        }
        strata = strata_of(paired)
        masks = [selected(paired, claim.select) for claim in policy.claims]
        if any(
            mixes(paired, strata, mask)
            for claim, mask in zip(policy.claims, masks, strict=True)
            if claim.failure_rate_below is not None
        ):
            strata = np.zeros_like(strata)
        order = ordered(paired.clusters, strata, stream(setting.seed, 20))
        watches: list[Watch] = []
        lost: list[Judged] = []
        maker = WatchMaker(paired, order, ledger, policy.confidence_level, unproven)
        for number, (claim, mask) in enumerate(zip(policy.claims, masks, strict=True)):
            for made in maker.make(claim, number, mask):
                if isinstance(made, Judged):
                    lost.append(made)
                else:
                    watches.append(made)
        gate = cls(setting, order, ledger, watches, lost, watched_by(watches, len(ids)), case_of)
        for known in (ledger.old, ledger.new):
            if known.n_errors > policy.max_error_rate * known.n_run:
                gate.stops.append(gate.errors(known))
        for watch in watches:
            watch.look()  # a recorded candidate is known already
        return gate

    @property
    def live(self) -> list[SideName]:
        return self.setting.live

    @property
    def n_planned(self) -> int:
        """Calls that a fixed gate would make."""
        return sum(self.ledger.of(name).n_planned for name in self.live)

    @property
    def n_calls(self) -> int:
        return sum(self.ledger.of(name).n_run for name in self.live)

    @property
    def calls(self) -> str:
        return f"{self.n_calls:,} of {self.n_planned:,} calls were made"

    def opened(self, timeout_s: float) -> list[OpenRun]:
        """A run for each side that is a target."""
        return [OpenRun(side, timeout_s) for side in self.setting.sides if isinstance(side, Begun)]

    def jobs(self, runs: Mapping[SideName, OpenRun]) -> Iterator[Job]:
        """The trials in their order, each only if a claim still waits for it when it comes up."""
        cases = {case.id: case for case in self.setting.suite.cases}
        if self.settled():
            return
        for block in self.order.blocks:
            members = block.cases.tolist()
            most = max(
                self.ledger.of(name).outcomes[case].size for name in runs for case in members
            )
            for trial in range(most):
                for case in members:
                    for name, run in runs.items():
                        if trial < self.ledger.of(name).outcomes[case].size and any(
                            watch.wants(name, case) for watch in self.by_case[case]
                        ):
                            yield Job(run, cases[self.ledger.case_ids[case]], trial)
                            if self.decided:
                                return

    def watch(self, job: Job, row: TrialRow) -> bool:
        """Take a trial; whether that decides it."""
        side = self.ledger.of(self._name(job.run))
        case = self.case_of[row.case_id]
        side.record(case, row.trial, row)
        if side.unjudged:
            self.stops.append(f"the {side.name} holds a trial with neither an outcome nor an error")
        most = self.setting.policy.max_error_rate
        if side.n_errors > most * side.n_planned:
            self.stops.append(self.errors(side))
        for watch in self.by_case[case]:
            watch.look()
        self.decided = self.decided or bool(self.stops) or self.settled()
        return self.decided

    def settled(self) -> bool:
        """Whether all claims are shown, or one is violated."""
        most = self.setting.policy.max_error_rate
        sides = (self.ledger.old, self.ledger.new)
        if any(side.n_errors > most * side.n_run for side in sides):
            return False  # few trials so far: the share may still fall below what is allowed
        states = [watch.state() for watch in self.watches]
        alpha = 1 - self.setting.policy.confidence_level + 1e-12
        if all(state.holds for state in states):
            return True
        if not any(
            state.certain or (state.violation is not None and state.violation <= alpha)
            for state in states
        ):
            return False
        claims = weigh(states, self.setting.policy.confidence_level)
        return any(claim.verdict == "fail" for claim in claims)

    def _name(self, run: OpenRun) -> SideName:
        pairs = zip(SIDES, self.setting.sides, strict=True)
        return next(name for name, side in pairs if side is run.begun)

    def errors(self, side: SideLedger) -> str:
        return (
            f"{side.n_errors:,} of {side.n_run:,} trials of the {side.name} errored, the policy "
            f"allows a share of {self.setting.policy.max_error_rate:g}; the first: "
            f"{side.first_error[:200]}"
        )

    def verdict(self, ended: Sequence[Run]) -> Verdict:
        """What was shown, on the runs as far as they went."""
        policy = self.setting.policy
        runs = list(ended)
        old, new = (side if isinstance(side, Run) else runs.pop(0) for side in self.setting.sides)
        comparison = compare_in_part(
            old,
            new,
            looks=self._looked_at(),
            margin=policy.margin,
            bets=policy.margin or DEFAULT_MARGIN,
            confidence_level=policy.confidence_level,
            aa=self.setting.aa,
        )
        stops = list(dict.fromkeys([*self.stops, *comparison.problems]))
        for side in (self.ledger.old, self.ledger.new):
            if not stops and side.n_errors > policy.max_error_rate * side.n_run:
                stops.append(self.errors(side))
        if stops:
            claims = [void(claim.name, claim.rule, stops[0]) for claim in policy.claims]
            verdict: VerdictName = "invalid"
            comparison = replace(comparison, conclusion="invalid", problems=stops)
        else:
            claims = weigh(self._judged(old, new), policy.confidence_level)
            verdict = max((claim.verdict for claim in claims), key=GRAVITY.__getitem__)
        return Verdict(
            verdict=verdict,
            claims=claims,
            comparison=comparison,
            policy=policy,
            evidence={
                **evidence_of(comparison, policy, self.setting.seed),
                "sequential": self._told(comparison),
            },
            problems=stops,
        )

    def _judged(self, old: Run, new: Run) -> list[Judged]:
        for watch in self.watches:
            if isinstance(watch, WholeWatch) and watch.complete:
                paired = pair(old, new)
                if self.setting.policy.max_error_rate > 0:
                    paired = paired.counting_errors()
                ground = Ground(paired, self.setting.policy, {}, self.setting.seed)
                (watch.found,) = judge(watch.claim, ground, watch.number)
        judged = [watch.judged(stopped=self.decided) for watch in self.watches]
        names = [claim.name for claim in self.setting.policy.claims]
        found = [*judged, *self.void]
        return sorted(found, key=lambda item: names.index(_claim_name(item.name, names)))

    def _looked_at(self) -> dict[str, tuple[int, float]]:
        """The cases of blocks that a bet was made on, up to the first that is not complete."""
        inside = np.zeros(len(self.ledger.case_ids), dtype=bool)
        betting = [watch for watch in self.watches if isinstance(watch, PairedWatch)]
        for watch in betting:
            inside[watch.cases] = True
        inside |= not betting
        last = max((watch.last_block for watch in betting), default=len(self.order.blocks))
        found: dict[str, tuple[int, float]] = {}
        for number, block in enumerate(self.order.blocks[: last + 1]):
            pairs = zip(block.cases.tolist(), block.shares.tolist(), strict=True)
            members = [(case, share) for case, share in pairs if inside[case]]
            if not all(self.ledger.paired(case) for case, _ in members):
                break
            found |= {self.ledger.case_ids[case]: (number, share) for case, share in members}
        return found

    def _told(self, comparison: Comparison) -> dict[str, Any]:
        return {
            "calls": self.n_calls,
            "calls_of_all_trials": self.n_planned,
            "saved": 1 - self.n_calls / self.n_planned,
            "trials": {side.name: side.n_run for side in (self.ledger.old, self.ledger.new)},
            "strata": self.order.n_strata,
            "blocks": len(self.order.blocks),
            "blocks_compared": getattr(comparison.difference, "n_looks", 0),
            "needs_every_trial": [
                watch.name for watch in self.watches if isinstance(watch, WholeWatch)
            ],
            "kept": [str(run.path) for run in (comparison.old, comparison.new) if run.path],
        }


def _claim_name(name: str, names: Sequence[str]) -> str:
    """The claim that a level's name begins with."""
    return max((item for item in names if name == item or name.startswith(f"{item} [")), key=len)
