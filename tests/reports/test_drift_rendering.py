"""A drift report shows all it holds, on every surface, and nothing in it does anything."""

from __future__ import annotations

import re
from dataclasses import replace
from math import inf, nan
from pathlib import Path

import pytest
from drift_reports import HOSTILE, column, full_report, sd
from test_html import Page

from aiir_eval.cli import invoke
from aiir_eval.drift.comparing import DriftComparison
from aiir_eval.drift.result import Distribution, DriftReport, Effect
from aiir_eval.reports import drift_view, markdown, notebook, terminal
from aiir_eval.reports.html import render_html
from aiir_eval.reports.html.distributions import Bars, Curves, picture
from aiir_eval.reports.html.over_time import series_plot

REPORT = full_report()
COMPARED = full_report(shift=0.4).compare(full_report(fall=0.2, shift=0.1))
BARE = DriftReport("inconclusive", 12, 9, (), ("too few rows",))


@pytest.mark.parametrize("width", [60, 80, 100, 140])
@pytest.mark.parametrize("shown", [REPORT, COMPARED, BARE], ids=["report", "compared", "bare"])
def test_no_line_is_wider_than_the_terminal(
    shown: DriftReport | DriftComparison, width: int
) -> None:
    render = (
        terminal.render_drift
        if isinstance(shown, DriftReport)
        else terminal.render_drift_comparison
    )
    text = render(shown, width=width)  # type: ignore[arg-type]
    assert max(map(len, text.splitlines())) <= width


def rows_of(text: str) -> list[str]:
    """The lines of the first table."""
    lines = text.splitlines()
    rule = next(i for i, line in enumerate(lines) if line.startswith("─"))
    return lines[rule + 1 : next((i for i in range(rule, len(lines)) if not lines[i]), len(lines))]


def test_at_eighty_columns_each_column_of_the_table_keeps_to_one_line() -> None:
    rows = rows_of(terminal.render_drift(REPORT, width=80))
    assert [row.split()[:2] for row in rows] == [
        ["drift", "passed"],
        ["drift", "latency_s"],
        ["drift", "route"],
        ["-", "calm"],
        ["-", "tokens"],
        ["*", "decides"],
    ]
    compared = rows_of(terminal.render_drift_comparison(COMPARED, width=80))
    assert len(compared) == len(COMPARED.columns)


@pytest.mark.parametrize("width", [80, 100, 138])
def test_a_long_name_is_cut_to_the_room_that_the_numbers_leave(width: int) -> None:
    effect = Effect("standardised_mean_difference", -0.00425, -0.0579, -0.0664)
    long = column("a column whose name is longer than any table of columns has room for " * 2,
                  effect, 1e-6, drifted=True)  # fmt: skip
    report = replace(REPORT, columns=[*REPORT.columns, long])
    assert len(rows_of(terminal.render_drift(report, width=width))) == 7
    both = report.compare(report)
    assert len(rows_of(terminal.render_drift_comparison(both, width=width))) == 6


@pytest.mark.parametrize("width", [100, 140])
def test_a_name_of_usual_length_is_whole_before_less_telling_columns_get_room(width: int) -> None:
    effect = Effect("standardised_mean_difference", -0.0362, -0.108, -0.0353)
    huge = column("created_at: day", effect, 1e-6, drifted=True)
    sides = {"mean_reference": -1.59e298, "mean_current": -5.82e297}
    huge = replace(huge, statistics={**huge.statistics, **sides})
    text = terminal.render_drift(replace(REPORT, columns=[*REPORT.columns, huge]), width=width)
    (row,) = (row for row in rows_of(text) if "created_at" in row)
    assert "created_at: day" in row
    assert "-0.0362 sd [-0.108, -0.0353]" in row


def test_primaries_come_first_then_what_drifted_then_the_rest() -> None:
    calm = column("quiet primary", sd(0.0), 0.9, primary=True)
    report = replace(REPORT, columns=[*REPORT.columns, calm])
    order = [each.column for each in drift_view.ranked(report.columns)]
    assert order[:4] == ["passed", "quiet primary", "latency_s", "route"]


