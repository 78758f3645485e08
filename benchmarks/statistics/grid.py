"""How often is each method wrong, and how often does it decide, over a grid of known truths?

Counts of every cell are kept in results/grid.json as they come, so that an interrupted run goes on
where it stopped. They are thrown away when the library's answers to a fixed panel of data change.
"""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from itertools import product
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
from batched import LEVEL, compare_many, skewed, unlike
from peers import PEERS, Answers
from population import (
    Law,
    Sample,
    Setting,
    case_law,
    draw,
    draw_whole_clusters,
    skewed_law,
)

from aiir_eval.documents import write_text
from aiir_eval.stats import paired_difference

RESULTS = Path(__file__).parent / "results" / "grid.json"

CASES = (20, 50, 200, 1000)
TRIALS = (1, 5)
CLUSTER_SIZES = (1, 5, 10)
ICCS = (0.0, 0.5)
PASS_RATES = (0.5, 0.9, 0.99)
REDRAWN = (0.2, 1.0)
MARGINS = (0.02, 0.05)
DIFFERENCES = (0.0, *(-margin for margin in MARGINS))

AT_ONCE = 2_000  # runs a sample; the bootstrap of cases sees the first of them only
CHECKED = 5  # runs of each truth that the library itself is asked about
SAME = 1e-9

SETTINGS = tuple(
    Setting(*cell) for cell in product(CASES, TRIALS, CLUSTER_SIZES, ICCS, PASS_RATES, REDRAWN)
)


@dataclass(frozen=True, slots=True)
class Tally:
    """Runs of one method at one truth: how many rejected no change, lost, covered, passed.

    `passed` counts the runs that show non-inferiority, one number a margin; None where the method
    has no such answer.
    """

    runs: int
    rejected: int
    worse: int
    covered: int | None = None
    passed: tuple[int, ...] | None = None

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.runs + other.runs,
            self.rejected + other.rejected,
            self.worse + other.worse,
            None if self.covered is None else self.covered + (other.covered or 0),
            None
            if self.passed is None
            else tuple(a + b for a, b in zip(self.passed, other.passed or (), strict=True)),
        )


@dataclass(frozen=True, slots=True)
class Count:
    """One setting at one truth.

    conclusions: runs that were improved, non_inferior, regressed, inconclusive without a margin,
    and at each of MARGINS. discordant: expected cases whose means differ. standard_error: of the
    mean difference, from the law itself. width: mean of the intervals'.
    """

    setting: Setting
    difference: float
    discordant: float
    standard_error: float
    width: float
    ours: Tally
    conclusions: tuple[tuple[int, ...], ...]
    peers: dict[str, Tally]

    @property
    def decides(self) -> bool:
        return self.conclusions[0][-1] < self.ours.runs or self.setting.n_clusters >= 6


@dataclass(frozen=True, slots=True)
class Skewed:
    """A case of no change on average where versions are not exchangeable."""

    name: str
    n_cases: int
    n_trials: int
    cluster_size: int
    draw: Callable[[int, np.random.Generator], Sample]


def skewed_nulls() -> Iterator[Skewed]:
    """Rare large gains against many small losses, and the reverse."""
    for n, mirrored in product((20, 50, 200, 1000), (False, True)):
        sides = ("gain", "lose") if not mirrored else ("lose", "gain")
        law = skewed_law(5, 0.02, mirrored)
        yield Skewed(
            f"2% of cases {sides[0]} all 5 trials, 10% {sides[1]} one",
            n,
            5,
            1,
            lambda runs, rng, law=law, n=n: draw(law, n, 1, 0, runs, rng),  # type: ignore[misc]
        )
    size = 5
    for n, mirrored in product((50, 200, 1000), (False, True)):
        sides = ("gain", "lose") if not mirrored else ("lose", "gain")
        yield Skewed(
            f"5% of clusters {sides[0]} every case, 5.3% of the other cases {sides[1]}",
            n,
            1,
            size,
            lambda runs, rng, n=n, mirrored=mirrored: draw_whole_clusters(  # type: ignore[misc]
                n, size, 0.05, mirrored, runs, rng
            ),
        )


