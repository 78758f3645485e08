"""Our report as Evidently's page in a real browser: hostile names and levels take no effect."""

from __future__ import annotations

from pathlib import Path

import pytest
from browsing import Browse, browse, chromium
from drift_reports import hostile_report
from test_browser import hostile, listener

__all__ = ["browse", "chromium", "listener"]

pytestmark = pytest.mark.server


def test_a_hostile_level_takes_no_effect_on_a_page_of_evidently(
    browse: Browse, listener: tuple[str, list[str]], tmp_path: Path
) -> None:
    host, asked = listener
    path = tmp_path / "page.html"
    hostile_report(hostile(host)).to_evidently().save_html(str(path))
    found = browse(
        path,
        """
        await page.waitForTimeout(1500);
        return page.evaluate(() => ({
          owned: Object.keys(document.documentElement.dataset),
          shown: document.documentElement.textContent.includes("dataset.script"),
        }));
        """,
    )
    assert found["shown"]
    assert not {"script", "svg", "attribute", "closing", "link", "quote"} & set(found["owned"])
    assert asked == []
