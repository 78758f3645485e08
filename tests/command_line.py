"""What tests of the command line call it with: targets, suites, tables, runs, and processes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

AIIR = Path(sys.executable).with_name("aiir")


@dataclass(frozen=True)
class Said:
    """What a call of ``aiir`` gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The whole of stdout, as JSON."""
        return json.loads(self.out)


Aiir = Callable[..., Said]


def program(code: str) -> str:
    """A module of that code in this folder, by a name that no other test uses."""
    name = f"target_{uuid.uuid4().hex}"
    Path(f"{name}.py").write_text(code)
    return f"python:{name}"


def saying(text: str) -> str:
    """A python target that always says this."""
    return program(f"def answer(question):\n    return {text!r}\n") + ":answer"


def suite(path: str | Path = "suite.yaml", n: int = 20, **case: Any) -> str:
    """A suite of `n` cases that want to hear "ok"."""
    checks = [{"scorer": "contains", "value": "ok"}]
    cases = [
        {"id": f"c{i:02}", "input": f"question {i}", "checks": checks, **case} for i in range(n)
    ]
    Path(path).write_text(json.dumps({"schema": "aiir/suite/1", "name": "small", "cases": cases}))
    return str(path)


def table(path: str | Path, passed: Iterable[object]) -> str:
    """A CSV of ids and verdicts; the third column makes equal results of two runs two tables."""
    rows = [f"c{i:03},{value},{Path(path).stem}" for i, value in enumerate(passed)]
    Path(path).write_text("\n".join(["id,ok,run", *rows]) + "\n")
    return str(path)


def changed(run: str, copy: str, **fields: Any) -> str:
    """A copy of a run folder whose run.json says something else."""
    shutil.copytree(run, copy)
    manifest = json.loads((Path(copy) / "run.json").read_text())
    (Path(copy) / "run.json").write_text(json.dumps({**manifest, **fields}))
    return copy


def console(*arguments: object, **options: Any) -> subprocess.Popen[bytes]:
    """``aiir`` as a process of its own."""
    environment = {**os.environ, **options.pop("env", {})}
    defaults = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": environment}
    return subprocess.Popen([AIIR, *map(str, arguments)], **{**defaults, **options})