def count(setting: Setting, difference: float, runs: int, seed: int) -> Count:
    """Simulate one setting at one true difference."""
    law = case_law(setting, difference)
    rng = np.random.default_rng(
        [seed, SETTINGS.index(setting), DIFFERENCES.index(difference)]
        if setting in SETTINGS
        else [seed, *sha256(repr((setting, difference)).encode()).digest()[:8]]
    )
    shape = setting.n_cases, setting.cluster_size, setting.icc
    samples = _samples(lambda size: draw(law, *shape, size, rng), runs)
    ours, conclusions, width, peers = tally(samples, difference)
    return Count(
        setting,
        difference,
        law.discordant * setting.n_cases,
        _standard_error(law, setting),
        width,
        ours,
        conclusions,
        peers,
    )


def count_skewed(number: int, null: Skewed, runs: int, seed: int) -> tuple[dict[str, Tally], float]:
    """Simulate one skewed null; "aiir" and the peers, and how many rejections are told of skew."""
    rng = np.random.default_rng([seed, 99, number])
    ours, _, _, peers = tally(_samples(lambda size: null.draw(size, rng), runs), 0.0)
    sample = null.draw(min(AT_ONCE, runs), np.random.default_rng([seed, 99, number]))
    told = skewed(sample)[compare_many(sample).differs]
    return {"aiir": ours, **peers}, float(told.mean()) if told.size else 0.0


def tally(
    samples: Iterator[Sample], difference: float
) -> tuple[Tally, tuple[tuple[int, ...], ...], float, dict[str, Tally]]:
    """Ours, conclusions, mean width and peers over the samples; compares some with the library."""
    ours: Tally | None = None
    peers: dict[str, Tally] = {}
    conclusions = np.zeros((1 + len(MARGINS), 4), dtype=int)
    width = 0.0
    for sample in samples:
        many = compare_many(sample)
        if ours is None and (off := unlike(sample, many, CHECKED)) > SAME:
            raise RuntimeError(f"batched.py is {off} away from the library: {sample}")
        named = [many.conclusions(margin) for margin in (None, *MARGINS)]
        conclusions += [[int(runs.sum()) for runs in row.values()] for row in named]
        width += float((many.high - many.low).sum())
        here = _tally(
            Answers(many.pvalue, many.lower, many.low, many.high), many.estimate, difference
        )
        for name, method in PEERS.items():
            if ours is None or name != "bootstrap of cases":
                other = _tally(method(sample), many.estimate, difference)
                peers[name] = peers[name] + other if name in peers else other
        ours = here if ours is None else ours + here
    assert ours is not None
    return ours, tuple(tuple(row) for row in conclusions.tolist()), width / ours.runs, peers


def run_grid(
    runs: int,
    *,
    seed: int,
    processes: int,
    path: Path = RESULTS,
    settings: tuple[Setting, ...] = SETTINGS,
    progress: Callable[[str], None] = print,
) -> list[Count]:
    """Every setting at every truth with at least so many runs; what is on file is not run again."""
    method = fingerprint()
    kept = {_key(item.setting, item.difference): item for item in load(path, method)}
    wanted = [(setting, difference) for setting in settings for difference in DIFFERENCES]
    open_ = [
        (*pair, runs, seed)
        for pair in wanted
        if _key(*pair) not in kept or kept[_key(*pair)].ours.runs < runs
    ]
    open_.sort(key=lambda task: -task[0].n_cases)
    progress(f"{len(wanted) - len(open_)} of {len(wanted)} on file, {len(open_)} to run")
    with multiprocessing.Pool(processes) as pool:
        for number, item in enumerate(pool.imap_unordered(_count, open_), start=1):
            kept[_key(item.setting, item.difference)] = item
            if number % 24 == 0 or number == len(open_):
                save(path, method, seed, kept.values())
                progress(f"{number} of {len(open_)}")
    return [kept[_key(*pair)] for pair in wanted]


