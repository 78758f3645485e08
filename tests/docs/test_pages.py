"""The pages hang together: links lead somewhere, and what they list is what there is."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#]*)#?([^)]*)\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_inside_the_project_lead_somewhere(page: Path) -> None:
    for link, anchor in LINK.findall(page.read_text()):
        there = page.parent / link if link else page
        assert there.exists(), f"{page.name}: {link}"
        if anchor and there.suffix == ".md":
            assert anchor in anchors(there), f"{page.name}: {link}#{anchor}"


def test_every_page_is_in_the_index() -> None:
    """By a link of the index, or of a page that the index links to."""
    index, seen = ROOT / "docs" / "README.md", set()
    queue = [index]
    while queue:
        page = queue.pop()
        if page in seen or ROOT / "docs" not in page.parents:
            continue
        seen.add(page)
        queue += [(page.parent / link).resolve() for link, _ in LINK.findall(page.read_text())]
        queue = [each for each in queue if each.suffix == ".md"]
    assert {page.name for page in (ROOT / "docs").rglob("*.md") if page not in seen} == set()


@functools.cache
def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)
    counts: dict[str, int] = {}
    found = set()
    for heading in re.findall(r"^#+ (.*)$", text, re.M):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        anchor = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        count = counts[anchor] = counts.get(anchor, -1) + 1
        found.add(f"{anchor}-{count}" if count else anchor)
    return found


def test_each_claim_of_the_security_page_is_held_by_a_test() -> None:
    text = (ROOT / "docs" / "security.md").read_text()
    claims = re.findall(r"^- (?!\*\*)(.*)\n((?:  - .*\n)*)", text, re.M)
    assert len(claims) > 20
    for claim, tests in claims:
        named = re.findall(r"^  - `(tests/[\w/]+\.py)::(\w+)`$", tests, re.M)
        assert named and len(named) == tests.count("\n"), claim
        for file, name in named:
            held = re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(), re.M)
            assert held, (claim, file, name)


def test_the_figures_beside_other_tools_are_those_that_were_measured() -> None:
    text = (ROOT / "docs" / "other-tools.md").read_text()
    drift = (ROOT / "benchmarks" / "drift" / "README.md").read_text()
    statistics = (ROOT / "benchmarks" / "statistics" / "README.md").read_text()
    rates = re.findall(r"^\| ([^|]+) \| (\d+ of 432)(?: cells)? \| ([\d.]+%) \|$", text, re.M)
    assert len(rates) == 5
    for _, cells, worst in rates:
        assert f"{cells}, worst {worst}" in statistics
    peers = re.findall(r"^\| `?([^|`]+?)`? \| [\d.]* ?\| ([\d.]+) \| ([\d.]+)% \|$", text, re.M)
    assert len(peers) == 5
    for name, ratio, alarms in peers:
        rate = rf"n = 200 \| {name} \| \d+ \| {alarms}(\.0)?% \["
        assert re.search(rf"independent rows, {rate}", drift), name
        if ratio != "1":
            assert re.search(rf"^\| {name} \| [^|]+ \| \d+ \| {ratio} \|", drift, re.M), name


def test_every_kind_of_document_is_on_the_page_of_formats() -> None:
    text = (ROOT / "docs" / "formats.md").read_text()
    code = "".join(path.read_text("utf-8") for path in (ROOT / "aiir_eval").rglob("*.py"))
    kinds = set(re.findall(r"\"aiir/([a-z-]+)/1\"", code))
    assert {"verdict", "outbox"} < kinds
    assert {kind for kind in kinds if f"aiir/{kind}/1" not in text} == set()


def test_every_column_of_a_run_is_on_the_page_of_formats() -> None:
    from aiir_eval.runs.model import RunManifest, trial_schema

    text = (ROOT / "docs" / "formats.md").read_text().partition("\n## Run\n")[2]
    named = set(re.findall(r"\w+", text.partition("\n## ")[0]))
    assert {*trial_schema().names, *RunManifest.model_fields} - {"schema_"} <= named
