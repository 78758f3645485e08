"""How long does a drift report take from two Parquet files, beside the floor and the peers?

The floor is what no comparison can do without: decode each column, sort each column of numbers
once where it was decoded, count each column of texts by level; with the same reader, on as many
threads. It is measured beside ours in the same process, alternating, so that the machine and what
else it does fall on both alike. Peers are processes of their own with their imports paid for.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from peers import PEERS, Running
from population import FLOATS, TEXTS, tables

from aiir_eval.documents import read_json, write_json
from aiir_eval.drift.detecting import drift
from aiir_eval.tables import open_source

RESULTS = Path(__file__).parent / "results" / "speed.json"
ROW_GROUP = 1_000_000
Files = tuple[Path, Path]


@dataclass(frozen=True, slots=True)
class Timed:
    """Seconds of one contestant, and how many times the seconds of the contestant it is held to."""

    seconds: float
    ratio: float | None = None
    repeats: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Process:
    """One comparison in a process of its own, imports left out: seconds and peak resident MB."""

    seconds: float
    peak_mb: float


@dataclass(slots=True)
class Speed:
    """What was measured; see `measure`."""

    rows: int = 0
    threads: int = 0
    floor: float = 0.0
    ours: dict[str, Timed] = field(default_factory=dict)  # ratio: times the floor
    peers: dict[str, Timed] = field(default_factory=dict)  # ratio: times ours with the same tests
    apart: float = 0.0  # the largest difference of a p-value from scipy's
    large_rows: int = 0
    large: dict[str, Process] = field(default_factory=dict)
    large_ratio: dict[str, float] = field(default_factory=dict)
    by_rows: dict[str, float] = field(default_factory=dict)


OURS: Mapping[str, Callable[[Path, Path], object]] = {
    "KS and chi-square": lambda old, new: drift(old, new, numeric_test="ks"),
    "the whole report": drift,
}


def write_files(folder: Path, rows: int, seed: int) -> Files:
    """Two tables of the benchmark's population, a million rows at a time."""
    paths = folder / f"old_{rows}.parquet", folder / f"new_{rows}.parquet"
    if all(path.exists() for path in paths):
        return paths
    writers: list[pq.ParquetWriter] = []
    for start in range(0, rows, ROW_GROUP):
        sides = tables(min(ROW_GROUP, rows - start), [seed, rows, start])
        if not writers:
            writers = [
                pq.ParquetWriter(path, side.schema) for path, side in zip(paths, sides, strict=True)
            ]
        for writer, side in zip(writers, sides, strict=True):
            writer.write_table(side)
    for writer in writers:
        writer.close()
    return paths


def floor(old: Path, new: Path) -> None:
    """Decode, sort where it was decoded, count; one column a thread."""
    sides = open_source(old), open_source(new)

    def one(name: str) -> None:
        for side in sides:
            column = side.column(name)
            for chunk in column.chunks:
                if pa.types.is_dictionary(column.type):
                    np.bincount(chunk.indices.to_numpy(), minlength=len(chunk.dictionary))
                else:
                    np.frombuffer(chunk.buffers()[1], np.float64, len(chunk)).sort()

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(one, [*FLOATS, *TEXTS]))


def against_the_floor(files: Files, repeats: int, kept: Speed) -> None:
    """Ours and the floor in turns."""
    contestants: dict[str, Callable[[Path, Path], object]] = {"floor": floor, **OURS}
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(repeats + 1):
        for name, contestant in contestants.items():
            took = _seconds(contestant, files)
            if number:  # the first round pays for imports and caches
                seconds[name].append(took)
    kept.floor = statistics.median(seconds["floor"])
    for name in OURS:
        ratio = _ratio(seconds[name], seconds["floor"])
        kept.ours[name] = Timed(statistics.median(seconds[name]), ratio, repeats)


def against_peers(files: Files, repeats: int, kept: Speed, peers: Collection[str]) -> None:
    """Each peer and ours in turns; a peer that takes minutes runs fewer times."""
    same_tests, whole = OURS.values()
    for key, peer in reversed(PEERS.items()):  # the slow ones last
        if key not in peers:
            continue
        ours = whole if key == "evidently" else same_tests
        with Running(key) as running:
            taken: list[float] = []
            beside: list[float] = []
            problem = ""
            while not taken or (len(taken) < repeats and sum(taken) < 60):
                answer = running.run(*files)
                if problem := answer.get("problem", ""):
                    break
                taken.append(answer["seconds"])
                beside.append(statistics.median(_seconds(ours, files) for _ in range(3)))
                if key == "scipy":
                    kept.apart = _apart(answer["pvalues"], files)
        if problem:
            kept.peers[key] = Timed(float("nan"), None, 0, problem)
        else:
            ratio = _ratio(taken, beside)
            kept.peers[key] = Timed(statistics.median(taken), ratio, len(taken))
        print(peer.title, kept.peers[key], flush=True)
        save(kept)


