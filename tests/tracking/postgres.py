"""A PostgreSQL of its own for tests: made in a folder, reached by a socket, gone afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def programs() -> Path | None:
    """The folder of initdb and pg_ctl, wherever a distribution keeps it; None without them."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_version)
    return versions[-1].parent if versions else None


def _version(path: Path) -> int:
    name = path.parent.parent.name
    return int(name) if name.isdigit() else 0


def missing() -> str | None:
    """Why there can be none here; None where there can."""
    if programs() is None:
        return "no PostgreSQL here: `make system` installs it where it can"
    if os.geteuid() == 0 and shutil.which("runuser") is None:
        return "PostgreSQL does not run as root, and there is no runuser to become another"
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return "no driver of PostgreSQL here: pip install 'psycopg[binary]'"
    return None


@contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """A running PostgreSQL in `folder`, as the address of its database."""
    bin_, prefix = programs(), ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    assert bin_ is not None
    folder.mkdir()
    if prefix:
        shutil.chown(folder, "postgres")
    data = folder / "data"

    def call(*command: str | Path) -> None:
        done = subprocess.run(
            [*prefix, *map(str, command)], capture_output=True, text=True, cwd=folder
        )
        assert done.returncode == 0, done.stderr + done.stdout

    call(bin_ / "initdb", "-D", data, "-U", "aiir", "-A", "trust", "--no-sync", "-E", "UTF8",
         "--locale=C")  # fmt: skip
    # No port is opened; nothing has to outlive the test.
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
    call(bin_ / "pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w", "start")
    try:
        yield f"postgresql://aiir@/postgres?host={folder}"
    finally:
        call(bin_ / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
