"""A drift report with everything in it, for the tests of what shows, keeps and compares reports."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import erf, nan, sqrt

from results import HOSTILE as ANSWER

from aiir_eval.drift.result import (
    ChangePoint,
    ColumnDrift,
    Distribution,
    DriftReport,
    Effect,
    Segment,
    Series,
    Window,
)

HOSTILE = ANSWER.replace("\ud800", "")  # a table's text is UTF-8: it has no half characters
DAY = datetime(2024, 3, 4, tzinfo=UTC)


def column(
    name: str,
    effect: Effect,
    pvalue: float,
    *,
    drifted: bool = False,
    kind: str = "numeric",
    test: str = "welch_t+ks_2samp",
    detectable: float = 0.12,
    **options: object,
) -> ColumnDrift:
    """A column with `pvalue`, whose adjusted p-value is twice that."""
    return ColumnDrift(
        name, kind, test, 1.5, {"mean_reference": 1.0, "mean_current": 2.0}, pvalue,
        min(1.0, 2 * pvalue), effect, detectable, drifted, **options,
    )  # type: ignore[arg-type]  # fmt: skip


def sd(estimate: float, half: float = 0.1) -> Effect:
    return Effect("standardised_mean_difference", estimate, estimate - half, estimate + half)


def full_report(*, fall: float = 0.08, shift: float = 0.6) -> DriftReport:
    """A pass rate that falls by `fall`, a latency that shifts by `shift` sd, a route that moves."""
    points = tuple(x / 4 for x in range(-12, 17))

    def ecdf(centre: float) -> tuple[float, ...]:
        return tuple((1 + erf((x - centre) / sqrt(2))) / 2 for x in points)

    passed = column(
        "passed", Effect("rate_difference", -fall, -fall - 0.03, -fall + 0.03), 1e-7,
        kind="boolean", test="chi2_contingency", drifted=True, primary=True, detectable=0.04,
        distribution=Distribution("bars", ("false", "true"), (0.1, 0.9), (0.1 + fall, 0.9 - fall)),
    )  # fmt: skip
    latency = column(
        "latency_s", sd(shift), 1e-12, drifted=True,
        effects=(Effect("wasserstein", shift, shift - 0.1, shift + 0.1),
                 Effect("population_stability_index", 0.31, nan, nan)),
        distribution=Distribution("ecdf", points, ecdf(0), ecdf(shift)),
        note="12 values are missing in current",
    )  # fmt: skip
    route = column(
        "route", Effect("total_variation", 0.2, 0.15, 0.25), 1e-9, kind="categorical",
        test="chi2_contingency", drifted=True,
        distribution=Distribution("bars", ("billing", HOSTILE, "other"), (0.5, 0.3, 0.2),
                                  (0.3, 0.5, 0.2)),
    )  # fmt: skip
    windows = tuple(
        Window(DAY + timedelta(days=day), DAY + timedelta(days=day + 1), 0 if day == 3 else 120,
               nan if day == 3 else 0.9 - 0.1 * (day > 8), 0.85 - 0.1 * (day > 8),
               0.94 - 0.1 * (day > 8))
        for day in range(14)
    )  # fmt: skip
    change = ChangePoint(DAY + timedelta(days=9), DAY + timedelta(days=8), DAY + timedelta(days=10),
                         0.9, 0.8, 2e-5)  # fmt: skip
    return DriftReport(
        "drift",
        4_000,
        3_900,
        (
            column("calm", sd(0.01), 0.7),
            latency,
            passed,
            route,
            column("tokens", Effect("standardised_mean_difference", nan, nan, nan), 0.5),
        ),
        ("a change counts from: sd 0.05, ks 0.02", f"{HOSTILE} not tested: no value in current"),
        0.95,
        joint=column("all columns", Effect("auc", 0.61, 0.58, 0.64), 0.001, drifted=True,
                     test="classifier"),
        series=(Series("passed", "rate", windows, (change,)),
                Series("latency_s", "mean", windows[:5])),
        segments=(
            Segment("route", HOSTILE, "passed", 900, 950, -0.3, -0.36, -0.24, 1e-9, 2e-9, -0.07),
            Segment("release", "r12", "passed", 0, 400, nan, nan, nan, 0.4, 0.6, -0.01),
        ),
    )  # fmt: skip


def hostile_report(attack: str) -> DriftReport:
    """A report with the attack wherever a text of it comes from outside."""
    report = full_report()
    route = report.columns[3]
    assert route.distribution is not None
    levels = replace(route.distribution, at=(attack, f"</script>{attack}", "other"))
    column = replace(route, column=attack, note=attack, distribution=levels)
    return replace(
        report,
        columns=[column],
        notes=[attack],
        segments=[replace(each, by=attack, value=attack) for each in report.segments],
        series=[replace(each, column=attack) for each in report.series],
        joint=column,
        command=attack,
        digests={attack: attack},
    )
