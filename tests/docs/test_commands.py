"""Every command and code block of the README and the docs does what the page says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from servers import ChatServer, chat_server

__all__ = ["chat_server"]

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", re.M | re.S)


def blocks(page: Path, language: str) -> list[str]:
    return [body for kind, body in BLOCK.findall(page.read_text()) if kind == language]


@pytest.mark.server
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_blocks_of_a_page_run_from_top_to_bottom(
    page: Path, tmp_path: Path, chat_server: ChatServer
) -> None:
    """Shell blocks in order, then python blocks, from one empty folder with `aiir` on the path."""
    shell = [line for block in blocks(page, "sh") for line in block.splitlines()]
    for line in [line for line in shell if line.startswith("make ")]:
        targets = [word for word in line.partition("#")[0].split()[1:] if "=" not in word]
        subprocess.run(["make", "-n", *targets], cwd=ROOT, check=True, capture_output=True)
    script = [line for line in shell if not line.startswith("make ")]
    if code := "\n".join(blocks(page, "python")):
        script += ["python - <<'THE_END'", code, "THE_END"]
    env = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "BASE_URL": chat_server.url,
        "MPLBACKEND": "Agg",
    }
    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", "\n".join(script)],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_inside_the_project_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text()):
        assert (page.parent / link).exists(), f"{page.name}: {link}"
