"""Cases of a suite as pytest items, and the gate as a fixture.

::

    pytest --aiir-suite suites/support_desk.yaml --aiir-target support@v2
    pytest --aiir-suite suites/support_desk.yaml --aiir-target support@v2 -m injection_or_tool_abuse

Every case is an item, named by its id and marked by its class and origin; it passes when all its
trials pass. Where no path is named, only suites are collected. Nothing is imported before a suite
or the fixture is asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .gate.policy import Policy
    from .gate.result import Verdict, VerdictName
    from .runs.model import Run
    from .suites.model import Case, Suite
    from .targets.config import Config
    from .targets.protocol import Target

    Side = Run | str | Path

ORIGINS = ("incident", "adjacent", "control")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("aiir", "cases of suites as tests (aiir_eval)")
    add = group.addoption
    add(
        "--aiir-suite",
        action="append",
        default=[],
        metavar="SUITE",
        help="Each case of this suite is a test; repeatable.",
    )
    add("--aiir-target", metavar="T", help="The system under test: a name in aiir.yaml, or a URI.")
    add(
        "--aiir-trials",
        type=int,
        metavar="N",
        help="Trials of every case; all must pass [default: the suite's].",
    )
    add("--aiir-config", metavar="FILE", help="The file that names targets [default: aiir.yaml].")
    add("--aiir-seed", type=int, default=0, metavar="N", help="Seed of the trials [default: 0].")
    add(
        "--aiir-timeout",
        type=float,
        default=60.0,
        metavar="S",
        help="Seconds a trial may take [default: 60].",
    )
    add(
        "--aiir-allow-scorer",
        action="append",
        default=[],
        metavar="NAME",
        help="A scorer the suite may use that is Python or asks a model; repeatable.",
    )


def pytest_configure(config: pytest.Config) -> None:
    asked = config.getoption("aiir_suite")
    if not asked:
        return
    if not config.getoption("aiir_target"):
        raise pytest.UsageError("--aiir-suite needs the system to test: --aiir-target T")
    from .incidents.classes import CLASSES

    for class_ in CLASSES:
        config.addinivalue_line("markers", f"{class_}: cases of this class of incident")
    for origin in ORIGINS:
        config.addinivalue_line("markers", f"{origin}: cases of this origin")
    base = config.invocation_params.dir
    suites = [(base / text).resolve() for text in asked]
    for text, path in zip(asked, suites, strict=True):
        if not path.is_file():
            raise pytest.UsageError(f"--aiir-suite {text}: no such file")
    trials = config.getoption("aiir_trials")
    if trials is not None and trials < 1:
        raise pytest.UsageError(f"--aiir-trials {trials}: at least 1")
    if (seed := config.getoption("aiir_seed")) < 0:
        raise pytest.UsageError(f"--aiir-seed {seed}: at least 0")
    if not (timeout := config.getoption("aiir_timeout")) > 0:
        raise pytest.UsageError(f"--aiir-timeout {timeout:g}: more than 0 seconds")
    files = SuiteFiles(config, suites)
    if not hasattr(config, "workerinput"):
        files.check()
    config.pluginmanager.register(files, "aiir-suites")
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args = []  # no path was named: suites only
    named = {(base / text.partition("::")[0]).resolve() for text in config.args}
    config.args += [str(path) for path in suites if path not in named]


@pytest.fixture(scope="session")
def aiir_gate(pytestconfig: pytest.Config) -> GateAssertion:
    """Assert the verdict on a change: ``aiir_gate(baseline, candidate, policy=...)``."""
    return GateAssertion(pytestconfig)


class GateAssertion:
    """Runs what has to be run, decides, and fails the test where the verdict is another."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config

    def __call__(
        self,
        baseline: Side,
        candidate: Side | None = None,
        *,
        suite: Suite | str | Path | None = None,
        policy: Policy | str | Path | None = None,
        trials: int | None = None,
        aa: bool = False,
        expect: VerdictName | Collection[VerdictName] = "pass",
    ) -> Verdict:
        """The verdict on `candidate` against `baseline`; another than `expect` fails the test.

        Parameters
        ----------
        baseline, candidate
            A run, the folder of one, a target, or (the baseline) a name of ``aiir baseline``. By
            default the candidate is ``--aiir-target``.
        suite
            What to run where a side is a target; by default ``--aiir-suite``, where there is one.
        policy
            What must hold; without one, no loss beyond 0.05, pooled.
        trials
            Trials of every case of a target; by default ``--aiir-trials``, else as the suite says.
        aa
            Both sides are the same target on purpose.
        expect
            The verdict, or verdicts, that let the test pass.
        """
        from .compare.comparing import compare
        from .errors import AiirError
        from .gate.gating import gate
        from .gate.policy import Policy, default_policy, load_policy
        from .gate.result import EXIT_CODES

        __tracebackhide__ = True
        config = self.config
        expected = [expect] if isinstance(expect, str) else list(expect)
        if unknown := set(expected) - set(EXIT_CODES):
            told = f"aiir_gate: expect {min(unknown)!r}: a verdict is {', '.join(EXIT_CODES)}"
            pytest.fail(told, pytrace=False)
        candidate = candidate or config.getoption("aiir_target")
        if candidate is None:
            pytest.fail("aiir_gate: name the candidate, or --aiir-target", pytrace=False)
        if suite is None and len(asked := config.getoption("aiir_suite")) == 1:
            suite = config.invocation_params.dir / asked[0]
        try:
            if policy is None:
                policy = default_policy()
            elif not isinstance(policy, Policy):
                policy = load_policy(policy)
            old, new = (self.side(side, suite, trials) for side in (baseline, candidate))
            comparison = compare(
                old,
                new,
                margin=policy.margin,
                confidence_level=policy.confidence_level,
                aa=aa,
                rng=config.getoption("aiir_seed"),
            )
            allowed = config.getoption("aiir_allow_scorer")
            verdict = gate(comparison, policy, allow_python=allowed)
        except AiirError as error:  # from None: what led to it says the same again
            raise pytest.fail.Exception(_told(error), pytrace=False) from None
        if verdict.verdict not in expected:
            from .reports.terminal import render_verdict

            told = render_verdict(verdict, color=False, width=100)
            if expected != ["pass"]:
                told = f"expected {' or '.join(expected)}, not {verdict.verdict}\n{told}"
            pytest.fail(told, pytrace=False)
        return verdict

    def side(self, side: Side, suite: Suite | str | Path | None, trials: int | None) -> Run:
        """A run, read or made."""
        from .errors import InputError
        from .runs.baselines import is_baseline, load_baseline, what_there_is
        from .runs.model import Run, load_run
        from .targets.config import find_config, is_target

        if isinstance(side, Run):
            return side
        if Path(side).exists():
            return load_run(side)
        if is_baseline(str(side)):
            return load_baseline(str(side))
        if suite is None:
            raise InputError(
                f"{str(side)!r} is neither a run nor a baseline: to run it as a target, name the "
                "suite"
            )
        known = find_config(_config_file(self.config))
        if not is_target(str(side), known):
            raise InputError(
                f"{str(side)!r} is neither a run, a target nor a baseline",
                hint=what_there_is(None if known is None else known.targets),
            )
        return _run(self.config, suite, str(side), trials, known)


