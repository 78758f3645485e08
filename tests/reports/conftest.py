"""Fixtures of the tests of reports: results made once a session."""

import pytest
from results import made_comparison, made_verdict

from aiir_eval.compare.result import Comparison
from aiir_eval.gate.result import Verdict


@pytest.fixture(scope="session")
def comparison() -> Comparison:
    return made_comparison()


@pytest.fixture(scope="session")
def verdict(comparison: Comparison) -> Verdict:
    return made_verdict(comparison)