def test_what_a_no_drift_could_have_missed_stands_beside_it() -> None:
    calm, loud = (drift_view.told(column("x", sd(0.1), 0.2, drifted=each)) for each in (0, 1))
    assert (calm.detectable, loud.detectable) == ("0.12", "")
    rate = column("ok", Effect("rate_difference", 0.0, -0.01, 0.01), 0.9, detectable=0.034)
    assert drift_view.told(rate).detectable == "3.4 points"


@pytest.mark.parametrize(
    ("effect", "told"),
    [
        (Effect("rate_difference", -0.08, -0.11, -0.05), "-8.0 points [-11.0, -5.0]"),
        (Effect("total_variation", 0.2, 0.15, 0.25), "0.2 TV [0.15, 0.25]"),
        (Effect("standardised_mean_difference", 0.6, 0.5, 0.7), "0.6 sd [0.5, 0.7]"),
        (Effect("psi", 0.31, nan, nan), "0.31 PSI"),
        (Effect("x | <b>y</b>_z", 1.0, 0.0, 2.0), "1 x b y b z [0, 2]"),
        (Effect("sd", nan, nan, nan), "-"),
    ],
)
def test_an_effect_is_told_with_its_unit_and_interval(effect: Effect, told: str) -> None:
    assert drift_view.effect_text(effect) == told


def test_both_sides_are_told_where_they_are_known() -> None:
    one = column("x", sd(0.1), 0.2)
    assert drift_view.before_after(one) == "1 -> 2"
    rate = replace(one, statistics={"rate_reference": 0.9, "rate_current": 0.82})
    assert drift_view.before_after(rate) == "90.0% -> 82.0%"
    assert drift_view.before_after(replace(one, statistics={})) == ""


def test_everything_is_on_the_page_of_every_surface() -> None:
    html, marks = Page(render_html(REPORT)).text, markdown.drift_markdown(REPORT)
    shown = notebook.drift_html(REPORT)
    text = terminal.render_drift(REPORT, width=140)
    for surface in (html, marks, shown, text):
        for word in ("latency_s", "AUC", "2024-03-13", "release: r12", "a change counts from",
                     "12 values are missing"):  # fmt: skip
            assert word in surface, word
    for surface in (html, text):
        assert "population stability index 0.31" in surface
    assert "80.0% to 90.0%" in text


def test_the_page_draws_what_changed_and_the_series() -> None:
    page = Page(render_html(REPORT))
    assert page.open == []
    kinds = [attributes.get("class") for tag, attributes in page.elements]
    assert kinds.count("card") == 3
    assert kinds.count("sides-plot") == 3
    assert kinds.count("sides-plot wide") == 2
    assert kinds.count("change") == 1
    assert kinds.count("band") == 4  # two pieces of each series, with a gap between


@pytest.mark.parametrize("shown", [REPORT, COMPARED, BARE], ids=["report", "compared", "bare"])
def test_a_hostile_name_or_level_is_text(shown: DriftReport | DriftComparison) -> None:
    hostile = replace(REPORT.columns[3], column=HOSTILE, note=HOSTILE, test=HOSTILE)
    if isinstance(shown, DriftReport):
        shown = replace(shown, columns=[hostile, *shown.columns])
    else:
        other = replace(REPORT, columns=[hostile])
        shown = other.compare(replace(other, columns=[replace(hostile, drifted=False)]))
    page = Page(render_html(shown))
    assert page.open == []
    assert {tag for tag, _ in page.elements} <= {
        "html", "head", "meta", "title", "link", "style", "body", "header", "p", "b", "div", "span",
        "h1", "h2", "h3", "main", "section", "dl", "dt", "dd", "small", "table", "thead", "tbody",
        "tr", "th", "td", "svg", "g", "line", "rect", "circle", "text", "polyline", "polygon",
        "article", "figure", "figcaption", "code", "ul", "li", "footer", "script", "br",
    } | {"title"}  # fmt: skip
    assert not [name for _, attributes in page.elements for name in attributes if name[:2] == "on"]
    assert "<script>" not in shown._repr_html_()
    text = (
        terminal.render_drift(shown)
        if isinstance(shown, DriftReport)
        else terminal.render_drift_comparison(shown)
    )
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)


