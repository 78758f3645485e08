"""When did it change? Dates of change, with the daily monitor beside them: alarms, coverage.

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

import monitor
import numpy as np
from monitor import ROWS, SEED, Floats, Random, passing, ramp, share, too_many

from aiir_eval.documents import read_json, write_text
from aiir_eval.stats.change_points import change_points

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).parent / "results" / "change_points.json"
LEVEL = 0.05
RESAMPLES = 199


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
        "quiet_years": monitor.quiet_years(runs),
        "delays": monitor.delays(runs),
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
        if "correlation .6" in cell["series"]:  # said in a note, and not promised
            continue
        limit = 0.16 if "correlation" in cell["series"] else LEVEL
        if cell["days"] >= 30 and too_many(cell["alarms"], cell["runs"], limit):
            problems.append(f"{cell['series']}, {cell['days']} days: {share(cell)} alarms")
    for cell in found["changed_series"]:
        if cell["covered"] < _least(0.95, cell["found"]):
            problems.append(f"{cell['change']}: dates covered {cell['covered']}/{cell['found']}")
        if "16%" in cell["change"] and cell["found"] < 0.95 * cell["runs"]:
            problems.append(f"{cell['change']}: found {cell['found']}/{cell['runs']}")
    problems += monitor.missed(found["quiet_years"])
    return problems


def _least(share: float, runs: int) -> float:
    return runs * (share - 3 * float(np.sqrt(share * (1 - share) / max(runs, 1))))


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
        own = {c["days"]: share(c) for c in found["quiet_series"] if c["series"] == name}
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
        *monitor.section(found["quiet_years"], found["delays"]),
    ]
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
