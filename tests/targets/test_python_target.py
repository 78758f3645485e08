"""Targets that are the user's own functions."""

from __future__ import annotations

import asyncio
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aiir_eval.errors import InputError, UnreachableError
from aiir_eval.targets import (
    Reply,
    Request,
    Target,
    TargetError,
    fingerprint,
    load_config,
    make_target,
)
from aiir_eval.tool_calls import ToolCall
from aiir_eval.user_code import load_function

Module = Callable[[str], str]


@pytest.fixture
def module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Module]:
    """Write a module into the working folder; its name is given back."""
    monkeypatch.chdir(tmp_path)
    names: list[str] = []

    def write(source: str) -> str:
        name = f"app_{abs(hash(request.node.nodeid))}_{len(names)}"
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(source))
        names.append(name)
        return name

    yield write
    for name in names:
        sys.modules.pop(name, None)


def ask(target: Target, **request: object) -> Reply:
    settings = {"input": "hi", "case_id": "c1", "trial": 0, **request}

    async def go() -> Reply:
        try:
            return await target.reply(Request(**settings))  # type: ignore[arg-type]
        finally:
            await target.close()

    return asyncio.run(go())


def test_a_function_gets_what_its_signature_names(module: Module) -> None:
    name = module("def f(question, *, case_id, trial): return f'{question} {case_id} {trial}'")
    assert ask(make_target(f"python:{name}:f"), trial=3).output == "hi c1 3"


def test_a_function_with_kwargs_gets_all(module: Module) -> None:
    name = module("def f(text, **rest): return ' '.join(sorted(rest))")
    said = ask(make_target(f"python:{name}:f")).output
    assert said == "case_id context prompt rng tools trial"


def test_async_functions_and_objects_and_wrapped_functions_are_called(module: Module) -> None:
    name = module(
        """
        import asyncio
        async def plain(text):
            await asyncio.sleep(0)
            return "async"
        def wrapped(text): return plain(text)
        class Bot:
            def __init__(self, name): self.name = name
            def answer(self, text): return self.name
            async def __call__(self, text): return "called"
        bot = Bot("method")
        """
    )
    assert ask(make_target(f"python:{name}:plain")).output == "async"
    assert ask(make_target(f"python:{name}:wrapped")).output == "async"
    assert ask(make_target(f"python:{name}:bot.answer")).output == "method"
    assert ask(make_target(f"python:{name}:bot")).output == "called"


def test_a_mapping_with_tool_calls_and_usage_is_read(module: Module) -> None:
    name = module(
        """
        def f(text):
            return {"output": "done", "tool_calls": [{"name": "pay", "arguments": {"eur": 5}}],
                    "usage": {"input_tokens": 3, "output_tokens": 4, "cost_usd": 0.5}}
        """
    )
    reply = ask(make_target(f"python:{name}:f"))
    assert reply.tool_calls == (ToolCall("pay", {"eur": 5}),)
    assert (reply.input_tokens, reply.output_tokens, reply.cost_usd) == (3, 4, 0.5)
    assert reply.latency_s is not None
    assert 0 <= reply.latency_s < 5


def test_what_a_function_raises_is_the_error_of_the_trial(module: Module) -> None:
    name = module(
        """
        import sys
        def broken(text): raise ValueError("no such policy")
        def leaves(text): sys.exit(3)
        def stops(text): raise StopIteration
        async def aleaves(text): sys.exit(3)
        """
    )
    with pytest.raises(TargetError, match="ValueError: no such policy"):
        ask(make_target(f"python:{name}:broken"))
    for function in ("leaves", "aleaves"):
        with pytest.raises(TargetError, match="SystemExit: 3"):
            ask(make_target(f"python:{name}:{function}"))
    with pytest.raises(TargetError, match="StopIteration"):
        ask(make_target(f"python:{name}:stops"))


def test_a_function_can_say_that_nothing_is_there(module: Module) -> None:
    name = module(
        """
        from aiir_eval import UnreachableError
        def f(text): raise UnreachableError("the service is down")
        """
    )
    with pytest.raises(UnreachableError, match="service is down"):
        ask(make_target(f"python:{name}:f"))


def test_slow_functions_run_beside_each_other(module: Module) -> None:
    name = module("import time\ndef f(text): time.sleep(0.3); return 'x'")
    target = make_target(f"python:{name}:f")

    async def go() -> float:
        started = time.monotonic()
        await asyncio.gather(*(target.reply(Request("hi", "c", n)) for n in range(8)))
        await target.close()
        return time.monotonic() - started

    assert asyncio.run(go()) < 1.5  # one after the other: 2.4


def test_sys_path_is_as_before(module: Module) -> None:
    name = module("def f(text): return 'x'")
    before = list(sys.path)
    make_target(f"python:{name}:f")
    assert sys.path == before


