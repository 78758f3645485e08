"""How fast are resampling and comparing, as ratios measured in one run, contestants alternating?"""

from __future__ import annotations

import tempfile
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

import aiir_eval as aiir
from aiir_eval.compare.comparing import compare
from aiir_eval.runs.model import load_run
from aiir_eval.stats import cluster_bootstrap_ratio, cluster_bootstrap_value, sign_flip

Floats = NDArray[np.float64]

N_CASES, N_RESAMPLES, BATCH = 10_000, 9_999, 200
TRIALS_A_SIDE = 100_000
LEAST_FASTER, MOST_TIMES_READING = 20.0, 2.0


@dataclass(frozen=True, slots=True)
class Race:
    """Median seconds of ours and of the other, both on the same statistic and data."""

    statistic: str
    other: str
    ours: float
    theirs: float
    agree: str

    @property
    def faster(self) -> float:
        return self.theirs / self.ours


@dataclass(frozen=True, slots=True)
class Memory:
    """Largest memory held, in MB, by numbers of resamples."""

    what: str
    peaks: dict[int, float]


@dataclass(frozen=True, slots=True)
class Reading:
    """Median seconds to read two runs and to compare them once read."""

    trials: int
    cases: int
    reading: float
    comparing: float

    @property
    def times(self) -> float:
        return self.comparing / self.reading


@dataclass(frozen=True, slots=True)
class Cases:
    """Two versions of 10,000 cases in clusters of unequal sizes."""

    baseline: Floats
    candidate: Floats
    clusters: NDArray[np.intp]

    @property
    def differences(self) -> Floats:
        return self.candidate - self.baseline

    def by_cluster(self, values: Floats) -> Floats:
        return np.bincount(self.clusters, weights=values)


def graded(rng: np.random.Generator) -> Cases:
    """Scores with a small difference."""
    baseline = rng.random(N_CASES)
    candidate = np.clip(baseline - 0.002 + rng.normal(0, 0.1, N_CASES), 0, 1)
    return Cases(baseline, candidate, _clusters(rng))


def judged(rng: np.random.Generator) -> Cases:
    """Pass or fail, one trial."""
    baseline = (rng.random(N_CASES) < 0.9).astype(float)
    candidate = np.where(rng.random(N_CASES) < 0.1, rng.random(N_CASES) < 0.85, baseline)
    return Cases(baseline, candidate, _clusters(rng))


def races(seed: int, repeats: int) -> list[Race]:
    """Ours against scipy: sign flips, and resamples of a mean and of a ratio of quantiles.

    scipy is given the cluster sums, which it cannot form itself, a vectorised statistic, and the
    batch size at which it is about fastest.
    """
    rng = np.random.default_rng(seed)
    scores, verdicts = graded(rng), judged(rng)
    options: dict[str, Any] = {"n_resamples": N_RESAMPLES, "vectorized": True, "batch": BATCH}
    raced = []

    def mean_difference(after: Floats, before: Floats, axis: int = -1) -> Floats:
        return np.asarray((after.sum(axis=axis) - before.sum(axis=axis)) / N_CASES)

    for kind, cases in (("graded", scores), ("pass or fail", verdicts)):
        sides = (cases.by_cluster(cases.candidate), cases.by_cluster(cases.baseline))
        ours, theirs, said = _race(
            lambda cases=cases: (
                sign_flip(  # type: ignore[misc]
                    cases.differences, clusters=cases.clusters, n_resamples=N_RESAMPLES, rng=1
                ).pvalue
            ),
            lambda sides=sides: (
                stats.permutation_test(  # type: ignore[misc]
                    sides, mean_difference, permutation_type="samples", rng=1, **options
                ).pvalue
            ),
            repeats,
        )
        drawn = "" if kind == "graded" else ", enumerated"
        raced.append(
            Race(
                f"sign flips of the mean difference, {kind}{drawn}",
                "permutation_test",
                ours,
                theirs,
                f"p {said[0]:.4f} / {said[1]:.4f}",
            )
        )

    def ratio_of_sums(totals: Floats, sizes: Floats, axis: int = -1) -> Floats:
        return np.asarray(totals.sum(axis=axis) / sizes.sum(axis=axis))

    for kind, cases in (("graded", scores), ("pass or fail", verdicts)):
        data = (cases.by_cluster(cases.differences), cases.by_cluster(np.ones(N_CASES)))
        ours, theirs, said = _race(
            lambda cases=cases: cluster_bootstrap_value(  # type: ignore[misc]
                cases.differences, clusters=cases.clusters, n_resamples=N_RESAMPLES, rng=1
            ).lower,
            lambda data=data: stats.bootstrap(  # type: ignore[misc]
                data, ratio_of_sums, paired=True, method="percentile", alternative="greater",
                rng=1, **options,
            ).confidence_interval.low,
            repeats,
        )  # fmt: skip
        raced.append(
            Race(
                f"resamples of the mean difference, {kind}",
                "bootstrap",
                ours,
                theirs,
                f"lower {said[0]:.5f} / {said[1]:.5f}",
            )
        )
    raced.append(_quantile_race(scores, repeats))
    return raced


