"""The commands that make a run again, and where a page says that the runs lie."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...runs.model import Run


def run_commands(*runs: Run) -> tuple[list[str], list[str | None]]:
    """Commands that make the runs which are not on disk, and the folder of each, quoted.

    A run that was imported and lies nowhere has no command and no folder: its digests name it.
    """
    commands: list[str] = []
    folders: list[str | None] = []
    for run in runs:
        if run.path is not None and run.complete:
            folders.append(shlex.quote(str(run.path)))
        elif (command := run_command(run)) is not None:
            commands.append(command)
            folders.append(_folder(run))
        else:
            folders.append(None)
    return commands, folders


def run_command(run: Run) -> str | None:
    """The command that runs the target again; None for a run that was imported."""
    manifest = run.manifest
    if "uri" not in manifest.target:
        return None
    words = ["aiir", "run", "suite.yaml", "--target", manifest.target_name]
    if manifest.seed:
        words += ["--seed", str(manifest.seed)]
    return f"{shlex.join(words)} -o {_folder(run)}"


def _folder(run: Run) -> str:
    return shlex.quote(f"runs/{run.name.replace('/', '-')}")
