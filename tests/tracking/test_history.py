"""The gates of a suite are read back from MLflow as they were logged."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from results import answers, desk_suite, good, made_run

import aiir_eval as aiir
from aiir_eval.errors import InputError, UnreachableError
from aiir_eval.gate.result import Verdict
from aiir_eval.tracking.history import History, history
from aiir_eval.tracking.mlflow_log import track_verdict


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[Verdict]]:
    """Three releases of a desk, logged in order, and a gate of another suite between them."""
    uri = f"sqlite:///{tmp_path_factory.mktemp('history')}/mlflow.db"
    suite, other = desk_suite(), desk_suite(2, 3).model_copy(update={"name": "other"})
    runs = [
        made_run(suite, good, name="desk@v1"),
        made_run(suite, answers({}, lambda case, trial: "no"), name="desk@v2"),
        made_run(suite, answers({}, lambda case, trial: "30 days, yes"), name="desk@v3"),
    ]
    verdicts = [aiir.gate(aiir.compare(old, new, margin=0.05)) for old, new in pairwise(runs)]
    first = made_run(other, good, name="a")
    second = made_run(other, answers({}, lambda case, trial: "30 days, no"), name="b")
    track_verdict(verdicts[0], uri=uri)
    track_verdict(aiir.gate(aiir.compare(first, second)), uri=uri)
    track_verdict(verdicts[1], uri=uri)
    return uri, verdicts


@pytest.fixture
def gates(releases: tuple[str, list[Verdict]]) -> History:
    return history(desk_suite().name, uri=releases[0])


def test_every_gate_of_the_suite_comes_back_in_order(
    gates: History, releases: tuple[str, list[Verdict]]
) -> None:
    assert [(gate.baseline, gate.candidate) for gate in gates.gates] == [
        ("desk@v1", "desk@v2"),
        ("desk@v2", "desk@v3"),
    ]
    for gate, verdict in zip(gates.gates, releases[1], strict=True):
        side, difference = verdict.comparison.candidate, verdict.comparison.difference
        assert side is not None
        assert difference is not None
        assert gate.verdict == verdict.verdict
        assert gate.candidate_pass_rate == side.pass_rate
        assert (gate.difference_low, gate.difference_high) == difference.confidence_interval()
        assert gate.broke == len(verdict.comparison.flip_ids.broke)
    assert gates.gates[0].at <= gates.gates[1].at


def test_a_suite_may_be_given_itself_or_by_its_file(
    releases: tuple[str, list[Verdict]], tmp_path: Path
) -> None:
    aiir.save_suite(desk_suite(), tmp_path / "suite.yaml")
    for suite in (desk_suite(), tmp_path / "suite.yaml", str(tmp_path / "suite.yaml")):
        assert len(aiir.history(suite, uri=releases[0])) == 2
    assert len(history("other", uri=releases[0])) == 1
    assert len(history(desk_suite(), uri=releases[0], candidate="desk@v3")) == 1


def test_a_history_shows_itself(gates: History) -> None:
    frame = gates.to_pandas()
    assert list(frame["candidate"]) == ["desk@v2", "desk@v3"]
    assert "desk@v3" in gates._repr_html_()
    import matplotlib

    matplotlib.use("Agg")
    axes = gates.plot()
    assert [text.get_text() for text in axes.get_xticklabels()] == ["desk@v2", "desk@v3"]
    assert len(history("nothing", uri=f"{gates.uri}").to_pandas().columns) == len(frame.columns)


def test_what_is_not_there_is_told(releases: tuple[str, list[Verdict]], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        history("desk", uri=f"sqlite:///{tmp_path}/none.db")
    with pytest.raises(InputError, match=r"no experiment 'nightly' .*there is: .*\baiir\b"):
        history("desk", uri=releases[0], experiment="nightly")
    with pytest.raises(InputError, match="the URI of MLflow is empty"):
        history("desk", uri="")
    with pytest.raises(UnreachableError):
        history("desk", uri="http://127.0.0.1:9")
    assert len(history("nothing", uri=releases[0])) == 0