class SuiteFiles:
    """Collects the suites that were asked for; registered only where there are any."""

    def __init__(self, config: pytest.Config, paths: Iterable[Path]) -> None:
        self.config = config
        self.paths = frozenset(paths)
        self.unreachable = False
        self._target: Target | None = None

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> SuiteFile | None:
        if file_path.resolve() not in self.paths:
            return None
        file: SuiteFile = SuiteFile.from_parent(parent, path=file_path)
        return file

    def check(self) -> None:
        """Say once what is wrong with the target, instead of once a case."""
        from .errors import AiirError

        try:
            self.target()
        except AiirError as error:
            name = self.config.getoption("aiir_target")
            raise pytest.UsageError(f"--aiir-target {name}: {_told(error)}") from None

    def target(self) -> Target:
        """The system under test, made once a process."""
        if self._target is None:
            from .targets.making import make_target

            name = self.config.getoption("aiir_target")
            self._target = make_target(name, config=_config_file(self.config))
        return self._target


class SuiteFile(pytest.File):
    """A suite: one item a case."""

    def collect(self) -> Iterator[CaseItem | CasePrefix]:
        from .errors import AiirError
        from .suites.model import load_suite

        try:
            suite = load_suite(self.path)
        except AiirError as error:
            raise self.CollectError(_told(error)) from None
        for case in suite.cases:
            yield _item(self, _parts(_readable(case.id)), suite, case)


