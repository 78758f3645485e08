"""How fast, and in how much memory, are tables compared that are larger than a memory limit?

Two Parquet files of the benchmark's population, written row group by row group, are compared in
three ways, each in a process of its own whose peak memory the system reports: all columns in
memory, in parts under a limit that is smaller than one file decoded, and with a summary in the
place of the reference. Run alone: ``python benchmarks/drift/streaming.py [ROWS]``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROWS = 10_000_000
LIMIT = "500MB"
_GROUP = 500_000

_CHILD = """
import json, sys, time
sys.path.insert(0, {root!r})
started = time.perf_counter()
import aiir_eval as aiir
{work}
seconds = time.perf_counter() - started
with open("/proc/self/status") as status:  # getrusage would count the parent's memory at the fork
    peak = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
print(json.dumps({{"seconds": seconds, "peak_bytes": peak, "result": result}}))
"""
_DRIFT = """
report = aiir.drift({reference!r}, {current!r}, memory_limit={limit!r})
result = report.to_dict()
"""
_SUMMARIZE = """
aiir.summarize({reference!r}).save({summary!r})
result = None
"""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to compare: wall seconds of the whole process, its peak memory, and what it said."""

    seconds: float
    peak_bytes: int
    conclusion: str
    drifted: tuple[str, ...]


def measure(rows: int = ROWS, *, folder: Path | None = None, limit: str = LIMIT) -> dict[str, Any]:
    """Compare the files in every way, and the statistics with those found in memory.

    Returns
    -------
    dict
        ``rows`` a side, bytes of one file on disk (``file_bytes``) and decoded
        (``decoded_bytes``), the ``limit``; ``in_memory``, ``streaming`` and ``from_summary`` as of
        `Way`; seconds and bytes of making the summary; ``ks_within_bound`` (whether each distance
        lies within the bound that streaming gave), ``widest_ks_bound``, and the
        ``largest_difference`` of the other statistics, relative.
    """
    if folder is not None:
        return _measured(rows, folder, limit)
    with tempfile.TemporaryDirectory() as made:
        return _measured(rows, Path(made), limit)


def rows() -> list[tuple[str, str]]:
    """The measurement as a table of two columns, for the page of the benchmark."""
    return as_rows(measure())


def as_rows(found: dict[str, Any]) -> list[tuple[str, str]]:
    size = found["decoded_bytes"] / 1e6
    result = [
        ("rows a side", f"{found['rows']:,}"),
        ("one side decoded", f"{size:,.0f} MB ({found['file_bytes'] / 1e6:,.0f} MB on disk)"),
        ("memory limit", str(found["limit"])),
    ]
    names = {"in_memory": "in memory", "streaming": "in parts", "from_summary": "from a summary"}
    for key, name in names.items():
        way = found[key]
        peak = way["peak_bytes"] / 1e6
        result.append((name, f"{way['seconds']:.1f} s, {peak:,.0f} MB, {way['conclusion']}"))
    summary = found["summary_bytes"] / 1e6
    result += [
        ("making the summary", f"{found['summarize_seconds']:.1f} s, {summary:.1f} MB on disk"),
        ("widest bound of a KS distance", f"{found['widest_ks_bound']:.2g}"),
        ("KS distances within their bound", "all" if found["ks_within_bound"] else "NOT ALL"),
        ("other statistics differ by at most", f"{found['largest_difference']:.1g}"),
    ]
    return result


def _measured(rows: int, folder: Path, limit: str) -> dict[str, Any]:
    from aiir_eval.tables.sources import open_source

    files = write_files(rows, folder)
    summary = str(folder / f"{rows}.summary.json")
    old, new = map(str, files)
    ways = {"in_memory": (old, "1TB"), "streaming": (old, limit)}
    done = {
        name: _run(_DRIFT.format(reference=reference, current=new, limit=most))
        for name, (reference, most) in ways.items()
    }
    made = _run(_SUMMARIZE.format(reference=old, summary=summary))
    done["from_summary"] = _run(_DRIFT.format(reference=summary, current=new, limit=limit))
    exact, streamed = (done[name]["result"]["columns"] for name in ("in_memory", "streaming"))
    return {
        "rows": rows,
        "file_bytes": files[0].stat().st_size,
        "decoded_bytes": open_source(files[0]).nbytes,
        "limit": limit,
        **{name: asdict(_way(found)) for name, found in done.items()},
        "summarize_seconds": made["seconds"],
        "summarize_peak_bytes": made["peak_bytes"],
        "summary_bytes": Path(summary).stat().st_size,
        **_agreement(exact, streamed),
    }


def write_files(rows: int, folder: Path) -> tuple[Path, Path]:
    """Both sides, written a row group at a time; files that are there already are kept."""
    import pyarrow.parquet as pq
    from population import tables

    files = folder / f"{rows}.reference.parquet", folder / f"{rows}.current.parquet"
    if all(file.exists() for file in files):
        return files
    folder.mkdir(parents=True, exist_ok=True)
    partial = [file.with_suffix(".partial") for file in files]
    writers: list[Any] = []
    for start in range(0, rows, _GROUP):
        sides = tables(min(_GROUP, rows - start), (11, start))
        if not writers:
            writers = [pq.ParquetWriter(path, sides[0].schema) for path in partial]
        for writer, side in zip(writers, sides, strict=True):
            writer.write_table(side, row_group_size=_GROUP)
    for writer, path, file in zip(writers, partial, files, strict=True):
        writer.close()
        path.rename(file)
    return files


def _run(work: str) -> dict[str, Any]:
    root = str(Path(__file__).parents[2])
    script = _CHILD.format(root=root, work=work)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _way(found: dict[str, Any]) -> Way:
    result = found["result"]
    drifted = tuple(column["column"] for column in result["columns"] if column["drifted"])
    return Way(found["seconds"], found["peak_bytes"], result["conclusion"], drifted)


def _agreement(exact: list[Any], streamed: list[Any]) -> dict[str, Any]:
    """How far statistics in parts are from those in memory, column by column."""
    within, widest, largest = True, 0.0, 0.0
    for one, two in zip(exact, streamed, strict=True):
        assert one["column"] == two["column"]
        for name, value in one["statistics"].items():
            found = two["statistics"][name]
            if name == "ks":
                most = two["statistics"].get("ks_at_most", found)
                within &= found - 1e-12 <= value <= most + 1e-12
                widest = max(widest, most - found)
            elif not name.startswith("ks_") and value is not None:
                largest = max(largest, abs(found - value) / max(abs(value), 1e-9))
    return {"ks_within_bound": within, "widest_ks_bound": widest, "largest_difference": largest}


if __name__ == "__main__":
    measured = measure(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
    for name, value in as_rows(measured):
        print(f"{name:<36} {value}")
