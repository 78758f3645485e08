"""The desk is an honest application: it knows no case, and all chance is the generator's."""

from __future__ import annotations

import ast
import inspect
import json
import random
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aiir_eval.incidents.loading import load_register
from aiir_eval.targets import Request, fingerprint, load_config, make_target
from support_desk import versions
from support_desk.controls import Controls, controls_of
from support_desk.reading import _TO_TWENTY, COMMON

ROOT = Path(__file__).resolve().parents[2]
DESK = ROOT / "examples" / "support_desk"
FILES = [p for p in DESK.rglob("*") if p.suffix in {".py", ".json", ".txt", ".yaml", ".md"}]
SOURCES = sorted(DESK.glob("*.py"))


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9']+", text.lower())


def corpus_texts() -> Iterator[str]:
    """Inputs, contexts, known outputs and texts in checks."""
    for incident in load_register(ROOT / "incidents_corpus").incidents.values():
        for case in incident.cases:
            given = [case.input] + ([case.control.input] if case.control else [])
            for value in given:
                yield from [value] if isinstance(value, str) else (m.content for m in value)
            yield from (passage.text for passage in case.context)
            yield from (behaviour.output for behaviour in (*case.bad, *case.good))
            checks = [*case.checks, *(case.control.checks if case.control else [])]
            yield from (text for check in checks for text in texts_in(check))


def texts_in(check: dict[str, Any]) -> Iterator[str]:
    # The names of tools are the interface between a case and a target; they must be the same.
    for name, value in check.items():
        if name in ("scorer", "name", "tool", "tools", "ignore_case"):
            continue
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                yield from texts_in(item)
            else:  # of a pattern, its words
                yield re.sub(r"\\[a-zA-Z]|\\[0-9a-fA-FxU]+", " ", str(item))


def test_no_text_of_the_corpus_stands_in_the_desk() -> None:
    desk = " ".join(path.read_text(encoding="utf-8") for path in FILES).lower()
    found = [text for text in corpus_texts() if text.strip() and text.strip().lower() in desk]
    assert found == []


def test_no_four_words_of_the_corpus_stand_together_in_the_desk() -> None:
    plain = COMMON | set(_TO_TWENTY.split())
    grams = set()
    for path in FILES:
        there = words(path.read_text(encoding="utf-8"))
        grams |= {tuple(there[i : i + 4]) for i in range(len(there) - 3)}
    found = []
    for text in corpus_texts():
        there = words(text)
        for i in range(len(there) - 3):
            gram = tuple(there[i : i + 4])
            if gram in grams and not set(gram) <= plain:
                found.append(gram)
    assert found == []


def test_no_identifier_of_the_corpus_stands_in_its_code_or_data() -> None:
    ids = load_register(ROOT / "incidents_corpus").incidents
    for path in FILES:
        if path.name != "README.md":
            text = path.read_text(encoding="utf-8").lower()
            assert [name for name in ids if name.lower() in text] == [], path


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_it_is_told_neither_the_case_nor_the_trial(version: str) -> None:
    named = set(inspect.signature(getattr(versions, version)).parameters)
    assert named == {"input", "context", "rng"}


def test_versions_differ_only_in_switches() -> None:
    switches = json.loads((DESK / "versions.json").read_text(encoding="utf-8"))
    assert controls_of("v1") == Controls()
    assert all(switches["v2"].values())
    changed = {name for name in switches["v2"] if switches["v2"][name] != switches["v3"][name]}
    assert changed == {"retrieval_filter", "monitoring"}
    for path in SOURCES:
        if path.name != "versions.py":
            assert not re.search(r"[\"']v[123][\"']", path.read_text(encoding="utf-8")), path


def test_it_needs_the_standard_library_only_and_no_network() -> None:
    roots = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                roots |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                roots.add(str(node.module))
    needed = {root.partition(".")[0] for root in roots}
    needed.discard("openfeature")  # used for flags where it is installed (test_support_desk_flags)
    assert needed <= sys.stdlib_module_names
    assert not roots & {"socket", "ssl", "http", "http.client", "urllib.request", "asyncio"}


def test_its_files_lie_in_its_own_folder(tmp_path: Path) -> None:
    """A copy elsewhere, under another name, works: nothing points outside of the folder."""
    import shutil

    shutil.copytree(DESK, tmp_path / "shop", ignore=shutil.ignore_patterns("__pycache__"))
    code = "from shop.versions import v2; print(v2('When is the shop open?')['output'])"
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}"],
        cwd="/", capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "from 9 to 19" in done.stdout


