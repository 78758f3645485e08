"""Do the examples in the docstrings run and say what they claim?"""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import subprocess
import sys

import numpy as np
import pytest

from aiir_eval import stats

MODULES = [module.name for module in pkgutil.iter_modules(stats.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str) -> None:
    module = importlib.import_module(f"aiir_eval.stats.{name}")
    with np.printoptions(legacy=False):
        assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("name", ["compare.planning", "gate.calibrating"])
def test_examples_of_planning_and_calibrating_run(name: str) -> None:
    results = doctest.testmod(importlib.import_module(f"aiir_eval.{name}"))
    assert results.failed == 0 < results.attempted


def test_every_public_function_is_documented_in_full() -> None:
    for name in stats.__all__:
        function = getattr(stats, name)
        if inspect.isfunction(function) or name in ("SequentialTest", "FailureRateSequence"):
            doc = inspect.getdoc(function) or ""
            sections = ["Parameters", "Notes", "References", "Examples"]
            for section in [*sections, "Returns"] if inspect.isfunction(function) else sections:
                assert f"{section}\n{'-' * len(section)}" in doc, f"{name} lacks {section}"


def test_importing_the_room_costs_no_scipy() -> None:
    code = "import sys, aiir_eval.stats; print(sorted({'scipy', 'pandas'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
