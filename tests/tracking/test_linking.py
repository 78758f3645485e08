"""A target that names a registered model or prompt: read from the registry, linked in MLflow."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aiir_eval.cli import invoke
from aiir_eval.errors import DocumentError, InputError, UnreachableError
from aiir_eval.runs.model import load_run
from aiir_eval.targets.config import load_config
from aiir_eval.targets.making import fingerprint, make_target
from aiir_eval.telemetry import opt_out
from aiir_eval.tracking.linking import linked_prompts, links, model_uris

opt_out()
APP = "def answer(input, prompt):\n    return prompt.splitlines()[-1]\n"
CONFIG = """
targets:
  old: {{uri: "python:prompted_shop:answer", prompt: {{mlflow: "prompts:/{name}/1"}}}}
  new: {{uri: "python:prompted_shop:answer", prompt: {{mlflow: "prompts:/{name}@live"}},
        version: "models:/{model}/1"}}
  text: {{uri: "python:prompted_shop:answer", prompt: {{text: "Be brief.\\n30 days."}}}}
"""
SUITE = """
schema: aiir/suite/1
name: shop
cases:
  - {id: a, input: "How long?", checks: [{scorer: contains, value: "30 days"}]}
"""


@pytest.fixture(scope="module")
def registry(sqlite_uri: str) -> str:
    """A prompt of two versions, and a registered version of a logged model."""
    import mlflow
    from mlflow import MlflowClient

    client = MlflowClient(sqlite_uri, registry_uri=sqlite_uri)
    for text in ("Be brief.\n90 days.", "Be brief.\n30 days."):
        client.register_prompt("desk-prompt", text)
    client.set_prompt_alias("desk-prompt", "live", 2)
    experiment = client.create_experiment("models-of-a-desk")
    logged = client.create_logged_model(experiment, name="desk")
    client.create_registered_model("desk-model")
    mlflow.set_tracking_uri(sqlite_uri)  # where the registry looks the logged model up
    try:
        client.create_model_version("desk-model", f"models:/{logged.model_id}")
    finally:
        mlflow.set_tracking_uri(None)
    return sqlite_uri


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all: a module is imported once in a process."""
    return tmp_path_factory.mktemp("shop")


@pytest.fixture
def shop(folder: Path, monkeypatch: pytest.MonkeyPatch, registry: str) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry)
    Path("prompted_shop.py").write_text(APP)
    Path("suite.yaml").write_text(SUITE)
    Path("aiir.yaml").write_text(CONFIG.format(name="desk-prompt", model="desk-model"))


def test_a_run_links_to_what_its_target_names(shop: None, registry: str) -> None:
    from mlflow import MlflowClient

    for name in ("old", "new"):
        assert invoke(["run", "suite.yaml", "--target", name, "-o", f"runs/{name}"]) == 0
    sides = ["--baseline", "runs/old", "--candidate", "runs/new"]
    where = ["--mlflow", registry, "--experiment", "linked", "--traces"]
    assert invoke(["gate", *sides, *where]) == 3  # one case settles nothing
    client = MlflowClient(registry)
    experiment = client.get_experiment_by_name("linked")
    assert experiment is not None
    runs = {
        run.data.tags["aiir.kind"]: run for run in client.search_runs([experiment.experiment_id])
    }
    new = runs["candidate"]
    linked = [{"name": "desk-prompt", "version": "2"}]
    assert json.loads(new.data.tags["mlflow.linkedPrompts"]) == linked
    assert new.data.params["prompt_uri"] == "prompts:/desk-prompt/2"
    assert new.data.tags["aiir.models"] == "models:/desk-model/1"
    (used,) = client.get_run(new.info.run_id).inputs.model_inputs
    assert used.model_id == client.get_model_version("desk-model", "1").source.split("/")[-1]
    assert "#/models/desk-model/versions/1" in new.data.tags["mlflow.note.content"]
    assert "#/prompts/desk-prompt" in new.data.tags["mlflow.note.content"]
    old = runs["baseline"]
    assert json.loads(old.data.tags["mlflow.linkedPrompts"])[0]["version"] == "1"
    assert "aiir.models" not in old.data.tags
    trace = client.search_traces(
        locations=[experiment.experiment_id],
        filter_string=f"metadata.`mlflow.sourceRun` = '{new.info.run_id}'",
    )[0]
    assert json.loads(trace.info.tags["mlflow.linkedPrompts"]) == linked


def test_the_text_of_a_prompt_is_in_the_fingerprint(shop: None) -> None:
    new, text = (make_target(name) for name in ("new", "text"))
    assert new.describe()["prompt"] == text.describe()["prompt"] == "Be brief.\n30 days."
    assert new.describe()["prompt_uri"] == "prompts:/desk-prompt/2"  # what the alias stands for
    assert fingerprint(new) != fingerprint(make_target("old"))
    assert "prompt_uri" not in make_target("new", prompt="another").describe()


def test_what_the_registry_lacks_is_said(shop: None) -> None:
    path = Path("aiir.yaml")
    path.write_text(path.read_text().replace("desk-prompt/1", "desk-prompt/9"))
    with pytest.raises(InputError, match=r"prompts:/desk-prompt/9 cannot be read from sqlite"):
        make_target("old")
    path.write_text(path.read_text().replace("@live", "@gone"))
    with pytest.raises(InputError, match=r"prompts:/desk-prompt@gone cannot be read"):
        make_target("new")
    path.write_text(path.read_text().replace("prompts:/desk-prompt@gone", "desk-prompt"))
    with pytest.raises(DocumentError, match="write prompts:/NAME/VERSION"):
        load_config("aiir.yaml")


def test_a_registry_that_does_not_answer_is_exit_code_5(
    shop: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:hunter2@127.0.0.1:9")
    with pytest.raises(UnreachableError):
        make_target("new")
    assert invoke(["run", "suite.yaml", "--target", "new", "-o", "runs/x"]) == 5
    assert "hunter2" not in capsys.readouterr().err
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert invoke(["run", "suite.yaml", "--target", "new", "-o", "runs/x"]) == 2
    assert "MLFLOW_TRACKING_URI" in capsys.readouterr().err
    assert invoke(["run", "suite.yaml", "--target", "text", "-o", "runs/text"]) == 0
    assert load_run("runs/text").manifest.target["prompt"] == "Be brief.\n30 days."


def test_names_are_found_where_a_target_may_state_them() -> None:
    target = {
        "uri": "openai:gpt", "version": "models:/desk@champion", "prompt": "see models:/no/1",
        "params": {"extra_body": {"model": "models:/other/2"}, "id": "models:/m-" + "a" * 32},
        "prompt_uri": "prompts:/support/3",
    }  # fmt: skip
    assert model_uris(target) == ["models:/desk@champion", "models:/other/2",
                                  "models:/m-" + "a" * 32]  # fmt: skip
    assert linked_prompts(target) == '[{"name": "support", "version": "3"}]'
    assert linked_prompts({"uri": "openai:gpt"}) is None
    assert [each.split("]")[0] for each in links(target)] == [
        "model [desk @champion", "model [other 2", "prompt [support 3"
    ]  # fmt: skip
