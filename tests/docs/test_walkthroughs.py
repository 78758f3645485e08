"""Every command and code block of the README and the docs does what the page says.

The longest tests of this folder, and so the last: workers share what comes last evenly.
"""

from __future__ import annotations

import doctest
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
