"""How long `aiir --help` takes, as a ratio to `python -c "import click"`, in one run."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

REPEATS = 31
LIMIT = 1.5


def seconds(command: list[str]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    """Alternate the two commands, so that noise of the machine falls on both."""
    help_ = [str(Path(sys.executable).with_name("aiir")), "--help"]
    click = [sys.executable, "-c", "import click"]
    pairs = [(seconds(help_), seconds(click)) for _ in range(REPEATS)]
    ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    print(f"aiir --help {ours * 1e3:.1f} ms, import click {theirs * 1e3:.1f} ms")
    print(f"median ratio {ratio:.2f} (limit {LIMIT}, {REPEATS} pairs)")
    sys.exit(ratio > LIMIT)


if __name__ == "__main__":
    main()
