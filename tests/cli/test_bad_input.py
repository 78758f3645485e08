"""Bad input: what is wrong, where (file, line, field), what to do; exit code 2 and nothing lost."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from command_line import Aiir, changed, saying, suite, table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiir_eval.incidents.loading import load_register, shipped_corpus
from aiir_eval.incidents.writing import incident_yaml

Refused = Callable[..., str]
Recorded = Callable[..., str]
Policy = Callable[..., str]

SUITE = """\
schema: aiir/suite/1
name: s
cases:
  - id: a
    input: question
    checks:
      - {scorer: contains, value: ok}
"""

# ---- documents

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
DOCUMENTS = {
    "bomb": (BOMB.encode(), "expands to more than 500,000 values"),
    "deep flow": (b"a: " + b"[" * 100_000, ":1: nested more than 100 levels deep"),
    "deep block": ("\n".join(" " * n + "a:" for n in range(2000)).encode(), ":102: nested more"),
    "tag": (b"a: 1\nb: !!python/object/apply:os.system ['touch mark']\n", ":2: b: the tag"),
    "own tag": (b"a: !custom {b: 1}\n", ":1: a: the tag !custom is not allowed"),
    "merge key": (b"a: &a {b: 1}\nc:\n  <<: *a\n", ":3: c: merge keys (<<) are not allowed"),
    "alias to nothing": (b"a: *b\n", "alias"),
    "itself": (b"a: &a [*a]\n", "the alias *a has no anchor before it"),
    "cut off": (b"a: {b: [1, 2\n", ":2: not valid YAML"),
    "tabs": (b"a:\n\tb: 1\n", ":2: not valid YAML"),
    "key twice": (b"a: 1\nb: 2\na: 3\n", ":3: a: this key stands twice"),
    "two documents": (b"a: 1\n---\nb: 1\n", ":2: a second document begins here"),
    "latin-1": ("a: 1\nb: é\n".encode("latin-1"), ":2: the file is not UTF-8 text (save"),
    "utf-16": ("a: 1".encode("utf-16"), ":1: the file is not UTF-8 text"),
    "binary": (bytes(range(256)), "the file is not UTF-8 text"),
    "control": (b"a: 1\nb: \x00\n", ":2: not valid YAML: unacceptable character #x0000"),
    "not a number": (b"a: 1\nb: [1, .nan]\n", ":2: b[1]: .nan is not a finite number"),
    "too large": (b"a: 1e999\n", ":1: a: 1e999 is not a finite number"),
    "half": (b'a: "\\ud800"\n', ":1: not valid YAML"),
    "half in JSON": (b'{"a": "\\ud800 x"}', ":1: not valid"),
    "empty": (b"", "the file is empty"),
    "only a comment": (b"# nothing\n", "the file is empty"),
    "a list": (b"- a\n", "expected a mapping of fields"),
    "a word": (b"hello", "expected a mapping of fields"),
    "many values": (b"a: [" + b"{}," * 600_000 + b"]", "expands to more than 500,000 values"),
}  # fmt: skip

READERS = {
    "suite": ("suite", "show"),
    "lint": ("suite", "lint"),
    "run": ("run", "--target", "recorded:old", "-o", "r", "--format", "json"),
    "incident": ("incident", "show"),
    "policy": ("gate", "--baseline", "old", "--candidate", "old", "--format", "json", "--policy"),
    "config": ("run", "suite.yaml", "--target", "recorded:old", "-o", "r", "--config"),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_that_cannot_be_read_is_refused_with_the_place(
    refused: Refused, here: Path, name: str
) -> None:
    content, said = DOCUMENTS[name]
    Path("bad.yaml").write_bytes(content)
    suite()
    for reader, command in READERS.items():
        if reader != "suite" and name in {"many values", "deep block"}:
            continue  # slow, and read in the same way
        told = refused(*command, "bad.yaml")
        assert told.startswith("error: bad.yaml") and said in told, (reader, told)
        assert not Path("mark").exists() and not Path("r").exists()


def test_an_enormous_document_is_refused_unread(refused: Refused, here: Path) -> None:
    with open("huge.yaml", "wb") as stream:
        stream.write(SUITE.encode())
        stream.truncate(50_000_000)
    suite()
    for command in READERS.values():
        told = refused(*command, "huge.yaml")
        assert "the file has 50,000,000 bytes; the limit is 10,000,000" in told
        assert "cases_file" in told


def test_a_document_that_never_ends_is_not_read_to_its_end(refused: Refused, here: Path) -> None:
    if Path("/dev/zero").exists():
        assert "the limit is 10,000,000" in refused("suite", "show", "/dev/zero")


def test_a_document_with_very_many_problems_does_not_flood_the_screen(
    refused: Refused, here: Path
) -> None:
    Path("bad.yaml").write_text(SUITE + "".join(f"field{n}: 1\n" for n in range(20_000)))
    told = refused("suite", "show", "bad.yaml").splitlines()
    assert told[0].startswith("error: bad.yaml:8: field0: unknown field")
    assert len(told) == 101 and told[-1] == "error: ... and 19,900 more"


def test_what_is_no_file_says_so(refused: Refused, here: Path) -> None:
    Path("folder").mkdir()
    suite()
    for command in READERS.values():
        told = refused(*command, "none.yaml")
        assert "no such file" in told or "no incident 'none.yaml'" in told
        assert "folder" in refused(*command, "folder")
        refused(*command, "x" * 300)
        refused(*command, "suite.yaml/inside")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("name: s", "name: s\ncolour: red"), ":3: colour: unknown field"),
        (("input: question", "inptu: question"), ":5: cases[0].inptu: unknown field"),
        (("input: question", "input: question\n    origin: x"), ":6: cases[0].origin"),
        (("input: question", "input: question\n    class: x"), ":6: cases[0].class"),
        (("input: question", "input: 5"), ":5: cases[0].input"),
        (("id: a", "id: ''"), ":4: cases[0].id"),
        (("suite/1", "suite/2"), ":1: schema"),
        (("name: s", "trials: 0\nname: s"), ":2: trials"),
        (("name: s", "trials: many\nname: s"), ":2: trials"),
        (("name: s", "trials: {other: 3}\nname: s"), ":2: trials"),
        (("scorer: contains", "scorr: contains"), ":6: cases[0].checks: a check names"),
        (("checks:\n      - {scorer: contains, value: ok}", "checks: []"), ":6: cases[0].checks"),
        (("cases:", "cases_file: c.jsonl\ncases:"), ":3: cases_file: give either cases or"),
        (("  - id: a", "  - {id: a, input: x, checks: [{scorer: equals, value: x}]}\n  - id: a"),
         "these stand twice: 'a'"),
    ],
    ids=lambda value: value[1][:30] if isinstance(value, tuple) else None,
)  # fmt: skip
def test_a_field_that_is_wrong_is_named_with_its_line(
    refused: Refused, here: Path, change: tuple[str, str], said: str
) -> None:
    assert change[0] in SUITE
    Path("bad.yaml").write_text(SUITE.replace(*change))
    for command in ("show", "lint"):
        assert said in refused("suite", command, "bad.yaml")


def test_every_problem_of_a_document_is_told_at_once(refused: Refused, here: Path) -> None:
    Path("bad.yaml").write_text(
        SUITE.replace("name: s", "nam: s")
        .replace("input:", "inputs:")
        .replace("suite/1", "suite/9")
    )
    told = refused("suite", "show", "bad.yaml")
    for said in (
        ":1: schema",
        ":2: nam: unknown",
        "name: this field is required",
        ":5: cases[0].inputs: unknown",
        "cases[0].input: this field is required",
    ):
        assert said in told, told


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ("{scorer: containz, value: ok}", "there is no scorer 'containz' (did you mean contains?"),
        ("{scorer: contains, valeu: ok}", "contains has no such parameter (it takes value"),
        ("{scorer: contains}", "give exactly one of value, any or all"),
        ("{scorer: contains, value: 3}", "3 is not text"),
        ("{scorer: regex, pattern: '('}", "not a regular expression"),
        ("{scorer: numeric, value: 1, tolerance: -1}", "greater than or equal to 0"),
        ("{scorer: equals}", "compares with the expected answer, and the case has none"),
        ("{scorer: json_schema, schema: {type: nothing}}", "not a JSON Schema"),
        ("{scorer: 'python:os:system'}", "a suite may not decide to run it"),
    ],
)
def test_a_check_that_cannot_judge_stops_a_run_before_it_begins_and_names_its_line(
    refused: Refused, here: Path, check: str, said: str
) -> None:
    Path("bad.yaml").write_text(SUITE + f"      - {check[:-1]}, name: second}}\n")
    told = refused("run", "bad.yaml", "--target", saying("ok"), "-o", "run", "--format", "json")
    assert told.startswith("error: bad.yaml:8: a: check second: ") and said in told
    assert not Path("run").exists()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"id": "b", "input": "x"', "not valid JSON"),
        (b'{"id": "b", "input": "x", "checks": [{"scorer": "choice"}], "x": 1}', "x: unknown"),
        (b'{"id": "a", "input": "x", "checks": [{"scorer": "contains", "value": "k"}]}', "already"),
        (b'{"id": "b", "input": "\\ud800", "checks": []}', "half a character"),
        (b'{"id": "b", "input": "x", "expected": NaN, "checks": []}', "NaN is not JSON"),
        (b'{"id": "b", "input": "x", "expected": 1e999, "checks": []}', "1e999"),
        (b"[" * 100_000, "not valid JSON"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b'{"id": "' + b"b" * 11_000_000 + b'"}', "more than 10,000,000 bytes"),
    ],
    ids=range(9),
)  # fmt: skip
def test_a_wrong_line_of_a_cases_file_is_named(
    refused: Refused, here: Path, line: bytes, said: str
) -> None:
    good = b'{"id": "a", "input": "x", "checks": [{"scorer": "contains", "value": "k"}]}\n'
    Path("c.jsonl").write_bytes(good + b"\n" + line + b"\n")
    Path("s.yaml").write_text("schema: aiir/suite/1\nname: s\ncases_file: c.jsonl\n")
    told = refused("suite", "show", "s.yaml")
    assert "c.jsonl:3" in told and said in told


def test_a_record_that_breaks_the_schema_is_told_with_every_line(aiir: Aiir, here: Path) -> None:
    text = incident_yaml(load_register(shipped_corpus()).incidents["DPD-2024"])
    bad = text.replace("class:", "colour: red\nclass:").replace("\nstatus:", "\nstatu:")
    assert bad != text
    Path("corpus").mkdir()
    Path("corpus/bad.yaml").write_text(bad)
    Path("corpus/good.yaml").write_text(text)
    line = bad[: bad.index("colour")].count("\n") + 1
    said = aiir("incident", "validate", "corpus")
    assert said.code == 2
    assert f"bad.yaml:{line}: colour: unknown field" in said.out and "statu: unknown" in said.out
    assert "1 record valid" in said.out
    problems = aiir("incident", "validate", "corpus", "--format", "json")
    assert problems.code == 2
    assert {"colour", "statu"} <= {problem["field"] for problem in problems.json["problems"]}
    for command in (("show", "corpus/bad.yaml"),):
        assert aiir("incident", *command).code == 2
    built = aiir("suite", "build", "--incidents", "corpus", "-o", "s.yaml")
    assert built.code == 2 and "bad.yaml" in built.err and not Path("s.yaml").exists()


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        ("{name: x, non_inferior: {margin: 0}}", "claims[0].non_inferior.margin"),
        ("{name: x, non_inferior: {margin: .nan}}", "is not a finite number"),
        ("{name: x}", "exactly one rule"),
        ("{name: x, max_failures: 0, failure_rate_below: 0.1}", "exactly one rule"),
        ("{name: x, max_failures: -1}", "claims[0].max_failures"),
        ("{name: x, max_failures: 0, selct: {}}", "claims[0].selct: unknown field"),
        ("{name: x, max_failures: 0, select: {colour: a}}", "claims[0].select.colour: unknown"),
        ("{name: x, max_failures: 0, select: {class: nothing}}", "claims[0].select.class"),
        ("{name: x, max_failures: 0, select: {case_id: []}}", "an empty list selects nothing"),
        ("{name: x, metric: happiness, mean: true, value_below: 1}", "claims[0].metric"),
        ("{name: x, max_failures: 0}, {name: x, max_failures: 1}", "two claims are named 'x'"),
        ("", "claims"),
    ],
)
def test_a_policy_that_says_nothing_clear_is_refused_and_never_passes(
    refused: Refused, recorded: Recorded, claim: str, said: str
) -> None:
    Path("policy.yaml").write_text(f"schema: aiir/policy/1\nclaims: [{claim}]\n")
    told = refused(
        "gate", "--baseline", "none", "--candidate", "none", "--policy", "policy.yaml",
        "--format", "json",
    )  # fmt: skip
    assert told.startswith("error: policy.yaml:2: ") and said in told


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("uri: x", "targets.a.uri: write SCHEME:NAME"),
        ("uri: 'foo:bar'", "unknown kind of target 'foo'"),
        ("uri: 'python:m'", "is not module:function"),
        ("url: 'python:m:f'", "targets.a.url: unknown field"),
        ("uri: 'openai:m', prompt: {}", "targets.a.prompt: give the prompt as one of"),
        ("uri: 'openai:m', prompt: {file: none.txt}", "targets.a.prompt.file: there is no file"),
        ("uri: 'openai:m', tools: none.json", "targets.a.tools: there is no file"),
        ("uri: 'openai:m', params: {n: 2}, base_url: 'http://h'", "params cannot hold 'n'"),
        ("uri: 'openai:m', params: {t: .inf}", "is not a finite number"),
        ("uri: 'recorded:none'", "not the folder of a run"),
    ],
)
def test_a_target_that_is_wrong_in_aiir_yaml_is_named(
    refused: Refused, here: Path, entry: str, said: str
) -> None:
    Path("aiir.yaml").write_text(f"schema: aiir/config/1\ntargets:\n  a: {{{entry}}}\n")
    told = refused("run", suite(), "--target", "a", "-o", "run", "--format", "json")
    assert said in told
    if "targets.a." in said or "finite" in said:
        assert told.startswith("error: aiir.yaml:3: ")
    assert not Path("run").exists()
    assert "unknown target 'b'" in refused("run", "suite.yaml", "--target", "b", "-o", "run") or (
        "aiir.yaml:3" in told
    )


# ---- tables

TABLES = {
    "a column that is missing": ("t.csv", b"id,okay\n1,1\n", "there is no column 'ok'; the"),
    "its case": ("t.csv", b"id,OK\n1,1\n", "did you mean 'OK'?"),
    "a null id": ("t.csv", b"id,ok\n1,1\n,0\n", "id: row 2: an id may not be null or empty: null"),
    "an empty id": ("t.csv", b'id,ok\n1,1\n"",0\n', "id: row 2: an id may not be null or empty"),
    "a null verdict": ("t.csv", b"id,ok\n1,1\n2,\n", "ok: row 2 (id '2'): neither pass nor"),
    "no verdict": ("t.csv", b"id,ok\n1,perhaps\n", "ok: row 1 (id '1'): neither pass nor fail"),
    "NaN": ("t.csv", b"id,ok\n1,nan\n", "neither pass nor fail: nan"),
    "no rows": ("t.csv", b"id,ok\n", "the table has no rows"),
    "nothing": ("t.csv", b"", "the file is empty"),
    "only NULs": ("t.csv", b"\x00\x00\x00", "not valid CSV"),
    "two columns of one name": ("t.csv", b"id,id,ok\n1,2,1\n", "two columns are named 'id'"),
    "too many cells": ("t.csv", b"id,ok\n1,1\n2,0,5\n", "t.csv:3: the row has 3 cells, the"),
    "cut off": ("t.csv", b"id,ok\n1,1\n2", "t.csv:3: the row has 1 cells"),
    "a quote that never closes": ("t.csv", b'id,ok\n1,1\n2,"0\n3,1\n', "t.csv:3: not valid CSV"),
    "latin-1": ("t.csv", "id,ok\na,1\né,1\n".encode("latin-1"), "t.csv:3: the file is not UTF-8"),
    "utf-16": ("t.csv", "id,ok\n1,1\n".encode("utf-16"), "t.csv:1: the file is not UTF-8 text"),
    "binary": ("t.csv", bytes(range(128, 256)) * 9, "t.csv:1: the file is not UTF-8 text"),
    "a broken line": ("t.jsonl", b'{"id": 1, "ok": 1}\n{"id": 2,\n', "t.jsonl:2: not valid JSON"),
    "no object": ("t.jsonl", b"[1, 2]\n", "t.jsonl:1: each line is one JSON object"),
    "NaN in JSON": ("t.jsonl", b'{"id": 1, "ok": NaN}\n', "t.jsonl:1: not valid JSON"),
    "a deep line": ("t.jsonl", b'{"id": ' + b"[" * 100_000 + b"\n", "t.jsonl:1: not valid JSON"),
    "a long number": ("t.jsonl", b'{"id": 1, "ok": ' + b"9" * 5000 + b"}\n", "t.jsonl:1: not"),
    "binary lines": ("t.jsonl", b'{"id": 1}\n\xff\xfe\n', "t.jsonl:2: the file is not UTF-8 text"),
    "no lines": ("t.jsonl", b"\n\n", "the table has no rows"),
    "no parquet": ("t.parquet", b"PAR1 but not really", "not a readable Parquet table"),
    "an empty parquet": ("t.parquet", b"", "not a readable Parquet table"),
    "no table": ("t.xlsx", b"PK", "the ending '.xlsx' names no table format"),
    "no ending": ("t", b"id,ok\n1,1\n", "names no table format"),
}  # fmt: skip


THESE_COLUMNS = {  # what is wrong with them, and not with the file
    "a column that is missing", "its case", "a null id", "an empty id", "a null verdict",
    "no verdict", "NaN",
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_a_table_that_cannot_be_used_is_refused_with_the_place(
    refused: Refused, here: Path, name: str
) -> None:
    file, content, said = TABLES[name]
    Path(file).write_bytes(content)
    good = table("good.csv", [1, 0, 1])
    columns = ("--id", "id", "--passed", "ok")
    for command in (
        ("compare", good, file, *columns, "--format", "json"),
        ("compare", file, good, *columns, "--format", "json"),
        ("import", "table", file, *columns, "-o", "run"),
    ):
        told = refused(*command)
        assert said in told and told.startswith(f"error: {file}"), told
    assert sorted(os.listdir()) == sorted(["good.csv", file])
    if name in THESE_COLUMNS:
        return
    for command in (
        ("drift", good, file, "--format", "json"),
        ("suite", "from-table", file, "--id", "id", "--input", "ok", "--check", "equals:value=1",
         "-o", "s.yaml"),
        ("incident", "new", "--from", f"{file}#1"),
    ):  # fmt: skip
        told = refused(*command)
        assert said in told and told.startswith(f"error: {file}"), told


@pytest.mark.parametrize("score", ["1.5", "-0.1", "nan", "inf", "1e999", "", "much", "null"])
def test_a_score_that_is_none_is_refused_with_its_row(
    refused: Refused, here: Path, score: str
) -> None:
    Path("t.csv").write_text(f"id,s\na,0.5\nb,{score}\n")
    told = refused("import", "table", "t.csv", "--id", "id", "--score", "s", "-o", "run")
    assert told.startswith("error: t.csv: s: row 2 (id 'b'): ")
    assert not Path("run").exists()


def test_parquet_that_was_cut_or_changed_is_refused(refused: Refused, here: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"id": range(500), "ok": [True] * 500}), "good.parquet")
    whole = Path("good.parquet").read_bytes()
    good = table("good.csv", [1, 0])
    for damaged in (whole[: len(whole) // 2], whole[:-4], whole[:40] + b"\xff" * 200 + whole[240:]):
        Path("t.parquet").write_bytes(damaged)
        told = refused("compare", good, "t.parquet", "--id", "id", "--passed", "ok")
        assert "t.parquet: not a readable Parquet table" in told


def test_ids_that_repeat_import_with_a_warning_and_are_invalid_to_compare_and_gate(
    aiir: Aiir, here: Path
) -> None:
    for name in ("old", "new"):
        Path(f"{name}.csv").write_text(f"id,ok,run\na,1,{name}\nb,1,{name}\na,1,{name}\n")
        said = aiir("import", "table", f"{name}.csv", "--id", "id", "--passed", "ok", "-o", name)
        assert said.code == 0 and "duplicate" in said.err and "'a'" in said.err
    said = aiir("compare", "old", "new", "--format", "json")
    assert (said.code, said.json["conclusion"]) == (0, "invalid")
    assert "duplicate_ids" in {finding["code"] for finding in said.json["findings"]}
    assert aiir("gate", "--baseline", "old", "--candidate", "new").code == 4


def test_wide_tables_and_long_lines_are_only_large(aiir: Aiir, here: Path) -> None:
    head = ["id", "ok", *(f"c{n}" for n in range(10_000))]
    for name in ("old", "new"):
        rows = [f"{n},1,{',' * 9_999}{name}" for n in range(3)]
        Path(f"{name}.csv").write_text("\n".join([",".join(head), *rows]) + "\n")
    columns = ("--id", "id", "--passed", "ok", "--format", "json")
    assert aiir("compare", "old.csv", "new.csv", *columns).json["n_cases"] == 3
    told = aiir("compare", "old.csv", "new.csv", "--id", "id", "--passed", "okk")
    assert told.code == 2 and len(told.err) < 2000
    for name in ("old", "new"):
        Path(f"{name}.csv").write_text(f"id,ok,said\n1,1,{'x' * 20_000_000}\n2,1,{name}\n")
    assert aiir("compare", "old.csv", "new.csv", *columns).json["n_cases"] == 2


def test_half_characters_in_a_log_become_the_mark_of_what_cannot_be_read(
    aiir: Aiir, here: Path
) -> None:
    from aiir_eval.runs import load_run

    rows = ['{"id": 1, "ok": 1, "said": "a \\ud83d b \\ud83d\\ude00"}', '{"id": 2, "ok": 0}']
    Path("t.jsonl").write_text("\n".join(rows) + "\n")
    columns = ("--id", "id", "--passed", "ok", "--output", "said")
    assert aiir("import", "table", "t.jsonl", *columns, "-o", "run").code == 0
    assert load_run("run").trials["output"].to_pylist() == ["a \ufffd b \U0001f600", None]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--id", "id"), "nothing says which trials passed"),
        (("--passed", "ok"), "--id"),
        (("--id", "", "--passed", "ok"), "an id needs at least one column"),
        (("--id", "id", "--passed", "ok", "--trial", "run"), "run: row 1"),
        (("--id", "id", "--passed", "ok", "--latency", "run"), "not a number"),
        (("--id", "id", "--passed", "ok", "--cluster", "none"), "there is no column 'none'"),
        (("--id", "id", "--passed", "ok", "--expect-pass-rate", "2"), "--expect-pass-rate"),
        (("--id", "id", "--passed", "ok", "--where", "none = 1"), "where"),
        (("--id", "id", "--output", "run", "--suite", "suite.yaml"), "no case of the suite"),
        (("--id", "id", "--output", "run", "--suite", "none.yaml"), "none.yaml: no such file"),
    ],
)
def test_options_that_do_not_fit_a_table_are_named(
    refused: Refused, here: Path, options: tuple[str, ...], said: str
) -> None:
    suite(n=1)
    assert said in refused("import", "table", table("t.csv", [1, 0]), *options, "-o", "run")
    assert not Path("run").exists()


# ---- run folders that were tampered with


@pytest.fixture
def passing(aiir: Aiir, here: Path, policy: Policy) -> tuple[str, str]:
    """Two runs of which the gate says pass."""
    for name in ("old", "new"):
        assert aiir("run", suite(), "--target", saying(f"ok {name}"), "-o", name).code == 0
    policy({"max_failures": 0})
    assert gate(aiir, "old", "new") == 0
    return "old", "new"


def gate(aiir: Aiir, *sides: str) -> int:
    said = aiir(
        "gate", "--baseline", sides[0], "--candidate", sides[1], "--policy", "policy.yaml",
        "--format", "json",
    )  # fmt: skip
    assert bool(said.out) == (said.code != 2)
    return said.code


def remove(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


def write(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content)


def say(**fields: object) -> Callable[[Path], object]:
    """Change run.json; None takes a field out."""

    def tamper(folder: Path) -> None:
        manifest = json.loads((folder / "run.json").read_text()) | fields
        manifest = {name: value for name, value in manifest.items() if value is not None}
        (folder / "run.json").write_text(json.dumps(manifest))

    return tamper


TAMPERED = {
    "no run.json": (remove("run.json"), 2),
    "no trials": (remove("trials.parquet"), 2),
    "no cases": (remove("suite.jsonl"), 2),
    "garbage": (write("run.json", b"garbage"), 2),
    "empty": (write("run.json", b""), 2),
    "binary": (write("run.json", bytes(range(256))), 2),
    "a list": (write("run.json", b"[]"), 2),
    "deep": (write("run.json", b"[" * 100_000), 2),
    "other trials": (write("trials.parquet", b"PAR1"), 2),
    "other cases": (write("suite.jsonl", b'{"id": "c00"}\n'), 2),
    "unknown field": (say(colour="red"), 2),
    "other schema": (say(schema="aiir/run/9"), 2),
    "no status": (say(status=None), 2),
    "odd status": (say(status="done"), 2),
    "nothing vouched for": (say(files={}), 2),
    "no trials vouched for": (lambda folder: vouch(folder, "suite.jsonl"), 2),
    "no cases vouched for": (lambda folder: vouch(folder, "trials.parquet"), 2),
    "other fingerprint": (say(fingerprint="0" * 64), 2),
    "other target": (say(target={"uri": "python:other:target"}), 2),
    "other suite": (say(suite_digest="0" * 64), 4),
    "other scorers": (say(scorer_versions={"contains": "0"}), 4),
    "fewer trials asked": (say(trials={f"c{n:02}": 1 for n in range(19)}), 4),
    "more trials asked": (say(trials={f"c{n:02}": 2 for n in range(20)}), 4),
    "fewer rows": (say(n_rows=19), 4),
    "a problem of its own": (say(problems=["the disk was on fire"]), 4),
    "not complete": (say(status="interrupted"), 4),
}  # fmt: skip


def vouch(folder: Path, name: str) -> None:
    """Let run.json state the digest of one file alone."""
    files = json.loads((folder / "run.json").read_text())["files"]
    say(files={name: files[name]})(folder)


@pytest.mark.parametrize("name", TAMPERED)
def test_a_run_that_was_tampered_with_never_passes(
    aiir: Aiir, passing: tuple[str, str], name: str
) -> None:
    tamper, code = TAMPERED[name]
    for side in (0, 1):
        sides = list(passing)
        shutil.copytree(sides[side], f"tampered{side}")
        tamper(Path(f"tampered{side}"))
        sides[side] = f"tampered{side}"
        assert gate(aiir, *sides) == code
        if code == 2:
            assert aiir("compare", *sides).code == aiir("drift", *sides).code == 2
            assert aiir("report", sides[side], "-o", "r.html").code == 2


def test_a_run_stripped_of_its_seals_and_rewritten_does_not_pass(
    aiir: Aiir, passing: tuple[str, str]
) -> None:
    import pyarrow.parquet as pq

    for strip in (say(files={}), say(files={}, status="interrupted"), lambda folder: None):
        shutil.copytree("new", "forged")
        trials = pq.read_table("forged/trials.parquet")
        pq.write_table(trials.slice(0, 10), "forged/trials.parquet")
        strip(Path("forged"))
        assert gate(aiir, "old", "forged") in {2, 4}
        shutil.rmtree("forged")


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_change_of_any_data_file_lets_the_gate_pass(
    aiir: Aiir, passing: tuple[str, str], data: st.DataObject
) -> None:
    side = data.draw(st.sampled_from([0, 1]))
    name = data.draw(st.sampled_from(["trials.parquet", "suite.jsonl"]))
    shutil.rmtree("altered", ignore_errors=True)
    shutil.copytree(passing[side], "altered")
    path = Path("altered", name)
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    how = data.draw(st.sampled_from(["flip", "cut", "insert", "append", "other side", "remove"]))
    byte = bytes([data.draw(st.integers(1, 255))])
    if how == "remove":
        path.unlink()
    elif how == "other side" and name == "trials.parquet":
        shutil.copy(Path(passing[1 - side], name), path)
    else:
        path.write_bytes(
            {
                "cut": whole[:at],
                "insert": whole[:at] + byte + whole[at:],
                "append": whole + byte,
            }.get(how, whole[:at] + bytes([whole[at] ^ byte[0]]) + whole[at + 1 :])
        )
    sides = list(passing)
    sides[side] = "altered"
    assert gate(aiir, *sides) == 2


def test_what_a_run_states_of_itself_cannot_be_dropped_to_pass(
    aiir: Aiir, passing: tuple[str, str]
) -> None:
    manifest = json.loads(Path("new/run.json").read_text())
    harmless = {  # what no verdict rests on, or what is the default
        "schema", "suite_version", "outcome", "scorer_versions", "end", "problems",
        "stated_pass_rate", "n_rows",
    }  # fmt: skip
    for name in manifest:
        shutil.rmtree("dropped", ignore_errors=True)
        shutil.copytree("new", "dropped")
        say(**{name: None})(Path("dropped"))
        assert gate(aiir, "old", "dropped") in ({0, 2, 4} if name in harmless else {2, 4}), name


# ---- saved results


def test_a_side_of_the_gate_without_a_name_is_not_the_working_folder(
    refused: Refused, here: Path
) -> None:
    assert "'' is neither a run folder" in refused("gate", "--baseline=", "--candidate", "x")


def test_a_document_of_another_kind_is_told_by_its_schema_alone(
    refused: Refused, here: Path
) -> None:
    Path("suite.yaml").write_text(SUITE)
    said = refused("gate", "--baseline", "a", "--candidate", "b", "--policy", "suite.yaml")
    assert "suite.yaml:1: schema: Input should be 'aiir/policy/1', got 'aiir/suite/1'" in said
    assert said.count("\n") == 1
    Path("bare.yaml").write_text("name: s\n")
    assert "there is no report of a file without a schema" in refused(
        "report", "bare.yaml", "-o", "r.html"
    )


@pytest.mark.parametrize("kind", ["verdict", "comparison", "drift"])
def test_a_saved_result_that_was_damaged_is_refused(
    refused: Refused, here: Path, kind: str
) -> None:
    head = {"schema": f"aiir/{kind}/1"}
    for content in (json.dumps(head), json.dumps(head | {"saved": []}), "[" * 100_000, "{", ""):
        Path("r.json").write_text(content)
        assert "r.json" in refused("report", "r.json", "-o", "r.html")
    for other in ({"schema": "aiir/suite/1"}, {"schema": ["x"]}, {}, [], 5):
        Path("r.json").write_text(json.dumps(other))
        assert "there is no report of" in refused("report", "r.json", "-o", "r.html")
    assert not Path("r.html").exists()


# ---- places that cannot be read or written


@contextmanager
def nobody() -> Iterator[None]:
    """Without the rights of the superuser, who may write everywhere."""
    root = os.geteuid() == 0
    try:
        if root:
            os.seteuid(65534)
        yield
    finally:
        if root:
            os.seteuid(0)


def test_what_may_not_be_read_or_written_says_so(
    aiir: Aiir, refused: Refused, passing: tuple[str, str], here: Path
) -> None:
    here.chmod(0o755)
    Path("t.csv").write_text("id,ok\n1,1\n")
    Path("locked").mkdir()
    columns = ("--id", "id", "--passed", "ok")
    for path in ("hidden.csv", "hidden.yaml"):
        Path(path).write_text("x")
        Path(path).chmod(0)
    aiir("import", "table", "t.csv", *columns, "-o", "imported")
    aiir("run", "suite.yaml", "--target", "recorded:old", "-o", "again")
    shutil.copytree("new", "sealed")
    Path("sealed/trials.parquet").chmod(0)
    Path("locked").chmod(0o555)
    report = ("gate", "--baseline", "old", "--candidate", "new")
    with nobody():
        for command in (
            ("import", "table", "t.csv", *columns, "-o", "locked/run"),
            ("run", "suite.yaml", "--target", "recorded:old", "-o", "locked/run"),
            ("compare", "old", "new", "-o", "locked/c.json"),
            (*report, "-o", "locked/v.json", "--format", "json"),
            (*report, "--junit", "locked/sub/j.xml", "--format", "json"),
            ("report", "new", "-o", "locked/r.html"),
            ("suite", "build", "-o", "locked/s.yaml"),
            ("init", "locked"),
            ("demo", "-o", "locked/demo"),
        ):
            told = aiir(*command)
            assert told.code == 2, (command, told)
            assert "locked" in told.err and ("denied" in told.err or "takes no file" in told.err)
        for command, named in (
            (("compare", "t.csv", "hidden.csv", *columns), "hidden.csv"),
            (("suite", "show", "hidden.yaml"), "hidden.yaml"),
            (("compare", "old", "sealed"), "sealed"),
        ):
            told = refused(*command)
            assert named in told and "denied" in told
    assert list(Path("locked").iterdir()) == []


def test_paths_that_cannot_be_are_no_defect(refused: Refused, passing: tuple[str, str]) -> None:
    long = "x" * 300
    for command in (
        ("compare", long, "old"),
        ("compare", "old", "new", "-o", long),
        ("compare", "old", "new", "-o", "."),
        ("compare", "old", "new", "-o", "old"),
        ("run", "suite.yaml", "--target", "recorded:old", "-o", long),
        ("run", "suite.yaml", "--target", "recorded:old", "-o", "suite.yaml"),
        ("run", "suite.yaml", "--target", "recorded:old", "-o", "suite.yaml/run"),
        ("gate", "--baseline", long, "--candidate", "new"),
        ("drift", "old", long),
        ("report", long, "-o", "r.html"),
        ("report", "new", "-o", "old"),
        ("init", "suite.yaml"),
        ("suite", "build", "-o", "old"),
    ):
        refused(*command, *["--format", "json"] * (command[0] in {"compare", "gate", "drift"}))
    assert not Path("r.html").exists()


def test_a_changed_run_is_not_resumed_either(aiir: Aiir, passing: tuple[str, str]) -> None:
    copy = changed("old", "copy", seed=5)
    uri = json.loads(Path("old/run.json").read_text())["target"]["uri"]
    said = aiir("run", "suite.yaml", "--target", uri, "-o", copy, "--resume")
    assert said.code == 2 and "the seed" in said.err


@pytest.mark.skipif(sys.platform == "darwin", reason="paths are UTF-8 there")
def test_what_is_not_utf_8_on_the_command_line_is_told_as_that(
    refused: Refused, here: Path
) -> None:
    odd = os.fsdecode(b"caf\xe9")
    for name in (odd, "new"):
        Path(f"{name}.csv").write_text(f"id,ok,run\n1,1,{len(name)}\n2,0,x\n")
    columns = ("--id", "id", "--passed", "ok")
    for command in (
        ("compare", f"{odd}.csv", "new.csv", *columns),
        ("import", "table", f"{odd}.csv", *columns, "-o", "run"),
        ("import", "table", "new.csv", *columns, "--target-name", odd, "-o", "run"),
        ("suite", "from-table", "new.csv", "--id", "id", "--input", "run", "-o", "s.yaml",
         "--check", f"contains:value={odd}"),
    ):  # fmt: skip
        assert r"\udce9" in refused(*command)
    assert not Path("s.yaml").exists()


@pytest.mark.parametrize("given", ["", " "])
@pytest.mark.parametrize(
    "command",
    [
        ("gate", "--baseline", "a", "--candidate", "b", "--mlflow"),
        ("drift", "a.csv", "b.csv", "--mlflow"),
        ("drift", "a.csv", "b.csv", "--tracking-uri"),
        ("demo", "--mlflow"),
        ("track", "push", "--mlflow"),
    ],
)
def test_an_mlflow_that_is_empty_is_refused_before_any_work(
    refused: Refused, command: tuple[str, ...], given: str
) -> None:
    assert "the URI of MLflow is empty" in refused(*command, given)
