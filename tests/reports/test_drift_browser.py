"""The drift pages in a real browser: hostile names and levels run nothing and fetch nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from browsing import chromium
from drift_reports import full_report
from test_browser import dom_of, hostile, listener

from aiir_eval.reports.html import render_html

__all__ = ["chromium", "listener"]

pytestmark = pytest.mark.server


@pytest.mark.parametrize("page", ["ours", "compared", "evidently"])
def test_a_hostile_level_runs_nothing_and_fetches_nothing(
    page: str, chromium: str, listener: tuple[str, list[str]], tmp_path: Path
) -> None:
    host, asked = listener
    attack = hostile(host)
    report = full_report()
    route = report.columns[3]
    assert route.distribution is not None
    levels = replace(route.distribution, at=(attack, f"</script>{attack}", "other"))
    column = replace(route, column=attack, note=attack, distribution=levels)
    segments = [replace(each, by=attack, value=attack) for each in report.segments]
    series = [replace(each, column=attack) for each in report.series]
    report = replace(
        report, columns=[column], notes=[attack], segments=segments, series=series, joint=column
    )
    path = tmp_path / "page.html"
    if page == "evidently":
        report.to_evidently().save_html(str(path))
    else:
        shown = report if page == "ours" else report.compare(report)
        path.write_text(render_html(shown), encoding="utf-8")
    dom = dom_of(chromium, path, tmp_path / "profile")
    assert "document.documentElement" in dom  # the attack is there to be read
    assert 'data-owned="1"' not in dom
    assert asked == []