def fingerprint() -> str:
    """What the library says of a fixed panel of data: changes with the method, not with prose."""
    rng = np.random.default_rng(20240229)
    said = []
    for setting in SETTINGS[:: len(SETTINGS) // 36]:
        for difference in DIFFERENCES:
            law = case_law(setting, difference)
            sample = draw(law, setting.n_cases, setting.cluster_size, setting.icc, 3, rng)
            clusters = np.arange(setting.n_cases) // setting.cluster_size
            for before, after in zip(sample.before, sample.after, strict=True):
                result = paired_difference(
                    before / setting.n_trials,
                    after / setting.n_trials,
                    clusters=clusters,
                    single_trial=setting.n_trials == 1,
                )
                said.append((result.pvalue, *result.confidence_interval()))
                said.append((result.non_inferiority(0.02).lower_bound,))
    digits = [[f"{number:.8f}" for number in row] for row in said]
    return sha256(repr(digits).replace("-0.00000000", "0.00000000").encode()).hexdigest()[:16]


def load(path: Path, method: str | None = None) -> list[Count]:
    """Counts on file, none when they are of another method."""
    if not path.exists():
        return []
    document = json.loads(path.read_text("utf-8"))
    if method is not None and document["method"] != method:
        return []
    return [_count_of(row) for row in document["counts"]]


def save(path: Path, method: str, seed: int, counts: Any) -> None:
    """One line a count."""
    ordered = sorted(counts, key=lambda item: (SETTINGS.index(item.setting), -item.difference))
    rows = ",\n".join(json.dumps(_row(item), separators=(",", ":")) for item in ordered)
    text = f'{{"method":"{method}","seed":{seed},"columns":{json.dumps(_COLUMNS)},"counts":[\n'
    write_text(path, f"{text}{rows}\n]}}\n")


_COLUMNS = ["setting", "difference", "discordant", "standard_error", "width", "ours",
            "conclusions", "peers"]  # fmt: skip


def _row(item: Count) -> list[Any]:
    def numbers(tally: Tally) -> list[Any]:
        return [getattr(tally, field.name) for field in fields(Tally)]

    return [
        list(asdict(item.setting).values()),
        item.difference,
        round(item.discordant, 6),
        round(item.standard_error, 9),
        round(item.width, 6),
        numbers(item.ours),
        item.conclusions,
        {name: numbers(tally) for name, tally in item.peers.items()},
    ]


def _count_of(row: list[Any]) -> Count:
    def tally(numbers: list[Any]) -> Tally:
        *counts, passed = numbers
        return Tally(*counts, None if passed is None else tuple(passed))

    setting, difference, discordant, error, width, ours, conclusions, peers = row
    return Count(
        Setting(*setting),
        difference,
        discordant,
        error,
        width,
        tally(ours),
        tuple(tuple(counts) for counts in conclusions),
        {name: tally(numbers) for name, numbers in peers.items()},
    )


def _count(task: tuple[Setting, float, int, int]) -> Count:
    return count(*task)


def _key(setting: Setting, difference: float) -> tuple[Setting, float]:
    return setting, round(difference, 9)


def _samples(take: Callable[[int], Sample], runs: int) -> Iterator[Sample]:
    for start in range(0, runs, AT_ONCE):
        yield take(min(AT_ONCE, runs - start))


def _tally(answers: Answers, estimate: np.ndarray[Any, Any], difference: float) -> Tally:
    rejected = answers.pvalue <= 1 - LEVEL + 1e-12
    covered = passed = None
    if answers.low is not None and answers.high is not None:
        inside = (answers.low <= difference + 1e-12) & (difference - 1e-12 <= answers.high)
        covered = int(inside.sum())
    if answers.lower is not None:
        lower = answers.lower
        passed = tuple(int((lower > -margin + 1e-12).sum()) for margin in MARGINS)
    return Tally(
        estimate.size, int(rejected.sum()), int((rejected & (estimate < 0)).sum()), covered, passed
    )


def _standard_error(law: Law, setting: Setting) -> float:
    icc = setting.icc if setting.cluster_size > 1 else 0.0
    return sqrt(law.variance * (1 + (setting.cluster_size - 1) * icc) / setting.n_cases)
