"""Where does each peer run? In an environment of its own, made once, outside of the project.

Environments lie in the folder AIIR_BENCH_ENVIRONMENTS names, by default `aiir-drift-peers` in the
system's temporary folder. `python benchmarks/drift/environments.py` makes them all and says which
peers could not be installed, and why.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import venv
from dataclasses import asdict, dataclass
from pathlib import Path

VARIABLE = "AIIR_BENCH_ENVIRONMENTS"
# What pip is asked for; the versions are what the figures were measured with.
REQUIREMENTS: dict[str, tuple[str, ...]] = {
    "evidently": ("evidently==0.7.23", "pandas<3.1", "pyarrow"),
    "nannyml": ("nannyml==0.13.1", "pandas<3", "pyarrow", "statsmodels"),  # it needs the last two
    "alibi-detect": ("alibi-detect==0.13.0", "pyarrow<19"),  # it holds numpy below 2
    "frouros": ("frouros==0.9.0", "pandas<3", "pyarrow"),
}
SECONDS_TO_INSTALL = 1800


@dataclass(frozen=True, slots=True)
class Environment:
    """A Python with one package in it; `problem` is the first line of why there is none."""

    package: str
    python: str
    version: str
    problem: str = ""


def cache_folder() -> Path:
    """Where the environments lie."""
    given = os.environ.get(VARIABLE)
    return Path(given) if given else Path(tempfile.gettempdir()) / "aiir-drift-peers"


def environment(package: str) -> Environment:
    """The environment of a package, made where it is not there yet. Failures are kept too."""
    folder = cache_folder() / package
    record = folder / "environment.json"
    wanted = list(REQUIREMENTS[package])
    if record.exists():
        kept = json.loads(record.read_text("utf-8"))
        if kept.pop("requirements") == wanted and (
            kept["problem"] or Path(kept["python"]).exists()
        ):
            return Environment(**kept)
    made = _make(package, folder)
    record.write_text(json.dumps({**asdict(made), "requirements": wanted}), "utf-8")
    return made


def _make(package: str, folder: Path) -> Environment:
    print(f"making an environment for {package} in {folder}", file=sys.stderr)
    venv.create(folder, clear=True, with_pip=True)
    python = str(folder / ("Scripts" if os.name == "nt" else "bin") / "python")
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    try:
        done = subprocess.run(
            [*pip, "install", *REQUIREMENTS[package]],
            capture_output=True,
            text=True,
            timeout=SECONDS_TO_INSTALL,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Environment(package, python, "", f"pip took more than {SECONDS_TO_INSTALL} s")
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        errors = [line for line in lines if line.lower().startswith("error")] or lines
        return Environment(package, python, "", errors[0] if errors else "pip failed")
    asked = f"from importlib.metadata import version; print(version({package!r}))"
    version = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=True)
    return Environment(package, python, version.stdout.strip())


def main() -> None:
    """One line a peer."""
    for package in REQUIREMENTS:
        made = environment(package)
        print(f"{package}: {made.problem or f'{made.version}, {made.python}'}")


if __name__ == "__main__":
    main()
