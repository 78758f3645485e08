"""The command ``aiir``: parse, call, print. One module a command, imported when it is called."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]

MAX_LINES = 100  # of an error; a hostile document can have as many problems as it has fields


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with the code of design: 0, 1, 2, 3, 4, 5 or 130."""
    from .streams import steady_streams

    steady_streams()
    sys.exit(invoke(arguments))


def invoke(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and give the exit code. No traceback for what a user can do wrong."""
    import io
    import os

    import click

    from .app import aiir

    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        code = aiir.main(args=given, prog_name="aiir", standalone_mode=False, obj=tuple(given))
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        from ..reports.visible import visible

        said = io.StringIO()
        error.show(file=said)
        click.echo(visible(said.getvalue()), err=True, nl=False)
        return 2
    except SystemExit as error:  # of the user's code: it decides no exit code, and never a pass
        tell([f"something called sys.exit({error.code!r})"])
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return 130
    except Exception as error:
        from ..errors import AiirError
        from ..reports.visible import visible

        if isinstance(error, AiirError):
            tell(visible(str(error)).splitlines() or [type(error).__name__])
            return error.exit_code
        if os.environ.get("AIIR_DEBUG"):
            raise
        if isinstance(error, OSError) and error.strerror:  # a path too long, a disk that is full
            tell([visible(f"{error.filename}: " * bool(error.filename) + error.strerror)])
            return 2
        if isinstance(error, UnicodeEncodeError):  # an option that is not UTF-8
            tell([visible(f"{error.object[:200]!r} is not UTF-8 text")])
            return 2
        tell([f"{type(error).__name__}: {visible(str(error))}"])
        click.echo(
            "This is a defect of aiir, not of your input. Set AIIR_DEBUG=1 for the traceback.",
            err=True,
        )
        return 2


def tell(lines: Sequence[str]) -> None:
    """An error on stderr, a line a problem."""
    import click

    for line in lines[:MAX_LINES]:
        click.echo(f"error: {line}", err=True)
    if len(lines) > MAX_LINES:
        click.echo(f"error: ... and {len(lines) - MAX_LINES:,} more", err=True)
