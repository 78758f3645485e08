"""Restoration against a real registry of MLflow; its runs and traces as evidence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from command_line import Aiir
from incident_files import register as make_register

from aiir_eval.incidents.loading import load_incident

KEY = "sk-" + "a1B2" * 6


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A store with a model and a prompt of three versions each, a run with a file, and a trace."""
    import mlflow
    from mlflow import MlflowClient

    folder = tmp_path_factory.mktemp("registry")
    uri = f"sqlite:///{folder}/mlflow.db"
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    experiment = client.create_experiment("desk", artifact_location=(folder / "files").as_uri())
    client.create_registered_model("desk")
    for version in range(3):
        client.create_model_version("desk", source=f"{folder.as_uri()}/m-{version}")
        client.register_prompt("greeting", template=f"Version {version}: {{{{name}}}}")
    run = client.create_run(experiment).info.run_id
    client.log_param(run, "header", f"Bearer {KEY}")
    client.log_metric(run, "score", 0.5, step=1)
    client.log_metric(run, "score", 0.25, step=2)
    client.log_text(run, f"asked with {KEY}\n", "notes/asked.txt")
    client.set_terminated(run)
    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment("desk")
    with mlflow.start_span("desk", span_type="CHAIN") as span:
        span.set_inputs({"question": "write to ann@shop.example"})
        span.set_outputs("done")
    mlflow.flush_trace_async_logging()
    trace = span.trace_id
    mlflow.set_tracking_uri(None)  # naming the default would hide the variable from later tests
    return SimpleNamespace(uri=uri, client=client, run=run, trace=trace)


@pytest.fixture
def record(here: Path, registry: SimpleNamespace) -> Path:
    registry.client.set_registered_model_alias("desk", "production", "3")
    registry.client.set_prompt_alias("greeting", "production", 3)
    for pin in ("incident-INC-1", "incident-INC-1-2"):
        registry.client.delete_registered_model_alias("desk", pin)
        registry.client.delete_prompt_alias("greeting", pin)
    for name in ("prompt", "output"):
        Path(f"{name}.txt").write_text(f"the {name} of version 3")
    return make_register(here)


def preserved(aiir: Aiir) -> None:
    for name in ("prompt", "output"):
        assert aiir("incident", "preserve", "INC-1", "--kind", name, f"{name}.txt").code == 0


def alias(registry: Any, what: str, name: str) -> int:
    if what == "model":
        return int(registry.client.get_model_version_by_alias("desk", name).version)
    return int(registry.client.get_prompt_version_by_alias("greeting", name).version)


def rollback(registry: Any, what: str, *more: str) -> tuple[str, ...]:
    name = "desk" if what == "model" else "greeting"
    return (
        "incident", "restore", "INC-1", "--decision", "rollback", "--reason", "it leaks",
        f"--{what}", name, "--mlflow", registry.uri, "--by", "Ana", *more,
    )  # fmt: skip


@pytest.mark.parametrize("what", ["model", "prompt"])
def test_a_rollback_pins_the_faulty_version_then_moves_the_alias(
    what: str, record: Path, aiir: Aiir, registry: SimpleNamespace
) -> None:
    preserved(aiir)
    planned = aiir(*rollback(registry, what, "--dry-run", "--format", "json")).json
    assert planned["rollback"]["to"] == 2
    assert alias(registry, what, "production") == 3
    assert load_incident(record).restoration is None

    said = aiir(*rollback(registry, what))
    assert said.code == 0, said.err
    assert alias(registry, what, "production") == 2
    assert alias(registry, what, "incident-INC-1") == 3
    restoration = load_incident(record).restoration
    assert restoration is not None
    assert restoration.decisions == ["rollback"]
    assert restoration.by == "Ana"
    assert "from version 3 to 2" in restoration.changes[0]
    entry = load_incident(record).evidence[-1]
    data = json.loads((record.parent / entry.path).read_text())
    assert int(data["version"]) == 3
    assert aiir("incident", "preserve", "INC-1", "--verify").code == 0

    again = aiir(*rollback(registry, what))  # from 2 to 1: what is pinned is not gone back to
    assert again.code == 0, again.err
    assert alias(registry, what, "production") == 1
    assert [alias(registry, what, f"incident-INC-1{n}") for n in ("", "-2")] == [3, 2]


