"""What the checks of a case say of one answer."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from ..scorers.protocol import Answer, Check, Scorer
from ..suites.model import Case
from ..tool_calls import ToolCall
from .rows import CheckRow


@dataclass(frozen=True, slots=True)
class Judge:
    """The scorers of every case, made once, so that a wrong check fails before any trial."""

    scorers: Mapping[str, Sequence[tuple[Check, Scorer]]]

    @classmethod
    def of(
        cls,
        cases: Collection[Case],
        *,
        allow_python: Sequence[str] = (),
        suite_file: str | Path | None = None,
    ) -> Judge:
        """The judge of some cases.

        Raises `InputError` with every check that cannot be made, or compares with an expected
        answer that its case does not have; with file and line where `suite_file` is given.
        """
        from ..scorers import make_scorer, needs_expected
        from ..suites.lint import unusable_checks

        made: dict[str, Scorer] = {}  # many cases carry the same check

        def scorer_of(check: Check) -> Scorer:
            key = repr((check.scorer, sorted(check.parameters.items())))
            if key not in made:
                made[key] = make_scorer(check, allow_python=allow_python)
            return made[key]

        try:
            judge = cls(
                {
                    case.id: [(check, scorer_of(check)) for check in case.named_checks]
                    for case in cases
                }
            )
        except InputError:
            judge = None
        if judge is None or any(
            needs_expected(scorer)
            for case in cases
            if case.expected is None
            for _, scorer in judge.scorers[case.id]
        ):
            problems = unusable_checks(cases, allow_python=allow_python, path=suite_file)
            raise InputError(problems=problems)
        return judge

    def versions(self) -> dict[str, str]:
        """The version of each scorer used."""
        pairs = (pair for checks in self.scorers.values() for pair in checks)
        return dict(sorted({check.scorer: scorer.version for check, scorer in pairs}.items()))

    def waits(self, case: Case) -> bool:
        """Whether a check of the case asks a model, which takes seconds."""
        return any(getattr(scorer, "waits", False) for _, scorer in self.scorers[case.id])

    def judge(
        self, case: Case, output: str, tool_calls: Sequence[ToolCall] = ()
    ) -> tuple[list[CheckRow], str | None]:
        """The checks' judgements; or what went wrong, where a scorer itself failed."""
        answer = Answer(
            output=output,
            tool_calls=tool_calls,
            expected=case.expected,
            input=case.plain_input(),
            context=[passage.model_dump() for passage in case.context],
            tools=[tool.model_dump() for tool in case.tools],
        )
        rows = []
        for check, scorer in self.scorers[case.id]:
            try:
                said = scorer(answer)
            except Exception as error:
                return [], f"the check {check.name!r} failed: {type(error).__name__}: {error}"
            rows.append(
                CheckRow(
                    check.name, check.scorer, scorer.version, said.score, said.passed, said.reason
                )
            )
        return rows, None
