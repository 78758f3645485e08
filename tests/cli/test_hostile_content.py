"""Hostile content: outputs, suites, records and servers that attack the reader or the machine."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from command_line import Aiir, console, program, saying, suite
from servers import Answer, Call, ChatServer, completion, error

from aiir_eval.incidents.loading import load_register, shipped_corpus
from aiir_eval.incidents.writing import incident_yaml

# What a terminal obeys, what turns or hides text, and what XML cannot hold.
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff"
    "\ufffe\uffff\U000e0000-\U000e0fff]"
)
TERMINAL = (
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\ "
    "\x9b2J \x9d0;t\x9c over\rwritten \x08\x08\x08 \x00 \x7f \x85 "
)
TURNED = "\u202eesrever\u202c \u2066isolated\u2069 zero\u200bwidth \ufeff \u2028 \U000e0041 \uffff "
ACTIVE = (
    "<script>alert(1)</script><img src=x onerror=alert(1)><svg/onload=alert(1)> "
    "</style></title></textarea></pre><iframe src=javascript:alert(1)></iframe> "
    '"><a href=\'javascript:alert(1)\' onclick="alert(1)">c</a> ]]> &#x3c;b&#x3e; {{7*7}} '
)
MARKUP = (
    "![i](http://evil.example/x.png) [l](javascript:alert(1)) | cell | `code` <!-- c --> @everyone "
    "[bold]rich[/bold]\n\n# heading\n\n| a | b |\n|---|---|\n"
)
EVIL = TERMINAL + TURNED + ACTIVE + MARKUP


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of runs, results and reports in which every text that can be hostile is."""
    from aiir_eval.cli import invoke

    folder = tmp_path_factory.mktemp("hostile")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        checks = [
            {"scorer": "contains", "name": f"wants {EVIL[:300]}", "value": "ok"},
            {"scorer": "not_contains", "name": "n", "value": EVIL[:40]},
        ]
        suite(
            "cases.yaml", n=0,
        )  # fmt: skip
        cases = [
            {
                "id": f"{EVIL[:120]}{n}", "incident_id": f"I{EVIL[:60]}", "cluster": f"k{n % 9}",
                "tags": [EVIL[:90]], "by": {f"by {EVIL[:40]}": EVIL[:50] + "ab"[n % 2]},
                "input": EVIL + str(n), "expected": f"{n}", "checks": checks,
            }
            for n in range(30)
        ]  # fmt: skip
        head = {"schema": "aiir/suite/1", "name": EVIL[:100], "cases_file": "cases.jsonl"}
        Path("cases.yaml").write_text(json.dumps(head))
        Path("cases.jsonl").write_text("".join(f"{json.dumps(case)}\n" for case in cases))
        module = program(
            f"EVIL = {EVIL!r}\n"
            "def old(question):\n    return 'ok ' + question[-3:]\n"
            "def new(question, case_id):\n"
            "    if case_id.endswith('7'):\n        raise RuntimeError(EVIL)\n"
            "    call = {'name': EVIL, 'arguments': {EVIL: EVIL}}\n"
            "    return {'output': EVIL + '\\ud800' + question[-3:], 'tool_calls': [call],\n"
            "            'finish_reason': EVIL, 'model_reported': EVIL}\n"
        )
        names = {name: f"{name} {EVIL[:80]}" for name in ("old", "new")}
        targets = {title: {"uri": f"{module}:{name}"} for name, title in names.items()}
        Path("aiir.yaml").write_text(json.dumps({"schema": "aiir/config/1", "targets": targets}))
        claims = [
            {"name": f"loss {EVIL[:200]}", "non_inferior": {"margin": 0.05}},
            {"name": "none", "max_failures": 0},
        ]
        Path("policy.yaml").write_text(
            json.dumps({"schema": "aiir/policy/1", "max_error_rate": 0.5, "claims": claims})
        )
        for name, title in names.items():
            assert invoke(["run", "cases.yaml", "--target", title, "-o", name]) == 0
        files = "-o v.json --junit j.xml --markdown m.md --html v.html --policy policy.yaml"
        assert invoke(["gate", "--baseline", "old", "--candidate", "new", *files.split()]) == 1
        assert invoke(["compare", "old", "new", "-o", "c.json"]) == 0
        assert invoke(["drift", "old", "new", "-o", "d.json"]) == 0
        for source in ("new", "c.json", "d.json"):
            assert invoke(["report", source, "-o", f"{source}.html"]) == 0
        yield folder


