"""Measure everything that is claimed of drift reports, and write README.md."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import accuracy
import change_points
import power
import speed
import streaming
from report import Results, readme

from aiir_eval.documents import read_json, write_json, write_text

HERE = Path(__file__).parent
STREAMED = HERE / "results" / "streaming.json"


def main() -> None:
    """Counts on file are kept, and added to; targets that are missed are printed."""
    parser = argparse.ArgumentParser(prog="benchmarks/drift", description=__doc__)
    parser.add_argument("--runs", type=int, default=500, help="pairs of tables a cell")
    parser.add_argument("--repeats", type=int, default=9, help="of each timing")
    parser.add_argument("--page", action="store_true", help="write the page of what is on file")
    parser.add_argument("--files", type=Path, help="keep the tables of the timings in this folder")
    parser.add_argument("--out", type=Path, default=HERE / "README.md")
    options = parser.parse_args()
    if not options.page:
        speed.measure(folder=options.files, repeats=options.repeats)
        write_json(STREAMED, streaming.measure(folder=options.files))
        accuracy.measure(options.runs, options.runs)
        power.measure(options.runs)
        write_json(change_points.RESULTS, change_points.measure())
    results = Results(
        speed.load(),
        size=accuracy.load(),
        power=power.load(),
        streamed=on_file(STREAMED),
        dates=change_points.load(),
    )
    write_text(options.out, readme(results))
    print("\n".join(results.missed) or "All targets are met.")


def on_file(path: Path) -> Any:
    """What was measured before; None where nothing was."""
    return read_json(path) if path.exists() else None


if __name__ == "__main__":
    main()
