"""What aiir.yaml may say, and how its mistakes are told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aiir_eval.errors import DocumentError, InputError
from aiir_eval.targets import fingerprint, load_config, make_target

FULL = """\
schema: aiir/config/1
targets:
  support@v1:
    uri: openai:gpt-test
    prompt: {file: prompts/v1.txt}
    params: {temperature: 0, seed: 7}
    tools: tools.json
    base_url: http://localhost:9/v1
    version: abc123
  inline:
    uri: openai:gpt-test
    prompt: {text: "Be brief."}
    base_url: http://localhost:9/v1
scorers: ["python:checks:polite"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "v1.txt").write_text("You are the support desk.")
    (tmp_path / "tools.json").write_text(json.dumps([{"name": "refund", "description": "pays"}]))
    (tmp_path / "aiir.yaml").write_text(FULL)
    return tmp_path


def test_files_are_read_relative_to_the_folder_of_the_configuration(folder: Path) -> None:
    config = load_config(folder / "aiir.yaml")
    spec = config.targets["support@v1"]
    assert spec.prompt == "You are the support desk."
    assert spec.tools == ({"name": "refund", "description": "pays", "parameters": {}},)
    assert dict(spec.params) == {"temperature": 0, "seed": 7}
    assert config.targets["inline"].prompt == "Be brief."
    assert config.scorers == ("python:checks:polite",)


def test_every_mistake_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "aiir.yaml"
    path.write_text(
        "targets:\n"
        "  a: {uri: openai:m, promt: {text: x}}\n"
        "  b: {uri: nonsense}\n"
        "  c: {uri: openai:m, prompt: {text: x, file: y}}\n"
        "  d: {uri: openai:m, base_url: localhost:8000}\n"
        "scorers: [polite]\n"
    )
    with pytest.raises(DocumentError) as raised:
        load_config(path)
    told = {(problem.line, problem.field) for problem in raised.value.problems}
    assert told == {
        (2, "targets.a.promt"),
        (3, "targets.b.uri"),
        (4, "targets.c.prompt"),
        (5, "targets.d.base_url"),
        (6, "scorers"),
    }


def test_a_file_that_is_not_there_is_an_error_at_its_field(tmp_path: Path) -> None:
    path = tmp_path / "aiir.yaml"
    path.write_text("targets:\n  a:\n    uri: openai:m\n    prompt:\n      file: none.txt\n")
    with pytest.raises(DocumentError, match=r"aiir\.yaml:5: targets\.a\.prompt\.file"):
        load_config(path)


@pytest.mark.parametrize(
    "entry",
    [
        "params: {api_key: sk-0123456789abcdefghij}",
        "params: {extra_headers: {Authorization: Bearer abcdefgh}}",
        "params: {note: sk-0123456789abcdefghij}",
        "api_key_env: sk-0123456789abcdefghij",
        "api_key: sk-0123456789abcdefghij",
    ],
)
def test_a_key_in_the_configuration_is_refused_and_not_repeated(tmp_path: Path, entry: str) -> None:
    path = tmp_path / "aiir.yaml"
    path.write_text(f"targets:\n  a: {{uri: openai:m, {entry}}}\n")
    with pytest.raises(DocumentError) as raised:
        load_config(path)
    assert "0123456789abcdefghij" not in str(raised.value)
    assert "abcdefgh" not in str(raised.value)


def test_params_whose_names_only_sound_like_secrets_are_allowed() -> None:
    params = {"max_tokens": 5, "stop_token_ids": [1], "logprobs": True, "eos_token": "</s>"}
    target = make_target("openai:m", base_url="http://localhost:9/v1", params=params)
    assert target.describe()["params"] == params


def test_a_secret_in_params_given_in_python_is_refused() -> None:
    with pytest.raises(InputError, match="api_key looks like a secret") as raised:
        make_target("openai:m", base_url="http://h/v1", params={"api_key": "tops3cret"})
    assert "tops3cret" not in str(raised.value)


def test_an_unknown_name_lists_the_known_ones(folder: Path) -> None:
    with pytest.raises(InputError, match=r"unknown target 'suport'.*support@v1, inline"):
        make_target("suport", config=folder / "aiir.yaml")


def test_an_unknown_scheme_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"'claude'.*openai, python, recorded"):
        make_target("claude:opus")


def test_aiir_yaml_of_the_working_folder_is_found(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert make_target("inline").uri == "openai:gpt-test"
    monkeypatch.chdir(folder / "prompts")
    with pytest.raises(InputError, match=r"there is no aiir\.yaml here"):
        make_target("inline")


def test_the_fingerprint_covers_prompt_params_tools_and_version_and_nothing_else() -> None:
    def of(**changes: object) -> str:
        settings = {"base_url": "http://localhost:9/v1", "prompt": "p", "params": {"seed": 1}}
        return fingerprint(make_target("openai:m", **{**settings, **changes}))  # type: ignore[arg-type]

    same = of()
    assert same == of()
    assert len(same) == 64
    assert same == of(base_url="http://other:1/v1")
    assert same != of(prompt="q")
    assert same != of(params={"seed": 2})
    assert same != of(tools=[{"name": "t"}])
    assert same != fingerprint(make_target("openai:n", base_url="http://h/v1", prompt="p"))


def test_options_add_to_the_configuration(folder: Path) -> None:
    target = make_target("support@v1", config=folder / "aiir.yaml", params={"seed": 8})
    assert target.describe()["params"] == {"temperature": 0, "seed": 8}
    assert target.name == "support@v1"


def test_tools_of_the_api_and_plain_tools_are_the_same(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"id": {"type": "string"}}}
    plain = [{"name": "t", "description": "d", "parameters": schema}]
    api = [{"type": "function", "function": plain[0]}]
    (tmp_path / "tools.json").write_text(json.dumps(api))
    first = make_target("openai:m", base_url="http://h/v1", tools=plain)
    second = make_target("openai:m", base_url="http://h/v1", tools=tmp_path / "tools.json")
    assert fingerprint(first) == fingerprint(second)


@pytest.mark.parametrize(
    ("tools", "message"),
    [
        ({"name": "t"}, "expected a list"),
        ([{"description": "x"}], "needs a name"),
        ([{"name": "t"}, {"name": "t"}], "stands twice"),
        ([{"name": "t", "parms": {}}], "unknown field"),
        ([{"name": "t", "parameters": 5}], "JSON Schema"),
    ],
)
def test_tools_that_are_none_are_an_error(tmp_path: Path, tools: object, message: str) -> None:
    (tmp_path / "tools.json").write_text(json.dumps(tools))
    with pytest.raises(DocumentError, match=message):
        make_target("openai:m", base_url="http://h/v1", tools=tmp_path / "tools.json")


def test_an_installed_package_can_add_a_kind_of_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "echoing.py").write_text(
        "class Echo:\n"
        "    def __init__(self, spec): self.name, self.uri = spec.name, spec.uri\n"
        "    def describe(self): return {'uri': self.uri}\n"
        "def broken(spec): return missing\n"
    )
    metadata = tmp_path / "echoing-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: echoing\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text(
        "[aiir_eval.targets]\necho = echoing:Echo\nlost = echoing:nowhere\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert make_target("echo:x").uri == "echo:x"
    with pytest.raises(InputError, match=r"lost: .* cannot be loaded"):
        make_target("lost:x")
    with pytest.raises(InputError, match="echo, lost, openai, python, recorded"):
        make_target("nothing:x")