@pytest.fixture
def there(hostile: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(hostile)
    return hostile


SHOWN = {
    "run": ("run", "cases.yaml", "--target", f"new {EVIL[:80]}", "-o", "new", "--resume"),
    "suite show": ("suite", "show", "cases.yaml"),
    "suite lint": ("suite", "lint", "cases.yaml"),
    "compare": ("compare", "old", "new", "--by", f"by {EVIL[:40]}"),
    "gate": ("gate", "--baseline", "old", "--candidate", "new"),
    "gate by policy": (
        "gate", "--baseline", "old", "--candidate", "new", "--policy", "policy.yaml",
    ),
    "drift": ("drift", "old", "new"),
    "unknown target": ("run", "cases.yaml", "--target", "x", "-o", "r"),
    "unknown key": ("compare", "old", "new", "--by", "x"),
    "unknown check": ("compare", "old", "new", "--check", "x"),
    "unknown side": ("gate", "--baseline", "x", "--candidate", "new"),
    "unknown word": (EVIL,),
    "unknown option": ("compare", "old", "new", f"--{EVIL}"),
    "unknown file": ("suite", "show", EVIL[:90].replace("\x00", "")),
}  # fmt: skip


@pytest.mark.parametrize("name", SHOWN)
@pytest.mark.parametrize("format_", ["text", "markdown", "json"])
def test_nothing_that_is_printed_steers_a_terminal_or_turns_text(
    aiir: Aiir, there: Path, name: str, format_: str
) -> None:
    arguments = [argument.replace("\x00", "") for argument in SHOWN[name]]
    if "unknown" not in name:
        arguments = list(SHOWN[name])
    said = aiir(*arguments, "--format", format_)
    for text in (said.out, said.err):
        found = UNSEEN.search(text)
        assert found is None, text[max(0, found.start() - 80) : found.end() + 20]
    if "unknown" in name:
        assert (said.code, said.out) == (2, "")
    elif name not in {"suite lint", "drift"} and format_ == "text":
        assert r"\x1b[31mred" in said.out  # what cannot be seen is shown, and not left out


def test_json_says_exactly_what_was_said_and_a_terminal_may_show_it(
    aiir: Aiir, there: Path
) -> None:
    said = aiir("compare", "old", "new", "--format", "json")
    assert f"wants {EVIL[:300]}" in {check["check"] for check in said.json["checks"]}
    assert UNSEEN.search(said.out) is None


def test_outputs_are_recorded_as_they_came_with_half_characters_replaced(there: Path) -> None:
    from aiir_eval.runs import load_run

    rows = load_run("new").trials.to_pylist()
    said = [row for row in rows if row["error"] is None]
    assert len(said) == 27
    assert {row["output"][:-4] for row in said} == {EVIL}
    assert {row["output"][-4] for row in said} == {"\ufffd"}
    assert json.loads(said[0]["tool_calls"][0]["arguments"]) == {EVIL: EVIL}


def test_junit_is_xml_whatever_was_said(there: Path) -> None:
    root = ET.parse("j.xml").getroot()
    cases = list(root.iter("testcase"))
    assert any(case.get("name", "").startswith(r"loss \x1b[31mred") for case in cases)
    assert UNSEEN.search(Path("j.xml").read_text()) is None


class Page(HTMLParser):
    """What a browser would run, fetch or follow in a page."""

    def __init__(self) -> None:
        super().__init__()
        self.active: list[object] = []
        self.scripts: list[str] = []
        self.policy = ""
        self.shown: list[str] = []
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag
        given = {name: value or "" for name, value in attrs}
        if tag == "script":
            self.scripts.append("")
            self.active += [("script", attrs)] * bool(given)
        if tag == "meta" and given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"]
        elif given.get("http-equiv"):
            self.active.append((tag, attrs))
        if tag in {"iframe", "object", "embed", "base", "form", "img", "video", "audio", "a"}:
            self.active.append((tag, attrs))
        for name, value in given.items():
            leads = name in {"href", "src", "action", "data", "srcset", "poster", "xlink:href"}
            if name.startswith("on") or (name == "style" and "url(" in value):
                self.active.append((tag, name, value))
            if leads and not value.startswith("#") and value != "data:,":
                self.active.append((tag, name, value))

    def handle_data(self, data: str) -> None:
        if self.inside == "script" and self.scripts:
            self.scripts[-1] += data
        self.shown.append(data)

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""


@pytest.mark.parametrize("name", ["v.html", "c.json.html", "new.html", "d.json.html"])
def test_a_page_runs_only_its_own_script_and_fetches_nothing(there: Path, name: str) -> None:
    text = Path(name).read_text()
    page = Page()
    page.feed(text)
    assert page.active == []
    assert "default-src 'none'" in page.policy and "base-uri 'none'" in page.policy
    for script in page.scripts:
        mark = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"script-src 'sha256-{mark}'" in page.policy
        assert "alert(1)" not in script
    assert UNSEEN.search(text) is None
    if name in {"v.html", "new.html"}:
        shown = "".join(page.shown)
        assert "<script>alert(1)</script>" in shown and r"\x1b[31mred" in shown


def test_markdown_holds_no_tags_links_images_or_mentions_of_theirs(there: Path) -> None:
    text = Path("m.md").read_text()
    assert r"x1b" in text and "alert(1)" in text
    outside = re.sub(r"<pre>.*?</pre>", "", text, flags=re.DOTALL)
    inside = "".join(re.findall(r"<pre>(.*?)</pre>", text, flags=re.DOTALL))
    ours = {"<details>", "</details>", "<summary>", "</summary>", "<code>", "</code>", "<pre>",
            "</pre>", "<br>"}  # fmt: skip
    assert set(re.findall(r"</?[a-zA-Z][^>]*>", outside)) <= ours
    assert "<" not in inside
    for attack in ("![", "](", "@everyone", "<!--", "# heading"):
        assert attack not in outside
    for line in outside.splitlines():
        if line.startswith("| "):
            assert line.endswith("|")


def hostile_record(folder: Path, **fields: Any) -> str:
    """A shipped record whose texts are hostile, as a file of its own."""
    incident = load_register(shipped_corpus()).incidents["DPD-2024"]
    data = incident.to_mapping() | {
        "id": "EVIL-1", "title": f"title {EVIL[:150]}", "system": EVIL, "observed_output": EVIL,
        "triggering_input": EVIL, "downstream_impact": EVIL, "sources": ["https://example.com/a"],
    } | fields  # fmt: skip
    (folder / "EVIL-1.yaml").write_text(json.dumps(data))
    return str(folder / "EVIL-1.yaml")


@pytest.mark.parametrize("format_", ["text", "markdown", "json"])
def test_the_text_of_a_record_is_shown_and_does_nothing(
    aiir: Aiir, here: Path, format_: str
) -> None:
    record = hostile_record(here)
    for arguments in (("show", record), ("list", "--incidents", here), ("validate", record)):
        said = aiir("incident", *arguments, "--format", format_)
        assert said.code == 0, said.err
        assert UNSEEN.search(said.out + said.err) is None
    assert aiir("report", record, "-o", "r.html").code == 0
    page = Page()
    page.feed(Path("r.html").read_text())
    assert [found for found in page.active if "https://example.com/a" not in str(found)] == []


def test_a_record_written_from_hostile_rows_reads_back_the_same(aiir: Aiir, here: Path) -> None:
    row = {"id": "7", "input": EVIL, "output": EVIL + "\u2029\x1c end ", "model": "m: *x &y !!z"}
    Path("log.jsonl").write_text(json.dumps(row) + "\n")
    said = aiir(
        "incident", "new", "--from", "log.jsonl#7", "--class", "hallucination", "-o", "n.yaml"
    )
    assert said.code == 0, said.err
    from aiir_eval.documents import read_document

    data = read_document("n.yaml").data
    assert data["triggering_input"] == EVIL.strip() or data["triggering_input"] == EVIL
    assert data["observed_output"].startswith(EVIL)
    assert data["model"] == "m: *x &y !!z"


# ---- code that nobody allowed


@pytest.fixture
def trap(here: Path) -> str:
    """A module that leaves a mark when it is imported."""
    return program("open('mark', 'w').close()\ndef score(answer):\n    return True\n") + ":score"


def test_no_suite_record_or_import_makes_a_python_scorer_run(
    aiir: Aiir, here: Path, trap: str
) -> None:
    cases = suite(n=3, checks=[{"scorer": trap}])
    Path("t.csv").write_text("id,said\nc00,ok\nc01,ok\nc02,ok\n")
    said = aiir("run", cases, "--target", saying("ok"), "-o", "run", "--format", "json")
    assert said.code == 2 and said.out == "" and "a suite may not decide to run it" in said.err
    assert "suite.yaml:1: c00: check" in said.err and f"--allow-scorer {trap}" in said.err
    assert not Path("run").exists()
    said = aiir("suite", "lint", cases, "--format", "json")
    assert said.code == 1 and "a suite may not decide" in said.json[0]["message"]
    columns = ("--id", "id", "--output", "said", "--suite", cases)
    assert aiir("import", "table", "t.csv", *columns, "-o", "imported").code == 2
    assert aiir("suite", "show", cases).code == 0
    assert not Path("mark").exists()
    assert (
        aiir("run", cases, "--target", saying("ok"), "-o", "run", "--allow-scorer", trap).code == 0
    )
    assert Path("mark").exists()
    assert aiir("gate", "--baseline", "run", "--candidate", "run", "--aa").code == 3


def test_no_record_makes_a_python_scorer_run(aiir: Aiir, here: Path, trap: str) -> None:
    incident = load_register(shipped_corpus()).incidents["DPD-2024"]
    text = incident_yaml(incident)
    swapped = re.sub(r"scorer: \w+", f"scorer: '{trap}'", text)
    assert swapped != text
    Path("corpus").mkdir()
    Path("corpus/DPD-2024.yaml").write_text(swapped)
    built = aiir("suite", "build", "--incidents", "corpus", "-o", "built.yaml")
    assert built.code == 2 and not Path("built.yaml").exists()
    aiir("incident", "validate", "corpus")
    aiir("incident", "show", "DPD-2024", "--incidents", "corpus")
    for name in ("old", "new"):
        aiir("run", suite(), "--target", saying(f"ok {name}"), "-o", name)
    aiir("gate", "--baseline", "old", "--candidate", "new", "--incidents", "corpus")
    assert not Path("mark").exists()


def test_a_schema_that_would_be_fetched_is_refused(
    aiir: Aiir, here: Path, chat_server: ChatServer
) -> None:
    for reference in (f"{chat_server.url}/schema.json", "file:///etc/hostname"):
        check = {"scorer": "json_schema", "schema": {"$ref": reference}}
        said = aiir("run", suite(n=1, checks=[check]), "--target", saying("1"), "-o", "run")
        assert said.code == 2 and "would have to be fetched" in said.err
    assert chat_server.calls == []


@pytest.mark.parametrize(
    "where",
    [
        "id IN (SELECT column0 FROM read_csv('/etc/passwd'))",
        "read_csv('secret.csv') IS NULL",
        "read_text('secret.csv') = 'x'",
        "EXISTS (FROM 'secret.csv')",
        "true; ATTACH 'stolen.db'",
        "true); COPY (SELECT 1) TO 'stolen.csv'; SELECT (true",
        "ATTACH 'stolen.db'",
        "COPY t TO 'stolen.csv'",
        "ok = (SELECT 1)",
        "list_filter([1], x -> EXISTS (SELECT 1)) = [1]",
        "ok = 1 UNION SELECT 1",
        "getenv('HOME') IS NOT NULL",
        "install 'httpfs'",
        "true --",
        "ok",
        "nothing = 1",
        "",
    ],
)
def test_where_reads_and_writes_nothing_but_its_table(
    refused: Callable[..., str], here: Path, where: str
) -> None:
    Path("secret.csv").write_text("column0\nsecret\n")
    Path("t.csv").write_text("id,ok\n1,1\n2,0\n")
    before = sorted(os.listdir())
    if where == "true --":
        where = "true -- \n) SELECT ("
    said = refused(
        "import", "table", "t.csv", "--id", "id", "--passed", "ok", "--where", where, "-o", "r"
    )
    assert said.startswith("error: t.csv: where: ")
    assert sorted(os.listdir()) == before


# ---- paths


def test_a_suite_reaches_no_file_outside_its_folder(
    refused: Callable[..., str], here: Path
) -> None:
    case = json.dumps({"id": "a", "input": "x", "checks": [{"scorer": "contains", "value": "k"}]})
    Path("outside.jsonl").write_text(case)
    Path("in").mkdir()
    Path("in/link.jsonl").symlink_to(here / "outside.jsonl")
    for name in ("../outside.jsonl", str(here / "outside.jsonl"), "link.jsonl", "../../x"):
        head = f"schema: aiir/suite/1\nname: s\ncases_file: {name}\n"
        Path("in/suite.yaml").write_text(head)
        said = refused("suite", "show", "in/suite.yaml")
        assert "in/suite.yaml:3: cases_file: must lie in the folder of the suite" in said
    Path("in/suite.yaml").write_text("schema: aiir/suite/1\nname: s\ncases_file: .\n")
    assert "this is a folder, not a file" in refused("suite", "show", "in/suite.yaml")


def test_a_run_reaches_no_file_outside_its_folder(
    refused: Callable[..., str], recorded: Callable[..., str]
) -> None:
    run = recorded("run", [1, 0, 1])
    manifest = json.loads(Path("run/run.json").read_text())
    for name in ("../run.csv", "/etc/hostname", "trials.parquet/../../run.csv"):
        files = {**manifest["files"], name: "0" * 64}
        Path("run/run.json").write_text(json.dumps({**manifest, "files": files}))
        assert "is no file of a run" in refused("compare", run, run)


def test_the_id_of_a_record_is_no_path(refused: Callable[..., str], here: Path) -> None:
    Path("log.csv").write_text("id,input,output\n1,a,b\n")
    for name in ("../../evil", "a/b", ".hidden", "a\x1bb"):
        assert "id" in refused("incident", "new", "--from", "log.csv#1", "--id", name)
    assert sorted(os.listdir()) == ["log.csv"]


def test_a_prompt_of_the_users_own_may_lie_anywhere(
    aiir: Aiir, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("prompt.txt").write_text("Say ok.")
    Path("project").mkdir()
    monkeypatch.chdir("project")
    target = program("def answer(question, prompt):\n    return 'ok ' + prompt\n") + ":answer"
    targets = {"a": {"uri": target, "prompt": {"file": "../prompt.txt"}}}
    Path("aiir.yaml").write_text(json.dumps({"schema": "aiir/config/1", "targets": targets}))
    said = aiir("run", suite(), "--target", "a", "-o", "run", "--format", "json")
    assert (said.code, said.json["target"]["prompt"]) == (0, "Say ok.")


# ---- what others print


def test_stdout_is_only_json_though_target_scorer_and_library_print(here: Path) -> None:
    scorer = program("print('SCORER')\ndef score(answer):\n    print('SCORED')\n    return True\n")
    target = program(
        "import os, subprocess\nprint('IMPORTED')\n"
        "def answer(question):\n"
        "    print('PRINTED')\n    os.write(1, b'WRITTEN\\n')\n"
        "    subprocess.run(['echo', 'STARTED'])\n    return 'ok'\n"
    )
    cases = suite(n=2, checks=[{"scorer": f"{scorer}:score"}])
    arguments = ("--target", f"{target}:answer", "--allow-scorer", f"{scorer}:score")
    process = console("run", cases, *arguments, "-o", "run", "--format", "json")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert json.loads(out)["status"] == "complete"
    for word in (b"IMPORTED", b"PRINTED", b"WRITTEN", b"STARTED", b"SCORER", b"SCORED"):
        assert word in err and word not in out


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise RuntimeError('at import')", "RuntimeError: at import"),
        ("import sys\nsys.exit(0)", "SystemExit"),
        ("import no_such_module", "no_such_module"),
        ("def answer(:", ".py:1: not valid Python"),
        ("answer = 3", "answer is not a function"),
        ("", "has no answer"),
        ("def answer():\n    return 'ok'", "takes no input"),
        ("def answer(question, other):\n    return 'ok'", "needs the argument 'other'"),
    ],
)
def test_a_target_that_cannot_be_used_is_refused_before_anything_is_run(
    refused: Callable[..., str], here: Path, code: str, said: str
) -> None:
    target = f"{program(code)}:answer"
    assert said in refused("run", suite(), "--target", target, "-o", "run", "--format", "json")
    assert not Path("run").exists()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("import sys; sys.exit(0)", "SystemExit: 0"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("return None", "the target returned None"),
        ("return 5", "of type int"),
        ("return {'outptu': 'x'}", "unknown field 'outptu'"),
        ("return 'x' * 2_000_000", "the limit is"),
        ("return answer(question)", "RecursionError"),
        ("return {'output': 'x', 'usage': {'cost_usd': float('nan')}}", "cost_usd is nan"),
        ("yield 'ok'", "of type generator"),
    ],
)
def test_a_target_that_misbehaves_makes_error_rows_and_never_a_hole(
    aiir: Aiir, here: Path, body: str, said: str
) -> None:
    target = program(f"def answer(question):\n    {body}\n") + ":answer"
    done = aiir("run", suite(n=3), "--target", target, "-o", "run", "--format", "json")
    assert (done.code, done.json["n_rows"]) == (0, 3)
    assert said in done.json["problems"][0]
    assert aiir("gate", "--baseline", "run", "--candidate", "run", "--aa").code == 4