def test_a_long_tail_does_not_flatten_a_curve() -> None:
    at = (*range(100), 1e9)
    upto = tuple((i + 1) / 101 for i in range(101))
    drawn = picture("x", Distribution("ecdf", tuple(map(float, at)), upto, upto))
    assert isinstance(drawn, Curves)
    ticks = [float(tick.label.replace(",", "")) for tick in drawn.across]
    assert max(ticks) > 1e8  # one in a hundred is no tail that may be left out
    tail = tuple(min(1.0, (i + 1) / 99.9) for i in range(101))
    drawn = picture("x", Distribution("ecdf", tuple(map(float, at)), tail, tail))
    assert isinstance(drawn, Curves)
    assert max(float(tick.label) for tick in drawn.across) <= 100


@pytest.mark.parametrize("at", [(5.0,), (-inf, inf), (nan,), (), (1e-300, 2e-300), (-1e299, 1e299)])
def test_odd_points_are_drawn_or_left_out(at: tuple[float, ...]) -> None:
    shares = tuple((i + 1) / len(at) for i in range(len(at)))
    drawn = picture("x", Distribution("ecdf", at, shares, shares))
    if isinstance(drawn, Curves):
        assert not re.search("nan|inf", f"{drawn.reference} {drawn.current}")
    else:
        assert drawn is None


def test_many_levels_are_shown_by_the_size_of_their_change_the_rest_as_one() -> None:
    n = 200
    old = (0.5, *(0.5 / (n - 1),) * (n - 1))
    new = (0.2, 0.3 + old[1], *old[2:])
    levels = tuple(f"level {i}" for i in range(n))
    drawn = picture("x", Distribution("bars", levels, old, new))
    assert isinstance(drawn, Bars)
    assert [bar.level for bar in drawn.rows[:2]] == ["level 0", "level 1"]
    assert (len(drawn.rows), drawn.rows[-1].level) == (12, "189 others")


def test_a_series_is_drawn_from_first_to_last_window_with_a_gap_where_there_is_nothing() -> None:
    drawn = series_plot(REPORT.series[0])
    assert drawn is not None
    assert len(drawn.runs) == 2
    assert len(drawn.marks) == 13
    (change,) = drawn.changes
    assert change.low < change.x < change.high
    assert drawn.marks[7][1] < drawn.marks[8][1]  # the rate falls: further down on the page
    empty = replace(REPORT.series[0], windows=REPORT.series[0].windows[3:4], change_points=())
    assert series_plot(empty) is None
    render_html(replace(REPORT, series=[empty]))


def test_what_does_not_fit_is_counted() -> None:
    many = replace(REPORT, columns=[column(f"c{i}", sd(0.0), 0.5) for i in range(500)])
    assert "480 more without drift are not shown here" in terminal.render_drift(many)
    assert "and 476 more" in notebook.drift_html(many)
    assert len(markdown.drift_markdown(many, max_bytes=20_000).encode()) <= 20_000


def test_a_plot_shows_what_changed_and_a_calm_series_only_where_none_did(tmp_path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")

    def drawn(report: DriftReport) -> list[str]:
        return [ax.get_title().split(":")[0] for ax in report.plot().axes]

    columns = ["passed", "latency_s", "route"]
    calm = [replace(series, change_points=()) for series in REPORT.series]
    assert [bool(series.change_points) for series in REPORT.series] == [True, False]
    assert drawn(REPORT) == [*columns, "passed"]
    assert drawn(replace(REPORT, series=calm)) == [*columns, "passed", "latency_s"]
    figure = REPORT.plot()
    figure.savefig(tmp_path / "drift.png")
    assert BARE.plot().axes == []
    calm = replace(REPORT.columns[1], drifted=False)
    assert len(replace(REPORT, columns=[calm], series=()).plot().axes) == 1


def test_aiir_report_renders_a_saved_report(tmp_path: Path) -> None:
    REPORT.save(tmp_path / "drift.json")
    page = tmp_path / "drift.html"
    assert invoke(["report", str(tmp_path / "drift.json"), "-o", str(page)]) == 0
    assert page.read_text(encoding="utf-8") == render_html(REPORT)
