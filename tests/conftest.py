"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of recorded data; a test that needs it skips where it is absent."""
    folder = Path(os.environ.get("AIIR_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"recorded data is absent: no folder {folder} (set AIIR_SHARED_DATA)")
    return folder
