"""The command ``aiir``: parse, call, print. One module a command, imported when it is called."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with the code of design: 0, 1, 2, 3, 4, 5 or 130."""
    sys.exit(invoke(arguments))


def invoke(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and give the exit code. No traceback for what a user can do wrong."""
    import os

    import click

    from .app import aiir

    try:
        code = aiir.main(
            args=None if arguments is None else list(arguments),
            prog_name="aiir",
            standalone_mode=False,
        )
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return 130
    except BrokenPipeError:
        # The reader went away (`aiir ... | head`): nothing is wrong, and nothing more can be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        from ..errors import AiirError
        from .output import visible

        if isinstance(error, AiirError):
            for line in str(error).splitlines() or [type(error).__name__]:
                click.echo(f"error: {visible(line)}", err=True)
            return error.exit_code
        if os.environ.get("AIIR_DEBUG"):
            raise
        click.echo(
            f"error: {type(error).__name__}: {visible(str(error))}\n"
            "This is a defect of aiir, not of your input. Set AIIR_DEBUG=1 for the traceback.",
            err=True,
        )
        return 2
