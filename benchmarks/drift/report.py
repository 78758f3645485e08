"""What does the drift benchmark say? README.md, from counts and measurements on file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import accuracy
import change_points
import numpy as np
import power
import streaming
from peers import PEERS
from speed import Speed, Timed

MOST_TIMES_FLOOR = {"KS and chi-square": 1.5, "the whole report": 3.0}
LEAST_FASTER = {"evidently-forced": 30.0, "evidently": 50.0}
MOST_MB = 750.0


@dataclass(slots=True)
class Results:
    """What is on file; a part that was not measured is left off the page."""

    speed: Speed
    size: dict[tuple[str, str], accuracy.Tally] = field(default_factory=dict)
    power: dict[str, power.Power] = field(default_factory=dict)
    streamed: dict[str, Any] | None = None
    dates: dict[str, Any] | None = None
    missed: list[str] = field(default_factory=list)


def readme(results: Results) -> str:
    """The whole page; what misses its target is also noted in `results.missed`."""
    sections = [_speed(results), _large(results), _growth(results.speed)]
    if results.streamed is not None:
        sections.append(_streaming(results))
    if results.size:
        sections.append(_size(results))
    if results.power:
        sections.append(_power(results))
    if results.dates is not None:
        results.missed += change_points.missed(results.dates)
        sections.append(change_points.section(results.dates))
    head = [
        "# Drift, measured",
        "Written by `make bench-drift`. Times are medians, ratios are taken within one run, "
        "contestants in turns, so that the machine and what else it does fall on all alike. Tables "
        "have 16 columns of numbers (normal, Student's t with 3 degrees of freedom, lognormal, "
        "exponential; half of them rounded, so that they have ties) and 4 of text with 10, 50, 200 "
        "and 1,000 levels.",
        "",
    ]
    missed = ["**Targets missed**", "", *(f"- {text}" for text in results.missed), ""]
    page = [*head, *(missed if results.missed else ["All targets are met.", ""]), *sections]
    return "\n".join(page).rstrip() + "\n"


def _speed(results: Results) -> str:
    speed = results.speed
    rows = [
        [
            name,
            _seconds(timed.seconds),
            f"{timed.ratio:.2f}",
            f"{MOST_TIMES_FLOOR[name]:g}",
        ]
        for name, timed in speed.ours.items()
        if timed.ratio is not None
    ]
    for name, timed in speed.ours.items():
        if timed.ratio is not None and timed.ratio > MOST_TIMES_FLOOR[name]:
            results.missed.append(f"{name}: {timed.ratio:.2f} times the floor")
    lines = [
        f"## From two Parquet files to a verdict, {speed.rows:,} rows a side",
        "The floor is to decode every column, to sort each of numbers once and to count the levels "
        f"of the texts, with the same reader on as many threads ({speed.threads}). The whole "
        "report is Welch's t and Kolmogorov-Smirnov, moments, effects with intervals, detectable "
        "effects, debiased PSI, Jensen-Shannon and Hellinger, and both distributions to draw.",
        "",
        *_table(
            ["", "seconds", "times the floor", "at most"],
            [["the floor", _seconds(speed.floor), "1", ""], *rows],
        ),
        "",
    ]
    for key in LEAST_FASTER:
        if key not in speed.peers:
            results.missed.append(f"{PEERS[key].title}: not measured at this size yet")
    if speed.peers:
        lines += [
            "The peers, each in an environment of its own (`environments.py`), imports paid for, "
            "from the same files. Ours beside them made the same tests; beside Evidently's default "
            "preset the whole report.",
            "",
            *_table(
                ["", "seconds", "runs", "times ours", "at least"],
                [_peer(key, timed, results) for key, timed in speed.peers.items()],
            ),
            "",
        ]
    if speed.apart:
        lines += [f"P-values differ from the scipy loop's by at most {speed.apart:.1g}.", ""]
    return "\n".join(lines)


def _peer(key: str, timed: Timed, results: Results) -> list[str]:
    title, least = PEERS[key].title, LEAST_FASTER.get(key, 1.0)
    if timed.problem or timed.ratio is None:
        return [title, f"did not run: {timed.problem[:90]}", "", "", f"{least:g}"]
    if timed.ratio < least:
        results.missed.append(f"{title}: only {timed.ratio:.1f} times as long as ours")
    return [title, _seconds(timed.seconds), f"{timed.repeats}", f"{timed.ratio:.1f}", f"{least:g}"]


def _large(results: Results) -> str:
    speed = results.speed
    if not speed.large:
        return ""
    rows = []
    for name, run in speed.large.items():
        ratio = speed.large_ratio[name]
        rows.append([name, _seconds(run.seconds), f"{ratio:.2f}", f"{run.peak_mb:,.0f}"])
        if name != "floor" and (ratio > 1.5 or run.peak_mb > MOST_MB):
            results.missed.append(
                f"{speed.large_rows:,} rows, {name}: {ratio:.2f} times the floor, "
                f"{run.peak_mb:,.0f} MB"
            )
    lines = [
        f"## {speed.large_rows:,} rows a side, each in a process of its own",
        f"At most 1.5 times the floor and {MOST_MB:g} MB at the peak, interpreter and libraries "
        "included.",
        "",
        *_table(["", "seconds", "times the floor", "peak MB"], rows),
        "",
    ]
    return "\n".join(lines)


def _growth(speed: Speed) -> str:
    if not speed.by_rows:
        return ""
    rows = np.array([int(size) for size in speed.by_rows], dtype=np.float64)
    seconds = np.array(list(speed.by_rows.values()))
    exponent = float(np.polyfit(np.log(rows), np.log(seconds), 1)[0])
    # Weighted by one over the seconds: relative errors count alike at every size.
    slope, start = np.polyfit(rows, seconds, 1, w=1 / seconds)
    off = float(np.abs((start + slope * rows) / seconds - 1).max())
    lines = [
        "## Cost by rows",
        "The whole report.",
        "",
        *_table(
            ["rows a side", "seconds"],
            [[f"{int(n):,}", _seconds(took)] for n, took in zip(rows, seconds, strict=True)],
        ),
        "",
        f"A straight line, {max(start, 0):.2f} s + {slope * 1e6:.2f} s a million rows, is off by "
        f"at most {100 * off:.0f}%; fitted as a power, the exponent is {exponent:.2f}.",
        "",
    ]
    return "\n".join(lines)


def _streaming(results: Results) -> str:
    rows = streaming.as_rows(results.streamed or {})
    lines = [
        "## Larger than memory",
        "The same report in parts under a memory limit, and with a summary in the place of the "
        "reference. Peaks include the interpreter and its libraries.",
        "",
        *_table(["", ""], [list(row) for row in rows]),
        "",
    ]
    return "\n".join(lines)


def _size(results: Results) -> str:
    lines = [
        "## False alarms where nothing changed",
        "Share of pairs of tables for which the conclusion is drift, with its 95% interval; level "
        "5% (6% with clusters). A tool without a verdict on tables is counted by any alarm of a "
        "column.",
        "",
    ]
    rows = []
    for cell in accuracy.cells():
        for (key, tool), tally in results.size.items():
            if key != cell.key:
                continue
            if tally.problem or not tally.runs:
                rows.append([key, _tool(tool), "0", f"did not run: {tally.problem[:60]}", ""])
                continue
            low, high = tally.interval()
            share = f"{100 * tally.drift / tally.runs:.1f}% [{100 * low:.1f}, {100 * high:.1f}]"
            columns = f"{100 * tally.alarms / max(tally.columns, 1):.2f}%"
            rows.append([key, _tool(tool), f"{tally.runs:,}", share, columns])
            if tool == accuracy.OURS and low > cell.limit:
                results.missed.append(f"false alarms, {key}: {share}")
    return "\n".join(
        [*lines, *_table(["tables", "tool", "runs", "drift", "columns that alarm"], rows), ""]
    )


def _tool(name: str) -> str:
    return PEERS[name].title if name in PEERS else name


def _power(results: Results) -> str:
    rows = []
    for cell in results.power.values():
        beside = f"{cell.welch / cell.runs:.2f}, {cell.ks / cell.runs:.2f}" if cell.welch else ""
        size = "" if np.isnan(cell.size) else f"{cell.size:.3g}"
        rows.append(
            [cell.what, f"{cell.n:,}", size, f"{cell.rate:.2f}", f"{cell.needed:.2f}", beside]
        )
        if cell.rate < cell.needed - 3 * cell.error:
            results.missed.append(
                f"power, {cell.what}, n = {cell.n:,}: {cell.rate:.2f} where {cell.needed:.2f} was "
                "wanted"
            )
    head = ["change", "rows a side", "its size", "found", "wanted", "Welch's t, KS alone"]
    lines = [
        "## Changes that are there",
        "How often they are found, before the condition on the effect where two tests stand "
        "beside; a change of the size of the minimum detectable effect four times in five.",
        "",
        *_table(head, rows),
        "",
    ]
    return "\n".join(lines)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [
        f"| {' | '.join(head)} |",
        f"| --- |{' ---: |' * (len(head) - 1)}",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]


def _seconds(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"
