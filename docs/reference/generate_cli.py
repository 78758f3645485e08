"""What does the page of a command say? Usage, options, exit codes and examples, from click."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from textwrap import dedent

import click

from aiir_eval.cli.app import COMMANDS, aiir

MADE = "<!-- Written by docs/reference/generate.py from the code; change that, not this. -->\n"
PARAGRAPH = re.compile(r"\n[ \t]*\n")
INDEX = """\
# Commands

`aiir COMMAND --help` says the same as these pages, which are written from it.

{table}

## What holds for every command

- Results go to stdout, progress and warnings to stderr; `--format json` prints one JSON document.
- Colour and progress bars are for terminals; `NO_COLOR` switches colour off.
- A `TABLE` is Parquet, CSV, TSV or JSON Lines; `--where` is a DuckDB expression over its columns.
- A `TARGET` is a name in `aiir.yaml`, or `python:MODULE:FUNCTION`, `openai:MODEL`, `recorded:RUN`.
- A `TIME` is ISO 8601; without an offset it is UTC.

| exit code | meaning |
| --- | --- |
| 0 | done; of `gate`: pass |
| 1 | of `gate`: fail; of commands that look for something: found (their pages say what) |
| 2 | usage, or input that cannot be read or used |
| 3 | of `gate`: inconclusive |
| 4 | of `gate`: invalid, the runs cannot be compared |
| 5 | the target, or the MLflow server that was asked for, could not be reached |
| 130 | stopped by Ctrl-C |

| environment variable | what it does |
| --- | --- |
| `NO_COLOR` | no colour |
| `AIIR_DEBUG` | a traceback where the tool itself is at fault |
| `MLFLOW_TRACKING_URI` | where MLflow is, where no option says it |
{variables}
| the name under `api_key_env` | the key of a target; it is read from nowhere else |
"""


def cli_pages() -> Mapping[str, str]:
    """The index and a page a command: file name to markdown."""
    index = (
        MADE
        + "\n"
        + INDEX.format(
            table=table(
                ("command", "what it does"),
                (
                    (f"[`aiir {name}`](cli/{name}.md)", line)
                    for name, (_, _, line) in COMMANDS.items()
                ),
            ),
            variables="\n".join(f"| `{name}` | {what} |" for name, what in variables().items()),
        )
    )
    pages = {f"cli/{path[1]}.md": MADE for path, _ in commands() if len(path) > 1}
    for path, context in commands():
        if len(path) > 1:
            pages[f"cli/{path[1]}.md"] += section(path, context)
    return {"cli.md": index, **pages}


def commands(
    path: tuple[str, ...] = ("aiir",), context: click.Context | None = None
) -> Iterator[tuple[tuple[str, ...], click.Context]]:
    """Every command below one, itself first, as its words and its context."""
    if context is None:
        context = click.Context(aiir, info_name="aiir", **aiir.context_settings)
    yield path, context
    if isinstance(context.command, click.Group):
        for name in context.command.list_commands(context):
            if command := context.command.get_command(context, name):
                settings = command.context_settings
                child = click.Context(command, info_name=name, parent=context, **settings)
                yield from commands((*path, name), child)


def section(path: tuple[str, ...], context: click.Context) -> str:
    """One command: a heading as deep as the command lies, and all that click knows of it."""
    command = context.command
    usage = " ".join([*path, *command.collect_usage_pieces(context)])
    said = [*paragraphs(command)]
    prose = [text for kind, text in said if kind == "text" and not is_exit_code(text)]
    codes = [text for kind, text in said if kind == "text" and is_exit_code(text)]
    examples = [text for kind, text in said if kind == "example"]
    parts = [f"{'#' * (len(path) - 1)} {' '.join(path)}", f"```text\n{usage}\n```", *prose]
    if examples:
        shown = "\n".join(re.sub(r"^(?=aiir )", "$ ", text, flags=re.M) for text in examples)
        parts.append(f"```console\n{shown}\n```")
    options = [(f"`{names.replace(', ', '`, `')}`", help_) for names, help_ in records(context)]
    if options:
        parts.append(table(("option", "what it does"), options))
    if isinstance(command, click.Group):
        rows = [
            (f"[`{name}`](#{'-'.join((*path, name))})", each.get_short_help_str(200))
            for name in command.list_commands(context)
            if (each := command.get_command(context, name))
        ]
        parts.append(table(("command", "what it does"), rows))
    elif codes:
        parts += codes
    else:
        parts.append("Exit code 0 when done; 2 for bad input.")
    return "\n" + "\n\n".join(parts) + "\n"


def records(context: click.Context) -> Iterator[tuple[str, str]]:
    """Options, and arguments that say more than their name, as help shows them."""
    for parameter in context.command.params:
        record = parameter.get_help_record(context)
        if record is not None and record[1]:
            yield record[0].replace(" RANGE", ""), record[1]


def variables() -> Mapping[str, str]:
    """The environment variables that options read, and by which option of which commands."""
    found: dict[str, list[str]] = {}
    for _, context in commands():
        for parameter in context.command.params:
            if isinstance(parameter, click.Option) and isinstance(parameter.envvar, str):
                name = f"`{parameter.opts[0]}` of `{context.command_path}`"
                found.setdefault(parameter.envvar, []).append(name)
    return {name: ", ".join(options) for name, options in found.items()}


def paragraphs(command: click.Command) -> Iterator[tuple[str, str]]:
    """The help of a command: paragraphs of text in one line each, and examples as they stand."""
    for block in PARAGRAPH.split((command.help or "").strip()):
        lines = block.strip("\n").split("\n")
        if lines[0].strip() == "\b":
            kind = "example" if lines[1].lstrip().startswith("aiir ") else "text"
            yield kind, dedent("\n".join(line.rstrip() for line in lines[1:]))
        else:
            yield "text", " ".join(line.strip() for line in lines)


def is_exit_code(text: str) -> bool:
    return text.startswith("Exit code")


def table(head: tuple[str, str], rows: Iterator[tuple[str, str]] | list[tuple[str, str]]) -> str:
    """A table of markdown; what would end a cell is escaped."""
    lines = [head, ("---", "---"), *rows]
    return "\n".join(
        "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in line) + " |"
        for line in lines
    )
