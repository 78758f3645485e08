"""How often does the daily monitor alarm falsely, and how soon rightly?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiir_eval.drift.watching.differing import excess
from aiir_eval.drift.watching.measuring import RATE_EFFECT, Measured, quiet_of
from aiir_eval.stats.detectors import (
    N_STAKES,
    FalseAlarms,
    fallen_since,
    log_gains_of_mean,
    stakes,
)

SEED = 22
ROWS = 300  # a day
Floats = NDArray[np.float64]
Random = np.random.Generator
Noise = Callable[[tuple[int, int], Random], Floats]  # of the days of each run, in rates

# The silent degradation: a share of the traffic goes to a broken route, and fails there.
SHARE = 0.008, 0.16
GOOD, BROKEN = 0.97, 0.30


def ramp(size: int, onset: int, length: int) -> Floats:
    """The share of the traffic that goes wrong: little at first, then more each day."""
    way = np.clip((np.arange(size) - onset + 1) / length, 0, 1)
    return np.asarray(SHARE[0] + (SHARE[1] - SHARE[0]) * way)


def passing(share: Floats) -> Floats:
    return np.asarray(GOOD * (1 - share) + BROKEN * share)


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


DAYS = 28  # of the dated reference


@dataclass(frozen=True, slots=True)
class Reference:
    """What each run learned: (runs,) limits, and how much its days differ where it has dates."""

    limits: Floats
    sd: Floats | None = None


def _dated(runs: int, rng: Random, rate: float, noise: Noise) -> Reference:
    """What a reference of dated days that differ by themselves gives, each run its own."""
    limits, spreads = [], []
    days = np.repeat(np.arange(DAYS), ROWS)
    found = Measured(np.zeros(days.size), None, True, 0)
    for shift in noise((runs, DAYS), rng):
        values = (rng.random(days.size) < np.clip(rate + shift, 0, 1)[days]).astype(float)
        quiet = quiet_of(values, found, "down", days)
        assert quiet.between is not None
        limits.append(quiet.bound - RATE_EFFECT)
        spreads.append(np.sqrt(quiet.variance / ROWS + quiet.between))
    return Reference(np.array(limits), np.array(spreads))


def _gains_of_looks(ones: NDArray[np.int64], known: Reference) -> Floats:
    """(runs, days, 24) what a day's mean makes of each stake."""
    means, limits = ones / ROWS, known.limits[:, None]
    if known.sd is not None:
        return log_gains_of_mean(means, limits, known.sd[:, None])
    bets = np.stack([stakes(float(each)) for each in known.limits])[:, None]
    return np.asarray(np.log1p(bets * (limits - means)[..., None]))


def _alike_days(size: tuple[int, int], rng: Random) -> Floats:
    return np.zeros(size)


def _half_a_point(size: tuple[int, int], rng: Random) -> Floats:
    return rng.normal(0, 0.005, size)


def _two_points(size: tuple[int, int], rng: Random) -> Floats:
    return rng.normal(0, 0.02, size)


def _heavy_tails(size: tuple[int, int], rng: Random) -> Floats:
    """t with 3 degrees of freedom, of a standard deviation of two points."""
    return np.asarray(rng.standard_t(3, size) * 0.02 / np.sqrt(3))


NOISES: dict[str, Noise] = {
    "days alike": _alike_days,
    "days differ by .5 points": _half_a_point,
    "days differ by 2 points": _two_points,
    "by 2 points with heavy tails": _heavy_tails,
}
WAYS = ("dated", "undated", "rows")  # how the monitor is begun


def _begun(way: str, runs: int, rng: Random, rate: float, noise: Noise) -> Reference:
    if way == "dated":
        return _dated(runs, rng, rate, noise)
    return Reference(_limits(runs, rng, rate))


def _gains_of(way: str, ones: NDArray[np.int64], known: Reference) -> Floats:
    if way == "rows":
        return _gains(ones, ROWS, known.limits)
    return _gains_of_looks(ones, known)


def quiet_years(runs: int) -> list[dict[str, Any]]:
    """How many quiet years have a false alarm, and what was promised at most."""
    found = []
    for cell, way in enumerate(WAYS):
        for number, (name, noise) in enumerate(NOISES.items()):
            rng = np.random.default_rng([SEED, 3, cell, number])
            known = _begun(way, runs, rng, 0.95, noise)
            level = 0.95 + noise((runs, 365), rng)
            gains = _gains_of(way, rng.binomial(ROWS, np.clip(level, 0, 1)), known)
            for promise, kept in PROMISES.items():
                alarms = int(np.isfinite(_first_alarms(gains, kept)).sum())
                most = min(365 / kept.looks, 1.0) if kept.looks else kept.alpha
                found.append(
                    {
                        "monitor": way,
                        "years": name,
                        "promise": promise,
                        "runs": runs,
                        "alarms": alarms,
                        "most": most,
                    }
                )
    return found


