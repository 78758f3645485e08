"""Is a change found that is there, and is the minimum detectable effect found four times in five?

Counts are kept in results/power.json; a cell that is there with as many runs is not run again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from population import LAWS, numbers

from aiir_eval.documents import read_json, write_text
from aiir_eval.drift.detecting import drift

RESULTS = Path(__file__).parent / "results" / "power.json"
SEED = 21
LEVEL = 0.05
Floats = NDArray[np.float64]
Pair = tuple[pa.Table, pa.Table]
Random = np.random.Generator


@dataclass(frozen=True, slots=True)
class Power:
    """How often a change was found: by us, and by each of two tests alone where those are rivals.

    `needed` is the least that is claimed.
    """

    what: str
    n: int
    runs: int
    found: int
    needed: float
    size: float = float("nan")
    welch: int = 0
    ks: int = 0

    @property
    def rate(self) -> float:
        return self.found / self.runs

    @property
    def error(self) -> float:
        """One Monte Carlo standard error at what is needed."""
        return float(np.sqrt(self.needed * (1 - self.needed) / self.runs))


def falling_rate(n: int, needed: float, runs: int, seed: int) -> Power:
    """90% to 85%, declared as a primary: the conclusion is drift."""
    rng = np.random.default_rng([SEED, seed])
    found = 0
    for _ in range(runs):
        sides = [pa.table({"passed": rng.random(n) < rate}) for rate in (0.90, 0.85)]
        found += drift(*sides, primary="passed").conclusion == "drift"
    return Power("90% to 85%, primary", n, runs, found, needed)


def shifted_mean(law: str, decimals: int | None, n: int, runs: int, seed: int) -> Power:
    """A mean that moves by .2 standard deviations; p-values alone, no minimum effect."""
    rng = np.random.default_rng([SEED, seed])
    unit = float(numbers(law, np.random.default_rng(1).normal(size=10**6)).std())
    counts = np.zeros(3, dtype=int)
    for _ in range(runs):
        sides = [numbers(law, rng.normal(size=n)) + shift * unit for shift in (0.0, 0.2)]
        if decimals is not None:
            sides = [np.round(side / unit, decimals) for side in sides]
        column = drift(*(pa.table({"x": side}) for side in sides)).columns[0]
        pvalues = column.pvalue, *(column.statistics[f"{of}_pvalue"] for of in ("welch_t", "ks"))
        counts += np.array(pvalues) <= LEVEL
    ours, welch, ks = map(int, counts)
    what = f"mean + .2 sd, {law}" + ("" if decimals is None else f", rounded to {10**-decimals:g}")
    return Power(what, n, runs, ours, max(welch, ks) / runs - 0.03, 0.2, welch, ks)


@dataclass(frozen=True, slots=True)
class Detectable:
    """A way to change a column by a size in the unit of its effect."""

    what: str
    n: int
    draw: Callable[[int, float, Random], Pair]
    options: dict[str, Any]


def detectable(cell: Detectable, runs: int, seed: int) -> Power:
    """Power where the change is the minimum detectable effect that unchanged tables report."""
    rng = np.random.default_rng([SEED, seed])
    reported = [
        drift(*cell.draw(cell.n, 0.0, rng), **cell.options).columns[0].minimum_detectable_effect
        for _ in range(25)
    ]
    size = float(np.median(reported))
    found = 0
    for _ in range(runs):
        column = drift(*cell.draw(cell.n, size, rng), **cell.options).columns[0]
        found += column.pvalue <= LEVEL
    return Power(f"at the minimum detectable effect: {cell.what}", cell.n, runs, found, 0.8, size)


def _rates(n: int, size: float, rng: Random) -> Pair:
    return _one(rng.random(n) < 0.3, rng.random(n) < 0.3 + size)


def _means(n: int, size: float, rng: Random) -> Pair:
    return _one(rng.normal(size=n), rng.normal(size=n) + size)


def _levels(levels: int) -> Callable[[int, float, Random], Pair]:
    """Half of the levels gain what the others lose, in proportion: the hardest such change."""

    def draw(n: int, size: float, rng: Random) -> Pair:
        names = np.array([f"level {level}" for level in range(levels)])
        gains = np.where(np.arange(levels) % 2 == 0, 1 + 2 * size, 1 - 2 * size) / levels
        return _one(names[rng.integers(0, levels, n)], names[rng.choice(levels, n, p=gains)])

    return draw


def _users(n: int, rng: Random, size: int = 10, icc: float = 0.5) -> Floats:
    shared = np.repeat(rng.normal(size=n // size), size)
    return np.asarray(np.sqrt(icc) * shared + np.sqrt(1 - icc) * rng.normal(size=n))


def _clustered(decide: Callable[[Floats, float], NDArray[Any]]) -> Callable[..., Pair]:
    def draw(n: int, size: float, rng: Random) -> Pair:
        sides = [
            pa.table({"x": decide(_users(n, rng), shift), "user": start + np.arange(n) // 10})
            for shift, start in ((0.0, 0), (size, n))
        ]
        return sides[0], sides[1]

    return draw


def _paired(decide: Callable[[Floats, float], NDArray[Any]]) -> Callable[..., Pair]:
    def draw(n: int, size: float, rng: Random) -> Pair:
        common = rng.normal(size=n)
        sides = [
            pa.table(
                {
                    "x": decide(np.sqrt(0.7) * common + np.sqrt(0.3) * rng.normal(size=n), shift),
                    "id": np.arange(n),
                }
            )
            for shift in (0.0, size)
        ]
        return sides[0], sides[1]

    return draw


def _moved(scale: Floats, size: float) -> NDArray[Any]:
    return scale + size


def _below(scale: Floats, size: float) -> NDArray[Any]:
    from scipy.special import ndtri

    return np.asarray(scale < ndtri(0.3 + size))


def _quarters(scale: Floats, size: float) -> NDArray[Any]:
    from scipy.special import ndtr

    ends = np.cumsum(0.25 * np.array([1 + 2 * size, 1 - 2 * size, 1 + 2 * size, 1 - 2 * size]))
    names = np.array(["a", "b", "c", "d"])
    return names[np.minimum(np.searchsorted(ends, ndtr(scale)), 3)]


def _one(old: NDArray[Any], new: NDArray[Any]) -> Pair:
    return pa.table({"x": old}), pa.table({"x": new})


def cells() -> dict[str, Callable[[int, int], Power]]:
    """Every cell by name: runs and seed to counts."""
    result: dict[str, Callable[[int, int], Power]] = {}
    for n, needed in ((200, 0.38), (1000, 0.90), (10_000, 1.0)):
        result[f"rate {n}"] = lambda runs, seed, n=n, needed=needed: falling_rate(  # type: ignore[misc]
            n, needed, runs, seed
        )
    for law in LAWS:
        for decimals in (None, 0):
            for n in (100, 300, 600):
                result[f"{law} {decimals} {n}"] = (
                    lambda runs, seed, law=law, decimals=decimals, n=n: shifted_mean(  # type: ignore[misc]
                        law, decimals, n, runs, seed
                    )
                )
    by_user, by_id = {"cluster": "user"}, {"key": "id"}
    for cell in (
        *(Detectable("rate of 30%", n, _rates, {}) for n in (200, 1000)),
        *(Detectable("mean", n, _means, {}) for n in (50, 200, 1000)),
        *(
            Detectable(f"{levels} levels", n, _levels(levels), {})
            for levels, n in ((2, 500), (10, 1000), (50, 2000), (500, 1000))
        ),
        *(
            Detectable(f"{what}, {kind}", n, draw(decide), options)
            for kind, draw, options, sizes in (
                ("clusters of 10, ICC .5", _clustered, by_user, (200, 1000, 4000)),
                ("pairs, correlation .7", _paired, by_id, (100, 1000)),
            )
            for what, decide in (("mean", _moved), ("rate of 30%", _below), ("4 levels", _quarters))
            for n in sizes
        ),
    ):
        result[f"{cell.what} {cell.n}"] = lambda runs, seed, cell=cell: detectable(  # type: ignore[misc]
            cell, runs, seed
        )
    return result


def measure(runs: int, only: str = "") -> None:
    """Run the cells that are not on file with as many runs."""
    kept = load()
    for seed, (name, run) in enumerate(cells().items()):
        if only in name and (name not in kept or kept[name].runs < runs):
            kept[name] = run(runs, seed)
            rows = [json.dumps({"cell": cell, **asdict(row)}) for cell, row in kept.items()]
            text = '{"powers": [\n' + ",\n".join(rows) + "\n]}\n"
            write_text(RESULTS, text.replace("NaN", "null"))


def load() -> dict[str, Power]:
    """What was counted so far."""
    if not RESULTS.exists():
        return {}
    rows = {row.pop("cell"): row for row in read_json(RESULTS)["powers"]}
    return {
        cell: Power(**{**row, "size": float("nan") if row["size"] is None else row["size"]})
        for cell, row in rows.items()
    }


def main() -> None:
    """Count what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--only", default="", help="cells whose name contains this")
    options = parser.parse_args()
    measure(options.runs, options.only)
    for name, row in load().items():
        rivals = f"welch {row.welch / row.runs:.3f} ks {row.ks / row.runs:.3f}" if row.ks else ""
        print(f"{name:45} {row.size:.3f} {row.rate:.3f} needed {row.needed:.3f} {rivals}")


if __name__ == "__main__":
    main()
