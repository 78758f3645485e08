"""A real browser for tests: opens a page, does what a script says, gives its result.

Import the fixtures in a conftest.py or a test module: ``from browsing import browse, chromium``.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = ROOT / ".venv" / "browser"
DRIVER = ROOT / "tests" / "browser" / "drive.mjs"

Browse = Callable[..., Any]


@pytest.fixture(scope="session")
def chromium() -> str:
    """Chromium, or a skip that says what is missing."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    pytest.skip("no Chromium here: `make system` installs it where it can")


@pytest.fixture(scope="session")
def browse(chromium: str) -> Browse:
    """``browse(path or url, script, **options)``: the result of the script (JavaScript) there.

    The script is the body of an async function of ``page`` (of Playwright), ``axe()``, ``seconds``
    (the page took to load), ``requests`` and ``errors``. Options: width, height, colorScheme.
    """
    node = shutil.which("node")
    if node is None or not (MODULES / "node_modules" / "playwright-core").is_dir():
        pytest.skip("no Node.js, or no playwright-core: `make system` installs them where it can")

    def call(page: Path | str, script: str, **options: Any) -> Any:
        url = page.resolve().as_uri() if isinstance(page, Path) else page
        done = subprocess.run(
            [node, str(DRIVER), chromium, url, json.dumps(options)],
            cwd=MODULES,
            input=script,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return call