def test_code_that_exits_decides_no_exit_code(aiir: Aiir, here: Path) -> None:
    scorer = program("import sys\ndef score(answer):\n    sys.exit(0)\n") + ":score"
    cases = suite(n=3, checks=[{"scorer": scorer}])
    for name in ("old", "new"):
        target = saying(f"ok {name}")
        assert (
            aiir("run", cases, "--target", target, "--allow-scorer", scorer, "-o", name).code == 0
        )
    gate = ("gate", "--baseline", "old", "--candidate")
    assert aiir(*gate, "new").code == 4
    assert aiir(*gate, saying("ok"), "--suite", cases, "--allow-scorer", scorer).code == 4
    leaving = program("import sys\nclass Answer:\n    def __call__(self, question):\n"
                      "        return 'ok'\n    @property\n    def __signature__(self):\n"
                      "        sys.exit(0)\nanswer = Answer()\n")  # fmt: skip
    said = aiir(*gate, f"{leaving}:answer", "--suite", cases, "--allow-scorer", scorer)
    assert said.code == 2 and "sys.exit(0)" in said.err


# ---- keys

KEY, OTHER_KEY = "sk-secret-0123456789abcdefghij", "hf_another_secret_0123456789"
PASSWORD = "hunter2-pässwörd"
SENT = base64.b64encode(f"user:{PASSWORD}".encode()).decode()  # in the header of a request


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def leaks(texts: dict[str, bytes]) -> list[tuple[str, str]]:
    secrets = [KEY, OTHER_KEY, PASSWORD, quote(PASSWORD), "hunter2", SENT]
    return [
        (place, secret)
        for place, text in texts.items()
        for secret in secrets
        if secret.encode() in text or secret.encode("utf-16-le") in text
    ]


