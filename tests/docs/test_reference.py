"""The reference is what the code says: every command, option, public name and example."""

from __future__ import annotations

import doctest
import importlib
import re
import shlex
import sys
from pathlib import Path

import click
import pytest

import aiir_eval

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "reference"
sys.path.insert(0, str(FOLDER))

from generate import pages  # noqa: E402
from generate_cli import commands, paragraphs  # noqa: E402

LEAVES = {
    " ".join(path): context
    for path, context in commands()
    if not isinstance(context.command, click.Group)
}
MODULES = sorted({f"aiir_eval.{module}" for module in aiir_eval._EXPORTS.values()})


def examples(command: click.Command) -> list[list[str]]:
    """The command lines in the help of a command, as the words a shell would give."""
    text = "\n".join(text for kind, text in paragraphs(command) if kind == "example")
    found = [shlex.split(line) for line in re.sub(r"\\\n\s*", "", text).splitlines()]
    return [words[: words.index(">")] if ">" in words else words for words in found]


def test_the_pages_are_those_that_the_code_asks_for() -> None:
    there = {path: path.read_text("utf-8") for path in FOLDER.rglob("*.md")}
    wanted = pages()
    stale = [path.name for path in there | wanted if there.get(path) != wanted.get(path)]
    assert not stale, f"{stale}: type: make docs (or python docs/reference/generate.py)"


@pytest.mark.parametrize("name", LEAVES)
def test_a_command_says_what_each_option_does_and_shows_an_example(name: str) -> None:
    command = LEAVES[name].command
    assert command.help
    assert examples(command)
    unsaid = [
        each.opts for each in command.params if isinstance(each, click.Option) and not each.help
    ]
    assert not unsaid


@pytest.mark.parametrize("name", LEAVES)
def test_the_examples_of_a_command_are_lines_it_takes(name: str) -> None:
    for words in examples(LEAVES[name].command):
        named = [each for each in LEAVES if " ".join(words).startswith(each)]
        context = LEAVES[max(named, key=len)]
        parser = context.command.make_parser(context)
        given, _, order = parser.parse_args(words[len(context.command_path.split()) :])
        for each in order:
            if isinstance(each.type, click.Choice | click.IntRange | click.FloatRange):
                each.type_cast_value(context, given[each.name])
        assert all(given.get(each.name) for each in context.command.params if each.required), words


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_of_public_names_run(module: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert doctest.testmod(importlib.import_module(module)).failed == 0


@pytest.mark.parametrize("name", sorted(aiir_eval._EXPORTS))
def test_a_public_name_and_its_methods_are_documented(name: str) -> None:
    thing = getattr(importlib.import_module(f"aiir_eval.{aiir_eval._EXPORTS[name]}"), name)
    assert thing.__doc__
    if isinstance(thing, type):
        unsaid = [
            method
            for method, member in vars(thing).items()
            if not method.startswith("_")
            and (callable(member) or isinstance(member, property | classmethod))
            and not (getattr(member, "__doc__", None))
        ]
        assert not unsaid
