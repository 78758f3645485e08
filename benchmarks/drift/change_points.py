"""When did it change? Dates of change and the daily monitor: false alarms, delays, coverage.

Series are 60 to 120 days; a quiet year has 365. `measure` gives everything as plain numbers, kept
in results/change_points.json; `section` makes the part of the page of it.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiir_eval.documents import read_json, write_text
from aiir_eval.drift.watching.measuring import RATE_EFFECT, Measured, quiet_of
from aiir_eval.stats.change_points import change_points
from aiir_eval.stats.detectors import N_STAKES, FalseAlarms, fallen_since, stakes

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).parent / "results" / "change_points.json"
SEED = 22
ROWS = 300  # a day
LEVEL = 0.05
RESAMPLES = 199
Floats = NDArray[np.float64]
Random = np.random.Generator

# The silent degradation: a share of the traffic goes to a broken route, and fails there.
SHARE = 0.008, 0.16
GOOD, BROKEN = 0.97, 0.30


def _rates(level: Floats, rng: Random, rows: int = ROWS) -> Floats:
    return np.asarray(rng.binomial(rows, np.clip(level, 0, 1)) / rows)


def _alike(size: int, correlation: float, rng: Random) -> Floats:
    noise = rng.normal(size=size)
    for k in range(1, size):
        noise[k] = correlation * noise[k - 1] + np.sqrt(1 - correlation**2) * noise[k]
    return np.asarray(noise)


def _weekend(size: int) -> Floats:
    return np.where(np.arange(size) % 7 >= 5, -0.06, 0.0)


def _users(size: int, rng: Random) -> Floats:
    """Rates of days whose 30 users of ten rows each differ in their own rate."""
    rate = np.clip(rng.beta(8, 1, size=(size, 30)), 0, 1)
    return np.asarray(rng.binomial(10, rate).sum(axis=1) / 300)


QUIET: dict[str, Callable[[int, Random], Floats]] = {
    "independent rows": lambda size, rng: _rates(np.full(size, 0.95), rng),
    "heavy tails (t with 3 df)": lambda size, rng: np.asarray(rng.standard_t(3, size)),
    "30 users a day, ten rows each": _users,
    "a weekly season": lambda size, rng: _rates(0.95 + _weekend(size), rng),
    "days alike, correlation .3": lambda size, rng: _alike(size, 0.3, rng),
    "days alike, correlation .6": lambda size, rng: _alike(size, 0.6, rng),
}


def quiet_series(runs: int) -> list[dict[str, Any]]:
    """How often a change is found in series that never change."""
    found = []
    for cell, (name, draw) in enumerate(QUIET.items()):
        for size in (14, 30, 60, 120):
            alarms = 0
            for run in range(runs):
                y = draw(size, np.random.default_rng([SEED, 1, cell, size, run]))
                result = change_points(
                    y, np.full(size, ROWS), period=7, n_resamples=RESAMPLES, rng=run
                )
                alarms += result.pvalue <= LEVEL
            found.append({"series": name, "days": size, "runs": runs, "alarms": int(alarms)})
    return found


def ramp(size: int, onset: int, length: int) -> Floats:
    """The share of the traffic that goes wrong: little at first, then more each day."""
    way = np.clip((np.arange(size) - onset + 1) / length, 0, 1)
    return np.asarray(SHARE[0] + (SHARE[1] - SHARE[0]) * way)


def passing(share: Floats) -> Floats:
    return np.asarray(GOOD * (1 - share) + BROKEN * share)


def changed_series(runs: int, size: int = 90) -> list[dict[str, Any]]:
    """Is a change found, how far off is its date, and does the interval hold it?"""
    cells: dict[str, tuple[Callable[[int], Floats], int]] = {
        "step 95% to 92%": (lambda at: np.where(np.arange(size) < at, 0.95, 0.92), 1),
        "step 95% to 90%": (lambda at: np.where(np.arange(size) < at, 0.95, 0.90), 1),
        "step 95% to 85%": (lambda at: np.where(np.arange(size) < at, 0.95, 0.85), 1),
        "share wrong .8% to 16% over 14 days": (lambda at: ramp(size, at, 14), 14),
        "share wrong .8% to 16% over 28 days": (lambda at: ramp(size, at, 28), 28),
        "pass rate, the same over 14 days": (lambda at: passing(ramp(size, at, 14)), 14),
        "pass rate, the same over 28 days": (lambda at: passing(ramp(size, at, 28)), 28),
    }
    found = []
    for cell, (name, level) in enumerate(cells.items()):
        draw, length = level
        errors, widths, covered, extra, gradual = [], [], 0, 0, 0
        for run in range(runs):
            rng = np.random.default_rng([SEED, 2, cell, run])
            at = int(rng.integers(25, 60))
            y = _rates(draw(at), rng)
            centre = float(y.mean())
            result = change_points(
                y,
                np.full(size, ROWS),
                variance=centre * (1 - centre),
                period=7,
                n_resamples=RESAMPLES,
                rng=run,
            )
            if not result.changes:
                continue
            nearest = min(result.changes, key=lambda change: abs(change.first - at))
            errors.append(nearest.first - at)
            widths.append(nearest.high - nearest.low)
            covered += nearest.low <= at <= nearest.high
            extra += len(result.changes) - 1
            gradual += nearest.last is not None
        found.append(
            {
                "change": name,
                "length": length,
                "runs": runs,
                "found": len(errors),
                "covered": covered,
                "extra": extra,
                "gradual": gradual,
                "error": [float(q) for q in np.percentile(errors, (5, 50, 95))],
                "width": float(np.median(widths)),
            }
        )
    return found


def _gains(ones: NDArray[np.int64], rows: int, limit: Floats) -> Floats:
    """(runs, days, 24) what a day's rows make of each stake; `limit` is (runs,)."""
    bets = np.stack([stakes(float(each)) for each in limit])[:, None]
    worst, best = np.log1p(bets * limit[:, None, None]), np.log1p(bets * (limit - 1)[:, None, None])
    return np.asarray(ones[..., None] * best + (rows - ones)[..., None] * worst)