def telltale(call: Call) -> Answer:
    """A server that repeats the key it was sent wherever it can."""
    key = call.headers["authorization"].partition(" ")[2]
    if call.number % 5 == 4:
        return error(400, f"Incorrect request with key {key} at http://u:{PASSWORD}@host/")
    call_of_tool = [("send", json.dumps({"key": key}))] if call.number % 5 == 3 else []
    said = completion(
        f"ok, your key is {key}", tool_calls=call_of_tool, model=f"m {key}",
        finish_reason=f"stop {key}",
    )  # fmt: skip
    body = json.loads(said.body) | {"system_fingerprint": f"fp {key}"}
    return Answer(200, json.dumps(body).encode())


def test_keys_and_passwords_are_written_nowhere(
    aiir: Aiir, here: Path, monkeypatch: pytest.MonkeyPatch, chat_server: ChatServer
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("SECOND_KEY", OTHER_KEY)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    chat_server.answer = telltale
    cases, said = suite(n=12), {}
    for name, url, *options in (
        ("old", chat_server.url),
        ("new", chat_server.url, "--api-key-env", "SECOND_KEY"),
        ("proxy", chat_server.url.replace("http://", f"http://user:{quote(PASSWORD)}@")),
    ):
        options += ["--param", f"user={name}", "-o", name]
        done = aiir("run", cases, "--target", "openai:m", "--base-url", url, *options)
        assert done.code == 0, done.err
        said[f"run {name}"] = (done.out + done.err).encode()
    sent = {call.headers["authorization"] for call in chat_server.calls}
    assert sent == {f"Bearer {KEY}", f"Bearer {OTHER_KEY}", f"Basic {SENT}"}
    Path("policy.yaml").write_text(
        "schema: aiir/policy/1\nmax_error_rate: 0.9\nclaims: [{name: x, max_failures: 0}]\n"
    )
    done = aiir(
        "gate", "--baseline", "old", "--candidate", "new", "--policy", "policy.yaml",
        "-o", "v.json", "--junit", "j.xml", "--html", "v.html", "--markdown", "m.md",
        "--mlflow", "mlflow",
    )  # fmt: skip
    assert done.code == 1, done.err
    said["gate"] = (done.out + done.err).encode()
    assert len(list(Path("mlflow").rglob("*"))) > 30  # as files, which can be searched
    assert leaks(said | files_of(here)) == []


def test_a_refused_key_and_a_wrong_address_are_told_without_the_secret(
    aiir: Aiir, here: Path, monkeypatch: pytest.MonkeyPatch, chat_server: ChatServer
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    chat_server.answer = [error(401, f"Incorrect API key provided: {KEY}.")]
    url = f"http://user:{quote(PASSWORD)}@127.0.0.1"
    cases = suite()
    for code, options in (
        (5, ("--base-url", f"{url}:{chat_server.port}/v1")),
        (5, ("--base-url", f"{url}:9/v1")),
        (2, ("--base-url", f"{url}:port/v1")),
        (2, ("--base-url", f"ftp://user:{PASSWORD}@host/v1")),
        (2, ("--param", f"api_key={KEY}")),
        (2, ("--param", f"extra_headers={{Authorization: Bearer {OTHER_KEY}}}")),
        (2, ("--api-key-env", KEY)),
    ):
        said = aiir("run", cases, "--target", "openai:m", *options, "-o", "run", "--format", "json")
        assert (said.code, said.out) == (code, ""), options
        assert leaks({"said": said.err.encode(), **files_of(here)}) == [], said.err
        for path in Path("run").glob("*"):
            path.unlink()


@pytest.mark.parametrize(
    "field",
    [
        f"api_key_env: {KEY}",
        f"base_url: 'htp://user:{PASSWORD}@host'",
        f"params: {{api_key: {OTHER_KEY}}}",
        f"params: {{a: [{{token: {OTHER_KEY}}}]}}",
        f"password: {PASSWORD}",
        f"version: {KEY}",
        f"params: {{x: ghp_{'0' * 22}{KEY[-14:]}}}",
    ],
)
def test_a_secret_in_aiir_yaml_is_refused_and_not_repeated(
    refused: Callable[..., str], here: Path, field: str
) -> None:
    Path("aiir.yaml").write_text(
        f"schema: aiir/config/1\ntargets:\n  a:\n    uri: openai:m\n    {field}\n", "utf-8"
    )
    said = refused("run", suite(), "--target", "a", "-o", "run")
    assert said.startswith("error: aiir.yaml:5: targets.a.")
    assert leaks({"said": said.encode()}) == [] and "ghp_" not in said


def test_what_a_target_raises_is_recorded_without_the_key_in_it(aiir: Aiir, here: Path) -> None:
    target = program(
        f"def answer(question):\n    raise RuntimeError('{KEY} at https://u:{PASSWORD}@h/ '\n"
        f"        'Authorization: Bearer {OTHER_KEY}')\n"
    )
    Path("run").mkdir()
    said = aiir("run", suite(n=2), "--target", f"{target}:answer", "-o", "run")
    assert said.code == 0
    written = {**files_of(here / "run"), "said": (said.out + said.err).encode()}
    from aiir_eval.runs import load_run

    assert "[redacted]" in load_run("run").trials["error"][0].as_py()
    assert leaks(written) == []


def test_a_run_that_is_stopped_leaves_no_key_in_its_journal(
    here: Path, monkeypatch: pytest.MonkeyPatch, chat_server: ChatServer
) -> None:
    chat_server.answer = telltale
    url = chat_server.url.replace("http://", f"http://user:{quote(PASSWORD)}@")
    process = console(
        "run", suite(n=400), "--target", "openai:m", "--base-url", url, "-o", "run",
        "--concurrency", "2", env={"OPENAI_API_KEY": KEY}, stderr=subprocess.STDOUT,
    )  # fmt: skip
    journal = Path("run/trials.jsonl")
    while not (journal.exists() and journal.read_bytes().count(b"\n") > 10):
        assert process.poll() is None
    process.send_signal(2)
    said = process.communicate(timeout=60)[0]
    assert process.returncode == 130
    assert b"resume with: aiir run suite.yaml --target openai:m --base-url" in said
    assert leaks({"said": said, **files_of(here / "run")}) == []
