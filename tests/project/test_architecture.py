"""The house: rooms import only rooms to their left, and starting is cheap."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import aiir_eval

PACKAGE = Path(aiir_eval.__file__).parent
HEAVY = (
    "mlflow",
    "pandas",
    "scipy",
    "evidently",
    "pyarrow",
    "pydantic",
    "duckdb",
    "openai",
    "rich",
)

# What each room may import of ours; the root modules are open to all.
MAY_IMPORT: dict[str, set[str]] = {
    "incidents": set(),
    "scorers": set(),
    "targets": set(),
    "tables": set(),
    "stats": set(),
    "suites": {"incidents", "scorers"},
    "runs": {"suites", "targets", "scorers", "incidents"},
    "compare": {"runs", "stats", "suites"},
    "drift": {"stats"},
    "gate": {"suites", "runs", "compare", "stats", "incidents"},
    "reports": {"incidents", "suites", "runs", "compare", "gate", "drift", "stats", "scorers"},
    "tracking": {"incidents", "suites", "runs", "compare", "gate", "drift", "reports"},
    "response": {
        "incidents",
        "suites",
        "runs",
        "compare",
        "gate",
        "drift",
        "stats",
        "scorers",
        "targets",
        "reports",
        "tracking",
    },
}
ROOT_MODULES = {"errors", "documents", "tables", "tool_calls", "shipped", "telemetry", "user_code"}
ROOT_MODULES |= {"_lazy", "_version", "answers", "showing", "words"}


def imports_of(path: Path) -> set[str]:
    """The rooms and root modules of ours that a module imports, wherever in it."""
    package = path.relative_to(PACKAGE.parent).with_suffix("").parts[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*start, *([node.module] if node.module else [])])
            names = [module] if node.module else [f"{module}.{a.name}" for a in node.names]
        found |= {
            name.split(".")[1] for name in names if name.startswith("aiir_eval.") and "." in name
        }
    return found


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_a_room_imports_only_rooms_to_its_left(room: str) -> None:
    allowed = MAY_IMPORT[room] | ROOT_MODULES | {room}
    # A result shows itself in a notebook: the one look to the right, and only inside a method.
    shows_itself = {"reports"} if room in {"runs", "compare", "gate", "drift", "suites"} else set()
    for path in sorted((PACKAGE / room).rglob("*.py")):
        extra = imports_of(path) - allowed - shows_itself
        assert not extra, f"{path.relative_to(PACKAGE)} imports {sorted(extra)}"
        for line in path.read_text().splitlines():
            if not line.startswith(" ") and "import" in line:
                assert ".reports" not in line or room in {"reports", "tracking", "response"}, (
                    path,
                    line,
                )


def loaded_by(code: str) -> set[str]:
    """The heavy libraries that a statement loads, in a fresh interpreter."""
    script = f"import sys\n{code}\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    roots = {name.partition(".")[0] for name in done.stdout.split()}
    return roots & {*HEAVY, "numpy", "yaml", "jinja2", "matplotlib"}


def test_importing_the_package_loads_no_heavy_library() -> None:
    assert loaded_by("import aiir_eval") == set()


def test_help_loads_no_heavy_library() -> None:
    code = "from aiir_eval.cli import invoke\nimport io, contextlib\n"
    code += "with contextlib.redirect_stdout(io.StringIO()):\n    assert invoke(['--help']) == 0"
    assert loaded_by(code) == set()


def test_every_public_name_can_be_used() -> None:
    for name in aiir_eval.__all__:
        assert getattr(aiir_eval, name) is not None, name


def test_a_room_that_is_also_a_verb_stays_callable_after_its_modules_are_imported() -> None:
    code = (
        "import aiir_eval as aiir, aiir_eval.compare.result, aiir_eval.gate.policy\n"
        "import aiir_eval.drift.result\n"
        "assert all(callable(x) for x in (aiir.compare, aiir.gate, aiir.drift))\n"
        "from aiir_eval.compare.comparing import compare\n"
        "import inspect\n"
        "assert inspect.signature(aiir.compare) == inspect.signature(compare)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_file_is_longer_than_it_should_be() -> None:
    for path in PACKAGE.rglob("*.py"):
        lines = len(path.read_text().splitlines())
        assert lines <= 600, f"{path.relative_to(PACKAGE)} has {lines} lines: split it"


def test_every_module_says_in_its_first_line_what_it_is() -> None:
    for path in PACKAGE.rglob("*.py"):
        docstring = ast.get_docstring(ast.parse(path.read_text()))
        assert docstring or not path.read_text().strip(), path
