"""What do other tools say of the same two Parquet files, and how long does it take them?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from environments import environment

HERE = Path(__file__).parent
OURS = "this project's"


@dataclass(frozen=True, slots=True)
class Peer:
    """A way to run a tool: its script, the option the script takes, what to call it on the page."""

    title: str
    package: str  # of environments.py; OURS: the environment this runs in
    script: str
    option: str = ""
    computes: str = ""


PEERS: dict[str, Peer] = {
    "evidently": Peer(
        "Evidently, default preset",
        "evidently",
        "run_evidently.py",
        "default",
        "its own choice of test by size; a column drifts by its p-value below .05 or its distance "
        "from .1, tables drift where half of the columns do",
    ),
    "evidently-forced": Peer(
        "Evidently, KS and chi-square forced",
        "evidently",
        "run_evidently.py",
        "forced",
        "KS and its chi-square (goodness of fit to the reference), p below .05",
    ),
    "nannyml": Peer(
        "NannyML, defaults",
        "nannyml",
        "run_nannyml.py",
        "default",
        "Jensen-Shannon distance of each of ten chunks; a column alarms where a chunk does",
    ),
    "nannyml-forced": Peer(
        "NannyML, KS and chi-square",
        "nannyml",
        "run_nannyml.py",
        "forced",
        "KS (threshold from the chunks of the reference) and chi-square (p below .05) of ten "
        "chunks; a column alarms where a chunk does",
    ),
    "alibi-detect": Peer(
        "Alibi Detect, TabularDrift",
        "alibi-detect",
        "run_alibi_detect.py",
        "",
        "KS and chi-square, Bonferroni over the columns",
    ),
    "frouros": Peer(
        "Frouros, KS and chi-square",
        "frouros",
        "run_frouros.py",
        "",
        "KS and chi-square, p below .05",
    ),
    "scipy": Peer(
        "scipy loop",
        OURS,
        "run_scipy.py",
        "",
        "Welch t, KS and chi-square by hand, KS (chi-square) p below .05",
    ),
}


class Running:
    """A peer's process, its imports paid for; use it as a context manager.

    `version` is empty and `problem` says why where the peer cannot be installed here.
    """

    def __init__(self, name: str) -> None:
        self.peer = PEERS[name]
        self.version, self.problem, python = "", "", sys.executable
        if self.peer.package != OURS:
            made = environment(self.peer.package)
            self.version, self.problem, python = made.version, made.problem, made.python
        self._command = [python, str(HERE / self.peer.script), self.peer.option]
        self._process: subprocess.Popen[str] | None = None
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115  closed with the process

    def __enter__(self) -> Running:
        if not self.problem:
            quiet = {"DO_NOT_TRACK": "1", "NML_DISABLE_USAGE_LOGGING": "1"}  # no telemetry
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                text=True,
                env={**os.environ, **quiet, "PYTHONWARNINGS": "ignore"},
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.wait(timeout=60)
        self._said.close()

    def run(self, reference: str | Path, current: str | Path) -> dict[str, Any]:
        """From two Parquet files to a verdict.

        `seconds`; `alarms`, by column; `drift`, the tool's own verdict on the two tables (any
        alarm, where it has none); `pvalues`, by column, where it gives some. Only `problem` where
        the peer cannot be installed or fails.
        """
        if self._process is None or self._process.stdin is None or self._process.stdout is None:
            return {"problem": self.problem or "the peer is not running"}
        try:
            self._process.stdin.write(json.dumps([str(reference), str(current)]) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:  # it ended: the last line of what it said is the reason
            self._process.wait()
            self._said.seek(0)
            said = [line for line in self._said.read().splitlines() if line.strip()]
            return {"problem": said[-1] if said else "the peer's process ended"}
        result: dict[str, Any] = json.loads(answer)
        return result


def run_peer(name: str, reference: str | Path, current: str | Path) -> dict[str, Any]:
    """Start a peer, run it on two Parquet files twice, and give the second answer (see `Running`).

    The first run pays for what a tool imports and compiles on first use.
    """
    with Running(name) as running:
        first = running.run(reference, current)
        return first if "problem" in first else running.run(reference, current)
