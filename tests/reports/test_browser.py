"""The report in a real browser: hostile answers run nothing and fetch nothing; our script runs."""

from __future__ import annotations

import http.server
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from results import desk_suite, made_run

from aiir_eval.compare.comparing import compare
from aiir_eval.gate.gating import gate
from aiir_eval.reports.html import render_html

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def browser() -> str:
    """Chromium, or a skip that says what is missing."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    pytest.skip("no Chromium here: `make system` installs it where it can")


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """A server on this machine that writes down whoever asks it for anything."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()


def dom_of(browser: str, page: Path, profile: Path) -> str:
    """The document after its scripts have run."""
    flags = [
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--virtual-time-budget=3000", f"--user-data-dir={profile}", "--dump-dom", page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run([browser, *flags], capture_output=True, text=True, timeout=120)
    return done.stdout


def hostile(host: str) -> str:
    """An answer that tries what an answer can try."""
    mark = "document.documentElement.setAttribute('data-owned','1')"
    return (
        f"<script>{mark};fetch('{host}/fetch')</script>"
        f'<img src=\'{host}/img\' onerror="{mark}"><svg onload="{mark}"></svg>'
        f"<style>@import url('{host}/style');body{{background:url('{host}/background')}}</style>"
        f"<iframe src='{host}/frame'></iframe><link rel=stylesheet href='{host}/link'>"
        f"<base href='{host}/'><meta http-equiv=refresh content='0;url={host}/refresh'>"
        f"</script></style></title></textarea></template>--><script>{mark}</script>"
        f'<a href="javascript:{mark}">x</a> " onmouseover={mark} \' {{{{ 7 * 7 }}}}'
    )


def test_a_hostile_answer_runs_nothing_and_fetches_nothing(
    browser: str, listener: tuple[str, list[str]], tmp_path: Path
) -> None:
    host, asked = listener
    suite = desk_suite()
    old = made_run(suite, lambda case, trial: "You have 30 days.", name="desk@v1")
    new = made_run(suite, lambda case, trial: hostile(host), name="desk@v2")
    page = tmp_path / "report.html"
    page.write_text(render_html(gate(compare(old, new, margin=0.05))), encoding="utf-8")
    dom = dom_of(browser, page, tmp_path / "profile")
    assert "says-30-days" in dom  # the page was rendered, with the flips
    assert "&lt;script&gt;" in dom  # and shows the answer as text
    assert 'data-owned="1"' not in dom
    assert asked == []


def test_the_same_answer_unescaped_would_have_been_caught(
    browser: str, listener: tuple[str, list[str]], tmp_path: Path
) -> None:
    """The test above can fail: put raw into a page without a policy, the answer does its worst."""
    host, asked = listener
    page = tmp_path / "naive.html"
    page.write_text(f"<html><body>{hostile(host)}</body></html>", encoding="utf-8")
    assert 'data-owned="1"' in dom_of(browser, page, tmp_path / "profile")
    assert asked
