"""Every command and code block of the README and the docs does what the page says."""

from __future__ import annotations

import doctest
import functools
import os
import re
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from servers import ChatServer, chat_server

__all__ = ["chat_server"]

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(sh|python|text output)\n(.*?)^```$", re.M | re.S)
RUN = [page for page in PAGES if BLOCK.search(page.read_text())]
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#]*)#?([^)]*)\)")
END_OF_BLOCK = "--- end of a block ---"
SAME = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True)
class Block:
    """Code of a page, and what the page says that it prints: a `text output` block after it."""

    language: str
    code: str
    output: str | None = None


def blocks(page: Path) -> list[Block]:
    """In the order in which they run: shell, then python."""
    found: list[Block] = []
    for kind, body in BLOCK.findall(page.read_text()):
        if kind == "text output":
            found[-1] = replace(found[-1], output=body)
        else:
            found.append(Block(kind, body))
    return sorted(found, key=lambda block: block.language != "sh")


def script(found: list[Block]) -> str:
    """One shell script of all blocks; python blocks are one program."""
    lines = []
    for block in found:
        if block.language == "sh":
            lines += [line for line in block.code.splitlines() if not line.startswith("make ")]
            lines.append(f"echo '{END_OF_BLOCK}'")
    if programs := [block.code for block in found if block.language == "python"]:
        ending = f"print('{END_OF_BLOCK}')"
        lines += ["python - <<'THE_END'", *(f"{code}\n{ending}" for code in programs), "THE_END"]
    return "\n".join(lines)


@pytest.mark.server
@pytest.mark.parametrize("page", RUN, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_blocks_of_a_page_run_from_top_to_bottom(
    page: Path, tmp_path: Path, chat_server: ChatServer
) -> None:
    """Shell blocks in order, then python blocks, from one empty folder with `aiir` on the path."""
    found = blocks(page)
    for line in [line for block in found for line in block.code.splitlines()]:
        if made := re.match(r"make (.*?)(#|$)", line):
            targets = [word for word in made[1].split() if "=" not in word]
            subprocess.run(["make", "-n", *targets], cwd=ROOT, check=True, capture_output=True)
    env = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "BASE_URL": chat_server.url,
        "MPLBACKEND": "Agg",
    }
    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", script(found)],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    for block, printed in zip(found, done.stdout.split(END_OF_BLOCK), strict=False):
        if block.output is not None:
            assert doctest.OutputChecker().check_output(block.output, printed, SAME), printed


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
