"""A real browser for tests: opens a page, does what a script says, gives its result.

Import the fixtures in a conftest.py or a test module: ``from browsing import browse, chromium``.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = ROOT / ".venv" / "browser"
DRIVER = ROOT / "tests" / "browser" / "drive.mjs"

Browse = Callable[..., Any]


def find_chromium() -> str | None:
    """Chromium on this machine."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


def can_drive() -> bool:
    """Whether Node.js and playwright-core are here."""
    return bool(shutil.which("node")) and (MODULES / "node_modules" / "playwright-core").is_dir()


def drive(chromium: str, page: Path | str, script: str, **options: Any) -> Any:
    """The result of the script (JavaScript) on a page.

    The script is the body of an async function of ``page`` (of Playwright), ``axe()``, ``seconds``
    (the page took to load), ``requests`` and ``errors``. Options: width, height, colorScheme,
    scale, bypassCSP.
    """
    url = page.resolve().as_uri() if isinstance(page, Path) else page
    done = subprocess.run(
        ["node", str(DRIVER), chromium, url, json.dumps(options)],
        cwd=MODULES,
        input=script,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Chromium, or a skip that says what is missing."""
    return find_chromium() or pytest.skip(
        "no Chromium here: `make system` installs it where it can"
    )


@pytest.fixture(scope="session")
def browse(chromium: str) -> Browse:
    """``browse(path or url, script, **options)``: what `drive` gives there."""
    if not can_drive():
        pytest.skip("no Node.js, or no playwright-core: `make system` installs them where it can")
    return partial(drive, chromium)
