"""``aiir calibrate``: how often the gate errs on your own runs, and what it catches."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .compare import read_side
from .gate import known_incidents, policy_option, proof_option
from .output import format_option, note, print_json, require_writable, wants_color, width
from .tables import Columns, table_options

if TYPE_CHECKING:
    from ..gate.calibration import Calibration

PICTURES = (".png", ".svg", ".pdf")
FILES = (*PICTURES, ".html", ".json", ".md")


@click.command()
@click.option("--baseline", required=True, type=click.Path(), metavar="RUN", help="One version.")
@click.option("--candidate", required=True, type=click.Path(), metavar="RUN", help="The other.")
@table_options
@policy_option
@proof_option
@click.option(
    "--repetitions",
    type=click.IntRange(1, 1_000_000),
    default=200,
    show_default=True,
    help="How many versions are redrawn; each gets every loss.",
)
@click.option(
    "--loss",
    "losses",
    multiple=True,
    type=click.FloatRange(0, 1, max_open=True),
    help="A true loss of pass rate to inject; repeatable "
    "[default: 0 to 0.2 in nine steps, and the margin].",
)
@click.option("--check", metavar="NAME", help="Calibrate on this check alone.")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the redrawing."
)
@click.option(
    "-o",
    "--out",
    "outs",
    multiple=True,
    type=click.Path(),
    metavar="FILE",
    help="Write the curve (.png, .svg, .pdf), the page (.html), .json or .md; repeatable.",
)
@format_option
def calibrate(
    baseline: str,
    candidate: str,
    columns: Columns,
    policy_path: str | None,
    incident_folders: tuple[str, ...],
    repetitions: int,
    losses: tuple[float, ...],
    check: str | None,
    seed: int,
    outs: tuple[str, ...],
    format_: str,
) -> None:
    """Measure your gate on your own runs: its false alarms, and the losses it catches.

    \b
    aiir calibrate --baseline runs/v1 --candidate runs/v2 --policy policy.yaml -o power.html
    aiir calibrate --baseline old.csv --candidate new.csv --id id --passed ok -o power.png

    Labels are swapped to make versions without a change; passes are turned into fails to make
    losses of known size.

    Exit code 0 when it was measured; 2 for bad input.
    """
    from ..gate.calibrating import LOSSES
    from ..gate.calibrating import calibrate as measure

    for out in outs:
        if Path(out).suffix.lower() not in FILES:
            raise click.UsageError(f"{out}: a file to write ends in {', '.join(FILES)}")
    require_writable(*outs)
    with _Progress() as progress:
        calibration = measure(
            read_side(baseline, columns),
            read_side(candidate, columns),
            policy_path,
            repetitions=repetitions,
            losses=losses or LOSSES,
            check=check,
            incidents=known_incidents(incident_folders),
            seed=seed,
            progress=progress,
        )
    for out in outs:
        write(calibration, out)
    if format_ == "json":
        print_json(calibration.to_dict())
    elif format_ == "markdown":
        from ..reports.markdown import calibration_markdown

        click.echo(calibration_markdown(calibration))
    else:
        from ..reports.terminal import render_calibration

        click.echo(render_calibration(calibration, color=wants_color(), width=width()))


def write(calibration: Calibration, out: str) -> None:
    """A file in the form that its name ends in."""
    from ..documents import write_json, write_text

    kind = Path(out).suffix.lower()
    if kind in PICTURES:
        _draw(calibration, out)
    elif kind == ".html":
        from ..reports.html import render_html

        write_text(out, render_html(calibration))
    elif kind == ".md":
        from ..reports.markdown import calibration_markdown

        write_text(out, calibration_markdown(calibration))
    else:
        write_json(out, calibration.to_dict())
    note(f"wrote {out}")


def _draw(calibration: Calibration, out: str) -> None:
    from matplotlib.figure import Figure

    from ..errors import InputError

    figure = Figure(figsize=(7, 4), layout="constrained")  # no window, whatever the backend
    calibration.plot(figure.subplots())
    try:
        Path(out).parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(out, dpi=150)
    except OSError as error:
        raise InputError(f"cannot be written: {error}", file=out) from None


class _Progress:
    """Repetitions done, on a terminal: one line of stderr that renews itself."""

    def __init__(self) -> None:
        self.live, self.last = sys.stderr.isatty(), 0.0

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self.live and self.last:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def __call__(self, done: int, of: int) -> None:
        now = time.monotonic()
        if self.live and now - self.last >= 0.1:
            self.last = now
            sys.stderr.write(f"\r\x1b[K{done}/{of} repetitions")
            sys.stderr.flush()