def _first_alarms(gains: Floats, promise: FalseAlarms) -> Floats:
    """The day of each run's first alarm (from 1), infinite where there is none."""
    wealth = np.full((len(gains), N_STAKES), -np.inf)
    first = np.full(len(gains), np.inf)
    for day in range(gains.shape[1]):
        wealth = np.logaddexp(wealth, promise.log_stake(day + 1)) + gains[:, day]
        top = wealth.max(axis=1)
        evidence = top + np.log(np.exp(wealth - top[:, None]).mean(axis=1))
        first = np.where((evidence >= promise.log_threshold) & np.isinf(first), day + 1, first)
    return first


def _limits(runs: int, rng: Random, rate: float, rows: int = 2000) -> Floats:
    """The limit that a reference of so many rows gives, each run its own."""
    limits = []
    for ones in rng.binomial(rows, rate, runs):
        values = np.zeros(rows)
        values[:ones] = 1.0
        bound = quiet_of(values, Measured(values, None, True, 0), "down").bound
        limits.append(bound - RATE_EFFECT)
    return np.array(limits)


PROMISES = {"1/yr": FalseAlarms(looks=365), "1/10yr": FalseAlarms(looks=3650),
            "alpha .05": FalseAlarms(alpha=0.05)}  # fmt: skip


