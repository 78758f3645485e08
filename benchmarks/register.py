"""How long a register of 10,000 records takes to list: cold, warm, and against reading them all."""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from aiir_eval.incidents.loading import load_register, shipped_corpus
from aiir_eval.incidents.writing import incident_yaml

LIMIT = 2.0  # seconds of processor time of a warm list


def make(folder: Path, n: int) -> None:
    """A register of copies of the shipped records, without their cases."""
    records = list(load_register(shipped_corpus()).incidents.values())
    for number in range(n):
        record = records[number % len(records)].model_copy(
            update={
                "id": f"INC-{number:05}",
                "regression": None,
                "reconstructed": False,
                "detected_at": "2026-09-01T08:00:00Z",
                "status": "open" if number % 7 == 0 else "closed",
            }
        )
        path = folder / record.class_ / f"{record.id}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(incident_yaml(record), encoding="utf-8")


def measure(folder: Path, *options: str) -> tuple[float, float]:
    """Wall and processor seconds of one call of `aiir incident list`."""
    aiir = str(Path(sys.executable).with_name("aiir"))
    before, start = os.times(), time.perf_counter()
    subprocess.run(
        [aiir, "incident", "list", "--incidents", str(folder), *options],
        check=True,
        capture_output=True,
    )
    wall, after = time.perf_counter() - start, os.times()
    spent = after.children_user - before.children_user
    return wall, spent + after.children_system - before.children_system


def main() -> None:
    """Cold once, then the warm lists in turn, so that noise falls on all of them alike."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        make(folder, given.records)
        rows = [("cold: every file is read", [measure(folder)])]
        measure(folder)  # files of the last moments are looked at once more
        lists: dict[str, tuple[str, ...]] = {
            "warm, table": (),
            "warm, JSON": ("--format", "json"),
            "warm, CSV": ("--format", "csv"),
            "warm, table of what is overdue in one class": (
                "--overdue", "--class", "hallucination",
            ),
        }  # fmt: skip
        warm: dict[str, list[tuple[float, float]]] = {name: [] for name in lists}
        for _ in range(given.repeats):
            for name, options in lists.items():
                warm[name].append(measure(folder, *options))
        rows += list(warm.items())
    finally:
        shutil.rmtree(folder)
    print(f"{given.records:,} records, median of {given.repeats}\n")
    print("| list | seconds | processor seconds |\n| --- | ---: | ---: |")
    slow = []
    for name, times in rows:
        wall, spent = (statistics.median(column) for column in zip(*times, strict=True))
        print(f"| {name} | {wall:.2f} | {spent:.2f} |")
        if name.startswith("warm") and spent > LIMIT:
            slow.append(name)
    sys.exit(f"above {LIMIT} processor seconds: {', '.join(slow)}" if slow else 0)


if __name__ == "__main__":
    main()