def alone(files: Files, repeats: int, kept: Speed) -> None:
    """Ours and the floor at many rows, each in a fresh process, in turns."""
    found: dict[str, list[Process]] = {"floor": [], **{name: [] for name in OURS}}
    for _ in range(repeats):
        for name in found:
            found[name].append(_process(name, files))
    for name, runs in found.items():
        kept.large[name] = Process(
            statistics.median(run.seconds for run in runs), max(run.peak_mb for run in runs)
        )
        kept.large_ratio[name] = _ratio(
            [run.seconds for run in runs], [run.seconds for run in found["floor"]]
        )


def growth(folder: Path, sizes: tuple[int, ...], repeats: int, kept: Speed) -> None:
    """Seconds of the whole report by rows a side; sizes in turns."""
    files = {rows: write_files(folder, rows, 3) for rows in sizes}
    seconds: dict[int, list[float]] = {rows: [] for rows in sizes}
    drift(*files[min(sizes)])  # imports are paid for once
    for _ in range(repeats):
        for rows, pair in files.items():
            seconds[rows].append(_seconds(drift, pair))
    kept.by_rows = {str(rows): statistics.median(took) for rows, took in seconds.items()}


def _seconds(contestant: Callable[[Path, Path], object], files: Files) -> float:
    start = time.perf_counter()
    contestant(*files)
    return time.perf_counter() - start


def _ratio(ours: list[float], theirs: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def _apart(pvalues: Mapping[str, float], files: Files) -> float:
    """The largest difference of a p-value of ours from scipy's."""
    report = drift(*files, numeric_test="ks")
    return max(abs(item.pvalue - pvalues[item.column]) for item in report.columns)


def _process(name: str, files: Files) -> Process:
    command = [sys.executable, __file__, "--child", name, *map(str, files)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Process(**json.loads(done.stdout))


def _child(name: str, files: Files) -> None:
    """Imports and a small run first; then one run, timed, and the peak of the whole process."""
    small = tables(2000, 1)
    with tempfile.TemporaryDirectory() as folder:
        paths = Path(folder, "a.parquet"), Path(folder, "b.parquet")
        for path, table in zip(paths, small, strict=True):
            pq.write_table(table, path)
        drift(*paths)
    seconds = _seconds(floor if name == "floor" else OURS[name], files)
    status = Path("/proc/self/status").read_text()
    (peak,) = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")]
    print(json.dumps(asdict(Process(seconds, peak / 1024))))


def load() -> Speed:
    """The figures as they were last measured."""
    saved = read_json(RESULTS)
    saved.pop("limited", None)
    for part in ("ours", "peers"):
        saved[part] = {name: Timed(**item) for name, item in saved[part].items()}
    saved["large"] = {name: Process(**item) for name, item in saved["large"].items()}
    return Speed(**saved)


def save(kept: Speed) -> None:
    RESULTS.parent.mkdir(exist_ok=True)
    write_json(RESULTS, asdict(kept))


PARTS = ("floor", "peers", "large", "growth")


def measure(parts: tuple[str, ...] = PARTS, folder: Path | None = None, repeats: int = 9) -> None:
    """Measure some parts and keep the others as they are."""
    kept = load() if RESULTS.exists() else Speed()
    with tempfile.TemporaryDirectory() as temporary:
        where = folder or Path(temporary)
        where.mkdir(parents=True, exist_ok=True)
        kept.threads = os.cpu_count() or 1
        peers = PEERS if "peers" in parts else [key for key in PEERS if key in parts]
        if "floor" in parts or peers:
            kept.rows = 1_000_000
            files = write_files(where, kept.rows, 1)
            if "floor" in parts:
                against_the_floor(files, repeats, kept)
                save(kept)
            if peers:
                against_peers(files, min(repeats, 5), kept, peers)
                save(kept)
        if "large" in parts:
            kept.large_rows = 10_000_000
            alone(write_files(where, kept.large_rows, 2), min(repeats, 3), kept)
            save(kept)
        if "growth" in parts:
            sizes = (100_000, 300_000, 1_000_000, 3_000_000, 10_000_000)
            growth(where, sizes, min(repeats, 5), kept)
            save(kept)


def main() -> None:
    """Measure; `--child` is how this file calls itself."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=PARTS, help=f"of {', '.join([*PARTS, *PEERS])}")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--files", type=Path, help="keep the tables in this folder")
    parser.add_argument("--child")
    options = parser.parse_args()
    if options.child:
        _child(options.child, (Path(options.parts[0]), Path(options.parts[1])))
    else:
        measure(tuple(options.parts), options.files, options.repeats)


if __name__ == "__main__":
    main()