def quiet_years(runs: int) -> list[dict[str, Any]]:
    """How many quiet years have a false alarm, and what was promised at most."""
    found = []
    for cell, (name, spread) in enumerate(
        (
            ("rate at the very limit", None),
            ("limit from a reference of 2,000 rows", 0.0),
            ("the same, days differ by .5 points", 0.005),
            ("the same, days differ by 2 points", 0.02),
            ("the same, a looks-only monitor", 0.02),
        )
    ):
        rng = np.random.default_rng([SEED, 3, cell])
        limits = np.full(runs, 0.95) if spread is None else _limits(runs, rng, 0.95)
        level = 0.95 + rng.normal(0, spread or 0.0, size=(runs, 365))
        ones = rng.binomial(ROWS, np.clip(level, 0, 1))
        if name.endswith("monitor"):
            means = ones / ROWS
            bets = np.stack([stakes(float(each)) for each in limits])[:, None]
            gains = np.log1p(bets * (limits[:, None] - means)[..., None])
        else:
            gains = _gains(ones, ROWS, limits)
        for promise, kept in PROMISES.items():
            alarms = int(np.isfinite(_first_alarms(gains, kept)).sum())
            most = min(365 / kept.looks, 1.0) if kept.looks else kept.alpha
            found.append(
                {"years": name, "promise": promise, "runs": runs, "alarms": alarms, "most": most}
            )
    return found


def delays(runs: int, horizon: int = 120) -> list[dict[str, Any]]:
    """Days from the onset to the alarm after 60 quiet days, and how the onset is dated then."""
    cells = {
        "step 95% to 92%": np.full(horizon, 0.92),
        "step 95% to 90%": np.full(horizon, 0.90),
        "step 95% to 80%": np.full(horizon, 0.80),
        ".8% to 16% of traffic over 14 days": passing(ramp(horizon, 0, 14)),
        ".8% to 16% of traffic over 28 days": passing(ramp(horizon, 0, 28)),
    }
    found = []
    for cell, (name, after) in enumerate(cells.items()):
        before = 0.95 if name.startswith("step") else float(passing(np.array([SHARE[0]]))[0])
        rng = np.random.default_rng([SEED, 4, cell])
        level = np.concatenate([np.full(60, before), after])
        ones = rng.binomial(ROWS, level, size=(runs, level.size))
        gains = _gains(ones, ROWS, _limits(runs, rng, before))
        for promise, kept in PROMISES.items():
            first = _first_alarms(gains, kept)
            seen = np.isfinite(first) & (first > 60)
            dated, covered = [], 0
            for run in np.flatnonzero(seen)[:200]:
                day = int(first[run])
                since = fallen_since(
                    ones[run, :day] / ROWS,
                    np.full(day, ROWS),
                    level=before,
                    variance=before * (1 - before),
                )
                if since is not None:
                    dated.append(since.first - 60)
                    covered += since.low - 1 <= 60 <= since.high
            found.append(
                {
                    "change": name,
                    "promise": promise,
                    "runs": runs,
                    "seen": int(seen.sum()),
                    "delay": [float(q) for q in np.percentile(first[seen] - 60, (50, 95))],
                    "dated": [float(q) for q in np.percentile(dated, (5, 50, 95))],
                    "covered": covered / max(len(dated), 1),
                }
            )
    return found


def _says(answer: str) -> str:
    """``yes`` or ``no`` where the answer has it in brackets or as a word of its own."""
    text = answer.lower().replace(",", " ").replace(".", " ")
    for word in ("yes", "no"):
        if f"[{word}]" in text or word in text.split():
            return word
    return ""


