"""How often does a tool cry drift where nothing changed? Ours, and the peers on the same tables.

Counts are kept in results/size.json, and a run goes on where the last one ended: run k of a cell
has the seed (SEED, cell, k) whoever counts it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from peers import PEERS, Running
from population import FLOATS, TEXTS, Clusters, rates, tables
from scipy import special

from aiir_eval.documents import read_json, write_text
from aiir_eval.drift.detecting import drift

RESULTS = Path(__file__).parent / "results" / "size.json"
OURS = "aiir drift"
SEED = 20
STEP = 25  # runs between two looks at the disk
SLOW = ("evidently", "evidently-forced")
Pair = tuple[pa.Table, pa.Table]


@dataclass(frozen=True, slots=True)
class Cell:
    """Tables that differ by chance alone, and how drift is asked for."""

    name: str
    n: int
    draw: Callable[[int, list[int]], Pair]
    options: Mapping[str, Any] = field(default_factory=dict)
    peers: bool = False
    limit: float = 0.05

    @property
    def key(self) -> str:
        return f"{self.name}, n = {self.n:,}"


@dataclass(slots=True)
class Tally:
    """How often what happened; `alarms` counts columns."""

    runs: int = 0
    drift: int = 0
    inconclusive: int = 0
    columns: int = 0
    alarms: int = 0
    problem: str = ""

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.runs + other.runs,
            self.drift + other.drift,
            self.inconclusive + other.inconclusive,
            self.columns + other.columns,
            self.alarms + other.alarms,
            self.problem or other.problem,
        )

    def interval(self) -> tuple[float, float]:
        """95% Clopper-Pearson interval of the rate of drift."""
        wrong, right = self.drift, self.runs - self.drift
        low = float(special.betaincinv(wrong, right + 1, 0.025)) if wrong else 0.0
        high = float(special.betaincinv(wrong + 1, right, 0.975)) if right else 1.0
        return low, high


def _clustered(**how: Any) -> Callable[[int, list[int]], Pair]:
    return lambda n, seed: tables(n, seed, clusters=Clusters(**how))


def cells() -> list[Cell]:
    """Every cell, in the order of the page."""
    by_user = {"cluster": "user"}
    primary = {"primary": ["passed", "resolved:up", "latency_s"]}
    result = [Cell("independent rows", n, tables, peers=True) for n in (50, 200, 1000, 10_000)]
    result += [Cell("three primaries", n, rates, primary) for n in (50, 200, 1000, 10_000)]
    result += [
        Cell("a third missing", n, lambda n, seed: tables(n, seed, missing=1 / 3))
        for n in (200, 1000)
    ]
    result += [
        Cell("clusters of 10, ICC .5", n, _clustered(), by_user, peers=True, limit=0.06)
        for n in (200, 1000, 10_000)
    ]
    shapes: dict[str, dict[str, Any]] = {
        "uneven clusters": {"uneven": True},
        "uneven and informative clusters": {"uneven": True, "informative": True},
        "half of the clusters on both sides": {"shared": 0.5, "uneven": True},
        "all clusters on both sides": {"shared": 1.0},
        "clusters of 10, then of 40": {"size_current": 40},
        "the same users, 10 rows, then 2": {"size_current": 2, "shared": 1.0},
    }
    result += [
        Cell(name, n, _clustered(**how), by_user, limit=0.06)
        for name, how in shapes.items()
        for n in (200, 1000)
    ]
    result += [Cell("few clusters of 10", n, _clustered(), by_user, limit=0.06) for n in (30, 60)]
    by_key = {"key": "id"}
    result += [
        Cell("pairs, correlation .5", n, lambda n, seed: tables(n, seed, keyed=0.5), by_key)
        for n in (50, 200, 1000, 10_000)
    ]
    result.append(
        Cell(
            "pairs, a third missing",
            1000,
            lambda n, seed: tables(n, seed, keyed=0.5, missing=1 / 3),
            by_key,
        )
    )
    result.append(
        Cell(
            "pairs in clusters of 10, ICC .5",
            1000,
            lambda n, seed: tables(n, seed, keyed=0.5, clusters=Clusters(icc=0.5, shared=1.0)),
            {**by_key, **by_user},
            limit=0.06,
        )
    )
    return result


def measure(runs: int, peer_runs: int, only: str = "", processes: int = 1) -> None:
    """Add what is missing to results/size.json; peers that are slow get `peer_runs` / 4."""
    for number, cell in enumerate(cells()):
        if only not in cell.key:
            continue
        key, kept = (cell.key, OURS), load()
        with ProcessPoolExecutor(processes) as pool:
            done = kept.get(key, Tally())
            while done.runs < runs:
                starts = range(done.runs, min(runs, done.runs + STEP * processes), STEP)
                for found in pool.map(
                    _ours, *zip(*((number, k, min(k + STEP, runs)) for k in starts), strict=True)
                ):
                    done = done + found
                save({key: done})
        if cell.peers:
            for name in PEERS:
                wanted = peer_runs // 4 if name in SLOW else peer_runs
                _peer(cell, number, name, wanted, kept.get((cell.key, name), Tally()))


def _ours(number: int, start: int, stop: int) -> Tally:
    cell, tally = cells()[number], Tally()
    for k in range(start, stop):
        report = drift(*cell.draw(cell.n, [SEED, number, k]), **cell.options)
        found = [column.drifted for column in report.columns]
        tally += Tally(
            1,
            int(report.conclusion == "drift"),
            int(report.conclusion == "inconclusive"),
            len(found),
            sum(found),
        )
    return tally


def _peer(cell: Cell, number: int, name: str, runs: int, done: Tally) -> None:
    key = (cell.key, name)
    if done.runs >= runs:
        return
    done.problem = ""
    with tempfile.TemporaryDirectory() as folder, Running(name) as running:
        paths = [Path(folder, f"{side}.parquet") for side in ("reference", "current")]
        for k in range(done.runs, runs):
            sides = cell.draw(cell.n, [SEED, number, k])
            for side, path in zip(sides, paths, strict=True):
                pq.write_table(side.select([*FLOATS, *TEXTS]), path)
            answer = running.run(*paths)
            if "problem" in answer:
                done = done + Tally(problem=answer["problem"])
                break
            alarms = answer["alarms"].values()
            done = done + Tally(1, int(any(alarms)), 0, len(alarms), sum(alarms))
            if done.runs % 5 == 0:
                save({key: done})
    save({key: done})


def load() -> dict[tuple[str, str], Tally]:
    """What was counted so far, by cell and tool."""
    if not RESULTS.exists():
        return {}
    return {
        (row.pop("cell"), row.pop("tool")): Tally(**row) for row in read_json(RESULTS)["counts"]
    }


def save(kept: Mapping[tuple[str, str], Tally]) -> None:
    """One line a cell and tool; what others counted meanwhile stays."""
    kept = load() | dict(kept)
    names = ("runs", "drift", "inconclusive", "columns", "alarms", "problem")
    rows = [
        json.dumps({"cell": cell, "tool": tool, **{name: getattr(tally, name) for name in names}})
        for (cell, tool), tally in kept.items()
    ]
    RESULTS.parent.mkdir(exist_ok=True)
    write_text(RESULTS, '{"counts": [\n' + ",\n".join(rows) + "\n]}\n")


def main() -> None:
    """Count what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--peer-runs", type=int, default=200)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--only", default="", help="cells whose name contains this")
    options = parser.parse_args()
    measure(options.runs, options.peer_runs, options.only, options.processes)
    for (cell, tool), tally in load().items():
        low, high = tally.interval()
        rate = tally.drift / max(tally.runs, 1)
        print(f"{cell:48} {tool:18} {tally.runs:5} {rate:.3f} [{low:.3f}, {high:.3f}]")


if __name__ == "__main__":
    main()