class CasePrefix(pytest.Collector):
    """What stands before ``::`` in the id of a case: pytest takes it for a node of its own."""

    def __init__(self, *, rest: list[str], suite: Suite, case: Case, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rest, self.suite, self.case = rest, suite, case

    def collect(self) -> Iterator[CaseItem | CasePrefix]:
        yield _item(self, self.rest, self.suite, self.case)


def _item(
    parent: pytest.Collector, parts: list[str], suite: Suite, case: Case
) -> CaseItem | CasePrefix:
    name, *rest = parts
    if not rest:
        item: CaseItem = CaseItem.from_parent(parent, name=name, suite=suite, case=case)
        return item
    prefix: CasePrefix = CasePrefix.from_parent(
        parent, name=name, rest=rest, suite=suite, case=case
    )
    return prefix


def _parts(name: str) -> list[str]:
    """A name as pytest splits it on the command line: at each ``::`` that is before a ``[``."""
    base, bracket, rest = name.partition("[")
    *parts, last = base.split("::")
    return [*parts, last + bracket + rest]


class CaseItem(pytest.Item):
    """A case: passes when every trial does."""

    def __init__(self, *, suite: Suite, case: Case, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.suite, self.case = suite, case
        self.extra_keyword_matches.add(case.id)
        for marker in (case.class_, case.origin):
            if marker:
                self.add_marker(marker)
        self.extra_keyword_matches |= {*case.tags, case.incident_id or ""} - {""}

    def runtest(self) -> None:
        """Run the trials of the case; `CaseFailedError` where one of them failed."""
        from .errors import InterruptedRunError, UnreachableError
        from .reports.failures import case_failure

        files: SuiteFiles = self.config.pluginmanager.get_plugin("aiir-suites")  # type: ignore[assignment]
        if files.unreachable:  # no need to wait for it, or to read of it, once more
            raise UnreachableError("not run: the target was out of reach for a case before")
        alone = self.suite.model_copy(update={"cases": [self.case]})
        try:
            run = _run(self.config, alone, files.target(), None, _config_file(self.config))
        except UnreachableError as error:
            files.unreachable = True
            # Its second line says which trials are kept: here none ever is.
            raise UnreachableError(str(error).partition("\n")[0]) from None
        except InterruptedRunError:
            raise KeyboardInterrupt from None
        passed = run.trials["passed"].to_pylist()
        self.user_properties.append(("trials", f"{passed.count(True)} of {len(passed)} passed"))
        if passed.count(True) < len(passed):
            raise CaseFailedError(case_failure(self.case, run))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        from .errors import AiirError

        if isinstance(excinfo.value, CaseFailedError):
            return str(excinfo.value)
        if isinstance(excinfo.value, AiirError):
            return _told(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, _readable(self.case.id)


class CaseFailedError(Exception):
    """A trial of a case failed; the text shows input, output, checks and reasons."""


def _run(
    config: pytest.Config,
    suite: Any,
    target: Any,
    trials: int | None,
    targets: Config | Path | None,
) -> Run:
    from .runs.running import run

    return run(
        suite,
        target,
        trials=trials or config.getoption("aiir_trials"),
        seed=config.getoption("aiir_seed"),
        timeout_s=config.getoption("aiir_timeout"),
        config=targets,
        allow_python=config.getoption("aiir_allow_scorer"),
    )


def _config_file(config: pytest.Config) -> Path | None:
    """The file named, else aiir.yaml where pytest was called, else that of the root folder."""
    base = config.invocation_params.dir
    if named := config.getoption("aiir_config"):
        return base / str(named)
    return next(
        (path for d in (base, config.rootpath) if (path := d / "aiir.yaml").is_file()), None
    )


def _told(error: Exception) -> str:
    from .reports.visible import visible

    return visible(str(error).replace(" --allow-scorer", " --aiir-allow-scorer"))


def _readable(case_id: str) -> str:
    """An id as the name of a test: on one line, nothing in it obeyed by a terminal."""
    from .reports.visible import one_line

    return one_line(case_id)