@pytest.mark.parametrize("what", ["model", "prompt"])
def test_nothing_moves_before_the_old_version_is_preserved(
    what: str, record: Path, aiir: Aiir, registry: SimpleNamespace, refused: Callable[..., str]
) -> None:
    said = refused(*rollback(registry, what))
    assert "prompt, output" in said
    assert "73(6)" in said
    assert alias(registry, what, "production") == 3
    preserved(aiir)
    place = record.parent / load_incident(record).evidence[0].path
    place.chmod(0o644)
    place.write_text("changed")
    assert "was changed" in refused(*rollback(registry, what))
    assert alias(registry, what, "production") == 3
    waived = aiir(*rollback(registry, what, "--waive", "a copy is with counsel"))
    assert waived.code == 0, waived.err
    assert alias(registry, what, "production") == 2
    restoration = load_incident(record).restoration
    assert restoration is not None
    assert "a copy is with counsel" in str(restoration.reason)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--to", "9"), "no version 9"),
        (("--to", "3"), "already"),
        (("--alias", "champion"), "champion"),
        (("--prompt", "greeting"), "one at a time"),
        (("--waive", " "), "say why"),
    ],
)
def test_a_rollback_that_cannot_be_is_refused(
    more: tuple[str, ...],
    says: str,
    record: Path,
    aiir: Aiir,
    registry: SimpleNamespace,
    refused: Callable[..., str],
) -> None:
    preserved(aiir)
    assert says in refused(*rollback(registry, "model", *more))
    assert alias(registry, "model", "production") == 3


def test_the_first_version_has_nothing_before_it(
    record: Path, aiir: Aiir, registry: SimpleNamespace, refused: Callable[..., str]
) -> None:
    registry.client.set_registered_model_alias("desk", "production", "1")
    preserved(aiir)
    assert "no version before 1" in refused(*rollback(registry, "model"))


def test_a_decision_without_a_registry_is_recorded(record: Path, aiir: Aiir) -> None:
    said = aiir(
        "incident", "restore", "INC-1", "--decision", "manual_review", "--decision",
        "customer_correction", "--reason", "each refund is looked at", "--by", "Ana",
    )  # fmt: skip
    assert said.code == 0, said.err
    restoration = load_incident(record).restoration
    assert restoration is not None
    assert restoration.decisions == ["manual_review", "customer_correction"]


def test_a_run_and_a_trace_are_preserved_without_keys(
    record: Path, aiir: Aiir, registry: SimpleNamespace
) -> None:
    store = ("--mlflow", registry.uri)
    said = aiir(
        "incident", "preserve", "INC-1", "--kind", "score", "--mlflow-run", registry.run, *store
    )
    assert said.code == 0, said.err
    said = aiir(
        "incident", "preserve", "INC-1", "--trace", registry.trace, *store, "--redact", "emails"
    )
    assert said.code == 0, said.err
    evidence = load_incident(record).evidence
    texts = [(record.parent / each.path).read_text() for each in evidence]
    assert [each.kind for each in evidence] == ["score", "score", "trace"]
    assert not any(KEY in text or "ann@shop.example" in text for text in texts)
    run = json.loads(texts[0])
    assert [each["value"] for each in run["metric_history"]["score"]] == [0.5, 0.25]
    assert texts[1].startswith("asked with [redacted")
    assert "[redacted: emails]" in texts[2]
    assert aiir("incident", "preserve", "INC-1", "--verify").code == 0


def test_what_was_told_is_logged_in_order_of_time(record: Path, aiir: Aiir) -> None:
    for at, whom in (("2024-09-02T10:00Z", "the regulator"), ("2024-09-01T10:00Z", "customers")):
        said = aiir(
            "incident", "communicate", "INC-1", "--to", whom, "--channel", "email",
            "--summary", "an address was shown", "--ref", "MSG-1", "--at", at,
        )  # fmt: skip
        assert said.code == 0, said.err
    logged = load_incident(record).communications
    assert [each.to for each in logged] == ["customers", "the regulator"]
    assert logged[0].at == "2024-09-01T10:00:00Z"