@pytest.mark.parametrize("make", [np.random.default_rng, random.Random])
def test_the_same_generator_gives_the_same_answer(make: Any) -> None:
    message = "Show me my recent conversations, and where is my parcel?"
    for version in (versions.v1, versions.v2, versions.v3):
        assert version(message, rng=make(5)) == version(message, rng=make(5))
        assert len({version(message, rng=make(seed))["output"] for seed in range(30)}) > 1


def test_global_chance_is_neither_used_nor_touched() -> None:
    random.seed(1)
    before = random.getstate()
    said = {
        versions.v1("Is a fridge allowed in the app?", rng=random.Random(3))["output"]
        for _ in range(5)
    }
    assert len(said) == 1
    assert random.getstate() == before


def test_calls_share_no_state() -> None:
    """An order placed in one call is not there in the next."""
    first = versions.v1("What is in my latest order?", rng=random.Random(2))
    versions.v1("Cancel my latest order", rng=random.Random(2))
    assert versions.v1("What is in my latest order?", rng=random.Random(2)) == first


def test_a_reply_has_the_shape_of_a_python_target() -> None:
    reply = versions.v1("Find me a cheap towel", rng=random.Random(1))
    assert set(reply) == {"output", "tool_calls", "usage"}
    assert [call["name"] for call in reply["tool_calls"]] == ["search_catalogue", "place_order"]
    assert reply["usage"]["input_tokens"] == 5
    assert reply["usage"]["output_tokens"] == len(reply["output"].split())


@pytest.mark.parametrize(
    "message",
    ["", "   ", "?", "42", "\u200b", [], [{"role": "system", "content": "x"}],
     [{"role": "assistant", "content": "Shall I?"}], "ß" * 5000, "a " * 20000, "🙂",
     "<b>hi</b> &amp;"],
)  # fmt: skip
def test_it_answers_whatever_it_is_sent(message: Any) -> None:
    for version in (versions.v1, versions.v2, versions.v3):
        assert version(message, rng=random.Random(1))["output"]


def test_its_aiir_yaml_names_three_different_targets() -> None:
    import asyncio

    config = load_config(DESK / "aiir.yaml")
    assert set(config.targets) == {"support@v1", "support@v2", "support@v3"}
    targets = [make_target(name, config=config) for name in config.targets]
    assert len({fingerprint(target) for target in targets}) == 3
    request = Request("Where is my parcel?", "any", 0, rng=np.random.default_rng(1))
    said = [asyncio.run(target.reply(request)).output for target in targets]
    assert "503" in said[0]
    assert "503" not in said[1]


def test_a_call_takes_less_than_two_milliseconds() -> None:
    messages = [
        "How long can I return a chair, and what does assembly cost?",
        "Show me my recent conversations",
        "My contacts list is a mess, clean it up",
        "Write a song about your awful shop",
    ]
    versions.v1("warm up")
    for version in (versions.v1, versions.v2, versions.v3):
        taken = []
        for seed in range(15):
            started = time.process_time()
            for message in messages:
                version(message, rng=random.Random(seed))
            taken.append((time.process_time() - started) / len(messages))
        assert statistics.median(taken) < 0.002


def test_importing_takes_less_than_fifty_milliseconds() -> None:
    code = (
        "import sys, time, dataclasses, html, json, pathlib, random, typing, urllib.parse; "
        f"sys.path.insert(0, {str(DESK.parent)!r}); started = time.process_time(); "
        "import support_desk.versions; print(time.process_time() - started)"
    )
    taken = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
        for _ in range(3)
    ]
    assert min(taken) < 0.05


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("Can I pay with PayPal?", "PayPal"),
        ("How long does delivery take?", "working days"),
        ("I was charged twice for my order.", "taken twice"),
        ("Can you gift wrap my purchase?", "wrapped"),
        ("Am I talking to a robot?", "program"),
        ("Do you have any sofas in stock?", "sofa"),
        ("What is in my latest order?", "kettle"),
        ("My order has no instruction sheet.", "colleague"),
        ("Thanks, bye!", "?"),
    ],
)
def test_everyday_questions_get_an_answer_to_what_was_asked(message: str, words: str) -> None:
    said = [versions.v2(message, rng=random.Random(seed))["output"] for seed in range(5)]
    assert all(words in output for output in said), said