def recorded(data: Path) -> dict[str, Any]:
    """LLMDrift's GPT-4 answers on primes laid out by date: 0314 for 50 days, then 0613."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    import aiir_eval as aiir

    table = pq.read_table(data / "llmdrift" / "prime.parquet")
    start = np.datetime64("2023-05-01", "us")
    parts = []
    for number, model in enumerate(("gpt-4-0314", "gpt-4-0613")):
        own = table.filter(pc.equal(table["model"], model))
        order = np.random.default_rng([SEED, 5, number]).permutation(own.num_rows)
        day = 50 * number + np.arange(own.num_rows) // 20
        own = own.take(pa.array(order))
        parts.append(
            pa.table(
                {
                    "created_at": start + day * np.timedelta64(1, "D"),
                    "passed": [
                        _says(answer) == expected.lower()
                        for answer, expected in zip(
                            own["answer"].to_pylist(), own["ref_answer"].to_pylist(), strict=True
                        )
                    ],
                    "answer_length": pc.utf8_length(own["answer"]),
                    "latency": own["latency"],
                    "expected": pc.utf8_lower(own["ref_answer"]),
                }
            )
        )
    log = pa.concat_tables(parts)
    report = aiir.drift(log, time="created_at", since="2023-06-20", primary="passed", by="expected")
    return {
        "conclusion": report.conclusion,
        "switched": "2023-06-20",
        "series": [
            {
                "column": series.column,
                "dates": [
                    {
                        "at": f"{point.at:%Y-%m-%d}",
                        "low": f"{point.low:%Y-%m-%d}",
                        "high": f"{point.high:%Y-%m-%d}",
                        "before": point.before,
                        "after": point.after,
                    }
                    for point in series.change_points
                ],
            }
            for series in report.series
        ],
        "segments": [
            {
                "value": f"{each.by} = {each.value}",
                "difference": each.difference,
                "contribution": each.contribution,
            }
            for each in report.segments
            if each.column == "passed"
        ],
    }


def measure(runs: int = 400) -> dict[str, Any]:
    """Everything, as plain numbers; kept on file."""
    found: dict[str, Any] = {
        "runs": runs,
        "quiet_series": quiet_series(runs),
        "changed_series": changed_series(runs),
        "quiet_years": quiet_years(runs),
        "delays": delays(runs),
    }
    data = Path(os.environ.get("AIIR_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if (data / "llmdrift").is_dir():
        found["recorded"] = recorded(data)
    write_text(RESULTS, json.dumps(found, indent=1) + "\n")
    return found


def load() -> dict[str, Any] | None:
    """What was measured last."""
    return read_json(RESULTS) if RESULTS.exists() else None


def missed(found: dict[str, Any]) -> list[str]:
    """What is claimed and was not measured, beyond three Monte Carlo errors."""
    problems = []
    for cell in found["quiet_series"]:
        limit = 0.16 if "correlation" in cell["series"] else LEVEL
        if cell["days"] >= 30 and _too_many(cell["alarms"], cell["runs"], limit, cell["series"]):
            problems.append(f"{cell['series']}, {cell['days']} days: {_share(cell)} alarms")
    for cell in found["changed_series"]:
        if cell["covered"] < _least(0.95, cell["found"]):
            problems.append(f"{cell['change']}: dates covered {cell['covered']}/{cell['found']}")
        if "16%" in cell["change"] and cell["found"] < 0.95 * cell["runs"]:
            problems.append(f"{cell['change']}: found {cell['found']}/{cell['runs']}")
    for cell in found["quiet_years"]:
        assumed = "2 points" not in cell["years"]
        if assumed and _too_many(cell["alarms"], cell["runs"], cell["most"], ""):
            problems.append(f"{cell['years']}, {cell['promise']}: {_share(cell)} of years")
    return problems


def _too_many(alarms: int, runs: int, limit: float, series: str) -> bool:
    if "correlation .6" in series:  # said in a note, and not promised
        return False
    return alarms / runs > limit + 3 * float(np.sqrt(limit * (1 - limit) / runs))


def _least(share: float, runs: int) -> float:
    return runs * (share - 3 * float(np.sqrt(share * (1 - share) / max(runs, 1))))


def _share(cell: dict[str, Any]) -> str:
    return f"{100 * cell['alarms'] / cell['runs']:.1f}%"


def section(found: dict[str, Any]) -> str:
    """The part of the page."""
    sizes = (14, 30, 60, 120)
    lines = [
        "## When it changed",
        "",
        f"Series of days with {ROWS} rows; {found['runs']} runs a cell. Share of quiet series in "
        "which a date of change is found (level 5%):",
        "",
        "| series | " + " | ".join(f"{size} days" for size in sizes) + " |",
        "| --- |" + " ---: |" * len(sizes),
    ]
    for name in QUIET:
        own = {c["days"]: _share(c) for c in found["quiet_series"] if c["series"] == name}
        lines.append(f"| {name} | " + " | ".join(own[size] for size in sizes) + " |")
    lines += [
        "",
        "Where neighbouring days are alike, blocks of days are permuted and the report says so; of "
        "what is left above 5% the note warns.",
        "",
        "Changes in 90 days. The date is the first day that differs, of a gradual change too.",
        "",
        "| change | found | date off by (5%, median, 95%) | interval holds it | its days | "
        "further dates a series | called gradual |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for cell in found["changed_series"]:
        n = max(cell["found"], 1)
        error = ", ".join(f"{q:+.0f}" for q in cell["error"])
        lines.append(
            f"| {cell['change']} | {100 * cell['found'] / cell['runs']:.0f}% | {error} | "
            f"{100 * cell['covered'] / n:.1f}% | {cell['width'] + 1:.0f} | "
            f"{cell['extra'] / n:.2f} | {100 * cell['gradual'] / n:.0f}% |"
        )
    lines += [
        "",
        "### The monitor",
        "",
        f"`aiir drift-watch`, one look a day at {ROWS} rows with a pass rate of 95%: quiet years "
        "with a false alarm, and the most that the promise allows.",
        "",
        "| quiet years | promise | with a false alarm | at most |",
        "| --- | --- | ---: | ---: |",
    ]
    for cell in found["quiet_years"]:
        most = "-" if "2 points" in cell["years"] else f"{100 * cell['most']:.0f}%"
        lines.append(f"| {cell['years']} | {cell['promise']} | {_share(cell)} | {most} |")
    lines += [
        "",
        "The promise holds while a quiet day's expected rate is not below the limit: days that "
        "differ by 2 points of their own accord break it for rows, a note says so after eight "
        "looks, and `--unit looks` is for them.",
        "",
        f"After 60 quiet days (limit from 2,000 rows; degraded requests pass {BROKEN:.0%}, others "
        f"{GOOD:.0%}): days from the onset to the alarm, and where the alarm dates the onset.",
        "",
        "| change | promise | alarms | days to the alarm (median, 95%) | date off by (5%, median, "
        "95%) |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    for cell in found["delays"]:
        dated = ", ".join(f"{q:+.0f}" for q in cell["dated"])
        lines.append(
            f"| {cell['change']} | {cell['promise']} | {100 * cell['seen'] / cell['runs']:.1f}% | "
            f"{cell['delay'][0]:.0f}, {cell['delay'][1]:.0f} | {dated} |"
        )
    if "recorded" in found:
        lines += _recorded_lines(found["recorded"])
    return "\n".join(lines) + "\n"


def _recorded_lines(found: dict[str, Any]) -> list[str]:
    lines = [
        "",
        "### GPT-4 on primes, laid out by date",
        "",
        "LLMDrift's 1,000 answers of gpt-4-0314 over 50 days, then those of gpt-4-0613 over 50; "
        f"the version changes on {found['switched']}.",
        "",
        "| column | date found | interval | before | after |",
        "| --- | --- | --- | ---: | ---: |",
    ]
    for series in found["series"]:
        for point in series["dates"]:
            lines.append(
                f"| {series['column']} | {point['at']} | {point['low']} to {point['high']} | "
                f"{point['before']:.3g} | {point['after']:.3g} |"
            )
        if not series["dates"]:
            lines.append(f"| {series['column']} | none | | | |")
    parts = "; ".join(
        f"{each['value']}: {each['difference']:+.3f} among them, {each['contribution']:+.3f} of "
        "the whole"
        for each in found["segments"]
    )
    return [*lines, "", f"Why, by the expected answer: {parts}."]


def main() -> None:
    """Measure, and print the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=400)
    found = measure(parser.parse_args().runs)
    print(section(found))
    print("\n".join(missed(found)) or "All targets are met.")


if __name__ == "__main__":
    main()
