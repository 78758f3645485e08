"""What did the gates of a suite say, release after release? Read back from MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from math import isnan, nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..suites.model import Suite, load_suite
from ..telemetry import opt_out
from .stores import check_readable, experiments_there, resolve_store
from .writing import plain_errors, quiet

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from mlflow.entities import Run as TrackedRun

PAGE = 1_000  # runs asked of MLflow at a time


@dataclass(frozen=True, slots=True)
class GateRecord:
    """One gate as MLflow keeps it; a number that was not logged is NaN.

    Rates are in [0, 1]; ``_low`` and ``_high`` are the ends of their intervals.
    """

    at: datetime  # UTC
    verdict: str
    baseline: str
    candidate: str
    suite_version: str
    baseline_pass_rate: float
    baseline_pass_rate_low: float
    baseline_pass_rate_high: float
    candidate_pass_rate: float
    candidate_pass_rate_low: float
    candidate_pass_rate_high: float
    difference: float
    difference_low: float
    difference_high: float
    margin: float
    broke: float
    fixed: float
    n_cases: float
    candidate_fingerprint: str
    run_id: str


@dataclass(frozen=True)
class History:
    """The gates of a suite, the oldest first."""

    suite: str
    uri: str
    gates: tuple[GateRecord, ...]

    def to_pandas(self) -> pd.DataFrame:
        """One row a gate."""
        import pandas as pd

        names = [field.name for field in fields(GateRecord)]
        return pd.DataFrame([asdict(gate) for gate in self.gates], columns=names)

    def plot(self, ax: Axes | None = None) -> Axes:
        """The pass rate of each candidate with its interval, coloured by the verdict."""
        from .history_plotting import plot_history

        return plot_history(self, ax)

    def __len__(self) -> int:
        return len(self.gates)

    def __repr__(self) -> str:
        return f"History({self.suite!r}: {len(self.gates)} gates in {self.uri})"

    def _repr_html_(self) -> str:
        from .history_plotting import history_html

        return history_html(self)


def history(
    suite: Suite | str | Path,
    *,
    uri: str | None = None,
    experiment: str = "aiir",
    candidate: str | None = None,
) -> History:
    """Read the gates of a suite back from MLflow.

    Parameters
    ----------
    suite : Suite, path or str
        A suite, the file of one, or the name it was logged by.
    uri : str, optional
        As of `track_verdict`.
    experiment : str
        Where the gates were logged.
    candidate : str, optional
        Only gates of this candidate.

    Raises
    ------
    InputError
        There is no such store or experiment.
    UnreachableError
        The server does not answer.

    Examples
    --------
    >>> gates = history("support_desk", uri="sqlite:///mlflow.db")         # doctest: +SKIP
    >>> gates.to_pandas()[["at", "candidate", "verdict"]]                  # doctest: +SKIP
    """
    opt_out()
    name = _suite_name(suite)
    store = resolve_store(uri)
    check_readable(store)
    with quiet(), plain_errors(store, ""):
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=store.uri)
        found = client.get_experiment_by_name(experiment)
        if found is None:
            raise InputError(
                f"there is no experiment {experiment!r} in {store.shown}",
                hint=experiments_there(client),
            )
        runs: list[TrackedRun] = []
        token: str | None = None
        while True:
            page = client.search_runs(
                [found.experiment_id],
                filter_string="tags.`aiir.kind` = 'gate' and attributes.status = 'FINISHED'",
                max_results=PAGE,
                order_by=["attributes.start_time ASC"],
                page_token=token,
            )
            runs += page
            token = page.token
            if not token:
                break
    gates = [_record(run) for run in runs if run.data.params.get("suite") == name]
    chosen = [gate for gate in gates if candidate in (None, gate.candidate)]
    return History(name, store.shown, tuple(chosen))


def _suite_name(suite: Suite | str | Path) -> str:
    if isinstance(suite, Suite):
        return suite.name
    path = Path(suite)
    if isinstance(suite, Path) or path.is_file():
        return load_suite(path).name
    return suite


def _record(run: TrackedRun) -> GateRecord:
    numbers: Mapping[str, float] = run.data.metrics
    params: Mapping[str, str] = run.data.params
    return GateRecord(
        at=datetime.fromtimestamp(run.info.start_time / 1000, UTC),
        verdict=run.data.tags.get("aiir.verdict", ""),
        baseline=params.get("baseline", ""),
        candidate=params.get("candidate", ""),
        suite_version=params.get("suite_version", ""),
        **{name: float(numbers.get(name, nan)) for name in _NUMBERS},
        candidate_fingerprint=params.get("candidate_fingerprint", ""),
        run_id=str(run.info.run_id),
    )


_NUMBERS = tuple(field.name for field in fields(GateRecord) if field.type == "float")


def known(value: float) -> bool:
    """Whether a number was logged."""
    return not isnan(value)


def shown_names(gates: tuple[GateRecord, ...]) -> list[str]:
    """What each gate is called on an axis: its candidate, with the day where a name comes again."""
    names: list[Any] = [gate.candidate for gate in gates]
    return [
        f"{name}\n{gate.at:%d %b}" if names.count(name) > 1 else name
        for name, gate in zip(names, gates, strict=True)
    ]