def memory() -> list[Memory]:
    """Largest memory held while resampling, apart from the data."""
    rng = np.random.default_rng(1)
    cases = graded(rng)
    many = (N_RESAMPLES, 10 * N_RESAMPLES, 100 * N_RESAMPLES)
    flips = {
        n: _peak(lambda n=n: sign_flip(cases.differences, clusters=cases.clusters, n_resamples=n))  # type: ignore[misc]
        for n in many
    }
    bounds: dict[str, dict[str, Any]] = {
        "mean": {},
        "95th percentile": {"statistic": "quantile", "quantile": 0.95},
    }
    return [
        Memory("sign flips", flips),
        *(
            Memory(
                f"resamples of a {what}",
                {
                    n: _peak(
                        lambda n=n, options=options: cluster_bootstrap_value(  # type: ignore[misc]
                            cases.differences, clusters=cases.clusters, n_resamples=n, **options
                        )
                    )
                    for n in (many if what == "mean" else many[:2])
                },
            )
            for what, options in bounds.items()
        ),
    ]


def reading(seed: int, repeats: int) -> list[Reading]:
    """Two runs of 100,000 trials, read and then compared: one trial a case, and five."""
    rng = np.random.default_rng(seed)
    return [_read_and_compare(rng, n_trials, repeats) for n_trials in (1, 5)]


def _quantile_race(cases: Cases, repeats: int) -> Race:
    rng = np.random.default_rng(2)
    before = rng.lognormal(0, 0.5, N_CASES)
    after = before * rng.lognormal(0.01, 0.1, N_CASES)
    n_clusters = int(cases.clusters.max()) + 1
    sides = []
    for values in (before, after):
        order = np.argsort(values)
        sides.append((values[order], cases.clusters[order]))

    def ratio_of_quantiles(drawn: NDArray[np.intp], axis: int = -1) -> Floats:
        drawn = np.atleast_2d(np.moveaxis(drawn, axis, -1))
        shifted = drawn + np.arange(len(drawn))[:, None] * n_clusters
        often = np.bincount(shifted.ravel(), minlength=len(drawn) * n_clusters)
        often = often.reshape(len(drawn), n_clusters)
        quantiles = []
        for values, codes in sides:
            reached = np.cumsum(often[:, codes], axis=1)
            place = np.argmax(reached >= 0.95 * reached[:, -1:] - 1e-9, axis=1)
            quantiles.append(values[place])
        return np.squeeze(quantiles[1] / quantiles[0])

    ours, theirs, said = _race(
        lambda: cluster_bootstrap_ratio(
            before, after, clusters=cases.clusters, statistic="quantile", quantile=0.95,
            n_resamples=N_RESAMPLES, rng=1,
        ).upper,
        lambda: stats.bootstrap(
            (np.arange(n_clusters),), ratio_of_quantiles, method="percentile",
            alternative="less", n_resamples=N_RESAMPLES, vectorized=True, batch=BATCH, rng=1,
        ).confidence_interval.high,
        repeats,
    )  # fmt: skip
    return Race(
        "resamples of the ratio of 95th percentiles",
        "bootstrap",
        ours,
        theirs,
        f"upper {said[0]:.4f} / {said[1]:.4f}",
    )


def _read_and_compare(rng: np.random.Generator, n_trials: int, repeats: int) -> Reading:
    import pyarrow as pa

    n_cases = TRIALS_A_SIDE // n_trials
    rates = rng.beta(0.9, 0.1, n_cases)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("old", "new")]
        for path, loss in zip(paths, (0.0, 0.01), strict=True):
            passed = rng.random((n_cases, n_trials)) < (rates - loss)[:, None]
            rows = n_cases * n_trials
            table = pa.table(
                {
                    "id": np.repeat(np.arange(n_cases), n_trials),
                    "trial": np.tile(np.arange(n_trials), n_cases),
                    "cluster": np.repeat(np.arange(n_cases) // 5, n_trials),
                    "passed": passed.ravel(),
                    "output": [f"answer {word}" for word in rng.integers(0, 1000, rows)],
                    "latency": rng.exponential(1.0, rows),
                }
            )
            aiir.import_table(
                table, id="id", trial="trial", cluster="cluster", passed="passed",
                output="output", latency="latency", target_name=path.name, out=path,
            )  # fmt: skip
        read, compared = [], []
        for _ in range(repeats):
            start = perf_counter()
            old, new = (load_run(path) for path in paths)
            middle = perf_counter()
            compare(old, new, margin=0.02)
            read.append(middle - start)
            compared.append(perf_counter() - middle)
    return Reading(TRIALS_A_SIDE, n_cases, median(read), median(compared))


def _clusters(rng: np.random.Generator) -> NDArray[np.intp]:
    return np.repeat(np.arange(N_CASES), rng.integers(1, 10, N_CASES))[:N_CASES]


def _race(
    ours: Callable[[], float], theirs: Callable[[], float], repeats: int
) -> tuple[float, float, tuple[float, float]]:
    seconds: tuple[list[float], list[float]] = ([], [])
    said = [0.0, 0.0]
    for _ in range(repeats):
        for side, contestant in enumerate((ours, theirs)):
            start = perf_counter()
            said[side] = float(contestant())
            seconds[side].append(perf_counter() - start)
    return median(seconds[0]), median(seconds[1]), (said[0], said[1])


def _peak(work: Callable[[], object]) -> float:
    tracemalloc.start()
    work()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / 1e6
