"""``aiir incident review``: the post-incident review document."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from ..output import note, require_writable
from .records import find_path, incidents_option, instant


@click.command()
@click.argument("id_", metavar="ID")
@incidents_option
@click.option(
    "-o", "--out", type=click.Path(), metavar="FILE", help="The file to write [default: stdout]."
)
@click.option("--at", metavar="TIME", help="As of this time [default: now].")
@click.option(
    "--vendors",
    type=click.Path(),
    default="vendors",
    show_default=True,
    metavar="DIR",
    help="Where the assessments of vendors are.",
)
def review(
    id_: str, folders: tuple[str, ...], out: str | None, at: str | None, vendors: str
) -> None:
    """A post-incident review written from the record: systems and controls, no blame.

    Timeline, reach, the control that failed and its PSF domains, decisions, evidence (verified),
    clocks, the sixteen steps, questions to discuss. Attach it to step learn.1 when it was held.

    \b
    aiir incident review INC-7 -o review.md
    """
    from ...documents import write_text
    from ...incidents.folders import taxonomy_of
    from ...incidents.loading import load_incident
    from ...reports.visible import visible
    from ...response.dashboard import dashboard
    from ...response.decisions import review_progress
    from ...response.preserving import EvidenceStore
    from ...response.reviewing import review_document
    from .stepping import assessed_of, clocks_of

    require_writable(out)
    path = find_path(id_, folders)
    record = load_incident(path, draft=True)
    now = datetime.now(UTC) if at is None else instant(at, "--at").astimezone(UTC)
    store = EvidenceStore(path, record.id)
    problems = store.verify(record)
    text = review_document(
        record,
        dashboard(
            record,
            clocks_of(path, record, now),
            now=now,
            assessed=assessed_of(record, vendors),
            reviews=review_progress(record.id, path.parent),
        ),
        taxonomy=taxonomy_of(path),
        preserved=[] if problems else store.entries(),
        problems=[str(each) for each in problems],
    )
    for each in problems:
        note(f"warning: {each}")
    if out is None:
        click.echo(visible(text), nl=False)
    else:
        write_text(out, text)
        note(f"{out}: the review of {record.id}")
