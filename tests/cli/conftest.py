"""Fixtures of the command line: calls in this process, recorded runs, policies."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from command_line import Aiir, Said, table
from servers import chat_server

from aiir_eval.cli import invoke

__all__ = ["chat_server"]


@pytest.fixture
def aiir(capsys: pytest.CaptureFixture[str]) -> Aiir:
    """``aiir(...)`` in this process; whatever it is given, it never shows a traceback."""

    def call(*arguments: object) -> Said:
        code = invoke([str(argument) for argument in arguments])
        said = Said(code, *capsys.readouterr())
        assert "Traceback" not in said.err, said.err
        assert "defect of aiir" not in said.err, said.err
        return said

    return call


@pytest.fixture
def refused(aiir: Aiir) -> Callable[..., str]:
    """Calls ``aiir`` with something bad: exit code 2, nothing on stdout; gives what it says."""

    def call(*arguments: object) -> str:
        said = aiir(*arguments)
        assert said.code == 2, (said.code, said.out, said.err)
        assert said.out == ""
        assert said.err.strip()
        return said.err

    return call


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, and the one that is worked in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    return tmp_path


@pytest.fixture
def recorded(aiir: Aiir, here: Path) -> Callable[..., str]:
    """Makes a run folder of verdicts: ``recorded("old", [1, 0, ...])``."""

    def make(name: str, passed: Iterable[object]) -> str:
        source = table(f"{name}.csv", passed)
        done = aiir("import", "table", source, "--id", "id", "--passed", "ok", "-o", name)
        assert done.code == 0, done.err
        return name

    return make


@pytest.fixture
def policy(here: Path) -> Callable[..., str]:
    """Writes a policy of these claims."""

    def write(*claims: dict[str, Any], **fields: Any) -> str:
        named = [{"name": f"claim {n}", **claim} for n, claim in enumerate(claims)]
        Path("policy.yaml").write_text(
            json.dumps({"schema": "aiir/policy/1", **fields, "claims": named})
        )
        return "policy.yaml"

    return write