def test_a_module_beside_aiir_yaml_is_found_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    project.mkdir()
    elsewhere.mkdir()
    (project / "beside_yaml_app.py").write_text(
        "from beside_yaml_words import word\ndef f(text): return word\n"
    )
    (project / "beside_yaml_words.py").write_text("word = 'beside'\n")
    (project / "aiir.yaml").write_text("targets:\n  t: {uri: 'python:beside_yaml_app:f'}\n")
    monkeypatch.chdir(elsewhere)
    target = make_target("t", config=load_config(project / "aiir.yaml"))
    assert ask(target).output == "beside"


def test_params_are_keyword_arguments_and_are_checked_at_once(module: Module) -> None:
    name = module("def f(text, *, strict=False, prompt=None): return f'{strict} {prompt}'")
    uri = f"python:{name}:f"
    assert ask(make_target(uri, params={"strict": True}, prompt="p")).output == "True p"
    with pytest.raises(InputError, match=r"takes no parameter 'strct'.*strict"):
        make_target(uri, params={"strct": True})
    assert fingerprint(make_target(uri)) != fingerprint(make_target(uri, params={"strict": True}))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def f(): return 1", "takes no input"),
        ("def f(text, policy): return 1", "needs the argument 'policy'"),
        ("f = 5", "not a function"),
        ("def g(text): return 1", "has no f"),
        ("def f(text: return", "not valid Python"),
        ("raise RuntimeError('boom')", "RuntimeError: boom"),
        ("import no_such_module_at_all", "no_such_module_at_all"),
    ],
)
def test_a_function_that_cannot_be_called_is_an_error_before_any_trial(
    module: Module, source: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        make_target(f"python:{module(source)}:f")


def test_a_missing_module_says_once_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no python module nowhere_app") as caught:
        load_function("nowhere_app:f", [tmp_path, tmp_path / "."])
    assert str(caught.value).count(str(tmp_path)) == 1


def test_the_fingerprint_follows_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prints = []
    for number, answer in enumerate(["a", "a", "b"]):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "follows_code.py").write_text(f"def f(text): return {answer!r}\n")
        monkeypatch.chdir(folder)
        monkeypatch.delitem(sys.modules, "follows_code", raising=False)
        prints.append(fingerprint(make_target("python:follows_code:f")))
    monkeypatch.delitem(sys.modules, "follows_code", raising=False)
    assert prints[0] == prints[1] != prints[2]


def test_the_fingerprint_follows_the_data_of_a_package_but_not_what_it_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "desk_with_data"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "app.py").write_text("def f(text): return 'x'\n")
    (package / "policy.md").write_text("14 days")
    monkeypatch.chdir(tmp_path)

    def print_() -> str:
        return fingerprint(make_target("python:desk_with_data.app:f"))

    first = print_()
    (package / "store.sqlite").write_bytes(b"rows")
    assert print_() == first
    (package / "policy.md").write_text("90 days")
    assert print_() != first


def test_code_edited_after_its_import_is_refused(module: Module, tmp_path: Path) -> None:
    name = module("def f(text): return 'old'")
    make_target(f"python:{name}:f")
    (tmp_path / f"{name}.py").write_text("def f(text): return 'new'")
    with pytest.raises(InputError, match="changed after it was imported"):
        make_target(f"python:{name}:f")
    import importlib

    sys.path.insert(0, str(tmp_path))
    try:
        importlib.reload(sys.modules[name])
    finally:
        sys.path.remove(str(tmp_path))
    assert ask(make_target(f"python:{name}:f")).output == "new"


def test_two_modules_of_one_name_are_not_mixed_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("v1", "v2"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "namesake_app.py").write_text(f"def f(text): return {version!r}\n")
    monkeypatch.chdir(tmp_path / "v1")
    make_target("python:namesake_app:f")
    monkeypatch.chdir(tmp_path / "v2")
    with pytest.raises(InputError, match="in use already"):
        make_target("python:namesake_app:f")
    del sys.modules["namesake_app"]


def test_tools_of_target_and_case_are_joined(module: Module) -> None:
    name = module(
        """
        def f(text, tools):
            return "; ".join(f"{t['name']} {t['description']} {t.get('result')}" for t in tools)
        """
    )
    target = make_target(f"python:{name}:f", tools=[{"name": "a", "description": "new"}])
    case_tools = [
        {"name": "a", "description": "old", "parameters": {}, "result": 1},
        {"name": "b", "description": "case", "parameters": {}, "result": 2},
    ]
    assert ask(target, tools=case_tools).output == "a new 1; b case 2"


def test_settings_that_mean_nothing_to_a_function_are_refused(module: Module) -> None:
    name = module("def f(text): return 'x'")
    with pytest.raises(InputError, match="takes no base_url"):
        make_target(f"python:{name}:f", base_url="http://h/v1")
    with pytest.raises(InputError, match="takes no `prompt`"):
        make_target(f"python:{name}:f", prompt="p")
