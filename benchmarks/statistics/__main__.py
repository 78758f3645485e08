"""Measure everything that is claimed of the statistics, and write README.md."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import agreement
import grid
import limits
import power
import real_data
import speed
from report import Results, readme

from aiir_eval.documents import write_text

HERE = Path(__file__).parent
SEQUENTIAL = HERE / "results" / "sequential.md"


def main() -> None:
    """Targets that are missed are listed on the page and printed."""
    parser = argparse.ArgumentParser(prog="benchmarks/statistics", description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000, help="comparisons a cell")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5, help="of each timing")
    parser.add_argument("--fresh", action="store_true", help="forget the counts on file")
    parser.add_argument("--out", type=Path, default=HERE / "README.md")
    options = parser.parse_args()
    if options.fresh:
        grid.RESULTS.unlink(missing_ok=True)
        SEQUENTIAL.unlink(missing_ok=True)
    seed = options.seed
    counts = grid.run_grid(options.runs, seed=seed, processes=options.processes)
    results = Results(
        runs=options.runs,
        seed=seed,
        counts=counts,
        limits=limits.limits(counts, min(options.runs, grid.AT_ONCE), seed),
        floors=limits.floors(min(options.runs, grid.AT_ONCE), seed),
        skewed=[
            (null, *grid.count_skewed(number, null, options.runs, seed))
            for number, null in enumerate(grid.skewed_nulls())
        ],
        twenty=list(power.twenty_cases(options.runs, seed)),
        agreements=list(agreement.agreements()),
        races=speed.races(seed, options.repeats),
        memory=speed.memory(),
        reading=speed.reading(seed, options.repeats),
        sequential=sequential(options.runs, seed),
    )
    data = real_data.folder()
    if data is not None:
        results.recovered = list(real_data.recovered(data))
        results.judges = real_data.judge_coverage(data, seed)
    write_text(options.out, readme(results))
    print("\n".join(results.missed) or "All targets are met.")


def sequential(runs: int, seed: int) -> str:
    """What sequential.py prints; kept on file, for it takes a while."""
    if not SEQUENTIAL.exists():
        command = [sys.executable, str(HERE / "sequential.py"), f"--runs={runs}", f"--seed={seed}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if not done.stdout:
            raise RuntimeError(done.stderr)
        write_text(SEQUENTIAL, done.stdout)
    return SEQUENTIAL.read_text("utf-8")


if __name__ == "__main__":
    main()
