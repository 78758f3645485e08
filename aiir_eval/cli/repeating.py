"""Which command computes a result again, and what bytes did it read?"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from pathlib import Path

import click
from click.core import ParameterSource

from .sources import names_a_file

MOST_BYTES = 1 << 30  # of a file whose digest is taken: a second of reading


def this_command(*, without: Collection[str] = ()) -> str:
    """The command that runs now, as one would type it, less the options named in `without`."""
    context = click.get_current_context()
    words = context.command_path.split()
    options: list[str] = []
    for parameter in context.command.params:
        name = parameter.name or ""
        if context.get_parameter_source(name) is not ParameterSource.COMMANDLINE or name in without:
            continue
        value = context.params[name]
        if isinstance(parameter, click.Argument):
            words.append(str(value))
        elif isinstance(parameter, click.Option) and parameter.is_flag:
            options.append(parameter.opts[-1])
        else:
            for each in value if isinstance(value, tuple | list) else (value,):
                options += [parameter.opts[-1], str(each)]
    return shlex.join(["aiir", *words[1:], *options])


def digests_of(sources: Sequence[str | None]) -> dict[str, str]:
    """SHA-256 of the files among the sources, and of the data of the runs."""
    from ..documents import file_digest
    from ..runs.model import is_run, load_run

    found: dict[str, str] = {}
    for source in sources:
        if source is None or not names_a_file(source):
            continue
        path = Path(source)
        if is_run(source):
            for name, digest in load_run(source).manifest.files.items():
                found[f"{source}/{name}"] = digest
        elif path.is_file() and path.stat().st_size <= MOST_BYTES:
            found[source] = file_digest(path)
    return found
