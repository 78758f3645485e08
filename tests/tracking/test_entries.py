"""What is written keeps MLflow's limits, and no secret goes with it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiir_eval.gate.result import Verdict
from aiir_eval.tracking.entries import (
    MAX_METRICS,
    MAX_PARAM,
    MAX_TAG,
    gate_entries,
    metric_name,
    side_entries,
)
from aiir_eval.tracking.stores import redact_uris, resolve_store


@settings(deadline=None)
@given(st.text(max_size=300), st.text(max_size=20))
def test_any_name_is_one_that_mlflow_takes(part: str, other: str) -> None:
    from mlflow.utils.validation import _validate_metric_name

    name = metric_name("claim", part, other, "low")
    _validate_metric_name(name)
    assert name.count("/") == 3


def test_claims_of_the_same_name_keep_their_numbers(verdict: Verdict) -> None:
    first = next(claim for claim in verdict.claims if claim.name == "no regression")
    second = replace(first, name="no  regression!", estimate=0.25)
    metrics = gate_entries(replace(verdict, claims=[first, second])).metrics
    assert metrics["claim/no regression/estimate"] == first.estimate
    assert metrics["claim/no regression/estimate_2"] == 0.25


def test_a_thousand_claims_fit_one_batch_with_the_violated_first(verdict: Verdict) -> None:
    violated = next(claim for claim in verdict.claims if claim.verdict == "fail")
    settled = next(claim for claim in verdict.claims if claim.name == "no regression")
    many = [replace(settled, name=f"level {number}") for number in range(1_000)]
    entries = gate_entries(replace(verdict, claims=[*many, replace(violated, name="the one")]))
    assert len(entries.metrics) == MAX_METRICS
    assert len(entries.metrics) + len(entries.params) + len(entries.tags) <= 1_000
    assert entries.metrics["claim/the one/estimate"] == violated.estimate
    assert len(entries.tables["tables/claims.json"]["claim"]) == 1_001


def test_long_values_are_cut_to_what_mlflow_takes(verdict: Verdict) -> None:
    run = verdict.comparison.new
    params = {f"knob_{number}": "x" * 10_000 for number in range(300)}
    manifest = run.manifest.model_copy(update={"target": {"uri": "u", "params": params}})
    comparison = replace(verdict.comparison, new=replace(run, manifest=manifest))
    entries = side_entries(replace(verdict, comparison=comparison), "candidate")
    assert len(entries.params) <= 100
    assert max(map(len, entries.params.values())) == MAX_PARAM
    assert entries.params["suite"] == "support desk"  # our own come before the target's
    assert max(map(len, entries.tags.values())) <= MAX_TAG


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("http://me:pw@host/x", "http://[redacted]@host/x"),
        ("postgresql://u:p@ss@db/mlflow", "postgresql://[redacted]@db/mlflow"),
        ("https://host/?api_key=k&x=1", "https://host/?api_key=[redacted]&x=1"),
        ("https://host/a@b/c", "https://host/a@b/c"),
        ("sqlite:///a.db", "sqlite:///a.db"),
    ],
)
def test_passwords_and_keys_are_cut_out_of_addresses(uri: str, shown: str) -> None:
    assert redact_uris(uri) == shown
    assert redact_uris(f"see {uri} now") == f"see {shown} now"


def test_a_path_is_a_store_and_its_files_stand_beside_it(
    tmp_path,
    monkeypatch: pytest.MonkeyPatch,  # type: ignore[no-untyped-def]
) -> None:
    monkeypatch.chdir(tmp_path)
    store = resolve_store("sub/gate.db")
    assert store.uri == f"sqlite:///{tmp_path}/sub/gate.db"
    assert store.shown == "sqlite:///sub/gate.db"
    assert store.artifacts == (tmp_path / "sub" / "gate-artifacts").as_uri()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking.example")
    assert resolve_store(None).uri == "http://tracking.example"
    assert resolve_store(None).is_server
