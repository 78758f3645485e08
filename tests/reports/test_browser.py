"""The report in a real browser: hostile answers run nothing and fetch nothing; our script runs."""

from __future__ import annotations

import http.server
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import Browse, browse, chromium
from results import Speak, desk_suite, made_run

from aiir_eval.compare.comparing import compare
from aiir_eval.gate.gating import gate
from aiir_eval.incidents.loading import load_register
from aiir_eval.reports.html import render_html
from aiir_eval.shipped import shipped
from aiir_eval.suites.model import Case

__all__ = ["browse", "chromium"]

pytestmark = pytest.mark.server


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


def dom_of(chromium: str, page: Path, profile: Path) -> str:
    """The document after its scripts have run."""
    flags = [
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--virtual-time-budget=3000", f"--user-data-dir={profile}", "--dump-dom", page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run([chromium, *flags], capture_output=True, text=True, timeout=120)
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
    chromium: str, listener: tuple[str, list[str]], tmp_path: Path
) -> None:
    host, asked = listener
    suite = desk_suite()
    old = made_run(suite, lambda case, trial: "You have 30 days.", name="desk@v1")
    new = made_run(suite, lambda case, trial: hostile(host), name="desk@v2")
    page = tmp_path / "report.html"
    page.write_text(render_html(gate(compare(old, new, margin=0.05))), encoding="utf-8")
    dom = dom_of(chromium, page, tmp_path / "profile")
    assert "says-30-days" in dom  # the page was rendered, with the flips
    assert "&lt;script&gt;" in dom  # and shows the answer as text
    assert 'data-owned="1"' not in dom
    assert asked == []


def test_the_same_answer_unescaped_would_have_been_caught(
    chromium: str, listener: tuple[str, list[str]], tmp_path: Path
) -> None:
    """The test above can fail: put raw into a page without a policy, the answer does its worst."""
    host, asked = listener
    page = tmp_path / "naive.html"
    page.write_text(f"<html><body>{hostile(host)}</body></html>", encoding="utf-8")
    assert 'data-owned="1"' in dom_of(chromium, page, tmp_path / "profile")
    assert asked


def verdict_page(tmp_path: Path, n_incidents: int = 4, adjacent: int = 6) -> Path:
    """A verdict where one incident is fixed and the others break."""
    suite = desk_suite(n_incidents, adjacent)

    def desk(one: int, rest: int) -> Speak:
        def said(case: Case, trial: int) -> str:
            days = one if "INC-1" in case.id else rest
            return f"You may send {case.id} back within {days} days, says the desk."

        return said

    old = made_run(suite, desk(90, 30), name="desk@v1")
    new = made_run(suite, desk(30, 90), name="desk@v2")
    page = tmp_path / "verdict.html"
    page.write_text(render_html(gate(compare(old, new, margin=0.05))), encoding="utf-8")
    return page


def test_an_opened_case_marks_the_words_that_differ(browse: Browse, tmp_path: Path) -> None:
    script = """
    await page.click(".case summary");
    const words = (tag) =>
      page.$$eval(`.case[open] ${tag}`, (all) => all.map((e) => e.textContent));
    return {gone: await words("del"), come: await words("ins"), errors};
    """
    found = browse(verdict_page(tmp_path), script)
    assert found == {"gone": ["30"], "come": ["90"], "errors": []}


def test_cases_are_searched_filtered_sorted_and_walked_by_keyboard(
    browse: Browse, tmp_path: Path
) -> None:
    script = """
    const ids = () =>
      page.$$eval(".case:not([hidden]) .id", (all) => all.map((e) => e.textContent));
    const all = await ids();
    await page.fill("#search", "INC-1 back");
    const searched = await ids();
    await page.press("#search", "Escape");
    await page.selectOption("select[data-key=direction]", "fixed");
    const fixed = await ids();
    await page.selectOption("select[data-key=direction]", "");
    await page.selectOption("#order", "id");
    const sorted = await ids();
    await page.keyboard.press("/");
    const searching = await page.evaluate(() => document.activeElement.id);
    await page.press("#search", "Escape");
    for (const key of ["j", "j", "k", "ArrowDown", "Enter"]) await page.keyboard.press(key);
    const opened = await page.$$eval(".case[open] .id", (all) => all.map((e) => e.textContent));
    return {all, searched, fixed, sorted, searching, opened, errors};
    """
    found = browse(verdict_page(tmp_path), script)
    assert found["errors"] == []
    assert found["searched"] == found["fixed"]
    assert 0 < len(found["fixed"]) < len(found["all"])
    assert all("INC-1" in one for one in found["fixed"])
    assert found["sorted"] == sorted(found["all"]) != found["all"]
    assert found["searching"] == "search"
    assert found["opened"] == [found["sorted"][1]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_breaks_a_rule_of_accessibility(
    browse: Browse, tmp_path: Path, scheme: str
) -> None:
    suite = desk_suite()
    old = made_run(suite, lambda case, trial: "You have 30 days.", name="desk@v1")
    new = made_run(suite, lambda case, trial: hostile("http://127.0.0.1:9"), name="desk@v2")
    half = made_run(
        suite, lambda case, trial: "30 days" if len(case.id) % 7 else "90 days", name="desk@v3"
    )
    first = next(iter(load_register(shipped("incidents_corpus")).incidents.values()))
    results = {
        "verdict": gate(compare(old, new, margin=0.05)),
        "inconclusive": compare(old, half, margin=0.3),
        "run": new,
        "incident": first,
    }
    script = """
    for (const item of await page.$$("details > summary")) await item.click();
    return await axe();
    """
    for name, result in results.items():
        page = tmp_path / f"{name}.html"
        page.write_text(render_html(result), encoding="utf-8")
        assert browse(page, script, colorScheme=scheme, bypassCSP=True) == [], name


def test_a_page_works_under_its_own_policy_and_asks_for_nothing(
    browse: Browse, tmp_path: Path
) -> None:
    page = verdict_page(tmp_path)
    found = browse(page, "await page.click('#toggle'); return {requests, errors};")
    assert found == {"requests": [page.as_uri()], "errors": []}