def delays(runs: int, horizon: int = 120) -> list[dict[str, Any]]:
    """Days from the onset to the alarm after 60 quiet days, and how the onset is dated then."""
    cells = {
        "step 95% to 92%": np.full(horizon, 0.92),
        "step 95% to 90%": np.full(horizon, 0.90),
        "step 95% to 80%": np.full(horizon, 0.80),
        "step 95% to 50%": np.full(horizon, 0.50),
        ".8% to 16% of traffic over 14 days": passing(ramp(horizon, 0, 14)),
        ".8% to 16% of traffic over 28 days": passing(ramp(horizon, 0, 28)),
    }
    monitors = [
        ("dated", "days alike"),
        ("dated", "days differ by 2 points"),
        ("undated", "days differ by 2 points"),
        ("rows", "days alike"),
    ]
    kept, found = PROMISES["1/yr"], []
    for cell, (name, after) in enumerate(cells.items()):
        before = 0.95 if name.startswith("step") else float(passing(np.array([SHARE[0]]))[0])
        for number, (way, days) in enumerate(monitors):
            rng = np.random.default_rng([SEED, 4, cell, number])
            known = _begun(way, runs, rng, before, NOISES[days])
            level = np.concatenate([np.full(60, before), after])
            level = np.clip(level + NOISES[days]((runs, level.size), rng), 0, 1)
            ones = rng.binomial(ROWS, level)
            first = _first_alarms(_gains_of(way, ones, known), kept)
            seen = np.isfinite(first) & (first > 60)
            dated = []
            for run in np.flatnonzero(seen)[:200]:
                day = int(first[run])
                means, sizes = ones[run, :day] / ROWS, np.full(day, float(ROWS))
                own = before * (1 - before)
                own *= excess(means, sizes, own)
                since = fallen_since(means, sizes, level=before, variance=own)
                if since is not None:
                    dated.append(since.first - 60)
            found.append(
                {
                    "change": name,
                    "monitor": way,
                    "days": days,
                    "runs": runs,
                    "seen": int(seen.sum()),
                    "delay": [float(q) for q in np.percentile(first[seen] - 60, (50, 95))],
                    "dated": [float(q) for q in np.percentile(dated, (5, 50, 95))],
                }
            )
    return found


def missed(years_found: list[dict[str, Any]]) -> list[str]:
    """What is promised and was not measured, beyond three Monte Carlo errors."""
    problems = []
    for cell in years_found:
        assumed = cell["monitor"] != "rows" or "2 points" not in cell["years"]
        if assumed and too_many(cell["alarms"], cell["runs"], cell["most"]):
            problems.append(f"{cell['years']}, {cell['promise']}: {share(cell)} of years")
    return problems


def section(years_found: list[dict[str, Any]], delays_found: list[dict[str, Any]]) -> list[str]:
    """The lines of the page."""
    lines = [
        "### The monitor",
        "",
        f"`aiir drift-watch`, one look a day at {ROWS} rows with a pass rate of 95%: quiet years "
        f"with a false alarm. With a reference of {DAYS} dated days (`--time`), with one of 2,000 "
        "rows without dates, and with `--unit rows` on the same.",
        "",
        "| quiet years | promise | at most | dated | undated | `--unit rows` |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    years = {(c["monitor"], c["years"], c["promise"]): c for c in years_found}
    for name in NOISES:
        for promise in PROMISES:
            own = [years[way, name, promise] for way in WAYS]
            shares = " | ".join(share(cell) for cell in own)
            lines.append(f"| {name} | {promise} | {100 * own[0]['most']:.0f}% | {shares} |")
    lines += [
        "",
        "Days that differ by themselves break the promise of rows. They are not the default: what "
        "is bet on is the mean of a whole look, by the spread of the days of the reference, or, "
        "where that is not known, without any assumption and more slowly.",
        "",
        f"After 60 quiet days, promised 1/yr; degraded requests pass {BROKEN:.0%}, others "
        f"{GOOD:.0%}: days from the onset to the alarm, and where the alarm dates the onset.",
        "",
        "| change | monitor | alarms | days to the alarm (median, 95%) | date off by (5%, median, "
        "95%) |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    for cell in delays_found:
        dated = ", ".join(f"{q:+.0f}" for q in cell["dated"])
        lines.append(
            f"| {cell['change']} | {cell['monitor']}, {cell['days']} | "
            f"{100 * cell['seen'] / cell['runs']:.1f}% | "
            f"{cell['delay'][0]:.0f}, {cell['delay'][1]:.0f} | {dated} |"
        )
    return lines


def too_many(alarms: int, runs: int, limit: float) -> bool:
    return alarms / runs > limit + 3 * float(np.sqrt(limit * (1 - limit) / runs))


def share(cell: dict[str, Any]) -> str:
    return f"{100 * cell['alarms'] / cell['runs']:.1f}%"
