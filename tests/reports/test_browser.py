"""The report in a real browser: hostile answers run nothing and fetch nothing; our script runs."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import Browse, browse, chromium
from drift_reports import full_report, hostile_report
from results import Speak, desk_suite, made_run
from test_html import INCIDENT

from aiir_eval.compare.comparing import compare
from aiir_eval.gate.calibrating import calibrate
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


def hostile(host: str) -> str:
    """An answer that tries what an answer can try; what works leaves its name on the page."""

    def own(kind: str) -> str:
        return f"document.documentElement.dataset.{kind}=1"

    return (
        f"<script>{own('script')};fetch('{host}/fetch')</script>"
        f"<img src='{host}/img' onerror=\"{own('attribute')}\">"
        f'<svg onload="{own("svg")}"><use href="{host}/use"/></svg>'
        f"<style>@import url('{host}/style');html{{--owned:style;"
        f"background:url('{host}/background')}}</style>"
        f"<iframe src='{host}/frame'></iframe><link rel=stylesheet href='{host}/link'>"
        f"<base href='{host}/'><meta http-equiv=refresh content='9;url={host}/refresh'>"
        f"</script></style></title></textarea></template>--><script>{own('closing')}</script>"
        f'<a href="javascript:{own("link")}">x</a> " onmouseover={own("quote")} \' {{{{ 7 * 7 }}}}'
        " \u202egnp.exe\u202c \u2066aside\u2069 \x1b[31mred\x1b[0m \x1b]8;;http://evil\x07link"
    )


# What took effect on the page, once every fold is open.
OWNED = """
await page.$$eval("details", (all) => all.forEach((one) => one.open = true));
await page.waitForTimeout(100);
return await page.evaluate(() => {
  const root = document.documentElement, text = root.textContent;
  const owned = Object.keys(root.dataset);
  if (getComputedStyle(root).getPropertyValue("--owned")) owned.push("style");
  if (/[\u202a-\u202e\u2066-\u2069]/.test(text)) owned.push("bidi");
  if (/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/.test(text)) owned.push("ansi");
  return {owned: owned.sort(), shown: text.includes("dataset.script=1")};
});
"""


def hostile_results(attack: str) -> dict[str, Any]:
    """A result of every kind, with the attack wherever a text comes from outside."""
    suite = desk_suite()
    cases = [case.model_copy(update={"input": attack, "expected": attack}) for case in suite.cases]
    suite = suite.model_copy(update={"name": attack, "cases": cases})
    old = made_run(suite, lambda case, trial: "You have 30 days.", name="desk@v1")
    new = made_run(suite, lambda case, trial: attack, name=attack)
    comparison = compare(old, new, margin=0.05)
    case, whole = INCIDENT.cases[0], INCIDENT.regression
    assert whole is not None
    bad = [each.model_copy(update={"output": attack}) for each in case.bad]
    said = {"title": attack, "triggering_input": attack, "observed_output": attack}
    regression = {"cases": [case.model_copy(update={"name": attack, "input": attack, "bad": bad})]}
    report = hostile_report(attack)
    return {
        "verdict": gate(comparison),
        "comparison": comparison,
        "run": new,
        "calibration": calibrate(old, new, repetitions=20),
        "incident": INCIDENT.model_copy(
            update=said | {"regression": whole.model_copy(update=regression)}
        ),
        "drift": report,
        "two drift reports": report.compare(report),
    }


def test_a_hostile_text_takes_no_effect_on_a_page_of_any_kind(
    browse: Browse, listener: tuple[str, list[str]], tmp_path: Path
) -> None:
    host, asked = listener
    pages = []
    for kind, result in hostile_results(hostile(host)).items():
        pages.append(tmp_path / f"{kind}.html")
        pages[-1].write_text(render_html(result), encoding="utf-8")
    script = f"""
    const found = {{}};
    const look = async () => {{ {OWNED} }};
    for (const url of {json.dumps([each.as_uri() for each in pages])}) {{
      await page.goto(url);
      found[decodeURI(url.split("/").pop())] = await look();
    }}
    return found;
    """
    found = browse(pages[0], script)
    assert found == {each.name: {"owned": [], "shown": True} for each in pages}
    assert asked == []


def test_the_same_text_unescaped_would_have_been_caught(
    browse: Browse, listener: tuple[str, list[str]], tmp_path: Path
) -> None:
    """The test above can fail: put raw into a page without a policy, the text does its worst."""
    host, asked = listener
    page = tmp_path / "naive.html"
    page.write_text(f"<meta charset=utf-8><body>{hostile(host)}", encoding="utf-8")
    found = browse(page, f"await page.waitForTimeout(500); {OWNED}")
    assert set(found["owned"]) >= {"script", "svg", "attribute", "closing", "style", "bidi", "ansi"}
    assert {"/fetch", "/img", "/style"} <= set(asked)


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


def test_no_page_breaks_a_rule_of_accessibility(browse: Browse, tmp_path: Path) -> None:
    """In light and in dark, every fold open."""
    suite = desk_suite()
    old = made_run(suite, lambda case, trial: "You have 30 days.", name="desk@v1")
    half = made_run(
        suite, lambda case, trial: "30 days" if len(case.id) % 7 else "90 days", name="desk@v3"
    )
    first = next(iter(load_register(shipped("incidents_corpus")).incidents.values()))
    results = {
        **hostile_results(hostile("http://127.0.0.1:9")),
        "inconclusive": compare(old, half, margin=0.3),
        "incident": first,
        "drift": full_report(),
    }
    pages = []
    for kind, result in results.items():
        pages.append(tmp_path / f"{kind}.html")
        pages[-1].write_text(render_html(result), encoding="utf-8")
    script = f"""
    const found = {{}};
    for (const colorScheme of ["light", "dark"]) {{
      await page.emulateMedia({{ colorScheme }});
      for (const url of {json.dumps([each.as_uri() for each in pages])}) {{
        await page.goto(url);
        await page.$$eval("details", (all) => all.slice(0, 8).forEach((one) => one.open = true));
        found[`${{colorScheme}} ${{url.split("/").pop()}}`] = await axe();
      }}
    }}
    return found;
    """
    found = browse(pages[0], script, bypassCSP=True)
    assert len(found) == 2 * len(pages)
    assert {name: broken for name, broken in found.items() if broken} == {}


def test_a_page_works_under_its_own_policy_and_asks_for_nothing(
    browse: Browse, tmp_path: Path
) -> None:
    page = verdict_page(tmp_path)
    found = browse(page, "await page.click('#toggle'); return {requests, errors};")
    assert found == {"requests": [page.as_uri()], "errors": []}


def test_a_page_of_ten_thousand_cases_answers_a_search_at_once(
    browse: Browse, tmp_path: Path
) -> None:
    suite = desk_suite(1000, 8)
    old = made_run(suite, lambda case, trial: f"30 days for {case.id}", name="desk@v1")
    new = made_run(
        suite,
        lambda case, trial: f"{90 if len(case.id) % 2 else 30} days for {case.id}",
        name="desk@v2",
    )
    page = tmp_path / "large.html"
    page.write_text(render_html(compare(old, new, margin=0.05)), encoding="utf-8")
    script = """
    await page.fill("#search", "INC-77.near-4");
    const shown = await page.textContent("#shown");
    const answered = await page.evaluate(() => performance.now() / 1000);
    await page.press("#search", "Escape");
    await page.click("#toggle");
    await page.waitForSelector(".case[open] ins");
    const marked = await page.$$eval(".case:has(ins)", (all) => all.length);
    const open = await page.$$eval(".case[open]", (all) => all.length);
    return {shown, answered, marked, open, errors};
    """
    found = browse(page, script)
    assert found["shown"] == "1 of 2500 shown"
    assert found["open"] == 2500
    assert 0 < found["marked"] < 250  # those near the screen; the others when they come there
    assert found["errors"] == []
    assert found["answered"] < 5  # about 0.7 on a quiet machine: benchmarks/report.py


def test_pages_fit_a_phone_and_print_without_their_tools(browse: Browse, tmp_path: Path) -> None:
    pages = [verdict_page(tmp_path)]
    for kind, result in (("drift", full_report()), ("two", full_report().compare(full_report()))):
        pages.append(tmp_path / f"{kind}.html")
        pages[-1].write_text(render_html(result), encoding="utf-8")
    script = f"""
    const found = [];
    for (const url of {json.dumps([each.as_uri() for each in pages])}) {{
      await page.goto(url);
      const root = "document.documentElement";
      const wide = await page.evaluate(`${{root}}.scrollWidth - ${{root}}.clientWidth`);
      const drawn = () => page.$$eval("td.plot svg", (all) => all.every((one) => one.clientWidth));
      const plots = await drawn();
      await page.emulateMedia({{ media: "print" }});
      const printed = await drawn();
      const tools = await page.$$eval(".tools", (all) => all.some((one) => one.clientHeight));
      await page.emulateMedia({{ media: "screen" }});
      found.push({{ wide, plots, printed, tools }});
    }}
    return found;
    """
    found = browse(pages[0], script, width=400)
    assert found == [{"wide": 0, "plots": True, "printed": True, "tools": False}] * len(pages)


def test_on_paper_a_dozen_cases_are_unfolded(browse: Browse, tmp_path: Path) -> None:
    script = """
    const open = () => page.$$eval(".case[open]", (all) => all.length);
    await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
    const printed = await open();
    await page.evaluate(() => dispatchEvent(new Event("afterprint")));
    return [printed, await open()];
    """
    assert browse(verdict_page(tmp_path), script) == [12, 0]
